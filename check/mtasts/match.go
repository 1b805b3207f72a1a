package mtasts

import (
	"slices"
	"strings"

	"maildoctor/check/dnsx"
)

// Matches reports whether a pattern of a policy allows a mail host (RFC 8461
// section 4.1). "*" stands for one label, neither for none nor for two. Case
// and a final dot of the host mean nothing.
func Matches(pattern, host string) bool {
	host = normalize(host)
	if reason := patternFault(pattern); reason != "" && reason != MXUnderscore || !dnsx.IsName(host) {
		return false
	}
	pattern = normalize(pattern)
	if parent, ok := strings.CutPrefix(pattern, "*."); ok {
		_, rest, found := strings.Cut(host, ".")
		return found && rest == parent
	}
	return host == pattern
}

// A Comparison is what a policy and the mail hosts of a domain have against
// each other. Each list is sorted, in lower case, and has each name once.
type Comparison struct {
	Unlisted []string `json:"unlisted,omitempty"` // mail hosts that no pattern allows: a sender does not use them in mode enforce
	Unknown  []string `json:"unknown,omitempty"`  // mail hosts that no pattern allows as far as a policy was read that was Cut
	Idle     []string `json:"idle,omitempty"`     // patterns that match no mail host
}

// Compare holds a policy against the names of all mail hosts, those of MX
// records as they stand there: not the target of an alias, and the domain
// itself only if it has no MX records. The host of a null MX is left out.
func Compare(p *Policy, hosts []string) Comparison {
	var c Comparison
	var names []string
	for _, host := range hosts {
		if host = normalize(host); host != "" {
			names = append(names, host)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	for _, host := range names {
		switch {
		case slices.ContainsFunc(p.MX, func(pattern string) bool { return Matches(pattern, host) }):
		case p.Cut:
			c.Unknown = append(c.Unknown, host)
		default:
			c.Unlisted = append(c.Unlisted, host)
		}
	}
	for _, pattern := range p.MX {
		if !slices.ContainsFunc(names, func(host string) bool { return Matches(pattern, host) }) {
			c.Idle = append(c.Idle, normalize(pattern))
		}
	}
	slices.Sort(c.Idle)
	c.Idle = slices.Compact(c.Idle)
	return c
}
