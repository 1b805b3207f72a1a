package report

import (
	"slices"
	"strings"

	"maildoctor/check"
)

// markMoot stands where senders have nothing to hold a host to.
const markMoot = "–"

// A model is a kind of sender and what it does, today and later.
type model struct {
	code       string
	now, later check.Delivery
}

func models(t *check.Trust) []model {
	return []model{
		{"opportunistic", t.Opportunistic, t.Later.Opportunistic},
		{"mta-sts", t.MTASTS, t.Later.MTASTS},
		{"dane", t.DANE, t.Later.DANE},
	}
}

// trust prints which senders can deliver to the mail hosts: a line for each host,
// and why not. Where no host has MTA-STS or DANE there is nothing to tell apart.
func (p *printer) trust(r *Report) {
	strict := slices.ContainsFunc(r.Trust, func(t check.Trust) bool {
		return t.MTASTS.State != check.DeliveredMoot || t.DANE.State != check.DeliveredMoot
	})
	if !strict || !r.measured() {
		return
	}
	p.heading("trust")
	t := newTrustTable(p, r.Trust)
	t.row("", t.names)
	for i := range r.Trust {
		t.host(&r.Trust[i])
	}
	if slices.ContainsFunc(r.Trust, func(t check.Trust) bool {
		return t.MTASTS.State == check.DeliveredMoot || t.DANE.State == check.DeliveredMoot
	}) {
		p.small(p.lang.word("text", "trust-moot"))
	}
}

// A trustTable is a table on its way to paper. Where there is no room for the
// names of hosts beside the columns, they stand on lines of their own.
type trustTable struct {
	*printer
	names  []string // of the models
	column int      // the width of the first column, 0 for none
}

func newTrustTable(p *printer, hosts []check.Trust) *trustTable {
	t := &trustTable{printer: p}
	room := p.width - 2
	for _, m := range models(&hosts[0]) {
		name := p.lang.word("model", m.code)
		t.names = append(t.names, name)
		room -= displayWidth(name) + 2
	}
	if room < minCut {
		return t
	}
	for _, h := range hosts {
		t.column = max(t.column, displayWidth(Cut(h.Host, room)))
	}
	return t
}

// row prints the cells of one line, each under the name of its model.
func (t *trustTable) row(host string, cells []string) {
	line := "  "
	switch {
	case t.column > 0:
		line += pad(Cut(host, max(minCut, t.column)), t.column) + "  "
	case host != "":
		t.line("  " + Cut(host, t.width-2))
		fallthrough
	default:
		line += "  "
	}
	for i, cell := range cells {
		if i > 0 {
			line += "  "
		}
		line += t.mark(cell) + strings.Repeat(" ", max(0, displayWidth(t.names[i])-displayWidth(cell)))
	}
	t.line(line)
}

// host prints the line of one host, and below it the reasons, each once.
func (t *trustTable) host(trust *check.Trust) {
	all := models(trust)
	var cells []string
	for _, m := range all {
		cells = append(cells, deliveryMark(m.now))
	}
	t.row(trust.Host, cells)
	said := map[check.Delivery]bool{}
	for _, m := range all {
		if d := m.now; d.Reason != "" && !said[d] && (d.State != check.DeliveredMoot || t.Verbose) {
			said[d] = true
			t.reason(d, t.label(t.concerned(all, d), t.trustReason(d.Reason)))
		}
	}
	for i, m := range all {
		if m.later != m.now {
			t.reason(m.later, fill(t.lang.word("text", "trust-later"), map[string]string{
				"model": t.names[i], "reason": t.trustReason(m.later.Reason),
			}))
		}
	}
}

// concerned names the models of which the same is said.
func (t *trustTable) concerned(all []model, d check.Delivery) string {
	var names []string
	for i, m := range all {
		if m.now == d {
			names = append(names, t.names[i])
		}
	}
	return strings.Join(names, ", ")
}

func (t *trustTable) reason(d check.Delivery, text string) {
	const indent, hang = "    ", "      "
	first := indent + t.mark(deliveryMark(d)) + " "
	for _, line := range wrap(text, t.width-len(hang)) {
		t.line(first + line)
		first = hang
	}
}

// mark paints a mark that stands alone.
func (p *printer) mark(m string) string {
	return strings.TrimRight(p.marks(m+tied), " "+tied)
}

func deliveryMark(d check.Delivery) string {
	switch d.State {
	case check.DeliveredYes:
		return markMet
	case check.DeliveredNo:
		return markUnmet
	case check.DeliveredMoot:
		return markMoot
	}
	return markUnknown
}

// trustReason returns the phrase of a reason, which may be one of the coverage.
func (p *printer) trustReason(reason check.TrustReason) string {
	if text, ok := p.lang.lookup("trust." + string(reason)); ok {
		return text
	}
	return p.lang.word("coverage", string(reason))
}
