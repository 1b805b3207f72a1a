package check

import (
	"net/netip"
	"slices"
	"strings"

	"maildoctor/check/spf"
)

// voids counts the lookups that find nothing, for whatever sender. Those that do
// for senders with an IPv4 address alone count if the record authorises any;
// others fail all the same.
func voids(t *spf.Tree) int {
	if authorises(t, netip.Addr.Is4) {
		return t.VoidLookups4
	}
	return t.VoidLookups
}

// authorises reports whether a record authorises addresses of a family.
func authorises(t *spf.Tree, family func(netip.Addr) bool) bool {
	return slices.ContainsFunc(t.Authorised(), func(p netip.Prefix) bool { return family(p.Addr()) })
}

// judgeSPFVoids6 judges terms that find nothing for senders with an IPv6
// address: an a whose host has none. They are no fault, but a sender whom a later
// term authorises comes past them. It is told where the addresses of the owner's
// hosts can stand in their place.
func judgeSPFVoids6(t *spf.Tree, own func(string) bool, add func(Finding)) {
	only4 := func(s *spf.Step) bool { return s.Void6 && !s.Void }
	trimmed, ok := t.TrimTerms(own, only4)
	if !ok {
		return
	}
	var terms []string
	for _, s := range t.Root.Steps {
		gone := func(c spf.Change) bool { return c.Term == string(s.Text) }
		if only4(&s) && slices.ContainsFunc(trimmed.Steps, gone) {
			terms = append(terms, string(s.Text))
		}
	}
	if t.VoidLookups6-len(terms) > spf.MaxVoidLookups {
		return
	}
	add(Finding{
		Rule: spfVoidsIP6, Subject: t.Domain, Evidence: texts(t.Root.Records),
		Params: params("voids", t.VoidLookups6, "terms", strings.Join(terms, ", "), "record", trimmed.Record),
	})
}

// judgeSPFVoid judges terms of the owner's own records that find nothing. Where
// they are too many, another rule lists them.
func judgeSPFVoid(f *Facts, own func(string) bool, add func(Finding)) {
	if voids(f.SPF) > spf.MaxVoidLookups {
		return
	}
	f.SPF.Each(func(n *spf.Node) {
		if !own(n.Domain) {
			return
		}
		lost := f.lostTerms(n)
		var changes []change
		for _, l := range lost {
			changes = append(changes, change{l.Term, l.with})
		}
		record := edited(only(n), changes...)
		for _, l := range lost {
			add(Finding{
				Rule: spfTermVoid, Subject: n.Domain, Evidence: texts(n.Records),
				Params: params("term", l.Text, "target", l.Target, "reason", l.why, "record", record),
			})
		}
	})
}

// termsOf lists some terms of a tree, each once.
func termsOf(t *spf.Tree, which func(*spf.Step) bool) string {
	var out []string
	t.Each(func(n *spf.Node) {
		for i := range n.Steps {
			if s := &n.Steps[i]; which(s) && !slices.Contains(out, string(s.Text)) {
				out = append(out, string(s.Text))
			}
		}
	})
	return strings.Join(out, ", ")
}
