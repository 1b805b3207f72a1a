//go:build integration

package check_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"maildoctor/check"
)

// A scene is a domain whose set-up is sound but for its one mail host and what
// plant changes, and what the whole audit of it must come to.
type scene struct {
	name    string
	host    string // its mail host
	plant   func(*setup)
	options func(*check.Options)
	want    []string // the rules of all findings, sorted
	unclear []string // "checker reason" of each checker that could not find out, sorted
	merit   string   // the ID of one thing that is found good; empty if that does not matter
	trust   string   // who delivers to the host: those without a policy, with MTA-STS, with DANE; empty if that does not matter
	zone    string   // what is above the domain; empty for test
	web     webFace
	silent  bool // it asks nobody for reports about TLS
}

func (s *scene) domain() string { return s.name + "." + cmp.Or(s.zone, "test") }

// anybody is the trust in a host without policies.
const anybody = "yes not-applicable not-applicable"

// intrusive lets an audit ask for relay and mailboxes.
func intrusive(o *check.Options) { o.Intrusive = true }

// nothingInCommon is what the alert handshake_failure comes to that a server
// sends instead of a certificate. One that has no certificate sends it, and one
// that wants what crypto/tls does not know but others may.
var nothingInCommon = []string{"SMTP-STARTTLS-FAILED"}

// mailScenes are about Postfix and Exim as MX hosts and for submission.
func mailScenes() []scene {
	return []scene{
		{name: "fine-postfix", host: "fine.postfix.test", options: intrusive, merit: "smtp-starttls", trust: anybody},
		{name: "fine-exim", host: "fine.exim.test", options: intrusive, merit: "tls-trusted", trust: anybody},

		{name: "clear-postfix", host: "clear.postfix.test", want: []string{"SMTP-587-NO-STARTTLS", "SMTP-STARTTLS-MISSING"}},
		{name: "clear-exim", host: "clear.exim.test", want: []string{"SMTP-587-NO-STARTTLS", "SMTP-AUTH-BEFORE-TLS", "SMTP-STARTTLS-MISSING"}},
		// Without its certificate Postfix has no cipher suite, and Exim puts off.
		{name: "unready-postfix", host: "unready.postfix.test", want: nothingInCommon},
		{name: "unready-exim", host: "unready.exim.test", unclear: []string{"smtp tempfail"}},

		{name: "old-postfix", host: "old.postfix.test", want: []string{"TLS-VERSION-OLD"}},
		{name: "old-exim", host: "old.exim.test", want: []string{"TLS-SUITE-WEAK-OFFERED", "TLS-VERSION-OLD"}},
		{name: "any-postfix", host: "any.postfix.test", want: []string{"TLS-VERSION-OLD-OFFERED"}},
		{name: "any-exim", host: "any.exim.test", want: []string{"TLS-SUITE-WEAK-OFFERED", "TLS-VERSION-OLD-OFFERED"}},
		{name: "static-postfix", host: "static.postfix.test", want: []string{"TLS-SUITE-WEAK-OFFERED"}},
		{name: "rc4-exim", host: "rc4.exim.test", want: []string{"TLS-SUITE-WEAK"}},
		{name: "3des-exim", host: "3des.exim.test", want: []string{"TLS-SUITE-WEAK"}},
		{name: "dhe-exim", host: "dhe.exim.test", want: nothingInCommon},

		{name: "expired-postfix", host: "expired.postfix.test", want: []string{"TLS-CERT-EXPIRED"}},
		{name: "expired-exim", host: "expired.exim.test", want: []string{"TLS-CERT-EXPIRED", "TLS-SUBMISSION-CERT"}},
		{name: "self-postfix", host: "self.postfix.test", want: []string{"TLS-CERT-SELF-SIGNED", "TLS-SUBMISSION-CERT"}},
		{name: "self-exim", host: "self.exim.test", want: []string{"TLS-CERT-SELF-SIGNED"}},
		{name: "named-postfix", host: "named.postfix.test", want: []string{"TLS-CERT-NAME"}},
		{name: "named-exim", host: "named.exim.test", want: []string{"TLS-CERT-NAME"}},
		{name: "small-postfix", host: "small.postfix.test", want: []string{"TLS-KEY-WEAK"}},
		{name: "small-exim", host: "small.exim.test", want: []string{"TLS-KEY-WEAK"}},

		{name: "auth-postfix", host: "auth.postfix.test", want: []string{"SMTP-465-CLEAR", "SMTP-AUTH-BEFORE-TLS"}},
		{name: "auth-exim", host: "auth.exim.test", want: []string{"SMTP-AUTH-BEFORE-TLS"}},
		{name: "ehlo-exim", host: "ehlo.exim.test", want: []string{"SMTP-EHLO-REFUSED", "SMTP-STARTTLS-MISSING"}},
		{name: "helo-exim", host: "helo.exim.test", want: []string{"SMTP-EHLO-REFUSED"}},

		{name: "open-postfix", host: "open.postfix.test", options: intrusive, want: []string{"SMTP-OPEN-RELAY"}},
		{name: "open-exim", host: "open.exim.test", options: intrusive, want: []string{"SMTP-OPEN-RELAY"}},
		{name: "unasked-postfix", host: "open.postfix.test"},
		{name: "grey-postfix", host: "grey.postfix.test", options: intrusive, unclear: []string{"smtp greylisted"}},
		{name: "grey-exim", host: "grey.exim.test", options: intrusive, unclear: []string{"smtp greylisted"}},
		{name: "postmaster-postfix", host: "users.postfix.test", options: intrusive, want: []string{"SMTP-POSTMASTER-REFUSED"}},
		{name: "postmaster-exim", host: "users.exim.test", options: intrusive, want: []string{"SMTP-POSTMASTER-REFUSED"}},
		// VRFY of Postfix answers 252, which tells nothing.
		{name: "verify-postfix", host: "verify.postfix.test", options: intrusive},
		{name: "verify-exim", host: "verify.exim.test", options: intrusive, want: []string{"SMTP-VRFY-OPEN"}},
		// A client that is refused for itself learns nothing about recipients.
		{name: "strict-postfix", host: "strict.postfix.test", options: intrusive, unclear: []string{"smtp client-refused"}},
		{name: "later-postfix", host: "later.postfix.test", unclear: []string{"smtp tempfail"}},
	}
}

// TestIntegrationMachines audits domains whose mail hosts are real servers, and
// holds what is seen of their TLS against what other programs see.
func TestIntegrationMachines(t *testing.T) {
	var hosts []machineHost
	for _, f := range postfixFaces {
		hosts = append(hosts, f.machineHost)
	}
	for _, f := range eximFaces {
		hosts = append(hosts, f.machineHost)
	}
	for _, f := range dovecotFaces {
		hosts = append(hosts, f.machineHost)
	}
	for _, f := range opensslFaces {
		hosts = append(hosts, f.machineHost)
	}
	m := newMachines(t, hosts)
	scenes := slices.Concat(mailScenes(), opensslScenes(), accessScenes(), m.daneScenes(), stsScenes(), listScenes())
	for i := range scenes {
		scenes[i].web.addr = fmt.Sprintf("%s9.%d", realNetwork, i+1)
	}
	m.startDNS(t, slices.Concat([]servedZone{
		{"test", m.records(t, hosts, scenes), true, tamperTLSA},
		{"bare", m.bareRecords(t), false, nil},
	}, listZones), hosts)
	m.startDovecot(t)
	m.startPostfix(t)
	m.startExim(t)
	m.startOpenSSL(t)
	for _, s := range scenes {
		if s.web.handler != nil {
			m.startWeb(t, s)
		}
	}
	for _, s := range scenes {
		t.Run(s.name, func(t *testing.T) { m.testScene(t, s) })
	}
	t.Run("second opinion", m.testOpinions)
	t.Run("third opinion", m.testThirdOpinions)
}

// records is the text of the zone test. with hosts and scenes in it.
func (m *machines) records(t *testing.T, hosts []machineHost, scenes []scene) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "reports MX 10 fine.postfix.test.\n")
	for _, h := range hosts {
		if strings.HasSuffix(h.name, ".test") {
			fmt.Fprintf(&b, "%s. A %s\n", h.name, published(h.addr))
		}
	}
	key := publicKey(t)
	for _, s := range scenes {
		if s.zone != "" {
			continue
		}
		b.WriteString(world{name: s.name, plant: func(x *setup) {
			x.mx = []string{"10 " + s.host, "20 " + spareHost}
			if s.plant != nil {
				s.plant(x)
				x.more = strings.ReplaceAll(x.more, sceneLabel, s.name)
			}
		}}.records(key))
		if !s.silent {
			fmt.Fprintf(&b, "_smtp._tls.%s TXT \"v=TLSRPTv1; rua=mailto:tls@reports.test\"\n", s.name)
		}
		if s.web.handler != nil {
			fmt.Fprintf(&b, "mta-sts.%s A %s\n_mta-sts.%[1]s TXT \"v=STSv1; id=1\"\n", s.name, published(s.web.addr))
		}
	}
	return b.String()
}

func (m *machines) testScene(t *testing.T, s scene) {
	o := check.Options{NoDNSBL: true}
	if s.options != nil {
		s.options(&o)
	}
	got := m.audit(t, s.domain(), o)
	var rules, unclear []string
	for _, f := range got.Findings {
		rules = append(rules, string(f.Rule))
	}
	for _, c := range got.Coverage {
		if c.State == check.Inconclusive {
			unclear = append(unclear, c.Checker+" "+c.Reason)
		}
	}
	slices.Sort(rules)
	slices.Sort(unclear)
	rules = slices.Compact(rules)
	if !slices.Equal(rules, s.want) {
		t.Errorf("rules: got %q, want %q", rules, s.want)
	}
	if !slices.Equal(unclear, s.unclear) {
		t.Errorf("not found out: got %q, want %q", unclear, s.unclear)
	}
	if s.merit != "" && !slices.ContainsFunc(got.Merits, func(x check.Merit) bool { return x.ID == s.merit }) {
		t.Errorf("merits: got %v, want %s among them", got.Merits, s.merit)
	}
	if s.trust != "" {
		if len(got.Trust) == 0 {
			t.Fatal("nothing is said about trust")
		}
		x := got.Trust[0]
		if is := fmt.Sprintf("%s %s %s", x.Opportunistic.State, x.MTASTS.State, x.DANE.State); is != s.trust {
			t.Errorf("trust: got %q, want %q", is, s.trust)
		}
	}
	if t.Failed() {
		m.show(t, got)
	}
}

// show logs what an audit saw of mail hosts.
func (m *machines) show(t *testing.T, got *check.Result) {
	t.Helper()
	for _, f := range got.Findings {
		t.Logf("%s %s %q", f.Rule, f.Subject, f.Params)
	}
	for i := range got.Facts.SMTP {
		d := &got.Facts.SMTP[i]
		t.Logf("%s:%d %s %s %s %+v offers %+v\n%s", d.Addr, d.Port, d.Outcome, d.StartTLS, d.Fault, d.TLS, d.Offers, strings.Join(d.Transcript, "\n"))
		if d.Inquiry != nil {
			t.Logf("asked:\n%s", strings.Join(d.Inquiry.Transcript, "\n"))
		}
	}
	if a := got.Facts.Access; a != nil {
		for i := range a.Mailboxes {
			x := &a.Mailboxes[i]
			t.Logf("%s:%d %s %s %s %+v\n%s", x.Addr, x.Port, x.Outcome, x.StartTLS, x.Fault, x.TLS, strings.Join(x.Transcript, "\n"))
		}
	}
}
