package check

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"maildoctor/check/dnsx"
	"maildoctor/check/spf"
)

// cures holds that a record that a finding proposes has no fault and, put in
// the place of the one at fault, ends the finding.
func cures(t *testing.T, zone string, got []Finding, again func(zone string) []Finding) {
	t.Helper()
	for _, f := range got {
		record, proposed := f.Params["record"]
		if !proposed {
			continue
		}
		if _, faults := spf.Parse(record); len(faults) > 0 {
			t.Errorf("%s proposes %q, which has the faults %+v", f.Rule, record, faults)
		}
		mended := zone + "\n" + f.Subject + ". TXT \"" + record + "\"\n"
		if len(f.Evidence) > 0 {
			mended = strings.Replace(zone, `"`+f.Evidence[0]+`"`, `"`+record+`"`, 1)
		}
		if f.Rule == spfMultiple {
			for _, other := range f.Evidence[1:] {
				mended = strings.Replace(mended, `TXT "`+other+`"`, `TXT "no record"`, 1)
			}
		}
		if mended == zone {
			t.Errorf("%s: the zone does not hold the evidence %q", f.Rule, f.Evidence[0])
		}
		same := func(x Finding) bool { return x.Rule == f.Rule && x.Subject == f.Subject }
		if slices.ContainsFunc(again(mended), same) {
			t.Errorf("%s proposes %q, which is judged the same", f.Rule, record)
		}
	}
}

// terms repeats a term with numbers in it.
func terms(format string, n int) string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf(format, i))
	}
	return strings.Join(out, " ")
}

func TestJudgeSPF(t *testing.T) {
	elevenMX := ""
	for i := range spf.MaxMX + 1 {
		elevenMX += fmt.Sprintf("many MX %d h%d\n", i, i)
	}
	hosts := "h0 A 192.0.2.10\nh1 A 192.0.2.11\nh2 A 192.0.2.12\nh3 A 192.0.2.13\nh4 A 192.0.2.14\n" +
		"h5 A 192.0.2.15\nh6 A 192.0.2.16\nh7 A 192.0.2.17\nh8 A 192.0.2.18\nh9 A 192.0.2.19\nh10 A 192.0.2.20\n"
	const only4 = "h0 A 192.0.2.10\nh1 A 192.0.2.11\nh2 A 192.0.2.12\n"
	ten := elevenMX[:strings.LastIndex(elevenMX, "many")]
	tests := []struct {
		name, zone string
		want       []string
	}{
		{"good", mail + `@ TXT "v=spf1 mx -all"`, nil},
		{"softfail", mail + `@ TXT "v=spf1 mx ~all"`, nil},
		{"no record", mail, []string{`SPF-MISSING example.test basis=mail-hosts record="v=spf1 mx ~all"`}},
		{"no record, mail at a provider", "@ MX 1 aspmx.l.google.com.\n", []string{`SPF-MISSING example.test basis=mail-hosts record="v=spf1 include:_spf.google.com ~all"`}},
		{"no record, mail at the domain itself", "@ A 192.0.2.1\n", []string{`SPF-MISSING example.test basis=nothing record="v=spf1 -all"`}},
		{"lookalike", mail + `@ TXT "v=spf10 mx -all"`, []string{`SPF-MISSING example.test basis=mail-hosts record="v=spf1 mx ~all"`}},
		{"no answer", mail + ";! timeout example.test TXT", nil},
		{"several", mail + "@ TXT \"v=spf1 mx -all\"\n@ TXT \"v=spf1 a -all\"", []string{`SPF-MULTIPLE example.test count=2 owner=own record="v=spf1 a mx -all"`}},
		{"several in an include", mail + "@ TXT \"v=spf1 include:_spf.example.test -all\"\n_spf TXT \"v=spf1 -all\"\n_spf TXT \"v=spf1 a:mx.example.test -all\"",
			[]string{`SPF-MULTIPLE _spf.example.test count=2 owner=own record="v=spf1 a:mx.example.test -all"`}},
		{"syntax", mail + `@ TXT "v=spf1 mx ip4:300.0.2.1 foo -all"`, []string{
			"SPF-SYNTAX example.test column=15 owner=own reason=bad-ip4 term=ip4:300.0.2.1",
			"SPF-SYNTAX example.test column=25 owner=own reason=unknown-mechanism term=foo",
		}},
		{"syntax in an include that is there twice", mail + "@ TXT \"v=spf1 include:_spf.example.test ?include:_spf.example.test -all\"\n_spf TXT \"v=spf1 foo -all\"",
			[]string{
				"SPF-SYNTAX _spf.example.test column=8 owner=own reason=unknown-mechanism term=foo",
				"SPF-TERM-MASKED example.test by=include:_spf.example.test result=pass term=?include:_spf.example.test",
			}},

		{"include of nothing", mail + `@ TXT "v=spf1 include:gone.test -all"`,
			[]string{`SPF-INCLUDE-DEAD example.test mechanism=include otherwise=rename owner=own record="v=spf1 ~all" target=gone.test`}},
		{"include without a record", mail + "@ TXT \"v=spf1 include:mx.example.test -all\"",
			[]string{`SPF-INCLUDE-DEAD example.test mechanism=include otherwise=publish owner=own record="v=spf1 ~all" target=mx.example.test`}},
		{"include without an answer", mail + "@ TXT \"v=spf1 include:_spf.test -all\"\n;! servfail _spf.test", nil},
		{"redirect to nothing", mail + `@ TXT "v=spf1 redirect=gone.test"`,
			[]string{`SPF-INCLUDE-DEAD example.test mechanism=redirect otherwise=rename owner=own record="v=spf1 ~all" target=gone.test`}},
		{"redirect beside all", mail + `@ TXT "v=spf1 mx -all redirect=gone.test"`,
			[]string{"SPF-REDIRECT-IGNORED example.test target=gone.test"}},
		{"terms behind all", mail + `@ TXT "v=spf1 mx -all include:gone.test a"`, []string{
			"SPF-TERMS-AFTER-ALL example.test term=a",
			"SPF-TERMS-AFTER-ALL example.test term=include:gone.test",
		}},
		{"own matters in an include are the provider's", mail + "@ TXT \"v=spf1 include:_spf.example.test -all\"\n_spf TXT \"v=spf1 mx:example.test ptr -all a redirect=x.test\"", nil},
		{"own matters behind a redirect", mail + "@ TXT \"v=spf1 redirect=_spf.example.test\"\n_spf TXT \"v=spf1 mx:example.test ptr -all a\"", []string{
			"SPF-PTR _spf.example.test", "SPF-TERMS-AFTER-ALL _spf.example.test term=a",
		}},
		{"ptr", mail + `@ TXT "v=spf1 ptr ptr:x.test -all"`, []string{"SPF-PTR example.test"}},
		{"ptr behind all", mail + `@ TXT "v=spf1 mx -all ptr"`, []string{"SPF-TERMS-AFTER-ALL example.test term=ptr"}},

		{"loop to itself", mail + `@ TXT "v=spf1 include:example.test -all"`, []string{"SPF-LOOP example.test owner=own target=example.test"}},
		{"loop over two", mail + "@ TXT \"v=spf1 include:_spf.example.test -all\"\n_spf TXT \"v=spf1 redirect=example.test\"",
			[]string{"SPF-LOOP _spf.example.test owner=own target=example.test"}},
		{"eight lookups", mail + `@ TXT "v=spf1 ` + terms("exists:%%{i}.x%d.test", 8) + ` -all"`, nil},
		{"nine lookups", mail + `@ TXT "v=spf1 ` + terms("exists:%%{i}.x%d.test", 9) + ` -all"`, []string{"SPF-NEAR-LOOKUP-LIMIT example.test lookups=9"}},
		{"ten lookups", mail + `@ TXT "v=spf1 ` + terms("exists:%%{i}.x%d.test", 10) + ` -all"`, []string{"SPF-NEAR-LOOKUP-LIMIT example.test lookups=10"}},
		{"eleven lookups", mail + `@ TXT "v=spf1 exists:%{i}.y.test include:_spf.other.test -all"` + "\n" + `_spf.other.test. TXT "v=spf1 ` + terms("exists:%%{i}.x%d.test", 9) + ` -all"`,
			[]string{`SPF-TOO-MANY-LOOKUPS example.test lookups=11 terms="exists:%{i}.y.test 1, include:_spf.other.test 10"`}},
		{"two void lookups", mail + `@ TXT "v=spf1 mx ` + terms("a:x%d.test", 2) + ` -all"`, []string{
			`SPF-TERM-VOID example.test reason=no-such-record record="v=spf1 mx -all" target=x0.test term=a:x0.test`,
			`SPF-TERM-VOID example.test reason=no-such-record record="v=spf1 mx -all" target=x1.test term=a:x1.test`,
		}},
		{"void lookups of a provider", "@ TXT \"v=spf1 include:p.other. -all\"\np.other. TXT \"v=spf1 mx a:x.test ip4:192.0.2.1 -all\"", nil},
		{"a lookup that brought no answer", mail + "@ TXT \"v=spf1 mx a:x.test -all\"\n;! timeout x.test", nil},
		{"mx of a host", mail + `@ TXT "v=spf1 mx -mx:mx.example.test/24 ~all"`,
			[]string{`SPF-TERM-VOID example.test reason=no-mx-record record="v=spf1 mx -a:mx.example.test/24 ~all" target=mx.example.test term=-mx:mx.example.test/24`}},
		{"mx of a domain that takes no mail", "@ A 192.0.2.1\n" + `@ TXT "v=spf1 mx -all"`,
			[]string{`SPF-TERM-VOID example.test reason=no-mx-record record="v=spf1 a -all" target=example.test term=mx`}},
		{"mx in another record of the domain", mail + "@ TXT \"v=spf1 redirect=_spf.example.test\"\n_spf TXT \"v=spf1 mx/28 -all\"",
			[]string{`SPF-TERM-VOID _spf.example.test reason=name-of-record record="v=spf1 mx:example.test/28 -all" target=_spf.example.test term=mx/28`}},
		{"mx in another record, of another name", mail + "@ TXT \"v=spf1 redirect=_spf.example.test\"\n_spf TXT \"v=spf1 mx:x.test a -all\"", []string{
			`SPF-TERM-VOID _spf.example.test reason=no-such-record record="v=spf1 -all" target=_spf.example.test term=a`,
			`SPF-TERM-VOID _spf.example.test reason=no-such-record record="v=spf1 -all" target=x.test term=mx:x.test`,
		}},
		{"hosts without an IPv6 address", only4 + `@ TXT "v=spf1 a:h0.example.test a:h1.example.test a:h2.example.test ip6:2001:db8::/32 -all"`,
			[]string{`SPF-VOID-LOOKUPS-IPV6 example.test record="v=spf1 ip4:192.0.2.10 ip4:192.0.2.11 ip4:192.0.2.12 ip6:2001:db8::/32 -all" terms="a:h0.example.test, a:h1.example.test, a:h2.example.test" voids=3`}},
		{"two hosts without an IPv6 address", only4 + `@ TXT "v=spf1 a:h0.example.test a:h1.example.test ip6:2001:db8::/32 -all"`, nil},
		{"two of them and one without any", only4 + `@ TXT "v=spf1 a:h0.example.test a:x.test a:h1.example.test ip6:2001:db8::/32 -all"`, []string{
			`SPF-TERM-VOID example.test reason=no-such-record record="v=spf1 a:h0.example.test a:h1.example.test ip6:2001:db8::/32 -all" target=x.test term=a:x.test`,
			`SPF-VOID-LOOKUPS-IPV6 example.test record="v=spf1 ip4:192.0.2.10 a:x.test ip4:192.0.2.11 ip6:2001:db8::/32 -all" terms="a:h0.example.test, a:h1.example.test" voids=3`,
		}},
		{"no IPv6 sender is authorised", only4 + `@ TXT "v=spf1 a:h0.example.test a:h1.example.test a:h2.example.test -all"`, nil},
		{"hosts of others without an IPv6 address", "h0.test. A 192.0.2.1\n" + `@ TXT "v=spf1 a:h0.test a:h0.test/31 a:h0.test/30 ip6:2001:db8::/32 -all"`, nil},
		{"hosts without an IPv4 address", "h0.test. AAAA 2001:db8::1\n" + `@ TXT "v=spf1 a:h0.test a:h0.test//96 a:h0.test//64 ip4:192.0.2.1 -all"`,
			[]string{`SPF-TOO-MANY-VOID-LOOKUPS example.test terms="a:h0.test, a:h0.test//96, a:h0.test//64" voids=3`}},
		{"no IPv4 sender is authorised", "h0.test. AAAA 2001:db8::1\n" + `@ TXT "v=spf1 a:h0.test a:h0.test//96 a:h0.test//64 -all"`, nil},
		{"three void lookups", mail + "@ TXT \"v=spf1 mx a:x.test include:_spf.example.test -all\"\n_spf TXT \"v=spf1 exists:y.test exists:z.test -all\"",
			[]string{`SPF-TOO-MANY-VOID-LOOKUPS example.test terms="a:x.test, exists:y.test, exists:z.test" voids=3`}},
		{"ten MX names", mail + ten + hosts + `@ TXT "v=spf1 mx:many.example.test -all"`, nil},
		{"eleven MX names", mail + elevenMX + hosts + `@ TXT "v=spf1 mx:many.example.test -all"`,
			[]string{"SPF-TOO-MANY-MX example.test count=11 owner=own target=many.example.test"}},

		{"widest range of an owner", mail + `@ TXT "v=spf1 ip4:10.0.0.0/14 ip6:2001::/19 -all"`, nil},
		{"wider than that", mail + `@ TXT "v=spf1 ip4:10.0.0.0/13 ip6:2001::/18 -all"`, []string{
			"SPF-RANGE-TOO-WIDE example.test owner=own prefix=/13 term=ip4:10.0.0.0/13",
			"SPF-RANGE-TOO-WIDE example.test owner=own prefix=/18 term=ip6:2001::/18",
		}},
		{"widest range of a provider", "@ TXT \"v=spf1 include:p.other. -all\"\np.other. TXT \"v=spf1 ip4:10.0.0.0/8 ip6:2001::/16 -all\"", nil},
		{"wide range of a provider", "@ TXT \"v=spf1 include:p.other. -all\"\np.other. TXT \"v=spf1 ip4:10.0.0.0/7 -all\"",
			[]string{"SPF-RANGE-TOO-WIDE p.other owner=other prefix=/7 term=ip4:10.0.0.0/7"}},
		{"wide range", mail + `@ TXT "v=spf1 ip4:10.0.0.0/7 ip6:2000::/15 -all"`, []string{
			"SPF-RANGE-TOO-WIDE example.test owner=own prefix=/15 term=ip6:2000::/15",
			"SPF-RANGE-TOO-WIDE example.test owner=own prefix=/7 term=ip4:10.0.0.0/7",
		}},
		{"wide range of hosts", mail + `@ TXT "v=spf1 mx/7 -all"`, []string{"SPF-RANGE-TOO-WIDE example.test owner=own prefix=/7 term=mx/7"}},
		{"wide range that does not pass", mail + `@ TXT "v=spf1 mx ?ip4:10.0.0.0/7 -all"`, nil},
		{"wide range in an include", mail + "@ TXT \"v=spf1 include:_spf.example.test -all\"\n_spf TXT \"v=spf1 ip4:10.0.0.0/1 -all\"",
			[]string{"SPF-RANGE-TOO-WIDE _spf.example.test owner=own prefix=/1 term=ip4:10.0.0.0/1"}},
		{"wide range in an include that does not pass", mail + "@ TXT \"v=spf1 mx ~include:_spf.example.test -all\"\n_spf TXT \"v=spf1 ip4:10.0.0.0/1 -all\"", nil},

		{"all pass", mail + `@ TXT "v=spf1 mx +all"`, []string{`SPF-ALL-PASS example.test owner=own record="v=spf1 mx ~all"`}},
		{"all without a qualifier", mail + `@ TXT "v=spf1 all"`, []string{`SPF-ALL-PASS example.test owner=own record="v=spf1 ~all"`}},
		{"all pass in an include", mail + "@ TXT \"v=spf1 include:_spf.example.test -all\"\n_spf TXT \"v=spf1 a:mx.example.test all\"",
			[]string{`SPF-ALL-PASS _spf.example.test owner=own record="v=spf1 a:mx.example.test ~all"`}},
		{"all pass in an include that does not pass", mail + "@ TXT \"v=spf1 mx ?include:_spf.example.test -all\"\n_spf TXT \"v=spf1 +all\"", nil},
		{"all pass behind all", mail + `@ TXT "v=spf1 mx -all +all"`, []string{"SPF-TERMS-AFTER-ALL example.test term=+all"}},
		{"all pass by a range", mail + `@ TXT "v=spf1 mx ip4:0.0.0.0/0 -all"`, []string{`SPF-ALL-PASS example.test owner=own record="v=spf1 mx -all"`}},
		{"all pass by an IPv6 range", mail + `@ TXT "v=spf1 ip6:::/0 mx -all"`, []string{`SPF-ALL-PASS example.test owner=own record="v=spf1 mx -all"`}},
		{"all pass by a host", mail + `@ TXT "v=spf1 mx/0 -all"`, []string{`SPF-ALL-PASS example.test owner=own record="v=spf1 -all"`}},

		{"neutral", mail + `@ TXT "v=spf1 mx ?all"`, []string{`SPF-ALL-NEUTRAL example.test record="v=spf1 mx ~all"`}},
		{"neutral behind a redirect", mail + "@ TXT \"v=spf1 redirect=_spf.example.test\"\n_spf TXT \"v=spf1 mx:example.test ?all\"",
			[]string{`SPF-ALL-NEUTRAL _spf.example.test record="v=spf1 mx:example.test ~all"`}},
		{"neutral behind a redirect to a provider", mail + "@ TXT \"v=spf1 redirect=p.other x=y mx\"\np.other. TXT \"v=spf1 ip4:192.0.2.9 ?all\"",
			[]string{`SPF-ALL-NEUTRAL example.test record="v=spf1 x=y mx include:p.other ~all"`}},
		{"no all behind a redirect to a provider", mail + "@ TXT \"v=spf1 redirect=p.other\"\np.other. TXT \"v=spf1 ip4:192.0.2.9\"",
			[]string{`SPF-ALL-MISSING example.test record="v=spf1 include:p.other ~all"`}},
		{"own matters of a provider behind a redirect", "@ TXT \"v=spf1 redirect=p.other\"\np.other. TXT \"v=spf1 ptr ip4:192.0.2.9 -all a\"", nil},
		{"faults of a provider", mail + "@ TXT \"v=spf1 mx include:p.other include:q.other include:r.other -all\"\np.other. TXT \"v=spf1 foo -all\"\nq.other. TXT \"v=spf1 include:gone.test a:q.other redirect=x.test -all\"\n" +
			"q.other. A 192.0.2.9\nr.other. TXT \"v=spf1 ip4:192.0.2.9 all\"\n", []string{
			`SPF-ALL-PASS r.other owner=other record="v=spf1 ip4:192.0.2.9 ~all"`,
			`SPF-INCLUDE-DEAD q.other mechanism=include otherwise=rename owner=other record="v=spf1 a:q.other redirect=x.test -all" target=gone.test`,
			"SPF-SYNTAX p.other column=8 owner=other reason=unknown-mechanism term=foo",
		}},
		{"dead redirect behind other terms", mail + `@ TXT "v=spf1 mx redirect=gone.test exp=x.test"`,
			[]string{`SPF-INCLUDE-DEAD example.test mechanism=redirect otherwise=rename owner=own record="v=spf1 mx ~all exp=x.test" target=gone.test`}},
		{"two dead includes and a fault", mail + `@ TXT "v=spf1 include:gone.test foo mx include:lost.test -all"`, []string{
			`SPF-INCLUDE-DEAD example.test mechanism=include otherwise=rename owner=own record="v=spf1 mx -all" target=gone.test`,
			`SPF-INCLUDE-DEAD example.test mechanism=include otherwise=rename owner=own record="v=spf1 mx -all" target=lost.test`,
			"SPF-SYNTAX example.test column=26 owner=own reason=unknown-mechanism term=foo",
		}},
		{"no all", mail + `@ TXT "v=spf1 mx"`, []string{`SPF-ALL-MISSING example.test record="v=spf1 mx ~all"`}},
		{"no all, space at the end", mail + `@ TXT "v=spf1 mx  "`, []string{`SPF-ALL-MISSING example.test record="v=spf1 mx ~all"`}},
		{"bare", mail + `@ TXT "v=spf1"`, []string{`SPF-ALL-MISSING example.test record="v=spf1 ~all"`}},
		{"no all behind a redirect", mail + "@ TXT \"v=spf1 redirect=_spf.example.test\"\n_spf TXT \"v=spf1 mx:example.test\"",
			[]string{`SPF-ALL-MISSING _spf.example.test record="v=spf1 mx:example.test ~all"`}},
		{"no all in an include", mail + "@ TXT \"v=spf1 include:_spf.example.test -all\"\n_spf TXT \"v=spf1 mx:example.test\"", nil},
		{"no all beside a fault", mail + `@ TXT "v=spf1 mx foo"`, []string{"SPF-SYNTAX example.test column=11 owner=own reason=unknown-mechanism term=foo"}},
		{"redirect without an answer", mail + "@ TXT \"v=spf1 redirect=_spf.test\"\n;! servfail _spf.test", nil},

		{"parked, locked", "@ MX 0 .\n@ TXT \"v=spf1 -all\"", nil},
		{"parked, no record", "@ MX 0 .", []string{"PARKED-SPF-OPEN example.test"}},
		{"parked, softfail", "@ MX 0 .\n@ TXT \"v=spf1 ~all\"", []string{"PARKED-SPF-OPEN example.test"}},
		{"parked, neutral", "@ MX 0 .\n@ TXT \"v=spf1 ?all\"", []string{"PARKED-SPF-OPEN example.test"}},
		{"parked, bare", "@ MX 0 .\n@ TXT \"v=spf1\"", []string{"PARKED-SPF-OPEN example.test"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			again := func(zone string) []Finding { return collect(judgeSPF, factsOf(t, tested, zone+"\n")) }
			got := again(tt.zone)
			expect(t, got, tt.want)
			cures(t, tt.zone, got, again)
		})
	}
}

// TestJudgeSPFEvidence holds that a finding quotes the records it is about.
func TestJudgeSPFEvidence(t *testing.T) {
	for _, tt := range []struct {
		name, zone string
		want       []string
	}{
		{"lookalike", mail + `@ TXT "v=spf10 mx -all"`, []string{"v=spf10 mx -all"}},
		{"several, sorted", mail + "@ TXT \"v=spf1 mx -all\"\n@ TXT \"v=spf1 a -all\"", []string{"v=spf1 a -all", "v=spf1 mx -all"}},
		{"octets of all kinds", mail + `@ TXT "v=spf1 m\255x -all"`, []string{"v=spf1 m\xffx -all"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := collect(judgeSPF, factsOf(t, tested, tt.zone+"\n"))
			if len(got) != 1 || !slices.Equal(got[0].Evidence, tt.want) {
				t.Errorf("findings %+v, want one with the evidence %q", got, tt.want)
			}
		})
	}
}

// TestJudgeSPFMalformed holds that nothing is said of what is no domain.
func TestJudgeSPFMalformed(t *testing.T) {
	f := factsOf(t, "test", "test. MX 1 mx\n")
	if f.SPF.Root == nil || !f.SPF.Root.Malformed {
		t.Fatalf("root %+v, want it malformed", f.SPF.Root)
	}
	expect(t, collect(judgeSPF, f), nil)
}

// TestJudgeSender judges the host that the user says sends.
func TestJudgeSender(t *testing.T) {
	const several = "o.test. TXT \"v=spf1 a -all\"\no.test. TXT \"v=spf1 -all\"\n"
	tests := []struct {
		name, zone, ip, from string
		want                 []string
	}{
		{"pass", mail + `@ TXT "v=spf1 mx -all"`, "192.0.2.1", "", nil},
		{"fail", mail + `@ TXT "v=spf1 mx -all"`, "192.0.2.9", "",
			[]string{`SPF-IP-NOT-AUTHORISED example.test address=192.0.2.9 record="v=spf1 ip4:192.0.2.9 mx -all" result=fail`}},
		{"fail, IPv6", mail + `@ TXT "v=spf1 mx -all"`, "2001:db8::9", "",
			[]string{`SPF-IP-NOT-AUTHORISED example.test address=2001:db8::9 record="v=spf1 ip6:2001:db8::9 mx -all" result=fail`}},
		{"fail, IPv4 in IPv6", mail + `@ TXT "v=spf1 mx -all"`, "::ffff:192.0.2.9", "",
			[]string{`SPF-IP-NOT-AUTHORISED example.test address=192.0.2.9 record="v=spf1 ip4:192.0.2.9 mx -all" result=fail`}},
		{"softfail", mail + `@ TXT "v=spf1 mx ~all"`, "192.0.2.9", "",
			[]string{`SPF-IP-NOT-AUTHORISED example.test address=192.0.2.9 record="v=spf1 ip4:192.0.2.9 mx ~all" result=softfail`}},
		{"neutral", mail + `@ TXT "v=spf1"`, "192.0.2.9", "", []string{
			`SPF-ALL-MISSING example.test record="v=spf1 ~all"`,
			`SPF-IP-NOT-AUTHORISED example.test address=192.0.2.9 record="v=spf1 ip4:192.0.2.9" result=neutral`,
		}},
		{"fail behind a redirect", mail + "@ TXT \"v=spf1 redirect=_spf.example.test\"\n_spf TXT \"v=spf1 mx:example.test -all\"", "192.0.2.9", "",
			[]string{`SPF-IP-NOT-AUTHORISED example.test address=192.0.2.9 record="v=spf1 ip4:192.0.2.9 redirect=_spf.example.test" result=fail`}},
		{"fail for another domain", mail + "@ TXT \"v=spf1 mx -all\"\no.test. TXT \"v=spf1 -all\"", "192.0.2.1", "a@o.test",
			[]string{`SPF-IP-NOT-AUTHORISED o.test address=192.0.2.1 record="v=spf1 ip4:192.0.2.1 -all" result=fail`}},
		{"pass for another domain", mail + "@ TXT \"v=spf1 mx -all\"\no.test. TXT \"v=spf1 ip4:192.0.2.9 -all\"", "192.0.2.9", "a@o.test", nil},
		{"no record has a rule of its own", mail, "192.0.2.1", "", []string{`SPF-MISSING example.test basis=mail-hosts record="v=spf1 mx ~all"`}},
		{"no record of another domain", mail + "@ TXT \"v=spf1 mx -all\"\no.test. A 192.0.2.1", "192.0.2.1", "a@o.test",
			[]string{`SPF-SENDER-NONE o.test address=192.0.2.1 record="v=spf1 ip4:192.0.2.1 ~all"`}},
		{"no record of another domain, IPv6", mail + "@ TXT \"v=spf1 mx -all\"\no.test. A 192.0.2.1", "2001:db8::9", "a@o.test",
			[]string{`SPF-SENDER-NONE o.test address=2001:db8::9 record="v=spf1 ip6:2001:db8::9 ~all"`}},
		{"no record of another domain, a provider of this one",
			mail + "@ TXT \"v=spf1 mx include:p.other include:q.other -all\"\np.other. TXT \"v=spf1 -ip4:192.0.2.9 ?ip4:192.0.2.0/24 ~all\"\nq.other. TXT \"v=spf1 ip4:192.0.2.0/24 ~all\"\no.test. A 192.0.2.1",
			"192.0.2.9", "a@o.test", []string{`SPF-SENDER-NONE o.test address=192.0.2.9 record="v=spf1 include:q.other ~all"`}},
		{"no record and no mail host", "@ A 192.0.2.1\n", "192.0.2.9", "", []string{`SPF-MISSING example.test basis=sender record="v=spf1 ip4:192.0.2.9 ~all"`}},
		{"void lookups of an IPv6 sender", "h A 192.0.2.1\n" + `@ TXT "v=spf1 a:h.example.test a:h.example.test/31 a:h.example.test/30 ip6:2001:db8::9 -all"`, "2001:db8::9", "", []string{
			"SPF-SENDER-ERROR example.test address=2001:db8::9 cause=too-many-void-lookups",
			`SPF-VOID-LOOKUPS-IPV6 example.test record="v=spf1 ip4:192.0.2.0/30 ip6:2001:db8::9 -all" terms="a:h.example.test, a:h.example.test/31, a:h.example.test/30" voids=3`,
		}},
		{"no record of no domain", mail + `@ TXT "v=spf1 mx -all"`, "192.0.2.1", "a@", nil},
		{"permerror that everybody gets", mail + `@ TXT "v=spf1 foo -all"`, "192.0.2.1", "",
			[]string{"SPF-SYNTAX example.test column=8 owner=own reason=unknown-mechanism term=foo"}},
		{"permerror of this sender", mail + `@ TXT "v=spf1 ` + terms("exists:%%{i}.x%d.test", 3) + ` -all"`, "192.0.2.1", "",
			[]string{"SPF-SENDER-ERROR example.test address=192.0.2.1 cause=too-many-void-lookups"}},
		{"permerror of another domain", mail + "@ TXT \"v=spf1 mx -all\"\no.test. TXT \"v=spf1 foo -all\"", "192.0.2.1", "a@o.test",
			[]string{"SPF-SENDER-ERROR o.test address=192.0.2.1 cause=syntax"}},
		{"several records of another domain", mail + "@ TXT \"v=spf1 mx -all\"\n" + several, "192.0.2.1", "a@o.test",
			[]string{"SPF-SENDER-ERROR o.test address=192.0.2.1 cause=several-records"}},
		{"temperror", mail + "@ TXT \"v=spf1 include:_spf.test -all\"\n;! timeout _spf.test", "192.0.2.9", "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			again := func(zone string) []Finding {
				f := factsOf(t, tested, zone+"\n")
				q := spf.Query{IP: netip.MustParseAddr(tt.ip), MailFrom: tt.from}
				if tt.from == "" {
					q.Domain = tested
				}
				f.Sender = spf.Evaluate(t.Context(), dnsx.New(parseZone(t, zone+"\n"), dnsx.Options{}), q)
				return collect(judgeSPF, f)
			}
			got := again(tt.zone)
			expect(t, got, tt.want)
			cures(t, tt.zone, got, again)
			for _, f := range got {
				if f.Rule == spfSenderError && (len(f.Evidence) == 1) != (f.Params["cause"] != string(spf.CauseMany)) {
					t.Errorf("evidence %q of %s", f.Evidence, said(f))
				}
			}
		})
	}
}

// TestFailedCheck finds what a temperror is about.
func TestFailedCheck(t *testing.T) {
	leaf := &spf.Check{Domain: "leaf.test", Status: dnsx.Timeout}
	for _, tt := range []struct {
		name  string
		check *spf.Check
		want  string
	}{
		{"nothing", nil, ""},
		{"the record itself", leaf, "leaf.test timeout"},
		{"a term", &spf.Check{Terms: []spf.Application{{Target: "a.test", Status: dnsx.OK}, {Target: "b.test", Status: dnsx.ServFail}}}, "b.test servfail"},
		{"an include", &spf.Check{Terms: []spf.Application{{Check: leaf}}}, "leaf.test timeout"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := failedCheck(tt.check)
			if got := strings.TrimSpace(c.Domain + " " + string(c.Status)); got != tt.want {
				t.Errorf("failed check %q, want %q", got, tt.want)
			}
		})
	}
}
