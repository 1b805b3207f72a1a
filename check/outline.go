package check

import (
	"net/netip"
	"strings"

	"maildoctor/check/senders"
	"maildoctor/check/spf"
)

// An Outline is an SPF record with all that it leads to, in the order in which
// a receiver reads it. It is made of facts alone and adds none.
type Outline struct {
	Domain      string
	State       string // of the record itself, as of a term
	Lookups     int    // terms that ask the DNS; spf.MaxLookups are allowed
	VoidLookups int    // of those, terms that find nothing whoever sends; spf.MaxVoidLookups are allowed
	Sender      bool   // for one sender, up to the term that decides; otherwise the worst case
	Terms       []OutlineTerm

	// Of the worst case: the addresses that get pass, each once.
	Addresses Addresses
}

// Addresses counts addresses.
type Addresses struct {
	IPv4 uint64 `json:"ipv4"`     // single ones
	IPv6 uint64 `json:"ipv6_64s"` // networks of 64 bits; all of them are counted as 1<<64 - 1
	Open bool   `json:"open"`     // it is the least: some depend on the sender or could not be looked up
}

// Some reports whether any address is counted.
func (a Addresses) Some() bool { return a.IPv4 > 0 || a.IPv6 > 0 }

// An OutlineTerm is one term of an Outline.
type OutlineTerm struct {
	Text     string     // as written
	Domain   string     // whose record it stands in
	Column   int        // of its first octet, counted from 1
	End      int        // column of its last octet
	Lookups  int        // lookups so far, with its own
	Counts   bool       // it is one of them
	Plain    bool       // ip4 or ip6 of which nothing is to be said
	Provider *Provider  // whom its target belongs to
	State    string     // a code: one of the Term constants, or a result of RFC 7208 section 2.6
	By       string     // the address, range or name that matched
	Decides  bool       // it gave the result for the sender
	Adds     *Addresses // of a term of the first record that asks the DNS, in the worst case: what passes because of it
	Terms    []OutlineTerm
}

// What an outline says of a term, or of the record of a domain.
const (
	TermMatch        = "match"
	TermNoMatch      = "no-match"
	TermVoid         = "void"            // its lookup finds nothing
	TermVoid4        = "void-ip4"        // it finds nothing for a sender with an IPv4 address
	TermVoid6        = "void-ip6"        // it finds nothing for a sender with an IPv6 address
	TermNone         = "none"            // the domain itself has no SPF record: none (RFC 7208 section 2.6.1)
	TermNoRecord     = "no-record"       // permerror: the target has no SPF record
	TermSeveral      = "several-records" // permerror
	TermSyntax       = "syntax"          // permerror: the record has faults
	TermMX           = "too-many-mx"     // permerror
	TermUnknown      = "unknown"         // the lookup failed
	TermDynamic      = "dynamic"         // it depends on the sender
	TermMalformed    = "malformed"       // the target cannot be a name
	TermNeverReached = "never-reached"   // behind all
	TermIgnored      = "ignored"         // redirect beside all
	TermLoop         = "loop"            // it leads back
	TermNotAsked     = "not-asked"       // beyond the bounds of the walk
	TermExplanation  = "explanation"     // exp, which no result depends on
)

// TermStates are the codes above.
func TermStates() []string {
	return []string{
		TermMatch, TermNoMatch, TermVoid, TermVoid4, TermVoid6, TermNone, TermNoRecord, TermSeveral, TermSyntax, TermMX, TermUnknown, TermDynamic,
		TermMalformed, TermNeverReached, TermIgnored, TermLoop, TermNotAsked, TermExplanation,
	}
}

// Outline returns how SPF is read: for the sending host that the user named,
// else the worst case over all senders. It is nil where SPF was not gathered.
func (f *Facts) Outline() *Outline {
	if e := f.Sender; e != nil && e.Trace != nil {
		o := outliner{decisive: e.Decisive}
		return &Outline{
			Domain: e.Domain, State: rootState(checkState(e.Trace)), Lookups: e.Lookups, VoidLookups: e.VoidLookups,
			Sender: true, Terms: o.applied(e.Trace, 0),
		}
	}
	if f.SPF == nil || f.SPF.Root == nil {
		return nil
	}
	o := outliner{ip4: authorises(f.SPF, netip.Addr.Is4), ip6: authorises(f.SPF, netip.Addr.Is6)}
	total, counts := f.SPF.Count()
	out := &Outline{
		Domain: f.SPF.Domain, State: rootState(nodeState(f.SPF.Root)), Lookups: f.SPF.Lookups, VoidLookups: voids(f.SPF),
		Terms: o.walked(f.SPF.Root, true), Addresses: Addresses(total),
	}
	for i, count := range counts {
		if out.Terms[i].Counts {
			adds := Addresses(count)
			out.Terms[i].Adds = &adds
		}
	}
	return out
}

// A Spending is what a term of a domain's own SPF record costs and brings, with
// all that is below it.
type Spending struct {
	Term      string    `json:"term"`
	Column    int       `json:"column"`             // of its first octet, counted from 1
	Provider  *Provider `json:"provider,omitempty"` // whom its target belongs to
	Lookups   int       `json:"lookups"`
	Addresses Addresses `json:"addresses"` // that pass because of it, and of no term before it
}

// Spendings returns how many addresses the domain's own SPF record lets pass,
// and what each of its terms costs and brings, in the worst case.
func (f *Facts) Spendings() (Addresses, []Spending) {
	if f.SPF == nil || f.SPF.Root == nil {
		return Addresses{}, nil
	}
	var out []Spending
	total, counts := f.SPF.Count()
	for i, s := range f.SPF.Root.Steps {
		term := Spending{Term: string(s.Text), Column: s.Offset + 1, Lookups: s.Cost, Addresses: Addresses(counts[i])}
		if s.Child != nil {
			term.Lookups += s.Child.Lookups
		}
		if p, ok := senders.BySPF(s.Target); ok {
			known := provider(p)
			term.Provider = &known
		}
		out = append(out, term)
	}
	return Addresses(total), out
}

// An outliner counts lookups on its way through a tree.
type outliner struct {
	lookups  int
	decisive []spf.Place
	ip4, ip6 bool // senders of the family may pass
}

func (o *outliner) term(t spf.Term, domain, target string, cost int) OutlineTerm {
	o.lookups += cost
	out := OutlineTerm{
		Text: string(t.Text), Domain: domain, Column: t.Offset + 1, End: t.Offset + t.Length,
		Lookups: o.lookups, Counts: cost > 0,
	}
	if p, ok := senders.BySPF(target); ok {
		known := provider(p)
		out.Provider = &known
	}
	return out
}

// walked outlines the record of a node of the worst case. The last word has the
// record of the domain itself or one that it redirects to.
func (o *outliner) walked(n *spf.Node, lastWord bool) []OutlineTerm {
	var out []OutlineTerm
	for i := range n.Steps {
		s := &n.Steps[i]
		t := o.term(s.Term, n.Domain, s.Target, s.Cost)
		t.State = o.stepState(s)
		t.Plain = t.State == "" && isLiteral(s.Kind)
		if s.Child != nil {
			t.Terms = o.walked(s.Child, lastWord && s.Kind == spf.ModifierRedirect)
		}
		out = append(out, t)
	}
	if n.Explanation != nil {
		t := o.term(*n.Explanation, n.Domain, "", 0)
		if lastWord && n.Redirect() == nil { // RFC 7208 section 6.2
			t.State = TermExplanation
		}
		out = append(out, t)
	}
	return out
}

func isLiteral(kind string) bool {
	return kind == string(spf.MechanismIP4) || kind == string(spf.MechanismIP6)
}

func (o *outliner) stepState(s *spf.Step) string {
	switch {
	case s.Ignored:
		return TermIgnored
	case s.NeverReached:
		return TermNeverReached
	case s.Loop:
		return TermLoop
	case s.Truncated:
		return TermNotAsked
	case s.Child != nil:
		return nodeState(s.Child)
	case s.Malformed:
		return TermMalformed
	case s.Dynamic:
		return TermDynamic
	case s.MX > spf.MaxMX:
		return TermMX
	case s.Status != "" && !s.Status.Known():
		return TermUnknown
	case s.Void:
		return TermVoid
	case s.Void4 && o.ip4:
		return TermVoid4
	case s.Void6 && o.ip6:
		return TermVoid6
	}
	return ""
}

// rootState is the state of the domain's own record: that there is none is no
// error.
func rootState(state string) string {
	if state == TermNoRecord {
		return TermNone
	}
	return state
}

func nodeState(n *spf.Node) string {
	switch {
	case n.Malformed:
		return TermMalformed
	case n.Outcome == spf.Unknown:
		return TermUnknown
	case n.Outcome == spf.None:
		return TermNoRecord
	case n.Outcome == spf.Many:
		return TermSeveral
	case len(n.Faults) > 0:
		return TermSyntax
	}
	return ""
}

// applied outlines the terms that were evaluated for one sender. Depth tells
// how many places of the way to the decision lie above.
func (o *outliner) applied(c *spf.Check, depth int) []OutlineTerm {
	var out []OutlineTerm
	for i := range c.Terms {
		a := &c.Terms[i]
		t := o.term(a.Term, c.Domain, a.Target, a.Cost)
		t.By = strings.TrimSuffix(strings.TrimSuffix(a.By, "/32"), "/128")
		t.State = applicationState(a)
		onWay := i == len(c.Terms)-1 && depth >= 0 && depth < len(o.decisive)
		t.Decides = onWay && depth == len(o.decisive)-1
		t.Plain = t.State == TermNoMatch && a.Cost == 0
		if a.Check != nil {
			below := -1
			if onWay {
				below = depth + 1
			}
			t.Terms = o.applied(a.Check, below)
		}
		out = append(out, t)
	}
	return out
}

func applicationState(a *spf.Application) string {
	switch {
	case a.Check != nil && a.Check.Cause != "":
		return checkState(a.Check)
	case a.Cause != "":
		return string(a.Cause)
	case a.Check != nil:
		return string(a.Check.Result)
	case a.Matched:
		return TermMatch
	case a.Void:
		return TermVoid
	case a.Status != "" && !a.Status.Known():
		return TermUnknown
	}
	return TermNoMatch
}

// checkState names what ended the check of a domain other than a match.
func checkState(c *spf.Check) string {
	switch c.Cause {
	case spf.CauseNoRecord:
		return TermNoRecord
	case spf.CauseMany:
		return TermSeveral
	case spf.CauseSyntax:
		return TermSyntax
	case spf.CauseDomain:
		return TermMalformed
	case spf.CauseDNS:
		return TermUnknown
	}
	return string(c.Cause)
}
