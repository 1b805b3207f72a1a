package access

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"strings"

	"maildoctor/check/dnsx"
	"maildoctor/check/group"

	"github.com/miekg/dns"
)

// Limits of a lookup.
const (
	MaxServers = 10 // servers kept of one service
	MaxHosts   = 6  // names of servers whose addresses are looked up
)

// A Discovery is what the DNS tells mail programs about a domain.
type Discovery struct {
	Domain   string    `json:"domain"`
	Services []Service `json:"services"`        // the six of RFC 6186 section 3 and RFC 8314 section 5.1, in a fixed order
	Hosts    []Host    `json:"hosts,omitempty"` // the servers of the services, sorted by name, at most MaxHosts
	Cut      int       `json:"cut,omitempty"`   // hosts left out

	// Ways of single makers to the settings.
	Autoconfig          Host    `json:"autoconfig"`               // autoconfig.DOMAIN, as Thunderbird asks for it
	AutoconfigURL       string  `json:"autoconfig_url,omitempty"` // where Thunderbird then looks for a file; nothing here fetches it
	Autodiscover        Host    `json:"autodiscover"`             // autodiscover.DOMAIN, as Outlook asks for it
	AutodiscoverService Service `json:"autodiscover_service"`     // _autodiscover._tcp.DOMAIN

	// Guesses are names that servers often have, in the absence of SRV records.
	Guesses []Host `json:"guesses,omitempty"`

	wildcard Host // what a name has that nobody chose
}

// A Service is the answer to the question for one kind of SRV records.
type Service struct {
	Name     string      `json:"name"` // such as "_imaps._tcp"
	Protocol Protocol    `json:"protocol"`
	Implicit bool        `json:"implicit_tls,omitempty"`
	Status   dnsx.Status `json:"status"`
	Reason   string      `json:"reason,omitempty"`   // with dnsx.Failed, why
	Declined bool        `json:"declined,omitempty"` // the domain says that it has no such service (RFC 6186 section 3.4)
	Servers  []Server    `json:"servers,omitempty"`  // by priority, then the heaviest first; at most MaxServers
	Cut      int         `json:"cut,omitempty"`      // servers left out
}

// Announced reports whether the service is known to be offered.
func (s *Service) Announced() bool { return len(s.Servers) > 0 }

// A Server is the content of one SRV record (RFC 2782).
type Server struct {
	Priority uint16 `json:"priority"`
	Weight   uint16 `json:"weight"`
	Port     uint16 `json:"port"`
	Host     string `json:"host"`
}

// A Host is a name with its addresses.
type Host struct {
	Name     string       `json:"name"`
	Status   dnsx.Status  `json:"status"`              // dnsx.OK if there is an address of either family, known absent if there is none of both
	Reason   string       `json:"reason,omitempty"`    // with dnsx.Failed, why
	Alias    []string     `json:"alias,omitempty"`     // the CNAME targets on the way to the addresses
	Addrs    []netip.Addr `json:"addresses,omitempty"` // IPv4 first, ascending
	Wildcard bool         `json:"wildcard,omitempty"`  // any other name below the domain leads to the same place
}

// services are the questions for SRV records in their order.
func services() []Service {
	return []Service{
		{Name: "_imaps._tcp", Protocol: IMAP, Implicit: true},
		{Name: "_submissions._tcp", Protocol: Submission, Implicit: true},
		{Name: "_pop3s._tcp", Protocol: POP3, Implicit: true},
		{Name: "_imap._tcp", Protocol: IMAP},
		{Name: "_submission._tcp", Protocol: Submission},
		{Name: "_pop3._tcp", Protocol: POP3},
	}
}

// stranger is a label that nobody gives to a host.
const stranger = "no-such-host-maildoctor"

// Lookup asks for the SRV records of the domain and for the names that makers
// of mail programs agreed on, all at once, then for the addresses of the servers:
// 13 questions, and two for each of at most MaxHosts hosts. The result is never nil.
func Lookup(ctx context.Context, r dnsx.Resolver, domain string) *Discovery {
	d := &Discovery{
		Domain: domain, Services: services(),
		AutodiscoverService: Service{Name: "_autodiscover._tcp", Protocol: Autodiscover, Implicit: true},
	}
	var wg group.Group
	for i := range d.Services {
		wg.Go(func() { d.Services[i].lookup(ctx, r, domain) })
	}
	wg.Go(func() { d.AutodiscoverService.lookup(ctx, r, domain) })
	wg.Go(func() { d.Autoconfig = Address(ctx, r, "autoconfig."+domain) })
	wg.Go(func() { d.Autodiscover = Address(ctx, r, "autodiscover."+domain) })
	wg.Go(func() { d.wildcard = Address(ctx, r, stranger+"."+domain) })
	wg.Wait()
	d.compare(&d.Autoconfig)
	d.compare(&d.Autodiscover)
	if d.Autoconfig.Status == dnsx.OK {
		d.AutoconfigURL = "https://" + d.Autoconfig.Name + "/mail/config-v1.1.xml"
	}
	d.addresses(ctx, r)
	return d
}

// lookup asks for one kind of SRV records.
func (s *Service) lookup(ctx context.Context, r dnsx.Resolver, domain string) {
	answer, fits := ask(ctx, r, s.Name+"."+domain, dns.TypeSRV)
	if !fits {
		s.Status = dnsx.NoData
		return
	}
	s.Status, s.Reason, s.Cut = answer.Status, answer.Reason, answer.Cut
	for _, rr := range answer.Records {
		srv, ok := rr.(*dns.SRV)
		if !ok {
			continue
		}
		host, ok := dnsx.Canonical(srv.Target)
		switch {
		case !ok:
		case host == ".":
			s.Declined = true
		default:
			s.Servers = append(s.Servers, Server{srv.Priority, srv.Weight, srv.Port, host})
		}
	}
	s.Declined = s.Declined && len(s.Servers) == 0
	slices.SortFunc(s.Servers, func(a, b Server) int {
		return cmp.Or(
			cmp.Compare(a.Priority, b.Priority), cmp.Compare(b.Weight, a.Weight),
			strings.Compare(a.Host, b.Host), cmp.Compare(a.Port, b.Port),
		)
	})
	if n := len(s.Servers); n > MaxServers {
		s.Servers, s.Cut = s.Servers[:MaxServers], s.Cut+n-MaxServers
	}
}

// addresses looks up the hosts of all services: the most preferred server of
// each first, so that none of those is left out.
func (d *Discovery) addresses(ctx context.Context, r dnsx.Resolver) {
	var names []string
	for rank := range MaxServers {
		for i := range d.Services {
			if servers := d.Services[i].Servers; rank < len(servers) && !slices.Contains(names, servers[rank].Host) {
				names = append(names, servers[rank].Host)
			}
		}
	}
	d.Cut = max(0, len(names)-MaxHosts)
	names = names[:min(len(names), MaxHosts)]
	slices.Sort(names)
	d.Hosts = all(ctx, r, names)
}

// Host returns what is known of a server by its name, nil if it was not asked.
func (d *Discovery) Host(name string) *Host {
	for i := range d.Hosts {
		if d.Hosts[i].Name == name {
			return &d.Hosts[i]
		}
	}
	return nil
}

// Guess looks up names that servers often have: mail, imap, pop and smtp below
// the domain, with eight questions.
func (d *Discovery) Guess(ctx context.Context, r dnsx.Resolver) {
	var names []string
	for _, label := range []string{"mail", "imap", "pop", "smtp"} {
		names = append(names, label+"."+d.Domain)
	}
	d.Guesses = all(ctx, r, names)
	for i := range d.Guesses {
		d.compare(&d.Guesses[i])
	}
}

// compare tells a name that somebody chose from one that leads where all do.
func (d *Discovery) compare(h *Host) {
	w := &d.wildcard
	h.Wildcard = h.Status == dnsx.OK && w.Status == dnsx.OK && slices.Equal(h.Addrs, w.Addrs)
}

func all(ctx context.Context, r dnsx.Resolver, names []string) []Host {
	var wg group.Group
	out := make([]Host, len(names))
	for i, name := range names {
		wg.Go(func() { out[i] = Address(ctx, r, name) })
	}
	wg.Wait()
	return out
}

// Address looks up the addresses of a name, with two questions.
func Address(ctx context.Context, r dnsx.Resolver, name string) Host {
	var a, aaaa dnsx.Answer
	var fits bool
	var wg group.Group
	wg.Go(func() { a, fits = ask(ctx, r, name, dns.TypeA) })
	wg.Go(func() { aaaa, _ = ask(ctx, r, name, dns.TypeAAAA) })
	wg.Wait()
	if !fits {
		return Host{Name: name, Status: dnsx.NoData}
	}
	h := Host{Name: a.Name, Alias: a.Chain, Addrs: slices.Concat(a.Addrs(), aaaa.Addrs())}
	if len(h.Alias) == 0 {
		h.Alias = aaaa.Chain
	}
	switch {
	case len(h.Addrs) > 0:
		h.Status = dnsx.OK
	case !a.Status.Known():
		h.Status, h.Reason = a.Status, a.Reason
	case !aaaa.Status.Known():
		h.Status, h.Reason = aaaa.Status, aaaa.Reason
	case a.Status == dnsx.NXDomain || aaaa.Status == dnsx.NXDomain:
		h.Status = dnsx.NXDomain
	default:
		h.Status = dnsx.NoData
	}
	return h
}

// ask reports false for a name that is too long for the DNS and so cannot exist
// (RFC 1035 section 2.3.4).
func ask(ctx context.Context, r dnsx.Resolver, name string, qtype uint16) (dnsx.Answer, bool) {
	if _, ok := dnsx.Canonical(name); !ok {
		return dnsx.Answer{}, false
	}
	return r.Lookup(ctx, name, qtype), true
}
