package mtasts

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMatches(t *testing.T) {
	for _, tt := range []struct {
		pattern, host string
		want          bool
	}{
		// RFC 8461 section 4.1.
		{"*.example.com", "mail.example.com", true},
		{"*.example.com", "example.com", false},
		{"*.example.com", "foo.bar.example.com", false},

		{"mail.example.com", "mail.example.com", true},
		{"mail.example.com", "MAIL.Example.Com.", true},
		{"Mail.Example.com", "mail.example.com", true},
		{"*.Example.com", "mail.example.com", true},
		{"mail.example.com", "example.com", false},
		{"example.com", "mail.example.com", false},
		{"*.example.com", "mailexample.com", false},
		{"*.example.com", ".example.com", false},
		{"*.example.com", "*.example.com", false},
		{"*.com", "example.com", true},
		{"*.com", "com", false},
		{"*.mx_1.example", "a.mx_1.example", true},
		{"mail.example.com.", "mail.example.com", false},
		{"*", "com", false},
		{"*.*.com", "a.b.com", false},
		{"m*.example.com", "mail.example.com", false},
		{"mail.*.com", "mail.example.com", false},
		{"", "", false},
		{"*.example.com", "", false},
		{".", ".", false},
	} {
		t.Run(tt.pattern+" "+tt.host, func(t *testing.T) {
			if got := Matches(tt.pattern, tt.host); got != tt.want {
				t.Errorf("Matches(%q, %q) = %v, want %v", tt.pattern, tt.host, got, tt.want)
			}
		})
	}
}

func TestCompare(t *testing.T) {
	for _, tt := range []struct {
		name   string
		policy Policy
		hosts  []string
		want   Comparison
	}{
		{"all allowed", Policy{MX: []string{"*.a.example", "b.example"}}, []string{"B.Example.", "mx.a.example", "mx2.a.example"}, Comparison{}},
		{"both ways, sorted, each once", Policy{MX: []string{"z.example", "*.a.example", "y.example"}}, []string{"c.example", "B.example", "b.example.", "mx.a.example"},
			Comparison{Unlisted: []string{"b.example", "c.example"}, Idle: []string{"y.example", "z.example"}}},
		{"host below a host", Policy{MX: []string{"*.example"}}, []string{"a.b.example"}, Comparison{Unlisted: []string{"a.b.example"}, Idle: []string{"*.example"}}},
		{"null MX", Policy{MX: []string{"a.example"}}, []string{"."}, Comparison{Idle: []string{"a.example"}}},
		{"host with an odd octet", Policy{MX: []string{"*.example"}}, []string{`a\032b.example`}, Comparison{Unlisted: []string{`a\032b.example`}, Idle: []string{"*.example"}}},
		{"not all was read", Policy{MX: []string{"a.example"}, Cut: true}, []string{"a.example", "b.example"}, Comparison{Unknown: []string{"b.example"}}},
		{"nothing", Policy{}, nil, Comparison{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, Compare(&tt.policy, tt.hosts)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// FuzzCompare holds that each host is in one place: allowed by a pattern, or in
// the list.
func FuzzCompare(f *testing.F) {
	f.Add("*.example", "a.example", "A.EXAMPLE.", false)
	f.Add("*.*", ".", "", true)
	f.Fuzz(func(t *testing.T, pattern, a, b string, cut bool) {
		p := &Policy{MX: []string{pattern}, Cut: cut}
		c := Compare(p, []string{a, b})
		other := Compare(p, []string{b, a})
		if diff := cmp.Diff(c, other); diff != "" {
			t.Errorf("another order of hosts:\n%s", diff)
		}
		matched := false
		for _, host := range []string{a, b} {
			if host = normalize(host); host == "" {
				continue
			}
			allowed := Matches(pattern, host)
			matched = matched || allowed
			if listed := slices.Contains(append(c.Unlisted, c.Unknown...), host); allowed == listed {
				t.Errorf("%q: matches %q %v, listed %v", host, pattern, allowed, listed)
			}
		}
		if matched == (len(c.Idle) == 1) || cut && c.Unlisted != nil || !cut && c.Unknown != nil {
			t.Errorf("matched %v, cut %v: %+v", matched, cut, c)
		}
	})
}
