package check

import (
	"cmp"
	"context"
	"net/http"
	"strconv"

	"golang.org/x/net/publicsuffix"

	"maildoctor/check/bimi"
	"maildoctor/check/dmarc"
	"maildoctor/check/dnsx"
	"maildoctor/check/group"
	"maildoctor/check/httpsx"
)

// The rules about BIMI. It is optional: a domain without it breaks none, and
// none costs points.
const (
	bimiSyntax          RuleID = "BIMI-SYNTAX"
	bimiMultiple        RuleID = "BIMI-MULTIPLE"
	bimiDMARCWeak       RuleID = "BIMI-DMARC-WEAK"
	bimiNoCertificate   RuleID = "BIMI-NO-CERTIFICATE"
	bimiLogoUnreachable RuleID = "BIMI-LOGO-UNREACHABLE"
	bimiLogoInvalid     RuleID = "BIMI-LOGO-INVALID"
	bimiLogoAdvice      RuleID = "BIMI-LOGO-ADVICE"
	bimiLogoTooLarge    RuleID = "BIMI-LOGO-TOO-LARGE"
	bimiCertUnreachable RuleID = "BIMI-CERT-UNREACHABLE"
	bimiCertInvalid     RuleID = "BIMI-CERT-INVALID"
	bimiCertExpired     RuleID = "BIMI-CERT-EXPIRED"
	bimiCertExpiresSoon RuleID = "BIMI-CERT-EXPIRES-SOON"
	bimiCertName        RuleID = "BIMI-CERT-NAME"
	bimiCertLogoDiffers RuleID = "BIMI-CERT-LOGO-DIFFERS"
)

const (
	bimiNotYetValid = "not-yet-valid" // a fault beside those of package bimi
	bimiSoonDays    = 30              // to have a new certificate issued takes weeks
)

func bimiChecker() checker {
	return checker{
		name: "bimi", reads: []string{"dmarc"}, gather: gatherBIMI, judge: judgeBIMI, merits: meritsBIMI,
		rules: []RuleID{
			bimiSyntax, bimiMultiple, bimiDMARCWeak, bimiNoCertificate, bimiLogoUnreachable, bimiLogoInvalid,
			bimiLogoAdvice, bimiLogoTooLarge, bimiCertUnreachable, bimiCertInvalid, bimiCertExpired,
			bimiCertExpiresSoon, bimiCertName, bimiCertLogoDiffers,
		},
	}
}

// gatherBIMI finds the record and fetches what it names. Web servers are no
// mail hosts, so that Options.NoSMTP does not keep it from that.
func gatherBIMI(ctx context.Context, r *run) Coverage {
	b := bimi.Discover(ctx, r.dns, r.domain, bimi.DefaultSelector, r.organization)
	r.facts.BIMI = b
	if last := b.Steps[len(b.Steps)-1]; b.Outcome == bimi.CannotTell {
		c := r.unknown(ctx, string(last.Status), last.Reason, cmp.Or(last.Asked, last.Domain))
		c.Minor = true
		return c
	}
	var parts group.Group
	parts.Go(func() { b.FetchLogo(ctx, r.fetchBIMI("image/svg+xml")) })
	parts.Go(func() { b.FetchCertificate(ctx, r.fetchBIMI("application/x-pem-file"), r.net.Now()) })
	parts.Wait()
	switch {
	case b.Logo != nil && !b.Logo.Known:
		return bimiNotFetched(ctx, b.Logo.Download)
	case b.Certificate != nil && !b.Certificate.Known:
		return bimiNotFetched(ctx, b.Certificate.Download)
	}
	return Coverage{State: Done}
}

// organization returns the organisational domain of the audited one. The draft
// of BIMI means that of RFC 7489, from the list of public suffixes; RFC 9989 has
// taken its place, and the list is for where the DNS does not tell.
func (r *run) organization(ctx context.Context) string {
	if walk := dmarc.OrganizationalDomain(ctx, r.dns, r.domain); !walk.Unknown {
		return walk.OrgDomain
	}
	if org, err := publicsuffix.EffectiveTLDPlusOne(r.domain); err == nil {
		return org
	}
	return r.domain
}

// fetchBIMI returns the way in which a file is fetched.
func (r *run) fetchBIMI(accept string) bimi.Fetch {
	client := r.https()
	return func(ctx context.Context, url string, limit int) bimi.Fetched {
		resp := client.Get(ctx, url, httpsx.Options{Limit: limit, Accept: accept})
		out := bimi.Fetched{
			Outcome: string(resp.Outcome), Known: bimiFinal(resp), Status: resp.Status,
			TooLarge: resp.Outcome == httpsx.OutcomeTooLarge, Body: resp.Body,
		}
		switch resp.Outcome {
		case httpsx.OutcomeDNSUnknown:
			out.Outcome = "dns-" + string(resp.DNS)
		case httpsx.OutcomeNotDialled:
			out.Outcome = resp.Reason
		}
		return out
	}
}

// bimiFinal reports whether every receiver that fetches gets no file either. Some
// follow redirects and take codings; and what a server refuses to this program
// it may hand out to them.
func bimiFinal(resp *httpsx.Response) bool {
	switch resp.Outcome {
	case httpsx.OutcomeRedirect, httpsx.OutcomeEncoded, httpsx.OutcomeBadURL:
		return false
	case httpsx.OutcomeStatus:
		return resp.Status == http.StatusNotFound || resp.Status == http.StatusGone
	}
	return resp.Verdict() != httpsx.Unclear
}

// bimiNotFetched is the coverage where a file could not be had this time.
func bimiNotFetched(ctx context.Context, d bimi.Download) Coverage {
	if ctx.Err() != nil {
		c := interrupted(ctx)
		c.Minor = true
		return c
	}
	reason := ReasonFile
	switch d.Outcome {
	case string(httpsx.OutcomeTimeout):
		reason = ReasonNoAnswer
	case string(httpsx.OutcomeUnreachable):
		reason = ReasonNetwork
	case ReasonConnections, ReasonBudget:
		reason = d.Outcome
	case "dns-" + string(dnsx.Timeout), "dns-" + string(dnsx.ServFail), "dns-" + string(dnsx.Refused), "dns-" + string(dnsx.Failed):
		reason = d.Outcome
	}
	return Coverage{State: Inconclusive, Reason: reason, Subject: d.URL, Minor: true}
}

func judgeBIMI(f *Facts, add func(Finding)) {
	b := f.BIMI
	if b == nil {
		return
	}
	for i := range b.Steps {
		if s := &b.Steps[i]; len(s.Texts) == 0 {
			judgeBIMINear(s, add)
		}
	}
	s := b.Step()
	switch {
	case s == nil:
		return
	case b.Outcome == bimi.Several:
		add(Finding{
			Rule: bimiMultiple, Subject: s.Domain, Evidence: bimiEvidence(s),
			Params: params("place", s.Asked, "count", len(s.Texts)),
		})
		return
	case s.Record == nil || s.Record.Declined:
		return
	}
	for _, fault := range s.Faults {
		if fault.Void || fault.Reason == bimi.AvatarInvalid { // the rest every reader passes over
			add(bimiFault(s, fault, bimiEvidence(s)))
		}
	}
	judgeBIMIGate(f, s, add)
	if s.Void() {
		return
	}
	if s.Record.Authority == "" && s.Record.LogoURL != "" {
		add(Finding{Rule: bimiNoCertificate, Subject: s.Domain, Evidence: bimiEvidence(s)})
	}
	judgeBIMILogo(b, s, add)
	judgeBIMICertificate(b, s, add)
}

func bimiEvidence(s *bimi.Step) []string { return append(alias(s.Asked, s.Chain), texts(s.Texts)...) }

func bimiFault(s *bimi.Step, fault bimi.Fault, evidence []string) Finding {
	return Finding{
		Rule: bimiSyntax, Subject: s.Domain, Evidence: evidence,
		Params: params(
			"place", s.Asked, "tag", quoted(cmp.Or(fault.Tag, fault.Value)), "value", quoted(fault.Value),
			"column", fault.Offset+1, "fault", fault.Reason,
		),
	}
}

// judgeBIMINear judges texts that are no record, and meant as one.
func judgeBIMINear(s *bimi.Step, add func(Finding)) {
	for _, near := range s.Near {
		add(bimiFault(s, near.Fault, append(alias(s.Asked, s.Chain), string(near.Text))))
	}
}

// The gaps by which a DMARC record keeps a logo from being shown
// (draft-brand-indicators-for-message-identification section 7.1). The draft
// is silent on t=y, which is younger; it asks for a policy in force.
const (
	gapMissing    = "dmarc-missing"
	gapNone       = "policy-none"
	gapInvalid    = "policy-invalid"
	gapSubdomain  = "subdomain-none"
	gapPercentage = "percentage"
	gapTesting    = "testing"
)

// judgeBIMIGate judges whether DMARC lets a logo be shown. Where it is not
// known, nothing is said.
func judgeBIMIGate(f *Facts, s *bimi.Step, add func(Finding)) {
	p := f.DMARC
	if p == nil || p.Outcome == dmarc.CannotTell {
		return
	}
	gap := func(reason, place, record string, evidence []string) {
		add(Finding{
			Rule: bimiDMARCWeak, Subject: f.Domain, Evidence: evidence,
			Params: params("gap", reason, "place", "_dmarc."+place, "record", record, "bimi", s.Asked),
		})
	}
	if p.Outcome == dmarc.NotFound {
		gap(gapMissing, p.Domain, rewrite("", nil, dmarc.Quarantine), nil)
		return
	}
	for i := range p.Walk.Steps { // the record that applies, and that of the organisational domain
		step := &p.Walk.Steps[i]
		if !step.Reached || step.Record == nil || step.Domain != p.Place && step.Domain != p.Walk.OrgDomain {
			continue
		}
		if reason := dmarcGap(step); reason != "" {
			request := dmarc.Quarantine
			if step.Record.P == dmarc.Reject {
				request = dmarc.Reject
			}
			gap(reason, step.Domain, rewrite(join(step.Texts, ""), dead(p), request, "sp", "t"), cited(step))
			return
		}
	}
}

// dmarcGap returns the gap of a DMARC record, or the empty string.
func dmarcGap(s *dmarc.Step) string {
	switch r := s.Record; {
	case r.P == dmarc.None:
		return gapNone
	case r.P != dmarc.Quarantine && r.P != dmarc.Reject, r.SP == dmarc.Invalid:
		return gapInvalid
	case r.SP == dmarc.None:
		return gapSubdomain
	case r.P == dmarc.Quarantine && partial(s):
		return gapPercentage
	case r.Testing:
		return gapTesting
	}
	return ""
}

// partial reports whether pct= says less than 100. RFC 9989 took the tag away,
// BIMI still looks at it.
func partial(s *dmarc.Step) bool {
	for _, fault := range s.Faults {
		if fault.Reason == dmarc.RemovedTag && (fault.Tag == "pct" || fault.Tag == "PCT") {
			n, err := strconv.Atoi(string(fault.Value))
			return err == nil && n < 100
		}
	}
	return false
}

func judgeBIMILogo(b *bimi.Result, s *bimi.Step, add func(Finding)) {
	logo := b.Logo
	if logo == nil {
		return
	}
	raise := func(rule RuleID, more ...any) {
		add(Finding{
			Rule: rule, Subject: s.Domain, Evidence: bimiEvidence(s),
			Params: params(append([]any{"url", logo.URL}, more...)...),
		})
	}
	switch {
	case logo.TooLarge:
		raise(bimiLogoTooLarge, "size", bimi.MaxLogo, "limit", bimi.MaxAdvised)
	case logo.Picture == nil && logo.Known:
		raise(bimiLogoUnreachable, "fetch", logo.Outcome, "status", logo.Status)
	case logo.Picture == nil:
	default:
		for _, fault := range logo.Picture.Faults {
			rule := bimiLogoInvalid
			switch {
			case fault.Reason == bimi.PictureCut:
				continue
			case fault.Advice:
				rule = bimiLogoAdvice
			}
			raise(rule, "fault", fault.Reason, "name", quoted(fault.Name), "line", fault.Line)
		}
		if logo.Picture.Size > bimi.MaxAdvised {
			raise(bimiLogoTooLarge, "size", logo.Picture.Size, "limit", bimi.MaxAdvised)
		}
	}
}

func judgeBIMICertificate(b *bimi.Result, s *bimi.Step, add func(Finding)) {
	file := b.Certificate
	if file == nil {
		return
	}
	raise := func(rule RuleID, more ...any) {
		add(Finding{
			Rule: rule, Subject: s.Domain, Evidence: bimiEvidence(s),
			Params: params(append([]any{"url", file.URL}, more...)...),
		})
	}
	mark := file.Mark
	switch {
	case file.TooLarge:
		raise(bimiCertInvalid, "fault", bimi.FileCut)
		return
	case mark == nil && file.Known:
		raise(bimiCertUnreachable, "fetch", file.Outcome, "status", file.Status)
		return
	case mark == nil:
		return
	}
	for _, fault := range mark.Faults {
		raise(bimiCertInvalid, "fault", fault)
	}
	if mark.Blocks == 0 {
		return
	}
	switch {
	case mark.Expired:
		raise(bimiCertExpired, "date", day(mark.NotAfter))
	case mark.NotYetValid:
		raise(bimiCertInvalid, "fault", bimiNotYetValid)
	case mark.DaysLeft <= bimiSoonDays:
		raise(bimiCertExpiresSoon, "days", mark.DaysLeft, "date", day(mark.NotAfter))
	}
	if !mark.NameMatch {
		raise(bimiCertName, "names", quoted(join(mark.Names, ", ")), "place", s.Asked)
	}
	if same, known := b.SamePicture(); known && !same {
		raise(bimiCertLogoDiffers, "logo", b.Logo.URL)
	}
}

func meritsBIMI(f *Facts, add func(Merit)) {
	b := f.BIMI
	if b == nil || b.Record() == nil {
		return
	}
	s := b.Step()
	if s.Record.Declined {
		add(Merit{ID: "bimi-declined", Subject: s.Domain})
		return
	}
	if b.Logo != nil && b.Logo.Picture != nil && b.Logo.Picture.Valid() {
		add(Merit{ID: "bimi-logo", Subject: s.Domain})
	}
	if b.Certificate == nil || b.Certificate.Mark == nil {
		return
	}
	mark := b.Certificate.Mark
	same, known := b.SamePicture()
	if len(mark.Faults) == 0 && mark.NameMatch && !mark.NotYetValid && mark.DaysLeft > bimiSoonDays && (same || !known) {
		add(Merit{ID: "bimi-certificate", Subject: s.Domain, Params: params("kind", mark.Kind, "days", mark.DaysLeft)})
	}
}
