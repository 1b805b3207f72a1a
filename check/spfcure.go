package check

import (
	"net/netip"
	"slices"
	"strings"

	"maildoctor/check/spf"
)

// softAll stands at the end of a record that is proposed, unless the owner has
// -all there.
const softAll = "~all"

// openings returns the terms by which any address passes.
func openings(n *spf.Node) []string {
	if !n.Grants || len(n.Records) != 1 {
		return nil
	}
	var out []string
	for _, s := range n.Steps {
		everybody := slices.ContainsFunc(s.Prefixes, func(p netip.Prefix) bool { return p.Bits() == 0 })
		if s.Qualifier == spf.QualifierPass && !s.NeverReached && (s.Kind == string(spf.MechanismAll) || everybody) {
			out = append(out, string(s.Text))
		}
	}
	return out
}

// closed is the record without terms that are faulty or let everybody pass, and
// with an all that does not.
func closed(n *spf.Node) string {
	drop := openings(n)
	for _, fault := range n.Faults {
		drop = append(drop, string(fault.Term))
	}
	all := softAll
	if n.All == spf.QualifierFail {
		all = "-all"
	}
	var out []string
	for _, term := range strings.Fields(string(n.Records[0])) {
		switch isAll := strings.EqualFold(strings.TrimLeft(term, "+-~?"), "all"); {
		case isAll && !slices.Contains(out, all):
			out = append(out, all)
		case !isAll && !slices.Contains(drop, term):
			out = append(out, term)
		}
	}
	if n.Redirect() == nil && !slices.Contains(out, all) {
		out = append(out, all)
	}
	return strings.Join(out, " ")
}

// A change is what stands in place of a term, nothing if it is empty.
type change struct {
	term spf.Term
	with string
}

// only is the SPF record of a node, empty if it has none or several.
func only(n *spf.Node) string {
	if len(n.Records) != 1 {
		return ""
	}
	return string(n.Records[0])
}

// edited is a record with some terms changed, and without those that are faulty
// or are there once more than they may.
func edited(record string, changes ...change) string {
	var out, once []string
	for i, t := range termsIn(record) {
		with := string(t.Text)
		for _, c := range changes {
			if c.term.Offset == t.Offset {
				with = c.with
			}
		}
		if i == 0 {
			out = append(out, with)
			continue
		}
		alone, faults := spf.Parse("v=spf1 " + with)
		if with == "" || len(faults) > 0 {
			continue
		}
		if len(alone.Modifiers) > 0 {
			name := alone.Modifiers[0].Name
			if slices.Contains(once, name) {
				continue
			}
			if name == spf.ModifierRedirect || name == spf.ModifierExp { // RFC 7208 section 6
				once = append(once, name)
			}
		}
		out = append(out, with)
	}
	return strings.Join(out, " ")
}

// termsIn takes a record apart at its spaces; the first term is the version.
func termsIn(record string) []spf.Term {
	var out []spf.Term
	for offset := 0; offset < len(record); {
		end := strings.IndexByte(record[offset:], ' ')
		if end < 0 {
			end = len(record) - offset
		}
		if end > 0 {
			out = append(out, spf.Term{Text: spf.Raw(record[offset : offset+end]), Offset: offset, Length: end})
		}
		offset += end + 1
	}
	return out
}

// joined is one record in place of several: the terms of all of them, each once,
// and a pass in place of another qualifier of the same term. It ends in -all if
// all of them do. A redirect becomes an include.
func joined(records []spf.Raw) string {
	var terms []spf.Directive
	var modifiers []string
	places := map[string]int{} // of what is there already, from 1
	all := "-all"
	for _, text := range records {
		record, _ := spf.Parse(string(text))
		directives := record.Directives
		if m := record.Redirect(); m != nil {
			directives = append(directives, spf.Directive{Mechanism: spf.MechanismInclude, Qualifier: spf.QualifierPass, Domain: m.Value})
		}
		if end := record.All(); end == nil || end.Qualifier != spf.QualifierFail {
			all = softAll
		}
		for _, d := range directives {
			if d.Mechanism == spf.MechanismAll {
				break
			}
			plain := d
			plain.Qualifier = spf.QualifierPass
			place := strings.ToLower(plain.String())
			switch i := places[place]; {
			case i == 0:
				terms = append(terms, d)
				places[place] = len(terms)
			case d.Qualifier == spf.QualifierPass:
				terms[i-1].Qualifier = d.Qualifier
			}
		}
		for _, m := range record.Modifiers {
			if place := m.Name + "="; m.Name != spf.ModifierRedirect && places[place] == 0 {
				modifiers = append(modifiers, m.String())
				places[place] = len(modifiers)
			}
		}
	}
	out := []string{"v=spf1"}
	for _, d := range terms {
		out = append(out, d.String())
	}
	return edited(strings.Join(append(append(out, all), modifiers...), " "))
}

// withoutDead is the record of a node without the terms that lead to a domain
// without a record. In place of a redirect stands an end. One that names nobody
// any more does not say that nobody sends.
func withoutDead(n *spf.Node) string {
	var changes []change
	for _, s := range n.Steps {
		if isDead(&s) {
			c := change{term: s.Term}
			if s.Kind == spf.ModifierRedirect {
				c.with = softAll
			}
			changes = append(changes, c)
		}
	}
	record := edited(only(n), changes...)
	if strings.EqualFold(record, "v=spf1 -all") {
		return "v=spf1 " + softAll
	}
	return record
}

// isDead reports whether a step leads to a domain without a record.
func isDead(s *spf.Step) bool {
	return !s.NeverReached && !s.Ignored && s.Child != nil && s.Child.Outcome == spf.None
}

// A lostTerm is an a, mx or exists that finds nothing.
type lostTerm struct {
	*spf.Step
	why  string
	with string // what may be meant; empty for nothing
}

// Why a term finds nothing.
const (
	lostRecord = "no-such-record"
	lostMX     = "no-mx-record"   // the target has an address: a finds it
	lostName   = "name-of-record" // mx stands for the name where the record is, and the domain has mail hosts
)

// lostTerms returns the terms of a record that find nothing, whoever sends.
func (f *Facts) lostTerms(n *spf.Node) []lostTerm {
	record, _ := spf.Parse(only(n))
	var out []lostTerm
	for i := range n.Steps {
		s := &n.Steps[i]
		if !s.Void || s.Child != nil || i >= len(record.Directives) {
			continue
		}
		lost, d := lostTerm{Step: s, why: lostRecord}, record.Directives[i]
		switch bare := d.Domain.Text == ""; {
		case d.Mechanism != spf.MechanismMX:
		case bare && n.Domain != f.SPF.Domain && f.hasMX():
			d.Domain.Text = f.SPF.Domain
			lost.why, lost.with = lostName, d.String()
		case s.Addressed:
			d.Mechanism = spf.MechanismA
			lost.why, lost.with = lostMX, d.String()
		}
		out = append(out, lost)
	}
	return out
}

// hasMX reports whether the domain has MX records that name hosts.
func (f *Facts) hasMX() bool { return f.MX != nil && len(f.MX.Hosts) > 0 && !f.MX.Implicit }

// handedBack is the record of a node that includes what it redirects to, and
// has an end of its own.
func handedBack(n *spf.Node) string {
	redirect := n.Redirect()
	_, target, _ := strings.Cut(string(redirect.Text), "=")
	return edited(only(n), change{term: redirect.Term}) + " include:" + target + " " + softAll
}

// named returns a term for a sending address: the include of the domain's record
// that holds it, else the address itself.
func (f *Facts) named(ip netip.Addr) string {
	if f.SPF != nil && f.SPF.Root != nil {
		for _, s := range f.SPF.Root.Steps {
			if s.Kind == string(spf.MechanismInclude) && s.Qualifier == spf.QualifierPass && grants(s.Child, ip) {
				return string(s.Text)
			}
		}
	}
	return literal(ip)
}

// literal is the ip4 or ip6 of an address.
func literal(ip netip.Addr) string {
	if ip.Is6() {
		return "ip6:" + ip.String()
	}
	return "ip4:" + ip.String()
}

// grants reports whether some term at or below a node lets an address pass.
func grants(n *spf.Node, ip netip.Addr) bool {
	if n == nil {
		return false
	}
	for _, s := range n.Steps {
		holds := s.Qualifier == spf.QualifierPass && slices.ContainsFunc(s.Prefixes, func(p netip.Prefix) bool { return p.Contains(ip) })
		if n.Grants && holds || grants(s.Child, ip) {
			return true
		}
	}
	return false
}
