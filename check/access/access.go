// Package access finds out what a person's mail program meets: which servers a
// domain announces for reading and sending mail (RFC 6186, RFC 8314), and what
// an IMAP (RFC 9051) or POP3 (RFC 1939) server offers before and after it
// starts TLS.
//
// A dialogue greets, asks for the capabilities, starts TLS, asks again, since
// what was said in the clear counts no longer, and takes leave. It sends
// nothing but CAPABILITY, CAPA, STARTTLS, STLS, LOGOUT and QUIT, and never logs in.
package access

import (
	"context"
	"net"
	"net/netip"
	"time"

	"maildoctor/check/netfault"
)

// A Protocol is what a mail program speaks with a server.
type Protocol string

// The protocols. Probe speaks the first two.
const (
	IMAP         Protocol = "imap"
	POP3         Protocol = "pop3"
	Submission   Protocol = "submission"   // SMTP with a login (RFC 6409)
	Autodiscover Protocol = "autodiscover" // settings in a file of a web server
)

// A Target is one service of a host to speak with.
type Target struct {
	Host     string     // the host's name, given to the handshake
	Addr     netip.Addr // the address to dial
	Port     uint16     // 143, 993, 110, 995, or another
	Protocol Protocol   // IMAP or POP3
	Implicit bool       // TLS from the first octet (RFC 8314 section 3)
}

// A DialFunc opens a TCP connection. An error that has a method
// Reason() string, itself or wrapped, declined to dial: the reason, such as
// OutcomePrivate, becomes the outcome.
type DialFunc func(ctx context.Context, addr netip.AddrPort) (net.Conn, error)

// A HandshakeFunc makes a TLS handshake as a client and returns the secured
// connection, or nil if the handshake failed. What it learns of TLS stays with
// the caller. It is called at most once a dialogue, in the goroutine that
// called Probe.
type HandshakeFunc func(ctx context.Context, conn net.Conn, host string) net.Conn

// Options of a dialogue.
type Options struct {
	Handshake      HandshakeFunc // nil to leave TLS alone
	ConnectTimeout time.Duration // for the connection; 0 for 4 s
	Timeout        time.Duration // for the whole dialogue after it; 0 for 12 s
	QuitTimeout    time.Duration // for the answer to LOGOUT or QUIT; 0 for 1 s
}

// Outcome says how far a host took up the service.
type Outcome string

// The outcomes of a dialogue. Only OutcomeOK, OutcomeRefused, OutcomePreauth,
// OutcomeNotIMAP, OutcomeNotPOP3 and OutcomeCapability tell something definite
// about the host.
const (
	OutcomeOK Outcome = "ok" // greeted and told its capabilities

	// No connection.
	OutcomeUnreachable   Outcome = "unreachable"        // no route to the address
	OutcomeTimeout       Outcome = "timeout"            // no answer to the attempt to connect
	OutcomeRefused       Outcome = "refused"            // nothing listens on the port
	OutcomeReset         Outcome = "reset"              // reset while connecting
	OutcomeConnectFailed Outcome = "connect-failed"     // another cause, perhaps on our side
	OutcomePrivate       Outcome = "private-address"    // the dialer declined: not an address of the internet
	OutcomeBudget        Outcome = "connections-budget" // the dialer declined: the connections of this run are used up
	OutcomeBadProtocol   Outcome = "bad-protocol"       // Target.Protocol is none that Probe speaks; nothing was dialled

	// A connection, yet no greeting that welcomes us.
	OutcomeHandshake       Outcome = "handshake-failed" // with Target.Implicit, Options.Handshake returned nil
	OutcomeGreetingTimeout Outcome = "greeting-timeout" // no complete greeting in time
	OutcomeGreetingClosed  Outcome = "greeting-closed"  // closed or reset before the greeting was complete
	OutcomeBye             Outcome = "bye"              // BYE or -ERR for a greeting: no service for now (RFC 9051 section 7.1.5)
	OutcomePreauth         Outcome = "preauth"          // logged in without being asked; TLS cannot be started any more (RFC 9051 section 7.1.4)
	OutcomeNotIMAP         Outcome = "not-imap"         // the greeting is none of IMAP
	OutcomeNotPOP3         Outcome = "not-pop3"         // the greeting is none of POP3

	// A greeting, yet no dialogue.
	OutcomeCapability Outcome = "capability-refused" // the capabilities were refused or left out; old POP3 servers know no CAPA
	OutcomeBroken     Outcome = "broken-off"         // after the greeting; Session.Fault says why

	OutcomeCancelled Outcome = "cancelled" // the context ended before the dialogue could begin, or was cancelled
)

// StartTLS says how the upgrade to TLS went (RFC 9051 section 6.2.1, RFC 2595
// section 4).
type StartTLS string

// The outcomes of STARTTLS and STLS. The empty one means that it could not be
// found out, or, with Target.Implicit, that there is nothing to find out.
const (
	StartTLSUnknown    StartTLS = ""
	StartTLSOK         StartTLS = "ok"
	StartTLSNotOffered StartTLS = "not-offered"
	StartTLSOffered    StartTLS = "offered"          // offered, and not tried for want of Options.Handshake
	StartTLSRefused    StartTLS = "refused"          // offered, and answered with NO, BAD or -ERR
	StartTLSInjection  StartTLS = "injection"        // clear text came behind the OK before the handshake: CVE-2021-33515 and its kin
	StartTLSFailed     StartTLS = "handshake-failed" // accepted, and Options.Handshake returned nil: for want of time, too
	StartTLSBroken     StartTLS = "broken-off"       // no reply to the command; Session.Fault says why
)

// A Session is what one dialogue showed.
type Session struct {
	Host          string        `json:"host"`
	Addr          netip.Addr    `json:"address"`
	Port          uint16        `json:"port"`
	Protocol      Protocol      `json:"protocol"`
	Implicit      bool          `json:"implicit_tls,omitempty"`
	Local         bool          `json:"local,omitempty"` // it is a service of our own machine, from where some servers take passwords in the clear
	Outcome       Outcome       `json:"outcome"`
	Fault         Fault         `json:"fault,omitempty"`          // why the dialogue ended early, at whatever step
	Greeting      string        `json:"greeting,omitempty"`       // foreign text behind the status, at most MaxTranscriptLine octets
	Clear         *Capabilities `json:"clear,omitempty"`          // what the server offers before TLS
	StartTLS      StartTLS      `json:"starttls,omitempty"`       // how the upgrade went
	StartTLSReply string        `json:"starttls_reply,omitempty"` // the line that answered the command, at most MaxTranscriptLine octets
	Secured       *Capabilities `json:"secured,omitempty"`        // what the server offers inside TLS; replaces Clear
	Transcript    []string      `json:"transcript,omitempty"`     // lines with "C: " or "S: " before them, at most MaxTranscript
	TranscriptCut int           `json:"transcript_cut,omitempty"` // lines left out
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
	s := &Session{Host: t.Host, Addr: t.Addr, Port: t.Port, Protocol: t.Protocol, Implicit: t.Implicit}
	if t.Protocol != IMAP && t.Protocol != POP3 {
		s.Outcome = OutcomeBadProtocol
		return s
	}
	conn, err := connect(ctx, dial, t, o)
	if err != nil {
		s.Outcome = Outcome(netfault.Connecting(ctx, err))
		return s
	}
	defer conn.Close()
	s.Local = isLocal(conn.LocalAddr(), t.Addr)
	ctx, cancel := context.WithTimeout(ctx, orDefault(o.Timeout, defaultTimeout))
	defer cancel()
	// Closing cannot be undone by a deadline that is set later, as for the leave.
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

// isLocal reports whether the address that we connect from is the one that we
// connect to, or the latter is a loopback address.
func isLocal(from net.Addr, to netip.Addr) bool {
	to = to.Unmap().WithZone("")
	if from == nil {
		return to.IsLoopback()
	}
	own, err := netip.ParseAddrPort(from.String())
	return to.IsLoopback() || err == nil && own.Addr().Unmap().WithZone("") == to
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d <= 0 {
		return otherwise
	}
	return d
}
