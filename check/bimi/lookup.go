package bimi

import (
	"context"
	"strings"

	"github.com/miekg/dns"

	"maildoctor/check/dnsx"
	"maildoctor/check/taglist"
)

// Discover finds the record for mail with domain in its From field (section
// 7.2): at the domain itself, and if there is none, at its organisational
// domain. That is the value of org, which is called only if it matters. A record
// that is broken still ends the search, for nobody may pass over it.
func Discover(ctx context.Context, r dnsx.Resolver, domain, selector string, org func(context.Context) string) *Result {
	d := &Result{Domain: normalize(domain), Selector: normalize(selector), Outcome: NotFound}
	own := lookup(ctx, r, d.Domain, d.Selector)
	d.Steps = []Step{own}
	if d.conclude(own) {
		return d
	}
	if above := normalize(org(ctx)); above != d.Domain {
		step := lookup(ctx, r, above, d.Selector)
		d.Steps = append(d.Steps, step)
		d.conclude(step)
	}
	return d
}

// conclude takes the outcome from a step, if that settles it.
func (r *Result) conclude(s Step) bool {
	switch {
	case !s.Status.Known():
		r.Outcome = CannotTell
	case len(s.Texts) > 1: // section 7.2 step 8
		r.Outcome = Several
	case len(s.Texts) == 1:
		r.Outcome = Found
	default:
		return false
	}
	return true
}

func normalize(name string) string { return taglist.Lower(strings.TrimSuffix(name, ".")) }

func lookup(ctx context.Context, r dnsx.Resolver, domain, selector string) Step {
	s := Step{Domain: domain, Asked: selector + "._bimi." + domain}
	if !dnsx.IsName(s.Asked) {
		s.Asked, s.Status, s.Reason = "", dnsx.Failed, dnsx.ReasonName
		if dnsx.IsName(domain) && dnsx.IsName(selector) { // too long to exist
			s.Status, s.Reason = dnsx.NXDomain, ""
		}
		return s
	}
	a := r.Lookup(ctx, s.Asked, dns.TypeTXT)
	s.Status, s.Reason, s.Chain = a.Status, a.Reason, a.Chain
	for _, text := range a.Texts() {
		record, faults, ok := Parse(text)
		switch {
		case ok:
			s.Texts = append(s.Texts, taglist.Octets(text))
			s.Record, s.Faults = record, faults
		case len(faults) > 0:
			s.Near = append(s.Near, Text{Text: taglist.Octets(text), Fault: faults[0]})
		}
	}
	if len(s.Texts) > 1 {
		s.Record, s.Faults = nil, nil
	}
	return s
}
