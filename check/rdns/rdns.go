// Package rdns asks whether an address has a name in the reverse tree and
// whether that name leads back to the address (RFC 1912 section 2.1). Receivers
// ask this of a host that sends; the test is the iprev of RFC 8601 section 3. It
// also looks at the other name that such a host has: the one that it gives in
// EHLO (RFC 5321 section 4.1.1.1).
package rdns

import (
	"context"
	"net/netip"
	"slices"

	"maildoctor/check/dnsx"
	"maildoctor/check/group"

	"github.com/miekg/dns"
)

// MaxNames is the number of names whose addresses are looked up.
const MaxNames = 10

// Verdict says whether an address and its names confirm each other.
type Verdict string

// The verdicts.
const (
	Pass    Verdict = "pass"    // at least one name has the address
	Fail    Verdict = "fail"    // there are names, and none of them has the address
	Missing Verdict = "missing" // there is no PTR record
	Unknown Verdict = "unknown" // a lookup that would decide brought no answer, or names were left out
)

// A Result is what the DNS says about an address.
type Result struct {
	Addr    netip.Addr  `json:"address"`
	Verdict Verdict     `json:"verdict"`
	Status  dnsx.Status `json:"status"`           // of the question for PTR
	Reason  string      `json:"reason,omitempty"` // with dnsx.Failed, why
	Alias   []string    `json:"alias,omitempty"`  // the CNAME targets on the way (RFC 2317 section 4)
	Names   []Name      `json:"names,omitempty"`  // sorted, at most MaxNames
	Cut     int         `json:"cut,omitempty"`    // names left out
}

// A Name is one name of an address, with the addresses that it has in turn.
type Name struct {
	Name     string       `json:"name"`
	Status   dnsx.Status  `json:"status"`              // of the question for A or AAAA, whichever is the family of the address
	Reason   string       `json:"reason,omitempty"`    // with dnsx.Failed, why
	Addrs    []netip.Addr `json:"addresses,omitempty"` // ascending, at most dnsx.MaxRecords
	Cut      int          `json:"cut,omitempty"`       // addresses left out
	Confirms bool         `json:"confirms,omitempty"`  // the address is among Addrs
	Generic  Pattern      `json:"generic,omitempty"`   // why the name looks generic
}

// Lookup asks for the names of an address, then for the addresses of all names
// at once: at most 1 + MaxNames questions. An IPv4 address mapped into IPv6
// counts as the IPv4 address, and a zone is left out. The result is never nil.
func Lookup(ctx context.Context, r dnsx.Resolver, addr netip.Addr) *Result {
	addr = addr.Unmap().WithZone("")
	answer := r.Lookup(ctx, dnsx.Reverse(addr), dns.TypePTR)
	names := answer.Targets()
	kept := names[:min(len(names), MaxNames)]
	res := &Result{
		Addr:   addr,
		Status: answer.Status,
		Reason: answer.Reason,
		Alias:  answer.Chain,
		Cut:    answer.Cut + len(names) - len(kept),
	}
	qtype := dns.TypeAAAA
	if addr.Is4() {
		qtype = dns.TypeA
	}
	var wg group.Group
	forward := make([]dnsx.Answer, len(kept))
	for i, name := range kept {
		wg.Go(func() { forward[i] = r.Lookup(ctx, name, qtype) })
	}
	wg.Wait()
	for i, name := range kept {
		res.Names = append(res.Names, Name{
			Name:     name,
			Status:   forward[i].Status,
			Reason:   forward[i].Reason,
			Addrs:    forward[i].Addrs(),
			Cut:      forward[i].Cut,
			Confirms: slices.Contains(forward[i].Addrs(), addr),
			Generic:  Generic(name, addr),
		})
	}
	res.Verdict = res.judge()
	return res
}

// judge follows RFC 8601 section 3, where one name that confirms is enough. What
// was not seen may be that name, so it forbids a Fail.
func (res *Result) judge() Verdict {
	switch {
	case res.Status.Absent():
		return Missing
	case slices.ContainsFunc(res.Names, func(n Name) bool { return n.Confirms }):
		return Pass
	case len(res.Names) == 0, res.Cut > 0, slices.ContainsFunc(res.Names, undecided):
		return Unknown
	}
	return Fail
}

func undecided(n Name) bool { return !n.Status.Known() || n.Cut > 0 }
