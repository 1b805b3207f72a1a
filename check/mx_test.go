package check

import (
	"fmt"
	"net/netip"
	"testing"

	"maildoctor/check/mx"
)

func TestJudgeMX(t *testing.T) {
	many := ""
	var danglers []string
	for i := range mx.MaxHosts + 1 {
		many += fmt.Sprintf("@ MX %d h%d\n", i, i)
		if i < mx.MaxHosts {
			danglers = append(danglers, fmt.Sprintf("MX-TARGET-DANGLING example.test host=h%d.example.test", i))
		}
	}
	tests := []struct {
		name, zone string
		want       []string
	}{
		{"two hosts", "@ MX 1 a\n@ MX 2 b\na A 192.0.2.1\nb A 192.0.2.2", nil},
		{"one host, two addresses", mail, nil},
		{"one host, one address", "@ MX 1 mx\nmx A 192.0.2.1", []string{"MX-SINGLE example.test host=mx.example.test"}},
		{"one host, its other address unknown", "@ MX 1 mx\nmx A 192.0.2.1\n;! timeout mx.example.test AAAA", nil},
		{"no answer", ";! timeout example.test MX", nil},
		{"alias", "@ MX 1 mx\nmx CNAME real.test.\nreal.test. A 192.0.2.1\nreal.test. A 192.0.2.2",
			[]string{"MX-TARGET-CNAME example.test host=mx.example.test target=real.test"}},
		{"alias to nothing", "@ MX 1 mx\nmx CNAME gone.test.\n@ MX 2 b\nb A 192.0.2.2", []string{
			"MX-TARGET-CNAME example.test host=mx.example.test target=gone.test",
			"MX-TARGET-DANGLING example.test host=mx.example.test",
		}},
		{"dangling beside a good one", "@ MX 1 mx\n@ MX 2 b\nb A 192.0.2.2", []string{"MX-TARGET-DANGLING example.test host=mx.example.test"}},
		{"dangling, none else", "@ MX 1 mx\n@ MX 2 b\nb TXT x", []string{
			"MX-NO-USABLE-HOST example.test hosts=\"mx.example.test, b.example.test\"",
			"MX-TARGET-DANGLING example.test host=b.example.test", "MX-TARGET-DANGLING example.test host=mx.example.test",
		}},
		{"dangling beside an unknown one", "@ MX 1 mx\n@ MX 2 b\n;! servfail b.example.test", []string{"MX-TARGET-DANGLING example.test host=mx.example.test"}},
		{"dangling, some left out", many, danglers},
		{"address", "@ MX 1 192.0.2.1.\n@ MX 2 b\nb A 192.0.2.2", []string{"MX-TARGET-IP example.test host=192.0.2.1"}},
		{"address, none else", "@ MX 1 192.0.2.1.", []string{
			"MX-NO-USABLE-HOST example.test hosts=192.0.2.1", "MX-TARGET-IP example.test host=192.0.2.1",
		}},
		{"twice", "@ MX 1 mx\n@ MX 2 mx\nmx A 192.0.2.1\nmx A 192.0.2.2", []string{"MX-DUPLICATE-HOST example.test host=mx.example.test"}},
		{"address twice", "@ MX 1 192.0.2.1.\n@ MX 2 192.0.2.1.\n@ MX 2 b\nb A 192.0.2.2", []string{
			"MX-DUPLICATE-HOST example.test host=192.0.2.1", "MX-TARGET-IP example.test host=192.0.2.1",
		}},
		{"private address, none else", "@ MX 1 mx\nmx A 10.0.0.1", []string{
			"MX-NO-USABLE-HOST example.test hosts=mx.example.test", "MX-TARGET-PRIVATE example.test address=10.0.0.1 host=mx.example.test",
		}},
		{"private address beside a public one", "@ MX 1 mx\nmx A 10.0.0.1\nmx A 192.0.2.1",
			[]string{"MX-TARGET-PRIVATE example.test address=10.0.0.1 host=mx.example.test"}},

		{"null", "@ MX 0 .", nil},
		{"null beside a host", "@ MX 0 .\n" + mail, []string{"MX-NULL-WITH-OTHERS example.test"}},
		{"null, somebody sends", "@ MX 0 .\n@ TXT \"v=spf1 ip4:192.0.2.1 -all\"", []string{"MX-NULL-SENDING example.test"}},
		{"null, nobody sends", "@ MX 0 .\n@ TXT \"v=spf1 -all\"", nil},
		{"null, several SPF records", "@ MX 0 .\n@ TXT \"v=spf1 -all\"\n@ TXT \"v=spf1 a -all\"", nil},
		{"null, SPF without answer", "@ MX 0 .\n;! timeout example.test TXT", nil},

		{"none, with an address", "@ A 192.0.2.1", []string{"MX-IMPLICIT example.test"}},
		{"none, with a private address", "@ A 10.0.0.1", []string{"MX-TARGET-PRIVATE example.test address=10.0.0.1 host=example.test"}},
		{"none, without an address", "@ TXT x", []string{"MX-NONE example.test"}},
		{"none, address unknown", "@ TXT x\n;! timeout example.test A", nil},
		{"none, parked", "@ A 192.0.2.1\n@ TXT \"v=spf1 -all\"", nil},
		{"none, the domain is an alias", "@ CNAME real.test.\nreal.test. A 192.0.2.1", []string{"MX-IMPLICIT example.test"}},
		{"alias that leads to nothing", "@ CNAME gone.test.", []string{"MX-NONE example.test"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := factsOf(t, tested, tt.zone+"\n")
			f.NotPublic = []netip.Addr{netip.MustParseAddr("10.0.0.1")}
			expect(t, collect(judgeMX, f), tt.want)
		})
	}
	t.Run("private address, with permission", func(t *testing.T) {
		f := factsOf(t, tested, "@ MX 1 mx\nmx A 10.0.0.1\nmx A 10.0.0.2\n")
		f.NotPublic, f.AllowPrivate = f.MX.Hosts[0].Addrs(), true
		expect(t, collect(judgeMX, f), nil)
	})
}

// TestNotPublic holds that addresses that the internet does not route are
// found, each once and sorted.
func TestNotPublic(t *testing.T) {
	got := auditZone(t, tested, "@ MX 1 a\n@ MX 2 b\na A 10.0.0.2\na A 10.0.0.1\nb A 10.0.0.2\nb A 192.0.2.1\n", Options{Checks: []string{"mx"}})
	if s := fmt.Sprint(got.Facts.NotPublic); s != "[10.0.0.1 10.0.0.2]" {
		t.Errorf("not public: %s", s)
	}
	expect(t, got.Findings, []string{
		"MX-TARGET-PRIVATE example.test address=10.0.0.1 host=a.example.test",
		"MX-TARGET-PRIVATE example.test address=10.0.0.2 host=a.example.test",
		"MX-TARGET-PRIVATE example.test address=10.0.0.2 host=b.example.test",
	})
}
