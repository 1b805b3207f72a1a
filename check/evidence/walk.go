package evidence

import (
	"bytes"
	"strings"

	"maildoctor/check/taglist"
)

// A state says what the lines at hand belong to.
type state int

const (
	inHeader state = iota
	inBody         // of a part that is no multipart and no message
	inGap          // before the first part of a multipart, or behind the last
)

// A walker goes over the lines of a message once. What is open stands on a
// stack of MaxDepth levels at most, never in recursion.
type walker struct {
	*reader
	data  []byte
	stack []level
	open  map[string]int // level of each boundary
	parts int
	full  bool // there were MaxParts

	state   state
	start   int  // offset of the header or the body at hand
	ofMail  bool // the header is that of the message on top of the stack
	field   int  // offset of the field at hand, -1 for none
	fields  int
	content contentOf
}

// A level is a message or a multipart that is open.
type level struct {
	mail     *mail  // nil for a multipart
	boundary string // of a multipart
}

// boundary reports whether a line delimits the parts of an open multipart, at
// which level, and whether it is the last delimiter (RFC 2046 section 5.1.1).
func (w *walker) boundary(line []byte) (level int, last, ok bool) {
	const dashes = "--"
	if len(w.open) == 0 || !bytes.HasPrefix(line, []byte(dashes)) {
		return 0, false, false
	}
	line = bytes.TrimRight(line[len(dashes):], " \t")
	if len(line) > MaxBoundary+len(dashes) {
		return 0, false, false
	}
	if level, ok = w.open[string(line)]; ok {
		return level, false, true
	}
	line, last = bytes.CutSuffix(line, []byte(dashes))
	level, ok = w.open[string(line)]
	return level, last, ok && last
}

// pop closes what is open above a height of the stack. The line at an offset
// does not belong to it any more.
func (w *walker) pop(height, at int) {
	switch w.state {
	case inHeader:
		w.endField(at)
	case inBody:
		w.body(w.data[w.start:at])
	}
	w.state = inGap
	for len(w.stack) > height {
		top := w.stack[len(w.stack)-1]
		w.stack = w.stack[:len(w.stack)-1]
		if top.mail == nil {
			delete(w.open, top.boundary)
			continue
		}
		w.endMail(top.mail)
	}
}

func (w *walker) endMail(m *mail) {
	if m.carrier {
		return
	}
	w.file.Messages++
	w.take(&m.showing)
	if len(w.stack) == 0 {
		w.shown.stream(w.file.Kind, &m.showing)
	}
}

// push opens a level.
func (w *walker) push(l level) bool {
	if len(w.stack) == MaxDepth {
		w.fault(TooDeep)
		return false
	}
	w.stack = append(w.stack, l)
	return true
}

func (w *walker) pushMessage(at int) {
	w.state = inGap
	if w.push(level{mail: &mail{}}) {
		w.beginHeader(at, true)
	}
}

func (w *walker) beginPart(at int) {
	if w.parts == MaxParts {
		w.fault(TooManyParts)
		w.full = true
		return
	}
	w.parts++
	w.beginHeader(at, false)
}

func (w *walker) beginHeader(at int, ofMail bool) {
	w.state, w.start, w.ofMail = inHeader, at, ofMail
	w.field, w.fields = -1, 0
	w.content = contentOf{}
}

// headerLine reads a line of a header. A line that is no field and continues
// none is passed over.
func (w *walker) headerLine(line []byte, at, next int) {
	if isFolded(line) {
		return
	}
	w.endField(at)
	if len(line) == 0 {
		w.endHeader(next)
		return
	}
	if _, _, ok := cutField(line); ok {
		w.field = at
	}
}

// endField reads the field that ends at an offset.
func (w *walker) endField(end int) {
	start := w.field
	w.field = -1
	if start < 0 || w.fields > MaxFields {
		return
	}
	switch w.fields++; {
	case w.fields > MaxFields:
		w.fault(TooManyFields)
		return
	case end-w.start > MaxHeader:
		w.fault(HeaderTooLong)
		return
	case end-start > MaxField:
		w.fault(FieldTooLong)
		return
	}
	name, value, _ := cutField(w.data[start:end])
	switch lower := string(bytes.ToLower(name)); lower {
	case "content-type":
		if w.content.mediaType == "" {
			w.content.mediaType, w.content.boundary = mediaType(string(value))
		}
	case "content-transfer-encoding":
		if w.content.encoding == "" {
			encoding, _, _ := strings.Cut(plain(string(value)), ";")
			w.content.encoding = taglist.Lower(strings.TrimFunc(encoding, isSpace))
		}
	default:
		if w.ofMail {
			w.stack[len(w.stack)-1].mail.field(lower, string(value))
		}
	}
}

// endHeader turns to the body that begins at an offset.
func (w *walker) endHeader(at int) {
	w.start = at
	// Only these encodings are allowed for what has parts (RFC 2045 section 6.4).
	composite := false
	switch w.content.encoding {
	case "", "7bit", "8bit", "binary":
		composite = true
	}
	switch c := w.content; {
	case strings.HasPrefix(c.mediaType, "multipart/"):
		w.state = inGap
		w.pushMultipart(c.boundary)
	case composite && (c.mediaType == "message/rfc822" || c.mediaType == "message/global" || c.mediaType == "text/rfc822-headers"):
		w.pushMessage(at)
	default:
		w.state = inBody
	}
}

// pushMultipart opens a multipart. One with a boundary that is open already
// has no parts of its own.
func (w *walker) pushMultipart(boundary string) {
	if len(boundary) > MaxBoundary {
		w.fault(BoundaryTooLong)
		return
	}
	if _, twice := w.open[boundary]; twice || boundary == "" {
		return
	}
	if w.push(level{boundary: boundary}) {
		w.open[boundary] = len(w.stack) - 1
	}
}

// body looks for a report in the body of a part.
func (w *walker) body(data []byte) {
	b := body{data: data, encoding: w.content.encoding}
	f := sniff(b.head())
	if f == noFormat {
		return
	}
	reports := w.file.Reports
	// Other archives and documents may be attached as well, damaged ones too.
	_ = w.document(f, b)
	if w.file.Reports == reports {
		return
	}
	for _, l := range w.stack {
		if l.mail != nil {
			l.mail.carrier = true
		}
	}
}
