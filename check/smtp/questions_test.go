package smtp

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// An answerer plays a server that gives the reply of the longest prefix of the
// command that it knows, and "250 ok" to all else.
type answerer map[string]string

func (a answerer) reply(command string) string {
	best := ""
	for prefix := range a {
		if strings.HasPrefix(command, prefix) && len(prefix) > len(best) {
			best = prefix
		}
	}
	if best == "" {
		return "250 ok"
	}
	return a[best]
}

func (a answerer) serve(p *peer) {
	greet(p)
	for {
		switch command := p.hear(); {
		case command == "":
			return
		case command == "QUIT":
			p.say("221 bye")
			return
		case strings.HasPrefix(command, "EHLO"):
			p.say("250 mx.example.com")
		case a.reply(command) == "hang up":
			return
		default:
			p.say(a.reply(command))
		}
	}
}

func code(r *Reply) int {
	if r == nil {
		return 0
	}
	return r.Code
}

var questions = &Questions{Domain: "example.net", Foreign: "example.com"}

// The commands of a dialogue with a server that takes everything.
var inquiry = []string{
	"EHLO probe.example",
	"MAIL FROM:<>", "RCPT TO:<postmaster@example.net>",
	"RSET", "MAIL FROM:<>", "RCPT TO:<maildoctor-no-such-mailbox@example.com>",
	"RSET", "MAIL FROM:<postmaster@example.net>", "RCPT TO:<maildoctor-no-such-mailbox@example.com>",
	"RSET", "MAIL FROM:<>", "RCPT TO:<@example.net:maildoctor-no-such-mailbox@example.com>",
	"RSET", "VRFY postmaster", "VRFY maildoctor-no-such-mailbox", "EXPN postmaster",
	"QUIT",
}

func TestQuestions(t *testing.T) {
	const strange = "RCPT TO:<maildoctor"
	tests := []struct {
		name       string
		server     answerer
		postmaster Acceptance
		relay      string // the forward path that was accepted
		discloses  string
		sent       []string // nil where it is of no interest
	}{
		{"takes everything", answerer{}, Accepted, "<maildoctor-no-such-mailbox@example.com>", "", inquiry},
		{"as it should be", answerer{"RCPT TO:<postmaster": "250 ok", "RCPT": "550 5.7.1 relaying denied", "VRFY": "252 maybe", "EXPN": "502 no"},
			Accepted, "", "", slices.DeleteFunc(slices.Clone(inquiry), func(c string) bool { return c == "VRFY maildoctor-no-such-mailbox" })},
		{"no postmaster", answerer{"RCPT": "550 5.1.1 user unknown"}, UnknownMailbox, "", "", nil},
		{"greylisting", answerer{"RCPT": "450 4.2.0 greylisted"}, PutOff, "", "", nil},
		{"relays for its own domain", answerer{strange: "550 no", "RCPT TO:<@": "550 no", "MAIL FROM:<>": "550 no bounces"}, Unanswered, "", "", nil},
		{"follows source routes", answerer{strange: "550 no"}, Accepted, "<@example.net:maildoctor-no-such-mailbox@example.com>", "", nil},
		{"tells who is there", answerer{"RCPT": "550 no", "VRFY": "250 <postmaster@example.net>", "VRFY maildoctor": "550 unknown", "EXPN": "250 <root@example.net>"},
			Refused, "", "VRFY EXPN", nil},
		{"says yes to every VRFY", answerer{"RCPT": "550 no", "EXPN": "250 ok"}, Refused, "", "", nil},
		{"refuses the sender", answerer{"MAIL": "550 5.7.1 blocked"}, Unanswered, "", "", nil},
		{"421 on the way", answerer{"RSET": "421 too much"}, Accepted, "", "", inquiry[:4]},
		{"hangs up", answerer{"RCPT TO:<maildoctor": "hang up"}, Accepted, "", "", inquiry[:6]},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := Probe(t.Context(), serve(t, tt.server.serve), target, Options{Helo: "probe.example", Questions: questions})
			if s.Answers == nil {
				t.Fatalf("got no answers: %+v", s)
			}
			if got := s.Answers.Postmaster.Acceptance(); got != tt.postmaster {
				t.Errorf("postmaster: got %q, want %q", got, tt.postmaster)
			}
			relay := ""
			if r := s.Answers.OpenRelay(); r != nil {
				relay = r.To
			}
			if relay != tt.relay {
				t.Errorf("relay: got %q, want %q", relay, tt.relay)
			}
			if got := strings.Join(s.Answers.Discloses(), " "); got != tt.discloses {
				t.Errorf("discloses: got %q, want %q", got, tt.discloses)
			}
			var sent []string
			for _, line := range s.Transcript {
				if command, ok := strings.CutPrefix(line, "C: "); ok {
					sent = append(sent, command)
				}
			}
			if tt.sent != nil {
				if d := cmp.Diff(tt.sent, sent); d != "" {
					t.Errorf("commands (-want +got):\n%s", d)
				}
			}
			if slices.Contains(sent, "DATA") || len(s.Answers.Relays) > MaxRelays {
				t.Errorf("sent %q", sent)
			}
			text, err := json.Marshal(s.Answers)
			if err != nil {
				t.Fatal(err)
			}
			var back Answers
			if err := json.Unmarshal(text, &back); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(*s.Answers, back); d != "" {
				t.Errorf("after JSON (-before +after):\n%s", d)
			}
		})
	}
	t.Run("a relay as the domain itself", func(t *testing.T) {
		server := answerer{strange: "550 no", "RCPT TO:<@": "550 no"}
		s := Probe(t.Context(), serve(t, server.serve), target, Options{Helo: "probe.example", Questions: questions})
		for i, want := range []string{"<>", "<postmaster@example.net>", "<>"} {
			if r := s.Answers.Relays[i]; r.From != want || code(r.Sender) != 250 || code(r.Reply) != 550 {
				t.Errorf("got %+v, want a refusal for %s", r, want)
			}
		}
	})
	t.Run("names that cannot be", func(t *testing.T) {
		for _, q := range []Questions{{"example.net>\r\nDATA", "example.com"}, {"example.net", "x y"}, {"", "example.com"}} {
			s := Probe(t.Context(), serve(t, answerer{}.serve), target, Options{Helo: "probe.example", Questions: &q})
			if s.Answers != nil || s.Outcome != OutcomeOK {
				t.Errorf("%+v: got %+v", q, s.Answers)
			}
		}
	})
}

// TestQuestionsBehindTLS holds that nothing is asked in the clear where TLS is
// to be had, and where the second EHLO was refused.
func TestQuestionsBehindTLS(t *testing.T) {
	for name, second := range map[string]string{"welcome": "250 mx.example.com", "refused": "421 later"} {
		t.Run(name, func(t *testing.T) {
			dial := serve(t, func(p *peer) {
				offer(p)
				p.hear()
				p.say("220 go")
				p = p.secure()
				p.hear()
				p.say(second)
				for command := p.hear(); command != "" && command != "QUIT"; command = p.hear() {
					p.say("250 ok")
				}
			})
			s := Probe(t.Context(), dial, target, Options{Helo: "probe.example", Handshake: scramble, Questions: questions})
			if asked := s.Answers != nil; asked != (name == "welcome") {
				t.Errorf("asked: %v", asked)
			}
		})
	}
}

// TestBrief holds that a brief dialogue says nothing but QUIT behind the
// handshake.
func TestBrief(t *testing.T) {
	heard := make(chan string, 1)
	dial := serve(t, func(p *peer) {
		offer(p)
		p.hear()
		p.say("220 go")
		p = p.secure()
		heard <- p.hear()
	})
	s := Probe(t.Context(), dial, target, Options{Helo: "probe.example", Handshake: scramble, Brief: true})
	if got := <-heard; got != "QUIT" || s.StartTLS != StartTLSOK || s.Secured != nil {
		t.Errorf("got %q behind the handshake, %+v", got, s)
	}
}

func TestAcceptance(t *testing.T) {
	reply := func(code int, text ...string) *Reply { return &Reply{Code: code, Text: text} }
	tests := []struct {
		reply *Reply
		want  Acceptance
	}{
		{nil, Unanswered},
		{reply(250, "2.1.5 ok"), Accepted},
		{reply(251, "user not local; will forward"), Accepted},
		{reply(354), Refused},
		{reply(450, "4.2.0 Greylisted"), PutOff},
		{reply(421, "4.7.0 try later"), PutOff},
		{reply(550, "5.1.1 <postmaster@example.net>: Recipient address rejected"), UnknownMailbox},
		{reply(550, "5.1.10 null MX"), UnknownMailbox},
		{reply(550, "5.2.1 disabled"), UnknownMailbox},
		{reply(550, "5.1.2 bad domain"), Refused},
		{reply(550, "5.7.1 user unknown here, blocked"), Refused},
		{reply(554, "5.7.1 Service unavailable; Client host [192.0.2.9] blocked"), Refused},
		{reply(550, "line one", "5.1.1 line two"), UnknownMailbox},
		{reply(550, "Unknown user"), UnknownMailbox},
		{reply(550, "No Such User Here"), UnknownMailbox},
		{reply(554, "no such user"), Refused},
		{reply(552, "user unknown"), Refused},
		{reply(550, "mailbox unavailable"), Refused},
		{reply(550), Refused},
		{reply(550, "5.x.1 user unknown"), UnknownMailbox},
		{reply(550, "5.1.1111 what"), Refused},
		{reply(550, "5.-1.1 what"), Refused},
		{reply(550, "5.1"), Refused},
	}
	for _, tt := range tests {
		name := "nil"
		if tt.reply != nil {
			name = strings.Join(tt.reply.Text, " ")
		}
		t.Run(name, func(t *testing.T) {
			if got := tt.reply.Acceptance(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// Whatever a server writes, a reply has one meaning that its first digit allows.
func FuzzAcceptance(f *testing.F) {
	f.Add(550, "5.1.1 user unknown")
	f.Add(250, "")
	f.Fuzz(func(t *testing.T, code int, text string) {
		if code < 200 || code > 599 {
			return
		}
		r := &Reply{Code: code, Text: strings.Split(text, "\n")}
		got := r.Acceptance()
		want := map[int][]Acceptance{2: {Accepted}, 3: {Refused}, 4: {PutOff}, 5: {Refused, UnknownMailbox}}[code/100]
		if !slices.Contains(want, got) {
			t.Errorf("%d %q: got %q, want one of %q", code, text, got, want)
		}
	})
}

func TestNear(t *testing.T) {
	tests := []struct {
		local, remote string
		want          bool
	}{
		{"192.0.2.1:1", "192.0.2.254", true},
		{"192.0.2.1:1", "192.0.3.1", false},
		{"192.0.2.1:1", "::ffff:192.0.2.9", true},
		{"[2001:db8::1]:1", "2001:db8::ffff:1", true},
		{"[2001:db8::1]:1", "2001:db8:0:1::1", false},
		{"[2001:db8::1]:1", "192.0.2.1", false},
		{"[fe80::1%eth0]:1", "fe80::2", true},
		{"nonsense", "192.0.2.1", false},
	}
	for _, tt := range tests {
		t.Run(tt.local+" "+tt.remote, func(t *testing.T) {
			if got := near(textAddr(tt.local), netip.MustParseAddr(tt.remote)); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
	if near(textAddr("192.0.2.1:1"), netip.Addr{}) {
		t.Error("an address that is none is near")
	}
	a := &Answers{Near: true, Relays: []Relay{{Reply: &Reply{Code: 250}}}}
	if a.OpenRelay() != nil || (*Answers)(nil).OpenRelay() != nil || (*Answers)(nil).Discloses() != nil {
		t.Error("a relay from within the network, or of no answers, is open")
	}
}

type textAddr string

func (textAddr) Network() string  { return "tcp" }
func (a textAddr) String() string { return string(a) }

// TestLateGreeting holds by a fake clock how long a greeting is waited for, and
// that one which comes later than that says nothing about the server.
func TestLateGreeting(t *testing.T) {
	tests := []struct {
		name  string
		after time.Duration
		want  Outcome
	}{
		{"within the time", defaultTimeout - time.Second, OutcomeOK},
		{"later", defaultTimeout + time.Second, OutcomeGreetingTimeout},
		{"five minutes", 5 * time.Minute, OutcomeGreetingTimeout}, // RFC 5321 section 4.5.3.2.1
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, server := net.Pipe()
				done := make(chan struct{})
				defer func() { <-done }()
				go func() {
					defer close(done)
					defer server.Close()
					time.Sleep(tt.after)
					answerer{}.serve(&peer{server, bufio.NewReader(server)})
				}()
				began := time.Now()
				s := Probe(t.Context(), func(context.Context, netip.AddrPort) (net.Conn, error) { return client, nil }, target, Options{Helo: "probe.example"})
				if s.Outcome != tt.want || s.StartTLS == StartTLSNotOffered && tt.want != OutcomeOK {
					t.Errorf("got %q, STARTTLS %q, want %q", s.Outcome, s.StartTLS, tt.want)
				}
				if took := time.Since(began); took > defaultTimeout {
					t.Errorf("took %v, want %v at most", took, defaultTimeout)
				}
			})
		})
	}
}
