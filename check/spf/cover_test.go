package spf

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// addr returns the address at a position.
func (p position) addr() netip.Addr {
	octets := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, p.high), p.low)
	if p.family == 4 {
		octets = octets[12:]
	}
	a, _ := netip.AddrFromSlice(octets)
	return a
}

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

func asIP4(a netip.Addr) uint32 {
	octets := a.As4()
	return binary.BigEndian.Uint32(octets[:])
}

func TestAddressesIn(t *testing.T) {
	for _, test := range []struct{ name, prefixes, want string }{
		{"nothing", "", ""},
		{"one", "192.0.2.1/32", "192.0.2.1-192.0.2.1"},
		{"side by side", "192.0.2.128/25 192.0.2.0/25", "192.0.2.0-192.0.2.255"},
		{"within another", "192.0.2.0/24 192.0.2.7/32 192.0.2.255/32", "192.0.2.0-192.0.2.255"},
		{"first and last", "0.0.0.0/32 255.255.255.255/32 ::/128 ffff::/16", "0.0.0.0-0.0.0.0 255.255.255.255-255.255.255.255 ::-:: ffff::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
		{"all", "0.0.0.0/0 ::/0", "0.0.0.0-255.255.255.255 ::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
		{"host bits", "192.0.2.9/30", "192.0.2.8-192.0.2.11"},
		{"no client has IPv4 in IPv6", "::ffff:192.0.2.1/128", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var prefixes []netip.Prefix
			for _, s := range strings.Fields(test.prefixes) {
				prefixes = append(prefixes, netip.MustParsePrefix(s))
			}
			var got []string
			addressesIn(prefixes).each(func(first, last position, value int) {
				if value == inside {
					got = append(got, fmt.Sprintf("%s-%s", first.addr(), last.addr()))
				}
			})
			if want := strings.Fields(test.want); !slices.Equal(got, want) {
				t.Errorf("addressesIn(%s) = %v, want %v", test.prefixes, got, want)
			}
		})
	}
}

// at returns the value of an address, looked for piece by piece.
func (c cover) at(a netip.Addr) int {
	i := slices.IndexFunc(c, func(p piece) bool { return a.Compare(p.last.addr()) <= 0 })
	return c[i].value
}

// TestCovers compares covers made at random with what they say address by
// address, at all places where they may change.
func TestCovers(t *testing.T) {
	r := rand.New(rand.NewPCG(4408, 7208))
	prefix := func() netip.Prefix {
		switch r.IntN(8) {
		case 0:
			return netip.PrefixFrom(netip.IPv6Unspecified(), r.IntN(3))
		case 1:
			return netip.PrefixFrom(netip.IPv4Unspecified(), r.IntN(3))
		case 2, 3, 4:
			return netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(r.IntN(32))}), 26+r.IntN(7))
		}
		last := netip.AddrFrom16([16]byte{0x20, 1, 7: byte(r.IntN(2)), 8: byte(r.IntN(2)) << 7, 15: byte(r.IntN(16))})
		return netip.PrefixFrom(last, 60+r.IntN(69))
	}
	for range 2000 {
		list := make([]ranked, r.IntN(9))
		var places []netip.Addr
		for i := range list {
			list[i] = ranked{prefix(), 1 + r.IntN(3)}
			p := list[i].prefix.Masked()
			places = append(places, p.Addr().Prev(), p.Addr(), lastOf(p), lastOf(p).Next())
		}
		places = slices.DeleteFunc(append(places, lastIP4.addr(), lastIP6.addr()), func(a netip.Addr) bool { return !a.IsValid() })
		first, second := highest(slices.Clone(list)), highest(slices.Clone(list[:len(list)/2]))
		set := func(c cover) cover {
			return combine(c, c, func(value, _ int) int { return min(value, inside) })
		}
		picked := pick(first, []cover{second, everywhere(7), second, everywhere(8)})
		either := union(set(second), addressesIn([]netip.Prefix{netip.MustParsePrefix("192.0.2.0/28")}))
		held := true
		for _, a := range places {
			want, less := 0, 0
			for i, p := range list {
				if p.prefix.Contains(a) {
					want = max(want, p.rank)
					if i < len(list)/2 {
						less = max(less, p.rank)
					}
				}
			}
			if got := first.at(a); got != want {
				t.Fatalf("highest(%v): %s has %d, want %d", list, a, got, want)
			}
			if got, want := picked.at(a), []int{less, 7, less, 8}[want]; got != want {
				t.Fatalf("pick(%v): %s has %d, want %d", list, a, got, want)
			}
			if got, want := either.at(a) == inside, less > 0 || netip.MustParsePrefix("192.0.2.0/28").Contains(a); got != want {
				t.Fatalf("union(%v): %s is inside: %t, want %t", list, a, got, want)
			}
			held = held && (want == 0 || less > 0)
		}
		if got := set(second).holds(set(first)); got != held || !set(first).holds(set(second)) {
			t.Fatalf("holds(%v) = %t, want %t", list, got, held)
		}
		for _, c := range []cover{first, second, picked, either} {
			for i := range c[1:] {
				if !c[i].last.before(c[i+1].last) || c[i].value == c[i+1].value && c[i].last.family == c[i+1].last.family {
					t.Fatalf("pieces out of order, or that should be one: %v of %v", c, list)
				}
			}
			if c[len(c)-1].last != lastIP6 || !slices.ContainsFunc(c, func(p piece) bool { return p.last == lastIP4 }) {
				t.Fatalf("the families do not end: %v of %v", c, list)
			}
		}
	}
}

// TestGrowingSet holds that a growing set answers as the union of its sets.
func TestGrowingSet(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	set := func() cover {
		var prefixes []netip.Prefix
		for range 1 + random.IntN(4) {
			addr := netip.AddrFrom4([4]byte{10, 0, byte(random.IntN(4)), byte(random.IntN(256))})
			prefixes = append(prefixes, netip.PrefixFrom(addr, 24+random.IntN(9)).Masked())
		}
		return addressesIn(prefixes)
	}
	for range 200 {
		var g growingSet
		all := everywhere(outside)
		for range 10 {
			next := set()
			if got, want := g.holds(next), all.holds(next); got != want {
				t.Fatalf("holds %v, want %v", got, want)
			}
			g.add(next)
			all = union(all, next)
			if !g.holds(next) {
				t.Fatal("what was added is not held")
			}
		}
	}
}
