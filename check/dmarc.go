package check

import (
	"cmp"
	"context"

	"maildoctor/check/dmarc"
)

// The rules about DMARC records.
const (
	dmarcMissing       RuleID = "DMARC-MISSING"
	dmarcMultiple      RuleID = "DMARC-MULTIPLE"
	dmarcVersion       RuleID = "DMARC-VERSION"
	dmarcMisplaced     RuleID = "DMARC-MISPLACED"
	dmarcTagInvalid    RuleID = "DMARC-TAG-INVALID"
	dmarcPolicyInvalid RuleID = "DMARC-POLICY-INVALID"
	dmarcPolicyAbsent  RuleID = "DMARC-POLICY-ABSENT"
	dmarcPolicyNone    RuleID = "DMARC-POLICY-NONE"
	dmarcSubdomainNone RuleID = "DMARC-SUBDOMAIN-NONE"
	dmarcTesting       RuleID = "DMARC-TESTING"
	dmarcRemovedTag    RuleID = "DMARC-REMOVED-TAG"
	dmarcNoReports     RuleID = "DMARC-NO-REPORTS"
	dmarcURIInvalid    RuleID = "DMARC-REPORT-URI-INVALID"
	dmarcNotAuthorised RuleID = "DMARC-REPORT-NOT-AUTHORISED"
	dmarcPSDSelf       RuleID = "DMARC-PSD-SELF"
	parkedDMARCWeak    RuleID = "PARKED-DMARC-WEAK"
)

func dmarcChecker() checker {
	return checker{
		name: "dmarc", reads: []string{"mx", "spf"}, gather: gatherDMARC, judge: judgeDMARC, merits: meritsDMARC,
		rules: []RuleID{
			dmarcMissing, dmarcMultiple, dmarcVersion, dmarcMisplaced, dmarcTagInvalid, dmarcPolicyInvalid,
			dmarcPolicyAbsent, dmarcPolicyNone, dmarcSubdomainNone, dmarcTesting, dmarcRemovedTag,
			dmarcNoReports, dmarcURIInvalid, dmarcNotAuthorised, dmarcPSDSelf, parkedDMARCWeak,
		},
	}
}

func gatherDMARC(ctx context.Context, r *run) Coverage {
	p := dmarc.Discover(ctx, r.dns, r.domain)
	r.facts.DMARC = p
	if p.Outcome == dmarc.CannotTell {
		for _, s := range p.Walk.Steps {
			if s.Reached && !s.Status.Known() {
				return r.unknown(ctx, string(s.Status), s.Reason, s.Asked)
			}
		}
	}
	for _, report := range p.Reports {
		if report.Authorisation == dmarc.AuthUnknown {
			return r.unknown(ctx, string(report.Status), report.Reason, report.Asked)
		}
	}
	return Coverage{State: Done}
}

func judgeDMARC(f *Facts, add func(Finding)) {
	p := f.DMARC
	if p == nil || len(p.Walk.Steps) == 0 {
		return
	}
	discarded := judgeDiscarded(p.Walk.Steps[0], add)
	for _, m := range p.Misplaced {
		add(Finding{Rule: dmarcMisplaced, Subject: p.Domain, Params: params("place", m.Asked), Evidence: []string{string(m.Text)}})
	}
	idle := f.idle()
	s := p.Record()
	switch {
	case p.Outcome == dmarc.NotFound && !discarded && idle:
		add(Finding{Rule: parkedDMARCWeak, Subject: p.Domain, Params: params("policy", dmarc.None)})
	case p.Outcome == dmarc.NotFound && !discarded:
		add(Finding{Rule: dmarcMissing, Subject: p.Domain})
	case s != nil:
		judgeDMARCRecord(p, s, add)
		judgeDMARCPolicy(p, s, idle, add)
		judgeDMARCReports(p, s, idle, add)
	}
}

// judgeDiscarded judges what stands at _dmarc and is passed over, and reports
// whether there is such a thing.
func judgeDiscarded(own dmarc.Step, add func(Finding)) bool {
	if len(own.Texts) > 1 { // RFC 9989 section 4.10
		add(Finding{Rule: dmarcMultiple, Subject: own.Domain, Params: params("count", len(own.Texts)), Evidence: texts(own.Texts)})
		return true
	}
	if own.Record != nil {
		return false
	}
	for _, near := range own.Near {
		add(Finding{Rule: dmarcVersion, Subject: own.Domain, Evidence: []string{string(near.Text)}})
	}
	return len(own.Near) > 0
}

// judgeDMARCRecord judges what is written wrongly in the record that applies.
func judgeDMARCRecord(p *dmarc.Policy, s *dmarc.Step, add func(Finding)) {
	for _, fault := range s.Faults {
		tag, value := quoted(cmp.Or(fault.Tag, fault.Value)), quoted(fault.Value)
		rule, values := RuleID(""), params("tag", tag, "value", value, "column", fault.Offset+1, "reason", fault.Reason)
		switch fault.Reason {
		case dmarc.RemovedTag:
			rule, values = dmarcRemovedTag, params("tag", tag)
		case dmarc.RequestInvalid:
			rule, values = dmarcPolicyInvalid, params("tag", tag, "value", value, "effect", p.Effect)
		case dmarc.URIEmpty, dmarc.URINoScheme, dmarc.URIMalformed, dmarc.URIAddress, dmarc.URIScheme:
			rule, values = dmarcURIInvalid, params("tag", tag, "uri", value, "reason", fault.Reason)
		case dmarc.ValueInvalid, dmarc.FoConflict, dmarc.DuplicateTag, dmarc.MissingEquals, dmarc.EmptyName, dmarc.BadName:
			rule = dmarcTagInvalid
		default: // what every reader passes over
			continue
		}
		add(Finding{Rule: rule, Subject: s.Domain, Params: values, Evidence: texts(s.Texts)})
	}
}

// judgeDMARCPolicy judges how strong the policy is.
func judgeDMARCPolicy(p *dmarc.Policy, s *dmarc.Step, idle bool, add func(Finding)) {
	record := texts(s.Texts)
	switch {
	case p.Effect == dmarc.PolicyAbsent:
		add(Finding{Rule: dmarcPolicyAbsent, Subject: s.Domain, Evidence: record})
	case p.Effect != "":
	case p.Requested == dmarc.None && idle:
		add(Finding{Rule: parkedDMARCWeak, Subject: s.Domain, Params: params("policy", p.Requested), Evidence: record})
	case p.Requested == dmarc.None:
		add(Finding{Rule: dmarcPolicyNone, Subject: s.Domain, Params: params("tag", p.Tag), Evidence: record})
	case p.Effective != p.Requested:
		add(Finding{
			Rule: dmarcTesting, Subject: s.Domain, Evidence: record,
			Params: params("policy", p.Requested, "effective", p.Effective),
		})
	}
	r := s.Record
	if p.Source == dmarc.Own && (r.P == dmarc.Quarantine || r.P == dmarc.Reject) {
		for _, sub := range []struct {
			tag   string
			value dmarc.Request
		}{{"sp", r.SP}, {"np", r.NP}} {
			if sub.value == dmarc.None {
				add(Finding{
					Rule: dmarcSubdomainNone, Subject: s.Domain, Evidence: record,
					Params: params("tag", sub.tag, "policy", r.P),
				})
			}
		}
	}
	if p.Source == dmarc.Own && r.PSD == dmarc.Yes && !idle {
		add(Finding{Rule: dmarcPSDSelf, Subject: s.Domain, Evidence: record})
	}
}

func judgeDMARCReports(p *dmarc.Policy, s *dmarc.Step, idle bool, add func(Finding)) {
	if len(s.Record.RUA) == 0 && !idle {
		add(Finding{Rule: dmarcNoReports, Subject: s.Domain, Evidence: texts(s.Texts)})
	}
	for _, report := range p.Reports {
		if report.Authorisation == dmarc.NotAuthorised {
			add(Finding{
				Rule: dmarcNotAuthorised, Subject: s.Domain, Evidence: texts(s.Texts),
				Params: params("tag", report.Tag, "host", report.Host, "place", report.Asked),
			})
		}
	}
}

func meritsDMARC(f *Facts, add func(Merit)) {
	p := f.DMARC
	if p == nil || p.Record() == nil || p.Effective == dmarc.None || p.Effective == "" {
		return
	}
	add(Merit{ID: "dmarc-policy", Subject: p.Place, Params: params("policy", p.Effective)})
	for _, report := range p.Reports {
		if report.Tag == "rua" && (report.Authorisation == dmarc.Internal || report.Authorisation == dmarc.Authorised) {
			add(Merit{ID: "dmarc-reports", Subject: p.Place})
			break
		}
	}
}
