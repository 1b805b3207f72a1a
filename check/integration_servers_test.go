//go:build integration

package check_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// The mail hosts, one smtpd of Postfix each.
const (
	goodMX1    = "mx1.hosts.test"
	goodMX2    = "mx2.hosts.test"
	expiredMX  = "expired.hosts.test"
	misnamedMX = "misnamed.hosts.test"
	clearMX    = "clear.hosts.test"
)

var mailHosts = []struct{ name, addr string }{
	{goodMX1, "127.0.0.11"},
	{expiredMX, "127.0.0.12"},
	{misnamedMX, "127.0.0.13"},
	{clearMX, "127.0.0.14"},
	{goodMX2, "127.0.0.15"},
}

// servers are an authoritative NSD with a signed zone, a validating Unbound in
// front of it and a Postfix with several faces, all on loopback.
type servers struct {
	dir      string // everything that the servers read and write
	nsd      string // HOST:PORT
	unbound  string // HOST:PORT
	smtpPort int
	roots    string // file of the certificate authority that the program trusts
}

// startServers serves records, the text of the zone test. that is still to be
// signed, until the test ends. tamper changes the signed text.
func startServers(t *testing.T, records string, tamper func(signed string) string) *servers {
	t.Helper()
	needTools(t)
	dir := t.TempDir()
	// Postfix works in it under its own account.
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	s := &servers{
		dir: dir, nsd: "127.0.0.1:" + strconv.Itoa(freePort(t, "127.0.0.1")),
		unbound: "127.0.0.1:" + strconv.Itoa(freePort(t, "127.0.0.1")), smtpPort: freePort(t, mailHosts[0].addr),
	}
	s.startNSD(t, records, tamper)
	s.startUnbound(t)
	s.startPostfix(t)
	return s
}

func needTools(t *testing.T) {
	t.Helper()
	for _, tool := range []string{"nsd", "unbound", "postfix", "ldns-keygen", "ldns-signzone"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%v; install the servers: apt-get install nsd unbound postfix ldnsutils", err)
		}
	}
	if os.Geteuid() != 0 {
		t.Fatal("Postfix starts for root only: run .ci/run, or this test with sudo")
	}
}

// freePort returns a port that was free on host a moment ago, for TCP and UDP.
func freePort(t *testing.T, host string) int {
	t.Helper()
	for range 20 {
		l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			t.Fatal(err)
		}
		u, err := net.ListenPacket("udp", l.Addr().String())
		l.Close()
		if err == nil {
			u.Close()
			return l.Addr().(*net.TCPAddr).Port
		}
	}
	t.Fatalf("no port of %s is free for both TCP and UDP", host)
	return 0
}

func (s *servers) startNSD(t *testing.T, records string, tamper func(string) string) {
	t.Helper()
	s.write(t, "test.zone", records)
	var keys []string
	for _, flags := range [][]string{{"-k"}, nil} {
		args := append(flags, "-a", "ECDSAP256SHA256", "-r", "/dev/urandom", "test.")
		keys = append(keys, strings.TrimSpace(s.command(t, "ldns-keygen", args...)))
	}
	s.command(t, "ldns-signzone", append([]string{"-f", "signed.zone", "test.zone"}, keys...)...)
	s.command(t, "mv", keys[0]+".ds", "anchor.ds")
	signed, err := os.ReadFile(filepath.Join(s.dir, "signed.zone"))
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, "signed.zone", tamper(string(signed)))

	var reverse strings.Builder
	reverse.WriteString("$ORIGIN 127.in-addr.arpa.\n$TTL 300\n@ SOA ns.test. hostmaster.test. 1 3600 600 86400 60\n@ NS ns.test.\n")
	for _, h := range mailHosts {
		name, err := dns.ReverseAddr(h.addr)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&reverse, "%s PTR %s.\n", name, h.name)
	}
	s.write(t, "reverse.zone", reverse.String())

	s.write(t, "nsd.conf", fmt.Sprintf(`server:
	ip-address: %[2]s
	username: ""
	zonesdir: "%[1]s"
	database: ""
	pidfile: "%[1]s/nsd.pid"
	zonelistfile: "%[1]s/zone.list"
	xfrdfile: "%[1]s/xfrd.state"
	xfrdir: "%[1]s"
	rrl-ratelimit: 0
remote-control:
	control-enable: no
zone:
	name: "test."
	zonefile: "signed.zone"
zone:
	name: "127.in-addr.arpa."
	zonefile: "reverse.zone"
`, s.dir, strings.Replace(s.nsd, ":", "@", 1)))
	p := s.start(t, "nsd", "-d", "-c", filepath.Join(s.dir, "nsd.conf"))
	p.ready(t, func() error { return answers(s.nsd, "test.") })
}

func (s *servers) startUnbound(t *testing.T) {
	t.Helper()
	host, port, _ := net.SplitHostPort(s.unbound)
	s.write(t, "unbound.conf", fmt.Sprintf(`server:
	interface: %[2]s
	port: %[3]s
	access-control: 127.0.0.0/8 allow
	do-ip6: no
	num-threads: 1
	username: ""
	chroot: ""
	directory: "%[1]s"
	pidfile: "%[1]s/unbound.pid"
	use-syslog: no
	logfile: ""
	module-config: "validator iterator"
	trust-anchor-file: "%[1]s/anchor.ds"
	val-log-level: 1
	do-not-query-localhost: no
	max-udp-size: 1232
	local-zone: "." static
	local-zone: "test." transparent
	local-zone: "127.in-addr.arpa." transparent
remote-control:
	control-enable: no
stub-zone:
	name: "test."
	stub-addr: %[4]s
stub-zone:
	name: "127.in-addr.arpa."
	stub-addr: %[4]s
`, s.dir, host, port, strings.Replace(s.nsd, ":", "@", 1)))
	// Unbound's AppArmor profile goes by the path of the program and allows no
	// configuration outside of /etc: a copy has none.
	path, err := exec.LookPath("unbound")
	if err != nil {
		t.Fatal(err)
	}
	s.command(t, "cp", path, "unbound")
	p := s.start(t, filepath.Join(s.dir, "unbound"), "-d", "-c", filepath.Join(s.dir, "unbound.conf"))
	p.ready(t, func() error { return errors.Join(answers(s.unbound, "test."), answers(s.unbound, "127.in-addr.arpa.")) })
}

// answers reports whether server answers for the apex of a zone.
func answers(server, zone string) error {
	q := new(dns.Msg)
	q.SetQuestion(zone, dns.TypeSOA)
	r, err := dns.Exchange(q, server)
	if err == nil && len(r.Answer) == 0 {
		err = fmt.Errorf("%s has no SOA of %s: %s", server, zone, dns.RcodeToString[r.Rcode])
	}
	return err
}

func (s *servers) startPostfix(t *testing.T) {
	t.Helper()
	owner, err := user.Lookup("postfix")
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(owner.Uid)
	for _, sub := range []string{"postfix", "queue", "data", "log", "no-roots"} {
		if err := os.Mkdir(filepath.Join(s.dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(filepath.Join(s.dir, "data"), uid, -1); err != nil {
		t.Fatal(err)
	}

	ca := newAuthority(t)
	s.roots = s.write(t, "roots.pem", ca.pem)
	now := time.Now()
	chain := func(file string, from, until time.Time, names ...string) string {
		return s.write(t, file, ca.issue(t, from, until, names...))
	}
	valid := chain("good.pem", now.AddDate(0, 0, -10), now.AddDate(0, 0, 80), goodMX1, goodMX2)
	tls := map[string]string{
		goodMX1:    "smtpd_tls_chain_files=" + valid,
		goodMX2:    "smtpd_tls_chain_files=" + valid,
		expiredMX:  "smtpd_tls_chain_files=" + chain("expired.pem", now.AddDate(0, 0, -100), now.AddDate(0, 0, -10), expiredMX),
		misnamedMX: "smtpd_tls_chain_files=" + chain("misnamed.pem", now.AddDate(0, 0, -10), now.AddDate(0, 0, 80), "elsewhere.test"),
		clearMX:    "smtpd_tls_security_level=none",
	}

	s.write(t, "postfix/main.cf", fmt.Sprintf(`compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
mail_owner = postfix
setgid_group = postdrop
maillog_file = %[1]s/log/maillog
maillog_file_prefixes = %[1]s/log
inet_protocols = ipv4
mydestination =
alias_maps =
local_recipient_maps =
smtpd_peername_lookup = no
smtpd_relay_restrictions = reject
smtpd_tls_security_level = may
smtpd_tls_protocols = >=TLSv1.2
smtpd_banner = $myhostname ESMTP
`, s.dir))
	var master strings.Builder
	master.WriteString("postlog unix-dgram n - n - 1 postlogd\ntlsmgr unix - - n - 1 tlsmgr\nanvil unix - - n - 1 anvil\n")
	for _, h := range mailHosts {
		fmt.Fprintf(&master, "%s:%d inet n - n - - smtpd -o myhostname=%s -o %s\n", h.addr, s.smtpPort, h.name, tls[h.name])
	}
	s.write(t, "postfix/master.cf", master.String())

	t.Cleanup(func() {
		if log, err := os.ReadFile(filepath.Join(s.dir, "log/maillog")); err == nil && t.Failed() {
			t.Logf("the log of Postfix:\n%s", log)
		}
	})
	config := filepath.Join(s.dir, "postfix")
	p := s.start(t, "postfix", "-c", config, "start-fg")
	// The child is the script around the master process.
	p.stop = func() error { return exec.Command("postfix", "-c", config, "stop").Run() }
	p.ready(t, func() error {
		for _, h := range mailHosts {
			if err := greets(net.JoinHostPort(h.addr, strconv.Itoa(s.smtpPort))); err != nil {
				return err
			}
		}
		return nil
	})
}

// greets reports whether an SMTP server greets with 220.
func greets(addr string) error {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	line := make([]byte, 512)
	n, err := conn.Read(line)
	if err == nil && !bytes.HasPrefix(line[:n], []byte("220 ")) {
		err = fmt.Errorf("%s greets with %q", addr, line[:n])
	}
	fmt.Fprint(conn, "QUIT\r\n")
	return err
}

// write puts a file into the directory of the servers and returns its path.
func (s *servers) write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// command runs a tool in the directory of the servers and returns its output.
func (s *servers) command(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = s.dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", name, err, out, stderr.Bytes())
	}
	return string(out)
}

// A process is a server that runs as a child of the test.
type process struct {
	name string
	said output
	done chan struct{} // closed when it ended
	stop func() error
}

// start runs a server in the foreground until the test ends, and shows what it
// said if the test fails.
func (s *servers) start(t *testing.T, path string, args ...string) *process {
	t.Helper()
	p := &process{name: filepath.Base(path), done: make(chan struct{})}
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = &p.said, &p.said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.stop = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	go func() {
		defer close(p.done)
		cmd.Wait()
	}()
	t.Cleanup(func() {
		if err := p.stop(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Errorf("%s could not be stopped: %v", p.name, err)
		}
		select {
		case <-p.done:
		case <-time.After(10 * time.Second):
			cmd.Process.Kill()
			t.Errorf("%s did not end when asked to", p.name)
		}
		if t.Failed() {
			t.Logf("%s said:\n%s", p.name, p.said.String())
		}
	})
	return p
}

// ready waits until probe succeeds.
func (p *process) ready(t *testing.T, probe func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		err := probe()
		if err == nil {
			return
		}
		select {
		case <-again.C:
		case <-p.done:
			t.Fatalf("%s ended before it was ready", p.name)
		case <-ctx.Done():
			t.Fatalf("%s is not ready: %v", p.name, err)
		}
	}
}

// output keeps what a server says while others read it.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
