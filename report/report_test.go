package report

import (
	"encoding/json"
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
