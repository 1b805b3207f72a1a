// Maildoctor diagnoses e-mail deliverability: it audits the records and the
// mail hosts of a domain, judges them and says what to fix first.
package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"maildoctor/check"
	"maildoctor/check/dnsx"
	"maildoctor/check/evidence"
	"maildoctor/check/lab"
	"maildoctor/report"
)

const version = "0.1.0"

// Exit statuses beside those that a report leads to.
const (
	exitUsage   = 2                    // a wrong flag or argument, unreadable input
	exitUnknown = report.ExitUncertain // something essential could not be assessed or written
)

// graceTime is how long the program may take to end once it was interrupted.
const graceTime = 4 * time.Second

func main() {
	signal.Ignore(syscall.SIGPIPE) // a reader that goes away is an error like others
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// Whatever does not heed ctx, such as a file that never opens, ends with us.
	context.AfterFunc(ctx, func() { time.AfterFunc(graceTime, func() { os.Exit(exitUnknown) }) })
	p := &program{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv, now: time.Now, network: network}
	status := p.run(ctx, os.Args)
	stop()
	os.Exit(status)
}

// A program is one run of the command line with all that it touches.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
	now            func() time.Time
	network        func(netFlags) (check.Net, error)
	status         int
}

// A usageError is the caller's to mend: it ends the program with exitUsage.
type usageError struct{ error }

func usagef(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// run executes one command line and returns the exit status.
func (p *program) run(ctx context.Context, args []string) (status int) {
	defer func() {
		if r := recover(); r != nil {
			if slices.Contains(args, "--debug") {
				panic(r)
			}
			p.complain("internal error: %v (run again with --debug to see where)", r)
			status = exitUnknown
		}
	}()
	out := &keeper{Writer: p.stdout}
	app := p.app()
	app.Writer = out
	err := app.RunContext(ctx, hoist(app, args))
	if err == nil {
		err = out.err
	}
	var usage usageError
	var exit cli.ExitCoder // the library's own, of a help topic that does not exist
	switch {
	case err == nil:
		return p.status
	case errors.Is(err, syscall.EPIPE):
		return exitUnknown
	case errors.As(err, &usage), errors.As(err, &exit):
		p.complain("%v", err)
		fmt.Fprintln(p.stderr, `Try "maildoctor --help" or "maildoctor VERB --help".`)
		return exitUsage
	}
	p.complain("%v", err)
	return exitUnknown
}

// A keeper remembers the first error of a writer whose user does not look.
type keeper struct {
	io.Writer
	err error
}

func (k *keeper) Write(b []byte) (int, error) {
	n, err := k.Writer.Write(b)
	if k.err == nil {
		k.err = err
	}
	return n, err
}

// complain prints one line to standard error, with foreign text made visible.
func (p *program) complain(format string, args ...any) {
	fmt.Fprintln(p.stderr, "maildoctor: "+report.Cut(fmt.Sprintf(format, args...), maxComplaint))
}

// maxComplaint is the length of the longest line on standard error, in columns.
const maxComplaint = 400

// hoist moves flags that stand behind arguments in front of them, because the
// flag package stops at the first argument and would take "--format" behind a
// domain for another domain. What follows "--" stays where it is.
func hoist(app *cli.App, args []string) []string {
	const completing = "--generate-bash-completion"
	if len(args) < 2 || args[len(args)-1] == completing {
		return args
	}
	verb := slices.IndexFunc(args[1:], func(a string) bool { return !strings.HasPrefix(a, "-") }) + 1
	if verb == 0 {
		return args
	}
	command := app.Command(args[verb])
	if command == nil {
		return args
	}
	takesValue := map[string]bool{}
	for _, f := range command.Flags {
		v, ok := f.(cli.DocGenerationFlag)
		for _, name := range f.Names() {
			takesValue[name] = ok && v.TakesValue()
		}
	}
	var flags, rest []string
	for i := verb + 1; i < len(args); i++ {
		a := args[i]
		if a == "--" {
			rest = append(rest, args[i+1:]...)
			break
		}
		if a == "-" || !strings.HasPrefix(a, "-") {
			rest = append(rest, a)
			continue
		}
		flags = append(flags, a)
		if !takesValue[strings.TrimLeft(a, "-")] {
			continue
		}
		if i++; i == len(args) { // the flag package says that the value is missing
			return slices.Concat(args[:verb+1], flags)
		}
		flags = append(flags, args[i])
	}
	return slices.Concat(args[:verb+1], flags, []string{"--"}, rest)
}

// app describes the verbs and their flags.
func (p *program) app() *cli.App {
	cli.FlagStringer = flagLine
	usage := func(_ *cli.Context, err error, _ bool) error { return flagError(err) }
	app := &cli.App{
		Name:                      "maildoctor",
		Usage:                     "finds out why mail does not arrive, and what to do about it",
		Version:                   version,
		Reader:                    p.stdin,
		Writer:                    p.stdout,
		ErrWriter:                 p.stderr,
		EnableBashCompletion:      true,
		HideHelpCommand:           true,
		DisableSliceFlagSeparator: true,
		ExitErrHandler:            func(*cli.Context, error) {},
		OnUsageError:              usage,
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				return usagef("there is no verb \"%s\"; the verbs are audit, check, explain, rules, demo and completion", c.Args().First())
			}
			c.App.Writer = p.stderr
			p.status = exitUsage
			return cli.ShowAppHelp(c)
		},
		Commands: []*cli.Command{
			{
				Name: "audit", Usage: "check a domain's whole set-up and score it",
				ArgsUsage: "DOMAIN...",
				Description: examples(
					"maildoctor audit example.com",
					"maildoctor audit example.com --selector s1 --ip 203.0.113.25 --format json"),
				Flags: slices.Concat(networkFlags(), outputFlags("error")), Action: p.audit,
			},
			{
				Name: "check", Usage: "run one check alone",
				ArgsUsage: "WHAT TARGET",
				Description: "WHAT is one of\n" + inLines(check.Names()) + "\n\nTARGET is a domain; for ptr and dnsbl it may be an address.\nThe check access takes --access HOST where the DNS does not name the host.\n\n" + examples(
					"maildoctor check spf example.com",
					"maildoctor check ptr 203.0.113.25"),
				Flags: slices.Concat(networkFlags(), outputFlags("error")), Action: p.check,
				BashComplete: completeWith(check.Names),
			},
			{
				Name: "explain", Usage: "print the page of a rule",
				ArgsUsage: "RULE-ID",
				Description: examples(
					"maildoctor explain SPF-TOO-MANY-LOOKUPS",
					"maildoctor explain DMARC-POLICY-NONE --lang fr"),
				Flags: outputFlags(""), Action: p.explain,
				BashComplete: completeWith(ruleIDs),
			},
			{
				Name: "rules", Usage: "list the catalogue of rules",
				Description: examples(
					"maildoctor rules",
					"maildoctor rules --format json"),
				Flags: outputFlags(""), Action: p.rules,
			},
			{
				Name: "demo", Usage: "audit a built-in world, without any network",
				ArgsUsage: "[" + strings.Join(lab.Worlds(), "|") + "]",
				Description: "WORLD is \"" + demoWorld + "\" where none is given. The demo ends with status 0\n" +
					"whatever it finds, unless --fail-on is given.\n\n" + examples(
					"maildoctor demo",
					"maildoctor demo healthy --lang fr"),
				Flags: outputFlags("never"), Action: p.demo,
				BashComplete: completeWith(lab.Worlds),
			},
			{
				Name: "completion", Usage: "print the completion script of a shell",
				ArgsUsage: "bash|zsh|fish",
				Description: examples(
					"source <(maildoctor completion bash)",
					"maildoctor completion fish > ~/.config/fish/completions/maildoctor.fish"),
				Action:       p.completion,
				BashComplete: completeWith(func() []string { return []string{"bash", "zsh", "fish"} }),
			},
		},
	}
	for _, c := range app.Commands {
		c.OnUsageError = usage
		c.HideHelpCommand = true
	}
	return app
}

// invalid is how the flag package says that a value does not parse.
var invalid = regexp.MustCompile(`(?s)^invalid value "(.*)" for flag -(\S+): `)

// flagError says what to give in the place of a flag or value that is wrong.
func flagError(err error) error {
	if m := invalid.FindStringSubmatch(err.Error()); m != nil {
		wanted := map[string]string{"timeout": "a duration such as 30s", "smtp-port": "a port such as 25"}[m[2]]
		return usagef("--%s \"%s\": give %s", m[2], cut(m[1], 60), cmp.Or(wanted, "another value"))
	}
	return usageError{err}
}

// inLines lists words, a few on each line.
func inLines(words []string) string {
	var lines []string
	for line := range slices.Chunk(words, 8) {
		lines = append(lines, "  "+strings.Join(line, ", "))
	}
	return strings.Join(lines, ",\n")
}

func examples(lines ...string) string {
	return "Examples:\n  " + strings.Join(lines, "\n  ")
}

// flagLine is a line of the help, short enough for 80 columns.
func flagLine(f cli.Flag) string {
	names := f.Names()
	line := "--" + names[0]
	if len(names[0]) == 1 {
		line = "-" + names[0]
	}
	for _, n := range names[1:] {
		line += ", -" + n
	}
	doc, ok := f.(cli.DocGenerationFlag)
	if !ok {
		return line
	}
	usage := doc.GetUsage()
	if doc.TakesValue() {
		value := "VALUE"
		if open := strings.IndexByte(usage, '`'); open >= 0 {
			if length := strings.IndexByte(usage[open+1:], '`'); length >= 0 {
				value = usage[open+1 : open+1+length]
				usage = strings.TrimSpace(usage[:open] + usage[open+length+2:])
			}
		}
		line += " " + value
	}
	return line + "\t" + usage
}

func completeWith(words func() []string) cli.BashCompleteFunc {
	return func(c *cli.Context) {
		for _, w := range words() {
			fmt.Fprintln(c.App.Writer, w)
		}
		cli.DefaultCompleteWithFlags(c.Command)(c)
	}
}

// networkFlags are the flags of every verb that asks the network.
func networkFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "resolver", Usage: "`HOST[:PORT]` ask this DNS server (repeatable)"},
		&cli.StringSliceFlag{Name: "zone", TakesFile: true, Usage: "`FILE` answer DNS from this zone file alone (repeatable)"},
		&cli.StringFlag{Name: "overlay", TakesFile: true, Usage: "`FILE` answer its records first, the rest live"},
		&cli.StringFlag{Name: "record", TakesFile: true, Usage: "`FILE` write every DNS answer down, for --zone"},
		&cli.BoolFlag{Name: "trust-ad", Usage: "believe the AD bit of a resolver that is not local"},
		&cli.DurationFlag{Name: "timeout", Value: defaultTimeout, Usage: "`DURATION` the most that one audit may take (default 30s)"},
		&cli.StringSliceFlag{Name: "selector", Usage: "`NAME` a DKIM selector of yours (repeatable; default: guess)"},
		&cli.StringSliceFlag{Name: "evidence", TakesFile: true, Usage: "`FILE` a message or DMARC report of yours (repeatable)"},
		&cli.StringFlag{Name: "ip", Usage: "`ADDRESS` the address that you send from"},
		&cli.StringFlag{Name: "helo", Usage: "`NAME` what the sending host says in EHLO"},
		&cli.StringFlag{Name: "from", Usage: "`ADDRESS` the envelope sender, with --ip"},
		&cli.BoolFlag{Name: "no-smtp", Usage: "open no connection to mail hosts"},
		&cli.IntFlag{Name: "smtp-port", Value: 25, Usage: "`PORT` where the MX hosts listen (default 25)"},
		&cli.StringFlag{Name: "access", Usage: "`HOST` or auto: what mail programs of people meet there"},
		&cli.BoolFlag{Name: "intrusive", Usage: "ask an MX host for relay, with MAIL and RCPT"},
		&cli.StringSliceFlag{Name: "dnsbl", Usage: "`ZONE` a blocklist to ask instead of the usual (repeatable)"},
		&cli.BoolFlag{Name: "no-dnsbl", Usage: "ask no blocklist"},
		&cli.BoolFlag{Name: "allow-private", Usage: "connect to private and loopback addresses too"},
	}
}

// outputFlags are the flags of every verb; a verb without findings has no
// default for --fail-on.
func outputFlags(failOn string) []cli.Flag {
	flags := []cli.Flag{
		&cli.StringFlag{Name: "format", Value: "text", Usage: "`FORMAT` " + strings.Join(report.Formats(), ", ") + " (default text)"},
		&cli.StringFlag{Name: "output", TakesFile: true, Usage: "`FILE` write the report there"},
		&cli.StringFlag{Name: "lang", Usage: "`LANG` en or fr (default: as the locale says)"},
		&cli.StringFlag{Name: "color", Value: "auto", Usage: "`WHEN` auto, always, never (default auto)"},
		&cli.BoolFlag{Name: "debug", Usage: "show where an internal error happened", Hidden: true},
	}
	if failOn != "" {
		flags = append(flags,
			&cli.StringFlag{Name: "fail-on", Value: failOn, Usage: "`SEVERITY` or never: what makes the status 1 (default " + failOn + ")"},
			&cli.BoolFlag{Name: "verbose", Usage: "show every finding with its page and evidence"},
			&cli.BoolFlag{Name: "quiet", Usage: "one line a domain"})
	}
	return flags
}

// demoWorld is the world of a demo without an argument.
const demoWorld = "faulty"

// netFlags are the flags that say how the network is reached.
type netFlags struct {
	resolvers []string
	zones     []string
	trustAD   bool
}

// network builds the outside world that the flags ask for.
func network(f netFlags) (check.Net, error) {
	n := check.Net{Dial: new(net.Dialer).DialContext, Now: time.Now}
	switch {
	case len(f.zones) > 0 && len(f.resolvers) > 0:
		return n, usagef("--zone and --resolver exclude each other; use --overlay to lay a zone file over live answers")
	case len(f.zones) > 0:
		zone, err := openZones(f.zones)
		if err != nil {
			return n, err
		}
		n.DNS = zone
	default:
		servers, err := resolvers(f.resolvers)
		if err != nil {
			return n, err
		}
		network, err := dnsx.NewNetwork(servers, dnsx.NetworkOptions{TrustAD: f.trustAD})
		if err != nil {
			return n, usageError{err}
		}
		n.DNS = network
	}
	return n, nil
}

// openZones reads zone files into one zone.
func openZones(paths []string) (*dnsx.Zone, error) {
	zone := dnsx.NewZone()
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return nil, usagef("cannot read the zone: %w", err)
		}
		err = zone.Add(f, path)
		f.Close()
		if err != nil {
			return nil, usageError{err}
		}
	}
	return zone, nil
}

func resolvers(given []string) ([]string, error) {
	if len(given) == 0 {
		servers, err := dnsx.SystemServers()
		if err != nil {
			return nil, usageError{err}
		}
		return servers, nil
	}
	var servers []string
	for _, g := range given {
		s, err := dnsx.ParseServer(g)
		if err != nil {
			return nil, usagef("--resolver: %w", err)
		}
		servers = append(servers, s.String())
	}
	return servers, nil
}

// audit checks each domain of the arguments.
func (p *program) audit(c *cli.Context) error {
	if c.NArg() == 0 {
		return usagef("audit needs a domain, such as: maildoctor audit example.com")
	}
	var domains []string
	for _, arg := range c.Args().Slice() {
		d, err := p.domain(arg)
		if err != nil {
			return err
		}
		domains = append(domains, d)
	}
	return p.examine(c, domains, nil)
}

// check runs one checker.
func (p *program) check(c *cli.Context) error {
	if c.NArg() != 2 {
		return usagef("check needs what and a target, such as: maildoctor check spf example.com")
	}
	what, target := c.Args().Get(0), c.Args().Get(1)
	if !slices.Contains(check.Names(), what) {
		return usagef("there is no check \"%s\"; the checks are %s", what, strings.Join(check.Names(), ", "))
	}
	if what == "ptr" || what == "dnsbl" {
		if a, err := netip.ParseAddr(strings.Trim(target, "[]")); err == nil {
			if c.IsSet("ip") {
				return usagef("check %s takes one address: leave out --ip", what)
			}
			a = a.Unmap().WithZone("")
			c.Set("ip", a.String())
			return p.examine(c, []string{a.String()}, []string{what})
		}
	}
	d, err := p.domain(target)
	if err != nil && what == "spf" && c.IsSet("ip") { // the result is none (RFC 7208 section 4.3)
		d, err = target[strings.LastIndexByte(target, '@')+1:], nil
	}
	if err != nil {
		return err
	}
	return p.examine(c, []string{d}, []string{what})
}

// demo audits a built-in world.
func (p *program) demo(c *cli.Context) error {
	name := demoWorld
	switch c.NArg() {
	case 0:
		fmt.Fprintf(p.stderr, "A demo on the built-in world %q; others: %s.\n\n", name,
			strings.Join(slices.DeleteFunc(lab.Worlds(), func(w string) bool { return w == name }), ", "))
	case 1:
		name = c.Args().First()
	default:
		return usagef("demo takes one world: %s", strings.Join(lab.Worlds(), ", "))
	}
	world, err := lab.Open(name)
	if err != nil {
		return usagef("there is no world \"%s\"; the worlds are %s", name, strings.Join(lab.Worlds(), ", "))
	}
	running, err := world.Start(lab.Options{Now: p.now()})
	if err != nil {
		return fmt.Errorf("the demo could not start its pretend hosts: %w", err)
	}
	defer running.Close()
	p.network = func(netFlags) (check.Net, error) { return worldNet(running), nil }
	return p.examine(c, []string{world.Domain}, nil)
}

// worldNet makes a pretend world all of the outside.
func worldNet(w *lab.Running) check.Net {
	return check.Net{DNS: w.DNS(), Dial: w.Dial, Roots: w.Roots(), Now: w.Now, Public: lab.Prefixes()}
}

// domain reads an argument and says so where it took the domain out of a
// longer text.
func (p *program) domain(arg string) (string, error) {
	d, taken, err := check.ParseDomain(arg)
	if err != nil {
		return "", usagef("\"%s\": %w", cut(arg, 60), err)
	}
	if taken {
		p.complain("taking the domain %s out of \"%s\"", d, cut(arg, 60))
	}
	return d, nil
}

func cut(s string, n int) string {
	if len(s) > n {
		return s[:n] + "..."
	}
	return s
}

// examine audits domains one after the other and writes the report.
func (p *program) examine(c *cli.Context, domains, checks []string) error {
	opts, err := options(c, checks)
	if err != nil {
		return err
	}
	failOn, err := report.ParseThreshold(c.String("fail-on"))
	if err != nil {
		return usagef("--fail-on: %w", err)
	}
	if opts.Evidence, err = readEvidence(c.StringSlice("evidence")); err != nil {
		return err
	}
	p.warnOfGaps(opts.Evidence)
	out, err := p.output(c)
	if err != nil {
		return err
	}
	n, err := p.network(netFlags{resolvers: c.StringSlice("resolver"), zones: c.StringSlice("zone"), trustAD: c.Bool("trust-ad")})
	if err != nil {
		return err
	}
	if path := c.String("overlay"); path != "" {
		zone, err := openZones([]string{path})
		if err != nil {
			return err
		}
		n.DNS = dnsx.Overlay(zone, n.DNS)
	}
	var recorder *dnsx.Recorder
	if path := c.String("record"); path != "" {
		recorder = dnsx.NewRecorder(n.DNS)
		n.DNS = recorder
	}

	if err := writable(c); err != nil {
		return err
	}
	catalog, err := report.Load()
	if err != nil {
		return err
	}
	var reports []*report.Report
	for _, d := range domains {
		ctx, cancel := context.WithTimeout(c.Context, opts.timeout)
		result := check.Audit(ctx, n, d, opts.Options)
		cancel()
		if checks == nil {
			reports = append(reports, report.New(result, catalog, out.options.Lang, version))
		} else {
			reports = append(reports, report.NewCheck(result, catalog, out.options.Lang, version))
		}
	}
	p.status = report.ExitStatus(reports, failOn)
	err = out.write(func(w io.Writer, o report.Options) error { return out.format(w, reports, o) })
	if recorder != nil {
		err = errors.Join(err, writeFile(c.String("record"), recorder))
	}
	return err
}

// defaultTimeout is how long one audit may take where the user does not say.
const defaultTimeout = 30 * time.Second

// maxSelectors is how many selectors a user may name.
const maxSelectors = 50

// auditOptions are what an audit obeys.
type auditOptions struct {
	check.Options
	timeout time.Duration
}

// options reads the flags that an audit obeys.
func options(c *cli.Context, checks []string) (auditOptions, error) {
	o := auditOptions{timeout: defaultTimeout, Options: check.Options{
		Checks: checks, Selectors: c.StringSlice("selector"), Helo: c.String("helo"), From: c.String("from"),
		NoSMTP: c.Bool("no-smtp"), SMTPPort: c.Int("smtp-port"), AllowPrivate: c.Bool("allow-private"),
		Intrusive: c.Bool("intrusive"),
	}}
	if len(o.Selectors) > maxSelectors {
		return o, usagef("--selector: at most %d can be asked", maxSelectors)
	}
	greets := !slices.Contains(checks, "spf") && !o.NoSMTP // SPF takes whatever a host may say
	if greets && o.Helo != "" && !check.IsHelo(o.Helo) {
		return o, usagef("--helo \"%s\": give a host name or an address in brackets", cut(o.Helo, 60))
	}
	for i, s := range o.Selectors {
		name, err := check.ParseSelector(s)
		if err != nil {
			return o, usagef("--selector \"%s\": %w", cut(s, 60), err)
		}
		o.Selectors[i] = name
	}
	if c.IsSet("access") {
		if o.Access = check.AccessAuto; c.String("access") != check.AccessAuto {
			host, _, err := check.ParseDomain(c.String("access"))
			if err != nil {
				return o, usagef("--access \"%s\": give the name of a host, or auto: %w", cut(c.String("access"), 60), err)
			}
			o.Access = host
		}
	}
	zones, err := blocklists(c)
	if err != nil {
		return o, err
	}
	o.Blocklists, o.NoDNSBL = zones, c.Bool("no-dnsbl")
	if c.IsSet("from") && !c.IsSet("ip") {
		return o, usagef("--from says who sends from --ip: give the address too")
	}
	if host, err := os.Hostname(); err == nil && strings.Contains(host, ".") && check.IsHelo(host) {
		o.Hostname = host
	}
	if c.IsSet("ip") {
		ip, err := netip.ParseAddr(c.String("ip"))
		if err != nil {
			return o, usagef("--ip: \"%s\" is not an IP address", c.String("ip"))
		}
		o.IP = ip.Unmap().WithZone("")
	}
	if c.IsSet("smtp-port") && (o.SMTPPort < 1 || o.SMTPPort > 65535) {
		return o, usagef("--smtp-port: a port lies between 1 and 65535")
	}
	if c.IsSet("timeout") {
		if o.timeout = c.Duration("timeout"); o.timeout <= 0 {
			return o, usagef("--timeout: give a positive duration such as 30s")
		}
	}
	return o, nil
}

// blocklists reads which lists are to be asked.
func blocklists(c *cli.Context) ([]string, error) {
	given := c.StringSlice("dnsbl")
	switch {
	case len(given) > 0 && c.Bool("no-dnsbl"):
		return nil, usagef("--dnsbl and --no-dnsbl exclude each other")
	case len(given) > check.MaxBlocklists:
		return nil, usagef("--dnsbl: at most %d can be asked", check.MaxBlocklists)
	}
	var zones []string
	for _, g := range given {
		zone, err := check.ParseBlocklist(g)
		if err != nil {
			return nil, usagef("--dnsbl \"%s\": %w", cut(g, 60), err)
		}
		zones = append(zones, zone)
	}
	return zones, nil
}

// Bounds of the files that show what a domain uses.
const (
	maxEvidence  = 20               // files
	evidenceTime = 20 * time.Second // after which no further one is begun
)

// readEvidence reads the files that show which names a domain uses.
func readEvidence(paths []string) (*evidence.Evidence, error) {
	if len(paths) == 0 {
		return nil, nil
	}
	if len(paths) > maxEvidence {
		return nil, usagef("--evidence: at most %d files can be read", maxEvidence)
	}
	var all *evidence.Evidence
	started := time.Now()
	for _, path := range paths {
		if time.Since(started) > evidenceTime {
			return nil, usagef("--evidence: reading takes too long; give fewer or smaller files")
		}
		f, err := os.Open(path)
		if err != nil {
			return nil, usagef("--evidence: %w", err)
		}
		e, err := evidence.Read(f, path)
		f.Close()
		switch {
		case errors.Is(err, evidence.ErrTooLarge):
			return nil, usagef("--evidence \"%s\": it has more than 64 MB; give a part of it", path)
		case errors.Is(err, evidence.ErrKind):
			return nil, usagef("--evidence \"%s\": give a message with its header, an mbox file or a DMARC aggregate report", path)
		case errors.Is(err, evidence.ErrDamaged):
			return nil, usagef("--evidence \"%s\": the archive or XML document is damaged; get it again", path)
		case err != nil:
			return nil, usagef("--evidence \"%s\": %w", path, err)
		}
		all = evidence.Merge(all, e) // one by one, so that only one file is held at a time
	}
	return all, nil
}

// warnOfGaps says which files were not read to their end.
func (p *program) warnOfGaps(e *evidence.Evidence) {
	if e == nil {
		return
	}
	for _, f := range e.Files {
		if len(f.Faults) > 0 {
			p.complain("--evidence \"%s\" was not read completely: %v", f.Name, f.Faults)
		}
	}
}

// explain prints the page of a rule.
func (p *program) explain(c *cli.Context) error {
	if c.NArg() != 1 {
		return usagef("explain needs a rule ID, such as: maildoctor explain SPF-MISSING")
	}
	return p.reference(c, func(w io.Writer, catalog *report.Catalog, o report.Options, json bool) error {
		rule := catalog.Rule(check.RuleID(strings.ToUpper(c.Args().First())))
		switch {
		case rule == nil:
			return usagef("there is no rule \"%s\"; \"maildoctor rules\" lists them", cut(c.Args().First(), 60))
		case json:
			return report.WriteRulePageJSON(w, rule, o.Lang)
		}
		return report.WriteRulePage(w, rule, o.Lang, o)
	})
}

// rules lists the catalogue.
func (p *program) rules(c *cli.Context) error {
	if c.NArg() != 0 {
		return usagef("rules takes no argument; \"maildoctor explain RULE-ID\" prints one page")
	}
	return p.reference(c, func(w io.Writer, catalog *report.Catalog, o report.Options, json bool) error {
		if json {
			return report.WriteRulesJSON(w, catalog, o.Lang)
		}
		return report.WriteRules(w, catalog, o.Lang, o)
	})
}

// reference writes something out of the catalogue.
func (p *program) reference(c *cli.Context, render func(io.Writer, *report.Catalog, report.Options, bool) error) error {
	out, err := p.output(c)
	if err != nil {
		return err
	}
	if err := writable(c); err != nil {
		return err
	}
	catalog, err := report.Load()
	if err != nil {
		return err
	}
	return out.write(func(w io.Writer, o report.Options) error { return render(w, catalog, o, out.name == "json") })
}

func ruleIDs() []string {
	catalog, err := report.Load()
	if err != nil {
		return nil
	}
	var ids []string
	for _, r := range catalog.Rules() {
		ids = append(ids, string(r.ID))
	}
	return ids
}

// completion prints the script that makes a shell complete verbs and flags.
func (p *program) completion(c *cli.Context) error {
	switch c.Args().First() {
	case "bash":
		_, err := io.WriteString(p.stdout, bashCompletion)
		return err
	case "zsh":
		_, err := io.WriteString(p.stdout, zshCompletion)
		return err
	case "fish":
		script, err := c.App.ToFishCompletion()
		if err != nil {
			return err
		}
		_, err = io.WriteString(p.stdout, placeholder.ReplaceAllString(script, "")+fmt.Sprintf(fishWords,
			strings.Join(check.Names(), " "), strings.Join(ruleIDs(), " "), strings.Join(lab.Worlds(), " ")))
		return err
	}
	return usagef("completion needs a shell: bash, zsh or fish")
}

// fishWords are the arguments, which the library's script leaves out.
const fishWords = `complete -c maildoctor -n '__fish_maildoctor_no_subcommand' -f
complete -c maildoctor -n '__fish_seen_subcommand_from check' -f -a '%s'
complete -c maildoctor -n '__fish_seen_subcommand_from explain' -f -a '%s'
complete -c maildoctor -n '__fish_seen_subcommand_from demo' -f -a '%s'
complete -c maildoctor -n '__fish_seen_subcommand_from completion' -f -a 'bash zsh fish'
`

// placeholder is the name of a flag's value in its usage.
var placeholder = regexp.MustCompile("`[^`\n]*` ")

const bashCompletion = `_maildoctor() {
    local cur words
    cur="${COMP_WORDS[COMP_CWORD]}"
    words=("${COMP_WORDS[@]:0:COMP_CWORD}")
    if [[ "$cur" == -* ]]; then words+=("$cur"); fi
    COMPREPLY=($(compgen -W "$("${words[@]}" --generate-bash-completion 2>/dev/null)" -- "$cur"))
}
complete -o default -F _maildoctor maildoctor
`

const zshCompletion = `#compdef maildoctor
_maildoctor() {
    local -a words_before opts
    words_before=("${(@)words[1,CURRENT-1]}")
    [[ "${words[CURRENT]}" == -* ]] && words_before+=("${words[CURRENT]}")
    opts=("${(@f)$("${words_before[@]}" --generate-bash-completion 2>/dev/null)}")
    compadd -a opts
}
compdef _maildoctor maildoctor
`

// An output is where and how a report is written.
type output struct {
	name    string
	format  report.Writer
	options report.Options
	stdout  io.Writer
	path    string
}

// output reads the flags of the report. A file that cannot be written is found
// out before anything is asked.
func (p *program) output(c *cli.Context) (*output, error) {
	name := c.String("format")
	format, err := report.WriterOf(name)
	if err != nil {
		return nil, usagef("--format: %w", err)
	}
	o := &output{name: name, format: format, stdout: p.stdout, path: c.String("output")}
	o.options.Lang, err = report.ParseLang(p.lang(c))
	if err != nil {
		return nil, usagef("--lang: %w", err)
	}
	o.options.Verbose, o.options.Quiet = c.Bool("verbose"), c.Bool("quiet")
	file, _ := p.stdout.(*os.File)
	terminal := file != nil && o.path == "" && term.IsTerminal(int(file.Fd()))
	if terminal {
		if width, _, err := term.GetSize(int(file.Fd())); err == nil {
			o.options.Width = width
		}
	}
	switch c.String("color") {
	case "auto":
		o.options.Color = terminal && p.getenv("NO_COLOR") == "" && p.getenv("TERM") != "dumb"
	case "always":
		o.options.Color = true
	case "never":
	default:
		return nil, usagef("--color: \"%s\" is none of auto, always, never", c.String("color"))
	}
	return o, nil
}

// writable checks the names of files: none is missing or a flag, those to write
// can be written, and nothing is written over what is read or written too.
func writable(c *cli.Context) error {
	seen := c.StringSlice("zone")
	for _, flag := range []string{"overlay", "record", "output"} {
		path := c.String(flag)
		switch {
		case !c.IsSet(flag):
			continue
		case path == "" || strings.HasPrefix(path, "--"):
			return usagef("--%s needs the name of a file, not \"%s\"", flag, path)
		case flag == "overlay":
		case slices.ContainsFunc(seen, func(other string) bool { return sameFile(path, other) }):
			return usagef("--%s \"%s\" would be written over a file that is used already", flag, path)
		default:
			f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o644)
			if err != nil {
				return usagef("--%s: %w", flag, err)
			}
			f.Close()
		}
		seen = append(seen, path)
	}
	return nil
}

// sameFile reports whether two names lead to one file.
func sameFile(a, b string) bool {
	one, err := os.Stat(a)
	two, err2 := os.Stat(b)
	return err == nil && err2 == nil && os.SameFile(one, two) && one.Mode().IsRegular()
}

// lang is the language asked for, else that of the locale.
func (p *program) lang(c *cli.Context) string {
	if l := c.String("lang"); l != "" || c.IsSet("lang") {
		return l
	}
	for _, v := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if l := p.getenv(v); l != "" {
			if strings.HasPrefix(l, "fr") {
				return "fr"
			}
			break
		}
	}
	return "en"
}

// write runs a renderer and makes sure that all of it arrived.
func (o *output) write(render func(io.Writer, report.Options) error) error {
	var b bytes.Buffer
	if err := render(&b, o.options); err != nil {
		return err
	}
	if o.path != "" {
		return writeFile(o.path, &b)
	}
	if _, err := b.WriteTo(o.stdout); err != nil {
		return fmt.Errorf("the report could not be written: %w", err)
	}
	return nil
}

func writeFile(path string, content io.WriterTo) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("the file could not be written: %w", err)
	}
	w := bufio.NewWriter(f)
	_, err = content.WriteTo(w)
	if err == nil {
		err = w.Flush()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("the file could not be written: %w", err)
	}
	return nil
}
