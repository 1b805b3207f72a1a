package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"maildoctor/check/dnsbl"
	"maildoctor/check/group"
)

// The rules about blocklists. Those about a subject differ by how much the
// listing weighs with receivers, so that one on a list that few ask costs
// nothing, and one on a list that many ask is not lost among them.
const (
	dnsblIPListed      RuleID = "DNSBL-IP-LISTED"
	dnsblIPPolicy      RuleID = "DNSBL-IP-POLICY"
	dnsblIPSuspect     RuleID = "DNSBL-IP-SUSPECT"
	dnsblIPMinor       RuleID = "DNSBL-IP-LISTED-MINOR"
	dnsblDomainListed  RuleID = "DNSBL-DOMAIN-LISTED"
	dnsblDomainSuspect RuleID = "DNSBL-DOMAIN-SUSPECT"
	dnsblDomainMinor   RuleID = "DNSBL-DOMAIN-LISTED-MINOR"
	dnsblUnusable      RuleID = "DNSBL-LIST-UNUSABLE"
)

// MaxBlocklists is how many lists a user may name. Asked about an address and a
// domain they take a third of the questions of an audit at most.
const MaxBlocklists = 10

// ErrBlocklist is what the errors of ParseBlocklist wrap.
var ErrBlocklist = errors.New("not the zone of a blocklist")

// ParseBlocklist returns the zone that a user means by s. A list that is known
// to be dead is a zone too: the audit says so.
func ParseBlocklist(s string) (string, error) {
	zone := strings.ToLower(strings.TrimSuffix(strings.TrimSpace(s), "."))
	if _, ok := dnsbl.Custom(zone); !ok {
		return "", fmt.Errorf("%w: give a name such as zen.spamhaus.org", ErrBlocklist)
	}
	return zone, nil
}

func dnsblChecker() checker {
	return checker{
		name: "dnsbl", gather: gatherDNSBL, judge: judgeDNSBL, merits: meritsDNSBL,
		rules: []RuleID{
			dnsblIPListed, dnsblIPPolicy, dnsblIPSuspect, dnsblIPMinor,
			dnsblDomainListed, dnsblDomainSuspect, dnsblDomainMinor, dnsblUnusable,
		},
	}
}

// Blocklists is what lists say of those that they were asked about: the sending
// address if the user named it, and the domain. MX hosts are not asked about:
// they take mail, and who sends need not be among them.
type Blocklists struct {
	Named   bool            `json:"named,omitempty"` // the user chose the lists
	Results []*dnsbl.Result `json:"results,omitempty"`
}

func gatherDNSBL(ctx context.Context, r *run) Coverage {
	if r.opts.NoDNSBL {
		return Coverage{State: Skipped, Reason: ReasonNoDNSBL}
	}
	subjects := r.listed()
	if len(subjects) == 0 {
		return Coverage{State: Skipped, Reason: ReasonNotPublic, Subject: r.opts.IP.String()}
	}
	b := &Blocklists{Named: len(r.opts.Blocklists) > 0, Results: make([]*dnsbl.Result, len(subjects))}
	var parts group.Group
	for i, s := range subjects {
		parts.Go(func() { b.Results[i] = dnsbl.Check(ctx, r.dns, s, r.blocklists(s)) })
	}
	parts.Wait()
	r.facts.DNSBL = b
	state := Coverage{State: Skipped, Reason: ReasonNoList}
	if !r.opts.IP.IsValid() {
		state.Reason = ReasonNoAddress
	}
	for _, res := range b.Results {
		switch c, asked := listCoverage(ctx, r, res); {
		case asked && c.State == Inconclusive:
			return c
		case asked:
			state = c
		}
	}
	return state
}

// listed returns what lists are asked about.
func (r *run) listed() []dnsbl.Subject {
	var out []dnsbl.Subject
	if r.opts.IP.IsValid() && r.net.public(r.opts.IP) {
		out = append(out, dnsbl.Address(r.opts.IP))
	}
	if !isAddress(r.domain) { // else a check of the address alone
		out = append(out, dnsbl.DomainName(r.domain))
	}
	return out
}

func isAddress(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

// blocklists returns the lists that the user named, else those that are usual
// for the subject.
func (r *run) blocklists(s dnsbl.Subject) []dnsbl.List {
	if len(r.opts.Blocklists) == 0 {
		kind := dnsbl.Domain
		if isAddress(s.String()) {
			kind = dnsbl.IP
		}
		usual := slices.Concat(dnsbl.Default(), dnsbl.AllowLists())
		return slices.DeleteFunc(usual, func(l dnsbl.List) bool { return l.Kind != kind && l.Kind != dnsbl.Both })
	}
	var out []dnsbl.List
	for _, zone := range r.opts.Blocklists {
		if l, ok := dnsbl.Custom(zone); ok && len(out) < MaxBlocklists {
			out = append(out, l)
		}
	}
	return out
}

// listCoverage says how far the lists could be asked about one subject, and
// whether one of them is about its kind at all. Lists that refuse a resolver are
// the rule with public ones. So one word that counts is enough to be done; the
// silence of all is minor: it says nothing about the domain, and would else cast
// doubt on every audit that is made through such a resolver.
func listCoverage(ctx context.Context, r *run, res *dnsbl.Result) (out Coverage, asked bool) {
	out = Coverage{State: Inconclusive, Reason: ReasonLists, Subject: res.Subject, Minor: true}
	heard := false
	for _, o := range res.Lists {
		if o.Verdict == dnsbl.NotApplicable || o.Allow {
			continue
		}
		asked = true
		switch {
		case o.Verdict == dnsbl.Listed, o.Verdict == dnsbl.NotListed:
			heard = true
		case o.StatusReason == ReasonInternal, o.Reason == dnsbl.ReasonNoAnswer && out.Reason != ReasonInternal:
			c := r.unknown(ctx, string(o.Status), o.StatusReason, res.Subject)
			out.Reason, out.Subject = c.Reason, c.Subject
		}
	}
	switch out.Reason {
	case ReasonInternal, ReasonDeadline, ReasonInterrupted:
	default:
		if heard {
			out = Coverage{State: Done}
		}
	}
	return out, asked
}

func judgeDNSBL(f *Facts, add func(Finding)) {
	if f.DNSBL == nil {
		return
	}
	for _, res := range f.DNSBL.Results {
		for _, o := range res.Lists {
			if f.DNSBL.Named {
				judgeList(o, add)
			}
			if o.Verdict == dnsbl.Listed && !o.Allow {
				judgeListing(res, o, add)
			}
		}
	}
}

// judgeList judges whether a list that the user named is of any use.
func judgeList(o dnsbl.Opinion, add func(Finding)) {
	switch o.Verdict {
	case dnsbl.NotAsked, dnsbl.Broken, dnsbl.Refused:
		add(Finding{
			Rule: dnsblUnusable, Subject: o.Zone, Evidence: listAnswers(o),
			Params: params("list", listName(o), "trouble", o.Reason),
		})
	}
}

// judgeListing judges a listing: a finding for each of its meanings.
func judgeListing(res *dnsbl.Result, o dnsbl.Opinion, add func(Finding)) {
	type entry struct {
		rule    RuleID
		meaning dnsbl.Meaning
	}
	var entries []entry
	parts, codes := map[entry][]string{}, map[entry][]string{}
	for _, hit := range o.Hits {
		e := entry{listingRule(res.Kind, hit), hit.Meaning}
		if !slices.Contains(entries, e) {
			entries = append(entries, e)
		}
		if hit.List != "" && !slices.Contains(parts[e], hit.List) {
			parts[e] = append(parts[e], hit.List)
		}
		if code := hit.Answer.String(); !slices.Contains(codes[e], code) {
			codes[e] = append(codes[e], code)
		}
	}
	for _, e := range entries {
		list := listName(o)
		if part := strings.Join(parts[e], ", "); part != "" && !strings.HasSuffix(list, part) {
			list += " (" + part + ")"
		}
		q := params("list", list, "code", strings.Join(codes[e], ", "), "meaning", e.meaning, "delist", delisting(o.Zone))
		switch {
		case e.rule == dnsblIPPolicy:
		case slices.Contains(parts[e], "SBL"): // of Spamhaus, which deals with networks alone
			q["cure"] = cureOwner
		default:
			q["cure"] = cureOf(e.meaning)
		}
		add(Finding{Rule: e.rule, Subject: res.Subject, Params: q, Evidence: listAnswers(o)})
	}
}

// listingRule weighs one reason of a listing. That a range is not meant for mail
// servers is no accusation, and has a cure of its own.
func listingRule(kind dnsbl.Kind, hit dnsbl.Hit) RuleID {
	grave := hit.Severity == dnsbl.Critical || hit.Severity == dnsbl.High
	rules := [3]RuleID{dnsblIPListed, dnsblIPSuspect, dnsblIPMinor}
	if kind == dnsbl.Domain {
		rules = [3]RuleID{dnsblDomainListed, dnsblDomainSuspect, dnsblDomainMinor}
	}
	switch {
	case grave && kind == dnsbl.IP && (hit.Meaning == dnsbl.PolicyRange || hit.Meaning == dnsbl.DynamicRange):
		return dnsblIPPolicy
	case grave:
		return rules[0]
	case hit.Severity == dnsbl.Medium:
		return rules[1]
	}
	return rules[2]
}

// The cures of listings.
const (
	cureOwner   = "owner"   // only the owner of the network can have it removed
	cureClean   = "clean"   // a machine behind the address is compromised
	cureSending = "sending" // the mail itself is the cause
	cureSite    = "site"    // somebody else abuses the domain
	cureSetup   = "set-up"  // names or services are set up wrongly
	cureRange   = "range"   // what is listed is the range
	cureAge     = "age"     // it passes
	cureAsk     = "ask"     // the list knows why
)

// cureOf returns the code of what to do before removal is asked for.
func cureOf(m dnsbl.Meaning) string {
	switch m {
	case dnsbl.CriminalNetwork, dnsbl.NeighbourRange, dnsbl.WholeNetwork:
		return cureOwner
	case dnsbl.CompromisedHost, dnsbl.OpenProxy, dnsbl.AttackSource, dnsbl.LoginAttacks, dnsbl.BadAttachments:
		return cureClean
	case dnsbl.Snowshoe, dnsbl.UserReports, dnsbl.SpamTrap, dnsbl.Outbreak, dnsbl.BadReputation, dnsbl.Suspicious,
		dnsbl.SpamSource, dnsbl.SpamDomain, dnsbl.BulkMailDomain:
		return cureSending
	case dnsbl.PhishingDomain, dnsbl.MalwareDomain, dnsbl.BotnetDomain, dnsbl.AbusedLegit, dnsbl.AbusedPhishing,
		dnsbl.AbusedMalware, dnsbl.AbusedBotnet, dnsbl.Redirector, dnsbl.CrackedSite, dnsbl.ClickTracker, dnsbl.DisposableMail:
		return cureSite
	case dnsbl.NoReverseDNS, dnsbl.Unauthenticated, dnsbl.OpenResolver, dnsbl.Backscatter, dnsbl.HardToIdentify:
		return cureSetup
	case dnsbl.PolicyRange, dnsbl.DynamicRange:
		return cureRange
	case dnsbl.NewDomain, dnsbl.YoungOrHidden:
		return cureAge
	}
	return cureAsk
}

// listName is what a list is called.
func listName(o dnsbl.Opinion) string { return cmp.Or(o.Name, o.Zone) }

// delisting returns the page of a list that removes, or tells about it; of a
// list that is not known, its zone.
func delisting(zone string) string {
	l, _ := dnsbl.Find(zone)
	return cmp.Or(l.Delist, l.URL, zone)
}

// listAnswers shows what a list answered.
func listAnswers(o dnsbl.Opinion) []string {
	var out []string
	for _, a := range o.Answers {
		out = append(out, o.Asked+" A "+a.String())
	}
	for _, t := range o.Texts {
		out = append(out, o.Asked+" TXT "+string(t))
	}
	return out
}

// meritsDNSBL says which lists a subject is not on: of those that could be
// asked. A list that vouches is no more than a merit.
func meritsDNSBL(f *Facts, add func(Merit)) {
	if f.DNSBL == nil {
		return
	}
	for _, res := range f.DNSBL.Results {
		var clean, silent []string
		listed := false
		for _, o := range res.Lists {
			switch {
			case o.Allow && o.Verdict == dnsbl.Listed:
				vouched(res.Subject, o, add)
			case o.Allow, o.Verdict == dnsbl.NotApplicable, o.Verdict == dnsbl.NotAsked:
			case o.Verdict == dnsbl.Listed:
				listed = true
			case o.Verdict == dnsbl.NotListed:
				clean = append(clean, listName(o))
			default:
				silent = append(silent, listName(o))
			}
		}
		m := Merit{ID: "dnsbl-clean", Subject: res.Subject, Params: params("lists", strings.Join(clean, ", "))}
		if len(silent) > 0 {
			m.ID, m.Params["silent"] = "dnsbl-clean-some", strings.Join(silent, ", ")
		}
		if len(clean) > 0 && !listed {
			add(m)
		}
	}
}

// vouched is the merit of an entry in an allow list, unless that says that the
// host is merely known.
func vouched(subject string, o dnsbl.Opinion, add func(Merit)) {
	for _, hit := range o.Hits {
		if hit.Meaning != dnsbl.TrustNone {
			add(Merit{ID: "dnsbl-vouched", Subject: subject, Params: params("list", listName(o), "meaning", hit.Meaning)})
			return
		}
	}
}
