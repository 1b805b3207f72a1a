package dnsx

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// transcript returns the lines of a zone file that states the steps. Ends of
// chains that were never asked for are added to steps. What records cannot say
// because the server did not say the same every time is found by asking the file:
// questions whose answers differ are written as answers of their own, then all
// those with chains, at last all.
func transcript(steps map[question]step, lost map[question]bool, limits zoneLimits) ([]string, error) {
	want := replay(steps, lost)
	own := make(map[question]bool)
	for round := 0; ; round++ {
		lines := write(steps, own)
		z := NewZone()
		z.limits = limits
		if err := z.Add(strings.NewReader(strings.Join(lines, "\n")), "recording"); err != nil {
			return nil, fmt.Errorf("dnsx: the recording cannot be read back: %w", err)
		}
		wrong := differing(z, want)
		if len(wrong) == 0 || len(own) == len(steps) {
			return lines, nil
		}
		for _, q := range wrong {
			own[q] = true
		}
		for q, s := range steps {
			if round == 1 && len(s.links) > 0 || round > 1 {
				own[q] = true
			}
		}
	}
}

// replay returns the answers that a Client gives after the steps. Where a chain
// leads to a question that nobody asked, its step is added: a Timeout if it was
// given up, else the budget did not allow it.
func replay(steps map[question]step, lost map[question]bool) []Answer {
	c := New(unasked{steps, lost}, Options{Questions: -1})
	c.keep = math.MaxInt
	for q, s := range steps {
		c.flights[q] = &flight{done: true, step: s}
	}
	var out []Answer
	for _, q := range sortedQuestions(steps) {
		out = append(out, c.Lookup(context.Background(), q.name, q.qtype))
	}
	return out
}

// unasked is the Exchanger behind the steps of a replay.
type unasked struct {
	steps map[question]step
	lost  map[question]bool
}

func (u unasked) Exchange(_ context.Context, m *dns.Msg) (*dns.Msg, error) {
	f := fault{Failed, ReasonBudget}
	if name, qtype, ok := asked(m); ok {
		q := question{name, qtype}
		if u.lost[q] {
			f = fault{status: Timeout}
		}
		u.steps[q] = step{status: f.status, reason: f.reason}
	}
	return f.reply(m)
}

// differing returns the questions that x answers in another way.
func differing(x Exchanger, want []Answer) []question {
	c := New(x, Options{Questions: -1})
	var out []question
	for _, a := range want {
		if !sameAnswer(c.Lookup(context.Background(), a.Name, a.Type), a) {
			out = append(out, question{a.Name, a.Type})
		}
	}
	return out
}

// sameAnswer compares answers to one question, but for the TTL of records.
func sameAnswer(a, b Answer) bool {
	return a.Status == b.Status && a.Reason == b.Reason && a.Cut == b.Cut && a.Authenticated == b.Authenticated &&
		slices.Equal(a.Chain, b.Chain) &&
		slices.EqualFunc(a.Records, b.Records, func(x, y dns.RR) bool { return rdata(x) == rdata(y) })
}

func sortedQuestions(steps map[question]step) []question {
	return slices.SortedFunc(maps.Keys(steps), func(a, b question) int {
		return cmp.Or(strings.Compare(a.name, b.name), cmp.Compare(a.qtype, b.qtype))
	})
}

// write returns the lines that state the steps, some as answers of their own.
func write(steps map[question]step, own map[question]bool) []string {
	t := transcriber{steps: steps, ends: make(map[question]bool), links: make(map[string]bool)}
	for _, q := range sortedQuestions(steps) {
		if own[q] {
			t.writeOwn(q, steps[q])
		} else {
			t.write(q, steps[q])
		}
	}
	slices.Sort(t.lines)
	head := []string{
		"; Answers of the DNS, recorded. Lines that begin with \";!\" say what no record can.",
		faultMark + " refused *.",
	}
	return append(head, slices.Compact(t.lines)...)
}

// A transcriber turns steps into lines.
type transcriber struct {
	steps map[question]step
	ends  map[question]bool // ends of chains that have been written
	links map[string]bool   // names whose CNAME record has been written
	lines []string
}

// write writes one step. What it says about the end of a chain counts unless
// that end was asked for itself, or another chain has led there already.
func (t *transcriber) write(q question, s step) {
	name := q.name
	for _, target := range s.links {
		if s.ad {
			t.fault(wordAD, question{name, q.qtype})
		}
		if !t.links[name] {
			t.links[name] = true
			t.record(newCNAME(name, target))
		}
		name = target
	}
	if s.open {
		return
	}
	end := question{name, q.qtype}
	if s.ad {
		t.fault(wordAD, end)
	}
	if len(s.links) > 0 {
		if _, ok := t.steps[end]; ok || t.ends[end] {
			return
		}
		t.ends[end] = true
	}
	if s.status != OK {
		t.fault(fault{s.status, s.reason}.word(), end)
		return
	}
	for _, rr := range s.records {
		t.record(renamed(rr, name))
	}
	if q.qtype == dns.TypeSOA && name != "." {
		// The record alone would make the file know the whole zone.
		t.lines = append(t.lines, fmt.Sprintf("%s refused *.%s", faultMark, spaceless(name)))
	}
}

// writeOwn writes one step so that nothing else in the file has a part in it.
func (t *transcriber) writeOwn(q question, s step) {
	if s.ad {
		t.fault(wordAD, q)
	}
	name := q.name
	for _, target := range s.links {
		t.answer(q, newCNAME(name, target))
		name = target
	}
	for _, rr := range s.records {
		t.answer(q, renamed(rr, name))
	}
	if s.status != OK && !s.open {
		t.fault(fault{s.status, s.reason}.word(), q)
	}
}

func (t *transcriber) fault(word string, q question) {
	t.lines = append(t.lines, fmt.Sprintf("%s %s %s %s", faultMark, word, spaceless(q.name), typeName(q.qtype)))
}

// spaceless writes a name for a fault line, whose words end at a blank.
func spaceless(name string) string {
	return strings.ReplaceAll(fqdn(name), `\ `, `\032`)
}

// typeName is the inverse of parseType.
func typeName(qtype uint16) string {
	name := dns.Type(qtype).String()
	if t, ok := parseType(name); ok && t == qtype {
		return name
	}
	return fmt.Sprintf("TYPE%d", qtype)
}

// record writes a record.
func (t *transcriber) record(rr dns.RR) {
	line, ok := recordLine(rr)
	if !ok {
		line = unwritable(rr)
	}
	t.lines = append(t.lines, line)
}

// answer writes a record of the answer to one question.
func (t *transcriber) answer(q question, rr dns.RR) {
	line, ok := recordLine(rr)
	if !ok {
		t.lines = append(t.lines, unwritable(rr))
		return
	}
	t.fault(wordAnswer, q)
	last := len(t.lines) - 1
	t.lines[last] += " " + line
}

func unwritable(rr dns.RR) string {
	return "; a record that cannot be written: " + fmt.Sprintf("%q", rr.Header().Name)
}

// recordLine returns a record in its usual form if that reads back as the same,
// else in the form for unknown types (RFC 3597 section 5).
func recordLine(rr dns.RR) (string, bool) {
	for _, generic := range []bool{false, true} {
		written := rr
		if generic {
			raw := new(dns.RFC3597)
			if raw.ToRFC3597(rr) != nil {
				break
			}
			written = raw
		}
		line := written.String()
		if back, err := readRecord(line); err == nil && rdata(back) == rdata(rr) && sameHeader(back, rr) {
			return line, true
		}
	}
	return "", false
}

func sameHeader(a, b dns.RR) bool {
	x, y := a.Header(), b.Header()
	name, ok := Canonical(y.Name)
	return ok && sameName(x.Name, name) && x.Rrtype == y.Rrtype && x.Class == y.Class && x.Ttl == y.Ttl
}
