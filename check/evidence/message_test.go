package evidence

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const plainMessage = `Return-Path: <bounce+1@Mail.Example.COM>
Received: from a by b
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
	d=Example.com; s=S1;
	h=from:to;
  bh=AA==; b=AA==
From: "Doe, J. <x@y.example>" <j@example.com>
Subject: s

text
`

func TestMessage(t *testing.T) {
	want := &Evidence{
		Files:      []File{{Name: "file", Kind: Message, Messages: 1}},
		Signatures: []Signature{{"example.com", "s1", Uses{Count: 1}}},
		MailFrom:   []Domain{{"mail.example.com", Uses{Count: 1}}},
		From:       []Domain{{"example.com", Uses{Count: 1}}},
		Streams: []Stream{{
			Kind: Message, From: "example.com", MailFrom: []string{"mail.example.com"}, Signers: []string{"example.com"}, Uses: Uses{Count: 1},
		}},
	}
	for name, file := range map[string]string{
		"LF":              plainMessage,
		"CRLF":            crlf(plainMessage),
		"CR":              strings.ReplaceAll(plainMessage, "\n", "\r"),
		"mixture":         strings.Replace(plainMessage, "\n", "\r\n", 3),
		"byte order mark": "\xef\xbb\xbf" + plainMessage,
		"empty lines":     "\r\n\n" + plainMessage,
		"no body":         strings.TrimSuffix(plainMessage, "\ntext\n"),
		"no end":          strings.TrimSuffix(plainMessage, "\n\ntext\n"),
		"junk line":       strings.Replace(plainMessage, "Subject", "junk\nSubject", 1),
	} {
		t.Run(name, func(t *testing.T) {
			if d := diff(want, read(t, file)); d != "" {
				t.Errorf("Read(%q), -want +got:\n%s", file, d)
			}
		})
	}
}

func TestSignatures(t *testing.T) {
	long := strings.Repeat("a.", 100)
	for _, tt := range []struct {
		name, fields string
		want         []string
	}{
		{"none", "Subject: x\n", nil},
		{"several", signed("b.example", "s") + signed("a.example", "t") + signed("a.example", "s"),
			[]string{"a.example s 1", "a.example t 1", "b.example s 1"}},
		{"the same twice", signed("a.example", "s") + signed("A.example.", "S"), []string{"a.example s 1"}},
		{"case of the field", "dkim-SIGNATURE : v=1;d=a.example;s=b;\n", []string{"a.example b 1"}},
		{"folded before the value", "DKIM-Signature:\n v=1;\n d\n =\n a.example\n ; s = b\n", []string{"a.example b 1"}},
		{"folded inside of a name", "DKIM-Signature: v=1; d=a.\n example; s=b\n", nil},
		{"selector with dots", signed("a.example", "x.y"), []string{"a.example x.y 1"}},
		{"selector with an underscore", signed("a.example", "x_y"), []string{"a.example x_y 1"}},
		{"selector with a hyphen at the end", signed("a.example", "x-"), nil},
		{"selector with a final dot", signed("a.example", "x."), nil},
		{"selector with a blank", signed("a.example", "x y"), nil},
		{"selector with an octet", signed("a.example", "x\xff"), nil},
		{"name too long together", signed(long+"example", strings.Repeat("b.", 30)+"c"), nil},
		{"internationalised", signed("bücher.example", "bücher"), []string{"xn--bcher-kva.example xn--bcher-kva 1"}},
		{"one label", signed("example", "s"), nil},
		{"address", signed("192.0.2.1", "s"), nil},
		{"no selector", "DKIM-Signature: v=1; d=a.example\n", nil},
		{"empty selector", signed("a.example", ""), nil},
		{"no domain", "DKIM-Signature: v=1; s=a\n", nil},
		{"no version", "DKIM-Signature: d=a.example; s=a\n", nil},
		{"other version", "DKIM-Signature: v=2; d=a.example; s=a\n", nil},
		{"duplicate tag", "DKIM-Signature: v=1; d=a.example; s=a; s=b\n", nil},
		{"stray text", "DKIM-Signature: v=1; d=a.example; s=a; hello\n", nil},
		{"other field", "X-DKIM-Signature: v=1; d=a.example; s=a\n", nil},
		{"in the body", "\n" + signed("a.example", "s"), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, keys(read(t, "Date: x\n"+tt.fields))); d != "" {
				t.Errorf("signatures of %q, -want +got:\n%s", tt.fields, d)
			}
		})
	}
}

func TestFrom(t *testing.T) {
	for _, tt := range []struct {
		name, value string
		want        []string
	}{
		{"address", "a@b.example", []string{"b.example 1"}},
		{"angle brackets", "A <a@B.example.>", []string{"b.example 1"}},
		{"several", "a@b.example, C <c@d.example>", []string{"b.example 1", "d.example 1"}},
		{"the same twice", "a@b.example, c@b.example", []string{"b.example 1"}},
		{"group", "G: a@b.example, c@d.example;", []string{"b.example 1", "d.example 1"}},
		{"address as display name", "x@y.example <a@b.example>", []string{"b.example 1"}},
		{"quoted display name", `"x@y.example, \"z@y.example" <a@b.example>`, []string{"b.example 1"}},
		{"quoted local part", `"x@y.example"@b.example`, []string{"b.example 1"}},
		{"comments", "(x@y.example (z@y.example)) a@b.example (\\) x@y.example)", []string{"b.example 1"}},
		{"folded", "A\n <a@b.example>", []string{"b.example 1"}},
		{"literal", "a@[192.0.2.1]", nil},
		{"IPv6 literal", "a@[IPv6:2001:db8::1]", nil},
		{"host", "root@localhost", nil},
		{"internationalised", "a@BÜCHER.example", []string{"xn--bcher-kva.example 1"}},
		{"broken UTF-8", "a@b\xff.example", nil},
		{"empty", "", nil},
		{"no domain", "a@", nil},
		{"empty label", "a@b..example", nil},
		{"blank", "a@b .example", nil},
		{"never closed", `"a@b.example`, nil},
		{"backslash at the end", `a@b.example\`, []string{"b.example 1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, domainList(read(t, "Date: x\nFrom: "+tt.value+"\n").From)); d != "" {
				t.Errorf("domains of %q, -want +got:\n%s", tt.value, d)
			}
		})
	}
}

func TestReturnPath(t *testing.T) {
	for _, tt := range []struct {
		name, fields string
		want         []string
	}{
		{"null", "Return-Path: <>\n", nil},
		{"bare", "Return-Path: a@b.example\n", []string{"b.example 1"}},
		{"the first counts", "Return-Path: <a@b.example>\nReturn-Path: <a@c.example>\n", []string{"b.example 1"}},
		{"the first counts if null", "Return-Path: <>\nReturn-Path: <a@c.example>\n", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, domainList(read(t, tt.fields).MailFrom)); d != "" {
				t.Errorf("domains of %q, -want +got:\n%s", tt.fields, d)
			}
		})
	}
}

func TestMailbox(t *testing.T) {
	one := "From a@b.example Thu Jan  1 00:00:00 1970\n" + signed("a.example", "s") + "\ntext\n\n"
	two := "From MAILER-DAEMON Thu Jan  1 00:00:00 1970\n>From x\n" + signed("b.example", "t") + "\n"
	for _, tt := range []struct {
		name, file string
		messages   int
		want       []string
	}{
		{"one", one, 1, []string{"a.example s 1"}},
		{"two", one + two, 2, []string{"a.example s 1", "b.example t 1"}},
		{"the same twice", one + one, 2, []string{"a.example s 2"}},
		{"not quoted in a text", one + "From here on: text\n\nFrom there\non\n\n" + two, 2, []string{"a.example s 1", "b.example t 1"}},
		{"no empty line before", strings.TrimSuffix(one, "\n") + two, 1, []string{"a.example s 1"}},
		{"quoted", one + ">" + two, 1, []string{"a.example s 1"}},
	} {
		for _, end := range []string{"\n", "\r\n"} {
			t.Run(fmt.Sprintf("%s%q", tt.name, end), func(t *testing.T) {
				e := read(t, strings.ReplaceAll(tt.file, "\n", end))
				if d := cmp.Diff([]File{{Name: "file", Kind: Mailbox, Messages: tt.messages}}, e.Files); d != "" {
					t.Errorf("files of %q, -want +got:\n%s", tt.file, d)
				}
				if d := cmp.Diff(tt.want, keys(e)); d != "" {
					t.Errorf("signatures of %q, -want +got:\n%s", tt.file, d)
				}
			})
		}
	}
}

func TestAttachedMessages(t *testing.T) {
	inner := signed("inner.example", "s") + "From: a@inner.example\n\ntext\n"
	outer := signed("outer.example", "s") + "Content-Type: "
	both := []string{"inner.example s 1", "outer.example s 1"}
	for _, tt := range []struct {
		name, file string
		want       []string
	}{
		{"forwarded", outer + "multipart/mixed; boundary=b\n\n--b\n\ntext\n--b\nContent-Type: message/rfc822\n\n" + inner + "--b--\n", both},
		{"alone", outer + "message/rfc822\n\n" + inner, both},
		{"bounce", outer + "multipart/report; boundary=\"b c\"\n\n--b c\nContent-Type: text/rfc822-headers\n\n" + inner, both},
		{"encoded", outer + "multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n" + inner, both[1:]},
		{"part with fields of a message", outer + "multipart/mixed; boundary=b\n\n--b\n" + inner + "--b--\n", both[1:]},
		{"no boundary", outer + "multipart/mixed\n\n--b\nContent-Type: message/rfc822\n\n" + inner, both[1:]},
		{"behind the last delimiter", outer + "multipart/mixed; boundary=b\n\n--b--\nContent-Type: message/rfc822\n\n" + inner, both[1:]},
		{"header without an end", outer + "multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n" + signed("inner.example", "s") + "--b--\n" + signed("x.example", "s"), both},
		{"boundary used twice", outer + "multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n" + inner, both},
		{"boundary of another as prefix", outer + "multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=\"b--\"\n\n--b--\nContent-Type: message/rfc822\n\n" + inner, both},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, keys(read(t, tt.file))); d != "" {
				t.Errorf("signatures of %q, -want +got:\n%s", tt.file, d)
			}
		})
	}
}

func TestMediaType(t *testing.T) {
	for _, tt := range []struct{ in, name, boundary string }{
		{"", "", ""},
		{" Multipart/Mixed ; Boundary=abc", "multipart/mixed", "abc"},
		{`multipart/mixed; x="boundary=1; boundary=2"; boundary="a;b\"c"`, "multipart/mixed", `a;b"c`},
		{"multipart/mixed;\r\n boundary=\"=_x\" ; charset=x", "multipart/mixed", "=_x"},
		{"multipart/mixed; boundary=a (comment)", "multipart/mixed", "a"},
		{`multipart/mixed; boundary="a`, "multipart/mixed", "a"},
		{`multipart/mixed; boundary="a\`, "multipart/mixed", `a\`},
		{"multipart/mixed; boundary", "multipart/mixed", ""},
		{";;=;", "", ""},
	} {
		t.Run(tt.in, func(t *testing.T) {
			if name, boundary := mediaType(tt.in); name != tt.name || boundary != tt.boundary {
				t.Errorf("mediaType(%q) = %q, %q, want %q, %q", tt.in, name, boundary, tt.name, tt.boundary)
			}
		})
	}
}
