package dnsx

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"
)

func TestSocketLimit(t *testing.T) {
	for files, want := range map[uint64]int{0: 1, 16: 1, 17: 1, 18: 2, 24: 8, 79: 63, 80: 64, 81: 64, 1024: 64, math.MaxUint64: 64} {
		if got := socketLimit(files); got != want {
			t.Errorf("%d files: got %d, want %d", files, got, want)
		}
	}
	n, err := NewNetwork([]string{"192.0.2.53"}, NetworkOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := cap(n.slots), socketLimit(descriptorLimit()); got != want {
		t.Errorf("a Network opens %d sockets, want %d", got, want)
	}
}

func TestSocketsAtOnce(t *testing.T) {
	l := (&liar{udp: one(nil)}).start(t)
	n, err := NewNetwork([]string{l.addr}, patient)
	if err != nil {
		t.Fatal(err)
	}
	const limit = 3
	n.slots = make(chan struct{}, limit)
	var open, most atomic.Int32
	full := make(chan struct{})
	n.dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
		now := open.Add(1)
		for {
			old := most.Load()
			if now <= old || most.CompareAndSwap(old, now) {
				break
			}
		}
		if now == limit {
			close(full)
		}
		<-full
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		return &counted{conn, &open}, err
	}
	c := New(n, Options{})
	var wg sync.WaitGroup
	for i := range limit {
		wg.Go(func() { c.Lookup(t.Context(), fmt.Sprintf("n%d.test", i), dns.TypeA) })
	}
	wg.Wait()
	n.dial = func(context.Context, string, string) (net.Conn, error) {
		t.Error("dialled without a slot")
		return nil, errUnreachable
	}
	for range limit {
		n.slots <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := n.Exchange(ctx, newQuestion(question{"a.test", dns.TypeA})); !errors.Is(err, context.Canceled) {
		t.Errorf("without a slot: got %v, want %v", err, context.Canceled)
	}
	if got := most.Load(); got != limit {
		t.Errorf("%d sockets at once, want %d", got, limit)
	}
}

// counted is a connection that counts itself as long as it is open.
type counted struct {
	net.Conn
	open *atomic.Int32
}

func (c *counted) Close() error {
	c.open.Add(-1)
	return c.Conn.Close()
}

func TestFaultDescriptorsAndBudget(t *testing.T) {
	z := parseZone(t, ";! descriptors d.test\n;! budget b.test A\n")
	runRows(t, z, []row{
		{"descriptors", "d.test", dns.TypeA, result{Status: Failed, Reason: ReasonDescriptors}},
		{"budget", "b.test", dns.TypeA, result{Status: Failed, Reason: ReasonBudget}},
	})
}

// TestNotCached: an answer that says something about this process is asked for
// again.
func TestNotCached(t *testing.T) {
	for reason, err := range map[string]error{
		ReasonDescriptors: fmt.Errorf("x: %w", errDescriptors),
		ReasonBudget:      errBudget,
	} {
		t.Run(reason, func(t *testing.T) {
			calls := 0
			c := New(answerer(func(*dns.Msg) error {
				if calls++; calls == 1 {
					return err
				}
				return nil
			}), Options{})
			if a := c.Lookup(t.Context(), "a.test", dns.TypeA); a.Status != Failed || a.Reason != reason {
				t.Errorf("first: got %s %s, want failed %s", a.Status, a.Reason, reason)
			}
			for range 2 {
				if a := c.Lookup(t.Context(), "a.test", dns.TypeA); a.Status != NoData {
					t.Errorf("then: got %s %s, want nodata", a.Status, a.Reason)
				}
			}
			if calls != 2 || c.Questions() != 2 {
				t.Errorf("%d calls, %d questions, want 2 of each", calls, c.Questions())
			}
		})
	}
}

// TestNotCachedButShared: those who wait for a question that fails so get its
// outcome, and do not all try in turn.
func TestNotCachedButShared(t *testing.T) {
	c := New(nil, Options{})
	q := question{"a.test", dns.TypeA}
	f := &flight{wait: make(chan struct{})}
	c.flights[q] = f
	got := make(chan Answer)
	go func() { got <- c.Lookup(t.Context(), q.name, q.qtype) }()
	c.x = answerer(func(*dns.Msg) error { return errDescriptors })
	c.fly(t.Context(), q, f, nil)
	if a := <-got; a.Reason != ReasonDescriptors || len(c.flights) != 0 {
		t.Errorf("got %s %s and %d kept, want failed %s and none", a.Status, a.Reason, len(c.flights), ReasonDescriptors)
	}
}

func TestLimit(t *testing.T) {
	budget := result{Status: Failed, Reason: ReasonBudget}
	check := func(t *testing.T, what string, a Answer, want result) {
		t.Helper()
		if a.Status != want.Status || a.Reason != want.Reason {
			t.Errorf("%s: got %s %s, want %s %s", what, a.Status, a.Reason, want.Status, want.Reason)
		}
	}
	t.Run("at the limit and past it", func(t *testing.T) {
		c := New(parseZone(t, ""), Options{Questions: 5})
		v := c.Limit(2)
		check(t, "own", c.Lookup(t.Context(), "c.test", dns.TypeA), result{Status: NXDomain})
		for _, name := range []string{"c.test", "1.test", "1.test", "2.test"} {
			check(t, name, v.Lookup(t.Context(), name, dns.TypeA), result{Status: NXDomain})
		}
		check(t, "one past", v.Lookup(t.Context(), "3.test", dns.TypeA), budget)
		check(t, "cached", v.Lookup(t.Context(), "2.test", dns.TypeA), result{Status: NXDomain})
		check(t, "the client asks on", c.Lookup(t.Context(), "3.test", dns.TypeA), result{Status: NXDomain})
		check(t, "now it is cached", v.Lookup(t.Context(), "3.test", dns.TypeA), result{Status: NXDomain})
		if c.Questions() != 4 {
			t.Errorf("asked %d, want 4", c.Questions())
		}
		other := c.Limit(2)
		check(t, "the last of the client", other.Lookup(t.Context(), "4.test", dns.TypeA), result{Status: NXDomain})
		check(t, "beyond the client", other.Lookup(t.Context(), "5.test", dns.TypeA), budget)
	})
	t.Run("none", func(t *testing.T) {
		c := New(parseZone(t, ""), Options{Questions: -1})
		for _, n := range []int{0, -1} {
			check(t, fmt.Sprint(n), c.Limit(n).Lookup(t.Context(), "a.test", dns.TypeA), budget)
		}
		if c.Questions() != 0 {
			t.Errorf("asked %d, want none", c.Questions())
		}
	})
	t.Run("in mid-chain", func(t *testing.T) {
		c := New(shallow{parseZone(t, "a.test. CNAME b.test.\nb.test. A 192.0.2.1\n")}, Options{})
		a := c.Limit(1).Lookup(t.Context(), "a.test", dns.TypeA)
		check(t, "chain", a, budget)
		if len(a.Chain) != 1 {
			t.Errorf("chain %q, want one link", a.Chain)
		}
		check(t, "whole", c.Limit(1).Lookup(t.Context(), "a.test", dns.TypeA), result{Status: OK})
	})
	t.Run("a flight under way", func(t *testing.T) {
		g := newGate()
		c := New(g, Options{})
		answers := make(chan Answer, 2)
		go func() { answers <- c.Lookup(t.Context(), "a.test", dns.TypeA) }()
		<-g.asked
		go func() { answers <- c.Limit(0).Lookup(t.Context(), "a.test", dns.TypeA) }()
		close(g.answer)
		for range 2 {
			check(t, "both", <-answers, result{Status: NoData})
		}
	})
	t.Run("given up before it was sent", func(t *testing.T) {
		g := newGate()
		c := New(g, Options{InFlight: 1})
		done := make(chan Answer, 2)
		go func() { done <- c.Lookup(t.Context(), "a.test", dns.TypeA) }()
		<-g.asked
		v := c.Limit(1)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { done <- v.Lookup(ctx, "b.test", dns.TypeA) }()
		cancel()
		check(t, "given up", <-done, result{Status: Timeout})
		close(g.answer)
		check(t, "a.test", <-done, result{Status: NoData})
		check(t, "still allowed", v.Lookup(t.Context(), "b.test", dns.TypeA), result{Status: NoData})
		check(t, "one past", v.Lookup(t.Context(), "c.test", dns.TypeA), budget)
	})
	t.Run("many at once", func(t *testing.T) {
		c := New(parseZone(t, ""), Options{})
		v := c.Limit(20)
		var wg sync.WaitGroup
		var failures atomic.Int32
		for i := range 50 {
			wg.Go(func() {
				if v.Lookup(t.Context(), fmt.Sprintf("n%d.test", i), dns.TypeA).Reason == ReasonBudget {
					failures.Add(1)
				}
			})
		}
		wg.Wait()
		if c.Questions() != 20 || failures.Load() != 30 {
			t.Errorf("asked %d, failed %d, want 20 and 30", c.Questions(), failures.Load())
		}
	})
}
