package spf

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"

	"maildoctor/check/dnsx"
)

// A Query is a sender to check.
type Query struct {
	IP       netip.Addr       // of the SMTP client; IPv4 in IPv6 counts as IPv4
	Domain   string           // whose record to evaluate; if empty, the part behind the last @ of MailFrom, else Helo
	MailFrom string           // the reverse-path without angle brackets; empty for a bounce
	Helo     string           // the argument of HELO or EHLO
	Receiver string           // the name of the host that checks, for %{r}; "unknown" if empty
	Now      func() time.Time // for %{t}; if nil, %{t} is 0
}

// domain returns <domain> of check_host() (RFC 7208 sections 2.4 and 4.1).
func (q Query) domain() string {
	if q.Domain != "" {
		return q.Domain
	}
	if at := strings.LastIndexByte(q.MailFrom, '@'); at >= 0 {
		return q.MailFrom[at+1:]
	}
	return q.Helo
}

// Evaluate is check_host() (RFC 7208 section 4). It obeys the limits of section
// 4.6.4 over the whole recursion and ends within MaxTime.
//
// Whatever the records say, it asks the resolver 123 times at most: for the
// record, for MaxLookups terms, of which each mx leads to MaxMX hosts, for PTR
// and MaxPTR names, once for all ptr and %{p}, and for the explanation.
func Evaluate(ctx context.Context, r dnsx.Resolver, q Query) *Evaluation {
	ctx, cancel := context.WithTimeout(ctx, MaxTime)
	defer cancel()
	q.IP = q.IP.Unmap().WithZone("")
	domain := plain(q.domain())
	e := &evaluator{resolver: r, query: q, sender: newSender(q, domain)}
	trace := e.checkHost(ctx, domain, true)
	return &Evaluation{
		Domain:      trace.Domain,
		IP:          q.IP,
		Result:      trace.Result,
		Cause:       trace.Cause,
		Explanation: e.explanation,
		Lookups:     e.lookups,
		VoidLookups: e.voids,
		Decisive:    trace.decisive(),
		Trace:       trace,
	}
}

// An evaluator is one evaluation.
type evaluator struct {
	resolver    dnsx.Resolver
	query       Query
	sender      sender
	lookups     int
	voids       int
	explanation string
	validated   []string // names of the client, nil until looked up
	ptr         dnsx.Answer
	ptrAsked    bool
}

// checkHost evaluates the record of a domain given in octets. If explain is
// set, a fail fetches the explanation (RFC 7208 section 6.2).
func (e *evaluator) checkHost(ctx context.Context, domain string, explain bool) *Check {
	name, ok := toDomain(domain)
	c := &Check{Domain: name}
	// RFC 7208 section 4.3
	if !ok {
		c.Result, c.Cause = ResultNone, CauseDomain
		return c
	}
	s := selectRecords(e.resolver.Lookup(ctx, name, dns.TypeTXT))
	c.Status, c.Reason = s.Status, s.Reason
	switch {
	case s.Malformed:
		c.Result, c.Cause = ResultNone, CauseDomain
	case s.Outcome == Unknown:
		// RFC 7208 section 4.4
		c.Result, c.Cause = ResultTempError, CauseDNS
	case s.Outcome == None:
		c.Result, c.Cause = ResultNone, CauseNoRecord
	case s.Outcome == Many:
		c.Result, c.Cause = ResultPermError, CauseMany
	default:
		c.Record = s.Records[0]
		e.evaluate(ctx, c, domain, explain)
	}
	return c
}

// evaluate applies the terms of the record of c until one decides.
func (e *evaluator) evaluate(ctx context.Context, c *Check, domain string, explain bool) {
	record, faults := Parse(string(c.Record))
	// RFC 7208 section 4.6
	if len(faults) > 0 {
		c.Faults, c.Result, c.Cause = faults, ResultPermError, CauseSyntax
		return
	}
	for _, d := range record.Directives {
		a := e.directive(ctx, d, domain)
		c.Terms = append(c.Terms, a)
		if a.Result == "" {
			continue
		}
		c.Result, c.Cause = a.Result, a.Cause
		if exp := record.Modifier(ModifierExp); explain && c.Result == ResultFail && exp != nil {
			e.explanation = e.explain(ctx, exp.Value, domain)
		}
		return
	}
	redirect := record.Redirect()
	if redirect == nil {
		// RFC 7208 section 4.7
		c.Result = ResultNeutral
		return
	}
	a := e.redirect(ctx, *redirect, domain, explain)
	c.Terms = append(c.Terms, a)
	c.Result, c.Cause = a.Result, a.Cause
}

// redirect evaluates the target in place of the record (RFC 7208 section 6.1).
func (e *evaluator) redirect(ctx context.Context, m Modifier, domain string, explain bool) Application {
	a := Application{Term: m.Term}
	if !e.charge(&a) {
		return a
	}
	target := e.target(ctx, m.Value, domain)
	a.Check = e.checkHost(ctx, target, explain)
	a.Target, a.Status, a.Reason = a.Check.Domain, a.Check.Status, a.Check.Reason
	a.Matched = true
	a.Result, a.Cause = a.Check.Result, a.Check.Cause
	if a.Result == ResultNone {
		e.void(&a)
		a.Result, a.Cause = ResultPermError, CauseTarget
	}
	return a
}

// directive applies a directive. The result is empty if it does not match.
func (e *evaluator) directive(ctx context.Context, d Directive, domain string) Application {
	a := Application{Term: d.Term}
	if d.Cost() > 0 && !e.charge(&a) || e.sender.cannotExpand(d.Domain) {
		return a
	}
	switch d.Mechanism {
	case MechanismAll:
		a.Matched = true
	case MechanismIP4, MechanismIP6:
		a.match(d.Network.Masked(), e.query.IP)
	case MechanismInclude:
		e.include(ctx, &a, d, domain)
	case MechanismA:
		e.a(ctx, &a, d, domain)
	case MechanismMX:
		e.mx(ctx, &a, d, domain)
	case MechanismPTR:
		e.ptrMechanism(ctx, &a, d, domain)
	case MechanismExists:
		e.exists(ctx, &a, d, domain)
	}
	switch {
	case a.Result != "":
	case a.Matched:
		a.Result = d.Qualifier.Result()
	default:
		e.void(&a)
	}
	return a
}

// charge counts a term that asks the DNS, and reports false where it is one too
// many (RFC 7208 section 4.6.4).
func (e *evaluator) charge(a *Application) bool {
	a.Cost = 1
	e.lookups++
	if e.lookups > MaxLookups {
		a.Result, a.Cause = ResultPermError, CauseLookups
		return false
	}
	return true
}

// void counts a term whose lookup found nothing (RFC 7208 section 4.6.4).
func (e *evaluator) void(a *Application) {
	if !a.Status.Absent() {
		return
	}
	a.Void = true
	e.voids++
	if e.voids > MaxVoidLookups {
		a.Result, a.Cause = ResultPermError, CauseVoidLookups
	}
}

// match notes the first prefix that holds the address of the client.
func (a *Application) match(p netip.Prefix, ip netip.Addr) {
	if !a.Matched && p.Contains(ip) {
		a.Matched, a.By = true, p.String()
	}
}

// include matches if the target gives pass (RFC 7208 section 5.2).
func (e *evaluator) include(ctx context.Context, a *Application, d Directive, domain string) {
	a.Check = e.checkHost(ctx, e.target(ctx, d.Domain, domain), false)
	a.Target, a.Status, a.Reason = a.Check.Domain, a.Check.Status, a.Check.Reason
	switch a.Check.Result {
	case ResultPass:
		a.Matched = true
	case ResultTempError, ResultPermError:
		a.Result, a.Cause = a.Check.Result, a.Check.Cause
	case ResultNone:
		e.void(a)
		a.Result, a.Cause = ResultPermError, CauseTarget
	}
}

// a matches if an address of the target does (RFC 7208 section 5.3).
func (e *evaluator) a(ctx context.Context, a *Application, d Directive, domain string) {
	answer, ok := e.askTarget(ctx, a, d, domain, e.addressType())
	if ok {
		e.matchAddresses(a, d, answer)
	}
}

// mx matches if an address of a mail host of the target does (RFC 7208 section
// 5.4). There is no fallback to the target itself.
func (e *evaluator) mx(ctx context.Context, a *Application, d Directive, domain string) {
	answer, ok := e.askTarget(ctx, a, d, domain, dns.TypeMX)
	if !ok {
		return
	}
	hosts := exchanges(answer)
	// RFC 7208 section 4.6.4
	if len(hosts)+answer.Cut > MaxMX {
		a.Result, a.Cause = ResultPermError, CauseMX
		return
	}
	// RFC 7208 section 5: a failure ends the mechanism, unless a host before it
	// has matched.
	for i, answer := range e.askAll(ctx, hosts, e.addressType()) {
		if e.matchAddresses(a, d, answer); a.Matched {
			a.By = hosts[i] + " " + a.By
			return
		}
		if !answer.Status.Known() && !isBadName(answer) {
			a.Status, a.Reason = answer.Status, answer.Reason
			a.Result, a.Cause = ResultTempError, CauseDNS
			return
		}
	}
}

// exists matches if the target has an A record, whatever the client's address
// (RFC 7208 section 5.7).
func (e *evaluator) exists(ctx context.Context, a *Application, d Directive, domain string) {
	answer, ok := e.askTarget(ctx, a, d, domain, dns.TypeA)
	if ok && answer.Status == dnsx.OK {
		a.Matched, a.By = true, a.Target
	}
}

// askTarget asks for the target of a directive, the domain itself where it
// names none. It reports false if there is nothing to compare: a name that
// cannot exist matches nothing (RFC 7208 section 4.8), a lookup that failed is
// a temperror (RFC 7208 section 5).
func (e *evaluator) askTarget(ctx context.Context, a *Application, d Directive, domain string, qtype uint16) (dnsx.Answer, bool) {
	octets := domain
	if d.Domain.Text != "" {
		octets = e.target(ctx, d.Domain, domain)
	}
	var ok bool
	if a.Target, ok = toName(octets); !ok {
		return dnsx.Answer{}, false
	}
	answer := e.resolver.Lookup(ctx, a.Target, qtype)
	a.Status, a.Reason = answer.Status, answer.Reason
	switch {
	case isBadName(answer):
		return answer, false
	case !answer.Status.Known():
		a.Result, a.Cause = ResultTempError, CauseDNS
		return answer, false
	}
	return answer, true
}

// addressType is the type of the addresses that the client's can be compared with.
func (e *evaluator) addressType() uint16 {
	if e.query.IP.Is4() {
		return dns.TypeA
	}
	return dns.TypeAAAA
}

// matchAddresses compares the client with addresses, each widened by the prefix
// length of the directive.
func (e *evaluator) matchAddresses(a *Application, d Directive, answer dnsx.Answer) {
	for _, addr := range addresses(answer) {
		bits := d.Prefix4
		if addr.Is6() {
			bits = d.Prefix6
		}
		if p, err := addr.Prefix(bits); err == nil && !a.Matched && p.Contains(e.query.IP) {
			a.Matched, a.By = true, netip.PrefixFrom(addr, bits).String()
		}
	}
}
