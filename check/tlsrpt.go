package check

import (
	"cmp"
	"context"
	"slices"

	"maildoctor/check/mtasts"
	"maildoctor/check/tlsrpt"
)

// The rules about TLS reporting. Without a policy that the reports could tell
// of, a domain without it breaks none.
const (
	tlsrptSyntax    RuleID = "TLSRPT-SYNTAX"
	tlsrptMultiple  RuleID = "TLSRPT-MULTIPLE"
	tlsrptNoAddress RuleID = "TLSRPT-NO-ADDRESS"
	tlsrptMissing   RuleID = "TLSRPT-MISSING"
	tlsrptOwnMX     RuleID = "TLSRPT-OWN-MX"
)

// tlsrptChecker reads the facts of MTA-STS and DANE where they were gathered; it
// does not ask for them.
func tlsrptChecker() checker {
	return checker{
		name: "tls-rpt", gather: gatherTLSRPT, judge: judgeTLSRPT, merits: meritsTLSRPT,
		rules: []RuleID{tlsrptSyntax, tlsrptMultiple, tlsrptNoAddress, tlsrptMissing, tlsrptOwnMX},
	}
}

func gatherTLSRPT(ctx context.Context, r *run) Coverage {
	s := tlsrpt.Lookup(ctx, r.dns, r.domain)
	r.facts.TLSRPT = s
	if s.Outcome == tlsrpt.CannotTell {
		c := r.unknown(ctx, string(s.Status), s.Reason, cmp.Or(s.Asked, s.Domain))
		c.Minor = true
		return c
	}
	return Coverage{State: Done}
}

func judgeTLSRPT(f *Facts, add func(Finding)) {
	s := f.TLSRPT
	if s == nil {
		return
	}
	evidence := append(alias(s.Asked, s.Chain), texts(s.Texts)...)
	seen := map[tlsrpt.Reason]bool{} // of each kind of defect the first is said
	if len(s.Texts) == 0 {
		for _, near := range s.Near {
			if !seen[near.Fault.Reason] {
				seen[near.Fault.Reason] = true
				add(tlsrptDefect(s, near.Fault, effectUnusable, append(alias(s.Asked, s.Chain), string(near.Text))))
			}
		}
	}
	switch s.Outcome {
	case tlsrpt.NotFound:
		if policy := f.policyInForce(); policy != "" && len(s.Near) == 0 {
			add(Finding{Rule: tlsrptMissing, Subject: s.Domain, Params: params("policy", policy, "place", cmp.Or(s.Asked, s.Domain))})
		}
		return
	case tlsrpt.Several:
		add(Finding{
			Rule: tlsrptMultiple, Subject: s.Domain, Evidence: evidence,
			Params: params("place", s.Asked, "count", len(s.Texts)),
		})
		return
	case tlsrpt.Found:
	default:
		return
	}
	if s.Void() {
		add(Finding{
			Rule: tlsrptNoAddress, Subject: s.Domain, Evidence: evidence,
			Params: params("place", s.Asked, "defect", addressDefect(s)),
		})
		return
	}
	for _, fault := range s.Faults {
		if effect := tlsrptEffect(fault.Reason); effect != "" && !seen[fault.Reason] {
			seen[fault.Reason] = true
			add(tlsrptDefect(s, fault, effect, evidence))
		}
	}
	if f.policyInForce() != "" && reportsHome(s) {
		add(Finding{Rule: tlsrptOwnMX, Subject: s.Domain, Evidence: evidence, Params: params("place", s.Asked)})
	}
}

func tlsrptDefect(s *tlsrpt.Result, fault tlsrpt.Fault, effect string, evidence []string) Finding {
	return Finding{
		Rule: tlsrptSyntax, Subject: s.Domain, Evidence: evidence,
		Params: params(
			"place", s.Asked, "value", quoted(fault.Value), "column", fault.Offset+1,
			"defect", fault.Reason, "effect", effect,
		),
	}
}

// tlsrptEffect says what a fault does that leaves other addresses, or nothing
// where it breaks no rule.
func tlsrptEffect(reason tlsrpt.Reason) string {
	switch reason {
	case tlsrpt.DuplicateTag, tlsrpt.RUARepeated, tlsrpt.BadValue:
		return ""
	case tlsrpt.URINoScheme, tlsrpt.URIMalformed, tlsrpt.URIAddress, tlsrpt.URIHost, tlsrpt.URIScheme, tlsrpt.URITooMany:
		return effectPart
	}
	return effectStrict
}

// reportsHome reports whether all reports go to mailboxes of the domain itself.
func reportsHome(s *tlsrpt.Result) bool {
	return len(s.Record.Hosts("https")) == 0 && slices.Equal(s.Record.Hosts("mailto"), []string{s.Domain})
}

// addressDefect says why a record has no address that can be used.
func addressDefect(s *tlsrpt.Result) tlsrpt.Reason {
	reason := tlsrpt.RUAMissing
	for _, fault := range s.Faults {
		switch {
		case tlsrptEffect(fault.Reason) == effectPart: // of an address, which says more
			return fault.Reason
		case fault.Void:
			reason = fault.Reason
		}
	}
	return reason
}

// The policies that TLS reports tell of, as a parameter names them.
const (
	policyMTASTS = "mta-sts"
	policyDANE   = "dane"
	policyBoth   = "both"
)

// policyInForce returns the policy that senders apply to the domain, or "".
func (f *Facts) policyInForce() string {
	sts := false
	if f.MTASTS != nil {
		mode, _ := f.MTASTS.Effective()
		sts = mode == mtasts.Enforce || mode == mtasts.Testing
	}
	pinned := f.DANE != nil && slices.ContainsFunc(f.DANE.Hosts, func(h DANEHost) bool { return h.Applies() })
	switch {
	case sts && pinned:
		return policyBoth
	case sts:
		return policyMTASTS
	case pinned:
		return policyDANE
	}
	return ""
}

func meritsTLSRPT(f *Facts, add func(Merit)) {
	if s := f.TLSRPT; s != nil && s.Outcome == tlsrpt.Found && !s.Void() {
		add(Merit{ID: "tls-rpt", Subject: s.Domain})
	}
}
