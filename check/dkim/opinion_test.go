package dkim

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"strings"
	"testing"

	msgauth "github.com/emersion/go-msgauth/dkim"
)

// TestSecondOpinion compares Record.Working with what another verifier does
// with the same record and a message that is signed with its key.
func TestSecondOpinion(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(&rsaKey.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	spkiP := base64.StdEncoding.EncodeToString(spki)
	pkcs1P := base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(&rsaKey.PublicKey))
	edP := base64.StdEncoding.EncodeToString(public)
	tests := []struct {
		name, record string
		signer       crypto.Signer
		want         bool
	}{
		{"RSA", "v=DKIM1; k=rsa; p=" + spkiP, rsaKey, true},
		{"RSA, PKCS#1", "v=DKIM1; p=" + pkcs1P, rsaKey, true},
		{"RSA, no version", "p=" + spkiP, rsaKey, true},
		{"RSA, blanks in the key", "v=DKIM1; p=" + spkiP[:80] + "  " + spkiP[80:], rsaKey, true},
		{"Ed25519", "v=DKIM1; k=ed25519; p=" + edP, private, true},
		{"hash allowed", "v=DKIM1; h=sha1:sha256; p=" + spkiP, rsaKey, true},
		{"service allowed", "v=DKIM1; s=email; p=" + spkiP, rsaKey, true},
		{"unknown tag", "v=DKIM1; x=y; p=" + spkiP, rsaKey, true},
		{"revoked", "v=DKIM1; p=", rsaKey, false},
		{"hash not allowed", "v=DKIM1; h=sha1; p=" + spkiP, rsaKey, false},
		{"service not allowed", "v=DKIM1; s=tlsrpt; p=" + spkiP, rsaKey, false},
		{"other version", "v=DKIM2; p=" + spkiP, rsaKey, false},
		{"other type", "v=DKIM1; k=dsa; p=" + spkiP, rsaKey, false},
		{"key cut short", "v=DKIM1; p=" + spkiP[:100], rsaKey, false},
		{"not base64", "v=DKIM1; p=!" + spkiP, rsaKey, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			key, faults := ParseKey(tt.record)
			got := Record{Key: key, Faults: faults}.Working()
			if got != tt.want {
				t.Errorf("Working() = %v, want %v; faults %v", got, tt.want, faults)
			}
			if other := verifies(t, tt.record, tt.signer); other != tt.want {
				t.Errorf("go-msgauth: %v, want %v", other, tt.want)
			}
		})
	}
}

// verifies signs a message and verifies it with a record in the DNS.
func verifies(t *testing.T, record string, signer crypto.Signer) bool {
	t.Helper()
	message := "From: a@example.com\r\nSubject: x\r\n\r\nHello\r\n"
	var signed bytes.Buffer
	err := msgauth.Sign(&signed, strings.NewReader(message), &msgauth.SignOptions{
		Domain: "example.com", Selector: "s", Signer: signer,
	})
	if err != nil {
		t.Fatal(err)
	}
	verifications, err := msgauth.VerifyWithOptions(&signed, &msgauth.VerifyOptions{
		LookupTXT: func(string) ([]string, error) { return []string{record}, nil },
	})
	if err != nil || len(verifications) != 1 {
		t.Fatalf("verifications %v, %v", verifications, err)
	}
	return verifications[0].Err == nil
}
