package lab

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/miekg/dns"
)

func TestDialErrors(t *testing.T) {
	r := begin(t, world(t, "refuse 192.0.2.1:25\ntimeout 192.0.2.2:25\nunreachable [2001:db8::3]:25\n"), Options{})
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	tests := []struct {
		name    string
		ctx     context.Context
		network string
		addr    string
		want    error // nil for any
		timeout bool
	}{
		{"refused", deadline(t), "tcp", "192.0.2.1:25", syscall.ECONNREFUSED, false},
		{"not listed", deadline(t), "tcp", "192.0.2.9:25", syscall.ECONNREFUSED, false},
		{"other port", deadline(t), "tcp4", "192.0.2.2:26", syscall.ECONNREFUSED, false},
		{"the real loopback", deadline(t), "tcp", "127.0.0.1:25", syscall.ECONNREFUSED, false},
		{"timeout", deadline(t), "tcp", "192.0.2.2:25", syscall.ETIMEDOUT, true},
		{"mapped address", deadline(t), "tcp", "[::ffff:192.0.2.2]:25", syscall.ETIMEDOUT, true},
		{"no route", deadline(t), "tcp6", "[2001:db8::3]:25", syscall.ENETUNREACH, false},
		{"cancelled", gone, "tcp", "192.0.2.1:25", context.Canceled, false},
		{"name", deadline(t), "tcp", "localhost:25", nil, false},
		{"no port", deadline(t), "tcp", "192.0.2.1", nil, false},
		{"udp", deadline(t), "udp", "192.0.2.1:25", net.UnknownNetworkError("udp"), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := r.Dial(tt.ctx, tt.network, tt.addr)
			if err == nil {
				c.Close()
				t.Fatal("got a connection")
			}
			var op *net.OpError
			if !errors.As(err, &op) || op.Timeout() != tt.timeout {
				t.Errorf("got error %v, want a net.OpError with Timeout %v", err, tt.timeout)
			}
			if tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("got error %v, want %v", err, tt.want)
			}
		})
	}
}

func TestDialHang(t *testing.T) {
	r := begin(t, world(t, "hang 192.0.2.1:25\n"), Options{})
	dial := func(ctx context.Context) chan error {
		done := make(chan error, 1)
		go func() {
			_, err := r.Dial(ctx, "tcp", "192.0.2.1:25")
			done <- err
		}()
		return done
	}
	ctx, cancel := context.WithCancel(context.Background())
	first, second := dial(ctx), dial(context.Background())
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of the context: got error %v, want context.Canceled", err)
	}
	r.Close()
	if err := <-second; !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: got error %v, want net.ErrClosed", err)
	}
}

func TestDialAddress(t *testing.T) {
	r := begin(t, world(t, "smtp 192.0.2.1:25 [2001:db8::1]:25\n name a.example\n"), Options{})
	for _, addr := range []string{"192.0.2.1:25", "[2001:db8::1]:25"} {
		c, err := r.Dial(deadline(t), "tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.RemoteAddr().String(); got != addr {
			t.Errorf("RemoteAddr() = %s, want %s", got, addr)
		}
		c.Close()
	}
	r.Close()
	if _, err := r.Dial(deadline(t), "tcp", "192.0.2.1:25"); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: got error %v, want net.ErrClosed", err)
	}
}

func TestConnections(t *testing.T) {
	r := begin(t, world(t, "smtp 192.0.2.1:587 192.0.2.1:25\n name a.example\nrefuse 192.0.2.0:25\n"), Options{})
	dial := func(addr string) net.Conn {
		c, err := r.Dial(deadline(t), "tcp", addr)
		if err != nil {
			return nil
		}
		return c
	}
	a, b := dial("192.0.2.1:25"), dial("192.0.2.1:25")
	a.Close()
	a.Close()
	c := dial("192.0.2.1:25")
	dial("192.0.2.0:25")
	dial("192.0.2.1:587").Close()
	want := []Connections{
		{netip.MustParseAddrPort("192.0.2.0:25"), 1, 0, 1},
		{netip.MustParseAddrPort("192.0.2.1:25"), 3, 2, 2},
		{netip.MustParseAddrPort("192.0.2.1:587"), 1, 0, 1},
	}
	if diff := cmp.Diff(want, r.Connections(), cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
		t.Errorf("Connections() (-want +got):\n%s", diff)
	}
	b.Close()
	c.Close()
	if got := r.Connections()[1].Open; got != 0 {
		t.Errorf("after all were closed: got %d open, want 0", got)
	}
}

// What the servers of a world wait for ends with it.
func TestCloseEndsConnections(t *testing.T) {
	for _, f := range []string{"silent", "drip", "flood"} {
		t.Run(f, func(t *testing.T) {
			r := begin(t, world(t, "smtp 192.0.2.1:25\n name a.example\n fault "+f+"\n"), Options{})
			c, err := r.Dial(deadline(t), "tcp", "192.0.2.1:25")
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
				t.Fatal(err)
			}
			r.Close()
			if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("got error %v, want the end of the connection", err)
			}
		})
	}
}

func TestDNS(t *testing.T) {
	w, err := New("test", "test.example", map[string][]byte{FileZone: []byte("test.example. 60 IN A 192.0.2.1\n;! servfail broken.example\n;! timeout slow.example\n")})
	if err != nil {
		t.Fatal(err)
	}
	r := begin(t, w, Options{})
	tests := []struct {
		name    string
		rcode   int
		answers int
	}{
		{"test.example", dns.RcodeSuccess, 1},
		{"broken.example", dns.RcodeServerFailure, 0},
		{"other.example", dns.RcodeNameError, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := r.DNS().Exchange(deadline(t), question(tt.name, dns.TypeA))
			if err != nil {
				t.Fatal(err)
			}
			if m.Rcode != tt.rcode || len(m.Answer) != tt.answers {
				t.Errorf("got code %d with %d records, want %d with %d", m.Rcode, len(m.Answer), tt.rcode, tt.answers)
			}
		})
	}
	var timeout interface{ Timeout() bool }
	if _, err := r.DNS().Exchange(deadline(t), question("slow.example", dns.TypeA)); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("slow.example: got error %v, want a timeout", err)
	}
}

func TestLatency(t *testing.T) {
	const latency = 30 * time.Millisecond
	r := begin(t, world(t, ""), Options{Latency: latency})
	start := time.Now()
	if _, err := r.DNS().Exchange(deadline(t), question("test.example", dns.TypeA)); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took < latency {
		t.Errorf("took %v, want at least %v", took, latency)
	}
	slow := begin(t, world(t, ""), Options{Latency: time.Hour})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := slow.DNS().Exchange(ctx, question("test.example", dns.TypeA)); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want context.Canceled", err)
	}
}

// TestLatencyOfConnections holds that each turn of a connection takes its time,
// and no longer than a deadline.
func TestLatencyOfConnections(t *testing.T) {
	const latency = 20 * time.Millisecond
	r := begin(t, world(t, "smtp 192.0.2.1:25\n name a.example\n"), Options{Latency: latency})
	start := time.Now()
	p := call(t, r)
	p.send("")
	p.send("EHLO c.example")
	if took := time.Since(start); took < 3*latency {
		t.Errorf("connecting, greeting and EHLO took %v, want at least %v", took, 3*latency)
	}
	slow := begin(t, world(t, "smtp 192.0.2.1:25\n name a.example\n"), Options{Latency: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := slow.Dial(ctx, "tcp", "192.0.2.1:25"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("dial: got error %v, want the deadline", err)
	}
	a, b := net.Pipe()
	defer b.Close()
	for name, set := range map[string]func(*dialled, time.Time) error{"both": (*dialled).SetDeadline, "reading": (*dialled).SetReadDeadline} {
		d := &dialled{Conn: a, latency: time.Hour, turned: time.Now()}
		if err := set(d, time.Now().Add(time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("deadline of %s: got error %v", name, err)
		}
	}
}

func TestServeDNS(t *testing.T) {
	const zone = `test.example. 60 IN A 192.0.2.1
;! servfail broken.example
;! timeout slow.example
`
	big := zone
	for i := range 10 {
		big += "long.example. 60 IN TXT \"" + string(rune('a'+i)) + longText + "\"\n"
	}
	w, err := New("test", "test.example", map[string][]byte{FileZone: []byte(big)})
	if err != nil {
		t.Fatal(err)
	}
	r := begin(t, w, Options{})
	addr, stop, err := r.ServeDNS("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name      string
		network   string
		question  string
		qtype     uint16
		edns      uint16
		rcode     int
		answers   bool
		truncated bool
	}{
		{"udp", "udp", "test.example", dns.TypeA, 0, dns.RcodeSuccess, true, false},
		{"tcp", "tcp", "test.example", dns.TypeA, 0, dns.RcodeSuccess, true, false},
		{"no such name", "udp", "other.example", dns.TypeA, 1232, dns.RcodeNameError, false, false},
		{"servfail", "udp", "broken.example", dns.TypeA, 0, dns.RcodeServerFailure, false, false},
		{"long over udp", "udp", "long.example", dns.TypeTXT, 1232, dns.RcodeSuccess, true, true},
		{"long with room", "udp", "long.example", dns.TypeTXT, 4096, dns.RcodeSuccess, true, false},
		{"long over tcp", "tcp", "long.example", dns.TypeTXT, 0, dns.RcodeSuccess, true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := question(tt.question, tt.qtype)
			if tt.edns > 0 {
				q.SetEdns0(tt.edns, false)
			}
			m, _, err := (&dns.Client{Net: tt.network}).ExchangeContext(deadline(t), q, addr.String())
			if err != nil {
				t.Fatal(err)
			}
			if m.Rcode != tt.rcode || len(m.Answer) > 0 != tt.answers || m.Truncated != tt.truncated {
				t.Errorf("got code %d, %d records, truncated %v; want %d, %v, %v", m.Rcode, len(m.Answer), m.Truncated, tt.rcode, tt.answers, tt.truncated)
			}
			if (m.IsEdns0() != nil) != (tt.edns > 0) {
				t.Errorf("got OPT record %v, want one: %v", m.IsEdns0(), tt.edns > 0)
			}
		})
	}
	stop()
	stop()
	if c, err := net.Dial("tcp", addr.String()); err == nil {
		c.Close()
		t.Error("the server listens after stop")
	}
}

// longText makes a TXT record of more than 100 octets.
const longText = "0123456789012345678901234567890123456789012345678901234567890123456789" +
	"0123456789012345678901234567890123456789012345678901234567890123456789"

func TestServeDNSAddress(t *testing.T) {
	r := begin(t, world(t, ""), Options{})
	for _, addr := range []string{"", ":53", "0.0.0.0:0", "192.0.2.1:53", "localhost:0", "127.0.0.1"} {
		if _, stop, err := r.ServeDNS(addr); err == nil {
			stop()
			t.Errorf("ServeDNS(%q): got no error", addr)
		}
	}
	r.Close()
	if _, _, err := r.ServeDNS("127.0.0.1:0"); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: got error %v, want ErrClosed", err)
	}
}
