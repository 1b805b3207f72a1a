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

// A postfixFace is an address of Postfix. The settings are those of main.cf that
// differ at a port; nil where nobody listens there.
type postfixFace struct {
	machineHost
	mx, submissions, submission []string
}

// spareHost is the second mail host of every scene.
const spareHost = "spare.postfix.test"

// The settings of services.
const (
	postfixOldTLS    = "smtpd_tls_protocols=>=TLSv1, <=TLSv1.1"
	postfixAnyTLS    = "smtpd_tls_protocols=>=TLSv1"
	postfixWeakKeys  = "tls_medium_cipherlist=ALL:!aNULL:@SECLEVEL=0"
	postfixNoTLS     = "smtpd_tls_security_level=none"
	postfixSASL      = "smtpd_sasl_auth_enable=yes"
	postfixWrapped   = "smtpd_tls_wrappermode=yes"
	postfixTLSFirst  = "smtpd_tls_auth_only=yes"
	postfixClearAuth = "smtpd_tls_auth_only=no"
)

// usual are the settings of a service without anything special.
func usual(more ...string) []string { return append([]string{"myorigin=test"}, more...) }

var postfixFaces = []postfixFace{
	{
		machineHost{"fine.postfix.test", "127.0.5.11", certificateOf{}},
		usual(), usual(postfixWrapped, postfixSASL), usual(postfixSASL, postfixTLSFirst),
	},
	{machineHost{spareHost, "127.0.5.10", certificateOf{}}, usual(), nil, nil},
	{machineHost{"clear.postfix.test", "127.0.5.12", certificateOf{}}, usual(postfixNoTLS), nil, usual(postfixNoTLS)},
	{machineHost{"old.postfix.test", "127.0.5.13", certificateOf{}}, usual(postfixOldTLS, postfixWeakKeys), nil, nil},
	{machineHost{"any.postfix.test", "127.0.5.14", certificateOf{}}, usual(postfixAnyTLS, postfixWeakKeys), nil, nil},
	{machineHost{"expired.postfix.test", "127.0.5.15", certificateOf{expired: true}}, usual(), nil, nil},
	{machineHost{"self.postfix.test", "127.0.5.16", certificateOf{selfSigned: true}}, usual(), usual(postfixWrapped), nil},
	{machineHost{"named.postfix.test", "127.0.5.17", certificateOf{names: []string{"elsewhere.test"}}}, usual(), nil, nil},
	{machineHost{"small.postfix.test", "127.0.5.18", certificateOf{rsa: 1024}}, usual("smtpd_tls_exclude_ciphers=kRSA", postfixWeakKeys), nil, nil},
	{machineHost{"static.postfix.test", "127.0.5.19", certificateOf{rsa: 2048}}, usual(), nil, nil},
	{machineHost{"auth.postfix.test", "127.0.5.20", certificateOf{}}, usual(postfixSASL, postfixClearAuth), usual(), usual(postfixSASL, postfixClearAuth)},
	{
		machineHost{"open.postfix.test", "127.0.5.21", certificateOf{}},
		usual("mynetworks=127.0.0.0/8", "smtpd_relay_restrictions=permit_mynetworks, reject_unauth_destination"), nil, nil,
	},
	{machineHost{"grey.postfix.test", "127.0.5.22", certificateOf{}}, usual("smtpd_recipient_restrictions=check_recipient_access static:{450 4.2.0 Greylisted}"), nil, nil},
	{
		machineHost{"users.postfix.test", "127.0.5.23", certificateOf{}},
		usual("relay_domains="), nil, nil,
	},
	{
		machineHost{"verify.postfix.test", "127.0.5.24", certificateOf{}},
		usual("disable_vrfy_command=no"), nil, nil,
	},
	{machineHost{"later.postfix.test", "127.0.5.25", certificateOf{}}, usual("smtpd_client_restrictions=defer", "smtpd_delay_reject=no"), nil, nil},
	{machineHost{"strict.postfix.test", "127.0.5.26", certificateOf{}}, usual("smtpd_client_restrictions=reject", "smtpd_delay_reject=yes"), nil, nil},
	{machineHost{"unready.postfix.test", "127.0.5.27", certificateOf{none: true}}, usual(), nil, nil},
	{machineHost{"dane.postfix.test", "127.0.5.31", certificateOf{}}, usual(), nil, nil},
	{machineHost{"daneold.postfix.test", "127.0.5.32", certificateOf{expired: true, names: []string{"elsewhere.test"}}}, usual(), nil, nil},
	{machineHost{"danewrong.postfix.test", "127.0.5.33", certificateOf{}}, usual(), nil, nil},
	{machineHost{"daneca.postfix.test", "127.0.5.34", certificateOf{}}, usual(), nil, nil},
	{machineHost{"danecaname.postfix.test", "127.0.5.35", certificateOf{names: []string{"elsewhere.test"}}}, usual(), nil, nil},
	{machineHost{"daneclear.postfix.test", "127.0.5.36", certificateOf{}}, usual(postfixNoTLS), nil, nil},
	{machineHost{"danepkix.postfix.test", "127.0.5.37", certificateOf{}}, usual(), nil, nil},
	{machineHost{"danebogus.postfix.test", "127.0.5.39", certificateOf{}}, usual(), nil, nil},
	{machineHost{"danesingle.postfix.test", "127.0.5.40", certificateOf{}}, usual(), nil, nil},
	{machineHost{"danealone.postfix.test", "127.0.5.41", certificateOf{alone: true}}, usual(), nil, nil},
	{machineHost{"mx.bare", "127.0.5.38", certificateOf{}}, usual(), nil, nil},
}

// startPostfix runs all faces under one master. Passwords are Dovecot's.
func (m *machines) startPostfix(t *testing.T) {
	t.Helper()
	needs(t, "postfix", "postfix")
	owner, err := user.Lookup("postfix")
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(owner.Uid)
	for _, sub := range []string{"postfix", "queue", "data", "log"} {
		if err := os.Mkdir(filepath.Join(m.dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(filepath.Join(m.dir, "data"), uid, -1); err != nil {
		t.Fatal(err)
	}
	m.write(t, "postfix/main.cf", fmt.Sprintf(`compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
mail_owner = postfix
setgid_group = postdrop
maillog_file = %[1]s/log/maillog
maillog_file_prefixes = %[1]s/log
inet_protocols = ipv4
default_process_limit = 200
mydestination = verify.postfix.test
virtual_mailbox_domains = postmaster-postfix.test
virtual_mailbox_maps = inline:{info@postmaster-postfix.test=x}
in_flow_delay = 0
mynetworks =
alias_maps =
local_recipient_maps =
relay_domains = test, bare
smtpd_peername_lookup = no
smtpd_relay_restrictions = reject_unauth_destination
smtpd_tls_security_level = may
smtpd_tls_protocols = >=TLSv1.2
smtpd_tls_dh1024_param_file = auto
smtpd_sasl_type = dovecot
smtpd_sasl_path = %[1]s/sasl
smtpd_banner = $myhostname ESMTP
disable_vrfy_command = yes
`, m.dir))
	var master strings.Builder
	master.WriteString("postlog unix-dgram n - n - 1 postlogd\ntlsmgr unix - - n - 1 tlsmgr\nanvil unix - - n - 1 anvil\n")
	master.WriteString("rewrite unix - - n - - trivial-rewrite\ncleanup unix n - n - 0 cleanup\nbounce unix - - n - 0 bounce\ndefer unix - - n - 0 bounce\n")
	var listening []string
	for _, f := range postfixFaces {
		for port, settings := range map[int][]string{25: f.mx, 465: f.submissions, 587: f.submission} {
			if settings == nil {
				continue
			}
			listening = append(listening, m.at(f.addr, port))
			fmt.Fprintf(&master, "%s inet n - n - - smtpd\n", m.at(f.addr, port))
			for _, s := range append([]string{"myhostname=" + f.name, "smtpd_tls_chain_files=" + m.dir + "/certs/" + f.addr + ".pem"}, settings...) {
				fmt.Fprintf(&master, "  -o {%s}\n", s)
			}
		}
	}
	m.write(t, "postfix/master.cf", master.String())
	t.Cleanup(func() {
		if log, err := os.ReadFile(filepath.Join(m.dir, "log/maillog")); err == nil && t.Failed() {
			t.Logf("the log of Postfix:\n%s", log)
		}
	})
	config := filepath.Join(m.dir, "postfix")
	p := m.start(t, "postfix", "-c", config, "start-fg")
	// The child is the script around the master process.
	p.stop = func() error { return exec.Command("postfix", "-c", config, "stop").Run() }
	p.ready(t, func() error { return all(listening, accepts) })
}

// all returns the first failure of probe.
func all(addrs []string, probe func(addr string) error) error {
	for _, a := range addrs {
		if err := probe(a); err != nil {
			return err
		}
	}
	return nil
}
