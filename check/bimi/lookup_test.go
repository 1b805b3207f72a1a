package bimi

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"maildoctor/check/dnsx"
	"maildoctor/check/taglist"
)

type octets = taglist.Octets

// world answers for the names in it; any other name does not exist.
type world struct {
	answers map[string]dnsx.Answer
	asked   []string
}

func (w *world) Lookup(_ context.Context, name string, qtype uint16) dnsx.Answer {
	w.asked = append(w.asked, name)
	a, ok := w.answers[name]
	if !ok {
		a.Status = dnsx.NXDomain
	}
	a.Name, a.Type = name, qtype
	return a
}

func txt(records ...string) dnsx.Answer {
	a := dnsx.Answer{Status: dnsx.OK}
	for _, r := range records {
		a.Records = append(a.Records, &dns.TXT{Txt: []string{r}})
	}
	return a
}

const (
	ownName = "default._bimi.mail.example.com"
	orgName = "default._bimi.example.com"
	good    = "v=BIMI1; l=https://example.com/logo.svg; a=https://example.com/mark.pem"
)

func TestDiscover(t *testing.T) {
	timeout := dnsx.Answer{Status: dnsx.Timeout}
	tests := []struct {
		name     string
		own, org dnsx.Answer
		outcome  Outcome
		place    string
		asked    []string
	}{
		{"own", txt(good), txt(good), Found, "mail.example.com", []string{ownName}},
		{"own among others", txt("v=spf1 -all", good), txt(good), Found, "mail.example.com", []string{ownName}},
		{"own declines", txt("v=BIMI1; l=; a="), txt(good), Found, "mail.example.com", []string{ownName}},
		{"own broken", txt("v=BIMI1; l=x"), txt(good), Found, "mail.example.com", []string{ownName}},
		{"own twice", txt(good, good), txt(good), Several, "mail.example.com", []string{ownName}},
		{"own unknown", timeout, txt(good), CannotTell, "", []string{ownName}},
		{"organisation", dnsx.Answer{Status: dnsx.NXDomain}, txt(good), Found, "example.com", []string{ownName, orgName}},
		{"organisation, own is none", txt("v=bimi1; l="), txt(good), Found, "example.com", []string{ownName, orgName}},
		{"organisation twice", dnsx.Answer{Status: dnsx.NoData}, txt(good, good), Several, "example.com", []string{ownName, orgName}},
		{"organisation unknown", dnsx.Answer{Status: dnsx.NoData}, timeout, CannotTell, "", []string{ownName, orgName}},
		{"nowhere", dnsx.Answer{Status: dnsx.NXDomain}, txt("hello"), NotFound, "", []string{ownName, orgName}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := &world{answers: map[string]dnsx.Answer{ownName: tt.own, orgName: tt.org}}
			org := func(context.Context) string { return "Example.COM" }
			got := Discover(t.Context(), w, "Mail.Example.com.", "Default", org)
			place := ""
			if s := got.Step(); s != nil {
				place = s.Domain
			}
			if got.Outcome != tt.outcome || place != tt.place || (got.Record() != nil) != (tt.outcome == Found) {
				t.Errorf("got %s at %q with %v, want %s at %q", got.Outcome, place, got.Record(), tt.outcome, tt.place)
			}
			if d := cmp.Diff(tt.asked, w.asked); d != "" {
				t.Errorf("names asked (-want +got):\n%s", d)
			}
			survives(t, got)
		})
	}
}

func TestDiscoverAtTheTop(t *testing.T) {
	w := &world{}
	got := Discover(t.Context(), w, "example.com", DefaultSelector, func(context.Context) string { return "example.com" })
	if want := []string{orgName}; got.Outcome != NotFound || !slices.Equal(w.asked, want) {
		t.Errorf("got %s after %q, want %s after %q", got.Outcome, w.asked, NotFound, want)
	}
}

func TestDiscoverNames(t *testing.T) {
	long := strings.Repeat("a.", 119) + "example" // 245 octets
	for _, tt := range []struct {
		name, domain string
		status       dnsx.Status
	}{
		{"fits", long[len("default._bimi.")-8:], dnsx.NXDomain},
		{"too long to exist", long, dnsx.NXDomain},
		{"no name", "a b.example", dnsx.Failed},
		{"empty", "", dnsx.Failed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := &world{}
			got := Discover(t.Context(), w, tt.domain, DefaultSelector, func(context.Context) string { return tt.domain })
			if s := got.Steps[0]; s.Status != tt.status || (s.Asked == "") != (len(w.asked) == 0) || len(s.Asked) > 253 {
				t.Errorf("got %+v after %q, want %s", s, w.asked, tt.status)
			}
		})
	}
}

// files hands out what is in it, and notes what it was asked for.
type files map[string]Fetched

func (f files) fetch(_ context.Context, url string, limit int) Fetched {
	got, ok := f[url]
	switch {
	case !ok:
		return Fetched{Outcome: "http-status", Known: true, Status: 404}
	case len(got.Body) > limit:
		return Fetched{Outcome: "too-large", Known: true, TooLarge: true, Status: 200}
	}
	return got
}

func TestFetch(t *testing.T) {
	const svg, pem = "https://example.com/logo.svg", "https://example.com/mark.pem"
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	ok := func(body string) Fetched { return Fetched{Outcome: FetchOK, Status: 200, Body: []byte(body)} }
	tests := []struct {
		name, record string
		files        files
		want         string
	}{
		{"both", good, files{svg: ok(sound), pem: ok("x")}, "logo ok picture, certificate ok mark"},
		{"empty files", good, files{svg: ok(""), pem: ok("")}, "logo ok picture, certificate ok mark"},
		{"not there", good, nil, "logo http-status, certificate http-status"},
		{"no time", good, files{svg: {Outcome: "timeout"}, pem: ok("x")}, "logo timeout unclear, certificate ok mark"},
		{"logo as large as is taken", good, files{svg: ok(strings.Repeat(" ", MaxLogo)), pem: ok("")}, "logo ok picture, certificate ok mark"},
		{"logo too large", good, files{svg: ok(strings.Repeat(" ", MaxLogo+1)), pem: ok("")}, "logo too-large, certificate ok mark"},
		{"certificate too large", good, files{svg: ok(sound), pem: ok(strings.Repeat(" ", MaxPEM+1))}, "logo ok picture, certificate too-large"},
		{"no certificate", "v=BIMI1; l=" + svg, files{svg: ok(sound)}, "logo ok picture"},
		{"declined", "v=BIMI1; l=; a=", nil, ""},
		{"broken record", good + "; l=x", nil, ""},
		{"no record", "hello", nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := &world{answers: map[string]dnsx.Answer{orgName: txt(tt.record)}}
			r := Discover(t.Context(), w, "example.com", DefaultSelector, func(context.Context) string { return "example.com" })
			r.FetchLogo(t.Context(), tt.files.fetch)
			r.FetchCertificate(t.Context(), tt.files.fetch, now)
			var got []string
			line := func(kind string, d Download, content string) {
				line := kind + " " + d.Outcome + content
				if !d.Known {
					line += " unclear"
				}
				got = append(got, line)
			}
			if r.Logo != nil {
				line("logo", r.Logo.Download, map[bool]string{true: " picture"}[r.Logo.Picture != nil])
			}
			if r.Certificate != nil {
				line("certificate", r.Certificate.Download, map[bool]string{true: " mark"}[r.Certificate.Mark != nil])
			}
			if got := strings.Join(got, ", "); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			survives(t, r)
		})
	}
}
