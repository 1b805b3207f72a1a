package dnsx

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

func TestCanonical(t *testing.T) {
	l63, l64 := strings.Repeat("a", 63), strings.Repeat("a", 64)
	n255 := strings.Join([]string{l63, l63, l63, l63[:61]}, ".") // 255 octets on the wire
	for _, r := range []struct{ name, in, want string }{
		{"plain", "_dmarc.example.com", "_dmarc.example.com"},
		{"case and dot", "Example.COM.", "example.com"},
		{"root", ".", "."},
		{"octets", "\xc3\xa9 x.test", `\195\169\ x.test`},
		{"escapes", `\065\b\.\000.test`, `ab\.\000.test`},
		{"label of 63", l63 + ".test", l63 + ".test"},
		{"name of 255", n255, n255},
		{"name of 255 with dot", n255 + ".", n255},
		{"63 escaped octets", strings.Repeat(`\255`, 63), strings.Repeat(`\255`, 63)},
	} {
		t.Run(r.name, func(t *testing.T) {
			if got, ok := Canonical(r.in); got != r.want || !ok {
				t.Errorf("got %q, %v, want %q", got, ok, r.want)
			}
		})
	}
	for name, in := range map[string]string{
		"empty": "", "dots": "..", "empty label": "a..b", "leading dot": ".a", "two final dots": "a..",
		"label of 64": l64, "escaped label of 64": strings.Repeat(`\255`, 64), "name of 256": n255 + "a", "broken escape": `a\`,
		"short escape": `a\25`, "large escape": `a\256`, "long": strings.Repeat("a.", 200),
	} {
		t.Run(name, func(t *testing.T) {
			if got, ok := Canonical(in); ok {
				t.Errorf("%q: got %q, want false", in, got)
			}
		})
	}
}

func FuzzCanonical(f *testing.F) {
	f.Add("Example.COM.")
	f.Add(`\195\.x.\"`)
	f.Fuzz(func(t *testing.T, in string) {
		name, ok := Canonical(in)
		if !ok {
			return
		}
		if again, ok := Canonical(name); !ok || again != name {
			t.Fatalf("%q: not stable: %q, then %q", in, name, again)
		}
		var buf [256]byte
		n, err := dns.PackDomainName(fqdn(name), buf[:], 0, nil, false)
		if err != nil || n > maxName {
			t.Fatalf("%q: does not pack: %d octets, %v", name, n, err)
		}
		back, _, err := dns.UnpackDomainName(buf[:n], 0)
		if err != nil || !sameName(back, name) {
			t.Fatalf("%q: comes back as %q, %v", name, back, err)
		}
		if up, ok := parent(name); ok && !below(name, up) {
			t.Fatalf("%q is not below %q", name, up)
		}
	})
}

func TestReverse(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1":        "1.2.0.192.in-addr.arpa",
		"255.100.10.9":     "9.10.100.255.in-addr.arpa",
		"::ffff:192.0.2.1": "1.2.0.192.in-addr.arpa",
		"2001:db8::a1":     "1.a.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
	} {
		if got := Reverse(netip.MustParseAddr(in)); got != want {
			t.Errorf("%s: got %q, want %q", in, got, want)
		}
	}
	if got := Reverse(netip.Addr{}); got != "" {
		t.Errorf("zero: got %q, want nothing", got)
	}
}

func TestTexts(t *testing.T) {
	long := strings.Repeat("x", 255)
	many := make([]string, 258)
	for i := range many {
		many[i] = long
	}
	for _, r := range []struct {
		name string
		in   []string
		want string
	}{
		{"plain", []string{"v=spf1 -all"}, "v=spf1 -all"},
		{"joined without a space", []string{"v=spf1 ", "-all"}, "v=spf1 -all"},
		{"escapes", []string{`\"\\\195\169\000`, `a\;`}, "\"\\\xc3\xa9\x00a;"},
		{"dangling", []string{`a\`}, `a\`},
		{"at the limit", append(slices.Clone(many[:257]), "a"), strings.Repeat("x", 65535) + "a"},
		{"past the limit", append(slices.Clone(many[:257]), "ab"), strings.Repeat("x", 65535) + "a"},
		{"many empty strings", make([]string, 60000), ""},
	} {
		t.Run(r.name, func(t *testing.T) {
			a := Answer{Records: []dns.RR{&dns.TXT{Txt: r.in}, &dns.A{}}}
			if got := a.Texts(); len(got) != 1 || got[0] != r.want {
				t.Errorf("got %d octets %.80q, want %d octets", len(strings.Join(got, "")), got, len(r.want))
			}
		})
	}
}

func TestContents(t *testing.T) {
	a := Answer{Records: mustRR(t,
		"a. MX 20 B.test.", "a. MX 10 z.test.", "a. MX 20 b.TEST.", "a. MX 0 .",
		"a. PTR Host.Test.", "a. PTR host.test.", "a. PTR a.test.",
		"a. A 192.0.2.9", "a. A 192.0.2.10", "a. AAAA ::ffff:192.0.2.9", "a. AAAA 2001:db8::1")}
	a.Records = append(a.Records, &dns.A{}, &dns.AAAA{}, &dns.MX{}, &dns.PTR{})
	if diff := cmp.Diff([]MX{{0, "."}, {10, "z.test"}, {20, "b.test"}}, a.MXs()); diff != "" {
		t.Errorf("MXs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"a.test", "host.test"}, a.Targets()); diff != "" {
		t.Errorf("Targets (-want +got):\n%s", diff)
	}
	var got []string
	for _, addr := range a.Addrs() {
		got = append(got, addr.String())
	}
	if diff := cmp.Diff([]string{"192.0.2.9", "192.0.2.10", "::ffff:192.0.2.9", "2001:db8::1"}, got); diff != "" {
		t.Errorf("Addrs (-want +got):\n%s", diff)
	}
	if none := (Answer{}); none.Texts() != nil || none.Addrs() != nil || none.MXs() != nil || none.Targets() != nil {
		t.Error("an empty answer has contents")
	}
}
