// Package bimi reads Brand Indicators for Message Identification
// (draft-brand-indicators-for-message-identification): the record by which a
// domain names a logo to be shown beside its authenticated mail, the logo
// itself, and the mark certificate that vouches for it.
//
// The record stands in a TXT record at <selector>._bimi.<domain>, else at the
// same place of the organisational domain. Its tag l= leads to a picture in
// the profile SVG Tiny PS (draft-svg-tiny-ps-abrotman), and a= to a file with
// a certificate (draft-fetch-validation-vmc-wchuang) that holds the same
// picture. Discover finds the record; FetchLogo and FetchCertificate read the two.
package bimi

import (
	"maildoctor/check/dnsx"
	"maildoctor/check/taglist"
)

// DefaultSelector is the selector of mail that names no other.
const DefaultSelector = "default"

// Limits of what is read.
const (
	MaxAdvised  = 32 << 10  // octets that a logo should have at most, unpacked (draft-svg-tiny-ps-abrotman section 2.4)
	MaxLogo     = 128 << 10 // octets of a logo that are looked at, packed and unpacked
	MaxEmbedded = 64 << 10  // octets of the unpacked logo in a certificate
	MaxPEM      = 64 << 10  // octets of a certificate file that are looked at
	MaxBlocks   = 10        // PEM blocks of it
	MaxDepth    = 100       // elements of a logo inside each other
	MaxTokens   = 100_000   // XML tokens of a logo
	MaxTitle    = 64        // characters that a title should have at most (section 2.1)
	MaxFaults   = 32        // faults of a logo or certificate that are kept
	MaxText     = 256       // octets of a foreign word that are kept
	MaxNames    = 100       // names of a certificate that are kept
	MaxPrefixes = 32        // prefixes of lps= that are kept
)

// Outcome says whether a record applies to a domain.
type Outcome string

// The outcomes of discovery.
const (
	Found      Outcome = "found"
	NotFound   Outcome = "none"     // no record, neither of the domain nor of the organisational domain
	Several    Outcome = "multiple" // more than one record, which is as good as none
	CannotTell Outcome = "unknown"  // a name that matters gave no answer
)

// Reason names a fault of a record.
type Reason string

// The faults of a record. Those of the notation come first; their names are
// those of package taglist.
const (
	DuplicateTag  Reason = "duplicate-tag"
	MissingEquals Reason = "missing-equals"
	EmptyName     Reason = "empty-name"
	BadName       Reason = "bad-name"
	TooManyTags   Reason = "too-many-tags"
	EmptyTag      Reason = "empty-tag" // readers pass over it
	BadOctet      Reason = "bad-octet" // readers pass over it

	LocationMissing Reason = "location-missing" // no l=
	LocationEmpty   Reason = "location-empty"   // l= is empty and a= is not
	LocationFormat  Reason = "location-format"  // l= leads to a picture that is no SVG
	URLScheme       Reason = "url-scheme"       // not https
	URLMalformed    Reason = "url-malformed"    // not a URI (RFC 3986)
	URLHost         Reason = "url-host"         // no domain name with a dot for a host
	URLSeveral      Reason = "url-several"      // more than one, with commas between them
	URLComma        Reason = "url-comma"        // a comma that was to be encoded; readers pass over it
	PrefixInvalid   Reason = "prefix-invalid"   // lps= has something else than letters, digits and hyphens
	TooManyPrefixes Reason = "too-many-prefixes"
	AvatarInvalid   Reason = "avatar-invalid" // avp= is neither brand nor personal; the default counts

	// Why a text is no BIMI record that seems to be meant as one.
	VersionCase      Reason = "version-case"
	VersionValue     Reason = "version-value"
	VersionNotFirst  Reason = "version-not-first"
	VersionLeadSpace Reason = "version-lead-space"
	VersionMissing   Reason = "version-missing"
)

// A Fault is one thing wrong with a record. Offset and Length count octets of
// the record.
type Fault struct {
	Reason Reason         `json:"reason"`
	Tag    taglist.Octets `json:"tag,omitempty"`   // as written
	Value  taglist.Octets `json:"value,omitempty"` // what stands at the place, cut after MaxText octets
	Offset int            `json:"offset"`
	Length int            `json:"length"`
	Void   bool           `json:"void,omitempty"` // the record is an error, and readers may not repair it (section 4.3)
}

// A Record is what a BIMI record says.
type Record struct {
	Location   taglist.Octets   `json:"location,omitempty"`  // l= as written
	Authority  taglist.Octets   `json:"authority,omitempty"` // a= as written
	LogoURL    string           `json:"logo_url,omitempty"`  // l= if it can be fetched
	CertURL    string           `json:"cert_url,omitempty"`  // a= if it can be fetched
	LocalParts bool             `json:"local_parts,omitempty"`
	Prefixes   []taglist.Octets `json:"prefixes,omitempty"` // of lps=, at most MaxPrefixes; none with LocalParts = every local part
	Personal   bool             `json:"personal,omitempty"` // avp=personal
	Declined   bool             `json:"declined,omitempty"` // l= and a= are empty: no logo, on purpose
}

// A Text is a TXT record that is no BIMI record, but seems to be meant as one.
type Text struct {
	Text  taglist.Octets `json:"text"`
	Fault Fault          `json:"fault"`
}

// A Step is one name that was asked for a record.
type Step struct {
	Domain string           `json:"domain"`
	Asked  string           `json:"asked,omitempty"` // the name below _bimi; empty if there cannot be one
	Status dnsx.Status      `json:"status"`
	Reason string           `json:"reason,omitempty"` // of the status failed
	Chain  []string         `json:"chain,omitempty"`  // CNAME targets followed
	Texts  []taglist.Octets `json:"texts,omitempty"`  // the BIMI records
	Near   []Text           `json:"near,omitempty"`   // texts that only look like one
	Record *Record          `json:"record,omitempty"` // the one BIMI record
	Faults []Fault          `json:"faults,omitempty"` // of Record
}

// Void reports whether receivers drop the record for its faults.
func (s *Step) Void() bool {
	for _, f := range s.Faults {
		if f.Void {
			return true
		}
	}
	return false
}

// A Result is what BIMI says about a domain and one selector.
type Result struct {
	Domain   string  `json:"domain"`   // in lower case
	Selector string  `json:"selector"` // in lower case
	Outcome  Outcome `json:"outcome"`
	Steps    []Step  `json:"steps"` // the domain, then its organisational domain if that was asked too

	Logo        *LogoFile        `json:"logo,omitempty"`        // what l= leads to
	Certificate *CertificateFile `json:"certificate,omitempty"` // what a= leads to
}

// Step returns the step that has the record or the records, or nil.
func (r *Result) Step() *Step {
	for i := range r.Steps {
		if len(r.Steps[i].Texts) > 0 {
			return &r.Steps[i]
		}
	}
	return nil
}

// Record returns the record that applies, or nil.
func (r *Result) Record() *Record {
	if s := r.Step(); s != nil {
		return s.Record
	}
	return nil
}

// SamePicture reports whether the picture of the record and that of the
// certificate are the same, and whether both are known.
func (r *Result) SamePicture() (same, known bool) {
	if r.Logo == nil || r.Certificate == nil || r.Logo.Picture == nil ||
		r.Certificate.Mark == nil || r.Certificate.Mark.Picture == nil {
		return false, false
	}
	a, b := r.Logo.Picture.SHA256, r.Certificate.Mark.Picture.SHA256
	return a == b, a != "" && b != ""
}

// cut shortens a foreign text.
func cut(s string) taglist.Octets { return taglist.Octets(s[:min(len(s), MaxText)]) }
