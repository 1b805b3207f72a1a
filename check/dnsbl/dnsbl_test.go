package dnsbl

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"maildoctor/check/dnsx"
)

var severities = []Severity{Critical, High, Medium, Low, Info}

func all() []List { return slices.Concat(addressLists, domainLists, allowLists, unasked) }

func TestTable(t *testing.T) {
	kebab := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	date := regexp.MustCompile(`^\d{4}(-\d\d(-\d\d)?)?$`)
	zones := map[string]bool{}
	for _, l := range all() {
		t.Run(l.Zone, func(t *testing.T) {
			if canonical, ok := dnsx.Canonical(l.Zone); !ok || canonical != l.Zone || !dnsx.IsName(l.Zone) {
				t.Error("zone is not canonical")
			}
			if zones[l.Zone] {
				t.Error("zone stands twice")
			}
			zones[l.Zone] = true
			if l.Name == "" || !slices.Contains(severities, l.Severity) {
				t.Errorf("name %q, severity %q", l.Name, l.Severity)
			}
			if !slices.Contains([]Kind{IP, Domain, Both, Other}, l.Kind) {
				t.Errorf("kind %q", l.Kind)
			}
			if !slices.Contains([]State{Alive, Keyed, Dead, Harmful, Doubtful}, l.State) {
				t.Errorf("state %q", l.State)
			}
			if !slices.Contains([]Policy{PolicyFree, PolicyVolume, PolicyOwnResolver, PolicyRegistration, PolicyKey, PolicyPaid, PolicyNone}, l.Policy) {
				t.Errorf("policy %q", l.Policy)
			}
			if !slices.Contains([]Status{Documented, Observed, Uncertain}, l.Status) {
				t.Errorf("status %q", l.Status)
			}
			if l.Closed != "" && (l.State != Dead || !date.MatchString(l.Closed)) {
				t.Errorf("closed %q, state %s", l.Closed, l.State)
			}
			if l.Policy == PolicyKey && l.State != Keyed {
				t.Error("a key, but not keyed")
			}
			if (l.Policy == PolicyNone || l.Policy == PolicyPaid) && (&l).unaskable() == "" {
				t.Error("can be asked against the policy")
			}
			for _, address := range []string{l.Delist, l.URL} {
				if u, err := url.Parse(address); address != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
					t.Errorf("address %q", address)
				}
			}
			if (&l).unaskable() == "" && l.Kind != Other && len(l.Codes) == 0 && l.Policy != PolicyPaid {
				t.Error("no codes, so that it can never list anything")
			}
			for _, c := range l.Codes {
				if !kebab.MatchString(string(c.Meaning)) || c.Severity != "" && !slices.Contains(severities, c.Severity) {
					t.Errorf("code %+v", c)
				}
				if !strings.HasPrefix(c.Answer, "127.0.") {
					t.Errorf("code %s cannot be told from an error", c.Answer)
				}
				if l.Bits && !regexp.MustCompile(`\.(1|2|4|8|16|32|64|128)$`).MatchString(c.Answer) {
					t.Errorf("code %s is no bit", c.Answer)
				}
			}
			for _, e := range l.Errors {
				if !kebab.MatchString(string(e.Reason)) || !strings.HasPrefix(e.Answer, "127.") {
					t.Errorf("error %+v", e)
				}
			}
			for _, point := range []string{l.Listed, l.NotListed} {
				if point != "" && !dnsx.IsName(point) {
					t.Errorf("test point %q", point)
				}
			}
		})
	}
}

func TestDefault(t *testing.T) {
	var zones []string
	for _, l := range slices.Concat(Default(), AllowLists()) {
		zones = append(zones, l.Zone)
		if l.State != Alive || l.Status == Uncertain || l.Policy == PolicyKey || l.Policy == PolicyRegistration || len(l.Codes) == 0 {
			t.Errorf("%s: state %s, status %s, policy %s, %d codes", l.Zone, l.State, l.Status, l.Policy, len(l.Codes))
		}
	}
	want := []string{"zen.spamhaus.org", "bl.spamcop.net", "bl.mailspike.net", "psbl.surriel.com", "dbl.spamhaus.org", "multi.surbl.org", "multi.uribl.com", "list.dnswl.org"}
	if !slices.Equal(zones, want) {
		t.Errorf("got %v, want %v", zones, want)
	}
	for _, l := range Default() {
		if l.Allow {
			t.Errorf("%s is an allow list", l.Zone)
		}
	}
}

func TestFind(t *testing.T) {
	for _, tt := range []struct {
		name, zone string
		want       string // the row
		key        string
	}{
		{"as it stands", "zen.spamhaus.org", "zen.spamhaus.org", ""},
		{"upper case and final dot", "ZEN.Spamhaus.ORG.", "zen.spamhaus.org", ""},
		{"keyed, with a key", "abc123.zen.dq.spamhaus.net", "zen.dq.spamhaus.net", "abc123"},
		{"keyed, without", "zen.dq.spamhaus.net", "zen.dq.spamhaus.net", ""},
		{"keyed, two labels", "a.b.zen.dq.spamhaus.net", "", ""},
		{"below a list without key", "abc123.zen.spamhaus.org", "", ""},
		{"end of a label", "xzen.dq.spamhaus.net", "", ""},
		{"a zone of a dead operator", "spam.dnsbl.sorbs.net", "sorbs.net", ""},
		{"unknown", "bl.example.net", "", ""},
		{"empty", "", "", ""},
		{"root", ".", "", ""},
		{"no name", "a..b", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, ok := Find(tt.zone)
			if l.Zone != tt.want || ok != (tt.want != "") || l.key != tt.key {
				t.Errorf("got %q, key %q, %v; want %q, key %q", l.Zone, l.key, ok, tt.want, tt.key)
			}
		})
	}
}

func TestFindReturnsACopy(t *testing.T) {
	l := mustFind(t, "multi.surbl.org")
	l.Codes[0].Meaning, l.Errors[0].Reason = "spoiled", "spoiled"
	again := mustFind(t, "multi.surbl.org")
	if again.Codes[0].Meaning == "spoiled" || again.Errors[0].Reason == "spoiled" {
		t.Error("a caller can write to the table")
	}
}

func TestCustom(t *testing.T) {
	long := strings.Repeat("a.", 125) + "net"
	for _, tt := range []struct {
		name, zone string
		want       string // empty if refused
		custom     bool
	}{
		{"a list of the user's", "BL.Example.Net.", "bl.example.net", true},
		{"one of the table", "dnsbl.sorbs.net", "sorbs.net", false},
		{"one label", "localhost", "", false},
		{"empty", "", "", false},
		{"root", ".", "", false},
		{"an address", "192.0.2.1", "", false},
		{"blank", "bl example.net", "", false},
		{"octets", "\xff.example.net", "", false},
		{"253 octets", long, long, true},
		{"254 octets", "a" + long, "", false},
		{"label of 63 octets", strings.Repeat("a", 63) + ".net", strings.Repeat("a", 63) + ".net", true},
		{"label of 64 octets", strings.Repeat("a", 64) + ".net", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, ok := Custom(tt.zone)
			if l.Zone != tt.want || ok != (tt.want != "") || l.IsCustom() != tt.custom {
				t.Errorf("got %q, %v, custom %v; want %q, custom %v", l.Zone, ok, l.IsCustom(), tt.want, tt.custom)
			}
		})
	}
}

func TestDecodeOfCustom(t *testing.T) {
	l, _ := Custom("bl.example.net")
	for answer, want := range map[string]string{
		"127.0.0.2": "listed info", "127.0.0.99": "listed info", "127.9.9.9": "listed info",
		"127.0.0.1": "", "127.255.255.254": "!query-refused", "192.0.2.2": "",
	} {
		if got := short(l, answer); got != want {
			t.Errorf("%s: got %q, want %q", answer, got, want)
		}
	}
}

func TestPlan(t *testing.T) {
	const nibbles = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2"
	address := func(s string) Subject { return Address(netip.MustParseAddr(s)) }
	label := strings.Repeat("b", 63)
	long := strings.Repeat(label+".", 3) + strings.Repeat("c", 44) + ".net" // 240 octets
	for _, tt := range []struct {
		name    string
		zone    string
		subject Subject
		want    plan
		verdict Verdict
		reason  Reason
	}{
		{name: "IPv4", zone: "zen.spamhaus.org", subject: address("192.0.2.99"),
			want: plan{subject: "99.2.0.192.zen.spamhaus.org", listed: "2.0.0.127.zen.spamhaus.org", notListed: "1.0.0.127.zen.spamhaus.org"}},
		{name: "IPv4 mapped into IPv6", zone: "bl.spamcop.net", subject: address("::ffff:192.0.2.99"),
			want: plan{subject: "99.2.0.192.bl.spamcop.net", listed: "2.0.0.127.bl.spamcop.net", notListed: "1.0.0.127.bl.spamcop.net"}},
		{name: "IPv6", zone: "zen.spamhaus.org", subject: address("2001:db8::1"),
			want: plan{subject: nibbles + ".zen.spamhaus.org",
				listed:    "2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.zen.spamhaus.org",
				notListed: "1.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.zen.spamhaus.org",
				others:    []string{"2.0.0.127.zen.spamhaus.org"}, otherReason: ReasonNoIPv6}},
		{name: "IPv6 in a zone of its own", zone: "bl.spameatingmonkey.net", subject: address("2001:db8::1"),
			want: plan{subject: nibbles + ".bl.ipv6.spameatingmonkey.net",
				listed:    test6 + ".bl.ipv6.spameatingmonkey.net",
				notListed: not6 + ".bl.ipv6.spameatingmonkey.net",
				others:    []string{"2.0.0.127.bl.ipv6.spameatingmonkey.net"}, otherReason: ReasonNoIPv6}},
		{name: "domain", zone: "multi.surbl.org", subject: DomainName("Mail.Example.CO.uk."),
			want: plan{subject: "example.co.uk.multi.surbl.org", listed: "surbl-org-permanent-test-point.com.multi.surbl.org", notListed: "invalid.multi.surbl.org"}},
		{name: "host name", zone: "dbl.spamhaus.org", subject: DomainName("Mail.Example.CO.uk."),
			want: plan{subject: "mail.example.co.uk.dbl.spamhaus.org", listed: "dbltest.com.dbl.spamhaus.org", notListed: "invalid.dbl.spamhaus.org"}},
		{name: "customer of a company's suffix", zone: "multi.uribl.com", subject: DomainName("a.b.github.io"),
			want: plan{subject: "b.github.io.multi.uribl.com", listed: "test.uribl.com.multi.uribl.com", notListed: "invalid.multi.uribl.com"}},
		{name: "a company's suffix", zone: "multi.uribl.com", subject: DomainName("github.io"),
			want: plan{subject: "github.io.multi.uribl.com", listed: "test.uribl.com.multi.uribl.com", notListed: "invalid.multi.uribl.com"}},
		{name: "with a key", zone: "k1.zen.dq.spamhaus.net", subject: address("192.0.2.99"),
			want: plan{subject: "99.2.0.192.k1.zen.dq.spamhaus.net", listed: "2.0.0.127.k1.zen.dq.spamhaus.net", notListed: "1.0.0.127.k1.zen.dq.spamhaus.net"}},
		{name: "a list of the user's, domain", zone: "bl.example.net", subject: DomainName("example.com"),
			want: plan{subject: "example.com.bl.example.net", listed: "test.bl.example.net", notListed: "invalid.bl.example.net",
				others: []string{"2.0.0.127.bl.example.net"}, otherReason: ReasonKind}},

		{name: "address on a list of domains", zone: "dbl.spamhaus.org", subject: address("192.0.2.99"), verdict: NotApplicable, reason: ReasonKind},
		{name: "address as a domain", zone: "dbl.spamhaus.org", subject: DomainName("192.0.2.99"), verdict: NotApplicable, reason: ReasonNoDomain},
		{name: "address literal", zone: "dbl.spamhaus.org", subject: DomainName("[192.0.2.99]"), verdict: NotApplicable, reason: ReasonNoDomain},
		{name: "IPv6 address as a domain", zone: "multi.surbl.org", subject: DomainName("2001:db8::1"), verdict: NotApplicable, reason: ReasonNoDomain},
		{name: "domain on a list of addresses", zone: "zen.spamhaus.org", subject: DomainName("example.com"), verdict: NotApplicable, reason: ReasonKind},
		{name: "hashes", zone: "ebl.msbl.org", subject: DomainName("example.com"), verdict: NotApplicable, reason: ReasonKind},
		{name: "IPv6 on a list without", zone: "bl.spamcop.net", subject: address("2001:db8::1"), verdict: NotApplicable, reason: ReasonNoIPv6},
		{name: "public suffix", zone: "dbl.spamhaus.org", subject: DomainName("co.uk"), verdict: NotApplicable, reason: ReasonSuffix},
		{name: "one label", zone: "multi.surbl.org", subject: DomainName("localhost"), verdict: NotApplicable, reason: ReasonSuffix},
		{name: "empty domain", zone: "multi.surbl.org", subject: DomainName(""), verdict: NotApplicable, reason: ReasonNoDomain},
		{name: "octets", zone: "multi.surbl.org", subject: DomainName("\xff\x00.example.com"), verdict: NotApplicable, reason: ReasonNoDomain},
		{name: "no address", zone: "zen.spamhaus.org", subject: Address(netip.Addr{}), verdict: NotApplicable, reason: ReasonNoAddress},
		{name: "name of 253 octets", zone: "dbl.x.example", subject: DomainName(long[1:]),
			want: plan{subject: long[1:] + ".dbl.x.example", listed: "test.dbl.x.example", notListed: "invalid.dbl.x.example",
				others: []string{"2.0.0.127.dbl.x.example"}, otherReason: ReasonKind}},
		{name: "name of 254 octets", zone: "dbl.x.example", subject: DomainName(long), verdict: NotApplicable, reason: ReasonNameTooLong},
		{name: "dead", zone: "dnsbl.sorbs.net", subject: address("192.0.2.99"), verdict: NotAsked, reason: ReasonDead},
		{name: "harmful", zone: "dnsbl-3.uceprotect.net", subject: address("192.0.2.99"), verdict: NotAsked, reason: ReasonHarmful},
		{name: "doubtful", zone: "hostkarma.junkemailfilter.com", subject: address("192.0.2.99"), verdict: NotAsked, reason: ReasonDoubtful},
		{name: "key missing", zone: "zen.dq.spamhaus.net", subject: address("192.0.2.99"), verdict: NotAsked, reason: ReasonKey},
		{name: "subscribers only", zone: "sip.invaluement.com", subject: address("192.0.2.99"), verdict: NotAsked, reason: ReasonKey},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, ok := Custom(tt.zone)
			if !ok {
				t.Fatalf("%s is no zone", tt.zone)
			}
			if tt.zone == "dbl.x.example" {
				l.HostNames = true
			}
			got, verdict, reason := l.plan(tt.subject)
			if got.subject != tt.want.subject || got.listed != tt.want.listed || got.notListed != tt.want.notListed ||
				!slices.Equal(got.others, tt.want.others) || got.otherReason != tt.want.otherReason || verdict != tt.verdict || reason != tt.reason {
				t.Errorf("got %+v, %s %s\nwant %+v, %s %s", got, verdict, reason, tt.want, tt.verdict, tt.reason)
			}
		})
	}
}

func TestRoutable(t *testing.T) {
	for s, want := range map[string]bool{
		"192.0.2.1": true, "2001:db8::1": true, "8.8.8.8": true, "100.63.255.255": true, "100.128.0.0": true,
		"10.0.0.1": false, "172.16.0.1": false, "192.168.0.1": false, "127.0.0.1": false, "169.254.0.1": false,
		"100.64.0.0": false, "100.127.255.255": false, "0.0.0.1": false, "0.0.0.0": false, "224.0.0.1": false,
		"240.0.0.1": false, "255.255.255.255": false, "::1": false, "::": false, "fe80::1": false, "fc00::1": false, "ff02::1": false,
	} {
		if got := routable(netip.MustParseAddr(s)); got != want {
			t.Errorf("%s: got %v, want %v", s, got, want)
		}
	}
}
