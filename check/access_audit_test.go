package check_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"maildoctor/check"
	"maildoctor/check/lab"
)

// TestAuditAccessConnections holds what an audit that looks at mail programs
// too connects to: no more than MaxConnections, each service once, one at a
// time, and only the ports of mail.
func TestAuditAccessConnections(t *testing.T) {
	var zone, hosts strings.Builder
	fmt.Fprintln(&zone, "$ORIGIN a.example.\n$TTL 60\nmail A 192.0.2.1\nimap A 192.0.2.101\nsmtp A 192.0.2.102\npop A 192.0.2.103")
	fmt.Fprint(&hosts, "timeout 192.0.2.101:993 192.0.2.101:143\n")
	for i := 1; i <= check.MaxHosts+1; i++ {
		fmt.Fprintf(&zone, "@ MX %d mx%d\nmx%d A 192.0.2.%d\nmx%d AAAA 2001:db8::%d\n", i, i, i, i, i, i)
		fmt.Fprintf(&hosts, "smtp 192.0.2.%d:25 [2001:db8::%d]:25\n name mx%d.a.example\n", i, i, i)
	}
	fmt.Fprint(&hosts, "imaps 192.0.2.1:993\n name mail.a.example\n cert expired\nimap 192.0.2.1:143\n name mail.a.example\n starttls\nsmtps 192.0.2.102:465\n name smtp.a.example\n")
	world, err := lab.New("test", "a.example", map[string][]byte{lab.FileZone: []byte(zone.String()), lab.FileHosts: []byte(hosts.String())})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []check.Options{{}, {Access: check.AccessAuto}, {Access: "mail.a.example"}, {Checks: []string{"access"}}} {
		running, err := world.Start(lab.Options{Now: clock})
		if err != nil {
			t.Fatal(err)
		}
		n := check.Net{DNS: running.DNS(), Dial: running.Dial, Roots: running.Roots(), Now: running.Now, Public: lab.Prefixes()}
		got := check.Audit(t.Context(), n, world.Domain, o)
		total, mailboxes := 0, 0
		for _, c := range running.Connections() {
			total += c.Attempts
			port := c.Addr.Port()
			if slices.Contains([]uint16{143, 993, 110, 995}, port) {
				mailboxes++
				if c.Attempts != 1 {
					t.Errorf("%+v: %d connections to %s", o, c.Attempts, c.Addr)
				}
			} else if !slices.Contains([]uint16{25, 465, 587}, port) {
				t.Errorf("%+v: a connection to %s", o, c.Addr)
			}
			if c.Peak > 1 {
				t.Errorf("%+v: %d connections at once to %s", o, c.Peak, c.Addr)
			}
		}
		asked := o.Access != "" || o.Checks != nil
		if total > check.MaxConnections || (mailboxes > 0) != asked {
			t.Errorf("%+v: %d connections, %d of them to mailboxes", o, total, mailboxes)
		}
		if asked && (got.Facts.Access == nil || len(got.Facts.Access.Mailboxes) == 0) {
			t.Errorf("%+v: nothing is known of mailboxes", o)
		}
		running.Close()
		readBack(t, got)
	}
}

// readBack holds that facts survive JSON: judged again, they give the same
// findings.
func readBack(t *testing.T, got *check.Result) {
	t.Helper()
	text, err := json.Marshal(got.Facts)
	if err != nil {
		t.Fatal(err)
	}
	var facts check.Facts
	if err := json.Unmarshal(text, &facts); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(got.Findings, check.Judge(&facts)); d != "" {
		t.Errorf("findings (-audited +read back):\n%s", d)
	}
}

// TestAuditAccessGivesUp holds that an address that never answers costs the time
// of few attempts.
func TestAuditAccessGivesUp(t *testing.T) {
	world, err := lab.New("test", "a.example", map[string][]byte{
		lab.FileZone:  []byte("$ORIGIN a.example.\n$TTL 60\nmail A 192.0.2.1\n"),
		lab.FileHosts: []byte("timeout 192.0.2.1:993 192.0.2.1:465 192.0.2.1:143 192.0.2.1:587 192.0.2.1:995 192.0.2.1:110\n"),
	})
	if err != nil {
		t.Fatal(err)
	}
	running, err := world.Start(lab.Options{Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	defer running.Close()
	n := check.Net{DNS: running.DNS(), Dial: running.Dial, Roots: running.Roots(), Now: func() time.Time { return clock }, Public: lab.Prefixes()}
	got := check.Audit(t.Context(), n, world.Domain, check.Options{Checks: []string{"access"}})
	if tried := len(running.Connections()); tried != 2 {
		t.Errorf("%d attempts, want 2", tried)
	}
	for _, c := range got.Coverage {
		if c.State != check.Inconclusive || c.Reason != check.ReasonNoAnswer {
			t.Errorf("coverage %+v", c)
		}
	}
}
