// Package senders knows the providers that host, forward, filter or send mail
// for a domain, by the names that they leave in its DNS: the hosts of its MX
// records, the includes of its SPF record, the targets of its DKIM selectors and
// of its return-path domains, the addresses that its DMARC reports go to.
//
// The knowledge is a table of facts and looks nothing up. It serves to name a
// provider, to point to its instructions, to propose an SPF record, and to guess
// DKIM selectors, which cannot be listed (RFC 6376 section 3.6.2.1). That a
// provider is not in the table means nothing, and nor does an empty field.
package senders

import (
	"slices"
	"strings"
)

// Kind is what a provider does with mail.
type Kind string

// The kinds of providers.
const (
	Mailbox    Kind = "mailbox"     // hosts mailboxes
	Hosting    Kind = "hosting"     // shared web hosting with mail
	Forwarder  Kind = "forwarder"   // passes mail on to mailboxes elsewhere
	Gateway    Kind = "gateway"     // filters in front of the mailbox host
	ESP        Kind = "esp"         // sends bulk or transactional mail
	CRM        Kind = "crm"         // sends as part of a business application
	HelpDesk   Kind = "help-desk"   // sends answers to customers
	SPFService Kind = "spf-service" // answers SPF queries for the domain
)

// ReturnPath is whose domain a provider writes into MAIL FROM. SPF evaluates the
// record of that domain alone (RFC 7208 section 2.4), and DMARC takes the result
// into account only where the domain aligns with that of From (RFC 9989 section
// 4.4.2).
type ReturnPath string

// The return paths. Where it is not known, the value is empty.
const (
	// ReturnOwn is a domain of the provider, always: an include of the provider
	// authenticates nothing for DMARC, whatever record it stands in.
	ReturnOwn ReturnPath = "own"
	// ReturnSubdomain is a domain of the provider until the customer sets up a
	// sub-domain for it, which points to the provider by CNAME or MX (see
	// ByReturnPath) and has an SPF record of its own: an include of the provider
	// authenticates nothing for DMARC, except in the record of that sub-domain.
	ReturnSubdomain ReturnPath = "own-or-subdomain"
	// ReturnCustomer is the domain of the customer, the record of which needs the
	// include.
	ReturnCustomer ReturnPath = "customer"
)

// A Provider is a row of the table. A pattern fits the host that equals it and
// every host below it. With ReturnSubdomain, Include is for the record of the
// sub-domain and not for that of the domain in From.
type Provider struct {
	ID         string     // kebab-case, never reused
	Name       string     // as the provider writes it
	Kind       Kind       // what it does
	SPF        []string   // patterns of include: domains
	MX         []string   // patterns of MX hosts
	DKIM       []string   // patterns of the CNAME targets of selectors
	Bounce     []string   // patterns of the CNAME targets and MX hosts of return-path domains
	Selectors  []string   // DKIM selectors that are the same for every customer, most likely first
	ReturnPath ReturnPath // whose domain is in MAIL FROM; empty if not known
	Include    string     // SPF mechanism for the MAIL FROM domain; empty if it differs by customer or is not known
	Setup      string     // https address of its instructions for SPF, DKIM or DMARC; empty if none is known
}

// ByMX returns the provider that an MX host belongs to.
func ByMX(host string) (Provider, bool) {
	return longest(host, func(p *Provider) []string { return p.MX }, hosts, services)
}

// BySPF returns the provider that the domain of an include: belongs to.
func BySPF(include string) (Provider, bool) {
	return longest(include, func(p *Provider) []string { return p.SPF }, hosts, services)
}

// ByDKIM returns the provider that the CNAME target of a selector belongs to.
func ByDKIM(target string) (Provider, bool) {
	return longest(target, func(p *Provider) []string { return p.DKIM }, hosts, services)
}

// ByReturnPath returns the provider that the CNAME target or the MX host of a
// return-path domain belongs to, such as em1234.example.com that is a CNAME of
// u1234.wl123.sendgrid.net.
func ByReturnPath(target string) (Provider, bool) {
	return longest(target, func(p *Provider) []string { return p.Bounce }, hosts, services)
}

// longest returns the provider with the longest pattern that fits host; of
// equal ones, the first.
func longest(host string, patterns func(*Provider) []string, tables ...[]Provider) (Provider, bool) {
	host = normalize(host)
	var best *Provider
	length := 0
	for _, rows := range tables {
		for i := range rows {
			for _, pattern := range patterns(&rows[i]) {
				if len(pattern) > length && fits(host, pattern) {
					best, length = &rows[i], len(pattern)
				}
			}
		}
	}
	if best == nil {
		return Provider{}, false
	}
	return best.clone(), true
}

// clone keeps callers from writing to the table.
func (p *Provider) clone() Provider {
	c := *p
	c.SPF, c.MX = slices.Clone(p.SPF), slices.Clone(p.MX)
	c.DKIM, c.Bounce = slices.Clone(p.DKIM), slices.Clone(p.Bounce)
	c.Selectors = slices.Clone(p.Selectors)
	return c
}

func fits(host, pattern string) bool {
	rest, found := strings.CutSuffix(host, pattern)
	return found && (rest == "" || strings.HasSuffix(rest, "."))
}

func normalize(host string) string {
	return strings.TrimSuffix(strings.ToLower(host), ".")
}

// Selectors returns the DKIM selectors that are likely for a domain with these
// MX hosts and these domains in its SPF record, each once: those of the
// providers recognised, in the order of the arguments.
func Selectors(mxHosts, spfDomains []string) []string {
	var names []string
	add := func(more ...string) {
		for _, name := range more {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	// Few names come together, so that the linear search in add stays cheap.
	for _, host := range mxHosts {
		if p, ok := ByMX(host); ok {
			add(p.Selectors...)
		}
	}
	for _, include := range spfDomains {
		if p, ok := BySPF(include); ok {
			if portal := hubSpotPortal(include); portal != "" {
				add("hs1-"+portal, "hs2-"+portal)
				continue
			}
			add(p.Selectors...)
		}
	}
	return names
}

// hubSpotPortal returns the account number in an SPF include of the form
// <number>.spfNN.hubspotemail.net, which is also part of the selectors.
func hubSpotPortal(include string) string {
	rest, found := strings.CutSuffix(normalize(include), ".hubspotemail.net")
	if !found {
		return ""
	}
	portal, pool, found := strings.Cut(rest, ".")
	if !found || !strings.HasPrefix(pool, "spf") || !digits(pool[len("spf"):]) || !digits(portal) {
		return ""
	}
	return portal
}

// digits reports whether s is a number of at most 12 digits.
func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != "" && len(s) <= 12
}

// Blind returns the selectors worth asking where no provider is recognised, or
// none of theirs exists: the most productive first, each once.
func Blind() []string {
	return []string{
		"google", "selector1", "selector2", "k1", "k2", "k3", "s1", "s2",
		"default", "dkim", "mail", "mandrill", "mte1", "mte2", "mailjet",
		"brevo1", "brevo2", "zendesk1", "sig1", "protonmail", "fm1", "zmail",
		"pm", "mg", "mx", "smtp", "cm", "kl", "ctct1", "litesrv", "resend",
		"hs1", "hs2", "salesforce", "sf1", "m1", "x", "key1", "dkim1", "dkim2",
		"selector", "email", "api", "20230601",
	}
}
