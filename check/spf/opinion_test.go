package spf

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"

	"blitiri.com.ar/go/spf"
	"github.com/miekg/dns"

	"maildoctor/check/dnsx"
)

// TestSecondOpinion compares the results of two evaluators on one zone.
func TestSecondOpinion(t *testing.T) {
	z := testZone(t, `
		plain.test TXT v=spf1 ip4:192.0.2.0/25 -all
		a.test TXT v=spf1 a/30 mx ~all
		a.test A 192.0.2.8
		a.test MX 10 mx.a.test
		mx.a.test A 192.0.2.40
		mx.a.test AAAA 2001:db8::25
		include.test TXT v=spf1 include:plain.test include:a.test ?all
		redirect.test TXT v=spf1 redirect=a.test
		macro.test TXT v=spf1 exists:%{ir}.%{v}.list.test -all
		77.2.0.192.in-addr.list.test A 127.0.0.2
		dead.test TXT v=spf1 include:nothing.test -all
		loop.test TXT v=spf1 include:loop.test -all
		many.test TXT v=spf1 -all
		many.test TXT v=spf1 +all
		syntax.test TXT v=spf1 ip4:192.0.2.300 -all
		broken.test SERVFAIL
	`)
	for _, domain := range []string{
		"plain.test", "a.test", "include.test", "redirect.test", "macro.test", "dead.test", "loop.test", "many.test",
		"syntax.test", "broken.test", "nothing.test",
	} {
		for _, ip := range []string{"192.0.2.1", "192.0.2.9", "192.0.2.40", "192.0.2.77", "192.0.2.200", "2001:db8::25", "2001:db8::26"} {
			t.Run(domain+"/"+ip, func(t *testing.T) {
				got := Evaluate(t.Context(), z, Query{
					IP: netip.MustParseAddr(ip), Domain: domain, MailFrom: "user@" + domain, Helo: "helo.test",
				})
				o := &other{resolver: z, ip: netip.MustParseAddr(ip)}
				want, err := spf.CheckHostWithSender(net.ParseIP(ip), "helo.test", "user@"+domain, spf.WithResolver(o))
				if string(got.Result) != string(want) {
					t.Errorf("got %s (%s), the other says %s (%v)", got.Result, got.Cause, want, err)
				}
			})
		}
	}
}

// TestDeviations holds the cases in which the other evaluator leaves the RFC.
// A case in which the two agree again can go, with its row of deviations.
func TestDeviations(t *testing.T) {
	for _, test := range []struct {
		name, zone, ip, from string
		want, theirs         Result
	}{
		{"a domain of one label is none (RFC 7208 section 4.3)",
			"test TXT v=spf1 +all", "192.0.2.1", "x@test", ResultNone, ResultPass},
		{"a fault behind a match (RFC 7208 section 4.6)",
			"a.test TXT v=spf1 +all ip4:192.0.2", "192.0.2.1", "x@a.test", ResultPermError, ResultPass},
		{"a prefix length with a leading zero (RFC 7208 section 12)",
			"a.test TXT v=spf1 ip4:192.0.2.0/24 a/024 -all\na.test A 192.0.2.1", "192.0.2.1", "x@a.test", ResultPermError, ResultPass},
		{"names that cannot exist are no void lookups (RFC 7208 section 4.8)",
			"a.test TXT v=spf1 a:b..test a:c..test a:d..test +all", "192.0.2.1", "x@a.test", ResultPass, ResultPermError},
		{"a long name loses labels at the left (RFC 7208 section 7.3)",
			"a.test TXT v=spf1 exists:%{l}.b.test -all\n" + strings.Repeat("xy.", 82) + "b.test A 127.0.0.2", "192.0.2.1", strings.Repeat("xy.", 100) + "xy@a.test", ResultPass, ResultFail},
		{"a failure behind a host that matches (RFC 7208 section 5)",
			"a.test TXT v=spf1 mx -all\na.test MX 1 b.test\na.test MX 2 c.test\nb.test A 192.0.2.1\nc.test TIMEOUT", "192.0.2.1", "x@a.test", ResultPass, ResultTempError},
		{"IPv4 clients are listed with ip4 (RFC 7208 section 5)",
			"a.test TXT v=spf1 ip6:::ffff:192.0.2.1 -all", "192.0.2.1", "x@a.test", ResultFail, ResultPass},
		{"a mapped client is an IPv4 client (RFC 7208 section 5)",
			"a.test TXT v=spf1 ip6:::ffff:0:0/96 -all", "::ffff:192.0.2.1", "x@a.test", ResultFail, ResultPass},
		{"each ptr that finds nothing is void (RFC 7208 section 4.6.4)",
			"a.test TXT v=spf1 ptr ptr:b.test ptr:c.test +all", "192.0.2.1", "x@a.test", ResultPermError, ResultPass},
		{"p is the validated name (RFC 7208 section 7.3)",
			"a.test TXT v=spf1 exists:%{p}.x.test -all\n1.2.0.192.in-addr.arpa PTR m.a.test\nm.a.test A 192.0.2.1\nm.a.test.x.test A 127.0.0.2", "192.0.2.1", "x@a.test", ResultPass, ResultFail},
		{"empty parts are parts (RFC 7208 section 7.3)",
			"a.test TXT v=spf1 exists:%{l2-}.x.test -all\nb.x.test A 127.0.0.2\na.b.x.test A 127.0.0.2", "192.0.2.1", "a--b@a.test", ResultFail, ResultPass},
		{"a space is escaped as %20 (RFC 7208 section 7.3)",
			"a.test TXT v=spf1 exists:%{L}.x.test -all\na%20b.x.test A 127.0.0.2", "192.0.2.1", "a b@a.test", ResultPass, ResultFail},
		{"the local part ends at the last at sign (RFC 7208 section 7.2)",
			"a.test TXT v=spf1 +all", "192.0.2.1", `"a@b"@a.test`, ResultPass, ResultNone},
		{"a local part beyond ASCII matches nothing (RFC 8616 section 4)",
			"a.test TXT v=spf1 exists:%{L}.x.test -all\nj%C3%BCrg.x.test A 127.0.0.2", "192.0.2.1", "j\u00fcrg@a.test", ResultFail, ResultPass},
		{"a slash may stand in a domain-spec (RFC 7208 section 7.1)",
			"a.test TXT v=spf1 exists:%{l/}.x.test -all\na.b.x.test A 127.0.0.2", "192.0.2.1", "a/b@a.test", ResultPass, ResultPermError},
		{"the number of parts has no bound (RFC 7208 section 7.1)",
			"a.test TXT v=spf1 exists:%{l99999999999999999999}.x.test -all\na.x.test A 127.0.0.2", "192.0.2.1", "a@a.test", ResultPass, ResultPermError},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := &world{zone: testZone(t, test.zone), query: Query{IP: netip.MustParseAddr(test.ip), MailFrom: test.from, Helo: "helo.test"}}
			c := compare(t, w)
			if c.got.Result != test.want || c.theirs != test.theirs {
				t.Errorf("got %s (%s), the other says %s; want %s and %s", c.got.Result, c.got.Cause, c.theirs, test.want, test.theirs)
			}
		})
	}
}

// other is a resolver as the other evaluator asks it. It answers what the RFC
// would ask for in the place of both types of addresses: the type of the
// client, and A for exists, whose names stand below list.test for clients with
// IPv6. It notes the questions that no evaluator should ask.
type other struct {
	resolver dnsx.Resolver
	ip       netip.Addr
	bad      bool // was asked for a name that cannot exist
}

func (o *other) lookup(ctx context.Context, octets string, qtype uint16) (dnsx.Answer, error) {
	name, ok := toName(strings.TrimSuffix(octets, "."))
	if !ok {
		o.bad = true
		return dnsx.Answer{}, &net.DNSError{Err: "no such host", Name: octets, IsNotFound: true}
	}
	a := o.resolver.Lookup(ctx, name, qtype)
	switch {
	case a.Status == dnsx.OK:
		return a, nil
	case a.Status.Absent():
		return a, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	return a, &net.DNSError{Err: string(a.Status), Name: name, IsTemporary: true}
}

func (o *other) LookupTXT(ctx context.Context, name string) ([]string, error) {
	a, err := o.lookup(ctx, name, dns.TypeTXT)
	return a.Texts(), err
}

func (o *other) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	a, err := o.lookup(ctx, name, dns.TypeMX)
	var out []*net.MX
	for _, mx := range a.MXs() {
		if mx.Host != "." {
			out = append(out, &net.MX{Host: toOctets(mx.Host) + ".", Pref: mx.Preference})
		}
	}
	if len(out) == 0 && err == nil { // that there is no mail host is an answer (RFC 7505 section 3)
		out = []*net.MX{{Host: "."}}
	}
	return out, err
}

func (o *other) LookupIPAddr(ctx context.Context, name string) ([]net.IPAddr, error) {
	if strings.Trim(name, ".") == "" && name != "" {
		return nil, &net.DNSError{Err: "null MX", Name: name, IsNotFound: true}
	}
	qtype := dns.TypeA
	if o.ip.Unmap().Is6() && !strings.HasSuffix(strings.ToLower(strings.TrimSuffix(name, ".")), ".list.test") {
		qtype = dns.TypeAAAA
	}
	a, err := o.lookup(ctx, name, qtype)
	var out []net.IPAddr
	for _, a := range a.Addrs() {
		out = append(out, net.IPAddr{IP: a.AsSlice()})
	}
	return out, err
}

func (o *other) LookupAddr(ctx context.Context, addr string) ([]string, error) {
	ip, err := netip.ParseAddr(addr)
	if err != nil {
		return nil, err
	}
	a, err := o.lookup(ctx, dnsx.Reverse(ip), dns.TypePTR)
	return a.Targets(), err
}
