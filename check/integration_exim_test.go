//go:build integration

package check_test

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// An eximFace is an address of Exim. What differs is looked up by the address at
// which a client comes in; empty for what is usual.
type eximFace struct {
	machineHost
	ports    []int
	tls      string // priorities of GnuTLS; "none" for no STARTTLS
	rcpt     string // name of the access list for recipients
	password string // "clear" where passwords are taken in the clear
	ehlo     string // "refused" where EHLO is, "all" where HELO is too
	verify   string // "open" where VRFY and EXPN answer
}

// Priorities of GnuTLS.
const (
	gnutlsNew   = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
	gnutlsTLS10 = "NORMAL:-VERS-ALL:+VERS-TLS1.0"
	gnutlsRC4   = "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+ARCFOUR-128:+SHA1"
	gnutls3DES  = "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+3DES-CBC:+SHA1"
	gnutlsDHE   = "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+DHE-RSA"
	gnutlsPlus  = "NORMAL:+3DES-CBC"
)

var eximFaces = []eximFace{
	{machineHost: machineHost{"fine.exim.test", "127.0.6.11", certificateOf{}}, ports: []int{25, 465, 587}},
	{machineHost: machineHost{"clear.exim.test", "127.0.6.12", certificateOf{}}, ports: []int{25, 587}, tls: "none", password: "clear"},
	{machineHost: machineHost{"old.exim.test", "127.0.6.13", certificateOf{rsa: 2048}}, ports: []int{25}, tls: gnutlsTLS10},
	{machineHost: machineHost{"any.exim.test", "127.0.6.14", certificateOf{rsa: 2048}}, ports: []int{25}, tls: gnutlsPlus},
	{machineHost: machineHost{"expired.exim.test", "127.0.6.15", certificateOf{expired: true}}, ports: []int{25, 465}},
	{machineHost: machineHost{"self.exim.test", "127.0.6.16", certificateOf{selfSigned: true}}, ports: []int{25}},
	{machineHost: machineHost{"named.exim.test", "127.0.6.17", certificateOf{names: []string{"elsewhere.test"}}}, ports: []int{25}},
	{machineHost: machineHost{"small.exim.test", "127.0.6.18", certificateOf{rsa: 1024}}, ports: []int{25}, tls: gnutlsNew + ":-RSA:%PROFILE_VERY_WEAK"},
	{machineHost: machineHost{"auth.exim.test", "127.0.6.19", certificateOf{}}, ports: []int{25, 587}, password: "clear"},
	{machineHost: machineHost{"ehlo.exim.test", "127.0.6.20", certificateOf{}}, ports: []int{25}, ehlo: "refused"},
	{machineHost: machineHost{"helo.exim.test", "127.0.6.21", certificateOf{}}, ports: []int{25}, ehlo: "all"},
	{machineHost: machineHost{"grey.exim.test", "127.0.6.22", certificateOf{}}, ports: []int{25}, rcpt: "rcpt_later"},
	{machineHost: machineHost{"open.exim.test", "127.0.6.23", certificateOf{}}, ports: []int{25}, rcpt: "rcpt_any"},
	{machineHost: machineHost{"users.exim.test", "127.0.6.24", certificateOf{}}, ports: []int{25}, rcpt: "rcpt_users"},
	{machineHost: machineHost{"verify.exim.test", "127.0.6.25", certificateOf{}}, ports: []int{25}, verify: "open"},
	{machineHost: machineHost{"unready.exim.test", "127.0.6.26", certificateOf{none: true}}, ports: []int{25}},
	{machineHost: machineHost{"rc4.exim.test", "127.0.6.27", certificateOf{rsa: 2048}}, ports: []int{25}, tls: gnutlsRC4},
	{machineHost: machineHost{"3des.exim.test", "127.0.6.28", certificateOf{rsa: 2048}}, ports: []int{25}, tls: gnutls3DES},
	{machineHost: machineHost{"dhe.exim.test", "127.0.6.29", certificateOf{rsa: 2048}}, ports: []int{25}, tls: gnutlsDHE},
}

// eximConfig is the configuration, with what differs in tables beside it.
const eximConfig = `exim_user = mail
exim_group = mail
exim_path = %[4]s
primary_hostname = exim.test
qualify_domain = test
spool_directory = %[1]s/exim/spool
log_file_path = %[1]s/exim/log/%%slog
pid_file_path = %[1]s/exim/spool/pid
smtp_banner = ${lookup{$received_ip_address}lsearch{%[1]s/exim/names}} ESMTP
keep_environment =
host_lookup =
rfc1413_hosts =
smtp_accept_max = 200
local_interfaces = <; %[2]s
tls_on_connect_ports = %[3]d
tls_certificate = %[1]s/certs/$received_ip_address.pem
tls_privatekey = %[1]s/certs/$received_ip_address.pem
tls_advertise_hosts = ${if eq{${lookup{$received_ip_address}lsearch{%[1]s/exim/tls}}}{none}{}{*}}
tls_require_ciphers = ${lookup{$received_ip_address}lsearch{%[1]s/exim/tls}{$value}{` + gnutlsNew + `}}
acl_smtp_helo = helo
acl_smtp_rcpt = ${lookup{$received_ip_address}lsearch{%[1]s/exim/rcpt}{$value}{rcpt_usual}}
acl_smtp_vrfy = disclose
acl_smtp_expn = disclose
domainlist local_domains = *.test : test

begin acl

helo:
  deny condition = ${if eq{${lookup{$received_ip_address}lsearch{%[1]s/exim/ehlo}}}{all}}
  deny condition = ${if and{{eq{${lookup{$received_ip_address}lsearch{%[1]s/exim/ehlo}}}{refused}}{match{$smtp_command}{(?i)^ehlo}}}}
  accept

rcpt_usual:
  deny    message = relay not permitted
          !domains = +local_domains
  accept

rcpt_later:
  defer   message = greylisted, come back later

rcpt_any:
  accept

rcpt_users:
  deny    message = relay not permitted
          !domains = +local_domains
  require verify = recipient
  accept

disclose:
  deny    !condition = ${if eq{${lookup{$received_ip_address}lsearch{%[1]s/exim/verify}}}{open}}
  accept

begin routers

team:
  driver = redirect
  local_parts = postmaster
  condition = ${if eq{${lookup{$received_ip_address}lsearch{%[1]s/exim/verify}}}{open}}
  data = info@test

mailboxes:
  driver = accept
  local_parts = info
  transport = nowhere
  cannot_route_message = Unknown user

begin transports

nowhere:
  driver = appendfile
  file = /dev/null

begin authenticators

plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = false
  server_advertise_condition = ${if or{{def:tls_in_cipher}{eq{${lookup{$received_ip_address}lsearch{%[1]s/exim/password}}}{clear}}}}
`

// startExim runs one daemon for all faces.
func (m *machines) startExim(t *testing.T) {
	t.Helper()
	needs(t, "exim4", "exim4-daemon-light, or unpack it beside Postfix as .ci/run does")
	program, err := exec.LookPath("exim4")
	if err != nil {
		t.Fatal(err)
	}
	owner, err := user.Lookup("mail")
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(owner.Uid)
	gid, _ := strconv.Atoi(owner.Gid)
	for _, sub := range []string{"exim", "exim/spool", "exim/log"} {
		path := filepath.Join(m.dir, sub)
		if err := os.Mkdir(path, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(path, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	tables := map[string]*strings.Builder{}
	for _, name := range []string{"names", "tls", "rcpt", "password", "ehlo", "verify"} {
		tables[name] = new(strings.Builder)
	}
	var interfaces, listening []string
	for _, f := range eximFaces {
		for _, port := range f.ports {
			interfaces = append(interfaces, fmt.Sprintf("[%s]:%d", f.addr, m.ports[port]))
			listening = append(listening, m.at(f.addr, port))
		}
		for name, value := range map[string]string{
			"names": f.name, "tls": f.tls, "rcpt": f.rcpt, "password": f.password, "ehlo": f.ehlo, "verify": f.verify,
		} {
			if value != "" {
				fmt.Fprintf(tables[name], "%s: %s\n", f.addr, value)
			}
		}
	}
	for name, b := range tables {
		m.write(t, "exim/"+name, b.String())
	}
	config := m.write(t, "exim.conf", fmt.Sprintf(eximConfig, m.dir, strings.Join(interfaces, " ; "), m.ports[465], program))
	t.Cleanup(func() {
		for _, file := range []string{"mainlog", "paniclog", "rejectlog"} {
			if log, err := os.ReadFile(filepath.Join(m.dir, "exim/log", file)); err == nil && t.Failed() {
				t.Logf("the %s of Exim:\n%s", file, log)
			}
		}
	})
	// What the system forbids GnuTLS no priorities can allow.
	p := m.start(t, "env", "GNUTLS_SYSTEM_PRIORITY_FILE=/dev/null", program, "-C", config, "-bdf")
	p.ready(t, func() error { return all(listening, accepts) })
}
