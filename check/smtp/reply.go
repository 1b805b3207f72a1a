package smtp

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
)

// Limits of one reply. RFC 5321 section 4.5.3.1.5 allows lines of 512 octets;
// servers send longer ones.
const (
	MaxLine       = 2048     // octets of one line, its end included
	MaxReply      = 64 << 10 // octets of one reply
	MaxReplyLines = 100      // lines of one reply
	maxKeptLines  = 10       // lines of text kept in a Reply
	maxKeptText   = 512      // octets kept of one line of text
	readBuffer    = 4096     // more than MaxLine, so that a line that is too long is seen
)

// A Fault says why a reply could not be read.
type Fault string

// The faults of a reply.
const (
	FaultNone        Fault = ""
	FaultLineTooLong Fault = "line-too-long"  // a line of more than MaxLine octets
	FaultTooLong     Fault = "reply-too-long" // more than MaxReply octets or MaxReplyLines lines
	FaultCode        Fault = "bad-code"       // a line without a code of three digits, the first of them 2 to 5
	FaultSeparator   Fault = "bad-separator"  // neither space nor hyphen behind the code
	FaultMixedCodes  Fault = "mixed-codes"    // the lines of one reply carry different codes
	FaultUnsolicited Fault = "unsolicited"    // more than one reply came before the next command
	FaultTimeout     Fault = "timeout"        // the time ran out
	FaultCancelled   Fault = "cancelled"      // the context was cancelled
	FaultClosed      Fault = "closed"         // the server closed the connection
	FaultReset       Fault = "reset"          // the connection was reset
	FaultConnection  Fault = "connection"     // the connection failed in another way
)

// Malformed reports whether the fault lies in what the server sent, and not in
// the connection or the time.
func (f Fault) Malformed() bool {
	switch f {
	case FaultLineTooLong, FaultTooLong, FaultCode, FaultSeparator, FaultMixedCodes, FaultUnsolicited:
		return true
	}
	return false
}

// A Reply is the answer to one command, or the greeting (RFC 5321 section 4.2).
// The text is foreign and may hold any octet.
type Reply struct {
	Code int      `json:"code"`           // 200 to 599
	Text []string `json:"text,omitempty"` // behind code and separator, at most 10 lines of 512 octets
}

// class returns the first digit of the code.
func (r *Reply) class() int { return r.Code / 100 }

// reader reads replies, each within the limits above.
type reader struct {
	br     *bufio.Reader
	line   func([]byte) // told of every line, the faulty ones too, without its end
	bareLF bool         // a line ended in LF alone
}

func newReader(r io.Reader, line func([]byte)) *reader {
	return &reader{br: bufio.NewReaderSize(r, readBuffer), line: line}
}

// reply reads one reply and nothing beyond its last line. all holds the text of
// every line, without code. With FaultConnection err says what happened; it is
// nil otherwise.
func (r *reader) reply() (code int, all []string, fault Fault, err error) {
	octets := 0
	for {
		line, err := r.br.ReadSlice('\n')
		octets += len(line)
		text := r.trim(line)
		if len(line) > 0 {
			r.line(text)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull), len(line) > MaxLine:
			return code, all, FaultLineTooLong, nil
		case err != nil:
			return code, all, FaultConnection, err
		case octets > MaxReply, len(all) == MaxReplyLines:
			return code, all, FaultTooLong, nil
		}
		this, more, rest, fault := parseLine(text)
		switch {
		case fault != FaultNone:
			return code, all, fault, nil
		case code != 0 && this != code:
			return code, all, FaultMixedCodes, nil
		}
		code = this
		all = append(all, string(rest))
		if !more {
			return code, all, FaultNone, nil
		}
	}
}

// trim takes the line end off. A lone LF ends a line too, as every client in
// use has it; RFC 5321 section 2.3.8 knows only CRLF.
func (r *reader) trim(line []byte) []byte {
	text, ended := bytes.CutSuffix(line, []byte("\n"))
	text, crlf := bytes.CutSuffix(text, []byte("\r"))
	if ended && !crlf {
		r.bareLF = true
	}
	return text
}

// parseLine reads a Reply-line, RFC 5321 section 4.2. The code may stand alone
// (section 4.2.1 asks clients to take that), and its second digit is not limited
// to 5, since codes such as 571 are in use.
func parseLine(line []byte) (code int, more bool, text []byte, fault Fault) {
	if len(line) < 3 || line[0] < '2' || line[0] > '5' || !isDigit(line[1]) || !isDigit(line[2]) {
		return 0, false, nil, FaultCode
	}
	code = 100*int(line[0]-'0') + 10*int(line[1]-'0') + int(line[2]-'0')
	if len(line) == 3 {
		return code, false, nil, FaultNone
	}
	switch line[3] {
	case ' ':
		return code, false, line[4:], FaultNone
	case '-':
		return code, true, line[4:], FaultNone
	}
	return 0, false, nil, FaultSeparator
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func keep(code int, all []string) *Reply {
	r := &Reply{Code: code}
	for _, text := range all[:min(len(all), maxKeptLines)] {
		r.Text = append(r.Text, text[:min(len(text), maxKeptText)])
	}
	if slices.Equal(r.Text, []string{""}) {
		r.Text = nil
	}
	return r
}

// sendable reports whether a command can be sent as one line: nothing that ends
// a line, no other control character, within 512 octets with its end
// (RFC 5321 section 4.5.3.1.4).
func sendable(command string) bool {
	return len(command) <= 510 && !strings.ContainsFunc(command, func(r rune) bool { return r < ' ' || r > '~' })
}
