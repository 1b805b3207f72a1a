// Package netfault says why a TCP connection could not be made, or broke off:
// what the errors of package net mean to somebody who asks about the host, on
// every system.
package netfault

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"syscall"
)

// A Code says how the network failed.
type Code string

// The ways to fail.
const (
	Unreachable Code = "unreachable"    // no route to the address, or no address of our own of that family
	Refused     Code = "refused"        // nothing listens on the port
	Timeout     Code = "timeout"        // the time ran out
	Reset       Code = "reset"          // the other side reset the connection
	Closed      Code = "closed"         // the other side closed the connection
	Cancelled   Code = "cancelled"      // the caller gave up
	NoConnect   Code = "connect-failed" // another cause, perhaps on our side
	Broken      Code = "connection"     // the connection failed in another way
)

// What Windows calls ECONNREFUSED, ECONNRESET, ENETUNREACH and EHOSTUNREACH;
// the numbers stand for nothing elsewhere.
const (
	wsaNetUnreach  = syscall.Errno(10051)
	wsaConnReset   = syscall.Errno(10054)
	wsaConnRefused = syscall.Errno(10061)
	wsaHostUnreach = syscall.Errno(10065)
)

// Declined returns the reason of a dialer that did not dial: an error that has
// a method Reason() string, itself or wrapped.
func Declined(err error) (reason string, ok bool) {
	var declined interface{ Reason() string }
	if !errors.As(err, &declined) {
		return "", false
	}
	return declined.Reason(), true
}

// Connecting says why a dial failed: the reason if it was Declined, Cancelled
// if ctx is done, which is that of the caller without the time limit of the
// dial, else Unreachable, Refused, Timeout, Reset or NoConnect.
func Connecting(ctx context.Context, err error) Code {
	reason, declined := Declined(err)
	switch {
	case declined:
		return Code(reason)
	case ctx.Err() != nil: // cut short by the caller, not by the host
		return Cancelled
	case IsRefused(err):
		return Refused
	case IsReset(err):
		return Reset
	case IsUnreachable(err):
		return Unreachable
	case IsTimeout(err):
		return Timeout
	}
	return NoConnect
}

// Talking says why a read or write of a connection failed: Cancelled if ctx was
// cancelled, Timeout if its time is over, else Timeout, Closed, Reset or Broken.
func Talking(ctx context.Context, err error) Code {
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return Cancelled
	case IsTimeout(err), ctx.Err() != nil:
		return Timeout
	case IsClosed(err):
		return Closed
	case IsReset(err):
		return Reset
	}
	return Broken
}

// IsRefused reports whether nothing listens on the port.
func IsRefused(err error) bool { return isAny(err, syscall.ECONNREFUSED, wsaConnRefused) }

// IsUnreachable reports whether there is no route to the address, or no address
// of our own of its family.
func IsUnreachable(err error) bool {
	return isAny(err, syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.EADDRNOTAVAIL, wsaNetUnreach, wsaHostUnreach)
}

// IsReset reports whether the other side reset the connection.
func IsReset(err error) bool { return isAny(err, syscall.ECONNRESET, syscall.EPIPE, wsaConnReset) }

// IsClosed reports whether the other side closed the connection.
func IsClosed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe)
}

// IsTimeout reports whether the time ran out, by a deadline or for the system.
func IsTimeout(err error) bool {
	var ne net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) ||
		errors.As(err, &ne) && ne.Timeout()
}

func isAny(err error, numbers ...syscall.Errno) bool {
	return slices.ContainsFunc(numbers, func(n syscall.Errno) bool { return errors.Is(err, n) })
}
