package spf

import (
	"math"
	"slices"
)

// A Count is how many addresses get pass, each counted once.
type Count struct {
	IPv4 uint64 `json:"ipv4"`     // addresses; all of them are 1<<32
	IPv6 uint64 `json:"ipv6_64s"` // networks of 64 bits with at least one address; all of them are counted as 1<<64 - 1
	// Open tells that the counts are the least it can be: more addresses may
	// pass, because a term depends on the sender, could not be looked up, or
	// the tree is too large.
	Open bool `json:"open,omitempty"`
}

// Addresses returns the first result of Count.
func (t *Tree) Addresses() Count {
	total, _ := t.Count()
	return total
}

// StepAddresses returns the second result of Count.
func (t *Tree) StepAddresses() []Count {
	_, steps := t.Count()
	return steps
}

// Count counts the senders' addresses for which the evaluation of a tree ends in
// pass, whatever the terms do that depend on more than the address. The first
// match decides, as in an evaluation: what -ip4 takes away in front of a wider
// +ip4 does not count, nor what an include lets pass that does not pass where it
// stands. Neither the limits of lookups come into it, nor that a term may end in
// an error for some senders whose own lookups are not known.
//
// It counts as well for each step of the root the addresses that pass because of
// it or of what is below it. An address belongs to the first step that lets it
// pass, so that the steps share out the total, except that two steps may both
// count a network of IPv6. To all belongs what is left. Without a root there are
// no steps.
//
// Both come from one pass over the tree, of bounded length. Of a tree that is too
// large nothing is counted.
func (t *Tree) Count() (total Count, steps []Count) {
	ds := newDecisions()
	ds.bySteps = true
	return ds.count(t)
}

func (ds *decisions) count(t *Tree) (total Count, steps []Count) {
	c := ds.tree(t)
	ds.spend(costCopied * len(c))
	if t.Root != nil {
		steps = make([]Count, len(t.Root.Steps))
	}
	if ds.exceeded {
		for i := range steps {
			steps[i].Open = true
		}
		return Count{Open: true}, steps
	}
	var sum tally
	sums := make([]tally, len(steps))
	others := newOthers(ds)
	c.each(func(first, last position, value int) {
		o := ds.outlooks[value]
		if o.always {
			sum.add(first, last)
			sums[o.surest].add(first, last)
		}
		total.Open = total.Open || o.ever && !o.always
		others.add(value)
	})
	total.IPv4, total.IPv6 = sum.ip4, sum.ip6
	open := others.steps(len(steps))
	for i, sum := range sums {
		steps[i] = Count{IPv4: sum.ip4, IPv6: sum.ip6, Open: open[i]}
	}
	return total, steps
}

// others collects the steps that let pass under some answers what is not, or not
// surely, counted as theirs: all that the decisions of a cover may pass by, but
// for the step to which a decision that always passes is attributed.
type others struct {
	ds *decisions
	// But holds for each decision what to leave out of the steps in it: a step,
	// or one of the following.
	but []int
}

const (
	notReached = -2 // the decision is no part of the cover
	butNone    = -1
)

func newOthers(ds *decisions) others {
	return others{ds, slices.Repeat([]int{notReached}, len(ds.list))}
}

// add adds a decision of the cover.
func (o others) add(n int) {
	if known := o.ds.outlooks[n]; known.always {
		o.reach(n, known.surest)
	} else {
		o.reach(n, butNone)
	}
}

// reach notes that a decision is part of one where a step is left out. What is
// left out in one place and not in another is not left out.
func (o others) reach(n, but int) {
	switch o.but[n] {
	case but:
	case notReached:
		o.but[n] = but
	default:
		o.but[n] = butNone
	}
}

// steps returns for each step of the root whether it was collected. It passes on
// what is known of each decision to the two that hang on it, whose numbers are
// lower.
func (o others) steps(n int) []bool {
	out := make([]bool, n)
	for i, d := range slices.Backward(o.ds.list) {
		switch but := o.but[i]; {
		case but == notReached:
		case d.question != 0:
			o.reach(d.yes, but)
			o.reach(d.no, but)
		case d.result == ResultPass && d.step != but && d.step < n:
			out[d.step] = true
		}
	}
	return out
}

// A tally adds up ranges of addresses in ascending order.
type tally struct {
	ip4, ip6 uint64
	last     uint64 // the last network of IPv6 that is counted, if any is
}

func (t *tally) add(first, last position) {
	if first.family == 4 {
		t.ip4 += last.low - first.low + 1
		return
	}
	from, to := first.high, last.high
	if t.ip6 > 0 && from == t.last {
		if from == to {
			return
		}
		from++
	}
	if n := to - from; n < math.MaxUint64-t.ip6 {
		t.ip6 += n + 1
	} else {
		t.ip6 = math.MaxUint64
	}
	t.last = to
}
