package check

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"maildoctor/check/dmarc"
	"maildoctor/check/dnsx"
	"maildoctor/check/evidence"
)

// TestJudgeEnvelopeSender holds that it matters only for an envelope sender that passes
// SPF, or of which that is not known, whether it aligns.
func TestJudgeEnvelopeSender(t *testing.T) {
	const (
		policy = mail + "@ TXT \"v=spf1 mx -all\"\n_dmarc TXT \"v=DMARC1; p=reject; aspf=s; rua=mailto:r@example.test\"\n"
		below  = "a@bounce.example.test"
		other  = "a@mailer.invalid"
	)
	strict := []string{`DMARC-STRICT-UNALIGNED example.test identity=bounce.example.test method=SPF record="v=DMARC1; p=reject; rua=mailto:r@example.test" tag=aspf where=replace`}
	foreign := []string{"DMARC-UNALIGNED example.test identity=mailer.invalid method=SPF reason=other-organisation"}
	for _, tt := range []struct {
		name, zone, from string
		want             []string
	}{
		{"pass", `bounce TXT "v=spf1 ip4:192.0.2.9 -all"`, below, strict},
		{"pass, with a final dot and capitals", `bounce TXT "v=spf1 ip4:192.0.2.9 -all"`, "a@Bounce.Example.Test.", strict},
		{"pass, elsewhere", `mailer.invalid. TXT "v=spf1 ip4:192.0.2.9 -all"`, other, foreign},
		{"fail", `bounce TXT "v=spf1 -all"`, below, nil},
		{"softfail, elsewhere", `mailer.invalid. TXT "v=spf1 ~all"`, other, nil},
		{"neutral", `bounce TXT "v=spf1 ?all"`, below, nil},
		{"permerror", `bounce TXT "v=spf1 ip4:x -all"`, below, nil},
		{"no record", `bounce A 192.0.2.9`, below, nil},
		{"no answer", `;! timeout bounce.example.test TXT`, below, strict},
		{"no such domain", "", below, []string{"MAILFROM-NOT-FOUND bounce.example.test address=192.0.2.9"}},
		{"no such domain elsewhere", "", other, []string{"MAILFROM-NOT-FOUND mailer.invalid address=192.0.2.9"}},
		{"the domain itself", "", "a@example.test", nil},
		{"no sender", "", "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := Options{Checks: []string{"dmarc"}, From: tt.from, IP: netip.MustParseAddr("192.0.2.9")}
			expect(t, auditZone(t, tested, policy+tt.zone+"\n", o).Findings, tt.want)
		})
	}
}

// TestJudgeStreams holds what messages and reports of the user tell of the way
// the domain's mail is authenticated.
func TestJudgeStreams(t *testing.T) {
	const (
		own, below, other = "example.test", "mail.example.test", "mailer.invalid"
		strictSPF         = "; aspf=s"
		strictBoth        = "; aspf=s; adkim=s"
	)
	stream := func(kind evidence.Kind, mailFrom, signers []string) evidence.Stream {
		return evidence.Stream{Kind: kind, From: own, MailFrom: mailFrom, Signers: signers, Uses: evidence.Uses{Count: 1}}
	}
	list := func(names ...string) []string { return names }
	const message, report = evidence.Message, evidence.AggregateReport
	unaligned := func(identities, envelope string) string {
		return "DMARC-MAIL-UNALIGNED example.test envelope=" + envelope + " identities=" + identities
	}
	finding := func(rule, method, identity, record, tag string) string {
		return fmt.Sprintf(`%s example.test identity=%s method=%s record="v=DMARC1; p=reject; rua=mailto:r@example.test%s" tag=%s where=replace`, rule, identity, method, record, tag)
	}
	for _, tt := range []struct {
		name, tags string
		streams    []evidence.Stream
		want       []string
	}{
		{"all of others", "", []evidence.Stream{stream(message, list(other), list("a.invalid", other))}, []string{unaligned(`"mailer.invalid, a.invalid"`, other)}},
		{"envelope sender alone", "", []evidence.Stream{stream(message, list(other), nil)}, []string{unaligned(other, other)}},
		{"envelope sender not shown", "", []evidence.Stream{stream(message, nil, list(other))}, nil},
		{"signed by the domain", "", []evidence.Stream{stream(message, list(other), list(other, own))}, nil},
		{"signed by a relative", "", []evidence.Stream{stream(message, list(other), list(below))}, nil},
		{"sent by a relative", "", []evidence.Stream{stream(message, list(below), list(other))}, nil},
		{"in a mailbox", "", []evidence.Stream{stream(evidence.Mailbox, list(other), list(other))}, nil},
		{"in a report", "", []evidence.Stream{stream(report, list(other), list(other))}, nil},
		{"of a part with psd=n", "", []evidence.Stream{stream(message, list("part.example.test"), nil)},
			[]string{"DMARC-UNALIGNED example.test identity=part.example.test method=SPF reason=other-organisation-by-walk"}},

		{"strict, alone", strictSPF, []evidence.Stream{stream(message, list(below), list(other))}, []string{finding("DMARC-STRICT-UNALIGNED", "SPF", below, "", "aspf")}},
		{"strict, signed by the domain", strictSPF, []evidence.Stream{stream(message, list(below), list(own))}, []string{finding("DMARC-STRICT-HALF-ALIGNED", "SPF", below, "", "aspf")}},
		{"strict, reported as signed by the domain", strictSPF, []evidence.Stream{stream(report, list(below), list(own))}, []string{finding("DMARC-STRICT-HALF-ALIGNED", "SPF", below, "", "aspf")}},
		{"strict, signed by a relative", strictBoth, []evidence.Stream{stream(message, list(below), list(below))}, []string{
			finding("DMARC-STRICT-UNALIGNED", "DKIM", below, "; aspf=s", "adkim"), finding("DMARC-STRICT-UNALIGNED", "SPF", below, "; adkim=s", "aspf"),
		}},
		{"strict, sent by the domain", strictBoth, []evidence.Stream{stream(message, list(own), list(below))}, []string{finding("DMARC-STRICT-HALF-ALIGNED", "DKIM", below, "; aspf=s", "adkim")}},
		{"strict, signed by the domain in one of two", strictSPF, []evidence.Stream{stream(message, list(below), list(own)), stream(message, list(below), nil)},
			[]string{finding("DMARC-STRICT-UNALIGNED", "SPF", below, "", "aspf")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			zone := parseZone(t, mail+"@ TXT \"v=spf1 mx -all\"\n_dmarc.part TXT \"v=DMARC1; psd=n\"\n_dmarc TXT \"v=DMARC1; p=reject; rua=mailto:r@example.test"+tt.tags+"\"\n")
			e := &evidence.Evidence{Streams: tt.streams}
			for _, s := range tt.streams {
				for _, name := range s.MailFrom {
					e.MailFrom = append(e.MailFrom, evidence.Domain{Name: name, Uses: s.Uses})
				}
				for _, name := range s.Signers {
					e.Signatures = append(e.Signatures, evidence.Signature{Domain: name, Uses: s.Uses})
				}
			}
			r := &run{dns: dnsx.New(zone, dnsx.Options{}), domain: tested, facts: &Facts{Domain: tested, Evidence: shown(e, tested)}}
			r.facts.DMARC = dmarc.Discover(t.Context(), r.dns, tested)
			mailFrom, signers := r.identities()
			r.facts.Alignment = r.align(t.Context(), r.facts.DMARC, mailFrom, signers)
			expect(t, collect(judgeDMARC, r.facts), tt.want)

			b, err := json.Marshal(r.facts)
			if err != nil {
				t.Fatal(err)
			}
			var back Facts
			if err := json.Unmarshal(b, &back); err != nil {
				t.Fatal(err)
			}
			expect(t, collect(judgeDMARC, &back), tt.want)
		})
	}
}

// TestShownStreams holds which streams an audit takes: those of the domain,
// single messages first, and not more than it can look at.
func TestShownStreams(t *testing.T) {
	e := &evidence.Evidence{}
	add := func(kind evidence.Kind, from, mailFrom string, count int64) {
		e.Streams = append(e.Streams, evidence.Stream{Kind: kind, From: from, MailFrom: []string{mailFrom}, Uses: evidence.Uses{Count: count}})
	}
	add(evidence.AggregateReport, tested, "a.invalid", 5)
	add(evidence.AggregateReport, tested, "b.invalid", 9)
	add(evidence.Message, tested, "c.invalid", 1)
	add(evidence.Message, "other.test", "d.invalid", 1)
	add(evidence.Message, "sub."+tested, "e.invalid", 1)
	names := func(e *Evidence) []string {
		var out []string
		for _, s := range e.Streams {
			out = append(out, s.MailFrom[0])
		}
		return out
	}
	if d := cmp.Diff([]string{"c.invalid", "b.invalid", "a.invalid"}, names(shown(e, tested))); d != "" {
		t.Errorf("streams (-want +got):\n%s", d)
	}
	for i := range maxShown - 3 {
		add(evidence.AggregateReport, tested, fmt.Sprintf("x%d.invalid", i), 1)
	}
	if got := len(shown(e, tested).Streams); got != maxShown {
		t.Errorf("%d streams at the limit, want %d", got, maxShown)
	}
	add(evidence.Message, tested, "last.invalid", 1)
	got := names(shown(e, tested))
	if len(got) != maxShown || !slices.Contains(got, "last.invalid") {
		t.Errorf("streams one past the limit: %q", got)
	}
}

// TestAlignStreams holds that the names of streams are compared as well.
func TestAlignStreams(t *testing.T) {
	zone := parseZone(t, mail+"_dmarc TXT \"v=DMARC1; p=reject\"\n")
	r := &run{dns: dnsx.New(zone, dnsx.Options{}), domain: tested, facts: &Facts{Evidence: &Evidence{Streams: []evidence.Stream{
		{Kind: evidence.Message, From: tested, MailFrom: []string{"a.example.test"}, Signers: []string{tested, "o.invalid"}},
	}}}}
	a := r.align(t.Context(), dmarc.Discover(t.Context(), r.dns, tested), []string{tested}, nil)
	want := []AlignedStream{{
		Kind:     evidence.Message,
		MailFrom: []dmarc.Identifier{{Domain: "a.example.test", Relaxed: dmarc.InAlignment, Strict: dmarc.NotInAlignment, Legacy: dmarc.InAlignment}},
		Signers: []dmarc.Identifier{
			{Domain: tested, Relaxed: dmarc.InAlignment, Strict: dmarc.InAlignment, Legacy: dmarc.InAlignment},
			{Domain: "o.invalid", Relaxed: dmarc.NotInAlignment, Strict: dmarc.NotInAlignment, Legacy: dmarc.NotInAlignment},
		},
	}}
	if d := cmp.Diff(want, a.Streams, cmpopts.IgnoreFields(dmarc.Identifier{}, "OrgDomain")); d != "" {
		t.Errorf("streams (-want +got):\n%s", d)
	}
	if len(a.Signers) != 0 || len(a.MailFrom) != 1 {
		t.Errorf("the names of streams are in the other lists too: %+v", a)
	}
}
