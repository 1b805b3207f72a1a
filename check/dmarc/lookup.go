package dmarc

import (
	"context"
	"strings"

	"github.com/miekg/dns"

	"maildoctor/check/dnsx"
	"maildoctor/check/group"
	"maildoctor/check/taglist"
)

// ReasonTooLong is the reason of the status nxdomain of a name that was not
// asked, because one of that length cannot exist.
const ReasonTooLong = "name-too-long"

const prefix = "_dmarc."

// maxName is the length of the longest name in text, without the final dot (RFC
// 1035 section 2.3.4).
const maxName = 253

// lookupAll asks for the TXT records of all names at once, and returns the
// answers in the same order. The empty name is not asked.
func lookupAll(ctx context.Context, r dnsx.Resolver, names []string) []dnsx.Answer {
	answers := make([]dnsx.Answer, len(names))
	var wg group.Group
	for i, name := range names {
		switch {
		case name == "":
		case len(name) > maxName:
			answers[i] = dnsx.Answer{Name: name, Status: dnsx.NXDomain, Reason: ReasonTooLong}
		default:
			wg.Go(func() { answers[i] = r.Lookup(ctx, name, dns.TypeTXT) })
		}
	}
	wg.Wait()
	return answers
}

// normalize returns a domain in lower case without the final dot.
func normalize(domain string) string { return taglist.Lower(strings.TrimSuffix(domain, ".")) }

// below reports whether name is ancestor or lies below it.
func below(name, ancestor string) bool {
	rest, found := strings.CutSuffix(name, ancestor)
	return found && (rest == "" || strings.HasSuffix(rest, "."))
}
