package dane

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"maildoctor/check/dnsx"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

func TestSecurity(t *testing.T) {
	answer := func(s dnsx.Status, ad bool) dnsx.Answer { return dnsx.Answer{Status: s, Authenticated: ad} }
	for _, tt := range []struct {
		name    string
		a, aaaa dnsx.Answer
		want    Security
	}{
		{"both secure", answer(dnsx.OK, true), answer(dnsx.NoData, true), Secure},
		{"none secure", answer(dnsx.OK, false), answer(dnsx.NoData, false), Insecure},
		{"one secure", answer(dnsx.OK, true), answer(dnsx.OK, false), Insecure},
		{"one without an answer", answer(dnsx.OK, true), answer(dnsx.ServFail, false), Secure},
		{"the other without an answer", answer(dnsx.Timeout, false), answer(dnsx.OK, true), Secure},
		{"insecure and no answer", answer(dnsx.OK, false), answer(dnsx.Timeout, false), Insecure},
		{"no answers", answer(dnsx.ServFail, false), answer(dnsx.Refused, false), Indeterminate},
		{"not asked", dnsx.Answer{}, dnsx.Answer{}, Indeterminate},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := AddressSecurity(tt.a, tt.aaaa); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestLookup(t *testing.T) {
	digest := func(c string) string { return strings.Repeat(c, 64) }
	rr := "3 1 1 " + digest("a")
	const (
		first  = "_25._tcp.mx.example.com TLSA"
		end    = "_25._tcp.real.example.net TLSA"
		cnames = "mx.example.com CNAME"
	)
	long := strings.Repeat(strings.Repeat("a", 49)+".", 4) // 200 octets
	plain := Host{Name: host, MX: Secure, Address: Secure}
	insecure := Host{Name: host, MX: Secure, Address: Insecure}
	unknown := Host{Name: host, MX: Secure, Address: Indeterminate}
	alias := func(s Security) Host {
		return Host{Name: host, Alias: []string{"between.example.org", "real.example.net"}, MX: Secure, Address: s}
	}
	for _, tt := range []struct {
		name  string
		host  Host
		world []string
		state State
		base  string // of records
		asked []string
	}{
		{"found", plain, []string{first + " = AD " + rr}, StateFound, host, []string{first}},
		{"name in another form", Host{Name: "MX.Example.COM.", MX: Secure, Address: Secure},
			[]string{first + " = AD " + rr}, StateFound, host, []string{first}},
		{"MX insecure, kept apart", Host{Name: host, MX: Insecure, Address: Secure}, []string{first + " = AD " + rr}, StateFound, host, []string{first}},
		{"no name", plain, nil, StateAbsent, "", []string{first}},
		{"no records", plain, []string{first + " = AD nodata"}, StateAbsent, "", []string{first}},
		{"insecure denial", plain, []string{first + " = nxdomain"}, StateAbsent, "", []string{first}},
		{"records insecure", plain, []string{first + " = " + rr}, StateFoundInsecure, host, []string{first}},
		{"servfail", plain, []string{first + " = servfail"}, StateFailing, "", []string{first}},
		{"timeout", plain, []string{first + " = timeout"}, StateUnknown, "", []string{first}},
		{"refused", plain, []string{first + " = refused"}, StateUnknown, "", []string{first}},
		{"failed", plain, []string{first + " = failed"}, StateUnknown, "", []string{first}},
		{"alias at the TLSA name", plain, []string{first + " = AD -> _dane.example.net " + rr}, StateFound, host, []string{first}},

		{"addresses insecure", insecure, []string{first + " = AD " + rr}, StateFoundInsecure, host, []string{first}},
		{"addresses insecure, servfail", insecure, []string{first + " = servfail"}, StateMoot, "", []string{first}},
		{"addresses insecure, nothing", insecure, nil, StateAbsent, "", []string{first}},
		{"addresses unknown", unknown, []string{first + " = AD " + rr}, StateUnknown, host, []string{first}},
		{"addresses unknown, records insecure", unknown, []string{first + " = " + rr}, StateFoundInsecure, host, []string{first}},
		{"addresses unknown, servfail", unknown, []string{first + " = servfail"}, StateUnknown, "", []string{first}},
		{"addresses not given", Host{Name: host}, []string{first + " = AD " + rr}, StateUnknown, host, []string{first}},

		// RFC 7672 section 2.2.3.
		{"alias, at its end", alias(Secure), []string{first + " = AD 3 1 1 " + digest("b"), end + " = AD " + rr}, StateFound, "real.example.net", []string{end}},
		{"alias, at the beginning", alias(Secure), []string{first + " = AD " + rr}, StateFound, host, []string{end, first}},
		{"alias, nowhere", alias(Secure), nil, StateAbsent, "", []string{end, first}},
		{"alias, no answer at its end", alias(Secure), []string{first + " = AD " + rr, end + " = servfail"}, StateFailing, "", []string{end}},
		{"alias, no answer at the beginning", alias(Secure), []string{first + " = timeout"}, StateUnknown, "", []string{end, first}},
		{"alias, insecure at its end", alias(Secure), []string{first + " = AD " + rr, end + " = " + rr}, StateFound, host, []string{end, first}},
		{"alias, insecure at its end alone", alias(Secure), []string{end + " = " + rr}, StateFoundInsecure, "real.example.net", []string{end, first}},
		{"alias, insecure at both", alias(Secure), []string{first + " = " + rr, end + " = " + rr}, StateFoundInsecure, "real.example.net", []string{end, first}},
		{"alias, insecure and then no answer", alias(Secure), []string{first + " = servfail", end + " = " + rr}, StateFailing, "", []string{end, first}},
		{"alias to insecure addresses, itself secure", alias(Insecure),
			[]string{cnames + " = AD between.example.org.", first + " = AD " + rr}, StateFound, host, []string{cnames, first}},
		{"alias to insecure addresses, itself insecure", alias(Insecure),
			[]string{cnames + " = between.example.org.", first + " = AD " + rr}, StateFoundInsecure, host, []string{cnames, first}},
		{"alias to insecure addresses, no answer for it", alias(Insecure),
			[]string{cnames + " = timeout", first + " = AD " + rr}, StateUnknown, host, []string{cnames, first}},

		{"no name at all", Host{MX: Secure, Address: Secure}, nil, StateUnknown, "", nil},
		{"not a name", Host{Name: "mx..example.com", MX: Secure, Address: Secure}, nil, StateUnknown, "", nil},
		{"name of 253 octets", Host{Name: long + strings.Repeat("b", 44), MX: Secure, Address: Secure}, nil, StateAbsent, "",
			[]string{"_25._tcp." + long + strings.Repeat("b", 44) + " TLSA"}},
		{"name of 254 octets", Host{Name: long + strings.Repeat("b", 45), MX: Secure, Address: Secure}, nil, StateAbsent, "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, tt.world...)
			got := Lookup(t.Context(), w, tt.host, 25)
			if got.State != tt.state || got.Base != tt.base || (len(got.Records) > 0) != (tt.base != "") {
				t.Errorf("state %s, base %q, %d records; want %s, %q", got.State, got.Base, len(got.Records), tt.state, tt.base)
			}
			if !slices.Equal(w.asked, tt.asked) {
				t.Errorf("asked %q, want %q", w.asked, tt.asked)
			}
			if tt.base != "" && got.Records[0].Data != digest("a") {
				t.Errorf("records %v", got.Records)
			}
			text, err := json.Marshal(got)
			if err != nil {
				t.Fatal(err)
			}
			again := new(Result)
			if err := json.Unmarshal(text, again); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got, again); diff != "" {
				t.Errorf("after JSON, -want +got:\n%s", diff)
			}
		})
	}
}

func TestLookupFacts(t *testing.T) {
	w := newWorld(t,
		"mx.example.com CNAME = AD real.example.net.",
		"_465._tcp.mx.example.com TLSA = AD -> _dane.example.net 3 1 1 "+strings.Repeat("B", 64)+" | 3 1 1 "+strings.Repeat("b", 64)+" | 0 0 1 00")
	got := Lookup(t.Context(), w, Host{Name: "MX.example.com.", Alias: []string{"real.example.net"}, MX: Insecure, Address: Insecure}, 465)
	want := &Result{
		Host: host, Port: 465, Alias: []string{"real.example.net"}, MX: Insecure, Address: Insecure, AliasSecurity: Secure,
		State: StateFound, Base: host,
		Questions: []Question{{Base: host, Name: "_465._tcp.mx.example.com", Status: dnsx.OK, Security: Secure, Alias: []string{"_dane.example.net"}}},
		Records: []Record{
			{Usage: 0, Selector: 0, MatchingType: 1, Data: "00", Faults: []Fault{FaultPKIX, FaultDigest}},
			{Usage: 3, Selector: 1, MatchingType: 1, Data: strings.Repeat("b", 64), Usable: true},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestApplies(t *testing.T) {
	for _, tt := range []struct {
		state           State
		mx              Security
		applies, delays bool
	}{
		{StateFound, Secure, true, false},
		{StateFound, Insecure, false, false},
		{StateFound, Indeterminate, false, false},
		{StateFoundInsecure, Secure, false, false},
		{StateFailing, Secure, false, true},
		{StateFailing, Insecure, false, false},
		{StateUnknown, Secure, false, false},
		{StateMoot, Secure, false, false},
	} {
		t.Run(fmt.Sprintf("%s, MX %s", tt.state, tt.mx), func(t *testing.T) {
			r := &Result{State: tt.state, MX: tt.mx}
			if r.Applies() != tt.applies || r.Delays() != tt.delays {
				t.Errorf("applies %v, delays %v", r.Applies(), r.Delays())
			}
		})
	}
}

func TestMaxRecords(t *testing.T) {
	for _, tt := range []struct {
		name             string
		n, left, records int
		cut              int
	}{
		{"at the limit", MaxRecords, 0, MaxRecords, 0},
		{"one past it", MaxRecords + 1, 0, MaxRecords, 1},
		{"more left out before", MaxRecords, 2, MaxRecords, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := dnsx.Answer{Status: dnsx.OK, Authenticated: true, Cut: tt.left}
			for i := range tt.n {
				a.Records = append(a.Records, &dns.TLSA{Usage: 3, Selector: 1, MatchingType: 1, Certificate: fmt.Sprintf("%064x", i)})
			}
			w := &world{answers: map[string]dnsx.Answer{"_25._tcp.mx.example.com TLSA": a}}
			got := Lookup(t.Context(), w, Host{Name: host, MX: Secure, Address: Secure}, 25)
			if len(got.Records) != tt.records || got.Cut != tt.cut {
				t.Errorf("%d records, %d cut; want %d and %d", len(got.Records), got.Cut, tt.records, tt.cut)
			}
		})
	}
}

// The real client gives TLSA answers the form that Lookup expects.
func TestLookupClient(t *testing.T) {
	zone, err := dnsx.ParseZone(strings.NewReader(
		"_25._tcp.mx.example.com. 60 IN CNAME pin.example.net.\npin.example.net. 60 IN TLSA 3 1 1 "+strings.Repeat("0A", 32)+"\n"), "world")
	if err != nil {
		t.Fatal(err)
	}
	got := Lookup(t.Context(), dnsx.New(zone, dnsx.Options{}), Host{Name: host, MX: Secure, Address: Secure}, 25)
	if got.State == StateAbsent || len(got.Records) != 1 || got.Records[0].Data != strings.Repeat("0a", 32) || !got.Records[0].Usable {
		t.Errorf("got %+v", got)
	}
	if q := got.Questions; len(q) != 1 || !slices.Equal(q[0].Alias, []string{"pin.example.net"}) {
		t.Errorf("questions %+v", q)
	}
}
