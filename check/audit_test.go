package check_test

import (
	"context"
	"encoding/json"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"maildoctor/check"
	"maildoctor/check/dnsx"
	"maildoctor/check/lab"
)

var clock = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// start starts a built-in world and returns it as the outside of an audit.
func start(t testing.TB, name string, latency time.Duration) (*lab.World, check.Net) {
	t.Helper()
	world, err := lab.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	running, err := world.Start(lab.Options{Now: clock, Latency: latency})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(running.Close)
	return world, check.Net{
		DNS: running.DNS(), Dial: running.Dial, Roots: running.Roots(), Now: running.Now, Public: lab.Prefixes(),
	}
}

func rules(r *check.Result) []string {
	var out []string
	for _, f := range r.Findings {
		out = append(out, string(f.Rule))
	}
	return slices.Compact(out)
}

func TestAuditWorlds(t *testing.T) {
	tests := []struct {
		world string
		role  check.Role
		want  []string
	}{
		{"healthy", check.Sending, nil},
		{"parked", check.Parked, nil},
		{"faulty", check.Sending, []string{
			"DKIM-KEY-SHORT", "DKIM-KEY-TESTING", "DMARC-NO-REPORTS", "DMARC-POLICY-NONE", "DMARC-REMOVED-TAG",
			"MX-TARGET-CNAME", "MX-TARGET-DANGLING", "PTR-MX-MISSING", "PTR-MX-NOT-CONFIRMED",
			"SMTP-AUTH-BEFORE-TLS", "SMTP-STARTTLS-MISSING", "SPF-LOOKUPS-AVOIDABLE", "SPF-PTR", "SPF-TOO-MANY-LOOKUPS",
			"TLS-CERT-EXPIRED", "TLS-CERT-NAME", "TLS-SUBMISSION-CERT",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.world, func(t *testing.T) {
			world, n := start(t, tt.world, 0)
			got := check.Audit(t.Context(), n, world.Domain, check.Options{})
			if d := cmp.Diff(tt.want, rules(got)); d != "" {
				t.Errorf("rules (-want +got):\n%s", d)
			}
			if got.Role != tt.role {
				t.Errorf("role %q, want %q", got.Role, tt.role)
			}
			for _, c := range got.Coverage {
				if c.State == check.Inconclusive {
					t.Errorf("coverage %+v", c)
				}
			}
		})
	}
}

// TestJudgeFromJSON holds that facts survive JSON: judged again, they give the
// same findings.
func TestJudgeFromJSON(t *testing.T) {
	for _, name := range lab.Scenarios() {
		t.Run(name, func(t *testing.T) {
			world, n := start(t, name, 0)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			got := check.Audit(ctx, n, world.Domain, check.Options{})
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
		})
	}
}

// TestAuditTwice holds that the same answers give the same result.
func TestAuditTwice(t *testing.T) {
	world, n := start(t, "faulty", 0)
	var texts [2]string
	for i := range texts {
		text, err := json.Marshal(check.Audit(t.Context(), n, world.Domain, check.Options{NoSMTP: true}))
		if err != nil {
			t.Fatal(err)
		}
		texts[i] = string(text)
	}
	if d := cmp.Diff(texts[0], texts[1]); d != "" {
		t.Errorf("two runs differ:\n%s", d)
	}
}

// panicking fails where a question holds a word.
type panicking struct {
	dnsx.Exchanger
	word string
}

func (p panicking) Exchange(ctx context.Context, q *dns.Msg) (*dns.Msg, error) {
	if len(q.Question) == 1 && strings.Contains(q.Question[0].Name, p.word) {
		panic("planted")
	}
	return p.Exchanger.Exchange(ctx, q)
}

func TestAuditSurvivesPanic(t *testing.T) {
	world, n := start(t, "healthy", 0)
	n.DNS = panicking{n.DNS, "_dmarc"}
	got := check.Audit(t.Context(), n, world.Domain, check.Options{})
	if want := []string{string(check.InternalError)}; !slices.Equal(rules(got), want) {
		t.Errorf("rules %v, want %v", rules(got), want)
	}
	for _, c := range got.Coverage {
		want := check.Coverage{Checker: c.Checker, State: check.Done}
		if c.Checker == "dmarc" {
			want.State, want.Reason, want.Subject = check.Inconclusive, check.ReasonInternal, c.Subject
		}
		if c.Checker == "access" {
			want.State, want.Reason = check.Skipped, check.ReasonAccess
		}
		if c != want {
			t.Errorf("coverage %+v, want %+v", c, want)
		}
	}
}

// silent never answers.
type silent struct{}

func (silent) Exchange(ctx context.Context, _ *dns.Msg) (*dns.Msg, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestAuditEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	n := check.Net{DNS: silent{}, Now: func() time.Time { return clock }}
	got := check.Audit(ctx, n, "example.com", check.Options{Access: check.AccessAuto})
	if len(got.Findings) != 0 {
		t.Errorf("findings %v of a domain that nobody answers for", got.Findings)
	}
	for _, c := range got.Coverage {
		if c.State != check.Inconclusive || c.Reason != check.ReasonDeadline {
			t.Errorf("coverage %+v, want inconclusive, %s", c, check.ReasonDeadline)
		}
	}
}

// recording keeps the names that were asked for.
type recording struct {
	dnsx.Exchanger
	mu    sync.Mutex
	names []string
}

func (r *recording) Exchange(ctx context.Context, q *dns.Msg) (*dns.Msg, error) {
	r.mu.Lock()
	for _, question := range q.Question {
		r.names = append(r.names, question.Name)
	}
	r.mu.Unlock()
	return r.Exchanger.Exchange(ctx, q)
}

// TestAuditOnlyWhatIsAsked holds that a check of one thing asks for that alone.
func TestAuditOnlyWhatIsAsked(t *testing.T) {
	const key, policy, reverse = "._domainkey.", "_dmarc.", ".in-addr.arpa."
	tests := []struct {
		check string
		asks  string   // part of a name that is asked
		never []string // parts of names that are not
		dials bool
	}{
		{"mx", "mx1.", []string{key, policy, reverse}, false},
		{"spf", "faulty.example.", []string{key, policy, reverse}, false},
		{"dkim", key, []string{policy, reverse}, false},
		{"dmarc", policy, []string{key, reverse}, false},
		{"ptr", reverse, []string{key, policy}, false},
		{"dnsbl", "faulty.example.dbl.spamhaus.org.", []string{key, policy, reverse, "zen."}, false},
		{"smtp", "mx1.", []string{key, policy, reverse}, true},
		{"tls", "mx1.", []string{key, policy, reverse}, true},
		{"bimi", "default._bimi.", []string{key, reverse}, false},
		{"mta-sts", "_mta-sts.", []string{key, policy, reverse}, false},
		{"tls-rpt", "_smtp._tls.", []string{key, policy, reverse}, false},
		{"dane", "_25._tcp.", []string{key, policy, reverse}, false},
	}
	for _, tt := range tests {
		t.Run(tt.check, func(t *testing.T) {
			world, n := start(t, "faulty", 0)
			asked := &recording{Exchanger: n.DNS}
			var dials atomic.Int64
			dial := n.Dial
			n.DNS, n.Dial = asked, func(ctx context.Context, network, addr string) (net.Conn, error) {
				dials.Add(1)
				return dial(ctx, network, addr)
			}
			got := check.Audit(t.Context(), n, world.Domain, check.Options{Checks: []string{tt.check}})
			if dialled := dials.Load() > 0; dialled != tt.dials {
				t.Errorf("connections opened: %v, want %v", dialled, tt.dials)
			}
			holds := func(part string) bool {
				return slices.ContainsFunc(asked.names, func(name string) bool { return strings.Contains(name, part) })
			}
			if !holds(tt.asks) {
				t.Errorf("no question for %q among %q", tt.asks, asked.names)
			}
			for _, part := range tt.never {
				if holds(part) {
					t.Errorf("a question for %q among %q", part, asked.names)
				}
			}
			for _, f := range got.Findings {
				if !strings.HasPrefix(string(f.Rule), strings.ToUpper(strings.ReplaceAll(tt.check, "-", ""))+"-") {
					t.Errorf("finding %s", f.Rule)
				}
			}
			if len(got.Coverage) != 1 || got.Coverage[0].Checker != tt.check {
				t.Errorf("coverage %+v, want %s alone", got.Coverage, tt.check)
			}
		})
	}
}

// counting counts questions and lets each of them wait.
type counting struct {
	dnsx.Exchanger
	n     *atomic.Int64
	delay time.Duration
}

func (c counting) Exchange(ctx context.Context, q *dns.Msg) (*dns.Msg, error) {
	c.n.Add(1)
	if c.delay > 0 {
		time.Sleep(c.delay)
	}
	return c.Exchanger.Exchange(ctx, q)
}

// TestAuditRoundTrips holds what an audit costs of the DNS: the longest chain of
// dependent questions, by a fake clock, and the number of all.
func TestAuditRoundTrips(t *testing.T) {
	const (
		latency   = 20 * time.Millisecond
		rounds    = 4
		questions = 79 // nine of them for three lists of domains
	)
	world, n := start(t, "healthy", 0)
	synctest.Test(t, func(t *testing.T) {
		n, asked := n, atomic.Int64{}
		n.DNS = counting{n.DNS, &asked, latency}
		began := time.Now()
		got := check.Audit(t.Context(), n, world.Domain, check.Options{NoSMTP: true})
		if took := time.Since(began); took == 0 || took > rounds*latency {
			t.Errorf("the audit took %v, want %v at most: %d round trips", took, rounds*latency, rounds)
		}
		if got := asked.Load(); got == 0 || got > questions {
			t.Errorf("%d questions, want %d at most", got, questions)
		}
		if len(got.Findings) > 0 {
			t.Errorf("findings %v, want none", rules(got))
		}
	})
}

// BenchmarkAuditLatency reports what an audit without SMTP costs where each
// answer takes 20 ms: wall time in round trips, and questions.
func BenchmarkAuditLatency(b *testing.B) {
	const latency = 20 * time.Millisecond
	world, n := start(b, "healthy", latency)
	var asked atomic.Int64
	n.DNS = counting{Exchanger: n.DNS, n: &asked}
	for b.Loop() {
		if got := check.Audit(b.Context(), n, world.Domain, check.Options{NoSMTP: true}); len(got.Findings) > 0 {
			b.Fatalf("findings %v", got.Findings)
		}
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(latency), "roundtrips/audit")
	b.ReportMetric(float64(asked.Load())/float64(b.N), "questions/audit")
}

// BenchmarkAuditNetwork does the same through the network client and a DNS
// server on loopback.
func BenchmarkAuditNetwork(b *testing.B) {
	const latency = 20 * time.Millisecond
	world, err := lab.Open("healthy")
	if err != nil {
		b.Fatal(err)
	}
	running, err := world.Start(lab.Options{Now: clock, Latency: latency})
	if err != nil {
		b.Fatal(err)
	}
	defer running.Close()
	addr, stop, err := running.ServeDNS("127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer stop()
	client, err := dnsx.NewNetwork([]string{addr.String()}, dnsx.NetworkOptions{})
	if err != nil {
		b.Fatal(err)
	}
	n := check.Net{DNS: client, Now: running.Now, Public: lab.Prefixes()}
	for b.Loop() {
		if got := check.Audit(b.Context(), n, world.Domain, check.Options{NoSMTP: true}); len(got.Findings) > 0 {
			b.Fatalf("findings %v", got.Findings)
		}
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(latency), "roundtrips/audit")
}

func TestAuditSurvivesPanicInDial(t *testing.T) {
	world, n := start(t, "healthy", 0)
	n.Dial = func(context.Context, string, string) (net.Conn, error) { panic("planted") }
	got := check.Audit(t.Context(), n, world.Domain, check.Options{})
	if want := []string{string(check.InternalError)}; !slices.Equal(rules(got), want) {
		t.Errorf("rules %v, want %v", rules(got), want)
	}
}
