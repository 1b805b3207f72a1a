package dmarc

import (
	"strings"

	"maildoctor/check/dnsx"
	"maildoctor/check/taglist"
)

// MaxSteps is how many names a walk asks about (RFC 9989 section 4.10).
const MaxSteps = 8

// A Text is a TXT record at _dmarc that is no DMARC record, but seems to be
// meant as one.
type Text struct {
	Text  taglist.Octets `json:"text"`
	Fault Fault          `json:"fault"`
}

// A Step is one name of a walk.
type Step struct {
	Domain string           `json:"domain"`
	Asked  string           `json:"asked"` // the name below _dmarc
	Status dnsx.Status      `json:"status"`
	Reason string           `json:"reason,omitempty"`
	Chain  []string         `json:"chain,omitempty"`  // CNAME targets followed
	Texts  []taglist.Octets `json:"texts,omitempty"`  // the DMARC records; more than one = all discarded
	Near   []Text           `json:"near,omitempty"`   // texts that only look like one
	Record *Record          `json:"record,omitempty"` // the one DMARC record
	Faults []Fault          `json:"faults,omitempty"` // of Record

	// Reached: a walk that asks one name after the other comes to this one. A
	// record with psd=y or psd=n ends the walk.
	Reached bool `json:"reached,omitempty"`
}

// How the organisational domain was found (RFC 9989 section 4.10.2).
const (
	ByPSDNo   = "psd-n"   // the record there says psd=n
	ByPSDYes  = "psd-y"   // it is one label below a record with psd=y
	ByFewest  = "fewest"  // the record with the fewest labels
	ByDefault = "default" // no record at all: the domain itself
)

// A Walk is a walk up the DNS tree from a domain (RFC 9989 section 4.10).
type Walk struct {
	Steps     []Step `json:"steps"`                // the longest name first
	OrgDomain string `json:"org_domain,omitempty"` // the organisational domain; empty if unknown
	By        string `json:"by,omitempty"`         // one of the By constants; empty if unknown
	Unknown   bool   `json:"unknown,omitempty"`    // a name that was reached gave no answer
}

// walkNames returns the names that a walk from domain asks about: the domain,
// then each parent that has at most 7 labels.
func walkNames(domain string) []string {
	names := []string{domain}
	labels := strings.Count(domain, ".") + 1
	for rest := domain; labels > 1; {
		_, rest, _ = strings.Cut(rest, ".")
		if labels--; labels < MaxSteps {
			names = append(names, rest)
		}
	}
	return names
}

// readStep reads the answer for one name.
func readStep(domain, asked string, a dnsx.Answer) Step {
	s := Step{Domain: domain, Asked: asked, Status: a.Status, Reason: a.Reason, Chain: a.Chain}
	for _, text := range a.Texts() {
		record, faults, ok := Parse(text)
		switch {
		case ok:
			s.Texts = append(s.Texts, taglist.Octets(text))
			s.Record, s.Faults = record, faults
		case len(faults) > 0:
			s.Near = append(s.Near, Text{Text: taglist.Octets(text), Fault: faults[0]})
		}
	}
	if len(s.Texts) > 1 { // RFC 9989 section 4.10 step 2
		s.Record, s.Faults = nil, nil
	}
	return s
}

// newWalk reads the answers in the order of the walk.
func newWalk(steps []Step) Walk {
	w := Walk{Steps: steps}
	for i := range steps {
		s := &steps[i]
		s.Reached = true
		if !s.Status.Known() {
			w.Unknown = true
		}
		if s.Record != nil && s.Record.PSD != Unknown {
			break
		}
	}
	if !w.Unknown && len(steps) > 0 {
		w.OrgDomain, w.By = organizational(steps)
	}
	return w
}

// organizational applies RFC 9989 section 4.10.2 to the names reached.
func organizational(steps []Step) (domain, by string) {
	start := steps[0].Domain
	domain, by = start, ByDefault
	for i, s := range steps {
		switch {
		case !s.Reached || s.Record == nil:
		case s.Record.PSD == No:
			return s.Domain, ByPSDNo
		case s.Record.PSD == Yes && i > 0:
			return oneBelow(s.Domain, start), ByPSDYes
		default:
			domain, by = s.Domain, ByFewest
		}
	}
	return domain, by
}

// oneBelow returns the name that is one label longer than parent, on the way to
// start.
func oneBelow(parent, start string) string {
	rest := strings.TrimSuffix(start, "."+parent)
	return start[strings.LastIndexByte(rest, '.')+1:]
}

// step returns the step of a domain that was reached, or nil.
func (w *Walk) step(domain string) *Step {
	for i := range w.Steps {
		if w.Steps[i].Domain == domain && w.Steps[i].Reached {
			return &w.Steps[i]
		}
	}
	return nil
}

// suffix returns the step of the public suffix domain that the walk found above
// its start, or nil.
func (w *Walk) suffix() *Step {
	for i := range w.Steps {
		s := &w.Steps[i]
		if i > 0 && s.Reached && s.Record != nil && s.Record.PSD == Yes {
			return s
		}
	}
	return nil
}
