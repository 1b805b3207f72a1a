package dnsx

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// Texts returns the text of each TXT record as the octets that were published:
// escapes undone, the strings of a record joined without a separator (RFC 7208
// section 3.3), cut after MaxText octets. The order is that of Records.
func (a Answer) Texts() []string {
	var out []string
	for _, rr := range a.Records {
		if txt, ok := rr.(*dns.TXT); ok {
			out = append(out, joinText(txt.Txt))
		}
	}
	return out
}

func joinText(parts []string) string {
	if len(parts) == 1 && !strings.Contains(parts[0], `\`) {
		return parts[0][:min(len(parts[0]), MaxText)]
	}
	size := 0
	for _, s := range parts {
		size += len(s)
	}
	var out strings.Builder
	out.Grow(min(size, MaxText))
	for _, s := range parts {
		for len(s) > 0 && out.Len() < MaxText {
			run := strings.IndexByte(s, '\\')
			if run < 0 {
				run = len(s)
			}
			if run > 0 {
				out.WriteString(s[:min(run, MaxText-out.Len())])
				s = s[run:]
				continue
			}
			c, n := unescape(s)
			if n == 0 { // not from the wire
				c, n = '\\', 1
			}
			out.WriteByte(c)
			s = s[n:]
		}
	}
	return out.String()
}

// Addrs returns the addresses of the A and AAAA records in ascending order. An
// IPv4 address that an AAAA record maps into IPv6 stays an IPv6 address.
func (a Answer) Addrs() []netip.Addr {
	if len(a.Records) == 0 {
		return nil
	}
	out := make([]netip.Addr, 0, len(a.Records))
	for _, rr := range a.Records {
		switch rr := rr.(type) {
		case *dns.A:
			if ip4 := rr.A.To4(); ip4 != nil {
				out = append(out, netip.AddrFrom4([4]byte(ip4)))
			}
		case *dns.AAAA:
			if len(rr.AAAA) == 16 {
				out = append(out, netip.AddrFrom16([16]byte(rr.AAAA)))
			}
		}
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return slices.Compact(out)
}

// An MX is the content of one MX record (RFC 1035 section 3.3.9).
type MX struct {
	Preference uint16
	Host       string // canonical; "." for the null MX of RFC 7505, which is no host
}

// MXs returns the MX records, the lowest preference first, then by host.
func (a Answer) MXs() []MX {
	var out []MX
	for _, rr := range a.Records {
		mx, ok := rr.(*dns.MX)
		if !ok {
			continue
		}
		if host, ok := Canonical(mx.Mx); ok {
			out = append(out, MX{mx.Preference, host})
		}
	}
	slices.SortFunc(out, func(x, y MX) int {
		return cmp.Or(cmp.Compare(x.Preference, y.Preference), strings.Compare(x.Host, y.Host))
	})
	return slices.Compact(out)
}

// Targets returns the names that PTR, NS and CNAME records point to, canonical,
// sorted, each once. The root is ".".
func (a Answer) Targets() []string {
	var out []string
	for _, rr := range a.Records {
		var target string
		switch rr := rr.(type) {
		case *dns.PTR:
			target = rr.Ptr
		case *dns.NS:
			target = rr.Ns
		case *dns.CNAME:
			target = rr.Target
		}
		if name, ok := Canonical(target); ok {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
