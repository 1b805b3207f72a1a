package spf

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"blitiri.com.ar/go/spf"
)

// A comparison is one question put to both evaluators.
type comparison struct {
	world     *world
	got       *Evaluation
	questions int // asked for got
	theirs    Result
	other     *other
}

// compare asks both. The other one does not know the sender of a bounce, nor
// that of an empty local part, and gets it spelled out (RFC 7208 sections 2.4
// and 4.3).
func compare(t testing.TB, w *world) comparison {
	c := comparison{world: w, other: &other{resolver: w, ip: w.query.IP}}
	c.got = Evaluate(t.Context(), w, w.query)
	c.questions = w.zone.count()
	local, domain := "", w.query.Helo
	if at := strings.LastIndexByte(w.query.MailFrom, '@'); at >= 0 {
		local, domain = w.query.MailFrom[:at], w.query.MailFrom[at+1:]
	}
	if local == "" {
		local = "postmaster"
	}
	theirs, _ := spf.CheckHostWithSender(net.IP(w.query.IP.AsSlice()), plain(w.query.Helo), local+"@"+plain(domain),
		spf.WithResolver(c.other), spf.WithContext(t.Context()))
	c.theirs = Result(theirs)
	return c
}

// each calls f for every term that was applied, until it returns true.
func (c *Check) each(f func(*Check, *Application) bool) bool {
	for i := range c.Terms {
		a := &c.Terms[i]
		if f(c, a) || a.Check != nil && a.Check.each(f) {
			return true
		}
	}
	return false
}

// A term as the predicates below see it: its domain-spec and what its macros
// stand for. One of the two results of parsing is the zero value.
func (a *Application) parsed() (d Directive, m Modifier) {
	record, _ := Parse(version + " " + string(a.Text))
	if len(record.Directives) > 0 {
		return record.Directives[0], m
	}
	if len(record.Modifiers) > 0 {
		return d, record.Modifiers[0]
	}
	return d, m
}

func (a *Application) spec() MacroString {
	d, m := a.parsed()
	return MacroString{Text: d.Domain.Text + m.Value.Text, parts: append(d.Domain.parts, m.Value.parts...)}
}

// macroOf reports whether some term has a macro for which f holds.
func (c comparison) macroOf(f func(p macroPart, value string) bool) bool {
	e := &evaluator{resolver: c.world, query: c.world.query, sender: newSender(c.world.query, plain(c.world.query.domain()))}
	e.query.IP = e.query.IP.Unmap()
	return c.got.Trace.each(func(check *Check, a *Application) bool {
		return slices.ContainsFunc(a.spec().parts, func(p macroPart) bool {
			return p.letter != 0 && p.letter != 'p' && f(p, e.macro(context.Background(), p.letter, toOctets(check.Domain)))
		})
	})
}

// deviations are the places where the other evaluator does not do what the RFC
// says. Each has a case in TestDeviations.
var deviations = []struct {
	name string
	of   func(c comparison) bool
}{
	{"it begins at names that are no domains (RFC 7208 section 4.3)", func(c comparison) bool {
		return c.got.Cause == CauseDomain || c.got.Trace.each(func(_ *Check, a *Application) bool {
			return a.Check != nil && a.Check.Cause == CauseDomain
		})
	}},
	{"it finds faults where it meets them, and not all (RFC 7208 section 4.6)", func(c comparison) bool {
		return c.got.Cause == CauseSyntax
	}},
	{"it asks for names that cannot exist and calls them void (RFC 7208 section 4.8), or cuts none (RFC 7208 section 7.3)", func(c comparison) bool {
		return c.other.bad
	}},
	{"a failure behind a match counts (RFC 7208 section 5)", func(c comparison) bool {
		return c.theirs == ResultTempError && c.got.Trace.each(func(_ *Check, a *Application) bool {
			d, _ := a.parsed()
			return d.Mechanism == MechanismMX && a.Matched
		})
	}},
	{"ip6 matches an IPv4 client (RFC 7208 section 5)", func(c comparison) bool {
		return c.world.query.IP.Unmap().Is4() && c.got.Trace.each(func(_ *Check, a *Application) bool {
			d, _ := a.parsed()
			return d.Mechanism == MechanismIP6 && d.Network.Masked().Addr().Is4In6()
		})
	}},
	{"of several ptr that find nothing one is void (RFC 7208 section 4.6.4)", func(c comparison) bool {
		voids := 0
		c.got.Trace.each(func(_ *Check, a *Application) bool {
			if d, _ := a.parsed(); d.Mechanism == MechanismPTR && a.Void {
				voids++
			}
			return false
		})
		return voids > 1 && c.got.Cause == CauseVoidLookups
	}},
	{"p is never looked up (RFC 7208 section 7.3)", func(c comparison) bool {
		return c.got.Trace.each(func(_ *Check, a *Application) bool { return strings.Contains(a.spec().Letters(), "p") })
	}},
	{"empty parts are dropped (RFC 7208 section 7.3)", func(c comparison) bool {
		return c.macroOf(func(p macroPart, value string) bool {
			last := true
			for _, b := range []byte(value) {
				delimiter := strings.IndexByte(p.delimiters, b) >= 0
				if last && delimiter {
					return true
				}
				last = delimiter
			}
			return last
		})
	}},
	{"a space is escaped as a plus sign (RFC 7208 section 7.3)", func(c comparison) bool {
		return c.macroOf(func(p macroPart, value string) bool { return p.escape && strings.Contains(value, " ") })
	}},
	{"the local part ends at the first at sign (RFC 7208 section 7.2)", func(c comparison) bool {
		return strings.Count(c.world.query.MailFrom, "@") > 1
	}},
	{"a local part beyond ASCII is expanded (RFC 8616 section 4)", func(c comparison) bool {
		return !isVisible(c.world.query.MailFrom)
	}},
	{"a slash in a domain-spec is a fault (RFC 7208 section 7.1)", func(c comparison) bool {
		return c.theirs == ResultPermError && c.got.Trace.each(func(_ *Check, a *Application) bool { return strings.Contains(a.spec().Text, "/") })
	}},
	{"a number of parts may not be large (RFC 7208 section 7.1)", func(c comparison) bool {
		return c.theirs == ResultPermError && c.got.Trace.each(func(_ *Check, a *Application) bool { return strings.Contains(a.spec().Text, strings.Repeat("9", 19)) })
	}},
}

// judge tests all that holds of one evaluation, and returns which deviations
// explain why the other evaluator says something else.
func judge(t testing.TB, c comparison) []string {
	t.Helper()
	fail := func(format string, args ...any) {
		t.Helper()
		t.Errorf(format+"\n%s", append(args, c.world)...)
	}
	c.judgeFaults(fail)
	c.judgeCounts(fail)
	c.judgeTargets(fail)
	c.judgeWalk(t.Context(), fail)
	if c.got.Result == c.theirs {
		return nil
	}
	var reasons []string
	for _, d := range deviations {
		if d.of(c) {
			reasons = append(reasons, d.name)
		}
	}
	if len(reasons) == 0 {
		fail("got %s (%s), the other says %s\ntrace %s", c.got.Result, c.got.Cause, c.theirs, outlineCheck(c.got.Trace, ""))
	}
	return reasons
}

// judgeFaults tests that a record is faulty if a fault was put in, and only then.
func (c comparison) judgeFaults(fail func(string, ...any)) {
	check := func(k *Check) {
		if k.Record == "" || strings.HasSuffix(k.Domain, ".made.test") {
			return
		}
		if faulty := len(k.Faults) > 0; faulty != c.world.faulty[k.Record] {
			fail("the faults of %q are %v, want some: %t", k.Record, k.Faults, c.world.faulty[k.Record])
		}
	}
	check(c.got.Trace)
	c.got.Trace.each(func(_ *Check, a *Application) bool {
		if a.Check != nil {
			check(a.Check)
		}
		return false
	})
}

// judgeCounts tests the limits of RFC 7208 section 4.6.4, and that no more is
// asked than they allow.
func (c comparison) judgeCounts(fail func(string, ...any)) {
	lookups, voids, most := 0, 0, 1+1+1+MaxPTR // TXT of the domain, exp, PTR and its names
	c.got.Trace.each(func(_ *Check, a *Application) bool {
		d, _ := a.parsed()
		lookups += a.Cost
		if a.Void {
			voids++
		}
		switch {
		case a.Cost == 0 || a.Cause == CauseLookups && a.Check == nil || d.Mechanism == MechanismPTR:
		case d.Mechanism == MechanismMX:
			most += 1 + MaxMX
		default:
			most++
		}
		return false
	})
	if lookups != c.got.Lookups || voids != c.got.VoidLookups {
		fail("%d lookups and %d void, but the trace has %d and %d", c.got.Lookups, c.got.VoidLookups, lookups, voids)
	}
	if lookups > MaxLookups+1 || (lookups > MaxLookups || voids > MaxVoidLookups) && c.got.Result != ResultPermError || voids > MaxVoidLookups+1 {
		fail("%d lookups and %d void with result %s, want permerror", lookups, voids, c.got.Result)
	}
	if c.questions > most {
		fail("%d questions, want at most %d", c.questions, most)
	}
}

// judgeWalk tests that Walk keeps its bound, and that no sender costs more than
// it says.
func (c comparison) judgeWalk(ctx context.Context, fail func(string, ...any)) {
	clear(c.world.zone.asked.questions)
	tree := Walk(ctx, c.world, c.world.query.domain())
	if asked, most := c.world.zone.count(), 1+MaxLookups*(1+2*MaxMX)+(MaxAsked-MaxLookups)*2; asked > most {
		fail("Walk asks %d questions, want at most %d", asked, most)
	}
	if !tree.Loop && !tree.Truncated && !tree.Incomplete && !dynamic(tree) && c.got.Lookups > tree.Lookups {
		fail("%d lookups for this sender, but Walk says %d", c.got.Lookups, tree.Lookups)
	}
}

// macroExpression is section 7.1 of RFC 7208 in one line.
var macroExpression = regexp.MustCompile(`%[%_-]|%\{([A-Za-z])([0-9]*)([rR]?)([-.+,/_=]*)\}`)

// expandPlainly is a second reading of sections 7.2 and 7.3 of RFC 7208. The
// macro p is left as it is.
func expandPlainly(text string, q Query, domain string) string {
	from := q.MailFrom
	if !strings.Contains(from, "@") {
		from = "@" + q.Helo
	}
	at := strings.LastIndex(from, "@")
	local, senderDomain := from[:at], strings.TrimSuffix(from[at+1:], ".")
	if local == "" {
		local = "postmaster"
	}
	ip, version := q.IP.Unmap(), "in-addr"
	dotted := ip.String()
	if ip.Is6() {
		version = "ip6"
		dotted = strings.ToUpper(strings.Join(strings.Split(fmt.Sprintf("%x", ip.AsSlice()), ""), "."))
	}
	values := map[string]string{
		"s": local + "@" + senderDomain, "l": local, "o": senderDomain, "d": domain, "i": dotted, "v": version,
		"h": strings.TrimSuffix(q.Helo, "."), "c": ip.String(), "r": "unknown", "t": strconv.FormatInt(q.Now().Unix(), 10),
	}
	return macroExpression.ReplaceAllStringFunc(text, func(m string) string {
		switch m {
		case "%%":
			return "%"
		case "%_":
			return " "
		case "%-":
			return "%20"
		}
		groups := macroExpression.FindStringSubmatch(m)
		letter, delimiters := strings.ToLower(groups[1]), groups[4]
		if letter == "p" {
			return m
		}
		if delimiters == "" {
			delimiters = "."
		}
		value := values[letter]
		for _, d := range delimiters {
			value = strings.ReplaceAll(value, string(d), "\x00")
		}
		parts := strings.Split(value, "\x00")
		if groups[3] != "" {
			slices.Reverse(parts)
		}
		if n, err := strconv.Atoi(groups[2]); err == nil && n < len(parts) {
			parts = parts[len(parts)-n:]
		}
		value = strings.Join(parts, ".")
		if letter == groups[1] {
			return value
		}
		return strings.ReplaceAll(url.QueryEscape(value), "+", "%20")
	})
}

// judgeTargets compares what terms ask for, and the explanation, with a second
// reading of the sections on macros.
func (c comparison) judgeTargets(fail func(string, ...any)) {
	c.got.Trace.each(func(check *Check, a *Application) bool {
		spec := a.spec()
		if spec.Text == "" || a.Target == "" || strings.Contains(spec.Letters(), "p") {
			return false
		}
		want := strings.TrimSuffix(expandPlainly(spec.Text, c.world.query, toOctets(check.Domain)), ".")
		for len(want) > maxName {
			_, rest, more := strings.Cut(want, ".")
			if !more {
				break
			}
			want = rest
		}
		if want, _ = toName(want); !strings.EqualFold(want, a.Target) {
			fail("%s asks for %q, want %q", a.Text, a.Target, want)
		}
		return false
	})
	if text := c.got.Explanation; text != "" {
		domain := c.got.Domain
		for i := 0; i+1 < len(c.got.Decisive) && hasPrefixFold(string(c.got.Decisive[i].Text), "redirect="); i++ {
			domain = c.got.Decisive[i+1].Domain
		}
		known := false
		for _, records := range c.world.zone.records {
			for _, rr := range records {
				raw := rawText(rr)
				known = known || strings.Contains(strings.ToLower(raw), "%{p") || raw != "" && strings.EqualFold(expandPlainly(raw, c.world.query, toOctets(domain)), text)
			}
		}
		if !known || c.got.Result != ResultFail {
			fail("the explanation %q of %s with result %s is that of no text", text, domain, c.got.Result)
		}
	}
}

// outlineCheck shows a trace, one line a term.
func outlineCheck(c *Check, indent string) string {
	out := fmt.Sprintf("\n%s%s %q %s %s %v", indent, c.Domain, string(c.Record), c.Result, c.Cause, c.Faults)
	for _, a := range c.Terms {
		out += fmt.Sprintf("\n%s- %s -> %s %s void=%t matched=%t %s %s", indent, a.Text, a.Target, a.Status, a.Void, a.Matched, a.Result, a.Cause)
		if a.Check != nil {
			out += outlineCheck(a.Check, indent+"  ")
		}
	}
	return out
}

// randomScript returns the choices of one of the worlds that are always tried.
func randomScript(seed uint64) script {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	s := make(script, 1200)
	_, _ = rand.NewChaCha8(key).Read(s) // never fails
	return s
}

// TestRandomWorlds compares the two evaluators on worlds that are the same in
// every run.
func TestRandomWorlds(t *testing.T) {
	const worlds = 3000
	differ := map[string]int{}
	results := map[Result]int{}
	differing := 0
	for seed := range uint64(worlds) {
		c := compare(t, newWorld(randomScript(seed)))
		results[c.got.Result]++
		reasons := judge(t, c)
		if len(reasons) > 0 {
			differing++
		}
		for _, name := range reasons {
			differ[name]++
		}
		if t.Failed() {
			t.Fatalf("in world %d", seed)
		}
	}
	for _, result := range []Result{ResultNone, ResultNeutral, ResultPass, ResultFail, ResultSoftFail, ResultTempError, ResultPermError} {
		if results[result] < worlds/100 {
			t.Errorf("%d worlds give %s, want at least %d", results[result], result, worlds/100)
		}
	}
	if differing > worlds/5 {
		t.Errorf("the evaluators differ on %d worlds, want %d at most", differing, worlds/5)
	}
	t.Logf("results %v; differing %d: %v", results, differing, differ)
}

// FuzzSecondOpinion is TestRandomWorlds with choices of the fuzzer.
func FuzzSecondOpinion(f *testing.F) {
	f.Add([]byte(nil))
	for seed := range uint64(20) {
		f.Add([]byte(randomScript(seed)))
	}
	f.Fuzz(func(t *testing.T, choices []byte) {
		judge(t, compare(t, newWorld(choices)))
	})
}
