package dane

import (
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"maildoctor/check/certs"
)

// Every usage, selector and matching type, of every certificate of a chain.
func TestMatchCombinations(t *testing.T) {
	root := newAuthority(t, "Root", nil, nil)
	middle := newAuthority(t, "Middle", root, nil)
	leaf := newLeaf(t, middle, nil)
	stranger := newLeaf(t, nil, nil)
	chain := chainOf(leaf, middle.cert, root.cert)
	certs := []*x509.Certificate{leaf, middle.cert, root.cert, stranger}
	for usage := range uint8(5) {
		for selector := range uint8(3) {
			for matchingType := range uint8(4) {
				for at, cert := range certs {
					r := pin(usage, min(selector, 1), min(matchingType, 2), cert)
					r = NewRecord(usage, selector, matchingType, r.Data)
					want := Trial{Certificate: at}
					switch {
					case usage < DANETA || usage > DANEEE || selector > 1 || matchingType > 2:
						want = Trial{Reason: ReasonUnusable, Certificate: -1}
					case cert == stranger && usage == DANETA && matchingType == MatchFull:
						want = Trial{Reason: ReasonChain, Certificate: -1}
					case cert == stranger:
						want = Trial{Reason: ReasonDigest, Certificate: -1}
					case usage == DANEEE && cert == leaf:
						want.Verified = true
					case usage == DANEEE:
						want.Reason = ReasonNotLeaf
					case cert == leaf:
						want.Reason = ReasonAnchorIsLeaf
					default:
						want.Verified, want.Until = true, leaf.NotAfter.Format(time.RFC3339)
					}
					t.Run(fmt.Sprintf("%s of %s", triple(r), cert.Subject.CommonName), func(t *testing.T) {
						v := Match([]Record{r}, chain, []string{host}, now)
						if diff := cmp.Diff([]Trial{want}, v.Trials); diff != "" {
							t.Errorf("-want +got:\n%s", diff)
						}
						outcome := OutcomeNotVerified
						switch {
						case want.Verified:
							outcome = OutcomeVerified
						case want.Reason == ReasonUnusable:
							outcome = OutcomeNoUsable
						}
						if v.Outcome != outcome || (v.Record == 0) != want.Verified {
							t.Errorf("outcome %s, record %d; want %s", v.Outcome, v.Record, outcome)
						}
					})
				}
			}
		}
	}
}

// The DNS library has a comparison of its own.
func TestSecondOpinion(t *testing.T) {
	root := newAuthority(t, "Root", nil, nil)
	leaf := newLeaf(t, root, nil)
	for _, usage := range []uint8{DANETA, DANEEE} {
		for selector := range uint8(2) {
			for matchingType := range uint8(3) {
				for at, cert := range []*x509.Certificate{leaf, root.cert} {
					var rr dns.TLSA
					if err := rr.Sign(int(usage), int(selector), int(matchingType), cert); err != nil {
						t.Fatal(err)
					}
					r := NewRecord(rr.Usage, rr.Selector, rr.MatchingType, rr.Certificate)
					t.Run(fmt.Sprintf("%s of %d", triple(r), at), func(t *testing.T) {
						if diff := cmp.Diff(pin(usage, selector, matchingType, cert), r); diff != "" {
							t.Errorf("-ours +theirs:\n%s", diff)
						}
						trial := Match([]Record{r}, chainOf(leaf, root.cert), []string{host}, now).Trials[0]
						for i, c := range []*x509.Certificate{leaf, root.cert} {
							if theirs := rr.Verify(c) == nil; theirs != (trial.Certificate == i) {
								t.Errorf("certificate %d: they say %v, we that %d fits", i, theirs, trial.Certificate)
							}
						}
					})
				}
			}
		}
	}
}

func TestEndEntity(t *testing.T) {
	root := newAuthority(t, "Root", nil, func(c *x509.Certificate) { c.NotAfter = now.AddDate(-1, 0, 0) })
	old := newLeaf(t, root, func(c *x509.Certificate) {
		c.DNSNames = []string{"other.example.net"}
		c.NotBefore, c.NotAfter = now.AddDate(-2, 0, 0), now.AddDate(-1, 0, 0)
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	})
	garbage := []byte("no certificate")
	sum := sha256.Sum256(garbage)
	garbagePin := NewRecord(3, 0, 1, hex.EncodeToString(sum[:]))
	for _, tt := range []struct {
		name   string
		record Record
		chain  [][]byte
		want   Outcome
		reason Reason
	}{
		// RFC 7672 section 3.1.1.
		{"expired, another name, no path, another usage", pin(3, 1, 1, old), chainOf(old), OutcomeVerified, ""},
		{"no certificates", pin(3, 1, 1, old), nil, OutcomeUnknown, ReasonNoCertificates},
		{"digest of what is no certificate", garbagePin, [][]byte{garbage}, OutcomeVerified, ""},
		{"key of what is no certificate", pin(3, 1, 1, old), [][]byte{garbage}, OutcomeUnknown, ReasonMalformed},
		{"key of what is no certificate, fits another", pin(3, 1, 1, old), [][]byte{garbage, old.Raw}, OutcomeUnknown, ReasonMalformed},
		{"garbage above", pin(3, 1, 1, old), [][]byte{old.Raw, garbage}, OutcomeVerified, ""},
		{"empty certificate", pin(3, 0, 1, old), [][]byte{nil}, OutcomeNotVerified, ReasonDigest},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := Match([]Record{tt.record}, tt.chain, nil, now)
			if v.Outcome != tt.want || v.Trials[0].Reason != tt.reason {
				t.Errorf("got %s, %+v; want %s, %q", v.Outcome, v.Trials, tt.want, tt.reason)
			}
			if v.Until != "" {
				t.Errorf("ends %s", v.Until)
			}
		})
	}
}

func TestAnchor(t *testing.T) {
	root := newAuthority(t, "Root", nil, nil)
	middle := newAuthority(t, "Middle", root, nil)
	leaf := newLeaf(t, middle, nil)
	whole := chainOf(leaf, middle.cert, root.cert)
	stale := newAuthority(t, "Stale", root, func(c *x509.Certificate) { c.NotAfter = now.AddDate(0, 0, -40) })
	recent := newAuthority(t, "Recent", root, func(c *x509.Certificate) { c.NotAfter = now.AddDate(0, 0, -1) })
	early := newAuthority(t, "Early", root, func(c *x509.Certificate) { c.NotBefore = now.AddDate(0, 1, 0) })
	noCA := newAuthority(t, "No CA", root, func(c *x509.Certificate) { c.IsCA = false })
	fenced := newAuthority(t, "Fenced", root, func(c *x509.Certificate) { c.PermittedDNSDomains = []string{"example.org"} })
	stranger := newAuthority(t, "Root", nil, nil) // of the same name
	own := newLeaf(t, nil, nil)

	expired := newLeaf(t, root, func(c *x509.Certificate) { c.NotBefore, c.NotAfter = now.AddDate(0, -3, 0), now.Add(-time.Second) })
	endsNow := newLeaf(t, root, func(c *x509.Certificate) { c.NotBefore, c.NotAfter = now.AddDate(0, -3, 0), now })
	future := newLeaf(t, root, func(c *x509.Certificate) { c.NotBefore, c.NotAfter = now.Add(time.Second), now.AddDate(0, 3, 0) })
	client := newLeaf(t, root, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })
	unnamed := newLeaf(t, root, func(c *x509.Certificate) { c.DNSNames = []string{"www.example.com"} })
	renamed := newLeaf(t, root, func(c *x509.Certificate) { c.DNSNames, c.Subject.CommonName = nil, "MX.Example.com" })
	both := newLeaf(t, root, func(c *x509.Certificate) { c.DNSNames, c.Subject.CommonName = []string{"www.example.com"}, host })
	wild := newLeaf(t, root, func(c *x509.Certificate) { c.DNSNames = []string{"*.Example.com"} })
	strange := newLeaf(t, root, func(c *x509.Certificate) {
		c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 999}, Critical: true, Value: []byte{5, 0}}}
	})
	hop := newLeaf(t, root, func(c *x509.Certificate) { c.DNSNames = []string{"example.net"} })

	// withRSA is a certificate in the place of the intermediate one.
	withRSA := func(bits uint) *x509.Certificate {
		n := new(big.Int).Lsh(big.NewInt(1), bits-1)
		return issue(t, &x509.Certificate{
			Subject: middle.cert.Subject, IsCA: true, BasicConstraintsValid: true,
			NotBefore: now.AddDate(-5, 0, 0), NotAfter: now.AddDate(5, 0, 0),
		}, &rsa.PublicKey{N: n.Add(n, big.NewInt(1)), E: 65537}, nil, root)
	}
	largest, large := withRSA(MaxRSA), withRSA(MaxRSA+1)
	shortest, short := withRSA(certs.MinRSA), withRSA(certs.MinRSA-1)

	for _, tt := range []struct {
		name   string
		record Record
		chain  [][]byte
		want   Outcome
		trial  Trial // without Verified and Until
	}{
		{"root, not sent", pin(2, 1, 1, root.cert), chainOf(leaf, middle.cert), OutcomeNotVerified, Trial{Reason: ReasonDigest, Certificate: -1}},
		{"root in full, not sent", pin(2, 0, 0, root.cert), chainOf(leaf, middle.cert), OutcomeVerified, Trial{Certificate: -1}},
		{"root key in full, not sent", pin(2, 1, 0, root.cert), chainOf(leaf, middle.cert), OutcomeVerified, Trial{Certificate: -1}},
		{"root key in full, signer of nothing sent", pin(2, 1, 0, root.cert), chainOf(leaf), OutcomeNotVerified, Trial{Reason: ReasonChain, Certificate: -1}},
		{"issuer in full, not sent", pin(2, 0, 0, middle.cert), chainOf(leaf), OutcomeVerified, Trial{Certificate: -1}},
		{"issuer key in full, not sent", pin(2, 1, 0, middle.cert), chainOf(leaf), OutcomeVerified, Trial{Certificate: -1}},
		{"issuer key in full, garbage above", pin(2, 1, 0, middle.cert), [][]byte{leaf.Raw, []byte("?")}, OutcomeVerified, Trial{Certificate: -1}},
		{"root key in full, garbage above", pin(2, 1, 0, root.cert), [][]byte{leaf.Raw, []byte("?")}, OutcomeUnknown, Trial{Reason: ReasonMalformed, Certificate: -1}},
		{"intermediate", pin(2, 1, 1, middle.cert), chainOf(leaf, middle.cert), OutcomeVerified, Trial{Certificate: 1}},
		{"another order", pin(2, 1, 1, root.cert), chainOf(leaf, root.cert, middle.cert), OutcomeVerified, Trial{Certificate: 1}},
		{"intermediate missing", pin(2, 1, 1, root.cert), chainOf(leaf, root.cert), OutcomeNotVerified, Trial{Reason: ReasonChain, Certificate: 1}},
		{"another of that name", pin(2, 1, 1, stranger.cert), chainOf(leaf, middle.cert, stranger.cert), OutcomeNotVerified, Trial{Reason: ReasonChain, Certificate: 2}},
		{"own certificate", pin(2, 0, 1, own), chainOf(own), OutcomeNotVerified, Trial{Reason: ReasonAnchorIsLeaf}},
		{"own certificate, sent twice", pin(2, 0, 1, own), chainOf(own, own), OutcomeNotVerified, Trial{Reason: ReasonAnchorIsLeaf}},
		{"own certificate in full", pin(2, 0, 0, own), chainOf(own), OutcomeNotVerified, Trial{Reason: ReasonAnchorIsLeaf}},
		{"own key in full, signed by itself", pin(2, 1, 0, own), chainOf(own), OutcomeVerified, Trial{Certificate: -1}},
		{"own key in full", pin(2, 1, 0, leaf), whole, OutcomeNotVerified, Trial{Reason: ReasonAnchorIsLeaf}},
		{"not an authority", pin(2, 1, 1, root.cert), chainOf(newLeaf(t, noCA, nil), noCA.cert, root.cert), OutcomeNotVerified, Trial{Reason: ReasonChain, Certificate: 2}},

		{"expired", pin(2, 1, 1, root.cert), chainOf(expired, root.cert), OutcomeNotVerified, Trial{Reason: ReasonExpired, Certificate: 1}},
		{"ends now", pin(2, 1, 1, root.cert), chainOf(endsNow, root.cert), OutcomeVerified, Trial{Certificate: 1}},
		{"not yet valid", pin(2, 1, 1, root.cert), chainOf(future, root.cert), OutcomeNotVerified, Trial{Reason: ReasonNotYetValid, Certificate: 1}},
		{"expired on the way", pin(2, 1, 1, root.cert), chainOf(newLeaf(t, recent, nil), recent.cert, root.cert), OutcomeNotVerified, Trial{Reason: ReasonExpired, Certificate: 2}},
		{"anchor expired", pin(2, 0, 1, stale.cert), chainOf(newLeaf(t, stale, nil), stale.cert), OutcomeNotVerified, Trial{Reason: ReasonExpired, Certificate: 1}},
		{"anchor expired, in full", pin(2, 0, 0, stale.cert), chainOf(newLeaf(t, stale, nil)), OutcomeNotVerified, Trial{Reason: ReasonExpired, Certificate: -1}},
		{"not yet valid on the way", pin(2, 1, 1, root.cert), chainOf(newLeaf(t, early, nil), early.cert, root.cert), OutcomeNotVerified, Trial{Reason: ReasonNotYetValid, Certificate: 2}},
		{"expired, and no path", pin(2, 1, 1, stranger.cert), chainOf(expired, stranger.cert), OutcomeNotVerified, Trial{Reason: ReasonChain, Certificate: 1}},
		{"expired before the leaf began", pin(2, 1, 1, root.cert), chainOf(newLeaf(t, stale, nil), stale.cert, root.cert), OutcomeNotVerified, Trial{Reason: ReasonExpired, Certificate: 2}},
		{"expired, not for servers", pin(2, 1, 1, root.cert), chainOf(newLeaf(t, root, func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = now.AddDate(0, -3, 0), now.Add(-time.Second)
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		}), root.cert), OutcomeNotVerified, Trial{Reason: ReasonExpired, Certificate: 1}},
		{"expired, signed by a key in full", pin(2, 1, 0, root.cert), chainOf(expired), OutcomeNotVerified, Trial{Reason: ReasonExpired, Certificate: -1}},
		{"critical extension", pin(2, 1, 1, root.cert), chainOf(strange, root.cert), OutcomeUnknown, Trial{Reason: ReasonExtension, Certificate: 1}},
		{"expired beside the path", pin(2, 1, 1, root.cert), chainOf(leaf, middle.cert, stale.cert, root.cert), OutcomeVerified, Trial{Certificate: 3}},

		{"name", pin(2, 1, 1, root.cert), chainOf(unnamed, root.cert), OutcomeNotVerified, Trial{Reason: ReasonName, Certificate: 1}},
		{"next-hop domain", pin(2, 1, 1, root.cert), chainOf(hop, root.cert), OutcomeVerified, Trial{Certificate: 1}},
		{"wildcard", pin(2, 1, 1, root.cert), chainOf(wild, root.cert), OutcomeVerified, Trial{Certificate: 1}},
		{"common name", pin(2, 1, 1, root.cert), chainOf(renamed, root.cert), OutcomeVerified, Trial{Certificate: 1, CommonName: true}},
		{"common name beside DNS names", pin(2, 1, 1, root.cert), chainOf(both, root.cert), OutcomeNotVerified, Trial{Reason: ReasonName, Certificate: 1}},
		{"not for servers", pin(2, 1, 1, root.cert), chainOf(client, root.cert), OutcomeNotVerified, Trial{Reason: ReasonUsage, Certificate: 1}},
		{"name constraint", pin(2, 1, 1, root.cert), chainOf(newLeaf(t, fenced, nil), fenced.cert, root.cert), OutcomeNotVerified, Trial{Reason: ReasonConstraint, Certificate: 2}},

		{"no certificates", pin(2, 1, 1, root.cert), nil, OutcomeUnknown, Trial{Reason: ReasonNoCertificates, Certificate: -1}},
		{"garbage on the way", pin(2, 1, 1, root.cert), [][]byte{leaf.Raw, []byte("?"), root.cert.Raw}, OutcomeUnknown, Trial{Reason: ReasonMalformed, Certificate: 2}},
		{"garbage for the anchor", pin(2, 1, 1, root.cert), [][]byte{leaf.Raw, middle.cert.Raw, []byte("?")}, OutcomeUnknown, Trial{Reason: ReasonMalformed, Certificate: -1}},
		{"garbage for the anchor, digest of all", pin(2, 0, 1, root.cert), [][]byte{leaf.Raw, middle.cert.Raw, []byte("?")}, OutcomeNotVerified, Trial{Reason: ReasonDigest, Certificate: -1}},
		{"garbage for the leaf", pin(2, 1, 1, root.cert), [][]byte{[]byte("?"), middle.cert.Raw, root.cert.Raw}, OutcomeUnknown, Trial{Reason: ReasonMalformed, Certificate: 2}},
		{"anchor with a large key", pin(2, 0, 1, large), chainOf(leaf, large), OutcomeUnknown, Trial{Reason: ReasonKeyTooLarge, Certificate: 1}},
		{"anchor with the largest key", pin(2, 0, 1, largest), chainOf(leaf, largest), OutcomeNotVerified, Trial{Reason: ReasonChain, Certificate: 1}},
		{"anchor with the shortest key", pin(2, 0, 1, shortest), chainOf(leaf, shortest), OutcomeNotVerified, Trial{Reason: ReasonChain, Certificate: 1}},
		{"anchor with a short key", pin(2, 0, 1, short), chainOf(leaf, short), OutcomeUnknown, Trial{Reason: ReasonWeak, Certificate: 1}},
		{"large key in full", pin(2, 1, 0, large), chainOf(leaf), OutcomeUnknown, Trial{Reason: ReasonKeyTooLarge, Certificate: -1}},
		{"large key on the way", pin(2, 1, 1, root.cert), chainOf(leaf, large, root.cert), OutcomeUnknown, Trial{Reason: ReasonKeyTooLarge, Certificate: 2}},
		{"large key beside the path", pin(2, 1, 1, root.cert), chainOf(leaf, large, middle.cert, root.cert), OutcomeVerified, Trial{Certificate: 3}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := Match([]Record{tt.record}, tt.chain, []string{"MX.example.com.", "example.net"}, now)
			if v.Outcome != tt.want {
				t.Errorf("outcome %s, want %s", v.Outcome, tt.want)
			}
			got := v.Trials[0]
			if got.Verified != (tt.want == OutcomeVerified) || got.Verified != (got.Until != "") {
				t.Errorf("trial %+v", got)
			}
			got.Verified, got.Until = false, ""
			if diff := cmp.Diff(tt.trial, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// A key that several certificates share is an anchor in each of them.
func TestAnchorCrossSigned(t *testing.T) {
	root, other := newAuthority(t, "Root", nil, nil), newAuthority(t, "Other", nil, nil)
	leaf := newLeaf(t, root, nil)
	cross := issue(t, &x509.Certificate{
		Subject: root.cert.Subject, IsCA: true, BasicConstraintsValid: true,
		NotBefore: now.AddDate(-2, 0, 0), NotAfter: now.AddDate(-1, 0, 0),
	}, root.key.Public(), nil, other)
	for _, chain := range [][][]byte{chainOf(leaf, cross, root.cert), chainOf(leaf, root.cert, cross)} {
		v := Match([]Record{pin(2, 1, 1, root.cert)}, chain, []string{host}, now)
		if v.Outcome != OutcomeVerified || !slices.Equal(chain[v.Trials[0].Certificate], root.cert.Raw) {
			t.Errorf("got %s, %+v", v.Outcome, v.Trials)
		}
	}
}

// A signature by SHA-1 is refused here and taken by some senders.
func TestAnchorWeak(t *testing.T) {
	root := newAuthority(t, "Root", nil, nil)
	leaf := newLeaf(t, root, func(c *x509.Certificate) { c.SignatureAlgorithm = x509.ECDSAWithSHA1 })
	for _, matchingType := range []uint8{MatchFull, MatchSHA256} {
		for selector := range uint8(2) {
			r := pin(2, selector, matchingType, root.cert)
			for _, chain := range [][][]byte{chainOf(leaf, root.cert), chainOf(leaf)} {
				if matchingType != MatchFull && len(chain) == 1 {
					continue
				}
				v := Match([]Record{r}, chain, []string{host}, now)
				if v.Outcome != OutcomeUnknown || v.Trials[0].Reason != ReasonWeak {
					t.Errorf("%s, %d certificates: got %s, %+v", triple(r), len(chain), v.Outcome, v.Trials)
				}
			}
		}
	}
}

func TestMatchRecords(t *testing.T) {
	root := newAuthority(t, "Root", nil, nil)
	leaf := newLeaf(t, root, nil)
	next := newLeaf(t, root, nil)
	chain := chainOf(leaf, root.cert)
	until := leaf.NotAfter.Format(time.RFC3339)
	for _, tt := range []struct {
		name    string
		records []Record
		want    Outcome
		record  int
		until   string
		roll    RollOver
	}{
		{"none", nil, OutcomeNoRecords, -1, "", RollOver{}},
		{"none usable", []Record{pin(1, 1, 1, leaf), pin(0, 0, 1, root.cert)}, OutcomeNoUsable, -1, "", RollOver{}},
		{"one", []Record{pin(3, 1, 1, leaf)}, OutcomeVerified, 0, "", RollOver{Usable: 1, SingleEE: true}},
		{"one, beside an unusable", []Record{pin(1, 1, 1, leaf), pin(3, 1, 1, leaf)}, OutcomeVerified, 1, "", RollOver{Usable: 1, SingleEE: true}},
		{"one, before an unusable", []Record{pin(3, 1, 1, leaf), pin(1, 1, 1, leaf)}, OutcomeVerified, 0, "", RollOver{Usable: 1, SingleEE: true}},
		{"anchor alone", []Record{pin(2, 1, 1, root.cert)}, OutcomeVerified, 0, until, RollOver{Usable: 1}},
		{"this key and the next", []Record{pin(3, 1, 1, next), pin(3, 1, 1, leaf)}, OutcomeVerified, 1, "", RollOver{Usable: 2, Unmatched: []int{0}}},
		{"this key and the anchor", []Record{pin(3, 1, 1, leaf), pin(2, 1, 1, root.cert)}, OutcomeVerified, 0, "", RollOver{Usable: 2}},
		{"the anchor, then this key", []Record{pin(2, 1, 1, root.cert), pin(3, 1, 1, leaf)}, OutcomeVerified, 0, "", RollOver{Usable: 2}},
		{"next key and the anchor", []Record{pin(3, 1, 1, next), pin(2, 1, 1, root.cert)}, OutcomeVerified, 1, until, RollOver{Usable: 2, Unmatched: []int{0}}},
		{"next keys alone", []Record{pin(3, 1, 1, next), pin(2, 0, 0, next)}, OutcomeNotVerified, -1, "", RollOver{Usable: 2, Unmatched: []int{0, 1}}},
		{"wrong places", []Record{pin(3, 1, 1, root.cert), pin(2, 1, 1, leaf)}, OutcomeNotVerified, -1, "", RollOver{Usable: 2, Misplaced: []int{0, 1}}},

		// RFC 7671 section 9.
		{"both digests", []Record{pin(3, 1, 1, leaf), pin(3, 1, 2, leaf)}, OutcomeVerified, 1, "", RollOver{Usable: 2}},
		{"weaker digest alone fits", []Record{pin(3, 1, 1, leaf), pin(3, 1, 2, next)}, OutcomeVerifiedWeaker, 0, "", RollOver{Usable: 2, Unmatched: []int{1}}},
		{"stronger digest of another selector", []Record{pin(3, 1, 1, leaf), pin(3, 0, 2, next)}, OutcomeVerified, 0, "", RollOver{Usable: 2, Unmatched: []int{1}}},
		{"stronger digest of another usage", []Record{pin(3, 1, 1, leaf), pin(2, 1, 2, next)}, OutcomeVerified, 0, "", RollOver{Usable: 2, Unmatched: []int{1}}},
		{"stronger digest, unusable", []Record{pin(3, 1, 1, leaf), NewRecord(3, 1, 2, "aa")}, OutcomeVerified, 0, "", RollOver{Usable: 1, SingleEE: true}},
		{"full data beside a digest", []Record{pin(3, 1, 0, leaf), pin(3, 1, 2, next)}, OutcomeVerified, 0, "", RollOver{Usable: 2, Unmatched: []int{1}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := Match(tt.records, chain, []string{host}, now)
			if got.Outcome != tt.want || got.Record != tt.record || got.Until != tt.until {
				t.Errorf("got %s by %d until %q; want %s by %d until %q", got.Outcome, got.Record, got.Until, tt.want, tt.record, tt.until)
			}
			if diff := cmp.Diff(tt.roll, got.RollOver); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			text, err := json.Marshal(got)
			if err != nil {
				t.Fatal(err)
			}
			var again Verdict
			if err := json.Unmarshal(text, &again); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got, again); diff != "" {
				t.Errorf("after JSON, -want +got:\n%s", diff)
			}
		})
	}
}

func TestHoldsAt(t *testing.T) {
	ends := time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name string
		v    Verdict
		at   time.Time
		want bool
	}{
		{"never ends", Verdict{Outcome: OutcomeVerified}, ends.AddDate(500, 0, 0), true},
		{"at the end", Verdict{Outcome: OutcomeVerified, Until: "2026-08-01T00:00:00Z"}, ends, true},
		{"after the end", Verdict{Outcome: OutcomeVerified, Until: "2026-08-01T00:00:00Z"}, ends.Add(time.Second), false},
		{"weaker digest", Verdict{Outcome: OutcomeVerifiedWeaker}, ends, true},
		{"not verified", Verdict{Outcome: OutcomeNotVerified}, ends, false},
		{"unknown", Verdict{Outcome: OutcomeUnknown}, ends, false},
		{"no time", Verdict{Outcome: OutcomeVerified, Until: "soon"}, ends, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.v.HoldsAt(tt.at); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// What HoldsAt foretells comes true.
func TestHoldsAtForetells(t *testing.T) {
	root := newAuthority(t, "Root", nil, nil)
	middle := newAuthority(t, "Middle", root, func(c *x509.Certificate) { c.NotAfter = now.AddDate(0, 0, 20) })
	leaf := newLeaf(t, middle, nil)
	chain := chainOf(leaf, middle.cert, root.cert)
	for _, r := range []Record{pin(3, 1, 1, leaf), pin(2, 1, 1, root.cert), pin(2, 1, 1, middle.cert), pin(2, 1, 0, middle.cert)} {
		v := Match([]Record{r}, chain, []string{host}, now)
		for _, days := range []int{0, 19, 20, 21, 60, 80, 4000} {
			at := now.AddDate(0, 0, days)
			later := Match([]Record{r}, chain, []string{host}, at)
			if got, want := v.HoldsAt(at), later.Outcome == OutcomeVerified; got != want {
				t.Errorf("%s in %d days: foretold %v, then %v (%+v)", triple(r), days, got, want, later.Trials)
			}
		}
	}
}

func TestResultMatch(t *testing.T) {
	root := newAuthority(t, "Root", nil, nil)
	leaf := newLeaf(t, root, func(c *x509.Certificate) { c.DNSNames = []string{"example.com"} })
	chain := chainOf(leaf, root.cert)
	good, bad := []Record{pin(2, 1, 1, root.cert)}, []Record{pin(3, 1, 1, root.cert)}
	for _, tt := range []struct {
		name string
		r    Result
		want Outcome
	}{
		{"found", Result{State: StateFound, MX: Secure, Base: host, Records: good}, OutcomeVerified},
		{"found, name of the host", Result{State: StateFound, MX: Secure, Base: "example.com", Records: good}, OutcomeVerified},
		{"does not fit", Result{State: StateFound, MX: Secure, Base: host, Records: bad}, OutcomeNotVerified},
		{"does not fit, records left out", Result{State: StateFound, MX: Secure, Base: host, Records: bad, Cut: 1}, OutcomeUnknown},
		{"fits, records left out", Result{State: StateFound, MX: Secure, Base: host, Records: good, Cut: 1}, OutcomeVerified},
		{"insecure", Result{State: StateFoundInsecure, Base: host, Records: good}, OutcomeInsecure},
		{"moot", Result{State: StateMoot}, OutcomeInsecure},
		{"absent", Result{State: StateAbsent}, OutcomeNoRecords},
		{"failing", Result{State: StateFailing}, OutcomeUnknown},
		{"unknown", Result{State: StateUnknown, Base: host, Records: good}, OutcomeUnknown},
		{"zero", Result{}, OutcomeUnknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := tt.r.Match(chain, []string{"example.com"}, now)
			if v.Outcome != tt.want || (v.Record == 0) != (tt.want == OutcomeVerified) {
				t.Errorf("got %s by %d, want %s", v.Outcome, v.Record, tt.want)
			}
		})
	}
	if v := (&Result{State: StateFound, Base: host, Records: good}).Match(chain, nil, now); v.Trials[0].Reason != ReasonName {
		t.Errorf("without the next-hop domain: %+v", v.Trials)
	}
}
