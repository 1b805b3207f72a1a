package dnsbl

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"maildoctor/check/dnsx"
	"maildoctor/check/taglist"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// world returns a client whose DNS is the given zone file; names are absolute.
func world(t testing.TB, lines ...string) *dnsx.Client {
	t.Helper()
	zone, err := dnsx.ParseZone(strings.NewReader(strings.Join(lines, "\n")+"\n"), "world")
	if err != nil {
		t.Fatal(err)
	}
	return dnsx.New(zone, dnsx.Options{})
}

// healthy returns the entries of a list that the RFC demands, and those given as
// "label answer".
func healthy(l List, entries ...string) []string {
	listed, _ := l.testPoints(netip.Addr{})
	points := []string{test4 + " 127.0.0.2"}
	if l.Kind == Domain {
		points = []string{listed + " 127.0.0.254"}
	} else if l.IPv6 {
		points = append(points, test6+" 127.0.0.2")
	}
	var lines []string
	for _, e := range append(points, entries...) {
		label, answer, _ := strings.Cut(e, " ")
		lines = append(lines, fmt.Sprintf("%s.%s. A %s", label, l.Zone, answer))
	}
	return lines
}

// one asks one list.
func one(t testing.TB, r dnsx.Resolver, s Subject, l List) Opinion {
	t.Helper()
	res := Check(t.Context(), r, s, []List{l})
	if len(res.Lists) != 1 {
		t.Fatalf("got %d opinions, want 1", len(res.Lists))
	}
	return res.Lists[0]
}

// brief writes down an opinion: verdict, reason, meanings.
func brief(o Opinion) string {
	out := string(o.Verdict)
	if o.Reason != "" {
		out += " " + string(o.Reason)
	}
	for _, h := range o.Hits {
		out += " " + string(h.Meaning)
	}
	return out
}

var (
	sender  = Address(netip.MustParseAddr("192.0.2.99"))
	sender6 = Address(netip.MustParseAddr("2001:db8::1"))
	site    = DomainName("example.com")
)

const (
	senderLabel = "99.2.0.192"
	siteLabel   = "example.com"
)

func TestCheckAddress(t *testing.T) {
	zen := mustFind(t, "zen.spamhaus.org")
	point, not := test4+".zen.spamhaus.org.", not4+".zen.spamhaus.org."
	self := senderLabel + ".zen.spamhaus.org."
	for _, tt := range []struct {
		name string
		zone []string
		want string
	}{
		{"not listed", healthy(zen), "not-listed"},
		{"listed, SBL", healthy(zen, senderLabel+" 127.0.0.2"), "listed spam-source"},
		{"listed, CSS", healthy(zen, senderLabel+" 127.0.0.3"), "listed snowshoe"},
		{"listed, XBL", healthy(zen, senderLabel+" 127.0.0.4"), "listed compromised-host"},
		{"listed, PBL", healthy(zen, senderLabel+" 127.0.0.11"), "listed policy-range"},
		{"several codes", healthy(zen, senderLabel+" 127.0.0.10", senderLabel+" 127.0.0.4", senderLabel+" 127.0.0.2"), "listed spam-source compromised-host policy-range"},
		{"a code without a meaning beside one with", healthy(zen, senderLabel+" 127.0.0.77", senderLabel+" 127.0.0.4"), "listed compromised-host"},
		{"a code without a meaning", healthy(zen, senderLabel+" 127.0.0.77"), "unknown unknown-code"},
		{"127.0.0.1", healthy(zen, senderLabel+" 127.0.0.1"), "unknown unknown-code"},
		{"another name exists", healthy(zen, "98.2.0.192 127.0.0.2"), "not-listed"},

		{"refused, zone name", []string{"*.zen.spamhaus.org. A 127.255.255.252"}, "refused wrong-zone"},
		{"refused, public resolver", []string{"*.zen.spamhaus.org. A 127.255.255.254"}, "refused public-resolver"},
		{"refused, volume", []string{"*.zen.spamhaus.org. A 127.255.255.255"}, "refused too-many-queries"},
		{"refused, another error", []string{"*.zen.spamhaus.org. A 127.255.255.7"}, "refused query-refused"},
		{"refused for the subject alone", healthy(zen, senderLabel+" 127.255.255.254"), "refused public-resolver"},
		{"refused beside a code", healthy(zen, senderLabel+" 127.0.0.2", senderLabel+" 127.255.255.254"), "refused public-resolver"},
		{"refused for a test point alone", []string{self + " A 127.0.0.2", point + " A 127.255.255.255"}, "refused too-many-queries"},

		{"lists everything", []string{"*.zen.spamhaus.org. A 127.0.0.2"}, "broken lists-everything"},
		{"lists everything, with a code without a meaning", []string{"*.zen.spamhaus.org. A 127.0.0.77"}, "broken lists-everything"},
		{"lists 127.0.0.1", append(healthy(zen, senderLabel+" 127.0.0.2"), not+" A 127.0.0.2"), "broken lists-everything"},
		{"dead", []string{"example.net. A 192.0.2.1"}, "broken test-not-listed"},
		{"lists the subject, not its test point", []string{self + " A 127.0.0.2"}, "broken test-not-listed"},
		{"test point without addresses", []string{point + ` TXT "gone"`, self + " A 127.0.0.2"}, "broken test-not-listed"},

		{"parked", []string{"*.zen.spamhaus.org. A 203.0.113.7"}, "unknown outside-127"},
		{"parked, subject alone", healthy(zen, senderLabel+" 203.0.113.7"), "unknown outside-127"},
		{"an address outside beside a code", healthy(zen, senderLabel+" 127.0.0.2", senderLabel+" 203.0.113.7"), "unknown outside-127"},
		{"126.255.255.255", healthy(zen, senderLabel+" 126.255.255.255"), "unknown outside-127"},
		{"128.0.0.0", healthy(zen, senderLabel+" 128.0.0.0"), "unknown outside-127"},

		{"no answer about the subject", append(healthy(zen), ";! timeout "+self+" A"), "unknown no-answer"},
		{"SERVFAIL", append(healthy(zen), ";! servfail "+self+" A"), "unknown no-answer"},
		{"REFUSED", append(healthy(zen), ";! refused "+self+" A"), "unknown no-answer"},
		{"no answer to a test point", append(healthy(zen, senderLabel+" 127.0.0.2"), ";! timeout "+not+" A"), "unknown no-answer"},
		{"no answer to the other", []string{self + " A 127.0.0.2", ";! servfail " + point + " A"}, "unknown no-answer"},
		{"no answer to anything", []string{";! timeout zen.spamhaus.org."}, "unknown no-answer"},
		{"budget", []string{";! budget zen.spamhaus.org."}, "unknown no-answer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := brief(one(t, world(t, tt.zone...), sender, zen)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// Every list that is asked by default: healthy, listing with each of its codes,
// refusing with each of its errors, answering everything, empty, silent.
func TestCheckDefaultLists(t *testing.T) {
	for _, l := range slices.Concat(Default(), AllowLists()) {
		subject, label := sender, senderLabel
		if l.Kind == Domain {
			subject, label = site, siteLabel
		}
		rows := map[string]struct {
			zone []string
			want string
		}{
			"healthy": {healthy(l), "not-listed"},
			"dead":    {[]string{"example.net. A 192.0.2.1"}, "broken test-not-listed"},
			"parked":  {[]string{"*." + l.Zone + ". A 203.0.113.7"}, "unknown outside-127"},
			"silent":  {[]string{";! timeout " + l.Zone + "."}, "unknown no-answer"},
			"all":     {[]string{"*." + l.Zone + ". A 127.0.0.4"}, "broken lists-everything"},
		}
		for _, c := range l.Codes {
			answer := first(c.Answer)
			rows["code "+answer] = struct {
				zone []string
				want string
			}{healthy(l, label+" "+answer), "listed " + string(c.Meaning)}
		}
		for _, e := range l.Errors {
			answer := first(e.Answer)
			rows["error "+answer] = struct {
				zone []string
				want string
			}{[]string{"*." + l.Zone + ". A " + answer}, "refused " + string(e.Reason)}
		}
		for name, row := range rows {
			t.Run(l.Zone+" "+name, func(t *testing.T) {
				o := one(t, world(t, row.zone...), subject, l)
				if got := brief(o); got != row.want {
					t.Errorf("got %q, want %q", got, row.want)
				}
				if o.Allow != l.Allow || o.Name != l.Name || o.State != Alive {
					t.Errorf("got %+v", o)
				}
			})
		}
	}
}

// first returns the lowest answer that has a code.
func first(code string) string {
	var octets []string
	for part := range strings.SplitSeq(code, ".") {
		part, _, _ = strings.Cut(part, ",")
		part, _, _ = strings.Cut(part, "-")
		octets = append(octets, part)
	}
	return strings.Join(octets, ".")
}

func TestCheckOtherKinds(t *testing.T) {
	custom, _ := Custom("bl.example.net")
	psbl, barracuda, dqs := mustFind(t, "psbl.surriel.com"), mustFind(t, "b.barracudacentral.org"), mustFind(t, "k1.zen.dq.spamhaus.net")
	at := func(zone string, entries ...string) (lines []string) {
		for _, e := range entries {
			label, answer, _ := strings.Cut(e, " ")
			lines = append(lines, label+"."+zone+". A "+answer)
		}
		return lines
	}
	const own = "bl.example.net"
	for _, tt := range []struct {
		name    string
		list    List
		subject Subject
		zone    []string
		want    string
	}{
		{"IPv6, not listed", psbl, sender6, healthy(psbl), "not-listed"},
		{"IPv6, listed", psbl, sender6, healthy(psbl, reversed(sender6.addr)+" 127.0.0.2"), "listed spam-trap"},
		{"IPv6, list of IPv4 addresses only", psbl, sender6, at(psbl.Zone, test4+" 127.0.0.2"), "not-applicable no-ipv6"},
		{"IPv6, dead list", psbl, sender6, at("example.org", "a 192.0.2.1"), "broken test-not-listed"},
		{"IPv6, point of IPv4 refused", psbl, sender6, at(psbl.Zone, test4+" 127.255.255.254"), "refused query-refused"},
		{"IPv6, point of IPv4 elsewhere", psbl, sender6, at(psbl.Zone, test4+" 203.0.113.7"), "unknown outside-127"},
		{"IPv6, point of IPv4 without an answer", psbl, sender6, []string{";! timeout " + test4 + "." + psbl.Zone + ". A"}, "unknown no-answer"},
		{"IPv6, lists everything", psbl, sender6, at(psbl.Zone, "* 127.0.0.2"), "broken lists-everything"},

		{"registration, resolver unknown", barracuda, sender, at("example.org", "a 192.0.2.1"), "unknown not-registered"},
		{"registration, healthy", barracuda, sender, healthy(barracuda), "not-listed"},

		{"key", dqs, sender, at("k1.zen.dq.spamhaus.net", test4+" 127.0.0.2", senderLabel+" 127.0.0.4"), "listed compromised-host"},

		{"the user's, any code", custom, sender, at(own, test4+" 127.0.0.2", senderLabel+" 127.0.0.99"), "listed listed"},
		{"the user's, not listed", custom, sender, at(own, test4+" 127.0.0.2"), "not-listed"},
		{"the user's, 127.0.0.1", custom, sender, at(own, test4+" 127.0.0.2", senderLabel+" 127.0.0.1"), "unknown unknown-code"},
		{"the user's, an error", custom, sender, at(own, "* 127.255.255.254"), "refused query-refused"},
		{"the user's, domain", custom, site, at(own, "TEST 127.0.0.2", siteLabel+" 127.0.0.2"), "listed listed"},
		{"the user's, domain on a list of addresses", custom, site, at(own, test4+" 127.0.0.2"), "not-applicable other-kind"},
		{"the user's, address on a list of domains", custom, sender, at(own, "TEST 127.0.0.2"), "not-applicable other-kind"},
		{"the user's, IPv6 on a list of IPv4 addresses", custom, sender6, at(own, test4+" 127.0.0.2"), "not-applicable no-ipv6"},
		{"the user's, IPv6 on a list of domains", custom, sender6, at(own, "TEST 127.0.0.2"), "not-applicable no-ipv6"},
		{"the user's, dead", custom, sender, at("example.org", "a 192.0.2.1"), "broken test-not-listed"},
		{"the user's, lists everything", custom, site, at(own, "* 127.0.0.2"), "broken lists-everything"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			client := world(t, tt.zone...)
			if got := brief(one(t, client, tt.subject, tt.list)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if n := client.Questions(); n > MaxQuestionsPerList {
				t.Errorf("%d questions, want at most %d", n, MaxQuestionsPerList)
			}
		})
	}
}

func TestOpinion(t *testing.T) {
	zen, dqs, dead := mustFind(t, "zen.spamhaus.org"), mustFind(t, "k1.zen.dq.spamhaus.net"), mustFind(t, "dnsbl.sorbs.net")
	lines := append(healthy(zen, senderLabel+" 127.0.0.4", senderLabel+" 127.0.0.10", senderLabel+" 127.0.0.77"),
		senderLabel+`.zen.spamhaus.org. TXT "https://check.example/\255" "?ip"`,
		senderLabel+`.zen.spamhaus.org. TXT "another"`,
		";! servfail "+test4+".k1.zen.dq.spamhaus.net. A")
	got := Check(t.Context(), world(t, lines...), sender, []List{dqs, zen, dead, zen})
	answer := func(s string) netip.Addr { return netip.MustParseAddr(s) }
	want := &Result{
		Subject: "192.0.2.99", Kind: IP,
		Lists: []Opinion{
			{Zone: "sorbs.net", Name: "SORBS", State: Dead, Verdict: NotAsked, Reason: ReasonDead},
			{Zone: "zen.dq.spamhaus.net", Name: "Spamhaus ZEN (DQS)", State: Keyed, Verdict: Unknown, Reason: ReasonNoAnswer,
				Asked: "2.0.0.127.key.zen.dq.spamhaus.net", Status: dnsx.ServFail},
			{Zone: "zen.spamhaus.org", Name: "Spamhaus ZEN", State: Alive, Verdict: Listed,
				Asked: "99.2.0.192.zen.spamhaus.org", Status: dnsx.OK,
				Answers: []netip.Addr{answer("127.0.0.4"), answer("127.0.0.10"), answer("127.0.0.77")},
				Hits: []Hit{
					{Answer: answer("127.0.0.4"), List: "XBL", Meaning: CompromisedHost, Severity: Critical},
					{Answer: answer("127.0.0.10"), List: "PBL", Meaning: PolicyRange, Severity: High},
				},
				Texts: []taglist.Octets{"another", "https://check.example/\xff?ip"}},
		},
	}
	if diff := cmp.Diff(want, got, compareAddr); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if s := got.Lists[2].Severity(); s != Critical {
		t.Errorf("severity: got %q, want %q", s, Critical)
	}
	if s := got.Lists[0].Severity(); s != "" {
		t.Errorf("severity of none: got %q", s)
	}

	data, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data), "k1") {
		t.Errorf("the key is in the facts: %s", data)
	}
	var back *Result
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, back, compareAddr); diff != "" {
		t.Errorf("lost on the way through JSON:\n%s", diff)
	}
}

func TestSubjects(t *testing.T) {
	for _, tt := range []struct {
		subject Subject
		text    string
		kind    Kind
	}{
		{Address(netip.MustParseAddr("::ffff:192.0.2.1")), "192.0.2.1", IP},
		{Address(netip.MustParseAddr("2001:DB8::1%eth0")), "2001:db8::1", IP},
		{DomainName("Example.COM."), "example.com", Domain},
		{Subject{}, "", ""},
	} {
		res := Check(t.Context(), world(t), tt.subject, append(Default(), mustFind(t, "k1.combined.mail.abusix.zone")))
		if res.Subject != tt.text || res.Kind != tt.kind {
			t.Errorf("got %q, %q; want %q, %q", res.Subject, res.Kind, tt.text, tt.kind)
		}
	}
}

func TestCheckLists(t *testing.T) {
	lists := func(n int) (out []List) {
		for i := range n {
			l, _ := Custom(fmt.Sprintf("bl%03d.example.net", 900-i))
			out = append(out, l, l)
		}
		return out
	}
	for _, tt := range []struct{ given, kept, cut int }{{0, 0, 0}, {1, 1, 0}, {MaxLists, MaxLists, 0}, {MaxLists + 1, MaxLists, 2}} {
		given := lists(tt.given)
		before := slices.Clone(given)
		res := Check(t.Context(), world(t), sender, given)
		if len(res.Lists) != tt.kept || res.Cut != tt.cut {
			t.Errorf("%d lists: got %d, cut %d; want %d, cut %d", tt.given, len(res.Lists), res.Cut, tt.kept, tt.cut)
		}
		if len(res.Lists) > 0 && res.Lists[len(res.Lists)-1].Zone != "bl900.example.net" {
			t.Errorf("%d lists: the first is missing", tt.given)
		}
		if !slices.IsSortedFunc(res.Lists, func(a, b Opinion) int { return strings.Compare(a.Zone, b.Zone) }) {
			t.Errorf("%d lists: not sorted", tt.given)
		}
		if !slices.EqualFunc(given, before, func(a, b List) bool { return compare(a, b) == 0 }) {
			t.Errorf("%d lists: the caller's slice was changed", tt.given)
		}
	}
}

func TestQuestions(t *testing.T) {
	var lines []string
	for _, l := range Default() {
		lines = append(lines, healthy(l)...)
	}
	client := world(t, append(lines, senderLabel+".bl.spamcop.net. A 127.0.0.2")...)
	ask := func(s Subject) int {
		before := client.Questions()
		Check(t.Context(), client, s, Default())
		return client.Questions() - before
	}
	for _, tt := range []struct {
		name    string
		subject Subject
		want    int
	}{
		{"four lists, one listing", sender, 4*QuestionsPerList + 1},
		{"the same again", sender, 0},
		{"test points are known", Address(netip.MustParseAddr("192.0.2.100")), 4},
		{"IPv6, two lists", sender6, 2 * QuestionsPerList},
		{"three lists of domains", site, 3 * QuestionsPerList},
		{"private address", Address(netip.MustParseAddr("10.0.0.1")), 0},
	} {
		if got := ask(tt.subject); got != tt.want {
			t.Errorf("%s: got %d questions, want %d", tt.name, got, tt.want)
		}
	}
}

// An address never goes to a list of domains, nor a domain to one of addresses,
// whatever the caller mixes.
func TestKindsStayApart(t *testing.T) {
	var asked atomic.Int32
	r := resolver(func(string, uint16) dnsx.Answer {
		asked.Add(1)
		return dnsx.Answer{Status: dnsx.NXDomain}
	})
	for _, s := range []Subject{sender, sender6, DomainName("192.0.2.99"), DomainName("99.2.0.192"), DomainName("2001:db8::1")} {
		Check(t.Context(), r, s, domainLists)
	}
	for _, l := range addressLists {
		if l.Kind == IP {
			Check(t.Context(), r, site, []List{l})
		}
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("%d questions, want none", n)
	}
}

// Lists do not weigh the same.
func TestSeverities(t *testing.T) {
	for zone, want := range map[string]Severity{
		"zen.spamhaus.org": Critical, "bl.spamcop.net": Medium, "psbl.surriel.com": Low, "dnsbl-1.uceprotect.net": Low,
	} {
		l := mustFind(t, zone)
		o := one(t, world(t, healthy(l, senderLabel+" 127.0.0.2")...), sender, l)
		if o.Verdict != Listed || o.Severity() != want {
			t.Errorf("%s: got %s, %s; want %s", zone, o.Verdict, o.Severity(), want)
		}
	}
}

// What is not to be asked is not asked, even if it is named.
func TestUnaskedListsAreNotAsked(t *testing.T) {
	r := resolver(func(name string, _ uint16) dnsx.Answer {
		t.Errorf("asked for %s", name)
		return dnsx.Answer{Status: dnsx.NXDomain}
	})
	for _, s := range []Subject{sender, sender6, site} {
		for _, o := range Check(t.Context(), r, s, unasked).Lists {
			if o.Verdict != NotAsked && o.Verdict != NotApplicable || o.Reason == "" {
				t.Errorf("%s: got %q", o.Zone, brief(o))
			}
		}
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, o := range Check(ctx, world(t), sender, Default()).Lists {
		if o.Verdict != Unknown && o.Verdict != NotApplicable {
			t.Errorf("%s: got %q", o.Zone, brief(o))
		}
	}
}

type resolver func(name string, qtype uint16) dnsx.Answer

func (r resolver) Lookup(_ context.Context, name string, qtype uint16) dnsx.Answer {
	a := r(name, qtype)
	a.Name, a.Type = name, qtype
	return a
}

// answers returns n different codes as an answer.
func answers(n int) dnsx.Answer {
	a := dnsx.Answer{Status: dnsx.OK}
	for i := range n {
		a.Records = append(a.Records, &dns.A{A: []byte{127, 0, 1, byte(i)}})
	}
	return a
}

func TestLimits(t *testing.T) {
	custom, _ := Custom("bl.example.net")
	surbl := mustFind(t, "multi.surbl.org")
	full := dnsx.Answer{Status: dnsx.OK}
	for i := range 64 {
		full.Records = append(full.Records, &dns.A{A: []byte{127, 0, 0, byte(4 * i)}})
	}
	for _, tt := range []struct {
		name            string
		list            List
		answer          dnsx.Answer
		kept, cut, hits int
	}{
		{"answers at the limit", custom, answers(MaxAnswers), MaxAnswers, 0, MaxAnswers},
		{"one more", custom, answers(MaxAnswers + 1), MaxAnswers, 1, MaxAnswers + 1},
		{"hits at the limit", custom, answers(MaxHits), MaxAnswers, MaxHits - MaxAnswers, MaxHits},
		{"one more hit", custom, answers(MaxHits + 1), MaxAnswers, MaxHits + 1 - MaxAnswers, MaxHits},
		{"many bits", surbl, full, MaxAnswers, 64 - MaxAnswers, MaxHits},
		{"no address in the answer", custom, dnsx.Answer{Status: dnsx.OK}, 0, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := (&tt.list).read(tt.answer)
			if len(x.addrs) != tt.kept || x.cut != tt.cut || len(x.hits) != tt.hits {
				t.Errorf("got %d kept, %d cut, %d hits; want %d, %d, %d", len(x.addrs), x.cut, len(x.hits), tt.kept, tt.cut, tt.hits)
			}
		})
	}
}

func TestTexts(t *testing.T) {
	txt := func(parts ...string) (a dnsx.Answer) {
		for _, p := range parts {
			a.Records = append(a.Records, &dns.TXT{Txt: []string{p}})
		}
		return a
	}
	for _, tt := range []struct {
		name   string
		answer dnsx.Answer
		want   []taglist.Octets
	}{
		{"none", dnsx.Answer{Status: dnsx.Timeout}, nil},
		{"empty ones and doubles", txt("b", "", "a", "b"), []taglist.Octets{"a", "b"}},
		{"at the limit", txt("a", "b", "c", "d"), []taglist.Octets{"a", "b", "c", "d"}},
		{"one more", txt("a", "b", "c", "d", "e"), []taglist.Octets{"a", "b", "c", "d"}},
		{"octets at the limit", txt(strings.Repeat("x", MaxText)), []taglist.Octets{taglist.Octets(strings.Repeat("x", MaxText))}},
		{"one octet more", txt(strings.Repeat("x", MaxText+1)), []taglist.Octets{taglist.Octets(strings.Repeat("x", MaxText))}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, texts(tt.answer)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// Whatever three answers come, a listing needs test points that are right and a
// code that the list documents, and the facts survive JSON.
func FuzzJudge(f *testing.F) {
	f.Add([]byte("\x7f\x00\x00\x02"), []byte("\x7f\x00\x00\x02"), []byte(""), 0)
	f.Add([]byte("\x7f\x00\x00\x02\x7f\xff\xff\xfe"), []byte("\x7f\x00\x00\x02"), []byte("\x01"), 1)
	f.Add([]byte("\xc0\x00\x02\x01"), []byte(""), []byte("\x7f\x00\x00\x01"), 2)
	lists := all()
	custom, _ := Custom("bl.example.net")
	lists = append(lists, custom)
	answer := func(raw []byte) dnsx.Answer {
		statuses := []dnsx.Status{dnsx.NXDomain, dnsx.Timeout, dnsx.ServFail, dnsx.NoData}
		if len(raw) < 4 {
			return dnsx.Answer{Name: "x.example", Status: statuses[len(raw)]}
		}
		a := dnsx.Answer{Name: "x.example", Status: dnsx.OK}
		for o := range slices.Chunk(raw[:min(len(raw)/4*4, 4*dnsx.MaxRecords)], 4) {
			a.Records = append(a.Records, &dns.A{A: o})
		}
		return a
	}
	f.Fuzz(func(t *testing.T, subject, listed, notListed []byte, i int) {
		l := lists[uint(i)%uint(len(lists))]
		s, in, out := answer(subject), answer(listed), answer(notListed)
		var o Opinion
		l.judge(&o, s, in, out)
		if o.Verdict == Listed {
			if !out.Status.Absent() || in.Status != dnsx.OK || s.Status != dnsx.OK || len(o.Hits) == 0 {
				t.Errorf("listed on %v, %v, %v", s, in, out)
			}
			for _, a := range append(s.Addrs(), in.Addrs()...) {
				if !loopback.Contains(a) || a.As4()[1] == 255 && a.As4()[2] == 255 {
					t.Errorf("listed with %s", a)
				}
			}
		}
		if o.Verdict == NotListed && !(s.Status.Absent() && out.Status.Absent() && in.Status == dnsx.OK) {
			t.Errorf("not listed on %v, %v, %v", s, in, out)
		}
		if o.Verdict == "" || (o.Reason == "") != (o.Verdict == Listed || o.Verdict == NotListed) || len(o.Hits) > MaxHits || len(o.Answers) > MaxAnswers {
			t.Errorf("got %+v", o)
		}
		data, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		var back Opinion
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(o, back, compareAddr); diff != "" {
			t.Errorf("lost on the way through JSON:\n%s", diff)
		}
	})
}
