package check

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"maildoctor/check/dmarc"
	"maildoctor/check/dnsx"
	"maildoctor/check/taglist"
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
	dmarcMailboxDead   RuleID = "DMARC-REPORT-MAILBOX-DEAD"
	dmarcPSDSelf       RuleID = "DMARC-PSD-SELF"
	dmarcMethodsDiffer RuleID = "DMARC-METHODS-DIFFER"
	dmarcUnaligned     RuleID = "DMARC-UNALIGNED"
	parkedDMARCWeak    RuleID = "PARKED-DMARC-WEAK"

	dmarcStrictUnaligned RuleID = "DMARC-STRICT-UNALIGNED"
)

func dmarcChecker() checker {
	return checker{
		name: "dmarc", reads: []string{"mx", "spf"}, gather: gatherDMARC, judge: judgeDMARC, merits: meritsDMARC,
		rules: []RuleID{
			dmarcMissing, dmarcMultiple, dmarcVersion, dmarcMisplaced, dmarcTagInvalid, dmarcPolicyInvalid,
			dmarcPolicyAbsent, dmarcPolicyNone, dmarcSubdomainNone, dmarcTesting, dmarcRemovedTag,
			dmarcNoReports, dmarcURIInvalid, dmarcNotAuthorised, dmarcMailboxDead, dmarcPSDSelf,
			dmarcMethodsDiffer, dmarcUnaligned, dmarcStrictUnaligned, parkedDMARCWeak,
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
	p := f.DMARC
	if p == nil || len(p.Walk.Steps) == 0 {
		return
	}
	discarded := judgeDiscarded(p, add)
	for _, m := range p.Misplaced {
		add(Finding{Rule: dmarcMisplaced, Subject: p.Domain, Params: params("place", m.Asked), Evidence: []string{string(m.Text)}})
	}
	s := p.Record()
	switch {
	case missing(p) && discarded:
	case missing(p) && f.idle():
		add(weakPolicy(p, dmarc.None, nil))
	case missing(p):
		add(Finding{Rule: dmarcMissing, Subject: p.Domain, Evidence: alias(p.Walk.Steps[0].Asked, p.Walk.Steps[0].Chain)})
	case s != nil && s.Record != nil:
		judgeDMARCRecord(p, s, add)
		judgeDMARCPolicy(f, p, s, add)
		judgeDMARCReports(p, s, f.idle(), add)
		judgeDMARCMethods(f, p, s, add)
		judgeAlignment(f, p, s, add)
	}
}

// judgeDiscarded judges what stands at _dmarc on the way up and is passed over
// before a record is found, and reports whether there is such a thing.
func judgeDiscarded(p *dmarc.Policy, add func(Finding)) bool {
	found := false
	for _, s := range p.Walk.Steps {
		if !s.Reached || s.Record != nil {
			break
		}
		if len(s.Texts) > 1 { // RFC 9989 section 4.10
			found = true
			add(Finding{Rule: dmarcMultiple, Subject: s.Domain, Params: params("count", len(s.Texts)), Evidence: cited(&s)})
			continue
		}
		for _, near := range s.Near {
			found = true
			add(Finding{Rule: dmarcVersion, Subject: s.Domain, Evidence: append(alias(s.Asked, s.Chain), string(near.Text))})
		}
	}
	return found
}

// proposal is a record for the audited domain itself: the one that applies
// with another request, and without the tags that are dropped. A registry's
// report addresses stay its own.
func proposal(p *dmarc.Policy, request dmarc.Request, drop ...string) string {
	record := ""
	if s := p.Record(); s != nil && len(s.Texts) == 1 {
		record = string(s.Texts[0])
	}
	if p.Source != dmarc.Own {
		drop = append(drop, "sp", "np", "psd")
	}
	if foreign(p) && p.Source != dmarc.Own {
		drop = append(drop, "rua", "ruf")
	}
	return rewrite(record, dead(p), request, drop...)
}

// dead lists the hosts of report addresses that take no mail.
func dead(p *dmarc.Policy) []string {
	var out []string
	for _, r := range p.Reports {
		if r.Mailbox == dmarc.Undeliverable {
			out = append(out, r.Host)
		}
	}
	return out
}

// withReports adds a report address to a proposed record that has none: in the
// domain itself, else in its organisational domain, whichever is not known to
// take no mail.
func (f *Facts) withReports(p *dmarc.Policy, record string) string {
	if r, _, ok := dmarc.Parse(record); !ok || len(r.RUA) > 0 {
		return record
	}
	none := dead(p)
	if f.MX != nil && f.MX.RefusesMail() {
		none = append(none, f.Domain)
	}
	for _, host := range []string{p.Domain, p.Walk.OrgDomain} {
		if host != "" && !slices.Contains(none, host) && !aboveRegistered(p, host) {
			return record + "; rua=mailto:dmarc@" + host
		}
	}
	return record
}

// rewrite changes the request of a record. It drops the tags named, those that
// RFC 9989 section 9.3 removed, what is faulty, and report addresses at the
// hosts that are dead; the others stay.
func rewrite(record string, dead []string, request dmarc.Request, drop ...string) string {
	out := []string{"v=DMARC1", "p=" + string(request)}
	drop = append(drop, "v", "p", "pct", "rf", "ri")
	r, faults, ok := dmarc.Parse(record)
	if !ok {
		return strings.Join(out, "; ")
	}
	for _, fault := range faults {
		switch fault.Reason {
		case dmarc.ValueInvalid, dmarc.RequestInvalid, dmarc.BadName, dmarc.FoConflict, dmarc.FoWithoutRuf:
			drop = append(drop, taglist.Lower(string(fault.Tag)))
		}
	}
	for _, tag := range taglist.Parse(record, taglist.Syntax{FoldCase: true}).Tags {
		name, value := taglist.Lower(tag.Name), tag.Value
		switch name {
		case "rua":
			value = usable(r.RUA, dead)
		case "ruf":
			value = usable(r.RUF, dead)
		}
		if value != "" && !slices.Contains(drop, name) {
			out = append(out, name+"="+value)
			drop = append(drop, name) // of doubles the first counts
		}
	}
	return strings.Join(out, "; ")
}

// usable lists the report addresses that reports can be sent to, without the
// size behind them (RFC 9989 appendix C.4).
func usable(uris []dmarc.URI, dead []string) string {
	var out []string
	for _, u := range uris {
		if u.Usable && !slices.Contains(dead, u.Host) {
			text, _, _ := strings.Cut(string(u.Text), "!")
			out = append(out, text)
		}
	}
	return strings.Join(out, ",")
}

// mended is a record without what is faulty in it.
func mended(p *dmarc.Policy, s *dmarc.Step) string {
	return rewrite(strings.Join(texts(s.Texts), ""), dead(p), askable(s.Record.P))
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
		Params: params("policy", policy, "record", proposal(p, dmarc.Reject, "t", "sp", "np")),
	}
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
			rule = dmarcPolicyInvalid
			values = params("tag", tag, "value", value, "effect", p.Effect, "record", mended(p, s))
		case dmarc.URIEmpty, dmarc.URINoScheme, dmarc.URIMalformed, dmarc.URIAddress, dmarc.URIScheme:
			rule, values = dmarcURIInvalid, params("tag", tag, "uri", value, "reason", fault.Reason)
		case dmarc.ValueInvalid, dmarc.FoConflict, dmarc.DuplicateTag, dmarc.MissingEquals, dmarc.EmptyName, dmarc.BadName:
			rule = dmarcTagInvalid
		default: // what every reader passes over
			continue
		}
		add(Finding{Rule: rule, Subject: s.Domain, Params: values, Evidence: cited(s)})
	}
}

// judgeDMARCPolicy judges how strong the policy is. The record may stand above
// the domain; what is proposed is one for the domain itself, which comes first
// (RFC 9989 section 4.10.1).
func judgeDMARCPolicy(f *Facts, p *dmarc.Policy, s *dmarc.Step, add func(Finding)) {
	record, r, idle := cited(s), s.Record, f.idle()
	switch {
	case p.Effect == dmarc.PolicyAbsent:
		add(Finding{
			Rule: dmarcPolicyAbsent, Subject: p.Domain, Evidence: record,
			Params: params("record", proposal(p, dmarc.None)),
		})
	case p.Effect != "" || p.Requested == "":
	case p.Effective == dmarc.None && idle:
		add(weakPolicy(p, p.Effective, record))
	case p.Requested == dmarc.None:
		next := proposal(p, dmarc.Quarantine, "t")
		if !reported(p) { // first find out who sends
			next = f.withReports(p, proposal(p, dmarc.None, "t", "rua"))
		}
		add(Finding{
			Rule: dmarcPolicyNone, Subject: p.Domain, Evidence: record,
			Params: params("tag", p.Tag, "record", next),
		})
	case p.Effective != p.Requested:
		add(Finding{
			Rule: dmarcTesting, Subject: p.Domain, Evidence: record,
			Params: params("policy", p.Requested, "effective", p.Effective, "record", proposal(p, p.Requested, "t")),
		})
	}
	if p.Source != dmarc.Own {
		return
	}
	if r.P == dmarc.Quarantine || r.P == dmarc.Reject {
		for _, sub := range []struct {
			tag   string
			value dmarc.Request
		}{{"sp", r.SP}, {"np", r.NP}} {
			if sub.value == dmarc.None {
				add(Finding{
					Rule: dmarcSubdomainNone, Subject: p.Domain, Evidence: record,
					Params: params("tag", sub.tag, "policy", r.P, "record", proposal(p, r.P, sub.tag)),
				})
			}
		}
	}
	if r.PSD == dmarc.Yes && !idle {
		add(Finding{Rule: dmarcPSDSelf, Subject: p.Domain, Evidence: record})
	}
}

// reported reports whether the domain, and not its registry, may get aggregate
// reports.
func reported(p *dmarc.Policy) bool {
	return !foreign(p) && slices.ContainsFunc(p.Reports, func(r dmarc.Report) bool {
		return r.Tag == "rua" && r.Authorisation != dmarc.NotAuthorised && r.Mailbox != dmarc.Undeliverable
	})
}

func judgeDMARCReports(p *dmarc.Policy, s *dmarc.Step, idle bool, add func(Finding)) {
	if foreign(p) && p.Source != dmarc.Own { // the registry's own business
		return
	}
	if len(s.Record.RUA) == 0 && !idle {
		add(Finding{Rule: dmarcNoReports, Subject: s.Domain, Evidence: cited(s)})
	}
	for _, report := range p.Reports {
		switch { // an agreement would not revive a mailbox
		case report.Mailbox == dmarc.Undeliverable:
			add(Finding{
				Rule: dmarcMailboxDead, Subject: s.Domain, Evidence: cited(s),
				Params: params("tag", report.Tag, "uri", report.URI, "host", report.Host, "reason", report.Dead),
			})
		case report.Authorisation == dmarc.NotAuthorised:
			add(Finding{
				Rule: dmarcNotAuthorised, Subject: s.Domain, Evidence: append(cited(s), texts(report.Texts)...),
				Params: params("tag", report.Tag, "host", report.Host, "place", report.Asked, "reason", report.Why),
			})
		}
	}
}

func meritsDMARC(f *Facts, add func(Merit)) {
	p := f.DMARC
	f.meritsAlignment(add)
	if p == nil || p.Record() == nil || p.Effective == dmarc.None || p.Effective == "" || f.open() {
		return
	}
	add(Merit{ID: "dmarc-policy", Subject: p.Place, Params: params("tag", p.Tag, "policy", p.Effective)})
	for _, report := range p.Reports {
		if report.Tag == "rua" && report.Mailbox != dmarc.Undeliverable &&
			(report.Authorisation == dmarc.Internal || report.Authorisation == dmarc.Authorised) {
			add(Merit{ID: "dmarc-reports", Subject: p.Place})
			break
		}
	}
}
