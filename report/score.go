package report

import (
	"cmp"
	"slices"
	"strings"

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
		return c.State == check.Inconclusive && !c.Minor && (r.Deliverability > 0 || r.Severity == Critical)
	})
	if security < 100 || r.done() {
		out.Security.Score = new(max(0, security))
		// Encryption is for the most part a matter of security, so that this
		// score has a gap where mail hosts were left out by choice.
		out.Security.AtMost = r.open(cat, func(c check.Coverage, r *Rule) bool {
			return (c.State == check.Inconclusive || c.Reason == check.ReasonNoSMTP) && r.Security > 0
		})
	}
	return out
}

// measured reports whether anything was found out about the domain: a checker
// came to its end, or a rule is broken that is not about the program itself.
func (r *Report) measured() bool {
	return r.done() || slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Area != areaProgram })
}

// done reports whether a checker came to its end. That blocklists have an answer shows nothing of a domain whose own servers have
// none, unless they alone were asked.
func (r *Report) done() bool {
	return slices.ContainsFunc(r.Coverage, func(c check.Coverage) bool {
		return c.State == check.Done && (c.Checker != "dnsbl" || len(r.Coverage) == 1)
	})
}

// idle reports whether there was nothing to check: every checker was skipped.
func (r *Report) idle() bool {
	return len(r.Coverage) > 0 && !slices.ContainsFunc(r.Coverage, func(c check.Coverage) bool { return c.State != check.Skipped })
}

// open reports whether a checker did not come to its end that could have found
// a rule broken which counts. The area of a rule is the name of its checker.
func (r *Report) open(cat *Catalog, counts func(check.Coverage, *Rule) bool) bool {
	for _, c := range r.Coverage {
		for _, rule := range cat.rules {
			if rule.Area == c.Checker && counts(c, rule) {
				return true
			}
		}
	}
	return false
}

// lowest is the grade of all that earns no other.
const lowest = "F"

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
	return lowest
}

// A Verdict is the code of the sentence that sums a report up.
type Verdict string

// The verdicts.
const (
	VerdictIdle       Verdict = "idle"           // there was nothing to check
	VerdictUnanswered Verdict = "unanswered"     // not measured: the DNS did not answer
	VerdictRefused    Verdict = "refused"        // not measured: DNS servers refuse or fail
	VerdictUnmeasured Verdict = "unmeasured"     // not measured for other reasons
	VerdictCritical   Verdict = "critical"       // mail cannot work
	VerdictPoor       Verdict = "poor"           // deliverability of grade D or F
	VerdictFair       Verdict = "fair"           // deliverability of grade C
	VerdictError      Verdict = "error"          // an error, with a better grade
	VerdictExposed    Verdict = "exposed"        // others can send in the name of the domain
	VerdictWarning    Verdict = "warning"        // a warning, and nothing worse
	VerdictOpen       Verdict = "open"           // nothing worse than a notice, and not everything measured
	VerdictGood       Verdict = "good"           // nothing worse than a notice
	VerdictUndeclared Verdict = "undeclared"     // its records do not say whether it takes part in mail, and something is wrong if it does
	VerdictParked     Verdict = "parked"         // takes no part in mail, and says so
	VerdictParkedOpen Verdict = "parked-open"    // takes no part in mail, and others can send in its name
	VerdictFindings   Verdict = "check-findings" // a single check or a parked domain with a warning or an error
)

// verdict sums up a report that is complete but for that.
func (r *Report) verdict() Verdict {
	worst := len(severities())
	for _, f := range r.Findings {
		worst = min(worst, f.Severity.rank())
	}
	has := func(s Severity) bool { return worst <= s.rank() }
	switch {
	case !r.measured() && r.Rating == nil && len(r.Merits) > 0: // a part of it was
		return VerdictOpen
	case !r.measured():
		return r.unmeasured()
	case has(Critical):
		return VerdictCritical
	case r.Rating == nil && has(Warning):
		return VerdictFindings
	case r.Rating == nil && r.inconclusive():
		return VerdictOpen
	case r.Rating == nil:
		return VerdictGood
	}
	exposed := slices.ContainsFunc(r.Findings, Finding.exposes)
	// What was left out by choice alone leaves no verdict open.
	parked, open := r.Role == check.Parked, r.AtMost || r.Security.AtMost && r.inconclusive()
	switch {
	case parked && exposed:
		return VerdictParkedOpen
	case parked && has(Warning):
		return VerdictFindings
	case parked && open:
		return VerdictOpen
	case parked:
		return VerdictParked
	case r.Role == check.Unknown && !r.inconclusive() && has(Warning):
		return VerdictUndeclared
	case r.Grade == "D" || r.Grade == lowest:
		return VerdictPoor
	case r.Grade == "C":
		return VerdictFair
	case slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Severity.rank() <= Error.rank() && !f.exposes() }):
		return VerdictError
	case exposed:
		return VerdictExposed
	case has(Warning):
		return VerdictWarning
	case open:
		return VerdictOpen
	}
	return VerdictGood
}

// unmeasured is the verdict where nothing was found out: the reasons of what is
// inconclusive tell why.
func (r *Report) unmeasured() Verdict {
	if r.idle() {
		return VerdictIdle
	}
	if !r.inconclusive() {
		return VerdictUnmeasured
	}
	verdict, silence := VerdictUnmeasured, []string{"dns-timeout", "dns-failed", check.ReasonDescriptors}
	for _, c := range r.Coverage {
		switch {
		case c.State != check.Inconclusive, c.Reason == check.ReasonLists:
		case slices.Contains(silence, c.Reason):
			if verdict == VerdictUnmeasured {
				verdict = VerdictUnanswered
			}
		case strings.HasPrefix(c.Reason, "dns-"):
			verdict = VerdictRefused
		default:
			return VerdictUnmeasured
		}
	}
	return verdict
}

// inconclusive reports whether a checker could not find something out. That
// blocklists do not answer this resolver casts no doubt on a whole audit.
func (r *Report) inconclusive() bool {
	return slices.ContainsFunc(r.Coverage, func(c check.Coverage) bool {
		return c.State == check.Inconclusive && (r.Rating == nil || c.Reason != check.ReasonLists)
	})
}

// exposes reports whether a finding lets others send in the name of the domain.
func (f Finding) exposes() bool {
	const much = 20 // points
	return (f.Area == "spf" || f.Area == "dmarc") && f.Security >= much
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
