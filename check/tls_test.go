package check

import (
	"testing"

	"maildoctor/check/certs"
	"maildoctor/check/dnsx"
	"maildoctor/check/mx"
	"maildoctor/check/smtp"
	"maildoctor/check/tlsx"
)

// tlsState is a handshake with a good certificate, and a chain of that kind.
func tlsState(chain certs.Chain) *tlsx.State {
	return &tlsx.State{
		Outcome: tlsx.OutcomeOK, Version: "TLS 1.3", Chain: chain, NameMatch: true,
		Certs: []tlsx.Certificate{{
			Issuer: "Some CA", DNSNames: []string{"mx.test"}, NotBefore: "2026-01-01T00:00:00Z", NotAfter: "2027-02-03T00:00:00Z",
			DaysLeft: 90, KeyType: tlsx.KeyECDSA, KeyBits: 256, SHA256: "00",
		}},
	}
}

func TestJudgeTLS(t *testing.T) {
	type state = *tlsx.State
	seen := func(chain certs.Chain, change func(state, *tlsx.Certificate), offers ...tlsx.Offer) []Dialogue {
		d := secured("mx.test", "192.0.2.1")
		d.Offers = offers
		d.TLS = tlsState(chain)
		if change != nil {
			change(d.TLS, &d.TLS.Certs[0])
		}
		return []Dialogue{d}
	}
	taken := func(h tlsx.Hello) tlsx.Offer {
		return tlsx.Offer{Hello: h, Taken: tlsx.TakenAccepted, CipherSuite: "TLS_SUITE"}
	}
	refusing := func(h tlsx.Hello) tlsx.Offer { return tlsx.Offer{Hello: h, Taken: tlsx.TakenRefused} }
	offering := func(offers ...tlsx.Offer) []Dialogue { return seen(certs.ChainTrusted, nil, offers...) }
	atTwo := func(change func(state, *tlsx.Certificate)) []Dialogue {
		other := secured("mx.test", "2001:db8::1")
		other.TLS.Certs[0].SHA256 = "02"
		return append(seen(certs.ChainTrusted, change), other)
	}
	key := func(kind tlsx.KeyType, bits int) []Dialogue {
		return seen(certs.ChainTrusted, func(_ state, c *tlsx.Certificate) { c.KeyType, c.KeyBits = kind, bits })
	}
	submission := func(chain certs.Chain, change func(state, *tlsx.Certificate)) []Dialogue {
		d := seen(chain, change)
		d[0].Port = 587
		return d
	}
	untrusted := func(reason certs.Chain) []string {
		return []string{`TLS-CERT-UNTRUSTED mx.test host=mx.test issuer="Some CA" reason=` + string(reason)}
	}
	two := append(seen(certs.ChainSelfSigned, nil), seen(certs.ChainSelfSigned, func(_ state, c *tlsx.Certificate) { c.SHA256 = "01" })...)
	tests := []struct {
		name string
		smtp []Dialogue
		want []string
	}{
		{"good", seen(certs.ChainTrusted, nil), nil},
		{"no TLS", []Dialogue{dialogue("mx.test", "192.0.2.1", smtp.OutcomeOK)}, nil},
		{"no certificate", []Dialogue{upgrade(smtp.StartTLSFailed, tlsx.OutcomeClosed)}, nil},

		{"expired", seen(certs.ChainTrusted, func(_ state, c *tlsx.Certificate) { c.Expired, c.DaysLeft = true, -1 }),
			[]string{"TLS-CERT-EXPIRED mx.test date=2027-02-03 host=mx.test"}},
		{"not yet valid", seen(certs.ChainTrusted, func(_ state, c *tlsx.Certificate) { c.NotYetValid = true }),
			[]string{"TLS-CERT-NOT-YET-VALID mx.test date=2026-01-01 host=mx.test"}},
		{"fourteen days left", seen(certs.ChainTrusted, func(_ state, c *tlsx.Certificate) { c.DaysLeft = soonDays }),
			[]string{"TLS-CERT-EXPIRES-SOON mx.test date=2027-02-03 days=14 host=mx.test"}},
		{"fifteen days left", seen(certs.ChainTrusted, func(_ state, c *tlsx.Certificate) { c.DaysLeft = soonDays + 1 }), nil},

		{"self-signed, of another name", seen(certs.ChainSelfSigned, func(s state, _ *tlsx.Certificate) { s.NameMatch = false }), []string{"TLS-CERT-SELF-SIGNED mx.test host=mx.test"}},
		{"self-signed and expired", seen(certs.ChainSelfSigned, func(_ state, c *tlsx.Certificate) { c.Expired = true }),
			[]string{"TLS-CERT-EXPIRED mx.test date=2027-02-03 host=mx.test", "TLS-CERT-SELF-SIGNED mx.test host=mx.test"}},
		{"unknown authority", seen(certs.ChainUnknownAuthority, nil), untrusted(certs.ChainUnknownAuthority)},
		{"expired in the chain", seen(certs.ChainExpired, nil), untrusted(certs.ChainExpired)},
		{"weak signature", seen(certs.ChainWeakSignature, func(_ state, c *tlsx.Certificate) { c.WeakSignature, c.Signature = true, "SHA1-RSA" }),
			[]string{"TLS-CERT-SIGNATURE-WEAK mx.test algorithm=SHA1-RSA host=mx.test"}},
		{"weak signature of an intermediate", seen(certs.ChainWeakSignature, func(s state, _ *tlsx.Certificate) {
			s.Certs = append(s.Certs, tlsx.Certificate{Signature: "MD5-RSA", WeakSignature: true}, tlsx.Certificate{Signature: "SHA1-RSA", WeakSignature: true, SelfSigned: true})
		}), []string{"TLS-CERT-SIGNATURE-WEAK mx.test algorithm=MD5-RSA host=mx.test"}},
		{"weak signature of a root, or of a way that is not needed", seen(certs.ChainTrusted, func(s state, _ *tlsx.Certificate) {
			s.Certs = append(s.Certs, tlsx.Certificate{Signature: "SHA1-RSA", WeakSignature: true})
		}), nil},
		{"self-signed with SHA-1", seen(certs.ChainSelfSigned, func(_ state, c *tlsx.Certificate) { c.WeakSignature, c.SelfSigned = true, true }),
			[]string{"TLS-CERT-SELF-SIGNED mx.test host=mx.test"}},
		{"name constraint", seen(certs.ChainNameConstraint, nil), untrusted(certs.ChainNameConstraint)},
		{"path too long", seen(certs.ChainTooLong, nil), untrusted(certs.ChainTooLong)},
		{"wrong usage", seen(certs.ChainUsage, nil), untrusted(certs.ChainUsage)},
		{"impossible dates", seen(certs.ChainValidity, nil), untrusted(certs.ChainValidity)},
		{"critical extension", seen(certs.ChainExtension, nil), untrusted(certs.ChainExtension)},
		{"another cause", seen(certs.ChainOther, nil), untrusted(certs.ChainOther)},
		{"no issuer", seen(certs.ChainOther, func(_ state, c *tlsx.Certificate) { c.Issuer = "" }),
			[]string{`TLS-CERT-UNTRUSTED mx.test host=mx.test issuer="\"\"" reason=other`}},
		{"no roots to judge by", seen(certs.ChainNoRoots, nil), nil},
		{"chain not judged", seen("", nil), nil},
		{"another name", seen(certs.ChainTrusted, func(s state, c *tlsx.Certificate) {
			s.NameMatch, c.DNSNames = false, []string{"1", "2", "3", "4", "5", "6"}
		}), []string{`TLS-CERT-NAME mx.test host=mx.test names="1, 2, 3, 4, 5"`}},
		{"no name", seen(certs.ChainTrusted, func(s state, c *tlsx.Certificate) { s.NameMatch, c.DNSNames = false, nil }),
			[]string{`TLS-CERT-NAME mx.test host=mx.test names="\"\""`}},
		{"untrusted, of another name", seen(certs.ChainOther, func(s state, _ *tlsx.Certificate) { s.NameMatch = false }),
			append(untrusted(certs.ChainOther), "TLS-CERT-NAME mx.test host=mx.test names=mx.test")},
		{"two certificates of one host", two, []string{"TLS-CERT-SELF-SIGNED mx.test host=mx.test"}},

		{"TLS 1.0", seen(certs.ChainTrusted, func(s state, _ *tlsx.Certificate) { s.Version = "TLS 1.0" }), []string{"TLS-VERSION-OLD mx.test host=mx.test version=\"TLS 1.0\""}},
		{"TLS 1.1", seen(certs.ChainTrusted, func(s state, _ *tlsx.Certificate) { s.Version = "TLS 1.1" }), []string{"TLS-VERSION-OLD mx.test host=mx.test version=\"TLS 1.1\""}},
		{"TLS 1.2", seen(certs.ChainTrusted, func(s state, _ *tlsx.Certificate) { s.Version = "TLS 1.2" }), nil},
		{"RC4", seen(certs.ChainTrusted, func(s state, _ *tlsx.Certificate) {
			s.Version, s.CipherSuite = "TLS 1.2", "TLS_ECDHE_RSA_WITH_RC4_128_SHA"
		}),
			[]string{"TLS-SUITE-WEAK mx.test host=mx.test suite=TLS_ECDHE_RSA_WITH_RC4_128_SHA"}},
		{"RC4 with TLS 1.0", seen(certs.ChainTrusted, func(s state, _ *tlsx.Certificate) { s.Version, s.CipherSuite = "TLS 1.0", "TLS_RSA_WITH_RC4_128_SHA" }),
			[]string{"TLS-VERSION-OLD mx.test host=mx.test version=\"TLS 1.0\""}},
		{"RSA key exchange, for want of DHE perhaps", seen(certs.ChainTrusted, func(s state, _ *tlsx.Certificate) {
			s.Version, s.CipherSuite = "TLS 1.2", "TLS_RSA_WITH_AES_128_GCM_SHA256"
		}), nil},
		{"CBC with SHA-1", seen(certs.ChainTrusted, func(s state, _ *tlsx.Certificate) {
			s.Version, s.CipherSuite = "TLS 1.2", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"
		}), nil},

		{"nothing old offered", offering(taken(tlsx.HelloTLS12), refusing(tlsx.HelloTLS11), refusing(tlsx.HelloTLS10), refusing(tlsx.HelloWeak)), nil},
		{"nothing tested", offering(tlsx.Offer{Hello: tlsx.HelloTLS10, Taken: tlsx.TakenNotTested}, tlsx.Offer{Hello: tlsx.HelloWeak, Taken: tlsx.TakenNotTested}), nil},
		{"old versions offered", offering(taken(tlsx.HelloTLS12), taken(tlsx.HelloTLS11), taken(tlsx.HelloTLS10)),
			[]string{`TLS-VERSION-OLD-OFFERED mx.test host=mx.test versions="TLS 1.0, TLS 1.1"`}},
		{"TLS 1.1 offered", offering(taken(tlsx.HelloTLS11), refusing(tlsx.HelloTLS10)),
			[]string{`TLS-VERSION-OLD-OFFERED mx.test host=mx.test versions="TLS 1.1"`}},
		{"old versions alone", seen(certs.ChainTrusted, func(s state, _ *tlsx.Certificate) { s.Version = "TLS 1.1" }, taken(tlsx.HelloTLS11), taken(tlsx.HelloTLS10)),
			[]string{`TLS-VERSION-OLD mx.test host=mx.test version="TLS 1.1"`}},
		{"weak suites offered", offering(taken(tlsx.HelloWeak)), []string{"TLS-SUITE-WEAK-OFFERED mx.test host=mx.test suite=TLS_SUITE"}},
		{"weak suite chosen", seen(certs.ChainTrusted, func(s state, _ *tlsx.Certificate) {
			s.Version, s.CipherSuite = "TLS 1.2", "TLS_RSA_WITH_3DES_EDE_CBC_SHA"
		}, taken(tlsx.HelloWeak)),
			[]string{"TLS-SUITE-WEAK mx.test host=mx.test suite=TLS_RSA_WITH_3DES_EDE_CBC_SHA"}},

		{"expired at one address", atTwo(func(_ state, c *tlsx.Certificate) { c.Expired = true }), []string{
			"TLS-CERT-DIFFERS mx.test bad=192.0.2.1 good=2001:db8::1 host=mx.test reason=expired", "TLS-CERT-EXPIRED mx.test date=2027-02-03 host=mx.test"}},
		{"not valid yet at one address", atTwo(func(_ state, c *tlsx.Certificate) { c.NotYetValid = true }), []string{
			"TLS-CERT-DIFFERS mx.test bad=192.0.2.1 good=2001:db8::1 host=mx.test reason=not-yet-valid", "TLS-CERT-NOT-YET-VALID mx.test date=2026-01-01 host=mx.test"}},
		{"self-signed at one address", atTwo(func(s state, _ *tlsx.Certificate) { s.Chain = certs.ChainSelfSigned }), []string{
			"TLS-CERT-DIFFERS mx.test bad=192.0.2.1 good=2001:db8::1 host=mx.test reason=self-signed", "TLS-CERT-SELF-SIGNED mx.test host=mx.test"}},
		{"another name at one address", atTwo(func(s state, _ *tlsx.Certificate) { s.NameMatch = false }), []string{
			"TLS-CERT-DIFFERS mx.test bad=192.0.2.1 good=2001:db8::1 host=mx.test reason=other-name", "TLS-CERT-NAME mx.test host=mx.test names=mx.test"}},
		{"another certificate, as good", atTwo(nil), nil},
		{"two hosts, one of them self-signed", append(seen(certs.ChainTrusted, nil), with(seen(certs.ChainSelfSigned, nil)[0], func(d *Dialogue) { d.Host = "b.test" })),
			[]string{"TLS-CERT-SELF-SIGNED b.test host=b.test"}},

		{"handshake failed behind the certificate", seen(certs.ChainTrusted, func(s state, c *tlsx.Certificate) {
			s.Version, s.Outcome, c.KeyType, c.KeyBits = "", tlsx.OutcomeWeakKey, tlsx.KeyRSA, 512
		}), []string{"TLS-KEY-WEAK mx.test bits=512 host=mx.test type=rsa"}},
		{"RSA 2047", key(tlsx.KeyRSA, 2047), []string{"TLS-KEY-WEAK mx.test bits=2047 host=mx.test type=rsa"}},
		{"RSA 2048", key(tlsx.KeyRSA, 2048), nil},
		{"ECDSA 223", key(tlsx.KeyECDSA, 223), []string{"TLS-KEY-WEAK mx.test bits=223 host=mx.test type=ecdsa"}},
		{"ECDSA 224", key(tlsx.KeyECDSA, 224), nil},
		{"Ed25519", key(tlsx.KeyEd25519, 256), nil},
		{"unknown key", key(tlsx.KeyUnknown, 0), nil},

		{"submission, good", submission(certs.ChainTrusted, nil), nil},
		{"submission, another name, short-lived, weak", submission(certs.ChainTrusted, func(s state, c *tlsx.Certificate) {
			s.NameMatch, c.DaysLeft, c.KeyType, c.KeyBits = false, 1, tlsx.KeyRSA, 1024
		}), nil},
		{"submission, no roots", submission(certs.ChainNoRoots, nil), nil},
		{"submission, chain not judged", submission("", nil), nil},
		{"submission, expired", submission(certs.ChainSelfSigned, func(_ state, c *tlsx.Certificate) { c.Expired = true }),
			[]string{"TLS-SUBMISSION-CERT mx.test host=mx.test port=587 reason=expired"}},
		{"submission, not yet valid", submission(certs.ChainTrusted, func(_ state, c *tlsx.Certificate) { c.NotYetValid = true }),
			[]string{"TLS-SUBMISSION-CERT mx.test host=mx.test port=587 reason=not-yet-valid"}},
		{"submission, self-signed", submission(certs.ChainSelfSigned, nil), []string{"TLS-SUBMISSION-CERT mx.test host=mx.test port=587 reason=self-signed"}},
		{"submission, untrusted", submission(certs.ChainUnknownAuthority, nil), []string{"TLS-SUBMISSION-CERT mx.test host=mx.test port=587 reason=unknown-authority"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			expect(t, collect(judgeTLS, mailHosts(tt.smtp)), tt.want)
		})
	}
}

// TestGatherTLS says how far the dialogues showed the TLS of the MX service.
func TestGatherTLS(t *testing.T) {
	second := func(d Dialogue) Dialogue {
		return with(d, func(d *Dialogue) { d.Host, d.Addr = "b.test", dialogue("b.test", "192.0.2.2", "").Addr })
	}
	tests := []struct {
		name  string
		facts *Facts
		want  string
	}{
		{"a certificate", mailHosts([]Dialogue{secured("mx.test", "192.0.2.1")}), "done"},
		{"a certificate, the handshake failed all the same", mailHosts([]Dialogue{with(upgrade(smtp.StartTLSFailed, tlsx.OutcomeWeakKey), func(d *Dialogue) {
			d.TLS.Certs = tlsState("").Certs
		})}), "done"},
		{"a certificate of one host, the other silent", mailHosts([]Dialogue{secured("mx.test", "192.0.2.1"), dialogue("b.test", "192.0.2.2", smtp.OutcomeTimeout)}), "done"},
		{"a certificate, and no connection left for the offers", mailHosts([]Dialogue{with(secured("mx.test", "192.0.2.1"), func(d *Dialogue) {
			d.Offers = []tlsx.Offer{{Hello: tlsx.HelloTLS11, Taken: tlsx.TakenNotTested, Reason: ReasonConnections}}
		})}), "done"},
		{"a certificate, and an offer without an answer", mailHosts([]Dialogue{with(secured("mx.test", "192.0.2.1"), func(d *Dialogue) {
			d.Offers = []tlsx.Offer{{Hello: tlsx.HelloTLS11, Taken: tlsx.TakenNotTested, Reason: "timeout"}}
		})}), "done"},
		{"no STARTTLS", mailHosts([]Dialogue{upgrade(smtp.StartTLSNotOffered, "")}), "skipped no-tls"},
		{"EHLO refused", mailHosts([]Dialogue{dialogue("mx.test", "192.0.2.1", smtp.OutcomeEhloRefused)}), "skipped no-tls"},
		{"handshake out of time", mailHosts([]Dialogue{upgrade(smtp.StartTLSFailed, tlsx.OutcomeTimeout)}), "inconclusive no-answer mx.test"},
		{"handshake that crypto/tls does not know", mailHosts([]Dialogue{upgrade(smtp.StartTLSFailed, tlsx.OutcomeProtocol)}), "inconclusive tls-not-tested mx.test"},
		{"handshake with an alert", mailHosts([]Dialogue{upgrade(smtp.StartTLSFailed, tlsx.OutcomeAlert)}), "inconclusive starttls-failed mx.test"},
		{"STARTTLS refused", mailHosts([]Dialogue{upgrade(smtp.StartTLSRefused, "")}), "inconclusive starttls-failed mx.test"},
		{"stripped", mailHosts([]Dialogue{upgrade(smtp.StartTLSStripped, "")}), "inconclusive starttls-stripped mx.test"},
		{"injection", mailHosts([]Dialogue{upgrade(smtp.StartTLSInjection, "")}), "inconclusive starttls-injection mx.test"},
		{"the service refused", mailHosts([]Dialogue{refusal("mx.test", 554, "No")}), "inconclusive client-refused mx.test"},
		{"STARTTLS put off", mailHosts([]Dialogue{upgrade(smtp.StartTLSTempfail, "")}), "inconclusive tempfail mx.test"},
		{"no STARTTLS at one, the other put off", mailHosts([]Dialogue{upgrade(smtp.StartTLSNotOffered, ""), second(upgrade(smtp.StartTLSTempfail, ""))}), "inconclusive tempfail b.test"},
		{"all silent", mailHosts([]Dialogue{dialogue("mx.test", "192.0.2.1", smtp.OutcomeTimeout)}), "inconclusive port-25-blocked"},
		{"all refuse", mailHosts([]Dialogue{dialogue("mx.test", "192.0.2.1", smtp.OutcomeRefused)}), "inconclusive hosts-down"},
		{"null MX", &Facts{Domain: tested, MX: &mx.Result{Status: dnsx.OK, Null: true}}, "skipped null-mx"},
		{"no host", &Facts{Domain: tested, MX: &mx.Result{Status: dnsx.OK, Hosts: []mx.Host{mailHostAt("mx.test")}}}, "skipped no-hosts"},
		{"hosts unknown", &Facts{Domain: tested, MX: &mx.Result{Domain: tested, Status: dnsx.ServFail}}, "inconclusive dns-servfail example.test"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &run{facts: tt.facts, domain: tested}
			r.once.hosts.Do(func() {})
			r.once.sessions.Do(func() {})
			if got := reached(gatherTLS(t.Context(), r)); got != tt.want {
				t.Errorf("coverage %q, want %q", got, tt.want)
			}
		})
	}
}

func TestDay(t *testing.T) {
	for in, want := range map[string]string{"2026-11-01T12:00:00Z": "2026-11-01", "2026-11-01": "2026-11-01", "2026": "2026", "": ""} {
		if got := day(in); got != want {
			t.Errorf("day(%q) = %q, want %q", in, got, want)
		}
	}
}
