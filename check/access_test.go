package check

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"maildoctor/check/access"
	"maildoctor/check/certs"
	"maildoctor/check/dnsx"
	"maildoctor/check/mx"
	"maildoctor/check/smtp"
	"maildoctor/check/tlsx"
)

const mailboxHost = "mail.example.test"

// mailboxAt is a session that was welcomed, with good TLS.
func mailboxAt(port uint16, change ...func(*Mailbox)) Mailbox {
	m := Mailbox{Session: access.Session{
		Host: mailboxHost, Addr: netip.MustParseAddr("192.0.2.1"), Port: port, Protocol: access.IMAP, Outcome: access.OutcomeOK,
		Secured: &access.Capabilities{Login: true},
	}}
	if port == portPOP3 || port == portPOP3S {
		m.Protocol = access.POP3
	}
	m.Implicit = port == portIMAPS || port == portPOP3S
	if !m.Implicit {
		m.Clear, m.StartTLS = &access.Capabilities{StartTLS: true}, access.StartTLSOK
	}
	m.TLS = tlsState(certs.ChainTrusted)
	for _, f := range change {
		f(&m)
	}
	return m
}

// submissionAt is a session with a submission service, with good TLS.
func submissionAt(port uint16, change ...func(*Dialogue)) Dialogue {
	d := secured(mailboxHost, "192.0.2.1")
	d.Port, d.Implicit = port, port == portSubmissions
	if d.Implicit {
		d.Clear, d.StartTLS = nil, smtp.StartTLSUnknown
	}
	for _, f := range change {
		f(&d)
	}
	return d
}

// clients are facts about mail programs alone.
func clients(origin AccessOrigin, boxes []Mailbox, submission ...Dialogue) *Facts {
	return &Facts{Domain: tested, SMTPPort: 25, Access: &Access{
		Asked: AccessAuto, Origin: origin, DNS: &access.Discovery{Domain: tested}, Mailboxes: boxes, Submission: submission,
	}}
}

// records are facts about the records for mail programs alone.
func records(t *testing.T, zone string) *Facts {
	t.Helper()
	r := dnsx.New(parseZone(t, zone), dnsx.Options{})
	return &Facts{Domain: tested, Access: &Access{Asked: AccessAuto, Origin: AccessSRV, DNS: access.Lookup(t.Context(), r, tested)}}
}

func TestJudgeAccess(t *testing.T) {
	boxes := func(m ...Mailbox) []Mailbox { return m }
	clear := func(how access.StartTLS, login bool) func(*Mailbox) {
		return func(m *Mailbox) {
			m.StartTLS, m.Clear.Login, m.Clear.StartTLS = how, login, how != access.StartTLSNotOffered
			if how != access.StartTLSOK {
				m.TLS = nil
			}
		}
	}
	cert := func(change func(*tlsx.State)) func(*Mailbox) {
		return func(m *Mailbox) {
			certs := append([]tlsx.Certificate{}, m.TLS.Certs...)
			m.TLS.Certs = certs
			change(m.TLS)
		}
	}
	expired := cert(func(s *tlsx.State) { s.Certs[0].Expired, s.Certs[0].NotAfter = true, "2026-10-01T00:00:00Z" })
	misnamed := cert(func(s *tlsx.State) { s.NameMatch, s.Certs[0].DNSNames = false, []string{"a.test", "b.test"} })
	const at = "host=mail.example.test "
	plain := submissionAt(portSubmission, func(d *Dialogue) { d.Clear.Auth = []string{"PLAIN"} })
	refused := mailboxAt(995, func(m *Mailbox) { m.Outcome, m.TLS = access.OutcomeRefused, nil })
	withSMTP := func(f *Facts, d ...Dialogue) *Facts { f.SMTP = d; return f }
	tests := []struct {
		name  string
		facts *Facts
		want  []string
	}{
		{"not asked for", &Facts{Domain: tested}, nil},
		{"nothing found", clients(AccessMX, nil), nil},
		{"all is well", clients(AccessGiven, boxes(mailboxAt(143), mailboxAt(993), mailboxAt(110), mailboxAt(995)),
			submissionAt(465), submissionAt(587)), nil},

		// What goes over the line before TLS.
		{"no STARTTLS", clients(AccessGiven, boxes(mailboxAt(143, clear(access.StartTLSNotOffered, true)))),
			[]string{"ACCESS-NO-TLS mail.example.test " + at + "port=143 protocol=IMAP"}},
		{"no STARTTLS, and no LOGIN", clients(AccessGiven, boxes(mailboxAt(143, clear(access.StartTLSNotOffered, false)))), nil},
		{"STLS refused", clients(AccessGiven, boxes(mailboxAt(110, clear(access.StartTLSRefused, true)))),
			[]string{"ACCESS-NO-TLS mail.example.test " + at + "port=110 protocol=POP3"}},
		{"LOGIN before TLS", clients(AccessGuess, boxes(mailboxAt(143, clear(access.StartTLSOK, true)))),
			[]string{"ACCESS-LOGIN-IN-CLEAR mail.example.test " + at + "port=143 protocol=IMAP"}},
		{"LOGIN before TLS, handshake without an answer", clients(AccessGuess, boxes(mailboxAt(143, clear(access.StartTLSFailed, true)))),
			[]string{"ACCESS-LOGIN-IN-CLEAR mail.example.test " + at + "port=143 protocol=IMAP"}},
		{"LOGIN before TLS, on our own machine", clients(AccessGiven, boxes(mailboxAt(143, clear(access.StartTLSOK, true), func(m *Mailbox) { m.Local = true }))), nil},
		{"a mechanism before TLS", clients(AccessGiven, boxes(mailboxAt(143, func(m *Mailbox) { m.Clear.Auth = []string{"PLAIN"} }))),
			[]string{"ACCESS-LOGIN-IN-CLEAR mail.example.test " + at + "port=143 protocol=IMAP"}},
		{"LOGIN inside TLS", clients(AccessGiven, boxes(mailboxAt(993, func(m *Mailbox) { m.Secured.Auth = []string{"PLAIN"} }))), nil},
		{"submission, AUTH before TLS", clients(AccessGiven, nil, plain), []string{"ACCESS-LOGIN-IN-CLEAR mail.example.test " + at + "port=587 protocol=SMTP"}},
		{"submission, the rules of mail hosts say it", withSMTP(clients(AccessGiven, nil, plain), plain), nil},
		{"submission, not tried as that of a mail host", withSMTP(clients(AccessGiven, nil, plain),
			with(plain, func(d *Dialogue) { d.Outcome = smtp.OutcomeBudget })), []string{"ACCESS-LOGIN-IN-CLEAR mail.example.test " + at + "port=587 protocol=SMTP"}},
		{"submission without AUTH and STARTTLS", clients(AccessGiven, nil, submissionAt(587, func(d *Dialogue) { d.StartTLS, d.TLS = smtp.StartTLSNotOffered, nil })), nil},
		{"injection", clients(AccessGiven, boxes(mailboxAt(143, clear(access.StartTLSInjection, false)))),
			[]string{"ACCESS-STARTTLS-INJECTION mail.example.test " + at + "port=143 protocol=IMAP"}},
		{"injection and LOGIN", clients(AccessGiven, boxes(mailboxAt(110, clear(access.StartTLSInjection, true)))),
			[]string{"ACCESS-LOGIN-IN-CLEAR mail.example.test " + at + "port=110 protocol=POP3", "ACCESS-STARTTLS-INJECTION mail.example.test " + at + "port=110 protocol=POP3"}},
		{"broken off before the capabilities", clients(AccessGiven, boxes(mailboxAt(143, func(m *Mailbox) {
			m.Outcome, m.Clear, m.StartTLS, m.TLS = access.OutcomeBroken, nil, "", nil
		}))), nil},

		// Certificates.
		{"expired", clients(AccessGiven, boxes(mailboxAt(993, expired), mailboxAt(995, expired))),
			[]string{`ACCESS-CERT-EXPIRED mail.example.test date=2026-10-01 ` + at + `ports="993, 995"`}},
		{"not valid yet", clients(AccessGuess, boxes(mailboxAt(993, cert(func(s *tlsx.State) { s.Certs[0].NotYetValid = true })))),
			[]string{"ACCESS-CERT-UNTRUSTED mail.example.test " + at + "ports=993 reason=not-yet-valid"}},
		{"self-signed", clients(AccessMX, boxes(mailboxAt(993, cert(func(s *tlsx.State) { s.Chain = certs.ChainSelfSigned })))),
			[]string{"ACCESS-CERT-UNTRUSTED mail.example.test " + at + "ports=993 reason=self-signed"}},
		{"no roots to verify by", clients(AccessGiven, boxes(mailboxAt(993, cert(func(s *tlsx.State) { s.Chain = certs.ChainNoRoots })))), nil},
		{"another name", clients(AccessGiven, boxes(mailboxAt(993, misnamed))),
			[]string{"ACCESS-CERT-NAME mail.example.test " + at + `names="a.test, b.test" ports=993`}},
		{"no name", clients(AccessSRV, boxes(mailboxAt(993, cert(func(s *tlsx.State) { s.NameMatch, s.Certs[0].DNSNames = false, nil })))),
			[]string{"ACCESS-CERT-NAME mail.example.test " + at + `names="\"\"" ports=993`}},
		{"another name of a guess", clients(AccessGuess, boxes(mailboxAt(993, misnamed))), nil},
		{"another name of an MX host", clients(AccessMX, boxes(mailboxAt(993, misnamed))), nil},
		{"the domain in place of the host", clients(AccessSRV, boxes(mailboxAt(993, misnamed, cert(func(s *tlsx.State) {
			s.Certs[0].DNSNames = []string{"Example.test"}
		})))), nil},
		{"the domain in place of a host that the user named", clients(AccessGiven, boxes(mailboxAt(993, misnamed, cert(func(s *tlsx.State) {
			s.Certs[0].DNSNames = []string{"example.test"}
		})))), []string{"ACCESS-CERT-NAME mail.example.test " + at + "names=example.test ports=993"}},

		// Records.
		{"SRV, all is well", records(t, "_imaps._tcp SRV 0 1 993 mail\n_imap._tcp SRV 0 1 143 mail\nmail A 192.0.2.1\n"), nil},
		{"SRV leads nowhere", records(t, "_imaps._tcp SRV 0 1 993 mail\n_submission._tcp SRV 0 1 587 mail\n"),
			[]string{`ACCESS-SRV-DANGLING example.test ` + at + `services="_imaps._tcp, _submission._tcp"`}},
		{"SRV leads to no answer", records(t, "_imaps._tcp SRV 0 1 993 mail\n;! servfail mail.example.test.\n"), nil},
		{"SRV refused, another answers", clients(AccessSRV, boxes(mailboxAt(993), refused)),
			[]string{"ACCESS-SRV-REFUSED mail.example.test " + at + "port=995 record=_pop3s._tcp"}},
		{"SRV refused, none answers", clients(AccessSRV, boxes(refused)), nil},
		{"SRV silent, another answers", clients(AccessSRV, boxes(mailboxAt(993), mailboxAt(995, func(m *Mailbox) { m.Outcome, m.TLS = access.OutcomeTimeout, nil }))), nil},
		{"guess refused, another answers", clients(AccessGuess, boxes(mailboxAt(993), refused)), nil},
		{"SRV declined", records(t, "_imaps._tcp SRV 0 0 0 .\n"), nil},
		{"SRV in the clear only", records(t, "_imap._tcp SRV 0 1 143 mail\n_imaps._tcp SRV 0 0 0 .\nmail A 192.0.2.1\n"),
			[]string{"ACCESS-SRV-CLEAR-ONLY example.test services=_imap._tcp"}},
		{"SRV in the clear, the others unknown", records(t, "_imap._tcp SRV 0 1 143 mail\nmail A 192.0.2.1\n;! timeout _pop3s._tcp.example.test.\n"), nil},
		{"SRV in the clear beside another protocol", records(t, "_imap._tcp SRV 0 1 143 mail\n_submissions._tcp SRV 0 1 465 mail\nmail A 192.0.2.1\n"), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			expect(t, collect(judgeAccess, tt.facts), tt.want)
		})
	}
}

func TestAroundTLS(t *testing.T) {
	tests := []struct {
		name       string
		transcript []string
		open       int // lines before the command
	}{
		{"IMAP", []string{"S: * OK a1 STARTTLS", "C: a1 CAPABILITY", "S: a1 OK", "C: a2 STARTTLS", "S: a2 OK"}, 3},
		{"POP3", []string{"S: +OK", "C: CAPA", "S: STLS", "S: .", "C: STLS", "S: +OK"}, 4},
		{"SMTP", []string{"S: 220 x", "C: EHLO x", "S: 250 STARTTLS", "C: STARTTLS"}, 3},
		{"none", []string{"S: * OK", "C: a1 CAPABILITY"}, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			open, upgrade := aroundTLS(tt.transcript)
			if len(open) != tt.open || len(upgrade) != len(tt.transcript)-tt.open {
				t.Errorf("got %q and %q", open, upgrade)
			}
		})
	}
}

func TestMeritsAccess(t *testing.T) {
	misnamed := func(m *Mailbox) { m.TLS.NameMatch = false }
	srv := records(t, "_imaps._tcp SRV 0 1 993 mail\nmail A 192.0.2.1\nautoconfig A 192.0.2.2\n_autodiscover._tcp SRV 0 0 443 x\n")
	wild := records(t, "* A 192.0.2.1\n")
	tests := []struct {
		name  string
		facts *Facts
		want  []string
	}{
		{"not asked for", &Facts{Domain: tested}, nil},
		{"fine", clients(AccessGuess, []Mailbox{mailboxAt(993), mailboxAt(110)}, submissionAt(465), submissionAt(587)), []string{
			"access-service imaps 993", "access-service pop3 110", "access-service submissions 465", "access-service submission 587",
		}},
		{"not what people should use", clients(AccessGuess, []Mailbox{mailboxAt(993, misnamed), mailboxAt(143, func(m *Mailbox) { m.Clear.Login = true })}), nil},
		{"records", srv, []string{"access-srv  ", "access-autoconfig  "}},
		{"records for every name", wild, nil},
		{"records that lead astray", records(t, "_imaps._tcp SRV 0 1 993 mail\n_pop3s._tcp SRV 0 1 995 gone\nmail A 192.0.2.1\n"), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			meritsAccess(tt.facts, func(m Merit) { got = append(got, m.ID+" "+m.Params["service"]+" "+m.Params["port"]) })
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("merits (-want +got):\n%s", d)
			}
		})
	}
}

func TestAccessCoverage(t *testing.T) {
	box := func(o access.Outcome) Mailbox { return mailboxAt(993, func(m *Mailbox) { m.Outcome, m.TLS = o, nil }) }
	failed := func(o tlsx.Outcome) Mailbox {
		return mailboxAt(143, func(m *Mailbox) { m.StartTLS, m.TLS = access.StartTLSFailed, &tlsx.State{Outcome: o} })
	}
	tests := []struct {
		name   string
		origin AccessOrigin
		boxes  []Mailbox
		want   string
	}{
		{"answered", AccessGiven, []Mailbox{mailboxAt(993), box(access.OutcomeRefused), box(access.OutcomeTimeout)}, "done"},
		{"none of them", AccessGiven, []Mailbox{box(access.OutcomeRefused)}, "inconclusive hosts-down mail.example.test"},
		{"none of a guess", AccessGuess, []Mailbox{box(access.OutcomeRefused)}, "skipped no-access-host"},
		{"silent", AccessGuess, []Mailbox{box(access.OutcomeRefused), box(access.OutcomeTimeout)}, "inconclusive no-answer mail.example.test"},
		{"nothing asked", AccessSRV, nil, "skipped no-access-host"},
		{"busy", AccessGiven, []Mailbox{mailboxAt(993), box(access.OutcomeBye)}, "inconclusive tempfail mail.example.test"},
		{"private", AccessGiven, []Mailbox{box(access.OutcomePrivate)}, "inconclusive private-address mail.example.test"},
		{"budget", AccessGiven, []Mailbox{box(access.OutcomeBudget)}, "inconclusive connections-budget mail.example.test"},
		{"stopped", AccessGiven, []Mailbox{box(access.OutcomeCancelled)}, "inconclusive interrupted mail.example.test"},
		{"never greets", AccessGiven, []Mailbox{box(access.OutcomeGreetingTimeout)}, "inconclusive no-answer mail.example.test"},
		{"hangs up", AccessGiven, []Mailbox{box(access.OutcomeGreetingClosed)}, "inconclusive broken-off mail.example.test"},
		{"another protocol", AccessGiven, []Mailbox{box(access.OutcomeNotIMAP)}, "done"},
		{"handshake refused", AccessGiven, []Mailbox{failed(tlsx.OutcomeAlert)}, "done"},
		{"handshake without an answer", AccessGiven, []Mailbox{failed(tlsx.OutcomeTimeout)}, "inconclusive no-answer mail.example.test"},
		{"handshake that crypto/tls does not know", AccessGiven, []Mailbox{failed(tlsx.OutcomeProtocol)}, "inconclusive tls-not-tested mail.example.test"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := reached(accessCoverage(clients(tt.origin, tt.boxes).Access)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestGatherAccess tells what the DNS alone leads to, without connections.
func TestGatherAccess(t *testing.T) {
	asked := Options{Checks: []string{accessName}}
	tests := []struct {
		name, zone string
		o          Options
		want       string
		origin     AccessOrigin
	}{
		{"not asked for", mail, Options{}, "skipped access-not-asked", ""},
		{"services", mail + "_imaps._tcp SRV 0 1 993 mail\nmail A 192.0.2.1\n", asked, "skipped no-smtp", AccessSRV},
		{"declined", mail + "_imaps._tcp SRV 0 0 0 .\nmail A 192.0.2.1\n", asked, "skipped no-smtp", AccessSRV},
		{"guess", mail + "imap A 192.0.2.1\n", asked, "skipped no-smtp", AccessGuess},
		{"MX host", "@ MX 1 mx\nmx A 192.0.2.1\n", asked, "skipped no-smtp", AccessMX},
		{"host of the user", mail, Options{Access: "mx.example.test"}, "skipped no-smtp", AccessGiven},
		{"no answer", mail + ";! timeout _imap._tcp.example.test.\n", asked, "inconclusive dns-timeout _imap._tcp.example.test", AccessMX},
		{"no answer for the host", mail + ";! servfail x.example.test.\n", Options{Access: "x.example.test"}, "inconclusive dns-servfail x.example.test", AccessGiven},
		{"unusual port", mail + "_imaps._tcp SRV 0 1 9993 mail\nmail A 192.0.2.1\n", asked, "inconclusive other-port mail.example.test", AccessSRV},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := auditZone(t, tested, tt.zone, tt.o)
			got := ""
			for _, c := range r.Coverage {
				if c.Checker == accessName {
					got = reached(c)
				}
			}
			var origin AccessOrigin
			if r.Facts.Access != nil {
				origin = r.Facts.Access.Origin
			}
			if got != tt.want || origin != tt.origin {
				t.Errorf("got %q, %q, want %q, %q", got, origin, tt.want, tt.origin)
			}
		})
	}
}

func TestAccessTargets(t *testing.T) {
	const hosts = "one A 192.0.2.1\ntwo A 192.0.2.2\ntwo AAAA 2001:db8::2\n"
	srv := records(t, hosts+"_imaps._tcp SRV 5 1 993 two\n_imaps._tcp SRV 9 1 993 one\n_imap._tcp SRV 0 1 143 one\n"+
		"_pop3s._tcp SRV 0 1 22 one\n_submission._tcp SRV 0 1 587 gone\n_submissions._tcp SRV 0 1 465 one\n").Access.DNS
	name := func(targets []access.Target) string {
		var out []string
		for _, t := range targets {
			out = append(out, netip.AddrPortFrom(t.Addr, t.Port).String()+" "+serviceName(t.Protocol, t.Implicit))
		}
		return strings.Join(out, ", ")
	}
	if got, want := name(announced(srv)), "192.0.2.2:993 imaps, 192.0.2.1:465 submissions, 192.0.2.1:143 imap"; got != want {
		t.Errorf("announced: got %s, want %s", got, want)
	}
	guess := func(addrs ...string) *access.Discovery {
		d := &access.Discovery{Domain: tested}
		for _, a := range addrs {
			d.Guesses = append(d.Guesses, access.Host{Name: "x", Status: dnsx.OK, Addrs: []netip.Addr{netip.MustParseAddr(a)}})
		}
		return d
	}
	if got := guessed(guess("192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.1")); len(got) != 6 {
		t.Errorf("names of one host: got %s", name(got))
	}
	want := "192.0.2.1:993 imaps, 192.0.2.1:465 submissions, 192.0.2.1:143 imap, 192.0.2.1:587 submission, 192.0.2.1:995 pop3s, 192.0.2.1:110 pop3, " +
		"192.0.2.2:993 imaps, 192.0.2.2:143 imap, 192.0.2.3:995 pop3s, 192.0.2.3:110 pop3, 192.0.2.4:465 submissions, 192.0.2.4:587 submission"
	if got := name(guessed(guess("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"))); got != want {
		t.Errorf("names of four hosts: got %s, want %s", got, want)
	}
	wild := guess("192.0.2.1")
	wild.Guesses[0].Wildcard = true
	if got := guessed(wild); got != nil {
		t.Errorf("a name that every name shares: got %s", name(got))
	}
	r := &run{opts: Options{}, dns: dnsx.New(parseZone(t, ""), dnsx.Options{}), domain: tested, facts: &Facts{}}
	for i := range maxAccessHosts + 1 {
		addr := netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}).String()
		r.facts.MX = &mx.Result{Domain: tested, Status: dnsx.OK, Hosts: append(hostsOf(r.facts.MX), mailHostAt("h", addr))}
	}
	r.once.hosts.Do(func() {})
	a := &Access{Asked: AccessAuto, DNS: &access.Discovery{Domain: tested}}
	if got := r.accessTargets(t.Context(), a); len(got) != maxAccessServices || a.Origin != AccessMX {
		t.Errorf("MX hosts: got %s by %s, want %d services", name(got), a.Origin, maxAccessServices)
	}
}

func hostsOf(m *mx.Result) []mx.Host {
	if m == nil {
		return nil
	}
	return m.Hosts
}

// TestGuardAccessPorts holds that the ports of mailboxes are closed unless the
// user asks for them.
func TestGuardAccessPorts(t *testing.T) {
	n := Net{Dial: func(context.Context, string, string) (net.Conn, error) { return nil, nil }}
	for _, port := range []uint16{portIMAP, portIMAPS, portPOP3, portPOP3S} {
		at := netip.AddrPortFrom(netip.MustParseAddr("9.9.9.9"), port)
		for _, o := range []Options{{}, {Checks: []string{"smtp"}}} {
			if _, err := newGuard(n, o).dial(t.Context(), at); !errors.Is(err, errPort) {
				t.Errorf("dial port %d: %v, want %v", port, err, errPort)
			}
		}
		for _, o := range []Options{{Access: AccessAuto}, {Checks: []string{accessName}}} {
			if _, err := newGuard(n, o).dial(t.Context(), at); err != nil {
				t.Errorf("dial port %d with permission: %v", port, err)
			}
		}
	}
}
