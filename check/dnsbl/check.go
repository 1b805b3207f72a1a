package dnsbl

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"maildoctor/check/dnsx"
	"maildoctor/check/group"
	"maildoctor/check/taglist"

	"github.com/miekg/dns"
)

// Limits of one Check. A list costs three questions: the subject, a point that
// must be listed, one that must not. The two points are the same for all
// subjects of a kind, so that a Client with a cache asks about them once. A
// listing costs one more, for TXT. A point that is missing costs one more on a
// list with IPv6 addresses, and at most two on one of the user's.
const (
	QuestionsPerList    = 3   // A questions about one subject and the two test points
	MaxQuestionsPerList = 5   // all of them
	MaxLists            = 40  // lists asked, the first that are given; doubles of these do not count
	MaxAnswers          = 16  // addresses of one answer that are kept
	MaxHits             = 32  // reasons of one listing that are kept
	MaxTexts            = 4   // TXT records that are kept
	MaxText             = 512 // octets of one that are kept
)

// Verdict says what came of asking one list.
type Verdict string

// The verdicts. Only the first two say something about the subject.
const (
	Listed        Verdict = "listed"
	NotListed     Verdict = "not-listed"
	Refused       Verdict = "refused"        // the list does not answer this resolver
	Broken        Verdict = "broken"         // the test points are wrong
	Unknown       Verdict = "unknown"        // no answer, or one that cannot be used
	NotApplicable Verdict = "not-applicable" // the list holds nothing of this kind; not asked about the subject, or in vain
	NotAsked      Verdict = "not-asked"      // for the state of the list
)

// A Result is what lists say about a subject.
type Result struct {
	Subject string    `json:"subject"` // the address, or the domain in lower case
	Kind    Kind      `json:"kind"`    // IP or Domain
	Lists   []Opinion `json:"lists,omitempty"`
	Cut     int       `json:"cut,omitempty"` // lists left out beyond MaxLists
}

// An Opinion is what one list says. A label of the zone that is the key of the
// user is left out of Zone and written as "key" in Asked.
type Opinion struct {
	Zone         string           `json:"zone"`
	Name         string           `json:"name,omitempty"`
	Allow        bool             `json:"allow,omitempty"` // to be listed is good
	State        State            `json:"state,omitempty"` // empty for a list that is not in the table
	Verdict      Verdict          `json:"verdict"`
	Reason       Reason           `json:"reason,omitempty"`        // empty with Listed and NotListed
	Asked        string           `json:"asked,omitempty"`         // the name whose answer decided
	Status       dnsx.Status      `json:"status,omitempty"`        // of that answer
	StatusReason string           `json:"status_reason,omitempty"` // with dnsx.Failed, why
	Answers      []netip.Addr     `json:"answers,omitempty"`       // ascending, at most MaxAnswers
	Cut          int              `json:"cut,omitempty"`           // answers left out
	Hits         []Hit            `json:"hits,omitempty"`          // with Listed: why, in the order of Answers, at most MaxHits
	Texts        []taglist.Octets `json:"texts,omitempty"`         // with Listed: the TXT records, sorted, cut
}

// Severity returns the gravest severity of the hits, or the empty string.
func (o Opinion) Severity() Severity {
	for _, s := range []Severity{Critical, High, Medium, Low, Info} {
		if slices.ContainsFunc(o.Hits, func(h Hit) bool { return h.Severity == s }) {
			return s
		}
	}
	return ""
}

// Check asks lists about a subject, all at once. A list that is given twice is
// asked once. The opinions are in the order of their zones. The caller sees to it
// that addresses are of the internet, and domains not secret. The result is
// never nil.
func Check(ctx context.Context, r dnsx.Resolver, s Subject, lists []List) *Result {
	var kept []List
	cut := 0
	for _, l := range lists {
		switch {
		case slices.ContainsFunc(kept, func(k List) bool { return compare(k, l) == 0 }):
		case len(kept) == MaxLists:
			cut++
		default:
			kept = append(kept, l)
		}
	}
	slices.SortFunc(kept, compare)
	res := &Result{Subject: s.String(), Kind: s.kind, Cut: cut}
	if len(kept) == 0 {
		return res
	}
	res.Lists = make([]Opinion, len(kept))
	var wg group.Group
	for i := range kept {
		wg.Go(func() { res.Lists[i] = kept[i].ask(ctx, r, s) })
	}
	wg.Wait()
	return res
}

func compare(a, b List) int {
	if c := strings.Compare(a.Zone, b.Zone); c != 0 {
		return c
	}
	return strings.Compare(a.key, b.key)
}

// ask asks one list.
func (l *List) ask(ctx context.Context, r dnsx.Resolver, s Subject) Opinion {
	o := Opinion{Zone: l.Zone, Name: l.Name, Allow: l.Allow, State: l.State}
	p, verdict, reason := l.plan(s)
	if verdict != "" {
		o.Verdict, o.Reason = verdict, reason
		return o
	}
	var answers [3]dnsx.Answer
	var wg group.Group
	for i, name := range []string{p.subject, p.listed, p.notListed} {
		wg.Go(func() { answers[i] = r.Lookup(ctx, name, dns.TypeA) })
	}
	wg.Wait()
	l.judge(&o, answers[0], answers[1], answers[2])
	if o.Reason == ReasonTestMissing {
		for _, name := range p.others {
			if l.tryOther(&o, r.Lookup(ctx, name, dns.TypeA), p.otherReason) {
				break
			}
		}
	}
	if o.Verdict == Listed {
		o.Texts = texts(r.Lookup(ctx, p.subject, dns.TypeTXT))
	}
	return o
}

// judge decides from the answers about the subject and the two test points.
func (l *List) judge(o *Opinion, subject, listed, notListed dnsx.Answer) {
	s, in, out := l.read(subject), l.read(listed), l.read(notListed)
	for _, x := range []reading{s, in, out} {
		if x.is == rejected {
			l.decide(o, x, Refused, x.reason)
			return
		}
	}
	for _, x := range []reading{s, in, out} {
		if x.is == astray {
			l.decide(o, x, Unknown, ReasonResolverFault)
			return
		}
	}
	if out.is == existing {
		l.decide(o, out, Broken, ReasonEverything)
		return
	}
	for _, x := range []reading{out, in, s} {
		if x.is == unanswered {
			l.decide(o, x, Unknown, ReasonNoAnswer)
			return
		}
	}
	switch {
	case in.is == missing && l.Policy == PolicyRegistration:
		l.decide(o, in, Unknown, ReasonRegistration)
	case in.is == missing:
		l.decide(o, in, Broken, ReasonTestMissing)
	case s.is == missing:
		l.decide(o, s, NotListed, "")
	case len(s.hits) == 0:
		l.decide(o, s, Unknown, ReasonUnknownCode)
	default:
		l.decide(o, s, Listed, "")
		o.Hits = s.hits
	}
}

// tryOther looks at a test point of another kind: if that is listed the list is
// not broken, it merely holds nothing of the kind of the subject. It reports
// whether this decides.
func (l *List) tryOther(o *Opinion, a dnsx.Answer, reason Reason) bool {
	switch x := l.read(a); x.is {
	case existing:
		l.decide(o, x, NotApplicable, reason)
	case unanswered:
		l.decide(o, x, Unknown, ReasonNoAnswer)
	case rejected:
		l.decide(o, x, Refused, x.reason)
	case astray:
		l.decide(o, x, Unknown, ReasonResolverFault)
	default:
		return false
	}
	return true
}

// decide writes down a verdict and the answer that it comes from.
func (l *List) decide(o *Opinion, x reading, v Verdict, reason Reason) {
	o.Verdict, o.Reason = v, reason
	o.Asked = x.answer.Name
	if l.key != "" {
		o.Asked = strings.TrimSuffix(o.Asked, l.key+"."+l.Zone) + "key." + l.Zone
	}
	o.Status, o.StatusReason = x.answer.Status, x.answer.Reason
	o.Answers = x.addrs
	o.Cut = x.cut
}

// sense says what the answer to one question is good for.
type sense int

const (
	unanswered sense = iota // not found out
	missing                 // no such entry
	existing                // an entry, of whatever code
	rejected                // at least one address is an error
	astray                  // at least one address is outside of 127.0.0.0/8
)

// A reading is an answer, read.
type reading struct {
	is     sense
	answer dnsx.Answer
	addrs  []netip.Addr
	cut    int
	hits   []Hit
	reason Reason // of a refusal
}

// read reads one answer of the list. It looks at all addresses, and keeps
// MaxAnswers.
func (l *List) read(a dnsx.Answer) reading {
	x := reading{answer: a}
	if !a.Status.Known() {
		return x
	}
	addrs := a.Addrs()
	if a.Status.Absent() {
		x.is = missing
		return x
	}
	if len(addrs) == 0 {
		return x
	}
	x.is = existing
	for _, addr := range addrs {
		if !loopback.Contains(addr) {
			x.is = astray
			break
		}
		hits, reason := l.Decode(addr)
		if reason != "" && x.is == existing {
			x.is, x.reason = rejected, reason
		}
		x.hits = append(x.hits, hits[:min(len(hits), MaxHits-len(x.hits))]...)
	}
	if x.is != existing {
		x.hits = nil
	}
	x.addrs = addrs[:min(len(addrs), MaxAnswers)]
	x.cut = len(addrs) - len(x.addrs) + a.Cut
	return x
}

// texts returns what TXT records say, as evidence only: that they are missing
// means nothing (RFC 5782 section 2.1).
func texts(a dnsx.Answer) []taglist.Octets {
	var out []taglist.Octets
	for _, t := range a.Texts() {
		if t != "" {
			out = append(out, taglist.Octets(t[:min(len(t), MaxText)]))
		}
	}
	slices.Sort(out)
	out = slices.Compact(out)
	return out[:min(len(out), MaxTexts)]
}
