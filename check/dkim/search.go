package dkim

import (
	"context"
	"slices"
	"strings"

	"maildoctor/check/dnsx"
	"maildoctor/check/taglist"
)

// GuardSelector is asked beside guessed selectors. Nobody publishes it, so that
// a key record there comes from a wildcard. It never changes, so that recorded
// answers can be played back.
const GuardSelector = "maildoctor-guard-7q2xw9k4"

// MaxGuesses is how many selectors one Guess asks for, the guard not
// counted.
const MaxGuesses = 45

// Guesses are what guessing selectors brought.
type Guesses struct {
	Domain string   `json:"domain"`          // empty if it is no domain name; then nothing was asked
	Asked  []string `json:"asked,omitempty"` // selectors, in the order of asking, without the guard
	Left   int      `json:"left,omitempty"`  // selectors that were not asked because of MaxGuesses
	Guard  Selector `json:"guard"`

	// Wildcard: the guard has a key record, so that any name seems to be a
	// selector. Found then holds only selectors whose answer differs from that
	// of the guard, which a wildcard does not explain (RFC 4592 section 2.2.1).
	Wildcard bool `json:"wildcard,omitempty"`

	// Found are the selectors with a key record, or an alias that leads to
	// nothing, in the order of asking.
	Found []Selector `json:"found,omitempty"`

	// Unknown are the selectors that got no answer, in the order of asking.
	Unknown []Selector `json:"unknown,omitempty"`
}

// Working reports whether one of the selectors found has a key that works.
func (g Guesses) Working() bool {
	return slices.ContainsFunc(g.Found, Selector.Working)
}

// Guess asks for the selectors of the first wave, all at once, and for those of
// the next wave only as long as no key that works was found. The guard is asked
// with the first wave that asks for anything. Selectors that are no names are
// passed over, and those that differ only in case are one.
//
// It does not ask for _domainkey.<domain>: some servers answer NXDOMAIN there
// although names exist below it, so that the answer proves nothing.
func Guess(ctx context.Context, r dnsx.Resolver, domain string, waves [][]string) Guesses {
	domain = strings.TrimSuffix(domain, ".")
	if !dnsx.IsName(domain) {
		return Guesses{}
	}
	g := Guesses{Domain: taglist.Lower(domain)}
	for _, wave := range waves {
		names := g.take(wave)
		if len(names) == 0 {
			continue
		}
		first := len(g.Asked) == len(names)
		if first {
			names = append(names, GuardSelector)
		}
		selectors := lookupAll(ctx, r, g.Domain, names)
		if first {
			last := len(selectors) - 1
			g.Guard, selectors = selectors[last], selectors[:last]
			g.Wildcard = g.Guard.HasKey()
		}
		g.sort(selectors)
		if g.Working() {
			break
		}
	}
	return g
}

// take returns the names of a wave that can and need be asked, as far as the
// limit allows, and marks them as asked.
func (g *Guesses) take(wave []string) []string {
	start := len(g.Asked)
	for _, name := range wave {
		if !dnsx.IsName(name) {
			continue
		}
		name = taglist.Lower(name)
		switch {
		case slices.Contains(g.Asked, name):
		case len(g.Asked) == MaxGuesses:
			g.Left++
		default:
			g.Asked = append(g.Asked, name)
		}
	}
	return slices.Clone(g.Asked[start:])
}

func (g *Guesses) sort(selectors []Selector) {
	for _, x := range selectors {
		switch {
		case x.Reason == dnsx.ReasonName: // too long to exist
		case !x.Status.Known():
			g.Unknown = append(g.Unknown, x)
		case !x.HasKey() && !x.Dangling(), sameAnswer(x, g.Guard):
		default:
			g.Found = append(g.Found, x)
		}
	}
}

// sameAnswer reports whether two names lead to the same place and records.
func sameAnswer(a, b Selector) bool {
	text := func(x, y Record) bool { return x.Text == y.Text }
	return a.Status == b.Status && slices.Equal(a.Chain, b.Chain) &&
		slices.EqualFunc(a.Records, b.Records, text)
}
