// Package mx finds out which hosts take a domain's mail: the MX records, or in
// their absence the address of the domain itself (RFC 5321 section 5.1), a null
// MX (RFC 7505), and the addresses of each host.
package mx

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"maildoctor/check/dnsx"
	"maildoctor/check/group"

	"github.com/miekg/dns"
)

// MaxHosts is the number of hosts whose addresses are looked up.
const MaxHosts = 20

// A Result is what the DNS says about the mail hosts of a domain.
type Result struct {
	Domain        string      `json:"domain"`
	Status        dnsx.Status `json:"status"`           // of the question for MX; dnsx.NXDomain: there is no such domain
	Reason        string      `json:"reason,omitempty"` // with dnsx.Failed, why
	Alias         []string    `json:"alias,omitempty"`  // the CNAME targets on the way from Domain to the records
	Authenticated bool        `json:"authenticated,omitempty"`
	Null          bool        `json:"null,omitempty"`     // an MX record names the root, beside Hosts or not (RFC 7505 section 3)
	Implicit      bool        `json:"implicit,omitempty"` // no MX record: the only host is the domain (RFC 5321 section 5.1)
	Hosts         []Host      `json:"hosts,omitempty"`    // by preference, then name; each name once
	Cut           int         `json:"cut,omitempty"`      // hosts and records left out
}

// RefusesMail reports whether the domain says that it takes no mail: a null MX
// and no other (RFC 7505 section 3).
func (r *Result) RefusesMail() bool { return r.Null && len(r.Hosts) == 0 }

// A Host is one target of MX records, or the domain as its own mail host.
type Host struct {
	Preference uint16    `json:"preference"` // the lowest, if there are several
	Name       string    `json:"name"`
	Kind       Kind      `json:"kind"`
	Listed     int       `json:"listed"`          // how many MX records name it; 0 for an implicit MX
	Alias      []string  `json:"alias,omitempty"` // the name is an alias: the CNAME targets that follow (RFC 2181 section 10.3)
	A          Addresses `json:"a"`
	AAAA       Addresses `json:"aaaa"`
}

// Kind says what the target of an MX record is.
type Kind string

// The kinds of targets.
const (
	KindName    Kind = "name"
	KindAddress Kind = "address" // an address in the place of a name; it is not looked up (RFC 5321 section 5.1)
)

// Addresses is the answer to a question for A or AAAA records. It is zero for
// KindAddress, where nothing is asked.
type Addresses struct {
	Status dnsx.Status  `json:"status,omitempty"`
	Reason string       `json:"reason,omitempty"`    // with dnsx.Failed, why
	Addrs  []netip.Addr `json:"addresses,omitempty"` // ascending, at most dnsx.MaxRecords
	Cut    int          `json:"cut,omitempty"`       // addresses left out

	// Authenticated tells that the resolver validated the answer, also one that
	// there are none.
	Authenticated bool `json:"authenticated,omitempty"`
}

// Addrs returns the addresses of both families, IPv4 first.
func (h *Host) Addrs() []netip.Addr { return slices.Concat(h.A.Addrs, h.AAAA.Addrs) }

// Status sums up both families: dnsx.OK if there is an address, dnsx.NXDomain or
// dnsx.NoData if it is known that there is none, else why that is not known. A
// target of KindAddress is no name and has none.
func (h *Host) Status() dnsx.Status {
	a, aaaa := h.A.Status, h.AAAA.Status
	switch {
	case h.Kind == KindAddress:
		return dnsx.NoData
	case a == dnsx.OK || aaaa == dnsx.OK:
		return dnsx.OK
	case !a.Known():
		return a
	case !aaaa.Known():
		return aaaa
	case a == dnsx.NXDomain || aaaa == dnsx.NXDomain:
		return dnsx.NXDomain
	}
	return dnsx.NoData
}

// Lookup asks for the MX records of the domain, then for the addresses of all
// hosts at once: one question, and two for each of at most MaxHosts hosts. The
// result is never nil.
func Lookup(ctx context.Context, r dnsx.Resolver, domain string) *Result {
	answer := r.Lookup(ctx, domain, dns.TypeMX)
	res := &Result{
		Domain:        answer.Name,
		Status:        answer.Status,
		Reason:        answer.Reason,
		Alias:         answer.Chain,
		Authenticated: answer.Authenticated,
		Cut:           answer.Cut,
	}
	switch answer.Status {
	case dnsx.OK:
		res.targets(answer.MXs())
	case dnsx.NoData:
		res.Implicit = true
		res.Hosts = []Host{{Name: answer.Name, Kind: KindName}}
	}
	res.addresses(ctx, r)
	return res
}

// targets makes hosts of MX records, which come sorted.
func (res *Result) targets(records []dnsx.MX) {
	for _, record := range records {
		if record.Host == "." { // RFC 7505 section 3
			res.Null = true
			continue
		}
		same := func(h Host) bool { return h.Name == record.Host }
		if i := slices.IndexFunc(res.Hosts, same); i >= 0 {
			res.Hosts[i].Listed++
			continue
		}
		res.Hosts = append(res.Hosts, Host{
			Preference: record.Preference,
			Name:       record.Host,
			Kind:       kindOf(record.Host),
			Listed:     1,
		})
	}
	if n := len(res.Hosts); n > MaxHosts {
		res.Hosts = res.Hosts[:MaxHosts]
		res.Cut += n - MaxHosts
	}
}

// kindOf also knows addresses in the brackets that they have in an e-mail
// address (RFC 5321 section 4.1.3).
func kindOf(name string) Kind {
	literal := strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	if _, err := netip.ParseAddr(strings.TrimPrefix(literal, "ipv6:")); err == nil {
		return KindAddress
	}
	return KindName
}

func (res *Result) addresses(ctx context.Context, r dnsx.Resolver) {
	var wg group.Group
	answers := make([]struct{ a, aaaa dnsx.Answer }, len(res.Hosts))
	for i, h := range res.Hosts {
		if h.Kind == KindAddress {
			continue
		}
		wg.Go(func() { answers[i].a = r.Lookup(ctx, h.Name, dns.TypeA) })
		wg.Go(func() { answers[i].aaaa = r.Lookup(ctx, h.Name, dns.TypeAAAA) })
	}
	wg.Wait()
	for i := range res.Hosts {
		h := &res.Hosts[i]
		if h.Kind == KindAddress {
			continue
		}
		h.A, h.AAAA = addressesOf(answers[i].a), addressesOf(answers[i].aaaa)
		h.Alias = answers[i].a.Chain
		if len(h.Alias) == 0 {
			h.Alias = answers[i].aaaa.Chain
		}
	}
}

func addressesOf(answer dnsx.Answer) Addresses {
	return Addresses{
		Status: answer.Status, Reason: answer.Reason, Addrs: answer.Addrs(), Cut: answer.Cut,
		Authenticated: answer.Authenticated,
	}
}
