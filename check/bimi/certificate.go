package bimi

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"slices"
	"strings"
	"time"

	"maildoctor/check/certs"
	"maildoctor/check/taglist"
)

// MarkReason names a fault of a certificate file.
type MarkReason string

// The faults of a certificate file (draft-fetch-validation-vmc-wchuang sections
// 3.3, 4 and 5.1).
const (
	FileCut           MarkReason = "file-cut"              // more than MaxPEM octets; the rest is not looked at
	NoPEM             MarkReason = "no-pem"                // no certificate in PEM (RFC 7468)
	TooManyBlocks     MarkReason = "too-many-blocks"       // more than MaxBlocks
	PrivateKey        MarkReason = "private-key"           // for everybody to read
	OtherBlock        MarkReason = "other-block"           // something else than a certificate
	CertMalformed     MarkReason = "certificate-malformed" // one of them cannot be read
	UsageMissing      MarkReason = "usage-missing"         // not for BIMI, by its extended key usage
	LeafNotFirst      MarkReason = "leaf-not-first"        // the mark certificate does not stand at the beginning
	SeveralMarks      MarkReason = "several-marks"         // more than one mark certificate
	SelfSigned        MarkReason = "self-signed"           // the mark certificate is its own issuer
	IssuerMissing     MarkReason = "issuer-missing"        // the mark certificate stands alone
	ChainBroken       MarkReason = "chain-broken"          // a certificate is not signed by any other in the file, and is not the last
	ChainOrder        MarkReason = "chain-order"           // the issuers stand in another order, or there are others
	IssuerExpired     MarkReason = "issuer-expired"        // one of the issuers
	KeyTooLarge       MarkReason = "key-too-large"         // the RSA key of an issuer has more than 8192 bits; not looked into
	LogotypeMissing   MarkReason = "logotype-missing"      // no extension with a picture (RFC 9399)
	LogotypeMalformed MarkReason = "logotype-malformed"    // the extension cannot be read
	LogotypeExternal  MarkReason = "logotype-external"     // the picture is not inside of the certificate
	LogotypeData      MarkReason = "logotype-data"         // the picture is not base64
)

// Chain says how far the certificates of a file vouch for each other. Whether
// the last one leads to a root that a receiver trusts is not judged: roots for
// marks are no part of a system.
type Chain string

// The kinds of chains.
const (
	ChainToRoot   Chain = "root"   // down from a root in the file
	ChainToIssuer Chain = "issuer" // down from an issuer whose root is not in the file
	ChainNone     Chain = "none"   // see the faults
)

// Kind is what a mark certificate vouches for.
type Kind string

// The kinds of mark certificates.
const (
	VMC         Kind = "vmc"     // a registered or government mark
	CMC         Kind = "cmc"     // a mark of prior use, or a modified registered mark
	UnknownKind Kind = "unknown" // the subject names no type of mark, or an unknown one
)

// A Mark is what a certificate file holds. Without a certificate that can be
// read there are faults only.
type Mark struct {
	Subject     taglist.Octets   `json:"subject,omitempty"` // organisation, else common name, cut after MaxText octets
	Issuer      taglist.Octets   `json:"issuer,omitempty"`  // common name of the issuer, else its organisation, cut
	Type        taglist.Octets   `json:"mark_type,omitempty"`
	Kind        Kind             `json:"kind,omitempty"`
	NotBefore   string           `json:"not_before,omitempty"` // RFC 3339, UTC
	NotAfter    string           `json:"not_after,omitempty"`  // RFC 3339, UTC
	DaysLeft    int              `json:"days_left"`            // whole days to NotAfter; negative once it is past
	Expired     bool             `json:"expired,omitempty"`
	NotYetValid bool             `json:"not_yet_valid,omitempty"`
	Names       []taglist.Octets `json:"names,omitempty"` // DNS names, sorted, cut, at most MaxNames
	NameMatch   bool             `json:"name_match,omitempty"`
	Blocks      int              `json:"blocks"` // certificates in the file that can be read
	Chain       Chain            `json:"chain,omitempty"`
	SHA256      string           `json:"sha256,omitempty"`  // of the mark certificate, in hexadecimal digits
	Picture     *Picture         `json:"picture,omitempty"` // the logo inside
	Faults      []MarkReason     `json:"faults,omitempty"`  // each once
}

// An Identity is the record that a certificate has to name.
type Identity struct {
	Domain, Selector string
}

// Object identifiers of mark certificates (RFC 9399 section 4.1; the registry
// of extended key usages; the requirements for mark certificates).
var (
	oidBrandIndicator = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 31}
	oidLogotype       = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 12}
	oidMarkType       = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 53087, 1, 13}
)

// CheckCertificate reads a certificate file and judges it at a time. No root is
// asked for: see Chain. It never returns nil.
func CheckCertificate(file []byte, id Identity, now time.Time) *Mark {
	m := new(Mark)
	list := m.blocks(file)
	if m.Blocks = len(list); m.Blocks == 0 {
		if len(m.Faults) == 0 {
			m.fault(NoPEM)
		}
		return m
	}
	leaf := m.leaf(list)
	m.describe(list[leaf], id, now)
	m.chain(list, leaf, now)
	m.logotype(list[leaf])
	return m
}

func (m *Mark) fault(reason MarkReason) {
	if !slices.Contains(m.Faults, reason) {
		m.Faults = append(m.Faults, reason)
	}
}

// blocks returns the certificates of a file. What stands between the blocks is
// explanation (RFC 7468 section 2).
func (m *Mark) blocks(file []byte) []*x509.Certificate {
	if len(file) > MaxPEM {
		m.fault(FileCut)
		file = file[:MaxPEM]
	}
	var list []*x509.Certificate
	for n := 0; ; n++ {
		block, rest := pem.Decode(file)
		switch {
		case block == nil:
			return list
		case n == MaxBlocks:
			m.fault(TooManyBlocks)
			return list
		}
		file = rest
		switch {
		case strings.Contains(block.Type, "PRIVATE KEY"):
			m.fault(PrivateKey)
		case block.Type != "CERTIFICATE":
			m.fault(OtherBlock)
		default:
			cert, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				m.fault(CertMalformed)
				continue
			}
			list = append(list, cert)
		}
	}
}

// leaf finds the mark certificate: the first with a picture, else the first
// that is not of an authority.
func (m *Mark) leaf(list []*x509.Certificate) int {
	marks, first := 0, -1
	for i, c := range list {
		if extension(c) != nil {
			if marks++; marks == 1 {
				first = i
			}
		}
	}
	if first < 0 {
		first = max(0, slices.IndexFunc(list, func(c *x509.Certificate) bool { return !c.IsCA }))
	}
	if marks > 1 {
		m.fault(SeveralMarks)
	}
	if first > 0 {
		m.fault(LeafNotFirst)
	}
	return first
}

func (m *Mark) describe(c *x509.Certificate, id Identity, now time.Time) {
	m.Subject, m.Issuer = cut(c.Subject.CommonName), cut(certs.IssuerName(c))
	if len(c.Subject.Organization) > 0 {
		m.Subject = cut(c.Subject.Organization[0])
	}
	m.NotBefore, m.NotAfter = c.NotBefore.UTC().Format(time.RFC3339), c.NotAfter.UTC().Format(time.RFC3339)
	m.DaysLeft = certs.DaysBetween(now, c.NotAfter)
	m.Expired, m.NotYetValid = now.After(c.NotAfter), now.Before(c.NotBefore)
	m.SHA256 = certs.SHA256(c.Raw)
	for _, name := range c.DNSNames {
		m.NameMatch = m.NameMatch || id.named(name)
		if len(m.Names) < MaxNames {
			m.Names = append(m.Names, cut(name))
		}
	}
	slices.Sort(m.Names)
	m.mark(c)
	usage := func(oid asn1.ObjectIdentifier) bool { return oid.Equal(oidBrandIndicator) }
	if !slices.ContainsFunc(c.UnknownExtKeyUsage, usage) {
		m.fault(UsageMissing)
	}
}

// named reports whether a DNS name of a certificate is that of the record, with
// or without the selector (draft-fetch-validation-vmc-wchuang section 5.2).
// There are no wildcards.
func (id Identity) named(name string) bool {
	name, domain := normalize(name), normalize(id.Domain)
	return domain != "" && (name == domain || name == normalize(id.Selector)+"._bimi."+domain)
}

// mark reads the type of the mark from the subject.
func (m *Mark) mark(c *x509.Certificate) {
	m.Kind = UnknownKind
	for _, a := range c.Subject.Names {
		if text, ok := a.Value.(string); ok && a.Type.Equal(oidMarkType) {
			m.Type = cut(text)
		}
	}
	switch m.Type {
	case "Registered Mark", "Government Mark":
		m.Kind = VMC
	case "Prior Use Mark", "Modified Registered Mark":
		m.Kind = CMC
	}
}

// chain follows the issuers of the mark certificate through the file.
func (m *Mark) chain(list []*x509.Certificate, leaf int, now time.Time) {
	m.Chain = ChainNone
	rest := slices.Delete(slices.Clone(list), leaf, leaf+1)
	current := list[leaf]
	switch {
	case certs.SelfIssued(current):
		m.fault(SelfSigned)
		return
	case len(rest) == 0:
		m.fault(IssuerMissing)
		return
	}
	for links := 0; !certs.SelfIssued(current); links++ {
		next := slices.IndexFunc(rest, func(c *x509.Certificate) bool { return m.signed(current, c) })
		switch {
		case next < 0 && (links == 0 || len(rest) > 0):
			m.fault(ChainBroken)
			return
		case next < 0:
			m.Chain = ChainToIssuer
			return
		case next > 0:
			m.fault(ChainOrder)
		}
		current = rest[next]
		rest = slices.Delete(rest, next, next+1)
		if now.After(current.NotAfter) {
			m.fault(IssuerExpired)
		}
	}
	if len(rest) > 0 {
		m.fault(ChainOrder)
	}
	m.Chain = ChainToRoot
}

// maxRSA is the largest RSA key that is reckoned with.
const maxRSA = 8192

// signed reports whether issuer signed c.
func (m *Mark) signed(c, issuer *x509.Certificate) bool {
	if !bytes.Equal(c.RawIssuer, issuer.RawSubject) {
		return false
	}
	switch key := issuer.PublicKey.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() > maxRSA {
			m.fault(KeyTooLarge)
			return false
		}
	case *ecdsa.PublicKey, ed25519.PublicKey:
	default:
		return false
	}
	return c.CheckSignatureFrom(issuer) == nil
}
