package dnsx

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"
)

// A Recorder is an Exchanger that asks another one and remembers every question
// with its answer. It may be used from several goroutines.
type Recorder struct {
	live Exchanger

	mu    sync.Mutex
	steps map[question]step
}

var (
	_ Exchanger   = (*Recorder)(nil)
	_ io.WriterTo = (*Recorder)(nil)
)

// NewRecorder returns a Recorder that asks live.
func NewRecorder(live Exchanger) *Recorder {
	return &Recorder{live: live, steps: make(map[question]step)}
}

// Exchange implements Exchanger. A question that a caller gave up is not
// remembered; of several answers the latest that knows something is.
func (r *Recorder) Exchange(ctx context.Context, q *dns.Msg) (*dns.Msg, error) {
	m, err := r.live.Exchange(ctx, q)
	name, qtype, ok := asked(q)
	if !ok || err != nil && over(ctx) {
		return m, err
	}
	key := question{name, qtype}
	s := outcome(m, err, key)
	r.mu.Lock()
	defer r.mu.Unlock()
	if old, ok := r.steps[key]; !ok || s.status.Known() || !old.status.Known() {
		r.steps[key] = s
	}
	return m, err
}

// WriteTo writes what was remembered as a zone file, sorted, that ParseZone
// reads. The Zone gives the same answers to the questions that were asked. Others
// it refuses, unless a recorded record happens to answer them: a CNAME record,
// a wildcard, or the SOA record of the name.
func (r *Recorder) WriteTo(w io.Writer) (int64, error) {
	r.mu.Lock()
	steps := maps.Clone(r.steps)
	r.mu.Unlock()

	out := bufio.NewWriter(w)
	var n int64
	for _, line := range transcript(steps) {
		c, err := out.WriteString(line + "\n")
		n += int64(c)
		if err != nil {
			return n, err
		}
	}
	return n, out.Flush()
}

// transcript returns the lines of the zone file.
func transcript(steps map[question]step) []string {
	keys := slices.SortedFunc(maps.Keys(steps), func(a, b question) int {
		return cmp.Or(strings.Compare(a.name, b.name), cmp.Compare(a.qtype, b.qtype))
	})
	t := transcriber{steps: steps, ends: make(map[question]bool), links: make(map[string]bool)}
	for _, q := range keys {
		t.write(q, steps[q])
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

// record writes a record in its usual form if that reads back as the same, else
// in the form for unknown types (RFC 3597 section 5).
func (t *transcriber) record(rr dns.RR) {
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
		if back, err := readBack(line); err == nil && rdata(back) == rdata(rr) && sameHeader(back, rr) {
			t.lines = append(t.lines, line)
			return
		}
	}
	t.lines = append(t.lines, "; a record that cannot be written: "+fmt.Sprintf("%q", rr.Header().Name))
}

func readBack(line string) (dns.RR, error) {
	parser := dns.NewZoneParser(strings.NewReader(line+"\n"), "", "")
	rr, ok := parser.Next()
	if !ok {
		return nil, cmp.Or(parser.Err(), ErrMessage)
	}
	back, _, err := normalise(rr)
	return back, err
}

func sameHeader(a, b dns.RR) bool {
	x, y := a.Header(), b.Header()
	name, ok := Canonical(y.Name)
	return ok && sameName(x.Name, name) && x.Rrtype == y.Rrtype && x.Class == y.Class && x.Ttl == y.Ttl
}
