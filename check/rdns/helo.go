package rdns

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"maildoctor/check/dnsx"
	"maildoctor/check/group"

	"github.com/miekg/dns"
)

// Form is what kind of argument EHLO has.
type Form string

// The forms. Only the first two are what RFC 5321 section 4.1.1.1 asks for.
const (
	FullName    Form = "full-name"    // a host name of at least two labels
	Literal     Form = "literal"      // an address in brackets (RFC 5321 section 4.1.3)
	OneLabel    Form = "one-label"    // a name that is not a full one
	BareAddress Form = "bare-address" // an address without brackets
	Malformed   Form = "malformed"    // no name at all
)

// A Helo is the argument of EHLO of a sending host, and what the DNS says of it.
type Helo struct {
	Name      string       `json:"name"` // in lower case, without the final dot; a malformed one as it is, in UTF-8
	Form      Form         `json:"form"`
	Address   netip.Addr   `json:"address,omitzero"`    // with Literal and BareAddress
	Status    dnsx.Status  `json:"status,omitempty"`    // with FullName: OK if there is an address of either family
	Reason    string       `json:"reason,omitempty"`    // with dnsx.Failed, why
	Addrs     []netip.Addr `json:"addresses,omitempty"` // ascending, at most 2 times dnsx.MaxRecords
	Cut       int          `json:"cut,omitempty"`       // addresses left out
	LeadsBack bool         `json:"leads_back,omitempty"`
}

// ParseHelo reads the argument of EHLO.
func ParseHelo(argument string) Helo {
	name := strings.TrimSuffix(strings.ToLower(argument), ".")
	if inner, ok := strings.CutPrefix(name, "["); ok {
		inner, closed := strings.CutSuffix(inner, "]")
		v6, tagged := strings.CutPrefix(inner, "ipv6:")
		addr, err := netip.ParseAddr(v6)
		if err != nil || !closed || addr.Zone() != "" || tagged != addr.Is6() {
			return malformed(argument)
		}
		return Helo{Name: name, Form: Literal, Address: addr.Unmap()}
	}
	if addr, err := netip.ParseAddr(name); err == nil {
		return Helo{Name: name, Form: BareAddress, Address: addr.Unmap().WithZone("")}
	}
	switch {
	case !dnsx.IsName(name):
		return malformed(argument)
	case !strings.Contains(name, "."):
		return Helo{Name: name, Form: OneLabel}
	}
	return Helo{Name: name, Form: FullName}
}

func malformed(argument string) Helo {
	return Helo{Name: strings.ToValidUTF8(argument, "\ufffd"), Form: Malformed}
}

// LookupHelo reads the argument of EHLO and asks for the addresses of the name
// in it: two questions, none for other forms. LeadsBack tells that the address of
// the host, where that is known, is among them or the one in brackets. That it
// is not may be no reason to refuse mail (RFC 5321 section 4.1.4). The result is
// never nil.
func LookupHelo(ctx context.Context, r dnsx.Resolver, argument string, host netip.Addr) *Helo {
	host = host.Unmap().WithZone("")
	h := ParseHelo(argument)
	if h.Form == Literal {
		h.LeadsBack = h.Address == host
	}
	if h.Form != FullName {
		return &h
	}
	var answers [2]dnsx.Answer
	var wg group.Group
	for i, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		wg.Go(func() { answers[i] = r.Lookup(ctx, h.Name, qtype) })
	}
	wg.Wait()
	for _, a := range answers {
		h.Addrs = append(h.Addrs, a.Addrs()...)
		h.Cut += a.Cut
	}
	slices.SortFunc(h.Addrs, netip.Addr.Compare)
	h.LeadsBack = slices.Contains(h.Addrs, host)
	h.Status, h.Reason = answers[0].Status, answers[0].Reason
	switch {
	case len(h.Addrs) > 0:
		h.Status, h.Reason = dnsx.OK, ""
	case h.Status.Known():
		h.Status, h.Reason = answers[1].Status, answers[1].Reason
	}
	return &h
}

// Unresolved reports whether it is known that the name has no address.
func (h *Helo) Unresolved() bool { return h.Form == FullName && h.Status.Absent() }

// Known reports whether everything about the argument was found out.
func (h *Helo) Known() bool { return h.Form != FullName || h.Status.Known() }
