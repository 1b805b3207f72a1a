package report

import (
	"io"
	"slices"
	"strconv"
	"strings"

	"maildoctor/check"
)

const timeLayout = "2006-01-02 15:04:05 MST"

// writeText is the Writer for people: verdict and first cure come first.
func writeText(w io.Writer, reports []*Report, o Options) error {
	p := newPrinter(o)
	for i, r := range reports {
		switch {
		case o.Quiet:
			p.brief(r)
			continue
		case i > 0:
			p.blank()
			p.line(p.paint.dim.Sprint(strings.Repeat("─", p.width)))
			p.blank()
		}
		p.report(r)
	}
	return p.flush(w)
}

func (p *printer) report(r *Report) {
	p.head(r)
	if a := r.SPFAnswer; a != nil && a.Result != "" {
		p.wrapped(fill(p.lang.word("text", "spf"), map[string]string{
			"address": a.IP, "result": p.lang.word("result", a.Result),
		}), "", "")
		if a.Explanation != "" {
			p.line("> " + Cut(string(a.Explanation), p.width-2))
		}
	}
	p.scores(r)
	p.findings(r)
	p.notices(r)
	if r.SPFAnswer != nil {
		p.outline(r.outline)
	}
	p.merits(r)
	p.trust(r)
	p.receivers(r)
	p.coverage(r)
}

// brief prints one line: domain, score, how many findings of each severity, and
// the rule that is worst. Where nothing was measured, or a single check found
// nothing, the verdict stands in their place.
func (p *printer) brief(r *Report) {
	parts := []string{p.paint.bold.Sprint(r.Domain)}
	scored := r.Rating != nil && r.Score != nil
	if scored {
		parts = append(parts, p.score("brief", Score{r.Score, r.AtMost}, r.Grade))
	}
	counts := p.counts(r)
	switch {
	case counts != "":
		parts = append(parts, counts, Safe(string(r.Findings[0].ID)))
	case !scored:
		sentence, ok := p.lang.lookup("brief." + string(r.Verdict))
		if !ok {
			sentence = p.lang.word("verdict", string(r.Verdict))
		}
		parts = append(parts, sentence)
	}
	p.line(strings.Join(parts, "  "))
}

// counts says how many findings there are of each severity above a notice.
func (p *printer) counts(r *Report) string {
	var out []string
	for _, s := range severities()[:Notice.rank()] {
		count := 0
		for _, f := range r.Findings {
			if f.Severity == s {
				count++
			}
		}
		if count > 0 {
			name := strings.ToLower(p.lang.word("severity", string(s)))
			out = append(out, p.paint.severity(s).Sprint(name, " ", count))
		}
	}
	return strings.Join(out, ", ")
}

func (p *printer) head(r *Report) {
	domain := Cut(string(r.Domain), p.width)
	role := p.lang.word("role", string(r.Role))
	line := p.paint.bold.Sprint(domain)
	known := r.Rating != nil || r.Role != check.Unknown // a single check seldom tells
	if known && displayWidth(domain)+2+displayWidth(role) <= p.width {
		line += "  " + p.paint.dim.Sprint(role)
	}
	p.line(line)
	p.wrapped(p.lang.word("verdict", string(r.Verdict)), "", "")
	if p.Verbose {
		p.line(p.paint.dim.Sprint(r.Time.Format(timeLayout), "  ", Safe(r.Tool.Name), " ", Safe(r.Tool.Version)))
	}
}

func (p *printer) scores(r *Report) {
	if r.Rating == nil {
		return
	}
	p.blank()
	name, second := p.lang.word("score", "deliverability"), p.lang.word("score", "security")
	column := max(displayWidth(name), displayWidth(second)) + 2
	p.line(pad(name, column) + p.score("score", Score{r.Score, r.AtMost}, r.Grade))
	p.line(pad(second, column) + p.score("score", r.Security, ""))
}

// score returns a score in one of the forms of words.go, in the colour of its
// grade. One that may be lower in truth has neither grade nor colour, unless it
// is an F, which it then is for certain.
func (p *printer) score(form string, s Score, shown string) string {
	if s.Score == nil {
		return p.lang.word("text", "none")
	}
	earned := grade(*s.Score)
	open := s.AtMost && earned != lowest
	if open {
		shown = ""
	}
	text := fill(p.lang.word("text", form), map[string]string{"score": strconv.Itoa(*s.Score), "grade": shown})
	if s.AtMost {
		text = fill(p.lang.word("text", "most"), map[string]string{"score": text})
	}
	text = strings.TrimRight(text, " ")
	if open {
		return text
	}
	return p.paint.grade(earned).Sprint(text)
}

// findings prints all that is worse than a notice.
func (p *printer) findings(r *Report) {
	number := 0
	var last *Finding
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Severity.rank() >= Notice.rank() {
			continue
		}
		if number++; number == 1 {
			p.heading("fix")
		} else {
			p.blank()
		}
		p.finding(r, f, number, last)
		last = f
	}
}

// finding prints one finding. Of a further one of the same rule as the last
// neither the points nor the references nor the same cure are said again.
func (p *printer) finding(r *Report, f *Finding, number int, last *Finding) {
	const indent = "    "
	sameRule := last != nil && last.ID == f.ID
	points := ""
	if f.Points > 0 && !sameRule && r.Rating != nil {
		points = minus(f.Points)
	}
	p.title(f, number, points)
	if f.Subject != r.Domain && !strings.Contains(f.Title, Safe(string(f.Subject))) {
		p.line(indent + Cut(string(f.Subject), p.width-len(indent)))
	}
	if p.Verbose && f.Why != "" && !(sameRule && last.Why == f.Why && last.Fix == f.Fix) {
		p.prose(f.Why, indent)
		p.blank()
	}
	p.cure(f, indent, sameRule && last.Fix == f.Fix)
	p.instructions(f, indent)
	p.evidence(f.Evidence, indent)
	if sameRule {
		p.line(indent + p.paint.dim.Sprint(Safe(string(f.ID))))
		return
	}
	p.footer(f, indent, p.losses(r, f)...)
}

// cure prints what to do about a finding.
func (p *printer) cure(f *Finding, indent string, same bool) {
	if same {
		p.wrapped(p.lang.word("text", "same"), indent, indent)
		return
	}
	p.prose(f.Fix, indent)
}

// instructions says where the providers that are concerned explain the cure.
func (p *printer) instructions(f *Finding, indent string) {
	for _, provider := range f.Providers {
		if provider.Setup == "" {
			continue
		}
		text := fill(p.lang.word("text", "instructions"), map[string]string{"name": provider.Name})
		if displayWidth(indent+text+" "+provider.Setup) <= p.width {
			p.line(indent + text + " " + provider.Setup)
			continue
		}
		p.wrapped(text, indent, indent)
		p.line(indent + provider.Setup) // whole, so that it can be copied
	}
}

// title prints number, severity and title with the points at the right edge.
func (p *printer) title(f *Finding, number int, points string) {
	label := p.lang.word("severity", string(f.Severity))
	full := fill(p.lang.word("text", "label"), map[string]string{"label": label, "text": f.Title})
	head := strconv.Itoa(number) + ". "
	head = strings.Repeat(" ", max(0, 4-len(head))) + head
	hang := strings.Repeat(" ", len(head))
	edge := 0
	if points != "" {
		edge = displayWidth(points) + 2
	}
	for i, line := range wrap(full, p.width-len(head)-edge) {
		if i > 0 {
			p.line(hang + p.paint.bold.Sprint(line))
			continue
		}
		filled := line
		if points != "" {
			filled = pad(line, p.width-len(head)-displayWidth(points))
		}
		rest, ok := strings.CutPrefix(filled, label)
		if !ok {
			label, rest = "", filled
		}
		first := head + p.paint.severity(f.Severity).Sprint(label) + p.paint.bold.Sprint(rest)
		if points != "" {
			first += p.paint.bad.Sprint(points)
		}
		p.line(first)
	}
}

// Evidence is shown in full with Verbose only.
const (
	shownEvidence = 5    // lines of one finding
	maxEvidence   = 4000 // columns of one line with Verbose
)

// evidence prints what the network said, cut to one line each unless Verbose.
// Where a line goes on, no ">" stands in front.
func (p *printer) evidence(lines []Foreign, indent string) {
	left := func(unit string) func(int) string {
		return func(count int) string {
			return fill(p.lang.word("text", unit), map[string]string{"count": strconv.Itoa(count)})
		}
	}
	columns, limit := p.width-len(indent)-2, maxEvidence
	if !p.Verbose {
		limit = columns
	}
	for i, line := range lines {
		if i == shownEvidence && !p.Verbose {
			p.line(indent + p.paint.dim.Sprint("> "+left("more-lines")(len(lines)-i)))
			return
		}
		first := p.paint.dim.Sprint("> ")
		for _, part := range fold(cut(string(line), limit, left("more-characters")), columns) {
			p.line(indent + first + part)
			first = "  "
		}
	}
}

// losses says what a finding costs beside the deliverability points: those of
// security, and a cap.
func (p *printer) losses(r *Report, f *Finding) []string {
	var out []string
	if f.Security > 0 && r.Rating != nil {
		out = append(out, p.loss("security", f.Security))
	}
	if limit := r.capOf(f.ID); limit != nil {
		out = append(out, fill(p.lang.word("text", "cap"), map[string]string{"cap": strconv.Itoa(*limit)}))
	}
	return out
}

func (p *printer) loss(score string, points int) string {
	return strings.ToLower(p.lang.word("score", score)) + " " + minus(points)
}

// footer prints what a reader looks up: the rule, what it costs, its refs.
func (p *printer) footer(f *Finding, indent string, losses ...string) {
	for _, line := range pack(slices.Concat([]string{Safe(string(f.ID))}, losses, f.Refs), p.width-len(indent)) {
		p.line(indent + p.paint.dim.Sprint(line))
	}
}

func (r *Report) capOf(id check.RuleID) *int {
	if r.Rating == nil {
		return nil
	}
	for _, loss := range r.Lost {
		if loss.ID == id {
			return loss.Cap
		}
	}
	return nil
}

// notices prints the rest, the title and the ID of each, and how to learn more.
func (p *printer) notices(r *Report) {
	const indent = "    "
	var last *Finding
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Severity.rank() < Notice.rank() {
			continue
		}
		if last == nil {
			p.heading("notices")
		}
		title := f.Title
		if f.Subject != r.Domain && !strings.Contains(f.Title, Safe(string(f.Subject))) {
			title = fill(p.lang.word("text", "label"), map[string]string{"label": Cut(string(f.Subject), p.width/2), "text": f.Title})
		}
		p.wrapped(title, "  - ", indent)
		sameRule := last != nil && last.ID == f.ID
		if p.Verbose {
			p.cure(f, indent, sameRule && last.Fix == f.Fix)
			p.evidence(f.Evidence, indent)
		}
		p.instructions(f, indent)
		switch losses := p.losses(r, f); {
		case sameRule:
			p.line(indent + p.paint.dim.Sprint(Safe(string(f.ID))))
		case f.Points > 0 && r.Rating != nil:
			p.footer(f, indent, append([]string{p.loss("deliverability", f.Points)}, losses...)...)
		default:
			p.footer(f, indent, losses...)
		}
		last = f
	}
	if last != nil {
		p.line("  " + p.paint.dim.Sprint(p.lang.word("text", "explain")))
	}
}

func (p *printer) merits(r *Report) {
	if len(r.Merits) == 0 {
		return
	}
	p.heading("good")
	for _, m := range r.Merits {
		p.marked(m.Text, "  ", p.paint.good, "✓ ")
	}
}

// coverage prints a line a checker, and what can be done where port 25 is shut.
// What is checked only on demand, and was not asked for, is left out unless
// Verbose.
func (p *printer) coverage(r *Report) {
	if len(r.Coverage) == 0 {
		return
	}
	p.heading("coverage")
	column := 0
	names := make([]string, len(r.Coverage))
	for i, c := range r.Coverage {
		names[i] = Cut(p.lang.word("checker", c.Checker), minCut)
		column = max(column, displayWidth(names[i]))
	}
	closed := false
	for i, c := range r.Coverage {
		if c.Reason == check.ReasonAccess && !p.Verbose {
			continue
		}
		closed = closed || c.Reason == check.ReasonPort25
		text := p.lang.word("state", string(c.State))
		if c.Reason != "" {
			text = fill(p.lang.word("text", "label"), map[string]string{
				"label": text, "text": p.lang.word("coverage", c.Reason),
			})
		}
		if c.Subject != "" && c.Subject != string(r.Domain) {
			text += " (" + Cut(c.Subject, maxValue) + ")"
		}
		p.wrapped(text, "  "+pad(names[i], column+2), strings.Repeat(" ", column+4))
	}
	if closed {
		p.blank()
		p.wrapped(p.lang.word("hint", check.ReasonPort25), "", "")
	}
}
