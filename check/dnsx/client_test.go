package dnsx

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

func TestLookupNames(t *testing.T) {
	z := parseZone(t, "a.test. A 192.0.2.1\n")
	c := New(z, Options{})
	for _, name := range []string{"", "a..test", ".test", strings.Repeat("a", 64) + ".test", "_dmarc." + strings.Repeat("abcdefg.", 31) + "ab"} {
		a := c.Lookup(t.Context(), name, dns.TypeA)
		if a.Status != Failed || a.Reason != ReasonName {
			t.Errorf("%.40q: got %s %s, want failed %s", name, a.Status, a.Reason, ReasonName)
		}
	}
	for _, qtype := range []uint16{dns.TypeNone, dns.TypeOPT, 128, dns.TypeANY} {
		if a := c.Lookup(t.Context(), "a.test", qtype); a.Status != Failed || a.Reason != ReasonType {
			t.Errorf("type %d: got %s %s, want failed %s", qtype, a.Status, a.Reason, ReasonType)
		}
	}
	if c.Questions() != 0 {
		t.Errorf("asked %d questions, want none", c.Questions())
	}
	if a := c.Lookup(t.Context(), "A.Test.", dns.TypeA); a.Name != "a.test" || a.Status != OK {
		t.Errorf("got %q %s, want a.test ok", a.Name, a.Status)
	}
}

func TestBudget(t *testing.T) {
	c := New(parseZone(t, ""), Options{Questions: 2})
	for i, want := range []result{{Status: NXDomain}, {Status: NXDomain}, {Status: Failed, Reason: ReasonBudget}} {
		a := c.Lookup(t.Context(), fmt.Sprintf("n%d.test", i), dns.TypeA)
		if a.Status != want.Status || a.Reason != want.Reason {
			t.Errorf("question %d: got %s %s, want %s %s", i, a.Status, a.Reason, want.Status, want.Reason)
		}
	}
	if a := c.Lookup(t.Context(), "n0.test", dns.TypeA); a.Status != NXDomain {
		t.Errorf("cached: got %s, want nxdomain", a.Status)
	}
	if c.Questions() != 2 {
		t.Errorf("asked %d, want 2", c.Questions())
	}
}

func TestBudgetDefault(t *testing.T) {
	c := New(parseZone(t, ""), Options{})
	var wg sync.WaitGroup
	var failures atomic.Int32
	for i := range DefaultQuestions + 50 {
		wg.Go(func() {
			if c.Lookup(t.Context(), fmt.Sprintf("n%d.test", i), dns.TypeA).Reason == ReasonBudget {
				failures.Add(1)
			}
		})
	}
	wg.Wait()
	if c.Questions() != DefaultQuestions || failures.Load() != 50 {
		t.Errorf("asked %d, failed %d, want %d and 50", c.Questions(), failures.Load(), DefaultQuestions)
	}
}

func TestBudgetNone(t *testing.T) {
	c := New(parseZone(t, ""), Options{Questions: -1})
	c.keep = 10
	for i := range 25 {
		c.Lookup(t.Context(), fmt.Sprintf("n%d", i), dns.TypeA)
	}
	if c.Questions() != 25 {
		t.Errorf("asked %d, want 25", c.Questions())
	}
	if n := len(c.flights); n > c.keep {
		t.Errorf("%d answers kept, want at most %d", n, c.keep)
	}
}

// gate is an Exchanger that waits: each question is announced on asked and
// answered when answer is closed.
type gate struct {
	asked  chan string
	answer chan struct{}
	most   atomic.Int32
	now    atomic.Int32
}

func newGate() *gate { return &gate{asked: make(chan string, 100), answer: make(chan struct{})} }

func (g *gate) Exchange(ctx context.Context, q *dns.Msg) (*dns.Msg, error) {
	for n := g.now.Add(1); ; {
		most := g.most.Load()
		if n <= most || g.most.CompareAndSwap(most, n) {
			break
		}
	}
	defer g.now.Add(-1)
	g.asked <- q.Question[0].Name
	select {
	case <-g.answer:
		return newReply(q), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func TestOneQuestionInFlight(t *testing.T) {
	g := newGate()
	c := New(g, Options{})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if a := c.Lookup(t.Context(), "a.test", dns.TypeA); a.Status != NoData {
				t.Errorf("got %s, want nodata", a.Status)
			}
		})
	}
	<-g.asked
	close(g.answer)
	wg.Wait()
	if c.Questions() != 1 {
		t.Errorf("asked %d, want 1", c.Questions())
	}
}

func TestCancelledCaller(t *testing.T) {
	g := newGate()
	c := New(g, Options{})
	first, cancel := context.WithCancel(t.Context())
	leader, follower, quitter := make(chan Answer, 1), make(chan Answer, 1), make(chan Answer, 1)
	go func() { leader <- c.Lookup(first, "a.test", dns.TypeA) }()
	<-g.asked
	go func() { follower <- c.Lookup(t.Context(), "a.test", dns.TypeA) }()
	done, stop := context.WithCancel(t.Context())
	go func() { quitter <- c.Lookup(done, "a.test", dns.TypeA) }()
	stop()
	if a := <-quitter; a.Status != Timeout {
		t.Errorf("cancelled waiter: got %s, want timeout", a.Status)
	}
	cancel()
	if a := <-leader; a.Status != Timeout {
		t.Errorf("cancelled caller: got %s, want timeout", a.Status)
	}
	<-g.asked // the follower asks again
	close(g.answer)
	if a := <-follower; a.Status != NoData {
		t.Errorf("other caller: got %s, want nodata", a.Status)
	}
	if a := c.Lookup(first, "a.test", dns.TypeA); a.Status != NoData {
		t.Errorf("cached: got %s, want nodata", a.Status)
	}
	if a := c.Lookup(first, "b.test", dns.TypeA); a.Status != Timeout || c.Questions() != 2 {
		t.Errorf("cancelled before asking: got %s and %d questions, want timeout and 2", a.Status, c.Questions())
	}
}

func TestDeadlineIsNotKept(t *testing.T) {
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	c := New(answerer(func(*dns.Msg) error { return errSilence }), Options{})
	f := new(flight)
	c.flights[question{"a.test", dns.TypeA}] = f
	c.asked = 1
	if s := c.fly(ctx, question{"a.test", dns.TypeA}, f, nil); s.status != Timeout || len(c.flights) != 0 {
		t.Errorf("got %s, %d kept, want timeout and none", s.status, len(c.flights))
	}
}

func TestInFlight(t *testing.T) {
	g := newGate()
	c := New(g, Options{InFlight: 3})
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() { c.Lookup(t.Context(), fmt.Sprintf("n%d.test", i), dns.TypeA) })
	}
	for range 3 {
		<-g.asked
	}
	waiting, cancel := context.WithCancel(t.Context())
	cancel()
	if a := c.Lookup(waiting, "late.test", dns.TypeA); a.Status != Timeout {
		t.Errorf("without a slot: got %s, want timeout", a.Status)
	}
	close(g.answer)
	wg.Wait()
	if g.most.Load() != 3 || c.Questions() != 10 {
		t.Errorf("%d at once, %d asked, want 3 and 10", g.most.Load(), c.Questions())
	}
}

func TestExchangerErrors(t *testing.T) {
	for _, r := range []struct {
		name string
		err  error
		want result
	}{
		{"time", errSilence, result{Status: Timeout}},
		{"deadline", fmt.Errorf("x: %w", context.DeadlineExceeded), result{Status: Timeout}},
		{"message", fmt.Errorf("x: %w", ErrMessage), result{Status: Failed, Reason: ReasonMessage}},
		{"network", errors.New("too many open files"), result{Status: Failed, Reason: ReasonNetwork}},
	} {
		t.Run(r.name, func(t *testing.T) {
			c := New(answerer(func(*dns.Msg) error { return r.err }), Options{})
			for range 2 {
				if a := c.Lookup(t.Context(), "a.test", dns.TypeA); a.Status != r.want.Status || a.Reason != r.want.Reason {
					t.Errorf("got %s %s, want %s %s", a.Status, a.Reason, r.want.Status, r.want.Reason)
				}
			}
			if c.Questions() != 1 {
				t.Errorf("asked %d, want 1", c.Questions())
			}
		})
	}
}

func TestPanicCostsOneAnswer(t *testing.T) {
	calls := 0
	c := New(answerer(func(*dns.Msg) error {
		if calls++; calls == 1 {
			panic("broken exchanger")
		}
		return nil
	}), Options{InFlight: 1})
	if a := c.Lookup(t.Context(), "a.test", dns.TypeA); a.Status != Failed || a.Reason != ReasonPanic {
		t.Errorf("got %s, %q, want failed, %q", a.Status, a.Reason, ReasonPanic)
	}
	if a := c.Lookup(t.Context(), "b.test", dns.TypeA); a.Status != NoData {
		t.Errorf("the next question: %s, want nodata", a.Status)
	}
}

func TestQuestionForm(t *testing.T) {
	q := newQuestion(question{"a.test", dns.TypeMX})
	opt := q.IsEdns0()
	if opt == nil || opt.UDPSize() != 1232 || !opt.Do() || !q.RecursionDesired || q.Question[0].Name != "a.test." {
		t.Errorf("got %v", q)
	}
	ids := make(map[uint16]bool)
	for range 64 {
		ids[newQuestion(question{"a.test", dns.TypeMX}).Id] = true
	}
	if len(ids) < 32 {
		t.Errorf("%d different IDs of 64", len(ids))
	}
}

func BenchmarkLookup(b *testing.B) {
	z := parseZone(b, ownZone)
	for _, r := range []struct {
		name  string
		qname string
		qtype uint16
		fresh bool
	}{
		{"fresh", "ns.example.com", dns.TypeA, true},
		{"nxdomain", "nope.example.com", dns.TypeA, true},
		{"chain", "alias.example.com", dns.TypeA, true},
		{"cached", "ns.example.com", dns.TypeA, false},
	} {
		b.Run(r.name, func(b *testing.B) {
			b.ReportAllocs()
			c := New(z, Options{Questions: -1})
			for b.Loop() {
				if r.fresh {
					clear(c.flights)
				}
				c.Lookup(b.Context(), r.qname, r.qtype)
			}
		})
	}
}
