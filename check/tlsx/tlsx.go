// Package tlsx makes the client side of one TLS handshake and says what the
// server showed: the version, the cipher suite, its certificates, and how each
// of them would be judged.
//
// The handshake itself accepts every certificate. Whether the chain ends in a
// trusted root, whether the certificate names the host, and whether it is valid
// today are three facts apart, since those who send mail differ in which of
// them they ask for: opportunistic senders none (RFC 3207), MTA-STS all
// (RFC 8461 section 4), DANE only some (RFC 7672 section 3).
//
// Explore finds out, with further handshakes, which older versions and suites a
// server takes. Grades classes what was seen by the guidelines of NCSC-NL.
//
// Old servers are seen as far as crypto/tls goes: TLS 1.0 and later, with all
// of its cipher suites, RC4 and 3DES among them. It offers no SSL 3, no
// finite-field DHE, no Camellia, ARIA or CCM, and no SHA-1 signatures in TLS 1.2;
// it takes no certificate with an RSA key above 8192 bits and no handshake
// signature of one below 1024. A server that has nothing else fails here and may
// yet do for others: the outcome is then to be told as "could not be tested".
package tlsx

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"time"

	"maildoctor/check/certs"
)

// Limits of what is kept of one handshake.
const (
	MaxCertificates = 10  // certificates kept and used for the chain
	MaxNames        = 100 // DNS names kept of one certificate
	MaxName         = 255 // octets kept of one name
	MaxDetail       = 300 // octets kept of an error text
)

// A Config says with whom to shake hands, and by what to judge.
type Config struct {
	ServerName string         // sent as SNI, and the name that the certificate should carry; may be empty
	Roots      *x509.CertPool // trusted roots; nil for those of the system
	Now        time.Time      // the time at which validity is judged
	Hello      Hello          // what is offered; the zero value for all that crypto/tls has
}

// A State is what one handshake showed. The certificates are kept also when the
// handshake failed after the server had sent them.
type State struct {
	ServerName  string  `json:"server_name,omitempty"`
	Outcome     Outcome `json:"outcome"`
	Alert       int     `json:"alert,omitempty"`      // with OutcomeAlert, its number (RFC 8446 section 6)
	AlertName   string  `json:"alert_name,omitempty"` // its name in kebab-case; empty if it has none
	Plaintext   string  `json:"plaintext,omitempty"`  // with OutcomeNotTLS, the first five octets that came
	Detail      string  `json:"detail,omitempty"`     // foreign text of at most MaxDetail octets, where Outcome says too little
	Version     string  `json:"version,omitempty"`    // such as "TLS 1.3"
	CipherSuite string  `json:"cipher_suite,omitempty"`
	KeyExchange string  `json:"key_exchange,omitempty"` // the group, such as "X25519"; empty with RSA key exchange

	// MasterSecret says how the secrets of TLS 1.2 and older were made; empty
	// with TLS 1.3.
	MasterSecret MasterSecret `json:"master_secret,omitempty"`

	OCSPStapled bool          `json:"ocsp_stapled,omitempty"` // an OCSP response came with the certificate (RFC 6066 section 8)
	Certs       []Certificate `json:"certificates,omitempty"` // as sent, the server's own first
	Cut         int           `json:"cut,omitempty"`          // certificates left out beyond MaxCertificates
	Chain       certs.Chain   `json:"chain,omitempty"`        // empty if no certificate came
	ChainDetail string        `json:"chain_detail,omitempty"` // with ChainOther, foreign text of at most MaxDetail octets
	NameMatch   bool          `json:"name_match"`             // the certificate names ServerName

	// Raw holds the certificates of Certs in DER, for matching at the time of the
	// handshake. It is no part of the facts: they keep fingerprints.
	Raw [][]byte `json:"-"`
}

// MasterSecret says how a server of TLS 1.2 or older made the master secret.
type MasterSecret string

// The ways to make it.
const (
	MasterSecretExtended MasterSecret = "extended" // bound to the handshake (RFC 7627)
	MasterSecretPlain    MasterSecret = "plain"    // the old way
)

// Leaf returns the certificate of the server itself, nil if none came.
func (s *State) Leaf() *Certificate {
	if s == nil || len(s.Certs) == 0 {
		return nil
	}
	return &s.Certs[0]
}

// Handshake makes a handshake over conn, as a client, and returns the secured
// connection, or nil if the handshake failed. The State is never nil. It
// ends by the deadline of conn or when ctx is done, which closes conn.
func Handshake(ctx context.Context, conn net.Conn, c Config) (net.Conn, *State) {
	s := &State{ServerName: c.ServerName}
	var chain []*x509.Certificate
	client := tls.Client(conn, &tls.Config{
		ServerName:         c.ServerName,
		InsecureSkipVerify: true, // judged in State.certificates
		MinVersion:         c.Hello.versions().least,
		MaxVersion:         c.Hello.versions().most,
		CipherSuites:       c.Hello.suites(),
		VerifyConnection: func(cs tls.ConnectionState) error {
			sent := cs.PeerCertificates
			chain = sent[:min(len(sent), MaxCertificates)]
			s.Cut = len(sent) - len(chain)
			return nil
		},
	})
	err := client.HandshakeContext(ctx)
	s.certificates(chain, c)
	if err != nil {
		s.failed(ctx, err)
		return nil, s
	}
	cs := client.ConnectionState()
	s.Outcome = OutcomeOK
	s.Version = tls.VersionName(cs.Version)
	s.CipherSuite = tls.CipherSuiteName(cs.CipherSuite)
	if cs.CurveID != 0 {
		s.KeyExchange = cs.CurveID.String()
	}
	s.MasterSecret = masterSecret(&cs)
	s.OCSPStapled = len(cs.OCSPResponse) > 0
	return client, s
}

// masterSecret tells by the exporter, which crypto/tls refuses to run over a
// master secret of the old kind (RFC 7627 section 5.4).
func masterSecret(cs *tls.ConnectionState) MasterSecret {
	if cs.Version >= tls.VersionTLS13 {
		return ""
	}
	if _, err := cs.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32); err != nil {
		return MasterSecretPlain
	}
	return MasterSecretExtended
}
