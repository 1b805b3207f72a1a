package report

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestSafe(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"empty", "", ""},
		{"ascii", "v=spf1 -all", "v=spf1 -all"},
		{"backslash stays", `a\x1bb`, `a\x1bb`},
		{"letters", "délivrabilité 配信 доставка", "délivrabilité 配信 доставка"},
		{"escape is not stripped", "a\x1b[31mb", `a\x1b[31mb`},
		{"nul", "\x00", `\x00`},
		{"tab and line ends", "\t\r\n", `\x09\x0d\x0a`},
		{"space and tilde", " ~", " ~"},
		{"unit separator and delete", "\x1f\x7f", `\x1f\x7f`},
		{"c1", "\u0080\u009b\u009f", `\u0080\u009b\u009f`},
		{"next line", "\u0085", `\u0085`},
		{"line and paragraph separators", "\u2028\u2029", `\u2028\u2029`},
		{"bidi embeddings", "\u202a\u202e", `\u202a\u202e`},
		{"bidi isolates", "\u2066\u2069", `\u2066\u2069`},
		{"bidi marks", "\u200e\u200f\u061c", `\u200e\u200f\u061c`},
		{"zero width", "\u200b\u200c\u200d\u2060\ufeff", `\u200b\u200c\u200d\u2060\ufeff`},
		{"soft hyphen", "a\u00adb", `a\u00adb`},
		{"tags", "\U000e0001\U000e0041\U000e007f", `\U000e0001\U000e0041\U000e007f`},
		{"variation selectors", "\ufe0f\U000e0100", `\ufe0f\U000e0100`},
		{"fillers", "\u3164\u115f", `\u3164\u115f`},
		{"private use", "\ue000\U000f0000", `\ue000\U000f0000`},
		{"unassigned", "\u0378\uffff", `\u0378\uffff`},
		{"spaces of other widths", "a\u00a0b\u3000c", `a\u00a0b\u3000c`},
		{"not UTF-8", "a\xffb\xc3", `a\xffb\xc3`},
		{"surrogate in UTF-8", "\xed\xa0\x80", `\xed\xa0\x80`},
		{"overlong", "\xc0\xaf", `\xc0\xaf`},
		{"replacement character", "\ufffd", "\ufffd"},
		{"accent by a mark", "e\u0301", "e\u0301"},
		{"mark in front", "\u0301e", `\u0301e`},
		{"marks at the limit", "e\u0301\u0302\u0303\u0304", "e\u0301\u0302\u0303\u0304"},
		{"marks past the limit", "e\u0301\u0302\u0303\u0304\u0305", "e\u0301\u0302\u0303\u0304" + `\u0305`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Safe(tt.in); got != tt.want {
				t.Errorf("Safe(%q) = %q, want %q", tt.in, got, tt.want)
			}
			if got := Foreign(tt.in).String(); got != tt.want {
				t.Errorf("Foreign(%q).String() = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestCut(t *testing.T) {
	for _, tt := range []struct {
		name  string
		in    string
		limit int
		want  string
	}{
		{"at the limit", strings.Repeat("a", 20), 20, strings.Repeat("a", 20)},
		{"one past it", strings.Repeat("a", 21), 20, strings.Repeat("a", 14) + "…(+7)"},
		{"no escape in two", strings.Repeat("\x1b", 10), 20, `\x1b\x1b\x1b` + "…(+7)"},
		{"wide characters", strings.Repeat("配", 10), 16, strings.Repeat("配", 5) + "…(+5)"},
		{"wide at the limit", strings.Repeat("配", 8), 16, strings.Repeat("配", 8)},
		{"least room", strings.Repeat("a", 100), -1, strings.Repeat("a", 9) + "…(+91)"},
		{"empty", "", 0, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Cut(tt.in, tt.limit); got != tt.want {
				t.Errorf("Cut(%q, %d) = %q, want %q", tt.in, tt.limit, got, tt.want)
			}
		})
	}
}

func FuzzSafe(f *testing.F) {
	for _, s := range hostile {
		f.Add(s, 20)
	}
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit = limit%1000 + 16
		safe := Safe(s)
		inert(t, safe)
		if again := Safe(safe); again != safe {
			t.Errorf("Safe(%q) = %q, and safe again %q", s, safe, again)
		}
		if len(safe) < len(s) {
			t.Errorf("Safe(%q) = %q is shorter", s, safe)
		}
		cut := Cut(s, limit)
		inert(t, cut)
		if got, want := displayWidth(cut), max(limit, minCut); got > want {
			t.Errorf("Cut(%q, %d) = %q takes %d columns", s, limit, cut, got)
		}
		if displayWidth(safe) <= limit && cut != safe {
			t.Errorf("Cut(%q, %d) = %q, want all of %q", s, limit, cut, safe)
		}
	})
}

// hostile are texts that somebody might publish to hurt a reader.
var hostile = []string{
	"\x1b[2J\x1b[31mowned\x1b]0;title\x07",
	"\u009b31mc1",
	"moc.elpmaxe\u202e\u2066",
	"pay\u200bpal\ufeff",
	"\xff\xfe not utf-8 \xc3",
	"=cmd|'/c calc'!A1",
	"<script>alert(1)</script>",
	"line\r\nX-Injected: yes",
	"z\u0301\u0302\u0303\u0304\u0305\u0306\u0307",
	"\U000e0041\U000e0042",
	strings.Repeat("long ", 400),
}

// inert fails where s has a character that a terminal would obey.
func inert(t *testing.T, s string) {
	t.Helper()
	if !utf8.ValidString(s) {
		t.Errorf("not UTF-8: %q", s)
	}
	for _, r := range s {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' {
			t.Errorf("%U in %q", r, s)
		}
	}
}
