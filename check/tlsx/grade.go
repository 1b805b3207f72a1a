package tlsx

import (
	"slices"
	"strings"
)

// Grade is a class of the TLS guidelines of NCSC-NL, edition 2025-05.
type Grade string

// The classes, the best first. What crypto/tls cannot name is not graded.
const (
	GradeGood         Grade = "good"
	GradeSufficient   Grade = "sufficient"
	GradePhaseOut     Grade = "phase-out"
	GradeInsufficient Grade = "insufficient"
	GradeNotTested    Grade = "not-tested"
)

// Grades are the classes of what one handshake showed. A field is empty where
// the handshake has no such part.
type Grades struct {
	Version      Grade `json:"version,omitempty"`
	Suite        Grade `json:"suite,omitempty"`
	KeyExchange  Grade `json:"key_exchange,omitempty"`
	Key          Grade `json:"key,omitempty"`           // the worst key of the certificates sent, roots left out
	Signature    Grade `json:"signature,omitempty"`     // the worst signature of the same
	MasterSecret Grade `json:"master_secret,omitempty"` // TLS 1.2 and older
}

// Grades classes what the handshake showed. It reads facts alone.
func (s *State) Grades() Grades {
	var g Grades
	if s.Version != "" {
		g.Version = gradeVersion(s.Version)
		g.Suite = gradeSuite(s.Version, s.CipherSuite)
		g.KeyExchange = gradeKeyExchange(s.KeyExchange)
	}
	for i := range s.Certs {
		c := &s.Certs[i]
		if i > 0 && c.SelfSigned { // a root, which is believed for other reasons
			continue
		}
		g.Key = worse(g.Key, gradeKey(c))
		if !c.SelfSigned {
			g.Signature = worse(g.Signature, gradeSignature(c.Signature))
		}
	}
	switch s.MasterSecret {
	case MasterSecretExtended:
		g.MasterSecret = GradeGood
	case MasterSecretPlain:
		g.MasterSecret = GradeInsufficient
	}
	return g
}

// worse returns the lower of two classes. One that is not graded is below all
// but the lowest, since it may be either.
func worse(a, b Grade) Grade {
	order := []Grade{"", GradeGood, GradeSufficient, GradePhaseOut, GradeNotTested, GradeInsufficient}
	if slices.Index(order, a) > slices.Index(order, b) {
		return a
	}
	return b
}

func gradeVersion(version string) Grade {
	switch version {
	case "TLS 1.3":
		return GradeGood
	case "TLS 1.2":
		return GradeSufficient
	case "TLS 1.1", "TLS 1.0":
		return GradeInsufficient
	}
	return GradeNotTested
}

func gradeSuite(version, suite string) Grade {
	has := func(part string) bool { return strings.Contains(suite, part) }
	switch {
	case version == "TLS 1.3" && (has("_AES_256_GCM_") || has("_CHACHA20_")):
		return GradeGood
	case version == "TLS 1.3" && has("_AES_128_GCM_"):
		return GradeSufficient
	case Weak(suite), strings.HasSuffix(suite, "_CBC_SHA"):
		return GradeInsufficient
	case has("_ECDHE_") && (has("_GCM_") || has("_CHACHA20_")):
		return GradeSufficient
	case has("_ECDHE_") && has("_CBC_SHA256"):
		return GradePhaseOut
	}
	return GradeNotTested
}

// gradeKeyExchange classes a group as crypto/tls names it; none means RSA key
// exchange. The hybrids with ML-KEM, which the table does not list, hold one of
// its groups each.
func gradeKeyExchange(group string) Grade {
	switch group {
	case "":
		return GradeInsufficient
	case "X25519", "CurveP256", "CurveP384", "CurveP521", "X25519MLKEM768", "SecP256r1MLKEM768", "SecP384r1MLKEM1024":
		return GradeSufficient
	}
	return GradeNotTested
}

func gradeKey(c *Certificate) Grade {
	switch c.KeyType {
	case KeyRSA:
		switch {
		case c.KeyBits >= 3072:
			return GradeSufficient
		case c.KeyBits >= 2048:
			return GradePhaseOut
		}
		return GradeInsufficient
	case KeyECDSA:
		switch c.Curve {
		case "P-256", "P-384", "P-521":
			return GradeSufficient
		case "P-224":
			return GradePhaseOut
		}
		return GradeInsufficient
	case KeyEd25519:
		return GradeSufficient
	}
	return GradeNotTested
}

// gradeSignature classes an algorithm as crypto/x509 names it.
func gradeSignature(algorithm string) Grade {
	switch {
	case strings.HasPrefix(algorithm, "MD"), strings.HasPrefix(algorithm, "DSA"), strings.Contains(algorithm, "SHA1"):
		return GradeInsufficient
	case strings.Contains(algorithm, "SHA256"), strings.Contains(algorithm, "SHA384"), strings.Contains(algorithm, "SHA512"), algorithm == "Ed25519":
		return GradeSufficient
	}
	return GradeNotTested
}
