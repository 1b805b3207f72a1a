package report

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"maildoctor/check"
)

func TestWords(t *testing.T) {
	// Names that both languages share.
	same := []string{"checker.", "type.", "result.", "term.", "text.score", "text.brief", "rule.points", "model."}
	for _, table := range tables() {
		for _, key := range slices.Sorted(maps.Keys(table)) {
			p := table[key]
			t.Run(key, func(t *testing.T) {
				shared := slices.ContainsFunc(same, func(prefix string) bool { return strings.HasPrefix(key, prefix) })
				switch {
				case p.en == "" || p.fr == "":
					t.Errorf("empty: %q, %q", p.en, p.fr)
				case p.en == p.fr && !shared:
					t.Errorf("the same in both languages: %q", p.en)
				}
				for _, lang := range languages() {
					text := p.in(lang)
					if m := pluralPair.FindString(text); m != "" {
						t.Errorf("%q depends on a number", m)
					}
					if m := plainSpace.FindString(text); lang == French && m != "" {
						t.Errorf("%q wants a non-breaking space", m)
					}
				}
				if en, fr := blankNames(p.en), blankNames(p.fr); !slices.Equal(en, fr) {
					t.Errorf("blanks %q in English, %q in French", en, fr)
				}
			})
		}
	}
}

func blankNames(text string) []string {
	var names []string
	blanks(text, func(name string) string {
		names = append(names, name)
		return ""
	})
	slices.Sort(names)
	return names
}

func TestTablesShareNoKey(t *testing.T) {
	seen := map[string]bool{}
	for _, table := range tables() {
		for key := range table {
			if seen[key] {
				t.Errorf("%s is in two tables", key)
			}
			seen[key] = true
		}
	}
}

func TestWordOf(t *testing.T) {
	for _, tt := range []struct{ name, kind, code, want string }{
		{"known", "state", "done", "done"},
		{"unknown", "coverage", "brand-new", "brand-new"},
		{"hostile", "coverage", "\x1b", `\x1b`},
		{"empty", "coverage", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := English.word(tt.kind, tt.code); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// Every code that a page or the coverage turns into words has some.
func TestEveryCodeHasAWord(t *testing.T) {
	for _, tt := range []struct {
		dir, kind string
		prefix    string // of the names of untyped constants, else of nothing
		typed     string
		except    []string
	}{
		{dir: "../check", kind: "coverage.", prefix: "Reason"},
		{dir: "../check/dnsx", kind: "coverage.dns-", typed: "Status", except: []string{"ok", "nodata", "nxdomain"}},
		{dir: "../check/spf", kind: "reason.", typed: "Reason"},
		{dir: "../check/dkim", kind: "reason.", typed: "Reason"},
		{dir: "../check/dmarc", kind: "reason.", typed: "Reason"},
		{dir: "../check/dmarc", kind: "effect.", typed: "Effect", except: []string{"policy-absent"}},
		{dir: "../check/tlsx", kind: "reason.", typed: "Outcome", except: []string{"ok"}},
		{dir: "../check/certs", kind: "reason.", typed: "Chain", except: []string{"trusted"}},
		{dir: "../check/dmarc", kind: "reason.", prefix: "Auth"},
		{dir: "../check/dmarc", kind: "agree.", prefix: "Auth"},
		{dir: "../check/spf", kind: "result.", typed: "Result"},
		{dir: "../check/spf", kind: "cause.", typed: "Cause"},
		{dir: "../check/bimi", kind: "fault.", typed: "Reason"},
		{dir: "../check/bimi", kind: "fault.", typed: "PictureReason"},
		{dir: "../check/bimi", kind: "fault.", typed: "MarkReason"},
		{dir: "../check/bimi", kind: "kind.", typed: "Kind"},
		{dir: "../check", kind: "gap.", prefix: "gap"},
		{dir: "../check", kind: "where.", prefix: "where"},
		{dir: "../check", kind: "step.", prefix: "step"},
		{dir: "../check", kind: "advice.", prefix: "advice"},
		{dir: "../check", kind: "rest.", prefix: "rest"},
		{dir: "../check", kind: "revive.", prefix: "revive"},
		{dir: "../check/httpsx", kind: "fetch.", typed: "Outcome", except: []string{
			"ok", "bad-url", "dns-unknown", "not-dialled", "unreachable", "connect-failed", "no-system-roots",
			"redirect", "too-large", "encoded", "timeout", "deadline", "cancelled",
		}},
		{dir: "../check/dnsbl", kind: "meaning.", typed: "Meaning", except: []string{"trust-none"}},
		{dir: "../check", kind: "cure.", prefix: "cure"},
		{dir: "../check", kind: "match.", prefix: "miss"},
		{dir: "../check/rdns", kind: "pattern.", typed: "Pattern"},
		{dir: "../check/rdns", kind: "form.", typed: "Form", except: []string{"full-name", "literal"}},
		{dir: "../check/dnsbl", kind: "trouble.", typed: "Reason", except: []string{
			"other-kind", "no-ipv6", "private-address", "bad-address", "bad-name", "public-suffix", "name-too-long",
			"no-answer", "outside-127", "unknown-code",
		}},
		{dir: "../check/mtasts", kind: "defect.", typed: "Reason"},
		{dir: "../check/tlsrpt", kind: "defect.", typed: "Reason"},
		{dir: "../check", kind: "defect.", prefix: "defect"},
		{dir: "../check", kind: "effect.", prefix: "effect"},
		{dir: "../check", kind: "trust.", typed: "TrustReason"},
		{dir: "../check", kind: "model.", prefix: "model"},
		{dir: "../check/dane", kind: "fault.", typed: "Fault"},
		{dir: "../check/dane", kind: "reason.", typed: "Reason", except: []string{
			"unusable", "critical-extension", "weak-signature", "key-too-large", "certificate-malformed", "not-tried", "no-certificates",
		}},
		{dir: ".", kind: "verdict.", typed: "Verdict"},
		{dir: "../check/smtp", kind: "outcome.", typed: "Outcome", except: []string{"ok"}},
		{dir: "../check", kind: "demand.", typed: "Demand"},
		{dir: "../check", kind: "scope.", typed: "Scope", except: []string{"all", "high-volume"}},
		{dir: "../check", kind: "force.", typed: "Force"},
		{dir: "../check", kind: "origin.", typed: "Origin", except: []string{"documented"}},
		{dir: "../check", kind: "fulfilment.", typed: "Fulfilment"},
		{dir: "../check", kind: "witness.", typed: "Witness"},
		{dir: "../check", kind: "receiver.", prefix: "Note"},
	} {
		t.Run(tt.dir+" "+tt.prefix+tt.typed, func(t *testing.T) {
			found := constants(t, tt.dir, tt.prefix, tt.typed)
			if len(found) == 0 {
				t.Fatal("no constant found")
			}
			for _, code := range found {
				if _, ok := English.lookup(tt.kind + code); !ok && !slices.Contains(tt.except, code) {
					t.Errorf("no phrase for %s", tt.kind+code)
				}
			}
		})
	}
}

// constants returns the values of the string constants in a package's sources
// that have a type or, without one, a name that begins with prefix.
func constants(t *testing.T, dir, prefix, typed string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			lit, ok := spec.Values[0].(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			id, _ := spec.Type.(*ast.Ident)
			if typed != "" && (id == nil || id.Name != typed) || typed == "" && (id != nil || !strings.HasPrefix(spec.Names[0].Name, prefix)) {
				return true
			}
			value, err := strconv.Unquote(lit.Value)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, value)
			return true
		})
	}
	return out
}

// Every merit that a judge names has a sentence.
func TestEveryMeritHasASentence(t *testing.T) {
	files, err := filepath.Glob("../check/*.go")
	if err != nil {
		t.Fatal(err)
	}
	literal := regexp.MustCompile(`Merit\{\s*ID: "([a-z0-9-]+)"`)
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range literal.FindAllStringSubmatch(string(b), -1) {
			if _, ok := codes["merit."+m[1]]; !ok && !strings.HasSuffix(file, "_test.go") {
				t.Errorf("%s: no sentence for the merit %s", file, m[1])
			}
		}
	}
}

func TestEveryStateHasAWord(t *testing.T) {
	for _, s := range []check.State{check.Done, check.Skipped, check.Inconclusive} {
		if _, ok := labels["state."+string(s)]; !ok {
			t.Errorf("no word for the state %s", s)
		}
	}
	for _, r := range []check.Role{check.Sending, check.Receiving, check.Parked, check.Unknown} {
		if _, ok := labels["role."+string(r)]; !ok {
			t.Errorf("no word for the role %s", r)
		}
	}
	for _, s := range severities() {
		if _, ok := labels["severity."+string(s)]; !ok {
			t.Errorf("no word for the severity %s", s)
		}
	}
}
