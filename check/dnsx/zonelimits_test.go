package dnsx

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func TestZoneLimits(t *testing.T) {
	const limit = 10
	lines := func(form string) func(int) string {
		return func(n int) string {
			var b strings.Builder
			for i := range n {
				fmt.Fprintf(&b, form, i)
			}
			return b.String()
		}
	}
	for _, r := range []struct {
		name string
		set  func(*zoneLimits)
		text func(n int) string
		want string
	}{
		{"records", func(l *zoneLimits) { l.entries = limit }, lines("a%d.test. A 192.0.2.1\n"), "f:11: more than 10 records and fault lines"},
		{"the same record", func(l *zoneLimits) { l.entries = limit }, lines("a.test. A 192.0.2.%[1]d ; %[1]d\n"), "f:11: more than 10 records"},
		{"fault lines", func(l *zoneLimits) { l.entries = limit }, lines(";! timeout a%d.test\n"), "f:11: more than 10 records"},
		{"both", func(l *zoneLimits) { l.entries = limit },
			func(n int) string { return "a.test. A 192.0.2.1\n" + lines(";! ad a%d.test A\n")(n-1) }, "f:11: more than 10 records"},
		{"file", func(l *zoneLimits) { l.file = limit }, func(n int) string { return ";" + strings.Repeat(" ", n-2) + "\n" }, "f:1: zone file is longer than 10 octets"},
		{"file of empty lines", func(l *zoneLimits) { l.file = limit }, func(n int) string { return strings.Repeat("\n", n) }, "zone file is longer than 10 octets"},
		{"line", func(l *zoneLimits) { l.line = limit }, func(n int) string { return "\n;" + strings.Repeat("x", n-1) + "\n" }, "f:2: line is longer than 10 octets"},
		{"line with CR", func(l *zoneLimits) { l.line = limit }, func(n int) string { return strings.Repeat(" ", n) + "\r\n" }, "f:1: line is longer than 10 octets"},
		{"lines in brackets", func(l *zoneLimits) { l.line = limit }, func(n int) string { return "(" + strings.Repeat("\n", n-2) + ")\n" }, "line is longer than 10 octets"},
		{"names", func(l *zoneLimits) { l.names = limit },
			func(n int) string { return strings.Repeat("a.", n-2) + "test. A 192.0.2.1\n" }, "f:1: more than 10 names"},
		{"names of fault lines", func(l *zoneLimits) { l.names = limit },
			func(n int) string { return ";! timeout " + strings.Repeat("a.", n-2) + "test\n" }, "f:1: more than 10 names"},
		{"types", func(l *zoneLimits) { l.types = limit }, lines("a.test. TYPE652%02d \\# 1 00\n"), "f:11: more than 10 types of records at one name"},
		{"data", func(l *zoneLimits) { l.data = limit + len("a.test.") },
			func(n int) string { return "a.test. TXT " + strings.Repeat("x", n-2) + "\n" }, "f:1: more than 17 octets of data"},
		{"data of fault lines", func(l *zoneLimits) { l.data = limit },
			func(n int) string { return ";! timeout " + strings.Repeat("a", n) }, "f:1: more than 10 octets of data"},
	} {
		t.Run(r.name, func(t *testing.T) {
			for _, n := range []int{limit, limit + 1} {
				z := NewZone()
				r.set(&z.limits)
				err := z.Add(strings.NewReader(r.text(n)), "f")
				switch {
				case n <= limit && err != nil:
					t.Errorf("at the limit: got %v, want no error", err)
				case n > limit && (err == nil || !strings.Contains(err.Error(), r.want)):
					t.Errorf("one past it: got %v, want %q", err, r.want)
				}
			}
		})
	}
}

func TestZoneLimitsOverFiles(t *testing.T) {
	z := NewZone()
	z.limits.entries = 3
	for i, text := range []string{"a.test. A 192.0.2.1\n", ";! timeout b.test\n", "\n\na.test. A 192.0.2.2\n"} {
		if err := z.Add(strings.NewReader(text), "f"); err != nil {
			t.Fatalf("file %d: %v", i, err)
		}
	}
	runRows(t, z, []row{
		{"one set", "a.test", dns.TypeA, result{Status: OK, Data: []string{"192.0.2.1", "192.0.2.2"}}},
		{"fault", "b.test", dns.TypeA, result{Status: Timeout}},
	})
	err := z.Add(strings.NewReader("\nc.test. A 192.0.2.1\n"), "last")
	if err == nil || !strings.HasPrefix(err.Error(), "last:2: more than 3 records") {
		t.Errorf("one past the limit: got %v", err)
	}
	if all := mergeZones(z, parseZone(t, "d.test. A 192.0.2.1\n")); all.entries != z.entries+1 || all.data <= z.data {
		t.Errorf("merged: %d entries of weight %d, want %d and more than %d", all.entries, all.data, z.entries+1, z.data)
	}
}

// endless is a reader that never ends.
type endless struct {
	text string
	read int
}

func (e *endless) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		k := copy(p[n:], e.text[(e.read+n)%len(e.text):])
		n += k
	}
	e.read += n
	return n, nil
}

// TestEndlessZones holds that reading stops at a limit.
func TestEndlessZones(t *testing.T) {
	const buffer = 1 << 16
	for _, r := range []struct {
		name, text string
		most       int
		want       string
	}{
		{"one line", "a", MaxZoneLine, "f:1: line is longer than 1048576 octets"},
		{"one comment", ";", MaxZoneLine, "f:1: line is longer than 1048576 octets"},
		{"one fault line", ";!", MaxZoneLine, "f:1: line is longer than 1048576 octets"},
		{"fault lines", ";!ad a A\n", 9 * MaxZoneRecords, "f:200001: more than 200000 records and fault lines"},
	} {
		t.Run(r.name, func(t *testing.T) {
			e := &endless{text: r.text}
			_, err := ParseZone(e, "f")
			if err == nil || !strings.Contains(err.Error(), r.want) {
				t.Errorf("got %v, want %q", err, r.want)
			}
			if e.read > r.most+2*buffer {
				t.Errorf("%d octets read, want about %d", e.read, r.most)
			}
		})
	}
}

func TestAsManyRecordsAsAllowed(t *testing.T) {
	parseZone(t, "a.test. A 192.0.2.1\n"+strings.Repeat(";!ad a A\n", MaxZoneRecords-1))
}

func TestLongLists(t *testing.T) {
	types := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, " TYPE%d", 1000+i)
		}
		return b.String()
	}
	for _, r := range []struct {
		name  string
		text  func(n int) string
		limit int
	}{
		{"NSEC", func(n int) string { return "NSEC b.test." + types(n) }, 256},
		{"NXT", func(n int) string { return "NXT b.test." + types(n) }, 256},
		{"NSEC3", func(n int) string { return "NSEC3 1 0 1 - 00" + types(n) }, 256},
		{"CSYNC", func(n int) string { return "CSYNC 1 1" + types(n) }, 256},
		{"HIP", func(n int) string { return "HIP 2 00 AA==" + strings.Repeat(" b.test.", n) }, 256},
		{"SVCB", func(n int) string {
			return "SVCB 1 . key65280=" + strings.Repeat("x", n-len("\x06a.test\x00")-11-6)
		}, 4096},
	} {
		t.Run(r.name, func(t *testing.T) {
			for _, n := range []int{r.limit, r.limit + 1} {
				_, err := ParseZone(strings.NewReader("a.test. "+r.text(n)+"\n"), "f")
				if got, want := err != nil && strings.Contains(err.Error(), "more than"), n > r.limit; got != want {
					t.Errorf("%d: got error %v, want one: %v", n, err, want)
				}
			}
		})
	}
}

func TestWeight(t *testing.T) {
	for text, want := range map[string]int{
		"a.test. A 192.0.2.1":                    len("a.test.192.0.2.1"),
		"a.test. TXT" + strings.Repeat(" x", 16): len("a.test.") + 16*4 - 1,
		"a.test. TXT" + strings.Repeat(" x", 17): len("a.test.") + 17*4 - 1 + 32,
	} {
		if got := weight(mustRR(t, text)[0]); got != want {
			t.Errorf("%s: got %d, want %d", text, got, want)
		}
	}
}

func TestDirectives(t *testing.T) {
	const rest = " 1-3 a$.test. A 192.0.2.1"
	for _, r := range []struct{ name, text, want string }{
		{"carriage return in GENERATE", "$GENER\rATE" + rest + "\n", "f:1: carriage return inside a line"},
		{"carriage return in INCLUDE", "\n$INCL\rUDE /etc/passwd\n", "f:2: carriage return inside a line"},
		{"carriage return first", "\r$GENERATE" + rest + "\n", "f:1: carriage return"},
		{"carriage return in a string", "a.test. TXT \"x\ry\"\n", "f:1: carriage return"},
		{"carriage return in a comment", "; x\ry\n", "f:1: carriage return"},
		{"carriage return at the end of the file", "a.test. A 192.0.2.1\r", "f:1: carriage return"},
		{"two carriage returns", "a.test. A 192.0.2.1\r\r\n", "f:1: carriage return"},
		{"mixed case", "$geNeRaTe" + rest + "\n", "f:1: $GENERATE is not supported"},
		{"mixed case, INCLUDE", "$inClude x\n", "f:1: $INCLUDE is not supported"},
		{"tab", "$GENERATE\t" + rest + "\n", "f:1: $GENERATE is not supported"},
		{"alone", "$GENERATE\n", "f:1: $GENERATE is not supported"},
		{"before a comment", "$INCLUDE;x\n", "f:1: $INCLUDE is not supported"},
		{"CRLF", "$GENERATE" + rest + "\r\n", "f:1: $GENERATE is not supported"},
		{"leading blanks", " \t$GENERATE" + rest + "\n", "f:1: $GENERATE is not supported"},
		{"behind a bracket", "($GENERATE" + rest + ")\n", "f:1: $GENERATE is not supported"},
		{"brackets in it", "$GEN()ERA(TE" + rest + ")\n", "f:1: $GENERATE is not supported"},
		{"the end of a line in it", "$GEN(\nERATE" + rest + ")\n", "f:2: $GENERATE is not supported"},
		{"behind a quoted string", "\"\"$GENERATE" + rest + "\n", "f:1: "},
		{"quoted", "\"$GENERATE\"" + rest + "\n", "f:1: "},
		{"in an answer", ";! answer a.test A $GENERATE" + rest + "\n", "f:1: fault line: answer needs"},
		{"in an answer, behind a bracket", ";! answer a.test A ($GENERATE" + rest + ")\n", "f:1: fault line: answer needs"},
		{"data in quotes", "a.test. TXT \"$GENERATE\" \"$INCLUDE x\"\n", ""},
		{"data", "a.test. TXT $GENERATE $INCLUDE\n", ""},
		{"escaped owner", "\\$GENERATE.test. A 192.0.2.1\n", ""},
		{"owner", "$GENERATE.test. A 192.0.2.1\n", ""},
		{"comment", "; $GENERATE" + rest + "\n", ""},
		{"line ends", "$ORIGIN test.\r\na A 192.0.2.1\r\n\r\n;! timeout b\r\n", ""},
	} {
		t.Run(r.name, func(t *testing.T) {
			_, err := ParseZone(strings.NewReader(r.text), "f")
			switch {
			case r.want == "" && err != nil:
				t.Errorf("got %v, want no error", err)
			case r.want != "" && (err == nil || !strings.HasPrefix(err.Error(), r.want)):
				t.Errorf("got %v, want %q", err, r.want)
			}
		})
	}
}

func TestCommentsEndWords(t *testing.T) {
	z := parseZone(t, "a.test. TXT ( x;one\ny ; \"two\" (\n\"z;z\";three\n) ; four\nb.test. A 192.0.2.1;five")
	runRows(t, z, []row{
		{"strings", "a.test", dns.TypeTXT, result{Status: OK, Data: []string{`"x" "y" "z;z"`}}},
		{"last line", "b.test", dns.TypeA, result{Status: OK, Data: []string{"192.0.2.1"}}},
	})
}

func TestReadErrorOfZone(t *testing.T) {
	broken := errors.New("broken disk")
	_, err := ParseZone(io.MultiReader(strings.NewReader("a.test. A 192.0.2.1\n"), failingReader{broken}), "f")
	if !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "f:2: ") {
		t.Errorf("got %v, want %v on line 2", err, broken)
	}
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

func TestZoneAnswers(t *testing.T) {
	z := parseZone(t, `
m.test. CNAME x.test.
x.test. A 192.0.2.1
x.test. AAAA 2001:db8::1
to.test. CNAME m.test.
;! answer m.test AAAA m.test. 60 IN CNAME q.test.
;! answer s\032p.test TXT s\ p.test. TXT "a b" ; comment
;! answer x.test A x.test. A 192.0.2.2
;! answer x.test A x.test. A 192.0.2.3
;! answer gone.test A gone.test. CNAME nowhere.test.
;! nxdomain gone.test A
;! answer none.test A none.test. CNAME x.test.
;! nodata none.test A
;! ad none.test A
;! answer bad.test A bad.test. A 192.0.2.4
;! servfail bad.test A
;! timeout q.test AAAA
`)
	a := func(data ...string) result { return result{Status: OK, Data: data} }
	rows := []row{
		{"another chain", "m.test", dns.TypeAAAA, result{Status: Timeout, Chain: []string{"q.test"}}},
		{"into another answer", "m.test", dns.TypeA, result{Status: OK, Data: []string{"192.0.2.2", "192.0.2.3"}, Chain: []string{"x.test"}}},
		{"a chain into another chain", "to.test", dns.TypeAAAA, result{Status: Timeout, Chain: []string{"m.test", "q.test"}}},
		{"instead of the records", "x.test", dns.TypeA, a("192.0.2.2", "192.0.2.3")},
		{"other types stay", "x.test", dns.TypeAAAA, a("2001:db8::1")},
		{"blanks in names", `s\032p.test`, dns.TypeTXT, a(`"a b"`)},
		{"end that does not exist", "gone.test", dns.TypeA, result{Status: NXDomain, Chain: []string{"nowhere.test"}}},
		{"end without the type", "none.test", dns.TypeA, result{Status: NoData, Chain: []string{"x.test"}, AD: true}},
		{"a fault counts more", "bad.test", dns.TypeA, result{Status: ServFail}},
		{"type without a line", "none.test", dns.TypeMX, result{Status: NoData}},
	}
	for name, x := range map[string]Exchanger{
		"zone":    z,
		"merged":  mergeZones(z, NewZone()),
		"overlay": Overlay(z, parseZone(t, "")),
	} {
		t.Run(name, func(t *testing.T) { runRows(t, x, rows) })
	}
	for _, text := range []string{
		"a.test", "a.test A", "a.test NOPE a.test. A 192.0.2.1", "a.test A a.test. MX 1 b.test.", "a.test A a A 192.0.2.1",
		"a.test A a.test. A", "a.test A a.test. A 192.0.2.1 (", "a.test A a.test. A x", "a.test A a.test. CH A 192.0.2.1", "*.test A ;! x",
	} {
		if _, err := ParseZone(strings.NewReader(";! answer "+text+"\n"), "f"); err == nil || !strings.HasPrefix(err.Error(), "f:1: fault line: ") {
			t.Errorf("%s: got %v, want an error", text, err)
		}
	}
}
