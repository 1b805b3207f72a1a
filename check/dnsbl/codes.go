package dnsbl

import (
	"math/bits"
	"net/netip"
	"strconv"
	"strings"
)

// Meaning says why a subject is on a list.
type Meaning string

// The meanings.
const (
	Entry            Meaning = "listed" // the list gives no reason
	SpamSource       Meaning = "spam-source"
	Snowshoe         Meaning = "snowshoe" // bad reputation, or mail spread thin over many addresses
	CompromisedHost  Meaning = "compromised-host"
	CriminalNetwork  Meaning = "criminal-network"
	PolicyRange      Meaning = "policy-range" // should not send mail directly
	DynamicRange     Meaning = "dynamic-range"
	NoReverseDNS     Meaning = "no-reverse-dns"
	UserReports      Meaning = "user-reports"
	SpamTrap         Meaning = "spam-trap"
	Outbreak         Meaning = "spam-outbreak"
	BadReputation    Meaning = "bad-reputation"
	Suspicious       Meaning = "suspicious"
	OpenProxy        Meaning = "open-proxy"
	OpenResolver     Meaning = "open-resolver"
	AttackSource     Meaning = "attack-source"
	LoginAttacks     Meaning = "login-attacks"
	Backscatter      Meaning = "backscatter"
	NeighbourRange   Meaning = "neighbour-range"
	WholeNetwork     Meaning = "whole-network"
	Unauthenticated  Meaning = "unauthenticated-mail"
	BadAttachments   Meaning = "suspect-attachments"
	HardToIdentify   Meaning = "owner-not-identified"
	SpamDomain       Meaning = "spam-domain"
	PhishingDomain   Meaning = "phishing-domain"
	MalwareDomain    Meaning = "malware-domain"
	BotnetDomain     Meaning = "botnet-domain"
	AbusedLegit      Meaning = "abused-legit-domain"
	AbusedPhishing   Meaning = "abused-legit-phishing"
	AbusedMalware    Meaning = "abused-legit-malware"
	AbusedBotnet     Meaning = "abused-legit-botnet"
	Redirector       Meaning = "redirector"
	CrackedSite      Meaning = "cracked-site"
	DisposableMail   Meaning = "disposable-mail"
	ClickTracker     Meaning = "click-tracker"
	BulkMailDomain   Meaning = "bulk-mail-domain"
	YoungOrHidden    Meaning = "young-or-hidden-domain"
	NewDomain        Meaning = "new-domain"
	TrustNone        Meaning = "trust-none" // of allow lists: known, and not vouched for
	TrustLow         Meaning = "trust-low"
	TrustMedium      Meaning = "trust-medium"
	TrustHigh        Meaning = "trust-high"
	ReputationFair   Meaning = "reputation-possibly-good"
	ReputationGood   Meaning = "reputation-good"
	ReputationBetter Meaning = "reputation-very-good"
	ReputationBest   Meaning = "reputation-excellent"
)

// Reason says why there is no word of a list that counts.
type Reason string

// Why a list was not asked (NotAsked).
const (
	ReasonDead     Reason = "list-dead"
	ReasonHarmful  Reason = "list-harmful"
	ReasonDoubtful Reason = "list-doubtful"
	ReasonKey      Reason = "key-needed"
)

// Why a list does not apply to a subject (NotApplicable).
const (
	ReasonKind        Reason = "other-kind"      // an address on a list of domains, or the reverse
	ReasonNoIPv6      Reason = "no-ipv6"         // the list has IPv4 addresses only
	ReasonPrivate     Reason = "private-address" // no address of the internet
	ReasonNoAddress   Reason = "bad-address"     // no address at all
	ReasonNoDomain    Reason = "bad-name"        // no domain name, or an address written as one
	ReasonSuffix      Reason = "public-suffix"   // a domain below which others register theirs
	ReasonNameTooLong Reason = "name-too-long"   // the name to ask for cannot exist
)

// Why a list refused the question (Refused).
const (
	ReasonQuery          Reason = "query-refused"    // an error that the list does not explain
	ReasonZoneName       Reason = "wrong-zone"       // the zone was misspelt
	ReasonPublicResolver Reason = "public-resolver"  // came by a resolver that many share, or that is not identified
	ReasonVolume         Reason = "too-many-queries" // or use against the terms
	ReasonAddressQuery   Reason = "address-query"    // an address was asked of a list of domains
	ReasonBlocked        Reason = "resolver-blocked" // no cause given
	ReasonRegistration   Reason = "not-registered"   // the resolver is not registered; with Unknown, perhaps not
)

// Why a list is broken (Broken).
const (
	ReasonEverything  Reason = "lists-everything" // what must not be listed is
	ReasonTestMissing Reason = "test-not-listed"  // what must be listed is not, as where a resolver is refused in silence
)

// Why it could not be found out (Unknown).
const (
	ReasonNoAnswer      Reason = "no-answer"    // Status says what happened
	ReasonResolverFault Reason = "outside-127"  // an answer outside 127.0.0.0/8: the resolver invents answers, or the zone is for sale
	ReasonUnknownCode   Reason = "unknown-code" // the list does not document the answer
)

// A Hit is one reason for a listing, decoded.
type Hit struct {
	Answer   netip.Addr `json:"answer"`
	List     string     `json:"list,omitempty"`
	Meaning  Meaning    `json:"meaning"`
	Severity Severity   `json:"severity"`
}

// Decode says what an answer of the list means: a refusal, or the reasons for a
// listing in the order of the table. Neither means that the answer is no listing:
// it lies outside of 127.0.0.0/8 (RFC 5782 section 2.3), or the list does not
// document it.
func (l List) Decode(answer netip.Addr) (hits []Hit, refused Reason) {
	answer = answer.Unmap()
	if !answer.Is4() || !loopback.Contains(answer) {
		return nil, ""
	}
	octets := answer.As4()
	if refused := l.refusal(octets); refused != "" {
		return nil, refused
	}
	if l.custom && answer != notACode {
		return []Hit{{Answer: answer, Meaning: Entry, Severity: l.Severity}}, ""
	}
	for _, c := range l.Codes {
		if !l.means(c.Answer, octets) {
			continue
		}
		hit := Hit{Answer: answer, List: c.List, Meaning: c.Meaning, Severity: c.Severity}
		if hit.Severity == "" {
			hit.Severity = l.Severity
		}
		hits = append(hits, hit)
	}
	return hits, ""
}

var (
	loopback = netip.MustParsePrefix("127.0.0.0/8")
	notACode = netip.MustParseAddr("127.0.0.1")
)

// refusal returns why an answer in 127.0.0.0/8 is none, or the empty string. The
// errors of Spamhaus in 127.255.255.0/24 are those of others too.
func (l *List) refusal(octets [4]byte) Reason {
	for _, e := range l.Errors {
		if l.means(e.Answer, octets) {
			return e.Reason
		}
	}
	if octets[1] == 255 && octets[2] == 255 {
		return ReasonQuery
	}
	return ""
}

// means reports whether an answer has a code, among others where the list adds
// codes up. A code that is no single bit is a whole answer there too.
func (l *List) means(code string, octets [4]byte) bool {
	if l.Bits {
		last := code[strings.LastIndexByte(code, '.')+1:]
		if bit, err := strconv.ParseUint(last, 10, 8); err == nil && bits.OnesCount64(bit) == 1 {
			octets[3] &= byte(bit)
		}
	}
	return matches(code, octets)
}

// matches compares an address with one in which octets are sets.
func matches(pattern string, octets [4]byte) bool {
	n := 0
	for part := range strings.SplitSeq(pattern, ".") {
		if n == len(octets) || !within(part, octets[n]) {
			return false
		}
		n++
	}
	return n == len(octets)
}

// within reports whether an octet is in a set such as 2-9,11.
func within(set string, octet byte) bool {
	for span := range strings.SplitSeq(set, ",") {
		low, high, ranged := strings.Cut(span, "-")
		if !ranged {
			high = low
		}
		from, err1 := strconv.ParseUint(low, 10, 8)
		to, err2 := strconv.ParseUint(high, 10, 8)
		if err1 == nil && err2 == nil && from <= uint64(octet) && uint64(octet) <= to {
			return true
		}
	}
	return false
}
