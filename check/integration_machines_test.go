//go:build integration

package check_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"maildoctor/check"
	"maildoctor/check/dnsx"
)

// maxMachineAudit is the time that one audit of the machines may take.
const maxMachineAudit = 30 * time.Second

// machines are real servers with many faces, each at an address of its own:
// Postfix and Exim for mail between servers, Dovecot for mail programs, web hosts
// for policies. NSD and Unbound stand in front of them. They listen on ports that
// anybody may open; dial leads the program from the usual port to the real one.
type machines struct {
	*servers
	mint  *mint
	ports map[int]int // from the usual port to the real one
	certs map[string]*credential
}

// usualPorts are those of mail and of the web.
var usualPorts = []int{25, 110, 143, 443, 465, 587, 993, 995}

// newMachines prepares a directory, ports and the certificates of the hosts.
func newMachines(t *testing.T, hosts []machineHost) *machines {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("the servers start for root only: run .ci/run, or this test with sudo")
	}
	dir := t.TempDir()
	// The servers work in it under their own accounts.
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	m := &machines{
		servers: &servers{
			dir: dir, nsd: "127.0.0.1:" + strconv.Itoa(freePort(t, "127.0.0.1")),
			unbound: "127.0.0.1:" + strconv.Itoa(freePort(t, "127.0.0.1")),
		},
		mint: newMint(t), ports: map[int]int{}, certs: map[string]*credential{},
	}
	var taken []int
	for _, usual := range usualPorts {
		port := freePort(t, "127.0.5.11")
		for slices.Contains(taken, port) {
			port = freePort(t, "127.0.5.11")
		}
		taken = append(taken, port)
		m.ports[usual] = port
	}
	if err := os.Mkdir(filepath.Join(dir, "certs"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, h := range hosts {
		m.certs[h.name] = m.mint.issue(t, h.name, h.cert)
		if !h.cert.none {
			m.write(t, "certs/"+h.addr+".pem", m.certs[h.name].pem(t))
		}
	}
	return m
}

// A machineHost is a face of a server: a name, the address where it listens and
// a certificate.
type machineHost struct {
	name, addr string
	cert       certificateOf
}

// The machines listen on loopback, and the DNS says that they are elsewhere: a
// host of one's own machine or network is judged less strictly.
const (
	realNetwork      = "127.0."
	publishedNetwork = "198.18."
)

// published is the address that the DNS has for a real one.
func published(addr string) string {
	return publishedNetwork + strings.TrimPrefix(addr, realNetwork)
}

// needs fails where a program is missing, and says how to have it.
func needs(t *testing.T, programs, packages string) {
	t.Helper()
	for _, p := range strings.Fields(programs) {
		if _, err := exec.LookPath(p); err != nil {
			t.Fatalf("%v; install the servers: apt-get install %s", err, packages)
		}
	}
}

// at is where the service of a usual port really listens.
func (m *machines) at(addr string, usual int) string {
	return net.JoinHostPort(addr, strconv.Itoa(m.ports[usual]))
}

// dial connects to the real address and port instead of those that the DNS and
// the standards have.
func (m *machines) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	to, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil, err
	}
	host, ok := strings.CutPrefix(to.Addr().String(), publishedNetwork)
	if !ok || m.ports[int(to.Port())] == 0 {
		return nil, fmt.Errorf("no machine is at %s", addr)
	}
	var d net.Dialer
	return d.DialContext(ctx, network, m.at(realNetwork+host, int(to.Port())))
}

// pool is what the program trusts.
func (m *machines) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(m.mint.cert)
	return pool
}

// audit runs a whole audit. The network that the DNS has counts as public.
func (m *machines) audit(t *testing.T, domain string, o check.Options) *check.Result {
	t.Helper()
	network, err := dnsx.NewNetwork([]string{m.unbound}, dnsx.NetworkOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), maxMachineAudit)
	defer cancel()
	return check.Audit(ctx, check.Net{
		DNS: network, Dial: m.dial, Roots: m.pool(), Now: time.Now,
		Public: []netip.Prefix{netip.MustParsePrefix(publishedNetwork + "0.0/16")},
	}, domain, o)
}

// A servedZone is a zone of NSD.
type servedZone struct {
	name    string // without the final dot
	records string
	signed  bool
	tamper  func(signed string) string // changes the signed text; nil to leave it
}

// apex begins the text of a zone.
func apex(name string) string {
	return fmt.Sprintf("$ORIGIN %s.\n$TTL 300\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n", name)
}

// startDNS serves zones, and the addresses of the hosts backwards. Beside them
// nothing exists.
func (m *machines) startDNS(t *testing.T, zones []servedZone, hosts []machineHost) {
	t.Helper()
	needs(t, "nsd unbound ldns-keygen ldns-signzone", "nsd unbound ldnsutils")
	var reverse strings.Builder
	for _, h := range hosts {
		name, err := dns.ReverseAddr(published(h.addr))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&reverse, "%s PTR %s.\n", name, h.name)
	}
	zones = append(slices.Clone(zones), servedZone{name: "18.198.in-addr.arpa", records: reverse.String()})

	var nsd, unbound, anchors strings.Builder
	for i, z := range zones {
		file := fmt.Sprintf("%d.zone", i)
		m.write(t, file, apex(z.name)+z.records)
		if z.signed {
			file = m.signZone(t, z, file)
			fmt.Fprintf(&anchors, "\ttrust-anchor-file: \"%s/%s.ds\"\n", m.dir, z.name)
		}
		fmt.Fprintf(&nsd, "zone:\n\tname: \"%s.\"\n\tzonefile: \"%s\"\n", z.name, file)
		fmt.Fprintf(&anchors, "\tlocal-zone: \"%s.\" transparent\n", z.name)
		fmt.Fprintf(&unbound, "stub-zone:\n\tname: \"%s.\"\n\tstub-addr: %s\n", z.name, strings.Replace(m.nsd, ":", "@", 1))
	}
	m.write(t, "nsd.conf", fmt.Sprintf(`server:
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
%[3]s`, m.dir, strings.Replace(m.nsd, ":", "@", 1), nsd.String()))
	p := m.start(t, "nsd", "-d", "-c", filepath.Join(m.dir, "nsd.conf"))
	p.ready(t, func() error { return answers(m.nsd, zones[0].name+".") })

	host, port, _ := net.SplitHostPort(m.unbound)
	m.write(t, "unbound.conf", fmt.Sprintf(`server:
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
	val-log-level: 1
	do-not-query-localhost: no
	local-zone: "." static
%[4]sremote-control:
	control-enable: no
%[5]s`, m.dir, host, port, anchors.String(), unbound.String()))
	// Without AppArmor, as the other test has it.
	path, err := exec.LookPath("unbound")
	if err != nil {
		t.Fatal(err)
	}
	m.command(t, "cp", path, "unbound")
	p = m.start(t, filepath.Join(m.dir, "unbound"), "-d", "-c", filepath.Join(m.dir, "unbound.conf"))
	p.ready(t, func() error {
		for _, z := range zones {
			if err := answers(m.unbound, z.name+"."); err != nil {
				return err
			}
		}
		return nil
	})
}

// signZone signs the zone in file with new keys, puts its anchor beside it and
// returns the name of the signed file.
func (m *machines) signZone(t *testing.T, z servedZone, file string) string {
	t.Helper()
	name := z.name
	args := []string{"-f", file + ".signed", file}
	for _, flags := range [][]string{{"-k"}, nil} {
		key := strings.TrimSpace(m.command(t, "ldns-keygen", append(flags, "-a", "ECDSAP256SHA256", "-r", "/dev/urandom", name+".")...))
		if flags != nil {
			m.command(t, "mv", key+".ds", name+".ds")
		}
		args = append(args, key)
	}
	m.command(t, "ldns-signzone", args...)
	file += ".signed"
	if z.tamper != nil {
		signed, err := os.ReadFile(filepath.Join(m.dir, file))
		if err != nil {
			t.Fatal(err)
		}
		m.write(t, file, z.tamper(string(signed)))
	}
	return file
}

// accepts reports whether somebody takes connections at addr.
func accepts(addr string) error {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return err
	}
	return conn.Close()
}
