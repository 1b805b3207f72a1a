package report

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"maildoctor/check"

	"github.com/google/go-cmp/cmp"
)

// sick is a result with something of everything.
func sick() *check.Result {
	return &check.Result{
		Domain: "example.com",
		Time:   time.Date(2026, 11, 22, 10, 30, 15, 123456789, time.FixedZone("CET", 3600)),
		Role:   check.Sending,
		Coverage: []check.Coverage{
			{Checker: "mx", State: check.Done},
			{Checker: "spf", State: check.Done},
			{Checker: "dkim", State: check.Inconclusive, Reason: check.ReasonSelector},
			{Checker: "dmarc", State: check.Done},
			{Checker: "ptr", State: check.Skipped, Reason: "no-address-given"},
			{Checker: "smtp", State: check.Inconclusive, Reason: check.ReasonTempfail, Subject: "mx3.example.com"},
		},
		Findings: []check.Finding{
			{Rule: "DMARC-POLICY-NONE", Subject: "example.com", Params: map[string]string{"tag": "p"}, Evidence: []string{"v=DMARC1; p=none"}},
			{Rule: "PTR-MX-MISSING", Subject: "mx1.example.com", Params: map[string]string{"host": "mx1.example.com", "address": "192.0.2.1"}},
			{Rule: "SMTP-STARTTLS-FAILED", Subject: "mx1.example.com", Params: map[string]string{"host": "mx1.example.com", "reason": "timeout"}},
			{Rule: "SMTP-STARTTLS-FAILED", Subject: "mx2.example.com", Params: map[string]string{"host": "mx2.example.com", "reason": "no-such-code"}},
			{Rule: "SPF-TOO-MANY-LOOKUPS", Subject: "example.com", Params: map[string]string{"lookups": "14"}, Evidence: []string{
				"v=spf1 include:_spf.example.net include:spf.protection.example.org include:mail.example.net include:servers.example.org ~all",
				"_spf.example.net: 9",
			}},
		},
		Merits: []check.Merit{
			{ID: "mx-hosts", Subject: "example.com", Params: map[string]string{"count": "3"}},
			{ID: "ptr-confirmed", Subject: "192.0.2.25", Params: map[string]string{"address": "192.0.2.25", "name": "mail.example.com"}},
			{ID: "spf-all", Subject: "example.com", Params: map[string]string{"qualifier": "~"}},
		},
	}
}

// clean is a result without a fault.
func clean() *check.Result {
	return &check.Result{
		Domain:   "example.org",
		Time:     time.Date(2026, 11, 22, 10, 30, 15, 0, time.UTC),
		Role:     check.Sending,
		Coverage: done("mx", "spf", "dkim", "dmarc"),
		Merits:   []check.Merit{{ID: "dmarc-policy", Subject: "example.org", Params: map[string]string{"tag": "p", "policy": "reject"}}},
	}
}

// nasty is a result with everything that hostile text can be put into.
func nasty() *check.Result {
	res := &check.Result{
		Domain: "example.net",
		Time:   time.Date(2026, 11, 22, 10, 30, 15, 0, time.UTC),
		Role:   check.Receiving,
	}
	for _, s := range hostile {
		res.Findings = append(res.Findings, check.Finding{
			Rule: "SMTP-STARTTLS-FAILED", Subject: s, Params: map[string]string{"host": s, "reason": s}, Evidence: []string{"250 ok", s},
		}, check.Finding{
			Rule: "PTR-MX-MISSING", Subject: s, Params: map[string]string{"host": s, "address": s},
		})
		res.Merits = append(res.Merits, check.Merit{ID: "smtp-starttls", Subject: s, Params: map[string]string{"host": s, "version": s}})
		res.Coverage = append(res.Coverage, check.Coverage{Checker: s, State: check.Inconclusive, Reason: s, Subject: s})
	}
	return res
}

// capped is a result with a low score that may be lower still.
func capped() *check.Result {
	return &check.Result{
		Domain: "example.net",
		Time:   time.Date(2026, 11, 22, 10, 30, 15, 0, time.UTC),
		Role:   check.Sending,
		Coverage: []check.Coverage{
			{Checker: "mx", State: check.Done},
			{Checker: "spf", State: check.Inconclusive, Reason: "dns-timeout"},
		},
		Findings: []check.Finding{{Rule: "MX-NO-USABLE-HOST", Subject: "example.net", Params: map[string]string{"hosts": "mx1.example.net, mx2.example.net"}}},
	}
}

// repeated is a result with rules that are broken more than once, and with
// more evidence than is shown.
func repeated() *check.Result {
	res := clean()
	for _, host := range []string{"mx1.example.org", "mx2.example.org", "mx3.example.org"} {
		res.Findings = append(res.Findings, check.Finding{
			Rule: "SMTP-STARTTLS-FAILED", Subject: host, Params: map[string]string{"host": "mail.example.org", "reason": "timeout"},
			Evidence: []string{strings.Repeat("0123456789", 20), "2", "3", "4", "5", "6", "7"},
		}, check.Finding{
			Rule: "PTR-MX-MISSING", Subject: host, Params: map[string]string{"host": "mail.example.org", "address": "192.0.2.1"},
		})
	}
	return res
}

// refusedResult is a result of name servers that answer nothing.
func refusedResult() *check.Result {
	return &check.Result{
		Domain:   "refused.example",
		Time:     time.Date(2026, 11, 22, 10, 30, 15, 0, time.UTC),
		Coverage: []check.Coverage{open("mx", "dns-refused"), open("spf", "dns-servfail")},
	}
}

// blocked is a result from a network without port 25.
func blockedResult() *check.Result {
	return &check.Result{
		Domain: "example.com",
		Time:   time.Date(2026, 11, 22, 10, 30, 15, 0, time.UTC),
		Role:   check.Unknown,
		Coverage: []check.Coverage{
			{Checker: "spf", State: check.Inconclusive, Reason: "dns-timeout"},
			{Checker: "smtp", State: check.Inconclusive, Reason: check.ReasonPort25},
		},
	}
}

func TestNewSorts(t *testing.T) {
	res := sick()
	res.Findings = append(res.Findings, broken("MX-NO-USABLE-HOST")...)
	type key struct {
		ID      check.RuleID
		Subject Foreign
	}
	var got []key
	for _, f := range New(res, testCatalog(t), English, "1").Findings {
		got = append(got, key{f.ID, f.Subject})
	}
	want := []key{
		{"MX-NO-USABLE-HOST", "example.com"},
		{"SPF-TOO-MANY-LOOKUPS", "example.com"},
		{"SMTP-STARTTLS-FAILED", "mx1.example.com"},
		{"SMTP-STARTTLS-FAILED", "mx2.example.com"},
		{"DMARC-POLICY-NONE", "example.com"},
		{"PTR-MX-MISSING", "mx1.example.com"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}

// Of two rules with the same deliverability points the one that costs more
// security comes first.
func TestNewSortsBySecurity(t *testing.T) {
	cat := &Catalog{rules: []*Rule{
		{ID: "A-A", Severity: Error, Deliverability: 5, Security: 1},
		{ID: "B-B", Severity: Error, Deliverability: 5, Security: 2},
		{ID: "C-C", Severity: Warning, Deliverability: 9, Security: 9},
		{ID: "D-D", Severity: Error, Deliverability: 6},
	}}
	var got []check.RuleID
	for _, f := range New(&check.Result{Findings: broken("A-A", "B-B", "C-C", "D-D")}, cat, English, "").Findings {
		got = append(got, f.ID)
	}
	if diff := cmp.Diff([]check.RuleID{"D-D", "B-B", "A-A", "C-C"}, got); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}

func TestMeritsInTheShadow(t *testing.T) {
	cat := &Catalog{rules: []*Rule{
		{ID: "PARKED-SPF-OPEN", Severity: Warning, Area: "spf"},
		{ID: "SPF-BAD", Severity: Error, Area: "spf"},
		{ID: "SPF-ODD", Severity: Warning, Area: "spf"},
		{ID: "MX-BAD", Severity: Critical, Area: "mx"},
	}}
	merits := []check.Merit{
		{ID: "mx-hosts", Subject: "example.com"},
		{ID: "spf-all", Subject: "example.com"},
		{ID: "spf-pass", Subject: "other.example"},
		{ID: "dmarc-policy", Subject: "example.com"},
	}
	for _, tt := range []struct {
		name  string
		rules []check.RuleID
		want  []string
	}{
		{"no finding", nil, []string{"mx-hosts", "spf-all", "spf-pass", "dmarc-policy"}},
		{"an error", []check.RuleID{"SPF-BAD"}, []string{"mx-hosts", "spf-pass", "dmarc-policy"}},
		{"a warning", []check.RuleID{"SPF-ODD"}, []string{"mx-hosts", "spf-all", "spf-pass", "dmarc-policy"}},
		{"parked", []check.RuleID{"PARKED-SPF-OPEN"}, []string{"mx-hosts", "spf-pass", "dmarc-policy"}},
		{"another area", []check.RuleID{"MX-BAD"}, []string{"mx-hosts", "spf-all", "spf-pass", "dmarc-policy"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, m := range New(&check.Result{Findings: broken(tt.rules...), Merits: merits}, cat, English, "").Merits {
				got = append(got, m.ID)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("want -, got +:\n%s", diff)
			}
		})
	}
}

// A title has room for the first item of a list only.
func TestListInTitle(t *testing.T) {
	cat := &Catalog{rules: []*Rule{{
		ID: "A-A", Severity: Notice, Params: []Param{{Name: "names", List: true}},
		Pages: map[Lang]Page{English: {Title: "It is {names}", Why: "All: {names}"}},
	}}}
	for _, tt := range []struct{ name, in, title, why string }{
		{"several", "a, b, c", "It is a", "All: a, b, c"},
		{"one", "a", "It is a", "All: a"},
		{"none", "", "It is ", "All: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res := &check.Result{Findings: []check.Finding{{Rule: "A-A", Subject: "x", Params: map[string]string{"names": tt.in}}}}
			f := New(res, cat, English, "").Findings[0]
			if f.Title != tt.title || f.Why != tt.why {
				t.Errorf("got %q and %q, want %q and %q", f.Title, f.Why, tt.title, tt.why)
			}
		})
	}
}

func TestNewFillsIn(t *testing.T) {
	for _, tt := range []struct {
		name    string
		lang    Lang
		finding check.Finding
		title   string
	}{
		{"number", English, check.Finding{Rule: "SPF-TOO-MANY-LOOKUPS", Params: map[string]string{"lookups": "14"}}, "SPF needs 14 DNS lookups; 10 are allowed"},
		{"French", French, check.Finding{Rule: "SPF-TOO-MANY-LOOKUPS", Params: map[string]string{"lookups": "14"}}, "SPF demande 14 requêtes DNS\u00a0; la limite est de 10"},
		{"word", English, check.Finding{Rule: "SMTP-STARTTLS-FAILED", Params: map[string]string{"host": "mx", "reason": "timeout"}}, "mx offers encryption, but it fails: no answer in time"},
		{"French word", French, check.Finding{Rule: "SMTP-STARTTLS-FAILED", Params: map[string]string{"host": "mx", "reason": "timeout"}}, "mx annonce le chiffrement, mais il échoue\u00a0: pas de réponse à temps"},
		{"unknown word", English, check.Finding{Rule: "SMTP-STARTTLS-FAILED", Params: map[string]string{"host": "mx", "reason": "new-code"}}, "mx offers encryption, but it fails: new-code"},
		{"hostile word", English, check.Finding{Rule: "SMTP-STARTTLS-FAILED", Params: map[string]string{"host": "a\x1bb", "reason": "\u202e"}}, `a\x1bb offers encryption, but it fails: \u202e`},
		{"blank in a value", English, check.Finding{Rule: "SMTP-STARTTLS-FAILED", Params: map[string]string{"host": "{reason}", "reason": "timeout"}}, "{reason} offers encryption, but it fails: no answer in time"},
		{"value missing", English, check.Finding{Rule: "SPF-TOO-MANY-LOOKUPS"}, "SPF needs ? DNS lookups; 10 are allowed"},
		{"rule without page", English, check.Finding{Rule: "NO-SUCH-RULE"}, "NO-SUCH-RULE"},
		{"another language", "de", check.Finding{Rule: "SPF-TOO-MANY-LOOKUPS", Params: map[string]string{"lookups": "14"}}, "SPF needs 14 DNS lookups; 10 are allowed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res := &check.Result{Domain: "example.com", Findings: []check.Finding{tt.finding}}
			if got := New(res, testCatalog(t), tt.lang, "").Findings[0].Title; got != tt.title {
				t.Errorf("got %q, want %q", got, tt.title)
			}
		})
	}
}

func TestReportSurvivesJSON(t *testing.T) {
	want := New(sick(), testCatalog(t), English, "1.2.3")
	b, err := EncodeJSON(want)
	if err != nil {
		t.Fatal(err)
	}
	var got *Report
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}

func TestNewLeavesTheResult(t *testing.T) {
	res := nasty()
	r := New(res, testCatalog(t), English, "")
	if _, err := EncodeJSON(r); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(nasty(), res); diff != "" {
		t.Errorf("the result has changed:\n%s", diff)
	}
	if diff := cmp.Diff(New(nasty(), testCatalog(t), English, ""), r); diff != "" {
		t.Errorf("writing has changed the report:\n%s", diff)
	}
}
