package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/miekg/dns"

	"maildoctor/check/dnsx"
)

// DNS returns the name service of the world. A question takes as long as the
// options say, or until its context ends.
func (r *Running) DNS() dnsx.Exchanger {
	if r.latency <= 0 {
		return r.dns
	}
	return &slow{dns: r.dns, latency: r.latency}
}

// slow puts time between question and answer.
type slow struct {
	dns     dnsx.Exchanger
	latency time.Duration
}

// Exchange answers after the latency.
func (s *slow) Exchange(ctx context.Context, q *dns.Msg) (*dns.Msg, error) {
	t := time.NewTimer(s.latency)
	defer t.Stop()
	select {
	case <-t.C:
		return s.dns.Exchange(ctx, q)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// ErrClosed is what ServeDNS returns after Close.
var ErrClosed = errors.New("lab: the world is closed")

// bindAttempts is how often a port that is free for UDP and TCP is looked for.
const bindAttempts = 16

// ServeDNS answers real DNS questions over UDP and TCP on addr, which is on
// loopback, until stop or Close; port 0 means any that is free. A question that
// the world does not answer stays without answer here too.
func (r *Running) ServeDNS(addr string) (bound net.Addr, stop func(), err error) {
	at, err := netip.ParseAddrPort(addr)
	if err != nil || !at.Addr().IsLoopback() {
		return nil, nil, fmt.Errorf("lab: %q is not an address and port on loopback, such as 127.0.0.1:0", addr)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, nil, ErrClosed
	}
	packets, streams, err := bindBoth(at)
	if err != nil {
		return nil, nil, fmt.Errorf("lab: listening on loopback: %w", err)
	}
	stop = sync.OnceFunc(serveDNS(r.ctx, r.DNS(), packets, streams))
	r.stops = append(r.stops, stop)
	return packets.LocalAddr(), stop, nil
}

// bindBoth takes the same port for UDP and TCP.
func bindBoth(at netip.AddrPort) (packets net.PacketConn, streams net.Listener, err error) {
	for range bindAttempts {
		if packets, err = net.ListenPacket("udp", at.String()); err != nil {
			return nil, nil, err
		}
		if streams, err = net.Listen("tcp", packets.LocalAddr().String()); err == nil {
			return packets, streams, nil
		}
		packets.Close()
		if at.Port() != 0 {
			break
		}
	}
	return nil, nil, err
}

// serveDNS answers on both, and returns the function that ends it.
func serveDNS(ctx context.Context, ex dnsx.Exchanger, packets net.PacketConn, streams net.Listener) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		a, err := ex.Exchange(ctx, q)
		if err != nil || a == nil {
			return
		}
		_, udp := w.LocalAddr().(*net.UDPAddr)
		// A peer that has gone away is no business of the server.
		_ = w.WriteMsg(fit(q, a.Copy(), udp))
	})
	var running, ready sync.WaitGroup
	servers := []*dns.Server{{PacketConn: packets, Handler: handler}, {Listener: streams, Handler: handler}}
	for _, s := range servers {
		ready.Add(1)
		started := sync.OnceFunc(ready.Done)
		s.NotifyStartedFunc = started
		running.Go(func() {
			defer started()
			// It returns because the server was shut down.
			_ = s.ActivateAndServe()
		})
	}
	// A server that has not started cannot be shut down.
	ready.Wait()
	return func() {
		cancel()
		for _, s := range servers {
			_ = s.Shutdown()
		}
		running.Wait()
	}
}

// fit gives the answer an OPT record where the question has one (RFC 6891
// section 6.1.1), and cuts it to what the asker takes over UDP.
func fit(q, a *dns.Msg, udp bool) *dns.Msg {
	size := dns.MinMsgSize
	if opt := q.IsEdns0(); opt != nil {
		size = max(size, int(opt.UDPSize()))
		if a.IsEdns0() == nil {
			a.SetEdns0(dns.DefaultMsgSize, opt.Do())
		}
	}
	if udp {
		a.Truncate(size)
	}
	return a
}
