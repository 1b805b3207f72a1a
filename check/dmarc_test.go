package check

import (
	"slices"
	"strings"
	"testing"

	"maildoctor/check/dmarc"
	"maildoctor/check/dnsx"
)

func TestJudgeDMARC(t *testing.T) {
	const (
		sub    = "a." + tested
		sends  = mail + "@ TXT \"v=spf1 mx -all\"\n"
		parked = "@ MX 0 .\n@ TXT \"v=spf1 -all\"\n"
		rua    = "; rua=mailto:r@example.test"
		takes  = "\no.invalid. MX 10 mx.o.invalid."
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
		{"missing", tested, sends, []string{
			`DMARC-MISSING example.test record="v=DMARC1; p=none; rua=mailto:dmarc@example.test" where=new`,
		}},
		{"missing, another text is there", tested, sends + `_dmarc TXT "hello"`, []string{
			`DMARC-MISSING example.test record="v=DMARC1; p=none; rua=mailto:dmarc@example.test" where=new`,
		}},
		{"missing, the public suffix gives no answer", tested, sends + ";! timeout _dmarc.test", []string{
			`DMARC-MISSING example.test record="v=DMARC1; p=none; rua=mailto:dmarc@example.test" where=new`,
		}},
		{"missing, its own name gives no answer", tested, sends + ";! timeout _dmarc.example.test", nil},
		{"missing, the organisation gives no answer", sub, sends + "a A 192.0.2.9\n;! timeout _dmarc.example.test TXT", nil},
		{"missing, both give no answer", sub, sends + "a A 192.0.2.9\n;! timeout _dmarc.example.test TXT\n;! timeout _dmarc.test TXT", nil},
		{"missing, parked", tested, parked, []string{`PARKED-DMARC-WEAK example.test policy=none record="v=DMARC1; p=reject" where=new`}},
		{"missing, parked, the public suffix gives no answer", tested, parked + ";! refused _dmarc.test",
			[]string{`PARKED-DMARC-WEAK example.test policy=none record="v=DMARC1; p=reject" where=new`}},
		{"missing, only receives", tested, mail + `@ TXT "v=spf1 -all"`, []string{`PARKED-DMARC-WEAK example.test policy=none record="v=DMARC1; p=reject" where=new`}},
		{"missing, alias to nothing", tested, sends + "_dmarc CNAME gone.test.", []string{
			`DMARC-MISSING example.test record="v=DMARC1; p=none; rua=mailto:dmarc@example.test" where=alias`,
		}},

		// What is passed over.
		{"several", tested, own("v=DMARC1; p=none\"\n_dmarc TXT \"v=DMARC1; p=reject"), []string{"DMARC-MULTIPLE example.test count=2"}},
		{"several below a good one", sub, own("v=DMARC1; p=reject"+rua) + "\n_dmarc.a TXT \"v=DMARC1\"\n_dmarc.a TXT \"v=DMARC1;p=none\"",
			[]string{"DMARC-MULTIPLE a.example.test count=2"}},
		{"several above a good one", sub, own("v=DMARC1\"\n_dmarc TXT \"v=DMARC1; p=none") + "\n_dmarc.a TXT \"v=DMARC1;p=reject; rua=mailto:r@a.example.test\"\na A 192.0.2.9", nil},
		{"version in lower case", tested, own("v=dmarc1; p=none"), []string{`DMARC-VERSION example.test record="v=DMARC1; p=none" where=replace`}},
		{"version missing", tested, own("p=none"), []string{`DMARC-VERSION example.test record="v=DMARC1; p=none" where=replace`}},
		{"version in lower case beside a good one", tested, own("v=dmarc1; p=none\"\n_dmarc TXT \"v=DMARC1; p=reject" + rua), nil},
		{"two versions", tested, own("v=dmarc1; p=none\"\n_dmarc TXT \"v=DMARC2; p=none"), []string{`DMARC-VERSION example.test record="v=DMARC1; p=none" where=replace`}},
		{"version, parked", tested, idle("v=dmarc1; p=reject"), []string{`DMARC-VERSION example.test record="v=DMARC1; p=reject" where=replace`}},
		{"at the domain", tested, sends + `@ TXT "v=DMARC1; p=none"`, []string{
			`DMARC-ONLY-MISPLACED example.test place=example.test record="v=DMARC1; p=none" where=new`,
		}},
		{"at the domain too", tested, own("v=DMARC1; p=reject"+rua) + "\n" + `@ TXT "v=DMARC1; p=none"`, []string{"DMARC-MISPLACED example.test advice=delete place=example.test"}},
		{"doubled", tested, sends + `_dmarc.example.test TXT "v=DMARC1; p=none"`, []string{
			`DMARC-ONLY-MISPLACED example.test place=_dmarc.example.test.example.test record="v=DMARC1; p=none" where=new`,
		}},

		// What is written wrongly.
		{"value", tested, own("v=DMARC1; p=reject; adkim=x" + rua), []string{
			`DMARC-TAG-INVALID example.test column=27 reason=value-invalid record="v=DMARC1; p=reject; rua=mailto:r@example.test" tag=adkim value=x where=replace`,
		}},
		{"empty value", tested, own("v=DMARC1; p=reject; adkim=" + rua), []string{
			`DMARC-TAG-INVALID example.test column=27 reason=value-invalid record="v=DMARC1; p=reject; rua=mailto:r@example.test" tag=adkim value="\"\"" where=replace`,
		}},
		{"fo", tested, own("v=DMARC1; p=reject; fo=0:1; ruf=mailto:r@example.test" + rua), []string{
			`DMARC-TAG-INVALID example.test column=24 reason=fo-conflict record="v=DMARC1; p=reject; fo=1; ruf=mailto:r@example.test; rua=mailto:r@example.test" tag=fo value=0:1 where=replace`,
		}},
		{"tag twice", tested, own("v=DMARC1; p=reject; p=none" + rua), []string{
			`DMARC-TAG-INVALID example.test column=21 reason=duplicate-tag record="v=DMARC1; p=reject; rua=mailto:r@example.test" tag=p value=p where=replace`,
		}},
		{"no equals sign", tested, own("v=DMARC1; p=reject; hello" + rua), []string{
			`DMARC-TAG-INVALID example.test column=21 reason=missing-equals record="v=DMARC1; p=reject; rua=mailto:r@example.test" tag=hello value=hello where=replace`,
		}},
		{"no name", tested, own("v=DMARC1; p=reject; =x" + rua), []string{
			`DMARC-TAG-INVALID example.test column=21 reason=empty-name record="v=DMARC1; p=reject; rua=mailto:r@example.test" tag="\"\"" value="\"\"" where=replace`,
		}},
		{"bad name", tested, own("v=DMARC1; p=reject; 1=x" + rua), []string{
			`DMARC-TAG-INVALID example.test column=21 reason=bad-name record="v=DMARC1; p=reject; rua=mailto:r@example.test" tag=1 value=1 where=replace`,
		}},
		{"read over: two semicolons, fo without ruf, odd octet", tested, own(`v=DMARC1; p=reject;; fo=1; rua=mailto:r@example.test; x=\200`), nil},
		{"size", tested, own(`v=DMARC1; p=reject; rua=mailto:r@example.test!10m`), []string{
			`DMARC-REPORT-URI-SIZE example.test record="v=DMARC1; p=reject; rua=mailto:r@example.test" size=!10m tag=rua where=replace`,
		}},
		{"removed", tested, own("v=DMARC1; p=reject; pct=50; RF=afrf; ri=1" + rua), []string{
			"DMARC-REMOVED-TAG example.test tag=RF",
			"DMARC-REMOVED-TAG example.test tag=pct",
			"DMARC-REMOVED-TAG example.test tag=ri",
		}},
		{"report addresses", tested, own("v=DMARC1; p=reject; rua=mailto:r@example.test,,r@example.test,https://example.test/,mailto:r,a b:c; ruf=foo"), []string{
			`DMARC-REPORT-URI-INVALID example.test reason=uri-address record="v=DMARC1; p=reject; rua=mailto:r@example.test" rest=kept tag=rua uri=mailto:r where=replace`,
			`DMARC-REPORT-URI-INVALID example.test reason=uri-empty record="v=DMARC1; p=reject; rua=mailto:r@example.test" rest=kept tag=rua uri="\"\"" where=replace`,
			`DMARC-REPORT-URI-INVALID example.test reason=uri-malformed record="v=DMARC1; p=reject; rua=mailto:r@example.test" rest=kept tag=rua uri="a b:c" where=replace`,
			`DMARC-REPORT-URI-INVALID example.test reason=uri-no-scheme record="v=DMARC1; p=reject; rua=mailto:r@example.test" rest=kept tag=rua uri=r@example.test where=replace`,
			`DMARC-REPORT-URI-INVALID example.test reason=uri-no-scheme record="v=DMARC1; p=reject; rua=mailto:r@example.test" rest=kept tag=ruf uri=foo where=replace`,
			`DMARC-REPORT-URI-SCHEME example.test record="v=DMARC1; p=reject; rua=mailto:r@example.test" rest=kept tag=rua uri=https://example.test/ where=replace`,
		}},
		{"p invalid, with reports", tested, own("v=DMARC1; p=rejct" + rua), []string{
			`DMARC-POLICY-INVALID example.test effect=invalid-as-none record="v=DMARC1; p=none; rua=mailto:r@example.test" tag=p value=rejct where=replace`,
		}},
		{"p invalid, without reports", tested, own("v=DMARC1; p=rejct"), []string{
			`DMARC-NO-REPORTS example.test record="v=DMARC1; p=none; rua=mailto:dmarc@example.test" step=reports-first where=replace`,
			`DMARC-POLICY-INVALID example.test effect=invalid-no-dmarc record="v=DMARC1; p=none" tag=p value=rejct where=replace`,
		}},
		{"p empty", tested, own("v=DMARC1; p=" + rua), []string{
			`DMARC-POLICY-INVALID example.test effect=invalid-as-none record="v=DMARC1; p=none; rua=mailto:r@example.test" tag=p value="\"\"" where=replace`,
		}},
		{"SP invalid", tested, own("v=DMARC1; p=reject; SP=x" + rua), []string{
			`DMARC-POLICY-INVALID example.test effect=invalid-as-none record="v=DMARC1; p=reject; rua=mailto:r@example.test" tag=SP value=x where=replace`,
		}},
		{"np invalid and p absent", tested, own("v=DMARC1; np=x; pct=5" + rua), []string{
			`DMARC-POLICY-INVALID example.test effect=invalid-as-none record="v=DMARC1; p=none; rua=mailto:r@example.test" tag=np value=x where=replace`,
			"DMARC-REMOVED-TAG example.test tag=pct",
		}},

		// How strong the policy is.
		{"p absent", tested, own("v=DMARC1" + rua), []string{
			`DMARC-POLICY-ABSENT example.test record="v=DMARC1; p=none; rua=mailto:r@example.test" where=replace`,
		}},
		{"p absent, without reports", tested, own("v=DMARC1"), []string{
			`DMARC-NO-REPORTS example.test record="v=DMARC1; p=none; rua=mailto:dmarc@example.test" step=reports-first where=replace`,
			`DMARC-POLICY-ABSENT example.test record="v=DMARC1; p=none" where=replace`,
		}},
		{"p absent, parked", tested, idle("v=DMARC1"), []string{`DMARC-POLICY-ABSENT example.test record="v=DMARC1; p=reject" where=replace`}},
		{"none, with reports", tested, own("v=DMARC1; p=none; t=y; aspf=s; pct=5" + rua), []string{
			`DMARC-POLICY-NONE example.test record="v=DMARC1; p=quarantine; aspf=s; rua=mailto:r@example.test" step=quarantine tag=p where=replace`,
			"DMARC-REMOVED-TAG example.test tag=pct",
		}},
		{"none, without reports", tested, own("v=DMARC1; p=none; t=y"), []string{
			`DMARC-NO-REPORTS example.test record="v=DMARC1; p=none; t=y; rua=mailto:dmarc@example.test" step=reports-first where=replace`,
			`DMARC-POLICY-NONE example.test record="v=DMARC1; p=none; rua=mailto:dmarc@example.test" step=reports-first tag=p where=replace`,
		}},
		{"none, parked", tested, idle("v=DMARC1; p=none; sp=none"), []string{`PARKED-DMARC-WEAK example.test policy=none record="v=DMARC1; p=reject" where=replace`}},
		{"none by sp above", sub, own("v=DMARC1; p=reject; sp=none; np=reject; psd=n"+rua) + "\na A 192.0.2.9", []string{
			`DMARC-POLICY-NONE a.example.test record="v=DMARC1; p=quarantine; rua=mailto:r@example.test" step=quarantine tag=sp where=parent`,
		}},
		{"none by np above", sub, own("v=DMARC1; p=reject; sp=reject; np=none" + rua), []string{
			`DMARC-POLICY-NONE a.example.test record="v=DMARC1; p=quarantine; rua=mailto:r@example.test" step=quarantine tag=np where=parent`,
		}},
		{"none by p above", sub, own("v=DMARC1; p=none"+rua) + "\na A 192.0.2.9", []string{
			`DMARC-POLICY-NONE a.example.test record="v=DMARC1; p=quarantine; rua=mailto:r@example.test" step=quarantine tag=p where=parent`,
		}},
		{"none above, without reports", sub, own("v=DMARC1; p=none") + "\na A 192.0.2.9", []string{
			`DMARC-NO-REPORTS example.test record="v=DMARC1; p=none; rua=mailto:dmarc@example.test" step=reports-first where=replace`,
			`DMARC-POLICY-NONE a.example.test record="v=DMARC1; p=none; rua=mailto:dmarc@a.example.test" step=reports-first tag=p where=parent`,
		}},
		{"strong above", sub, own("v=DMARC1; p=reject; sp=quarantine"+rua) + "\na A 192.0.2.9", nil},
		{"sp counts below only", sub, own("v=DMARC1; p=none; sp=reject"+rua) + "\na A 192.0.2.9", nil},
		{"testing, reject", tested, own("v=DMARC1; p=reject; t=y" + rua), []string{
			`DMARC-TESTING example.test effective=quarantine policy=reject record="v=DMARC1; p=reject; rua=mailto:r@example.test" where=replace`,
		}},
		{"testing, quarantine", tested, own("v=DMARC1; p=quarantine; t=y" + rua), []string{
			`DMARC-TESTING example.test effective=none policy=quarantine record="v=DMARC1; p=quarantine; rua=mailto:r@example.test" where=replace`,
		}},
		{"testing, reject, parked", tested, idle("v=DMARC1; p=reject; t=y"), []string{
			`DMARC-TESTING example.test effective=quarantine policy=reject record="v=DMARC1; p=reject" where=replace`,
		}},
		{"testing, quarantine, parked", tested, idle("v=DMARC1; p=quarantine; t=y"), []string{`PARKED-DMARC-WEAK example.test policy=none record="v=DMARC1; p=reject" where=replace`}},
		{"strong, parked", tested, idle("v=DMARC1; p=reject"), nil},
		{"sp and np none", tested, own("v=DMARC1; p=reject; sp=none; np=none" + rua), []string{
			`DMARC-SUBDOMAIN-NONE example.test policy=reject record="v=DMARC1; p=reject; rua=mailto:r@example.test" tag=np where=replace`,
			`DMARC-SUBDOMAIN-NONE example.test policy=reject record="v=DMARC1; p=reject; rua=mailto:r@example.test" tag=sp where=replace`,
		}},
		{"sp none beside none", tested, own("v=DMARC1; p=none; sp=none" + rua), []string{
			`DMARC-POLICY-NONE example.test record="v=DMARC1; p=quarantine; rua=mailto:r@example.test" step=quarantine tag=p where=replace`,
		}},
		{"public suffix that sends", tested, own("v=DMARC1; p=reject; psd=y" + rua), []string{
			`DMARC-PSD-SELF example.test record="v=DMARC1; p=reject; rua=mailto:r@example.test" where=replace`,
		}},
		{"public suffix that sends nothing", tested, idle("v=DMARC1; p=reject; psd=y"), nil},
		{"public suffix above", tested, sends + `_dmarc.test. TXT "v=DMARC1; p=reject; psd=y; rua=mailto:r@elsewhere.invalid"`, []string{
			`DMARC-METHODS-DIFFER example.test effect=legacy-no-policy list=example.test place=example.test record="v=DMARC1; p=reject; rua=mailto:dmarc@example.test" walk=example.test where=parent`,
		}},
		{"public suffix above, parked", tested, parked + `_dmarc.test. TXT "v=DMARC1; p=reject; psd=y"`, []string{
			`DMARC-METHODS-DIFFER example.test effect=legacy-no-policy list=example.test place=example.test record="v=DMARC1; p=reject" walk=example.test where=parent`,
		}},
		{"public suffix above asks for nothing but reports to itself", tested, sends + `_dmarc.test. TXT "v=DMARC1; p=none; psd=y; rua=mailto:r@test"`, []string{
			`DMARC-POLICY-NONE example.test record="v=DMARC1; p=none; rua=mailto:dmarc@example.test" step=reports-first tag=p where=parent`,
		}},
		{"none, sends and takes no mail", sub, mail + "a MX 0 .\na TXT \"v=spf1 ip4:192.0.2.1 -all\"\n_dmarc.a TXT \"v=DMARC1; p=none\"\n_dmarc TXT \"v=DMARC1; p=none\"", []string{
			`DMARC-NO-REPORTS a.example.test record="v=DMARC1; p=none; rua=mailto:dmarc@example.test" step=reports-first where=replace`,
			`DMARC-POLICY-NONE a.example.test record="v=DMARC1; p=none; rua=mailto:dmarc@example.test" step=reports-first tag=p where=replace`,
		}},
		{"public suffix above asks for nothing", tested, sends + `_dmarc.test. TXT "v=DMARC1; p=none; psd=y"`, []string{
			`DMARC-POLICY-NONE example.test record="v=DMARC1; p=none; rua=mailto:dmarc@example.test" step=reports-first tag=p where=parent`,
		}},

		// The walk beside the Public Suffix List.
		{"methods agree, sub-domain with a record", sub, own("v=DMARC1; p=reject"+rua) + "\na A 192.0.2.9\n_dmarc.a TXT \"v=DMARC1; p=reject; rua=mailto:r@example.test\"", nil},
		{"methods differ, sub-domain with the only record", sub, sends + "a A 192.0.2.9\n_dmarc.a TXT \"v=DMARC1; p=reject; rua=mailto:r@a.example.test\"", nil},
		{"methods differ, psd=n in a sub-domain", sub, own("v=DMARC1; p=none"+rua) + "\na A 192.0.2.9\n_dmarc.a TXT \"v=DMARC1; p=reject; psd=n; rua=mailto:r@a.example.test\"", nil},
		{"methods differ, no record anywhere", sub, sends + "a A 192.0.2.9", []string{
			`DMARC-MISSING a.example.test record="v=DMARC1; p=none; rua=mailto:dmarc@a.example.test" where=new`,
		}},
		{"methods differ, np and t", sub, own("v=DMARC1; p=reject; np=quarantine; t=y" + rua), []string{
			`DMARC-TESTING a.example.test effective=none policy=quarantine record="v=DMARC1; p=quarantine; rua=mailto:r@example.test" where=parent`,
		}},
		{"methods differ, several records at the domain", sub, own("v=DMARC1; p=reject"+rua) + "\n_dmarc.a TXT \"v=DMARC1\"\n_dmarc.a TXT \"v=DMARC1;p=none\"\na A 192.0.2.9",
			[]string{"DMARC-MULTIPLE a.example.test count=2"}},
		{"methods differ, head of a part with psd=n", "x." + sub,
			own("v=DMARC1; p=none"+rua) + "\nx.a A 192.0.2.9\na A 192.0.2.9\n_dmarc.a TXT \"v=DMARC1; p=reject; psd=n; rua=mailto:r@a.example.test\"", []string{
				`DMARC-METHODS-DIFFER x.a.example.test effect=policy-differs list=example.test place=x.a.example.test record="v=DMARC1; p=reject; rua=mailto:r@a.example.test" walk=a.example.test where=parent`,
			}},
		{"methods differ, the same request in both", "x." + sub,
			own("v=DMARC1; p=reject"+rua) + "\nx.a A 192.0.2.9\na A 192.0.2.9\n_dmarc.a TXT \"v=DMARC1; p=reject; psd=n; rua=mailto:r@a.example.test\"", nil},
		{"methods differ, a record below the registered domain only", "x." + sub,
			sends + "x.a A 192.0.2.9\na A 192.0.2.9\n_dmarc.a TXT \"v=DMARC1; p=reject; rua=mailto:r@a.example.test\"", []string{
				`DMARC-METHODS-DIFFER x.a.example.test effect=legacy-no-policy list=example.test place=x.a.example.test record="v=DMARC1; p=reject; rua=mailto:r@a.example.test" walk=a.example.test where=parent`,
			}},
		{"public suffix without psd=y, own record", tested, own("v=DMARC1; p=reject"+rua) + "\n_dmarc.test. TXT \"v=DMARC1; p=none\"", []string{
			`DMARC-METHODS-DIFFER example.test effect=alignment-wider list=example.test place=example.test record="v=DMARC1; p=reject; rua=mailto:r@example.test; psd=n" walk=test where=replace`,
		}},
		{"public suffix without psd=y, psd=n", tested, own("v=DMARC1; p=reject; psd=n"+rua) + "\n_dmarc.test. TXT \"v=DMARC1; p=none\"", nil},
		{"public suffix without psd=y, strict alignment", tested, own("v=DMARC1; p=reject; adkim=s; aspf=s"+rua) + "\n_dmarc.test. TXT \"v=DMARC1; p=none\"", nil},
		{"public suffix without psd=y, own p=none", tested, own("v=DMARC1; p=none"+rua) + "\n_dmarc.test. TXT \"v=DMARC1; p=none\"", []string{
			`DMARC-POLICY-NONE example.test record="v=DMARC1; p=quarantine; rua=mailto:r@example.test; psd=n" step=quarantine tag=p where=replace`,
		}},
		{"public suffix without psd=y, record of the organisation", sub, own("v=DMARC1; p=reject"+rua) + "\na A 192.0.2.9\n_dmarc.test. TXT \"v=DMARC1; p=quarantine; rua=mailto:r@elsewhere.invalid\"", []string{
			`DMARC-METHODS-DIFFER a.example.test effect=policy-differs list=example.test place=example.test record="v=DMARC1; p=reject; rua=mailto:r@example.test; psd=n" walk=test where=replace`,
		}},
		{"public suffix without psd=y, no other record", sub, sends + "a A 192.0.2.9\n_dmarc.test. TXT \"v=DMARC1; p=reject; sp=quarantine\"", []string{
			`DMARC-METHODS-DIFFER a.example.test effect=legacy-no-policy list=example.test place=example.test record="v=DMARC1; p=quarantine; rua=mailto:dmarc@example.test; psd=n" walk=test where=parent`,
		}},
		{"public suffix without psd=y, record below the organisation only", sub,
			sends + "a A 192.0.2.9\n_dmarc.a TXT \"v=DMARC1; p=reject; rua=mailto:r@a.example.test\"\n_dmarc.test. TXT \"v=DMARC1; p=reject; sp=none\"", []string{
				`DMARC-METHODS-DIFFER a.example.test effect=alignment-wider list=example.test place=example.test record="v=DMARC1; p=none; rua=mailto:dmarc@example.test; psd=n" walk=test where=parent`,
			}},
		{"public suffix without psd=y gives no answer", tested, own("v=DMARC1; p=reject"+rua) + "\n;! timeout _dmarc.test", nil},
		{"private suffix", "github.io", "$ORIGIN github.io.\n" + own("v=DMARC1; p=reject; rua=mailto:r@github.io"), nil},
		{"below a private suffix with a record", "a.github.io",
			"$ORIGIN github.io.\n" + own("v=DMARC1; p=reject; rua=mailto:r@github.io") + "\na MX 10 mx\na TXT \"v=spf1 mx -all\"\n_dmarc.a TXT \"v=DMARC1; p=reject; rua=mailto:r@a.github.io\"", []string{
				`DMARC-METHODS-DIFFER a.github.io effect=alignment-wider list=a.github.io place=a.github.io record="v=DMARC1; p=reject; rua=mailto:r@a.github.io; psd=n" walk=github.io where=replace`,
			}},
		{"below a private suffix without a record", "a.github.io",
			"$ORIGIN github.io.\n" + sends + "a MX 10 mx\na TXT \"v=spf1 mx -all\"\n_dmarc.a TXT \"v=DMARC1; p=reject; rua=mailto:r@a.github.io\"", nil},

		// Reports.
		{"no reports", tested, own("v=DMARC1; p=reject"), []string{
			`DMARC-NO-REPORTS example.test record="v=DMARC1; p=reject; rua=mailto:dmarc@example.test" step=reports-first where=replace`,
		}},
		{"no reports, of failures only", tested, own("v=DMARC1; p=reject; ruf=mailto:r@example.test"), []string{
			`DMARC-NO-REPORTS example.test record="v=DMARC1; p=reject; ruf=mailto:r@example.test; rua=mailto:dmarc@example.test" step=reports-first where=replace`,
		}},
		{"authorised", tested, own("v=DMARC1; p=reject; rua=mailto:r@o.invalid") + "\nexample.test._report._dmarc.o.invalid. TXT \"v=DMARC1\"" + takes, nil},
		{"not authorised", tested, own("v=DMARC1; p=reject; rua=mailto:r@o.invalid; ruf=mailto:f@o.invalid") + takes, []string{
			"DMARC-REPORT-NOT-AUTHORISED example.test agree=no-record host=o.invalid place=example.test._report._dmarc.o.invalid reason=no-record tag=rua",
			"DMARC-REPORT-NOT-AUTHORISED example.test agree=no-record host=o.invalid place=example.test._report._dmarc.o.invalid reason=no-record tag=ruf",
		}},
		{"redirected to another host", tested, own("v=DMARC1; p=reject; rua=mailto:r@o.invalid") + "\nexample.test._report._dmarc.o.invalid. TXT \"v=DMARC1; rua=mailto:x@y.invalid\"" + takes, []string{
			"DMARC-REPORT-NOT-AUTHORISED example.test agree=other-host host=o.invalid place=example.test._report._dmarc.o.invalid reason=other-host tag=rua",
		}},
		{"no mailbox, no such domain", tested, own("v=DMARC1; p=reject; rua=mailto:r@o.invalid,mailto:r@example.test; ruf=mailto:f@o.invalid"), []string{
			`DMARC-REPORT-MAILBOX-DEAD example.test host=o.invalid reason=no-domain record="v=DMARC1; p=reject; rua=mailto:r@example.test" rest=kept revive=other tag=rua uri=mailto:r@o.invalid where=replace`,
			`DMARC-REPORT-MAILBOX-DEAD example.test host=o.invalid reason=no-domain record="v=DMARC1; p=reject; rua=mailto:r@example.test" rest=kept revive=other tag=ruf uri=mailto:f@o.invalid where=replace`,
		}},
		{"no mailbox, null MX", tested, own("v=DMARC1; p=reject; rua=mailto:r@a.example.test") + "\na MX 0 .\na A 192.0.2.9", []string{
			`DMARC-REPORT-MAILBOX-DEAD example.test host=a.example.test reason=null-mx record="v=DMARC1; p=reject; rua=mailto:dmarc@example.test" rest=replaced revive=self tag=rua uri=mailto:r@a.example.test where=replace`,
		}},
		{"no mailbox, neither MX nor address", tested, own("v=DMARC1; p=reject; rua=mailto:r@a.example.test") + "\na TXT x", []string{
			`DMARC-REPORT-MAILBOX-DEAD example.test host=a.example.test reason=no-mail-host record="v=DMARC1; p=reject; rua=mailto:dmarc@example.test" rest=replaced revive=self tag=rua uri=mailto:r@a.example.test where=replace`,
		}},
		{"no mailbox, alias to nothing", tested, own("v=DMARC1; p=reject; rua=mailto:r@a.example.test") + "\na CNAME gone", []string{
			`DMARC-REPORT-MAILBOX-DEAD example.test host=a.example.test reason=no-mail-host record="v=DMARC1; p=reject; rua=mailto:dmarc@example.test" rest=replaced revive=self tag=rua uri=mailto:r@a.example.test where=replace`,
		}},
		{"mailbox by A", tested, own("v=DMARC1; p=reject; rua=mailto:r@a.example.test") + "\na A 192.0.2.9", nil},
		{"mailbox by AAAA", tested, own("v=DMARC1; p=reject; rua=mailto:r@a.example.test") + "\na AAAA 2001:db8::9", nil},
		{"mailbox unknown", tested, own("v=DMARC1; p=reject; rua=mailto:r@a.example.test") + "\n;! timeout a.example.test", nil},
		{"mailbox of which half is unknown", tested, own("v=DMARC1; p=reject; rua=mailto:r@a.example.test") + "\na TXT x\n;! servfail a.example.test AAAA", nil},
		{"no mailbox, proposals without it", tested, own("v=DMARC1; p=none; rua=mailto:r@o.invalid,mailto:r@example.test"), []string{
			`DMARC-POLICY-NONE example.test record="v=DMARC1; p=quarantine; rua=mailto:r@example.test" step=quarantine tag=p where=replace`,
			`DMARC-REPORT-MAILBOX-DEAD example.test host=o.invalid reason=no-domain record="v=DMARC1; p=none; rua=mailto:r@example.test" rest=kept revive=other tag=rua uri=mailto:r@o.invalid where=replace`,
		}},
		{"no mailbox at all, reports first", tested, own("v=DMARC1; p=none; rua=mailto:r@o.invalid"), []string{
			`DMARC-POLICY-NONE example.test record="v=DMARC1; p=none; rua=mailto:dmarc@example.test" step=reports-lost tag=p where=replace`,
			`DMARC-REPORT-MAILBOX-DEAD example.test host=o.invalid reason=no-domain record="v=DMARC1; p=none; rua=mailto:dmarc@example.test" rest=replaced revive=other tag=rua uri=mailto:r@o.invalid where=replace`,
		}},
		{"no mailbox in the domain itself", sub, sends + "_dmarc.a TXT \"v=DMARC1; p=none; rua=mailto:r@a.example.test\"\n_dmarc TXT \"v=DMARC1; p=none" + rua + "\"", []string{
			`DMARC-POLICY-NONE a.example.test record="v=DMARC1; p=none; rua=mailto:dmarc@example.test" step=reports-lost tag=p where=replace`,
			`DMARC-REPORT-MAILBOX-DEAD a.example.test host=a.example.test reason=no-mail-host record="v=DMARC1; p=none; rua=mailto:dmarc@example.test" rest=replaced revive=self tag=rua uri=mailto:r@a.example.test where=replace`,
		}},
		{"authorisation unknown", tested, own("v=DMARC1; p=reject; rua=mailto:r@o.invalid") + "\n;! servfail o.invalid", nil},

		// What is proposed.
		{"p and the only address invalid", tested, own("v=DMARC1; p=monitor; rua=dmarc@example.test"), []string{
			`DMARC-POLICY-INVALID example.test effect=invalid-no-dmarc record="v=DMARC1; p=none; rua=mailto:dmarc@example.test" tag=p value=monitor where=replace`,
			`DMARC-REPORT-URI-INVALID example.test reason=uri-no-scheme record="v=DMARC1; p=none; rua=mailto:dmarc@example.test" rest=kept tag=rua uri=dmarc@example.test where=replace`,
		}},
		{"p invalid, parked", tested, idle("v=DMARC1; p=rejected"), []string{
			`DMARC-POLICY-INVALID example.test effect=invalid-no-dmarc record="v=DMARC1; p=reject" tag=p value=rejected where=replace`,
		}},
		{"version in lower case, with all that it says", tested, own("v=dmarc1; p=reject" + rua), []string{
			`DMARC-VERSION example.test record="v=DMARC1; p=reject; rua=mailto:r@example.test" where=replace`,
		}},
		{"version in lower case, none, parked", tested, idle("v=dmarc1; p=none"), []string{`DMARC-VERSION example.test record="v=DMARC1; p=reject" where=replace`}},
		{"at the domain, with all that it says", tested, sends + `@ TXT "v=DMARC1; p=reject` + rua + `"`, []string{
			`DMARC-ONLY-MISPLACED example.test place=example.test record="v=DMARC1; p=reject; rua=mailto:r@example.test" where=new`,
		}},
		{"at the domain, none, parked", tested, parked + `@ TXT "v=DMARC1; p=none"`, []string{
			`DMARC-ONLY-MISPLACED example.test place=example.test record="v=DMARC1; p=reject" where=new`,
		}},
		{"at the domain and doubled", tested, sends + "@ TXT \"v=DMARC1; p=reject" + rua + "\"\n_dmarc.example.test TXT \"v=DMARC1; p=none\"", []string{
			"DMARC-MISPLACED example.test advice=delete place=_dmarc.example.test.example.test",
			`DMARC-ONLY-MISPLACED example.test place=example.test record="v=DMARC1; p=reject; rua=mailto:r@example.test" where=new`,
		}},
		{"at the domain, below another record", sub, own("v=DMARC1; p=reject"+rua) + "\na TXT \"v=DMARC1; p=none\"", []string{"DMARC-MISPLACED a.example.test advice=move place=a.example.test"}},
		{"at the domain, beside a lookalike", tested, own("v=dmarc1; p=reject"+rua) + "\n@ TXT \"v=DMARC1; p=none\"", []string{
			"DMARC-MISPLACED example.test advice=delete place=example.test",
			`DMARC-VERSION example.test record="v=DMARC1; p=reject; rua=mailto:r@example.test" where=replace`,
		}},
		{"strict in words", tested, own("v=DMARC1; p=reject; adkim=strict; aspf=STRICT" + rua), []string{
			`DMARC-TAG-DEFAULT example.test default=r record="v=DMARC1; p=reject; adkim=s; aspf=s; rua=mailto:r@example.test" tag=adkim value=strict where=replace`,
			`DMARC-TAG-DEFAULT example.test default=r record="v=DMARC1; p=reject; adkim=s; aspf=s; rua=mailto:r@example.test" tag=aspf value=STRICT where=replace`,
		}},
		{"relaxed in words", tested, own("v=DMARC1; p=reject; adkim=relaxed" + rua), []string{
			`DMARC-TAG-INVALID example.test column=27 reason=value-invalid record="v=DMARC1; p=reject; adkim=r; rua=mailto:r@example.test" tag=adkim value=relaxed where=replace`,
		}},
		{"testing in words", tested, own("v=DMARC1; p=reject; t=yes" + rua), []string{
			`DMARC-TAG-DEFAULT example.test default=n record="v=DMARC1; p=reject; t=y; rua=mailto:r@example.test" tag=t value=yes where=replace`,
		}},
		{"testing in words beside none", tested, own("v=DMARC1; p=none; t=yes" + rua), []string{
			`DMARC-POLICY-NONE example.test record="v=DMARC1; p=quarantine; rua=mailto:r@example.test" step=quarantine tag=p where=replace`,
			`DMARC-TAG-INVALID example.test column=21 reason=value-invalid record="v=DMARC1; p=none; t=y; rua=mailto:r@example.test" tag=t value=yes where=replace`,
		}},
		{"options", tested, own("v=DMARC1; p=reject; fo=0:1:d:s; ruf=mailto:r@example.test" + rua), []string{
			`DMARC-TAG-INVALID example.test column=24 reason=fo-conflict record="v=DMARC1; p=reject; fo=1:d:s; ruf=mailto:r@example.test; rua=mailto:r@example.test" tag=fo value=0:1:d:s where=replace`,
		}},
		{"addresses behind a semicolon", tested, own("v=DMARC1; p=reject; rua=mailto:r@example.test; mailto:s@example.test"), []string{
			`DMARC-TAG-INVALID example.test column=48 reason=missing-equals record="v=DMARC1; p=reject; rua=mailto:r@example.test,mailto:s@example.test" tag=mailto:s@example.test value=mailto:s@example.test where=replace`,
		}},
		{"https alone", tested, own("v=DMARC1; p=reject; rua=https://example.test/"), []string{
			`DMARC-REPORT-URI-SCHEME example.test record="v=DMARC1; p=reject; rua=mailto:dmarc@example.test" rest=replaced tag=rua uri=https://example.test/ where=replace`,
		}},
		{"many addresses, one dead", tested, own("v=DMARC1; p=reject; rua=mailto:r@example.test,mailto:x@o.invalid!10m,mailto:s@mx.example.test"), []string{
			`DMARC-REPORT-MAILBOX-DEAD example.test host=o.invalid reason=no-domain record="v=DMARC1; p=reject; rua=mailto:r@example.test,mailto:s@mx.example.test" rest=kept revive=other tag=rua uri=mailto:x@o.invalid!10m where=replace`,
			`DMARC-REPORT-URI-SIZE example.test record="v=DMARC1; p=reject; rua=mailto:r@example.test,mailto:s@mx.example.test" size=!10m tag=rua where=replace`,
		}},
		{"a dead address, parked", tested, idle("v=DMARC1; p=reject; rua=mailto:x@o.invalid"), []string{
			`DMARC-REPORT-MAILBOX-DEAD example.test host=o.invalid reason=no-domain record="v=DMARC1; p=reject" rest=none revive=other tag=rua uri=mailto:x@o.invalid where=replace`,
		}},
		{"an address in the domain, which takes no mail", tested, "@ TXT \"v=spf1 ip4:192.0.2.1 -all\"\n_dmarc TXT \"v=DMARC1; p=none; rua=mailto:r@example.test\"", []string{
			`DMARC-POLICY-NONE example.test record="v=DMARC1; p=none" step=mailbox tag=p where=replace`,
			`DMARC-REPORT-MAILBOX-DEAD example.test host=example.test reason=no-mail-host record="v=DMARC1; p=none" rest=none revive=self tag=rua uri=mailto:r@example.test where=replace`,
		}},
		{"none, and no mailbox to propose", tested, "@ TXT \"v=spf1 ip4:192.0.2.1 -all\"\n_dmarc TXT \"v=DMARC1; p=none\"", []string{
			`DMARC-NO-REPORTS example.test record="v=DMARC1; p=none" step=mailbox where=replace`,
			`DMARC-POLICY-NONE example.test record="v=DMARC1; p=none" step=mailbox tag=p where=replace`,
		}},
		{"missing, and no mailbox to propose", tested, "@ MX 0 .\n@ TXT \"v=spf1 ip4:192.0.2.1 -all\"", []string{`DMARC-MISSING example.test record="v=DMARC1; p=none" where=new`}},
		{"private mailbox", tested, own("v=DMARC1; p=none; rua=mailto:a@gmail.com") + "\ngmail.com. MX 10 mx.gmail.com.", []string{
			`DMARC-POLICY-NONE example.test record="v=DMARC1; p=none; rua=mailto:dmarc@example.test" step=reports-lost tag=p where=replace`,
			`DMARC-REPORT-FREE-MAIL example.test host=gmail.com record="v=DMARC1; p=none; rua=mailto:dmarc@example.test" rest=replaced tag=rua uri=mailto:a@gmail.com where=replace`,
		}},
		{"private mailbox beside another", tested, own("v=DMARC1; p=none; rua=mailto:a@gmail.com,mailto:r@example.test") + "\ngmail.com. MX 10 mx.gmail.com.", []string{
			`DMARC-POLICY-NONE example.test record="v=DMARC1; p=quarantine; rua=mailto:r@example.test" step=quarantine tag=p where=replace`,
			`DMARC-REPORT-FREE-MAIL example.test host=gmail.com record="v=DMARC1; p=none; rua=mailto:r@example.test" rest=kept tag=rua uri=mailto:a@gmail.com where=replace`,
		}},
		{"private mailbox that agreed", tested, own("v=DMARC1; p=reject; rua=mailto:a@gmail.com") + "\ngmail.com. MX 10 mx.gmail.com.\nexample.test._report._dmarc.gmail.com. TXT \"v=DMARC1\"", nil},
		{"pct of nothing", tested, own("v=DMARC1; p=reject; pct=0" + rua), []string{
			`DMARC-PCT-ZERO example.test effective=quarantine policy=reject record="v=DMARC1; p=reject; rua=mailto:r@example.test; t=y" where=replace`,
		}},
		{"pct of nothing, quarantine", tested, own("v=DMARC1; p=quarantine; pct=00" + rua), []string{
			`DMARC-PCT-ZERO example.test effective=none policy=quarantine record="v=DMARC1; p=quarantine; rua=mailto:r@example.test; t=y" where=replace`,
		}},
		{"pct of nothing, parked", tested, idle("v=DMARC1; p=quarantine; pct=0"), []string{
			`DMARC-PCT-ZERO example.test effective=none policy=quarantine record="v=DMARC1; p=quarantine" where=replace`,
		}},
		{"pct of nothing, t=y too", tested, own("v=DMARC1; p=reject; pct=0; t=y" + rua), []string{
			`DMARC-TESTING example.test effective=quarantine policy=reject record="v=DMARC1; p=reject; rua=mailto:r@example.test" where=replace`,
		}},
		{"pct of nothing, none", tested, own("v=DMARC1; p=none; pct=0" + rua), []string{
			`DMARC-POLICY-NONE example.test record="v=DMARC1; p=quarantine; rua=mailto:r@example.test" step=quarantine tag=p where=replace`,
			"DMARC-REMOVED-TAG example.test tag=pct",
		}},
		{"pct of nothing above", sub, own("v=DMARC1; p=reject; pct=0"+rua) + "\na A 192.0.2.9", []string{"DMARC-REMOVED-TAG example.test tag=pct"}},
		{"forwarding", tested, "@ MX 10 route1.mx.cloudflare.net.\n@ TXT \"v=spf1 include:_spf.mx.cloudflare.net ~all\"\n_spf.mx.cloudflare.net. TXT \"v=spf1 ip4:192.0.2.1 -all\"\nroute1.mx.cloudflare.net. A 192.0.2.1", []string{
			`DMARC-FORWARDER-OPEN example.test record="v=DMARC1; p=reject" watching="v=DMARC1; p=none; rua=mailto:dmarc@example.test" where=new`,
		}},
		{"forwarding, with a policy", tested, "@ MX 10 route1.mx.cloudflare.net.\n@ TXT \"v=spf1 include:_spf.mx.cloudflare.net ~all\"\n_spf.mx.cloudflare.net. TXT \"v=spf1 ip4:192.0.2.1 -all\"\nroute1.mx.cloudflare.net. A 192.0.2.1\n_dmarc TXT \"v=DMARC1; p=reject\"", []string{
			`DMARC-NO-REPORTS example.test record="v=DMARC1; p=reject; rua=mailto:dmarc@example.test" step=reports-first where=replace`,
		}},
		{"public suffix without psd=y that leaves sub-domains open", tested, sends + "_dmarc.test. TXT \"v=DMARC1; p=reject; sp=none; rua=mailto:r@elsewhere.invalid\"", []string{
			`DMARC-POLICY-NONE example.test record="v=DMARC1; p=none; rua=mailto:dmarc@example.test; psd=n" step=reports-first tag=sp where=parent`,
		}},
		{"public suffix with psd=y that leaves sub-domains open", tested, sends + "_dmarc.test. TXT \"v=DMARC1; p=reject; sp=none; psd=y\"", []string{
			`DMARC-POLICY-NONE example.test record="v=DMARC1; p=none; rua=mailto:dmarc@example.test" step=reports-first tag=sp where=parent`,
		}},
		{"public suffix that is not on the list", sub, mail + "_dmarc TXT \"v=DMARC1; p=none; psd=y\"\na MX 10 mx\n_dmarc.a TXT \"v=DMARC1; p=reject; rua=mailto:r@a.example.test\"", []string{
			`DMARC-OLDER-ALIGNMENT a.example.test list=example.test record="v=DMARC1; p=reject; rua=mailto:r@a.example.test; adkim=s; aspf=s" where=replace`,
		}},
		{"public suffix that is not on the list, strict", sub, mail + "_dmarc TXT \"v=DMARC1; p=none; psd=y\"\na MX 10 mx\n_dmarc.a TXT \"v=DMARC1; p=reject; adkim=s; aspf=s; rua=mailto:r@a.example.test\"", nil},
		{"public suffix that is not on the list, strict for one", sub, mail + "_dmarc TXT \"v=DMARC1; p=none; psd=y\"\na MX 10 mx\n_dmarc.a TXT \"v=DMARC1; p=reject; adkim=s; rua=mailto:r@a.example.test\"", []string{
			`DMARC-OLDER-ALIGNMENT a.example.test list=example.test record="v=DMARC1; p=reject; adkim=s; rua=mailto:r@a.example.test; aspf=s" where=replace`,
		}},
		{"public suffix that is not on the list, none", sub, mail + "_dmarc TXT \"v=DMARC1; p=reject; psd=y\"\na MX 10 mx\n_dmarc.a TXT \"v=DMARC1; p=none; rua=mailto:r@a.example.test\"", []string{
			`DMARC-POLICY-NONE a.example.test record="v=DMARC1; p=quarantine; rua=mailto:r@a.example.test" step=quarantine tag=p where=replace`,
		}},
		{"none above, reports to a service", sub, own("v=DMARC1; p=none; rua=mailto:r@o.invalid") + "\nexample.test._report._dmarc.o.invalid. TXT \"v=DMARC1\"\na A 192.0.2.9" + takes, []string{
			`DMARC-POLICY-NONE a.example.test record="v=DMARC1; p=quarantine; rua=mailto:r@o.invalid" step=quarantine tag=p where=service`,
		}},
		{"testing above, reports to a service and to the domain", sub, own("v=DMARC1; p=reject; t=y; rua=mailto:r@o.invalid,mailto:r@example.test") + "\n*._report._dmarc.o.invalid. TXT \"v=DMARC1\"\na A 192.0.2.9" + takes, []string{
			`DMARC-TESTING a.example.test effective=quarantine policy=reject record="v=DMARC1; p=reject; rua=mailto:r@o.invalid,mailto:r@example.test" where=service`,
		}},
		{"registry's faults", tested, sends + "_dmarc.test. TXT \"v=DMARC1; p=reject; psd=y; adkim=strict; pct=5; rua=r@test\"", []string{
			`DMARC-METHODS-DIFFER example.test effect=legacy-no-policy list=example.test place=example.test record="v=DMARC1; p=reject; rua=mailto:dmarc@example.test" walk=example.test where=parent`,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := collect(judgeDMARC, factsOf(t, tt.domain, tt.zone+"\n"))
			expect(t, got, tt.want)
			holds(t, tt.domain, tt.zone+"\n", got)
			for _, f := range got {
				record, proposed := f.Params["record"]
				if !proposed {
					continue
				}
				if r, faults, ok := dmarc.Parse(record); !ok || slices.ContainsFunc(faults, func(fault dmarc.Fault) bool { return fault.Reason != dmarc.RemovedTag }) || r.P == "" || r.Testing && f.Rule == dmarcTesting {
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
		{"record of the public suffix", mail + "_dmarc TXT \"v=DMARC1; p=reject; rua=mailto:a@example.test\"\n_dmarc.test. TXT \"v=DMARC1; p=none\"",
			dmarcMethodsDiffer, []string{"v=DMARC1; p=reject; rua=mailto:a@example.test", "v=DMARC1; p=none"}},
		{"misplaced", mail + `@ TXT "v=DMARC1"`, dmarcOnlyMisplaced, []string{"example.test TXT v=DMARC1"}},
		{"misplaced beside another", mail + "@ TXT \"v=DMARC1\"\n_dmarc TXT \"v=DMARC1; p=reject\"", dmarcMisplaced, []string{"example.test TXT v=DMARC1"}},
		{"record of the report host", mail + "_dmarc TXT \"v=DMARC1; p=none; rua=mailto:a@o.invalid\"\nexample.test._report._dmarc.o.invalid. TXT \"v=DMARC1; rua=mailto:x@y.invalid\"\no.invalid. MX 10 mx.o.invalid.",
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
		{"report addresses that are dead", "v=DMARC1; p=none; rua=mailto:a@gone.test, mailto:a@b.test!5m; ruf=mailto:a@gone.test", "", "v=DMARC1; p=reject; rua=mailto:a@b.test"},
		{"tags that nobody knows", "v=DMARC1; p=none; x=y", "", "v=DMARC1; p=reject; x=y"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := rewrite(tt.record, []string{"gone.test"}, dmarc.Reject, strings.Fields(tt.drop)...); got != tt.want {
				t.Errorf("rewrite(%q) = %q, want %q", tt.record, got, tt.want)
			}
		})
	}
}

// TestGatherAlignment holds which domains can authenticate mail of the domain,
// as far as the DNS and the envelope sender that was given tell.
func TestGatherAlignment(t *testing.T) {
	const (
		policy = mail + "@ TXT \"v=spf1 mx -all\"\n_dmarc TXT \"v=DMARC1; p=reject; rua=mailto:r@example.test"
		relax  = policy + "\"\n"
		strict = policy + "; aspf=s; adkim=s\"\n"
	)
	for _, tt := range []struct {
		name, zone, from string
		identity         string // domain, its organisational domain, relaxed, strict; nothing without alignment
		want             []string
		covered          string
	}{
		{"no sender given", relax, "", "example.test example.test aligned aligned", nil, "done"},
		{"the domain itself, strict", strict, "a@example.test", "example.test example.test aligned aligned", nil, "done"},
		{"below, relaxed", relax, "a@bounce.example.test", "bounce.example.test example.test aligned unaligned", nil, "done"},
		{"below, strict", strict, "A <a@Bounce.Example.Test.>", "bounce.example.test example.test aligned unaligned",
			[]string{`DMARC-STRICT-UNALIGNED example.test identity=bounce.example.test method=SPF record="v=DMARC1; p=reject; rua=mailto:r@example.test; adkim=s" tag=aspf where=replace`}, "done"},
		{"below, strict for DKIM only", policy + "; adkim=s\"\n", "a@bounce.example.test", "bounce.example.test example.test aligned unaligned", nil, "done"},
		{"elsewhere", relax, "a@mailer.invalid", "mailer.invalid  unaligned unaligned",
			[]string{"DMARC-UNALIGNED example.test identity=mailer.invalid method=SPF reason=other-organisation"}, "done"},
		{"elsewhere, strict", strict, "a@mailer.invalid", "mailer.invalid  unaligned unaligned",
			[]string{"DMARC-UNALIGNED example.test identity=mailer.invalid method=SPF reason=other-organisation"}, "done"},
		{"of a part with psd=n", relax + `_dmarc.bounce TXT "v=DMARC1; psd=n"`, "a@bounce.example.test", "bounce.example.test bounce.example.test unaligned unaligned",
			[]string{"DMARC-UNALIGNED example.test identity=bounce.example.test method=SPF reason=other-organisation-by-walk"}, "done"},
		{"no answer", strict + ";! timeout _dmarc.bounce.example.test", "a@bounce.example.test", "bounce.example.test  unknown unaligned", nil,
			"inconclusive dns-timeout _dmarc.bounce.example.test minor"},
		{"no answer above", relax + ";! timeout _dmarc.test", "a@bounce.example.test", "bounce.example.test  unknown unaligned", nil,
			"inconclusive dns-timeout _dmarc.test minor"},
		{"no name", relax, "a@[192.0.2.1]", "", nil, "done"},
		{"no policy", mail, "a@mailer.invalid", "", []string{`DMARC-MISSING example.test record="v=DMARC1; p=none; rua=mailto:dmarc@example.test" where=new`}, "done"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := auditZone(t, tested, tt.zone+"\n", Options{Checks: []string{"dmarc"}, From: tt.from})
			identity := ""
			if a := got.Facts.Alignment; a != nil {
				for _, id := range a.MailFrom {
					identity += strings.Join([]string{id.Domain, id.OrgDomain, string(id.Relaxed), string(id.Strict)}, " ")
				}
			}
			if identity != tt.identity {
				t.Errorf("identity %q, want %q", identity, tt.identity)
			}
			expect(t, got.Findings, tt.want)
			if len(got.Coverage) != 1 || reached(got.Coverage[0]) != tt.covered {
				t.Errorf("coverage %+v, want %s", got.Coverage, tt.covered)
			}
		})
	}
}

// TestJudgeSigners holds that of several signatures one that aligns is enough.
func TestJudgeSigners(t *testing.T) {
	const own, below, other = "example.test", "mail.example.test", "mailer.invalid"
	for _, tt := range []struct {
		name, tags string
		signers    []string
		want       []string
	}{
		{"own", "", []string{own}, nil},
		{"own beside another", "", []string{own, other}, nil},
		{"below beside another", "", []string{below, other}, nil},
		{"others alone", "", []string{other, "a.invalid"}, []string{
			"DMARC-UNALIGNED example.test identity=a.invalid method=DKIM reason=other-organisation",
			"DMARC-UNALIGNED example.test identity=mailer.invalid method=DKIM reason=other-organisation",
		}},
		{"own, strict", "; adkim=s", []string{own, below}, nil},
		{"below, strict", "; adkim=s", []string{below, other}, []string{
			`DMARC-STRICT-UNALIGNED example.test identity=mail.example.test method=DKIM record="v=DMARC1; p=reject; rua=mailto:r@example.test" tag=adkim where=replace`,
			"DMARC-UNALIGNED example.test identity=mailer.invalid method=DKIM reason=other-organisation",
		}},
		{"below, strict for SPF only", "; aspf=s", []string{below}, nil},
		{"none", "", nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			zone := parseZone(t, mail+"@ TXT \"v=spf1 mx -all\"\n_dmarc TXT \"v=DMARC1; p=reject; rua=mailto:r@example.test"+tt.tags+"\"\n")
			r := &run{dns: dnsx.New(zone, dnsx.Options{}), domain: tested, facts: &Facts{}}
			p := dmarc.Discover(t.Context(), r.dns, tested)
			f := &Facts{Domain: tested, DMARC: p, Alignment: r.align(t.Context(), p, nil, tt.signers)}
			expect(t, collect(judgeDMARC, f), tt.want)
		})
	}
}

// TestGatherMailboxes holds what the coverage says of hosts of reports.
func TestGatherMailboxes(t *testing.T) {
	many := func(n int) string {
		var uris []string
		for i := range n {
			uris = append(uris, "mailto:a@r"+strings.Repeat("x", i)+".example.test")
		}
		return mail + "* A 192.0.2.9\n_dmarc TXT \"v=DMARC1; p=reject; rua=" + strings.Join(uris[:4], ",") + "\" \"," + strings.Join(uris[4:], ",") + "\"\n"
	}
	const one = mail + "_dmarc TXT \"v=DMARC1; p=reject; rua=mailto:a@r.example.test\"\n"
	for _, tt := range []struct{ name, zone, want string }{
		{"by its address", one + "r A 192.0.2.9", "done"},
		{"dead", one, "done"},
		{"MX unknown", one + ";! servfail r.example.test MX", "inconclusive dns-servfail r.example.test minor"},
		{"address unknown", one + "r TXT x\n;! timeout r.example.test AAAA", "inconclusive dns-timeout r.example.test minor"},
		{"as many as are asked", many(dmarc.MaxHosts), "done"},
		{"one more", many(dmarc.MaxHosts + 1), "inconclusive too-many-names example.test minor"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := auditZone(t, tested, tt.zone+"\n", Options{Checks: []string{"dmarc"}})
			if len(got.Coverage) != 1 || reached(got.Coverage[0]) != tt.want {
				t.Errorf("coverage %+v, want %s", got.Coverage, tt.want)
			}
		})
	}
}

// TestAlignBothLists holds that the limit on walks is for both lists together,
// and that a domain in both is in both results.
func TestAlignBothLists(t *testing.T) {
	for _, tt := range []struct {
		name    string
		signers int
		unknown int
	}{
		{"at the limit", dmarc.MaxWalks - 1, 0},
		{"one past it", dmarc.MaxWalks, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := &run{dns: dnsx.New(parseZone(t, mail+"_dmarc TXT \"v=DMARC1; p=reject\"\n"), dnsx.Options{}), domain: tested, facts: &Facts{}}
			p := dmarc.Discover(t.Context(), r.dns, tested)
			signers := []string{"0.Example.Test."}
			for i := range tt.signers {
				signers = append(signers, "s"+strings.Repeat("x", i)+".example.test")
			}
			a := r.align(t.Context(), p, []string{"0.example.test", "mailer.invalid"}, signers)
			if len(a.MailFrom) != 2 || a.MailFrom[0].Relaxed != dmarc.InAlignment || a.MailFrom[1].Relaxed != dmarc.NotInAlignment {
				t.Errorf("envelope senders %+v", a.MailFrom)
			}
			unknown := 0
			for _, id := range a.Signers {
				if id.Relaxed == dmarc.AlignmentUnknown {
					unknown++
				}
			}
			if len(a.Signers) != tt.signers+1 || unknown != tt.unknown {
				t.Errorf("%d signers, %d unknown; want %d and %d", len(a.Signers), unknown, tt.signers+1, tt.unknown)
			}
		})
	}
}
