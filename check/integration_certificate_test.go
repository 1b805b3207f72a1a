//go:build integration

package check_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/big"
	"testing"
	"time"
)

// A credential is a private key and the certificates that a server shows with
// it, its own first.
type credential struct {
	key   crypto.Signer
	chain []*x509.Certificate
}

// A certificateOf says what is special about the certificate of a server. The zero value asks for one that every sender accepts.
type certificateOf struct {
	names      []string // the name of the server if there are none
	rsa        int      // bits; 0 for a key on P-256
	expired    bool
	selfSigned bool
	alone      bool // the intermediate authority is not shown
	none       bool // the file is missing
}

// A mint makes credentials. Its intermediate authority signs, and is shown with
// what it signed.
type mint struct {
	*authority // the root
	issuing    credential
	serial     int64
}

func newMint(t *testing.T) *mint {
	t.Helper()
	m := &mint{authority: newAuthority(t), serial: 1}
	template := m.template("Test Issuing Authority")
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	template.NotBefore, template.NotAfter = m.cert.NotBefore, m.cert.NotAfter
	key := newKey(t)
	m.issuing = credential{key, []*x509.Certificate{m.sign(t, template, m.cert, key, m.key)}}
	return m
}

func (m *mint) template(name string) *x509.Certificate {
	m.serial++
	return &x509.Certificate{SerialNumber: big.NewInt(m.serial), Subject: pkix.Name{CommonName: name}}
}

func (m *mint) sign(t *testing.T, template, parent *x509.Certificate, key, by crypto.Signer) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// issue makes the credential of a server called name.
func (m *mint) issue(t *testing.T, name string, c certificateOf) *credential {
	t.Helper()
	names := c.names
	if len(names) == 0 {
		names = []string{name}
	}
	template := m.template(names[0])
	template.DNSNames = names
	template.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	now := time.Now()
	template.NotBefore, template.NotAfter = now.AddDate(0, 0, -30), now.AddDate(0, 0, 60)
	if c.expired {
		template.NotBefore, template.NotAfter = now.AddDate(0, 0, -100), now.AddDate(0, 0, -10)
	}
	var key crypto.Signer = newKey(t)
	if c.rsa != 0 {
		key = newRSA(t, c.rsa)
	}
	if c.selfSigned {
		return &credential{key, []*x509.Certificate{m.sign(t, template, template, key, key)}}
	}
	leaf := m.sign(t, template, m.issuing.chain[0], key, m.issuing.key)
	if c.alone {
		return &credential{key, []*x509.Certificate{leaf}}
	}
	return &credential{key, []*x509.Certificate{leaf, m.issuing.chain[0]}}
}

// pem is the key and the certificates as servers read them.
func (c *credential) pem(t *testing.T) string {
	t.Helper()
	secret, err := x509.MarshalPKCS8PrivateKey(c.key)
	if err != nil {
		t.Fatal(err)
	}
	out := block("PRIVATE KEY", secret)
	for _, cert := range c.chain {
		out += block("CERTIFICATE", cert.Raw)
	}
	return out
}

// tls is the credential as crypto/tls takes it.
func (c *credential) tls() tls.Certificate {
	out := tls.Certificate{PrivateKey: c.key}
	for _, cert := range c.chain {
		out.Certificate = append(out.Certificate, cert.Raw)
	}
	return out
}

// tlsa is the TLSA record of a certificate of the chain by the SHA-256 of its
// key, under the usage 2 or 3.
func (c *credential) tlsa(usage, at int) string {
	sum := sha256.Sum256(c.chain[at].RawSubjectPublicKeyInfo)
	return fmt.Sprintf("TLSA %d 1 1 %s", usage, hex.EncodeToString(sum[:]))
}

// publicKey is a DKIM record with a key that nobody signs with.
func publicKey(t *testing.T) string {
	t.Helper()
	public, err := x509.MarshalPKIXPublicKey(newRSA(t, 2048).Public())
	if err != nil {
		t.Fatal(err)
	}
	return "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(public)
}

func newRSA(t *testing.T, bits int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
