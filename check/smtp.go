package check

import (
	"context"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"maildoctor/check/smtp"
	"maildoctor/check/tlsx"
)

// The rules about mail hosts.
const (
	smtpNoHost      RuleID = "SMTP-NO-HOST-REACHABLE"
	smtpUnreachable RuleID = "SMTP-HOST-UNREACHABLE"
	smtpRefused     RuleID = "SMTP-SERVICE-REFUSED"
	smtpRefusesUs   RuleID = "SMTP-CLIENT-REFUSED"
	smtpBannerName  RuleID = "SMTP-BANNER-NAME"
	smtpEhloRefused RuleID = "SMTP-EHLO-REFUSED"
	smtpNoTLS       RuleID = "SMTP-STARTTLS-MISSING"
	smtpStripped    RuleID = "SMTP-STARTTLS-STRIPPED"
	smtpTLSRefused  RuleID = "SMTP-STARTTLS-REFUSED"
	smtpTLSFailed   RuleID = "SMTP-STARTTLS-FAILED"
	smtpInjection   RuleID = "SMTP-STARTTLS-INJECTION"
	smtpAuthClear   RuleID = "SMTP-AUTH-BEFORE-TLS"
	smtp465Clear    RuleID = "SMTP-465-CLEAR"
	smtp587NoTLS    RuleID = "SMTP-587-NO-STARTTLS"
	smtpOpenRelay   RuleID = "SMTP-OPEN-RELAY"
	smtpPostmaster  RuleID = "SMTP-POSTMASTER-REFUSED"
	smtpDiscloses   RuleID = "SMTP-VRFY-OPEN"
)

func smtpChecker() checker {
	return checker{
		name: "smtp", gather: gatherSMTP, judge: judgeSMTP, merits: meritsSMTP,
		rules: []RuleID{
			smtpNoHost, smtpUnreachable, smtpRefused, smtpRefusesUs, smtpBannerName, smtpEhloRefused, smtpNoTLS, smtpStripped,
			smtpTLSRefused, smtpTLSFailed, smtpInjection, smtpAuthClear, smtp465Clear, smtp587NoTLS,
			smtpOpenRelay, smtpPostmaster, smtpDiscloses,
		},
	}
}

// A Dialogue is one session with a mail host, and what further connections to
// the same address showed.
type Dialogue struct {
	smtp.Session
	TLS    *tlsx.State  `json:"tls,omitempty"`
	Grades tlsx.Grades  `json:"tls_grades,omitzero"`
	Offers []tlsx.Offer `json:"offers,omitempty"` // which TLS the MX service takes; at one address of a host

	// Inquiry is the session in which the questions of Options.Intrusive were
	// asked; at one address of all hosts.
	Inquiry *smtp.Session `json:"inquiry,omitempty"`
}

// isMX reports whether the session was one with the MX service.
func (f *Facts) isMX(d *Dialogue) bool { return d.Port == f.SMTPPort && !d.Implicit }

func gatherSMTP(ctx context.Context, r *run) Coverage {
	if c, ok := r.sessions(ctx); !ok {
		return c
	}
	if c := smtpCoverage(ctx, r.facts); c.State != Done {
		return c
	}
	return inquiryCoverage(r.facts, r.opts.Intrusive)
}

// smtpCoverage says how far the MX services could be seen. Where no address
// could be connected to at all, the way there is closed: that says nothing
// about the hosts.
func smtpCoverage(ctx context.Context, f *Facts) Coverage {
	silent, answered := true, map[string]bool{}
	for i := range f.SMTP {
		if d := &f.SMTP[i]; f.isMX(d) {
			silent = silent && (d.Outcome == smtp.OutcomeTimeout || d.Outcome == smtp.OutcomeUnreachable)
			answered[d.Host] = answered[d.Host] || f.unclear(d) == ""
		}
	}
	left := slices.IndexFunc(f.SMTP, func(d Dialogue) bool { return f.isMX(&d) && !answered[d.Host] })
	switch {
	case ctx.Err() != nil:
		c := interrupted(ctx)
		if c.Reason == ReasonDeadline && left >= 0 {
			c.Subject = f.SMTP[left].Host
		}
		return c
	case silent:
		return Coverage{State: Inconclusive, Reason: ReasonPort25}
	case left >= 0:
		return Coverage{State: Inconclusive, Reason: f.unclear(&f.SMTP[left]), Subject: f.SMTP[left].Host}
	}
	if host, all := f.allTried(); !all && f.allDown() {
		return Coverage{State: Inconclusive, Reason: ReasonHostsLeft, Subject: host}
	}
	return Coverage{State: Done}
}

// allTried reports whether every mail host was tried at every address that it
// is known to have, and if not, names one that was not.
func (f *Facts) allTried() (host string, all bool) {
	if f.MX == nil {
		return f.Domain, false
	}
	tried := map[netip.Addr]bool{}
	for i := range f.SMTP {
		tried[f.SMTP[i].Addr] = true
	}
	for i := range f.MX.Hosts {
		h := &f.MX.Hosts[i]
		unseen := slices.ContainsFunc(h.Addrs(), func(a netip.Addr) bool { return !tried[a.Unmap()] })
		if unseen || !h.Status().Known() {
			return h.Name, false
		}
	}
	return f.Domain, f.MX.Cut == 0
}

// allDown reports whether there was no MX service wherever one was tried. One
// that refuses with a reply is there, and may refuse us alone.
func (f *Facts) allDown() bool {
	tried := false
	for i := range f.SMTP {
		d := &f.SMTP[i]
		if !f.isMX(d) {
			continue
		}
		tried = true
		if d.Outcome != smtp.OutcomeRefused && d.Outcome != smtp.OutcomeNotSMTP {
			return false
		}
	}
	return tried
}

// unclear is unclear with regard to the other hosts.
func (f *Facts) unclear(d *Dialogue) string {
	if f.refusesUs(d) != nil {
		return ReasonRefusesUs
	}
	return unclear(d)
}

// unclear returns why a dialogue says nothing definite about the host or its
// TLS, or "".
func unclear(d *Dialogue) string {
	switch d.Outcome {
	case smtp.OutcomeOK:
		return unclearTLS(d)
	case smtp.OutcomeService, smtp.OutcomeEhloRefused:
		if d.refusesUs() != nil {
			return ReasonRefusesUs
		}
		return ""
	case smtp.OutcomeRefused, smtp.OutcomeNotSMTP:
		return ""
	case smtp.OutcomeTempfail:
		return ReasonTempfail
	case smtp.OutcomePrivate:
		return ReasonPrivateAddress
	case smtp.OutcomeBudget:
		return ReasonConnections
	case smtp.OutcomeUnreachable:
		return ReasonNetwork
	case smtp.OutcomeTimeout:
		return ReasonNoAnswer
	case smtp.OutcomeGreetingTimeout: // RFC 5321 section 4.5.3.2.1 allows five minutes
		return ReasonGreeting
	case smtp.OutcomeBroken:
		if d.Fault == smtp.FaultTimeout {
			return ReasonNoAnswer
		}
	case smtp.OutcomeCancelled:
		if d.Fault == smtp.FaultTimeout {
			return ReasonDeadline
		}
		return ReasonInterrupted
	}
	return ReasonBroken
}

func unclearTLS(d *Dialogue) string {
	switch d.StartTLS {
	case smtp.StartTLSTempfail:
		return ReasonTempfail
	case smtp.StartTLSBroken:
		if d.ranOut() {
			return ReasonNoAnswer
		}
	case smtp.StartTLSFailed:
		outcome, certain := d.handshakeFault()
		switch {
		case certain, outcome == tlsx.OutcomeWeakKey: // which has a rule of its own
			return ""
		case outcome == tlsx.OutcomeProtocol:
			return ReasonTLS
		}
		return ReasonNoAnswer
	}
	return ""
}

func judgeSMTP(f *Facts, add func(Finding)) {
	up := false // somebody answered, so that the way out is open
	for i := range f.SMTP {
		d := &f.SMTP[i]
		switch {
		case !f.isMX(d):
			judgeSubmission(d, add)
		case d.Outcome == smtp.OutcomeOK, d.Outcome == smtp.OutcomeEhloRefused:
			up = true
			judgeMXService(f, d, add)
			judgeInquiry(f, d, add)
		case d.Outcome == smtp.OutcomeService:
			up = true
		}
	}
	if !f.allDown() {
		if up {
			judgeAbsent(f, add)
		}
		return
	}
	if _, all := f.allTried(); !all { // one that was not tried may do better
		judgeAbsent(f, add)
		return
	}
	var hosts []string
	for i := range f.SMTP {
		if f.isMX(&f.SMTP[i]) {
			hosts = append(hosts, f.SMTP[i].Host)
		}
	}
	slices.Sort(hosts)
	add(Finding{
		Rule: smtpNoHost, Subject: f.Domain, Evidence: f.transcripts(),
		Params: params("hosts", strings.Join(slices.Compact(hosts), ", ")),
	})
}

// judgeAbsent judges addresses that do not serve while another one answers, so
// that the way out is known to be open. No way out for IPv6 is our side's.
func judgeAbsent(f *Facts, add func(Finding)) {
	six := false
	for i := range f.SMTP {
		six = six || f.SMTP[i].Addr.Is6() && f.SMTP[i].Outcome == smtp.OutcomeOK
	}
	for i := range f.SMTP {
		d := &f.SMTP[i]
		if !f.isMX(d) {
			continue
		}
		p := params("host", d.Host, "address", d.Addr, "port", d.Port, "outcome", d.Outcome)
		switch d.Outcome {
		case smtp.OutcomeService:
			if r := f.refusesUs(d); r != nil {
				judgeRefusal(d, r, add)
				continue
			}
			add(Finding{
				Rule: smtpRefused, Subject: d.Host, Evidence: d.Transcript,
				Params: params("host", d.Host, "address", d.Addr, "code", code(d.Greeting), "reply", replied(d.Greeting)),
			})
		case smtp.OutcomeRefused, smtp.OutcomeNotSMTP:
			add(Finding{Rule: smtpUnreachable, Subject: d.Host, Params: p, Evidence: d.Transcript})
		case smtp.OutcomeTimeout:
			if d.Addr.Is4() || six {
				add(Finding{Rule: smtpUnreachable, Subject: d.Host, Params: p})
			}
		}
	}
}

// judgeMXService judges a dialogue that came beyond the greeting.
func judgeMXService(f *Facts, d *Dialogue, add func(Finding)) {
	raise := func(rule RuleID, more ...any) {
		add(Finding{
			Rule: rule, Subject: d.Host, Evidence: d.Transcript,
			Params: params(append([]any{"host", d.Host, "address", d.Addr}, more...)...),
		})
	}
	if !smtp.IsHostName(d.GreetingName) && d.StartTLS != smtp.StartTLSStripped {
		add(Finding{
			Rule: smtpBannerName, Subject: d.Host, Evidence: d.Transcript[:min(len(d.Transcript), 1)],
			Params: params("host", d.Host, "name", quoted(d.GreetingName)),
		})
	}
	if r := f.refusesUs(d); r != nil {
		judgeRefusal(d, r, add)
	} else if d.Secured == nil && d.EhloRefusal != nil { // RFC 5321 section 2.2.1
		add(Finding{
			Rule: smtpEhloRefused, Subject: d.Host, Evidence: d.Transcript,
			Params: params("host", d.Host, "code", code(d.EhloRefusal)),
		})
	}
	switch d.StartTLS {
	case smtp.StartTLSNotOffered:
		raise(smtpNoTLS)
	case smtp.StartTLSStripped:
		raise(smtpStripped)
	case smtp.StartTLSRefused:
		raise(smtpTLSRefused, "code", code(d.StartTLSReply))
	case smtp.StartTLSInjection:
		raise(smtpInjection)
	case smtp.StartTLSFailed:
		if reason, ok := d.handshakeFault(); ok {
			raise(smtpTLSFailed, "reason", reason)
		}
	case smtp.StartTLSBroken:
		if !d.ranOut() {
			raise(smtpTLSFailed, "reason", tlsx.OutcomeClosed)
		}
	}
	judgeAuth(d, add)
}

// ranOut reports whether our time ended the dialogue, and not the server.
func (d *Dialogue) ranOut() bool {
	return d.Fault == smtp.FaultTimeout || d.Fault == smtp.FaultCancelled
}

// handshakeFault returns how the handshake failed, where that was the server's
// doing for sure. Where time ran out, or the server may want what crypto/tls
// does not know, it could not be tested.
func (d *Dialogue) handshakeFault() (tlsx.Outcome, bool) {
	if d.TLS == nil {
		return "", false
	}
	switch d.TLS.Outcome {
	case tlsx.OutcomeClosed, tlsx.OutcomeReset, tlsx.OutcomeAlert, tlsx.OutcomeNotTLS, tlsx.OutcomeBadCertificate:
		return d.TLS.Outcome, true
	}
	return d.TLS.Outcome, false
}

// judgeAuth judges passwords asked for in the clear (RFC 4954 section 4).
func judgeAuth(d *Dialogue, add func(Finding)) {
	if d.Clear == nil || !slices.ContainsFunc(d.Clear.Auth, func(m string) bool { return m == "PLAIN" || m == "LOGIN" }) {
		return
	}
	add(Finding{
		Rule: smtpAuthClear, Subject: d.Host, Evidence: offers(d.Transcript, "AUTH"),
		Params: params("host", d.Host, "port", d.Port),
	})
}

// offers returns the lines of a dialogue, before TLS, that offer a keyword.
func offers(transcript []string, keyword string) []string {
	var out []string
	for _, line := range transcript {
		if line == "C: STARTTLS" {
			break
		}
		if strings.HasPrefix(line, "S: 250") && strings.Contains(strings.ToUpper(line), keyword) {
			out = append(out, line)
		}
	}
	return out
}

// judgeSubmission judges ports 465 and 587, where a host has them at all.
func judgeSubmission(d *Dialogue, add func(Finding)) {
	p := params("host", d.Host)
	switch {
	case d.Port == portSubmissions && d.TLS != nil && d.TLS.Outcome == tlsx.OutcomeNotTLS:
		add(Finding{Rule: smtp465Clear, Subject: d.Host, Params: p, Evidence: d.Transcript})
	case d.Port == portSubmission && d.Outcome == smtp.OutcomeOK:
		if d.StartTLS == smtp.StartTLSNotOffered {
			add(Finding{Rule: smtp587NoTLS, Subject: d.Host, Params: p, Evidence: d.Transcript})
		}
		judgeAuth(d, add)
	}
}

func (f *Facts) transcripts() []string {
	var out []string
	for i := range f.SMTP {
		if f.isMX(&f.SMTP[i]) {
			out = append(out, f.SMTP[i].Transcript...)
		}
	}
	return out
}

// replied is a reply on one line.
func replied(r *smtp.Reply) string {
	if r == nil {
		return code(r)
	}
	return strings.TrimRight(code(r)+" "+strings.Join(r.Text, " "), " ")
}

// code is the reply code, "000" where there was no reply.
func code(r *smtp.Reply) string {
	if r == nil {
		return "000"
	}
	return strconv.Itoa(r.Code)
}

func meritsSMTP(f *Facts, add func(Merit)) {
	seen := map[string]bool{}
	for i := range f.SMTP {
		d := &f.SMTP[i]
		if f.isMX(d) && d.StartTLS == smtp.StartTLSOK && d.TLS != nil && !seen[d.Host] {
			seen[d.Host] = true
			add(Merit{ID: "smtp-starttls", Subject: d.Host, Params: params("host", d.Host, "version", d.TLS.Version)})
		}
	}
}
