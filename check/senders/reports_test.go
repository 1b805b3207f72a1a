package senders

import (
	"strings"
	"testing"
)

func TestByReport(t *testing.T) {
	for _, tt := range []struct {
		name, host, want string
	}{
		{"the pattern itself", "vali.email", "Valimail"},
		{"below the pattern", "ag.us.dmarcian.com", "dmarcian"},
		{"upper case and final dot", "RUA.EasyDMARC.eu.", "EasyDMARC"},
		{"report address of a mail service", "dmarc.brevo.com", "Brevo"},
		{"the mail service itself", "brevo.com", ""},
		{"beside the report address", "mail.brevo.com", ""},
		{"pattern in the middle", "dmarcian.com.attacker.example", ""},
		{"pattern as the end of a label", "notdmarcian.com", ""},
		{"unknown", "example.com", ""},
		{"empty", "", ""},
		{"dot", ".", ""},
		{"octets", "\xff.dmarcian.com", "dmarcian"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := ByReport(tt.host)
			if got != tt.want || ok != (tt.want != "") {
				t.Errorf("%q: got %q, %v; want %q", tt.host, got, ok, tt.want)
			}
		})
	}
}

func TestReporters(t *testing.T) {
	for i, r := range reporters {
		t.Run(r.pattern, func(t *testing.T) {
			if !patternForm.MatchString(r.pattern) || r.name == "" {
				t.Errorf("malformed: %+v", r)
			}
			if i > 0 && reporters[i-1].pattern >= r.pattern {
				t.Errorf("out of order or there twice, behind %q", reporters[i-1].pattern)
			}
			for _, host := range []string{r.pattern, "x." + r.pattern} {
				if got, ok := ByReport(host); got != r.name || !ok {
					t.Errorf("%q leads to %q, %v; want %q", host, got, ok, r.name)
				}
			}
		})
	}
}

func FuzzByReport(f *testing.F) {
	f.Add("ag.dmarcian.com")
	f.Add("dmarcian.com.example")
	f.Fuzz(func(t *testing.T, host string) {
		name, ok := ByReport(host)
		if ok != (name != "") {
			t.Fatalf("%q: %q, %v", host, name, ok)
		}
		if below, _ := ByReport("x." + host); ok && below != name {
			t.Errorf("%q leads to %q, a host below it to %q", host, name, below)
		}
		if after, _ := ByReport(strings.TrimRight(host, ".") + ".example"); after != "" {
			t.Errorf("%q.example leads to %q", host, after)
		}
	})
}
