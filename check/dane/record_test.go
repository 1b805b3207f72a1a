package dane

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"
)

// The examples of RFC 6698 section 2.3: a digest of a certificate for PKIX-TA,
// one of a key for PKIX-EE, and an anchor in full of which the text leaves most
// out.
func TestRFC6698(t *testing.T) {
	const (
		caCert = "d2abde240d7cd3ee6b4b28c54df034b97983a1d16e8a410e4561cb106618e971"
		eeKey  = "92003ba34942dc74152e2f2c408d29eca5a520e7f2e06bb944f4dca346baf63c1b177615d466f6c4b71c216a50292bd58c9ebdd2f74e38fe51ffd48c43326cbc"
	)
	for _, tt := range []struct {
		name                          string
		usage, selector, matchingType uint8
		data                          string
		want                          []Fault
	}{
		{"0 0 1", PKIXTA, SelectCert, MatchSHA256, caCert, []Fault{FaultPKIX}},
		{"1 1 2", PKIXEE, SelectSPKI, MatchSHA512, eeKey, []Fault{FaultPKIX}},
		{"2 0 0, cut", DANETA, SelectCert, MatchFull, "30820307308201efa003020102", []Fault{FaultCertificate}},
		{"the first as DANE-TA", DANETA, SelectCert, MatchSHA256, caCert, nil},
		{"the second as DANE-EE", DANEEE, SelectSPKI, MatchSHA512, eeKey, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := NewRecord(tt.usage, tt.selector, tt.matchingType, tt.data)
			if !slices.Equal(got.Faults, tt.want) || got.Usable != (tt.want == nil) {
				t.Errorf("got %+v, want %v", got, tt.want)
			}
		})
	}
}

func TestNewRecord(t *testing.T) {
	cert := newLeaf(t, nil, nil)
	full, key := hex.EncodeToString(cert.Raw), hex.EncodeToString(cert.RawSubjectPublicKeyInfo)
	a := func(octets int) string { return strings.Repeat("aa", octets) }
	for _, tt := range []struct {
		name                          string
		usage, selector, matchingType uint8
		data                          string
		want                          []Fault
	}{
		{"SHA-256", 3, 1, 1, a(32), nil},
		{"SHA-256 in upper case", 3, 1, 1, strings.ToUpper(a(32)), nil},
		{"SHA-256, short", 3, 1, 1, a(31), []Fault{FaultDigest}},
		{"SHA-256, long", 3, 1, 1, a(33), []Fault{FaultDigest}},
		{"SHA-1", 3, 1, 1, a(20), []Fault{FaultDigest}},
		{"SHA-512", 2, 0, 2, a(64), nil},
		{"SHA-512, short", 2, 0, 2, a(63), []Fault{FaultDigest}},
		{"SHA-512, long", 2, 0, 2, a(65), []Fault{FaultDigest}},
		{"certificate", 2, 0, 0, full, nil},
		{"certificate of DANE-EE", 3, 0, 0, full, nil},
		{"certificate and more", 2, 0, 0, full + "00", []Fault{FaultCertificate}},
		{"certificate, cut", 2, 0, 0, full[:len(full)-2], []Fault{FaultCertificate}},
		{"key for a certificate", 2, 0, 0, key, []Fault{FaultCertificate}},
		{"digest for a certificate", 3, 0, 0, a(32), []Fault{FaultCertificate}},
		{"key", 2, 1, 0, key, nil},
		{"key and more", 3, 1, 0, key + "00", []Fault{FaultKey}},
		{"certificate for a key", 3, 1, 0, full, []Fault{FaultKey}},
		{"key of a kind that is not known here", 3, 1, 0, "300a300506032b65710301002a"[:24], nil},
		{"PKIX-TA", 0, 1, 1, a(32), []Fault{FaultPKIX}},
		{"PKIX-EE", 1, 1, 1, a(32), []Fault{FaultPKIX}},
		{"usage 4", 4, 1, 1, a(32), []Fault{FaultUsage}},
		{"PrivCert", 255, 1, 1, a(32), []Fault{FaultUsage}},
		{"selector 2", 3, 2, 1, a(32), []Fault{FaultSelector}},
		{"selector 2, full", 3, 2, 0, a(32), []Fault{FaultSelector}},
		{"matching type 3", 3, 1, 3, a(32), []Fault{FaultMatchingType}},
		{"all unknown", 9, 9, 9, "xx", []Fault{FaultUsage, FaultSelector, FaultMatchingType, FaultData}},
		{"no data", 3, 1, 1, "", []Fault{FaultData}},
		{"half an octet", 3, 1, 1, a(32) + "a", []Fault{FaultData}},
		{"no digits", 3, 1, 1, strings.Repeat("zz", 32), []Fault{FaultData}},
		{"as long as can be", 3, 1, 1, a(MaxData), []Fault{FaultDigest}},
		{"longer", 3, 1, 1, a(MaxData) + "a", []Fault{FaultLength}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := NewRecord(tt.usage, tt.selector, tt.matchingType, tt.data)
			if !slices.Equal(got.Faults, tt.want) || got.Usable != (tt.want == nil) {
				t.Errorf("usable %v, faults %v; want %v", got.Usable, got.Faults, tt.want)
			}
			if got.Usable && got.Data != strings.ToLower(tt.data) {
				t.Errorf("data %q", got.Data)
			}
		})
	}
}
