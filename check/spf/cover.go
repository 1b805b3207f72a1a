package spf

import (
	"net/netip"
	"slices"
)

// A cover gives every address a value. Its pieces lie side by side, first over
// all IPv4 addresses, then over all IPv6 addresses, as netip.Addr orders them;
// each begins behind the one before it, and none holds addresses of both
// families. A cover is never changed once it is built.
type cover []piece

// A piece ends a range of addresses with one value.
type piece struct {
	last  netip.Addr
	value int
}

// The values of a cover that is a set of addresses.
const (
	outside = iota
	inside
)

// The ends of the two families.
var (
	lastIP4 = netip.AddrFrom4([4]byte{255, 255, 255, 255})
	lastIP6 = lastOf(netip.PrefixFrom(netip.IPv6Unspecified(), 0))
)

// lastOf returns the last address of a prefix.
func lastOf(p netip.Prefix) netip.Addr {
	octets := p.Addr().AsSlice()
	for i := range octets {
		if kept := p.Bits() - 8*i; kept < 8 {
			octets[i] |= 0xff >> max(kept, 0)
		}
	}
	addr, _ := netip.AddrFromSlice(octets)
	return addr
}

// everywhere returns the cover with a single value.
func everywhere(value int) cover {
	return cover{{lastIP4, value}, {lastIP6, value}}
}

// addressesIn returns the set of the addresses that prefixes hold. Those of
// IPv4 in IPv6 hold no client's address (RFC 7208 section 5).
func addressesIn(prefixes []netip.Prefix) cover {
	var c cover
	var end netip.Addr // of what is built; the zero Addr is less than any other
	upTo := func(last netip.Addr, value int) {
		if end.Less(last) {
			c, end = c.extend(last, value), last
		}
	}
	for _, p := range slices.SortedFunc(slices.Values(prefixes), netip.Prefix.Compare) {
		p = p.Masked()
		if !p.IsValid() || p.Addr().Is4In6() {
			continue
		}
		if p.Addr().Is6() {
			upTo(lastIP4, outside)
		}
		upTo(p.Addr().Prev(), outside)
		upTo(lastOf(p), inside)
	}
	upTo(lastIP4, outside)
	upTo(lastIP6, outside)
	return c
}

// extend gives the addresses behind the last piece, up to last, a value. It is
// for covers that are being built.
func (c cover) extend(last netip.Addr, value int) cover {
	if n := len(c); n > 0 && c[n-1].value == value && c[n-1].last.BitLen() == last.BitLen() {
		c[n-1].last = last
		return c
	}
	return append(c, piece{last, value})
}

// combine gives each address what f makes of its values in a and b.
func combine(a, b cover, f func(a, b int) int) cover {
	out := make(cover, 0, max(len(a), len(b)))
	for len(a) > 0 && len(b) > 0 {
		last, order := a[0].last, a[0].last.Compare(b[0].last)
		if order > 0 {
			last = b[0].last
		}
		out = out.extend(last, f(a[0].value, b[0].value))
		if order <= 0 {
			a = a[1:]
		}
		if order >= 0 {
			b = b[1:]
		}
	}
	return out
}

// choose takes the values of the addresses in a set from one cover and those of
// all others from another. No value may be negative.
func choose(set, in, out cover) cover {
	const open = -1
	chosen := combine(set, in, func(where, value int) int {
		if where == inside {
			return value
		}
		return open
	})
	return combine(chosen, out, func(value, other int) int {
		if value == open {
			return other
		}
		return value
	})
}

// union returns the set of the addresses in either of two sets.
func union(a, b cover) cover { return combine(a, b, func(a, b int) int { return a | b }) }

// holds reports whether every address of the set b is in the set a.
func (c cover) holds(b cover) bool {
	missing := combine(c, b, func(a, b int) int { return b &^ a })
	return missing.constant(outside)
}

// constant reports whether every address has the value.
func (c cover) constant(value int) bool {
	return !slices.ContainsFunc(c, func(p piece) bool { return p.value != value })
}

// each calls f for every piece with its first and its last address.
func (c cover) each(f func(first, last netip.Addr, value int)) {
	first := netip.IPv4Unspecified()
	for _, p := range c {
		f(first, p.last, p.value)
		if first = p.last.Next(); !first.IsValid() {
			first = netip.IPv6Unspecified()
		}
	}
}
