package tlsx

import (
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// Chain says whether a chain leads from the server's certificate to a trusted
// root. It is judged at a time within the validity of that certificate, so that
// one that has expired does not hide the answer.
type Chain string

// The results of looking for a chain.
const (
	ChainTrusted          Chain = "trusted"
	ChainSelfSigned       Chain = "self-signed"        // the certificate signs itself and is no trusted root
	ChainUnknownAuthority Chain = "unknown-authority"  // no trusted root is reached: it is a private one, an intermediate is missing, or one may not sign
	ChainExpired          Chain = "expired-in-chain"   // a certificate above the server's own is not valid at that time
	ChainWeakSignature    Chain = "weak-signature"     // a certificate on the way is signed with MD5 or SHA-1
	ChainNameConstraint   Chain = "name-constraint"    // an authority on the way may not sign for these names
	ChainTooLong          Chain = "path-too-long"      // a path length constraint is exceeded
	ChainUsage            Chain = "wrong-usage"        // not meant for TLS servers
	ChainValidity         Chain = "impossible-dates"   // the certificate ends before it begins
	ChainExtension        Chain = "critical-extension" // a critical extension is not understood
	ChainNoRoots          Chain = "no-system-roots"    // the system's roots cannot be read: nothing was judged
	ChainOther            Chain = "other"              // anything else; State.ChainDetail says what
)

func (s *State) verify(chain []*x509.Certificate, c Config) (Chain, string) {
	leaf := chain[0]
	if leaf.NotAfter.Before(leaf.NotBefore) {
		return ChainValidity, ""
	}
	at := c.Now
	switch {
	case at.After(leaf.NotAfter):
		at = leaf.NotAfter
	case at.Before(leaf.NotBefore):
		at = leaf.NotBefore
	}
	intermediates := x509.NewCertPool()
	for _, cert := range chain[1:] {
		intermediates.AddCert(cert)
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: c.Roots, Intermediates: intermediates, CurrentTime: at})
	if err == nil {
		return ChainTrusted, ""
	}
	code := chainOf(err)
	switch {
	case code == ChainUnknownAuthority && s.Certs[0].SelfSigned:
		return ChainSelfSigned, ""
	case code == ChainUnknownAuthority && slices.ContainsFunc(s.Certs, func(d Certificate) bool { return d.WeakSignature && !d.SelfSigned }):
		return ChainWeakSignature, ""
	case code == ChainOther:
		return code, cut(err.Error(), MaxDetail)
	}
	return code, ""
}

func chainOf(err error) Chain {
	var unknown x509.UnknownAuthorityError
	var roots x509.SystemRootsError
	var extension x509.UnhandledCriticalExtension
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &unknown):
		return ChainUnknownAuthority
	case errors.As(err, &roots):
		return ChainNoRoots
	case errors.As(err, &extension):
		return ChainExtension
	case errors.As(err, &invalid):
		return invalidChain(invalid.Reason)
	}
	return ChainOther
}

func invalidChain(reason x509.InvalidReason) Chain {
	switch reason {
	case x509.Expired:
		return ChainExpired
	case x509.TooManyIntermediates:
		return ChainTooLong
	case x509.IncompatibleUsage, x509.CANotAuthorizedForExtKeyUsage:
		return ChainUsage
	case x509.CANotAuthorizedForThisName, x509.UnconstrainedName, x509.TooManyConstraints:
		return ChainNameConstraint
	}
	return ChainOther
}

// matches reports whether a subject alternative name presents the host; the
// common name does not count (RFC 9525 section 6.3, RFC 8461 section 4.1).
func matches(cert *x509.Certificate, host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return slices.ContainsFunc(cert.IPAddresses, func(ip net.IP) bool {
			presented, ok := netip.AddrFromSlice(ip)
			return ok && presented.Unmap() == addr.Unmap()
		})
	}
	return slices.ContainsFunc(cert.DNSNames, func(pattern string) bool { return MatchName(pattern, host) })
}

// MatchName reports whether a DNS name of a certificate presents the host, both
// as A-labels: the same labels, where a left-most label "*" of the pattern
// stands for exactly one label (RFC 9525 section 6.3). ASCII case and a final
// dot of the host do not matter.
func MatchName(pattern, host string) bool {
	pattern, host = lower(pattern), lower(strings.TrimSuffix(host, "."))
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

// lower folds ASCII letters and leaves all other octets.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
