package dane

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"maildoctor/check/dnsx"

	"github.com/miekg/dns"
)

var now = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

const host = "mx.example.com"

// world is what the DNS says, one line for each question: "NAME TYPE = STATUS",
// or behind "=" the records between " | ", TLSA where the type is that. "AD" in
// front makes the answer secure; "-> NAME" puts an alias before the records.
// What is not there does not exist, and that is secure.
type world struct {
	answers map[string]dnsx.Answer

	mu    sync.Mutex
	asked []string
}

func newWorld(t testing.TB, lines ...string) *world {
	t.Helper()
	w := &world{answers: map[string]dnsx.Answer{}}
	for _, line := range lines {
		question, value, _ := strings.Cut(line, " = ")
		name, qtype, _ := strings.Cut(question, " ")
		a := dnsx.Answer{Name: name, Type: dns.StringToType[qtype], Status: dnsx.OK}
		value, a.Authenticated = strings.CutPrefix(value, "AD ")
		if alias, ok := strings.CutPrefix(value, "-> "); ok {
			alias, value, _ = strings.Cut(alias, " ")
			a.Chain = []string{alias}
		}
		switch status := dnsx.Status(value); status {
		case dnsx.NoData, dnsx.NXDomain, dnsx.ServFail, dnsx.Refused, dnsx.Timeout, dnsx.Failed:
			a.Status = status
		default:
			for data := range strings.SplitSeq(value, " | ") {
				rr, err := dns.NewRR(name + ". 60 IN " + qtype + " " + data)
				if err != nil {
					t.Fatal(err)
				}
				a.Records = append(a.Records, rr)
			}
		}
		w.answers[question] = a
	}
	return w
}

func (w *world) Lookup(_ context.Context, name string, qtype uint16) dnsx.Answer {
	question := name + " " + dns.TypeToString[qtype]
	w.mu.Lock()
	w.asked = append(w.asked, question)
	w.mu.Unlock()
	if a, ok := w.answers[question]; ok {
		return a
	}
	return dnsx.Answer{Name: name, Type: qtype, Status: dnsx.NXDomain, Authenticated: true}
}

// An authority signs the certificates of one test.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

func newKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// issue makes a certificate for a key, signed by an authority or by itself.
func issue(t testing.TB, template *x509.Certificate, public any, signer crypto.Signer, by *authority) *x509.Certificate {
	t.Helper()
	if template.SerialNumber == nil {
		template.SerialNumber = big.NewInt(1)
	}
	if template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = now.AddDate(0, -1, 0), now.AddDate(0, 2, 0)
	}
	parent := template
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func newAuthority(t testing.TB, name string, by *authority, change func(*x509.Certificate)) *authority {
	t.Helper()
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: now.AddDate(-5, 0, 0), NotAfter: now.AddDate(5, 0, 0),
	}
	if change != nil {
		change(template)
	}
	key := newKey(t)
	return &authority{key: key, cert: issue(t, template, key.Public(), key, by)}
}

// newLeaf makes the certificate of a server.
func newLeaf(t testing.TB, by *authority, change func(*x509.Certificate)) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "server"}, DNSNames: []string{host},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if change != nil {
		change(template)
	}
	key := newKey(t)
	return issue(t, template, key.Public(), key, by)
}

func chainOf(certs ...*x509.Certificate) [][]byte {
	var out [][]byte
	for _, c := range certs {
		out = append(out, c.Raw)
	}
	return out
}

// pin is the record that pins a certificate.
func pin(usage, selector, matchingType uint8, c *x509.Certificate) Record {
	return pinDER(usage, selector, matchingType, c.Raw, c.RawSubjectPublicKeyInfo)
}

func pinDER(usage, selector, matchingType uint8, cert, key []byte) Record {
	data := cert
	if selector == SelectSPKI {
		data = key
	}
	switch matchingType {
	case MatchSHA256:
		sum := sha256.Sum256(data)
		data = sum[:]
	case MatchSHA512:
		sum := sha512.Sum512(data)
		data = sum[:]
	}
	return NewRecord(usage, selector, matchingType, hex.EncodeToString(data))
}

func triple(r Record) string { return fmt.Sprintf("%d %d %d", r.Usage, r.Selector, r.MatchingType) }
