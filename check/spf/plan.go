package spf

import (
	"net/netip"
	"slices"
	"strings"
)

// A planner says what may stand in place of terms.
type planner struct {
	own func(name string) bool
}

// part returns a part that takes what is known from a step.
func (p planner) part(text, name string, s *Step) part {
	out := part{text: text, name: name, step: s, run: s.Qualifier, own: s.isLiteral() || p.owns(s), cost: s.Cost}
	if s.Child != nil {
		out.cost += s.Child.Lookups
	}
	return out
}

// literal returns the ip4 or ip6 for a prefix.
func (p planner) literal(q Qualifier, prefix netip.Prefix) part {
	prefix = prefix.Masked()
	d := Directive{Qualifier: q, Mechanism: MechanismIP4, Network: prefix}
	if prefix.Addr().Is6() {
		d.Mechanism = MechanismIP6
	}
	s := &Step{Kind: string(d.Mechanism), Qualifier: q, Prefixes: []netip.Prefix{prefix}}
	return p.part(d.String(), s.name(d, ""), s)
}

// isLiteral reports whether the part is an ip4 or ip6.
func (p part) isLiteral() bool {
	return p.step != nil && p.step.isLiteral() && len(p.step.Prefixes) == 1
}

// names reports whether the part is an ip4 or ip6 that holds a prefix.
func (p part) names(prefix netip.Prefix) bool {
	if !p.isLiteral() {
		return false
	}
	own := p.step.Prefixes[0]
	return own.Bits() <= prefix.Bits() && own.Contains(prefix.Addr())
}

// owns reports whether a step is an a or mx whose addresses, all of them known,
// are for the owner to choose.
func (p planner) owns(s *Step) bool {
	return !s.isLiteral() && s.isAddresses() && !s.Alias && p.own(s.Target) &&
		s.MX == len(s.Exchanges) && !slices.ContainsFunc(s.Exchanges, func(host string) bool { return !p.own(host) })
}

// ownsRecord reports whether the record that a step leads to is the owner's.
func (p planner) ownsRecord(s *Step) bool {
	return s.Child != nil && !s.Child.Alias && p.own(s.Target)
}

// instead returns what may stand in place of a directive. The action is empty
// if nothing may.
func (p planner) instead(s *Step, d Directive, depth int) ([]part, Action) {
	switch {
	case s.Malformed && s.Child == nil:
		return nil, ActionDropVoid
	case p.owns(s) && len(s.Prefixes) == 0:
		return nil, ActionDropVoid
	case p.owns(s) && len(s.Prefixes) <= MaxReplaced:
		var out []part
		for _, prefix := range s.Prefixes {
			out = append(out, p.literal(s.Qualifier, prefix))
		}
		return out, ActionReplace
	case d.Mechanism == MechanismInclude && p.ownsRecord(s):
		parts, ok := p.included(s.Child, s.Qualifier, depth+1)
		switch {
		case !ok:
			return nil, ""
		case len(parts) == 0:
			return nil, ActionDropVoid
		}
		return parts, ActionDissolve
	}
	return nil, ""
}

// included returns the terms that match whom an include of a record matches,
// with its qualifier; false if there are no such terms. All that an include asks
// is who passes (RFC 7208 section 5.2): an all that lets nobody pass adds
// nothing, but other terms that let nobody pass may stand in the way of those
// behind them.
func (p planner) included(n *Node, q Qualifier, depth int) ([]part, bool) {
	if depth > MaxDepth {
		return nil, false
	}
	record, _ := Parse(string(n.Records[0]))
	var out []part
	for i := range n.Steps {
		s := &n.Steps[i]
		switch {
		case s.Kind == ModifierRedirect && s.Ignored:
			continue
		case s.Kind == ModifierRedirect:
			parts, ok := p.handedOn(s, q, depth)
			if !ok {
				return nil, false
			}
			out = append(out, parts...)
			continue
		case i >= len(record.Directives):
			return nil, false
		case s.Kind == string(MechanismAll):
			return out, s.Qualifier != QualifierPass
		case s.Qualifier != QualifierPass:
			return nil, false
		}
		parts, ok := p.moved(s, record.Directives[i], q, depth)
		if !ok {
			return nil, false
		}
		out = append(out, parts...)
	}
	return out, true
}

// handedOn returns the terms that match whom a redirect in an included record
// lets pass: an include of its target does the same, and ends in an error in the
// same cases (RFC 7208 sections 5.2 and 6.1).
func (p planner) handedOn(s *Step, q Qualifier, depth int) ([]part, bool) {
	if s.Child == nil {
		return nil, false
	}
	include := *s
	include.Kind = string(MechanismInclude)
	return p.moved(&include, Directive{Mechanism: MechanismInclude}, q, depth)
}

// redirected returns the terms that do what a redirect to a record does; false
// if there are none.
func (p planner) redirected(n *Node, depth int) ([]part, bool) {
	record, _ := Parse(string(n.Records[0]))
	// RFC 7208 section 6.2: the explanation is that of the target.
	if depth > MaxDepth || record.Modifier(ModifierExp) != nil {
		return nil, false
	}
	var out []part
	for i := range n.Steps {
		s := &n.Steps[i]
		switch {
		case s.NeverReached || s.Ignored:
			continue
		case s.Kind == ModifierRedirect:
			if s.Child == nil {
				return nil, false
			}
			if p.ownsRecord(s) {
				if parts, ok := p.redirected(s.Child, depth+1); ok {
					out = append(out, parts...)
					continue
				}
			}
			text := ModifierRedirect + "=" + s.Target
			out = append(out, p.part(text, text, s))
			continue
		case i >= len(record.Directives):
			return nil, false
		}
		parts, ok := p.moved(s, record.Directives[i], s.Qualifier, depth)
		if !ok {
			return nil, false
		}
		out = append(out, parts...)
	}
	return out, true
}

// moved returns what a directive becomes with another qualifier in the record of
// another domain; false if its meaning depends on the domain.
func (p planner) moved(s *Step, d Directive, q Qualifier, depth int) ([]part, bool) {
	step := *s
	step.Qualifier = q
	if parts, action := p.instead(&step, d, depth); action != "" {
		return parts, true
	}
	if step.isLiteral() {
		return []part{p.literal(q, d.Network)}, true
	}
	if step.Target == "" && strings.ContainsAny(d.Domain.Letters(), "dp") {
		return nil, false
	}
	d.Qualifier = q
	if step.Target != "" {
		d.Domain = MacroString{Text: step.Target}
	}
	return []part{p.part(d.String(), step.name(d, ""), &step)}, true
}
