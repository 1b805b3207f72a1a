package evidence

import (
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"maildoctor/check/dnsx"
)

func TestMerge(t *testing.T) {
	mail, report := read(t, plainMessage), read(t, plainReport)
	both := Uses{Count: 3, Passed: 2}
	want := &Evidence{
		Files:      []File{mail.Files[0], report.Files[0]},
		Signatures: []Signature{{"example.com", "s1", both}},
		MailFrom:   []Domain{{"mail.example.com", Uses{Count: 1}}},
		From:       []Domain{{"example.com", both}},
		Addresses:  report.Addresses,
		Streams:    []Stream{report.Streams[0], mail.Streams[0]},
	}
	if d := diff(want, Merge(mail, nil, report)); d != "" {
		t.Errorf("Merge, -want +got:\n%s", d)
	}
	if d := diff(report, Merge(report)); d != "" {
		t.Errorf("Merge of one, -want +got:\n%s", d)
	}
	if d := diff(&Evidence{}, Merge()); d != "" {
		t.Errorf("Merge of none, -want +got:\n%s", d)
	}
	cut := &Evidence{Cut: []Reason{MoreAddresses, MoreFrom, MoreHelo, MoreMailFrom, MoreSignatures, MoreStreams}}
	if d := diff(cut, Merge(&Evidence{}, cut)); d != "" {
		t.Errorf("Merge of what was cut, -want +got:\n%s", d)
	}
	if d := cmp.Diff(Uses{Count: 2, Passed: 2}, report.Signatures[0].Uses); d != "" {
		t.Errorf("Merge changed what it was given, -want +got:\n%s", d)
	}
}

func TestCountsStop(t *testing.T) {
	e := &Evidence{Helo: []Domain{{"a.example", Uses{Count: maxCount, Passed: maxCount - 1}}}}
	want := []Domain{{"a.example", Uses{Count: maxCount, Passed: maxCount}}}
	if d := cmp.Diff(want, Merge(e, e).Helo); d != "" {
		t.Errorf("Merge, -want +got:\n%s", d)
	}
}

func TestSelectors(t *testing.T) {
	e := &Evidence{Signatures: []Signature{
		{"a.example", "", Uses{Count: 50, Passed: 50}},
		{"a.example", "b", Uses{Count: 5}},
		{"a.example", "c", Uses{Count: 5}},
		{"a.example", "d", Uses{Count: 9, Failed: 9}},
		{"a.example", "e", Uses{Count: 2, Passed: 1}},
		{"b.a.example", "f", Uses{Count: 1}},
	}}
	for domain, want := range map[string][]string{
		"a.example":   {"e", "d", "b", "c"},
		"b.a.example": {"f"},
		"example":     {},
	} {
		t.Run(domain, func(t *testing.T) {
			if d := cmp.Diff(want, e.Selectors(domain)); d != "" {
				t.Errorf("Selectors(%q), -want +got:\n%s", domain, d)
			}
		})
	}
}

func TestJSON(t *testing.T) {
	e := Merge(read(t, plainMessage), read(t, plainReport))
	e.Files[0].Name = "a\xff"
	e.Files[1].Faults = []Reason{NestedArchive}
	e.Cut = []Reason{MoreHelo}
	roundTrip(t, e)
}

func roundTrip(t *testing.T, e *Evidence) {
	t.Helper()
	b, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var back Evidence
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if d := diff(e, &back); d != "" {
		t.Errorf("after %s, -want +got:\n%s", b, d)
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{
		plainMessage, crlf(plainMessage), plainReport, gzipped(plainReport), zipped("a", plainReport),
		"From a\n" + plainMessage + "\nFrom b\n" + plainMessage,
		"Date: x\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n" + plainMessage + "--b\n\n" + plainReport + "\n--b--\n",
		"Date: x\nContent-Transfer-Encoding: base64\n\n" + encoded(gzipped(plainReport)),
		"Date: x\nContent-Transfer-Encoding: quoted-printable\n\n<?xml=3F>=\n<feedback>",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		e, err := Read(strings.NewReader(string(file)), "file")
		if (e == nil) == (err == nil) {
			t.Fatalf("Read: %v, %v", e, err)
		}
		if err != nil {
			if !errors.Is(err, ErrKind) && !errors.Is(err, ErrDamaged) {
				t.Errorf("Read: %v", err)
			}
			return
		}
		checkEvidence(t, e)
		again, err := Read(strings.NewReader(string(file)), "file")
		if err != nil {
			t.Fatal(err)
		}
		if d := diff(e, again); d != "" {
			t.Errorf("read again, -first +second:\n%s", d)
		}
		if d := diff(e, Merge(e)); d != "" {
			t.Errorf("merged, -want +got:\n%s", d)
		}
		roundTrip(t, e)
	})
}

// checkEvidence checks what is said of every Evidence.
func checkEvidence(t *testing.T, e *Evidence) {
	t.Helper()
	isDomain := func(s string) bool {
		canonical, _ := dnsx.Canonical(s)
		return dnsx.IsName(s) && s == canonical && strings.Contains(s, ".")
	}
	uses := func(u Uses) bool {
		return u.Count > 0 && u.Passed >= 0 && u.Failed >= 0 && u.Passed+u.Failed <= u.Count
	}
	for _, s := range e.Signatures {
		whole := s.Selector + "._domainkey." + s.Domain
		if !isDomain(s.Domain) || s.Selector != "" && !isDomain(whole) || !uses(s.Uses) {
			t.Errorf("signature %+v", s)
		}
	}
	for _, list := range [][]Domain{e.MailFrom, e.Helo, e.From} {
		for _, d := range list {
			if !isDomain(d.Name) || !uses(d.Uses) {
				t.Errorf("domain %+v", d)
			}
		}
		if !slices.IsSortedFunc(list, func(a, b Domain) int { return strings.Compare(a.Name, b.Name) }) {
			t.Errorf("domains out of order: %v", list)
		}
	}
	for _, a := range e.Addresses {
		if !a.Address.IsValid() || a.Address.Zone() != "" || !uses(a.Uses) {
			t.Errorf("address %+v", a)
		}
	}
	if !slices.IsSortedFunc(e.Addresses, func(a, b Address) int { return netip.Addr.Compare(a.Address, b.Address) }) {
		t.Errorf("addresses out of order: %v", e.Addresses)
	}
	for _, n := range []int{len(e.Signatures), len(e.MailFrom), len(e.Helo), len(e.From), len(e.Addresses)} {
		if n > MaxNames {
			t.Errorf("a list of %d", n)
		}
	}
	for _, s := range e.Streams {
		names := slices.Concat([]string{s.From}, s.MailFrom, s.Signers)
		few := len(s.MailFrom) <= MaxParties && len(s.Signers) <= MaxParties && len(names) > 1
		if !few || !uses(s.Uses) || slices.ContainsFunc(names, func(d string) bool { return !isDomain(d) }) ||
			!slices.IsSorted(s.MailFrom) || !slices.IsSorted(s.Signers) {
			t.Errorf("stream %+v", s)
		}
	}
	if len(e.Streams) > MaxStreams || !slices.IsSortedFunc(e.Streams, func(a, b Stream) int { return a.key().compare(b.key()) }) {
		t.Errorf("%d streams, or out of order", len(e.Streams))
	}
	f := e.Files[0]
	if f.Messages == 0 && f.Reports == 0 || !slices.IsSorted(f.Faults) || len(slices.Compact(slices.Clone(f.Faults))) != len(f.Faults) {
		t.Errorf("file %+v", f)
	}
}
