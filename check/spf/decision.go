package spf

import (
	"net/netip"
	"slices"
	"strings"
)

// Bounds of what is worked out from a Tree. Beyond them nothing is claimed. They
// are well above what is published: records with a hundred terms, thousands of
// prefixes, a dozen terms that depend on the sender. What is worked out of a tree
// at a time is over in some 20 ms, and takes some MB.
const (
	maxTreePrefixes  = 5000    // prefixes in a tree
	maxTreeQuestions = 100     // terms of a tree whose match is not known; there is a bit for each in a questionSet
	maxDecisions     = 1 << 14 // of one tree, or of two that are compared
	maxConditions    = 1 << 15 // of these, cases of a question asked again
	maxWork          = 6000000 // in the units below, one of which takes some nanoseconds
)

// What it costs to build covers. Work is counted before it is done, so that
// little is done beyond maxWork.
const (
	costCopied = 1  // a piece that is taken as it is
	costMade   = 32 // a piece that is worked out
)

// A decision is what becomes of an address at some term: the result, or a
// question with two decisions that hang on it. A question is whether a term
// matches that depends on the sender, or that could not be looked up. The term
// may end in an error as well; it does so wherever it is asked.
type decision struct {
	result   Result // of an answer
	step     int    // of a pass, if wanted: which step of the root gave it
	question int    // counted from 1; 0 for an answer
	yes, no  int
}

// An outlook is what is known of a decision from those that hang on it.
type outlook struct {
	always bool // it ends in pass whatever the answers
	ever   bool // it ends in pass for some answers
	surest int  // the step of the answer where no question is answered with yes
	asks   questionSet
}

// A questionSet is a set of questions.
type questionSet [2]uint64

func (q questionSet) has(n int) bool { return q[n/64]&(1<<(n%64)) != 0 }

// decisions holds each decision once, under a number that is higher than those
// of the decisions that hang on it. The values of its covers are these numbers.
type decisions struct {
	list     []decision
	outlooks []outlook // of the decisions in list
	numbers  map[decision]int
	asked    map[string]int // the questions by name
	given    map[condition]int
	terms    map[*Node]*terms
	bySteps  bool // a pass tells the step of the root that gave it
	prefixes int
	work     int
	exceeded bool // a bound was reached: what comes out means nothing
}

// A condition is a decision where the answer to a question is known.
type condition struct {
	question int
	yes      bool
	decision int
}

// terms is what names returns of a node.
type terms struct {
	names []string
	cut   bool
}

func newDecisions() *decisions {
	return &decisions{numbers: map[decision]int{}, asked: map[string]int{}, given: map[condition]int{}, terms: map[*Node]*terms{}}
}

func (ds *decisions) number(d decision) int {
	n, ok := ds.numbers[d]
	if !ok {
		n = len(ds.list)
		ds.list = append(ds.list, d)
		ds.outlooks = append(ds.outlooks, ds.outlook(d))
		ds.numbers[d] = n
		ds.exceeded = ds.exceeded || n >= maxDecisions
	}
	return n
}

// outlook works out the outlook of a decision that is not in the list yet.
func (ds *decisions) outlook(d decision) outlook {
	if d.question == 0 {
		passes := d.result == ResultPass
		return outlook{always: passes, ever: passes, surest: d.step}
	}
	yes, no := &ds.outlooks[d.yes], &ds.outlooks[d.no]
	o := outlook{always: yes.always && no.always, ever: yes.ever || no.ever, surest: no.surest}
	for i := range o.asks {
		o.asks[i] = yes.asks[i] | no.asks[i]
	}
	o.asks[d.question/64] |= 1 << (d.question % 64)
	return o
}

// always returns the cover that gives every address the result.
func (ds *decisions) always(r Result) cover { return everywhere(ds.number(decision{result: r})) }

// ask returns the decision that hangs on a question. Behind it the answer is
// known: the same question is not asked twice.
func (ds *decisions) ask(question, yes, no int) int {
	return ds.number(decision{question: question, yes: ds.suppose(question, true, yes), no: ds.suppose(question, false, no)})
}

// suppose returns what is left of a decision when a question has its answer. It
// goes as deep as there are questions.
func (ds *decisions) suppose(question int, yes bool, n int) int {
	if !ds.outlooks[n].asks.has(question) || ds.exceeded {
		return n
	}
	c := condition{question, yes, n}
	if known, ok := ds.given[c]; ok {
		return known
	}
	d, out := ds.list[n], 0
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
	names, cut := ds.names(n)
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
	for i := end - 1; i >= 0 && !ds.exceeded; i-- {
		s := &n.Steps[i]
		switch {
		case s.NeverReached:
		case s.isAddresses():
			first := i
			for first > 0 && n.Steps[first-1].isAddresses() {
				first--
			}
			c = ds.run(n.Steps[first:i+1], func(at int) cover {
				return ds.from(first+at, q, attribute).of(n.Steps[first+at].Qualifier)
			}, c)
			i = first
		default:
			c = ds.directive(s, names[i], ds.from(i, q, attribute).of(s.Qualifier), c, depth)
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
	step := []Step{{Prefixes: prefixes}}
	return ds.run(step, func(int) cover { return match }, rest)
}

// run returns the decisions from terms on that stand side by side and match
// their prefixes and nothing else: match tells what follows from a match of the
// term at an index, rest what follows if none matches.
func (ds *decisions) run(steps []Step, match func(at int) cover, rest cover) cover {
	var prefixes []ranked
	covers := []cover{rest}
	for i := range slices.Backward(steps) {
		for _, p := range steps[i].Prefixes {
			prefixes = append(prefixes, ranked{p, len(covers)})
		}
		covers = append(covers, match(i))
	}
	if len(prefixes) == 0 {
		return rest
	}
	ds.prefixes += len(prefixes)
	ds.spend(costMade * len(prefixes))
	if ds.exceeded = ds.exceeded || ds.prefixes > maxTreePrefixes; ds.exceeded {
		return rest
	}
	c := pick(highest(prefixes), covers)
	ds.spend(costCopied * len(c))
	return c
}

// either asks a question of every address.
func (ds *decisions) either(name string, yes, no cover) cover {
	question, ok := ds.asked[name]
	if !ok {
		question = len(ds.asked) + 1
		ds.asked[name] = question
	}
	ds.spend(costMade * (len(yes) + len(no)))
	if ds.exceeded = ds.exceeded || len(ds.asked) > maxTreeQuestions; ds.exceeded {
		return no
	}
	known := map[uint64]int{} // by both decisions
	return combine(yes, no, func(yes, no int) int {
		both := uint64(yes)<<32 | uint64(no)
		n, ok := known[both]
		if !ok {
			n = ds.ask(question, yes, no)
			known[both] = n
		}
		return n
	})
}

// open is what is said of a part of a record that is not known: it may have any
// result, or leave the decision to the rest.
func (ds *decisions) open(name string, q sequel, rest cover) cover {
	rest = ds.either(name+" neutral", q.neutral, rest)
	rest = ds.either(name+" softfail", q.softfail, rest)
	rest = ds.either(name+" fail", q.fail, rest)
	return ds.either(name+" pass", q.pass, rest)
}

// spend counts work, until a bound is reached.
func (ds *decisions) spend(work int) {
	if !ds.exceeded {
		ds.work += work
		ds.exceeded = ds.work > maxWork
	}
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

// names returns what names returns of a node, worked out once.
func (ds *decisions) names(n *Node) (names []string, cut bool) {
	known := ds.terms[n]
	if known == nil {
		known = &terms{}
		known.names, known.cut = n.names()
		ds.terms[n] = known
	}
	return known.names, known.cut
}

// names returns a name for each step, and whether the record has more terms
// than Walk looked at. Two steps of a tree with one name match the same senders.
func (n *Node) names() (names []string, cut bool) {
	directives := 0
	for i := range n.Steps {
		s := &n.Steps[i]
		d, ok := s.directive()
		name := string(s.Text) + " of " + n.Domain
		switch {
		case ok:
			name = s.name(d, n.Domain)
		case s.Kind == ModifierRedirect && s.Target != "":
			name = ModifierRedirect + "=" + s.Target
		}
		names = append(names, name)
		if s.Kind != ModifierRedirect {
			directives++
			cut = directives == MaxSteps && len(n.Records) > 0 && hasDirective(n.Records[0], s.Offset+s.Length)
		}
	}
	return names, cut
}

// directive reads the term of a step; false if it is none.
func (s *Step) directive() (Directive, bool) {
	if s.Kind == ModifierRedirect || s.Text == "" {
		return Directive{}, false
	}
	p := parser{record: &Record{}, term: s.Term}
	p.parseTerm(string(s.Text))
	if len(p.record.Directives) == 0 {
		return Directive{}, false
	}
	return p.record.Directives[0], true
}

// hasDirective reports whether a record without faults has a directive behind an
// offset.
func hasDirective(record Raw, offset int) bool {
	if offset < 0 || offset > len(record) {
		return false
	}
	for term := range strings.SplitSeq(string(record[offset:]), " ") {
		_, rest := splitName(strings.TrimLeft(term, "+-~?"))
		if term != "" && !strings.HasPrefix(rest, "=") {
			return true
		}
	}
	return false
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
	ds.spend(costMade * (len(first) + len(second)))
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
