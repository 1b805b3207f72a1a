package access

import "strings"

// pop3 speaks POP3 (RFC 1939) with its extensions (RFC 2449, RFC 2595).
type pop3 struct{ *dialogue }

// greeting reads the greeting, one line (RFC 1939 section 4).
func (p pop3) greeting() Outcome {
	p.in.begin()
	line, ok := p.line()
	if !ok {
		return p.ungreeted()
	}
	good, rest, ok := indicator(line)
	switch {
	case !ok:
		return OutcomeNotPOP3
	case !good:
		p.Greeting = clipped(rest)
		return OutcomeBye
	}
	p.Greeting = clipped(rest)
	return OutcomeOK
}

func (p pop3) capabilities() (*Capabilities, bool) {
	good, _ := p.ask("CAPA")
	if p.Fault != FaultNone || !good {
		return nil, false
	}
	var lines []string
	for {
		line, ok := p.line()
		switch {
		case !ok:
			return nil, false
		case line == ".":
			return parsePOP3(lines), true
		}
		lines = append(lines, strings.TrimPrefix(line, ".")) // RFC 1939 section 3
	}
}

func (p pop3) startTLS() (accepted, answered bool) {
	good, line := p.ask("STLS")
	p.StartTLSReply = clipped(line)
	return good, p.Fault == FaultNone
}

func (p pop3) leave() { p.ask("QUIT") }

// ask sends a command and reads the first line of its reply. It sends nothing
// while an answer to nothing lies in the buffer: the replies would no longer
// fit the commands.
func (p pop3) ask(command string) (good bool, line string) {
	if p.in.br.Buffered() > 0 {
		p.Fault = FaultUnsolicited
		return false, ""
	}
	p.in.begin()
	if !p.send(command) {
		return false, ""
	}
	line, ok := p.line()
	if !ok {
		return false, ""
	}
	good, _, ok = indicator(line)
	if !ok {
		p.Fault = FaultForm
		return false, ""
	}
	return good, line
}

// indicator reads the status that begins a reply, "+OK" or "-ERR", which some
// servers write in small letters.
func indicator(line string) (good bool, rest string, ok bool) {
	word, rest := firstWord(line)
	return word == "+OK", rest, word == "+OK" || word == "-ERR"
}
