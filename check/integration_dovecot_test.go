//go:build integration

package check_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"maildoctor/check"
)

// A dovecotFace is an address of Dovecot.
type dovecotFace struct {
	machineHost
	ports    []int
	settings []string
}

// The settings of a face. That of passwords in the clear has two names.
const (
	dovecotNoTLS     = "ssl = no"
	dovecotClear     = "CLEAR"
	dovecotAnyTLS    = "ssl_min_protocol = TLSv1"
	dovecotWeakSuite = "ssl_cipher_list = ALL:!aNULL:!kDHE:@SECLEVEL=0"
)

var dovecotFaces = []dovecotFace{
	{machineHost{"fine.dovecot.test", "127.0.7.11", certificateOf{}}, []int{993, 995, 143, 110}, nil},
	{machineHost{"login.dovecot.test", "127.0.7.12", certificateOf{}}, []int{993, 995, 143, 110}, []string{dovecotClear}},
	{machineHost{"clear.dovecot.test", "127.0.7.13", certificateOf{}}, []int{143, 110}, []string{dovecotNoTLS, dovecotClear}},
	{machineHost{"expired.dovecot.test", "127.0.7.14", certificateOf{expired: true}}, []int{993, 995, 143, 110}, nil},
	{machineHost{"named.dovecot.test", "127.0.7.15", certificateOf{names: []string{"elsewhere.test"}}}, []int{993, 995}, nil},
	{machineHost{"self.dovecot.test", "127.0.7.16", certificateOf{selfSigned: true}}, []int{993, 143}, nil},
	{machineHost{"old.dovecot.test", "127.0.7.17", certificateOf{rsa: 2048}}, []int{993, 143, 110}, []string{dovecotAnyTLS, dovecotWeakSuite}},
}

// A dovecotDialect is what the versions of Dovecot write differently.
type dovecotDialect struct {
	head       string // at the beginning; %s is the directory of mailboxes
	cert       string // %s is the file with certificates and key
	clear      string
	address    string
	identities string
}

var dovecot23 = dovecotDialect{
	head:    "mail_location = maildir:%s\n",
	cert:    "ssl_cert = <%[1]s\nssl_key = <%[1]s\n",
	clear:   "disable_plaintext_auth = no",
	address: "address",
	identities: `passdb {
  driver = static
  args = password=secret
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=/nonexistent
}
`,
}

var dovecot24 = dovecotDialect{
	head:    "dovecot_config_version = 2.4.0\ndovecot_storage_version = 2.4.0\nmail_driver = maildir\nmail_path = %s\n",
	cert:    "ssl_server_cert_file = %[1]s\nssl_server_key_file = %[1]s\n",
	clear:   "auth_allow_cleartext = yes",
	address: "listen",
	identities: `passdb static {
  password = secret
}
userdb static {
  fields {
    uid = nobody
    gid = nogroup
    home = /nonexistent
  }
}
`,
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
	dialect := dovecot24
	if strings.HasPrefix(m.command(t, "dovecot", "--version"), "2.3.") {
		dialect = dovecot23
	}
	var local strings.Builder
	addresses := map[int][]string{}
	var listening []string
	for _, f := range dovecotFaces {
		fmt.Fprintf(&local, "local %s {\n", f.addr)
		fmt.Fprintf(&local, dialect.cert, m.dir+"/certs/"+f.addr+".pem")
		for _, line := range f.settings {
			fmt.Fprintln(&local, strings.ReplaceAll(line, dovecotClear, dialect.clear))
		}
		fmt.Fprintln(&local, "}")
		for _, port := range f.ports {
			addresses[port] = append(addresses[port], f.addr)
			listening = append(listening, m.at(f.addr, port))
		}
	}
	listener := func(name string, port int) string {
		tls := "no"
		if strings.HasSuffix(name, "s") {
			tls = "yes"
		}
		return fmt.Sprintf("  inet_listener %s {\n    %s = %s\n    port = %d\n    ssl = %s\n  }\n",
			name, dialect.address, strings.Join(addresses[port], " "), m.ports[port], tls)
	}
	config := m.write(t, "dovecot.conf", fmt.Sprintf(dialect.head, m.dir+"/dovecot/mail")+
		fmt.Sprintf(dialect.cert, m.dir+"/certs/"+dovecotFaces[0].addr+".pem")+
		dialect.identities+fmt.Sprintf(`base_dir = %[1]s/dovecot/run
state_dir = %[1]s/dovecot/state
log_path = /dev/stderr
protocols = imap pop3
ssl = yes
auth_mechanisms = plain login
service imap-login {
%[2]s%[3]s}
service pop3-login {
%[4]s%[5]s}
service auth {
  unix_listener %[1]s/sasl {
    mode = 0666
  }
}
`, m.dir, listener("imap", 143), listener("imaps", 993), listener("pop3", 110), listener("pop3s", 995))+local.String())
	p := m.start(t, "dovecot", "-F", "-c", config)
	p.ready(t, func() error { return all(listening, accepts) })
}

// uses lets an audit look at a host of mail programs.
func uses(host string) func(*check.Options) { return func(o *check.Options) { o.Access = host } }

// announces publishes SRV records: "service port host".
func announces(records ...string) func(*setup) {
	return func(x *setup) {
		for _, r := range records {
			var service, host string
			var port int
			fmt.Sscan(r, &service, &port, &host)
			x.more += fmt.Sprintf("_%s._tcp.%s SRV 0 1 %d %s.\n", service, sceneLabel, port, host)
		}
	}
}

// sceneLabel stands for the name of the scene in records.
const sceneLabel = "SCENE"

// accessScenes are about Dovecot, and about Postfix for submission.
func accessScenes() []scene {
	return []scene{
		{name: "access-fine", merit: "access-service", host: "fine.postfix.test", options: uses("fine.dovecot.test")},
		{name: "access-login", host: "fine.postfix.test", options: uses("login.dovecot.test"), want: []string{"ACCESS-LOGIN-IN-CLEAR"}},
		{name: "access-clear", host: "fine.postfix.test", options: uses("clear.dovecot.test"), want: []string{"ACCESS-NO-TLS"}},
		{name: "access-expired", host: "fine.postfix.test", options: uses("expired.dovecot.test"), want: []string{"ACCESS-CERT-EXPIRED"}},
		{name: "access-named", host: "fine.postfix.test", options: uses("named.dovecot.test"), want: []string{"ACCESS-CERT-NAME"}},
		{name: "access-self", host: "fine.postfix.test", options: uses("self.dovecot.test"), want: []string{"ACCESS-CERT-UNTRUSTED"}},
		{name: "access-old", host: "fine.postfix.test", options: uses("old.dovecot.test")},
		{name: "access-submission", host: "fine.postfix.test", options: uses("auth.exim.test"), want: []string{"ACCESS-LOGIN-IN-CLEAR"}},
		{
			name: "srv-fine", merit: "access-srv", host: "fine.postfix.test", options: uses(check.AccessAuto),
			plant: announces("imaps 993 fine.dovecot.test", "pop3s 995 fine.dovecot.test", "submissions 465 fine.postfix.test"),
		},
		{
			name: "srv-refused", host: "fine.postfix.test", options: uses(check.AccessAuto), want: []string{"ACCESS-CERT-NAME", "ACCESS-SRV-REFUSED"},
			plant: announces("imaps 993 named.dovecot.test", "imap 143 named.dovecot.test"),
		},
		{
			name: "srv-dangling", host: "fine.postfix.test", options: uses(check.AccessAuto), want: []string{"ACCESS-SRV-DANGLING"},
			plant: announces("imaps 993 fine.dovecot.test", "pop3s 995 gone.dovecot.test"),
		},
		{
			name: "srv-clear", host: "fine.postfix.test", options: uses(check.AccessAuto), want: []string{"ACCESS-LOGIN-IN-CLEAR", "ACCESS-SRV-CLEAR-ONLY"},
			plant: announces("imap 143 login.dovecot.test"),
		},
	}
}
