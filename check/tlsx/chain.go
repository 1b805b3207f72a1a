package tlsx

import (
	"crypto/x509"
	"net"
	"net/netip"
	"slices"

	"maildoctor/check/certs"
)

func (s *State) verify(chain []*x509.Certificate, c Config) (certs.Chain, string) {
	code, err := certs.Verify(chain, c.Roots, c.Now)
	switch {
	case code == certs.ChainUnknownAuthority && s.Certs[0].SelfSigned:
		return certs.ChainSelfSigned, ""
	case code == certs.ChainUnknownAuthority && slices.ContainsFunc(s.Certs, func(d Certificate) bool { return d.WeakSignature && !d.SelfSigned }):
		return certs.ChainWeakSignature, ""
	case code == certs.ChainOther:
		return code, cut(err.Error(), MaxDetail)
	}
	return code, ""
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
	return slices.ContainsFunc(cert.DNSNames, func(pattern string) bool { return certs.MatchName(pattern, host) })
}
