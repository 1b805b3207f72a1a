package httpsx

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"slices"
	"time"

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
	Chain        Chain            `json:"chain"`
	SHA256       string           `json:"sha256"` // of the whole certificate, in lower-case hexadecimal digits
}

// Chain says whether a chain leads from the host's certificate to a trusted
// root. It is judged at a time within the validity of that certificate, so that
// one that has expired does not hide the answer.
type Chain string

// The results of looking for a chain.
const (
	ChainTrusted          Chain = "trusted"
	ChainSelfSigned       Chain = "self-signed"        // the certificate signs itself and is no trusted root
	ChainUnknownAuthority Chain = "unknown-authority"  // no trusted root is reached: it is a private one, an intermediate is missing, or one may not sign
	ChainExpired          Chain = "expired-in-chain"   // a certificate above the host's own is not valid at that time
	ChainNameConstraint   Chain = "name-constraint"    // an authority on the way may not sign for these names
	ChainTooLong          Chain = "path-too-long"      // a path length constraint is exceeded
	ChainUsage            Chain = "wrong-usage"        // not meant for TLS servers
	ChainValidity         Chain = "impossible-dates"   // the certificate ends before it begins
	ChainExtension        Chain = "critical-extension" // a critical extension is not understood
	ChainNoRoots          Chain = "no-system-roots"    // the system's roots cannot be read: nothing was judged
	ChainOther            Chain = "other"              // anything else
)

// certificate judges the chain that the server sent; chain is not empty. It
// sets the outcome unless all is well. Of several faults a wrong name comes
// first, since the certificate is then another's, and the dates come last.
func (f *fetch) certificate(chain []*x509.Certificate) {
	leaf, now := chain[0], f.Now()
	c := &Certificate{
		Subject:      cut(leaf.Subject.CommonName, MaxName),
		Issuer:       cut(leaf.Issuer.CommonName, MaxName),
		DNSNameCount: len(leaf.DNSNames),
		NotBefore:    leaf.NotBefore.UTC().Format(time.RFC3339),
		NotAfter:     leaf.NotAfter.UTC().Format(time.RFC3339),
		Expired:      now.After(leaf.NotAfter),
		NotYetValid:  now.Before(leaf.NotBefore),
		NameMatch:    leaf.VerifyHostname(f.Host) == nil,
		Chain:        verify(chain[:min(len(chain), MaxCertificates)], f.Roots, now),
	}
	if c.Issuer == "" && len(leaf.Issuer.Organization) > 0 {
		c.Issuer = cut(leaf.Issuer.Organization[0], MaxName)
	}
	for _, name := range leaf.DNSNames[:min(len(leaf.DNSNames), MaxNames)] {
		c.DNSNames = append(c.DNSNames, cut(name, MaxName))
	}
	sum := sha256.Sum256(leaf.Raw)
	c.SHA256 = hex.EncodeToString(sum[:])
	f.Certificate = c
	switch {
	case !c.NameMatch:
		f.Outcome = OutcomeName
	case c.Chain == ChainNoRoots:
		f.Outcome = OutcomeNoRoots
	case c.Chain != ChainTrusted:
		f.Outcome, f.Reason = OutcomeUntrusted, string(c.Chain)
	case c.Expired:
		f.Outcome = OutcomeExpired
	case c.NotYetValid:
		f.Outcome = OutcomeNotYetValid
	}
}

func verify(chain []*x509.Certificate, roots *x509.CertPool, at time.Time) Chain {
	leaf := chain[0]
	switch {
	case leaf.NotAfter.Before(leaf.NotBefore):
		return ChainValidity
	case at.After(leaf.NotAfter):
		at = leaf.NotAfter
	case at.Before(leaf.NotBefore):
		at = leaf.NotBefore
	}
	intermediates := x509.NewCertPool()
	for _, c := range chain[1:] {
		intermediates.AddCert(c)
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: intermediates, CurrentTime: at})
	if err == nil {
		return ChainTrusted
	}
	code := chainOf(err)
	if code == ChainUnknownAuthority && selfSigned(leaf) {
		return ChainSelfSigned
	}
	return code
}

func selfSigned(c *x509.Certificate) bool {
	return slices.Equal(c.RawIssuer, c.RawSubject) &&
		c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
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
