package report

import (
	"slices"
	"strconv"
	"strings"

	"github.com/fatih/color"

	"maildoctor/check"
)

// A Receiver is a large mailbox provider and how the domain stands with what
// it demands of senders.
type Receiver struct {
	ID           string        `json:"id"`
	Name         string        `json:"name"`
	URL          string        `json:"url"`   // its page for senders
	Notes        []string      `json:"notes"` // sentences in one language
	Requirements []Requirement `json:"requirements"`
}

// A Requirement is one demand of a receiver with its phrase in one language and
// how the domain stands with it. It costs no points: those belong to rules.
type Requirement struct {
	ID       string           `json:"id"`
	Kind     check.Demand     `json:"kind"`
	Text     string           `json:"text"`
	Applies  check.Scope      `json:"applies"`
	Volume   int              `json:"volume,omitempty"` // messages a day, where a number is published
	Enforced check.Force      `json:"enforced"`
	Code     string           `json:"code,omitempty"` // how a refusal begins
	State    check.Fulfilment `json:"state"`
	Ready    bool             `json:"ready"`   // not seen, but what the DNS has to hold for it is in order
	AtRisk   bool             `json:"at_risk"` // not seen, and the rules may forbid it
	Rules    []check.RuleID   `json:"rules"`   // why it is not met, or may not be
	ShownBy  check.Witness    `json:"shown_by,omitempty"`
	Status   check.Origin     `json:"status"`
	URL      string           `json:"url"`
	URLSeen  bool             `json:"url_seen"` // the page or a copy was read
}

// newReceivers puts what receivers demand into the words of a language.
func newReceivers(list []check.Compliance, lang Lang) []Receiver {
	out := make([]Receiver, 0, len(list))
	for _, c := range list {
		r := Receiver{ID: c.ID, Name: c.Name, URL: c.URL, Notes: []string{}, Requirements: []Requirement{}}
		for _, note := range c.Notes {
			r.Notes = append(r.Notes, lang.word("receiver", note))
		}
		for i, q := range c.Requirements {
			if i == len(c.Standings) {
				break
			}
			s := c.Standings[i]
			r.Requirements = append(r.Requirements, Requirement{
				ID: q.ID, Kind: q.Kind, Text: lang.demand(q), Applies: q.Applies, Volume: q.Volume,
				Enforced: q.Enforced, Code: q.Code, Status: q.Status, URL: q.URL, URLSeen: q.Seen,
				State: s.State, Ready: s.Ready && !s.AtRisk(), AtRisk: s.AtRisk(), Rules: append([]check.RuleID{}, s.Rules...), ShownBy: s.ShownBy,
			})
		}
		out = append(out, r)
	}
	return out
}

// demand is the phrase of a requirement.
func (l Lang) demand(q check.Requirement) string {
	limit := q.Limit
	if l == French {
		limit = strings.ReplaceAll(limit, ".", ",")
	}
	return fill(l.word("demand", string(q.Kind)), map[string]string{"limit": limit})
}

// receivers prints what large receivers demand: a line for each of which
// something can be said or, with Verbose, the whole table.
func (p *printer) receivers(r *Report) {
	if len(r.Receivers) == 0 || !r.measured() {
		return
	}
	p.heading("receivers")
	column := 0
	for _, v := range r.Receivers {
		column = max(column, displayWidth(v.Name)+2)
	}
	var silent []string
	for i := range r.Receivers {
		v := &r.Receivers[i]
		switch sum := p.sum(v); {
		case p.Verbose:
			p.receiver(v)
		case sum == "":
			silent = append(silent, v.Name)
		default:
			p.row(v.Name, sum, column)
		}
	}
	if len(silent) > 0 {
		p.wrapped(fill(p.lang.word("text", "silent"), map[string]string{"list": strings.Join(silent, ", ")}), "  ", "  ")
	}
	p.legend(r)
}

// row prints a text behind a name and what is painted in it.
func (p *printer) row(name, text string, column int) {
	for _, line := range wrap(text, p.width-2-column) {
		p.line("  " + pad(name, column) + p.marks(line))
		name = ""
	}
}

// The marks of what is met, of what is not or may not be, of what could not be
// measured, of what is prepared, and of the rest.
const (
	markMet     = "✓"
	markUnmet   = "✗"
	markRisk    = "!"
	markUnknown = "?"
	markReady   = "○"
	markUnseen  = "-"
)

// tied stands behind a mark and before a dot, so that no line ends with the one
// or begins with the other. What is printed is a space.
const (
	tied = "\u00a0"
	dot  = "·"
)

// marks paints the marks of a line.
func (p *printer) marks(line string) string {
	for _, m := range []struct {
		mark  string
		paint *color.Color
	}{{markMet, p.paint.good}, {markUnmet, p.paint.bad}, {markRisk, p.paint.fair}, {markUnknown, p.paint.fair}, {markReady, p.paint.good}} {
		line = strings.ReplaceAll(line, m.mark+tied, m.paint.Sprint(m.mark)+" ")
	}
	return strings.ReplaceAll(line, tied+dot, " "+dot)
}

// sum says what of a receiver's demands is not met, counts the rest, and names
// the rules to see to. It is empty where the DNS shows nothing of them.
func (p *printer) sum(v *Receiver) string {
	var parts []string
	var rules []check.RuleID
	counts := map[string]int{}
	for i := range v.Requirements {
		q := &v.Requirements[i]
		rules = append(rules, q.Rules...)
		switch {
		case q.State == check.Unmet:
			text := q.Text
			if scope := p.scope(q); scope != "" {
				text += " (" + scope + ")"
			}
			parts = append(parts, markUnmet+tied+text)
		case q.AtRisk:
			counts[atRisk]++
		case q.Ready:
			counts[prepared]++
		default:
			counts[string(q.State)]++
		}
	}
	for _, c := range []struct{ code, mark string }{
		{atRisk, markRisk + tied}, {string(check.Met), markMet + tied}, {prepared, markReady + tied},
		{string(check.Undetermined), markUnknown + tied},
	} {
		if n := counts[c.code]; n > 0 {
			parts = append(parts, c.mark+p.count(c.code, n))
		}
	}
	if parts == nil {
		return ""
	}
	if n := counts[string(check.Unseen)]; n > 0 {
		parts = append(parts, p.count(string(check.Unseen), n))
	}
	if len(rules) > 0 {
		slices.Sort(rules)
		parts = append(parts, fill(p.lang.word("text", "see"), map[string]string{"rules": ids(slices.Compact(rules))}))
	}
	return strings.Join(parts, tied+dot+" ")
}

// What is counted beside the states: what a rule that is broken may forbid, and
// what the records are in order for.
const (
	atRisk   = "at-risk"
	prepared = "prepared"
)

func (p *printer) count(code string, n int) string {
	return fill(p.lang.word("count", code), map[string]string{"count": strconv.Itoa(n)})
}

func (p *printer) label(label, text string) string {
	return fill(p.lang.word("text", "label"), map[string]string{"label": label, "text": text})
}

func ids(rules []check.RuleID) string {
	var out []string
	for _, id := range rules {
		out = append(out, Safe(string(id)))
	}
	return strings.Join(out, ", ")
}

// scope says whose mail a requirement is about; empty for all mail.
func (p *printer) scope(q *Requirement) string {
	switch {
	case q.Applies == check.ScopeAll:
		return ""
	case q.Volume == 0:
		return p.lang.word("scope", string(q.Applies))
	}
	return fill(p.lang.word("scope-volume", string(q.Applies)), map[string]string{"volume": p.lang.number(uint64(q.Volume))})
}

// receiver prints all requirements of a receiver.
func (p *printer) receiver(v *Receiver) {
	const indent = "    "
	p.line("  " + p.paint.bold.Sprint(v.Name))
	p.line("  " + p.paint.dim.Sprint(v.URL))
	for _, note := range v.Notes {
		p.wrapped(note, "  ", "  ")
	}
	for i := range v.Requirements {
		q := &v.Requirements[i]
		mark, paint := markUnseen, p.paint.dim
		switch {
		case q.State == check.Met:
			mark, paint = markMet, p.paint.good
		case q.State == check.Unmet:
			mark, paint = markUnmet, p.paint.bad
		case q.State == check.Undetermined:
			mark, paint = markUnknown, p.paint.fair
		case q.AtRisk:
			mark, paint = markRisk, p.paint.fair
		case q.Ready:
			mark, paint = markReady, p.paint.good
		}
		p.marked(q.Text, "  ", paint, mark+" ")
		for _, line := range wrap(strings.Join(p.details(q), tied+dot+" "), p.width-len(indent)) {
			p.line(indent + p.paint.dim.Sprint(strings.ReplaceAll(line, tied+dot, " "+dot)))
		}
		if q.URL != v.URL {
			p.line(indent + p.paint.dim.Sprint(q.URL))
		}
	}
	p.blank()
}

// details say how the domain stands with a requirement, whose mail it is about,
// and what its receiver does.
func (p *printer) details(q *Requirement) []string {
	state := p.lang.word("fulfilment", string(q.State))
	if q.State == check.Unmet && len(q.Rules) > 0 {
		state = p.label(state, ids(q.Rules))
	}
	out := []string{state}
	if q.State == check.Unseen {
		switch {
		case q.Ready:
			out = append(out, p.lang.word("text", "ready"))
		case len(q.Rules) > 0:
			out = append(out, p.label(p.lang.word("text", "risk"), ids(q.Rules)))
		}
		out = append(out, p.label(p.lang.word("text", "shown-by"), p.lang.word("witness", string(q.ShownBy))))
	}
	if scope := p.scope(q); scope != "" {
		out = append(out, scope)
	}
	force := p.lang.word("force", string(q.Enforced))
	if q.Code != "" {
		force = p.label(force, q.Code)
	}
	out = append(out, force)
	if q.Status == check.Observed {
		out = append(out, p.lang.word("origin", string(q.Status)))
	}
	return out
}

// legend says what can tell where the DNS does not, and where to read more.
func (p *printer) legend(r *Report) {
	var shown []string
	for _, w := range []check.Witness{
		check.WitnessMessage, check.WitnessAddress, check.WitnessSelector, check.WitnessLists, check.WitnessReceiver,
	} {
		if slices.ContainsFunc(r.Receivers, func(v Receiver) bool {
			return slices.ContainsFunc(v.Requirements, func(q Requirement) bool { return q.ShownBy == w })
		}) {
			shown = append(shown, p.lang.word("witness", string(w)))
		}
	}
	if len(shown) > 0 {
		p.small(fill(p.lang.word("text", "not-visible"), map[string]string{"list": strings.Join(shown, ", ")}))
	}
	if !p.Verbose {
		p.small(p.lang.word("text", "every-demand"))
	}
}

// small prints a paragraph that explains the section before it.
func (p *printer) small(text string) {
	for _, line := range wrap(text, p.width-2) {
		p.line("  " + p.paint.dim.Sprint(line))
	}
}
