package spf

import (
	"context"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"maildoctor/check/dnsx"
	"maildoctor/check/group"
)

// maxMacroValue is the most octets of a local part or HELO name that a macro
// uses, from the right. SMTP has room for far fewer (RFC 5321 section 4.5.3.1).
const maxMacroValue = 1024

// A sender is who sends, as macros tell it (RFC 7208 section 7.2).
type sender struct {
	local  string
	domain string
	helo   string
}

// newSender splits the sender. A null reverse-path stands for the postmaster of
// the HELO name (RFC 7208 section 2.4), an empty local part for postmaster
// (RFC 7208 section 4.3).
func newSender(q Query, domain string) sender {
	s := sender{domain: domain, helo: tail(plain(q.Helo))}
	if at := strings.LastIndexByte(q.MailFrom, '@'); at >= 0 {
		s.local, s.domain = tail(q.MailFrom[:at]), tail(plain(q.MailFrom[at+1:]))
	}
	if s.local == "" {
		s.local = "postmaster"
	}
	return s
}

func tail(s string) string { return s[max(0, len(s)-maxMacroValue):] }

// cannotExpand reports whether a domain-spec uses a local part that is not
// ASCII; then its term matches nothing (RFC 8616 section 4).
func (s sender) cannotExpand(spec MacroString) bool {
	return strings.ContainsAny(spec.Letters(), "ls") && !isVisible(s.local)
}

// macro returns the value of a macro letter where the record of a domain is
// evaluated (RFC 7208 section 7.2).
func (e *evaluator) macro(ctx context.Context, letter byte, domain string) string {
	switch letter {
	case 's':
		return e.sender.local + "@" + e.sender.domain
	case 'l':
		return e.sender.local
	case 'o':
		return e.sender.domain
	case 'd':
		return domain
	case 'i':
		return e.dotted()
	case 'p':
		return e.validatedName(ctx, domain)
	case 'v':
		if e.query.IP.Is4() {
			return "in-addr"
		}
		return "ip6"
	case 'h':
		return e.sender.helo
	case 'c':
		return e.query.IP.String()
	case 'r':
		if e.query.Receiver == "" {
			return "unknown"
		}
		return e.query.Receiver
	case 't':
		if e.query.Now == nil {
			return "0"
		}
		return strconv.FormatInt(e.query.Now().Unix(), 10)
	}
	return ""
}

// dotted returns the client's address for %{i}: IPv6 as nibbles with dots.
func (e *evaluator) dotted() string {
	if !e.query.IP.Is6() {
		return e.query.IP.String()
	}
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i, octet := range e.query.IP.As16() {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteByte(digits[octet>>4])
		b.WriteByte('.')
		b.WriteByte(digits[octet&15])
	}
	return b.String()
}

// target expands a domain-spec into the octets of a name (RFC 7208 section 7.3).
func (e *evaluator) target(ctx context.Context, spec MacroString, domain string) string {
	return spec.expandName(func(letter byte) string { return e.macro(ctx, letter, domain) })
}

// explain fetches and expands an explanation. Whatever goes wrong, there is
// none (RFC 7208 section 6.2).
func (e *evaluator) explain(ctx context.Context, spec MacroString, domain string) string {
	name, ok := toName(e.target(ctx, spec, domain))
	if !ok {
		return ""
	}
	texts := e.resolver.Lookup(ctx, name, dns.TypeTXT).Texts()
	if len(texts) != 1 || !isVisible(texts[0]) {
		return ""
	}
	m, faults := parseMacroString(texts[0], true)
	if len(faults) > 0 {
		return ""
	}
	text, ok := m.expand(func(letter byte) string { return e.macro(ctx, letter, domain) })
	if !ok || !isVisible(text) {
		return ""
	}
	return text
}

// isVisible reports whether s is visible ASCII and spaces, as an explanation
// has to be (RFC 7208 section 6.2).
func isVisible(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// ptrMechanism matches if a validated name of the client is the target or below
// it (RFC 7208 section 5.5). A lookup that fails is no match.
func (e *evaluator) ptrMechanism(ctx context.Context, a *Application, d Directive, domain string) {
	octets := domain
	if d.Domain.Text != "" {
		octets = e.target(ctx, d.Domain, domain)
	}
	names := e.validatedNames(ctx)
	a.Status, a.Reason = e.ptr.Status, e.ptr.Reason
	target, ok := toName(octets)
	a.Target = target
	if !ok {
		return
	}
	for _, name := range names {
		if isAtOrBelow(name, target) {
			a.Matched, a.By = true, name
			return
		}
	}
}

// validatedName is the value of %{p}: the domain itself if it is among the
// validated names, else one below it, else any (RFC 7208 section 7.3).
func (e *evaluator) validatedName(ctx context.Context, domain string) string {
	names := e.validatedNames(ctx)
	if len(names) == 0 {
		return "unknown"
	}
	best := names[0]
	if target, ok := toName(domain); ok {
		for _, name := range names {
			if name == target {
				return toOctets(name)
			}
			if isAtOrBelow(name, target) && !isAtOrBelow(best, target) {
				best = name
			}
		}
	}
	return toOctets(best)
}

// validatedNames returns the names of the client that lead back to its address,
// of the first MaxPTR of its PTR records (RFC 7208 sections 4.6.4 and 5.5).
func (e *evaluator) validatedNames(ctx context.Context) []string {
	if e.ptrAsked {
		return e.validated
	}
	e.ptrAsked = true
	e.ptr = e.resolver.Lookup(ctx, dnsx.Reverse(e.query.IP), dns.TypePTR)
	names := e.ptr.Targets()
	names = names[:min(len(names), MaxPTR)]
	for i, answer := range e.askAll(ctx, names, e.addressType()) {
		for _, addr := range addresses(answer) {
			if addr == e.query.IP {
				e.validated = append(e.validated, names[i])
				break
			}
		}
	}
	return e.validated
}

// askAll asks for all names at once; the answers are in the order of the names.
func (e *evaluator) askAll(ctx context.Context, names []string, qtype uint16) []dnsx.Answer {
	answers := make([]dnsx.Answer, len(names))
	var group group.Group
	for i, name := range names {
		group.Go(func() { answers[i] = e.resolver.Lookup(ctx, name, qtype) })
	}
	group.Wait()
	return answers
}

// isAtOrBelow compares canonical names; escaped dots separate no labels.
func isAtOrBelow(name, domain string) bool {
	return dns.IsSubDomain(dns.Fqdn(domain), dns.Fqdn(name))
}
