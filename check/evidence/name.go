package evidence

import (
	"iter"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"maildoctor/check/dnsx"
	"maildoctor/check/taglist"
)

// maxName is how long a text may be that is looked at as a name.
const maxName = 1024

// domainName returns a domain as an Evidence has it.
func domainName(s string) (string, bool) {
	name, ok := hostName(strings.TrimSuffix(s, "."))
	top := name[strings.LastIndexByte(name, '.')+1:]
	// Digits alone make no top level: that is an address (RFC 3696 section 2).
	return name, ok && len(top) < len(name) && strings.Trim(top, "0123456789") != ""
}

// signatureKey returns the names of a signature as an Evidence has them. An
// empty selector is none.
func signatureKey(domain, selector string) (key, bool) {
	d, ok := domainName(domain)
	if !ok || selector == "" {
		return key{domain: d}, ok
	}
	s, ok := hostName(selector)
	return key{d, s}, ok && dnsx.IsName(s+"._domainkey."+d)
}

// hostName returns a name as A-labels in lower case (RFC 5890). RFC 6376
// section 3.1 has letters, digits and hyphens in a selector; underscores are
// taken too, since they are published and verifiers ask for them.
func hostName(s string) (string, bool) {
	if len(s) > maxName {
		return "", false
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) {
		ascii, err := idna.Lookup.ToASCII(s)
		if err != nil || !utf8.ValidString(s) {
			return "", false
		}
		s = ascii
	}
	if !dnsx.IsName(s) {
		return "", false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label[0] == '-' || label[len(label)-1] == '-' {
			return "", false
		}
	}
	return taglist.Lower(s), true
}

// mailDomains returns what stands behind the last @ of each address of a field
// (RFC 5322 section 3.4), whether it is a domain or not. Display names, comments
// and names of groups are passed over.
func mailDomains(field string) iter.Seq[string] {
	return func(yield func(string) bool) {
		separator := func(c rune) bool { return c == ',' || c == ';' || c == ':' }
		for address := range strings.FieldsFuncSeq(plain(field), separator) {
			if _, route, found := strings.Cut(address, "<"); found {
				address, _, _ = strings.Cut(route, ">")
			}
			at := strings.LastIndexByte(address, '@')
			if at >= 0 && !yield(strings.TrimFunc(address[at+1:], isSpace)) {
				return
			}
		}
	}
}

// plain returns a field without its comments, and with an x in place of each
// quoted string and each address literal (RFC 5322 sections 3.2.2, 3.2.4 and
// 3.4.1).
func plain(field string) string {
	var b strings.Builder
	depth := 0         // comments inside of each other
	closing := byte(0) // what ends a quoted string or an address literal
	for i := 0; i < len(field); i++ {
		switch c := field[i]; {
		case c == '\\':
			i++
		case closing != 0:
			if c == closing {
				closing = 0
				b.WriteByte('x')
			}
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case depth > 0:
		case c == '"':
			closing = '"'
		case c == '[':
			closing = ']'
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
