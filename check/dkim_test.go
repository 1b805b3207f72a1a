package check

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"slices"
	"strings"
	"testing"

	"maildoctor/check/dkim"
	"maildoctor/check/dnsx"
	"maildoctor/check/taglist"
)

// rsaKey is a key record with an RSA key of so many bits, or of one more: a
// number that nobody has the factors of will do.
func rsaKey(bits uint) string {
	n := new(big.Int).Lsh(big.NewInt(1), bits-1)
	n.Add(n, big.NewInt(1))
	data, err := x509.MarshalPKIXPublicKey(&rsa.PublicKey{N: n, E: 65537})
	if err != nil {
		return err.Error()
	}
	return "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(data)
}

// keyTXT is a TXT record with a text that may be longer than 255 octets.
func keyTXT(text string) string {
	var parts []string
	for part := range slices.Chunk([]byte(text), 200) {
		parts = append(parts, `"`+string(part)+`"`)
	}
	return "TXT " + strings.Join(parts, " ")
}

// selector is what the DNS holds at a selector with those records.
func selector(name string, records ...string) dkim.Selector {
	s := dkim.Selector{Name: taglist.Octets(name), Asked: name + "._domainkey." + tested, Status: dnsx.OK}
	for _, text := range records {
		key, faults := dkim.ParseKey(text)
		s.Records = append(s.Records, dkim.Record{Text: taglist.Octets(text), Key: key, Faults: faults})
	}
	return s
}

// absent is a selector that is not there, behind the aliases given.
func absent(name string, status dnsx.Status, chain ...string) dkim.Selector {
	s := selector(name)
	s.Status, s.Chain = status, chain
	return s
}

func TestJudgeDKIM(t *testing.T) {
	good := rsaKey(2048)
	const ed = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
	microsoft := "selector2-example-test._domainkey.example.onmicrosoft.com"
	sending := mail + "@ TXT \"v=spf1 mx -all\"\n"
	type selectors = []dkim.Selector
	tests := []struct {
		name  string
		given selectors // else guessed
		found dkim.Guesses
		zone  string
		want  []string
	}{
		{name: "good", given: selectors{selector("s1", good)}},
		{name: "Ed25519 alone", given: selectors{selector("s1", ed)}, want: []string{"DKIM-ED25519-ONLY example.test selectors=s1"}},
		{name: "Ed25519 and RSA", given: selectors{selector("s1", ed), selector("s2", good)}},
		{name: "Ed25519 guessed", found: dkim.Guesses{Found: selectors{selector("s1", ed)}}},
		{name: "not there", given: selectors{absent("s1", dnsx.NXDomain)}, want: []string{"DKIM-SELECTOR-NOT-FOUND s1._domainkey.example.test selector=s1"}},
		{name: "no record there", given: selectors{absent("s1", dnsx.NoData)}, want: []string{"DKIM-SELECTOR-NOT-FOUND s1._domainkey.example.test selector=s1"}},
		{name: "alias to nothing", given: selectors{absent("s1", dnsx.NXDomain, "gone.test")}, want: []string{
			"DKIM-KEY-DANGLING s1._domainkey.example.test selector=s1 target=gone.test", "DKIM-NO-WORKING-KEY example.test selectors=s1",
		}},
		{name: "no answer", given: selectors{absent("s1", dnsx.Timeout)}},
		{name: "one of two not there", given: selectors{selector("s1", good), absent("s2", dnsx.NXDomain)},
			want: []string{"DKIM-SELECTOR-NOT-FOUND s2._domainkey.example.test selector=s2"}},
		{name: "revoked, no other", given: selectors{selector("s2", "v=DKIM1; p="), selector("s1", "v=DKIM1; p=")}, want: []string{
			"DKIM-KEY-REVOKED s1._domainkey.example.test selector=s1", "DKIM-KEY-REVOKED s2._domainkey.example.test selector=s2",
			`DKIM-NO-WORKING-KEY example.test selectors="s1, s2"`,
		}},
		{name: "revoked beside one that works", given: selectors{selector("s1", good), selector("s2", "v=DKIM1; p=")},
			want: []string{"DKIM-KEY-REVOKED s2._domainkey.example.test selector=s2"}},
		{name: "revoked beside one without answer", given: selectors{absent("s1", dnsx.ServFail), selector("s2", "v=DKIM1; p=")},
			want: []string{"DKIM-KEY-REVOKED s2._domainkey.example.test selector=s2"}},
		{name: "not a key", given: selectors{selector("s1", "hello")},
			want: []string{"DKIM-KEY-SYNTAX s1._domainkey.example.test column=1 reason=not-a-key-record selector=s1 tag=p"}},
		{name: "broken base64", given: selectors{selector("s1", "v=DKIM1; p=A*B")},
			want: []string{"DKIM-KEY-SYNTAX s1._domainkey.example.test column=13 reason=base64-octet selector=s1 tag=p"}},
		{name: "two faults", given: selectors{selector("s1", "p=A*B; v=DKIM1")}, want: []string{
			"DKIM-KEY-SYNTAX s1._domainkey.example.test column=4 reason=base64-octet selector=s1 tag=p",
			"DKIM-KEY-SYNTAX s1._domainkey.example.test column=8 reason=version-not-first selector=s1 tag=v",
		}},
		{name: "fault that verifiers read over", given: selectors{selector("s1", good+";;")}},
		{name: "unknown type", given: selectors{selector("s1", "v=DKIM1; k=dsa; p=AAAA")}, want: []string{"DKIM-KEY-UNKNOWN-TYPE s1._domainkey.example.test selector=s1 type=dsa"}},
		{name: "empty type", given: selectors{selector("s1", "v=DKIM1; k=; p=AAAA")}, want: []string{`DKIM-KEY-UNKNOWN-TYPE s1._domainkey.example.test selector=s1 type="\"\""`}},
		{name: "1023 bits", given: selectors{selector("s1", rsaKey(1023))}, want: []string{"DKIM-KEY-TOO-SHORT s1._domainkey.example.test bits=1023 selector=s1"}},
		{name: "1024 bits", given: selectors{selector("s1", rsaKey(1024))}, want: []string{"DKIM-KEY-SHORT s1._domainkey.example.test bits=1024 selector=s1"}},
		{name: "2047 bits", given: selectors{selector("s1", rsaKey(2047))}, want: []string{"DKIM-KEY-SHORT s1._domainkey.example.test bits=2047 selector=s1"}},
		{name: "SHA-1 only", given: selectors{selector("s1", good+"; h=sha1")}, want: []string{"DKIM-KEY-SHA1-ONLY s1._domainkey.example.test selector=s1"}},
		{name: "SHA-1 too", given: selectors{selector("s1", good+"; h=sha1:sha256")}},
		{name: "not for mail", given: selectors{selector("s1", good+"; s=tlsrpt:x")}, want: []string{"DKIM-KEY-SERVICE s1._domainkey.example.test selector=s1 services=tlsrpt:x"}},
		{name: "for mail", given: selectors{selector("s1", good+"; s=email:x")}},
		{name: "testing", given: selectors{selector("s1", good+"; t=y:s")}, want: []string{"DKIM-KEY-TESTING s1._domainkey.example.test selector=s1"}},
		{name: "short, SHA-1 only, testing", given: selectors{selector("s1", rsaKey(512)+"; h=sha1; t=y")}, want: []string{
			"DKIM-KEY-SHA1-ONLY s1._domainkey.example.test selector=s1",
			"DKIM-KEY-TESTING s1._domainkey.example.test selector=s1",
			"DKIM-KEY-TOO-SHORT s1._domainkey.example.test bits=512 selector=s1",
		}},
		{name: "several", given: selectors{selector("s1", good, ed)}, want: []string{"DKIM-KEY-MULTIPLE s1._domainkey.example.test count=2 selector=s1"}},
		{name: "beside another text", given: selectors{selector("s1", good, "hello")}, want: []string{
			"DKIM-KEY-MULTIPLE s1._domainkey.example.test count=2 selector=s1",
			"DKIM-KEY-SYNTAX s1._domainkey.example.test column=1 reason=not-a-key-record selector=s1 tag=p",
		}},

		{name: "guessed, good", found: dkim.Guesses{Found: selectors{selector("s1", good)}}},
		{name: "guessed, beside another text", found: dkim.Guesses{Found: selectors{selector("s1", good, "hello")}}},
		{name: "guessed, none of a sender", found: dkim.Guesses{Asked: []string{"a", "b"}}, zone: sending, want: []string{"DKIM-SELECTOR-UNKNOWN example.test asked=2"}},
		{name: "guessed, none of a domain that says nothing", found: dkim.Guesses{Asked: []string{"a"}}, zone: "@ A 192.0.2.1\n",
			want: []string{"DKIM-SELECTOR-UNKNOWN example.test asked=1"}},
		{name: "guessed, none of a parked domain", found: dkim.Guesses{Asked: []string{"a"}}, zone: "@ MX 0 .\n"},
		{name: "guessed, none of a domain that only receives", found: dkim.Guesses{Asked: []string{"a"}}, zone: mail + "@ TXT \"v=spf1 -all\"\n"},
		{name: "guessed, some without answer", found: dkim.Guesses{Asked: []string{"a"}, Unknown: selectors{absent("a", dnsx.Timeout)}}, zone: sending},
		{name: "guessed, wildcard", found: dkim.Guesses{Asked: []string{"a"}, Wildcard: true}, zone: sending, want: []string{"DKIM-WILDCARD example.test"}},
		{name: "guessed, revoked", found: dkim.Guesses{Found: selectors{selector("s1", "v=DKIM1; p=")}}, want: []string{"DKIM-KEY-REVOKED s1._domainkey.example.test selector=s1"}},
		{name: "guessed, alias to nothing", found: dkim.Guesses{Found: selectors{selector("s1", good), absent("s2", dnsx.NXDomain, "a.test", "gone.test")}},
			want: []string{"DKIM-KEY-DANGLING s2._domainkey.example.test selector=s2 target=gone.test"}},
		{name: "guessed, alias at Microsoft beside a key that works",
			found: dkim.Guesses{Found: selectors{selector("selector1", good), absent("selector2", dnsx.NXDomain, microsoft)}}},
		{name: "guessed, alias at Microsoft alone", found: dkim.Guesses{Found: selectors{absent("selector2", dnsx.NXDomain, microsoft)}},
			want: []string{"DKIM-KEY-DANGLING selector2._domainkey.example.test selector=selector2 target=" + microsoft}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := &Facts{Domain: tested}
			if tt.zone != "" {
				f = factsOf(t, tested, tt.zone)
			}
			f.DKIM = &DKIM{Given: tt.given}
			if tt.given == nil {
				f.DKIM.Search = &tt.found
			}
			expect(t, collect(judgeDKIM, f), tt.want)
		})
	}
}

// TestJudgeDKIMEvidence holds that the aliases on the way to a key are shown.
func TestJudgeDKIMEvidence(t *testing.T) {
	s := selector("s1", "v=DKIM1; p=")
	s.Chain = []string{"a.test", "b.test"}
	want := []string{"s1._domainkey.example.test CNAME a.test", "a.test CNAME b.test", "v=DKIM1; p="}
	got := collect(judgeDKIM, &Facts{Domain: tested, DKIM: &DKIM{Search: &dkim.Guesses{Found: []dkim.Selector{s}}}})
	if len(got) != 1 || !slices.Equal(got[0].Evidence, want) {
		t.Errorf("findings %+v, want one with the evidence %q", got, want)
	}
}
