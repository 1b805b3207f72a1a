package check

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"maildoctor/check/dkim"
	"maildoctor/check/dnsx"
	"maildoctor/check/spf"
)

// sketch writes an outline a term a line: lookups, text, columns, and what is
// said of it.
func sketch(terms []OutlineTerm, indent string) string {
	var b strings.Builder
	for _, t := range terms {
		fmt.Fprintf(&b, "%s%d %s %d-%d", indent, t.Lookups, t.Text, t.Column, t.End)
		for _, word := range []string{t.State, t.By} {
			if word != "" {
				b.WriteString(" " + word)
			}
		}
		if t.Provider != nil {
			b.WriteString(" [" + t.Provider.ID + "]")
		}
		if t.Decides {
			b.WriteString(" decides")
		}
		b.WriteByte('\n')
		b.WriteString(sketch(t.Terms, indent+"  "))
	}
	return b.String()
}

const outlined = `@ TXT "v=spf1 include:_spf.google.com include:gone.test a:void exists:%{i}.x.test mx ip4:192.0.2.9 -all ip4:192.0.2.8 redirect=r.test"
` + mail

func TestOutlineWorstCase(t *testing.T) {
	zone := parseZone(t, outlined+"_spf.google.com. TXT \"v=spf1 ip4:198.51.100.0/24 ~all\"\n")
	f := &Facts{SPF: spf.Walk(t.Context(), dnsx.New(zone, dnsx.Options{}), tested)}
	o := f.Outline()
	want := `1 include:_spf.google.com 8-30 [google-workspace]
  1 ip4:198.51.100.0/24 8-26
  1 ~all 28-31
2 include:gone.test 32-48 no-record
3 exists:%{i}.x.test 57-74 dynamic
4 mx 76-77
4 ip4:192.0.2.9 79-91
4 -all 93-96
4 ip4:192.0.2.8 98-110 never-reached
4 redirect=r.test 112-126 ignored
`
	if diff := cmp.Diff(want, sketch(o.Terms, "")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if o.State != TermSyntax || o.Sender || o.Lookups != 4 {
		t.Errorf("state %q, sender %v, %d lookups; want syntax (a:void), false, 4", o.State, o.Sender, o.Lookups)
	}
}

func TestOutlineOfASender(t *testing.T) {
	const inner = "@ TXT \"v=spf1 ip4:192.0.2.9 include:a.test mx -all\"\na.test. TXT \"v=spf1 a include:b.test ~all\"\n" +
		"b.test. TXT \"v=spf1 -ip4:203.0.113.9 ip4:203.0.113.0/24 ?all\"\n" + mail
	for _, tt := range []struct{ name, zone, ip, want string }{
		{"deep in an include", inner, "203.0.113.1", `0 ip4:192.0.2.9 8-20 no-match
1 include:a.test 22-35 pass
  2 a 8-8 void
  3 include:b.test 10-23 pass
    3 -ip4:203.0.113.9 8-23 no-match
    3 ip4:203.0.113.0/24 25-42 match 203.0.113.0/24 decides
`},
		{"an include that fails decides nothing", inner, "203.0.113.9", `0 ip4:192.0.2.9 8-20 no-match
1 include:a.test 22-35 softfail
  2 a 8-8 void
  3 include:b.test 10-23 fail
    3 -ip4:203.0.113.9 8-23 match 203.0.113.9
  3 ~all 25-28 match
4 mx 37-38 no-match
4 -all 40-43 match decides
`},
		{"permerror", "@ TXT \"v=spf1 include:gone.test -all\"\n", "192.0.2.1", "1 include:gone.test 8-24 no-record decides\n"},
		{"temperror", "@ TXT \"v=spf1 include:gone.test -all\"\n;! timeout gone.test. TXT\n", "192.0.2.1", "1 include:gone.test 8-24 unknown decides\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := dnsx.New(parseZone(t, tt.zone), dnsx.Options{})
			q := spf.Query{IP: netip.MustParseAddr(tt.ip), Domain: tested}
			f := &Facts{Sender: spf.Evaluate(t.Context(), r, q)}
			o := f.Outline()
			if diff := cmp.Diff(tt.want, sketch(o.Terms, "")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if !o.Sender || o.Lookups != f.Sender.Lookups {
				t.Errorf("sender %v, %d lookups; want true, %d", o.Sender, o.Lookups, f.Sender.Lookups)
			}
		})
	}
}

// TestOutlineStates shows what is said of one term, or of the record itself.
func TestOutlineStates(t *testing.T) {
	const six = " ip6:2001:db8::/32"
	for _, tt := range []struct{ name, zone, want string }{
		{"an IPv4 address, where IPv6 counts", "h A 192.0.2.1\n@ TXT \"v=spf1 a:h.example.test" + six + "\"\n", "a:h.example.test void-ip6"},
		{"an IPv4 address, where it does not", "h A 192.0.2.1\n@ TXT \"v=spf1 a:h.example.test\"\n", "a:h.example.test"},
		{"an IPv6 address, where IPv4 counts", "h AAAA 2001:db8::1\n@ TXT \"v=spf1 a:h.example.test ip4:192.0.2.1\"\n", "a:h.example.test void-ip4"},
		{"no address", "@ TXT \"v=spf1 a:h.example.test" + six + "\"\n", "a:h.example.test void"},
		{"an explanation", "@ TXT \"v=spf1 exp=x.test\"\n", "exp=x.test explanation"},
		{"an explanation beside a redirect", "@ TXT \"v=spf1 redirect=r.test exp=x.test\"\nr.test. TXT \"v=spf1 exp=y.test -all\"\n", "redirect=r.test exp=x.test -all exp=y.test explanation"},
		{"an explanation in an include", "@ TXT \"v=spf1 include:r.test\"\nr.test. TXT \"v=spf1 exp=y.test -all\"\n", "include:r.test -all exp=y.test"},
		{"no record", "@ A 192.0.2.1\n", "none"},
		{"several records", "@ TXT \"v=spf1 -all\"\n@ TXT \"v=spf1 ~all\"\n", "several-records"},
		{"no record of an include", "@ TXT \"v=spf1 include:r.test\"\n", "include:r.test no-record"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := dnsx.New(parseZone(t, tt.zone), dnsx.Options{})
			o := (&Facts{SPF: spf.Walk(t.Context(), r, tested)}).Outline()
			var words []string
			var add func(terms []OutlineTerm)
			add = func(terms []OutlineTerm) {
				for _, term := range terms {
					if !term.Plain {
						words = append(words, term.Text, term.State)
					}
				}
				for _, term := range terms {
					add(term.Terms)
				}
			}
			add(o.Terms)
			got := strings.Join(strings.Fields(o.State+" "+strings.Join(words, " ")), " ")
			if got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
			f := &Facts{Sender: spf.Evaluate(t.Context(), r, spf.Query{IP: netip.MustParseAddr("192.0.2.9"), Domain: tested})}
			if state := f.Outline().State; o.State != "" && state != o.State {
				t.Errorf("for one sender the record is %q, want %q", state, o.State)
			}
		})
	}
}

func TestOutlineOfNothing(t *testing.T) {
	if o := (&Facts{}).Outline(); o != nil {
		t.Errorf("got %+v, want nil", o)
	}
}

// TestForwarding tells a domain that only passes mail on from one that sends.
func TestForwarding(t *testing.T) {
	const routed = "@ MX 10 route1.mx.cloudflare.net.\nroute1.mx.cloudflare.net. A 192.0.2.1\n" +
		"_spf.mx.cloudflare.net. TXT \"v=spf1 ip4:192.0.2.0/24 ~all\"\n"
	for _, tt := range []struct {
		name, zone string
		want       Role
	}{
		{"forwarder alone", routed + `@ TXT "v=spf1 include:_spf.mx.cloudflare.net ~all"`, Forwarding},
		{"and somebody else", routed + `@ TXT "v=spf1 include:_spf.mx.cloudflare.net ip4:192.0.2.9 ~all"`, Sending},
		{"somebody else is refused", routed + `@ TXT "v=spf1 -ip4:192.0.2.9 include:_spf.mx.cloudflare.net ~all"`, Forwarding},
		{"nobody sends", routed + `@ TXT "v=spf1 -all"`, Receiving},
		{"no record", routed, Sending},
		{"one more mail host", routed + mail + `@ TXT "v=spf1 include:_spf.mx.cloudflare.net ~all"`, Sending},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := factsOf(t, tested, tt.zone+"\n")
			if got := f.Role(); got != tt.want {
				t.Errorf("role %q, want %q", got, tt.want)
			}
			f.DKIM = &DKIM{Search: &dkim.Guesses{Asked: []string{"a"}}}
			unknown := len(collect(judgeDKIM, f)) > 0
			if want := tt.want == Sending; unknown != want {
				t.Errorf("DKIM findings %v, want %v", unknown, want)
			}
		})
	}
}
