package check

import (
	"strings"
	"testing"

	"maildoctor/check/dnsx"
	"maildoctor/check/spf"
)

func TestClosed(t *testing.T) {
	for _, tt := range []struct{ record, want string }{
		{"v=spf1 +all", "v=spf1 ~all"},
		{"v=spf1 mx ?all exp=x.test", "v=spf1 mx ~all exp=x.test"},
		{"v=spf1 mx", "v=spf1 mx ~all"},
		{"v=spf1 ip4:0.0.0.0/0 ip6:::/0 -all", "v=spf1 -all"},
		{"v=spf1 ip4:0.0.0.0/0 +all", "v=spf1 ~all"},
		{"v=spf1 ip4:0.0.0.0/0", "v=spf1 ~all"},
		{"v=spf1 foo mx +all", "v=spf1 mx ~all"},
		{"v=spf1  mx   +all ", "v=spf1 mx ~all"},
		{"v=spf1 ip4:0.0.0.0/0 redirect=x.test", "v=spf1 redirect=x.test"},
	} {
		zone, err := dnsx.ParseZone(strings.NewReader("a.test. TXT \""+tt.record+"\"\nx.test. TXT \"v=spf1 -all\"\na.test. MX 10 x.test.\nx.test. A 192.0.2.1\n"), "zone")
		if err != nil {
			t.Fatal(err)
		}
		tree := spf.Walk(t.Context(), dnsx.New(zone, dnsx.Options{}), "a.test")
		got := closed(tree.Root)
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.record, got, tt.want)
		}
		if _, faults := spf.Parse(got); len(faults) > 0 {
			t.Errorf("%s: %q has faults %v", tt.record, got, faults)
		}
	}
}

func TestJoined(t *testing.T) {
	for _, tt := range []struct {
		name    string
		records []spf.Raw
		want    string
	}{
		{"the terms of both", []spf.Raw{"v=spf1 mx ip4:192.0.2.1 -all", "v=spf1 a include:x.test -all"}, "v=spf1 mx ip4:192.0.2.1 a include:x.test -all"},
		{"each once", []spf.Raw{"v=spf1 MX include:x.test -all", "v=spf1 include:X.test mx -all", "v=spf1 mx -all"}, "v=spf1 mx include:x.test -all"},
		{"one is not strict", []spf.Raw{"v=spf1 mx -all", "v=spf1 a ~all"}, "v=spf1 mx a ~all"},
		{"one says nothing about others", []spf.Raw{"v=spf1 mx -all", "v=spf1 a ?all"}, "v=spf1 mx a ~all"},
		{"one has no end", []spf.Raw{"v=spf1 mx -all", "v=spf1 a"}, "v=spf1 mx a ~all"},
		{"one is open", []spf.Raw{"v=spf1 mx -all", "v=spf1 +all"}, "v=spf1 mx ~all"},
		{"a redirect", []spf.Raw{"v=spf1 mx -all", "v=spf1 a redirect=x.test"}, "v=spf1 mx a include:x.test ~all"},
		{"a redirect that is ignored", []spf.Raw{"v=spf1 mx -all redirect=y.test", "v=spf1 a -all"}, "v=spf1 mx a -all"},
		{"behind all", []spf.Raw{"v=spf1 mx -all ip4:192.0.2.1", "v=spf1 a -all"}, "v=spf1 mx a -all"},
		{"a pass wins", []spf.Raw{"v=spf1 ?include:x.test -all", "v=spf1 include:x.test -all"}, "v=spf1 include:x.test -all"},
		{"one explanation", []spf.Raw{"v=spf1 exp=x.test -all", "v=spf1 a exp=y.test x=y -all"}, "v=spf1 a -all exp=x.test x=y"},
		{"faults", []spf.Raw{"v=spf1 foo mx -all", "v=spf1 ip4:1 a exp= -all"}, "v=spf1 mx a -all"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := joined(tt.records)
			if got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
			if _, faults := spf.Parse(got); len(faults) > 0 {
				t.Errorf("%q has faults %v", got, faults)
			}
		})
	}
}

// FuzzCures holds that no record that is put together from foreign ones has a
// fault.
func FuzzCures(f *testing.F) {
	for _, record := range []string{"v=spf1 mx -all", "v=spf1 a foo redirect=x.test redirect=y.test", "v=spf1 exp=%{ exp= ?all ip4:", "v=spf1  +  a:/ %"} {
		f.Add(record, "v=spf1 include:x.test ~all")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if !spf.IsRecord(a) || !spf.IsRecord(b) {
			return
		}
		n := &spf.Node{Selection: spf.Selection{Outcome: spf.One, Records: []spf.Raw{spf.Raw(a)}}}
		for _, got := range []string{joined([]spf.Raw{spf.Raw(a), spf.Raw(b)}), withoutDead(n)} {
			if _, faults := spf.Parse(got); len(faults) > 0 {
				t.Errorf("%q and %q become %q, which has the faults %+v", a, b, got, faults)
			}
		}
	})
}
