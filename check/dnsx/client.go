package dnsx

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// Defaults of Options.
const (
	DefaultQuestions = 300
	DefaultInFlight  = 64
)

// ednsSize is the size of answers over UDP that is asked for, in octets: what
// passes without fragments nearly everywhere.
const ednsSize = 1232

// maxCached bounds the answers kept by a Client with a large budget.
const maxCached = 1 << 16

// Options are the limits of a Client.
type Options struct {
	Questions int // how many questions may be asked in all; 0 for DefaultQuestions, negative for no limit
	InFlight  int // how many may wait for their answer at once; 0 or less for DefaultInFlight
}

// A Client looks names up. Its callers share one budget of questions and one
// cache: while the Client lives a name and type is asked once. It may be used
// from several goroutines.
type Client struct {
	x     Exchanger
	limit int
	slots chan struct{}
	keep  int // how many answers the cache may hold

	mu      sync.Mutex
	asked   int
	flights map[question]*flight
}

var _ Resolver = (*Client)(nil)

// A question is a canonical name and a type.
type question struct {
	name  string
	qtype uint16
}

// A share is a view of a Client with a budget of its own.
type share struct {
	client *Client
	left   int // how many questions it may still ask; mu of the Client guards it
}

// A flight is a question that was asked; mu of the Client guards it.
type flight struct {
	wait chan struct{} // closed when the flight ends; nil while nobody waits
	done bool          // step is the answer
	step step
}

// New returns a Client that asks through x.
func New(x Exchanger, o Options) *Client {
	if o.Questions == 0 {
		o.Questions = DefaultQuestions
	}
	if o.InFlight <= 0 {
		o.InFlight = DefaultInFlight
	}
	return &Client{
		x:       x,
		limit:   o.Questions,
		slots:   make(chan struct{}, o.InFlight),
		keep:    maxCached,
		flights: make(map[question]*flight),
	}
}

// Questions returns how many questions were asked so far. The tries of an
// Exchanger for one question are not counted.
func (c *Client) Questions() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked
}

// Lookup asks for the records of a name and type and follows CNAME records (RFC
// 1034 section 3.6.2).
// The name may end in a dot or not and is never completed. Once ctx is done the
// answer is a Timeout unless it is known already. The records are shared with
// other callers and must not be modified.
func (c *Client) Lookup(ctx context.Context, name string, qtype uint16) Answer {
	return c.lookup(ctx, name, qtype, nil)
}

// Limit returns a view of the Client that asks at most n questions in all, none
// if n is 0 or less; each counts towards the budget of the Client too. What
// the cache knows, or what somebody is asking already, costs nothing; nor does
// a question that was given up before it was sent. Beyond n the answer
// is Failed with ReasonBudget, as at the limit of the Client itself. The view
// may be used from several goroutines.
func (c *Client) Limit(n int) Resolver { return &share{client: c, left: n} }

// Lookup implements Resolver.
func (s *share) Lookup(ctx context.Context, name string, qtype uint16) Answer {
	return s.client.lookup(ctx, name, qtype, s)
}

// lookup is Lookup on behalf of a share, or of the Client itself if by is nil.
func (c *Client) lookup(ctx context.Context, name string, qtype uint16, by *share) Answer {
	ans := Answer{Name: name, Type: qtype}
	asked, ok := Canonical(name)
	if !ok {
		ans.Status, ans.Reason = Failed, ReasonName
		return ans
	}
	ans.Name = asked
	if !isDataType(qtype) {
		ans.Status, ans.Reason = Failed, ReasonType
		return ans
	}
	authenticated := true
	for end := asked; ; {
		s := c.ask(ctx, question{end, qtype}, by)
		authenticated = authenticated && s.ad
		for _, target := range s.links {
			switch {
			case target == asked || slices.Contains(ans.Chain, target):
				ans.Status, ans.Reason = Failed, ReasonLoop
				return ans
			case len(ans.Chain) == MaxChain:
				ans.Status, ans.Reason = Failed, ReasonChain
				return ans
			}
			ans.Chain = append(ans.Chain, target)
		}
		if s.open {
			end = s.end(end)
			continue
		}
		ans.Status, ans.Reason, ans.Records = s.status, s.reason, s.records
		if n := len(s.records); n > MaxRecords {
			ans.Records, ans.Cut = s.records[:MaxRecords:MaxRecords], n-MaxRecords
		}
		ans.Authenticated = authenticated && s.status.Known()
		return ans
	}
}

// isDataType is false for the types of questions and of messages (RFC 6895
// section 3.1).
func isDataType(t uint16) bool {
	return t != dns.TypeNone && t != dns.TypeOPT && (t < 128 || t > 255)
}

// ask returns the answer to one question from the cache, from the caller who
// is asking it at the moment, or from the Exchanger.
func (c *Client) ask(ctx context.Context, q question, by *share) step {
	for {
		c.mu.Lock()
		f := c.flights[q]
		if f == nil {
			s, f := c.take(ctx, q, by)
			c.mu.Unlock()
			if f == nil {
				return s
			}
			return c.fly(ctx, q, f, by)
		}
		if f.done {
			c.mu.Unlock()
			return f.step
		}
		if f.wait == nil {
			f.wait = make(chan struct{})
		}
		wait := f.wait
		c.mu.Unlock()
		select {
		case <-wait:
			if s, ok := c.landed(f); ok {
				return s
			}
			// Its caller gave up and it is our turn.
		case <-ctx.Done():
			return step{status: Timeout}
		}
	}
}

// landed returns what a flight that has ended brought, if anything.
func (c *Client) landed(f *flight) (step, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return f.step, f.done
}

// take books a question, or says why it cannot be asked. c.mu is held.
func (c *Client) take(ctx context.Context, q question, by *share) (step, *flight) {
	if ctx.Err() != nil {
		return step{status: Timeout}, nil
	}
	if c.limit >= 0 && c.asked >= c.limit || by != nil && by.left <= 0 {
		return failed(ReasonBudget), nil
	}
	if len(c.flights) >= c.keep {
		for old, f := range c.flights {
			if f.done {
				delete(c.flights, old)
			}
		}
	}
	f := new(flight)
	c.asked++
	if by != nil {
		by.left--
	}
	c.flights[q] = f
	return step{}, f
}

// fly asks a booked question. An answer that this caller's own ctx spoilt is
// not kept: those who wait for it ask again. One that says something about this
// process alone is handed to them, but not kept either.
func (c *Client) fly(ctx context.Context, q question, f *flight, by *share) (s step) {
	sent, answered := false, false
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if answered {
			f.step, f.done = s, true
		}
		if !answered || s.reason == ReasonBudget || s.reason == ReasonDescriptors {
			delete(c.flights, q)
		}
		if !sent {
			c.asked--
			if by != nil {
				by.left++
			}
		}
		if f.wait != nil {
			close(f.wait)
		}
	}()
	select {
	case c.slots <- struct{}{}:
	case <-ctx.Done():
		return step{status: Timeout}
	}
	defer func() { <-c.slots }()
	sent = true
	m, err := c.exchange(ctx, q)
	if err != nil && over(ctx) {
		return step{status: Timeout}
	}
	s = outcome(m, err, q)
	answered = true
	return s
}

// errPanic is the error of an Exchanger that panicked.
var errPanic = errors.New("dnsx: internal error")

// exchange sends one question. A panic below costs this answer alone, not the
// lookups that run beside it.
func (c *Client) exchange(ctx context.Context, q question) (m *dns.Msg, err error) {
	defer func() {
		if recover() != nil {
			m, err = nil, errPanic
		}
	}()
	return c.x.Exchange(ctx, newQuestion(q))
}

// over reports whether ctx is done or about to be: a deadline on a socket may
// fire a little earlier than the same deadline of ctx.
func over(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(deadline)
}

// outcome makes a step of what an Exchanger returned.
func outcome(m *dns.Msg, err error, q question) step {
	if err == nil {
		return interpret(m, q.name, q.qtype)
	}
	var late interface{ Timeout() bool }
	switch {
	case errors.As(err, &late) && late.Timeout():
		return step{status: Timeout}
	case errors.Is(err, ErrMessage):
		return failed(ReasonMessage)
	case errors.Is(err, errPanic):
		return failed(ReasonPanic)
	case errors.Is(err, errBudget):
		return failed(ReasonBudget)
	case errors.Is(err, errDescriptors) || outOfDescriptors(err):
		return failed(ReasonDescriptors)
	}
	return failed(ReasonNetwork)
}

// newQuestion builds the message for a question: recursion desired, an EDNS
// record that asks for DNSSEC records (RFC 6891 section 6.1.2, RFC 3225), and
// so for a useful AD bit, and a random ID.
func newQuestion(q question) *dns.Msg {
	b := new(struct {
		msg      dns.Msg
		opt      dns.OPT
		question [1]dns.Question
		extra    [1]dns.RR
		id       [2]byte
	})
	_, _ = rand.Read(b.id[:]) // never fails
	b.opt.Hdr = dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}
	b.opt.SetUDPSize(ednsSize)
	b.opt.SetDo()
	b.question[0] = dns.Question{Name: fqdn(q.name), Qtype: q.qtype, Qclass: dns.ClassINET}
	b.extra[0] = &b.opt
	b.msg.Id = binary.BigEndian.Uint16(b.id[:])
	b.msg.RecursionDesired = true
	b.msg.Question = b.question[:]
	b.msg.Extra = b.extra[:]
	return &b.msg
}
