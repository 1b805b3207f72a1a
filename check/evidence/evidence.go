// Package evidence reads files that show which names a domain's mail uses:
// messages, mailboxes and DMARC aggregate reports (RFC 7489 appendix C, RFC
// 9990).
//
// The DKIM selectors of a domain cannot be listed (RFC 6376 section 3.6.2.1),
// but every signature names its own, and so do the reports that receivers send.
// What a file shows is a claim: nothing is verified here and nothing is asked.
// A message or a report may be forged, so that a name found in it says where to
// look and not what is there.
package evidence

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"

	"maildoctor/check/taglist"
)

// Limits of one file. A file of MaxInput octets is held in memory, an attached
// ZIP archive once more without its transfer encoding; everything else passes
// through. With the names kept that makes some 250 MB at most.
const (
	MaxInput     = 64 << 20  // octets of a file
	MaxMessages  = 10_000    // messages of an mbox
	MaxUnpacked  = 64 << 20  // octets unpacked in all
	MaxMembers   = 100       // members of one ZIP archive that are looked at
	MaxDocuments = 10_000    // archives and XML documents opened in all
	MaxTokens    = 4_000_000 // XML tokens in all
)

// Limits of one message.
const (
	MaxHeader   = 1 << 20   // octets of a header block
	MaxFields   = 1000      // fields of a header block
	MaxField    = 100 << 10 // octets of one field, its name and line end included
	MaxDepth    = 100       // messages and multiparts inside of each other
	MaxParts    = 10_000    // parts at all levels
	MaxBoundary = 2048      // octets of a boundary; RFC 2046 section 5.1.1 allows 70
)

// Limits of one XML document.
const (
	MaxXMLDepth = 100      // elements inside of each other
	MaxToken    = 64 << 10 // octets of a tag, a comment or a run of text
)

// Limits of what is kept.
const (
	MaxNames   = 20_000  // entries of each list of names of an Evidence
	MaxStreams = 2000    // streams of an Evidence
	MaxShown   = 100     // names of one kind that one message or one record of a report shows
	MaxReport  = 1 << 40 // messages that one record of a report stands for
)

// Errors of Read.
var (
	ErrRead     = errors.New("evidence: cannot be read")
	ErrTooLarge = errors.New("evidence: more than 64 MB")
	ErrKind     = errors.New("evidence: neither a message, a mailbox nor an aggregate report")
	ErrDamaged  = errors.New("evidence: a damaged archive or XML document")
)

// Kind says what a file is, by its content.
type Kind string

// The kinds of files.
const (
	Message         Kind = "message"          // one message (RFC 5322), whatever is attached to it
	Mailbox         Kind = "mbox"             // messages behind "From " lines (RFC 4155)
	AggregateReport Kind = "aggregate-report" // an XML document, or several, bare, in GZIP or in ZIP
)

// Reason names something that was not read.
type Reason string

// What was not read of a file.
const (
	TooManyMessages  Reason = "too-many-messages"  // the rest of an mbox beyond MaxMessages
	HeaderTooLong    Reason = "header-too-long"    // fields beyond MaxHeader
	TooManyFields    Reason = "too-many-fields"    // fields beyond MaxFields
	FieldTooLong     Reason = "field-too-long"     // a field beyond MaxField
	TooDeep          Reason = "too-deep"           // parts beyond MaxDepth
	TooManyParts     Reason = "too-many-parts"     // the rest of a message beyond MaxParts
	BoundaryTooLong  Reason = "boundary-too-long"  // a multipart with a boundary beyond MaxBoundary
	TooMuchShown     Reason = "too-much-shown"     // names beyond MaxShown
	TooMuchUnpacked  Reason = "too-much-unpacked"  // what archives hold beyond MaxUnpacked
	TooManyMembers   Reason = "too-many-members"   // members of an archive beyond MaxMembers
	TooManyDocuments Reason = "too-many-documents" // archives and XML documents beyond MaxDocuments
	TooManyTokens    Reason = "too-many-tokens"    // the rest of all reports beyond MaxTokens
	NestedArchive    Reason = "nested-archive"     // an archive in an archive
	MemberDamaged    Reason = "member-damaged"     // a member of an archive that has reports in others
)

// Why the rest of a report was not read. The records before it count.
const (
	ReportMalformed Reason = "report-malformed" // not well-formed, cut off, or the archive around it is damaged
	ReportDOCTYPE   Reason = "report-doctype"   // a document type or another declaration: no report has one
	ReportTooDeep   Reason = "report-too-deep"  // beyond MaxXMLDepth
	ReportToken     Reason = "report-token"     // beyond MaxToken
)

// What was left out of an Evidence beyond MaxNames.
const (
	MoreSignatures Reason = "more-signatures"
	MoreMailFrom   Reason = "more-mail-from"
	MoreHelo       Reason = "more-helo"
	MoreFrom       Reason = "more-from"
	MoreAddresses  Reason = "more-addresses"
	MoreStreams    Reason = "more-streams" // also those with more than MaxParties names
)

// A File is one file that was read.
type File struct {
	Name     taglist.Octets `json:"name"` // as the caller calls it
	Kind     Kind           `json:"kind"`
	Messages int            `json:"messages,omitempty"` // messages that count, attached ones too
	Reports  int            `json:"reports,omitempty"`  // aggregate reports, attached ones too
	Faults   []Reason       `json:"faults,omitempty"`   // what was not read; sorted, each once
}

// Uses counts the messages that show a name. Of a message at hand nothing is
// verified; only reports say what a receiver found.
type Uses struct {
	Count  int64 `json:"count"`            // at hand and reported, at least 1
	Passed int64 `json:"passed,omitempty"` // reported with the result pass
	Failed int64 `json:"failed,omitempty"` // reported with the result fail, softfail or permerror
}

// A Signature is a name that DKIM signatures give for their key. In reports the
// selector may be missing (RFC 7489 appendix C); then it is empty.
type Signature struct {
	Domain   string `json:"domain"`             // d=
	Selector string `json:"selector,omitempty"` // s=
	Uses
}

// A Domain is a domain that messages show.
type Domain struct {
	Name string `json:"name"`
	Uses
}

// An Address is an address that reports name as the source of messages. Passed
// and Failed are about DMARC.
type Address struct {
	Address netip.Addr `json:"address"`
	Uses
}

// Evidence is what files show. Domains and selectors are in lower case, domains
// as A-labels without the final dot and of at least two labels. Each list is
// sorted and has each name once, MaxNames or MaxStreams entries at most.
//
// A message that carries a report counts for the report alone: the names in its
// own header are those of who reports.
type Evidence struct {
	Files      []File      `json:"files,omitempty"` // in the order of reading
	Signatures []Signature `json:"signatures,omitempty"`
	MailFrom   []Domain    `json:"mail_from,omitempty"` // Return-Path; of reports the domain of SPF or envelope_from, with the result of SPF
	Helo       []Domain    `json:"helo,omitempty"`      // of reports, with the result of SPF
	From       []Domain    `json:"from,omitempty"`      // of reports with the result of DMARC
	Addresses  []Address   `json:"addresses,omitempty"` // of reports
	Streams    []Stream    `json:"streams,omitempty"`
	Cut        []Reason    `json:"cut,omitempty"` // the lists that are not complete; sorted
}

// Read reads one file to its end and returns what it shows, with one File of
// the given name. What the file is shows in its first octets; the name plays no
// part. What is beyond a limit or damaged is left out, and the Faults say so;
// attachments that are no reports are nobody's fault. The work is proportional
// to the size of the file and of what it unpacks to.
//
// The errors are ErrRead with the cause, ErrTooLarge for more than MaxInput
// octets, ErrKind for what is no file of this sort, and ErrDamaged for an
// archive or an XML document that cannot be read as far as it would have to
// show a report. There is no Evidence then.
func Read(r io.Reader, name string) (*Evidence, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxInput+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRead, err)
	}
	if len(data) > MaxInput {
		return nil, ErrTooLarge
	}
	f := reader{file: File{Name: taglist.Octets(name)}, unpackable: MaxUnpacked}
	if err := f.read(data); err != nil {
		return nil, err
	}
	return f.evidence(), nil
}

// Merge returns what several files show together. The Files keep the order of
// the list, and a file that is there twice counts twice. What a list of more
// than MaxNames entries leaves out is behind the others in that order.
func Merge(list ...*Evidence) *Evidence {
	var c collector
	merged := &Evidence{}
	for _, e := range list {
		if e == nil {
			continue
		}
		merged.Files = append(merged.Files, e.Files...)
		c.merge(e)
	}
	c.fill(merged)
	return merged
}

// Selectors returns the selectors of signatures with exactly that domain in
// d=, the most telling ones first: those that passed most often, then those
// that are used most often, then by name. The domain is in lower case, without
// the final dot.
func (e *Evidence) Selectors(domain string) []string {
	var list []Signature
	for _, s := range e.Signatures {
		if s.Domain == domain && s.Selector != "" {
			list = append(list, s)
		}
	}
	slices.SortStableFunc(list, func(a, b Signature) int {
		return bySignificance(a.Uses, b.Uses)
	})
	names := make([]string, len(list))
	for i, s := range list {
		names[i] = s.Selector
	}
	return names
}

// A reader reads one file.
type reader struct {
	file       File
	shown      collector
	unpackable int64 // octets that may still be unpacked
	documents  int   // archives and XML documents opened
	tokens     int   // XML tokens read
}

func (r *reader) evidence() *Evidence {
	slices.Sort(r.file.Faults)
	e := &Evidence{Files: []File{r.file}}
	r.shown.fill(e)
	return e
}

// fault takes down what is not read.
func (r *reader) fault(reason Reason) {
	if !slices.Contains(r.file.Faults, reason) {
		r.file.Faults = append(r.file.Faults, reason)
	}
}

// take adds what one message or one record of a report shows.
func (r *reader) take(s *showing) {
	if s.signatures.cut || s.mailFrom.cut || s.helo.cut || s.from.cut {
		r.fault(TooMuchShown)
	}
	r.shown.take(s)
}

func (r *reader) read(data []byte) error {
	switch f := sniff(data); f {
	case gzipFormat, zipFormat, xmlFormat:
		r.file.Kind = AggregateReport
		return r.document(f, body{data: data})
	}
	switch data = trimStart(data); {
	case isSeparator(data):
		r.file.Kind = Mailbox
		r.mailbox(data)
	case isMessage(data):
		r.file.Kind = Message
		r.message(data)
	default:
		return ErrKind
	}
	return nil
}
