package evidence

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// streamList returns streams as text.
func streamList(e *Evidence) []string {
	var list []string
	for _, s := range e.Streams {
		list = append(list, fmt.Sprintf("%s %s from=%s by=%s %d", s.Kind, s.From, strings.Join(s.MailFrom, "+"), strings.Join(s.Signers, "+"), s.Count))
	}
	return list
}

// TestStreams holds which names stay together, and what makes no stream.
func TestStreams(t *testing.T) {
	const (
		from   = "From: x@a.example\n"
		path   = "Return-Path: <r@b.example>\n"
		inside = "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n"
	)
	by := func(domains ...string) string {
		var b strings.Builder
		for i, d := range domains {
			b.WriteString(signed(d, fmt.Sprint("s", i)))
		}
		return b.String()
	}
	for _, tt := range []struct {
		name, file string
		want       []string
	}{
		{"both", path + by("c.example", "b.example", "c.example") + from, []string{"message a.example from=b.example by=b.example+c.example 1"}},
		{"envelope sender alone", path + from, []string{"message a.example from=b.example by= 1"}},
		{"signer alone", by("c.example") + from, []string{"message a.example from= by=c.example 1"}},
		{"empty envelope sender", "Return-Path: <>\n" + by("c.example") + from, []string{"message a.example from= by=c.example 1"}},
		{"neither", from, nil},
		{"no From", path + by("c.example"), nil},
		{"From with several domains", path + "From: x@a.example, y@b.example\n", nil},
		{"From with one domain twice", path + "From: x@a.example, y@a.example\n", []string{"message a.example from=b.example by= 1"}},
		{"attached", path + from + inside + by("d.example") + "From: x@a.example\n\n--b--\n", []string{"message a.example from=b.example by= 1"}},
		{"mailbox", "From x\n" + path + from + "\nFrom y\n" + by("c.example") + from + "\nFrom z\n" + path + from,
			[]string{"mbox a.example from= by=c.example 1", "mbox a.example from=b.example by= 2"}},
		{"report", reportOf("feedback", recordOf(2, passingDKIM+`<spf><domain>b.example</domain><result>fail</result></spf>`)),
			[]string{"aggregate-report example.com from=b.example by=example.com 2"}},
		{"report of a signature that failed", reportOf("feedback", recordOf(2, strings.Replace(passingDKIM, "pass", "fail", 1)+`<spf><domain>b.example</domain><result>pass</result></spf>`)),
			[]string{"aggregate-report example.com from=b.example by= 2"}},
		{"report that is attached", path + from + inside + from + "\n" + plainReport + "\n--b--\n", []string{"aggregate-report example.com from= by=example.com 2"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, streamList(read(t, tt.file))); d != "" {
				t.Errorf("Read(%q), -want +got:\n%s", tt.file, d)
			}
		})
	}
}

func TestMaxParties(t *testing.T) {
	for n, want := range map[int][]Reason{MaxParties: nil, MaxParties + 1: {MoreStreams}} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			var b strings.Builder
			for i := range n {
				b.WriteString(signed(fmt.Sprintf("d%d.example", i), "s"))
			}
			e := read(t, b.String()+"From: x@a.example\n")
			if d := cmp.Diff(want, e.Cut); d != "" || len(e.Streams) != 1-len(want) {
				t.Errorf("streams %q; cut, -want +got:\n%s", streamList(e), d)
			}
		})
	}
}

func TestMaxStreams(t *testing.T) {
	for n, want := range map[int][]Reason{MaxStreams: nil, MaxStreams + 1: {MoreStreams}} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			e := &Evidence{}
			for i := range n {
				e.Streams = append(e.Streams, Stream{Kind: Message, From: "a.example", Signers: []string{fmt.Sprintf("d%06d.example", i)}, Uses: Uses{Count: 1}})
			}
			got := Merge(e, &Evidence{Streams: slices.Clone(e.Streams[:5])})
			if d := cmp.Diff(want, got.Cut); d != "" || len(got.Streams) != MaxStreams || got.Streams[0].Count != 2 {
				t.Errorf("%d streams, the first %+v; cut, -want +got:\n%s", len(got.Streams), got.Streams[0], d)
			}
		})
	}
}
