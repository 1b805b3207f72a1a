package check

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"maildoctor/check/dnsbl"
)

// lists are the test points of the usual lists, with nothing else in them.
const lists = `
$ORIGIN .
2.0.0.127.zen.spamhaus.org. A 127.0.0.2
2.0.0.127.bl.spamcop.net. A 127.0.0.2
2.0.0.127.bl.mailspike.net. A 127.0.0.2
2.0.0.127.psbl.surriel.com. A 127.0.0.2
2.0.0.127.list.dnswl.org. A 127.0.2.0
dbltest.com.dbl.spamhaus.org. A 127.0.1.2
surbl-org-permanent-test-point.com.multi.surbl.org. A 127.0.0.126
test.uribl.com.multi.uribl.com. A 127.0.0.14
`

// refusing makes lists answer everything with their own refusals.
const refusing = `
$ORIGIN .
*.zen.spamhaus.org. A 127.255.255.254
*.dbl.spamhaus.org. A 127.255.255.254
*.multi.surbl.org. A 127.0.0.1
*.multi.uribl.com. A 127.0.0.1
`

const (
	sending   = "192.0.2.9"
	backwards = "9.2.0.192."
)

// auditLists asks lists about an address, unless that is empty, and a domain.
func auditLists(t *testing.T, zone, ip string, named ...string) *Result {
	t.Helper()
	o := Options{Checks: []string{"dnsbl"}, Blocklists: named}
	if ip != "" {
		o.IP = netip.MustParseAddr(ip)
	}
	return auditZone(t, tested, zone, o)
}

func TestJudgeDNSBL(t *testing.T) {
	ip := func(rule, list, code, meaning, cure, page string) string {
		line := rule + " " + sending + " code=" + code
		if cure != "" {
			line += " cure=" + cure
		}
		return line + " delist=" + page + " list=\"" + list + "\" meaning=" + meaning
	}
	domain := func(rule, list, code, meaning, cure, page string) string {
		return rule + " " + tested + " code=" + code + " cure=" + cure + " delist=" + page + " list=\"" + list + "\" meaning=" + meaning
	}
	unusable := func(zone, list, trouble string) string {
		if strings.Contains(list, " ") {
			list = `"` + list + `"`
		}
		return "DNSBL-LIST-UNUSABLE " + zone + " list=" + list + " trouble=" + trouble
	}
	const (
		spamhaus = "https://check.spamhaus.org/"
		zen      = backwards + "zen.spamhaus.org. A "
		dbl      = "example.test.dbl.spamhaus.org. A "
		surbl    = "example.test.multi.surbl.org. A "
		uribl    = "example.test.multi.uribl.com. A "
	)
	tests := []struct {
		name, zone, ip string
		named          []string
		want           []string
	}{
		{name: "on no list", zone: lists, ip: sending},
		{name: "no list there", zone: mail, ip: sending},
		{name: "every list refuses", zone: refusing, ip: sending},
		{name: "lists that list everything", zone: "$ORIGIN .\n*.zen.spamhaus.org. A 127.0.0.2\n*.dbl.spamhaus.org. A 127.0.1.2\n", ip: sending},
		{name: "answers outside of 127.0.0.0/8", zone: lists + zen + "192.0.2.1\n" + dbl + "192.0.2.1\n", ip: sending},
		{name: "an error for the subject alone", zone: lists + zen + "127.255.255.255\n" + dbl + "127.0.1.255\n", ip: sending},
		{name: "a code that nobody documents", zone: lists + zen + "127.0.0.99\n", ip: sending},
		{name: "no answer", zone: lists + ";! timeout " + backwards + "zen.spamhaus.org\n;! servfail example.test.dbl.spamhaus.org\n", ip: sending},
		{name: "the address of an MX host is not asked about", zone: mail + lists + "1.2.0.192.zen.spamhaus.org. A 127.0.0.2\n"},

		// An address, by the weight of the list and of its reason.
		{name: "SBL", zone: lists + zen + "127.0.0.2\n", ip: sending, want: []string{
			ip("DNSBL-IP-LISTED", "Spamhaus ZEN (SBL)", "127.0.0.2", "spam-source", "owner", spamhaus)}},
		{name: "CSS", zone: lists + zen + "127.0.0.3\n", ip: sending, want: []string{
			ip("DNSBL-IP-LISTED", "Spamhaus ZEN (CSS)", "127.0.0.3", "snowshoe", "sending", spamhaus)}},
		{name: "XBL", zone: lists + zen + "127.0.0.4\n", ip: sending, want: []string{
			ip("DNSBL-IP-LISTED", "Spamhaus ZEN (XBL)", "127.0.0.4", "compromised-host", "clean", spamhaus)}},
		{name: "two codes of one reason", zone: lists + zen + "127.0.0.4\n" + zen + "127.0.0.7\n", ip: sending, want: []string{
			ip("DNSBL-IP-LISTED", "Spamhaus ZEN (XBL)", `"127.0.0.4, 127.0.0.7"`, "compromised-host", "clean", spamhaus)}},
		{name: "PBL", zone: lists + zen + "127.0.0.10\n", ip: sending, want: []string{
			ip("DNSBL-IP-POLICY", "Spamhaus ZEN (PBL)", "127.0.0.10", "policy-range", "", spamhaus)}},
		{name: "XBL and PBL", zone: lists + zen + "127.0.0.4\n" + zen + "127.0.0.11\n", ip: sending, want: []string{
			ip("DNSBL-IP-LISTED", "Spamhaus ZEN (XBL)", "127.0.0.4", "compromised-host", "clean", spamhaus),
			ip("DNSBL-IP-POLICY", "Spamhaus ZEN (PBL)", "127.0.0.11", "policy-range", "", spamhaus)}},
		{name: "SpamCop", zone: lists + backwards + "bl.spamcop.net. A 127.0.0.2\n", ip: sending, want: []string{
			ip("DNSBL-IP-SUSPECT", "SpamCop SCBL", "127.0.0.2", "user-reports", "sending", "https://www.spamcop.net/bl.shtml")}},
		{name: "Mailspike, at its worst", zone: lists + backwards + "bl.mailspike.net. A 127.0.0.10\n", ip: sending, want: []string{
			ip("DNSBL-IP-LISTED", "Mailspike BL (L5)", "127.0.0.10", "bad-reputation", "sending", "https://mailspike.org/iplookup.html")}},
		{name: "Mailspike, suspicious", zone: lists + backwards + "bl.mailspike.net. A 127.0.0.13\n", ip: sending, want: []string{
			ip("DNSBL-IP-LISTED-MINOR", "Mailspike BL (L2)", "127.0.0.13", "suspicious", "sending", "https://mailspike.org/iplookup.html")}},
		{name: "a list of low weight", zone: lists + backwards + "psbl.surriel.com. A 127.0.0.2\n", ip: sending, want: []string{
			strings.ReplaceAll(ip("DNSBL-IP-LISTED-MINOR", "PSBL", "127.0.0.2", "spam-trap", "sending", "https://psbl.org/remove"), `"`, "")}},
		{name: "an allow list is no blocklist", zone: lists + backwards + "list.dnswl.org. A 127.0.5.3\n", ip: sending},
		{name: "IPv6", ip: "2001:db8::9", zone: lists +
			"2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.zen.spamhaus.org. A 127.0.0.2\n" +
			"9.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.zen.spamhaus.org. A 127.0.0.3\n", want: []string{
			strings.ReplaceAll(ip("DNSBL-IP-LISTED", "Spamhaus ZEN (CSS)", "127.0.0.3", "snowshoe", "sending", spamhaus), sending, "2001:db8::9")}},

		// A domain.
		{name: "DBL", zone: lists + dbl + "127.0.1.2\n", want: []string{
			domain("DNSBL-DOMAIN-LISTED", "Spamhaus DBL", "127.0.1.2", "spam-domain", "sending", spamhaus)}},
		{name: "DBL, abused", zone: lists + dbl + "127.0.1.105\n", want: []string{
			domain("DNSBL-DOMAIN-LISTED", "Spamhaus DBL", "127.0.1.105", "abused-legit-malware", "site", spamhaus)}},
		{name: "DBL, redirector", zone: lists + dbl + "127.0.1.103\n", want: []string{
			domain("DNSBL-DOMAIN-SUSPECT", "Spamhaus DBL", "127.0.1.103", "redirector", "site", spamhaus)}},
		{name: "SURBL adds up", zone: lists + surbl + "127.0.0.20\n", want: []string{
			domain("DNSBL-DOMAIN-LISTED", "SURBL multi (MW)", "127.0.0.20", "malware-domain", "site", "https://surbl.org/surbl-analysis"),
			domain("DNSBL-DOMAIN-LISTED-MINOR", "SURBL multi (DM)", "127.0.0.20", "disposable-mail", "site", "https://surbl.org/surbl-analysis")}},
		{name: "URIBL grey", zone: lists + uribl + "127.0.0.4\n", want: []string{
			domain("DNSBL-DOMAIN-LISTED-MINOR", "URIBL multi (grey)", "127.0.0.4", "bulk-mail-domain", "sending", "https://admin.uribl.com/")}},
		{name: "the list refuses others, and the domain is not asked as an address", zone: refusing + "example.test.zen.spamhaus.org. A 127.0.0.2\n"},

		// Lists that the user named.
		{name: "a list of the user's", named: []string{"bl.lists.test"}, ip: sending,
			zone: "$ORIGIN .\n2.0.0.127.bl.lists.test. A 127.0.0.2\n" + backwards + "bl.lists.test. A 127.0.0.7\n", want: []string{
				"DNSBL-IP-LISTED-MINOR 192.0.2.9 code=127.0.0.7 cure=ask delist=bl.lists.test list=bl.lists.test meaning=listed"}},
		{name: "a dead list", named: []string{"dnsbl.sorbs.net"}, ip: sending, zone: "$ORIGIN .\n*.dnsbl.sorbs.net. A 127.0.0.2\n",
			want: []string{unusable("sorbs.net", "SORBS", "list-dead")}},
		{name: "a harmful list", named: []string{"dnsbl-3.uceprotect.net"}, ip: sending, zone: mail,
			want: []string{unusable("dnsbl-3.uceprotect.net", "UCEPROTECT level 3", "list-harmful")}},
		{name: "a list without its key", named: []string{"zen.dq.spamhaus.net"}, ip: sending, zone: mail,
			want: []string{unusable("zen.dq.spamhaus.net", "Spamhaus ZEN (DQS)", "key-needed")}},
		{name: "a list that refuses", named: []string{"zen.spamhaus.org"}, ip: sending, zone: refusing,
			want: []string{unusable("zen.spamhaus.org", "Spamhaus ZEN", "public-resolver")}},
		{name: "a list that lists everything", named: []string{"bl.lists.test"}, zone: "$ORIGIN .\n*.bl.lists.test. A 127.0.0.2\n",
			want: []string{unusable("bl.lists.test", "bl.lists.test", "lists-everything")}},
		{name: "a list that is not there", named: []string{"bl.lists.test"}, ip: sending, zone: mail,
			want: []string{unusable("bl.lists.test", "bl.lists.test", "test-not-listed")}},
		{name: "a list that does not answer", named: []string{"bl.lists.test"}, ip: sending, zone: ";! timeout bl.lists.test\n"},
		{name: "a key stays secret", named: []string{"s3cretkey.zen.dq.spamhaus.net"}, ip: sending,
			zone: "$ORIGIN .\n2.0.0.127.s3cretkey.zen.dq.spamhaus.net. A 127.0.0.2\n" + backwards + "s3cretkey.zen.dq.spamhaus.net. A 127.0.0.10\n",
			want: []string{ip("DNSBL-IP-POLICY", "Spamhaus ZEN (DQS) (PBL)", "127.0.0.10", "policy-range", "", spamhaus)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res := auditLists(t, tt.zone, tt.ip, tt.named...)
			expect(t, res.Findings, tt.want)
			text, err := json.Marshal(res)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(text), "s3cret") {
				t.Errorf("the key is in the result")
			}
			var facts Facts
			text, _ = json.Marshal(res.Facts)
			if err := json.Unmarshal(text, &facts); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(res.Findings, Judge(&facts)); d != "" {
				t.Errorf("judged again (-audited +read back):\n%s", d)
			}
		})
	}
}

func TestListingEvidence(t *testing.T) {
	res := auditLists(t, lists+backwards+"zen.spamhaus.org. A 127.0.0.4\n"+backwards+"zen.spamhaus.org. TXT \"see the page\"\n", sending)
	want := []string{"9.2.0.192.zen.spamhaus.org A 127.0.0.4", "9.2.0.192.zen.spamhaus.org TXT see the page"}
	if len(res.Findings) != 1 || !slices.Equal(res.Findings[0].Evidence, want) {
		t.Errorf("got %+v, want evidence %q", res.Findings, want)
	}
}

// TestListCoverage holds the three outcomes: one word that counts is enough, and
// that no list answers is no matter of the domain.
func TestListCoverage(t *testing.T) {
	const silent = ";! timeout .\n"
	tests := []struct {
		name, zone, ip, want string
		change               func(*Options)
		named                []string
	}{
		{name: "all answer", zone: lists, ip: sending, want: "done"},
		{name: "the domain alone", zone: lists, want: "done"},
		{name: "one refuses", zone: lists + "*.zen.spamhaus.org. A 127.255.255.254\n", ip: sending, want: "done"},
		{name: "one answers", zone: refusing + "test.uribl.com.multi.uribl.com. A 127.0.0.14\nexample.test.multi.uribl.com. TXT x\ninvalid.multi.uribl.com. TXT x\n", want: "done"},
		{name: "all refuse", zone: refusing, want: "inconclusive lists-unusable example.test minor"},
		{name: "none is there", zone: mail, want: "inconclusive lists-unusable example.test minor"},
		{name: "none answers", zone: silent, want: "inconclusive dns-timeout example.test minor"},
		{name: "none answers for the address", zone: strings.ReplaceAll(lists, "2.0.0.127.", "x."), ip: sending, want: "inconclusive lists-unusable 192.0.2.9 minor"},
		{name: "outside of the zone files", zone: "@ SOA ns root 1 2 3 4 5\n", want: "inconclusive dns-refused example.test minor"},
		{name: "no lists wanted", zone: lists, change: func(o *Options) { o.NoDNSBL = true }, want: "skipped no-dnsbl"},
		{name: "a private address beside the domain", zone: lists, ip: "10.0.0.1", want: "done"},
		{name: "a list of addresses, and no address", zone: lists, named: []string{"zen.spamhaus.org"}, want: "skipped no-address-given"},
		{name: "a list of addresses, and a private address", zone: lists, ip: "10.0.0.1", named: []string{"zen.spamhaus.org"}, want: "skipped no-list-fits"},
		{name: "a dead list", zone: lists, named: []string{"ordb.org"}, want: "inconclusive lists-unusable example.test minor"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := Options{Checks: []string{"dnsbl"}, Blocklists: tt.named}
			if tt.ip != "" {
				o.IP = netip.MustParseAddr(tt.ip)
			}
			if tt.change != nil {
				tt.change(&o)
			}
			got := auditZone(t, tested, tt.zone, o).Coverage
			if len(got) != 1 || reached(got[0]) != tt.want {
				t.Errorf("got %+v, want %q", got, tt.want)
			}
		})
	}
	t.Run("a private address alone", func(t *testing.T) {
		o := Options{Checks: []string{"dnsbl"}, IP: netip.MustParseAddr("10.0.0.1")}
		got := auditZone(t, "10.0.0.1", lists, o).Coverage
		if want := "skipped not-public 10.0.0.1"; len(got) != 1 || reached(got[0]) != want {
			t.Errorf("got %+v, want %q", got, want)
		}
	})
}

func TestListMerits(t *testing.T) {
	const block = "Mailspike BL, SpamCop SCBL, PSBL, Spamhaus ZEN"
	tests := []struct {
		name, zone string
		want       []string
	}{
		{"clean", lists, []string{
			"dnsbl-clean 192.0.2.9 map[lists:" + block + "]",
			"dnsbl-clean example.test map[lists:Spamhaus DBL, SURBL multi, URIBL multi]"}},
		{"vouched for", lists + backwards + "list.dnswl.org. A 127.0.5.2\nexample.test.dbl.spamhaus.org. A 127.0.1.2\n", []string{
			"dnsbl-clean 192.0.2.9 map[lists:" + block + "]",
			"dnsbl-vouched 192.0.2.9 map[list:DNSWL meaning:trust-medium]"}},
		{"known, and no more", lists + backwards + "list.dnswl.org. A 127.0.5.0\n" + backwards + "psbl.surriel.com. A 127.0.0.2\n", []string{
			"dnsbl-clean example.test map[lists:Spamhaus DBL, SURBL multi, URIBL multi]"}},
		{"some refuse", refusing + "2.0.0.127.psbl.surriel.com. A 127.0.0.2\n", []string{
			"dnsbl-clean-some 192.0.2.9 map[lists:PSBL silent:Mailspike BL, SpamCop SCBL, Spamhaus ZEN]"}},
		{"all refuse", refusing, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, m := range auditLists(t, tt.zone, sending).Merits {
				got = append(got, strings.Join([]string{m.ID, m.Subject, fmt.Sprint(m.Params)}, " "))
			}
			slices.Sort(got)
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("merits (-want +got):\n%s", d)
			}
		})
	}
}

func TestParseBlocklist(t *testing.T) {
	tests := []struct {
		name, in, want string
	}{
		{"known", "zen.spamhaus.org", "zen.spamhaus.org"},
		{"case, dot and blanks", " Zen.Spamhaus.ORG. ", "zen.spamhaus.org"},
		{"with a key", "abc.zen.dq.spamhaus.net", "abc.zen.dq.spamhaus.net"},
		{"dead", "ordb.org", "ordb.org"},
		{"of the user's", "bl.example", "bl.example"},
		{"one label", "bl", ""},
		{"address", "127.0.0.1", ""},
		{"empty", "", ""},
		{"a URL", "https://bl.example/", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseBlocklist(tt.in)
			if got != tt.want || (err == nil) != (tt.want != "") || err != nil && !errors.Is(err, ErrBlocklist) {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

// TestQuestionsForLists holds what lists cost, at most: all that a user may name,
// each of them with answers that lead to every further question.
func TestQuestionsForLists(t *testing.T) {
	var named []string
	for _, c := range "abcdefghijkl" {
		named = append(named, string(c)+".lists.test")
	}
	o := Options{Checks: []string{"dnsbl"}, IP: netip.MustParseAddr(sending), Blocklists: named}
	res := auditZone(t, tested, mail, o)
	for _, list := range res.Facts.DNSBL.Results {
		if len(list.Lists) != MaxBlocklists {
			t.Errorf("%s: %d lists asked, want %d", list.Subject, len(list.Lists), MaxBlocklists)
		}
	}
	if most := 2 * MaxBlocklists * dnsbl.MaxQuestionsPerList; most > 100 {
		t.Errorf("%d questions for lists, want a third of an audit's at most", most)
	}
}

// TestEveryMeaningHasACure holds that a cure is chosen on purpose: only entries
// without a reason send the reader to the list.
func TestEveryMeaningHasACure(t *testing.T) {
	for _, l := range slices.Concat(dnsbl.Default(), dnsbl.AllowLists()) {
		for _, c := range l.Codes {
			if cure := cureOf(c.Meaning); !l.Allow && (cure == cureAsk) != (c.Meaning == dnsbl.Entry) {
				t.Errorf("%s: %s has the cure %q", l.Zone, c.Meaning, cure)
			}
		}
	}
}
