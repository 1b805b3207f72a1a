package spf

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"maildoctor/check/dnsx"
)

// many returns a zone whose a.test has n terms, of which each costs a lookup.
func many(n int) string {
	return "a.test A 192.0.2.1\na.test TXT v=spf1" + strings.Repeat(" a", n) + " -all\n"
}

// chain returns a zone in which a record leads through n includes below one
// another.
func chain(n int) string {
	var b strings.Builder
	b.WriteString("a.test TXT v=spf1 include:i1.test -all\n")
	for i := 1; i < n; i++ {
		fmt.Fprintf(&b, "i%d.test TXT v=spf1 include:i%d.test -all\n", i, i+1)
	}
	fmt.Fprintf(&b, "i%d.test TXT v=spf1 ip4:192.0.2.1 -all\n", n)
	return b.String()
}

func TestWalkTotals(t *testing.T) {
	type totals struct {
		Lookups, Voids int
		All            Qualifier
		AllMissing     bool
		AllDomain      string
		Flags          string // of loop, truncated, incomplete, senders
	}
	for _, test := range []struct {
		name, zone string
		want       totals
	}{
		{"no record", "a.test A 192.0.2.1", totals{AllDomain: "a.test"}},
		{"timeout", "a.test TIMEOUT", totals{AllDomain: "a.test", Flags: "incomplete senders"}},
		{"several records", "a.test TXT v=spf1 -all\na.test TXT v=spf1 ~all", totals{AllDomain: "a.test", Flags: "senders"}},
		{"nobody sends", "a.test TXT v=spf1 -all", totals{All: "-", AllDomain: "a.test"}},
		{"ten lookups", many(10), totals{Lookups: 10, All: "-", AllDomain: "a.test", Flags: "senders"}},
		{"eleven lookups", many(11), totals{Lookups: 11, All: "-", AllDomain: "a.test", Flags: "senders"}},
		{"free terms", "a.test TXT v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 exp=x.test x=y ~all", totals{All: "~", AllDomain: "a.test", Flags: "senders"}},
		{"each kind", `
			a.test A 192.0.2.1
			a.test MX 10 a.test
			b.test TXT v=spf1 ip4:192.0.2.9 -all
			a.test TXT v=spf1 include:b.test a mx ptr exists:a.test ?all`,
			totals{Lookups: 5, All: "?", AllDomain: "a.test", Flags: "senders"}},
		{"redirect counts and decides", `
			a.test TXT v=spf1 redirect=b.test
			b.test TXT v=spf1 ip4:192.0.2.1 ~all`,
			totals{Lookups: 1, All: "~", AllDomain: "b.test", Flags: "senders"}},
		{"redirect to a record without all", `
			a.test TXT v=spf1 redirect=b.test
			b.test TXT v=spf1 ip4:192.0.2.1`,
			totals{Lookups: 1, AllMissing: true, AllDomain: "b.test", Flags: "senders"}},
		{"redirect that is not known", "a.test TXT v=spf1 redirect=b.test\nb.test SERVFAIL",
			totals{Lookups: 1, AllDomain: "b.test", Flags: "incomplete senders"}},
		{"redirect beside all", "a.test TXT v=spf1 redirect=b.test -all",
			totals{All: "-", AllDomain: "a.test"}},
		{"neither all nor redirect", "a.test TXT v=spf1 ip4:192.0.2.1", totals{AllMissing: true, AllDomain: "a.test", Flags: "senders"}},
		{"a broken all is not missing", "a.test TXT v=spf1 ip4:192.0.2.1 -all.", totals{AllDomain: "a.test", Flags: "senders"}},
		{"terms behind all", "a.test TXT v=spf1 -all a mx include:b.test", totals{All: "-", AllDomain: "a.test"}},
		{"void lookups", "a.test TXT v=spf1 a:x.test mx:y.test exists:z.test -all", totals{Lookups: 3, Voids: 3, All: "-", AllDomain: "a.test", Flags: "senders"}},
		{"an AAAA record is not void", "x.test AAAA 2001:db8::1\na.test TXT v=spf1 a:x.test -all", totals{Lookups: 1, All: "-", AllDomain: "a.test", Flags: "senders"}},
		{"mail hosts without an address are not void", "a.test MX 10 x.test\na.test TXT v=spf1 mx -all", totals{Lookups: 1, All: "-", AllDomain: "a.test", Flags: "senders"}},
		{"dead include", "a.test TXT v=spf1 include:x.test -all", totals{Lookups: 1, Voids: 1, All: "-", AllDomain: "a.test", Flags: "senders"}},
		{"dynamic terms count", "a.test TXT v=spf1 exists:%{i}._spf.x.test include:%{l}.x.test a:%{h}.x.test -all",
			totals{Lookups: 3, All: "-", AllDomain: "a.test", Flags: "senders"}},
		{"loop", "a.test TXT v=spf1 include:b.test -all\nb.test TXT v=spf1 include:A.test. -all", totals{Lookups: 2, All: "-", AllDomain: "a.test", Flags: "loop senders"}},
		{"redirect to itself", "a.test TXT v=spf1 redirect=a.test", totals{Lookups: 1, AllDomain: "a.test", Flags: "loop senders"}},
		{"a shared include counts each time", `
			a.test TXT v=spf1 include:b.test include:c.test -all
			b.test TXT v=spf1 include:d.test -all
			c.test TXT v=spf1 include:d.test -all
			d.test TXT v=spf1 a:x.test -all
			x.test A 192.0.2.1`,
			totals{Lookups: 6, All: "-", AllDomain: "a.test", Flags: "senders"}},
		{"ten levels", chain(MaxDepth), totals{Lookups: 10, All: "-", AllDomain: "a.test", Flags: "senders"}},
		{"eleven levels", chain(MaxDepth + 1), totals{Lookups: 11, All: "-", AllDomain: "a.test", Flags: "truncated senders"}},
		{"as many terms as are asked", many(MaxAsked), totals{Lookups: MaxAsked, All: "-", AllDomain: "a.test", Flags: "senders"}},
		{"one term more", many(MaxAsked + 1), totals{Lookups: MaxAsked + 1, All: "-", AllDomain: "a.test", Flags: "truncated senders"}},
		{"a failed lookup inside", "a.test TXT v=spf1 a:x.test include:b.test -all\nx.test TIMEOUT\nb.test TXT v=spf1 -all",
			totals{Lookups: 2, All: "-", AllDomain: "a.test", Flags: "incomplete senders"}},
		{"one of two address lookups failed", "a.test TXT v=spf1 a:x.test -all\nx.test A 192.0.2.1\nx.test TIMEOUT AAAA",
			totals{Lookups: 1, All: "-", AllDomain: "a.test", Flags: "senders"}},
		{"target made of the domain", "a.test TXT v=spf1 include:_spf.%{d} -all\n_spf.a.test TXT v=spf1 a:%{o} -all\na.test A 192.0.2.1",
			totals{Lookups: 2, All: "-", AllDomain: "a.test", Flags: "senders"}},
		{"names that cannot exist", "a.test TXT v=spf1 a:x..test include:y..test -all", totals{Lookups: 2, All: "-", AllDomain: "a.test", Flags: "senders"}},
		{"terms beside a fault are followed", "a.test TXT v=spf1 a:x.test ip5:1 -all\nx.test A 192.0.2.1", totals{Lookups: 1, All: "-", AllDomain: "a.test", Flags: "senders"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			tree := Walk(t.Context(), testZone(t, test.zone), "a.test")
			var flags []string
			for _, f := range []struct {
				name string
				set  bool
			}{{"loop", tree.Loop}, {"truncated", tree.Truncated}, {"incomplete", tree.Incomplete}, {"senders", tree.Senders}} {
				if f.set {
					flags = append(flags, f.name)
				}
			}
			got := totals{tree.Lookups, tree.VoidLookups, tree.All, tree.AllMissing, tree.AllDomain, strings.Join(flags, " ")}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("totals (-want +got):\n%s", diff)
			}
			if tree.Incomplete != !tree.Status.Known() {
				t.Errorf("incomplete = %t with status %q", tree.Incomplete, tree.Status)
			}
		})
	}
}

// TestWalkVoids counts what finds nothing for everybody, and for one family.
func TestWalkVoids(t *testing.T) {
	const world = "\nfour.test A 192.0.2.1\nsix.test AAAA 2001:db8::1\nboth.test A 192.0.2.1\nboth.test AAAA 2001:db8::1\n" +
		"b.test TXT v=spf1 a:four.test a:none.test -all\nhalf.test A 192.0.2.1\nhalf.test TIMEOUT AAAA"
	for _, test := range []struct {
		name, record  string
		all, ip4, ip6 int
	}{
		{"none", "v=spf1 a:both.test ip4:192.0.2.1 -all", 0, 0, 0},
		{"for everybody", "v=spf1 a:x.test mx:both.test exists:x.test -all", 3, 3, 3},
		{"for IPv6", "v=spf1 a:four.test a:four.test a:x.test -all", 1, 1, 3},
		{"for IPv4", "v=spf1 a:six.test -all", 0, 1, 0},
		{"what exists asks for has one type", "v=spf1 exists:four.test -all", 0, 0, 0},
		{"in an include", "v=spf1 include:b.test include:b.test -all", 2, 2, 4},
		{"not known for IPv6", "v=spf1 a:half.test -all", 0, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			tree := Walk(t.Context(), testZone(t, "a.test TXT "+test.record+world), "a.test")
			if tree.VoidLookups != test.all || tree.VoidLookups4 != test.ip4 || tree.VoidLookups6 != test.ip6 {
				t.Errorf("%d void lookups, %d for IPv4, %d for IPv6; want %d, %d, %d",
					tree.VoidLookups, tree.VoidLookups4, tree.VoidLookups6, test.all, test.ip4, test.ip6)
			}
		})
	}
}

// TestWalkAddressed tells an mx that may be meant as an a.
func TestWalkAddressed(t *testing.T) {
	for _, test := range []struct {
		name, zone string
		want       bool
	}{
		{"an address", "h.test A 192.0.2.1", true},
		{"an IPv6 address", "h.test AAAA 2001:db8::1", true},
		{"no address", "h.test TXT x", false},
		{"no such name", "", false},
		{"no answer", "h.test TXT x\nh.test TIMEOUT A\nh.test TIMEOUT AAAA", false},
		{"mail hosts", "h.test A 192.0.2.1\nh.test MX 10 h.test", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			tree := Walk(t.Context(), testZone(t, "a.test TXT v=spf1 mx:h.test -all\n"+test.zone), "a.test")
			if got := tree.Root.Steps[0].Addressed; got != test.want {
				t.Errorf("addressed = %t, want %t", got, test.want)
			}
		})
	}
}

func TestWalkExplanation(t *testing.T) {
	n := Walk(t.Context(), testZone(t, "a.test TXT v=spf1 exp=why.test -all"), "a.test").Root
	if n.Explanation == nil || n.Explanation.Text != "exp=why.test" || n.Explanation.Offset != 7 {
		t.Errorf("explanation %+v, want exp=why.test at 7", n.Explanation)
	}
}

// outline shows a tree, one line a node or step.
func outline(n *Node, indent string) []string {
	line := indent + n.Domain + " " + string(n.Outcome)
	if !n.Grants {
		line += " no-grant"
	}
	if n.Malformed {
		line += " malformed"
	}
	out := []string{line}
	for _, f := range n.Faults {
		out = append(out, fmt.Sprintf("%s! %s %d+%d", indent, f.Reason, f.Offset, f.Length))
	}
	for _, s := range n.Steps {
		line := fmt.Sprintf("%s- %s @%d cost=%d", indent, s.Text, s.Offset, s.Cost)
		for _, f := range []struct {
			name string
			set  bool
		}{{"dynamic", s.Dynamic}, {"void", s.Void}, {"never-reached", s.NeverReached}, {"ignored", s.Ignored}, {"loop", s.Loop}, {"partial", s.Partial}, {"malformed", s.Malformed}} {
			if f.set {
				line += " " + f.name
			}
		}
		if s.Status != "" && s.Child == nil {
			line += " " + string(s.Status)
		}
		if s.MX > 0 {
			line += fmt.Sprintf(" mx=%d %s", s.MX, strings.Join(s.Exchanges, ","))
		}
		for _, p := range s.Prefixes {
			line += " " + p.String()
		}
		out = append(out, line)
		if s.Child != nil {
			out = append(out, outline(s.Child, indent+"  ")...)
		}
	}
	return out
}

func TestWalkTree(t *testing.T) {
	for _, test := range []struct{ name, zone, want string }{
		{"addresses", `
			a.test TXT v=spf1 a/24//64 mx ip4:198.51.100.7/24 ip6:2001:db8:1::1/48 -all
			a.test A 192.0.2.1
			a.test A 192.0.2.2
			a.test AAAA 2001:db8::1
			a.test AAAA ::ffff:192.0.2.3
			a.test MX 10 m2.test
			a.test MX 5 m1.test
			m1.test A 203.0.113.1
			m2.test TIMEOUT`, `
			a.test one
			- a/24//64 @7 cost=1 ok 192.0.2.0/24 2001:db8::/64
			- mx @16 cost=1 partial ok mx=2 m1.test,m2.test 203.0.113.1/32
			- ip4:198.51.100.7/24 @19 cost=0 198.51.100.0/24
			- ip6:2001:db8:1::1/48 @39 cost=0 2001:db8:1::/48
			- -all @60 cost=0`},
		{"kinds of includes", `
			a.test TXT v=spf1 include:one.test ?include:several.test include:none.test include:broken.test include:faulty.test include:y..test include:%{i}.test include:a.test
			one.test TXT v=spf1 +all
			several.test TXT v=spf1 -all
			several.test TXT v=spf1 ~all
			none.test A 192.0.2.1
			broken.test SERVFAIL
			faulty.test TXT v=spf1 ip4:1.2.3 -all`, `
			a.test one
			- include:one.test @7 cost=1
			  one.test one
			  - +all @7 cost=0
			- ?include:several.test @24 cost=1
			  several.test many no-grant
			- include:none.test @46 cost=1 void
			  none.test none
			- include:broken.test @64 cost=1
			  broken.test unknown
			- include:faulty.test @84 cost=1
			  faulty.test one
			  ! bad-ip4 11+5
			  - -all @17 cost=0
			- include:y..test @104 cost=1 malformed
			  y..test none no-grant malformed
			- include:%{i}.test @120 cost=1 dynamic
			- include:a.test @138 cost=1 loop`},
		{"terms behind all and an ignored redirect", "a.test TXT v=spf1 redirect=b.test ~all a include:c.test ip4:192.0.2.1", `
			a.test one
			- ~all @23 cost=0
			- a @28 cost=0 never-reached
			- include:c.test @30 cost=0 never-reached
			- ip4:192.0.2.1 @45 cost=0 never-reached
			- redirect=b.test @7 cost=0 ignored`},
		{"ptr is never asked", "a.test TXT v=spf1 ptr ptr:b.test -all", `
			a.test one
			- ptr @7 cost=1 dynamic
			- ptr:b.test @11 cost=1 dynamic
			- -all @22 cost=0`},
		{"null MX", "a.test TXT v=spf1 mx -all\na.test MX 0 .", `
			a.test one
			- mx @7 cost=1 ok
			- -all @10 cost=0`},
	} {
		t.Run(test.name, func(t *testing.T) {
			tree := Walk(t.Context(), testZone(t, test.zone), "A.Test.")
			got := outline(tree.Root, "")
			want := strings.Split(strings.ReplaceAll(strings.TrimSpace(test.want), "\n\t\t\t", "\n"), "\n")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("tree (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWalkMXLimit(t *testing.T) {
	for _, n := range []int{MaxMX, MaxMX + 1} {
		zone := "a.test TXT v=spf1 mx -all\n"
		for i := range n {
			zone += fmt.Sprintf("a.test MX %d m%02d.test\nm%02d.test A 192.0.2.%d\n", i, i, i, i)
		}
		step := Walk(t.Context(), testZone(t, zone), "a.test").Root.Steps[0]
		if step.MX != n || len(step.Exchanges) != MaxMX || len(step.Prefixes) != MaxMX {
			t.Errorf("%d names: counted %d, %d named, %d addresses; want %d, %d, %d", n, step.MX, len(step.Exchanges), len(step.Prefixes), n, MaxMX, MaxMX)
		}
	}
}

func TestWalkStepLimit(t *testing.T) {
	for _, test := range []struct {
		terms     int
		truncated bool
	}{{MaxSteps, false}, {MaxSteps + 1, true}} {
		tree := Walk(t.Context(), testZone(t, "a.test TXT v=spf1"+strings.Repeat(" ip4:192.0.2.1", test.terms)), "a.test")
		if len(tree.Root.Steps) != MaxSteps || tree.Truncated != test.truncated {
			t.Errorf("%d terms: %d steps, truncated = %t; want %d, %t", test.terms, len(tree.Root.Steps), tree.Truncated, MaxSteps, test.truncated)
		}
	}
}

func TestWalkAsksOnce(t *testing.T) {
	z := testZone(t, `
		a.test TXT v=spf1 a mx include:b.test include:c.test a:a.test exists:a.test -all
		a.test A 192.0.2.1
		a.test MX 10 a.test
		b.test TXT v=spf1 include:d.test a:x.test -all
		c.test TXT v=spf1 include:d.test a:x.test mx:x.test -all
		d.test TXT v=spf1 a:x.test -all
		x.test A 192.0.2.2`)
	tree := Walk(t.Context(), newCache(z), "a.test")
	if tree.Lookups != 13 {
		t.Errorf("lookups = %d, want 13", tree.Lookups)
	}
	for q, n := range z.asked.questions {
		if n != 1 {
			t.Errorf("%s: asked %d times, want once", q, n)
		}
	}
	want := []string{"a.test A", "a.test AAAA", "a.test MX", "a.test TXT", "b.test TXT", "c.test TXT", "d.test TXT", "x.test A", "x.test AAAA", "x.test MX"}
	if diff := cmp.Diff(want, z.questions()); diff != "" {
		t.Errorf("questions (-want +got):\n%s", diff)
	}
}

// A barrier answers only when as many questions wait as it expects.
type barrier struct {
	zone    *zone
	mu      sync.Mutex
	want    map[string]int // how many questions are awaited with this one
	waiting map[int][]chan struct{}
}

func (b *barrier) Lookup(ctx context.Context, name string, qtype uint16) dnsx.Answer {
	b.mu.Lock()
	if n := b.want[name]; n > 0 {
		ready := make(chan struct{})
		b.waiting[n] = append(b.waiting[n], ready)
		if len(b.waiting[n]) == n {
			for _, c := range b.waiting[n] {
				close(c)
			}
		}
		b.mu.Unlock()
		select {
		case <-ready:
		case <-ctx.Done():
			return dnsx.Answer{Name: name, Type: qtype, Status: dnsx.Timeout}
		}
	} else {
		b.mu.Unlock()
	}
	return b.zone.Lookup(ctx, name, qtype)
}

func TestWalkAsksTogether(t *testing.T) {
	b := &barrier{zone: testZone(t, `
		a.test TXT v=spf1 include:b.test include:c.test a:x.test mx:x.test exists:x.test -all
		b.test TXT v=spf1 -all
		c.test TXT v=spf1 -all
		x.test A 192.0.2.1
		x.test MX 10 m.test`),
		// A and AAAA of x.test, its MX, A for exists, and the TXT of two includes.
		want:    map[string]int{"x.test": 6, "b.test": 6, "c.test": 6},
		waiting: map[int][]chan struct{}{},
	}
	tree := Walk(t.Context(), b, "a.test")
	if tree.Incomplete {
		t.Errorf("the walk is incomplete (%s): its questions were not asked at once", tree.Status)
	}
}

func TestWalkWithoutAnswer(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	tree := Walk(ctx, deaf{}, "a.test")
	if tree.Root.Outcome != Unknown || !tree.Incomplete || tree.Status != dnsx.Timeout {
		t.Errorf("outcome = %s, incomplete = %t, status = %s; want unknown, true, timeout", tree.Root.Outcome, tree.Incomplete, tree.Status)
	}
}

// deaf answers nothing until the time is up.
type deaf struct{}

func (deaf) Lookup(ctx context.Context, name string, qtype uint16) dnsx.Answer {
	<-ctx.Done()
	return dnsx.Answer{Name: name, Type: qtype, Status: dnsx.Timeout}
}

func TestWalkMalformedDomain(t *testing.T) {
	for _, domain := range []string{"", ".", "test", "a..test", "[192.0.2.1]", strings.Repeat("x", 64) + ".test", strings.Repeat("x.", 130) + "test"} {
		tree := Walk(t.Context(), newZone(), domain)
		if tree.Root.Outcome != None || !tree.Root.Malformed {
			t.Errorf("Walk(%q): outcome = %s, malformed = %t; want none, true", domain, tree.Root.Outcome, tree.Root.Malformed)
		}
	}
}

func TestAuthorised(t *testing.T) {
	tree := Walk(t.Context(), testZone(t, `
		a.test TXT v=spf1 ip4:192.0.2.9 -ip4:192.0.2.66 include:b.test ?include:c.test redirect=d.test
		b.test TXT v=spf1 ip4:192.0.2.1 ip4:192.0.2.9 ~ip4:192.0.2.67 -all
		c.test TXT v=spf1 ip4:192.0.2.68 -all
		d.test TXT v=spf1 ip6:2001:db8::/32 -all`), "a.test")
	want := []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("192.0.2.9/32"), netip.MustParsePrefix("2001:db8::/32")}
	if got := tree.Authorised(); !slices.Equal(got, want) {
		t.Errorf("Authorised() = %v, want %v", got, want)
	}
}

func TestTreeAsJSON(t *testing.T) {
	z := testZone(t, `
		a.test TXT v=spf1 a mx/24 include:b.test include:c.test exists:%{i}.x.test ip6:::ffff:192.0.2.1 redirect=d.test
		a.test TXT spf2.0/pra -all
		a.test TXT "v=spf1 -all"
		a.test A 192.0.2.1
		a.test AAAA 2001:db8::1
		a.test MX 10 a.test
		c.test TIMEOUT
		d.test TXT v=spf1 ptr ~all a`)
	if err := z.add("b.test", "TXT", "v=spf1 a:\x80\\x.test \xff -all"); err != nil {
		t.Fatal(err)
	}
	tree := Walk(t.Context(), z, "a.test")
	data, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	back := new(Tree)
	if err := json.Unmarshal(data, back); err != nil {
		t.Fatal(err)
	}
	same := cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })
	if diff := cmp.Diff(tree, back, same); diff != "" {
		t.Errorf("after a round trip through JSON (-before +after):\n%s", diff)
	}
	again, err := json.Marshal(Walk(t.Context(), z, "a.test"))
	if string(again) != string(data) || err != nil {
		t.Errorf("a second walk gives %s, %v; want %s", again, err, data)
	}
}

func TestLookup(t *testing.T) {
	z := testZone(t, `
		one.test TXT v=spf1 -all
		one.test TXT other
		one.test TXT spf2.0/pra ?all
		one.test TXT v=spf10 -all
		two.test TXT v=spf1 ~all
		two.test TXT V=SPF1 -all
		none.test TXT "v=spf1 -all"
		broken.test REFUSED
		alias.test CNAME one.test`)
	for _, test := range []struct {
		domain string
		want   Selection
	}{
		{"one.test", Selection{Status: dnsx.OK, Outcome: One, Records: []Raw{"v=spf1 -all"}, SenderID: []Raw{"spf2.0/pra ?all"}, Lookalikes: []Raw{"v=spf10 -all"}}},
		{"two.test.", Selection{Status: dnsx.OK, Outcome: Many, Records: []Raw{"V=SPF1 -all", "v=spf1 ~all"}}},
		{"none.test", Selection{Status: dnsx.OK, Outcome: None, Lookalikes: []Raw{`"v=spf1 -all"`}}},
		{"absent.test", Selection{Status: dnsx.NXDomain, Outcome: None}},
		{"broken.test", Selection{Status: dnsx.Refused, Outcome: Unknown}},
		{"alias.test", Selection{Status: dnsx.OK, Outcome: One, Records: []Raw{"v=spf1 -all"}, SenderID: []Raw{"spf2.0/pra ?all"}, Lookalikes: []Raw{"v=spf10 -all"}}},
		{"test", Selection{Outcome: None, Malformed: true}},
	} {
		t.Run(test.domain, func(t *testing.T) {
			if diff := cmp.Diff(test.want, Lookup(t.Context(), z, test.domain)); diff != "" {
				t.Errorf("Lookup(%q) (-want +got):\n%s", test.domain, diff)
			}
		})
	}
}
