package check

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"time"

	"maildoctor/check/group"
	"maildoctor/check/mx"
	"maildoctor/check/smtp"
	"maildoctor/check/tlsx"
)

// MaxHosts is how many MX hosts one audit greets, the most preferred first, at
// one IPv4 and one IPv6 address each.
const MaxHosts = 5

// The ports of message submission (RFC 8314 section 3.3, RFC 6409).
const (
	portSubmissions = 465
	portSubmission  = 587
)

// sessions talks to the mail hosts, once for all checkers that read what they
// showed. It reports false, and why, where there was nobody to talk to.
func (r *run) sessions(ctx context.Context) (Coverage, bool) {
	found := r.hosts(ctx)
	hosts := reachable(found)
	switch {
	case found.RefusesMail():
		return Coverage{State: Skipped, Reason: ReasonNullMX}, false
	case r.opts.NoSMTP:
		return Coverage{State: Skipped, Reason: ReasonNoSMTP}, false
	case len(hosts) == 0:
		if c := mxCoverage(ctx, r, found); c.State != Done {
			return c, false
		}
		return Coverage{State: Skipped, Reason: ReasonNoHosts}, false
	}
	r.once.sessions.Do(func() {
		p := r.plan(hosts)
		sessions := make([][]Dialogue, len(hosts))
		var parts group.Group
		for i, h := range hosts {
			parts.Go(func() { sessions[i] = r.greet(ctx, h, i < p.submission) })
		}
		parts.Wait()
		more, cancel := spareTime(ctx)
		defer cancel()
		if r.opts.Intrusive && wanted(checkers(), r.opts.Checks, "smtp") {
			r.inquire(more, sessions)
		}
		if wanted(checkers(), r.opts.Checks, "tls") {
			r.explore(more, sessions, p.offers)
		}
		r.facts.SMTP = slices.Concat(sessions...)
	})
	return Coverage{}, true
}

// A plan shares the connections of the audit out, the same way each time: what
// comes later is left out first, and so are the hosts that are preferred least.
type plan struct {
	submission int // of how many hosts the submission services are greeted
	offers     int // how many connections find out which TLS the hosts take
}

// reserved is how many connections are left to the web hosts: one each for the
// policy of MTA-STS, the logo of BIMI and its certificate, and one for a second
// address where the first does not answer.
const reserved = 4

func (r *run) plan(hosts []mailHost) plan {
	left := MaxConnections - reserved
	for _, h := range hosts {
		left -= len(h.addrs)
	}
	if r.opts.Intrusive {
		left--
	}
	if r.opts.access() != "" { // asked for, hence before what was not
		left -= maxAccessServices
	}
	var p plan
	services := len(submissionPorts(r.opts.smtpPort()))
	for range hosts {
		if services <= left {
			left -= services
			p.submission++
		}
	}
	p.offers = max(0, left)
	return p
}

// submissionPorts are the ports of message submission that are not those of the
// MX hosts.
func submissionPorts(mx uint16) []uint16 {
	return slices.DeleteFunc([]uint16{portSubmissions, portSubmission}, func(p uint16) bool { return p == mx })
}

// Times of what is asked beyond the dialogues.
const (
	spareMost = 8 * time.Second // for all of it
	spareLeft = 2 * time.Second // of the audit that must remain
)

// spareTime bounds what is asked beyond the dialogues, so that it cannot take
// the time that the audit needs to end.
func spareTime(ctx context.Context) (context.Context, context.CancelFunc) {
	until := time.Now().Add(spareMost)
	if end, ok := ctx.Deadline(); ok && end.Add(-spareLeft).Before(until) {
		until = end.Add(-spareLeft)
	}
	return context.WithDeadline(ctx, until)
}

// A mailHost is a host to greet at the addresses given.
type mailHost struct {
	name  string
	addrs []netip.Addr
}

// reachable picks the hosts to greet, the most preferred first: the first
// address of each family, and each address once. A host whose addresses are
// those of hosts before it is the same machine.
func reachable(found *mx.Result) []mailHost {
	var hosts []mailHost
	taken := map[netip.Addr]bool{}
	for i := range found.Hosts {
		var four, six []netip.Addr
		for _, a := range found.Hosts[i].Addrs() {
			switch a = a.Unmap(); {
			case taken[a]:
			case a.Is4():
				four = append(four, a)
			default:
				six = append(six, a)
			}
		}
		addrs := slices.Concat(four[:min(len(four), 1)], six[:min(len(six), 1)])
		if len(addrs) == 0 || len(hosts) == MaxHosts {
			continue
		}
		for _, a := range addrs {
			taken[a] = true
		}
		hosts = append(hosts, mailHost{found.Hosts[i].Name, addrs})
	}
	return hosts
}

// greet talks to one host: the MX service at its addresses at the same time,
// then the submission services at the first that answered.
func (r *run) greet(ctx context.Context, h mailHost, submission bool) []Dialogue {
	out := make([]Dialogue, len(h.addrs))
	var parts group.Group
	for i, a := range h.addrs {
		parts.Go(func() { out[i] = r.session(ctx, smtp.Target{Host: h.name, Addr: a, Port: r.opts.smtpPort()}) })
	}
	parts.Wait()
	best := max(0, slices.IndexFunc(out, func(d Dialogue) bool { return d.Outcome == smtp.OutcomeOK }))
	for _, port := range submissionPorts(r.opts.smtpPort()) {
		t := smtp.Target{Host: h.name, Addr: h.addrs[best], Port: port, Implicit: port == portSubmissions}
		if submission {
			out = append(out, r.session(ctx, t))
		} else {
			out = append(out, unspoken(t, smtp.OutcomeBudget))
		}
	}
	return out
}

// unspoken is a dialogue that was not begun.
func unspoken(t smtp.Target, why smtp.Outcome) Dialogue {
	return Dialogue{Session: smtp.Session{Host: t.Host, Addr: t.Addr, Port: t.Port, Implicit: t.Implicit, Outcome: why}}
}

// session holds one dialogue.
func (r *run) session(ctx context.Context, t smtp.Target) Dialogue {
	return r.talk(ctx, t, smtp.Options{}, tlsx.HelloAll)
}

// talk holds one dialogue with what is special about it, while nobody else talks
// to that address and few to its provider.
func (r *run) talk(ctx context.Context, t smtp.Target, o smtp.Options, hello tlsx.Hello) Dialogue {
	turn := r.guard.hold(ctx, t.Host, t.Addr)
	if turn == nil {
		d := unspoken(t, smtp.OutcomeCancelled)
		d.timed(ctx)
		return d
	}
	defer turn.end()
	var d Dialogue
	o.Helo = cmp.Or(r.opts.Helo, r.opts.Hostname)
	o.Handshake = func(ctx context.Context, conn net.Conn, host string) (secured net.Conn) {
		secured, d.TLS = tlsx.Handshake(ctx, conn, tlsx.Config{ServerName: host, Roots: r.net.Roots, Now: r.net.Now(), Hello: hello})
		return secured
	}
	d.Session = *smtp.Probe(ctx, turn.dial, t, o)
	d.timed(ctx)
	if d.TLS != nil {
		d.Grades = d.TLS.Grades()
	}
	return d
}

// timed tells a dialogue that the time of the audit ended from one that the user
// did.
func (d *Dialogue) timed(ctx context.Context) {
	if d.Outcome == smtp.OutcomeCancelled && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		d.Fault = smtp.FaultTimeout
	}
}

// explore finds out which versions and suites the MX services take, at the
// first address of a host where TLS was started. The most preferred host comes
// first where the connections do not suffice for all.
func (r *run) explore(ctx context.Context, sessions [][]Dialogue, connections int) {
	var parts group.Group
	for i := range sessions {
		j := slices.IndexFunc(sessions[i], func(d Dialogue) bool {
			return r.facts.isMX(&d) && d.StartTLS == smtp.StartTLSOK && d.TLS != nil && d.TLS.Outcome == tlsx.OutcomeOK
		})
		if j < 0 {
			continue
		}
		allowed := min(connections, tlsx.MaxTries)
		connections -= allowed
		parts.Go(func() { r.offers(ctx, &sessions[i][j], allowed) })
	}
	parts.Wait()
}

// offers makes further handshakes with one host, one after the other.
func (r *run) offers(ctx context.Context, d *Dialogue, allowed int) {
	d.Offers = tlsx.Explore(d.TLS, func(h tlsx.Hello) (*tlsx.State, string) {
		switch {
		case allowed == 0:
			return nil, ReasonConnections
		case ctx.Err() != nil:
			return nil, ReasonDeadline
		}
		allowed--
		tried := r.talk(ctx, smtp.Target{Host: d.Host, Addr: d.Addr, Port: d.Port}, smtp.Options{Brief: true}, h)
		switch {
		case tried.TLS != nil:
			return tried.TLS, ""
		case ctx.Err() != nil:
			return nil, ReasonDeadline
		}
		return nil, cmp.Or(unclear(&tried), ReasonBroken)
	})
}

// elsewhere is a domain that no server takes mail for, other than the domain
// itself. It has a null MX: what a server took for it by mistake could not be
// delivered (RFC 2606 section 3).
func elsewhere(domain string) string {
	if registered(domain) == "example.com" {
		return "example.org"
	}
	return "example.com"
}

// inquire asks the questions of Options.Intrusive at the most preferred host
// that answered.
func (r *run) inquire(ctx context.Context, sessions [][]Dialogue) {
	for i := range sessions {
		for j := range sessions[i] {
			d := &sessions[i][j]
			if !r.facts.isMX(d) || d.Outcome != smtp.OutcomeOK {
				continue
			}
			asked := r.talk(ctx, smtp.Target{Host: d.Host, Addr: d.Addr, Port: d.Port}, smtp.Options{
				Questions: &smtp.Questions{Domain: r.domain, Foreign: elsewhere(r.domain)},
			}, tlsx.HelloAll)
			d.Inquiry = &asked.Session
			return
		}
	}
}
