package netfault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
)

// declined is the error of a dialer that does not dial.
type declined string

func (d declined) Error() string  { return "not dialled" }
func (d declined) Reason() string { return string(d) }

func TestCodes(t *testing.T) {
	op := func(n syscall.Errno) error {
		return fmt.Errorf("x: %w", &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", n)})
	}
	live := t.Context()
	cancelled, cancel := context.WithCancel(live)
	cancel()
	over, stop := context.WithTimeout(live, 0)
	defer stop()
	for _, tt := range []struct {
		name                string
		ctx                 context.Context
		err                 error
		connecting, talking Code
	}{
		{"refused", live, op(syscall.ECONNREFUSED), Refused, Broken},
		{"refused, Windows", live, op(wsaConnRefused), Refused, Broken},
		{"reset", live, op(syscall.ECONNRESET), Reset, Reset},
		{"reset, Windows", live, op(wsaConnReset), Reset, Reset},
		{"written after the reset", live, op(syscall.EPIPE), Reset, Reset},
		{"no route to the network", live, op(syscall.ENETUNREACH), Unreachable, Broken},
		{"no route to the network, Windows", live, op(wsaNetUnreach), Unreachable, Broken},
		{"no route to the host", live, op(syscall.EHOSTUNREACH), Unreachable, Broken},
		{"no route to the host, Windows", live, op(wsaHostUnreach), Unreachable, Broken},
		{"no address of that family", live, op(syscall.EADDRNOTAVAIL), Unreachable, Broken},
		{"timed out by the system", live, op(syscall.ETIMEDOUT), Timeout, Timeout},
		{"deadline of the connection", live, os.ErrDeadlineExceeded, Timeout, Timeout},
		{"deadline of a context", live, context.DeadlineExceeded, Timeout, Timeout},
		{"closed", live, io.EOF, NoConnect, Closed},
		{"closed in the midst", live, io.ErrUnexpectedEOF, NoConnect, Closed},
		{"closed pipe", live, io.ErrClosedPipe, NoConnect, Closed},
		{"no descriptors", live, op(syscall.EMFILE), NoConnect, Broken},
		{"unknown", live, errors.New("unknown"), NoConnect, Broken},
		{"declined", live, fmt.Errorf("guard: %w", declined("private-address")), "private-address", Broken},
		{"declined when all is over", cancelled, declined("budget"), "budget", Cancelled},
		{"cancelled", cancelled, op(syscall.ECONNREFUSED), Cancelled, Cancelled},
		{"time over", over, io.EOF, Cancelled, Timeout},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Connecting(tt.ctx, tt.err); got != tt.connecting {
				t.Errorf("connecting: got %q, want %q", got, tt.connecting)
			}
			if got := Talking(tt.ctx, tt.err); got != tt.talking {
				t.Errorf("talking: got %q, want %q", got, tt.talking)
			}
		})
	}
}

// An error of a real connection.
func TestReal(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
	if err == nil {
		conn.Close()
		t.Skip("somebody else listens there now")
	}
	if got := Connecting(t.Context(), err); got != Refused {
		t.Errorf("%v: got %q, want %q", err, got, Refused)
	}
}
