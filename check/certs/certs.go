// Package certs reads and judges X.509 certificates (RFC 5280) as far as
// several protocols do it alike: what a certificate says of its issuer, its
// signature and its time, which host it presents, and whether a chain leads
// from it to a root.
//
// What follows from that is for the protocol to say, since the protocols differ
// on it: HTTPS and MTA-STS ask for a trusted root, a mail host without a policy
// needs none, DANE names an anchor of its own, and BIMI has its own roots.
package certs

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"strings"
	"time"

	"maildoctor/check/taglist"
)

// MinRSA is the length in bits of the shortest RSA key whose signatures
// crypto/rsa verifies.
const MinRSA = 1024

// IssuerName returns the common name of the issuer or, without one, its first
// organization. It may be empty, of any length, and hold any octets.
func IssuerName(c *x509.Certificate) string {
	if c.Issuer.CommonName == "" && len(c.Issuer.Organization) > 0 {
		return c.Issuer.Organization[0]
	}
	return c.Issuer.CommonName
}

// SelfIssued reports whether the issuer has the name of the subject (RFC 5280
// section 3.2). Nothing is verified.
func SelfIssued(c *x509.Certificate) bool { return bytes.Equal(c.RawIssuer, c.RawSubject) }

// SelfSigned reports whether the certificate is SelfIssued and its own key has
// signed it (RFC 5280 section 3.2). It is false where crypto/x509 does not know
// the algorithm, such as MD5, any more.
func SelfSigned(c *x509.Certificate) bool {
	return SelfIssued(c) && c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}

// WeakSignature reports whether the certificate is signed with MD2, MD5 or
// SHA-1, which crypto/x509 takes on no way to a root.
func WeakSignature(c *x509.Certificate) bool {
	switch c.SignatureAlgorithm {
	case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
		return true
	}
	return false
}

// SHA256 returns the SHA-256 digest of a certificate, or of a part of it, in 64
// lower-case hexadecimal digits.
func SHA256(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

// DaysBetween returns the whole days from one time to another, rounded down, so
// that they are negative as soon as the second time comes first. It counts in
// seconds since 1970: a time.Duration ends at 292 years.
func DaysBetween(from, to time.Time) int {
	const day = 24 * 60 * 60
	seconds := to.Unix() - from.Unix()
	days := seconds / day
	if seconds%day < 0 {
		days--
	}
	return int(days)
}

// MatchName reports whether a DNS name of a certificate presents the host, both
// as A-labels: the same labels, where a left-most label "*" of the pattern
// stands for exactly one label (RFC 9525 section 6.3, RFC 7672 section 3.2.3).
// ASCII case and a final dot of the host do not matter.
func MatchName(pattern, host string) bool {
	pattern, host = taglist.Lower(pattern), taglist.Lower(strings.TrimSuffix(host, "."))
	if host == "" || strings.Contains(host, "*") || strings.HasPrefix(host, ".") {
		return false
	}
	parent, wildcard := strings.CutPrefix(pattern, "*.")
	if !wildcard {
		return pattern == host
	}
	_, rest, ok := strings.Cut(host, ".")
	return ok && parent != "" && rest == parent
}
