package spf

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAddresses(t *testing.T) {
	for _, test := range []struct {
		name, zone string
		want       Count
	}{
		{"no record", "a.test A 192.0.2.1", Count{}},
		{"nobody", "a.test TXT v=spf1 -all", Count{}},
		{"a range", "a.test TXT v=spf1 ip4:192.0.2.0/24 -all", Count{IPv4: 256}},
		{"no range twice", "a.test TXT v=spf1 ip4:192.0.2.0/24 ip4:192.0.2.0/25 include:b.test -all\nb.test TXT v=spf1 ip4:192.0.2.128/24 ip4:198.51.100.1 -all", Count{IPv4: 257}},
		{"some taken away before", "a.test TXT v=spf1 -ip4:192.0.2.0/28 ip4:192.0.2.0/24 -all", Count{IPv4: 240}},
		{"some taken away behind", "a.test TXT v=spf1 ip4:192.0.2.0/24 -ip4:192.0.2.0/28 -all", Count{IPv4: 256}},
		{"hosts", "a.test TXT v=spf1 a mx/31 -all\na.test A 192.0.2.1\na.test AAAA 2001:db8::1\na.test MX 10 m.test\nm.test A 192.0.2.1\nm.test AAAA 2001:db8::2", Count{IPv4: 2, IPv6: 1}},
		{"a fail inside an include is no match", "a.test TXT v=spf1 include:b.test ip4:192.0.2.0/28 -all\nb.test TXT v=spf1 -ip4:192.0.2.0/24 +all", Count{IPv4: 1<<32 - 240, IPv6: math.MaxUint64}},
		{"a neutral include", "a.test TXT v=spf1 ?include:b.test ip4:192.0.2.0/24 -all\nb.test TXT v=spf1 ip4:192.0.2.0/28 -all", Count{IPv4: 240}},
		{"a pass inside a fail inside", "a.test TXT v=spf1 include:b.test -all\nb.test TXT v=spf1 -include:c.test ip4:192.0.2.0/24 -all\nc.test TXT v=spf1 ip4:192.0.2.0/28 -all", Count{IPv4: 240}},
		{"redirect", "a.test TXT v=spf1 ip4:192.0.2.1 redirect=b.test\nb.test TXT v=spf1 ip4:192.0.2.0/31 -all", Count{IPv4: 2}},
		{"ignored redirect", "a.test TXT v=spf1 ip4:192.0.2.1 redirect=b.test -all\nb.test TXT v=spf1 ip4:192.0.2.0/24 -all", Count{IPv4: 1}},
		{"all", "a.test TXT v=spf1 +all", Count{IPv4: 1 << 32, IPv6: math.MaxUint64}},
		{"all IPv6", "a.test TXT v=spf1 ip6:::/0", Count{IPv6: math.MaxUint64}},
		{"all IPv6 but half", "a.test TXT v=spf1 ip6:::/1", Count{IPv6: 1 << 63}},
		{"parts of one network", "a.test TXT v=spf1 ip6:2001:db8::/127 ip6:2001:db8::8/126 ip6:2001:db8:0:1::/64", Count{IPv6: 2}},
		{"networks that touch", "a.test TXT v=spf1 ip6:2001:db8::8 ip6:2001:db8::/62", Count{IPv6: 4}},
		{"IPv4 in IPv6", "a.test TXT v=spf1 ip6:::ffff:192.0.2.1 -all", Count{}},
		{"behind a dead include", "a.test TXT v=spf1 ip4:192.0.2.1 include:x.test ip4:192.0.2.2 -all", Count{IPv4: 1}},
		{"faults", "a.test TXT v=spf1 ip4:192.0.2.1 ip4:1 -all", Count{}},
		{"too many mail hosts", "a.test TXT v=spf1 ip4:192.0.2.200 mx -all\n" + hosts(MaxMX+1), Count{IPv4: 1}},
		{"an exists that holds for all", "a.test TXT v=spf1 exists:x.test -all\nx.test A 127.0.0.2", Count{IPv4: 1 << 32, IPv6: math.MaxUint64}},
		{"dynamic before", "a.test TXT v=spf1 exists:%{i}.x.test ip4:192.0.2.1 -all", Count{IPv4: 1, Open: true}},
		{"dynamic behind", "a.test TXT v=spf1 ip4:192.0.2.1 ptr -all", Count{IPv4: 1, Open: true}},
		{"a dynamic term takes away", "a.test TXT v=spf1 -exists:%{i}.x.test ip4:192.0.2.1 -all", Count{Open: true}},
		{"a dynamic term that lets nobody pass", "a.test TXT v=spf1 ip4:192.0.2.1 -exists:%{i}.x.test ~all", Count{IPv4: 1}},
		{"dynamic behind all", "a.test TXT v=spf1 ip4:192.0.2.1 -all ptr", Count{IPv4: 1}},
		{"unknown include", "a.test TXT v=spf1 include:x.test ip4:192.0.2.1 -all\nx.test TIMEOUT", Count{IPv4: 1, Open: true}},
		{"unknown redirect", "a.test TXT v=spf1 ip4:192.0.2.1 redirect=x.test\nx.test TIMEOUT", Count{IPv4: 1, Open: true}},
		{"partly known", "a.test TXT v=spf1 a -all\na.test A 192.0.2.1\na.test TIMEOUT AAAA", Count{IPv4: 1, Open: true}},
		{"an include that leads too deep", chain(MaxDepth + 1), Count{Open: true}},
		{"as many terms as are looked at", "a.test TXT v=spf1" + strings.Repeat(" ip4:192.0.2.1", MaxSteps) + " -all", Count{IPv4: 1, Open: true}},
		{"as many terms as are looked at, and modifiers", "a.test TXT v=spf1" + strings.Repeat(" ip4:192.0.2.1", MaxSteps) + " x=y exp=x.test", Count{IPv4: 1}},
		{"a term behind modifiers that is not looked at", "a.test TXT v=spf1" + strings.Repeat(" ip4:192.0.2.1", MaxSteps) + " x=y -ip4:192.0.2.2", Count{IPv4: 1, Open: true}},
		{"unknown", "a.test TIMEOUT", Count{Open: true}},
		{"loop", "a.test TXT v=spf1 ip4:192.0.2.1 include:b.test -all\nb.test TXT v=spf1 include:a.test", Count{IPv4: 1}},
		{"as many prefixes as are counted", ranges(maxTreePrefixes), Count{IPv4: maxTreePrefixes}},
		{"one prefix more", ranges(maxTreePrefixes + 1), Count{Open: true}},
		{"as many questions as are asked", questions(maxTreeQuestions), Count{IPv4: 1, Open: true}},
		{"one question more", questions(maxTreeQuestions + 1), Count{Open: true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			tree := Walk(t.Context(), testZone(t, test.zone), "a.test")
			total, steps := tree.Count()
			if diff := cmp.Diff(test.want, total); diff != "" {
				t.Errorf("Count() (-want +got):\n%s", diff)
			}
			var sum uint64
			for _, c := range steps {
				sum += c.IPv4
			}
			if len(steps) != len(tree.Root.Steps) || sum != total.IPv4 {
				t.Errorf("%d steps share out %d addresses, want %d and %d", len(steps), sum, len(tree.Root.Steps), total.IPv4)
			}
		})
	}
	if got, want := new(Tree).Addresses(), (Count{Open: true}); got != want {
		t.Errorf("of an empty tree: %+v, want %+v", got, want)
	}
}

// ranges returns a zone whose tree has n prefixes, none beside another.
func ranges(n int) string {
	const each = MaxSteps - 1
	var root, rest strings.Builder
	root.WriteString("a.test TXT v=spf1")
	for i := range n {
		if i%each == 0 {
			fmt.Fprintf(&root, " include:b%d.test", i/each)
			fmt.Fprintf(&rest, "\nb%d.test TXT v=spf1", i/each)
		}
		fmt.Fprintf(&rest, " ip4:10.%d.%d.1", i/256, i%256)
	}
	return root.String() + " -all" + rest.String()
}

// questions returns a record with n terms that depend on the sender.
func questions(n int) string {
	var b strings.Builder
	b.WriteString("a.test TXT v=spf1 ip4:192.0.2.1")
	for i := range n {
		fmt.Fprintf(&b, " exists:%%{i}.x%d.test", i)
	}
	return b.String() + " -all"
}

func TestStepAddresses(t *testing.T) {
	tree := Walk(t.Context(), testZone(t, `
		a.test TXT v=spf1 ip4:192.0.2.0/25 include:b.test -ip4:198.51.100.0/26 ip4:198.51.100.0/24 ptr ip4:203.0.113.1 ~include:b.test redirect=c.test
		b.test TXT v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/48 -all
		c.test TXT v=spf1 ip6:2001:db8::/47 +all`), "a.test")
	want := []Count{
		{IPv4: 128}, {IPv4: 128, IPv6: 1 << 16}, {}, {IPv4: 192}, {Open: true}, {IPv4: 1}, {},
		{IPv4: 1<<32 - 256 - 256 - 1, IPv6: math.MaxUint64 - 1<<16 + 1},
	}
	if diff := cmp.Diff(want, tree.StepAddresses()); diff != "" {
		t.Errorf("StepAddresses() (-want +got):\n%s", diff)
	}
	if got, want := tree.Addresses(), (Count{IPv4: 1<<32 - 64, IPv6: math.MaxUint64}); got != want {
		t.Errorf("Addresses() = %+v, want %+v", got, want)
	}
	if got := new(Tree).StepAddresses(); got != nil {
		t.Errorf("of an empty tree: %v, want none", got)
	}
}
