package check

import (
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"maildoctor/check/dmarc"
)

// reported reports whether the domain, and not its registry, may get aggregate
// reports.
func reported(p *dmarc.Policy) bool {
	return !foreign(p) && slices.ContainsFunc(p.Reports, func(r dmarc.Report) bool {
		return r.Tag == "rua" && r.Authorisation != dmarc.NotAuthorised && r.Mailbox != dmarc.Undeliverable
	})
}

func judgeDMARCReports(f *Facts, p *dmarc.Policy, s *dmarc.Step, add func(Finding)) {
	if foreign(p) && p.Source != dmarc.Own { // the registry's own business
		return
	}
	mended := f.mended(p, s)
	if len(s.Record.RUA) == 0 && !f.idle() {
		step, record := stepReportsFirst, f.withReports(p, s.Domain, mended)
		if record == mended {
			step = stepMailbox
		}
		add(Finding{Rule: dmarcNoReports, Subject: s.Domain, Evidence: cited(s), Params: proposed(p, s.Domain, record, "step", step)})
	}
	for _, report := range p.Reports {
		switch { // an agreement would not revive a mailbox
		case report.Mailbox == dmarc.Undeliverable:
			add(Finding{
				Rule: dmarcMailboxDead, Subject: s.Domain, Evidence: cited(s),
				Params: proposed(p, s.Domain, mended, "tag", report.Tag, "uri", report.URI, "host", report.Host, "reason", report.Dead,
					"rest", restOf(s, mended), "revive", reviveBy(report)),
			})
		case report.Authorisation == dmarc.NotAuthorised && freeMail(report.Host):
			add(Finding{
				Rule: dmarcFreeMail, Subject: s.Domain, Evidence: append(cited(s), texts(report.Texts)...),
				Params: proposed(p, s.Domain, mended, "tag", report.Tag, "uri", report.URI, "host", report.Host, "rest", restOf(s, mended)),
			})
		case report.Authorisation == dmarc.NotAuthorised:
			add(Finding{
				Rule: dmarcNotAuthorised, Subject: s.Domain, Evidence: append(cited(s), texts(report.Texts)...),
				Params: params("tag", report.Tag, "host", report.Host, "place", report.Asked, "reason", report.Why, "agree", report.Why),
			})
		}
	}
}

// What is left of the report addresses in a record that is mended.
const (
	restKept     = "kept"     // those that are good
	restReplaced = "replaced" // one in the domain of the record, in place of all
	restNone     = "none"     // nothing
)

func restOf(s *dmarc.Step, mended string) string {
	r, _, ok := dmarc.Parse(mended)
	switch {
	case !ok || len(r.RUA)+len(r.RUF) == 0:
		return restNone
	case slices.ContainsFunc(r.RUA, func(u dmarc.URI) bool {
		return strings.Contains(join(s.Texts, ""), strings.TrimPrefix(string(u.Text), "mailto:"))
	}),
		len(r.RUA) == 0:
		return restKept
	}
	return restReplaced
}

// Who can let a host of reports take mail.
const (
	reviveSelf  = "self"  // of the same organisation
	reviveOther = "other" // it would have to agree
)

func reviveBy(r dmarc.Report) string {
	if r.Authorisation == dmarc.Internal {
		return reviveSelf
	}
	return reviveOther
}

// freeMail reports whether mailboxes in a domain are those of private people, so
// that the operator publishes no agreement to take the reports of a domain of
// theirs.
func freeMail(host string) bool {
	if slices.Contains([]string{
		"gmail.com", "googlemail.com", "ymail.com", "rocketmail.com", "aol.com", "msn.com", "passport.com",
		"icloud.com", "me.com", "mac.com", "proton.me", "protonmail.com", "pm.me", "tutanota.com", "tuta.com",
		"web.de", "t-online.de", "freenet.de", "arcor.de", "posteo.de", "mailbox.org", "fastmail.com", "mail.com", "zoho.com",
		"orange.fr", "wanadoo.fr", "laposte.net", "free.fr", "sfr.fr", "neuf.fr", "bbox.fr", "numericable.fr",
		"bluewin.ch", "skynet.be", "telenet.be", "videotron.ca", "libero.it", "tin.it", "virgilio.it", "seznam.cz", "wp.pl", "o2.pl",
		"comcast.net", "att.net", "verizon.net", "btinternet.com", "mail.ru", "yandex.ru", "yandex.com", "qq.com", "163.com", "126.com",
	}, host) {
		return true
	}
	suffix, _ := publicsuffix.PublicSuffix(host)
	name, below := strings.CutSuffix(host, "."+suffix)
	return below && slices.Contains([]string{"yahoo", "hotmail", "live", "outlook", "gmx"}, name)
}
