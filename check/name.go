package check

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"maildoctor/check/dnsx"
)

// ErrDomain is what the errors of ParseDomain wrap.
var ErrDomain = errors.New("not a domain")

// ParseDomain returns the domain that a user means by s as an A-label in lower
// case without the final dot. From a URL or an e-mail address it takes the
// domain in it and reports taken. The name has at least two labels of letters,
// digits, hyphens and underscores (RFC 1035 section 2.3.4 for the lengths).
func ParseDomain(s string) (domain string, taken bool, err error) {
	s = strings.TrimSpace(s)
	name, taken := inside(s)
	if name == "" {
		return "", false, fmt.Errorf("%w: it is empty; give one such as example.com", ErrDomain)
	}
	if _, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return "", false, fmt.Errorf("%w: it is an address; give a domain such as example.com, or use \"check ptr\"", ErrDomain)
	}
	if len(s) > 1024 {
		return "", false, fmt.Errorf("%w: it is %d octets long; a domain has at most 253", ErrDomain, len(s))
	}
	ascii, err := toASCII(strings.TrimSuffix(name, "."))
	if err != nil {
		return "", false, err
	}
	return ascii, taken, nil
}

// inside takes the host out of a URL and the part behind the last @ out of an
// address.
func inside(s string) (name string, taken bool) {
	if strings.Contains(s, "://") {
		if u, err := url.Parse(s); err == nil && u.Hostname() != "" {
			return u.Hostname(), true
		}
	}
	if at := strings.LastIndexByte(s, '@'); at > 0 {
		return strings.TrimSuffix(s[at+1:], ">"), true
	}
	return s, false
}

func toASCII(name string) (string, error) {
	if strings.ContainsFunc(name, func(r rune) bool { return r >= utf8.RuneSelf }) {
		a, err := idna.Lookup.ToASCII(name)
		if err != nil || !utf8.ValidString(name) {
			return "", fmt.Errorf("%w: it cannot be written as an internationalised name (RFC 5891)", ErrDomain)
		}
		name = a
	}
	name = strings.ToLower(name)
	if len(name) > 253 {
		return "", fmt.Errorf("%w: it is %d octets long; a domain has at most 253", ErrDomain, len(name))
	}
	for _, c := range name {
		if c != '-' && c != '_' && c != '.' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return "", fmt.Errorf("%w: it contains the character %q", ErrDomain, c)
		}
	}
	labels := strings.Split(name, ".")
	if len(labels) < 2 {
		return "", fmt.Errorf("%w: it has one label only; give the full name, such as example.com", ErrDomain)
	}
	for _, l := range labels {
		switch {
		case l == "":
			return "", fmt.Errorf("%w: it has an empty label (two dots in a row, or a dot in front)", ErrDomain)
		case len(l) > 63:
			return "", fmt.Errorf("%w: it has a label of %d octets; at most 63 are allowed", ErrDomain, len(l))
		case l[0] == '-' || l[len(l)-1] == '-':
			return "", fmt.Errorf("%w: a label begins or ends with a hyphen", ErrDomain)
		}
	}
	return name, nil
}

// ErrSelector is what the errors of ParseSelector wrap.
var ErrSelector = errors.New("not a DKIM selector")

// ParseSelector returns the selector that a user means by s: the name in front
// of "._domainkey", should that stand there (RFC 6376 section 3.1).
func ParseSelector(s string) (string, error) {
	name := strings.ToLower(strings.TrimSpace(s))
	if at := strings.Index(name, "._domainkey"); at >= 0 {
		name = name[:at]
	}
	if !dnsx.IsName(name) {
		return "", fmt.Errorf("%w: give the value of s= in a DKIM-Signature, such as s1", ErrSelector)
	}
	return name, nil
}

// IsHelo reports whether name can stand in EHLO: a host name, or an address in
// brackets (RFC 5321 section 4.1.1.1).
func IsHelo(name string) bool {
	if literal, ok := strings.CutPrefix(name, "["); ok {
		literal, closed := strings.CutSuffix(literal, "]")
		_, err := netip.ParseAddr(strings.TrimPrefix(literal, "IPv6:"))
		return closed && err == nil
	}
	return dnsx.IsName(strings.TrimSuffix(name, "."))
}
