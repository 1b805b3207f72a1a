package evidence

import (
	"bufio"
	"encoding/xml"
	"errors"
	"io"
	"net/netip"
	"strconv"
	"strings"

	"maildoctor/check/taglist"
)

// rootElement is the name of the root of a report, in any namespace: that of RFC
// 7489 appendix C, that of RFC 9990 or, as in most reports, none.
const rootElement = "feedback"

// The elements that are read, with their ancestors below the root (RFC 9990
// section 3.1.1).
const (
	recordPath       = "/record"
	sourcePath       = "/record/row/source_ip"
	countPath        = "/record/row/count"
	evaluatedDKIM    = "/record/row/policy_evaluated/dkim"
	evaluatedSPF     = "/record/row/policy_evaluated/spf"
	headerFromPath   = "/record/identifiers/header_from"
	envelopeFromPath = "/record/identifiers/envelope_from"
	dkimPath         = "/record/auth_results/dkim"
	dkimDomain       = "/record/auth_results/dkim/domain"
	dkimSelector     = "/record/auth_results/dkim/selector"
	dkimResult       = "/record/auth_results/dkim/result"
	spfPath          = "/record/auth_results/spf"
	spfDomain        = "/record/auth_results/spf/domain"
	spfScope         = "/record/auth_results/spf/scope"
	spfResult        = "/record/auth_results/spf/result"
)

// elsewhere stands for the path of an element that does not matter.
const elsewhere = "-"

// step returns the path of an element below another one.
func step(parent, name string) string {
	switch path := parent + "/" + name; path {
	case recordPath, "/record/row", sourcePath, countPath,
		"/record/row/policy_evaluated", evaluatedDKIM, evaluatedSPF,
		"/record/identifiers", headerFromPath, envelopeFromPath,
		"/record/auth_results", dkimPath, dkimDomain, dkimSelector, dkimResult,
		spfPath, spfDomain, spfScope, spfResult:
		return path
	}
	return elsewhere
}

// A stop is the error of a report that is not read to its end.
type stop Reason

func (s stop) Error() string { return string(s) }

// report reads an XML document. The error is ErrKind if it is no report, and
// ErrDamaged if that cannot be told.
func (r *reader) report(in io.Reader) error {
	text := newTokenReader(in)
	d := xml.NewDecoder(text)
	d.CharsetReader = text.charset
	p := reportParser{reader: r, text: text, decoder: d}
	root, err := p.root()
	switch {
	case err != nil:
		return ErrDamaged
	case root.Local != rootElement:
		return ErrKind
	}
	r.file.Reports++
	if err := p.records(root.Space); err != nil {
		reason := stop(ReportMalformed)
		errors.As(err, &reason)
		r.fault(Reason(reason))
	}
	return nil
}

// A tokenReader is the text of an XML document in ASCII or UTF-8, of which no
// token may be larger than MaxToken.
type tokenReader struct {
	in    *bufio.Reader
	ascii bool // octets beyond ASCII are of another encoding and do not matter
	left  int  // octets that the token at hand may still have
}

// newTokenReader passes over what may stand in front of the document by
// mistake: white space, and a byte order mark.
func newTokenReader(in io.Reader) *tokenReader {
	t := &tokenReader{in: bufio.NewReader(in)}
	if head, _ := t.in.Peek(3); string(head) == "\xef\xbb\xbf" {
		_, _ = t.in.Discard(3)
	}
	for {
		c, err := t.in.ReadByte()
		if err != nil {
			return t
		}
		if !taglist.IsSpace(c) {
			_ = t.in.UnreadByte()
			return t
		}
	}
}

// ReadByte implements io.ByteReader; a decoder that finds it reads no octet
// ahead of the token.
func (t *tokenReader) ReadByte() (byte, error) {
	if t.left == 0 {
		return 0, stop(ReportToken)
	}
	c, err := t.in.ReadByte()
	if err != nil {
		return 0, err
	}
	t.left--
	if t.ascii && c >= 0x80 {
		return '?', nil
	}
	return c, nil
}

// Read implements io.Reader, which a decoder asks for but does not use.
func (t *tokenReader) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if p[n], err = t.ReadByte(); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// charset accepts any encoding but UTF-8, which never comes here: since the
// declaration could be read, ASCII is written as ASCII in it, and what is read
// of a report is ASCII. Some software declares UTF-16 and writes UTF-8.
func (t *tokenReader) charset(string, io.Reader) (io.Reader, error) {
	t.ascii = true
	return t, nil
}

// A reportParser reads the tokens of one report.
type reportParser struct {
	*reader
	text    *tokenReader
	decoder *xml.Decoder
	record  record
}

// next returns the next token.
func (p *reportParser) next() (xml.Token, error) {
	if p.tokens == MaxTokens {
		p.fault(TooManyTokens)
		return nil, stop(TooManyTokens)
	}
	p.tokens++
	p.text.left = MaxToken
	t, err := p.decoder.Token()
	if err != nil {
		return nil, err
	}
	if _, ok := t.(xml.Directive); ok {
		return nil, stop(ReportDOCTYPE)
	}
	return t, nil
}

// root returns the name of the first element.
func (p *reportParser) root() (xml.Name, error) {
	for {
		t, err := p.next()
		if err != nil {
			return xml.Name{}, err
		}
		if start, ok := t.(xml.StartElement); ok {
			return start.Name, nil
		}
	}
}

// maxText is how much text of an element is read; no name is longer.
const maxText = maxName + 1

// records reads what follows the root up to its end. Elements of a namespace
// that is not that of the root are extensions.
func (p *reportParser) records(namespace string) error {
	open := []string{""} // paths of what is open, the root first
	var text strings.Builder
	for len(open) > 0 {
		t, err := p.next()
		if err != nil {
			return err
		}
		path := open[len(open)-1]
		switch t := t.(type) {
		case xml.StartElement:
			if len(open) == MaxXMLDepth {
				return stop(ReportTooDeep)
			}
			below := elsewhere
			if t.Name.Space == namespace || t.Name.Space == "" {
				below = step(path, t.Name.Local)
			}
			open = append(open, below)
			text.Reset()
			p.begin(below)
		case xml.CharData:
			if path != elsewhere {
				text.Write(t[:min(len(t), maxText-text.Len())])
			}
		case xml.EndElement:
			open = open[:len(open)-1]
			p.end(path, strings.TrimFunc(text.String(), isSpace))
			text.Reset()
		}
	}
	return nil
}

// A record is one record of a report, as far as it was read.
type record struct {
	source, count            string
	dkim, spf                string // whether DMARC passed by it
	headerFrom, envelopeFrom string
	dkimResult, spfResult    claim // the one at hand
	dkimResults, spfResults  []claim
}

// A claim is one result of DKIM or SPF.
type claim struct {
	domain string
	detail string // the selector, or the scope
	result string
}

// begin is called for the start of each element that matters.
func (p *reportParser) begin(path string) {
	switch r := &p.record; path {
	case recordPath:
		*r = record{}
	case dkimPath:
		r.dkimResult = claim{}
	case spfPath:
		r.spfResult = claim{}
	}
}

// end is called with the text of each element at its end.
func (p *reportParser) end(path, text string) {
	switch r := &p.record; path {
	case sourcePath:
		r.source = text
	case countPath:
		r.count = text
	case evaluatedDKIM:
		r.dkim = text
	case evaluatedSPF:
		r.spf = text
	case headerFromPath:
		r.headerFrom = text
	case envelopeFromPath:
		r.envelopeFrom = text
	case dkimDomain:
		r.dkimResult.domain = text
	case dkimSelector:
		r.dkimResult.detail = text
	case dkimResult:
		r.dkimResult.result = text
	case dkimPath:
		r.dkimResults = p.append(r.dkimResults, r.dkimResult)
	case spfDomain:
		r.spfResult.domain = text
	case spfScope:
		r.spfResult.detail = text
	case spfResult:
		r.spfResult.result = text
	case spfPath:
		r.spfResults = p.append(r.spfResults, r.spfResult)
	case recordPath:
		p.takeRecord(r)
	}
}

func (p *reportParser) append(list []claim, c claim) []claim {
	if len(list) == MaxShown {
		p.fault(TooMuchShown)
		return list
	}
	return append(list, c)
}

// takeRecord adds what a complete record shows.
func (p *reportParser) takeRecord(r *record) {
	n := messages(r.count)
	aligned := uses(n, "")
	switch dkim, spf := taglist.Lower(r.dkim), taglist.Lower(r.spf); {
	case dkim == "pass" || spf == "pass":
		aligned = uses(n, "pass")
	case dkim == "fail" || spf == "fail":
		aligned = uses(n, "fail")
	}
	var s showing
	for _, c := range r.dkimResults {
		if k, ok := signatureKey(c.domain, c.detail); ok {
			s.signatures.add(k, uses(n, c.result))
		}
	}
	for _, c := range r.spfResults {
		d, ok := domainName(c.domain)
		switch {
		case !ok:
		case taglist.Lower(c.detail) == "helo":
			s.helo.add(d, uses(n, c.result))
		default:
			// Many receivers leave the scope out, and it was always mfrom then.
			s.mailFrom.add(d, uses(n, c.result))
		}
	}
	if d, ok := domainName(r.envelopeFrom); ok {
		s.mailFrom.add(d, uses(n, ""))
	}
	if d, ok := domainName(r.headerFrom); ok {
		s.from.add(d, aligned)
	}
	p.take(&s)
	p.shown.stream(AggregateReport, &s)
	if a, err := netip.ParseAddr(r.source); err == nil && a.Zone() == "" {
		p.shown.addresses.add(a.Unmap(), aligned)
	}
}

// messages reads the count of a record. One that makes no sense is 1: there
// was a message, or there would be no record.
func messages(count string) int64 {
	n, err := strconv.ParseUint(count, 10, 64)
	if errors.Is(err, strconv.ErrRange) {
		return MaxReport
	}
	return int64(max(1, min(n, MaxReport)))
}

// uses says of n messages that they were reported with a result of RFC 8601
// section 2.7. Others than these mean that nobody can tell, or that there was
// nothing to check.
func uses(n int64, result string) Uses {
	switch taglist.Lower(result) {
	case "pass":
		return Uses{Count: n, Passed: n}
	case "fail", "hardfail", "softfail", "permerror":
		return Uses{Count: n, Failed: n}
	}
	return Uses{Count: n}
}
