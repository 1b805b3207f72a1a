package spf

import (
	"net/netip"
	"slices"

	"maildoctor/check/dnsx"
)

// A Tree is a record with all that it includes and redirects to, as Walk found
// it: the worst case over all senders. A record that is included twice stands
// in it twice, and counts twice.
type Tree struct {
	Domain      string `json:"domain"`       // where the walk began
	Lookups     int    `json:"lookups"`      // terms that ask the DNS; MaxLookups are allowed
	VoidLookups int    `json:"void_lookups"` // of those, terms that find nothing whoever sends; MaxVoidLookups are allowed
	// The same for a sender with an address of one family, for whom an a finds
	// nothing as well whose host has addresses of the other family only.
	VoidLookups4 int         `json:"void_lookups_ip4"`
	VoidLookups6 int         `json:"void_lookups_ip6"`
	Incomplete   bool        `json:"incomplete"` // a lookup failed: Lookups and VoidLookups are the least it can be
	Status       dnsx.Status `json:"status"`     // of the first lookup that failed, otherwise ok
	Reason       string      `json:"reason,omitempty"`
	Truncated    bool        `json:"truncated,omitempty"`   // a bound of Walk was reached: Lookups and VoidLookups are the least it can be
	Loop         bool        `json:"loop,omitempty"`        // an include or redirect leads back: no limit of lookups holds
	All          Qualifier   `json:"all,omitempty"`         // what the record says of all other senders, redirects followed
	AllMissing   bool        `json:"all_missing,omitempty"` // it says nothing (RFC 7208 section 4.7); neither this nor All: not found out
	AllDomain    string      `json:"all_domain"`            // the domain whose record has, or lacks, all
	Senders      bool        `json:"senders"`               // some sender may get pass or is meant to, or that could not be excluded
	Root         *Node       `json:"root"`
}

// A Node is the record of one domain in a Tree.
type Node struct {
	Domain    string `json:"domain"`
	Selection        // which records the domain has
	// Alias tells that a CNAME led to the records, so that somebody else may
	// choose them.
	Alias bool `json:"alias,omitempty"`
	// Grants tells that a pass here is a pass at the root: every include on
	// the way has the qualifier +.
	Grants      bool      `json:"grants"`
	Explanation *Term     `json:"explanation,omitempty"` // its exp modifier
	Faults      []Fault   `json:"faults,omitempty"`      // of the only record
	Steps       []Step    `json:"steps,omitempty"`       // its terms, those with a fault left out
	All         Qualifier `json:"all,omitempty"`         // of its own all
	Lookups     int       `json:"lookups"`               // of this node and those below
	VoidLookups int       `json:"void_lookups"`
}

// A Step is a directive of a record or its redirect, in the order of
// evaluation.
type Step struct {
	Term
	Kind         string         `json:"kind"`                // the mechanism, or redirect
	Qualifier    Qualifier      `json:"qualifier,omitempty"` // of a directive
	Cost         int            `json:"cost"`                // 1 if it counts among the lookups
	Target       string         `json:"target,omitempty"`    // the domain it asks for, as in a zone file
	Dynamic      bool           `json:"dynamic,omitempty"`   // what it asks for depends on the sender; not asked
	Status       dnsx.Status    `json:"status,omitempty"`    // of its lookup, if there was one
	Reason       string         `json:"reason,omitempty"`    // of the status failed
	Void         bool           `json:"void,omitempty"`      // its lookup found that there is nothing
	Void4        bool           `json:"void4,omitempty"`     // the same for a sender with an IPv4 address
	Void6        bool           `json:"void6,omitempty"`     // the same for a sender with an IPv6 address
	Malformed    bool           `json:"malformed,omitempty"` // the target cannot be a name; not asked
	Prefixes     []netip.Prefix `json:"prefixes,omitempty"`  // the addresses that match, sorted
	Partial      bool           `json:"partial,omitempty"`   // some address could not be looked up, or was not because of a bound
	MX           int            `json:"mx,omitempty"`        // of mx: how many names; more than MaxMX are a permerror
	Exchanges    []string       `json:"exchanges,omitempty"` // of mx: the first MaxMX names in order of preference
	Addressed    bool           `json:"addressed,omitempty"` // of an mx that is void: the target has an address of its own
	Alias        bool           `json:"alias,omitempty"`     // of a and mx: a name led on by a CNAME, so that somebody else may choose the addresses
	NeverReached bool           `json:"never_reached,omitempty"`
	Ignored      bool           `json:"ignored,omitempty"`   // a redirect beside all (RFC 7208 section 6.1)
	Loop         bool           `json:"loop,omitempty"`      // the target is on the path that led here; not followed
	Truncated    bool           `json:"truncated,omitempty"` // not asked because of a bound of Walk
	Child        *Node          `json:"child,omitempty"`     // of include and redirect: the record of the target
}

// follows reports whether the step leads to another record.
func (s *Step) follows() bool {
	return s.Kind == string(MechanismInclude) || s.Kind == ModifierRedirect
}

// Each calls f for every node, parents before children, in order of evaluation.
func (t *Tree) Each(f func(*Node)) { t.Root.each(f) }

func (n *Node) each(f func(*Node)) {
	if n == nil {
		return
	}
	f(n)
	for i := range n.Steps {
		n.Steps[i].Child.each(f)
	}
}

// Authorised returns the addresses that directives with the qualifier + name
// where a pass counts, sorted, each once. What all and dynamic terms match is
// not among them.
func (t *Tree) Authorised() []netip.Prefix {
	var out []netip.Prefix
	t.Each(func(n *Node) {
		if !n.Grants {
			return
		}
		for _, s := range n.Steps {
			if s.Qualifier == QualifierPass {
				out = append(out, s.Prefixes...)
			}
		}
	})
	return sortPrefixes(out)
}

func sortPrefixes(p []netip.Prefix) []netip.Prefix {
	slices.SortFunc(p, netip.Prefix.Compare)
	return slices.Compact(p)
}

// conclude fills the totals of a tree whose nodes are complete.
func (t *Tree) conclude() {
	t.Root.sum()
	t.Lookups, t.VoidLookups = t.Root.Lookups, t.Root.VoidLookups
	t.VoidLookups4, t.VoidLookups6 = t.voids()
	t.Status = dnsx.OK
	note := func(status dnsx.Status, reason string) {
		if status != "" && !status.Known() && !t.Incomplete {
			t.Incomplete, t.Status, t.Reason = true, status, reason
		}
	}
	t.Each(func(n *Node) {
		if n.Outcome == Unknown {
			note(n.Status, n.Reason)
		}
		for _, s := range n.Steps {
			if s.Child == nil && !s.Malformed {
				note(s.Status, s.Reason)
			}
			t.Loop = t.Loop || s.Loop
			t.Truncated = t.Truncated || s.Truncated
		}
	})
	t.concludeAll()
	t.Senders = t.Root.Outcome != None && t.Root.intends()
}

// voids counts the terms that find nothing for a sender of each family.
func (t *Tree) voids() (four, six int) {
	t.Each(func(n *Node) {
		for _, s := range n.Steps {
			if s.Void4 {
				four++
			}
			if s.Void6 {
				six++
			}
		}
	})
	return four, six
}

// sum adds up the lookups of a node and all below.
func (n *Node) sum() {
	n.Lookups, n.VoidLookups = 0, 0
	for i := range n.Steps {
		s := &n.Steps[i]
		n.Lookups += s.Cost
		if s.Child != nil {
			s.Child.sum()
			n.Lookups += s.Child.Lookups
			n.VoidLookups += s.Child.VoidLookups
			s.Status, s.Reason = s.Child.Status, s.Child.Reason
			s.Void = s.Status.Absent()
			s.Void4, s.Void6 = s.Void, s.Void
			s.Malformed = s.Child.Malformed
		}
		if s.Void {
			n.VoidLookups++
		}
	}
}

// Redirect returns the redirect that takes effect, nil if there is none (RFC
// 7208 section 6.1).
func (n *Node) Redirect() *Step {
	for i := range n.Steps {
		if s := &n.Steps[i]; s.Kind == ModifierRedirect && !s.Ignored {
			return s
		}
	}
	return nil
}

// concludeAll follows redirects to the record that has the last word.
func (t *Tree) concludeAll() {
	for n := t.Root; n != nil; {
		t.AllDomain = n.Domain
		if n.Outcome != One {
			return
		}
		if n.All != "" {
			t.All = n.All
			return
		}
		redirect := n.Redirect()
		if redirect == nil {
			t.AllMissing = len(n.Faults) == 0
			return
		}
		n = redirect.Child
	}
}

// intends reports whether the record gives pass to some sender or is meant to:
// a term that is broken or finds nothing is meant for somebody, too.
func (n *Node) intends() bool {
	if n == nil || n.Outcome != One || len(n.Faults) > 0 {
		return true
	}
	for i := range n.Steps {
		s := &n.Steps[i]
		switch {
		case s.NeverReached || s.Ignored:
		case s.Kind != ModifierRedirect && s.Qualifier != QualifierPass:
		case !s.follows() || s.Loop || s.Child.intends():
			return true
		}
	}
	return false
}
