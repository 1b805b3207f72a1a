package report

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"maildoctor/check"
)

// The schemas of what is written as JSON. The number changes when a field that
// was there changes its meaning or goes away, not when one is added.
const (
	AuditSchema = "maildoctor/audit/1"
	CheckSchema = "maildoctor/check/1"
	RuleSchema  = "maildoctor/rule/1"
	RulesSchema = "maildoctor/rules/1"
)

// A Report is a Result with the words and the score that belong to it, in the
// shape that it has as JSON. It has no Rating where only one check was made, and
// an SPFAnswer only where that check was of SPF. Verdict is the sum of it all.
type Report struct {
	Schema  string     `json:"schema"`
	Tool    Tool       `json:"tool"`
	Domain  Foreign    `json:"domain"`
	Time    time.Time  `json:"time"` // UTC, in seconds
	Role    check.Role `json:"role"`
	Verdict Verdict    `json:"verdict"`
	*Rating
	*SPFAnswer
	Coverage  []check.Coverage `json:"coverage"` // Subject is foreign text
	Findings  []Finding        `json:"findings"` // worst first
	Merits    []Merit          `json:"merits"`
	Receivers []Receiver       `json:"receivers"` // what large ones demand; none where that is nothing
	Trust     []check.Trust    `json:"trust"`     // which senders can deliver; Host is foreign text
	Remedies  []any            `json:"remedies"`
	Facts     any              `json:"facts,omitempty"`
}

// A Tool is the program that made a report.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// A Finding is a broken rule with its page, in one language. Points are what
// the rule costs the deliverability score, once for all of its findings.
type Finding struct {
	ID       check.RuleID       `json:"id"`
	Severity Severity           `json:"severity"`
	Area     string             `json:"area"`
	Subject  Foreign            `json:"subject"`
	Points   int                `json:"points"`
	Security int                `json:"security_points"` // the same for the security score
	Params   map[string]Foreign `json:"params"`
	Evidence []Foreign          `json:"evidence"`
	Title    string             `json:"title"`
	Why      string             `json:"why"`
	Fix      string             `json:"fix"`
	Refs     []string           `json:"refs"`

	// Providers are those whose instructions help with the cure.
	Providers []check.Provider `json:"providers,omitempty"`
}

// A Merit is something good, with its sentence in one language.
type Merit struct {
	ID      string             `json:"id"`
	Subject Foreign            `json:"subject"`
	Params  map[string]Foreign `json:"params"`
	Text    string             `json:"text"`
}

// New makes the report of an audit. The result is not changed.
func New(res *check.Result, cat *Catalog, lang Lang, version string) *Report {
	r := assemble(res, cat, lang, version)
	r.Schema = AuditSchema
	r.Rating = r.rate(cat)
	r.Verdict = r.verdict()
	return r
}

// NewCheck makes the report of a single check, which has no score.
func NewCheck(res *check.Result, cat *Catalog, lang Lang, version string) *Report {
	r := assemble(res, cat, lang, version)
	r.Schema = CheckSchema
	r.Verdict = r.verdict()
	return r
}

// assemble makes a report without what is judged of the whole.
func assemble(res *check.Result, cat *Catalog, lang Lang, version string) *Report {
	r := &Report{
		Tool:      Tool{Name: "maildoctor", Version: version},
		Domain:    Foreign(res.Domain),
		Time:      res.Time.UTC().Truncate(time.Second),
		Role:      res.Role,
		Coverage:  append([]check.Coverage{}, res.Coverage...),
		Findings:  make([]Finding, 0, len(res.Findings)),
		Merits:    make([]Merit, 0, len(res.Merits)),
		Receivers: newReceivers(res.Receivers, lang),
		Trust:     append([]check.Trust{}, res.Trust...),
		Remedies:  []any{},
	}
	if r.Role == "" {
		r.Role = check.Unknown
	}
	if res.Facts != nil {
		r.Facts = res.Facts
		r.SPFAnswer = spfAnswer(res.Facts)
	}
	for _, f := range res.Findings {
		r.Findings = append(r.Findings, join(f, cat, lang, res.Domain))
	}
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(a.Severity.rank(), b.Severity.rank()),
			cmp.Compare(b.Points, a.Points),
			cmp.Compare(b.Security, a.Security),
			cmp.Compare(a.ID, b.ID),
			cmp.Compare(a.Subject, b.Subject),
		)
	})
	for _, m := range res.Merits {
		if r.overshadowed(m) {
			continue
		}
		r.Merits = append(r.Merits, Merit{
			ID:      m.ID,
			Subject: Foreign(m.Subject),
			Params:  foreign(m.Params),
			Text:    lang.merit(m, res.Domain),
		})
	}
	return r
}

// overshadowed reports whether a merit of SPF or DMARC is about a subject that
// a worse finding of the same area is about, so that praise would mislead.
func (r *Report) overshadowed(m check.Merit) bool {
	area, _, _ := strings.Cut(m.ID, "-")
	return (area == "spf" || area == "dmarc") && slices.ContainsFunc(r.Findings, func(f Finding) bool {
		return f.Area == area && string(f.Subject) == m.Subject &&
			(f.Severity.rank() <= Error.rank() || strings.HasPrefix(string(f.ID), "PARKED-"))
	})
}

// An SPFAnswer is the answer of SPF for one sender or, without an address, the
// worst case over all of them: then Trace is the whole tree and there is no
// Result.
type SPFAnswer struct {
	IP          string  `json:"ip,omitempty"`
	Result      string  `json:"result,omitempty"` // RFC 7208 section 2.6
	Explanation Foreign `json:"explanation"`      // the domain's own words on fail, otherwise empty
	Lookups     int     `json:"lookups"`          // terms that ask the DNS, up to the match
	VoidLookups int     `json:"void_lookups"`     // of those, terms that found nothing
	Trace       any     `json:"trace"`

	// Of the worst case, also beside the answer for one sender.
	Addresses check.Addresses  `json:"addresses"` // that the record lets pass
	Terms     []check.Spending `json:"terms"`     // of the domain's own record

	outline *check.Outline
}

func spfAnswer(f *check.Facts) *SPFAnswer {
	if !slices.Equal(f.Checks, []string{"spf"}) || f.SPF == nil {
		return nil
	}
	addresses, terms := f.Spendings()
	answer := &SPFAnswer{
		Lookups: f.SPF.Lookups, VoidLookups: f.SPF.VoidLookups, Trace: f.SPF.Root,
		Addresses: addresses, Terms: append([]check.Spending{}, terms...), outline: f.Outline(),
	}
	if e := f.Sender; e != nil {
		answer.IP, answer.Result, answer.Explanation = e.IP.String(), string(e.Result), Foreign(e.Explanation)
		answer.Lookups, answer.VoidLookups, answer.Trace = e.Lookups, e.VoidLookups, e.Trace
	}
	return answer
}

// join gives a finding the words of its rule. A rule without a page is a fault
// of the program; its finding is shown by its ID and costs nothing.
func join(f check.Finding, cat *Catalog, lang Lang, domain string) Finding {
	out := Finding{
		ID:       f.Rule,
		Severity: Notice,
		Area:     areaProgram,
		Subject:  Foreign(f.Subject),
		Params:   foreign(f.Params),
		Evidence: make([]Foreign, len(f.Evidence)),
		Title:    Cut(string(f.Rule), maxValue),
		Refs:     []string{},

		Providers: f.Providers,
	}
	for i, line := range f.Evidence {
		out.Evidence[i] = Foreign(line)
	}
	rule := cat.Rule(f.Rule)
	if rule == nil {
		return out
	}
	var words []string
	for _, p := range rule.Params {
		if p.Word {
			words = append(words, p.Name)
		}
	}
	page, values := rule.page(lang), lang.values(domain, f.Subject, f.Params, words...)
	inTitle := maps.Clone(values)
	for _, p := range rule.Params {
		if v, ok := f.Params[p.Name]; ok && p.List {
			values[p.Name] = Cut(v, maxList)
			first, _, _ := strings.Cut(v, listSeparator)
			inTitle[p.Name] = Cut(first, maxValue)
		}
	}
	out.Severity, out.Area = rule.Severity, rule.Area
	out.Points, out.Security = rule.Deliverability, rule.Security
	out.Title, out.Why, out.Fix = fill(page.Title, inTitle), fill(page.Why, values), fillCopy(page.Fix, values, f.Params)
	out.Refs = append(out.Refs, rule.Refs...)
	return out
}

func foreign(params map[string]string) map[string]Foreign {
	out := make(map[string]Foreign, len(params))
	for name, v := range params {
		out[name] = Foreign(v)
	}
	return out
}
