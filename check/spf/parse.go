package spf

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

const version = "v=spf1"

// IsRecord reports whether a TXT record is an SPF record: the version in any
// case, then a space or the end (RFC 7208 section 4.5).
func IsRecord(s string) bool {
	return len(s) >= len(version) && strings.EqualFold(s[:len(version)], version) &&
		(len(s) == len(version) || s[len(version)] == ' ')
}

// Parse reads a whole record. The record returned is never nil and holds the
// terms without a fault; the faults are in the order of their offsets. Reading
// ends after MaxFaults. One fault makes the record a permerror for every sender,
// wherever it stands (RFC 7208 section 4.6).
func Parse(s string) (*Record, []Fault) {
	p := parser{record: &Record{Text: Raw(s)}}
	if !IsRecord(s) {
		p.term = Term{Text: Raw(s), Length: len(s)}
		p.fault(ReasonNotSPF, 0, min(len(s), len(version)))
		return p.record, p.faults
	}
	for start := len(version); start < len(s) && len(p.faults) < MaxFaults; {
		if s[start] == ' ' {
			start++
			continue
		}
		end := len(s)
		if n := strings.IndexByte(s[start:], ' '); n >= 0 {
			end = start + n
		}
		p.term = Term{Text: Raw(s[start:end]), Offset: start, Length: end - start}
		p.parseTerm(s[start:end])
		start = end
	}
	slices.SortStableFunc(p.faults, func(a, b Fault) int { return a.Offset - b.Offset })
	return p.record, p.faults
}

// A parser collects the terms of one record and its faults.
type parser struct {
	record *Record
	faults []Fault
	term   Term // being read
}

// fault notes a fault at an offset in the term being read.
func (p *parser) fault(reason Reason, offset, length int) {
	if len(p.faults) < MaxFaults {
		p.faults = append(p.faults, Fault{Reason: reason, Term: p.term.Text, Offset: p.term.Offset + offset, Length: length})
	}
}

func (p *parser) parseTerm(s string) {
	if !p.visible(s) {
		return
	}
	qualifier, skip := QualifierPass, 0
	if strings.IndexByte("+-~?", s[0]) >= 0 {
		qualifier, skip = Qualifier(s[:1]), 1
	}
	name, rest := splitName(s[skip:])
	if strings.HasPrefix(rest, "=") {
		if skip > 0 {
			p.fault(ReasonModifierQualifier, 0, 1)
			return
		}
		p.modifier(name, rest[1:])
		return
	}
	if name == "" && rest == "" {
		p.fault(ReasonMissingMechanism, skip, 0)
		return
	}
	d := Directive{
		Term:      p.term,
		Qualifier: qualifier,
		Mechanism: Mechanism(strings.ToLower(name)),
		Prefix4:   32,
		Prefix6:   128,
	}
	before := len(p.faults)
	p.directive(&d, skip+len(name), rest)
	if len(p.faults) == before {
		p.record.Directives = append(p.record.Directives, d)
	}
}

// visible reports whether s holds visible ASCII only; each run of other bytes
// is a fault (RFC 7208 sections 3.1 and 4.6.1).
func (p *parser) visible(s string) bool {
	class := func(c byte) Reason {
		switch {
		case c >= 0x80:
			return ReasonNotASCII
		case c < 0x21 || c == 0x7f:
			return ReasonControl
		}
		return ""
	}
	ok := true
	for i := 0; i < len(s); {
		reason, start := class(s[i]), i
		for i < len(s) && class(s[i]) == reason {
			i++
		}
		if reason != "" {
			p.fault(reason, start, i-start)
			ok = false
		}
	}
	return ok
}

// splitName splits a term behind the longest run of characters that a name may
// hold (RFC 7208 section 4.6.1).
func splitName(s string) (name, rest string) {
	for i := range len(s) {
		if c := s[i]; !isAlpha(c) && !isDigit(c) && strings.IndexByte("-_.", c) < 0 {
			return s[:i], s[i:]
		}
	}
	return s, ""
}

// modifier reads a modifier with the name; value follows the equals sign.
func (p *parser) modifier(name, value string) {
	// RFC 7208 section 4.6.1
	if name == "" || !isAlpha(name[0]) {
		p.fault(ReasonModifierName, 0, len(name))
		return
	}
	m := Modifier{Term: p.term, Name: strings.ToLower(name)}
	at := len(name) + 1
	before := len(p.faults)
	switch m.Name {
	case ModifierRedirect, ModifierExp:
		// RFC 7208 section 6
		if p.record.Modifier(m.Name) != nil {
			reason := ReasonDuplicateRedirect
			if m.Name == ModifierExp {
				reason = ReasonDuplicateExp
			}
			p.fault(reason, 0, p.term.Length)
		}
		m.Value = p.domainSpec(value, at, false)
	default:
		m.Value = p.macroString(value, at)
	}
	if len(p.faults) == before {
		p.record.Modifiers = append(p.record.Modifiers, m)
	}
}

// directive reads what follows the name of a mechanism; rest stands at the
// offset at in the term.
func (p *parser) directive(d *Directive, at int, rest string) {
	argument, hasArgument := strings.CutPrefix(rest, ":")
	switch d.Mechanism {
	case MechanismAll:
		if rest != "" {
			p.fault(ReasonArgument, at, len(rest))
		}
	case MechanismInclude, MechanismExists:
		switch {
		case hasArgument:
			d.Domain = p.domainSpec(argument, at+1, false)
		case strings.HasPrefix(rest, "/"):
			p.fault(ReasonPrefixNotAllowed, at, len(rest))
		case rest == "":
			p.fault(ReasonMissingDomain, at, 0)
		default:
			p.fault(ReasonUnknownMechanism, 0, p.term.Length)
		}
	case MechanismPTR:
		switch {
		case hasArgument:
			d.Domain = p.domainSpec(argument, at+1, false)
		case strings.HasPrefix(rest, "/"):
			p.fault(ReasonPrefixNotAllowed, at, len(rest))
		case rest != "":
			p.fault(ReasonUnknownMechanism, 0, p.term.Length)
		}
	case MechanismA, MechanismMX:
		switch {
		case hasArgument:
			domain := p.dualPrefix(d, argument, at+1)
			d.Domain = p.domainSpec(domain, at+1, true)
		case strings.HasPrefix(rest, "/"):
			if left := p.dualPrefix(d, rest, at); left != "" {
				p.fault(ReasonBadPrefix, at, len(rest))
			}
		case rest != "":
			p.fault(ReasonUnknownMechanism, 0, p.term.Length)
		}
	case MechanismIP4, MechanismIP6:
		switch {
		case hasArgument:
			p.network(d, argument, at+1)
		case rest == "" || rest[0] == '/':
			p.fault(ReasonMissingAddress, at, 0)
		default:
			p.fault(ReasonUnknownMechanism, 0, p.term.Length)
		}
	case ModifierRedirect, ModifierExp:
		reason := ReasonUnknownMechanism
		if hasArgument {
			reason = ReasonModifierColon
		}
		p.fault(reason, 0, p.term.Length)
	default:
		p.fault(ReasonUnknownMechanism, 0, p.term.Length)
	}
}

// network reads the address and prefix length of ip4 and ip6 (RFC 7208
// section 5.6).
func (p *parser) network(d *Directive, s string, at int) {
	address, length, hasLength := strings.Cut(s, "/")
	if address == "" {
		p.fault(ReasonMissingAddress, at, 0)
		return
	}
	reason, bits := ReasonBadIP4, 32
	if d.Mechanism == MechanismIP6 {
		reason, bits = ReasonBadIP6, 128
	}
	addr, err := netip.ParseAddr(address)
	if err != nil || addr.BitLen() != bits || addr.Zone() != "" {
		p.fault(reason, at, len(address))
	}
	if hasLength {
		bits = p.prefixLength(length, at+len(address)+1, bits)
	}
	if err == nil {
		d.Network = netip.PrefixFrom(addr, bits)
	}
}

// prefixLength reads a prefix length of at most bits.
func (p *parser) prefixLength(s string, at, bits int) int {
	n, err := strconv.ParseUint(s, 10, 8)
	switch {
	case err != nil || n > uint64(bits):
		p.fault(ReasonBadPrefix, at, len(s))
		return bits
	case len(s) > 1 && s[0] == '0':
		p.fault(ReasonLeadingZero, at, len(s))
		return bits
	}
	return int(n)
}

// dualPrefix takes the dual-cidr-length off the end of s and returns what is
// left of it (RFC 7208 section 5.3).
func (p *parser) dualPrefix(d *Directive, s string, at int) string {
	rest, four, six := splitDualPrefix(s)
	if four != "" {
		d.Prefix4 = p.prefixLength(four[1:], at+len(rest)+1, 32)
	}
	if six != "" {
		d.Prefix6 = p.prefixLength(six[2:], at+len(rest)+len(four)+2, 128)
	}
	return rest
}

// splitDualPrefix splits "host/24//64" into "host", "/24" and "//64". A part
// that is not there is empty. Of "host/24/64" nothing is split off.
func splitDualPrefix(s string) (rest, four, six string) {
	rest = s
	if n := lengthSuffix(rest); n > 1 && strings.HasSuffix(rest[:len(rest)-n], "/") {
		rest, six = s[:len(s)-n-1], s[len(s)-n-1:]
	}
	n := lengthSuffix(rest)
	before := rest[:len(rest)-n]
	if n == 0 || strings.HasSuffix(before, "/") {
		return rest, "", six
	}
	if lengthSuffix(before) > 0 {
		return s, "", ""
	}
	return before, rest[len(before):], six
}

// lengthSuffix returns how long the slash and digits at the end of s are, 0 if
// there are none.
func lengthSuffix(s string) int {
	head := strings.TrimRight(s, "0123456789")
	if len(head) == len(s) || !strings.HasSuffix(head, "/") {
		return 0
	}
	return len(s) - len(head) + 1
}

// macroString reads s, which stands at the offset at in the term.
func (p *parser) macroString(s string, at int) MacroString {
	m, faults := parseMacroString(s, false)
	for _, f := range faults {
		p.fault(f.Reason, at+f.Offset, f.Length)
	}
	return m
}

// domainSpec reads a domain-spec (RFC 7208 section 7.1), which stands at the
// offset at in the term. prefixed tells that a prefix length may follow it.
func (p *parser) domainSpec(s string, at int, prefixed bool) MacroString {
	if s == "" {
		p.fault(ReasonMissingDomain, at, 0)
		return MacroString{}
	}
	before := len(p.faults)
	m := p.macroString(s, at)
	if len(p.faults) > before || m.macroLast {
		return m
	}
	name := strings.TrimSuffix(s, ".")
	last := strings.LastIndexByte(name, '.')
	if last >= 0 && isTopLabel(name[last+1:]) {
		return m
	}
	if slash := strings.IndexByte(name[last+1:], '/'); slash >= 0 {
		reason := ReasonPrefixNotAllowed
		if prefixed {
			reason = ReasonBadPrefix
		}
		slash += last + 1
		p.fault(reason, at+slash, p.term.Length-at-slash)
		return m
	}
	if _, err := netip.ParseAddr(s); err == nil {
		p.fault(ReasonAddressAsDomain, at, len(s))
		return m
	}
	if last < 0 && isTopLabel(name) {
		p.fault(ReasonOneLabel, at, len(s))
		return m
	}
	p.fault(ReasonDomainEnd, at+last+1, len(s)-last-1)
	return m
}

// isTopLabel reports whether s is a toplabel: letters, digits and inner
// hyphens, not digits alone (RFC 7208 section 7.1).
func isTopLabel(s string) bool {
	if s == "" || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	numeric := true
	for i := range len(s) {
		if !isDigit(s[i]) {
			numeric = false
			if !isAlpha(s[i]) && s[i] != '-' {
				return false
			}
		}
	}
	return !numeric
}
