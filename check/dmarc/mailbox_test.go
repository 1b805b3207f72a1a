package dmarc

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestMailbox(t *testing.T) {
	for _, tt := range []struct {
		name  string
		world []string
		want  string // mailbox, why, status of the answer that is missing
		asks  bool   // for addresses
	}{
		{"MX records", []string{"MX r.test = mx.r.test | mx.s.test"}, "deliverable", false},
		{"null MX", []string{"MX r.test = ."}, "undeliverable null-mx", false},
		{"null MX beside another", []string{"MX r.test = . | mx.r.test"}, "deliverable", false},
		{"no such domain", nil, "undeliverable no-domain", false},
		{"alias to nothing", []string{"MX r.test = -> gone.test"}, "undeliverable no-mail-host", false},
		{"A record alone", []string{"MX r.test = nodata", "A r.test = 192.0.2.1", "AAAA r.test = nodata"}, "deliverable", true},
		{"AAAA record alone", []string{"MX r.test = nodata", "A r.test = nodata", "AAAA r.test = 2001:db8::1"}, "deliverable", true},
		{"neither", []string{"MX r.test = nodata", "A r.test = nodata", "AAAA r.test = nodata"}, "undeliverable no-mail-host", true},
		{"MX unknown", []string{"MX r.test = timeout"}, "unknown  timeout", false},
		{"A unknown, no AAAA", []string{"MX r.test = nodata", "A r.test = servfail", "AAAA r.test = nodata"}, "unknown  servfail", true},
		{"no A, AAAA unknown", []string{"MX r.test = nodata", "A r.test = nodata", "AAAA r.test = refused"}, "unknown  refused", true},
		{"A record, AAAA unknown", []string{"MX r.test = nodata", "A r.test = 192.0.2.1", "AAAA r.test = timeout"}, "deliverable", true},
		{"A unknown, AAAA record", []string{"MX r.test = nodata", "A r.test = timeout", "AAAA r.test = 2001:db8::1"}, "deliverable", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(append(tt.world, "_dmarc.b.example = v=DMARC1; p=none; rua=mailto:a@r.test,mailto:b@r.test; ruf=mailto:c@r.test")...)
			p := Discover(t.Context(), w, "b.example")
			if len(p.Reports) != 3 {
				t.Fatalf("reports %+v", p.Reports)
			}
			for _, r := range p.Reports {
				if got := strings.TrimSpace(fmt.Sprintf("%s %s %s", r.Mailbox, r.Dead, r.MailboxStatus)); got != tt.want {
					t.Errorf("%s: got %q, want %q", r.URI, got, tt.want)
				}
			}
			for name, n := range map[string]int{"MX r.test": 1, "A r.test": 0, "AAAA r.test": 0} {
				if tt.asks {
					n = 1
				}
				if w.asked[name] != n {
					t.Errorf("asked %d times for %s, want %d", w.asked[name], name, n)
				}
			}
		})
	}
}

func TestMailboxLimit(t *testing.T) {
	for _, tt := range []struct {
		name        string
		hosts, left int
	}{
		{"at the limit", MaxHosts, 0},
		{"one past it", MaxHosts + 1, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var list []string
			for i := range tt.hosts { // of the domain itself: nobody has to agree
				list = append(list, fmt.Sprintf("mailto:d@r%d.b.example", i))
			}
			w := newWorld("_dmarc.b.example = v=DMARC1; p=none; rua=" + strings.Join(list, ","))
			p := Discover(t.Context(), w, "b.example")
			asked := 0
			for name := range w.asked {
				if strings.HasPrefix(name, "MX ") {
					asked++
				}
			}
			left := 0
			for _, r := range p.Reports {
				if r.Mailbox == MailboxUnchecked {
					left++
				}
			}
			if asked != MaxHosts || left != tt.left {
				t.Errorf("asked %d hosts, left %d; want %d and %d", asked, left, MaxHosts, tt.left)
			}
		})
	}
}

func TestNoMailboxAsked(t *testing.T) {
	w := newWorld("_dmarc.b.example = v=DMARC1; p=none; rua=https://r.test/,d@r.test")
	Discover(t.Context(), w, "b.example")
	for name := range w.asked {
		if slices.Contains(strings.Fields(name), "r.test") {
			t.Errorf("asked for %s", name)
		}
	}
}
