// Package report turns what package check found into something to read.
//
// It owns the catalogue of rules, one page a rule in English and French; joins
// findings with it; takes the points off the score; and writes the outcome as
// text or JSON. It is also the border that text written by others crosses on
// its way to a reader: see Safe.
package report

import (
	"bufio"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/textproto"
	"path"
	"slices"
	"strconv"
	"strings"

	"maildoctor/check"
)

//go:embed rules/*.md
var pages embed.FS

// A Severity says how bad it is for mail that a rule is broken.
type Severity string

// The severities, worst first. Never is none: as a threshold nothing reaches it.
const (
	Critical Severity = "critical" // mail cannot work, or is refused by most
	Error    Severity = "error"    // a MUST is broken, or a large provider refuses or junks for it
	Warning  Severity = "warning"  // a SHOULD, or a documented recommendation
	Notice   Severity = "notice"   // good practice
	Never    Severity = "never"
)

// severities are all that a rule can have, worst first.
func severities() []Severity { return []Severity{Critical, Error, Warning, Notice} }

// rank counts from 0 for the worst; what is no severity comes last.
func (s Severity) rank() int {
	if i := slices.Index(severities(), s); i >= 0 {
		return i
	}
	return len(severities())
}

// ParseThreshold reads what --fail-on takes: a severity, or never.
func ParseThreshold(s string) (Severity, error) {
	if t := Severity(s); t == Never || slices.Contains(severities(), t) {
		return t, nil
	}
	return "", fmt.Errorf("unknown severity %q; use critical, error, warning, notice or never", Safe(s))
}

// A Lang is a language of the catalogue, named as in RFC 5646.
type Lang string

// The languages.
const (
	English Lang = "en"
	French  Lang = "fr"
)

func languages() []Lang { return []Lang{English, French} }

// ParseLang reads what --lang takes.
func ParseLang(s string) (Lang, error) {
	if l := Lang(s); slices.Contains(languages(), l) {
		return l, nil
	}
	return "", fmt.Errorf("unknown language %q; use en or fr", Safe(s))
}

// A Param is a blank of a rule that its findings fill in.
type Param struct {
	Name string
	Word bool // the value is a code that stands for a phrase
	List bool // the value is a list, which may be long; a title has its first item only
}

// A Page is a rule in one language. Its blanks are names in braces; Why and Fix
// are paragraphs with an empty line between them, list items that begin with
// "- ", and lines to copy, indented by four spaces.
type Page struct {
	Title, Why, Fix string
}

// A Rule is a statement that is false on a healthy domain.
type Rule struct {
	ID             check.RuleID
	Severity       Severity
	Cap            int // with Critical only: the most that deliverability can be, 0 to 100
	Area           string
	Deliverability int    // points
	Security       int    // points
	Source         string // rfc, provider or practice
	Refs           []string
	Params         []Param
	Since          string // version of the program
	Pages          map[Lang]Page
}

// A Catalog holds the rules in the order of their IDs. It does not change.
type Catalog struct {
	rules []*Rule
}

// Load reads the rules that the program was built with.
func Load() (*Catalog, error) { return load(pages, "rules") }

// load reads every page in a folder of fsys.
func load(fsys fs.FS, dir string) (*Catalog, error) {
	names, err := fs.Glob(fsys, path.Join(dir, "*.md"))
	if err != nil {
		return nil, err
	}
	c := &Catalog{rules: make([]*Rule, 0, len(names))}
	for _, name := range names {
		b, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		r, err := parseRule(b)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if want := string(r.ID) + ".md"; path.Base(name) != want {
			return nil, fmt.Errorf("%s: the file of this ID is %s", name, want)
		}
		c.rules = append(c.rules, r)
	}
	slices.SortFunc(c.rules, func(a, b *Rule) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return c, nil
}

// Rules returns all rules, sorted by ID.
func (c *Catalog) Rules() []*Rule { return slices.Clone(c.rules) }

// Rule returns the rule of an ID, or nil.
func (c *Catalog) Rule(id check.RuleID) *Rule {
	i, ok := slices.BinarySearchFunc(c.rules, id, func(r *Rule, id check.RuleID) int {
		return strings.Compare(string(r.ID), string(id))
	})
	if !ok {
		return nil
	}
	return c.rules[i]
}

// parseRule reads a page: a header as of RFC 5322, then "# en" and "# fr" with
// "## Title", "## Why" and "## Fix" each.
func parseRule(b []byte) (*Rule, error) {
	head, body, _ := strings.Cut(string(b), "\n\n")
	in := bufio.NewReaderSize(strings.NewReader(head+"\n\n"), len(head)+2)
	fields, err := textproto.NewReader(in).ReadMIMEHeader()
	if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	r := new(Rule)
	if err := r.readHeader(fields); err != nil {
		return nil, err
	}
	return r, r.readPages(body)
}

func (r *Rule) readHeader(head textproto.MIMEHeader) error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }

	number := func(key, value string) int {
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 || n > 100 {
			bad("%s: %q is not a number from 0 to 100", key, value)
		}
		return n
	}
	for _, key := range []string{"ID", "Severity", "Area", "Deliverability", "Security", "Source", "Since"} {
		if head.Get(key) == "" {
			bad("%s is missing", key)
		}
	}
	hasCap := false
	for key, values := range head {
		if len(values) > 1 {
			bad("%s is given twice", key)
		}
		value := strings.TrimSpace(values[0])
		switch strings.ToLower(key) {
		case "id":
			r.ID = check.RuleID(value)
		case "severity":
			r.Severity = Severity(value)
			if !slices.Contains(severities(), r.Severity) {
				bad("Severity: %q is unknown", value)
			}
		case "cap":
			r.Cap, hasCap = number("Cap", value), true
		case "area":
			r.Area = value
		case "deliverability":
			r.Deliverability = number("Deliverability", value)
		case "security":
			r.Security = number("Security", value)
		case "source":
			r.Source = value
			if !slices.Contains([]string{"rfc", "provider", "practice"}, value) {
				bad("Source: %q is unknown", value)
			}
		case "refs":
			r.Refs = list(value, ";")
		case "params":
			for _, p := range list(value, ",") {
				name, kind, _ := strings.Cut(p, ":")
				if kind != "" && kind != "word" && kind != "list" {
					bad("Params: %q is not a kind", kind)
				}
				r.Params = append(r.Params, Param{Name: name, Word: kind == "word", List: kind == "list"})
			}
		case "since":
			r.Since = value
		default:
			bad("%s is not a field", key)
		}
	}
	if hasCap != (r.Severity == Critical) {
		bad("Cap belongs to critical rules, and to all of them")
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

// list splits s and drops empty items.
func list(s, sep string) []string {
	var out []string
	for item := range strings.SplitSeq(s, sep) {
		if item = strings.TrimSpace(item); item != "" {
			out = append(out, item)
		}
	}
	return out
}

func (r *Rule) readPages(body string) error {
	r.Pages = make(map[Lang]Page, len(languages()))
	var lang Lang
	var part string
	var lines []string
	put := func() error {
		text := paragraphs(lines)
		lines = nil
		if part == "" {
			if text != "" {
				return fmt.Errorf("text outside of a part: %q", text)
			}
			return nil
		}
		if lang == French {
			text = typography(text)
		}
		p := r.Pages[lang]
		switch part {
		case "Title":
			p.Title = strings.ReplaceAll(text, "\n", " ")
		case "Why":
			p.Why = text
		case "Fix":
			p.Fix = text
		default:
			return fmt.Errorf("%q is not a part of a page", part)
		}
		r.Pages[lang] = p
		return nil
	}
	fenced := false
	for line := range strings.Lines(body) {
		line = strings.TrimRight(line, " \r\n")
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
			lines = append(lines, "")
			continue
		}
		if fenced {
			lines = append(lines, codeIndent+line)
			continue
		}
		if name, ok := strings.CutPrefix(line, "## "); ok {
			if err := put(); err != nil {
				return err
			}
			part = name
			continue
		}
		if name, ok := strings.CutPrefix(line, "# "); ok {
			if err := put(); err != nil {
				return err
			}
			if lang, part = Lang(name), ""; !slices.Contains(languages(), lang) {
				return fmt.Errorf("%q is not a language", name)
			}
			continue
		}
		lines = append(lines, line)
	}
	if fenced {
		return errors.New("a block of code has no end")
	}
	return put()
}

// codeIndent stands in front of lines that are to be copied as they are.
const codeIndent = "    "

// paragraphs joins the lines of each paragraph and each list item, so that they
// can be wrapped at any width; lines to copy stay as they are.
func paragraphs(lines []string) string {
	var out []string
	open := false // the last line of out goes on
	for _, line := range lines {
		trimmed := strings.TrimSpace(line)
		switch {
		case trimmed == "":
			if n := len(out); n > 0 && out[n-1] != "" {
				out = append(out, "")
			}
			open = false
		case !open && strings.HasPrefix(line, codeIndent):
			out = append(out, line)
		case !open || listItem(trimmed):
			out = append(out, trimmed)
			open = true
		default:
			out[len(out)-1] += " " + trimmed
		}
	}
	return strings.TrimRight(strings.Join(out, "\n"), "\n")
}

// listItem reports whether a line begins with "- " or "1. ".
func listItem(line string) bool {
	mark, _, ok := strings.Cut(line, " ")
	if mark == "-" || mark == "*" {
		return ok
	}
	digits := strings.TrimSuffix(mark, ".")
	return ok && digits != mark && digits != "" && strings.Trim(digits, "0123456789") == ""
}
