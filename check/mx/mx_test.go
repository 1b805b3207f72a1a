package mx

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"maildoctor/check/dnsx"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/miekg/dns"
)

// world answers questions written as "name TYPE". Of a name without an entry it
// says NXDomain.
type world struct {
	answers map[string]dnsx.Answer
	mu      sync.Mutex
	asked   []string
}

func (w *world) Lookup(_ context.Context, name string, qtype uint16) dnsx.Answer {
	question := name + " " + dns.TypeToString[qtype]
	w.mu.Lock()
	w.asked = append(w.asked, question)
	w.mu.Unlock()
	a, ok := w.answers[question]
	if !ok {
		a.Status = dnsx.NXDomain
	}
	a.Name, a.Type = name, qtype
	return a
}

// records returns an answer with the data of each record.
func records(t *testing.T, qtype string, data ...string) dnsx.Answer {
	t.Helper()
	a := dnsx.Answer{Status: dnsx.OK}
	for _, d := range data {
		rr, err := dns.NewRR("x. 60 IN " + qtype + " " + d)
		if err != nil {
			t.Fatal(err)
		}
		a.Records = append(a.Records, rr)
	}
	return a
}

func addrs(list ...string) Addresses {
	a := Addresses{Status: dnsx.OK}
	for _, s := range list {
		a.Addrs = append(a.Addrs, netip.MustParseAddr(s))
	}
	return a
}

var (
	compareAddr = cmpopts.EquateComparable(netip.Addr{})
	none        = Addresses{Status: dnsx.NXDomain}
	nodata      = dnsx.Answer{Status: dnsx.NoData}
)

func TestLookup(t *testing.T) {
	alias := func(a dnsx.Answer, chain ...string) dnsx.Answer {
		a.Chain = chain
		return a
	}
	tests := []struct {
		name    string
		answers map[string]dnsx.Answer
		want    Result
		asked   int
	}{
		{"two hosts", map[string]dnsx.Answer{
			"example.com MX": records(t, "MX", "20 b.example.", "10 A.example."),
			"a.example A":    records(t, "A", "192.0.2.2", "192.0.2.1"), "a.example AAAA": records(t, "AAAA", "2001:db8::1"),
			"b.example A": records(t, "A", "192.0.2.3"), "b.example AAAA": nodata,
		}, Result{Status: dnsx.OK, Hosts: []Host{
			{Preference: 10, Name: "a.example", Kind: KindName, Listed: 1, A: addrs("192.0.2.1", "192.0.2.2"), AAAA: addrs("2001:db8::1")},
			{Preference: 20, Name: "b.example", Kind: KindName, Listed: 1, A: addrs("192.0.2.3"), AAAA: Addresses{Status: dnsx.NoData}},
		}}, 5},
		{"equal preference", map[string]dnsx.Answer{"example.com MX": records(t, "MX", "10 b.example.", "10 a.example.")},
			Result{Status: dnsx.OK, Hosts: []Host{
				{Preference: 10, Name: "a.example", Kind: KindName, Listed: 1, A: none, AAAA: none},
				{Preference: 10, Name: "b.example", Kind: KindName, Listed: 1, A: none, AAAA: none},
			}}, 5},
		{"same host twice", map[string]dnsx.Answer{"example.com MX": records(t, "MX", "20 a.example.", "10 a.Example.")},
			Result{Status: dnsx.OK, Hosts: []Host{{Preference: 10, Name: "a.example", Kind: KindName, Listed: 2, A: none, AAAA: none}}}, 3},
		{"alias", map[string]dnsx.Answer{
			"example.com MX": records(t, "MX", "10 a.example."),
			"a.example A":    alias(records(t, "A", "192.0.2.1"), "b.example", "c.example"), "a.example AAAA": alias(nodata, "b.example", "c.example"),
		}, Result{Status: dnsx.OK, Hosts: []Host{{Preference: 10, Name: "a.example", Kind: KindName, Listed: 1,
			Alias: []string{"b.example", "c.example"}, A: addrs("192.0.2.1"), AAAA: Addresses{Status: dnsx.NoData}}}}, 3},
		{"alias seen through AAAA alone", map[string]dnsx.Answer{
			"example.com MX": records(t, "MX", "10 a.example."),
			"a.example A":    {Status: dnsx.Timeout}, "a.example AAAA": alias(records(t, "AAAA", "2001:db8::1"), "b.example"),
		}, Result{Status: dnsx.OK, Hosts: []Host{{Preference: 10, Name: "a.example", Kind: KindName, Listed: 1, Alias: []string{"b.example"},
			A: Addresses{Status: dnsx.Timeout}, AAAA: addrs("2001:db8::1")}}}, 3},
		{"the domain is an alias", map[string]dnsx.Answer{"example.com MX": alias(records(t, "MX", "0 ."), "other.example")},
			Result{Status: dnsx.OK, Alias: []string{"other.example"}, Null: true}, 1},
		{"addresses for names", map[string]dnsx.Answer{"example.com MX": records(t, "MX", "10 192.0.2.1.", "20 2001:db8::1.", "30 [192.0.2.2].", "40 [IPv6:2001:db8::2].")},
			Result{Status: dnsx.OK, Hosts: []Host{
				{Preference: 10, Name: "192.0.2.1", Kind: KindAddress, Listed: 1},
				{Preference: 20, Name: "2001:db8::1", Kind: KindAddress, Listed: 1},
				{Preference: 30, Name: "[192.0.2.2]", Kind: KindAddress, Listed: 1},
				{Preference: 40, Name: "[ipv6:2001:db8::2]", Kind: KindAddress, Listed: 1},
			}}, 1},
		{"null", map[string]dnsx.Answer{"example.com MX": records(t, "MX", "0 .")}, Result{Status: dnsx.OK, Null: true}, 1},
		{"null beside others", map[string]dnsx.Answer{"example.com MX": records(t, "MX", "0 .", "10 a.example.")},
			Result{Status: dnsx.OK, Null: true, Hosts: []Host{{Preference: 10, Name: "a.example", Kind: KindName, Listed: 1, A: none, AAAA: none}}}, 3},
		{"implicit", map[string]dnsx.Answer{"example.com MX": nodata, "example.com A": records(t, "A", "192.0.2.1"), "example.com AAAA": nodata},
			Result{Status: dnsx.NoData, Implicit: true, Hosts: []Host{{Name: "example.com", Kind: KindName, A: addrs("192.0.2.1"),
				AAAA: Addresses{Status: dnsx.NoData}}}}, 3},
		{"neither MX nor address", map[string]dnsx.Answer{"example.com MX": nodata, "example.com A": nodata, "example.com AAAA": nodata},
			Result{Status: dnsx.NoData, Implicit: true, Hosts: []Host{{Name: "example.com", Kind: KindName,
				A: Addresses{Status: dnsx.NoData}, AAAA: Addresses{Status: dnsx.NoData}}}}, 3},
		{"no such domain", nil, Result{Status: dnsx.NXDomain}, 1},
		{"no answer", map[string]dnsx.Answer{"example.com MX": {Status: dnsx.ServFail}}, Result{Status: dnsx.ServFail}, 1},
		{"failed", map[string]dnsx.Answer{"example.com MX": {Status: dnsx.Failed, Reason: dnsx.ReasonBudget}},
			Result{Status: dnsx.Failed, Reason: dnsx.ReasonBudget}, 1},
		{"records left out", map[string]dnsx.Answer{
			"example.com MX": {Status: dnsx.OK, Records: records(t, "MX", "10 a.example.").Records, Cut: 3, Authenticated: true},
			"a.example A":    {Status: dnsx.OK, Records: records(t, "A", "192.0.2.1").Records, Cut: 4}},
			Result{Status: dnsx.OK, Authenticated: true, Cut: 3, Hosts: []Host{{Preference: 10, Name: "a.example", Kind: KindName, Listed: 1,
				A: Addresses{Status: dnsx.OK, Addrs: addrs("192.0.2.1").Addrs, Cut: 4}, AAAA: none}}}, 3},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := &world{answers: test.answers}
			got := Lookup(t.Context(), w, "example.com")
			test.want.Domain = "example.com"
			if diff := cmp.Diff(&test.want, got, compareAddr); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if len(w.asked) != test.asked {
				t.Errorf("asked %d questions %q, want %d", len(w.asked), w.asked, test.asked)
			}
			text, err := json.Marshal(got)
			if err != nil {
				t.Fatal(err)
			}
			var back Result
			if err := json.Unmarshal(text, &back); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(*got, back, compareAddr); diff != "" {
				t.Errorf("after JSON (-before +after):\n%s", diff)
			}
		})
	}
}

func TestHostLimit(t *testing.T) {
	for _, n := range []int{MaxHosts, MaxHosts + 1} {
		var data []string
		for i := range n {
			data = append(data, fmt.Sprintf("%d h%02d.example.", i, i))
		}
		w := &world{answers: map[string]dnsx.Answer{"example.com MX": records(t, "MX", data...)}}
		got := Lookup(t.Context(), w, "example.com")
		if len(got.Hosts) != MaxHosts || got.Cut != n-MaxHosts || len(w.asked) != 1+2*MaxHosts {
			t.Errorf("%d hosts: got %d, %d cut, %d questions", n, len(got.Hosts), got.Cut, len(w.asked))
		}
	}
}

func TestHostStatus(t *testing.T) {
	tests := []struct {
		a, aaaa, want dnsx.Status
	}{
		{dnsx.OK, dnsx.NoData, dnsx.OK},
		{dnsx.Timeout, dnsx.OK, dnsx.OK},
		{dnsx.NXDomain, dnsx.OK, dnsx.OK},
		{dnsx.NoData, dnsx.NoData, dnsx.NoData},
		{dnsx.NXDomain, dnsx.NXDomain, dnsx.NXDomain},
		{dnsx.NoData, dnsx.NXDomain, dnsx.NXDomain},
		{dnsx.NoData, dnsx.Timeout, dnsx.Timeout},
		{dnsx.ServFail, dnsx.NXDomain, dnsx.ServFail},
		{dnsx.Refused, dnsx.Timeout, dnsx.Refused},
	}
	for _, test := range tests {
		t.Run(string(test.a+" "+test.aaaa), func(t *testing.T) {
			h := Host{Kind: KindName, A: Addresses{Status: test.a}, AAAA: Addresses{Status: test.aaaa}}
			if got := h.Status(); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	if got := (&Host{Kind: KindAddress}).Status(); got != dnsx.NoData {
		t.Errorf("address for a name: got %q, want %q", got, dnsx.NoData)
	}
}

func TestRefusesMail(t *testing.T) {
	tests := []struct {
		name string
		r    Result
		want bool
	}{
		{"null", Result{Null: true}, true},
		{"null beside others", Result{Null: true, Hosts: []Host{{}}}, false},
		{"nothing", Result{}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := test.r.RefusesMail(); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestHostAddrs(t *testing.T) {
	h := Host{A: addrs("192.0.2.1"), AAAA: addrs("2001:db8::1")}
	if got, want := h.Addrs(), addrs("192.0.2.1", "2001:db8::1").Addrs; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Whatever MX records name, hosts are sorted, each is there once, all records
// are accounted for, and neither the root nor an address is asked for.
func FuzzTargets(f *testing.F) {
	f.Add("mx.example.\n.\n192.0.2.1.\nmx.example.", []byte{10, 0, 5, 20})
	f.Fuzz(func(t *testing.T, names string, preferences []byte) {
		var answer dnsx.Answer
		for i, name := range strings.Split(names, "\n") {
			rr := &dns.MX{Mx: name}
			if i < len(preferences) {
				rr.Preference = uint16(preferences[i])
			}
			answer.Records = append(answer.Records, rr)
		}
		answer.Status = dnsx.OK
		w := &world{answers: map[string]dnsx.Answer{"example.com MX": answer}}
		got := Lookup(t.Context(), w, "example.com")
		seen := make(map[string]bool)
		for i, h := range got.Hosts {
			if seen[h.Name] || h.Listed < 1 || i > 0 && got.Hosts[i-1].Preference > h.Preference {
				t.Errorf("host %d: %+v", i, h)
			}
			seen[h.Name] = true
		}
		if len(got.Hosts) > MaxHosts || len(got.Hosts) == 0 && got.Cut > 0 {
			t.Errorf("got %d hosts and %d cut", len(got.Hosts), got.Cut)
		}
		for _, question := range w.asked {
			name, _, _ := strings.Cut(question, " ")
			if _, err := netip.ParseAddr(name); err == nil || name == "." || name == "" {
				t.Errorf("asked %q", question)
			}
		}
	})
}
