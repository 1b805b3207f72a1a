package check

import (
	"slices"
	"strings"

	"maildoctor/check/smtp"
)

// inquiryCoverage says whether the questions of Options.Intrusive were answered.
func inquiryCoverage(f *Facts, asked bool) Coverage {
	if !asked {
		return Coverage{State: Done}
	}
	for i := range f.SMTP {
		d := &f.SMTP[i]
		if d.Inquiry == nil {
			continue
		}
		if reason := unanswered(d.Inquiry); reason != "" {
			return Coverage{State: Inconclusive, Reason: reason, Subject: d.Host, Minor: true}
		}
		return Coverage{State: Done}
	}
	return Coverage{State: Done} // no host answered, which has findings of its own
}

// unanswered returns why the questions found no answer, or "". What is refused
// for another reason than the recipient says nothing about it, and greylisting
// neither (RFC 6647).
func unanswered(s *smtp.Session) string {
	if s.Answers == nil {
		d := Dialogue{Session: *s}
		if s.Outcome == smtp.OutcomeCancelled { // by us, for want of time
			return ReasonDeadline
		}
		if reason := unclear(&d); reason != "" {
			return reason
		}
		return ReasonBroken
	}
	a := s.Answers
	replies := []*smtp.Reply{a.Sender}
	if a.Sender.Acceptance() == smtp.Accepted {
		replies = append(replies, a.Postmaster)
	}
	for _, r := range a.Relays {
		replies = append(replies, r.Reply)
	}
	means := func(want smtp.Acceptance) bool {
		return slices.ContainsFunc(replies, func(r *smtp.Reply) bool { return r.Acceptance() == want })
	}
	switch {
	case means(smtp.PutOff):
		return ReasonGreylisted
	case a.Sender.Acceptance() == smtp.Refused, a.Postmaster.Acceptance() == smtp.Refused:
		return ReasonRefusesUs
	case a.Postmaster == nil, len(a.Relays) < smtp.MaxRelays:
		return ReasonBroken
	}
	return ""
}

// judgeInquiry judges what the server answered to the questions.
func judgeInquiry(f *Facts, d *Dialogue, add func(Finding)) {
	if d.Inquiry == nil || d.Inquiry.Answers == nil {
		return
	}
	a := d.Inquiry.Answers
	// An address of one's own network proves nothing about strangers.
	if relay := a.OpenRelay(); relay != nil && !slices.Contains(f.NotPublic, d.Addr) {
		add(Finding{
			Rule: smtpOpenRelay, Subject: d.Host, Evidence: exchanged("MAIL FROM:"+relay.From, relay.Sender, "RCPT TO:"+relay.To, relay.Reply),
			Params: params("host", d.Host, "address", d.Addr, "recipient", strings.Trim(relay.To, "<>")),
		})
	}
	if a.Postmaster.Acceptance() == smtp.UnknownMailbox {
		add(Finding{
			Rule: smtpPostmaster, Subject: d.Host, Evidence: exchanged("RCPT TO:<postmaster@"+f.Domain+">", a.Postmaster),
			Params: params("host", d.Host, "mailbox", "postmaster@"+f.Domain, "code", code(a.Postmaster)),
		})
	}
	if commands := a.Discloses(); len(commands) > 0 {
		add(Finding{
			Rule: smtpDiscloses, Subject: d.Host, Params: params("host", d.Host, "commands", strings.Join(commands, ", ")),
			Evidence: exchanged("VRFY postmaster", a.Verify, "EXPN postmaster", a.Expand),
		})
	}
}

// exchanged shows commands and the replies to them, given in turn.
func exchanged(pairs ...any) []string {
	var out []string
	for i := 0; i+1 < len(pairs); i += 2 {
		command, _ := pairs[i].(string)
		reply, _ := pairs[i+1].(*smtp.Reply)
		out = append(out, "C: "+command)
		if reply != nil {
			out = append(out, "S: "+replied(reply))
		}
	}
	return out
}
