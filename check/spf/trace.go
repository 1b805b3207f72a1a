package spf

import (
	"net/netip"

	"maildoctor/check/dnsx"
)

// A Result is the answer of check_host() (RFC 7208 section 2.6).
type Result string

// The results.
const (
	ResultNone      Result = "none"
	ResultNeutral   Result = "neutral"
	ResultPass      Result = "pass"
	ResultFail      Result = "fail"
	ResultSoftFail  Result = "softfail"
	ResultTempError Result = "temperror"
	ResultPermError Result = "permerror"
)

// Result returns what a match of a directive gives (RFC 7208 section 4.6.2).
func (q Qualifier) Result() Result {
	switch q {
	case QualifierFail:
		return ResultFail
	case QualifierSoftFail:
		return ResultSoftFail
	case QualifierNeutral:
		return ResultNeutral
	}
	return ResultPass
}

// A Cause says why an evaluation ended as none, temperror or permerror.
type Cause string

// The causes.
const (
	CauseDomain      Cause = "malformed-domain"      // none: not a domain (RFC 7208 section 4.3)
	CauseNoRecord    Cause = "no-record"             // none: no record (RFC 7208 section 4.5)
	CauseDNS         Cause = "dns-failure"           // temperror: a lookup failed
	CauseMany        Cause = "several-records"       // permerror (RFC 7208 section 4.5)
	CauseSyntax      Cause = "syntax"                // permerror: the record has faults (RFC 7208 section 4.6)
	CauseLookups     Cause = "too-many-lookups"      // permerror: more than MaxLookups
	CauseVoidLookups Cause = "too-many-void-lookups" // permerror: more than MaxVoidLookups
	CauseMX          Cause = "too-many-mx"           // permerror: more than MaxMX
	CauseTarget      Cause = "target-without-record" // permerror: include or redirect of a domain without a record (RFC 7208 sections 5.2 and 6.1)
)

// An Evaluation is the answer of check_host() for one sender and the way to it.
type Evaluation struct {
	Domain      string     `json:"domain"` // whose record was evaluated
	IP          netip.Addr `json:"ip"`
	Result      Result     `json:"result"`
	Cause       Cause      `json:"cause,omitempty"`
	Explanation string     `json:"explanation"`  // on fail, the text of exp= with its macros expanded, otherwise empty; the domain's words
	Lookups     int        `json:"lookups"`      // terms evaluated that ask the DNS; MaxLookups are allowed
	VoidLookups int        `json:"void_lookups"` // of those, terms that found nothing; MaxVoidLookups are allowed
	// Decisive leads to the term that gave the result: the term itself, after
	// the includes and redirects that lead to it. It is empty where no term did.
	Decisive []Place `json:"decisive,omitempty"`
	Trace    *Check  `json:"trace"`
}

// A Place is a term in the record of a domain.
type Place struct {
	Domain string `json:"domain"`
	Term
}

// A Check is one call of check_host(): for the domain itself, or for the target
// of an include or redirect.
type Check struct {
	Domain string        `json:"domain"`
	Status dnsx.Status   `json:"status,omitempty"` // of the TXT lookup, if there was one
	Reason string        `json:"reason,omitempty"` // of the status failed
	Record Raw           `json:"record,omitempty"` // the only SPF record
	Faults []Fault       `json:"faults,omitempty"` // of the record; with any, no term is evaluated
	Terms  []Application `json:"terms,omitempty"`  // in order of evaluation, up to the one that decides
	Result Result        `json:"result"`
	Cause  Cause         `json:"cause,omitempty"`
}

// An Application is what became of one term for the sender.
type Application struct {
	Term
	Cost    int         `json:"cost"`              // 1 if it counts among the lookups
	Target  string      `json:"target,omitempty"`  // the domain it asked for, as in a zone file
	Status  dnsx.Status `json:"status,omitempty"`  // of its lookup, if there was one
	Reason  string      `json:"reason,omitempty"`  // of the status failed
	Void    bool        `json:"void,omitempty"`    // its lookup found that there is nothing
	Matched bool        `json:"matched,omitempty"` // it applies to the sender; a redirect always does
	By      string      `json:"by,omitempty"`      // the address, range or name that matched
	Result  Result      `json:"result,omitempty"`  // what it gave, if it ended the evaluation of the record
	Cause   Cause       `json:"cause,omitempty"`   // of an error
	Check   *Check      `json:"check,omitempty"`   // of include and redirect
}

// decisive follows the terms that ended the evaluation of their record.
func (c *Check) decisive() []Place {
	var out []Place
	for c != nil && len(c.Terms) > 0 {
		last := &c.Terms[len(c.Terms)-1]
		if last.Result == "" {
			break
		}
		out = append(out, Place{Domain: c.Domain, Term: last.Term})
		c = last.Check
	}
	return out
}
