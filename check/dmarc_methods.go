package check

import (
	"cmp"
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
		return
	}
	seen := cited(s)
	if top := stepWith(p, walk); top != nil && top.Domain != s.Domain {
		seen = append(seen, texts(top.Texts)...)
	}
	place, record := f.methodsRecord(p, s, wider)
	add(Finding{
		Rule: dmarcMethodsDiffer, Subject: p.Domain, Evidence: seen,
		Params: params("effect", effect, "walk", walk, "list", l.OrgDomain, "place", place, "record", record),
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
		record = proposal(p, requestOf(p), "psd")
		if !f.idle() {
			record = f.withReports(p, record)
		}
		return p.Domain, record + head
	}
	if own := stepWith(p, place); own != nil {
		return place, rewrite(join(own.Texts, ""), dead(p), askable(own.Record.P), "psd") + head
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
