package spf

import (
	"context"
	"net"
	"net/netip"
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
				want, err := spf.CheckHostWithSender(net.ParseIP(ip), "helo.test", "user@"+domain, spf.WithResolver(other{z}))
				if string(got.Result) != string(want) {
					t.Errorf("got %s (%s), the other says %s (%v)", got.Result, got.Cause, want, err)
				}
			})
		}
	}
}

// other is a zone as the other evaluator asks for it.
type other struct{ zone *zone }

func (o other) lookup(ctx context.Context, name string, qtype uint16) (dnsx.Answer, error) {
	a := o.zone.Lookup(ctx, name, qtype)
	switch {
	case a.Status == dnsx.OK:
		return a, nil
	case a.Status.Absent():
		return a, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	return a, &net.DNSError{Err: string(a.Status), Name: name, IsTemporary: true}
}

func (o other) LookupTXT(ctx context.Context, name string) ([]string, error) {
	a, err := o.lookup(ctx, name, dns.TypeTXT)
	return a.Texts(), err
}

func (o other) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	a, err := o.lookup(ctx, name, dns.TypeMX)
	var out []*net.MX
	for _, mx := range a.MXs() {
		out = append(out, &net.MX{Host: mx.Host + ".", Pref: mx.Preference})
	}
	return out, err
}

func (o other) LookupIPAddr(ctx context.Context, name string) ([]net.IPAddr, error) {
	four, err := o.lookup(ctx, name, dns.TypeA)
	six, err6 := o.lookup(ctx, name, dns.TypeAAAA)
	if err6 == nil {
		err = nil
	}
	var out []net.IPAddr
	for _, a := range append(four.Addrs(), six.Addrs()...) {
		out = append(out, net.IPAddr{IP: a.AsSlice()})
	}
	return out, err
}

func (o other) LookupAddr(ctx context.Context, addr string) ([]string, error) {
	ip, err := netip.ParseAddr(addr)
	if err != nil {
		return nil, err
	}
	a, err := o.lookup(ctx, dnsx.Reverse(ip), dns.TypePTR)
	return a.Targets(), err
}
