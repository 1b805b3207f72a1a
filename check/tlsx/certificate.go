package tlsx

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"time"

	"maildoctor/check/certs"
)

// A Certificate is what one certificate of the server says.
type Certificate struct {
	Subject       string   `json:"subject,omitempty"`   // common name, at most MaxName octets
	Issuer        string   `json:"issuer,omitempty"`    // common name of the issuer, else its organization; at most MaxName octets
	DNSNames      []string `json:"dns_names,omitempty"` // subject alternative names as they stand there, at most MaxNames
	DNSNameCount  int      `json:"dns_name_count,omitempty"`
	IPCount       int      `json:"ip_count,omitempty"` // addresses among the subject alternative names
	NotBefore     string   `json:"not_before"`         // RFC 3339, UTC
	NotAfter      string   `json:"not_after"`          // RFC 3339, UTC
	DaysLeft      int      `json:"days_left"`          // whole days to NotAfter; negative once it is past
	LifeDays      int      `json:"life_days"`          // whole days from NotBefore to NotAfter
	Expired       bool     `json:"expired,omitempty"`
	NotYetValid   bool     `json:"not_yet_valid,omitempty"`
	KeyType       KeyType  `json:"key_type"`
	KeyBits       int      `json:"key_bits,omitempty"` // modulus or field size; 0 with KeyUnknown
	Curve         string   `json:"curve,omitempty"`    // with KeyECDSA, such as "P-256"
	Signature     string   `json:"signature_algorithm"`
	WeakSignature bool     `json:"weak_signature,omitempty"` // signed with MD5 or SHA-1
	SHA256        string   `json:"sha256"`                   // of the whole certificate, in lower-case hexadecimal digits
	KeySHA256     string   `json:"key_sha256"`               // of its SubjectPublicKeyInfo
	SelfSigned    bool     `json:"self_signed,omitempty"`
}

// KeyType is the kind of a public key.
type KeyType string

// The kinds of public keys.
const (
	KeyRSA     KeyType = "rsa"
	KeyECDSA   KeyType = "ecdsa"
	KeyEd25519 KeyType = "ed25519"
	KeyUnknown KeyType = "unknown"
)

func (s *State) certificates(chain []*x509.Certificate, c Config) {
	if len(chain) == 0 {
		return
	}
	for _, cert := range chain {
		s.Certs = append(s.Certs, describe(cert, c.Now))
		s.Raw = append(s.Raw, cert.Raw)
	}
	s.NameMatch = matches(chain[0], c.ServerName)
	s.Chain, s.ChainDetail = s.verify(chain, c)
}

func describe(cert *x509.Certificate, now time.Time) Certificate {
	d := Certificate{
		Subject:       cut(cert.Subject.CommonName, MaxName),
		Issuer:        cut(certs.IssuerName(cert), MaxName),
		DNSNameCount:  len(cert.DNSNames),
		IPCount:       len(cert.IPAddresses),
		NotBefore:     cert.NotBefore.UTC().Format(time.RFC3339),
		NotAfter:      cert.NotAfter.UTC().Format(time.RFC3339),
		DaysLeft:      certs.DaysBetween(now, cert.NotAfter),
		LifeDays:      certs.DaysBetween(cert.NotBefore, cert.NotAfter),
		Expired:       now.After(cert.NotAfter),
		NotYetValid:   now.Before(cert.NotBefore),
		Signature:     cert.SignatureAlgorithm.String(),
		WeakSignature: certs.WeakSignature(cert),
		SHA256:        certs.SHA256(cert.Raw),
		KeySHA256:     certs.SHA256(cert.RawSubjectPublicKeyInfo),
		SelfSigned:    selfSigned(cert),
	}
	for _, name := range cert.DNSNames[:min(len(cert.DNSNames), MaxNames)] {
		d.DNSNames = append(d.DNSNames, cut(name, MaxName))
	}
	d.KeyType, d.KeyBits = keyOf(cert)
	if key, ok := cert.PublicKey.(*ecdsa.PublicKey); ok {
		d.Curve = key.Curve.Params().Name
	}
	return d
}

func keyOf(cert *x509.Certificate) (KeyType, int) {
	switch key := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		return KeyRSA, key.N.BitLen()
	case *ecdsa.PublicKey:
		return KeyECDSA, key.Curve.Params().BitSize
	case ed25519.PublicKey:
		return KeyEd25519, 8 * len(key)
	}
	return KeyUnknown, 0
}

// selfSigned takes the names for proof where crypto/x509 does not verify the
// algorithm any more.
func selfSigned(cert *x509.Certificate) bool {
	return certs.SelfSigned(cert) || certs.SelfIssued(cert) && certs.WeakSignature(cert)
}
