package check

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"maildoctor/check/bimi"
	"maildoctor/check/dnsx"
	"maildoctor/check/httpsx"
	"maildoctor/check/taglist"
)

const (
	logoURL     = "https://www.example.test/logo.svg"
	markURL     = "https://www.example.test/mark.pem"
	bimiFull    = "v=BIMI1; l=" + logoURL + "; a=" + markURL
	bimiStrict  = mail + "_dmarc TXT \"v=DMARC1; p=reject; rua=mailto:r@example.test\"\n"
	bimiPicture = `<svg xmlns="http://www.w3.org/2000/svg" version="1.2" baseProfile="tiny-ps" viewBox="0 0 9 9"><title>x</title></svg>`
)

// bimiFacts are the facts of a domain with what a fetch of the logo brings and
// with a certificate.
func bimiFacts(t testing.TB, domain, zone string, logo bimi.Fetched, mark *bimi.CertificateFile) *Facts {
	t.Helper()
	f := factsOf(t, domain, zone)
	r := &run{domain: domain, dns: dnsx.New(parseZone(t, zone), dnsx.Options{})}
	f.BIMI = bimi.Discover(t.Context(), r.dns, domain, bimi.DefaultSelector, r.organization)
	f.BIMI.FetchLogo(t.Context(), func(context.Context, string, int) bimi.Fetched { return logo })
	f.BIMI.Certificate = mark
	return f
}

func fetchedSVG(text string) bimi.Fetched {
	return bimi.Fetched{Outcome: bimi.FetchOK, Known: true, Status: 200, Body: []byte(text)}
}

// certified is a certificate file without a fault, changed.
func certified(change func(*bimi.Mark)) *bimi.CertificateFile {
	m := &bimi.Mark{
		Kind: bimi.VMC, NotBefore: "2026-01-01T00:00:00Z", NotAfter: "2027-01-01T00:00:00Z", DaysLeft: 60,
		Names: []taglist.Octets{tested}, NameMatch: true, Blocks: 2, Chain: bimi.ChainToIssuer, Picture: bimi.CheckSVG([]byte(bimiPicture)),
	}
	if change != nil {
		change(m)
	}
	return &bimi.CertificateFile{Download: bimi.Download{URL: markURL, Outcome: bimi.FetchOK, Known: true}, Mark: m}
}

func gzipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(text))
	w.Close()
	return b.String()
}

func TestJudgeBIMI(t *testing.T) {
	const sub = "a." + tested
	at := func(record string) string { return bimiStrict + "default._bimi TXT \"" + record + "\"" }
	dmarc := func(record string) string {
		return mail + "_dmarc TXT \"" + record + "\"\ndefault._bimi TXT \"" + bimiFull + "\""
	}
	weak := func(gap, record string) []string {
		return []string{"BIMI-DMARC-WEAK example.test bimi=default._bimi.example.test gap=" + gap + ` place=_dmarc.example.test record="v=DMARC1; p=` + record + `"`}
	}
	broken := func(fault, tag, value, column string) []string {
		return []string{"BIMI-SYNTAX example.test column=" + column + " fault=" + fault + " place=default._bimi.example.test tag=" + tag + " value=" + value}
	}
	logo := func(rule, rest string) []string { return []string{rule + " example.test " + rest + " url=" + logoURL} }
	mark := func(rule, rest string) []string { return []string{rule + " example.test " + rest + " url=" + markURL} }
	whole, sound := at(bimiFull), fetchedSVG(bimiPicture)
	tests := []struct {
		name, domain, zone string
		logo               bimi.Fetched
		mark               *bimi.CertificateFile
		want               []string
	}{
		{"none", tested, bimiStrict, sound, nil, nil},
		{"unknown", tested, bimiStrict + ";! timeout default._bimi.example.test", sound, nil, nil},
		{"declined", tested, at("v=BIMI1; l=; a="), sound, nil, nil},
		{"declined without DMARC", tested, mail + "default._bimi TXT \"v=BIMI1; l=; a=\"", sound, nil, nil},
		{"good", tested, whole, sound, certified(nil), nil},
		{"good, packed", tested, whole, fetchedSVG(gzipped(bimiPicture)), certified(nil), nil},
		{"of the organisation", sub, whole + "\na A 192.0.2.1", sound, certified(nil), nil},
		{"a wildcard of another record", tested, bimiStrict + "*.example.test. TXT \"v=spf1 -all\"", sound, nil, nil},
		{"without certificate", tested, at("v=BIMI1; l=" + logoURL), sound, nil, []string{"BIMI-NO-CERTIFICATE example.test"}},

		// The record.
		{"twice", tested, whole + "\ndefault._bimi TXT \"v=BIMI1; l=\"", sound, nil,
			[]string{"BIMI-MULTIPLE example.test count=2 place=default._bimi.example.test"}},
		{"lower case", tested, at("v=bimi1; l=" + logoURL), sound, nil, broken("version-case", "v", "v=bimi1", "1")},
		{"lower case beside a good one", tested, whole + "\ndefault._bimi TXT \"v=bimi1; l=" + logoURL + "\"", sound, certified(nil), nil},
		{"http", tested, at("v=BIMI1; l=http://x.example/a.svg"), sound, nil, broken("url-scheme", "l", "http://x.example/a.svg", "12")},
		{"no location", tested, at("v=BIMI1"), sound, nil, broken("location-missing", "l", `"\"\""`, "8")},
		{"avatar", tested, at(bimiFull + "; avp=x"), sound, certified(nil), broken("avatar-invalid", "avp", "x", "88")},
		{"comma", tested, at(strings.Replace(bimiFull, "logo.svg", "w_1,h_1/logo.svg", 1)), sound, certified(nil), nil},
		{"two semicolons", tested, at(strings.Replace(bimiFull, ";", ";;", 1)), sound, certified(nil), nil},

		// DMARC.
		{"no DMARC", tested, mail + "default._bimi TXT \"" + bimiFull + "\"", sound, certified(nil), weak("dmarc-missing", "quarantine")},
		{"DMARC unknown", tested, mail + "default._bimi TXT \"" + bimiFull + "\"\n;! timeout _dmarc.example.test", sound, certified(nil), nil},
		{"p=none", tested, dmarc("v=DMARC1; p=none"), sound, certified(nil), weak("policy-none", "quarantine")},
		{"p invalid", tested, dmarc("v=DMARC1; p=x; rua=mailto:r@example.test"), sound, certified(nil), weak("policy-invalid", "quarantine; rua=mailto:r@example.test")},
		{"p absent", tested, dmarc("v=DMARC1; rua=mailto:r@example.test"), sound, certified(nil), weak("policy-invalid", "quarantine; rua=mailto:r@example.test")},
		{"sp=none", tested, dmarc("v=DMARC1; p=reject; sp=none"), sound, certified(nil), weak("subdomain-none", "reject")},
		{"sp=none for a subdomain", sub, dmarc("v=DMARC1; p=reject; sp=none") + "\na A 192.0.2.1", sound, certified(nil),
			[]string{"BIMI-DMARC-WEAK a.example.test bimi=default._bimi.example.test gap=subdomain-none place=_dmarc.example.test record=\"v=DMARC1; p=reject\""}},
		{"organisation with p=none", sub, dmarc("v=DMARC1; p=none") + "\na A 192.0.2.1\n_dmarc.a TXT \"v=DMARC1; p=reject\"", sound, certified(nil),
			[]string{"BIMI-DMARC-WEAK a.example.test bimi=default._bimi.example.test gap=policy-none place=_dmarc.example.test record=\"v=DMARC1; p=quarantine\""}},
		{"np=none", tested, dmarc("v=DMARC1; p=reject; np=none"), sound, certified(nil), nil},
		{"quarantine", tested, dmarc("v=DMARC1; p=quarantine; pct=100"), sound, certified(nil), nil},
		{"quarantine for some", tested, dmarc("v=DMARC1; p=quarantine; pct=99"), sound, certified(nil), weak("percentage", "quarantine")},
		{"quarantine for an odd part", tested, dmarc("v=DMARC1; p=quarantine; pct=all"), sound, certified(nil), nil},
		{"reject for some", tested, dmarc("v=DMARC1; p=reject; pct=1"), sound, certified(nil), nil},
		{"testing", tested, dmarc("v=DMARC1; p=reject; t=y"), sound, certified(nil), weak("testing", "reject")},

		// The logo.
		{"logo not there", tested, whole, bimi.Fetched{Outcome: "http-status", Known: true, Status: 404}, certified(nil),
			logo("BIMI-LOGO-UNREACHABLE", "fetch=http-status status=404")},
		{"logo in no time", tested, whole, bimi.Fetched{Outcome: "timeout"}, certified(nil), nil},
		{"logo much too large", tested, whole, bimi.Fetched{Outcome: "too-large", Known: true, TooLarge: true}, certified(nil),
			logo("BIMI-LOGO-TOO-LARGE", "limit=32768 size=131072")},
		{"logo as large as advised", tested, whole, fetchedSVG(bimiPicture + strings.Repeat(" ", bimi.MaxAdvised-len(bimiPicture))), certified(nil), nil},
		{"logo too large", tested, whole, fetchedSVG(bimiPicture + strings.Repeat(" ", bimi.MaxAdvised+1-len(bimiPicture))), certified(nil),
			logo("BIMI-LOGO-TOO-LARGE", "limit=32768 size=32769")},
		{"logo invalid", tested, at("v=BIMI1; l=" + logoURL), fetchedSVG(strings.Replace(bimiPicture, "<title>", "\n<script/><title>", 1)), nil,
			append(logo("BIMI-LOGO-INVALID", "fault=script line=2 name=script"), "BIMI-NO-CERTIFICATE example.test")},
		{"logo with advice", tested, at("v=BIMI1; l=" + logoURL), fetchedSVG(strings.Replace(bimiPicture, "9 9", "9 8", 1)), nil,
			append(logo("BIMI-LOGO-ADVICE", "fault=not-square line=1 name=viewBox"), "BIMI-NO-CERTIFICATE example.test")},
		{"logo is a page", tested, at("v=BIMI1; l=" + logoURL), fetchedSVG("<html></html>"), nil,
			append(logo("BIMI-LOGO-INVALID", "fault=not-svg line=1 name=html"), "BIMI-NO-CERTIFICATE example.test")},

		// The certificate.
		{"certificate not there", tested, whole, sound, &bimi.CertificateFile{Download: bimi.Download{URL: markURL, Outcome: "cert-name", Known: true}},
			mark("BIMI-CERT-UNREACHABLE", "fetch=cert-name status=0")},
		{"certificate in no time", tested, whole, sound, &bimi.CertificateFile{Download: bimi.Download{URL: markURL, Outcome: "timeout"}}, nil},
		{"certificate too large", tested, whole, sound, &bimi.CertificateFile{Download: bimi.Download{URL: markURL, Outcome: "too-large", Known: true, TooLarge: true}},
			mark("BIMI-CERT-INVALID", "fault=file-cut")},
		{"certificate is a page", tested, whole, sound, &bimi.CertificateFile{
			Download: bimi.Download{URL: markURL, Outcome: bimi.FetchOK, Known: true}, Mark: &bimi.Mark{Faults: []bimi.MarkReason{bimi.NoPEM}},
		}, mark("BIMI-CERT-INVALID", "fault=no-pem")},
		{"certificate broken", tested, whole, sound, certified(func(m *bimi.Mark) { m.Faults = []bimi.MarkReason{bimi.UsageMissing, bimi.ChainBroken} }),
			append(mark("BIMI-CERT-INVALID", "fault=usage-missing"), mark("BIMI-CERT-INVALID", "fault=chain-broken")...)},
		{"expired", tested, whole, sound, certified(func(m *bimi.Mark) { m.Expired, m.DaysLeft = true, -1 }), mark("BIMI-CERT-EXPIRED", "date=2027-01-01")},
		{"early", tested, whole, sound, certified(func(m *bimi.Mark) { m.NotYetValid = true }), mark("BIMI-CERT-INVALID", "fault=not-yet-valid")},
		{"30 days", tested, whole, sound, certified(func(m *bimi.Mark) { m.DaysLeft = 30 }), mark("BIMI-CERT-EXPIRES-SOON", "date=2027-01-01 days=30")},
		{"31 days", tested, whole, sound, certified(func(m *bimi.Mark) { m.DaysLeft = 31 }), nil},
		{"of another domain", tested, whole, sound, certified(func(m *bimi.Mark) { m.NameMatch, m.Names = false, []taglist.Octets{"a.example", "b.example"} }),
			mark("BIMI-CERT-NAME", `names="a.example, b.example" place=default._bimi.example.test`)},
		{"another logo", tested, whole, fetchedSVG(strings.Replace(bimiPicture, ">x<", ">y<", 1)), certified(nil), mark("BIMI-CERT-LOGO-DIFFERS", "logo="+logoURL)},
		{"another logo, which is invalid", tested, whole, fetchedSVG("<a/>"), certified(nil),
			append(logo("BIMI-LOGO-INVALID", "fault=not-svg line=1 name=a"), mark("BIMI-CERT-LOGO-DIFFERS", "logo="+logoURL)...)},
		{"no logo in the certificate", tested, whole, sound, certified(func(m *bimi.Mark) { m.Picture = nil }), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := bimiFacts(t, tt.domain, tt.zone, tt.logo, tt.mark)
			got := collect(judgeBIMI, f)
			expect(t, got, tt.want)
			text, err := json.Marshal(f)
			if err != nil {
				t.Fatal(err)
			}
			back := new(Facts)
			if err := json.Unmarshal(text, back); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(got, collect(judgeBIMI, back)); d != "" {
				t.Errorf("findings (-gathered +read back):\n%s", d)
			}
		})
	}
}

func TestMeritsBIMI(t *testing.T) {
	at := func(record string) string { return bimiStrict + "default._bimi TXT \"" + record + "\"" }
	tests := []struct {
		name, zone string
		logo       bimi.Fetched
		mark       *bimi.CertificateFile
		want       []string
	}{
		{"none", bimiStrict, fetchedSVG(bimiPicture), nil, nil},
		{"declined", at("v=BIMI1; l=; a="), fetchedSVG(bimiPicture), nil, []string{"bimi-declined"}},
		{"all", at(bimiFull), fetchedSVG(bimiPicture), certified(nil), []string{"bimi-logo", "bimi-certificate"}},
		{"logo with advice", at(bimiFull), fetchedSVG(strings.Replace(bimiPicture, "9 9", "9 8", 1)), nil, []string{"bimi-logo"}},
		{"logo invalid", at(bimiFull), fetchedSVG("<a/>"), certified(nil), nil},
		{"logo unknown", at(bimiFull), bimi.Fetched{Outcome: "timeout"}, certified(nil), []string{"bimi-certificate"}},
		{"certificate ends soon", at(bimiFull), fetchedSVG(bimiPicture), certified(func(m *bimi.Mark) { m.DaysLeft = 30 }), []string{"bimi-logo"}},
		{"certificate of another", at(bimiFull), fetchedSVG(bimiPicture), certified(func(m *bimi.Mark) { m.NameMatch = false }), []string{"bimi-logo"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			meritsBIMI(bimiFacts(t, tested, tt.zone, tt.logo, tt.mark), func(m Merit) { got = append(got, m.ID) })
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestBIMICoverage(t *testing.T) {
	const www = "www A 192.0.2.7\n"
	record := bimiStrict + "default._bimi TXT \"" + bimiFull + "\"\n"
	tests := []struct{ name, zone, want string }{
		{"none", bimiStrict, "done"},
		{"none, and the public suffix gives no answer", bimiStrict + ";! timeout _dmarc.test", "done"},
		{"no answer", bimiStrict + ";! timeout default._bimi.example.test", "inconclusive dns-timeout default._bimi.example.test minor"},
		{"declined", bimiStrict + "default._bimi TXT \"v=BIMI1; l=\"", "done"},
		{"no address of the web server", record, "done"},
		{"no answer about the web server", record + ";! servfail www.example.test", "inconclusive dns-servfail " + logoURL + " minor"},
		{"the web server is silent", record + www, "inconclusive no-answer " + logoURL + " minor"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := Net{
				DNS: parseZone(t, tt.zone), Now: func() time.Time { return time.Unix(0, 0) }, Public: prefixes("192.0.2.0/24"),
				Dial: func(context.Context, string, string) (net.Conn, error) { return nil, context.DeadlineExceeded },
			}
			got := Audit(t.Context(), n, tested, Options{Checks: []string{"bimi"}, NoSMTP: true})
			if len(got.Coverage) != 1 || reached(got.Coverage[0]) != tt.want {
				t.Errorf("coverage %+v, want %s", got.Coverage, tt.want)
			}
		})
	}
}

// TestBIMIGuard holds that a record does not lead to an address inside.
func TestBIMIGuard(t *testing.T) {
	dialled := false
	n := Net{
		DNS: parseZone(t, bimiStrict+"default._bimi TXT \""+bimiFull+"\"\nwww A 127.0.0.1\n"), Now: func() time.Time { return time.Unix(0, 0) },
		Dial: func(context.Context, string, string) (net.Conn, error) {
			dialled = true
			return nil, context.DeadlineExceeded
		},
	}
	got := Audit(t.Context(), n, tested, Options{Checks: []string{"bimi"}})
	if dialled {
		t.Error("127.0.0.1 was dialled")
	}
	expect(t, got.Findings, []string{
		"BIMI-CERT-UNREACHABLE example.test fetch=private-address status=0 url=" + markURL,
		"BIMI-LOGO-UNREACHABLE example.test fetch=private-address status=0 url=" + logoURL,
	})
}

func TestBIMIFinal(t *testing.T) {
	tests := []struct {
		name string
		resp httpsx.Response
		want bool
	}{
		{"ok", httpsx.Response{Outcome: httpsx.OutcomeOK}, true},
		{"not there", httpsx.Response{Outcome: httpsx.OutcomeStatus, Status: 404}, true},
		{"gone", httpsx.Response{Outcome: httpsx.OutcomeStatus, Status: 410}, true},
		{"forbidden for us", httpsx.Response{Outcome: httpsx.OutcomeStatus, Status: 403}, false},
		{"down", httpsx.Response{Outcome: httpsx.OutcomeStatus, Status: 500}, false},
		{"redirect", httpsx.Response{Outcome: httpsx.OutcomeRedirect, Status: 301}, false},
		{"coding", httpsx.Response{Outcome: httpsx.OutcomeEncoded}, false},
		{"certificate", httpsx.Response{Outcome: httpsx.OutcomeExpired}, true},
		{"timeout", httpsx.Response{Outcome: httpsx.OutcomeTimeout}, false},
		{"no roots", httpsx.Response{Outcome: httpsx.OutcomeNoRoots}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := bimiFinal(&tt.resp); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
