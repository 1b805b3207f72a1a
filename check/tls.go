package check

import (
	"context"
	"slices"
	"strings"

	"maildoctor/check/certs"
	"maildoctor/check/smtp"
	"maildoctor/check/tlsx"
)

// The rules about certificates and TLS of mail hosts.
const (
	tlsExpired     RuleID = "TLS-CERT-EXPIRED"
	tlsDiffers     RuleID = "TLS-CERT-DIFFERS"
	tlsSignature   RuleID = "TLS-CERT-SIGNATURE-WEAK"
	tlsNotYetValid RuleID = "TLS-CERT-NOT-YET-VALID"
	tlsName        RuleID = "TLS-CERT-NAME"
	tlsSelfSigned  RuleID = "TLS-CERT-SELF-SIGNED"
	tlsUntrusted   RuleID = "TLS-CERT-UNTRUSTED"
	tlsExpiresSoon RuleID = "TLS-CERT-EXPIRES-SOON"
	tlsVersionOld  RuleID = "TLS-VERSION-OLD"
	tlsOldOffered  RuleID = "TLS-VERSION-OLD-OFFERED"
	tlsSuiteWeak   RuleID = "TLS-SUITE-WEAK"
	tlsWeakOffered RuleID = "TLS-SUITE-WEAK-OFFERED"
	tlsKeyWeak     RuleID = "TLS-KEY-WEAK"
	tlsSubmission  RuleID = "TLS-SUBMISSION-CERT"
)

// Bounds of certificates and keys.
const (
	soonDays = 14
	minRSA   = 2048
	minECDSA = 224
)

func tlsChecker() checker {
	return checker{
		name: "tls", reads: []string{"dane"}, gather: gatherTLS, judge: judgeTLS, merits: meritsTLS,
		rules: []RuleID{
			tlsExpired, tlsNotYetValid, tlsDiffers, tlsSignature, tlsName, tlsSelfSigned, tlsUntrusted, tlsExpiresSoon,
			tlsVersionOld, tlsOldOffered, tlsSuiteWeak, tlsWeakOffered, tlsKeyWeak, tlsSubmission,
		},
	}
}

// gatherTLS reads what the dialogues with the mail hosts showed of TLS.
func gatherTLS(ctx context.Context, r *run) Coverage {
	if c, ok := r.sessions(ctx); !ok {
		return c
	}
	var why Coverage
	for i := range r.facts.SMTP {
		d := &r.facts.SMTP[i]
		if r.facts.isMX(d) && d.TLS.Leaf() != nil {
			return Coverage{State: Done} // what older TLS it takes is an extra
		}
		if reason := withoutTLS(d); r.facts.isMX(d) && reason != "" && why.Reason == "" {
			why = Coverage{State: Inconclusive, Reason: reason, Subject: d.Host}
		}
	}
	c := smtpCoverage(ctx, r.facts)
	switch {
	case c.State == Inconclusive:
		return c
	case r.facts.allDown():
		return Coverage{State: Inconclusive, Reason: ReasonHostsDown}
	case why.Reason == "":
		return Coverage{State: Skipped, Reason: ReasonNoTLS}
	}
	return why
}

// withoutTLS returns why TLS that a host may well have could not be seen, or "".
func withoutTLS(d *Dialogue) string {
	switch d.StartTLS {
	case smtp.StartTLSUnknown, smtp.StartTLSNotOffered:
		return ""
	case smtp.StartTLSStripped:
		return ReasonStripped
	case smtp.StartTLSInjection:
		return ReasonInjection
	}
	return ReasonTLSFailed
}

func judgeTLS(f *Facts, add func(Finding)) {
	judgeDiffers(f, add)
	seen := map[string]bool{}
	for i := range f.SMTP {
		d := &f.SMTP[i]
		leaf := d.TLS.Leaf()
		if leaf == nil {
			continue
		}
		if !f.isMX(d) {
			judgeSubmissionCert(d, leaf, add)
			continue
		}
		judgeStrength(d, leaf, add)
		judgeOffers(d, add)
		if !seen[d.Host+leaf.SHA256] {
			seen[d.Host+leaf.SHA256] = true
			judgeCert(f, d, leaf, add)
		}
	}
}

// judgeCert judges the certificate of an MX service. Senders without a policy
// take any (RFC 3207), those that follow MTA-STS or DANE do not. One that TLSA
// records vouch for needs no public authority.
func judgeCert(f *Facts, d *Dialogue, leaf *tlsx.Certificate, add func(Finding)) {
	raise := func(rule RuleID, more ...any) {
		add(Finding{Rule: rule, Subject: d.Host, Params: params(append([]any{"host", d.Host}, more...)...)})
	}
	verified, forever := f.daneVerified(d.Host, d.Addr)
	switch {
	case forever:
		return
	case leaf.Expired:
		raise(tlsExpired, "date", day(leaf.NotAfter))
	case leaf.NotYetValid:
		raise(tlsNotYetValid, "date", day(leaf.NotBefore))
	case leaf.DaysLeft <= soonDays:
		raise(tlsExpiresSoon, "days", leaf.DaysLeft, "date", day(leaf.NotAfter))
	}
	if verified {
		return
	}
	switch d.TLS.Chain {
	case certs.ChainTrusted, certs.ChainNoRoots, "":
	case certs.ChainSelfSigned:
		raise(tlsSelfSigned)
		return
	case certs.ChainWeakSignature:
		raise(tlsSignature, "algorithm", weakest(d.TLS.Certs))
	default:
		raise(tlsUntrusted, "issuer", quoted(leaf.Issuer), "reason", d.TLS.Chain)
	}
	if !d.TLS.NameMatch {
		raise(tlsName, "names", quoted(strings.Join(leaf.DNSNames[:min(len(leaf.DNSNames), 5)], ", ")))
	}
}

// weakest is the algorithm of the first weak signature in a chain. That of a
// certificate which signs itself is not verified by anybody.
func weakest(chain []tlsx.Certificate) string {
	for i := range chain {
		if chain[i].WeakSignature && !chain[i].SelfSigned {
			return quoted(chain[i].Signature)
		}
	}
	return quoted("")
}

// judgeDiffers judges hosts that show one sender another certificate than the
// next: at one address it would pass where senders verify it, at the other not.
func judgeDiffers(f *Facts, add func(Finding)) {
	good := map[string]*Dialogue{}
	for i := range f.SMTP {
		if d := &f.SMTP[i]; f.isMX(d) && d.TLS.Leaf() != nil && flaw(d.TLS) == "" && good[d.Host] == nil {
			good[d.Host] = d
		}
	}
	for i := range f.SMTP {
		d := &f.SMTP[i]
		if !f.isMX(d) || d.TLS.Leaf() == nil || good[d.Host] == nil || flaw(d.TLS) == "" {
			continue
		}
		add(Finding{Rule: tlsDiffers, Subject: d.Host, Params: params(
			"host", d.Host, "good", good[d.Host].Addr, "bad", d.Addr, "reason", flaw(d.TLS))})
	}
}

// flawName is the flaw of a certificate that does not name its host.
const flawName = "other-name"

// flaw returns why a sender that verifies a certificate refuses it, or "".
func flaw(s *tlsx.State) string {
	leaf := s.Leaf()
	switch {
	case leaf.Expired:
		return "expired"
	case leaf.NotYetValid:
		return "not-yet-valid"
	case s.Chain == certs.ChainNoRoots, s.Chain == "", s.Chain == certs.ChainTrusted:
	default:
		return string(s.Chain)
	}
	if !s.NameMatch {
		return flawName
	}
	return ""
}

// judgeOffers judges what else a host takes than what it chose. In mail between
// servers old encryption is better than none, so that none of it is a fault by
// itself (RFC 7435).
func judgeOffers(d *Dialogue, add func(Finding)) {
	var old []string
	for _, o := range d.Offers {
		if o.Taken != tlsx.TakenAccepted {
			continue
		}
		switch {
		case o.Hello == tlsx.HelloTLS10:
			old = append(old, "TLS 1.0")
		case o.Hello == tlsx.HelloTLS11:
			old = append(old, "TLS 1.1")
		case o.Hello == tlsx.HelloWeak && !(modern(d.TLS.Version) && tlsx.Broken(d.TLS.CipherSuite)):
			add(Finding{Rule: tlsWeakOffered, Subject: d.Host, Params: params("host", d.Host, "suite", o.CipherSuite)})
		}
	}
	if len(old) > 0 && modern(d.TLS.Version) {
		slices.Sort(old)
		add(Finding{Rule: tlsOldOffered, Subject: d.Host, Params: params("host", d.Host, "versions", strings.Join(old, ", "))})
	}
}

// modern reports whether a version is one that RFC 8996 leaves in use.
func modern(version string) bool { return version == "TLS 1.2" || version == "TLS 1.3" }

func judgeStrength(d *Dialogue, leaf *tlsx.Certificate, add func(Finding)) {
	if v := d.TLS.Version; v == "TLS 1.0" || v == "TLS 1.1" { // RFC 8996
		add(Finding{Rule: tlsVersionOld, Subject: d.Host, Params: params("host", d.Host, "version", v)})
	}
	// Chosen by the host although better ones were offered. RSA key exchange may be
	// the choice only because crypto/tls has no finite-field DHE to offer.
	if modern(d.TLS.Version) && tlsx.Broken(d.TLS.CipherSuite) {
		add(Finding{Rule: tlsSuiteWeak, Subject: d.Host, Params: params("host", d.Host, "suite", d.TLS.CipherSuite)})
	}
	if leaf.KeyType == tlsx.KeyRSA && leaf.KeyBits < minRSA || leaf.KeyType == tlsx.KeyECDSA && leaf.KeyBits < minECDSA {
		add(Finding{
			Rule: tlsKeyWeak, Subject: d.Host,
			Params: params("host", d.Host, "type", leaf.KeyType, "bits", leaf.KeyBits),
		})
	}
}

// judgeSubmissionCert judges the certificate of a submission service, which
// mail programs verify. The name is not judged: people reach the service by a
// name that need not be the MX host's.
func judgeSubmissionCert(d *Dialogue, leaf *tlsx.Certificate, add func(Finding)) {
	reason := string(d.TLS.Chain)
	switch {
	case leaf.Expired:
		reason = "expired"
	case leaf.NotYetValid:
		reason = "not-yet-valid"
	case d.TLS.Chain == certs.ChainTrusted, d.TLS.Chain == certs.ChainNoRoots, d.TLS.Chain == "":
		return
	}
	add(Finding{
		Rule: tlsSubmission, Subject: d.Host,
		Params: params("host", d.Host, "port", d.Port, "reason", reason),
	})
}

// day is the date of an RFC 3339 time.
func day(t string) string { return t[:min(len(t), len("2006-01-02"))] }

func meritsTLS(f *Facts, add func(Merit)) {
	seen := map[string]bool{}
	for i := range f.SMTP {
		d := &f.SMTP[i]
		leaf := d.TLS.Leaf()
		if leaf == nil || !f.isMX(d) || d.StartTLS != smtp.StartTLSOK || seen[d.Host] {
			continue
		}
		if d.TLS.Chain == certs.ChainTrusted && d.TLS.NameMatch && !leaf.NotYetValid && leaf.DaysLeft > soonDays {
			seen[d.Host] = true
			add(Merit{ID: "tls-trusted", Subject: d.Host, Params: params("host", d.Host, "days", leaf.DaysLeft)})
		}
	}
}
