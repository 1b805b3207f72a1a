package certs

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestMatchName(t *testing.T) {
	tests := []struct {
		pattern, host string
		want          bool
	}{
		{"mx.example.com", "mx.example.com", true},
		{"MX.Example.COM", "mx.example.com.", true},
		{"mx.example.com.", "mx.example.com", false},
		{"*.example.com", "mx.example.com", true},
		{"*.example.com", "a.mx.example.com", false},
		{"*.example.com", "example.com", false},
		{"*.example.com", ".example.com", false},
		{"*.example.com", "*.example.com", false},
		{"m*.example.com", "mx.example.com", false},
		{"*", "com", false},
		{"*.", "com.", false},
		{"mx.*.com", "mx.example.com", false},
		{"", "", false},
		{"\xff.example", "\xff.EXAMPLE", true},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%q %q", test.pattern, test.host), func(t *testing.T) {
			if got := MatchName(test.pattern, test.host); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// A pattern without a wildcard matches itself alone; a match always keeps the
// number of labels.
func FuzzMatchName(f *testing.F) {
	f.Add("*.example.com", "mx.example.com")
	f.Add("a", "A.")
	f.Fuzz(func(t *testing.T, pattern, host string) {
		if !MatchName(pattern, host) {
			return
		}
		got, want := strings.Count(strings.TrimSuffix(host, "."), "."), strings.Count(pattern, ".")
		if got != want {
			t.Errorf("%q matches %q: %d and %d dots", pattern, host, want, got)
		}
	})
}

func TestIssuerName(t *testing.T) {
	for _, tt := range []struct {
		name   string
		issuer pkix.Name
		want   string
	}{
		{"common name", pkix.Name{CommonName: "Root", Organization: []string{"Org"}}, "Root"},
		{"organization", pkix.Name{Organization: []string{"Org", "Other"}}, "Org"},
		{"neither", pkix.Name{Country: []string{"FR"}}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := IssuerName(&x509.Certificate{Issuer: tt.issuer}); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestSHA256(t *testing.T) {
	// The digest of "abc" in FIPS 180-4.
	const want = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	if got := SHA256([]byte("abc")); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestDaysBetween(t *testing.T) {
	for _, tt := range []struct {
		name string
		to   time.Time
		want int
	}{
		{"a day", now.Add(24 * time.Hour), 1},
		{"a second less", now.Add(24*time.Hour - time.Second), 0},
		{"none", now, 0},
		{"a second before", now.Add(-time.Second), -1},
		{"a day before", now.Add(-24 * time.Hour), -1},
		{"a day and a second before", now.Add(-24*time.Hour - time.Second), -2},
		{"longer than a duration", now.AddDate(400, 0, 0), 146097},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := DaysBetween(now, tt.to); got != tt.want {
				t.Errorf("got %d days, want %d", got, tt.want)
			}
		})
	}
}
