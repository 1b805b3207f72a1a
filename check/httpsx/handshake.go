package httpsx

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"

	"maildoctor/check/netfault"
)

// errJudged ends a handshake with a server whose certificate is not good. The
// outcome is known then.
var errJudged = errors.New("httpsx: the certificate is not good")

// handshake secures the connection and judges the certificate in between.
func (f *fetch) handshake(ctx context.Context, conn net.Conn) net.Conn {
	client := tls.Client(conn, &tls.Config{
		ServerName:         f.Host,
		NextProtos:         []string{"http/1.1"},
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, // VerifyConnection judges, so that a bad certificate is seen too
		VerifyConnection: func(cs tls.ConnectionState) error {
			if len(cs.PeerCertificates) > 0 {
				f.certificate(cs.PeerCertificates)
			}
			if f.Certificate == nil || f.Outcome != "" {
				return errJudged
			}
			return nil
		},
	})
	err := client.HandshakeContext(ctx)
	switch {
	case err == nil:
		return client
	case f.Outcome != "":
	case f.late(ctx, err, ReasonHandshake):
	default:
		f.Outcome = OutcomeTLSFailed
		f.tlsReason(err)
	}
	return nil
}

// late reports whether time ran out, or the caller gave up, and says so.
func (f *fetch) late(ctx context.Context, err error, step string) bool {
	switch {
	case f.stopped():
		return true
	case netfault.IsTimeout(err), ctx.Err() != nil:
		f.Outcome, f.Reason = OutcomeTimeout, step
		return true
	}
	return false
}

// The start of the only text by which crypto/tls tells that a certificate does
// not parse; it has no error type for it.
const parseFailure = "tls: failed to parse certificate"

// tlsReason says why TLS failed.
func (f *fetch) tlsReason(err error) {
	var record tls.RecordHeaderError
	switch {
	case f.alert(err):
	case errors.As(err, &record) && !isRecord(record.RecordHeader):
		f.Reason = ReasonNotTLS
	case netfault.IsClosed(err):
		f.Reason = ReasonClosed
	case netfault.IsReset(err):
		f.Reason = ReasonReset
	case strings.HasPrefix(err.Error(), parseFailure):
		f.Reason = ReasonCertificate
	default:
		f.Reason, f.Detail = ReasonProtocol, detail(err)
	}
}

// alert reports whether the server sent a fatal alert, and says so. Its name
// comes out of crypto/tls, not from the server.
func (f *fetch) alert(err error) bool {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" || op.Err == nil {
		return false
	}
	name := strings.TrimPrefix(op.Err.Error(), "tls: ")
	f.Reason, f.Detail = ReasonAlert, cut(strings.ReplaceAll(strings.ToLower(name), " ", "-"), MaxField)
	return true
}

// isRecord reports whether a record has a content type and version of TLS (RFC
// 8446 section 5.1), however faulty the rest is.
func isRecord(header [5]byte) bool {
	return header[0] >= 20 && header[0] <= 23 && header[1] == 3
}
