package check

import (
	"errors"
	"strings"
	"testing"
)

func TestParseDomain(t *testing.T) {
	label := strings.Repeat("a", 63)
	long := strings.Repeat(label+".", 3) + strings.Repeat("a", 61) // 253 octets
	tests := []struct {
		name, in, want string
		taken          bool
	}{
		{"plain", "example.com", "example.com", false},
		{"upper case", "Example.COM", "example.com", false},
		{"final dot", "example.com.", "example.com", false},
		{"spaces around", " example.com\n", "example.com", false},
		{"underscore", "_dmarc.example.com", "_dmarc.example.com", false},
		{"accent", "café.example", "xn--caf-dma.example", false},
		{"accent, decomposed", "cafe\u0301.example", "xn--caf-dma.example", false},
		{"its A-label", "xn--caf-dma.example", "xn--caf-dma.example", false},
		{"URL", "http://example.com/", "example.com", true},
		{"URL with user, port and path", "https://u:p@mail.example.com:8443/x?y", "mail.example.com", true},
		{"address", "someone@example.com", "example.com", true},
		{"address in brackets", "Someone <someone@example.com>", "example.com", true},
		{"longest", long, long, false},
		{"longest label", label + ".example", label + ".example", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, taken, err := ParseDomain(tt.in)
			if err != nil || got != tt.want || taken != tt.taken {
				t.Errorf("ParseDomain(%q) = %q, %v, %v; want %q, %v, nil", tt.in, got, taken, err, tt.want, tt.taken)
			}
		})
	}
	bad := []struct{ name, in, says string }{
		{"empty", "", "empty"},
		{"blank", "  ", "empty"},
		{"space inside", "exa mple", `character ' '`},
		{"one label", "localhost", "one label"},
		{"too long", long + "a", "254 octets"},
		{"far too long", strings.Repeat("a.", 4000), "8000 octets"},
		{"label too long", label + "a.example", "64 octets"},
		{"empty label", "example..com", "empty label"},
		{"leading dot", ".example.com", "empty label"},
		{"hyphen in front", "-x.example", "hyphen"},
		{"IPv4", "192.0.2.1", "address"},
		{"IPv6", "2001:db8::1", "address"},
		{"address literal", "[192.0.2.1]", "address"},
		{"slash", "example.com/x", `character '/'`},
		{"NUL", "exa\x00mple.com", `character '\x00'`},
		{"not UTF-8", "exa\xffmple.com", "internationalised"},
		{"mail without a domain", "someone@", "empty"},
	}
	for _, tt := range bad {
		t.Run(tt.name, func(t *testing.T) {
			got, _, err := ParseDomain(tt.in)
			if !errors.Is(err, ErrDomain) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("ParseDomain(%q) = %q, %v; want an error that says %q", tt.in, got, err, tt.says)
			}
		})
	}
}

func TestParseSelector(t *testing.T) {
	label := strings.Repeat("a", 63)
	for in, want := range map[string]string{
		"s1": "s1", "S1": "s1", "a.b": "a.b", label: label, "s1._domainkey.example.com": "s1", "s1._domainkey": "s1",
		"": "", "a b": "", "a..b": "", label + "a": "", "a\x00b": "", "._domainkey.example.com": "",
	} {
		got, err := ParseSelector(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("ParseSelector(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
}

func FuzzParseDomain(f *testing.F) {
	for _, s := range []string{"example.com", "café.example", "a@b.c", "https://x.y/", "\xff.x", "xn--.x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, _, err := ParseDomain(s)
		if err != nil {
			return
		}
		again, taken, err := ParseDomain(d)
		if err != nil || taken || again != d {
			t.Errorf("ParseDomain(%q) = %q, but that parses as %q, %v, %v", s, d, again, taken, err)
		}
	})
}
