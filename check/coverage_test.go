package check

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"maildoctor/check/certs"
	"maildoctor/check/dkim"
	"maildoctor/check/dmarc"
	"maildoctor/check/dnsx"
	"maildoctor/check/mx"
	"maildoctor/check/rdns"
	"maildoctor/check/smtp"
	"maildoctor/check/spf"
)

// tested is the domain of the zones below.
const tested = "example.test"

// mail is the part of a zone that gives the domain a mail host.
const mail = "@ MX 10 mx\nmx A 192.0.2.1\nmx AAAA 2001:db8::1\n"

// parseZone reads a zone file in which names are relative to the domain.
func parseZone(t testing.TB, text string) *dnsx.Zone {
	t.Helper()
	z, err := dnsx.ParseZone(strings.NewReader("$ORIGIN "+tested+".\n$TTL 60\n"+text), "zone")
	if err != nil {
		t.Fatalf("zone: %v\n%s", err, text)
	}
	return z
}

// factsOf gathers what the DNS alone says of a domain in a zone.
func factsOf(t testing.TB, domain, zone string) *Facts {
	t.Helper()
	r := dnsx.New(parseZone(t, zone), dnsx.Options{})
	return &Facts{
		Domain: domain, SMTPPort: 25,
		MX: mx.Lookup(t.Context(), r, domain), SPF: spf.Walk(t.Context(), r, domain), DMARC: dmarc.Discover(t.Context(), r, domain),
	}
}

// collect runs one judge and returns what it says, each once and sorted.
func collect(judge func(*Facts, func(Finding)), f *Facts) []Finding {
	var out []Finding
	judge(f, once(func(x Finding) { out = append(out, x) }))
	slices.SortStableFunc(out, func(a, b Finding) int { return strings.Compare(said(a), said(b)) })
	return out
}

// said is a finding as a line: its rule, its subject and all of its params.
func said(f Finding) string {
	line := string(f.Rule) + " " + f.Subject
	for _, k := range slices.Sorted(maps.Keys(f.Params)) {
		v := f.Params[k]
		if v == "" || strings.ContainsAny(v, " \"") {
			v = strconv.Quote(v)
		}
		line += " " + k + "=" + v
	}
	return line
}

func saidAll(findings []Finding) []string {
	var out []string
	for _, f := range findings {
		out = append(out, said(f))
	}
	return out
}

// expect compares what a judge says with the lines wanted, in any order.
func expect(t *testing.T, got []Finding, want []string) {
	t.Helper()
	want = slices.Sorted(slices.Values(want))
	if d := cmp.Diff(want, saidAll(got)); d != "" {
		t.Errorf("findings (-want +got):\n%s", d)
	}
	for _, f := range got {
		if f.Subject == "" {
			t.Errorf("finding %s has no subject", f.Rule)
		}
	}
}

// auditZone audits a domain whose zone is all there is, without connections.
func auditZone(t *testing.T, domain, zone string, o Options) *Result {
	t.Helper()
	o.NoSMTP = true
	n := Net{DNS: parseZone(t, zone), Now: func() time.Time { return time.Unix(0, 0) }, Public: prefixes("192.0.2.0/24", "2001:db8::/32")}
	return Audit(t.Context(), n, domain, o)
}

// reached is a coverage as a line: state, reason, subject, and minor if it is.
func reached(c Coverage) string {
	line := strings.Join([]string{string(c.State), c.Reason, c.Subject}, " ")
	if c.Minor {
		line += " minor"
	}
	return strings.TrimSpace(line)
}

func TestCoverage(t *testing.T) {
	const healthy = mail + "1.2.0.192.in-addr.arpa. PTR mx\n" +
		"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR mx\n"
	given := Options{IP: netip.MustParseAddr("192.0.2.1")}
	tests := []struct {
		name, checker, zone string
		o                   Options
		want                string
	}{
		{"mx", "mx", mail, Options{}, "done"},
		{"mx, no answer", "mx", ";! timeout example.test MX", Options{}, "inconclusive dns-timeout example.test"},
		{"mx, transport failed", "mx", ";! network example.test MX", Options{}, "inconclusive dns-failed example.test"},
		{"mx, no files left", "mx", ";! descriptors example.test MX", Options{}, "inconclusive file-descriptors example.test"},
		{"mx, no questions left", "mx", ";! budget example.test MX", Options{}, "inconclusive question-budget example.test"},
		{"mx, an address unknown", "mx", mail + ";! servfail mx.example.test AAAA", Options{}, "inconclusive dns-servfail mx.example.test minor"},
		{"mx, all addresses unknown", "mx", "@ MX 1 mx\n;! servfail mx.example.test", Options{}, "inconclusive dns-servfail mx.example.test"},
		{"mx, one address absent, one unknown", "mx", "@ MX 1 mx\nmx TXT x\n;! refused mx.example.test A", Options{}, "inconclusive dns-refused mx.example.test"},
		{"not asked for", "mx", mail, Options{Checks: []string{"ptr"}}, ""},
		{"no such domain", "mx", "other.test. A 192.0.2.1", Options{}, "skipped domain-not-found"},

		{"spf", "spf", mail + `@ TXT "v=spf1 mx -all"`, Options{}, "done"},
		{"spf, no record", "spf", mail, Options{}, "done"},
		{"spf, no answer", "spf", mail + ";! timeout example.test TXT", Options{}, "inconclusive dns-timeout example.test"},
		{"spf, include unknown", "spf", mail + "@ TXT \"v=spf1 include:_spf.test -all\"\n;! servfail _spf.test", Options{}, "inconclusive dns-servfail _spf.test"},
		{"spf, term unknown", "spf", mail + "@ TXT \"v=spf1 a:host.test -all\"\n;! servfail host.test", Options{}, "inconclusive dns-servfail example.test"},
		{"spf, truncated", "spf", mail + longRecord(spf.MaxSteps+1), Options{}, "inconclusive record-too-large example.test"},
		{"spf, as long as is read", "spf", mail + longRecord(spf.MaxSteps), Options{}, "done"},
		{"spf, sender found out all the same", "spf", mail + "@ TXT \"v=spf1 ip4:192.0.2.1 include:_spf.test -all\"\n;! servfail _spf.test",
			Options{IP: given.IP, Checks: []string{"spf"}}, "done"},
		{"spf, sender found out, the rest wanted too", "spf", mail + "@ TXT \"v=spf1 ip4:192.0.2.1 include:_spf.test -all\"\n;! servfail _spf.test",
			given, "inconclusive dns-servfail _spf.test"},
		{"spf, sender unknown by include", "spf", mail + "@ TXT \"v=spf1 include:_spf.test -all\"\n;! servfail _spf.test",
			given, "inconclusive dns-servfail _spf.test"},
		{"spf, sender unknown by term", "spf", mail + "@ TXT \"v=spf1 a:host.test -all\"\n;! timeout host.test",
			given, "inconclusive dns-timeout host.test"},
		{"spf, sender's domain unknown", "spf", mail + "@ TXT \"v=spf1 mx -all\"\n;! timeout other.test",
			Options{IP: given.IP, From: "a@other.test"}, "inconclusive dns-timeout other.test"},

		{"dkim, nobody sends", "dkim", mail + `@ TXT "v=spf1 -all"`, Options{}, "skipped no-sender"},
		{"dkim, nobody answers", "dkim", ";! timeout example.test", Options{}, "inconclusive dns-timeout example.test"},
		{"dkim, none known", "dkim", mail + `@ TXT "v=spf1 mx -all"`, Options{}, "inconclusive no-known-selector"},
		{"dkim, none known of a domain that is idle", "dkim", `@ MX 0 .`, Options{}, "skipped no-sender"},
		{"dkim, found", "dkim", mail + "default._domainkey " + keyTXT(rsaKey(2048)), Options{}, "done"},
		{"dkim, found, not working", "dkim", mail + "default._domainkey " + keyTXT("v=DKIM1; p="), Options{}, "inconclusive no-working-key"},
		{"dkim, wildcard", "dkim", mail + "*._domainkey " + keyTXT("v=DKIM1; p="), Options{}, "inconclusive wildcard"},
		{"dkim, a guess unknown", "dkim", mail + ";! servfail google._domainkey.example.test TXT", Options{}, "inconclusive dns-servfail google._domainkey.example.test"},
		{"dkim, a guess unknown, another works", "dkim", mail + "default._domainkey " + keyTXT(rsaKey(2048)) + "\n;! servfail google._domainkey.example.test TXT", Options{}, "done"},
		{"dkim, questions used up", "dkim", mail + ";! budget google._domainkey.example.test TXT", Options{}, "inconclusive question-budget example.test"},
		{"dkim, given", "dkim", mail, Options{Selectors: []string{"s1"}}, "done"},
		{"dkim, given, unknown", "dkim", mail + ";! timeout s1._domainkey.example.test", Options{Selectors: []string{"s1"}}, "inconclusive dns-timeout s1._domainkey.example.test"},
		{"dkim, given, questions used up", "dkim", mail + ";! budget s1._domainkey.example.test TXT", Options{Selectors: []string{"s1"}}, "inconclusive question-budget example.test"},
		{"dkim, more given than may be asked", "dkim", mail, Options{Selectors: manySelectors(maxKeyQuestions + 1)}, "inconclusive question-budget example.test"},
		{"dkim, as many given as may be asked", "dkim", mail, Options{Selectors: manySelectors(maxKeyQuestions)}, "done"},

		{"dmarc", "dmarc", mail + `_dmarc TXT "v=DMARC1; p=none"`, Options{}, "done"},
		{"dmarc, own unknown", "dmarc", mail + ";! timeout _dmarc.example.test", Options{}, "inconclusive dns-timeout _dmarc.example.test"},
		{"dmarc, public suffix unknown", "dmarc", mail + ";! refused _dmarc.test", Options{}, "inconclusive dns-refused _dmarc.test minor"},
		{"dmarc, report host unknown", "dmarc", mail + "_dmarc TXT \"v=DMARC1; p=none; rua=mailto:a@r.invalid\"\n;! servfail r.invalid", Options{},
			"inconclusive dns-servfail example.test._report._dmarc.r.invalid minor"},
		{"dmarc, too many report hosts", "dmarc", mail + "_dmarc TXT " + manyReports(dmarc.MaxHosts+1), Options{}, "inconclusive too-many-names example.test minor"},
		{"dmarc, as many report hosts as are asked", "dmarc", mail + "_dmarc TXT " + manyReports(dmarc.MaxHosts), Options{}, "done"},

		{"ptr", "ptr", healthy, Options{}, "done"},
		{"ptr, no address", "ptr", "@ MX 0 .", Options{}, "skipped no-address-given"},
		{"ptr, hosts unknown", "ptr", ";! timeout example.test MX", Options{}, "inconclusive dns-timeout example.test minor"},
		{"ptr, unknown", "ptr", healthy + ";! servfail 1.2.0.192.in-addr.arpa", Options{}, "inconclusive dns-servfail 192.0.2.1 minor"},
		{"ptr, name unknown", "ptr", "@ MX 1 mx\nmx A 192.0.2.1\n1.2.0.192.in-addr.arpa. PTR h.invalid.\n;! timeout h.invalid", Options{},
			"inconclusive dns-timeout 192.0.2.1 minor"},
		{"ptr, of the sender, unknown", "ptr", mail + ";! servfail 1.2.0.192.in-addr.arpa", given, "inconclusive dns-servfail 192.0.2.1"},
		{"ptr, too many names", "ptr", mail + manyPTR(rdns.MaxNames+1), given, "inconclusive too-many-names 192.0.2.1"},
		{"ptr, as many names as are asked", "ptr", mail + manyPTR(rdns.MaxNames), given, "done"},

		{"mta-sts, none", "mta-sts", mail, Options{}, "done"},
		{"mta-sts, unknown", "mta-sts", mail + ";! servfail _mta-sts.example.test", Options{}, "inconclusive dns-servfail _mta-sts.example.test"},
		{"mta-sts, no policy", "mta-sts", mail + `_mta-sts TXT "v=STSv1; id=1"`, Options{}, "done"},
		{"mta-sts, web server unknown", "mta-sts", mail + "_mta-sts TXT \"v=STSv1; id=1\"\n;! servfail mta-sts.example.test", Options{},
			"inconclusive dns-servfail https://mta-sts.example.test/.well-known/mta-sts.txt"},
		{"tls-rpt, none", "tls-rpt", mail, Options{}, "done"},
		{"tls-rpt, unknown", "tls-rpt", mail + ";! timeout _smtp._tls.example.test", Options{}, "inconclusive dns-timeout _smtp._tls.example.test minor"},
		{"dane, none", "dane", mail, Options{}, "done"},
		{"dane, no mail", "dane", "@ MX 0 .", Options{}, "skipped null-mx"},
		{"dane, no host", "dane", "@ MX 1 mx\nmx TXT x", Options{}, "skipped no-hosts"},
		{"dane, hosts unknown", "dane", ";! timeout example.test MX", Options{}, "inconclusive dns-timeout example.test"},
		{"dane, unknown", "dane", mail + daneWay + ";! timeout _25._tcp.mx.example.test TLSA", Options{}, "inconclusive dns-timeout _25._tcp.mx.example.test"},
		{"dane, unknown, not signed", "dane", mail + ";! timeout _25._tcp.mx.example.test TLSA", Options{}, "done"},
		{"dane, not compared", "dane", mail + daneWay + "_25._tcp.mx TLSA 3 1 1 00", Options{}, "skipped no-smtp"},

		{"smtp", "smtp", mail, Options{}, "skipped no-smtp"},
		{"tls", "tls", mail, Options{}, "skipped no-smtp"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			for _, c := range auditZone(t, tested, tt.zone+"\n", tt.o).Coverage {
				if c.Checker == tt.checker {
					got = reached(c)
				}
			}
			if got != tt.want {
				t.Errorf("coverage of %s: %q, want %q", tt.checker, got, tt.want)
			}
		})
	}
}

// TestCoverageDMARCTag holds that a policy is not concluded where it depends on
// whether the domain exists and that is not known.
func TestCoverageDMARCTag(t *testing.T) {
	got := auditZone(t, "sub."+tested, mail+"_dmarc TXT \"v=DMARC1; p=reject; sp=reject; np=none; rua=mailto:a@example.test\"\n"+
		";! timeout sub.example.test TXT\n;! timeout sub.example.test MX\n;! nxdomain _dmarc.sub.example.test\n", Options{Checks: []string{"dmarc"}})
	if len(got.Findings) > 0 {
		t.Errorf("findings %v, want none", saidAll(got.Findings))
	}
	if want := "inconclusive dns-servfail sub.example.test"; len(got.Coverage) != 1 || reached(got.Coverage[0]) != want {
		t.Errorf("coverage %+v, want %q", got.Coverage, want)
	}
}

func TestCoverageInterrupted(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	late, stop := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer stop()
	for _, tt := range []struct {
		name string
		ctx  context.Context
		want string
	}{
		{"cancelled", canceled, ReasonInterrupted},
		{"deadline", late, ReasonDeadline},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := Net{DNS: parseZone(t, mail), Now: time.Now}
			for _, c := range Audit(tt.ctx, n, tested, Options{Access: AccessAuto}).Coverage {
				if c.State != Inconclusive || c.Reason != tt.want {
					t.Errorf("coverage %+v, want inconclusive, %s", c, tt.want)
				}
			}
		})
	}
}

// longRecord is a TXT record of SPF with n terms.
func longRecord(n int) string {
	var b strings.Builder
	b.WriteString(`@ TXT "v=spf1"`)
	for i := range n - 1 {
		fmt.Fprintf(&b, ` " ip4:198.51.%d.%d"`, i/256, i%256)
	}
	return b.String() + ` " -all"`
}

func manySelectors(n int) []string {
	var out []string
	for i := range n {
		out = append(out, "s"+strconv.Itoa(i))
	}
	return out
}

// manyReports is a DMARC record with report addresses at n hosts, all of which
// take them.
func manyReports(n int) string {
	var uris []string
	zone := ""
	for i := range n {
		uris = append(uris, fmt.Sprintf("mailto:a@r%d.invalid", i))
		zone += fmt.Sprintf("%s._report._dmarc.r%d.invalid. TXT \"v=DMARC1\"\n", tested, i)
	}
	text := "v=DMARC1; p=reject; rua=" + strings.Join(uris, ",")
	return `"` + text[:200] + `" "` + text[200:] + "\"\n" + zone
}

// manyPTR gives 192.0.2.1 n names that have another address.
func manyPTR(n int) string {
	zone := ""
	for i := range n {
		zone += fmt.Sprintf("1.2.0.192.in-addr.arpa. PTR h%02d.invalid.\nh%02d.invalid. A 198.51.100.1\n", i, i)
	}
	return zone
}

func TestNamesAndRules(t *testing.T) {
	if want := []string{"mx", "spf", "dkim", "dmarc", "ptr", "dnsbl", "smtp", "tls", "mta-sts", "tls-rpt", "dane", "bimi", "access"}; !slices.Equal(Names(), want) {
		t.Errorf("Names() = %v, want %v", Names(), want)
	}
	rules := Rules()
	if !slices.IsSorted(rules) || len(slices.Compact(slices.Clone(rules))) != len(rules) {
		t.Errorf("Rules() = %v, want them sorted, each once", rules)
	}
	for _, r := range []RuleID{InternalError, domainNotFound, mxNone, parkedSPFOpen, dkimWildcard, dmarcPSDSelf, ptrMissing, smtp587NoTLS, tlsSubmission, bimiSyntax} {
		if !slices.Contains(rules, r) {
			t.Errorf("Rules() lacks %s", r)
		}
	}
}

// TestRole tells what a domain does from its MX and SPF records.
func TestRole(t *testing.T) {
	tests := []struct {
		name, zone string
		want       Role
	}{
		{"hosts, somebody sends", mail + `@ TXT "v=spf1 mx -all"`, Sending},
		{"hosts, no SPF", mail, Sending},
		{"hosts, only a lookalike of SPF", mail + `@ TXT "v=spf10 -all"`, Sending},
		{"hosts, several records", mail + "@ TXT \"v=spf1 -all\"\n@ TXT \"v=spf1 mx -all\"", Sending},
		{"hosts, broken record", mail + `@ TXT "v=spf1 foo -all"`, Sending},
		{"hosts, broken include", mail + "@ TXT \"v=spf1 include:_spf.example.test -all\"\n_spf TXT \"v=spf1 foo -all\"", Sending},
		{"hosts, dead include", mail + `@ TXT "v=spf1 include:gone.test -all"`, Sending},
		{"hosts, include without answer", mail + "@ TXT \"v=spf1 include:_spf.test -all\"\n;! timeout _spf.test", Sending},
		{"hosts, include that authorises nobody", mail + "@ TXT \"v=spf1 include:_spf.example.test -all\"\n_spf TXT \"v=spf1 -all\"", Receiving},
		{"hosts, all may send", mail + `@ TXT "v=spf1 +all"`, Sending},
		{"hosts, a dead term", mail + `@ TXT "v=spf1 a:gone.test -all"`, Sending},
		{"hosts, nobody sends", mail + `@ TXT "v=spf1 -all"`, Receiving},
		{"hosts, redirect to nobody", mail + "@ TXT \"v=spf1 redirect=_spf.example.test\"\n_spf TXT \"v=spf1 -all\"", Receiving},
		{"hosts, terms behind all", mail + `@ TXT "v=spf1 -all mx"`, Receiving},
		{"hosts, ~all alone", mail + `@ TXT "v=spf1 ~all"`, Unknown},
		{"hosts, ?all alone", mail + `@ TXT "v=spf1 ?all"`, Unknown},
		{"hosts, bare record", mail + `@ TXT "v=spf1"`, Unknown},
		{"hosts, SPF without answer", mail + ";! timeout example.test TXT", Unknown},
		{"null MX, nothing else", "@ MX 0 .", Parked},
		{"null MX, -all", "@ MX 0 .\n@ TXT \"v=spf1 -all\"", Parked},
		{"null MX, ~all", "@ MX 0 .\n@ TXT \"v=spf1 ~all\"", Parked},
		{"null MX, ?all", "@ MX 0 .\n@ TXT \"v=spf1 ?all\"", Parked},
		{"null MX, bare record", "@ MX 0 .\n@ TXT \"v=spf1\"", Parked},
		{"null MX, redirect to nobody", "@ MX 0 .\n@ TXT \"v=spf1 redirect=_spf.example.test\"\n_spf TXT \"v=spf1 -all\"", Parked},
		{"null MX, somebody sends", "@ MX 0 .\n@ TXT \"v=spf1 ip4:192.0.2.1 -all\"", Sending},
		{"null MX, broken record", "@ MX 0 .\n@ TXT \"v=spf1 foo -all\"", Sending},
		{"null MX, SPF without answer", "@ MX 0 .\n;! timeout example.test TXT", Unknown},
		{"null MX beside a host", "@ MX 0 .\n" + mail + "@ TXT \"v=spf1 -all\"", Receiving},
		{"null MX beside a host, no SPF", "@ MX 0 .\n" + mail, Sending},
		{"address only", "@ A 192.0.2.1", Unknown},
		{"address only, -all", "@ A 192.0.2.1\n@ TXT \"v=spf1 -all\"", Parked},
		{"address only, ~all", "@ A 192.0.2.1\n@ TXT \"v=spf1 ~all\"", Unknown},
		{"address only, somebody sends", "@ A 192.0.2.1\n@ TXT \"v=spf1 a -all\"", Sending},
		{"MX without answer", ";! timeout example.test MX\n@ TXT \"v=spf1 mx -all\"", Unknown},
		{"no such domain", "other.test. A 192.0.2.1", Unknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := factsOf(t, tested, tt.zone+"\n").Role(); got != tt.want {
				t.Errorf("role %q, want %q", got, tt.want)
			}
		})
	}
}

// TestExists tells a domain that does not exist from an alias that leads to
// nothing.
func TestExists(t *testing.T) {
	tests := []struct {
		name, zone string
		want       []string
	}{
		{"it does", mail, nil},
		{"it does not", "other.test. A 192.0.2.1", []string{"DOMAIN-NOT-FOUND example.test"}},
		{"no answer", ";! timeout example.test", nil},
		{"an alias that leads to nothing", "@ CNAME gone.test.", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			expect(t, collect(judgeDomain, factsOf(t, tested, tt.zone+"\n")), tt.want)
		})
	}
	t.Run("nothing else is said of it", func(t *testing.T) {
		expect(t, auditZone(t, tested, "other.test. A 192.0.2.1\n", Options{}).Findings, []string{"DOMAIN-NOT-FOUND example.test"})
	})
}

// TestJudgeIncomplete judges facts that were read back from JSON and lack what
// a checker would have found out.
func TestJudgeIncomplete(t *testing.T) {
	for _, text := range []string{
		`{}`,
		`{"mx":{}}`,
		`{"mx":{"status":"ok"},"spf":{}}`,
		`{"mx":{"status":"ok","null":true},"spf":{"root":{}}}`,
		`{"mx":{"status":"nodata","implicit":true}}`,
		`{"mx":{"status":"ok","hosts":[{}]}}`,
		`{"spf":{"root":{"outcome":"one"}}}`,
		`{"spf":{"root":{"outcome":"none"}},"sender":{"result":"none"}}`,
		`{"sender":{"result":"fail"}}`,
		`{"dkim":{}}`,
		`{"dkim":{"given":[{}]}}`,
		`{"dkim":{"search":{}}}`,
		`{"dkim":{"search":{"found":[{"status":"ok","records":[{}]}]}}}`,
		`{"dmarc":{}}`,
		`{"dmarc":{"walk":{"steps":[]}}}`,
		`{"dmarc":{"walk":{"steps":[{}]}}}`,
		`{"dmarc":{"outcome":"none","walk":{"steps":[{"reached":true,"status":"nxdomain"}]}}}`,
		`{"ptr":[{}]}`,
		`{"smtp":[{}]}`,
		`{"smtp":[{"outcome":"ok","tls":{}}]}`,
		`{"smtp":[{"outcome":"ok","starttls":"refused","tls":{"certificates":[{}]}}]}`,
		`{"gathered":[{}],"checks":["mx","nothing"]}`,
	} {
		t.Run(text, func(t *testing.T) {
			var f Facts
			if err := json.Unmarshal([]byte(text), &f); err != nil {
				t.Fatal(err)
			}
			got := result(&f, Net{Now: time.Now})
			for _, x := range got.Findings {
				if x.Rule == InternalError {
					t.Errorf("%s", said(x))
				}
			}
		})
	}
}

// TestJudgeInternalError holds that a judge that fails costs its own part.
func TestJudgeInternalError(t *testing.T) {
	f := factsOf(t, tested, mail)
	f.Gathered = []Coverage{
		{Checker: "ptr", State: Inconclusive, Reason: ReasonInternal, Subject: "planted"},
		{Checker: "mx", State: Done},
	}
	broken := checker{name: "dmarc", judge: func(*Facts, func(Finding)) { panic("broken") }}
	findings, _ := judge(f, []checker{broken, spfChecker()})
	var got []string
	for _, x := range findings {
		got = append(got, said(x))
	}
	if d := cmp.Diff([]string{
		"INTERNAL-ERROR example.test checker=ptr detail=planted",
		"INTERNAL-ERROR example.test checker=dmarc detail=broken",
		`SPF-MISSING example.test basis=mail-hosts record="v=spf1 mx ~all"`,
	}, got); d != "" {
		t.Errorf("findings (-want +got):\n%s", d)
	}
	if got := reached(f.coverage()[0]); got != "inconclusive internal-error planted" {
		t.Errorf("coverage %q", got)
	}
}

// TestOnce holds that what is said twice is said once.
func TestOnce(t *testing.T) {
	n := 0
	add := once(func(Finding) { n++ })
	add(Finding{Rule: "A", Subject: "b", Params: params("c", "d")})
	add(Finding{Rule: "A", Subject: "b", Params: params("c", "d"), Evidence: []string{"e"}})
	add(Finding{Rule: "A", Subject: "b", Params: params("c", "e")})
	add(Finding{Rule: "A", Subject: "c", Params: params("c", "d")})
	if n != 3 {
		t.Errorf("%d findings, want 3", n)
	}
}

// TestMerits lists what is told as good, and what is not.
func TestMerits(t *testing.T) {
	key := []dkim.Selector{selector("s1", rsaKey(2048))}
	session := dialogue("mx.example.test", "192.0.2.1", smtp.OutcomeOK)
	session.StartTLS, session.TLS = smtp.StartTLSOK, tlsState(certs.ChainTrusted)
	confirmed := Reverse{Result: rdns.Result{
		Addr: netip.MustParseAddr("192.0.2.1"), Verdict: rdns.Pass, Names: []rdns.Name{{Name: "mx.example.test", Confirms: true}},
	}}
	f := factsOf(t, tested, mail+`@ TXT "v=spf1 mx -all"`+"\n"+`_dmarc TXT "v=DMARC1; p=reject; rua=mailto:a@example.test"`+"\n")
	f.Sender = &spf.Evaluation{Domain: tested, IP: confirmed.Addr, Result: spf.ResultPass}
	f.DKIM, f.SMTP, f.PTR = &DKIM{Given: key}, []Dialogue{session, session}, []Reverse{confirmed}
	parked := factsOf(t, tested, "@ MX 0 .\n@ TXT \"v=spf1 -all\"\n_dmarc TXT \"v=DMARC1; p=reject\"\n")
	open := factsOf(t, tested, mail+`@ TXT "v=spf1 +all"`+"\n"+`_dmarc TXT "v=DMARC1; p=reject"`+"\n")
	bad := factsOf(t, tested, "@ MX 1 mx\n"+`@ TXT "v=spf1 foo -all"`+"\n"+`_dmarc TXT "v=DMARC1; p=none"`+"\n")
	bad.DKIM = &DKIM{Given: []dkim.Selector{selector("s1", rsaKey(2048)+"; t=y"), selector("s2", "v=DKIM1; p=")}}
	for _, tt := range []struct {
		name  string
		facts *Facts
		want  []string
	}{
		{"healthy", f, []string{"mx-hosts", "spf-pass", "spf-lookups", "spf-all", "dkim-key", "dmarc-policy", "dmarc-reports", "ptr-confirmed", "smtp-starttls", "tls-trusted"}},
		{"parked", parked, []string{"mx-null", "parked-locked", "dmarc-policy"}},
		{"open to all", open, []string{"mx-hosts", "spf-lookups"}},
		{"bad", bad, nil},
		{"nothing", &Facts{}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			_, merits := judge(tt.facts, tt.facts.judged())
			for _, m := range merits {
				got = append(got, m.ID)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("merits (-want +got):\n%s", d)
			}
		})
	}
}
