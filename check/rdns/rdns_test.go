package rdns

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
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
	asked   int
}

func (w *world) Lookup(_ context.Context, name string, qtype uint16) dnsx.Answer {
	w.mu.Lock()
	w.asked++
	w.mu.Unlock()
	a, ok := w.answers[name+" "+dns.TypeToString[qtype]]
	if !ok {
		a.Status = dnsx.NXDomain
	}
	a.Name, a.Type = name, qtype
	return a
}

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

func addrs(list ...string) []netip.Addr {
	var out []netip.Addr
	for _, s := range list {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}

var compareAddr = cmpopts.EquateComparable(netip.Addr{})

func TestLookup(t *testing.T) {
	const ptr = "1.2.0.192.in-addr.arpa PTR"
	const ptr6 = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa PTR"
	many := records(t, "A", "192.0.2.9")
	many.Cut = 1
	delegated := records(t, "PTR", "a.example.")
	delegated.Chain = []string{"1.0-127.2.0.192.in-addr.arpa"}
	tests := []struct {
		name    string
		addr    string
		answers map[string]dnsx.Answer
		want    Result
	}{
		{"confirmed", "192.0.2.1", map[string]dnsx.Answer{ptr: records(t, "PTR", "A.example."), "a.example A": records(t, "A", "192.0.2.2", "192.0.2.1")},
			Result{Verdict: Pass, Status: dnsx.OK, Names: []Name{{Name: "a.example", Status: dnsx.OK, Addrs: addrs("192.0.2.1", "192.0.2.2"), Confirms: true}}}},
		{"IPv6", "2001:db8::1", map[string]dnsx.Answer{ptr6: records(t, "PTR", "a.example."), "a.example AAAA": records(t, "AAAA", "2001:db8::1")},
			Result{Verdict: Pass, Status: dnsx.OK, Names: []Name{{Name: "a.example", Status: dnsx.OK, Addrs: addrs("2001:db8::1"), Confirms: true}}}},
		{"the other family does not confirm", "2001:db8::1", map[string]dnsx.Answer{ptr6: records(t, "PTR", "a.example."), "a.example A": records(t, "A", "192.0.2.1"),
			"a.example AAAA": {Status: dnsx.NoData}},
			Result{Verdict: Fail, Status: dnsx.OK, Names: []Name{{Name: "a.example", Status: dnsx.NoData}}}},
		{"one of two confirms", "192.0.2.1", map[string]dnsx.Answer{ptr: records(t, "PTR", "b.example.", "a.example."),
			"a.example A": {Status: dnsx.Timeout}, "b.example A": records(t, "A", "192.0.2.1")},
			Result{Verdict: Pass, Status: dnsx.OK, Names: []Name{{Name: "a.example", Status: dnsx.Timeout},
				{Name: "b.example", Status: dnsx.OK, Addrs: addrs("192.0.2.1"), Confirms: true}}}},
		{"none confirms", "192.0.2.1", map[string]dnsx.Answer{ptr: records(t, "PTR", "b.example.", "a.example."), "b.example A": records(t, "A", "192.0.2.9")},
			Result{Verdict: Fail, Status: dnsx.OK, Names: []Name{{Name: "a.example", Status: dnsx.NXDomain},
				{Name: "b.example", Status: dnsx.OK, Addrs: addrs("192.0.2.9")}}}},
		{"none confirms, one unknown", "192.0.2.1", map[string]dnsx.Answer{ptr: records(t, "PTR", "b.example.", "a.example."),
			"a.example A": {Status: dnsx.ServFail}, "b.example A": records(t, "A", "192.0.2.9")},
			Result{Verdict: Unknown, Status: dnsx.OK, Names: []Name{{Name: "a.example", Status: dnsx.ServFail},
				{Name: "b.example", Status: dnsx.OK, Addrs: addrs("192.0.2.9")}}}},
		{"addresses left out", "192.0.2.1", map[string]dnsx.Answer{ptr: records(t, "PTR", "a.example."), "a.example A": many},
			Result{Verdict: Unknown, Status: dnsx.OK, Names: []Name{{Name: "a.example", Status: dnsx.OK, Addrs: addrs("192.0.2.9"), Cut: 1}}}},
		{"through an alias", "192.0.2.1", map[string]dnsx.Answer{ptr: delegated, "a.example A": records(t, "A", "192.0.2.1")},
			Result{Verdict: Pass, Status: dnsx.OK, Alias: delegated.Chain,
				Names: []Name{{Name: "a.example", Status: dnsx.OK, Addrs: addrs("192.0.2.1"), Confirms: true}}}},
		{"missing", "192.0.2.1", nil, Result{Verdict: Missing, Status: dnsx.NXDomain}},
		{"missing, the name exists", "192.0.2.1", map[string]dnsx.Answer{ptr: {Status: dnsx.NoData}}, Result{Verdict: Missing, Status: dnsx.NoData}},
		{"no answer", "192.0.2.1", map[string]dnsx.Answer{ptr: {Status: dnsx.Timeout}}, Result{Verdict: Unknown, Status: dnsx.Timeout}},
		{"failed", "192.0.2.1", map[string]dnsx.Answer{ptr: {Status: dnsx.Failed, Reason: dnsx.ReasonBudget}},
			Result{Verdict: Unknown, Status: dnsx.Failed, Reason: dnsx.ReasonBudget}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := Lookup(t.Context(), &world{answers: test.answers}, netip.MustParseAddr(test.addr))
			test.want.Addr = netip.MustParseAddr(test.addr)
			if diff := cmp.Diff(&test.want, got, compareAddr); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
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

func TestAddressForms(t *testing.T) {
	for in, want := range map[string]string{"::ffff:192.0.2.1": "192.0.2.1", "fe80::1%eth0": "fe80::1", "192.0.2.1": "192.0.2.1"} {
		t.Run(in, func(t *testing.T) {
			got := Lookup(t.Context(), &world{}, netip.MustParseAddr(in))
			if got.Addr.String() != want || got.Verdict != Missing {
				t.Errorf("got %v %q, want %v %q", got.Addr, got.Verdict, want, Missing)
			}
		})
	}
	t.Run("none", func(t *testing.T) {
		w := &world{answers: map[string]dnsx.Answer{" PTR": {Status: dnsx.Failed, Reason: dnsx.ReasonName}}}
		if got := Lookup(t.Context(), w, netip.Addr{}); got.Verdict != Unknown {
			t.Errorf("got %q, want %q", got.Verdict, Unknown)
		}
	})
}

func TestNameLimit(t *testing.T) {
	for n, want := range map[int]Verdict{MaxNames: Fail, MaxNames + 1: Unknown} {
		var data []string
		for i := range n {
			data = append(data, fmt.Sprintf("h%02d.example.", i))
		}
		w := &world{answers: map[string]dnsx.Answer{"1.2.0.192.in-addr.arpa PTR": records(t, "PTR", data...)}}
		got := Lookup(t.Context(), w, netip.MustParseAddr("192.0.2.1"))
		if len(got.Names) != MaxNames || got.Cut != n-MaxNames || got.Verdict != want || w.asked != 1+MaxNames {
			t.Errorf("%d names: got %d, %d cut, %q, %d questions; want %q", n, len(got.Names), got.Cut, got.Verdict, w.asked, want)
		}
	}
}
