package dmarc

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"maildoctor/check/dnsx"
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

		// RFC 9989 appendix B.4.
		{"simple, organisation", "example.com", []string{"_dmarc.example.com = v=DMARC1; p=none", "_dmarc.signing.example.com = v=DMARC1; p=reject"},
			want{Found, Own, "example.com", "p", None, None, ""}},
		{"deep", "a.b.c.d.e.f.g.h.i.j.k.example.com", []string{"a.b.c.d.e.f.g.h.i.j.k.example.com = nodata", "_dmarc.example.com = v=DMARC1; p=quarantine"},
			want{Found, Organizational, "example.com", "p", Quarantine, Quarantine, ""}},
		{"public suffix, sub-domain without a record", "mail.mega.bank.example",
			[]string{"mail.mega.bank.example = nodata", "_dmarc.bank.example = v=DMARC1; p=reject; sp=quarantine; psd=y"},
			want{Found, PublicSuffix, "bank.example", "sp", Quarantine, Quarantine, ""}},
		{"public suffix, name that does not exist", "mega.bank.example",
			[]string{"_dmarc.bank.example = v=DMARC1; p=none; sp=none; np=reject; psd=y"},
			want{Found, PublicSuffix, "bank.example", "np", Reject, Reject, ""}},

		// Names with many labels.
		{"8 labels, record at 7", labels(8), []string{labels(8) + " = nodata", "_dmarc." + labels(7) + " = v=DMARC1; p=reject"},
			want{Found, Organizational, labels(7), "p", Reject, Reject, ""}},
		{"9 labels, own record", labels(9), []string{"_dmarc." + labels(9) + " = v=DMARC1; p=reject"},
			want{Found, Own, labels(9), "p", Reject, Reject, ""}},
		{"9 labels, record at 8 is passed over", labels(9), []string{"_dmarc." + labels(8) + " = v=DMARC1; p=reject"}, want{outcome: NotFound}},
		{"9 labels, no answer at 8", labels(9), []string{labels(9) + " = nodata", "_dmarc." + labels(8) + " = timeout", "_dmarc." + labels(7) + " = v=DMARC1; p=reject"},
			want{Found, Organizational, labels(7), "p", Reject, Reject, ""}},
		{"13 labels, record at 7", labels(13), []string{labels(13) + " = nodata", "_dmarc." + labels(7) + " = v=DMARC1; p=reject; sp=none"},
			want{Found, Organizational, labels(7), "sp", None, None, ""}},
		{"13 labels, no answer at 1", labels(13), []string{"_dmarc." + labels(2) + " = v=DMARC1; p=reject", "_dmarc." + labels(1) + " = timeout"},
			want{outcome: CannotTell}},
		{"127 labels", strings.Repeat("a.", 126) + "b", []string{strings.Repeat("a.", 126) + "b = nodata", "_dmarc.a.b = v=DMARC1; p=reject"},
			want{Found, Organizational, "a.b", "p", Reject, Reject, ""}},

		// Records above psd=n and below psd=y.
		{"psd=n ends the walk below the organisation", "x.b.c.example",
			[]string{"x.b.c.example = nodata", "_dmarc.b.c.example = v=DMARC1; p=none; psd=n", "_dmarc.c.example = v=DMARC1; p=reject"},
			want{Found, Organizational, "b.c.example", "p", None, None, ""}},
		{"psd=n alone, no p", "x.b.example", []string{"x.b.example = nodata", "_dmarc.b.example = v=DMARC1; psd=n", "_dmarc.example = v=DMARC1; p=reject"},
			want{Found, Organizational, "b.example", "p", "", None, PolicyAbsent}},
		{"psd=y, records at the organisation and below it", "x.y.b.example",
			[]string{"x.y.b.example = nodata", "_dmarc.y.b.example = v=DMARC1; p=none", "_dmarc.b.example = v=DMARC1; p=quarantine", "_dmarc.example = v=DMARC1; p=reject; psd=y"},
			want{Found, Organizational, "b.example", "p", Quarantine, Quarantine, ""}},
		{"psd=y, a record below the organisation only", "x.y.b.example",
			[]string{"x.y.b.example = nodata", "_dmarc.y.b.example = v=DMARC1; p=none", "_dmarc.example = v=DMARC1; p=reject; psd=y"},
			want{Found, PublicSuffix, "example", "p", Reject, Reject, ""}},

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
		{"no answer above psd=n", "a.b.c.example",
			[]string{"a.b.c.example = nodata", "_dmarc.b.c.example = v=DMARC1; p=reject; psd=n", "_dmarc.c.example = servfail", "_dmarc.example = timeout"},
			want{Found, Organizational, "b.c.example", "p", Reject, Reject, ""}},
		{"no answer below psd=n", "a.b.c.example",
			[]string{"_dmarc.b.c.example = timeout", "_dmarc.c.example = v=DMARC1; p=reject; psd=n"}, want{outcome: CannotTell}},
		{"no answer below psd=y", "a.b.c.example",
			[]string{"_dmarc.b.c.example = servfail", "_dmarc.c.example = v=DMARC1; p=reject; psd=y"}, want{outcome: CannotTell}},
		{"no answer anywhere", "a.b.example",
			[]string{"_dmarc.a.b.example = timeout", "_dmarc.b.example = timeout", "_dmarc.example = timeout"}, want{outcome: CannotTell}},
		{"refused at the top", "b.example", []string{"_dmarc.example = refused"}, want{outcome: CannotTell}},
		{"nodata all the way", "a.b.example",
			[]string{"_dmarc.a.b.example = nodata", "_dmarc.b.example = nodata", "_dmarc.example = nodata"}, want{outcome: NotFound}},
		{"nodata below a record", "a.b.example",
			[]string{"_dmarc.a.b.example = nodata", "_dmarc.b.example = v=DMARC1; p=reject"},
			want{Found, Organizational, "b.example", "p", Reject, Reject, ""}},
		{"stray texts at the parent itself", "a.b.example",
			[]string{"a.b.example = nodata", "b.example = hello | v=DMARC1; p=none | v=spf1 -all", "_dmarc.b.example = v=DMARC1; p=reject"},
			want{Found, Organizational, "b.example", "p", Reject, Reject, ""}},
		{"stray texts beside the parent's record", "a.b.example",
			[]string{"a.b.example = nodata", "_dmarc.b.example = hello | v=DMARC1; p=reject"},
			want{Found, Organizational, "b.example", "p", Reject, Reject, ""}},
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

// TestFallBack holds the order np, sp, p for a name below that of the record.
func TestFallBack(t *testing.T) {
	for _, tt := range []struct {
		tags             string
		exists, missing  string // the tag that counts, and what it asks for
		effective        Request
		effectiveMissing Request
	}{
		{"p=reject", "p reject", "p reject", Reject, Reject},
		{"p=reject; sp=none", "sp none", "sp none", None, None},
		{"p=reject; np=none", "p reject", "np none", Reject, None},
		{"p=none; sp=quarantine; np=reject", "sp quarantine", "np reject", Quarantine, Reject},
		{"p=none; sp=quarantine; np=reject; t=y", "sp quarantine", "np reject", None, Quarantine},
		{"np=reject", "p ", "np reject", None, Reject},
		{"sp=reject", "sp reject", "sp reject", Reject, Reject},
	} {
		t.Run(tt.tags, func(t *testing.T) {
			record := "_dmarc.b.example = v=DMARC1; " + tt.tags
			for _, side := range []struct {
				world     []string
				want      string
				effective Request
			}{
				{[]string{record, "a.b.example = nodata"}, tt.exists, tt.effective},
				{[]string{record}, tt.missing, tt.effectiveMissing},
			} {
				p := Discover(t.Context(), newWorld(side.world...), "a.b.example")
				if got := p.Tag + " " + string(p.Published); got != side.want || p.Effective != side.effective {
					t.Errorf("%s: %q, in effect %q; want %q, %q", p.Existence, got, p.Effective, side.want, side.effective)
				}
			}
		})
	}
}

// TestFaultOnTheWay holds that a fault at whatever place of the walk leaves the
// outcome unknown, unless a record with psd=y or psd=n ended the walk below it.
func TestFaultOnTheWay(t *testing.T) {
	const domain = "a.b.c.d.example"
	names := walkNames(domain)
	for _, status := range []dnsx.Status{dnsx.Timeout, dnsx.ServFail, dnsx.Refused, dnsx.Failed} {
		for i, name := range names {
			fault := prefix + name + " = " + string(status)
			t.Run(fault, func(t *testing.T) {
				if p := Discover(t.Context(), newWorld(fault), domain); p.Outcome != CannotTell || p.Walk.OrgDomain != "" {
					t.Errorf("no record: outcome %s, organisational domain %q; want %s", p.Outcome, p.Walk.OrgDomain, CannotTell)
				}
				for j, place := range names {
					if i == j {
						continue
					}
					for _, psd := range []string{Yes, No} {
						record := prefix + place + " = v=DMARC1; p=reject; psd=" + psd
						p := Discover(t.Context(), newWorld(fault, record), domain)
						known := i > j || j == 0 // above the end of the walk, or the record is the domain's own
						if (p.Outcome == Found) != known || (p.Walk.OrgDomain != "") != (i > j) {
							t.Errorf("psd=%s at %s: outcome %s, organisational domain %q", psd, place, p.Outcome, p.Walk.OrgDomain)
						}
					}
				}
			})
		}
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
			[]int{4, 7}},
		{"a host without MX records", "b.example",
			[]string{"_dmarc.b.example = v=DMARC1; p=none; rua=mailto:a@one.test", "MX one.test = nodata"},
			[]int{3, 2, 2}},
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
