package bimi

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"maildoctor/check/dnsx"
)

// show lists faults with what stands at their place.
func show(t *testing.T, in string, faults []Fault) []string {
	t.Helper()
	var out []string
	for _, f := range faults {
		if f.Offset < 0 || f.Length < 0 || f.Offset+f.Length > len(in) {
			t.Fatalf("%q: fault %+v lies outside", in, f)
		}
		if text := in[f.Offset : f.Offset+f.Length]; string(f.Value) != text[:min(len(text), MaxText)] {
			t.Errorf("%q: fault %+v has another value than its place, %q", in, f, text)
		}
		void := ""
		if f.Void {
			void = " void"
		}
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %q%s", f.Reason, f.Tag, string(f.Value), void)))
	}
	return out
}

func TestParse(t *testing.T) {
	const logo, cert = "https://example.com/logo.svg", "https://example.com/vmc.pem"
	tests := []struct {
		name, in string
		want     *Record
		faults   []string
	}{
		{"whole", "v=BIMI1; l=" + logo + "; a=" + cert + ";", &Record{Location: logo, Authority: cert, LogoURL: logo, CertURL: cert}, nil},
		{"no evidence", "v=BIMI1;l=" + logo, &Record{Location: logo, LogoURL: logo}, nil},
		{"empty evidence", "v=BIMI1; l=" + logo + "; a=", &Record{Location: logo, LogoURL: logo}, nil},
		{"any order behind the version", "v = BIMI1 ; a = " + cert + " ; l = " + logo, &Record{Location: logo, Authority: cert, LogoURL: logo, CertURL: cert}, nil},
		{"unknown tag", "v=BIMI1; l=" + logo + "; x=y; s=default", &Record{Location: logo, LogoURL: logo}, nil},
		{"declined", "v=BIMI1; l=; a=;", &Record{Declined: true}, nil},
		{"declined without a", "v=BIMI1; l=", &Record{Declined: true}, nil},
		{"declined but for some local parts", "v=BIMI1; l=; a=; lps=brand-one, b2;", &Record{Declined: true, LocalParts: true, Prefixes: []octets{"brand-one", "b2"}}, nil},
		{"every local part", "v=BIMI1; l=" + logo + "; lps=", &Record{Location: logo, LogoURL: logo, LocalParts: true}, nil},
		{"personal", "v=BIMI1; l=" + logo + "; avp=personal", &Record{Location: logo, LogoURL: logo, Personal: true}, nil},
		{"brand", "v=BIMI1; l=" + logo + "; avp=brand", &Record{Location: logo, LogoURL: logo}, nil},
		{"svgz", "v=BIMI1; l=https://example.com/a.SVGZ?x=1", &Record{Location: "https://example.com/a.SVGZ?x=1", LogoURL: "https://example.com/a.SVGZ?x=1"}, nil},
		{"scheme in capitals, with a port", "v=BIMI1; l=HTTPS://example.com:443/x", &Record{Location: "HTTPS://example.com:443/x", LogoURL: "HTTPS://example.com:443/x"}, nil},

		{"no location", "v=BIMI1; a=" + cert, &Record{Authority: cert, CertURL: cert}, []string{`location-missing l "" void`}},
		{"version alone", "v=BIMI1", &Record{}, []string{`location-missing l "" void`}},
		{"empty location beside evidence", "v=BIMI1; l=; a=" + cert, &Record{Authority: cert, CertURL: cert}, []string{`location-empty l "" void`}},
		{"tag in capitals", "v=BIMI1; L=" + logo, &Record{}, []string{`location-missing l "" void`}},
		{"http", "v=BIMI1; l=http://example.com/a.svg", &Record{Location: "http://example.com/a.svg"}, []string{`url-scheme l "http://example.com/a.svg" void`}},
		{"no scheme", "v=BIMI1; l=example.com/a.svg", &Record{Location: "example.com/a.svg"}, []string{`url-scheme l "example.com/a.svg" void`}},
		{"self", "v=BIMI1; l=" + logo + "; a=self", &Record{Location: logo, LogoURL: logo, Authority: "self"}, []string{`url-scheme a "self" void`}},
		{"one label", "v=BIMI1; l=https://localhost/a.svg", &Record{Location: "https://localhost/a.svg"}, []string{`url-host l "https://localhost/a.svg" void`}},
		{"address", "v=BIMI1; l=https://192.0.2.1/a.svg", &Record{Location: "https://192.0.2.1/a.svg"}, []string{`url-host l "https://192.0.2.1/a.svg" void`}},
		{"IPv6 address", "v=BIMI1; l=https://[2001:db8::1]/a", &Record{Location: "https://[2001:db8::1]/a"}, []string{`url-host l "https://[2001:db8::1]/a" void`}},
		{"no host", "v=BIMI1; l=https:///a.svg", &Record{Location: "https:///a.svg"}, []string{`url-host l "https:///a.svg" void`}},
		{"blank inside", "v=BIMI1; l=https://example.com/a b.svg", &Record{Location: "https://example.com/a b.svg"}, []string{`url-malformed l "https://example.com/a b.svg" void`}},
		{"bad escape", "v=BIMI1; l=https://example.com/%zz", &Record{Location: "https://example.com/%zz"}, []string{`url-malformed l "https://example.com/%zz" void`}},
		{"opaque", "v=BIMI1; l=https:example.com", &Record{Location: "https:example.com"}, []string{`url-malformed l "https:example.com" void`}},
		{"two of them", "v=BIMI1; l=" + logo + "," + logo, &Record{Location: logo + "," + logo}, []string{`url-several l "` + logo + "," + logo + `" void`}},
		{"comma", "v=BIMI1; l=https://example.com/w_1,h_1/a.svg", &Record{Location: "https://example.com/w_1,h_1/a.svg", LogoURL: "https://example.com/w_1,h_1/a.svg"}, []string{`url-comma l ","`}},
		{"PNG", "v=BIMI1; l=https://example.com/a.PNG", &Record{Location: "https://example.com/a.PNG"}, []string{`location-format l "https://example.com/a.PNG" void`}},
		{"tag twice", "v=BIMI1; l=" + logo + "; l=", &Record{Location: logo, LogoURL: logo}, []string{`duplicate-tag l "l" void`}},
		{"stray text", "v=BIMI1; l=" + logo + "; hello", &Record{Location: logo, LogoURL: logo}, []string{`missing-equals  "hello" void`}},
		{"two semicolons", "v=BIMI1;; l=" + logo, &Record{Location: logo, LogoURL: logo}, []string{`empty-tag  ""`}},
		{"prefix with a dot", "v=BIMI1; l=; lps=a , b.c,", &Record{Declined: true, LocalParts: true, Prefixes: []octets{"a"}},
			[]string{`prefix-invalid lps "b.c" void`, `prefix-invalid lps "" void`}},
		{"avatar", "v=BIMI1; l=" + logo + "; avp=Brand", &Record{Location: logo, LogoURL: logo}, []string{`avatar-invalid avp "Brand"`}},

		{"lower case", "v=bimi1; l=" + logo, nil, []string{`version-case v "v=bimi1" void`}},
		{"name in capitals", "V=BIMI1; l=" + logo, nil, []string{`version-case V "V=BIMI1" void`}},
		{"other version", "v=BIMI2; l=" + logo, nil, []string{`version-value v "BIMI2" void`}},
		{"version behind", "l=" + logo + "; v=BIMI1", nil, []string{`version-not-first v "v" void`}},
		{"space before", " v=BIMI1; l=" + logo, nil, []string{`version-lead-space  " " void`}},
		{"no version", "l=" + logo, nil, []string{`version-missing  "" void`}},
		{"SPF", "v=spf1 -all", nil, nil},
		{"DMARC", "v=DMARC1; p=none", nil, nil},
		{"another protocol with l", "v=X; l=" + logo, nil, nil},
		{"something else", "hello", nil, nil},
		{"empty", "", nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, faults, ok := Parse(tt.in)
			if ok != (tt.want != nil) {
				t.Errorf("Parse reports %v", ok)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("record (-want +got):\n%s", d)
			}
			if d := cmp.Diff(tt.faults, show(t, tt.in, faults)); d != "" {
				t.Errorf("faults (-want +got):\n%s", d)
			}
		})
	}
}

func TestParseLimits(t *testing.T) {
	host := "https://example.com/"
	url := func(n int) string { return host + strings.Repeat("a", n-len(host)) }
	tests := []struct {
		name, in string
		want     Reason
	}{
		{"URL", "v=BIMI1; l=" + url(maxURL), ""},
		{"URL and an octet", "v=BIMI1; l=" + url(maxURL+1), URLMalformed},
		{"prefix", "v=BIMI1; l=; lps=" + strings.Repeat("a", 63), ""},
		{"prefix and an octet", "v=BIMI1; l=; lps=" + strings.Repeat("a", 64), PrefixInvalid},
		{"prefixes", "v=BIMI1; l=; lps=a" + strings.Repeat(",a", MaxPrefixes-1), ""},
		{"prefixes and one", "v=BIMI1; l=; lps=a" + strings.Repeat(",a", MaxPrefixes), TooManyPrefixes},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, faults, _ := Parse(tt.in)
			var got Reason
			for _, f := range faults {
				got = f.Reason
			}
			if got != tt.want || len(r.Prefixes) > MaxPrefixes {
				t.Errorf("got %q and %d prefixes, want %q", got, len(r.Prefixes), tt.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add("v=BIMI1; l=https://example.com/a.svg; a=https://example.com/a.pem; lps=a, b; avp=brand")
	f.Add("v=BIMI1;;l=,;a=\xff;=x;lps=,;avp=")
	f.Add("l=https://example.com/; v=bimi1")
	f.Fuzz(func(t *testing.T, in string) {
		r, faults, ok := Parse(in)
		if ok != (r != nil) || !ok && len(faults) > 1 {
			t.Fatalf("%q: %v, %v, %v", in, r, faults, ok)
		}
		show(t, in, faults)
		if !ok {
			return
		}
		if !strings.HasPrefix(in, "v") || !strings.Contains(in, "BIMI1") {
			t.Errorf("%q was taken for a record", in)
		}
		if r.Declined && (r.LogoURL != "" || r.CertURL != "") {
			t.Errorf("%q: declined, and %+v", in, r)
		}
		for _, u := range []string{r.LogoURL, r.CertURL} {
			if u != "" && (!strings.EqualFold(u[:8], "https://") || !strings.Contains(in, u) || strings.ContainsAny(u, " \x00")) {
				t.Errorf("%q: %q can be fetched", in, u)
			}
		}
		survives(t, &Step{Domain: "example.com", Status: dnsx.OK, Record: r, Faults: faults})
	})
}

// survives checks that a fact is the same after JSON.
func survives[T any](t *testing.T, fact *T) {
	t.Helper()
	b, err := json.Marshal(fact)
	if err != nil {
		t.Fatal(err)
	}
	back := new(T)
	if err := json.Unmarshal(b, back); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(fact, back); d != "" {
		t.Errorf("JSON changes it (-before +after):\n%s", d)
	}
}
