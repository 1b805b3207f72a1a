//go:build unix

package dnsx

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// emfile is what a dialer returns when too many files are open.
func emfile(errno error) error {
	return &net.OpError{Op: "dial", Net: "udp", Err: os.NewSyscallError("socket", errno)}
}

func TestOutOfDescriptors(t *testing.T) {
	for name, err := range map[string]error{"EMFILE": emfile(syscall.EMFILE), "ENFILE": emfile(syscall.ENFILE)} {
		t.Run(name, func(t *testing.T) {
			if s := outcome(nil, err, question{"a.test", dns.TypeA}); s.status != Failed || s.reason != ReasonDescriptors {
				t.Errorf("got %s %s, want %s %s", s.status, s.reason, Failed, ReasonDescriptors)
			}
		})
	}
	if s := outcome(nil, emfile(syscall.ENETUNREACH), question{"a.test", dns.TypeA}); s.reason != ReasonNetwork {
		t.Errorf("other errors: got %s, want %s", s.reason, ReasonNetwork)
	}
}

func TestWaitForDescriptors(t *testing.T) {
	const most = 6 // one dial and five more
	for _, r := range []struct {
		name     string
		failures int // of the first server
		o        NetworkOptions
		want     result
		dials    int // in all
	}{
		{"at once", 0, patient, result{Status: OK}, 1},
		{"after a while", 2, patient, result{Status: OK}, 3},
		{"at the last moment", most - 1, patient, result{Status: OK}, most},
		{"at the next try", most, patient, result{Status: OK}, most + 1},
		{"never", 2 * most, patient, result{Status: Failed, Reason: ReasonDescriptors}, 2 * most},
		{"no time to wait", 2, NetworkOptions{TryTimeout: time.Nanosecond}, result{Status: Failed, Reason: ReasonDescriptors}, 2},
	} {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			l := (&liar{udp: one(nil)}).start(t)
			n, err := NewNetwork([]string{l.addr}, r.o)
			if err != nil {
				t.Fatal(err)
			}
			dials := 0
			n.dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
				if dials++; dials <= r.failures {
					return nil, emfile(syscall.EMFILE)
				}
				return new(net.Dialer).DialContext(ctx, network, addr)
			}
			a := New(n, Options{}).Lookup(t.Context(), "a.test", dns.TypeA)
			if a.Status != r.want.Status || a.Reason != r.want.Reason || dials != r.dials {
				t.Errorf("got %s %s after %d dials, want %s %s after %d", a.Status, a.Reason, dials, r.want.Status, r.want.Reason, r.dials)
			}
		})
	}
}

func TestCancelEndsTheWaitForDescriptors(t *testing.T) {
	n, err := NewNetwork([]string{"192.0.2.53"}, patient)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	n.dial = func(context.Context, string, string) (net.Conn, error) {
		cancel()
		return nil, emfile(syscall.EMFILE)
	}
	if _, err := n.Exchange(ctx, newQuestion(question{"a.test", dns.TypeA})); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}
