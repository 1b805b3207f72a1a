package check

import (
	"encoding/json"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"maildoctor/check/dkim"
	"maildoctor/check/dnsx"
	"maildoctor/check/lab"
	"maildoctor/check/rdns"
	"maildoctor/check/spf"
)

// kebab is the form of codes.
var kebab = regexp.MustCompile(`^[a-z0-9]+([-.][a-z0-9]+)*$`)

// TestReceiversTable holds the form of the table.
func TestReceiversTable(t *testing.T) {
	ids := map[string]bool{}
	for _, r := range receivers() {
		if !kebab.MatchString(r.ID) || r.Name == "" || len(r.Requirements) == 0 || ids[r.ID] {
			t.Errorf("receiver %+v", r)
		}
		ids[r.ID] = true
		pages := []string{r.URL}
		for _, q := range r.Requirements {
			pages = append(pages, q.URL)
			first, _, _ := strings.Cut(r.ID, "-")
			switch {
			case !kebab.MatchString(q.ID) || !strings.HasPrefix(q.ID, first+"-") || ids[q.ID]:
				t.Errorf("%s: the ID is malformed, of another receiver or not the only one", q.ID)
			case q.Kind == "" || q.Applies == "" || q.Enforced == "" || q.Status == "":
				t.Errorf("%s: incomplete: %+v", q.ID, q)
			case q.Applies == ScopeHighVolume && q.Volume == 0:
				t.Errorf("%s: high volume of no number", q.ID)
			case r.ID == "yahoo" && q.Volume != 0:
				t.Errorf("%s: Yahoo publishes no number", q.ID)
			}
			ids[q.ID] = true
		}
		for _, page := range pages {
			if u, err := url.Parse(page); err != nil || u.Scheme != "https" || u.Host == "" {
				t.Errorf("%s: source %q", r.ID, page)
			}
		}
	}
}

// demandsOf lists what one of the receivers demands.
func demandsOf() []Demand {
	var out []Demand
	for _, r := range receivers() {
		for _, q := range r.Requirements {
			if !slices.Contains(out, q.Kind) {
				out = append(out, q.Kind)
			}
		}
	}
	return out
}

// sound holds what is true of any standing.
func sound(t *testing.T, kind Demand, s Standing, findings []Finding) {
	t.Helper()
	for _, rule := range s.Rules {
		if !slices.ContainsFunc(findings, func(f Finding) bool { return f.Rule == rule }) {
			t.Errorf("%s names %s, which is no finding", kind, rule)
		}
	}
	switch s.State {
	case Unmet:
		if len(s.Rules) == 0 {
			t.Errorf("%s is unmet for no rule", kind)
		}
	case Unseen:
		if s.ShownBy == "" || s.Ready && len(s.Rules) > 0 {
			t.Errorf("%s: %+v", kind, s)
		}
	case Met, Undetermined, NotApplicable:
		if len(s.Rules) > 0 {
			t.Errorf("%s: rules without need: %+v", kind, s)
		}
	default:
		t.Errorf("%s: state %q", kind, s.State)
	}
	if s.State != Unseen && (s.Ready || s.ShownBy != "") {
		t.Errorf("%s: %+v", kind, s)
	}
}

// A case of the tables below: the facts of a zone and what else is known.
type senderCase struct {
	name, zone string
	ip         string         // the sending host
	from       string         // its envelope sender
	reverse    rdns.Verdict   // of ip
	names      []rdns.Name    // of ip
	dkim       *DKIM          // nil: no key among those guessed
	change     func(f *Facts) // what else is different
	want       map[Demand]string
}

// said is a standing as a line.
func (s Standing) said() string {
	out := string(s.State)
	if s.Ready {
		out += " ready"
	}
	if s.ShownBy != "" {
		out += " " + string(s.ShownBy)
	}
	for _, rule := range s.Rules {
		out += " " + string(rule)
	}
	return out
}

func (tt *senderCase) facts(t *testing.T) *Facts {
	f := factsOf(t, tested, tt.zone)
	f.DKIM = &DKIM{Search: &dkim.Guesses{Domain: tested, Asked: []string{"s1"}}}
	if tt.dkim != nil {
		f.DKIM = tt.dkim
	}
	if tt.ip != "" {
		ip := netip.MustParseAddr(tt.ip)
		q := spf.Query{IP: ip, MailFrom: tt.from, Now: time.Now}
		if tt.from == "" {
			q.Domain = tested
		}
		f.Sender = spf.Evaluate(t.Context(), dnsx.New(parseZone(t, tt.zone), dnsx.Options{}), q)
		f.PTR = []Reverse{{Result: rdns.Result{Addr: ip, Verdict: tt.reverse, Names: tt.names}}}
	}
	if record := f.DMARC.Record(); record != nil && record.Record != nil && tt.from != "" {
		_, domain, _ := strings.Cut(tt.from, "@")
		f.Alignment = &Alignment{
			SPF: record.Record.ASPF, DKIM: record.Record.ADKIM,
			MailFrom: f.DMARC.Align(t.Context(), dnsx.New(parseZone(t, tt.zone), dnsx.Options{}), []string{domain}),
		}
	}
	if tt.change != nil {
		tt.change(f)
	}
	return f
}

func TestStandings(t *testing.T) {
	const (
		one    = "@ TXT \"v=spf1 ip4:192.0.2.9 ip6:2001:db8::9 ~all\"\n"
		policy = "_dmarc TXT \"v=DMARC1; p=none; rua=mailto:r@example.test\"\n"
		good   = mail + one + policy
		below  = "below TXT \"v=spf1 ip4:192.0.2.9 -all\"\n"
		strict = "_dmarc TXT \"v=DMARC1; p=none; aspf=s; rua=mailto:r@example.test\"\n"
		host   = "192.0.2.9"
	)
	var (
		given   = func(s ...dkim.Selector) *DKIM { return &DKIM{Given: s} }
		guessed = func(s ...dkim.Selector) *DKIM {
			return &DKIM{Search: &dkim.Guesses{Domain: tested, Asked: []string{"s1"}, Found: s}}
		}
		key     = given(selector("s1", rsaKey(2048)))
		own     = []rdns.Name{{Name: "out." + tested, Status: dnsx.OK, Confirms: true}}
		other   = []rdns.Name{{Name: "out.host.test", Status: dnsx.OK, Confirms: true}}
		wrong   = []rdns.Name{{Name: "out." + tested, Status: dnsx.OK}}
		generic = []rdns.Name{{Name: "dyn-9.isp.test", Status: dnsx.OK, Confirms: true, Generic: rdns.AccessWord}}
		spfs    = func(want string) map[Demand]string {
			return map[Demand]string{DemandSPF: want, DemandSPFOrDKIM: "unseen message" + rulesOf(want), DemandSPFAndDKIM: want}
		}
	)
	tests := []senderCase{
		{name: "sound, with nothing more known", zone: good, want: map[Demand]string{
			DemandSPF: "unseen ready ip", DemandDKIM: "unseen message", DemandSPFOrDKIM: "unseen ready message",
			DemandSPFAndDKIM: "unseen message", DemandAlignment: "unseen ready message",
			DemandDMARCRecord: "met", DemandDMARCReports: "met", DemandDMARCPass: "unseen ready message",
			DemandAllAuth: "unseen message", DemandAuthAndRecord: "unseen message", DemandAnyAuth: "unseen ready message",
			DemandSPFValid: "unseen ready ip", DemandSPFNotFail: "unseen ready ip", DemandDKIMKey: "unseen selector",
			DemandFCrDNS: "unseen ip", DemandFCrDNSDomain: "unseen ip", DemandPTRIndividual: "unseen ip", DemandIPv6: "unseen ip",
			DemandReceives: "met", DemandResolves: "met", DemandTLS: "unseen message", DemandOneClick: "unseen message",
			DemandComplaints: "unseen receiver", DemandBlocklists: "unseen ip",
		}},
		{name: "the sending host passes", zone: good, ip: host, reverse: rdns.Pass, names: own, dkim: key, want: map[Demand]string{
			DemandSPF: "met", DemandDKIM: "unseen ready message", DemandSPFOrDKIM: "met", DemandSPFAndDKIM: "unseen ready message",
			DemandAlignment: "met", DemandDMARCPass: "met", DemandAllAuth: "unseen ready message", DemandAuthAndRecord: "unseen ready message",
			DemandSPFValid: "met", DemandSPFNotFail: "met", DemandDKIMKey: "met", DemandDKIMAligned: "unseen ready message",
			DemandFCrDNS: "met", DemandFCrDNSDomain: "met", DemandFCrDNSContact: "unseen ready receiver",
			DemandPTROwnDomain: "met", DemandPTRIndividual: "unseen ready receiver", DemandIPv6: "not-applicable",
		}},
		{name: "the sending host passes over IPv6", zone: good, ip: "2001:db8::9", reverse: rdns.Fail, names: wrong,
			want: map[Demand]string{DemandIPv6: "met", DemandFCrDNS: "unmet PTR-NOT-CONFIRMED"}},
		{name: "over IPv6 without PTR", zone: good, ip: "2001:db8::9", reverse: rdns.Missing,
			want: map[Demand]string{DemandIPv6: "unmet PTR-MISSING"}},
		{name: "over IPv6, reverse DNS not known", zone: good, ip: "2001:db8::9", reverse: rdns.Unknown,
			want: map[Demand]string{DemandIPv6: "unknown"}},
		{name: "passes for a domain below", zone: good + below, ip: host, reverse: rdns.Pass, from: "a@below." + tested,
			want: map[Demand]string{DemandSPF: "met", DemandSPFOrDKIM: "met", DemandAlignment: "met", DemandDMARCPass: "met"}},
		{name: "passes for a domain below, and alignment not looked up", zone: good + below, ip: host, reverse: rdns.Pass, from: "a@below." + tested,
			change: func(f *Facts) { f.Alignment = nil },
			want:   map[Demand]string{DemandSPF: "met", DemandAlignment: "unseen message", DemandDMARCPass: "unseen message"}},
		{name: "passes for a domain below, and strict is asked for", zone: mail + one + strict + below, ip: host, reverse: rdns.Pass, from: "a@below." + tested,
			want: map[Demand]string{DemandSPF: "met", DemandAlignment: "unseen message DMARC-STRICT-UNALIGNED"}},
		{name: "the same, and no key", zone: mail + one + strict + below, ip: host, reverse: rdns.Pass, from: "a@below." + tested, dkim: given(absent("s1", dnsx.NXDomain)),
			want: map[Demand]string{
				DemandSPFOrDKIM: "met", DemandAlignment: "unmet DMARC-STRICT-UNALIGNED DKIM-SELECTOR-NOT-FOUND",
				DemandDMARCPass: "unmet DMARC-STRICT-UNALIGNED DKIM-SELECTOR-NOT-FOUND",
			}},
		{name: "passes for a domain that only one method aligns", zone: good + below + "_dmarc.below TXT \"v=DMARC1; p=none; psd=n\"\n", ip: host, reverse: rdns.Pass, from: "a@below." + tested,
			want: map[Demand]string{DemandAlignment: "unseen message DMARC-UNALIGNED"}},
		{name: "passes for another domain", zone: good + "$ORIGIN other.invalid.\n@ TXT \"v=spf1 ip4:192.0.2.9 -all\"\n", ip: host, reverse: rdns.Pass, from: "a@other.invalid",
			dkim: given(absent("s1", dnsx.NXDomain)),
			want: map[Demand]string{DemandSPF: "met", DemandAlignment: "unmet DMARC-UNALIGNED DKIM-SELECTOR-NOT-FOUND"}},

		// SPF.
		{name: "no SPF record", zone: mail + policy, want: map[Demand]string{
			DemandSPF: "unmet SPF-MISSING", DemandSPFAndDKIM: "unmet SPF-MISSING", DemandSPFOrDKIM: "unseen message SPF-MISSING",
			DemandAllAuth: "unmet SPF-MISSING", DemandSPFValid: "not-applicable", DemandSPFNotFail: "not-applicable",
			DemandAlignment: "unseen message SPF-MISSING",
		}},
		{name: "no SPF record, but a key", zone: mail + policy, dkim: key, want: map[Demand]string{
			DemandSPFOrDKIM: "unseen ready message", DemandAlignment: "unseen ready message",
		}},
		{name: "no SPF record, and no key", zone: mail + policy, dkim: given(absent("s1", dnsx.NXDomain)), want: map[Demand]string{
			DemandSPFOrDKIM: "unmet SPF-MISSING DKIM-SELECTOR-NOT-FOUND", DemandAnyAuth: "unmet SPF-MISSING DKIM-SELECTOR-NOT-FOUND",
			DemandAlignment: "unmet SPF-MISSING DKIM-SELECTOR-NOT-FOUND", DemandDMARCPass: "unmet SPF-MISSING DKIM-SELECTOR-NOT-FOUND",
		}},
		{name: "several SPF records", zone: mail + one + one[:len(one)-6] + "-all\"\n", want: spfs("unmet SPF-MULTIPLE")},
		{name: "SPF with a fault", zone: mail + "@ TXT \"v=spf1 mx ip:192.0.2.1 -all\"\n", want: spfs("unmet SPF-SYNTAX")},
		{name: "the first include is dead", zone: mail + "@ TXT \"v=spf1 include:gone.test ip4:192.0.2.9 -all\"\n", want: spfs("unmet SPF-INCLUDE-DEAD")},
		{name: "a redirect to nothing", zone: mail + "@ TXT \"v=spf1 redirect=gone.test\"\n", want: spfs("unmet SPF-INCLUDE-DEAD")},
		{name: "a fault in the first include", zone: mail + "@ TXT \"v=spf1 include:a.example.test -all\"\na TXT \"v=spf1 foo -all\"\n", want: spfs("unmet SPF-SYNTAX")},
		{name: "the first include leads back", zone: mail + "@ TXT \"v=spf1 include:example.test -all\"\n", want: spfs("unmet SPF-LOOP")},
		{name: "a dead include behind another term", zone: mail + "@ TXT \"v=spf1 mx include:gone.test -all\"\n", want: map[Demand]string{
			DemandSPF: "unseen ip SPF-INCLUDE-DEAD", DemandSPFOrDKIM: "unseen message SPF-INCLUDE-DEAD", DemandSPFValid: "unseen ip SPF-INCLUDE-DEAD",
			DemandSPFNotFail: "unseen ip",
		}},
		{name: "broken for everybody", zone: mail + "@ TXT \"v=spf1 mx ip:192.0.2.1 -all\"\n", want: map[Demand]string{
			DemandSPFValid: "unmet SPF-SYNTAX", DemandSPFNotFail: "unseen receiver SPF-SYNTAX",
		}},
		{name: "SPF gives no answer", zone: mail + policy + ";! timeout example.test TXT\n", want: map[Demand]string{
			DemandSPF: "unknown", DemandSPFAndDKIM: "unknown", DemandSPFOrDKIM: "unseen message", DemandSPFValid: "unknown",
		}},
		{name: "an include gives no answer", zone: mail + "@ TXT \"v=spf1 include:a.test -all\"\n;! timeout a.test TXT\n",
			want: map[Demand]string{DemandSPF: "unseen ip"}},
		{name: "the host softfails", zone: good, ip: "192.0.2.8", reverse: rdns.Pass, names: other, want: map[Demand]string{
			DemandSPF: "unmet SPF-IP-NOT-AUTHORISED", DemandSPFOrDKIM: "unseen message SPF-IP-NOT-AUTHORISED",
			DemandSPFValid: "unseen receiver SPF-IP-NOT-AUTHORISED", DemandSPFNotFail: "met", DemandPTROwnDomain: "unseen receiver",
		}},
		{name: "the host fails", zone: mail + policy + "@ TXT \"v=spf1 mx -all\"\n", ip: "192.0.2.8", reverse: rdns.Missing, want: map[Demand]string{
			DemandSPFValid: "unmet SPF-IP-NOT-AUTHORISED", DemandSPFNotFail: "unmet SPF-IP-NOT-AUTHORISED",
		}},
		{name: "the host meets a fault", zone: mail + policy + "@ TXT \"v=spf1 mx foo -all\"\n", ip: host, reverse: rdns.Pass, want: map[Demand]string{
			DemandSPF: "unmet SPF-SYNTAX", DemandSPFValid: "unmet SPF-SYNTAX", DemandSPFNotFail: "unseen receiver SPF-SYNTAX",
		}},
		{name: "the host and no record", zone: mail + policy, ip: host, reverse: rdns.Pass, want: map[Demand]string{
			DemandSPF: "unmet SPF-MISSING", DemandSPFValid: "not-applicable",
		}},
		{name: "the host and no record of another domain", zone: good, ip: host, reverse: rdns.Pass, from: "a@none." + tested, want: map[Demand]string{
			DemandSPF: "unmet SPF-SENDER-NONE", DemandSPFNotFail: "not-applicable",
		}},
		{name: "the host, and no answer", zone: mail + ";! servfail example.test TXT\n", ip: host, reverse: rdns.Pass,
			want: map[Demand]string{DemandSPF: "unknown", DemandSPFNotFail: "unknown"}},

		// DKIM.
		{name: "a short key", zone: good, dkim: given(selector("s1", rsaKey(768))), want: map[Demand]string{
			DemandDKIMKey: "unmet DKIM-KEY-TOO-SHORT", DemandDKIM: "unmet DKIM-KEY-TOO-SHORT", DemandSPFAndDKIM: "unmet DKIM-KEY-TOO-SHORT",
			DemandDKIMAligned: "unmet DKIM-KEY-TOO-SHORT", DemandAllAuth: "unmet DKIM-KEY-TOO-SHORT", DemandSPFOrDKIM: "unseen ready ip",
		}},
		{name: "a key just long enough", zone: good, dkim: given(selector("s1", rsaKey(1024))), want: map[Demand]string{DemandDKIMKey: "met"}},
		{name: "a guessed key", zone: good, dkim: guessed(selector("s1", rsaKey(2048))), want: map[Demand]string{
			DemandDKIMKey: "met", DemandDKIM: "unseen ready message",
		}},
		{name: "a guessed key that is short", zone: good, dkim: guessed(selector("s1", rsaKey(512))), want: map[Demand]string{
			DemandDKIMKey: "unmet DKIM-KEY-TOO-SHORT", DemandDKIM: "unseen message DKIM-KEY-TOO-SHORT",
		}},
		{name: "a revoked key", zone: good, dkim: given(selector("s1", "v=DKIM1; p=")), want: map[Demand]string{
			DemandDKIM: "unmet DKIM-NO-WORKING-KEY DKIM-KEY-REVOKED", DemandDKIMKey: "unseen selector",
		}},
		{name: "a key for tests", zone: good, dkim: given(selector("s1", rsaKey(2048)+"; t=y")), want: map[Demand]string{
			DemandDKIM: "unseen message DKIM-KEY-TESTING", DemandDKIMKey: "met",
		}},
		{name: "an Ed25519 key", zone: good, dkim: given(selector("s1", "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=")),
			want: map[Demand]string{DemandDKIM: "unseen message DKIM-ED25519-ONLY", DemandDKIMKey: "unseen selector"}},
		{name: "a key of a relative", zone: good, dkim: &DKIM{Search: &dkim.Guesses{Domain: tested}, Relatives: []SignerKey{{Domain: "mail." + tested, Selector: selector("s1", rsaKey(2048))}}},
			want: map[Demand]string{DemandDKIM: "unseen ready message", DemandDKIMKey: "met"}},
		{name: "a selector that gives no answer", zone: good, dkim: given(absent("s1", dnsx.Timeout)),
			want: map[Demand]string{DemandDKIM: "unknown", DemandDKIMKey: "unknown", DemandSPFAndDKIM: "unknown"}},
		{name: "DKIM not looked up", zone: good, change: func(f *Facts) { f.DKIM = nil },
			want: map[Demand]string{DemandDKIM: "unknown", DemandDKIMKey: "unknown", DemandAllAuth: "unknown"}},

		// DMARC.
		{name: "no DMARC record", zone: mail + one, want: map[Demand]string{
			DemandDMARCRecord: "unmet DMARC-MISSING", DemandDMARCReports: "unmet DMARC-MISSING", DemandDMARCPass: "unmet DMARC-MISSING",
			DemandAllAuth: "unmet DMARC-MISSING", DemandAuthAndRecord: "unmet DMARC-MISSING", DemandAnyAuth: "unseen ready message",
		}},
		{name: "several DMARC records", zone: good + policy[:len(policy)-3] + "x\"\n", want: map[Demand]string{DemandDMARCRecord: "unmet DMARC-MULTIPLE"}},
		{name: "no version", zone: mail + one + "_dmarc TXT \"p=none\"\n", want: map[Demand]string{DemandDMARCRecord: "unmet DMARC-VERSION"}},
		{name: "an invalid policy that ends DMARC", zone: mail + one + "_dmarc TXT \"v=DMARC1; p=nope\"\n", want: map[Demand]string{
			DemandDMARCRecord: "unmet DMARC-POLICY-INVALID",
		}},
		{name: "an invalid policy", zone: mail + one + "_dmarc TXT \"v=DMARC1; p=nope; rua=mailto:r@example.test\"\n", want: map[Demand]string{
			DemandDMARCRecord: "unseen receiver DMARC-POLICY-INVALID", DemandDMARCPass: "unseen message DMARC-POLICY-INVALID",
		}},
		{name: "no policy", zone: mail + one + "_dmarc TXT \"v=DMARC1; rua=mailto:r@example.test\"\n", want: map[Demand]string{
			DemandDMARCRecord: "unseen receiver DMARC-POLICY-ABSENT",
		}},
		{name: "no reports", zone: mail + one + "_dmarc TXT \"v=DMARC1; p=reject\"\n", want: map[Demand]string{
			DemandDMARCRecord: "met", DemandDMARCReports: "unmet DMARC-NO-REPORTS",
		}},
		{name: "reports to no address", zone: mail + one + "_dmarc TXT \"v=DMARC1; p=reject; rua=r@example.test\"\n", want: map[Demand]string{
			DemandDMARCReports: "unmet DMARC-REPORT-URI-INVALID",
		}},
		{name: "DMARC gives no answer", zone: mail + one + ";! timeout _dmarc.example.test TXT\n", want: map[Demand]string{
			DemandDMARCRecord: "unknown", DemandDMARCReports: "unknown", DemandDMARCPass: "unknown",
		}},
		{name: "DMARC not looked up", zone: good, change: func(f *Facts) { f.DMARC = nil },
			want: map[Demand]string{DemandDMARCRecord: "unknown", DemandDMARCReports: "unknown"}},

		// Reverse DNS.
		{name: "no PTR", zone: good, ip: host, reverse: rdns.Missing, want: map[Demand]string{
			DemandFCrDNS: "unmet PTR-MISSING", DemandFCrDNSDomain: "unmet PTR-MISSING", DemandFCrDNSContact: "unmet PTR-MISSING",
			DemandPTROwnDomain: "unmet PTR-MISSING", DemandPTRIndividual: "unmet PTR-MISSING", DemandNotDynamic: "unseen receiver",
		}},
		{name: "PTR not confirmed", zone: good, ip: host, reverse: rdns.Fail, names: wrong, want: map[Demand]string{
			DemandFCrDNS: "unmet PTR-NOT-CONFIRMED", DemandFCrDNSContact: "unmet PTR-NOT-CONFIRMED",
			DemandPTROwnDomain: "unseen receiver PTR-NOT-CONFIRMED", DemandPTRIndividual: "unseen receiver PTR-NOT-CONFIRMED",
		}},
		{name: "PTR not known", zone: good, ip: host, reverse: rdns.Unknown, want: map[Demand]string{DemandFCrDNS: "unknown", DemandPTROwnDomain: "unknown"}},
		{name: "PTR of the sending host not looked up", zone: good, ip: host, change: func(f *Facts) { f.PTR = nil },
			want: map[Demand]string{DemandFCrDNS: "unknown", DemandIPv6: "not-applicable"}},
		{name: "PTR of an MX host", zone: good, change: func(f *Facts) {
			f.PTR = []Reverse{{Result: rdns.Result{Addr: netip.MustParseAddr(host), Verdict: rdns.Missing}, Host: "mx." + tested}}
		}, want: map[Demand]string{DemandFCrDNS: "unseen ip", DemandPTRIndividual: "unseen ip"}},

		{name: "a generic name", zone: good, ip: host, reverse: rdns.Pass, names: generic, want: map[Demand]string{
			DemandFCrDNS: "met", DemandPTRIndividual: "unseen receiver PTR-GENERIC", DemandNotDynamic: "unseen receiver PTR-GENERIC",
			DemandFCrDNSContact: "unseen ready receiver",
		}},

		// The name in EHLO.
		{name: "no EHLO name given", zone: good, want: map[Demand]string{DemandHelo: "unseen message", DemandHeloResolves: "unseen message"}},
		{name: "an EHLO name with an address", zone: good, change: greets("out.example.test", dnsx.OK), want: map[Demand]string{
			DemandHelo: "met", DemandHeloResolves: "met",
		}},
		{name: "an EHLO name without address", zone: good, change: greets("out.example.test", dnsx.NXDomain), want: map[Demand]string{
			DemandHelo: "unseen receiver HELO-UNRESOLVED", DemandHeloResolves: "unmet HELO-UNRESOLVED",
		}},
		{name: "an EHLO name that is not known", zone: good, change: greets("out.example.test", dnsx.Timeout), want: map[Demand]string{
			DemandHelo: "unknown", DemandHeloResolves: "unknown",
		}},
		{name: "EHLO of one label", zone: good, change: greets("mail", ""), want: map[Demand]string{
			DemandHelo: "unmet HELO-NOT-FQDN", DemandHeloResolves: "unmet HELO-NOT-FQDN",
		}},
		{name: "EHLO with the address", zone: good, ip: host, reverse: rdns.Pass, names: own, change: greets("["+host+"]", ""), want: map[Demand]string{
			DemandHelo: "unseen receiver HELO-LITERAL", DemandHeloResolves: "unmet HELO-LITERAL",
		}},
		{name: "EHLO with another address", zone: good, ip: host, reverse: rdns.Pass, names: own, change: greets("[192.0.2.77]", ""), want: map[Demand]string{
			DemandHelo: "unseen receiver HELO-LITERAL-WRONG", DemandHeloResolves: "unmet HELO-LITERAL-WRONG",
		}},

		// Blocklists.
		{name: "lists not asked about the host", zone: good, ip: host, reverse: rdns.Pass, names: own,
			want: map[Demand]string{DemandBlocklists: "unseen lists"}},
		{name: "on no list", zone: good, ip: host, reverse: rdns.Pass, names: own, change: listed(t, lists, host),
			want: map[Demand]string{DemandBlocklists: "met"}},
		{name: "lists asked about the domain alone", zone: good, change: listed(t, lists, ""),
			want: map[Demand]string{DemandBlocklists: "unseen ip"}},
		{name: "lists that refuse", zone: good, ip: host, reverse: rdns.Pass, names: own, change: listed(t, refusing, host),
			want: map[Demand]string{DemandBlocklists: "unseen lists"}},
		{name: "on Spamhaus", zone: good, ip: host, reverse: rdns.Pass, names: own, change: listed(t, lists+backwards+"zen.spamhaus.org. A 127.0.0.4\n", host),
			want: map[Demand]string{DemandBlocklists: "unmet DNSBL-IP-LISTED"}},
		{name: "in a range for no mail", zone: good, ip: host, reverse: rdns.Pass, names: own, change: listed(t, lists+backwards+"zen.spamhaus.org. A 127.0.0.10\n", host),
			want: map[Demand]string{DemandBlocklists: "unmet DNSBL-IP-POLICY", DemandNotDynamic: "unseen receiver DNSBL-IP-POLICY"}},
		{name: "on another list that counts", zone: good, ip: host, reverse: rdns.Pass, names: own, change: listed(t, lists+backwards+"bl.mailspike.net. A 127.0.0.10\n", host),
			want: map[Demand]string{DemandBlocklists: "unseen receiver DNSBL-IP-LISTED"}},
		{name: "on a list that counts little", zone: good, ip: host, reverse: rdns.Pass, names: own, change: listed(t, lists+backwards+"psbl.surriel.com. A 127.0.0.2\n", host),
			want: map[Demand]string{DemandBlocklists: "met"}},
		{name: "the domain on a list", zone: good, ip: host, reverse: rdns.Pass, names: own, change: listed(t, lists+"example.test.dbl.spamhaus.org. A 127.0.1.2\n", host),
			want: map[Demand]string{DemandBlocklists: "unseen receiver DNSBL-DOMAIN-LISTED"}},
		{name: "the domain on a list, and no host", zone: good, change: listed(t, lists+"example.test.dbl.spamhaus.org. A 127.0.1.2\n", ""),
			want: map[Demand]string{DemandBlocklists: "unseen ip DNSBL-DOMAIN-LISTED"}},

		// The domain.
		{name: "neither MX nor address", zone: one + policy, want: map[Demand]string{
			DemandReceives: "unmet MX-NONE", DemandResolves: "unmet MX-NONE", DemandFCrDNSDomain: "unmet MX-NONE",
		}},
		{name: "the domain as its own host", zone: one + policy + "@ A 192.0.2.7\n", want: map[Demand]string{DemandReceives: "met"}},
		{name: "a null MX", zone: one + policy + "@ MX 0 .\n", want: map[Demand]string{
			DemandReceives: "unmet MX-NULL-SENDING", DemandResolves: "unseen receiver MX-NULL-SENDING",
		}},
		{name: "MX hosts that are none", zone: one + policy + "@ MX 1 gone\n", want: map[Demand]string{
			DemandReceives: "unmet MX-NO-USABLE-HOST", DemandResolves: "unseen receiver MX-NO-USABLE-HOST",
		}},
		{name: "the host gives no answer", zone: one + policy + "@ MX 1 mx.test.\n;! timeout mx.test\n", want: map[Demand]string{DemandReceives: "unknown"}},
		{name: "MX gives no answer", zone: one + policy + ";! timeout example.test MX\n", want: map[Demand]string{
			DemandReceives: "unknown", DemandFCrDNSDomain: "unknown",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := tt.facts(t)
			findings := Judge(f)
			d := newDossier(f, findings)
			for kind, want := range tt.want {
				if got := d.standing(kind).said(); got != want {
					t.Errorf("%s: got %q, want %q", kind, got, want)
				}
			}
			for _, kind := range demandsOf() {
				sound(t, kind, d.standing(kind), findings)
			}
		})
	}
}

// greets lets the sending host say something in EHLO.
func greets(name string, status dnsx.Status) func(*Facts) {
	return func(f *Facts) {
		f.Helo = &Helo{Helo: rdns.ParseHelo(name)}
		f.Helo.Status = status
		f.Helo.LeadsBack = len(f.PTR) > 0 && f.Helo.Address == f.PTR[0].Addr
	}
}

// listed asks lists about the sending host, unless that is empty, and the domain.
func listed(t *testing.T, zone, ip string) func(*Facts) {
	return func(f *Facts) { f.DNSBL = auditLists(t, zone, ip).Facts.DNSBL }
}

// TestEveryDemandIsJudged holds that no demand is forgotten: where everything
// was measured, there is something to say of each.
func TestEveryDemandIsJudged(t *testing.T) {
	tt := senderCase{zone: mail + "@ TXT \"v=spf1 mx -all\"\n_dmarc TXT \"v=DMARC1; p=reject\"\n"}
	f := tt.facts(t)
	d := newDossier(f, Judge(f))
	for _, kind := range demandsOf() {
		if got := d.standing(kind); got.State == Undetermined {
			t.Errorf("%s is not judged", kind)
		}
	}
}

// rulesOf is the part of a line with a standing that names rules.
func rulesOf(said string) string { return strings.TrimPrefix(said, "unmet") }

// TestNoDemands holds of whom nothing is demanded.
func TestNoDemands(t *testing.T) {
	const policy = "_dmarc TXT \"v=DMARC1; p=reject\"\n"
	for _, tt := range []struct {
		name, zone string
		change     func(*Facts)
		want       bool
	}{
		{name: "sends", zone: mail + "@ TXT \"v=spf1 mx -all\"\n" + policy, want: true},
		{name: "says nothing", zone: "@ A 192.0.2.1\n"},
		{name: "parked", zone: "@ MX 0 .\n@ TXT \"v=spf1 -all\"\n" + policy},
		{name: "receives only", zone: mail + "@ TXT \"v=spf1 -all\"\n" + policy},
		{name: "does not exist", zone: "other A 192.0.2.1\n", change: func(f *Facts) { f.MX.Status = dnsx.NXDomain }},
		{name: "one check", zone: mail, change: func(f *Facts) { f.Checks = []string{"spf"} }},
		{name: "nothing gathered", zone: mail, change: func(f *Facts) { *f = Facts{Domain: tested} }, want: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := factsOf(t, tested, tt.zone)
			if tt.change != nil {
				tt.change(f)
			}
			got := Receivers(f)
			if (got != nil) != tt.want {
				t.Errorf("%d receivers, want some: %v", len(got), tt.want)
			}
			for _, c := range got {
				if len(c.Standings) != len(c.Requirements) {
					t.Errorf("%s: %d standings for %d requirements", c.ID, len(c.Standings), len(c.Requirements))
				}
			}
		})
	}
}

// TestReceiversOfWorlds holds that what is unmet in a built-in world has a rule
// among the findings.
func TestReceiversOfWorlds(t *testing.T) {
	for _, name := range lab.Scenarios() {
		t.Run(name, func(t *testing.T) {
			world, err := lab.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			running, err := world.Start(lab.Options{Now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)})
			if err != nil {
				t.Fatal(err)
			}
			defer running.Close()
			for _, ip := range []string{"", "192.0.2.10", "2001:db8::99"} {
				o := Options{NoSMTP: true}
				if ip != "" {
					o.IP = netip.MustParseAddr(ip)
				}
				got := Audit(t.Context(), Net{DNS: running.DNS(), Dial: running.Dial, Now: running.Now, Public: lab.Prefixes()}, world.Domain, o)
				for _, c := range got.Receivers {
					for i, s := range c.Standings {
						sound(t, c.Requirements[i].Kind, s, got.Findings)
					}
				}
				text, err := json.Marshal(got.Facts)
				if err != nil {
					t.Fatal(err)
				}
				var facts Facts
				if err := json.Unmarshal(text, &facts); err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(got.Receivers, Receivers(&facts)); d != "" {
					t.Errorf("receivers (-audited +of facts read back):\n%s", d)
				}
			}
		})
	}
}
