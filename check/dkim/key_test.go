package dkim

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var b64 = base64.StdEncoding.EncodeToString

// modulus returns an odd number of so many bits. It is no product of primes,
// which nothing here looks at.
func modulus(bits int) *big.Int {
	n := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
	return n.SetBit(n, 0, 1)
}

func pkcs1(t testing.TB, n *big.Int, e int64) []byte {
	t.Helper()
	der, err := asn1.Marshal(struct{ N, E *big.Int }{n, big.NewInt(e)})
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func spki(t testing.TB, oid asn1.ObjectIdentifier, key []byte) []byte {
	t.Helper()
	type algorithm struct {
		OID    asn1.ObjectIdentifier
		Params asn1.RawValue `asn1:"optional"`
	}
	der, err := asn1.Marshal(struct {
		Algorithm algorithm
		Key       asn1.BitString
	}{algorithm{OID: oid}, asn1.BitString{Bytes: key, BitLength: 8 * len(key)}})
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func rsaSPKI(t testing.TB, bits int) []byte {
	return spki(t, asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}, pkcs1(t, modulus(bits), 65537))
}

func edSPKI(t testing.TB) []byte {
	return spki(t, asn1.ObjectIdentifier{1, 3, 101, 112}, make([]byte, 32))
}

func reasons(faults []Fault) string {
	var list []string
	for _, f := range faults {
		list = append(list, string(f.Reason))
	}
	return strings.Join(list, " ")
}

func TestParseKey(t *testing.T) {
	good := b64(rsaSPKI(t, 2048))
	ed := b64(make([]byte, 32))
	for _, tt := range []struct {
		name    string
		in      string
		bits    int
		faults  string
		working bool
	}{
		{"full record", "v=DKIM1; k=rsa; h=sha1:sha256; s=email; t=s; n=note; p=" + good, 2048, "", true},
		{"p alone", "p=" + good, 2048, "", true},
		{"final semicolon", "v=DKIM1; p=" + good + ";", 2048, "", true},
		{"white space in the key", "v=DKIM1; p=" + good[:40] + " \t" + good[40:80] + "\r\n " + good[80:], 2048, "", true},
		{"unknown tag and g", "v=DKIM1; g=*; x_1=y; p=" + good, 2048, "", true},
		{"upper case key type", "v=DKIM1; k=RSA; p=" + good, 2048, "", true},
		{"RSAPublicKey", "p=" + b64(pkcs1(t, modulus(1024), 3)), 1024, "", true},

		{"no record", "", 0, "not-a-key-record", false},
		{"SPF record", "v=spf1 -all", 0, "not-a-key-record", false},
		{"DMARC record", "v=DMARC1; p=none", 0, "not-a-key-record", false},
		{"version alone", "v=DKIM1", 0, "missing-key", false},
		{"no key", "v=DKIM1; k=rsa", 0, "missing-key", false},
		{"revoked", "v=DKIM1; p=", 0, "", false},
		{"revoked with a blank", "v=DKIM1; p= ;", 0, "", false},
		{"version in lower case", "v=dkim1; p=" + good, 2048, "version-value", false},
		{"other version", "v=DKIM2; p=" + good, 2048, "version-value", false},
		{"empty version", "v=; p=" + good, 2048, "version-value", false},
		{"version second", "k=rsa; v=DKIM1; p=" + good, 2048, "version-not-first", false},
		{"tag in upper case is another tag", "v=DKIM1; P=" + good, 0, "missing-key", false},
		{"unknown type", "v=DKIM1; k=falcon; p=" + good, 0, "unknown-key-type", false},
		{"empty type", "v=DKIM1; k=; p=" + good, 0, "unknown-key-type", false},
		{"duplicate", "v=DKIM1; p=" + good + "; p=", 2048, "duplicate-tag", false},
		{"stray text", "v=DKIM1; rsa; p=" + good, 2048, "missing-equals", false},
		{"empty tag", "v=DKIM1;; p=" + good, 2048, "empty-tag", true},
		{"8-bit note", "v=DKIM1; n=\xff; p=" + good, 2048, "bad-octet", true},

		{"sha256 only", "v=DKIM1; h= sha256 ; p=" + good, 2048, "", true},
		{"sha1 only", "v=DKIM1; h=sha1; p=" + good, 2048, "", false},
		{"unknown hash", "v=DKIM1; h=sha512; p=" + good, 2048, "hashes-unsuitable", false},
		{"another service", "v=DKIM1; s=tlsrpt; p=" + good, 2048, "", false},
		{"one service of several", "v=DKIM1; s=tlsrpt:*; p=" + good, 2048, "", true},

		{"quoted key", `v=DKIM1; p="` + good + `"`, 0, "base64-octet", false},
		{"8-bit octet in the key", "v=DKIM1; p=\xff" + good, 0, "base64-octet", false},
		{"padding in the middle", "v=DKIM1; p=AA==AAAA", 0, "base64-octet", false},
		{"three signs of padding", "v=DKIM1; p=AAAA===", 0, "base64-octet", false},
		{"padding only", "v=DKIM1; p==", 0, "base64-length", false},
		{"one character too many", "v=DKIM1; p=AAAAA", 0, "base64-length", false},
		{"no padding", "v=DKIM1; k=ed25519; p=" + strings.TrimRight(ed, "="), 256, "base64-padding", true},
		{"padding too much", "v=DKIM1; p=" + b64(pkcs1(t, modulus(1024), 65537)) + "=", 1024, "base64-padding", true},
		{"cut key", "v=DKIM1; p=" + good[:200], 0, "key-truncated", false},
		{"not DER", "v=DKIM1; p=AAAA", 0, "key-malformed", false},
		{"one octet of DER", "v=DKIM1; p=MA==", 0, "key-truncated", false},
		{"endless length", "v=DKIM1; p=" + b64([]byte{0x30, 0x80, 0, 0}), 0, "key-malformed", false},
		{"length of 5 octets", "v=DKIM1; p=" + b64([]byte{0x30, 0x85, 0, 0, 0, 0, 0}), 0, "key-malformed", false},
		{"length beyond the end", "v=DKIM1; p=" + b64([]byte{0x30, 0x84, 0xff, 0xff, 0xff, 0xff}), 0, "key-truncated", false},
		{"empty sequence", "v=DKIM1; p=" + b64([]byte{0x30, 0}), 0, "key-truncated", false},
		{"octets behind the key", "v=DKIM1; p=" + b64(append(rsaSPKI(t, 1024), 0)), 1024, "key-trailing", true},
		{"elliptic curve", "v=DKIM1; p=" + b64(spki(t, asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}, []byte{4})), 0, "key-type-mismatch", false},
		{"Ed25519 without k", "v=DKIM1; p=" + b64(edSPKI(t)), 0, "key-type-mismatch", false},

		{"512 bits", "p=" + b64(rsaSPKI(t, 512)), 512, "", false},
		{"1023 bits", "p=" + b64(rsaSPKI(t, 1023)), 1023, "", false},
		{"1024 bits", "p=" + b64(rsaSPKI(t, 1024)), 1024, "", true},
		{"8192 bits", "p=" + b64(rsaSPKI(t, MaxBits)), MaxBits, "", true},
		{"8193 bits", "p=" + b64(rsaSPKI(t, MaxBits+1)), MaxBits + 1, "key-too-large", false},
		{"modulus 0", "p=" + b64(pkcs1(t, big.NewInt(0), 3)), 0, "rsa-modulus", false},
		{"negative modulus", "p=" + b64(pkcs1(t, new(big.Int).Neg(modulus(1024)), 3)), 0, "rsa-modulus", false},
		{"even modulus", "p=" + b64(pkcs1(t, new(big.Int).Lsh(modulus(1023), 1), 3)), 0, "rsa-modulus", false},
		{"exponent 1", "p=" + b64(pkcs1(t, modulus(2048), 1)), 2048, "rsa-exponent", false},
		{"exponent 2", "p=" + b64(pkcs1(t, modulus(2048), 2)), 2048, "rsa-exponent", false},
		{"exponent 0", "p=" + b64(pkcs1(t, modulus(2048), 0)), 2048, "rsa-exponent", false},
		{"exponent -1", "p=" + b64(pkcs1(t, modulus(2048), -1)), 2048, "rsa-exponent", false},
		{"exponent of 31 bits", "p=" + b64(pkcs1(t, modulus(2048), 1<<31-1)), 2048, "", true},
		{"exponent of 32 bits", "p=" + b64(pkcs1(t, modulus(2048), 1<<31+1)), 2048, "rsa-exponent", false},

		{"Ed25519", "v=DKIM1; k=ed25519; p=" + ed, 256, "", true},
		{"Ed25519 as SubjectPublicKeyInfo", "v=DKIM1; k=ed25519; p=" + b64(edSPKI(t)), 0, "ed25519-spki", false},
		{"31 octets", "v=DKIM1; k=ed25519; p=" + b64(make([]byte, 31)), 0, "ed25519-length", false},
		{"33 octets", "v=DKIM1; k=ed25519; p=" + b64(make([]byte, 33)), 0, "ed25519-length", false},
		{"RSA under k=ed25519", "v=DKIM1; k=ed25519; p=" + good, 0, "key-type-mismatch", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			key, faults := ParseKey(tt.in)
			if got := reasons(faults); got != tt.faults {
				t.Errorf("faults %q, want %q", got, tt.faults)
			}
			if key.Bits != tt.bits {
				t.Errorf("%d bits, want %d", key.Bits, tt.bits)
			}
			r := Record{Key: key, Faults: faults}
			if got := r.Working(); got != tt.working {
				t.Errorf("working: %v, want %v", got, tt.working)
			}
			if _, err := key.Public(); tt.working && err != nil {
				t.Errorf("Public: %v", err)
			}
		})
	}
}

func TestParseKeyTags(t *testing.T) {
	key, faults := ParseKey("v=DKIM1; k=ed25519; h=SHA256 : sha1; s=email:x; t=y : s; n=a b; p=")
	want := &Key{
		Version: true, Type: "ed25519", Revoked: true, Notes: "a b",
	}
	want.Hashes = append(want.Hashes, "sha256", "sha1")
	want.Services = append(want.Services, "email", "x")
	want.Flags = append(want.Flags, "y", "s")
	if diff := cmp.Diff(want, key); diff != "" || len(faults) > 0 {
		t.Errorf("faults %v, -want +got:\n%s", faults, diff)
	}
	if !key.Testing() || !key.Strict() || !key.Mail() || !key.Allows("sha1") || key.Allows("md5") {
		t.Errorf("flags, services or hashes of %+v misread", key)
	}
}

func TestMaxValues(t *testing.T) {
	for _, tt := range []struct {
		name    string
		before  int
		testing bool
	}{
		{"at the limit", MaxValues - 1, true},
		{"one past it", MaxValues, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			key, _ := ParseKey("p=; t=" + strings.Repeat("x:", tt.before) + "y")
			if len(key.Flags) != MaxValues || key.Testing() != tt.testing {
				t.Errorf("%d flags, testing %v", len(key.Flags), key.Testing())
			}
		})
	}
}

func TestFaultPlaces(t *testing.T) {
	for _, tt := range []struct {
		name, in, want string
	}{
		{"octet of the key", "v=DKIM1; p=AAAA BB*B", "*"},
		{"key type", "v=DKIM1; k= none ; p=", "none"},
		{"version", "v=DKIM3; p=", "DKIM3"},
		{"stray text", "v=DKIM1; foo ; p=", "foo"},
		{"second p", "p=; n=x; p=", "p"},
		{"cut key", "k=rsa; p=MIGf", "MIGf"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, faults := ParseKey(tt.in)
			if len(faults) != 1 {
				t.Fatalf("got %v, want one fault", faults)
			}
			if got := tt.in[faults[0].Offset:][:faults[0].Length]; got != tt.want {
				t.Errorf("the fault points at %q, want %q", got, tt.want)
			}
		})
	}
}

func TestPublic(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, der := range map[string][]byte{
		"SubjectPublicKeyInfo": der,
		"RSAPublicKey":         x509.MarshalPKCS1PublicKey(&private.PublicKey),
	} {
		t.Run(name, func(t *testing.T) {
			key, _ := ParseKey("p=" + b64(der))
			got, err := key.Public()
			if err != nil || !private.PublicKey.Equal(got) {
				t.Errorf("Public = %v, %v", got, err)
			}
		})
	}
	t.Run("Ed25519", func(t *testing.T) {
		public, _, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		key, _ := ParseKey("k=ed25519; p=" + b64(public))
		if got, err := key.Public(); err != nil || !public.Equal(got) {
			t.Errorf("Public = %v, %v", got, err)
		}
	})
	for _, in := range []string{"p=", "p=AAAA", "k=x; p=AAAA", "v=DKIM1", "k=ed25519; p=AAAA"} {
		t.Run(in, func(t *testing.T) {
			key, _ := ParseKey(in)
			if got, err := key.Public(); !errors.Is(err, ErrNoKey) {
				t.Errorf("Public = %v, %v; want ErrNoKey", got, err)
			}
		})
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add("v=DKIM1; k=rsa; t=y; p=" + b64(rsaSPKI(f, 512)))
	f.Add("k=ed25519; h=sha256; s=*; p=" + b64(edSPKI(f)))
	f.Add("p=" + b64(pkcs1(f, modulus(64), 3)) + "; v=DKIM1;;\xff")
	f.Fuzz(func(t *testing.T, in string) {
		key, faults := ParseKey(in)
		for _, fault := range faults {
			if fault.Offset < 0 || fault.Length < 0 || fault.Offset+fault.Length > len(in) {
				t.Errorf("%q: fault %+v outside the record", in, fault)
			}
		}
		r := Record{Key: key, Faults: faults}
		if _, err := key.Public(); r.Working() && err != nil {
			t.Errorf("%q works, yet has no key: %v", in, err)
		}
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var back Record
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r, back); diff != "" {
			t.Errorf("%q: JSON round trip, -want +got:\n%s", in, diff)
		}
		// A library that is stricter must not see another key.
		if key.Type == RSA && r.Working() {
			if pub, err := x509.ParsePKIXPublicKey(key.Data); err == nil {
				if rsaKey, ok := pub.(*rsa.PublicKey); !ok || rsaKey.N.BitLen() != key.Bits {
					t.Errorf("%q: %d bits, crypto/x509 reads %v", in, key.Bits, pub)
				}
			}
		}
	})
}
