package spf

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestIsRecord(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       bool
	}{
		{"version alone", "v=spf1", true},
		{"version and space", "v=spf1 ", true},
		{"terms", "v=spf1 -all", true},
		{"any case", "V=sPf1 -all", true},
		{"longer version", "v=spf10 -all", false},
		{"tab behind the version", "v=spf1\t-all", false},
		{"leading space", " v=spf1 -all", false},
		{"no space", "v=spf1-all", false},
		{"quoted", `"v=spf1 -all"`, false},
		{"cut short", "v=spf", false},
		{"empty", "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := IsRecord(test.text); got != test.want {
				t.Errorf("IsRecord(%q) = %t, want %t", test.text, got, test.want)
			}
		})
	}
}

// summary shows directives in a form that tells all their parts.
func summary(r *Record) []string {
	var out []string
	for _, d := range r.Directives {
		s := string(d.Qualifier) + string(d.Mechanism)
		if d.Domain.Text != "" {
			s += " domain=" + d.Domain.Text
		}
		if d.Network != (netip.Prefix{}) {
			s += " network=" + d.Network.String()
		}
		if d.Prefix4 != 32 || d.Prefix6 != 128 {
			s += fmt.Sprintf(" prefixes=%d,%d", d.Prefix4, d.Prefix6)
		}
		out = append(out, s)
	}
	for _, m := range r.Modifiers {
		out = append(out, m.Name+" value="+m.Value.Text)
	}
	return out
}

func TestParseTerms(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"no terms", "v=spf1", nil},
		{"spaces only", "v=spf1   ", nil},
		{"several spaces", "v=spf1  a   -all ", []string{"+a", "-all"}},
		{"qualifiers", "v=spf1 +a -mx ~ptr ?all", []string{"+a", "-mx", "~ptr", "?all"}},
		{"upper case", "V=SPF1 IP4:192.0.2.1 A:WWW.EXAMPLE -ALL", []string{"+ip4 network=192.0.2.1/32", "+a domain=WWW.EXAMPLE", "-all"}},
		{"bare a with prefix", "v=spf1 a/24", []string{"+a prefixes=24,128"}},
		{"bare mx with both prefixes", "v=spf1 mx/24//64", []string{"+mx prefixes=24,64"}},
		{"a with ip6 prefix", "v=spf1 a//64", []string{"+a prefixes=32,64"}},
		{"a with domain and both prefixes", "v=spf1 a:host.example/24//64", []string{"+a domain=host.example prefixes=24,64"}},
		{"smallest and largest prefixes", "v=spf1 a/0//0 mx/32//128", []string{"+a prefixes=0,0", "+mx"}},
		{"slash in a domain", "v=spf1 a:foo:bar/baz.example.com", []string{"+a domain=foo:bar/baz.example.com"}},
		{"prefix behind a macro", "v=spf1 a:%{d}/24", []string{"+a domain=%{d} prefixes=24,128"}},
		{"slash delimiter in a macro", "v=spf1 a:%{l/}", []string{"+a domain=%{l/}"}},
		{"domain in a final dot", "v=spf1 include:example.com.", []string{"+include domain=example.com."}},
		{"domain ends in a percent macro", "v=spf1 exists:foo%%", []string{"+exists domain=foo%%"}},
		{"underscore labels", "v=spf1 include:_spf.example.com", []string{"+include domain=_spf.example.com"}},
		{"top label with hyphens", "v=spf1 a:foo.xn--zckzah", []string{"+a domain=foo.xn--zckzah"}},
		{"top label with a digit first", "v=spf1 a:foo.4u", []string{"+a domain=foo.4u"}},
		{"ip4 keeps host bits", "v=spf1 ip4:192.0.2.1/24", []string{"+ip4 network=192.0.2.1/24"}},
		{"ip4 of zero bits", "v=spf1 ip4:192.0.2.1/0", []string{"+ip4 network=192.0.2.1/0"}},
		{"ip6", "v=spf1 ip6:2001:DB8::/32", []string{"+ip6 network=2001:db8::/32"}},
		{"ip6 with dotted quad", "v=spf1 ip6:::1.1.1.1/0", []string{"+ip6 network=::101:101/0"}},
		{"ip6 mapped", "v=spf1 ip6:::ffff:1.2.3.4", []string{"+ip6 network=::ffff:1.2.3.4/128"}},
		{"modifiers", "v=spf1 redirect=_spf.example exp=why.example", []string{"redirect value=_spf.example", "exp value=why.example"}},
		{"unknown modifiers", "v=spf1 ra=postmaster rp=100 moo.cow-far_out=man:dog/cat x=", []string{"ra value=postmaster", "rp value=100", "moo.cow-far_out value=man:dog/cat", "x value="}},
		{"unknown modifier twice", "v=spf1 a=b a=c", []string{"a value=b", "a value=c"}},
		{"macro with everything", "v=spf1 exists:%{L2R+-}.%{i}.example.com", []string{"+exists domain=%{L2R+-}.%{i}.example.com"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			record, faults := Parse(test.text)
			if len(faults) > 0 {
				t.Errorf("Parse(%q) faults = %v, want none", test.text, faults)
			}
			if diff := cmp.Diff(test.want, summary(record)); diff != "" {
				t.Errorf("Parse(%q) terms (-want +got):\n%s", test.text, diff)
			}
		})
	}
}

func TestParseFaults(t *testing.T) {
	seen := map[Reason]bool{}
	for _, test := range []struct {
		name, text string
		want       string // reason of the only fault
		at         string // the bytes it points at, "|" and the ones before where there are none
	}{
		{"not a record", "v=spf10 -all", "not-spf", "v=spf1"},
		{"unknown mechanism", "v=spf1 ipv4:192.0.2.1 -all", "unknown-mechanism", "ipv4:192.0.2.1"},
		{"bare address", "v=spf1 192.0.2.1 -all", "unknown-mechanism", "192.0.2.1"},
		{"two qualifiers", "v=spf1 --all", "unknown-mechanism", "--all"},
		{"semicolon", "v=spf1 a; -all", "unknown-mechanism", "a;"},
		{"qualifier alone", "v=spf1 a - all", "missing-mechanism", "|-"},
		{"colon in the modifier's place", "v=spf1 redirect:example.com", "modifier-with-colon", "redirect:example.com"},
		{"redirect as a mechanism", "v=spf1 a redirect", "unknown-mechanism", "redirect"},
		{"equals behind a colon", "v=spf1 moo.cow:far_out=man", "unknown-mechanism", "moo.cow:far_out=man"},
		{"equals behind a slash", "v=spf1 moo.cow/far_out=man", "unknown-mechanism", "moo.cow/far_out=man"},
		{"modifier without a name", "v=spf1 =all", "bad-modifier-name", "|"},
		{"modifier name begins with a digit", "v=spf1 1up=foo", "bad-modifier-name", "1up"},
		{"qualified modifier", "v=spf1 -redirect=example.com", "qualified-modifier", "-"},
		{"all with an argument", "v=spf1 -all:foobar", "argument-not-allowed", ":foobar"},
		{"all with a prefix", "v=spf1 -all/8", "argument-not-allowed", "/8"},
		{"all with a full stop", "v=spf1 -all.", "unknown-mechanism", "-all."},
		{"include without a domain", "v=spf1 include -all", "missing-domain", "|include"},
		{"include with an empty domain", "v=spf1 include: -all", "missing-domain", "|include:"},
		{"include with a prefix", "v=spf1 include:example.com/24", "prefix-not-allowed", "/24"},
		{"bare include with a prefix", "v=spf1 include/24", "prefix-not-allowed", "/24"},
		{"ptr with a prefix", "v=spf1 ptr/24", "prefix-not-allowed", "/24"},
		{"exists without a domain", "v=spf1 exists", "missing-domain", "|exists"},
		{"a with an empty domain", "v=spf1 a:", "missing-domain", "|a:"},
		{"a with an empty domain and a prefix", "v=spf1 a:/24", "missing-domain", "|a:"},
		{"redirect without a domain", "v=spf1 ?all redirect=", "missing-domain", "|redirect="},
		{"redirect with a prefix", "v=spf1 redirect=example.com/24", "prefix-not-allowed", "/24"},
		{"exp without a domain", "v=spf1 exp= -all", "missing-domain", "|exp="},
		{"a with a prefix of 33", "v=spf1 a/33", "bad-prefix", "33"},
		{"a with an ip6 prefix of 129", "v=spf1 a//129", "bad-prefix", "129"},
		{"a with one slash twice", "v=spf1 a/24/64", "bad-prefix", "/24/64"},
		{"a with a domain and one slash twice", "v=spf1 a:example.com/24/64", "bad-prefix", "/24/64"},
		{"a with an empty prefix", "v=spf1 a:example.com/", "bad-prefix", "/"},
		{"prefix with a leading zero", "v=spf1 ip4:192.0.2.0/024", "leading-zero-prefix", "024"},
		{"zero twice", "v=spf1 a/00", "leading-zero-prefix", "00"},
		{"huge prefix", "v=spf1 ip4:192.0.2.0/99999999999999999999999", "bad-prefix", "99999999999999999999999"},
		{"ip4 prefix of 33", "v=spf1 ip4:192.0.2.0/33", "bad-prefix", "33"},
		{"ip4 with two slashes", "v=spf1 ip4:192.0.2.0//24", "bad-prefix", "/24"},
		{"ip4 without an address", "v=spf1 ip4", "missing-address", "|ip4"},
		{"ip4 with an empty address", "v=spf1 ip4:/24", "missing-address", "|ip4:"},
		{"ip4 of three numbers", "v=spf1 ip4:192.0.2", "bad-ip4", "192.0.2"},
		{"ip4 with a port", "v=spf1 ip4:192.0.2.1:25", "bad-ip4", "192.0.2.1:25"},
		{"ip4 with a leading zero", "v=spf1 ip4:192.0.02.1", "bad-ip4", "192.0.02.1"},
		{"ip4 with an ip6 address", "v=spf1 ip4:2001:db8::1", "bad-ip4", "2001:db8::1"},
		{"ip6 with an ip4 address", "v=spf1 ip6:192.0.2.1", "bad-ip6", "192.0.2.1"},
		{"ip6 with a zone", "v=spf1 ip6:fe80::1%eth0", "bad-ip6", "fe80::1%eth0"},
		{"ip6 prefix of 129", "v=spf1 ip6:2001:db8::/129", "bad-prefix", "129"},
		{"one label", "v=spf1 a:museum", "one-label", "museum"},
		{"one label and a dot", "v=spf1 a:museum.", "one-label", "museum."},
		{"numeric top label", "v=spf1 a:abc.123", "bad-domain-end", "123"},
		{"top label with a hyphen first", "v=spf1 a:example.-com", "bad-domain-end", "-com"},
		{"top label with a hyphen last", "v=spf1 a:example.com-", "bad-domain-end", "com-"},
		{"port", "v=spf1 mx:example.com:8080", "bad-domain-end", "com:8080"},
		{"two dots at the end", "v=spf1 a:example.com..", "bad-domain-end", "."},
		{"literal right behind a macro", "v=spf1 a:%{d}com", "bad-domain-end", "%{d}com"},
		{"address as a domain", "v=spf1 a:192.0.2.1", "address-as-domain", "192.0.2.1"},
		{"ip6 address as a domain", "v=spf1 include:2001:db8::1", "address-as-domain", "2001:db8::1"},
		{"per cent sign alone", "v=spf1 exists:foo%.example.com", "bad-macro", "%."},
		{"per cent sign at the end", "v=spf1 exists:foo.example.com%", "bad-macro", "%"},
		{"round brackets", "v=spf1 exists:%(ir).example.com", "bad-macro", "%("},
		{"empty macro", "v=spf1 exists:%{}.example.com", "bad-macro", "%{}"},
		{"unknown macro", "v=spf1 a:%{a}.example.com", "unknown-macro", "%{a}"},
		{"macro of explanations", "v=spf1 exp=%{r}.example.com", "macro-only-in-exp", "%{r}"},
		{"no parts", "v=spf1 a:%{d0}.example.com", "macro-zero-parts", "%{d0}"},
		{"transformers in the wrong order", "v=spf1 a:%{dr2}.example.com", "bad-macro", "%{dr2}"},
		{"macro not closed", "v=spf1 a:%{d.example.com", "macro-not-closed", "%{d.example.com"},
		{"macro in an unknown modifier", "v=spf1 -all foo=%abc", "bad-macro", "%a"},
		{"redirect twice", "v=spf1 redirect=a.example redirect=b.example", "duplicate-redirect", "redirect=b.example"},
		{"exp twice", "v=spf1 exp=a.example EXP=b.example -all", "duplicate-exp", "EXP=b.example"},
		{"tab", "v=spf1 a\tmx -all", "control-character", "\t"},
		{"line end", "v=spf1 ip4:192.0.2.5\r\n -all", "control-character", "\r\n"},
		{"NUL", "v=spf1 a:example.com\x00", "control-character", "\x00"},
		{"DEL", "v=spf1 a:example.com\x7f", "control-character", "\x7f"},
		{"byte order mark", "v=spf1 a:\xef\xbb\xbfexample.com -all", "not-ascii", "\xef\xbb\xbf"},
		{"dash that is none", "v=spf1 a \u2013all", "not-ascii", "\u2013"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, faults := Parse(test.text)
			if len(faults) != 1 {
				t.Fatalf("Parse(%q) faults = %+v, want one", test.text, faults)
			}
			f := faults[0]
			seen[f.Reason] = true
			if string(f.Reason) != test.want {
				t.Errorf("Parse(%q) reason = %s, want %s", test.text, f.Reason, test.want)
			}
			got := test.text[f.Offset : f.Offset+f.Length]
			want := test.at
			if before, empty := strings.CutPrefix(want, "|"); empty {
				want = ""
				if !strings.HasSuffix(test.text[:f.Offset], before) {
					t.Errorf("Parse(%q) points behind %q, want behind %q", test.text, test.text[:f.Offset], before)
				}
			}
			if got != want {
				t.Errorf("Parse(%q) points at %q, want %q", test.text, got, want)
			}
			if !strings.Contains(test.text, string(f.Term)) || test.want != "not-spf" && strings.Contains(string(f.Term), " ") {
				t.Errorf("Parse(%q) term = %q, want one term", test.text, f.Term)
			}
		})
	}
	for _, reason := range Reasons() {
		if !seen[reason] {
			t.Errorf("no case for the reason %s", reason)
		}
	}
	if len(seen) != len(Reasons()) {
		t.Errorf("%d reasons seen, but Reasons has %d", len(seen), len(Reasons()))
	}
}

func TestParseCollectsAllFaults(t *testing.T) {
	const text = "v=spf1 ipv4:1.2.3.4 ip4:1.2.3/33 a:%{x}.%{d0}.example.com mx redirect=a.example redirect=museum"
	record, got := Parse(text)
	want := []Fault{
		{ReasonUnknownMechanism, "ipv4:1.2.3.4", 7, 12},
		{ReasonBadIP4, "ip4:1.2.3/33", 24, 5},
		{ReasonBadPrefix, "ip4:1.2.3/33", 30, 2},
		{ReasonMacroLetter, "a:%{x}.%{d0}.example.com", 35, 4},
		{ReasonMacroZero, "a:%{x}.%{d0}.example.com", 40, 5},
		{ReasonDuplicateRedirect, "redirect=museum", 80, 15},
		{ReasonOneLabel, "redirect=museum", 89, 6},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Parse(%q) faults (-want +got):\n%s", text, diff)
	}
	if diff := cmp.Diff([]string{"+mx", "redirect value=a.example"}, summary(record)); diff != "" {
		t.Errorf("Parse(%q) terms (-want +got):\n%s", text, diff)
	}
}

func TestParseFaultLimit(t *testing.T) {
	for _, test := range []struct{ faults, want int }{{MaxFaults, MaxFaults}, {MaxFaults + 1, MaxFaults}} {
		record, faults := Parse("v=spf1" + strings.Repeat(" x", test.faults) + " -all:x")
		if len(faults) != test.want {
			t.Errorf("%d faults and one more: got %d, want %d", test.faults, len(faults), test.want)
		}
		if len(record.Directives) > 0 {
			t.Errorf("%d faults: got directives %v, want none", test.faults, summary(record))
		}
	}
}

func TestString(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"defaults go", "V=SPF1 +A/32//128 ip4:192.0.2.1/32 ip6:2001:DB8::/128", "v=spf1 a ip4:192.0.2.1 ip6:2001:db8::"},
		{"modifiers keep their place", "v=spf1 redirect=x.example a EXP=y.example -all z=1", "v=spf1 redirect=x.example a exp=y.example -all z=1"},
		{"prefixes stay", "v=spf1 a:host.example/24//64 mx//48", "v=spf1 a:host.example/24//64 mx//48"},
	} {
		t.Run(test.name, func(t *testing.T) {
			record, _ := Parse(test.text)
			if got := record.String(); got != test.want {
				t.Errorf("String of %q = %q, want %q", test.text, got, test.want)
			}
		})
	}
}

func TestRawText(t *testing.T) {
	for _, test := range []struct{ name, raw, want string }{
		{"plain", `v=spf1 "a" -all`, `v=spf1 "a" -all`},
		{"backslash", `a\b`, `a\\b`},
		{"bytes", "\x00\x80\xff\n", `\x00\x80\xff\x0a`},
	} {
		t.Run(test.name, func(t *testing.T) {
			text, err := Raw(test.raw).MarshalText()
			if string(text) != test.want || err != nil {
				t.Errorf("MarshalText of %q = %q, %v, want %q", test.raw, text, err, test.want)
			}
			var back Raw
			if err := back.UnmarshalText(text); string(back) != test.raw || err != nil {
				t.Errorf("UnmarshalText of %q = %q, %v, want %q", text, back, err, test.raw)
			}
		})
	}
	for _, broken := range []string{`\`, `\x1`, `\xgg`, `\n`} {
		if err := new(Raw).UnmarshalText([]byte(broken)); err == nil {
			t.Errorf("UnmarshalText of %q: got no error, want one", broken)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"v=spf1 a mx -all", "v=spf1 a:%{d}/24//64 ip4:1.2.3.4/24 ip6:::1/64 redirect=%{d2r.}", "v=spf1 exp=%{l} foo=%% ~exists:%{ir}.x.y",
		"v=spf1 a:x/24/64 \t -", "v=spf1 redirect=a.b redirect=c.d =", "v=spf1 ?include:%{i", "v=spf1 a:b.c.%_ \xff",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		record, faults := Parse(text)
		within := func(what string, offset, length int) {
			if offset < 0 || length < 0 || offset+length > len(text) {
				t.Errorf("Parse(%q): %s at %d+%d is outside", text, what, offset, length)
			}
		}
		for _, fault := range faults {
			within(string(fault.Reason), fault.Offset, fault.Length)
		}
		for _, d := range record.Directives {
			within(d.String(), d.Offset, d.Length)
			if got := text[d.Offset : d.Offset+d.Length]; got != string(d.Text) {
				t.Errorf("Parse(%q): term %q at the place of %q", text, d.Text, got)
			}
		}
		again, faults := Parse(record.String())
		if len(faults) > 0 {
			t.Fatalf("Parse(%q).String() = %q has faults %v", text, record, faults)
		}
		opts := cmp.Options{cmp.AllowUnexported(MacroString{}, macroPart{}), cmpopts.IgnoreTypes(Term{}),
			cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }), cmpopts.EquateEmpty()}
		if diff := cmp.Diff(record.Directives, again.Directives, opts); diff != "" {
			t.Errorf("Parse(%q).String() = %q (-first +second):\n%s", text, record, diff)
		}
		if diff := cmp.Diff(record.Modifiers, again.Modifiers, opts); diff != "" {
			t.Errorf("Parse(%q).String() = %q (-first +second):\n%s", text, record, diff)
		}
	})
}
