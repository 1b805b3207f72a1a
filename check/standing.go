package check

import (
	"net/netip"
	"slices"
	"strings"

	"maildoctor/check/dkim"
	"maildoctor/check/dmarc"
	"maildoctor/check/dnsbl"
	"maildoctor/check/dnsx"
	"maildoctor/check/rdns"
	"maildoctor/check/spf"
)

// spfBreakers are the rules about records that give some senders permerror.
func spfBreakers() []RuleID {
	return []RuleID{
		spfSyntax, spfMultiple, spfIncludeDead, spfLoop, spfTooManyLookups, spfTooManyVoids, spfTooManyMX,
	}
}

// spfPasses judges whether SPF passes: for the sending host if that is known,
// else for whoever sends with this domain in MAIL FROM.
func (d *dossier) spfPasses() Standing {
	if d.SPF == nil || d.SPF.Root == nil || d.SPF.Root.Malformed {
		return Standing{State: Undetermined}
	}
	if d.Sender != nil {
		return d.senderPasses()
	}
	root := d.SPF.Root
	switch root.Outcome {
	case spf.None:
		return d.unmet(spfMissing)
	case spf.Unknown:
		return Standing{State: Undetermined}
	}
	if rule := breaksForAll(root); rule != "" {
		return d.unmet(rule)
	}
	return Standing{
		State: Unseen, ShownBy: WitnessAddress, Rules: d.found(spfBreakers()...),
		Ready: d.SPF.Senders && !d.SPF.Incomplete && !spfBroken(d.SPF),
	}
}

// senderPasses judges what SPF says of the sending host.
func (d *dossier) senderPasses() Standing {
	own := d.Sender.Domain == d.SPF.Domain
	switch d.Sender.Result {
	case spf.ResultPass:
		return Standing{State: Met}
	case spf.ResultTempError:
		return Standing{State: Undetermined}
	case spf.ResultNone:
		if own {
			return d.unmet(spfMissing)
		}
		return d.unmet(spfSenderNone)
	case spf.ResultPermError:
		if own && d.found(spfSenderError) == nil {
			return d.unmet(spfBreakers()...)
		}
		return d.unmet(spfSenderError)
	}
	return d.unmet(spfNotAuthorised)
}

// spfAligned judges whether SPF passes and fits the From field.
func (d *dossier) spfAligned() Standing {
	if d.Sender == nil || d.Sender.Domain == d.Domain {
		return d.spf
	}
	open := Standing{State: Unseen, ShownBy: WitnessMessage}
	a := d.Alignment
	if a == nil {
		return allOf(open, d.spf)
	}
	for _, id := range a.MailFrom {
		if !strings.EqualFold(id.Domain, strings.TrimSuffix(d.Sender.Domain, ".")) {
			continue
		}
		switch fit := aligned(id, a.SPF); {
		case fit == dmarc.InAlignment:
			return d.spf
		case fit == dmarc.AlignmentUnknown:
		case a.SPF != dmarc.Strict && id.Legacy == dmarc.InAlignment: // receivers differ
			open.Rules = d.found(dmarcUnaligned)
		default:
			return allOf(d.unmet(dmarcUnaligned, dmarcStrictUnaligned, dmarcStrictHalf), d.spf)
		}
	}
	return allOf(open, d.spf)
}

// breaksForAll returns the rule because of which a record gives permerror to
// every sender, or "". What stands behind the first term may not be reached.
func breaksForAll(n *spf.Node) RuleID {
	switch {
	case n.Outcome == spf.Many: // RFC 7208 section 4.5
		return spfMultiple
	case len(n.Faults) > 0: // RFC 7208 section 4.6
		return spfSyntax
	}
	for i := range n.Steps {
		switch s := &n.Steps[i]; {
		case s.NeverReached, s.Ignored:
		case s.Loop:
			return spfLoop
		case s.Child == nil:
			return ""
		case s.Child.Outcome == spf.None: // RFC 7208 sections 5.2 and 6.1
			return spfIncludeDead
		default:
			return breaksForAll(s.Child)
		}
	}
	return ""
}

// spfHolds judges whether SPF fails or, with DemandSPFValid, is broken.
func (d *dossier) spfHolds(kind Demand) Standing {
	atRisk := Standing{State: Unseen, ShownBy: WitnessReceiver}
	switch {
	case d.SPF == nil || d.SPF.Root == nil || d.SPF.Root.Malformed:
		return Standing{State: Undetermined}
	case d.Sender == nil && d.SPF.Root.Outcome == spf.None:
		return Standing{State: NotApplicable}
	case d.Sender == nil:
		s := d.spfPasses()
		switch {
		case kind == DemandSPFValid:
		case s.State == Unmet: // permerror is no fail, though some take it as one
			s.State, s.ShownBy = Unseen, WitnessReceiver
		default:
			s.Rules = nil
		}
		return s
	}
	switch d.Sender.Result {
	case spf.ResultNone:
		return Standing{State: NotApplicable}
	case spf.ResultSoftFail, spf.ResultNeutral:
		if kind == DemandSPFNotFail {
			return Standing{State: Met}
		}
		atRisk.Rules = d.found(spfNotAuthorised)
		return atRisk
	case spf.ResultPermError:
		if kind == DemandSPFNotFail {
			atRisk.Rules = d.senderPasses().Rules
			return atRisk
		}
	}
	return d.senderPasses()
}

// dkimBreakers are the rules about keys that no verifier can use.
func dkimBreakers() []RuleID {
	return []RuleID{
		dkimNotFound, dkimNoWorkingKey, dkimDangling, dkimRevoked, dkimSyntax, dkimType, dkimTooShort, dkimSHA1,
		dkimService,
	}
}

// dkimPasses judges whether DKIM passes. Only a message shows that it does; that
// it cannot is known of selectors that the user named and that do not work.
func (d *dossier) dkimPasses() Standing {
	if d.DKIM == nil {
		return Standing{State: Undetermined}
	}
	out := unseenBy(WitnessMessage)
	if slices.ContainsFunc(d.keys(), dkim.Selector.Working) {
		out.Ready = slices.ContainsFunc(d.keys(), inUse)
		if !out.Ready {
			out.Rules = d.found(dkimTesting, dkimNoRSA)
		}
		return out
	}
	if d.DKIM.Search == nil {
		if slices.ContainsFunc(d.DKIM.Given, func(s dkim.Selector) bool { return !s.Status.Known() }) {
			return Standing{State: Undetermined}
		}
		return d.unmet(dkimBreakers()...)
	}
	out.Rules = d.found(dkimBreakers()...)
	return out
}

// dkimAligned judges whether DKIM passes and fits the From field. Keys of the
// domain itself always fit; those of relatives as the mode of the policy allows.
func (d *dossier) dkimAligned() Standing {
	if d.DKIM == nil || slices.ContainsFunc(d.DKIM.selectors(), dkim.Selector.Working) || !d.DKIM.relativesSign() {
		return d.dkim
	}
	open := unseenBy(WitnessMessage)
	a := d.Alignment
	if a == nil {
		return open
	}
	for _, id := range a.Signers {
		switch {
		case aligned(id, a.DKIM) == dmarc.InAlignment:
			return d.dkim
		case aligned(id, a.DKIM) == dmarc.AlignmentUnknown:
			return open
		}
	}
	open.Rules = d.found(dmarcUnaligned, dmarcStrictUnaligned, dmarcStrictHalf)
	return open
}

// keys are the selectors whose keys may sign for the domain.
func (d *dossier) keys() []dkim.Selector {
	out := slices.Clone(d.DKIM.selectors())
	for _, key := range d.DKIM.Relatives {
		out = append(out, key.Selector)
	}
	return out
}

// inUse reports whether a selector has a key that any receiver takes in earnest.
func inUse(s dkim.Selector) bool {
	return slices.ContainsFunc(s.Records, func(r dkim.Record) bool {
		return r.Working() && r.Key.Type == dkim.RSA && !r.Key.Testing()
	})
}

// dkimKeys judges the length of RSA keys.
func (d *dossier) dkimKeys() Standing {
	if d.DKIM == nil {
		return Standing{State: Undetermined}
	}
	if d.found(dkimTooShort) != nil {
		return d.unmet(dkimTooShort)
	}
	if slices.ContainsFunc(d.keys(), worksWithRSA) {
		return Standing{State: Met}
	}
	if d.DKIM.Search == nil && slices.ContainsFunc(d.DKIM.Given, func(s dkim.Selector) bool { return !s.Status.Known() }) {
		return Standing{State: Undetermined}
	}
	return unseenBy(WitnessSelector)
}

// dmarcRecord judges whether there is a record with a policy, if only p=none.
// How receivers take one without a valid policy, and that of a public suffix,
// is not certain.
func (d *dossier) dmarcRecord() Standing {
	p := d.DMARC
	switch {
	case p == nil || len(p.Walk.Steps) == 0:
		return Standing{State: Undetermined}
	case missing(p):
		return d.unmet(dmarcMissing, dmarcForwarderOpen, dmarcOnlyMisplaced, dmarcMultiple, dmarcVersion)
	case p.Outcome != dmarc.Found:
		return Standing{State: Undetermined}
	case p.Effect == dmarc.InvalidIgnored:
		return d.unmet(dmarcPolicyInvalid)
	case p.Effect != "" || p.Source == dmarc.PublicSuffix:
		return Standing{
			State: Unseen, ShownBy: WitnessReceiver,
			Rules: d.found(dmarcPolicyInvalid, dmarcPolicyAbsent),
		}
	}
	if rules := d.found(dmarcMethodsDiffer); rules != nil && p.Source != dmarc.Own {
		return Standing{State: Unseen, ShownBy: WitnessReceiver, Rules: rules}
	}
	return Standing{State: Met}
}

// dmarcReports judges whether the record also has an address for reports.
func (d *dossier) dmarcReports() Standing {
	if d.record.State != Met {
		return d.record
	}
	s := d.DMARC.Record()
	if s == nil || s.Record == nil {
		return Standing{State: Undetermined}
	}
	arrives := func(r dmarc.Report) bool { return r.Tag == "rua" && r.Mailbox != dmarc.Undeliverable }
	switch {
	case !slices.ContainsFunc(s.Record.RUA, func(u dmarc.URI) bool { return u.Usable }):
	case slices.ContainsFunc(d.DMARC.Reports, arrives):
		return Standing{State: Met}
	default:
		return Standing{State: Unseen, ShownBy: WitnessReceiver, Rules: d.found(dmarcMailboxDead)}
	}
	return d.unmet(dmarcNoReports, dmarcURIInvalid, dmarcURIScheme)
}

// reverse judges the reverse DNS of the sending host. Whether a name is generic
// or leads to the right people, the receiver decides.
func (d *dossier) reverse(kind Demand) Standing {
	host := d.sendingHost()
	switch {
	case host == nil && d.Sender != nil: // named, and not looked up
		return Standing{State: Undetermined}
	case host == nil:
		return unseenBy(WitnessAddress)
	}
	confirmation := kind == DemandFCrDNS || kind == DemandFCrDNSContact
	open := unseenBy(WitnessReceiver)
	switch host.Verdict {
	case rdns.Missing:
		return d.unmet(ptrMissing)
	case rdns.Fail:
		if confirmation {
			return d.unmet(ptrNotConfirmed)
		}
		open.Rules = d.found(ptrNotConfirmed)
		return open
	case rdns.Pass:
		if kind == DemandFCrDNS || kind == DemandPTROwnDomain && d.owns(host) {
			return Standing{State: Met}
		}
		if kind == DemandPTRIndividual {
			open.Rules = d.found(ptrGeneric)
		}
		open.Ready = open.Rules == nil && kind != DemandPTROwnDomain // the name is another's: it may be that of a service
		return open
	}
	return Standing{State: Undetermined}
}

// owns reports whether a name that leads back to an address lies in the domain.
func (d *dossier) owns(host *Reverse) bool {
	return slices.ContainsFunc(host.Names, func(n rdns.Name) bool {
		name := strings.ToLower(strings.TrimSuffix(n.Name, "."))
		return n.Confirms && (name == d.Domain || strings.HasSuffix(name, "."+d.Domain))
	})
}

// overIPv6 judges what is demanded of mail over IPv6.
func (d *dossier) overIPv6() Standing {
	var addr netip.Addr
	switch host := d.sendingHost(); {
	case host != nil:
		addr = host.Addr
	case d.Sender != nil:
		addr = d.Sender.IP
	default:
		return unseenBy(WitnessAddress)
	}
	if addr.Unmap().Is4() {
		return Standing{State: NotApplicable}
	}
	name := d.reverse(DemandPTRIndividual)
	if host := d.sendingHost(); host != nil && (host.Verdict == rdns.Pass || host.Verdict == rdns.Fail) {
		name = Standing{State: Met} // any name will do
	}
	return allOf(name, oneOf(d.spf, d.dkim))
}

// takesMail judges whether the domain has a mail host. With DemandResolves an
// MX record that leads to nothing, or a null MX, is left to the receiver.
func (d *dossier) takesMail(kind Demand) Standing {
	m := d.MX
	if m == nil || !m.Status.Known() {
		return Standing{State: Undetermined}
	}
	if d.found(mxNone) != nil {
		return d.unmet(mxNone)
	}
	if rules := d.found(mxNoHost, mxNullSending); rules != nil {
		if kind == DemandReceives {
			return d.unmet(rules...)
		}
		return Standing{State: Unseen, ShownBy: WitnessReceiver, Rules: rules}
	}
	known := true
	for i := range m.Hosts {
		switch status := m.Hosts[i].Status(); {
		case status == dnsx.OK:
			return Standing{State: Met}
		case !status.Known():
			known = false
		}
	}
	if !known {
		return Standing{State: Undetermined}
	}
	return unseenBy(WitnessReceiver)
}

// greeting judges what the sending host says in EHLO. Only a full name with an
// address is beyond doubt with all receivers.
func (d *dossier) greeting(kind Demand) Standing {
	h := d.Helo
	switch {
	case h == nil:
		return unseenBy(WitnessMessage)
	case h.Form == rdns.FullName && !h.Known():
		return Standing{State: Undetermined}
	case h.Form == rdns.FullName && !h.Unresolved():
		return Standing{State: Met}
	case kind == DemandHeloResolves || h.Form != rdns.FullName && h.Form != rdns.Literal:
		return d.unmet(heloNotFQDN, heloUnresolved, heloLiteral, heloLiteralWrong)
	}
	s := unseenBy(WitnessReceiver)
	s.Rules = d.found(heloUnresolved, heloLiteral, heloLiteralWrong)
	return s
}

// blocklisted judges whether the sending host is on a list that anybody can ask.
// The lists that all receivers name are those of Spamhaus; what another list says
// of the host, and any of the domain, counts with some of them.
func (d *dossier) blocklisted() Standing {
	s := unseenBy(WitnessAddress)
	if d.Sender != nil || d.sendingHost() != nil {
		s.ShownBy = WitnessLists
	}
	s.Rules = d.found(dnsblIPListed, dnsblIPPolicy, dnsblDomainListed)
	if d.DNSBL == nil {
		return s
	}
	for _, res := range d.DNSBL.Results {
		if res.Kind != dnsbl.IP {
			continue
		}
		for _, o := range res.Lists {
			switch {
			case !spamhausZone(o.Zone):
			case o.Verdict == dnsbl.Listed:
				if rules := graveRules(o); rules != nil {
					return d.unmet(rules...)
				}
			case o.Verdict == dnsbl.NotListed && wholeSpamhaus(o.Zone):
				s = Standing{State: Met}
			}
		}
	}
	if rules := d.found(dnsblIPListed, dnsblIPPolicy, dnsblDomainListed); s.State == Met && rules != nil {
		return Standing{State: Unseen, ShownBy: WitnessReceiver, Rules: rules}
	}
	return s
}

// graveRules are the rules that a listing of an address breaks and for which mail
// is refused.
func graveRules(o dnsbl.Opinion) []RuleID {
	var out []RuleID
	for _, hit := range o.Hits {
		rule := listingRule(dnsbl.IP, hit)
		if (rule == dnsblIPListed || rule == dnsblIPPolicy) && !slices.Contains(out, rule) {
			out = append(out, rule)
		}
	}
	return out
}

func spamhausZone(zone string) bool {
	return strings.HasSuffix(zone, ".spamhaus.org") || strings.HasSuffix(zone, ".spamhaus.net")
}

// wholeSpamhaus reports whether a zone has all lists of addresses of Spamhaus.
func wholeSpamhaus(zone string) bool { return spamhausZone(zone) && strings.HasPrefix(zone, "zen.") }
