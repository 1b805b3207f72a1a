package check

import (
	"fmt"
	"testing"

	"maildoctor/check/certs"
	"maildoctor/check/dane"
	"maildoctor/check/dnsx"
	"maildoctor/check/mtasts"
	"maildoctor/check/mx"
	"maildoctor/check/smtp"
	"maildoctor/check/tlsx"
)

// policyOf is what MTA-STS says with a policy of that mode and those patterns.
func policyOf(mode mtasts.Mode, patterns ...string) *mtasts.Result {
	return &mtasts.Result{
		Domain: tested, Outcome: mtasts.Found, Asked: "_mta-sts." + tested, Record: &mtasts.Record{ID: "1"},
		Download: &mtasts.Download{URL: mtasts.URL(tested), Outcome: mtasts.FetchOK, Known: true, Status: 200, ContentType: "text/plain"},
		Policy:   &mtasts.Policy{Mode: mode, MaxAge: 604800, MX: patterns, Valid: true},
	}
}

func noPolicy() *mtasts.Result { return &mtasts.Result{Domain: tested, Outcome: mtasts.NotFound} }

// answered is a Delivery as a word, and why.
func answered(d Delivery) string {
	if d.Reason == "" {
		return string(d.State)
	}
	return fmt.Sprintf("%s %s", d.State, d.Reason)
}

func TestTrust(t *testing.T) {
	const at = "192.0.2.1"
	good := secured("mx.test", at)
	cert := func(change func(*tlsx.State, *tlsx.Certificate)) Dialogue {
		d := secured("mx.test", at)
		change(d.TLS, &d.TLS.Certs[0])
		return d
	}
	listed := policyOf(mtasts.Enforce, "mx.test")
	pin := pinnedHost(nil, held(at, dane.OutcomeVerified))
	none := pinnedHost(func(h *DANEHost) { h.State, h.Records = dane.StateAbsent, nil })
	soon := func(_ *tlsx.State, c *tlsx.Certificate) { c.DaysLeft = soonDays }
	unlasting := held(at, dane.OutcomeVerified)
	unlasting.Lasts = false
	weak := pinnedHost(nil, unlasting)
	const moot, noTLSA = "not-applicable no-policy", "not-applicable no-tlsa"
	tests := []struct {
		name                string
		sts                 *mtasts.Result
		dane                *DANE
		smtp                Dialogue
		open, follow, bound string
		later               string // of MTA-STS and DANE, where it differs
	}{
		{"no policy", noPolicy(), none, good, "yes", moot, noTLSA, ""},
		{"both", listed, pin, good, "yes", "yes", "yes", ""},
		{"self-signed, no policy", noPolicy(), none, cert(func(s *tlsx.State, _ *tlsx.Certificate) { s.Chain = certs.ChainSelfSigned }), "yes", moot, noTLSA, ""},
		{"self-signed", listed, pin, cert(func(s *tlsx.State, _ *tlsx.Certificate) { s.Chain = certs.ChainSelfSigned }), "yes", "no cert-self-signed", "yes", ""},
		{"untrusted", listed, none, cert(func(s *tlsx.State, _ *tlsx.Certificate) { s.Chain = certs.ChainUnknownAuthority }), "yes", "no cert-untrusted", noTLSA, ""},
		{"no roots here", listed, none, cert(func(s *tlsx.State, _ *tlsx.Certificate) { s.Chain = certs.ChainNoRoots }), "yes", "unknown certificate-unclear", noTLSA, ""},
		{"expired", listed, pin, cert(func(_ *tlsx.State, c *tlsx.Certificate) { c.Expired = true }), "yes", "no cert-expired", "yes", ""},
		{"early", listed, none, cert(func(_ *tlsx.State, c *tlsx.Certificate) { c.NotYetValid = true }), "yes", "no cert-not-yet-valid", noTLSA, ""},
		{"another name", listed, none, cert(func(s *tlsx.State, _ *tlsx.Certificate) { s.NameMatch = false }), "yes", "no cert-name", noTLSA, ""},
		{"expires, DANE-EE", listed, pin, cert(soon), "yes", "yes", "yes", "no cert-expires, yes"},
		{"expires, DANE-TA", noPolicy(), weak, cert(soon), "yes", moot, "yes", moot + ", no cert-expires"},
		{"fifteen days", listed, none, cert(func(_ *tlsx.State, c *tlsx.Certificate) { c.DaysLeft = soonDays + 1 }), "yes", "yes", noTLSA, ""},

		{"no STARTTLS", listed, pin, upgrade(smtp.StartTLSNotOffered, ""), "yes", "no no-starttls", "no no-starttls", ""},
		{"STARTTLS refused", listed, pin, upgrade(smtp.StartTLSRefused, ""), "yes", "no starttls-refused", "no starttls-refused", ""},
		{"STARTTLS stripped", listed, pin, upgrade(smtp.StartTLSStripped, ""), "yes", "unknown stripped", "unknown stripped", ""},
		{"STARTTLS put off", listed, pin, upgrade(smtp.StartTLSTempfail, ""), "yes", "unknown tempfail", "unknown tempfail", ""},
		{"handshake fails", listed, pin, upgrade(smtp.StartTLSFailed, tlsx.OutcomeAlert), "unknown handshake-failed", "no handshake-failed", "no handshake-failed", ""},
		{"handshake in no time", listed, pin, upgrade(smtp.StartTLSFailed, tlsx.OutcomeTimeout), "unknown no-answer", "unknown no-answer", "unknown no-answer", ""},
		{"handshake cut short here", listed, pin, upgrade(smtp.StartTLSFailed, tlsx.OutcomeCancelled), "unknown no-answer", "unknown no-answer", "unknown no-answer", ""},
		{"handshake of another kind", listed, pin, upgrade(smtp.StartTLSFailed, tlsx.OutcomeProtocol), "unknown tls-not-tested", "unknown tls-not-tested", "unknown tls-not-tested", ""},
		{"handshake with a weak key", listed, pin, upgrade(smtp.StartTLSFailed, tlsx.OutcomeWeakKey), "unknown handshake-failed", "unknown tls-not-tested", "unknown tls-not-tested", ""},
		{"handshake not seen", listed, pin, upgrade(smtp.StartTLSFailed, ""), "unknown no-answer", "unknown no-answer", "unknown no-answer", ""},
		{"hangs up on STARTTLS", listed, pin, upgrade(smtp.StartTLSBroken, ""), "unknown handshake-failed", "no handshake-failed", "no handshake-failed", ""},
		{"silent on STARTTLS", listed, pin, with(upgrade(smtp.StartTLSBroken, ""), func(d *Dialogue) { d.Fault = smtp.FaultTimeout }),
			"unknown no-answer", "unknown no-answer", "unknown no-answer", ""},
		{"TLS 1.0", listed, pin, cert(func(s *tlsx.State, _ *tlsx.Certificate) { s.Version = "TLS 1.0" }), "yes", "unknown tls-old", "yes", ""},
		{"TLS 1.1", listed, none, cert(func(s *tlsx.State, _ *tlsx.Certificate) { s.Version = "TLS 1.1" }), "yes", "unknown tls-old", noTLSA, ""},
		{"TLS 1.2", listed, none, cert(func(s *tlsx.State, _ *tlsx.Certificate) { s.Version = "TLS 1.2" }), "yes", "yes", noTLSA, ""},
		{"TLS 1.0, expired", listed, none, cert(func(s *tlsx.State, c *tlsx.Certificate) { s.Version, c.Expired = "TLS 1.0", true }), "yes", "no cert-expired", noTLSA, ""},
		{"refuses", listed, pin, dialogue("mx.test", at, smtp.OutcomeRefused), "no no-service", "no no-service", "no no-service", ""},
		{"refuses the service, perhaps to us alone", listed, pin, refusal("mx.test", 554, "No"), "unknown client-refused", "unknown client-refused", "unknown client-refused", ""},
		{"put off", listed, pin, dialogue("mx.test", at, smtp.OutcomeTempfail), "unknown tempfail", "unknown tempfail", "unknown tempfail", ""},

		{"not listed", policyOf(mtasts.Enforce, "*.mx.test"), none, good, "yes", "no not-listed", noTLSA, ""},
		{"on trial", policyOf(mtasts.Testing), none, good, "yes", "not-applicable policy-testing", noTLSA, ""},
		{"switched off", policyOf(mtasts.None), none, good, "yes", moot, noTLSA, ""},
		{"no policy behind the record", &mtasts.Result{Outcome: mtasts.Found, Download: &mtasts.Download{Outcome: "http-status", Known: true}},
			none, good, "yes", "not-applicable policy-void", noTLSA, ""},
		{"policy not seen", &mtasts.Result{Outcome: mtasts.Found, Download: &mtasts.Download{Outcome: "timeout"}}, none, good, "yes", "unknown policy-unknown", noTLSA, ""},
		{"record not seen", &mtasts.Result{Outcome: mtasts.CannotTell}, none, good, "yes", "unknown policy-unknown", noTLSA, ""},
		{"not gathered", nil, nil, good, "yes", "unknown policy-unknown", "unknown tlsa-unknown", ""},

		{"TLSA does not fit", noPolicy(), pinnedHost(nil, held(at, dane.OutcomeNotVerified)), good, "yes", moot, "no tlsa-mismatch", ""},
		{"the authority pinned has expired", noPolicy(), pinnedHost(nil, held(at, dane.OutcomeNotVerified, dane.Trial{Reason: dane.ReasonExpired})), good, "yes", moot, "no tlsa-chain", ""},
		{"no usable TLSA", noPolicy(), pinnedHost(nil, held(at, dane.OutcomeNoUsable)), good, "yes", moot, "yes", ""},
		{"TLSA cannot be compared", noPolicy(), pinnedHost(nil, held(at, dane.OutcomeUnknown)), good, "yes", moot, "unknown certificate-unclear", ""},
		{"TLSA broken", noPolicy(), pinnedHost(func(h *DANEHost) { h.State = dane.StateFailing }), good, "yes", moot, "no tlsa-broken", ""},
		{"TLSA insecure", noPolicy(), pinnedHost(func(h *DANEHost) { h.MX = dane.Insecure }), good, "yes", moot, "not-applicable tlsa-insecure", ""},
		{"TLSA unknown", noPolicy(), pinnedHost(func(h *DANEHost) { h.State = dane.StateUnknown }), good, "yes", moot, "unknown tlsa-unknown", ""},
		{"not validated", noPolicy(), &DANE{Hosts: pinnedHost(func(h *DANEHost) { h.State = dane.StateFoundInsecure }).Hosts}, good, "yes", moot, "unknown dnssec-not-seen", ""},
		{"not validated, none", noPolicy(), &DANE{Hosts: none.Hosts}, good, "yes", moot, noTLSA, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := mailHosts([]Dialogue{tt.smtp})
			f.MTASTS, f.DANE = tt.sts, tt.dane
			list := f.Trust()
			if len(list) != 1 || list[0].Host != "mx.test" {
				t.Fatalf("got %+v, want one host", list)
			}
			got := list[0]
			for _, c := range []struct{ who, got, want string }{
				{"opportunistic", answered(got.Opportunistic), tt.open},
				{"MTA-STS", answered(got.MTASTS), tt.follow},
				{"DANE", answered(got.DANE), tt.bound},
			} {
				if c.got != c.want {
					t.Errorf("%s: got %q, want %q", c.who, c.got, c.want)
				}
			}
			want := tt.later
			if want == "" {
				want = tt.follow + ", " + tt.bound
			}
			if later := answered(got.Later.MTASTS) + ", " + answered(got.Later.DANE); later != want {
				t.Errorf("later: got %q, want %q", later, want)
			}
			if got.Later.Opportunistic != got.Opportunistic {
				t.Errorf("opportunistic later: got %+v, want %+v", got.Later.Opportunistic, got.Opportunistic)
			}
		})
	}
}

// TestTrustAcross holds that one good address is enough, and that all must be
// known to be bad before a host is.
func TestTrustAcross(t *testing.T) {
	const four, six = "192.0.2.1", "2001:db8::1"
	clear4 := upgrade(smtp.StartTLSNotOffered, "")
	clear6 := clear4
	clear6.Addr = secured("mx.test", six).Addr
	late := dialogue("mx.test", six, smtp.OutcomeTimeout)
	dead := mx.Host{Name: "mx.test", Kind: mx.KindName, A: mx.Addresses{Status: dnsx.NXDomain}, AAAA: mx.Addresses{Status: dnsx.NXDomain}}
	half := mailHostAt("mx.test", four)
	half.AAAA.Status = dnsx.ServFail
	tests := []struct {
		name  string
		facts *Facts
		want  string
	}{
		{"one good", mailHosts([]Dialogue{clear4, secured("mx.test", six)}), "yes"},
		{"all bad", mailHosts([]Dialogue{clear4, clear6}), "no no-starttls"},
		{"one bad, one unknown", mailHosts([]Dialogue{clear4, late}), "unknown no-answer"},
		{"one bad, one not tried", mailHosts([]Dialogue{clear4}, mailHostAt("mx.test", four, "192.0.2.2")), "unknown addresses-left"},
		{"one bad, one family unknown", mailHosts([]Dialogue{clear4}, half), "unknown addresses-left"},
		{"none tried", mailHosts(nil, mailHostAt("mx.test", four)), "unknown hosts-left"},
		{"no address", mailHosts(nil, dead), "no no-address"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.facts.MTASTS = policyOf(mtasts.Enforce, "mx.test")
			if got := answered(tt.facts.Trust()[0].MTASTS); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestNoTrust(t *testing.T) {
	host := mailHostAt("mx.test", "192.0.2.1")
	tests := []struct {
		name  string
		facts *Facts
		want  int
	}{
		{"nothing gathered", &Facts{Domain: tested}, 0},
		{"one check", &Facts{Domain: tested, Checks: []string{"dane"}, MX: mailHosts(nil, host).MX}, 0},
		{"no such domain", &Facts{Domain: tested, MX: &mx.Result{Status: dnsx.NXDomain}}, 0},
		{"takes no mail", &Facts{Domain: tested, MX: &mx.Result{Status: dnsx.OK, Null: true}}, 0},
		{"an address in place of a host", mailHosts(nil, mx.Host{Name: "192.0.2.1", Kind: mx.KindAddress}), 0},
		{"as many hosts as are looked at", mailHosts(nil, host, host, host, host, host), MaxHosts},
		{"one more", mailHosts(nil, host, host, host, host, host, host), MaxHosts},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := len(tt.facts.Trust()); got != tt.want {
				t.Errorf("%d hosts, want %d", got, tt.want)
			}
		})
	}
}

func TestJudgeTrust(t *testing.T) {
	const at = "192.0.2.1"
	ending := secured("mx.test", at)
	ending.TLS.Certs[0].DaysLeft = soonDays
	first := held(at, dane.OutcomeVerified)
	first.Lasts, first.Until = false, "2027-01-09T00:00:00Z"
	tests := []struct {
		name string
		sts  *mtasts.Result
		dane *DANE
		smtp Dialogue
		want []string
	}{
		{"no policy", noPolicy(), nil, ending, nil},
		{"on trial", policyOf(mtasts.Testing, "mx.test"), nil, ending, nil},
		{"in force", policyOf(mtasts.Enforce, "mx.test"), nil, ending, []string{"TRUST-EXPIRES mx.test date=2027-02-03 host=mx.test model=mta-sts"}},
		{"in force, long enough", policyOf(mtasts.Enforce, "mx.test"), nil, secured("mx.test", at), nil},
		{"in force, not listed", policyOf(mtasts.Enforce, "x.test"), nil, ending, nil},
		{"DANE-TA", noPolicy(), pinnedHost(nil, first), secured("mx.test", at), []string{"TRUST-EXPIRES mx.test date=2027-01-09 host=mx.test model=dane"}},
		{"DANE-EE", noPolicy(), pinnedHost(nil, held(at, dane.OutcomeVerified)), ending, nil},
		{"both", policyOf(mtasts.Enforce, "mx.test"), pinnedHost(nil, first), ending, []string{"TRUST-EXPIRES mx.test date=2027-01-09 host=mx.test model=both"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := mailHosts([]Dialogue{tt.smtp})
			f.MTASTS, f.DANE = tt.sts, tt.dane
			expect(t, collect(judgeTrust, f), tt.want)
		})
	}
}
