package dnsx

import (
	"cmp"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// A step is what one message says about the question it answers.
type step struct {
	status  Status
	reason  string
	links   []string // CNAME targets in order, at most MaxChain+1; the last may repeat a name
	records []dns.RR // all records of the type at the end of the links, sorted, each once
	ad      bool
	open    bool // the message says nothing about the last target: ask on for it
}

// end returns the name that the links lead to.
func (s step) end(name string) string {
	if n := len(s.links); n > 0 {
		return s.links[n-1]
	}
	return name
}

func failed(reason string) step { return step{status: Failed, reason: reason} }

// interpret reads the answer to a question about a canonical name.
func interpret(m *dns.Msg, name string, qtype uint16) step {
	if m == nil || !m.Response || m.Opcode != dns.OpcodeQuery || m.Truncated || len(m.Question) != 1 {
		return failed(ReasonMessage)
	}
	q := m.Question[0]
	if q.Qtype != qtype || q.Qclass != dns.ClassINET || !sameName(q.Name, name) {
		return failed(ReasonMessage)
	}
	s := step{ad: m.AuthenticatedData}
	switch m.Rcode {
	case dns.RcodeSuccess:
		s.status = NoData
	case dns.RcodeNameError:
		s.status = NXDomain
	case dns.RcodeServerFailure:
		return step{status: ServFail}
	case dns.RcodeRefused:
		return step{status: Refused}
	default:
		return failed(ReasonRcode)
	}

	end := name
	for {
		s.records = recordsAt(m.Answer, end, qtype)
		if len(s.records) > 0 || qtype == dns.TypeCNAME {
			break
		}
		target, ok := linkAt(m.Answer, end)
		if !ok {
			break
		}
		seen := target == name || slices.Contains(s.links, target)
		s.links = append(s.links, target)
		if seen || len(s.links) > MaxChain {
			s.status, s.open = NoData, true
			return s
		}
		end = target
	}
	switch {
	case len(s.records) == 0:
		// RFC 2308 section 2.2: the SOA record tells a server that looked for
		// the target and found nothing from one that left the rest to us.
		s.open = len(s.links) > 0 && s.status == NoData &&
			!(m.RecursionAvailable && hasSOA(m.Ns, end))
	case s.status == NXDomain:
		return failed(ReasonMessage) // it does not exist, and here it is
	default:
		s.status = OK
	}
	return s
}

// recordsAt returns the records of a name and type, sorted, each once.
func recordsAt(answer []dns.RR, name string, qtype uint16) []dns.RR {
	first, n := 0, 0
	for i, rr := range answer {
		if isAt(rr, name, qtype) && hasData(rr) {
			if n == 0 {
				first = i
			}
			n++
		}
	}
	switch n {
	case 0:
		return nil
	case 1:
		return answer[first : first+1 : first+1]
	}
	out := make([]dns.RR, 0, n)
	for _, rr := range answer[first:] {
		if isAt(rr, name, qtype) && hasData(rr) {
			out = append(out, rr)
		}
	}
	return sortRecords(out)
}

func isAt(rr dns.RR, name string, rtype uint16) bool {
	if rr == nil {
		return false
	}
	h := rr.Header()
	return h.Rrtype == rtype && h.Class == dns.ClassINET && sameName(h.Name, name)
}

// hasData is false for records without RDATA, which are legal in a dynamic
// update alone (RFC 2136 section 2.4), and for those of another Go type.
func hasData(rr dns.RR) bool {
	switch rr := rr.(type) {
	case *dns.RR_Header, *dns.ANY, *dns.OPT:
		return false
	case *dns.A:
		return len(rr.A) > 0
	case *dns.AAAA:
		return len(rr.AAAA) > 0
	case *dns.TXT:
		return len(rr.Txt) > 0
	case *dns.MX:
		return rr.Mx != ""
	case *dns.PTR:
		return rr.Ptr != ""
	case *dns.NS:
		return rr.Ns != ""
	case *dns.CNAME:
		return rr.Target != ""
	case *dns.SOA:
		return rr.Ns != ""
	case *dns.TLSA:
		return rr.Certificate != ""
	}
	return true
}

// sortRecords sorts records of one name and type in place by their RDATA in
// presentation form and drops duplicates; the TTL only breaks ties.
func sortRecords(records []dns.RR) []dns.RR {
	type keyed struct {
		key string
		rr  dns.RR
	}
	rows := make([]keyed, len(records))
	for i, rr := range records {
		rows[i] = keyed{rdata(rr), rr}
	}
	slices.SortStableFunc(rows, func(a, b keyed) int {
		return cmp.Or(strings.Compare(a.key, b.key), cmp.Compare(a.rr.Header().Ttl, b.rr.Header().Ttl))
	})
	rows = slices.CompactFunc(rows, func(a, b keyed) bool { return a.key == b.key })
	for i, row := range rows {
		records[i] = row.rr
	}
	return records[:len(rows)]
}

// rdata returns a record in presentation form without name, TTL, class, type.
func rdata(rr dns.RR) string {
	s := rr.String()
	rest := s
	for range 4 {
		_, after, ok := strings.Cut(rest, "\t")
		if !ok {
			return s
		}
		rest = after
	}
	return rest
}

// linkAt returns the target of the CNAME record of a name. There may be only
// one (RFC 2181 section 10.1); of several the first in sorted order counts.
func linkAt(answer []dns.RR, name string) (string, bool) {
	best, found := "", false
	for _, rr := range answer {
		cname, ok := rr.(*dns.CNAME)
		if !ok || !isAt(rr, name, dns.TypeCNAME) {
			continue
		}
		if target, ok := Canonical(cname.Target); ok && (!found || target < best) {
			best, found = target, true
		}
	}
	return best, found
}

// hasSOA reports whether an authority section has the SOA record of a zone that
// the name may belong to.
func hasSOA(ns []dns.RR, name string) bool {
	for _, rr := range ns {
		soa, ok := rr.(*dns.SOA)
		if !ok || soa.Hdr.Class != dns.ClassINET {
			continue
		}
		if owner, ok := Canonical(soa.Hdr.Name); ok && (owner == "." || below(name, owner)) {
			return true
		}
	}
	return false
}
