package check

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"maildoctor/check/group"
	"maildoctor/check/rdns"
	"maildoctor/check/spf"
)

// The rules about the names of hosts: those in the reverse tree, and the one in
// EHLO. The name of an MX host says nothing about the host that sends, hence
// rules of its own.
const (
	ptrMissing        RuleID = "PTR-MISSING"
	ptrNotConfirmed   RuleID = "PTR-NOT-CONFIRMED"
	ptrGeneric        RuleID = "PTR-GENERIC"
	ptrMXMissing      RuleID = "PTR-MX-MISSING"
	ptrMXNotConfirmed RuleID = "PTR-MX-NOT-CONFIRMED"

	heloNotFQDN      RuleID = "HELO-NOT-FQDN"
	heloUnresolved   RuleID = "HELO-UNRESOLVED"
	heloLiteral      RuleID = "HELO-LITERAL"
	heloLiteralWrong RuleID = "HELO-LITERAL-WRONG"
	heloSPFFail      RuleID = "HELO-SPF-FAIL"
)

// maxPTR is how many addresses of MX hosts are asked about.
const maxPTR = 10

func ptrChecker() checker {
	return checker{
		name: "ptr", gather: gatherPTR, judge: judgePTR, merits: meritsPTR,
		rules: []RuleID{
			ptrMissing, ptrNotConfirmed, ptrGeneric, ptrMXMissing, ptrMXNotConfirmed,
			heloNotFQDN, heloUnresolved, heloLiteral, heloLiteralWrong, heloSPFFail,
		},
	}
}

// Reverse is the reverse DNS of one address. Host is the MX host that has it,
// empty where it is the address that the user says sends.
type Reverse struct {
	rdns.Result
	Host string `json:"host,omitempty"`
}

// Helo is what the sending host says in EHLO. SPF is what the record of that name
// says of the address (RFC 7208 section 2.3); nil where the name or the address
// is not known.
type Helo struct {
	rdns.Helo
	SPF *spf.Evaluation `json:"spf,omitempty"`
}

// maxHeloQuestions is how many questions SPF of the name in EHLO may take: it is
// beside the point for most receivers.
const maxHeloQuestions = 30

func gatherPTR(ctx context.Context, r *run) Coverage {
	var parts group.Group
	if r.opts.Helo != "" {
		parts.Go(func() { r.facts.Helo = gatherHelo(ctx, r) })
	}
	targets, state := []Reverse{{Result: rdns.Result{Addr: r.opts.IP}}}, Coverage{State: Done}
	if !r.opts.IP.IsValid() {
		found := r.hosts(ctx)
		targets, state = mxAddresses(r), mxCoverage(ctx, r, found)
		if len(targets) == 0 && state.State == Done && r.opts.Helo == "" {
			return Coverage{State: Skipped, Reason: ReasonNoAddress}
		}
	}
	for i := range targets {
		parts.Go(func() { targets[i].Result = *rdns.Lookup(ctx, r.dns, targets[i].Addr) })
	}
	parts.Wait()
	r.facts.PTR = targets
	for _, t := range targets {
		if t.Verdict == rdns.Unknown {
			state = t.unknown(ctx, r)
			break
		}
	}
	state.Minor = state.State == Inconclusive && !r.opts.IP.IsValid()
	if h := r.facts.Helo; h != nil && !h.Known() && !(state.State == Inconclusive && !state.Minor) {
		state = r.unknown(ctx, string(h.Status), h.Reason, h.Name)
	}
	return state
}

func gatherHelo(ctx context.Context, r *run) *Helo {
	h, parts := &Helo{}, group.Group{}
	parts.Go(func() { h.Helo = *rdns.LookupHelo(ctx, r.dns, r.opts.Helo, r.opts.IP) })
	if read := rdns.ParseHelo(r.opts.Helo); r.opts.IP.IsValid() && read.Form == rdns.FullName {
		name := read.Name
		parts.Go(func() {
			h.SPF = spf.Evaluate(ctx, r.dns.Limit(maxHeloQuestions), spf.Query{
				IP: r.opts.IP, Domain: name, MailFrom: "postmaster@" + name, Helo: name, Now: r.net.Now,
			})
		})
	}
	parts.Wait()
	return h
}

// mxAddresses lists the public addresses of the MX hosts, each once.
func mxAddresses(r *run) []Reverse {
	var out []Reverse
	for i := range r.facts.MX.Hosts {
		h := &r.facts.MX.Hosts[i]
		for _, a := range h.Addrs() {
			known := slices.ContainsFunc(out, func(o Reverse) bool { return o.Addr == a })
			hidden := slices.Contains(r.facts.NotPublic, a) && !r.opts.AllowPrivate
			if !known && !hidden && len(out) < maxPTR {
				out = append(out, Reverse{Result: rdns.Result{Addr: a}, Host: h.Name})
			}
		}
	}
	slices.SortFunc(out, func(a, b Reverse) int { return netip.Addr.Compare(a.Addr, b.Addr) })
	return out
}

func judgePTR(f *Facts, add func(Finding)) {
	for _, p := range f.PTR {
		missing, unconfirmed := ptrMissing, ptrNotConfirmed
		q := params("address", p.Addr)
		switch {
		case p.Host != "":
			missing, unconfirmed = ptrMXMissing, ptrMXNotConfirmed
			q["host"] = p.Host
		case p.Addr.Is4():
			q["type"] = "A"
		default:
			q["type"] = "AAAA"
		}
		switch p.Verdict {
		case rdns.Missing:
			if p.Host == "" {
				q["own"] = f.ownName()
			}
			add(Finding{Rule: missing, Subject: p.Addr.String(), Params: q})
		case rdns.Fail:
			q["names"] = p.names()
			add(Finding{Rule: unconfirmed, Subject: p.Addr.String(), Params: q})
		case rdns.Pass:
			if n := p.generic(); p.Host == "" && n != nil {
				q["name"], q["pattern"], q["own"] = n.Name, string(n.Generic), f.ownName()
				add(Finding{Rule: ptrGeneric, Subject: p.Addr.String(), Params: q})
			}
		}
	}
	judgeHelo(f, add)
}

// generic returns the first name that leads back, if all that do look generic.
func (p Reverse) generic() *rdns.Name {
	var first *rdns.Name
	for i, n := range p.Names {
		switch {
		case !n.Confirms:
		case n.Generic == "":
			return nil
		case first == nil:
			first = &p.Names[i]
		}
	}
	return first
}

// judgeHelo judges what the sending host says in EHLO. A name that leads to
// another address is no fault (RFC 5321 section 4.1.4).
func judgeHelo(f *Facts, add func(Finding)) {
	h := f.Helo
	if h == nil {
		return
	}
	subject := quoted(h.Name)
	switch {
	case h.Form == rdns.Literal && (h.LeadsBack || f.sendingHost() == nil):
		add(Finding{Rule: heloLiteral, Subject: subject, Params: params("own", f.ownName())})
	case h.Form == rdns.Literal:
		add(Finding{Rule: heloLiteralWrong, Subject: subject, Params: params("address", f.sendingHost().Addr, "own", f.ownName())})
	case h.Form != rdns.FullName:
		add(Finding{Rule: heloNotFQDN, Subject: subject, Params: params("form", h.Form, "own", f.ownName())})
	case h.Unresolved():
		add(Finding{Rule: heloUnresolved, Subject: subject})
	}
	e := h.SPF
	if e == nil || e.Trace == nil || e.Result != spf.ResultFail || f.Sender != nil && f.Sender.Domain == e.Domain {
		return
	}
	record := string(e.Trace.Record)
	add(Finding{
		Rule: heloSPFFail, Subject: e.Domain, Evidence: []string{record},
		Params: params("address", e.IP, "record", authorising(record, e.IP)),
	})
}

// sendingHost returns the reverse DNS of the sending host, nil if the user did
// not name it. That of an MX host says nothing about the host that sends.
func (f *Facts) sendingHost() *Reverse {
	for i := range f.PTR {
		if f.PTR[i].Host == "" {
			return &f.PTR[i]
		}
	}
	return nil
}

// unknown says why the names of an address could not be judged.
func (p Reverse) unknown(ctx context.Context, r *run) Coverage {
	subject := p.Addr.String()
	if !p.Status.Known() {
		return r.unknown(ctx, string(p.Status), p.Reason, subject)
	}
	for _, n := range p.Names {
		if !n.Status.Known() {
			return r.unknown(ctx, string(n.Status), n.Reason, subject)
		}
	}
	return Coverage{State: Inconclusive, Reason: ReasonTooMany, Subject: subject}
}

func (p Reverse) names() string {
	var out []string
	for _, n := range p.Names {
		out = append(out, n.Name)
	}
	return strings.Join(out, ", ")
}

func meritsPTR(f *Facts, add func(Merit)) {
	for _, p := range f.PTR {
		for _, n := range p.Names {
			if n.Confirms {
				add(Merit{ID: "ptr-confirmed", Subject: p.Addr.String(), Params: params("address", p.Addr, "name", n.Name)})
				break
			}
		}
	}
	if h := f.Helo; h != nil && h.Form == rdns.FullName && h.LeadsBack {
		add(Merit{ID: "helo-confirmed", Subject: h.Name, Params: params("name", h.Name)})
	}
}

// ownName is a name for the sending host: one that its PTR record gives and that
// leads back, unless it looks generic; that of an MX host with its address; else
// a name in the audited domain, or an example where there is only an address.
func (f *Facts) ownName() string {
	host := f.sendingHost()
	if host == nil {
		return "out." + f.Domain
	}
	for _, n := range host.Names {
		if n.Confirms && n.Generic == "" {
			return n.Name
		}
	}
	if f.MX != nil {
		for i := range f.MX.Hosts {
			if slices.Contains(f.MX.Hosts[i].Addrs(), host.Addr) {
				return f.MX.Hosts[i].Name
			}
		}
	}
	if _, err := netip.ParseAddr(f.Domain); err == nil {
		return "out.example.com"
	}
	return "out." + f.Domain
}
