package report

import (
	"cmp"
	"slices"

	"maildoctor/check"
)

// A Score is a number from 0 to 100, or nil where nothing was measured. With
// AtMost something could not be found out, and the truth may be lower.
type Score struct {
	Score  *int `json:"score"`
	AtMost bool `json:"at_most"`
}

// A Loss is what one broken rule costs, once however often it is broken.
type Loss struct {
	ID             check.RuleID `json:"id"`
	Deliverability int          `json:"deliverability"`
	Security       int          `json:"security"`
	Cap            *int         `json:"cap,omitempty"` // deliverability is not above it
}

// A Rating is the outcome of an audit in numbers. Score and AtMost are those of
// deliverability; Grade is A, B, C, D or F, empty without a score. Lost explains
// both scores: 100 less its points, not above its caps and not below 0. Security
// has no score where no checker came to its end and no broken rule takes points
// off it.
type Rating struct {
	Score    *int   `json:"score"`
	AtMost   bool   `json:"at_most"`
	Grade    string `json:"grade"`
	Security Score  `json:"security"`
	Lost     []Loss `json:"lost"`
}

// areaProgram is the area of rules about maildoctor itself. Their findings say
// nothing about a domain.
const areaProgram = "program"

// rate takes the points of the broken rules off.
func (r *Report) rate(cat *Catalog) *Rating {
	out := &Rating{Lost: []Loss{}}
	if !r.measured() {
		return out
	}
	broken := make(map[check.RuleID]bool)
	for _, f := range r.Findings {
		broken[f.ID] = true
	}
	deliverability, security, ceiling := 100, 100, 100
	for _, rule := range cat.rules {
		if !broken[rule.ID] || rule.Deliverability == 0 && rule.Security == 0 && rule.Severity != Critical {
			continue
		}
		deliverability -= rule.Deliverability
		security -= rule.Security
		loss := Loss{ID: rule.ID, Deliverability: rule.Deliverability, Security: rule.Security}
		if rule.Severity == Critical {
			ceiling = min(ceiling, rule.Cap)
			loss.Cap = new(rule.Cap)
		}
		out.Lost = append(out.Lost, loss)
	}
	slices.SortStableFunc(out.Lost, func(a, b Loss) int {
		return cmp.Or(b.Deliverability-a.Deliverability, b.Security-a.Security)
	})
	deliverability = max(0, min(deliverability, ceiling))
	out.Score = new(deliverability)
	out.Grade = grade(deliverability)
	out.AtMost = r.open(cat, func(c check.Coverage, r *Rule) bool {
		return !c.Minor && (r.Deliverability > 0 || r.Severity == Critical)
	})
	if security < 100 || r.done() {
		out.Security.Score = new(max(0, security))
		out.Security.AtMost = r.open(cat, func(_ check.Coverage, r *Rule) bool { return r.Security > 0 })
	}
	return out
}

// measured reports whether anything was found out about the domain: a checker
// came to its end, or a rule is broken that is not about the program itself.
func (r *Report) measured() bool {
	return r.done() || slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Area != areaProgram })
}

// done reports whether a checker came to its end.
func (r *Report) done() bool {
	return slices.ContainsFunc(r.Coverage, func(c check.Coverage) bool { return c.State == check.Done })
}

// idle reports whether there was nothing to check: every checker was skipped.
func (r *Report) idle() bool {
	return len(r.Coverage) > 0 && !slices.ContainsFunc(r.Coverage, func(c check.Coverage) bool { return c.State != check.Skipped })
}

// open reports whether a checker was left inconclusive that could have found a
// rule broken which counts. The area of a rule is the name of its checker.
func (r *Report) open(cat *Catalog, counts func(check.Coverage, *Rule) bool) bool {
	for _, c := range r.Coverage {
		if c.State != check.Inconclusive && !blocked(c) {
			continue
		}
		for _, rule := range cat.rules {
			if rule.Area == c.Checker && counts(c, rule) {
				return true
			}
		}
	}
	return false
}

// blocked reports whether a checker was kept from mail hosts by the network
// that the program runs in, which says nothing about them.
func blocked(c check.Coverage) bool {
	return c.Reason == check.ReasonPort25 || c.Reason == check.ReasonNetwork
}

func grade(score int) string {
	switch {
	case score >= 90:
		return "A"
	case score >= 80:
		return "B"
	case score >= 70:
		return "C"
	case score >= 60:
		return "D"
	}
	return "F"
}

// The exit statuses that a report can lead to.
const (
	ExitFine      = 0 // no finding at or above the threshold
	ExitFindings  = 1 // at least one finding at or above it
	ExitUncertain = 3 // a domain could not be assessed
)

// ExitStatus returns the exit status for reports: ExitUncertain if nothing was
// measured in one of them, if one of the checkers mx, spf and dmarc is
// inconclusive in more than a minor matter, or if a part of the program failed;
// else ExitFindings if a finding is at least as bad as threshold.
func ExitStatus(reports []*Report, threshold Severity) int {
	status := ExitFine
	for _, r := range reports {
		if r.uncertain() {
			return ExitUncertain
		}
		for _, f := range r.Findings {
			if threshold != Never && f.Severity.rank() <= threshold.rank() {
				status = ExitFindings
			}
		}
	}
	return status
}

func (r *Report) uncertain() bool {
	if !r.measured() {
		return !r.idle()
	}
	if slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.ID == check.InternalError }) {
		return true
	}
	for _, c := range r.Coverage {
		if c.State != check.Inconclusive || c.Minor {
			continue
		}
		switch c.Checker {
		case "mx", "spf", "dmarc":
			return true
		}
		if c.Reason == check.ReasonInternal {
			return true
		}
	}
	return false
}
