package report

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// MaxTitle is the length of a title in characters.
const MaxTitle = 100

var (
	idForm     = regexp.MustCompile(`^[A-Z][A-Z0-9]*(-[A-Z0-9]+)+$`)
	rfcForm    = regexp.MustCompile(`^RFC [1-9][0-9]*( section [0-9]+(\.[0-9]+)*| appendix [A-Z](\.[0-9]+)*)?$`)
	pluralPair = regexp.MustCompile(`\pL\((s|es|ies|e|x|aux|nt)\)`)
	plainSpace = regexp.MustCompile(`[^\pP] [:;!?»]|« `)
)

// Validate says what is wrong with the form of a rule's page: an ID or a
// reference of another form, a part that is missing or the same in both
// languages, a blank that is not declared, a parameter that no language uses, a
// title that is too long, words that depend on a number.
func (r *Rule) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !idForm.MatchString(string(r.ID)) {
		bad("ID: %q is not words in capitals with hyphens between them", r.ID)
	}
	if r.Deliverability == 0 && r.Security == 0 && r.Severity.rank() < Warning.rank() {
		bad("Deliverability, Security: a rule that is an %s costs something", r.Severity)
	}
	for _, ref := range r.Refs {
		if !validRef(ref) {
			bad("Refs: %q has not the form RFC 7208 section 4.6.4, and is no https address", ref)
		}
	}
	used := map[string]bool{}
	for _, lang := range languages() {
		for _, part := range r.Pages[lang].parts() {
			for _, err := range r.checkPart(lang, part, used) {
				bad("%s: %s: %w", lang, part.name, err)
			}
		}
	}
	en, fr := r.Pages[English].parts(), r.Pages[French].parts()
	for i := range en {
		if en[i].text == fr[i].text && en[i].text != "" {
			bad("%s is the same in both languages", en[i].name)
		}
	}
	for _, p := range r.Params {
		if !blankName(p.Name) {
			bad("Params: %q is not a name in lower case", p.Name)
		}
		if !used[p.Name] {
			bad("Params: no page has the blank {%s}", p.Name)
		}
	}
	return errors.Join(errs...)
}

type pagePart struct{ name, text string }

func (p Page) parts() []pagePart {
	return []pagePart{{"Title", p.Title}, {"Why", p.Why}, {"Fix", p.Fix}}
}

// checkPart returns what is wrong with a part and notes the blanks it uses.
func (r *Rule) checkPart(lang Lang, part pagePart, used map[string]bool) (errs []error) {
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if part.text == "" {
		bad("missing")
	}
	if part.name == "Title" {
		if n := utf8.RuneCountInString(part.text); n > MaxTitle {
			bad("%d characters; at most %d", n, MaxTitle)
		}
		if strings.HasSuffix(part.text, ".") {
			bad("ends with a full stop")
		}
	}
	if m := pluralPair.FindString(part.text); m != "" {
		bad("%q depends on a number", m)
	}
	if m := plainSpace.FindString(outsideCode(part.text)); lang == French && m != "" {
		bad("%q wants a non-breaking space", m)
	}
	for i, c := range part.text {
		if c != '\n' && hidden(c) {
			bad("a character that cannot be seen at %d", i)
		}
	}
	blanks(part.text, func(name string) string {
		used[name] = true
		declared := slices.ContainsFunc(r.Params, func(p Param) bool { return p.Name == name })
		if !declared && name != "subject" && name != "domain" {
			bad("the blank {%s} is not declared", name)
		}
		return ""
	})
	return errs
}

func validRef(ref string) bool {
	if rfcForm.MatchString(ref) {
		return true
	}
	u, err := url.Parse(ref)
	return err == nil && u.Scheme == "https" && u.Host != "" && !strings.ContainsAny(ref, " \t")
}

// outsideCode drops lines to copy and text in backquotes.
func outsideCode(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, codeIndent) {
			continue
		}
		for i, part := range strings.Split(line, "`") {
			if i%2 == 0 {
				b.WriteString(part)
			}
		}
	}
	return b.String()
}
