// Package taglist reads "tag=value; tag=value" lists, the notation that DKIM
// brought (RFC 6376 section 3.2) and that DMARC, ARC, BIMI, TLS-RPT and MTA-STS
// records use with small differences.
//
// A list is read to its end whatever is wrong with it: every tag and every
// fault keeps its place in the input, so that a reader can be shown the very
// octet. What a fault means for the record is for the caller to say, since the
// standards differ on it.
package taglist

import "strings"

// MaxTags is how many parts between semicolons are read. What follows is one
// fault, TooManyTags.
const MaxTags = 256

// A Span is a run of octets of the input.
type Span struct {
	Offset int `json:"offset"` // octets before it
	Length int `json:"length"` // octets in it; may be 0
}

// A Tag is one "name=value" of a list.
type Tag struct {
	Name    string // as written
	Value   string // without the white space around it; may be empty
	NameAt  Span
	ValueAt Span
}

// A Code names what is wrong at a place of a list.
type Code string

// The faults of a list.
const (
	DuplicateTag  Code = "duplicate-tag"  // a name that was there before; the span is the name
	MissingEquals Code = "missing-equals" // text without "="; the span is the text
	EmptyName     Code = "empty-name"     // "=value"; the span is empty, at the "="
	BadName       Code = "bad-name"       // not a letter, then letters, digits and "_"; the span is the name
	BadOctet      Code = "bad-octet"      // the first octet of a value that may not be in one
	EmptyTag      Code = "empty-tag"      // nothing between two semicolons
	TooManyTags   Code = "too-many-tags"  // more than MaxTags; the span is all that was not read
)

// A Fault is one thing wrong with a list.
type Fault struct {
	Code Code
	Name string // the tag it is about, as written; empty without one
	At   Span
}

// Syntax is what differs between the standards that use such lists.
type Syntax struct {
	FoldCase bool // names are equal without regard to case: DMARC, not DKIM
	Folding  bool // CR and LF are white space: header fields and DKIM keys, not DMARC
}

// A List is a parsed list. Tags and Faults are in the order of the input.
// A tag with a fault is in both, as long as it has a name.
type List struct {
	Tags   []Tag
	Faults []Fault
	syntax Syntax
}

// Parse reads s to its end. The work is proportional to the length of s.
func Parse(s string, syntax Syntax) List {
	p := parser{
		input: s,
		list:  List{syntax: syntax},
		seen:  make(map[string]bool),
	}
	start := 0
	for n := 0; start <= len(s); n++ {
		if n == MaxTags {
			if rest := p.trim(start, len(s)); rest.Length > 0 {
				p.fault(TooManyTags, "", rest)
			}
			break
		}
		end, last := len(s), true
		if i := strings.IndexByte(s[start:], ';'); i >= 0 {
			end, last = start+i, false
		}
		p.part(start, end, last)
		start = end + 1
	}
	return p.list
}

// Get returns the first tag of that name.
func (l List) Get(name string) (Tag, bool) {
	for _, t := range l.Tags {
		if l.syntax.Equal(t.Name, name) {
			return t, true
		}
	}
	return Tag{}, false
}

// Equal reports whether two tag names are the same one.
func (s Syntax) Equal(a, b string) bool { return s.key(a) == s.key(b) }

func (s Syntax) key(name string) string {
	if s.FoldCase {
		return Lower(name)
	}
	return name
}

type parser struct {
	input string
	list  List
	seen  map[string]bool
}

func (p *parser) fault(code Code, name string, at Span) {
	p.list.Faults = append(p.list.Faults, Fault{Code: code, Name: name, At: at})
}

// part reads what stands between two semicolons. After the last semicolon
// nothing needs to follow.
func (p *parser) part(start, end int, last bool) {
	whole := p.trim(start, end)
	if whole.Length == 0 {
		if !last {
			p.fault(EmptyTag, "", whole)
		}
		return
	}
	eq := strings.IndexByte(p.input[start:end], '=')
	if eq < 0 {
		p.octets("", whole)
		p.fault(MissingEquals, "", whole)
		return
	}
	eq += start
	nameAt, valueAt := p.trim(start, eq), p.trim(eq+1, end)
	name := p.text(nameAt)
	switch {
	case name == "":
		p.fault(EmptyName, "", Span{Offset: eq})
		return
	case !validName(name):
		p.fault(BadName, name, nameAt)
	}
	if key := p.list.syntax.key(name); p.seen[key] {
		p.fault(DuplicateTag, name, nameAt)
	} else {
		p.seen[key] = true
	}
	p.octets(name, Span{Offset: eq + 1, Length: end - eq - 1})
	p.list.Tags = append(p.list.Tags, Tag{
		Name: name, Value: p.text(valueAt), NameAt: nameAt, ValueAt: valueAt,
	})
}

// octets looks for the first octet that is neither printable nor white space.
func (p *parser) octets(name string, at Span) {
	for i := at.Offset; i < at.Offset+at.Length; i++ {
		c := p.input[i]
		folding := c == '\r' || c == '\n'
		if c >= 0x20 && c <= 0x7e || c == '\t' || folding && p.list.syntax.Folding {
			continue
		}
		p.fault(BadOctet, name, Span{Offset: i, Length: 1})
		return
	}
}

func (p *parser) text(s Span) string { return p.input[s.Offset : s.Offset+s.Length] }

// trim returns the run from start to end without the white space around it.
func (p *parser) trim(start, end int) Span {
	for start < end && IsSpace(p.input[start]) {
		start++
	}
	for end > start && IsSpace(p.input[end-1]) {
		end--
	}
	return Span{Offset: start, Length: end - start}
}

// IsSpace reports whether c is one of the octets of folding white space.
func IsSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// validName reports whether name is a tag name of RFC 6376 section 3.2.
func validName(name string) bool {
	for i := range len(name) {
		c := name[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || c != '_' && (c < '0' || c > '9')) {
			return false
		}
	}
	return name != ""
}
