package report

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"maildoctor/check"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s: want -, got +:\n%s", path, diff)
	}
}

func itoa(n int) string { return strconv.Itoa(n) }

func TestGolden(t *testing.T) {
	for _, tt := range []struct {
		file   string
		format string
		o      Options
		res    []*check.Result
	}{
		{"sick.en.txt", "text", Options{Lang: English}, []*check.Result{sick()}},
		{"sick.fr.txt", "text", Options{Lang: French}, []*check.Result{sick()}},
		{"sick.en.color.txt", "text", Options{Lang: English, Color: true}, []*check.Result{sick()}},
		{"sick.fr.color.txt", "text", Options{Lang: French, Color: true}, []*check.Result{sick()}},
		{"sick.en.verbose.txt", "text", Options{Lang: English, Verbose: true}, []*check.Result{sick()}},
		{"sick.fr.narrow.txt", "text", Options{Lang: French, Width: 1}, []*check.Result{sick()}},
		{"sick.en.json", "json", Options{Lang: English}, []*check.Result{sick()}},
		{"sick.fr.json", "json", Options{Lang: French}, []*check.Result{sick()}},
		{"nasty.en.txt", "text", Options{Lang: English}, []*check.Result{nasty()}},
		{"nasty.fr.verbose.txt", "text", Options{Lang: French, Verbose: true}, []*check.Result{nasty()}},
		{"nasty.en.json", "json", Options{Lang: English}, []*check.Result{nasty()}},
		{"blocked.en.txt", "text", Options{Lang: English}, []*check.Result{blockedResult()}},
		{"blocked.fr.txt", "text", Options{Lang: French}, []*check.Result{blockedResult()}},
		{"several.en.txt", "text", Options{Lang: English}, []*check.Result{clean(), blockedResult()}},
		{"several.en.quiet.txt", "text", Options{Lang: English, Quiet: true}, []*check.Result{clean(), sick(), capped(), blockedResult(), refusedResult()}},
		{"several.fr.quiet.txt", "text", Options{Lang: French, Quiet: true}, []*check.Result{clean(), sick(), capped(), blockedResult(), refusedResult()}},
		{"repeated.en.verbose.txt", "text", Options{Lang: English, Verbose: true}, []*check.Result{repeated()}},
		{"repeated.fr.txt", "text", Options{Lang: French}, []*check.Result{repeated()}},
		{"capped.en.color.txt", "text", Options{Lang: English, Color: true}, []*check.Result{capped()}},
		{"several.en.jsonl", "json", Options{Lang: English}, []*check.Result{clean(), sick()}},
	} {
		t.Run(tt.file, func(t *testing.T) {
			write, err := WriterOf(tt.format)
			if err != nil {
				t.Fatal(err)
			}
			var reports []*Report
			for _, res := range tt.res {
				reports = append(reports, New(res, testCatalog(t), tt.o.Lang, "1.2.3"))
			}
			var b bytes.Buffer
			if err := write(&b, reports, tt.o); err != nil {
				t.Fatal(err)
			}
			golden(t, tt.file, b.Bytes())
			inert(t, strings.ReplaceAll(uncolored(b.String()), "\n", ""))
		})
	}
}

func TestGoldenCheck(t *testing.T) {
	for _, tt := range []struct {
		file, format string
	}{{"check.en.txt", "text"}, {"check.en.json", "json"}} {
		t.Run(tt.file, func(t *testing.T) {
			write, err := WriterOf(tt.format)
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if err := write(&b, []*Report{NewCheck(sick(), testCatalog(t), English, "1.2.3")}, Options{Lang: English}); err != nil {
				t.Fatal(err)
			}
			golden(t, tt.file, b.Bytes())
		})
	}
}

func TestGoldenRules(t *testing.T) {
	cat := testCatalog(t)
	rule := cat.Rule("SPF-TOO-MANY-LOOKUPS")
	for _, tt := range []struct {
		file  string
		write func(*bytes.Buffer) error
	}{
		{"rule.en.txt", func(b *bytes.Buffer) error { return WriteRulePage(b, rule, English, Options{}) }},
		{"rule.fr.txt", func(b *bytes.Buffer) error { return WriteRulePage(b, rule, French, Options{}) }},
		{"rule-critical.en.color.txt", func(b *bytes.Buffer) error {
			return WriteRulePage(b, cat.Rule("MX-NO-USABLE-HOST"), English, Options{Color: true})
		}},
		{"rule.fr.json", func(b *bytes.Buffer) error { return WriteRulePageJSON(b, rule, French) }},
		{"rules.en.txt", func(b *bytes.Buffer) error { return WriteRules(b, cat, English, Options{}) }},
		{"rules.fr.txt", func(b *bytes.Buffer) error { return WriteRules(b, cat, French, Options{}) }},
		{"rules.en.json", func(b *bytes.Buffer) error { return WriteRulesJSON(b, cat, English) }},
	} {
		t.Run(tt.file, func(t *testing.T) {
			var b bytes.Buffer
			if err := tt.write(&b); err != nil {
				t.Fatal(err)
			}
			golden(t, tt.file, b.Bytes())
		})
	}
}

// uncolored takes our own colours off.
func uncolored(s string) string {
	return regexp.MustCompile("\x1b\\[[0-9;]*m").ReplaceAllString(s, "")
}

func TestColorChangesNothingElse(t *testing.T) {
	t.Setenv("NO_COLOR", "1")
	r := []*Report{New(sick(), testCatalog(t), English, "1.2.3")}
	var plain, colored bytes.Buffer
	if err := writeText(&plain, r, Options{}); err != nil {
		t.Fatal(err)
	}
	if err := writeText(&colored, r, Options{Color: true}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(colored.String(), "\x1b[") {
		t.Error("no colour, though it was asked for")
	}
	if diff := cmp.Diff(plain.String(), uncolored(colored.String())); diff != "" {
		t.Errorf("plain -, coloured +:\n%s", diff)
	}
}

func TestWidths(t *testing.T) {
	for _, width := range []int{-5, 0, 1, 39, 40, 41, 80, 119, 120, 121, 1 << 30} {
		t.Run(itoa(width), func(t *testing.T) {
			want := min(max(width, 40), 120)
			if width == 0 {
				want = 80
			}
			for _, res := range []*check.Result{sick(), nasty(), blockedResult()} {
				for _, lang := range languages() {
					var b bytes.Buffer
					if err := writeText(&b, []*Report{New(res, testCatalog(t), lang, "")}, Options{Lang: lang, Width: width}); err != nil {
						t.Fatal(err)
					}
					for line := range strings.Lines(b.String()) {
						copied := strings.Contains(line, " IN TXT ") || strings.HasPrefix(strings.TrimSpace(line), "https://")
						if got := displayWidth(strings.TrimSuffix(line, "\n")); got > want && !copied {
							t.Errorf("%d columns, want at most %d: %q", got, want, line)
						}
					}
				}
			}
		})
	}
}

// A reader in a hurry finds verdict, score and the first cure in ten lines.
func TestFirstTenLines(t *testing.T) {
	var b bytes.Buffer
	if err := writeText(&b, []*Report{New(sick(), testCatalog(t), English, "")}, Options{}); err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitN(b.String(), "\n", 11)
	top := strings.Join(lines[:10], "\n")
	for _, want := range []string{"example.com", "risks", "at most 65 / 100", "SPF needs 14", "Take out every include"} {
		if !strings.Contains(top, want) {
			t.Errorf("%q is not in the first ten lines:\n%s", want, top)
		}
	}
}

// A notice says what it costs, once.
func TestNoticeCosts(t *testing.T) {
	cat := &Catalog{rules: []*Rule{{ID: "A-A", Severity: Notice, Deliverability: 2, Security: 3, Refs: []string{"RFC 1"}}}}
	res := &check.Result{Domain: "example.com", Findings: broken("A-A", "A-A")}
	for _, tt := range []struct {
		name string
		r    *Report
		want []string
	}{
		{"audit", New(res, cat, English, ""), []string{"A-A · deliverability −2 · security −3 · RFC 1", "A-A"}},
		{"single check", NewCheck(res, cat, English, ""), []string{"A-A · RFC 1", "A-A"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			if err := writeText(&b, []*Report{tt.r}, Options{}); err != nil {
				t.Fatal(err)
			}
			var got []string
			for line := range strings.Lines(b.String()) {
				if line = strings.TrimSpace(line); strings.HasPrefix(line, "A-A") {
					got = append(got, line)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("want -, got +:\n%s", diff)
			}
		})
	}
}

func TestNoticeNamesItsSubject(t *testing.T) {
	res := clean()
	res.Findings = []check.Finding{{Rule: "PTR-MX-MISSING", Subject: "other.example", Params: map[string]string{"host": "mx", "address": "192.0.2.1"}}}
	for _, tt := range []struct {
		lang Lang
		want string
	}{{English, "  - other.example: "}, {French, "  - other.example\u00a0: "}} {
		t.Run(string(tt.lang), func(t *testing.T) {
			var b bytes.Buffer
			if err := writeText(&b, []*Report{New(res, testCatalog(t), tt.lang, "")}, Options{Lang: tt.lang}); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(b.String(), tt.want) {
				t.Errorf("%q is not in\n%s", tt.want, b.String())
			}
		})
	}
}

func TestPack(t *testing.T) {
	const url = "https://example.com/a"
	for _, tt := range []struct {
		name    string
		parts   []string
		columns int
		want    []string
	}{
		{"one", []string{"A"}, 10, []string{"A"}},
		{"fits", []string{"A", "B C"}, 7, []string{"A · B C"}},
		{"one past it", []string{"A", "B C"}, 6, []string{"A ·", "B C"}},
		{"address wider than the line", []string{"A", url, "B"}, 10, []string{"A ·", url + " ·", "B"}},
		{"none", nil, 10, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, pack(tt.parts, tt.columns)); diff != "" {
				t.Errorf("want -, got +:\n%s", diff)
			}
		})
	}
}

func TestWrap(t *testing.T) {
	for _, tt := range []struct {
		name    string
		in      string
		columns int
		want    []string
	}{
		{"fits", "ab cd", 5, []string{"ab cd"}},
		{"one past it", "ab cde", 5, []string{"ab", "cde"}},
		{"long word", "abcdefgh", 3, []string{"abc", "def", "gh"}},
		{"long word behind a short one", "a bcdef", 3, []string{"a", "bcd", "ef"}},
		{"non-breaking space", "a b\u00a0:", 3, []string{"a", "b\u00a0:"}},
		{"wide", "配信 配信", 4, []string{"配信", "配信"}},
		{"wide in no room", "配信", 1, []string{"配", "信"}},
		{"empty", "", 5, []string{""}},
		{"no columns", "ab", 0, []string{"a", "b"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, wrap(tt.in, tt.columns)); diff != "" {
				t.Errorf("want -, got +:\n%s", diff)
			}
		})
	}
}

func TestFoldKeepsSpaces(t *testing.T) {
	want := []string{"a  b", "  c"}
	if diff := cmp.Diff(want, fold("a  b  c", 4)); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}

var errFull = errors.New("no space left")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestWriteErrors(t *testing.T) {
	cat := testCatalog(t)
	one, two := []*Report{New(clean(), cat, English, "")}, []*Report{New(clean(), cat, English, ""), New(sick(), cat, English, "")}
	rule := cat.Rules()[0]
	for _, tt := range []struct {
		name  string
		write func() error
	}{
		{"text", func() error { return writeText(full{}, one, Options{}) }},
		{"json", func() error { return writeJSON(full{}, one, Options{}) }},
		{"json lines", func() error { return writeJSON(full{}, two, Options{}) }},
		{"rule", func() error { return WriteRulePage(full{}, rule, English, Options{}) }},
		{"rule as JSON", func() error { return WriteRulePageJSON(full{}, rule, English) }},
		{"rules", func() error { return WriteRules(full{}, cat, English, Options{}) }},
		{"rules as JSON", func() error { return WriteRulesJSON(full{}, cat, English) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.write(); !errors.Is(err, errFull) {
				t.Errorf("got %v, want %v", err, errFull)
			}
		})
	}
}

func TestNames(t *testing.T) {
	for _, tt := range []struct {
		name string
		ask  func(string) error
		good []string
		bad  string
		want string
	}{
		{"format", func(s string) error { _, err := WriterOf(s); return err }, Formats(), "p\x1bdf", `unknown format "p\\x1bdf"; use one of text, json`},
		{"language", func(s string) error { _, err := ParseLang(s); return err }, []string{"en", "fr"}, "de", `unknown language "de"; use en or fr`},
		{"threshold", func(s string) error { _, err := ParseThreshold(s); return err },
			[]string{"critical", "error", "warning", "notice", "never"}, "bad", `unknown severity "bad"; use critical, error, warning, notice or never`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, s := range tt.good {
				if err := tt.ask(s); err != nil {
					t.Errorf("%s: %v", s, err)
				}
			}
			if err := tt.ask(tt.bad); err == nil || err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}
