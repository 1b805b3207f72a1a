package check

import (
	"context"
	"slices"
	"strings"

	"maildoctor/check/dmarc"
	"maildoctor/check/dnsx"
	"maildoctor/check/evidence"
	"maildoctor/check/senders"
	"maildoctor/check/spf"
	"maildoctor/check/taglist"
)

// Alignment says of the domains that can authenticate the mail of a domain
// whether they fit its From field (RFC 9989 section 4.4).
type Alignment struct {
	SPF  string `json:"spf"`  // the mode asked for, dmarc.Relaxed or dmarc.Strict
	DKIM string `json:"dkim"` // likewise

	MailFrom []dmarc.Identifier `json:"mail_from,omitempty"` // domains of envelope senders, sorted
	Signers  []dmarc.Identifier `json:"signers,omitempty"`   // d= of signatures, sorted

	Streams []AlignedStream `json:"streams,omitempty"` // mail of the domain that files show
}

// An AlignedStream is an evidence.Stream with the identifiers of its names.
type AlignedStream struct {
	Kind     evidence.Kind      `json:"kind"`
	MailFrom []dmarc.Identifier `json:"mail_from,omitempty"` // sorted
	Signers  []dmarc.Identifier `json:"signers,omitempty"`   // sorted
}

// align compares the domains of envelope senders and the d= of signatures with
// the audited domain, and those of mail that files show. It is nil where no
// policy applies. All of them together cost at most dmarc.MaxWalks walks, and a
// name is asked for once in an audit.
func (r *run) align(ctx context.Context, p *dmarc.Policy, mailFrom, signers []string) *Alignment {
	s := p.Record()
	if s == nil || s.Record == nil || !p.Applies {
		return nil
	}
	names := slices.Concat(mailFrom, signers)
	var streams []evidence.Stream
	if e := r.facts.Evidence; e != nil {
		streams = e.Streams
	}
	for _, stream := range streams {
		names = slices.Concat(names, stream.MailFrom, stream.Signers)
	}
	all := p.Align(ctx, r.dns, names)
	out := &Alignment{
		SPF: s.Record.ASPF, DKIM: s.Record.ADKIM,
		MailFrom: among(all, mailFrom), Signers: among(all, signers),
	}
	for _, stream := range streams {
		out.Streams = append(out.Streams, AlignedStream{
			Kind: stream.Kind, MailFrom: among(all, stream.MailFrom), Signers: among(all, stream.Signers),
		})
	}
	return out
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

// cut reports whether there were more identifiers than are walked from.
func (a *Alignment) cut() bool {
	return a != nil && slices.ContainsFunc(slices.Concat(a.MailFrom, a.Signers), func(id dmarc.Identifier) bool {
		return id.Relaxed == dmarc.AlignmentUnknown && id.Asked == ""
	})
}

// aligned reports how an identifier fits in a mode.
func aligned(id dmarc.Identifier, mode string) dmarc.Alignment {
	if mode == dmarc.Strict {
		return id.Strict
	}
	return id.Relaxed
}

// judgeEnvelope judges an envelope sender in a domain that does not exist: many
// hosts take no mail from one that they could not answer.
func judgeEnvelope(f *Facts, add func(Finding)) {
	e := f.Sender
	if e == nil || e.Trace == nil || e.Trace.Status != dnsx.NXDomain || e.Domain == f.Domain {
		return
	}
	add(Finding{Rule: mailFromNotFound, Subject: e.Domain, Params: params("address", e.IP)})
}

// judgeAlignment judges the identifiers that do not fit. Each envelope sender
// is that of other mail; where SPF does not pass, it does not matter whether it
// fits (RFC 9989 section 4.4.2). A message can have several signatures, of which
// one that fits is enough: beside it another one is no fault.
func judgeAlignment(f *Facts, p *dmarc.Policy, s *dmarc.Step, add func(Finding)) {
	a := f.Alignment
	if a == nil {
		return
	}
	for _, stream := range a.Streams {
		judgeStream(p, s, stream, add)
	}
	for _, id := range a.MailFrom {
		if !f.failsSPF(id.Domain) {
			judgeIdentifier(a, p, s, id, methodSPF, add)
		}
	}
	if slices.ContainsFunc(a.Signers, func(id dmarc.Identifier) bool { return aligned(id, a.DKIM) != dmarc.NotInAlignment }) {
		return
	}
	for _, id := range a.Signers {
		judgeIdentifier(a, p, s, id, methodDKIM, add)
	}
}

// failsSPF reports whether it is known of an envelope sender that SPF does not
// pass.
func (f *Facts) failsSPF(domain string) bool {
	e := f.Sender
	if e == nil || taglist.Lower(strings.TrimSuffix(e.Domain, ".")) != domain {
		return false
	}
	return e.Result != spf.ResultPass && e.Result != spf.ResultTempError
}

// The methods that authenticate mail, as they are called everywhere.
const (
	methodSPF  = "SPF"
	methodDKIM = "DKIM"
)

// mode returns the mode in which a method is compared, and the tag that asks for
// it.
func (a *Alignment) mode(method string) (tag, mode string) {
	if method == methodDKIM {
		return "adkim", a.DKIM
	}
	return "aspf", a.SPF
}

// Why an identifier counts for nothing.
const (
	unalignedEverywhere = "other-organisation"         // by both methods
	unalignedByWalk     = "other-organisation-by-walk" // by RFC 9989, not by RFC 7489
)

func judgeIdentifier(a *Alignment, p *dmarc.Policy, s *dmarc.Step, id dmarc.Identifier, method string, add func(Finding)) {
	tag, mode := a.mode(method)
	switch {
	case aligned(id, mode) != dmarc.NotInAlignment:
	case id.Relaxed == dmarc.InAlignment:
		rule := dmarcStrictUnaligned
		if a.carried(id, method) {
			rule = dmarcStrictHalf
		}
		add(Finding{
			Rule: rule, Subject: p.Domain, Evidence: cited(s),
			Params: proposed(p, p.Domain, proposal(p, requestOf(p), tag), "method", method, "identity", id.Domain, "tag", tag),
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

// carried reports whether all mail that shows an identifier of a method also
// shows another name that fits, as far as files tell.
func (a *Alignment) carried(id dmarc.Identifier, method string) bool {
	shown := false
	for _, stream := range a.Streams {
		list := stream.MailFrom
		if method == methodDKIM {
			list = stream.Signers
		}
		if !slices.ContainsFunc(list, func(other dmarc.Identifier) bool { return other.Domain == id.Domain }) {
			continue
		}
		if !a.passes(stream) {
			return false
		}
		shown = true
	}
	return shown
}

// passes reports whether a name of a stream fits.
func (a *Alignment) passes(stream AlignedStream) bool {
	fits := func(mode string) func(dmarc.Identifier) bool {
		return func(id dmarc.Identifier) bool { return aligned(id, mode) == dmarc.InAlignment }
	}
	return slices.ContainsFunc(stream.MailFrom, fits(a.SPF)) || slices.ContainsFunc(stream.Signers, fits(a.DKIM))
}

// judgeStream judges a message of the user of which neither the envelope sender
// nor any signature is of the organisation: it fails DMARC. Of a mailbox or a
// report nothing is concluded: what is forged is there as well.
func judgeStream(p *dmarc.Policy, s *dmarc.Step, stream AlignedStream, add func(Finding)) {
	if stream.Kind != evidence.Message || len(stream.MailFrom) == 0 {
		return
	}
	var names, seen []string
	for _, id := range slices.Concat(stream.MailFrom, stream.Signers) {
		if id.Relaxed != dmarc.NotInAlignment || id.Legacy == dmarc.InAlignment {
			return
		}
		if !slices.Contains(names, id.Domain) {
			names = append(names, id.Domain)
		}
	}
	for _, id := range stream.MailFrom {
		seen = append(seen, "Return-Path: "+id.Domain)
	}
	for _, id := range stream.Signers {
		seen = append(seen, "DKIM-Signature: d="+id.Domain)
	}
	add(Finding{
		Rule: dmarcMailUnaligned, Subject: p.Domain, Evidence: append(seen, cited(s)...), Providers: senderProviders(names),
		Params: params("identities", strings.Join(names, ", "), "envelope", stream.MailFrom[0].Domain),
	})
}

// senderProviders are the providers that domains belong to.
func senderProviders(names []string) []Provider {
	return providerList(names, func(name string) (senders.Provider, bool) {
		for _, by := range []func(string) (senders.Provider, bool){senders.ByReturnPath, senders.ByDKIM, senders.BySPF} {
			if p, ok := by(name); ok {
				return p, true
			}
		}
		return senders.Provider{}, false
	})
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
