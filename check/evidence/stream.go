package evidence

import (
	"maps"
	"slices"
	"strings"
)

// MaxParties is how many names of one kind a Stream has.
const MaxParties = 10

// A Stream is mail that is authenticated in one way: the names that one message,
// or one record of a report, shows together (RFC 9989 section 4.4). Messages and
// records with the same names make one stream. Those with several domains in
// From, with more than MaxParties names or with none are left out, and so are
// messages that are attached to another one.
type Stream struct {
	Kind     Kind     `json:"kind"`                // Message, Mailbox, or AggregateReport also where the report is attached to a message
	From     string   `json:"from"`                // the Author Domain
	MailFrom []string `json:"mail_from,omitempty"` // sorted; without any the envelope sender is empty or not shown
	Signers  []string `json:"signers,omitempty"`   // d= of signatures, sorted, of reports only those that did not fail
	Uses              // in reports with the result of DMARC
}

// A streamKey is a Stream as a key: names hold neither commas nor blanks.
type streamKey struct {
	kind                    Kind
	from, mailFrom, signers string
}

func (k streamKey) compare(l streamKey) int {
	return slices.Compare(
		[]string{k.from, k.mailFrom, k.signers, string(k.kind)},
		[]string{l.from, l.mailFrom, l.signers, string(l.kind)},
	)
}

func (s *Stream) key() streamKey {
	return streamKey{s.Kind, s.From, strings.Join(s.MailFrom, ","), strings.Join(s.Signers, ",")}
}

func (k streamKey) stream(u Uses) Stream {
	return Stream{Kind: k.kind, From: k.from, MailFrom: split(k.mailFrom), Signers: split(k.signers), Uses: u}
}

func split(names string) []string {
	if names == "" {
		return nil
	}
	return strings.Split(names, ",")
}

// stream adds the stream of one message or one record.
func (c *collector) stream(kind Kind, s *showing) {
	if len(s.from.list) != 1 || s.from.cut {
		return
	}
	out := Stream{Kind: kind, From: s.from.list[0].name}
	for _, e := range s.mailFrom.list {
		out.MailFrom = append(out.MailFrom, e.name)
	}
	for _, e := range s.signatures.list {
		if e.uses.Failed == 0 {
			out.Signers = append(out.Signers, e.name.domain)
		}
	}
	slices.Sort(out.MailFrom)
	slices.Sort(out.Signers)
	out.Signers = slices.Compact(out.Signers)
	if len(out.MailFrom)+len(out.Signers) == 0 {
		return
	}
	if s.mailFrom.cut || s.signatures.cut || len(out.MailFrom) > MaxParties || len(out.Signers) > MaxParties {
		c.streams.cut = true
		return
	}
	c.streams.addTo(MaxStreams, out.key(), s.from.list[0].uses)
}

func streams(t tally[streamKey]) []Stream {
	var list []Stream
	for _, k := range slices.SortedFunc(maps.Keys(t.uses), streamKey.compare) {
		list = append(list, k.stream(t.uses[k]))
	}
	return list
}
