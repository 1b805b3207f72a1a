package dkim

import (
	"encoding/base64"
	"strings"

	"maildoctor/check/taglist"
)

// ParseKey reads a key record (RFC 6376 section 3.6.1). It never returns nil:
// the key holds what could be read. Every fault of the record is returned, those
// of the notation first.
func ParseKey(record string) (*Key, []Fault) {
	p := keyParser{
		list: taglist.Parse(record, taglist.Syntax{Folding: true}),
		key:  &Key{Type: RSA},
	}
	v, hasV := p.list.Get("v")
	t, hasP := p.list.Get("p")
	if !hasP && v.Value != "DKIM1" || v.Value != "" && !namesDKIM(v.Value) {
		p.fault(NotAKeyRecord, taglist.Tag{}, taglist.Span{Length: len(record)})
		return p.key, p.faults
	}
	p.notation()
	if hasV {
		p.version(v)
	}
	p.values()
	if hasP {
		p.public(t)
	} else {
		p.fault(MissingKey, taglist.Tag{}, taglist.Span{Offset: len(record)})
	}
	return p.key, p.faults
}

type keyParser struct {
	list   taglist.List
	key    *Key
	faults []Fault
}

func (p *keyParser) fault(reason Reason, tag taglist.Tag, at taglist.Span) {
	p.faults = append(p.faults, Fault{
		Reason: reason, Tag: taglist.Octets(tag.Name),
		Offset: at.Offset, Length: at.Length,
		Unusable: reason.unusable(),
	})
}

func (r Reason) unusable() bool {
	switch r {
	case EmptyTag, BadOctet, Base64Padding, KeyTrailing:
		return false
	}
	return true
}

// notation takes over what is wrong with the list itself.
func (p *keyParser) notation() {
	for _, f := range p.list.Faults {
		// A bad octet in p= breaks the base64, which is reported as such.
		if f.Code == taglist.BadOctet && f.Name == "p" {
			continue
		}
		p.fault(Reason(f.Code), taglist.Tag{Name: f.Name}, f.At)
	}
}

// namesDKIM reports whether a version is one of DKIM, however misspelt, and not
// that of another protocol.
func namesDKIM(version string) bool {
	return len(version) >= len("DKIM") && strings.EqualFold(version[:len("DKIM")], "DKIM")
}

func (p *keyParser) version(v taglist.Tag) {
	if v.Value != "DKIM1" {
		p.fault(VersionValue, v, v.ValueAt)
		return
	}
	p.key.Version = true
	if first := p.list.Tags[0]; first.NameAt != v.NameAt {
		p.fault(VersionNotFirst, v, v.NameAt)
	}
}

// values reads the tags other than v= and p=. The names of types, hashes,
// services and flags are literals of the grammar, hence without case.
func (p *keyParser) values() {
	if k, ok := p.list.Get("k"); ok {
		p.key.Type = taglist.Octets(taglist.Lower(k.Value))
		if p.key.Type != RSA && p.key.Type != Ed25519 {
			p.fault(UnknownKeyType, k, k.ValueAt)
		}
	}
	if h, ok := p.list.Get("h"); ok {
		p.key.Hashes = split(h.Value)
		if !p.key.Allows("sha256") && !p.key.Allows("sha1") {
			p.fault(HashesUnsuitable, h, h.ValueAt)
		}
	}
	if s, ok := p.list.Get("s"); ok {
		p.key.Services = split(s.Value)
	}
	if t, ok := p.list.Get("t"); ok {
		p.key.Flags = split(t.Value)
	}
	if n, ok := p.list.Get("n"); ok {
		p.key.Notes = taglist.Octets(n.Value)
	}
}

// MaxValues is how many values of h=, s= and t= are kept.
const MaxValues = 32

// split reads a list with colons.
func split(s string) []taglist.Octets {
	var list []taglist.Octets
	for v := range strings.SplitSeq(taglist.Lower(s), ":") {
		if v = strings.Trim(v, " \t\r\n"); v != "" && len(list) < MaxValues {
			list = append(list, taglist.Octets(v))
		}
	}
	return list
}

func (p *keyParser) public(t taglist.Tag) {
	if t.Value == "" {
		p.key.Revoked = true
		return
	}
	data, ok := p.base64(t)
	if !ok {
		return
	}
	p.key.Data = data
	var bits int
	var faults []Reason
	switch p.key.Type {
	case RSA:
		_, bits, faults = parseRSA(data)
	case Ed25519:
		bits, faults = checkEd25519(data)
	}
	p.key.Bits = bits
	for _, reason := range faults {
		p.fault(reason, t, t.ValueAt)
	}
}

// base64 decodes p=, in which white space may stand anywhere.
func (p *keyParser) base64(t taglist.Tag) ([]byte, bool) {
	digits := make([]byte, 0, len(t.Value))
	padding := 0
	for i := range len(t.Value) {
		c := t.Value[i]
		switch {
		case taglist.IsSpace(c):
			continue
		case c == '=' && padding < 2:
			padding++
			continue
		case padding == 0 && isBase64(c):
			digits = append(digits, c)
			continue
		}
		p.fault(Base64Octet, t, taglist.Span{Offset: t.ValueAt.Offset + i, Length: 1})
		return nil, false
	}
	rest := len(digits) % 4
	switch {
	case rest == 1 || len(digits) == 0:
		p.fault(Base64Length, t, t.ValueAt)
		return nil, false
	case rest == 0 && padding > 0 || rest > 0 && padding != 4-rest:
		p.fault(Base64Padding, t, t.ValueAt)
	}
	data, err := base64.RawStdEncoding.AppendDecode(nil, digits)
	return data, err == nil
}

func isBase64(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/'
}
