package mtasts

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"maildoctor/check/dnsx"
	"maildoctor/check/taglist"
)

// Mode says what a sender does when a mail host fails the policy (RFC 8461
// section 5).
type Mode string

// The modes of a policy.
const (
	Enforce Mode = "enforce" // it does not deliver
	Testing Mode = "testing" // it delivers, and reports
	None    Mode = "none"    // there is no policy any more
)

// A Policy is what a policy file says.
type Policy struct {
	Mode   Mode     `json:"mode,omitempty"` // empty if missing or invalid
	MaxAge int64    `json:"max_age"`        // seconds, at most 10 digits; 0 if missing or invalid, and of value 0
	MX     []string `json:"mx,omitempty"`   // valid patterns in lower case, in the order of the file, each once
	Valid  bool     `json:"valid,omitempty"`
	Cut    bool     `json:"cut,omitempty"` // not all of it was read, because of MaxPolicy, MaxLines or MaxLine
}

// ParsePolicy reads a policy (RFC 8461 section 3.2). The result is never nil,
// and Valid if a sender can use it. The faults are in the order of the lines;
// what is missing comes last, and is not said of a policy that was Cut. Unknown
// fields are ignored, and the order of fields means nothing.
func ParsePolicy(body []byte) (*Policy, []Fault) {
	p := policyParser{policy: new(Policy)}
	if len(body) > MaxPolicy {
		p.input = string(body[:MaxPolicy])
		p.policy.Cut = true
		p.fault(TooLarge, "", taglist.Span{})
		return p.policy, p.faults
	}
	p.input = string(body)
	p.lines()
	p.conclude()
	return p.policy, p.faults
}

type policyParser struct {
	input  string
	policy *Policy
	seen   []string // the known fields that came, but for mx
	line   int
	faults []Fault
	minor  int // how many faults are not void
}

func (p *policyParser) fault(reason Reason, field string, at taglist.Span) {
	f := newFault(reason, field, p.input, at)
	if f.Line = p.line; !f.Void {
		if p.minor++; p.minor > MaxFaults {
			return
		}
	}
	p.faults = append(p.faults, f)
}

// lines reads line by line. Each ends with LF or CRLF, the last one may.
func (p *policyParser) lines() {
	const mark = "\ufeff"
	start := 0
	if strings.HasPrefix(p.input, mark) {
		start, p.line = len(mark), 1
		p.fault(ByteOrderMark, "", taglist.Span{Length: len(mark)})
		p.line = 0
	}
	for start < len(p.input) {
		p.line++
		if p.line > MaxLines {
			p.policy.Cut = true
			p.fault(TooManyLines, "", taglist.Span{Offset: start, Length: len(p.input) - start})
			break
		}
		text, _, terminated := strings.Cut(p.input[start:], "\n")
		next := start + len(text) + 1
		if terminated {
			text = strings.TrimSuffix(text, "\r")
		}
		at := taglist.Span{Offset: start, Length: len(text)}
		if start = next; len(text) > MaxLine {
			p.policy.Cut = true
			p.fault(LineTooLong, "", at)
			continue
		}
		p.read(text, at)
	}
}

const blanks = " \t\r"

// read reads one line.
func (p *policyParser) read(line string, at taglist.Span) {
	if i := strings.IndexFunc(line, isControl); i >= 0 {
		p.fault(BadOctet, "", taglist.Span{Offset: at.Offset + i, Length: 1})
	}
	left, right, found := strings.Cut(line, ":")
	name, value := strings.Trim(left, blanks), strings.Trim(right, blanks)
	switch {
	case strings.Trim(line, blanks) == "":
		p.fault(BlankLine, "", at)
		return
	case !found:
		p.fault(MissingColon, "", at)
		return
	case name != left:
		p.fault(StraySpace, name, taglist.Span{Offset: at.Offset, Length: len(left)})
	}
	behind := at.Offset + len(left) + 1
	valueAt := taglist.Span{Offset: behind + strings.Index(right, value), Length: len(value)}
	p.field(name, value, taglist.Span{Offset: at.Offset + strings.Index(left, name), Length: len(name)}, valueAt)
}

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// field reads one field. The names of the known ones are in lower case (RFC
// 8461 section 3.2).
func (p *policyParser) field(name, value string, nameAt, valueAt taglist.Span) {
	switch name {
	case "mx":
		p.pattern(value, valueAt)
		return
	case "version", "mode", "max_age":
		if slices.Contains(p.seen, name) {
			p.fault(DuplicateKey, name, nameAt)
			p.ignored(name, value, valueAt)
			return
		}
		p.seen = append(p.seen, name)
		p.known(name, value, valueAt)
		return
	}
	switch taglist.Lower(name) {
	case "version", "mode", "max_age", "mx":
		p.fault(KeyCase, name, nameAt)
	}
	if !taglist.IsExtension(name) {
		p.fault(BadName, name, nameAt)
	}
	p.ignored(name, value, valueAt)
}

// ignored looks at a value that says nothing here. It has to be text all the
// same (sts-policy-ext-value).
func (p *policyParser) ignored(name, value string, at taglist.Span) {
	if value == "" || strings.Contains(value, "\t") || !utf8.ValidString(value) {
		p.fault(BadValue, name, at)
	}
}

func (p *policyParser) known(name, value string, at taglist.Span) {
	switch name {
	case "version":
		if value != version {
			p.fault(BadVersion, name, at)
		}
	case "mode":
		switch m := Mode(value); m {
		case Enforce, Testing, None:
			p.policy.Mode = m
		default:
			p.fault(BadMode, name, at)
		}
	case "max_age":
		n, err := strconv.ParseUint(value, 10, 63)
		if err != nil || len(value) > 10 {
			p.fault(BadMaxAge, name, at)
			return
		}
		if p.policy.MaxAge = int64(n); n > LongestMaxAge {
			p.fault(MaxAgeRange, name, at)
		}
	}
}

// pattern reads the value of an mx field.
func (p *policyParser) pattern(value string, at taglist.Span) {
	reason := patternFault(value)
	if reason != "" {
		p.fault(reason, "mx", at)
	}
	pattern := taglist.Lower(value)
	if (reason == "" || reason == MXUnderscore) && !slices.Contains(p.policy.MX, pattern) {
		p.policy.MX = append(p.policy.MX, pattern)
	}
}

// patternFault says what is wrong with a pattern: a domain name of RFC 5321
// section 4.1.2, behind "*." or alone. Nothing is wrong with upper case.
func patternFault(s string) Reason {
	domain := strings.TrimPrefix(s, "*.")
	switch {
	case strings.ContainsAny(s, ", \t;"):
		return MXList
	case strings.Contains(domain, "*"):
		return MXWildcard
	case strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }):
		return MXNotASCII
	case len(domain) > 1 && strings.HasSuffix(domain, ".") && dnsx.IsName(domain[:len(domain)-1]):
		return MXFinalDot
	case !dnsx.IsName(domain):
		return MXInvalid
	}
	for label := range strings.SplitSeq(domain, ".") {
		if strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") {
			return MXInvalid
		}
	}
	if strings.Contains(domain, "_") {
		return MXUnderscore
	}
	return ""
}

// conclude says what is missing, and whether the policy is valid.
func (p *policyParser) conclude() {
	p.line = 0
	absent := func(reason Reason, name string) {
		if !p.policy.Cut {
			p.fault(reason, name, taglist.Span{Offset: len(p.input)})
		}
	}
	for _, f := range [...]struct {
		name   string
		reason Reason
	}{{"version", NoVersion}, {"mode", NoMode}, {"max_age", NoMaxAge}} {
		if !slices.Contains(p.seen, f.name) {
			absent(f.reason, f.name)
		}
	}
	// Without a mode nobody knows whether there must be one.
	noMX := len(p.policy.MX) == 0 && p.policy.Mode != None
	if noMX && p.policy.Mode != "" {
		absent(NoMX, "mx")
	}
	p.policy.Valid = len(p.seen) == 3 && !noMX && !anyVoid(p.faults)
}
