package check

import (
	"context"
	"errors"
	"maildoctor/check/group"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// briefly is a context that ends soon.
func briefly(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

func TestTurnAtAddress(t *testing.T) {
	g := newGuard(Net{}, Options{})
	a := netip.MustParseAddr("9.9.9.9")
	first := g.hold(t.Context(), "a.test", a)
	if g.hold(briefly(t), "b.test", netip.MustParseAddr("::ffff:9.9.9.9")) != nil {
		t.Error("the address was held twice at a time")
	}
	if g.hold(t.Context(), "c.test", netip.MustParseAddr("9.9.9.10")) == nil {
		t.Error("another address could not be held")
	}
	first.end()
	if g.hold(t.Context(), "b.test", a) == nil {
		t.Error("the address could not be held again")
	}
}

func TestTurnAtProvider(t *testing.T) {
	tests := []struct {
		name  string
		hosts [3]string
		want  bool // the third has its turn beside the others
	}{
		{"one provider", [3]string{"aspmx.l.google.com", "alt1.aspmx.l.google.com", "smtp.google.com"}, false},
		{"written in another way", [3]string{"a.google.com", "b.Google.com", "c.google.com."}, false},
		{"two providers", [3]string{"a.google.com", "b.google.com", "a.example.net"}, true},
		{"a public suffix is no provider", [3]string{"a.co.uk", "b.co.uk", "c.co.uk"}, true},
		{"names of one label", [3]string{"a", "b", "c"}, true},
		{"no name", [3]string{"", "", ""}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := newGuard(Net{}, Options{})
			var held []*turn
			for i, host := range tt.hosts {
				addr := netip.AddrFrom4([4]byte{9, 9, 9, byte(i)})
				if i < 2 {
					held = append(held, g.hold(t.Context(), host, addr))
					continue
				}
				if got := g.hold(briefly(t), host, addr) != nil; got != tt.want {
					t.Errorf("held beside %d others: %v, want %v", i, got, tt.want)
				}
				held[0].end()
				if g.hold(t.Context(), host, netip.MustParseAddr("9.9.9.99")) == nil {
					t.Error("not held after another had ended")
				}
			}
			// Whoever gave up has let go of the address.
			if !tt.want && g.hold(t.Context(), "other.test", netip.MustParseAddr("9.9.9.2")) == nil {
				t.Error("the address stays held")
			}
		})
	}
}

// TestTurnPatience holds by a fake clock that hosts which do not answer keep
// others of their provider waiting for no longer than patience, and that no more
// than MaxPerProvider connections are open when they do.
func TestTurnPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const hosts, silence = 5, 4 * time.Second
		answer := errors.New("no answer")
		g := newGuard(Net{Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			time.Sleep(silence)
			return nil, answer
		}}, Options{})
		began := time.Now()
		var parts group.Group
		for i := range hosts {
			parts.Go(func() {
				addr := netip.AddrFrom4([4]byte{9, 9, 9, byte(i)})
				turn := g.hold(t.Context(), "a.test", addr)
				defer turn.end()
				if _, err := turn.dial(t.Context(), netip.AddrPortFrom(addr, 25)); !errors.Is(err, answer) {
					t.Errorf("got error %v, want %v", err, answer)
				}
			})
		}
		parts.Wait()
		if took, most := time.Since(began), 2*patience+silence; took > most {
			t.Errorf("%d hosts of one provider took %v, want %v at most", hosts, took, most)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(Net{Dial: func(context.Context, string, string) (net.Conn, error) {
			time.Sleep(patience + time.Second)
			a, b := net.Pipe()
			b.Close()
			return a, nil
		}}, Options{})
		turn := g.hold(t.Context(), "a.test", netip.MustParseAddr("9.9.9.1"))
		if _, err := turn.dial(t.Context(), netip.MustParseAddrPort("9.9.9.1:25")); err != nil || !turn.placed {
			t.Errorf("connected late: place %v, error %v; want a place", turn.placed, err)
		}
		turn.end()
		if turn.placed || len(turn.provider) != 0 || len(turn.address) != 0 {
			t.Error("a place was not given back")
		}
	})
}
