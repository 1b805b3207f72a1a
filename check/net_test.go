package check

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
)

func TestGuardAddresses(t *testing.T) {
	refused := []string{
		"0.0.0.0", "10.0.0.1", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.31.255.255",
		"192.0.0.8", "192.168.1.1", "198.19.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::7f00:1", "64:ff9b::7f00:1", "64:ff9b:1::1",
		"2002:7f00:1::", "fe80::1", "fe80::1%eth0", "fc00::1", "fec0::1", "ff02::1", "2001:db8::1", "100::1",
	}
	public := []string{"9.9.9.9", "100.63.255.255", "100.128.0.1", "172.32.0.1", "2620:fe::fe", "64:ff9b::909:909", "2002:909:909::"}
	dialled := 0
	n := Net{Dial: func(context.Context, string, string) (net.Conn, error) { dialled++; return nil, nil }}
	for _, a := range refused {
		g := newGuard(n, Options{})
		if _, err := g.dial(context.Background(), netip.AddrPortFrom(netip.MustParseAddr(a), 25)); !errors.Is(err, errPrivate) {
			t.Errorf("dial %s: %v, want %v", a, err, errPrivate)
		}
	}
	if dialled != 0 {
		t.Errorf("%d refused addresses were dialled", dialled)
	}
	for _, a := range public {
		if _, err := newGuard(n, Options{}).dial(context.Background(), netip.AddrPortFrom(netip.MustParseAddr(a), 25)); err != nil {
			t.Errorf("dial %s: %v, want no refusal", a, err)
		}
	}
	if _, err := newGuard(n, Options{AllowPrivate: true}).dial(context.Background(), netip.MustParseAddrPort("127.0.0.1:25")); err != nil {
		t.Errorf("dial loopback with permission: %v", err)
	}
	n.Public = prefixes("192.0.2.0/24")
	if _, err := newGuard(n, Options{}).dial(context.Background(), netip.MustParseAddrPort("192.0.2.1:25")); err != nil {
		t.Errorf("dial an address that counts as public: %v", err)
	}
}

func TestGuardPorts(t *testing.T) {
	n := Net{Dial: func(context.Context, string, string) (net.Conn, error) { return nil, nil }}
	for port, want := range map[uint16]error{25: nil, 443: nil, 465: nil, 587: nil, 2525: nil, 22: errPort, 80: errPort, 442: errPort, 2526: errPort} {
		_, err := newGuard(n, Options{SMTPPort: 2525}).dial(context.Background(), netip.AddrPortFrom(netip.MustParseAddr("9.9.9.9"), port))
		if !errors.Is(err, want) {
			t.Errorf("dial port %d: %v, want %v", port, err, want)
		}
	}
}

func TestGuardConnections(t *testing.T) {
	n := Net{Dial: func(context.Context, string, string) (net.Conn, error) { return nil, nil }}
	g := newGuard(n, Options{})
	for i := range MaxConnections + 1 {
		_, err := g.dial(context.Background(), netip.MustParseAddrPort("9.9.9.9:25"))
		if over := i == MaxConnections; errors.Is(err, errBudget) != over {
			t.Errorf("connection %d: %v", i+1, err)
		}
	}
}
