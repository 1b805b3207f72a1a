package httpsx

import (
	"net/netip"
	"strings"
	"testing"
)

func TestParseURL(t *testing.T) {
	label := strings.Repeat("a", 63)
	long := strings.Join([]string{label, label, label, strings.Repeat("b", 61)}, ".")
	tests := []struct {
		name  string
		in    string
		want  string // empty with a fault
		fault URLFault
	}{
		{"plain", "https://a.example/logo.svg", "https://a.example/logo.svg", ""},
		{"upper case", "HTTPS://A.Example/Logo.SVG", "https://a.example/Logo.SVG", ""},
		{"no path", "https://a.example", "https://a.example/", ""},
		{"query", "https://a.example?x=1&y=%26", "https://a.example/?x=1&y=%26", ""},
		{"empty query", "https://a.example/?", "https://a.example/?", ""},
		{"percent-encoded slash", "https://a.example/a%2Fb%20c", "https://a.example/a%2Fb%20c", ""},
		{"dots in the path", "https://a.example/../x", "https://a.example/../x", ""},
		{"fragment", "https://a.example/x#y", "https://a.example/x", ""},
		{"port 443", "https://a.example:443/", "https://a.example/", ""},
		{"empty port", "https://a.example:/", "https://a.example/", ""},
		{"final dot", "https://a.example./", "https://a.example/", ""},
		{"A-label", "https://xn--caf-dma.example/", "https://xn--caf-dma.example/", ""},
		{"underscore", "https://_x.a.example/", "https://_x.a.example/", ""},
		{"a number before the last label", "https://1.2.3.4.example/", "https://1.2.3.4.example/", ""},
		{"letters that look hexadecimal", "https://a.beef/", "https://a.beef/", ""},
		{"longest host", "https://" + long + "/", "https://" + long + "/", ""},

		{"empty", "", "", URLEmpty},
		{"space", "https://a.example/a b", "", URLOctet},
		{"space in front", " https://a.example/", "", URLOctet},
		{"line", "https://a.example/\r\nX: y", "", URLOctet},
		{"NUL", "https://a.example/\x00", "", URLOctet},
		{"not ASCII", "https://café.example/", "", URLOctet},
		{"not UTF-8", "https://a.example/\xff", "", URLOctet},
		{"backslash", `https://a.example\@b.example/`, "", URLOctet},
		{"braces", "https://a.example/{x}", "", URLOctet},
		{"broken percent-encoding", "https://a.example/%zz", "", URLSyntax},
		{"percent-encoded host", "https://a%2eexample/", "", URLSyntax},
		{"percent-encoded octet in the host", "https://a%ffb.example/", "", URLHost},
		{"port is no number", "https://a.example:x/", "", URLSyntax},
		{"http", "http://a.example/", "", URLScheme},
		{"http with a broken path", "http://a.example/%zz", "", URLScheme},
		{"no scheme", "a.example/logo.svg", "", URLScheme},
		{"scheme of the context", "//a.example/logo.svg", "", URLScheme},
		{"file", "file:///etc/passwd", "", URLScheme},
		{"data", "data:text/plain,x", "", URLScheme},
		{"javascript", "javascript:alert(1)", "", URLScheme},
		{"colon first", "://a.example/", "", URLScheme},
		{"user", "https://u@a.example/", "", URLUserInfo},
		{"user and password", "https://u:p@a.example/", "", URLUserInfo},
		{"empty user", "https://@a.example/", "", URLUserInfo},
		{"no host", "https:///logo.svg", "", URLNoHost},
		{"no slashes", "https:a.example/logo.svg", "", URLNoHost},
		{"only a port", "https://:443/", "", URLNoHost},
		{"other port", "https://a.example:8443/", "", URLPort},
		{"port 0443", "https://a.example:0443/", "", URLPort},
		{"port 25", "https://a.example:25/", "", URLPort},
		{"one label", "https://localhost/", "", URLLabel},
		{"one label with a dot", "https://localhost./", "", URLLabel},
		{"IPv4", "https://192.0.2.1/", "", URLAddress},
		{"IPv4 with a port", "https://192.0.2.1:443/", "", URLAddress},
		{"IPv4 with a dot", "https://127.0.0.1./", "", URLAddress},
		{"short IPv4", "https://127.1/", "", URLAddress},
		{"IPv4 in one number", "https://2130706433/", "", URLAddress},
		{"hexadecimal IPv4", "https://0x7f.1/", "", URLAddress},
		{"hexadecimal IPv4 in one number", "https://0x7F000001/", "", URLAddress},
		{"hexadecimal last part", "https://127.0.0.0X1/", "", URLAddress},
		{"empty hexadecimal number", "https://127.0.0.0x/", "", URLAddress},
		{"octal IPv4", "https://0177.0.0.01/", "", URLAddress},
		{"IPv6", "https://[::1]/", "", URLAddress},
		{"IPv6 with a port", "https://[2001:db8::1]:443/", "", URLAddress},
		{"IPv6 with a zone", "https://[fe80::1%25eth0]/", "", URLAddress},
		{"mapped IPv4", "https://[::ffff:127.0.0.1]/", "", URLAddress},
		{"empty label", "https://a..example/", "", URLHost},
		{"two final dots", "https://a.example../", "", URLHost},
		{"only a dot", "https://./", "", URLHost},
		{"other octets", "https://a!b.example/", "", URLHost},
		{"label of 64", "https://a" + label + ".example/", "", URLHost},
		{"host of 254", "https://b" + long + "/", "", URLHost},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			u, fault := ParseURL(tt.in)
			got := ""
			if u != nil {
				got = u.String()
			}
			if got != tt.want || fault != tt.fault {
				t.Errorf("ParseURL(%q) = %q, %q; want %q, %q", tt.in, got, fault, tt.want, tt.fault)
			}
		})
	}
}

func TestParseURLLength(t *testing.T) {
	const start = "https://a.example/"
	for size, want := range map[int]URLFault{MaxURL: "", MaxURL + 1: URLTooLong} {
		if _, fault := ParseURL(start + strings.Repeat("x", size-len(start))); fault != want {
			t.Errorf("%d octets: got %q, want %q", size, fault, want)
		}
	}
}

// A URL that passes names one host on the standard port, which no program takes
// for an address, and passes again as it is written.
func FuzzParseURL(f *testing.F) {
	for _, s := range []string{
		"https://a.example/x?y#z", "https://u:p@a.example:443/", "https://0x7f.1/", "https://[::1]/",
		"https://2130706433/", "https://a.example%2f@b/", "https:a.example", "//a.example", "https://a.example/%2e%2e/",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, fault := ParseURL(s)
		if (u == nil) != (fault != "") {
			t.Fatalf("got URL %v, fault %q", u, fault)
		}
		if u == nil {
			return
		}
		if u.Scheme != "https" || u.User != nil || u.Host != u.Hostname() || !strings.Contains(u.Host, ".") || strings.ContainsAny(u.Host, ":[]%@/\\") {
			t.Errorf("ParseURL(%q) = %#v", s, u)
		}
		if _, err := netip.ParseAddr(u.Host); err == nil {
			t.Errorf("the host %q is an address", u.Host)
		}
		if uri := u.RequestURI(); !strings.HasPrefix(uri, "/") || strings.ContainsFunc(uri, func(r rune) bool { return r <= ' ' || r > '~' }) {
			t.Errorf("ParseURL(%q) asks for %q", s, uri)
		}
		again, fault := ParseURL(u.String())
		if len(u.String()) <= MaxURL && (fault != "" || again.String() != u.String()) {
			t.Errorf("ParseURL(%q) = %v, then %v %q", s, u, again, fault)
		}
	})
}
