package check

import (
	"net/netip"
	"testing"

	"maildoctor/check/smtp"
)

func reply(code int, text ...string) *smtp.Reply { return &smtp.Reply{Code: code, Text: text} }

// asked is a session with the MX service in which the questions were asked, with
// the answers of a server as it should be but for the change.
func asked(change func(*smtp.Answers)) []Dialogue {
	a := &smtp.Answers{Sender: reply(250), Postmaster: reply(250), Verify: reply(252), Expand: reply(502)}
	for _, to := range []string{"<n@example.com>", "<n@example.com>", "<@example.test:n@example.com>"} {
		a.Relays = append(a.Relays, smtp.Relay{From: "<>", To: to, Sender: reply(250), Reply: reply(550, "5.7.1 no")})
	}
	if change != nil {
		change(a)
	}
	d := secured("mx.test", "192.0.2.1")
	d.Inquiry = &smtp.Session{Outcome: smtp.OutcomeOK, Answers: a}
	return []Dialogue{d}
}

func TestInquiry(t *testing.T) {
	type answers = *smtp.Answers
	private := mailHosts(asked(func(a answers) { a.Relays[0].Reply = reply(250) }))
	private.NotPublic = []netip.Addr{netip.MustParseAddr("192.0.2.1")}
	broken := asked(nil)
	broken[0].Inquiry = &smtp.Session{Outcome: smtp.OutcomeTempfail}
	gone := asked(nil)
	gone[0].Inquiry = &smtp.Session{Outcome: smtp.OutcomeOK}
	late := asked(nil)
	late[0].Inquiry = &smtp.Session{Outcome: smtp.OutcomeCancelled}
	const postmaster = "SMTP-POSTMASTER-REFUSED mx.test code=550 host=mx.test mailbox=postmaster@example.test"
	const relay = "SMTP-OPEN-RELAY mx.test address=192.0.2.1 host=mx.test recipient="
	tests := []struct {
		name     string
		facts    *Facts
		want     []string
		coverage string
	}{
		{"as it should be", mailHosts(asked(nil)), nil, "done"},
		{"not asked, since nobody answered", mailHosts([]Dialogue{secured("mx.test", "192.0.2.1")}), nil, "done"},
		{"relays", mailHosts(asked(func(a answers) { a.Relays[1].Reply = reply(250) })), []string{relay + "n@example.com"}, "done"},
		{"relays by a source route", mailHosts(asked(func(a answers) { a.Relays[2].Reply = reply(251) })), []string{relay + "@example.test:n@example.com"}, "done"},
		{"relays for its neighbours", mailHosts(asked(func(a answers) { a.Relays[1].Reply, a.Near = reply(250), true })), nil, "done"},
		{"relays in a private network", private, nil, "done"},
		{"puts relays off", mailHosts(asked(func(a answers) { a.Relays[0].Reply = reply(450) })), nil, "inconclusive greylisted mx.test minor"},
		{"no postmaster", mailHosts(asked(func(a answers) { a.Postmaster = reply(550, "5.1.1 no such user") })), []string{postmaster}, "done"},
		{"postmaster greylisted", mailHosts(asked(func(a answers) { a.Postmaster = reply(450, "4.2.0 greylisted") })), nil, "inconclusive greylisted mx.test minor"},
		{"the client blocked", mailHosts(asked(func(a answers) {
			a.Postmaster = reply(554, "5.7.1 Service unavailable; Client host [192.0.2.99] blocked")
		})), nil, "inconclusive client-refused mx.test minor"},
		{"the sender refused", mailHosts(asked(func(a answers) { a.Sender, a.Postmaster = reply(550, "5.7.1 blocked"), nil })), nil, "inconclusive client-refused mx.test minor"},
		{"the sender put off", mailHosts(asked(func(a answers) { a.Sender, a.Postmaster = reply(451), nil })), nil, "inconclusive greylisted mx.test minor"},
		{"hung up", mailHosts(asked(func(a answers) { a.Postmaster, a.Relays = nil, nil })), nil, "inconclusive broken-off mx.test minor"},
		{"hung up between the relays", mailHosts(asked(func(a answers) { a.Relays = a.Relays[:1] })), nil, "inconclusive broken-off mx.test minor"},
		{"put the second session off", mailHosts(broken), nil, "inconclusive tempfail mx.test minor"},
		{"out of time", mailHosts(late), nil, "inconclusive deadline mx.test minor"},
		{"did not come to the questions", mailHosts(gone), nil, "inconclusive broken-off mx.test minor"},
		{"discloses", mailHosts(asked(func(a answers) {
			a.Verify, a.VerifyNone, a.Expand = reply(250, "<root@mx.test>"), reply(550), reply(250, "<root@mx.test>")
		})), []string{`SMTP-VRFY-OPEN mx.test commands="VRFY, EXPN" host=mx.test`}, "done"},
		{"says yes to every name", mailHosts(asked(func(a answers) { a.Verify, a.VerifyNone, a.Expand = reply(250), reply(250), reply(250) })), nil, "done"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			expect(t, collect(judgeSMTP, tt.facts), tt.want)
			if got := reached(inquiryCoverage(tt.facts, true)); got != tt.coverage {
				t.Errorf("coverage %q, want %q", got, tt.coverage)
			}
			if got := reached(inquiryCoverage(tt.facts, false)); got != "done" {
				t.Errorf("not asked for: coverage %q, want done", got)
			}
		})
	}
}

func TestInquiryEvidence(t *testing.T) {
	found := collect(judgeSMTP, mailHosts(asked(func(a *smtp.Answers) { a.Relays[0].Reply = reply(250, "ok", "queued") })))
	want := "[C: MAIL FROM:<> S: 250 C: RCPT TO:<n@example.com> S: 250 ok queued]"
	if len(found) != 1 || "["+join(found[0].Evidence, " ")+"]" != want {
		t.Errorf("evidence %q, want %s", found, want)
	}
}

func TestElsewhere(t *testing.T) {
	for domain, want := range map[string]string{"example.com": "example.org", "mail.example.com": "example.org", "example.net": "example.com"} {
		if got := elsewhere(domain); got != want {
			t.Errorf("elsewhere(%q) = %q, want %q", domain, got, want)
		}
	}
}
