package report

import (
	"slices"
	"strconv"
	"strings"

	"maildoctor/check"
)

// Bounds of an outline in text. What is left out is counted.
const (
	maxAlike   = 3   // addresses in a row, unless Verbose
	maxOutline = 400 // lines in all
)

// outline draws how SPF is read: a line a term, with the lookups so far in
// front of those that count.
func (p *printer) outline(o *check.Outline) {
	if o == nil {
		return
	}
	kind := "spf"
	if o.Sender {
		kind = "spf-sender"
	}
	p.heading(kind)
	d := drawing{printer: p}
	domain := Cut(o.Domain, p.width-outlineIndent)
	if state := d.state(o.State); state != "" {
		domain += "  " + state
	}
	d.row("", domain)
	d.terms(o.Terms, "")
	if d.left > 0 {
		d.row("", fill(p.lang.word("text", "more-lines"), map[string]string{"count": strconv.Itoa(d.left)}))
	}
	p.line("")
	p.wrapped(fill(p.lang.word("text", "lookups"), map[string]string{
		"lookups": strconv.Itoa(o.Lookups), "voids": strconv.Itoa(o.VoidLookups),
	}), "  ", "  ")
	if !o.Sender {
		p.wrapped(fill(p.lang.word("text", "authorised"), map[string]string{"addresses": p.addresses(o.Addresses)}), "  ", "  ")
		if slices.ContainsFunc(o.Terms, func(t check.OutlineTerm) bool { return t.Adds != nil && t.Adds.Some() }) {
			p.wrapped(p.lang.word("text", "further"), "  ", "  ")
		}
	}
}

// addresses says how many addresses pass, of each family that has any.
func (p *printer) addresses(a check.Addresses) string {
	var parts []string
	if a.IPv4 > 0 || a.IPv6 == 0 {
		parts = append(parts, "IPv4 "+p.lang.number(a.IPv4))
	}
	if a.IPv6 > 0 {
		parts = append(parts, "IPv6 /64 "+p.lang.number(a.IPv6))
	}
	text := strings.Join(parts, ", ")
	if a.Open {
		text = fill(p.lang.word("text", "least"), map[string]string{"text": text})
	}
	return text
}

// outlineIndent is where the tree begins, behind the count of lookups.
const outlineIndent = 6

// A drawing is an outline on its way to paper.
type drawing struct {
	*printer
	rows int
	left int // rows left out
}

// row prints one line behind a count, and cuts what does not fit.
func (d *drawing) row(count, text string) {
	if d.rows++; d.rows > maxOutline {
		d.left++
		return
	}
	gap := strings.Repeat(" ", max(0, outlineIndent-2-len(count)))
	d.line(gap + d.paint.dim.Sprint(count) + "  " + text)
}

// terms draws the terms of one record behind the branches that lead to it.
func (d *drawing) terms(terms []check.OutlineTerm, branches string) {
	for i := 0; i < len(terms); i++ {
		if alike := d.alike(terms[i:]); alike > maxAlike {
			branch, _ := fork(i+alike == len(terms))
			d.row("", branches+branch+d.paint.dim.Sprint(fill(d.lang.word("text", "alike"), map[string]string{
				"first": Cut(terms[i].Text, maxShownTerm), "count": strconv.Itoa(alike - 1),
			})))
			i += alike - 1
			continue
		}
		branch, below := fork(i == len(terms)-1)
		d.term(terms[i], branches+branch)
		d.terms(terms[i].Terms, branches+below)
	}
}

// alike counts the terms at the front of which there is nothing to say.
func (d *drawing) alike(terms []check.OutlineTerm) int {
	n := 0
	for n < len(terms) && terms[n].Plain && !d.Verbose {
		n++
	}
	return n
}

// fork returns the branch in front of a term, and what stands below it.
func fork(last bool) (branch, below string) {
	if last {
		return "└─ ", "   "
	}
	return "├─ ", "│  "
}

// maxShownTerm is how much of a term is shown, in columns.
const maxShownTerm = 60

func (d *drawing) term(t check.OutlineTerm, branches string) {
	count := ""
	if t.Counts {
		count = strconv.Itoa(t.Lookups)
	}
	text := Cut(t.Text, maxShownTerm)
	used := outlineIndent + displayWidth(branches) + displayWidth(text)
	if t.Decides {
		text = d.paint.bold.Sprint(text)
	}
	var notes []string
	if t.Provider != nil {
		notes = append(notes, t.Provider.Name)
	}
	if t.Adds != nil && t.Adds.Some() {
		notes = append(notes, d.addresses(*t.Adds))
	}
	if state := d.state(t.State); state != "" {
		if t.By != "" && !strings.HasSuffix(t.Text, t.By) {
			state += " (" + Cut(t.By, maxShownTerm) + ")"
		}
		notes = append(notes, state)
	}
	if t.Decides {
		notes = append(notes, fill(d.lang.word("text", "decides"), map[string]string{
			"domain": Cut(t.Domain, maxShownTerm), "column": strconv.Itoa(t.Column), "end": strconv.Itoa(t.End),
		}))
	}
	note := strings.Join(notes, " · ")
	paint := d.paint.dim
	if t.Decides {
		paint = d.paint.mild
	}
	if note == "" || used+2+displayWidth(note) <= d.width {
		line := branches + text
		if note != "" {
			line += "  " + paint.Sprint(note)
		}
		d.row(count, line)
		return
	}
	d.row(count, branches+text)
	_, below := fork(len(t.Terms) == 0)
	hang := strings.NewReplacer("├─ ", "│  ", "└─ ", "   ").Replace(branches) + below + " "
	for _, line := range wrap(note, d.width-outlineIndent-displayWidth(hang)) {
		d.row("", hang+paint.Sprint(line))
	}
}

// state names what an outline says of a term.
func (d *drawing) state(code string) string {
	if code == "" {
		return ""
	}
	if text, ok := d.lang.lookup("term." + code); ok {
		return text
	}
	return d.lang.word("cause", code)
}
