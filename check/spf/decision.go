package spf

import (
	"net/netip"
	"slices"
	"strings"
)

// Bounds of what is worked out from a Tree. Beyond them nothing is claimed.
const (
	maxTreePrefixes  = 5000    // prefixes in a tree
	maxTreeQuestions = 100     // terms of a tree whose match is not known
	maxDecisions     = 1 << 14 // of one tree, or of two that are compared
	maxConditions    = 1 << 17 // of these, cases of a question asked again
	maxPieces        = 1 << 23 // of all covers that are built
)

// A decision is what becomes of an address at some term: the result, or a
// question with two decisions that hang on it. A question is whether a term
// matches that depends on the sender, or that could not be looked up. The term
// may end in an error as well; it does so wherever it is asked.
type decision struct {
	result   Result // of an answer
	step     int    // of a pass, if wanted: which step of the root gave it
	question string // empty for an answer
	yes, no  int
}

// Decisions numbers decisions, so that equal ones have equal numbers; the values
// of its covers are these numbers.
type decisions struct {
	list     []decision
	numbers  map[decision]int
	asked    map[string]bool // the questions
	given    map[condition]int
	bySteps  bool // a pass tells the step of the root that gave it
	prefixes int
	pieces   int
	exceeded bool // a bound was reached: what comes out means nothing
}

// A condition is a decision where the answer to a question is known.
type condition struct {
	question string
	yes      bool
	decision int
}

func newDecisions() *decisions {
	return &decisions{numbers: map[decision]int{}, asked: map[string]bool{}, given: map[condition]int{}}
}

func (ds *decisions) number(d decision) int {
	n, ok := ds.numbers[d]
	if !ok {
		n = len(ds.list)
		ds.list = append(ds.list, d)
		ds.numbers[d] = n
		ds.exceeded = ds.exceeded || n >= maxDecisions
	}
	return n
}

// always returns the cover that gives every address the result.
func (ds *decisions) always(r Result) cover { return everywhere(ds.number(decision{result: r})) }

// ask returns the decision that hangs on a question. Behind it the answer is
// known: the same question is not asked twice.
func (ds *decisions) ask(question string, yes, no int) int {
	return ds.number(decision{question: question, yes: ds.suppose(question, true, yes), no: ds.suppose(question, false, no)})
}

// suppose returns what is left of a decision when a question has its answer. It
// goes as deep as there are questions.
func (ds *decisions) suppose(question string, yes bool, n int) int {
	d := ds.list[n]
	if d.question == "" || ds.exceeded {
		return n
	}
	c := condition{question, yes, n}
	if known, ok := ds.given[c]; ok {
		return known
	}
	out := 0
	switch {
	case d.question != question:
		d.yes, d.no = ds.suppose(question, yes, d.yes), ds.suppose(question, yes, d.no)
		out = ds.number(d)
	case yes:
		out = d.yes
	default:
		out = d.no
	}
	ds.given[c] = out
	ds.exceeded = ds.exceeded || len(ds.given) > maxConditions
	return out
}

// answers calls f for every answer that a decision may come to.
func (ds *decisions) answers(n int, f func(decision)) {
	seen := map[int]bool{}
	for pending := []int{n}; len(pending) > 0; {
		n, pending = pending[len(pending)-1], pending[:len(pending)-1]
		if seen[n] {
			continue
		}
		seen[n] = true
		if d := ds.list[n]; d.question == "" {
			f(d)
		} else {
			pending = append(pending, d.yes, d.no)
		}
	}
	ds.spend(len(seen))
}

// A sequel holds what follows from each result of a record.
type sequel struct{ pass, fail, softfail, neutral cover }

// of returns what follows from the match of a directive.
func (q sequel) of(qualifier Qualifier) cover {
	switch qualifier {
	case QualifierFail:
		return q.fail
	case QualifierSoftFail:
		return q.softfail
	case QualifierNeutral:
		return q.neutral
	}
	return q.pass
}

// tree returns the decision for every address, the limits of lookups aside.
func (ds *decisions) tree(t *Tree) cover {
	ds.prefixes = 0
	return ds.record(t.Root, ds.results(), 0)
}

// results is the sequel of the root: the result itself.
func (ds *decisions) results() sequel {
	return sequel{ds.always(ResultPass), ds.always(ResultFail), ds.always(ResultSoftFail), ds.always(ResultNeutral)}
}

// record returns the decisions of the record of a node. It works from the last
// term to the first, so that each knows what comes if it does not match.
func (ds *decisions) record(n *Node, q sequel, depth int) cover {
	switch {
	case n == nil || depth > MaxDepth || ds.exceeded:
		ds.exceeded = true
		return q.neutral
	case n.Outcome == Unknown:
		return ds.open("record "+n.Domain, q, q.neutral)
	case n.Outcome != One || len(n.Faults) > 0:
		return ds.always(ResultPermError)
	}
	names, cut := n.names()
	attribute := depth == 0 && ds.bySteps
	c := q.neutral
	end := len(n.Steps)
	if end > 0 && n.Steps[end-1].Kind == ModifierRedirect {
		end--
		if s := &n.Steps[end]; !s.Ignored {
			c = ds.redirect(s, names[end], ds.from(end, q, attribute), depth)
		}
	}
	if cut {
		c = ds.open("terms of "+n.Domain, q, c)
	}
	for i := end - 1; i >= 0; i-- {
		s := &n.Steps[i]
		q = ds.from(i, q, attribute)
		switch {
		case s.NeverReached:
		case s.isAddresses():
			// Terms side by side that mean the same are one.
			prefixes := slices.Clone(s.Prefixes)
			for ; i > 0 && !attribute && n.Steps[i-1].isAddresses() && n.Steps[i-1].Qualifier == s.Qualifier; i-- {
				prefixes = append(prefixes, n.Steps[i-1].Prefixes...)
			}
			c = ds.choose(prefixes, q.of(s.Qualifier), c)
		default:
			c = ds.directive(s, names[i], q.of(s.Qualifier), c, depth)
		}
	}
	return c
}

// from returns the sequel in which a pass tells the step, if that is wanted.
func (ds *decisions) from(step int, q sequel, attribute bool) sequel {
	if attribute {
		q.pass = everywhere(ds.number(decision{result: ResultPass, step: step}))
	}
	return q
}

// redirect returns the decisions that a redirect leads to (RFC 7208 section 6.1).
func (ds *decisions) redirect(s *Step, name string, q sequel, depth int) cover {
	switch {
	case s.Loop:
		return ds.always(ResultPermError)
	case s.Child == nil:
		return ds.open(name, q, q.neutral)
	}
	return ds.record(s.Child, q, depth+1)
}

// directive returns the decisions from a directive on: match where it matches,
// rest where it does not.
func (ds *decisions) directive(s *Step, name string, match, rest cover, depth int) cover {
	switch {
	case s.Loop || s.MX > MaxMX:
		return ds.always(ResultPermError)
	case s.Child != nil:
		// RFC 7208 section 5.2
		return ds.record(s.Child, sequel{match, rest, rest, rest}, depth+1)
	case s.Malformed:
		// RFC 7208 section 4.8
		return rest
	case s.Kind == string(MechanismAll):
		return match
	case s.Kind == string(MechanismExists) && s.isKnown():
		if s.Void {
			return rest
		}
		return match
	}
	// Of the addresses of a and mx some may be known.
	return ds.choose(s.Prefixes, match, ds.either(name, match, rest))
}

// choose is the choice between two covers by the addresses in prefixes.
func (ds *decisions) choose(prefixes []netip.Prefix, match, rest cover) cover {
	if len(prefixes) == 0 {
		return rest
	}
	ds.prefixes += len(prefixes)
	ds.spend(2 * (len(prefixes) + len(match) + len(rest)))
	if ds.exceeded = ds.exceeded || ds.prefixes > maxTreePrefixes; ds.exceeded {
		return rest
	}
	return choose(addressesIn(prefixes), match, rest)
}

// either asks a question of every address.
func (ds *decisions) either(question string, yes, no cover) cover {
	ds.asked[question] = true
	ds.spend(len(yes) + len(no))
	if ds.exceeded = ds.exceeded || len(ds.asked) > maxTreeQuestions; ds.exceeded {
		return no
	}
	return combine(yes, no, func(yes, no int) int { return ds.ask(question, yes, no) })
}

// open is what is said of a part of a record that is not known: it may have any
// result, or leave the decision to the rest.
func (ds *decisions) open(name string, q sequel, rest cover) cover {
	rest = ds.either(name+" neutral", q.neutral, rest)
	rest = ds.either(name+" softfail", q.softfail, rest)
	rest = ds.either(name+" fail", q.fail, rest)
	return ds.either(name+" pass", q.pass, rest)
}

// spend counts pieces that are built.
func (ds *decisions) spend(pieces int) {
	ds.pieces += pieces
	ds.exceeded = ds.exceeded || ds.pieces > maxPieces
}

// isKnown reports whether a step asked the DNS and got what it asked for.
func (s *Step) isKnown() bool {
	return !s.Dynamic && !s.Truncated && !s.Partial && s.Status.Known()
}

// isAddresses reports whether a step matches its prefixes and nothing else,
// without a doubt.
func (s *Step) isAddresses() bool {
	switch Mechanism(s.Kind) {
	case MechanismIP4, MechanismIP6:
		return true
	case MechanismA, MechanismMX:
		return s.isKnown() && !s.Malformed && s.MX <= MaxMX
	}
	return false
}

// isLiteral reports whether a step names its addresses itself.
func (s *Step) isLiteral() bool {
	return s.Kind == string(MechanismIP4) || s.Kind == string(MechanismIP6)
}

// names returns a name for each step, and whether the record has more terms
// than Walk looked at. Two steps of a tree with one name match the same senders.
func (n *Node) names() (names []string, cut bool) {
	record := &Record{}
	if len(n.Records) > 0 {
		record, _ = Parse(string(n.Records[0]))
	}
	for i := range n.Steps {
		name := ""
		switch s := &n.Steps[i]; {
		case s.Kind != ModifierRedirect && i < len(record.Directives):
			name = s.name(record.Directives[i], n.Domain)
		case s.Kind == ModifierRedirect && s.Target != "":
			name = ModifierRedirect + "=" + s.Target
		default:
			name = string(s.Text) + " of " + n.Domain
		}
		names = append(names, name)
	}
	return names, len(record.Directives) > MaxSteps
}

// name is the name of a step that stands for a directive in the record of a
// domain: the directive without its qualifier, with its target in full. Where
// the target depends on the sender, and on the domain of the record as well,
// that is part of the name.
func (s *Step) name(d Directive, domain string) string {
	d.Qualifier = QualifierPass
	switch {
	case s.isLiteral():
		d.Network = d.Network.Masked()
	case s.Target != "":
		d.Domain.Text = s.Target
	case strings.ContainsAny(d.Domain.Letters(), "dp"):
		// RFC 7208 section 7.3: %{p} prefers names at or below the domain.
		return d.String() + " of " + domain
	}
	return d.String()
}

// Equivalent reports whether two trees of one domain are proven to give every
// sender the same result, explanations and the limits of lookups aside. Terms
// that depend on the sender, or that could not be looked up, have to be the
// same and to be asked in the same cases. It reports false as well where the
// trees are too large to be compared.
func Equivalent(a, b *Tree) bool {
	if a.Root == nil || b.Root == nil || a.Domain != b.Domain || a.Root.Outcome != One || b.Root.Outcome != One {
		return false
	}
	ds := newDecisions()
	first, second := ds.tree(a), ds.tree(b)
	ds.spend(len(first) + len(second))
	if ds.exceeded {
		return false
	}
	const same, different = 0, 1
	return combine(first, second, func(a, b int) int {
		if a == b {
			return same
		}
		return different
	}).constant(same)
}
