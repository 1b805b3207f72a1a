package spf

import (
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"maildoctor/check/dnsx"
)

// providers returns a resolver on testdata/providers.zone.
func providers(t *testing.T) *dnsx.Client {
	t.Helper()
	f, err := os.Open("testdata/providers.zone")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := dnsx.ParseZone(f, f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return dnsx.New(z, dnsx.Options{Questions: -1})
}

// TestProviders walks and evaluates records that name well-known senders.
func TestProviders(t *testing.T) {
	r := providers(t)
	for _, test := range []struct {
		domain  string
		lookups int
		all     Qualifier
		dynamic string // the terms that depend on the sender
		ip      string // of a sender
		want    Result
		used    int // lookups for that sender
	}{
		{"google.example", 1, "~", "", "209.85.220.41", ResultPass, 1},
		{"google.example", 1, "~", "", "2a00:1450:4864:20::1", ResultPass, 1},
		{"google.example", 1, "~", "", "192.0.2.1", ResultSoftFail, 1},
		{"microsoft.example", 1, "-", "", "40.107.1.1", ResultPass, 1},
		{"microsoft.example", 1, "-", "", "2a01:111:f403:8000::1", ResultPass, 1},
		{"microsoft.example", 1, "-", "", "192.0.2.1", ResultFail, 1},
		{"ovh.example", 3, "~", "ptr:mail-out.ovh.net ptr:mail.ovh.net", "198.51.100.17", ResultPass, 3},
		{"ovh.example", 3, "~", "ptr:mail-out.ovh.net ptr:mail.ovh.net", "192.0.2.1", ResultSoftFail, 3},
		{"sendgrid.example", 2, "~", "", "167.89.1.1", ResultPass, 1},
		{"sendgrid.example", 2, "~", "", "203.0.113.65", ResultPass, 2},
		{"em1.sendgrid.example", 0, "-", "", "203.0.113.9", ResultPass, 0},
		{"account.example", 1, "-", "", "203.0.113.8", ResultFail, 1},
		{"mailchimp.example", 1, "?", "", "198.2.129.1", ResultPass, 1},
		{"mandrill.example", 1, "~", "", "198.2.128.9", ResultPass, 1},
		{"mailgun.example", 3, "~", "", "198.51.100.97", ResultPass, 3},
		{"send.ses.example", 1, "-", "", "54.240.1.1", ResultPass, 1},
		{"proofpoint.example", 1, "~", "include:%{ir}.%{v}.%{d}.spf.has.pphosted.com", "192.0.2.1", ResultPass, 1},
		{"mimecast.example", 1, "~", "", "198.51.100.137", ResultPass, 1},
		{"mimecastglobal.example", 6, "~", "", "198.51.100.169", ResultPass, 6},
		{"salesforce.example", 2, "~", "exists:%{i}._spf.mta.salesforce.com", "192.0.2.1", ResultPass, 2},
		{"salesforce.example", 2, "~", "exists:%{i}._spf.mta.salesforce.com", "192.0.2.2", ResultSoftFail, 2},
		{"zendesk.example", 1, "~", "", "185.12.81.1", ResultPass, 1},
		{"valimail.example", 1, "~", "include:%{i}._ip.%{h}._ehlo.%{d}._spf.vali.email", "192.0.2.1", ResultPass, 1},
		{"many.example", 9, "-", "exists:%{i}._spf.mta.salesforce.com", "192.0.2.1", ResultPass, 9},
	} {
		t.Run(test.domain+"/"+test.ip, func(t *testing.T) {
			tree := Walk(t.Context(), r, test.domain)
			if tree.Lookups != test.lookups || tree.VoidLookups != 0 || tree.All != test.all || tree.Incomplete || tree.Truncated || tree.Loop {
				t.Errorf("%d lookups, %d void, all %q, %s, truncated = %t, loop = %t; want %d, 0, %q, ok, false, false",
					tree.Lookups, tree.VoidLookups, tree.All, tree.Status, tree.Truncated, tree.Loop, test.lookups, test.all)
			}
			var dynamic []string
			tree.Each(func(n *Node) {
				if n.Outcome != One || len(n.Faults) > 0 {
					t.Errorf("%s: %s with faults %v, want one without", n.Domain, n.Outcome, n.Faults)
				}
				for _, s := range n.Steps {
					if s.Dynamic {
						dynamic = append(dynamic, string(s.Text))
					}
				}
			})
			if got := strings.Join(dynamic, " "); got != test.dynamic {
				t.Errorf("dynamic terms %q, want %q", got, test.dynamic)
			}
			e := Evaluate(t.Context(), r, Query{IP: netip.MustParseAddr(test.ip), MailFrom: "user@" + test.domain, Helo: "mail.test"})
			if e.Result != test.want || e.Lookups != test.used {
				t.Errorf("%s (%s) after %d lookups, want %s after %d", e.Result, e.Cause, e.Lookups, test.want, test.used)
			}
		})
	}
}

// TestFalseAlarms holds what other checkers took for a fault.
func TestFalseAlarms(t *testing.T) {
	for _, test := range []struct {
		name, zone string
		lookups    int
		want       Result // for 192.0.2.1
		asked      string // beside the record, for that sender
	}{
		{"mx is one lookup whatever it leads to", "a.test TXT v=spf1 mx -all\n" + hosts(10), 1, ResultPass, "a.test MX"},
		{"neither the record nor the explanation is a lookup", "a.test TXT v=spf1" + strings.Repeat(" include:b.test", 10) + " -all exp=why.test\nb.test TXT v=spf1 -all\nwhy.test TXT No.",
			10, ResultFail, "b.test TXT, why.test TXT"},
		{"two terms that find nothing are no third", "a.test TXT v=spf1 a:x.test exists:y.test a a a a a a a ip4:192.0.2.1 -all\na.test A 198.51.100.1",
			9, ResultPass, "x.test A"},
		{"bare a with a prefix", "a.test TXT v=spf1 a/24 -all\na.test A 192.0.2.200", 1, ResultPass, "a.test A"},
		{"bare mx with a prefix", "a.test TXT v=spf1 mx/24 -all\na.test MX 1 m.test\nm.test A 192.0.2.200", 1, ResultPass, "m.test A"},
		{"the prefix of a host", "a.test TXT v=spf1 a:m.test/24 -all\nm.test A 192.0.2.200", 1, ResultPass, "m.test A"},
		{"the domain by macro", "a.test TXT v=spf1 a:%{d} -all\na.test A 192.0.2.1", 1, ResultPass, "a.test A"},
		{"the domain by macro with a prefix", "a.test TXT v=spf1 a:m.%{d}/24 -all\nm.a.test A 192.0.2.200", 1, ResultPass, "m.a.test A"},
		{"unknown modifiers", "a.test TXT v=spf1 ra=postmaster rp=100 rr=all x-y.z_=%{i} ip4:192.0.2.1 -all", 0, ResultPass, ""},
		{"upper case", "a.test TXT V=SPF1 INCLUDE:B.TEST EXISTS:%{D}.X.TEST -ALL\nb.test TXT v=Spf1 Ip4:198.51.100.1 ?All\na.test.x.test A 127.0.0.2", 2, ResultPass, "b.test TXT"},
		{"all inside of a name", "a.test TXT v=spf1 include:mallorca.test\nmallorca.test TXT v=spf1 ip4:192.0.2.1 -all", 1, ResultPass, "mallorca.test TXT"},
		{"a modifier behind all", "a.test TXT v=spf1 ip4:192.0.2.1 -all exp=why.test", 0, ResultPass, ""},
		{"redirect before a mechanism", "a.test TXT v=spf1 redirect=b.test ip4:192.0.2.1\nb.test TXT v=spf1 -all", 1, ResultPass, ""},
		{"terms by macro", "a.test TXT v=spf1 exists:%{ir}.%{v}.x.test include:%{d}._spf.test -all\n1.2.0.192.in-addr.x.test A 127.0.0.2\na.test._spf.test TXT v=spf1 -all",
			2, ResultPass, "1.2.0.192.in-addr.x.test A"},
		{"v=spf10 beside a record", "a.test TXT v=spf1 ip4:192.0.2.1 -all\na.test TXT v=spf10 -all\na.test TXT \" v=spf1 +all", 0, ResultPass, ""},
		{"an explanation that is missing", "a.test TXT v=spf1 -all exp=gone.test", 0, ResultFail, "gone.test TXT"},
		{"a CNAME to a record", "a.test CNAME b.test\nb.test TXT v=spf1 a:m.%{d} -all\nm.a.test A 192.0.2.1", 1, ResultPass, "m.a.test A"},
	} {
		t.Run(test.name, func(t *testing.T) {
			z := testZone(t, test.zone)
			e := Evaluate(t.Context(), z, client("192.0.2.1"))
			if e.Result != test.want {
				t.Errorf("got %s (%s), want %s", e.Result, e.Cause, test.want)
			}
			for question := range strings.SplitSeq(test.asked, ", ") {
				if question != "" && !slices.Contains(z.questions(), question) {
					t.Errorf("asked %q, want %q", z.questions(), question)
				}
			}
			tree := Walk(t.Context(), z, "a.test")
			if tree.Lookups != test.lookups || tree.VoidLookups > MaxVoidLookups || tree.Loop {
				t.Errorf("Walk counts %d lookups and %d void, want %d and 2 at most", tree.Lookups, tree.VoidLookups, test.lookups)
			}
			tree.Each(func(n *Node) {
				if n.Outcome != One || len(n.Faults) > 0 {
					t.Errorf("%s: %s with faults %v, want one without", n.Domain, n.Outcome, n.Faults)
				}
			})
		})
	}
}

// TestStringsAreJoined tests a record of several strings, cut within a term
// (RFC 7208 section 3.3).
func TestStringsAreJoined(t *testing.T) {
	rr, err := dns.NewRR(`a.test. IN TXT "v=spf1 ip4:192.0" ".2.1 -al" "l"`)
	if err != nil {
		t.Fatal(err)
	}
	z := newZone()
	z.records["a.test"] = []dns.RR{rr}
	if s := Lookup(t.Context(), z, "a.test"); !slices.Equal(s.Records, []Raw{"v=spf1 ip4:192.0.2.1 -all"}) {
		t.Errorf("records %q, want one joined without a space", s.Records)
	}
}
