package dnsx

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// A liar is a DNS server on loopback. For each query its functions return the
// packets to send, in order; nil functions are silent.
type liar struct {
	udp func(q *dns.Msg) [][]byte
	tcp func(q *dns.Msg, c net.Conn)

	addr    string
	queries atomic.Int32
	seen    chan string // gets the name of the transport for each query, if not nil
}

// start listens on one port of both transports.
func (l *liar) start(t testing.TB) *liar {
	t.Helper()
	for range 20 {
		pc, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l.addr = pc.LocalAddr().String()
		if l.tcp != nil {
			ln, err := net.Listen("tcp", l.addr)
			if err != nil {
				pc.Close()
				continue
			}
			t.Cleanup(func() { ln.Close() })
			go l.serveTCP(ln)
		}
		t.Cleanup(func() { pc.Close() })
		go l.serveUDP(pc)
		return l
	}
	t.Fatal("no port is free for both transports")
	return nil
}

func (l *liar) note(transport string) {
	if l.seen != nil {
		l.seen <- transport
	}
}

func (l *liar) serveUDP(pc net.PacketConn) {
	buf := make([]byte, 4096)
	for {
		n, from, err := pc.ReadFrom(buf)
		if err != nil {
			return
		}
		q := new(dns.Msg)
		if q.Unpack(buf[:n]) != nil {
			continue
		}
		l.queries.Add(1)
		l.note("udp")
		if l.udp == nil {
			continue
		}
		for _, p := range l.udp(q) {
			_, _ = pc.WriteTo(p, from)
		}
	}
}

func (l *liar) serveTCP(ln net.Listener) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			var size [2]byte
			if _, err := io.ReadFull(c, size[:]); err != nil {
				return
			}
			packet := make([]byte, binary.BigEndian.Uint16(size[:]))
			q := new(dns.Msg)
			if _, err := io.ReadFull(c, packet); err != nil || q.Unpack(packet) != nil {
				return
			}
			l.note("tcp")
			l.tcp(q, c)
			_, _ = io.Copy(io.Discard, c) // until the client goes
		}()
	}
}

// good is the true answer; edit makes it a lie.
func good(q *dns.Msg, edit func(*dns.Msg)) []byte {
	m := newReply(q)
	m.RecursionAvailable = true
	m.Question = slices.Clone(q.Question)
	m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}, A: net.IPv4(192, 0, 2, 1)}}
	if edit != nil {
		edit(m)
	}
	p, err := m.Pack()
	if err != nil {
		return nil
	}
	return p
}

func code(rcode int) func(*dns.Msg) {
	return func(m *dns.Msg) { m.Rcode, m.Answer = rcode, nil }
}

func truncated(m *dns.Msg) { m.Truncated, m.Answer = true, nil }

func framed(p []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(p))), p...)
}

// ask asks the servers for the address of a.test.
func ask(t *testing.T, o NetworkOptions, servers ...*liar) Answer {
	t.Helper()
	var addrs []string
	for _, l := range servers {
		addrs = append(addrs, l.addr)
	}
	n, err := NewNetwork(addrs, o)
	if err != nil {
		t.Fatal(err)
	}
	return New(n, Options{}).Lookup(t.Context(), "a.test", dns.TypeA)
}

// brief is for tries that must end in a timeout, patient for all others.
var (
	brief   = NetworkOptions{TryTimeout: 250 * time.Millisecond}
	patient = NetworkOptions{TryTimeout: 20 * time.Second}
)

func one(edit func(*dns.Msg)) func(*dns.Msg) [][]byte {
	return func(q *dns.Msg) [][]byte { return [][]byte{good(q, edit)} }
}

func TestLiesAreIgnored(t *testing.T) {
	lies := map[string]func(*dns.Msg) []byte{
		"junk":        func(*dns.Msg) []byte { return []byte("\xff\x00junk") },
		"empty":       func(*dns.Msg) []byte { return nil },
		"cut off":     func(q *dns.Msg) []byte { p := good(q, nil); return p[:len(p)-3] },
		"wrong ID":    func(q *dns.Msg) []byte { return good(q, func(m *dns.Msg) { m.Id++; m.Rcode = 3 }) },
		"query":       func(q *dns.Msg) []byte { return good(q, func(m *dns.Msg) { m.Response = false }) },
		"opcode":      func(q *dns.Msg) []byte { return good(q, func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify }) },
		"other name":  func(q *dns.Msg) []byte { return good(q, func(m *dns.Msg) { m.Question[0].Name = "b.test." }) },
		"other type":  func(q *dns.Msg) []byte { return good(q, func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeMX }) },
		"other class": func(q *dns.Msg) []byte { return good(q, func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS }) },
		"two questions": func(q *dns.Msg) []byte {
			return good(q, func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) })
		},
		"no question": func(q *dns.Msg) []byte { return good(q, func(m *dns.Msg) { m.Question, m.Answer = nil, nil }) },
		"NXDOMAIN, no name": func(q *dns.Msg) []byte {
			return good(q, func(m *dns.Msg) { m.Question, m.Answer, m.Rcode = nil, nil, 3 })
		},
	}
	for name, lie := range lies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := (&liar{udp: func(q *dns.Msg) [][]byte { return [][]byte{lie(q), lie(q), good(q, nil)} }}).start(t)
			if a := ask(t, patient, l); a.Status != OK || len(a.Records) != 1 || l.queries.Load() != 1 {
				t.Errorf("lie over UDP: got %s %s after %d queries, want ok after 1", a.Status, a.Reason, l.queries.Load())
			}
			if a := ask(t, brief, (&liar{udp: func(q *dns.Msg) [][]byte { return [][]byte{lie(q)} }}).start(t)); a.Status != Timeout {
				t.Errorf("nothing but the lie: got %s %s, want timeout", a.Status, a.Reason)
			}
			if name == "empty" {
				return
			}
			stream := (&liar{udp: one(truncated), tcp: func(q *dns.Msg, c net.Conn) {
				_, _ = c.Write(framed(lie(q)))
				_, _ = c.Write(framed(good(q, nil)))
			}}).start(t)
			if a := ask(t, patient, stream); a.Status != OK {
				t.Errorf("lie over TCP: got %s %s, want ok", a.Status, a.Reason)
			}
		})
	}
}

func TestCaseOfTheQuestion(t *testing.T) {
	l := (&liar{udp: one(func(m *dns.Msg) { m.Question[0].Name = "A.tEST." })}).start(t)
	if a := ask(t, patient, l); a.Status != OK {
		t.Errorf("got %s, want ok", a.Status)
	}
}

func TestTruncation(t *testing.T) {
	for _, r := range []struct {
		name string
		tcp  func(q *dns.Msg, c net.Conn)
		o    NetworkOptions
		want result
	}{
		{"then TCP", func(q *dns.Msg, c net.Conn) { _, _ = c.Write(framed(good(q, nil))) }, patient, result{Status: OK}},
		{"in small pieces", func(q *dns.Msg, c net.Conn) {
			for _, b := range framed(good(q, nil)) {
				_, _ = c.Write([]byte{b})
			}
		}, patient, result{Status: OK}},
		{"refused", nil, patient, result{Status: Failed, Reason: ReasonNetwork}},
		{"silent", func(*dns.Msg, net.Conn) {}, brief, result{Status: Timeout}},
		{"stops in the middle", func(q *dns.Msg, c net.Conn) { _, _ = c.Write(framed(good(q, nil))[:9]) }, brief, result{Status: Timeout}},
		{"closed", func(_ *dns.Msg, c net.Conn) { c.Close() }, patient, result{Status: Failed, Reason: ReasonNetwork}},
		{"truncated again", func(q *dns.Msg, c net.Conn) { _, _ = c.Write(framed(good(q, truncated))) }, patient, result{Status: Failed, Reason: ReasonMessage}},
		{"length 0", func(_ *dns.Msg, c net.Conn) { _, _ = c.Write([]byte{0, 0}) }, patient, result{Status: Failed, Reason: ReasonMessage}},
		{"other messages for ever", func(q *dns.Msg, c net.Conn) {
			for {
				if _, err := c.Write(framed(good(q, func(m *dns.Msg) { m.Id++ }))); err != nil {
					return
				}
			}
		}, brief, result{Status: Timeout}},
	} {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			a := ask(t, r.o, (&liar{udp: one(truncated), tcp: r.tcp}).start(t))
			if a.Status != r.want.Status || a.Reason != r.want.Reason {
				t.Errorf("got %s %s, want %s %s", a.Status, a.Reason, r.want.Status, r.want.Reason)
			}
		})
	}
}

func TestTruncatedRecord(t *testing.T) {
	l := (&liar{
		udp: func(q *dns.Msg) [][]byte {
			p := good(q, func(m *dns.Msg) { m.Truncated = true })
			return [][]byte{p[:len(p)-2]}
		},
		tcp: func(q *dns.Msg, c net.Conn) { _, _ = c.Write(framed(good(q, nil))) },
	}).start(t)
	if a := ask(t, patient, l); a.Status != OK {
		t.Errorf("got %s %s, want ok", a.Status, a.Reason)
	}
}

func TestWithoutEDNS(t *testing.T) {
	for name, refuse := range map[string]func(*dns.Msg){
		"FORMERR":           code(dns.RcodeFormatError),
		"NOTIMP":            code(dns.RcodeNotImplemented),
		"FORMERR, bare":     func(m *dns.Msg) { m.Rcode, m.Question, m.Answer = dns.RcodeFormatError, nil, nil },
		"BADVERS":           func(m *dns.Msg) { m.SetEdns0(1232, false); m.Rcode, m.Answer = dns.RcodeBadVers, nil },
		"answer without it": nil,
	} {
		t.Run(name, func(t *testing.T) {
			l := (&liar{udp: func(q *dns.Msg) [][]byte {
				if q.IsEdns0() != nil {
					return [][]byte{good(q, refuse)}
				}
				return [][]byte{good(q, nil)}
			}}).start(t)
			if a := ask(t, patient, l); a.Status != OK {
				t.Errorf("got %s %s, want ok", a.Status, a.Reason)
			}
		})
	}
	always := (&liar{udp: one(code(dns.RcodeNotImplemented))}).start(t)
	if a := ask(t, patient, always); a.Reason != ReasonRcode || always.queries.Load() != 2 {
		t.Errorf("NOTIMP for ever: got %s %s after %d queries, want %s after 2", a.Status, a.Reason, always.queries.Load(), ReasonRcode)
	}
}

func TestNextServer(t *testing.T) {
	silent := func() *liar { return &liar{} }
	says := func(edit func(*dns.Msg)) func() *liar { return func() *liar { return &liar{udp: one(edit)} } }
	servfail, refused, ok := says(code(dns.RcodeServerFailure)), says(code(dns.RcodeRefused)), says(nil)
	odd := says(code(dns.RcodeYXDomain))
	bare := says(func(m *dns.Msg) { m.Rcode, m.Question, m.Answer = dns.RcodeRefused, nil, nil })
	for _, r := range []struct {
		name    string
		servers []func() *liar
		o       NetworkOptions
		want    Status
		queries []int32
	}{
		{"one, silent", []func() *liar{silent}, brief, Timeout, []int32{2}},
		{"one, SERVFAIL", []func() *liar{servfail}, patient, ServFail, []int32{1}},
		{"one, REFUSED with a header alone", []func() *liar{bare}, patient, Refused, []int32{1}},
		{"SERVFAIL, then an answer", []func() *liar{servfail, ok}, patient, OK, []int32{1, 1}},
		{"REFUSED, then an answer", []func() *liar{refused, ok}, patient, OK, []int32{1, 1}},
		{"silence, then an answer", []func() *liar{silent, ok}, brief, OK, []int32{1, 1}},
		{"NXDOMAIN settles it", []func() *liar{says(code(dns.RcodeNameError)), ok}, patient, NXDomain, []int32{1, 0}},
		{"SERVFAIL beats silence", []func() *liar{servfail, silent}, brief, ServFail, []int32{1, 1}},
		{"SERVFAIL beats silence, in any order", []func() *liar{silent, servfail}, brief, ServFail, []int32{1, 1}},
		{"SERVFAIL beats REFUSED", []func() *liar{refused, servfail}, patient, ServFail, []int32{1, 1}},
		{"REFUSED beats an odd code", []func() *liar{odd, refused}, patient, Refused, []int32{1, 1}},
		{"three tries at most", []func() *liar{refused, refused, refused, ok}, patient, Refused, []int32{1, 1, 1, 0}},
	} {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			var servers []*liar
			for _, f := range r.servers {
				servers = append(servers, f().start(t))
			}
			if a := ask(t, r.o, servers...); a.Status != r.want {
				t.Errorf("got %s %s, want %s", a.Status, a.Reason, r.want)
			}
			for i, want := range r.queries {
				if got := servers[i].queries.Load(); got != want {
					t.Errorf("server %d: %d queries, want %d", i, got, want)
				}
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := pc.LocalAddr().String()
	pc.Close()
	if a := ask(t, brief, &liar{addr: closed}); a.Status.Known() {
		t.Errorf("got %s, want nothing known", a.Status)
	}
}

func TestCancelEndsTheRead(t *testing.T) {
	for name, l := range map[string]*liar{"udp": {}, "tcp": {udp: one(truncated), tcp: func(*dns.Msg, net.Conn) {}}} {
		t.Run(name, func(t *testing.T) {
			l.seen = make(chan string, 10)
			l.start(t)
			n, err := NewNetwork([]string{l.addr}, NetworkOptions{TryTimeout: time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() {
				_, err := n.Exchange(ctx, newQuestion(question{"a.test", dns.TypeA}))
				done <- err
			}()
			for <-l.seen != name {
			}
			cancel()
			select {
			case err := <-done:
				if !errors.Is(err, context.Canceled) {
					t.Errorf("got %v, want %v", err, context.Canceled)
				}
			case <-time.After(20 * time.Second):
				t.Fatal("still reading")
			}
		})
	}
}

func TestAuthenticatedData(t *testing.T) {
	q := newQuestion(question{"a.test", dns.TypeA})
	l := (&liar{udp: one(func(m *dns.Msg) { m.AuthenticatedData = true })}).start(t)
	if a := ask(t, patient, l); !a.Authenticated {
		t.Error("a server on loopback is not believed")
	}
	for _, r := range []struct {
		server string
		trust  bool
		want   bool
	}{{"127.0.0.1:53", false, true}, {"[::1]:53", false, true}, {"192.0.2.53:53", false, false}, {"192.0.2.53:53", true, true}} {
		n := &Network{trustAD: r.trust}
		m := newReply(q)
		m.AuthenticatedData = true
		if got := n.believe(netip.MustParseAddrPort(r.server), m).AuthenticatedData; got != r.want {
			t.Errorf("%s, trust %v: AD %v, want %v", r.server, r.trust, got, r.want)
		}
	}
}

func TestConcurrentQuestions(t *testing.T) {
	l := (&liar{udp: one(nil)}).start(t)
	n, err := NewNetwork([]string{l.addr}, patient)
	if err != nil {
		t.Fatal(err)
	}
	c := New(n, Options{})
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			if a := c.Lookup(t.Context(), string(rune('a'+i%26))+".test", dns.TypeA); a.Status != OK {
				t.Errorf("got %s %s, want ok", a.Status, a.Reason)
			}
		})
	}
	wg.Wait()
	if got := l.queries.Load(); got != 26 {
		t.Errorf("%d queries, want 26", got)
	}
}

func TestParseServer(t *testing.T) {
	for in, want := range map[string]string{
		"9.9.9.9": "9.9.9.9:53", "9.9.9.9:53": "9.9.9.9:53", "127.0.0.1:5300": "127.0.0.1:5300", "::1": "[::1]:53",
		"[::1]": "[::1]:53", "[::1]:5300": "[::1]:5300", "fe80::1%eth0": "[fe80::1%eth0]:53", "::ffff:192.0.2.1": "192.0.2.1:53",
	} {
		if got, err := ParseServer(in); err != nil || got.String() != want {
			t.Errorf("%s: got %v, %v, want %s", in, got, err, want)
		}
	}
	for _, in := range []string{"", "dns.example", "dns.example:53", "9.9.9.9:0", "9.9.9.9:99999", "9.9.9", "[::1", "[9.9.9.9]x", "9.9.9.9 "} {
		if got, err := ParseServer(in); err == nil {
			t.Errorf("%q: got %v, want an error", in, got)
		}
	}
	if _, err := NewNetwork(nil, NetworkOptions{}); err == nil {
		t.Error("no servers: got no error")
	}
	if _, err := NewNetwork([]string{"x"}, NetworkOptions{}); err == nil {
		t.Error("bad server: got no error")
	}
}

func TestSystemServers(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "resolv.conf")
	text := "# local\nsearch test\nnameserver 192.0.2.53\nnameserver ::1\nnameserver junk\noptions ndots:2\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := systemServers(file)
	if want := []string{"192.0.2.53:53", "[::1]:53"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{empty, filepath.Join(dir, "missing")} {
		if _, err := systemServers(path); err == nil || !strings.Contains(err.Error(), "--resolver") {
			t.Errorf("%s: got %v, want an error that names --resolver", path, err)
		}
	}
}
