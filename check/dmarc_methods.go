package check

import (
	"cmp"
	"slices"
	"strings"

	"maildoctor/check/dmarc"
)

// What the two ways to find an organisational domain do to a domain on which
// they differ: the walk of RFC 9989 and the Public Suffix List of RFC 7489.
const (
	legacyNoPolicy = "legacy-no-policy" // by the list there is no policy
	policyDiffers  = "policy-differs"   // each leads to another policy
	alignmentWider = "alignment-wider"  // by the walk it belongs to a domain in which anybody can have names
)

// judgeDMARCMethods judges a domain on which the walk and the list differ, where
// that changes which policy is applied or lets strangers pass. That the walk
// takes a smaller organisation than the list does is what psd=n is for, and of
// no consequence by itself.
func judgeDMARCMethods(f *Facts, p *dmarc.Policy, s *dmarc.Step, add func(Finding)) {
	l, walk := p.Legacy, p.Walk.OrgDomain
	if l == nil || l.Unknown || walk == "" || p.Effective == "" || len(p.Walk.Steps[0].Texts) > 1 {
		return
	}
	wider := aboveRegistered(p, walk)
	relaxed := s.Record.ADKIM == dmarc.Relaxed || s.Record.ASPF == dmarc.Relaxed
	effect := ""
	switch other := cmp.Or(l.Requested, dmarc.None); {
	case l.Place != s.Domain && l.Requested == "" && p.Effective != dmarc.None:
		effect = legacyNoPolicy
	case l.Place != s.Domain && other != p.Effective:
		effect = policyDiffers
	case wider && relaxed && p.Effective != dmarc.None:
		effect = alignmentWider
	default:
		judgeOlderAlignment(f, p, s, add)
		return
	}
	seen := cited(s)
	if top := stepWith(p, walk); top != nil && top.Domain != s.Domain {
		seen = append(seen, texts(top.Texts)...)
	}
	place, record := f.methodsRecord(p, s, wider)
	add(Finding{
		Rule: dmarcMethodsDiffer, Subject: p.Domain, Evidence: seen,
		Params: proposed(p, place, record, "effect", effect, "walk", walk, "list", l.OrgDomain, "place", place),
	})
}

// judgeOlderAlignment judges a domain below a public suffix that says psd=y and
// is not on the list: receivers of RFC 7489 take that suffix for the
// organisation, so that the names of all others below it align. What needs no
// relaxed alignment can do without it.
func judgeOlderAlignment(f *Facts, p *dmarc.Policy, s *dmarc.Step, add func(Finding)) {
	if p.Walk.By != dmarc.ByPSDYes || p.Effective == dmarc.None || !strings.HasSuffix(p.Walk.OrgDomain, "."+p.Legacy.OrgDomain) {
		return
	}
	strict := ""
	var mail, signers []dmarc.Identifier
	if a := f.Alignment; a != nil {
		mail, signers = a.MailFrom, a.Signers
	}
	if s.Record.ADKIM == dmarc.Relaxed && !needsRelaxed(signers) {
		strict += "; adkim=s"
	}
	if s.Record.ASPF == dmarc.Relaxed && !needsRelaxed(mail) {
		strict += "; aspf=s"
	}
	if strict == "" {
		return
	}
	drop := []string{}
	for _, tag := range []string{"adkim", "aspf"} {
		if strings.Contains(strict, tag) {
			drop = append(drop, tag)
		}
	}
	record := inherited(p, requestOf(p), drop...)
	if !f.idle() {
		record = f.withReports(p, p.Domain, record)
	}
	add(Finding{
		Rule: dmarcOlderAlign, Subject: p.Domain, Evidence: cited(s),
		Params: proposed(p, p.Domain, record+strict, "list", p.Legacy.OrgDomain),
	})
}

// needsRelaxed reports whether one of the identifiers fits in relaxed mode only.
func needsRelaxed(list []dmarc.Identifier) bool {
	return slices.ContainsFunc(list, func(id dmarc.Identifier) bool {
		return id.Relaxed == dmarc.InAlignment && id.Strict != dmarc.InAlignment
	})
}

// aboveRegistered reports whether a domain lies above the one that the Public
// Suffix List takes for the organisation, hence belongs to somebody else.
func aboveRegistered(p *dmarc.Policy, domain string) bool {
	return p.Legacy != nil && strings.HasSuffix(p.Legacy.OrgDomain, "."+domain)
}

// foreign reports whether the record that applies is that of a public suffix.
func foreign(p *dmarc.Policy) bool {
	return p.Source == dmarc.PublicSuffix || p.Place != "" && aboveRegistered(p, p.Place)
}

// methodsRecord returns the record with which both methods agree, and where it
// belongs: at the domain that both take for the organisation then, or at the
// domain itself, where both look first (RFC 9989 section 11.8 and appendix C.3).
func (f *Facts) methodsRecord(p *dmarc.Policy, s *dmarc.Step, wider bool) (place, record string) {
	head := ""
	if wider {
		head = "; psd=n"
	}
	place = p.Legacy.OrgDomain
	if place == p.Domain || len(p.Walk.OrgDomain) > len(place) {
		record = inherited(p, requestOf(p), "psd")
		if !f.idle() {
			record = f.withReports(p, p.Domain, record)
		}
		return p.Domain, headed(p, record)
	}
	if own := stepWith(p, place); own != nil {
		return place, amend(join(own.Texts, ""), dead(p), askable(own.Record.P), "psd") + head
	}
	// What applies to that domain now is the request of the record above it.
	above := s.Record
	if top := stepWith(p, p.Walk.OrgDomain); top != nil {
		above = top.Record
	}
	return place, "v=DMARC1; p=" + string(askable(cmp.Or(above.SP, above.P))) + "; rua=mailto:dmarc@" + place + head
}

// stepWith returns the step of a domain that has one record, or nil.
func stepWith(p *dmarc.Policy, domain string) *dmarc.Step {
	for i := range p.Walk.Steps {
		if s := &p.Walk.Steps[i]; s.Domain == domain && s.Record != nil {
			return s
		}
	}
	return nil
}

// askable is a request that can be published.
func askable(r dmarc.Request) dmarc.Request {
	if r == dmarc.Invalid || r == "" {
		return dmarc.None
	}
	return r
}

// requestOf is what the record that applies asks for, so that a record with
// something else mended asks for the same.
func requestOf(p *dmarc.Policy) dmarc.Request { return askable(p.Requested) }
