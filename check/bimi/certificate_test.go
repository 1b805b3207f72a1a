package bimi

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	now      = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	identity = Identity{Domain: "example.com", Selector: "default"}
)

// value writes an ASN.1 value.
func value(t testing.TB, class, tag int, compound bool, parts ...[]byte) []byte {
	t.Helper()
	der, err := asn1.Marshal(asn1.RawValue{Class: class, Tag: tag, IsCompound: compound, Bytes: bytes.Join(parts, nil)})
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// logotype writes the extension with one picture (RFC 9399 section 4.1).
func logotype(t testing.TB, uri string) []byte {
	sequence := func(parts ...[]byte) []byte { return value(t, 0, asn1.TagSequence, true, parts...) }
	sha256 := value(t, 0, asn1.TagOID, false, []byte{0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1})
	details := sequence(
		value(t, 0, asn1.TagIA5String, false, []byte("image/svg+xml")),
		sequence(sequence(sequence(sha256), value(t, 0, asn1.TagOctetString, false, make([]byte, 32)))),
		sequence(value(t, 0, asn1.TagIA5String, false, []byte(uri))),
	)
	direct := value(t, 2, 0, true, sequence(sequence(details)))
	return sequence(value(t, 2, 2, true, direct))
}

func dataURI(file string) string {
	return "data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString([]byte(file))
}

// An authority signs certificates; the zero one signs its own.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

var serial = big.NewInt(1)

func (a authority) issue(t testing.TB, template *x509.Certificate) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return a.issueFor(t, template, key)
}

func (a authority) issueFor(t testing.TB, template *x509.Certificate, key crypto.Signer) authority {
	t.Helper()
	template.SerialNumber = serial
	if template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = now.AddDate(0, -1, 0), now.AddDate(0, 11, 0)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{cert, key}
}

func ca(name string) *x509.Certificate {
	return &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
}

// mark is a template of a good mark certificate.
func mark(t testing.TB, uri string) *x509.Certificate {
	return &x509.Certificate{
		Subject: pkix.Name{
			CommonName: "Example", Organization: []string{"Example Inc"},
			ExtraNames: []pkix.AttributeTypeAndValue{{Type: oidMarkType, Value: "Registered Mark"}},
		},
		DNSNames: []string{"example.com"}, UnknownExtKeyUsage: []asn1.ObjectIdentifier{oidBrandIndicator},
		ExtraExtensions: []pkix.Extension{{Id: oidLogotype, Value: logotype(t, uri)}},
	}
}

func file(certs ...authority) string {
	var b strings.Builder
	for _, c := range certs {
		b.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.cert.Raw}))
	}
	return b.String()
}

func TestCheckCertificate(t *testing.T) {
	root := authority{}.issue(t, ca("Mark Root"))
	issuer := root.issue(t, ca("Mark Issuer"))
	other := authority{}.issue(t, ca("Mark Issuer")) // of the same name
	late := ca("Old Issuer")
	late.NotBefore, late.NotAfter = now.AddDate(-2, 0, 0), now.AddDate(0, 0, -1)
	expired := root.issue(t, late)
	leafOf := func(a authority, change ...func(*x509.Certificate)) authority {
		template := mark(t, dataURI(pack(sound)))
		for _, c := range change {
			c(template)
		}
		return a.issue(t, template)
	}
	leaf := leafOf(issuer)
	uri := func(uri string) string {
		return file(leafOf(issuer, func(c *x509.Certificate) { c.ExtraExtensions[0].Value = logotype(t, uri) }), issuer)
	}
	extension := func(der ...byte) string {
		return file(leafOf(issuer, func(c *x509.Certificate) { c.ExtraExtensions[0].Value = der }), issuer)
	}
	huge := root.issueFor(t, ca("Huge"), hugeKey{})
	posing := *issuer.cert // signs in the name of huge
	posing.RawSubject = huge.cert.RawSubject
	block := func(kind string) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: []byte("x")}))
	}

	tests := []struct {
		name, in string
		chain    Chain
		want     []MarkReason
	}{
		{"to the root", file(leaf, issuer, root), ChainToRoot, nil},
		{"to the issuer", file(leaf, issuer), ChainToIssuer, nil},
		{"explained, with CRLF", "subject=x\r\n" + strings.ReplaceAll(file(leaf, issuer), "\n", "\r\n"), ChainToIssuer, nil},

		{"nothing", "", "", []MarkReason{NoPEM}},
		{"a page", "<html>", "", []MarkReason{NoPEM}},
		{"DER", string(leaf.cert.Raw), "", []MarkReason{NoPEM}},
		{"no certificate", block("CERTIFICATE"), "", []MarkReason{CertMalformed}},
		{"key", file(leaf, issuer) + block("EC PRIVATE KEY"), ChainToIssuer, []MarkReason{PrivateKey}},
		{"request", block("CERTIFICATE REQUEST"), "", []MarkReason{OtherBlock}},

		{"alone", file(leaf), ChainNone, []MarkReason{IssuerMissing}},
		{"self-signed", file(authority{}.issue(t, mark(t, dataURI(sound)))), ChainNone, []MarkReason{SelfSigned}},
		{"issuer first", file(issuer, leaf), ChainToIssuer, []MarkReason{LeafNotFirst}},
		{"root before issuer", file(leaf, root, issuer), ChainToRoot, []MarkReason{ChainOrder}},
		{"one too many", file(leaf, issuer, root, other), ChainToRoot, []MarkReason{ChainOrder}},
		{"twice", file(leaf, issuer, issuer), ChainNone, []MarkReason{ChainBroken}},
		{"issuer of another", file(leaf, other), ChainNone, []MarkReason{ChainBroken}},
		{"root alone", file(leaf, root), ChainNone, []MarkReason{ChainBroken}},
		{"two marks", file(leaf, leafOf(issuer), issuer, root), ChainToRoot, []MarkReason{SeveralMarks, ChainOrder}},
		{"issuer expired", file(leafOf(expired), expired, root), ChainToRoot, []MarkReason{IssuerExpired}},
		{"huge key", file(leafOf(authority{&posing, issuer.key}), huge), ChainNone, []MarkReason{KeyTooLarge, ChainBroken}},

		{"no usage", file(leafOf(issuer, func(c *x509.Certificate) { c.UnknownExtKeyUsage = nil }), issuer), ChainToIssuer, []MarkReason{UsageMissing}},
		{"no logotype", file(leafOf(issuer, func(c *x509.Certificate) { c.ExtraExtensions = nil }), issuer), ChainToIssuer, []MarkReason{LogotypeMissing}},
		{"empty logotype", extension(), ChainToIssuer, []MarkReason{LogotypeMalformed}},
		{"logotype of nothing", extension(0x30, 0), ChainToIssuer, []MarkReason{LogotypeMalformed}},
		{"cut logotype", extension(logotype(t, "data:")[:20]...), ChainToIssuer, []MarkReason{LogotypeMalformed}},
		{"logotype elsewhere", uri("https://example.com/a.svg"), ChainToIssuer, []MarkReason{LogotypeExternal}},
		{"logotype without base64", uri("data:image/svg+xml,%3Csvg"), ChainToIssuer, []MarkReason{LogotypeData}},
		{"logotype with odd base64", uri("data:image/svg+xml;base64,!"), ChainToIssuer, []MarkReason{LogotypeData}},
		{"logotype folded", uri("DATA:image/svg+xml;BASE64," + base64.StdEncoding.EncodeToString([]byte(sound))[:8] + "\r\n " + base64.RawStdEncoding.EncodeToString([]byte(sound))[8:]), ChainToIssuer, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := CheckCertificate([]byte(tt.in), identity, now)
			if !slices.Equal(got.Faults, tt.want) || got.Chain != tt.chain {
				t.Errorf("got %v and chain %q, want %v and %q", got.Faults, got.Chain, tt.want, tt.chain)
			}
			if fine := len(tt.want) == 0; fine && (got.Picture == nil || !got.Picture.Valid() || got.Picture.SHA256 != CheckSVG([]byte(sound)).SHA256) {
				t.Errorf("picture %+v", got.Picture)
			}
			survives(t, got)
		})
	}
}

// hugeKey is an RSA key that is too large to reckon with, and signs nothing.
type hugeKey struct{ crypto.Signer }

func (hugeKey) Public() crypto.PublicKey {
	n := new(big.Int).Lsh(big.NewInt(1), maxRSA)
	return &rsa.PublicKey{N: n.Add(n, big.NewInt(1)), E: 65537}
}

// TestFile reads a file as an issuer would write it.
func TestFile(t *testing.T) {
	text, err := os.ReadFile("testdata/mark.pem")
	if err != nil {
		t.Fatal(err)
	}
	m := CheckCertificate(text, Identity{Domain: "selector.example", Selector: "default"}, now)
	if len(m.Faults) > 0 || !m.NameMatch || m.Kind != VMC || m.Chain != ChainToIssuer || m.Picture == nil || m.Picture.Title != "Example" {
		t.Errorf("got %+v with %+v", m, m.Picture)
	}
}

func TestCertificateFacts(t *testing.T) {
	issuer := authority{}.issue(t, ca("Mark Issuer"))
	for _, tt := range []struct {
		name   string
		change func(*x509.Certificate)
		want   string
	}{
		{"good", func(*x509.Certificate) {}, `"Example Inc" by "Mark Issuer", Registered Mark vmc, 334 days, named`},
		{"selector", func(c *x509.Certificate) { c.DNSNames = []string{"x.example", "Default._bimi.Example.com"} },
			`"Example Inc" by "Mark Issuer", Registered Mark vmc, 334 days, named`},
		{"other selector", func(c *x509.Certificate) { c.DNSNames = []string{"v2._bimi.example.com"} },
			`"Example Inc" by "Mark Issuer", Registered Mark vmc, 334 days`},
		{"wildcard", func(c *x509.Certificate) { c.DNSNames = []string{"*.com", "*.example.com"} },
			`"Example Inc" by "Mark Issuer", Registered Mark vmc, 334 days`},
		{"domain above", func(c *x509.Certificate) { c.DNSNames = []string{"com"} },
			`"Example Inc" by "Mark Issuer", Registered Mark vmc, 334 days`},
		{"last of many names", func(c *x509.Certificate) {
			for i := range MaxNames {
				c.DNSNames = append([]string{fmt.Sprintf("a%d.example", i)}, c.DNSNames...)
			}
		}, `"Example Inc" by "Mark Issuer", Registered Mark vmc, 334 days, named`},
		{"common mark", func(c *x509.Certificate) { c.Subject.ExtraNames[0].Value = "Prior Use Mark" },
			`"Example Inc" by "Mark Issuer", Prior Use Mark cmc, 334 days, named`},
		{"no type, no organisation", func(c *x509.Certificate) { c.Subject = pkix.Name{CommonName: "Example"} },
			`"Example" by "Mark Issuer",  unknown, 334 days, named`},
		{"last second", func(c *x509.Certificate) { c.NotAfter, c.NotBefore = now, now.AddDate(-1, 0, 0) },
			`"Example Inc" by "Mark Issuer", Registered Mark vmc, 0 days, named`},
		{"a second late", func(c *x509.Certificate) { c.NotAfter, c.NotBefore = now.Add(-time.Second), now.AddDate(-1, 0, 0) },
			`"Example Inc" by "Mark Issuer", Registered Mark vmc, -1 days, named, expired`},
		{"early", func(c *x509.Certificate) { c.NotBefore, c.NotAfter = now.Add(time.Second), now.AddDate(1, 0, 0) },
			`"Example Inc" by "Mark Issuer", Registered Mark vmc, 365 days, named, not yet valid`},
		{"year 9999", func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = now, time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
		}, `"Example Inc" by "Mark Issuer", Registered Mark vmc, 2912138 days, named`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			template := mark(t, dataURI(sound))
			tt.change(template)
			m := CheckCertificate([]byte(file(issuer.issue(t, template), issuer)), identity, now)
			got := fmt.Sprintf("%q by %q, %s %s, %d days", string(m.Subject), string(m.Issuer), string(m.Type), m.Kind, m.DaysLeft)
			for _, flag := range []struct {
				on   bool
				word string
			}{{m.NameMatch, ", named"}, {m.Expired, ", expired"}, {m.NotYetValid, ", not yet valid"}} {
				if flag.on {
					got += flag.word
				}
			}
			if got != tt.want || len(m.Names) > MaxNames || len(m.Faults) > 0 {
				t.Errorf("got %s, %d names, %v, want %s", got, len(m.Names), m.Faults, tt.want)
			}
		})
	}
}

func TestCheckCertificateLimits(t *testing.T) {
	issuer := authority{}.issue(t, ca("Mark Issuer"))
	whole := file(issuer.issue(t, mark(t, dataURI(pack(sound)))), issuer)
	picture := func(n int) string {
		text := sound + strings.Repeat(" ", n-len(sound))
		return file(issuer.issue(t, mark(t, dataURI(pack(text)))), issuer)
	}
	blocks := func(n int) string { return strings.Repeat(file(issuer), n) }
	for _, tt := range []struct {
		name, in string
		want     string
	}{
		{"size", whole + strings.Repeat("\n", MaxPEM-len(whole)), "[] "},
		{"size and an octet", whole + strings.Repeat("\n", MaxPEM+1-len(whole)), "[file-cut] "},
		{"cut away", strings.Repeat("\n", MaxPEM) + whole, "[file-cut]"},
		{"picture", picture(MaxEmbedded), "[] "},
		{"picture and an octet", picture(MaxEmbedded + 1), "[] picture-cut svg"},
		{"blocks", blocks(MaxBlocks), "[usage-missing self-signed logotype-missing]"},
		{"blocks and one", blocks(MaxBlocks + 1), "[too-many-blocks usage-missing self-signed logotype-missing]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := CheckCertificate([]byte(tt.in), identity, now)
			got := fmt.Sprint(m.Faults)
			if m.Picture != nil {
				got += " " + flaws(m.Picture)
			}
			if got != tt.want || m.Blocks > MaxBlocks {
				t.Errorf("got %q of %d blocks, want %q", got, m.Blocks, tt.want)
			}
		})
	}
}

func FuzzCheckCertificate(f *testing.F) {
	good, err := os.ReadFile("testdata/mark.pem") // a new one would differ from process to process
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		m := CheckCertificate(in, identity, now)
		if m.Blocks > MaxBlocks || len(m.Names) > MaxNames {
			t.Errorf("%d blocks, %d names", m.Blocks, len(m.Names))
		}
		if (m.Blocks == 0) != (m.SHA256 == "") || m.Blocks == 0 && len(m.Faults) == 0 {
			t.Errorf("%+v", m)
		}
		if len(m.Faults) == 0 && (m.Picture == nil || m.Chain == ChainNone) {
			t.Errorf("no fault in %+v", m)
		}
		survives(t, m)
	})
}

// FuzzLogotype has the extension alone, which no fuzzer gets through the
// signature of a certificate.
func FuzzLogotype(f *testing.F) {
	f.Add(logotype(f, dataURI(pack(sound))))
	f.Fuzz(func(t *testing.T, der []byte) {
		uri, ok := logotypeURI(der)
		if !ok && uri != "" && !bytes.Contains(der, []byte(uri)) || ok && !bytes.Contains(der, []byte(uri)) {
			t.Errorf("%q is not in %x", uri, der)
		}
		if data, reason := embedded(uri); reason != "" && data != nil {
			t.Errorf("%s, and %d octets", reason, len(data))
		}
	})
}
