package taglist

import (
	"cmp"
	"slices"
	"strings"
)

// A Record is a kind of TXT record that begins with a version and has a grammar
// narrower than that of lists: the records of TLS reporting (RFC 8460 section
// 3) and of MTA-STS (RFC 8461 section 3.1).
type Record struct {
	Version string               // the value of "v=", in these very letters
	Stem    string               // in lower case, what a text meant as such a record holds, with a digit behind it or "v" and a digit: "sts"
	Typical func(first Tag) bool // reports whether a text without "v=" is meant as such a record, by its first tag
}

// The faults of a record beside those of a list.
const (
	VersionDelimiter Code = "version-delimiter" // white space between the version and its ";"; the span is the space
	StraySpace       Code = "stray-space"       // white space around "=", or behind the last value; the span holds it
	BadValue         Code = "bad-value"         // of Tag.ExtensionFaults: empty, or with "=" or white space in it; the span is the value
)

// The faults of a text that is no record of its kind, though meant as one.
const (
	VersionCase      Code = "version-case"      // the version, or "v", in other letters; the span is the tag
	VersionValue     Code = "version-value"     // another version, or no ";" behind it; the span is the value
	VersionNotFirst  Code = "version-not-first" // another tag comes first; the span is the "v"
	VersionMissing   Code = "version-missing"   // Typical without "v="; the span is empty, at the beginning
	VersionQuoted    Code = "version-quoted"    // begins with a quotation mark or a backslash; the span is that
	VersionSpace     Code = "version-space"     // white space before the version, which is the span, or around its "="; then it is the tag
	VersionMalformed Code = "version-malformed" // names the version in another way; the span is that
)

// Parse reads a text to its end. Of a record all faults of its notation are in
// the list, in the order of their places, where names are equal only in the
// same letters.
//
// It reports false for a text that does not begin with the version and a
// semicolon: that is no record of the kind. Then the list has one fault if the
// text seems to be meant as one, else none.
//
// The grammar allows white space between the version and its semicolon, the
// rule by which senders select the record does not. There are senders that take
// such a record and senders that do not; here it is a record with a fault.
func (r Record) Parse(s string) (List, bool) {
	p := recordParser{Record: r, input: s, list: Parse(s, Syntax{})}
	rest, ok := strings.CutPrefix(s, "v="+r.Version)
	rest = strings.TrimLeft(rest, " \t")
	if ok = ok && strings.HasPrefix(rest, ";"); ok {
		p.notation(len(s) - len(rest))
	} else {
		p.lookalike()
	}
	p.list.Faults = p.faults
	return p.list, ok
}

type recordParser struct {
	Record
	input  string
	list   List
	faults []Fault
}

func (p *recordParser) fault(code Code, name string, at Span) {
	p.faults = append(p.faults, Fault{Code: code, Name: name, At: at})
}

// notation takes over what is wrong with the list, but for names and octets:
// DKIM, where the notation comes from, has others.
func (p *recordParser) notation(semicolon int) {
	if end := len("v=" + p.Version); semicolon > end {
		p.fault(VersionDelimiter, "v", Span{Offset: end, Length: semicolon - end})
	}
	for _, f := range p.list.Faults {
		if f.Code != BadName && f.Code != BadOctet {
			p.faults = append(p.faults, f)
		}
	}
	if i := strings.IndexFunc(p.input, func(r rune) bool { return (r < ' ' || r > '~') && r != '\t' }); i >= 0 {
		p.fault(BadOctet, "", Span{Offset: i, Length: 1})
	}
	for _, t := range p.list.Tags {
		if equals := t.NameAt.Offset + t.NameAt.Length; t.ValueAt.Offset != equals+1 {
			p.fault(StraySpace, t.Name, Span{Offset: equals, Length: t.ValueAt.Offset - equals})
		}
	}
	last := p.input[strings.LastIndexByte(p.input, ';')+1:]
	if text := strings.TrimRight(last, " \t"); text != "" && text != last {
		blank := len(last) - len(text)
		p.fault(StraySpace, "", Span{Offset: len(p.input) - blank, Length: blank})
	}
	slices.SortStableFunc(p.faults, func(a, b Fault) int { return cmp.Compare(a.At.Offset, b.At.Offset) })
}

// lookalike says why a text that seems to be meant as a record is none.
func (p *recordParser) lookalike() {
	trimmed := strings.TrimLeft(p.input, " \t\r\n")
	lead := len(p.input) - len(trimmed)
	v, hasV := p.version()
	switch {
	case trimmed != "" && strings.IndexByte(`"'\`, trimmed[0]) >= 0 && p.named(trimmed):
		p.fault(VersionQuoted, "", Span{Offset: lead, Length: 1})
	case hasV && p.named(v.Value):
		p.otherVersion(v, lead)
	case hasV:
	case len(p.list.Tags) > 0 && p.Typical(p.list.Tags[0]):
		p.fault(VersionMissing, "", Span{})
	case p.named(trimmed):
		p.fault(VersionMalformed, "", Span{Offset: lead, Length: len(trimmed)})
	}
}

// otherVersion says what is wrong with a version that has the stem.
func (p *recordParser) otherVersion(v Tag, lead int) {
	end := v.ValueAt.Offset + v.ValueAt.Length
	whole := Span{Offset: v.NameAt.Offset, Length: end - v.NameAt.Offset}
	ends := strings.HasPrefix(strings.TrimLeft(p.input[end:], " \t"), ";")
	switch {
	case p.list.Tags[0].NameAt != v.NameAt:
		p.fault(VersionNotFirst, v.Name, v.NameAt)
	case !strings.EqualFold(v.Value, p.Version), !ends:
		p.fault(VersionValue, v.Name, v.ValueAt)
	case v.Name != "v", v.Value != p.Version:
		p.fault(VersionCase, v.Name, whole)
	case v.NameAt.Offset == lead && lead > 0:
		p.fault(VersionSpace, v.Name, Span{Length: lead})
	case whole.Length > len("v="+p.Version):
		p.fault(VersionSpace, v.Name, whole)
	default:
		p.fault(VersionMalformed, v.Name, whole)
	}
}

// version returns the first version, in letters of any case.
func (p *recordParser) version() (Tag, bool) {
	for _, t := range p.list.Tags {
		if t.Name == "v" || t.Name == "V" {
			return t, true
		}
	}
	return Tag{}, false
}

// named reports whether s holds the stem followed by a digit, in any case, with
// or without a v between the two.
func (p *recordParser) named(s string) bool {
	s = Lower(s)
	for {
		_, rest, found := strings.Cut(s, p.Stem)
		if !found {
			return false
		}
		if d := strings.TrimPrefix(rest, "v"); d != "" && d[0] >= '0' && d[0] <= '9' {
			return true
		}
		s = rest
	}
}

// ExtensionFaults returns what is wrong with a tag of a Record that says nothing in
// its kind: BadName unless IsExtension, and BadValue.
func (t Tag) ExtensionFaults() []Fault {
	var faults []Fault
	if !IsExtension(t.Name) {
		faults = append(faults, Fault{Code: BadName, Name: t.Name, At: t.NameAt})
	}
	if t.Value == "" || strings.ContainsAny(t.Value, "= \t") {
		faults = append(faults, Fault{Code: BadValue, Name: t.Name, At: t.ValueAt})
	}
	return faults
}

// IsExtension reports whether name is one that a tag of a Record may have: a
// letter or digit, then up to 31 letters, digits, "_", "-" and "."
// (tlsrpt-ext-name of RFC 8460 section 3, sts-ext-name and sts-policy-ext-name of
// RFC 8461 sections 3.1 and 3.2).
func IsExtension(name string) bool {
	for i := range len(name) {
		c := name[i]
		alphanumeric := c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9'
		if !alphanumeric && (i == 0 || strings.IndexByte("_-.", c) < 0) {
			return false
		}
	}
	return name != "" && len(name) <= 32
}
