package tlsx

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestExplore goes through the offers with servers of all kinds.
func TestExplore(t *testing.T) {
	key := newKey(t)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	modern := chainTo(key, sign(t, leafTemplate(), key, nil))
	classic := chainTo(rsaKey, sign(t, leafTemplate(), rsaKey, nil))
	const gcm, cbc = tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA
	tests := []struct {
		name   string
		config *tls.Config
		want   string // TLS 1.3, 1.2, 1.1, 1.0, weak suites
		tries  []Hello
	}{
		{"modern", &tls.Config{Certificates: []tls.Certificate{modern}, MinVersion: tls.VersionTLS12},
			"accepted accepted refused refused refused", []Hello{HelloTLS11, HelloWeak, HelloTLS12}},
		{"TLS 1.3 alone", &tls.Config{Certificates: []tls.Certificate{modern}, MinVersion: tls.VersionTLS13},
			"accepted refused refused refused refused", []Hello{HelloTLS11, HelloWeak, HelloTLS12}},
		{"all versions", &tls.Config{Certificates: []tls.Certificate{modern}, MinVersion: tls.VersionTLS10},
			"accepted accepted accepted accepted refused", []Hello{HelloTLS11, HelloWeak, HelloTLS12, HelloTLS10}},
		{"TLS 1.1 the oldest", &tls.Config{Certificates: []tls.Certificate{modern}, MinVersion: tls.VersionTLS11},
			"accepted accepted accepted refused refused", []Hello{HelloTLS11, HelloWeak, HelloTLS12, HelloTLS10}},
		{"TLS 1.2 the newest, RC4 too", &tls.Config{Certificates: []tls.Certificate{modern}, MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12,
			CipherSuites: []uint16{gcm, tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA}},
			"refused accepted refused refused accepted", []Hello{HelloTLS11, HelloWeak}},
		{"RSA key exchange alone", &tls.Config{Certificates: []tls.Certificate{classic}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS12,
			CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}},
			"refused accepted accepted accepted accepted", []Hello{HelloTLS11, HelloTLS10}},
		{"TLS 1.1 the newest", &tls.Config{Certificates: []tls.Certificate{modern}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11, CipherSuites: []uint16{cbc}},
			"refused refused accepted accepted refused", []Hello{HelloWeak, HelloTLS10}},
		{"TLS 1.0 alone", &tls.Config{Certificates: []tls.Certificate{modern}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10, CipherSuites: []uint16{cbc}},
			"refused refused refused accepted refused", []Hello{HelloWeak}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			shakeWith := func(h Hello) *State {
				_, s := shake(t, t.Context(), Config{ServerName: host, Now: now, Hello: h}, tlsServer(tt.config))
				return s
			}
			first := shakeWith(HelloAll)
			if first.Outcome != OutcomeOK {
				t.Fatalf("got outcome %q %q, want ok", first.Outcome, first.Detail)
			}
			var tries []Hello
			offers := Explore(first, func(h Hello) (*State, string) {
				tries = append(tries, h)
				return shakeWith(h), ""
			})
			if got := summary(offers); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if !slices.Equal(tries, tt.tries) || len(tries) > MaxTries {
				t.Errorf("tried %q, want %q", tries, tt.tries)
			}
			for _, o := range offers {
				if (o.CipherSuite != "") != (o.Taken == TakenAccepted) {
					t.Errorf("got %+v, want a suite exactly where it was accepted", o)
				}
			}
		})
	}
	t.Run("a state that cannot be", func(t *testing.T) {
		if got := Explore(&State{}, func(Hello) (*State, string) { return nil, "x" }); len(got) != 7 {
			t.Errorf("got %+v", got)
		}
	})
}

func summary(offers []Offer) string {
	var out []string
	for _, o := range offers[:5] {
		out = append(out, string(o.Taken))
	}
	for i, h := range []Hello{HelloTLS13, HelloTLS12, HelloTLS11, HelloTLS10, HelloWeak, HelloSSL3, HelloDHE} {
		if offers[i].Hello != h {
			out = append(out, fmt.Sprintf("(%s in the place of %s)", offers[i].Hello, h))
		}
		if i > 4 && (offers[i].Taken != TakenNotTested || offers[i].Reason != ReasonUnsupported) {
			out = append(out, fmt.Sprintf("%+v", offers[i]))
		}
	}
	return strings.Join(out, " ")
}

// TestTaken holds what the end of a handshake means for what was offered.
func TestTaken(t *testing.T) {
	first := &State{Outcome: OutcomeOK, Version: "TLS 1.3", CipherSuite: "TLS_AES_128_GCM_SHA256"}
	tests := []struct {
		name   string
		state  *State
		reason string
		want   Offer
	}{
		{"accepted", &State{Outcome: OutcomeOK, Version: "TLS 1.2", CipherSuite: "x", MasterSecret: MasterSecretPlain},
			"", Offer{Taken: TakenAccepted, CipherSuite: "x", MasterSecret: MasterSecretPlain}},
		{"handshake failure", &State{Outcome: OutcomeAlert, Alert: 40}, "", Offer{Taken: TakenRefused}},
		{"protocol version", &State{Outcome: OutcomeAlert, Alert: 70}, "", Offer{Taken: TakenRefused}},
		{"insufficient security", &State{Outcome: OutcomeAlert, Alert: 71}, "", Offer{Taken: TakenRefused}},
		{"closed", &State{Outcome: OutcomeClosed}, "", Offer{Taken: TakenRefused}},
		{"reset", &State{Outcome: OutcomeReset}, "", Offer{Taken: TakenRefused}},
		{"internal error", &State{Outcome: OutcomeAlert, Alert: 80}, "", Offer{Taken: TakenRefused}},
		{"access denied", &State{Outcome: OutcomeAlert, Alert: 49}, "", Offer{Taken: TakenNotTested, Reason: "alert"}},
		{"timeout", &State{Outcome: OutcomeTimeout}, "", Offer{Taken: TakenNotTested, Reason: "timeout"}},
		{"cancelled", &State{Outcome: OutcomeCancelled}, "", Offer{Taken: TakenNotTested, Reason: "cancelled"}},
		{"protocol error", &State{Outcome: OutcomeProtocol}, "", Offer{Taken: TakenNotTested, Reason: "protocol-error"}},
		{"weak key", &State{Outcome: OutcomeWeakKey}, "", Offer{Taken: TakenNotTested, Reason: "weak-key"}},
		{"no handshake", nil, "budget", Offer{Taken: TakenNotTested, Reason: "budget"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.want.Hello = HelloTLS12
			got := Explore(first, func(Hello) (*State, string) { return tt.state, tt.reason })[1]
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// TestHello holds what each handshake offers.
func TestHello(t *testing.T) {
	for _, h := range []Hello{HelloAll, HelloTLS13, HelloTLS12, HelloTLS11, HelloTLS10, HelloWeak} {
		v := h.versions()
		if v.least < tls.VersionTLS10 || v.most < v.least {
			t.Errorf("%q: versions %x to %x", h, v.least, v.most)
		}
		weak, all := 0, h.suites()
		for _, id := range all {
			if Weak(tls.CipherSuiteName(id)) {
				weak++
			}
		}
		if weak == 0 || (h == HelloWeak) != (weak == len(all)) {
			t.Errorf("%q: %d of %d suites are weak", h, weak, len(all))
		}
	}
	for suite, want := range map[string]bool{
		"TLS_RSA_WITH_AES_128_GCM_SHA256": true, "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA": true, "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA": true,
		"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": false, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": false, "TLS_AES_128_GCM_SHA256": false, "": false,
	} {
		if Weak(suite) != want {
			t.Errorf("Weak(%q) = %v, want %v", suite, !want, want)
		}
	}
}
