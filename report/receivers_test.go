package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"maildoctor/check"
)

// demanding is a result with receivers whose requirements are in every state.
func demanding() *check.Result {
	res := clean()
	const url = "https://receiver.example/senders"
	res.Receivers = []check.Compliance{
		{
			Receiver: check.Receiver{
				ID: "first", Name: "First", URL: url, Notes: []string{check.NotePersonal},
				Requirements: []check.Requirement{
					{ID: "first-dmarc", Kind: check.DemandDMARCRecord, Applies: check.ScopeBulk, Volume: 5000, Enforced: check.ForceHard, Code: "550 5.7.26", URL: url, Seen: true, Status: check.Documented},
					{ID: "first-spf", Kind: check.DemandSPF, Applies: check.ScopeAll, Enforced: check.ForceHard, Code: "550 5.7.27", URL: "https://receiver.example/spf", Status: check.Observed},
					{ID: "first-dkim", Kind: check.DemandDKIM, Applies: check.ScopeHighVolume, Volume: 5000, Enforced: check.ForceSoft, URL: url, Status: check.Documented},
					{ID: "first-key", Kind: check.DemandDKIMKey, Applies: check.ScopeAll, Enforced: check.ForceUnknown, URL: url, Status: check.Documented},
					{ID: "first-ptr", Kind: check.DemandFCrDNS, Applies: check.ScopeAll, Enforced: check.ForceHard, URL: url, Status: check.Documented},
					{ID: "first-ipv6", Kind: check.DemandIPv6, Applies: check.ScopeIPv6, Enforced: check.ForceHard, URL: url, Status: check.Documented},
					{ID: "first-spam", Kind: check.DemandComplaints, Limit: "0.3", Applies: check.ScopeAll, Enforced: check.ForceAdvice, URL: url, Status: check.Documented},
				},
			},
			Standings: []check.Standing{
				{State: check.Unmet, Rules: []check.RuleID{"DMARC-MISSING", "DMARC-VERSION"}},
				{State: check.Unseen, Rules: []check.RuleID{"SPF-TOO-MANY-LOOKUPS"}, ShownBy: check.WitnessAddress},
				{State: check.Unseen, Ready: true, ShownBy: check.WitnessMessage},
				{State: check.Met},
				{State: check.Undetermined},
				{State: check.NotApplicable},
				{State: check.Unseen, ShownBy: check.WitnessReceiver},
			},
		},
		{
			Receiver: check.Receiver{
				ID: "second", Name: "The second", URL: url,
				Requirements: []check.Requirement{
					{ID: "second-list", Kind: check.DemandBlocklists, Applies: check.ScopeAll, Enforced: check.ForceHard, URL: url, Status: check.Documented},
				},
			},
			Standings: []check.Standing{{State: check.Unseen, ShownBy: check.WitnessLists}},
		},
		{
			Receiver: check.Receiver{
				ID: "third", Name: "Third", URL: url,
				Requirements: []check.Requirement{
					{ID: "third-dmarc", Kind: check.DemandDMARCPass, Applies: check.ScopeBulk, Enforced: check.ForceHard, URL: url, Status: check.Documented},
				},
			},
			Standings: []check.Standing{{State: check.Unmet, Rules: []check.RuleID{"DMARC-MISSING"}}},
		},
	}
	return res
}

func TestGoldenReceivers(t *testing.T) {
	for _, tt := range []struct {
		file, format string
		o            Options
	}{
		{"receivers.en.txt", "text", Options{Lang: English}},
		{"receivers.fr.txt", "text", Options{Lang: French}},
		{"receivers.en.color.txt", "text", Options{Lang: English, Color: true}},
		{"receivers.fr.narrow.txt", "text", Options{Lang: French, Width: 1}},
		{"receivers.en.verbose.txt", "text", Options{Lang: English, Verbose: true}},
		{"receivers.fr.verbose.txt", "text", Options{Lang: French, Verbose: true}},
		{"receivers.fr.json", "json", Options{Lang: French}},
	} {
		t.Run(tt.file, func(t *testing.T) {
			write, err := WriterOf(tt.format)
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if err := write(&b, []*Report{New(demanding(), testCatalog(t), tt.o.Lang, "1.2.3")}, tt.o); err != nil {
				t.Fatal(err)
			}
			golden(t, tt.file, b.Bytes())
			for line := range strings.Lines(uncolored(b.String())) {
				width := max(tt.o.Width, minWidth)
				if tt.o.Width == 0 {
					width = defaultWidth
				}
				if got := displayWidth(strings.TrimSuffix(line, "\n")); tt.format == "text" && got > width && !strings.HasPrefix(strings.TrimSpace(line), "https://") {
					t.Errorf("%d columns: %q", got, line)
				}
			}
		})
	}
}

// Where nothing is demanded or nothing was measured, nothing is said.
func TestNoReceivers(t *testing.T) {
	unmeasured := blockedResult()
	unmeasured.Receivers = demanding().Receivers
	for _, tt := range []struct {
		name  string
		res   *check.Result
		quiet bool
		want  int // members in JSON
	}{
		{"nothing demanded", clean(), false, 0},
		{"nothing measured", unmeasured, false, 3},
		{"one line", demanding(), true, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := New(tt.res, testCatalog(t), English, "")
			var b bytes.Buffer
			if err := writeText(&b, []*Report{r}, Options{Quiet: tt.quiet}); err != nil {
				t.Fatal(err)
			}
			if heading := English.word("head", "receivers"); strings.Contains(b.String(), heading) {
				t.Errorf("%q is in\n%s", heading, b.String())
			}
			if r.Receivers == nil || len(r.Receivers) != tt.want {
				t.Errorf("%d receivers, want %d", len(r.Receivers), tt.want)
			}
		})
	}
}

// What is demanded changes neither score nor status.
func TestReceiversCostNothing(t *testing.T) {
	with, without := New(demanding(), testCatalog(t), English, ""), New(clean(), testCatalog(t), English, "")
	if *with.Score != *without.Score || *with.Security.Score != *without.Security.Score || with.Verdict != without.Verdict {
		t.Errorf("got %d, %d, %s, want %d, %d, %s", *with.Score, *with.Security.Score, with.Verdict,
			*without.Score, *without.Security.Score, without.Verdict)
	}
	if got := ExitStatus([]*Report{with}, Notice); got != ExitFine {
		t.Errorf("exit status %d", got)
	}
}

func TestSchemaOfReceivers(t *testing.T) {
	s := schema(t)
	good, err := EncodeJSON(New(demanding(), testCatalog(t), French, "1.2.3"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, old, new string
		good           bool
	}{
		{"as it is", "", "", true},
		{"no receivers", `"receivers":`, `"received":`, false},
		{"a state that is none", `"state":"unmet"`, `"state":"bad"`, false},
		{"a witness that is none", `"shown_by":"lists"`, `"shown_by":"guess"`, false},
		{"a volume of nothing", `"volume":5000`, `"volume":0`, false},
		{"a requirement without a source", `"status":"observed","url"`, `"status":"observed","link"`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if !bytes.Contains(good, []byte(tt.old)) {
				t.Fatalf("%s is not in %s", tt.old, good)
			}
			doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(bytes.Replace(good, []byte(tt.old), []byte(tt.new), 1)))
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Validate(doc); (err == nil) != tt.good {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A requirement is told by a phrase of its own, as every code is.
func TestReceiversInWords(t *testing.T) {
	for _, c := range check.Receivers(&check.Facts{Domain: "example.com"}) {
		for _, lang := range languages() {
			for _, q := range newReceivers([]check.Compliance{c}, lang)[0].Requirements {
				if q.Text == "" || q.Text == string(q.Kind) || strings.ContainsAny(q.Text, "{}?") {
					t.Errorf("%s: %s: %q", lang, q.ID, q.Text)
				}
				scope := "scope." + string(q.Applies)
				if q.Volume > 0 {
					scope = "scope-volume." + string(q.Applies)
				}
				if _, ok := lang.lookup(scope); !ok && q.Applies != check.ScopeAll {
					t.Errorf("%s: %s: no phrase for %s", lang, q.ID, scope)
				}
			}
		}
	}
}
