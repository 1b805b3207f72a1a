package check

import (
	"fmt"
	"net/netip"
	"testing"

	"maildoctor/check/rdns"
)

func TestJudgePTR(t *testing.T) {
	names := []rdns.Name{{Name: "a.test"}, {Name: "b.test"}}
	reverse := func(addr, host string, v rdns.Verdict, names ...rdns.Name) Reverse {
		return Reverse{Host: host, Result: rdns.Result{Addr: netip.MustParseAddr(addr), Verdict: v, Names: names}}
	}
	tests := []struct {
		name string
		ptr  []Reverse
		want []string
	}{
		{"confirmed", []Reverse{reverse("192.0.2.1", "", rdns.Pass, names...)}, nil},
		{"unknown", []Reverse{reverse("192.0.2.1", "", rdns.Unknown), reverse("192.0.2.2", "mx.test", rdns.Unknown)}, nil},
		{"missing", []Reverse{reverse("192.0.2.1", "", rdns.Missing)}, []string{"PTR-MISSING 192.0.2.1 address=192.0.2.1 type=A"}},
		{"missing, IPv6", []Reverse{reverse("2001:db8::1", "", rdns.Missing)}, []string{"PTR-MISSING 2001:db8::1 address=2001:db8::1 type=AAAA"}},
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
