package spf

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"maildoctor/check/dnsx"
)

// MaxTime bounds a Walk and an Evaluation. RFC 7208 section 4.6.4 asks for at
// least 20 seconds.
const MaxTime = 20 * time.Second

// An Outcome says whether a domain has an SPF record.
type Outcome string

// The outcomes of a selection (RFC 7208 sections 4.4 and 4.5).
const (
	None    Outcome = "none"    // it has not
	One     Outcome = "one"     // it has one, as it should
	Many    Outcome = "many"    // it has several: permerror
	Unknown Outcome = "unknown" // the lookup failed
)

// A Selection is what the TXT records of a domain hold (RFC 7208 section 4.5).
type Selection struct {
	Status     dnsx.Status `json:"status,omitempty"` // of the TXT lookup; empty if the name cannot be asked
	Reason     string      `json:"reason,omitempty"` // of the status failed
	Outcome    Outcome     `json:"outcome"`
	Malformed  bool        `json:"malformed,omitempty"`  // not a domain name of two labels or more (RFC 7208 section 4.3)
	Records    []Raw       `json:"records,omitempty"`    // the SPF records, sorted
	SenderID   []Raw       `json:"sender_id,omitempty"`  // spf2.0 records, left over from Sender ID (RFC 4406), sorted
	Lookalikes []Raw       `json:"lookalikes,omitempty"` // begin nearly as an SPF record does and are none, sorted
}

// Lookup asks for the TXT records of a domain and selects the SPF records. A
// name that cannot be a domain is not asked; it has no record.
func Lookup(ctx context.Context, r dnsx.Resolver, domain string) Selection {
	name, ok := toDomain(plain(domain))
	if !ok {
		return Selection{Outcome: None, Malformed: true}
	}
	return selectRecords(r.Lookup(ctx, name, dns.TypeTXT))
}

// selectRecords sorts the texts of an answer.
func selectRecords(a dnsx.Answer) Selection {
	s := Selection{Status: a.Status, Reason: a.Reason, Outcome: None}
	switch {
	case isBadName(a):
		s.Malformed = true
		return s
	case !a.Status.Known():
		s.Outcome = Unknown
		return s
	}
	for _, text := range a.Texts() {
		switch {
		case IsRecord(text):
			s.Records = append(s.Records, Raw(text))
		case hasPrefixFold(text, "spf2.0/"):
			s.SenderID = append(s.SenderID, Raw(text))
		case hasPrefixFold(strings.TrimLeft(text, " \t\r\n\"'"), "v=spf"):
			s.Lookalikes = append(s.Lookalikes, Raw(text))
		}
	}
	slices.Sort(s.Records)
	slices.Sort(s.SenderID)
	slices.Sort(s.Lookalikes)
	switch len(s.Records) {
	case 0:
	case 1:
		s.Outcome = One
	default:
		s.Outcome = Many
	}
	return s
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// isBadName reports whether the resolver took the name for one that cannot
// exist; that is no failure of the DNS and will not pass with time.
func isBadName(a dnsx.Answer) bool {
	return a.Status == dnsx.Failed && a.Reason == dnsx.ReasonName
}

// addresses returns the addresses of an answer to an A or AAAA question. An
// IPv4-mapped address in an AAAA record matches no client and is left out
// (RFC 7208 section 5).
func addresses(a dnsx.Answer) []netip.Addr {
	return slices.DeleteFunc(a.Addrs(), netip.Addr.Is4In6)
}

// exchanges returns the host names of an answer to an MX question in order of
// preference. The null MX of RFC 7505 is left out.
func exchanges(a dnsx.Answer) []string {
	var out []string
	for _, mx := range a.MXs() {
		if mx.Host != "." {
			out = append(out, mx.Host)
		}
	}
	return out
}
