package tlsx

import (
	"crypto/tls"
	"slices"
	"strings"
)

// A Hello names what a handshake offers to a server.
type Hello string

// What can be offered, and what cannot: the last two name handshakes that
// crypto/tls does not know, so that they can be reported as not tested.
const (
	HelloAll   Hello = ""                 // TLS 1.0 to 1.3
	HelloTLS13 Hello = "tls-1.3"          // TLS 1.3 alone
	HelloTLS12 Hello = "tls-1.2"          // TLS 1.2 alone
	HelloTLS11 Hello = "tls-1.1"          // TLS 1.1 and 1.0
	HelloTLS10 Hello = "tls-1.0"          // TLS 1.0 alone
	HelloWeak  Hello = "weak-suites"      // TLS 1.2 and older with the suites of Weak alone
	HelloSSL3  Hello = "ssl-3.0"          // cannot be offered
	HelloDHE   Hello = "finite-field-dhe" // cannot be offered
)

// versionRange bounds the versions of a handshake.
type versionRange struct{ least, most uint16 }

func (h Hello) versions() versionRange {
	switch h {
	case HelloTLS13:
		return versionRange{tls.VersionTLS13, tls.VersionTLS13}
	case HelloTLS12:
		return versionRange{tls.VersionTLS12, tls.VersionTLS12}
	case HelloTLS11:
		return versionRange{tls.VersionTLS10, tls.VersionTLS11}
	case HelloTLS10:
		return versionRange{tls.VersionTLS10, tls.VersionTLS10}
	case HelloWeak:
		return versionRange{tls.VersionTLS10, tls.VersionTLS12}
	}
	return versionRange{tls.VersionTLS10, tls.VersionTLS13}
}

func (h Hello) suites() []uint16 {
	var ids []uint16
	for _, suite := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		if h != HelloWeak || Weak(suite.Name) {
			ids = append(ids, suite.ID)
		}
	}
	return ids
}

// Weak reports whether a cipher suite is one that RFC 9325 section 4.1 and
// RFC 7465 advise against by name: RSA key exchange, 3DES or RC4. ECDHE with
// AES-CBC and SHA-1, which Grades calls insufficient too, is not among them: all
// of TLS 1.0 and 1.1 is made of it, and a server that has it picks it first and
// so hides the others.
func Weak(suite string) bool { return strings.HasPrefix(suite, "TLS_RSA_WITH_") || Broken(suite) }

// Broken reports whether the cipher of a suite itself is broken or outdated: RC4
// (RFC 7465) or 3DES.
func Broken(suite string) bool {
	return strings.Contains(suite, "_RC4_") || strings.Contains(suite, "_3DES_")
}

// Taken says whether a server took an offer.
type Taken string

// The answers to an offer. TakenRefused is said of what crypto/tls offered: a
// server that wants finite-field DHE for an old version may yet have that
// version.
const (
	TakenAccepted  Taken = "accepted"
	TakenRefused   Taken = "refused"
	TakenNotTested Taken = "not-tested" // Offer.Reason says why
)

// An Offer is what became of one offer to a server.
type Offer struct {
	Hello        Hello        `json:"hello"`
	Taken        Taken        `json:"taken"`
	Reason       string       `json:"reason,omitempty"`       // with TakenNotTested: ReasonUnsupported, an Outcome, or a code of the caller
	CipherSuite  string       `json:"cipher_suite,omitempty"` // with TakenAccepted, the suite that the server chose
	MasterSecret MasterSecret `json:"master_secret,omitempty"`
}

// ReasonUnsupported is the reason of an offer that crypto/tls cannot make.
const ReasonUnsupported = "unsupported"

// MaxTries is how many further handshakes Explore asks for at most.
const MaxTries = 4

// Explore finds out which versions and suites a server takes, beside what it
// showed in a first handshake with HelloAll that succeeded. try makes another
// handshake; it returns nil, and a code for the reason, where it could not. It
// is called at most MaxTries times, one call after the other.
func Explore(first *State, try func(Hello) (*State, string)) []Offer {
	e := &explorer{first: first, try: try}
	e.eleven()
	weak := e.weak()
	offers := []Offer{e.thirteen(), e.twelve(), e.old, e.oldest(), weak}
	return append(offers,
		Offer{Hello: HelloSSL3, Taken: TakenNotTested, Reason: ReasonUnsupported},
		Offer{Hello: HelloDHE, Taken: TakenNotTested, Reason: ReasonUnsupported})
}

type explorer struct {
	first *State
	try   func(Hello) (*State, string)
	old   Offer // TLS 1.1
	older *Offer
}

// shown is the offer of a version that the first handshake ended in, refused
// where it is newer: a server takes the newest that it knows.
func (e *explorer) shown(h Hello, version string) (Offer, bool) {
	switch {
	case e.first.Version == version:
		return e.accepted(h, e.first), true
	case e.first.Version < version:
		return Offer{Hello: h, Taken: TakenRefused}, true
	}
	return Offer{}, false
}

func (e *explorer) accepted(h Hello, s *State) Offer {
	return Offer{Hello: h, Taken: TakenAccepted, CipherSuite: s.CipherSuite, MasterSecret: s.MasterSecret}
}

func (e *explorer) ask(h Hello) (Offer, *State) {
	s, reason := e.try(h)
	if s == nil {
		return Offer{Hello: h, Taken: TakenNotTested, Reason: reason}, nil
	}
	switch taken := s.taken(); taken {
	case TakenAccepted:
		return e.accepted(h, s), s
	case TakenRefused:
		return Offer{Hello: h, Taken: taken}, s
	}
	return Offer{Hello: h, Taken: TakenNotTested, Reason: string(s.Outcome)}, s
}

func (e *explorer) thirteen() Offer {
	o, _ := e.shown(HelloTLS13, "TLS 1.3")
	return o
}

func (e *explorer) twelve() Offer {
	if o, ok := e.shown(HelloTLS12, "TLS 1.2"); ok {
		return o
	}
	o, _ := e.ask(HelloTLS12)
	return o
}

// eleven offers TLS 1.1 and 1.0 at once: most servers refuse both.
func (e *explorer) eleven() {
	var ok bool
	if e.old, ok = e.shown(HelloTLS11, "TLS 1.1"); ok {
		return
	}
	o, s := e.ask(HelloTLS11)
	e.old = o
	switch {
	case o.Taken == TakenAccepted && s.Version == "TLS 1.0":
		e.old = Offer{Hello: HelloTLS11, Taken: TakenRefused}
		o.Hello = HelloTLS10
		e.older = &o
	case o.Taken != TakenAccepted:
		o.Hello = HelloTLS10
		e.older = &o
	}
}

func (e *explorer) oldest() Offer {
	if o, ok := e.shown(HelloTLS10, "TLS 1.0"); ok {
		return o
	}
	if e.older != nil {
		return *e.older
	}
	o, _ := e.ask(HelloTLS10)
	return o
}

func (e *explorer) weak() Offer {
	if Weak(e.first.CipherSuite) {
		return e.accepted(HelloWeak, e.first)
	}
	o, _ := e.ask(HelloWeak)
	return o
}

// Alerts that answer what was offered (RFC 8446 section 6.2).
const (
	alertHandshakeFailure     = 40
	alertProtocolVersion      = 70
	alertInsufficientSecurity = 71

	// OpenSSL 3 sends it where its security level leaves an old version without a
	// hash to sign with.
	alertInternalError = 80
)

// taken says what the end of a handshake means for what was offered, to a server
// with which another one succeeded a moment ago. Some, those of SChannel among
// them, end the connection instead of sending an alert.
func (s *State) taken() Taken {
	switch s.Outcome {
	case OutcomeOK:
		return TakenAccepted
	case OutcomeClosed, OutcomeReset:
		return TakenRefused
	case OutcomeAlert:
		switch s.Alert {
		case alertHandshakeFailure, alertProtocolVersion, alertInsufficientSecurity, alertInternalError:
			return TakenRefused
		}
	}
	return TakenNotTested
}
