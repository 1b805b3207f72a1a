package check

import (
	"context"
	"crypto/x509"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"maildoctor/check/dnsx"
)

// Net is all of the outside world. Nothing in this package reaches it another
// way.
type Net struct {
	DNS   dnsx.Exchanger
	Dial  func(ctx context.Context, network, addr string) (net.Conn, error)
	Roots *x509.CertPool // nil for the system's
	Now   func() time.Time

	// Public lists special-purpose prefixes that count as public, such as the
	// documentation addresses of a pretend world.
	Public []netip.Prefix
}

// MaxConnections is the number of TCP connections that one audit opens at most.
const MaxConnections = 20

// specialPurpose holds the blocks that no public mail host lives in: the IANA
// special-purpose registries (RFC 6890), multicast and the reserved rest.
var specialPurpose = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
	"172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
	"192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
	"224.0.0.0/4", "240.0.0.0/4",
	"::/96", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/23",
	"2001:db8::/32", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10",
	"fec0::/10", "ff00::/8",
)

// Prefixes that carry an IPv4 address: NAT64 (RFC 6052) and 6to4 (RFC 3056).
var (
	nat64  = netip.MustParsePrefix("64:ff9b::/96")
	sixTo4 = netip.MustParsePrefix("2002::/16")
)

func prefixes(texts ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(texts))
	for i, t := range texts {
		out[i] = netip.MustParsePrefix(t)
	}
	return out
}

// public reports whether a is an address that the internet routes to one host,
// judged on the IPv4 address inside where there is one.
func (n Net) public(a netip.Addr) bool {
	a = embedded(a).WithZone("")
	for _, p := range n.Public {
		if p.Contains(a) {
			return true
		}
	}
	for _, p := range specialPurpose {
		if p.Contains(a) {
			return false
		}
	}
	return a.IsValid()
}

// embedded returns the IPv4 address that an IPv6 address stands for, or a.
func embedded(a netip.Addr) netip.Addr {
	a = a.Unmap()
	if !a.Is6() {
		return a
	}
	b := a.As16()
	switch {
	case nat64.Contains(a):
		return netip.AddrFrom4([4]byte(b[12:16]))
	case sixTo4.Contains(a):
		return netip.AddrFrom4([4]byte(b[2:6]))
	}
	return a
}

// A dialError says why the guard did not dial.
type dialError string

func (e dialError) Error() string { return "check: not dialled: " + string(e) }

// Reason returns the code of the refusal.
func (e dialError) Reason() string { return string(e) }

// The refusals of the guard.
const (
	errPrivate dialError = ReasonPrivateAddress
	errBudget  dialError = ReasonConnections
	errPort    dialError = "port"
)

// A guard opens the connections of one audit: only to addresses, never to
// names, only to ports of mail and HTTPS, only to public addresses unless the
// user allows others, and at most MaxConnections of them.
type guard struct {
	net    Net
	all    bool // special-purpose addresses too
	mx     uint16
	access bool // the ports where mail programs read mail too
	opened atomic.Int64

	turns turns
}

func newGuard(n Net, o Options) *guard {
	return &guard{net: n, all: o.AllowPrivate, mx: o.smtpPort(), access: o.access() != ""}
}

// dial connects to the very address that it has judged.
func (g *guard) dial(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	switch addr.Port() {
	case g.mx, 25, 443, 465, 587:
	case portIMAP, portIMAPS, portPOP3, portPOP3S:
		if !g.access {
			return nil, errPort
		}
	default:
		return nil, errPort
	}
	if !g.all && !g.net.public(addr.Addr()) {
		return nil, errPrivate
	}
	if g.opened.Add(1) > MaxConnections {
		return nil, errBudget
	}
	return g.net.Dial(ctx, "tcp", addr.String())
}
