// Package dnsbl asks DNS blocklists and allow lists about an address or a domain
// (RFC 5782), and knows the lists that matter to mail.
//
// A list answers in addresses that are codes: some tell why a subject is listed,
// others that the question was refused, and a zone that has been given up may
// answer everything, or nothing. So no word of a list counts unless its own test
// points (RFC 5782 section 5) answer as they must, and no code counts as a
// listing unless the list documents it. The table of lists is one of facts; to be
// in it is no recommendation. Default names those that are asked unless the user
// says otherwise.
package dnsbl

import (
	"net/netip"
	"slices"
	"strings"

	"maildoctor/check/dnsx"
)

// Kind is what a list holds.
type Kind string

// The kinds of lists.
const (
	IP     Kind = "ip"     // addresses
	Domain Kind = "domain" // domains
	Both   Kind = "both"   // addresses and domains, or it is not known which
	Other  Kind = "other"  // something else, such as hashes of mailboxes or scores; never asked
)

// State says whether a list can be asked with profit.
type State string

// The states. Only lists that are alive or keyed are ever asked.
const (
	Alive    State = "alive"
	Keyed    State = "keyed"    // answers those who have a key or have registered
	Dead     State = "dead"     // closed, whatever its zone answers now
	Harmful  State = "harmful"  // lists whole networks for single hosts; of little weight to receivers
	Doubtful State = "doubtful" // no sign of life was found, or its answers cannot be tested
)

// Severity says how much a listing matters for the delivery of mail in general.
// It is a property of the list, not a judgement of one subject.
type Severity string

// The severities, the gravest first. A list that says only good things is Info.
const (
	Critical Severity = "critical" // most receivers refuse
	High     Severity = "high"     // many refuse
	Medium   Severity = "medium"   // counts at many
	Low      Severity = "low"      // counts at some
	Info     Severity = "info"     // counts hardly anywhere
)

// Policy is what the operator asks of those who query.
type Policy string

// The policies.
const (
	PolicyFree         Policy = "free"
	PolicyVolume       Policy = "free-low-volume" // free up to a number of questions
	PolicyOwnResolver  Policy = "own-resolver"    // as PolicyVolume, and public resolvers are refused
	PolicyRegistration Policy = "registration"    // the address of the resolver must be registered
	PolicyKey          Policy = "key"             // the zone has a label that is the key of the user
	PolicyPaid         Policy = "paid"
	PolicyNone         Policy = "none" // not to be asked
)

// Status says how well a row of the table is known.
type Status string

// The values of Status.
const (
	Documented Status = "documented" // the operator says so
	Observed   Status = "observed"   // in use, or seen to behave so
	Uncertain  Status = "uncertain"
)

// A List is a row of the table, or a list of the user's.
type List struct {
	Zone      string    // canonical, without the key where Policy is PolicyKey
	Name      string    // as the operator writes it; empty for a list of the user's
	Kind      Kind      // what it holds
	Allow     bool      // to be listed is good
	IPv6      bool      // holds IPv6 addresses too
	ZoneV6    string    // the zone of IPv6 addresses if it is another one
	HostNames bool      // takes any host name; other lists take registered domains only
	Bits      bool      // the last octet of an answer is a sum of codes
	Codes     []Code    // what the answers mean
	Errors    []Refusal // the answers that are none, beside 127.255.255.0/24
	Listed    string    // domain that must be listed; empty for TEST
	NotListed string    // domain that must not be listed; empty for INVALID
	Severity  Severity  // of codes that have none of their own
	State     State     // empty for a list of the user's
	Policy    Policy    // empty if not known
	Closed    string    // with Dead, when: a year, a month or a day; empty if not known
	Delist    string    // address of the page that removes; empty where entries only run out
	URL       string    // address of the page about the list
	Status    Status    // how well all this is known

	key    string // the label in front of Zone
	custom bool
}

// A Code is an answer that means a listing. Answer is an address in which an
// octet may be a set of numbers and ranges such as 2-9,11. In a list with Bits
// the last octet is one bit.
type Code struct {
	Answer   string
	List     string // the part of the list that the subject is in; may be empty
	Meaning  Meaning
	Severity Severity // empty for that of the list
}

// A Refusal is an answer that says why there is none. Answer is as in a Code.
type Refusal struct {
	Answer string
	Reason Reason
}

// Default returns the lists that are asked about addresses and domains unless
// the user says otherwise: few, trusted, alive, free to ask without a key. Allow
// lists are not among them.
func Default() []List {
	return byZone(
		"zen.spamhaus.org", "bl.spamcop.net", "bl.mailspike.net", "psbl.surriel.com",
		"dbl.spamhaus.org", "multi.surbl.org", "multi.uribl.com",
	)
}

// AllowLists returns the allow lists that are worth asking.
func AllowLists() []List { return byZone("list.dnswl.org") }

func byZone(zones ...string) []List {
	lists := make([]List, 0, len(zones))
	for _, zone := range zones {
		if l, ok := Find(zone); ok {
			lists = append(lists, l)
		}
	}
	return lists
}

// Find returns the row of a zone, for the zone of a keyed list too with the
// label of the user in front. Case and a final dot do not matter.
func Find(zone string) (List, bool) {
	zone, ok := dnsx.Canonical(zone)
	if !ok {
		return List{}, false
	}
	for _, rows := range [][]List{addressLists, domainLists, allowLists, unasked} {
		for i := range rows {
			if key, ok := rows[i].fits(zone); ok {
				l := rows[i].clone()
				l.key = key
				return l, true
			}
		}
	}
	return List{}, false
}

// fits reports whether a canonical zone is that of the list, and with which key.
func (l *List) fits(zone string) (key string, ok bool) {
	if zone == l.Zone {
		return "", true
	}
	key, ok = strings.CutSuffix(zone, "."+l.Zone)
	if l.State == Dead {
		return "", ok // an operator who gives up closes all zones
	}
	return key, ok && l.Policy == PolicyKey && !strings.Contains(key, ".")
}

// clone keeps callers from writing to the table.
func (l *List) clone() List {
	c := *l
	c.Codes, c.Errors = slices.Clone(l.Codes), slices.Clone(l.Errors)
	return c
}

// Custom returns the list with a zone that the user names. A zone of the table
// brings what the table says, also that it is not to be asked. Any other may
// hold addresses and domains, is tested with the points of RFC 5782 section 5,
// and every answer of it in 127.0.0.0/8 is a listing, except 127.0.0.1 and the
// errors in 127.255.255.0/24. It reports false if zone is no name of at least
// two labels with letters, digits, hyphens and underscores.
func Custom(zone string) (List, bool) {
	if l, ok := Find(zone); ok {
		return l, true
	}
	zone, ok := dnsx.Canonical(zone)
	if !ok || !dnsx.IsName(zone) || !strings.Contains(zone, ".") || numeric(zone) {
		return List{}, false
	}
	return List{Zone: zone, Kind: Both, IPv6: true, Severity: Info, Status: Uncertain, custom: true}, true
}

// IsCustom reports whether the list is none of the table.
func (l List) IsCustom() bool { return l.custom }

// unaskable returns why the list is never asked, or the empty string.
func (l *List) unaskable() Reason {
	switch {
	case l.State == Dead:
		return ReasonDead
	case l.State == Harmful:
		return ReasonHarmful
	case l.State == Doubtful:
		return ReasonDoubtful
	case l.Policy == PolicyKey && l.key == "", l.Policy == PolicyPaid:
		return ReasonKey
	}
	return ""
}

// testPoints returns the names of the entries that must and must not exist,
// without the zone (RFC 5782 sections 5 and 2.4).
func (l *List) testPoints(addr netip.Addr) (listed, notListed string) {
	switch {
	case addr.Is4():
		return test4, not4
	case addr.Is6():
		return test6, not6
	}
	listed, notListed = testDomain, notDomain
	if l.Listed != "" {
		listed = l.Listed
	}
	if l.NotListed != "" {
		notListed = l.NotListed
	}
	return listed, notListed
}
