package lab

import (
	"bufio"
	"crypto/tls"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestMailboxes speaks with hosts of mailboxes, a line of reply at a time.
func TestMailboxes(t *testing.T) {
	tests := []struct {
		name  string
		hosts string // kind, then settings
		say   []string
		want  []string // each a line, or the end; a line that is not of interest is "-"
	}{
		{"imap", "imap\n", []string{"", "a CAPABILITY", "", "b STARTTLS", "c LOGIN x y", "d FETCH", "e LOGOUT", "", ""},
			[]string{"* OK a.example ready", "* CAPABILITY IMAP4rev1 ID IDLE", "a OK done", "b BAD STARTTLS not possible", "c NO unknown user",
				"d BAD unknown command", "* BYE until later", "e OK done", "EOF"}},
		{"imap with everything", "imap\n starttls\n login-disabled\n auth-clear\n", []string{"", "a capability", ""},
			[]string{"-", "* CAPABILITY IMAP4rev1 ID IDLE STARTTLS LOGINDISABLED AUTH=PLAIN", "-"}},
		{"imap inside TLS", "imap\n starttls\n login-disabled\n", []string{"", "a STARTTLS", "(TLS)", "b CAPABILITY", ""},
			[]string{"-", "a OK begin TLS", "", "* CAPABILITY IMAP4rev1 ID IDLE AUTH=PLAIN", "b OK done"}},
		{"imaps", "imaps\n", []string{"(TLS)", "", "b CAPABILITY", ""}, []string{"", "* OK a.example ready", "* CAPABILITY IMAP4rev1 ID IDLE AUTH=PLAIN", "b OK done"}},
		{"pop3", "pop3\n", []string{"", "CAPA", "", "", "", "", "STLS", "USER x", "LIST", "QUIT", ""},
			[]string{"+OK a.example ready", "+OK here they are", "TOP", "UIDL", "USER", ".", "-ERR STLS not possible", "-ERR unknown user", "-ERR unknown command",
				"+OK until later", "EOF"}},
		{"pop3 inside TLS", "pop3\n starttls\n login-disabled\n", []string{"", "CAPA", "", "", "", "", "STLS", "(TLS)", "CAPA", "", "", "", "", ""},
			[]string{"-", "-", "TOP", "UIDL", "STLS", ".", "+OK begin TLS", "", "-", "TOP", "UIDL", "USER", "SASL PLAIN", "."}},
		{"pop3s", "pop3s\n", []string{"(TLS)", ""}, []string{"", "+OK a.example ready"}},
		{"close", "imap\n fault close\n", []string{""}, []string{"EOF"}},
		{"bye of imap", "imap\n fault bye\n", []string{"", ""}, []string{"* BYE a.example is busy", "EOF"}},
		{"bye of pop3", "pop3\n fault bye\n", []string{"", ""}, []string{"-ERR a.example is busy", "EOF"}},
		{"starttls-refuse", "imap\n starttls\n fault starttls-refuse\n", []string{"", "a STARTTLS"}, []string{"-", "a BAD STARTTLS not possible"}},
		{"starttls-close", "pop3\n starttls\n fault starttls-close\n", []string{"", "STLS"}, []string{"-", "EOF"}},
		{"starttls-plain", "imap\n starttls\n fault starttls-plain\n", []string{"", "a STARTTLS", ""}, []string{"-", "a OK begin TLS", "* CAPABILITY IMAP4rev1 AUTH=PLAIN"}},
		{"line too long", "pop3\n", []string{"", strings.Repeat("x", maxCommand)}, []string{"-", "EOF"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			kind, settings, _ := strings.Cut(tt.hosts, "\n")
			w, err := New("test", "a.example", map[string][]byte{
				FileZone: []byte("a.example. 60 IN A 192.0.2.1\n"), FileHosts: []byte(kind + " 192.0.2.1:25\n name a.example\n" + settings),
			})
			if err != nil {
				t.Fatal(err)
			}
			r, err := w.Start(Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			p := call(t, r)
			for i, line := range tt.say {
				if line == commandTLS {
					c := tls.Client(p.conn, trusting(r))
					if err := c.HandshakeContext(deadline(t)); err != nil {
						t.Fatal(err)
					}
					p = &peer{t, c, bufio.NewReader(c)}
					continue
				}
				if got := p.line(line); tt.want[i] != "-" && got != tt.want[i] {
					t.Errorf("%q: got %q, want %q", line, got, tt.want[i])
				}
			}
		})
	}
}

// line sends a command, if there is one, and reads one line.
func (p *peer) line(command string) string {
	if command != "" {
		if _, err := io.WriteString(p.conn, command+"\r\n"); err != nil {
			p.t.Fatal(err)
		}
	}
	line, err := p.in.ReadString('\n')
	if err != nil {
		return "EOF"
	}
	return strings.TrimSuffix(line, "\r\n")
}

func TestMailboxSilent(t *testing.T) {
	for _, f := range []fault{faultSilent, faultDrip} {
		w, err := New("test", "a.example", map[string][]byte{
			FileZone: []byte("a.example. 60 IN A 192.0.2.1\n"), FileHosts: []byte("imap 192.0.2.1:25\n name a.example\n fault " + f),
		})
		if err != nil {
			t.Fatal(err)
		}
		r, err := w.Start(Options{})
		if err != nil {
			t.Fatal(err)
		}
		p := call(t, r)
		if err := p.conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if got := p.line(""); got != "EOF" {
			t.Errorf("%s: got %q, want no line", f, got)
		}
		r.Close()
	}
}

func TestParseMailboxFaults(t *testing.T) {
	const imap = "imap 192.0.2.1:143\n  name a.example\n"
	tests := []struct{ name, text, want string }{
		{"good", imap + "  login-disabled\n", ""},
		{"setting twice", imap + "  login-disabled\n  login-disabled\n", `test:4: expected the setting "login-disabled" once`},
		{"words behind a setting", imap + "  login-disabled now\n", "test:3: expected 0 words behind login-disabled"},
		{"setting of smtp", imap + "  auth\n", "test:3: expected name, starttls, cert, tls-max, login-disabled, auth-clear or fault"},
		{"fault of smtp", imap + "  fault greet 554 no\n", "test:3: expected one of the faults"},
		{"fault of STARTTLS", imap + "  fault starttls-plain\n", "expected starttls beside the fault starttls-plain"},
		{"starttls inside TLS", "imaps 192.0.2.1:993\n  name a.example\n  starttls\n", "expected no starttls below imaps"},
		{"not of smtp", "smtp 192.0.2.1:25\n  name a.example\n  login-disabled\n", `expected name, banner,`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parseHosts("test", tt.text)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want %q", err, tt.want)
			}
		})
	}
	kinds := []kind{kindIMAP, kindIMAPS, kindPOP3, kindPOP3S}
	for _, k := range kinds {
		if !k.serves() || slices.Contains(k.faults(), faultGreet) {
			t.Errorf("%s does not serve as it should", k)
		}
	}
}
