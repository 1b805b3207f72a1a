package dnsx

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

func parseZone(t testing.TB, text string) *Zone {
	t.Helper()
	z, err := ParseZone(strings.NewReader(text), "test.zone")
	if err != nil {
		t.Fatalf("ParseZone: %v", err)
	}
	return z
}

// A result is the part of an Answer that rows compare.
type result struct {
	Status Status
	Reason string
	Data   []string
	Chain  []string
	Cut    int
	AD     bool
}

func resultOf(a Answer) result {
	r := result{Status: a.Status, Reason: a.Reason, Chain: a.Chain, Cut: a.Cut, AD: a.Authenticated}
	for _, rr := range a.Records {
		r.Data = append(r.Data, rdata(rr))
	}
	return r
}

func lookup(t testing.TB, x Exchanger, name string, qtype uint16) result {
	t.Helper()
	return resultOf(New(x, Options{}).Lookup(context.Background(), name, qtype))
}

type row struct {
	name  string
	qname string
	qtype uint16
	want  result
}

func runRows(t *testing.T, x Exchanger, rows []row) {
	t.Helper()
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			if diff := cmp.Diff(r.want, lookup(t, x, r.qname, r.qtype)); diff != "" {
				t.Errorf("%s %s (-want +got):\n%s", r.qname, typeName(r.qtype), diff)
			}
		})
	}
}

const ownZone = `
$ORIGIN example.com.
@       SOA ns hostmaster 1 2 3 4 5
        NS  ns
        MX  10 mail
ns      A   192.0.2.53
mail    300 IN A 192.0.2.25
        A   192.0.2.1
        A   192.0.2.25
WWW     CNAME mail
alias   CNAME www
out     CNAME host.provider.test.
*.w     TXT "wild" "card"
b.w     A   192.0.2.7
x.y.w   A   192.0.2.8
*.cw    CNAME mail
a.ent   A   192.0.2.9
sub     NS  ns.sub
ns.sub  A   192.0.2.54
gone    CNAME nowhere
nod     CNAME a.ent
_spf.other.test. TXT "v=spf1 -all"
l1 CNAME l2
l2 CNAME l3
l3 CNAME l1
self CNAME self
`

func TestZone(t *testing.T) {
	a := func(ips ...string) result { return result{Status: OK, Data: ips} }
	runRows(t, parseZone(t, ownZone), []row{
		{"records are sorted, each once", "mail.example.com", dns.TypeA, a("192.0.2.1", "192.0.2.25")},
		{"case does not matter", "MAIL.Example.COM.", dns.TypeA, a("192.0.2.1", "192.0.2.25")},
		{"no such type", "mail.example.com", dns.TypeAAAA, result{Status: NoData}},
		{"no such name", "nope.example.com", dns.TypeA, result{Status: NXDomain}},
		{"empty non-terminal", "ent.example.com", dns.TypeA, result{Status: NoData}},
		{"CNAME followed", "alias.example.com", dns.TypeA,
			result{Status: OK, Data: []string{"192.0.2.1", "192.0.2.25"}, Chain: []string{"www.example.com", "mail.example.com"}}},
		{"CNAME asked for", "alias.example.com", dns.TypeCNAME, a("www.example.com.")},
		{"CNAME to no such type", "nod.example.com", dns.TypeMX, result{Status: NoData, Chain: []string{"a.ent.example.com"}}},
		{"CNAME to no such name", "gone.example.com", dns.TypeA, result{Status: NXDomain, Chain: []string{"nowhere.example.com"}}},
		{"CNAME out of the zone", "out.example.com", dns.TypeA, result{Status: Refused, Chain: []string{"host.provider.test"}}},
		{"loop", "l1.example.com", dns.TypeA, result{Status: Failed, Reason: ReasonLoop, Chain: []string{"l2.example.com", "l3.example.com"}}},
		{"loop of one", "self.example.com", dns.TypeA, result{Status: Failed, Reason: ReasonLoop}},
		{"wildcard", "any.w.example.com", dns.TypeTXT, result{Status: OK, Data: []string{`"wild" "card"`}}},
		{"wildcard, two labels", "q.any.w.example.com", dns.TypeTXT, result{Status: OK, Data: []string{`"wild" "card"`}}},
		{"wildcard without the type", "any.w.example.com", dns.TypeA, result{Status: NoData}},
		{"wildcard not for an existing name", "b.w.example.com", dns.TypeTXT, result{Status: NoData}},
		{"wildcard not below an existing name", "q.b.w.example.com", dns.TypeTXT, result{Status: NXDomain}},
		{"wildcard not below an empty non-terminal", "q.y.w.example.com", dns.TypeTXT, result{Status: NXDomain}},
		{"wildcard itself", "*.w.example.com", dns.TypeTXT, result{Status: OK, Data: []string{`"wild" "card"`}}},
		{"wildcard CNAME", "any.cw.example.com", dns.TypeA,
			result{Status: OK, Data: []string{"192.0.2.1", "192.0.2.25"}, Chain: []string{"mail.example.com"}}},
		{"delegation: glue", "ns.sub.example.com", dns.TypeA, a("192.0.2.54")},
		{"delegation: NS", "sub.example.com", dns.TypeNS, a("ns.sub.example.com.")},
		{"delegation: at the cut", "sub.example.com", dns.TypeMX, result{Status: Refused}},
		{"delegation: below", "www.sub.example.com", dns.TypeA, result{Status: Refused}},
		{"outside, stated", "_spf.other.test", dns.TypeTXT, result{Status: OK, Data: []string{`"v=spf1 -all"`}}},
		{"outside, stated, another type", "_spf.other.test", dns.TypeA, result{Status: NoData}},
		{"outside, unknown", "_spf.provider.test", dns.TypeTXT, result{Status: Refused}},
		{"outside, above something stated", "other.test", dns.TypeTXT, result{Status: Refused}},
	})
}

func TestZoneClosedWorld(t *testing.T) {
	z := parseZone(t, "a.example.test. A 192.0.2.1\n")
	runRows(t, z, []row{
		{"stated", "a.example.test", dns.TypeA, result{Status: OK, Data: []string{"192.0.2.1"}}},
		{"empty non-terminal", "example.test", dns.TypeA, result{Status: NoData}},
		{"nothing", "example.com", dns.TypeA, result{Status: NXDomain}},
		{"root", ".", dns.TypeA, result{Status: NoData}},
	})
	m, err := z.Exchange(context.Background(), newQuestion(question{"example.com", dns.TypeANY}))
	if err != nil || m.Rcode != dns.RcodeRefused {
		t.Errorf("ANY: got %v, %v, want REFUSED", m, err)
	}
}

func TestZoneChainLimit(t *testing.T) {
	var b strings.Builder
	for i := range MaxChain + 1 {
		b.WriteString("c" + string(rune('0'+i)) + ".test. CNAME c" + string(rune('1'+i)) + ".test.\n")
	}
	b.WriteString("c9.test. A 192.0.2.1\n")
	z := parseZone(t, b.String())
	chain := []string{"c1.test", "c2.test", "c3.test", "c4.test", "c5.test", "c6.test", "c7.test", "c8.test", "c9.test"}
	runRows(t, z, []row{
		{"at the limit", "c1.test", dns.TypeA, result{Status: OK, Data: []string{"192.0.2.1"}, Chain: chain[1:]}},
		{"one past it", "c0.test", dns.TypeA, result{Status: Failed, Reason: ReasonChain, Chain: chain[:8]}},
	})
}

func TestZoneFaults(t *testing.T) {
	z := parseZone(t, `
;! servfail broken.test
;! timeout Slow.test. txt
  ;!	refused no.test	TXT
;! nxdomain gone.test
;! nodata empty.test
;! ad ok.test TXT
;! ad alias.test TXT
;! ad empty.test TXT
;! notimp odd.test A
;! network net.test A
;! malformed mal.test A
;! refused *.rest.test
;! servfail w\032x.test
broken.test. A 192.0.2.1
a.b.broken.test. A 192.0.2.2
slow.test. A 192.0.2.3
slow.test. TXT slow
gone.test. A 192.0.2.4
empty.test. A 192.0.2.5
ok.test. TXT "a"
ok2.test. TXT "b"
alias.test. CNAME ok.test.
to-broken.test. CNAME x.broken.test.
rest.test. A 192.0.2.6
a.rest.test. A 192.0.2.7
deep.rest.test. SOA . . 1 2 3 4 5
`)
	addr := func(s string) result { return result{Status: OK, Data: []string{s}} }
	runRows(t, z, []row{
		{"name, records or not", "broken.test", dns.TypeA, result{Status: ServFail}},
		{"below", "x.broken.test", dns.TypeA, result{Status: ServFail}},
		{"below, empty non-terminal", "b.broken.test", dns.TypeA, result{Status: ServFail}},
		{"below, with records", "a.b.broken.test", dns.TypeA, addr("192.0.2.2")},
		{"below, with other records", "a.b.broken.test", dns.TypeMX, result{Status: NoData}},
		{"typed", "slow.test", dns.TypeTXT, result{Status: Timeout}},
		{"typed, other type", "slow.test", dns.TypeA, addr("192.0.2.3")},
		{"tabs", "no.test", dns.TypeTXT, result{Status: Refused}},
		{"nxdomain", "gone.test", dns.TypeA, result{Status: NXDomain}},
		{"nxdomain below", "x.gone.test", dns.TypeA, result{Status: NXDomain}},
		{"nodata leaves records", "empty.test", dns.TypeA, addr("192.0.2.5")},
		{"nodata with AD", "empty.test", dns.TypeTXT, result{Status: NoData, AD: true}},
		{"nodata not below", "x.empty.test", dns.TypeTXT, result{Status: Refused}},
		{"ad", "ok.test", dns.TypeTXT, result{Status: OK, Data: []string{`"a"`}, AD: true}},
		{"no ad", "ok2.test", dns.TypeTXT, result{Status: OK, Data: []string{`"b"`}}},
		{"ad through a chain", "alias.test", dns.TypeTXT, result{Status: OK, Data: []string{`"a"`}, Chain: []string{"ok.test"}, AD: true}},
		{"unexpected code", "odd.test", dns.TypeA, result{Status: Failed, Reason: ReasonRcode}},
		{"network", "net.test", dns.TypeA, result{Status: Failed, Reason: ReasonNetwork}},
		{"malformed", "mal.test", dns.TypeA, result{Status: Failed, Reason: ReasonMessage}},
		{"rest, the name itself", "rest.test", dns.TypeA, addr("192.0.2.6")},
		{"rest, stated", "a.rest.test", dns.TypeA, addr("192.0.2.7")},
		{"rest, type not stated", "a.rest.test", dns.TypeMX, result{Status: Refused}},
		{"rest, name not stated", "q.rest.test", dns.TypeA, result{Status: Refused}},
		{"rest ends at a deeper zone", "q.deep.rest.test", dns.TypeA, result{Status: NXDomain}},
		{"escaped name", `w\032x.test`, dns.TypeA, result{Status: ServFail}},
		{"chain into a fault", "to-broken.test", dns.TypeA, result{Status: ServFail, Chain: []string{"x.broken.test"}}},
	})
}

func TestZoneRestOfAll(t *testing.T) {
	runRows(t, parseZone(t, ";! timeout *.\na.test. A 192.0.2.1\n*.w.test. A 192.0.2.2\n"), []row{
		{"stated", "a.test", dns.TypeA, result{Status: OK, Data: []string{"192.0.2.1"}}},
		{"wildcard", "x.w.test", dns.TypeA, result{Status: OK, Data: []string{"192.0.2.2"}}},
		{"type", "a.test", dns.TypeMX, result{Status: Timeout}},
		{"name", "b.test", dns.TypeA, result{Status: Timeout}},
		{"root", ".", dns.TypeA, result{Status: Timeout}},
	})
}

func TestZoneOctets(t *testing.T) {
	z := parseZone(t, "\ufeff$ORIGIN test.\n\xe9 TXT \"\xff\\000\\\"x\\\\\" \"\"\n\\233b TXT y\na\\.b TXT z\n")
	for name, want := range map[string]string{`\233.test`: "\xff\x00\"x\\", "\xe9B.test": "y", `a\.b.test`: "z", `a\046B.test`: "z"} {
		got := New(z, Options{}).Lookup(context.Background(), name, dns.TypeTXT).Texts()
		if !slices.Equal(got, []string{want}) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestParseZoneErrors(t *testing.T) {
	for _, r := range []struct{ name, text, want string }{
		{"junk", "a.test. A 192.0.2.1\njunk junk\n", "test.zone:2: "},
		{"bad address", "\n\na.test. A 300.0.2.1\n", "test.zone:3: "},
		{"no data", "a.test. A\n", "test.zone:1: A record without data"},
		{"no data, no final newline", "a.test. MX", "test.zone:1: MX record without data"},
		{"relative name", "$TTL 5\na A 192.0.2.1\n", "(a relative name needs an $ORIGIN line before it)"},
		{"class", "a.test. CH TXT x\n", "test.zone:1: class CH"},
		{"no data type", "a.test. TYPE255 \\# 1 00\n", "test.zone:1: ANY records"},
		{"include", "a.test. A 192.0.2.1\n$INCLUDE /etc/passwd\n", "test.zone:2: $INCLUDE is not supported"},
		{"generate", "$generate 1-65535 a$.test. A 192.0.2.1\n", "test.zone:1: $GENERATE is not supported"},
		{"open quote", "a.test. TXT \"x\nb.test. TXT \"y\"\n", "test.zone:1: quoted string"},
		{"open quote at the end", "a.test. TXT \"x", "test.zone:1: quoted string"},
		{"open bracket", "a.test. MX ( 10\nb.test.\n", "bracket is not closed"},
		{"long label", strings.Repeat("a", 64) + ".test. A 192.0.2.1\n", "test.zone:1: "},
		{"long name", strings.Repeat("abcdefg.", 32) + " A 192.0.2.1\n", "test.zone:1: "},
		{"unknown word", "a.test. A 192.0.2.1\n;! explode a.test\n", `test.zone:2: fault line: unknown word "explode"`},
		{"fault without name", ";! servfail\n", "test.zone:1: fault line"},
		{"fault with too much", ";! servfail a.test A A\n", "test.zone:1: fault line"},
		{"fault with a bad name", ";! servfail a..test", `test.zone:1: fault line: "a..test"`},
		{"fault with a bad type", ";! servfail a.test NOPE", `fault line: unknown type "NOPE"`},
		{"ad without type", ";! ad a.test", "fault line: ad needs a type"},
		{"fault too long", ";! servfail " + strings.Repeat("a", MaxZoneLine), "test.zone:1: line is longer than 1048576 octets"},
	} {
		t.Run(r.name, func(t *testing.T) {
			_, err := ParseZone(strings.NewReader(r.text), "test.zone")
			if err == nil || !strings.Contains(err.Error(), r.want) {
				t.Errorf("got %v, want an error with %q", err, r.want)
			}
		})
	}
}

func TestMergeZones(t *testing.T) {
	a := parseZone(t, "x.test. A 192.0.2.2\n;! servfail y.test\n;! ad x.test A\n")
	b := parseZone(t, "x.test. A 192.0.2.1\nx.test. A 192.0.2.2\n;! timeout y.test\n;! refused *.z.test\n")
	runRows(t, mergeZones(a, b), []row{
		{"one set", "x.test", dns.TypeA, result{Status: OK, Data: []string{"192.0.2.1", "192.0.2.2"}, AD: true}},
		{"later fault", "y.test", dns.TypeA, result{Status: Timeout}},
		{"rest", "a.z.test", dns.TypeA, result{Status: Refused}},
		{"else", "q.test", dns.TypeA, result{Status: NXDomain}},
	})
}

func TestOverlay(t *testing.T) {
	live := parseZone(t, `
a.test. A 192.0.2.1
a.test. TXT live
c.test. CNAME a.test.
dead.test. CNAME missing.test.
wdead.test. CNAME any.w.test.
b.test. MX 10 a.test.
;! ad c.test A
;! ad a.test A
`)
	file := parseZone(t, `
a.test. TXT new
new.test. CNAME b.test.
missing.test. A 192.0.2.9
ent.below.test. A 192.0.2.8
*.w.test. A 192.0.2.7
*.test. A 192.0.2.6
;! servfail broken.test
;! timeout a.test AAAA
;! ad b.test MX
`)
	runRows(t, Overlay(file, live), []row{
		{"set from the file", "a.test", dns.TypeTXT, result{Status: OK, Data: []string{`"new"`}}},
		{"other set live", "a.test", dns.TypeA, result{Status: OK, Data: []string{"192.0.2.1"}, AD: true}},
		{"live chain into the file", "c.test", dns.TypeTXT, result{Status: OK, Data: []string{`"new"`}, Chain: []string{"a.test"}}},
		{"live chain, live end", "c.test", dns.TypeA, result{Status: OK, Data: []string{"192.0.2.1"}, Chain: []string{"a.test"}, AD: true}},
		{"CNAME out of the file", "new.test", dns.TypeMX, result{Status: OK, Data: []string{"10 a.test."}, Chain: []string{"b.test"}}},
		{"dead link revived", "dead.test", dns.TypeA, result{Status: OK, Data: []string{"192.0.2.9"}, Chain: []string{"missing.test"}}},
		{"dead link revived, other type", "dead.test", dns.TypeMX, result{Status: NoData, Chain: []string{"missing.test"}}},
		{"dead link to a wildcard", "wdead.test", dns.TypeA, result{Status: OK, Data: []string{"192.0.2.7"}, Chain: []string{"any.w.test"}}},
		{"name of the file, other type", "missing.test", dns.TypeMX, result{Status: NoData}},
		{"names below", "below.test", dns.TypeMX, result{Status: NoData}},
		{"wildcard", "any.test", dns.TypeA, result{Status: OK, Data: []string{"192.0.2.6"}}},
		{"wildcard, no such type", "any.test", dns.TypeMX, result{Status: NoData}},
		{"wildcard not over a live name", "b.test", dns.TypeA, result{Status: NoData}},
		{"fault", "x.broken.test", dns.TypeA, result{Status: ServFail}},
		{"typed fault", "a.test", dns.TypeAAAA, result{Status: Timeout}},
		{"ad on a live answer", "b.test", dns.TypeMX, result{Status: OK, Data: []string{"10 a.test."}, AD: true}},
		{"nowhere", "other", dns.TypeA, result{Status: NXDomain}},
	})
}

func FuzzParseZone(f *testing.F) {
	f.Add(ownZone)
	f.Add(";! refused *.\na.test. TXT \"\\255\" ( \"x\"\n ) ; c\n;! ad a.test TXT\n")
	f.Add(";! answer a.test A a.test. CNAME b.test.\n;! nodata a.test A\n(\n$ttl 5 )\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		z, err := ParseZone(strings.NewReader(text), "f")
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f:") {
				t.Fatalf("error without place: %v", err)
			}
			return
		}
		for name, n := range z.nodes {
			if c, ok := Canonical(name); !ok || c != name {
				t.Fatalf("name %q is not canonical", name)
			}
			for _, set := range n.sets {
				c := New(z, Options{})
				a := c.Lookup(context.Background(), name, set.rtype)
				checkAnswer(t, a)
				_, one := z.faults[question{name, set.rtype}]
				_, all := z.faults[question{name, 0}]
				_, own := z.answers[question{name, set.rtype}]
				if !one && !all && !own && a.Status != OK {
					t.Fatalf("%q %d: got %s, want ok", name, set.rtype, a.Status)
				}
			}
		}
	})
}
