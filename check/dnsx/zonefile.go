package dnsx

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// MaxZoneFile is the size of the largest zone file that ParseZone reads, in
// octets.
const MaxZoneFile = 64 << 20

// defaultTTL is the TTL of records in files that give none, in seconds.
const defaultTTL = 3600

// ParseZone reads a zone file (RFC 1035 section 5.1) with the extra lines that
// Zone describes. $ORIGIN and $TTL are understood, $INCLUDE and $GENERATE are
// refused; relative names need an $ORIGIN. A TTL may be missing. The file must
// be free of errors: the first one is returned with the given file name and
// the line, and there is no Zone then.
func ParseZone(r io.Reader, file string) (*Zone, error) {
	return parseZoneLimit(r, file, MaxZoneFile)
}

func parseZoneLimit(r io.Reader, file string, limit int64) (*Zone, error) {
	z := newZone()
	in := &zoneReader{in: bufio.NewReaderSize(r, 1<<16), zone: z, limit: limit, line: 1}
	if mark, _ := in.in.Peek(len(byteOrderMark)); string(mark) == byteOrderMark {
		_, _ = in.in.Discard(len(mark))
	}
	parser := dns.NewZoneParser(in, "", "")
	parser.SetDefaultTTL(defaultTTL)
	for {
		rr, ok := parser.Next()
		if !ok || in.err != nil {
			break
		}
		rr, name, err := normalise(rr)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, in.recordLine(), err)
		}
		z.addTo(z.addName(name), rr)
	}
	if in.err != nil {
		return nil, fmt.Errorf("%s:%d: %w", file, in.line, in.err)
	}
	if err := parser.Err(); err != nil {
		line, text := splitParseError(err)
		if line == 0 {
			line = in.recordLine()
		}
		if !in.origin {
			text += " (a relative name needs an $ORIGIN line before it)"
		}
		return nil, fmt.Errorf("%s:%d: %s", file, line, text)
	}
	z.finish()
	return z, nil
}

const byteOrderMark = "\ufeff"

// normalise gives a record the form that it would have if it came from the
// network, so that both compare equal.
func normalise(rr dns.RR) (dns.RR, string, error) {
	if rr.Header().Class != dns.ClassINET {
		return nil, "", fmt.Errorf("class %s: only IN is supported", dns.Class(rr.Header().Class))
	}
	if !isDataType(rr.Header().Rrtype) {
		return nil, "", fmt.Errorf("%s records cannot be in a zone", dns.Type(rr.Header().Rrtype))
	}
	buf := make([]byte, dns.Len(rr)+1)
	n, err := dns.PackRR(rr, buf, 0, nil, false)
	if err != nil {
		return nil, "", fmt.Errorf("%s record: %w", dns.Type(rr.Header().Rrtype), err)
	}
	out, _, err := dns.UnpackRR(buf[:n], 0)
	if err != nil {
		return nil, "", fmt.Errorf("%s record: %w", dns.Type(rr.Header().Rrtype), err)
	}
	if out.Header().Rdlength == 0 || !hasData(out) {
		return nil, "", fmt.Errorf("%s record without data", dns.Type(rr.Header().Rrtype))
	}
	name, ok := Canonical(out.Header().Name)
	if !ok {
		return nil, "", fmt.Errorf("%s is not a name", quoteShort(out.Header().Name))
	}
	out.Header().Name = fqdn(name)
	return out, name, nil
}

// splitParseError takes line and text out of an error of the parser, whose form
// is `dns: text: "token" at line: 1:2`.
func splitParseError(err error) (line int, text string) {
	text = strings.TrimPrefix(err.Error(), "dns: ")
	i := strings.LastIndex(text, " at line: ")
	if i >= 0 {
		number, _, _ := strings.Cut(text[i+len(" at line: "):], ":")
		line, _ = strconv.Atoi(number)
		text = text[:i]
	}
	const most = 200
	if len(text) > most {
		text = text[:most] + "..."
	}
	return line, text
}

// A zoneReader hands a file to the parser octet by octet. It counts lines, picks
// up fault lines, and stops at what the parser would let pass: a string or a
// bracket that is not closed, and directives that are not for us.
type zoneReader struct {
	in   *bufio.Reader
	zone *Zone
	err  error // why reading stopped; io.EOF is not kept

	limit   int64 // of the size
	size    int64
	line    int
	head    []byte // the beginning of the current line, at most maxHead octets
	newline bool   // the last octet ended a line
	ended   bool

	quote, escape, comment bool
	depth                  int // of brackets
	origin                 bool
}

// maxHead is longer than any fault line needs to be: a name of 254 octets, all
// escaped, a word and a type.
const maxHead = 2048

// recordLine returns the line on which the last record ended.
func (r *zoneReader) recordLine() int {
	if r.newline {
		return r.line - 1
	}
	return r.line
}

// Read implements io.Reader for the sake of the parser's signature; the parser
// prefers ReadByte.
func (r *zoneReader) Read(p []byte) (int, error) {
	for n := range p {
		c, err := r.ReadByte()
		if err != nil {
			return n, err
		}
		p[n] = c
	}
	return len(p), nil
}

// ReadByte implements io.ByteReader.
func (r *zoneReader) ReadByte() (byte, error) {
	if r.err != nil {
		return 0, r.err
	}
	c, err := r.in.ReadByte()
	if errors.Is(err, io.EOF) && !r.ended {
		r.ended = true
		switch {
		case r.quote:
			return r.fail(errors.New("quoted string is not closed"))
		case r.depth > 0:
			return r.fail(errors.New("bracket is not closed"))
		case r.newline || len(r.head) == 0:
			return 0, io.EOF
		}
		c, err = '\n', nil // an unfinished last line is a line
	}
	if errors.Is(err, io.EOF) {
		return 0, io.EOF
	}
	if err != nil {
		return r.fail(err)
	}
	if r.size++; r.size > r.limit {
		return r.fail(fmt.Errorf("zone file is longer than %d octets", r.limit))
	}
	if r.newline {
		r.head, r.newline = r.head[:0], false
	}
	if c == '\n' {
		return r.endLine()
	}
	if len(r.head) < maxHead {
		r.head = append(r.head, c)
	}
	r.track(c)
	return c, nil
}

func (r *zoneReader) fail(err error) (byte, error) {
	r.err = err
	return 0, err
}

// track follows quotes, escapes, comments and brackets as the parser does.
func (r *zoneReader) track(c byte) {
	switch {
	case r.comment:
	case r.escape:
		r.escape = false
	case c == '\\':
		r.escape = true
	case c == '"':
		r.quote = !r.quote
	case r.quote:
	case c == ';':
		r.comment = true
	case c == '(':
		r.depth++
	case c == ')':
		r.depth--
	}
}

// endLine looks at the line that ends.
func (r *zoneReader) endLine() (byte, error) {
	if r.quote {
		return r.fail(errors.New("quoted string is not closed"))
	}
	r.comment, r.escape = false, false
	line := bytes.TrimLeft(r.head, " \t")
	if text, ok := bytes.CutPrefix(line, []byte(faultMark)); ok {
		if len(r.head) == maxHead {
			return r.fail(errors.New("fault line is too long"))
		}
		l, err := parseFault(string(text))
		if err != nil {
			return r.fail(err)
		}
		r.zone.addFault(l)
	}
	if len(r.head) > 0 && r.head[0] == '$' {
		directive, _, _ := strings.Cut(strings.ReplaceAll(string(r.head), "\t", " "), " ")
		switch strings.ToUpper(directive) {
		case "$ORIGIN":
			r.origin = true
		case "$INCLUDE", "$GENERATE":
			return r.fail(fmt.Errorf("%s is not supported", strings.ToUpper(directive)))
		}
	}
	r.line++
	r.newline = true
	return '\n', nil
}
