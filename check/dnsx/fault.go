package dnsx

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// faultMark begins a line of a zone file that makes questions fail. To other
// programs it is a comment.
const faultMark = ";!"

// wordAD begins a fault line that is none: it sets the AD bit of an answer.
const wordAD = "ad"

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
	name  string
	qtype uint16 // 0 for none
	rest  bool
	ad    bool
}

// parseFault reads the part of a line behind the mark: a word, an absolute name
// with or without the final dot, and a type that only "ad" demands.
func parseFault(text string) (faultLine, error) {
	fields := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '\t' || r == '\r' })
	if len(fields) < 2 || len(fields) > 3 {
		return faultLine{}, fmt.Errorf("fault line: want a word, a name and perhaps a type, got %d words", len(fields))
	}
	var l faultLine
	known := fields[0] == wordAD
	l.ad = known
	for _, row := range faultWords {
		if row.word == fields[0] {
			l.fault, known = row.fault, true
		}
	}
	if !known {
		return faultLine{}, fmt.Errorf("fault line: unknown word %s", quoteShort(fields[0]))
	}
	var ok bool
	if l.name, ok = Canonical(fields[1]); !ok {
		return faultLine{}, fmt.Errorf("fault line: %s is not a name", quoteShort(fields[1]))
	}
	if len(fields) == 3 {
		if l.qtype, ok = parseType(fields[2]); !ok {
			return faultLine{}, fmt.Errorf("fault line: unknown type %s", quoteShort(fields[2]))
		}
		return l, nil
	}
	if l.ad {
		return faultLine{}, fmt.Errorf("fault line: %s needs a type", wordAD)
	}
	if l.name == "*" || strings.HasPrefix(l.name, "*.") {
		l.rest = true
		l.name, _ = parent(l.name)
	}
	return l, nil
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
		default:
			return nil, errUnreachable
		}
	}
	return m, nil
}
