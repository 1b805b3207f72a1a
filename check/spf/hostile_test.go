package spf

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// A builder writes a zone of records that are made to cost work.
type builder struct {
	root     strings.Builder // the record of a.test
	rest     strings.Builder
	records  int // other than that of the root
	prefixes int
}

// add adds a term to the record of the root.
func (b *builder) add(format string, args ...any) { fmt.Fprintf(&b.root, " "+format, args...) }

// record returns the domain of a new record.
func (b *builder) record(terms string) string {
	domain := fmt.Sprintf("r%d.test", b.records)
	b.records++
	fmt.Fprintf(&b.rest, "%s TXT v=spf1 %s\n", domain, terms)
	return domain
}

// address returns an ip4 that no other term has, nor a neighbour of it.
func (b *builder) address() string {
	n := b.prefixes
	b.prefixes++
	return fmt.Sprintf("ip4:10.%d.%d.%d", n>>14, n>>7&127, n&127<<1)
}

// list returns terms that form makes out of n addresses.
func (b *builder) list(n int, form func(i int, address string) string) string {
	var terms []string
	for i := range n {
		terms = append(terms, form(i, b.address()))
	}
	return strings.Join(terms, " ")
}

// addresses adds includes with n addresses in all.
func (b *builder) addresses(n int) {
	for ; n > 0; n -= MaxSteps {
		b.add("include:%s", b.record(b.list(min(n, MaxSteps), plainAddress)))
	}
}

func plainAddress(_ int, address string) string { return address }

func (b *builder) zone() string {
	return "a.test TXT v=spf1" + b.root.String() + "\n" + b.rest.String()
}

// hostile are zones that cost as much work as their kind allows.
var hostile = []struct {
	name  string
	build func(b *builder)
}{
	{"answers that are needed again", func(b *builder) {
		for i := range 11 {
			b.add("include:%s", b.record(fmt.Sprintf("?exists:%%{i}.x%d.test ?all", i)))
		}
		for i := range 11 {
			b.add("include:%s", b.record(fmt.Sprintf("?exists:%%{i}.x%d.test exists:%%{i}.y%d.test", i, i)))
		}
		b.addresses(4400)
	}},
	{"answers that are needed again, few addresses", func(b *builder) {
		for i := range 12 {
			b.add("include:%s", b.record(fmt.Sprintf("?exists:%%{i}.x%d.test ?all", i)))
		}
		for i := range 12 {
			b.add("include:%s", b.record(fmt.Sprintf("?exists:%%{i}.x%d.test exists:%%{i}.y%d.test", i, i)))
		}
		b.addresses(100)
	}},
	{"one question between all addresses", func(b *builder) {
		for range 10 {
			b.add("include:%s", b.record(b.list(250, func(_ int, address string) string { return address + " ?exists:%{i}.x.test" })))
		}
		b.addresses(2400)
	}},
	{"one question between all terms of the root", func(b *builder) {
		b.add("%s", b.list(245, func(_ int, address string) string { return address + " ?exists:%{i}.x.test" }))
		b.addresses(4700)
	}},
	{"qualifiers that take turns", func(b *builder) {
		for range 9 {
			b.add("include:%s", b.record(b.list(500, func(i int, address string) string { return "+-~?"[i%4:i%4+1] + address })))
		}
		b.add("%s", b.list(480, func(i int, address string) string { return "+-~?"[i%4:i%4+1] + address }))
	}},
	{"as many terms of the root as there may be", func(b *builder) {
		b.add("%s", b.list(490, plainAddress))
		b.addresses(4500)
	}},
	{"as many questions as there may be", func(b *builder) {
		for i := range 90 {
			b.add("exists:%%{i}.x%d.test", i)
		}
		b.addresses(4900)
	}},
	{"as many questions behind steps as there may be", func(b *builder) {
		b.add("%s", b.list(390, plainAddress))
		for i := range 98 {
			b.add("-exists:%%{i}.x%d.test", i)
		}
		b.addresses(4500)
	}},
	{"questions in front of all steps", func(b *builder) {
		for i := range 98 {
			b.add("-exists:%%{i}.x%d.test", i)
		}
		b.add("%s", b.list(390, plainAddress))
		b.addresses(4500)
	}},
	{"questions in turn with addresses", func(b *builder) {
		for range 5 {
			b.add("include:%s", b.record(b.list(250, func(i int, address string) string { return fmt.Sprintf("%s ?exists:%%{i}.x%d.test", address, i%90) })))
		}
		b.addresses(3600)
	}},
	{"records that are not known", func(b *builder) {
		for i := range 24 {
			b.add("include:dark%d.test", i)
			fmt.Fprintf(&b.rest, "dark%d.test TIMEOUT\n", i)
		}
		b.addresses(4900)
	}},
	{"a chain of includes", func(b *builder) {
		inner := ""
		for range 9 {
			inner = "include:" + b.record(inner+" "+b.list(490, plainAddress))
		}
		b.add("%s %s", inner, b.list(490, plainAddress))
	}},
	{"a chain of includes, with questions", func(b *builder) {
		inner := ""
		for range 9 {
			inner = "include:" + b.record(b.list(245, func(i int, address string) string { return fmt.Sprintf("%s ?exists:%%{i}.x%d.test", address, i%90) })+" "+inner)
		}
		b.add("%s", inner)
	}},
	{"records of addresses, all of them", func(b *builder) { b.addresses(40 * MaxSteps) }},
	{"terms covered by several", func(b *builder) {
		for range 20 {
			first := b.list(240, func(_ int, address string) string { return address + "/32" })
			second := strings.ReplaceAll(first, "/32", "/31")
			b.add("include:%s", b.record(b.list(240, func(_ int, address string) string { return address + "/31" })+" "+first+" "+second))
		}
	}},
	{"terms covered by the last before them", func(b *builder) {
		for range 20 {
			b.add("include:%s", b.record(b.list(249, plainAddress)+" ip4:10.128.0.0/9 "+b.list(249, func(i int, _ string) string {
				return fmt.Sprintf("ip4:10.128.%d.%d", i/128, i%128*2)
			})))
		}
	}},
	{"texts that begin alike", func(b *builder) {
		for i := range 40 {
			long := strings.Repeat("x", 60) + "." + strings.Repeat("y", 50)
			b.add("include:%s", b.record(b.list(500, func(j int, _ string) string { return fmt.Sprintf("exists:%%{i}.%s.n%d.test", long, (i*500+j)%90) })))
		}
	}},
	{"records of modifiers", func(b *builder) {
		for range 40 {
			b.add("include:%s", b.record(strings.Repeat("x=y ", 16000)+"ip4:192.0.2.1"))
		}
	}},
	{"records of terms", func(b *builder) {
		for range 40 {
			b.add("include:%s", b.record(strings.Repeat("a:%{d} ", 9000)))
		}
	}},
}

func hostileTree(t testing.TB, build func(*builder)) *Tree {
	var b builder
	build(&b)
	return Walk(t.Context(), testZone(t, b.zone()), "a.test")
}

// TestHostileWork tests that what is worked out of a tree is bounded, by
// counting what is done: a bound is passed by no more than one step of work.
func TestHostileWork(t *testing.T) {
	const (
		most  = 2 * (maxTreePrefixes + 1) // pieces of a cover
		cover = costMade * 2 * most
	)
	for _, test := range hostile {
		tree := hostileTree(t, test.build)
		for _, part := range []struct {
			name string
			work func(ds *decisions)
		}{
			{"Count", func(ds *decisions) {
				ds.bySteps = true
				if total, _ := ds.count(tree); ds.exceeded && total != (Count{Open: true}) {
					t.Errorf("%+v is counted of a tree that is too large", total)
				}
			}},
			{"Idle", func(ds *decisions) { tree.Each(func(n *Node) { ds.idle(n) }) }},
			{"Equivalent", func(ds *decisions) { ds.tree(tree); ds.tree(tree) }},
		} {
			t.Run(test.name+"/"+part.name, func(t *testing.T) {
				ds := newDecisions()
				part.work(ds)
				if ds.work > maxWork+cover || len(ds.list) > maxDecisions+maxTreeQuestions+4 || len(ds.given) > maxConditions+maxTreeQuestions+1 {
					t.Errorf("%d units of work, %d decisions, %d conditions; want at most %d, %d, %d",
						ds.work, len(ds.list), len(ds.given), maxWork, maxDecisions, maxConditions)
				}
				if len(ds.outlooks) != len(ds.list) {
					t.Errorf("%d decisions are worked out, there are %d", len(ds.outlooks), len(ds.list))
				}
			})
		}
	}
}

// TestAnswersNeededAgain tests that pieces share what is known of decisions: a
// tree with thousands of both is counted within the bounds.
func TestAnswersNeededAgain(t *testing.T) {
	var b builder
	const questions = 9
	for i := range questions {
		b.add("include:%s", b.record(fmt.Sprintf("?exists:%%{i}.x%d.test ?all", i)))
	}
	for i := range questions {
		b.add("include:%s", b.record(fmt.Sprintf("?exists:%%{i}.x%d.test exists:%%{i}.y%d.test", i, i)))
	}
	b.addresses(1000)
	tree := Walk(t.Context(), testZone(t, b.zone()), "a.test")
	ds := newDecisions()
	ds.bySteps = true
	total, steps := ds.count(tree)
	if want := (Count{IPv4: 1000, Open: true}); total != want {
		t.Errorf("counted %+v, want %+v", total, want)
	}
	for i, c := range steps {
		want := Count{Open: i >= questions && i < 2*questions}
		if i >= 2*questions {
			want.IPv4 = MaxSteps
		}
		if c != want {
			t.Errorf("counted %+v for %s, want %+v", c, tree.Root.Steps[i].Text, want)
		}
	}
	// Each of the questions is asked of each piece, some of them twice.
	if most := 4 * questions * costMade * 2 * 1000 * 3 / 2; len(ds.list) < 1<<questions || ds.exceeded || ds.work > most {
		t.Errorf("%d units of work for %d decisions, bound reached: %t; want at most %d for more than %d",
			ds.work, len(ds.list), ds.exceeded, most, 1<<questions)
	}
}

func TestDecisionLimits(t *testing.T) {
	for _, test := range []struct {
		name  string
		limit int
		add   func(ds *decisions, i int)
	}{
		{"decisions", maxDecisions, func(ds *decisions, i int) { ds.number(decision{result: ResultPass, step: i}) }},
		{"work", maxWork, func(ds *decisions, _ int) { ds.spend(1) }},
		{"questions", maxTreeQuestions, func(ds *decisions, i int) {
			ds.either(fmt.Sprint(i), ds.always(ResultPass), ds.always(ResultFail))
		}},
		{"prefixes", maxTreePrefixes, func(ds *decisions, _ int) {
			ds.work = 0
			ds.choose([]netip.Prefix{netip.PrefixFrom(netip.IPv6Unspecified(), 0)}, ds.always(ResultPass), ds.always(ResultFail))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			ds := newDecisions()
			for i := range test.limit {
				test.add(ds, i)
			}
			if ds.exceeded {
				t.Errorf("%d are too many", test.limit)
			}
			if test.add(ds, test.limit); !ds.exceeded {
				t.Errorf("%d are not too many", test.limit+1)
			}
		})
	}
}

// BenchmarkHostile works out what there is to know of each of the trees.
func BenchmarkHostile(b *testing.B) {
	for _, bench := range hostile {
		for _, part := range []struct {
			name string
			work func(*Tree)
		}{
			{"Count", func(t *Tree) { t.Count() }},
			{"Idle", func(t *Tree) { t.Idle() }},
			{"Trim", func(t *Tree) { t.Trim(isOwn) }},
			{"Equivalent", func(t *Tree) { Equivalent(t, t) }},
			{"all", func(t *Tree) { t.Count(); t.Idle(); t.Trim(isOwn) }},
		} {
			b.Run(strings.ReplaceAll(bench.name, " ", "-")+"/"+part.name, func(b *testing.B) {
				tree := hostileTree(b, bench.build)
				for b.Loop() {
					part.work(tree)
				}
			})
		}
	}
}
