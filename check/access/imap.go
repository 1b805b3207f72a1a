package access

import (
	"strconv"
	"strings"
)

// imap speaks IMAP4rev1 (RFC 3501) and IMAP4rev2 (RFC 9051).
type imap struct {
	*dialogue
	commands int // sent so far; each has a tag of its own
}

// greeting reads the greeting, one untagged line (RFC 9051 section 7.1).
func (i *imap) greeting() Outcome {
	i.in.begin()
	line, ok := i.line()
	if !ok {
		return i.ungreeted()
	}
	word, rest, found := untagged(line)
	if !found {
		return OutcomeNotIMAP
	}
	i.Greeting = clipped(rest)
	switch word {
	case "OK":
		return OutcomeOK
	case "PREAUTH":
		return OutcomePreauth
	case "BYE":
		return OutcomeBye
	}
	i.Greeting = ""
	return OutcomeNotIMAP
}

func (i *imap) capabilities() (*Capabilities, bool) {
	status, _, data := i.ask("CAPABILITY")
	if status != "OK" {
		return nil, false
	}
	return parseIMAP(data)
}

func (i *imap) startTLS() (accepted, answered bool) {
	status, line, _ := i.ask("STARTTLS")
	i.StartTLSReply = clipped(line)
	return status == "OK", status != ""
}

func (i *imap) leave() { i.ask("LOGOUT") }

// ask sends a command and reads its reply: the status OK, NO or BAD, the line
// that has it, and the untagged lines before it without their asterisk. The
// status is empty with d.Fault set.
func (i *imap) ask(command string) (status, last string, data []string) {
	i.commands++
	tag := "a" + strconv.Itoa(i.commands)
	if !i.send(tag + " " + command) {
		return "", "", nil
	}
	bye := false
	for i.in.begin(); ; {
		line, ok := i.line()
		if !ok {
			if bye && !i.Fault.Malformed() {
				i.Fault = FaultBye
			}
			return "", "", nil
		}
		if word, _, ok := untagged(line); ok {
			bye = bye || word == "BYE"
			data = append(data, line[2:])
			continue
		}
		rest, ok := strings.CutPrefix(line, tag+" ")
		word, _ := firstWord(rest)
		if !ok || word != "OK" && word != "NO" && word != "BAD" {
			i.Fault = FaultForm
			return "", "", nil
		}
		return word, line, data
	}
}

// untagged reads a line that begins with an asterisk: its first word, in upper
// case, and what follows.
func untagged(line string) (word, rest string, ok bool) {
	line, ok = strings.CutPrefix(line, "* ")
	if !ok {
		return "", "", false
	}
	word, rest = firstWord(line)
	return word, rest, true
}

// firstWord splits a line at its first blank; the word comes in upper case.
func firstWord(line string) (word, rest string) {
	word, rest, _ = strings.Cut(line, " ")
	return upper(word), rest
}
