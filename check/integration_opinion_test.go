//go:build integration

package check_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"encoding/xml"
	"errors"
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

	"maildoctor/check/access"
	"maildoctor/check/smtp"
	"maildoctor/check/tlsx"
)

// A listener is a port of a machine that may speak TLS.
type listener struct {
	host machineHost
	port int
}

func (l listener) String() string { return l.host.name + ":" + strconv.Itoa(l.port) }

// starttls is what sslscan calls the way to TLS; empty for TLS from the first
// octet.
func (l listener) starttls() string {
	return map[int]string{25: "smtp", 587: "smtp", 143: "imap", 110: "pop3"}[l.port]
}

func listeners() []listener {
	var out []listener
	add := func(h machineHost, ports ...int) {
		for _, p := range ports {
			out = append(out, listener{h, p})
		}
	}
	for _, f := range postfixFaces {
		add(f.machineHost, 25)
		if f.submissions != nil {
			add(f.machineHost, 465)
		}
		if f.submission != nil {
			add(f.machineHost, 587)
		}
	}
	for _, f := range eximFaces {
		add(f.machineHost, f.ports...)
	}
	for _, f := range dovecotFaces {
		add(f.machineHost, f.ports...)
	}
	for _, f := range opensslFaces {
		if f.name != "sni.openssl.test" { // which closes connections, over which sslscan gives up
			add(f.machineHost, 25)
		}
	}
	return out
}

// An opinion is what a scanner says of the TLS of a listener.
type opinion struct {
	versions    []string // such as "TLS 1.2", ascending
	weak        bool     // a suite of tlsx.Weak that crypto/tls knows is taken
	certificate string   // SHA-256 of the server's own
	names       []string
	selfSigned  bool
	expired     bool
	rsa         int // bits of a key of that kind: of others sslscan tells the strength
}

// ours is what the rooms of this program say; nothing where there is no TLS.
func (m *machines) ours(t *testing.T, l listener) opinion {
	t.Helper()
	first := m.shake(t, l, tlsx.HelloAll)
	leaf := first.Leaf()
	if leaf == nil {
		return opinion{}
	}
	o := opinion{certificate: leaf.SHA256, names: leaf.DNSNames, selfSigned: leaf.SelfSigned, expired: leaf.Expired}
	if leaf.KeyType == tlsx.KeyRSA {
		o.rsa = leaf.KeyBits
	}
	if first.Outcome != tlsx.OutcomeOK {
		return o
	}
	for _, offer := range tlsx.Explore(first, func(h tlsx.Hello) (*tlsx.State, string) { return m.shake(t, l, h), "" }) {
		name := map[tlsx.Hello]string{
			tlsx.HelloTLS10: "TLS 1.0", tlsx.HelloTLS11: "TLS 1.1", tlsx.HelloTLS12: "TLS 1.2", tlsx.HelloTLS13: "TLS 1.3",
		}[offer.Hello]
		switch {
		case offer.Taken == tlsx.TakenNotTested && offer.Reason != tlsx.ReasonUnsupported:
			t.Errorf("%s: %q was not tested: %s", l, offer.Hello, offer.Reason)
		case offer.Taken != tlsx.TakenAccepted:
		case name != "":
			o.versions = append(o.versions, name)
		case offer.Hello == tlsx.HelloWeak:
			o.weak = true
		}
	}
	slices.Sort(o.versions)
	return o
}

// shake makes one handshake through the room of the protocol.
func (m *machines) shake(t *testing.T, l listener, hello tlsx.Hello) *tlsx.State {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), maxMachineAudit)
	defer cancel()
	var state *tlsx.State
	handshake := func(ctx context.Context, conn net.Conn, host string) (secured net.Conn) {
		secured, state = tlsx.Handshake(ctx, conn, tlsx.Config{ServerName: host, Roots: m.pool(), Now: time.Now(), Hello: hello})
		return secured
	}
	dial := func(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
		return m.dial(ctx, "tcp", addr.String())
	}
	addr, port := netip.MustParseAddr(published(l.host.addr)), uint16(l.port)
	switch l.port {
	case 25, 465, 587:
		smtp.Probe(ctx, dial, smtp.Target{Host: l.host.name, Addr: addr, Port: port, Implicit: l.port == 465}, smtp.Options{Handshake: handshake, Brief: true})
	default:
		target := access.Target{Host: l.host.name, Addr: addr, Port: port, Protocol: access.IMAP, Implicit: l.starttls() == ""}
		if l.port == 110 || l.port == 995 {
			target.Protocol = access.POP3
		}
		access.Probe(ctx, dial, target, access.Options{Handshake: handshake})
	}
	return state
}

// A sslscanReport is the part of the XML of sslscan that is read.
type sslscanReport struct {
	Test struct {
		Protocols []struct {
			Type    string `xml:"type,attr"`
			Version string `xml:"version,attr"`
			Enabled string `xml:"enabled,attr"`
		} `xml:"protocol"`
		Ciphers []struct {
			ID string `xml:"id,attr"`
		} `xml:"cipher"`
		Certificates []struct {
			Type string `xml:"type,attr"`
			Blob string `xml:"certificate-blob"`
			Key  struct {
				Type string `xml:"type,attr"`
				Bits int    `xml:"bits,attr"`
			} `xml:"pk"`
			Names      string `xml:"altnames"`
			SelfSigned string `xml:"self-signed"`
			Expired    string `xml:"expired"`
		} `xml:"certificates>certificate"`
	} `xml:"ssltest"`
}

// sslscanTries is how often sslscan is started at most: it gives up where a
// server closes the connection while it sends.
const sslscanTries = 4

// sslscan asks that program.
func (m *machines) sslscan(t *testing.T, l listener) opinion {
	t.Helper()
	args := []string{ // it would end with a server that closes the connection
		"--ignore-signal=PIPE", "sslscan", "--xml=-", "--no-colour", "--show-certificate", "--show-cipher-ids", "--no-heartbleed", "--no-renegotiation", "--no-compression",
		"--no-fallback", "--no-groups", "--no-cipher-details", "--sni-name=" + l.host.name,
	}
	if s := l.starttls(); s != "" {
		args = append(args, "--starttls-"+s)
	}
	args = append(args, m.at(l.host.addr, l.port))
	ctx, cancel := context.WithTimeout(t.Context(), maxMachineAudit)
	defer cancel()
	out, err := exec.CommandContext(ctx, "env", args...).Output()
	for try := 1; err != nil && try < sslscanTries && bytes.Contains(out, []byte("send() failed")); try++ {
		out, err = exec.CommandContext(ctx, "env", args...).Output()
	}
	var r sslscanReport
	if err == nil {
		err = xml.Unmarshal(out, &r)
	}
	if err != nil {
		t.Fatalf("sslscan: %v\n%s", err, out)
	}
	var o opinion
	for _, p := range r.Test.Protocols {
		if p.Enabled == "1" {
			o.versions = append(o.versions, strings.ToUpper(p.Type)+" "+p.Version)
		}
	}
	slices.Sort(o.versions)
	for _, c := range r.Test.Ciphers {
		id, err := strconv.ParseUint(c.ID, 0, 16)
		if err != nil {
			t.Errorf("sslscan: %v", err)
		}
		o.weak = o.weak || tlsx.Weak(tls.CipherSuiteName(uint16(id)))
	}
	for _, c := range r.Test.Certificates {
		switch c.Type {
		case "full":
			if b, _ := pem.Decode([]byte(strings.TrimSpace(c.Blob))); b != nil {
				sum := sha256.Sum256(b.Bytes)
				o.certificate = hex.EncodeToString(sum[:])
			}
		case "short":
			o.selfSigned, o.expired = c.SelfSigned == "true", c.Expired == "true"
			if c.Key.Type == "RSA" {
				o.rsa = c.Key.Bits
			}
			for name := range strings.FieldsFuncSeq(c.Names, func(r rune) bool { return r == ',' || r == ' ' }) {
				o.names = append(o.names, strings.TrimPrefix(name, "DNS:"))
			}
		}
	}
	return o
}

// A settlement says in what two opinions may differ, and why.
type settlement struct {
	differs []string
	why     string
}

// unknownToUs is a server that wants what crypto/tls does not know.
func unknownToUs(what string) settlement {
	return settlement{[]string{"versions", "certificate", "names", "self-signed", "rsa"}, "crypto/tls knows no " + what}
}

// unknownToThem is a server that wants a suite which the OpenSSL of sslscan does
// not know.
func unknownToThem(what string) settlement {
	return settlement{[]string{"certificate", "names", "self-signed", "rsa"}, "OpenSSL knows no " + what + ": sslscan sees that it is taken, and no more"}
}

// alerted is a server that ends every handshake with an alert.
var alerted = settlement{[]string{"versions", "certificate", "names", "self-signed"}, "sslscan takes an alert for the version of the server"}

// settled are the differences that have an explanation, by host.
var settled = map[string]settlement{
	"unready.postfix.test":   alerted,
	"brainpool.openssl.test": alerted,
	"client.openssl.test":    alerted,
	"dhe.exim.test":          unknownToUs("finite-field DHE"),
	"camellia.openssl.test":  unknownToUs("Camellia"),
	"ed448.openssl.test":     unknownToUs("Ed448"),
	"sha1.openssl.test":      unknownToUs("SHA-1 in TLS 1.2"),
	"rc4.exim.test":          unknownToThem("RC4"),
	"3des.exim.test":         unknownToThem("3DES"),
	"short.openssl.test": {
		[]string{"versions", "weak", "self-signed"}, "crypto/tls ends the handshake over the key, and crypto/x509 verifies no signature of it",
	},
}

// differs names what two opinions differ in.
func (o opinion) differs(p opinion) []string {
	var out []string
	for _, x := range []struct {
		name string
		same bool
	}{
		{"versions", slices.Equal(o.versions, p.versions)},
		{"weak", o.weak == p.weak},
		{"certificate", o.certificate == p.certificate},
		{"names", slices.Equal(o.names, p.names)},
		{"self-signed", o.selfSigned == p.selfSigned},
		{"expired", o.expired == p.expired},
		{"rsa", o.rsa == p.rsa},
	} {
		if !x.same {
			out = append(out, x.name)
		}
	}
	return out
}

// testOpinions holds what this program and sslscan say of each listener against
// each other.
func (m *machines) testOpinions(t *testing.T) {
	needs(t, "sslscan", "sslscan")
	for _, l := range listeners() {
		t.Run(l.String(), func(t *testing.T) {
			t.Parallel()
			ours, theirs := m.ours(t, l), m.sslscan(t, l)
			for _, what := range ours.differs(theirs) {
				if s := settled[l.host.name]; slices.Contains(s.differs, what) {
					t.Logf("they differ in %s: %s", what, s.why)
				} else {
					t.Errorf("they differ in %s:\n     ours %+v\n  sslscan %+v", what, ours, theirs)
				}
			}
		})
	}
}

// testssl asks that script for the versions. It takes long.
func (m *machines) testssl(t *testing.T, l listener) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "testssl.json")
	args := []string{"--quiet", "--color", "0", "--warnings", "off", "--nodns", "none", "--protocols", "--jsonfile", file}
	if s := l.starttls(); s != "" {
		args = append(args, "--starttls", s)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "testssl", append(args, m.at(l.host.addr, l.port))...)
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput() // its status counts what it finds
	text, readErr := os.ReadFile(file)
	var found []struct{ ID, Finding string }
	if err := errors.Join(readErr, json.Unmarshal(text, &found)); err != nil {
		t.Fatalf("testssl: %v\n%s", err, out)
	}
	var versions []string
	for _, f := range found {
		name := map[string]string{"TLS1": "TLS 1.0", "TLS1_1": "TLS 1.1", "TLS1_2": "TLS 1.2", "TLS1_3": "TLS 1.3"}[f.ID]
		if name != "" && strings.HasPrefix(f.Finding, "offered") {
			versions = append(versions, name)
		}
	}
	if len(versions) == 0 {
		t.Logf("testssl: %v\n%s", err, out)
	}
	slices.Sort(versions)
	return versions
}

// testThirdOpinions holds the versions against what testssl.sh says, of one
// listener of each kind of server.
func (m *machines) testThirdOpinions(t *testing.T) {
	needs(t, "testssl", "testssl.sh")
	for _, l := range listeners() {
		if name := l.String(); name != "any.postfix.test:25" && name != "any.exim.test:25" && name != "old.dovecot.test:143" && name != "fine.dovecot.test:995" {
			continue
		}
		t.Run(l.String(), func(t *testing.T) {
			t.Parallel()
			ours, theirs := m.ours(t, l).versions, m.testssl(t, l)
			if !slices.Equal(ours, theirs) {
				t.Errorf("we say %q, testssl.sh %q", ours, theirs)
			}
		})
	}
}
