package dkim

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"maildoctor/check/dnsx"
)

// world answers for the names in it; any other name does not exist. A name
// that begins with "*." answers for all names below it.
type world struct {
	answers map[string]dnsx.Answer

	mu    sync.Mutex
	asked []string
}

func (w *world) Lookup(_ context.Context, name string, qtype uint16) dnsx.Answer {
	w.mu.Lock()
	w.asked = append(w.asked, name)
	w.mu.Unlock()
	a, ok := w.answers[name]
	if _, parent, _ := strings.Cut(name, "."); !ok {
		a, ok = w.answers["*."+parent]
	}
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
	place = "._domainkey.example.com"
	// edKey is a key that works.
	edKey = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
)

func TestLookup(t *testing.T) {
	cname := func(a dnsx.Answer) dnsx.Answer {
		a.Chain = []string{"key.example.net"}
		return a
	}
	for _, tt := range []struct {
		name     string
		selector string
		answer   dnsx.Answer
		status   dnsx.Status
		hasKey   bool
		working  bool
		dangling bool
	}{
		{"key", "s", txt(edKey), dnsx.OK, true, true, false},
		{"key behind an alias", "s", cname(txt(edKey)), dnsx.OK, true, true, false},
		{"dots in the selector", "a.b", txt(edKey), dnsx.OK, true, true, false},
		{"upper case", "S", txt(edKey), dnsx.OK, true, true, false},
		{"two records", "s", txt("v=DKIM1; p=", edKey), dnsx.OK, true, true, false},
		{"records are not glued together", "s", txt("v=DKIM1; k=ed25519;", "p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="), dnsx.OK, true, false, false},
		{"revoked", "s", txt("v=DKIM1; p="), dnsx.OK, true, false, false},
		{"something else", "s", txt("v=spf1 -all"), dnsx.OK, false, false, false},
		{"nothing", "s", dnsx.Answer{Status: dnsx.NXDomain}, dnsx.NXDomain, false, false, false},
		{"alias to nothing", "s", cname(dnsx.Answer{Status: dnsx.NXDomain}), dnsx.NXDomain, false, false, true},
		{"alias to no TXT", "s", cname(dnsx.Answer{Status: dnsx.NoData}), dnsx.NoData, false, false, true},
		{"alias, then no answer", "s", cname(dnsx.Answer{Status: dnsx.ServFail}), dnsx.ServFail, false, false, false},
		{"no answer", "s", dnsx.Answer{Status: dnsx.Timeout}, dnsx.Timeout, false, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			asked := strings.ToLower(tt.selector) + place
			w := &world{answers: map[string]dnsx.Answer{asked: tt.answer}}
			s := Lookup(t.Context(), w, "EXAMPLE.com.", tt.selector)
			if string(s.Name) != tt.selector || s.Asked != asked || s.Status != tt.status {
				t.Errorf("got %q at %q: %s; want %q at %q: %s", s.Name, s.Asked, s.Status, tt.selector, asked, tt.status)
			}
			if got := s.HasKey(); got != tt.hasKey {
				t.Errorf("has a key: %v, want %v", got, tt.hasKey)
			}
			if got := s.Working(); got != tt.working {
				t.Errorf("working: %v, want %v", got, tt.working)
			}
			if got := s.Dangling(); got != tt.dangling {
				t.Errorf("dangling: %v, want %v", got, tt.dangling)
			}
			b, err := json.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			var back Selector
			if err := json.Unmarshal(b, &back); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(s, back); diff != "" {
				t.Errorf("JSON round trip, -want +got:\n%s", diff)
			}
		})
	}
}

func TestNames(t *testing.T) {
	const tail = "._domainkey.example.com"
	// long returns a selector that makes a name of n octets.
	long := func(n int) string {
		s := strings.Repeat(strings.Repeat("a", 49)+".", 5)
		return s[:n-len(tail)-1] + "a"
	}
	for _, tt := range []struct {
		name     string
		selector string
		want     bool
	}{
		{"label of 63 octets", strings.Repeat("a", 63), true},
		{"label of 64", strings.Repeat("a", 64), false},
		{"name of 253 octets", long(253), true},
		{"name of 254", long(254), false},
		{"empty", "", false},
		{"empty label", "a..b", false},
		{"final dot", "a.", false},
		{"underscore and hyphen", "aweber_key-a", true},
		{"blank", "a b", false},
		{"backslash", `a\.b`, false},
		{"octet", "a\xffb", false},
		{"line break", "a\nb", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := &world{}
			s := Lookup(t.Context(), w, "example.com", tt.selector)
			if got := len(w.asked) == 1; got != tt.want {
				t.Errorf("asked %q: %v, want %v", s.Asked, got, tt.want)
			}
			if string(s.Name) != tt.selector || (s.Asked != "") != tt.want {
				t.Errorf("selector %q at %q", s.Name, s.Asked)
			}
			if !tt.want && (s.Status != dnsx.Failed || s.Reason != dnsx.ReasonName) {
				t.Errorf("status %s %s, want %s %s", s.Status, s.Reason, dnsx.Failed, dnsx.ReasonName)
			}
		})
	}
}

func names(selectors []Selector) []string {
	var list []string
	for _, s := range selectors {
		list = append(list, string(s.Name))
	}
	return list
}

func TestGuess(t *testing.T) {
	guard := GuardSelector + place
	dangling := dnsx.Answer{Status: dnsx.NXDomain, Chain: []string{"gone.example.net"}}
	for _, tt := range []struct {
		name     string
		answers  map[string]dnsx.Answer
		waves    [][]string
		asked    []string
		found    []string
		unknown  []string
		wildcard bool
	}{
		{name: "no waves"},
		{name: "empty waves", waves: [][]string{nil, {}}},
		{
			name:    "found in the first wave",
			answers: map[string]dnsx.Answer{"a" + place: txt(edKey)},
			waves:   [][]string{{"a", "b"}, {"c"}},
			asked:   []string{"a", "b"}, found: []string{"a"},
		},
		{
			name:    "found in the second wave",
			answers: map[string]dnsx.Answer{"c" + place: txt(edKey)},
			waves:   [][]string{nil, {"a", "b"}, {"b", "c"}},
			asked:   []string{"a", "b", "c"}, found: []string{"c"},
		},
		{
			name:    "a revoked key does not end the search",
			answers: map[string]dnsx.Answer{"a" + place: txt("p="), "c" + place: txt(edKey)},
			waves:   [][]string{{"a"}, {"c"}},
			asked:   []string{"a", "c"}, found: []string{"a", "c"},
		},
		{
			name:    "order of asking",
			answers: map[string]dnsx.Answer{"z" + place: txt(edKey), "a" + place: txt(edKey)},
			waves:   [][]string{{"z", "m", "a"}},
			asked:   []string{"z", "m", "a"}, found: []string{"z", "a"},
		},
		{
			name:  "same name twice, names that are none",
			waves: [][]string{{"a", "A", "", "x..y", "\xff", "\u212a1", strings.Repeat("a", 64)}},
			asked: []string{"a"},
		},
		{
			name:    "no answer is not absence",
			answers: map[string]dnsx.Answer{"a" + place: {Status: dnsx.Timeout}, "b" + place: {Status: dnsx.ServFail}},
			waves:   [][]string{{"a", "b", "c"}},
			asked:   []string{"a", "b", "c"}, unknown: []string{"a", "b"},
		},
		{
			name:    "alias that leads to nothing",
			answers: map[string]dnsx.Answer{"a" + place: dangling},
			waves:   [][]string{{"a", "b"}},
			asked:   []string{"a", "b"}, found: []string{"a"},
		},
		{
			name:    "text that is no key",
			answers: map[string]dnsx.Answer{"a" + place: txt("hello")},
			waves:   [][]string{{"a"}}, asked: []string{"a"},
		},
		{
			name:    "wildcard key",
			answers: map[string]dnsx.Answer{"*._domainkey.example.com": txt(edKey)},
			waves:   [][]string{{"a", "b"}},
			asked:   []string{"a", "b"}, wildcard: true,
		},
		{
			name:    "revoked wildcard beside a real key",
			answers: map[string]dnsx.Answer{"*._domainkey.example.com": txt("v=DKIM1; p="), "b" + place: txt(edKey)},
			waves:   [][]string{{"a", "b"}},
			asked:   []string{"a", "b"}, found: []string{"b"}, wildcard: true,
		},
		{
			name:    "wildcard of something else",
			answers: map[string]dnsx.Answer{"*._domainkey.example.com": txt("v=spf1 -all"), "b" + place: txt(edKey)},
			waves:   [][]string{{"a", "b"}},
			asked:   []string{"a", "b"}, found: []string{"b"},
		},
		{
			name:    "wildcard alias to nothing",
			answers: map[string]dnsx.Answer{"*._domainkey.example.com": dangling},
			waves:   [][]string{{"a", "b"}},
			asked:   []string{"a", "b"},
		},
		{
			name:    "guard without an answer",
			answers: map[string]dnsx.Answer{guard: {Status: dnsx.Timeout}, "a" + place: txt(edKey)},
			waves:   [][]string{{"a"}},
			asked:   []string{"a"}, found: []string{"a"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := &world{answers: tt.answers}
			g := Guess(t.Context(), w, "example.com", tt.waves)
			if diff := cmp.Diff(tt.asked, g.Asked); diff != "" {
				t.Errorf("asked, -want +got:\n%s", diff)
			}
			if diff := cmp.Diff(tt.found, names(g.Found)); diff != "" {
				t.Errorf("found, -want +got:\n%s", diff)
			}
			if diff := cmp.Diff(tt.unknown, names(g.Unknown)); diff != "" {
				t.Errorf("unknown, -want +got:\n%s", diff)
			}
			if g.Wildcard != tt.wildcard {
				t.Errorf("wildcard: %v, want %v", g.Wildcard, tt.wildcard)
			}
			guards := 0
			for _, name := range w.asked {
				if name == guard {
					guards++
				}
			}
			if want := min(1, len(tt.asked)); guards != want || len(w.asked) != len(tt.asked)+want {
				t.Errorf("asked the guard %d times, %d names in all", guards, len(w.asked))
			}
			b, err := json.Marshal(g)
			if err != nil {
				t.Fatal(err)
			}
			var back Guesses
			if err := json.Unmarshal(b, &back); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(g, back); diff != "" {
				t.Errorf("JSON round trip, -want +got:\n%s", diff)
			}
		})
	}
}

func TestMaxGuesses(t *testing.T) {
	for _, tt := range []struct {
		name         string
		first, other int
		asked, left  int
	}{
		{"at the limit", MaxGuesses, 0, MaxGuesses, 0},
		{"one past it", MaxGuesses + 1, 0, MaxGuesses, 1},
		{"one past it in the second wave", MaxGuesses, 1, MaxGuesses, 1},
		{"over two waves", 10, MaxGuesses, MaxGuesses, 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var all []string
			for i := range tt.first + tt.other {
				all = append(all, fmt.Sprintf("s%d", i))
			}
			w := &world{}
			g := Guess(t.Context(), w, "example.com", [][]string{all[:tt.first], all[tt.first:]})
			if len(g.Asked) != tt.asked || g.Left != tt.left || len(w.asked) != tt.asked+1 {
				t.Errorf("asked %d, left %d, questions %d; want %d, %d, %d",
					len(g.Asked), g.Left, len(w.asked), tt.asked, tt.left, tt.asked+1)
			}
		})
	}
}

// Those who ask at once wait for each other here, so that asking one after the
// other would never end.
type barrier struct {
	*world
	wg sync.WaitGroup
}

func (b *barrier) Lookup(ctx context.Context, name string, qtype uint16) dnsx.Answer {
	b.wg.Done()
	b.wg.Wait()
	return b.world.Lookup(ctx, name, qtype)
}

func TestOneRound(t *testing.T) {
	b := &barrier{world: &world{}}
	all := []string{"a", "b", "c"}
	b.wg.Add(len(all) + 1)
	if g := Guess(t.Context(), b, "example.com", [][]string{all}); !slices.Equal(g.Asked, all) {
		t.Errorf("asked %q, want %q", g.Asked, all)
	}
}

func TestDomainTooLong(t *testing.T) {
	domain := strings.Repeat("a.", 120) + "example"
	g := Guess(t.Context(), &world{}, domain, [][]string{{"google", "s1"}})
	if len(g.Found)+len(g.Unknown) != 0 {
		t.Errorf("found %v, unknown %v; want neither: such names cannot exist", names(g.Found), names(g.Unknown))
	}
}

func TestNoDomain(t *testing.T) {
	for _, domain := range []string{"", "a..example", "\xff.example", strings.Repeat("a", 64) + ".example"} {
		t.Run(domain, func(t *testing.T) {
			w := &world{}
			if g := Guess(t.Context(), w, domain, [][]string{{"a"}}); g.Domain != "" || len(g.Asked)+len(w.asked) != 0 {
				t.Errorf("asked %q, got %+v", w.asked, g)
			}
			if s := Lookup(t.Context(), w, domain, "a"); s.Status != dnsx.Failed || len(w.asked) != 0 {
				t.Errorf("asked %q, got %+v", w.asked, s)
			}
		})
	}
}
