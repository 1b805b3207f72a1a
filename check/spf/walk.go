package spf

import (
	"context"
	"net/netip"
	"slices"

	"github.com/miekg/dns"

	"maildoctor/check/dnsx"
	"maildoctor/check/group"
)

// Bounds of Walk. Beyond them a Tree is truncated.
const (
	MaxDepth = 10  // includes and redirects below one another
	MaxAsked = 40  // terms of a tree that are looked up
	MaxSteps = 500 // terms of one record that are looked at
)

// Walk follows the record of a domain through every include and redirect, and
// looks up what its terms name, without regard to a sender. Terms whose target
// depends on the sender count and are not asked. The valid terms of a record
// with faults are followed too, so that everything can be repaired at once; a
// domain with several records is a dead end.
//
// It asks all that can be asked at once, so that it takes a round trip for each
// level of includes, and two more at most. It ends within MaxTime.
//
// Whatever the records say, it asks the resolver 271 times at most: for the
// record, and for MaxAsked terms, of which the first MaxLookups mx lead to MaxMX
// hosts each, or to a name without mail hosts. An a, a host and such a name take
// two questions, for both kinds of addresses.
func Walk(ctx context.Context, r dnsx.Resolver, domain string) *Tree {
	ctx, cancel := context.WithTimeout(ctx, MaxTime)
	defer cancel()
	name, ok := toDomain(plain(domain))
	root := &Node{Domain: name, Selection: Selection{Outcome: None, Malformed: true}, Grants: true}
	w := &walker{resolver: r, origin: name}
	var level []*visit
	if ok {
		level = []*visit{{node: root, path: []string{name}}}
	}
	for len(level) > 0 {
		w.selectAll(ctx, level)
		var next []*visit
		for _, v := range level {
			next = append(next, w.follow(ctx, v)...)
		}
		level = next
	}
	w.lookups.Wait()
	for _, note := range w.answered {
		note()
	}
	t := &Tree{Domain: name, Root: root, Truncated: w.truncated}
	t.conclude()
	return t
}

// A walker is one run of Walk. Only the goroutine of Walk touches its fields,
// decides what is asked and reads the answers; the others only look up.
type walker struct {
	resolver  dnsx.Resolver
	origin    string // the domain where the walk began
	asked     int    // terms looked up so far
	mx        int    // mx terms whose hosts are looked up
	truncated bool
	lookups   group.Group // of a, mx and exists
	answered  []func()    // what to note of each once all are there
}

// A visit is a node yet to be read.
type visit struct {
	node *Node
	path []string // domains from the root to this one
}

// selectAll fills the selections of a level.
func (w *walker) selectAll(ctx context.Context, level []*visit) {
	answers := make([]dnsx.Answer, len(level))
	var group group.Group
	for i, v := range level {
		group.Go(func() { answers[i] = w.resolver.Lookup(ctx, v.node.Domain, dns.TypeTXT) })
	}
	group.Wait()
	for i, v := range level {
		v.node.Selection = selectRecords(answers[i])
		v.node.Alias = len(answers[i].Chain) > 0
	}
}

// follow reads the record of a node, starts the lookups of its terms and
// returns the nodes that come next.
func (w *walker) follow(ctx context.Context, v *visit) []*visit {
	n := v.node
	if n.Outcome != One {
		return nil
	}
	record, faults := Parse(string(n.Records[0]))
	n.Faults = faults
	n.Steps = w.steps(record, n.Domain)
	if m := record.Modifier(ModifierExp); m != nil {
		n.Explanation = &m.Term
	}
	if all := record.All(); all != nil {
		n.All = all.Qualifier
	}
	var next []*visit
	for i := range n.Steps {
		s := &n.Steps[i]
		switch {
		case s.Cost == 0 || s.Dynamic:
		case s.Malformed && s.follows():
			s.Child = &Node{Domain: s.Target, Selection: Selection{Outcome: None, Malformed: true}}
		case s.Malformed:
		case s.follows() && slices.Contains(v.path, s.Target):
			s.Loop = true
		case w.asked >= MaxAsked || s.follows() && len(v.path) > MaxDepth:
			s.Truncated = true
		case s.follows():
			w.asked++
			s.Child = &Node{Domain: s.Target, Grants: n.Grants && (s.Qualifier == QualifierPass || s.Kind == ModifierRedirect)}
			next = append(next, &visit{node: s.Child, path: append(slices.Clone(v.path), s.Target)})
		default:
			w.asked++
			w.start(ctx, s, record.Directives[i])
		}
	}
	return next
}

// steps lists the terms of a record in the order of evaluation.
func (w *walker) steps(record *Record, domain string) []Step {
	var steps []Step
	reached := true
	for _, d := range record.Directives {
		if len(steps) == MaxSteps {
			w.truncated = true
			break
		}
		s := Step{Term: d.Term, Kind: string(d.Mechanism), Qualifier: d.Qualifier, NeverReached: !reached}
		if reached {
			s.Cost = d.Cost()
			w.target(&s, d.Domain, domain)
			if d.Network.IsValid() {
				s.Prefixes = []netip.Prefix{d.Network.Masked()}
			}
		}
		// RFC 7208 section 5.1
		reached = reached && d.Mechanism != MechanismAll
		steps = append(steps, s)
	}
	if m := record.Modifier(ModifierRedirect); m != nil {
		s := Step{Term: m.Term, Kind: ModifierRedirect, Cost: 1}
		w.target(&s, m.Value, domain)
		// RFC 7208 section 6.1
		if record.All() != nil {
			s.Ignored, s.Cost = true, 0
		}
		steps = append(steps, s)
	}
	return steps
}

// target expands the domain-spec of a step that may ask the DNS.
func (w *walker) target(s *Step, spec MacroString, domain string) {
	if s.Cost == 0 {
		return
	}
	if spec.Dynamic() {
		s.Dynamic = true
		return
	}
	s.Target = domain
	if spec.Text != "" {
		name := spec.expandName(func(letter byte) string {
			if letter == 'o' {
				return toOctets(w.origin)
			}
			return toOctets(domain)
		})
		valid := toName
		if s.follows() {
			valid = toDomain
		}
		var ok bool
		s.Target, ok = valid(name)
		s.Malformed = !ok
	}
	// RFC 7208 section 5.5: what ptr asks for is the address of the sender.
	s.Dynamic = s.Kind == string(MechanismPTR)
}

// start looks up what an a, mx or exists names, in the background.
func (w *walker) start(ctx context.Context, s *Step, d Directive) {
	switch d.Mechanism {
	case MechanismExists:
		var answer dnsx.Answer
		w.lookups.Go(func() { answer = w.resolver.Lookup(ctx, s.Target, dns.TypeA) })
		w.answered = append(w.answered, func() { s.end(answer) })
	case MechanismA:
		var answers [2]dnsx.Answer
		w.lookups.Go(func() { answers = w.askAddresses(ctx, s.Target) })
		w.answered = append(w.answered, func() {
			s.end(better(answers[0], answers[1]))
			s.Void4, s.Void6 = answers[0].Status.Absent(), answers[1].Status.Absent()
			s.add(d, answers[:])
		})
	case MechanismMX:
		var answer dnsx.Answer
		var addresses [][2]dnsx.Answer
		var instead [2]dnsx.Answer
		resolve := w.mx < MaxLookups
		w.mx++
		w.lookups.Go(func() {
			answer, addresses = w.exchange(ctx, s.Target, resolve)
			if resolve && answer.Status == dnsx.NoData {
				instead = w.askAddresses(ctx, s.Target)
			}
		})
		w.answered = append(w.answered, func() {
			s.end(answer)
			hosts := exchanges(answer)
			s.MX = len(hosts) + answer.Cut
			s.Exchanges = hosts[:min(len(hosts), MaxMX)]
			s.Partial = !resolve && len(hosts) > 0
			s.Addressed = better(instead[0], instead[1]).Status == dnsx.OK
			for i := range addresses {
				s.add(d, addresses[i][:])
			}
		})
	}
}

// exchange looks up the MX names of a domain and, if resolve is set, the
// addresses of the first MaxMX.
func (w *walker) exchange(ctx context.Context, domain string, resolve bool) (dnsx.Answer, [][2]dnsx.Answer) {
	answer := w.resolver.Lookup(ctx, domain, dns.TypeMX)
	if !resolve {
		return answer, nil
	}
	hosts := exchanges(answer)
	hosts = hosts[:min(len(hosts), MaxMX)]
	addresses := make([][2]dnsx.Answer, len(hosts))
	var group group.Group
	for i, host := range hosts {
		group.Go(func() { addresses[i] = w.askAddresses(ctx, host) })
	}
	group.Wait()
	return answer, addresses
}

// askAddresses asks for A and AAAA at once.
func (w *walker) askAddresses(ctx context.Context, name string) (answers [2]dnsx.Answer) {
	var group group.Group
	group.Go(func() { answers[0] = w.resolver.Lookup(ctx, name, dns.TypeA) })
	answers[1] = w.resolver.Lookup(ctx, name, dns.TypeAAAA)
	group.Wait()
	return answers
}

// better returns the answer that says more about whether a name has an
// address: records before a failure before nothing.
func better(a, b dnsx.Answer) dnsx.Answer {
	if b.Status == dnsx.OK || a.Status.Absent() && !b.Status.Known() {
		return b
	}
	return a
}

// end notes how the lookup of a step went.
func (s *Step) end(a dnsx.Answer) {
	s.Status, s.Reason = a.Status, a.Reason
	s.Malformed = isBadName(a)
	s.Void = a.Status.Absent()
	s.Void4, s.Void6 = s.Void, s.Void
}

// add notes the addresses that a directive authorises.
func (s *Step) add(d Directive, answers []dnsx.Answer) {
	for _, a := range answers {
		s.Alias = s.Alias || len(a.Chain) > 0
		s.Partial = s.Partial || !a.Status.Known() || a.Cut > 0
		for _, addr := range addresses(a) {
			bits := d.Prefix4
			if addr.Is6() {
				bits = d.Prefix6
			}
			s.Prefixes = append(s.Prefixes, netip.PrefixFrom(addr, bits).Masked())
		}
	}
	s.Prefixes = sortPrefixes(s.Prefixes)
}
