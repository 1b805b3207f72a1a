package dmarc

import (
	"context"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"maildoctor/check/dnsx"
)

// world is what the DNS says: one line for each name, the texts behind "=" and
// between " | ". A status in place of a text is the answer itself. Names that
// are not there do not exist; "*." stands for one label or more. A name behind
// "MX ", "A " or "AAAA " stands for that type; there the hosts are what is
// listed, and "->" makes the name an alias.
type world struct {
	answers map[string]dnsx.Answer

	mu    sync.Mutex
	asked map[string]int
}

func newWorld(lines ...string) *world {
	w := &world{answers: map[string]dnsx.Answer{}, asked: map[string]int{}}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, " = ")
		switch status := dnsx.Status(value); status {
		case dnsx.NoData, dnsx.NXDomain, dnsx.ServFail, dnsx.Refused, dnsx.Timeout, dnsx.Failed:
			w.answers[name] = dnsx.Answer{Status: status}
			continue
		}
		a := dnsx.Answer{Status: dnsx.OK}
		if alias, ok := strings.CutPrefix(value, "-> "); ok {
			w.answers[name] = dnsx.Answer{Status: dnsx.NXDomain, Chain: []string{alias}}
			continue
		}
		for text := range strings.SplitSeq(value, " | ") {
			if strings.HasPrefix(name, "MX ") {
				a.Records = append(a.Records, &dns.MX{Mx: dns.Fqdn(text)})
				continue
			}
			a.Records = append(a.Records, &dns.TXT{Txt: []string{text}})
		}
		w.answers[name] = a
	}
	return w
}

func (w *world) Lookup(_ context.Context, name string, qtype uint16) dnsx.Answer {
	plain := name
	if qtype != dns.TypeTXT {
		name = dns.TypeToString[qtype] + " " + name
	}
	w.mu.Lock()
	w.asked[name]++
	w.mu.Unlock()
	a, ok := w.answers[name]
	for parent := name; !ok && qtype == dns.TypeTXT && parent != ""; {
		_, parent, _ = strings.Cut(parent, ".")
		a, ok = w.answers["*."+parent]
	}
	if !ok {
		a.Status = dnsx.NXDomain
	}
	a.Name, a.Type = plain, qtype
	return a
}

// rounds expects questions in rounds of the given sizes: an answer comes only
// when all questions of its round were asked.
type rounds struct {
	*world
	sizes []int

	mu      sync.Mutex
	arrived int
	gates   []chan struct{}
}

func newRounds(w *world, sizes ...int) *rounds {
	r := &rounds{world: w, sizes: sizes}
	for range sizes {
		r.gates = append(r.gates, make(chan struct{}))
	}
	return r
}

func (r *rounds) Lookup(ctx context.Context, name string, qtype uint16) dnsx.Answer {
	r.mu.Lock()
	r.arrived++
	var gate chan struct{}
	end := 0
	for i, size := range r.sizes {
		if end += size; r.arrived <= end {
			gate = r.gates[i]
			if r.arrived == end {
				close(gate)
			}
			break
		}
	}
	r.mu.Unlock()
	if gate != nil {
		<-gate
	}
	return r.world.Lookup(ctx, name, qtype)
}
