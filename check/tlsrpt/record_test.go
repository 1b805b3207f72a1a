package tlsrpt

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"maildoctor/check/dnsx"
	"maildoctor/check/taglist"
)

func TestParse(t *testing.T) {
	const mail = "v=TLSRPTv1; rua=mailto:a@b.example"
	name := strings.Repeat("n", 32)
	one := []string{"mailto:a@b.example b.example"}
	for _, tt := range []struct {
		name, in string
		want     []string // the addresses, with the host if it is usable
		faults   []string
	}{
		{"mail", mail, one, nil},
		{"final semicolon", mail + ";", one, nil},
		{"web server", "v=TLSRPTv1;rua=https://b.example/x?y=z", []string{"https://b.example/x?y=z b.example"}, nil},
		{"both, blanks", "v=TLSRPTv1; \t rua=mailto:a@b.example \t,\thttps://c.example/ ; ", []string{"mailto:a@b.example b.example", "https://c.example/ c.example"}, nil},
		{"any order, unknown fields", "v=TLSRPTv1; a.b-c_d=x/y:z; rua=mailto:a@b.example; 0=,", one, nil},
		{"blank behind the version", "v=TLSRPTv1 ; rua=mailto:a@b.example", one, []string{"version-delimiter@10= "}},
		{"two fields", mail + "; rua=https://c.example/", []string{"mailto:a@b.example b.example", "https://c.example/ c.example"}, []string{"rua-repeated@36=rua"}},
		{"two fields, the first one broken", "v=TLSRPTv1; rua=x; rua=mailto:a@b.example", []string{"x", "mailto:a@b.example b.example"},
			[]string{"uri-no-scheme@16=x", "rua-repeated@19=rua"}},

		{"version alone", "v=TLSRPTv1;", nil, []string{"rua-missing!@11="}},
		{"no address", "v=TLSRPTv1; x=1", nil, []string{"rua-missing!@15="}},
		{"capitals", "v=TLSRPTv1; RUA=mailto:a@b.example", nil, []string{"rua-case!@12=RUA"}},
		{"empty list", "v=TLSRPTv1; rua=;", nil, []string{"uri-empty@16=", "rua-unusable!@16="}},
		{"unusable", "v=TLSRPTv1; rua=a@b.example", []string{"a@b.example"}, []string{"uri-no-scheme@16=a@b.example", "rua-unusable!@16=a@b.example"}},
		{"unknown field twice", mail + "; x=1; x=2", one, []string{"duplicate-tag@41=x"}},
		{"version twice", mail + "; v=1", one, []string{"duplicate-tag@36=v"}},
		{"blank around an equals sign", "v=TLSRPTv1; rua = mailto:a@b.example", one, []string{"stray-space@15= = "}},
		{"blank at the end", mail + " ", one, []string{"stray-space@34= "}},
		{"two semicolons", mail + ";;", one, []string{"empty-tag@35="}},
		{"stray text", mail + "; hello", one, []string{"missing-equals@36=hello"}},
		{"name missing", mail + "; =x", one, []string{"empty-name@36="}},
		{"name of 32 octets", mail + "; " + name + "=x", one, nil},
		{"name of 33 octets", mail + "; " + name + "n=x", one, []string{"bad-name@36=" + name + "n"}},
		{"empty value", mail + "; a=", one, []string{"bad-value@38="}},
		{"blank in a value", mail + "; a=b c", one, []string{"bad-value@38=b c"}},
		{"8-bit octet", mail + "; a=\xe9", one, []string{"bad-octet@38=\xe9"}},
		{"semicolon in an address", "v=TLSRPTv1; rua=mailto:a;b@c.example", []string{"mailto:a"},
			[]string{"uri-address@16=mailto:a", "rua-unusable!@16=mailto:a", "missing-equals@25=b@c.example"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, faults, ok := Parse(tt.in)
			if !ok {
				t.Fatalf("Parse(%q): no record, %v", tt.in, faults)
			}
			if diff := cmp.Diff(tt.want, addresses(t, tt.in, got)); diff != "" {
				t.Errorf("addresses of %q, -want +got:\n%s", tt.in, diff)
			}
			if diff := cmp.Diff(tt.faults, show(t, tt.in, faults)); diff != "" {
				t.Errorf("faults of %q, -want +got:\n%s", tt.in, diff)
			}
		})
	}
}

// addresses writes each address with its host.
func addresses(t *testing.T, in string, r *Record) []string {
	t.Helper()
	var list []string
	for _, u := range r.RUA {
		if got := in[u.Offset : u.Offset+u.Length]; got != string(u.Text) {
			t.Errorf("at the place of %q stands %q", u.Text, got)
		}
		if u.Usable != (u.Host != "") || u.Usable && (!dnsx.IsName(u.Host) || u.Scheme != "mailto" && u.Scheme != "https") {
			t.Errorf("address %+v", u)
		}
		list = append(list, strings.TrimSpace(string(u.Text)+" "+u.Host))
	}
	return list
}

func TestParseNoRecord(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     []string
	}{
		{"empty", "", nil},
		{"blank", "  ", nil},
		{"SPF of a wildcard", "v=spf1 -all", nil},
		{"DMARC", "v=DMARC1; p=none; rua=mailto:a@b.example", nil},
		{"MTA-STS", "v=STSv1; id=1", nil},
		{"prose", "hello; world", nil},
		{"rua of something else", "rua=1", nil},
		{"lower case", "v=tlsrptv1; rua=mailto:a@b.example", []string{"version-case@0=v=tlsrptv1"}},
		{"upper case name", "V=TLSRPTv1; rua=x", []string{"version-case@0=V=TLSRPTv1"}},
		{"other version", "v=TLSRPTv2; rua=x", []string{"version-value@2=TLSRPTv2"}},
		{"longer version", "v=TLSRPTv10; rua=x", []string{"version-value@2=TLSRPTv10"}},
		{"letter left out", "v=TLSRPT1; rua=x", []string{"version-value@2=TLSRPT1"}},
		{"with a hyphen", "v=TLS-RPTv1; rua=x", []string{"version-value@2=TLS-RPTv1"}},
		{"nothing behind", "v=TLSRPTv1", []string{"version-value@2=TLSRPTv1"}},
		{"no semicolon", "v=TLSRPTv1 rua=x", []string{"version-value@2=TLSRPTv1 rua=x"}},
		{"second field", "rua=mailto:a@b.example; v=TLSRPTv1;", []string{"version-not-first@24=v"}},
		{"left out", "rua=mailto:a@b.example", []string{"version-missing@0="}},
		{"quoted", `"v=TLSRPTv1; rua=x"`, []string{`version-quoted@0="`}},
		{"escaped", `\"v=TLSRPTv1; rua=x\"`, []string{`version-quoted@0=\`}},
		{"blank before", "\tv=TLSRPTv1; rua=x", []string{"version-space@0=\t"}},
		{"blanks around the equals sign", "v = TLSRPTv1; rua=x", []string{"version-space@0=v = TLSRPTv1"}},
		{"semicolon before", ";v=TLSRPTv1; rua=x", []string{"version-malformed@1=v=TLSRPTv1"}},
		{"equals sign left out", "TLSRPTv1; x", []string{"version-malformed@0=TLSRPTv1; x"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, faults, ok := Parse(tt.in)
			if ok || r != nil {
				t.Fatalf("Parse(%q) took it for a record", tt.in)
			}
			if diff := cmp.Diff(tt.want, show(t, tt.in, faults)); diff != "" {
				t.Errorf("faults of %q, -want +got:\n%s", tt.in, diff)
			}
		})
	}
}

func TestURIs(t *testing.T) {
	const head = "v=TLSRPTv1; rua=mailto:z@z.example,"
	for _, tt := range []struct {
		name, in string
		want     []string
		faults   []string
	}{
		{"case and final dot", "MAILTO:a@B.Example.", []string{"MAILTO:a@B.Example. b.example"}, nil},
		{"header fields", "mailto:a@b.example?subject=x", []string{"mailto:a@b.example?subject=x b.example"}, nil},
		{"encoded comma, semicolon, exclamation mark", "mailto:a%2cb%3B%21@c.example", []string{"mailto:a%2cb%3B%21@c.example c.example"}, nil},
		{"exclamation mark", "mailto:a!b@c.example", []string{"mailto:a!b@c.example c.example"}, []string{"uri-exclamation@43=!"}},
		{"size of DMARC", "mailto:a@c.example!10m", []string{"mailto:a@c.example!10m"},
			[]string{"uri-address@35=mailto:a@c.example!10m", "uri-exclamation@53=!"}},
		{"bare address", "a@b.example", []string{"a@b.example"}, []string{"uri-no-scheme@35=a@b.example"}},
		{"final comma", "", nil, []string{"uri-empty@35="}},
		{"nothing between commas", " ,mailto:c@d.example", []string{"mailto:c@d.example d.example"}, []string{"uri-empty@35="}},
		{"http", "http://b.example/", []string{"http://b.example/"}, []string{"uri-scheme-unsupported@35=http://b.example/"}},
		{"misspelt scheme", "malto:a@b.example", []string{"malto:a@b.example"}, []string{"uri-scheme-unsupported@35=malto:a@b.example"}},
		{"blank behind the scheme", "mailto: a@b.example", []string{"mailto: a@b.example"}, []string{"uri-malformed@35=mailto: a@b.example"}},
		{"blank for a comma", "mailto:a@b.example mailto:c@d.example", []string{"mailto:a@b.example mailto:c@d.example"},
			[]string{"uri-malformed@35=mailto:a@b.example mailto:c@d.example"}},
		{"no scheme before the colon", ":a@b.example", []string{":a@b.example"}, []string{"uri-malformed@35=:a@b.example"}},
		{"slashes", "mailto://a@b.example", []string{"mailto://a@b.example b.example"}, nil},
		{"no at sign", "mailto:b.example", []string{"mailto:b.example"}, []string{"uri-address@35=mailto:b.example"}},
		{"no local part", "mailto:@b.example", []string{"mailto:@b.example"}, []string{"uri-address@35=mailto:@b.example"}},
		{"broken percent", "mailto:a%2@b.example", []string{"mailto:a%2@b.example"}, []string{"uri-address@35=mailto:a%2@b.example"}},
		{"line break in the local part", "mailto:a%0d%0ab@c.example", []string{"mailto:a%0d%0ab@c.example"}, []string{"uri-address@35=mailto:a%0d%0ab@c.example"}},
		{"empty label", "mailto:a@b..example", []string{"mailto:a@b..example"}, []string{"uri-address@35=mailto:a@b..example"}},
		{"https in capitals, port", "HTTPS://B.Example:8443/x", []string{"HTTPS://B.Example:8443/x b.example"}, nil},
		{"https without slashes", "https:b.example", []string{"https:b.example"}, []string{"uri-host@35=https:b.example"}},
		{"https without a host", "https:///x", []string{"https:///x"}, []string{"uri-host@35=https:///x"}},
		{"https with one label", "https://localhost/x", []string{"https://localhost/x"}, []string{"uri-host@35=https://localhost/x"}},
		{"https with an address", "https://192.0.2.1/x", []string{"https://192.0.2.1/x"}, []string{"uri-host@35=https://192.0.2.1/x"}},
		{"https with an IPv6 address", "https://[2001:db8::1]/x", []string{"https://[2001:db8::1]/x"}, []string{"uri-host@35=https://[2001:db8::1]/x"}},
		{"https with a user", "https://u@b.example/x", []string{"https://u@b.example/x"}, []string{"uri-host@35=https://u@b.example/x"}},
		{"https with a bad port", "https://b.example:x/", []string{"https://b.example:x/"}, []string{"uri-host@35=https://b.example:x/"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := head + tt.in
			r, faults, ok := Parse(in)
			if !ok {
				t.Fatalf("Parse(%q): no record", in)
			}
			want := append([]string{"mailto:z@z.example z.example"}, tt.want...)
			if diff := cmp.Diff(want, addresses(t, in, r)); diff != "" {
				t.Errorf("addresses of %q, -want +got:\n%s", in, diff)
			}
			if diff := cmp.Diff(tt.faults, show(t, in, faults)); diff != "" {
				t.Errorf("faults of %q, -want +got:\n%s", in, diff)
			}
		})
	}
}

func TestHosts(t *testing.T) {
	r, _, _ := Parse("v=TLSRPTv1; rua=mailto:a@z.example,mailto:b@B.example,mailto:c@b.example,mailto:x,https://w.example/")
	if diff := cmp.Diff([]string{"b.example", "z.example"}, r.Hosts("mailto")); diff != "" {
		t.Errorf("mailto, -want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"w.example"}, r.Hosts("https")); diff != "" {
		t.Errorf("https, -want +got:\n%s", diff)
	}
}

func TestMaxURIs(t *testing.T) {
	for n, want := range map[int]int{MaxURIs: 0, MaxURIs + 1: 1} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			list := strings.Repeat("mailto:a@b.example,", n-1)
			r, faults, _ := Parse("v=TLSRPTv1; rua=" + strings.TrimSuffix(list, ",") + "; rua=mailto:a@b.example")
			tooMany := 0
			for _, f := range faults {
				if f.Reason == URITooMany {
					tooMany++
				}
			}
			if len(r.RUA) != MaxURIs || tooMany != want {
				t.Errorf("%d addresses: got %d and faults %v", n, len(r.RUA), faults)
			}
		})
	}
}

func TestMaxValue(t *testing.T) {
	for n, want := range map[int]int{MaxValue: MaxValue, MaxValue + 1: MaxValue} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			_, faults, _ := Parse("v=TLSRPTv1; rua=" + strings.Repeat("x", n))
			if len(faults) != 2 || len(faults[0].Value) != want || faults[0].Length != n {
				t.Errorf("got %+v, want values of %d octets and a length of %d", faults, want, n)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add("v=TLSRPTv1; rua=mailto:a@b.example!10m, https://x.example:1/; rua=,")
	f.Add("\"v=tlsrptv1; rua=x;;=;\xff")
	f.Add("rua=mailto:a@b.example; v=TLSRPTv1 ")
	f.Add("v=TLSRPTv1 ; RUA = mailto:a@b\n; \x01=x ")
	f.Fuzz(func(t *testing.T, in string) {
		r, faults, ok := Parse(in)
		if ok != (r != nil) || !ok && len(faults) > 1 {
			t.Fatalf("%q: %v, %v, %v", in, r, faults, ok)
		}
		show(t, in, faults)
		if !ok {
			return
		}
		if !strings.HasPrefix(in, "v=TLSRPTv1") {
			t.Errorf("%q was taken for a record", in)
		}
		addresses(t, in, r)
		usable := len(r.Hosts("mailto"))+len(r.Hosts("https")) > 0
		if s := (&Result{Faults: faults}); s.Void() == usable {
			t.Errorf("%q: void %v, addresses %+v", in, s.Void(), r.RUA)
		}
		if !slices.IsSortedFunc(faults, func(a, b Fault) int { return a.Offset - b.Offset }) {
			t.Errorf("%q: faults out of order: %v", in, faults)
		}
		roundTrip(t, &Result{Texts: []taglist.Octets{taglist.Octets(in)}, Record: r, Faults: faults})
	})
}
