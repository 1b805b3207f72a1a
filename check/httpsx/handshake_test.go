package httpsx

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"maildoctor/check/certs"
)

func TestCertificates(t *testing.T) {
	stranger := newAuthority(t, "Stranger", nil, nil)
	expired := func(c *x509.Certificate) { c.NotBefore, c.NotAfter = now.AddDate(0, -3, 0), now.AddDate(0, -1, 0) }
	toCome := func(c *x509.Certificate) { c.NotBefore, c.NotAfter = now.AddDate(0, 0, 1), now.AddDate(0, 3, 0) }
	tests := []struct {
		name    string
		leaf    leaf
		outcome Outcome
		chain   certs.Chain
	}{
		{"good", leaf{}, OutcomeOK, certs.ChainTrusted},
		{"wildcard", leaf{names: []string{"*.example.com"}}, OutcomeOK, certs.ChainTrusted},
		{"upper case", leaf{names: []string{"FILES.example.COM"}}, OutcomeOK, certs.ChainTrusted},
		{"wildcard for two labels", leaf{names: []string{"*.com"}}, OutcomeName, certs.ChainTrusted},
		{"other name", leaf{names: []string{"www.example.com"}}, OutcomeName, certs.ChainTrusted},
		{"common name only", leaf{names: []string{}, change: func(c *x509.Certificate) { c.Subject.CommonName = host }}, OutcomeName, certs.ChainTrusted},
		{"expired", leaf{change: expired}, OutcomeExpired, certs.ChainTrusted},
		{"to come", leaf{change: toCome}, OutcomeNotYetValid, certs.ChainTrusted},
		{"last second", leaf{change: func(c *x509.Certificate) { c.NotAfter = now }}, OutcomeOK, certs.ChainTrusted},
		{"first second", leaf{change: func(c *x509.Certificate) { c.NotBefore = now }}, OutcomeOK, certs.ChainTrusted},
		{"self-signed", leaf{selfSigned: true, change: func(c *x509.Certificate) { c.Subject.CommonName = host }}, OutcomeUntrusted, certs.ChainSelfSigned},
		{"unknown authority", leaf{by: stranger}, OutcomeUntrusted, certs.ChainUnknownAuthority},
		{"unknown and expired", leaf{by: stranger, change: expired}, OutcomeUntrusted, certs.ChainUnknownAuthority},
		{"unknown with another name", leaf{by: stranger, names: []string{"b.example"}}, OutcomeName, certs.ChainUnknownAuthority},
		{"for clients", leaf{change: func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }}, OutcomeUntrusted, certs.ChainUsage},
		{"impossible dates", leaf{change: func(c *x509.Certificate) { c.NotAfter = c.NotBefore.AddDate(-1, 0, 0) }}, OutcomeUntrusted, certs.ChainValidity},
		{"critical extension", leaf{change: func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true, Value: []byte{5, 0}}}
		}}, OutcomeUntrusted, certs.ChainExtension},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			asked := make(chan struct{}, 1)
			s := secured(t, tt.leaf, func(c net.Conn, req *http.Request) {
				asked <- struct{}{}
				says(file("a"))(c, req)
			})
			got := s.client.Get(t.Context(), fileURL, Options{})
			if got.Certificate == nil {
				t.Fatalf("got no certificate, outcome %s %s %s", got.Outcome, got.Reason, got.Detail)
			}
			if got.Outcome != tt.outcome || got.Certificate.Chain != tt.chain {
				t.Errorf("got %s, chain %s; want %s, %s", got.Outcome, got.Certificate.Chain, tt.outcome, tt.chain)
			}
			if want := tt.outcome == OutcomeOK; (len(asked) > 0) != want || (got.Body != nil) != want {
				t.Errorf("got %d requests, body %q; want them: %v", len(asked), got.Body, want)
			}
			if got.Outcome == OutcomeUntrusted && got.Reason != string(tt.chain) {
				t.Errorf("got reason %s, want %s", got.Reason, tt.chain)
			}
			if want := map[bool]Verdict{true: Fetched, false: Faulty}[tt.outcome == OutcomeOK]; got.Verdict() != want {
				t.Errorf("got verdict %s, want %s", got.Verdict(), want)
			}
			roundTrip(t, got)
		})
	}
}

// The chain above the host's own certificate is judged too.
func TestChains(t *testing.T) {
	tests := []struct {
		name   string
		change func(*x509.Certificate) // of the intermediate
		sent   bool
		want   certs.Chain
	}{
		{"intermediate", nil, true, certs.ChainTrusted},
		{"intermediate missing", nil, false, certs.ChainUnknownAuthority},
		{"intermediate expired", func(c *x509.Certificate) { c.NotAfter = now.AddDate(0, -2, 0) }, true, certs.ChainExpired},
		{"no authority", func(c *x509.Certificate) { c.IsCA, c.KeyUsage = false, x509.KeyUsageDigitalSignature }, true, certs.ChainUnknownAuthority},
		{"name constraint", func(c *x509.Certificate) {
			c.PermittedDNSDomainsCritical, c.PermittedDNSDomains = true, []string{"example.net"}
		}, true, certs.ChainNameConstraint},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := newRoot(t)
			middle := newAuthority(t, "Middle", root, tt.change)
			cert := middle.issue(t, leaf{})
			if tt.sent {
				cert.Certificate = append(cert.Certificate, middle.cert.Raw)
			}
			config := &tls.Config{Certificates: []tls.Certificate{cert}}
			s := newSite(t, root, func(c net.Conn) { _ = tls.Server(c, config).Handshake() })
			got := s.client.Get(t.Context(), fileURL, Options{})
			if got.Certificate == nil || got.Certificate.Chain != tt.want {
				t.Errorf("got %s %s, certificate %+v; want chain %s", got.Outcome, got.Reason, got.Certificate, tt.want)
			}
		})
	}
}

// Foreign octets in a certificate come in bounded number and survive JSON.
func TestCertificateText(t *testing.T) {
	long := strings.Repeat("n", 50) + "." + strings.Repeat("n", 50)
	names := []string{host}
	for range MaxNames {
		names = append(names, strings.Repeat(long+".", 3)+"example")
	}
	s := secured(t, leaf{names: names, change: func(c *x509.Certificate) { c.Subject.CommonName = "\x1b[2J\u202e" + strings.Repeat("x", 400) }}, says(file("")))
	got := s.client.Get(t.Context(), fileURL, Options{})
	c := got.Certificate
	if c == nil || len(c.DNSNames) != MaxNames || c.DNSNameCount != MaxNames+1 || len(c.DNSNames[1]) != MaxName || len(c.Subject) != MaxName {
		t.Errorf("got %+v", c)
	}
	roundTrip(t, got)
}

func TestHandshakes(t *testing.T) {
	reads := func(answer string) func(net.Conn) {
		return func(c net.Conn) {
			_, _ = c.Read(make([]byte, 4096))
			_, _ = io.WriteString(c, answer)
			if answer != "" {
				_, _ = io.Copy(io.Discard, c)
			}
		}
	}
	type want struct {
		Outcome Outcome
		Reason  string
		Detail  string
		Verdict Verdict
	}
	tests := []struct {
		name string
		talk func(net.Conn)
		want want
	}{
		{"alert", reads("\x15\x03\x03\x00\x02\x02\x28"), want{OutcomeTLSFailed, ReasonAlert, "handshake-failure", Unclear}},
		{"unrecognized name", reads("\x15\x03\x03\x00\x02\x02\x70"), want{OutcomeTLSFailed, ReasonAlert, "unrecognized-name", Faulty}},
		{"plain HTTP", reads("HTTP/1.1 400 Bad Request\r\n\r\n"), want{OutcomeTLSFailed, ReasonNotTLS, "", Faulty}},
		{"plain HTTP at once", func(c net.Conn) {
			_, _ = io.WriteString(c, "220 ftp.example.com ready\r\n")
			_, _ = io.Copy(io.Discard, c)
		}, want{OutcomeTLSFailed, ReasonNotTLS, "", Faulty}},
		{"closed", reads(""), want{OutcomeTLSFailed, ReasonClosed, "", Unclear}},
		{"faulty record", reads("\x16\x03\x03\xff\xff"), want{OutcomeTLSFailed, ReasonProtocol, "", Unclear}},
		{"reset", func(c net.Conn) {
			_, _ = c.Read(make([]byte, 1))
			if err := c.(*net.TCPConn).SetLinger(0); err != nil {
				t.Error(err)
			}
		}, want{OutcomeTLSFailed, ReasonReset, "", Unclear}},
		{"silence", func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, want{OutcomeTimeout, ReasonHandshake, "", Unclear}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			options := Options{}
			if tt.want.Outcome == OutcomeTimeout {
				options.Timeout = short
			}
			r := newSite(t, newRoot(t), tt.talk).client.Get(t.Context(), fileURL, options)
			got := want{r.Outcome, r.Reason, string(r.Detail), r.Verdict()}
			if tt.want.Reason == ReasonProtocol {
				got.Detail = ""
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Get (-want +got):\n%s", diff)
			}
		})
	}
}

func TestVersions(t *testing.T) {
	for version, want := range map[uint16]Outcome{
		tls.VersionTLS11: OutcomeTLSFailed, tls.VersionTLS12: OutcomeOK, tls.VersionTLS13: OutcomeOK,
	} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			root := newRoot(t)
			config := &tls.Config{Certificates: []tls.Certificate{root.issue(t, leaf{})}, MinVersion: tls.VersionTLS10, MaxVersion: version}
			s := newSite(t, root, func(c net.Conn) {
				conn := tls.Server(c, config)
				_, _ = conn.Read(make([]byte, 4096))
				says(file("a"))(conn, nil)
				conn.Close()
			})
			if got := s.client.Get(t.Context(), fileURL, Options{}); got.Outcome != want {
				t.Errorf("got %s %s %s, want %s", got.Outcome, got.Reason, got.Detail, want)
			}
		})
	}
}

// A server that wants a certificate of ours says so only after the handshake in
// TLS 1.3.
func TestClientCertificateWanted(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		root := newRoot(t)
		config := &tls.Config{Certificates: []tls.Certificate{root.issue(t, leaf{})}, ClientAuth: tls.RequireAnyClientCert, MaxVersion: version}
		s := newSite(t, root, func(c net.Conn) {
			_ = tls.Server(c, config).Handshake()
			_, _ = io.Copy(io.Discard, c)
		})
		got := s.client.Get(t.Context(), fileURL, Options{})
		if got.Outcome != OutcomeTLSFailed || got.Reason != ReasonAlert {
			t.Errorf("%s: got %s %s %q, want %s %s", tls.VersionName(version), got.Outcome, got.Reason, got.Detail, OutcomeTLSFailed, ReasonAlert)
		}
	}
}

// The name of the host is in the handshake.
func TestServerName(t *testing.T) {
	names := make(chan string, 1)
	config := &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		names <- hello.ServerName
		return nil, nil
	}}
	s := newSite(t, newRoot(t), func(c net.Conn) { _ = tls.Server(c, config).Handshake() })
	s.client.Get(t.Context(), "https://Files.example.com./", Options{})
	if got := <-names; got != host {
		t.Errorf("got server name %q, want %q", got, host)
	}
}
