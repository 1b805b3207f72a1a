package evidence

import (
	"bytes"
	"strings"

	"maildoctor/check/taglist"
)

// mailbox reads an mbox. A line that begins with "From " separates messages
// where an empty line stands before it and a header field behind it: not all
// software quotes such lines of a text (RFC 4155 appendix A).
func (r *reader) mailbox(data []byte) {
	start, messages := -1, 0
	empty := true // the line before
	for at := 0; at < len(data); {
		line, next := cutLine(data, at)
		if empty && isSeparator(data[at:]) {
			if start >= 0 {
				r.message(data[start:at])
			}
			if messages == MaxMessages {
				r.fault(TooManyMessages)
				return
			}
			start = next
			messages++
		}
		empty = len(line) == 0
		at = next
	}
	r.message(data[start:])
}

// isSeparator reports whether data begins with a "From " line and a header
// field.
func isSeparator(data []byte) bool {
	if !bytes.HasPrefix(data, []byte("From ")) {
		return false
	}
	_, next := cutLine(data, 0)
	line, _ := cutLine(data, next)
	_, _, ok := cutField(line)
	return ok || bytes.HasPrefix(line, []byte(">From "))
}

// isMessage reports whether data begins with a header block of a message: at
// once with a field, and with one that tells mail from other text of that form.
func isMessage(data []byte) bool {
	for at, n := 0, 0; at < min(len(data), MaxHeader) && n < MaxFields; {
		line, next := cutLine(data, at)
		if len(line) == 0 {
			break
		}
		if !isFolded(line) {
			name, _, ok := cutField(line)
			if !ok && n == 0 {
				return false
			}
			switch string(bytes.ToLower(name[:min(len(name), 32)])) {
			case "from", "date", "received", "return-path", "message-id", "dkim-signature", "mime-version":
				return true
			}
			n++
		}
		at = next
	}
	return false
}

// trimStart returns data without the byte order mark and the empty lines in
// front.
func trimStart(data []byte) []byte {
	return bytes.TrimLeft(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), "\r\n")
}

// cutLine returns the line that begins at an offset, without its end, and the
// offset of the next one. CR, LF and CRLF all end a line.
func cutLine(data []byte, at int) (line []byte, next int) {
	end := bytes.IndexAny(data[at:], "\r\n")
	if end < 0 {
		return data[at:], len(data)
	}
	end += at
	if bytes.HasPrefix(data[end:], []byte("\r\n")) {
		return data[at:end], end + 2
	}
	return data[at:end], end + 1
}

// isFolded reports whether a line of a header continues the one before (RFC
// 5322 section 2.2.3).
func isFolded(line []byte) bool {
	return len(line) > 0 && (line[0] == ' ' || line[0] == '\t')
}

// cutField splits a header field (RFC 5322 section 2.2). White space before the
// colon is obsolete (section 4.5) and allowed.
func cutField(field []byte) (name, value []byte, ok bool) {
	colon := bytes.IndexByte(field, ':')
	if colon < 0 {
		return nil, nil, false
	}
	name = bytes.TrimRight(field[:colon], " \t")
	for _, c := range name {
		if c <= ' ' || c > '~' {
			return nil, nil, false
		}
	}
	return name, field[colon+1:], len(name) > 0
}

// A mail is one message in the making, the file itself or an attached one.
type mail struct {
	showing
	returned bool // there was a Return-Path
	carrier  bool // a report is attached
}

// field takes what a header field of a message shows.
func (m *mail) field(name, value string) {
	switch name {
	case "dkim-signature":
		if k, ok := signatureNames(value); ok {
			m.signatures.add(k, Uses{Count: 1})
		}
	case "from":
		addDomains(&m.from, value)
	case "return-path":
		// The last delivery is on top (RFC 5321 section 4.4).
		if !m.returned {
			addDomains(&m.mailFrom, value)
		}
		m.returned = true
	}
}

func addDomains(list *names[string], field string) {
	for s := range mailDomains(field) {
		if d, ok := domainName(s); ok {
			list.add(d, Uses{Count: 1})
		}
		if list.cut {
			return
		}
	}
}

// signatureNames reads d= and s= of a DKIM-Signature. A list that a verifier
// would not read shows nothing (RFC 6376 sections 3.2 and 6.1.1).
func signatureNames(value string) (key, bool) {
	list := taglist.Parse(value, taglist.Syntax{Folding: true})
	for _, f := range list.Faults {
		if f.Code != taglist.EmptyTag && f.Code != taglist.BadOctet {
			return key{}, false
		}
	}
	v, _ := list.Get("v")
	d, _ := list.Get("d")
	s, _ := list.Get("s")
	if v.Value != "1" || s.Value == "" {
		return key{}, false
	}
	return signatureKey(d.Value, s.Value)
}

// message reads one message with all that is attached to it.
func (r *reader) message(data []byte) {
	w := walker{reader: r, data: data, open: make(map[string]int)}
	w.pushMessage(0)
	for at := 0; at < len(data) && !w.full; {
		line, next := cutLine(data, at)
		if level, last, ok := w.boundary(line); ok {
			w.pop(level+1, at)
			if last {
				w.pop(level, at)
			} else {
				w.beginPart(next)
			}
		} else if w.state == inHeader {
			w.headerLine(line, at, next)
		}
		at = next
	}
	w.pop(0, len(data))
}

// contentOf is what header fields say of a body (RFC 2045 sections 5 and 6).
type contentOf struct {
	mediaType string // in lower case, without parameters
	boundary  string
	encoding  string // in lower case
}

// mediaType reads the value of a Content-Type field as far as it matters here.
func mediaType(value string) (name, boundary string) {
	name, rest, _ := strings.Cut(value, ";")
	name = taglist.Lower(strings.TrimFunc(name, isSpace))
	for rest != "" {
		var attribute, v string
		attribute, rest = cutUnquoted(rest, '=')
		v, rest = cutUnquoted(rest, ';')
		if boundary == "" && taglist.Lower(strings.TrimFunc(attribute, isSpace)) == "boundary" {
			boundary = unquote(strings.TrimFunc(v, isSpace))
		}
	}
	return name, boundary
}

func isSpace(c rune) bool { return c < ' ' || c == ' ' }

// cutUnquoted cuts s at the first separator outside of a quoted string.
func cutUnquoted(s string, separator byte) (before, after string) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == separator && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

// unquote undoes a quoted string (RFC 2045 section 5.1).
func unquote(s string) string {
	inner, quoted := strings.CutPrefix(s, `"`)
	if !quoted {
		s, _, _ = strings.Cut(s, " ")
		return s
	}
	var b strings.Builder
	for i := 0; i < len(inner) && inner[i] != '"'; i++ {
		if inner[i] == '\\' && i+1 < len(inner) {
			i++
		}
		b.WriteByte(inner[i])
	}
	return b.String()
}
