package dkim

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"math/big"
)

// ErrNoKey is the error of Public where there is no key to verify with.
var ErrNoKey = errors.New("dkim: no usable public key")

// Public returns the key as *rsa.PublicKey or ed25519.PublicKey. Keys shorter
// than MinBits are returned too.
func (k *Key) Public() (crypto.PublicKey, error) {
	switch {
	case k.Revoked || len(k.Data) == 0:
	case k.Type == RSA:
		pub, _, faults := parseRSA(k.Data)
		for _, reason := range faults {
			if reason.unusable() {
				return nil, ErrNoKey
			}
		}
		return pub, nil
	case k.Type == Ed25519 && len(k.Data) == ed25519.PublicKeySize:
		return ed25519.PublicKey(bytes.Clone(k.Data)), nil
	}
	return nil, ErrNoKey
}

// Object identifiers as they stand in a SubjectPublicKeyInfo.
const (
	oidRSA     = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01" // RFC 8017 appendix C
	oidEd25519 = "\x2b\x65\x70"                         // RFC 8410 section 3
)

// Tags of DER (ITU-T X.690 section 8).
const (
	derInteger   = 0x02
	derBitString = 0x03
	derOID       = 0x06
	derSequence  = 0x30
)

// readDER splits the first element off b: its tag, its content, and what
// follows. Only definite lengths of up to 4 octets are read.
func readDER(b []byte) (tag byte, content, rest []byte, fault Reason) {
	if len(b) < 2 {
		return 0, nil, nil, KeyTruncated
	}
	tag, length, head := b[0], int64(b[1]), 2
	if length >= 0x80 {
		n := int(length - 0x80)
		if n == 0 || n > 4 {
			return 0, nil, nil, KeyMalformed
		}
		if len(b) < head+n {
			return 0, nil, nil, KeyTruncated
		}
		length = 0
		for _, c := range b[head : head+n] {
			length = length<<8 | int64(c)
		}
		head += n
	}
	if length > int64(len(b)-head) {
		return 0, nil, nil, KeyTruncated
	}
	end := head + int(length)
	return tag, b[head:end], b[end:], ""
}

// wantDER is readDER for an element that must have the given tag.
func wantDER(b []byte, want byte) (content, rest []byte, fault Reason) {
	if len(b) > 0 && b[0] != want {
		return nil, nil, KeyMalformed
	}
	_, content, rest, fault = readDER(b)
	return content, rest, fault
}

// parseRSA reads a SubjectPublicKeyInfo (RFC 5280 section 4.1) or an
// RSAPublicKey (RFC 8017 appendix A.1.1). RFC 6376 section 3.6.1 names the
// latter, everybody publishes the former, and verifiers take both. The key is
// nil if a fault makes it unusable; its size may be known even then.
func parseRSA(der []byte) (*rsa.PublicKey, int, []Reason) {
	body, rest, fault := wantDER(der, derSequence)
	if fault != "" {
		return nil, 0, []Reason{fault}
	}
	var faults []Reason
	if len(rest) > 0 {
		faults = append(faults, KeyTrailing)
	}
	if len(body) > 0 && body[0] == derSequence {
		if body, fault = subjectPublicKey(body); fault != "" {
			return nil, 0, append(faults, fault)
		}
	}
	n, body, fault := wantDER(body, derInteger)
	if fault != "" {
		return nil, 0, append(faults, fault)
	}
	e, body, fault := wantDER(body, derInteger)
	if fault != "" {
		return nil, 0, append(faults, fault)
	}
	if len(body) > 0 {
		faults = append(faults, KeyTrailing)
	}
	exponent, bits, fault := checkRSA(n, e)
	if fault != "" {
		return nil, bits, append(faults, fault)
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: exponent}, bits, faults
}

// subjectPublicKey returns the RSAPublicKey content inside the content of a
// SubjectPublicKeyInfo.
func subjectPublicKey(b []byte) ([]byte, Reason) {
	algorithm, b, fault := wantDER(b, derSequence)
	if fault != "" {
		return nil, fault
	}
	oid, _, fault := wantDER(algorithm, derOID)
	if fault != "" {
		return nil, fault
	}
	if string(oid) != oidRSA {
		return nil, KeyTypeMismatch
	}
	key, _, fault := wantDER(b, derBitString)
	if fault != "" {
		return nil, fault
	}
	if len(key) == 0 || key[0] != 0 { // the number of unused bits
		return nil, KeyMalformed
	}
	key, _, fault = wantDER(key[1:], derSequence)
	return key, fault
}

// checkRSA looks at the numbers of a key without calculating with them.
func checkRSA(n, e []byte) (exponent, bits int, fault Reason) {
	if len(n) == 0 || n[0] >= 0x80 {
		return 0, 0, RSAModulus
	}
	n, e = bytes.TrimLeft(n, "\x00"), trimExponent(e)
	if len(n) == 0 || n[len(n)-1]&1 == 0 {
		return 0, 0, RSAModulus
	}
	bits = 8 * len(n)
	for first := n[0]; first < 0x80; first <<= 1 {
		bits--
	}
	if bits > MaxBits {
		return 0, bits, KeyTooLarge
	}
	if len(e) == 0 || len(e) > 4 || len(e) == 4 && e[0] >= 0x80 {
		return 0, bits, RSAExponent
	}
	for _, c := range e {
		exponent = exponent<<8 | int(c)
	}
	if exponent < 3 || exponent&1 == 0 {
		return 0, bits, RSAExponent
	}
	return exponent, bits, ""
}

// trimExponent takes leading zeros off, or everything if the number is negative.
func trimExponent(e []byte) []byte {
	if len(e) > 0 && e[0] >= 0x80 {
		return nil
	}
	return bytes.TrimLeft(e, "\x00")
}

// checkEd25519 wants the bare key (RFC 8463 section 4.2).
func checkEd25519(data []byte) (bits int, faults []Reason) {
	if len(data) == ed25519.PublicKeySize {
		return 8 * ed25519.PublicKeySize, nil
	}
	body, _, fault := wantDER(data, derSequence)
	if fault != "" {
		return 0, []Reason{Ed25519Length}
	}
	algorithm, _, fault := wantDER(body, derSequence)
	if fault != "" {
		return 0, []Reason{Ed25519Length}
	}
	switch oid, _, _ := wantDER(algorithm, derOID); string(oid) {
	case oidEd25519:
		return 0, []Reason{Ed25519SPKI}
	case oidRSA:
		return 0, []Reason{KeyTypeMismatch}
	}
	return 0, []Reason{Ed25519Length}
}
