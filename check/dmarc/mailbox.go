package dmarc

import (
	"context"
	"slices"

	"github.com/miekg/dns"

	"maildoctor/check/dnsx"
	"maildoctor/check/group"
)

// Mailbox says whether the host of a report address takes mail, as far as the
// DNS tells.
type Mailbox string

// The values of Mailbox.
const (
	Deliverable      Mailbox = "deliverable"
	Undeliverable    Mailbox = "undeliverable" // no mail can be delivered there
	MailboxUnknown   Mailbox = "unknown"       // no answer
	MailboxUnchecked Mailbox = "unchecked"     // not asked because of MaxHosts
)

// Why no mail can be delivered to a host.
const (
	DeadNoDomain = "no-domain"    // the host does not exist
	DeadNullMX   = "null-mx"      // it takes no mail (RFC 7505)
	DeadNoHost   = "no-mail-host" // neither MX records nor an address (RFC 5321 section 5.1)
)

// delivery is what was found out about one host.
type delivery struct {
	host    string
	mailbox Mailbox
	why     string      // with Undeliverable
	answer  dnsx.Answer // the one that left it unknown
}

// hosts lists the hosts of the report addresses in their order, each once, at
// most MaxHosts.
func (p *Policy) hosts() []string {
	var out []string
	for _, report := range p.Reports {
		if len(out) < MaxHosts && !slices.Contains(out, report.Host) {
			out = append(out, report.Host)
		}
	}
	return out
}

// deliveries looks all hosts up at once.
func deliveries(ctx context.Context, r dnsx.Resolver, hosts []string) []delivery {
	out := make([]delivery, len(hosts))
	var wg group.Group
	for i, host := range hosts {
		wg.Go(func() { out[i] = deliver(ctx, r, host) })
	}
	wg.Wait()
	return out
}

// deliver finds out whether a host takes mail as RFC 5321 section 5.1 says: by
// its MX records, or without any by its own address.
func deliver(ctx context.Context, r dnsx.Resolver, host string) delivery {
	d := delivery{host: host, mailbox: Deliverable}
	dead := func(why string) delivery {
		d.mailbox, d.why = Undeliverable, why
		return d
	}
	mx := r.Lookup(ctx, host, dns.TypeMX)
	switch {
	case mx.Status == dnsx.OK && !slices.ContainsFunc(mx.MXs(), func(mx dnsx.MX) bool { return mx.Host != "." }):
		return dead(DeadNullMX)
	case mx.Status == dnsx.OK:
		return d
	case mx.Status == dnsx.NXDomain && len(mx.Chain) == 0:
		return dead(DeadNoDomain)
	case mx.Status == dnsx.NXDomain: // the target of an alias (RFC 6604 section 3)
		return dead(DeadNoHost)
	case !mx.Status.Known():
		d.mailbox, d.answer = MailboxUnknown, mx
		return d
	}
	var addresses [2]dnsx.Answer
	var wg group.Group
	for i, qtype := range [...]uint16{dns.TypeA, dns.TypeAAAA} {
		wg.Go(func() { addresses[i] = r.Lookup(ctx, host, qtype) })
	}
	wg.Wait()
	for _, a := range addresses {
		switch {
		case a.Status == dnsx.OK:
			return delivery{host: host, mailbox: Deliverable}
		case !a.Status.Known() && d.mailbox != MailboxUnknown:
			d.mailbox, d.answer = MailboxUnknown, a
		}
	}
	if d.mailbox == MailboxUnknown {
		return d
	}
	return dead(DeadNoHost)
}

// deliverable takes over what was found out about the hosts.
func (p *Policy) deliverable(list []delivery) {
	for i := range p.Reports {
		report := &p.Reports[i]
		report.Mailbox = MailboxUnchecked
		for _, d := range list {
			if d.host == report.Host {
				report.Mailbox, report.Dead = d.mailbox, d.why
				report.MailboxStatus, report.MailboxReason = d.answer.Status, d.answer.Reason
			}
		}
	}
}
