package lab

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"maildoctor/check/dnsx"
)

// Options say how a world is started.
type Options struct {
	Now     time.Time     // the time in the world, which stands still; the zero Time for the present
	Latency time.Duration // how long each DNS question, each attempt to connect and each answer of a server takes at least; 0 for no time
}

// A Running world answers until it is closed. Its methods may be called from
// several goroutines.
type Running struct {
	world   *World
	now     time.Time
	latency time.Duration
	roots   *x509.CertPool
	tlsa    []string // lines of a zone file
	dns     dnsx.Exchanger
	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	servers []running
	targets map[netip.AddrPort]target

	closing sync.Once

	mu     sync.Mutex
	conns  map[netip.AddrPort]*Connections
	heard  map[string]int // how often which verb of SMTP was heard
	stops  []func()       // of the DNS servers
	closed bool
}

// A server answers the connections of one listener.
type server interface {
	serve(net.Listener) // returns when the listener is closed
	wait()              // returns when the last connection has ended
}

type running struct {
	listener *listener
	server   server
	done     chan struct{} // closed when serve has returned
}

// A target is what is behind an address.
type target struct {
	kind     kind
	loopback string
}

// Start starts the servers of the world on loopback. Close ends them.
func (w *World) Start(o Options) (*Running, error) {
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	mint, err := newMint(o.Now)
	if err != nil {
		return nil, err
	}
	r := &Running{
		world:   w,
		now:     o.Now,
		latency: o.Latency,
		roots:   mint.roots(),
		targets: map[netip.AddrPort]target{},
		conns:   map[netip.AddrPort]*Connections{},
		heard:   map[string]int{},
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	for i := range w.hosts {
		if err := r.start(&w.hosts[i], mint); err != nil {
			r.Close()
			return nil, err
		}
	}
	if r.dns, err = r.pinned(); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// start starts one host.
func (r *Running) start(h *host, m *mint) error {
	t := target{kind: h.kind}
	if h.kind.serves() {
		s, err := r.server(h, m)
		if err != nil {
			return err
		}
		l, err := listen()
		if err != nil {
			return fmt.Errorf("lab: listening on loopback: %w", err)
		}
		t.loopback = l.Addr().String()
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.serve(l)
		}()
		r.servers = append(r.servers, running{l, s, done})
	}
	for _, a := range h.addrs {
		r.targets[a] = t
	}
	return nil
}

func (r *Running) server(h *host, m *mint) (server, error) {
	var config *tls.Config
	if h.tls() {
		cert, err := m.issue(h.cert, h.name)
		if err != nil {
			return nil, err
		}
		r.publish(h, cert.Leaf, m.by(h.cert).issuing)
		config = &tls.Config{
			Certificates:           []tls.Certificate{cert},
			MinVersion:             tls.VersionTLS12,
			MaxVersion:             h.tlsMax,
			SessionTicketsDisabled: true,
			Time:                   r.Now,
		}
		if h.tlsMax != 0 {
			config.MinVersion = min(h.tlsMax, tls.VersionTLS12)
		}
		if h.tlsMin != 0 {
			config.MinVersion = h.tlsMin
		}
		config.CipherSuites = h.tlsSuites
	}
	if h.kind != kindHTTPS && !h.kind.mailbox() && h.fault == "" && !h.ownBanner && h.manners == (manners{}) {
		return newESMTP(h, config, r.hear), nil
	}
	return &script{host: h, tls: config, ctx: r.ctx, heard: r.hear}, nil
}

// Now returns the time in the world. It stands still.
func (r *Running) Now() time.Time { return r.now }

// Roots returns the authority that the certificates of the world come from.
func (r *Running) Roots() *x509.CertPool { return r.roots }

// Dial connects to an address of the world over network tcp, tcp4 or tcp6. An
// address where nobody listens refuses the connection. Errors are as those of
// net.Dialer.
func (r *Running) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	switch network {
	case "tcp", "tcp4", "tcp6":
	default:
		return nil, &net.OpError{Op: "dial", Net: network, Err: net.UnknownNetworkError(network)}
	}
	to, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: &net.AddrError{Err: "not an address of the world", Addr: addr}}
	}
	to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	release := r.count(to)
	c, err := r.travel(ctx, to)
	if err != nil {
		release()
		return nil, &net.OpError{Op: "dial", Net: network, Addr: net.TCPAddrFromAddrPort(to), Err: err}
	}
	return &dialled{Conn: c, remote: net.TCPAddrFromAddrPort(to), release: sync.OnceFunc(release), latency: r.latency, turned: time.Now()}, nil
}

// travel connects after the latency of the world.
func (r *Running) travel(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	if r.latency > 0 {
		t := time.NewTimer(r.latency)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return r.connect(ctx, to)
}

func (r *Running) connect(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if r.ctx.Err() != nil {
		// The port on loopback may belong to somebody else by now.
		return nil, net.ErrClosed
	}
	switch t := r.targets[to]; t.kind {
	case kindSMTP, kindSMTPS, kindHTTPS, kindIMAP, kindIMAPS, kindPOP3, kindPOP3S:
		var d net.Dialer
		c, err := d.DialContext(ctx, "tcp", t.loopback)
		var op *net.OpError
		if errors.As(err, &op) {
			err = op.Err // without the address on loopback
		}
		return c, err
	case kindTimeout:
		return nil, os.NewSyscallError("connect", syscall.ETIMEDOUT)
	case kindUnreachable:
		return nil, os.NewSyscallError("connect", syscall.ENETUNREACH)
	case kindHang:
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-r.ctx.Done():
			return nil, net.ErrClosed
		}
	}
	return nil, os.NewSyscallError("connect", syscall.ECONNREFUSED)
}

// A dialled connection shows the address of the world that it leads to. What the
// server says arrives no earlier than the latency of the world after the client
// had its turn.
type dialled struct {
	net.Conn
	remote  net.Addr
	release func()
	latency time.Duration

	mu       sync.Mutex
	turned   time.Time // when the client last wrote, or connected
	deadline time.Time // for reading
}

// Write sends octets to the server.
func (d *dialled) Write(b []byte) (int, error) {
	d.mu.Lock()
	d.turned = time.Now()
	d.mu.Unlock()
	return d.Conn.Write(b)
}

// Read receives octets of the server.
func (d *dialled) Read(b []byte) (int, error) {
	d.mu.Lock()
	wait := time.Until(d.turned.Add(d.latency))
	if left := time.Until(d.deadline); !d.deadline.IsZero() && left < wait {
		wait = left
	}
	d.mu.Unlock()
	if d.latency > 0 && wait > 0 {
		time.Sleep(wait)
	}
	return d.Conn.Read(b)
}

// SetDeadline limits reading and writing.
func (d *dialled) SetDeadline(t time.Time) error {
	d.until(t)
	return d.Conn.SetDeadline(t)
}

// SetReadDeadline limits reading.
func (d *dialled) SetReadDeadline(t time.Time) error {
	d.until(t)
	return d.Conn.SetReadDeadline(t)
}

func (d *dialled) until(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.deadline = t
}

// RemoteAddr returns the address that was dialled.
func (d *dialled) RemoteAddr() net.Addr { return d.remote }

// Close ends the connection.
func (d *dialled) Close() error {
	defer d.release()
	return d.Conn.Close()
}

// Connections counts the connections to one address.
type Connections struct {
	Addr     netip.AddrPort
	Attempts int // all that were dialled, those that failed too
	Open     int // being dialled, or not closed yet
	Peak     int // the largest Open so far
}

// Connections returns the counts of all addresses that were dialled, sorted by
// address.
func (r *Running) Connections() []Connections {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]Connections, 0, len(r.conns))
	for _, c := range r.conns {
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b Connections) int {
		return cmp.Or(a.Addr.Addr().Compare(b.Addr.Addr()), cmp.Compare(a.Addr.Port(), b.Addr.Port()))
	})
	return out
}

// Heard returns how often the SMTP servers of the world were told a verb, in upper
// case. Those that behave well and have no settings but TLS and AUTH hear MAIL
// and RCPT alone.
func (r *Running) Heard(verb string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.heard[verb]
}

func (r *Running) hear(verb string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heard[verb]++
}

// count counts an attempt, and returns the function that counts its end.
func (r *Running) count(to netip.AddrPort) (release func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.conns[to]
	if c == nil {
		c = &Connections{Addr: to}
		r.conns[to] = c
	}
	c.Attempts++
	c.Open++
	c.Peak = max(c.Peak, c.Open)
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		c.Open--
	}
}

// Close ends all servers and connections, and returns when nothing of them is
// left. Closing again does nothing.
func (r *Running) Close() { r.closing.Do(r.close) }

func (r *Running) close() {
	r.mu.Lock()
	stops := r.stops
	r.stops, r.closed = nil, true
	r.mu.Unlock()
	r.cancel()
	for _, stop := range stops {
		stop()
	}
	for _, s := range r.servers {
		s.listener.Close()
	}
	for _, s := range r.servers {
		<-s.done
		s.listener.closeConns()
		s.server.wait()
	}
}
