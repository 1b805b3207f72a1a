package dnsbl

import (
	"net/netip"
	"strings"

	"maildoctor/check/dnsx"

	"golang.org/x/net/publicsuffix"
)

// The names of the test points below the zone (RFC 5782 section 5): 127.0.0.2,
// 127.0.0.1, ::FFFF:7F00:2, ::FFFF:7F00:1, TEST, INVALID.
const (
	test4      = "2.0.0.127"
	not4       = "1.0.0.127"
	test6      = "2.0.0.0.0.0.f.7.f.f.f.f" + zeros6
	not6       = "1.0.0.0.0.0.f.7.f.f.f.f" + zeros6
	zeros6     = ".0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0"
	testDomain = "test"
	notDomain  = "invalid"
)

// A Subject is what a list is asked about.
type Subject struct {
	addr   netip.Addr
	domain string
	kind   Kind
}

// Address returns an address as a subject. An IPv4 address mapped into IPv6
// counts as the IPv4 address, and a zone is left out.
func Address(addr netip.Addr) Subject {
	return Subject{addr: addr.Unmap().WithZone(""), kind: IP}
}

// DomainName returns a domain as a subject, written in A-labels. Case and a final
// dot do not matter.
func DomainName(domain string) Subject {
	return Subject{domain: strings.TrimSuffix(strings.ToLower(domain), "."), kind: Domain}
}

// String returns the address or the domain.
func (s Subject) String() string {
	if s.kind == IP {
		return s.addr.String()
	}
	return s.domain
}

// A plan holds the names to be asked about one subject on one list.
type plan struct {
	subject, listed, notListed string
	others                     []string // test points of other kinds, to tell a list of these from a broken one
	otherReason                Reason   // what the list is then
}

// plan returns the names to be asked, or why none is.
func (l *List) plan(s Subject) (plan, Verdict, Reason) {
	if reason := l.unaskable(); reason != "" {
		return plan{}, NotAsked, reason
	}
	label, reason := l.label(s)
	if reason != "" {
		return plan{}, NotApplicable, reason
	}
	zone := l.Zone
	if s.addr.Is6() && l.ZoneV6 != "" {
		zone = l.ZoneV6
	}
	if l.key != "" {
		zone = l.key + "." + zone
	}
	listed, notListed := l.testPoints(s.addr)
	p := plan{subject: label + "." + zone, listed: listed + "." + zone, notListed: notListed + "." + zone}
	if !dnsx.IsName(p.subject) || !dnsx.IsName(p.listed) || !dnsx.IsName(p.notListed) {
		return plan{}, NotApplicable, ReasonNameTooLong
	}
	switch {
	case s.addr.Is6() && l.custom:
		p.others, p.otherReason = []string{test4 + "." + zone, testDomain + "." + zone}, ReasonNoIPv6
	case s.addr.Is6():
		p.others, p.otherReason = []string{test4 + "." + zone}, ReasonNoIPv6
	case s.addr.Is4() && l.custom:
		p.others, p.otherReason = []string{testDomain + "." + zone}, ReasonKind
	case l.custom:
		p.others, p.otherReason = []string{test4 + "." + zone}, ReasonKind
	}
	return p, "", ""
}

// label returns what stands in front of the zone, or why the list does not apply.
func (l *List) label(s Subject) (string, Reason) {
	if l.Kind != Both && l.Kind != s.kind {
		return "", ReasonKind
	}
	if s.kind != IP {
		return l.domainLabel(s.domain)
	}
	switch {
	case !s.addr.IsValid():
		return "", ReasonNoAddress
	case !routable(s.addr):
		return "", ReasonPrivate
	case s.addr.Is6() && !l.IPv6:
		return "", ReasonNoIPv6
	}
	return reversed(s.addr), ""
}

// reversed returns the octets or nibbles of an address, the last first (RFC 5782
// sections 2.1 and 2.4).
func reversed(addr netip.Addr) string {
	name := strings.TrimSuffix(dnsx.Reverse(addr), ".in-addr.arpa")
	return strings.TrimSuffix(name, ".ip6.arpa")
}

// domainLabel returns the name under which a list of domains has a domain: that
// which was registered, unless the list takes host names. Below the suffixes that
// companies run, the customers' names count as registered, and so do these
// suffixes themselves.
func (l *List) domainLabel(domain string) (string, Reason) {
	if !dnsx.IsName(domain) || numeric(domain) {
		return "", ReasonNoDomain
	}
	suffix, icann := publicsuffix.PublicSuffix(domain)
	if domain == suffix && (icann || !strings.Contains(suffix, ".")) {
		return "", ReasonSuffix
	}
	if l.HostNames || domain == suffix {
		return domain, ""
	}
	registered, err := publicsuffix.EffectiveTLDPlusOne(domain)
	if err != nil {
		return "", ReasonNoDomain
	}
	return registered, ""
}

// numeric reports whether the last label is a number, as in an IPv4 address and
// in no name (RFC 1123 section 2.1).
func numeric(name string) bool {
	last := name[strings.LastIndexByte(name, '.')+1:]
	return strings.Trim(last, "0123456789") == ""
}

// Blocks that no host of the internet is in, beside those that netip knows: this
// network, shared addresses (RFC 6598), reserved addresses (RFC 1112 section 4).
var unroutable = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("240.0.0.0/4"),
}

// routable is coarse: which addresses of the internet may be asked about, the
// caller knows.
func routable(addr netip.Addr) bool {
	for _, p := range unroutable {
		if p.Contains(addr) {
			return false
		}
	}
	return addr.IsGlobalUnicast() && !addr.IsPrivate()
}
