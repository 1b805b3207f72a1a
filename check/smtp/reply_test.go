package smtp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func TestReply(t *testing.T) {
	line := func(n int) string { return "250 " + strings.Repeat("x", n-6) + "\r\n" } // n octets with its end
	lines := func(n int) string { return strings.Repeat("250-x\r\n", n-1) + "250 x\r\n" }
	octets := func(n int) string { // a reply of n octets, in lines of at most 2048
		var b strings.Builder
		for n-b.Len() > 2*MaxLine {
			b.WriteString("250-" + strings.Repeat("x", MaxLine-6) + "\r\n")
		}
		half := (n - b.Len()) / 2
		b.WriteString("250-" + strings.Repeat("x", half-6) + "\r\n")
		b.WriteString(line(n - b.Len()))
		return b.String()
	}
	tests := []struct {
		name  string
		in    string
		code  int
		lines int
		fault Fault
		rest  string
	}{
		{name: "one line", in: "250 ok\r\n", code: 250, lines: 1},
		{name: "three lines", in: "250-a\r\n250-b\r\n250 c\r\n", code: 250, lines: 3},
		{name: "code alone", in: "250\r\n", code: 250, lines: 1},
		{name: "code and space", in: "250 \r\n", code: 250, lines: 1},
		{name: "LF alone", in: "250-a\n250 b\n", code: 250, lines: 2},
		{name: "CR inside", in: "250 a\rb\r\n", code: 250, lines: 1},
		{name: "two CR", in: "250 a\r\r\n", code: 250, lines: 1},
		{name: "NUL and high octets", in: "250 \x00\xff\r\n", code: 250, lines: 1},
		{name: "leaves the next", in: "250 a\r\n354 b\r\n", code: 250, lines: 1, rest: "354 b\r\n"},
		{name: "second digit above 5", in: "571 no\r\n", code: 571, lines: 1},
		{name: "code 99", in: "99 hello\r\n", fault: FaultCode},
		{name: "code 199", in: "199 hello\r\n", fault: FaultCode},
		{name: "code 600", in: "600 hello\r\n", fault: FaultCode},
		{name: "letters", in: "+OK hello\r\n", fault: FaultCode},
		{name: "empty line", in: "\r\n", fault: FaultCode},
		{name: "other digits", in: "２５０ ok\r\n", fault: FaultCode},
		{name: "four digits", in: "2500 ok\r\n", fault: FaultSeparator},
		{name: "tab", in: "250\tok\r\n", fault: FaultSeparator},
		{name: "mixed codes", in: "250-a\r\n251 b\r\n", code: 250, lines: 1, fault: FaultMixedCodes},
		{name: "fault in the second line", in: "250-a\r\nb\r\n", code: 250, lines: 1, fault: FaultCode},
		{name: "longest line", in: line(MaxLine), code: 250, lines: 1},
		{name: "line too long", in: line(MaxLine + 1), fault: FaultLineTooLong},
		{name: "line without end", in: "250 " + strings.Repeat("x", 1<<20), fault: FaultLineTooLong},
		{name: "most lines", in: lines(MaxReplyLines), code: 250, lines: MaxReplyLines},
		{name: "too many lines", in: lines(MaxReplyLines + 1), code: 250, lines: MaxReplyLines, fault: FaultTooLong},
		{name: "most octets", in: octets(MaxReply), code: 250, lines: 32},
		{name: "too many octets", in: octets(MaxReply + 1), code: 250, lines: 32, fault: FaultTooLong},
		{name: "nothing", in: "", fault: FaultConnection},
		{name: "cut off", in: "250-a\r\n25", code: 250, lines: 1, fault: FaultConnection},
		{name: "no line end", in: "250 ok", fault: FaultConnection},
	}
	for _, test := range tests {
		for _, way := range []struct {
			name string
			wrap func(io.Reader) io.Reader
		}{{"whole", func(r io.Reader) io.Reader { return r }}, {"octet by octet", iotest.OneByteReader}} {
			t.Run(test.name+" "+way.name, func(t *testing.T) {
				r := newReader(way.wrap(strings.NewReader(test.in)), func([]byte) {})
				code, all, fault, err := r.reply()
				if code != test.code || len(all) != test.lines || fault != test.fault {
					t.Errorf("got code %d, %d lines, fault %q, want %d, %d, %q", code, len(all), fault, test.code, test.lines, test.fault)
				}
				if (err != nil) != (fault == FaultConnection) {
					t.Errorf("got error %v with fault %q", err, fault)
				}
				if rest, _ := io.ReadAll(r.br); fault == FaultNone && string(rest) != test.rest {
					t.Errorf("got rest %q, want %q", rest, test.rest)
				}
				if want := strings.Contains(strings.ReplaceAll(test.in, "\r\n", ""), "\n"); r.bareLF != want {
					t.Errorf("got bare LF %v, want %v", r.bareLF, want)
				}
			})
		}
	}
}

func TestReplyText(t *testing.T) {
	r := newReader(strings.NewReader("250-a b\r\n250-\r\n250 \x00\xff\r\n"), func([]byte) {})
	_, all, _, _ := r.reply()
	if want := []string{"a b", "", "\x00\xff"}; !slices.Equal(all, want) {
		t.Errorf("got %q, want %q", all, want)
	}
}

func TestKeep(t *testing.T) {
	long := strings.Repeat("x", maxKeptText)
	tests := []struct {
		name string
		in   []string
		want []string
	}{
		{"short", []string{"a", ""}, []string{"a", ""}},
		{"no text", []string{""}, nil},
		{"longest", []string{long}, []string{long}},
		{"too long", []string{long + "y"}, []string{long}},
		{"most", slices.Repeat([]string{"a"}, maxKeptLines), slices.Repeat([]string{"a"}, maxKeptLines)},
		{"too many", slices.Repeat([]string{"a"}, maxKeptLines+1), slices.Repeat([]string{"a"}, maxKeptLines)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(&Reply{Code: 250, Text: test.want}, keep(250, test.in)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Reading replies ends, keeps within the limits, and takes from the input
// exactly the lines it tells of: written out again they are the input.
func FuzzReply(f *testing.F) {
	f.Add([]byte("220 mx.example.com ESMTP\r\n250-a\r\n250 b\r\n"))
	f.Add([]byte("250-a\n250 b\n99 x"))
	f.Add([]byte("250-a\r\n251 b\r\n"))
	f.Add([]byte("250-" + strings.Repeat("x", 3000) + "\r\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		var told [][]byte
		src := bytes.NewReader(in)
		r := newReader(src, func(line []byte) { told = append(told, bytes.Clone(line)) })
		for {
			before, start := len(told), len(in)-src.Len()-r.br.Buffered()
			code, all, fault, err := r.reply()
			end := len(in) - src.Len() - r.br.Buffered()
			if end-start > MaxReply+readBuffer || len(all) > MaxReplyLines {
				t.Fatalf("one reply took %d octets, %d lines", end-start, len(all))
			}
			if fault != FaultNone {
				if (fault == FaultConnection) != errors.Is(err, io.EOF) {
					t.Fatalf("got fault %q with error %v", fault, err)
				}
				return
			}
			if end-start > MaxReply || in[end-1] != '\n' {
				t.Fatalf("a reply of %d octets that ends in %q", end-start, in[end-1])
			}
			var again []byte
			for i, text := range all {
				line := fmt.Appendf(nil, "%d-%s", code, text)
				if i == len(all)-1 {
					line[3] = ' '
				}
				again = append(append(again, line...), '\n')
				if got := told[before+i]; !bytes.Equal(got, line) && !bytes.Equal(got, line[:3]) {
					t.Fatalf("told of %q, got %q", got, line)
				}
			}
			want := bytes.ReplaceAll(in[start:end], []byte("\r\n"), []byte("\n"))
			if len(want) == len(again)-1 { // the code stood alone
				again = slices.Delete(again, len(again)-2, len(again)-1)
			}
			if !bytes.Equal(again, want) {
				t.Fatalf("got %q, want %q", again, want)
			}
		}
	})
}
