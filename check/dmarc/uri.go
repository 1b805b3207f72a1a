package dmarc

import (
	"net/url"
	"strings"

	"maildoctor/check/dnsx"
	"maildoctor/check/taglist"
)

// MaxURIs is how many report addresses of one tag are read.
const MaxURIs = 50

// A URI is one report address of rua= or ruf=.
type URI struct {
	Text   taglist.Octets `json:"text"`             // as written, without the white space around it
	Scheme string         `json:"scheme,omitempty"` // in lower case
	Host   string         `json:"host,omitempty"`   // domain of the mail address, in lower case; empty unless Usable
	Valid  bool           `json:"valid,omitempty"`  // a URI, of whatever scheme, with a mail address if that is mailto
	Usable bool           `json:"usable,omitempty"` // reports can be sent there: a valid mailto
	Offset int            `json:"offset"`           // octets of the record before it
	Length int            `json:"length"`
}

// uris reads a list of report addresses (RFC 9989 section 4.8). A comma inside
// of one is percent-encoded, hence each comma ends one.
func (p *parser) uris(name string) []URI {
	t, ok := p.list.Get(name)
	if !ok {
		return nil
	}
	if t.Value == "" {
		p.fault(URIEmpty, t.Name, t.ValueAt)
		return nil
	}
	var list []URI
	start, end := t.ValueAt.Offset, t.ValueAt.Offset+t.ValueAt.Length
	for more := true; more; {
		if len(list) == MaxURIs {
			p.fault(URITooMany, t.Name, taglist.Span{Offset: start, Length: end - start})
			break
		}
		var part string
		part, _, more = strings.Cut(p.input[start:end], ",")
		text := strings.Trim(part, " \t\r\n")
		at := taglist.Span{
			Offset: start + strings.Index(part, text),
			Length: len(text),
		}
		list = append(list, p.uri(t.Name, text, at))
		start += len(part) + 1
	}
	return list
}

func (p *parser) uri(tag, text string, at taglist.Span) URI {
	u := URI{Text: taglist.Octets(text), Offset: at.Offset, Length: at.Length}
	if text == "" {
		p.fault(URIEmpty, tag, at)
		return u
	}
	scheme, rest, found := strings.Cut(text, ":")
	if !found {
		p.fault(URINoScheme, tag, at)
		return u
	}
	if !validScheme(scheme) || !uriOctets(rest) {
		p.fault(URIMalformed, tag, at)
		return u
	}
	u.Scheme = taglist.Lower(scheme)
	if u.Scheme != "mailto" {
		u.Valid = rest != ""
		p.fault(URIScheme, tag, at)
		return u
	}
	if address, size, found := cutSize(rest); found {
		length := len(size) + 1
		p.fault(URISize, tag, taglist.Span{Offset: at.Offset + at.Length - length, Length: length})
		rest = address
	}
	if u.Host, u.Valid = mailHost(rest); !u.Valid {
		p.fault(URIAddress, tag, at)
	}
	u.Usable = u.Valid
	return u
}

// cutSize splits "!10m" off, the limit on the size of reports of RFC 7489
// section 6.2. A "!" that belongs to the address is percent-encoded.
func cutSize(s string) (address, size string, found bool) {
	i := strings.LastIndexByte(s, '!')
	if i < 0 {
		return s, "", false
	}
	digits := strings.TrimRight(s[i+1:], "kmgtKMGT")
	if digits == "" || len(s)-i-1-len(digits) > 1 || strings.Trim(digits, "0123456789") != "" {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// mailHost returns the domain of the one address of a mailto URI (RFC 6068
// section 2).
func mailHost(s string) (string, bool) {
	s, _, _ = strings.Cut(s, "?")
	s, err := url.PathUnescape(s)
	if err != nil {
		return "", false
	}
	at := strings.LastIndexByte(s, '@')
	if at <= 0 || strings.ContainsAny(s[:at], " \t\r\n\x00<>") {
		return "", false
	}
	host := taglist.Lower(strings.TrimSuffix(s[at+1:], "."))
	return host, dnsx.IsName(host)
}

// validScheme is RFC 3986 section 3.1.
func validScheme(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || !strings.ContainsRune("0123456789+-.", rune(c))) {
			return false
		}
	}
	return s != ""
}

// uriOctets reports whether s holds only octets that may stand in a URI (RFC
// 3986 section 2). "!" is one of them.
func uriOctets(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || strings.IndexByte("\"<>\\^`{|}", c) >= 0 {
			return false
		}
	}
	return true
}
