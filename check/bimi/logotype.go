package bimi

import (
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"strings"
)

// Tags of the logotype extension, whose module has implicit tags (RFC 9399
// section 4.1).
const (
	tagSubjectLogo = 2 // of LogotypeExtn, explicit
	tagDirect      = 0 // of LogotypeInfo
)

// extension returns the value of the logotype extension, or nil.
func extension(c *x509.Certificate) []byte {
	for _, e := range c.Extensions {
		if e.Id.Equal(oidLogotype) {
			return e.Value
		}
	}
	return nil
}

// logotype reads the picture in a certificate.
func (m *Mark) logotype(c *x509.Certificate) {
	value := extension(c)
	if value == nil {
		m.fault(LogotypeMissing)
		return
	}
	uri, ok := logotypeURI(value)
	if !ok {
		m.fault(LogotypeMalformed)
		return
	}
	data, reason := embedded(uri)
	if reason != "" {
		m.fault(reason)
		return
	}
	m.Picture = checkSVG(data, MaxEmbedded)
}

// logotypeURI returns the first address of the first picture of the subject:
//
//	LogotypeExtn    ::= SEQUENCE { ..., subjectLogo [2] EXPLICIT LogotypeInfo, ... }
//	LogotypeInfo    ::= CHOICE { direct [0] LogotypeData, ... }
//	LogotypeData    ::= SEQUENCE { image SEQUENCE OF LogotypeImage OPTIONAL, ... }
//	LogotypeImage   ::= SEQUENCE { imageDetails LogotypeDetails, ... }
//	LogotypeDetails ::= SEQUENCE { mediaType IA5String, logotypeHash SEQUENCE OF
//	                               HashAlgAndValue, logotypeURI SEQUENCE OF IA5String }
//
// It goes down one path, a level at a time.
func logotypeURI(der []byte) (string, bool) {
	extn, ok := first(der, asn1.ClassUniversal, asn1.TagSequence)
	if !ok {
		return "", false
	}
	body := extn.Bytes
	var subject asn1.RawValue
	for subject.Tag != tagSubjectLogo || subject.Class != asn1.ClassContextSpecific {
		if subject, body, ok = next(body); !ok {
			return "", false
		}
	}
	at := subject.Bytes
	for _, step := range [...]struct{ class, tag int }{
		{asn1.ClassContextSpecific, tagDirect},
		{asn1.ClassUniversal, asn1.TagSequence}, // image
		{asn1.ClassUniversal, asn1.TagSequence}, // LogotypeImage
		{asn1.ClassUniversal, asn1.TagSequence}, // imageDetails
	} {
		value, ok := first(at, step.class, step.tag)
		if !ok {
			return "", false
		}
		at = value.Bytes
	}
	for range 2 { // mediaType, logotypeHash
		if _, at, ok = next(at); !ok {
			return "", false
		}
	}
	uris, ok := first(at, asn1.ClassUniversal, asn1.TagSequence)
	if !ok {
		return "", false
	}
	uri, ok := first(uris.Bytes, asn1.ClassUniversal, asn1.TagIA5String)
	return string(uri.Bytes), ok
}

// next reads the value that der begins with, without what is inside of it.
func next(der []byte) (value asn1.RawValue, rest []byte, ok bool) {
	rest, err := asn1.Unmarshal(der, &value)
	return value, rest, err == nil
}

// first reads a value that has to be of a class and tag.
func first(der []byte, class, tag int) (asn1.RawValue, bool) {
	value, _, ok := next(der)
	return value, ok && value.Class == class && value.Tag == tag
}

// embedded returns the octets of a data URI (RFC 2397).
func embedded(uri string) ([]byte, MarkReason) {
	if !hasPrefixFold(uri, "data:") {
		return nil, LogotypeExternal
	}
	head, text, found := strings.Cut(uri, ",")
	if !found || !strings.HasSuffix(strings.ToLower(strings.TrimSpace(head)), ";base64") {
		return nil, LogotypeData
	}
	text = strings.Map(func(c rune) rune {
		if strings.ContainsRune(" \t\r\n", c) {
			return -1
		}
		return c
	}, text)
	data, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return nil, LogotypeData
	}
	return data, ""
}
