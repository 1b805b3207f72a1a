package dmarc

import (
	"context"
	"slices"
	"strings"

	"maildoctor/check/dnsx"
	"maildoctor/check/group"
)

// MaxWalks is how many domains Policy.Align walks up from.
const MaxWalks = 10

// Alignment says whether an Authenticated Identifier fits the Author Domain
// (RFC 9989 section 4.4).
type Alignment string

// The values of Alignment.
const (
	InAlignment      Alignment = "aligned"
	NotInAlignment   Alignment = "unaligned"
	AlignmentUnknown Alignment = "unknown" // a name that matters gave no answer, or was not asked
)

// Aligned compares the Author Domain with an Authenticated Identifier, each
// given by the walk that starts at it, in the mode Relaxed or Strict (RFC 9989
// section 4.10.2). An organisational domain lies at the start of its walk or
// above it; so an answer that is missing does not always matter.
func Aligned(author, other *Walk, mode string) Alignment {
	a, o := author.Start(), other.Start()
	switch {
	case a == "", o == "":
		return AlignmentUnknown
	case a == o:
		return InAlignment
	case mode == Strict, topLabel(a) != topLabel(o):
		return NotInAlignment
	case author.OrgDomain != "" && !below(o, author.OrgDomain), other.OrgDomain != "" && !below(a, other.OrgDomain):
		return NotInAlignment
	case author.OrgDomain == "", other.OrgDomain == "":
		return AlignmentUnknown
	case author.OrgDomain == other.OrgDomain:
		return InAlignment
	}
	return NotInAlignment
}

// Start returns the domain where the walk began, or nothing if that was no
// domain name.
func (w *Walk) Start() string {
	if len(w.Steps) == 0 {
		return ""
	}
	return w.Steps[0].Domain
}

// silent returns the first step that was reached and gave no answer, or nil.
func (w *Walk) silent() *Step {
	for i := range w.Steps {
		if w.Steps[i].Reached && !w.Steps[i].Status.Known() {
			return &w.Steps[i]
		}
	}
	return nil
}

// An Identifier is a domain that SPF or DKIM can authenticate mail with,
// compared with the Author Domain.
type Identifier struct {
	Domain    string    `json:"domain"`
	OrgDomain string    `json:"org_domain,omitempty"` // empty if unknown or not needed
	Relaxed   Alignment `json:"relaxed"`
	Strict    Alignment `json:"strict"`
	Legacy    Alignment `json:"legacy"` // relaxed, by the Public Suffix List (RFC 7489 section 3.2)

	// The name that left Relaxed unknown, and how its lookup ended.
	Asked  string      `json:"asked,omitempty"`
	Status dnsx.Status `json:"status,omitempty"`
	Reason string      `json:"reason,omitempty"`
}

// Align compares each of the domains, the d= of signatures or the domains of
// envelope senders, with the domain of the policy. The result has each once,
// sorted; what is no domain name is left out. A walk is made only from domains
// for which Aligned would not know else, at most MaxWalks, all at once. It is
// empty where no policy applies (RFC 9989 section 4.10.2).
func (p *Policy) Align(ctx context.Context, r dnsx.Resolver, domains []string) []Identifier {
	if !p.Applies {
		return nil
	}
	var out []Identifier
	for _, domain := range domains {
		if domain = normalize(domain); dnsx.IsName(domain) {
			out = append(out, Identifier{Domain: domain})
		}
	}
	slices.SortFunc(out, func(a, b Identifier) int { return strings.Compare(a.Domain, b.Domain) })
	out = slices.CompactFunc(out, func(a, b Identifier) bool { return a.Domain == b.Domain })

	var wg group.Group
	walks := 0
	for i := range out {
		id := &out[i]
		walk := Walk{Steps: []Step{{Domain: id.Domain}}}
		unknown := Aligned(&p.Walk, &walk, Relaxed) == AlignmentUnknown
		if !unknown || p.Walk.OrgDomain == "" || walks == MaxWalks {
			id.compare(p, &walk)
			continue
		}
		walks++
		wg.Go(func() {
			walk := OrganizationalDomain(ctx, r, id.Domain)
			id.compare(p, &walk)
		})
	}
	wg.Wait()
	return out
}

// compare takes over what the walks from both domains tell.
func (id *Identifier) compare(p *Policy, walk *Walk) {
	id.OrgDomain = walk.OrgDomain
	if id.Domain == p.Domain {
		id.OrgDomain = p.Walk.OrgDomain
	}
	id.Relaxed, id.Strict = Aligned(&p.Walk, walk, Relaxed), Aligned(&p.Walk, walk, Strict)
	id.Legacy = NotInAlignment
	if LegacyOrganizationalDomain(id.Domain) == LegacyOrganizationalDomain(p.Domain) {
		id.Legacy = InAlignment
	}
	if id.Relaxed != AlignmentUnknown {
		return
	}
	s := p.Walk.silent()
	if s == nil {
		s = walk.silent()
	}
	if s != nil {
		id.Asked, id.Status, id.Reason = s.Asked, s.Status, s.Reason
	}
}
