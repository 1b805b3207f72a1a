package lab

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// TestTLSA holds that the records describe the certificates that the servers
// show, and that the rest of the DNS is as it was.
func TestTLSA(t *testing.T) {
	const zone = "a.example. 60 IN A 192.0.2.1\n;! ad a.example. A\n_25._tcp.b.example. 60 IN TLSA 3 1 1 00\n"
	const hosts = `smtps 192.0.2.1:465 [2001:db8::1]:465 192.0.2.1:587
  name a.example
  tlsa 3 1 1
  tlsa 3 0 2
  tlsa 2 0 1
  tlsa 2 1 0
smtps 192.0.2.2:465
  name c.example
  cert self-signed
  tlsa 2 0 1 insecure
`
	w, err := New("test", "a.example", map[string][]byte{FileZone: []byte(zone), FileHosts: []byte(hosts)})
	if err != nil {
		t.Fatal(err)
	}
	r, err := w.Start(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	chain := func(addr string) []*x509.Certificate {
		raw, err := r.Dial(deadline(t), "tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Close()
		c := tls.Client(raw, &tls.Config{InsecureSkipVerify: true})
		if err := c.HandshakeContext(deadline(t)); err != nil {
			t.Fatal(err)
		}
		return c.ConnectionState().PeerCertificates
	}
	records := func(name string) (data []string, secure bool) {
		m, err := r.DNS().Exchange(deadline(t), question(name, dns.TypeTLSA))
		if err != nil {
			t.Fatal(err)
		}
		for _, rr := range m.Answer {
			a := rr.(*dns.TLSA)
			data = append(data, fmt.Sprintf("%d %d %d %s", a.Usage, a.Selector, a.MatchingType, strings.ToLower(a.Certificate)))
		}
		slices.Sort(data)
		return data, m.AuthenticatedData
	}
	digest := func(der []byte) string { return fmt.Sprintf("%x", sha256.Sum256(der)) }

	self := chain("192.0.2.2:465")[0]
	if got, secure := records("_465._tcp.c.example"); !slices.Equal(got, []string{"2 0 1 " + digest(self.Raw)}) || secure {
		t.Errorf("self-signed: got %q, secure %v", got, secure)
	}
	if got, secure := records("_25._tcp.b.example"); !slices.Equal(got, []string{"3 1 1 00"}) || secure {
		t.Errorf("of the zone: got %q, secure %v", got, secure)
	}
	if got, _ := records("_25._tcp.a.example"); got != nil {
		t.Errorf("at a port where nobody listens: got %q", got)
	}
	got, secure := records("_465._tcp.a.example")
	if len(got) != 4 || !secure {
		t.Fatalf("got %q, secure %v", got, secure)
	}
	if again, _ := records("_587._tcp.a.example"); !slices.Equal(again, got) {
		t.Errorf("port 587: got %q, want %q", again, got)
	}
	certs := chain("192.0.2.1:465")
	leaf, issuer := certs[0], certs[1]
	want := []string{
		"2 0 1 " + digest(issuer.Raw),
		"2 1 0 " + hex.EncodeToString(issuer.RawSubjectPublicKeyInfo),
		fmt.Sprintf("3 0 2 %x", sha512.Sum512(leaf.Raw)),
		"3 1 1 " + digest(leaf.RawSubjectPublicKeyInfo),
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTLSASettings(t *testing.T) {
	const smtp = "smtp 192.0.2.1:25\n  name a.example\n  starttls\n"
	for _, tt := range []struct{ name, text, want string }{
		{"good", smtp + "  tlsa 3 1 1\n  tlsa 0 0 0 insecure\n", ""},
		{"as many as may be", smtp + strings.Repeat("  tlsa 3 1 1\n", maxPins), ""},
		{"too many", smtp + strings.Repeat("  tlsa 3 1 1\n", maxPins+1), "test:12: expected at most 8 settings tlsa"},
		{"too few numbers", smtp + "  tlsa 3 1\n", "test:4: expected a usage, a selector"},
		{"another word", smtp + "  tlsa 3 1 1 secure\n", "test:4: expected a usage, a selector"},
		{"usage", smtp + "  tlsa 4 1 1\n", "test:4: expected a number from 0 to 3"},
		{"selector", smtp + "  tlsa 3 2 1\n", "test:4: expected a number from 0 to 1"},
		{"matching type", smtp + "  tlsa 3 1 -1\n", "test:4: expected a number from 0 to 2"},
		{"without TLS", "smtp 192.0.2.1:25\n  name a.example\n  tlsa 3 1 1\n", "test:1: expected starttls beside tlsa"},
		{"of a web server", "https 192.0.2.1:443\n  name a.example\n  tlsa 3 1 1\n", "test:3: expected name"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parseHosts("test", tt.text)
			if got := fmt.Sprint(err); tt.want == "" && err != nil || !strings.Contains(got, tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}
