package check

import (
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"maildoctor/check/mx"
	"maildoctor/check/senders"
	"maildoctor/check/spf"
)

// judgeSPFThrift judges what an owner's own records hold that has no effect.
func judgeSPFThrift(t *spf.Tree, own func(string) bool, add func(Finding)) {
	for _, idle := range t.Idle() {
		n := nodeOf(t, idle.Domain)
		// What holds today only may have its effect tomorrow.
		if n == nil || !own(idle.Domain) || idle.Volatile {
			continue
		}
		by := strings.Join(inFront(n, idle), ", ")
		if masks(n, idle) {
			add(Finding{
				Rule: spfMasked, Subject: idle.Domain, Evidence: texts(n.Records),
				Params: params("term", idle.Text, "by", by, "result", idle.Instead.Result()),
			})
			continue
		}
		add(Finding{
			Rule: spfCovered, Subject: idle.Domain, Evidence: texts(n.Records),
			Params: params("term", idle.Text, "reason", idle.Why, "by", by),
		})
	}
	if t.Lookups >= nearLookups {
		judgeSPFWaste(t, own, add)
	}
}

// masks reports whether what decides in place of an idle term lets pass whom the
// term does not, or the reverse.
func masks(n *spf.Node, idle spf.IdleTerm) bool {
	passes := slices.ContainsFunc(n.Steps, func(s spf.Step) bool {
		return s.Offset == idle.Offset && s.Qualifier == spf.QualifierPass
	})
	return idle.Instead != "" && passes != (idle.Instead == spf.QualifierPass)
}

// nodeOf returns the record of a domain in a tree, nil if it has none there.
func nodeOf(t *spf.Tree, domain string) *spf.Node {
	var found *spf.Node
	t.Each(func(n *spf.Node) {
		if found == nil && n.Domain == domain {
			found = n
		}
	})
	return found
}

// inFront are the terms that decide before an idle one.
func inFront(n *spf.Node, idle spf.IdleTerm) []string {
	if idle.By != nil {
		return []string{string(idle.By.Text)}
	}
	var out []string
	for _, s := range n.Steps {
		if s.Offset < idle.Offset {
			out = append(out, string(s.Text))
		}
	}
	return out
}

// judgeSPFWaste judges whether the same senders fit in fewer lookups.
func judgeSPFWaste(t *spf.Tree, own func(string) bool, add func(Finding)) {
	trimmed, ok := t.Trim(own)
	if !ok {
		return
	}
	var dropped, replaced []string
	for _, c := range trimmed.Steps {
		if len(c.With) > 0 {
			replaced = append(replaced, c.Term)
		} else {
			dropped = append(dropped, c.Term)
		}
	}
	finding := Finding{
		Rule: spfWasted, Subject: t.Domain, Evidence: texts(t.Root.Records),
		Params: params("lookups", trimmed.Before, "fewer", trimmed.Lookups, "record", trimmed.Record,
			"dropped", listOrNone(dropped), "replaced", listOrNone(replaced)),
	}
	if t.Lookups > spf.MaxLookups {
		finding.Rule, finding.Params["outcome"] = spfAvoidable, "within"
		if trimmed.Lookups > spf.MaxLookups {
			finding.Params["outcome"] = "still-over"
		}
	}
	add(finding)
}

// listOrNone is a list as a parameter, 0 if there is nothing in it.
func listOrNone(list []string) string {
	if len(list) == 0 {
		return "0"
	}
	return strings.Join(list, ", ")
}

// ownedBy returns what tells the names that the owner of a domain has in hand:
// those of the registered domain. What lies below a public suffix is not its
// owner's.
func ownedBy(domain string) func(name string) bool {
	head, err := publicsuffix.EffectiveTLDPlusOne(domain)
	return func(name string) bool {
		return name == domain || err == nil && (name == head || strings.HasSuffix(name, "."+head))
	}
}

// registered returns the registered domain that a domain is or lies below.
func registered(domain string) string {
	if head, err := publicsuffix.EffectiveTLDPlusOne(domain); err == nil {
		return head
	}
	return domain
}

// judgeSPFReturnPath judges includes of providers that write a domain of their
// own into MAIL FROM: SPF of this domain is not evaluated for their mail.
func judgeSPFReturnPath(f *Facts, add func(Finding)) {
	t := f.SPF
	for _, s := range t.Root.Steps {
		if s.Kind != string(spf.MechanismInclude) || s.NeverReached || s.Qualifier != spf.QualifierPass {
			continue
		}
		p, ok := senders.BySPF(s.Target)
		switch {
		case !ok:
			continue
		case p.ReturnPath == senders.ReturnOwn:
		case p.ReturnPath == senders.ReturnSubdomain && t.Domain == registered(t.Domain) && !f.returnsTo(p):
		default:
			continue
		}
		lookups := s.Cost
		if s.Child != nil {
			lookups += s.Child.Lookups
		}
		add(Finding{
			Rule: spfNoDMARC, Subject: t.Domain, Evidence: texts(t.Root.Records),
			Params:    params("term", s.Text, "provider", p.Name, "lookups", lookups),
			Providers: []Provider{provider(p)},
		})
	}
}

// returnsTo reports whether the domain itself is set up as a return path of a
// provider.
func (f *Facts) returnsTo(p senders.Provider) bool {
	return f.MX != nil && slices.ContainsFunc(f.MX.Hosts, func(h mx.Host) bool {
		q, ok := senders.ByReturnPath(h.Name)
		return ok && q.ID == p.ID
	})
}
