package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"testing"
	"time"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// An authority signs the certificates of one test.
type authority struct {
	*x509.Certificate
	key crypto.Signer
}

// issue makes a certificate for a host, signed by itself if by is nil.
func issue(t *testing.T, name string, by *authority, change func(*x509.Certificate)) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return issueKey(t, name, key, by, change)
}

func issueKey(t *testing.T, name string, key crypto.Signer, by *authority, change func(*x509.Certificate)) *authority {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{"mx.example.com"},
		NotBefore: now.AddDate(0, -1, 0), NotAfter: now.AddDate(0, 2, 0),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if change != nil {
		change(template)
	}
	if by == nil {
		by = &authority{template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.Certificate, key.Public(), by.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{cert, key}
}

// asAuthority makes a certificate one that may sign others.
func asAuthority(c *x509.Certificate) {
	c.IsCA, c.BasicConstraintsValid, c.KeyUsage, c.DNSNames, c.ExtKeyUsage = true, true, x509.KeyUsageCertSign, nil, nil
	c.NotBefore, c.NotAfter = now.AddDate(-5, 0, 0), now.AddDate(5, 0, 0)
}

func alsoAuthority(change func(*x509.Certificate)) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		asAuthority(c)
		change(c)
	}
}

func pool(roots ...*authority) *x509.CertPool {
	p := x509.NewCertPool()
	for _, r := range roots {
		p.AddCert(r.Certificate)
	}
	return p
}

func TestVerify(t *testing.T) {
	root := issue(t, "Root", nil, asAuthority)
	stranger := issue(t, "Stranger", nil, asAuthority)
	between := func(change func(*x509.Certificate)) *authority {
		return issue(t, "Between", root, alsoAuthority(change))
	}
	middle := issue(t, "Middle", root, asAuthority)
	stale := between(func(c *x509.Certificate) { c.NotAfter = now.AddDate(0, 1, 0) })
	fenced := between(func(c *x509.Certificate) {
		c.PermittedDNSDomainsCritical, c.PermittedDNSDomains = true, []string{"example.net"}
	})
	last := between(func(c *x509.Certificate) { c.MaxPathLenZero = true })
	beyond := issue(t, "Beyond", last, asAuthority)
	host := issue(t, "Host", root, nil)
	expired := func(c *x509.Certificate) { c.NotBefore, c.NotAfter = now.AddDate(0, -3, 0), now.AddDate(0, -2, 0) }
	weak, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	old := issueKey(t, "Old", weak, nil, alsoAuthority(func(c *x509.Certificate) { c.SignatureAlgorithm = x509.SHA256WithRSA }))
	sha1 := func(c *x509.Certificate) { c.SignatureAlgorithm = x509.SHA1WithRSA }

	for _, tt := range []struct {
		name   string
		by     *authority
		change func(*x509.Certificate)
		sent   []*authority
		want   Chain
	}{
		{"root", root, nil, nil, ChainTrusted},
		{"intermediate", middle, nil, []*authority{middle}, ChainTrusted},
		{"in another order, with a stranger", middle, nil, []*authority{stranger, root, middle}, ChainTrusted},
		{"intermediate missing", middle, nil, nil, ChainUnknownAuthority},
		{"stranger", stranger, nil, []*authority{stranger}, ChainUnknownAuthority},
		{"signed by a host", host, nil, []*authority{host}, ChainUnknownAuthority},
		{"itself", nil, nil, nil, ChainSelfSigned},
		{"itself, expired", nil, expired, nil, ChainSelfSigned},
		{"expired", root, expired, nil, ChainTrusted},
		{"to come", root, func(c *x509.Certificate) { c.NotBefore = now.Add(time.Second) }, nil, ChainTrusted},
		{"to come, when the intermediate is past", stale, func(c *x509.Certificate) { c.NotBefore = now.AddDate(0, 1, 1) }, []*authority{stale}, ChainExpired},
		{"intermediate valid now", stale, nil, []*authority{stale}, ChainTrusted},
		{"ends before it begins", root, func(c *x509.Certificate) { c.NotAfter = c.NotBefore.Add(-time.Second) }, nil, ChainValidity},
		{"begins and ends at once", root, func(c *x509.Certificate) { c.NotAfter = c.NotBefore }, nil, ChainTrusted},
		{"for clients", root, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }, nil, ChainUsage},
		{"name constraint", fenced, nil, []*authority{fenced}, ChainNameConstraint},
		{"path too long", beyond, nil, []*authority{beyond, last}, ChainTooLong},
		{"critical extension", root, func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true, Value: []byte{5, 0}}}
		}, nil, ChainExtension},
		{"SHA-1", old, sha1, nil, ChainUnknownAuthority},
	} {
		t.Run(tt.name, func(t *testing.T) {
			chain := []*x509.Certificate{issue(t, "mx.example.com", tt.by, tt.change).Certificate}
			for _, c := range tt.sent {
				chain = append(chain, c.Certificate)
			}
			got, err := Verify(chain, pool(root, old), now)
			if got != tt.want {
				t.Errorf("got %s (%v), want %s", got, err, tt.want)
			}
			if found := tt.want == ChainTrusted || tt.want == ChainValidity; (err == nil) != found {
				t.Errorf("%s: got error %v", got, err)
			}
		})
	}
}

// What crypto/x509 says of a chain that is hard to make.
func TestChainOf(t *testing.T) {
	invalid := func(r x509.InvalidReason) error { return x509.CertificateInvalidError{Reason: r} }
	for _, tt := range []struct {
		name string
		err  error
		want Chain
	}{
		{"no roots", x509.SystemRootsError{}, ChainNoRoots},
		{"no authority for the usage", invalid(x509.CANotAuthorizedForExtKeyUsage), ChainUsage},
		{"unconstrained name", invalid(x509.UnconstrainedName), ChainNameConstraint},
		{"too many constraints", invalid(x509.TooManyConstraints), ChainNameConstraint},
		{"another reason", invalid(x509.NotAuthorizedToSign), ChainOther},
		{"another error", errors.New("x509: of a later version"), ChainOther},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := chainOf(tt.err); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestSignatures(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	algorithm := func(a x509.SignatureAlgorithm) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.SignatureAlgorithm = a }
	}
	root := issue(t, "Root", nil, asAuthority)
	ofMD5 := issueKey(t, "a", key, nil, nil)
	ofMD5.SignatureAlgorithm = x509.MD5WithRSA // crypto/x509 makes none
	type verdict struct{ issued, signed, weak bool }
	for _, tt := range []struct {
		name string
		cert *authority
		want verdict
	}{
		{"by itself", issue(t, "a", nil, nil), verdict{issued: true, signed: true}},
		{"by an authority", issue(t, "a", root, nil), verdict{}},
		{"by another of that name", issue(t, "Root", root, nil), verdict{issued: true}},
		{"by itself with SHA-256", issueKey(t, "a", key, nil, algorithm(x509.SHA256WithRSA)), verdict{issued: true, signed: true}},
		{"by itself with SHA-1", issueKey(t, "a", key, nil, algorithm(x509.SHA1WithRSA)), verdict{issued: true, signed: true, weak: true}},
		{"by itself with MD5", ofMD5, verdict{issued: true, weak: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := tt.cert.Certificate
			if got := (verdict{SelfIssued(c), SelfSigned(c), WeakSignature(c)}); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}
