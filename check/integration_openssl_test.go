//go:build integration

package check_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// An opensslFace is a mail host whose TLS is that of openssl s_server. The clear
// part of the dialogue, and what is inside of TLS, are the test's own.
type opensslFace struct {
	machineHost
	key  string // arguments of openssl req that make the key
	args string // arguments of openssl s_server
}

const opensslWeak = "-cipher ALL:@SECLEVEL=0 "

var opensslFaces = []opensslFace{
	{machineHost{"short.openssl.test", "127.0.8.11", certificateOf{}}, "-newkey rsa:512", opensslWeak + "-tls1_2"},
	{machineHost{"oldest.openssl.test", "127.0.8.12", certificateOf{}}, "-newkey rsa:2048", opensslWeak + "-tls1"},
	{machineHost{"newest.openssl.test", "127.0.8.13", certificateOf{}}, "-newkey ec -pkeyopt ec_paramgen_curve:P-256", "-tls1_3"},
	{machineHost{"client.openssl.test", "127.0.8.14", certificateOf{}}, "-newkey ec -pkeyopt ec_paramgen_curve:P-256", "-tls1_2 -Verify 1"},
	{machineHost{"brainpool.openssl.test", "127.0.8.15", certificateOf{}}, "-newkey ec -pkeyopt ec_paramgen_curve:brainpoolP256r1", "-tls1_2"},
	{machineHost{"ed25519.openssl.test", "127.0.8.16", certificateOf{}}, "-newkey ed25519", ""},
	{machineHost{"ed448.openssl.test", "127.0.8.17", certificateOf{}}, "-newkey ed448", ""},
	{machineHost{"sni.openssl.test", "127.0.8.18", certificateOf{}}, "-newkey ec -pkeyopt ec_paramgen_curve:P-256", "-servername_fatal -servername elsewhere.test -cert2 %[1]s -key2 %[1]s"},
	{machineHost{"camellia.openssl.test", "127.0.8.19", certificateOf{}}, "-newkey rsa:2048", "-tls1_2 -cipher CAMELLIA256-SHA:@SECLEVEL=0"},
	{machineHost{"sha1.openssl.test", "127.0.8.20", certificateOf{}}, "-newkey rsa:2048", "-tls1_2 -sigalgs RSA+SHA1 -cipher ECDHE:@SECLEVEL=0"},
}

// opensslScenes are about what only OpenSSL can be made to do. The certificates
// sign themselves.
func opensslScenes() []scene {
	return []scene{
		// crypto/x509 verifies no signature of so short a key, not even its own.
		{name: "openssl-short", host: "short.openssl.test", want: []string{"TLS-CERT-UNTRUSTED", "TLS-KEY-WEAK"}},
		{name: "openssl-oldest", host: "oldest.openssl.test", want: []string{"TLS-CERT-SELF-SIGNED", "TLS-SUITE-WEAK-OFFERED", "TLS-VERSION-OLD"}},
		{name: "openssl-newest", host: "newest.openssl.test", want: []string{"TLS-CERT-SELF-SIGNED"}},
		{name: "openssl-client", host: "client.openssl.test", want: []string{"SMTP-STARTTLS-FAILED", "TLS-CERT-SELF-SIGNED"}},
		{name: "openssl-brainpool", host: "brainpool.openssl.test", want: nothingInCommon},
		{name: "openssl-ed25519", host: "ed25519.openssl.test", want: []string{"TLS-CERT-SELF-SIGNED"}},
		{name: "openssl-ed448", host: "ed448.openssl.test", want: nothingInCommon},
		{name: "openssl-sni", host: "sni.openssl.test", want: []string{"SMTP-STARTTLS-FAILED"}},
		{name: "openssl-camellia", host: "camellia.openssl.test", want: nothingInCommon},
		{name: "openssl-sha1", host: "sha1.openssl.test", want: nothingInCommon},
	}
}

// startOpenSSL runs a server for each face.
func (m *machines) startOpenSSL(t *testing.T) {
	t.Helper()
	needs(t, "openssl", "openssl")
	for _, f := range opensslFaces {
		file := m.dir + "/certs/" + f.addr + ".pem"
		m.command(t, "openssl", append([]string{
			"req", "-x509", "-nodes", "-keyout", file, "-out", file + ".crt", "-days", "60",
			"-subj", "/CN=" + f.name, "-addext", "subjectAltName=DNS:" + f.name,
		}, strings.Fields(f.key)...)...)
		behind := net.JoinHostPort(f.addr, strconv.Itoa(freePort(t, f.addr)))
		cmd := exec.Command("openssl", append([]string{"s_server", "-quiet", "-accept", behind, "-cert", file + ".crt", "-key", file},
			strings.Fields(strings.ReplaceAll(f.args, "%[1]s", file))...)...)
		m.converse(t, f.name, cmd)
		l, err := net.Listen("tcp", m.at(f.addr, 25))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go prelude(l, f.name, behind)
	}
}

// converse runs s_server, whose output is what came inside of TLS and whose input
// goes there, and answers as a mail server does.
func (m *machines) converse(t *testing.T, name string, cmd *exec.Cmd) {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said output
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			fmt.Fprint(in, reply(name, lines.Text()))
		}
		cmd.Wait()
	}()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		<-ended
		if t.Failed() {
			t.Logf("s_server of %s said:\n%s", name, said.String())
		}
	})
}

func reply(name, command string) string {
	switch {
	case strings.HasPrefix(command, "EHLO"):
		return "250 " + name + "\r\n"
	case strings.HasPrefix(command, "QUIT"):
		return "221 closing\r\n"
	}
	return "500 not known\r\n"
}

// prelude is the part of a dialogue before TLS; the rest goes on behind it.
func prelude(l net.Listener, name, behind string) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			fmt.Fprintf(conn, "220 %s ESMTP\r\n", name)
			for lines := bufio.NewScanner(io.LimitReader(conn, 1<<16)); lines.Scan(); {
				switch command := lines.Text(); {
				case command == "STARTTLS":
					fmt.Fprint(conn, "220 go ahead\r\n")
					splice(conn, behind)
					return
				case strings.HasPrefix(command, "EHLO"):
					fmt.Fprintf(conn, "250-%s\r\n250 STARTTLS\r\n", name)
				default:
					fmt.Fprint(conn, reply(name, command))
				}
			}
		}()
	}
}

// splice passes octets on in both directions until one side ends.
func splice(conn net.Conn, behind string) {
	server, err := net.Dial("tcp", behind)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		io.Copy(server, conn)
		server.(*net.TCPConn).CloseWrite()
	}()
	io.Copy(conn, server)
}
