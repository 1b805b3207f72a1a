package dmarc

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"maildoctor/check/dnsx"
)

// show writes faults as "reason@place=text", so that each place is tested.
func show(t *testing.T, in string, faults []Fault) []string {
	t.Helper()
	var list []string
	for _, f := range faults {
		if f.Offset < 0 || f.Length < 0 || f.Offset+f.Length > len(in) {
			t.Fatalf("fault %+v outside %q", f, in)
		}
		list = append(list, fmt.Sprintf("%s@%d=%s", f.Reason, f.Offset, in[f.Offset:f.Offset+f.Length]))
	}
	return list
}

func TestParse(t *testing.T) {
	plain := func(change func(*Record)) *Record {
		r := &Record{ADKIM: Relaxed, ASPF: Relaxed, PSD: Unknown, FO: []string{"0"}}
		change(r)
		return r
	}
	for _, tt := range []struct {
		name   string
		in     string
		want   func(*Record)
		faults []string
	}{
		{"version alone", "v=DMARC1", func(*Record) {}, nil},
		{"final semicolon", "v=DMARC1;", func(*Record) {}, nil},
		{"blanks around the equals sign", "v = DMARC1 ; p = reject ;", func(r *Record) { r.P = Reject }, nil},
		{"case of names and values", "V=DMARC1; P=Reject; SP=QUARANTINE; Np=none; PSD=N; T=Y; aDKIM=S; aspf=S",
			func(r *Record) {
				r.P, r.SP, r.NP, r.PSD, r.Testing, r.ADKIM, r.ASPF = Reject, Quarantine, None, No, true, Strict, Strict
			}, nil},
		{"any order", "v=DMARC1; t=n; psd=u; aspf=r; p=none", func(r *Record) { r.P = None }, nil},
		{"unknown tags", "v=DMARC1; p=none; foo=bar; x=", func(r *Record) { r.P = None }, nil},
		{"failure options", "v=DMARC1; ruf=https://a.example/; fo=s: D:1",
			func(r *Record) {
				r.FO = []string{"1", "d", "s"}
				r.RUF = []URI{{Text: "https://a.example/", Scheme: "https", Valid: true, Offset: 14, Length: 18}}
			}, []string{"uri-scheme-unsupported@14=https://a.example/"}},

		{"invalid p", "v=DMARC1; p=monitor", func(r *Record) { r.P = Invalid }, []string{"request-invalid@12=monitor"}},
		{"empty p", "v=DMARC1; p=", func(r *Record) { r.P = Invalid }, []string{"request-invalid@12="}},
		{"invalid sp and np", "v=DMARC1; p=none; sp=x; np=y", func(r *Record) { r.P, r.SP, r.NP = None, Invalid, Invalid },
			[]string{"request-invalid@21=x", "request-invalid@27=y"}},
		{"invalid choices", "v=DMARC1; adkim=relaxed; aspf=; psd=yes; t=1", func(*Record) {},
			[]string{"value-invalid@16=relaxed", "value-invalid@30=", "value-invalid@36=yes", "value-invalid@43=1"}},
		{"letter that only folds to s", "v=DMARC1; adkim=\u017f", func(*Record) {}, []string{"bad-octet@16=\xc5", "value-invalid@16=\u017f"}},
		{"failure options without ruf", "v=DMARC1; fo=1", func(r *Record) { r.FO = []string{"1"} }, []string{"fo-without-ruf@13=1"}},
		{"failure options that exclude each other", "v=DMARC1; ruf=mailto:a@b.example; fo=0:1",
			func(r *Record) {
				r.FO = []string{"0", "1"}
				r.RUF = []URI{{Text: "mailto:a@b.example", Scheme: "mailto", Host: "b.example", Valid: true, Usable: true, Offset: 14, Length: 18}}
			}, []string{"fo-conflict@37=0:1"}},
		{"unknown failure option", "v=DMARC1; fo=0:x", func(*Record) {}, []string{"fo-without-ruf@13=0:x", "value-invalid@13=0:x"}},
		{"two letters as failure option", "v=DMARC1; fo=01", func(*Record) {}, []string{"fo-without-ruf@13=01", "value-invalid@13=01"}},
		{"removed tags", "v=DMARC1; p=none; pct=50; rf=afrf; ri=86400", func(r *Record) { r.P = None },
			[]string{"removed-tag@22=50", "removed-tag@29=afrf", "removed-tag@38=86400"}},
		{"pct out of range", "v=DMARC1; pct=99999999999999999999", func(*Record) {}, []string{"removed-tag@14=99999999999999999999"}},
		{"duplicate", "v=DMARC1; p=none; p=reject", func(r *Record) { r.P = None }, []string{"duplicate-tag@18=p"}},
		{"version again", "v=DMARC1; v=DMARC1", func(*Record) {}, []string{"duplicate-tag@10=v"}},
		{"stray text", "v=DMARC1; p=none; hello", func(r *Record) { r.P = None }, []string{"missing-equals@18=hello"}},
		{"two semicolons", "v=DMARC1;; p=none", func(r *Record) { r.P = None }, []string{"empty-tag@9="}},
		{"name missing", "v=DMARC1; =none", func(*Record) {}, []string{"empty-name@10="}},
		{"bad name", "v=DMARC1; p p=none", func(*Record) {}, []string{"bad-name@10=p p"}},
		{"8-bit octet", "v=DMARC1; p=none; x=\xe9", func(r *Record) { r.P = None }, []string{"bad-octet@20=\xe9"}},
		{"separator forgotten", "v=DMARC1; p=none sp=none", func(r *Record) { r.P = Invalid }, []string{"request-invalid@12=none sp=none"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, faults, ok := Parse(tt.in)
			if !ok {
				t.Fatalf("Parse(%q): no record, %v", tt.in, faults)
			}
			if diff := cmp.Diff(plain(tt.want), got); diff != "" {
				t.Errorf("Parse(%q), -want +got:\n%s", tt.in, diff)
			}
			if diff := cmp.Diff(tt.faults, show(t, tt.in, faults)); diff != "" {
				t.Errorf("faults of %q, -want +got:\n%s", tt.in, diff)
			}
		})
	}
}

func TestParseNoRecord(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     []string
	}{
		{"empty", "", nil},
		{"blank", "  ", nil},
		{"SPF", "v=spf1 -all", nil},
		{"DKIM", "v=DKIM1; p=AAAA", nil},
		{"prose", "hello; world", nil},
		{"verification", "dmarc-verify=123", nil},
		{"lower case", "v=dmarc1; p=none", []string{"version-case@2=dmarc1"}},
		{"other version", "v=DMARC2; p=none", []string{"version-value@2=DMARC2"}},
		{"no version", "v=DMARC; p=none", []string{"version-value@2=DMARC"}},
		{"no semicolon", "v=DMARC1 p=none", []string{"version-value@2=DMARC1 p=none"}},
		{"comma", "v=DMARC1, p=none", []string{"version-value@2=DMARC1, p=none"}},
		{"quoted value", `v="DMARC1"; p=none`, []string{`version-value@2="DMARC1"`}},
		{"second tag", "p=none; v=DMARC1", []string{"version-not-first@8=v"}},
		{"left out", "p=none; rua=mailto:a@b.example", []string{"version-missing@0="}},
		{"quoted", `"v=DMARC1; p=none"`, []string{`version-quoted@0="`}},
		{"escaped", `\"v=DMARC1; p=none\"`, []string{`version-quoted@0=\`}},
		{"blank before", " v=DMARC1; p=none", []string{"version-space@0= "}},
		{"semicolon before", ";v=DMARC1; p=none", []string{"version-malformed@3=DMARC1"}},
		{"equals sign left out", "vDMARC1; x", []string{"version-malformed@0=vDMARC1; x"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, faults, ok := Parse(tt.in)
			if ok || r != nil {
				t.Fatalf("Parse(%q) took it for a record", tt.in)
			}
			if diff := cmp.Diff(tt.want, show(t, tt.in, faults)); diff != "" {
				t.Errorf("faults of %q, -want +got:\n%s", tt.in, diff)
			}
		})
	}
}

func TestURIs(t *testing.T) {
	const head = "v=DMARC1; rua="
	for _, tt := range []struct {
		name, in string
		hosts    []string // of the usable ones
		faults   []string
	}{
		{"one", "mailto:a@b.example", []string{"b.example"}, nil},
		{"two with blanks", "mailto:a@b.example , mailto:c@d.example", []string{"b.example", "d.example"}, nil},
		{"case and final dot", "MAILTO:a@B.Example.", []string{"b.example"}, nil},
		{"header fields", "mailto:a@b.example?subject=x", []string{"b.example"}, nil},
		{"comma in the local part", "mailto:a%2cb@c.example", []string{"c.example"}, nil},
		{"size", "mailto:a@b.example!10m", []string{"b.example"}, []string{"uri-size@32=!10m"}},
		{"size without a unit", "mailto:a@b.example!10", []string{"b.example"}, []string{"uri-size@32=!10"}},
		{"encoded exclamation mark", "mailto:a%21b@c.example", []string{"c.example"}, nil},
		{"no size", "mailto:a@b.example!m", nil, []string{"uri-address@14=mailto:a@b.example!m"}},
		{"two units", "mailto:a@b.example!1mm", nil, []string{"uri-address@14=mailto:a@b.example!1mm"}},
		{"bare address", "a@b.example", nil, []string{"uri-no-scheme@14=a@b.example"}},
		{"scheme once for two", "mailto:a@b.example,c@d.example", []string{"b.example"}, []string{"uri-no-scheme@33=c@d.example"}},
		{"empty", "", nil, []string{"uri-empty@14="}},
		{"final comma", "mailto:a@b.example,", []string{"b.example"}, []string{"uri-empty@33="}},
		{"nothing between commas", "mailto:a@b.example, ,mailto:c@d.example", []string{"b.example", "d.example"}, []string{"uri-empty@33="}},
		{"https", "https://b.example/x", nil, []string{"uri-scheme-unsupported@14=https://b.example/x"}},
		{"misspelt scheme", "malto:a@b.example", nil, []string{"uri-scheme-unsupported@14=malto:a@b.example"}},
		{"blank behind the scheme", "mailto: a@b.example", nil, []string{"uri-malformed@14=mailto: a@b.example"}},
		{"angle brackets", "mailto:<a@b.example>", nil, []string{"uri-malformed@14=mailto:<a@b.example>"}},
		{"no at sign", "mailto:b.example", nil, []string{"uri-address@14=mailto:b.example"}},
		{"no local part", "mailto:@b.example", nil, []string{"uri-address@14=mailto:@b.example"}},
		{"broken percent", "mailto:a%2@b.example", nil, []string{"uri-address@14=mailto:a%2@b.example"}},
		{"line break in the local part", "mailto:a%0d%0ab@c.example", nil, []string{"uri-address@14=mailto:a%0d%0ab@c.example"}},
		{"slash in the host", "mailto:a@b%2fc.example", nil, []string{"uri-address@14=mailto:a@b%2fc.example"}},
		{"empty label", "mailto:a@b..example", nil, []string{"uri-address@14=mailto:a@b..example"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := head + tt.in
			r, faults, ok := Parse(in)
			if !ok {
				t.Fatalf("Parse(%q): no record", in)
			}
			var hosts []string
			for _, u := range r.RUA {
				if got := in[u.Offset : u.Offset+u.Length]; got != string(u.Text) {
					t.Errorf("at the place of %q stands %q", u.Text, got)
				}
				if u.Usable {
					hosts = append(hosts, u.Host)
				}
			}
			if diff := cmp.Diff(tt.hosts, hosts); diff != "" {
				t.Errorf("hosts of %q, -want +got:\n%s", in, diff)
			}
			if diff := cmp.Diff(tt.faults, show(t, in, faults)); diff != "" {
				t.Errorf("faults of %q, -want +got:\n%s", in, diff)
			}
		})
	}
}

func TestMaxURIs(t *testing.T) {
	for n, want := range map[int]int{MaxURIs: 0, MaxURIs + 1: 1} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			list := strings.TrimSuffix(strings.Repeat("mailto:a@b.example,", n), ",")
			r, faults, _ := Parse("v=DMARC1; rua=" + list)
			if len(r.RUA) != MaxURIs || len(faults) != want {
				t.Errorf("%d addresses: got %d and faults %v", n, len(r.RUA), faults)
			}
		})
	}
}

func TestMaxValue(t *testing.T) {
	for n, want := range map[int]int{MaxValue: MaxValue, MaxValue + 1: MaxValue} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			_, faults, _ := Parse("v=DMARC1; p=" + strings.Repeat("x", n))
			if len(faults) != 1 || len(faults[0].Value) != want || faults[0].Length != n {
				t.Errorf("got %+v, want a value of %d octets and a length of %d", faults, want, n)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add("v=DMARC1; p=none; rua=mailto:a@b.example!10m, https://x; fo=0:1; pct=5")
	f.Add("\"v=dmarc1; p=x;;=;\xff")
	f.Add("p=none; v=DMARC1 ")
	f.Fuzz(func(t *testing.T, in string) {
		r, faults, ok := Parse(in)
		if ok != (r != nil) || !ok && len(faults) > 1 {
			t.Fatalf("%q: %v, %v, %v", in, r, faults, ok)
		}
		show(t, in, faults)
		if !ok {
			return
		}
		if !strings.Contains(in, "DMARC1") || !strings.EqualFold(in[:1], "v") {
			t.Errorf("%q was taken for a record", in)
		}
		for _, u := range append(r.RUA, r.RUF...) {
			if in[u.Offset:u.Offset+u.Length] != string(u.Text) {
				t.Errorf("%q: address %+v is not at its place", in, u)
			}
			if u.Usable && (!u.Valid || !dnsx.IsName(u.Host)) {
				t.Errorf("%q: address %+v is called usable", in, u)
			}
		}
		s := Step{Domain: "example.com", Record: r, Faults: faults}
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var back Step
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(s, back); diff != "" {
			t.Errorf("%q: JSON round trip, -want +got:\n%s", in, diff)
		}
	})
}
