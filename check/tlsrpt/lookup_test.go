package tlsrpt

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"maildoctor/check/dnsx"
)

func TestLookup(t *testing.T) {
	const name = "_smtp._tls.b.example. TXT "
	const one, two = "v=TLSRPTv1; rua=mailto:a@b.example", "v=TLSRPTv1; rua=mailto:b@b.example"
	for _, tt := range []struct {
		name, domain string
		zone         []string
		want         Outcome
		status       dnsx.Status
		texts, near  []string
		chain        []string
	}{
		{"one", "B.Example.", []string{name + `"` + one + `"`}, Found, dnsx.OK, []string{one}, nil, nil},
		{"of several strings", "b.example", []string{name + `"v=TLSRPTv1; r" "ua=mailto:a@b.example"`}, Found, dnsx.OK, []string{one}, nil, nil},
		{"beside others", "b.example", []string{name + `"v=spf1 -all"`, name + `"` + one + `"`, name + `"v=TLSRPTv2; x"`},
			Found, dnsx.OK, []string{one}, []string{"version-value v=TLSRPTv2; x"}, nil},
		{"by an alias", "b.example", []string{"_smtp._tls.b.example. CNAME tls.host.test.", `tls.host.test. TXT "` + one + `"`},
			Found, dnsx.OK, []string{one}, nil, []string{"tls.host.test"}},
		{"two", "b.example", []string{name + `"` + one + `"`, name + `"` + two + `"`}, Several, dnsx.OK, []string{one, two}, nil, nil},
		{"other texts", "b.example", []string{name + `"v=spf1 -all"`}, NotFound, dnsx.OK, nil, nil, nil},
		{"look-alike alone", "b.example", []string{name + `"v=TLSRPTv1"`}, NotFound, dnsx.OK, nil, []string{"version-value v=TLSRPTv1"}, nil},
		{"no text", "b.example", []string{"_smtp._tls.b.example. A 192.0.2.1"}, NotFound, dnsx.NoData, nil, nil, nil},
		{"no name", "b.example", []string{`b.example. TXT "x"`}, NotFound, dnsx.NXDomain, nil, nil, nil},
		{"not a name", "b..example", nil, CannotTell, dnsx.Failed, nil, nil, nil},
		{"empty", "", nil, CannotTell, dnsx.Failed, nil, nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := Lookup(t.Context(), zone(t, tt.zone...), tt.domain)
			var near []string
			for _, n := range r.Near {
				near = append(near, fmt.Sprintf("%s %s", n.Fault.Reason, n.Text))
			}
			if r.Outcome != tt.want || r.Status != tt.status || (r.Record != nil) != (tt.want == Found) {
				t.Errorf("got %s and %s, want %s and %s: %+v", r.Outcome, r.Status, tt.want, tt.status, r)
			}
			if diff := cmp.Diff([][]string{tt.texts, tt.near, tt.chain}, [][]string{texts(r.Texts), near, r.Chain}); diff != "" {
				t.Errorf("texts, look-alikes, chain; -want +got:\n%s", diff)
			}
			roundTrip(t, r)
		})
	}
}

func TestLookupWithoutAnswer(t *testing.T) {
	for s, want := range map[dnsx.Status]Outcome{
		dnsx.ServFail: CannotTell, dnsx.Refused: CannotTell, dnsx.Timeout: CannotTell, dnsx.Failed: CannotTell,
		dnsx.NoData: NotFound, dnsx.NXDomain: NotFound,
	} {
		t.Run(string(s), func(t *testing.T) {
			r := Lookup(t.Context(), status(s), "b.example")
			if r.Outcome != want || r.Status != s {
				t.Errorf("got %s and %s, want %s", r.Outcome, r.Status, want)
			}
		})
	}
}

func TestLongestDomain(t *testing.T) {
	const most = 253 - len(prefix)
	for n, want := range map[int]dnsx.Status{most: dnsx.NoData, most + 1: dnsx.NXDomain} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			domain := strings.Repeat("aaaaaaa.", (n-1)/8)
			domain += strings.Repeat("a", n-len(domain))
			r := Lookup(t.Context(), status(dnsx.NoData), domain)
			if len(domain) != n || r.Status != want || r.Outcome != NotFound || (r.Asked == "") != (want == dnsx.NXDomain) {
				t.Errorf("%d octets: %+v", len(domain), r)
			}
		})
	}
}
