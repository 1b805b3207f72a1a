package smtp

import (
	"context"
	"net"
	"net/netip"
	"time"

	"maildoctor/check/netfault"
)

// Limits of a transcript.
const (
	MaxTranscript     = 60  // lines kept
	MaxTranscriptLine = 512 // octets kept of one line, without its prefix
)

// dialogue is a Session in the making.
type dialogue struct {
	*Session
	ctx     context.Context // bounds this one dialogue
	options Options
	conn    net.Conn
	in      *reader
}

// use goes on over conn, with nothing kept of what was read before.
func (d *dialogue) use(conn net.Conn) {
	d.conn = conn
	d.in = newReader(conn, func(line []byte) { d.note("S: ", string(line[:min(len(line), MaxTranscriptLine)])) })
}

func (d *dialogue) note(prefix, line string) {
	if len(d.Transcript) == MaxTranscript {
		d.TranscriptCut++
		return
	}
	d.Transcript = append(d.Transcript, prefix+line[:min(len(line), MaxTranscriptLine)])
}

// run goes through the steps and leaves with QUIT where the server still
// listens.
func (d *dialogue) run() {
	if d.Implicit && !d.secure() {
		d.Outcome = OutcomeHandshake
		return
	}
	d.Outcome = d.service()
	if d.Outcome == OutcomeOK && !d.Implicit {
		d.StartTLS = d.startTLS()
	}
	welcome := d.Outcome == OutcomeOK
	if d.StartTLS == StartTLSOK && !d.options.Brief {
		d.Secured, _ = d.hello()
		welcome = d.Secured != nil
	}
	if d.options.Questions != nil && welcome && d.Fault == FaultNone && d.conn != nil {
		d.inquire(d.options.Questions)
	}
	if d.Fault == FaultNone && d.conn != nil {
		d.quit()
	}
}

// secure makes the handshake; d.conn is nil if it failed.
func (d *dialogue) secure() bool {
	if d.options.Handshake == nil {
		d.conn = nil
		return false
	}
	conn := d.options.Handshake(d.ctx, d.conn, d.Host)
	if conn == nil {
		d.conn = nil
		return false
	}
	d.use(conn)
	return true
}

// service waits for the greeting and says hello.
func (d *dialogue) service() Outcome {
	var all []string
	d.Greeting, all = d.read()
	if d.Greeting == nil {
		return greetingFault(d.Fault)
	}
	switch {
	case d.Greeting.class() == 4:
		return OutcomeTempfail
	case d.Greeting.class() == 5:
		return OutcomeService
	case d.Greeting.Code != 220:
		return OutcomeNotSMTP
	case len(all) > 0:
		d.GreetingName = firstWord(all[0])
	}
	e, outcome := d.hello()
	if d.Implicit {
		d.Secured = e
	} else {
		d.Clear = e
	}
	return outcome
}

func greetingFault(f Fault) Outcome {
	switch {
	case f.Malformed():
		return OutcomeNotSMTP
	case f == FaultTimeout:
		return OutcomeGreetingTimeout
	case f == FaultCancelled:
		return OutcomeCancelled
	}
	return OutcomeGreetingClosed
}

// hello sends EHLO, and HELO where that is refused (RFC 5321 section 4.1.4).
func (d *dialogue) hello() (*Ehlo, Outcome) {
	name := d.options.Helo
	if name == "" {
		name = literal(d.conn.LocalAddr())
	}
	r, all := d.ask("EHLO " + name)
	if r != nil && r.Code == 250 {
		return parseEhlo(all), OutcomeOK
	}
	d.EhloRefusal = r
	if r == nil || r.class() != 5 {
		return nil, d.helloOutcome(r)
	}
	r, all = d.ask("HELO " + name)
	if r != nil && r.Code == 250 {
		return &Ehlo{Helo: true, Name: parseEhlo(all).Name}, OutcomeOK
	}
	d.HeloRefusal = r
	return nil, d.helloOutcome(r)
}

func (d *dialogue) helloOutcome(r *Reply) Outcome {
	switch {
	case r == nil && d.Fault == FaultCancelled:
		return OutcomeCancelled
	case r == nil:
		return OutcomeBroken
	case r.class() == 4:
		return OutcomeTempfail
	}
	return OutcomeEhloRefused
}

// startTLS upgrades the connection if the server offers it.
func (d *dialogue) startTLS() StartTLS {
	switch {
	case d.Clear.Has("STARTTLS") && d.options.Handshake == nil:
		return StartTLSOffered
	case d.Clear.Has("STARTTLS"):
	case d.Clear.Masked, len(d.Greeting.Text) > 0 && maskedBanner(d.Greeting.Text[0]):
		return StartTLSStripped
	default:
		return StartTLSNotOffered
	}
	d.StartTLSReply, _ = d.ask("STARTTLS")
	switch {
	case d.StartTLSReply == nil:
		return StartTLSBroken
	case d.StartTLSReply.class() == 4: // RFC 3207 section 4: 454
		return StartTLSTempfail
	case d.StartTLSReply.Code != 220:
		return StartTLSRefused
	case d.in.br.Buffered() > 0:
		d.noteInjection()
		d.conn = nil
		return StartTLSInjection
	case !d.secure():
		return StartTLSFailed
	}
	return StartTLSOK
}

// noteInjection keeps what came in clear text behind the 220; it is evidence,
// and never an answer to what is asked inside TLS.
func (d *dialogue) noteInjection() {
	injected, _ := d.in.br.Peek(min(d.in.br.Buffered(), MaxTranscriptLine))
	d.note("S: ", string(injected))
}

// quit takes leave. The answer changes nothing, and neither does its absence.
func (d *dialogue) quit() {
	wait := time.Now().Add(orDefault(d.options.QuitTimeout, defaultQuit))
	if deadline, ok := d.ctx.Deadline(); ok && deadline.Before(wait) {
		wait = deadline
	}
	d.conn.SetDeadline(wait)
	d.ask("QUIT")
	d.Fault = FaultNone
	d.conn.Close()
}

// ask sends one command and reads the reply. It sends nothing while an answer
// to nothing lies in the buffer: the replies would no longer fit the commands.
func (d *dialogue) ask(command string) (*Reply, []string) {
	if d.in.br.Buffered() > 0 {
		d.Fault = FaultUnsolicited
		return nil, nil
	}
	if !sendable(command) {
		d.Fault = FaultConnection
		return nil, nil
	}
	d.note("C: ", command)
	if _, err := d.conn.Write([]byte(command + "\r\n")); err != nil {
		d.Fault = Fault(netfault.Talking(d.ctx, err))
		return nil, nil
	}
	return d.read()
}

// read returns the next reply and all of its lines, or nil with d.Fault set.
func (d *dialogue) read() (*Reply, []string) {
	code, all, fault, err := d.in.reply()
	if err != nil {
		fault = Fault(netfault.Talking(d.ctx, err))
	}
	d.BareLF = d.BareLF || d.in.bareLF
	if fault != FaultNone {
		d.Fault = fault
		return nil, nil
	}
	return keep(code, all), all
}

// literal returns an address literal, RFC 5321 section 4.1.3.
func literal(local net.Addr) string {
	addr, err := netip.ParseAddrPort(local.String())
	switch {
	case err != nil:
		return "[127.0.0.1]"
	case addr.Addr().Unmap().Is4():
		return "[" + addr.Addr().Unmap().String() + "]"
	}
	return "[IPv6:" + addr.Addr().WithZone("").String() + "]"
}
