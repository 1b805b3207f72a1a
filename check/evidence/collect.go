package evidence

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// maxCount is the largest number that JSON readers keep exactly (RFC 8259
// section 6).
const maxCount = 1<<53 - 1

func (u Uses) plus(v Uses) Uses {
	return Uses{
		Count:  add(u.Count, v.Count),
		Passed: add(u.Passed, v.Passed),
		Failed: add(u.Failed, v.Failed),
	}
}

// add adds two numbers from 0 to maxCount and stops at maxCount.
func add(a, b int64) int64 { return min(a+b, maxCount) }

func bySignificance(a, b Uses) int {
	return cmp.Or(cmp.Compare(b.Passed, a.Passed), cmp.Compare(b.Count, a.Count))
}

// A key is what the signatures of one entry have in common.
type key struct{ domain, selector string }

func (k key) compare(l key) int {
	return cmp.Or(strings.Compare(k.domain, l.domain), strings.Compare(k.selector, l.selector))
}

// A tally counts the uses of each name, of so many names at most.
type tally[K comparable] struct {
	uses map[K]Uses
	cut  bool // names were left out
}

func (t *tally[K]) add(name K, u Uses) { t.addTo(MaxNames, name, u) }

func (t *tally[K]) addTo(most int, name K, u Uses) {
	old, known := t.uses[name]
	if !known && len(t.uses) == most {
		t.cut = true
		return
	}
	if t.uses == nil {
		t.uses = make(map[K]Uses)
	}
	t.uses[name] = old.plus(u)
}

// A collector is an Evidence in the making.
type collector struct {
	signatures           tally[key]
	mailFrom, helo, from tally[string]
	addresses            tally[netip.Addr]
	streams              tally[streamKey]
}

func (c *collector) merge(e *Evidence) {
	for _, s := range e.Signatures {
		c.signatures.add(key{s.Domain, s.Selector}, s.Uses)
	}
	for _, d := range e.MailFrom {
		c.mailFrom.add(d.Name, d.Uses)
	}
	for _, d := range e.Helo {
		c.helo.add(d.Name, d.Uses)
	}
	for _, d := range e.From {
		c.from.add(d.Name, d.Uses)
	}
	for _, a := range e.Addresses {
		c.addresses.add(a.Address, a.Uses)
	}
	for _, s := range e.Streams {
		c.streams.addTo(MaxStreams, s.key(), s.Uses)
	}
	for _, cut := range e.Cut {
		switch cut {
		case MoreSignatures:
			c.signatures.cut = true
		case MoreMailFrom:
			c.mailFrom.cut = true
		case MoreHelo:
			c.helo.cut = true
		case MoreFrom:
			c.from.cut = true
		case MoreAddresses:
			c.addresses.cut = true
		case MoreStreams:
			c.streams.cut = true
		}
	}
}

// fill writes what was collected into e.
func (c *collector) fill(e *Evidence) {
	for _, k := range slices.SortedFunc(maps.Keys(c.signatures.uses), key.compare) {
		e.Signatures = append(e.Signatures, Signature{Domain: k.domain, Selector: k.selector, Uses: c.signatures.uses[k]})
	}
	for _, a := range slices.SortedFunc(maps.Keys(c.addresses.uses), netip.Addr.Compare) {
		e.Addresses = append(e.Addresses, Address{Address: a, Uses: c.addresses.uses[a]})
	}
	e.MailFrom, e.Helo, e.From = domains(c.mailFrom), domains(c.helo), domains(c.from)
	e.Streams = streams(c.streams)
	for _, list := range []struct {
		cut    bool
		reason Reason
	}{
		{c.addresses.cut, MoreAddresses},
		{c.from.cut, MoreFrom},
		{c.helo.cut, MoreHelo},
		{c.mailFrom.cut, MoreMailFrom},
		{c.signatures.cut, MoreSignatures},
		{c.streams.cut, MoreStreams},
	} {
		if list.cut {
			e.Cut = append(e.Cut, list.reason)
		}
	}
}

func domains(t tally[string]) []Domain {
	var list []Domain
	for _, name := range slices.Sorted(maps.Keys(t.uses)) {
		list = append(list, Domain{Name: name, Uses: t.uses[name]})
	}
	return list
}

// take adds what one message or one record shows.
func (c *collector) take(s *showing) {
	for _, e := range s.signatures.list {
		c.signatures.add(e.name, e.uses)
	}
	for _, e := range s.mailFrom.list {
		c.mailFrom.add(e.name, e.uses)
	}
	for _, e := range s.helo.list {
		c.helo.add(e.name, e.uses)
	}
	for _, e := range s.from.list {
		c.from.add(e.name, e.uses)
	}
}

// A showing is what one message or one record of a report shows.
type showing struct {
	signatures           names[key]
	mailFrom, helo, from names[string]
}

// Names are MaxShown names at most, in the order of the file, each once.
type names[K comparable] struct {
	list []entry[K]
	cut  bool // names were left out
}

type entry[K comparable] struct {
	name K
	uses Uses
}

// add takes a name with the messages that are shown with it. Of a name that is
// there twice the better result counts, for one of its uses was a success.
func (n *names[K]) add(name K, u Uses) {
	for i := range n.list {
		if e := &n.list[i]; e.name == name {
			e.uses.Passed = max(e.uses.Passed, u.Passed)
			e.uses.Failed = max(e.uses.Failed, u.Failed)
			if e.uses.Passed > 0 {
				e.uses.Failed = 0
			}
			return
		}
	}
	if len(n.list) == MaxShown {
		n.cut = true
		return
	}
	n.list = append(n.list, entry[K]{name, u})
}
