package spf

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTrim(t *testing.T) {
	// The provider's records and the owner's hosts are the same in all rows.
	const world = `
		p.test TXT v=spf1 ip4:198.51.100.0/24 include:q.test -all
		q.test TXT v=spf1 ip4:203.0.113.0/24 a:h.p.test ~all
		h.p.test A 198.51.100.9
		a.test A 192.0.2.1
		a.test MX 10 m1.a.test
		a.test MX 20 m2.a.test
		m1.a.test A 192.0.2.25
		m2.a.test A 192.0.2.26
		m2.a.test AAAA 2001:db8::26
		mixed.a.test MX 10 m1.a.test
		mixed.a.test MX 20 h.p.test
		wide.a.test TXT v=spf1 a:m1.a.test mx:a.test/24 include:p.test ?all
		plain.a.test TXT v=spf1 ip4:192.0.2.0/24 -all
		deep.a.test TXT v=spf1 include:plain.a.test redirect=p.test
		fails.a.test TXT v=spf1 -ip4:192.0.2.1 ip4:192.0.2.0/24 -all
		open.a.test TXT v=spf1 ip4:192.0.2.0/24 +all
		nobody.a.test TXT v=spf1 -all
		macro.a.test TXT v=spf1 exists:%{i}.list.test ptr -all
		here.a.test TXT v=spf1 exists:%{i}.%{d} -all
		why.a.test TXT v=spf1 a:m1.a.test -all exp=exp.test
		exp.test TXT go away
		dark.a.test TIMEOUT
		many.test TXT v=spf1 ip4:192.0.2.1
		many.test TXT v=spf1 ip4:192.0.2.2
		`
	for _, test := range []struct {
		name, record string
		want         string // the proposal; empty if there is none
		lookups      string // of both
		changes      string // one a line
	}{
		{"nothing to gain", "v=spf1 include:p.test ip4:192.0.2.1 ip4:192.0.2.1 -all", "", "", ""},
		{"no lookup", "v=spf1 ip4:192.0.2.0/24 ip4:192.0.2.1 -all", "", "", ""},
		{"own hosts", "v=spf1 a mx include:p.test -all", "v=spf1 ip4:192.0.2.1 ip4:192.0.2.25 ip4:192.0.2.26 ip6:2001:db8::26 include:p.test -all", "5>3",
			"a replace: ip4:192.0.2.1\nmx replace: ip4:192.0.2.25 ip4:192.0.2.26 ip6:2001:db8::26"},
		{"prefix lengths and qualifiers", "v=spf1 ?a:m2.a.test/24//64 -mx ~all", "v=spf1 ?ip4:192.0.2.0/24 ?ip6:2001:db8::/64 ~all", "2>0",
			"?a:m2.a.test/24//64 replace: ?ip4:192.0.2.0/24 ?ip6:2001:db8::/64\n-mx drop-idle:"},
		{"hosts of others", "v=spf1 a:h.p.test mx:mixed.a.test mx:p.test -all", "", "", ""},
		{"spelling, exp and unknown modifiers", "V=SPF1  exp=exp.test  A:M1.A.test. x=%{l}  IP4:192.0.2.99/32 -ALL", "v=spf1 exp=exp.test ip4:192.0.2.25 x=%{l} IP4:192.0.2.99/32 -ALL", "1>0", "A:M1.A.test. replace: ip4:192.0.2.25"},
		{"a host without an address", "v=spf1 a:x.a.test a:x.test a:x..test ip4:192.0.2.1 -all", "v=spf1 a:x.test ip4:192.0.2.1 -all", "3>1", "a:x.a.test drop-void:\na:x..test drop-void:"},
		{"include twice", "v=spf1 include:p.test a:h.p.test -include:P.test. -all", "v=spf1 include:p.test a:h.p.test -all", "7>4", "-include:P.test. drop-idle:"},
		{"the same macros", "v=spf1 exists:%{i}.x.test exists:%{i}.x.test -all", "v=spf1 exists:%{i}.x.test -all", "2>1", "exists:%{i}.x.test drop-idle:"},
		{"behind all", "v=spf1 a -all mx redirect=b.test", "v=spf1 ip4:192.0.2.1 -all", "1>0", "a replace: ip4:192.0.2.1\nmx drop-unreached:\nredirect=b.test drop-unreached:"},
		{"a host in a range", "v=spf1 ip4:192.0.2.0/24 a -mx:m1.a.test a:h.p.test -all", "v=spf1 ip4:192.0.2.0/24 a:h.p.test -all", "3>1", "a drop-idle:\n-mx:m1.a.test drop-void:"},
		{"a provider's host in a range", "v=spf1 ip4:198.51.100.0/24 a:h.p.test -all", "", "", ""},
		{"a provider in a range", "v=spf1 ip4:198.0.0.0/7 ip4:203.0.0.0/8 include:p.test -all", "", "", ""},
		{"ranges beside a replaced host", "v=spf1 ip4:192.0.2.1 a:m1.a.test ip4:192.0.2.0/24 -all", "v=spf1 ip4:192.0.2.0/24 -all", "1>0", "ip4:192.0.2.1 drop-idle:\na:m1.a.test drop-idle:"},
		{"ranges of another meaning", "v=spf1 ?ip4:192.0.2.1 a:m1.a.test ip4:192.0.2.0/24 -all", "v=spf1 ?ip4:192.0.2.1 ip4:192.0.2.0/24 -all", "1>0", "a:m1.a.test drop-idle:"},
		{"own include", "v=spf1 include:plain.a.test include:p.test ~all", "v=spf1 ip4:192.0.2.0/24 include:p.test ~all", "4>3", "include:plain.a.test dissolve: ip4:192.0.2.0/24"},
		{"own include with hosts and a provider", "v=spf1 include:wide.a.test include:p.test -all", "v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::26 include:p.test -all", "9>3",
			"include:wide.a.test dissolve: ip4:192.0.2.0/24 ip6:2001:db8::26 include:p.test\ninclude:p.test drop-idle:"},
		{"own include in own include, with a redirect", "v=spf1 ?include:deep.a.test -all", "v=spf1 ?ip4:192.0.2.0/24 ?include:p.test -all", "5>3", "?include:deep.a.test dissolve: ?ip4:192.0.2.0/24 ?include:p.test"},
		{"an include with a term that fails", "v=spf1 include:fails.a.test -all", "", "", ""},
		{"an include that lets everybody pass", "v=spf1 include:open.a.test -all", "", "", ""},
		{"an include that lets nobody pass", "v=spf1 include:nobody.a.test -all", "v=spf1 -all", "1>0", "include:nobody.a.test drop-void:"},
		{"an include with macros of the sender", "v=spf1 include:macro.a.test -all", "v=spf1 exists:%{i}.list.test ptr:macro.a.test -all", "3>2", "include:macro.a.test dissolve: exists:%{i}.list.test ptr:macro.a.test"},
		{"an include with macros of its domain", "v=spf1 include:here.a.test -all", "", "", ""},
		{"an include with an explanation", "v=spf1 -include:why.a.test ?all exp=exp.test", "v=spf1 -ip4:192.0.2.25 ?all exp=exp.test", "2>0", "-include:why.a.test dissolve: -ip4:192.0.2.25"},
		{"own redirect", "v=spf1 redirect=fails.a.test ip4:192.0.2.99", "v=spf1 ip4:192.0.2.99 -ip4:192.0.2.1 ip4:192.0.2.0/24 -all", "1>0", "redirect=fails.a.test dissolve: -ip4:192.0.2.1 ip4:192.0.2.0/24 -all"},
		{"own redirect to a redirect", "v=spf1 redirect=deep.a.test x=y", "v=spf1 x=y ip4:192.0.2.0/24 redirect=p.test", "5>3", "redirect=deep.a.test dissolve: ip4:192.0.2.0/24 redirect=p.test"},
		{"a provider's redirect", "v=spf1 a redirect=p.test", "v=spf1 ip4:192.0.2.1 redirect=p.test", "4>3", "a replace: ip4:192.0.2.1"},
		{"a redirect with an explanation", "v=spf1 redirect=why.a.test", "", "", ""},
		{"a redirect beside an explanation", "v=spf1 exp=exp.test redirect=plain.a.test", "", "", ""},
		{"dead include", "v=spf1 a include:x.a.test -all", "", "", ""},
		{"unknown include", "v=spf1 a include:dark.a.test -all", "", "", ""},
		{"several records", "v=spf1 a include:many.test -all", "", "", ""},
		{"fault", "v=spf1 a ip4:1 -all", "", "", ""},
		{"loop", "v=spf1 a include:a.test -all", "", "", ""},
		{"more than ten lookups", "v=spf1 a a:m1.a.test a:m2.a.test include:p.test include:p.test include:wide.a.test mx -all",
			"v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::26 include:p.test -all", "16>3",
			"a drop-idle:\na:m1.a.test drop-idle:\na:m2.a.test replace: ip6:2001:db8::26\ninclude:p.test drop-idle:\ninclude:wide.a.test dissolve: ip4:192.0.2.0/24\nmx drop-idle:"},
		{"an address in a later range", "v=spf1 a include:p.test ip4:192.0.2.0/24 -all", "v=spf1 ip4:192.0.2.0/24 include:p.test -all", "4>3", "a drop-idle:"},
		{"a later range of another meaning", "v=spf1 a include:p.test ?ip4:192.0.2.0/24 -all", "v=spf1 ip4:192.0.2.1 include:p.test ?ip4:192.0.2.0/24 -all", "4>3", "a replace: ip4:192.0.2.1"},
		{"a later range behind another meaning", "v=spf1 a -include:p.test ip4:192.0.2.0/24 -all", "v=spf1 ip4:192.0.2.1 -include:p.test ip4:192.0.2.0/24 -all", "4>3", "a replace: ip4:192.0.2.1"},
		{"a later range behind a question", "v=spf1 a exists:%{i}.x.test ip4:192.0.2.0/24 -all", "v=spf1 ip4:192.0.2.1 exists:%{i}.x.test ip4:192.0.2.0/24 -all", "2>1", "a replace: ip4:192.0.2.1"},
		{"two halves", "v=spf1 a ip4:192.0.2.0/25 include:p.test ip4:192.0.2.128/25 -all", "v=spf1 ip4:192.0.2.0/24 include:p.test -all", "4>3", "a drop-idle:\nip4:192.0.2.0/25 replace: ip4:192.0.2.0/24\nip4:192.0.2.128/25 drop-idle:"},
		{"single addresses side by side", "v=spf1 a ip4:192.0.2.0 include:p.test -all", "v=spf1 ip4:192.0.2.1 ip4:192.0.2.0 include:p.test -all", "4>3", "a replace: ip4:192.0.2.1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			was := testZone(t, "a.test TXT "+test.record+world)
			tree := Walk(t.Context(), was, "a.test")
			trimmed, ok := tree.Trim(isOwn)
			if ok != (test.want != "") || trimmed.Record != test.want {
				t.Fatalf("Trim() = %q, %t; want %q", trimmed.Record, ok, test.want)
			}
			if !ok {
				return
			}
			if got := fmt.Sprintf("%d>%d", trimmed.Before, trimmed.Lookups); got != test.lookups {
				t.Errorf("lookups %s, want %s", got, test.lookups)
			}
			var changes []string
			for _, c := range trimmed.Steps {
				changes = append(changes, strings.TrimSuffix(fmt.Sprintf("%s %s: %s", c.Term, c.Action, strings.Join(c.With, " ")), " "))
			}
			if diff := cmp.Diff(test.changes, strings.Join(changes, "\n")); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
			is := testZone(t, "a.test TXT "+trimmed.Record+world)
			after := Walk(t.Context(), is, "a.test")
			if after.Lookups != trimmed.Lookups || !Equivalent(tree, after) {
				t.Errorf("published, it takes %d lookups and is equivalent: %t", after.Lookups, Equivalent(tree, after))
			}
			sameResults(t, was, is, "a.test", boundaries(tree, after))
			if again, ok := after.Trim(isOwn); ok {
				t.Errorf("trimmed again: %q", again.Record)
			}
		})
	}
}

func TestTrimAlias(t *testing.T) {
	for _, test := range []struct {
		name, record string
		alias        func(*Step)
	}{
		{"host", "v=spf1 a -all", func(s *Step) { s.Alias = true }},
		{"include", "v=spf1 include:b.a.test -all", func(s *Step) { s.Child.Alias = true }},
		{"redirect", "v=spf1 redirect=b.a.test", func(s *Step) { s.Child.Alias = true }},
	} {
		t.Run(test.name, func(t *testing.T) {
			zone := testZone(t, "a.test TXT "+test.record+"\na.test A 192.0.2.1\nb.a.test TXT v=spf1 ip4:192.0.2.1 -all")
			tree := Walk(t.Context(), zone, "a.test")
			if _, ok := tree.Trim(isOwn); !ok {
				t.Error("what is the owner's is not replaced")
			}
			test.alias(&tree.Root.Steps[0])
			if trimmed, ok := tree.Trim(isOwn); ok {
				t.Errorf("what somebody else may choose is replaced: %q", trimmed.Record)
			}
		})
	}
}

func TestTrimPrefixLimit(t *testing.T) {
	for _, n := range []int{MaxReplaced, MaxReplaced + 1} {
		zone := "a.test TXT v=spf1 a -all\n"
		for i := range n {
			zone += fmt.Sprintf("a.test A 192.0.2.%d\n", 2*i)
		}
		trimmed, ok := Walk(t.Context(), testZone(t, zone), "a.test").Trim(isOwn)
		if want := n <= MaxReplaced; ok != want {
			t.Errorf("%d addresses: Trim() = %q, %t; want %t", n, trimmed.Record, ok, want)
		}
	}
}

func TestTrimLength(t *testing.T) {
	// Two hosts become addresses; b.a.test takes more octets.
	const grown = "ip4:192.0.2.100 ip4:192.0.2.102"
	const hosts = "\na.a.test A 192.0.2.10\nb.a.test A 192.0.2.100\nb.a.test A 192.0.2.102"
	for _, test := range []struct {
		name    string
		length  int // of the record with both hosts as addresses
		lookups int
	}{
		{"at the limit", MaxTrimmed, 0},
		{"beyond the limit", MaxTrimmed + 1, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			fixed := len("v=spf1 ip4:192.0.2.10 " + grown + " x= -all")
			record := "v=spf1 a:a.a.test a:b.a.test x=" + strings.Repeat("x", test.length-fixed) + " -all"
			trimmed, ok := Walk(t.Context(), testZone(t, "a.test TXT "+record+hosts), "a.test").Trim(isOwn)
			if !ok || trimmed.Lookups != test.lookups || len(trimmed.Record) > MaxTrimmed {
				t.Errorf("Trim() = %d octets, %d lookups, %t; want at most %d octets, %d lookups", len(trimmed.Record), trimmed.Lookups, ok, MaxTrimmed, test.lookups)
			}
		})
	}
	long := "v=spf1 a:b.a.test x=" + strings.Repeat("x", MaxTrimmed) + " -all"
	if trimmed, ok := Walk(t.Context(), testZone(t, "a.test TXT "+long+hosts), "a.test").Trim(isOwn); ok {
		t.Errorf("a long record grows from %d octets to %d", len(long), len(trimmed.Record))
	}
}

func TestEquivalent(t *testing.T) {
	const rest = `
		b.test TXT v=spf1 ip4:192.0.2.0/24 -all
		c.test TXT v=spf1 -ip4:192.0.2.1 ip4:192.0.2.0/24 exists:%{i}.x.test -all
		d.test TXT v=spf1 ip4:192.0.2.0/24 ~all
		dark.test TIMEOUT
		h.test A 192.0.2.1
		h.test TIMEOUT AAAA
		`
	for _, test := range []struct {
		name, a, b string
		want       bool
	}{
		{"the same", "v=spf1 ip4:192.0.2.1 -all", "v=spf1 ip4:192.0.2.1 -all", true},
		{"another end", "v=spf1 ip4:192.0.2.1 -all", "v=spf1 ip4:192.0.2.1 ~all", false},
		{"no end is neutral", "v=spf1 ip4:192.0.2.1", "v=spf1 ip4:192.0.2.1 ?all", true},
		{"two halves", "v=spf1 ip4:192.0.2.0/25 ip4:192.0.2.128/25", "v=spf1 ip4:192.0.2.0/24", true},
		{"one address less", "v=spf1 ip4:192.0.2.0/24 -all", "v=spf1 -ip4:192.0.2.255 ip4:192.0.2.0/24 -all", false},
		{"IPv4 in IPv6", "v=spf1 ip6:::ffff:192.0.2.1 -all", "v=spf1 -all", true},
		{"include", "v=spf1 include:b.test -all", "v=spf1 ip4:192.0.2.0/24 -all", true},
		{"what an include says of others", "v=spf1 include:b.test -all", "v=spf1 include:d.test -all", true},
		{"redirect", "v=spf1 redirect=b.test", "v=spf1 include:b.test -all", true},
		{"what a redirect says of others", "v=spf1 redirect=b.test", "v=spf1 redirect=d.test", false},
		{"everybody", "v=spf1 ip4:0.0.0.0/1 ip4:128.0.0.0/1 ip6:::/0 -all", "v=spf1 +all", true},
		{"dead include behind all senders", "v=spf1 ip4:0.0.0.0/0 ip6:::/0 include:x.test", "v=spf1 +all", true},
		{"dead include", "v=spf1 include:x.test -all", "v=spf1 -all", false},
		{"the same question twice", "v=spf1 ptr ip4:192.0.2.1 -ptr -all", "v=spf1 ptr ip4:192.0.2.1 -all", true},
		{"a question in another place", "v=spf1 ptr -ip4:192.0.2.1 -all", "v=spf1 -ip4:192.0.2.1 ptr -all", false},
		{"a question without effect is still asked", "v=spf1 -ptr -all", "v=spf1 -all", false},
		{"two questions in another order", "v=spf1 exists:%{i}.x.test exists:%{i}.y.test -all", "v=spf1 exists:%{i}.y.test exists:%{i}.x.test -all", false},
		{"a question inside", "v=spf1 include:c.test -all", "v=spf1 ?ip4:192.0.2.1 ip4:192.0.2.0/24 exists:%{i}.x.test -all", false},
		{"a question inside, in order", "v=spf1 include:c.test -all", "v=spf1 -ip4:192.0.2.1 ip4:192.0.2.0/24 exists:%{i}.x.test -all", true},
		{"the same unknown record", "v=spf1 include:dark.test ip4:192.0.2.1", "v=spf1 include:dark.test ip4:192.0.2.1 ?all", true},
		{"an unknown record", "v=spf1 include:dark.test", "v=spf1", false},
		{"a host known in part", "v=spf1 a:h.test", "v=spf1 ip4:192.0.2.1", false},
		{"the same host known in part", "v=spf1 ip4:192.0.2.1 a:h.test", "v=spf1 a:h.test", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := Walk(t.Context(), testZone(t, "a.test TXT "+test.a+rest), "a.test")
			b := Walk(t.Context(), testZone(t, "a.test TXT "+test.b+rest), "a.test")
			if got, back := Equivalent(a, b), Equivalent(b, a); got != test.want || back != test.want {
				t.Errorf("Equivalent = %t, with both exchanged %t; want %t", got, back, test.want)
			}
			if !Equivalent(a, a) || !Equivalent(b, b) {
				t.Error("a tree is not equivalent to itself")
			}
		})
	}
	large := Walk(t.Context(), testZone(t, ranges(maxTreePrefixes+1)), "a.test")
	if Equivalent(large, large) {
		t.Errorf("more than %d prefixes are compared", maxTreePrefixes)
	}
	if Equivalent(new(Tree), new(Tree)) {
		t.Error("trees without a record are equivalent")
	}
}

func TestReasonsOfTerms(t *testing.T) {
	for _, codes := range [][]string{texts(IdleReasons()), texts(Actions())} {
		if sorted := slices.Compact(slices.Sorted(slices.Values(codes))); len(sorted) != len(codes) {
			t.Errorf("codes %v are not distinct", codes)
		}
	}
}

func texts[T ~string](in []T) []string {
	var out []string
	for _, s := range in {
		out = append(out, string(s))
	}
	return out
}
