package access

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// Limits of one reply. RFC 2449 section 4 allows lines of 512 octets in POP3; for
// IMAP there is no such limit.
const (
	MaxLine       = 8 << 10     // octets of one line, its end included
	MaxReply      = 64 << 10    // octets of one reply
	MaxReplyLines = 200         // lines of one reply
	readBuffer    = MaxLine + 1 // so that a line that is too long is seen
)

// A Fault says why a reply could not be read.
type Fault string

// The faults of a reply.
const (
	FaultNone        Fault = ""
	FaultLineTooLong Fault = "line-too-long"  // a line of more than MaxLine octets
	FaultTooLong     Fault = "reply-too-long" // more than MaxReply octets or MaxReplyLines lines
	FaultForm        Fault = "bad-form"       // a line that the protocol does not have at this place
	FaultUnsolicited Fault = "unsolicited"    // with POP3, more than one reply came before the next command
	FaultBye         Fault = "bye"            // the server took leave in the midst of the dialogue
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
	case FaultLineTooLong, FaultTooLong, FaultForm, FaultUnsolicited:
		return true
	}
	return false
}

// reader reads lines, those of one reply within the limits above.
type reader struct {
	br     *bufio.Reader
	line   func([]byte) // told of every line, the faulty ones too, without its end
	octets int          // of this reply
	lines  int          // of this reply
}

func newReader(r io.Reader, line func([]byte)) *reader {
	return &reader{br: bufio.NewReaderSize(r, readBuffer), line: line}
}

// begin starts a new reply.
func (r *reader) begin() { r.octets, r.lines = 0, 0 }

// next reads one line and nothing beyond it, and returns it without its end,
// for which a lone LF will do. The line holds until the next call. With
// FaultConnection err says what happened; it is nil otherwise.
func (r *reader) next() (line []byte, fault Fault, err error) {
	line, err = r.br.ReadSlice('\n')
	r.octets += len(line)
	r.lines++
	text := bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	if len(line) > 0 {
		r.line(text)
	}
	switch {
	case errors.Is(err, bufio.ErrBufferFull), len(line) > MaxLine:
		return nil, FaultLineTooLong, nil
	case err != nil:
		return nil, FaultConnection, err
	case r.octets > MaxReply, r.lines > MaxReplyLines:
		return nil, FaultTooLong, nil
	}
	return text, FaultNone, nil
}
