package report

import (
	"testing"
	"time"

	"maildoctor/check"

	"github.com/google/go-cmp/cmp"
)

func done(names ...string) []check.Coverage {
	var out []check.Coverage
	for _, n := range names {
		out = append(out, check.Coverage{Checker: n, State: check.Done})
	}
	return out
}

func open(checker, reason string) check.Coverage {
	return check.Coverage{Checker: checker, State: check.Inconclusive, Reason: reason}
}

func minor(checker, reason string) check.Coverage {
	c := open(checker, reason)
	c.Minor = true
	return c
}

func skipped(checker, reason string) check.Coverage {
	return check.Coverage{Checker: checker, State: check.Skipped, Reason: reason}
}

func broken(rules ...check.RuleID) []check.Finding {
	var out []check.Finding
	for _, id := range rules {
		out = append(out, check.Finding{Rule: id, Subject: "example.com"})
	}
	return out
}

func TestRating(t *testing.T) {
	score := func(n int, atMost bool) Score { return Score{Score: &n, AtMost: atMost} }
	for _, tt := range []struct {
		name     string
		findings []check.Finding
		coverage []check.Coverage
		score    Score
		security Score
		grade    string
		lost     []Loss
	}{
		{"nothing at all", nil, nil, Score{}, Score{}, "", nil},
		{"clean", nil, done("mx", "spf"), score(100, false), score(100, false), "A", nil},
		{"nothing measured", nil, []check.Coverage{open("spf", "dns-timeout"), skipped("smtp", "no-smtp")}, Score{}, Score{}, "", nil},
		{"a finding is a measurement", broken("PTR-MX-MISSING"), []check.Coverage{skipped("smtp", "no-smtp")}, score(100, false), Score{}, "A", nil},
		{"a finding that security counts", broken("DMARC-POLICY-NONE"), nil, score(98, false), score(80, false), "A",
			[]Loss{{ID: "DMARC-POLICY-NONE", Deliverability: 2, Security: 20}}},
		{"a fault of the program is none", broken("INTERNAL-ERROR"), []check.Coverage{open("spf", "internal-error")}, Score{}, Score{}, "", nil},
		{"points", broken("SPF-TOO-MANY-LOOKUPS"), done("spf"), score(75, false), score(95, false), "C",
			[]Loss{{ID: "SPF-TOO-MANY-LOOKUPS", Deliverability: 25, Security: 5}}},
		{"points once", broken("SMTP-STARTTLS-FAILED", "SMTP-STARTTLS-FAILED"), done("smtp"), score(92, false), score(80, false), "A",
			[]Loss{{ID: "SMTP-STARTTLS-FAILED", Deliverability: 8, Security: 20}}},
		{"cap", broken("MX-NO-USABLE-HOST"), done("mx"), score(40, false), score(100, false), "F",
			[]Loss{{ID: "MX-NO-USABLE-HOST", Deliverability: 40, Cap: new(40)}}},
		{"sum below the cap", broken("MX-NO-USABLE-HOST", "SPF-TOO-MANY-LOOKUPS", "SMTP-STARTTLS-FAILED"), done("mx"), score(27, false), score(75, false), "F",
			[]Loss{
				{ID: "MX-NO-USABLE-HOST", Deliverability: 40, Cap: new(40)},
				{ID: "SPF-TOO-MANY-LOOKUPS", Deliverability: 25, Security: 5},
				{ID: "SMTP-STARTTLS-FAILED", Deliverability: 8, Security: 20},
			}},
		{"inconclusive", nil, append(done("mx"), open("spf", "dns-timeout")), score(100, true), score(100, true), "A", nil},
		{"inconclusive without security points", nil, append(done("spf"), open("mx", "dns-timeout")), score(100, true), score(100, false), "A", nil},
		{"inconclusive without points", nil, append(done("mx"), open("ptr", "dns-timeout")), score(100, false), score(100, false), "A", nil},
		{"inconclusive without rules", nil, append(done("mx"), open("bimi", "dns-timeout")), score(100, false), score(100, false), "A", nil},
		{"inconclusive in a minor matter", nil, append(done("mx"), minor("spf", "dns-timeout")), score(100, false), score(100, true), "A", nil},
		{"port 25 blocked", nil, append(done("mx"), open("smtp", check.ReasonPort25)), score(100, true), score(100, true), "A", nil},
		{"left out on purpose", nil, append(done("mx"), skipped("smtp", check.ReasonNoSMTP)), score(100, false), score(100, true), "A", nil},
		{"not selected", nil, append(done("mx"), skipped("smtp", check.ReasonNotSelected)), score(100, false), score(100, false), "A", nil},
		{"a rule without a page", broken("NO-SUCH-RULE"), done("mx"), score(100, false), score(100, false), "A", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := New(&check.Result{Domain: "example.com", Findings: tt.findings, Coverage: tt.coverage}, testCatalog(t), English, "")
			want := &Rating{Score: tt.score.Score, AtMost: tt.score.AtMost, Grade: tt.grade, Security: tt.security, Lost: tt.lost}
			if want.Lost == nil {
				want.Lost = []Loss{}
			}
			if diff := cmp.Diff(want, r.Rating); diff != "" {
				t.Errorf("want -, got +:\n%s", diff)
			}
		})
	}
}

func TestScoreFloor(t *testing.T) {
	cat := &Catalog{rules: []*Rule{
		{ID: "A-A", Severity: Error, Deliverability: 60, Security: 100},
		{ID: "B-B", Severity: Error, Deliverability: 60, Security: 1},
	}}
	r := New(&check.Result{Domain: "example.com", Findings: broken("A-A", "B-B")}, cat, English, "")
	if *r.Score != 0 || *r.Security.Score != 0 {
		t.Errorf("got %d and %d, want 0 and 0", *r.Score, *r.Security.Score)
	}
}

func TestGrade(t *testing.T) {
	for _, tt := range []struct {
		score int
		want  string
	}{{100, "A"}, {90, "A"}, {89, "B"}, {80, "B"}, {79, "C"}, {70, "C"}, {69, "D"}, {60, "D"}, {59, "F"}, {0, "F"}} {
		if got := grade(tt.score); got != tt.want {
			t.Errorf("grade(%d) = %s, want %s", tt.score, got, tt.want)
		}
	}
}

func TestVerdict(t *testing.T) {
	for _, tt := range []struct {
		name string
		res  *check.Result
		want Verdict
	}{
		{"clean", clean(), "good"},
		{"nothing measured", blockedResult(), "unmeasured"},
		{"critical", &check.Result{Findings: broken("MX-NO-USABLE-HOST")}, "critical"},
		{"poor", sick(), "poor"},
		{"fair", &check.Result{Role: check.Sending, Findings: broken("SPF-TOO-MANY-LOOKUPS")}, "fair"},
		{"undeclared", &check.Result{Role: check.Unknown, Findings: broken("SPF-TOO-MANY-LOOKUPS")}, "undeclared"},
		{"error", &check.Result{Role: check.Sending, Findings: broken("SMTP-STARTTLS-FAILED")}, "error"},
		{"exposed", &check.Result{Role: check.Sending, Findings: broken("DMARC-POLICY-NONE")}, "exposed"},
		{"notice", &check.Result{Findings: broken("PTR-MX-MISSING"), Coverage: done("mx")}, "good"},
		{"open", &check.Result{Coverage: append(done("mx"), open("spf", "dns-timeout"))}, "open"},
		{"parked", &check.Result{Role: check.Parked, Coverage: done("mx")}, "parked"},
		{"left out on purpose", &check.Result{Coverage: append(done("mx"), skipped("smtp", check.ReasonNoSMTP))}, "good"},
		{"idle", &check.Result{Coverage: []check.Coverage{skipped("smtp", check.ReasonNullMX)}}, "idle"},
		{"no checker", &check.Result{}, "unmeasured"},
		{"timeouts", &check.Result{Coverage: []check.Coverage{open("mx", "dns-timeout"), open("spf", "dns-failed"), skipped("smtp", check.ReasonNoSMTP)}}, "unanswered"},
		{"no files", &check.Result{Coverage: []check.Coverage{open("mx", check.ReasonDescriptors)}}, "unanswered"},
		{"failures", &check.Result{Coverage: []check.Coverage{open("mx", "dns-servfail"), open("spf", "dns-refused")}}, "refused"},
		{"failures and timeouts", &check.Result{Coverage: []check.Coverage{open("mx", "dns-servfail"), open("spf", "dns-timeout")}}, "refused"},
		{"blocklists alone answer", &check.Result{Coverage: append(done("dnsbl"), open("mx", "dns-timeout"))}, "unanswered"},
		{"nothing answers, and blocklists cannot be used", &check.Result{Coverage: []check.Coverage{open("mx", "dns-timeout"), minor("dnsbl", check.ReasonLists)}}, "unanswered"},
		{"failures, and blocklists cannot be used", &check.Result{Coverage: []check.Coverage{open("mx", "dns-refused"), minor("dnsbl", check.ReasonLists)}}, "refused"},
		{"blocklists cannot be used", &check.Result{Coverage: append(done("mx"), minor("dnsbl", check.ReasonLists), skipped("smtp", check.ReasonNoSMTP))}, "good"},
		{"a failure and something else", &check.Result{Coverage: []check.Coverage{open("mx", "dns-servfail"), open("spf", check.ReasonDeadline)}}, "unmeasured"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := New(tt.res, testCatalog(t), English, "")
			if r.Verdict != tt.want {
				t.Errorf("got %s, want %s", r.Verdict, tt.want)
			}
		})
	}
}

// What comes first where several sentences fit.
func TestVerdictOrder(t *testing.T) {
	const (
		capped, poor, fair, fault check.RuleID = "A-CAP", "B-31", "C-21", "D-ERROR"
		exposing, open20, below19 check.RuleID = "E-ERROR", "F-20", "G-19"
		elsewhere, remark         check.RuleID = "H-25", "I-NOTICE"
	)
	cat := &Catalog{rules: []*Rule{
		{ID: capped, Severity: Critical, Cap: 40, Area: "mx"},
		{ID: poor, Severity: Error, Area: "ptr", Deliverability: 31},
		{ID: fair, Severity: Error, Area: "ptr", Deliverability: 21},
		{ID: fault, Severity: Error, Area: "smtp", Deliverability: 8},
		{ID: exposing, Severity: Error, Area: "dmarc", Deliverability: 15, Security: 25},
		{ID: open20, Severity: Warning, Area: "spf", Security: 20},
		{ID: below19, Severity: Warning, Area: "spf", Security: 19},
		{ID: elsewhere, Severity: Warning, Area: "smtp", Security: 25},
		{ID: remark, Severity: Notice, Area: "mx", Deliverability: 2},
	}}
	left := append(done("mx"), check.Coverage{Checker: "ptr", State: check.Inconclusive, Reason: "dns-timeout"})
	for _, tt := range []struct {
		name     string
		role     check.Role
		findings []check.Finding
		coverage []check.Coverage
		want     Verdict
	}{
		{"critical before parked", check.Parked, broken(capped, open20), done("mx"), "critical"},
		{"parked and exposed", check.Parked, broken(open20), done("mx"), "parked-open"},
		{"parked and exposed, with a low score", check.Parked, broken(open20, poor), done("mx"), "parked-open"},
		{"parked with another fault", check.Parked, broken(poor), done("mx"), "check-findings"},
		{"parked with a warning", check.Parked, broken(below19), left, "check-findings"},
		{"parked and open", check.Parked, broken(remark), left, "open"},
		{"parked with a notice", check.Parked, broken(remark), done("mx"), "parked"},
		{"69 points", check.Sending, broken(poor, exposing), done("mx"), "poor"},
		{"79 points", check.Sending, broken(fair, open20), done("mx"), "fair"},
		{"an error beside the exposing ones", check.Sending, broken(fault, open20), done("mx"), "error"},
		{"an exposing error alone", check.Sending, broken(exposing), done("mx"), "exposed"},
		{"an exposing warning", check.Sending, broken(open20), left, "exposed"},
		{"one point below", check.Sending, broken(below19), done("mx"), "warning"},
		{"many warnings do not expose", check.Sending, broken(below19, elsewhere), left, "warning"},
		{"another area", check.Sending, broken(elsewhere), done("mx"), "warning"},
		{"notice and open", check.Sending, broken(remark), left, "open"},
		{"notice", check.Sending, broken(remark), done("mx"), "good"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res := &check.Result{Domain: "example.com", Role: tt.role, Findings: tt.findings, Coverage: tt.coverage}
			if got := New(res, cat, English, "").Verdict; got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestExitStatus(t *testing.T) {
	result := func(findings []check.Finding, coverage ...check.Coverage) *check.Result {
		return &check.Result{Domain: "example.com", Time: time.Unix(0, 0), Findings: findings, Coverage: coverage}
	}
	mx := done("mx")[0]
	clean := result(nil, mx)
	for _, tt := range []struct {
		name      string
		results   []*check.Result
		threshold Severity
		want      int
	}{
		{"no report", nil, Error, ExitFine},
		{"clean", []*check.Result{clean}, Notice, ExitFine},
		{"at the threshold", []*check.Result{result(broken("DMARC-POLICY-NONE"), mx)}, Warning, ExitFindings},
		{"below it", []*check.Result{result(broken("DMARC-POLICY-NONE"), mx)}, Error, ExitFine},
		{"above it", []*check.Result{result(broken("MX-NO-USABLE-HOST"), mx)}, Error, ExitFindings},
		{"never", []*check.Result{result(broken("MX-NO-USABLE-HOST"), mx)}, Never, ExitFine},
		{"one of two", []*check.Result{result(broken("MX-NO-USABLE-HOST"), mx), clean}, Error, ExitFindings},
		{"nothing measured", []*check.Result{result(nil, open("spf", "dns-timeout"))}, Never, ExitUncertain},
		{"nothing measured after findings", []*check.Result{result(broken("MX-NO-USABLE-HOST"), mx), result(nil)}, Error, ExitUncertain},
		{"mx open", []*check.Result{result(nil, done("spf")[0], open("mx", "dns-timeout"))}, Error, ExitUncertain},
		{"spf open", []*check.Result{result(broken("MX-NO-USABLE-HOST"), mx, open("spf", "dns-servfail"))}, Error, ExitUncertain},
		{"dmarc open", []*check.Result{result(nil, mx, open("dmarc", "deadline"))}, Error, ExitUncertain},
		{"dmarc open in a minor matter", []*check.Result{result(nil, mx, minor("dmarc", "dns-timeout"))}, Error, ExitFine},
		{"a minor matter and nothing else", []*check.Result{result(nil, minor("dmarc", "dns-timeout"))}, Error, ExitUncertain},
		{"dkim open", []*check.Result{result(nil, mx, open("dkim", "no-known-selector"))}, Error, ExitFine},
		{"smtp open", []*check.Result{result(nil, mx, open("smtp", "port-25-blocked"))}, Error, ExitFine},
		{"spf skipped", []*check.Result{result(nil, mx, skipped("spf", "not-selected"))}, Error, ExitFine},
		{"internal error", []*check.Result{result(nil, mx, open("tls", "internal-error"))}, Error, ExitUncertain},
		{"internal error as a finding", []*check.Result{result(broken("INTERNAL-ERROR"), mx)}, Error, ExitUncertain},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var reports []*Report
			for _, res := range tt.results {
				reports = append(reports, New(res, testCatalog(t), English, ""))
			}
			if got := ExitStatus(reports, tt.threshold); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
	t.Run("a single check has no score", func(t *testing.T) {
		if got := ExitStatus([]*Report{NewCheck(clean, testCatalog(t), English, "")}, Error); got != ExitFine {
			t.Errorf("got %d, want %d", got, ExitFine)
		}
	})
	t.Run("blocklists alone", func(t *testing.T) {
		for want, c := range map[int]check.Coverage{ExitFine: done("dnsbl")[0], ExitUncertain: minor("dnsbl", check.ReasonLists)} {
			if got := ExitStatus([]*Report{NewCheck(result(nil, c), testCatalog(t), English, "")}, Error); got != want {
				t.Errorf("%+v: got %d, want %d", c, got, want)
			}
		}
	})
	t.Run("a single check that was cut short", func(t *testing.T) {
		res := result(nil, open("smtp", "port-25-blocked"))
		if got := ExitStatus([]*Report{NewCheck(res, testCatalog(t), English, "")}, Error); got != ExitUncertain {
			t.Errorf("got %d, want %d", got, ExitUncertain)
		}
	})
}
