package tlsrpt

import (
	"cmp"
	"slices"
	"strings"

	"maildoctor/check/taglist"
)

// Parse reads a TXT record found at _smtp._tls (RFC 8460 section 3). It reports
// false for a text that is no TLS-RPT record, which everybody passes over; a
// fault then says why, if it seems to be meant as one. Of a TLS-RPT record all
// faults are returned, in the order of their places. Unknown fields are ignored.
// White space between v=TLSRPTv1 and its semicolon is a fault of a record: see
// taglist.Record.Parse.
func Parse(s string) (*Record, []Fault, bool) {
	list, ok := taglist.Record{Version: "TLSRPTv1", Stem: "rpt", Typical: isTypical}.Parse(s)
	p := parser{input: s, list: list}
	p.takeOver(list.Faults)
	if !ok {
		return nil, p.faults, false
	}
	r := &Record{RUA: p.addresses()}
	p.extensions()
	slices.SortStableFunc(p.faults, func(a, b Fault) int { return cmp.Compare(a.Offset, b.Offset) })
	return r, p.faults, true
}

// isTypical reports whether a field is a rua= that has a scheme of reports.
func isTypical(first taglist.Tag) bool {
	value := taglist.Lower(first.Value)
	return taglist.Lower(first.Name) == "rua" && (strings.HasPrefix(value, "mailto:") || strings.HasPrefix(value, "https:"))
}

type parser struct {
	input  string
	list   taglist.List
	faults []Fault
}

func (p *parser) fault(reason Reason, field string, at taglist.Span) {
	p.faults = append(p.faults, Fault{
		Reason: reason, Field: cut(field), Value: cut(p.input[at.Offset : at.Offset+at.Length]),
		Offset: at.Offset, Length: at.Length, Void: reason.void(),
	})
}

func (r Reason) void() bool { return r == RUAMissing || r == RUACase || r == RUAUnusable }

// cut shortens a foreign text.
func cut(s string) taglist.Octets { return taglist.Octets(s[:min(len(s), MaxValue)]) }

// takeOver takes over what is wrong with the list. The grammar allows more than
// one rua=.
func (p *parser) takeOver(faults []taglist.Fault) {
	for _, f := range faults {
		reason := Reason(f.Code)
		if f.Code == taglist.DuplicateTag && f.Name == "rua" {
			reason = RUARepeated
		}
		p.fault(reason, f.Name, f.At)
	}
}

// addresses reads every rua=, in these very letters.
func (p *parser) addresses() []URI {
	var list []URI
	var first, other *taglist.Tag
	for i := range p.list.Tags {
		switch t := &p.list.Tags[i]; {
		case t.Name == "rua":
			list = p.uris(list, *t)
			if first == nil {
				first = t
			}
		case other == nil && taglist.Lower(t.Name) == "rua":
			other = t
		}
	}
	switch {
	case first == nil && other != nil:
		p.fault(RUACase, other.Name, other.NameAt)
	case first == nil:
		p.fault(RUAMissing, "rua", taglist.Span{Offset: len(p.input)})
	case !slices.ContainsFunc(list, func(u URI) bool { return u.Usable }):
		p.fault(RUAUnusable, first.Name, first.ValueAt)
	}
	return list
}

// extensions looks at the fields that say nothing here.
func (p *parser) extensions() {
	for i, t := range p.list.Tags {
		if i > 0 && t.Name != "rua" {
			p.takeOver(t.ExtensionFaults())
		}
	}
}
