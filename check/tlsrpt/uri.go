package tlsrpt

import (
	"net/netip"
	"net/url"
	"strings"

	"maildoctor/check/dnsx"
	"maildoctor/check/taglist"
)

// A URI is one report address of rua=.
type URI struct {
	Text   taglist.Octets `json:"text"`             // as written, without the white space around it
	Scheme string         `json:"scheme,omitempty"` // in lower case
	Host   string         `json:"host,omitempty"`   // in lower case; the domain of a mail address, or a web server; empty unless Usable
	Usable bool           `json:"usable,omitempty"` // reports can be sent there
	Offset int            `json:"offset"`           // octets of the record before it
	Length int            `json:"length"`
}

// uris adds the addresses of one rua= to list. A comma inside of one is
// percent-encoded, hence each comma ends one.
func (p *parser) uris(list []URI, t taglist.Tag) []URI {
	start, end := t.ValueAt.Offset, t.ValueAt.Offset+t.ValueAt.Length
	for more := true; more; {
		if len(list) == MaxURIs {
			p.fault(URITooMany, t.Name, taglist.Span{Offset: start, Length: end - start})
			break
		}
		var part string
		part, _, more = strings.Cut(p.input[start:end], ",")
		text := strings.Trim(part, " \t\r\n")
		at := taglist.Span{Offset: start + strings.Index(part, text), Length: len(text)}
		start += len(part) + 1
		if text == "" {
			p.fault(URIEmpty, t.Name, at)
			continue
		}
		list = append(list, p.uri(t.Name, text, at))
	}
	return list
}

func (p *parser) uri(field, text string, at taglist.Span) URI {
	u := URI{Text: taglist.Octets(text), Offset: at.Offset, Length: at.Length}
	scheme, rest, found := strings.Cut(text, ":")
	switch {
	case !found:
		p.fault(URINoScheme, field, at)
		return u
	case !validScheme(scheme), !uriOctets(rest):
		p.fault(URIMalformed, field, at)
		return u
	}
	if i := strings.IndexByte(text, '!'); i >= 0 {
		p.fault(URIExclamation, field, taglist.Span{Offset: at.Offset + i, Length: 1})
	}
	switch u.Scheme = taglist.Lower(scheme); u.Scheme {
	case "mailto":
		if u.Host, u.Usable = mailHost(rest); !u.Usable {
			p.fault(URIAddress, field, at)
		}
	case "https":
		if u.Host, u.Usable = webHost(rest); !u.Usable {
			p.fault(URIHost, field, at)
		}
	default:
		p.fault(URIScheme, field, at)
	}
	return u
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
	return hostName(s[at+1:])
}

// webHost returns the host of an https URI without its scheme. An address in
// place of a name, and a user before it, are not for a stranger to name.
func webHost(s string) (string, bool) {
	u, err := url.Parse("https:" + s)
	if err != nil || u.User != nil {
		return "", false
	}
	host, ok := hostName(u.Hostname())
	if _, err := netip.ParseAddr(host); err == nil || !strings.Contains(host, ".") {
		return "", false
	}
	return host, ok
}

// hostName returns a name in lower case without the final dot, and nothing if
// it is no domain name.
func hostName(s string) (string, bool) {
	name := taglist.Lower(strings.TrimSuffix(s, "."))
	if !dnsx.IsName(name) {
		return "", false
	}
	return name, true
}

// validScheme is RFC 3986 section 3.1.
func validScheme(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || strings.IndexByte("0123456789+-.", c) < 0) {
			return false
		}
	}
	return s != ""
}

// uriOctets reports whether s holds only octets that may stand in a URI (RFC
// 3986 section 2).
func uriOctets(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || strings.IndexByte("\"<>\\^`{|}", c) >= 0 {
			return false
		}
	}
	return true
}
