package report

import (
	"os"
	"strings"
	"testing"

	"maildoctor/check"

	"github.com/google/go-cmp/cmp"
)

// testCatalog is a small catalogue, so that the tests do not depend on what
// the real one says.
func testCatalog(t testing.TB) *Catalog {
	t.Helper()
	c, err := load(os.DirFS("testdata"), "rules")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestShippedRules(t *testing.T) {
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	titles := map[string]check.RuleID{}
	for _, r := range c.Rules() {
		t.Run(string(r.ID), func(t *testing.T) {
			if err := r.Validate(); err != nil {
				t.Error(err)
			}
			for _, page := range r.Pages {
				if other, ok := titles[page.Title]; ok {
					t.Errorf("the title %q is also that of %s", page.Title, other)
				}
				titles[page.Title] = r.ID
			}
			if c.Rule(r.ID) != r {
				t.Errorf("Rule(%q) finds another", r.ID)
			}
		})
	}
}

func TestTestRules(t *testing.T) {
	for _, r := range testCatalog(t).Rules() {
		if err := r.Validate(); err != nil {
			t.Errorf("%s: %v", r.ID, err)
		}
	}
}

func TestParseRule(t *testing.T) {
	b, err := os.ReadFile("testdata/rules/SPF-TOO-MANY-LOOKUPS.md")
	if err != nil {
		t.Fatal(err)
	}
	r, err := parseRule(b)
	if err != nil {
		t.Fatal(err)
	}
	want := &Rule{
		ID: "SPF-TOO-MANY-LOOKUPS", Severity: Error, Area: "spf", Deliverability: 25, Security: 5,
		Source: "rfc", Refs: []string{"RFC 7208 section 4.6.4"}, Params: []Param{{Name: "lookups"}}, Since: "0.1.0",
		Pages: map[Lang]Page{
			English: {
				Title: "SPF needs {lookups} DNS lookups; 10 are allowed",
				Why: "Receivers stop at the tenth lookup and treat the record as broken. Then SPF fails for every sender of {domain}, " +
					"also for the ones listed first.",
				Fix: "Take out every include of a service that no longer sends for you, then look again:\n\n" +
					"- an include of a service that you left\n" +
					"- `mx` and `a`, where a list of addresses says the same\n\n" +
					"Then publish the shorter record at {subject}, such as\n\n" +
					`    {subject}. IN TXT "v=spf1 include:_spf.example.net ~all"`,
			},
			French: {
				Title: "SPF demande {lookups} requêtes DNS\u00a0; la limite est de 10",
				Why: "Les serveurs de réception s’arrêtent à la dixième requête et tiennent l’enregistrement pour défectueux. " +
					"SPF échoue alors pour tous les expéditeurs de {domain}, même les premiers de la liste.",
				Fix: "Retirez les services qui n’envoient plus pour vous, puis vérifiez\u00a0:\n\n" +
					"- un «\u00a0include\u00a0» d’un service abandonné\n" +
					"- `mx` et `a`, là où une liste d’adresses suffit\n\n" +
					"Publiez ensuite l’enregistrement abrégé sous {subject}, par exemple\n\n" +
					`    {subject}. IN TXT "v=spf1 include:_spf.example.net ~all"`,
			},
		},
	}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}

const goodRule = `ID: SPF-OPEN
Severity: error
Area: spf
Deliverability: 5
Security: 10
Source: rfc
Refs: RFC 7208 section 5.1; https://example.com/page; RFC 9989 appendix A.6
Params: term
Since: 0.1.0

# en
## Title
Anybody may send ({term})
## Why
It is open.
## Fix
Close it at {domain} with a record such as ` + "`%{i}`" + `.
# fr
## Title
Tout le monde peut envoyer ({term})
## Why
C'est ouvert.
## Fix
Fermez-le chez {domain}.
`

func TestParseRuleFaults(t *testing.T) {
	if _, err := parseRule([]byte(goodRule)); err != nil {
		t.Fatalf("the page that the rows change has a fault: %v", err)
	}
	for _, tt := range []struct{ name, old, new, want string }{
		{"no header", goodRule, "# en\n", "header"},
		{"field missing", "Since: 0.1.0\n", "", "Since is missing"},
		{"field twice", "Area: spf\n", "Area: spf\nArea: spf\n", "Area is given twice"},
		{"unknown field", "Area: spf\n", "Area: spf\nColour: red\n", "Colour is not a field"},
		{"severity", "Severity: error", "Severity: fatal", `"fatal" is unknown`},
		{"source", "Source: rfc", "Source: rumour", `"rumour" is unknown`},
		{"points no number", "Deliverability: 5", "Deliverability: five", "not a number"},
		{"points past the limit", "Deliverability: 5", "Deliverability: 101", "not a number from 0 to 100"},
		{"points below zero", "Security: 10", "Security: -1", "not a number from 0 to 100"},
		{"cap without critical", "Severity: error", "Severity: error\nCap: 40", "Cap belongs"},
		{"critical without cap", "Severity: error", "Severity: critical", "Cap belongs"},
		{"kind of parameter", "Params: term", "Params: term:number", `"number" is not a kind`},
		{"language", "# fr", "# de", `"de" is not a language`},
		{"part", "## Why", "## Because", `"Because" is not a part`},
		{"text outside", "# fr\n", "# fr\nstray\n", "text outside of a part"},
		{"open code", "It is open.", "```\nv=spf1", "no end"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parseRule([]byte(strings.Replace(goodRule, tt.old, tt.new, 1)))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestValidate(t *testing.T) {
	for _, tt := range []struct{ name, old, new, want string }{
		{"good", "", "", ""},
		{"macro is no blank", "", "", ""},
		{"id", "ID: SPF-OPEN", "ID: Spf-Open", "not words in capitals"},
		{"costs nothing", "Deliverability: 5\nSecurity: 10", "Deliverability: 0\nSecurity: 0", "costs something"},
		{"ref", "RFC 7208 section 5.1", "RFC 7208, 5.1", "has not the form"},
		{"ref over http", "https://", "http://", "has not the form"},
		{"part missing", "It is open.", "", "en: Why: missing"},
		{"language missing", goodRule[strings.Index(goodRule, "# fr"):], "", "fr: Title: missing"},
		{"same text", "C'est ouvert.", "It is open.", "Why is the same"},
		{"blank not declared", "It is open.", "{host} is open.", "{host} is not declared"},
		{"parameter not used", "Params: term", "Params: term, host", "no page has the blank {host}"},
		{"parameter name", "Params: term", "Params: term, Host", "not a name in lower case"},
		{"title at the limit", "Anybody may send (", strings.Repeat("x", 91) + " (", ""},
		{"title past the limit", "Anybody may send (", strings.Repeat("x", 92) + " (", "at most 100"},
		{"title with full stop", "({term})", "({term}).", "full stop"},
		{"plural", "It is open.", "The record(s) are open.", "depends on a number"},
		{"hidden character", "It is open.", "It is\u200b open.", "cannot be seen"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := parseRule([]byte(strings.Replace(goodRule, tt.old, tt.new, 1)))
			if err != nil {
				t.Fatal(err)
			}
			got := r.Validate()
			if tt.want == "" && got != nil || tt.want != "" && (got == nil || !strings.Contains(got.Error(), tt.want)) {
				t.Errorf("got %v, want %q", got, tt.want)
			}
		})
	}
}

func TestLoadNamesFiles(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(dir+"/rules", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/rules/OTHER-NAME.md", []byte(goodRule), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := load(os.DirFS(dir), "rules"); err == nil || !strings.Contains(err.Error(), "SPF-OPEN.md") {
		t.Errorf("got %v, want an error that names SPF-OPEN.md", err)
	}
}

func TestCatalogRule(t *testing.T) {
	c := testCatalog(t)
	for _, id := range []check.RuleID{"", "A", "SPF", "ZZZ", "SPF-TOO-MANY-LOOKUPS-MORE"} {
		if got := c.Rule(id); got != nil {
			t.Errorf("Rule(%q) = %s, want nil", id, got.ID)
		}
	}
	c.Rules()[0] = nil
	if c.Rules()[0] == nil {
		t.Error("a caller can change the catalogue")
	}
}

func TestBlanks(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"blank", "a {x} b", "a <x> b"},
		{"at both ends", "{x}{y-2}", "<x><y-2>"},
		{"macro", "exists:%{i}.{x}", "exists:%{i}.<x>"},
		{"open", "a {x", "a {x"},
		{"empty", "{}", "{}"},
		{"upper case", "{X}", "{X}"},
		{"nested", "{{x}}", "{<x>}"},
		{"none", "plain", "plain"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := blanks(tt.in, func(name string) string { return "<" + name + ">" })
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestTypography(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"marks", "oui : non ; si ! quoi ?", "oui\u00a0: non\u00a0; si\u00a0! quoi\u00a0?"},
		{"quotes", "« a »", "«\u00a0a\u00a0»"},
		{"apostrophe", "l'hôte", "l’hôte"},
		{"code", "`a ; b` : c", "`a ; b`\u00a0: c"},
		{"line to copy", "    a ; 'b'\nc :", "    a ; 'b'\nc\u00a0:"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := typography(tt.in); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestZoneText(t *testing.T) {
	long := strings.Repeat("a", 255)
	for _, tt := range []struct{ name, in, want string }{
		{"plain", "v=spf1 exists:%{i}.{subject} ~all", `"v=spf1 exists:%{i}.{subject} ~all"`},
		{"quotes", `a"b\c`, `"a\"b\\c"`},
		{"octets", "a\x1b\xffb", `"a\027\255b"`},
		{"one string", long, `"` + long + `"`},
		{"one octet more", long + "b", `"` + long + `" "b"`},
		{"empty", "", `""`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := zoneText(tt.in); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
	t.Run("limit", func(t *testing.T) {
		if got := zoneText(strings.Repeat("a", maxRecord)); strings.Contains(got, "…") {
			t.Error("a record at the limit is cut")
		}
		if got := zoneText(strings.Repeat("a", maxRecord+1)); !strings.Contains(got, "…") {
			t.Error("a record past the limit is not cut")
		}
	})
}

func TestFillCopy(t *testing.T) {
	values := map[string]string{"subject": "example.com", "record": "cut", "n": "1"}
	params := map[string]string{"record": `v=spf1 {subject} "x`}
	for _, tt := range []struct{ name, in, want string }{
		{"record", `    {subject}. IN TXT "{record}" ; {n}`, `    example.com. IN TXT "v=spf1 {subject} \"x" ; 1`},
		{"no line to copy", `Write "{record}".`, `Write "cut".`},
		{"no parameter", `    x "{n}"`, `    x "1"`},
		{"more in the quotes", `    x "v=spf1 {n}"`, `    x "v=spf1 1"`},
		{"several lines", "a {n}\n    {n}", "a 1\n    1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := fillCopy(tt.in, values, params); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func FuzzParseRule(f *testing.F) {
	f.Add([]byte(goodRule))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseRule(b)
		if err == nil && (r.rankless() || r.Deliverability < 0 || r.Deliverability > 100) {
			t.Errorf("taken as a rule: %+v", r)
		}
	})
}

func (r *Rule) rankless() bool { return r.Severity.rank() >= len(severities()) }

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		if _, err := Load(); err != nil {
			b.Fatal(err)
		}
	}
}

// TestEveryRuleHasAPage ties the rules that findings name to the pages.
func TestEveryRuleHasAPage(t *testing.T) {
	catalog, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	var pages []check.RuleID
	for _, r := range catalog.Rules() {
		pages = append(pages, r.ID)
	}
	if d := cmp.Diff(check.Rules(), pages); d != "" {
		t.Errorf("rules of check and pages (-rules +pages):\n%s", d)
	}
}
