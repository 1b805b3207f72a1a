package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"maildoctor/check"
)

// trusting is a result with mail hosts that senders see in every way.
func trusting() *check.Result {
	res := clean()
	yes := check.Delivery{State: check.DeliveredYes}
	no := func(why check.TrustReason) check.Delivery {
		return check.Delivery{State: check.DeliveredNo, Reason: why}
	}
	moot := func(why check.TrustReason) check.Delivery {
		return check.Delivery{State: check.DeliveredMoot, Reason: why}
	}
	unknown := func(why check.TrustReason) check.Delivery {
		return check.Delivery{State: check.DeliveredUnknown, Reason: why}
	}
	host := func(name string, now check.Deliveries) check.Trust {
		return check.Trust{Host: name, Deliveries: now, Later: now}
	}
	ending := host("mx2.example.com", check.Deliveries{Opportunistic: yes, MTASTS: yes, DANE: moot(check.TrustTLSAInsecure)})
	ending.Later.MTASTS = no(check.TrustExpires)
	res.Trust = []check.Trust{
		host("mx1.example.com", check.Deliveries{Opportunistic: yes, MTASTS: no(check.TrustSelfSigned), DANE: yes}),
		ending,
		host("a-mail-host-with-a-very-long-name-indeed.in-a-zone-of-some-depth.example.com\x1b[31m", check.Deliveries{
			Opportunistic: unknown(check.ReasonPort25), MTASTS: unknown(check.ReasonPort25), DANE: unknown(check.ReasonNoDNSSEC),
		}),
	}
	return res
}

func TestGoldenTrust(t *testing.T) {
	for _, tt := range []struct {
		file, format string
		o            Options
	}{
		{"trust.en.txt", "text", Options{Lang: English}},
		{"trust.fr.txt", "text", Options{Lang: French}},
		{"trust.en.color.txt", "text", Options{Lang: English, Color: true}},
		{"trust.fr.narrow.txt", "text", Options{Lang: French, Width: 1}},
		{"trust.en.verbose.txt", "text", Options{Lang: English, Verbose: true}},
		{"trust.en.json", "json", Options{Lang: English}},
	} {
		t.Run(tt.file, func(t *testing.T) {
			write, err := WriterOf(tt.format)
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if err := write(&b, []*Report{New(trusting(), testCatalog(t), tt.o.Lang, "1.2.3")}, tt.o); err != nil {
				t.Fatal(err)
			}
			golden(t, tt.file, b.Bytes())
			width := max(tt.o.Width, minWidth)
			if tt.o.Width == 0 {
				width = defaultWidth
			}
			for line := range strings.Lines(uncolored(b.String())) {
				if got := displayWidth(strings.TrimSuffix(line, "\n")); tt.format == "text" && got > width {
					t.Errorf("%d columns: %q", got, line)
				}
			}
		})
	}
}

// Where nobody asks for more than others, or nothing was measured, there is no
// table.
func TestNoTrust(t *testing.T) {
	plain := trusting()
	for i := range plain.Trust {
		plain.Trust[i].MTASTS = check.Delivery{State: check.DeliveredMoot, Reason: check.TrustNoPolicy}
		plain.Trust[i].DANE = check.Delivery{State: check.DeliveredMoot, Reason: check.TrustNoTLSA}
	}
	unmeasured := blockedResult()
	unmeasured.Trust = trusting().Trust
	for _, tt := range []struct {
		name  string
		res   *check.Result
		quiet bool
		want  int // members in JSON
	}{
		{"no host", clean(), false, 0},
		{"neither MTA-STS nor DANE", plain, false, 3},
		{"nothing measured", unmeasured, false, 3},
		{"one line", trusting(), true, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := New(tt.res, testCatalog(t), English, "")
			var b bytes.Buffer
			if err := writeText(&b, []*Report{r}, Options{Quiet: tt.quiet}); err != nil {
				t.Fatal(err)
			}
			if heading := English.word("head", "trust"); strings.Contains(b.String(), heading) {
				t.Errorf("%q is in\n%s", heading, b.String())
			}
			if r.Trust == nil || len(r.Trust) != tt.want {
				t.Errorf("%d hosts, want %d", len(r.Trust), tt.want)
			}
		})
	}
}

func TestSchemaOfTrust(t *testing.T) {
	s := schema(t)
	good, err := EncodeJSON(New(trusting(), testCatalog(t), English, "1.2.3"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, old, new string
		good           bool
	}{
		{"as written", "", "", true},
		{"another state", `"state":"yes"`, `"state":"perhaps"`, false},
		{"no later", `"later":`, `"then":`, false},
		{"reason in words", `"reason":"cert-self-signed"`, `"reason":"It is self-signed"`, false},
		{"a new reason", `"reason":"cert-self-signed"`, `"reason":"brand-new"`, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var v any
			if err := json.Unmarshal(bytes.Replace(good, []byte(tt.old), []byte(tt.new), 1), &v); err != nil {
				t.Fatal(err)
			}
			if err := s.Validate(v); (err == nil) != tt.good {
				t.Errorf("valid: %v, want %v", err, tt.good)
			}
		})
	}
}
