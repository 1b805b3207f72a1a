package report

import (
	"fmt"
	"io"
	"strings"
)

// Options say how a report is to look.
type Options struct {
	Lang    Lang
	Color   bool
	Width   int  // columns; 0 for 80, and kept between 40 and 120
	Verbose bool // also why each rule matters, all evidence in full, the time
	Quiet   bool // one line a domain
}

// A Writer writes reports in one format. It returns the first error of w.
type Writer func(w io.Writer, reports []*Report, o Options) error

// formats is the table of formats, the usual ones first.
func formats() []struct {
	name  string
	write Writer
} {
	return []struct {
		name  string
		write Writer
	}{
		{"text", writeText},
		{"json", writeJSON},
	}
}

// Formats names the formats.
func Formats() []string {
	var names []string
	for _, f := range formats() {
		names = append(names, f.name)
	}
	return names
}

// WriterOf returns the writer of the format called name.
func WriterOf(name string) (Writer, error) {
	for _, f := range formats() {
		if f.name == name {
			return f.write, nil
		}
	}
	return nil, fmt.Errorf("unknown format %q; use one of %s", Safe(name), strings.Join(Formats(), ", "))
}
