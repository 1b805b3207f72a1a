package check

import (
	"testing"

	"maildoctor/check/dane"
	"maildoctor/check/dnsx"
	"maildoctor/check/mtasts"
	"maildoctor/check/tlsrpt"
)

func TestJudgeTLSRPT(t *testing.T) {
	at := func(text string) string { return "_smtp._tls TXT \"" + text + "\"\n" }
	const place = " place=_smtp._tls.example.test"
	syntax := func(defect, effect, value, column string) []string {
		return []string{"TLSRPT-SYNTAX example.test column=" + column + " defect=" + defect + " effect=" + effect + place + " value=" + value}
	}
	nowhere := func(defect string) []string {
		return []string{"TLSRPT-NO-ADDRESS example.test defect=" + defect + place}
	}
	good, own := at("v=TLSRPTv1; rua=mailto:a@r.test"), at("v=TLSRPTv1; rua=mailto:a@example.test,mailto:b@example.test")
	enforced, trial := policyOf(mtasts.Enforce, "x.test"), policyOf(mtasts.Testing, "x.test")
	pinned := pinnedHost(nil, held("192.0.2.1", dane.OutcomeVerified))
	tests := []struct {
		name, zone string
		sts        *mtasts.Result
		dane       *DANE
		want       []string
	}{
		{"none", "", nil, nil, nil},
		{"none, and nothing in force", "", noPolicy(), pinnedHost(func(h *DANEHost) { h.MX = dane.Insecure }), nil},
		{"none, with MTA-STS", "", enforced, nil, []string{"TLSRPT-MISSING example.test" + place + " policy=mta-sts"}},
		{"none, with MTA-STS on trial", "", trial, nil, []string{"TLSRPT-MISSING example.test" + place + " policy=mta-sts"}},
		{"none, with both", "", enforced, pinned, []string{"TLSRPT-MISSING example.test" + place + " policy=both"}},
		{"none, with DANE", "", noPolicy(), pinned, []string{"TLSRPT-MISSING example.test" + place + " policy=dane"}},
		{"unknown", ";! timeout _smtp._tls.example.test", enforced, nil, nil},
		{"good", good, enforced, nil, nil},
		{"to itself", own, enforced, nil, []string{"TLSRPT-OWN-MX example.test" + place}},
		{"to itself, and nothing in force", own, noPolicy(), nil, nil},
		{"to itself and elsewhere", at("v=TLSRPTv1; rua=mailto:a@example.test,https://r.test/x"), enforced, nil, nil},
		{"to itself and another", at("v=TLSRPTv1; rua=mailto:a@example.test,mailto:a@r.test"), enforced, nil, nil},

		{"twice", good + own, enforced, nil, []string{"TLSRPT-MULTIPLE example.test count=2" + place}},
		{"other letters", at("v=tlsrptv1; rua=mailto:a@r.test"), enforced, nil, syntax("version-case", "unusable", "v=tlsrptv1", "1")},
		{"other letters beside a good one", good + at("v=tlsrptv1; rua=mailto:a@r.test"), enforced, nil, nil},
		{"rua twice", at("v=TLSRPTv1; rua=mailto:a@r.test; rua=mailto:b@r.test"), nil, nil, nil},
		{"one address of no kind", at("v=TLSRPTv1; rua=mailto:a@r.test,b@r.test"), nil, nil, syntax("uri-no-scheme", "part-ignored", "b@r.test", "33")},
		{"space before the semicolon", at("v=TLSRPTv1 ; rua=mailto:a@r.test"), nil, nil, syntax("version-delimiter", "strict-only", `" "`, "11")},
		{"no rua", at("v=TLSRPTv1;"), nil, nil, nowhere("rua-missing")},
		{"rua in capitals", at("v=TLSRPTv1; RUA=mailto:a@r.test"), nil, nil, nowhere("rua-case")},
		{"no address that can be used", at("v=TLSRPTv1; rua=ftp://r.test"), nil, nil, nowhere("uri-scheme-unsupported")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := dnsx.New(parseZone(t, tt.zone), dnsx.Options{})
			f := &Facts{Domain: tested, TLSRPT: tlsrpt.Lookup(t.Context(), r, tested), MTASTS: tt.sts, DANE: tt.dane}
			expect(t, collect(judgeTLSRPT, f), tt.want)
		})
	}
}

func TestMeritsTLSRPT(t *testing.T) {
	tests := []struct {
		name, zone string
		want       int
	}{
		{"none", "", 0},
		{"good", `_smtp._tls TXT "v=TLSRPTv1; rua=mailto:a@r.test"`, 1},
		{"no address", `_smtp._tls TXT "v=TLSRPTv1; x=1"`, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := 0
			r := dnsx.New(parseZone(t, tt.zone), dnsx.Options{})
			meritsTLSRPT(&Facts{TLSRPT: tlsrpt.Lookup(t.Context(), r, tested)}, func(Merit) { got++ })
			if got != tt.want {
				t.Errorf("%d merits, want %d", got, tt.want)
			}
		})
	}
}
