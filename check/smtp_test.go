package check

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"maildoctor/check/certs"
	"maildoctor/check/dnsx"
	"maildoctor/check/mx"
	"maildoctor/check/smtp"
	"maildoctor/check/tlsx"
)

// dialogue is a session with the MX service of a host.
func dialogue(host, addr string, outcome smtp.Outcome) Dialogue {
	d := Dialogue{Session: smtp.Session{Host: host, Addr: netip.MustParseAddr(addr), Port: 25, Outcome: outcome}}
	if outcome == smtp.OutcomeOK {
		d.Greeting, d.GreetingName, d.Clear = &smtp.Reply{Code: 220}, host, &smtp.Ehlo{Name: host}
		d.Transcript = []string{"S: 220 " + host}
	}
	return d
}

// secured is a session that started TLS.
func secured(host, addr string) Dialogue {
	d := dialogue(host, addr, smtp.OutcomeOK)
	d.StartTLS, d.Secured, d.TLS = smtp.StartTLSOK, &smtp.Ehlo{Name: host}, tlsState(certs.ChainTrusted)
	return d
}

// refusal is a session with a host that refused its service in the greeting.
func refusal(host string, code int, text string) Dialogue {
	d := dialogue(host, "192.0.2.2", smtp.OutcomeService)
	d.Greeting = reply(code, text)
	return d
}

// with changes a dialogue.
func with(d Dialogue, change func(*Dialogue)) Dialogue {
	change(&d)
	return d
}

// upgrade is a session in which STARTTLS ended like that.
func upgrade(how smtp.StartTLS, handshake tlsx.Outcome) Dialogue {
	d := dialogue("mx.test", "192.0.2.1", smtp.OutcomeOK)
	d.StartTLS = how
	if handshake != "" {
		d.TLS = &tlsx.State{Outcome: handshake}
	}
	return d
}

// mailHosts are facts with one MX host for each list of addresses.
func mailHosts(sessions []Dialogue, hosts ...mx.Host) *Facts {
	f := &Facts{Domain: tested, SMTPPort: 25, SMTP: sessions, MX: &mx.Result{Domain: tested, Status: dnsx.OK, Hosts: hosts}}
	if len(hosts) == 0 {
		seen := map[string]int{}
		for _, d := range sessions {
			i, ok := seen[d.Host]
			if !ok {
				i = len(f.MX.Hosts)
				seen[d.Host] = i
				f.MX.Hosts = append(f.MX.Hosts, mailHostAt(d.Host))
			}
			addTo(&f.MX.Hosts[i], d.Addr)
		}
	}
	return f
}

// mailHostAt is an MX host with those addresses.
func mailHostAt(name string, addrs ...string) mx.Host {
	h := mx.Host{Name: name, Kind: mx.KindName, Listed: 1, A: mx.Addresses{Status: dnsx.NoData}, AAAA: mx.Addresses{Status: dnsx.NoData}}
	for _, a := range addrs {
		addTo(&h, netip.MustParseAddr(a))
	}
	return h
}

func addTo(h *mx.Host, a netip.Addr) {
	family := &h.A
	if a.Is6() {
		family = &h.AAAA
	}
	family.Status, family.Addrs = dnsx.OK, append(family.Addrs, a)
}

func TestJudgeSMTP(t *testing.T) {
	const at, six = "address=192.0.2.1 ", "2001:db8::1"
	one := func(d Dialogue) []Dialogue { return []Dialogue{d} }
	plain := func(change func(*Dialogue)) []Dialogue { return one(with(secured("mx.test", "192.0.2.1"), change)) }
	down := func(o smtp.Outcome) Dialogue { return dialogue("b.test", "192.0.2.2", o) }
	submission := func(change func(*Dialogue)) []Dialogue {
		d := with(dialogue("mx.test", "192.0.2.1", smtp.OutcomeOK), func(d *Dialogue) { d.Port = 587; change(d) })
		return []Dialogue{secured("mx.test", "192.0.2.1"), d}
	}
	tests := []struct {
		name  string
		facts *Facts
		want  []string
	}{
		{"good", mailHosts(one(secured("mx.test", "192.0.2.1"))), nil},
		{"none", &Facts{Domain: tested, SMTPPort: 25}, nil},

		// The service.
		{"greeting without a name", mailHosts(plain(func(d *Dialogue) { d.GreetingName = "localhost" })), []string{"SMTP-BANNER-NAME mx.test host=mx.test name=localhost"}},
		{"greeting of nothing", mailHosts(plain(func(d *Dialogue) { d.GreetingName = "" })), []string{`SMTP-BANNER-NAME mx.test host=mx.test name="\"\""`}},
		{"greeting hidden by a middlebox", mailHosts(plain(func(d *Dialogue) { d.GreetingName, d.StartTLS, d.Secured = "***", smtp.StartTLSStripped, nil })),
			[]string{"SMTP-STARTTLS-STRIPPED mx.test " + at + "host=mx.test"}},
		{"EHLO refused, HELO accepted", mailHosts(one(with(upgrade(smtp.StartTLSNotOffered, ""), func(d *Dialogue) {
			d.EhloRefusal = &smtp.Reply{Code: 502}
		}))), []string{"SMTP-EHLO-REFUSED mx.test code=502 host=mx.test", "SMTP-STARTTLS-MISSING mx.test " + at + "host=mx.test"}},
		{"EHLO and HELO refused", mailHosts(one(with(dialogue("mx.test", "192.0.2.1", smtp.OutcomeEhloRefused), func(d *Dialogue) {
			d.GreetingName, d.EhloRefusal = "mx.test", &smtp.Reply{Code: 550}
		}))), []string{"SMTP-CLIENT-REFUSED mx.test " + at + "host=mx.test reply=550"}},
		{"EHLO and HELO unknown", mailHosts(one(with(dialogue("mx.test", "192.0.2.1", smtp.OutcomeEhloRefused), func(d *Dialogue) {
			d.GreetingName, d.EhloRefusal, d.HeloRefusal = "mx.test", reply(502, "Error"), reply(502, "Error")
		}))), []string{"SMTP-EHLO-REFUSED mx.test code=502 host=mx.test"}},
		{"EHLO and HELO refused for a blocklist", mailHosts([]Dialogue{secured("a.test", "192.0.2.1"), with(dialogue("b.test", "192.0.2.2", smtp.OutcomeEhloRefused), func(d *Dialogue) {
			d.GreetingName, d.EhloRefusal, d.HeloRefusal = "b.test", reply(550, "no"), reply(550, "5.7.1 blocked")
		})}), []string{"SMTP-CLIENT-REFUSED b.test address=192.0.2.2 host=b.test reply=\"550 5.7.1 blocked\""}},
		{"EHLO refused inside TLS", mailHosts(plain(func(d *Dialogue) { d.EhloRefusal = &smtp.Reply{Code: 550} })), nil},
		{"no STARTTLS", mailHosts(one(upgrade(smtp.StartTLSNotOffered, ""))), []string{"SMTP-STARTTLS-MISSING mx.test " + at + "host=mx.test"}},
		{"STARTTLS refused", mailHosts(one(with(upgrade(smtp.StartTLSRefused, ""), func(d *Dialogue) { d.StartTLSReply = &smtp.Reply{Code: 502} }))),
			[]string{"SMTP-STARTTLS-REFUSED mx.test " + at + "code=502 host=mx.test"}},
		{"STARTTLS refused without a reply", mailHosts(one(upgrade(smtp.StartTLSRefused, ""))), []string{"SMTP-STARTTLS-REFUSED mx.test " + at + "code=000 host=mx.test"}},
		{"STARTTLS put off", mailHosts(one(upgrade(smtp.StartTLSTempfail, ""))), nil},
		{"injection", mailHosts(one(upgrade(smtp.StartTLSInjection, ""))), []string{"SMTP-STARTTLS-INJECTION mx.test " + at + "host=mx.test"}},
		{"STARTTLS broken off", mailHosts(one(upgrade(smtp.StartTLSBroken, ""))), []string{"SMTP-STARTTLS-FAILED mx.test " + at + "host=mx.test reason=closed"}},
		{"STARTTLS without an answer in time", mailHosts(one(with(upgrade(smtp.StartTLSBroken, ""), func(d *Dialogue) { d.Fault = smtp.FaultTimeout }))), nil},
		{"handshake closed", mailHosts(one(upgrade(smtp.StartTLSFailed, tlsx.OutcomeClosed))), []string{"SMTP-STARTTLS-FAILED mx.test " + at + "host=mx.test reason=closed"}},
		{"handshake reset", mailHosts(one(upgrade(smtp.StartTLSFailed, tlsx.OutcomeReset))), []string{"SMTP-STARTTLS-FAILED mx.test " + at + "host=mx.test reason=reset"}},
		{"handshake alert", mailHosts(one(upgrade(smtp.StartTLSFailed, tlsx.OutcomeAlert))), []string{"SMTP-STARTTLS-FAILED mx.test " + at + "host=mx.test reason=alert"}},
		{"handshake in clear text", mailHosts(one(upgrade(smtp.StartTLSFailed, tlsx.OutcomeNotTLS))), []string{"SMTP-STARTTLS-FAILED mx.test " + at + "host=mx.test reason=not-tls"}},
		{"handshake with a bad certificate", mailHosts(one(upgrade(smtp.StartTLSFailed, tlsx.OutcomeBadCertificate))),
			[]string{"SMTP-STARTTLS-FAILED mx.test " + at + "host=mx.test reason=bad-certificate"}},
		{"handshake out of time", mailHosts(one(upgrade(smtp.StartTLSFailed, tlsx.OutcomeTimeout))), nil},
		{"handshake that crypto/tls does not know", mailHosts(one(upgrade(smtp.StartTLSFailed, tlsx.OutcomeProtocol))), nil},
		{"handshake with a weak key", mailHosts(one(upgrade(smtp.StartTLSFailed, tlsx.OutcomeWeakKey))), nil},
		{"handshake that left nothing", mailHosts(one(upgrade(smtp.StartTLSFailed, ""))), nil},
		{"passwords in the clear", mailHosts(plain(func(d *Dialogue) { d.Clear = &smtp.Ehlo{Auth: []string{"LOGIN"}} })), []string{"SMTP-AUTH-BEFORE-TLS mx.test host=mx.test port=25"}},
		{"no passwords in the clear", mailHosts(plain(func(d *Dialogue) { d.Clear = &smtp.Ehlo{Auth: []string{"CRAM-MD5"}} })), nil},

		// Submission.
		{"587 without STARTTLS", mailHosts(submission(func(d *Dialogue) { d.StartTLS = smtp.StartTLSNotOffered })), []string{"SMTP-587-NO-STARTTLS mx.test host=mx.test"}},
		{"587, passwords in the clear", mailHosts(submission(func(d *Dialogue) {
			d.StartTLS, d.Clear = smtp.StartTLSOK, &smtp.Ehlo{Auth: []string{"PLAIN"}}
		})), []string{"SMTP-AUTH-BEFORE-TLS mx.test host=mx.test port=587"}},
		{"587 not there", mailHosts(submission(func(d *Dialogue) { d.Outcome = smtp.OutcomeRefused })), nil},
		{"465 in clear text", mailHosts(submission(func(d *Dialogue) {
			d.Port, d.Implicit, d.Outcome, d.TLS = 465, true, smtp.OutcomeHandshake, &tlsx.State{Outcome: tlsx.OutcomeNotTLS}
		})), []string{"SMTP-465-CLEAR mx.test host=mx.test"}},
		{"465 not there", mailHosts(submission(func(d *Dialogue) { d.Port, d.Implicit, d.Outcome = 465, true, smtp.OutcomeTimeout })), nil},
		{"587 as the port of MX", with587(mailHosts(one(with(upgrade(smtp.StartTLSNotOffered, ""), func(d *Dialogue) { d.Port = 587 })))),
			[]string{"SMTP-STARTTLS-MISSING mx.test " + at + "host=mx.test"}},

		// Hosts that are not there.
		{"one of two refuses", mailHosts([]Dialogue{secured("a.test", "192.0.2.1"), down(smtp.OutcomeRefused)}),
			[]string{"SMTP-HOST-UNREACHABLE b.test address=192.0.2.2 host=b.test outcome=refused port=25"}},
		{"one of two speaks no SMTP", mailHosts([]Dialogue{secured("a.test", "192.0.2.1"), down(smtp.OutcomeNotSMTP)}),
			[]string{"SMTP-HOST-UNREACHABLE b.test address=192.0.2.2 host=b.test outcome=not-smtp port=25"}},
		{"one of two is silent", mailHosts([]Dialogue{secured("a.test", "192.0.2.1"), down(smtp.OutcomeTimeout)}),
			[]string{"SMTP-HOST-UNREACHABLE b.test address=192.0.2.2 host=b.test outcome=timeout port=25"}},
		{"one of two wants nothing to do with us", mailHosts([]Dialogue{secured("a.test", "192.0.2.1"),
			with(down(smtp.OutcomeService), func(d *Dialogue) { d.Greeting = &smtp.Reply{Code: 554} })}),
			[]string{"SMTP-SERVICE-REFUSED b.test address=192.0.2.2 code=554 host=b.test reply=554"}},
		{"one of two refuses our address", mailHosts([]Dialogue{secured("a.test", "192.0.2.1"), refusal("b.test", 554, "5.7.1 Client host [192.0.2.99] blocked using zen.spamhaus.org (PBL)")}),
			[]string{"SMTP-CLIENT-REFUSED b.test address=192.0.2.2 host=b.test reply=\"554 5.7.1 Client host [192.0.2.99] blocked using zen.spamhaus.org (PBL)\""}},
		{"all refuse our address", mailHosts(one(refusal("b.test", 554, "blocked"))), []string{"SMTP-CLIENT-REFUSED b.test address=192.0.2.2 host=b.test reply=\"554 blocked\""}},
		{"all refuse the service", mailHosts(one(refusal("b.test", 521, "No"))), []string{"SMTP-CLIENT-REFUSED b.test address=192.0.2.2 host=b.test reply=\"521 No\""}},
		{"one of two, nothing certain", mailHosts([]Dialogue{secured("a.test", "192.0.2.1"), down(smtp.OutcomeTempfail), down(smtp.OutcomeReset),
			down(smtp.OutcomeConnectFailed), down(smtp.OutcomePrivate), down(smtp.OutcomeBudget), down(smtp.OutcomeGreetingTimeout),
			down(smtp.OutcomeGreetingClosed), down(smtp.OutcomeBroken), down(smtp.OutcomeUnreachable), down(smtp.OutcomeCancelled)}), nil},
		{"IPv6 silent, no other IPv6", mailHosts([]Dialogue{secured("mx.test", "192.0.2.1"), dialogue("mx.test", six, smtp.OutcomeTimeout)}), nil},
		{"IPv6 silent, another IPv6 answers", mailHosts([]Dialogue{secured("mx.test", "2001:db8::2"), dialogue("b.test", six, smtp.OutcomeTimeout)}),
			[]string{"SMTP-HOST-UNREACHABLE b.test address=2001:db8::1 host=b.test outcome=timeout port=25"}},
		{"IPv6 refused", mailHosts([]Dialogue{secured("mx.test", "192.0.2.1"), dialogue("mx.test", six, smtp.OutcomeRefused)}),
			[]string{"SMTP-HOST-UNREACHABLE mx.test address=2001:db8::1 host=mx.test outcome=refused port=25"}},
		{"all silent", mailHosts([]Dialogue{dialogue("a.test", "192.0.2.1", smtp.OutcomeTimeout), down(smtp.OutcomeTimeout)}), nil},
		{"one refuses, the other silent", mailHosts([]Dialogue{dialogue("a.test", "192.0.2.1", smtp.OutcomeRefused), down(smtp.OutcomeTimeout)}), nil},

		{"all refuse", mailHosts([]Dialogue{dialogue("a.test", "192.0.2.1", smtp.OutcomeNotSMTP), down(smtp.OutcomeRefused), dialogue("b.test", six, smtp.OutcomeNotSMTP)}),
			[]string{`SMTP-NO-HOST-REACHABLE example.test hosts="a.test, b.test"`}},
		{"all refuse, a submission service does not", mailHosts([]Dialogue{dialogue("a.test", "192.0.2.1", smtp.OutcomeRefused),
			with(dialogue("a.test", "192.0.2.1", smtp.OutcomeOK), func(d *Dialogue) { d.Port, d.StartTLS = 587, smtp.StartTLSOK })}),
			[]string{"SMTP-NO-HOST-REACHABLE example.test hosts=a.test"}},
		{"those tried refuse, a host was not tried", mailHosts(one(down(smtp.OutcomeRefused)), mailHostAt("b.test", "192.0.2.2"), mailHostAt("c.test", "192.0.2.3")),
			[]string{"SMTP-HOST-UNREACHABLE b.test address=192.0.2.2 host=b.test outcome=refused port=25"}},
		{"those tried refuse, an address was not tried", mailHosts(one(down(smtp.OutcomeRefused)), mailHostAt("b.test", "192.0.2.2", "192.0.2.3")),
			[]string{"SMTP-HOST-UNREACHABLE b.test address=192.0.2.2 host=b.test outcome=refused port=25"}},
		{"those tried refuse, an address is unknown", mailHosts(one(down(smtp.OutcomeRefused)), mailHostAt("b.test", "192.0.2.2"), unknownHost("c.test")),
			[]string{"SMTP-HOST-UNREACHABLE b.test address=192.0.2.2 host=b.test outcome=refused port=25"}},
		{"those tried refuse, hosts were left out", cutHosts(mailHosts(one(refusal("b.test", 554, "No")))),
			[]string{"SMTP-CLIENT-REFUSED b.test address=192.0.2.2 host=b.test reply=\"554 No\""}},
		{"one is not there, the other refuses", mailHosts([]Dialogue{dialogue("a.test", "192.0.2.1", smtp.OutcomeRefused), refusal("b.test", 554, "No")}),
			[]string{
				"SMTP-HOST-UNREACHABLE a.test address=192.0.2.1 host=a.test outcome=refused port=25",
				"SMTP-CLIENT-REFUSED b.test address=192.0.2.2 host=b.test reply=\"554 No\"",
			}},
		{"all refuse, a host has no address", mailHosts(one(down(smtp.OutcomeRefused)), mailHostAt("b.test", "192.0.2.2"), mailHostAt("c.test")),
			[]string{"SMTP-NO-HOST-REACHABLE example.test hosts=b.test"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			expect(t, collect(judgeSMTP, tt.facts), tt.want)
		})
	}
}

func with587(f *Facts) *Facts {
	f.SMTPPort = 587
	return f
}

func unknownHost(name string) mx.Host {
	h := mailHostAt(name)
	h.A.Status = dnsx.Timeout
	return h
}

func cutHosts(f *Facts) *Facts {
	f.MX.Cut = 1
	return f
}

// TestJudgeAuthEvidence holds that only what was offered before TLS is quoted.
func TestJudgeAuthEvidence(t *testing.T) {
	d := secured("mx.test", "192.0.2.1")
	d.Clear = &smtp.Ehlo{Auth: []string{"PLAIN"}}
	d.Transcript = []string{"S: 220 auth.test", "C: EHLO x", "S: 250-mx.test", "S: 250 Auth PLAIN", "C: STARTTLS", "S: 250 AUTH LOGIN"}
	got := collect(judgeSMTP, mailHosts([]Dialogue{d}))
	if len(got) != 1 || fmt.Sprint(got[0].Evidence) != "[S: 250 Auth PLAIN]" {
		t.Errorf("findings %+v, want one that quotes the line with AUTH", got)
	}
}

func TestSMTPCoverage(t *testing.T) {
	late, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	canceled, stop := context.WithCancel(t.Context())
	stop()
	a := func(o smtp.Outcome) Dialogue { return dialogue("a.test", "192.0.2.1", o) }
	six := func(o smtp.Outcome) Dialogue { return dialogue("a.test", "2001:db8::1", o) }
	b := func(o smtp.Outcome) Dialogue { return dialogue("b.test", "192.0.2.2", o) }
	submission := func(d Dialogue) Dialogue { return with(d, func(d *Dialogue) { d.Port = 587 }) }
	tests := []struct {
		name  string
		ctx   context.Context
		facts *Facts
		want  string
	}{
		{"answered", t.Context(), mailHosts([]Dialogue{a(smtp.OutcomeOK)}), "done"},
		{"answered on one address of two", t.Context(), mailHosts([]Dialogue{a(smtp.OutcomeOK), six(smtp.OutcomeUnreachable)}), "done"},
		{"unclear on the first address, answered on the second", t.Context(), mailHosts([]Dialogue{a(smtp.OutcomeTempfail), six(smtp.OutcomeOK)}), "done"},
		{"the second host silent in its greeting", t.Context(),
			mailHosts([]Dialogue{a(smtp.OutcomeOK), six(smtp.OutcomeUnreachable), b(smtp.OutcomeGreetingTimeout)}), "inconclusive greeting-late b.test"},
		{"the second host silent", t.Context(), mailHosts([]Dialogue{a(smtp.OutcomeOK), b(smtp.OutcomeTimeout)}), "inconclusive no-answer b.test"},
		{"all silent", t.Context(), mailHosts([]Dialogue{a(smtp.OutcomeTimeout), six(smtp.OutcomeUnreachable), b(smtp.OutcomeTimeout)}), "inconclusive port-25-blocked"},
		{"all silent, a submission service answers", t.Context(), mailHosts([]Dialogue{a(smtp.OutcomeTimeout), submission(a(smtp.OutcomeOK))}), "inconclusive port-25-blocked"},
		{"all silent in their greetings", t.Context(), mailHosts([]Dialogue{a(smtp.OutcomeGreetingTimeout)}), "inconclusive greeting-late a.test"},
		{"out of time", late, mailHosts([]Dialogue{a(smtp.OutcomeOK)}), "inconclusive deadline"},
		{"stopped by the user", canceled, mailHosts([]Dialogue{a(smtp.OutcomeTimeout)}), "inconclusive interrupted"},
		{"one refuses, the other answers", t.Context(), mailHosts([]Dialogue{a(smtp.OutcomeOK), b(smtp.OutcomeRefused)}), "done"},
		{"all refuse", t.Context(), mailHosts([]Dialogue{a(smtp.OutcomeRefused), b(smtp.OutcomeNotSMTP)}), "done"},
		{"all refuse the service", t.Context(), mailHosts([]Dialogue{refusal("b.test", 554, "No")}), "inconclusive client-refused b.test"},
		{"one refuses the service, the other answers", t.Context(), mailHosts([]Dialogue{a(smtp.OutcomeOK), refusal("b.test", 554, "No")}), "done"},
		{"one refuses our address, the other answers", t.Context(), mailHosts([]Dialogue{a(smtp.OutcomeOK), refusal("b.test", 554, "5.7.1 no")}), "inconclusive client-refused b.test"},
		{"out of time at the second host", late, mailHosts([]Dialogue{a(smtp.OutcomeOK), b(smtp.OutcomeCancelled)}), "inconclusive deadline b.test"},
		{"those tried refuse, a host was not tried", t.Context(),
			mailHosts([]Dialogue{a(smtp.OutcomeRefused)}, mailHostAt("a.test", "192.0.2.1"), mailHostAt("c.test", "192.0.2.3")), "inconclusive hosts-left c.test"},
		{"those tried refuse, an address is unknown", t.Context(),
			mailHosts([]Dialogue{a(smtp.OutcomeRefused)}, mailHostAt("a.test", "192.0.2.1"), unknownHost("c.test")), "inconclusive hosts-left c.test"},
		{"those tried refuse, hosts were left out", t.Context(), cutHosts(mailHosts([]Dialogue{a(smtp.OutcomeRefused)})), "inconclusive hosts-left example.test"},
		{"one answers, a host was not tried", t.Context(),
			mailHosts([]Dialogue{a(smtp.OutcomeOK)}, mailHostAt("a.test", "192.0.2.1"), mailHostAt("c.test", "192.0.2.3")), "done"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := reached(smtpCoverage(tt.ctx, tt.facts)); got != tt.want {
				t.Errorf("coverage %q, want %q", got, tt.want)
			}
		})
	}
}

// TestUnclear holds for each outcome why it says nothing definite, if so.
func TestUnclear(t *testing.T) {
	for outcome, want := range map[smtp.Outcome]string{
		smtp.OutcomeOK: "", smtp.OutcomeRefused: "", smtp.OutcomeService: "", smtp.OutcomeNotSMTP: "", smtp.OutcomeEhloRefused: "",
		smtp.OutcomeUnreachable: ReasonNetwork, smtp.OutcomeTimeout: ReasonNoAnswer, smtp.OutcomeGreetingTimeout: ReasonGreeting,
		smtp.OutcomeTempfail: ReasonTempfail, smtp.OutcomePrivate: ReasonPrivateAddress, smtp.OutcomeBudget: ReasonConnections,
		smtp.OutcomeCancelled: ReasonInterrupted, smtp.OutcomeReset: ReasonBroken, smtp.OutcomeConnectFailed: ReasonBroken,
		smtp.OutcomeBadHelo: ReasonBroken, smtp.OutcomeGreetingClosed: ReasonBroken, smtp.OutcomeBroken: ReasonBroken,
		"of another kind": ReasonBroken,
	} {
		t.Run(string(outcome), func(t *testing.T) {
			d := dialogue("mx.test", "192.0.2.1", outcome)
			if got := unclear(&d); got != want {
				t.Errorf("unclear: %q, want %q", got, want)
			}
		})
	}
	t.Run("cut off at the end of the audit", func(t *testing.T) {
		d := with(dialogue("mx.test", "192.0.2.1", smtp.OutcomeCancelled), func(d *Dialogue) { d.Fault = smtp.FaultTimeout })
		if got := unclear(&d); got != ReasonDeadline {
			t.Errorf("unclear: %q, want %q", got, ReasonDeadline)
		}
	})
	t.Run("broken off for want of time", func(t *testing.T) {
		d := with(dialogue("mx.test", "192.0.2.1", smtp.OutcomeBroken), func(d *Dialogue) { d.Fault = smtp.FaultTimeout })
		if got := unclear(&d); got != ReasonNoAnswer {
			t.Errorf("unclear: %q, want %q", got, ReasonNoAnswer)
		}
	})
}

// TestUnclearTLS holds the same for the upgrade to TLS.
func TestUnclearTLS(t *testing.T) {
	t.Run("starttls without an answer in time", func(t *testing.T) {
		d := with(upgrade(smtp.StartTLSBroken, ""), func(d *Dialogue) { d.Fault = smtp.FaultTimeout })
		if got := unclear(&d); got != ReasonNoAnswer {
			t.Errorf("unclear: %q, want %q", got, ReasonNoAnswer)
		}
	})
	for how, want := range map[smtp.StartTLS]string{
		smtp.StartTLSUnknown: "", smtp.StartTLSOK: "", smtp.StartTLSNotOffered: "", smtp.StartTLSStripped: "", smtp.StartTLSOffered: "",
		smtp.StartTLSRefused: "", smtp.StartTLSInjection: "", smtp.StartTLSBroken: "", smtp.StartTLSTempfail: ReasonTempfail,
	} {
		t.Run("starttls "+string(how), func(t *testing.T) {
			d := upgrade(how, "")
			if got := unclear(&d); got != want {
				t.Errorf("unclear: %q, want %q", got, want)
			}
		})
	}
	for outcome, want := range map[tlsx.Outcome]string{
		tlsx.OutcomeClosed: "", tlsx.OutcomeReset: "", tlsx.OutcomeAlert: "", tlsx.OutcomeNotTLS: "", tlsx.OutcomeBadCertificate: "",
		tlsx.OutcomeWeakKey: "", tlsx.OutcomeProtocol: ReasonTLS, tlsx.OutcomeTimeout: ReasonNoAnswer, tlsx.OutcomeCancelled: ReasonNoAnswer, "": ReasonNoAnswer,
	} {
		t.Run("handshake "+string(outcome), func(t *testing.T) {
			d := upgrade(smtp.StartTLSFailed, outcome)
			if got := unclear(&d); got != want {
				t.Errorf("unclear: %q, want %q", got, want)
			}
		})
	}
}

// TestReachable holds which hosts are greeted, and where.
func TestReachable(t *testing.T) {
	var many []mx.Host
	for i := range MaxHosts + 1 {
		many = append(many, mailHostAt(fmt.Sprintf("h%d", i), fmt.Sprintf("192.0.2.%d", i+1)))
	}
	tests := []struct {
		name  string
		hosts []mx.Host
		want  string
	}{
		{"none", nil, "[]"},
		{"one address of each family", []mx.Host{mailHostAt("a", "192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2")}, "[a[192.0.2.1 2001:db8::1]]"},
		{"no address", []mx.Host{mailHostAt("a"), mailHostAt("b", "192.0.2.1")}, "[b[192.0.2.1]]"},
		{"the same machine", []mx.Host{mailHostAt("a", "192.0.2.1"), mailHostAt("b", "192.0.2.1")}, "[a[192.0.2.1]]"},
		{"the same machine, written in IPv6", []mx.Host{mailHostAt("a", "192.0.2.1"), mailHostAt("b", "::ffff:192.0.2.1")}, "[a[192.0.2.1]]"},
		{"the same machine and another", []mx.Host{mailHostAt("a", "192.0.2.1"), mailHostAt("b", "192.0.2.1", "192.0.2.2")}, "[a[192.0.2.1] b[192.0.2.2]]"},
		{"more than the limit", many, "[h0[192.0.2.1] h1[192.0.2.2] h2[192.0.2.3] h3[192.0.2.4] h4[192.0.2.5]]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, h := range reachable(&mx.Result{Hosts: tt.hosts}) {
				got = append(got, fmt.Sprint(h.name, h.addrs))
			}
			if s := fmt.Sprint(got); s != tt.want {
				t.Errorf("reachable: %s, want %s", s, tt.want)
			}
		})
	}
}
