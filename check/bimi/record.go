package bimi

import (
	"net/netip"
	"net/url"
	"path"
	"strings"

	"maildoctor/check/dnsx"
	"maildoctor/check/taglist"
)

// Parse reads a TXT record found below _bimi (section 4.3). It reports false
// for a text that is no BIMI record, which everybody passes over; a fault then
// says why, if it seems to be meant as one. Of a BIMI record all faults are
// returned, in the order of the notation, then of the tags.
//
// The names of tags are those of RFC 6376 section 3.2, which tells upper case
// from lower; ABNF would not, but capitals may not be repaired either.
func Parse(s string) (*Record, []Fault, bool) {
	p := recordParser{input: s, list: taglist.Parse(s, taglist.Syntax{Folding: true})}
	if !isRecord(p.list) {
		p.lookalike()
		return nil, p.faults, false
	}
	p.notation()
	r := new(Record)
	l, hasL := p.list.Get("l")
	a, _ := p.list.Get("a")
	r.Location, r.Authority = taglist.Octets(l.Value), taglist.Octets(a.Value)
	switch {
	case !hasL:
		p.fault(LocationMissing, taglist.Tag{Name: "l"}, taglist.Span{Offset: len(s)})
	case l.Value == "" && a.Value != "":
		p.fault(LocationEmpty, l, l.ValueAt)
	case l.Value == "":
		r.Declined = true
	default:
		r.LogoURL = p.location(l)
	}
	if a.Value != "" {
		r.CertURL = p.url(a)
	}
	p.prefixes(r)
	if avp, ok := p.list.Get("avp"); ok {
		r.Personal = avp.Value == "personal"
		if !r.Personal && avp.Value != "brand" {
			p.fault(AvatarInvalid, avp, avp.ValueAt)
		}
	}
	return r, p.faults, true
}

// isRecord reports whether the list begins with the version, spelt exactly.
func isRecord(list taglist.List) bool {
	if len(list.Tags) == 0 {
		return false
	}
	t := list.Tags[0]
	return t.NameAt.Offset == 0 && t.Name == "v" && t.Value == "BIMI1"
}

type recordParser struct {
	input  string
	list   taglist.List
	faults []Fault
}

func (p *recordParser) fault(reason Reason, tag taglist.Tag, at taglist.Span) {
	p.faults = append(p.faults, Fault{
		Reason: reason, Tag: cut(tag.Name), Value: cut(p.input[at.Offset : at.Offset+at.Length]),
		Offset: at.Offset, Length: at.Length, Void: reason.void(),
	})
}

// void reports whether a fault makes an error of the whole record: a tag that
// is required is missing, or the value of a known one is not well-formed.
func (r Reason) void() bool {
	switch r {
	case EmptyTag, BadOctet, URLComma, AvatarInvalid, TooManyPrefixes:
		return false
	}
	return true
}

func (p *recordParser) notation() {
	for _, f := range p.list.Faults {
		p.fault(Reason(f.Code), taglist.Tag{Name: f.Name}, f.At)
	}
}

// lookalike says why a text that seems to be meant as a BIMI record is none.
func (p *recordParser) lookalike() {
	trimmed := strings.TrimLeft(p.input, " \t\r\n")
	lead := len(p.input) - len(trimmed)
	v, named := p.version()
	switch {
	case named && p.list.Tags[0].NameAt != v.NameAt:
		p.fault(VersionNotFirst, v, v.NameAt)
	case named && v.Name == "v" && v.Value == "BIMI1" && lead > 0:
		p.fault(VersionLeadSpace, taglist.Tag{}, taglist.Span{Length: lead})
	case named && strings.EqualFold(v.Value, "BIMI1"):
		p.fault(VersionCase, v, taglist.Span{
			Offset: v.NameAt.Offset, Length: v.ValueAt.Offset + v.ValueAt.Length - v.NameAt.Offset,
		})
	case named:
		p.fault(VersionValue, v, v.ValueAt)
	case v.Name == "" && p.locates():
		p.fault(VersionMissing, taglist.Tag{}, taglist.Span{})
	}
}

// version returns the first version tag in any case, and whether it names
// BIMI, however misspelt. The version of another protocol is none.
func (p *recordParser) version() (taglist.Tag, bool) {
	for _, t := range p.list.Tags {
		if t.Name == "v" || t.Name == "V" {
			return t, len(t.Value) >= len("BIMI") && strings.EqualFold(t.Value[:len("BIMI")], "BIMI")
		}
	}
	return taglist.Tag{}, false
}

// locates reports whether l= leads to a web server.
func (p *recordParser) locates() bool {
	l, ok := p.list.Get("l")
	return ok && (hasPrefixFold(l.Value, "https://") || hasPrefixFold(l.Value, "http://"))
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// location reads l=. A name that ends as that of another picture is an error
// whatever it leads to (section 4.3.2).
func (p *recordParser) location(l taglist.Tag) string {
	text := p.url(l)
	if text == "" {
		return ""
	}
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	switch strings.ToLower(path.Ext(u.Path)) {
	case ".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".ico", ".tif", ".tiff", ".avif", ".pdf":
		p.fault(LocationFormat, l, l.ValueAt)
		return ""
	}
	return text
}

// maxURL is the length of a URL that is fetched.
const maxURL = 2048

// url reads the value of l= or a= and returns it if it can be fetched.
func (p *recordParser) url(t taglist.Tag) string {
	u, err := url.Parse(t.Value)
	if i := strings.IndexByte(t.Value, ','); i >= 0 {
		if rest := strings.TrimLeft(t.Value[i+1:], " \t\r\n"); hasPrefixFold(rest, "http") {
			p.fault(URLSeveral, t, t.ValueAt)
			return ""
		}
		p.fault(URLComma, t, taglist.Span{Offset: t.ValueAt.Offset + i, Length: 1})
	}
	switch {
	case err != nil || !printable(t.Value) || len(t.Value) > maxURL || u.Opaque != "":
		p.fault(URLMalformed, t, t.ValueAt)
	case u.Scheme != "https": // url.Parse lowers it
		p.fault(URLScheme, t, t.ValueAt)
	case !qualified(u.Hostname()):
		p.fault(URLHost, t, t.ValueAt)
	default:
		return t.Value
	}
	return ""
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// qualified reports whether host is a domain name with a dot, and no address.
func qualified(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return false
	}
	return dnsx.IsName(host) && strings.Contains(strings.TrimSuffix(host, "."), ".")
}

// prefixes reads lps=, the local parts that are selectors themselves (section
// 4.3, local-part-prefix).
func (p *recordParser) prefixes(r *Record) {
	t, ok := p.list.Get("lps")
	if !ok {
		return
	}
	r.LocalParts = true
	if t.Value == "" {
		return
	}
	at := t.ValueAt.Offset
	for part := range strings.SplitSeq(t.Value, ",") {
		text := strings.Trim(part, " \t\r\n")
		where := taglist.Span{Offset: at + strings.Index(part, text), Length: len(text)}
		at += len(part) + 1
		switch {
		case !validPrefix(text):
			p.fault(PrefixInvalid, t, where)
		case len(r.Prefixes) == MaxPrefixes:
			p.fault(TooManyPrefixes, t, where)
			return
		default:
			r.Prefixes = append(r.Prefixes, taglist.Octets(text))
		}
	}
}

func validPrefix(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= 63
}
