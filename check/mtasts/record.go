package mtasts

import (
	"cmp"
	"slices"
	"strings"

	"maildoctor/check/taglist"
)

const version = "STSv1"

// A Record is what an MTA-STS record says.
type Record struct {
	ID string `json:"id,omitempty"` // of the policy that is current; empty if missing or invalid
}

// Parse reads a TXT record found at _mta-sts (RFC 8461 section 3.1). It reports
// false for a text that is no MTA-STS record, which everybody passes over; a
// fault then says why, if it seems to be meant as one. Of an MTA-STS record all
// faults are returned, in the order of their places. Unknown fields are ignored.
//
// The grammar allows white space between v=STSv1 and its semicolon, the rule by
// which senders select the record does not. There are senders that take such a
// record and senders that do not; here it is a record with a fault.
func Parse(s string) (*Record, []Fault, bool) {
	p := recordParser{input: s, list: taglist.Parse(s, taglist.Syntax{})}
	end, ok := cutVersion(s)
	if !ok {
		p.lookalike()
		return nil, p.faults, false
	}
	if blank := end - len("v="+version); blank > 0 {
		p.fault(VersionDelimiter, "v", taglist.Span{Offset: end - blank, Length: blank})
	}
	p.notation()
	r := &Record{ID: p.id()}
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

type recordParser struct {
	input  string
	list   taglist.List
	faults []Fault
}

func (p *recordParser) fault(reason Reason, field string, at taglist.Span) {
	p.faults = append(p.faults, newFault(reason, field, p.input, at))
}

// notation takes over what is wrong with the list, but for names and octets:
// DKIM, where the notation comes from, has others.
func (p *recordParser) notation() {
	for _, f := range p.list.Faults {
		switch f.Code {
		case taglist.BadName, taglist.BadOctet:
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

// id returns the first id=, in these very letters.
func (p *recordParser) id() string {
	if t, ok := p.list.Get("id"); ok {
		if !isID(t.Value) {
			p.fault(IDInvalid, t.Name, t.ValueAt)
			return ""
		}
		return t.Value
	}
	for _, t := range p.list.Tags {
		if taglist.Lower(t.Name) == "id" {
			p.fault(IDCase, t.Name, t.NameAt)
			return ""
		}
	}
	p.fault(IDMissing, "id", taglist.Span{Offset: len(p.input)})
	return ""
}

// extensions looks at the fields that say nothing here. A field that repeats
// another one is such a field too.
func (p *recordParser) extensions() {
	id, _ := p.list.Get("id")
	for i, t := range p.list.Tags {
		if i == 0 || t.NameAt == id.NameAt {
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

func isID(s string) bool {
	for i := range len(s) {
		if !isAlphanumeric(s[i]) {
			return false
		}
	}
	return s != "" && len(s) <= 32
}

// isFieldName is sts-ext-name and sts-policy-ext-name of RFC 8461 sections 3.1
// and 3.2.
func isFieldName(s string) bool {
	for i := range len(s) {
		if !isAlphanumeric(s[i]) && (i == 0 || strings.IndexByte("_-.", s[i]) < 0) {
			return false
		}
	}
	return s != "" && len(s) <= 32
}

func isAlphanumeric(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9'
}

// lookalike says why a text that seems to be meant as an MTA-STS record is
// none.
func (p *recordParser) lookalike() {
	trimmed := strings.TrimLeft(p.input, " \t\r\n")
	lead := len(p.input) - len(trimmed)
	v, hasV := p.version()
	switch {
	case trimmed != "" && strings.IndexByte(`"'\`, trimmed[0]) >= 0 && namesSTS(trimmed):
		p.fault(VersionQuoted, "", taglist.Span{Offset: lead, Length: 1})
	case hasV && namesSTS(v.Value):
		p.otherVersion(v, lead)
	case !hasV && len(p.list.Tags) > 0 && p.list.Tags[0].Name == "id" && isID(p.list.Tags[0].Value):
		p.fault(VersionMissing, "", taglist.Span{})
	case !hasV && namesSTS(trimmed):
		p.fault(VersionMalformed, "", taglist.Span{Offset: lead, Length: len(trimmed)})
	}
}

// otherVersion says what is wrong with a version that names STS.
func (p *recordParser) otherVersion(v taglist.Tag, lead int) {
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
	case v.NameAt.Offset == lead && lead > 0 && strings.TrimLeft(p.input[:lead], " \t\r\n") == "":
		p.fault(VersionSpace, v.Name, taglist.Span{Length: lead})
	case whole.Length > len("v="+version):
		p.fault(VersionSpace, v.Name, whole)
	default:
		p.fault(VersionMalformed, v.Name, whole)
	}
}

// version returns the first version field, in letters of any case.
func (p *recordParser) version() (taglist.Tag, bool) {
	for _, t := range p.list.Tags {
		if t.Name == "v" || t.Name == "V" {
			return t, true
		}
	}
	return taglist.Tag{}, false
}

// namesSTS reports whether s holds STS followed by a digit, in any case, with
// or without a v between the two.
func namesSTS(s string) bool {
	s = taglist.Lower(s)
	for {
		_, rest, found := strings.Cut(s, "sts")
		if !found {
			return false
		}
		if d := strings.TrimPrefix(rest, "v"); d != "" && d[0] >= '0' && d[0] <= '9' {
			return true
		}
		s = rest
	}
}
