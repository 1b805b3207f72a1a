package tlsx

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"unicode/utf8"

	"maildoctor/check/certs"
	"maildoctor/check/netfault"
)

// Outcome says how a handshake ended.
type Outcome string

// The ways in which a handshake ends.
const (
	OutcomeOK             Outcome = "ok"
	OutcomeTimeout        Outcome = "timeout"         // the time ran out
	OutcomeCancelled      Outcome = "cancelled"       // the context was cancelled
	OutcomeClosed         Outcome = "closed"          // the server closed the connection
	OutcomeReset          Outcome = "reset"           // the connection was reset
	OutcomeAlert          Outcome = "alert"           // the server sent a fatal alert
	OutcomeNotTLS         Outcome = "not-tls"         // the server answered with something that is no TLS record
	OutcomeBadCertificate Outcome = "bad-certificate" // the server sent a certificate that cannot be parsed
	OutcomeWeakKey        Outcome = "weak-key"        // the RSA key is too short for crypto/tls to take a signature of it
	OutcomeProtocol       Outcome = "protocol-error"  // the server broke the protocol, or knows nothing that we offer
)

// The start of the only text by which crypto/tls tells that a certificate does
// not parse; it has no error type for it.
const parseFailure = "tls: failed to parse certificate"

func (s *State) failed(ctx context.Context, err error) {
	var record tls.RecordHeaderError
	var op *net.OpError
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		s.Outcome = OutcomeCancelled
	case netfault.IsTimeout(err), ctx.Err() != nil:
		s.Outcome = OutcomeTimeout
	case errors.As(err, &record):
		s.badRecord(record)
	case errors.As(err, &op) && op.Op == "remote error":
		s.Outcome = OutcomeAlert
		s.Alert, s.AlertName = alertOf(op.Err)
	case netfault.IsClosed(err):
		s.Outcome = OutcomeClosed
	case netfault.IsReset(err):
		s.Outcome = OutcomeReset
	case strings.HasPrefix(err.Error(), parseFailure):
		s.Outcome = OutcomeBadCertificate
		s.Detail = cut(err.Error(), MaxDetail)
	case s.Leaf() != nil && s.Leaf().KeyType == KeyRSA && s.Leaf().KeyBits < certs.MinRSA:
		s.Outcome = OutcomeWeakKey
	default:
		s.Outcome = OutcomeProtocol
		s.Detail = cut(bare(err).Error(), MaxDetail)
	}
}

// bare takes the addresses and ports off an error of package net.
func bare(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		return op.Err
	}
	return err
}

// badRecord tells an answer in clear text from a faulty record, which begins
// with a content type of 20 to 23 and the major version 3 (RFC 8446 section 5.1).
func (s *State) badRecord(e tls.RecordHeaderError) {
	h := e.RecordHeader
	if h[0] >= 20 && h[0] <= 23 && h[1] == 3 {
		s.Outcome = OutcomeProtocol
		s.Detail = cut(e.Msg, MaxDetail)
		return
	}
	s.Outcome = OutcomeNotTLS
	s.Plaintext = string(h[:])
}

// alertOf finds the number of an alert that came from the server. crypto/tls
// hides its type, but gives it the text of the exported tls.AlertError.
func alertOf(err error) (number int, name string) {
	text := err.Error()
	for n := range 256 {
		if tls.AlertError(n).Error() != text {
			continue
		}
		name, ok := strings.CutPrefix(text, "tls: ")
		if !ok || strings.HasPrefix(name, "alert(") {
			return n, ""
		}
		return n, strings.ReplaceAll(strings.ToLower(name), " ", "-")
	}
	return 0, ""
}

// cut shortens s to at most n octets without splitting a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
