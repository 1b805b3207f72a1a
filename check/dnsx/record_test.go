package dnsx

import (
	"bytes"
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// checkPlayback writes what was recorded, reads it back and wants the same
// answers.
func checkPlayback(t *testing.T, r *Recorder, answers []Answer) string {
	t.Helper()
	var out, again bytes.Buffer
	if n, err := r.WriteTo(&out); err != nil || n != int64(out.Len()) {
		t.Fatalf("WriteTo: got %d, %v, want %d", n, err, out.Len())
	}
	if _, err := r.WriteTo(&again); err != nil || again.String() != out.String() {
		t.Fatalf("WriteTo differs the second time: %v", err)
	}
	text := out.String()
	z, err := ParseZone(&out, "recorded")
	if err != nil {
		t.Fatalf("recorded file: %v\n%s", err, text)
	}
	for _, live := range answers {
		if live.Reason == ReasonName || live.Reason == ReasonType {
			continue
		}
		played := New(z, Options{}).Lookup(context.Background(), live.Name, live.Type)
		if live.Reason == ReasonBudget && played.Reason == ReasonDescriptors {
			played.Reason = live.Reason // no cache keeps it: it was asked for again, too late
		}
		if diff := cmp.Diff(resultOf(live), resultOf(played)); diff != "" {
			t.Fatalf("%s %s (-live +played):\n%s\n%s", live.Name, typeName(live.Type), diff, text)
		}
	}
	return text
}

var worldTypes = []uint16{dns.TypeA, dns.TypeTXT, dns.TypeMX, dns.TypeCNAME, dns.TypeNS, dns.TypeSOA, dns.TypeTLSA, 65280}

// randomWorld returns a zone file and names to ask about.
func randomWorld(rng *rand.Rand) (string, []string) {
	labels := []string{"a", "b", "_dmarc", "*", `x\.y`, `sp\032ace`, `\255`, `q\"`, "xn--a", `\(`, `$ttl`, `\;c`}
	name := func() string {
		s := "test"
		for range rng.IntN(4) {
			s = labels[rng.IntN(len(labels))] + "." + s
		}
		return s
	}
	var names []string
	for range 10 {
		names = append(names, name())
	}
	pick := func() string { return names[rng.IntN(len(names))] }
	var b strings.Builder
	for range rng.IntN(30) {
		n := pick()
		switch rng.IntN(9) {
		case 0:
			fmt.Fprintf(&b, "%s. %d A 192.0.2.%d\n", n, rng.IntN(99), rng.IntN(256))
		case 1:
			fmt.Fprintf(&b, "%s. TXT \"\\%03d\\%03d;\" \"\" x\n", n, rng.IntN(256), rng.IntN(256))
		case 2:
			fmt.Fprintf(&b, "%s. MX %d %s.\n", n, rng.IntN(20), pick())
		case 3, 4:
			fmt.Fprintf(&b, "%s. CNAME %s.\n", n, pick())
		case 5:
			fmt.Fprintf(&b, "%s. NS %s.\n", n, pick())
		case 6:
			fmt.Fprintf(&b, "%s. TYPE65280 \\# 2 %04x\n", n, rng.IntN(1<<16))
		case 7:
			fmt.Fprintf(&b, "%s. TLSA 3 1 1 %064x\n", n, rng.Uint64())
		case 8:
			if rng.IntN(4) == 0 {
				fmt.Fprintf(&b, "%s. SOA . . 1 2 3 4 5\n", n)
			}
		}
	}
	for range rng.IntN(8) {
		word := faultWords[rng.IntN(len(faultWords))].word
		switch rng.IntN(3) {
		case 0:
			fmt.Fprintf(&b, ";! %s %s\n", word, pick())
		default:
			fmt.Fprintf(&b, ";! %s %s %s\n", word, pick(), typeName(worldTypes[rng.IntN(len(worldTypes))]))
		}
	}
	for range rng.IntN(30) {
		fmt.Fprintf(&b, ";! ad %s %s\n", pick(), typeName(worldTypes[rng.IntN(len(worldTypes))]))
	}
	return b.String(), append(names, "a.b.test", "other.example", ".")
}

// shallow is a Zone whose answers hold one link at most, as those of a server
// that does not recurse.
type shallow struct{ *Zone }

func (s shallow) Exchange(ctx context.Context, q *dns.Msg) (*dns.Msg, error) {
	m, err := s.Zone.Exchange(ctx, q)
	if err == nil && len(m.Answer) > 0 && m.Answer[0].Header().Rrtype == dns.TypeCNAME && q.Question[0].Qtype != dns.TypeCNAME {
		m.Answer, m.Ns, m.RecursionAvailable, m.Rcode = m.Answer[:1], nil, false, 0
	}
	return m, err
}

// moody answers from one of several worlds, always the same for a name and
// type, as no server should.
type moody []Exchanger

func (m moody) Exchange(ctx context.Context, q *dns.Msg) (*dns.Msg, error) {
	h := fnv.New32()
	fmt.Fprint(h, q.Question[0].Name, q.Question[0].Qtype)
	return m[h.Sum32()%uint32(len(m))].Exchange(ctx, q)
}

// askWorld asks for all names and types until the budget is used up and keeps
// the answers for which something was asked.
func askWorld(t *testing.T, c *Client, names []string) []Answer {
	t.Helper()
	var answers []Answer
	for _, name := range names {
		for _, qtype := range worldTypes {
			a := c.Lookup(t.Context(), name, qtype)
			checkAnswer(t, a)
			if a.Reason != ReasonBudget || len(a.Chain) > 0 {
				answers = append(answers, a)
			}
		}
	}
	return answers
}

// TestPlaybackOfMoods records servers that contradict themselves, with a budget
// that runs out somewhere.
func TestPlaybackOfMoods(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 2))
			var worlds moody
			var names []string
			for i := range 3 {
				world, some := randomWorld(rng)
				for range 6 { // more chains, and to names of the other worlds
					world += fmt.Sprintf("c%d.test. CNAME c%d.test.\n", rng.IntN(6), rng.IntN(8))
				}
				names = append(names, some[:4]...)
				z := parseZone(t, world)
				if worlds = append(worlds, z); i == 1 {
					worlds[i] = shallow{z}
				}
			}
			names = append(names, "c0.test", "c1.test", "c2.test", "c3.test")
			for _, budget := range []int{-1, 20 + rng.IntN(60)} {
				r := NewRecorder(worlds)
				text := checkPlayback(t, r, askWorld(t, New(r, Options{Questions: budget}), names))
				if strings.Contains(text, "cannot be written") {
					t.Fatalf("a record was not written:\n%s", text)
				}
			}
		})
	}
}

func TestPlaybackOfOtherTargets(t *testing.T) {
	live := answerer(func(m *dns.Msg) error {
		switch q := m.Question[0]; {
		case q.Name == "m.test." && q.Qtype == dns.TypeA:
			m.Answer = mustRR(t, "m.test. CNAME x.test.")
		case q.Name == "m.test.":
			m.Answer = mustRR(t, "m.test. CNAME q.test.")
		default:
			m.Answer = mustRR(t, "x.test. A 192.0.2.1")
			m.RecursionAvailable = true
		}
		return nil
	})
	r := NewRecorder(live)
	c := New(r, Options{})
	text := checkPlayback(t, r, []Answer{c.Lookup(t.Context(), "m.test", dns.TypeA), c.Lookup(t.Context(), "m.test", dns.TypeAAAA)})
	want := `; Answers of the DNS, recorded. Lines that begin with ";!" say what no record can.
;! refused *.
;! answer m.test. AAAA m.test.	3600	IN	CNAME	q.test.
;! nodata q.test. AAAA
m.test.	3600	IN	CNAME	x.test.
x.test.	3600	IN	A	192.0.2.1
`
	if diff := cmp.Diff(want, text); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPlaybackInMidChain(t *testing.T) {
	world := shallow{parseZone(t, "m.test. CNAME x.test.\nx.test. A 192.0.2.1\n")}
	t.Run("budget", func(t *testing.T) {
		r := NewRecorder(world)
		a := New(r, Options{Questions: 1}).Lookup(t.Context(), "m.test", dns.TypeA)
		if a.Reason != ReasonBudget {
			t.Fatalf("got %s %s, want %s", a.Status, a.Reason, ReasonBudget)
		}
		if text, want := checkPlayback(t, r, []Answer{a}), ";! budget x.test. A\n"; !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	})
	t.Run("given up", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r := NewRecorder(exchange(func(q *dns.Msg) (*dns.Msg, error) {
			if q.Question[0].Name == "x.test." {
				cancel()
				return nil, context.Canceled
			}
			return world.Exchange(context.Background(), q)
		}))
		a := New(r, Options{}).Lookup(ctx, "m.test", dns.TypeA)
		if a.Status != Timeout {
			t.Fatalf("got %s %s, want timeout", a.Status, a.Reason)
		}
		checkPlayback(t, r, []Answer{a})
	})
}

func TestRecorderTooMuch(t *testing.T) {
	r := NewRecorder(parseZone(t, ""))
	r.limits.entries = 3 // two answers, and the line about all others
	c := New(r, Options{})
	for _, name := range []string{"a.test", "b.test"} {
		checkPlayback(t, r, []Answer{c.Lookup(t.Context(), name, dns.TypeA)})
	}
	c.Lookup(t.Context(), "c.test", dns.TypeA)
	var out strings.Builder
	if n, err := r.WriteTo(&out); err == nil || n != 0 || out.Len() != 0 {
		t.Errorf("one past the limit: got %d octets, error %v, want 0 and an error", n, err)
	}
}

// exchange is an Exchanger.
type exchange func(q *dns.Msg) (*dns.Msg, error)

func (f exchange) Exchange(_ context.Context, q *dns.Msg) (*dns.Msg, error) { return f(q) }

func TestPlayback(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			world, names := randomWorld(rng)
			z := parseZone(t, world)
			other, _ := randomWorld(rng)
			// A name that exists for some types alone could get a CNAME
			// record from a wildcard for the others: no zone is like that.
			whole := NewZone()
			for q, f := range z.faults {
				if q.qtype != 0 && f.status == NXDomain {
					whole.faults[q] = fault{status: NoData}
				}
			}
			for _, live := range []Exchanger{z, shallow{z}, Overlay(parseZone(t, other), mergeZones(z, whole))} {
				r := NewRecorder(live)
				text := checkPlayback(t, r, askWorld(t, New(r, Options{Questions: -1}), names))
				if strings.Contains(text, "cannot be written") {
					t.Fatalf("a record was not written:\n%s", text)
				}
			}
		})
	}
}

func TestRecorder(t *testing.T) {
	r := NewRecorder(parseZone(t, "*.w.test. 60 A 192.0.2.1\nc.test. CNAME x.w.test.\n;! ad x.w.test A\n;! servfail s.test\n"))
	c := New(r, Options{})
	for _, q := range []question{{"y.w.test", dns.TypeA}, {"c.test", dns.TypeA}, {"s.test", dns.TypeTXT}, {"n.test", dns.TypeMX}, {"x.w.test", dns.TypeA}} {
		c.Lookup(t.Context(), q.name, q.qtype)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Exchange(cancelled, newQuestion(question{"late.test", dns.TypeA})); err == nil {
		t.Fatal("no error after cancel")
	}
	var out strings.Builder
	if _, err := r.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	want := `; Answers of the DNS, recorded. Lines that begin with ";!" say what no record can.
;! refused *.
;! ad x.w.test. A
;! nxdomain n.test. MX
;! servfail s.test. TXT
c.test.	3600	IN	CNAME	x.w.test.
x.w.test.	60	IN	A	192.0.2.1
y.w.test.	60	IN	A	192.0.2.1
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRecorderUnasked(t *testing.T) {
	r := NewRecorder(parseZone(t, "z.test. SOA . . 1 2 3 4 5\nz.test. A 192.0.2.1\na.z.test. A 192.0.2.2\n"))
	c := New(r, Options{})
	text := checkPlayback(t, r, []Answer{
		c.Lookup(t.Context(), "z.test", dns.TypeSOA),
		c.Lookup(t.Context(), "a.z.test", dns.TypeA),
		c.Lookup(t.Context(), "b.z.test", dns.TypeA),
	})
	runRows(t, parseZone(t, text), []row{
		{"name not asked", "c.z.test", dns.TypeA, result{Status: Refused}},
		{"type not asked", "a.z.test", dns.TypeMX, result{Status: Refused}},
		{"elsewhere", "other.test", dns.TypeA, result{Status: Refused}},
	})
}

func TestRecorderKeepsWhatIsCut(t *testing.T) {
	x := answerer(func(m *dns.Msg) error {
		for i := range MaxRecords + 5 {
			m.Answer = append(m.Answer, mustRR(t, fmt.Sprintf("a.test. TXT %d", i))...)
		}
		return nil
	})
	r := NewRecorder(x)
	checkPlayback(t, r, []Answer{New(r, Options{}).Lookup(t.Context(), "a.test", dns.TypeTXT)})
}

// failing is a writer that fails.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, fmt.Errorf("disk full") }

func TestRecorderWriteError(t *testing.T) {
	if _, err := NewRecorder(NewZone()).WriteTo(failing{}); err == nil {
		t.Error("got no error, want one")
	}
}
