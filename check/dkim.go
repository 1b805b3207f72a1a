package check

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"maildoctor/check/dkim"
	"maildoctor/check/dnsx"
	"maildoctor/check/group"
	"maildoctor/check/senders"
	"maildoctor/check/spf"
)

// The rules about DKIM keys.
const (
	dkimUnknown      RuleID = "DKIM-SELECTOR-UNKNOWN"
	dkimNotFound     RuleID = "DKIM-SELECTOR-NOT-FOUND"
	dkimNoWorkingKey RuleID = "DKIM-NO-WORKING-KEY"
	dkimRevoked      RuleID = "DKIM-KEY-REVOKED"
	dkimSyntax       RuleID = "DKIM-KEY-SYNTAX"
	dkimTooShort     RuleID = "DKIM-KEY-TOO-SHORT"
	dkimShort        RuleID = "DKIM-KEY-SHORT"
	dkimTesting      RuleID = "DKIM-KEY-TESTING"
	dkimMultiple     RuleID = "DKIM-KEY-MULTIPLE"
	dkimSHA1         RuleID = "DKIM-KEY-SHA1-ONLY"
	dkimService      RuleID = "DKIM-KEY-SERVICE"
	dkimType         RuleID = "DKIM-KEY-UNKNOWN-TYPE"
	dkimDangling     RuleID = "DKIM-KEY-DANGLING"
	dkimWildcard     RuleID = "DKIM-WILDCARD"
	dkimNoRSA        RuleID = "DKIM-ED25519-ONLY"
)

func dkimChecker() checker {
	return checker{
		name: "dkim", reads: []string{"mx", "spf"}, gather: gatherDKIM, judge: judgeDKIM, merits: meritsDKIM,
		rules: []RuleID{
			dkimUnknown, dkimNotFound, dkimNoWorkingKey, dkimRevoked, dkimSyntax, dkimTooShort, dkimShort,
			dkimTesting, dkimMultiple, dkimSHA1, dkimService, dkimType, dkimDangling, dkimWildcard, dkimNoRSA,
		},
	}
}

// DKIM is what was found of the keys of a domain.
type DKIM struct {
	Given  []dkim.Selector `json:"given,omitempty"`  // the selectors that the user named
	Search *dkim.Guesses   `json:"search,omitempty"` // those that were guessed instead

	// Relatives are keys of relatives of the domain that files show to sign.
	Relatives []SignerKey `json:"relatives,omitempty"`
}

// relativesSign reports whether a relative of the domain has a key that works.
func (d *DKIM) relativesSign() bool {
	return slices.ContainsFunc(d.Relatives, func(k SignerKey) bool { return k.Working() })
}

// selectors are the key records to judge.
func (d *DKIM) selectors() []dkim.Selector {
	if d.Search != nil {
		return d.Search.Found
	}
	return d.Given
}

// unknown are the selectors that were guessed, or that files show of relatives,
// and gave no answer.
func (d *DKIM) unknown() []dkim.Selector {
	var out []dkim.Selector
	if d.Search != nil {
		out = append(out, d.Search.Unknown...)
	}
	for _, key := range d.Relatives {
		if !key.Status.Known() {
			out = append(out, key.Selector)
		}
	}
	return out
}

// maxKeyQuestions is the share of the questions of an audit that selectors may
// take, with the aliases that they lead to.
const maxKeyQuestions = 100

func gatherDKIM(ctx context.Context, r *run) Coverage {
	d, keys := &DKIM{}, r.dns.Limit(maxKeyQuestions)
	// Where the share is used up, which selectors were answered is chance.
	spent := func(s dkim.Selector) bool { return s.Reason == dnsx.ReasonBudget }
	r.facts.DKIM = d
	if len(r.opts.Selectors) > 0 {
		d.Given = make([]dkim.Selector, len(r.opts.Selectors))
		var parts group.Group
		for i, name := range r.opts.Selectors {
			parts.Go(func() { d.Given[i] = dkim.Lookup(ctx, keys, r.domain, name) })
		}
		parts.Wait()
		if slices.ContainsFunc(d.Given, spent) {
			r.facts.DKIM = nil
			return r.unknown(ctx, string(dnsx.Failed), dnsx.ReasonBudget, r.domain)
		}
		for _, s := range d.Given {
			if !s.Status.Known() {
				return r.unknown(ctx, string(s.Status), s.Reason, s.Asked)
			}
		}
		return Coverage{State: Done}
	}
	hosts, domains, selection := r.signs(ctx)
	switch {
	case selection.Outcome == spf.Unknown && hosts == nil: // nobody answers: guessing would only cost time
		r.facts.DKIM = nil
		return r.unknown(ctx, string(selection.Status), selection.Reason, r.domain)
	case silent(selection):
		r.facts.DKIM = nil
		return Coverage{State: Skipped, Reason: ReasonNoSender}
	}
	waves := [][]string{senders.Selectors(hosts, domains), senders.Blind()}
	if e := r.facts.Evidence; e != nil && len(e.Selectors) > 0 {
		waves = slices.Insert(waves, 0, e.Selectors)
	}
	var s dkim.Guesses
	var parts group.Group
	parts.Go(func() { s = dkim.Guess(ctx, keys, r.domain, waves) })
	parts.Go(func() { d.Relatives = r.relatives(ctx, keys) })
	parts.Wait()
	d.Search = &s
	switch {
	case slices.ContainsFunc(d.unknown(), spent):
		r.facts.DKIM = nil
		return r.unknown(ctx, string(dnsx.Failed), dnsx.ReasonBudget, r.domain)
	case s.Working(), d.relativesSign():
		return Coverage{State: Done}
	case len(d.unknown()) > 0:
		first := d.unknown()[0]
		return r.unknown(ctx, string(first.Status), first.Reason, first.Asked)
	case s.Wildcard:
		return Coverage{State: Inconclusive, Reason: ReasonWildcard}
	case len(s.Found) > 0:
		return Coverage{State: Inconclusive, Reason: ReasonKey}
	}
	return Coverage{State: Inconclusive, Reason: ReasonSelector}
}

// signs returns what names the providers of the domain: its MX hosts, and the
// domains in its SPF record. Both questions are those of other checkers, asked
// once for all.
func (r *run) signs(ctx context.Context) (hosts, domains []string, selection spf.Selection) {
	var parts group.Group
	parts.Go(func() {
		for _, mx := range r.dns.Lookup(ctx, r.domain, dns.TypeMX).MXs() {
			hosts = append(hosts, mx.Host)
		}
	})
	parts.Go(func() { selection = spf.Lookup(ctx, r.dns, r.domain) })
	parts.Wait()
	if selection.Outcome != spf.One {
		return hosts, nil, selection
	}
	record, _ := spf.Parse(string(selection.Records[0]))
	for _, d := range record.Directives {
		if d.Mechanism == spf.MechanismInclude {
			domains = append(domains, d.Domain.Text)
		}
	}
	if redirect := record.Redirect(); redirect != nil {
		domains = append(domains, redirect.Value.Text)
	}
	return hosts, domains, selection
}

// silent reports whether a domain's only SPF record says that nobody sends.
func silent(s spf.Selection) bool {
	if s.Outcome != spf.One {
		return false
	}
	record, faults := spf.Parse(string(s.Records[0]))
	all := record.All()
	return len(faults) == 0 && all != nil && all.Qualifier == spf.QualifierFail &&
		!slices.ContainsFunc(record.Directives, func(d spf.Directive) bool { return d.Qualifier == spf.QualifierPass })
}

func judgeDKIM(f *Facts, add func(Finding)) {
	d := f.DKIM
	if d == nil {
		return
	}
	usable := slices.ContainsFunc(d.selectors(), dkim.Selector.Working) || d.relativesSign()
	broken := false
	for _, s := range d.selectors() {
		broken = judgeSelector(s, d.Search != nil, usable, add) || broken
	}
	if d.Search == nil {
		unknown := slices.ContainsFunc(d.Given, func(s dkim.Selector) bool { return !s.Status.Known() })
		if !usable && !broken && !unknown {
			add(Finding{
				Rule: dkimNoWorkingKey, Subject: f.Domain, Params: params("selectors", names(d.Given)),
				Providers: f.signers(),
			})
		}
		if usable && !unknown && !slices.ContainsFunc(d.Given, worksWithRSA) {
			add(Finding{Rule: dkimNoRSA, Subject: f.Domain, Params: params("selectors", names(d.Given))})
		}
		return
	}
	for _, key := range d.Relatives {
		judgeSelector(key.Selector, true, usable, add)
	}
	if d.Search.Wildcard {
		add(Finding{Rule: dkimWildcard, Subject: f.Domain})
	}
	if len(d.selectors()) == 0 && !d.Search.Wildcard && len(d.unknown()) == 0 && !usable && !f.signless() {
		add(Finding{
			Rule: dkimUnknown, Subject: f.Domain, Params: params("asked", len(d.Search.Asked)),
			Providers: f.signers(),
		})
	}
}

// worksWithRSA reports whether a selector has an RSA key that works.
func worksWithRSA(s dkim.Selector) bool {
	return slices.ContainsFunc(s.Records, func(r dkim.Record) bool { return r.Working() && r.Key.Type == dkim.RSA })
}

// judgeSelector judges the records at one selector and reports whether it found
// one that no verifier can use; that an alias leads nowhere is none. A guessed name that is not there proves nothing;
// of the two names of Microsoft 365 one leads to nothing between rotations.
func judgeSelector(s dkim.Selector, guessed, usable bool, add func(Finding)) (broken bool) {
	switch {
	case s.Status.Absent() && !guessed && !s.Dangling():
		add(Finding{
			Rule: dkimNotFound, Subject: s.Asked, Params: params("selector", s.Name),
			Evidence: alias(s.Asked, s.Chain), Providers: keyProviders(s),
		})
		return true
	case s.Dangling():
		target := s.Chain[len(s.Chain)-1]
		if p, _ := senders.ByDKIM(target); !usable || p.ID != "microsoft-365" {
			add(Finding{
				Rule: dkimDangling, Subject: s.Asked, Params: params("selector", s.Name, "target", target),
				Evidence: alias(s.Asked, s.Chain), Providers: keyProviders(s),
			})
		}
		return false
	}
	var keys []dkim.Record
	evidence := alias(s.Asked, s.Chain)
	for _, r := range s.Records {
		if r.IsKey() || !guessed {
			keys, evidence = append(keys, r), append(evidence, string(r.Text))
		}
	}
	if len(keys) > 1 {
		add(Finding{
			Rule: dkimMultiple, Subject: s.Asked, Evidence: evidence,
			Params: params("selector", s.Name, "count", len(keys)), Providers: keyProviders(s),
		})
	}
	for _, r := range keys {
		broken = judgeKey(s, r, add) || broken
	}
	return broken
}

// judgeKey judges one key record and reports whether a rule about a key that
// cannot be used is broken.
func judgeKey(s dkim.Selector, r dkim.Record, add func(Finding)) (broken bool) {
	raise := func(rule RuleID, more ...any) {
		add(Finding{
			Rule: rule, Subject: s.Asked, Evidence: append(alias(s.Asked, s.Chain), string(r.Text)),
			Params:    params(append([]any{"selector", s.Name}, more...)...),
			Providers: keyProviders(s),
		})
	}
	for _, fault := range r.Faults {
		switch {
		case !fault.Unusable:
			continue
		case fault.Reason == dkim.UnknownKeyType && r.Key != nil:
			raise(dkimType, "type", quoted(r.Key.Type))
		default:
			raise(dkimSyntax, "tag", quoted(cmp.Or(fault.Tag, "p")), "column", fault.Offset+1, "reason", fault.Reason)
		}
		broken = true
	}
	key := r.Key
	if key == nil || broken {
		return broken
	}
	if key.Revoked {
		raise(dkimRevoked)
		return false
	}
	if key.Type == dkim.RSA && key.Bits < dkim.MinBits {
		raise(dkimTooShort, "bits", key.Bits)
		broken = true
	} else if key.Type == dkim.RSA && key.Bits < dkim.RecommendedBits {
		raise(dkimShort, "bits", key.Bits)
	}
	if !key.Allows("sha256") {
		raise(dkimSHA1)
		broken = true
	}
	if !key.Mail() {
		raise(dkimService, "services", quoted(join(key.Services, ":")))
		broken = true
	}
	if key.Testing() {
		raise(dkimTesting)
	}
	return broken
}

// keyProviders are those at whom the alias of a selector points: the key is
// theirs to mend.
func keyProviders(s dkim.Selector) []Provider { return providerList(s.Chain, senders.ByDKIM) }

func names(selectors []dkim.Selector) string {
	var out []string
	for _, s := range selectors {
		out = append(out, string(s.Name))
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), ", ")
}

func meritsDKIM(f *Facts, add func(Merit)) {
	if f.DKIM == nil {
		return
	}
	all := slices.Clone(f.DKIM.selectors())
	for _, key := range f.DKIM.Relatives {
		all = append(all, key.Selector)
	}
	for _, s := range all {
		for _, r := range s.Records {
			if r.Working() && !r.Key.Testing() {
				add(Merit{
					ID: "dkim-key", Subject: s.Asked,
					Params: params("selector", s.Name, "type", r.Key.Type, "bits", r.Key.Bits),
				})
			}
		}
	}
}
