package dnsx

import (
	"bufio"
	"context"
	"io"
	"maps"
	"sync"

	"github.com/miekg/dns"
)

// A Recorder is an Exchanger that asks another one and remembers every question
// with its answer. It may be used from several goroutines.
type Recorder struct {
	live   Exchanger
	limits zoneLimits // of the file that is written

	mu    sync.Mutex
	steps map[question]step
	lost  map[question]bool // questions that a caller gave up
}

var (
	_ Exchanger   = (*Recorder)(nil)
	_ io.WriterTo = (*Recorder)(nil)
)

// NewRecorder returns a Recorder that asks live.
func NewRecorder(live Exchanger) *Recorder {
	return &Recorder{
		live: live, limits: defaultLimits(),
		steps: make(map[question]step), lost: make(map[question]bool),
	}
}

// Exchange implements Exchanger. A question that a caller gave up is not
// remembered, unless a chain of CNAME records led to it; of several answers the
// latest that knows something is.
func (r *Recorder) Exchange(ctx context.Context, q *dns.Msg) (*dns.Msg, error) {
	m, err := r.live.Exchange(ctx, q)
	name, qtype, ok := asked(q)
	if !ok {
		return m, err
	}
	key := question{name, qtype}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil && over(ctx) {
		r.lost[key] = true
		return m, err
	}
	s := outcome(m, err, key)
	if old, ok := r.steps[key]; !ok || s.status.Known() || !old.status.Known() {
		r.steps[key] = s
	}
	return m, err
}

// WriteTo writes what was remembered as a zone file, sorted, that ParseZone
// reads; what would be beyond its limits is an error, and nothing is written.
// The Zone gives the same answers to the questions that were asked, where the
// server's were not the same for one name, too. Where a chain ended because the
// budget was used up it ends so again. Other questions it refuses, unless a
// recorded record happens to answer them: a CNAME record, a wildcard, or the
// SOA record of the name.
func (r *Recorder) WriteTo(w io.Writer) (int64, error) {
	r.mu.Lock()
	steps, lost := maps.Clone(r.steps), maps.Clone(r.lost)
	r.mu.Unlock()

	lines, err := transcript(steps, lost, r.limits)
	if err != nil {
		return 0, err
	}
	out := bufio.NewWriter(w)
	var n int64
	for _, line := range lines {
		c, err := out.WriteString(line + "\n")
		n += int64(c)
		if err != nil {
			return n, err
		}
	}
	return n, out.Flush()
}
