package httpsx

import (
	"bufio"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"maildoctor/check/dnsx"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const (
	host    = "files.example.com"
	fileURL = "https://" + host + "/a.txt"
)

// An authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// A leaf is a certificate to be made: for host, valid now, unless it says
// otherwise.
type leaf struct {
	names      []string
	change     func(*x509.Certificate)
	selfSigned bool
	by         *authority
}

func newKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sign(t testing.TB, template, parent *x509.Certificate, public crypto.PublicKey, by crypto.Signer) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, by)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// newAuthority makes a root, or an intermediate that by has signed.
func newAuthority(t testing.TB, name string, by *authority, change func(*x509.Certificate)) *authority {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: now.AddDate(-5, 0, 0), NotAfter: now.AddDate(5, 0, 0),
	}
	if change != nil {
		change(template)
	}
	a := &authority{key: newKey(t)}
	if by == nil {
		by = &authority{template, a.key}
	}
	a.cert = sign(t, template, by.cert, a.key.Public(), by.key)
	return a
}

func (a *authority) issue(t testing.TB, l leaf) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{host},
		NotBefore: now.AddDate(0, -1, 0), NotAfter: now.AddDate(0, 2, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if l.names != nil {
		template.DNSNames = l.names
	}
	if l.change != nil {
		l.change(template)
	}
	if l.by != nil {
		a = l.by
	}
	key := newKey(t)
	if l.selfSigned {
		a = &authority{template, key}
	}
	cert := sign(t, template, a.cert, key.Public(), a.key)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
}

// A site is a server on loopback that a Client reaches at every address.
type site struct {
	client *Client

	mu      sync.Mutex
	dialled []netip.AddrPort
}

// dialledAddrs returns what was dialled, in order.
func (s *site) dialledAddrs() []netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dialled
}

// zoneOf makes a resolver of a zone.
func zoneOf(t testing.TB, zone string) dnsx.Resolver {
	t.Helper()
	z, err := dnsx.ParseZone(strings.NewReader(zone), "test")
	if err != nil {
		t.Fatal(err)
	}
	return dnsx.New(z, dnsx.Options{})
}

// newRoot makes the root that the client of a site trusts.
func newRoot(t testing.TB) *authority { return newAuthority(t, "Test Root", nil, nil) }

// newSite starts a server that answers each connection with talk, and ends with
// the test.
func newSite(t testing.TB, root *authority, talk func(net.Conn)) *site {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				defer context.AfterFunc(ctx, func() { c.Close() })()
				talk(c)
			})
		}
	})
	t.Cleanup(func() {
		cancel()
		l.Close()
		wg.Wait()
	})
	s := &site{}
	roots := x509.NewCertPool()
	roots.AddCert(root.cert)
	s.client = &Client{
		Resolver: zoneOf(t, host+". 60 IN A 192.0.2.1\n"),
		Dial: func(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
			s.mu.Lock()
			s.dialled = append(s.dialled, addr)
			s.mu.Unlock()
			var d net.Dialer
			return d.DialContext(ctx, "tcp", l.Addr().String())
		},
		Roots: roots,
		Now:   func() time.Time { return now },
	}
	return s
}

// secured starts a site with a certificate that answers each request with
// answer.
func secured(t testing.TB, l leaf, answer func(net.Conn, *http.Request)) *site {
	t.Helper()
	root := newRoot(t)
	config := &tls.Config{Certificates: []tls.Certificate{root.issue(t, l)}, NextProtos: []string{"h2", "http/1.1"}}
	return newSite(t, root, func(c net.Conn) {
		conn := tls.Server(c, config)
		req, err := http.ReadRequest(bufio.NewReader(conn))
		if err != nil {
			return
		}
		answer(conn, req)
		conn.Close()
	})
}

// says answers with a text as it is.
func says(text string) func(net.Conn, *http.Request) {
	return func(c net.Conn, _ *http.Request) {
		// The client may have had enough.
		_, _ = io.WriteString(c, text)
	}
}

// endless answers with a text, then with another without end.
func endless(text, again string) func(net.Conn, *http.Request) {
	return func(c net.Conn, _ *http.Request) {
		_, err := io.WriteString(c, text)
		for err == nil {
			_, err = io.WriteString(c, again)
		}
	}
}

// waits answers with a text and then holds the connection.
func waits(text string) func(net.Conn, *http.Request) {
	return func(c net.Conn, _ *http.Request) {
		_, _ = io.WriteString(c, text)
		_, _ = io.Copy(io.Discard, c)
	}
}
