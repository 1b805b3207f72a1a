package check

import (
	"cmp"
	"context"
	"slices"

	"maildoctor/check/dkim"
	"maildoctor/check/dnsx"
	"maildoctor/check/evidence"
	"maildoctor/check/group"
	"maildoctor/check/taglist"
)

// maxShown is how many names of each kind the files of a user add to an audit.
const maxShown = 10

// Evidence is what the files of a user show of a domain: names to look at, and
// nothing that is proven.
type Evidence struct {
	Files     []evidence.File `json:"files"`
	Selectors []string        `json:"selectors,omitempty"` // of signatures with the domain in d=, the most telling first
	Signers   []string        `json:"signers,omitempty"`   // d= of signatures: the domain and its relatives, the most used first
	MailFrom  []string        `json:"mail_from,omitempty"` // domains of envelope senders among its relatives, the most used first
	Left      int             `json:"left,omitempty"`      // names that were not taken, for there are too many

	Streams []evidence.Stream `json:"streams,omitempty"` // mail with the domain in From, messages first, then the most of it
}

// shown picks out of files what concerns a domain: names of the same registered
// domain. A mailbox is full of the names of others, which say nothing about
// this one.
func shown(e *evidence.Evidence, domain string) *Evidence {
	if e == nil {
		return nil
	}
	own := ownedBy(domain)
	selectors := e.Selectors(domain)
	kept := min(len(selectors), maxShown)
	out := &Evidence{Files: e.Files, Selectors: selectors[:kept], Left: len(selectors) - kept}
	signers := map[string]int64{}
	for _, s := range e.Signatures {
		if own(s.Domain) {
			signers[s.Domain] += s.Count
		}
	}
	mailFrom := map[string]int64{}
	for _, d := range e.MailFrom {
		if own(d.Name) {
			mailFrom[d.Name] += d.Count
		}
	}
	take := func(counts map[string]int64) []string {
		names := byCount(counts)
		out.Left += max(0, len(names)-maxShown)
		return names[:min(len(names), maxShown)]
	}
	out.Signers, out.MailFrom = take(signers), take(mailFrom)
	out.Streams = streams(e, domain)
	return out
}

// streams picks the mail with a domain in its From field, at most maxShown
// streams: single messages, which the user chose, come first.
func streams(e *evidence.Evidence, domain string) []evidence.Stream {
	var out []evidence.Stream
	for _, s := range e.Streams {
		if s.From == domain {
			out = append(out, s)
		}
	}
	rank := func(s evidence.Stream) int {
		if s.Kind == evidence.Message {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(out, func(a, b evidence.Stream) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(b.Count, a.Count))
	})
	return out[:min(len(out), maxShown)]
}

// byCount returns the names, those with the highest counts first.
func byCount(counts map[string]int64) []string {
	var names []string
	for name := range counts {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	return names
}

// A SignerKey is a key of a relative of the domain, which signs for it.
type SignerKey struct {
	Domain string `json:"domain"` // d=
	dkim.Selector
}

// relatives looks up the keys of the relatives that files show to sign, the
// most telling selectors of each.
func (r *run) relatives(ctx context.Context, keys dnsx.Resolver) []SignerKey {
	const perDomain = 3
	if r.facts.Evidence == nil {
		return nil
	}
	var out []SignerKey
	for _, domain := range r.facts.Evidence.Signers {
		if domain == r.domain {
			continue
		}
		selectors := r.opts.Evidence.Selectors(domain)
		for _, selector := range selectors[:min(len(selectors), perDomain)] {
			out = append(out, SignerKey{Domain: domain, Selector: dkim.Selector{Name: taglist.Octets(selector)}})
		}
	}
	var parts group.Group
	for i := range out {
		parts.Go(func() { out[i].Selector = dkim.Lookup(ctx, keys, out[i].Domain, string(out[i].Name)) })
	}
	parts.Wait()
	return slices.DeleteFunc(out, func(k SignerKey) bool { return k.Status.Absent() && len(k.Chain) == 0 })
}
