//go:build integration

package check_test

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/pem"
	"encoding/xml"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
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
	bits        int
}

// ours is what the rooms of this program say, and false where there is no TLS.
func (m *machines) ours(t *testing.T, l listener) (opinion, bool) {
	t.Helper()
	first := m.shake(t, l, tlsx.HelloAll)
	if first == nil || first.Outcome != tlsx.OutcomeOK {
		return opinion{}, false
	}
	leaf := first.Leaf()
	o := opinion{certificate: leaf.SHA256, names: leaf.DNSNames, selfSigned: leaf.SelfSigned, expired: leaf.Expired, bits: leaf.KeyBits}
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
	return o, true
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
				Bits int `xml:"bits,attr"`
			} `xml:"pk"`
			Names      string `xml:"altnames"`
			SelfSigned string `xml:"self-signed"`
			Expired    string `xml:"expired"`
		} `xml:"certificates>certificate"`
	} `xml:"ssltest"`
}

// sslscan asks that program.
func (m *machines) sslscan(t *testing.T, l listener) opinion {
	t.Helper()
	args := []string{
		"--xml=-", "--no-colour", "--show-certificate", "--show-cipher-ids", "--no-heartbleed", "--no-renegotiation", "--no-compression",
		"--no-fallback", "--no-groups", "--no-cipher-details", "--sni-name=" + l.host.name,
	}
	if s := l.starttls(); s != "" {
		args = append(args, "--starttls-"+s)
	}
	ctx, cancel := context.WithTimeout(t.Context(), maxMachineAudit)
	defer cancel()
	out, err := exec.CommandContext(ctx, "sslscan", append(args, m.at(l.host.addr, l.port))...).Output()
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
			o.bits, o.selfSigned, o.expired = c.Key.Bits, c.SelfSigned == "true", c.Expired == "true"
			for name := range strings.SplitSeq(c.Names, ", ") {
				o.names = append(o.names, strings.TrimPrefix(name, "DNS:"))
			}
		}
	}
	return o
}

// settled are differences that have an explanation, by listener.
var settled = map[string]string{}

// testOpinions compares what this program and sslscan say of each listener.
func (m *machines) testOpinions(t *testing.T) {
	needs(t, "sslscan", "sslscan")
	for _, l := range listeners() {
		t.Run(l.String(), func(t *testing.T) {
			got, ok := m.ours(t, l)
			want := m.sslscan(t, l)
			if !ok {
				t.Logf("no TLS; sslscan: %+v", want)
			}
			if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
				t.Errorf("they differ:\n     ours %s\n  sslscan %s", g, w)
			}
		})
	}
}
