package tlsx

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"fmt"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"maildoctor/check/certs"
)

var now = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

const host = "mx.example.com"

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

func sign(t testing.TB, template *x509.Certificate, key crypto.Signer, by *authority) *x509.Certificate {
	t.Helper()
	if template.SerialNumber == nil {
		template.SerialNumber = big.NewInt(1)
	}
	if template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = now.AddDate(0, -1, 0), now.AddDate(0, 2, 0)
	}
	parent, signer := template, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
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
	a := &authority{key: newKey(t)}
	a.cert = sign(t, template, a.key, by)
	return a
}

func leafTemplate() *x509.Certificate {
	return &x509.Certificate{
		Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
}

func pool(certs ...*x509.Certificate) *x509.CertPool {
	p := x509.NewCertPool()
	for _, c := range certs {
		p.AddCert(c)
	}
	return p
}

func chainTo(key crypto.Signer, certs ...*x509.Certificate) tls.Certificate {
	out := tls.Certificate{PrivateKey: key}
	for _, c := range certs {
		out.Certificate = append(out.Certificate, c.Raw)
	}
	return out
}

// shake runs serve as the server of one handshake.
func shake(t testing.TB, ctx context.Context, c Config, serve func(net.Conn)) (net.Conn, *State) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(5 * time.Second))
		serve(conn)
	}()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(); listener.Close(); <-done })
	return Handshake(ctx, conn, c)
}

func tlsServer(config *tls.Config) func(net.Conn) {
	return func(conn net.Conn) {
		server := tls.Server(conn, config)
		if server.Handshake() == nil {
			server.Read(make([]byte, 1)) // until the client has gone
		}
	}
}

func TestCertificates(t *testing.T) {
	root := newAuthority(t, "Root", nil, nil)
	intermediate := newAuthority(t, "Intermediate", root, nil)
	stale := newAuthority(t, "Stale", root, func(c *x509.Certificate) { c.NotAfter = now.AddDate(0, 0, -40) })
	leafOnly := newAuthority(t, "No CA", root, func(c *x509.Certificate) { c.IsCA = false })
	short := newAuthority(t, "Short", root, func(c *x509.Certificate) { c.MaxPathLenZero = true })
	deep := newAuthority(t, "Deep", short, nil)
	fenced := newAuthority(t, "Fenced", root, func(c *x509.Certificate) { c.PermittedDNSDomains = []string{"example.org"} })
	stranger := newAuthority(t, "Stranger", nil, nil)
	key := newKey(t)
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsa1024, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}

	leaf := func(by *authority, key crypto.Signer, change func(*x509.Certificate)) *x509.Certificate {
		template := leafTemplate()
		if change != nil {
			change(template)
		}
		return sign(t, template, key, by)
	}
	many := make([]string, 10000)
	for i := range many {
		many[i] = fmt.Sprintf("h%d.example.net", i)
	}

	tests := []struct {
		name     string
		key      crypto.Signer // nil for the common one
		chain    []*x509.Certificate
		max      uint16 // highest version of the server
		want     Certificate
		chainIs  certs.Chain
		nameless bool // the name must not match
	}{
		{name: "in order", chain: []*x509.Certificate{leaf(intermediate, key, nil), intermediate.cert}, chainIs: certs.ChainTrusted,
			want: Certificate{DaysLeft: 61}},
		{name: "missing intermediate", chain: []*x509.Certificate{leaf(intermediate, key, nil)}, chainIs: certs.ChainUnknownAuthority,
			want: Certificate{DaysLeft: 61}},
		{name: "expired", chain: []*x509.Certificate{leaf(root, key, func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = now.AddDate(0, -3, 0), now.Add(-time.Second)
		})}, chainIs: certs.ChainTrusted, want: Certificate{Expired: true, DaysLeft: -1}},
		{name: "ends now", chain: []*x509.Certificate{leaf(root, key, func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = now.AddDate(0, -3, 0), now
		})}, chainIs: certs.ChainTrusted, want: Certificate{DaysLeft: 0}},
		{name: "one second short of a day", chain: []*x509.Certificate{leaf(root, key, func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = now.AddDate(0, -3, 0), now.Add(24*time.Hour-time.Second)
		})}, chainIs: certs.ChainTrusted, want: Certificate{DaysLeft: 0}},
		{name: "not yet valid", chain: []*x509.Certificate{leaf(root, key, func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = now.Add(time.Second), now.AddDate(0, 0, 1)
		})}, chainIs: certs.ChainTrusted, want: Certificate{NotYetValid: true, DaysLeft: 1}},
		{name: "year 9999", chain: []*x509.Certificate{leaf(root, key, func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = now, time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
		})}, chainIs: certs.ChainTrusted, want: Certificate{DaysLeft: 2912291}},
		{name: "ends before it begins", chain: []*x509.Certificate{leaf(root, key, func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = now.AddDate(0, 0, 2), now.AddDate(0, 0, 1)
		})}, chainIs: certs.ChainValidity, want: Certificate{NotYetValid: true, DaysLeft: 1}},
		{name: "self-signed", chain: []*x509.Certificate{leaf(nil, key, nil)}, chainIs: certs.ChainSelfSigned,
			want: Certificate{SelfSigned: true, DaysLeft: 61}},
		{name: "self-signed and expired", chain: []*x509.Certificate{leaf(nil, key, func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = now.AddDate(-2, 0, 0), now.AddDate(0, 0, -10)
		})}, chainIs: certs.ChainSelfSigned, want: Certificate{SelfSigned: true, Expired: true, DaysLeft: -10}},
		{name: "unknown authority", chain: []*x509.Certificate{leaf(stranger, key, nil), stranger.cert}, chainIs: certs.ChainUnknownAuthority,
			want: Certificate{DaysLeft: 61}},
		{name: "expired intermediate", chain: []*x509.Certificate{leaf(stale, key, nil), stale.cert}, chainIs: certs.ChainExpired,
			want: Certificate{DaysLeft: 61}},
		{name: "signed by a host", chain: []*x509.Certificate{leaf(leafOnly, key, nil), leafOnly.cert}, chainIs: certs.ChainUnknownAuthority,
			want: Certificate{DaysLeft: 61}},
		{name: "for clients only", chain: []*x509.Certificate{leaf(root, key, func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		})}, chainIs: certs.ChainUsage, want: Certificate{DaysLeft: 61}},
		{name: "name constraint", chain: []*x509.Certificate{leaf(fenced, key, nil), fenced.cert}, chainIs: certs.ChainNameConstraint,
			want: Certificate{DaysLeft: 61}},
		{name: "path too long", chain: []*x509.Certificate{leaf(deep, key, nil), deep.cert, short.cert}, chainIs: certs.ChainTooLong,
			want: Certificate{DaysLeft: 61}},
		{name: "SHA-1", chain: []*x509.Certificate{leaf(newRSAAuthority(t), key, func(c *x509.Certificate) {
			c.SignatureAlgorithm = x509.SHA1WithRSA
		})}, chainIs: certs.ChainWeakSignature, want: Certificate{DaysLeft: 61, WeakSignature: true}},
		{name: "other name", chain: []*x509.Certificate{leaf(root, key, func(c *x509.Certificate) {
			c.DNSNames = []string{"www.example.com"}
		})}, chainIs: certs.ChainTrusted, nameless: true, want: Certificate{DaysLeft: 61, DNSNames: []string{"www.example.com"}}},
		{name: "common name only", chain: []*x509.Certificate{leaf(root, key, func(c *x509.Certificate) { c.DNSNames = nil })},
			chainIs: certs.ChainTrusted, nameless: true, want: Certificate{DaysLeft: 61, DNSNames: []string{}}},
		{name: "address only", chain: []*x509.Certificate{leaf(root, key, func(c *x509.Certificate) {
			c.DNSNames, c.IPAddresses = nil, []net.IP{{192, 0, 2, 1}}
		})}, chainIs: certs.ChainTrusted, nameless: true, want: Certificate{DaysLeft: 61, DNSNames: []string{}, IPCount: 1}},
		{name: "wildcard", chain: []*x509.Certificate{leaf(root, key, func(c *x509.Certificate) {
			c.DNSNames = []string{"*.Example.com"}
		})}, chainIs: certs.ChainTrusted, want: Certificate{DaysLeft: 61, DNSNames: []string{"*.Example.com"}}},
		{name: "10000 names", chain: []*x509.Certificate{leaf(root, key, func(c *x509.Certificate) { c.DNSNames = many })},
			chainIs: certs.ChainTrusted, nameless: true, want: Certificate{DaysLeft: 61, DNSNames: many[:MaxNames], DNSNameCount: 10000}},
		{name: "a name of 60000 octets", chain: []*x509.Certificate{leaf(root, key, func(c *x509.Certificate) {
			c.DNSNames = []string{strings.Repeat("a", 60000)}
		})}, chainIs: certs.ChainTrusted, nameless: true, want: Certificate{DaysLeft: 61, DNSNames: []string{strings.Repeat("a", MaxName)}}},
		{name: "RSA of 1024 bits", key: rsa1024, max: tls.VersionTLS12, chain: []*x509.Certificate{leaf(root, rsa1024, nil)},
			chainIs: certs.ChainTrusted, want: Certificate{DaysLeft: 61, KeyType: KeyRSA, KeyBits: 1024}},
		{name: "P-224", key: p224, max: tls.VersionTLS12, chain: []*x509.Certificate{leaf(root, p224, nil)},
			chainIs: certs.ChainTrusted, want: Certificate{DaysLeft: 61, KeyType: KeyECDSA, KeyBits: 224}},
		{name: "Ed25519", key: ed, chain: []*x509.Certificate{leaf(root, ed, nil)},
			chainIs: certs.ChainTrusted, want: Certificate{DaysLeft: 61, KeyType: KeyEd25519, KeyBits: 256}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.key == nil {
				test.key = key
			}
			config := &tls.Config{Certificates: []tls.Certificate{chainTo(test.key, test.chain...)}, MaxVersion: test.max}
			conn, s := shake(t, t.Context(), Config{ServerName: host, Roots: pool(root.cert), Now: now}, tlsServer(config))
			if conn == nil || s.Outcome != OutcomeOK {
				t.Fatalf("got outcome %q, alert %d, detail %q, want ok", s.Outcome, s.Alert, s.Detail)
			}
			if s.Chain != test.chainIs || s.ChainDetail != "" {
				t.Errorf("got chain %q (%q), want %q", s.Chain, s.ChainDetail, test.chainIs)
			}
			if s.NameMatch == test.nameless {
				t.Errorf("got name match %v, want %v", s.NameMatch, !test.nameless)
			}
			if len(s.Certs) != len(test.chain) {
				t.Fatalf("got %d certificates, want %d", len(s.Certs), len(test.chain))
			}
			got, want := s.Certs[0], test.want
			want.NotBefore = test.chain[0].NotBefore.Format(time.RFC3339)
			want.NotAfter = test.chain[0].NotAfter.Format(time.RFC3339)
			want.Subject, want.Issuer = host, test.chain[0].Issuer.CommonName
			want.Signature = test.chain[0].SignatureAlgorithm.String()
			want.SHA256, want.KeySHA256 = got.SHA256, got.KeySHA256
			want.LifeDays = got.LifeDays // see TestLife
			if public, ok := test.key.Public().(*ecdsa.PublicKey); ok {
				want.Curve = public.Curve.Params().Name
			}
			if want.KeyType == "" {
				want.KeyType, want.KeyBits = KeyECDSA, 256
			}
			if want.DNSNames == nil {
				want.DNSNames = []string{host}
			}
			if want.DNSNameCount == 0 {
				want.DNSNameCount = len(want.DNSNames)
			}
			if len(want.DNSNames) == 0 {
				want.DNSNames = nil
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("certificate (-want +got):\n%s", diff)
			}
			roundTrip(t, s)
		})
	}
}

// newRSAAuthority returns an authority that can sign with SHA-1.
func newRSAAuthority(t *testing.T) *authority {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "RSA Root"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: now.AddDate(-5, 0, 0), NotAfter: now.AddDate(5, 0, 0),
	}
	return &authority{cert: sign(t, template, key, nil), key: key}
}

func roundTrip(t *testing.T, s *State) {
	t.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back State
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(*s, back, cmpopts.IgnoreFields(State{}, "Raw")); diff != "" {
		t.Errorf("after JSON (-before +after):\n%s", diff)
	}
}

func TestFingerprints(t *testing.T) {
	key := newKey(t)
	cert := sign(t, leafTemplate(), key, nil)
	got := describe(cert, now)
	if len(got.SHA256) != 64 || len(got.KeySHA256) != 64 || got.SHA256 == got.KeySHA256 {
		t.Errorf("got %q and %q, want two different sums of 64 digits", got.SHA256, got.KeySHA256)
	}
	again := describe(sign(t, leafTemplate(), key, nil), now)
	if again.KeySHA256 != got.KeySHA256 || again.SHA256 == got.SHA256 {
		t.Errorf("another certificate of the same key: got %q %q, first %q %q", again.SHA256, again.KeySHA256, got.SHA256, got.KeySHA256)
	}
}

// TestLife holds the lifetime in whole days.
func TestLife(t *testing.T) {
	for _, tt := range []struct {
		name  string
		until time.Time
		want  int
	}{
		{"a day", now.Add(24 * time.Hour), 1},
		{"a second less", now.Add(24*time.Hour - time.Second), 0},
		{"none", now, 0},
		{"ends before it begins", now.Add(-time.Second), -1},
		{"year 9999", time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), 2912291},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := describe(&x509.Certificate{NotBefore: now, NotAfter: tt.until}, now).LifeDays; got != tt.want {
				t.Errorf("got %d days, want %d", got, tt.want)
			}
		})
	}
}

func TestStapled(t *testing.T) {
	key := newKey(t)
	for _, staple := range [][]byte{nil, {1}} {
		cert := chainTo(key, sign(t, leafTemplate(), key, nil))
		cert.OCSPStaple = staple
		_, s := shake(t, t.Context(), Config{ServerName: host, Now: now}, tlsServer(&tls.Config{Certificates: []tls.Certificate{cert}}))
		if s.OCSPStapled != (staple != nil) {
			t.Errorf("staple %v: got %v", staple, s.OCSPStapled)
		}
	}
}

func TestCertificateLimit(t *testing.T) {
	root := newAuthority(t, "Root", nil, nil)
	key := newKey(t)
	leaf := sign(t, leafTemplate(), key, root)
	for _, n := range []int{MaxCertificates, MaxCertificates + 1} {
		chain := []*x509.Certificate{leaf}
		for len(chain) < n {
			chain = append(chain, root.cert)
		}
		config := &tls.Config{Certificates: []tls.Certificate{chainTo(key, chain...)}}
		_, s := shake(t, t.Context(), Config{ServerName: host, Roots: pool(root.cert), Now: now}, tlsServer(config))
		if len(s.Raw) != MaxCertificates || !bytes.Equal(s.Raw[0], leaf.Raw) || !bytes.Equal(s.Raw[MaxCertificates-1], root.cert.Raw) {
			t.Errorf("%d sent: got %d in DER, want %d in their order", n, len(s.Raw), MaxCertificates)
		}
		if len(s.Certs) != MaxCertificates || s.Cut != n-MaxCertificates {
			t.Errorf("%d sent: got %d kept and %d cut, want %d and %d", n, len(s.Certs), s.Cut, MaxCertificates, n-MaxCertificates)
		}
	}
}

func TestVersions(t *testing.T) {
	key := newKey(t)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	plain := chainTo(key, sign(t, leafTemplate(), key, nil))
	old := chainTo(rsaKey, sign(t, leafTemplate(), rsaKey, nil))
	tests := []struct {
		name    string
		cert    tls.Certificate
		version uint16
		suite   uint16
		want    State
	}{
		{"1.3", plain, tls.VersionTLS13, 0, State{Version: "TLS 1.3", CipherSuite: "", KeyExchange: "X25519MLKEM768"}},
		{"1.2", plain, tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
			State{Version: "TLS 1.2", CipherSuite: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", KeyExchange: "X25519"}},
		{"1.1", plain, tls.VersionTLS11, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,
			State{Version: "TLS 1.1", CipherSuite: "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", KeyExchange: "X25519"}},
		{"1.0", plain, tls.VersionTLS10, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,
			State{Version: "TLS 1.0", CipherSuite: "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", KeyExchange: "X25519"}},
		{"RSA key exchange", old, tls.VersionTLS12, tls.TLS_RSA_WITH_AES_128_CBC_SHA,
			State{Version: "TLS 1.2", CipherSuite: "TLS_RSA_WITH_AES_128_CBC_SHA"}},
		{"3DES", old, tls.VersionTLS10, tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA,
			State{Version: "TLS 1.0", CipherSuite: "TLS_RSA_WITH_3DES_EDE_CBC_SHA"}},
		{"RC4", old, tls.VersionTLS12, tls.TLS_RSA_WITH_RC4_128_SHA,
			State{Version: "TLS 1.2", CipherSuite: "TLS_RSA_WITH_RC4_128_SHA"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			config := &tls.Config{Certificates: []tls.Certificate{test.cert}, MinVersion: test.version, MaxVersion: test.version}
			if test.suite != 0 {
				config.CipherSuites = []uint16{test.suite}
			}
			_, s := shake(t, t.Context(), Config{ServerName: host, Now: now}, tlsServer(config))
			if test.suite == 0 {
				test.want.CipherSuite = s.CipherSuite // the choice depends on the processor
			}
			got := State{Outcome: s.Outcome, Version: s.Version, CipherSuite: s.CipherSuite, KeyExchange: s.KeyExchange}
			test.want.Outcome = OutcomeOK
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// hello reads the client's first record.
func hello(conn net.Conn) {
	header := make([]byte, 5)
	for n := 0; n < len(header); {
		m, err := conn.Read(header[n:])
		if err != nil {
			return
		}
		n += m
	}
	rest := make([]byte, int(header[3])<<8|int(header[4]))
	for n := 0; n < len(rest); {
		m, err := conn.Read(rest[n:])
		if err != nil {
			return
		}
		n += m
	}
}

func TestOutcomes(t *testing.T) {
	key := newKey(t)
	strict := &tls.Config{
		Certificates: []tls.Certificate{chainTo(key, sign(t, leafTemplate(), key, nil))},
		GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			return nil, fmt.Errorf("no name %q here", h.ServerName)
		},
	}
	broken := chainTo(key, sign(t, leafTemplate(), key, nil))
	broken.Certificate[0] = append([]byte{}, broken.Certificate[0]...)
	broken.Certificate[0][4] ^= 0xff
	tests := []struct {
		name  string
		serve func(net.Conn)
		want  State
	}{
		{"closes", hello, State{Outcome: OutcomeClosed}},
		{"hangs", func(conn net.Conn) { hello(conn); conn.Read(make([]byte, 1)) }, State{Outcome: OutcomeTimeout}},
		{"resets", func(conn net.Conn) { conn.(*net.TCPConn).SetLinger(0); hello(conn) }, State{Outcome: OutcomeReset}},
		{"clear text", func(conn net.Conn) { conn.Write([]byte("220 mx.example.com ESMTP\r\n")); hello(conn) },
			State{Outcome: OutcomeNotTLS, Plaintext: "220 m"}},
		{"octets of any kind", func(conn net.Conn) { conn.Write([]byte{0xff, 0, 1, 2, 3, 4}); hello(conn) },
			State{Outcome: OutcomeNotTLS, Plaintext: "\xff\x00\x01\x02\x03"}},
		{"alert with a name", tlsServer(strict), State{Outcome: OutcomeAlert, Alert: 80, AlertName: "internal-error"}},
		{"alert 40", func(conn net.Conn) { hello(conn); conn.Write([]byte{21, 3, 3, 0, 2, 2, 40}) },
			State{Outcome: OutcomeAlert, Alert: 40, AlertName: "handshake-failure"}},
		{"alert 20", func(conn net.Conn) { hello(conn); conn.Write([]byte{21, 3, 3, 0, 2, 2, 20}) },
			State{Outcome: OutcomeAlert, Alert: 20, AlertName: "bad-record-mac"}},
		{"alert without a name", func(conn net.Conn) { hello(conn); conn.Write([]byte{21, 3, 3, 0, 2, 2, 200}) },
			State{Outcome: OutcomeAlert, Alert: 200}},
		{"warnings for ever", func(conn net.Conn) {
			hello(conn)
			for range 100 {
				if _, err := conn.Write([]byte{21, 3, 3, 0, 2, 1, 90}); err != nil {
					return
				}
			}
		}, State{Outcome: OutcomeProtocol, Detail: "tls: too many ignored records"}},
		{"oversized record", func(conn net.Conn) { hello(conn); conn.Write([]byte{22, 3, 3, 0xff, 0xff}); conn.Read(make([]byte, 1)) },
			State{Outcome: OutcomeProtocol, Detail: "oversized record received with length 65535"}},
		{"application data first", func(conn net.Conn) { hello(conn); conn.Write([]byte{23, 3, 3, 0, 1, 'x'}); conn.Read(make([]byte, 1)) },
			State{Outcome: OutcomeProtocol, Detail: "first record does not look like a TLS handshake"}},
		{"certificate does not parse", tlsServer(&tls.Config{Certificates: []tls.Certificate{broken}}), State{Outcome: OutcomeBadCertificate}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ctx := t.Context()
			if test.want.Outcome == OutcomeTimeout {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 30*time.Millisecond)
				defer cancel()
			}
			conn, s := shake(t, ctx, Config{ServerName: host, Now: now}, test.serve)
			if conn != nil {
				t.Error("got a connection, want none")
			}
			test.want.ServerName = host
			if test.want.Outcome == OutcomeBadCertificate {
				test.want.Detail = s.Detail
			}
			if diff := cmp.Diff(test.want, *s); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	t.Run("deadline of the connection", func(t *testing.T) {
		client, server := net.Pipe()
		defer client.Close()
		defer server.Close()
		client.SetDeadline(time.Unix(1, 0))
		if _, s := Handshake(t.Context(), client, Config{Now: now}); s.Outcome != OutcomeTimeout {
			t.Errorf("got %q, want %q", s.Outcome, OutcomeTimeout)
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		_, s := shake(t, ctx, Config{Now: now}, func(conn net.Conn) { hello(conn); cancel(); conn.Read(make([]byte, 1)) })
		if s.Outcome != OutcomeCancelled {
			t.Errorf("got %q, want %q", s.Outcome, OutcomeCancelled)
		}
	})
	t.Run("RSA of 512 bits", func(t *testing.T) {
		s := &State{Certs: []Certificate{{KeyType: KeyRSA, KeyBits: 512}}}
		s.failed(t.Context(), fmt.Errorf("tls: invalid signature by the server certificate"))
		if s.Outcome != OutcomeWeakKey {
			t.Errorf("got %q, want %q", s.Outcome, OutcomeWeakKey)
		}
	})
	t.Run("certificates of a failed handshake", func(t *testing.T) {
		// The server asks for one of ours, after it has sent its own.
		config := &tls.Config{Certificates: []tls.Certificate{chainTo(key, sign(t, leafTemplate(), key, nil))},
			MaxVersion: tls.VersionTLS12, ClientAuth: tls.RequireAnyClientCert}
		_, s := shake(t, t.Context(), Config{ServerName: host, Now: now}, tlsServer(config))
		if s.Outcome == OutcomeOK || s.Leaf() == nil || !s.NameMatch {
			t.Errorf("got outcome %q, leaf %v, name match %v; want a failure, a leaf, true", s.Outcome, s.Leaf(), s.NameMatch)
		}
	})
}

func TestCut(t *testing.T) {
	tests := []struct {
		in   string
		n    int
		want string
	}{
		{"abc", 3, "abc"}, {"abcd", 3, "abc"}, {"aé", 3, "aé"}, {"aéé", 4, "aé"}, {"\x80\x80\x80", 2, ""}, {"", 0, ""},
	}
	for _, test := range tests {
		t.Run(test.in, func(t *testing.T) {
			if got := cut(test.in, test.n); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// canned is a server that sends its octets and closes, whatever it is told.
type canned struct {
	net.Conn // nil: a handshake calls nothing but the methods below
	*bytes.Reader
}

func (c *canned) Read(b []byte) (int, error)  { return c.Reader.Read(b) }
func (c *canned) Write(b []byte) (int, error) { return len(b), nil }
func (c *canned) Close() error                { return nil }

// A server may answer anything: the handshake ends, does not succeed, and keeps
// no more than the limits allow.
func FuzzHandshake(f *testing.F) {
	f.Add([]byte("220 mx.example.com ESMTP\r\n"))
	f.Add([]byte{21, 3, 3, 0, 2, 2, 40})
	f.Add([]byte{22, 3, 3, 0, 4, 2, 0, 0, 0})
	f.Fuzz(func(t *testing.T, answer []byte) {
		conn, s := Handshake(t.Context(), &canned{Reader: bytes.NewReader(answer)}, Config{ServerName: host, Now: now})
		if conn != nil || s.Outcome == OutcomeOK || s.Outcome == "" {
			t.Errorf("got outcome %q, connection %v", s.Outcome, conn)
		}
		if len(s.Detail) > MaxDetail || len(s.Plaintext) > 5 {
			t.Errorf("got detail of %d octets, clear text of %d", len(s.Detail), len(s.Plaintext))
		}
	})
}
