package check

import (
	"strings"
	"testing"

	"maildoctor/check/dnsx"
	"maildoctor/check/spf"
)

// TestJudgeSPFThrift judges terms that have no effect, and lookups that buy
// nothing.
func TestJudgeSPFThrift(t *testing.T) {
	google := "_spf.google.com. TXT \"v=spf1 ip4:198.51.100.0/24 ~all\"\n"
	mailchimp := "servers.mcsv.net. TXT \"v=spf1 ip4:203.0.113.0/24 ?all\"\n"
	ses := "amazonses.com. TXT \"v=spf1 ip4:203.0.113.0/24 -all\"\n"
	exists := terms("exists:%%{i}.x%d.test", 8)
	for _, tt := range []struct {
		name, zone string
		want       []string
	}{
		{"covered by an address", `@ TXT "v=spf1 ip4:192.0.2.0/24 ip4:192.0.2.9 -all"`,
			[]string{"SPF-TERM-COVERED example.test by=ip4:192.0.2.0/24 reason=covered term=ip4:192.0.2.9"}},
		{"covered by several", `@ TXT "v=spf1 ip4:192.0.2.0/25 ip4:192.0.2.128/25 ip4:192.0.2.0/24 -all"`,
			[]string{`SPF-TERM-COVERED example.test by="ip4:192.0.2.0/25, ip4:192.0.2.128/25" reason=covered term=ip4:192.0.2.0/24`}},
		{"covered by a refusal", `@ TXT "v=spf1 -ip4:192.0.2.0/24 ip4:192.0.2.9 -all"`,
			[]string{"SPF-TERM-MASKED example.test by=-ip4:192.0.2.0/24 result=fail term=ip4:192.0.2.9"}},
		{"an exception behind the rule", `@ TXT "v=spf1 ip4:192.0.2.0/24 -ip4:192.0.2.9 -all"`,
			[]string{"SPF-TERM-MASKED example.test by=ip4:192.0.2.0/24 result=pass term=-ip4:192.0.2.9"}},
		{"covered by another refusal", `@ TXT "v=spf1 -ip4:192.0.2.0/24 ~ip4:192.0.2.9 mx -all"` + "\n" + mail,
			[]string{"SPF-TERM-COVERED example.test by=-ip4:192.0.2.0/24 reason=covered term=~ip4:192.0.2.9"}},
		{"an include behind one that says nothing", google + `@ TXT "v=spf1 ?include:_spf.google.com include:_spf.google.com -all"`,
			[]string{"SPF-TERM-MASKED example.test by=?include:_spf.google.com result=neutral term=include:_spf.google.com"}},
		{"an exception in front of the rule", `@ TXT "v=spf1 -ip4:192.0.2.9 ip4:192.0.2.0/24 -all"`, nil},
		{"covered in part", `@ TXT "v=spf1 ip4:192.0.2.0/25 ip4:192.0.2.0/24 -all"`, nil},
		{"an address that the mail host has today", mail + `@ TXT "v=spf1 mx ip4:192.0.2.1 -all"`, nil},
		{"the mail host at an address", mail + `@ TXT "v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 mx -all"`, nil},
		{"an include twice", google + `@ TXT "v=spf1 include:_spf.google.com ip4:192.0.2.9 include:_spf.google.com -all"`,
			[]string{"SPF-TERM-COVERED example.test by=include:_spf.google.com reason=duplicate term=include:_spf.google.com"}},
		{"in the record of a provider", "@ TXT \"v=spf1 include:p.other. -all\"\np.other. TXT \"v=spf1 ip4:192.0.2.0/24 ip4:192.0.2.9 -all\"", nil},

		{"the mail host, where lookups are short", mail + `@ TXT "v=spf1 mx ` + exists + ` -all"`, []string{
			`SPF-LOOKUPS-WASTED example.test dropped=0 fewer=8 lookups=9 record="v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 ` + exists + ` -all" replaced=mx`,
			"SPF-NEAR-LOOKUP-LIMIT example.test lookups=9",
		}},
		{"a mail host in a range, where lookups are short", mail + `@ TXT "v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 mx ` + exists + ` -all"`, []string{
			`SPF-LOOKUPS-WASTED example.test dropped=mx fewer=8 lookups=9 record="v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 ` + exists + ` -all" replaced=0`,
			"SPF-NEAR-LOOKUP-LIMIT example.test lookups=9",
		}},
		{"back within the limit", mail + `@ TXT "v=spf1 mx a:mx.example.test exists:%{i}.x8.test ` + exists + ` -all"`, []string{
			`SPF-LOOKUPS-AVOIDABLE example.test dropped=a:mx.example.test fewer=9 lookups=11 outcome=within record="v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 exists:%{i}.x8.test ` + exists + ` -all" replaced=mx`,
			`SPF-TOO-MANY-LOOKUPS example.test lookups=11 terms="mx 1, a:mx.example.test 1, exists:%{i}.x8.test 1, ` + strings.ReplaceAll(exists, " ", " 1, ") + ` 1"`,
		}},
		{"still beyond the limit", mail + `@ TXT "v=spf1 mx exists:%{i}.y.test exists:%{i}.y1.test exists:%{i}.y2.test ` + exists + ` -all"`, []string{
			`SPF-LOOKUPS-AVOIDABLE example.test dropped=0 fewer=11 lookups=12 outcome=still-over record="v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 exists:%{i}.y.test exists:%{i}.y1.test exists:%{i}.y2.test ` + exists + ` -all" replaced=mx`,
			`SPF-TOO-MANY-LOOKUPS example.test lookups=12 terms="mx 1, exists:%{i}.y.test 1, exists:%{i}.y1.test 1, exists:%{i}.y2.test 1, ` + strings.ReplaceAll(exists, " ", " 1, ") + ` 1"`,
		}},
		{"the mail host of a provider, where lookups are short", "@ MX 1 mx.other.\nmx.other. A 192.0.2.1\n" + `@ TXT "v=spf1 mx ` + exists + ` -all"`,
			[]string{"SPF-NEAR-LOOKUP-LIMIT example.test lookups=9"}},

		{"mail with a return path of the provider", mailchimp + `@ TXT "v=spf1 include:servers.mcsv.net -all"`,
			[]string{"SPF-INCLUDE-NO-DMARC example.test lookups=1 provider=Mailchimp term=include:servers.mcsv.net"}},
		{"mail with a return path of the domain", google + `@ TXT "v=spf1 include:_spf.google.com -all"`, nil},
		{"a return path of the provider until one is set up", ses + `@ TXT "v=spf1 include:amazonses.com -all"`,
			[]string{`SPF-INCLUDE-NO-DMARC example.test lookups=1 provider="Amazon SES" term=include:amazonses.com`}},
		{"a return path that is set up", ses + "@ MX 10 feedback-smtp.eu-west-1.amazonses.com.\n" + `@ TXT "v=spf1 include:amazonses.com -all"`, nil},
		{"refused all the same", mailchimp + `@ TXT "v=spf1 ip4:192.0.2.9 ?include:servers.mcsv.net -all"`, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			expect(t, collect(judgeSPF, factsOf(t, tested, tt.zone+"\n")), tt.want)
		})
	}
	t.Run("a return path in a sub-domain", func(t *testing.T) {
		r := dnsx.New(parseZone(t, ses+`bounce TXT "v=spf1 include:amazonses.com -all"`+"\n"), dnsx.Options{})
		f := &Facts{Domain: "bounce." + tested, SPF: spf.Walk(t.Context(), r, "bounce."+tested)}
		expect(t, collect(judgeSPF, f), nil)
	})
}

func TestOwnedBy(t *testing.T) {
	for _, tt := range []struct {
		domain, name string
		want         bool
	}{
		{"example.com", "example.com", true},
		{"example.com", "mail.example.com", true},
		{"mail.example.com", "example.com", true},
		{"mail.example.com", "www.example.com", true},
		{"example.com", "badexample.com", false},
		{"example.co.uk", "other.co.uk", false},
		{"co.uk", "co.uk", true},
		{"co.uk", "example.co.uk", false},
		{"github.io", "somebody.github.io", false},
		{"somebody.github.io", "else.github.io", false},
	} {
		if got := ownedBy(tt.domain)(tt.name); got != tt.want {
			t.Errorf("%s owns %s: %v, want %v", tt.domain, tt.name, got, tt.want)
		}
	}
}
