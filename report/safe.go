package report

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// Foreign is text that somebody else wrote: a record, a greeting, the name in a
// certificate. Printed with a verb of fmt or by a template it comes out as Safe
// makes it; in JSON it is what it was.
type Foreign string

// String returns f as Safe makes it.
func (f Foreign) String() string { return Safe(string(f)) }

// MaxMarks is the number of combining marks that may follow one another in a
// safe text; a Latin letter with all its accents needs two.
const MaxMarks = 4

// Safe returns s fit for a terminal, a log and a reader: what would be invisible,
// move the cursor or turn the direction of writing is shown as \x1b, \u202e or
// \U000e0041, and a byte that is not UTF-8 as \xff. Nothing is left out, and a
// backslash stays as it is, so that Safe(Safe(s)) is Safe(s).
func Safe(s string) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	for u := range cells(s) {
		b.WriteString(u)
	}
	return b.String()
}

// minCut is the least room that Cut works in, in columns.
const minCut = 16

// Cut is Safe for a place of limit columns, at least 16 of them. What does
// not fit is replaced by "…(+N)", where N counts the characters left out.
func Cut(s string, limit int) string {
	return cut(s, max(limit, minCut), func(left int) string { return fmt.Sprintf("…(+%d)", left) })
}

// cut is Cut with a mark of another form, for which the limit leaves room. The
// mark for more characters is not shorter.
func cut(s string, limit int, mark func(left int) string) string {
	total, columns := 0, 0
	for u := range cells(s) {
		total++
		columns += displayWidth(u)
	}
	if columns <= limit {
		return Safe(s)
	}
	room := limit - displayWidth(mark(total))
	var b strings.Builder
	kept := 0
	columns = 0
	for u := range cells(s) {
		columns += displayWidth(u)
		if columns > room {
			break
		}
		b.WriteString(u)
		kept++
	}
	return b.String() + mark(total-kept)
}

// plain reports whether s is printable ASCII throughout.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// cells yields the characters of s one by one, each as Safe shows it.
func cells(s string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		marks := MaxMarks // a mark in front would join a character of ours
		for len(s) > 0 {
			r, n := utf8.DecodeRuneInString(s)
			shown := s[:n]
			switch {
			case r == utf8.RuneError && n == 1:
				shown, marks = fmt.Sprintf(`\x%02x`, s[0]), 0
			case hidden(r), r != ' ' && unicode.Is(unicode.Zs, r):
				shown, marks = escape(r), 0
			case !unicode.IsMark(r):
				marks = 0
			case marks >= MaxMarks:
				shown = escape(r)
			default:
				marks++
			}
			if !yield(shown) {
				return
			}
			s = s[n:]
		}
	}
}

// hidden reports whether r has no shape of its own or changes how others are
// shown: controls, line and paragraph separators, bidirectional controls, zero
// width, tags, fillers, variation selectors, private use and unassigned.
func hidden(r rune) bool {
	return !unicode.IsGraphic(r) ||
		unicode.Is(unicode.Variation_Selector, r) ||
		unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
}

func escape(r rune) string {
	switch {
	case r < utf8.RuneSelf:
		return fmt.Sprintf(`\x%02x`, r)
	case r <= 0xffff:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}

// displayWidth returns the columns that s takes on a terminal: two for East
// Asian wide characters, none for combining marks (Unicode Standard Annex 11).
func displayWidth(s string) int {
	columns := 0
	for _, r := range s {
		switch {
		case r < utf8.RuneSelf:
			columns++
		case unicode.In(r, unicode.Mn, unicode.Me):
		default:
			columns++
			if k := width.LookupRune(r).Kind(); k == width.EastAsianWide || k == width.EastAsianFullwidth {
				columns++
			}
		}
	}
	return columns
}
