package check

import (
	"cmp"
	"context"
	"strings"

	"golang.org/x/net/publicsuffix"

	"maildoctor/check/dmarc"
	"maildoctor/check/dnsx"
	"maildoctor/check/senders"
	"maildoctor/check/taglist"
)

// The rules about DMARC records.
const (
	dmarcMissing       RuleID = "DMARC-MISSING"
	dmarcForwarderOpen RuleID = "DMARC-FORWARDER-OPEN"
	dmarcMultiple      RuleID = "DMARC-MULTIPLE"
	dmarcVersion       RuleID = "DMARC-VERSION"
	dmarcMisplaced     RuleID = "DMARC-MISPLACED"
	dmarcOnlyMisplaced RuleID = "DMARC-ONLY-MISPLACED"
	dmarcTagInvalid    RuleID = "DMARC-TAG-INVALID"
	dmarcTagDefault    RuleID = "DMARC-TAG-DEFAULT"
	dmarcPolicyInvalid RuleID = "DMARC-POLICY-INVALID"
	dmarcPolicyAbsent  RuleID = "DMARC-POLICY-ABSENT"
	dmarcPolicyNone    RuleID = "DMARC-POLICY-NONE"
	dmarcSubdomainNone RuleID = "DMARC-SUBDOMAIN-NONE"
	dmarcTesting       RuleID = "DMARC-TESTING"
	dmarcRemovedTag    RuleID = "DMARC-REMOVED-TAG"
	dmarcPctZero       RuleID = "DMARC-PCT-ZERO"
	dmarcNoReports     RuleID = "DMARC-NO-REPORTS"
	dmarcURIInvalid    RuleID = "DMARC-REPORT-URI-INVALID"
	dmarcURIScheme     RuleID = "DMARC-REPORT-URI-SCHEME"
	dmarcURISize       RuleID = "DMARC-REPORT-URI-SIZE"
	dmarcNotAuthorised RuleID = "DMARC-REPORT-NOT-AUTHORISED"
	dmarcFreeMail      RuleID = "DMARC-REPORT-FREE-MAIL"
	dmarcMailboxDead   RuleID = "DMARC-REPORT-MAILBOX-DEAD"
	dmarcPSDSelf       RuleID = "DMARC-PSD-SELF"
	dmarcMethodsDiffer RuleID = "DMARC-METHODS-DIFFER"
	dmarcOlderAlign    RuleID = "DMARC-OLDER-ALIGNMENT"
	dmarcUnaligned     RuleID = "DMARC-UNALIGNED"
	parkedDMARCWeak    RuleID = "PARKED-DMARC-WEAK"

	dmarcStrictUnaligned RuleID = "DMARC-STRICT-UNALIGNED"
	dmarcStrictHalf      RuleID = "DMARC-STRICT-HALF-ALIGNED"
	dmarcMailUnaligned   RuleID = "DMARC-MAIL-UNALIGNED"
	mailFromNotFound     RuleID = "MAILFROM-NOT-FOUND"
)

func dmarcChecker() checker {
	return checker{
		name: "dmarc", reads: []string{"mx", "spf"}, gather: gatherDMARC, judge: judgeDMARC, merits: meritsDMARC,
		rules: []RuleID{
			dmarcMissing, dmarcForwarderOpen, dmarcMultiple, dmarcVersion, dmarcMisplaced, dmarcOnlyMisplaced,
			dmarcTagInvalid, dmarcTagDefault, dmarcPolicyInvalid, dmarcPolicyAbsent, dmarcPolicyNone, dmarcSubdomainNone,
			dmarcTesting, dmarcRemovedTag, dmarcPctZero, dmarcNoReports, dmarcURIInvalid, dmarcURIScheme, dmarcURISize,
			dmarcNotAuthorised, dmarcFreeMail, dmarcMailboxDead, dmarcPSDSelf, dmarcMethodsDiffer, dmarcOlderAlign,
			dmarcUnaligned, dmarcStrictUnaligned, dmarcStrictHalf, dmarcMailUnaligned, mailFromNotFound, parkedDMARCWeak,
		},
	}
}

func gatherDMARC(ctx context.Context, r *run) Coverage {
	p := dmarc.Discover(ctx, r.dns, r.domain)
	r.facts.DMARC = p
	mailFrom, signers := r.identities()
	r.facts.Alignment = r.align(ctx, p, mailFrom, signers)
	if p.Outcome == dmarc.CannotTell {
		for _, s := range p.Walk.Steps {
			if s.Reached && !s.Status.Known() {
				c := r.unknown(ctx, string(s.Status), s.Reason, s.Asked)
				c.Minor = missing(p)
				return c
			}
		}
	}
	if p.Outcome == dmarc.Found && p.Tag == "" { // np= or sp= counts, whichever fits a name that nobody knows of
		return Coverage{State: Inconclusive, Reason: "dns-" + string(dnsx.ServFail), Subject: p.Domain}
	}
	for _, report := range p.Reports {
		switch report.Authorisation {
		case dmarc.AuthUnknown:
			c := r.unknown(ctx, string(report.Status), report.Reason, report.Asked)
			c.Minor = true
			return c
		case dmarc.Unchecked:
			return Coverage{State: Inconclusive, Reason: ReasonTooMany, Subject: p.Place, Minor: true}
		}
	}
	for _, report := range p.Reports {
		switch report.Mailbox {
		case dmarc.MailboxUnknown:
			c := r.unknown(ctx, string(report.MailboxStatus), report.MailboxReason, report.Host)
			c.Minor = true
			return c
		case dmarc.MailboxUnchecked:
			return Coverage{State: Inconclusive, Reason: ReasonTooMany, Subject: p.Place, Minor: true}
		}
	}
	if r.facts.Alignment.cut() {
		return Coverage{State: Inconclusive, Reason: ReasonTooMany, Subject: p.Domain, Minor: true}
	}
	if id := r.facts.Alignment.unknown(); id != nil {
		c := r.unknown(ctx, string(id.Status), id.Reason, id.Asked)
		c.Minor = true
		return c
	}
	return Coverage{State: Done}
}

// missing reports whether there is no policy, as far as the owner of the domain
// can do anything about it: none was found, or only public suffixes above the
// domain gave no answer, as they do where zone files are all there is.
func missing(p *dmarc.Policy) bool {
	if p.Outcome != dmarc.CannotTell {
		return p.Outcome == dmarc.NotFound
	}
	suffix, _ := publicsuffix.PublicSuffix(p.Domain)
	for _, s := range p.Walk.Steps {
		above := s.Domain == suffix || strings.HasSuffix(suffix, "."+s.Domain)
		if s.Reached && !s.Status.Known() && !above {
			return false
		}
	}
	return true
}

func judgeDMARC(f *Facts, add func(Finding)) {
	judgeEnvelope(f, add)
	p := f.DMARC
	if p == nil || len(p.Walk.Steps) == 0 {
		return
	}
	discarded := judgeDiscarded(f, p, add)
	none := missing(p) && !discarded
	judgeMisplaced(f, p, none, add)
	s := p.Record()
	switch {
	case none && len(p.Misplaced) > 0:
	case none:
		judgeMissing(f, p, add)
	case s != nil && s.Record != nil:
		judgeDMARCRecord(f, p, s, add)
		judgeDMARCPolicy(f, p, s, add)
		judgeDMARCReports(f, p, s, add)
		judgeDMARCMethods(f, p, s, add)
		judgeAlignment(f, p, s, add)
	}
}

// judgeMissing judges that there is no policy. Where nobody sends, or only those
// who pass mail on, that costs no delivery.
func judgeMissing(f *Facts, p *dmarc.Policy, add func(Finding)) {
	if f.idle() {
		add(weakPolicy(p, dmarc.None, nil))
		return
	}
	own := p.Walk.Steps[0]
	finding := Finding{Rule: dmarcMissing, Subject: p.Domain, Evidence: alias(own.Asked, own.Chain)}
	record := headed(p, f.withReports(p, p.Domain, rewrite("", nil, dmarc.None)))
	finding.Params = proposed(p, p.Domain, record)
	if f.Role() == Forwarding {
		finding.Rule = dmarcForwarderOpen
		finding.Params = proposed(p, p.Domain, headed(p, rewrite("", nil, dmarc.Reject)), "watching", record)
	}
	add(finding)
}

// What to do with a record where nobody looks.
const (
	adviceDelete = "delete" // the domain has another one
	adviceMove   = "move"   // perhaps it was meant to be one: now that of a domain above applies
)

// judgeMisplaced judges records where nobody looks. If there is none else, the
// first one is the record that was meant.
func judgeMisplaced(f *Facts, p *dmarc.Policy, none bool, add func(Finding)) {
	advice := adviceMove
	if none || len(p.Walk.Steps[0].Texts)+len(p.Walk.Steps[0].Near) > 0 {
		advice = adviceDelete
	}
	for i, m := range p.Misplaced {
		found := []string{m.Asked + " TXT " + string(m.Text)}
		if none && i == 0 {
			add(Finding{
				Rule: dmarcOnlyMisplaced, Subject: p.Domain, Evidence: found,
				Params: proposed(p, p.Domain, f.restored(p, string(m.Text)), "place", m.Asked),
			})
			continue
		}
		add(Finding{Rule: dmarcMisplaced, Subject: p.Domain, Params: params("place", m.Asked, "advice", advice), Evidence: found})
	}
}

// judgeDiscarded judges what stands at _dmarc on the way up and is passed over
// before a record is found, and reports whether there is such a thing.
func judgeDiscarded(f *Facts, p *dmarc.Policy, add func(Finding)) bool {
	found := false
	for _, s := range p.Walk.Steps {
		if !s.Reached || s.Record != nil {
			break
		}
		switch {
		case len(s.Texts) > 1: // RFC 9989 section 4.10
			add(Finding{Rule: dmarcMultiple, Subject: s.Domain, Params: params("count", len(s.Texts)), Evidence: cited(&s)})
		case len(s.Near) > 0:
			seen := alias(s.Asked, s.Chain)
			for _, near := range s.Near {
				seen = append(seen, string(near.Text))
			}
			add(Finding{
				Rule: dmarcVersion, Subject: s.Domain, Evidence: seen,
				Params: proposed(p, s.Domain, f.restored(p, string(s.Near[0].Text))),
			})
		default:
			continue
		}
		found = true
	}
	return found
}

// cited is the record that applies, behind the aliases that lead to it.
func cited(s *dmarc.Step) []string {
	return append(alias(s.Asked, s.Chain), texts(s.Texts)...)
}

// weakPolicy is the finding of a domain that sends nothing and yet does not ask
// for rejection.
func weakPolicy(p *dmarc.Policy, policy dmarc.Request, record []string) Finding {
	return Finding{
		Rule: parkedDMARCWeak, Subject: p.Domain, Evidence: record,
		Params: proposed(p, p.Domain, proposal(p, dmarc.Reject, "t", "sp", "np"), "policy", policy),
	}
}

// judgeDMARCRecord judges what is written wrongly in the record that applies. Of
// a registry's it matters only whether there is a policy.
func judgeDMARCRecord(f *Facts, p *dmarc.Policy, s *dmarc.Step, add func(Finding)) {
	registry := foreign(p) && p.Source != dmarc.Own
	mended := f.mended(p, s)
	for _, fault := range s.Faults {
		tag, value := quoted(cmp.Or(fault.Tag, fault.Value)), quoted(fault.Value)
		rule, values := RuleID(""), []any{"tag", tag}
		switch fault.Reason {
		case dmarc.RequestInvalid:
			rule, values = dmarcPolicyInvalid, append(values, "value", value, "effect", p.Effect)
		case dmarc.RemovedTag:
			rule = dmarcRemovedTag
			if p.Source == dmarc.Own && pctZero(s) && taglist.Lower(tag) == "pct" {
				continue // judged with the policy
			}
		case dmarc.URIEmpty, dmarc.URINoScheme, dmarc.URIMalformed, dmarc.URIAddress:
			rule, values = dmarcURIInvalid, append(values, "uri", value, "reason", fault.Reason, "rest", restOf(s, mended))
		case dmarc.URIScheme:
			rule, values = dmarcURIScheme, append(values, "uri", value, "rest", restOf(s, mended))
		case dmarc.URISize:
			rule, values = dmarcURISize, append(values, "size", value)
		case dmarc.ValueInvalid, dmarc.FoConflict, dmarc.DuplicateTag, dmarc.MissingEquals, dmarc.EmptyName, dmarc.BadName:
			rule, values = dmarcTagInvalid, append(values, "value", value, "column", fault.Offset+1, "reason", fault.Reason)
			if standard := defaultOf(s.Record, fault); standard != "" {
				rule, values = dmarcTagDefault, []any{"tag", tag, "value", value, "default", standard}
			}
		default: // what every reader passes over
			continue
		}
		if registry && rule != dmarcPolicyInvalid {
			continue
		}
		x := Finding{Rule: rule, Subject: s.Domain, Params: proposed(p, s.Domain, mended, values...), Evidence: cited(s)}
		if rule == dmarcRemovedTag {
			x.Params = params(values...)
		}
		add(x)
	}
}

// defaultOf returns the value that receivers take in place of one that is not
// valid, where it clearly is not the one that was meant.
func defaultOf(r *dmarc.Record, fault dmarc.Fault) string {
	if fault.Reason != dmarc.ValueInvalid {
		return ""
	}
	value := string(fault.Value)
	switch taglist.Lower(string(fault.Tag)) {
	case "adkim", "aspf":
		if meant(value, dmarc.Strict) != "" {
			return dmarc.Relaxed
		}
	case "t":
		if meant(value, dmarc.Yes) != "" && (r.P == dmarc.Quarantine || r.P == dmarc.Reject) {
			return dmarc.No
		}
	}
	return ""
}

// pctZero reports whether pct=0 stands beside a policy. Receivers that follow
// RFC 7489 then apply the next weaker one (section 6.6.4), the others do not
// know the tag; t=y beside it says the same to those (RFC 9989 appendix A.6).
func pctZero(s *dmarc.Step) bool {
	percent, ok := percentage(s.Faults)
	return ok && percent == 0 && (s.Record.P == dmarc.Quarantine || s.Record.P == dmarc.Reject)
}

// judgeDMARCPolicy judges how strong the policy is. The record may stand above
// the domain; what is proposed is one for the domain itself, which comes first
// (RFC 9989 section 4.10.1).
func judgeDMARCPolicy(f *Facts, p *dmarc.Policy, s *dmarc.Step, add func(Finding)) {
	record, r, idle := cited(s), s.Record, f.idle()
	switch {
	case p.Effect == dmarc.PolicyAbsent:
		request := dmarc.None
		if idle {
			request = dmarc.Reject
		}
		add(Finding{
			Rule: dmarcPolicyAbsent, Subject: p.Domain, Evidence: record,
			Params: proposed(p, p.Domain, proposal(p, request)),
		})
	case p.Effect != "" || p.Requested == "":
	case p.Effective == dmarc.None && idle:
		add(weakPolicy(p, p.Effective, record))
	case p.Requested == dmarc.None:
		step, next := f.nextStep(p, s)
		add(Finding{
			Rule: dmarcPolicyNone, Subject: p.Domain, Evidence: record,
			Params: proposed(p, p.Domain, next, "tag", p.Tag, "step", step),
		})
	case p.Effective != p.Requested:
		add(Finding{
			Rule: dmarcTesting, Subject: p.Domain, Evidence: record,
			Params: proposed(p, p.Domain, proposal(p, p.Requested, "t", "pct"), "policy", p.Requested, "effective", p.Effective),
		})
	}
	if p.Source != dmarc.Own {
		return
	}
	if r.P == dmarc.Quarantine || r.P == dmarc.Reject {
		closed := proposal(p, r.P, openTags(r)...)
		for _, tag := range openTags(r) {
			add(Finding{
				Rule: dmarcSubdomainNone, Subject: p.Domain, Evidence: record,
				Params: proposed(p, p.Domain, closed, "tag", tag, "policy", r.P),
			})
		}
	}
	if pctZero(s) && !r.Testing {
		trial := proposal(p, r.P, "pct", "t") + "; t=y"
		if idle {
			trial = proposal(p, r.P, "pct")
		}
		add(Finding{
			Rule: dmarcPctZero, Subject: p.Domain, Evidence: record,
			Params: proposed(p, p.Domain, trial, "policy", r.P, "effective", weaker(r.P)),
		})
	}
	if r.PSD == dmarc.Yes && !idle {
		add(Finding{
			Rule: dmarcPSDSelf, Subject: p.Domain, Evidence: record,
			Params: proposed(p, p.Domain, proposal(p, askable(r.P), "psd")),
		})
	}
}

// openTags lists the tags that leave sub-domains without a policy.
func openTags(r *dmarc.Record) []string {
	var out []string
	if r.SP == dmarc.None {
		out = append(out, "sp")
	}
	if r.NP == dmarc.None {
		out = append(out, "np")
	}
	return out
}

// weaker is the policy below a policy.
func weaker(r dmarc.Request) dmarc.Request {
	if r == dmarc.Reject {
		return dmarc.Quarantine
	}
	return dmarc.None
}

// The next step of a domain whose policy only watches.
const (
	stepQuarantine   = "quarantine"    // reports come
	stepReportsFirst = "reports-first" // nobody is asked for reports
	stepReportsLost  = "reports-lost"  // there are addresses, and no report arrives
	stepMailbox      = "mailbox"       // there is no mailbox to propose
)

// nextStep returns the next step with its record: first find out who sends.
func (f *Facts) nextStep(p *dmarc.Policy, s *dmarc.Step) (step, record string) {
	if reported(p) {
		return stepQuarantine, proposal(p, dmarc.Quarantine, append(openTags(s.Record), "t", "pct")...)
	}
	step = stepReportsFirst
	if len(s.Record.RUA) > 0 && !foreign(p) {
		step = stepReportsLost
	}
	bare := inherited(p, dmarc.None, append(openTags(s.Record), "t", "pct", "rua")...)
	record = f.withReports(p, p.Domain, bare)
	if record == bare {
		step = stepMailbox
	}
	return step, headed(p, record)
}

func meritsDMARC(f *Facts, add func(Merit)) {
	p := f.DMARC
	f.meritsAlignment(add)
	if p == nil || p.Record() == nil || p.Effective == dmarc.None || p.Effective == "" || f.open() {
		return
	}
	if p.Effective == p.Requested {
		add(Merit{ID: "dmarc-policy", Subject: p.Place, Params: params("tag", p.Tag, "policy", p.Effective)})
	} else {
		add(Merit{ID: "dmarc-trial", Subject: p.Place, Params: params("tag", p.Tag, "policy", p.Requested, "effective", p.Effective)})
	}
	for _, report := range p.Reports {
		if report.Tag == "rua" && report.Mailbox != dmarc.Undeliverable &&
			(report.Authorisation == dmarc.Internal || report.Authorisation == dmarc.Authorised) {
			if service, ok := senders.ByReport(report.Host); ok {
				add(Merit{ID: "dmarc-reports-service", Subject: p.Place, Params: params("service", service)})
			} else {
				add(Merit{ID: "dmarc-reports", Subject: p.Place})
			}
			break
		}
	}
}
