package lab

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// noon is the time in the worlds of the tests.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// begin starts a world that is written in the test, or built in.
func begin(t testing.TB, w *World, o Options) *Running {
	t.Helper()
	if o.Now.IsZero() {
		o.Now = noon
	}
	r, err := w.Start(o)
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	t.Cleanup(r.Close)
	return r
}

// world makes a world of hosts and a zone with one record.
func world(t testing.TB, hosts string) *World {
	t.Helper()
	w, err := New("test", "test.example", map[string][]byte{FileZone: []byte("test.example. 60 IN A 192.0.2.1\n"), FileHosts: []byte(hosts)})
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return w
}

func deadline(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func question(name string, qtype uint16) *dns.Msg {
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(name), qtype)
	return q
}

func TestBuiltIn(t *testing.T) {
	all := Scenarios()
	if len(all) == 0 || !slices.IsSorted(all) {
		t.Fatalf("Scenarios() = %v, want sorted names", all)
	}
	for _, name := range Worlds() {
		if !slices.Contains(all, name) {
			t.Errorf("Worlds() names %q, which is not built in", name)
		}
	}
	domains := map[string]string{}
	for _, name := range all {
		t.Run(name, func(t *testing.T) {
			w, err := Open(name)
			if err != nil {
				t.Fatalf("Open: %v", err)
			}
			if w.Name != name || w.About == "" {
				t.Errorf("got name %q, about %q; want %q and a description", w.Name, w.About, name)
			}
			if other := domains[w.Domain]; other != "" {
				t.Errorf("the domain %s belongs to the world %s too", w.Domain, other)
			}
			domains[w.Domain] = name
			r := begin(t, w, Options{})
			if !r.Now().Equal(noon) {
				t.Errorf("Now() = %v, want %v", r.Now(), noon)
			}
		})
	}
}

// Every address that a world gives to a mail host is described by its hosts,
// unless nobody listens there on purpose.
func TestBuiltInHostsAreNamed(t *testing.T) {
	for _, name := range Scenarios() {
		t.Run(name, func(t *testing.T) {
			w, err := Open(name)
			if err != nil {
				t.Fatalf("Open: %v", err)
			}
			for _, h := range w.hosts {
				if !h.kind.serves() {
					continue
				}
				for _, a := range h.addrs {
					qtype := dns.TypeA
					if a.Addr().Is6() {
						qtype = dns.TypeAAAA
					}
					m, err := w.zone.Exchange(deadline(t), question(h.name, qtype))
					if err != nil {
						t.Fatalf("%s: %v", h.name, err)
					}
					if !slices.ContainsFunc(m.Answer, func(rr dns.RR) bool { return dns.Field(rr, 1) == a.Addr().String() }) {
						t.Errorf("the zone does not lead from %s to %s: %v", h.name, a.Addr(), m.Answer)
					}
				}
			}
		})
	}
}

func TestOpenUnknown(t *testing.T) {
	for _, name := range []string{"", "nowhere", "../lab", "healthy.txtar"} {
		if _, err := Open(name); !errors.Is(err, ErrUnknown) {
			t.Errorf("Open(%q): got error %v, want ErrUnknown", name, err)
		}
	}
}

func TestParse(t *testing.T) {
	const zone = "-- zone --\na.example. 60 IN A 192.0.2.1\n"
	tests := []struct {
		name   string
		text   string
		domain string
		about  string
		err    string // part of the error; empty for none
	}{
		{"smallest", "domain: a.example\n" + zone, "a.example", "", ""},
		{"about", "domain: A.Example.\n\nFirst.\nSecond.\n" + zone, "a.example", "First.\nSecond.", ""},
		{"CRLF", strings.ReplaceAll("domain: a.example\n"+zone+"-- hosts --\nrefuse 192.0.2.1:25\n", "\n", "\r\n"), "a.example", "", ""},
		{"hosts first", "domain: a.example\n-- hosts --\nrefuse 192.0.2.1:25\n" + zone, "a.example", "", ""},
		{"empty", "", "", "", `test:1: expected "domain: NAME"`},
		{"no domain", "a.example\n" + zone, "", "", `test:1: expected "domain: NAME"`},
		{"empty domain", "domain:\n" + zone, "", "", "expected a domain name"},
		{"bad domain", "domain: a..example\n" + zone, "", "", "expected a domain name"},
		{"no zone", "domain: a.example\n-- hosts --\n", "", "", "expected a section zone"},
		{"zone twice", "domain: a.example\n" + zone + zone, "", "", `test:4: expected one section "zone"`},
		{"other section", "domain: a.example\n" + zone + "-- web --\n", "", "", "test:4: expected a section zone or hosts"},
		{"other section twice", "domain: a.example\n" + zone + "-- web --\n-- web --\n", "", "", `test:5: expected one section "web"`},
		{"section with a file", "domain: a.example\n-- logo --\n<svg/>\n" + zone + "-- hosts --\nhttps 192.0.2.1:443\n name a.example\n file /logo image/svg+xml logo\n", "a.example", "", ""},
		{"file without a section", "domain: a.example\n" + zone + "-- hosts --\nhttps 192.0.2.1:443\n name a.example\n file /logo image/svg+xml logo\n", "", "", `test:7: expected a section "logo"`},
		{"fault in the zone", "domain: a.example\n-- zone --\nnonsense\n", "", "", "test"},
		{"fault in the hosts", "domain: a.example\n" + zone + "-- hosts --\n\nftp 192.0.2.1:21\n", "", "", "test:6: expected smtp"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w, err := Parse("test", strings.NewReader(tt.text))
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("got error %v, want one with %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatalf("got error %v, want none", err)
			}
			if w.Domain != tt.domain || w.About != tt.about {
				t.Errorf("got domain %q, about %q; want %q, %q", w.Domain, w.About, tt.domain, tt.about)
			}
		})
	}
}

func TestParseSize(t *testing.T) {
	world := []byte("domain: a.example\n-- zone --\na.example. 60 IN A 192.0.2.1\n;")
	fill := func(size int) *bytes.Reader {
		return bytes.NewReader(append(slices.Clone(world), bytes.Repeat([]byte("x"), size-len(world))...))
	}
	if _, err := Parse("test", fill(MaxWorld)); err != nil {
		t.Errorf("a world of %d octets: got error %v, want none", MaxWorld, err)
	}
	var syntax *SyntaxError
	if _, err := Parse("test", fill(MaxWorld+1)); !errors.As(err, &syntax) {
		t.Errorf("a world of %d octets: got error %v, want a SyntaxError", MaxWorld+1, err)
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range Scenarios() {
		data, err := worldFiles.ReadFile("worlds/" + name + ".txtar")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	f.Fuzz(func(t *testing.T, text string) {
		w, err := Parse("fuzz", strings.NewReader(text))
		if err != nil {
			return
		}
		again, err := Parse("fuzz", strings.NewReader(strings.ReplaceAll(text, "\r\n", "\n")))
		if err != nil {
			t.Fatalf("without carriage returns: %v", err)
		}
		if w.Domain != again.Domain || !hostName(w.Domain) {
			t.Errorf("got domain %q, then %q", w.Domain, again.Domain)
		}
	})
}

// atRest returns the number of goroutines once it is no larger than most, or
// when it has had the time to be.
func atRest(most int) int {
	n := runtime.NumGoroutine()
	for end := time.Now().Add(5 * time.Second); n > most && time.Now().Before(end); n = runtime.NumGoroutine() {
		runtime.Gosched()
	}
	return n
}

func TestCloseLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	for _, name := range Scenarios() {
		w, err := Open(name)
		if err != nil {
			t.Fatal(err)
		}
		r := begin(t, w, Options{})
		if _, _, err := r.ServeDNS("127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		// Connections that nobody closes, after one octet or none.
		for _, h := range w.hosts {
			if !h.kind.serves() {
				continue
			}
			for _, a := range h.addrs {
				c, err := r.Dial(deadline(t), "tcp", a.String())
				if err != nil {
					t.Fatalf("%s: Dial %s: %v", name, a, err)
				}
				if h.kind == kindSMTP && h.fault != faultSilent {
					if _, err := c.Read(make([]byte, 1)); err != nil {
						t.Fatalf("%s: reading from %s: %v", name, a, err)
					}
				}
			}
		}
		r.Close()
		r.Close()
		if after := atRest(before); after > before {
			stacks := make([]byte, 1<<16)
			t.Fatalf("%s: %d goroutines before, %d after\n%s", name, before, after, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

// A world can be started twice at the same time.
func TestStartTwice(t *testing.T) {
	w, err := Open("healthy")
	if err != nil {
		t.Fatal(err)
	}
	first, second := begin(t, w, Options{}), begin(t, w, Options{})
	first.Close()
	c, err := second.Dial(deadline(t), "tcp", "192.0.2.10:25")
	if err != nil {
		t.Fatalf("the other world after Close: %v", err)
	}
	c.Close()
	if diff := cmp.Diff(0, len(first.Connections())); diff != "" {
		t.Errorf("connections of the first world: %s", diff)
	}
}

func BenchmarkStart(b *testing.B) {
	w, err := Open("healthy")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		r, err := w.Start(Options{})
		if err != nil {
			b.Fatal(err)
		}
		r.Close()
	}
}
