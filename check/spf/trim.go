package spf

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
)

// Limits of what Trim proposes.
const (
	// MaxTrimmed is the most octets of a proposed record, unless the record was
	// longer before; then it grows no further. RFC 7208 section 3.4 advises it.
	MaxTrimmed = 450
	// MaxReplaced is the most prefixes that take the place of one a or mx.
	MaxReplaced = 8
)

// An Action says what becomes of a term.
type Action string

// The actions of Trim.
const (
	ActionDropUnreached Action = "drop-unreached" // it stands behind all, or is a redirect beside all
	ActionDropIdle      Action = "drop-idle"      // other terms decide for all whom it matches
	ActionDropVoid      Action = "drop-void"      // it matches no address
	ActionReplace       Action = "replace"        // by the addresses that it finds, or by a range that it is a half of
	ActionDissolve      Action = "dissolve"       // an include or redirect, into the terms of its target
)

// Actions returns every action there is.
func Actions() []Action {
	return []Action{ActionDropUnreached, ActionDropIdle, ActionDropVoid, ActionReplace, ActionDissolve}
}

// A Trimmed is a record that gives every sender the same result as the one
// there is, with fewer lookups.
type Trimmed struct {
	Record  string   `json:"record"`
	Lookups int      `json:"lookups"` // that it takes in the worst case
	Before  int      `json:"before"`  // that the record takes now
	Steps   []Change `json:"steps"`   // in the order of the record; terms left out here stay
}

// A Change is what becomes of one term of the record.
type Change struct {
	Term   string   `json:"term"` // as written
	Action Action   `json:"action"`
	With   []string `json:"with,omitempty"` // what stands in its place
}

// Trim proposes a record for the root that takes fewer lookups and gives every
// sender the same result: terms that never decide go, a and mx of the owner's
// own hosts become addresses, includes and redirects of the owner's own domains
// become the terms of their records. The other terms keep their order, exp and
// unknown modifiers stay. It reports false if there is nothing to gain, and if
// the proposal is not proven to be equivalent.
//
// The function own tells which names, as in a zone file, are in the owner's
// hands; where a CNAME leads on from them, they are not. What others own may
// change any day, and is left alone but for exact duplicates. So is an own record that says more in an include than who may
// pass, or whose own explanation would be lost.
//
// The limits of lookups aside: of a record beyond them Trim keeps what it
// means. A tree in which a record is missing, faulty or unknown, that is cut
// short, leads back or has more than MaxMX names in an mx is not trimmed, for
// its errors have to be repaired first.
func (t *Tree) Trim(own func(name string) bool) (Trimmed, bool) {
	return t.TrimTerms(own, func(*Step) bool { return true })
}

// TrimTerms is Trim where only the terms of the root that are chosen become
// others. Terms that never decide go all the same.
func (t *Tree) TrimTerms(own func(name string) bool, chosen func(*Step) bool) (Trimmed, bool) {
	if !t.isSound() {
		return Trimmed{}, false
	}
	d := newDraft(t, own, chosen)
	if d == nil {
		return Trimmed{}, false
	}
	d.improve(max(len(t.Root.Records[0]), MaxTrimmed))
	for _, d.gathers = range []bool{true, false} {
		text := d.text()
		proposal := t.suppose(text)
		if proposal != nil && proposal.Lookups < t.Lookups && Equivalent(t, proposal) {
			return Trimmed{Record: text, Lookups: proposal.Lookups, Before: t.Lookups, Steps: d.changes()}, true
		}
	}
	return Trimmed{}, false
}

// isSound reports whether every record of a tree is there and can be evaluated,
// the limits of lookups aside.
func (t *Tree) isSound() bool {
	sound := t.Root != nil && !t.Incomplete && !t.Truncated && !t.Loop
	t.Each(func(n *Node) {
		sound = sound && n.Outcome == One && len(n.Records) == 1 && len(n.Faults) == 0
		for _, s := range n.Steps {
			sound = sound && s.MX <= MaxMX
		}
	})
	return sound
}

// A draft is the record of the root on its way to a shorter one.
type draft struct {
	entries []entry // in the order of the record
	gathers bool    // literals are brought together over terms that mean the same
}

// An entry is a term of the record, with what may stand in its place.
type entry struct {
	term     Term
	step     *Step // nil for other modifiers
	kept     []part
	instead  []part
	action   Action // what instead means; empty if there is nothing instead
	improved bool   // instead is taken
}

// A part is a term as it stands in the proposal.
type part struct {
	text string
	name string // as names gives it; empty for a modifier
	step *Step  // whose addresses and lookups it takes; nil for a modifier
	run  Qualifier
	own  bool // its addresses do not change without the owner's doing
	cost int  // lookups, with all that is below
}

// parts returns what stands for the entry.
func (e *entry) parts() []part {
	if e.improved {
		return e.instead
	}
	return e.kept
}

// newDraft takes the record of a root apart; nil if that does not fit its steps.
func newDraft(t *Tree, own func(string) bool, chosen func(*Step) bool) *draft {
	record, _ := Parse(string(t.Root.Records[0]))
	p := planner{own: own}
	names, _ := t.Root.names()
	d := &draft{}
	for i := range t.Root.Steps {
		s := &t.Root.Steps[i]
		e := entry{term: s.Term, step: s}
		switch {
		case s.NeverReached || s.Ignored:
			e.action, e.improved = ActionDropUnreached, true
		case s.Kind == ModifierRedirect:
			e.kept = []part{p.part(string(s.Text), names[i], s)}
			if record.Modifier(ModifierExp) == nil && p.ownsRecord(s) && chosen(s) {
				if parts, ok := p.redirected(s.Child, 1); ok {
					e.instead, e.action = parts, ActionDissolve
				}
			}
		case i >= len(record.Directives):
			return nil
		default:
			e.kept = []part{p.part(string(s.Text), names[i], s)}
			if chosen(s) {
				e.instead, e.action = p.instead(s, record.Directives[i], 0)
			}
		}
		d.entries = append(d.entries, e)
	}
	for _, m := range record.Modifiers {
		if m.Name != ModifierRedirect {
			d.entries = append(d.entries, entry{term: m.Term, kept: []part{{text: string(m.Text)}}})
		}
	}
	slices.SortStableFunc(d.entries, func(a, b entry) int { return cmp.Compare(a.term.Offset, b.term.Offset) })
	return d
}

// improve takes what stands instead of terms, the cheapest in octets for each
// lookup saved first, as long as the record does not grow beyond a length.
func (d *draft) improve(length int) {
	type gain struct {
		entry         *entry
		growth, saved int
	}
	size := func(parts []part) (octets, lookups int) {
		for _, p := range parts {
			octets += len(p.text) + 1
			lookups += p.cost
		}
		return octets, lookups
	}
	var gains []gain
	for i := range d.entries {
		e := &d.entries[i]
		if e.action == "" || e.improved {
			continue
		}
		was, cost := size(e.kept)
		is, left := size(e.instead)
		if left < cost && is <= 2*length { // what is longer does not fit, even with its doubles left out
			gains = append(gains, gain{e, is - was, cost - left})
		}
	}
	slices.SortStableFunc(gains, func(a, b gain) int { return cmp.Compare(a.growth*b.saved, b.growth*a.saved) })
	for _, g := range gains {
		g.entry.improved = true
		g.entry.improved = len(d.text()) <= length
	}
}

// A placed part is one of an entry.
type placed struct {
	part
	entry int
}

// remaining returns the parts that the record needs, in their order: a redirect
// that is dissolved comes last, as it does in the evaluation (RFC 7208 section
// 6.1), and what earlier parts decide is left out.
func (d *draft) remaining() []placed {
	var in, last []placed
	for i := range d.entries {
		e := &d.entries[i]
		for _, p := range e.parts() {
			if e.improved && e.step.Kind == ModifierRedirect {
				last = append(last, placed{p, i})
			} else {
				in = append(in, placed{p, i})
			}
		}
	}
	in = append(in, last...)
	var out []placed
	for _, p := range in {
		if p.name == "" || !slices.ContainsFunc(out, func(q placed) bool { return q.name == p.name }) && !p.within(out) {
			out = append(out, p)
		}
	}
	if d.gathers {
		return gather(out)
	}
	return withoutRepeated(out)
}

// gather brings literals of one meaning together where nothing of another
// meaning stands between them: a wider one takes the place of the first that it
// holds, and the two halves of a range become the range. Single addresses stay
// single.
func gather(in []placed) []placed {
	for changed := true; changed; {
		changed = false
		for i := 0; i < len(in); i++ {
			for j := i + 1; j < len(in) && in[i].isLiteral() && (in[j].step == nil || in[j].run == in[i].run); j++ {
				joined, ok := in[i].join(in[j])
				if !ok {
					continue
				}
				in[i], changed = joined, true
				in = slices.Delete(in, j, j+1)
				j--
			}
		}
	}
	return in
}

// join returns the literal that stands for two, false if none does.
func (p placed) join(q placed) (placed, bool) {
	if !q.isLiteral() {
		return placed{}, false
	}
	a, b := p.step.Prefixes[0], q.step.Prefixes[0]
	switch {
	case p.names(b):
		return p, true
	case q.names(a):
		return q, true
	case a.Bits() != b.Bits() || a.Bits() == 0 || a.IsSingleIP() || a.Addr().BitLen() != b.Addr().BitLen():
		return placed{}, false
	}
	whole := netip.PrefixFrom(a.Addr(), a.Bits()-1).Masked()
	if !whole.Contains(b.Addr()) {
		return placed{}, false
	}
	return placed{planner{}.literal(p.run, whole), p.entry}, true
}

// within reports whether all that an own part matches is among the addresses
// that earlier parts name.
func (p part) within(earlier []placed) bool {
	if !p.own {
		return false
	}
	for _, prefix := range p.step.Prefixes {
		if !slices.ContainsFunc(earlier, func(q placed) bool { return q.names(prefix) }) {
			return false
		}
	}
	return len(p.step.Prefixes) > 0
}

// withoutRepeated leaves out literals that a wider one holds which follows with
// nothing but literals of the same meaning between them.
func withoutRepeated(in []placed) []placed {
	return slices.Collect(func(yield func(placed) bool) {
		for i, p := range in {
			repeated := false
			for _, q := range in[i+1:] {
				if !p.isLiteral() || !q.isLiteral() || q.run != p.run {
					break
				}
				repeated = repeated || q.names(p.step.Prefixes[0])
			}
			if !repeated && !yield(p) {
				return
			}
		}
	})
}

// text returns the record as it stands.
func (d *draft) text() string {
	var b strings.Builder
	b.WriteString(version)
	for _, p := range d.remaining() {
		b.WriteString(" " + p.text)
	}
	return b.String()
}

// changes tells what became of the terms.
func (d *draft) changes() []Change {
	left := make([][]string, len(d.entries))
	for _, p := range d.remaining() {
		left[p.entry] = append(left[p.entry], p.text)
	}
	var out []Change
	for i, e := range d.entries {
		c := Change{Term: string(e.term.Text), Action: e.action, With: left[i]}
		switch {
		case !e.improved && len(left[i]) > 0 && left[i][0] == e.kept[0].text:
			continue
		case !e.improved && len(left[i]) > 0:
			c.Action = ActionReplace
		case !e.improved || len(left[i]) == 0 && len(e.instead) > 0:
			c.Action = ActionDropIdle
		}
		out = append(out, c)
	}
	return out
}

// suppose returns the tree of another record for the root, from what is known of
// the lookups that it takes; nil if the record has faults, or asks for something
// that is not known.
func (t *Tree) suppose(text string) *Tree {
	record, faults := Parse(text)
	w := &walker{origin: t.Domain}
	n := &Node{Domain: t.Domain, Grants: true, Faults: faults, Steps: w.steps(record, t.Domain)}
	n.Selection = Selection{Status: t.Root.Status, Outcome: One, Records: []Raw{Raw(text)}}
	if len(faults) > 0 || w.truncated {
		return nil
	}
	steps, targets := t.known()
	names, _ := n.names()
	for i := range n.Steps {
		s := &n.Steps[i]
		n.Lookups += s.Cost
		switch {
		case s.Cost == 0 || s.Dynamic:
		case s.follows():
			if s.Child = targets[s.Target]; s.Child == nil {
				return nil
			}
			n.Lookups += s.Child.Lookups
		default:
			found, ok := steps[names[i]]
			if !ok {
				return nil
			}
			found.Term, found.Qualifier = s.Term, s.Qualifier
			*s = found
		}
	}
	return &Tree{Domain: t.Domain, Lookups: n.Lookups, Status: t.Status, Root: n}
}

// known returns the steps of a tree that were looked up, by name, and the
// records that its steps lead to, by domain.
func (t *Tree) known() (steps map[string]Step, targets map[string]*Node) {
	steps, targets = map[string]Step{}, map[string]*Node{}
	t.Each(func(n *Node) {
		names, _ := n.names()
		for i, s := range n.Steps {
			switch {
			case s.Child != nil:
				targets[s.Target] = s.Child
			case s.Cost > 0:
				steps[names[i]] = s
			}
		}
	})
	return steps, targets
}
