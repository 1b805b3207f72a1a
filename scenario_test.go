package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"maildoctor/check"
)

// demanded matches a line of a scenario that demands a rule in a JSON report.
var demanded = regexp.MustCompile(`(?m)^stdout '"id": "([A-Z0-9-]+)"`)

// TestEveryRuleHasAScenario fails for a rule that no scenario demands.
func TestEveryRuleHasAScenario(t *testing.T) {
	scripts, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[check.RuleID]bool{
		// No record and no host provokes a bug of this program that is not
		// known; package check lets a checker of its own fail instead.
		check.InternalError: true,
	}
	for _, path := range scripts {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range demanded.FindAllSubmatch(text, -1) {
			seen[check.RuleID(m[1])] = true
		}
	}
	for _, id := range check.Rules() {
		if !seen[id] {
			t.Errorf("no file in testdata/script demands %s: want a line stdout '\"id\": \"%s\"'", id, id)
		}
		delete(seen, id)
	}
	for id := range seen {
		t.Errorf("testdata/script demands %s, which is no rule", id)
	}
}
