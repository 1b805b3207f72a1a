package check

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"maildoctor/check/certs"
	"maildoctor/check/dane"
	"maildoctor/check/dnsx"
	"maildoctor/check/smtp"
	"maildoctor/check/tlsx"
)

// daneWay are the lines of a zone that say that the way to the host of mail is
// signed.
const daneWay = ";! ad example.test MX\n;! ad mx.example.test A\n;! ad mx.example.test AAAA\n"

// pinnedHost is mx.test with a secure way to the records, changed.
func pinnedHost(change func(*DANEHost), services ...DANEService) *DANE {
	h := DANEHost{
		Result: dane.Result{
			Host: "mx.test", Port: portMX, MX: dane.Secure, Address: dane.Secure, State: dane.StateFound, Base: "mx.test",
			Questions: []dane.Question{{Base: "mx.test", Name: "_25._tcp.mx.test", Status: dnsx.OK, Security: dane.Secure}},
			Records:   []dane.Record{dane.NewRecord(3, 1, 1, strings.Repeat("0", 64)), dane.NewRecord(2, 1, 1, strings.Repeat("1", 64))},
		},
		Services: services,
	}
	if change != nil {
		change(&h)
	}
	return &DANE{Validated: true, Hosts: []DANEHost{h}}
}

// held is the certificate at an address held against the records.
func held(addr string, outcome dane.Outcome, trials ...dane.Trial) DANEService {
	return DANEService{Addr: netip.MustParseAddr(addr), Verdict: dane.Verdict{Outcome: outcome, Trials: trials}, Lasts: outcome == dane.OutcomeVerified}
}

func TestJudgeDANE(t *testing.T) {
	const at = "192.0.2.1"
	verified := held(at, dane.OutcomeVerified)
	trial := func(r dane.Reason) dane.Trial { return dane.Trial{Reason: r, Certificate: -1} }
	mismatch := func(reason string) []string {
		return []string{"DANE-MISMATCH mx.test address=192.0.2.1 host=mx.test key=99 place=_25._tcp.mx.test reason=" + reason}
	}
	chain := func(reason, cure string) []string {
		return []string{"DANE-CHAIN mx.test address=192.0.2.1 cure=" + cure + " host=mx.test place=_25._tcp.mx.test reason=" + reason}
	}
	anchors := func(h *DANEHost) { h.Records = h.Records[1:] }
	idle := func(h *DANEHost) { h.Records[0] = dane.NewRecord(1, 1, 1, strings.Repeat("0", 64)) }
	single := verified
	single.RollOver = dane.RollOver{Usable: 1, SingleEE: true}
	one := []Dialogue{secured("mx.test", at)}
	plain := []Dialogue{upgrade(smtp.StartTLSNotOffered, "")}
	other := secured("mx.test", "2001:db8::1")
	other.TLS.Certs[0].SHA256 = "02"
	tests := []struct {
		name string
		dane *DANE
		smtp []Dialogue
		want []string
	}{
		{"not gathered", nil, one, nil},
		{"verified", pinnedHost(nil, verified), one, nil},
		{"none", pinnedHost(func(h *DANEHost) { h.State, h.Records = dane.StateAbsent, nil }), plain, nil},
		{"not compared", pinnedHost(nil), nil, nil},
		{"another key", pinnedHost(nil, held(at, dane.OutcomeNotVerified, trial(dane.ReasonDigest), trial(dane.ReasonUnusable))), one, mismatch("digest-mismatch")},
		{"the record that came furthest speaks", pinnedHost(nil, held(at, dane.OutcomeNotVerified, trial(dane.ReasonExpired), trial(dane.ReasonDigest))), one, chain("expired", "renew")},
		{"not valid yet", pinnedHost(nil, held(at, dane.OutcomeNotVerified, trial(dane.ReasonDigest), trial(dane.ReasonNotYetValid))), one, chain("not-yet-valid", "clock")},
		{"another name", pinnedHost(nil, held(at, dane.OutcomeNotVerified, trial(dane.ReasonName))), one, chain("name-mismatch", "name")},
		{"no path", pinnedHost(nil, held(at, dane.OutcomeNotVerified, trial(dane.ReasonChain))), one, chain("chain-broken", "send-chain")},
		{"not for servers", pinnedHost(nil, held(at, dane.OutcomeNotVerified, trial(dane.ReasonUsage))), one, chain("wrong-usage", "issuer")},
		{"not for this name", pinnedHost(nil, held(at, dane.OutcomeNotVerified, trial(dane.ReasonConstraint))), one, chain("name-constraint", "issuer")},
		{"an authority that is not sent", pinnedHost(anchors, held(at, dane.OutcomeNotVerified, trial(dane.ReasonDigest))), one, chain("anchor-missing", "send-chain")},
		{"an authority that is not sent beside what is not usable", pinnedHost(idle, held(at, dane.OutcomeNotVerified, trial(dane.ReasonUnusable), trial(dane.ReasonDigest))),
			one, chain("anchor-missing", "send-chain")},
		{"the host in place of its authority", pinnedHost(anchors, held(at, dane.OutcomeNotVerified, trial(dane.ReasonAnchorIsLeaf))), one, mismatch("anchor-is-leaf")},
		{"the authority in place of the host", pinnedHost(nil, held(at, dane.OutcomeNotVerified, trial(dane.ReasonNotLeaf))), one, mismatch("not-the-leaf")},
		{"weaker digest", pinnedHost(nil, held(at, dane.OutcomeVerifiedWeaker)), one, mismatch("weaker-digest")},
		{"cannot be judged", pinnedHost(nil, held(at, dane.OutcomeUnknown, trial(dane.ReasonMalformed))), one, nil},
		{"a mismatch at one address", pinnedHost(nil, verified, held("2001:db8::1", dane.OutcomeNotVerified)), append(one, other),
			[]string{"DANE-MISMATCH mx.test address=2001:db8::1 host=mx.test key=99 place=_25._tcp.mx.test reason=digest-mismatch"}},
		{"the same certificate twice", pinnedHost(nil, held(at, dane.OutcomeNotVerified), held("2001:db8::1", dane.OutcomeNotVerified)),
			append(one, secured("mx.test", "2001:db8::1")), mismatch("digest-mismatch")},
		{"of another host", pinnedHost(nil, held(at, dane.OutcomeNotVerified)), []Dialogue{secured("other.test", at)}, nil},
		{"single", pinnedHost(nil, single), one, []string{"DANE-SINGLE-PIN mx.test host=mx.test place=_25._tcp.mx.test"}},
		{"no STARTTLS", pinnedHost(nil), plain, []string{"DANE-NO-STARTTLS mx.test address=192.0.2.1 host=mx.test"}},
		{"STARTTLS taken away on the way", pinnedHost(nil), []Dialogue{upgrade(smtp.StartTLSStripped, "")}, nil},
		{"put off", pinnedHost(nil), []Dialogue{dialogue("mx.test", at, smtp.OutcomeTempfail)}, nil},
		{"handshake in no time", pinnedHost(nil), []Dialogue{upgrade(smtp.StartTLSFailed, tlsx.OutcomeTimeout)}, nil},
		{"usages of the web", pinnedHost(func(h *DANEHost) { h.Records = []dane.Record{dane.NewRecord(1, 1, 1, strings.Repeat("0", 64))} },
			held(at, dane.OutcomeNoUsable, trial(dane.ReasonUnusable))), one,
			[]string{"DANE-NO-USABLE-RECORD mx.test fault=pkix-usage host=mx.test place=_25._tcp.mx.test"}},

		{"MX insecure", pinnedHost(func(h *DANEHost) { h.MX = dane.Insecure }, held(at, dane.OutcomeNotVerified)), one,
			[]string{"DANE-INSECURE mx.test gap=mx-insecure host=mx.test"}},
		{"addresses insecure", pinnedHost(func(h *DANEHost) { h.State, h.Address = dane.StateFoundInsecure, dane.Insecure }), one,
			[]string{"DANE-INSECURE mx.test gap=address-insecure host=mx.test"}},
		{"records insecure", pinnedHost(func(h *DANEHost) { h.State = dane.StateFoundInsecure }), one,
			[]string{"DANE-INSECURE mx.test gap=tlsa-insecure host=mx.test"}},
		{"records insecure behind an alias", pinnedHost(func(h *DANEHost) {
			h.State, h.Address, h.AliasSecurity = dane.StateFoundInsecure, dane.Insecure, dane.Secure
		}), one, []string{"DANE-INSECURE mx.test gap=tlsa-insecure host=mx.test"}},
		{"a resolver that does not validate", &DANE{Hosts: pinnedHost(func(h *DANEHost) { h.MX, h.State = dane.Insecure, dane.StateFoundInsecure }).Hosts}, one, nil},

		{"the question fails", pinnedHost(func(h *DANEHost) { h.State, h.Records = dane.StateFailing, nil }), one,
			[]string{"DANE-TLSA-BROKEN mx.test host=mx.test place=_25._tcp.mx.test"}},
		{"the question fails, MX insecure", pinnedHost(func(h *DANEHost) { h.State, h.MX, h.Records = dane.StateFailing, dane.Insecure, nil }), one, nil},
		{"no answer", pinnedHost(func(h *DANEHost) { h.State, h.Records = dane.StateUnknown, nil }), one, nil},
		{"no answer, and it does not matter", pinnedHost(func(h *DANEHost) { h.State, h.Records = dane.StateMoot, nil }), one, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := mailHosts(tt.smtp)
			f.DANE = tt.dane
			for i := range f.SMTP {
				if leaf := f.SMTP[i].TLS.Leaf(); leaf != nil {
					leaf.KeySHA256 = "99"
				}
			}
			got := collect(judgeDANE, f)
			expect(t, got, tt.want)
			text, err := json.Marshal(f)
			if err != nil {
				t.Fatal(err)
			}
			back := new(Facts)
			if err := json.Unmarshal(text, back); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(got, collect(judgeDANE, back)); d != "" {
				t.Errorf("findings (-gathered +read back):\n%s", d)
			}
		})
	}
}

// TestDANEVouches holds that a certificate that TLSA records describe is not
// judged by public authorities.
func TestDANEVouches(t *testing.T) {
	const at = "192.0.2.1"
	until := held(at, dane.OutcomeVerified)
	until.Until = "2027-02-03T00:00:00Z"
	selfSigned := []string{"TLS-CERT-EXPIRED mx.test date=2027-02-03 host=mx.test", "TLS-CERT-SELF-SIGNED mx.test host=mx.test"}
	insecure := func(h *DANEHost) { h.State = dane.StateFoundInsecure }
	tests := []struct {
		name string
		dane *DANE
		want []string
	}{
		{"no DANE", nil, selfSigned},
		{"DANE-EE", pinnedHost(nil, held(at, dane.OutcomeVerified)), nil},
		{"DANE-TA, whose dates count", pinnedHost(nil, until), selfSigned[:1]},
		{"at another address", pinnedHost(nil, held("2001:db8::1", dane.OutcomeVerified)), selfSigned},
		{"no match", pinnedHost(nil, held(at, dane.OutcomeNotVerified)), selfSigned},
		{"no match for all", pinnedHost(nil, held(at, dane.OutcomeVerifiedWeaker)), selfSigned},
		{"without effect", pinnedHost(insecure, held(at, dane.OutcomeVerified)), selfSigned},
		{"perhaps without effect", &DANE{Hosts: pinnedHost(insecure, held(at, dane.OutcomeVerified)).Hosts}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := secured("mx.test", at)
			d.TLS.Chain, d.TLS.Certs[0].Expired = certs.ChainSelfSigned, true
			f := mailHosts([]Dialogue{d})
			f.DANE = tt.dane
			expect(t, collect(judgeTLS, f), tt.want)
		})
	}
}

func TestDANECoverage(t *testing.T) {
	const at = "192.0.2.1"
	blind := func(services ...DANEService) *DANE { return &DANE{Hosts: pinnedHost(nil, services...).Hosts} }
	tests := []struct {
		name string
		dane *DANE
		smtp Dialogue
		want string
	}{
		{"verified", pinnedHost(nil, held(at, dane.OutcomeVerified)), secured("mx.test", at), "done"},
		{"not verified", pinnedHost(nil, held(at, dane.OutcomeNotVerified)), secured("mx.test", at), "done"},
		{"cannot be judged", pinnedHost(nil, held(at, dane.OutcomeUnknown)), secured("mx.test", at), "inconclusive certificate-unclear mx.test"},
		{"no way out", pinnedHost(nil), dialogue("mx.test", at, smtp.OutcomeTimeout), "inconclusive port-25-blocked"},
		{"put off", pinnedHost(nil), dialogue("mx.test", at, smtp.OutcomeTempfail), "inconclusive tempfail mx.test"},
		{"not validated", blind(held(at, dane.OutcomeNotVerified)), secured("mx.test", at), "inconclusive dnssec-not-seen"},
		{"not validated, not seen", blind(), dialogue("mx.test", at, smtp.OutcomeTempfail), "inconclusive dnssec-not-seen"},
		{"not validated, and it does not matter", blind(held(at, dane.OutcomeVerified)), secured("mx.test", at), "inconclusive dnssec-not-seen  minor"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := mailHosts([]Dialogue{tt.smtp})
			f.DANE = tt.dane
			if got := reached(daneCoverage(t.Context(), f)); got != tt.want {
				t.Errorf("coverage %q, want %q", got, tt.want)
			}
		})
	}
}

func TestMeritsDANE(t *testing.T) {
	const at = "192.0.2.1"
	tests := []struct {
		name string
		dane *DANE
		want int
	}{
		{"not gathered", nil, 0},
		{"verified", pinnedHost(nil, held(at, dane.OutcomeVerified)), 1},
		{"not seen", pinnedHost(nil), 0},
		{"at one address", pinnedHost(nil, held(at, dane.OutcomeVerified), held("2001:db8::1", dane.OutcomeNotVerified)), 0},
		{"without effect", pinnedHost(func(h *DANEHost) { h.MX = dane.Insecure }, held(at, dane.OutcomeVerified)), 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := 0
			meritsDANE(&Facts{DANE: tt.dane}, func(Merit) { got++ })
			if got != tt.want {
				t.Errorf("%d merits, want %d", got, tt.want)
			}
		})
	}
}

func TestDANEEvidence(t *testing.T) {
	record := func(digits int) dane.Record {
		return dane.Record{Usage: 3, Selector: 1, MatchingType: 0, Data: strings.Repeat("a", digits)}
	}
	tests := []struct {
		name         string
		records      []dane.Record
		lines, width int // width of the first line
	}{
		{"at the limits", slices.Repeat([]dane.Record{record(maxShownData)}, maxShownRecords), maxShownRecords, maxShownData},
		{"past the limits", slices.Repeat([]dane.Record{record(maxShownData + 1)}, maxShownRecords+1), maxShownRecords, maxShownData + len("...")},
		{"no data", []dane.Record{record(0)}, 1, len(`""`)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := pinnedHost(nil).Hosts[0]
			h.Records = tt.records
			got := h.evidence()
			if len(got) != tt.lines || len(got[0]) != len("_25._tcp.mx.test TLSA 3 1 0 ")+tt.width {
				t.Errorf("%d lines, the first %q; want %d lines, %d octets of data", len(got), got[0], tt.lines, tt.width)
			}
		})
	}
}
