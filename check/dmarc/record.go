// Package dmarc finds and reads the policy that a domain publishes for mail in
// its name: Domain-based Message Authentication, Reporting, and Conformance
// (RFC 9989), with the check of report addresses of RFC 9990.
//
// A policy is a TXT record at _dmarc.<domain>. Which record applies to a domain
// and which domains belong together is told by a walk up the DNS tree (RFC 9989
// section 4.10), in place of the list of public suffixes of RFC 7489. Discover
// asks all the questions of a walk at once and reads the answers in the order
// of the walk, so that an answer which the walk would not have come to plays no
// part.
package dmarc

import (
	"strings"

	"maildoctor/check/taglist"
)

// Request is what a domain owner asks to be done with mail that fails.
type Request string

// The requests of RFC 9989 section 4.7. A tag that is absent is empty.
const (
	None       Request = "none"
	Quarantine Request = "quarantine"
	Reject     Request = "reject"
	Invalid    Request = "invalid" // the tag is there with another value
)

// Values of tags.
const (
	Relaxed = "r" // adkim, aspf
	Strict  = "s" // adkim, aspf
	Yes     = "y" // psd: a public suffix domain
	No      = "n" // psd: an organisational domain
	Unknown = "u" // psd: found out by the walk
)

// Reason names a fault of a record, or something about it worth knowing.
type Reason string

// Reasons of a text at _dmarc that is no DMARC record, though meant as one (RFC
// 9989 section 4.7: it does not begin with v=DMARC1 exactly).
const (
	VersionCase      Reason = "version-case"      // v=dmarc1
	VersionValue     Reason = "version-value"     // another value, or no ";" behind it
	VersionNotFirst  Reason = "version-not-first" // another tag comes first
	VersionMissing   Reason = "version-missing"   // p= without v=
	VersionQuoted    Reason = "version-quoted"    // begins with a quotation mark
	VersionLeadSpace Reason = "version-space"     // begins with white space
	VersionMalformed Reason = "version-malformed" // names DMARC1 in another way
)

// Faults of a DMARC record. The names of those of the notation are those of
// package taglist.
const (
	DuplicateTag  Reason = "duplicate-tag"  // the first one counts
	MissingEquals Reason = "missing-equals" // stray text, ignored
	EmptyName     Reason = "empty-name"     // ignored
	BadName       Reason = "bad-name"       // ignored
	TooManyTags   Reason = "too-many-tags"  // the rest is not read
	EmptyTag      Reason = "empty-tag"      // nothing between two semicolons
	BadOctet      Reason = "bad-octet"      // control or 8-bit octet

	RequestInvalid Reason = "request-invalid" // p, sp or np
	ValueInvalid   Reason = "value-invalid"   // any other tag; the default counts
	FoConflict     Reason = "fo-conflict"     // 0 and 1 exclude each other
	FoWithoutRuf   Reason = "fo-without-ruf"  // fo is ignored
	RemovedTag     Reason = "removed-tag"     // pct, rf, ri (RFC 9989 section 9.3)

	URIEmpty     Reason = "uri-empty"              // nothing between two commas, or an empty list
	URINoScheme  Reason = "uri-no-scheme"          // an address without mailto:
	URIMalformed Reason = "uri-malformed"          // not a URI (RFC 3986)
	URIAddress   Reason = "uri-address"            // mailto: without a mail address
	URIScheme    Reason = "uri-scheme-unsupported" // a scheme that nobody has to support
	URISize      Reason = "uri-size"               // "!10m" is obsolete (RFC 9989 appendix C.4), ignored
	URITooMany   Reason = "uri-too-many"           // more than MaxURIs; the rest is not read
)

// A Fault is one thing about a record. Offset and Length count octets of it.
type Fault struct {
	Reason Reason         `json:"reason"`
	Tag    taglist.Octets `json:"tag,omitempty"`   // as written
	Value  taglist.Octets `json:"value,omitempty"` // what stands at the place, cut after MaxValue octets
	Offset int            `json:"offset"`
	Length int            `json:"length"`
}

// MaxValue is how many octets of a value a Fault repeats.
const MaxValue = 256

// A Record is what a DMARC record says, with the defaults of RFC 9989 section
// 4.7 in place of what is absent or invalid.
type Record struct {
	P       Request  `json:"p,omitempty"`
	SP      Request  `json:"sp,omitempty"`
	NP      Request  `json:"np,omitempty"`
	ADKIM   string   `json:"adkim"`
	ASPF    string   `json:"aspf"`
	PSD     string   `json:"psd"`
	Testing bool     `json:"testing,omitempty"` // t=y
	RUA     []URI    `json:"rua,omitempty"`
	RUF     []URI    `json:"ruf,omitempty"`
	FO      []string `json:"fo"`
}

// Parse reads a TXT record found at _dmarc. It reports false for a text that is
// no DMARC record, which everybody passes over; a fault then says why, if it
// seems to be meant as one, and there is none if it does not. Of a DMARC record
// all faults are returned, in the order of the notation, then of the tags.
func Parse(s string) (*Record, []Fault, bool) {
	list := taglist.Parse(s, taglist.Syntax{FoldCase: true})
	p := parser{input: s, list: list}
	if !isRecord(list) {
		p.lookalike()
		return nil, p.faults, false
	}
	p.notation()
	r := &Record{
		P: p.request("p"), SP: p.request("sp"), NP: p.request("np"),
		ADKIM:   p.choice("adkim", Relaxed, Strict),
		ASPF:    p.choice("aspf", Relaxed, Strict),
		PSD:     p.choice("psd", Unknown, Yes, No),
		Testing: p.choice("t", No, Yes) == Yes,
		RUA:     p.uris("rua"),
		RUF:     p.uris("ruf"),
		FO:      p.failureOptions(),
	}
	for _, name := range [...]string{"pct", "rf", "ri"} {
		if t, ok := list.Get(name); ok {
			p.fault(RemovedTag, t.Name, t.ValueAt)
		}
	}
	return r, p.faults, true
}

// isRecord is the test of RFC 9989 section 4.7. The name of the tag is without
// case, its value is not (section 4.8).
func isRecord(list taglist.List) bool {
	if len(list.Tags) == 0 {
		return false
	}
	t := list.Tags[0]
	return t.NameAt.Offset == 0 && strings.EqualFold(t.Name, "v") && t.Value == "DMARC1"
}

type parser struct {
	input  string
	list   taglist.List
	faults []Fault
}

func (p *parser) fault(reason Reason, tag string, at taglist.Span) {
	value := p.input[at.Offset : at.Offset+min(at.Length, MaxValue)]
	p.faults = append(p.faults, Fault{
		Reason: reason, Tag: taglist.Octets(tag), Value: taglist.Octets(value),
		Offset: at.Offset, Length: at.Length,
	})
}

// lookalike says why a text that seems to be meant as a DMARC record is none.
func (p *parser) lookalike() {
	trimmed := strings.TrimLeft(p.input, " \t\r\n")
	lead := len(p.input) - len(trimmed)
	v, hasV := p.list.Get("v")
	switch {
	case trimmed != "" && strings.ContainsRune(`"'\`, rune(trimmed[0])) && namesDMARC(trimmed):
		p.fault(VersionQuoted, "", taglist.Span{Offset: lead, Length: 1})
	case hasV && (namesDMARC(v.Value) || p.hasPolicy()):
		switch {
		case len(p.list.Tags) > 0 && p.list.Tags[0].NameAt != v.NameAt:
			p.fault(VersionNotFirst, v.Name, v.NameAt)
		case v.Value == "DMARC1" && lead > 0:
			p.fault(VersionLeadSpace, "", taglist.Span{Length: lead})
		case strings.EqualFold(v.Value, "DMARC1") && v.Value != "DMARC1":
			p.fault(VersionCase, v.Name, v.ValueAt)
		case v.Value == "DMARC1":
			p.fault(VersionMalformed, v.Name, v.ValueAt)
		default:
			p.fault(VersionValue, v.Name, v.ValueAt)
		}
	case !hasV && p.hasPolicy():
		p.fault(VersionMissing, "", taglist.Span{})
	case !hasV && namesDMARC(trimmed):
		p.fault(VersionMalformed, "", taglist.Span{Offset: lead, Length: len(trimmed)})
	}
}

// namesDMARC reports whether s holds DMARC followed by a digit, in any case.
func namesDMARC(s string) bool {
	for i := 0; i+len("dmarc1") <= len(s); i++ {
		if c := s[i+len("dmarc")]; c >= '0' && c <= '9' && strings.EqualFold(s[i:i+len("dmarc")], "dmarc") {
			return true
		}
	}
	return false
}

// hasPolicy reports whether p= is there with a value of DMARC.
func (p *parser) hasPolicy() bool {
	t, ok := p.list.Get("p")
	return ok && request(t.Value) != Invalid
}

// notation takes over what is wrong with the list itself.
func (p *parser) notation() {
	for _, f := range p.list.Faults {
		p.fault(Reason(f.Code), f.Name, f.At)
	}
}

func request(value string) Request {
	for _, r := range [...]Request{None, Quarantine, Reject} {
		if taglist.Lower(value) == string(r) {
			return r
		}
	}
	return Invalid
}

func (p *parser) request(name string) Request {
	t, ok := p.list.Get(name)
	if !ok {
		return ""
	}
	r := request(t.Value)
	if r == Invalid {
		p.fault(RequestInvalid, t.Name, t.ValueAt)
	}
	return r
}

// choice reads a tag with a few values; the first one is the default.
func (p *parser) choice(name string, values ...string) string {
	t, ok := p.list.Get(name)
	if !ok {
		return values[0]
	}
	for _, v := range values {
		if taglist.Lower(t.Value) == v {
			return v
		}
	}
	p.fault(ValueInvalid, t.Name, t.ValueAt)
	return values[0]
}

// failureOptions reads fo=, which says something only beside ruf=.
func (p *parser) failureOptions() []string {
	standard := []string{"0"}
	t, ok := p.list.Get("fo")
	if !ok {
		return standard
	}
	if _, ok := p.list.Get("ruf"); !ok {
		p.fault(FoWithoutRuf, t.Name, t.ValueAt)
	}
	var set [4]bool
	const options = "01ds"
	for v := range strings.SplitSeq(t.Value, ":") {
		v = taglist.Lower(strings.Trim(v, " \t"))
		i := strings.Index(options, v)
		if len(v) != 1 || i < 0 {
			p.fault(ValueInvalid, t.Name, t.ValueAt)
			return standard
		}
		set[i] = true
	}
	if set[0] && set[1] {
		p.fault(FoConflict, t.Name, t.ValueAt)
	}
	var fo []string
	for i, ok := range set {
		if ok {
			fo = append(fo, options[i:i+1])
		}
	}
	return fo
}
