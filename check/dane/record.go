package dane

import (
	"cmp"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/asn1"
	"encoding/hex"
	"strings"
)

// MaxData is the length of the longest certificate association data, in octets:
// no record on the wire can hold more.
const MaxData = 1<<16 - 1 - 3

// Certificate usages (RFC 6698 section 2.1.1, names of RFC 7218).
const (
	PKIXTA uint8 = 0
	PKIXEE uint8 = 1
	DANETA uint8 = 2
	DANEEE uint8 = 3
)

// Selectors (RFC 6698 section 2.1.2).
const (
	SelectCert uint8 = 0
	SelectSPKI uint8 = 1
)

// Matching types (RFC 6698 section 2.1.3).
const (
	MatchFull   uint8 = 0
	MatchSHA256 uint8 = 1
	MatchSHA512 uint8 = 2
)

// Fault says why senders cannot use a record.
type Fault string

// The faults of a record.
const (
	FaultPKIX         Fault = "pkix-usage"            // PKIX-TA(0) or PKIX-EE(1), of no use for SMTP (RFC 7672 section 3.1.3)
	FaultUsage        Fault = "unknown-usage"         //
	FaultSelector     Fault = "unknown-selector"      //
	FaultMatchingType Fault = "unknown-matching-type" //
	FaultData         Fault = "malformed-data"        // empty, or not in hexadecimal digits
	FaultLength       Fault = "data-too-long"         // more than MaxData octets; left out
	FaultDigest       Fault = "digest-length"         // not the 32 octets of SHA-256 or the 64 of SHA-512
	FaultCertificate  Fault = "malformed-certificate" // the full data is no certificate in DER
	FaultKey          Fault = "malformed-key"         // the full data is no SubjectPublicKeyInfo in DER
)

// A Record is one TLSA record (RFC 6698 section 2.1).
type Record struct {
	Usage        uint8   `json:"usage"`
	Selector     uint8   `json:"selector"`
	MatchingType uint8   `json:"matching_type"`
	Data         string  `json:"data"`   // certificate association data in lower-case hexadecimal digits; empty if there are others in it
	Usable       bool    `json:"usable"` // no faults
	Faults       []Fault `json:"faults,omitempty"`
}

// NewRecord returns the record of these fields, the data in hexadecimal digits.
// Every fault is found, not the first alone. Full data (matching type 0) is
// usable, if discouraged (RFC 7671 section 10.1). It is only asked whether that
// has the form of a certificate or key: what it holds may be of a kind that this
// program does not know and senders do.
func NewRecord(usage, selector, matchingType uint8, data string) Record {
	r := Record{Usage: usage, Selector: selector, MatchingType: matchingType}
	switch {
	case usage == PKIXTA || usage == PKIXEE:
		r.fault(FaultPKIX)
	case usage > DANEEE:
		r.fault(FaultUsage)
	}
	if selector > SelectSPKI {
		r.fault(FaultSelector)
	}
	if matchingType > MatchSHA512 {
		r.fault(FaultMatchingType)
	}
	r.setData(data)
	r.Usable = len(r.Faults) == 0
	return r
}

func (r *Record) fault(f Fault) { r.Faults = append(r.Faults, f) }

func (r *Record) setData(data string) {
	if len(data) > 2*MaxData {
		r.fault(FaultLength)
		return
	}
	octets, err := hex.DecodeString(data)
	if err != nil || len(octets) == 0 {
		r.fault(FaultData)
		return
	}
	r.Data = strings.ToLower(data)
	switch {
	case r.MatchingType == MatchSHA256 && len(octets) != sha256.Size,
		r.MatchingType == MatchSHA512 && len(octets) != sha512.Size:
		r.fault(FaultDigest)
	case r.MatchingType == MatchFull && r.Selector == SelectCert && !isCertificate(octets):
		r.fault(FaultCertificate)
	case r.MatchingType == MatchFull && r.Selector == SelectSPKI && !isKey(octets):
		r.fault(FaultKey)
	}
}

// isCertificate reports whether der has the outer form of a certificate (RFC
// 5280 section 4.1).
func isCertificate(der []byte) bool {
	var c struct {
		TBS       struct{ Raw asn1.RawContent }
		Algorithm struct{ Raw asn1.RawContent }
		Signature asn1.BitString
	}
	rest, err := asn1.Unmarshal(der, &c)
	return err == nil && len(rest) == 0
}

// isKey reports whether der has the outer form of a SubjectPublicKeyInfo (RFC
// 5280 section 4.1.2.7).
func isKey(der []byte) bool {
	var k struct {
		Algorithm struct{ Raw asn1.RawContent }
		Key       asn1.BitString
	}
	rest, err := asn1.Unmarshal(der, &k)
	return err == nil && len(rest) == 0
}

func compareRecords(x, y Record) int {
	return cmp.Or(
		cmp.Compare(x.Usage, y.Usage),
		cmp.Compare(x.Selector, y.Selector),
		cmp.Compare(x.MatchingType, y.MatchingType),
		strings.Compare(x.Data, y.Data),
	)
}

// weakerDigests reports for each record whether a usable one of the same usage and
// selector has a stronger digest, for which senders leave this one aside (RFC
// 7671 section 9). Full data is no digest and takes no part.
func weakerDigests(records []Record) []bool {
	type kind struct{ usage, selector uint8 }
	strong := map[kind]bool{}
	for _, r := range records {
		if r.Usable && r.MatchingType == MatchSHA512 {
			strong[kind{r.Usage, r.Selector}] = true
		}
	}
	out := make([]bool, len(records))
	for i, r := range records {
		out[i] = r.Usable && r.MatchingType == MatchSHA256 && strong[kind{r.Usage, r.Selector}]
	}
	return out
}
