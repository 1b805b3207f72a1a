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
	var faults []Fault
	literal := func(t string) {
		if n := len(m.parts); n > 0 && m.parts[n-1].letter == 0 {
			m.parts[n-1].literal += t
			return
		}
		m.parts = append(m.parts, macroPart{literal: t})
	}
	for i := 0; i < len(s); {
		next := strings.IndexByte(s[i:], '%')
		if next < 0 {
			literal(s[i:])
			break
		}
		if next > 0 {
			literal(s[i : i+next])
			i += next
		}
		part, n, reason := parseMacro(s[i:], explanation)
		switch {
		case reason != "":
			faults = append(faults, Fault{Reason: reason, Offset: i, Length: n})
		case part.letter == 0:
			literal(part.literal)
		default:
			m.parts = append(m.parts, part)
		}
		i += n
		m.macroLast = i == len(s)
	}
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

// A maxExpansion bounds what an expansion may grow to, in bytes.
const maxExpansion = 1 << 16

// expand replaces each macro by what value says of its letter. Text beyond
// maxExpansion is lost at the left if tail is set, where names are cut anyway;
// otherwise ok is false.
func (m MacroString) expand(value func(letter byte) string, tail bool) (s string, ok bool) {
	var b []byte
	for _, p := range m.parts {
		if p.letter == 0 {
			b = append(b, p.literal...)
		} else {
			b = append(b, p.apply(value(p.letter))...)
		}
		if len(b) > maxExpansion {
			if !tail {
				return "", false
			}
			b = append(b[:0], b[len(b)-maxExpansion/2:]...)
		}
	}
	return string(b), true
}

// apply transforms the value of a macro (RFC 7208 section 7.3).
func (p macroPart) apply(value string) string {
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
	value = strings.Join(fields, ".")
	if p.escape {
		return escapeURL(value)
	}
	return value
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
