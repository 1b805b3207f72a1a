package check

import (
	"context"
	"net"
	"net/netip"
	"slices"

	"maildoctor/check/access"
	"maildoctor/check/dnsx"
	"maildoctor/check/group"
	"maildoctor/check/smtp"
	"maildoctor/check/tlsx"
)

// The rules about what mail programs of people meet. None of them is about mail
// between servers.
const (
	accessNoTLS        RuleID = "ACCESS-NO-TLS"
	accessNotFound     RuleID = "ACCESS-HOST-NOT-FOUND"
	accessLoginInClear RuleID = "ACCESS-LOGIN-IN-CLEAR"
	accessInjection    RuleID = "ACCESS-STARTTLS-INJECTION"
	accessCertName     RuleID = "ACCESS-CERT-NAME"
	accessCertExpired  RuleID = "ACCESS-CERT-EXPIRED"
	accessUntrusted    RuleID = "ACCESS-CERT-UNTRUSTED"
	accessDangling     RuleID = "ACCESS-SRV-DANGLING"
	accessRefused      RuleID = "ACCESS-SRV-REFUSED"
	accessClearOnly    RuleID = "ACCESS-SRV-CLEAR-ONLY"
)

const accessName = "access"

// AccessAuto as Options.Access lets the DNS say which hosts mail programs use.
const AccessAuto = "auto"

// Bounds of what is looked at for mail programs.
const (
	maxAccessHosts    = 4  // hosts
	maxAccessServices = 12 // services, a connection each
	maxSilent         = 2  // attempts at an address that never answers
)

// The ports where mail programs read mail (RFC 8314 section 3). Nothing else
// connects there.
const (
	portIMAP  = 143
	portIMAPS = 993
	portPOP3  = 110
	portPOP3S = 995
)

func accessChecker() checker {
	return checker{
		name: accessName, gather: gatherAccess, judge: judgeAccess, merits: meritsAccess,
		rules: []RuleID{
			accessNotFound, accessNoTLS, accessLoginInClear, accessInjection, accessCertName, accessCertExpired,
			accessUntrusted, accessDangling, accessRefused, accessClearOnly,
		},
	}
}

// AccessOrigin says why hosts were taken for those of mail programs.
type AccessOrigin string

// The origins.
const (
	AccessGiven AccessOrigin = "given"   // the user named it
	AccessSRV   AccessOrigin = "srv"     // SRV records announce them (RFC 6186, RFC 8314 section 5.1)
	AccessGuess AccessOrigin = "guessed" // they have names that such hosts often have
	AccessMX    AccessOrigin = "mx"      // there is nothing better
)

// Access is what mail programs of people meet.
type Access struct {
	Asked      string            `json:"asked"`          // AccessAuto, or the host that the user named
	DNS        *access.Discovery `json:"dns"`            // what the DNS tells mail programs
	Host       *access.Host      `json:"host,omitempty"` // the host that the user named
	Origin     AccessOrigin      `json:"origin"`
	Mailboxes  []Mailbox         `json:"mailboxes,omitempty"`  // where mail is read
	Submission []Dialogue        `json:"submission,omitempty"` // where mail is handed in
}

// A Mailbox is one session with a server of mailboxes and what TLS showed in it.
type Mailbox struct {
	access.Session
	TLS *tlsx.State `json:"tls,omitempty"`
}

// access returns which hosts to look at for mail programs, if any: they are
// looked at only where the user asks for it.
func (o Options) access() string {
	if o.Access == "" && slices.Contains(o.Checks, accessName) {
		return AccessAuto
	}
	return o.Access
}

func gatherAccess(ctx context.Context, r *run) Coverage {
	asked := r.opts.access()
	if asked == "" {
		return Coverage{State: Skipped, Reason: ReasonAccess}
	}
	a := &Access{Asked: asked}
	var parts group.Group
	parts.Go(func() { r.hosts(ctx) })
	parts.Go(func() { a.DNS = access.Lookup(ctx, r.dns, r.domain) })
	parts.Wait()
	targets := r.accessTargets(ctx, a)
	r.facts.Access = a
	unknown, ok := r.accessUnknown(ctx, a)
	switch {
	case !ok:
	case r.opts.NoSMTP:
		return Coverage{State: Skipped, Reason: ReasonNoSMTP}
	case a.notFound():
		return Coverage{State: Done}
	case len(targets) == 0:
		return Coverage{State: Skipped, Reason: ReasonNoAccess}
	}
	if r.opts.NoSMTP {
		return unknown
	}
	left := r.converse(ctx, a, targets)
	switch {
	case ctx.Err() != nil:
		return interrupted(ctx)
	case !ok:
		return unknown
	case left:
		return Coverage{State: Inconclusive, Reason: ReasonConnections}
	}
	return accessCoverage(a)
}

// notFound reports whether the host that the user named has no address.
func (a *Access) notFound() bool {
	return a.Host != nil && a.Host.Status.Known() && len(a.Host.Addrs) == 0
}

// accessTargets chooses the services to speak with, the most telling first: those
// of the host that the user named, else those that SRV records announce, else
// those of likely names, else of the MX hosts.
func (r *run) accessTargets(ctx context.Context, a *Access) []access.Target {
	if a.Asked != AccessAuto {
		host := access.Address(ctx, r.dns, a.Asked)
		a.Host, a.Origin = &host, AccessGiven
		return servicesOf(host.Name, host.Addrs, anyProtocol)
	}
	if slices.ContainsFunc(a.DNS.Services, func(s access.Service) bool { return s.Announced() || s.Declined }) {
		a.Origin = AccessSRV
		return announced(a.DNS)
	}
	a.DNS.Guess(ctx, r.dns)
	if targets := guessed(a.DNS); len(targets) > 0 {
		a.Origin = AccessGuess
		return targets
	}
	a.Origin = AccessMX
	var targets []access.Target
	found := r.hosts(ctx)
	for i := range found.Hosts[:min(len(found.Hosts), maxAccessHosts)] {
		h := &found.Hosts[i]
		targets = append(targets, servicesOf(h.Name, h.Addrs(), anyProtocol)...)
	}
	return distinct(targets)
}

// anyProtocol is true for all that mail programs speak.
func anyProtocol(access.Protocol) bool { return true }

// accessPorts are the services that a host of mail programs can have.
func accessPorts() []access.Target {
	return []access.Target{
		{Port: portIMAPS, Protocol: access.IMAP, Implicit: true},
		{Port: portSubmissions, Protocol: access.Submission, Implicit: true},
		{Port: portIMAP, Protocol: access.IMAP},
		{Port: portSubmission, Protocol: access.Submission},
		{Port: portPOP3S, Protocol: access.POP3, Implicit: true},
		{Port: portPOP3, Protocol: access.POP3},
	}
}

// servicesOf lists the usual services of a host, at its first address.
func servicesOf(name string, addrs []netip.Addr, speaks func(access.Protocol) bool) []access.Target {
	if len(addrs) == 0 {
		return nil
	}
	targets := slices.DeleteFunc(accessPorts(), func(t access.Target) bool { return !speaks(t.Protocol) })
	for i := range targets {
		targets[i].Host, targets[i].Addr = name, addrs[0].Unmap()
	}
	return targets
}

// announced lists the most preferred server of each service that SRV records
// announce. Only the usual ports are connected to.
func announced(d *access.Discovery) []access.Target {
	var targets []access.Target
	for i := range d.Services {
		s := &d.Services[i]
		if !s.Announced() || !usualPort(s.Servers[0].Port) {
			continue
		}
		if h := d.Host(s.Servers[0].Host); h != nil && len(h.Addrs) > 0 {
			targets = append(targets, access.Target{
				Host: h.Name, Addr: h.Addrs[0].Unmap(), Port: s.Servers[0].Port, Protocol: s.Protocol, Implicit: s.Implicit,
			})
		}
	}
	return distinct(targets)
}

func usualPort(port uint16) bool {
	return slices.ContainsFunc(accessPorts(), func(t access.Target) bool { return t.Port == port })
}

// guessed lists the services of likely names. A name that leads where all names
// lead says nothing.
func guessed(d *access.Discovery) []access.Target {
	speaks := []func(access.Protocol) bool{
		anyProtocol,
		func(p access.Protocol) bool { return p == access.IMAP },
		func(p access.Protocol) bool { return p == access.POP3 },
		func(p access.Protocol) bool { return p == access.Submission },
	}
	var targets []access.Target
	for i, h := range d.Guesses[:min(len(d.Guesses), len(speaks))] {
		if !h.Wildcard {
			targets = append(targets, servicesOf(h.Name, h.Addrs, speaks[i])...)
		}
	}
	return distinct(targets)
}

// distinct keeps each port of an address once and at most maxAccessServices.
func distinct(targets []access.Target) []access.Target {
	seen := map[netip.AddrPort]bool{}
	targets = slices.DeleteFunc(targets, func(t access.Target) bool {
		at := netip.AddrPortFrom(t.Addr, t.Port)
		again := seen[at]
		seen[at] = true
		return again
	})
	return targets[:min(len(targets), maxAccessServices)]
}

// converse speaks with the services and reports whether some were left out
// because the connections of the audit are used up. The mail hosts come first;
// what was seen of them is not asked again.
func (r *run) converse(ctx context.Context, a *Access, targets []access.Target) (left bool) {
	var seen []Dialogue
	if table := checkers(); wanted(table, r.opts.Checks, "smtp") || wanted(table, r.opts.Checks, "tls") {
		r.sessions(ctx)
		seen = r.facts.SMTP
	}
	targets = slices.DeleteFunc(targets, func(t access.Target) bool {
		i := slices.IndexFunc(seen, func(d Dialogue) bool {
			return d.Host == t.Host && d.Addr == t.Addr && d.Port == t.Port && t.Protocol == access.Submission && d.spoken()
		})
		if i >= 0 {
			a.Submission = append(a.Submission, seen[i])
		}
		return i >= 0
	})
	free := max(0, MaxConnections-int(r.guard.opened.Load()))
	left = len(targets) > free
	targets = targets[:min(len(targets), free)]

	found := make([]conversation, len(targets))
	var parts group.Group
	for _, addr := range addresses(targets) {
		parts.Go(func() { r.converseAt(ctx, addr, targets, found) })
	}
	parts.Wait()
	for _, c := range found {
		switch {
		case c.mailbox != nil:
			a.Mailboxes = append(a.Mailboxes, *c.mailbox)
		case c.submission != nil:
			a.Submission = append(a.Submission, *c.submission)
		}
	}
	return left
}

// A conversation is a session with one service, of either kind; none where it
// was not tried.
type conversation struct {
	mailbox    *Mailbox
	submission *Dialogue
}

// converseAt speaks with the services at one address, one after the other. It
// gives up where nobody answered the first attempts: the others would only take
// the time of the audit.
func (r *run) converseAt(ctx context.Context, addr netip.Addr, targets []access.Target, found []conversation) {
	silent, heard := 0, false
	for i, t := range targets {
		if t.Addr != addr {
			continue
		}
		if !heard && silent == maxSilent {
			return
		}
		var s clientService
		if t.Protocol == access.Submission {
			d := r.session(ctx, smtp.Target{Host: t.Host, Addr: t.Addr, Port: t.Port, Implicit: t.Implicit})
			found[i].submission, s = &d, d.service()
		} else {
			m := r.mailbox(ctx, t)
			found[i].mailbox, s = &m, m.service()
		}
		if s.state == serviceSilent {
			silent++
		} else {
			heard = true
		}
	}
}

// addresses returns those of targets, each once, in their order.
func addresses(targets []access.Target) []netip.Addr {
	var out []netip.Addr
	for _, t := range targets {
		if !slices.Contains(out, t.Addr) {
			out = append(out, t.Addr)
		}
	}
	return out
}

// mailbox holds one dialogue, while nobody else talks to that address.
func (r *run) mailbox(ctx context.Context, t access.Target) Mailbox {
	var m Mailbox
	turn := r.guard.hold(ctx, t.Host, t.Addr)
	if turn == nil {
		m.Session = access.Session{
			Host: t.Host, Addr: t.Addr, Port: t.Port, Protocol: t.Protocol, Implicit: t.Implicit, Outcome: access.OutcomeCancelled,
		}
		return m
	}
	defer turn.end()
	m.Session = *access.Probe(ctx, turn.dial, t, access.Options{
		Handshake: func(ctx context.Context, conn net.Conn, host string) (secured net.Conn) {
			secured, m.TLS = tlsx.Handshake(ctx, conn, tlsx.Config{ServerName: host, Roots: r.net.Roots, Now: r.net.Now()})
			return secured
		},
	})
	return m
}

// accessUnknown is the coverage where the DNS did not tell all, or reports true.
func (r *run) accessUnknown(ctx context.Context, a *Access) (Coverage, bool) {
	d := a.DNS
	for i := range d.Services {
		if s := &d.Services[i]; !s.Status.Known() {
			return r.unknown(ctx, string(s.Status), s.Reason, s.Name+"."+d.Domain), false
		}
	}
	hosts := slices.Concat(d.Hosts, d.Guesses)
	if a.Host != nil {
		hosts = append(hosts, *a.Host)
	}
	for _, h := range hosts {
		if !h.Status.Known() {
			return r.unknown(ctx, string(h.Status), h.Reason, h.Name), false
		}
	}
	for i := range d.Services {
		if s := &d.Services[i]; a.Origin == AccessSRV && s.Announced() && !usualPort(s.Servers[0].Port) {
			return Coverage{State: Inconclusive, Reason: ReasonOtherPort, Subject: s.Servers[0].Host}, false
		}
	}
	return Coverage{}, true
}

// accessCoverage says how far the services could be seen.
func accessCoverage(a *Access) Coverage {
	services := a.services()
	silent, spoke := "", false
	for i := range services {
		s := &services[i]
		if s.unclear != "" {
			return Coverage{State: Inconclusive, Reason: s.unclear, Subject: s.host}
		}
		spoke = spoke || s.state != serviceAbsent && s.state != serviceSilent
		if s.state == serviceSilent {
			silent = s.host
		}
	}
	sure := a.Origin == AccessGiven || a.Origin == AccessSRV
	switch {
	case spoke:
		return Coverage{State: Done}
	case silent != "":
		return Coverage{State: Inconclusive, Reason: ReasonNoAnswer, Subject: silent}
	case sure && len(services) > 0:
		return Coverage{State: Inconclusive, Reason: ReasonHostsDown, Subject: services[0].host}
	}
	return Coverage{State: Skipped, Reason: ReasonNoAccess}
}

// leads reports whether the name is known to have an address.
func leads(h *access.Host) bool { return h != nil && h.Status == dnsx.OK }
