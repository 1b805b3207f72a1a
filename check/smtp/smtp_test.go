package smtp

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// A peer is the server's side of one dialogue.
type peer struct {
	net.Conn
	in *bufio.Reader
}

// say writes lines, each with CRLF behind it.
func (p *peer) say(lines ...string) {
	p.Write([]byte(strings.Join(lines, "\r\n") + "\r\n"))
}

// hear reads one command.
func (p *peer) hear() string {
	line, _ := p.in.ReadString('\n')
	return strings.TrimSuffix(line, "\r\n")
}

// wait reads until the client has gone.
func (p *peer) wait() {
	for p.hear() != "" {
	}
}

// bye answers QUIT.
func (p *peer) bye() {
	if p.hear() == "QUIT" {
		p.say("221 bye")
	}
}

// serve starts a server of one dialogue and returns the way to it.
func serve(t *testing.T, script func(*peer)) DialFunc {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	connected, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(5 * time.Second))
		<-connected
		script(&peer{conn, bufio.NewReader(conn)})
	}()
	t.Cleanup(func() { listener.Close(); <-done })
	return func(ctx context.Context, _ netip.AddrPort) (net.Conn, error) {
		defer close(connected)
		var d net.Dialer
		return d.DialContext(ctx, "tcp", listener.Addr().String())
	}
}

// scrambled stands in for TLS: it turns the case of every ASCII letter, so that
// what is said inside cannot be taken for what is said outside.
type scrambled struct{ net.Conn }

func (c scrambled) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	flip(b[:n])
	return n, err
}

func (c scrambled) Write(b []byte) (int, error) {
	b = append([]byte{}, b...)
	flip(b)
	return c.Conn.Write(b)
}

func flip(b []byte) {
	for i, c := range b {
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' {
			b[i] = c ^ 0x20
		}
	}
}

func scramble(_ context.Context, conn net.Conn, _ string) net.Conn { return scrambled{conn} }

func (p *peer) secure() *peer {
	conn := scrambled{p.Conn}
	return &peer{conn, bufio.NewReader(conn)}
}

func refuse(context.Context, net.Conn, string) net.Conn { return nil }

var target = Target{Host: "mx.example.com", Addr: netip.MustParseAddr("192.0.2.1"), Port: 25}

// What a server says before the interesting part.
func greet(p *peer) { p.say("220 mx.example.com ESMTP") }

func offer(p *peer) {
	greet(p)
	p.hear()
	p.say("250-mx.example.com", "250-SIZE 1000", "250-AUTH LOGIN", "250 STARTTLS")
}

var (
	greeting = &Reply{Code: 220, Text: []string{"mx.example.com ESMTP"}}
	offered  = &Ehlo{Name: "mx.example.com", Keywords: []string{"AUTH", "SIZE", "STARTTLS"}, Size: 1000, Auth: []string{"LOGIN"}}
)

func TestProbe(t *testing.T) {
	implicit := target
	implicit.Port, implicit.Implicit = 465, true
	asked := []string{"S: 220 mx.example.com ESMTP", "C: EHLO probe.example", "S: 250-mx.example.com", "S: 250-SIZE 1000", "S: 250-AUTH LOGIN",
		"S: 250 STARTTLS", "C: STARTTLS"}
	tests := []struct {
		name      string
		script    func(*peer)
		target    Target        // zero for the common one
		handshake HandshakeFunc // nil for scramble
		plain     bool          // no HandshakeFunc at all
		deaf      bool          // does not answer QUIT
		want      Session
		heard     []string // the transcript, where it is of interest
	}{
		{name: "all is well", script: func(p *peer) {
			offer(p)
			p.hear()
			p.say("220 go ahead")
			p = p.secure()
			p.hear()
			p.say("250-mx.example.com", "250 AUTH PLAIN")
			p.bye()
		}, want: Session{Outcome: OutcomeOK, Greeting: greeting, GreetingName: "mx.example.com", Clear: offered, StartTLS: StartTLSOK,
			StartTLSReply: &Reply{Code: 220, Text: []string{"go ahead"}},
			Secured:       &Ehlo{Name: "mx.example.com", Keywords: []string{"AUTH"}, Auth: []string{"PLAIN"}}},
			heard: append(asked[:len(asked):len(asked)], "S: 220 go ahead", "C: EHLO probe.example", "S: 250-mx.example.com",
				"S: 250 AUTH PLAIN", "C: QUIT", "S: 221 bye")},
		{name: "greeting of several lines, octet by octet", script: func(p *peer) {
			for _, c := range []byte("220-mx.example.com\r\n220-wait\r\n220 go\r\n") {
				p.Write([]byte{c})
			}
			p.hear()
			p.say("250 mx.example.com")
			p.bye()
		}, want: Session{Outcome: OutcomeOK, Greeting: &Reply{Code: 220, Text: []string{"mx.example.com", "wait", "go"}},
			GreetingName: "mx.example.com", Clear: &Ehlo{Name: "mx.example.com"}, StartTLS: StartTLSNotOffered}},
		{name: "lines end in LF", script: func(p *peer) {
			p.Write([]byte("220 mx.example.com\n"))
			p.hear()
			p.Write([]byte("250 mx.example.com\n"))
			p.bye()
		}, want: Session{Outcome: OutcomeOK, Greeting: &Reply{Code: 220, Text: []string{"mx.example.com"}}, GreetingName: "mx.example.com",
			Clear: &Ehlo{Name: "mx.example.com"}, StartTLS: StartTLSNotOffered, BareLF: true}},
		{name: "offered and no handshake wanted", script: func(p *peer) { offer(p); p.bye() },
			plain: true, want: Session{Outcome: OutcomeOK, Greeting: greeting, GreetingName: "mx.example.com", Clear: offered,
				StartTLS: StartTLSOffered}},

		// The greeting.
		{name: "never speaks", script: (*peer).wait, want: Session{Outcome: OutcomeGreetingTimeout, Fault: FaultTimeout}},
		{name: "drips without end", script: func(p *peer) {
			for {
				if _, err := p.Write([]byte("2")); err != nil {
					return
				}
			}
		}, want: Session{Outcome: OutcomeNotSMTP, Fault: FaultLineTooLong}},
		{name: "stops inside the greeting", script: func(p *peer) { p.say("220-mx.example.com"); p.wait() },
			want: Session{Outcome: OutcomeGreetingTimeout, Fault: FaultTimeout}, heard: []string{"S: 220-mx.example.com"}},
		{name: "closes at once", script: func(*peer) {}, want: Session{Outcome: OutcomeGreetingClosed, Fault: FaultClosed}},
		{name: "closes inside the greeting", script: func(p *peer) { p.say("220-mx.example.com") },
			want: Session{Outcome: OutcomeGreetingClosed, Fault: FaultClosed}},
		{name: "resets", script: func(p *peer) { p.Conn.(*net.TCPConn).SetLinger(0) },
			want: Session{Outcome: OutcomeGreetingClosed, Fault: FaultReset}},
		{name: "421", script: func(p *peer) { p.say("421 4.7.0 try later") },
			want:  Session{Outcome: OutcomeTempfail, Greeting: &Reply{Code: 421, Text: []string{"4.7.0 try later"}}},
			heard: []string{"S: 421 4.7.0 try later", "C: QUIT"}},
		{name: "554", script: func(p *peer) { p.say("554 no service"); p.bye() },
			want:  Session{Outcome: OutcomeService, Greeting: &Reply{Code: 554, Text: []string{"no service"}}},
			heard: []string{"S: 554 no service", "C: QUIT", "S: 221 bye"}},
		{name: "250 for a greeting", script: func(p *peer) { p.say("250 hello"); p.bye() },
			want: Session{Outcome: OutcomeNotSMTP, Greeting: &Reply{Code: 250, Text: []string{"hello"}}}},
		{name: "another protocol", script: func(p *peer) { p.say("SSH-2.0-x"); p.wait() },
			want: Session{Outcome: OutcomeNotSMTP, Fault: FaultCode}, heard: []string{"S: SSH-2.0-x"}},
		{name: "octets of any kind", script: func(p *peer) { p.say("220 \x00\x1b\xff"); p.hear(); p.say(); p.wait() },
			want:  Session{Outcome: OutcomeBroken, Greeting: &Reply{Code: 220, Text: []string{"\x00\x1b\xff"}}, GreetingName: "\x00\x1b\xff", Fault: FaultCode},
			heard: []string{"S: 220 \x00\x1b\xff", "C: EHLO probe.example", "S: "}},
		{name: "code 99", script: func(p *peer) { p.say("99 hello"); p.wait() }, want: Session{Outcome: OutcomeNotSMTP, Fault: FaultCode}},
		{name: "mixed codes", script: func(p *peer) { p.say("220-a", "554 b"); p.wait() },
			want: Session{Outcome: OutcomeNotSMTP, Fault: FaultMixedCodes}, heard: []string{"S: 220-a", "S: 554 b"}},
		{name: "line too long", script: func(p *peer) { p.say("220 " + strings.Repeat("x", MaxLine)); p.wait() },
			want:  Session{Outcome: OutcomeNotSMTP, Fault: FaultLineTooLong},
			heard: []string{"S: 220 " + strings.Repeat("x", MaxTranscriptLine-4)}},
		{name: "endless lines", script: func(p *peer) {
			for {
				if _, err := p.Write([]byte("220-x\r\n")); err != nil {
					return
				}
			}
		}, want: Session{Outcome: OutcomeNotSMTP, Fault: FaultTooLong, TranscriptCut: MaxReplyLines + 1 - MaxTranscript}},

		// EHLO.
		{name: "HELO only", script: func(p *peer) {
			greet(p)
			p.hear()
			p.say("502 what?")
			p.hear()
			p.say("250 mx.example.com hello")
			p.bye()
		}, want: Session{Outcome: OutcomeOK, Greeting: greeting, GreetingName: "mx.example.com", EhloRefusal: &Reply{Code: 502, Text: []string{"what?"}},
			Clear: &Ehlo{Helo: true, Name: "mx.example.com"}, StartTLS: StartTLSNotOffered},
			heard: []string{"S: 220 mx.example.com ESMTP", "C: EHLO probe.example", "S: 502 what?", "C: HELO probe.example",
				"S: 250 mx.example.com hello", "C: QUIT", "S: 221 bye"}},
		{name: "EHLO and HELO refused", script: func(p *peer) {
			greet(p)
			p.hear()
			p.say("550 no")
			p.hear()
			p.say("550 never")
			p.bye()
		}, want: Session{Outcome: OutcomeEhloRefused, Greeting: greeting, GreetingName: "mx.example.com",
			EhloRefusal: &Reply{Code: 550, Text: []string{"no"}}, HeloRefusal: &Reply{Code: 550, Text: []string{"never"}}}},
		{name: "421 to EHLO", script: func(p *peer) { greet(p); p.hear(); p.say("421 later") },
			want: Session{Outcome: OutcomeTempfail, Greeting: greeting, GreetingName: "mx.example.com", EhloRefusal: &Reply{Code: 421, Text: []string{"later"}}}},
		{name: "unfit code to EHLO", script: func(p *peer) { greet(p); p.hear(); p.say("354 go"); p.bye() },
			want: Session{Outcome: OutcomeEhloRefused, Greeting: greeting, GreetingName: "mx.example.com", EhloRefusal: &Reply{Code: 354, Text: []string{"go"}}}},
		{name: "closes at EHLO", script: func(p *peer) { greet(p); p.hear() },
			want: Session{Outcome: OutcomeBroken, Fault: FaultClosed, Greeting: greeting, GreetingName: "mx.example.com"}},
		{name: "hangs at EHLO", script: func(p *peer) { greet(p); p.wait() },
			want: Session{Outcome: OutcomeBroken, Fault: FaultTimeout, Greeting: greeting, GreetingName: "mx.example.com"}},
		{name: "two greetings", script: func(p *peer) { p.say("220 mx.example.com ESMTP", "250 mx.example.com"); p.wait() },
			want: Session{Outcome: OutcomeBroken, Fault: FaultUnsolicited, Greeting: greeting, GreetingName: "mx.example.com"}},

		// STARTTLS.
		{name: "masked keyword", script: func(p *peer) {
			greet(p)
			p.hear()
			p.say("250-mx.example.com", "250 XXXXXXXA")
			p.bye()
		}, want: Session{Outcome: OutcomeOK, Greeting: greeting, GreetingName: "mx.example.com", StartTLS: StartTLSStripped,
			Clear: &Ehlo{Name: "mx.example.com", Keywords: []string{"XXXXXXXA"}, Masked: true}}},
		{name: "masked greeting", script: func(p *peer) {
			p.say("220 ********************")
			p.hear()
			p.say("250 mx.example.com")
			p.bye()
		}, want: Session{Outcome: OutcomeOK, Greeting: &Reply{Code: 220, Text: []string{"********************"}},
			GreetingName: "********************", StartTLS: StartTLSStripped, Clear: &Ehlo{Name: "mx.example.com"}}},
		{name: "454", script: func(p *peer) { offer(p); p.hear(); p.say("454 not now"); p.bye() },
			want: Session{Outcome: OutcomeOK, Greeting: greeting, GreetingName: "mx.example.com", Clear: offered, StartTLS: StartTLSTempfail,
				StartTLSReply: &Reply{Code: 454, Text: []string{"not now"}}},
			heard: append(asked[:len(asked):len(asked)], "S: 454 not now", "C: QUIT", "S: 221 bye")},
		{name: "502 to STARTTLS", script: func(p *peer) { offer(p); p.hear(); p.say("502 no"); p.bye() },
			want: Session{Outcome: OutcomeOK, Greeting: greeting, GreetingName: "mx.example.com", Clear: offered, StartTLS: StartTLSRefused,
				StartTLSReply: &Reply{Code: 502, Text: []string{"no"}}}},
		{name: "250 to STARTTLS", script: func(p *peer) { offer(p); p.hear(); p.say("250 ok"); p.bye() },
			want: Session{Outcome: OutcomeOK, Greeting: greeting, GreetingName: "mx.example.com", Clear: offered, StartTLS: StartTLSRefused,
				StartTLSReply: &Reply{Code: 250, Text: []string{"ok"}}}},
		{name: "closes at STARTTLS", script: func(p *peer) { offer(p); p.hear() },
			want: Session{Outcome: OutcomeOK, Fault: FaultClosed, Greeting: greeting, GreetingName: "mx.example.com", Clear: offered, StartTLS: StartTLSBroken}},
		{name: "hangs at STARTTLS", script: func(p *peer) { offer(p); p.wait() },
			want: Session{Outcome: OutcomeOK, Fault: FaultTimeout, Greeting: greeting, GreetingName: "mx.example.com", Clear: offered, StartTLS: StartTLSBroken}},
		{name: "clear text behind the 220", script: func(p *peer) { offer(p); p.hear(); p.say("220 go", "250 injected"); p.wait() },
			want: Session{Outcome: OutcomeOK, Greeting: greeting, GreetingName: "mx.example.com", Clear: offered, StartTLS: StartTLSInjection,
				StartTLSReply: &Reply{Code: 220, Text: []string{"go"}}},
			heard: append(asked[:len(asked):len(asked)], "S: 220 go", "S: 250 injected\r\n")},
		{name: "handshake fails", script: func(p *peer) { offer(p); p.hear(); p.say("220 go") }, handshake: refuse,
			want: Session{Outcome: OutcomeOK, Greeting: greeting, GreetingName: "mx.example.com", Clear: offered, StartTLS: StartTLSFailed,
				StartTLSReply: &Reply{Code: 220, Text: []string{"go"}}}},
		{name: "second EHLO refused", script: func(p *peer) {
			offer(p)
			p.hear()
			p.say("220 go")
			p = p.secure()
			p.hear()
			p.say("421 later")
		}, want: Session{Outcome: OutcomeOK, Greeting: greeting, GreetingName: "mx.example.com", Clear: offered, StartTLS: StartTLSOK,
			StartTLSReply: &Reply{Code: 220, Text: []string{"go"}}, EhloRefusal: &Reply{Code: 421, Text: []string{"later"}}}},
		{name: "closes inside TLS", script: func(p *peer) {
			offer(p)
			p.hear()
			p.say("220 go")
			p.secure().hear()
		}, want: Session{Outcome: OutcomeOK, Fault: FaultClosed, Greeting: greeting, GreetingName: "mx.example.com", Clear: offered,
			StartTLS: StartTLSOK, StartTLSReply: &Reply{Code: 220, Text: []string{"go"}}}},

		// TLS from the start.
		{name: "implicit TLS", target: implicit, script: func(p *peer) {
			p = p.secure()
			greet(p)
			p.hear()
			p.say("250-mx.example.com", "250 AUTH PLAIN")
			p.bye()
		}, want: Session{Outcome: OutcomeOK, Greeting: greeting, GreetingName: "mx.example.com",
			Secured: &Ehlo{Name: "mx.example.com", Keywords: []string{"AUTH"}, Auth: []string{"PLAIN"}}}},
		{name: "implicit TLS fails", target: implicit, script: (*peer).wait, handshake: refuse, want: Session{Outcome: OutcomeHandshake}},
		{name: "implicit TLS without a handshake", target: implicit, script: (*peer).wait, plain: true,
			want: Session{Outcome: OutcomeHandshake}},

		// QUIT.
		{name: "no answer to QUIT", deaf: true, script: func(p *peer) {
			greet(p)
			p.hear()
			p.say("250 mx.example.com")
			p.wait()
		}, want: Session{Outcome: OutcomeOK, Greeting: greeting, GreetingName: "mx.example.com",
			Clear: &Ehlo{Name: "mx.example.com"}, StartTLS: StartTLSNotOffered}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			to := test.target
			if !to.Addr.IsValid() {
				to = target
			}
			o := Options{Helo: "probe.example", Handshake: scramble, Timeout: 5 * time.Second, QuitTimeout: 4 * time.Second}
			if test.want.Fault == FaultTimeout {
				o.Timeout = 400 * time.Millisecond
			}
			if test.deaf {
				o.QuitTimeout = time.Millisecond
			}
			if test.handshake != nil {
				o.Handshake = test.handshake
			}
			if test.plain {
				o.Handshake = nil
			}
			got := Probe(t.Context(), serve(t, test.script), to, o)
			test.want.Host, test.want.Addr, test.want.Port, test.want.Implicit = to.Host, to.Addr, to.Port, to.Implicit
			if diff := cmp.Diff(&test.want, got, cmpopts.EquateComparable(netip.Addr{}), cmpopts.IgnoreFields(Session{}, "Transcript")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if test.heard != nil {
				if diff := cmp.Diff(test.heard, got.Transcript); diff != "" {
					t.Errorf("transcript (-want +got):\n%s", diff)
				}
			}
			if len(got.Transcript) > MaxTranscript {
				t.Errorf("got a transcript of %d lines", len(got.Transcript))
			}
			for _, line := range got.Transcript {
				if command, ok := strings.CutPrefix(line, "C: "); ok && !allowed(command) {
					t.Errorf("sent %q", command)
				}
			}
		})
	}
}

func allowed(command string) bool {
	switch command {
	case "EHLO probe.example", "HELO probe.example", "STARTTLS", "QUIT":
		return true
	}
	return false
}

// declined is how a guarded dialer says no.
type declined string

func (d declined) Error() string  { return "dial: " + string(d) }
func (d declined) Reason() string { return string(d) }

func TestConnect(t *testing.T) {
	op := func(err error) error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", err)}
	}
	tests := []struct {
		name string
		err  error
		want Outcome
	}{
		{"refused", op(syscall.ECONNREFUSED), OutcomeRefused},
		{"reset", op(syscall.ECONNRESET), OutcomeReset},
		{"no route to the network", op(syscall.ENETUNREACH), OutcomeUnreachable},
		{"no route to the host", op(syscall.EHOSTUNREACH), OutcomeUnreachable},
		{"no address of that family", op(syscall.EADDRNOTAVAIL), OutcomeUnreachable},
		{"timed out by the kernel", op(syscall.ETIMEDOUT), OutcomeTimeout},
		{"timed out", os.ErrDeadlineExceeded, OutcomeTimeout},
		{"no descriptors", op(syscall.EMFILE), OutcomeConnectFailed},
		{"private", fmt.Errorf("guard: %w", declined(OutcomePrivate)), OutcomePrivate},
		{"budget", declined(OutcomeBudget), OutcomeBudget},
		{"unknown", errors.New("unknown"), OutcomeConnectFailed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var dialled netip.AddrPort
			s := Probe(t.Context(), func(_ context.Context, addr netip.AddrPort) (net.Conn, error) {
				dialled = addr
				return nil, test.err
			}, target, Options{Helo: "probe.example"})
			if s.Outcome != test.want || dialled.String() != "192.0.2.1:25" {
				t.Errorf("got %q of %v, want %q of 192.0.2.1:25", s.Outcome, dialled, test.want)
			}
		})
	}
	hang := func(ctx context.Context, _ netip.AddrPort) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	t.Run("connect timeout", func(t *testing.T) {
		if s := Probe(t.Context(), hang, target, Options{ConnectTimeout: time.Millisecond}); s.Outcome != OutcomeTimeout {
			t.Errorf("got %q, want %q", s.Outcome, OutcomeTimeout)
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if s := Probe(ctx, hang, target, Options{}); s.Outcome != OutcomeCancelled {
			t.Errorf("got %q, want %q", s.Outcome, OutcomeCancelled)
		}
	})
}

func TestCancel(t *testing.T) {
	tests := []struct {
		name   string
		before func(*peer) // what the server does until the context is cancelled
		want   Session
	}{
		{"in the greeting", func(*peer) {}, Session{Outcome: OutcomeCancelled, Fault: FaultCancelled}},
		{"in EHLO", func(p *peer) { greet(p); p.hear() }, Session{Outcome: OutcomeCancelled, Fault: FaultCancelled}},
		{"in STARTTLS", func(p *peer) { offer(p); p.hear() }, Session{Outcome: OutcomeOK, Fault: FaultCancelled, StartTLS: StartTLSBroken}},
		{"in QUIT", func(p *peer) { greet(p); p.hear(); p.say("250 mx"); p.hear() }, Session{Outcome: OutcomeOK, StartTLS: StartTLSNotOffered}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			dial := serve(t, func(p *peer) { test.before(p); cancel(); p.wait() })
			s := Probe(ctx, dial, target, Options{Helo: "probe.example", Handshake: scramble, QuitTimeout: 4 * time.Second, Timeout: 4 * time.Second})
			got := Session{Outcome: s.Outcome, Fault: s.Fault, StartTLS: s.StartTLS}
			if diff := cmp.Diff(test.want, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestHelo(t *testing.T) {
	tests := []struct {
		name, helo string
		want       Outcome
		sent       string
	}{
		{"none", "", OutcomeOK, "C: EHLO [127.0.0.1]"},
		{"name", "a.example", OutcomeOK, "C: EHLO a.example"},
		{"longest", strings.Repeat("a", 505), OutcomeOK, "C: EHLO " + strings.Repeat("a", 505)},
		{"too long", strings.Repeat("a", 506), OutcomeBadHelo, ""},
		{"CR LF", "a\r\nMAIL FROM:<>", OutcomeBadHelo, ""},
		{"LF", "a\n", OutcomeBadHelo, ""},
		{"NUL", "a\x00", OutcomeBadHelo, ""},
		{"blank", "a b", OutcomeBadHelo, ""},
		{"not ASCII", "bücher.example", OutcomeBadHelo, ""},
		{"not UTF-8", "\xff", OutcomeBadHelo, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dial := serve(t, func(p *peer) { greet(p); p.hear(); p.say("250 mx"); p.bye() })
			s := Probe(t.Context(), dial, target, Options{Helo: test.helo})
			if s.Outcome != test.want {
				t.Errorf("got %q, want %q", s.Outcome, test.want)
			}
			sent := ""
			if len(s.Transcript) > 1 {
				sent = s.Transcript[1]
			}
			if sent != test.sent {
				t.Errorf("sent %q, want %q", sent, test.sent)
			}
		})
	}
}

func TestLiteral(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1:1": "[192.0.2.1]", "[2001:db8::1]:1": "[IPv6:2001:db8::1]", "[::ffff:192.0.2.1]:1": "[192.0.2.1]", "[fe80::1%eth0]:1": "[IPv6:fe80::1]",
	} {
		t.Run(in, func(t *testing.T) {
			if got := literal(net.TCPAddrFromAddrPort(netip.MustParseAddrPort(in))); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestTranscript(t *testing.T) {
	for _, n := range []int{MaxTranscript, MaxTranscript + 1} {
		d := &dialogue{Session: &Session{}}
		for range n {
			d.note("S: ", strings.Repeat("x", MaxTranscriptLine+n-MaxTranscript))
		}
		if len(d.Transcript) != MaxTranscript || d.TranscriptCut != n-MaxTranscript || len(d.Transcript[0]) != 3+MaxTranscriptLine {
			t.Errorf("%d lines: got %d of %d octets and %d cut", n, len(d.Transcript), len(d.Transcript[0]), d.TranscriptCut)
		}
	}
}

func TestSessionJSON(t *testing.T) {
	dial := serve(t, func(p *peer) { offer(p); p.hear(); p.say("454 not now"); p.bye() })
	s := Probe(t.Context(), dial, target, Options{Helo: "probe.example", Handshake: scramble})
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back Session
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(*s, back, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Errorf("after JSON (-before +after):\n%s", diff)
	}
}
