package dnsx

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// answerer is an Exchanger made of a function that fills a reply.
type answerer func(m *dns.Msg) error

func (f answerer) Exchange(_ context.Context, q *dns.Msg) (*dns.Msg, error) {
	m := newReply(q)
	if err := f(m); err != nil {
		return nil, err
	}
	return m, nil
}

func mustRR(t testing.TB, lines ...string) []dns.RR {
	t.Helper()
	var out []dns.RR
	for _, line := range lines {
		rr, err := dns.NewRR(line)
		if err != nil || rr == nil {
			t.Fatalf("NewRR(%q): %v, %v", line, rr, err)
		}
		out = append(out, rr)
	}
	return out
}

func TestInterpret(t *testing.T) {
	soa := "test. SOA . . 1 2 3 4 5"
	for _, r := range []struct {
		name   string
		qtype  uint16
		answer []string
		ns     []string
		edit   func(*dns.Msg)
		want   result
		asked  int
	}{
		{name: "records of other names", qtype: dns.TypeA, answer: []string{"b.test. A 192.0.2.1"}, want: result{Status: NoData}, asked: 1},
		{name: "records of other types", qtype: dns.TypeA, answer: []string{"a.test. TXT x"}, want: result{Status: NoData}, asked: 1},
		{name: "records of another class", qtype: dns.TypeTXT, answer: []string{"a.test. CH TXT x"}, want: result{Status: NoData}, asked: 1},
		{name: "case of the owner", qtype: dns.TypeTXT, answer: []string{"A.TEST. TXT x"}, want: result{Status: OK, Data: []string{`"x"`}}, asked: 1},
		{name: "duplicates with other TTLs", qtype: dns.TypeTXT, answer: []string{"a.test. 5 TXT y", "a.test. 9 TXT x", "a.test. 7 TXT y"},
			want: result{Status: OK, Data: []string{`"x"`, `"y"`}}, asked: 1},
		{name: "chain in any order", qtype: dns.TypeA, answer: []string{"c.test. A 192.0.2.1", "b.test. CNAME c.test.", "a.test. CNAME b.test."},
			want: result{Status: OK, Data: []string{"192.0.2.1"}, Chain: []string{"b.test", "c.test"}}, asked: 1},
		{name: "chain from elsewhere", qtype: dns.TypeA, answer: []string{"x.test. CNAME c.test.", "c.test. A 192.0.2.1"}, want: result{Status: NoData}, asked: 1},
		{name: "AD", qtype: dns.TypeTXT, answer: []string{"a.test. TXT x"}, edit: func(m *dns.Msg) { m.AuthenticatedData = true },
			want: result{Status: OK, Data: []string{`"x"`}, AD: true}, asked: 1},
		{name: "NXDOMAIN with a chain", qtype: dns.TypeA, answer: []string{"a.test. CNAME b.test."}, edit: func(m *dns.Msg) { m.Rcode = dns.RcodeNameError },
			want: result{Status: NXDomain, Chain: []string{"b.test"}}, asked: 1},
		{name: "NXDOMAIN with records", qtype: dns.TypeA, answer: []string{"a.test. A 192.0.2.1"}, edit: func(m *dns.Msg) { m.Rcode = dns.RcodeNameError },
			want: result{Status: Failed, Reason: ReasonMessage}, asked: 1},
		{name: "concluded chain", qtype: dns.TypeA, answer: []string{"a.test. CNAME b.test."}, ns: []string{soa}, edit: func(m *dns.Msg) { m.RecursionAvailable = true },
			want: result{Status: NoData, Chain: []string{"b.test"}}, asked: 1},
		{name: "chain without SOA is asked on", qtype: dns.TypeA, answer: []string{"a.test. CNAME b.test."}, edit: func(m *dns.Msg) { m.RecursionAvailable = true },
			want: result{Status: NoData, Chain: []string{"b.test"}}, asked: 2},
		{name: "chain with a foreign SOA is asked on", qtype: dns.TypeA, answer: []string{"a.test. CNAME b.test."}, ns: []string{"org. SOA . . 1 2 3 4 5"},
			edit: func(m *dns.Msg) { m.RecursionAvailable = true }, want: result{Status: NoData, Chain: []string{"b.test"}}, asked: 2},
		{name: "chain without RA is asked on", qtype: dns.TypeA, answer: []string{"a.test. CNAME b.test."}, ns: []string{soa},
			want: result{Status: NoData, Chain: []string{"b.test"}}, asked: 2},
		{name: "loop", qtype: dns.TypeA, answer: []string{"a.test. CNAME b.test.", "b.test. CNAME a.test."},
			want: result{Status: Failed, Reason: ReasonLoop, Chain: []string{"b.test"}}, asked: 1},
		{name: "SERVFAIL with records", qtype: dns.TypeA, answer: []string{"a.test. A 192.0.2.1"}, edit: func(m *dns.Msg) { m.Rcode = dns.RcodeServerFailure },
			want: result{Status: ServFail}, asked: 1},
		{name: "other code", qtype: dns.TypeA, edit: func(m *dns.Msg) { m.Rcode = dns.RcodeYXDomain }, want: result{Status: Failed, Reason: ReasonRcode}, asked: 1},
		{name: "truncated", qtype: dns.TypeA, edit: func(m *dns.Msg) { m.Truncated = true }, want: result{Status: Failed, Reason: ReasonMessage}, asked: 1},
		{name: "no question", qtype: dns.TypeA, edit: func(m *dns.Msg) { m.Question = nil }, want: result{Status: Failed, Reason: ReasonMessage}, asked: 1},
		{name: "wrong question", qtype: dns.TypeA, edit: func(m *dns.Msg) {
			m.Question = []dns.Question{{Name: "b.test.", Qtype: dns.TypeA, Qclass: dns.ClassINET}}
		}, want: result{Status: Failed, Reason: ReasonMessage}, asked: 1},
	} {
		t.Run(r.name, func(t *testing.T) {
			c := New(answerer(func(m *dns.Msg) error {
				if m.Question[0].Name == "a.test." {
					m.Answer, m.Ns = mustRR(t, r.answer...), mustRR(t, r.ns...)
				}
				if r.edit != nil {
					r.edit(m)
				}
				return nil
			}), Options{})
			got := resultOf(c.Lookup(t.Context(), "a.test", r.qtype))
			if diff := cmp.Diff(r.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if c.Questions() != r.asked {
				t.Errorf("asked %d questions, want %d", c.Questions(), r.asked)
			}
		})
	}
}

func TestRecordLimit(t *testing.T) {
	for _, n := range []int{MaxRecords, MaxRecords + 1} {
		x := answerer(func(m *dns.Msg) error {
			for i := range n {
				m.Answer = append(m.Answer, mustRR(t, fmt.Sprintf("a.test. TXT %d", i))...)
			}
			slices.Reverse(m.Answer)
			return nil
		})
		a := New(x, Options{}).Lookup(t.Context(), "a.test", dns.TypeTXT)
		if len(a.Records) != MaxRecords || a.Cut != n-MaxRecords {
			t.Errorf("%d records: got %d and %d cut, want %d and %d", n, len(a.Records), a.Cut, MaxRecords, n-MaxRecords)
		}
	}
}

// checkAnswer holds what is true of every Answer.
func checkAnswer(t *testing.T, a Answer) {
	t.Helper()
	if (a.Status == Failed) != (a.Reason != "") {
		t.Fatalf("status %s with reason %q", a.Status, a.Reason)
	}
	if (a.Status == OK) != (len(a.Records) > 0) {
		t.Fatalf("status %s with %d records", a.Status, len(a.Records))
	}
	if len(a.Records) > MaxRecords || len(a.Chain) > MaxChain || a.Cut > 0 && len(a.Records) != MaxRecords {
		t.Fatalf("%d records, %d cut, %d links", len(a.Records), a.Cut, len(a.Chain))
	}
	if a.Authenticated && !a.Status.Known() {
		t.Fatalf("status %s is authenticated", a.Status)
	}
	names := append([]string{a.Name}, a.Chain...)
	if a.Reason != ReasonName {
		for _, name := range names {
			if c, ok := Canonical(name); !ok || c != name {
				t.Fatalf("name %q is not canonical", name)
			}
		}
	}
	if sorted := slices.Sorted(slices.Values(names)); len(slices.Compact(sorted)) != len(names) {
		t.Fatalf("chain %q repeats a name", names)
	}
	for i, rr := range a.Records {
		h := rr.Header()
		if h.Rrtype != a.Type || h.Class != dns.ClassINET || !sameName(h.Name, names[len(names)-1]) {
			t.Fatalf("foreign record %s", rr)
		}
		if i > 0 && rdata(a.Records[i-1]) >= rdata(rr) {
			t.Fatalf("records %d and %d are not in order", i-1, i)
		}
	}
	for _, s := range a.Texts() {
		if len(s) > MaxText {
			t.Fatalf("text of %d octets", len(s))
		}
	}
	_, _, _ = a.Addrs(), a.MXs(), a.Targets()
}

func FuzzHostileMessage(f *testing.F) {
	seed := func(name string, qtype uint16, lines ...string) {
		m := newReply(newQuestion(question{name, qtype}))
		for _, line := range lines {
			rr, err := dns.NewRR(line)
			if err != nil {
				f.Fatal(err)
			}
			m.Answer = append(m.Answer, rr)
		}
		packed, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(name, qtype, packed)
	}
	seed("a.test", dns.TypeA, "a.test. CNAME b.test.", "b.test. A 192.0.2.1")
	seed("a.test", dns.TypeTXT, `A.test. TXT "x" "\255"`, `a.TEST. TXT "\""`)
	seed("a.test", dns.TypeMX, "a.test. MX 0 .", "a.test. MX 10 B.test.")
	seed("a.test", dns.TypeA, "a.test. CNAME b.test.", "b.test. CNAME a.test.")
	f.Fuzz(func(t *testing.T, name string, qtype uint16, packet []byte) {
		x := answerer(func(m *dns.Msg) error {
			got := new(dns.Msg)
			if err := got.Unpack(packet); err != nil {
				return ErrMessage
			}
			got.Id, got.Response, got.Opcode, got.Truncated, got.Question = m.Id, true, m.Opcode, false, m.Question
			*m = *got
			return nil
		})
		c := New(x, Options{})
		a := c.Lookup(context.Background(), name, qtype)
		checkAnswer(t, a)
		if c.Questions() > MaxChain+1 {
			t.Fatalf("asked %d questions", c.Questions())
		}
		r := NewRecorder(x)
		live := New(r, Options{}).Lookup(context.Background(), name, qtype)
		checkPlayback(t, r, []Answer{live})
	})
}
