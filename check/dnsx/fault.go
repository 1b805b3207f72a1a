package dnsx

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// faultMark begins a line of a zone file that makes questions fail. To other
// programs it is a comment.
const faultMark = ";!"

// Words of fault lines that state no fault.
const (
	wordAD     = "ad"     // sets the AD bit of an answer
	wordAnswer = "answer" // puts a record into the answer
)

// errBudget is the error of the fault "budget".
var errBudget = errors.New("dnsx: beyond the budget, as the zone file says")

// A fault is a statement about a question that no record can make.
type fault struct {
	status Status
	reason string
}

// faultWords are the words of fault lines and what they state.
var faultWords = [...]struct {
	word string
	fault
}{
	{"servfail", fault{status: ServFail}},
	{"timeout", fault{status: Timeout}},
	{"refused", fault{status: Refused}},
	{"nxdomain", fault{status: NXDomain}},
	{"nodata", fault{status: NoData}},
	{"notimp", fault{Failed, ReasonRcode}},
	{"network", fault{Failed, ReasonNetwork}},
	{"malformed", fault{Failed, ReasonMessage}},
	{"budget", fault{Failed, ReasonBudget}},
	{"descriptors", fault{Failed, ReasonDescriptors}},
}

// word returns the word for a fault, empty if there is none.
func (f fault) word() string {
	for _, row := range faultWords {
		if row.fault == f {
			return row.word
		}
	}
	return ""
}

// A faultLine is what one line states. Without a type it holds for all types;
// with rest set it holds for what lies below the name and is not in the file.
type faultLine struct {
	fault
	name   string
	qtype  uint16 // 0 for none
	rest   bool
	ad     bool
	answer dns.RR // of a line that states no more than this; else nil
}

// parseFault reads the part of a line behind the mark: a word, an absolute name
// with or without the final dot, and a type that only "ad" and "answer" demand;
// behind an answer comes a record.
func parseFault(text string) (faultLine, error) {
	word, rest := cutWord(text)
	name, rest := cutWord(rest)
	qtype, rest := cutWord(rest)
	if name == "" {
		return faultLine{}, errors.New("fault line: want a word, a name and perhaps a type")
	}
	var l faultLine
	known := word == wordAD || word == wordAnswer
	l.ad = word == wordAD
	for _, row := range faultWords {
		if row.word == word {
			l.fault, known = row.fault, true
		}
	}
	if !known {
		return faultLine{}, fmt.Errorf("fault line: unknown word %s", quoteShort(word))
	}
	var ok bool
	if l.name, ok = Canonical(name); !ok {
		return faultLine{}, fmt.Errorf("fault line: %s is not a name", quoteShort(name))
	}
	if qtype != "" {
		if l.qtype, ok = parseType(qtype); !ok {
			return faultLine{}, fmt.Errorf("fault line: unknown type %s", quoteShort(qtype))
		}
	}
	switch {
	case word == wordAnswer:
		var err error
		if l.answer, err = parseAnswer(rest, l.qtype); err != nil {
			return faultLine{}, fmt.Errorf("fault line: %w", err)
		}
	case rest != "":
		return faultLine{}, fmt.Errorf("fault line: nothing may follow the type, got %s", quoteShort(rest))
	case qtype != "":
	case l.ad:
		return faultLine{}, fmt.Errorf("fault line: %s needs a type", wordAD)
	case l.name == "*" || strings.HasPrefix(l.name, "*."):
		l.rest = true
		l.name, _ = parent(l.name)
	}
	return l, nil
}

// cutWord returns the first word of a text, and the rest from the next word on.
func cutWord(text string) (word, rest string) {
	const blanks = " \t"
	text = strings.TrimLeft(text, blanks)
	if i := strings.IndexAny(text, blanks); i >= 0 {
		return text[:i], strings.TrimLeft(text[i:], blanks)
	}
	return text, ""
}

// ownerOf returns the name that a record in presentation form begins with.
func ownerOf(text string) string {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case ' ', '\t':
			return text[:i]
		case '\\':
			i++
		}
	}
	return text
}

// parseAnswer reads the record of an answer to a question of the given type.
func parseAnswer(text string, qtype uint16) (dns.RR, error) {
	owner := ownerOf(text)
	// A word with a dot at its end is no directive either.
	if _, ok := Canonical(owner); qtype == 0 || !ok || !strings.HasSuffix(owner, ".") {
		return nil, fmt.Errorf("%s needs a type and a record of an absolute name", wordAnswer)
	}
	rr, err := readRecord(text)
	if err != nil {
		return nil, err
	}
	if t := rr.Header().Rrtype; t != qtype && t != dns.TypeCNAME {
		return nil, fmt.Errorf("%s: a %s record does not answer this type", wordAnswer, dns.Type(t))
	}
	return rr, nil
}

// readRecord reads a record from one line.
func readRecord(line string) (dns.RR, error) {
	parser := dns.NewZoneParser(strings.NewReader(line+"\n"), "", "")
	parser.SetDefaultTTL(defaultTTL)
	rr, ok := parser.Next()
	if !ok {
		if err := parser.Err(); err != nil {
			_, text := splitParseError(err)
			return nil, errors.New(text)
		}
		return nil, errors.New("no record")
	}
	rr, _, err := normalise(rr)
	return rr, err
}

// parseType reads the name of a type, or TYPE and its number (RFC 3597 section
// 5).
func parseType(s string) (uint16, bool) {
	s = strings.ToUpper(s)
	if t, ok := dns.StringToType[s]; ok {
		return t, isDataType(t)
	}
	digits, ok := strings.CutPrefix(s, "TYPE")
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 16)
	return uint16(n), err == nil && isDataType(uint16(n))
}

// quoteShort quotes text of a file for an error.
func quoteShort(s string) string {
	const most = 80
	if len(s) > most {
		return strconv.QuoteToASCII(s[:most]) + "..."
	}
	return strconv.QuoteToASCII(s)
}

// reply answers a query with the fault. Timeouts and failures of the transport
// are errors, as from a network.
func (f fault) reply(q *dns.Msg) (*dns.Msg, error) {
	m := newReply(q)
	switch f.status {
	case NoData:
	case NXDomain:
		m.Rcode = dns.RcodeNameError
	case ServFail:
		m.Rcode = dns.RcodeServerFailure
	case Refused:
		m.Rcode = dns.RcodeRefused
	case Timeout:
		return nil, errSilence
	default:
		switch f.reason {
		case ReasonRcode:
			m.Rcode = dns.RcodeNotImplemented
		case ReasonMessage:
			return nil, ErrMessage
		case ReasonBudget:
			return nil, errBudget
		case ReasonDescriptors:
			return nil, errDescriptors
		default:
			return nil, errUnreachable
		}
	}
	return m, nil
}
