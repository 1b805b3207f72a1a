package dane

import (
	"crypto/x509"
	"fmt"
	"math/big"
	"strings"
	"testing"
)

func TestMatchLimits(t *testing.T) {
	root := newAuthority(t, "Root", nil, nil)
	leaf := newLeaf(t, root, nil)
	stranger := newLeaf(t, nil, nil)
	records := func(n int, last Record) []Record {
		var out []Record
		for i := range n - 1 {
			out = append(out, NewRecord(3, 1, 1, fmt.Sprintf("%064x", i)))
		}
		return append(out, last)
	}
	chain := func(n int, last *x509.Certificate) [][]byte {
		out := chainOf(leaf)
		for len(out) < n-1 {
			out = append(out, stranger.Raw)
		}
		return append(out, last.Raw)
	}
	names := func(n int) []string {
		out := make([]string, n)
		out[n-1] = host
		return out
	}
	ee, ta, no := pin(3, 1, 1, leaf), pin(2, 1, 1, root.cert), pin(3, 1, 1, stranger)
	for _, tt := range []struct {
		name    string
		records []Record
		chain   [][]byte
		names   []string
		want    Outcome
		cut     bool
	}{
		{"records at the limit", records(MaxRecords, ee), chainOf(leaf), nil, OutcomeVerified, false},
		{"records one past it", records(MaxRecords+1, ee), chainOf(leaf), nil, OutcomeUnknown, true},
		{"certificates at the limit", []Record{ta}, chain(MaxCertificates, root.cert), names(1), OutcomeVerified, false},
		{"certificates one past it", []Record{ta}, chain(MaxCertificates+1, root.cert), names(1), OutcomeUnknown, true},
		{"certificates one past it, DANE-EE", []Record{no}, chainOf(leaf, leaf, leaf, leaf, leaf, leaf, leaf, leaf, leaf, leaf, leaf), nil, OutcomeNotVerified, false},
		{"names at the limit", []Record{ta}, chainOf(leaf, root.cert), names(MaxNames), OutcomeVerified, false},
		{"names one past it", []Record{ta}, chainOf(leaf, root.cert), names(MaxNames + 1), OutcomeNotVerified, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := Match(tt.records, tt.chain, tt.names, now)
			if v.Outcome != tt.want || v.Cut != tt.cut {
				t.Errorf("got %s, cut %v; want %s, %v", v.Outcome, v.Cut, tt.want, tt.cut)
			}
		})
	}
}

func TestMaxCertificate(t *testing.T) {
	for _, tt := range []struct {
		name   string
		octets int
		want   Outcome
	}{
		{"at the limit", MaxCertificate, OutcomeVerified},
		{"one past it", MaxCertificate + 1, OutcomeUnknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			der := []byte(strings.Repeat("x", tt.octets))
			v := Match([]Record{pinDER(3, 0, 1, der, nil)}, [][]byte{der}, nil, now)
			if v.Outcome != tt.want {
				t.Errorf("got %s, want %s", v.Outcome, tt.want)
			}
		})
	}
}

// Anchors in full cost a search each, and only the first time.
func TestMaxVerifies(t *testing.T) {
	root := newAuthority(t, "Root", nil, nil)
	leaf := newLeaf(t, root, nil)
	for _, tt := range []struct {
		name   string
		others int
		want   Outcome
		reason Reason // of the last record
	}{
		{"at the limit", MaxVerifies - 1, OutcomeVerified, ""},
		{"one past it", MaxVerifies, OutcomeUnknown, ReasonNotTried},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var records []Record
			for i := range tt.others {
				other := &x509.Certificate{SerialNumber: big.NewInt(int64(i + 1)), IsCA: true, BasicConstraintsValid: true}
				records = append(records, pin(2, 0, 0, issue(t, other, root.key.Public(), root.key, nil)))
			}
			records = append(records, records[0], pin(2, 0, 0, root.cert))
			v := Match(records, chainOf(leaf), []string{host}, now)
			if got := v.Trials[len(v.Trials)-1].Reason; v.Outcome != tt.want || got != tt.reason {
				t.Errorf("got %s, %q; want %s, %q", v.Outcome, got, tt.want, tt.reason)
			}
		})
	}
}

// Keys in full cost one for the signatures, and one for the path if there is one.
func TestMaxVerifiesKeys(t *testing.T) {
	root := newAuthority(t, "Root", nil, nil)
	leaf := newLeaf(t, root, nil)
	for _, tt := range []struct {
		name   string
		others int
		want   Outcome
	}{
		{"at the limit", MaxVerifies - 2, OutcomeVerified},
		{"one past it", MaxVerifies - 1, OutcomeUnknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var records []Record
			for range tt.others {
				key, err := x509.MarshalPKIXPublicKey(newKey(t).Public())
				if err != nil {
					t.Fatal(err)
				}
				records = append(records, pinDER(2, 1, 0, nil, key))
			}
			v := Match(append(records, pin(2, 1, 0, root.cert)), chainOf(leaf), []string{host}, now)
			if v.Outcome != tt.want {
				t.Errorf("got %s, %+v; want %s", v.Outcome, v.Trials, tt.want)
			}
		})
	}
}
