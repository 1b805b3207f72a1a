package dkim

import (
	"context"
	"strings"

	"github.com/miekg/dns"

	"maildoctor/check/dnsx"
	"maildoctor/check/group"
	"maildoctor/check/taglist"
)

// Lookup asks for one selector of a domain (RFC 6376 section 3.6.2.1). A
// selector may contain dots (section 3.1). A name that cannot be asked has the
// status failed with dnsx.ReasonName, and no question is sent.
func Lookup(ctx context.Context, r dnsx.Resolver, domain, selector string) Selector {
	return lookupAll(ctx, r, domain, []string{selector})[0]
}

// lookupAll asks for all selectors at once and returns them in the same order.
func lookupAll(ctx context.Context, r dnsx.Resolver, domain string, names []string) []Selector {
	answers := make([]dnsx.Answer, len(names))
	var wg group.Group
	for i, name := range names {
		asked := keyName(name, domain)
		if asked == "" {
			answers[i] = dnsx.Answer{Status: dnsx.Failed, Reason: dnsx.ReasonName}
			continue
		}
		wg.Go(func() { answers[i] = r.Lookup(ctx, asked, dns.TypeTXT) })
	}
	wg.Wait()
	selectors := make([]Selector, len(names))
	for i, name := range names {
		selectors[i] = read(name, keyName(name, domain), answers[i])
	}
	return selectors
}

func read(selector, asked string, a dnsx.Answer) Selector {
	s := Selector{
		Name: taglist.Octets(selector), Asked: asked,
		Status: a.Status, Reason: a.Reason, Chain: a.Chain, Cut: a.Cut,
	}
	for _, text := range a.Texts() {
		key, faults := ParseKey(text)
		s.Records = append(s.Records, Record{Text: taglist.Octets(text), Key: key, Faults: faults})
	}
	return s
}

// keyName returns the name of a selector in lower case, without a final dot, or
// the empty string if it cannot be asked.
func keyName(selector, domain string) string {
	name := selector + "._domainkey." + strings.TrimSuffix(domain, ".")
	if !dnsx.IsName(name) {
		return ""
	}
	return taglist.Lower(name)
}
