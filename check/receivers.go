package check

import (
	"slices"

	"maildoctor/check/dnsx"
)

// A Compliance is how a domain stands with the requirements of one receiver.
type Compliance struct {
	Receiver
	Standings []Standing // one for each of Requirements, in their order
}

// A Standing is how a domain stands with one requirement.
type Standing struct {
	State Fulfilment

	// Rules are those among the findings because of which the requirement is not
	// met or, with Unseen, may not be met.
	Rules []RuleID

	// Ready tells, with Unseen, that what the DNS has to hold for it is in order.
	Ready bool

	ShownBy Witness // with Unseen, what can tell
}

// AtRisk reports whether a rule is broken because of which the requirement may
// not be met.
func (s Standing) AtRisk() bool { return s.State != Met && s.State != Unmet && len(s.Rules) > 0 }

// A Fulfilment says whether a requirement is met.
type Fulfilment string

// The states of a requirement.
const (
	Met           Fulfilment = "met"
	Unmet         Fulfilment = "unmet"
	Unseen        Fulfilment = "unseen"         // the DNS does not show it
	Undetermined  Fulfilment = "unknown"        // what would show it could not be measured
	NotApplicable Fulfilment = "not-applicable" // it is about other mail
)

// A Witness can tell what the DNS cannot.
type Witness string

// The witnesses.
const (
	WitnessMessage  Witness = "message"  // a message as it was received
	WitnessAddress  Witness = "ip"       // an audit that is given the sending address
	WitnessSelector Witness = "selector" // an audit that is given a DKIM selector
	WitnessLists    Witness = "lists"    // a query at the lists
	WitnessReceiver Witness = "receiver" // the receiver, by its replies or its page for senders
)

// Receivers says how a domain stands with what large receivers demand. Of a
// domain that does not exist or does not send there is nothing to say, nor of
// one that has no mail host and names no sender, nor where some checkers alone
// were asked for. It is pure, as Judge is.
func Receivers(f *Facts) []Compliance { return comply(f, Judge(f)) }

func comply(f *Facts, findings []Finding) []Compliance {
	undeclared := f.Role() == Unknown && f.MX != nil && f.MX.Status.Known() && (len(f.MX.Hosts) == 0 || f.MX.Implicit)
	if f.Checks != nil || f.signless() || undeclared || f.exists() == dnsx.NXDomain {
		return nil
	}
	d := newDossier(f, findings)
	var out []Compliance
	for _, r := range receivers() {
		c := Compliance{Receiver: r}
		for _, q := range r.Requirements {
			c.Standings = append(c.Standings, d.standing(q.Kind))
		}
		out = append(out, c)
	}
	return out
}

// dossier is what standings are concluded from: the facts, the rules broken,
// and what many requirements share. A requirement is unmet for a finding alone,
// so that none is without a cure.
type dossier struct {
	*Facts
	broken    []RuleID
	spf, dkim Standing
	record    Standing // of DMARC
	aligned   Standing // SPF or DKIM passes for the domain itself
}

func newDossier(f *Facts, findings []Finding) *dossier {
	d := &dossier{Facts: f}
	for _, x := range findings {
		d.broken = append(d.broken, x.Rule)
	}
	d.spf, d.dkim, d.record = d.spfPasses(), d.dkimPasses(), d.dmarcRecord()
	d.aligned = oneOf(d.spfAligned(), d.dkimAligned())
	return d
}

// standing evaluates one demand.
func (d *dossier) standing(kind Demand) Standing {
	switch kind {
	case DemandSPF:
		return d.spf
	case DemandDKIM, DemandDKIMAligned: // relatives fit in relaxed alignment
		return d.dkim
	case DemandSPFOrDKIM, DemandAnyAuth:
		return oneOf(d.spf, d.dkim)
	case DemandSPFAndDKIM:
		return allOf(d.spf, d.dkim)
	case DemandAuthAndRecord:
		return allOf(d.spf, d.dkim, d.record)
	case DemandAllAuth:
		return allOf(d.spf, d.dkim, d.record, d.aligned)
	case DemandAlignment:
		return d.aligned
	case DemandDMARCPass:
		return allOf(d.record, d.aligned)
	case DemandDMARCRecord:
		return d.record
	case DemandDMARCReports:
		return d.dmarcReports()
	case DemandSPFValid, DemandSPFNotFail:
		return d.spfHolds(kind)
	case DemandDKIMKey:
		return d.dkimKeys()
	case DemandFCrDNS, DemandFCrDNSContact, DemandPTROwnDomain, DemandPTRIndividual:
		return d.reverse(kind)
	case DemandFCrDNSDomain:
		return allOf(d.reverse(DemandFCrDNS), d.takesMail(DemandResolves))
	case DemandReceives, DemandResolves:
		return d.takesMail(kind)
	case DemandIPv6:
		return d.overIPv6()
	case DemandBlocklists:
		return d.blocklisted()
	case DemandHelo, DemandHeloResolves:
		return d.greeting(kind)
	case DemandNotDynamic:
		s := unseenBy(WitnessReceiver)
		s.Rules = d.found(dnsblIPPolicy, ptrGeneric)
		return s
	case DemandHistory, DemandComplaints, DemandComplaintsGoal, DemandFeedbackLoop,
		DemandOwnBlocklist, DemandConnections:
		return unseenBy(WitnessReceiver)
	case DemandTLS, DemandTLS12, DemandMessage, DemandSingleFrom, DemandFromSender,
		DemandForeignFrom, DemandFeedbackID, DemandHygiene, DemandOneClick, DemandUnsubscribe, DemandBulkRules,
		DemandForwarderARC, DemandForwarderLists:
		return unseenBy(WitnessMessage)
	}
	return Standing{State: Undetermined}
}

func unseenBy(w Witness) Standing { return Standing{State: Unseen, ShownBy: w} }

// found returns those of the rules that are broken, in the order given.
func (d *dossier) found(rules ...RuleID) []RuleID {
	var out []RuleID
	for _, rule := range rules {
		if slices.Contains(d.broken, rule) {
			out = append(out, rule)
		}
	}
	return out
}

// unmet is the standing with a requirement that the rules forbid to be met.
func (d *dossier) unmet(rules ...RuleID) Standing {
	if found := d.found(rules...); found != nil {
		return Standing{State: Unmet, Rules: found}
	}
	return Standing{State: Undetermined}
}

// merge is the standing that the parts in one state have in common.
func merge(state Fulfilment, parts []Standing) Standing {
	out := Standing{State: state, Ready: state == Unseen}
	for _, p := range parts {
		if p.State != state {
			continue
		}
		out.Ready = out.Ready && p.Ready
		out.add(p.Rules)
		if out.ShownBy == "" || p.ShownBy == WitnessMessage { // which shows the rest too
			out.ShownBy = p.ShownBy
		}
	}
	return out
}

func (s *Standing) add(rules []RuleID) {
	for _, rule := range rules {
		if !slices.Contains(s.Rules, rule) {
			s.Rules = append(s.Rules, rule)
		}
	}
}

func count(state Fulfilment, parts []Standing) int {
	n := 0
	for _, p := range parts {
		if p.State == state {
			n++
		}
	}
	return n
}

// allOf is the standing with several requirements at once.
func allOf(parts ...Standing) Standing {
	for _, state := range []Fulfilment{Unmet, Undetermined, Unseen} {
		if count(state, parts) > 0 {
			return merge(state, parts)
		}
	}
	return Standing{State: Met}
}

// oneOf is the standing with requirements of which one is enough.
func oneOf(parts ...Standing) Standing {
	switch {
	case count(Met, parts) > 0:
		return Standing{State: Met}
	case count(Unmet, parts) == len(parts):
		return merge(Unmet, parts)
	case count(Unseen, parts) == 0:
		return Standing{State: Undetermined}
	}
	out := merge(Unseen, parts)
	out.add(merge(Unmet, parts).Rules)
	if slices.ContainsFunc(parts, func(p Standing) bool { return p.Ready }) {
		out.Ready, out.Rules = true, nil
	}
	return out
}
