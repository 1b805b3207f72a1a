// Package smtp greets a mail server, asks what it can do, starts TLS, and takes
// leave (RFC 5321, RFC 3207, RFC 8314). It never authenticates, never sends a
// message, and says nothing but EHLO, HELO, STARTTLS and QUIT unless Questions
// are to be asked.
//
// What the server did at each step is a code of its own, since a refused
// connection, a greeting that did not come in time and a host that puts us off
// say different things about it, and most of them say nothing about its TLS.
package smtp

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"time"

	"maildoctor/check/netfault"
)

// A Target is one address of a host to speak with.
type Target struct {
	Host     string     // the host's name, given to the handshake
	Addr     netip.Addr // the address to dial
	Port     uint16     // 25, 465, 587, or another
	Implicit bool       // TLS from the first octet, as on port 465 (RFC 8314 section 3.3)
}

// A DialFunc opens a TCP connection. An error that has a method
// Reason() string, itself or wrapped, declined to dial: the reason, such as
// OutcomePrivate, becomes the outcome.
type DialFunc func(ctx context.Context, addr netip.AddrPort) (net.Conn, error)

// A HandshakeFunc makes a TLS handshake as a client and returns the secured
// connection, or nil if the handshake failed. What it learns of TLS stays with
// the caller: a Session says only whether it succeeded. It is called at most once a
// dialogue, in the goroutine that called Probe.
type HandshakeFunc func(ctx context.Context, conn net.Conn, host string) net.Conn

// Options of a dialogue.
type Options struct {
	Helo           string        // the name in EHLO; empty for the literal of our own address (RFC 5321 section 4.1.3)
	Handshake      HandshakeFunc // nil to leave TLS alone
	ConnectTimeout time.Duration // for the connection; 0 for 4 s
	Timeout        time.Duration // for the whole dialogue after it; 0 for 12 s
	QuitTimeout    time.Duration // for the answer to QUIT; 0 for 1 s
	Brief          bool          // leave right behind the handshake, without a second EHLO
	Questions      *Questions    // nil to ask none
}

// Outcome says how far a host took up the service.
type Outcome string

// The outcomes of a dialogue. Only OutcomeOK, OutcomeRefused, OutcomeService,
// OutcomeNotSMTP and OutcomeEhloRefused tell something definite about the host.
const (
	OutcomeOK Outcome = "ok" // greeted with 220 and accepted EHLO or HELO

	// No connection.
	OutcomeUnreachable   Outcome = "unreachable"        // no route to the address
	OutcomeTimeout       Outcome = "timeout"            // no answer to the attempt to connect
	OutcomeRefused       Outcome = "refused"            // nothing listens on the port
	OutcomeReset         Outcome = "reset"              // reset while connecting
	OutcomeConnectFailed Outcome = "connect-failed"     // another cause, perhaps on our side
	OutcomePrivate       Outcome = "private-address"    // the dialer declined: not an address of the internet
	OutcomeBudget        Outcome = "connections-budget" // the dialer declined: the connections of this run are used up
	OutcomeBadHelo       Outcome = "bad-helo"           // Options.Helo cannot be sent; nothing was dialled

	// A connection, yet no greeting that welcomes us.
	OutcomeHandshake       Outcome = "handshake-failed" // with Target.Implicit, Options.Handshake returned nil
	OutcomeGreetingTimeout Outcome = "greeting-timeout" // no complete greeting in time
	OutcomeGreetingClosed  Outcome = "greeting-closed"  // closed or reset before the greeting was complete
	OutcomeTempfail        Outcome = "tempfail"         // 4xx as greeting or to EHLO: come back later
	OutcomeService         Outcome = "service-refused"  // 5xx as greeting (RFC 5321 section 3.1)
	OutcomeNotSMTP         Outcome = "not-smtp"         // the greeting is no reply, or has another code than 220, 4xx, 5xx

	// A greeting, yet no dialogue.
	OutcomeEhloRefused Outcome = "ehlo-refused" // 5xx to both EHLO and HELO, or an unfit code
	OutcomeBroken      Outcome = "broken-off"   // after the greeting; Session.Fault says why

	OutcomeCancelled Outcome = "cancelled" // the context ended before the dialogue could begin, or was cancelled
)

// StartTLS says how the upgrade to TLS went (RFC 3207).
type StartTLS string

// The outcomes of STARTTLS. The empty one means that it could not be found out,
// or, with Target.Implicit, that there is nothing to find out.
const (
	StartTLSUnknown    StartTLS = ""
	StartTLSOK         StartTLS = "ok"
	StartTLSNotOffered StartTLS = "not-offered"
	StartTLSStripped   StartTLS = "stripped"         // not offered, and the marks of a middlebox that hides it
	StartTLSOffered    StartTLS = "offered"          // offered, and not tried for want of Options.Handshake
	StartTLSTempfail   StartTLS = "tempfail"         // offered, and answered with 4xx, such as 454
	StartTLSRefused    StartTLS = "refused"          // offered, and answered with 5xx or an unfit code
	StartTLSInjection  StartTLS = "injection"        // clear text came behind the 220 before the handshake: CVE-2011-0411 and its kin
	StartTLSFailed     StartTLS = "handshake-failed" // accepted, and Options.Handshake returned nil: for want of time, too
	StartTLSBroken     StartTLS = "broken-off"       // no reply to the command; Session.Fault says why
)

// A Session is what one dialogue showed.
type Session struct {
	Host          string     `json:"host"`
	Addr          netip.Addr `json:"address"`
	Port          uint16     `json:"port"`
	Implicit      bool       `json:"implicit_tls,omitempty"`
	Outcome       Outcome    `json:"outcome"`
	Fault         Fault      `json:"fault,omitempty"`          // why the dialogue ended early, at whatever step
	Greeting      *Reply     `json:"greeting,omitempty"`       // nil if none could be read
	GreetingName  string     `json:"greeting_name,omitempty"`  // with 220, the first word of it, at most 255 octets; see IsHostName
	EhloRefusal   *Reply     `json:"ehlo_refusal,omitempty"`   // the answer to EHLO if it was not 250, in the clear or inside TLS; HELO may have been accepted after it
	HeloRefusal   *Reply     `json:"helo_refusal,omitempty"`   // the same of HELO
	Clear         *Ehlo      `json:"clear,omitempty"`          // what the server offers before TLS
	StartTLS      StartTLS   `json:"starttls,omitempty"`       // how the upgrade went
	StartTLSReply *Reply     `json:"starttls_reply,omitempty"` // the answer to STARTTLS
	Secured       *Ehlo      `json:"secured,omitempty"`        // what the server offers inside TLS; replaces Clear (RFC 3207 section 4.2)
	Answers       *Answers   `json:"answers,omitempty"`        // where Options.Questions were asked
	BareLF        bool       `json:"bare_lf,omitempty"`        // a line ended in LF without CR (RFC 5321 section 2.3.8)
	Transcript    []string   `json:"transcript,omitempty"`     // lines with "C: " or "S: " before them, at most MaxTranscript
	TranscriptCut int        `json:"transcript_cut,omitempty"` // lines left out
}

// Defaults of Options.
const (
	defaultConnect = 4 * time.Second
	defaultTimeout = 12 * time.Second
	defaultQuit    = time.Second
)

// Probe holds one dialogue with the target. It takes at most
// Options.ConnectTimeout and Options.Timeout together and ends at once when
// ctx is done. The result is never nil.
func Probe(ctx context.Context, dial DialFunc, t Target, o Options) *Session {
	s := &Session{Host: t.Host, Addr: t.Addr, Port: t.Port, Implicit: t.Implicit}
	if !sendable("EHLO "+o.Helo) || strings.Contains(o.Helo, " ") {
		s.Outcome = OutcomeBadHelo
		return s
	}
	conn, err := connect(ctx, dial, t, o)
	if err != nil {
		s.Outcome = Outcome(netfault.Connecting(ctx, err))
		return s
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, orDefault(o.Timeout, defaultTimeout))
	defer cancel()
	// Closing cannot be undone by a deadline that is set later, as for QUIT.
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if deadline, ok := ctx.Deadline(); ok {
		conn.SetDeadline(deadline)
	}
	d := &dialogue{Session: s, ctx: ctx, options: o}
	d.use(conn)
	d.run()
	return s
}

func connect(ctx context.Context, dial DialFunc, t Target, o Options) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, orDefault(o.ConnectTimeout, defaultConnect))
	defer cancel()
	return dial(ctx, netip.AddrPortFrom(t.Addr, t.Port))
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d <= 0 {
		return otherwise
	}
	return d
}
