//go:build integration

// The tests of this file run the program against real servers: NSD with a
// signed zone, a validating Unbound, and Postfix. Root starts them with
//
//	go test -tags integration -run Integration ./check/

package check_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"maildoctor/check"
)

// The exit statuses of the program.
const (
	statusDone     = 0
	statusFindings = 1
	statusUnknown  = 3
)

// maxPeak bounds the memory that an audit may ever have in use, in KiB.
const maxPeak = 64 << 10

// setup is what a domain publishes.
type setup struct {
	mx    []string // preference and host
	spf   []string // the TXT records at the domain
	dmarc string
	key   string // the DKIM key at the selector "default"; empty for none
	more  string // further records, in the syntax of a zone file
}

// A world is a domain below test. whose set-up is sound but for what plant
// changes in it.
type world struct {
	name   string
	plant  func(*setup)
	want   []string // the rules of all findings, sorted
	status int
}

var worlds = []world{
	{"healthy", func(*setup) {}, nil, statusDone},
	{"no-spf", func(s *setup) { s.spf = nil }, []string{"SPF-MISSING"}, statusFindings},
	{"two-spf", func(s *setup) {
		s.spf = append(s.spf, "v=spf1 ip4:192.0.2.1 -all")
	}, []string{"SPF-MULTIPLE"}, statusFindings},
	{"eleven-lookups", func(s *setup) {
		s.spf[0] = "v=spf1"
		for i := range 11 {
			s.spf[0] += fmt.Sprintf(" include:i%d.eleven-lookups.test", i)
			s.more += fmt.Sprintf("i%d.eleven-lookups TXT \"v=spf1 ip4:192.0.2.%d -all\"\n", i, i)
		}
		s.spf[0] += " -all"
	}, []string{"SPF-LOOKUPS-AVOIDABLE", "SPF-TOO-MANY-LOOKUPS"}, statusFindings},
	{"p-none", func(s *setup) {
		s.dmarc = strings.Replace(s.dmarc, "p=reject", "p=none", 1)
	}, []string{"DMARC-POLICY-NONE"}, statusDone},
	{"expired", func(s *setup) { s.mx[0] = "10 " + expiredMX }, []string{"TLS-CERT-EXPIRED"}, statusDone},
	{"misnamed", func(s *setup) { s.mx[0] = "10 " + misnamedMX }, []string{"TLS-CERT-NAME"}, statusDone},
	{"clear", func(s *setup) { s.mx[0] = "10 " + clearMX }, []string{"SMTP-STARTTLS-MISSING"}, statusDone},
	{"null-sending", func(s *setup) {
		s.mx = []string{"0 "}
		s.spf[0] = "v=spf1 ip4:192.0.2.1 -all"
	}, []string{"MX-NULL-SENDING"}, statusDone},
	{"parked", func(s *setup) {
		s.mx = []string{"0 "}
		s.spf[0] = "v=spf1 -all"
		s.key = ""
	}, nil, statusDone},
	{"dangling", func(s *setup) {
		s.mx[1] = "20 gone.dangling.test"
	}, []string{"MX-TARGET-DANGLING"}, statusFindings},
	{"long-answer", func(s *setup) {
		for i := range 12 {
			s.spf = append(s.spf, fmt.Sprintf("verification-%d=%s", i, strings.Repeat("x", 200)))
		}
	}, nil, statusDone},
}

// bogus is a world with an SPF record that does not bear out its signature.
var bogus = world{"bogus", func(s *setup) { s.spf[0] = "v=spf1 ip4:192.0.2.66 -all" }, nil, statusUnknown}

// forge changes the record of bogus in the signed zone.
func forge(signed string) string { return strings.Replace(signed, "192.0.2.66", "192.0.2.67", 1) }

func (w world) domain() string { return w.name + ".test" }

// records returns what the world publishes. Its reports go to the domain
// reports.test, which agrees to take them.
func (w world) records(key string) string {
	s := setup{
		mx:    []string{"10 " + goodMX1, "20 " + goodMX2},
		spf:   []string{"v=spf1 mx -all"},
		dmarc: "v=DMARC1; p=reject; rua=mailto:dmarc@reports.test",
		key:   key,
	}
	w.plant(&s)
	var b strings.Builder
	for _, mx := range s.mx {
		fmt.Fprintf(&b, "%s MX %s.\n", w.name, mx)
	}
	for _, text := range s.spf {
		fmt.Fprintf(&b, "%s TXT %s\n", w.name, quoted(text))
	}
	fmt.Fprintf(&b, "_dmarc.%s TXT %s\n", w.name, quoted(s.dmarc))
	fmt.Fprintf(&b, "%s._report._dmarc.reports TXT \"v=DMARC1\"\n", w.domain())
	if s.key != "" {
		fmt.Fprintf(&b, "default._domainkey.%s TXT %s\n", w.name, quoted(s.key))
	}
	return b.String() + s.more
}

// quoted writes text as the strings of a TXT record.
func quoted(text string) string {
	var parts []string
	for part := range slices.Chunk([]byte(text), 255) {
		parts = append(parts, `"`+string(part)+`"`)
	}
	return strings.Join(parts, " ")
}

// zone is the text of the zone test. with all worlds in it.
func zone(t *testing.T) string {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	key := "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(public)

	var b strings.Builder
	b.WriteString("$ORIGIN test.\n$TTL 300\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n")
	fmt.Fprintf(&b, "reports MX 10 %s.\n", goodMX1)
	for _, h := range mailHosts {
		fmt.Fprintf(&b, "%s. A %s\n", h.name, h.addr)
	}
	for _, w := range append(slices.Clone(worlds), bogus) {
		b.WriteString(w.records(key))
	}
	return b.String()
}

// An auditor runs the program on the domains of the servers.
type auditor struct {
	*servers
	program string
}

// An outcome is what the program wrote and returned.
type outcome struct {
	status         int
	stdout, stderr []byte
	report         struct {
		Score    *int `json:"score"`
		AtMost   bool `json:"at_most"`
		Coverage []struct {
			Checker, State, Reason string
		}
		Findings []struct {
			ID, Severity, Subject string
		}
		Facts struct {
			MX struct {
				Authenticated bool
			}
		}
	}
}

func TestIntegration(t *testing.T) {
	program := filepath.Join(t.TempDir(), "maildoctor")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", program, "maildoctor").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	a := auditor{startServers(t, zone(t), forge), program}
	for _, w := range worlds {
		t.Run(w.name, func(t *testing.T) { a.testWorld(t, w) })
	}
	t.Run("long answer comes by TCP", a.testTruncated)
	t.Run("validated answers", a.testValidated)
	t.Run("forged record", a.testBogus)
	t.Run("no such domain", a.testNoDomain)
	t.Run("no resolver", a.testNoResolver)
	t.Run("recording", func(t *testing.T) {
		for _, w := range append(slices.Clone(worlds), bogus) {
			t.Run(w.name, func(t *testing.T) { a.testRecording(t, w) })
		}
	})
	t.Run("memory", a.testMemory)
}

func (a auditor) testWorld(t *testing.T, w world) {
	got := a.audit(t, w.domain(), "--resolver", a.unbound)
	got.compare(t, w.want, w.status)
	for _, c := range got.report.Coverage {
		switch c.Reason {
		case "", check.ReasonNullMX, check.ReasonNoSender, check.ReasonNoAddress, check.ReasonNoDNSBL, check.ReasonAccess:
		default:
			t.Errorf("%s: got %s %q, want done", c.Checker, c.State, c.Reason)
		}
	}
	if got.report.Score == nil || got.report.AtMost {
		t.Errorf("score: got %s, at most %t, want a certain number", got.score(), got.report.AtMost)
	}
}

// testTruncated makes sure that the world with the long answer is one.
func (a auditor) testTruncated(t *testing.T) {
	q := new(dns.Msg)
	q.SetQuestion("long-answer.test.", dns.TypeTXT)
	q.SetEdns0(1232, false)
	r, err := dns.Exchange(q, a.unbound)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Truncated {
		t.Errorf("the answer over UDP has %d octets and is not truncated", r.Len())
	}
}

// testValidated: a resolver on this machine is believed when it says that it
// validated the answer, and the authoritative server says no such thing.
func (a auditor) testValidated(t *testing.T) {
	if got := a.audit(t, "healthy.test", "--resolver", a.unbound); !got.report.Facts.MX.Authenticated {
		t.Errorf("Unbound: the MX records are not authenticated\n%s", got.stdout)
	}
	if got := a.audit(t, "healthy.test", "--resolver", a.nsd); got.report.Facts.MX.Authenticated {
		t.Errorf("NSD: the MX records are authenticated\n%s", got.stdout)
	}
}

// testBogus: what does not validate is not known, and not missing either.
func (a auditor) testBogus(t *testing.T) {
	got := a.audit(t, bogus.domain(), "--resolver", a.unbound)
	got.compare(t, bogus.want, bogus.status)
	if !got.report.AtMost {
		t.Errorf("score: got %s without at_most", got.score())
	}
	for _, c := range got.report.Coverage {
		if c.Checker == "spf" && (c.State != string(check.Inconclusive) || c.Reason != "dns-servfail") {
			t.Errorf("spf: got %s %q, want inconclusive \"dns-servfail\"", c.State, c.Reason)
		}
	}
}

func (a auditor) testNoDomain(t *testing.T) {
	got := a.audit(t, "nowhere.test", "--resolver", a.unbound)
	got.compare(t, []string{"DOMAIN-NOT-FOUND"}, statusFindings)
	if got.score() != "0" {
		t.Errorf("score: got %s, want 0", got.score())
	}
}

func (a auditor) testNoResolver(t *testing.T) {
	nobody := "127.0.0.1:" + strconv.Itoa(freePort(t, "127.0.0.1"))
	got := a.audit(t, "healthy.test", "--resolver", nobody)
	got.compare(t, nil, statusUnknown)
	if got.score() != "null" {
		t.Errorf("score: got %s, want null", got.score())
	}
}

// testRecording plays a recorded audit back without any resolver.
func (a auditor) testRecording(t *testing.T, w world) {
	file := filepath.Join(t.TempDir(), "recorded.zone")
	live := a.audit(t, w.domain(), "--resolver", a.unbound, "--record", file)
	again := a.audit(t, w.domain(), "--zone", file)
	if live.status != again.status {
		t.Errorf("status: got %d live, %d played back", live.status, again.status)
	}
	timestamp := regexp.MustCompile(`"time": *"[^"]*"`)
	was, is := timestamp.ReplaceAll(live.stdout, nil), timestamp.ReplaceAll(again.stdout, nil)
	if !bytes.Equal(was, is) {
		t.Errorf("the reports differ (-live +played back):\n%s", cmp.Diff(string(was), string(is)))
	}
}

// testMemory reads the highest resident set while the audit runs: what the
// kernel counts for an ended child may be that of the parent that it was
// started from.
func (a auditor) testMemory(t *testing.T) {
	cmd := a.command(t, "healthy.test", "--resolver", a.unbound)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	peak := 0
	for again := time.NewTicker(time.Millisecond); ; <-again.C {
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
		if _, after, ok := strings.Cut(string(status), "VmHWM:"); ok {
			fmt.Sscan(after, &peak)
		}
		select {
		case err := <-ended:
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("an audit had %d KiB in use at most", peak)
			if peak == 0 || peak > maxPeak {
				t.Errorf("peak of memory: got %d KiB, want between 1 and %d", peak, maxPeak)
			}
			return
		default:
		}
	}
}

// command is an audit of domain that writes JSON and ends with the test.
func (a auditor) command(t *testing.T, domain string, args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, a.program, append([]string{"audit", domain, "--format", "json", "--lang", "en",
		"--allow-private", "--no-dnsbl", "--smtp-port", strconv.Itoa(a.smtpPort)}, args...)...)
	cmd.Env = []string{"SSL_CERT_FILE=" + a.roots, "SSL_CERT_DIR=" + filepath.Join(a.dir, "no-roots")}
	return cmd
}

// audit runs an audit and reads its report.
func (a auditor) audit(t *testing.T, domain string, args ...string) *outcome {
	t.Helper()
	cmd := a.command(t, domain, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	got := &outcome{status: cmd.ProcessState.ExitCode(), stdout: stdout.Bytes(), stderr: stderr.Bytes()}
	if err := json.Unmarshal(got.stdout, &got.report); err != nil {
		t.Fatalf("status %d, no report: %v\n%s%s", got.status, err, got.stdout, got.stderr)
	}
	return got
}

// compare holds the rules of the findings and the exit status against those
// that must come, and shows the report where they differ.
func (o *outcome) compare(t *testing.T, rules []string, status int) {
	t.Helper()
	var got []string
	for _, f := range o.report.Findings {
		got = append(got, f.ID)
	}
	slices.Sort(got)
	got = slices.Compact(got)
	if !slices.Equal(got, rules) {
		t.Errorf("rules: got %q, want %q", got, rules)
	}
	if o.status != status {
		t.Errorf("status: got %d, want %d", o.status, status)
	}
	if t.Failed() {
		t.Logf("%s%s", o.stdout, o.stderr)
	}
}

func (o *outcome) score() string {
	if o.report.Score == nil {
		return "null"
	}
	return strconv.Itoa(*o.report.Score)
}
