package lab

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"time"
)

const day = 24 * time.Hour

// A mint makes the certificates of a running world, all relative to one
// moment.
type mint struct {
	now      time.Time
	serial   int64
	trusted  *authority
	stranger *authority // nobody has its root
	rsa      map[keyKind]*rsa.PrivateKey
}

// An authority is a root and the intermediate that signs for it.
type authority struct {
	root    *x509.Certificate
	issuing *x509.Certificate
	key     crypto.Signer // of issuing
}

func newMint(now time.Time) (*mint, error) {
	m := &mint{now: now.UTC().Truncate(time.Second), rsa: map[keyKind]*rsa.PrivateKey{}}
	var err error
	if m.trusted, err = m.authority("Lab"); err != nil {
		return nil, err
	}
	if m.stranger, err = m.authority("Unknown"); err != nil {
		return nil, err
	}
	return m, nil
}

// authority makes a root and an intermediate, with names that begin with name.
func (m *mint) authority(name string) (*authority, error) {
	rootKey, err := m.key(keyECDSA)
	if err != nil {
		return nil, err
	}
	template := m.template(name + " Root CA")
	template.IsCA = true
	template.KeyUsage = x509.KeyUsageCertSign
	template.NotBefore, template.NotAfter = m.now.Add(-3650*day), m.now.Add(3650*day)
	root, err := sign(template, template, rootKey.Public(), rootKey)
	if err != nil {
		return nil, err
	}
	key, err := m.key(keyECDSA)
	if err != nil {
		return nil, err
	}
	template = m.template(name + " Issuing CA")
	template.IsCA = true
	template.MaxPathLenZero = true
	template.KeyUsage = x509.KeyUsageCertSign
	template.NotBefore, template.NotAfter = m.now.Add(-1825*day), m.now.Add(1825*day)
	issuing, err := sign(template, root, key.Public(), rootKey)
	if err != nil {
		return nil, err
	}
	return &authority{root: root, issuing: issuing, key: key}, nil
}

func (m *mint) template(name string) *x509.Certificate {
	m.serial++
	return &x509.Certificate{
		SerialNumber:          big.NewInt(m.serial),
		Subject:               pkix.Name{CommonName: name},
		BasicConstraintsValid: true,
	}
}

// key makes a key, or returns the one of this kind that was made before where
// making it takes long.
func (m *mint) key(kind keyKind) (crypto.Signer, error) {
	bits := 0
	switch kind {
	case keyRSA1024:
		bits = 1024
	case keyRSA2048:
		bits = 2048
	default:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if k := m.rsa[kind]; k != nil {
		return k, nil
	}
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return nil, err
	}
	m.rsa[kind] = k
	return k, nil
}

// issue makes the certificate that c describes, for a server called name if c
// has no names of its own.
func (m *mint) issue(c *certificate, name string) (tls.Certificate, error) {
	key, err := m.key(c.key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("lab: making a key: %w", err)
	}
	names := c.names
	if len(names) == 0 {
		names = []string{name}
	}
	template := m.template(names[0])
	template.DNSNames = names
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	template.NotBefore, template.NotAfter = m.period(c)
	if c.sha1 && c.selfSigned && c.key != keyECDSA {
		template.SignatureAlgorithm = x509.SHA1WithRSA
	} else if c.sha1 { // the authorities have keys of ECDSA
		template.SignatureAlgorithm = x509.ECDSAWithSHA1
	}

	by := m.by(c)
	parent, signer := by.issuing, by.key
	if c.selfSigned {
		parent, signer = template, key
	}
	leaf, err := sign(template, parent, key.Public(), signer)
	if err != nil {
		return tls.Certificate{}, err
	}
	out := tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
	if !c.selfSigned && !c.noIntermediate {
		out.Certificate = append(out.Certificate, by.issuing.Raw)
	}
	return out, nil
}

// by returns the authority that signs a certificate, unless that signs itself.
func (m *mint) by(c *certificate) *authority {
	if c.untrusted {
		return m.stranger
	}
	return m.trusted
}

func (m *mint) period(c *certificate) (notBefore, notAfter time.Time) {
	switch c.validity {
	case expired:
		return m.now.Add(-120 * day), m.now.Add(-30 * day)
	case notYetValid:
		return m.now.Add(day), m.now.Add(defaultDays * day)
	}
	return m.now.Add(-30 * day), m.now.Add(time.Duration(c.days) * day)
}

// roots returns the root that the inhabitants of the world trust.
func (m *mint) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(m.trusted.root)
	return pool
}

func sign(template, parent *x509.Certificate, public crypto.PublicKey, signer crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
	if err != nil {
		return nil, fmt.Errorf("lab: making a certificate: %w", err)
	}
	return x509.ParseCertificate(der)
}
