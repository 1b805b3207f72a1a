package report

import (
	"io"
	"strings"

	"github.com/fatih/color"
)

// The widths of a page, in columns.
const (
	defaultWidth = 80
	minWidth     = 40
	maxWidth     = 120
)

// A printer collects a page of text for one writer.
type printer struct {
	Options
	lang  Lang
	width int
	paint palette
	page  strings.Builder
}

func newPrinter(o Options) *printer {
	p := &printer{Options: o, lang: o.Lang, width: o.Width, paint: newPalette(o.Color)}
	if p.width == 0 {
		p.width = defaultWidth
	}
	p.width = min(max(p.width, minWidth), maxWidth)
	return p
}

// A palette holds colours that can be read on a light and on a dark ground.
type palette struct {
	bold, dim, bad, fair, good, mild *color.Color
}

func newPalette(on bool) palette {
	paint := func(a ...color.Attribute) *color.Color {
		c := color.New(a...)
		if on {
			c.EnableColor()
		} else {
			c.DisableColor()
		}
		return c
	}
	return palette{
		bold: paint(color.Bold),
		dim:  paint(color.Faint),
		bad:  paint(color.Bold, color.FgRed),
		fair: paint(color.Bold, color.FgMagenta),
		good: paint(color.Bold, color.FgGreen),
		mild: paint(color.Bold, color.FgCyan),
	}
}

func (c palette) severity(s Severity) *color.Color {
	switch s {
	case Critical, Error:
		return c.bad
	case Warning:
		return c.fair
	}
	return c.mild
}

// grade returns the colour of a grade.
func (c palette) grade(grade string) *color.Color {
	switch grade {
	case "A", "B":
		return c.good
	case "C", "D":
		return c.fair
	}
	return c.bad
}

// flush writes the page in one piece.
func (p *printer) flush(w io.Writer) error {
	_, err := io.WriteString(w, p.page.String())
	return err
}

func (p *printer) line(s string) {
	p.page.WriteString(strings.TrimRight(s, " "))
	p.page.WriteByte('\n')
}

func (p *printer) blank() { p.page.WriteByte('\n') }

// heading prints the heading of a section after an empty line.
func (p *printer) heading(code string) {
	p.blank()
	p.line(p.paint.bold.Sprint(p.lang.word("head", code)))
}

// wrapped prints a paragraph behind first, and its further lines behind rest,
// which is as wide.
func (p *printer) wrapped(text, first, rest string) {
	for _, line := range wrap(text, p.width-displayWidth(rest)) {
		p.line(first + line)
		first = rest
	}
}

// marked prints a paragraph behind a mark in a colour.
func (p *printer) marked(text, indent string, c *color.Color, mark string) {
	hang := indent + strings.Repeat(" ", displayWidth(mark))
	for i, line := range wrap(text, p.width-displayWidth(hang)) {
		if i == 0 {
			p.line(indent + c.Sprint(mark) + line)
		} else {
			p.line(hang + line)
		}
	}
}

// prose prints paragraphs as a Page has them. Lines to copy are not wrapped.
func (p *printer) prose(text, indent string) {
	if text == "" {
		return
	}
	for line := range strings.SplitSeq(text, "\n") {
		switch {
		case line == "":
			p.blank()
		case strings.HasPrefix(line, codeIndent):
			p.line(indent + line)
		case listItem(line):
			mark, rest, _ := strings.Cut(line, " ")
			hang := indent + strings.Repeat(" ", len(mark)+1)
			p.wrapped(rest, indent+mark+" ", hang)
		default:
			p.wrapped(line, indent, indent)
		}
	}
}

// pad fills s up with spaces to a number of columns.
func pad(s string, columns int) string {
	return s + strings.Repeat(" ", max(0, columns-displayWidth(s)))
}

// wrap breaks text at spaces into lines of at most columns, and within a word
// that is wider. A non-breaking space is part of a word.
func wrap(text string, columns int) []string {
	columns = max(columns, 1)
	var lines []string
	var line strings.Builder
	used := 0
	next := func() {
		lines = append(lines, line.String())
		line.Reset()
		used = 0
	}
	for word := range strings.SplitSeq(text, " ") {
		if word == "" {
			continue
		}
		w := displayWidth(word)
		if used > 0 && used+1+w > columns {
			next()
		}
		if used > 0 {
			line.WriteByte(' ')
			used++
		}
		if used+w <= columns {
			line.WriteString(word)
			used += w
			continue
		}
		for _, r := range word {
			c := displayWidth(string(r))
			if used > 0 && used+c > columns {
				next()
			}
			line.WriteRune(r)
			used += c
		}
	}
	if used > 0 || len(lines) == 0 {
		next()
	}
	return lines
}

// pack puts parts with dots between them into lines of at most columns. None is
// broken, so that an address can be copied; one that is wider has a line of its
// own.
func pack(parts []string, columns int) []string {
	var lines []string
	for i, part := range parts {
		if i+1 < len(parts) {
			part += " ·"
		}
		last := len(lines) - 1
		if last >= 0 && displayWidth(lines[last])+1+displayWidth(part) <= columns {
			lines[last] += " " + part
			continue
		}
		lines = append(lines, part)
	}
	return lines
}

// fold breaks text into lines of at most columns wherever it is, so that every
// space of it stays.
func fold(text string, columns int) []string {
	lines := []string{""}
	used := 0
	for _, r := range text {
		c := displayWidth(string(r))
		if used > 0 && used+c > columns {
			lines = append(lines, "")
			used = 0
		}
		lines[len(lines)-1] += string(r)
		used += c
	}
	return lines
}
