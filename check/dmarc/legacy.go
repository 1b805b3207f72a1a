package dmarc

import "golang.org/x/net/publicsuffix"

// Legacy is what a receiver finds that still follows RFC 7489: it takes the
// organisational domain from the Public Suffix List, and psd=, np= and t= mean
// nothing to it. The list is the one that this program was built with, with its
// private section; RFC 7489 leaves the choice of a list to the receiver.
type Legacy struct {
	OrgDomain string  `json:"org_domain"`          // the domain itself where that is a public suffix
	Unknown   bool    `json:"unknown,omitempty"`   // a name that matters gave no answer
	Place     string  `json:"place,omitempty"`     // the domain whose record applies; empty if there is none
	Tag       string  `json:"tag,omitempty"`       // the tag that counts there: p or sp
	Requested Request `json:"requested,omitempty"` // what it asks for; empty if DMARC does not apply
}

// LegacyOrganizationalDomain returns the organisational domain of RFC 7489
// section 3.2: one label more than the longest public suffix that the domain
// ends in. Of a public suffix it is the domain itself. An ending that the list
// does not know counts as a suffix of one label.
func LegacyOrganizationalDomain(domain string) string {
	domain = normalize(domain)
	suffix, _ := publicsuffix.PublicSuffix(domain)
	if domain == suffix || !below(domain, suffix) {
		return domain
	}
	return oneBelow(suffix, domain)
}

// newLegacy applies the policy discovery of RFC 7489 section 6.6.3 to the
// answers of a walk: the record of the domain itself, else that of its
// organisational domain.
func newLegacy(w *Walk) *Legacy {
	s := &w.Steps[0]
	if s.Domain == "" {
		return nil
	}
	start := s.Domain
	l := &Legacy{OrgDomain: LegacyOrganizationalDomain(start)}
	// Several records end the discovery, other texts do not (steps 3 and 5).
	if s.Status.Known() && len(s.Texts) == 0 && l.OrgDomain != start {
		s = w.asked(l.OrgDomain)
	}
	switch {
	case s == nil, !s.Status.Known():
		l.Unknown = true
	case s.Record != nil:
		l.Place = s.Domain
		l.Tag, l.Requested = s.Record.legacy(s.Domain != start)
	}
	return l
}

// legacy returns the tag that counts and what it asks for. Without a valid p=,
// or with an invalid sp=, the record needs a valid rua= to act as p=none (RFC
// 7489 section 6.6.3 step 6).
func (r *Record) legacy(sub bool) (string, Request) {
	tag, request := "p", r.P
	if sub && r.SP != "" {
		tag, request = "sp", r.SP
	}
	switch {
	case r.P != "" && r.P != Invalid && r.SP != Invalid:
		return tag, request
	case r.validRUA():
		return tag, None
	}
	return tag, ""
}

// asked returns the step of a domain, reached or not, or nil.
func (w *Walk) asked(domain string) *Step {
	for i := range w.Steps {
		if w.Steps[i].Domain == domain {
			return &w.Steps[i]
		}
	}
	return nil
}
