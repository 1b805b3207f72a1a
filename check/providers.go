package check

import (
	"slices"

	"maildoctor/check/senders"
	"maildoctor/check/spf"
)

// A Provider is one that the records of a domain name: who hosts, filters or
// sends its mail.
type Provider struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Setup string `json:"setup,omitempty"` // address of its instructions
}

func provider(p senders.Provider) Provider {
	return Provider{ID: p.ID, Name: p.Name, Setup: p.Setup}
}

// providerList is a list without doubles, of those that knows names.
func providerList(names []string, knows func(string) (senders.Provider, bool)) []Provider {
	var out []Provider
	for _, name := range names {
		if p, ok := knows(name); ok {
			if q := provider(p); !slices.Contains(out, q) {
				out = append(out, q)
			}
		}
	}
	return out
}

// mailProviders are the providers of the MX hosts, in the order of preference.
func (f *Facts) mailProviders() []senders.Provider {
	var out []senders.Provider
	if f.MX == nil {
		return nil
	}
	for _, h := range f.MX.Hosts {
		p, ok := senders.ByMX(h.Name)
		if ok && !slices.ContainsFunc(out, func(q senders.Provider) bool { return q.ID == p.ID }) {
			out = append(out, p)
		}
	}
	return out
}

// What an SPF record to begin with rests on.
const (
	basisMailHosts = "mail-hosts"
	basisSender    = "sender"  // the sending host that the user named
	basisNothing   = "nothing" // nothing tells that anybody sends
)

// firstRecord is an SPF record to begin with, for a domain that has none, and
// what it rests on: the providers of its mail hosts as they ask to be named, else
// those hosts. Where there is no MX record nobody is known to send.
func (f *Facts) firstRecord() map[string]string {
	if !f.hasMX() {
		if e := f.Sender; e != nil && e.Domain == f.SPF.Domain {
			return params("basis", basisSender, "record", "v=spf1 "+literal(e.IP)+" "+softAll)
		}
		return params("basis", basisNothing, "record", "v=spf1 -all")
	}
	record := "v=spf1"
	for _, p := range f.mailProviders() {
		if p.Include != "" && p.ReturnPath != senders.ReturnOwn && p.ReturnPath != senders.ReturnSubdomain {
			record += " " + p.Include
		}
	}
	if record == "v=spf1" {
		record += " mx"
	}
	return params("basis", basisMailHosts, "record", record+" "+softAll)
}

// signers are the providers that may sign for the domain: those that host its
// mail and those that its SPF record includes. Of their instructions one tells
// the selector.
func (f *Facts) signers() []Provider {
	var out []Provider
	for _, p := range f.mailProviders() {
		if p.Kind != senders.Gateway && p.Kind != senders.Forwarder {
			out = append(out, provider(p))
		}
	}
	if f.SPF == nil || f.SPF.Root == nil {
		return out
	}
	for _, p := range providerList(targets(f.SPF.Root), senders.BySPF) {
		if !slices.ContainsFunc(out, func(q Provider) bool { return q.ID == p.ID }) {
			out = append(out, p)
		}
	}
	return out
}

// targets are the domains that the record of a node includes or redirects to.
func targets(n *spf.Node) []string {
	var out []string
	for _, s := range n.Steps {
		if s.Kind == string(spf.MechanismInclude) || s.Kind == spf.ModifierRedirect {
			out = append(out, s.Target)
		}
	}
	return out
}

// forwards reports whether every MX host passes mail on to mailboxes elsewhere,
// and nobody but those who do is authorised to send.
func (f *Facts) forwards() bool {
	if f.MX == nil || len(f.MX.Hosts) == 0 || f.SPF == nil || f.SPF.Root == nil {
		return false
	}
	for _, h := range f.MX.Hosts {
		if p, ok := senders.ByMX(h.Name); !ok || p.Kind != senders.Forwarder {
			return false
		}
	}
	passes := 0
	for _, s := range f.SPF.Root.Steps {
		switch {
		case s.NeverReached || s.Ignored || s.Kind != spf.ModifierRedirect && s.Qualifier != spf.QualifierPass:
			continue
		case s.Kind != string(spf.MechanismInclude) && s.Kind != spf.ModifierRedirect:
			return false
		}
		if p, ok := senders.BySPF(s.Target); !ok || p.Kind != senders.Forwarder {
			return false
		}
		passes++
	}
	return passes > 0
}
