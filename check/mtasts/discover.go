package mtasts

import (
	"context"
	"strings"

	"github.com/miekg/dns"

	"maildoctor/check/dnsx"
	"maildoctor/check/taglist"
)

const (
	prefix     = "_mta-sts."
	hostPrefix = "mta-sts."
	path       = "/.well-known/mta-sts.txt"
)

// Lookup asks for the record of a domain (RFC 8461 section 3.1), and follows
// CNAME records as the resolver does. It does not fetch the policy.
func Lookup(ctx context.Context, r dnsx.Resolver, domain string) *Result {
	s := &Result{Domain: normalize(domain)}
	s.Asked = prefix + s.Domain
	if !dnsx.IsName(s.Asked) {
		s.Asked, s.Status, s.Reason, s.Outcome = "", dnsx.Failed, dnsx.ReasonName, CannotTell
		if dnsx.IsName(s.Domain) { // too long to exist
			s.Status, s.Reason, s.Outcome = dnsx.NXDomain, "", NotFound
		}
		return s
	}
	a := r.Lookup(ctx, s.Asked, dns.TypeTXT)
	s.Status, s.Reason, s.Chain = a.Status, a.Reason, a.Chain
	for _, text := range a.Texts() {
		record, faults, ok := Parse(text)
		switch {
		case ok:
			s.Texts = append(s.Texts, taglist.Octets(text))
			s.Record, s.Faults = record, faults
		case len(faults) > 0:
			s.Near = append(s.Near, Text{Text: taglist.Octets(text), Fault: faults[0]})
		}
	}
	switch {
	case !a.Status.Known():
		s.Outcome = CannotTell
	case len(s.Texts) == 0:
		s.Outcome = NotFound
	case len(s.Texts) == 1:
		s.Outcome = Found
		return s
	default:
		s.Outcome = Several
	}
	s.Record, s.Faults = nil, nil
	return s
}

// The outcomes of a Download that this package knows.
const (
	FetchOK      = "ok"
	FetchSkipped = "skipped" // it was not tried, since there is not one record that calls for it
)

// Fetched is what a Fetch brought.
type Fetched struct {
	Outcome     string // FetchOK, or a code that says why there is no file
	Known       bool   // everybody who asks gets the same: not so if time ran out
	Status      int    // of HTTP; 0 without an answer
	ContentType string // as sent
	Body        []byte // with FetchOK
}

// A Fetch gets the file at an https URL, of at most limit octets. It takes
// nothing but the status 200, follows no redirect, and does not take the word
// of a server whose certificate is not good for the host (RFC 8461 section 3.3).
type Fetch func(ctx context.Context, url string, limit int) Fetched

// A Download says how the policy was fetched.
type Download struct {
	URL         string         `json:"url,omitempty"`          // empty if there cannot be one
	Outcome     string         `json:"outcome"`                // FetchOK, FetchSkipped, or a code of the Fetch
	Known       bool           `json:"known,omitempty"`        // everybody who asks gets the same; never with FetchSkipped
	Status      int            `json:"status,omitempty"`       // of HTTP
	ContentType taglist.Octets `json:"content_type,omitempty"` // as sent, cut after MaxValue octets
}

// PlainText reports whether the file came as text/plain, which senders should
// insist on (RFC 8461 section 3.2). Parameters mean nothing.
func (d *Download) PlainText() bool {
	media, _, _ := strings.Cut(string(d.ContentType), ";")
	return taglist.Lower(strings.Trim(media, " \t")) == "text/plain"
}

// URL returns where the policy of a domain stands (RFC 8461 section 3.3), or
// nothing if the domain is no domain name or too long.
func URL(domain string) string {
	host := hostPrefix + normalize(domain)
	if !dnsx.IsName(host) {
		return ""
	}
	return "https://" + host + path
}

// Discover looks the record of a domain up, fetches the policy and reads it.
// It fetches whenever there is exactly one record, although a sender would not
// if that is Void. A policy without a record says nothing to anybody: then
// Download says that it was not tried.
func Discover(ctx context.Context, r dnsx.Resolver, fetch Fetch, domain string) *Result {
	s := Lookup(ctx, r, domain)
	s.Download = &Download{URL: URL(s.Domain), Outcome: FetchSkipped}
	if s.Outcome != Found {
		return s
	}
	f := fetch(ctx, s.Download.URL, MaxPolicy)
	s.Download.Outcome, s.Download.Known, s.Download.Status = f.Outcome, f.Known, f.Status
	s.Download.ContentType = cut(f.ContentType)
	if f.Outcome == FetchOK {
		s.Download.Known = true
		s.Policy, s.PolicyFaults = ParsePolicy(f.Body)
	}
	return s
}
