package spf

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func client(s string) Query { return Query{IP: netip.MustParseAddr(s), Domain: "a.test"} }

// hosts returns n MX records of a.test, of which only the last names 192.0.2.1.
func hosts(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "a.test MX %d m%02d.test\nm%02d.test A 198.51.100.%d\n", i, i, i, i+1)
	}
	fmt.Fprintf(&b, "m%02d.test A 192.0.2.1\n", n-1)
	return b.String()
}

// names returns n PTR records of 192.0.2.1, of which only the last leads back.
func names(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "1.2.0.192.in-addr.arpa PTR p%02d.a.test\n", i)
	}
	fmt.Fprintf(&b, "p%02d.a.test A 192.0.2.1\n", n-1)
	return b.String()
}

func TestEvaluate(t *testing.T) {
	type answer struct {
		Result         Result
		Cause          Cause
		Lookups, Voids int
	}
	for _, test := range []struct {
		name, zone string
		want       answer // for 192.0.2.1
	}{
		{"ten lookups", many(10), answer{ResultPass, "", 1, 0}},
		{"ten lookups without a match", strings.ReplaceAll(many(10), "192.0.2.1", "192.0.2.2"), answer{ResultFail, "", 10, 0}},
		{"eleven lookups", strings.ReplaceAll(many(11), "192.0.2.1", "192.0.2.2"), answer{ResultPermError, CauseLookups, 11, 0}},
		{"ten levels", chain(10), answer{ResultPass, "", 10, 0}},
		{"eleven levels", chain(11), answer{ResultPermError, CauseLookups, 11, 0}},
		{"redirect is the tenth", "x.test A 192.0.2.2\na.test TXT v=spf1" + strings.Repeat(" a:x.test", 9) + " redirect=b.test\nb.test TXT v=spf1 ?all", answer{ResultNeutral, "", 10, 0}},
		{"redirect is the eleventh", "x.test A 192.0.2.2\na.test TXT v=spf1" + strings.Repeat(" a:x.test", 10) + " redirect=b.test\nb.test TXT v=spf1 ?all", answer{ResultPermError, CauseLookups, 11, 0}},
		{"two voids", "a.test TXT v=spf1 a:x.test exists:y.test ip4:192.0.2.1 -all", answer{ResultPass, "", 2, 2}},
		{"three voids", "a.test TXT v=spf1 a:x.test exists:y.test mx:z.test ip4:192.0.2.1 -all", answer{ResultPermError, CauseVoidLookups, 3, 3}},
		{"ptr is void", "a.test TXT v=spf1 a:x.test exists:y.test ptr -all", answer{ResultPermError, CauseVoidLookups, 3, 3}},
		{"voids inside an include", "a.test TXT v=spf1 include:b.test ip4:192.0.2.1\nb.test TXT v=spf1 a:x.test a:x.test a:x.test", answer{ResultPermError, CauseVoidLookups, 4, 3}},
		{"mail hosts without an address are not void", "a.test TXT v=spf1 mx ?all\na.test MX 1 x.test\na.test MX 2 y.test\na.test MX 3 z.test", answer{ResultNeutral, "", 1, 0}},
		{"ten mail hosts", "a.test TXT v=spf1 mx -all\n" + hosts(10), answer{ResultPass, "", 1, 0}},
		{"eleven mail hosts", "a.test TXT v=spf1 mx -all\n" + hosts(11), answer{ResultPermError, CauseMX, 1, 0}},
		{"ten PTR names", "a.test TXT v=spf1 ptr -all\n" + names(10), answer{ResultPass, "", 1, 0}},
		{"the eleventh PTR name is ignored", "a.test TXT v=spf1 ptr -all\n" + names(11), answer{ResultFail, "", 1, 0}},
		{"ptr goes on without an answer", "a.test TXT v=spf1 ptr ?all\n1.2.0.192.in-addr.arpa SERVFAIL", answer{ResultNeutral, "", 1, 0}},
		{"ptr needs a label boundary", "a.test TXT v=spf1 ptr -all\n1.2.0.192.in-addr.arpa PTR xa.test\nxa.test A 192.0.2.1", answer{ResultFail, "", 1, 0}},
		{"several records", "a.test TXT v=spf1 +all\na.test TXT v=spf1 -all", answer{ResultPermError, CauseMany, 0, 0}},
		{"no record", "a.test A 192.0.2.1", answer{ResultNone, CauseNoRecord, 0, 0}},
		{"no answer", "a.test TIMEOUT", answer{ResultTempError, CauseDNS, 0, 0}},
		{"refused", "a.test REFUSED", answer{ResultTempError, CauseDNS, 0, 0}},
		{"a fault behind a match", "a.test TXT v=spf1 ip4:192.0.2.1 a:museum", answer{ResultPermError, CauseSyntax, 0, 0}},
		{"a fault in an include", "a.test TXT v=spf1 include:b.test +all\nb.test TXT v=spf1 ip5:1", answer{ResultPermError, CauseSyntax, 1, 0}},
		{"include without a record", "a.test TXT v=spf1 include:b.test +all\nb.test A 192.0.2.1\nb.test TXT other", answer{ResultPermError, CauseTarget, 1, 0}},
		{"include of nothing", "a.test TXT v=spf1 include:b.test +all", answer{ResultPermError, CauseTarget, 1, 1}},
		{"include without an answer", "a.test TXT v=spf1 include:b.test +all\nb.test TIMEOUT", answer{ResultTempError, CauseDNS, 1, 0}},
		{"include of a malformed name", "a.test TXT v=spf1 include:b..test +all", answer{ResultPermError, CauseTarget, 1, 0}},
		{"redirect to nothing", "a.test TXT v=spf1 redirect=b.test", answer{ResultPermError, CauseTarget, 1, 1}},
		{"redirect to a malformed name", "a.test TXT v=spf1 redirect=b..test", answer{ResultPermError, CauseTarget, 1, 0}},
		{"a malformed name matches nothing", "a.test TXT v=spf1 a:b..test exists:c..test mx:d..test ip4:192.0.2.1 -all", answer{ResultPass, "", 3, 0}},
		{"a match before a failure", "a.test TXT v=spf1 ip4:192.0.2.1 a:x.test\nx.test TIMEOUT", answer{ResultPass, "", 0, 0}},
		{"a failure before a match", "a.test TXT v=spf1 a:x.test ip4:192.0.2.1\nx.test TIMEOUT", answer{ResultTempError, CauseDNS, 1, 0}},
		{"a mail host without an answer", "a.test TXT v=spf1 mx ip4:192.0.2.1\na.test MX 1 x.test\nx.test SERVFAIL", answer{ResultTempError, CauseDNS, 1, 0}},
		{"a mail host without an answer before one that matches", "a.test TXT v=spf1 mx -all\na.test MX 1 x.test\na.test MX 2 y.test\nx.test SERVFAIL\ny.test A 192.0.2.1", answer{ResultTempError, CauseDNS, 1, 0}},
		{"a mail host without an answer behind one that matches", "a.test TXT v=spf1 mx -all\na.test MX 2 x.test\na.test MX 1 y.test\nx.test SERVFAIL\ny.test A 192.0.2.1", answer{ResultPass, "", 1, 0}},
		{"only the type of the client is asked", "a.test TXT v=spf1 a -all\na.test A 192.0.2.1\na.test TIMEOUT AAAA", answer{ResultPass, "", 1, 0}},
		{"loop", "a.test TXT v=spf1 redirect=a.test", answer{ResultPermError, CauseLookups, 11, 0}},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := Evaluate(t.Context(), testZone(t, test.zone), client("192.0.2.1"))
			if got := (answer{e.Result, e.Cause, e.Lookups, e.VoidLookups}); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestEvaluateDomain(t *testing.T) {
	long := strings.Repeat("x", 63)
	z := testZone(t, `
		from.test TXT v=spf1 ip4:192.0.2.1 -all
		helo.test TXT v=spf1 ip4:192.0.2.2 -all
		xn--bcher-kva.test TXT v=spf1 +all
		`+long+`.test TXT v=spf1 ~all`)
	for _, test := range []struct {
		name, domain, from, helo string
		wantDomain               string
		want                     Result
	}{
		{"behind the last at sign", "", `"a@b"@from.test`, "helo.test", "from.test", ResultPass},
		{"null sender", "", "", "helo.test", "helo.test", ResultFail},
		{"sender without a domain", "", "postmaster", "helo.test", "helo.test", ResultFail},
		{"given", "from.test", "x@other.test", "helo.test", "from.test", ResultPass},
		{"upper case and final dot", "", "x@FROM.Test.", "", "from.test", ResultPass},
		{"U-labels", "", "x@b\u00fccher.test", "", "xn--bcher-kva.test", ResultPass},
		{"label of 63", "", "x@" + long + ".test", "", long + ".test", ResultSoftFail},
		{"label of 64", "", "x@x" + long + ".test", "", "x" + long + ".test", ResultNone},
		{"empty label", "", "x@a..test", "", "a..test", ResultNone},
		{"one label", "", "x@test", "", "test", ResultNone},
		{"address literal", "", "x@[192.0.2.1]", "", "[192.0.2.1]", ResultNone},
		{"empty domain", "", "x@", "helo.test", "", ResultNone},
		{"nothing", "", "", "", "", ResultNone},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := Evaluate(t.Context(), z, Query{IP: netip.MustParseAddr("192.0.2.1"), Domain: test.domain, MailFrom: test.from, Helo: test.helo})
			if e.Result != test.want || e.Domain != test.wantDomain {
				t.Errorf("got %s for %q, want %s for %q", e.Result, e.Domain, test.want, test.wantDomain)
			}
		})
	}
}

func TestEvaluateAddresses(t *testing.T) {
	z := testZone(t, `
		a.test TXT v=spf1 a:x.test/24//64 ip4:198.51.100.0/24 ip6:2001:db8:2::/48 -all
		x.test A 192.0.2.1
		x.test AAAA 2001:db8:1::1
		x.test AAAA ::ffff:203.0.113.1`)
	for _, test := range []struct {
		ip   string
		want Result
		by   string
	}{
		{"192.0.2.255", ResultPass, "192.0.2.1/24"},
		{"192.0.3.0", ResultFail, ""},
		{"::ffff:192.0.2.255", ResultPass, "192.0.2.1/24"},
		{"2001:db8:1::ffff", ResultPass, "2001:db8:1::1/64"},
		{"2001:db8:1:1::1", ResultFail, ""},
		{"198.51.100.9", ResultPass, "198.51.100.0/24"},
		{"2001:db8:2:ffff::1", ResultPass, "2001:db8:2::/48"},
		{"203.0.113.1", ResultFail, ""},
		{"fe80::1%eth0", ResultFail, ""},
	} {
		t.Run(test.ip, func(t *testing.T) {
			e := Evaluate(t.Context(), z, client(test.ip))
			last := e.Trace.Terms[len(e.Trace.Terms)-1]
			if e.Result != test.want || last.By != test.by {
				t.Errorf("got %s by %q, want %s by %q", e.Result, last.By, test.want, test.by)
			}
		})
	}
	t.Run("no address", func(t *testing.T) {
		if e := Evaluate(t.Context(), z, Query{Domain: "a.test"}); e.Result != ResultFail {
			t.Errorf("got %s, want fail", e.Result)
		}
	})
}

func TestExplanation(t *testing.T) {
	const macros = "%{s} %{l} %{o} %{d} %{i} %{p} %{v} %{h} %{c} %{r} %{t} %% %_ %- %{L}"
	big := strings.Repeat("%{l}", 8000)
	z := testZone(t, `
		a.test TXT v=spf1 exp=why.a.test -all
		why.a.test TXT `+macros+`
		b.test TXT v=spf1 include:a.test -all exp=big.test
		c.test TXT v=spf1 ~all exp=why.a.test
		d.test TXT v=spf1 -all exp=a..test
		big.test TXT `+big+`
		e.test TXT v=spf1 redirect=a.test exp=big.test
		f.test TXT v=spf1 -all exp=tab.test
		2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa PTR mail.a.test
		mail.a.test AAAA 2001:db8::2`)
	if err := z.add("tab.test", "TXT", "not\tvisible"); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, from, want string }{
		{"every macro", "j&d@a.test", "j&d@a.test j&d a.test a.test 2.0.0.1.0.D.B.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2 mail.a.test ip6 helo.test 2001:db8::2 mx.test 1000000000 %   %20 j%26d"},
		{"not of an include, and not beyond the bound", strings.Repeat("x", 9) + "@b.test", ""},
		{"of the target of a redirect", "x@e.test", "x@e.test x e.test a.test 2.0.0.1.0.D.B.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2 mail.a.test ip6 helo.test 2001:db8::2 mx.test 1000000000 %   %20 x"},
		{"only on fail", "x@c.test", ""},
		{"not of a malformed name", "x@d.test", ""},
		{"not with control characters", "x@f.test", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := Evaluate(t.Context(), z, Query{
				IP: netip.MustParseAddr("2001:db8::2"), MailFrom: test.from, Helo: "helo.test", Receiver: "mx.test",
				Now: func() time.Time { return time.Unix(1000000000, 0) },
			})
			if e.Explanation != test.want {
				t.Errorf("explanation = %q, want %q", e.Explanation, test.want)
			}
		})
	}
}

func TestLocalPartBeyondASCII(t *testing.T) {
	z := testZone(t, `
		a.test TXT v=spf1 include:%{l}.a.test exists:%{s}.test ?exists:%{d} -all exp=why.test
		a.test A 192.0.2.1
		b.test TXT v=spf1 -all exp=why.test
		why.test TXT %{l} may not send`)
	for _, test := range []struct {
		from        string
		want        Result
		explanation string
		questions   int
	}{
		{"j\u00fcrg@a.test", ResultNeutral, "", 2},
		{"j\u00fcrg@b.test", ResultFail, "", 2},
		{"j\r\n250 ok@b.test", ResultFail, "", 2},
		{"jorge@b.test", ResultFail, "jorge may not send", 2},
	} {
		t.Run(test.from, func(t *testing.T) {
			clear(z.asked.questions)
			e := Evaluate(t.Context(), z, Query{IP: netip.MustParseAddr("192.0.2.1"), MailFrom: test.from})
			if e.Result != test.want || e.Explanation != test.explanation || len(z.questions()) != test.questions {
				t.Errorf("got %s, %q, asked %q; want %s, %q, %d questions", e.Result, e.Explanation, z.questions(), test.want, test.explanation, test.questions)
			}
		})
	}
}

func TestMacroTransformers(t *testing.T) {
	// RFC 7208 section 7.4, and the limits of the transformers.
	value := func(letter byte) string {
		return map[byte]string{'s': "strong-bad@email.example.com", 'o': "email.example.com", 'd': "email.example.com", 'l': "strong-bad"}[letter]
	}
	for _, test := range []struct{ text, want string }{
		{"%{s}", "strong-bad@email.example.com"},
		{"%{d4}", "email.example.com"},
		{"%{d3}", "email.example.com"},
		{"%{d2}", "example.com"},
		{"%{d1}", "com"},
		{"%{dr}", "com.example.email"},
		{"%{d2r}", "example.email"},
		{"%{l-}", "strong.bad"},
		{"%{lr-}", "bad.strong"},
		{"%{l1r-}", "strong"},
		{"%{d99999999999999999999}", "email.example.com"},
		{"%{d001}", "com"},
		{"%{S}", "strong-bad%40email.example.com"},
		{"%{DR}", "com.example.email"},
		{"%%%_%-", "% %20"},
	} {
		t.Run(test.text, func(t *testing.T) {
			m, faults := parseMacroString(test.text, false)
			got, ok := m.expand(value)
			if got != test.want || !ok || len(faults) > 0 {
				t.Errorf("%q = %q, %t, %v, want %q", test.text, got, ok, faults, test.want)
			}
		})
	}
}

func TestFit(t *testing.T) {
	long := strings.Repeat("x", 63)
	name := long + "." + long + "." + long + "." // 192
	for _, test := range []struct{ name, in, want string }{
		{"253", name + strings.Repeat("y", 61), name + strings.Repeat("y", 61)},
		{"253 and a dot", name + strings.Repeat("y", 61) + ".", name + strings.Repeat("y", 61)},
		{"254", name + strings.Repeat("y", 62), name[64:] + strings.Repeat("y", 62)},
		{"far too long", strings.Repeat("a.", 1000) + "end", strings.Repeat("a.", 125) + "end"},
		{"one label", strings.Repeat("x", 300), strings.Repeat("x", 300)},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := fit(test.in); got != test.want {
				t.Errorf("fit(%q) = %q, want %q", test.in, got, test.want)
			}
		})
	}
}

func TestExpansionBound(t *testing.T) {
	m, _ := parseMacroString(strings.Repeat("%{l}", 1000)+".example.test", false)
	asked := 0
	long := func(byte) string { asked++; return strings.Repeat("label.", 1000) }
	want := strings.Repeat("label.", 40) + ".example.test"
	if got := m.expandName(long); got != want || asked != 1 {
		t.Errorf("a name is %q after %d macros, want %q after 1", got, asked, want)
	}
	if got, ok := m.expand(long); ok {
		t.Errorf("a text of %d octets was expanded, want none", len(got))
	}
	for length := maxName - 4; length <= maxName+4; length++ {
		for _, end := range []string{"test", "test."} {
			text := strings.Repeat("%{l}", (length-len(end))/2) + strings.Repeat("x", (length-len(end))%2) + end
			m, _ := parseMacroString(text, false)
			value := func(byte) string { return "l." }
			whole, _ := m.expand(value)
			if got, want := m.expandName(value), fit(whole); got != want {
				t.Errorf("%d octets become %q, want %q", len(whole), got, want)
			}
		}
	}
}

func TestTrace(t *testing.T) {
	e := Evaluate(t.Context(), testZone(t, `
		a.test TXT v=spf1 a mx:m.test include:none.a.test include:b.test -all
		a.test A 198.51.100.1
		m.test MX 1 mail.m.test
		mail.m.test A 198.51.100.2
		none.a.test TXT v=spf1 -all
		b.test TXT v=spf1 redirect=c.test
		c.test TXT v=spf1 ip4:203.0.113.0/24 ip4:192.0.2.0/24 ~all`), client("192.0.2.1"))
	want := []Place{
		{"a.test", Term{"include:b.test", 39, 14}},
		{"b.test", Term{"redirect=c.test", 7, 15}},
		{"c.test", Term{"ip4:192.0.2.0/24", 26, 16}},
	}
	if diff := cmp.Diff(want, e.Decisive); diff != "" {
		t.Errorf("decisive (-want +got):\n%s", diff)
	}
	var outline func(c *Check, indent string) []string
	outline = func(c *Check, indent string) []string {
		out := []string{indent + c.Domain + " " + string(c.Result)}
		for _, a := range c.Terms {
			out = append(out, fmt.Sprintf("%s- %s @%d cost=%d matched=%t by=%q %s", indent, a.Text, a.Offset, a.Cost, a.Matched, a.By, a.Result))
			if a.Check != nil {
				out = append(out, outline(a.Check, indent+"  ")...)
			}
		}
		return out
	}
	wantTrace := []string{
		`a.test pass`,
		`- a @7 cost=1 matched=false by="" `,
		`- mx:m.test @9 cost=1 matched=false by="" `,
		`- include:none.a.test @19 cost=1 matched=false by="" `,
		`  none.a.test fail`,
		`  - -all @7 cost=0 matched=true by="" fail`,
		`- include:b.test @39 cost=1 matched=true by="" pass`,
		`  b.test pass`,
		`  - redirect=c.test @7 cost=1 matched=true by="" pass`,
		`    c.test pass`,
		`    - ip4:203.0.113.0/24 @7 cost=0 matched=false by="" `,
		`    - ip4:192.0.2.0/24 @26 cost=0 matched=true by="192.0.2.0/24" pass`,
	}
	if diff := cmp.Diff(wantTrace, outline(e.Trace, "")); diff != "" {
		t.Errorf("trace (-want +got):\n%s", diff)
	}
	data, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	back := new(Evaluation)
	if err := json.Unmarshal(data, back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(e, back, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("after a round trip through JSON (-before +after):\n%s", diff)
	}
}

// FuzzEvaluate makes zones of records that name one another.
func FuzzEvaluate(f *testing.F) {
	f.Add([]byte("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e"), "x@d0.test")
	f.Add([]byte("\x06\x16\x26\xff\x06\x06\x06\xff\x0a"), "@d1.test")
	f.Add([]byte("\x09\x19\x29\x39\xff\x09\x09\x09"), "")
	terms := []string{
		"a", "a:d%d.test", "mx", "mx:d%d.test/24//64", "ptr", "exists:%%{i}.d%d.test", "include:d%d.test", "?include:d%d.test",
		"exists:%%{l1r-}.%%{p}.d%d.test", "redirect=d%d.test", "exp=d%d.test", "ip4:192.0.2.%d", "-all", "a:%%{s}%%{h}.d%d.test", "include:%%{d}%%{o}.d%d.test", "x=%%{L9}",
	}
	f.Fuzz(func(t *testing.T, script []byte, from string) {
		if len(script) > 400 {
			return
		}
		z := newZone()
		for i, part := range strings.Split(string(script), "\xff") {
			record := "v=spf1"
			for _, c := range []byte(part) {
				term := terms[c&15]
				if strings.Contains(strings.ReplaceAll(term, "%%", ""), "%d") {
					record += " " + fmt.Sprintf(term, c>>4)
				} else {
					record += " " + strings.ReplaceAll(term, "%%", "%")
				}
			}
			name := fmt.Sprintf("d%d.test", i)
			for kind, data := range map[string]string{"TXT": record, "A": fmt.Sprintf("198.51.100.%d", i%256), "MX": "1 " + name} {
				if err := z.add(name, kind, data); err != nil {
					t.Fatal(err)
				}
			}
		}
		e := Evaluate(t.Context(), z, Query{IP: netip.MustParseAddr("192.0.2.1"), MailFrom: from, Helo: "d0.test"})
		results := []Result{ResultNone, ResultNeutral, ResultPass, ResultFail, ResultSoftFail, ResultTempError, ResultPermError}
		if !slices.Contains(results, e.Result) {
			t.Errorf("result %q", e.Result)
		}
		if e.Lookups > MaxLookups+1 || e.Lookups > MaxLookups && e.Result != ResultPermError || e.VoidLookups > MaxVoidLookups && e.Result != ResultPermError {
			t.Errorf("%d lookups, %d void, result %s", e.Lookups, e.VoidLookups, e.Result)
		}
		// Of each term one question, with MX one more for each host; PTR and its
		// names, the first TXT and the explanation once.
		asked := 0
		for n := range maps.Values(z.asked.questions) {
			asked += n
		}
		if most := MaxLookups*(1+MaxMX) + 1 + MaxPTR + 2; asked > most {
			t.Errorf("%d questions, want at most %d", asked, most)
		}
		tree := Walk(t.Context(), z, "d0.test")
		if e.Domain == "d0.test" && e.Cause == CauseLookups && tree.Lookups <= MaxLookups && !tree.Loop && !tree.Truncated && !dynamic(tree) {
			t.Errorf("too many lookups for %v, but the whole tree has %d", e.Decisive, tree.Lookups)
		}
	})
}

// dynamic reports whether an include or redirect of the tree was not followed.
func dynamic(tree *Tree) bool {
	found := false
	tree.Each(func(n *Node) {
		for _, s := range n.Steps {
			found = found || s.follows() && s.Dynamic
		}
	})
	return found
}
