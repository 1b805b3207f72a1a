package dnsx

import (
	"context"

	"github.com/miekg/dns"
)

// Overlay returns an Exchanger that answers what the zone states, set of
// records by set of records, and asks live for everything else: it shows the
// DNS as it would be with the zone published.
//
// A question is answered from the zone if the zone has records of the asked
// name and type, a CNAME record of the name, or a fault line that covers the
// question. A CNAME record that leads into the zone or out of it is left to the
// Client to follow. Where live says that a name does not exist and the zone has
// it, or something below it, the answer is that it has no such records; only
// where neither knows the name, wildcards of the zone apply. The extent of the
// zone and its delegations have no meaning here.
func Overlay(zone *Zone, live Exchanger) Exchanger {
	return &overlay{zone, live}
}

type overlay struct {
	zone *Zone
	live Exchanger
}

// own answers from the zone alone.
func (o *overlay) own(name string, qtype uint16) (finding, bool) {
	if f, ok := o.zone.stated(name, qtype); ok {
		return f, true
	}
	f, ok := o.zone.restBelow(name, "", false)
	return finding{fault: f}, ok
}

// Exchange implements Exchanger.
func (o *overlay) Exchange(ctx context.Context, q *dns.Msg) (*dns.Msg, error) {
	name, qtype, ok := asked(q)
	if !ok {
		return o.live.Exchange(ctx, q)
	}
	if f, ok := o.own(name, qtype); ok {
		m, err := o.zone.reply(q, f)
		if err == nil {
			m.AuthenticatedData = o.zone.ad[question{name, qtype}]
		}
		return m, err
	}
	m, err := o.live.Exchange(ctx, q)
	if err != nil {
		return nil, err
	}
	s := interpret(m, name, qtype)
	ad := o.zone.ad[question{name, qtype}]
	for i, target := range s.links {
		ad = ad && o.zone.ad[question{target, qtype}]
		if _, ok := o.own(target, qtype); ok {
			return chainOnly(m, name, s.links[:i+1]), nil
		}
	}
	if s.status == NXDomain {
		return o.resurrect(m, q, name, qtype, s), nil
	}
	if ad && !m.AuthenticatedData {
		copied := *m
		copied.AuthenticatedData = true
		return &copied, nil
	}
	return m, nil
}

// resurrect answers for a name that does not exist in the live DNS.
func (o *overlay) resurrect(m, q *dns.Msg, name string, qtype uint16, s step) *dns.Msg {
	end := s.end(name)
	if o.zone.nodes[end] != nil {
		copied := *m
		copied.Rcode = dns.RcodeSuccess
		copied.AuthenticatedData = false
		return &copied
	}
	f, ok := o.zone.synthesise(end, qtype)
	if !ok {
		return m
	}
	if end != name {
		return chainOnly(m, name, s.links)
	}
	out, err := o.zone.reply(q, f)
	if err != nil {
		return m
	}
	return out
}

// chainOnly returns the message with nothing but the given links of the chain,
// as a server would answer that knows no more.
func chainOnly(m *dns.Msg, name string, links []string) *dns.Msg {
	out := *m
	out.Rcode = dns.RcodeSuccess
	out.RecursionAvailable = false
	out.Ns, out.Extra = nil, nil
	out.Answer = make([]dns.RR, 0, len(links))
	for _, target := range links {
		out.Answer = append(out.Answer, newCNAME(name, target))
		name = target
	}
	return &out
}

func newCNAME(name, target string) dns.RR {
	return &dns.CNAME{
		Hdr:    dns.RR_Header{Name: fqdn(name), Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Ttl: defaultTTL},
		Target: fqdn(target),
	}
}
