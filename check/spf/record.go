// Package spf reads and evaluates Sender Policy Framework records (RFC 7208):
// a domain says in a TXT record which addresses may use its name as the
// envelope sender, and a receiver compares the connecting address with it.
//
// Parse takes a record apart and reports every fault with its place. Lookup
// selects the record of a domain. Walk follows a record through all of its
// includes and its redirect without regard to a sender, and so finds what the
// record costs in the worst case and where it is broken. Evaluate is
// check_host(): the answer for one sender, with the trace that led to it.
package spf

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
)

// Limits of an evaluation. Walk reports by them, Evaluate obeys them.
const (
	MaxLookups     = 10 // terms that ask the DNS, over the whole recursion (RFC 7208 section 4.6.4)
	MaxVoidLookups = 2  // of those, terms that find nothing (RFC 7208 section 4.6.4)
	MaxMX          = 10 // MX names of one mx mechanism; more are a permerror (RFC 7208 section 4.6.4)
	MaxPTR         = 10 // PTR names looked at; the rest are ignored (RFC 7208 section 4.6.4)
)

// A Qualifier says what a match of a directive means (RFC 7208 section 4.6.2).
type Qualifier string

// The qualifiers. A directive without one has Pass.
const (
	QualifierPass     Qualifier = "+"
	QualifierFail     Qualifier = "-"
	QualifierSoftFail Qualifier = "~"
	QualifierNeutral  Qualifier = "?"
)

// A Mechanism is the name of a mechanism in lower case (RFC 7208 section 5).
type Mechanism string

// The mechanisms.
const (
	MechanismAll     Mechanism = "all"
	MechanismInclude Mechanism = "include"
	MechanismA       Mechanism = "a"
	MechanismMX      Mechanism = "mx"
	MechanismPTR     Mechanism = "ptr"
	MechanismIP4     Mechanism = "ip4"
	MechanismIP6     Mechanism = "ip6"
	MechanismExists  Mechanism = "exists"
)

// The modifiers with a meaning (RFC 7208 section 6).
const (
	ModifierRedirect = "redirect"
	ModifierExp      = "exp"
)

// A Raw is text as it stands in the DNS; it may hold any byte. As JSON, and as
// text, a backslash is doubled and every byte that is not printable ASCII is
// written as \xNN, so that nothing is lost.
type Raw string

// MarshalText returns the escaped form; it never fails.
func (r Raw) MarshalText() ([]byte, error) {
	const digits = "0123456789abcdef"
	out := make([]byte, 0, len(r))
	for i := range len(r) {
		switch c := r[i]; {
		case c == '\\':
			out = append(out, '\\', '\\')
		case c < ' ' || c > '~':
			out = append(out, '\\', 'x', digits[c>>4], digits[c&15])
		default:
			out = append(out, c)
		}
	}
	return out, nil
}

var errEscape = errors.New("spf: broken escape in raw text")

// UnmarshalText reads the escaped form back. It fails on an escape that
// MarshalText does not write.
func (r *Raw) UnmarshalText(text []byte) error {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			out = append(out, text[i])
			continue
		}
		switch rest := text[i+1:]; {
		case len(rest) >= 1 && rest[0] == '\\':
			out = append(out, '\\')
			i++
		case len(rest) >= 3 && rest[0] == 'x':
			n, err := strconv.ParseUint(string(rest[1:3]), 16, 8)
			if err != nil {
				return errEscape
			}
			out = append(out, byte(n))
			i += 3
		default:
			return errEscape
		}
	}
	*r = Raw(out)
	return nil
}

// A Term is the place of a directive or modifier in its record.
type Term struct {
	Text   Raw `json:"text"`   // as written
	Offset int `json:"offset"` // bytes from the start of the record
	Length int `json:"length"` // bytes
}

// A Directive is a mechanism with its qualifier (RFC 7208 section 4.6.1).
type Directive struct {
	Term
	Qualifier Qualifier
	Mechanism Mechanism
	Domain    MacroString  // the domain-spec; empty where none is given
	Network   netip.Prefix // of ip4 and ip6: the address as written, and the prefix length
	Prefix4   int          // of a and mx: ip4-cidr-length, 32 where none is given
	Prefix6   int          // of a and mx: ip6-cidr-length, 128 where none is given
}

// Cost returns how many of the MaxLookups the directive uses: 1 for include,
// a, mx, ptr and exists, 0 for the others (RFC 7208 section 4.6.4).
func (d Directive) Cost() int {
	switch d.Mechanism {
	case MechanismInclude, MechanismA, MechanismMX, MechanismPTR, MechanismExists:
		return 1
	}
	return 0
}

// String returns the directive in its shortest form, the mechanism in lower case.
func (d Directive) String() string {
	var b strings.Builder
	if d.Qualifier != QualifierPass {
		b.WriteString(string(d.Qualifier))
	}
	b.WriteString(string(d.Mechanism))
	switch d.Mechanism {
	case MechanismIP4, MechanismIP6:
		b.WriteString(":" + d.Network.Addr().String())
		if d.Network.Bits() < d.Network.Addr().BitLen() {
			b.WriteString("/" + strconv.Itoa(d.Network.Bits()))
		}
		return b.String()
	}
	if d.Domain.Text != "" {
		b.WriteString(":" + d.Domain.Text)
	}
	switch d.Mechanism {
	case MechanismA, MechanismMX:
		if d.Prefix4 < 32 {
			b.WriteString("/" + strconv.Itoa(d.Prefix4))
		}
		if d.Prefix6 < 128 {
			b.WriteString("//" + strconv.Itoa(d.Prefix6))
		}
	}
	return b.String()
}

// A Modifier is a name with a value (RFC 7208 section 6). Those with a name
// other than redirect and exp have no effect.
type Modifier struct {
	Term
	Name  string      // in lower case
	Value MacroString // of redirect and exp a domain-spec
}

// String returns the modifier with its name in lower case.
func (m Modifier) String() string { return m.Name + "=" + m.Value.Text }

// A Record is a parsed SPF record: the terms that could be read.
type Record struct {
	Text       Raw
	Directives []Directive // in order
	Modifiers  []Modifier  // in order, the unknown ones too
}

// Modifier returns the first modifier with the name, nil if there is none.
func (r *Record) Modifier(name string) *Modifier {
	for i := range r.Modifiers {
		if r.Modifiers[i].Name == name {
			return &r.Modifiers[i]
		}
	}
	return nil
}

// All returns the first directive with the mechanism all, nil if there is none.
// Nothing behind it is ever looked at (RFC 7208 section 5.1).
func (r *Record) All() *Directive {
	for i := range r.Directives {
		if r.Directives[i].Mechanism == MechanismAll {
			return &r.Directives[i]
		}
	}
	return nil
}

// Redirect returns the redirect modifier, nil if there is none or if it has no
// effect because of all (RFC 7208 section 6.1).
func (r *Record) Redirect() *Modifier {
	if r.All() != nil {
		return nil
	}
	return r.Modifier(ModifierRedirect)
}

// String returns the record in its shortest form, the terms in their order.
func (r *Record) String() string {
	var b strings.Builder
	b.WriteString(version)
	directives, modifiers := r.Directives, r.Modifiers
	for len(directives) > 0 || len(modifiers) > 0 {
		b.WriteByte(' ')
		if len(modifiers) == 0 || len(directives) > 0 && directives[0].Offset < modifiers[0].Offset {
			b.WriteString(directives[0].String())
			directives = directives[1:]
			continue
		}
		b.WriteString(modifiers[0].String())
		modifiers = modifiers[1:]
	}
	return b.String()
}
