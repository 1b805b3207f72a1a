//go:build integration

package check_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A dovecotFace is an address of Dovecot.
type dovecotFace struct {
	machineHost
	ports    []int
	settings string
}

var dovecotFaces = []dovecotFace{
	{machineHost{"fine.dovecot.test", "127.0.7.11", certificateOf{}}, []int{993, 995, 143, 110}, ""},
	{machineHost{"login.dovecot.test", "127.0.7.12", certificateOf{}}, []int{993, 995, 143, 110}, "disable_plaintext_auth = no"},
	{machineHost{"clear.dovecot.test", "127.0.7.13", certificateOf{}}, []int{143, 110}, "ssl = no\n  disable_plaintext_auth = no"},
	{machineHost{"expired.dovecot.test", "127.0.7.14", certificateOf{expired: true}}, []int{993, 995, 143, 110}, ""},
	{machineHost{"named.dovecot.test", "127.0.7.15", certificateOf{names: []string{"elsewhere.test"}}}, []int{993, 995}, ""},
	{machineHost{"self.dovecot.test", "127.0.7.16", certificateOf{selfSigned: true}}, []int{993, 143}, ""},
	{machineHost{"old.dovecot.test", "127.0.7.17", certificateOf{rsa: 2048}}, []int{993, 143, 110}, "ssl_min_protocol = TLSv1\n  ssl_cipher_list = ALL:!aNULL:!kDHE:@SECLEVEL=0"},
}

// startDovecot runs one master for all faces, and the passwords of Postfix.
func (m *machines) startDovecot(t *testing.T) {
	t.Helper()
	needs(t, "dovecot", "dovecot-imapd dovecot-pop3d")
	for _, sub := range []string{"dovecot", "dovecot/run", "dovecot/state"} {
		if err := os.Mkdir(filepath.Join(m.dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	var local strings.Builder
	addresses := map[int][]string{}
	var listening []string
	for _, f := range dovecotFaces {
		fmt.Fprintf(&local, "local %[1]s {\n  ssl_cert = <%[2]s/certs/%[1]s.pem\n  ssl_key = <%[2]s/certs/%[1]s.pem\n  %[3]s\n}\n", f.addr, m.dir, f.settings)
		for _, port := range f.ports {
			addresses[port] = append(addresses[port], f.addr)
			listening = append(listening, m.at(f.addr, port))
		}
	}
	listener := func(name string, port int) string {
		tls := "no"
		if slices.Contains([]int{993, 995}, port) {
			tls = "yes"
		}
		return fmt.Sprintf("  inet_listener %s {\n    address = %s\n    port = %d\n    ssl = %s\n  }\n", name, strings.Join(addresses[port], " "), m.ports[port], tls)
	}
	config := m.write(t, "dovecot.conf", fmt.Sprintf(`base_dir = %[1]s/dovecot/run
state_dir = %[1]s/dovecot/state
log_path = /dev/stderr
protocols = imap pop3
ssl = yes
ssl_cert = <%[1]s/certs/%[2]s.pem
ssl_key = <%[1]s/certs/%[2]s.pem
auth_mechanisms = plain login
mail_location = maildir:%[1]s/dovecot/mail
passdb {
  driver = static
  args = password=secret
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=/nonexistent
}
service imap-login {
%[3]s%[4]s}
service pop3-login {
%[5]s%[6]s}
service auth {
  unix_listener %[1]s/sasl {
    mode = 0666
  }
}
%[7]s`, m.dir, dovecotFaces[0].addr, listener("imap", 143), listener("imaps", 993), listener("pop3", 110), listener("pop3s", 995), local.String()))
	p := m.start(t, "dovecot", "-F", "-c", config)
	p.ready(t, func() error { return all(listening, accepts) })
}
