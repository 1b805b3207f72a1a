// Package dnsx asks the DNS and says what happened.
//
// A lookup never returns an error: whether a record exists, does not exist, or
// could not be found out is the observation itself, and every answer carries
// it as a Status. The packages above ask through a Resolver, which a Client
// implements on top of any Exchanger: the system's resolvers, zone files, an
// overlay of both, or a pretend server in a test.
package dnsx

import (
	"context"

	"github.com/miekg/dns"
)

// An Exchanger sends one question and returns the answer to it. The returned
// message answers that very question: ID, QR bit, opcode and question fit. An
// error means that no answer came; where it has a method Timeout that returns
// true, the time ran out.
type Exchanger interface {
	Exchange(ctx context.Context, q *dns.Msg) (*dns.Msg, error)
}

// A Resolver looks up one name and type. *Client is the one in use.
type Resolver interface {
	Lookup(ctx context.Context, name string, qtype uint16) Answer
}

// Status says how a lookup ended.
type Status string

// The ways in which a lookup ends. Only the first three say something about
// the name; after the others it is unknown whether the record exists.
const (
	OK       Status = "ok"       // records of the asked type exist
	NoData   Status = "nodata"   // the name exists, or may exist, without that type
	NXDomain Status = "nxdomain" // the name does not exist, nor anything below it (RFC 8020)
	ServFail Status = "servfail" // the server could not answer
	Refused  Status = "refused"  // the server would not answer
	Timeout  Status = "timeout"  // no answer in time
	Failed   Status = "failed"   // anything else; Answer.Reason says what
)

// Known reports whether the lookup found out if the record exists.
func (s Status) Known() bool { return s == OK || s == NoData || s == NXDomain }

// Absent reports whether the lookup found out that the record does not exist.
func (s Status) Absent() bool { return s == NoData || s == NXDomain }

// An Answer is what one lookup brought.
type Answer struct {
	Name          string   // the asked name as an A-label, lower case, without the final dot
	Type          uint16   // the asked type
	Status        Status   // how the lookup ended
	Reason        string   // with Failed, one of the Reason constants; otherwise empty
	Records       []dns.RR // records of the asked type at the end of the chain, sorted, at most MaxRecords
	Cut           int      // how many records were left out beyond MaxRecords
	Chain         []string // the CNAME targets that were followed, in order, at most MaxChain
	Authenticated bool     // the resolver validated the answer (AD), and its word is trusted
}

// Limits of one lookup.
const (
	MaxRecords = 200     // records kept of one answer
	MaxChain   = 8       // CNAME links followed, over all answers counted
	MaxText    = 1 << 16 // octets kept of one joined TXT record
)

// Reasons of the status Failed.
const (
	ReasonBudget      = "question-budget"    // the questions of this run are used up
	ReasonDescriptors = "file-descriptors"   // this process may open no more files (EMFILE, ENFILE)
	ReasonName        = "bad-name"           // not a name that can be asked (RFC 1035 section 2.3.4)
	ReasonType        = "bad-type"           // not a type of data (RFC 6895 section 3.1)
	ReasonLoop        = "cname-loop"         // the chain comes back to a name
	ReasonChain       = "cname-chain"        // the chain is longer than MaxChain
	ReasonNetwork     = "network"            // the transport failed
	ReasonRcode       = "unexpected-rcode"   // an answer with another code than 0, 2, 3 or 5
	ReasonMessage     = "malformed-response" // an answer that cannot be used
	ReasonPanic       = "internal-error"     // the transport ended in a fault of this program
)
