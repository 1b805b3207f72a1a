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
	spfMasked         RuleID = "SPF-TERM-MASKED"
	spfTermVoid       RuleID = "SPF-TERM-VOID"
	spfVoidsIP6       RuleID = "SPF-VOID-LOOKUPS-IPV6"
	spfWasted         RuleID = "SPF-LOOKUPS-WASTED"
	spfAvoidable      RuleID = "SPF-LOOKUPS-AVOIDABLE"
	spfNoDMARC        RuleID = "SPF-INCLUDE-NO-DMARC"
	parkedSPFOpen     RuleID = "PARKED-SPF-OPEN"
)

// Ranges wider than these authorise strangers. Of the records that a provider
// lets others include the widest hold a /8 and a /20; for the servers of one
// owner a /14 and a /19 are wide.
const (
	widestIP4    = 8
	widestIP6    = 16
	widestOwnIP4 = 14
	widestOwnIP6 = 19
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
			spfCovered, spfMasked, spfTermVoid, spfVoidsIP6, spfWasted, spfAvoidable, spfNoDMARC, parkedSPFOpen,
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
			Params: f.firstRecord(),
		})
	}
	if len(t.Root.SenderID) > 0 {
		add(Finding{Rule: spfSenderID, Subject: t.Domain, Evidence: texts(t.Root.SenderID)})
	}
	own := ownedBy(t.Domain)
	t.Each(func(n *spf.Node) { judgeSPFNode(n, own, add) })
	holder := t.Root
	for n := t.Root; n != nil; n = handedTo(n) {
		if own(n.Domain) {
			holder = n
			judgeSPFOwn(n, add)
		}
		if n.Domain == t.AllDomain && !parked {
			judgeSPFAll(t, holder, n, add)
		}
	}
	judgeSPFTotals(t, own, add)
	judgeSPFVoid(f, own, add)
	judgeSPFThrift(t, own, add)
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
			add(Finding{
				Rule: spfSenderNone, Subject: e.Domain,
				Params: params("address", e.IP, "record", "v=spf1 "+f.named(e.IP)+" "+softAll),
			})
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
	record := string(e.Trace.Record)
	add(Finding{
		Rule: spfNotAuthorised, Subject: e.Domain, Evidence: []string{record},
		Params: params("address", e.IP, "result", e.Result, "record", authorising(record, e.IP)),
	})
}

// authorising is an SPF record with an address in front of its other terms.
func authorising(record string, ip netip.Addr) string {
	version, rest, _ := strings.Cut(record, " ")
	return strings.TrimRight(version+" "+literal(ip)+" "+rest, " ")
}

// Whose record a finding is about.
const (
	ownerSelf  = "own"
	ownerOther = "other" // it lies outside of the registered domain
)

// judgeSPFNode judges what breaks the whole policy wherever in the tree it
// stands.
func judgeSPFNode(n *spf.Node, own func(string) bool, add func(Finding)) {
	record, owner := texts(n.Records), ownerOther
	if own(n.Domain) {
		owner = ownerSelf
	}
	if n.Outcome == spf.Many {
		add(Finding{
			Rule: spfMultiple, Subject: n.Domain, Evidence: record,
			Params: params("count", len(n.Records), "owner", owner, "record", joined(n.Records)),
		})
	}
	for _, fault := range n.Faults {
		add(Finding{
			Rule: spfSyntax, Subject: n.Domain, Evidence: record,
			Params: params("term", fault.Term, "column", fault.Offset+1, "reason", fault.Reason, "owner", owner),
		})
	}
	alive := withoutDead(n)
	for _, s := range n.Steps {
		if s.NeverReached || s.Ignored {
			continue
		}
		switch {
		case s.Loop:
			add(Finding{Rule: spfLoop, Subject: n.Domain, Params: params("target", s.Target, "owner", owner), Evidence: record})
		case isDead(&s):
			otherwise := "rename"
			if own(s.Target) {
				otherwise = "publish"
			}
			add(Finding{
				Rule: spfIncludeDead, Subject: n.Domain, Evidence: record,
				Params: params("target", s.Target, "mechanism", s.Kind, "owner", owner, "record", alive, "otherwise", otherwise),
			})
		}
		if s.MX > spf.MaxMX {
			add(Finding{
				Rule: spfTooManyMX, Subject: n.Domain, Evidence: record,
				Params: params("target", s.Target, "count", s.MX, "owner", owner),
			})
		}
		if !n.Grants || s.Qualifier != spf.QualifierPass {
			continue
		}
		for _, p := range s.Prefixes {
			if p.Bits() > 0 && p.Bits() < widest(p.Addr(), own(n.Domain)) {
				add(Finding{
					Rule: spfRangeTooWide, Subject: n.Domain, Evidence: record,
					Params: params("term", s.Text, "prefix", "/"+strconv.Itoa(p.Bits()), "owner", owner),
				})
				break
			}
		}
	}
	if len(openings(n)) > 0 {
		add(Finding{Rule: spfAllPass, Subject: n.Domain, Evidence: record, Params: params("owner", owner, "record", closed(n))})
	}
}

// widest is the shortest prefix length that a term may have.
func widest(addr netip.Addr, own bool) int {
	switch {
	case addr.Is4() && own:
		return widestOwnIP4
	case addr.Is4():
		return widestIP4
	case own:
		return widestOwnIP6
	}
	return widestIP6
}

// judgeSPFAll judges what the record that has the last word says of all other
// senders. Where it is not the owner's, holder is the last one before it that
// is, and can have an end of its own.
func judgeSPFAll(t *spf.Tree, holder, n *spf.Node, add func(Finding)) {
	rule := spfAllNeutral
	switch {
	case len(n.Records) != 1:
		return
	case t.AllMissing:
		rule = spfAllMissing
	case t.All != spf.QualifierNeutral:
		return
	}
	record, evidence := closed(n), texts(n.Records)
	if holder != n {
		record, evidence = handedBack(holder), append(texts(holder.Records), evidence...)
	}
	add(Finding{Rule: rule, Subject: holder.Domain, Evidence: evidence, Params: params("record", record)})
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

func judgeSPFTotals(t *spf.Tree, own func(string) bool, add func(Finding)) {
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
	switch count := voids(t); {
	case count > spf.MaxVoidLookups:
		find := func(s *spf.Step) bool { return s.Void || count > t.VoidLookups && s.Void4 }
		add(Finding{
			Rule: spfTooManyVoids, Subject: t.Domain, Evidence: record,
			Params: params("voids", count, "terms", termsOf(t, find)),
		})
	case t.Lookups >= nearLookups: // a record with fewer lookups has fewer of these
	case t.VoidLookups6 > spf.MaxVoidLookups && authorises(t, netip.Addr.Is6):
		judgeSPFVoids6(t, own, add)
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
	broken := t.Loop || t.Truncated || t.Lookups > spf.MaxLookups || voids(t) > spf.MaxVoidLookups
	t.Each(func(n *spf.Node) {
		broken = broken || n.Outcome != spf.One || len(n.Faults) > 0
		for _, s := range n.Steps {
			broken = broken || s.MX > spf.MaxMX
		}
	})
	return broken
}
