package lab

import (
	"io"
	"strings"
)

// The kinds of hosts where mail programs read mail.
const (
	kindIMAP  kind = "imap"
	kindIMAPS kind = "imaps"
	kindPOP3  kind = "pop3"
	kindPOP3S kind = "pop3s"
)

// mailbox reports whether mail is read there.
func (k kind) mailbox() bool {
	return k == kindIMAP || k == kindPOP3 || k.mailboxTLS()
}

// mailboxTLS reports whether mail is read there, in TLS from the first octet.
func (k kind) mailboxTLS() bool { return k == kindIMAPS || k == kindPOP3S }

// faultBye is a server that takes leave instead of a greeting.
const faultBye fault = "bye"

// mailboxFaults are those of imap, imaps, pop3 and pop3s.
var mailboxFaults = []fault{
	faultSilent, faultClose, faultDrip, faultBye, faultSTARTTLSRefuse, faultSTARTTLSClose, faultSTARTTLSPlain,
	faultTLSHang, faultTLSFail,
}

// mailboxSetting reads a setting that only hosts with mailboxes have, and
// reports whether it was one.
func (p *hostsParser) mailboxSetting(word string, args []string) bool {
	switch {
	case word == "login-disabled" && !p.given[word]:
		p.given[word] = true
		p.current.loginDisabled = p.count(word, args, 0)
	case word == "banner" || word == "auth":
		p.expected("name, starttls, cert, tls-max, login-disabled, auth-clear or fault, not %q", word)
	default:
		return false
	}
	return true
}

// readMail speaks as the host of a mailbox that nobody can open.
func (d *dialogue) readMail() {
	h := d.host
	switch {
	case h.fault == faultSilent:
		d.listenOnly()
		return
	case h.fault == faultClose, h.kind.mailboxTLS() && !d.handshake():
		return
	}
	imap := h.kind == kindIMAP || h.kind == kindIMAPS
	greeting, answer := "+OK "+h.name+" ready", d.answerPOP3
	if imap {
		greeting, answer = "* OK "+h.name+" ready", d.answerIMAP
	}
	switch h.fault {
	case faultDrip:
		d.dripGreeting(greeting)
		return
	case faultBye:
		greeting = "-ERR " + h.name + " is busy"
		if imap {
			greeting = "* BYE " + h.name + " is busy"
		}
		d.say("%s", greeting)
		return
	}
	for ok := d.say("%s", greeting); ok; {
		var line string
		if line, ok = d.commandLine(); ok {
			ok = answer(line)
		}
	}
}

// dripGreeting sends a greeting that never comes to its end.
func (d *dialogue) dripGreeting(text string) {
	for i := 0; ; i++ {
		if _, err := io.WriteString(d.conn, text[i%len(text):][:1]); err != nil || !d.pause(dripEvery) {
			return
		}
	}
}

// commandLine reads the next line. One that is too long ends the connection.
func (d *dialogue) commandLine() (string, bool) {
	line, err := d.in.ReadSlice('\n')
	return strings.TrimRight(string(line), "\r\n"), err == nil
}

// answerIMAP answers a command of IMAP (RFC 9051 section 6).
func (d *dialogue) answerIMAP(line string) bool {
	tag, verb, _ := strings.Cut(line, " ")
	verb, _, _ = strings.Cut(strings.ToUpper(verb), " ")
	switch verb {
	case "CAPABILITY":
		words := []string{"IMAP4rev1", "ID", "IDLE"}
		if d.offersSTARTTLS() {
			words = append(words, "STARTTLS")
		}
		if d.host.loginDisabled && !d.secure {
			words = append(words, "LOGINDISABLED")
		}
		if d.secure || d.host.authClear {
			words = append(words, "AUTH=PLAIN")
		}
		return d.say("* CAPABILITY %s\r\n%s OK done", strings.Join(words, " "), tag)
	case "STARTTLS":
		return d.upgrade(tag+" OK begin TLS", tag+" BAD STARTTLS not possible", "* CAPABILITY IMAP4rev1 AUTH=PLAIN")
	case "LOGOUT":
		d.say("* BYE until later\r\n%s OK done", tag)
		return false
	case "LOGIN", "AUTHENTICATE":
		return d.say("%s NO unknown user", tag)
	}
	return d.say("%s BAD unknown command", tag)
}

// answerPOP3 answers a command of POP3 (RFC 1939, RFC 2449, RFC 2595).
func (d *dialogue) answerPOP3(line string) bool {
	verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
	switch verb {
	case "CAPA":
		words := []string{"+OK here they are", "TOP", "UIDL"}
		if d.offersSTARTTLS() {
			words = append(words, "STLS")
		}
		if d.secure || !d.host.loginDisabled {
			words = append(words, "USER")
		}
		if d.secure || d.host.authClear {
			words = append(words, "SASL PLAIN")
		}
		return d.say("%s\r\n.", strings.Join(words, "\r\n"))
	case "STLS":
		return d.upgrade("+OK begin TLS", "-ERR STLS not possible", "+OK done")
	case "QUIT":
		d.say("+OK until later")
		return false
	case "USER", "PASS", "AUTH", "APOP":
		return d.say("-ERR unknown user")
	}
	return d.say("-ERR unknown command")
}

// upgrade answers the command that begins TLS. With faultSTARTTLSPlain more
// clear text follows the consent at once.
func (d *dialogue) upgrade(consent, refusal, more string) bool {
	switch {
	case !d.offersSTARTTLS(), d.host.fault == faultSTARTTLSRefuse:
		return d.say("%s", refusal)
	case d.host.fault == faultSTARTTLSClose:
		return false
	case d.host.fault == faultSTARTTLSPlain:
		// One write, so that both lines arrive together.
		return d.say("%s\r\n%s", consent, more) && d.handshake()
	}
	return d.say("%s", consent) && d.handshake()
}

// faults are those that a host of the kind can have.
func (k kind) faults() []fault {
	switch {
	case k == kindHTTPS:
		return webFaults
	case k.mailbox():
		return mailboxFaults
	}
	return mailFaults
}
