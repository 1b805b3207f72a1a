package access

import (
	"context"
	"net"
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

// A language is what IMAP and POP3 say in different words.
type language interface {
	greeting() Outcome                        // OutcomeOK where the server welcomes us
	capabilities() (c *Capabilities, ok bool) // ok is false where the server refused them; nil with Fault set
	startTLS() (accepted, answered bool)
	leave()
}

func (d *dialogue) language() language {
	if d.Protocol == IMAP {
		return &imap{dialogue: d}
	}
	return pop3{d}
}

// use goes on over conn, with nothing kept of what was read before.
func (d *dialogue) use(conn net.Conn) {
	d.conn = conn
	d.in = newReader(conn, func(line []byte) { d.note("S: ", string(clipped(line))) })
}

func (d *dialogue) note(prefix, line string) {
	if len(d.Transcript) == MaxTranscript {
		d.TranscriptCut++
		return
	}
	d.Transcript = append(d.Transcript, prefix+line)
}

// clipped cuts a text to MaxTranscriptLine octets.
func clipped[T ~string | ~[]byte](text T) T { return text[:min(len(text), MaxTranscriptLine)] }

// run goes through the steps and takes leave where the server still listens.
func (d *dialogue) run() {
	if d.Implicit && !d.secure() {
		d.Outcome = OutcomeHandshake
		return
	}
	speak := d.language()
	d.Outcome = d.welcome(speak)
	if d.Outcome == OutcomeOK && !d.Implicit {
		d.StartTLS = d.upgrade(speak)
	}
	if d.StartTLS == StartTLSOK {
		d.Secured, _ = speak.capabilities()
	}
	switch d.Outcome {
	case OutcomeBye, OutcomeNotIMAP, OutcomeNotPOP3: // it has left already, or would not understand
	default:
		if d.Fault == FaultNone && d.conn != nil {
			d.leave(speak)
		}
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

// welcome waits for the greeting and asks for the capabilities.
func (d *dialogue) welcome(speak language) Outcome {
	if outcome := speak.greeting(); outcome != OutcomeOK {
		return outcome
	}
	c, ok := speak.capabilities()
	switch {
	case d.Fault == FaultCancelled:
		return OutcomeCancelled
	case d.Fault != FaultNone:
		return OutcomeBroken
	case !ok:
		return OutcomeCapability
	case d.Implicit:
		d.Secured = c
	default:
		d.Clear = c
	}
	return OutcomeOK
}

// ungreeted is the outcome of a greeting that could not be read.
func (d *dialogue) ungreeted() Outcome {
	switch {
	case d.Fault == FaultTimeout:
		return OutcomeGreetingTimeout
	case d.Fault == FaultCancelled:
		return OutcomeCancelled
	case !d.Fault.Malformed():
		return OutcomeGreetingClosed
	case d.Protocol == POP3:
		return OutcomeNotPOP3
	}
	return OutcomeNotIMAP
}

// upgrade starts TLS if the server offers it.
func (d *dialogue) upgrade(speak language) StartTLS {
	switch {
	case !d.Clear.StartTLS:
		return StartTLSNotOffered
	case d.options.Handshake == nil:
		return StartTLSOffered
	}
	accepted, answered := speak.startTLS()
	switch {
	case !answered:
		return StartTLSBroken
	case !accepted:
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

// noteInjection keeps what came in clear text behind the OK; it is evidence,
// and never an answer to what is asked inside TLS.
func (d *dialogue) noteInjection() {
	injected, _ := d.in.br.Peek(min(d.in.br.Buffered(), MaxTranscriptLine))
	d.note("S: ", string(injected))
}

// leave says goodbye. The answer changes nothing, and neither does its absence.
func (d *dialogue) leave(speak language) {
	wait := time.Now().Add(orDefault(d.options.QuitTimeout, defaultQuit))
	if deadline, ok := d.ctx.Deadline(); ok && deadline.Before(wait) {
		wait = deadline
	}
	d.conn.SetDeadline(wait)
	speak.leave()
	d.Fault = FaultNone
	d.conn.Close()
}

// send writes one command, which is made of constants.
func (d *dialogue) send(command string) bool {
	d.note("C: ", command)
	if _, err := d.conn.Write([]byte(command + "\r\n")); err != nil {
		d.Fault = Fault(netfault.Talking(d.ctx, err))
		return false
	}
	return true
}

// line reads the next line of a reply, or reports false with d.Fault set.
func (d *dialogue) line() (string, bool) {
	line, fault, err := d.in.next()
	if err != nil {
		fault = Fault(netfault.Talking(d.ctx, err))
	}
	if fault != FaultNone {
		d.Fault = fault
		return "", false
	}
	return string(line), true
}
