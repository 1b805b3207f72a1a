package dane

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"slices"
	"time"

	"maildoctor/check/certs"
)

// A path says whether the server's certificate leads to an anchor.
type path struct {
	reason Reason // empty if it does
	until  time.Time
}

// anchor looks for the trust anchor of a DANE-TA record, and for a path from the
// server's certificate to it (RFC 7671 section 5.2). A digest needs the anchor
// in the chain; full data is the anchor itself.
//
// RFC 7671 does not say whether the server's own certificate may be the anchor.
// OpenSSL and GnuTLS do not take it for one; nor does this.
func (m *matcher) anchor(r *Record, data []byte) Trial {
	best := Trial{Reason: ReasonDigest, Certificate: -1}
	better := func(t Trial) {
		if !best.Verified && rank(t) > rank(best) {
			best = t
		}
	}
	if m.find(r, data, 0) == 0 {
		better(Trial{Reason: ReasonAnchorIsLeaf})
	}
	for i := m.find(r, data, 1); i > 0; i = m.find(r, data, i+1) {
		if !bytes.Equal(m.der[i], m.der[0]) {
			better(m.through(i, m.certs[i]))
		}
	}
	if r.MatchingType == MatchFull && best.Certificate <= 0 && !best.Verified {
		better(m.given(r, data))
	}
	for i := range m.der {
		if best.Reason == ReasonDigest && m.unreadable(r, i) {
			best.Reason = ReasonMalformed
		}
	}
	return best
}

// rank orders what several certificates that fit one record lead to: the one
// that came furthest counts.
func rank(t Trial) int {
	order := []Reason{
		ReasonDigest, ReasonChain, ReasonAnchorIsLeaf, ReasonConstraint, ReasonUsage,
		ReasonNotYetValid, ReasonExpired, ReasonName,
		ReasonMalformed, ReasonExtension, ReasonWeak, ReasonKeyTooLarge, ReasonNotTried,
	}
	if t.Verified {
		return len(order)
	}
	return slices.Index(order, t.Reason)
}

// given takes the anchor from full data: a certificate, or a key that has signed
// one of the chain.
func (m *matcher) given(r *Record, data []byte) Trial {
	if r.Selector == SelectCert {
		if bytes.Equal(data, m.der[0]) {
			return Trial{Reason: ReasonAnchorIsLeaf}
		}
		cert, err := x509.ParseCertificate(data)
		if err != nil {
			return Trial{Reason: ReasonMalformed, Certificate: -1}
		}
		return m.through(-1, cert)
	}
	key, err := x509.ParsePKIXPublicKey(data)
	if err != nil {
		return Trial{Reason: ReasonMalformed, Certificate: -1}
	}
	signer := &x509.Certificate{PublicKey: key}
	switch {
	case tooLarge(signer):
		return Trial{Reason: ReasonKeyTooLarge, Certificate: -1}
	case !m.spend():
		return Trial{Reason: ReasonNotTried, Certificate: -1}
	}
	best := Trial{Reason: ReasonChain, Certificate: -1}
	for _, cert := range m.certs {
		t := Trial{Reason: ReasonMalformed, Certificate: -1}
		switch {
		case cert == nil:
		case signer.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature) != nil:
			continue
		case weak(cert):
			t.Reason = ReasonWeak
		default:
			t = m.through(-1, cert)
		}
		if rank(t) > rank(best) {
			best = t
		}
	}
	return best
}

// through returns what an anchor leads to that is the certificate of that index,
// or is not among those sent.
func (m *matcher) through(i int, anchor *x509.Certificate) Trial {
	if anchor == nil || m.certs[0] == nil {
		return Trial{Reason: ReasonMalformed, Certificate: i}
	}
	p := m.path(anchor)
	if p.reason != "" {
		return Trial{Reason: p.reason, Certificate: i}
	}
	named, common := m.named()
	if !named {
		return Trial{Reason: ReasonName, Certificate: i}
	}
	return Trial{Verified: true, Certificate: i, CommonName: common, Until: p.until.UTC().Format(time.RFC3339)}
}

func (m *matcher) path(anchor *x509.Certificate) path {
	key := string(anchor.Raw)
	if p, ok := m.paths[key]; ok {
		return p
	}
	p := m.search(anchor)
	m.paths[key] = p
	return p
}

func (m *matcher) search(anchor *x509.Certificate) path {
	switch {
	case anchor != m.certs[0] && tooLarge(anchor):
		return path{reason: ReasonKeyTooLarge}
	case !m.spend():
		return path{reason: ReasonNotTried}
	}
	chains, err := m.verify(anchor)
	if err != nil {
		return path{reason: m.broken(anchor, err)}
	}
	return path{until: end(chains)}
}

// spend takes one of the searches of this chain, and reports whether there was
// one left.
func (m *matcher) spend() bool {
	if m.verifies == MaxVerifies {
		return false
	}
	m.verifies++
	return true
}

// verify looks for paths to the anchor. The names are judged apart, in named.
func (m *matcher) verify(anchor *x509.Certificate) ([][]*x509.Certificate, error) {
	roots, intermediates := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(anchor)
	for _, cert := range m.above() {
		intermediates.AddCert(cert)
	}
	return m.certs[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: intermediates, CurrentTime: m.now})
}

// above returns the certificates sent behind the server's own that may have
// signed another.
func (m *matcher) above() []*x509.Certificate {
	var out []*x509.Certificate
	for _, cert := range m.certs[1:] {
		if cert != nil && !tooLarge(cert) {
			out = append(out, cert)
		}
	}
	return out
}

// broken says why crypto/x509 finds no path, as far as that is known.
func (m *matcher) broken(anchor *x509.Certificate, err error) Reason {
	var extension x509.UnhandledCriticalExtension
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &extension):
		return ReasonExtension
	case errors.As(err, &invalid) && invalid.Reason == x509.IncompatibleUsage:
		return ReasonUsage
	case errors.As(err, &invalid) && (invalid.Reason == x509.CANotAuthorizedForThisName || invalid.Reason == x509.TooManyConstraints):
		return ReasonConstraint
	}
	way := m.way(anchor)
	has := func(f func(*x509.Certificate) bool) bool { return slices.ContainsFunc(way, f) }
	switch {
	case has(func(c *x509.Certificate) bool { return m.now.After(c.NotAfter) }):
		return ReasonExpired
	case has(func(c *x509.Certificate) bool { return m.now.Before(c.NotBefore) }):
		return ReasonNotYetValid
	case slices.Contains(m.certs, nil):
		return ReasonMalformed
	case slices.ContainsFunc(m.certs[1:], tooLarge):
		return ReasonKeyTooLarge
	case short(anchor), slices.ContainsFunc(m.certs, weak), slices.ContainsFunc(m.certs[1:], short):
		return ReasonWeak
	}
	return ReasonChain
}

// way returns the certificates of a shortest path by signatures alone, at any
// time, from the anchor down; nothing if there is none.
func (m *matcher) way(anchor *x509.Certificate) []*x509.Certificate {
	child := map[*x509.Certificate]*x509.Certificate{m.certs[0]: nil}
	candidates := append(m.above(), anchor)
	for queue := m.certs[:1:1]; len(queue) > 0; queue = queue[1:] {
		cert := queue[0]
		if cert.Equal(anchor) {
			var out []*x509.Certificate
			for ; cert != nil; cert = child[cert] {
				out = append(out, cert)
			}
			return out
		}
		for _, parent := range candidates {
			_, seen := child[parent]
			if !seen && bytes.Equal(cert.RawIssuer, parent.RawSubject) && cert.CheckSignatureFrom(parent) == nil {
				child[parent] = cert
				queue = append(queue, parent)
			}
		}
	}
	return nil
}

// end returns when the last of several paths ends.
func end(chains [][]*x509.Certificate) time.Time {
	var last time.Time
	for _, chain := range chains {
		first := chain[0].NotAfter
		for _, cert := range chain {
			if cert.NotAfter.Before(first) {
				first = cert.NotAfter
			}
		}
		if first.After(last) {
			last = first
		}
	}
	return last
}

func tooLarge(c *x509.Certificate) bool {
	key, ok := c.PublicKey.(*rsa.PublicKey)
	return ok && key.N.BitLen() > MaxRSA
}

// short reports whether crypto/rsa takes no signatures of the key.
func short(c *x509.Certificate) bool {
	key, ok := c.PublicKey.(*rsa.PublicKey)
	return ok && key.N.BitLen() < certs.MinRSA
}

// weak reports whether crypto/x509 takes no signature of that kind. That of a
// certificate by itself is not asked for.
func weak(c *x509.Certificate) bool {
	return !certs.SelfIssued(c) && certs.WeakSignature(c)
}

// named reports whether the server's certificate carries one of the names, and
// whether it does so in the common name alone, which counts only where there is
// no DNS name (RFC 7672 section 3.2.3).
func (m *matcher) named() (named, common bool) {
	leaf := m.certs[0]
	presented := leaf.DNSNames
	if common = len(presented) == 0; common {
		presented = []string{leaf.Subject.CommonName}
	}
	for _, name := range m.names {
		if slices.ContainsFunc(presented, func(pattern string) bool { return certs.MatchName(pattern, name) }) {
			return true, common
		}
	}
	return false, false
}
