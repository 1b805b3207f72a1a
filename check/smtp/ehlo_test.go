package smtp

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseEhlo(t *testing.T) {
	keywords := func(n int) []string {
		var out []string
		for i := range n {
			out = append(out, fmt.Sprintf("K%03d", i))
		}
		return out
	}
	tests := []struct {
		name  string
		lines []string
		want  Ehlo
	}{
		{"nothing", nil, Ehlo{}},
		{"name alone", []string{"mx.example.com at your service"}, Ehlo{Name: "mx.example.com"}},
		{"usual", []string{"mx", "SIZE 1000", "8bitmime", "STARTTLS", "AUTH PLAIN login", "CHUNKING"},
			Ehlo{Name: "mx", Keywords: []string{"8BITMIME", "AUTH", "CHUNKING", "SIZE", "STARTTLS"}, Size: 1000, Auth: []string{"LOGIN", "PLAIN"}}},
		{"AUTH twice, the old way too", []string{"mx", "AUTH=LOGIN PLAIN", "AUTH PLAIN", "auth=NTLM"},
			Ehlo{Name: "mx", Keywords: []string{"AUTH"}, Auth: []string{"LOGIN", "NTLM", "PLAIN"}}},
		{"AUTH= alone", []string{"mx", "AUTH="}, Ehlo{Name: "mx", Keywords: []string{"AUTH="}}},
		{"SIZE without number", []string{"mx", "SIZE"}, Ehlo{Name: "mx", Keywords: []string{"SIZE"}}},
		{"SIZE of junk", []string{"mx", "SIZE -1"}, Ehlo{Name: "mx", Keywords: []string{"SIZE"}}},
		{"SIZE too large", []string{"mx", "SIZE 99999999999999999999"}, Ehlo{Name: "mx", Keywords: []string{"SIZE"}, Size: math.MaxUint64}},
		{"LIMITS", []string{"mx", "LIMITS RCPTMAX=100 mailmax=10 RCPTMAX=100 RCPTDOMAINMAX=99999999999999999999 X= =1 Y", "CHUNKING"},
			Ehlo{Name: "mx", Keywords: []string{"CHUNKING", "LIMITS"}, Limits: []Limit{{"MAILMAX", 10}, {"RCPTMAX", 100}}}},
		{"most limits", []string{"mx", "LIMITS" + limitWords(MaxKeywords)}, Ehlo{Name: "mx", Keywords: []string{"LIMITS"}, Limits: limitsOf(MaxKeywords)}},
		{"too many limits", []string{"mx", "LIMITS" + limitWords(MaxKeywords+1)},
			Ehlo{Name: "mx", Keywords: []string{"LIMITS"}, Limits: limitsOf(MaxKeywords), Cut: 1}},
		{"empty lines", []string{"", "", " "}, Ehlo{}},
		{"masked", []string{"mx", "XXXXXXXA"}, Ehlo{Name: "mx", Keywords: []string{"XXXXXXXA"}, Masked: true}},
		{"masked with parameter", []string{"mx", "XXXXXXXX XXX"}, Ehlo{Name: "mx", Keywords: []string{"XXXXXXXX"}, Masked: true}},
		{"private keywords are no mask", []string{"mx", "XCLIENT NAME", "XXX", "XEXDDD"},
			Ehlo{Name: "mx", Keywords: []string{"XCLIENT", "XEXDDD", "XXX"}}},
		{"longest keyword", []string{"mx", strings.Repeat("A", maxKeyword+1)}, Ehlo{Name: "mx", Keywords: []string{strings.Repeat("A", maxKeyword)}}},
		{"most keywords", append([]string{"mx"}, keywords(MaxKeywords)...), Ehlo{Name: "mx", Keywords: keywords(MaxKeywords)}},
		{"too many keywords", append([]string{"mx"}, keywords(MaxKeywords+1)...), Ehlo{Name: "mx", Keywords: keywords(MaxKeywords), Cut: 1}},
		{"STARTTLS is not cut", append(append([]string{"mx"}, keywords(MaxKeywords)...), "STARTTLS"),
			Ehlo{Name: "mx", Keywords: append(keywords(MaxKeywords-1), "STARTTLS"), Cut: 1}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(&test.want, parseEhlo(test.lines)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func limitWords(n int) string {
	var b strings.Builder
	for _, l := range limitsOf(n) {
		fmt.Fprintf(&b, " %s=%d", l.Name, l.Value)
	}
	return b.String()
}

func limitsOf(n int) []Limit {
	var out []Limit
	for i := range n {
		out = append(out, Limit{fmt.Sprintf("L%03d", i), uint64(i)})
	}
	return out
}

func TestMaskedBanner(t *testing.T) {
	for text, want := range map[string]bool{
		strings.Repeat("*", 8): true, strings.Repeat("*", 7): false, "": false,
		"******** 12345678": false, "******** 1234567": true,
		"************0*2******0*******": true, "*** welcome *** to mx.example.com ***": false,
	} {
		t.Run(text, func(t *testing.T) {
			if got := maskedBanner(text); got != want {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestIsHostName(t *testing.T) {
	for name, want := range map[string]bool{
		"mx.example.com": true, "MX1.example.co.uk": true, "a-b.example": true, "1.example": true, "xn--bcher-kva.example": true,
		"[192.0.2.1]": true, "[IPv6:2001:db8::1]": true,
		"": false, "localhost": false, "mx": false, "mx.example.com.": false, "mx..example": false, "-a.example": false, "a-.example": false,
		"192.0.2.1": false, "[192.0.2.1": false, "[mx.example.com]": false, "[]": false, "a b.example": false, "m\x00x.example": false,
		"m_x.example": false, "\xff.example": false,
		strings.Repeat("a", 63) + ".example": true, strings.Repeat("a", 64) + ".example": false,
		strings.Repeat("a.", 126) + "a": true, strings.Repeat("a.", 126) + "aa": false,
	} {
		t.Run(name, func(t *testing.T) {
			if got := IsHostName(name); got != want {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

// What is kept of EHLO is within the limits, sorted and without duplicates, and
// STARTTLS is found exactly where a line begins with it.
func FuzzParseEhlo(f *testing.F) {
	f.Add("mx\nSTARTTLS\nAUTH PLAIN\nSIZE 1")
	f.Add("mx\nXXXXXXXA")
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Split(text, "\n")
		e := parseEhlo(lines)
		for _, words := range [][]string{e.Keywords, e.Auth} {
			if len(words) > MaxKeywords || !slices.IsSorted(words) || len(slices.Compact(slices.Clone(words))) != len(words) {
				t.Errorf("got %q", words)
			}
		}
		offered := slices.ContainsFunc(lines[1:], func(line string) bool {
			words := strings.Fields(line)
			return len(words) > 0 && upper(words[0]) == "STARTTLS"
		})
		if e.Has("STARTTLS") != offered {
			t.Errorf("got STARTTLS %v, want %v", !offered, offered)
		}
	})
}
