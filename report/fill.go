package report

import "strings"

// maxValue is the room in columns for one foreign value inside a sentence: a
// domain name in full, and no record.
const maxValue = 255

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
