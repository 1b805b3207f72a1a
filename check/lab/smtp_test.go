package lab

import (
	"bufio"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"
)

// A peer speaks SMTP line by line.
type peer struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

// call connects to the only server of a world, 192.0.2.1:25.
func call(t *testing.T, r *Running) *peer {
	t.Helper()
	c, err := r.Dial(deadline(t), "tcp", "192.0.2.1:25")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &peer{t, c, bufio.NewReader(c)}
}

// send sends a command and returns the reply; without a command it waits for
// the greeting. A connection that ends is the reply "EOF".
func (p *peer) send(command string) []string {
	p.t.Helper()
	if command != "" {
		if _, err := io.WriteString(p.conn, command+"\r\n"); err != nil {
			p.t.Fatalf("%s: %v", command, err)
		}
	}
	var reply []string
	for {
		line, err := p.in.ReadString('\n')
		if errors.Is(err, io.EOF) && line == "" {
			return append(reply, "EOF")
		}
		if err != nil {
			p.t.Fatalf("%s: %v behind %q", command, err, reply)
		}
		line = strings.TrimSuffix(line, "\r\n")
		reply = append(reply, line)
		if len(line) < 4 || line[3] != '-' {
			return reply
		}
	}
}

func (p *peer) handshake(config *tls.Config) (*peer, tls.ConnectionState, error) {
	c := tls.Client(p.conn, config)
	if err := c.HandshakeContext(deadline(p.t)); err != nil {
		return nil, tls.ConnectionState{}, err
	}
	return &peer{p.t, c, bufio.NewReader(c)}, c.ConnectionState(), nil
}

func trusting(r *Running) *tls.Config {
	return &tls.Config{ServerName: "a.example", RootCAs: r.Roots(), Time: r.Now, MinVersion: tls.VersionTLS10}
}

// step is a command and what must, and must not, be in the reply; a want that
// begins with = is the last line as a whole, one with ^ the first.
type step struct {
	send string
	want []string
	not  []string
}

const commandTLS = "(TLS)" // in a step: the handshake

func TestDialogues(t *testing.T) {
	greeting := step{"", []string{"=220 a.example ESMTP Service Ready"}, nil}
	startTLS := []step{greeting, {"EHLO c.example", []string{"STARTTLS"}, nil}, {"STARTTLS", []string{"=220 2.0.0 Ready to start TLS"}, nil}, {commandTLS, nil, nil}}
	tests := []struct {
		name  string
		hosts string // settings
		steps []step
	}{
		{"plain", "", []step{
			greeting,
			{"EHLO c.example", []string{"^250-a.example"}, []string{"STARTTLS", "AUTH"}},
			{"STARTTLS", []string{"502"}, nil},
			{"MAIL FROM:<x@c.example>", []string{"250"}, nil},
			{"RCPT TO:<y@b.example>", []string{"=550 5.7.1 Relaying denied"}, nil},
			{"QUIT", []string{"221"}, nil},
			{"", []string{"EOF"}, nil},
		}},
		{"starttls", "starttls", append(slices.Clip(startTLS), step{"EHLO c.example", []string{"^250-a.example"}, []string{"STARTTLS", "AUTH"}})},
		{"auth", "starttls\n auth", []step{
			greeting,
			{"EHLO c.example", []string{"STARTTLS"}, []string{"AUTH"}},
			{"AUTH PLAIN AGEAYg==", []string{"523"}, nil},
			{"STARTTLS", []string{"220"}, nil},
			{commandTLS, nil, nil},
			{"EHLO c.example", []string{"AUTH PLAIN"}, []string{"STARTTLS"}},
			{"MAIL FROM:<x@c.example>", []string{"=530 5.7.0 Authentication required"}, nil},
			{"AUTH PLAIN AGEAYg==", []string{"535"}, nil},
		}},
		{"manners of every server", "", []step{
			greeting,
			{"EHLO c.example", nil, nil},
			{"MAIL FROM:<>", []string{"250"}, nil},
			{"RCPT TO:<Postmaster@b.example>", []string{"250"}, nil},
			{"VRFY postmaster", []string{"252"}, nil},
			{"EXPN postmaster", []string{"502"}, nil},
		}},
		{"relay", "relay\n no-postmaster", []step{
			greeting,
			{"EHLO c.example", nil, nil},
			{"MAIL FROM:<>", []string{"250"}, nil},
			{"RCPT TO:<y@b.example>", []string{"=250 2.1.5 Recipient ok"}, nil},
			{"RCPT TO:<postmaster@b.example>", []string{"=550 5.1.1 User unknown"}, nil},
			{"RCPT", []string{"250"}, nil},
			{"VRFY postmaster", []string{"252"}, nil},
			{"EXPN postmaster", []string{"502"}, nil},
		}},
		{"vrfy", "vrfy", []step{
			greeting,
			{"VRFY postmaster", []string{"=250 <postmaster@a.example>"}, nil},
			{"EXPN postmaster", []string{"=250 <postmaster@a.example>"}, nil},
			{"VRFY nobody", []string{"550 5.1.1"}, nil},
			{"RCPT TO:<y@b.example>", []string{"550 5.7.1"}, nil},
		}},
		{"greylist", "greylist", []step{greeting, {"MAIL FROM:<>", []string{"250"}, nil}, {"RCPT TO:<postmaster@b.example>", []string{"450"}, nil}}},
		{"auth-clear", "auth-clear", []step{greeting, {"EHLO c.example", []string{"AUTH PLAIN"}, nil}, {"AUTH PLAIN AGEAYg==", []string{"535"}, nil}}},
		{"banner", "banner \"\\x1b[2J \\xff hi\"\n starttls\n auth", []step{
			{"", []string{"=220 \x1b[2J \xff hi"}, nil},
			{"EHLO c.example", []string{"^250-a.example", "STARTTLS"}, []string{"AUTH"}},
			{"AUTH PLAIN AGEAYg==", []string{"502"}, nil},
			{"MAIL FROM:<x@c.example>", []string{"530"}, nil},
			{"STARTTLS", []string{"220"}, nil},
			{commandTLS, nil, nil},
			{"EHLO c.example", []string{"AUTH PLAIN"}, []string{"STARTTLS"}},
			{"AUTH PLAIN AGEAYg==", []string{"535"}, nil},
			{"STARTTLS", []string{"502"}, nil},
		}},
		{"empty banner", `banner ""`, []step{{"", []string{"=220 "}, nil}, {"NOOP", []string{"250"}, nil}, {"quit", []string{"221"}, nil}}},
		{"greet 554", `fault greet 554 "5.7.1 no"`, []step{
			{"", []string{"=554 5.7.1 no"}, nil},
			{"EHLO c.example", []string{"503"}, nil},
			{"QUIT", []string{"221"}, nil},
			{"", []string{"EOF"}, nil},
		}},
		{"greet 421", `fault greet 421 "4.7.0 later"`, []step{{"", []string{"=421 4.7.0 later"}, nil}, {"", []string{"EOF"}, nil}}},
		{"close", "fault close", []step{{"", []string{"EOF"}, nil}}},
		{"no-ehlo", "fault no-ehlo", []step{
			greeting,
			{"EHLO c.example", []string{"502"}, nil},
			{"HELO c.example", []string{"=250 a.example"}, nil},
			{"MAIL FROM:<x@c.example>", []string{"250"}, nil},
			{"RCPT TO:<y@b.example>", []string{"550"}, nil},
			{"WHAT", []string{"500"}, nil},
			{strings.Repeat("x", maxCommand-2), []string{"=500 5.5.1 Command not recognised"}, nil},
			{strings.Repeat("x", maxCommand-1), []string{"=500 5.5.2 Line too long"}, nil},
			{strings.Repeat("x", 3*maxCommand), []string{"=500 5.5.2 Line too long"}, nil},
			{"QUIT", []string{"221"}, nil},
		}},
		{"strip", "starttls\n fault strip", []step{greeting, {"EHLO c.example", []string{"XXXXXXXA"}, []string{"STARTTLS"}}, {"STARTTLS", []string{"502"}, nil}}},
		{"starttls-454", "starttls\n fault starttls-454", []step{greeting, {"EHLO c.example", []string{"STARTTLS"}, nil}, {"STARTTLS", []string{"454"}, nil}, {"QUIT", []string{"221"}, nil}}},
		{"starttls-refuse", "starttls\n fault starttls-refuse", []step{greeting, {"EHLO c.example", []string{"STARTTLS"}, nil}, {"STARTTLS", []string{"554"}, nil}, {"QUIT", []string{"221"}, nil}}},
		{"starttls-close", "starttls\n fault starttls-close", []step{greeting, {"EHLO c.example", []string{"STARTTLS"}, nil}, {"STARTTLS", []string{"EOF"}, nil}}},
		{"starttls-plain", "starttls\n fault starttls-plain", []step{greeting, {"EHLO c.example", []string{"STARTTLS"}, nil}, {"STARTTLS", []string{"220"}, nil}, {"", []string{"=250 2.0.0 Ok"}, nil}, {commandTLS, nil, nil}, {"EHLO c.example", []string{"^250-a.example"}, nil}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := begin(t, world(t, "smtp 192.0.2.1:25\n name a.example\n "+tt.hosts+"\n"), Options{})
			p := call(t, r)
			for _, s := range tt.steps {
				if s.send == commandTLS {
					var err error
					if p, _, err = p.handshake(trusting(r)); err != nil {
						t.Fatalf("handshake: %v", err)
					}
					continue
				}
				reply := p.send(s.send)
				for _, want := range s.want {
					if !fits(reply, want) {
						t.Errorf("%q: got reply %q, want %q", s.send, reply, want)
					}
				}
				for _, not := range s.not {
					if fits(reply, not) {
						t.Errorf("%q: got reply %q, want none with %q", s.send, reply, not)
					}
				}
			}
		})
	}
}

func fits(reply []string, want string) bool {
	switch want[0] {
	case '=':
		return reply[len(reply)-1] == want[1:]
	case '^':
		return reply[0] == want[1:]
	}
	return strings.Contains(strings.Join(reply, "\n"), want)
}

func TestImplicitTLS(t *testing.T) {
	for _, settings := range []string{"auth", "auth\n banner \"a.example ready\""} {
		t.Run(settings, func(t *testing.T) {
			r := begin(t, world(t, "smtps 192.0.2.1:25\n name a.example\n "+settings+"\n"), Options{})
			p, _, err := call(t, r).handshake(trusting(r))
			if err != nil {
				t.Fatal(err)
			}
			if reply := p.send(""); !strings.HasPrefix(reply[0], "220 a.example ") {
				t.Errorf("got greeting %q", reply)
			}
			if reply := p.send("EHLO c.example"); !fits(reply, "AUTH PLAIN") || fits(reply, "STARTTLS") {
				t.Errorf("got reply %q, want AUTH and no STARTTLS", reply)
			}
		})
	}
}

// Somebody else's client finds its way.
func TestForeignClient(t *testing.T) {
	w, err := Open("healthy")
	if err != nil {
		t.Fatal(err)
	}
	r := begin(t, w, Options{})
	for _, addr := range []string{"192.0.2.10:25", "[2001:db8::20]:25", "192.0.2.10:587"} {
		t.Run(addr, func(t *testing.T) {
			conn, err := r.Dial(deadline(t), "tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			name := "mx1.healthy.example"
			if strings.Contains(addr, "20]") {
				name = "mx2.healthy.example"
			}
			c, err := smtp.NewClientStartTLS(conn, &tls.Config{ServerName: name, RootCAs: r.Roots(), Time: r.Now})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, ok := c.TLSConnectionState(); !ok {
				t.Error("got no TLS")
			}
			if size, ok := c.MaxMessageSize(); !ok || size != maxMessage {
				t.Errorf("got size %d, want %d", size, maxMessage)
			}
			if err := c.Quit(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCertificates(t *testing.T) {
	type outcome struct {
		Expired, Name, Authority bool // the errors of a verification
		Chain                    int  // certificates sent
		Bits                     int  // of an RSA key
		Days                     int  // until it ends
	}
	tests := []struct {
		cert string
		want outcome
	}{
		{"", outcome{Chain: 2, Days: 90}},
		{"cert names=b.example,a.example", outcome{Chain: 2, Days: 90}},
		{"cert names=*.example", outcome{Chain: 2, Days: 90}},
		{"cert names=b.example", outcome{Name: true, Chain: 2, Days: 90}},
		{"cert days=5", outcome{Chain: 2, Days: 5}},
		{"cert expired", outcome{Expired: true, Chain: 2, Days: -30}},
		{"cert not-yet-valid", outcome{Expired: true, Chain: 2, Days: 90}},
		{"cert self-signed", outcome{Authority: true, Chain: 1, Days: 90}},
		{"cert self-signed expired key=rsa1024", outcome{Expired: true, Chain: 1, Days: -30, Bits: 1024}},
		{"cert untrusted", outcome{Authority: true, Chain: 2, Days: 90}},
		{"cert no-intermediate", outcome{Authority: true, Chain: 1, Days: 90}},
		{"cert key=rsa1024", outcome{Chain: 2, Days: 90, Bits: 1024}},
		{"cert key=rsa2048", outcome{Chain: 2, Days: 90, Bits: 2048}},
	}
	for _, tt := range tests {
		t.Run(tt.cert, func(t *testing.T) {
			r := begin(t, world(t, "smtps 192.0.2.1:25\n name a.example\n "+tt.cert+"\n"), Options{})
			_, state, err := call(t, r).handshake(&tls.Config{InsecureSkipVerify: true})
			if err != nil {
				t.Fatal(err)
			}
			leaf := state.PeerCertificates[0]
			more := x509.NewCertPool()
			for _, c := range state.PeerCertificates[1:] {
				more.AddCert(c)
			}
			_, err = leaf.Verify(x509.VerifyOptions{DNSName: "a.example", Roots: r.Roots(), Intermediates: more, CurrentTime: r.Now()})
			var invalid x509.CertificateInvalidError
			var name x509.HostnameError
			var authority x509.UnknownAuthorityError
			got := outcome{
				Expired:   errors.As(err, &invalid) && invalid.Reason == x509.Expired,
				Name:      errors.As(err, &name),
				Authority: errors.As(err, &authority),
				Chain:     len(state.PeerCertificates),
				Days:      int(leaf.NotAfter.Sub(r.Now()) / day),
			}
			if key, ok := leaf.PublicKey.(*rsa.PublicKey); ok {
				got.Bits = key.N.BitLen()
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("certificate (-want +got), error %v:\n%s", err, diff)
			}
		})
	}
}

func TestTLSMax(t *testing.T) {
	for _, tt := range []struct {
		setting string
		want    uint16
	}{
		{"", tls.VersionTLS13},
		{"tls-max 1.2", tls.VersionTLS12},
		{"tls-max 1.1", tls.VersionTLS11},
		{"tls-max 1.0", tls.VersionTLS10},
	} {
		t.Run(tt.setting, func(t *testing.T) {
			r := begin(t, world(t, "smtps 192.0.2.1:25\n name a.example\n "+tt.setting+"\n"), Options{})
			_, state, err := call(t, r).handshake(trusting(r))
			if err != nil {
				t.Fatal(err)
			}
			if state.Version != tt.want {
				t.Errorf("got version %x, want %x", state.Version, tt.want)
			}
		})
	}
}

// A world has servers that take old versions and suites beside new ones.
func TestTLSOffers(t *testing.T) {
	const rc4, gcm = tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
	for _, tt := range []struct {
		settings string
		max      uint16
		suite    uint16
		ok       bool
	}{
		{"", tls.VersionTLS11, 0, false},
		{"tls-min 1.1", tls.VersionTLS11, 0, true},
		{"tls-min 1.1", tls.VersionTLS10, 0, false},
		{"tls-min 1.0", tls.VersionTLS10, 0, true},
		{"", tls.VersionTLS12, rc4, false},
		{"tls-suites TLS_ECDHE_ECDSA_WITH_RC4_128_SHA", tls.VersionTLS12, rc4, true},
		{"tls-suites TLS_ECDHE_ECDSA_WITH_RC4_128_SHA", tls.VersionTLS12, gcm, false},
	} {
		t.Run(tt.settings, func(t *testing.T) {
			r := begin(t, world(t, "smtps 192.0.2.1:25\n name a.example\n "+tt.settings+"\n"), Options{})
			config := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tt.max}
			if tt.suite != 0 {
				config.CipherSuites = []uint16{tt.suite}
			}
			if _, _, err := call(t, r).handshake(config); (err == nil) != tt.ok {
				t.Errorf("got error %v, want success %v", err, tt.ok)
			}
		})
	}
	for _, key := range []string{"ecdsa", "rsa2048 self-signed"} {
		r := begin(t, world(t, "smtps 192.0.2.1:25\n name a.example\n cert sha1 key="+key+"\n"), Options{})
		_, state, err := call(t, r).handshake(&tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		if a := state.PeerCertificates[0].SignatureAlgorithm; a != x509.ECDSAWithSHA1 && a != x509.SHA1WithRSA {
			t.Errorf("%s: signed with %v, want SHA-1", key, a)
		}
	}
}

// The servers remember what they were told.
func TestHeard(t *testing.T) {
	for _, settings := range []string{"", "relay"} {
		r := begin(t, world(t, "smtp 192.0.2.1:25\n name a.example\n "+settings+"\n"), Options{})
		p := call(t, r)
		for _, command := range []string{"", "EHLO c.example", "mail FROM:<>", "RCPT TO:<a@b.example>", "RCPT TO:<b@b.example>", "QUIT"} {
			p.send(command)
		}
		if m, n := r.Heard("MAIL"), r.Heard("RCPT"); m != 1 || n != 2 {
			t.Errorf("%q: heard MAIL %d times and RCPT %d times, want 1 and 2", settings, m, n)
		}
		if n := r.Heard("VRFY"); n != 0 {
			t.Errorf("%q: heard VRFY %d times", settings, n)
		}
	}
}

func TestTLSFaults(t *testing.T) {
	heads := []string{"smtp 192.0.2.1:25\n name a.example\n starttls\n", "smtps 192.0.2.1:25\n name a.example\n"}
	begun := func(t *testing.T, i int, f string) *peer {
		p := call(t, begin(t, world(t, heads[i]+" fault "+f+"\n"), Options{}))
		if i == 0 {
			p.send("")
			p.send("EHLO c.example")
			p.send("STARTTLS")
		}
		return p
	}
	for i, head := range heads {
		t.Run("tls-fail "+head[:5], func(t *testing.T) {
			_, _, err := begun(t, i, "tls-fail").handshake(&tls.Config{InsecureSkipVerify: true})
			if alert := tls.AlertError(40); !errors.As(err, &alert) && !strings.Contains(err.Error(), "handshake failure") {
				t.Errorf("got error %v, want the alert handshake_failure", err)
			}
		})
		t.Run("tls-hang "+head[:5], func(t *testing.T) {
			p := begun(t, i, "tls-hang")
			if err := p.conn.SetDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
				t.Fatal(err)
			}
			if _, _, err := p.handshake(&tls.Config{InsecureSkipVerify: true}); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("got error %v, want the deadline", err)
			}
		})
	}
}

// Behind the 220 of starttls-plain the other reply is there already.
func TestPlainArrivesTogether(t *testing.T) {
	r := begin(t, world(t, "smtp 192.0.2.1:25\n name a.example\n starttls\n fault starttls-plain\n"), Options{})
	p := call(t, r)
	p.send("")
	p.send("EHLO c.example")
	p.send("STARTTLS")
	if p.in.Buffered() == 0 {
		t.Error("nothing is buffered behind the reply to STARTTLS")
	}
}

func TestEndlessGreetings(t *testing.T) {
	for _, tt := range []struct {
		fault string
		read  int
	}{{"drip", 5}, {"flood", 1 << 20}} {
		t.Run(tt.fault, func(t *testing.T) {
			r := begin(t, world(t, "smtp 192.0.2.1:25\n name a.example\n fault "+tt.fault+"\n"), Options{})
			p := call(t, r)
			got := make([]byte, tt.read)
			if _, err := io.ReadFull(p.in, got); err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(string(got), "220-") {
				t.Errorf("got %q, want a greeting with more to come", got[:5])
			}
		})
	}
	t.Run("silent", func(t *testing.T) {
		r := begin(t, world(t, "smtp 192.0.2.1:25\n name a.example\n fault silent\n"), Options{})
		p := call(t, r)
		if err := p.conn.SetDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, err := p.in.ReadByte(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got error %v, want the deadline", err)
		}
	})
}
