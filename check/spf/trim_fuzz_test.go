package spf

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"maildoctor/check/dnsx"
)

// An estate is a zone made at random: records that include one another, over few
// addresses, so that terms often overlap.
type estate struct {
	rand    *rand.Rand
	records []policy // the first is that of the root
	hosts   string   // the lines of the zone that are no records
}

type policy struct{ domain, record string }

// isOwn is the owner's word for the names of a estate.
func isOwn(name string) bool { return name == "a.test" || strings.HasSuffix(name, ".a.test") }

var (
	estateOwn       = []string{"a.test", "b.a.test", "c.a.test", "d.a.test"}
	estateProviders = []string{"p.test", "q.test", "r.test"}
	estateHosts     = []string{"h1.a.test", "h2.a.test", "h3.p.test", "h4.p.test", "void.a.test", "void.p.test"}
)

func newEstate(seed uint64) *estate {
	e := &estate{rand: rand.New(rand.NewPCG(seed, 7208))}
	for i, domain := range slices.Concat(estateOwn, estateProviders) {
		e.records = append(e.records, policy{domain, e.record(i)})
	}
	var b strings.Builder
	for _, host := range slices.Concat(estateHosts[:4], estateOwn, estateProviders) {
		for range e.rand.IntN(4) {
			if e.rand.IntN(3) > 0 {
				fmt.Fprintf(&b, "%s A 192.0.2.%d\n", host, e.rand.IntN(32))
			} else {
				fmt.Fprintf(&b, "%s AAAA 2001:db8::%x\n", host, e.rand.IntN(32))
			}
		}
		for range e.rand.IntN(3) {
			fmt.Fprintf(&b, "%s MX 10 %s\n", host, e.pick(estateHosts[:4]))
		}
	}
	for i := range 32 {
		if e.rand.IntN(3) == 0 {
			fmt.Fprintf(&b, "192.0.2.%d.list.test A 127.0.0.2\n%d.2.0.192.in-addr.arpa PTR h1.a.test\n", i, i)
		}
	}
	switch e.rand.IntN(12) {
	case 0:
		fmt.Fprintf(&b, "%s TIMEOUT A\n", e.pick(estateHosts))
	case 1:
		fmt.Fprintf(&b, "%s TIMEOUT MX\n", e.pick(estateOwn))
	case 2:
		fmt.Fprintf(&b, "%s SERVFAIL TXT\n", e.pick(estateProviders))
	}
	e.hosts = b.String()
	return e
}

func (e *estate) pick(from []string) string { return from[e.rand.IntN(len(from))] }

// record makes the record of the domain with a number. It leads to those with
// higher numbers only, but for a rare loop.
func (e *estate) record(number int) string {
	var terms []string
	for range 1 + e.rand.IntN(7) {
		terms = append(terms, e.qualifier(10)+e.term(number))
	}
	following := e.following(number)
	switch e.rand.IntN(8) {
	case 0:
	case 1:
		if len(following) > 0 {
			terms = append(terms, "redirect="+e.pick(following))
		}
	default:
		terms = append(terms, e.qualifier(1)+"all")
	}
	if e.rand.IntN(12) == 0 {
		terms = append(terms, "exp=why.test")
	}
	if e.rand.IntN(12) == 0 {
		terms = append(terms, "x=y", e.term(number))
	}
	return "v=spf1 " + strings.Join(terms, " ")
}

// following returns the domains with higher numbers.
func (e *estate) following(number int) []string {
	return slices.Concat(estateOwn, estateProviders)[number+1:]
}

// qualifier returns one that is not + in one of n cases, or nearly so.
func (e *estate) qualifier(n int) string {
	if e.rand.IntN(n) > 0 {
		return ""
	}
	return e.pick([]string{"-", "-", "-", "~", "?", "+"})
}

func (e *estate) term(number int) string {
	following := e.following(number)
	switch e.rand.IntN(20) {
	case 0, 1, 2, 3, 4:
		return fmt.Sprintf("ip4:192.0.2.%d/%d", e.rand.IntN(32), 26+e.rand.IntN(7))
	case 5, 6:
		return fmt.Sprintf("ip6:2001:db8::%x/%d", e.rand.IntN(32), 122+e.rand.IntN(7))
	case 7:
		return e.pick([]string{"ip4:0.0.0.0/0", "ip6:::/0", "ip6:2001:db8::/32", "ip4:192.0.2.0/24", "ip6:::ffff:192.0.2.1"})
	case 8:
		return e.pick([]string{"a", "a/28", "a//124", "mx", "mx/30", "a:%{d}", "a:%{o}"})
	case 9, 10:
		return "a:" + e.pick(estateHosts) + e.pick([]string{"", "", "/30", "/29//125"})
	case 11:
		return "mx:" + e.pick(slices.Concat(estateOwn, estateProviders, estateHosts[:4])) + e.pick([]string{"", "", "/30"})
	case 12:
		return e.pick([]string{
			"ptr", "ptr:a.test", "exists:%{i}.list.test", "exists:%{i}.list.test", "exists:h1.a.test", "exists:void.p.test",
			"a:%{h}", "exists:%{d}.%{i}.x.test", "include:%{l}.a.test", "a:x..test", "exists:%{i}.%{p}.x.test", "include:void.p.test",
		})
	}
	if len(following) == 0 {
		return fmt.Sprintf("ip4:192.0.2.%d", e.rand.IntN(32))
	}
	return "include:" + e.pick(following)
}

// zone returns the estate, with another record for a domain if it is not empty.
func (e *estate) zone(t testing.TB, domain, record string) *zone {
	var b strings.Builder
	for _, p := range e.records {
		if p.domain == domain {
			p.record = record
		}
		fmt.Fprintf(&b, "%s TXT %s\n", p.domain, p.record)
	}
	return testZone(t, b.String()+e.hosts+"why.test TXT not from %{i}\n")
}

// boundaries returns the addresses where an evaluation of a tree may change: the
// first and the last of each prefix, and those beside them.
func boundaries(trees ...*Tree) []netip.Addr {
	out := []netip.Addr{
		netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("203.0.113.9"), netip.IPv4Unspecified(), netip.MustParseAddr("255.255.255.255"),
		netip.MustParseAddr("2001:db8::1"), netip.IPv6Unspecified(), netip.MustParseAddr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
	}
	for _, t := range trees {
		t.Each(func(n *Node) {
			for _, s := range n.Steps {
				for _, p := range s.Prefixes {
					first, last := p.Addr(), lastOf(p)
					out = append(out, first, first.Prev(), last, last.Next())
				}
			}
		})
	}
	out = slices.DeleteFunc(out, func(a netip.Addr) bool { return !a.IsValid() })
	slices.SortFunc(out, netip.Addr.Compare)
	return slices.Compact(out)
}

// unlimited evaluates the record of a domain without limits of lookups.
func unlimited(ctx context.Context, r dnsx.Resolver, domain string, ip netip.Addr) (Result, string) {
	q := Query{IP: ip.Unmap(), MailFrom: "b@a.test", Helo: "h2.a.test"}
	const none = -500 // enough for every record that does not lead back
	check := &evaluator{resolver: r, query: q, sender: newSender(q, domain), lookups: none, voids: none}
	return check.checkHost(ctx, domain, true).Result, check.explanation
}

// sameResults compares what two zones say of senders, without limits.
func sameResults(t *testing.T, was, is *zone, domain string, ips []netip.Addr) bool {
	t.Helper()
	for _, ip := range ips {
		want, why := unlimited(t.Context(), was, domain, ip)
		got, reason := unlimited(t.Context(), is, domain, ip)
		if got != want || reason != why {
			t.Errorf("%s for %s: %s %q, before %s %q", domain, ip, got, reason, want, why)
			return false
		}
	}
	return true
}

// FuzzTrim trims records and compares both, published for real, by evaluation.
func FuzzTrim(f *testing.F) {
	for seed := range uint64(seeds) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		e := newEstate(seed)
		was := e.zone(t, "", "")
		tree := Walk(t.Context(), was, "a.test")
		trimmed, ok := tree.Trim(isOwn)
		if !ok {
			return
		}
		is := e.zone(t, "a.test", trimmed.Record)
		after := Walk(t.Context(), is, "a.test")
		ips := boundaries(tree, after)
		same := sameResults(t, was, is, "a.test", ips)
		switch {
		case after.Lookups != trimmed.Lookups || trimmed.Lookups >= trimmed.Before || trimmed.Before != tree.Lookups:
			t.Errorf("promised %d lookups in place of %d; it takes %d in place of %d", trimmed.Lookups, trimmed.Before, after.Lookups, tree.Lookups)
		case len(after.Root.Faults) > 0:
			t.Errorf("faults: %v", after.Root.Faults)
		case !Equivalent(tree, after) && !tree.has(isUncertain):
			t.Error("the tree of the proposal is not equivalent")
		}
		if len(trimmed.Steps) == 0 {
			t.Error("no changes")
		}
		for _, ip := range ips {
			q := Query{IP: ip, MailFrom: "b@a.test", Helo: "h2.a.test"}
			before, now := Evaluate(t.Context(), was, q), Evaluate(t.Context(), is, q)
			if before.Cause == CauseLookups || before.Cause == CauseVoidLookups {
				continue
			}
			same = same && before.Result == now.Result && before.Lookups >= now.Lookups && before.VoidLookups >= now.VoidLookups
			if !same {
				t.Errorf("for %s: %s (%d, %d lookups), before %s (%d, %d)", ip, now.Result, now.Lookups, now.VoidLookups, before.Result, before.Lookups, before.VoidLookups)
				break
			}
		}
		if t.Failed() {
			t.Logf("was %s\nis  %s\n%v\n%+v\n%s", tree.Root.Records[0], trimmed.Record, e.records, trimmed.Steps, e.hosts)
		}
	})
}

// FuzzIdle takes idle terms out of their records, one at a time, and compares.
func FuzzIdle(f *testing.F) {
	for seed := range uint64(seeds) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		e := newEstate(seed)
		was := e.zone(t, "", "")
		tree := Walk(t.Context(), was, "a.test")
		ips := boundaries(tree)
		for _, idle := range tree.Idle() {
			i := slices.IndexFunc(e.records, func(p policy) bool { return p.domain == idle.Domain })
			record := e.records[i].record
			record = record[:idle.Offset] + record[idle.Offset+idle.Length:]
			is := e.zone(t, idle.Domain, record)
			if !sameResults(t, was, is, idle.Domain, ips) || !sameResults(t, was, is, "a.test", ips) {
				t.Fatalf("without %s (%s) %q is not %q", idle.Text, idle.Why, record, e.records[i].record)
			}
			if !idle.Volatile && idle.Why == IdleCovered && idle.By != nil && !strings.Contains(string(idle.By.Text), "ip") {
				t.Errorf("%s by %s is not volatile", idle.Text, idle.By.Text)
			}
		}
	})
}

// FuzzEquivalent compares records of one estate: two that are equivalent have the
// same results.
func FuzzEquivalent(f *testing.F) {
	for seed := range uint64(seeds) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		e := newEstate(seed)
		terms := strings.Fields(e.records[0].record)[1:]
		switch i := e.rand.IntN(len(terms)); e.rand.IntN(3) {
		case 0:
			terms = slices.Delete(terms, i, i+1)
		case 1:
			j := e.rand.IntN(len(terms))
			terms[i], terms[j] = terms[j], terms[i]
		default:
			terms = slices.Insert(terms, i, e.qualifier(3)+e.term(0))
		}
		was, is := e.zone(t, "", ""), e.zone(t, "a.test", "v=spf1 "+strings.Join(terms, " "))
		first, second := Walk(t.Context(), was, "a.test"), Walk(t.Context(), is, "a.test")
		if !Equivalent(first, first) && first.Root.Outcome == One {
			t.Error("a tree is not equivalent to itself")
		}
		if first.Loop || second.Loop || !Equivalent(first, second) {
			return
		}
		for _, ip := range boundaries(first, second) {
			want, _ := unlimited(t.Context(), was, "a.test", ip)
			if got, _ := unlimited(t.Context(), is, "a.test", ip); got != want {
				t.Fatalf("%s: %s and %s: %q and %q", ip, want, got, first.Root.Records[0], second.Root.Records[0])
			}
		}
	})
}

// FuzzAddresses counts the addresses that pass by evaluation.
func FuzzAddresses(f *testing.F) {
	for seed := range uint64(seeds) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		e := newEstate(seed)
		z := e.zone(t, "", "")
		tree := Walk(t.Context(), z, "a.test")
		count := tree.Addresses()
		// Between boundaries all is the same where no term depends on the sender.
		var passed uint64
		starts := []netip.Addr{netip.IPv4Unspecified()}
		for _, ip := range boundaries(tree) {
			if ip.Is4() {
				starts = append(starts, ip)
			}
		}
		slices.SortFunc(starts, netip.Addr.Compare)
		starts = slices.Compact(starts)
		for i, ip := range starts {
			size := uint64(1) << 32
			if i+1 < len(starts) {
				size = uint64(asIP4(starts[i+1]))
			}
			size -= uint64(asIP4(ip))
			switch result, _ := unlimited(t.Context(), z, "a.test", ip); result {
			case ResultPass:
				passed += size
			case ResultTempError:
				return
			}
		}
		if !tree.Truncated && !tree.has(isDynamicInclude) && (count.IPv4 > passed || count.IPv4 < passed && !count.Open) {
			t.Errorf("counted %d (open %t), evaluated %d: %v\n%s", count.IPv4, count.Open, passed, e.records, e.hosts)
		}
		var sum uint64
		steps := tree.StepAddresses()
		for _, c := range steps {
			sum += c.IPv4
		}
		open := slices.ContainsFunc(steps, func(c Count) bool { return c.Open })
		if sum != count.IPv4 || count.Open && !open {
			t.Errorf("the steps share out %d (open %t), the tree has %d (open %t)", sum, open, count.IPv4, count.Open)
		}
		if max := slices.MaxFunc(append(steps, Count{}), func(a, b Count) int { return cmp.Compare(a.IPv6, b.IPv6) }); max.IPv6 > count.IPv6 {
			t.Errorf("a step lets pass %d networks, the tree %d", max.IPv6, count.IPv6)
		}
	})
}

// has reports whether some step of a tree is as f says.
func (t *Tree) has(f func(Step) bool) bool {
	found := false
	t.Each(func(n *Node) { found = found || slices.ContainsFunc(n.Steps, f) })
	return found
}

func isDynamicInclude(s Step) bool { return s.Dynamic && s.follows() }

// isUncertain reports whether some lookup of a step failed, or was not made.
func isUncertain(s Step) bool { return s.Partial || s.Status != "" && !s.Status.Known() }

// seeds is how many estates the tests look at when they do not fuzz.
const seeds = 40
