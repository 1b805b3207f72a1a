package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"maildoctor/check/dnsx"
	"maildoctor/check/group"
)

// A checker is a row of the table: what it is called, whose facts it reads
// beside its own, how it gathers its own, and how they are judged.
type checker struct {
	name   string
	reads  []string
	gather func(context.Context, *run) Coverage
	judge  func(*Facts, func(Finding))
	merits func(*Facts, func(Merit))
	rules  []RuleID
}

// checkers is the table, in the order of the report. All of them start at once
// and ask for what they need, also where another asks for the same: the client
// asks each question once for all of them. So an audit costs the longest chain
// of dependent questions and not their sum.
func checkers() []checker {
	return []checker{
		domainChecker(),
		mxChecker(),
		spfChecker(),
		dkimChecker(),
		dmarcChecker(),
		ptrChecker(),
		dnsblChecker(),
		smtpChecker(),
		tlsChecker(),
		mtastsChecker(),
		tlsrptChecker(),
		daneChecker(),
		trustChecker(),
		bimiChecker(),
		accessChecker(),
	}
}

// Names lists the checkers that can be run one at a time.
func Names() []string {
	var names []string
	for _, c := range checkers() {
		if c.gather != nil {
			names = append(names, c.name)
		}
	}
	return names
}

// Rules lists every rule that a finding can name, sorted.
func Rules() []RuleID {
	rules := []RuleID{InternalError}
	for _, c := range checkers() {
		rules = append(rules, c.rules...)
	}
	slices.Sort(rules)
	return slices.Compact(rules)
}

// run is one audit under way. A checker writes its own field of the facts.
type run struct {
	net    Net
	dns    *dnsx.Client
	guard  *guard
	opts   Options
	domain string
	facts  *Facts
	once   struct{ hosts, sessions group.Share }
}

// Audit gathers the facts about domain, which is a name as ParseDomain returns
// it, and judges them. It ends when ctx does, with what is known by then.
func Audit(ctx context.Context, n Net, domain string, o Options) *Result {
	r := &run{
		net: n, dns: dnsx.New(n.DNS, dnsx.Options{}), guard: newGuard(n, o), opts: o, domain: domain,
		facts: &Facts{Domain: domain, AllowPrivate: o.AllowPrivate, SMTPPort: o.smtpPort(), Checks: o.Checks},
	}
	r.facts.Evidence = shown(o.Evidence, domain)
	r.facts.Gathered = gather(ctx, r, checkers())
	return result(r.facts, n)
}

// result judges facts and puts the report's matter together.
func result(f *Facts, n Net) *Result {
	findings, merits := judge(f, f.judged())
	out := &Result{Domain: f.Domain, Time: n.Now(), Role: f.Role(), Coverage: f.coverage(), Merits: merits, Facts: f}
	for _, part := range []struct {
		name     string
		conclude func()
	}{
		{"receivers", func() { out.Receivers = comply(f, findings) }},
		{"trust", func() { out.Trust = f.Trust() }},
	} {
		if fault := caught(part.conclude); fault != nil {
			findings = append(findings, internalError(part.name, f.Domain, fmt.Sprint(fault)))
		}
	}
	out.Findings = findings
	return out
}

// caught runs f and returns what it panics with, if it does.
func caught(f func()) (fault any) {
	defer func() { fault = recover() }()
	f()
	return nil
}

// gather runs the checkers that are wanted, all at once.
func gather(ctx context.Context, r *run, table []checker) []Coverage {
	table = slices.DeleteFunc(table, func(c checker) bool { return c.gather == nil })
	out := make([]Coverage, len(table))
	var wg sync.WaitGroup
	for i, c := range table {
		out[i] = Coverage{Checker: c.name, State: Skipped, Reason: ReasonNotSelected}
		if wanted(checkers(), r.opts.Checks, c.name) {
			wg.Go(func() { out[i] = guarded(ctx, r, c) })
		}
	}
	wg.Wait()
	return out
}

// wanted reports whether the facts of a checker are needed for those asked for.
func wanted(table []checker, checks []string, name string) bool {
	return checks == nil || slices.ContainsFunc(table, func(c checker) bool {
		return slices.Contains(checks, c.name) && (c.name == name || slices.Contains(c.reads, name))
	})
}

// guarded runs one gatherer so that its failure costs the others nothing.
func guarded(ctx context.Context, r *run, c checker) (cov Coverage) {
	defer func() {
		if p := recover(); p != nil {
			cov = Coverage{State: Inconclusive, Reason: ReasonInternal, Subject: fmt.Sprint(p)}
		}
		cov.Checker = c.name
	}()
	return c.gather(ctx, r)
}

// InternalError is the finding of a part of this program that failed.
const InternalError RuleID = "INTERNAL-ERROR"

// Judge turns facts into findings, sorted by rule and subject. It is pure: the
// same facts give the same findings, also when they were read back from JSON.
func Judge(f *Facts) []Finding {
	findings, _ := judge(f, f.judged())
	return findings
}

// judge runs the judges of a table. One that fails costs its own part.
func judge(f *Facts, table []checker) (findings []Finding, merits []Merit) {
	add := once(func(x Finding) { findings = append(findings, x) })
	for _, c := range f.Gathered {
		if c.Reason == ReasonInternal {
			add(internalError(c.Checker, f.Domain, c.Subject))
		}
	}
	for _, c := range table {
		func() {
			defer func() {
				if p := recover(); p != nil {
					add(internalError(c.name, f.Domain, fmt.Sprint(p)))
				}
			}()
			if c.judge != nil {
				c.judge(f, add)
			}
			if c.merits != nil {
				c.merits(f, func(m Merit) { merits = append(merits, m) })
			}
		}()
	}
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Subject, b.Subject))
	})
	return findings, merits
}

// once drops what was said already: a record that is included twice is broken
// once.
func once(add func(Finding)) func(Finding) {
	said := map[string]bool{}
	return func(f Finding) {
		key := fmt.Sprintf("%q %q %q", f.Rule, f.Subject, f.Params)
		if !said[key] {
			said[key] = true
			add(f)
		}
	}
}

func internalError(checker, domain, detail string) Finding {
	return Finding{Rule: InternalError, Subject: domain, Params: map[string]string{"checker": checker, "detail": detail}}
}

// judged are the checkers whose judgement is wanted: all, or those asked for.
// Of a domain that does not exist there is nothing else to say.
func (f *Facts) judged() []checker {
	var out []checker
	for _, c := range checkers() {
		switch {
		case c.name == domainName:
		case f.exists() == dnsx.NXDomain:
			continue
		case f.Checks != nil && !slices.Contains(f.Checks, c.name):
			continue
		}
		out = append(out, c)
	}
	return out
}

// coverage is what was gathered, as the report shows it.
func (f *Facts) coverage() []Coverage {
	var out []Coverage
	for _, c := range f.Gathered {
		if f.Checks != nil && !slices.Contains(f.Checks, c.Checker) {
			continue
		}
		switch {
		case c.Reason == ReasonInternal:
		case f.exists() == dnsx.NXDomain:
			c = Coverage{Checker: c.Checker, State: Skipped, Reason: ReasonNoDomain}
		case c.Reason == ReasonSelector && f.idle():
			c = Coverage{Checker: c.Checker, State: Skipped, Reason: ReasonNoSender}
		case c.Reason == ReasonSelector && f.Role() == Forwarding:
			c = Coverage{Checker: c.Checker, State: Skipped, Reason: ReasonForwards}
		}
		out = append(out, c)
	}
	return out
}

// unknown is the coverage of a checker that could not find something out: how
// its lookup ended, why it failed, and what it was about.
func (r *run) unknown(ctx context.Context, status, reason, subject string) Coverage {
	switch {
	case ctx.Err() != nil:
		return interrupted(ctx)
	case reason == ReasonBudget, reason == ReasonInternal, reason == ReasonDescriptors:
		return Coverage{State: Inconclusive, Reason: reason, Subject: subject}
	}
	return Coverage{State: Inconclusive, Reason: "dns-" + status, Subject: subject}
}

// interrupted is the coverage of a checker that ctx ended.
func interrupted(ctx context.Context) Coverage {
	reason := ReasonDeadline
	if errors.Is(ctx.Err(), context.Canceled) {
		reason = ReasonInterrupted
	}
	return Coverage{State: Inconclusive, Reason: reason}
}
