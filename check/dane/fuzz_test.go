package dane

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"strings"
	"testing"
)

// fixedChain makes the same chain in every process, as a fuzz target needs it:
// the keys are no secrets, and the signatures know no chance.
func fixedChain(t testing.TB) (leaf, root *x509.Certificate) {
	t.Helper()
	key := func(seed byte) ed25519.PrivateKey {
		return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
	}
	top := &authority{key: key(1)}
	top.cert = issue(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "Root"}, IsCA: true, BasicConstraintsValid: true,
	}, top.key.Public(), top.key, nil)
	return issue(t, &x509.Certificate{DNSNames: []string{host}}, key(2).Public(), nil, top), top.cert
}

func FuzzNewRecord(f *testing.F) {
	cert, _ := fixedChain(f)
	f.Add(uint8(3), uint8(1), uint8(1), strings.Repeat("Ab", 32))
	f.Add(uint8(2), uint8(0), uint8(0), hex.EncodeToString(cert.Raw))
	f.Add(uint8(2), uint8(1), uint8(0), hex.EncodeToString(cert.RawSubjectPublicKeyInfo))
	f.Add(uint8(0), uint8(7), uint8(9), "xyz")
	chain := chainOf(cert)
	f.Fuzz(func(t *testing.T, usage, selector, matchingType uint8, data string) {
		r := NewRecord(usage, selector, matchingType, data)
		if r.Usable != (len(r.Faults) == 0) {
			t.Fatalf("usable %v with faults %v", r.Usable, r.Faults)
		}
		if _, err := hex.DecodeString(r.Data); err != nil || r.Data != strings.ToLower(r.Data) {
			t.Fatalf("data %q", r.Data)
		}
		if r.Usable && (r.Usage < DANETA || r.Usage > DANEEE || r.Data == "") {
			t.Fatalf("usable: %+v", r)
		}
		again := NewRecord(r.Usage, r.Selector, r.MatchingType, r.Data)
		if r.Usable && (!again.Usable || again.Data != r.Data) {
			t.Fatalf("%+v, then %+v", r, again)
		}
		v := Match([]Record{r}, chain, []string{host}, now)
		if got := v.Outcome == OutcomeNoUsable; got == r.Usable {
			t.Fatalf("usable %v, outcome %s", r.Usable, v.Outcome)
		}
	})
}

// Whatever the server sends: nothing panics, a verdict stands by itself, and
// DANE-EE is verified exactly if the first certificate fits.
func FuzzMatch(f *testing.F) {
	leaf, root := fixedChain(f)
	records := []Record{
		pin(3, 0, 1, leaf), pin(3, 1, 2, leaf), pin(2, 0, 1, root),
		pin(2, 1, 0, root), pin(2, 0, 0, root),
	}
	f.Add(leaf.Raw, root.Raw, []byte(nil))
	f.Add(root.Raw, leaf.Raw, leaf.Raw)
	f.Add([]byte("?"), []byte{}, leaf.Raw[:100])
	f.Fuzz(func(t *testing.T, a, b, full []byte) {
		all := append(records[:len(records):len(records)], pinDER(2, 0, 0, full, nil), pinDER(2, 1, 0, nil, full))
		v := Match(all, [][]byte{a, b}, []string{host}, now)
		if len(v.Trials) != len(all) {
			t.Fatalf("%d trials", len(v.Trials))
		}
		if got, want := v.Trials[0].Verified, string(a) == string(leaf.Raw); got != want {
			t.Fatalf("3 0 1: %v, want %v", got, want)
		}
		for i, trial := range v.Trials {
			if trial.Verified == (trial.Reason != "") || trial.Certificate < -1 || trial.Certificate > 1 {
				t.Fatalf("%s: %+v", triple(all[i]), trial)
			}
		}
		verified := v.Outcome == OutcomeVerified || v.Outcome == OutcomeVerifiedWeaker
		if verified != (v.Record >= 0) || verified != v.HoldsAt(now) {
			t.Fatalf("%+v", v)
		}
	})
}
