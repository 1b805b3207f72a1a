package spf

import (
	"strings"

	"golang.org/x/net/idna"

	"maildoctor/check/dnsx"
)

// Domains come in two forms here. Evaluation works on plain octets, as macros
// do; questions and facts hold names as dnsx.Canonical writes them.

// maxName is the most octets an expanded name may have, dots included (RFC 7208
// section 7.3).
const maxName = 253

// plain returns a domain without the final dot and as A-labels (RFC 7208
// section 4.3). What cannot be converted stays as it is.
func plain(domain string) string {
	domain = strings.TrimSuffix(domain, ".")
	for i := range len(domain) {
		if domain[i] >= 0x80 {
			if ascii, err := idna.Lookup.ToASCII(domain); err == nil {
				return ascii
			}
			return domain
		}
	}
	return domain
}

// toName returns the canonical name for plain octets, which have no final dot.
// Where these cannot be a name, it returns them escaped, and false.
func toName(octets string) (string, bool) {
	var b strings.Builder
	b.Grow(len(octets))
	for i := range len(octets) {
		if c := octets[i]; c > ' ' && c < 0x7f && c != '\\' {
			b.WriteByte(c)
		} else {
			b.WriteByte('\\')
			b.WriteByte('0' + c/100)
			b.WriteByte('0' + c/10%10)
			b.WriteByte('0' + c%10)
		}
	}
	if name, ok := dnsx.Canonical(b.String()); ok && !strings.HasSuffix(octets, ".") {
		return name, true
	}
	return b.String(), false
}

// toOctets is the reverse of toName.
func toOctets(name string) string {
	if strings.IndexByte(name, '\\') < 0 {
		return name
	}
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		switch {
		case name[i] != '\\' || i+1 == len(name):
			b.WriteByte(name[i])
		case i+3 < len(name) && isDigit(name[i+1]) && isDigit(name[i+2]) && isDigit(name[i+3]):
			b.WriteByte(byte(int(name[i+1]-'0')*100 + int(name[i+2]-'0')*10 + int(name[i+3]-'0')))
			i += 3
		default:
			b.WriteByte(name[i+1])
			i++
		}
	}
	return b.String()
}

// toDomain is toName for a domain that check_host() can begin with: of more
// than one label and no address literal (RFC 7208 section 4.3).
func toDomain(octets string) (string, bool) {
	name, ok := toName(octets)
	return name, ok && strings.Contains(octets, ".") && octets[0] != '['
}

// fit removes a final dot from an expanded domain-spec, and labels from the
// left until the name is short enough (RFC 7208 section 7.3).
func fit(octets string) string {
	octets = strings.TrimSuffix(octets, ".")
	for len(octets) > maxName {
		_, rest, more := strings.Cut(octets, ".")
		if !more {
			break
		}
		octets = rest
	}
	return octets
}
