package dmarc

import (
	"context"

	"maildoctor/check/dnsx"
	"maildoctor/check/group"
	"maildoctor/check/taglist"
)

// Outcome says whether a record applies to a domain.
type Outcome string

// The outcomes of policy discovery.
const (
	Found      Outcome = "found"   // a record applies
	NotFound   Outcome = "none"    // no record on the whole way up
	CannotTell Outcome = "unknown" // a name that matters gave no answer
)

// Source says where the record that applies stands (RFC 9989 section 4.10.1).
type Source string

// The places of a record, the preferred one first.
const (
	Own            Source = "own"            // at the domain itself
	Organizational Source = "organizational" // at its organisational domain
	PublicSuffix   Source = "public-suffix"  // at the public suffix domain above that
)

// Existence says whether the domain exists, as np= means it (RFC 9989 section
// 3.2.13).
type Existence string

// The values of Existence.
const (
	Exists           Existence = "exists"
	NonExistent      Existence = "nxdomain"
	ExistenceUnknown Existence = "unknown"
)

// Effect says why the request that counts is not the one published.
type Effect string

// The effects of an absent or invalid policy. RFC 9989 contradicts itself:
// section 4.7 lets a record without p= act as p=none, section 4.10.1 wants a
// valid rua= for that. Here the absence of p= means none, and an invalid p=, sp=
// or np= means none with a valid rua= and no DMARC at all without.
const (
	PolicyAbsent   Effect = "policy-absent"    // no p=: none
	InvalidAsNone  Effect = "invalid-as-none"  // invalid, with a valid rua=: none
	InvalidIgnored Effect = "invalid-no-dmarc" // invalid, without a valid rua=: DMARC does not apply
)

// Places of a DMARC record where nobody looks for it.
const (
	AtApex  = "apex"    // at the domain, not below _dmarc
	Doubled = "doubled" // at _dmarc.<domain>.<domain>
)

// Misplaced is a DMARC record where nobody looks for it.
type Misplaced struct {
	Place string         `json:"place"` // AtApex or Doubled
	Asked string         `json:"asked"`
	Text  taglist.Octets `json:"text"`
}

// A Policy is what DMARC says about a domain.
type Policy struct {
	Domain  string  `json:"domain"` // in lower case; empty if it is no domain name
	Outcome Outcome `json:"outcome"`
	Walk    Walk    `json:"walk"` // the first step is the domain itself

	// The record that applies, with the outcome found.
	Place  string `json:"place,omitempty"` // the domain that has it
	Source Source `json:"source,omitempty"`

	// Applies: DMARC is to be applied. With the outcome found it is false only
	// for the effect InvalidIgnored.
	Applies bool `json:"applies,omitempty"`

	// The tag that counts and what it asks for. All are empty if that depends on
	// whether the domain exists and Existence is unknown.
	Tag       string  `json:"tag,omitempty"`       // p, sp or np
	Published Request `json:"published,omitempty"` // the value of Tag; empty if it is p and absent
	Effect    Effect  `json:"effect,omitempty"`
	Requested Request `json:"requested,omitempty"` // with Effect, before t=; empty if DMARC does not apply
	Effective Request `json:"effective,omitempty"` // after t=

	Legacy *Legacy `json:"legacy,omitempty"` // what receivers find that follow RFC 7489; nil if it is no domain name

	Existence Existence   `json:"existence"`
	Misplaced []Misplaced `json:"misplaced,omitempty"`

	Reports   []Report `json:"reports,omitempty"`   // the usable report addresses: rua, then ruf
	Unchecked int      `json:"unchecked,omitempty"` // hosts beyond MaxHosts, not asked
}

// Record returns the step whose record applies, or nil.
func (p *Policy) Record() *Step {
	if p.Place == "" {
		return nil
	}
	return p.Walk.step(p.Place)
}

// OrganizationalDomain walks up the tree from a domain to find its
// organisational domain (RFC 9989 section 4.10.2). All questions, at most 8, are
// asked at once. For what is not a domain name, there is one step without a name
// and with the status failed.
func OrganizationalDomain(ctx context.Context, r dnsx.Resolver, domain string) Walk {
	walk, _ := walkFrom(ctx, r, normalize(domain), "")
	return walk
}

// walkFrom walks from domain, and asks about one more name if that is not empty.
func walkFrom(ctx context.Context, r dnsx.Resolver, domain, more string) (Walk, dnsx.Answer) {
	if !dnsx.IsName(domain) {
		bad := dnsx.Answer{Status: dnsx.Failed, Reason: dnsx.ReasonName}
		return newWalk([]Step{readStep("", "", bad)}), bad
	}
	names := walkNames(domain)
	asked := make([]string, 0, len(names)+1)
	for _, name := range names {
		asked = append(asked, prefix+name)
	}
	answers := lookupAll(ctx, r, append(asked, more))
	steps := make([]Step, len(names))
	for i, name := range names {
		steps[i] = readStep(name, asked[i], answers[i])
	}
	return newWalk(steps), answers[len(names)]
}

// Discover finds the policy that applies to mail with domain in its From field
// (RFC 9989 section 4.10.1). It takes two rounds of questions: the walk, and
// the hosts of report addresses, whether they take mail and, outside of the
// domain, agree to take reports (RFC 9990 section 4). A host without MX records
// costs a third one. In the first round the TXT records of the domain itself are
// asked too: they tell whether it exists, and may hold a record that belongs
// below _dmarc.
func Discover(ctx context.Context, r dnsx.Resolver, domain string) *Policy {
	domain = normalize(domain)
	walk, apex := walkFrom(ctx, r, domain, domain)
	p := &Policy{Domain: walk.Steps[0].Domain, Walk: walk}
	p.Existence = existence(apex, p.Walk.Steps[0].Status)
	p.choose()
	if s := p.Record(); s != nil {
		p.evaluate(s.Record)
	}
	p.Legacy = newLegacy(&p.Walk)
	p.misplaced(AtApex, domain, apex)

	var doubled string
	if own := p.Walk.Steps[0]; own.Status.Known() && len(own.Texts) == 0 {
		doubled = prefix + domain + "." + domain
	}
	checks := p.reports()
	asked := []string{doubled}
	for _, c := range checks {
		asked = append(asked, c.asked)
	}
	var mailboxes []delivery
	var wg group.Group
	wg.Go(func() { mailboxes = deliveries(ctx, r, p.hosts()) })
	answers := lookupAll(ctx, r, asked)
	wg.Wait()
	p.deliverable(mailboxes)
	p.misplaced(Doubled, doubled, answers[0])
	for i := range checks {
		checks[i].answer = answers[i+1]
	}
	p.authorise(checks)
	return p
}

// existence concludes from the answer for the domain itself. Where there is
// none, the one for _dmarc below it may tell.
func existence(apex dnsx.Answer, own dnsx.Status) Existence {
	switch {
	case apex.Status == dnsx.NXDomain && len(apex.Chain) == 0:
		return NonExistent
	case apex.Status.Known(), own == dnsx.OK, own == dnsx.NoData:
		return Exists
	}
	return ExistenceUnknown
}

// choose says which record applies. The record of the domain itself does not
// depend on what is above it.
func (p *Policy) choose() {
	own := p.Walk.Steps[0]
	switch {
	case own.Record != nil:
		p.Outcome, p.Source, p.Place = Found, Own, own.Domain
		return
	case p.Walk.Unknown:
		p.Outcome = CannotTell
		return
	}
	p.Outcome = NotFound
	if s := p.Walk.step(p.Walk.OrgDomain); s != nil && s.Record != nil {
		p.Outcome, p.Source, p.Place = Found, Organizational, s.Domain
	} else if s := p.Walk.suffix(); s != nil {
		p.Outcome, p.Source, p.Place = Found, PublicSuffix, s.Domain
	}
}

// evaluate says what the record asks for.
func (p *Policy) evaluate(r *Record) {
	tag, published := "p", r.P
	if p.Source != Own {
		tag, published = r.below(p.Existence == NonExistent)
		if p.Existence == ExistenceUnknown {
			if other, value := r.below(true); other != tag && value != published {
				tag, published = "", ""
			}
		}
	}
	p.Applies, p.Tag, p.Published = true, tag, published
	switch {
	case r.P == Invalid || r.SP == Invalid || r.NP == Invalid:
		p.Effect, p.Requested = InvalidAsNone, None
		if !r.validRUA() {
			p.Effect, p.Requested, p.Applies = InvalidIgnored, "", false
		}
	case tag == "p" && published == "":
		p.Effect, p.Requested = PolicyAbsent, None
	default:
		p.Requested = published
	}
	p.Effective = p.Requested
	if r.Testing {
		p.Effective = weaker(p.Requested)
	}
}

// below returns the tag for a domain below that of the record: np falls back
// to sp, and sp to p.
func (r *Record) below(nonExistent bool) (string, Request) {
	switch {
	case nonExistent && r.NP != "":
		return "np", r.NP
	case r.SP != "":
		return "sp", r.SP
	}
	return "p", r.P
}

func (r *Record) validRUA() bool {
	for _, u := range r.RUA {
		if u.Valid {
			return true
		}
	}
	return false
}

// weaker is the effect of t=y (RFC 9989 section 4.7).
func weaker(r Request) Request {
	switch r {
	case Reject:
		return Quarantine
	case Quarantine:
		return None
	}
	return r
}

func (p *Policy) misplaced(place, asked string, a dnsx.Answer) {
	for _, text := range a.Texts() {
		if _, _, ok := Parse(text); ok {
			p.Misplaced = append(p.Misplaced, Misplaced{
				Place: place, Asked: asked, Text: taglist.Octets(text),
			})
		}
	}
}
