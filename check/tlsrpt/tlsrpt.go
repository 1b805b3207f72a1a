// Package tlsrpt reads SMTP TLS Reporting (RFC 8460): the record by which a
// domain asks senders for reports on how its mail hosts did with TLS, MTA-STS
// and DANE.
//
// The record is a TXT record at _smtp._tls.<domain>. Its field rua= lists where
// the reports go: by mail, or by HTTPS to a web server. Nobody has to agree to
// take reports, unlike with DMARC.
package tlsrpt

import (
	"context"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"maildoctor/check/dnsx"
	"maildoctor/check/taglist"
)

// Limits of what is read.
const (
	MaxURIs  = 50  // report addresses of a record
	MaxValue = 256 // octets of a foreign text that a Fault repeats
)

// Outcome says whether a domain has a record.
type Outcome string

// The outcomes of a lookup.
const (
	Found      Outcome = "found"
	NotFound   Outcome = "none"
	Several    Outcome = "multiple" // more than one record, which is as good as none
	CannotTell Outcome = "unknown"  // no answer
)

// Reason names a fault of a record, or something about it worth knowing.
type Reason string

// Reasons of a text at _smtp._tls that is no record, though meant as one (RFC
// 8460 section 3: it does not begin with v=TLSRPTv1 and a semicolon).
const (
	VersionCase      Reason = "version-case"      // v=tlsrptv1 or V=TLSRPTv1
	VersionValue     Reason = "version-value"     // another value, or no ";" behind it
	VersionNotFirst  Reason = "version-not-first" // another field comes first
	VersionMissing   Reason = "version-missing"   // rua= without v=
	VersionQuoted    Reason = "version-quoted"    // begins with a quotation mark
	VersionSpace     Reason = "version-space"     // white space before it, or around its "="
	VersionMalformed Reason = "version-malformed" // names TLSRPTv1 in another way
)

// Faults of a record. Where package taglist has a name for one, it is that.
const (
	RUAMissing  Reason = "rua-missing"  // no rua=
	RUACase     Reason = "rua-case"     // RUA= or the like in place of rua=
	RUAUnusable Reason = "rua-unusable" // no address of rua= is Usable
	RUARepeated Reason = "rua-repeated" // another rua=: its addresses count too, but not to every reader

	VersionDelimiter Reason = "version-delimiter" // "v=TLSRPTv1 ;", see Parse
	DuplicateTag     Reason = "duplicate-tag"     // of another field than rua; the first one counts
	MissingEquals    Reason = "missing-equals"    // stray text
	EmptyName        Reason = "empty-name"        // "=value"
	EmptyTag         Reason = "empty-tag"         // nothing between two semicolons
	TooManyTags      Reason = "too-many-tags"     // the rest is not read
	BadName          Reason = "bad-name"          // not a letter or digit, then up to 31 letters, digits, "_", "-" and "."
	BadValue         Reason = "bad-value"         // an unknown field with a value that none can have
	BadOctet         Reason = "bad-octet"         // the first control or 8-bit octet
	StraySpace       Reason = "stray-space"       // white space where the grammar has none

	URIEmpty       Reason = "uri-empty"              // nothing between two commas, or an empty list
	URINoScheme    Reason = "uri-no-scheme"          // an address without mailto:
	URIMalformed   Reason = "uri-malformed"          // not a URI (RFC 3986)
	URIAddress     Reason = "uri-address"            // mailto: without a mail address
	URIHost        Reason = "uri-host"               // https: without the name of a host
	URIScheme      Reason = "uri-scheme-unsupported" // neither mailto nor https
	URIExclamation Reason = "uri-exclamation"        // an exclamation mark that is to be percent-encoded
	URITooMany     Reason = "uri-too-many"           // more than MaxURIs; the rest is not read
)

// A Fault is one thing about a record. Offset and Length count octets of it;
// what is missing has the place behind the end.
//
// A fault that is Void keeps every sender from reporting. The grammar has no
// place for most others either, and a sender that goes by it drops the record
// for them; many pass over them. DuplicateTag and RUARepeated break no rule.
type Fault struct {
	Reason Reason         `json:"reason"`
	Field  taglist.Octets `json:"field,omitempty"` // its name, cut after MaxValue octets
	Value  taglist.Octets `json:"value,omitempty"` // what stands at the place, cut after MaxValue octets
	Offset int            `json:"offset"`
	Length int            `json:"length"`
	Void   bool           `json:"void,omitempty"`
}

// A Record is what a TLS-RPT record says.
type Record struct {
	RUA []URI `json:"rua,omitempty"` // in the order of the record
}

// Hosts returns the hosts of the addresses that are Usable and have one of the
// schemes "mailto" and "https": sorted, each once. Reports by mail are sent even
// if TLS with their host fails (RFC 8460 section 5.3), yet mail to a domain with
// broken hosts may not come.
func (r *Record) Hosts(scheme string) []string {
	var out []string
	for _, u := range r.RUA {
		if u.Usable && u.Scheme == scheme {
			out = append(out, u.Host)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// A Text is a TXT record at _smtp._tls that is no TLS-RPT record, but seems to
// be meant as one.
type Text struct {
	Text  taglist.Octets `json:"text"`
	Fault Fault          `json:"fault"`
}

// A Result is what TLS reporting says about a domain.
type Result struct {
	Domain  string           `json:"domain"` // in lower case
	Outcome Outcome          `json:"outcome"`
	Asked   string           `json:"asked,omitempty"` // the name below _smtp._tls; empty if there cannot be one
	Status  dnsx.Status      `json:"status"`
	Reason  string           `json:"reason,omitempty"` // of the status failed
	Chain   []string         `json:"chain,omitempty"`  // CNAME targets followed
	Texts   []taglist.Octets `json:"texts,omitempty"`  // the TLS-RPT records
	Near    []Text           `json:"near,omitempty"`   // texts that only look like one
	Record  *Record          `json:"record,omitempty"` // the one TLS-RPT record
	Faults  []Fault          `json:"faults,omitempty"` // of Record
}

// Void reports whether there is one record that brings no reports, for its
// faults.
func (r *Result) Void() bool {
	return slices.ContainsFunc(r.Faults, func(f Fault) bool { return f.Void })
}

const prefix = "_smtp._tls."

// Lookup asks for the record of a domain (RFC 8460 section 3), and follows CNAME
// records as the resolver does.
func Lookup(ctx context.Context, r dnsx.Resolver, domain string) *Result {
	s := &Result{Domain: taglist.Lower(strings.TrimSuffix(domain, "."))}
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
