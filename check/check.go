// Package check gathers facts about a domain's mail and judges them.
//
// The packages below it speak the protocols: they parse, look up and evaluate,
// and return facts. This package runs them, keeps what they saw in Facts, and
// turns facts into findings: which rule is broken, for which subject, with
// which evidence. It holds no sentence for a reader, no severity and no score;
// those belong to package report.
package check

import (
	"net/netip"
	"time"

	"maildoctor/check/evidence"
)

// A RuleID names a rule of the catalogue, such as SPF-TOO-MANY-LOOKUPS. The
// statement in it is false on a healthy domain.
type RuleID string

// A Finding is one broken rule.
type Finding struct {
	Rule     RuleID
	Subject  string            // the domain, host, address or selector it is about; never empty
	Params   map[string]string // names, numbers, codes; never a phrase
	Evidence []string          // quoted from the network: a record, lines of a dialogue

	// Providers are those whose instructions help with the cure.
	Providers []Provider
}

// A Merit is something that was measured and found good. Its ID is a key of
// the words in package report.
type Merit struct {
	ID      string
	Subject string
	Params  map[string]string
}

// State says how far a checker came.
type State string

// The states of a checker.
const (
	Done         State = "done"         // everything was found out
	Skipped      State = "skipped"      // not asked for, or there was nothing to check
	Inconclusive State = "inconclusive" // something could not be found out
)

// Coverage says for one checker how far it came, and why no further. Reason is
// a code, empty with Done; Subject is the name or host it is about, if any.
// Minor tells that what could not be found out cannot cost deliverability.
type Coverage struct {
	Checker string `json:"checker"`
	State   State  `json:"state"`
	Reason  string `json:"reason"`
	Subject string `json:"subject,omitempty"`
	Minor   bool   `json:"minor,omitempty"`
}

// Role is what a domain does with mail, as its own records tell.
type Role string

// The roles of a domain.
const (
	Sending    Role = "sending"    // authorises somebody to send for it
	Receiving  Role = "receiving"  // has mail hosts, and says that nobody sends for it
	Forwarding Role = "forwarding" // its mail hosts pass mail on, and nobody else sends for it
	Parked     Role = "parked"     // neither sends nor receives, as its records say
	Unknown    Role = "unknown"    // its records could not be read, or say nothing
)

// Options are what the user asked for.
type Options struct {
	Checks       []string           // names of checkers; nil for all
	Selectors    []string           // DKIM selectors to ask instead of guessing
	Evidence     *evidence.Evidence // what files of the user show; nil if there are none
	IP           netip.Addr         // the sending host; the zero Addr if not given
	Helo         string             // the name the sending host uses in EHLO
	From         string             // the envelope sender of the sending host
	Hostname     string             // our own name in EHLO where Helo is empty; empty for our address
	NoSMTP       bool               // open no TCP connection to mail hosts
	SMTPPort     int                // the port of MX hosts; 0 for 25
	Intrusive    bool               // ask one MX host for relay and mailboxes too, with MAIL, RCPT, VRFY and EXPN
	Blocklists   []string           // zones of the blocklists to ask, as ParseBlocklist returns them; nil for the usual ones
	NoDNSBL      bool               // ask no blocklist
	AllowPrivate bool               // dial loopback, link-local and private addresses too
	Access       string             // the host that mail programs use, or AccessAuto; empty to leave that alone
}

// A Result is all that an audit found out about one domain.
type Result struct {
	Domain   string // A-label, lower case, without the final dot
	Time     time.Time
	Role     Role
	Coverage []Coverage // in the order of the table of checkers
	Findings []Finding  // sorted by rule, then subject
	Merits   []Merit
	Facts    *Facts

	// Receivers is how the domain stands with what large receivers demand; nil
	// where that is nothing.
	Receivers []Compliance

	// Trust is which senders can deliver to each mail host.
	Trust []Trust
}
