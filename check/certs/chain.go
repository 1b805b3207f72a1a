package certs

import (
	"crypto/x509"
	"errors"
	"time"
)

// Chain says whether a chain leads from a server's certificate to a trusted
// root. It is judged at a time within the validity of that certificate, so that
// one that has expired does not hide the answer.
type Chain string

// The results of looking for a chain.
const (
	ChainTrusted          Chain = "trusted"
	ChainSelfSigned       Chain = "self-signed"        // the certificate signs itself and is no trusted root
	ChainUnknownAuthority Chain = "unknown-authority"  // no trusted root is reached: it is a private one, an intermediate is missing, or one may not sign
	ChainExpired          Chain = "expired-in-chain"   // a certificate above the server's own is not valid at that time
	ChainWeakSignature    Chain = "weak-signature"     // of ChainUnknownAuthority, where a WeakSignature is on the way; Verify leaves it to the caller
	ChainNameConstraint   Chain = "name-constraint"    // an authority on the way may not sign for these names
	ChainTooLong          Chain = "path-too-long"      // a path length constraint is exceeded
	ChainUsage            Chain = "wrong-usage"        // not meant for TLS servers
	ChainValidity         Chain = "impossible-dates"   // the certificate ends before it begins
	ChainExtension        Chain = "critical-extension" // a critical extension is not understood
	ChainNoRoots          Chain = "no-system-roots"    // the system's roots cannot be read: nothing was judged
	ChainOther            Chain = "other"              // anything else; the error of Verify says what
)

// Verify looks for a chain from the first certificate, by way of the others in
// any order, to one of the roots; nil stands for those of the system. Neither
// names nor revocation are looked at (RFC 5280 section 6.1). There must be a
// first certificate; the caller limits their number. Where crypto/x509 finds no
// chain its error comes too.
func Verify(chain []*x509.Certificate, roots *x509.CertPool, at time.Time) (Chain, error) {
	leaf := chain[0]
	switch {
	case leaf.NotAfter.Before(leaf.NotBefore):
		return ChainValidity, nil
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
		return ChainTrusted, nil
	}
	code := chainOf(err)
	if code == ChainUnknownAuthority && SelfSigned(leaf) {
		code = ChainSelfSigned
	}
	return code, err
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
