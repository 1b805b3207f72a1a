package access

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
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
	b = slices.Clone(b)
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

func refuse(context.Context, net.Conn, string) net.Conn { return nil }

func (p *peer) secure() *peer {
	conn := scrambled{p.Conn}
	return &peer{conn, bufio.NewReader(conn)}
}

// offerIMAP is what an IMAP server says before the interesting part.
func offerIMAP(p *peer, capabilities string) {
	p.say("* OK ready")
	p.hear()
	p.say("* CAPABILITY IMAP4rev1 "+capabilities, "a1 OK done")
}

func offerPOP3(p *peer, capabilities ...string) {
	p.say("+OK ready <1.2@x>")
	p.hear()
	p.say(slices.Concat([]string{"+OK list"}, capabilities, []string{"."})...)
}

func imapOf(names string) *Capabilities {
	c, _ := parseIMAP([]string{"CAPABILITY IMAP4rev1 " + names})
	return c
}

func popOf(lines ...string) *Capabilities { return parsePOP3(lines) }

func TestProbe(t *testing.T) {
	tests := []struct {
		name      string
		protocol  Protocol
		implicit  bool
		script    func(*peer)
		handshake HandshakeFunc // nil for scramble
		plain     bool          // no HandshakeFunc at all
		want      Session
		heard     []string // the transcript, where it is of interest
	}{
		{name: "IMAP, all is well", protocol: IMAP, script: func(p *peer) {
			offerIMAP(p, "STARTTLS LOGINDISABLED")
			p.hear()
			p.say("a2 OK go on")
			p = p.secure()
			p.hear()
			p.say("* CAPABILITY IMAP4rev1 AUTH=PLAIN", "a3 OK done")
			p.hear()
			p.say("* BYE", "a4 OK")
		}, want: Session{Outcome: OutcomeOK, Greeting: "ready", Clear: imapOf("STARTTLS LOGINDISABLED"), StartTLS: StartTLSOK,
			StartTLSReply: "a2 OK go on", Secured: imapOf("AUTH=PLAIN")},
			heard: []string{"S: * OK ready", "C: a1 CAPABILITY", "S: * CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED", "S: a1 OK done", "C: a2 STARTTLS",
				"S: a2 OK go on", "C: a3 CAPABILITY", "S: * CAPABILITY IMAP4rev1 AUTH=PLAIN", "S: a3 OK done", "C: a4 LOGOUT", "S: * BYE", "S: a4 OK"}},
		{name: "POP3, all is well", protocol: POP3, script: func(p *peer) {
			offerPOP3(p, "STLS", "SASL CRAM-MD5")
			p.hear()
			p.say("+OK go on")
			p = p.secure()
			p.hear()
			p.say("+OK", "USER", "SASL PLAIN", ".")
			p.hear()
			p.say("+OK bye")
		}, want: Session{Outcome: OutcomeOK, Greeting: "ready <1.2@x>", Clear: popOf("STLS", "SASL CRAM-MD5"), StartTLS: StartTLSOK,
			StartTLSReply: "+OK go on", Secured: popOf("USER", "SASL PLAIN")},
			heard: []string{"S: +OK ready <1.2@x>", "C: CAPA", "S: +OK list", "S: STLS", "S: SASL CRAM-MD5", "S: .", "C: STLS", "S: +OK go on",
				"C: CAPA", "S: +OK", "S: USER", "S: SASL PLAIN", "S: .", "C: QUIT", "S: +OK bye"}},
		{name: "IMAP inside TLS", protocol: IMAP, implicit: true, script: func(p *peer) { offerIMAP(p.secure(), "STARTTLS") },
			want: Session{Outcome: OutcomeOK, Greeting: "ready", Secured: imapOf("STARTTLS")}},
		{name: "POP3 inside TLS", protocol: POP3, implicit: true, script: func(p *peer) { offerPOP3(p.secure(), "USER") },
			want: Session{Outcome: OutcomeOK, Greeting: "ready <1.2@x>", Secured: popOf("USER")}},
		{name: "octet by octet, lines end in LF", protocol: IMAP, script: func(p *peer) {
			for _, c := range []byte("* OK ready\n* capability imap4REV1 starttls\na1 ok done\n") {
				p.Write([]byte{c})
			}
			p.wait()
		}, plain: true, want: Session{Outcome: OutcomeOK, Greeting: "ready", Clear: imapOf("STARTTLS"), StartTLS: StartTLSOffered}},

		// The greeting.
		{name: "never speaks", protocol: IMAP, script: (*peer).wait, want: Session{Outcome: OutcomeGreetingTimeout, Fault: FaultTimeout}},
		{name: "drips without end", protocol: IMAP, script: func(p *peer) {
			for {
				if _, err := p.Write([]byte("* OK ")); err != nil {
					return
				}
			}
		}, want: Session{Outcome: OutcomeNotIMAP, Fault: FaultLineTooLong}},
		{name: "closes at once", protocol: POP3, script: func(*peer) {}, want: Session{Outcome: OutcomeGreetingClosed, Fault: FaultClosed}},
		{name: "resets", protocol: POP3, script: func(p *peer) { p.Conn.(*net.TCPConn).SetLinger(0) },
			want: Session{Outcome: OutcomeGreetingClosed, Fault: FaultReset}},
		{name: "IMAP, BYE", protocol: IMAP, script: func(p *peer) { p.say("* BYE too many connections") },
			want: Session{Outcome: OutcomeBye, Greeting: "too many connections"}, heard: []string{"S: * BYE too many connections"}},
		{name: "IMAP, PREAUTH", protocol: IMAP, script: func(p *peer) { p.say("* PREAUTH welcome"); p.wait() },
			want: Session{Outcome: OutcomePreauth, Greeting: "welcome"}},
		{name: "POP3, busy", protocol: POP3, script: func(p *peer) { p.say("-ERR [SYS/TEMP] busy") },
			want: Session{Outcome: OutcomeBye, Greeting: "[SYS/TEMP] busy"}},
		{name: "not IMAP", protocol: IMAP, script: func(p *peer) { p.say("+OK ready"); p.wait() },
			want: Session{Outcome: OutcomeNotIMAP}, heard: []string{"S: +OK ready"}},
		{name: "not IMAP, with an asterisk", protocol: IMAP, script: func(p *peer) { p.say("* HELLO"); p.wait() }, want: Session{Outcome: OutcomeNotIMAP}},
		{name: "not POP3", protocol: POP3, script: func(p *peer) { p.say("SSH-2.0-x"); p.wait() },
			want: Session{Outcome: OutcomeNotPOP3}, heard: []string{"S: SSH-2.0-x"}},

		// The capabilities.
		{name: "IMAP, CAPABILITY refused", protocol: IMAP, script: func(p *peer) { p.say("* OK"); p.hear(); p.say("a1 BAD what"); p.wait() },
			want: Session{Outcome: OutcomeCapability}},
		{name: "IMAP, none told", protocol: IMAP, script: func(p *peer) { p.say("* OK"); p.hear(); p.say("a1 OK done"); p.wait() },
			want: Session{Outcome: OutcomeCapability}},
		{name: "POP3, CAPA refused", protocol: POP3, script: func(p *peer) { p.say("+OK"); p.hear(); p.say("-ERR what"); p.wait() },
			want: Session{Outcome: OutcomeCapability}},
		{name: "IMAP, leaves in the midst", protocol: IMAP, script: func(p *peer) { p.say("* OK"); p.hear(); p.say("* BYE shutting down") },
			want: Session{Outcome: OutcomeBroken, Fault: FaultBye}},
		{name: "IMAP, another tag", protocol: IMAP, script: func(p *peer) { p.say("* OK"); p.hear(); p.say("a9 OK done"); p.wait() },
			want: Session{Outcome: OutcomeBroken, Fault: FaultForm}},
		{name: "IMAP, wants more", protocol: IMAP, script: func(p *peer) { p.say("* OK"); p.hear(); p.say("+ go on"); p.wait() },
			want: Session{Outcome: OutcomeBroken, Fault: FaultForm}},
		{name: "POP3, no status", protocol: POP3, script: func(p *peer) { p.say("+OK"); p.hear(); p.say("STLS", "."); p.wait() },
			want: Session{Outcome: OutcomeBroken, Fault: FaultForm}},
		{name: "POP3, two replies at once", protocol: POP3, script: func(p *peer) { p.say("+OK", "+OK"); p.wait() },
			want: Session{Outcome: OutcomeBroken, Fault: FaultUnsolicited}, heard: []string{"S: +OK"}},
		{name: "POP3, list without end", protocol: POP3, script: func(p *peer) {
			p.say("+OK")
			p.hear()
			for {
				if _, err := p.Write([]byte("+OK\r\n")); err != nil {
					return
				}
			}
		}, want: Session{Outcome: OutcomeBroken, Fault: FaultTooLong}},
		{name: "IMAP, chatter without end", protocol: IMAP, script: func(p *peer) {
			p.say("* OK")
			p.hear()
			line := []byte("* " + strings.Repeat("x", 8000) + "\r\n")
			for {
				if _, err := p.Write(line); err != nil {
					return
				}
			}
		}, want: Session{Outcome: OutcomeBroken, Fault: FaultTooLong}},

		// STARTTLS.
		{name: "IMAP, not offered", protocol: IMAP, script: func(p *peer) { offerIMAP(p, "IDLE"); p.wait() },
			want: Session{Outcome: OutcomeOK, Greeting: "ready", Clear: imapOf("IDLE"), StartTLS: StartTLSNotOffered}},
		{name: "IMAP, refused", protocol: IMAP, script: func(p *peer) { offerIMAP(p, "STARTTLS"); p.hear(); p.say("a2 NO not now"); p.wait() },
			want: Session{Outcome: OutcomeOK, Greeting: "ready", Clear: imapOf("STARTTLS"), StartTLS: StartTLSRefused, StartTLSReply: "a2 NO not now"}},
		{name: "POP3, refused", protocol: POP3, script: func(p *peer) { offerPOP3(p, "STLS"); p.hear(); p.say("-ERR no"); p.wait() },
			want: Session{Outcome: OutcomeOK, Greeting: "ready <1.2@x>", Clear: popOf("STLS"), StartTLS: StartTLSRefused, StartTLSReply: "-ERR no"}},
		{name: "IMAP, injection", protocol: IMAP, script: func(p *peer) {
			offerIMAP(p, "STARTTLS")
			p.hear()
			p.say("a2 OK go on", "* OK injected")
			p.wait()
		}, want: Session{Outcome: OutcomeOK, Greeting: "ready", Clear: imapOf("STARTTLS"), StartTLS: StartTLSInjection, StartTLSReply: "a2 OK go on"},
			heard: []string{"S: * OK ready", "C: a1 CAPABILITY", "S: * CAPABILITY IMAP4rev1 STARTTLS", "S: a1 OK done", "C: a2 STARTTLS", "S: a2 OK go on",
				"S: * OK injected\r\n"}},
		{name: "POP3, injection", protocol: POP3, script: func(p *peer) {
			offerPOP3(p, "STLS")
			p.hear()
			p.say("+OK go on", "+OK")
			p.wait()
		}, want: Session{Outcome: OutcomeOK, Greeting: "ready <1.2@x>", Clear: popOf("STLS"), StartTLS: StartTLSInjection, StartTLSReply: "+OK go on"}},
		{name: "IMAP, closes instead", protocol: IMAP, script: func(p *peer) { offerIMAP(p, "STARTTLS"); p.hear() },
			want: Session{Outcome: OutcomeOK, Fault: FaultClosed, Greeting: "ready", Clear: imapOf("STARTTLS"), StartTLS: StartTLSBroken}},
		{name: "IMAP, handshake fails", protocol: IMAP, handshake: refuse, script: func(p *peer) {
			offerIMAP(p, "STARTTLS")
			p.hear()
			p.say("a2 OK go on")
			p.wait()
		}, want: Session{Outcome: OutcomeOK, Greeting: "ready", Clear: imapOf("STARTTLS"), StartTLS: StartTLSFailed, StartTLSReply: "a2 OK go on"}},
		{name: "inside TLS, handshake fails", protocol: IMAP, implicit: true, handshake: refuse, script: (*peer).wait, want: Session{Outcome: OutcomeHandshake}},
		{name: "inside TLS, no handshake wanted", protocol: POP3, implicit: true, plain: true, script: (*peer).wait, want: Session{Outcome: OutcomeHandshake}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := Options{Handshake: scramble, Timeout: 2 * time.Second, QuitTimeout: 100 * time.Millisecond}
			if tt.handshake != nil {
				o.Handshake = tt.handshake
			}
			if tt.plain {
				o.Handshake = nil
			}
			if tt.want.Fault == FaultTimeout {
				o.Timeout = 50 * time.Millisecond
			}
			target := Target{Host: "mail.example.com", Addr: netip.MustParseAddr("192.0.2.1"), Port: 1, Protocol: tt.protocol, Implicit: tt.implicit}
			got := Probe(t.Context(), serve(t, tt.script), target, o)
			tt.want.Host, tt.want.Addr, tt.want.Port, tt.want.Protocol, tt.want.Implicit = target.Host, target.Addr, target.Port, target.Protocol, target.Implicit
			if d := cmp.Diff(&tt.want, got, cmpopts.IgnoreFields(Session{}, "Transcript", "TranscriptCut"), cmpopts.EquateComparable(netip.Addr{})); d != "" {
				t.Errorf("session (-want +got):\n%s", d)
			}
			if d := cmp.Diff(tt.heard, got.Transcript); tt.heard != nil && d != "" {
				t.Errorf("transcript (-want +got):\n%s", d)
			}
			roundTrip(t, got)
		})
	}
}

// roundTrip holds that facts survive JSON.
func roundTrip[T any](t *testing.T, facts *T) {
	t.Helper()
	text, err := json.Marshal(facts)
	if err != nil {
		t.Fatal(err)
	}
	back := new(T)
	if err := json.Unmarshal(text, back); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(facts, back, cmpopts.EquateComparable(netip.Addr{}), cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(Discovery{})); d != "" {
		t.Errorf("read back from JSON (-facts +read):\n%s", d)
	}
}

// TestProbeNeverLogsIn holds that nothing but the commands of the package is
// sent, whatever the server offers.
func TestProbeNeverLogsIn(t *testing.T) {
	allowed := []string{"CAPABILITY", "STARTTLS", "LOGOUT", "CAPA", "STLS", "QUIT"}
	for _, protocol := range []Protocol{IMAP, POP3} {
		heard := make(chan string, 100)
		dial := serve(t, func(p *peer) {
			p.say(map[Protocol]string{IMAP: "* OK x", POP3: "+OK x"}[protocol])
			for i := 1; ; i++ {
				line := p.hear()
				if line == "" {
					close(heard)
					return
				}
				heard <- line
				if protocol == IMAP {
					p.say("* CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=ANONYMOUS", fmt.Sprintf("a%d OK", i))
				} else {
					p.say("+OK", "USER", "SASL PLAIN ANONYMOUS", ".")
				}
			}
		})
		Probe(t.Context(), dial, Target{Protocol: protocol}, Options{Handshake: scramble, QuitTimeout: time.Second})
		for line := range heard {
			words := strings.Fields(line)
			if !slices.Contains(allowed, words[len(words)-1]) {
				t.Errorf("%s: sent %q", protocol, line)
			}
		}
	}
}

type declined string

func (d declined) Error() string  { return "no" }
func (d declined) Reason() string { return string(d) }

func TestProbeConnect(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name     string
		ctx      context.Context
		protocol Protocol
		err      error
		want     Outcome
	}{
		{"refused", t.Context(), IMAP, &net.OpError{Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, OutcomeRefused},
		{"reset", t.Context(), IMAP, syscall.ECONNRESET, OutcomeReset},
		{"no route", t.Context(), IMAP, syscall.EHOSTUNREACH, OutcomeUnreachable},
		{"no answer", t.Context(), IMAP, os.ErrDeadlineExceeded, OutcomeTimeout},
		{"anything", t.Context(), POP3, errors.New("x"), OutcomeConnectFailed},
		{"declined", t.Context(), POP3, fmt.Errorf("x: %w", declined("private-address")), OutcomePrivate},
		{"cancelled", canceled, POP3, context.Canceled, OutcomeCancelled},
		{"no protocol of ours", t.Context(), Submission, nil, OutcomeBadProtocol},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dial := func(context.Context, netip.AddrPort) (net.Conn, error) {
				if tt.err == nil {
					t.Error("dialled")
				}
				return nil, tt.err
			}
			if got := Probe(tt.ctx, dial, Target{Protocol: tt.protocol}, Options{}).Outcome; got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestProbeCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	dial := serve(t, func(p *peer) { p.say("* OK"); p.hear(); cancel(); p.wait() })
	if got := Probe(ctx, dial, Target{Protocol: IMAP}, Options{}); got.Outcome != OutcomeCancelled || got.Fault != FaultCancelled {
		t.Errorf("got %s, %s, want cancelled", got.Outcome, got.Fault)
	}
}

func TestIsLocal(t *testing.T) {
	at := func(s string) net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(s)) }
	tests := []struct {
		name string
		from net.Addr
		to   string
		want bool
	}{
		{"elsewhere", at("192.0.2.1:4000"), "192.0.2.2", false},
		{"our own address", at("192.0.2.1:4000"), "192.0.2.1", true},
		{"mapped", at("[::ffff:192.0.2.1]:4000"), "192.0.2.1", true},
		{"with a zone", at("[fe80::1%1]:4000"), "fe80::1", true},
		{"loopback", at("127.0.0.1:4000"), "127.0.0.53", true},
		{"no address", nil, "192.0.2.1", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := isLocal(tt.from, netip.MustParseAddr(tt.to)); got != tt.want {
				t.Errorf("got %t, want %t", got, tt.want)
			}
		})
	}
}

func TestReaderLimits(t *testing.T) {
	line := func(n int) string { return strings.Repeat("x", n-1) + "\n" }
	tests := []struct {
		name, text string
		lines      int // read without a fault
		fault      Fault
	}{
		{"line at the limit", line(MaxLine), 1, FaultConnection},
		{"line one past it", line(MaxLine + 1), 0, FaultLineTooLong},
		{"line far past it", line(3 * MaxLine), 0, FaultLineTooLong},
		{"lines at the limit", strings.Repeat("x\n", MaxReplyLines), MaxReplyLines, FaultConnection},
		{"lines one past it", strings.Repeat("x\n", MaxReplyLines+1), MaxReplyLines, FaultTooLong},
		{"octets at the limit", strings.Repeat(line(MaxLine), MaxReply/MaxLine), MaxReply / MaxLine, FaultConnection},
		{"octets one past it", strings.Repeat(line(MaxLine), MaxReply/MaxLine) + "\n", MaxReply / MaxLine, FaultTooLong},
		{"cut off", "x\ny", 1, FaultConnection},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newReader(strings.NewReader(tt.text), func([]byte) {})
			r.begin()
			lines, fault := 0, FaultNone
			for fault == FaultNone {
				if _, fault, _ = r.next(); fault == FaultNone {
					lines++
				}
			}
			if lines != tt.lines || fault != tt.fault {
				t.Errorf("got %d lines, %s, want %d, %s", lines, fault, tt.lines, tt.fault)
			}
		})
	}
}

func TestTranscriptLimits(t *testing.T) {
	chatter := make([]string, MaxReplyLines-1)
	for i := range chatter {
		chatter[i] = "* x"
	}
	chatter[0] = "* " + strings.Repeat("x", MaxTranscriptLine)
	dial := serve(t, func(p *peer) {
		p.say("* OK")
		p.hear()
		p.say(append(chatter, "a1 BAD")...)
		p.wait()
	})
	got := Probe(t.Context(), dial, Target{Protocol: IMAP}, Options{QuitTimeout: time.Millisecond})
	if len(got.Transcript) != MaxTranscript || got.TranscriptCut != 2+len(chatter)+2-MaxTranscript {
		t.Errorf("%d lines, %d left out", len(got.Transcript), got.TranscriptCut)
	}
	for _, line := range got.Transcript {
		if len(line) > len("S: ")+MaxTranscriptLine {
			t.Errorf("a line of %d octets", len(line))
		}
	}
}

func TestCapabilities(t *testing.T) {
	many := make([]string, MaxCapabilities+1)
	for i := range many {
		many[i] = fmt.Sprintf("AUTH=A%03d", i)
	}
	tests := []struct {
		name     string
		got      *Capabilities
		starttls bool
		password bool
		cut      int
	}{
		{"IMAP, LOGIN is possible", imapOf("STARTTLS"), true, true, 0},
		{"IMAP, LOGIN is disabled", imapOf("LOGINDISABLED STARTTLS AUTH=CRAM-MD5"), true, false, 0},
		{"IMAP, small letters", imapOf("logindisabled starttls"), true, false, 0},
		{"IMAP, PLAIN does the same", imapOf("LOGINDISABLED AUTH=PLAIN"), false, true, 0},
		{"IMAP, LOGIN as a mechanism", imapOf("LOGINDISABLED AUTH=LOGIN"), false, true, 0},
		{"IMAP, part of a word", imapOf("XSTARTTLS LOGINDISABLEDX"), false, true, 0},
		{"IMAP, at the limit", imapOf(strings.Join(many[:MaxCapabilities-1], " ")), false, true, 0},
		{"IMAP, past the limit", imapOf("LOGINDISABLED " + strings.Join(many, " ") + " AUTH=PLAIN"), false, true, 4 + 2},
		{"POP3, USER", popOf("TOP", "USER", "STLS"), true, true, 0},
		{"POP3, without USER", popOf("STLS", "SASL CRAM-MD5 SCRAM-SHA-256"), true, false, 0},
		{"POP3, PLAIN", popOf("sasl scram-sha-256 plain"), false, true, 0},
		{"POP3, empty lines", popOf("", " ", "IMPLEMENTATION user"), false, false, 0},
		{"nothing", nil, false, false, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.got.TakesPassword(); got != tt.password {
				t.Errorf("takes a password: got %t, want %t", got, tt.password)
			}
			if tt.got != nil && (tt.got.StartTLS != tt.starttls || tt.got.Cut != tt.cut) {
				t.Errorf("got %+v, want STARTTLS %t, cut %d", tt.got, tt.starttls, tt.cut)
			}
		})
	}
}

// FuzzReplies lets a server say anything in one breath: the dialogue ends, what
// is kept has bounds, and it survives JSON up to octets that are no UTF-8.
func FuzzReplies(f *testing.F) {
	f.Add(true, "* OK\r\n* CAPABILITY IMAP4rev1 STARTTLS\r\na1 OK\r\na2 OK\r\nx")
	f.Add(true, "* PREAUTH\r\n")
	f.Add(true, "* BYE")
	f.Add(false, "+OK\r\n")
	f.Add(false, "-ERR\n")
	f.Fuzz(func(t *testing.T, imap bool, text string) {
		protocol := POP3
		if imap {
			protocol = IMAP
		}
		dial := func(context.Context, netip.AddrPort) (net.Conn, error) {
			return &tape{Reader: strings.NewReader(text)}, nil
		}
		s := Probe(t.Context(), dial, Target{Protocol: protocol}, Options{Handshake: scramble})
		if s.Outcome == "" || len(s.Transcript) > MaxTranscript || len(s.Greeting) > MaxTranscriptLine {
			t.Errorf("got %+v", s)
		}
		for _, c := range []*Capabilities{s.Clear, s.Secured} {
			if c != nil && (len(c.Names) > MaxCapabilities || len(c.Auth) > MaxCapabilities || !slices.IsSorted(c.Names)) {
				t.Errorf("got %+v", c)
			}
		}
		if (s.StartTLS == StartTLSInjection || s.StartTLS == StartTLSFailed) && s.Secured != nil {
			t.Error("capabilities inside TLS that never began")
		}
	})
}

// A tape plays what was recorded and swallows what is sent.
type tape struct {
	net.Conn
	*strings.Reader
}

func (t *tape) Read(b []byte) (int, error) { return t.Reader.Read(b) }
func (*tape) Write(b []byte) (int, error)  { return len(b), nil }
func (*tape) Close() error                 { return nil }
func (*tape) LocalAddr() net.Addr          { return nil }
func (*tape) SetDeadline(time.Time) error  { return nil }
