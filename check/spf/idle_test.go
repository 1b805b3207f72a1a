package spf

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestIdle(t *testing.T) {
	for _, test := range []struct {
		name, zone string
		want       string // domain, term, reason, the term that covers it, one a line
	}{
		{"nothing", "a.test TXT v=spf1 ip4:192.0.2.0/24 ip4:198.51.100.0/24 -all", ""},
		{"no record", "x.test A 192.0.2.1", ""},
		{"within an earlier range", "a.test TXT v=spf1 ip4:192.0.2.0/24 ip4:192.0.2.7 -all", "a.test ip4:192.0.2.7 covered by ip4:192.0.2.0/24"},
		{"a wider one behind", "a.test TXT v=spf1 ip4:192.0.2.7 ip4:192.0.2.0/24 -all", ""},
		{"partly within", "a.test TXT v=spf1 ip4:192.0.2.0/25 ip4:192.0.2.0/24 -all", ""},
		{"within two", "a.test TXT v=spf1 ip4:192.0.2.0/25 ip4:192.0.2.128/25 ip4:192.0.2.0/24 -all", "a.test ip4:192.0.2.0/24 covered"},
		{"qualifiers do not matter", "a.test TXT v=spf1 -ip4:192.0.2.0/24 ip4:192.0.2.7 ~ip4:192.0.2.0/24 -all", "a.test ip4:192.0.2.7 covered by -ip4:192.0.2.0/24, fail\na.test ~ip4:192.0.2.0/24 duplicate by -ip4:192.0.2.0/24, fail"},
		{"refused by two", "a.test TXT v=spf1 -ip4:192.0.2.0/25 -ip4:192.0.2.128/25 ip4:192.0.2.0/24 -all", "a.test ip4:192.0.2.0/24 covered, fail"},
		{"refused in part", "a.test TXT v=spf1 -ip4:192.0.2.0/25 ip4:192.0.2.128/25 ip4:192.0.2.0/24 -all", "a.test ip4:192.0.2.0/24 covered"},
		{"another answer for some", "a.test TXT v=spf1 -ip4:192.0.2.9 ip4:192.0.2.0/24 ~ip4:192.0.2.0/28 -all", "a.test ~ip4:192.0.2.0/28 covered by ip4:192.0.2.0/24, pass"},
		{"equal with host bits", "a.test TXT v=spf1 ip4:192.0.2.1/24 IP4:192.0.2.2/24", "a.test IP4:192.0.2.2/24 duplicate by ip4:192.0.2.1/24"},
		{"a host of its own range", "a.test TXT v=spf1 ip4:192.0.2.0/24 a mx -all\na.test A 192.0.2.1\na.test MX 1 a.test", "a.test a covered by ip4:192.0.2.0/24, volatile\na.test mx covered by ip4:192.0.2.0/24, volatile"},
		{"a range of a host", "a.test TXT v=spf1 a/24 ip4:192.0.2.7 -all\na.test A 192.0.2.1", "a.test ip4:192.0.2.7 covered by a/24, volatile"},
		{"ranges are a surer cover than hosts", "a.test TXT v=spf1 a/24 ip4:192.0.2.0/28 ip4:192.0.2.7 -all\na.test A 192.0.2.100", "a.test ip4:192.0.2.0/28 covered by a/24, volatile\na.test ip4:192.0.2.7 covered by ip4:192.0.2.0/28"},
		{"one family of two", "a.test TXT v=spf1 ip4:192.0.2.0/24 a -all\na.test A 192.0.2.1\na.test AAAA 2001:db8::1", ""},
		{"the same target", "a.test TXT v=spf1 a a:A.test. a:%{d} a/24 -a:%{o}\na.test A 192.0.2.1", "a.test a:A.test. duplicate by a\na.test a:%{d} duplicate by a\na.test -a:%{o} duplicate by a, pass"},
		{"the same with another prefix", "a.test TXT v=spf1 a/24 a/32 a//64 -all\na.test A 192.0.2.1", "a.test a/32 covered by a/24, volatile\na.test a//64 covered by a/24, volatile"},
		{"an unknown host covers nothing", "a.test TXT v=spf1 a/24 ip4:192.0.2.7 -all\na.test TIMEOUT A", ""},
		{"an unknown host is not covered", "a.test TXT v=spf1 ip4:192.0.2.0/24 a -all\na.test A 192.0.2.1\na.test TIMEOUT AAAA", ""},
		{"an unknown host twice", "a.test TXT v=spf1 a a -all\na.test TIMEOUT", "a.test a duplicate by a"},
		{"a host without an address", "a.test TXT v=spf1 ip4:192.0.2.0/24 a:x.test mx -all", ""},
		{"too many mail hosts", "a.test TXT v=spf1 ip4:0.0.0.0/0 mx -all\n" + hosts(MaxMX+1), ""},
		{"IPv4 in IPv6", "a.test TXT v=spf1 ip6:::ffff:0:0/96 ip6:::ffff:192.0.2.1 -all", ""},
		{"include twice", "a.test TXT v=spf1 include:b.test ~include:B.test. -all\nb.test TXT v=spf1 ip4:192.0.2.1 -all", "a.test ~include:B.test. duplicate by include:b.test, pass"},
		{"dead include twice", "a.test TXT v=spf1 include:x.test include:x.test -all", "a.test include:x.test duplicate by include:x.test"},
		{"include within a range", "a.test TXT v=spf1 ip4:192.0.2.0/24 include:b.test -all\nb.test TXT v=spf1 ip4:192.0.2.1 include:c.test ~all\nc.test TXT v=spf1 -ip4:198.51.100.1 ip4:192.0.2.7 -all", "a.test include:b.test covered by ip4:192.0.2.0/24, volatile"},
		{"include within an include", "a.test TXT v=spf1 include:b.test include:c.test -all\nb.test TXT v=spf1 ip4:192.0.2.1 include:c.test ~all\nc.test TXT v=spf1 ip4:192.0.2.7 -all", "a.test include:c.test covered by include:b.test, volatile"},
		{"a range within an include", "a.test TXT v=spf1 include:b.test ip4:192.0.2.7 -all\nb.test TXT v=spf1 ip4:192.0.2.0/24 ~all", "a.test ip4:192.0.2.7 covered by include:b.test, volatile"},
		{"what fails inside an include is not matched", "a.test TXT v=spf1 include:b.test ip4:192.0.2.7 -all\nb.test TXT v=spf1 -ip4:192.0.2.7 ip4:192.0.2.0/24 ~all", ""},
		{"an include that lets nobody pass", "a.test TXT v=spf1 ip4:192.0.2.0/24 include:b.test -all\nb.test TXT v=spf1 -all", ""},
		{"an include that may end in an error", "a.test TXT v=spf1 ip4:192.0.2.0/24 include:b.test -all\nb.test TXT v=spf1 ip4:192.0.2.1 include:x.test -all", ""},
		{"an include with a term that depends on the sender", "a.test TXT v=spf1 ip4:192.0.2.0/24 include:b.test -all\nb.test TXT v=spf1 ip4:192.0.2.1 ptr -all", ""},
		{"an include with an unknown host", "a.test TXT v=spf1 ip4:192.0.2.0/24 include:b.test -all\nb.test TXT v=spf1 ip4:192.0.2.1 a -all\nb.test TIMEOUT A", ""},
		{"an unknown include", "a.test TXT v=spf1 include:b.test ip4:192.0.2.0/24 include:b.test include:c.test -all\nb.test TIMEOUT\nc.test TIMEOUT", "a.test include:b.test duplicate by include:b.test"},
		{"an include behind one that depends on the sender", "a.test TXT v=spf1 exists:%{i}.x.test ip4:192.0.2.7 -all", ""},
		{"the same macros", "a.test TXT v=spf1 exists:%{i}.x.test -exists:%{i}.x.test exists:%{I}.x.test ptr ptr:a.test -all", "a.test -exists:%{i}.x.test duplicate by exists:%{i}.x.test, pass\na.test ptr:a.test duplicate by ptr"},
		{"behind a name that exists", "a.test TXT v=spf1 exists:x.test ip4:192.0.2.7 -all\nx.test A 127.0.0.2", "a.test ip4:192.0.2.7 covered by exists:x.test, volatile"},
		{"behind all", "a.test TXT v=spf1 ip4:192.0.2.7 -all ip4:192.0.2.7 a redirect=b.test", ""},
		{"all behind everything", "a.test TXT v=spf1 ip4:0.0.0.0/0 ip6:::/0 -all", ""},
		{"a record that is included twice", "a.test TXT v=spf1 include:b.test include:c.test -all\nb.test TXT v=spf1 include:c.test ip4:192.0.2.9 -all\nc.test TXT v=spf1 ip4:192.0.2.0/28 ip4:192.0.2.1 -all", "a.test include:c.test covered by include:b.test, volatile\nb.test ip4:192.0.2.9 covered by include:c.test, volatile\nc.test ip4:192.0.2.1 covered by ip4:192.0.2.0/28"},
		{"a record with a fault", "a.test TXT v=spf1 a a ip4:1 -all\na.test A 192.0.2.1", ""},
		{"one prefix too many to say", ranges(maxTreePrefixes+1) + " ip4:192.0.2.1 ip4:192.0.2.1", "b10.test ip4:192.0.2.1 duplicate by ip4:192.0.2.1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, idle := range Walk(t.Context(), testZone(t, test.zone), "a.test").Idle() {
				line := idle.Domain + " " + string(idle.Text) + " " + string(idle.Why)
				if idle.By != nil {
					line += " by " + string(idle.By.Text)
					if idle.By.Domain != idle.Domain || idle.By.Offset >= idle.Offset {
						t.Errorf("by %+v, want an earlier term of %s", *idle.By, idle.Domain)
					}
				}
				if idle.Volatile {
					line += ", volatile"
				}
				if idle.Instead != "" {
					line += ", " + string(idle.Instead.Result())
				}
				got = append(got, line)
			}
			if diff := cmp.Diff(test.want, strings.Join(got, "\n")); diff != "" {
				t.Errorf("Idle() (-want +got):\n%s", diff)
			}
		})
	}
}
