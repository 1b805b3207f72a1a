package check

import (
	"testing"

	"maildoctor/check/smtp"
)

// TestAboutClient holds which refusals say that they concern the client.
func TestAboutClient(t *testing.T) {
	tests := []struct {
		name, text string
		want       bool
	}{
		{"blocklist", "5.7.1 Service unavailable, Client host [192.0.2.99] blocked using zen.spamhaus.org (PBL)", true},
		{"address", "no thanks, 192.0.2.99.", true},
		{"address in IPv6", "no thanks, [IPv6:2001:db8::9]", true},
		{"address of the host", "192.0.2.2 is out of service", false},
		{"policy", "Rejected for policy reasons", true},
		{"enhanced code", "5.7.25 no", true},
		{"another enhanced code", "5.3.2 no", false},
		{"access", "Access denied", true},
		{"list", "see rbl.example for b.barracudarbl", true},
		{"nothing of the kind", "No mail here", false},
		{"nothing", "", false},
		{"hostile", "\xff\x00 [[[:::]]] 5.7", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := refusal("b.test", 554, tt.text)
			if got := d.refusesUs() != nil; got != tt.want {
				t.Errorf("%q: about the client %v, want %v", tt.text, got, tt.want)
			}
		})
	}
	t.Run("no reply", func(t *testing.T) {
		d := dialogue("b.test", "192.0.2.2", smtp.OutcomeService)
		if got := d.refusesUs(); got != nil {
			t.Errorf("got %v, want nil", got)
		}
	})
}
