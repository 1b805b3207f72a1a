// Package mtasts reads SMTP MTA Strict Transport Security (RFC 8461): the
// policy by which a domain asks senders to deliver to its mail hosts only over
// TLS with a certificate that can be trusted.
//
// Two things make it up. A TXT record at _mta-sts.<domain> says that there is a
// policy and, by its id, when it changed; the policy itself is a file that the
// web server mta-sts.<domain> hands out. One without the other is of no use.
// Lookup reads the record, Discover the policy too, by a Fetch that the caller
// brings; Compare holds the mail hosts of the domain against the policy.
package mtasts

import (
	"strings"

	"maildoctor/check/dnsx"
	"maildoctor/check/taglist"
)

// Limits of what is read.
const (
	MaxPolicy = 64 << 10 // octets of a policy (RFC 8461 section 3.3)
	MaxLines  = 1000     // lines of a policy that are read
	MaxLine   = 1000     // octets of a line that is read, without its end
	MaxFaults = 64       // faults of a policy that are kept beside those that are Void
	MaxValue  = 256      // octets of a foreign text that a Fault or a Download repeats
)

// LongestMaxAge is the longest time in seconds that a policy may ask to be kept
// (RFC 8461 section 3.2).
const LongestMaxAge = 31557600

// Outcome says whether a domain has a record.
type Outcome string

// The outcomes of a lookup.
const (
	Found      Outcome = "found"
	NotFound   Outcome = "none"
	Several    Outcome = "multiple" // more than one record, which is as good as none
	CannotTell Outcome = "unknown"  // no answer
)

// Reason names a fault of a record or a policy, or something about it worth
// knowing.
type Reason string

// Reasons of a text at _mta-sts that is no record, though meant as one (RFC
// 8461 section 3.1: it does not begin with v=STSv1 and a semicolon).
const (
	VersionCase      Reason = "version-case"      // v=stsv1 or V=STSv1
	VersionValue     Reason = "version-value"     // another value, or no ";" behind it
	VersionNotFirst  Reason = "version-not-first" // another field comes first
	VersionMissing   Reason = "version-missing"   // id= without v=
	VersionQuoted    Reason = "version-quoted"    // begins with a quotation mark
	VersionSpace     Reason = "version-space"     // white space before it, or around its "="
	VersionMalformed Reason = "version-malformed" // names STSv1 in another way
)

// Faults of a record. Where package taglist has a name for one, it is that.
const (
	IDMissing Reason = "id-missing" // no id=
	IDCase    Reason = "id-case"    // ID= or the like in place of id=
	IDInvalid Reason = "id-invalid" // not 1 to 32 letters and digits

	VersionDelimiter Reason = "version-delimiter" // "v=STSv1 ;", see Parse
	DuplicateTag     Reason = "duplicate-tag"     // the first one counts
	MissingEquals    Reason = "missing-equals"    // stray text
	EmptyName        Reason = "empty-name"        // "=value"
	EmptyTag         Reason = "empty-tag"         // nothing between two semicolons
	TooManyTags      Reason = "too-many-tags"     // the rest is not read
)

// Faults of a record or a policy.
const (
	BadName    Reason = "bad-name"    // not a letter or digit, then up to 31 letters, digits, "_", "-" and "."
	BadValue   Reason = "bad-value"   // an ignored field with a value that none can have
	BadOctet   Reason = "bad-octet"   // the first control octet, or 8-bit octet of a record
	StraySpace Reason = "stray-space" // white space where the grammar has none
)

// Faults of a policy.
const (
	NoVersion  Reason = "no-version"  // no version:
	BadVersion Reason = "bad-version" // not STSv1
	NoMode     Reason = "no-mode"     // no mode:
	BadMode    Reason = "bad-mode"    // not enforce, testing or none
	NoMaxAge   Reason = "no-max-age"  // no max_age:
	BadMaxAge  Reason = "bad-max-age" // not 1 to 10 digits
	NoMX       Reason = "no-mx"       // no valid mx:, and the mode is not none

	ByteOrderMark Reason = "byte-order-mark" // the file begins with one, which spoils the first field
	TooLarge      Reason = "too-large"       // more than MaxPolicy octets; nothing is read

	MaxAgeRange  Reason = "max-age-range"  // longer than LongestMaxAge
	DuplicateKey Reason = "duplicate-key"  // the first one counts
	KeyCase      Reason = "key-case"       // a known field in other letters, such as "Mode:", which is unknown
	MissingColon Reason = "missing-colon"  // a line that is no field
	BlankLine    Reason = "blank-line"     // a line with nothing
	LineTooLong  Reason = "line-too-long"  // more than MaxLine octets; not read
	TooManyLines Reason = "too-many-lines" // more than MaxLines; the rest is not read

	MXInvalid    Reason = "mx-invalid"    // not a domain name
	MXWildcard   Reason = "mx-wildcard"   // "*" that is not all of the first label
	MXFinalDot   Reason = "mx-final-dot"  // a dot at the end
	MXList       Reason = "mx-list"       // several names in one field
	MXNotASCII   Reason = "mx-not-ascii"  // a name that is to be written with A-labels
	MXUnderscore Reason = "mx-underscore" // no part of a domain name, yet read as one
)

// A Fault is one thing about a record or a policy. Offset and Length count
// octets of it, Line its lines from 1; what is missing has the place behind
// the end and no line.
//
// A fault that is Void keeps every sender from using the record or the policy.
// The grammar has no place for most others either, and a sender that goes by
// it drops the whole for them; many pass over them. DuplicateTag, DuplicateKey
// and KeyCase break no rule.
type Fault struct {
	Reason Reason         `json:"reason"`
	Field  taglist.Octets `json:"field,omitempty"` // its name, cut after MaxValue octets
	Value  taglist.Octets `json:"value,omitempty"` // what stands at the place, cut after MaxValue octets
	Line   int            `json:"line,omitempty"`  // of a policy
	Offset int            `json:"offset"`
	Length int            `json:"length"`
	Void   bool           `json:"void,omitempty"`
}

func (r Reason) void() bool {
	switch r {
	case IDMissing, IDCase, IDInvalid, NoVersion, BadVersion, NoMode, BadMode, NoMaxAge, BadMaxAge, NoMX, ByteOrderMark, TooLarge:
		return true
	}
	return false
}

// newFault describes a fault at octets of the input.
func newFault(reason Reason, field, input string, at taglist.Span) Fault {
	return Fault{
		Reason: reason, Field: cut(field), Value: cut(input[at.Offset : at.Offset+at.Length]),
		Offset: at.Offset, Length: at.Length, Void: reason.void(),
	}
}

// cut shortens a foreign text.
func cut(s string) taglist.Octets { return taglist.Octets(s[:min(len(s), MaxValue)]) }

func anyVoid(faults []Fault) bool {
	for _, f := range faults {
		if f.Void {
			return true
		}
	}
	return false
}

// A Text is a TXT record at _mta-sts that is no MTA-STS record, but seems to be
// meant as one.
type Text struct {
	Text  taglist.Octets `json:"text"`
	Fault Fault          `json:"fault"`
}

// A Result is what MTA-STS says about a domain.
type Result struct {
	Domain  string           `json:"domain"` // in lower case
	Outcome Outcome          `json:"outcome"`
	Asked   string           `json:"asked,omitempty"` // the name below _mta-sts; empty if there cannot be one
	Status  dnsx.Status      `json:"status"`
	Reason  string           `json:"reason,omitempty"` // of the status failed
	Chain   []string         `json:"chain,omitempty"`  // CNAME targets followed
	Texts   []taglist.Octets `json:"texts,omitempty"`  // the MTA-STS records
	Near    []Text           `json:"near,omitempty"`   // texts that only look like one
	Record  *Record          `json:"record,omitempty"` // the one MTA-STS record
	Faults  []Fault          `json:"faults,omitempty"` // of Record

	Download     *Download `json:"download,omitempty"` // nil if only the record was looked up
	Policy       *Policy   `json:"policy,omitempty"`   // nil if it was not fetched
	PolicyFaults []Fault   `json:"policy_faults,omitempty"`
}

// Void reports whether there is one record that no sender uses, for its faults.
func (r *Result) Void() bool { return anyVoid(r.Faults) }

// Effective returns the mode that a sender follows who has no older policy in
// its memory, and whether it is known. It is empty if such a sender finds no
// policy that it can use; then it delivers as if there was no MTA-STS (RFC 8461
// section 3.3).
func (r *Result) Effective() (mode Mode, known bool) {
	switch {
	case r.Outcome == CannotTell:
		return "", false
	case r.Outcome != Found, r.Void():
		return "", true
	case r.Download == nil:
		return "", false
	case r.Policy == nil:
		return "", r.Download.Known
	case r.Policy.Valid:
		return r.Policy.Mode, true
	}
	return "", !r.Policy.Cut || anyVoid(r.PolicyFaults)
}

func normalize(name string) string { return taglist.Lower(strings.TrimSuffix(name, ".")) }
