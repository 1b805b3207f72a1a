package dane

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/hex"
	"slices"
	"time"
)

// Limits of one chain.
const (
	MaxCertificates = 10      // certificates looked at
	MaxCertificate  = 1 << 18 // octets of one certificate that are looked at, what crypto/tls takes in one message
	MaxNames        = 100     // names of the server that are compared
	MaxVerifies     = 16      // searches for a path or for what a key has signed, all records together
	MaxRSA          = 8192    // bits of an RSA key that is reckoned with
)

// Outcome says what the records of a host mean for the chain that it sent.
type Outcome string

// The outcomes of Match.
const (
	OutcomeVerified       Outcome = "verified"
	OutcomeVerifiedWeaker Outcome = "verified-by-weaker-digest" // only for senders without digest agility (RFC 7671 section 9)
	OutcomeNotVerified    Outcome = "not-verified"              // there are usable records and none fits: no delivery (RFC 7672 section 2.2)
	OutcomeNoUsable       Outcome = "no-usable-records"         // senders want TLS, with any certificate (RFC 7672 section 2.2)
	OutcomeNoRecords      Outcome = "no-records"                // DANE is not in use
	OutcomeInsecure       Outcome = "insecure"                  // no secure answer leads to records, if there are any: senders ignore them
	OutcomeUnknown        Outcome = "unknown"                   // this program cannot tell
)

// Reason says why a record does not verify a chain.
type Reason string

// The reasons of a record.
const (
	ReasonUnusable       Reason = "unusable"           // see Record.Faults
	ReasonDigest         Reason = "digest-mismatch"    // fits no certificate sent; the anchor of DANE-TA may be missing there (RFC 7672 section 3.1.2)
	ReasonNotLeaf        Reason = "not-the-leaf"       // DANE-EE, and it fits a certificate above the server's own
	ReasonAnchorIsLeaf   Reason = "anchor-is-leaf"     // DANE-TA, and it fits the server's own certificate
	ReasonName           Reason = "name-mismatch"      // DANE-TA: a path, but the certificate names none of the names
	ReasonExpired        Reason = "expired"            // DANE-TA: a path, of which something has expired
	ReasonNotYetValid    Reason = "not-yet-valid"      // DANE-TA: a path, of which something is not valid yet
	ReasonChain          Reason = "chain-broken"       // DANE-TA: the anchor is there, and no path leads to it
	ReasonUsage          Reason = "wrong-usage"        // DANE-TA: a path, but not for TLS servers
	ReasonConstraint     Reason = "name-constraint"    // DANE-TA: an authority on the way may not sign for these names
	ReasonExtension      Reason = "critical-extension" // DANE-TA: there is an extension that this program does not know; others may
	ReasonWeak           Reason = "weak-signature"     // DANE-TA: MD5, SHA-1 or a key under 1024 bits is on the way; some senders take it
	ReasonKeyTooLarge    Reason = "key-too-large"      // DANE-TA: an RSA key of more than MaxRSA bits is on the way
	ReasonMalformed      Reason = "certificate-malformed"
	ReasonNotTried       Reason = "not-tried" // beyond MaxVerifies
	ReasonNoCertificates Reason = "no-certificates"
)

// open reports whether a sender with another library may see it otherwise.
func (r Reason) open() bool {
	switch r {
	case ReasonExtension, ReasonWeak, ReasonKeyTooLarge, ReasonMalformed, ReasonNotTried, ReasonNoCertificates:
		return true
	}
	return false
}

// A Verdict says whether a chain fits the records of a host.
type Verdict struct {
	Outcome  Outcome  `json:"outcome"`
	Record   int      `json:"record"`           // index of the first record that verifies, -1 if none does
	Trials   []Trial  `json:"trials,omitempty"` // one for each record, in their order
	RollOver RollOver `json:"roll_over"`

	// With OutcomeVerified or OutcomeVerifiedWeaker: when the last of the paths
	// ends, RFC 3339, UTC. Empty if nothing ends: DANE-EE knows no expiry (RFC
	// 7672 section 3.1.1).
	Until string `json:"until,omitempty"`

	Cut bool `json:"cut,omitempty"` // records beyond MaxRecords, or certificates beyond MaxCertificates that may be an anchor, were left out
}

// A Trial is one record held against the chain.
type Trial struct {
	Verified    bool   `json:"verified,omitempty"`
	Reason      Reason `json:"reason,omitempty"`      // if it does not verify
	Certificate int    `json:"certificate"`           // index of the certificate sent that it fits, -1 if none; the server's own is 0
	Weaker      bool   `json:"weaker,omitempty"`      // there is one with a stronger digest, and senders may leave this one aside (RFC 7671 section 9)
	CommonName  bool   `json:"common_name,omitempty"` // the name was found in the common name alone (RFC 7672 section 3.2.3)
	Until       string `json:"until,omitempty"`       // DANE-TA that verifies: when the path ends, RFC 3339, UTC
}

// RollOver says how the records are prepared for the next key.
type RollOver struct {
	Usable    int   `json:"usable"`              // usable records
	SingleEE  bool  `json:"single_dane_ee"`      // the only usable record is DANE-EE: the next key needs its record first (RFC 7671 section 8.1)
	Unmatched []int `json:"unmatched,omitempty"` // indexes of usable records that fit nothing of the chain; perhaps for the next key
	Misplaced []int `json:"misplaced,omitempty"` // indexes of usable records that fit a certificate in a place where it does not count
}

// HoldsAt reports whether the chain would still be verified at a time that is
// not before that of the verdict, with the same records and certificates.
func (v *Verdict) HoldsAt(t time.Time) bool {
	if v.Outcome != OutcomeVerified && v.Outcome != OutcomeVerifiedWeaker {
		return false
	}
	if v.Until == "" {
		return true
	}
	until, err := time.Parse(time.RFC3339, v.Until)
	return err == nil && !t.After(until)
}

// Match holds a chain against the records, as a sender would that follows DANE.
// The names that the server's certificate may carry are the TLSA base domain
// and the next-hop domains: that of the mail address, and where its aliases lead
// (RFC 7672 section 3.2.2). Over an insecure answer for MX senders hardly use
// DANE at all; which of the names they would take is left open here, and any
// counts. The chain is as sent, each certificate in DER, the server's own first.
func (r *Result) Match(chain [][]byte, nextHops []string, now time.Time) Verdict {
	switch r.State {
	case StateFound:
		v := Match(r.Records, chain, append([]string{r.Base}, nextHops...), now)
		if r.Cut > 0 {
			v.Cut = true
			v.Outcome = v.outcome(r.Records)
		}
		return v
	case StateFoundInsecure, StateMoot:
		return Verdict{Outcome: OutcomeInsecure, Record: -1}
	case StateAbsent:
		return Verdict{Outcome: OutcomeNoRecords, Record: -1}
	}
	return Verdict{Outcome: OutcomeUnknown, Record: -1}
}

// Match holds a chain against records that come from a secure answer. Names are
// A-labels; their case and a final dot do not matter. What is beyond MaxRecords
// or MaxCertificates is not looked at; where that may matter the outcome is never
// that nothing fits.
func Match(records []Record, chain [][]byte, names []string, now time.Time) Verdict {
	v := Verdict{Record: -1, Cut: len(records) > MaxRecords}
	records = records[:min(len(records), MaxRecords)]
	m := newMatcher(chain[:min(len(chain), MaxCertificates)], names, now)
	weaker := weakerDigests(records)
	for i := range records {
		t := m.try(&records[i])
		t.Weaker = weaker[i]
		v.Trials = append(v.Trials, t)
		if t.Reason != ReasonUnusable && records[i].Usage == DANETA && len(chain) > MaxCertificates {
			v.Cut = true
		}
	}
	v.Outcome = v.outcome(records)
	v.conclude()
	v.rollOver(records)
	return v
}

func (v *Verdict) outcome(records []Record) Outcome {
	has := func(f func(Trial) bool) bool { return slices.ContainsFunc(v.Trials, f) }
	switch {
	case has(func(t Trial) bool { return t.Verified && !t.Weaker }):
		return OutcomeVerified
	case has(func(t Trial) bool { return t.Verified }):
		return OutcomeVerifiedWeaker
	case v.Cut, has(func(t Trial) bool { return t.Reason.open() }):
		return OutcomeUnknown
	case has(func(t Trial) bool { return t.Reason != ReasonUnusable }):
		return OutcomeNotVerified
	case len(records) > 0:
		return OutcomeNoUsable
	}
	return OutcomeNoRecords
}

// conclude takes over from the trials what the outcome rests on.
func (v *Verdict) conclude() {
	for i, t := range v.Trials {
		if !t.Verified || t.Weaker && v.Outcome == OutcomeVerified {
			continue
		}
		if v.Record < 0 {
			v.Record = i
		}
		if t.Until == "" {
			v.Until = ""
			return
		}
		v.Until = max(v.Until, t.Until) // one form, UTC: the order of the texts is that of the times
	}
}

func (v *Verdict) rollOver(records []Record) {
	ee := false
	for i, t := range v.Trials {
		if t.Reason == ReasonUnusable {
			continue
		}
		v.RollOver.Usable++
		ee = records[i].Usage == DANEEE
		switch {
		case t.Reason == ReasonDigest, t.Reason == ReasonChain && t.Certificate < 0:
			v.RollOver.Unmatched = append(v.RollOver.Unmatched, i)
		case t.Reason == ReasonNotLeaf, t.Reason == ReasonAnchorIsLeaf:
			v.RollOver.Misplaced = append(v.RollOver.Misplaced, i)
		}
	}
	v.RollOver.SingleEE = ee && v.RollOver.Usable == 1
}

// A matcher holds what all records are compared with.
type matcher struct {
	der   [][]byte
	certs []*x509.Certificate // nil where der cannot be read
	names []string
	now   time.Time

	paths    map[string]path // what was found out about an anchor, by its DER
	verifies int             // searches made so far
}

func newMatcher(chain [][]byte, names []string, now time.Time) *matcher {
	m := &matcher{
		der: chain, names: names[:min(len(names), MaxNames)], now: now,
		certs: make([]*x509.Certificate, len(chain)), paths: map[string]path{},
	}
	for i, der := range chain {
		if len(der) > MaxCertificate {
			continue
		}
		if cert, err := x509.ParseCertificate(der); err == nil {
			m.certs[i] = cert
		}
	}
	return m
}

// try holds one record against the chain.
func (m *matcher) try(r *Record) Trial {
	data, err := hex.DecodeString(r.Data)
	switch {
	case !r.Usable || err != nil || r.Usage != DANEEE && r.Usage != DANETA:
		return Trial{Reason: ReasonUnusable, Certificate: -1}
	case len(m.der) == 0:
		return Trial{Reason: ReasonNoCertificates, Certificate: -1}
	case r.Usage == DANETA:
		return m.anchor(r, data)
	}
	return m.endEntity(r, data)
}

// endEntity follows RFC 7672 section 3.1.1: neither names nor dates count, nor
// what stands above.
func (m *matcher) endEntity(r *Record, data []byte) Trial {
	switch i := m.find(r, data, 0); {
	case i == 0:
		return Trial{Verified: true}
	case m.unreadable(r, 0):
		return Trial{Reason: ReasonMalformed, Certificate: -1}
	case i > 0:
		return Trial{Reason: ReasonNotLeaf, Certificate: i}
	}
	return Trial{Reason: ReasonDigest, Certificate: -1}
}

// find returns the index of the first certificate from an index on that fits
// the record, or -1.
func (m *matcher) find(r *Record, data []byte, from int) int {
	for i := from; i < len(m.der); i++ {
		if selected, ok := m.selected(r.Selector, i); ok && fits(r.MatchingType, selected, data) {
			return i
		}
	}
	return -1
}

// selected returns the part of a certificate that a selector stands for (RFC
// 6698 section 2.1.2). The whole of it can be compared even if it cannot be
// read.
func (m *matcher) selected(selector uint8, i int) ([]byte, bool) {
	switch {
	case len(m.der[i]) > MaxCertificate:
	case selector == SelectCert:
		return m.der[i], true
	case selector == SelectSPKI && m.certs[i] != nil:
		return m.certs[i].RawSubjectPublicKeyInfo, true
	}
	return nil, false
}

// unreadable reports whether the record cannot be compared with a certificate.
func (m *matcher) unreadable(r *Record, i int) bool {
	_, ok := m.selected(r.Selector, i)
	return !ok
}

// fits compares by a matching type (RFC 6698 section 2.1.3).
func fits(matchingType uint8, selected, data []byte) bool {
	switch matchingType {
	case MatchFull:
		return bytes.Equal(selected, data)
	case MatchSHA256:
		sum := sha256.Sum256(selected)
		return bytes.Equal(sum[:], data)
	case MatchSHA512:
		sum := sha512.Sum512(selected)
		return bytes.Equal(sum[:], data)
	}
	return false
}
