package check

import (
	"net/netip"
	"slices"
	"strings"

	"maildoctor/check/smtp"
)

// refusesUs returns the reply with which a host refused its service if it may
// concern only the address that the audit runs from, or nil. Where no host
// serves us, what does not say whom it concerns may concern us, too.
func (f *Facts) refusesUs(d *Dialogue) *smtp.Reply {
	if r := d.refusesUs(); r != nil {
		return r
	}
	if slices.ContainsFunc(f.SMTP, func(d Dialogue) bool { return f.isMX(&d) && d.Outcome == smtp.OutcomeOK }) {
		return nil
	}
	for _, r := range d.refusals() {
		if d.Outcome == smtp.OutcomeService || r.Code >= 521 { // below it are faults of the command
			return r
		}
	}
	return nil
}

// refusesUs returns the reply with which the host refused its service if its
// text is about the client, or nil.
func (d *Dialogue) refusesUs() *smtp.Reply {
	for _, r := range d.refusals() {
		if d.aboutClient(strings.Join(r.Text, " ")) {
			return r
		}
	}
	return nil
}

// refusals are the replies that refused the service as a whole.
func (d *Dialogue) refusals() []*smtp.Reply {
	var out []*smtp.Reply
	switch d.Outcome {
	case smtp.OutcomeService:
		out = []*smtp.Reply{d.Greeting}
	case smtp.OutcomeEhloRefused:
		out = []*smtp.Reply{d.EhloRefusal, d.HeloRefusal}
	}
	return slices.DeleteFunc(out, func(r *smtp.Reply) bool { return r == nil })
}

// aboutClient reports whether the text of a refusal gives a cause that lies in
// the client: its address, a blocklist, a policy (RFC 3463 section 3.8: x.7.z).
func (d *Dialogue) aboutClient(text string) bool {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return strings.ContainsRune(" \t,;()[]<>\"'!?=/", r)
	})
	return slices.ContainsFunc(words, func(word string) bool {
		word = strings.Trim(word, ".:")
		if a, err := netip.ParseAddr(strings.TrimPrefix(word, "ipv6:")); err == nil {
			return a.Unmap() != d.Addr.Unmap()
		}
		if strings.HasPrefix(word, "5.7.") {
			return true
		}
		switch word {
		case "access", "banned", "client", "denied", "dynamic", "helo", "ehlo", "host", "ip", "listed", "policy", "ptr", "reputation", "reverse", "spam", "your":
			return true
		}
		return strings.Contains(word, "block") || strings.Contains(word, "blacklist") || strings.HasSuffix(word, "rbl") ||
			strings.Contains(word, "dnsbl") || strings.Contains(word, "spamhaus")
	})
}

// judgeRefusal shows the reply of a host that may refuse us alone. What others
// meet could not be seen, so that it costs nothing.
func judgeRefusal(d *Dialogue, r *smtp.Reply, add func(Finding)) {
	add(Finding{
		Rule: smtpRefusesUs, Subject: d.Host, Evidence: d.Transcript,
		Params: params("host", d.Host, "address", d.Addr, "reply", replied(r)),
	})
}
