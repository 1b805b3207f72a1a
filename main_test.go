package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"maildoctor/check"
	"maildoctor/check/lab"
	"maildoctor/report"
)

var update = flag.Bool("update", false, "write what the scripts print into them")

// clock is the time of every scenario.
var clock = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// worldVariable names the pretend world that a scenario's commands run in: a
// built-in one, or a folder with the files zone, perhaps hosts, and those that
// its HTTPS hosts serve, in the form of a world's sections. Without it the
// commands ask the network as the flags say.
const worldVariable = "WORLD"

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"maildoctor": func() { os.Exit(scenario()) }})
}

// scenario is the program with a fixed clock, in the world of the script.
func scenario() int {
	var out bytes.Buffer
	p := &program{
		stdin: os.Stdin, stdout: &out, stderr: os.Stderr, getenv: os.Getenv,
		now: func() time.Time { return clock },
	}
	p.network = func(f netFlags) (check.Net, error) {
		n, err := network(f)
		n.Now = p.now
		return n, err
	}
	if path := os.Getenv(worldVariable); path != "" {
		running, err := startWorld(path)
		if err != nil {
			p.complain("%v", err)
			return exitUsage
		}
		defer running.Close()
		p.network = func(f netFlags) (check.Net, error) {
			n := worldNet(running)
			if len(f.zones) > 0 {
				zone, err := openZones(f.zones)
				if err != nil {
					return n, err
				}
				n.DNS = zone
			}
			return n, nil
		}
	}
	status := p.run(context.Background(), os.Args)
	if err := invariants(out.Bytes()); err != nil && !slices.Contains(os.Args, "always") {
		p.complain("%v", err)
		return exitBroken
	}
	os.Stdout.Write(out.Bytes())
	return status
}

// exitBroken is the status of a scenario whose output breaks an invariant.
const exitBroken = 99

// startWorld starts a built-in world by its name, or one described by a folder.
func startWorld(path string) (*lab.Running, error) {
	world, err := lab.Open(path)
	if err != nil {
		files, err := readFolder(path)
		if err != nil {
			return nil, err
		}
		if world, err = lab.New(path, "example.com", files); err != nil {
			return nil, err
		}
	}
	return world.Start(lab.Options{Now: clock})
}

// readFolder returns the files of a folder by their names.
func readFolder(path string) (map[string][]byte, error) {
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, e := range entries {
		if e.Type().IsRegular() {
			if files[e.Name()], err = os.ReadFile(filepath.Join(path, e.Name())); err != nil {
				return nil, err
			}
		}
	}
	return files, nil
}

func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "pad": pad},
		Setup: func(e *testscript.Env) error {
			e.Setenv("NO_COLOR", "1")
			e.Setenv("LANG", "C")
			e.Setenv("GORACE", "atexit_sleep_ms=0") // else each command takes a second
			return nil
		},
	})
}

// exits runs a command as exec does and wants an exact exit status:
//
//	exits STATUS COMMAND ARGUMENT...
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND ARGUMENT...")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if want := args[0]; strconv.Itoa(got) != want {
		ts.Fatalf("exit status %d, want %s", got, want)
	}
}

// pad is a command of scripts: it fills a file with spaces up to a size.
func pad(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: pad FILE SIZE")
	}
	size, err := strconv.Atoi(args[1])
	ts.Check(err)
	text := ts.ReadFile(args[0])
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text+strings.Repeat(" ", max(0, size-len(text)))), 0o600))
}

func TestHoist(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"flag behind the argument", "audit example.com --format json", "audit --format json -- example.com"},
		{"flag in front", "audit --format json example.com", "audit --format json -- example.com"},
		{"flags on both sides", "audit --no-smtp example.com --lang fr", "audit --no-smtp --lang fr -- example.com"},
		{"value with equals", "audit example.com --format=json", "audit --format=json -- example.com"},
		{"switch takes no value", "audit example.com --no-smtp example.net", "audit --no-smtp -- example.com example.net"},
		{"one hyphen", "audit example.com -format json", "audit -format json -- example.com"},
		{"standard input", "explain - --lang fr", "explain --lang fr -- -"},
		{"value with a hyphen", "audit example.com --from -x@example.com", "audit --from -x@example.com -- example.com"},
		{"after two hyphens", "audit --lang fr -- --format", "audit --lang fr -- --format"},
		{"unknown flag", "audit example.com --nonsense", "audit --nonsense -- example.com"},
		{"value missing", "audit example.com --format", "audit --format"},
		{"unknown verb", "nonsense example.com --format json", "nonsense example.com --format json"},
		{"help of the program", "--help", "--help"},
		{"completion", "audit --f --generate-bash-completion", "audit --f --generate-bash-completion"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			app := new(program).app()
			got := hoist(app, append([]string{"maildoctor"}, strings.Fields(tt.in)...))
			want := append([]string{"maildoctor"}, strings.Fields(tt.want)...)
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("hoist(%q) (-want +got):\n%s", tt.in, d)
			}
		})
	}
}

func TestEveryVerbHasExamples(t *testing.T) {
	for _, c := range new(program).app().Commands {
		if n := strings.Count(c.Description, "\n  maildoctor ") + strings.Count(c.Description, "\n  source <(maildoctor "); n != 2 {
			t.Errorf("%s --help shows %d examples, want 2", c.Name, n)
		}
	}
}

// TestImports holds the directions between the layers.
func TestImports(t *testing.T) {
	allowed := func(from, to string) bool {
		room, isRoom := strings.CutPrefix(from, "maildoctor/check/")
		switch {
		case isRoom && room == "lab":
			return to == "maildoctor/check/dnsx"
		case isRoom:
			return slices.Contains([]string{"maildoctor/check/certs", "maildoctor/check/dnsx", "maildoctor/check/group", "maildoctor/check/netfault", "maildoctor/check/taglist"}, to)
		case from == "maildoctor/check":
			return strings.HasPrefix(to, "maildoctor/check/") && to != "maildoctor/check/lab"
		case from == "maildoctor/report":
			return to == "maildoctor/check"
		case from == "maildoctor":
			return slices.Contains([]string{"maildoctor/check", "maildoctor/check/dnsx", "maildoctor/check/evidence", "maildoctor/check/lab", "maildoctor/report"}, to)
		}
		return false
	}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		from := strings.TrimSuffix("maildoctor/"+filepath.ToSlash(filepath.Dir(path)), "/.")
		for _, imp := range file.Imports {
			to := strings.Trim(imp.Path.Value, `"`)
			if strings.HasPrefix(to, "maildoctor") && !allowed(from, to) {
				t.Errorf("%s: %s must not import %s", path, from, to)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

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

// invariants checks what holds of whatever the program prints, in every
// scenario: no foreign control character, and JSON that the schema and the
// pages of the rules describe.
func invariants(out []byte) error {
	if err := inert(string(out)); err != nil {
		return err
	}
	if !bytes.HasPrefix(out, []byte("{")) {
		return nil
	}
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var object json.RawMessage
		if err := decoder.Decode(&object); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("not JSON: %w", err)
		}
		if err := described(object); err != nil {
			return err
		}
	}
}

// inert wants text that no terminal obeys.
func inert(text string) error {
	if !utf8.ValidString(text) {
		return errors.New("the output is not UTF-8")
	}
	for _, r := range text {
		switch {
		case r == '\n':
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == '\u2028', r == '\u2029', r == '\ufeff':
			return fmt.Errorf("the output contains %U", r)
		}
	}
	return nil
}

// described validates an audit against the schema and its findings against the
// parameters that their rules declare.
func described(object []byte) error {
	var head struct {
		Schema   string
		Findings []struct {
			ID              string
			Params          map[string]string
			Title, Why, Fix string
		}
	}
	if err := json.Unmarshal(object, &head); err != nil {
		return err
	}
	if report.JSONSchema(head.Schema) != "" {
		if err := validates(object, head.Schema); err != nil {
			return err
		}
	}
	catalog, err := report.Load()
	if err != nil {
		return err
	}
	for _, f := range head.Findings {
		for _, rule := range catalog.Rules() {
			if string(rule.ID) != f.ID {
				continue
			}
			var declared []string
			for _, p := range rule.Params {
				declared = append(declared, p.Name)
			}
			slices.Sort(declared)
			if given := slices.Sorted(maps.Keys(f.Params)); !slices.Equal(given, declared) {
				return fmt.Errorf("%s has the parameters %q, its page declares %q", f.ID, given, declared)
			}
			for name, value := range f.Params {
				if value == "" {
					return fmt.Errorf("%s: parameter %s is empty", f.ID, name)
				}
			}
		}
	}
	return nil
}

func validates(object []byte, name string) error {
	compiler := jsonschema.NewCompiler()
	for _, name := range []string{report.AuditSchema, report.CheckSchema} {
		schema, err := jsonschema.UnmarshalJSON(strings.NewReader(report.JSONSchema(name)))
		if err != nil {
			return err
		}
		if err := compiler.AddResource(urn(name), schema); err != nil {
			return err
		}
	}
	compiled, err := compiler.Compile(urn(name))
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(object))
	if err != nil {
		return err
	}
	return compiled.Validate(value)
}

// urn is the name that a schema has for others that refer to it.
func urn(schema string) string { return "urn:" + strings.ReplaceAll(schema, "/", ":") }
