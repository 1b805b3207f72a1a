package check_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"maildoctor/check"
	"maildoctor/check/lab"
	"maildoctor/check/smtp"
	"maildoctor/check/tlsx"
)

// hostsWorld is a world with as many MX hosts as there are names, one IPv4 and
// one IPv6 address each, and the settings given.
func hostsWorld(t testing.TB, latency time.Duration, settings string, names ...string) (check.Net, *lab.Running) {
	t.Helper()
	var zone, hosts strings.Builder
	for i, name := range names {
		fmt.Fprintf(&zone, "hosts.example. 3600 IN MX %d %s.\n%s. 3600 IN A 192.0.2.%d\n%s. 3600 IN AAAA 2001:db8::%d\n", 10*i, name, name, i+1, name, i+1)
		fmt.Fprintf(&hosts, "smtp 192.0.2.%d:25 [2001:db8::%d]:25\n  name %s\n  %s\n", i+1, i+1, name, settings)
	}
	w, err := lab.New("hosts", "hosts.example", map[string][]byte{lab.FileZone: []byte(zone.String()), lab.FileHosts: []byte(hosts.String())})
	if err != nil {
		t.Fatal(err)
	}
	r, err := w.Start(lab.Options{Now: clock, Latency: latency})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return check.Net{DNS: r.DNS(), Dial: r.Dial, Roots: r.Roots(), Now: r.Now, Public: lab.Prefixes()}, r
}

// The names of five hosts, each of another provider, and of five of one.
var (
	fiveProviders = []string{"mx.a.example", "mx.b.example", "mx.c.example", "mx.d.example", "mx.e.example"}
	oneProvider   = []string{"mx1.a.example", "mx2.a.example", "mx3.a.example", "mx4.a.example", "mx5.a.example"}
)

// TestOffers holds what an audit finds out about versions and suites, and that
// it asks one host only so often.
func TestOffers(t *testing.T) {
	const rc4 = "tls-suites TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 TLS_ECDHE_ECDSA_WITH_RC4_128_SHA"
	tests := []struct {
		name, settings string
		want           string
		rules          []string
		attempts       int // at the first address
	}{
		{"healthy", "starttls", "tls-1.3:accepted tls-1.2:accepted tls-1.1:refused tls-1.0:refused weak-suites:refused ssl-3.0:not-tested finite-field-dhe:not-tested", nil, 4},
		{"old versions", "starttls\n  tls-min 1.0", "tls-1.3:accepted tls-1.2:accepted tls-1.1:accepted tls-1.0:accepted weak-suites:refused ssl-3.0:not-tested finite-field-dhe:not-tested",
			[]string{"TLS-VERSION-OLD-OFFERED"}, 5},
		{"RC4", "starttls\n  " + rc4, "tls-1.3:accepted tls-1.2:accepted tls-1.1:refused tls-1.0:refused weak-suites:accepted ssl-3.0:not-tested finite-field-dhe:not-tested",
			[]string{"TLS-SUITE-WEAK-OFFERED"}, 4},
		{"no STARTTLS", "", "", nil, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n, world := hostsWorld(t, 0, tt.settings, "mx.a.example")
			got := check.Audit(t.Context(), n, "hosts.example", check.Options{Checks: []string{"tls"}})
			var offers []string
			for _, o := range got.Facts.SMTP[0].Offers {
				offers = append(offers, string(o.Hello)+":"+string(o.Taken))
			}
			if g := got.Facts.SMTP[0].Grades; (g.Version == tlsx.GradeGood) != (tt.want != "") {
				t.Errorf("grades %+v", g)
			}
			if s := strings.Join(offers, " "); s != tt.want {
				t.Errorf("offers %s, want %s", s, tt.want)
			}
			if d := cmp.Diff(tt.rules, rules(got)); d != "" {
				t.Errorf("rules (-want +got):\n%s", d)
			}
			for _, c := range world.Connections() {
				if c.Peak > 1 {
					t.Errorf("%s: %d connections at a time", c.Addr, c.Peak)
				}
				if c.Addr == netip.MustParseAddrPort("192.0.2.1:25") && c.Attempts != tt.attempts {
					t.Errorf("%s: %d connections, want %d", c.Addr, c.Attempts, tt.attempts)
				}
			}
		})
	}
	t.Run("not for the check smtp", func(t *testing.T) {
		n, world := hostsWorld(t, 0, "starttls", "mx.a.example")
		got := check.Audit(t.Context(), n, "hosts.example", check.Options{Checks: []string{"smtp"}})
		if len(got.Facts.SMTP[0].Offers) > 0 || len(world.Connections()) == 0 {
			t.Errorf("offers %v", got.Facts.SMTP[0].Offers)
		}
	})
	t.Run("no connection left", func(t *testing.T) {
		n, _ := hostsWorld(t, 0, "starttls", fiveProviders...)
		got := check.Audit(t.Context(), n, "hosts.example", check.Options{Checks: []string{"tls"}})
		for _, o := range got.Facts.SMTP[0].Offers {
			if o.Hello == tlsx.HelloTLS11 && (o.Taken != tlsx.TakenNotTested || o.Reason != check.ReasonConnections) {
				t.Errorf("got %+v, want not tested for want of connections", o)
			}
		}
		want := check.Coverage{Checker: "tls", State: check.Done}
		if len(got.Coverage) != 1 || got.Coverage[0] != want {
			t.Errorf("coverage %+v, want %+v", got.Coverage, want)
		}
		if len(got.Findings) > 0 {
			t.Errorf("findings %v", rules(got))
		}
	})
}

// TestIntrusive holds that a mail server hears MAIL, RCPT, VRFY and EXPN where
// the user wants it, from one host, and never otherwise.
func TestIntrusive(t *testing.T) {
	verbs := []string{"MAIL", "RCPT", "VRFY", "EXPN"}
	for _, intrusive := range []bool{false, true} {
		t.Run(fmt.Sprint(intrusive), func(t *testing.T) {
			n, world := hostsWorld(t, 0, "starttls\n  relay\n  no-postmaster\n  vrfy", fiveProviders[:2]...)
			got := check.Audit(t.Context(), n, "hosts.example", check.Options{Checks: []string{"smtp"}, Intrusive: intrusive})
			for _, verb := range verbs {
				if heard := world.Heard(verb) > 0; heard != intrusive {
					t.Errorf("the servers heard %s: %v, want %v", verb, heard, intrusive)
				}
			}
			for _, verb := range []string{"DATA", "BDAT", "AUTH"} {
				if world.Heard(verb) > 0 {
					t.Errorf("the servers heard %s", verb)
				}
			}
			want := []string{"SMTP-OPEN-RELAY", "SMTP-POSTMASTER-REFUSED", "SMTP-VRFY-OPEN"}
			if !intrusive {
				want = nil
			}
			if d := cmp.Diff(want, rules(got)); d != "" {
				t.Errorf("rules (-want +got):\n%s", d)
			}
			text, err := json.Marshal(got.Facts)
			if err != nil {
				t.Fatal(err)
			}
			var facts check.Facts
			if err := json.Unmarshal(text, &facts); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(got.Findings, check.Judge(&facts)); d != "" {
				t.Errorf("findings (-audited +read back):\n%s", d)
			}
			inquiries := 0
			for i := range got.Facts.SMTP {
				if q := got.Facts.SMTP[i].Inquiry; q != nil {
					inquiries++
					if q.Secured == nil || i != 0 {
						t.Errorf("asked %s outside of TLS, or not the most preferred", q.Host)
					}
				}
			}
			if intrusive != (inquiries == 1) {
				t.Errorf("%d hosts were asked", inquiries)
			}
		})
	}
	t.Run("greylisting", func(t *testing.T) {
		n, _ := hostsWorld(t, 0, "greylist", "mx.a.example")
		got := check.Audit(t.Context(), n, "hosts.example", check.Options{Checks: []string{"smtp"}, Intrusive: true})
		if c := got.Coverage[0]; c.Reason != check.ReasonGreylisted || c.State != check.Inconclusive || slices.Contains(rules(got), "SMTP-POSTMASTER-REFUSED") {
			t.Errorf("coverage %+v, rules %v", c, rules(got))
		}
	})
}

// TestApart holds that ways to fail which look alike are told apart: what says
// nothing about TLS gives no finding, and what does gives its own.
func TestApart(t *testing.T) {
	tests := []struct {
		name, settings string
		outcome        smtp.Outcome
		startTLS       smtp.StartTLS
		handshake      tlsx.Outcome
		reason         string // of the coverage of smtp
		rules          []string
	}{
		{"greylisting", `fault greet 450 "Greylisted, try again in 300 seconds"`, smtp.OutcomeTempfail, "", "", check.ReasonTempfail, nil},
		{"rate limit", `fault greet 421 "4.7.0 Too many connections"`, smtp.OutcomeTempfail, "", "", check.ReasonTempfail, nil},
		{"hangs up", "fault close", smtp.OutcomeGreetingClosed, "", "", check.ReasonBroken, nil},
		{"tarpit without end", "fault flood", smtp.OutcomeNotSMTP, "", "", "", []string{"SMTP-NO-HOST-REACHABLE"}},
		{"service refused", `fault greet 554 "No"`, smtp.OutcomeService, "", "", check.ReasonRefusesUs, []string{"SMTP-CLIENT-REFUSED"}},
		{"not now", "fault starttls-454", smtp.OutcomeOK, smtp.StartTLSTempfail, "", check.ReasonTempfail, nil},
		{"refused", "fault starttls-refuse", smtp.OutcomeOK, smtp.StartTLSRefused, "", "", []string{"SMTP-STARTTLS-REFUSED"}},
		{"closed at STARTTLS", "fault starttls-close", smtp.OutcomeOK, smtp.StartTLSBroken, "", "", []string{"SMTP-STARTTLS-FAILED"}},
		{"clear text behind 220", "fault starttls-plain", smtp.OutcomeOK, smtp.StartTLSInjection, "", "", []string{"SMTP-STARTTLS-INJECTION"}},
		{"handshake refused", "fault tls-fail", smtp.OutcomeOK, smtp.StartTLSFailed, tlsx.OutcomeAlert, "", []string{"SMTP-STARTTLS-FAILED"}},
		{"stripped", "fault strip", smtp.OutcomeOK, smtp.StartTLSStripped, "", "", []string{"SMTP-STARTTLS-STRIPPED"}},
		{"TLS 1.0 alone", "tls-max 1.0", smtp.OutcomeOK, smtp.StartTLSOK, tlsx.OutcomeOK, "", []string{"TLS-VERSION-OLD"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n, _ := hostsWorld(t, 0, "starttls\n  "+tt.settings, "mx.a.example")
			got := check.Audit(t.Context(), n, "hosts.example", check.Options{Checks: []string{"smtp", "tls"}})
			d := got.Facts.SMTP[0]
			if d.Outcome != tt.outcome || d.StartTLS != tt.startTLS {
				t.Errorf("got %q, STARTTLS %q; want %q, %q", d.Outcome, d.StartTLS, tt.outcome, tt.startTLS)
			}
			if handshake := d.TLS; (handshake != nil) != (tt.handshake != "") || handshake != nil && handshake.Outcome != tt.handshake {
				t.Errorf("handshake %+v, want %q", handshake, tt.handshake)
			}
			if c := got.Coverage[0]; c.Checker != "smtp" || c.Reason != tt.reason {
				t.Errorf("coverage %+v, want the reason %q", c, tt.reason)
			}
			if d := cmp.Diff(tt.rules, rules(got)); d != "" {
				t.Errorf("rules (-want +got):\n%s", d)
			}
		})
	}
}

// A crowd counts the connections that are open at a time, by the provider of the
// address, and in all.
type crowd struct {
	mu            sync.Mutex
	open, highest int
}

func (c *crowd) dial(dial func(context.Context, string, string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.open++
		c.highest = max(c.highest, c.open)
		return &counted{Conn: conn, leave: sync.OnceFunc(func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.open--
		})}, nil
	}
}

type counted struct {
	net.Conn
	leave func()
}

func (c *counted) Close() error {
	c.leave()
	return c.Conn.Close()
}

// TestPoliteness holds how many connections are open at a time.
func TestPoliteness(t *testing.T) {
	for name, tt := range map[string]struct {
		hosts []string
		most  int
	}{"five providers": {fiveProviders, 10}, "one provider": {oneProvider, check.MaxPerProvider}} {
		t.Run(name, func(t *testing.T) {
			n, _ := hostsWorld(t, 5*time.Millisecond, "starttls", tt.hosts...)
			var c crowd
			n.Dial = c.dial(n.Dial)
			got := check.Audit(t.Context(), n, "hosts.example", check.Options{Checks: []string{"smtp"}})
			if c.highest > tt.most || c.highest < 2 {
				t.Errorf("%d connections at a time, want 2 to %d", c.highest, tt.most)
			}
			if len(got.Findings) > 0 || got.Coverage[0].State != check.Done {
				t.Errorf("findings %v, coverage %+v", rules(got), got.Coverage)
			}
		})
	}
}

// piped is a mail server behind a pipe, without TLS: connecting and each answer
// take the delay.
func piped(delay time.Duration) func(context.Context, string, string) (net.Conn, error) {
	return func(_ context.Context, _, addr string) (net.Conn, error) {
		time.Sleep(delay)
		if !strings.HasSuffix(addr, ":25") {
			return nil, syscall.ECONNREFUSED
		}
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			in := bufio.NewReader(server)
			for answer, line := "220 mx.a.example", ""; ; {
				time.Sleep(delay)
				if _, err := fmt.Fprintf(server, "%s\r\n", answer); err != nil || line == "QUIT\r\n" {
					return
				}
				var err error
				if line, err = in.ReadString('\n'); err != nil {
					return
				}
				answer = "250 mx.a.example"
			}
		}()
		return client, nil
	}
}

// TestDialogueRoundTrips holds by a fake clock what the dialogues with mail hosts
// cost: five hosts of different providers, two addresses each, a fifth more than
// one host at most, and those of one provider no more than their number demands.
func TestDialogueRoundTrips(t *testing.T) {
	const (
		latency = 20 * time.Millisecond
		one     = 8 // two for the DNS, connecting, greeting, EHLO, QUIT, and ports 465 and 587
	)
	// Ten dialogues of 4 turns and ten ports of 1, two at a time.
	const crowded = 2 + (10*4+10)/2
	for name, tt := range map[string]struct {
		hosts []string
		turns float64
	}{
		"one host":                 {fiveProviders[:1], one},
		"five hosts":               {fiveProviders, one * 1.2},
		"five hosts of a provider": {oneProvider, crowded},
	} {
		t.Run(name, func(t *testing.T) {
			n, _ := hostsWorld(t, 0, "", tt.hosts...)
			synctest.Test(t, func(t *testing.T) {
				n, asked := n, atomic.Int64{}
				n.DNS, n.Dial = counting{n.DNS, &asked, latency}, piped(latency)
				began := time.Now()
				got := check.Audit(t.Context(), n, "hosts.example", check.Options{Checks: []string{"smtp"}})
				if turns := float64(time.Since(began)) / float64(latency); turns > tt.turns || turns < one {
					t.Errorf("the audit took %.1f turns, want %d to %.1f", turns, one, tt.turns)
				}
				if got.Coverage[0].State != check.Done {
					t.Errorf("coverage %+v", got.Coverage)
				}
				synctest.Wait()
			})
		})
	}
}

// BenchmarkAuditHosts reports what the dialogues with the mail hosts cost where
// each turn takes 20 ms, in such turns: with one host of one address, with five
// hosts of two addresses each, and with five of one provider, who is spoken with
// over two connections at a time. The check smtp leaves the offers of TLS out.
func BenchmarkAuditHosts(b *testing.B) {
	const latency = 20 * time.Millisecond
	for _, bb := range []struct {
		name  string
		hosts []string
		check string
	}{
		{"one", fiveProviders[:1], "smtp"}, {"five", fiveProviders, "smtp"}, {"five-of-one-provider", oneProvider, "smtp"},
		{"one-with-offers", fiveProviders[:1], "tls"},
	} {
		b.Run(bb.name, func(b *testing.B) {
			n, _ := hostsWorld(b, latency, "starttls", bb.hosts...)
			for b.Loop() {
				got := check.Audit(b.Context(), n, "hosts.example", check.Options{Checks: []string{bb.check}})
				if len(got.Findings) > 0 {
					b.Fatalf("findings %v", rules(got))
				}
			}
			b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(latency), "turns/audit")
		})
	}
}
