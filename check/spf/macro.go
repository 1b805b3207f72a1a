package spf

import (
	"slices"
	"strings"
)

// A MacroString is text with macros in it (RFC 7208 section 7.1). The zero
// value is empty.
type MacroString struct {
	Text      string // as written
	parts     []macroPart
	macroLast bool // the text ends in a macro-expand, %% and its like included
}

// A macroPart is literal text, or one macro where letter is not zero.
type macroPart struct {
	literal    string
	letter     byte   // in lower case
	escape     bool   // the letter was written in upper case: escape for URLs
	keep       int    // how many parts of the value stay, from the right; 0 for all
	reverse    bool   // parts in reverse order
	delimiters string // where the value is split; "." where none is given
}

// Letters returns the macro letters in lower case, in order, with repetitions.
func (m MacroString) Letters() string {
	var b strings.Builder
	for _, p := range m.parts {
		if p.letter != 0 {
			b.WriteByte(p.letter)
		}
	}
	return b.String()
}

// Dynamic reports whether the expansion depends on the message: on anything
// but %{d}, and %{o}, which is the domain at which the evaluation began.
func (m MacroString) Dynamic() bool {
	return strings.Trim(m.Letters(), "do") != ""
}

const (
	macroLetters    = "slodiphcrtv"
	macroExpLetters = "crt"
	macroDelimiters = ".-+,/_="
	maxKeep         = 1 << 10 // more parts than any value has
)

// parseMacroString takes s apart. The faults have offsets in s and no term.
// In an explanation the letters c, r and t are allowed.
func parseMacroString(s string, explanation bool) (MacroString, []Fault) {
	m := MacroString{Text: s}
	if s != "" && strings.IndexByte(s, '%') < 0 {
		m.parts = []macroPart{{literal: s}}
		return m, nil
	}
	var faults []Fault
	var literal []byte // since the last macro
	flush := func() {
		if len(literal) > 0 {
			m.parts = append(m.parts, macroPart{literal: string(literal)})
			literal = nil
		}
	}
	for i := 0; i < len(s); {
		if s[i] != '%' {
			end := len(s)
			if n := strings.IndexByte(s[i:], '%'); n >= 0 {
				end = i + n
			}
			literal = append(literal, s[i:end]...)
			i = end
			continue
		}
		part, n, reason := parseMacro(s[i:], explanation)
		switch {
		case reason != "":
			faults = append(faults, Fault{Reason: reason, Offset: i, Length: n})
		case part.letter == 0:
			literal = append(literal, part.literal...)
		default:
			flush()
			m.parts = append(m.parts, part)
		}
		i += n
		m.macroLast = i == len(s)
	}
	flush()
	return m, faults
}

// parseMacro reads the macro-expand at the start of s, which is a per cent
// sign, and returns its length, at least 1.
func parseMacro(s string, explanation bool) (p macroPart, n int, reason Reason) {
	if len(s) < 2 {
		return p, 1, ReasonBadMacro
	}
	switch s[1] {
	case '%':
		return macroPart{literal: "%"}, 2, ""
	case '_':
		return macroPart{literal: " "}, 2, ""
	case '-':
		return macroPart{literal: "%20"}, 2, ""
	case '{':
	default:
		return p, 2, ReasonBadMacro
	}
	end := strings.IndexByte(s, '}')
	if end < 0 {
		return p, len(s), ReasonMacroOpen
	}
	n = end + 1
	body := s[2:end]
	if body == "" {
		return p, n, ReasonBadMacro
	}
	p.letter = body[0] | 0x20
	p.escape = body[0] != p.letter
	if strings.IndexByte(macroLetters, p.letter) < 0 {
		return p, n, ReasonMacroLetter
	}
	if !explanation && strings.IndexByte(macroExpLetters, p.letter) >= 0 {
		return p, n, ReasonMacroExpOnly
	}
	body = body[1:]
	digits := len(body) - len(strings.TrimLeft(body, "0123456789"))
	for _, c := range []byte(body[:digits]) {
		p.keep = min(p.keep*10+int(c-'0'), maxKeep)
	}
	if digits > 0 && p.keep == 0 {
		return p, n, ReasonMacroZero
	}
	body = body[digits:]
	if body != "" && body[0]|0x20 == 'r' {
		p.reverse = true
		body = body[1:]
	}
	if strings.Trim(body, macroDelimiters) != "" {
		return p, n, ReasonBadMacro
	}
	p.delimiters = body
	if body == "" {
		p.delimiters = "."
	}
	return p, n, ""
}

// maxExpansion bounds what an explanation may grow to, in bytes.
const maxExpansion = 1 << 16

// expand replaces each macro by what value says of its letter. It reports false
// if the text grows beyond maxExpansion.
func (m MacroString) expand(value func(letter byte) string) (string, bool) {
	var b []byte
	for _, p := range m.parts {
		b = append(b, p.expand(value)...)
		if len(b) > maxExpansion {
			return "", false
		}
	}
	return string(b), true
}

// expandName replaces macros as expand does and makes the result fit a name
// (RFC 7208 section 7.3). It begins at the right and expands no more than fits.
func (m MacroString) expandName(value func(letter byte) string) string {
	var texts []string
	length := 0
	for _, p := range slices.Backward(m.parts) {
		text := p.expand(value)
		texts = append(texts, text)
		if length += len(text); length > maxName+1 { // and a final dot
			break
		}
	}
	slices.Reverse(texts)
	return fit(strings.Join(texts, ""))
}

func (p macroPart) expand(value func(letter byte) string) string {
	if p.letter == 0 {
		return p.literal
	}
	return p.apply(value(p.letter))
}

// apply transforms the value of a macro (RFC 7208 section 7.3).
func (p macroPart) apply(value string) string {
	if p.keep > 0 || p.reverse || p.delimiters != "." {
		value = p.rearrange(value)
	}
	if p.escape {
		return escapeURL(value)
	}
	return value
}

// rearrange splits a value, and joins with dots the parts that stay.
func (p macroPart) rearrange(value string) string {
	var fields []string
	start := 0
	for i := range len(value) {
		if strings.IndexByte(p.delimiters, value[i]) >= 0 {
			fields = append(fields, value[start:i])
			start = i + 1
		}
	}
	fields = append(fields, value[start:])
	if p.reverse {
		slices.Reverse(fields)
	}
	if p.keep > 0 && p.keep < len(fields) {
		fields = fields[len(fields)-p.keep:]
	}
	return strings.Join(fields, ".")
}

// escapeURL escapes all but the unreserved characters (RFC 7208 section 7.3,
// RFC 3986 section 2.3).
func escapeURL(s string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if isAlpha(c) || isDigit(c) || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(digits[c>>4])
		b.WriteByte(digits[c&15])
	}
	return b.String()
}

func isAlpha(c byte) bool { c |= 0x20; return 'a' <= c && c <= 'z' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }
