package check

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"maildoctor/check/rdns"
)

// The rules about reverse DNS. That of an MX host says nothing about the host
// that sends, hence rules of its own.
const (
	ptrMissing        RuleID = "PTR-MISSING"
	ptrNotConfirmed   RuleID = "PTR-NOT-CONFIRMED"
	ptrMXMissing      RuleID = "PTR-MX-MISSING"
	ptrMXNotConfirmed RuleID = "PTR-MX-NOT-CONFIRMED"
)

// maxPTR is how many addresses of MX hosts are asked about.
const maxPTR = 10

func ptrChecker() checker {
	return checker{
		name: "ptr", gather: gatherPTR, judge: judgePTR, merits: meritsPTR,
		rules: []RuleID{ptrMissing, ptrNotConfirmed, ptrMXMissing, ptrMXNotConfirmed},
	}
}

// Reverse is the reverse DNS of one address. Host is the MX host that has it,
// empty where it is the address that the user says sends.
type Reverse struct {
	rdns.Result
	Host string `json:"host,omitempty"`
}

func gatherPTR(ctx context.Context, r *run) Coverage {
	targets, state := []Reverse{{Result: rdns.Result{Addr: r.opts.IP}}}, Coverage{State: Done}
	if !r.opts.IP.IsValid() {
		found := r.hosts(ctx)
		targets, state = mxAddresses(r), mxCoverage(ctx, r, found)
		if len(targets) == 0 && state.State == Done {
			return Coverage{State: Skipped, Reason: ReasonNoAddress}
		}
	}
	var parts group
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
	return state
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
			add(Finding{Rule: missing, Subject: p.Addr.String(), Params: q})
		case rdns.Fail:
			q["names"] = p.names()
			add(Finding{Rule: unconfirmed, Subject: p.Addr.String(), Params: q})
		}
	}
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
}
