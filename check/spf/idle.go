package spf

import "slices"

// An IdleReason says why a term never decides.
type IdleReason string

// The reasons of idle terms.
const (
	IdleDuplicate IdleReason = "duplicate" // an earlier term of the record matches the same senders: it is equal, or has the same target
	IdleCovered   IdleReason = "covered"   // every address that it matches is matched by an earlier term of the record
)

// IdleReasons returns every reason there is.
func IdleReasons() []IdleReason { return []IdleReason{IdleDuplicate, IdleCovered} }

// An IdleTerm is a directive that decides for no sender, because the first match
// decides (RFC 7208 section 4.6.2).
type IdleTerm struct {
	Domain string `json:"domain"` // whose record it stands in
	Term
	Why IdleReason `json:"why"`
	By  *Place     `json:"by,omitempty"` // the earlier term; nil if it takes several
	// Volatile tells that it holds as long as the DNS answers as it does: the
	// term, or what it is covered by, is an a, mx, exists or include.
	Volatile bool `json:"volatile,omitempty"`
	// Instead is the qualifier of what decides in its place, where no sender
	// that it matches gets its own.
	Instead Qualifier `json:"instead,omitempty"`
}

// Idle returns the directives that never decide, record by record in the order
// of Each, in the order of their record. Each domain comes once. What a term
// matches that depends on the sender, or that could not be looked up, makes
// nothing idle; neither is a term idle that may match such senders or end in an
// error, unless it is a duplicate. Terms without an address, behind all, and a
// redirect beside all are not among them: their steps tell. Nothing is returned
// for records with faults, and for trees that are too large.
func (t *Tree) Idle() []IdleTerm {
	ds := newDecisions()
	var out []IdleTerm
	seen := map[string]bool{}
	t.Each(func(n *Node) {
		if n.Outcome != One || len(n.Faults) > 0 || seen[n.Domain] {
			return
		}
		seen[n.Domain] = true
		out = append(out, ds.idle(n)...)
	})
	if ds.exceeded {
		return nil
	}
	return out
}

// A reach is what a directive matches whoever the sender is.
type reach struct {
	step    *Step
	name    string
	matched cover // the addresses that it matches for certain
	settled bool  // it matches no others and ends in no error
}

// idle returns the idle terms of one record.
func (ds *decisions) idle(n *Node) []IdleTerm {
	var out []IdleTerm
	var before []reach
	var literals, all growingSet // what is matched so far
	names, _ := ds.names(n)
	for i := range n.Steps {
		s := &n.Steps[i]
		if s.NeverReached || s.Kind == ModifierRedirect || s.Kind == string(MechanismAll) || ds.exceeded {
			break
		}
		r := ds.reach(s, names[i])
		idle := IdleTerm{Domain: n.Domain, Term: s.Term}
		switch twin := slices.IndexFunc(before, func(b reach) bool { return b.name == r.name }); {
		case twin >= 0:
			idle.Why, idle.By = IdleDuplicate, before[twin].place(n)
		case !r.settled || r.matched.constant(outside):
		case literals.holds(r.matched):
			idle.Why, idle.Volatile = IdleCovered, !s.isLiteral()
			idle.By = ds.coveredBy(r, before, n, true)
		case all.holds(r.matched):
			idle.Why, idle.Volatile = IdleCovered, true
			idle.By = ds.coveredBy(r, before, n, false)
		}
		if idle.Why != "" {
			idle.Instead = ds.instead(r, before, idle)
			out = append(out, idle)
		}
		before = append(before, r)
		ds.spend(costMade*len(r.matched) + costCopied*all.add(r.matched))
		if s.isLiteral() {
			ds.spend(costCopied * literals.add(r.matched))
		}
	}
	return out
}

// reach returns what a directive matches.
func (ds *decisions) reach(s *Step, name string) reach {
	if s.isAddresses() {
		ds.spend(len(s.Prefixes))
		return reach{step: s, name: name, matched: addressesIn(s.Prefixes), settled: true}
	}
	ds.prefixes = 0
	match, rest := ds.always(ResultPass), ds.always(ResultNeutral)
	decided := ds.directive(s, name, match, rest, 0)
	yes, no := match[0].value, rest[0].value
	r := reach{step: s, name: name, matched: make(cover, 0, len(decided)), settled: true}
	for _, p := range decided {
		where := outside
		if p.value == yes {
			where = inside
		}
		r.matched = r.matched.extend(p.last, where)
		r.settled = r.settled && (p.value == yes || p.value == no)
	}
	return r
}

// instead returns the qualifier of what decides in place of an idle term, empty
// if some sender gets the term's own. Of several it is that of the term that
// covers it alone.
func (ds *decisions) instead(r reach, before []reach, idle IdleTerm) Qualifier {
	var by []Qualifier
	rest := r.matched
	for _, b := range before {
		alone := idle.By != nil && b.step.Offset == idle.By.Offset
		if alone && idle.Why == IdleDuplicate {
			by = []Qualifier{b.step.Qualifier}
			break
		}
		if ds.spend(2 * (len(b.matched) + len(rest))); ds.exceeded {
			return ""
		}
		left := combine(rest, b.matched, func(r, b int) int { return r &^ b })
		if !slices.Equal(left, rest) {
			by = append(by, b.step.Qualifier)
		}
		if rest = left; alone {
			by = append(by, b.step.Qualifier)
			break
		}
	}
	if slices.Contains(by, r.step.Qualifier) || idle.By == nil && len(slices.Compact(slices.Clone(by))) != 1 {
		return ""
	}
	return by[len(by)-1]
}

// coveredBy returns the place of the first step that covers another alone, nil
// if none does. If literal is set, only those count that name addresses.
func (ds *decisions) coveredBy(r reach, before []reach, n *Node, literal bool) *Place {
	for _, b := range before {
		if literal && !b.step.isLiteral() {
			continue
		}
		ds.spend(len(b.matched) + len(r.matched))
		if b.matched.holds(r.matched) {
			return b.place(n)
		}
	}
	return nil
}

func (r reach) place(n *Node) *Place { return &Place{Domain: n.Domain, Term: r.step.Term} }
