package tlsx

import (
	"fmt"
	"strings"
	"testing"
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
