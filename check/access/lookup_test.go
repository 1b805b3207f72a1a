package access

import (
	"context"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"maildoctor/check/dnsx"

	"github.com/google/go-cmp/cmp"
)

// counted counts questions.
type counted struct {
	dnsx.Resolver
	asked atomic.Int64
}

func (c *counted) Lookup(ctx context.Context, name string, qtype uint16) dnsx.Answer {
	c.asked.Add(1)
	return c.Resolver.Lookup(ctx, name, qtype)
}

func lookup(t *testing.T, domain, zone string) (*Discovery, *counted) {
	t.Helper()
	z, err := dnsx.ParseZone(strings.NewReader("$ORIGIN example.com.\n$TTL 60\n@ NS ns\n"+zone+"\n"), "test")
	if err != nil {
		t.Fatal(err)
	}
	r := &counted{Resolver: dnsx.New(z, dnsx.Options{})}
	d := Lookup(t.Context(), r, domain)
	roundTrip(t, d)
	return d, r
}

func (d *Discovery) service(name string) *Service {
	for i := range d.Services {
		if d.Services[i].Name == name {
			return &d.Services[i]
		}
	}
	return nil
}

func TestLookupServices(t *testing.T) {
	const imaps = "_imaps._tcp SRV "
	many := ""
	for i := range MaxServers + 1 {
		many += imaps + "0 0 " + string(rune('1'+i%9)) + " a" + string(rune('a'+i)) + "\n"
	}
	tests := []struct {
		name, zone string
		want       Service
	}{
		{"none", "x A 192.0.2.1", Service{Status: dnsx.NXDomain}},
		{"one", imaps + "10 5 993 Mail", Service{Status: dnsx.OK, Servers: []Server{{10, 5, 993, "mail.example.com"}}}},
		{"by priority, then weight", imaps + "20 9 3 c\n" + imaps + "10 1 2 b\n" + imaps + "10 7 1 a",
			Service{Status: dnsx.OK, Servers: []Server{{10, 7, 1, "a.example.com"}, {10, 1, 2, "b.example.com"}, {20, 9, 3, "c.example.com"}}}},
		{"declined", imaps + "0 0 0 .", Service{Status: dnsx.OK, Declined: true}},
		{"declined beside another", imaps + "0 0 0 .\n" + imaps + "0 0 993 a", Service{Status: dnsx.OK, Servers: []Server{{0, 0, 993, "a.example.com"}}}},
		{"not the type", `_imaps._tcp TXT "x"`, Service{Status: dnsx.NoData}},
		{"no answer", ";! timeout _imaps._tcp.example.com.", Service{Status: dnsx.Timeout}},
		{"failure", ";! network _imaps._tcp.example.com.", Service{Status: dnsx.Failed, Reason: dnsx.ReasonNetwork}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, _ := lookup(t, "example.com", tt.zone)
			tt.want.Name, tt.want.Protocol, tt.want.Implicit = "_imaps._tcp", IMAP, true
			if diff := cmp.Diff(&tt.want, d.service("_imaps._tcp")); diff != "" {
				t.Errorf("service (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("too many", func(t *testing.T) {
		d, _ := lookup(t, "example.com", many)
		if s := d.service("_imaps._tcp"); len(s.Servers) != MaxServers || s.Cut != 1 {
			t.Errorf("%d servers, %d left out", len(s.Servers), s.Cut)
		}
		if len(d.Hosts) != MaxHosts || d.Cut != MaxServers-MaxHosts {
			t.Errorf("%d hosts, %d left out", len(d.Hosts), d.Cut)
		}
	})
}

func TestLookupHosts(t *testing.T) {
	d, r := lookup(t, "example.com", `
_imaps._tcp SRV 0 1 993 mail
_imap._tcp SRV 0 1 143 mail
_submissions._tcp SRV 0 1 465 gone
_submission._tcp SRV 0 1 587 silent
_pop3s._tcp SRV 0 1 995 alias
_autodiscover._tcp SRV 0 1 443 auto.example.net.
mail A 192.0.2.1
mail AAAA 2001:db8::1
alias CNAME mail
autoconfig CNAME mail
;! servfail silent.example.com. AAAA
;! timeout autodiscover.example.com.
`)
	one, six := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	want := []Host{
		{Name: "alias.example.com", Status: dnsx.OK, Alias: []string{"mail.example.com"}, Addrs: []netip.Addr{one, six}},
		{Name: "gone.example.com", Status: dnsx.NXDomain},
		{Name: "mail.example.com", Status: dnsx.OK, Addrs: []netip.Addr{one, six}},
		{Name: "silent.example.com", Status: dnsx.ServFail},
	}
	same := cmp.Comparer(func(a, b netip.Addr) bool { return a == b })
	if diff := cmp.Diff(want, d.Hosts, same); diff != "" {
		t.Errorf("hosts (-want +got):\n%s", diff)
	}
	if d.Autoconfig.Status != dnsx.OK || d.Autoconfig.Wildcard || d.AutoconfigURL != "https://autoconfig.example.com/mail/config-v1.1.xml" {
		t.Errorf("autoconfig: %+v, %s", d.Autoconfig, d.AutoconfigURL)
	}
	if d.Autodiscover.Status != dnsx.Timeout {
		t.Errorf("autodiscover: %+v", d.Autodiscover)
	}
	if s := d.AutodiscoverService; !s.Announced() || s.Servers[0].Host != "auto.example.net" {
		t.Errorf("autodiscover service: %+v", s)
	}
	if got := r.asked.Load(); got != 13+2*4 {
		t.Errorf("%d questions, want %d", got, 13+2*4)
	}
	if d.Host("mail.example.com") == nil || d.Host("other.example.com") != nil {
		t.Error("Host finds another")
	}
}

func TestWildcard(t *testing.T) {
	d, r := lookup(t, "example.com", "* A 192.0.2.1\nmail A 192.0.2.2\nimap A 192.0.2.1\nautoconfig A 192.0.2.3")
	before := r.asked.Load()
	d.Guess(t.Context(), r)
	if got := r.asked.Load() - before; got != 8 {
		t.Errorf("%d questions, want 8", got)
	}
	got := map[string]bool{}
	for _, h := range append(d.Guesses, d.Autoconfig, d.Autodiscover) {
		got[h.Name] = h.Wildcard
	}
	want := map[string]bool{
		"mail.example.com": false, "imap.example.com": true, "pop.example.com": true, "smtp.example.com": true,
		"autoconfig.example.com": false, "autodiscover.example.com": true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("wildcards (-want +got):\n%s", diff)
	}
}

// TestLookupLongDomain holds that a name too long for the DNS is known not to
// exist.
func TestLookupLongDomain(t *testing.T) {
	label := strings.Repeat("a", 60)
	d, r := lookup(t, label+"."+label+"."+label+"."+label+".example", "")
	for _, s := range d.Services {
		if s.Name == "_submissions._tcp" && s.Status != dnsx.NoData {
			t.Errorf("%s: %s", s.Name, s.Status)
		}
	}
	if d.Autoconfig.Status != dnsx.NoData || d.Autodiscover.Status != dnsx.NoData {
		t.Errorf("got %+v, %+v", d.Autoconfig, d.Autodiscover)
	}
	if r.asked.Load() > 7 {
		t.Errorf("%d questions", r.asked.Load())
	}
}
