package check

import (
	"testing"
	"time"

	"maildoctor/check/dnsx"
	"maildoctor/check/httpsx"
	"maildoctor/check/lab"
)

// runIn makes an audit in a pretend world that has not begun.
func runIn(t *testing.T, zone, hosts string, o Options) *run {
	t.Helper()
	world, err := lab.New("test", "example.com", map[string][]byte{
		lab.FileZone: []byte(zone), lab.FileHosts: []byte(hosts), "policy": []byte("version: STSv1\n"),
	})
	if err != nil {
		t.Fatal(err)
	}
	running, err := world.Start(lab.Options{Now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(running.Close)
	n := Net{DNS: running.DNS(), Dial: running.Dial, Roots: running.Roots(), Now: running.Now, Public: lab.Prefixes()}
	return &run{
		net: n, dns: dnsx.New(n.DNS, dnsx.Options{}), guard: newGuard(n, o), opts: o, domain: "example.com",
		facts: &Facts{Domain: "example.com"},
	}
}

func TestHTTPS(t *testing.T) {
	const (
		zone = `good.example.com. 60 IN A 192.0.2.1
expired.example.com. 60 IN A 192.0.2.2
untrusted.example.com. 60 IN A 192.0.2.3
other.example.com. 60 IN A 192.0.2.4
hang.example.com. 60 IN A 192.0.2.5
fails.example.com. 60 IN A 192.0.2.6
clear.example.com. 60 IN A 192.0.2.7
closes.example.com. 60 IN A 192.0.2.8
old.example.com. 60 IN A 192.0.2.9
refused.example.com. 60 IN A 192.0.2.10
noroute.example.com. 60 IN A 192.0.2.11
timeout.example.com. 60 IN A 192.0.2.12
private.example.com. 60 IN A 127.0.0.1
mapped.example.com. 60 IN AAAA ::ffff:10.0.0.1
self.example.com. 60 IN A 192.0.2.13
tocome.example.com. 60 IN A 192.0.2.14
silent.example.com. 60 IN A 192.0.2.15
drip.example.com. 60 IN A 192.0.2.16
;! servfail unknown.example.com
`
		hosts = `https 192.0.2.1:443
  name good.example.com
  file /policy text/plain policy
  redirect /moved http://127.0.0.1/
https 192.0.2.2:443
  name expired.example.com
  cert expired
https 192.0.2.3:443
  name untrusted.example.com
  cert untrusted
https 192.0.2.4:443
  name other.example.com
  cert names=www.example.com
https 192.0.2.5:443
  name hang.example.com
  fault tls-hang
https 192.0.2.6:443
  name fails.example.com
  fault tls-fail
https 192.0.2.7:443
  name clear.example.com
  fault plain
https 192.0.2.8:443
  name closes.example.com
  fault close
https 192.0.2.9:443
  name old.example.com
  tls-max 1.1
unreachable 192.0.2.11:443
timeout 192.0.2.12:443
https 192.0.2.13:443
  name self.example.com
  cert self-signed
https 192.0.2.14:443
  name tocome.example.com
  cert not-yet-valid
https 192.0.2.15:443
  name silent.example.com
  fault silent
https 192.0.2.16:443
  name drip.example.com
  fault drip
`
	)
	client := runIn(t, zone, hosts, Options{}).https()
	tests := []struct {
		url, outcome, reason string
	}{
		{"https://good.example.com/policy", "ok", ""},
		{"https://good.example.com/none", "http-status", ""},
		{"https://good.example.com/moved", "redirect", ""},
		{"https://expired.example.com/", "cert-expired", ""},
		{"https://tocome.example.com/", "cert-not-yet-valid", ""},
		{"https://untrusted.example.com/", "cert-untrusted", "unknown-authority"},
		{"https://self.example.com/", "cert-untrusted", "self-signed"},
		{"https://other.example.com/", "cert-name", ""},
		{"https://hang.example.com/", "timeout", "handshake"},
		{"https://silent.example.com/", "timeout", "headers"},
		{"https://drip.example.com/", "timeout", "body"},
		{"https://fails.example.com/", "tls-failed", "alert"},
		{"https://clear.example.com/", "tls-failed", "not-tls"},
		{"https://closes.example.com/", "broken", "closed"},
		{"https://old.example.com/", "tls-failed", "alert"},
		{"https://refused.example.com/", "connect-refused", ""},
		{"https://noroute.example.com/", "unreachable", ""},
		{"https://timeout.example.com/", "timeout", "connect"},
		{"https://private.example.com/", "private-address", ""},
		{"https://mapped.example.com/", "private-address", ""},
		{"https://nowhere.example.com/", "no-address", ""},
		{"https://unknown.example.com/", "dns-unknown", ""},
		{"http://good.example.com/policy", "bad-url", "not-https"},
	}
	for _, tt := range tests {
		t.Run(tt.url, func(t *testing.T) {
			t.Parallel()
			o := httpsx.Options{}
			if tt.outcome == "timeout" {
				o.Timeout = time.Second
			}
			got := client.Get(t.Context(), tt.url, o)
			if string(got.Outcome) != tt.outcome || got.Reason != tt.reason {
				t.Errorf("got %s %q %q, want %s %q", got.Outcome, got.Reason, got.Detail, tt.outcome, tt.reason)
			}
		})
	}
}

// Files count towards the connections and the questions of the audit.
func TestHTTPSBudget(t *testing.T) {
	r := runIn(t, "a.example.com. 60 IN A 192.0.2.1\n", "https 192.0.2.1:443\n  name a.example.com\n  file / text/plain policy\n", Options{})
	for i := range MaxConnections + 1 {
		got := r.https().Get(t.Context(), "https://a.example.com/", httpsx.Options{})
		want := httpsx.OutcomeOK
		if i == MaxConnections {
			want = httpsx.OutcomeNotDialled
		}
		if got.Outcome != want {
			t.Fatalf("file %d: got %s %s, want %s", i+1, got.Outcome, got.Reason, want)
		}
	}
	if asked := r.dns.Questions(); asked != 2 {
		t.Errorf("asked %d questions, want 2", asked)
	}
}
