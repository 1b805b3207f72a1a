package dmarc

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"maildoctor/check/dnsx"
)

func TestAligned(t *testing.T) {
	const record = " = v=DMARC1; p=none"
	simple := []string{"_dmarc.example.com" + record, "_dmarc.signing.example.com" + record}
	bank := []string{"_dmarc.bank.example" + record + "; psd=y", "_dmarc.giant.bank.example" + record}
	for _, tt := range []struct {
		name, author, other string
		world               []string
		relaxed, strict     Alignment
	}{
		// RFC 9989 appendix B.1.
		{"B.1.1, the same", "example.com", "example.com", simple, InAlignment, InAlignment},
		{"B.1.1, below", "example.com", "child.example.com", simple, InAlignment, NotInAlignment},
		{"B.1.1, another", "child.example.com", "sample.net", simple, NotInAlignment, NotInAlignment},
		{"B.1.2, above", "child.example.com", "example.com", simple, InAlignment, NotInAlignment},
		// RFC 9989 appendix B.4.
		{"B.4.1, signature", "example.com", "signing.example.com", simple, InAlignment, NotInAlignment},
		{"B.4.2, envelope sender", "a.b.c.d.e.f.g.h.i.j.k.example.com", "example.com", simple, InAlignment, NotInAlignment},
		{"B.4.2, signature", "a.b.c.d.e.f.g.h.i.j.k.example.com", "signing.example.com", simple, InAlignment, NotInAlignment},
		{"B.4.3, envelope sender", "giant.bank.example", "mail.giant.bank.example", bank, InAlignment, NotInAlignment},
		{"B.4.3, signature", "giant.bank.example", "mail.mega.bank.example", bank, NotInAlignment, NotInAlignment},

		{"siblings", "a.b.example", "c.b.example", []string{"_dmarc.b.example" + record}, InAlignment, NotInAlignment},
		{"siblings without a record above", "a.b.example", "c.b.example", []string{"_dmarc.a.b.example" + record}, NotInAlignment, NotInAlignment},
		{"parent without a record", "a.b.example", "b.example", []string{"_dmarc.a.b.example" + record}, NotInAlignment, NotInAlignment},
		{"psd=n between", "b.example", "x.a.b.example",
			[]string{"_dmarc.b.example" + record, "_dmarc.a.b.example" + record + "; psd=n"}, NotInAlignment, NotInAlignment},
		{"psd=n in both", "b.example", "x.b.example", []string{"_dmarc.b.example" + record + "; psd=n"}, InAlignment, NotInAlignment},
		{"public suffix and name below", "bank.example", "giant.bank.example", bank, NotInAlignment, NotInAlignment},
		{"ending that is no label", "b.example", "xb.example", []string{"_dmarc.b.example" + record}, NotInAlignment, NotInAlignment},
		{"record of the top-level domain", "a.example", "b.example", []string{"_dmarc.example" + record}, InAlignment, NotInAlignment},

		{"the same, no answer", "b.example", "b.example", []string{"_dmarc.b.example = timeout"}, InAlignment, InAlignment},
		{"no answer at the author", "a.b.example", "b.example", []string{"_dmarc.a.b.example = timeout", "_dmarc.b.example" + record}, AlignmentUnknown, NotInAlignment},
		{"no answer at the other", "b.example", "a.b.example", []string{"_dmarc.a.b.example = timeout", "_dmarc.b.example" + record}, AlignmentUnknown, NotInAlignment},
		{"no answer at the top", "b.example", "a.b.example", []string{"_dmarc.example = servfail", "_dmarc.b.example" + record}, AlignmentUnknown, NotInAlignment},
		{"no answer, another top-level domain", "b.example", "b.test", []string{"_dmarc.example = servfail", "_dmarc.b.example" + record}, NotInAlignment, NotInAlignment},
		{"no answer at the other, not below the organisation", "b.example", "a.c.example",
			[]string{"_dmarc.a.c.example = timeout", "_dmarc.b.example" + record}, NotInAlignment, NotInAlignment},
		{"no answer at the author, organisation elsewhere", "a.c.example", "b.example",
			[]string{"_dmarc.a.c.example = timeout", "_dmarc.b.example" + record}, NotInAlignment, NotInAlignment},
		{"not a name", "b.example", "a..b", nil, AlignmentUnknown, AlignmentUnknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(tt.world...)
			author, other := OrganizationalDomain(t.Context(), w, tt.author), OrganizationalDomain(t.Context(), w, tt.other)
			for _, pair := range [][2]*Walk{{&author, &other}, {&other, &author}} {
				relaxed, strict := Aligned(pair[0], pair[1], Relaxed), Aligned(pair[0], pair[1], Strict)
				if relaxed != tt.relaxed || strict != tt.strict {
					t.Errorf("%s with %s: relaxed %s, strict %s; want %s, %s", pair[0].Start(), pair[1].Start(), relaxed, strict, tt.relaxed, tt.strict)
				}
			}
		})
	}
	if got := Aligned(&Walk{}, &Walk{}, Relaxed); got != AlignmentUnknown {
		t.Errorf("two empty walks: %s", got)
	}
}

func TestAlign(t *testing.T) {
	const record = "_dmarc.b.example = v=DMARC1; p=none"
	for _, tt := range []struct {
		name, domain string
		world        []string
		domains      []string
		want         []string // domain, its organisational domain, relaxed, strict, by the list
		asked        []string // the names asked for
	}{
		{"the domain itself", "b.example", []string{record}, []string{"b.example"}, []string{"b.example b.example aligned aligned aligned"}, nil},
		{"of several labels", "b.example", []string{record}, []string{"B.Example.", "x.b.example", "b.example"},
			[]string{"b.example b.example aligned aligned aligned", "x.b.example b.example aligned unaligned aligned"},
			[]string{"_dmarc.x.b.example"}},
		{"another organisation is not asked", "b.example", []string{record}, []string{"b.test", "c.example"},
			[]string{"b.test  unaligned unaligned unaligned", "c.example  unaligned unaligned unaligned"}, nil},
		{"strict, asked all the same", "b.example", []string{record + "; aspf=s; adkim=s"}, []string{"x.b.example"},
			[]string{"x.b.example b.example aligned unaligned aligned"}, []string{"_dmarc.x.b.example"}},
		{"psd=n below", "b.example", []string{record, "_dmarc.x.b.example = v=DMARC1; psd=n"}, []string{"y.x.b.example"},
			[]string{"y.x.b.example x.b.example unaligned unaligned aligned"}, []string{"_dmarc.x.b.example", "_dmarc.y.x.b.example"}},
		{"no answer", "b.example", []string{record, "_dmarc.x.b.example = timeout"}, []string{"x.b.example"},
			[]string{"x.b.example  unknown unaligned aligned _dmarc.x.b.example timeout"}, []string{"_dmarc.x.b.example"}},
		{"organisation unknown, nothing asked", "b.example", []string{record, "_dmarc.example = servfail"}, []string{"x.b.example", "b.example", "b.test"},
			[]string{"b.example  aligned aligned aligned", "b.test  unaligned unaligned unaligned", "x.b.example  unknown unaligned aligned _dmarc.example servfail"}, nil},
		{"no policy", "b.example", nil, []string{"x.b.example"}, nil, nil},
		{"policy that is ignored", "b.example", []string{"_dmarc.b.example = v=DMARC1; p=x"}, []string{"x.b.example"}, nil, nil},
		{"not names", "b.example", []string{record}, []string{"", "[192.0.2.1]", "a..b"}, nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(tt.world...)
			p := Discover(t.Context(), w, tt.domain)
			before := map[string]int{}
			for name := range w.asked {
				before[name]++
			}
			var got []string
			for _, id := range p.Align(t.Context(), w, tt.domains) {
				got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %s %s %s %s %s", id.Domain, id.OrgDomain, id.Relaxed, id.Strict, id.Legacy, id.Asked, id.Status)))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
			var asked []string
			for name := range w.asked {
				if before[name] == 0 {
					asked = append(asked, name)
				}
			}
			if slices.Sort(asked); !slices.Equal(asked, tt.asked) {
				t.Errorf("asked %q, want %q", asked, tt.asked)
			}
		})
	}
}

func TestMaxWalks(t *testing.T) {
	for _, tt := range []struct {
		name          string
		domains, left int
	}{
		{"at the limit", MaxWalks, 0},
		{"one past it", MaxWalks + 1, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld("_dmarc.b.example = v=DMARC1; p=none")
			p := Discover(t.Context(), w, "b.example")
			domains := []string{"b.example", "c.test"}
			for i := range tt.domains {
				domains = append(domains, fmt.Sprintf("d%02d.b.example", i))
			}
			left := 0
			for _, id := range p.Align(t.Context(), w, domains) {
				if id.Relaxed == AlignmentUnknown {
					left++
					if id.Status != dnsx.Status("") {
						t.Errorf("%s: status %s of a name that was not asked", id.Domain, id.Status)
					}
				}
			}
			if left != tt.left {
				t.Errorf("%d domains unknown, want %d", left, tt.left)
			}
		})
	}
}
