package report

import (
	"fmt"
	"strings"
)

// The room for one foreign value.
const (
	maxValue  = 255  // columns inside a sentence: a domain name in full, and no record
	maxList   = 1000 // columns of a list inside a sentence
	maxRecord = 4000 // octets of a record to copy
)

// listSeparator stands between the items of a parameter that is a list.
const listSeparator = ", "

// blanks calls f with the name of every blank of a text and returns the text
// with the results in their places. A blank is a lower-case name in braces; a
// percent sign before it makes it a macro of SPF (RFC 7208 section 7), which is
// no blank.
func blanks(text string, f func(name string) string) string {
	var b strings.Builder
	for rest := text; ; {
		open := strings.IndexByte(rest, '{')
		if open < 0 {
			b.WriteString(rest)
			return b.String()
		}
		b.WriteString(rest[:open])
		macro := open > 0 && rest[open-1] == '%'
		rest = rest[open:]
		end := strings.IndexByte(rest, '}')
		if macro || end < 0 || !blankName(rest[1:end]) {
			b.WriteByte('{')
			rest = rest[1:]
			continue
		}
		b.WriteString(f(rest[1:end]))
		rest = rest[end+1:]
	}
}

func blankName(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_-") == ""
}

// fill puts values into the blanks of a text. A value that is not there is
// shown as a question mark.
func fill(text string, values map[string]string) string {
	return blanks(text, func(name string) string {
		if v, ok := values[name]; ok {
			return v
		}
		return "?"
	})
}

// fillCopy is fill for a Fix: in a line to copy, a parameter alone in quotation
// marks is a record, which stands there in full as a zone file has it.
func fillCopy(text string, values, params map[string]string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		before, rest, _ := strings.Cut(line, `"{`)
		name, after, ok := strings.Cut(rest, `}"`)
		record, given := params[name]
		if !ok || !given || !strings.HasPrefix(line, codeIndent) {
			lines[i] = fill(line, values)
			continue
		}
		lines[i] = fill(before, values) + zoneText(record) + fill(after, values)
	}
	return strings.Join(lines, "\n")
}

// zoneText writes the text of a TXT record as a zone file has it: in strings of
// at most 255 octets (RFC 1035 section 3.3), with escapes for what is not
// printable ASCII (section 5.1). One that is too long is cut, and can be seen to
// be.
func zoneText(text string) string {
	if len(text) > maxRecord {
		return `"` + Cut(text, maxValue) + `"`
	}
	const maxString = 255
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(text) {
		if i > 0 && i%maxString == 0 {
			b.WriteString(`" "`)
		}
		switch c := text[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, `\%03d`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// values makes params, which are foreign, ready to be put into a sentence.
// Those that words names are codes, and become phrases.
func (l Lang) values(domain, subject string, params map[string]string, words ...string) map[string]string {
	out := make(map[string]string, len(params)+2)
	for name, v := range params {
		out[name] = Cut(v, maxValue)
	}
	for _, name := range words {
		if phrase, ok := l.lookup(name + "." + params[name]); ok {
			out[name] = phrase
		}
	}
	out["domain"], out["subject"] = Cut(domain, maxValue), Cut(subject, maxValue)
	return out
}

// typography sets a non-breaking space where French wants one, before : ; ! ?
// and inside « », and the apostrophe of print. Text in backquotes and lines to copy stay as they are.
func typography(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, codeIndent) {
			continue
		}
		parts := strings.Split(line, "`")
		for j := 0; j < len(parts); j += 2 {
			for _, pair := range frenchSpaces {
				parts[j] = strings.ReplaceAll(parts[j], pair[0], pair[1])
			}
		}
		lines[i] = strings.Join(parts, "`")
	}
	return strings.Join(lines, "\n")
}

// frenchSpaces pairs what is written in a page with what is printed.
var frenchSpaces = [][2]string{
	{" :", "\u00a0:"},
	{" ;", "\u00a0;"},
	{" !", "\u00a0!"},
	{" ?", "\u00a0?"},
	{"« ", "«\u00a0"},
	{" »", "\u00a0»"},
	{"'", "’"},
}
