package mtasts

import (
	"cmp"
	"slices"
	"strings"

	"maildoctor/check/taglist"
)

const version = "STSv1"

// A Record is what an MTA-STS record says.
type Record struct {
	ID string `json:"id,omitempty"` // of the policy that is current; empty if missing or invalid
}

// Parse reads a TXT record found at _mta-sts (RFC 8461 section 3.1). It reports
// false for a text that is no MTA-STS record, which everybody passes over; a
// fault then says why, if it seems to be meant as one. Of an MTA-STS record all
// faults are returned, in the order of their places. Unknown fields are ignored.
// White space between v=STSv1 and its semicolon is a fault of a record: see
// taglist.Record.Parse.
func Parse(s string) (*Record, []Fault, bool) {
	list, ok := taglist.Record{Version: version, Stem: "sts", Typical: isTypical}.Parse(s)
	p := recordParser{input: s, list: list}
	p.takeOver(list.Faults)
	if !ok {
		return nil, p.faults, false
	}
	r := &Record{ID: p.id()}
	p.extensions()
	slices.SortStableFunc(p.faults, func(a, b Fault) int { return cmp.Compare(a.Offset, b.Offset) })
	return r, p.faults, true
}

func isTypical(first taglist.Tag) bool { return first.Name == "id" && isID(first.Value) }

type recordParser struct {
	input  string
	list   taglist.List
	faults []Fault
}

func (p *recordParser) fault(reason Reason, field string, at taglist.Span) {
	p.faults = append(p.faults, newFault(reason, field, p.input, at))
}

func (p *recordParser) takeOver(faults []taglist.Fault) {
	for _, f := range faults {
		p.fault(Reason(f.Code), f.Name, f.At)
	}
}

// id returns the first id=, in these very letters.
func (p *recordParser) id() string {
	if t, ok := p.list.Get("id"); ok {
		if !isID(t.Value) {
			p.fault(IDInvalid, t.Name, t.ValueAt)
			return ""
		}
		return t.Value
	}
	for _, t := range p.list.Tags {
		if taglist.Lower(t.Name) == "id" {
			p.fault(IDCase, t.Name, t.NameAt)
			return ""
		}
	}
	p.fault(IDMissing, "id", taglist.Span{Offset: len(p.input)})
	return ""
}

// extensions looks at the fields that say nothing here. A field that repeats
// another one is such a field too.
func (p *recordParser) extensions() {
	id, _ := p.list.Get("id")
	for i, t := range p.list.Tags {
		if i > 0 && t.NameAt != id.NameAt {
			p.takeOver(t.ExtensionFaults())
		}
	}
}

// isID is the id of RFC 8461 section 3.1: 1 to 32 letters and digits.
func isID(s string) bool { return taglist.IsExtension(s) && !strings.ContainsAny(s, "_-.") }
