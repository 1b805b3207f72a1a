package dmarc

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAuthorisation(t *testing.T) {
	const yes = " = v=DMARC1"
	for _, tt := range []struct {
		name, domain, place string
		tags                string // of the record at place
		world               []string
		want                []string // host, authorisation, why
	}{
		{"own host", "b.example", "b.example", "rua=mailto:d@b.example", nil, []string{"b.example internal "}},
		{"host below", "b.example", "b.example", "rua=mailto:d@x.y.b.example", nil, []string{"x.y.b.example internal "}},
		{"host above, same organisation", "a.b.example", "a.b.example", "rua=mailto:d@b.example",
			[]string{"_dmarc.b.example = v=DMARC1; p=none"}, []string{"b.example internal "}},
		{"sibling, same organisation", "a.b.example", "a.b.example", "rua=mailto:d@c.b.example",
			[]string{"_dmarc.b.example = v=DMARC1; p=none"}, []string{"c.b.example internal "}},
		{"host above, another organisation", "a.b.example", "a.b.example", "psd=n; rua=mailto:d@b.example",
			[]string{"_dmarc.b.example = v=DMARC1; p=none"}, []string{"b.example not-authorised no-record"}},
		{"sibling below a public suffix", "a.b.example", "a.b.example", "rua=mailto:d@c.b.example",
			[]string{"_dmarc.b.example = v=DMARC1; p=none; psd=y"}, []string{"c.b.example not-authorised no-record"}},
		{"ending that is no label", "b.example", "b.example", "rua=mailto:d@xb.example", nil, []string{"xb.example not-authorised no-record"}},
		{"record of the organisation", "a.b.example", "b.example", "rua=mailto:d@c.b.example", nil, []string{"c.b.example internal "}},
		{"record of a public suffix, its own host", "a.bank.example", "bank.example", "psd=y; rua=mailto:d@bank.example", nil,
			[]string{"bank.example internal "}},
		{"record of a public suffix, host below", "a.bank.example", "bank.example", "psd=y; rua=mailto:d@a.bank.example", nil,
			[]string{"a.bank.example not-authorised no-record"}},

		{"agreed", "b.example", "b.example", "rua=mailto:d@r.test", []string{"b.example._report._dmarc.r.test" + yes}, []string{"r.test authorised "}},
		{"the name is that of the record's place", "a.b.example", "b.example", "rua=mailto:d@r.test",
			[]string{"b.example._report._dmarc.r.test" + yes}, []string{"r.test authorised "}},
		{"wildcard", "b.example", "b.example", "rua=mailto:d@r.test", []string{"*._report._dmarc.r.test" + yes}, []string{"r.test authorised "}},
		{"one of several records", "b.example", "b.example", "rua=mailto:d@r.test",
			[]string{"b.example._report._dmarc.r.test = hello | v=DMARC1; | v=dmarc1"}, []string{"r.test authorised "}},
		{"two records", "b.example", "b.example", "rua=mailto:d@r.test",
			[]string{"b.example._report._dmarc.r.test = v=DMARC1 | v=DMARC1"}, []string{"r.test authorised "}},
		{"not agreed", "b.example", "b.example", "rua=mailto:d@r.test", nil, []string{"r.test not-authorised no-record"}},
		{"nodata", "b.example", "b.example", "rua=mailto:d@r.test", []string{"b.example._report._dmarc.r.test = nodata"}, []string{"r.test not-authorised no-record"}},
		{"another text", "b.example", "b.example", "rua=mailto:d@r.test",
			[]string{"b.example._report._dmarc.r.test = v=dmarc1"}, []string{"r.test not-authorised no-record"}},
		{"no answer", "b.example", "b.example", "rua=mailto:d@r.test",
			[]string{"b.example._report._dmarc.r.test = servfail"}, []string{"r.test unknown "}},

		{"replaced at the same host", "b.example", "b.example", "rua=mailto:d@r.test",
			[]string{"b.example._report._dmarc.r.test = v=DMARC1; rua=mailto:x@r.test"}, []string{"r.test authorised "}},
		{"replaced at another host", "b.example", "b.example", "rua=mailto:d@r.test",
			[]string{"b.example._report._dmarc.r.test = v=DMARC1; rua=mailto:x@s.test"}, []string{"r.test not-authorised other-host"}},
		{"only the other tag is replaced", "b.example", "b.example", "rua=mailto:d@r.test; ruf=mailto:f@r.test",
			[]string{"b.example._report._dmarc.r.test = v=DMARC1; ruf=mailto:x@s.test"},
			[]string{"r.test authorised ", "r.test not-authorised other-host"}},

		{"unusable addresses are left out", "b.example", "b.example", "rua=d@r.test,https://r.test,mailto:d@b.example", nil, []string{"b.example internal "}},
		{"organisation unknown, host agreed", "a.b.example", "a.b.example", "rua=mailto:d@b.example",
			[]string{"_dmarc.b.example = timeout", "a.b.example._report._dmarc.b.example" + yes}, []string{"b.example authorised "}},
		{"organisation unknown, host silent", "a.b.example", "a.b.example", "rua=mailto:d@b.example",
			[]string{"_dmarc.b.example = timeout"}, []string{"b.example unknown "}},
		{"organisation unknown, host below", "a.b.example", "a.b.example", "rua=mailto:d@x.a.b.example",
			[]string{"_dmarc.b.example = timeout"}, []string{"x.a.b.example internal "}},
		{"organisation unknown, host elsewhere", "a.b.example", "a.b.example", "rua=mailto:d@r.test",
			[]string{"_dmarc.b.example = timeout"}, []string{"r.test not-authorised no-record"}},
		{"no DMARC, nothing to check", "b.example", "b.example", "p=x; ruf=mailto:d@r.test", nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(append(tt.world, "_dmarc."+tt.place+" = v=DMARC1; "+tt.tags)...)
			p := Discover(t.Context(), w, tt.domain)
			var got []string
			for _, r := range p.Reports {
				got = append(got, fmt.Sprintf("%s %s %s", r.Host, r.Authorisation, r.Why))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			for name := range w.asked {
				if strings.Contains(name, "_report.") && !strings.HasPrefix(name, tt.place+"._report._dmarc.") {
					t.Errorf("asked for %s", name)
				}
			}
		})
	}
}

func TestReportNameTooLong(t *testing.T) {
	// long returns a host with which the name to ask for has n octets.
	long := func(n int) string {
		n -= len("b.example._report._dmarc.") + len(".test")
		return strings.Repeat(strings.Repeat("a", 49)+".", 5)[:n-1] + "a.test"
	}
	for _, tt := range []struct {
		name string
		host string
		why  string
	}{
		{"253 octets", long(253), AuthNoRecord},
		{"254 octets", long(254), AuthNameTooLong},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld("_dmarc.b.example = v=DMARC1; p=none; rua=mailto:d@" + tt.host)
			p := Discover(t.Context(), w, "b.example")
			if len(p.Reports) != 1 || p.Reports[0].Authorisation != NotAuthorised || p.Reports[0].Why != tt.why {
				t.Errorf("got %+v, want %s", p.Reports, tt.why)
			}
			if asked := w.asked["b.example._report._dmarc."+tt.host] > 0; asked != (tt.why == AuthNoRecord) {
				t.Errorf("asked: %v", asked)
			}
		})
	}
}

func TestMaxHosts(t *testing.T) {
	for _, tt := range []struct {
		name             string
		hosts, unchecked int
	}{
		{"at the limit", MaxHosts, 0},
		{"one past it", MaxHosts + 1, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var list []string
			for i := range tt.hosts {
				list = append(list, fmt.Sprintf("mailto:d@r%d.test", i))
			}
			uris := strings.Join(list, ",")
			// Each host stands in both tags and is asked once.
			w := newWorld("_dmarc.b.example = v=DMARC1; p=none; rua=" + uris + "; ruf=" + uris)
			p := Discover(t.Context(), w, "b.example")
			asked := 0
			for name, n := range w.asked {
				if strings.Contains(name, "_report.") {
					asked += n
				}
			}
			if asked != MaxHosts || p.Unchecked != tt.unchecked {
				t.Errorf("asked %d hosts, left %d; want %d and %d", asked, p.Unchecked, MaxHosts, tt.unchecked)
			}
			left := 0
			for _, r := range p.Reports {
				if r.Authorisation == Unchecked {
					left++
				}
			}
			if left != 2*tt.unchecked {
				t.Errorf("%d addresses unchecked, want %d", left, 2*tt.unchecked)
			}
		})
	}
}
