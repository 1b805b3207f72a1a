package dmarc

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"maildoctor/check/dnsx"
)

// labels returns a domain with n labels: example, l.example, l.l.example and so
// on.
func labels(n int) string {
	name := "example"
	for i := 2; i <= n; i++ {
		name = "l." + name
	}
	return name
}

func TestWalkNames(t *testing.T) {
	for _, tt := range []struct {
		name   string
		labels int
		want   []int
	}{
		{"top level", 1, []int{1}},
		{"two labels", 2, []int{2, 1}},
		{"7 labels", 7, []int{7, 6, 5, 4, 3, 2, 1}},
		{"8 labels", 8, []int{8, 7, 6, 5, 4, 3, 2, 1}},
		{"9 labels", 9, []int{9, 7, 6, 5, 4, 3, 2, 1}},
		{"13 labels", 13, []int{13, 7, 6, 5, 4, 3, 2, 1}},
		{"124 labels", 124, []int{124, 7, 6, 5, 4, 3, 2, 1}},
		{"127 labels", 127, []int{127, 7, 6, 5, 4, 3, 2, 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var want []string
			for _, n := range tt.want {
				want = append(want, labels(n))
			}
			got := walkNames(labels(tt.labels))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if len(got) > MaxSteps {
				t.Errorf("%d names, want at most %d", len(got), MaxSteps)
			}
		})
	}
}

func TestOrganizationalDomain(t *testing.T) {
	const record = " = v=DMARC1; p=none"
	simple := []string{"_dmarc.example.com" + record, "_dmarc.signing.example.com" + record}
	bank := []string{"_dmarc.bank.example" + record + "; psd=y", "_dmarc.giant.bank.example" + record}
	for _, tt := range []struct {
		name, domain string
		world        []string
		want, by     string
	}{
		{"no record", "a.b.example", nil, "a.b.example", ByDefault},
		{"own record", "b.example", []string{"_dmarc.b.example" + record}, "b.example", ByFewest},
		{"the fewest labels win", "a.b.c.example",
			[]string{"_dmarc.a.b.c.example" + record, "_dmarc.c.example" + record}, "c.example", ByFewest},
		{"a top-level domain can win", "b.example",
			[]string{"_dmarc.b.example" + record, "_dmarc.example" + record}, "example", ByFewest},
		{"psd=n ends the walk", "a.b.c.example",
			[]string{"_dmarc.b.c.example" + record + "; psd=n", "_dmarc.c.example" + record}, "b.c.example", ByPSDNo},
		{"psd=n at the start", "a.c.example",
			[]string{"_dmarc.a.c.example" + record + "; psd=n", "_dmarc.c.example" + record}, "a.c.example", ByPSDNo},
		{"psd=y, no record below", "a.b.c.example",
			[]string{"_dmarc.c.example" + record + "; psd=y"}, "b.c.example", ByPSDYes},
		{"psd=y, a record below", "a.giant.bank.example",
			[]string{"_dmarc.giant.bank.example" + record, "_dmarc.bank.example" + record + "; psd=y"}, "giant.bank.example", ByPSDYes},
		{"psd=y right above", "giant.bank.example",
			[]string{"_dmarc.bank.example" + record + "; psd=y"}, "giant.bank.example", ByPSDYes},
		{"psd=y at the start", "bank.example",
			[]string{"_dmarc.bank.example" + record + "; psd=y", "_dmarc.example" + record}, "bank.example", ByFewest},
		{"psd=y at the top", "a.b.example",
			[]string{"_dmarc.example" + record + "; psd=y"}, "b.example", ByPSDYes},
		{"psd=y above psd=n", "a.b.c.example",
			[]string{"_dmarc.b.c.example" + record + "; psd=n", "_dmarc.c.example" + record + "; psd=y"}, "b.c.example", ByPSDNo},
		{"psd=u says nothing", "a.b.example",
			[]string{"_dmarc.b.example" + record + "; psd=u"}, "b.example", ByFewest},
		{"psd in upper case", "a.b.c.example",
			[]string{"_dmarc.b.c.example" + record + "; psd=N", "_dmarc.c.example" + record}, "b.c.example", ByPSDNo},
		{"invalid psd says nothing", "a.b.c.example",
			[]string{"_dmarc.b.c.example" + record + "; psd=no", "_dmarc.c.example" + record}, "c.example", ByFewest},
		{"two records are none", "a.b.c.example",
			[]string{"_dmarc.b.c.example" + record, "_dmarc.c.example = v=DMARC1; p=none | v=DMARC1; psd=n"}, "b.c.example", ByFewest},
		{"other texts beside a record", "a.b.example",
			[]string{"_dmarc.b.example = hello | v=DMARC1; psd=n | v=spf1 -all"}, "b.example", ByPSDNo},

		{"8 labels, record at 7", labels(8), []string{"_dmarc." + labels(7) + record}, labels(7), ByFewest},
		{"9 labels, own record", labels(9), []string{"_dmarc." + labels(9) + record}, labels(9), ByFewest},
		{"9 labels, record at 8 is passed over", labels(9), []string{"_dmarc." + labels(8) + record}, labels(9), ByDefault},
		{"9 labels, record at 7", labels(9), []string{"_dmarc." + labels(7) + record}, labels(7), ByFewest},
		{"13 labels, record at 12 is passed over", labels(13), []string{"_dmarc." + labels(12) + record}, labels(13), ByDefault},
		{"13 labels, record at 1", labels(13), []string{"_dmarc." + labels(1) + record}, labels(1), ByFewest},
		{"13 labels, psd=y at 7", labels(13), []string{"_dmarc." + labels(7) + record + "; psd=y"}, labels(8), ByPSDYes},

		// RFC 9989 section 4.10.2 and appendix B.4.
		{"section 4.10.2, the fewest labels", "a.mail.example.com",
			[]string{"_dmarc.mail.example.com" + record, "_dmarc.example.com" + record}, "example.com", ByFewest},
		{"section 4.10.2, psd=n", "a.mail.example.com", []string{"_dmarc.mail.example.com" + record + "; psd=n"}, "mail.example.com", ByPSDNo},
		{"section 4.10.2, psd=y", "a.mail.example.com", []string{"_dmarc.com" + record + "; psd=y"}, "example.com", ByPSDYes},
		{"appendix B.4.1, author", "example.com", simple, "example.com", ByFewest},
		{"appendix B.4.1, signature", "signing.example.com", simple, "example.com", ByFewest},
		{"appendix B.4.2, author", "a.b.c.d.e.f.g.h.i.j.k.example.com", simple, "example.com", ByFewest},
		{"appendix B.4.3, author", "giant.bank.example", bank, "giant.bank.example", ByPSDYes},
		{"appendix B.4.3, envelope sender", "mail.giant.bank.example", bank, "giant.bank.example", ByPSDYes},
		{"appendix B.4.3, signature", "mail.mega.bank.example", bank, "mega.bank.example", ByPSDYes},

		// psd= at the start, in the middle and at the top.
		{"psd=n at the start, records above", "a.b.example", []string{"_dmarc.a.b.example" + record + "; psd=n", "_dmarc.b.example" + record}, "a.b.example", ByPSDNo},
		{"psd=n at the top", "a.b.example", []string{"_dmarc.b.example" + record, "_dmarc.example" + record + "; psd=n"}, "example", ByPSDNo},
		{"psd=y at the start, records above are not asked for", "a.b.example",
			[]string{"_dmarc.a.b.example" + record + "; psd=y", "_dmarc.b.example" + record + "; psd=y"}, "a.b.example", ByFewest},
		{"psd=y at the start of one label", "example", []string{"_dmarc.example" + record + "; psd=y"}, "example", ByFewest},
		{"psd=y without p", "a.b.example", []string{"_dmarc.example = v=DMARC1; psd=y"}, "b.example", ByPSDYes},
		{"psd=n without p", "a.b.example", []string{"_dmarc.a.b.example = v=DMARC1; psd=n", "_dmarc.example" + record}, "a.b.example", ByPSDNo},
		{"psd=y twice on the way", "a.b.c.example",
			[]string{"_dmarc.c.example" + record + "; psd=y", "_dmarc.example" + record + "; psd=y"}, "b.c.example", ByPSDYes},
		{"several records, one with psd=y", "a.b.example",
			[]string{"_dmarc.b.example" + record, "_dmarc.example = v=DMARC1; psd=y | v=DMARC1; p=none"}, "b.example", ByFewest},

		{"no answer at the start", "a.b.example", []string{"_dmarc.a.b.example = timeout", "_dmarc.b.example" + record}, "", ""},
		{"no answer in the middle", "a.b.c.example", []string{"_dmarc.b.c.example = servfail", "_dmarc.c.example" + record}, "", ""},
		{"no answer at the end", "a.b.example", []string{"_dmarc.b.example" + record, "_dmarc.example = refused"}, "", ""},
		{"no answer above psd=n", "a.b.c.example",
			[]string{"_dmarc.b.c.example" + record + "; psd=n", "_dmarc.c.example = timeout", "_dmarc.example = failed"}, "b.c.example", ByPSDNo},
		{"no answer above psd=y", "a.b.c.example",
			[]string{"_dmarc.c.example" + record + "; psd=y", "_dmarc.example = timeout"}, "b.c.example", ByPSDYes},
		{"no answer below psd=n", "a.b.c.example",
			[]string{"_dmarc.b.c.example = timeout", "_dmarc.c.example" + record + "; psd=n"}, "", ""},
		{"nodata is an answer", "a.b.example", []string{"_dmarc.a.b.example = nodata", "_dmarc.b.example" + record}, "b.example", ByFewest},
		{"upper case and final dot", "A.B.Example.", []string{"_dmarc.b.example" + record}, "b.example", ByFewest},
		{"not a name", "a..example", nil, "", ""},
		{"empty", "", nil, "", ""},
		{"a label of 64 octets", strings.Repeat("a", 64) + ".example", nil, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(tt.world...)
			got := OrganizationalDomain(t.Context(), w, tt.domain)
			if got.OrgDomain != tt.want || got.By != tt.by || got.Unknown != (tt.by == "") {
				t.Errorf("got %q by %q, unknown %v; want %q by %q", got.OrgDomain, got.By, got.Unknown, tt.want, tt.by)
			}
			if len(w.asked) > MaxSteps {
				t.Errorf("%d questions, want at most %d", len(w.asked), MaxSteps)
			}
		})
	}
}

func TestReached(t *testing.T) {
	w := newWorld("_dmarc.b.c.example = v=DMARC1; psd=n", "_dmarc.c.example = v=DMARC1; p=none")
	walk := OrganizationalDomain(t.Context(), w, "a.b.c.example")
	var got []string
	for _, s := range walk.Steps {
		if s.Reached {
			got = append(got, s.Domain)
		}
	}
	if want := []string{"a.b.c.example", "b.c.example"}; !slices.Equal(got, want) {
		t.Errorf("reached %q, want %q", got, want)
	}
	if walk.step("c.example") != nil {
		t.Error("a name above psd=n counts as reached")
	}
}

// The longest name has 127 labels; _dmarc does not fit before it.
func TestLongestName(t *testing.T) {
	domain := strings.Repeat("a.", 126) + "b"
	if len(domain) != 253 {
		t.Fatalf("the name has %d octets", len(domain))
	}
	for _, tt := range []struct {
		name, domain string
		asked        bool
	}{
		{"127 labels", domain, false},
		{"_dmarc just does not fit", "aa." + strings.Repeat("a.", 122) + "b", false},
		{"_dmarc just fits", strings.Repeat("a.", 122) + "bb", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld("_dmarc.a.b = v=DMARC1; p=reject", "_dmarc.a.bb = v=DMARC1; p=reject")
			walk := OrganizationalDomain(t.Context(), w, tt.domain)
			if got := w.asked["_dmarc."+tt.domain] > 0; got != tt.asked {
				t.Errorf("asked for a name of %d octets: %v, want %v", len("_dmarc."+tt.domain), got, tt.asked)
			}
			if !strings.HasPrefix(walk.OrgDomain, "a.b") || walk.By != ByFewest {
				t.Errorf("organisational domain %q by %q", walk.OrgDomain, walk.By)
			}
			if s := walk.Steps[0]; !tt.asked && (s.Status != dnsx.NXDomain || s.Reason != ReasonTooLong) {
				t.Errorf("first step %s %s", s.Status, s.Reason)
			}
		})
	}
}
