package dmarc

import (
	"testing"

	"maildoctor/check/dnsx"
)

func TestLegacyOrganizationalDomain(t *testing.T) {
	for _, tt := range []struct {
		name, domain, want string
	}{
		{"registered", "example.com", "example.com"},
		{"below", "a.b.example.com", "example.com"},
		{"two labels of suffix", "a.example.co.uk", "example.co.uk"},
		{"wildcard rule", "a.b.c.ck", "b.c.ck"},
		{"exception rule", "a.www.ck", "www.ck"},
		{"private section", "a.b.github.io", "b.github.io"},
		{"suffix of the private section", "github.io", "github.io"},
		{"suffix", "co.uk", "co.uk"},
		{"top-level domain", "com", "com"},
		{"not on the list", "a.b.example", "b.example"},
		{"not on the list, one label", "example", "example"},
		{"upper case and final dot", "A.Example.COM.", "example.com"},
		{"internationalised", "a.xn--caf-dma.xn--55qx5d.cn", "xn--caf-dma.xn--55qx5d.cn"},
		{"nothing", "", ""},
		{"not a name", "a..com", ".com"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := LegacyOrganizationalDomain(tt.domain); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestLegacy(t *testing.T) {
	const rua = "; rua=mailto:d@b.example"
	for _, tt := range []struct {
		name, domain string
		world        []string
		want         *Legacy
	}{
		{"own record", "b.example", []string{"_dmarc.b.example = v=DMARC1; p=reject"},
			&Legacy{OrgDomain: "b.example", Place: "b.example", Tag: "p", Requested: Reject}},
		{"own record below the organisation", "a.b.example", []string{"_dmarc.a.b.example = v=DMARC1; p=reject; sp=none", "_dmarc.b.example = v=DMARC1; p=none"},
			&Legacy{OrgDomain: "b.example", Place: "a.b.example", Tag: "p", Requested: Reject}},
		{"record of the organisation", "x.a.b.example", []string{"_dmarc.a.b.example = v=DMARC1; p=none", "_dmarc.b.example = v=DMARC1; p=reject"},
			&Legacy{OrgDomain: "b.example", Place: "b.example", Tag: "p", Requested: Reject}},
		{"sp", "a.b.example", []string{"_dmarc.b.example = v=DMARC1; p=reject; sp=quarantine"},
			&Legacy{OrgDomain: "b.example", Place: "b.example", Tag: "sp", Requested: Quarantine}},
		{"np, psd and t mean nothing", "a.b.example", []string{"_dmarc.a.b.example = hello", "_dmarc.b.example = v=DMARC1; p=reject; np=none; psd=y; t=y"},
			&Legacy{OrgDomain: "b.example", Place: "b.example", Tag: "p", Requested: Reject}},
		{"psd=n below the organisation means nothing", "x.a.b.example", []string{"_dmarc.a.b.example = v=DMARC1; p=none; psd=n", "_dmarc.b.example = v=DMARC1; p=reject"},
			&Legacy{OrgDomain: "b.example", Place: "b.example", Tag: "p", Requested: Reject}},
		{"the public suffix is not asked", "b.example", []string{"_dmarc.example = v=DMARC1; p=reject; psd=y"},
			&Legacy{OrgDomain: "b.example"}},
		{"public suffix itself", "github.io", []string{"_dmarc.github.io = v=DMARC1; p=reject"},
			&Legacy{OrgDomain: "github.io", Place: "github.io", Tag: "p", Requested: Reject}},
		{"several records end the discovery", "a.b.example",
			[]string{"_dmarc.a.b.example = v=DMARC1; p=none | v=DMARC1; p=reject", "_dmarc.b.example = v=DMARC1; p=reject"},
			&Legacy{OrgDomain: "b.example"}},
		{"several records at the organisation", "a.b.example", []string{"_dmarc.b.example = v=DMARC1; p=none | v=DMARC1; p=reject"},
			&Legacy{OrgDomain: "b.example"}},
		{"no p", "b.example", []string{"_dmarc.b.example = v=DMARC1"},
			&Legacy{OrgDomain: "b.example", Place: "b.example", Tag: "p"}},
		{"no p, with rua", "b.example", []string{"_dmarc.b.example = v=DMARC1" + rua},
			&Legacy{OrgDomain: "b.example", Place: "b.example", Tag: "p", Requested: None}},
		{"invalid sp", "b.example", []string{"_dmarc.b.example = v=DMARC1; p=reject; sp=x"},
			&Legacy{OrgDomain: "b.example", Place: "b.example", Tag: "p"}},
		{"invalid sp, with rua", "b.example", []string{"_dmarc.b.example = v=DMARC1; p=reject; sp=x" + rua},
			&Legacy{OrgDomain: "b.example", Place: "b.example", Tag: "p", Requested: None}},
		{"invalid np means nothing", "b.example", []string{"_dmarc.b.example = v=DMARC1; p=reject; np=x"},
			&Legacy{OrgDomain: "b.example", Place: "b.example", Tag: "p", Requested: Reject}},
		{"no record", "a.b.example", nil, &Legacy{OrgDomain: "b.example"}},
		{"no answer at the domain", "a.b.example", []string{"_dmarc.a.b.example = timeout", "_dmarc.b.example = v=DMARC1; p=reject"},
			&Legacy{OrgDomain: "b.example", Unknown: true}},
		{"no answer at the organisation", "a.b.example", []string{"_dmarc.b.example = servfail"},
			&Legacy{OrgDomain: "b.example", Unknown: true}},
		{"no answer at the organisation, own record", "a.b.example", []string{"_dmarc.a.b.example = v=DMARC1; p=reject", "_dmarc.b.example = servfail"},
			&Legacy{OrgDomain: "b.example", Place: "a.b.example", Tag: "p", Requested: Reject}},
		{"no answer in between or above", "x.a.b.example", []string{"_dmarc.a.b.example = timeout", "_dmarc.example = timeout", "_dmarc.b.example = v=DMARC1; p=reject"},
			&Legacy{OrgDomain: "b.example", Place: "b.example", Tag: "p", Requested: Reject}},
		{"13 labels", labels(13), []string{"_dmarc." + labels(2) + " = v=DMARC1; p=reject"},
			&Legacy{OrgDomain: labels(2), Place: labels(2), Tag: "p", Requested: Reject}},
		{"not a name", "a..b", nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := Discover(t.Context(), newWorld(tt.world...), tt.domain).Legacy
			if (got == nil) != (tt.want == nil) || got != nil && *got != *tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

// FuzzLegacyOrganizationalDomain holds that the result is the domain or lies
// above it, and is its own organisational domain.
func FuzzLegacyOrganizationalDomain(f *testing.F) {
	for _, domain := range []string{"a.b.example.com", "a.example.co.uk", "github.io", "a.b.c.ck", "com", "", ".", "a..com", "\xff.com", ".com."} {
		f.Add(domain)
	}
	f.Fuzz(func(t *testing.T, domain string) {
		got := LegacyOrganizationalDomain(domain)
		if !below(normalize(domain), got) {
			t.Errorf("%q is not above %q", got, domain)
		}
		if again := LegacyOrganizationalDomain(got); dnsx.IsName(got) && again != got {
			t.Errorf("%q has %q, which has %q", domain, got, again)
		}
	})
}
