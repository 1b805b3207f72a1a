package evidence

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMaxInput(t *testing.T) {
	for n, want := range map[int64]error{MaxInput: nil, MaxInput + 1: ErrTooLarge} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			head := "Date: x\n\n"
			r := io.MultiReader(strings.NewReader(head), io.LimitReader(letters{}, n-int64(len(head))))
			if _, err := Read(r, ""); err != want {
				t.Errorf("Read: %v, want %v", err, want)
			}
		})
	}
	t.Run("endless", func(t *testing.T) {
		if _, err := Read(letters{}, ""); err != ErrTooLarge {
			t.Errorf("Read: %v, want %v", err, ErrTooLarge)
		}
	})
}

// letters is text without an end.
type letters struct{}

func (letters) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// TestMessageLimits reads what follows n times something, at the limit and one
// past it.
func TestMessageLimits(t *testing.T) {
	last := signed("a.example", "s")
	fill := func(name string, size int) string { return name + ": " + strings.Repeat("x", size-len(name)-3) + "\n" }
	multipart := "Date: x\nContent-Type: multipart/mixed; boundary="
	for _, tt := range []struct {
		name   string
		limit  int
		file   func(n int) string
		reason Reason
	}{
		{"header", MaxHeader, func(n int) string {
			var b strings.Builder
			for n -= len(last); n > 100_000; n -= 50_000 {
				b.WriteString(fill("Date", 50_000))
			}
			return b.String() + fill("Date", n) + last
		}, HeaderTooLong},
		{"fields", MaxFields, func(n int) string { return strings.Repeat("Date: x\n", n-1) + last }, TooManyFields},
		{"field", MaxField, func(n int) string {
			return "Date: x\n" + strings.TrimSuffix(last, "\n") + strings.Repeat(" ", n-len(last)) + "\n"
		}, FieldTooLong},
		{"folded field", MaxField, func(n int) string {
			return "Date: x\n" + strings.TrimSuffix(last, "\n") + strings.Repeat("\n ", (n-len(last))/2) + strings.Repeat(" ", (n-len(last))%2) + "\n"
		}, FieldTooLong},
		{"depth", MaxDepth, func(n int) string {
			return "Date: x\n" + strings.Repeat("Content-Type: message/rfc822\n\n", n-1) + last
		}, TooDeep},
		{"depth of multiparts", MaxDepth, func(n int) string {
			var b strings.Builder
			b.WriteString("Date: x\n")
			for i := range n - 2 {
				fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
			}
			return b.String() + "Content-Type: message/rfc822\n\n" + last
		}, TooDeep},
		{"parts", MaxParts, func(n int) string {
			return multipart + "b\n\n" + strings.Repeat("--b\n\n", n-1) + "--b\nContent-Type: message/rfc822\n\n" + last
		}, TooManyParts},
		{"boundary", MaxBoundary, func(n int) string {
			b := strings.Repeat("b", n)
			return multipart + b + "\n\n--" + b + "\nContent-Type: message/rfc822\n\n" + last
		}, BoundaryTooLong},
		{"messages", MaxMessages, func(n int) string {
			return strings.Repeat("From x\nDate: x\n\n", n-1) + "From x\n" + last
		}, TooManyMessages},
		{"names of a message", MaxShown, func(n int) string {
			var b strings.Builder
			for i := range n - 1 {
				b.WriteString(signed("b.example", fmt.Sprint(i)))
			}
			return b.String() + last
		}, TooMuchShown},
	} {
		for n, cut := range map[int]bool{tt.limit: false, tt.limit + 1: true} {
			t.Run(fmt.Sprint(tt.name, n), func(t *testing.T) {
				e := read(t, tt.file(n))
				var want []Reason
				if cut {
					want = []Reason{tt.reason}
				}
				if d := cmp.Diff(want, e.Files[0].Faults); d != "" {
					t.Errorf("faults, -want +got:\n%s", d)
				}
				if found := len(e.Selectors("a.example")) == 1; found == cut {
					t.Errorf("the last one was read: %t, want %t", found, !cut)
				}
			})
		}
	}
}

func TestFromMany(t *testing.T) {
	for n, want := range map[int][]Reason{MaxShown: nil, MaxShown + 1: {TooMuchShown}} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			var b strings.Builder
			for i := range n {
				fmt.Fprintf(&b, "a@b%d.example,", i)
			}
			e := read(t, "From: "+b.String()+"\n")
			if d := cmp.Diff(want, e.Files[0].Faults); d != "" || len(e.From) != MaxShown {
				t.Errorf("%d domains, want %d; faults, -want +got:\n%s", len(e.From), MaxShown, d)
			}
		})
	}
}

func TestReportLimits(t *testing.T) {
	record := recordOf(1, passingDKIM)
	last := strings.ReplaceAll(record, "s1", "last")
	many := func(n int) string {
		var b strings.Builder
		for i := range n - 1 {
			b.WriteString(strings.ReplaceAll(passingDKIM, "s1", fmt.Sprint("s", i)))
		}
		return b.String() + strings.ReplaceAll(passingDKIM, "s1", "last")
	}
	for _, tt := range []struct {
		name   string
		limit  int
		file   func(n int) string
		reason Reason
	}{
		{"depth", MaxXMLDepth, func(n int) string {
			return reportOf("feedback", strings.Repeat("<x>", n-1)+strings.Repeat("</x>", n-1), last)
		}, ReportTooDeep},
		{"text", MaxToken, func(n int) string { return reportOf("feedback", "<x>"+strings.Repeat("x", n-1)+"</x>", last) }, ReportToken},
		{"comment", MaxToken, func(n int) string { return reportOf("feedback", "<x/><!--"+strings.Repeat("x", n-7)+"-->", last) }, ReportToken},
		{"results of a record", MaxShown, func(n int) string { return reportOf("feedback", recordOf(1, many(n))) }, TooMuchShown},
		{"members", MaxMembers, func(n int) string {
			var list []string
			for range n - 1 {
				list = append(list, "x.xml", reportOf("feedback", record))
			}
			return zipped(append(list, "y.xml", reportOf("feedback", last))...)
		}, TooManyMembers},
	} {
		for n, cut := range map[int]bool{tt.limit: false, tt.limit + 1: true} {
			t.Run(fmt.Sprint(tt.name, n), func(t *testing.T) {
				e := read(t, tt.file(n))
				var want []Reason
				if cut {
					want = []Reason{tt.reason}
				}
				if d := cmp.Diff(want, e.Files[0].Faults); d != "" {
					t.Errorf("faults, -want +got:\n%s", d)
				}
				found := strings.Contains(fmt.Sprint(e.Selectors("example.com")), "last")
				if found == cut {
					t.Errorf("the last one was read: %t, want %t", found, !cut)
				}
			})
		}
	}
}

// TestFileLimits sets what is left of the limits of a file.
func TestFileLimits(t *testing.T) {
	spaced := strings.Replace(plainReport, "</feedback>", strings.Repeat("<x/>", 5000)+"</feedback>", 1)
	for _, tt := range []struct {
		name  string
		file  string
		setup func(r *reader, spare int)
		want  Reason
	}{
		{"GZIP", gzipped(spaced), func(r *reader, spare int) { r.unpackable = int64(len(spaced) + spare) }, TooMuchUnpacked},
		{"ZIP", zipped("a", spaced[:1000], "b", spaced), func(r *reader, spare int) { r.unpackable = int64(1000 + len(spaced) + spare) }, TooMuchUnpacked},
		{"tokens", spaced, func(r *reader, spare int) { r.tokens = MaxTokens - countTokens(t, spaced) - spare }, TooManyTokens},
	} {
		for spare, want := range map[int][]Reason{0: nil, -1: {tt.want}} {
			t.Run(fmt.Sprint(tt.name, spare), func(t *testing.T) {
				var r reader
				r.unpackable = MaxUnpacked
				tt.setup(&r, spare)
				if err := r.read([]byte(tt.file)); err != nil {
					t.Fatal(err)
				}
				got := r.evidence()
				var faults []Reason
				for _, f := range got.Files[0].Faults {
					if f != ReportMalformed { // the first member of the archive
						faults = append(faults, f)
					}
				}
				if d := cmp.Diff(want, faults); d != "" {
					t.Errorf("faults, -want +got:\n%s", d)
				}
				if d := cmp.Diff([]string{"s1"}, got.Selectors("example.com")); d != "" {
					t.Errorf("selectors, -want +got:\n%s", d)
				}
			})
		}
	}
	for n, want := range map[int][]Reason{MaxDocuments - 1: nil, MaxDocuments: {TooManyDocuments}} {
		t.Run(fmt.Sprint("documents", n), func(t *testing.T) {
			r := reader{unpackable: MaxUnpacked, documents: n}
			if err := r.read([]byte("Date: x\nContent-Type: text/xml\n\n" + plainReport)); err != nil {
				t.Fatal(err)
			}
			got := r.evidence().Files[0]
			if d := cmp.Diff(want, got.Faults); d != "" || got.Reports != 1-len(want) {
				t.Errorf("%d reports; faults, -want +got:\n%s", got.Reports, d)
			}
		})
	}
}

func countTokens(t *testing.T, report string) int {
	r := reader{unpackable: MaxUnpacked}
	if err := r.read([]byte(report)); err != nil {
		t.Fatal(err)
	}
	return r.tokens
}

func TestMaxNames(t *testing.T) {
	list := func(n int) *Evidence {
		e := &Evidence{}
		for i := range n {
			name := fmt.Sprintf("d%06d.example", i)
			e.Signatures = append(e.Signatures, Signature{Domain: name, Uses: Uses{Count: 1}})
			e.Helo = append(e.Helo, Domain{name, Uses{Count: 1}})
		}
		return e
	}
	for n, want := range map[int][]Reason{MaxNames: nil, MaxNames + 1: {MoreHelo, MoreSignatures}} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			e := Merge(list(5), list(n))
			if d := cmp.Diff(want, e.Cut); d != "" || len(e.Signatures) != MaxNames || len(e.Helo) != MaxNames {
				t.Errorf("%d signatures, %d HELO names, want %d; cut, -want +got:\n%s", len(e.Signatures), len(e.Helo), MaxNames, d)
			}
			if got := e.Signatures[0].Count; got != 2 {
				t.Errorf("the first name has %d uses, want 2", got)
			}
			if d := cmp.Diff(want, Merge(e).Cut); d != "" {
				t.Errorf("cut after another merge, -want +got:\n%s", d)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	packed := gzipped(plainReport)
	archive := zipped("a.xml", plainReport)
	for _, tt := range []struct {
		name, file string
		want       error
	}{
		{"empty", "", ErrKind},
		{"blank", " \n\n", ErrKind},
		{"text", "Hello, this is text.\n", ErrKind},
		{"text with a colon", "Note: this is text.\n\nFrom: here\n", ErrKind},
		{"zone file", "example.com. IN TXT \"v=spf1\"\n", ErrKind},
		{"JSON", `{"From": "x"}`, ErrKind},
		{"zeros", strings.Repeat("\x00", 1000), ErrKind},
		{"From line alone", "From x\n", ErrKind},
		{"HTML", "<html></html>", ErrKind},
		{"other XML", "<?xml version=\"1.0\"?>\n<feed/>", ErrKind},
		{"report in something else", "<?xml version=\"1.0\"?>\n<x>" + plainReport + "</x>", ErrKind},
		{"document type", "<?xml version=\"1.0\"?><!DOCTYPE feedback [<!ENTITY a \"b\">]>" + plainReport, ErrDamaged},
		{"XML that ends at once", "<?xml ", ErrDamaged},
		{"XML version", strings.Replace(plainReport, "1.0", "1.1", 1), ErrDamaged},
		{"large declaration", "<?xml " + strings.Repeat(" ", MaxToken) + "?><feedback></feedback>", ErrDamaged},
		{"GZIP of text", gzipped("text"), ErrKind},
		{"GZIP of nothing", gzipped(""), ErrKind},
		{"GZIP of a message", gzipped(plainMessage), ErrKind},
		{"GZIP in GZIP", gzipped(packed), ErrKind},
		{"ZIP in GZIP", gzipped(archive), ErrKind},
		{"GZIP in ZIP", zipped("a.gz", packed), ErrKind},
		{"ZIP of text", zipped("a.txt", "text"), ErrKind},
		{"GZIP header alone", packed[:5], ErrDamaged},
		{"GZIP cut off early", packed[:20], ErrDamaged},
		{"ZIP cut off", archive[:len(archive)-30], ErrDamaged},
		{"ZIP that may have as many members as are listed", archive[:30] + strings.Repeat("PK\x01\x02", maxDirectory), ErrDamaged},
		{"ZIP that may have more", archive[:30] + strings.Repeat("PK\x01\x02", maxDirectory+1), ErrKind},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if e, err := Read(strings.NewReader(tt.file), ""); !errors.Is(err, tt.want) || e != nil {
				t.Errorf("Read(%.300q) = %+v, %v, want %v", tt.file, e, err, tt.want)
			}
		})
	}
	t.Run("reading fails", func(t *testing.T) {
		cause := errors.New("cause")
		_, err := Read(io.MultiReader(strings.NewReader("Date: x\n"), failing{cause}), "")
		if !errors.Is(err, ErrRead) || !errors.Is(err, cause) {
			t.Errorf("Read: %v, want %v with %v", err, ErrRead, cause)
		}
	})
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestOtherAttachments has attachments that are no reports, which are nobody's
// fault.
func TestOtherAttachments(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		want       []Reason
	}{
		{"document", zipped("[Content_Types].xml", "<?xml version=\"1.0\"?><Types/>"), nil},
		{"broken ZIP", "PK\x03\x04", nil},
		{"broken GZIP", "\x1f\x8b\x08", nil},
		{"broken XML", "<?xml", nil},
		{"XHTML", "<?xml version=\"1.0\"?><!DOCTYPE html><html/>", nil},
		{"text", "text", nil},
		{"nothing", "", nil},
		{"archive in an archive", zipped("a.zip", zipped("a.xml", plainReport)), []Reason{NestedArchive}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := read(t, signed("a.example", "s")+"Date: x\nContent-Transfer-Encoding: base64\n\n"+encoded(tt.body))
			want := []File{{Name: "file", Kind: Message, Messages: 1, Faults: tt.want}}
			if d := cmp.Diff(want, e.Files); d != "" || len(e.Signatures) != 1 {
				t.Errorf("%d signatures; files, -want +got:\n%s", len(e.Signatures), d)
			}
		})
	}
}
