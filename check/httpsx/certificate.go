package httpsx

import (
	"crypto/x509"
	"time"

	"maildoctor/check/certs"
	"maildoctor/check/taglist"
)

// Limits of what is kept of a certificate and used of a chain.
const (
	MaxCertificates = 10  // certificates used to find a chain
	MaxNames        = 20  // DNS names kept
	MaxName         = 255 // octets kept of one name
)

// A Certificate is what the host's own certificate says, and how it was judged.
type Certificate struct {
	Subject      taglist.Octets   `json:"subject,omitempty"`        // common name, at most MaxName octets
	Issuer       taglist.Octets   `json:"issuer,omitempty"`         // common name of the issuer, else its organization; at most MaxName octets
	DNSNames     []taglist.Octets `json:"dns_names,omitempty"`      // subject alternative names as they stand there, at most MaxNames of MaxName octets
	DNSNameCount int              `json:"dns_name_count,omitempty"` // of all
	NotBefore    string           `json:"not_before"`               // RFC 3339, UTC
	NotAfter     string           `json:"not_after"`                // RFC 3339, UTC
	Expired      bool             `json:"expired,omitempty"`
	NotYetValid  bool             `json:"not_yet_valid,omitempty"`
	NameMatch    bool             `json:"name_match"` // a subject alternative name presents the host (RFC 9525 section 6.3)
	Chain        certs.Chain      `json:"chain"`
	SHA256       string           `json:"sha256"` // of the whole certificate, in lower-case hexadecimal digits
}

// certificate judges the chain that the server sent; chain is not empty. It
// sets the outcome unless all is well. Of several faults a wrong name comes
// first, since the certificate is then another's, and the dates come last.
func (f *fetch) certificate(chain []*x509.Certificate) {
	leaf, now := chain[0], f.Now()
	c := &Certificate{
		Subject:      cut(leaf.Subject.CommonName, MaxName),
		Issuer:       cut(certs.IssuerName(leaf), MaxName),
		DNSNameCount: len(leaf.DNSNames),
		NotBefore:    leaf.NotBefore.UTC().Format(time.RFC3339),
		NotAfter:     leaf.NotAfter.UTC().Format(time.RFC3339),
		Expired:      now.After(leaf.NotAfter),
		NotYetValid:  now.Before(leaf.NotBefore),
		NameMatch:    leaf.VerifyHostname(f.Host) == nil,
		SHA256:       certs.SHA256(leaf.Raw),
	}
	for _, name := range leaf.DNSNames[:min(len(leaf.DNSNames), MaxNames)] {
		c.DNSNames = append(c.DNSNames, cut(name, MaxName))
	}
	c.Chain, _ = certs.Verify(chain[:min(len(chain), MaxCertificates)], f.Roots, now)
	f.Certificate = c
	switch {
	case !c.NameMatch:
		f.Outcome = OutcomeName
	case c.Chain == certs.ChainNoRoots:
		f.Outcome = OutcomeNoRoots
	case c.Chain != certs.ChainTrusted:
		f.Outcome, f.Reason = OutcomeUntrusted, string(c.Chain)
	case c.Expired:
		f.Outcome = OutcomeExpired
	case c.NotYetValid:
		f.Outcome = OutcomeNotYetValid
	}
}
