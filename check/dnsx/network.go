package dnsx

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// ErrMessage is the error of an answer that cannot be used: truncated over TCP,
// or empty.
var ErrMessage = errors.New("dnsx: malformed response")

// errSilence is the error of a try that brought no answer in time.
var errSilence error = timeoutError("dnsx: no answer in time")

// A timeoutError is an error whose method Timeout returns true.
type timeoutError string

func (e timeoutError) Error() string { return string(e) }
func (timeoutError) Timeout() bool   { return true }

// DefaultTryTimeout is how long one server may take for one try.
const DefaultTryTimeout = 2 * time.Second

// maxMessage is the size of the longest message (RFC 1035 section 4.2.2).
const maxMessage = 1<<16 - 1

// NetworkOptions are the settings of a Network.
type NetworkOptions struct {
	TryTimeout time.Duration // for one try, with its fallbacks; 0 or less for DefaultTryTimeout
	TrustAD    bool          // believe the AD bit of servers that are not on loopback
}

// A Network is an Exchanger that asks recursive servers. Each question goes to
// one server at a time, over UDP from a fresh port and over TCP if the answer
// is truncated; the next server is asked after a timeout, a failure, SERVFAIL
// or REFUSED. With one or two servers there are at most two tries, else three.
// At most DefaultInFlight sockets are open at once, fewer where the process may
// open few files when the Network is made: 16 are left for others, but one
// question can always be asked.
type Network struct {
	servers []netip.AddrPort
	timeout time.Duration
	trustAD bool
	buffers sync.Pool     // of *[]byte of maxMessage+2 octets
	slots   chan struct{} // one for each socket that may be open
	dial    func(ctx context.Context, network, addr string) (net.Conn, error)
}

// NewNetwork returns a Network for servers in any form that ParseServer reads.
// They are asked in this order.
func NewNetwork(servers []string, o NetworkOptions) (*Network, error) {
	if len(servers) == 0 {
		return nil, errors.New("dnsx: no DNS server given")
	}
	if o.TryTimeout <= 0 {
		o.TryTimeout = DefaultTryTimeout
	}
	n := &Network{
		timeout: o.TryTimeout,
		trustAD: o.TrustAD,
		slots:   make(chan struct{}, socketLimit(descriptorLimit())),
		dial:    new(net.Dialer).DialContext,
	}
	n.buffers.New = func() any { b := make([]byte, maxMessage+2); return &b }
	for _, s := range servers {
		addr, err := ParseServer(s)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(n.servers, addr) {
			n.servers = append(n.servers, addr)
		}
	}
	return n, nil
}

// ParseServer reads the address of a DNS server: 9.9.9.9, 9.9.9.9:53, ::1,
// [::1] or [::1]:53. The port is 53 if there is none. Names are refused:
// there is nobody yet to look them up.
func ParseServer(s string) (netip.AddrPort, error) {
	if ap, err := netip.ParseAddrPort(s); err == nil && ap.Port() != 0 {
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()), nil
	}
	bare := s
	if inner, ok := strings.CutPrefix(s, "["); ok && strings.HasSuffix(inner, "]") {
		bare = strings.TrimSuffix(inner, "]")
	}
	if addr, err := netip.ParseAddr(bare); err == nil {
		return netip.AddrPortFrom(addr.Unmap(), 53), nil
	}
	return netip.AddrPort{}, fmt.Errorf("dnsx: DNS server %q: want an IP address, or one with a port such as 192.0.2.53:53 or [2001:db8::53]:53", s)
}

// SystemServers returns the servers of /etc/resolv.conf.
func SystemServers() ([]string, error) { return systemServers("/etc/resolv.conf") }

func systemServers(path string) ([]string, error) {
	conf, err := dns.ClientConfigFromFile(path)
	if err != nil {
		return nil, fmt.Errorf("dnsx: cannot find the system's DNS servers, name one with --resolver: %w", err)
	}
	var out []string
	for _, s := range conf.Servers {
		if addr, err := ParseServer(s); err == nil {
			out = append(out, addr.String())
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("dnsx: no DNS server in %s, name one with --resolver", path)
	}
	return out, nil
}

// Exchange implements Exchanger. When no try brings an answer that settles the
// question, the outcome that says most is returned: SERVFAIL, then REFUSED,
// then any other code, then an unusable answer, a timeout, a network failure.
func (n *Network) Exchange(ctx context.Context, q *dns.Msg) (*dns.Msg, error) {
	if len(q.Question) != 1 {
		return nil, errors.New("dnsx: a query needs one question")
	}
	select {
	case n.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-n.slots }()
	var best attempt
	answered := make([]bool, len(n.servers))
	tries := min(3, max(2, len(n.servers)))
	for i := range tries {
		server := i % len(n.servers)
		if answered[server] {
			continue // it would say the same again
		}
		m, err := n.try(ctx, n.servers[server], q)
		if ctx.Err() != nil && err != nil {
			return nil, ctx.Err()
		}
		if err == nil && (m.Rcode == dns.RcodeSuccess || m.Rcode == dns.RcodeNameError) {
			return m, nil
		}
		answered[server] = err == nil
		if a := (attempt{m, err}); i == 0 || a.weight() > best.weight() {
			best = a
		}
	}
	return best.msg, best.err
}

// An attempt is what one try brought that did not settle the question.
type attempt struct {
	msg *dns.Msg
	err error
}

// weight says how much an attempt tells about the question.
func (a attempt) weight() int {
	var late interface{ Timeout() bool }
	switch {
	case a.err == nil && a.msg.Rcode == dns.RcodeServerFailure:
		return 5
	case a.err == nil && a.msg.Rcode == dns.RcodeRefused:
		return 4
	case a.err == nil:
		return 3
	case errors.Is(a.err, ErrMessage):
		return 2
	case errors.As(a.err, &late) && late.Timeout():
		return 1
	}
	return 0
}

// try asks one server, with one deadline for everything it takes.
func (n *Network) try(ctx context.Context, server netip.AddrPort, q *dns.Msg) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, n.timeout)
	defer cancel()
	m, err := n.transports(ctx, server, q)
	if err == nil && q.IsEdns0() != nil && refusesEDNS(m) {
		m, err = n.transports(ctx, server, withoutEDNS(q))
	}
	if err != nil {
		if ctx.Err() != nil && !errors.Is(err, errDescriptors) {
			return nil, errSilence
		}
		return nil, err
	}
	return n.believe(server, m), nil
}

// believe takes the AD bit from an answer that somebody on the way may have
// written (RFC 6840 section 5.8).
func (n *Network) believe(server netip.AddrPort, m *dns.Msg) *dns.Msg {
	if !n.trustAD && !server.Addr().IsLoopback() {
		m.AuthenticatedData = false
	}
	return m
}

// refusesEDNS: RFC 6891 sections 6.1.3 and 7.
func refusesEDNS(m *dns.Msg) bool {
	switch m.Rcode {
	case dns.RcodeFormatError, dns.RcodeNotImplemented, dns.RcodeBadVers:
		return true
	}
	return false
}

func withoutEDNS(q *dns.Msg) *dns.Msg {
	plain := *q
	plain.Extra = slices.DeleteFunc(slices.Clone(q.Extra), func(rr dns.RR) bool {
		return rr.Header().Rrtype == dns.TypeOPT
	})
	return &plain
}

// transports asks over UDP, and over TCP if the answer says that it is
// truncated (RFC 7766 section 5).
func (n *Network) transports(ctx context.Context, server netip.AddrPort, q *dns.Msg) (*dns.Msg, error) {
	m, err := n.exchange(ctx, "udp", server, q)
	if err == nil && m.Truncated {
		m, err = n.exchange(ctx, "tcp", server, q)
		if err == nil && m.Truncated {
			return nil, fmt.Errorf("%w: truncated over TCP", ErrMessage)
		}
	}
	return m, err
}

// exchange sends the query over a connection of its own and reads until its
// answer comes or ctx ends.
func (n *Network) exchange(ctx context.Context, network string, server netip.AddrPort, q *dns.Msg) (*dns.Msg, error) {
	conn, err := n.connect(ctx, network, server.String())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()

	pooled, _ := n.buffers.Get().(*[]byte)
	defer n.buffers.Put(pooled)
	buf := *pooled
	packed, err := q.PackBuffer(buf[2:])
	if err != nil {
		return nil, err
	}
	if network == "udp" {
		if _, err := conn.Write(packed); err != nil {
			return nil, err
		}
		return readPackets(conn, buf, q)
	}
	// RFC 7766 section 8: length and message in one write.
	frame := make([]byte, 0, 2+len(packed))
	frame = binary.BigEndian.AppendUint16(frame, uint16(len(packed)))
	if _, err := conn.Write(append(frame, packed...)); err != nil {
		return nil, err
	}
	return readStream(conn, buf, q)
}

// connect opens a socket. Where the process may open no more files it waits a
// little, five times at most, for others to close theirs.
func (n *Network) connect(ctx context.Context, network, addr string) (net.Conn, error) {
	const first, last = 10 * time.Millisecond, 160 * time.Millisecond
	for wait := first; ; wait *= 2 {
		conn, err := n.dial(ctx, network, addr)
		if err == nil || !outOfDescriptors(err) {
			return conn, err
		}
		err = fmt.Errorf("%w: %w", errDescriptors, err)
		if wait > last {
			return nil, err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, err
		}
	}
}

// readPackets reads datagrams until one is the answer: anybody can send the
// others (RFC 5452 section 9.1).
func readPackets(conn io.Reader, buf []byte, q *dns.Msg) (*dns.Msg, error) {
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return nil, err
		}
		if m := match(buf[:n], q); m != nil {
			return m, nil
		}
	}
}

// readStream reads messages behind their length (RFC 1035 section 4.2.2) until
// one is the answer.
func readStream(conn io.Reader, buf []byte, q *dns.Msg) (*dns.Msg, error) {
	for {
		if _, err := io.ReadFull(conn, buf[:2]); err != nil {
			return nil, err
		}
		size := int(binary.BigEndian.Uint16(buf))
		if size == 0 {
			return nil, fmt.Errorf("%w: length 0", ErrMessage)
		}
		if _, err := io.ReadFull(conn, buf[:size]); err != nil {
			return nil, err
		}
		if m := match(buf[:size], q); m != nil {
			return m, nil
		}
	}
}

// match returns the message if it answers the query, else nil.
func match(packet []byte, q *dns.Msg) *dns.Msg {
	const header = 12
	if len(packet) < header || binary.BigEndian.Uint16(packet) != q.Id {
		return nil
	}
	m := new(dns.Msg)
	if m.Unpack(packet) != nil && !m.Truncated || !m.Response || m.Opcode != q.Opcode {
		return nil
	}
	asked := q.Question[0]
	switch len(m.Question) {
	case 0:
		// Some servers refuse with no more than a header. It claims nothing
		// about the name, so it may count.
		switch m.Rcode {
		case dns.RcodeFormatError, dns.RcodeServerFailure, dns.RcodeNotImplemented, dns.RcodeRefused:
			m.Question = q.Question
			return m
		}
		return nil
	case 1:
		got := m.Question[0]
		name, ok := Canonical(asked.Name)
		if ok && got.Qtype == asked.Qtype && got.Qclass == asked.Qclass && sameName(got.Name, name) {
			return m
		}
	}
	return nil
}
