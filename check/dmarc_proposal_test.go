package check

import (
	"cmp"
	"os"
	"slices"
	"strings"
	"testing"

	"maildoctor/check/dmarc"
	"maildoctor/check/dnsx"
	"maildoctor/check/mx"
	"maildoctor/check/spf"
)

// holds publishes each record that findings propose, and judges again: the
// finding must be gone or no worse, and no new one may be worse than a notice.
// That a policy of none only watches is said of the first step, too; and that a
// service has to agree to the reports of a sub-domain is said beforehand.
func holds(t *testing.T, domain, zone string, findings []Finding) {
	t.Helper()
	was := map[RuleID]bool{}
	for _, f := range findings {
		was[f.Rule] = true
	}
	for _, f := range findings {
		record, ok := f.Params["record"]
		if !ok {
			continue
		}
		place := "_dmarc." + cmp.Or(methodsPlace(f), f.Subject)
		published, err := dnsx.ParseZone(strings.NewReader(place+". 60 IN TXT \""+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(record)+"\"\n"), "published")
		if err != nil {
			t.Fatalf("%s proposes %q: %v", f.Rule, record, err)
		}
		r := dnsx.New(dnsx.Overlay(published, parseZone(t, zone)), dnsx.Options{})
		again := collect(judgeDMARC, &Facts{
			Domain: domain, SMTPPort: 25,
			MX: mx.Lookup(t.Context(), r, domain), SPF: spf.Walk(t.Context(), r, domain), DMARC: dmarc.Discover(t.Context(), r, domain),
		})
		for _, g := range again {
			watches := g.Rule == dmarcPolicyNone && strings.Contains(record, "p=none")
			told := g.Rule == dmarcNotAuthorised && f.Params["where"] == whereService
			if !was[g.Rule] && !watches && !told && !isNotice(t, g.Rule) {
				t.Errorf("%s proposes %q for %s; published, it is found to be %s", f.Rule, record, place, said(g))
			}
			if g.Rule == f.Rule && said(g) == said(f) && !watches && f.Params["step"] != stepMailbox {
				t.Errorf("%s proposes %q for %s, which changes nothing", f.Rule, record, place)
			}
		}
	}
}

func methodsPlace(f Finding) string {
	if f.Rule == dmarcMethodsDiffer {
		return f.Params["place"]
	}
	return ""
}

// isNotice reads the severity of a rule from its page.
func isNotice(t *testing.T, rule RuleID) bool {
	t.Helper()
	page, err := os.ReadFile("../report/rules/" + string(rule) + ".md")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(page), "\nSeverity: notice\n")
}

// TestRestored holds what is made of texts that are no records.
func TestRestored(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"a record", "v=DMARC1; p=quarantine; adkim=s", "v=DMARC1; p=quarantine; adkim=s"},
		{"lower case", "v=dmarc1; p=reject; rua=mailto:a@b.test", "v=DMARC1; p=reject; rua=mailto:a@b.test"},
		{"not first", "p=reject; v=DMARC1; sp=quarantine", "v=DMARC1; p=reject; sp=quarantine"},
		{"missing", "p=reject; rua=mailto:a@b.test", "v=DMARC1; p=reject; rua=mailto:a@b.test"},
		{"quoted", `"v=DMARC1; p=reject"`, "v=DMARC1; p=reject"},
		{"escaped", `\"v=DMARC1\; p=reject\"`, "v=DMARC1; p=reject"},
		{"white space in front", "  v=DMARC1; p=reject", "v=DMARC1; p=reject"},
		{"another version", "v=DMARC2; p=reject", "v=DMARC1; p=reject"},
		{"no semicolon", "v=DMARC1 p=reject; rua=mailto:a@b.test", "v=DMARC1; p=reject; rua=mailto:a@b.test"},
		{"a comma", "v=DMARC1, p=reject", "v=DMARC1; p=reject"},
		{"no tag", "DMARC1; p=reject", "v=DMARC1; p=reject"},
		{"a colon", "v:DMARC1; p=reject", "v=DMARC1; p=reject"},
		{"no policy", "v=dmarc1", "v=DMARC1; p=none"},
		{"a policy that is not valid", "v=dmarc1; p=all", "v=DMARC1; p=none"},
		{"nothing", "", "v=DMARC1; p=none"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := new(Facts).restored(&dmarc.Policy{}, tt.text); got != tt.want {
				t.Errorf("restored(%q) = %q, want %q", tt.text, got, tt.want)
			}
		})
	}
}

// TestAmend holds what is mended where the request stays the same.
func TestAmend(t *testing.T) {
	for _, tt := range []struct{ name, record, want string }{
		{"nothing wrong", "v=DMARC1; p=reject; adkim=s; fo=1; ruf=mailto:a@b.test", "v=DMARC1; p=reject; adkim=s; fo=1; ruf=mailto:a@b.test"},
		{"words in place of letters", "v=DMARC1; p=reject; adkim=Strict; aspf=relaxed; t=yes; psd=no", "v=DMARC1; p=reject; adkim=s; aspf=r; t=y; psd=n"},
		{"other values", "v=DMARC1; p=reject; adkim=x; aspf=; t=maybe; psd=s", "v=DMARC1; p=reject"},
		{"options", "v=DMARC1; p=reject; ruf=mailto:a@b.test; fo=0:1:D:x:d", "v=DMARC1; p=reject; ruf=mailto:a@b.test; fo=1:d"},
		{"options without addresses", "v=DMARC1; p=reject; fo=1", "v=DMARC1; p=reject"},
		{"options of addresses that are dropped", "v=DMARC1; p=reject; fo=1; ruf=mailto:a@gone.test", "v=DMARC1; p=reject"},
		{"pct of a part", "v=DMARC1; p=reject; pct=20; ri=1", "v=DMARC1; p=reject; pct=20"},
		{"pct of nothing", "v=DMARC1; p=reject; pct=0", "v=DMARC1; p=reject; pct=0"},
		{"pct of all", "v=DMARC1; p=reject; pct=100", "v=DMARC1; p=reject"},
		{"pct that is no number", "v=DMARC1; p=reject; pct=x", "v=DMARC1; p=reject"},
		{"pct beside another request", "v=DMARC1; p=quarantine; pct=20", "v=DMARC1; p=reject"},
		{"addresses without a scheme", "v=DMARC1; p=reject; rua=a@b.test, c@gone.test,b.test", "v=DMARC1; p=reject; rua=mailto:a@b.test"},
		{"addresses behind a semicolon", "v=DMARC1; p=reject; rua=mailto:a@b.test; mailto:c@b.test; d@b.test; sp=reject; hello", "v=DMARC1; p=reject; rua=mailto:a@b.test,mailto:c@b.test,mailto:d@b.test; sp=reject"},
		{"an address twice", "v=DMARC1; p=reject; rua=mailto:a@b.test,mailto:a@b.test!1m", "v=DMARC1; p=reject; rua=mailto:a@b.test"},
		{"other schemes", "v=DMARC1; p=reject; rua=https://b.test/", "v=DMARC1; p=reject"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := amend(tt.record, []string{"gone.test"}, dmarc.Reject)
			if got != tt.want {
				t.Errorf("amend(%q) = %q, want %q", tt.record, got, tt.want)
			}
			if again := amend(got, []string{"gone.test"}, dmarc.Reject); again != got {
				t.Errorf("amend(%q) = %q, want the same", got, again)
			}
		})
	}
}

// FuzzAmend holds that what is made of any text is a record without faults, but
// for pct=, octets and names that everybody passes over.
func FuzzAmend(f *testing.F) {
	for _, s := range []string{
		"v=DMARC1; p=none; rua=mailto:a@b.test!10m,c@b.test; d@b.test; fo=0:1; ruf=mailto:x; pct=5; t=yes",
		"v=dmarc1; p=reject", `"v=DMARC1; p=none"`, "DMARC1 p=none", "v=DMARC1;;=;x;1=2;P=none;p=none",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, record := range []string{
			amend(text, []string{"b.test"}, dmarc.Reject), new(Facts).restored(&dmarc.Policy{}, text),
		} {
			r, faults, ok := dmarc.Parse(record)
			if !ok || r.P == "" || r.P == dmarc.Invalid {
				t.Fatalf("%q of %q is read as %+v, %v", record, text, r, ok)
			}
			for _, fault := range faults {
				if !slices.Contains([]dmarc.Reason{dmarc.RemovedTag, dmarc.BadOctet, dmarc.TooManyTags}, fault.Reason) {
					t.Errorf("%q of %q: fault %+v", record, text, fault)
				}
			}
		}
	})
}

func TestFreeMail(t *testing.T) {
	for host, want := range map[string]bool{
		"gmail.com": true, "yahoo.fr": true, "yahoo.co.uk": true, "gmx.net": true, "hotmail.com": true, "outlook.com": true, "laposte.net": true,
		"google.com": false, "mail.gmail.com": false, "yahoo.example.com": false, "reports.outlook.com": false, "yahoo": false, "": false,
		"rua.powerdmarc.com": false, "myyahoo.com": false,
	} {
		t.Run(host, func(t *testing.T) {
			if got := freeMail(host); got != want {
				t.Errorf("freeMail(%q) = %v", host, got)
			}
		})
	}
}
