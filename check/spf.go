package check

import (
	"context"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"maildoctor/check/spf"
)

// The rules about SPF records.
const (
	spfMissing        RuleID = "SPF-MISSING"
	spfMultiple       RuleID = "SPF-MULTIPLE"
	spfSyntax         RuleID = "SPF-SYNTAX"
	spfTooManyLookups RuleID = "SPF-TOO-MANY-LOOKUPS"
	spfNearLimit      RuleID = "SPF-NEAR-LOOKUP-LIMIT"
	spfTooManyVoids   RuleID = "SPF-TOO-MANY-VOID-LOOKUPS"
	spfIncludeDead    RuleID = "SPF-INCLUDE-DEAD"
	spfLoop           RuleID = "SPF-LOOP"
	spfTooManyMX      RuleID = "SPF-TOO-MANY-MX"
	spfAllPass        RuleID = "SPF-ALL-PASS"
	spfAllNeutral     RuleID = "SPF-ALL-NEUTRAL"
	spfAllMissing     RuleID = "SPF-ALL-MISSING"
	spfPTR            RuleID = "SPF-PTR"
	spfRangeTooWide   RuleID = "SPF-RANGE-TOO-WIDE"
	spfRedirectIdle   RuleID = "SPF-REDIRECT-IGNORED"
	spfTermsAfterAll  RuleID = "SPF-TERMS-AFTER-ALL"
	spfNotAuthorised  RuleID = "SPF-IP-NOT-AUTHORISED"
	spfSenderNone     RuleID = "SPF-SENDER-NONE"
	spfSenderError    RuleID = "SPF-SENDER-ERROR"
	spfSenderID       RuleID = "SPF-SENDER-ID"
	spfMacroP         RuleID = "SPF-MACRO-P"
	spfCovered        RuleID = "SPF-TERM-COVERED"
	spfWasted         RuleID = "SPF-LOOKUPS-WASTED"
	spfNoDMARC        RuleID = "SPF-INCLUDE-NO-DMARC"
	parkedSPFOpen     RuleID = "PARKED-SPF-OPEN"
)

// Ranges wider than these authorise strangers: the widest that a known sender
// publishes are a /8 and a /20.
const (
	widestIP4 = 8
	widestIP6 = 16
)

// nearLookups is how many of the ten lookups leave no room for one more sender.
const nearLookups = spf.MaxLookups - 1

func spfChecker() checker {
	return checker{
		name: "spf", reads: []string{"mx"}, gather: gatherSPF, judge: judgeSPF, merits: meritsSPF,
		rules: []RuleID{
			spfMissing, spfMultiple, spfSyntax, spfTooManyLookups, spfNearLimit, spfTooManyVoids,
			spfIncludeDead, spfLoop, spfTooManyMX, spfAllPass, spfAllNeutral, spfAllMissing, spfPTR,
			spfRangeTooWide, spfRedirectIdle, spfTermsAfterAll, spfNotAuthorised,
			spfSenderNone, spfSenderError, spfSenderID, spfMacroP,
			spfCovered, spfWasted, spfNoDMARC, parkedSPFOpen,
		},
	}
}

func gatherSPF(ctx context.Context, r *run) Coverage {
	t := spf.Walk(ctx, r.dns, r.domain)
	r.facts.SPF = t
	if r.opts.IP.IsValid() {
		q := spf.Query{IP: r.opts.IP, MailFrom: r.opts.From, Helo: r.opts.Helo, Now: r.net.Now}
		if !strings.Contains(r.opts.From, "@") { // else its domain counts (RFC 7208 section 2.4)
			q.Domain = r.domain
		}
		r.facts.Sender = spf.Evaluate(ctx, r.dns, q)
	}
	e := r.facts.Sender
	switch {
	case e != nil && e.Result == spf.ResultTempError:
		c := failedCheck(e.Trace)
		return r.unknown(ctx, string(c.Status), c.Reason, c.Domain)
	case t.Truncated && t.Lookups <= spf.MaxLookups:
		return Coverage{State: Inconclusive, Reason: ReasonRecord, Subject: t.Domain}
	case !t.Incomplete:
		return Coverage{State: Done}
	case e != nil && slices.Equal(r.opts.Checks, []string{"spf"}):
		return Coverage{State: Done} // the answer for this sender does not depend on what is missing
	}
	subject := t.Domain
	t.Each(func(n *spf.Node) {
		if n.Outcome == spf.Unknown && subject == t.Domain {
			subject = n.Domain
		}
	})
	return r.unknown(ctx, string(t.Status), t.Reason, subject)
}

// failedCheck returns what a temperror is about: the lookup of a record, or of
// a term, that brought no answer.
func failedCheck(c *spf.Check) spf.Check {
	for c != nil && len(c.Terms) > 0 {
		last := c.Terms[len(c.Terms)-1]
		if last.Check == nil {
			return spf.Check{Domain: last.Target, Status: last.Status, Reason: last.Reason}
		}
		c = last.Check
	}
	if c == nil {
		return spf.Check{}
	}
	return *c
}

func judgeSPF(f *Facts, add func(Finding)) {
	t := f.SPF
	if t == nil || t.Root == nil || t.Root.Malformed {
		return
	}
	parked := f.Role() == Parked
	switch {
	case parked && (t.Root.Outcome == spf.None || t.Root.Outcome == spf.One && t.All != spf.QualifierFail):
		add(Finding{Rule: parkedSPFOpen, Subject: t.Domain, Evidence: texts(t.Root.Records)})
	case t.Root.Outcome == spf.None:
		add(Finding{
			Rule: spfMissing, Subject: t.Domain, Evidence: texts(t.Root.Lookalikes), Providers: f.signers(),
			Params: params("record", f.firstRecord()),
		})
	}
	if len(t.Root.SenderID) > 0 {
		add(Finding{Rule: spfSenderID, Subject: t.Domain, Evidence: texts(t.Root.SenderID)})
	}
	t.Each(func(n *spf.Node) { judgeSPFNode(n, add) })
	for n := t.Root; n != nil; n = handedTo(n) {
		judgeSPFOwn(n, add)
		if n.Domain == t.AllDomain && !parked {
			judgeSPFAll(t, n, add)
		}
	}
	judgeSPFTotals(t, add)
	judgeSPFThrift(t, add)
	judgeSPFReturnPath(f, add)
	judgeSender(f, add)
}

// judgeSender judges what SPF says of the sending host that the user named. A
// missing record and a permerror that everybody gets have rules of their own.
func judgeSender(f *Facts, add func(Finding)) {
	e := f.Sender
	if e == nil || e.Trace == nil {
		return
	}
	own := e.Domain == f.SPF.Domain
	switch e.Result {
	case spf.ResultNone:
		if !own && e.Domain != "" {
			add(Finding{Rule: spfSenderNone, Subject: e.Domain, Params: params("address", e.IP)})
		}
		return
	case spf.ResultPermError:
		if !own || !spfBroken(f.SPF) {
			var record []string
			if e.Trace.Record != "" {
				record = []string{string(e.Trace.Record)}
			}
			add(Finding{
				Rule: spfSenderError, Subject: e.Domain, Evidence: record,
				Params: params("address", e.IP, "cause", e.Cause),
			})
		}
		return
	case spf.ResultPass, spf.ResultTempError:
		return
	}
	term := "ip4:" + e.IP.String()
	if e.IP.Is6() {
		term = "ip6:" + e.IP.String()
	}
	record := string(e.Trace.Record)
	version, rest, _ := strings.Cut(record, " ")
	add(Finding{
		Rule: spfNotAuthorised, Subject: e.Domain, Evidence: []string{record},
		Params: params("address", e.IP, "result", e.Result, "record", strings.TrimRight(version+" "+term+" "+rest, " ")),
	})
}

// judgeSPFNode judges what breaks the whole policy wherever in the tree it
// stands.
func judgeSPFNode(n *spf.Node, add func(Finding)) {
	record := texts(n.Records)
	if n.Outcome == spf.Many {
		add(Finding{Rule: spfMultiple, Subject: n.Domain, Params: params("count", len(n.Records)), Evidence: record})
	}
	for _, fault := range n.Faults {
		add(Finding{
			Rule: spfSyntax, Subject: n.Domain, Evidence: record,
			Params: params("term", fault.Term, "column", fault.Offset+1, "reason", fault.Reason),
		})
	}
	for _, s := range n.Steps {
		if s.NeverReached || s.Ignored {
			continue
		}
		switch {
		case s.Loop:
			add(Finding{Rule: spfLoop, Subject: n.Domain, Params: params("target", s.Target), Evidence: record})
		case s.Child != nil && s.Child.Outcome == spf.None:
			add(Finding{
				Rule: spfIncludeDead, Subject: n.Domain, Evidence: record,
				Params: params("target", s.Target, "mechanism", s.Kind),
			})
		}
		if s.MX > spf.MaxMX {
			add(Finding{
				Rule: spfTooManyMX, Subject: n.Domain, Evidence: record,
				Params: params("target", s.Target, "count", s.MX),
			})
		}
		if !n.Grants || s.Qualifier != spf.QualifierPass {
			continue
		}
		for _, p := range s.Prefixes {
			if p.Bits() > 0 && (p.Addr().Is4() && p.Bits() < widestIP4 || p.Addr().Is6() && p.Bits() < widestIP6) {
				add(Finding{
					Rule: spfRangeTooWide, Subject: n.Domain, Evidence: record,
					Params: params("term", s.Text, "prefix", "/"+strconv.Itoa(p.Bits())),
				})
				break
			}
		}
	}
	if len(openings(n)) > 0 {
		add(Finding{Rule: spfAllPass, Subject: n.Domain, Evidence: record, Params: params("record", closed(n))})
	}
}

// openings returns the terms by which any address passes.
func openings(n *spf.Node) []string {
	if !n.Grants || len(n.Records) != 1 {
		return nil
	}
	var out []string
	for _, s := range n.Steps {
		everybody := slices.ContainsFunc(s.Prefixes, func(p netip.Prefix) bool { return p.Bits() == 0 })
		if s.Qualifier == spf.QualifierPass && !s.NeverReached && (s.Kind == string(spf.MechanismAll) || everybody) {
			out = append(out, string(s.Text))
		}
	}
	return out
}

// closed is the record without terms that are faulty or let everybody pass, and
// with an all that does not.
func closed(n *spf.Node) string {
	drop := openings(n)
	for _, fault := range n.Faults {
		drop = append(drop, string(fault.Term))
	}
	all := "~all"
	if n.All == spf.QualifierFail {
		all = "-all"
	}
	var out []string
	for _, term := range strings.Fields(string(n.Records[0])) {
		switch isAll := strings.EqualFold(strings.TrimLeft(term, "+-~?"), "all"); {
		case isAll && !slices.Contains(out, all):
			out = append(out, all)
		case !isAll && !slices.Contains(drop, term):
			out = append(out, term)
		}
	}
	if n.Redirect() == nil && !slices.Contains(out, all) {
		out = append(out, all)
	}
	return strings.Join(out, " ")
}

// judgeSPFAll judges what the record that has the last word says of all other
// senders.
func judgeSPFAll(t *spf.Tree, n *spf.Node, add func(Finding)) {
	rule := spfAllNeutral
	switch {
	case len(n.Records) != 1:
		return
	case t.AllMissing:
		rule = spfAllMissing
	case t.All != spf.QualifierNeutral:
		return
	}
	add(Finding{Rule: rule, Subject: n.Domain, Evidence: texts(n.Records), Params: params("record", closed(n))})
}

// judgeSPFOwn judges what costs nothing by itself; in the record of a provider
// it is the provider's business.
func judgeSPFOwn(n *spf.Node, add func(Finding)) {
	record := texts(n.Records)
	ptr := false
	for _, s := range n.Steps {
		switch {
		case s.Ignored:
			add(Finding{Rule: spfRedirectIdle, Subject: n.Domain, Params: params("target", s.Target), Evidence: record})
		case s.NeverReached:
			add(Finding{Rule: spfTermsAfterAll, Subject: n.Domain, Params: params("term", s.Text), Evidence: record})
		case s.Kind == string(spf.MechanismPTR):
			ptr = true
		}
	}
	if ptr {
		add(Finding{Rule: spfPTR, Subject: n.Domain, Evidence: record})
	}
	if term := macroP(n); term != "" {
		add(Finding{Rule: spfMacroP, Subject: n.Domain, Params: params("term", term), Evidence: record})
	}
}

// macroP returns the first term of a record that uses the macro p, empty if
// none does (RFC 7208 section 7.2).
func macroP(n *spf.Node) spf.Raw {
	if len(n.Records) != 1 {
		return ""
	}
	record, _ := spf.Parse(string(n.Records[0]))
	for _, d := range record.Directives {
		if strings.Contains(d.Domain.Letters(), "p") {
			return d.Text
		}
	}
	for _, m := range record.Modifiers {
		if strings.Contains(m.Value.Letters(), "p") {
			return m.Text
		}
	}
	return ""
}

func judgeSPFTotals(t *spf.Tree, add func(Finding)) {
	record := texts(t.Root.Records)
	switch {
	case t.Loop:
	case t.Lookups > spf.MaxLookups:
		add(Finding{
			Rule: spfTooManyLookups, Subject: t.Domain, Evidence: record,
			Params: params("lookups", t.Lookups, "terms", costs(t.Root)),
		})
	case t.Lookups >= nearLookups:
		add(Finding{Rule: spfNearLimit, Subject: t.Domain, Params: params("lookups", t.Lookups), Evidence: record})
	}
	if t.VoidLookups > spf.MaxVoidLookups {
		add(Finding{
			Rule: spfTooManyVoids, Subject: t.Domain, Evidence: record,
			Params: params("voids", t.VoidLookups, "terms", voids(t)),
		})
	}
}

// costs lists the terms of a record with the lookups that each takes.
func costs(n *spf.Node) string {
	var out []string
	for _, s := range n.Steps {
		cost := s.Cost
		if s.Child != nil {
			cost += s.Child.Lookups
		}
		if cost > 0 {
			out = append(out, string(s.Text)+" "+strconv.Itoa(cost))
		}
	}
	return strings.Join(out, ", ")
}

// voids lists the terms of a tree that find nothing.
func voids(t *spf.Tree) string {
	var out []string
	t.Each(func(n *spf.Node) {
		for _, s := range n.Steps {
			if (s.Void4 || s.Void6) && !slices.Contains(out, string(s.Text)) {
				out = append(out, string(s.Text))
			}
		}
	})
	return strings.Join(out, ", ")
}

// handedTo returns the record that a redirect leads to, nil if there is none.
func handedTo(n *spf.Node) *spf.Node {
	if s := n.Redirect(); s != nil {
		return s.Child
	}
	return nil
}

func meritsSPF(f *Facts, add func(Merit)) {
	t := f.SPF
	if f.Sender != nil && f.Sender.Result == spf.ResultPass {
		add(Merit{ID: "spf-pass", Subject: f.Sender.Domain, Params: params("address", f.Sender.IP)})
	}
	if t == nil || t.Root == nil || t.Incomplete || t.Root.Outcome != spf.One || spfBroken(t) {
		return
	}
	if f.Role() == Parked && t.All == spf.QualifierFail {
		add(Merit{ID: "parked-locked", Subject: t.Domain})
		return
	}
	add(Merit{ID: "spf-lookups", Subject: t.Domain, Params: params("lookups", t.Lookups)})
	if f.open() {
		return
	}
	if t.All == spf.QualifierFail || t.All == spf.QualifierSoftFail {
		add(Merit{ID: "spf-all", Subject: t.Domain, Params: params("qualifier", t.All)})
	}
}

// open reports whether SPF authorises everybody.
func (f *Facts) open() bool {
	found := false
	if f.SPF != nil {
		f.SPF.Each(func(n *spf.Node) { found = found || len(openings(n)) > 0 })
	}
	return found
}

// spfBroken reports whether some sender gets permerror.
func spfBroken(t *spf.Tree) bool {
	broken := t.Loop || t.Truncated || t.Lookups > spf.MaxLookups || t.VoidLookups > spf.MaxVoidLookups
	t.Each(func(n *spf.Node) {
		broken = broken || n.Outcome != spf.One || len(n.Faults) > 0
		for _, s := range n.Steps {
			broken = broken || s.MX > spf.MaxMX
		}
	})
	return broken
}
