package tlsx

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGrades(t *testing.T) {
	good := Certificate{KeyType: KeyECDSA, KeyBits: 256, Curve: "P-256", Signature: "ECDSA-SHA256"}
	rsa := func(bits int) State {
		return State{Certs: []Certificate{{KeyType: KeyRSA, KeyBits: bits, Signature: "SHA256-RSA"}}}
	}
	curve := func(name string) State {
		return State{Certs: []Certificate{{KeyType: KeyECDSA, Curve: name, Signature: "ECDSA-SHA384"}}}
	}
	signed := func(algorithm string) State {
		c := good
		c.Signature = algorithm
		return State{Certs: []Certificate{good, c}}
	}
	spoken := func(version, suite, group string) State {
		return State{Version: version, CipherSuite: suite, KeyExchange: group}
	}
	key := func(g Grade) Grades { return Grades{Key: g, Signature: GradeSufficient} }
	tests := []struct {
		name  string
		state State
		want  Grades
	}{
		{"nothing", State{}, Grades{}},
		{"TLS 1.3, AES-256", spoken("TLS 1.3", "TLS_AES_256_GCM_SHA384", "X25519MLKEM768"), Grades{Version: GradeGood, Suite: GradeGood, KeyExchange: GradeSufficient}},
		{"TLS 1.3, ChaCha20", spoken("TLS 1.3", "TLS_CHACHA20_POLY1305_SHA256", "X25519"), Grades{Version: GradeGood, Suite: GradeGood, KeyExchange: GradeSufficient}},
		{"TLS 1.3, AES-128", spoken("TLS 1.3", "TLS_AES_128_GCM_SHA256", "CurveP256"), Grades{Version: GradeGood, Suite: GradeSufficient, KeyExchange: GradeSufficient}},
		{"TLS 1.2, GCM", spoken("TLS 1.2", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "CurveP384"), Grades{Version: GradeSufficient, Suite: GradeSufficient, KeyExchange: GradeSufficient}},
		{"TLS 1.2, CBC with SHA-256", spoken("TLS 1.2", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "CurveP521"), Grades{Version: GradeSufficient, Suite: GradePhaseOut, KeyExchange: GradeSufficient}},
		{"TLS 1.2, CBC with SHA-1", spoken("TLS 1.2", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "X25519"), Grades{Version: GradeSufficient, Suite: GradeInsufficient, KeyExchange: GradeSufficient}},
		{"TLS 1.2, RSA key exchange", spoken("TLS 1.2", "TLS_RSA_WITH_AES_128_GCM_SHA256", ""), Grades{Version: GradeSufficient, Suite: GradeInsufficient, KeyExchange: GradeInsufficient}},
		{"TLS 1.2, 3DES", spoken("TLS 1.2", "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", "X25519"), Grades{Version: GradeSufficient, Suite: GradeInsufficient, KeyExchange: GradeSufficient}},
		{"TLS 1.0, RC4", spoken("TLS 1.0", "TLS_RSA_WITH_RC4_128_SHA", ""), Grades{Version: GradeInsufficient, Suite: GradeInsufficient, KeyExchange: GradeInsufficient}},
		{"TLS 1.1", spoken("TLS 1.1", "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "X25519"), Grades{Version: GradeInsufficient, Suite: GradeInsufficient, KeyExchange: GradeSufficient}},
		{"what nobody knows", spoken("TLS 1.4", "0x1234", "CurveID(99)"), Grades{Version: GradeNotTested, Suite: GradeNotTested, KeyExchange: GradeNotTested}},

		{"RSA 3072", rsa(3072), key(GradeSufficient)},
		{"RSA 3071", rsa(3071), key(GradePhaseOut)},
		{"RSA 2048", rsa(2048), key(GradePhaseOut)},
		{"RSA 2047", rsa(2047), key(GradeInsufficient)},
		{"P-384", curve("P-384"), key(GradeSufficient)},
		{"P-521", curve("P-521"), key(GradeSufficient)},
		{"P-224", curve("P-224"), key(GradePhaseOut)},
		{"another curve", curve("P-192"), key(GradeInsufficient)},
		{"Ed25519", State{Certs: []Certificate{{KeyType: KeyEd25519, Signature: "Ed25519"}}}, key(GradeSufficient)},
		{"another key", State{Certs: []Certificate{{KeyType: KeyUnknown, Signature: "ECDSA-SHA512"}}}, key(GradeNotTested)},
		{"a weak intermediate", State{Certs: []Certificate{good, {KeyType: KeyRSA, KeyBits: 1024, Signature: "SHA256-RSA"}}}, key(GradeInsufficient)},
		{"a root with an old key", State{Certs: []Certificate{good, {KeyType: KeyRSA, KeyBits: 1024, Signature: "MD5-RSA", SelfSigned: true}}}, key(GradeSufficient)},
		{"self-signed", State{Certs: []Certificate{{KeyType: KeyRSA, KeyBits: 4096, Signature: "SHA1-RSA", SelfSigned: true}}}, Grades{Key: GradeSufficient}},
		{"SHA-1", signed("SHA1-RSA"), Grades{Key: GradeSufficient, Signature: GradeInsufficient}},
		{"SHA-1 with ECDSA", signed("ECDSA-SHA1"), Grades{Key: GradeSufficient, Signature: GradeInsufficient}},
		{"MD5", signed("MD5-RSA"), Grades{Key: GradeSufficient, Signature: GradeInsufficient}},
		{"DSA", signed("DSA-SHA256"), Grades{Key: GradeSufficient, Signature: GradeInsufficient}},
		{"PSS", signed("SHA512-RSAPSS"), key(GradeSufficient)},
		{"an unknown algorithm", signed("0"), Grades{Key: GradeSufficient, Signature: GradeNotTested}},

		{"extended master secret", State{MasterSecret: MasterSecretExtended}, Grades{MasterSecret: GradeGood}},
		{"plain master secret", State{MasterSecret: MasterSecretPlain}, Grades{MasterSecret: GradeInsufficient}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, tt.state.Grades()); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			text, err := json.Marshal(tt.state)
			if err != nil {
				t.Fatal(err)
			}
			var back State
			if err := json.Unmarshal(text, &back); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, back.Grades()); d != "" {
				t.Errorf("after JSON (-want +got):\n%s", d)
			}
		})
	}
}

// TestNamesOfTheLibrary holds that no name that the library gives is left
// without a class: the classes go by its texts.
func TestNamesOfTheLibrary(t *testing.T) {
	for _, suite := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		for _, version := range suite.SupportedVersions {
			if g := gradeSuite(tls.VersionName(version), suite.Name); g == GradeNotTested {
				t.Errorf("%s in %s has no class", suite.Name, tls.VersionName(version))
			}
		}
	}
	for _, group := range []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521, tls.X25519MLKEM768, tls.SecP256r1MLKEM768, tls.SecP384r1MLKEM1024} {
		if g := gradeKeyExchange(group.String()); g != GradeSufficient {
			t.Errorf("%s: class %q, want %q", group, g, GradeSufficient)
		}
	}
	for a := x509.MD5WithRSA; a <= x509.PureEd25519; a++ {
		if g := gradeSignature(a.String()); g != GradeSufficient && g != GradeInsufficient {
			t.Errorf("%s: class %q", a, g)
		}
	}
}

// TestMasterSecret holds that both kinds are told apart.
func TestMasterSecret(t *testing.T) {
	key := newKey(t)
	cert := chainTo(key, sign(t, leafTemplate(), key, nil))
	for version, want := range map[uint16]MasterSecret{
		tls.VersionTLS10: MasterSecretExtended, tls.VersionTLS12: MasterSecretExtended, tls.VersionTLS13: "",
	} {
		config := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: version, MaxVersion: version}
		if _, s := shake(t, t.Context(), Config{ServerName: host, Now: now}, tlsServer(config)); s.MasterSecret != want {
			t.Errorf("version %x: got %q, want %q", version, s.MasterSecret, want)
		}
	}
	// crypto/tls makes no server without it. Where a client would renegotiate, its
	// exporter is shut as well.
	config := &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: tls.VersionTLS12}
	client, server := net.Pipe()
	go tlsServer(config)(server)
	conn := tls.Client(client, &tls.Config{InsecureSkipVerify: true, Renegotiation: tls.RenegotiateOnceAsClient})
	defer conn.Close()
	if err := conn.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	cs := conn.ConnectionState()
	if got := masterSecret(&cs); got != MasterSecretPlain {
		t.Errorf("got %q, want %q", got, MasterSecretPlain)
	}
}
