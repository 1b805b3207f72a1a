package check

import (
	"slices"
	"strings"
	"testing"

	"maildoctor/check/dmarc"
)

func TestJudgeDMARC(t *testing.T) {
	const (
		sub    = "a." + tested
		sends  = mail + "@ TXT \"v=spf1 mx -all\"\n"
		parked = "@ MX 0 .\n@ TXT \"v=spf1 -all\"\n"
		rua    = "; rua=mailto:r@example.test"
	)
	own := func(record string) string { return sends + `_dmarc TXT "` + record + `"` }
	idle := func(record string) string { return parked + `_dmarc TXT "` + record + `"` }
	tests := []struct {
		name, domain, zone string
		want               []string
	}{
		{"good", tested, own("v=DMARC1; p=reject" + rua), nil},
		{"quarantine", tested, own("v=DMARC1; p=quarantine" + rua), nil},

		// No record.
		{"missing", tested, sends, []string{"DMARC-MISSING example.test"}},
		{"missing, another text is there", tested, sends + `_dmarc TXT "hello"`, []string{"DMARC-MISSING example.test"}},
		{"missing, the public suffix gives no answer", tested, sends + ";! timeout _dmarc.test", []string{"DMARC-MISSING example.test"}},
		{"missing, its own name gives no answer", tested, sends + ";! timeout _dmarc.example.test", nil},
		{"missing, the organisation gives no answer", sub, sends + "a A 192.0.2.9\n;! timeout _dmarc.example.test TXT", nil},
		{"missing, both give no answer", sub, sends + "a A 192.0.2.9\n;! timeout _dmarc.example.test TXT\n;! timeout _dmarc.test TXT", nil},
		{"missing, parked", tested, parked, []string{`PARKED-DMARC-WEAK example.test policy=none record="v=DMARC1; p=reject"`}},
		{"missing, parked, the public suffix gives no answer", tested, parked + ";! refused _dmarc.test",
			[]string{`PARKED-DMARC-WEAK example.test policy=none record="v=DMARC1; p=reject"`}},
		{"missing, only receives", tested, mail + `@ TXT "v=spf1 -all"`, []string{`PARKED-DMARC-WEAK example.test policy=none record="v=DMARC1; p=reject"`}},
		{"missing, alias to nothing", tested, sends + "_dmarc CNAME gone.test.", []string{"DMARC-MISSING example.test"}},

		// What is passed over.
		{"several", tested, own("v=DMARC1; p=none\"\n_dmarc TXT \"v=DMARC1; p=reject"), []string{"DMARC-MULTIPLE example.test count=2"}},
		{"several below a good one", sub, own("v=DMARC1; p=reject"+rua) + "\n_dmarc.a TXT \"v=DMARC1\"\n_dmarc.a TXT \"v=DMARC1;p=none\"",
			[]string{"DMARC-MULTIPLE a.example.test count=2"}},
		{"several above a good one", sub, own("v=DMARC1\"\n_dmarc TXT \"v=DMARC1; p=none") + "\n_dmarc.a TXT \"v=DMARC1;p=reject; rua=mailto:r@a.example.test\"", nil},
		{"version in lower case", tested, own("v=dmarc1; p=none"), []string{"DMARC-VERSION example.test"}},
		{"version missing", tested, own("p=none"), []string{"DMARC-VERSION example.test"}},
		{"version in lower case beside a good one", tested, own("v=dmarc1; p=none\"\n_dmarc TXT \"v=DMARC1; p=reject" + rua), nil},
		{"two versions", tested, own("v=dmarc1; p=none\"\n_dmarc TXT \"v=DMARC2; p=none"), []string{"DMARC-VERSION example.test"}},
		{"version, parked", tested, idle("v=dmarc1; p=reject"), []string{"DMARC-VERSION example.test"}},
		{"at the domain", tested, sends + `@ TXT "v=DMARC1; p=none"`, []string{
			"DMARC-MISPLACED example.test place=example.test", "DMARC-MISSING example.test",
		}},
		{"at the domain too", tested, own("v=DMARC1; p=reject"+rua) + "\n" + `@ TXT "v=DMARC1; p=none"`, []string{"DMARC-MISPLACED example.test place=example.test"}},
		{"doubled", tested, sends + `_dmarc.example.test TXT "v=DMARC1; p=none"`, []string{
			"DMARC-MISPLACED example.test place=_dmarc.example.test.example.test", "DMARC-MISSING example.test",
		}},

		// What is written wrongly.
		{"value", tested, own("v=DMARC1; p=reject; adkim=x" + rua), []string{"DMARC-TAG-INVALID example.test column=27 reason=value-invalid tag=adkim value=x"}},
		{"empty value", tested, own("v=DMARC1; p=reject; adkim=" + rua), []string{`DMARC-TAG-INVALID example.test column=27 reason=value-invalid tag=adkim value="\"\""`}},
		{"fo", tested, own("v=DMARC1; p=reject; fo=0:1; ruf=mailto:r@example.test" + rua), []string{"DMARC-TAG-INVALID example.test column=24 reason=fo-conflict tag=fo value=0:1"}},
		{"tag twice", tested, own("v=DMARC1; p=reject; p=none" + rua), []string{"DMARC-TAG-INVALID example.test column=21 reason=duplicate-tag tag=p value=p"}},
		{"no equals sign", tested, own("v=DMARC1; p=reject; hello" + rua), []string{"DMARC-TAG-INVALID example.test column=21 reason=missing-equals tag=hello value=hello"}},
		{"no name", tested, own("v=DMARC1; p=reject; =x" + rua), []string{`DMARC-TAG-INVALID example.test column=21 reason=empty-name tag="\"\"" value="\"\""`}},
		{"bad name", tested, own("v=DMARC1; p=reject; 1=x" + rua), []string{"DMARC-TAG-INVALID example.test column=21 reason=bad-name tag=1 value=1"}},
		{"read over: two semicolons, fo without ruf, size, odd octet", tested, own(`v=DMARC1; p=reject;; fo=1; rua=mailto:r@example.test!10m; x=\200`), nil},
		{"removed", tested, own("v=DMARC1; p=reject; pct=50; RF=afrf; ri=1" + rua), []string{
			"DMARC-REMOVED-TAG example.test tag=RF", "DMARC-REMOVED-TAG example.test tag=pct", "DMARC-REMOVED-TAG example.test tag=ri",
		}},
		{"report addresses", tested, own("v=DMARC1; p=reject; rua=mailto:r@example.test,,r@example.test,https://example.test/,mailto:r,a b:c; ruf=foo"), []string{
			`DMARC-REPORT-URI-INVALID example.test reason=uri-address tag=rua uri=mailto:r`,
			`DMARC-REPORT-URI-INVALID example.test reason=uri-empty tag=rua uri="\"\""`,
			`DMARC-REPORT-URI-INVALID example.test reason=uri-malformed tag=rua uri="a b:c"`,
			`DMARC-REPORT-URI-INVALID example.test reason=uri-no-scheme tag=rua uri=r@example.test`,
			`DMARC-REPORT-URI-INVALID example.test reason=uri-no-scheme tag=ruf uri=foo`,
			`DMARC-REPORT-URI-INVALID example.test reason=uri-scheme-unsupported tag=rua uri=https://example.test/`,
		}},
		{"p invalid, with reports", tested, own("v=DMARC1; p=rejct" + rua), []string{
			`DMARC-POLICY-INVALID example.test effect=invalid-as-none record="v=DMARC1; p=none; rua=mailto:r@example.test" tag=p value=rejct`,
		}},
		{"p invalid, without reports", tested, own("v=DMARC1; p=rejct"), []string{
			"DMARC-NO-REPORTS example.test",
			`DMARC-POLICY-INVALID example.test effect=invalid-no-dmarc record="v=DMARC1; p=none" tag=p value=rejct`,
		}},
		{"p empty", tested, own("v=DMARC1; p=" + rua), []string{
			`DMARC-POLICY-INVALID example.test effect=invalid-as-none record="v=DMARC1; p=none; rua=mailto:r@example.test" tag=p value="\"\""`,
		}},
		{"SP invalid", tested, own("v=DMARC1; p=reject; SP=x" + rua), []string{
			`DMARC-POLICY-INVALID example.test effect=invalid-as-none record="v=DMARC1; p=reject; rua=mailto:r@example.test" tag=SP value=x`,
		}},
		{"np invalid and p absent", tested, own("v=DMARC1; np=x; pct=5" + rua), []string{
			`DMARC-POLICY-INVALID example.test effect=invalid-as-none record="v=DMARC1; p=none; rua=mailto:r@example.test" tag=np value=x`,
			"DMARC-REMOVED-TAG example.test tag=pct",
		}},

		// How strong the policy is.
		{"p absent", tested, own("v=DMARC1" + rua), []string{`DMARC-POLICY-ABSENT example.test record="v=DMARC1; p=none; rua=mailto:r@example.test"`}},
		{"p absent, without reports", tested, own("v=DMARC1"), []string{
			"DMARC-NO-REPORTS example.test", `DMARC-POLICY-ABSENT example.test record="v=DMARC1; p=none"`,
		}},
		{"p absent, parked", tested, idle("v=DMARC1"), []string{`DMARC-POLICY-ABSENT example.test record="v=DMARC1; p=none"`}},
		{"none, with reports", tested, own("v=DMARC1; p=none; t=y; aspf=s; pct=5" + rua), []string{
			`DMARC-POLICY-NONE example.test record="v=DMARC1; p=quarantine; aspf=s; rua=mailto:r@example.test" tag=p`,
			"DMARC-REMOVED-TAG example.test tag=pct",
		}},
		{"none, without reports", tested, own("v=DMARC1; p=none; t=y"), []string{
			"DMARC-NO-REPORTS example.test",
			`DMARC-POLICY-NONE example.test record="v=DMARC1; p=none; rua=mailto:dmarc@example.test" tag=p`,
		}},
		{"none, parked", tested, idle("v=DMARC1; p=none; sp=none"), []string{
			`PARKED-DMARC-WEAK example.test policy=none record="v=DMARC1; p=reject"`,
		}},
		{"none by sp above", sub, own("v=DMARC1; p=reject; sp=none; np=reject; psd=n"+rua) + "\na A 192.0.2.9", []string{
			`DMARC-POLICY-NONE a.example.test record="v=DMARC1; p=quarantine; rua=mailto:r@example.test" tag=sp`,
		}},
		{"none by np above", sub, own("v=DMARC1; p=reject; sp=reject; np=none" + rua), []string{
			`DMARC-POLICY-NONE a.example.test record="v=DMARC1; p=quarantine; rua=mailto:r@example.test" tag=np`,
		}},
		{"none by p above", sub, own("v=DMARC1; p=none"+rua) + "\na A 192.0.2.9", []string{
			`DMARC-POLICY-NONE a.example.test record="v=DMARC1; p=quarantine; rua=mailto:r@example.test" tag=p`,
		}},
		{"none above, without reports", sub, own("v=DMARC1; p=none") + "\na A 192.0.2.9", []string{
			"DMARC-NO-REPORTS example.test",
			`DMARC-POLICY-NONE a.example.test record="v=DMARC1; p=none; rua=mailto:dmarc@a.example.test" tag=p`,
		}},
		{"strong above", sub, own("v=DMARC1; p=reject; sp=quarantine"+rua) + "\na A 192.0.2.9", nil},
		{"sp counts below only", sub, own("v=DMARC1; p=none; sp=reject"+rua) + "\na A 192.0.2.9", nil},
		{"testing, reject", tested, own("v=DMARC1; p=reject; t=y" + rua), []string{
			`DMARC-TESTING example.test effective=quarantine policy=reject record="v=DMARC1; p=reject; rua=mailto:r@example.test"`,
		}},
		{"testing, quarantine", tested, own("v=DMARC1; p=quarantine; t=y" + rua), []string{
			`DMARC-TESTING example.test effective=none policy=quarantine record="v=DMARC1; p=quarantine; rua=mailto:r@example.test"`,
		}},
		{"testing, reject, parked", tested, idle("v=DMARC1; p=reject; t=y"), []string{
			`DMARC-TESTING example.test effective=quarantine policy=reject record="v=DMARC1; p=reject"`,
		}},
		{"testing, quarantine, parked", tested, idle("v=DMARC1; p=quarantine; t=y"), []string{
			`PARKED-DMARC-WEAK example.test policy=none record="v=DMARC1; p=reject"`,
		}},
		{"strong, parked", tested, idle("v=DMARC1; p=reject"), nil},
		{"sp and np none", tested, own("v=DMARC1; p=reject; sp=none; np=none" + rua), []string{
			`DMARC-SUBDOMAIN-NONE example.test policy=reject record="v=DMARC1; p=reject; np=none; rua=mailto:r@example.test" tag=sp`,
			`DMARC-SUBDOMAIN-NONE example.test policy=reject record="v=DMARC1; p=reject; sp=none; rua=mailto:r@example.test" tag=np`,
		}},
		{"sp none beside none", tested, own("v=DMARC1; p=none; sp=none" + rua), []string{
			`DMARC-POLICY-NONE example.test record="v=DMARC1; p=quarantine; sp=none; rua=mailto:r@example.test" tag=p`,
		}},
		{"public suffix that sends", tested, own("v=DMARC1; p=reject; psd=y" + rua), []string{"DMARC-PSD-SELF example.test"}},
		{"public suffix that sends nothing", tested, idle("v=DMARC1; p=reject; psd=y" + rua), nil},
		{"public suffix above", tested, sends + `_dmarc.test. TXT "v=DMARC1; p=reject; psd=y; rua=mailto:r@elsewhere.invalid"`, nil},
		{"public suffix above asks for nothing", tested, sends + `_dmarc.test. TXT "v=DMARC1; p=none; psd=y"`, []string{
			`DMARC-POLICY-NONE example.test record="v=DMARC1; p=none; rua=mailto:dmarc@example.test" tag=p`,
		}},

		// Reports.
		{"no reports", tested, own("v=DMARC1; p=reject"), []string{"DMARC-NO-REPORTS example.test"}},
		{"no reports, of failures only", tested, own("v=DMARC1; p=reject; ruf=mailto:r@example.test"), []string{"DMARC-NO-REPORTS example.test"}},
		{"authorised", tested, own("v=DMARC1; p=reject; rua=mailto:r@o.invalid") + "\nexample.test._report._dmarc.o.invalid. TXT \"v=DMARC1\"", nil},
		{"not authorised", tested, own("v=DMARC1; p=reject; rua=mailto:r@o.invalid; ruf=mailto:f@o.invalid"), []string{
			"DMARC-REPORT-NOT-AUTHORISED example.test host=o.invalid place=example.test._report._dmarc.o.invalid reason=no-record tag=rua",
			"DMARC-REPORT-NOT-AUTHORISED example.test host=o.invalid place=example.test._report._dmarc.o.invalid reason=no-record tag=ruf",
		}},
		{"redirected to another host", tested, own("v=DMARC1; p=reject; rua=mailto:r@o.invalid") + "\nexample.test._report._dmarc.o.invalid. TXT \"v=DMARC1; rua=mailto:x@y.invalid\"", []string{
			"DMARC-REPORT-NOT-AUTHORISED example.test host=o.invalid place=example.test._report._dmarc.o.invalid reason=other-host tag=rua",
		}},
		{"authorisation unknown", tested, own("v=DMARC1; p=reject; rua=mailto:r@o.invalid") + "\n;! servfail o.invalid", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := collect(judgeDMARC, factsOf(t, tt.domain, tt.zone+"\n"))
			expect(t, got, tt.want)
			for _, f := range got {
				record, proposed := f.Params["record"]
				if !proposed {
					continue
				}
				if r, faults, ok := dmarc.Parse(record); !ok || len(faults) > 0 || r.P == "" || r.Testing && f.Rule == dmarcTesting {
					t.Errorf("%s proposes %q, which is read as %+v, faults %+v, record %v", f.Rule, record, r, faults, ok)
				}
			}
		})
	}
}

// TestJudgeDMARCEvidence holds that a finding quotes the record, behind the
// aliases that lead to it.
func TestJudgeDMARCEvidence(t *testing.T) {
	const cname = "_dmarc CNAME d.invalid.\n"
	for _, tt := range []struct {
		name, zone string
		rule       RuleID
		want       []string
	}{
		{"record", mail + `_dmarc TXT "v=DMARC1; p=none"`, dmarcPolicyNone, []string{"v=DMARC1; p=none"}},
		{"record behind an alias", mail + cname + `d.invalid. TXT "v=DMARC1; p=none"`, dmarcPolicyNone,
			[]string{"_dmarc.example.test CNAME d.invalid", "v=DMARC1; p=none"}},
		{"alias to nothing", mail + cname, dmarcMissing, []string{"_dmarc.example.test CNAME d.invalid"}},
		{"several", mail + "_dmarc TXT \"v=DMARC1; p=none\"\n_dmarc TXT \"v=DMARC1\"", dmarcMultiple, []string{"v=DMARC1", "v=DMARC1; p=none"}},
		{"lookalike", mail + `_dmarc TXT "v=dmarc1"`, dmarcVersion, []string{"v=dmarc1"}},
		{"misplaced", mail + `@ TXT "v=DMARC1"`, dmarcMisplaced, []string{"v=DMARC1"}},
		{"record of the report host", mail + "_dmarc TXT \"v=DMARC1; p=none; rua=mailto:a@o.invalid\"\nexample.test._report._dmarc.o.invalid. TXT \"v=DMARC1; rua=mailto:x@y.invalid\"",
			dmarcNotAuthorised, []string{"v=DMARC1; p=none; rua=mailto:a@o.invalid", "v=DMARC1; rua=mailto:x@y.invalid"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := collect(judgeDMARC, factsOf(t, tested, tt.zone+"\n"))
			i := slices.IndexFunc(got, func(f Finding) bool { return f.Rule == tt.rule })
			if i < 0 {
				t.Fatalf("findings %q, want %s", saidAll(got), tt.rule)
			}
			if !slices.Equal(got[i].Evidence, tt.want) {
				t.Errorf("evidence %q, want %q", got[i].Evidence, tt.want)
			}
		})
	}
}

// TestRewrite holds what stays of a record and what goes.
func TestRewrite(t *testing.T) {
	for _, tt := range []struct {
		name, record string
		drop         string
		want         string
	}{
		{"nothing", "", "", "v=DMARC1; p=reject"},
		{"the request alone", "v=DMARC1; p=none; adkim=s", "", "v=DMARC1; p=reject; adkim=s"},
		{"names in any case", "V=DMARC1; P=none; ADKIM=s; PCT=5; Sp=none", "sp", "v=DMARC1; p=reject; adkim=s"},
		{"no spaces", "v=DMARC1;p=none;rua=mailto:a@b.test", "", "v=DMARC1; p=reject; rua=mailto:a@b.test"},
		{"empty values", "v=DMARC1; p=none; rua=; ruf= ;", "", "v=DMARC1; p=reject"},
		{"tags that nobody knows", "v=DMARC1; p=none; x=y", "", "v=DMARC1; p=reject; x=y"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := rewrite(tt.record, dmarc.Reject, strings.Fields(tt.drop)...); got != tt.want {
				t.Errorf("rewrite(%q) = %q, want %q", tt.record, got, tt.want)
			}
		})
	}
}
