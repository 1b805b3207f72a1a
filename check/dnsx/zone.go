package dnsx

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// errUnreachable is the error of the fault "network".
var errUnreachable = errors.New("dnsx: network failure, as the zone file says")

// A Zone answers from zone files, without a network. It may be used from
// several goroutines.
//
// What the files state is answered: a record, a CNAME record (followed inside
// the files, at most MaxChain links), a wildcard (RFC 4592). What they do not
// state is judged by their extent. Without any SOA record the files are the
// whole world, and the rest does not exist. With SOA records the rest of those
// zones does not exist, and what lies outside of them, or below a delegation,
// is refused: it cannot be known from the files.
//
// Lines that begin with ";!" state what no record can. They hold an absolute
// name:
//
//	;! WORD NAME TYPE     for exactly that question, whatever else is stated
//	;! WORD NAME          for the name and, except for nodata, for all names
//	                      below it that have no record; nodata leaves the
//	                      records of the name as they are
//	;! WORD *.NAME        for all questions below the name that the files do
//	                      not answer, unless an SOA record lies deeper; "*." for all
//	;! ad NAME TYPE       the answer carries the AD bit; through a CNAME record
//	                      every name of the chain needs such a line
//	;! answer NAME TYPE RECORD
//	                      the answer to exactly that question holds the record,
//	                      of that type or CNAME, with those of other such
//	                      lines and, whatever else is stated, no others; with
//	                      CNAME records alone, a typed nodata or nxdomain tells
//	                      of the name that they lead to, which is otherwise
//	                      looked up
//
// WORD is servfail, timeout, refused, nxdomain, nodata, notimp (an unexpected
// code), network (the transport failed), malformed (an unusable answer), budget
// (never asked: the questions were used up) or descriptors (never asked: too
// many files were open).
type Zone struct {
	nodes    map[string]*node // every name that exists, empty non-terminals too
	faults   map[question]fault
	rest     map[string]fault // by the name below which they hold
	ad       map[question]bool
	answers  map[question][]dns.RR // whole answers
	hasSOA   bool
	wildcard bool // some node is a wildcard

	limits  zoneLimits
	entries int // records and fault lines that were read, doubles too
	data    int // their weight
}

var _ Exchanger = (*Zone)(nil)

// A node is a name with its records.
type node struct {
	sets []rrset
}

// An rrset holds the records of one type, sorted, each once, when
// finish has been there.
type rrset struct {
	rtype   uint16
	sorted  bool
	records []dns.RR
}

func (n *node) get(rtype uint16) []dns.RR {
	if n != nil {
		for i := range n.sets {
			if n.sets[i].rtype == rtype {
				return n.sets[i].records
			}
		}
	}
	return nil
}

func (n *node) hasRecords() bool { return n != nil && len(n.sets) > 0 }

// NewZone returns a Zone in which nothing is stated yet.
func NewZone() *Zone {
	return &Zone{
		nodes:   make(map[string]*node),
		faults:  make(map[question]fault),
		rest:    make(map[string]fault),
		ad:      make(map[question]bool),
		answers: make(map[question][]dns.RR),
		limits:  defaultLimits(),
	}
}

// addName makes a name and all above it exist.
func (z *Zone) addName(name string) *node {
	n := z.nodes[name]
	if n != nil {
		return n
	}
	n = new(node)
	z.nodes[name] = n
	if name == "*" || strings.HasPrefix(name, "*.") {
		z.wildcard = true
	}
	for up, ok := parent(name); ok && z.nodes[up] == nil; up, ok = parent(up) {
		z.nodes[up] = new(node)
	}
	return n
}

// add adds a record to a name.
func (n *node) add(rr dns.RR) {
	rtype := rr.Header().Rrtype
	for i := range n.sets {
		if set := &n.sets[i]; set.rtype == rtype {
			set.records, set.sorted = append(set.records, rr), false
			return
		}
	}
	n.sets = append(n.sets, rrset{rtype: rtype, sorted: true, records: []dns.RR{rr}})
}

// addRecord adds a record of a file to the name that owns it.
func (z *Zone) addRecord(name string, rr dns.RR) error {
	if err := z.charge(weight(rr)); err != nil {
		return err
	}
	n := z.addName(name)
	n.add(rr)
	if rr.Header().Rrtype == dns.TypeSOA {
		z.hasSOA = true
	}
	if len(n.sets) > z.limits.types {
		return fmt.Errorf("more than %d types of records at one name", z.limits.types)
	}
	return z.checkNames()
}

// addFault adds what a fault line of a file states.
func (z *Zone) addFault(l faultLine) error {
	size := len(l.name)
	if l.answer != nil {
		size += weight(l.answer)
	}
	if err := z.charge(size); err != nil {
		return err
	}
	q := question{l.name, l.qtype}
	switch {
	case l.answer != nil:
		z.answers[q] = append(z.answers[q], l.answer)
		z.addName(l.name)
	case l.ad:
		z.ad[q] = true
	case l.rest:
		z.rest[l.name] = l.fault
	default:
		z.faults[q] = l.fault
		if l.status != NXDomain {
			z.addName(l.name)
		}
	}
	return z.checkNames()
}

// finish sorts what was added.
func (z *Zone) finish() {
	for _, n := range z.nodes {
		for i := range n.sets {
			if set := &n.sets[i]; !set.sorted {
				set.records, set.sorted = slices.Clip(sortRecords(set.records)), true
			}
		}
	}
}

// A finding is what a Zone says about one name and type: records, a link, or a
// fault, where NoData and NXDomain count as faults. Or it is a whole answer; its
// fault, if any, is then about the end of the chain.
type finding struct {
	answer  []dns.RR
	records []dns.RR
	cname   dns.RR
	fault   fault
}

// find answers a question from the files and their extent.
func (z *Zone) find(name string, qtype uint16) finding {
	if f, ok := z.stated(name, qtype); ok {
		return f
	}
	n := z.nodes[name]
	apex, hasApex := z.above(name, func(up string) bool { return z.nodes[up].get(dns.TypeSOA) != nil })
	if hasApex && z.delegated(name, apex) {
		return finding{fault: fault{status: Refused}}
	}
	if n == nil {
		if f, ok := z.synthesise(name, qtype); ok {
			return f
		}
	}
	if f, deep := z.restBelow(name, apex, hasApex); deep {
		return finding{fault: f}
	}
	status := NXDomain
	switch {
	case !hasApex && z.hasSOA && !n.hasRecords():
		status = Refused
	case n != nil:
		status = NoData
	}
	return finding{fault: fault{status: status}}
}

// stated answers from the lines about the name itself, and from faults above it
// if there are none.
func (z *Zone) stated(name string, qtype uint16) (finding, bool) {
	q := question{name, qtype}
	f, ok := z.faults[q]
	if answer := z.answers[q]; answer != nil && (!ok || f.status.Absent()) {
		return finding{answer: answer, fault: f}, true
	}
	if ok {
		return finding{fault: f}, true
	}
	all, isFault := z.faults[question{name, 0}]
	if isFault && all.status != NoData {
		return finding{fault: all}, true
	}
	n := z.nodes[name]
	if f, ok := n.answer(qtype); ok {
		return f, true
	}
	if isFault {
		return finding{fault: all}, true
	}
	if n.hasRecords() || len(z.faults) == 0 {
		return finding{}, false
	}
	for up, ok := parent(name); ok; up, ok = parent(up) {
		if f, ok := z.faults[question{up, 0}]; ok && f.status != NoData {
			return finding{fault: f}, true
		}
	}
	return finding{}, false
}

// answer finds the records of a type, or the CNAME record that stands for them
// (RFC 1034 section 3.6.2).
func (n *node) answer(qtype uint16) (finding, bool) {
	if records := n.get(qtype); records != nil {
		return finding{records: records}, true
	}
	if cname := n.get(dns.TypeCNAME); len(cname) > 0 {
		return finding{cname: cname[0]}, true
	}
	return finding{}, false
}

// above returns the deepest name at or above the given one that fits.
func (z *Zone) above(name string, fits func(string) bool) (string, bool) {
	for ok := true; ok; name, ok = parent(name) {
		if fits(name) {
			return name, true
		}
	}
	return "", false
}

// delegated reports whether the name is at or below a zone cut under the apex
// (RFC 1034 section 4.2.1).
func (z *Zone) delegated(name, apex string) bool {
	for ok := true; ok && name != apex; name, ok = parent(name) {
		if z.nodes[name].get(dns.TypeNS) != nil {
			return true
		}
	}
	return false
}

// synthesise answers for a name that does not exist from the wildcard of its
// closest encloser (RFC 4592 section 3.3.1).
func (z *Zone) synthesise(name string, qtype uint16) (finding, bool) {
	if !z.wildcard {
		return finding{}, false
	}
	up, ok := parent(name)
	if !ok {
		return finding{}, false
	}
	encloser, ok := z.above(up, func(up string) bool { return z.nodes[up] != nil })
	if !ok {
		return finding{}, false
	}
	source := "*"
	if encloser != "." {
		source = "*." + encloser
	}
	n := z.nodes[source]
	if !n.hasRecords() {
		return finding{}, false
	}
	f, ok := n.answer(qtype)
	switch {
	case !ok:
		return finding{fault: fault{status: NoData}}, true
	case f.cname != nil:
		f.cname = renamed(f.cname, name)
	default:
		records := make([]dns.RR, len(f.records))
		for i, rr := range f.records {
			records[i] = renamed(rr, name)
		}
		f.records = records
	}
	return f, true
}

func renamed(rr dns.RR, name string) dns.RR {
	rr = dns.Copy(rr)
	rr.Header().Name = fqdn(name)
	return rr
}

// restBelow returns the fault for all that is not in the files, if it is stated
// for a name at or below the apex of the zone that the name is in.
func (z *Zone) restBelow(name, apex string, hasApex bool) (fault, bool) {
	if len(z.rest) == 0 {
		return fault{}, false
	}
	if f, ok := z.rest["."]; ok && name == "." {
		return f, true
	}
	up, ok := parent(name)
	if !ok {
		return fault{}, false
	}
	at, ok := z.above(up, func(up string) bool { _, ok := z.rest[up]; return ok })
	if !ok || hasApex && at != apex && below(apex, at) {
		return fault{}, false
	}
	return z.rest[at], true
}

// Exchange implements Exchanger. It needs no time.
func (z *Zone) Exchange(ctx context.Context, q *dns.Msg) (*dns.Msg, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	name, qtype, ok := asked(q)
	if !ok {
		return fault{status: Refused}.reply(q)
	}
	f := z.find(name, qtype)
	if f.cname == nil {
		m, err := z.reply(q, f)
		if err != nil {
			return nil, err
		}
		m.AuthenticatedData = z.ad[question{name, qtype}]
		if f.answer != nil {
			return m, nil
		}
		m.RecursionAvailable = true
		if f.records == nil {
			m.Ns = z.authority(name)
		}
		return m, nil
	}

	m := newReply(q)
	ad := z.ad[question{name, qtype}]
	for links := 0; f.cname != nil && links < MaxChain; links++ {
		m.Answer = append(m.Answer, f.cname)
		cname, _ := f.cname.(*dns.CNAME)
		target, ok := Canonical(cname.Target)
		if !ok {
			break
		}
		name = target
		f = z.find(name, qtype)
		known := f.answer == nil && (f.cname != nil || f.records != nil || f.fault.status.Known())
		if !known {
			break // left for a question of its own, which has an answer of its own
		}
		ad = ad && z.ad[question{name, qtype}]
		if f.cname != nil {
			continue
		}
		m.RecursionAvailable = true
		m.Answer = append(m.Answer, f.records...)
		if f.records == nil {
			m.Ns = z.authority(name)
			if f.fault.status == NXDomain {
				m.Rcode = dns.RcodeNameError
			}
		}
	}
	m.AuthenticatedData = ad
	return m, nil
}

// reply answers a query with a finding about the asked name.
func (z *Zone) reply(q *dns.Msg, f finding) (*dns.Msg, error) {
	switch {
	case f.answer != nil:
		m := newReply(q)
		m.Answer = slices.Clip(f.answer)
		switch f.fault.status {
		case NXDomain:
			m.Rcode = dns.RcodeNameError
		case NoData:
			m.RecursionAvailable = true
			m.Ns = []dns.RR{rootSOA()}
		}
		return m, nil
	case f.records != nil:
		m := newReply(q)
		m.Answer = f.records[:len(f.records):len(f.records)]
		return m, nil
	case f.cname != nil:
		m := newReply(q)
		m.Answer = []dns.RR{f.cname}
		return m, nil
	}
	return f.fault.reply(q)
}

// authority returns the SOA record of the zone that a name is in. A world
// without any is a root zone.
func (z *Zone) authority(name string) []dns.RR {
	apex, ok := z.above(name, func(up string) bool { return z.nodes[up].get(dns.TypeSOA) != nil })
	if ok {
		return z.nodes[apex].get(dns.TypeSOA)
	}
	return []dns.RR{rootSOA()}
}

func rootSOA() dns.RR {
	return &dns.SOA{
		Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: defaultTTL},
		Ns:  ".", Mbox: ".", Minttl: defaultTTL,
	}
}

// asked returns the question of a query that a zone can answer.
func asked(q *dns.Msg) (name string, qtype uint16, ok bool) {
	if len(q.Question) != 1 || q.Question[0].Qclass != dns.ClassINET {
		return "", 0, false
	}
	name, ok = Canonical(q.Question[0].Name)
	qtype = q.Question[0].Qtype
	return name, qtype, ok && isDataType(qtype)
}

// newReply returns an empty answer to a query.
func newReply(q *dns.Msg) *dns.Msg {
	m := new(dns.Msg)
	m.Id = q.Id
	m.Response = true
	m.Opcode = q.Opcode
	m.RecursionDesired = q.RecursionDesired
	m.Question = q.Question
	return m
}
