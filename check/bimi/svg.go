package bimi

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"maildoctor/check/taglist"
)

// PictureReason names a fault of a logo.
type PictureReason string

// The faults of a logo, of which those of the file come first. What the profile
// forbids is in draft-svg-tiny-ps-abrotman section 2 and its schema.
const (
	Empty        PictureReason = "empty"
	GzipBroken   PictureReason = "gzip-broken"
	NotUTF8      PictureReason = "not-utf-8"
	XMLMalformed PictureReason = "xml-malformed"
	XMLTooDeep   PictureReason = "xml-too-deep"  // more than MaxDepth
	XMLTooLong   PictureReason = "xml-too-long"  // more than MaxTokens
	PictureCut   PictureReason = "picture-cut"   // more than MaxLogo octets; none is looked at
	NotSVG       PictureReason = "not-svg"       // the outermost element is not svg
	Entity       PictureReason = "entity"        // a document type that declares entities
	Namespace    PictureReason = "namespace"     // not the one of SVG
	Version      PictureReason = "version"       // not 1.2
	BaseProfile  PictureReason = "base-profile"  // not tiny-ps
	RootPosition PictureReason = "root-position" // x or y of the outermost element
	ViewBox      PictureReason = "view-box"      // not four numbers, or without area
	TitleMissing PictureReason = "title-missing" // none right inside of the outermost element
	TitleEmpty   PictureReason = "title-empty"
	TitleMany    PictureReason = "title-many" // more than one
	DescEmpty    PictureReason = "desc-empty"
	Script       PictureReason = "script"          // script, handler, listener
	Event        PictureReason = "event-attribute" // onload and the like
	Raster       PictureReason = "raster-image"    // image
	Animation    PictureReason = "animation"       // animate, set and the like
	Multimedia   PictureReason = "multimedia"      // audio, video, animation
	Foreign      PictureReason = "foreign-object"
	Link         PictureReason = "link"  // a
	Style        PictureReason = "style" // an element or attribute of CSS
	External     PictureReason = "external-reference"
	Element      PictureReason = "element-not-allowed"
	Value        PictureReason = "value-not-allowed" // of an attribute that has one only

	// Advice: pictures are shown by some receivers all the same.
	Doctype          PictureReason = "doctype" // SVG Tiny 1.2 wants none; strict readers of XML refuse it
	ViewBoxMissing   PictureReason = "view-box-missing"
	NotSquare        PictureReason = "not-square"
	TitleLong        PictureReason = "title-long"            // more than MaxTitle characters
	SizeRelative     PictureReason = "size-relative"         // width or height in per cent
	SizeSmall        PictureReason = "size-small"            // below 96 pixels
	Attribute        PictureReason = "attribute-not-allowed" // by the schema
	ForeignNamespace PictureReason = "foreign-element"       // of another namespace, as editors leave them
)

func (r PictureReason) advice() bool {
	switch r {
	case Doctype, ViewBoxMissing, NotSquare, TitleLong, SizeRelative, SizeSmall, Attribute, ForeignNamespace:
		return true
	}
	return false
}

// A PictureFault is one thing wrong with a logo; of equal ones the first.
type PictureFault struct {
	Reason PictureReason  `json:"reason"`
	Name   taglist.Octets `json:"name,omitempty"` // of the element or attribute, cut after MaxText octets
	Line   int            `json:"line,omitempty"` // counted from 1; 0 if it is about no place
	Offset int            `json:"offset"`         // octets of the unpacked file before the tag it is in
	Advice bool           `json:"advice,omitempty"`
}

// A Picture is what a logo file is like.
type Picture struct {
	Size   int            `json:"size"`             // octets, unpacked; more than MaxLogo if it was cut
	Packed bool           `json:"packed,omitempty"` // compressed with gzip (RFC 1952)
	Title  taglist.Octets `json:"title,omitempty"`  // cut after MaxText octets
	SHA256 string         `json:"sha256,omitempty"` // of the unpacked file, with LF at line ends and no white space around it
	Faults []PictureFault `json:"faults,omitempty"` // at most MaxFaults
}

// Valid reports whether nothing is wrong with the picture but for advice.
func (p *Picture) Valid() bool {
	return !slices.ContainsFunc(p.Faults, func(f PictureFault) bool { return !f.Advice })
}

// CheckSVG reads a logo file, packed with gzip or not, and compares it with the
// profile SVG Tiny PS. The work is proportional to MaxLogo at most. It never
// returns nil.
func CheckSVG(file []byte) *Picture { return checkSVG(file, MaxLogo) }

func checkSVG(file []byte, limit int) *Picture {
	s := &scanner{picture: new(Picture), seen: map[string]bool{}}
	if s.unpack(file, limit) {
		s.scan()
	}
	return s.picture
}

// A scanner reads the tokens of one logo. It keeps no tree.
type scanner struct {
	picture *Picture
	data    []byte
	dec     *xml.Decoder
	seen    map[string]bool // faults

	line, offset int // of the token

	depth    int
	metadata int // depth of the element metadata that the place is in
	titles   int // right inside of the outermost element
	text     strings.Builder
	textOf   PictureReason // the fault of the element whose text is read, if that is empty
	textAt   int           // its depth
	alien    bool          // an encoding that is not UTF-8 is declared
}

// fault notes a fault at the present place.
func (s *scanner) fault(reason PictureReason, name string) {
	key := string(reason) + " " + name
	if s.seen[key] || len(s.picture.Faults) == MaxFaults {
		return
	}
	s.seen[key] = true
	f := PictureFault{Reason: reason, Name: cut(name), Advice: reason.advice()}
	f.Line, f.Offset = s.line, s.offset
	s.picture.Faults = append(s.picture.Faults, f)
}

// unpack fills data, and reports whether there is something to read.
func (s *scanner) unpack(file []byte, limit int) bool {
	s.data = file
	if bytes.HasPrefix(file, []byte{0x1f, 0x8b}) {
		s.picture.Packed = true
		data, err := gunzip(file, limit+1)
		if err != nil {
			s.fault(GzipBroken, "gzip")
			return false
		}
		s.data = data
	}
	s.picture.Size = len(s.data)
	if len(s.data) > limit {
		s.fault(PictureCut, "svg")
		return false
	}
	picture := bytes.TrimPrefix(s.data, []byte("\ufeff"))
	picture = bytes.TrimSpace(bytes.ReplaceAll(picture, []byte("\r\n"), []byte("\n")))
	switch {
	case len(picture) == 0:
		s.fault(Empty, "svg")
		return false
	case !utf8.Valid(s.data):
		s.fault(NotUTF8, "UTF-8")
		return false
	}
	sum := sha256.Sum256(picture)
	s.picture.SHA256 = hex.EncodeToString(sum[:])
	return true
}

// gunzip returns at most limit octets.
func gunzip(file []byte, limit int) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(r, int64(limit)))
}

var errCharset = errors.New("bimi: another encoding than UTF-8")

func (s *scanner) scan() {
	text := bytes.TrimPrefix(s.data, []byte("\ufeff")) // encoding/xml does not know it
	s.dec = xml.NewDecoder(bytes.NewReader(text))
	s.dec.CharsetReader = func(string, io.Reader) (io.Reader, error) {
		s.alien = true
		return nil, errCharset
	}
	root := false
	for range MaxTokens {
		s.place(len(s.data) - len(text))
		token, err := s.dec.Token()
		switch {
		case err != nil:
			s.place(len(s.data) - len(text))
			s.end(err, root)
			return
		case s.depth > MaxDepth:
			s.fault(XMLTooDeep, "XML")
			return
		}
		switch t := token.(type) {
		case xml.StartElement:
			s.depth++
			if s.depth == 1 {
				if t.Name.Local != "svg" {
					s.fault(NotSVG, t.Name.Local)
					return
				}
				root = true
			}
			s.start(t)
		case xml.EndElement:
			s.close()
			s.depth--
		case xml.CharData:
			if s.textOf != "" {
				s.text.Write(t)
			}
		case xml.Directive:
			s.directive(string(t))
		case xml.ProcInst:
			if t.Target == "xml-stylesheet" {
				s.fault(Style, t.Target)
			}
		}
	}
	s.fault(XMLTooLong, "XML")
}

// place notes where the decoder is in the file, of which it does not know the
// first octets.
func (s *scanner) place(skipped int) {
	s.line, _ = s.dec.InputPos()
	s.offset = skipped + int(s.dec.InputOffset())
}

// end judges the file as a whole, if it came to its end.
func (s *scanner) end(err error, root bool) {
	switch {
	case s.alien:
		s.fault(NotUTF8, "encoding")
	case err != io.EOF:
		s.fault(XMLMalformed, "XML")
	case !root:
		s.fault(NotSVG, "XML")
	case s.titles == 0:
		s.fault(TitleMissing, "title")
	}
}

func (s *scanner) directive(text string) {
	if !strings.HasPrefix(text, "DOCTYPE") {
		return
	}
	s.fault(Doctype, "DOCTYPE")
	if strings.Contains(text, "<!ENTITY") {
		s.fault(Entity, "ENTITY")
	}
}

// start judges an element by its name and attributes.
func (s *scanner) start(t xml.StartElement) {
	name := t.Name.Local
	if s.depth == 1 {
		if t.Name.Space != spaceSVG {
			s.fault(Namespace, "xmlns")
		}
		s.root(t.Attr)
	} else if t.Name.Space != spaceSVG && t.Name.Space != "" {
		if s.metadata == 0 {
			s.fault(ForeignNamespace, name)
		}
		s.attributes(t.Attr, false)
		return
	}
	if reason := elementFault(name); reason != "" {
		s.fault(reason, name)
	}
	switch {
	case name == "metadata" && s.metadata == 0:
		s.metadata = s.depth
	case name == "title" && s.depth == 2:
		if s.titles++; s.titles == 2 {
			s.fault(TitleMany, name)
		}
		s.textOf, s.textAt = TitleEmpty, s.depth
		s.text.Reset()
	case name == "desc" && s.textOf == "":
		s.textOf, s.textAt = DescEmpty, s.depth
		s.text.Reset()
	}
	s.attributes(t.Attr, s.metadata == 0)
}

// close ends an element.
func (s *scanner) close() {
	if s.metadata == s.depth {
		s.metadata = 0
	}
	if s.textOf == "" || s.textAt != s.depth {
		return
	}
	text := strings.TrimSpace(s.text.String())
	switch {
	case text == "" && s.textOf == TitleEmpty:
		s.fault(s.textOf, "title")
	case text == "":
		s.fault(s.textOf, "desc")
	case s.textOf == TitleEmpty && s.titles == 1:
		s.picture.Title = cut(text)
		if utf8.RuneCountInString(text) > MaxTitle {
			s.fault(TitleLong, "title")
		}
	}
	s.textOf = ""
}
