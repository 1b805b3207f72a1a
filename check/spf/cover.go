package spf

import (
	"encoding/binary"
	"math"
	"net/netip"
	"slices"
	"sort"
)

// A cover gives every address a value. Its pieces lie side by side, first over
// all IPv4 addresses, then over all IPv6 addresses; each begins behind the one
// before it, none holds addresses of both families, and two of one family side
// by side have different values. A cover is never changed once it is built.
type cover []piece

// A piece ends a range of addresses with one value.
type piece struct {
	last  position
	value int
}

// A position is an address in the order of netip.Addr. It holds no pointer, so
// that covers are cheap to copy. The zero position comes before all addresses.
type position struct {
	family    int // 4 or 6
	high, low uint64
}

// The ends of the two families.
var (
	lastIP4 = position{family: 4, low: math.MaxUint32}
	lastIP6 = position{family: 6, high: math.MaxUint64, low: math.MaxUint64}
)

// positionOf returns the position of a valid address.
func positionOf(a netip.Addr) position {
	if a.Is4() {
		octets := a.As4()
		return position{family: 4, low: uint64(binary.BigEndian.Uint32(octets[:]))}
	}
	octets := a.As16()
	return position{6, binary.BigEndian.Uint64(octets[:8]), binary.BigEndian.Uint64(octets[8:])}
}

// ends returns the positions of the first and the last address of a masked prefix.
func ends(p netip.Prefix) (first, last position) {
	first = positionOf(p.Addr())
	last = first
	host := p.Addr().BitLen() - p.Bits()
	last.high |= 1<<max(host-64, 0) - 1
	last.low |= 1<<min(host, 64) - 1
	return first, last
}

// before reports whether a position comes before another.
func (p position) before(q position) bool {
	switch {
	case p.family != q.family:
		return p.family < q.family
	case p.high != q.high:
		return p.high < q.high
	}
	return p.low < q.low
}

// prev returns the position before one; the zero position if the family begins
// there.
func (p position) prev() position {
	if p.low == 0 {
		if p.high == 0 {
			return position{}
		}
		p.high--
	}
	p.low--
	return p
}

// next returns the position behind one; where its family ends, the first of IPv6.
func (p position) next() position {
	if p == lastIP4 {
		return position{family: 6}
	}
	p.low++
	if p.low == 0 {
		p.high++
	}
	return p
}

// The values of a cover that is a set of addresses.
const (
	outside = iota
	inside
)

// everywhere returns the cover with a single value.
func everywhere(value int) cover {
	return cover{{lastIP4, value}, {lastIP6, value}}
}

// addressesIn returns the set of the addresses that prefixes hold.
func addressesIn(prefixes []netip.Prefix) cover {
	list := make([]ranked, 0, len(prefixes))
	for _, p := range prefixes {
		list = append(list, ranked{p, inside})
	}
	return highest(list)
}

// A ranked prefix comes before those with a lower rank. Ranks are more than 0.
type ranked struct {
	prefix netip.Prefix
	rank   int
}

// highest gives each address the highest rank of the prefixes that hold it, and
// 0 if none does. Those of IPv4 in IPv6 hold no client's address (RFC 7208
// section 5). It puts the prefixes in order.
func highest(prefixes []ranked) cover {
	for i := range prefixes {
		prefixes[i].prefix = prefixes[i].prefix.Masked()
	}
	slices.SortFunc(prefixes, func(a, b ranked) int { return a.prefix.Compare(b.prefix) })
	c := make(cover, 0, 2*len(prefixes)+2)
	var end position // of what is built
	upTo := func(last position, value int) {
		if end.before(last) {
			c, end = c.extend(last, value), last
		}
	}
	var around []piece // prefixes that hold the next one, the innermost last
	leave := func() {
		innermost := around[len(around)-1]
		upTo(innermost.last, innermost.value)
		around = around[:len(around)-1]
	}
	for _, p := range prefixes {
		if !p.prefix.IsValid() || p.prefix.Addr().Is4In6() {
			continue
		}
		first, last := ends(p.prefix)
		for len(around) > 0 && around[len(around)-1].last.before(first) {
			leave()
		}
		if first.family == 6 {
			upTo(lastIP4, 0)
		}
		rank := 0
		if len(around) > 0 {
			rank = around[len(around)-1].value
		}
		upTo(first.prev(), rank)
		around = append(around, piece{last, max(rank, p.rank)})
	}
	for len(around) > 0 {
		leave()
	}
	upTo(lastIP4, 0)
	upTo(lastIP6, 0)
	return c
}

// extend gives the addresses behind the last piece, up to last, a value. It is
// for covers that are being built.
func (c cover) extend(last position, value int) cover {
	if n := len(c); n > 0 && c[n-1].value == value && c[n-1].last.family == last.family {
		c[n-1].last = last
		return c
	}
	return append(c, piece{last, value})
}

// combine gives each address what f makes of its values in a and b.
func combine(a, b cover, f func(a, b int) int) cover {
	out := make(cover, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		p, q := a[0], b[0]
		last := p.last
		if q.last.before(last) {
			last = q.last
		}
		out = out.extend(last, f(p.value, q.value))
		if p.last == last {
			a = a[1:]
		}
		if q.last == last {
			b = b[1:]
		}
	}
	return out
}

// pick takes the value of each address from the cover to which another one
// points. Runs of pieces are copied, so that it takes hardly longer if the covers
// are long and the one that points is short.
func pick(pointer cover, from []cover) cover {
	longest := 0
	for _, c := range from {
		longest = max(longest, len(c))
	}
	out := make(cover, 0, len(pointer)+longest)
	var end position // of what is built
	for _, p := range pointer {
		c := from[p.value]
		first, last := c.behind(end), c.holding(p.last)
		if first < last {
			out = append(out.extend(c[first].last, c[first].value), c[first+1:last]...)
		}
		out = out.extend(p.last, c[last].value)
		end = p.last
	}
	return out
}

// behind returns the index of the piece that the address behind a position is in.
func (c cover) behind(p position) int {
	return sort.Search(len(c)-1, func(i int) bool { return p.before(c[i].last) })
}

// holding returns the index of the piece that a position is in.
func (c cover) holding(p position) int {
	return sort.Search(len(c)-1, func(i int) bool { return !c[i].last.before(p) })
}

// union returns the set of the addresses in either of two sets.
func union(a, b cover) cover { return pick(b, []cover{outside: a, inside: everywhere(inside)}) }

// holds reports whether every address of the set b is in the set a.
func (c cover) holds(b cover) bool {
	var end position // of the pieces of b that are held
	for _, p := range b {
		for i := c.behind(end); p.value == inside; i++ {
			if c[i].value != inside {
				return false
			}
			if !c[i].last.before(p.last) {
				break
			}
		}
		end = p.last
	}
	return true
}

// A growingSet is the union of the sets that are added to it. It keeps parts of
// ever smaller length, so that hardly anything is copied when one is added.
type growingSet []cover

// add adds a set, and returns how many pieces were copied.
func (g *growingSet) add(set cover) int {
	copied := 0
	for n := len(*g); n > 0 && len((*g)[n-1]) <= 2*len(set); n-- {
		set = union((*g)[n-1], set)
		*g = (*g)[:n-1]
		copied += len(set)
	}
	*g = append(*g, set)
	return copied
}

// holds reports whether every address of a set is in one of the parts.
func (g growingSet) holds(set cover) bool {
	held := true
	set.each(func(first, last position, value int) {
		for held && value == inside {
			reached := g.reach(first)
			if held = reached.family != 0; !reached.before(last) {
				return
			}
			first = reached.next()
		}
	})
	return held
}

// reach returns the end of the longest range of a part that holds a position, the
// zero position if none holds it.
func (g growingSet) reach(p position) position {
	var last position
	for _, c := range g {
		if at := c[c.holding(p)]; at.value == inside && last.before(at.last) {
			last = at.last
		}
	}
	return last
}

// constant reports whether every address has the value.
func (c cover) constant(value int) bool {
	return !slices.ContainsFunc(c, func(p piece) bool { return p.value != value })
}

// each calls f for every piece with its first and its last address.
func (c cover) each(f func(first, last position, value int)) {
	first := position{family: 4}
	for _, p := range c {
		f(first, p.last, p.value)
		first = p.last.next()
	}
}
