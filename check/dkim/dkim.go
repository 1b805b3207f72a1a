// Package dkim reads the key records of DomainKeys Identified Mail (RFC 6376,
// with the keys and limits of RFC 8301 and RFC 8463) and finds them in the DNS.
//
// A key stands in a TXT record at <selector>._domainkey.<domain>. A domain has
// any number of selectors and no way to list them (RFC 6376 section 3.6.2.1):
// Lookup asks for a selector that is known, Guess for many that are not. That
// none of the guessed ones exists proves nothing.
package dkim

import (
	"maildoctor/check/dnsx"
	"maildoctor/check/taglist"
)

// Sizes of RSA keys in bits.
const (
	MinBits         = 1024 // below, a verifier must not accept the signature (RFC 8301 section 3.2)
	RecommendedBits = 2048 // signers should use at least that (RFC 8301 section 3.2)
	MaxBits         = 8192 // above, a key is not looked into
)

// The types of keys that this package can read, as Key.Type has them.
const (
	RSA     = "rsa"
	Ed25519 = "ed25519" // RFC 8463
)

// Reason names a fault of a key record.
type Reason string

// The faults of a key record. The ones of the notation come first; their names
// are those of package taglist.
const (
	DuplicateTag  Reason = "duplicate-tag"  // unusable (RFC 6376 section 3.2)
	MissingEquals Reason = "missing-equals" // stray text, unusable
	EmptyName     Reason = "empty-name"     // unusable
	BadName       Reason = "bad-name"       // unusable
	TooManyTags   Reason = "too-many-tags"  // unusable
	EmptyTag      Reason = "empty-tag"      // nothing between two semicolons; verifiers read over it
	BadOctet      Reason = "bad-octet"      // control or 8-bit octet; verifiers read over it

	NotAKeyRecord    Reason = "not-a-key-record"  // neither v=DKIM1 nor p=, or v= of another protocol; unusable
	VersionValue     Reason = "version-value"     // v= is not DKIM1; unusable (section 3.6.1)
	VersionNotFirst  Reason = "version-not-first" // unusable (section 3.6.1)
	UnknownKeyType   Reason = "unknown-key-type"  // k= is neither rsa nor ed25519; unusable
	MissingKey       Reason = "missing-key"       // no p=; unusable
	Base64Octet      Reason = "base64-octet"      // an octet that is not of base64; unusable
	Base64Length     Reason = "base64-length"     // one character is left over, the key is cut; unusable
	Base64Padding    Reason = "base64-padding"    // "=" missing or too many; most decoders go on
	KeyMalformed     Reason = "key-malformed"     // neither SubjectPublicKeyInfo nor RSAPublicKey; unusable
	KeyTruncated     Reason = "key-truncated"     // the structure says more octets than there are; unusable
	KeyTrailing      Reason = "key-trailing"      // octets behind the key; some verifiers refuse it
	KeyTypeMismatch  Reason = "key-type-mismatch" // p= holds another type of key than k= says; unusable
	KeyTooLarge      Reason = "key-too-large"     // more than MaxBits; unusable
	RSAModulus       Reason = "rsa-modulus"       // not a positive odd number; unusable
	RSAExponent      Reason = "rsa-exponent"      // 1, even, or more than 31 bits; unusable
	Ed25519Length    Reason = "ed25519-length"    // not 32 octets; unusable (RFC 8463 section 4.2)
	Ed25519SPKI      Reason = "ed25519-spki"      // SubjectPublicKeyInfo where the bare key belongs; unusable
	HashesUnsuitable Reason = "hashes-unsuitable" // h= has neither sha256 nor sha1; unusable
)

// A Fault is one thing wrong with a key record. Offset and Length count octets
// of the record.
type Fault struct {
	Reason   Reason         `json:"reason"`
	Tag      taglist.Octets `json:"tag,omitempty"` // as written; empty if it is about no tag
	Offset   int            `json:"offset"`
	Length   int            `json:"length"`
	Unusable bool           `json:"unusable,omitempty"` // a verifier can do nothing with the record
}

// A Key is what a key record says.
type Key struct {
	Version  bool             `json:"version"`            // v=DKIM1 is there
	Type     taglist.Octets   `json:"type"`               // k= in lower case; rsa if absent
	Bits     int              `json:"bits,omitempty"`     // size of the RSA modulus; 256 for Ed25519; 0 if unknown
	Revoked  bool             `json:"revoked,omitempty"`  // p= is empty
	Hashes   []taglist.Octets `json:"hashes,omitempty"`   // h= in lower case; none = all
	Services []taglist.Octets `json:"services,omitempty"` // s= in lower case; none = all
	Flags    []taglist.Octets `json:"flags,omitempty"`    // t= in lower case
	Notes    taglist.Octets   `json:"notes,omitempty"`    // n= as written
	Data     []byte           `json:"data,omitempty"`     // p= without base64; none if that is broken
}

// A Record is one TXT record at the name of a selector.
type Record struct {
	Text   taglist.Octets `json:"text"`
	Key    *Key           `json:"key"`
	Faults []Fault        `json:"faults,omitempty"`
}

// A Selector is what the DNS holds at the name of a selector.
type Selector struct {
	Name    taglist.Octets `json:"name"`            // as it was asked for
	Asked   string         `json:"asked,omitempty"` // the whole name; empty if it is none
	Status  dnsx.Status    `json:"status"`
	Reason  string         `json:"reason,omitempty"` // of the status failed
	Chain   []string       `json:"chain,omitempty"`  // CNAME targets followed
	Records []Record       `json:"records,omitempty"`
	Cut     int            `json:"cut,omitempty"` // TXT records beyond those kept
}

// Testing reports whether t=y is set.
func (k *Key) Testing() bool { return contains(k.Flags, "y") }

// Strict reports whether t=s is set: the domain of i= must be that of d=.
func (k *Key) Strict() bool { return contains(k.Flags, "s") }

// Mail reports whether s= allows the key to be used for mail.
func (k *Key) Mail() bool {
	return len(k.Services) == 0 || contains(k.Services, "*") || contains(k.Services, "email")
}

// Allows reports whether h= allows a hash algorithm, such as sha256.
func (k *Key) Allows(hash string) bool {
	return len(k.Hashes) == 0 || contains(k.Hashes, taglist.Octets(hash))
}

// Working reports whether a verifier that follows RFC 8301 can use the record
// to accept a signature of a message.
func (r Record) Working() bool {
	if r.Key == nil || r.Key.Revoked || !r.Key.Mail() || !r.Key.Allows("sha256") {
		return false
	}
	for _, f := range r.Faults {
		if f.Unusable {
			return false
		}
	}
	return r.Key.Type != RSA || r.Key.Bits >= MinBits
}

// IsKey reports whether the record is meant to be a key record, broken or not.
func (r Record) IsKey() bool {
	for _, f := range r.Faults {
		if f.Reason == NotAKeyRecord {
			return false
		}
	}
	return r.Key != nil
}

// HasKey reports whether one of the records is meant to be a key record.
func (s Selector) HasKey() bool {
	for _, r := range s.Records {
		if r.IsKey() {
			return true
		}
	}
	return false
}

// Working reports whether one of the records can be used.
func (s Selector) Working() bool {
	for _, r := range s.Records {
		if r.Working() {
			return true
		}
	}
	return false
}

// Dangling reports whether the name is an alias that leads to nothing.
func (s Selector) Dangling() bool { return len(s.Chain) > 0 && s.Status.Absent() }

func contains(list []taglist.Octets, want taglist.Octets) bool {
	for _, v := range list {
		if v == want {
			return true
		}
	}
	return false
}
