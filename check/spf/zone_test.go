package spf

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"maildoctor/check/dnsx"
)

// A zone is a resolver on data in memory. It remembers what it was asked.
type zone struct {
	records map[string][]dns.RR    // by canonical name
	broken  map[string]dnsx.Status // by canonical name, or name and type with a space between
	asked   struct {
		sync.Mutex
		questions map[string]int // name and type with a space between
	}
}

func newZone() *zone {
	z := &zone{records: map[string][]dns.RR{}, broken: map[string]dnsx.Status{}}
	z.asked.questions = map[string]int{}
	return z
}

// testZone reads a zone of lines such as
//
//	example.test TXT v=spf1 a -all
//	example.test A 192.0.2.1
//	broken.test TIMEOUT
//	broken.test SERVFAIL A
func testZone(t testing.TB, text string) *zone {
	t.Helper()
	z := newZone()
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		if len(fields) < 2 {
			t.Fatalf("zone line %q: want a name, a type and data", line)
		}
		name, kind := fields[0], fields[1]
		switch kind {
		case "TIMEOUT", "SERVFAIL", "REFUSED":
			z.broken[strings.Join(append([]string{name}, fields[2:]...), " ")] = dnsx.Status(strings.ToLower(kind))
			continue
		}
		_, data, _ := strings.Cut(strings.TrimSpace(line), kind+" ")
		if err := z.add(name, kind, data); err != nil {
			t.Fatalf("zone line %q: %v", line, err)
		}
	}
	return z
}

// add adds a record; name and data are plain octets.
func (z *zone) add(octets, kind, data string) error {
	name, _ := toName(strings.TrimSuffix(octets, "."))
	rtype := dns.StringToType[kind]
	header := dns.RR_Header{Name: dns.Fqdn(name), Rrtype: rtype, Class: dns.ClassINET}
	target := func(octets string) string {
		if octets == "." || octets == "" {
			return "."
		}
		name, _ := toName(strings.TrimSuffix(octets, "."))
		return dns.Fqdn(name)
	}
	var rr dns.RR
	switch rtype {
	case dns.TypeTXT:
		rr = &dns.TXT{Hdr: header, Txt: []string{zoneText(data)}}
	case dns.TypeA:
		rr = &dns.A{Hdr: header, A: net.ParseIP(data).To4()}
	case dns.TypeAAAA:
		rr = &dns.AAAA{Hdr: header, AAAA: net.ParseIP(data).To16()}
	case dns.TypeMX:
		var preference uint16
		var host string
		if _, err := fmt.Sscan(data, &preference, &host); err != nil {
			return err
		}
		rr = &dns.MX{Hdr: header, Preference: preference, Mx: target(host)}
	case dns.TypePTR:
		rr = &dns.PTR{Hdr: header, Ptr: target(data)}
	case dns.TypeCNAME:
		rr = &dns.CNAME{Hdr: header, Target: target(data)}
	default:
		return fmt.Errorf("unknown type %q", kind)
	}
	z.records[name] = append(z.records[name], rr)
	return nil
}

// zoneText escapes text as the DNS library does.
func zoneText(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c < ' ' || c > '~' || c == '\\' || c == '"' {
			fmt.Fprintf(&b, `\%03d`, c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func (z *zone) Lookup(_ context.Context, name string, qtype uint16) dnsx.Answer {
	a := dnsx.Answer{Name: name, Type: qtype}
	name, ok := dnsx.Canonical(name)
	if !ok {
		a.Status, a.Reason = dnsx.Failed, dnsx.ReasonName
		return a
	}
	a.Name = name
	question := name + " " + dns.TypeToString[qtype]
	z.asked.Lock()
	z.asked.questions[question]++
	z.asked.Unlock()
	for links := 0; ; links++ {
		if links > dnsx.MaxChain {
			a.Status, a.Reason = dnsx.Failed, dnsx.ReasonLoop
			return a
		}
		a.Status = z.broken[name+" "+dns.TypeToString[qtype]]
		if a.Status == "" {
			for _, rr := range z.records[name] {
				if rr.Header().Rrtype == qtype {
					a.Records = append(a.Records, rr)
				}
			}
			if len(a.Records) > 0 {
				a.Status = dnsx.OK
				return a
			}
			a.Status = z.broken[name]
		}
		if a.Status != "" {
			return a
		}
		next := ""
		for _, rr := range z.records[name] {
			if cname, ok := rr.(*dns.CNAME); ok {
				next, _ = dnsx.Canonical(cname.Target)
			}
		}
		if next == "" {
			break
		}
		name = next
	}
	a.Status = dnsx.NXDomain
	for known := range z.records {
		if known == name || strings.HasSuffix(known, "."+name) {
			a.Status = dnsx.NoData
		}
	}
	return a
}

// questions returns what the zone was asked, sorted.
func (z *zone) questions() []string {
	z.asked.Lock()
	defer z.asked.Unlock()
	var out []string
	for q := range z.asked.questions {
		out = append(out, q)
	}
	slices.Sort(out)
	return out
}

// A cache asks each question once.
type cache struct {
	resolver dnsx.Resolver
	mu       sync.Mutex
	answers  map[string]func() dnsx.Answer
}

func newCache(r dnsx.Resolver) *cache {
	return &cache{resolver: r, answers: map[string]func() dnsx.Answer{}}
}

func (c *cache) Lookup(ctx context.Context, name string, qtype uint16) dnsx.Answer {
	key := fmt.Sprint(name, " ", qtype)
	c.mu.Lock()
	answer := c.answers[key]
	if answer == nil {
		answer = sync.OnceValue(func() dnsx.Answer { return c.resolver.Lookup(ctx, name, qtype) })
		c.answers[key] = answer
	}
	c.mu.Unlock()
	return answer()
}

// rawText returns the text of a TXT record, and nothing of another.
func rawText(rr dns.RR) string {
	return strings.Join(dnsx.Answer{Records: []dns.RR{rr}}.Texts(), "")
}

// count returns how many questions the zone was asked.
func (z *zone) count() int {
	z.asked.Lock()
	defer z.asked.Unlock()
	total := 0
	for _, n := range z.asked.questions {
		total += n
	}
	return total
}
