package rdns

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"maildoctor/check/dnsx"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestParseHelo(t *testing.T) {
	long := strings.Repeat("a", 63)
	tests := []struct {
		name, in string
		want     Form
		read     string // the name
		addr     string
	}{
		{"full name", "Out.Example.COM.", FullName, "out.example.com", ""},
		{"underscore", "my_host.example.com", FullName, "my_host.example.com", ""},
		{"longest label", long + ".example", FullName, long + ".example", ""},
		{"label too long", "a" + long + ".example", Malformed, "a" + long + ".example", ""},
		{"one label", "localhost", OneLabel, "localhost", ""},
		{"literal", "[192.0.2.1]", Literal, "[192.0.2.1]", "192.0.2.1"},
		{"literal, IPv6", "[IPv6:2001:db8::1]", Literal, "[ipv6:2001:db8::1]", "2001:db8::1"},
		{"literal, IPv6 without tag", "[2001:db8::1]", Malformed, "[2001:db8::1]", ""},
		{"literal, IPv4 with tag", "[IPv6:192.0.2.1]", Malformed, "[IPv6:192.0.2.1]", ""},
		{"literal, zone", "[IPv6:fe80::1%eth0]", Malformed, "[IPv6:fe80::1%eth0]", ""},
		{"literal, open", "[192.0.2.1", Malformed, "[192.0.2.1", ""},
		{"bare address", "192.0.2.1", BareAddress, "192.0.2.1", "192.0.2.1"},
		{"bare address, IPv6", "2001:db8::1", BareAddress, "2001:db8::1", "2001:db8::1"},
		{"empty", "", Malformed, "", ""},
		{"root", ".", Malformed, ".", ""},
		{"a space", "a b.example", Malformed, "a b.example", ""},
		{"octets", "\xff\x00.example", Malformed, "\ufffd\x00.example", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ParseHelo(tt.in)
			addr := ""
			if got.Address.IsValid() {
				addr = got.Address.String()
			}
			if got.Form != tt.want || got.Name != tt.read || addr != tt.addr {
				t.Errorf("got %q %q %q, want %q %q %q", got.Form, got.Name, addr, tt.want, tt.read, tt.addr)
			}
		})
	}
}

func TestLookupHelo(t *testing.T) {
	const name = "out.example.com"
	timeout := dnsx.Answer{Status: dnsx.Timeout}
	failed := dnsx.Answer{Status: dnsx.Failed, Reason: dnsx.ReasonBudget}
	tests := []struct {
		name, in, host string
		answers        map[string]dnsx.Answer
		want           Helo
		asked          int
		unresolved     bool
	}{
		{"leads back", name, "192.0.2.1", map[string]dnsx.Answer{name + " A": records(t, "A", "192.0.2.2", "192.0.2.1")},
			Helo{Status: dnsx.OK, Addrs: addrs("192.0.2.1", "192.0.2.2"), LeadsBack: true}, 2, false},
		{"leads elsewhere", name, "192.0.2.9", map[string]dnsx.Answer{name + " A": records(t, "A", "192.0.2.1")},
			Helo{Status: dnsx.OK, Addrs: addrs("192.0.2.1")}, 2, false},
		{"both families", name, "::ffff:192.0.2.1", map[string]dnsx.Answer{name + " A": records(t, "A", "192.0.2.1"), name + " AAAA": records(t, "AAAA", "2001:db8::1")},
			Helo{Status: dnsx.OK, Addrs: addrs("192.0.2.1", "2001:db8::1"), LeadsBack: true}, 2, false},
		{"the other family alone", name, "192.0.2.1", map[string]dnsx.Answer{name + " AAAA": records(t, "AAAA", "2001:db8::1")},
			Helo{Status: dnsx.OK, Addrs: addrs("2001:db8::1")}, 2, false},
		{"no host known", name, "", map[string]dnsx.Answer{name + " A": records(t, "A", "192.0.2.1")},
			Helo{Status: dnsx.OK, Addrs: addrs("192.0.2.1")}, 2, false},
		{"does not exist", name, "192.0.2.1", nil, Helo{Status: dnsx.NXDomain}, 2, true},
		{"no address", name, "192.0.2.1", map[string]dnsx.Answer{name + " A": {Status: dnsx.NoData}, name + " AAAA": {Status: dnsx.NoData}},
			Helo{Status: dnsx.NoData}, 2, true},
		{"one answer, and one missing", name, "192.0.2.1", map[string]dnsx.Answer{name + " A": records(t, "A", "192.0.2.1"), name + " AAAA": timeout},
			Helo{Status: dnsx.OK, Addrs: addrs("192.0.2.1"), LeadsBack: true}, 2, false},
		{"A unknown", name, "192.0.2.1", map[string]dnsx.Answer{name + " A": timeout}, Helo{Status: dnsx.Timeout}, 2, false},
		{"AAAA unknown", name, "192.0.2.1", map[string]dnsx.Answer{name + " A": {Status: dnsx.NoData}, name + " AAAA": failed},
			Helo{Status: dnsx.Failed, Reason: dnsx.ReasonBudget}, 2, false},
		{"literal of the host", "[192.0.2.1]", "192.0.2.1", nil,
			Helo{Name: "[192.0.2.1]", Form: Literal, Address: netip.MustParseAddr("192.0.2.1"), LeadsBack: true}, 0, false},
		{"literal of another", "[192.0.2.1]", "192.0.2.2", nil,
			Helo{Name: "[192.0.2.1]", Form: Literal, Address: netip.MustParseAddr("192.0.2.1")}, 0, false},
		{"one label", "mail", "192.0.2.1", nil, Helo{Name: "mail", Form: OneLabel}, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := &world{answers: tt.answers}
			var host netip.Addr
			if tt.host != "" {
				host = netip.MustParseAddr(tt.host)
			}
			got := LookupHelo(t.Context(), w, tt.in, host)
			if tt.want.Form == "" {
				tt.want.Name, tt.want.Form = name, FullName
			}
			if d := cmp.Diff(&tt.want, got, compareAddr, cmpopts.EquateEmpty()); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if w.asked != tt.asked {
				t.Errorf("%d questions, want %d", w.asked, tt.asked)
			}
			if got.Unresolved() != tt.unresolved || got.Unresolved() && !got.Known() {
				t.Errorf("unresolved %v, known %v, want %v", got.Unresolved(), got.Known(), tt.unresolved)
			}
			text, err := json.Marshal(got)
			if err != nil {
				t.Fatal(err)
			}
			var back Helo
			if err := json.Unmarshal(text, &back); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(got, &back, compareAddr, cmpopts.EquateEmpty()); d != "" {
				t.Errorf("through JSON (-want +got):\n%s", d)
			}
		})
	}
}

func FuzzParseHelo(f *testing.F) {
	for _, s := range []string{"out.example.com", "[192.0.2.1]", "[IPv6:2001:db8::1]", "[", "", "\xff", "192.0.2.1", "a..b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		h := ParseHelo(in)
		if again := ParseHelo(h.Name); again.Form != h.Form || again.Address != h.Address {
			t.Errorf("%q is %+v, and its name %+v", in, h, again)
		}
		if withAddress := h.Form == Literal || h.Form == BareAddress; withAddress != h.Address.IsValid() {
			t.Errorf("%q: %+v", in, h)
		}
	})
}
