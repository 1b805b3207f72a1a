package check

import (
	"context"
	"strings"

	"maildoctor/check/smtp"
	"maildoctor/check/tlsx"
)

// The rules about certificates and TLS of mail hosts.
const (
	tlsExpired     RuleID = "TLS-CERT-EXPIRED"
	tlsNotYetValid RuleID = "TLS-CERT-NOT-YET-VALID"
	tlsName        RuleID = "TLS-CERT-NAME"
	tlsSelfSigned  RuleID = "TLS-CERT-SELF-SIGNED"
	tlsUntrusted   RuleID = "TLS-CERT-UNTRUSTED"
	tlsExpiresSoon RuleID = "TLS-CERT-EXPIRES-SOON"
	tlsVersionOld  RuleID = "TLS-VERSION-OLD"
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
		name: "tls", gather: gatherTLS, judge: judgeTLS, merits: meritsTLS,
		rules: []RuleID{
			tlsExpired, tlsNotYetValid, tlsName, tlsSelfSigned, tlsUntrusted, tlsExpiresSoon,
			tlsVersionOld, tlsKeyWeak, tlsSubmission,
		},
	}
}

// gatherTLS reads what the dialogues with the mail hosts showed of TLS.
func gatherTLS(ctx context.Context, r *run) Coverage {
	if c, ok := r.sessions(ctx); !ok {
		return c
	}
	offered := false
	for i := range r.facts.SMTP {
		d := &r.facts.SMTP[i]
		if r.facts.isMX(d) && d.TLS.Leaf() != nil {
			return Coverage{State: Done}
		}
		offered = offered || r.facts.isMX(d) && d.StartTLS != smtp.StartTLSNotOffered && d.StartTLS != smtp.StartTLSUnknown
	}
	c := smtpCoverage(ctx, r.facts)
	switch {
	case c.State == Inconclusive:
		return c
	case r.facts.allDown():
		return Coverage{State: Inconclusive, Reason: ReasonHostsDown}
	case !offered:
		return Coverage{State: Skipped, Reason: ReasonNoTLS}
	}
	return Coverage{State: Inconclusive, Reason: ReasonBroken}
}

func judgeTLS(f *Facts, add func(Finding)) {
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
		if !seen[d.Host+leaf.SHA256] {
			seen[d.Host+leaf.SHA256] = true
			judgeCert(d, leaf, add)
		}
	}
}

// judgeCert judges the certificate of an MX service. Senders without a policy
// take any (RFC 3207), those that follow MTA-STS or DANE do not.
func judgeCert(d *Dialogue, leaf *tlsx.Certificate, add func(Finding)) {
	raise := func(rule RuleID, more ...any) {
		add(Finding{Rule: rule, Subject: d.Host, Params: params(append([]any{"host", d.Host}, more...)...)})
	}
	switch {
	case leaf.Expired:
		raise(tlsExpired, "date", day(leaf.NotAfter))
	case leaf.NotYetValid:
		raise(tlsNotYetValid, "date", day(leaf.NotBefore))
	case leaf.DaysLeft <= soonDays:
		raise(tlsExpiresSoon, "days", leaf.DaysLeft, "date", day(leaf.NotAfter))
	}
	switch d.TLS.Chain {
	case tlsx.ChainTrusted, tlsx.ChainNoRoots, "":
	case tlsx.ChainSelfSigned:
		raise(tlsSelfSigned)
		return
	default:
		raise(tlsUntrusted, "issuer", quoted(leaf.Issuer), "reason", d.TLS.Chain)
	}
	if !d.TLS.NameMatch {
		raise(tlsName, "names", quoted(strings.Join(leaf.DNSNames[:min(len(leaf.DNSNames), 5)], ", ")))
	}
}

func judgeStrength(d *Dialogue, leaf *tlsx.Certificate, add func(Finding)) {
	if v := d.TLS.Version; v == "TLS 1.0" || v == "TLS 1.1" { // RFC 8996
		add(Finding{Rule: tlsVersionOld, Subject: d.Host, Params: params("host", d.Host, "version", v)})
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
	case d.TLS.Chain == tlsx.ChainTrusted, d.TLS.Chain == tlsx.ChainNoRoots, d.TLS.Chain == "":
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
		if d.TLS.Chain == tlsx.ChainTrusted && d.TLS.NameMatch && !leaf.NotYetValid && leaf.DaysLeft > soonDays {
			seen[d.Host] = true
			add(Merit{ID: "tls-trusted", Subject: d.Host, Params: params("host", d.Host, "days", leaf.DaysLeft)})
		}
	}
}
