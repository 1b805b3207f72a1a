package check

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"maildoctor/check/dnsx"
	"maildoctor/check/mx"
	"maildoctor/check/spf"
)

// The rules about MX records.
const (
	mxNone        RuleID = "MX-NONE"
	mxNoHost      RuleID = "MX-NO-USABLE-HOST"
	mxImplicit    RuleID = "MX-IMPLICIT"
	mxNullOthers  RuleID = "MX-NULL-WITH-OTHERS"
	mxNullSending RuleID = "MX-NULL-SENDING"
	mxCNAME       RuleID = "MX-TARGET-CNAME"
	mxDangling    RuleID = "MX-TARGET-DANGLING"
	mxIP          RuleID = "MX-TARGET-IP"
	mxPrivate     RuleID = "MX-TARGET-PRIVATE"
	mxDuplicate   RuleID = "MX-DUPLICATE-HOST"
	mxSingle      RuleID = "MX-SINGLE"
)

func mxChecker() checker {
	return checker{
		name: "mx", reads: []string{"spf"}, gather: gatherMX, judge: judgeMX, merits: meritsMX,
		rules: []RuleID{
			mxNone, mxNoHost, mxImplicit, mxNullOthers, mxNullSending, mxCNAME, mxDangling, mxIP, mxPrivate,
			mxDuplicate, mxSingle,
		},
	}
}

// hosts returns the mail hosts of the domain. Several checkers need them; the
// first that asks looks them up.
func (r *run) hosts(ctx context.Context) *mx.Result {
	r.once.hosts.Do(func() {
		found := mx.Lookup(ctx, r.dns, r.domain)
		r.facts.MX = found
		for i := range found.Hosts {
			for _, a := range found.Hosts[i].Addrs() {
				if !r.net.public(a) {
					r.facts.NotPublic = append(r.facts.NotPublic, a)
				}
			}
		}
		slices.SortFunc(r.facts.NotPublic, netip.Addr.Compare)
		r.facts.NotPublic = slices.Compact(r.facts.NotPublic)
	})
	return r.facts.MX
}

func gatherMX(ctx context.Context, r *run) Coverage {
	return mxCoverage(ctx, r, r.hosts(ctx))
}

// mxCoverage says whether all that the DNS has about the hosts was found out.
func mxCoverage(ctx context.Context, r *run, found *mx.Result) Coverage {
	if !found.Status.Known() {
		return r.unknown(ctx, string(found.Status), found.Reason, found.Domain)
	}
	for i := range found.Hosts {
		h := &found.Hosts[i]
		for _, family := range []mx.Addresses{h.A, h.AAAA} {
			if family.Status != "" && !family.Status.Known() {
				c := r.unknown(ctx, string(family.Status), family.Reason, h.Name)
				c.Minor = h.Status() == dnsx.OK // the host can be reached all the same
				return c
			}
		}
	}
	return Coverage{State: Done}
}

func judgeMX(f *Facts, add func(Finding)) {
	m := f.MX
	if m == nil || !m.Status.Known() {
		return
	}
	if m.Null {
		judgeNullMX(f, add)
	}
	if m.Implicit {
		judgeImplicitMX(f, add)
		return
	}
	if m.Status == dnsx.NXDomain { // the domain is an alias that leads to nothing
		add(Finding{Rule: mxNone, Subject: f.Domain})
		return
	}
	unusable := 0
	for i := range m.Hosts {
		if !judgeTarget(f, &m.Hosts[i], add) {
			unusable++
		}
	}
	switch n := len(m.Hosts); {
	case n > 0 && unusable == n && m.Cut == 0:
		add(Finding{Rule: mxNoHost, Subject: f.Domain, Params: params("hosts", hostNames(m))})
	case n == 1 && m.Cut == 0 && unusable == 0 && single(&m.Hosts[0]):
		add(Finding{Rule: mxSingle, Subject: f.Domain, Params: params("host", m.Hosts[0].Name)})
	}
}

// single reports whether a host has one address and, for all that is known, no
// other.
func single(h *mx.Host) bool {
	return len(h.Addrs()) == 1 && h.A.Status.Known() && h.AAAA.Status.Known()
}

func judgeNullMX(f *Facts, add func(Finding)) {
	if len(f.MX.Hosts) > 0 {
		add(Finding{Rule: mxNullOthers, Subject: f.Domain})
		return
	}
	if t := f.SPF; t != nil && t.Root != nil && t.Root.Outcome == spf.One && t.Senders {
		add(Finding{Rule: mxNullSending, Subject: f.Domain, Evidence: texts(t.Root.Records)})
	}
}

func judgeImplicitMX(f *Facts, add func(Finding)) {
	if len(f.MX.Hosts) == 0 || f.Role() == Parked {
		return
	}
	switch h := &f.MX.Hosts[0]; {
	case h.Status() == dnsx.OK:
		if judgeTarget(f, h, add) {
			add(Finding{Rule: mxImplicit, Subject: f.Domain})
		}
	case h.Status().Absent():
		add(Finding{Rule: mxNone, Subject: f.Domain})
	}
}

// judgeTarget judges one mail host and reports whether it can be used, as far
// as is known.
func judgeTarget(f *Facts, h *mx.Host, add func(Finding)) (usable bool) {
	p := params("host", h.Name)
	if h.Listed > 1 {
		add(Finding{Rule: mxDuplicate, Subject: f.Domain, Params: p})
	}
	if h.Kind == mx.KindAddress {
		add(Finding{Rule: mxIP, Subject: f.Domain, Params: p})
		return false
	}
	if h.Listed > 0 && len(h.Alias) > 0 { // RFC 2181 section 10.3
		add(Finding{
			Rule: mxCNAME, Subject: f.Domain,
			Params: params("host", h.Name, "target", h.Alias[len(h.Alias)-1]),
		})
	}
	if h.Status().Absent() {
		add(Finding{Rule: mxDangling, Subject: f.Domain, Params: p})
		return false
	}
	addrs, private := h.Addrs(), 0
	for _, a := range addrs {
		if slices.Contains(f.NotPublic, a) && !f.AllowPrivate {
			private++
			add(Finding{Rule: mxPrivate, Subject: f.Domain, Params: params("host", h.Name, "address", a)})
		}
	}
	return private == 0 || private < len(addrs)
}

func hostNames(m *mx.Result) string {
	var out []string
	for _, h := range m.Hosts {
		out = append(out, h.Name)
	}
	return strings.Join(out, ", ")
}

func meritsMX(f *Facts, add func(Merit)) {
	m := f.MX
	switch {
	case m == nil || !m.Status.Known():
	case m.RefusesMail() && f.Role() == Parked:
		add(Merit{ID: "mx-null", Subject: f.Domain})
	case !m.Implicit && len(m.Hosts) > 0 && m.Cut == 0:
		for i := range m.Hosts {
			if m.Hosts[i].Status() != dnsx.OK || !judgeTarget(f, &m.Hosts[i], func(Finding) {}) {
				return
			}
		}
		add(Merit{ID: "mx-hosts", Subject: f.Domain, Params: params("count", len(m.Hosts))})
	}
}
