package main

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestReadme runs the commands of the README and compares what they print. A
// line "..." stands for the rest.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```console\n(.*?)```").FindAllStringSubmatch(string(readme), -1)
	if len(blocks) == 0 {
		t.Fatal("the README has no console session")
	}
	for _, block := range blocks {
		for _, session := range strings.Split("\n"+block[1], "\n$ ")[1:] {
			command, want, _ := strings.Cut(session, "\n")
			t.Run(command, func(t *testing.T) {
				var out, complaints bytes.Buffer
				p := &program{
					stdin: strings.NewReader(""), stdout: &out, stderr: &complaints,
					getenv: func(string) string { return "" }, now: func() time.Time { return clock }, network: network,
				}
				p.run(t.Context(), strings.Fields(command))
				got := out.String()
				if start, rest, cut := strings.Cut(want, "...\n"); cut && rest == "" {
					want, got = start, got[:min(len(start), len(got))]
				}
				if strings.TrimRight(got, "\n") != strings.TrimRight(want, "\n") {
					t.Errorf("the README shows\n%s\nbut it prints\n%s%s", want, out.String(), complaints.String())
				}
			})
		}
	}
}
