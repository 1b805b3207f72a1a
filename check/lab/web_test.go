package lab

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// browser is a client of the world's only web server, with the name a.example.
func browser(r *Running) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return r.Dial(ctx, "tcp", "192.0.2.1:443") },
			TLSClientConfig:   &tls.Config{RootCAs: r.Roots(), Time: r.Now},
			DisableKeepAlives: true, DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func fetch(t *testing.T, r *Running, method, path string) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(deadline(t), method, "https://a.example"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return browser(r).Do(req)
}

func TestWeb(t *testing.T) {
	w, err := New("test", "test.example", map[string][]byte{
		FileZone: []byte("test.example. 60 IN A 192.0.2.1\n"),
		FileHosts: []byte(`https 192.0.2.1:443 [2001:db8::1]:443
  name a.example
  file /logo.svg image/svg+xml logo.svg
  text /a%20b "" "\x00\xff"
  status /gone 410
  status /nothing 204
  redirect / "http://b.example/x?y"
`),
		"logo.svg": []byte("<svg/>\r\n"),
		"other":    []byte("served by nobody"),
	})
	if err != nil {
		t.Fatal(err)
	}
	r := begin(t, w, Options{})
	tests := []struct{ method, path, want string }{
		{"GET", "/logo.svg", "200 image/svg+xml  <svg/>\r\n"},
		{"GET", "/logo.svg?x", "200 image/svg+xml  <svg/>\r\n"},
		{"GET", "/a%20b", "200   \x00\xff"},
		{"GET", "/gone", "410   "},
		{"GET", "/nothing", "204   "},
		{"GET", "/", "301  http://b.example/x?y "},
		{"GET", "/other", "404 text/plain  " + missing},
		{"GET", "/logo.svg/", "404 text/plain  " + missing},
		{"POST", "/logo.svg", "405   "},
	}
	for _, tt := range tests {
		t.Run(tt.method+" "+tt.path, func(t *testing.T) {
			resp, err := fetch(t, r, tt.method, tt.path)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			got := fmt.Sprintf("%d %s %s %s", resp.StatusCode, resp.Header.Get("Content-Type"), resp.Header.Get("Location"), body)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("response (-want +got):\n%s", diff)
			}
		})
	}
}

// An answer arrives also where the request is one that no client sends.
func TestWebLongRequest(t *testing.T) {
	r := begin(t, world(t, "https 192.0.2.1:443\n name a.example\n"), Options{})
	for path, want := range map[string]bool{strings.Repeat("x", 1000): true, strings.Repeat("x", maxRequest): false} {
		resp, err := fetch(t, r, "GET", "/"+path)
		if (err == nil) != want {
			t.Errorf("a path of %d octets: got error %v, want an answer: %v", len(path), err, want)
		}
		if err == nil {
			resp.Body.Close()
		}
	}
}

func TestWebFaults(t *testing.T) {
	start := func(t *testing.T, settings string) *Running {
		return begin(t, world(t, "https 192.0.2.1:443\n name a.example\n text / text/plain a\n "+settings+"\n"), Options{})
	}
	t.Run("silent", func(t *testing.T) {
		client := browser(start(t, "fault silent"))
		client.Timeout = 200 * time.Millisecond
		_, err := client.Get("https://a.example/")
		if !os.IsTimeout(err) {
			t.Errorf("got error %v, want a timeout", err)
		}
	})
	t.Run("tls-hang", func(t *testing.T) {
		client := browser(start(t, "fault tls-hang"))
		client.Timeout = 50 * time.Millisecond
		if _, err := client.Get("https://a.example/"); !os.IsTimeout(err) {
			t.Errorf("got error %v, want a timeout", err)
		}
	})
	t.Run("close", func(t *testing.T) {
		if _, err := fetch(t, start(t, "fault close"), "GET", "/"); !errors.Is(err, io.EOF) {
			t.Errorf("got error %v, want the end of the connection", err)
		}
	})
	t.Run("drip", func(t *testing.T) {
		resp, err := fetch(t, start(t, "fault drip"), "GET", "/none")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		got := make([]byte, 2)
		if _, err := io.ReadFull(resp.Body, got); err != nil || resp.StatusCode != 200 || string(got) != "xx" {
			t.Errorf("got status %d, %q, error %v", resp.StatusCode, got, err)
		}
	})
	t.Run("plain", func(t *testing.T) {
		var record tls.RecordHeaderError
		if _, err := fetch(t, start(t, "fault plain"), "GET", "/"); err == nil || !errors.As(err, &record) && !strings.Contains(err.Error(), "HTTP response to HTTPS") {
			t.Errorf("got error %v, want an answer in the clear", err)
		}
	})
	t.Run("tls-fail", func(t *testing.T) {
		if _, err := fetch(t, start(t, "fault tls-fail"), "GET", "/"); err == nil || !strings.Contains(err.Error(), "handshake failure") {
			t.Errorf("got error %v, want the alert handshake_failure", err)
		}
	})
	for settings, want := range map[string]string{
		"cert expired": "expired", "cert untrusted": "unknown authority", "cert names=b.example": "not a.example", "tls-max 1.1": "protocol version",
	} {
		t.Run(settings, func(t *testing.T) {
			if _, err := fetch(t, start(t, settings), "GET", "/"); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got error %v, want one with %q", err, want)
			}
		})
	}
}

// What a web server waits for ends with the world.
func TestCloseEndsWeb(t *testing.T) {
	for _, f := range []string{"silent", "drip", "plain", "tls-hang", "tls-fail"} {
		t.Run(f, func(t *testing.T) {
			r := begin(t, world(t, "https 192.0.2.1:443\n name a.example\n fault "+f+"\n"), Options{})
			c, err := r.Dial(deadline(t), "tcp", "192.0.2.1:443")
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(c, "x"); err != nil {
				t.Fatal(err)
			}
			r.Close()
			if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("got error %v, want the end of the connection", err)
			}
		})
	}
}

func TestFileSize(t *testing.T) {
	for size, want := range map[int]bool{MaxWorld: true, MaxWorld + 1: false} {
		_, err := New("test", "test.example", map[string][]byte{
			FileZone: []byte("test.example. 60 IN A 192.0.2.1\n"), "big": make([]byte, size),
			FileHosts: []byte("https 192.0.2.1:443\n name a.example\n file / text/plain big\n"),
		})
		var syntax *SyntaxError
		if (err == nil) != want || err != nil && (!errors.As(err, &syntax) || syntax.Line != 3) {
			t.Errorf("a file of %d octets: got error %v, want none: %v", size, err, want)
		}
	}
}

func TestSections(t *testing.T) {
	archive := func(n int) string {
		var files, hosts strings.Builder
		hosts.WriteString("https 192.0.2.1:443\n name a.example\n")
		for i := range n - 2 {
			fmt.Fprintf(&files, "-- f%d --\n%d\n", i, i)
			fmt.Fprintf(&hosts, " file /%d text/plain f%d\n", i, i)
		}
		return "domain: a.example\n-- zone --\na.example. 60 IN A 192.0.2.1\n" + files.String() + "-- hosts --\n" + hosts.String()
	}
	for n, want := range map[int]bool{maxFiles: true, maxFiles + 1: false} {
		w, err := Parse("test", strings.NewReader(archive(n)))
		if (err == nil) != want {
			t.Errorf("%d sections: got error %v, want none: %v", n, err, want)
		}
		if err == nil && w.hosts[0].pages[1].body != "1\n" {
			t.Errorf("got body %q, want %q", w.hosts[0].pages[1].body, "1\n")
		}
	}
}
