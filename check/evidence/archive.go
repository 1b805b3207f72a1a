package evidence

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"io"
	"mime/quotedprintable"
	"strings"
)

// A format is what a document begins like.
type format int

const (
	noFormat format = iota
	gzipFormat
	zipFormat
	xmlFormat
)

// maxSniff is how many octets tell the format.
const maxSniff = 512

// maxDirectory is how many members of a ZIP archive are listed, so that the
// list takes no more than some megabytes.
const maxDirectory = 10_000

// sniff tells a format. XML is told only where it may be a report.
func sniff(data []byte) format {
	switch data = data[:min(len(data), maxSniff)]; {
	case bytes.HasPrefix(data, []byte{0x1f, 0x8b, 8}): // RFC 1952 section 2.3.1
		return gzipFormat
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		return zipFormat
	}
	data = bytes.TrimLeft(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), " \t\r\n")
	tag, found := bytes.CutPrefix(data, []byte("<"))
	if !found {
		return noFormat
	}
	if end := bytes.IndexAny(tag, " \t\r\n/>"); end >= 0 {
		tag = tag[:end]
	}
	name := string(tag[bytes.LastIndexByte(tag, ':')+1:])
	if name == "?xml" || name == rootElement || strings.HasPrefix(name, "!--") {
		return xmlFormat
	}
	return noFormat
}

// A body is the content of a part in its transfer encoding (RFC 2045 section
// 6), in lower case; any that is not known is none.
type body struct {
	data     []byte
	encoding string
}

func (b body) reader() io.Reader {
	switch b.encoding {
	case "base64":
		return base64.NewDecoder(base64.RawStdEncoding, &base64Reader{data: b.data})
	case "quoted-printable":
		return quotedprintable.NewReader(bytes.NewReader(b.data))
	}
	return bytes.NewReader(b.data)
}

// bytes returns the content as far as it can be decoded.
func (b body) bytes() []byte {
	r := b.reader()
	if _, plain := r.(*bytes.Reader); plain {
		return b.data
	}
	data, _ := io.ReadAll(r)
	return data
}

// head returns the first octets of the content.
func (b body) head() []byte {
	if len(b.data) == 0 {
		return nil
	}
	head := make([]byte, maxSniff)
	n, _ := io.ReadFull(b.reader(), head)
	return head[:n]
}

// A base64Reader passes on the alphabet of base64 up to the padding. Everything
// else between is to be ignored (RFC 2045 section 6.8).
type base64Reader struct{ data []byte }

func (r *base64Reader) Read(p []byte) (n int, err error) {
	for n < len(p) && len(r.data) > 0 {
		c := r.data[0]
		if c == '=' {
			r.data = nil
			break
		}
		r.data = r.data[1:]
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/' {
			p[n] = c
			n++
		}
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// document reads an archive or an XML document. The error is ErrKind or
// ErrDamaged if there is no report in it.
func (r *reader) document(f format, b body) error {
	if r.documents == MaxDocuments {
		r.fault(TooManyDocuments)
		return ErrKind
	}
	r.documents++
	switch f {
	case gzipFormat:
		unpacked, err := gzip.NewReader(b.reader())
		if err != nil {
			return ErrDamaged
		}
		return r.member(unpacked)
	case zipFormat:
		return r.archive(b.bytes())
	case xmlFormat:
		return r.report(b.reader())
	}
	return ErrKind
}

// archive reads the members of a ZIP archive. Their names play no part.
func (r *reader) archive(data []byte) error {
	// Each entry of the directory begins with this signature (APPNOTE.TXT
	// section 4.3.12), so that there are no more entries than that.
	if bytes.Count(data, []byte("PK\x01\x02")) > maxDirectory {
		r.fault(TooManyMembers)
		return ErrKind
	}
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return ErrDamaged
	}
	reports, members, damaged := r.file.Reports, 0, false
	for _, f := range z.File {
		if f.UncompressedSize64 == 0 && strings.HasSuffix(f.Name, "/") {
			continue
		}
		if members == MaxMembers {
			r.fault(TooManyMembers)
			break
		}
		members++
		if err := r.zipMember(f); errors.Is(err, ErrDamaged) {
			damaged = true
		}
	}
	switch {
	case r.file.Reports == reports && damaged:
		return ErrDamaged
	case r.file.Reports == reports:
		return ErrKind
	case damaged:
		r.fault(MemberDamaged)
	}
	return nil
}

func (r *reader) zipMember(f *zip.File) error {
	unpacked, err := f.Open()
	if err != nil {
		return ErrDamaged
	}
	defer unpacked.Close()
	return r.member(unpacked)
}

// member reads what an archive holds.
func (r *reader) member(unpacked io.Reader) error {
	in := bufio.NewReader(&meter{reader: r, in: unpacked})
	head, err := in.Peek(maxSniff)
	switch sniff(head) {
	case xmlFormat:
		return r.report(in)
	case gzipFormat, zipFormat:
		r.fault(NestedArchive)
		return ErrKind
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return ErrDamaged
	}
	return ErrKind
}

// A meter counts what is unpacked and ends it at the limit of the file.
type meter struct {
	*reader
	in io.Reader
}

func (m *meter) Read(p []byte) (int, error) {
	if m.unpackable == 0 && len(p) > 0 {
		n, err := m.in.Read(p[:1])
		if n == 0 {
			return 0, err
		}
		m.fault(TooMuchUnpacked)
		return 0, stop(TooMuchUnpacked)
	}
	n, err := m.in.Read(p[:min(int64(len(p)), m.unpackable)])
	m.unpackable -= int64(n)
	return n, err
}
