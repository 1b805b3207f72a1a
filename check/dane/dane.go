// Package dane finds the TLSA records of a mail host and says whether a
// certificate chain fits them (RFC 6698, RFC 7671; for SMTP RFC 7672). With them
// the owner of a host pins its keys or its authority in the DNS, and senders
// that follow DANE deliver only over TLS to a server that fits.
//
// All of it stands on DNSSEC. Whether an answer is secure is taken from the
// resolver, which says so by the AD bit. Insecure therefore means "not said to be
// secure": the zone is not signed, or the resolver does not validate.
package dane

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"maildoctor/check/dnsx"

	"github.com/miekg/dns"
)

// MaxRecords is the number of TLSA records looked at.
const MaxRecords = 100

// Security is the DNSSEC state of an answer, by the terms of RFC 4033 section 5.
type Security string

// The states of an answer. A bogus one reaches nobody through a resolver that
// validates: it shows as the status servfail, and is Indeterminate here.
const (
	Secure        Security = "secure"
	Insecure      Security = "insecure"
	Indeterminate Security = "indeterminate" // no answer, or not asked
)

// SecurityOf returns the state of one answer.
func SecurityOf(a dnsx.Answer) Security {
	switch {
	case !a.Status.Known():
		return Indeterminate
	case a.Authenticated:
		return Secure
	}
	return Insecure
}

// AddressSecurity returns the state of the answers for A and AAAA together. A
// family without an answer leaves the word to the other: senders use that one.
func AddressSecurity(a, aaaa dnsx.Answer) Security {
	x, y := SecurityOf(a), SecurityOf(aaaa)
	switch {
	case x == Insecure || y == Insecure:
		return Insecure
	case x == Secure || y == Secure:
		return Secure
	}
	return Indeterminate
}

// A Host is a mail host and what the lookups on the way to it showed.
type Host struct {
	Name    string   // as the MX record has it
	Alias   []string // the CNAME targets that follow it in the answer for its addresses, in order
	MX      Security // of the answer that names the host
	Address Security // of the answers for its addresses: AddressSecurity
}

// State says what there is for senders that follow DANE.
type State string

// The states of a host. They leave Result.MX aside.
const (
	StateFound         State = "found"          // TLSA records, and all answers on the way to them are secure
	StateFoundInsecure State = "found-insecure" // TLSA records that nobody may rely on (RFC 7672 section 2.2)
	StateAbsent        State = "absent"         // no TLSA records
	StateFailing       State = "failing"        // SERVFAIL where senders ask: they may not deliver (RFC 7672 section 2.1.2)
	StateMoot          State = "moot"           // no answer, but the addresses are insecure: senders do not ask
	StateUnknown       State = "unknown"        // no answer
)

// A Result is what the DNS says about DANE at one port of a host.
type Result struct {
	Host    string   `json:"host"`
	Port    uint16   `json:"port"`
	Alias   []string `json:"alias,omitempty"` // the CNAME targets from Host to its addresses
	MX      Security `json:"mx"`              // of the answer that names the host
	Address Security `json:"address"`         // of the answers for its addresses

	// Of the alias at Host itself; empty where it does not matter: without an
	// alias, or with secure addresses (RFC 7672 section 2.2.3).
	AliasSecurity Security `json:"alias_security,omitempty"`

	State     State      `json:"state"`
	Questions []Question `json:"questions,omitempty"` // for TLSA records, in the order of asking
	Base      string     `json:"base,omitempty"`      // the TLSA base domain: where Records was found
	Records   []Record   `json:"records,omitempty"`   // sorted, each once, at most MaxRecords
	Cut       int        `json:"cut,omitempty"`       // records left out
}

// A Question is one question for TLSA records.
type Question struct {
	Base     string      `json:"base"` // the candidate for the TLSA base domain
	Name     string      `json:"name"` // what was asked for
	Status   dnsx.Status `json:"status"`
	Reason   string      `json:"reason,omitempty"` // with dnsx.Failed, why
	Security Security    `json:"security"`         // of the records, or of the denial
	Alias    []string    `json:"alias,omitempty"`  // the CNAME targets from Name to the records
}

// Applies reports whether senders that follow DANE hold the host to its records.
// They need a secure answer for MX too; a sender may go without that (RFC 7672
// section 2.2.1), but the common ones do not.
func (r *Result) Applies() bool { return r.State == StateFound && r.MX == Secure }

// Delays reports whether senders that follow DANE cannot deliver to the host
// because the question for TLSA records fails (RFC 7672 section 2.1.2).
func (r *Result) Delays() bool { return r.State == StateFailing && r.MX == Secure }

// Lookup asks for the TLSA records of a port of the host, which is 25 for mail
// between servers. With an alias the name at its end comes first, then that of
// the host (RFC 7672 section 2.2.3): at most two questions for TLSA, and one for
// CNAME where the addresses are insecure. Senders do not ask where the
// addresses are insecure; here the records are found, and State says that they
// do not count. Of what is no name nothing is asked. The result is never nil.
func Lookup(ctx context.Context, r dnsx.Resolver, host Host, port uint16) *Result {
	res := &Result{
		Host: host.Name, Port: port, Alias: host.Alias,
		MX: cmp.Or(host.MX, Indeterminate), Address: cmp.Or(host.Address, Indeterminate),
		State: StateAbsent,
	}
	name, ok := dnsx.Canonical(host.Name)
	if !ok {
		res.State = StateUnknown
		return res
	}
	res.Host = name
	on := res.Address // the state of the way to the candidates
	candidates := []string{res.Host}
	switch {
	case len(host.Alias) == 0:
	case on == Insecure:
		on = SecurityOf(r.Lookup(ctx, res.Host, dns.TypeCNAME))
		res.AliasSecurity = on
	default:
		candidates = []string{host.Alias[len(host.Alias)-1], res.Host}
	}
	for _, base := range candidates {
		name := "_" + strconv.Itoa(int(port)) + "._tcp." + base
		if _, ok := dnsx.Canonical(name); !ok {
			continue // RFC 1035 section 2.3.4: with so long a name there can be no records
		}
		if done := res.take(base, r.Lookup(ctx, name, dns.TypeTLSA), on); done {
			break
		}
	}
	return res
}

// take adds an answer, and reports whether the next candidate is not asked any
// more. A failure ends the search: what was not seen must not be passed over.
func (res *Result) take(base string, a dnsx.Answer, on Security) bool {
	q := Question{
		Base: base, Name: a.Name, Status: a.Status, Reason: a.Reason,
		Security: SecurityOf(a), Alias: a.Chain,
	}
	res.Questions = append(res.Questions, q)
	switch {
	case a.Status.Absent():
		return false
	case a.Status == dnsx.ServFail && on == Secure:
		res.reset(StateFailing)
		return true
	case !a.Status.Known() && on == Insecure:
		res.reset(StateMoot)
		return true
	case !a.Status.Known():
		res.reset(StateUnknown)
		return true
	case q.Security == Secure && on == Secure:
		res.reset(StateFound)
	case q.Security == Secure && on == Indeterminate:
		res.reset(StateUnknown)
	case res.State == StateFoundInsecure:
		return false // the records of the first candidate stay
	default:
		res.reset(StateFoundInsecure)
	}
	res.Base = base
	res.Records, res.Cut = recordsOf(a)
	return res.State != StateFoundInsecure
}

func (res *Result) reset(s State) {
	res.State, res.Base, res.Records, res.Cut = s, "", nil, 0
}

// recordsOf returns the records of an answer, and how many were left out.
func recordsOf(a dnsx.Answer) ([]Record, int) {
	var out []Record
	cut := a.Cut
	for _, rr := range a.Records {
		tlsa, ok := rr.(*dns.TLSA)
		if !ok {
			continue
		}
		if len(out) == MaxRecords {
			cut++
			continue
		}
		out = append(out, NewRecord(tlsa.Usage, tlsa.Selector, tlsa.MatchingType, tlsa.Certificate))
	}
	slices.SortFunc(out, compareRecords)
	return slices.CompactFunc(out, func(x, y Record) bool { return compareRecords(x, y) == 0 }), cut
}
