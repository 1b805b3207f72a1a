package spf

import (
	"errors"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"maildoctor/check/dnsx"
)

// A scenario is one document of a test suite: cases that share a zone.
type scenario struct {
	Description string
	Tests       map[string]struct {
		Helo        string
		Host        string
		MailFrom    string
		Result      yaml.Node // a result, or a list of those allowed
		Explanation *string
	}
	Zone map[string][]yaml.Node `yaml:"zonedata"`
}

// suite reads a file of the test data that comes with blitiri.com.ar/go/spf.
func suite(t *testing.T, file string) []scenario {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "blitiri.com.ar/go/spf").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	f, err := os.Open(filepath.Join(strings.TrimSpace(string(dir)), "testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []scenario
	for decoder := yaml.NewDecoder(f); ; {
		var s scenario
		if err := decoder.Decode(&s); errors.Is(err, io.EOF) {
			return out
		} else if err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
}

// zone builds the DNS of a scenario. A record of type SPF is served as TXT
// where the name has no TXT of its own; TXT: NONE says that it has none.
func (s scenario) zone(t *testing.T) *zone {
	t.Helper()
	z := newZone()
	add := func(name, kind, data string) {
		if err := z.add(name, kind, data); err != nil {
			t.Fatalf("%s %s %q: %v", name, kind, data, err)
		}
	}
	for name, nodes := range s.Zone {
		name = strings.TrimSuffix(name, ".")
		canonical, _ := toName(name)
		z.records[canonical] = nil
		var texts, spfs []string
		ownText := false
		for _, node := range nodes {
			if node.Kind == yaml.ScalarNode {
				z.broken[canonical] = status(t, node.Value)
				continue
			}
			for i := 0; i+1 < len(node.Content); i += 2 {
				kind, data := node.Content[i].Value, node.Content[i+1]
				values := []string{data.Value}
				if data.Kind == yaml.SequenceNode {
					values = nil
					for _, v := range data.Content {
						values = append(values, v.Value)
					}
				}
				switch kind {
				case "TIMEOUT", "SERVFAIL":
					z.broken[canonical] = status(t, kind)
				case "TXT":
					ownText = true
					if data.Value != "NONE" {
						texts = append(texts, strings.Join(values, ""))
					}
				case "SPF":
					spfs = append(spfs, strings.Join(values, ""))
				case "MX":
					if values[1] == "" {
						values[1] = "."
					}
					add(name, kind, strings.Join(values, " "))
				case "CNAMELOOP":
					add(name, "CNAME", name)
				default:
					add(name, kind, values[0])
				}
			}
		}
		if !ownText {
			texts = spfs
		}
		for _, text := range texts {
			add(name, "TXT", text)
		}
	}
	return z
}

func status(t *testing.T, kind string) dnsx.Status {
	t.Helper()
	switch kind {
	case "TIMEOUT":
		return dnsx.Timeout
	case "SERVFAIL":
		return dnsx.ServFail
	}
	t.Fatalf("unknown kind of zone data %q", kind)
	return ""
}

// run evaluates every case of a suite and returns how many there were. The
// exceptions are cases with another result here, by "description/name".
func run(t *testing.T, file string, exceptions map[string]Result) int {
	t.Helper()
	cases := 0
	for _, s := range suite(t, file) {
		z := s.zone(t)
		for name, test := range s.Tests {
			cases++
			t.Run(s.Description+"/"+name, func(t *testing.T) {
				var want []string
				if test.Result.Kind == yaml.SequenceNode {
					for _, n := range test.Result.Content {
						want = append(want, n.Value)
					}
				} else {
					want = []string{test.Result.Value}
				}
				if result, ok := exceptions[s.Description+"/"+name]; ok {
					want = []string{string(result)}
				}
				got := Evaluate(t.Context(), z, Query{
					IP:       netip.MustParseAddr(test.Host),
					MailFrom: test.MailFrom,
					Helo:     test.Helo,
					Now:      func() time.Time { return time.Unix(1000000000, 0) },
				})
				if !slices.Contains(want, string(got.Result)) {
					t.Errorf("result = %s (%s), want %s; trace: %+v", got.Result, got.Cause, want, got.Trace)
				}
				if (got.Lookups > MaxLookups || got.VoidLookups > MaxVoidLookups) && got.Result != ResultPermError {
					t.Errorf("lookups = %d, void = %d with result %s, want permerror", got.Lookups, got.VoidLookups, got.Result)
				}
				if test.Explanation == nil || got.Result != ResultFail {
					return
				}
				explanation := strings.TrimSuffix(*test.Explanation, "DEFAULT")
				if got.Explanation != explanation {
					t.Errorf("explanation = %q, want %q", got.Explanation, explanation)
				}
			})
		}
	}
	return cases
}

func TestRFC7208Suite(t *testing.T) {
	if cases := run(t, "rfc7208-tests.yml", nil); cases != 203 {
		t.Errorf("the suite has %d cases, want 203", cases)
	}
}

func TestPyspfSuite(t *testing.T) {
	run(t, "pyspf-tests.yml", map[string]Result{
		// RFC 7208 section 6: a modifier that is not known has no effect.
		"/default-modifier":       ResultNeutral,
		"/default-modifier-harsh": ResultNeutral,
	})
}

func TestBlitirispfSuite(t *testing.T) {
	exceptions := map[string]Result{
		// RFC 7208 section 7.1: the record includes domains of one label.
		"Resolution limits/resolution-with-10-lookups": ResultPermError,
	}
	// RFC 7208 section 4.3: the cases of these groups begin at domains of one
	// label, for which there is no result but none.
	for group, names := range map[string][]string{
		"Lookup limit boundary": {"lookup-limit-at-10", "lookup-limit-at-10-matches", "lookup-limit-over-a", "lookup-limit-over-mx", "lookup-limit-over-exists", "lookup-limit-over-ptr", "lookup-limit-over-no-match"},
		"Void lookup limit":     {"void-limit-at-2", "void-limit-over-a", "void-limit-over-mx", "void-limit-over-exists", "void-limit-over-ptr", "void-limit-over-in-include"},
		"MX resolution limits":  {"mx-resolution-10-terms", "mx-resolution-11-terms"},
		"PTR resolution limits": {"ptr-resolution-10-terms", "ptr-resolution-11-terms", "ptr-resolution-mixed-terms"},
		"NXDOMAIN tests":        {"all-mx-not-found", "include-not-found", "redirect-not-found", "one-mx-not-found"},
	} {
		for _, name := range names {
			exceptions[group+"/"+name] = ResultNone
		}
	}
	run(t, "blitirispf-tests.yml", exceptions)
}
