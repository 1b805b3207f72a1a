package dmarc

import (
	"encoding/json"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

func TestDiscover(t *testing.T) {
	type want struct {
		outcome              Outcome
		source               Source
		place, tag           string
		published, effective Request
		effect               Effect
	}
	const rua = "; rua=mailto:d@b.example"
	for _, tt := range []struct {
		name, domain string
		world        []string
		want         want
	}{
		// RFC 9989 appendix B.
		{"record of its own", "b.example", []string{"b.example = nodata", "_dmarc.b.example = v=DMARC1; p=none" + rua},
			want{Found, Own, "b.example", "p", None, None, ""}},
		{"record of the organisation, sub-domain exists", "a.b.example",
			[]string{"a.b.example = nodata", "_dmarc.b.example = v=DMARC1; p=reject; sp=quarantine; np=none"},
			want{Found, Organizational, "b.example", "sp", Quarantine, Quarantine, ""}},
		{"record of the organisation, sub-domain does not exist", "a.b.example",
			[]string{"_dmarc.b.example = v=DMARC1; p=none; sp=quarantine; np=reject"},
			want{Found, Organizational, "b.example", "np", Reject, Reject, ""}},
		{"record of the public suffix", "giant.bank.example",
			[]string{"giant.bank.example = nodata", "_dmarc.bank.example = v=DMARC1; p=reject; sp=none; psd=y"},
			want{Found, PublicSuffix, "bank.example", "sp", None, None, ""}},
		{"record of the organisation below a public suffix", "mail.giant.bank.example",
			[]string{"mail.giant.bank.example = nodata", "_dmarc.giant.bank.example = v=DMARC1; p=quarantine", "_dmarc.bank.example = v=DMARC1; p=reject; psd=y"},
			want{Found, Organizational, "giant.bank.example", "p", Quarantine, Quarantine, ""}},
		{"public suffix itself", "bank.example",
			[]string{"bank.example = nodata", "_dmarc.bank.example = v=DMARC1; p=reject; sp=none; psd=y"},
			want{Found, Own, "bank.example", "p", Reject, Reject, ""}},
		{"nothing on the way up", "a.b.example", nil, want{outcome: NotFound}},

		{"own record counts whatever is above", "a.b.example",
			[]string{"_dmarc.a.b.example = v=DMARC1; p=none", "_dmarc.b.example = v=DMARC1; p=reject"},
			want{Found, Own, "a.b.example", "p", None, None, ""}},
		{"own p counts, not sp", "b.example", []string{"_dmarc.b.example = v=DMARC1; p=none; sp=reject; np=reject"},
			want{Found, Own, "b.example", "p", None, None, ""}},
		{"the record in between is not that of the organisation", "a.b.c.example",
			[]string{"a.b.c.example = nodata", "_dmarc.b.c.example = v=DMARC1; p=reject", "_dmarc.c.example = v=DMARC1; p=none"},
			want{Found, Organizational, "c.example", "p", None, None, ""}},
		{"np falls back to sp", "a.b.example", []string{"_dmarc.b.example = v=DMARC1; p=none; sp=reject"},
			want{Found, Organizational, "b.example", "sp", Reject, Reject, ""}},
		{"np and sp fall back to p", "a.b.example", []string{"_dmarc.b.example = v=DMARC1; p=reject"},
			want{Found, Organizational, "b.example", "p", Reject, Reject, ""}},
		{"np of a domain that exists by its _dmarc", "a.b.example",
			[]string{"a.b.example = timeout", "_dmarc.a.b.example = nodata", "_dmarc.b.example = v=DMARC1; p=none; np=reject"},
			want{Found, Organizational, "b.example", "p", None, None, ""}},
		{"np of a domain of unknown existence", "a.b.example",
			[]string{"a.b.example = timeout", "_dmarc.b.example = v=DMARC1; p=none; np=reject"},
			want{Found, Organizational, "b.example", "", "", "", ""}},
		{"np that is equal to p, existence unknown", "a.b.example",
			[]string{"a.b.example = timeout", "_dmarc.b.example = v=DMARC1; p=reject; np=reject"},
			want{Found, Organizational, "b.example", "p", Reject, Reject, ""}},

		{"t=y with reject", "b.example", []string{"_dmarc.b.example = v=DMARC1; p=reject; t=y"},
			want{Found, Own, "b.example", "p", Reject, Quarantine, ""}},
		{"t=y with quarantine", "b.example", []string{"_dmarc.b.example = v=DMARC1; p=quarantine; t=y"},
			want{Found, Own, "b.example", "p", Quarantine, None, ""}},
		{"t=y with none", "b.example", []string{"_dmarc.b.example = v=DMARC1; p=none; t=y"},
			want{Found, Own, "b.example", "p", None, None, ""}},

		{"no p", "b.example", []string{"_dmarc.b.example = v=DMARC1"},
			want{Found, Own, "b.example", "p", "", None, PolicyAbsent}},
		{"no p, but sp, at the organisation", "a.b.example", []string{"_dmarc.b.example = v=DMARC1; sp=reject"},
			want{Found, Organizational, "b.example", "sp", Reject, Reject, ""}},
		{"invalid p with rua", "b.example", []string{"_dmarc.b.example = v=DMARC1; p=x" + rua},
			want{Found, Own, "b.example", "p", Invalid, None, InvalidAsNone}},
		{"invalid p without rua", "b.example", []string{"_dmarc.b.example = v=DMARC1; p=x"},
			want{Found, Own, "b.example", "p", Invalid, "", InvalidIgnored}},
		{"invalid p with an invalid rua", "b.example", []string{"_dmarc.b.example = v=DMARC1; p=x; rua=d@b.example"},
			want{Found, Own, "b.example", "p", Invalid, "", InvalidIgnored}},
		{"invalid sp with rua", "b.example", []string{"_dmarc.b.example = v=DMARC1; p=reject; sp=x" + rua},
			want{Found, Own, "b.example", "p", Reject, None, InvalidAsNone}},
		{"invalid np without rua", "a.b.example", []string{"a.b.example = nodata", "_dmarc.b.example = v=DMARC1; p=reject; np=x"},
			want{Found, Organizational, "b.example", "p", Reject, "", InvalidIgnored}},

		{"two records at the domain", "a.b.example",
			[]string{"a.b.example = nodata", "_dmarc.a.b.example = v=DMARC1; p=none | v=DMARC1; p=none", "_dmarc.b.example = v=DMARC1; p=reject"},
			want{Found, Organizational, "b.example", "p", Reject, Reject, ""}},
		{"two records and nothing else", "b.example", []string{"_dmarc.b.example = v=DMARC1; p=none | v=DMARC1; p=reject"},
			want{outcome: NotFound}},
		{"a text that only looks like a record", "b.example", []string{"_dmarc.b.example = v=dmarc1; p=none"},
			want{outcome: NotFound}},

		{"no answer at the domain", "a.b.example", []string{"_dmarc.a.b.example = timeout", "_dmarc.b.example = v=DMARC1; p=reject"},
			want{outcome: CannotTell}},
		{"no answer above, own record", "a.b.example", []string{"_dmarc.a.b.example = v=DMARC1; p=reject", "_dmarc.b.example = servfail"},
			want{Found, Own, "a.b.example", "p", Reject, Reject, ""}},
		{"no answer above, no record", "a.b.example", []string{"_dmarc.b.example = servfail"},
			want{outcome: CannotTell}},
		{"no answer above a public suffix", "a.bank.example",
			[]string{"_dmarc.bank.example = v=DMARC1; p=reject; psd=y", "_dmarc.example = timeout"},
			want{Found, PublicSuffix, "bank.example", "p", Reject, Reject, ""}},
		{"not a name", "a..b", nil, want{outcome: CannotTell}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(tt.world...)
			p := Discover(t.Context(), w, tt.domain)
			got := want{p.Outcome, p.Source, p.Place, p.Tag, p.Published, p.Effective, p.Effect}
			if got != tt.want {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
			if applies := tt.want.outcome == Found && tt.want.effect != InvalidIgnored; p.Applies != applies {
				t.Errorf("applies: %v, want %v", p.Applies, applies)
			}
			if (p.Record() != nil) != (tt.want.outcome == Found) {
				t.Errorf("record %v", p.Record())
			}
			for name, n := range w.asked {
				if n > 1 {
					t.Errorf("asked %d times for %s", n, name)
				}
			}
			b, err := json.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			back := new(Policy)
			if err := json.Unmarshal(b, back); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(p, back); diff != "" {
				t.Errorf("JSON round trip, -want +got:\n%s", diff)
			}
		})
	}
}

func TestTexts(t *testing.T) {
	w := newWorld("_dmarc.b.example = v=DMARC1; p=none | v=DMARC1; p=reject | v=dmarc1; p=none | hello")
	s := Discover(t.Context(), w, "b.example").Walk.Steps[0]
	if len(s.Texts) != 2 || s.Record != nil {
		t.Errorf("kept the records %q, read as %v; want both and none", s.Texts, s.Record)
	}
	if len(s.Near) != 1 || s.Near[0].Fault.Reason != VersionCase {
		t.Errorf("near misses %+v, want one of the reason %s", s.Near, VersionCase)
	}
}

func TestMisplaced(t *testing.T) {
	const doubled = "_dmarc.b.example.b.example"
	for _, tt := range []struct {
		name  string
		world []string
		want  []Misplaced
		asked bool
	}{
		{"at the apex", []string{"b.example = v=spf1 -all | v=DMARC1; p=none"},
			[]Misplaced{{AtApex, "b.example", "v=DMARC1; p=none"}}, true},
		{"at the apex beside a record", []string{"b.example = v=DMARC1; p=none", "_dmarc.b.example = v=DMARC1; p=none"},
			[]Misplaced{{AtApex, "b.example", "v=DMARC1; p=none"}}, false},
		{"zone appended", []string{doubled + " = v=DMARC1; p=none"},
			[]Misplaced{{Doubled, doubled, "v=DMARC1; p=none"}}, true},
		{"zone appended, two records in place", []string{"_dmarc.b.example = v=DMARC1 | v=DMARC1"}, nil, false},
		{"something else there", []string{doubled + " = hello", "b.example = hello"}, nil, true},
		{"no answer", []string{"_dmarc.b.example = timeout"}, nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(tt.world...)
			p := Discover(t.Context(), w, "b.example")
			if diff := cmp.Diff(tt.want, p.Misplaced); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if got := w.asked[doubled] > 0; got != tt.asked {
				t.Errorf("asked for %s: %v, want %v", doubled, got, tt.asked)
			}
		})
	}
}

func TestExistence(t *testing.T) {
	for _, tt := range []struct {
		name  string
		world []string
		want  Existence
	}{
		{"records", []string{"b.example = hello"}, Exists},
		{"nodata", []string{"b.example = nodata"}, Exists},
		{"nxdomain", nil, NonExistent},
		{"nxdomain, yet a policy", []string{"_dmarc.b.example = v=DMARC1"}, NonExistent},
		{"no answer", []string{"b.example = timeout"}, ExistenceUnknown},
		{"no answer, but a policy", []string{"b.example = timeout", "_dmarc.b.example = v=DMARC1"}, Exists},
		{"no answer at all", []string{"b.example = timeout", "_dmarc.b.example = servfail"}, ExistenceUnknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Discover(t.Context(), newWorld(tt.world...), "b.example").Existence; got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// A question that waited for the answer to another one of its round would leave
// everybody blocked, which synctest finds out.
func TestRounds(t *testing.T) {
	for _, tt := range []struct {
		name   string
		domain string
		world  []string
		sizes  []int
	}{
		{"walk, then the hosts and the doubled name", "a.b.example",
			[]string{"_dmarc.b.example = v=DMARC1; p=none; rua=mailto:a@one.test,mailto:a@two.test; ruf=mailto:a@three.test"},
			[]int{4, 4}},
		{"nothing to ask afterwards", "b.example", []string{"_dmarc.b.example = v=DMARC1; p=none"}, []int{3}},
		{"longest walk", labels(30), nil, []int{MaxSteps + 1, 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRounds(newWorld(tt.world...), tt.sizes...)
				Discover(t.Context(), r, tt.domain)
				total := 0
				for _, n := range tt.sizes {
					total += n
				}
				if r.arrived != total {
					t.Errorf("%d questions, want %d: %v", r.arrived, total, r.asked)
				}
			})
		})
	}
}
