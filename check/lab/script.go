package lab

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"
)

// Times and sizes of the scripted server.
const (
	maxCommand  = 2048                   // octets of a command line
	dripEvery   = 100 * time.Millisecond // between two octets of faultDrip
	acceptPause = 10 * time.Millisecond  // after a connection that could not be accepted
)

// tlsAlert is the fatal alert handshake_failure in a record of its own
// (RFC 8446 section 6.2).
const tlsAlert = "\x15\x03\x03\x00\x02\x02\x28"

// A script is a server that departs from the protocol, or from the wording of
// esmtp, as its host says.
type script struct {
	host *host
	tls  *tls.Config
	ctx  context.Context // ends with the world
	wg   sync.WaitGroup

	heard func(verb string) // told of every command
}

func (s *script) serve(l net.Listener) {
	for {
		c, err := l.Accept()
		switch {
		case err == nil:
			s.wg.Go(func() { s.talk(c) })
		case errors.Is(err, net.ErrClosed):
			return
		default: // the process has run out of file descriptors
			s.pause(acceptPause)
		}
	}
}

func (s *script) wait() { s.wg.Wait() }

// pause waits, and reports whether the world goes on.
func (s *script) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.ctx.Done():
		return false
	}
}

// A dialogue is one connection to a script. Its methods return false when the
// connection is to end.
type dialogue struct {
	*script
	conn   net.Conn
	in     *bufio.Reader
	secure bool // TLS is on
	closed bool // the greeting has refused service
}

func (s *script) talk(c net.Conn) {
	d := &dialogue{script: s}
	d.use(c)
	// The connection may be another one by then.
	defer func() { d.conn.Close() }()
	switch {
	case s.host.kind == kindHTTPS:
		d.exchange()
		return
	case s.host.kind.mailbox():
		d.readMail()
		return
	case s.host.fault == faultSilent:
		d.listenOnly()
		return
	case s.host.fault == faultClose:
		return
	case s.host.kind == kindSMTPS && !d.handshake():
		return
	}
	for ok := d.greet(); ok; {
		var verb, argument string
		if verb, argument, ok = d.command(); ok {
			d.heard(verb)
			ok = d.answer(verb, argument)
		}
	}
}

func (d *dialogue) use(c net.Conn) {
	d.conn, d.in = c, bufio.NewReaderSize(c, maxCommand)
}

func (d *dialogue) say(format string, args ...any) bool {
	_, err := fmt.Fprintf(d.conn, format+"\r\n", args...)
	return err == nil
}

// listenOnly reads until the peer has had enough.
func (d *dialogue) listenOnly() { _, _ = io.Copy(io.Discard, d.in) }

// greet sends the greeting (RFC 5321 section 4.2).
func (d *dialogue) greet() bool {
	h := d.host
	switch h.fault {
	case faultGreet:
		// After 554 the server waits for QUIT (RFC 5321 section 3.1).
		d.closed = h.code != 220
		return d.say("%d %s", h.code, h.text) && h.code != 421
	case faultDrip:
		d.drip()
		return false
	case faultFlood:
		lines := strings.Repeat("220-"+strings.Repeat("=", 60)+"\r\n", 64)
		for d.ctx.Err() == nil {
			if _, err := io.WriteString(d.conn, lines); err != nil {
				return false
			}
		}
		return false
	}
	if h.ownBanner {
		return d.say("220 %s", h.banner)
	}
	return d.say("220 %s ESMTP Service Ready", h.name)
}

func (d *dialogue) drip() {
	line := "220-" + d.host.name + "\r\n"
	for i := 0; ; i++ {
		if _, err := io.WriteString(d.conn, line[i%len(line):][:1]); err != nil || !d.pause(dripEvery) {
			return
		}
	}
}

// command reads the next line that is not too long and returns its verb in
// upper case, and what follows it.
func (d *dialogue) command() (verb, argument string, ok bool) {
	for {
		line, err := d.in.ReadSlice('\n')
		long := errors.Is(err, bufio.ErrBufferFull)
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = d.in.ReadSlice('\n')
		}
		if err != nil || long && !d.say("500 5.5.2 Line too long") {
			return "", "", false
		}
		if !long {
			verb, argument, _ := strings.Cut(strings.TrimRight(string(line), "\r\n"), " ")
			return strings.ToUpper(verb), argument, true
		}
	}
}

func (d *dialogue) answer(verb, argument string) bool {
	if d.closed && verb != "QUIT" {
		return d.say("503 5.5.1 Bad sequence of commands")
	}
	switch verb {
	case "EHLO":
		return d.ehlo()
	case "HELO":
		return d.say("250 %s", d.host.name)
	case "STARTTLS":
		return d.startTLS()
	case "AUTH":
		if !d.offersAuth() {
			return d.say("502 5.5.1 AUTH not offered")
		}
		return d.say("535 5.7.8 Authentication failed")
	case "MAIL":
		if d.host.auth || d.host.authClear {
			return d.say("530 5.7.0 Authentication required")
		}
		return d.say("250 2.1.0 Sender ok")
	case "RCPT":
		return d.recipient(argument)
	case "VRFY", "EXPN":
		return d.verify(verb, argument)
	case "RSET", "NOOP":
		return d.say("250 2.0.0 Ok")
	case "QUIT":
		d.say("221 2.0.0 Bye")
		return false
	}
	return d.say("500 5.5.1 Command not recognised")
}

// recipient answers RCPT.
func (d *dialogue) recipient(argument string) bool {
	_, path, _ := strings.Cut(argument, "<")
	switch m := d.host.manners; {
	case m.greylist:
		return d.say("450 4.2.0 Greylisted, try again later")
	case isPostmaster(path) && m.noPostmaster:
		return d.say("550 5.1.1 User unknown")
	case isPostmaster(path), m.relay:
		return d.say("250 2.1.5 Recipient ok")
	}
	return d.say("550 5.7.1 Relaying denied")
}

// verify answers VRFY and EXPN, as a rule with nothing (RFC 5321 section 3.5.3).
func (d *dialogue) verify(verb, mailbox string) bool {
	switch {
	case d.host.manners.vrfy && isPostmaster(mailbox):
		return d.say("250 <postmaster@%s>", d.host.name)
	case d.host.manners.vrfy:
		return d.say("550 5.1.1 User unknown")
	case verb == "VRFY":
		return d.say("252 2.5.2 Cannot VRFY user")
	}
	return d.say("502 5.5.1 EXPN not implemented")
}

func (d *dialogue) offersSTARTTLS() bool { return d.host.starttls && !d.secure }

func (d *dialogue) offersAuth() bool {
	return d.host.authClear || d.host.auth && d.secure
}

func (d *dialogue) ehlo() bool {
	if d.host.fault == faultNoEHLO {
		return d.say("502 5.5.1 EHLO not implemented")
	}
	lines := []string{d.host.name, "PIPELINING", fmt.Sprintf("SIZE %d", maxMessage), "8BITMIME"}
	switch {
	case d.host.fault == faultStrip:
		lines = append(lines, "XXXXXXXA")
	case d.offersSTARTTLS():
		lines = append(lines, "STARTTLS")
	}
	if d.offersAuth() {
		lines = append(lines, "AUTH PLAIN")
	}
	return d.say("250-%s\r\n250 ENHANCEDSTATUSCODES", strings.Join(lines, "\r\n250-"))
}

func (d *dialogue) startTLS() bool {
	if !d.offersSTARTTLS() || d.host.fault == faultStrip {
		return d.say("502 5.5.1 STARTTLS not offered")
	}
	const ready = "220 2.0.0 Ready to start TLS"
	switch d.host.fault {
	case faultSTARTTLS454:
		return d.say("454 4.7.0 TLS not available due to temporary reason")
	case faultSTARTTLSRefuse:
		return d.say("554 5.7.3 Unable to initialize security subsystem")
	case faultSTARTTLSClose:
		return false
	case faultSTARTTLSPlain:
		// One write, so that both replies arrive together.
		return d.say(ready+"\r\n250 2.0.0 Ok") && d.handshake()
	}
	return d.say(ready) && d.handshake()
}

// handshake begins TLS. What was sent before counts no longer (RFC 3207
// section 4.2).
func (d *dialogue) handshake() bool {
	switch d.host.fault {
	case faultTLSHang:
		d.listenOnly()
		return false
	case faultTLSFail:
		d.sayInstead(tlsAlert)
		return false
	}
	c := tls.Server(d.conn, d.tls)
	if err := c.HandshakeContext(d.ctx); err != nil {
		return false
	}
	d.use(c)
	d.secure = true
	return true
}

// sayInstead answers the ClientHello with a text of its own. The ClientHello is
// read first: a connection that ends with unread octets is reset, and the
// answer may be lost with it.
func (d *dialogue) sayInstead(text string) {
	if _, err := d.in.ReadByte(); err != nil {
		return
	}
	_, _ = d.in.Discard(d.in.Buffered())
	if _, err := io.WriteString(d.conn, text); err == nil {
		d.listenOnly()
	}
}
