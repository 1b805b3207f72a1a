package senders

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBy(t *testing.T) {
	for _, tt := range []struct {
		name string
		by   func(string) (Provider, bool)
		host string
		want string
	}{
		{"the pattern itself", ByMX, "mx1.hostinger.com", "hostinger"},
		{"below the pattern", ByMX, "aspmx.l.google.com", "google-workspace"},
		{"upper case and final dot", ByMX, "ASPMX.L.GOOGLE.COM.", "google-workspace"},
		{"two services below one domain, one", ByMX, "example-com.olc.protection.outlook.com", "outlook-consumer"},
		{"two services below one domain, other", ByMX, "example-com.mail.protection.outlook.com", "microsoft-365"},
		{"pattern in the middle", BySPF, "sendgrid.net.attacker.example", ""},
		{"pattern as the end of a label", BySPF, "notsendgrid.net", ""},
		{"an include", BySPF, "spf.protection.outlook.com", "microsoft-365"},
		{"an include that several products use", BySPF, "amazonses.com", "ses"},
		{"a target", ByDKIM, "abc.dkim.amazonses.com", "ses"},
		{"new Microsoft target", ByDKIM, "selector1-example-com._domainkey.contoso.n-v1.dkim.mail.microsoft", "microsoft-365"},
		{"MX pattern asked as target", ByDKIM, "aspmx.l.google.com", ""},
		{"forwarder below the domain of a mailbox host", ByMX, "alt1.gmr-smtp-in.l.google.com", "google-domains"},
		{"forwarder, one of its hosts", ByMX, "eforward3.registrar-servers.com", "namecheap-forwarding"},
		{"not a host of the forwarder", ByMX, "dns1.registrar-servers.com", ""},
		{"return path, CNAME of an account", ByReturnPath, "u1234567.wl123.sendgrid.net.", "sendgrid"},
		{"return path, MX", ByReturnPath, "mx.sendgrid.net", "sendgrid"},
		{"return path, one host", ByReturnPath, "pm.mtasv.net", "postmark"},
		{"return path, sibling of that host", ByReturnPath, "spf.mtasv.net", ""},
		{"return path, MX of a region", ByReturnPath, "feedback-smtp.eu-west-1.amazonses.com", "ses"},
		{"MX of mail to Amazon is no return path", ByReturnPath, "inbound-smtp.eu-west-1.amazonaws.com", ""},
		{"return path with the pattern in the middle", ByReturnPath, "u1.wl1.sendgrid.net.attacker.example", ""},
		{"return path with the pattern as the end of a label", ByReturnPath, "notsendgrid.net", ""},
		{"include asked as return path", ByReturnPath, "servers.mcsv.net", ""},
		{"empty", ByMX, "", ""},
		{"dot", ByMX, ".", ""},
		{"octets", ByMX, "\xff.google.com", "google-workspace"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := tt.by(tt.host)
			if got.ID != tt.want || ok != (tt.want != "") {
				t.Errorf("%q: got %q, %v; want %q", tt.host, got.ID, ok, tt.want)
			}
		})
	}
}

func TestLongest(t *testing.T) {
	short := Provider{ID: "short", MX: []string{"example.net"}}
	long := Provider{ID: "long", MX: []string{"other.test", "mail.example.net"}}
	same := Provider{ID: "same", MX: []string{"mail.example.net"}}
	mx := func(p *Provider) []string { return p.MX }
	for _, tt := range []struct {
		name   string
		tables [][]Provider
		host   string
		want   string
	}{
		{"longer pattern first", [][]Provider{{long, short}}, "a.mail.example.net", "long"},
		{"longer pattern last", [][]Provider{{short, long}}, "a.mail.example.net", "long"},
		{"longer pattern in another table", [][]Provider{{short}, {long}}, "mail.example.net", "long"},
		{"only the shorter one fits", [][]Provider{{long, short}}, "xmail.example.net", "short"},
		{"of equal ones the first", [][]Provider{{long, same}}, "mail.example.net", "long"},
		{"none", [][]Provider{{long, short}}, "net", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, _ := longest(tt.host, mx, tt.tables...); got.ID != tt.want {
				t.Errorf("%q: got %q, want %q", tt.host, got.ID, tt.want)
			}
		})
	}
}

func TestByReturnsACopy(t *testing.T) {
	for _, tt := range []struct {
		name string
		by   func(string) (Provider, bool)
		host string
		list func(Provider) []string
	}{
		{"SPF", BySPF, "sendgrid.net", func(p Provider) []string { return p.SPF }},
		{"MX", ByMX, "mx.sendgrid.net", func(p Provider) []string { return p.MX }},
		{"DKIM", ByDKIM, "sendgrid.net", func(p Provider) []string { return p.DKIM }},
		{"Bounce", ByReturnPath, "sendgrid.net", func(p Provider) []string { return p.Bounce }},
		{"Selectors", BySPF, "sendgrid.net", func(p Provider) []string { return p.Selectors }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, _ := tt.by(tt.host)
			tt.list(p)[0] = "spoiled"
			if again, _ := tt.by(tt.host); tt.list(again)[0] == "spoiled" {
				t.Error("a caller can write to the table")
			}
		})
	}
}

// What stands here decides whether a record is called useless, or one is
// proposed: an empty field is right where nothing is certain.
func TestReturnPathAndInclude(t *testing.T) {
	for _, tt := range []struct {
		include    string
		returnPath ReturnPath
		proposal   string
	}{
		{"servers.mcsv.net", ReturnOwn, ""},
		{"zcsend.net", ReturnOwn, ""},
		{"spf.mandrillapp.com", ReturnSubdomain, ""},
		{"sendgrid.net", ReturnSubdomain, ""},
		{"1234567.spf03.hubspotemail.net", ReturnSubdomain, ""},
		{"amazonses.com", ReturnSubdomain, "include:amazonses.com"},
		{"mailgun.org", ReturnCustomer, "include:mailgun.org"},
		{"_spf.google.com", ReturnCustomer, "include:_spf.google.com"},
		{"spf.protection.outlook.com", ReturnCustomer, "include:spf.protection.outlook.com"},
		{"_spf.salesforce.com", "", "include:_spf.salesforce.com"}, // own or the customer's, by a switch
		{"eu._netblocks.mimecast.com", "", ""},                     // one include for each region
		{"zoho.eu", "", ""},
	} {
		t.Run(tt.include, func(t *testing.T) {
			p, ok := BySPF(tt.include)
			if !ok || p.ReturnPath != tt.returnPath || p.Include != tt.proposal {
				t.Errorf("%s, %v: return path %q, include %q; want %q, %q", p.ID, ok, p.ReturnPath, p.Include, tt.returnPath, tt.proposal)
			}
		})
	}
}

func TestSelectors(t *testing.T) {
	for _, tt := range []struct {
		name    string
		mx, spf []string
		want    []string
	}{
		{name: "nothing known"},
		{name: "unknown provider", mx: []string{"mx.example.com"}, spf: []string{"_spf.example.net"}},
		{
			name: "MX and SPF of one provider",
			mx:   []string{"a.mail.protection.outlook.com", "b.mail.protection.outlook.com"},
			spf:  []string{"spf.protection.outlook.com"},
			want: []string{"selector1", "selector2"},
		},
		{
			name: "mailbox host first", mx: []string{"aspmx.l.google.com"}, spf: []string{"servers.mcsv.net"},
			want: []string{"google", "k2", "k3", "k1"},
		},
		{
			name: "HubSpot account number", spf: []string{"1234567.spf03.hubspotemail.net"},
			want: []string{"hs1-1234567", "hs2-1234567"},
		},
		{
			name: "HubSpot account number in upper case", spf: []string{"42.SPF1.HubSpotEmail.net."},
			want: []string{"hs1-42", "hs2-42"},
		},
		{name: "HubSpot without a number", spf: []string{"_spf.hubspot.com"}, want: []string{"hs1", "hs2"}},
		{name: "HubSpot with twelve digits", spf: []string{"123456789012.spf01.hubspotemail.net"}, want: []string{"hs1-123456789012", "hs2-123456789012"}},
		{name: "HubSpot with thirteen", spf: []string{"1234567890123.spf01.hubspotemail.net"}, want: []string{"hs1", "hs2"}},
		{name: "HubSpot with a name", spf: []string{"x.spf01.hubspotemail.net"}, want: []string{"hs1", "hs2"}},
		{name: "random selectors are not guessed", spf: []string{"amazonses.com"}},
		{name: "none of the mailbox host for a forwarder below its domain", mx: []string{"gmr-smtp-in.l.google.com"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, Selectors(tt.mx, tt.spf)); diff != "" {
				t.Errorf("Selectors(%q, %q), -want +got:\n%s", tt.mx, tt.spf, diff)
			}
		})
	}
}

func TestBlind(t *testing.T) {
	names := Blind()
	if len(names) > 45 {
		t.Errorf("%d names, want at most 45", len(names))
	}
	for i, name := range names {
		if !selectorForm.MatchString(name) {
			t.Errorf("%q is no selector", name)
		}
		if slices.Contains(names[:i], name) {
			t.Errorf("%q stands twice", name)
		}
	}
}

var (
	idForm       = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	patternForm  = regexp.MustCompile(`^[a-z0-9_-]+(\.[a-z0-9_-]+)+$`)
	selectorForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9_-]*[a-z0-9])?$`)
)

func TestTable(t *testing.T) {
	ids, patterns := map[string]bool{}, map[string]string{}
	for _, p := range slices.Concat(hosts, services) {
		t.Run(p.ID, func(t *testing.T) {
			if !idForm.MatchString(p.ID) || ids[p.ID] {
				t.Errorf("ID %q is malformed or taken", p.ID)
			}
			ids[p.ID] = true
			if p.Name == "" || p.Kind == "" {
				t.Errorf("no name or no kind: %+v", p)
			}
			checkSetup(t, p)
			checkInclude(t, p)
			for _, set := range []struct {
				kind     string
				patterns []string
				by       func(string) (Provider, bool)
			}{{"SPF", p.SPF, BySPF}, {"MX", p.MX, ByMX}, {"DKIM", p.DKIM, ByDKIM}, {"Bounce", p.Bounce, ByReturnPath}} {
				for _, pattern := range set.patterns {
					if !patternForm.MatchString(pattern) {
						t.Errorf("%s pattern %q is malformed", set.kind, pattern)
					}
					if other := patterns[set.kind+pattern]; other != "" {
						t.Errorf("%s pattern %q is also that of %s", set.kind, pattern, other)
					}
					patterns[set.kind+pattern] = p.ID
					for _, host := range []string{pattern, "x." + pattern} {
						if got, _ := set.by(host); got.ID != p.ID {
							t.Errorf("%s %q leads to %q", set.kind, host, got.ID)
						}
					}
				}
			}
			for i, name := range p.Selectors {
				if !selectorForm.MatchString(name) || slices.Contains(p.Selectors[:i], name) {
					t.Errorf("selector %q is malformed or there twice", name)
				}
			}
		})
	}
}

// checkSetup refuses home pages, which help nobody.
func checkSetup(t *testing.T, p Provider) {
	if p.Setup == "" {
		return
	}
	u, err := url.Parse(p.Setup)
	if err != nil || u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") == "" {
		t.Errorf("set-up address %q, %v", p.Setup, err)
	}
}

func checkInclude(t *testing.T, p Provider) {
	switch p.ReturnPath {
	case "", ReturnOwn, ReturnSubdomain, ReturnCustomer:
	default:
		t.Errorf("return path %q", p.ReturnPath)
	}
	if p.Include == "" {
		return
	}
	domain, found := strings.CutPrefix(p.Include, "include:")
	if !found || !patternForm.MatchString(domain) {
		t.Fatalf("include %q is malformed", p.Include)
	}
	if got, _ := BySPF(domain); got.ID != p.ID {
		t.Errorf("include %q leads to %q", p.Include, got.ID)
	}
	if p.ReturnPath == ReturnOwn {
		t.Errorf("include %q, though mail comes from a domain of the provider", p.Include)
	}
}

func FuzzBy(f *testing.F) {
	f.Add("aspmx.l.google.com.")
	f.Add("12.spf3.hubspotemail.net")
	f.Add("u1.wl1.sendgrid.net")
	f.Fuzz(func(t *testing.T, host string) {
		for _, by := range []func(string) (Provider, bool){ByMX, BySPF, ByDKIM, ByReturnPath} {
			p, ok := by(host)
			if !ok {
				continue
			}
			all := fmt.Sprint(p.MX, p.SPF, p.DKIM, p.Bounce)
			tail := normalize(host)
			for !strings.Contains(all, tail) {
				_, rest, found := strings.Cut(tail, ".")
				if !found {
					t.Fatalf("%q leads to %s, of which it has no pattern", host, p.ID)
				}
				tail = rest
			}
		}
		for _, name := range Selectors(nil, []string{host}) {
			if !selectorForm.MatchString(name) {
				t.Errorf("%q leads to the selector %q", host, name)
			}
		}
	})
}
