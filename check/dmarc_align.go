package check

import (
	"context"
	"slices"
	"strings"

	"maildoctor/check/dmarc"
	"maildoctor/check/taglist"
)

// Alignment says of the domains that can authenticate the mail of a domain
// whether they fit its From field (RFC 9989 section 4.4).
type Alignment struct {
	SPF  string `json:"spf"`  // the mode asked for, dmarc.Relaxed or dmarc.Strict
	DKIM string `json:"dkim"` // likewise

	MailFrom []dmarc.Identifier `json:"mail_from,omitempty"` // domains of envelope senders, sorted
	Signers  []dmarc.Identifier `json:"signers,omitempty"`   // d= of signatures, sorted
}

// align compares the domains of envelope senders and the d= of signatures with
// the audited domain. It is nil where no policy applies. Both lists together cost
// at most dmarc.MaxWalks walks, and a name is asked for once in an audit.
func (r *run) align(ctx context.Context, p *dmarc.Policy, mailFrom, signers []string) *Alignment {
	s := p.Record()
	if s == nil || s.Record == nil || !p.Applies {
		return nil
	}
	all := p.Align(ctx, r.dns, slices.Concat(mailFrom, signers))
	return &Alignment{
		SPF: s.Record.ASPF, DKIM: s.Record.ADKIM,
		MailFrom: among(all, mailFrom), Signers: among(all, signers),
	}
}

// among returns the identifiers that names list.
func among(all []dmarc.Identifier, names []string) []dmarc.Identifier {
	var out []dmarc.Identifier
	for _, id := range all {
		if slices.ContainsFunc(names, func(name string) bool {
			return taglist.Lower(strings.TrimSuffix(name, ".")) == id.Domain
		}) {
			out = append(out, id)
		}
	}
	return out
}

// mailFrom returns the domain of the envelope sender that the user gave, else
// the audited one.
func (r *run) mailFrom() string {
	if at := strings.LastIndexByte(r.opts.From, '@'); at >= 0 {
		return strings.TrimSuffix(r.opts.From[at+1:], ">")
	}
	return r.domain
}

// identities returns the domains that may authenticate mail of the audited one:
// the envelope sender that the user gave or else the domain itself, and those
// that files show.
func (r *run) identities() (mailFrom, signers []string) {
	mailFrom = []string{r.mailFrom()}
	if e := r.facts.Evidence; e != nil {
		return append(mailFrom, e.MailFrom...), e.Signers
	}
	return mailFrom, nil
}

// unknown returns the first identifier that a missing answer left open, or nil.
func (a *Alignment) unknown() *dmarc.Identifier {
	if a == nil {
		return nil
	}
	for _, list := range [][]dmarc.Identifier{a.MailFrom, a.Signers} {
		for i := range list {
			if list[i].Relaxed == dmarc.AlignmentUnknown && list[i].Asked != "" {
				return &list[i]
			}
		}
	}
	return nil
}

// aligned reports how an identifier fits in a mode.
func aligned(id dmarc.Identifier, mode string) dmarc.Alignment {
	if mode == dmarc.Strict {
		return id.Strict
	}
	return id.Relaxed
}

// judgeAlignment judges the identifiers that do not fit. Each envelope sender
// is that of other mail. A message can have several signatures, of which one
// that fits is enough: beside it another one is no fault.
func judgeAlignment(f *Facts, p *dmarc.Policy, s *dmarc.Step, add func(Finding)) {
	a := f.Alignment
	if a == nil {
		return
	}
	for _, id := range a.MailFrom {
		judgeIdentifier(p, s, id, "SPF", "aspf", a.SPF, add)
	}
	if slices.ContainsFunc(a.Signers, func(id dmarc.Identifier) bool { return aligned(id, a.DKIM) != dmarc.NotInAlignment }) {
		return
	}
	for _, id := range a.Signers {
		judgeIdentifier(p, s, id, "DKIM", "adkim", a.DKIM, add)
	}
}

// Why an identifier counts for nothing.
const (
	unalignedEverywhere = "other-organisation"         // by both methods
	unalignedByWalk     = "other-organisation-by-walk" // by RFC 9989, not by RFC 7489
)

func judgeIdentifier(p *dmarc.Policy, s *dmarc.Step, id dmarc.Identifier, method, tag, mode string, add func(Finding)) {
	switch {
	case aligned(id, mode) != dmarc.NotInAlignment:
	case id.Relaxed == dmarc.InAlignment:
		add(Finding{
			Rule: dmarcStrictUnaligned, Subject: p.Domain, Evidence: cited(s),
			Params: params("method", method, "identity", id.Domain, "tag", tag, "record", proposal(p, requestOf(p), tag)),
		})
	case id.Relaxed == dmarc.NotInAlignment:
		reason := unalignedEverywhere
		if id.Legacy == dmarc.InAlignment && mode != dmarc.Strict {
			reason = unalignedByWalk
		}
		add(Finding{
			Rule: dmarcUnaligned, Subject: p.Domain, Evidence: cited(s),
			Params: params("method", method, "identity", id.Domain, "reason", reason),
		})
	}
}

// meritsAlignment tells the relatives of the domain that count for DMARC as
// envelope sender or signer. The domain itself always does.
func (f *Facts) meritsAlignment(add func(Merit)) {
	a := f.Alignment
	if a == nil {
		return
	}
	tell := func(list []dmarc.Identifier, method, mode string) {
		for _, id := range list {
			if id.Domain != f.Domain && aligned(id, mode) == dmarc.InAlignment {
				add(Merit{ID: "dmarc-aligned", Subject: f.Domain, Params: params("method", method, "identity", id.Domain)})
			}
		}
	}
	tell(a.MailFrom, "SPF", a.SPF)
	tell(a.Signers, "DKIM", a.DKIM)
}
