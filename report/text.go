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
	p.merits(r)
	p.coverage(r)
}

// brief prints one line: domain, score, verdict.
func (p *printer) brief(r *Report) {
	parts := []string{p.paint.bold.Sprint(r.Domain)}
	if r.Rating != nil {
		parts = append(parts, p.score(Score{r.Score, r.AtMost}, r.Grade))
	}
	p.line(strings.Join(append(parts, p.lang.word("verdict", r.verdict())), "  "))
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
	p.wrapped(p.lang.word("verdict", r.verdict()), "", "")
	if p.Verbose {
		p.line(p.paint.dim.Sprint(r.Time.Format(timeLayout), "  ", Safe(r.Tool.Name), " ", Safe(r.Tool.Version)))
	}
}

// verdict returns the code of the sentence that sums the report up.
func (r *Report) verdict() string {
	worst := len(severities())
	for _, f := range r.Findings {
		worst = min(worst, f.Severity.rank())
	}
	has := func(s Severity) bool { return worst <= s.rank() }
	switch {
	case !r.measured() && r.idle():
		return "idle"
	case !r.measured() && r.unanswered():
		return "unanswered"
	case !r.measured():
		return "unmeasured"
	case has(Critical):
		return "critical"
	case r.Rating == nil && has(Warning):
		return "check-findings"
	case r.Rating == nil:
		if r.inconclusive() {
			return "open"
		}
		return "good"
	}
	exposed := slices.ContainsFunc(r.Findings, Finding.exposes)
	parked, open := r.Role == check.Parked, r.AtMost || r.Security.AtMost
	switch {
	case parked && exposed:
		return "parked-open"
	case parked && has(Warning):
		return "check-findings"
	case parked && open:
		return "open"
	case parked:
		return "parked"
	case *r.Score < 70:
		return "poor"
	case *r.Score < 80:
		return "fair"
	case slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Severity.rank() <= Error.rank() && !f.exposes() }):
		return "error"
	case exposed:
		return "exposed"
	case has(Warning):
		return "warning"
	case open:
		return "open"
	}
	return "good"
}

// exposes reports whether a finding lets others send in the name of the domain.
func (f Finding) exposes() bool {
	const much = 20 // points
	return (f.Area == "spf" || f.Area == "dmarc") && f.Security >= much
}

// unanswered reports whether no checker got any answer from the DNS.
func (r *Report) unanswered() bool {
	return len(r.Coverage) > 0 && !slices.ContainsFunc(r.Coverage, func(c check.Coverage) bool {
		return c.State == check.Inconclusive && !strings.HasPrefix(c.Reason, "dns-")
	})
}

func (r *Report) inconclusive() bool {
	return slices.ContainsFunc(r.Coverage, func(c check.Coverage) bool { return c.State == check.Inconclusive })
}

func (p *printer) scores(r *Report) {
	if r.Rating == nil {
		return
	}
	p.blank()
	name, second := p.lang.word("score", "deliverability"), p.lang.word("score", "security")
	column := max(displayWidth(name), displayWidth(second)) + 2
	p.line(pad(name, column) + p.score(Score{r.Score, r.AtMost}, r.Grade))
	p.line(pad(second, column) + p.score(r.Security, ""))
}

// score returns a score in the colour of its band.
func (p *printer) score(s Score, grade string) string {
	if s.Score == nil {
		return p.lang.word("text", "none")
	}
	text := fill(p.lang.word("text", "score"), map[string]string{"score": strconv.Itoa(*s.Score), "grade": grade})
	if s.AtMost {
		text = fill(p.lang.word("text", "most"), map[string]string{"score": text})
	}
	text = strings.TrimRight(text, " ")
	switch {
	case *s.Score < 60:
		return p.paint.bad.Sprint(text)
	case *s.Score < 80:
		return p.paint.fair.Sprint(text)
	}
	return p.paint.good.Sprint(text)
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
		p.finding(r, f, number, last != nil && last.ID == f.ID && last.Fix == f.Fix, last != nil && last.ID == f.ID)
		last = f
	}
}

// finding prints one finding. Of a further one of the same rule neither the
// points nor the same cure are said again.
func (p *printer) finding(r *Report, f *Finding, number int, sameFix, sameRule bool) {
	const indent = "    "
	points := ""
	if f.Points > 0 && !sameRule && r.Rating != nil {
		points = minus(f.Points)
	}
	p.title(f, number, points)
	if f.Subject != r.Domain && !strings.Contains(f.Title, Safe(string(f.Subject))) {
		p.line(indent + Cut(string(f.Subject), p.width-len(indent)))
	}
	if p.Verbose && !sameFix && f.Why != "" {
		p.prose(f.Why, indent)
		p.blank()
	}
	if !sameFix {
		p.prose(f.Fix, indent)
	}
	p.evidence(f.Evidence, indent)
	p.footer(r, f, indent, sameRule)
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
func (p *printer) evidence(lines []Foreign, indent string) {
	for i, line := range lines {
		if i == shownEvidence && !p.Verbose {
			p.line(indent + p.paint.dim.Sprint("> …(+", len(lines)-i, ")"))
			return
		}
		if !p.Verbose {
			p.line(indent + p.paint.dim.Sprint("> ") + Cut(string(line), p.width-len(indent)-2))
			continue
		}
		for _, part := range fold(Cut(string(line), maxEvidence), p.width-len(indent)-2) {
			p.line(indent + p.paint.dim.Sprint("> ") + part)
		}
	}
}

// footer prints what a reader looks up: the rule, what else it costs, its refs.
func (p *printer) footer(r *Report, f *Finding, indent string, sameRule bool) {
	parts := []string{Safe(string(f.ID))}
	if f.Security > 0 && r.Rating != nil && !sameRule {
		parts = append(parts, strings.ToLower(p.lang.word("score", "security"))+" "+minus(f.Security))
	}
	if limit := r.capOf(f.ID); limit != nil && !sameRule {
		parts = append(parts, fill(p.lang.word("text", "cap"), map[string]string{"cap": strconv.Itoa(*limit)}))
	}
	for _, line := range pack(append(parts, f.Refs...), p.width-len(indent)) {
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

// notices prints the rest, the title and the ID of each.
func (p *printer) notices(r *Report) {
	first := true
	for _, f := range r.Findings {
		if f.Severity.rank() < Notice.rank() {
			continue
		}
		if first {
			p.heading("notices")
			first = false
		}
		title := f.Title
		if f.Subject != r.Domain && !strings.Contains(f.Title, Safe(string(f.Subject))) {
			title = fill(p.lang.word("text", "label"), map[string]string{"label": Cut(string(f.Subject), p.width/2), "text": f.Title})
		}
		p.wrapped(title, "  - ", "    ")
		if p.Verbose {
			p.prose(f.Fix, "    ")
			p.evidence(f.Evidence, "    ")
		}
		p.footer(r, &f, "    ", false)
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
