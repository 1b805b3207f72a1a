package spf

import (
	"encoding/binary"
	"math"
	"net/netip"
)

// A Count is how many addresses get pass, each counted once.
type Count struct {
	IPv4 uint64 `json:"ipv4"`     // addresses; all of them are 1<<32
	IPv6 uint64 `json:"ipv6_64s"` // networks of 64 bits with at least one address; all of them are counted as 1<<64 - 1
	// Open tells that the counts are the least it can be: more addresses may
	// pass, because a term depends on the sender, could not be looked up, or
	// the tree is too large.
	Open bool `json:"open,omitempty"`
}

// Addresses counts the senders' addresses for which the evaluation of a tree
// ends in pass, whatever the terms do that depend on more than the address. The
// first match decides, as in an evaluation: what -ip4 takes away in front of a
// wider +ip4 does not count, nor what an include lets pass that does not pass
// where it stands. Neither the limits of lookups come into it, nor that a term
// may end in an error for some senders whose own lookups are not known.
func (t *Tree) Addresses() Count {
	ds := newDecisions()
	c := ds.tree(t)
	var sum tally
	maybe := false
	c.each(func(first, last netip.Addr, value int) {
		always, ever := true, false
		ds.answers(value, func(d decision) {
			passes := d.result == ResultPass
			always, ever = always && passes, ever || passes
		})
		if always {
			sum.add(first, last)
		}
		maybe = maybe || ever && !always
	})
	return ds.count(sum, maybe)
}

// StepAddresses counts for each step of the root the addresses that pass
// because of it or of what is below it, as Addresses does. An address belongs to
// the first step that lets it pass, so that the steps share out what Addresses
// counts, except that two steps may both count a network of IPv6. To all belongs
// what is left.
func (t *Tree) StepAddresses() []Count {
	if t.Root == nil {
		return nil
	}
	ds := newDecisions()
	ds.bySteps = true
	c := ds.tree(t)
	sums, maybes := make([]tally, len(t.Root.Steps)), make([]bool, len(t.Root.Steps))
	c.each(func(first, last netip.Addr, value int) {
		surest := ds.surest(value)
		always := true
		ds.answers(value, func(d decision) { always = always && d.result == ResultPass })
		if always {
			sums[surest.step].add(first, last)
		}
		ds.answers(value, func(d decision) {
			if d.result == ResultPass && !(always && d.step == surest.step) {
				maybes[d.step] = true
			}
		})
	})
	out := make([]Count, len(sums))
	for i := range out {
		out[i] = ds.count(sums[i], maybes[i])
	}
	return out
}

// surest returns the answer where no question is answered with yes.
func (ds *decisions) surest(n int) decision {
	d := ds.list[n]
	for d.question != "" {
		d = ds.list[d.no]
	}
	return d
}

// count returns what was summed up, and nothing where a bound was reached.
func (ds *decisions) count(sum tally, maybe bool) Count {
	if ds.exceeded {
		return Count{Open: true}
	}
	return Count{IPv4: sum.ip4, IPv6: sum.ip6, Open: maybe}
}

// A tally adds up ranges of addresses in ascending order.
type tally struct {
	ip4, ip6 uint64
	last     uint64 // the last network of IPv6 that is counted, if any is
}

func (t *tally) add(first, last netip.Addr) {
	if first.Is4() {
		t.ip4 += uint64(asIP4(last)) - uint64(asIP4(first)) + 1
		return
	}
	from, to := network64(first), network64(last)
	if t.ip6 > 0 && from == t.last {
		if from == to {
			return
		}
		from++
	}
	if n := to - from; n < math.MaxUint64-t.ip6 {
		t.ip6 += n + 1
	} else {
		t.ip6 = math.MaxUint64
	}
	t.last = to
}

func asIP4(a netip.Addr) uint32 {
	octets := a.As4()
	return binary.BigEndian.Uint32(octets[:])
}

// network64 returns the first 64 bits of an IPv6 address.
func network64(a netip.Addr) uint64 {
	octets := a.As16()
	return binary.BigEndian.Uint64(octets[:8])
}
