package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"maildoctor/check"
	"maildoctor/check/lab"
)

var update = flag.Bool("update", false, "write what the scripts print into them")

// clock is the time of every scenario.
var clock = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// worldVariable names the pretend world that a scenario's commands run in: a
// built-in one, or a folder with the files zone and, if something listens
// there, hosts, in the form of a world's sections. Without it the commands ask
// the network as the flags say.
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
		zone, err := os.ReadFile(filepath.Join(path, "zone"))
		if err != nil {
			return nil, err
		}
		hosts, err := os.ReadFile(filepath.Join(path, "hosts"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if world, err = lab.New(path, "example.com", zone, hosts); err != nil {
			return nil, err
		}
	}
	return world.Start(lab.Options{Now: clock})
}

func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
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
			return to == "maildoctor/check/dnsx" || to == "maildoctor/check/taglist"
		case from == "maildoctor/check":
			return strings.HasPrefix(to, "maildoctor/check/") && to != "maildoctor/check/lab"
		case from == "maildoctor/report":
			return to == "maildoctor/check"
		case from == "maildoctor":
			return slices.Contains([]string{"maildoctor/check", "maildoctor/check/dnsx", "maildoctor/check/lab", "maildoctor/report"}, to)
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
