package spf

// A Reason says what is wrong at a place of a record.
type Reason string

// The reasons of faults.
const (
	ReasonNotSPF            Reason = "not-spf"              // the text does not begin as a record does (RFC 7208 section 4.5)
	ReasonNotASCII          Reason = "not-ascii"            // bytes above 127 (RFC 7208 section 3.1)
	ReasonControl           Reason = "control-character"    // a tab, line end or another control character (RFC 7208 section 4.6.1)
	ReasonMissingMechanism  Reason = "missing-mechanism"    // a qualifier with nothing behind it
	ReasonUnknownMechanism  Reason = "unknown-mechanism"    // none of the eight names (RFC 7208 section 5)
	ReasonModifierName      Reason = "bad-modifier-name"    // a modifier's name is empty or begins with no letter
	ReasonModifierQualifier Reason = "qualified-modifier"   // a modifier takes no qualifier
	ReasonModifierColon     Reason = "modifier-with-colon"  // redirect or exp with a colon in place of the equals sign
	ReasonArgument          Reason = "argument-not-allowed" // all takes none (RFC 7208 section 5.1)
	ReasonPrefixNotAllowed  Reason = "prefix-not-allowed"   // include, ptr, exists, redirect and exp take none
	ReasonMissingDomain     Reason = "missing-domain"       // a domain-spec is demanded, or stands empty behind a colon
	ReasonMissingAddress    Reason = "missing-address"      // ip4 or ip6 without an address
	ReasonBadIP4            Reason = "bad-ip4"              // not four decimal numbers (RFC 7208 section 5.6)
	ReasonBadIP6            Reason = "bad-ip6"              // not an IPv6 address (RFC 7208 section 5.6)
	ReasonBadPrefix         Reason = "bad-prefix"           // not a prefix length, or out of range
	ReasonLeadingZero       Reason = "leading-zero-prefix"  // a prefix length with a leading zero
	ReasonDomainEnd         Reason = "bad-domain-end"       // the last label cannot be a top label (RFC 7208 section 7.1)
	ReasonAddressAsDomain   Reason = "address-as-domain"    // an IP address where a domain-spec belongs
	ReasonOneLabel          Reason = "one-label"            // a domain-spec of one label (RFC 7208 section 7.1)
	ReasonBadMacro          Reason = "bad-macro"            // a per cent sign that begins no macro (RFC 7208 section 7.1)
	ReasonMacroLetter       Reason = "unknown-macro"        // a letter that stands for nothing (RFC 7208 section 7.2)
	ReasonMacroExpOnly      Reason = "macro-only-in-exp"    // c, r and t belong in explanations (RFC 7208 section 7.2)
	ReasonMacroZero         Reason = "macro-zero-parts"     // to keep no part of a value (RFC 7208 section 7.3)
	ReasonMacroOpen         Reason = "macro-not-closed"     // no closing brace
	ReasonDuplicateRedirect Reason = "duplicate-redirect"   // RFC 7208 section 6
	ReasonDuplicateExp      Reason = "duplicate-exp"        // RFC 7208 section 6
)

// Reasons returns every reason there is.
func Reasons() []Reason {
	return []Reason{
		ReasonNotSPF,
		ReasonNotASCII,
		ReasonControl,
		ReasonMissingMechanism,
		ReasonUnknownMechanism,
		ReasonModifierName,
		ReasonModifierQualifier,
		ReasonModifierColon,
		ReasonArgument,
		ReasonPrefixNotAllowed,
		ReasonMissingDomain,
		ReasonMissingAddress,
		ReasonBadIP4,
		ReasonBadIP6,
		ReasonBadPrefix,
		ReasonLeadingZero,
		ReasonDomainEnd,
		ReasonAddressAsDomain,
		ReasonOneLabel,
		ReasonBadMacro,
		ReasonMacroLetter,
		ReasonMacroExpOnly,
		ReasonMacroZero,
		ReasonMacroOpen,
		ReasonDuplicateRedirect,
		ReasonDuplicateExp,
	}
}

// MaxFaults is how many faults Parse reports of one record.
const MaxFaults = 100

// A Fault is one thing that makes a record a permerror (RFC 7208 section 4.6).
type Fault struct {
	Reason Reason `json:"reason"`
	Term   Raw    `json:"term"`   // the whole term, as written
	Offset int    `json:"offset"` // of what is wrong, in bytes from the start of the record
	Length int    `json:"length"` // in bytes; 0 where something is missing
}
