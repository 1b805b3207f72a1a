package report

import (
	"io"
	"strconv"
	"strings"

	"maildoctor/check"
)

// A ruleJSON is a rule in one language. Its blanks are names in braces.
type ruleJSON struct {
	Schema         string       `json:"schema,omitempty"`
	ID             check.RuleID `json:"id"`
	Severity       Severity     `json:"severity"`
	Cap            *int         `json:"cap,omitempty"`
	Area           string       `json:"area"`
	Deliverability int          `json:"deliverability"`
	Security       int          `json:"security"`
	Source         string       `json:"source"`
	Refs           []string     `json:"refs"`
	Params         []string     `json:"params"`
	Since          string       `json:"since"`
	Title          string       `json:"title"`
	Why            string       `json:"why"`
	Fix            string       `json:"fix"`
}

func (r *Rule) json(lang Lang) ruleJSON {
	page := r.page(lang)
	out := ruleJSON{
		ID: r.ID, Severity: r.Severity, Area: r.Area,
		Deliverability: r.Deliverability, Security: r.Security,
		Source: r.Source, Refs: append([]string{}, r.Refs...), Params: []string{}, Since: r.Since,
		Title: page.Title, Why: page.Why, Fix: page.Fix,
	}
	if r.Severity == Critical {
		out.Cap = new(r.Cap)
	}
	for _, p := range r.Params {
		out.Params = append(out.Params, p.Name)
	}
	return out
}

// page returns the page in a language, in English where there is none.
func (r *Rule) page(lang Lang) Page {
	if p, ok := r.Pages[lang]; ok {
		return p
	}
	return r.Pages[English]
}

// WriteRulePage writes a rule as text.
func WriteRulePage(w io.Writer, r *Rule, lang Lang, o Options) error {
	o.Lang = lang
	p := newPrinter(o)
	page := r.page(lang)
	p.line(p.paint.bold.Sprint(r.ID))
	p.wrapped(page.Title, "", "")
	p.blank()

	severity := p.paint.severity(r.Severity).Sprint(lang.word("severity", string(r.Severity)))
	p.field("severity", severity)
	p.field("points", fill(lang.word("rule", "costs"), map[string]string{
		"deliverability": minus(r.Deliverability),
		"security":       minus(r.Security),
	}))
	if r.Severity == Critical {
		p.field("", fill(lang.word("text", "cap"), map[string]string{"cap": strconv.Itoa(r.Cap)}))
	}
	p.field("source", lang.word("source", r.Source))
	for i, ref := range r.Refs {
		name := "refs"
		if i > 0 {
			name = ""
		}
		p.field(name, ref)
	}
	p.field("since", r.Since)

	p.heading("why")
	p.prose(page.Why, "  ")
	p.heading("cure")
	p.prose(page.Fix, "  ")
	open := false
	for _, part := range page.parts() {
		blanks(part.text, func(string) string { open = true; return "" })
	}
	if open {
		p.blank()
		p.line(p.paint.dim.Sprint(lang.word("text", "blanks")))
	}
	return p.flush(w)
}

// field prints a line of the table on a rule's page.
func (p *printer) field(code, value string) {
	column := 0
	for _, code := range []string{"severity", "points", "source", "refs", "since"} {
		column = max(column, displayWidth(p.lang.word("rule", code)))
	}
	name := ""
	if code != "" {
		name = p.lang.word("rule", code)
	}
	p.line(p.paint.dim.Sprint(pad(name, column+2)) + value)
}

// WriteRulePageJSON writes a rule as JSON.
func WriteRulePageJSON(w io.Writer, r *Rule, lang Lang) error {
	out := r.json(lang)
	out.Schema = RuleSchema
	return WriteJSON(w, out)
}

// WriteRules writes the catalogue: a line that says what the columns are, of
// each rule its ID, severity and points of deliverability and of security, and
// below them its title.
func WriteRules(w io.Writer, c *Catalog, lang Lang, o Options) error {
	o.Lang = lang
	p := newPrinter(o)
	names := map[string]string{}
	for _, name := range []string{"rule", "severity", "points"} {
		names[name] = lang.word("list", name)
	}
	id, severity := displayWidth(names["rule"]), displayWidth(names["severity"])
	for _, r := range c.rules {
		id = max(id, len(r.ID))
		severity = max(severity, displayWidth(lang.word("severity", string(r.Severity))))
	}
	p.line(p.paint.dim.Sprint(pad(names["rule"], id+2) + pad(names["severity"], severity+2) + names["points"]))
	for _, r := range c.rules {
		label := lang.word("severity", string(r.Severity))
		p.line(p.paint.bold.Sprint(pad(string(r.ID), id+2)) +
			p.paint.severity(r.Severity).Sprint(label) + strings.Repeat(" ", severity+2-displayWidth(label)) + r.points())
		p.wrapped(r.page(lang).Title, "    ", "    ")
	}
	return p.flush(w)
}

// points returns what a broken rule costs both scores, such as −25 / −5.
func (r *Rule) points() string {
	return minus(r.Deliverability) + " / " + minus(r.Security)
}

// minus writes points as what they take off a score.
func minus(points int) string {
	if points == 0 {
		return "0"
	}
	return "−" + strconv.Itoa(points)
}

// WriteRulesJSON writes the catalogue as JSON.
func WriteRulesJSON(w io.Writer, c *Catalog, lang Lang) error {
	out := struct {
		Schema string     `json:"schema"`
		Rules  []ruleJSON `json:"rules"`
	}{RulesSchema, make([]ruleJSON, 0, len(c.rules))}
	for _, r := range c.rules {
		out.Rules = append(out.Rules, r.json(lang))
	}
	return WriteJSON(w, out)
}
