package check

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"maildoctor/check/certs"
	"maildoctor/check/dnsx"
	"maildoctor/check/httpsx"
	"maildoctor/check/mtasts"
	"maildoctor/check/mx"
	"maildoctor/check/smtp"
	"maildoctor/check/tlsx"
)

const policyURL = "https://mta-sts.example.test/.well-known/mta-sts.txt"

// discovered is what MTA-STS says of a record in the form of a zone, and of a
// policy.
func discovered(t testing.TB, record string, fetched mtasts.Fetched) *mtasts.Result {
	t.Helper()
	r := dnsx.New(parseZone(t, record), dnsx.Options{})
	return mtasts.Discover(t.Context(), r, func(context.Context, string, int) mtasts.Fetched { return fetched }, tested)
}

// served is a policy as a web server hands it out.
func served(lines ...string) mtasts.Fetched {
	return mtasts.Fetched{Outcome: mtasts.FetchOK, Known: true, Status: 200, ContentType: "text/plain", Body: []byte(strings.Join(lines, "\n") + "\n")}
}

func TestJudgeMTASTS(t *testing.T) {
	const (
		record = `_mta-sts TXT "v=STSv1; id=1;"`
		head   = "version: STSv1"
		on     = "mode: enforce"
		trial  = "mode: testing"
		mx1    = "mx: mx.test"
		age    = "max_age: 604800"
		url    = " url=" + policyURL
	)
	good := served(head, on, mx1, age)
	syntax := func(defect, effect, value, column string) []string {
		return []string{"MTASTS-RECORD-SYNTAX example.test column=" + column + " defect=" + defect + " effect=" + effect + " place=_mta-sts.example.test value=" + value}
	}
	policy := func(defect, effect string) string {
		return "MTASTS-POLICY-SYNTAX example.test defect=" + defect + " effect=" + effect + url
	}
	unreachable := func(fetch, status string) []string {
		return []string{"MTASTS-POLICY-UNREACHABLE example.test fetch=" + fetch + " status=" + status + url}
	}
	one := []Dialogue{secured("mx.test", "192.0.2.1")}
	bad := func(change func(*tlsx.State)) []Dialogue {
		d := secured("mx.test", "192.0.2.1")
		change(d.TLS)
		return []Dialogue{d}
	}
	html := good
	html.ContentType = "text/html"
	tests := []struct {
		name, record string
		policy       mtasts.Fetched
		smtp         []Dialogue
		want         []string
	}{
		{"none", "", good, one, nil},
		{"unknown", ";! timeout _mta-sts.example.test", good, one, nil},
		{"good", record, good, one, nil},
		{"another text", `_mta-sts TXT "hello"`, good, one, nil},

		{"other letters", `_mta-sts TXT "v=stsv1; id=1"`, good, one, syntax("version-case", "unusable", "v=stsv1", "1")},
		{"other letters beside a good one", record + "\n" + `_mta-sts TXT "v=stsv1; id=1"`, good, one, nil},
		{"no id", `_mta-sts TXT "v=STSv1;"`, good, one, syntax("id-missing", "unusable", `"\"\""`, "9")},
		{"space before the semicolon", `_mta-sts TXT "v=STSv1 ; id=1"`, good, one, syntax("version-delimiter", "strict-only", `" "`, "8")},
		{"id twice", `_mta-sts TXT "v=STSv1; id=1; id=2"`, good, one, nil},
		{"twice", record + "\n" + `_mta-sts TXT "v=STSv1; id=2"`, good, one, []string{"MTASTS-RECORD-MULTIPLE example.test count=2 place=_mta-sts.example.test"}},

		{"not there", record, mtasts.Fetched{Outcome: "http-status", Known: true, Status: 404}, one, unreachable("http-status", "404")},
		{"redirect", record, mtasts.Fetched{Outcome: "redirect", Known: true, Status: 301}, one, unreachable("redirect", "301")},
		{"in no time", record, mtasts.Fetched{Outcome: "timeout"}, one, nil},
		{"forbidden to us", record, mtasts.Fetched{Outcome: "http-status", Status: 403}, one, nil},

		{"no mode", record, served(head, mx1, age), one, []string{policy("no-mode", "unusable")}},
		{"bad mode", record, served(head, "mode: on", mx1, age), one, []string{policy("bad-mode", "unusable")}},
		{"empty line", record, served(head, on, mx1, age, ""), one, nil},
		{"as a page", record, html, one, []string{policy("content-type", "strict-only")}},
		{"a pattern that is none", record, served(head, on, mx1, "mx: a.*.test", age), one, []string{policy("mx-wildcard", "part-ignored")}},
		{"final dot", record, served(head, on, "mx: mx.test.", mx1, age), one, []string{policy("mx-final-dot", "part-ignored")}},

		{"no mail host", record, served(head, on, age), one, []string{policy("no-mx", "unusable")}},
		{"no pattern that is one", record, served(head, on, "mx: a.*.test", "mx: mx.test.", "mx: b.*.test", age), one, []string{policy("no-valid-mx", "unusable")}},
		{"no pattern that is one, and another defect", record, served(head, on, "mx: a.*.test", "max_age: x"), one,
			[]string{policy("no-valid-mx", "unusable"), policy("bad-max-age", "unusable")}},

		{"switched off", record, served(head, "mode: none", "max_age: 1"), one, nil},
		{"kept for a day", record, served(head, on, mx1, "max_age: 86400"), one, nil},
		{"kept for less", record, served(head, on, mx1, "max_age: 86399"), one, []string{"MTASTS-MAX-AGE-SHORT example.test age=86399" + url}},
		{"on trial", record, served(head, trial, mx1, age), one, []string{"MTASTS-MODE-TESTING example.test" + url}},
		{"idle", record, served(head, on, mx1, "mx: *.mx.test", age), one, []string{"MTASTS-PATTERN-IDLE example.test patterns=*.mx.test" + url}},
		{"several idle", record, served(head, on, mx1, "mx: b.test", "mx: a.test", age), one, []string{`MTASTS-PATTERN-IDLE example.test patterns="a.test, b.test"` + url}},
		{"the same defect twice", record, served(head, on, mx1, "mx: a.*.test", "mx: b.*.test", age), one, []string{policy("mx-wildcard", "part-ignored")}},

		{"not listed", record, served(head, on, "mx: *.test", age), []Dialogue{secured("mx.test", "192.0.2.1"), secured("a.b.test", "192.0.2.2")},
			[]string{"MTASTS-MX-NOT-LISTED example.test host=a.b.test match=wildcard-depth patterns=*.test" + url}},
		{"not listed, on trial", record, served(head, trial, mx1, age), []Dialogue{one[0], secured("b.test", "192.0.2.2")},
			[]string{"MTASTS-MODE-TESTING example.test" + url, "MTASTS-MX-NOT-LISTED-TESTING example.test host=b.test match=none patterns=mx.test" + url}},
		{"certificate", record, good, bad(func(s *tlsx.State) { s.NameMatch = false }), []string{"MTASTS-MX-TLS mx.test address=192.0.2.1 host=mx.test trust=cert-name"}},
		{"certificate, on trial", record, served(head, trial, mx1, age), bad(func(s *tlsx.State) { s.Chain = certs.ChainSelfSigned }),
			[]string{"MTASTS-MODE-TESTING example.test" + url, "MTASTS-MX-TLS-TESTING mx.test address=192.0.2.1 host=mx.test trust=cert-self-signed"}},
		{"no STARTTLS", record, good, []Dialogue{upgrade(smtp.StartTLSNotOffered, "")}, []string{"MTASTS-MX-TLS mx.test address=192.0.2.1 host=mx.test trust=no-starttls"}},
		{"down", record, good, []Dialogue{dialogue("mx.test", "192.0.2.1", smtp.OutcomeRefused)}, nil},
		{"no roots here", record, good, bad(func(s *tlsx.State) { s.Chain = certs.ChainNoRoots }), nil},
		{"not reached", record, good, []Dialogue{dialogue("mx.test", "192.0.2.1", smtp.OutcomeTimeout)}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := mailHosts(tt.smtp)
			f.MTASTS = discovered(t, tt.record, tt.policy)
			got := collect(judgeMTASTS, f)
			expect(t, got, tt.want)
			text, err := json.Marshal(f)
			if err != nil {
				t.Fatal(err)
			}
			back := new(Facts)
			if err := json.Unmarshal(text, back); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(got, collect(judgeMTASTS, back)); d != "" {
				t.Errorf("findings (-gathered +read back):\n%s", d)
			}
		})
	}
}

// TestPolicyEvidence holds that a defect shows its line where it has one.
func TestPolicyEvidence(t *testing.T) {
	for _, tt := range []struct{ name, policy, want string }{
		{"a line", "version: STSv1\nmode: on\nmx: mx.test\nmax_age: 604800\n", "mta-sts.txt:2: on"},
		{"a line without value", "version: STSv1\nmode:\nmx: mx.test\nmax_age: 604800\n", `mta-sts.txt:2: ""`},
		{"what is missing", "version: STSv1\nmx: mx.test\nmax_age: 604800\n", ""},
		{"no pattern that is one", "version: STSv1\nmode: enforce\nmx: a.*.test\nmx: mx.test.\nmax_age: 604800\n", "mta-sts.txt:3: a.*.test"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := mailHosts(nil)
			f.MTASTS = discovered(t, `_mta-sts TXT "v=STSv1; id=1"`, served(strings.TrimSuffix(tt.policy, "\n")))
			found := collect(judgeMTASTS, f)
			if len(found) != 1 || strings.Join(found[0].Evidence, "\n") != tt.want {
				t.Errorf("got %+v, want one finding with %q", found, tt.want)
			}
		})
	}
}

func TestMissed(t *testing.T) {
	for _, tt := range []struct{ name, pattern, host, want string }{
		{"two labels", "*.example.test", "a.b.example.test", missWildcard},
		{"no label", "*.example.test", "example.test", missWildcard},
		{"in capitals", "*.example.test", "A.B.Example.test", missWildcard},
		{"another domain that ends alike", "*.example.test", "a.b.anexample.test", missNone},
		{"elsewhere", "*.example.test", "mx.test", missNone},
		{"no wildcard", "mx.test", "a.mx.test", missNone},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := missed([]string{tt.pattern}, tt.host); got != tt.want {
				t.Errorf("missed(%q, %q) = %q, want %q", tt.pattern, tt.host, got, tt.want)
			}
		})
	}
}

// TestMTASTSHosts holds which hosts count for a policy.
func TestMTASTSHosts(t *testing.T) {
	dead := mailHostAt("dead.test")
	implicit := mailHosts(nil, mailHostAt(tested, "192.0.2.1"))
	implicit.MX.Implicit = true
	more := mailHosts(nil, mailHostAt("a.test", "192.0.2.1"))
	more.MX.Cut = 1
	tests := []struct {
		name  string
		facts *Facts
		want  []string
	}{
		{"dangling", mailHosts(nil, dead), nil},
		{"an address", mailHosts(nil, mx.Host{Name: "192.0.2.1", Kind: mx.KindAddress}), nil},
		{"unknown", &Facts{Domain: tested, MX: &mx.Result{Status: dnsx.ServFail}}, nil},
		{"takes no mail", &Facts{Domain: tested, MX: &mx.Result{Status: dnsx.OK, Null: true}}, nil},
		{"the domain itself", implicit, []string{"MTASTS-MX-NOT-LISTED example.test host=example.test match=none patterns=x.test url=" + policyURL, "MTASTS-PATTERN-IDLE example.test patterns=x.test url=" + policyURL}},
		{"more hosts than are looked at", more, []string{"MTASTS-MX-NOT-LISTED example.test host=a.test match=none patterns=x.test url=" + policyURL}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.facts.MTASTS = policyOf(mtasts.Enforce, "x.test")
			expect(t, collect(judgeMTASTS, tt.facts), tt.want)
		})
	}
}

func TestMeritsMTASTS(t *testing.T) {
	one := []Dialogue{secured("mx.test", "192.0.2.1")}
	const met, listed = "mta-sts-enforced", "mta-sts-listed"
	old := secured("mx.test", "192.0.2.1")
	old.TLS.Version = "TLS 1.0"
	silent := dialogue("b.test", "192.0.2.2", smtp.OutcomeTimeout)
	tests := []struct {
		name string
		sts  *mtasts.Result
		smtp []Dialogue
		want string
	}{
		{"not gathered", nil, one, ""},
		{"none", noPolicy(), one, ""},
		{"in force", policyOf(mtasts.Enforce, "mx.test"), one, met},
		{"with an idle pattern", policyOf(mtasts.Enforce, "mx.test", "y.test"), one, met},
		{"on trial", policyOf(mtasts.Testing, "mx.test"), one, ""},
		{"not listed", policyOf(mtasts.Enforce, "x.test"), one, ""},
		{"no STARTTLS", policyOf(mtasts.Enforce, "mx.test"), []Dialogue{upgrade(smtp.StartTLSNotOffered, "")}, ""},
		{"no host", policyOf(mtasts.Enforce, "mx.test"), nil, ""},
		{"a host not seen", policyOf(mtasts.Enforce, "mx.test", "b.test"), []Dialogue{one[0], silent}, listed},
		{"handshake in no time", policyOf(mtasts.Enforce, "mx.test"), []Dialogue{upgrade(smtp.StartTLSFailed, tlsx.OutcomeTimeout)}, listed},
		{"down", policyOf(mtasts.Enforce, "mx.test"), []Dialogue{dialogue("mx.test", "192.0.2.1", smtp.OutcomeRefused)}, listed},
		{"TLS 1.0", policyOf(mtasts.Enforce, "mx.test"), []Dialogue{old}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, got := mailHosts(tt.smtp), ""
			f.MTASTS = tt.sts
			meritsMTASTS(f, func(m Merit) { got += m.ID })
			if got != tt.want {
				t.Errorf("merits %q, want %q", got, tt.want)
			}
		})
	}
}

func TestMTASTSFinal(t *testing.T) {
	tests := []struct {
		name string
		resp httpsx.Response
		want bool
	}{
		{"ok", httpsx.Response{Outcome: httpsx.OutcomeOK}, true},
		{"not there", httpsx.Response{Outcome: httpsx.OutcomeStatus, Status: 404}, true},
		{"forbidden for us", httpsx.Response{Outcome: httpsx.OutcomeStatus, Status: 403}, false},
		{"down", httpsx.Response{Outcome: httpsx.OutcomeStatus, Status: 503}, false},
		{"redirect", httpsx.Response{Outcome: httpsx.OutcomeRedirect, Status: 302}, true},
		{"coding", httpsx.Response{Outcome: httpsx.OutcomeEncoded}, false},
		{"certificate", httpsx.Response{Outcome: httpsx.OutcomeUntrusted}, true},
		{"another name", httpsx.Response{Outcome: httpsx.OutcomeName}, true},
		{"no address", httpsx.Response{Outcome: httpsx.OutcomeNoAddress}, true},
		{"timeout", httpsx.Response{Outcome: httpsx.OutcomeTimeout}, false},
		{"no roots", httpsx.Response{Outcome: httpsx.OutcomeNoRoots}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := mtastsFinal(&tt.resp); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// TestMTASTSGuard holds that a record does not lead to an address inside.
func TestMTASTSGuard(t *testing.T) {
	dialled := false
	n := Net{
		DNS: parseZone(t, mail+"_mta-sts TXT \"v=STSv1; id=1\"\nmta-sts A 127.0.0.1\n"), Now: func() time.Time { return time.Unix(0, 0) },
		Dial: func(context.Context, string, string) (net.Conn, error) {
			dialled = true
			return nil, context.DeadlineExceeded
		},
	}
	got := Audit(t.Context(), n, tested, Options{Checks: []string{"mta-sts"}})
	if dialled {
		t.Error("127.0.0.1 was dialled")
	}
	expect(t, got.Findings, []string{"MTASTS-POLICY-UNREACHABLE example.test fetch=private-address status=0 url=" + policyURL})
}

func TestMTASTSPatterns(t *testing.T) {
	for _, tt := range []struct {
		name           string
		patterns, want int
	}{
		{"at the limit", maxPatterns, maxPatterns},
		{"past the limit", maxPatterns + 1, maxPatterns},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var patterns []string
			for i := range tt.patterns {
				patterns = append(patterns, fmt.Sprintf("p%02d.test", i))
			}
			f := mailHosts([]Dialogue{secured("mx.test", "192.0.2.1")})
			f.MTASTS = policyOf(mtasts.Enforce, patterns...)
			for _, x := range collect(judgeMTASTS, f) {
				if got := len(strings.Split(x.Params["patterns"], ", ")); got != tt.want {
					t.Errorf("%s names %d patterns, want %d", x.Rule, got, tt.want)
				}
			}
		})
	}
}
