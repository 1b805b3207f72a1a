package dmarc

import (
	"slices"
	"strings"

	"maildoctor/check/dnsx"
	"maildoctor/check/taglist"
)

// MaxHosts is how many hosts of report addresses are asked whether they agree
// to take reports, and of how many it is found out whether they take mail.
const MaxHosts = 10

// Authorisation says whether a host has agreed to take the reports (RFC 9990
// section 4).
type Authorisation string

// The values of Authorisation.
const (
	Internal      Authorisation = "internal" // of the same organisation, need not agree
	Authorised    Authorisation = "authorised"
	NotAuthorised Authorisation = "not-authorised" // reports are not sent there
	AuthUnknown   Authorisation = "unknown"        // no answer
	Unchecked     Authorisation = "unchecked"      // not asked because of MaxHosts
)

// Why a host counts as not having agreed.
const (
	AuthNoRecord    = "no-record"     // no record that begins with v=DMARC1
	AuthNameTooLong = "name-too-long" // the name to ask for cannot exist
	AuthOtherHost   = "other-host"    // the record there names an address at another host
)

// A Report is a usable report address of the record that applies.
type Report struct {
	Tag           string           `json:"tag"` // rua or ruf
	URI           taglist.Octets   `json:"uri"`
	Host          string           `json:"host"`
	Authorisation Authorisation    `json:"authorisation"`
	Why           string           `json:"why,omitempty"`    // with not-authorised, one of the Auth constants
	Asked         string           `json:"asked,omitempty"`  // the name below _report._dmarc of the host
	Status        dnsx.Status      `json:"status,omitempty"` // of the answer
	Reason        string           `json:"reason,omitempty"` // of the status failed
	Texts         []taglist.Octets `json:"texts,omitempty"`  // the DMARC records there

	Mailbox       Mailbox     `json:"mailbox,omitempty"`
	Dead          string      `json:"dead,omitempty"`           // with undeliverable, one of the Dead constants
	MailboxStatus dnsx.Status `json:"mailbox_status,omitempty"` // of the answer that left Mailbox unknown
	MailboxReason string      `json:"mailbox_reason,omitempty"` // of the status failed
}

// relation says whether a host belongs to the organisation of a record.
type relation int

const (
	unrelated relation = iota
	related
	perhapsRelated // the organisational domain is not known
)

// A check is one host to be asked.
type check struct {
	host   string
	asked  string
	answer dnsx.Answer
}

// reports lists the usable report addresses and returns the hosts to be asked.
func (p *Policy) reports() []check {
	s := p.Record()
	if s == nil || !p.Applies {
		return nil
	}
	var checks []check
	var over []string
	add := func(tag string, u URI) {
		if !u.Usable {
			return
		}
		report := Report{Tag: tag, URI: u.Text, Host: u.Host, Authorisation: Internal}
		if p.relation(s.Record, u.Host) != related {
			report.Authorisation = Unchecked
			asked := p.Place + "._report." + prefix + u.Host
			switch {
			case slices.ContainsFunc(checks, func(c check) bool { return c.host == u.Host }):
			case len(checks) < MaxHosts:
				checks = append(checks, check{host: u.Host, asked: asked})
			case !slices.Contains(over, u.Host):
				over = append(over, u.Host)
			}
		}
		p.Reports = append(p.Reports, report)
	}
	for _, u := range s.Record.RUA {
		add("rua", u)
	}
	for _, u := range s.Record.RUF {
		add("ruf", u)
	}
	p.Unchecked = len(over)
	return checks
}

// relation compares the organisational domain of the host with that of the
// record. No walk from the host is needed: it ends at the host or above it,
// hence at the organisational domain of the record only if the host lies there
// or below. That a psd= between the two makes the host an organisation of its
// own is left aside.
func (p *Policy) relation(r *Record, host string) relation {
	switch {
	case host == p.Place:
		return related
	case r.PSD == Yes: // what is below is another organisation (RFC 9989 section 4.10.2)
		return unrelated
	case p.Walk.OrgDomain != "" && below(host, p.Walk.OrgDomain), below(host, p.Place):
		return related
	case p.Walk.OrgDomain == "" && topLabel(host) == topLabel(p.Place):
		return perhapsRelated
	}
	return unrelated
}

func topLabel(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

// authorise takes over what the hosts answered.
func (p *Policy) authorise(checks []check) {
	for i := range p.Reports {
		report := &p.Reports[i]
		if report.Authorisation == Internal {
			continue
		}
		for _, c := range checks {
			if c.host == report.Host {
				report.read(c)
				if report.Authorisation == NotAuthorised && p.relation(p.Record().Record, c.host) == perhapsRelated {
					report.Authorisation, report.Why = AuthUnknown, ""
				}
			}
		}
	}
}

// read applies steps 4 to 8 of RFC 9990 section 4.
func (report *Report) read(c check) {
	a := c.answer
	report.Asked, report.Status, report.Reason = c.asked, a.Status, a.Reason
	if !a.Status.Known() {
		report.Authorisation = AuthUnknown
		return
	}
	report.Authorisation, report.Why = NotAuthorised, AuthNoRecord
	if a.Reason == ReasonTooLong {
		report.Why = AuthNameTooLong
		return
	}
	for _, text := range a.Texts() {
		record, _, ok := Parse(text)
		if !ok {
			continue
		}
		report.Texts = append(report.Texts, taglist.Octets(text))
		switch {
		case report.Authorisation == Authorised:
		case record.replaces(report.Tag, c.host):
			report.Authorisation, report.Why = Authorised, ""
		default:
			report.Why = AuthOtherHost
		}
	}
}

// replaces reports whether the record leaves the address as it is or replaces
// it by one at the same host.
func (r *Record) replaces(tag, host string) bool {
	list := r.RUA
	if tag == "ruf" {
		list = r.RUF
	}
	replaced := false
	for _, u := range list {
		if u.Usable && u.Host == host {
			return true
		}
		replaced = replaced || u.Usable
	}
	return !replaced
}
