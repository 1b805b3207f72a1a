package check

import (
	"cmp"
	"slices"

	"maildoctor/check/certs"
	"maildoctor/check/dane"
	"maildoctor/check/dnsx"
	"maildoctor/check/mtasts"
	"maildoctor/check/mx"
	"maildoctor/check/smtp"
)

// The rule about what is to come.
const trustExpires RuleID = "TRUST-EXPIRES"

// trustChecker judges the policies, the certificates and the DNS together. It
// asks nothing itself and is no check of its own.
func trustChecker() checker {
	return checker{name: "trust", judge: judgeTrust, rules: []RuleID{trustExpires}}
}

// Delivered says whether senders of one kind deliver to a host.
type Delivered string

// The answers.
const (
	DeliveredYes     Delivered = "yes"
	DeliveredNo      Delivered = "no"
	DeliveredMoot    Delivered = "not-applicable" // they have nothing to hold the host to, and do as all others
	DeliveredUnknown Delivered = "unknown"
)

// TrustReason says why senders do not deliver, why a policy does not apply, or
// why that is not known. Beside those below it may be a reason of a Coverage.
type TrustReason string

// Why nobody, or nobody who wants TLS, delivers.
const (
	TrustNoAddress  TrustReason = "no-address"
	TrustNoService  TrustReason = "no-service"       // the host refuses
	TrustNoTLS      TrustReason = "no-starttls"      // STARTTLS is not offered
	TrustTLSRefused TrustReason = "starttls-refused" // STARTTLS is offered and refused
	TrustTLSFails   TrustReason = "handshake-failed" // senders without a policy differ: some go on in clear text, some put the mail off
	TrustStripped   TrustReason = "stripped"         // something on the way, perhaps ours, takes STARTTLS away
)

// Why senders that follow MTA-STS do not deliver, or do as all others.
const (
	TrustNotListed     TrustReason = "not-listed"
	TrustExpired       TrustReason = "cert-expired"
	TrustNotYetValid   TrustReason = "cert-not-yet-valid"
	TrustName          TrustReason = "cert-name"
	TrustSelfSigned    TrustReason = "cert-self-signed"
	TrustUntrusted     TrustReason = "cert-untrusted"
	TrustOldTLS        TrustReason = "tls-old"      // nothing newer than TLS 1.1
	TrustExpires       TrustReason = "cert-expires" // within soonDays; of DANE too
	TrustNoPolicy      TrustReason = "no-policy"
	TrustPolicyVoid    TrustReason = "policy-void" // a record, and no policy that can be used
	TrustPolicyTesting TrustReason = "policy-testing"
	TrustPolicyUnknown TrustReason = "policy-unknown"
)

// Why senders that follow DANE do not deliver, or do as all others.
const (
	TrustMismatch     TrustReason = "tlsa-mismatch"
	TrustAnchored     TrustReason = "tlsa-chain"  // the certificates do not do for the authority that is pinned
	TrustTLSABroken   TrustReason = "tlsa-broken" // the question for the records fails
	TrustNoTLSA       TrustReason = "no-tlsa"
	TrustTLSAInsecure TrustReason = "tlsa-insecure"
	TrustTLSAUnknown  TrustReason = "tlsa-unknown"
)

// TrustAddressesLeft says that no address that was tried will do, and that there
// are others.
const TrustAddressesLeft TrustReason = "addresses-left"

// A Delivery says whether senders of one kind deliver. Reason is empty with
// DeliveredYes.
type Delivery struct {
	State  Delivered   `json:"state"`
	Reason TrustReason `json:"reason,omitempty"`
}

func delivered() Delivery              { return Delivery{State: DeliveredYes} }
func refused(why TrustReason) Delivery { return Delivery{DeliveredNo, why} }
func moot(why TrustReason) Delivery    { return Delivery{DeliveredMoot, why} }
func unseen[T ~string](why T) Delivery { return Delivery{DeliveredUnknown, TrustReason(why)} }
func (d Delivery) until(expires bool) Delivery {
	if d.State == DeliveredYes && expires {
		return refused(TrustExpires)
	}
	return d
}

// Deliveries are the answers for three kinds of senders. Who follows both MTA-STS
// and DANE goes by DANE where that is not DeliveredMoot (RFC 8461 section 2).
type Deliveries struct {
	Opportunistic Delivery `json:"opportunistic"` // no policy: TLS if it is there, with any certificate (RFC 3207)
	MTASTS        Delivery `json:"mta_sts"`       // MTA-STS alone
	DANE          Delivery `json:"dane"`
}

// A Trust says which senders can deliver to a mail host today, and which after
// soonDays if nothing is done.
type Trust struct {
	Host string `json:"host"`
	Deliveries
	Later Deliveries `json:"later"`
}

// Trust says who can deliver to each mail host, in the order of preference: of a
// domain that exists and takes mail, where not some checkers alone were asked
// for. It is pure, as Judge is.
func (f *Facts) Trust() []Trust {
	if f.Checks != nil || f.exists() == dnsx.NXDomain || f.MX == nil {
		return nil
	}
	var out []Trust
	for i := range f.MX.Hosts {
		h := &f.MX.Hosts[i]
		if h.Kind != mx.KindName || len(out) == MaxHosts {
			continue
		}
		out = append(out, f.trustOf(h))
	}
	return out
}

func (f *Facts) trustOf(h *mx.Host) Trust {
	t := Trust{Host: h.Name}
	t.Opportunistic = f.across(h, (*Dialogue).openly)
	t.MTASTS, t.Later.MTASTS = f.underMTASTS(h)
	t.DANE, t.Later.DANE = f.underDANE(h)
	t.Later.Opportunistic = t.Opportunistic
	return t
}

// across sums up what the MX service of a host offers at its addresses. Senders
// try one after the other: one that will do is enough, and only if none of all
// will do, they do not deliver.
func (f *Facts) across(h *mx.Host, at func(*Dialogue) Delivery) Delivery {
	if h.Status().Absent() {
		return refused(TrustNoAddress)
	}
	var open, closed *Delivery
	tried := 0
	for i := range f.SMTP {
		d := &f.SMTP[i]
		if d.Host != h.Name || !f.isMX(d) {
			continue
		}
		tried++
		switch got := at(d); {
		case got.State == DeliveredYes:
			return got
		case got.State == DeliveredUnknown && open == nil:
			open = &got
		case got.State == DeliveredNo && closed == nil:
			closed = &got
		}
	}
	switch {
	case open != nil:
		return *open
	case closed == nil:
		return unseen(f.whyUntried())
	case tried < len(h.Addrs()) || !h.A.Status.Known() || !h.AAAA.Status.Known() || h.A.Cut+h.AAAA.Cut > 0:
		return unseen(TrustAddressesLeft)
	}
	return *closed
}

// whyUntried says why there is no dialogue with a host.
func (f *Facts) whyUntried() string {
	for _, c := range f.Gathered {
		if c.Checker == "smtp" && c.Reason != "" && len(f.SMTP) == 0 {
			return c.Reason
		}
	}
	return ReasonHostsLeft
}

// openly tells for senders without a policy.
func (d *Dialogue) openly() Delivery {
	switch d.Outcome {
	case smtp.OutcomeOK:
	case smtp.OutcomeRefused, smtp.OutcomeService, smtp.OutcomeNotSMTP, smtp.OutcomeEhloRefused:
		if d.Outcome == smtp.OutcomeService || d.refusesUs() != nil { // it may take mail from others
			return unseen(ReasonRefusesUs)
		}
		return refused(TrustNoService)
	default:
		return unseen(unclear(d))
	}
	switch d.StartTLS {
	case smtp.StartTLSFailed, smtp.StartTLSBroken:
		return unseen(cmp.Or(TrustReason(unclear(d)), TrustTLSFails))
	}
	return delivered()
}

// encrypted tells for senders that insist on TLS, with any certificate.
func (d *Dialogue) encrypted() Delivery {
	if d.Outcome != smtp.OutcomeOK {
		return d.openly()
	}
	switch d.StartTLS {
	case smtp.StartTLSOK:
		return delivered()
	case smtp.StartTLSNotOffered:
		return refused(TrustNoTLS)
	case smtp.StartTLSRefused:
		return refused(TrustTLSRefused)
	case smtp.StartTLSStripped:
		return unseen(TrustStripped)
	case smtp.StartTLSFailed:
		if _, certain := d.handshakeFault(); certain {
			return refused(TrustTLSFails)
		}
	case smtp.StartTLSBroken:
		if !d.ranOut() {
			return refused(TrustTLSFails)
		}
	}
	if why := unclear(d); why != "" {
		return unseen(why)
	}
	return unseen(ReasonTLS)
}

// publicly tells for senders that insist on a certificate of a public authority
// in the name of the host (RFC 8461 section 4.2). RFC 8461 names no version of
// TLS for it; Google writes that senders take TLS 1.2 and newer, so that an older
// one is neither enough nor certain to fail.
func (d *Dialogue) publicly() Delivery {
	got, leaf := d.encrypted(), d.TLS.Leaf()
	switch {
	case got.State != DeliveredYes:
		return got
	case leaf == nil:
		return unseen(ReasonCertificate)
	case leaf.Expired:
		return refused(TrustExpired)
	case leaf.NotYetValid:
		return refused(TrustNotYetValid)
	}
	switch d.TLS.Chain {
	case certs.ChainTrusted:
	case certs.ChainNoRoots, "":
		return unseen(ReasonCertificate)
	case certs.ChainSelfSigned:
		return refused(TrustSelfSigned)
	default:
		return refused(TrustUntrusted)
	}
	if !d.TLS.NameMatch {
		return refused(TrustName)
	}
	if v := d.TLS.Version; v == "TLS 1.0" || v == "TLS 1.1" {
		return unseen(TrustOldTLS)
	}
	return got
}

// underMTASTS tells for senders that follow MTA-STS, with no older policy in
// their memory.
func (f *Facts) underMTASTS(h *mx.Host) (now, later Delivery) {
	both := func(d Delivery) (now, later Delivery) { return d, d }
	s := f.MTASTS
	if s == nil {
		return both(unseen(TrustPolicyUnknown))
	}
	switch mode, known := s.Effective(); {
	case !known:
		return both(unseen(TrustPolicyUnknown))
	case mode == mtasts.Testing:
		return both(moot(TrustPolicyTesting))
	case mode == "" && (s.Outcome == mtasts.Found || s.Outcome == mtasts.Several):
		return both(moot(TrustPolicyVoid))
	case mode != mtasts.Enforce:
		return both(moot(TrustNoPolicy))
	}
	switch listed := mtasts.Compare(s.Policy, []string{h.Name}); {
	case len(listed.Unlisted) > 0:
		return both(refused(TrustNotListed))
	case len(listed.Unknown) > 0:
		return both(unseen(TrustPolicyUnknown))
	}
	return f.across(h, (*Dialogue).publicly), f.across(h, func(d *Dialogue) Delivery {
		leaf := d.TLS.Leaf()
		return d.publicly().until(leaf != nil && leaf.DaysLeft <= soonDays)
	})
}

// underDANE tells for senders that follow DANE.
func (f *Facts) underDANE(h *mx.Host) (now, later Delivery) {
	both := func(d Delivery) (now, later Delivery) { return d, d }
	if h.Status().Absent() {
		return both(moot(TrustNoTLSA))
	}
	t := f.DANE.of(h.Name)
	if t == nil {
		return both(unseen(TrustTLSAUnknown))
	}
	switch {
	case t.Delays():
		return both(refused(TrustTLSABroken))
	case t.State == dane.StateAbsent:
		return both(moot(TrustNoTLSA))
	case !f.DANE.Validated:
		return both(unseen(ReasonNoDNSSEC))
	case t.State == dane.StateUnknown && t.MX != dane.Insecure:
		return both(unseen(TrustTLSAUnknown))
	case !t.Applies():
		return both(moot(TrustTLSAInsecure))
	}
	pinned := func(d *Dialogue) (Delivery, bool) {
		got, s := d.encrypted(), t.at(d.Addr)
		switch {
		case got.State != DeliveredYes:
			return got, false
		case s == nil, s.Outcome == dane.OutcomeUnknown:
			return unseen(ReasonCertificate), false
		}
		switch rule, _ := t.misfit(&s.Verdict); rule {
		case daneChain:
			return refused(TrustAnchored), false
		case daneMismatch:
			return refused(TrustMismatch), false
		}
		return got, s.verified() && !s.Lasts
	}
	now = f.across(h, func(d *Dialogue) Delivery {
		got, _ := pinned(d)
		return got
	})
	return now, f.across(h, func(d *Dialogue) Delivery {
		got, expires := pinned(d)
		return got.until(expires)
	})
}

// What a certificate ends for, as a parameter names it.
const (
	modelMTASTS = "mta-sts"
	modelDANE   = "dane"
	modelBoth   = "both"
)

func judgeTrust(f *Facts, add func(Finding)) {
	for _, t := range f.Trust() {
		ends := func(now, later Delivery) bool { return now.State == DeliveredYes && later.Reason == TrustExpires }
		model := ""
		switch sts, pinned := ends(t.MTASTS, t.Later.MTASTS), ends(t.DANE, t.Later.DANE); {
		case sts && pinned:
			model = modelBoth
		case sts:
			model = modelMTASTS
		case pinned:
			model = modelDANE
		default:
			continue
		}
		add(Finding{
			Rule: trustExpires, Subject: t.Host,
			Params: params("host", t.Host, "date", day(f.firstEnd(t.Host)), "model", model),
		})
	}
}

// firstEnd is when the first certificate of a host that senders rely on ends,
// RFC 3339.
func (f *Facts) firstEnd(host string) string {
	var ends []string
	for i := range f.SMTP {
		if d := &f.SMTP[i]; d.Host == host && f.isMX(d) && d.TLS.Leaf() != nil {
			ends = append(ends, d.TLS.Leaf().NotAfter)
		}
	}
	if h := f.DANE.of(host); h != nil {
		for _, s := range h.Services {
			if s.Until != "" {
				ends = append(ends, s.Until)
			}
		}
	}
	return slices.Min(ends)
}
