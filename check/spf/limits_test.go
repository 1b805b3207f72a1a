package spf

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"maildoctor/check/dnsx"
)

// limitZone holds a target for each kind of term, of which none matches.
const limitZone = `
	no.test TXT v=spf1 -all
	no.test A 198.51.100.9
	no.test AAAA 2001:db8:9::9
	no.test MX 10 no.test
	1.2.0.192.in-addr.arpa PTR no.test
`

// TestLookupLimit tests ten and eleven terms of each kind in one record, and
// with the last of them behind an include or a redirect (RFC 7208 section 4.6.4).
func TestLookupLimit(t *testing.T) {
	for _, terms := range []string{
		"include:no.test", "a:no.test", "a", "mx:no.test", "ptr:other.test", "exists:no..test",
		"include:no.test a:no.test mx:no.test ptr:other.test exists:no..test", "ip4:198.51.100.1 a x=y -mx:no.test ip6:::1 ?ptr:other.test",
	} {
		for _, n := range []int{MaxLookups, MaxLookups + 1} {
			for _, form := range []string{
				"a.test TXT v=spf1 %s ?all",
				"a.test TXT v=spf1 include:b.test ?all\nb.test TXT v=spf1 %s -all",
				"a.test TXT v=spf1 redirect=b.test\nb.test TXT v=spf1 %s ?all",
				"a.test TXT v=spf1 %s redirect=b.test\nb.test TXT v=spf1 ?all",
				"a.test TXT v=spf1 include:b.test ?all\nb.test TXT v=spf1 %s redirect=c.test\nc.test TXT v=spf1 -all",
			} {
				t.Run(fmt.Sprintf("%d of %s in %q", n, terms, form), func(t *testing.T) {
					var written []string
					cost := strings.Count(form, "include:") + strings.Count(form, "redirect=")
					for i := 0; cost < n; i++ {
						term := strings.Fields(terms)[i%len(strings.Fields(terms))]
						written = append(written, term)
						if record, _ := Parse("v=spf1 " + term); len(record.Directives) > 0 {
							cost += record.Directives[0].Cost()
						}
					}
					z := testZone(t, limitZone+"a.test A 198.51.100.9\nb.test A 198.51.100.9\n"+fmt.Sprintf(form, strings.Join(written, " ")))
					want, cause := ResultNeutral, Cause("")
					if n > MaxLookups {
						want, cause = ResultPermError, CauseLookups
					}
					e := Evaluate(t.Context(), z, client("192.0.2.1"))
					if e.Result != want || e.Cause != cause || e.Lookups != n || e.VoidLookups != 0 {
						t.Errorf("got %s (%s) after %d lookups and %d void, want %s (%s) after %d and 0", e.Result, e.Cause, e.Lookups, e.VoidLookups, want, cause, n)
					}
					if tree := Walk(t.Context(), z, "a.test"); tree.Lookups != n || tree.Loop || tree.Truncated {
						t.Errorf("Walk counts %d lookups, loop = %t, truncated = %t; want %d, false, false", tree.Lookups, tree.Loop, tree.Truncated, n)
					}
				})
			}
		}
	}
}

// TestRedirectChain tests ten and eleven redirects in a row.
func TestRedirectChain(t *testing.T) {
	for _, n := range []int{MaxLookups, MaxLookups + 1} {
		zone := "a.test TXT v=spf1 redirect=r1.test\n"
		for i := range n {
			next := fmt.Sprintf("redirect=r%d.test", i+2)
			if i == n-1 {
				next = "ip4:192.0.2.1 -all"
			}
			zone += fmt.Sprintf("r%d.test TXT v=spf1 %s\n", i+1, next)
		}
		want := ResultPass
		if n > MaxLookups {
			want = ResultPermError
		}
		if e := Evaluate(t.Context(), testZone(t, zone), client("192.0.2.1")); e.Result != want || e.Lookups != n {
			t.Errorf("%d redirects: got %s after %d lookups, want %s after %d", n, e.Result, e.Lookups, want, n)
		}
	}
}

// TestVoidLimit tests two and three terms of each kind that find nothing: no
// such name, and no such type (RFC 7208 section 4.6.4).
func TestVoidLimit(t *testing.T) {
	for _, test := range []struct {
		name, term string
		void       bool
	}{
		{"a of no name", "a:gone.test", true},
		{"a without the type", "a:text.test", true},
		{"a with the other type", "a:six.test", true},
		{"a of itself", "a", true},
		{"mx of no name", "mx:gone.test", true},
		{"mx without the type", "mx:text.test", true},
		{"mx of itself", "mx", true},
		{"mx whose hosts have no address", "mx:mail.test", false},
		{"null MX", "mx:null.test", false},
		{"exists of no name", "exists:gone.test", true},
		{"exists without the type", "exists:six.test", true},
		{"exists by macro", "exists:%{ir}.gone.test", true},
		{"ptr", "ptr:a.test", true},
		{"a name that cannot exist", "a:x..test", false},
		{"an alias of nothing", "a:alias.test", true},
		{"no match", "a:other.test", false},
		{"an include without a match", "include:deny.test", false},
	} {
		for n := MaxVoidLookups; n <= MaxVoidLookups+1; n++ {
			for _, form := range []string{
				"a.test TXT v=spf1 %s ip4:192.0.2.1 -all",
				"a.test TXT v=spf1 include:b.test ip4:192.0.2.1 -all\nb.test TXT v=spf1 %s -all",
			} {
				t.Run(fmt.Sprintf("%s/%d in %q", test.name, n, form), func(t *testing.T) {
					z := testZone(t, `
						six.test AAAA 2001:db8::1
						text.test TXT text
						mail.test MX 1 gone.test
						null.test MX 0 .
						other.test A 198.51.100.1
						deny.test TXT v=spf1 -all
						alias.test CNAME gone.test
						`+fmt.Sprintf(form, strings.TrimSpace(strings.Repeat(test.term+" ", n))))
					want, cause, voids := ResultPass, Cause(""), 0
					if test.void {
						voids = n
					}
					if voids > MaxVoidLookups {
						want, cause = ResultPermError, CauseVoidLookups
					}
					e := Evaluate(t.Context(), z, client("192.0.2.1"))
					if e.Result != want || e.Cause != cause || e.VoidLookups != voids {
						t.Errorf("got %s (%s) with %d void, want %s (%s) with %d", e.Result, e.Cause, e.VoidLookups, want, cause, voids)
					}
				})
			}
		}
	}
}

// TestAnswerLimits tests ten and eleven MX and PTR names for clients of both
// families, and that an eleventh PTR name is not even asked.
func TestAnswerLimits(t *testing.T) {
	for _, test := range []struct {
		name, term string
		ip         string
		n          int
		want       Result
		cause      Cause
		questions  int // beside the record
	}{
		{"ten mail hosts", "mx", "192.0.2.1", 10, ResultPass, "", 11},
		{"eleven mail hosts", "mx", "192.0.2.1", 11, ResultPermError, CauseMX, 1},
		{"ten mail hosts for IPv6", "mx", "2001:db8::1", 10, ResultPass, "", 11},
		{"eleven mail hosts for IPv6", "mx", "2001:db8::1", 11, ResultPermError, CauseMX, 1},
		{"ten PTR names", "ptr", "192.0.2.1", 10, ResultPass, "", 11},
		{"eleven PTR names", "ptr", "192.0.2.1", 11, ResultFail, "", 11},
		{"ten PTR names for IPv6", "ptr", "2001:db8::1", 10, ResultPass, "", 11},
		{"eleven PTR names for IPv6", "ptr", "2001:db8::1", 11, ResultFail, "", 11},
		{"PTR is asked once", "ptr:b.test exists:%{p}.b..test ptr", "192.0.2.1", 10, ResultPass, "", 11},
		{"the tenth PTR name is p", "include:%{p}", "192.0.2.1", 10, ResultPass, "", 12},
		{"the eleventh is not", "exists:%{p}", "192.0.2.1", 11, ResultFail, "", 12},
	} {
		t.Run(test.name, func(t *testing.T) {
			z := testZone(t, "a.test TXT v=spf1 "+test.term+" -all\nh10.a.test TXT v=spf1 +all")
			last := fmt.Sprintf("h%02d.a.test", test.n)
			for i := range test.n {
				host := fmt.Sprintf("h%02d.a.test", i+1)
				for name, kind := range map[string]string{"a.test": "MX", "1.2.0.192.in-addr.arpa": "PTR", reverseOne: "PTR"} {
					data := host
					if kind == "MX" {
						data = fmt.Sprintf("%d %s", i, host)
					}
					if err := z.add(name, kind, data); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := z.add(last, "A", "192.0.2.1"); err != nil {
				t.Fatal(err)
			}
			if err := z.add(last, "AAAA", "2001:db8::1"); err != nil {
				t.Fatal(err)
			}
			e := Evaluate(t.Context(), z, client(test.ip))
			if e.Result != test.want || e.Cause != test.cause {
				t.Errorf("got %s (%s), want %s (%s)", e.Result, e.Cause, test.want, test.cause)
			}
			if got := z.count() - 1; got != test.questions {
				t.Errorf("%d questions beside the record, want %d: %q", got, test.questions, z.questions())
			}
		})
	}
}

// reverseOne is the name of 2001:db8::1 in the reverse tree.
const reverseOne = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"

// TestLoops tests circles of includes and redirects of one, two and three
// records: they end at the limit of lookups.
func TestLoops(t *testing.T) {
	for _, test := range []struct{ name, zone string }{
		{"include of itself", "a.test TXT v=spf1 include:a.test -all"},
		{"include of itself in upper case", "a.test TXT v=spf1 include:A.TEST. -all"},
		{"include by macro", "a.test TXT v=spf1 include:%{d} -all"},
		{"include of two", "a.test TXT v=spf1 include:b.test -all\nb.test TXT v=spf1 include:a.test -all"},
		{"redirect to itself", "a.test TXT v=spf1 redirect=a.test"},
		{"redirect of three", "a.test TXT v=spf1 redirect=b.test\nb.test TXT v=spf1 redirect=c.test\nc.test TXT v=spf1 redirect=a.test"},
		{"include and redirect", "a.test TXT v=spf1 include:b.test -all\nb.test TXT v=spf1 redirect=a.test"},
		{"two at each level", "a.test TXT v=spf1 include:a.test include:a.test -all"},
	} {
		t.Run(test.name, func(t *testing.T) {
			z := testZone(t, test.zone)
			e := Evaluate(t.Context(), z, client("192.0.2.1"))
			if e.Result != ResultPermError || e.Cause != CauseLookups || e.Lookups != MaxLookups+1 || z.count() != MaxLookups+1 {
				t.Errorf("got %s (%s) after %d lookups and %d questions, want permerror (too-many-lookups) after 11 and 11", e.Result, e.Cause, e.Lookups, z.count())
			}
			clear(z.asked.questions)
			tree := Walk(t.Context(), z, "a.test")
			if !tree.Loop || tree.Truncated || z.count() != len(z.asked.questions) {
				t.Errorf("loop = %t, truncated = %t, asked %v; want true, false, each once", tree.Loop, tree.Truncated, z.asked.questions)
			}
		})
	}
}

// TestNameLimits tests expanded names at their bounds: 253 octets (RFC 7208
// section 7.3) and labels of 63 (RFC 1035 section 2.3.4).
func TestNameLimits(t *testing.T) {
	label := strings.Repeat("x", 63)
	three := label + "." + label + "." + label // 191 octets
	for _, test := range []struct{ name, local, want string }{
		{"label of 63", label, label + ".b.test"},
		{"label of 64", label + "x", ""},
		{"253 octets", three + "." + strings.Repeat("y", 54), three + "." + strings.Repeat("y", 54) + ".b.test"},
		{"254 octets", three + "." + strings.Repeat("y", 55), label + "." + label + "." + strings.Repeat("y", 55) + ".b.test"},
		{"two labels too many", label + "." + three + "." + label, label + "." + label + "." + label + ".b.test"},
		{"a first label beyond its bound goes too", label + "x." + three + "." + label, label + "." + label + "." + label + ".b.test"},
		{"an empty label", "x..y", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			z := testZone(t, "a.test TXT v=spf1 exists:%{l}.b.test redirect=%{l}.b.test")
			e := Evaluate(t.Context(), z, Query{IP: netip.MustParseAddr("192.0.2.1"), MailFrom: test.local + "@a.test"})
			questions := []string{"a.test TXT"}
			if test.want != "" {
				questions = append(questions, test.want+" A", test.want+" TXT")
			}
			slices.Sort(questions)
			if diff := cmp.Diff(questions, z.questions()); diff != "" {
				t.Errorf("questions (-want +got):\n%s", diff)
			}
			if e.Result != ResultPermError || e.Cause != CauseTarget {
				t.Errorf("got %s (%s), want permerror (target-without-record)", e.Result, e.Cause)
			}
		})
	}
}

// TestDomainLimits tests what check_host() begins with (RFC 7208 section 4.3).
func TestDomainLimits(t *testing.T) {
	label := strings.Repeat("x", 63)
	three := label + "." + label + "." + label + "."
	for _, test := range []struct {
		name, domain string
		want         bool // a domain
	}{
		{"label of 63", label + ".test", true},
		{"label of 64", label + "x.test", false},
		{"253 octets", three + strings.Repeat("y", 61), true},
		{"253 octets and a dot", three + strings.Repeat("y", 61) + ".", true},
		{"254 octets", three + strings.Repeat("y", 62), false},
		{"one label", "test", false},
		{"one label and a dot", "test.", false},
		{"two labels and a dot", "a.test.", true},
		{"two labels and two dots", "a.test..", false},
		{"empty label", "a..test", false},
		{"dot in front", ".a.test", false},
		{"a dot", ".", false},
		{"nothing", "", false},
		{"IPv4 literal", "[192.0.2.1]", false},
		{"IPv6 literal", "[IPv6:2001:db8::1]", false},
		{"octets that no host has", "a b.te\xffst", true},
		{"backslash", `a\.test`, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			z := newZone()
			e := Evaluate(t.Context(), z, Query{IP: netip.MustParseAddr("192.0.2.1"), MailFrom: "x@" + test.domain})
			cause := CauseDomain
			if test.want {
				cause = CauseNoRecord
			}
			if e.Result != ResultNone || e.Cause != cause {
				t.Errorf("got %s (%s), want none (%s)", e.Result, e.Cause, cause)
			}
			if asked := z.count() > 0; asked != test.want || Lookup(t.Context(), z, test.domain).Malformed == test.want {
				t.Errorf("asked = %t, want %t", asked, test.want)
			}
		})
	}
}

// TestMappedClient tests that an IPv4 address mapped into IPv6 is one of IPv4
// in every place (RFC 7208 section 5).
func TestMappedClient(t *testing.T) {
	zone := `
		1.2.0.192.in-addr.arpa PTR m.a.test
		m.a.test A 192.0.2.1
		b.test MX 1 m.a.test
		1.2.0.192.in-addr.test A 127.0.0.2
		six.test AAAA ::ffff:192.0.2.1
	`
	for _, test := range []struct {
		term string
		want Result
	}{
		{"ip4:192.0.2.1", ResultPass},
		{"ip4:192.0.2.0/24", ResultPass},
		{"ip6:::ffff:192.0.2.1", ResultFail},
		{"ip6:::ffff:0:0/96", ResultFail},
		{"ip6:::/0", ResultFail},
		{"a:m.a.test", ResultPass},
		{"a:m.a.test/24//128", ResultPass},
		{"a:six.test", ResultFail},
		{"a:six.test/0//0", ResultFail},
		{"mx:b.test", ResultPass},
		{"ptr:a.test", ResultPass},
		{"exists:%{ir}.%{v}.test", ResultPass},
	} {
		t.Run(test.term, func(t *testing.T) {
			for _, ip := range []string{"192.0.2.1", "::ffff:192.0.2.1"} {
				e := Evaluate(t.Context(), testZone(t, zone+"a.test TXT v=spf1 "+test.term+" -all"), client(ip))
				if e.Result != test.want || e.IP.String() != "192.0.2.1" {
					t.Errorf("%s: got %s for %s, want %s for 192.0.2.1", ip, e.Result, e.IP, test.want)
				}
			}
		})
	}
}

// TestMacroLimits adds to TestMacroTransformers: digits, reverse, delimiters
// and escapes at their bounds (RFC 7208 section 7.3).
func TestMacroLimits(t *testing.T) {
	for _, test := range []struct{ name, text, value, want string }{
		{"as many parts as there are", "%{l3}", "a.b.c", "a.b.c"},
		{"one part fewer", "%{l2}", "a.b.c", "b.c"},
		{"one part more", "%{l4}", "a.b.c", "a.b.c"},
		{"parts are counted behind the reversal", "%{l2r}", "a.b.c", "b.a"},
		{"beyond any number of parts", "%{l1025}", strings.Repeat("x.", 1023) + "x", strings.Repeat("x.", 1023) + "x"},
		{"every delimiter", "%{l.-+,/_=}", "a.b-c+d,e/f_g=h", "a.b.c.d.e.f.g.h"},
		{"a delimiter given takes the place of the dot", "%{l1-}", "a.b-c.d", "c.d"},
		{"delimiters twice", "%{l2--}", "a-b-c", "b.c"},
		{"delimiters become dots", "%{l+}", "a+b", "a.b"},
		{"delimiters in a row", "%{l-}", "a--b", "a..b"},
		{"delimiters at both ends", "%{lr-}", "-a-b-", ".b.a."},
		{"nothing", "%{l1r-}", "", ""},
		{"upper case R", "%{lR}", "a.b", "b.a"},
		{"unreserved characters stay", "%{L}", "aZ09-._~", "aZ09-._~"},
		{"the others are escaped", "%{L}", "!#$&'*+/=?^`{|}%@ \"\x00\x7f\xff", "%21%23%24%26%27%2A%2B%2F%3D%3F%5E%60%7B%7C%7D%25%40%20%22%00%7F%FF"},
		{"dots put in are not", "%{L=}", "a=b", "a.b"},
		{"values are not expanded again", "%{l}", "%{d}%%", "%{d}%%"},
		{"no other braces", "%{l}}{", "x", "x}{"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, faults := parseMacroString(test.text, false)
			got, ok := m.expand(func(byte) string { return test.value })
			if got != test.want || !ok || len(faults) > 0 {
				t.Errorf("%s of %q = %q, %t, %v; want %q", test.text, test.value, got, ok, faults, test.want)
			}
		})
	}
}

// TestMostQuestions tests that the bounds in the comments of Evaluate and Walk
// are exact, and what an ordinary record takes.
func TestMostQuestions(t *testing.T) {
	var mx, hosts, includes, included, pointers string
	for i := range MaxLookups {
		mx += fmt.Sprintf(" mx:m%d.test", i)
		for j := range MaxMX {
			hosts += fmt.Sprintf("m%d.test MX %d h%d.m%d.test\n", i, j, j, i)
		}
		includes += fmt.Sprintf(" include:i%d.test", i)
		included += fmt.Sprintf("i%d.test TXT v=spf1 ip4:198.51.100.%d -all\n", i, i)
	}
	for i := range MaxPTR + 1 {
		pointers += fmt.Sprintf("1.2.0.192.in-addr.arpa PTR p%02d.test\n", i)
	}
	for _, test := range []struct {
		name, zone                  string
		evaluate, evaluateDifferent int
		walk, walkDifferent         int
	}{
		{
			"ten mx of ten hosts", "a.test TXT v=spf1" + mx + " -all exp=%{p}.test\n" + hosts + pointers,
			2 + MaxLookups*(1+MaxMX) + 1 + MaxPTR, 123, 1 + MaxLookups*(1+2*MaxMX), 211,
		},
		{
			"ten mx and as many terms more as are walked", "a.test TXT v=spf1" + mx + strings.Repeat(" a", MaxAsked-MaxLookups+1) + "\n" + hosts,
			1 + MaxLookups*(1+MaxMX), 111, 1 + MaxLookups*(1+2*MaxMX) + (MaxAsked-MaxLookups)*2, 213,
		},
		{
			"an eleventh mx", "a.test TXT v=spf1" + mx + " mx:m0.test -all\n" + hosts,
			1 + MaxLookups*(1+MaxMX), 111, 1 + MaxLookups*(1+2*MaxMX) + 1, 211,
		},
		{"ten includes", "a.test TXT v=spf1" + includes + " -all\n" + included, 11, 11, 11, 11},
		{"ten includes within an include", "a.test TXT v=spf1 include:b.test\nb.test TXT v=spf1" + includes + " -all\n" + included, 11, 11, 12, 12},
		{"no lookups", "a.test TXT v=spf1 ip4:198.51.100.1 -all", 1, 1, 1, 1},
		{"no record", "a.test A 192.0.2.1", 1, 1, 1, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			z := testZone(t, test.zone)
			e := Evaluate(t.Context(), z, client("192.0.2.1"))
			if z.count() != test.evaluate || len(z.questions()) != test.evaluateDifferent {
				t.Errorf("Evaluate (%s) asks %d, %d different; want %d, %d", e.Result, z.count(), len(z.questions()), test.evaluate, test.evaluateDifferent)
			}
			clear(z.asked.questions)
			Walk(t.Context(), z, "a.test")
			if z.count() != test.walk || len(z.questions()) != test.walkDifferent {
				t.Errorf("Walk asks %d, %d different; want %d, %d", z.count(), len(z.questions()), test.walk, test.walkDifferent)
			}
		})
	}
}

// TestHostileRecords tests that records of the largest size take work in
// proportion to it, counted in allocations.
func TestHostileRecords(t *testing.T) {
	fill := func(prefix, unit, suffix string) string {
		return prefix + strings.Repeat(unit, (dnsx.MaxText-len(prefix)-len(suffix))/len(unit)) + suffix
	}
	for _, test := range []struct {
		name, record string
		parse        float64 // allocations
		evaluate     float64
	}{
		{"escaped per cent signs", fill("v=spf1 include:", "%%", ".test redirect=a.test"), 50, 5000},
		{"macros of a long value", fill("v=spf1 exists:", "%{l}", ".test redirect=a.test"), 50, 5000},
		{"reversed and escaped", fill("v=spf1 exists:", "%{LR}", ".test redirect=a.test"), 50, 5000},
		{"macros of nothing", fill("v=spf1 exists:", "%{h}", ".test redirect=a.test"), 50, 5000},
		{"dots", fill("v=spf1 exists:", ".", "test redirect=a.test"), 50, 5000},
		{"slashes", fill("v=spf1 a:", "/1", " redirect=a.test"), 50, 5000},
		{"spaces", fill("v=spf1 ", " ", "redirect=a.test"), 50, 5000},
		{"faults", fill("v=spf1 ", "- ", "redirect=a.test"), 200, 5000},
	} {
		t.Run(test.name, func(t *testing.T) {
			if n := testing.AllocsPerRun(1, func() { Parse(test.record) }); n > test.parse {
				t.Errorf("Parse allocates %.0f times, want at most %.0f", n, test.parse)
			}
			z := newZone()
			if err := z.add("a.test", "TXT", test.record); err != nil {
				t.Fatal(err)
			}
			q := Query{IP: netip.MustParseAddr("192.0.2.1"), MailFrom: strings.Repeat("a.", 500) + "a@a.test"}
			if n := testing.AllocsPerRun(1, func() { Evaluate(t.Context(), z, q) }); n > test.evaluate {
				t.Errorf("Evaluate allocates %.0f times, want at most %.0f", n, test.evaluate)
			}
		})
	}
}
