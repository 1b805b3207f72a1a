package check

import (
	"slices"
	"strconv"
	"strings"

	"maildoctor/check/dmarc"
	"maildoctor/check/taglist"
)

// What stands now at the name of a record that is proposed.
const (
	whereReplace = "replace" // a record
	whereParent  = "parent"  // nothing: the record that applies is that of a domain above
	whereService = "service" // the same, and its reports go to somebody who has to agree to those of this one too
	whereAlias   = "alias"   // a CNAME
	whereNew     = "new"     // nothing, and nothing applies
)

// proposed is a record to publish for a domain, with what stands there now.
func proposed(p *dmarc.Policy, place, record string, more ...any) map[string]string {
	where := whereNew
	i := slices.IndexFunc(p.Walk.Steps, func(s dmarc.Step) bool { return s.Domain == place })
	switch {
	case i >= 0 && len(p.Walk.Steps[i].Chain) > 0:
		where = whereAlias
	case i >= 0 && len(p.Walk.Steps[i].Texts)+len(p.Walk.Steps[i].Near) > 0:
		where = whereReplace
	case p.Place != "":
		where = whereParent
		if serviceIn(p, record) {
			where = whereService
		}
	}
	return params(append(more, "record", record, "where", where)...)
}

// serviceIn reports whether a record names a host outside of the organisation,
// which agreed to the reports of the domain whose record applies, and not yet to
// those of this one (RFC 9990 section 4).
func serviceIn(p *dmarc.Policy, record string) bool {
	r, _, ok := dmarc.Parse(record)
	return ok && slices.ContainsFunc(p.Reports, func(report dmarc.Report) bool {
		named := func(u dmarc.URI) bool { return u.Host == report.Host }
		return report.Authorisation != dmarc.Internal && (slices.ContainsFunc(r.RUA, named) || slices.ContainsFunc(r.RUF, named))
	})
}

// proposal is a record for the audited domain itself: see inherited and headed.
func proposal(p *dmarc.Policy, request dmarc.Request, drop ...string) string {
	return headed(p, inherited(p, request, drop...))
}

// inherited is the record that applies with another request, and without the
// tags that are dropped. Of a registry's nothing is taken over but the request.
func inherited(p *dmarc.Policy, request dmarc.Request, drop ...string) string {
	s := p.Record()
	if s == nil || len(s.Texts) != 1 || foreign(p) && p.Source != dmarc.Own {
		return rewrite("", nil, request)
	}
	if p.Source != dmarc.Own {
		drop = append(drop, "sp", "np", "psd")
	}
	return amend(string(s.Texts[0]), dead(p), request, drop...)
}

// headed adds psd=n to a record for the audited domain where that keeps the
// names of others from being taken for its own (RFC 9989 section 11.8).
func headed(p *dmarc.Policy, record string) string {
	if p.Legacy == nil || p.Domain != p.Legacy.OrgDomain || !aboveRegistered(p, p.Walk.OrgDomain) {
		return record
	}
	for _, tag := range taglist.Parse(record, taglist.Syntax{FoldCase: true}).Tags {
		if taglist.Lower(tag.Name) == "psd" {
			return record
		}
	}
	return record + "; psd=n"
}

// mended is the record of a step without what is faulty in it. Where no report
// address is left of those that it has, one in its own domain takes their place.
func (f *Facts) mended(p *dmarc.Policy, s *dmarc.Step) string {
	request := askable(s.Record.P)
	if s.Domain == p.Domain && f.idle() && (s.Record.P == "" || s.Record.P == dmarc.Invalid) {
		request = dmarc.Reject
	}
	record := amend(join(s.Texts, ""), dead(p), request)
	if len(s.Record.RUA) > 0 && !f.idle() {
		record = f.withReports(p, s.Domain, record)
	}
	if s.Domain == p.Domain {
		record = headed(p, record)
	}
	return record
}

// restored is a record made of a text that nobody takes for one, because of its
// first tag or because of its place.
func (f *Facts) restored(p *dmarc.Policy, text string) string {
	text = versioned(text)
	request := dmarc.None
	if r, _, ok := dmarc.Parse(text); ok {
		request = askable(r.P)
	}
	if request == dmarc.None && f.idle() {
		request = dmarc.Reject
	}
	return headed(p, amend(text, nil, request))
}

// versioned puts the version of DMARC in front of a text that seems to be meant
// as a record.
func versioned(text string) string {
	if _, _, ok := dmarc.Parse(text); ok {
		return text
	}
	text = strings.NewReplacer(`"`, "", `\`, "").Replace(text)
	var out []string
	for part := range strings.SplitSeq(text, ";") {
		part = strings.Trim(part, " \t\r\n'")
		name, value, found := strings.Cut(part, "=")
		name, value = taglist.Lower(strings.TrimSpace(name)), strings.TrimSpace(value)
		switch {
		case found && name == "v":
			part = afterVersion(value)
		case !found || strings.HasPrefix(name, "dmarc"):
			part = afterVersion(part)
		}
		if strings.Contains(part, "=") {
			out = append(out, part)
		}
	}
	return strings.Join(append([]string{"v=DMARC1"}, out...), "; ")
}

// afterVersion is what follows the version where the semicolon is missing.
func afterVersion(s string) string {
	i := strings.IndexAny(s, " \t,:")
	if i < 0 {
		return ""
	}
	return strings.TrimLeft(s[i:], " \t,:")
}

// withReports adds a report address to a proposed record that has none: in the
// domain it is for, else in the organisational domain, whichever is not known to
// take no mail.
func (f *Facts) withReports(p *dmarc.Policy, place, record string) string {
	if r, _, ok := dmarc.Parse(record); !ok || len(r.RUA) > 0 {
		return record
	}
	for _, host := range []string{place, p.Walk.OrgDomain} {
		if host != "" && !slices.Contains(dead(p), host) && !aboveRegistered(p, host) && !f.mailless(host) {
			return record + "; rua=mailto:dmarc@" + host
		}
	}
	return record
}

// mailless reports whether a domain is known to take no mail.
func (f *Facts) mailless(host string) bool {
	if f.MX == nil || host != f.Domain || !f.MX.Status.Known() {
		return false
	}
	return len(f.MX.Hosts) == 0 || f.MX.Implicit && f.MX.Hosts[0].Status().Absent()
}

// dead lists the hosts of report addresses that get no reports, whatever their
// owner does: they take no mail, or would have to agree and never do.
func dead(p *dmarc.Policy) []string {
	var out []string
	for _, r := range p.Reports {
		if r.Mailbox == dmarc.Undeliverable || r.Authorisation == dmarc.NotAuthorised && freeMail(r.Host) {
			out = append(out, r.Host)
		}
	}
	return out
}

// rewrite changes the request of a record, and drops the tags named and pct=
// with them. See amend.
func rewrite(record string, dead []string, request dmarc.Request, drop ...string) string {
	return amend(record, dead, request, append(drop, "pct")...)
}

// amend changes the request of a record. It drops the tags named, those that
// RFC 9989 section 9.3 removed, what is faulty and cannot be mended, and report
// addresses at the hosts that are dead; the others stay. So does a pct= that
// lets a part of the mail be, for as long as the request is the same.
func amend(record string, dead []string, request dmarc.Request, drop ...string) string {
	out := []string{"v=DMARC1", "p=" + string(request)}
	r, faults, ok := dmarc.Parse(record)
	if !ok {
		return strings.Join(out, "; ")
	}
	drop = append(drop, "v", "p", "rf", "ri")
	if percent, ok := percentage(faults); r.P != request || !ok || percent >= 100 {
		drop = append(drop, "pct")
	}
	for _, fault := range faults {
		switch fault.Reason {
		case dmarc.RequestInvalid, dmarc.BadName:
			drop = append(drop, taglist.Lower(string(fault.Tag)))
		}
	}
	list := taglist.Parse(record, taglist.Syntax{FoldCase: true})
	fo := ""
	for i, tag := range list.Tags {
		name, value := taglist.Lower(tag.Name), tag.Value
		if slices.Contains(drop, name) {
			continue
		}
		drop = append(drop, name) // of doubles the first counts
		switch name {
		case "rua", "ruf":
			value = reportAddresses(strings.Join(append([]string{value}, strays(record, list, i)...), ","), dead)
			if name == "ruf" && value != "" && fo != "" {
				out, fo = append(out, fo), ""
			}
		case "adkim", "aspf":
			value = meant(value, "r", "s")
		case "psd":
			value = meant(value, "u", "y", "n")
		case "t":
			value = meant(value, "n", "y")
		case "fo":
			if value = failureOptions(value); value != "" && !slices.ContainsFunc(out, func(s string) bool { return strings.HasPrefix(s, "ruf=") }) {
				fo, value = "fo="+value, "" // it says something only beside ruf=
			}
		}
		if value != "" {
			out = append(out, name+"="+value)
		}
	}
	return strings.Join(out, "; ")
}

// percentage returns the value of pct=, which RFC 9989 section 9.3 removed.
func percentage(faults []dmarc.Fault) (int, bool) {
	for _, fault := range faults {
		if fault.Reason == dmarc.RemovedTag && taglist.Lower(string(fault.Tag)) == "pct" {
			n, err := strconv.Atoi(string(fault.Value))
			return n, err == nil && n >= 0
		}
	}
	return 0, false
}

// strays are the texts without an equals sign behind a tag: addresses, where a
// semicolon stands in place of a comma.
func strays(record string, list taglist.List, tag int) []string {
	var out []string
	for _, fault := range list.Faults {
		behind := fault.At.Offset > list.Tags[tag].NameAt.Offset
		next := tag+1 < len(list.Tags) && fault.At.Offset > list.Tags[tag+1].NameAt.Offset
		if fault.Code == taglist.MissingEquals && behind && !next {
			out = append(out, record[fault.At.Offset:fault.At.Offset+fault.At.Length])
		}
	}
	return out
}

// meant is the value of a tag if it is one of those allowed, or the word of
// which it is the first letter; else it is empty.
func meant(value string, allowed ...string) string {
	value = taglist.Lower(value)
	for _, word := range []string{"strict", "relaxed", "yes", "no", "unknown"} {
		if value == word {
			value = word[:1]
		}
	}
	if slices.Contains(allowed, value) {
		return value
	}
	return ""
}

// failureOptions are the options of fo= that are allowed: 0 and 1 exclude each other,
// and 1 asks for the reports of 0 too (RFC 9989 section 4.7).
func failureOptions(value string) string {
	var out []string
	for v := range strings.SplitSeq(value, ":") {
		v = taglist.Lower(strings.Trim(v, " \t"))
		if slices.Contains([]string{"0", "1", "d", "s"}, v) && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	if slices.Contains(out, "1") {
		out = slices.DeleteFunc(out, func(v string) bool { return v == "0" })
	}
	return strings.Join(out, ":")
}

// reportAddresses lists the report addresses of a tag that reports can be sent to, each
// once and without the size behind it (RFC 9989 appendix C.4). One that only
// lacks its scheme gets it.
func reportAddresses(value string, dead []string) string {
	var out []string
	for _, u := range reportURIs(value) {
		if !u.Usable && u.Scheme == "" && !strings.Contains(string(u.Text), ":") {
			if mended := reportURIs("mailto:" + string(u.Text)); len(mended) == 1 {
				u = mended[0]
			}
		}
		text, _, _ := strings.Cut(string(u.Text), "!")
		if u.Usable && !slices.Contains(dead, u.Host) && !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	return strings.Join(out, ",")
}

func reportURIs(value string) []dmarc.URI {
	r, _, ok := dmarc.Parse("v=DMARC1; rua=" + value)
	if !ok {
		return nil
	}
	return r.RUA
}
