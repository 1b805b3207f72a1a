package check

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// MaxPerProvider is how many connections to hosts of one provider are open at
// once: those whose names lie in the same registered domain, such as the hosts
// of google.com. Five hosts of one provider, at two addresses each, take some
// three and a half times as long for it as five of different ones.
const MaxPerProvider = 2

// patience is how long an attempt to connect counts as a connection to the
// provider. One that nobody answers burdens nobody, and must not keep the
// others waiting: many providers drop what comes to ports that they do not use.
const patience = time.Second

// turns are the places that connections take: one at an address and
// MaxPerProvider at a provider. The zero value is ready.
type turns struct {
	mu        sync.Mutex
	addresses map[netip.Addr]places
	providers map[string]places
}

// places are what as many may hold at a time as its capacity says.
type places chan struct{}

// take waits for a place and reports whether it got one before ctx ended.
func (p places) take(ctx context.Context) bool {
	select {
	case p <- struct{}{}:
		return true
	default:
	}
	select {
	case p <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (p places) leave() { <-p }

func (t *turns) of(host string, addr netip.Addr) (address, provider places) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.addresses == nil {
		t.addresses, t.providers = map[netip.Addr]places{}, map[string]places{}
	}
	addr, org := addr.Unmap(), registered(strings.ToLower(strings.TrimSuffix(host, ".")))
	if t.addresses[addr] == nil {
		t.addresses[addr] = make(places, 1)
	}
	if t.providers[org] == nil {
		t.providers[org] = make(places, MaxPerProvider)
	}
	return t.addresses[addr], t.providers[org]
}

// A turn is the right to talk to one address of a host. It has one connection
// at a time.
type turn struct {
	guard             *guard
	address, provider places

	mu     sync.Mutex
	placed bool // at the provider
}

// hold waits until nobody else talks to the address, and few to its provider.
// It returns nil where ctx ended first.
func (g *guard) hold(ctx context.Context, host string, addr netip.Addr) *turn {
	t := &turn{guard: g}
	t.address, t.provider = g.turns.of(host, addr)
	if !t.address.take(ctx) {
		return nil
	}
	if !t.enter(ctx) {
		t.address.leave()
		return nil
	}
	return t
}

// dial connects to the address through the guard. Beyond patience the place at
// the provider is free for others, and taken again when the host answers; where
// the time is too short for that, the one connection more is opened all the same.
func (t *turn) dial(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	gone := make(chan struct{})
	late := time.AfterFunc(patience, func() {
		defer close(gone)
		t.exit()
	})
	conn, err := t.guard.dial(ctx, addr)
	if !late.Stop() {
		<-gone
		if err == nil {
			t.enter(ctx)
		}
	}
	return conn, err
}

// end gives all places back.
func (t *turn) end() {
	t.exit()
	t.address.leave()
}

func (t *turn) enter(ctx context.Context) bool {
	if !t.provider.take(ctx) {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.placed = true
	return true
}

func (t *turn) exit() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.placed {
		t.provider.leave()
		t.placed = false
	}
}
