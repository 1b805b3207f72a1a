package mtasts

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"maildoctor/check/dnsx"
	"maildoctor/check/taglist"
)

func TestLookup(t *testing.T) {
	const name = "_mta-sts.b.example. TXT "
	for _, tt := range []struct {
		name, domain string
		zone         []string
		want         Outcome
		status       dnsx.Status
		texts, near  []string
		id           string
		chain        []string
	}{
		{"one", "B.Example.", []string{name + `"v=STSv1; id=1"`}, Found, dnsx.OK, []string{"v=STSv1; id=1"}, nil, "1", nil},
		{"of several strings", "b.example", []string{name + `"v=STSv1; i" "d=1"`}, Found, dnsx.OK, []string{"v=STSv1; id=1"}, nil, "1", nil},
		{"beside others", "b.example", []string{name + `"v=spf1 -all"`, name + `"v=STSv1; id=1"`, name + `"v=STSv2; id=2"`},
			Found, dnsx.OK, []string{"v=STSv1; id=1"}, []string{"version-value v=STSv2; id=2"}, "1", nil},
		{"by an alias", "b.example", []string{"_mta-sts.b.example. CNAME sts.host.test.", `sts.host.test. TXT "v=STSv1; id=1"`},
			Found, dnsx.OK, []string{"v=STSv1; id=1"}, nil, "1", []string{"sts.host.test"}},
		{"alias to nowhere", "b.example", []string{"_mta-sts.b.example. CNAME sts.host.test.", `host.test. TXT "x"`},
			NotFound, dnsx.NXDomain, nil, nil, "", []string{"sts.host.test"}},
		{"two", "b.example", []string{name + `"v=STSv1; id=1"`, name + `"v=STSv1; id=2"`}, Several, dnsx.OK, []string{"v=STSv1; id=1", "v=STSv1; id=2"}, nil, "", nil},
		{"two, one of them broken", "b.example", []string{name + `"v=STSv1; id=1"`, name + `"v=STSv1;"`}, Several, dnsx.OK, []string{"v=STSv1; id=1", "v=STSv1;"}, nil, "", nil},
		{"other texts", "b.example", []string{name + `"v=spf1 -all"`}, NotFound, dnsx.OK, nil, nil, "", nil},
		{"look-alike alone", "b.example", []string{name + `"v=STSv1"`}, NotFound, dnsx.OK, nil, []string{"version-value v=STSv1"}, "", nil},
		{"no text", "b.example", []string{"_mta-sts.b.example. A 192.0.2.1"}, NotFound, dnsx.NoData, nil, nil, "", nil},
		{"no name", "b.example", []string{`b.example. TXT "x"`}, NotFound, dnsx.NXDomain, nil, nil, "", nil},
		{"not a name", "b..example", nil, CannotTell, dnsx.Failed, nil, nil, "", nil},
		{"empty", "", nil, CannotTell, dnsx.Failed, nil, nil, "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := Lookup(t.Context(), zone(t, tt.zone...), tt.domain)
			var near []string
			for _, n := range r.Near {
				near = append(near, fmt.Sprintf("%s %s", n.Fault.Reason, n.Text))
			}
			if r.Outcome != tt.want || r.Status != tt.status || r.Download != nil || r.Policy != nil {
				t.Errorf("got %s and %s, want %s and %s: %+v", r.Outcome, r.Status, tt.want, tt.status, r)
			}
			if diff := cmp.Diff([][]string{tt.texts, tt.near, tt.chain}, [][]string{texts(r.Texts), near, r.Chain}); diff != "" {
				t.Errorf("texts, look-alikes, chain; -want +got:\n%s", diff)
			}
			if (r.Record != nil) != (tt.want == Found) || r.Record != nil && r.Record.ID != tt.id {
				t.Errorf("record %+v, want id %q", r.Record, tt.id)
			}
			roundTrip(t, r)
		})
	}
}

func TestLookupWithoutAnswer(t *testing.T) {
	for s, want := range map[dnsx.Status]Outcome{
		dnsx.ServFail: CannotTell, dnsx.Refused: CannotTell, dnsx.Timeout: CannotTell, dnsx.Failed: CannotTell,
		dnsx.NoData: NotFound, dnsx.NXDomain: NotFound,
	} {
		t.Run(string(s), func(t *testing.T) {
			r := Lookup(t.Context(), status(s), "b.example")
			_, known := r.Effective()
			if r.Outcome != want || r.Status != s || known != (want == NotFound) {
				t.Errorf("got %s and %s, known %v; want %s", r.Outcome, r.Status, known, want)
			}
		})
	}
}

func TestLongestDomain(t *testing.T) {
	const most = 253 - len(prefix)
	for n, want := range map[int]dnsx.Status{most: dnsx.NoData, most + 1: dnsx.NXDomain} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			domain := strings.Repeat("aaaaaaa.", (n-1)/8)
			domain += strings.Repeat("a", n-len(domain))
			r := Lookup(t.Context(), status(dnsx.NoData), domain)
			if len(domain) != n || r.Status != want || r.Outcome != NotFound || (r.Asked == "") != (want == dnsx.NXDomain) {
				t.Errorf("%d octets: %+v", len(domain), r)
			}
		})
	}
}

func TestURL(t *testing.T) {
	long := strings.Repeat("aaaa.", 48) + "aaaa" // 245 octets with one more are the most
	for domain, want := range map[string]string{
		"example.com":  "https://mta-sts.example.com/.well-known/mta-sts.txt",
		"Example.COM.": "https://mta-sts.example.com/.well-known/mta-sts.txt",
		"a/b":          "",
		"a b":          "",
		"":             "",
		"a" + long:     "https://mta-sts.a" + long + "/.well-known/mta-sts.txt",
		"aa" + long:    "",
	} {
		t.Run(domain, func(t *testing.T) {
			if got := URL(domain); got != want {
				t.Errorf("URL(%q) = %q, want %q", domain, got, want)
			}
		})
	}
}

func TestDiscover(t *testing.T) {
	const policy = "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 1\n"
	const url = "https://mta-sts.b.example/.well-known/mta-sts.txt"
	record := []string{`_mta-sts.b.example. TXT "v=STSv1; id=1"`}
	file := func(body string) Fetched {
		return Fetched{Outcome: FetchOK, Known: true, Status: 200, ContentType: "text/plain", Body: []byte(body)}
	}
	ok := Download{URL: url, Outcome: FetchOK, Known: true, Status: 200, ContentType: "text/plain"}
	skipped := Download{URL: url, Outcome: FetchSkipped}
	for _, tt := range []struct {
		name  string
		dns   dnsx.Resolver
		fetch Fetched
		want  Download
		valid bool
		mode  Mode
		known bool
	}{
		{"record and policy", zone(t, record...), file(policy), ok, true, Enforce, true},
		{"testing", zone(t, record...), file(strings.Replace(policy, "enforce", "testing", 1)), ok, true, Testing, true},
		{"none", zone(t, record...), file(strings.Replace(policy, "enforce", "none", 1)), ok, true, None, true},
		{"broken policy", zone(t, record...), file("hello"), ok, false, "", true},
		{"empty policy", zone(t, record...), file(""), ok, false, "", true},
		{"policy too large", zone(t, record...), file(strings.Repeat("x", MaxPolicy+1)), ok, false, "", true},
		{"policy with too many lines", zone(t, record...), file(strings.Repeat("\n", MaxLines) + policy), ok, false, "", false},
		{"fetched, so it is known", zone(t, record...), Fetched{Outcome: FetchOK, Status: 200, Body: []byte(policy)},
			Download{URL: url, Outcome: FetchOK, Known: true, Status: 200}, true, Enforce, true},
		{"not there", zone(t, record...), Fetched{Outcome: "http-status", Known: true, Status: 404, ContentType: "text/html"},
			Download{URL: url, Outcome: "http-status", Known: true, Status: 404, ContentType: "text/html"}, false, "", true},
		{"body of another outcome is not read", zone(t, record...), Fetched{Outcome: "redirect", Known: true, Status: 301, Body: []byte(policy)},
			Download{URL: url, Outcome: "redirect", Known: true, Status: 301}, false, "", true},
		{"no answer from the web server", zone(t, record...), Fetched{Outcome: "timeout"}, Download{URL: url, Outcome: "timeout"}, false, "", false},
		{"void record", zone(t, `_mta-sts.b.example. TXT "v=STSv1;"`), file(policy), ok, true, "", true},
		{"no record", zone(t, `b.example. TXT "x"`), file(policy), skipped, false, "", true},
		{"look-alike", zone(t, `_mta-sts.b.example. TXT "v=STSv1"`), file(policy), skipped, false, "", true},
		{"two records", zone(t, record[0], `_mta-sts.b.example. TXT "v=STSv1; id=2"`), file(policy), skipped, false, "", true},
		{"no answer from the DNS", status(dnsx.Timeout), file(policy), skipped, false, "", false},
		{"long content type", zone(t, record...), Fetched{Outcome: "http-status", Known: true, ContentType: strings.Repeat("x", MaxValue+1)},
			Download{URL: url, Outcome: "http-status", Known: true, ContentType: taglist.Octets(strings.Repeat("x", MaxValue))}, false, "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			asked := 0
			fetch := func(_ context.Context, got string, limit int) Fetched {
				if asked++; got != url || limit != MaxPolicy {
					t.Errorf("fetched %q with limit %d", got, limit)
				}
				return tt.fetch
			}
			r := Discover(t.Context(), tt.dns, fetch, "b.example")
			if diff := cmp.Diff(&tt.want, r.Download); diff != "" {
				t.Errorf("download, -want +got:\n%s", diff)
			}
			if (asked == 1) != (tt.want.Outcome != FetchSkipped) {
				t.Errorf("fetched %d times", asked)
			}
			if (r.Policy != nil) != (tt.want.Outcome == FetchOK) || r.Policy != nil && r.Policy.Valid != tt.valid {
				t.Errorf("policy %+v, want valid %v", r.Policy, tt.valid)
			}
			if mode, known := r.Effective(); mode != tt.mode || known != tt.known {
				t.Errorf("effective %q, known %v; want %q, %v", mode, known, tt.mode, tt.known)
			}
			roundTrip(t, r)
		})
	}
}

func TestDiscoverBadDomain(t *testing.T) {
	r := Discover(t.Context(), status(dnsx.OK), func(context.Context, string, int) Fetched {
		t.Error("fetched")
		return Fetched{}
	}, "a b.example")
	want := &Result{Domain: "a b.example", Outcome: CannotTell, Status: dnsx.Failed, Reason: dnsx.ReasonName, Download: &Download{Outcome: FetchSkipped}}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestPlainText(t *testing.T) {
	for in, want := range map[taglist.Octets]bool{
		"text/plain": true, "Text/Plain; charset=utf-8": true, "text/plain ;x": true, "text/html": false, "text/plainer": false, "": false,
	} {
		t.Run(string(in), func(t *testing.T) {
			if got := (&Download{ContentType: in}).PlainText(); got != want {
				t.Errorf("%q: %v, want %v", in, got, want)
			}
		})
	}
}
