package check

import (
	"context"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/miekg/dns"

	"maildoctor/check/dane"
	"maildoctor/check/dnsx"
	"maildoctor/check/group"
	"maildoctor/check/mx"
	"maildoctor/check/smtp"
)

// The rules about DANE. A domain without it breaks none.
const (
	daneMismatch   RuleID = "DANE-MISMATCH"
	daneChain      RuleID = "DANE-CHAIN"
	daneNoUsable   RuleID = "DANE-NO-USABLE-RECORD"
	daneInsecure   RuleID = "DANE-INSECURE"
	daneTLSABroken RuleID = "DANE-TLSA-BROKEN"
	daneSinglePin  RuleID = "DANE-SINGLE-PIN"
	daneNoSTARTTLS RuleID = "DANE-NO-STARTTLS"
)

// portMX is where mail servers deliver, and so where they look for TLSA records
// (RFC 7672 section 2.2.3): also if this program speaks with another port.
const portMX = 25

func daneChecker() checker {
	return checker{
		name: "dane", gather: gatherDANE, judge: judgeDANE, merits: meritsDANE,
		rules: []RuleID{daneMismatch, daneChain, daneNoUsable, daneInsecure, daneTLSABroken, daneSinglePin, daneNoSTARTTLS},
	}
}

// DANE is what the mail hosts have for senders that follow DANE.
type DANE struct {
	// Validated tells that the resolver says of answers whether DNSSEC secures
	// them: it did so of one. Without that Insecure means nothing.
	Validated bool       `json:"validated,omitempty"`
	Hosts     []DANEHost `json:"hosts,omitempty"` // by preference, at most MaxHosts
}

// A DANEHost is what the DNS and the MX service of a host show.
type DANEHost struct {
	dane.Result
	Services []DANEService `json:"services,omitempty"` // where there are records and the service showed a certificate
}

// A DANEService is the certificate at one address held against the records, as
// if they were secure.
type DANEService struct {
	Addr netip.Addr `json:"address"`
	dane.Verdict
	Lasts bool `json:"lasts,omitempty"` // it would still be verified after soonDays
}

// verified reports whether the records vouch for the certificate to every
// sender.
func (s *DANEService) verified() bool { return s.Outcome == dane.OutcomeVerified }

// of returns what is known of a host, or nil.
func (d *DANE) of(host string) *DANEHost {
	if d == nil {
		return nil
	}
	for i := range d.Hosts {
		if d.Hosts[i].Host == host {
			return &d.Hosts[i]
		}
	}
	return nil
}

// at returns what the service at an address showed, or nil.
func (h *DANEHost) at(addr netip.Addr) *DANEService {
	for i := range h.Services {
		if h.Services[i].Addr == addr {
			return &h.Services[i]
		}
	}
	return nil
}

// daneVerified reports whether TLSA records vouch for the certificate of an MX
// service, so that it need not do by other measures. Not even its dates matter
// with forever, as DANE-EE has it (RFC 7672 section 3.1.1). Where it is not known
// whether the records are secure, they have the benefit of the doubt.
func (f *Facts) daneVerified(host string, addr netip.Addr) (verified, forever bool) {
	h := f.DANE.of(host)
	if h == nil || f.DANE.Validated && !h.Applies() {
		return false, false
	}
	s := h.at(addr)
	if s == nil || !s.verified() {
		return false, false
	}
	return true, s.Until == ""
}

// gatherDANE looks for TLSA records of the mail hosts. Only where there are some
// it asks the hosts for their certificates.
func gatherDANE(ctx context.Context, r *run) Coverage {
	found := r.hosts(ctx)
	if found.RefusesMail() {
		return Coverage{State: Skipped, Reason: ReasonNullMX}
	}
	d := r.tlsa(ctx, found)
	r.facts.DANE = d
	switch c := mxCoverage(ctx, r, found); {
	case ctx.Err() != nil:
		return interrupted(ctx)
	case len(d.Hosts) == 0 && c.State == Done:
		return Coverage{State: Skipped, Reason: ReasonNoHosts}
	case len(d.Hosts) == 0:
		return c
	}
	inUse := slices.ContainsFunc(d.Hosts, func(h DANEHost) bool { return len(h.Records) > 0 })
	if inUse {
		d.Validated = d.Validated || r.dns.Lookup(ctx, ".", dns.TypeSOA).Authenticated
		if c, ok := r.sessions(ctx); !ok {
			return c
		}
		d.match(r)
	}
	for i := range d.Hosts {
		h := &d.Hosts[i]
		if h.State == dane.StateUnknown && h.MX != dane.Insecure && len(h.Questions) > 0 {
			last := h.Questions[len(h.Questions)-1]
			return r.unknown(ctx, string(last.Status), last.Reason, last.Name)
		}
	}
	if inUse {
		return daneCoverage(ctx, r.facts)
	}
	return Coverage{State: Done}
}

// tlsa asks for the records of the hosts that have addresses, the most preferred
// first.
func (r *run) tlsa(ctx context.Context, found *mx.Result) *DANE {
	d := &DANE{Validated: found.Authenticated}
	var hosts []*mx.Host
	for i := range found.Hosts {
		h := &found.Hosts[i]
		d.Validated = d.Validated || h.A.Authenticated || h.AAAA.Authenticated
		if h.Kind == mx.KindName && h.Status() == dnsx.OK && len(hosts) < MaxHosts {
			hosts = append(hosts, h)
		}
	}
	d.Hosts = make([]DANEHost, len(hosts))
	var parts group.Group
	for i, h := range hosts {
		parts.Go(func() {
			d.Hosts[i].Result = *dane.Lookup(ctx, r.dns, dane.Host{
				Name: h.Name, Alias: h.Alias,
				MX:      dane.SecurityOf(dnsx.Answer{Status: found.Status, Authenticated: found.Authenticated}),
				Address: dane.AddressSecurity(answer(h.A), answer(h.AAAA)),
			}, portMX)
		})
	}
	parts.Wait()
	for i := range d.Hosts {
		d.Validated = d.Validated || slices.ContainsFunc(d.Hosts[i].Questions, func(q dane.Question) bool {
			return q.Security == dane.Secure
		})
	}
	return d
}

func answer(a mx.Addresses) dnsx.Answer {
	return dnsx.Answer{Status: a.Status, Authenticated: a.Authenticated}
}

// match holds the certificates that the MX services showed against the records
// of their own host.
func (d *DANE) match(r *run) {
	now := r.net.Now()
	for i := range r.facts.SMTP {
		s := &r.facts.SMTP[i]
		h := d.of(s.Host)
		if h == nil || len(h.Records) == 0 || !r.facts.isMX(s) || s.TLS.Leaf() == nil {
			continue
		}
		records := h.Result
		records.State = dane.StateFound
		v := records.Match(s.TLS.Raw, append([]string{r.domain}, r.facts.MX.Alias...), now)
		h.Services = append(h.Services, DANEService{
			Addr: s.Addr, Verdict: v, Lasts: v.HoldsAt(now.Add((soonDays + 1) * 24 * time.Hour)),
		})
	}
}

// daneCoverage says whether it was found out what senders make of the records.
// Where the resolver does not tell what is secure, they may be in force or not;
// that costs nothing where the certificates fit.
func daneCoverage(ctx context.Context, f *Facts) Coverage {
	if !f.DANE.Validated {
		fits := true
		for i := range f.DANE.Hosts {
			h := &f.DANE.Hosts[i]
			fits = fits && (len(h.Records) == 0 || len(h.Services) > 0 &&
				!slices.ContainsFunc(h.Services, func(s DANEService) bool { return !s.verified() }))
		}
		return Coverage{State: Inconclusive, Reason: ReasonNoDNSSEC, Minor: fits}
	}
	if c := smtpCoverage(ctx, f); c.State != Done {
		return c
	}
	for i := range f.DANE.Hosts {
		h := &f.DANE.Hosts[i]
		if h.Applies() && slices.ContainsFunc(h.Services, func(s DANEService) bool { return s.Outcome == dane.OutcomeUnknown }) {
			return Coverage{State: Inconclusive, Reason: ReasonCertificate, Subject: h.Host}
		}
	}
	return Coverage{State: Done}
}

// What keeps TLSA records from having an effect (RFC 7672 section 2.2).
const (
	gapMX      = "mx-insecure"
	gapAddress = "address-insecure"
	gapTLSA    = "tlsa-insecure"
)

func judgeDANE(f *Facts, add func(Finding)) {
	if f.DANE == nil {
		return
	}
	for i := range f.DANE.Hosts {
		switch h := &f.DANE.Hosts[i]; {
		case h.Delays():
			last := h.Questions[len(h.Questions)-1]
			add(Finding{Rule: daneTLSABroken, Subject: h.Host, Params: params("host", h.Host, "place", last.Name)})
		case h.Applies():
			judgeTLSA(f, h, add)
		case len(h.Records) > 0 && f.DANE.Validated:
			judgeInsecure(f, h, add)
		}
	}
}

func judgeInsecure(f *Facts, h *DANEHost, add func(Finding)) {
	gap := ""
	switch {
	case h.MX == dane.Insecure:
		gap = gapMX
	case h.State != dane.StateFoundInsecure: // the way to the records is not known
		return
	case h.Address == dane.Insecure && h.AliasSecurity != dane.Secure:
		gap = gapAddress
	default:
		gap = gapTLSA
	}
	add(Finding{
		Rule: daneInsecure, Subject: h.Host, Evidence: h.evidence(),
		Params: params("host", h.Host, "gap", gap),
	})
}

// Limits of the records that a finding shows. The facts have all of them.
const (
	maxShownRecords = 20
	maxShownData    = 256 // digits of one
)

// evidence shows the records.
func (h *DANEHost) evidence() []string {
	var out []string
	for _, r := range h.Records[:min(len(h.Records), maxShownRecords)] {
		data := quoted(r.Data)
		if len(data) > maxShownData {
			data = data[:maxShownData] + "..."
		}
		out = append(out, h.place()+" TLSA "+fields(&r)+" "+data)
	}
	return out
}

// place is the name of the records.
func (h *DANEHost) place() string { return "_" + strconv.Itoa(int(h.Port)) + "._tcp." + h.Base }

// fields writes usage, selector and matching type as a record does.
func fields(r *dane.Record) string {
	return strconv.Itoa(int(r.Usage)) + " " + strconv.Itoa(int(r.Selector)) + " " + strconv.Itoa(int(r.MatchingType))
}

// judgeTLSA judges records that senders hold the host to.
func judgeTLSA(f *Facts, h *DANEHost, add func(Finding)) {
	usable := slices.ContainsFunc(h.Records, func(r dane.Record) bool { return r.Usable })
	if !usable && h.Cut == 0 {
		add(Finding{
			Rule: daneNoUsable, Subject: h.Host, Evidence: h.evidence(),
			Params: params("host", h.Host, "place", h.place(), "fault", h.Records[0].Faults[0]),
		})
	}
	seen := map[string]bool{}
	for i := range f.SMTP {
		d := &f.SMTP[i]
		if d.Host != h.Host || !f.isMX(d) {
			continue
		}
		if d.Outcome == smtp.OutcomeOK && d.StartTLS == smtp.StartTLSNotOffered {
			add(Finding{
				Rule: daneNoSTARTTLS, Subject: h.Host, Evidence: d.Transcript,
				Params: params("host", h.Host, "address", d.Addr),
			})
		}
		s, leaf := h.at(d.Addr), d.TLS.Leaf()
		if s == nil || leaf == nil || seen[leaf.SHA256] {
			continue
		}
		seen[leaf.SHA256] = true
		switch rule, reason := h.misfit(&s.Verdict); {
		case rule == daneChain:
			add(Finding{
				Rule: daneChain, Subject: h.Host, Evidence: h.evidence(),
				Params: params("host", h.Host, "address", d.Addr, "place", h.place(), "reason", reason, "cure", chainCure(reason)),
			})
		case rule == daneMismatch:
			add(Finding{
				Rule: daneMismatch, Subject: h.Host, Evidence: h.evidence(),
				Params: params("host", h.Host, "address", d.Addr, "place", h.place(), "reason", reason, "key", leaf.KeySHA256),
			})
		case s.verified() && s.RollOver.SingleEE:
			add(Finding{
				Rule: daneSinglePin, Subject: h.Host, Evidence: h.evidence(),
				Params: params("host", h.Host, "place", h.place()),
			})
		}
	}
}

// reasonWeaker says that the record that fits is one which senders with digest
// agility pass over (RFC 7671 section 9).
const reasonWeaker dane.Reason = "weaker-digest"

// reasonAnchorMissing says that all records pin an authority, and that no
// certificate sent is one of these (RFC 7672 section 3.1.2).
const reasonAnchorMissing dane.Reason = "anchor-missing"

// misfit returns which rule a certificate breaks that senders refuse, and why;
// nothing where they do not for sure. Of several records the one speaks that came
// furthest. Records of an authority may be right where the certificates are not.
func (h *DANEHost) misfit(v *dane.Verdict) (RuleID, dane.Reason) {
	switch v.Outcome {
	case dane.OutcomeVerifiedWeaker:
		return daneMismatch, reasonWeaker
	case dane.OutcomeNotVerified:
	default:
		return "", ""
	}
	reason := dane.ReasonDigest
	for _, t := range v.Trials {
		if t.Reason != dane.ReasonUnusable && t.Reason != dane.ReasonDigest && t.Reason != "" {
			reason = t.Reason
		}
	}
	switch reason {
	case dane.ReasonNotLeaf, dane.ReasonAnchorIsLeaf:
		return daneMismatch, reason
	case dane.ReasonDigest:
		if slices.ContainsFunc(h.Records, func(r dane.Record) bool { return r.Usable && r.Usage != dane.DANETA }) {
			return daneMismatch, reason
		}
		return daneChain, reasonAnchorMissing
	}
	return daneChain, reason
}

// What makes the certificates of a host do for the authority that is pinned.
const (
	cureRenew  = "renew"
	cureClock  = "clock"
	cureName   = "name"
	cureSend   = "send-chain"
	cureIssuer = "issuer"
)

func chainCure(reason dane.Reason) string {
	switch reason {
	case dane.ReasonExpired:
		return cureRenew
	case dane.ReasonNotYetValid:
		return cureClock
	case dane.ReasonName:
		return cureName
	case dane.ReasonChain, reasonAnchorMissing:
		return cureSend
	}
	return cureIssuer
}

func meritsDANE(f *Facts, add func(Merit)) {
	if f.DANE == nil {
		return
	}
	for i := range f.DANE.Hosts {
		h := &f.DANE.Hosts[i]
		bad := slices.ContainsFunc(h.Services, func(s DANEService) bool { return !s.verified() })
		if h.Applies() && len(h.Services) > 0 && !bad {
			add(Merit{ID: "dane-verified", Subject: h.Host, Params: params("host", h.Host)})
		}
	}
}
