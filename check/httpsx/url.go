package httpsx

import (
	"net/url"
	"strings"

	"maildoctor/check/dnsx"
	"maildoctor/check/taglist"
)

// URLFault says why a URL is not fetched.
type URLFault string

// The faults of a URL.
const (
	URLEmpty    URLFault = "empty"
	URLTooLong  URLFault = "too-long"      // more than MaxURL octets
	URLOctet    URLFault = "bad-character" // an octet that no URI may hold (RFC 3986 section 2)
	URLSyntax   URLFault = "bad-syntax"    // not a URI (RFC 3986), such as one with a broken percent-encoding
	URLScheme   URLFault = "not-https"     // another scheme than https, or none
	URLUserInfo URLFault = "user-info"     // a user name or password before the host
	URLNoHost   URLFault = "no-host"
	URLPort     URLFault = "port"         // another port than 443
	URLAddress  URLFault = "address"      // an address in place of a name, in any spelling
	URLLabel    URLFault = "single-label" // a name without a dot
	URLHost     URLFault = "bad-host"     // not the name of a host: letters, digits, hyphens and underscores in labels of at most 63 octets, 253 in all
)

// ParseURL reads the URL of a file that this package fetches: one of https,
// with a host that is a name of the DNS, on port 443. The fault is empty if
// there is none. In the result the host is in lower case and stands alone,
// the path is not empty, and a fragment, which is no concern of the server (RFC
// 9110 section 7.1), is left out.
func ParseURL(s string) (*url.URL, URLFault) {
	switch {
	case s == "":
		return nil, URLEmpty
	case len(s) > MaxURL:
		return nil, URLTooLong
	case strings.ContainsFunc(s, foreignToURI):
		return nil, URLOctet
	}
	u, err := url.Parse(s)
	switch {
	case err != nil && !strings.HasPrefix(taglist.Lower(s), "https:"):
		return nil, URLScheme
	case err != nil:
		return nil, URLSyntax
	case u.Scheme != "https":
		return nil, URLScheme
	case u.User != nil:
		return nil, URLUserInfo
	case u.Hostname() == "":
		return nil, URLNoHost
	}
	host, fault := parseHost(u)
	if fault != "" {
		return nil, fault
	}
	return &url.URL{
		Scheme: u.Scheme, Host: host, Path: orSlash(u.Path), RawPath: u.RawPath,
		RawQuery: u.RawQuery, ForceQuery: u.ForceQuery,
	}, ""
}

// foreignToURI reports whether a character is none of RFC 3986 section 2.
func foreignToURI(r rune) bool {
	return r <= ' ' || r > '~' || strings.ContainsRune("\"<>\\^`{|}", r)
}

func orSlash(path string) string {
	if path == "" {
		return "/"
	}
	return path
}

func parseHost(u *url.URL) (string, URLFault) {
	if strings.HasPrefix(u.Host, "[") {
		return "", URLAddress
	}
	if port := u.Port(); port != "" && port != "443" {
		return "", URLPort
	}
	host := taglist.Lower(strings.TrimSuffix(u.Hostname(), "."))
	labels := strings.Split(host, ".")
	switch {
	case !hostName(host):
		return "", URLHost
	case numeric(labels[len(labels)-1]):
		return "", URLAddress
	case len(labels) == 1:
		return "", URLLabel
	}
	return host, ""
}

// hostName reports whether a lower-case name can be that of a host. Underscores
// are no part of one (RFC 952), yet there are such hosts.
func hostName(s string) bool {
	if _, ok := dnsx.Canonical(s); !ok || strings.HasSuffix(s, ".") {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return r != '.' && r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z')
	})
}

// numeric reports whether a name with this last label is read as an IPv4
// address by one program or another: 127.0.0.1, 127.1, 2130706433, 0x7f.1.
// No top-level domain is a number.
func numeric(label string) bool {
	if digits, ok := strings.CutPrefix(label, "0x"); ok {
		return strings.Trim(digits, "0123456789abcdef") == ""
	}
	return strings.Trim(label, "0123456789") == ""
}
