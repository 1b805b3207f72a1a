package dnsx

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// defaultTTL is the TTL of records in files that give none, in seconds.
const defaultTTL = 3600

// ParseZone reads a zone file (RFC 1035 section 5.1) with the extra lines that
// Zone describes. $ORIGIN and $TTL are understood, $INCLUDE and $GENERATE are
// refused; relative names need an $ORIGIN. A TTL may be missing. The file must
// be free of errors: the first one is returned with the given file name and
// the line, and there is no Zone then. What is beyond MaxZoneFile, MaxZoneLine,
// MaxZoneRecords, MaxZoneNames, MaxZoneTypes or MaxZoneData is an error too, and
// nothing is read beyond it.
func ParseZone(r io.Reader, file string) (*Zone, error) {
	z := NewZone()
	if err := z.Add(r, file); err != nil {
		return nil, err
	}
	return z, nil
}

// Add reads another zone file into z, as ParseZone does. The limits hold for all
// files together, except those of a file and a line. Where two files state
// different faults for a question the later one counts. After an error z is
// incomplete. No question may be asked while Add is under way.
func (z *Zone) Add(r io.Reader, file string) error {
	in := &zoneReader{in: bufio.NewReaderSize(r, 1<<16), zone: z, line: 1, leading: true, blank: true}
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
		if err == nil {
			err = z.addRecord(name, rr)
		}
		if err != nil {
			return fmt.Errorf("%s:%d: %w", file, in.recordLine(), err)
		}
	}
	if in.err != nil {
		return fmt.Errorf("%s:%d: %w", file, in.line, in.err)
	}
	if err := parser.Err(); err != nil {
		line, text := splitParseError(err)
		if line == 0 {
			line = in.recordLine()
		}
		if !in.origin {
			text += " (a relative name needs an $ORIGIN line before it)"
		}
		return fmt.Errorf("%s:%d: %s", file, line, text)
	}
	z.finish()
	return nil
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
	if err := checkList(rr); err != nil {
		return nil, "", err
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
	full := fqdn(name)
	out.Header().Name = full
	if name != "." {
		name = full[:len(name)] // one string for both
	}
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

// A zoneReader hands a file to the parser octet by octet, without comments. It
// counts lines, picks up fault lines, and stops at what the parser would let
// pass: a string or a bracket that is not closed, a carriage return inside a
// line, directives that are not for us, and whatever is too long.
type zoneReader struct {
	in   *bufio.Reader
	zone *Zone
	err  error // why reading stopped; io.EOF is not kept

	size    int64 // octets read of the file
	length  int   // octets read of the line with its continuation
	line    int
	newline bool // the last octet ended a line
	ended   bool

	quote, escape, comment bool
	depth                  int // of brackets
	origin                 bool

	leading bool   // the first word of the line, with its continuation, has not ended
	word    []byte // what is known of it, at most maxWord octets
	blank   bool   // nothing but blanks on the line so far
	isNote  bool   // the comment may be a fault line
	note    []byte // the comment then
}

// maxWord is enough to tell a directive from other words.
const maxWord = len("$GENERATE") + 1

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

// ReadByte implements io.ByteReader. A comment reads as a blank.
func (r *zoneReader) ReadByte() (byte, error) {
	for {
		c, err := r.next()
		if err != nil {
			return 0, err
		}
		if c == '\n' {
			return r.endLine()
		}
		if r.comment {
			r.keep(c)
			continue
		}
		if err := r.track(c); err != nil {
			return r.fail(err)
		}
		if r.comment {
			c = ' '
		}
		return c, nil
	}
}

// next reads one octet. An unfinished last line is a line; a carriage return
// before its end is left out.
func (r *zoneReader) next() (byte, error) {
	if r.err != nil {
		return 0, r.err
	}
	c, err := r.in.ReadByte()
	if err == nil && c == '\r' {
		if ahead, _ := r.in.Peek(1); len(ahead) == 0 || ahead[0] != '\n' {
			return r.fail(errors.New("carriage return inside a line: lines must end in LF or CRLF"))
		}
		r.size++
		c, err = r.in.ReadByte()
	}
	switch {
	case errors.Is(err, io.EOF):
		first := !r.ended
		r.ended = true
		switch {
		case first && r.quote:
			return r.fail(errors.New("quoted string is not closed"))
		case first && r.depth > 0:
			return r.fail(errors.New("bracket is not closed"))
		case !first || r.newline || r.size == 0:
			return 0, io.EOF
		}
		r.newline = false
		return '\n', nil
	case err != nil:
		return r.fail(err)
	}
	if r.size++; r.size > r.zone.limits.file {
		return r.fail(fmt.Errorf("zone file is longer than %d octets", r.zone.limits.file))
	}
	if r.length++; r.length > r.zone.limits.line && (c != '\n' || r.depth > 0) {
		return r.fail(fmt.Errorf("line is longer than %d octets, with its continuation in brackets", r.zone.limits.line))
	}
	r.newline = false
	return c, nil
}

func (r *zoneReader) fail(err error) (byte, error) {
	r.err = err
	return 0, err
}

// keep remembers a comment that may be a fault line.
func (r *zoneReader) keep(c byte) {
	if r.isNote && len(r.note) == 1 && c != faultMark[1] {
		r.isNote = false
	}
	if r.isNote {
		r.note = append(r.note, c)
	}
}

// track follows quotes, escapes, comments, brackets and the first word as the
// parser does. Brackets, and the ends of lines between them, do not end a word.
func (r *zoneReader) track(c byte) error {
	switch {
	case r.escape:
		r.escape = false
	case c == '\\':
		r.escape = true
	case c == '"':
		r.quote = !r.quote
	case r.quote:
	case c == ' ' || c == '\t':
		return r.endWord()
	case c == ';':
		r.comment, r.isNote = true, r.blank
		r.note = append(r.note[:0], c)
		return r.endWord()
	case c == '(':
		r.depth++
		r.blank = false
		return nil
	case c == ')':
		r.depth--
		r.blank = false
		return nil
	}
	r.blank = false
	if r.leading && len(r.word) < maxWord {
		r.word = append(r.word, c)
	}
	return nil
}

// endWord looks at the first word of a line: only that can be a directive.
func (r *zoneReader) endWord() error {
	if !r.leading || len(r.word) == 0 {
		return nil
	}
	r.leading = false
	switch directive := strings.ToUpper(string(r.word)); directive {
	case "$ORIGIN":
		r.origin = true
	case "$INCLUDE", "$GENERATE":
		return fmt.Errorf("%s is not supported", directive)
	}
	return nil
}

// endLine looks at the line that ends.
func (r *zoneReader) endLine() (byte, error) {
	if r.quote {
		return r.fail(errors.New("quoted string is not closed"))
	}
	if r.comment && r.isNote && len(r.note) >= len(faultMark) {
		l, err := parseFault(string(r.note[len(faultMark):]))
		if err == nil {
			err = r.zone.addFault(l)
		}
		if err != nil {
			return r.fail(err)
		}
	}
	if r.depth == 0 {
		if err := r.endWord(); err != nil {
			return r.fail(err)
		}
		r.leading, r.word, r.length = true, r.word[:0], 0
	}
	r.comment, r.escape, r.isNote, r.blank = false, false, false, true
	r.line++
	r.newline = true
	return '\n', nil
}
