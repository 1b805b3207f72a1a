package check

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"maildoctor/check/rdns"
)

func TestJudgePTR(t *testing.T) {
	names := []rdns.Name{{Name: "a.test"}, {Name: "b.test"}}
	reverse := func(addr, host string, v rdns.Verdict, names ...rdns.Name) Reverse {
		return Reverse{Host: host, Result: rdns.Result{Addr: netip.MustParseAddr(addr), Verdict: v, Names: names}}
	}
	named := func(name string, pattern rdns.Pattern, confirms bool) rdns.Name {
		return rdns.Name{Name: name, Generic: pattern, Confirms: confirms}
	}
	dynamic := named("dyn-1.isp.test", rdns.AccessWord, true)
	tests := []struct {
		name string
		ptr  []Reverse
		want []string
	}{
		{"generic", []Reverse{reverse("192.0.2.1", "", rdns.Pass, named("x.isp.test", "", false), dynamic)},
			[]string{"PTR-GENERIC 192.0.2.1 address=192.0.2.1 name=dyn-1.isp.test own=out.example.test pattern=access-word type=A"}},
		{"generic beside a name that is not", []Reverse{reverse("192.0.2.1", "", rdns.Pass, dynamic, named("out.test", "", true))}, nil},
		{"generic, not confirmed", []Reverse{reverse("192.0.2.1", "", rdns.Fail, named("dyn-1.isp.test", rdns.AccessWord, false))},
			[]string{"PTR-NOT-CONFIRMED 192.0.2.1 address=192.0.2.1 names=dyn-1.isp.test type=A"}},
		{"generic, MX host", []Reverse{reverse("192.0.2.1", "mx.test", rdns.Pass, dynamic)}, nil},
		{"confirmed", []Reverse{reverse("192.0.2.1", "", rdns.Pass, names...)}, nil},
		{"unknown", []Reverse{reverse("192.0.2.1", "", rdns.Unknown), reverse("192.0.2.2", "mx.test", rdns.Unknown)}, nil},
		{"missing", []Reverse{reverse("192.0.2.1", "", rdns.Missing)}, []string{"PTR-MISSING 192.0.2.1 address=192.0.2.1 own=out.example.test type=A"}},
		{"missing, IPv6", []Reverse{reverse("2001:db8::1", "", rdns.Missing)}, []string{"PTR-MISSING 2001:db8::1 address=2001:db8::1 own=out.example.test type=AAAA"}},
		{"not confirmed", []Reverse{reverse("192.0.2.1", "", rdns.Fail, names...)},
			[]string{`PTR-NOT-CONFIRMED 192.0.2.1 address=192.0.2.1 names="a.test, b.test" type=A`}},
		{"missing, MX host", []Reverse{reverse("192.0.2.1", "mx.test", rdns.Missing)}, []string{"PTR-MX-MISSING 192.0.2.1 address=192.0.2.1 host=mx.test"}},
		{"not confirmed, MX host", []Reverse{reverse("2001:db8::1", "mx.test", rdns.Fail, names[0])},
			[]string{"PTR-MX-NOT-CONFIRMED 2001:db8::1 address=2001:db8::1 host=mx.test names=a.test"}},
		{"several", []Reverse{reverse("192.0.2.1", "a.test", rdns.Missing), reverse("192.0.2.2", "a.test", rdns.Pass), reverse("192.0.2.3", "b.test", rdns.Missing)},
			[]string{"PTR-MX-MISSING 192.0.2.1 address=192.0.2.1 host=a.test", "PTR-MX-MISSING 192.0.2.3 address=192.0.2.3 host=b.test"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			expect(t, collect(judgePTR, &Facts{Domain: tested, PTR: tt.ptr}), tt.want)
		})
	}
}

// TestPTRTargets holds which addresses are asked about.
func TestPTRTargets(t *testing.T) {
	many := "@ MX 1 mx\n"
	for i := range maxPTR + 1 {
		many += fmt.Sprintf("mx A 192.0.2.%d\n", i+1)
	}
	tests := []struct {
		name, zone string
		o          Options
		want       int
	}{
		{"the sending host alone", mail, Options{IP: netip.MustParseAddr("192.0.2.7")}, 1},
		{"each address of the MX hosts once", mail + "@ MX 2 b\nb A 192.0.2.1\nb A 192.0.2.2\n", Options{}, 3},
		{"none that is private", mail + "mx A 10.0.0.1\n", Options{}, 2},
		{"private ones with permission", mail + "mx A 10.0.0.1\n", Options{AllowPrivate: true}, 3},
		{"no more than the limit", many, Options{}, maxPTR},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.o.Checks = []string{"ptr"}
			got := auditZone(t, tested, tt.zone, tt.o).Facts.PTR
			if len(got) != tt.want {
				t.Fatalf("%d addresses, want %d: %+v", len(got), tt.want, got)
			}
			for i := 1; i < len(got); i++ {
				if got[i-1].Addr.Compare(got[i].Addr) >= 0 {
					t.Errorf("addresses are not sorted: %v before %v", got[i-1].Addr, got[i].Addr)
				}
			}
		})
	}
}

// TestJudgeHelo holds what is said of the EHLO name, from the lookup to the
// finding; that it leads elsewhere is no fault.
func TestJudgeHelo(t *testing.T) {
	const (
		host    = "out A 192.0.2.9\n9.2.0.192.in-addr.arpa. PTR out.example.test.\n"
		fail    = "out TXT \"v=spf1 ip4:192.0.2.1 -all\"\n"
		address = " address=192.0.2.9"
	)
	tests := []struct {
		name, zone, helo string
		ip, from         string
		checks           []string
		want             []string
		coverage         string
		merit            bool
	}{
		{name: "leads back", zone: host, helo: "out.example.test", ip: sending, merit: true},
		{name: "case and dot", zone: host, helo: "OUT.example.test.", ip: sending, merit: true},
		{name: "leads elsewhere", zone: host + "a A 192.0.2.1\n", helo: "a.example.test", ip: sending},
		{name: "another name than PTR", zone: host + "a A 192.0.2.9\n", helo: "a.example.test", ip: sending, merit: true},
		{name: "without address of the host", zone: mail + "out A 192.0.2.9\n", helo: "out.example.test"},
		{name: "nothing but the name known", zone: "out A 192.0.2.9\n", helo: "out.example.test"},
		{name: "no such name", zone: host, helo: "gone.example.test", ip: sending, want: []string{"HELO-UNRESOLVED gone.example.test"}},
		{name: "no address", zone: host + fail, helo: "9.2.0.192.in-addr.arpa", ip: sending, want: []string{"HELO-UNRESOLVED 9.2.0.192.in-addr.arpa"}},
		{name: "no answer", zone: host + ";! timeout b.example.test\n", helo: "b.example.test", ip: sending, coverage: "inconclusive dns-timeout b.example.test"},
		{name: "no answer, and no address of the host", zone: ";! servfail b.example.test\n", helo: "b.example.test", coverage: "inconclusive dns-servfail b.example.test"},
		{name: "one label", zone: host, helo: "mail", ip: sending, want: []string{"HELO-NOT-FQDN mail form=one-label own=out.example.test"}},
		{name: "localhost.localdomain", zone: host, helo: "localhost.localdomain", ip: sending, want: []string{"HELO-UNRESOLVED localhost.localdomain"}},
		{name: "bare address", zone: host, helo: "192.0.2.9", ip: sending, want: []string{"HELO-NOT-FQDN 192.0.2.9 form=bare-address own=out.example.test"}},
		{name: "no name", zone: host, helo: "a b", ip: sending, want: []string{"HELO-NOT-FQDN a b form=malformed own=out.example.test"}},
		{name: "octets", zone: host, helo: "\xff", ip: sending, want: []string{"HELO-NOT-FQDN \ufffd form=malformed own=out.example.test"}},
		{name: "literal", zone: host, helo: "[192.0.2.9]", ip: sending, want: []string{"HELO-LITERAL [192.0.2.9] own=out.example.test"}},
		{name: "literal, IPv6", zone: "9.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR six\nsix AAAA 2001:db8::9\n", helo: "[IPv6:2001:db8:0::9]", ip: "2001:db8::9", want: []string{"HELO-LITERAL [ipv6:2001:db8:0::9] own=six.example.test"}},
		{name: "literal, without address of the host", zone: mail, helo: "[192.0.2.9]", want: []string{"HELO-LITERAL [192.0.2.9] own=out.example.test"}},
		{name: "literal of another", zone: host, helo: "[192.0.2.8]", ip: sending, want: []string{"HELO-LITERAL-WRONG [192.0.2.8]" + address + " own=out.example.test"}},

		// SPF of the name (RFC 7208 section 2.3).
		{name: "SPF passes", zone: host + "out TXT \"v=spf1 a -all\"\n", helo: "out.example.test", ip: sending, merit: true},
		{name: "SPF fails", zone: host + fail, helo: "out.example.test", ip: sending, merit: true, want: []string{
			"HELO-SPF-FAIL out.example.test" + address + " record=\"v=spf1 ip4:192.0.2.9 ip4:192.0.2.1 -all\""}},
		{name: "SPF fails, and no address of the host", zone: mail + "out A 192.0.2.9\n" + fail, helo: "out.example.test"},
		{name: "SPF softfails", zone: host + "out TXT \"v=spf1 ~all\"\n", helo: "out.example.test", ip: sending, merit: true},
		{name: "SPF is broken", zone: host + "out TXT \"v=spf1 foo -all\"\n", helo: "out.example.test", ip: sending, merit: true},
		{name: "SPF gives no answer", zone: host + ";! timeout out.example.test TXT\n", helo: "out.example.test", ip: sending, merit: true},
		{name: "SPF of the envelope sender says it", zone: host + fail + "@ TXT \"v=spf1 ip4:192.0.2.9 -all\"\n", helo: "out.example.test", ip: sending, from: "a@out.example.test", checks: []string{"ptr", "spf"}, merit: true, want: []string{
			"SPF-IP-NOT-AUTHORISED out.example.test" + address + " record=\"v=spf1 ip4:192.0.2.9 ip4:192.0.2.1 -all\" result=fail"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := Options{Checks: tt.checks, Helo: tt.helo, From: tt.from}
			if o.Checks == nil {
				o.Checks = []string{"ptr"}
			}
			if tt.ip != "" {
				o.IP = netip.MustParseAddr(tt.ip)
			}
			res := auditZone(t, tested, tt.zone, o)
			var got []Finding
			for _, f := range res.Findings {
				if !strings.HasPrefix(string(f.Rule), "PTR-") {
					got = append(got, f)
				}
			}
			expect(t, got, tt.want)
			if tt.coverage == "" {
				tt.coverage = "done"
			}
			if got := reached(res.Coverage[0]); got != tt.coverage {
				t.Errorf("coverage %q, want %q", got, tt.coverage)
			}
			if got := slices.ContainsFunc(res.Merits, func(m Merit) bool { return m.ID == "helo-confirmed" }); got != tt.merit {
				t.Errorf("merit %v, want %v", got, tt.merit)
			}
			text, err := json.Marshal(res.Facts)
			if err != nil {
				t.Fatal(err)
			}
			var facts Facts
			if err := json.Unmarshal(text, &facts); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(res.Findings, Judge(&facts)); d != "" {
				t.Errorf("judged again (-audited +read back):\n%s", d)
			}
		})
	}
}
