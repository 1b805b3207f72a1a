package smtp

import (
	"bytes"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Questions are what a server can only be asked in a mail transaction or with
// commands that it may take amiss: does it take mail for the postmaster (RFC
// 5321 section 4.5.1), does it pass mail on for anybody, does it tell strangers
// who is there (section 3.5)? A transaction ends with RSET before it has a
// message: DATA is never sent.
type Questions struct {
	Domain  string // a domain that the server takes mail for, as A-labels
	Foreign string // a domain that it does not, such as example.com (RFC 2606)
}

// The local parts of the addresses in the questions. Nobody bears the second.
const (
	postmaster = "postmaster"
	nobody     = "maildoctor-no-such-mailbox"
)

// MaxRelays is how many ways of asking for relay a server is asked at most.
const MaxRelays = 3

// relays returns the reverse and forward paths of the transactions that ask for
// relay: as a bounce, as the domain itself, and with a source route (RFC 5321
// appendix C). All name the foreign domain for sure: what a server says to
// "user%example.com@its.own.domain" tells nothing where it takes every address.
func (q *Questions) relays() []Relay {
	to := nobody + "@" + q.Foreign
	return []Relay{
		{From: "<>", To: "<" + to + ">"},
		{From: "<" + postmaster + "@" + q.Domain + ">", To: "<" + to + ">"},
		{From: "<>", To: "<@" + q.Domain + ":" + to + ">"},
	}[:MaxRelays]
}

// Answers are the replies to Questions. A reply is nil where the question was
// not asked, or the dialogue ended before it.
type Answers struct {
	// Near tells that server and client are in the same network, which a server
	// may pass mail on for: what it says to Relays is then no open relay.
	Near bool `json:"near,omitempty"`

	Sender     *Reply  `json:"sender,omitempty"`     // to MAIL FROM:<>
	Postmaster *Reply  `json:"postmaster,omitempty"` // to RCPT for the postmaster of the domain
	Relays     []Relay `json:"relays,omitempty"`
	Verify     *Reply  `json:"verify,omitempty"`      // to VRFY postmaster
	VerifyNone *Reply  `json:"verify_none,omitempty"` // to VRFY of a mailbox that nobody has; asked where Verify is positive
	Expand     *Reply  `json:"expand,omitempty"`      // to EXPN postmaster
}

// A Relay is one recipient of a foreign domain.
type Relay struct {
	From   string `json:"from"`
	To     string `json:"to"`
	Sender *Reply `json:"sender,omitempty"` // to MAIL
	Reply  *Reply `json:"reply,omitempty"`  // to RCPT; nil where MAIL was refused
}

// Acceptance says what a reply to RCPT means for the recipient.
type Acceptance string

// The meanings of a reply. Only the first two speak of the recipient: other
// refusals are as likely about the client, since many servers put off what
// they hold against it until RCPT.
const (
	Accepted       Acceptance = "accepted"
	UnknownMailbox Acceptance = "unknown-mailbox" // the server says that there is no such mailbox
	PutOff         Acceptance = "put-off"         // 4yz: later, perhaps
	Refused        Acceptance = "refused"         // 5yz for another reason, or for none that is given
	Unanswered     Acceptance = ""
)

// Acceptance reads a reply to RCPT: by its enhanced status code (RFC 3463
// section 3.2) where it has one, else by what servers in use write.
func (r *Reply) Acceptance() Acceptance {
	switch {
	case r == nil:
		return Unanswered
	case r.class() == 2:
		return Accepted
	case r.class() == 4:
		return PutOff
	case r.class() == 5 && r.unknownMailbox():
		return UnknownMailbox
	}
	return Refused
}

// unknownTexts are how servers say, in lower case, that there is no such mailbox.
var unknownTexts = []string{
	"user unknown", "unknown user", "no such user", "user not found", "unknown recipient", "recipient unknown",
	"recipient not found", "no such recipient", "no such mailbox", "mailbox not found", "unknown mailbox",
	"mailbox unknown", "does not exist", "no mailbox here",
}

func (r *Reply) unknownMailbox() bool {
	for _, line := range r.Text {
		word, _, _ := strings.Cut(line, " ")
		if subject, detail, ok := enhanced(word); ok {
			// 5.1.1, 5.1.10 (RFC 7505): no mailbox; 5.1.6: moved away; 5.2.1: disabled.
			return subject == 1 && slices.Contains([]int{1, 6, 10}, detail) || subject == 2 && detail == 1
		}
	}
	if r.Code != 550 && r.Code != 551 && r.Code != 553 {
		return false
	}
	text := strings.ToLower(strings.Join(r.Text, " "))
	return slices.ContainsFunc(unknownTexts, func(t string) bool { return strings.Contains(text, t) })
}

// enhanced reads an enhanced status code of class 5 (RFC 2034 section 3).
func enhanced(word string) (subject, detail int, ok bool) {
	rest, ok := strings.CutPrefix(word, "5.")
	if !ok {
		return 0, 0, false
	}
	first, second, ok := strings.Cut(rest, ".")
	if !ok || len(first) > 3 || len(second) > 3 {
		return 0, 0, false
	}
	subject, err := strconv.Atoi(first)
	if err != nil || subject < 0 {
		return 0, 0, false
	}
	detail, err = strconv.Atoi(second)
	return subject, detail, err == nil && detail >= 0
}

// OpenRelay returns the first transaction in which the server took mail for the
// foreign domain, or nil. From within its own network that means nothing.
func (a *Answers) OpenRelay() *Relay {
	if a == nil || a.Near {
		return nil
	}
	for i := range a.Relays {
		if a.Relays[i].Reply.Acceptance() == Accepted {
			return &a.Relays[i]
		}
	}
	return nil
}

// Discloses returns the commands by which the server tells strangers who has a
// mailbox: VRFY where it knows one from none, EXPN where it names an address.
// 252 tells nothing (RFC 5321 section 3.5.3).
func (a *Answers) Discloses() []string {
	var out []string
	if a == nil {
		return nil
	}
	if a.Verify.verified() && a.VerifyNone.Acceptance() != Unanswered && a.VerifyNone.class() == 5 {
		out = append(out, "VRFY")
	}
	if a.Expand.verified() && slices.ContainsFunc(a.Expand.Text, func(line string) bool { return strings.Contains(line, "@") }) {
		out = append(out, "EXPN")
	}
	return out
}

func (r *Reply) verified() bool { return r != nil && (r.Code == 250 || r.Code == 251) }

// inquire asks the questions, each transaction on its own. It ends where the
// server has had enough.
func (d *dialogue) inquire(q *Questions) {
	if !IsHostName(q.Domain) || !IsHostName(q.Foreign) {
		return
	}
	a := &Answers{Near: near(d.conn.LocalAddr(), d.Addr)}
	d.Answers = a
	say := func(command string) *Reply {
		if d.Fault != FaultNone {
			return nil
		}
		r, _ := d.ask(command)
		if r != nil && r.Code == 421 { // RFC 5321 section 3.8: it is closing
			d.conn.Close()
			d.Fault = FaultClosed
		}
		return r
	}
	if a.Sender = say("MAIL FROM:<>"); a.Sender.Acceptance() == Accepted {
		a.Postmaster = say("RCPT TO:<" + postmaster + "@" + q.Domain + ">")
	}
	for _, relay := range q.relays() {
		say("RSET")
		if relay.Sender = say("MAIL FROM:" + relay.From); relay.Sender.Acceptance() == Accepted {
			relay.Reply = say("RCPT TO:" + relay.To)
		}
		if relay.Sender != nil {
			a.Relays = append(a.Relays, relay)
		}
	}
	say("RSET")
	if a.Verify = say("VRFY " + postmaster); a.Verify.verified() {
		a.VerifyNone = say("VRFY " + nobody)
	}
	a.Expand = say("EXPN " + postmaster)
}

// near reports whether two addresses lie in one network, as mail servers that
// trust their neighbours draw it: a /24, or a /64 in IPv6.
func near(local net.Addr, remote netip.Addr) bool {
	addr, err := netip.ParseAddrPort(local.String())
	if err != nil {
		return false
	}
	a, b := addr.Addr().Unmap().WithZone(""), remote.Unmap().WithZone("")
	if !b.IsValid() || a.Is4() != b.Is4() {
		return false
	}
	octets := 8
	if a.Is4() {
		octets = 3
	}
	return bytes.Equal(a.AsSlice()[:octets], b.AsSlice()[:octets])
}
