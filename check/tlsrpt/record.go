package tlsrpt

import (
	"cmp"
	"slices"
	"strings"

	"maildoctor/check/taglist"
)

const version = "TLSRPTv1"

// Parse reads a TXT record found at _smtp._tls (RFC 8460 section 3). It reports
// false for a text that is no TLS-RPT record, which everybody passes over; a
// fault then says why, if it seems to be meant as one. Of a TLS-RPT record all
// faults are returned, in the order of their places. Unknown fields are ignored.
//
// The grammar allows white space between v=TLSRPTv1 and its semicolon, the rule
// by which senders select the record does not. There are senders that take such
// a record and senders that do not; here it is a record with a fault.
func Parse(s string) (*Record, []Fault, bool) {
	p := parser{input: s, list: taglist.Parse(s, taglist.Syntax{})}
	end, ok := cutVersion(s)
	if !ok {
		p.lookalike()
		return nil, p.faults, false
	}
	if blank := end - len("v="+version); blank > 0 {
		p.fault(VersionDelimiter, "v", taglist.Span{Offset: end - blank, Length: blank})
	}
	p.notation()
	r := &Record{RUA: p.addresses()}
	p.extensions()
	slices.SortStableFunc(p.faults, func(a, b Fault) int { return cmp.Compare(a.Offset, b.Offset) })
	return r, p.faults, true
}

// cutVersion returns the place of the semicolon behind the version at the
// beginning of a record.
func cutVersion(s string) (semicolon int, ok bool) {
	rest, ok := strings.CutPrefix(s, "v="+version)
	rest = strings.TrimLeft(rest, " \t")
	return len(s) - len(rest), ok && strings.HasPrefix(rest, ";")
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

// notation takes over what is wrong with the list, but for names and octets:
// DKIM, where the notation comes from, has others.
func (p *parser) notation() {
	for _, f := range p.list.Faults {
		switch {
		case f.Code == taglist.BadName, f.Code == taglist.BadOctet:
		case f.Code == taglist.DuplicateTag && f.Name == "rua":
			p.fault(RUARepeated, f.Name, f.At)
		default:
			p.fault(Reason(f.Code), f.Name, f.At)
		}
	}
	if i := strings.IndexFunc(p.input, func(r rune) bool { return (r < ' ' || r > '~') && r != '\t' }); i >= 0 {
		p.fault(BadOctet, "", taglist.Span{Offset: i, Length: 1})
	}
	for _, t := range p.list.Tags {
		if equals := t.NameAt.Offset + t.NameAt.Length; t.ValueAt.Offset != equals+1 {
			p.fault(StraySpace, t.Name, taglist.Span{Offset: equals, Length: t.ValueAt.Offset - equals})
		}
	}
	last := p.input[strings.LastIndexByte(p.input, ';')+1:]
	if text := strings.TrimRight(last, " \t"); text != "" && text != last {
		blank := len(last) - len(text)
		p.fault(StraySpace, "", taglist.Span{Offset: len(p.input) - blank, Length: blank})
	}
}

// addresses reads every rua=, in these very letters: the grammar allows more
// than one.
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
		if i == 0 || t.Name == "rua" {
			continue
		}
		if !isFieldName(t.Name) {
			p.fault(BadName, t.Name, t.NameAt)
		}
		if t.Value == "" || strings.ContainsAny(t.Value, "= \t") {
			p.fault(BadValue, t.Name, t.ValueAt)
		}
	}
}

// isFieldName is tlsrpt-ext-name of RFC 8460 section 3.
func isFieldName(s string) bool {
	for i := range len(s) {
		c := s[i]
		alphanumeric := c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9'
		if !alphanumeric && (i == 0 || strings.IndexByte("_-.", c) < 0) {
			return false
		}
	}
	return s != "" && len(s) <= 32
}

// lookalike says why a text that seems to be meant as a TLS-RPT record is none.
func (p *parser) lookalike() {
	trimmed := strings.TrimLeft(p.input, " \t\r\n")
	lead := len(p.input) - len(trimmed)
	v, hasV := p.version()
	switch {
	case trimmed != "" && strings.IndexByte(`"'\`, trimmed[0]) >= 0 && namesReporting(trimmed):
		p.fault(VersionQuoted, "", taglist.Span{Offset: lead, Length: 1})
	case hasV && namesReporting(v.Value):
		p.otherVersion(v, lead)
	case !hasV && p.leadsSomewhere():
		p.fault(VersionMissing, "", taglist.Span{})
	case !hasV && namesReporting(trimmed):
		p.fault(VersionMalformed, "", taglist.Span{Offset: lead, Length: len(trimmed)})
	}
}

// otherVersion says what is wrong with a version that names TLS reporting.
func (p *parser) otherVersion(v taglist.Tag, lead int) {
	end := v.ValueAt.Offset + v.ValueAt.Length
	whole := taglist.Span{Offset: v.NameAt.Offset, Length: end - v.NameAt.Offset}
	ends := end < len(p.input) && strings.HasPrefix(strings.TrimLeft(p.input[end:], " \t"), ";")
	switch {
	case p.list.Tags[0].NameAt != v.NameAt:
		p.fault(VersionNotFirst, v.Name, v.NameAt)
	case !strings.EqualFold(v.Value, version), !ends:
		p.fault(VersionValue, v.Name, v.ValueAt)
	case v.Name != "v", v.Value != version:
		p.fault(VersionCase, v.Name, whole)
	case v.NameAt.Offset == lead && lead > 0:
		p.fault(VersionSpace, v.Name, taglist.Span{Length: lead})
	case whole.Length > len("v="+version):
		p.fault(VersionSpace, v.Name, whole)
	default:
		p.fault(VersionMalformed, v.Name, whole)
	}
}

// version returns the first version field, in letters of any case.
func (p *parser) version() (taglist.Tag, bool) {
	for _, t := range p.list.Tags {
		if t.Name == "v" || t.Name == "V" {
			return t, true
		}
	}
	return taglist.Tag{}, false
}

// leadsSomewhere reports whether the text begins with a rua= that has a scheme
// of reports.
func (p *parser) leadsSomewhere() bool {
	if len(p.list.Tags) == 0 || taglist.Lower(p.list.Tags[0].Name) != "rua" {
		return false
	}
	value := taglist.Lower(p.list.Tags[0].Value)
	return strings.HasPrefix(value, "mailto:") || strings.HasPrefix(value, "https:")
}

// namesReporting reports whether s holds RPT followed by a digit, in any case,
// with or without a v between the two.
func namesReporting(s string) bool {
	s = taglist.Lower(s)
	for {
		_, rest, found := strings.Cut(s, "rpt")
		if !found {
			return false
		}
		if d := strings.TrimPrefix(rest, "v"); d != "" && d[0] >= '0' && d[0] <= '9' {
			return true
		}
		s = rest
	}
}
