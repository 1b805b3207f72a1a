package check

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"maildoctor/check/dmarc"
	"maildoctor/check/evidence"
)

// signed is an mbox with a signature of the domain for each selector.
func signed(t *testing.T, selectors ...string) *evidence.Evidence {
	t.Helper()
	var b strings.Builder
	for _, s := range selectors {
		fmt.Fprintf(&b, "From a@%[1]s Mon Nov 23 10:00:00 2026\nDKIM-Signature: v=1; a=rsa-sha256; d=%[1]s; s=%[2]s; h=from; bh=x; b=y\nFrom: a@%[1]s\n\nhello\n\n", tested, s)
	}
	e, err := evidence.Read(strings.NewReader(b.String()), "mbox")
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func numbered(n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("old%02d", i))
	}
	return out
}

func TestShownSelectors(t *testing.T) {
	for _, tt := range []struct{ count, kept, left int }{{1, 1, 0}, {maxShown, maxShown, 0}, {maxShown + 1, maxShown, 1}} {
		got := shown(signed(t, numbered(tt.count)...), tested)
		if len(got.Selectors) != tt.kept || got.Left != tt.left {
			t.Errorf("of %d selectors %d are kept and %d left, want %d and %d", tt.count, len(got.Selectors), got.Left, tt.kept, tt.left)
		}
	}
	if got := shown(nil, tested); got != nil {
		t.Errorf("of no files %+v", got)
	}
}

// TestManyOldSelectors holds that files with selectors that are gone do not keep
// those of a known provider from being asked.
func TestManyOldSelectors(t *testing.T) {
	zone := parseZone(t, "@ MX 1 aspmx.l.google.com.\naspmx.l.google.com. A 192.0.2.1\n@ TXT \"v=spf1 include:_spf.google.com ~all\"\n"+
		"_spf.google.com. TXT \"v=spf1 ip4:192.0.2.0/24 ~all\"\ngoogle._domainkey TXT \""+rsaKey(2048)+"\"\n")
	n := Net{DNS: zone, Now: time.Now}
	res := Audit(t.Context(), n, tested, Options{Checks: []string{"dkim"}, NoSMTP: true, Evidence: signed(t, numbered(46)...)})
	if !slices.ContainsFunc(res.Merits, func(m Merit) bool { return m.ID == "dkim-key" && m.Params["selector"] == "google" }) {
		t.Errorf("the key of the provider was not found: %+v, %+v", res.Coverage, res.Findings)
	}
}

// TestManyIdentifiers holds that no more domains are taken out of files than can
// be walked from, and that others left out are told.
func TestManyIdentifiers(t *testing.T) {
	var b strings.Builder
	for i := range maxShown + 1 {
		fmt.Fprintf(&b, "From a Mon Nov 23 10:00:00 2026\nReturn-Path: <b@m%02d.%[2]s>\nDKIM-Signature: v=1; a=rsa-sha256; d=%[2]s; s=s1; h=from; bh=x; b=y\nFrom: a@%[2]s\n\nhello\n\n", i, tested)
	}
	e, err := evidence.Read(strings.NewReader(b.String()), "mbox")
	if err != nil {
		t.Fatal(err)
	}
	n := Net{DNS: parseZone(t, mail+"@ TXT \"v=spf1 mx -all\"\n_dmarc TXT \"v=DMARC1; p=reject\"\n"), Now: time.Now}
	res := Audit(t.Context(), n, tested, Options{Checks: []string{"dmarc"}, NoSMTP: true, Evidence: e})
	if got := res.Coverage[0]; got.State != Done || len(res.Facts.Evidence.MailFrom) != maxShown || res.Facts.Evidence.Left != 1 {
		t.Errorf("%+v with %+v, want it done, with %d domains and 1 left", got, res.Facts.Evidence, maxShown)
	}
	many := &Alignment{MailFrom: []dmarc.Identifier{{Domain: "a.test", Relaxed: dmarc.AlignmentUnknown}}}
	if !many.cut() {
		t.Error("an identifier that was not walked from is not told")
	}
	asked := &Alignment{MailFrom: []dmarc.Identifier{{Domain: "a.test", Relaxed: dmarc.AlignmentUnknown, Asked: "_dmarc.a.test"}}}
	if asked.cut() || (*Alignment)(nil).cut() {
		t.Error("what was asked, or nothing, counts as cut")
	}
}
