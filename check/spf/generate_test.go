package spf

import (
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"maildoctor/check/dnsx"
)

// A script makes choices out of bytes. At its end it always takes the first.
type script []byte

func (s *script) pick(n int) int {
	if len(*s) == 0 {
		return 0
	}
	b := (*s)[0]
	*s = (*s)[1:]
	return int(b) % n
}

func (s *script) of(choices ...string) string { return choices[s.pick(len(choices))] }

// oneIn is true about once in n times, and false at the end of the script.
func (s *script) oneIn(n int) bool { return s.pick(n) == n-1 }

// A world is a sender and a zone of records that name one another, of which it
// is known where they break the grammar.
type world struct {
	mu     sync.Mutex
	zone   *zone
	query  Query
	faulty map[Raw]bool // records with a fault put in on purpose
}

// Lookup answers for the zone. Below list.test, where exists looks, and below
// made.test, where macros lead, a name has what its hash says.
func (w *world) Lookup(ctx context.Context, name string, qtype uint16) dnsx.Answer {
	w.mu.Lock()
	defer w.mu.Unlock()
	name, ok := dnsx.Canonical(name)
	if ok && (strings.HasSuffix(name, ".list.test") || strings.HasSuffix(name, ".made.test")) && w.zone.records[name] == nil {
		w.invent(name)
	}
	return w.zone.Lookup(ctx, name, qtype)
}

func (w *world) invent(name string) {
	hash := fnv.New32a()
	hash.Write([]byte(name))
	switch hash.Sum32() % 8 {
	case 0, 1, 2:
		w.add(name, "A", "127.0.0.2")
		w.add(name, "TXT", "v=spf1 ip4:192.0.2.0/26 ip6:2001:db8::/48")
	case 3:
		w.add(name, "AAAA", "2001:db8::1")
		w.add(name, "TXT", "v=spf1 a:%{d} ~all")
	case 4:
		w.zone.broken[name] = dnsx.ServFail
	case 5:
		w.add(name, "TXT", "no record")
	}
}

// add adds a record that a world is known to be able to hold.
func (w *world) add(octets, kind, data string) {
	if err := w.zone.add(octets, kind, data); err != nil {
		panic(err)
	}
}

var worldClients = []string{"192.0.2.1", "192.0.2.77", "198.51.100.7", "2001:db8::1", "::ffff:192.0.2.1", "2001:db8:1::19"}

// newWorld reads a world from a script.
func newWorld(s script) *world {
	w := &world{zone: newZone(), faulty: map[Raw]bool{}}
	w.query = Query{
		IP:   netip.MustParseAddr(s.of(worldClients...)),
		Helo: s.of("helo.test", "d1.test", "HELO.Test.", "[192.0.2.1]", ""),
		Now:  func() time.Time { return time.Unix(1000000000, 0) },
	}
	local := s.of("user", "strong-bad", "a.b.c", "", "A_B=c/d,e+f", "x..y", "two words", "\"a@b\"", "j\u00fcrg", strings.Repeat("long.", 60)+"local", "-", "100%")
	switch s.pick(12) {
	case 0:
		w.query.MailFrom = ""
	case 1:
		w.query.MailFrom = local + "@" + s.of("test", "a..test", "[192.0.2.1]", "", "d0.test..", strings.Repeat("x", 64)+".test")
	case 2:
		w.query.MailFrom = local + "@" + s.of("D0.Test", "d1.test", "d0.test.", "sub.d0.test")
	default:
		w.query.MailFrom = local + "@d0.test"
	}
	for i := range 6 {
		w.domain(&s, fmt.Sprintf("d%d.test", i))
	}
	for i := range 5 {
		w.host(&s, fmt.Sprintf("h%d.test", i))
	}
	w.client(&s)
	w.mail(&s)
	return w
}

// domain gives a name a record, most of the time.
func (w *world) domain(s *script, name string) {
	switch s.pick(24) {
	case 20:
		w.zone.broken[name] = dnsx.Status(s.of("timeout", "servfail", "refused"))
		return
	case 21:
		return
	case 22:
		w.add(name, "TXT", s.of("v=spf10 -all", "other", " v=spf1 -all", "v=spf1\t-all"))
		return
	case 23:
		w.add(name, "CNAME", s.of("d1.test", "d3.test", name))
		return
	}
	n := 1
	if s.oneIn(24) {
		n = 2
	}
	for range n {
		w.add(name, "TXT", w.record(s))
	}
	w.addresses(s, name)
	w.exchanges(s, name)
}

// host gives a name addresses and mail hosts, or an explanation, or nothing.
func (w *world) host(s *script, name string) {
	switch s.pick(8) {
	case 5:
		w.zone.broken[name] = dnsx.Status(s.of("timeout", "servfail"))
	case 6:
		w.add(name, "TXT", w.explanation(s))
	case 7:
	default:
		w.addresses(s, name)
		w.exchanges(s, name)
		w.add(name, "TXT", w.explanation(s))
	}
}

func (w *world) addresses(s *script, name string) {
	for range s.pick(4) {
		switch addr := s.of(append(worldClients, "192.0.2.200", "203.0.113.9", "2001:db8:2::1")...); {
		case strings.Contains(addr, ":"):
			w.add(name, "AAAA", addr)
		default:
			w.add(name, "A", addr)
		}
	}
}

func (w *world) exchanges(s *script, name string) {
	n := s.pick(5)
	if s.oneIn(12) {
		n = MaxMX - 1 + s.pick(3)
	}
	for i := range n {
		switch s.pick(10) {
		case 0:
			w.add(name, "MX", fmt.Sprintf("%d .", i))
		case 1:
			w.add(name, "MX", fmt.Sprintf("%d none%d.test", i, i))
		default:
			w.add(name, "MX", fmt.Sprintf("%d %s", s.pick(20), s.of("h0.test", "h1.test", "h2.test", "h3.test", "d1.test", fmt.Sprintf("m%d.test", i))))
		}
	}
}

// client gives the address of the client names.
func (w *world) client(s *script) {
	reverse := dnsx.Reverse(w.query.IP.Unmap())
	switch s.pick(6) {
	case 0:
		return
	case 1:
		w.zone.broken[reverse] = dnsx.Status(s.of("timeout", "servfail"))
		return
	}
	n := s.pick(4)
	if s.oneIn(6) {
		n = MaxPTR - 1 + s.pick(3)
	}
	for i := range n {
		w.add(reverse, "PTR", s.of(fmt.Sprintf("p%02d.d0.test", i), "h0.test", "d1.test", "xd0.test", fmt.Sprintf("p%02d.D1.test", i)))
	}
	kind := "A"
	if w.query.IP.Unmap().Is6() {
		kind = "AAAA"
	}
	for i := range n {
		if !s.oneIn(3) {
			w.add(fmt.Sprintf("p%02d.d%d.test", i, s.pick(2)), kind, w.query.IP.Unmap().String())
		}
	}
}

// mail gives the hosts of long lists addresses.
func (w *world) mail(s *script) {
	for i := range MaxMX + 1 {
		w.addresses(s, fmt.Sprintf("m%d.test", i))
	}
}

// String shows the sender and the zone.
func (w *world) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "sender %s <%s> %q", w.query.IP, w.query.MailFrom, w.query.Helo)
	for _, name := range slices.Sorted(maps.Keys(w.zone.records)) {
		for _, rr := range w.zone.records[name] {
			_, data, _ := strings.Cut(rr.String(), "IN\t")
			fmt.Fprintf(&b, "\n%s %s", name, data)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(w.zone.broken)) {
		fmt.Fprintf(&b, "\n%s %s", name, w.zone.broken[name])
	}
	return b.String()
}

// record writes a record. Faults are noted.
func (w *world) record(s *script) string {
	var b strings.Builder
	b.WriteString(s.of("v=spf1", "v=spf1", "V=SPF1"))
	faulty := false
	terms := s.pick(5)
	if s.oneIn(16) {
		terms = MaxLookups - 1 + s.pick(4)
	}
	term := func(text string) {
		b.WriteString(s.of(" ", " ", " ", " ", "  "))
		b.WriteString(text)
	}
	for range terms {
		if s.oneIn(40) {
			term(s.of(worldFaults...))
			faulty = true
			continue
		}
		term(w.directive(s))
		if s.oneIn(30) {
			term(s.of("x=y", "moo.cow-far_out=man:dog/cat", "ra=postmaster", "x=%{L9r-}", "v=spf1", "all=x"))
		}
	}
	if s.oneIn(5) {
		term(s.of("exp=h0.test", "exp=h1.test", "EXP=%{d2}", "exp=%{l}.made.test", "exp=none.test", "exp=h2.test"))
	}
	switch s.pick(6) {
	case 0:
		term(s.of("redirect=", "Redirect=") + w.target(s))
		if s.oneIn(20) {
			term("redirect=d1.test")
			faulty = true
		}
	case 1:
	default:
		term(s.of("-all", "~all", "?all", "+all", "-ALL", "all"))
	}
	if s.oneIn(12) {
		b.WriteByte(' ')
	}
	w.faulty[Raw(b.String())] = w.faulty[Raw(b.String())] || faulty
	return b.String()
}

// worldFaults break the grammar of RFC 7208 section 12.
var worldFaults = []string{
	"ip4", "ip4:", "ip4:192.0.2", "ip4:192.0.2.1/33", "ip4:192.0.2.0/024", "ip4:2001:db8::1", "ip6:192.0.2.1", "ip6:2001:db8::/129", "ip4:192.0.2.1,192.0.2.77",
	"a:", "a:/24", "a/33", "a//129", "a/24/64", "a:h0.test/", "a:museum", "a:h0.123", "a:h0.test-", "mx:h0.test:25", "a:192.0.2.1", "mx/08",
	"include", "include:", "include:d1", "include/24", "include:d1.test/24", "ptr/24", "ptr:", "exists", "exists:", "exists:x%.test", "exists:%{x}.test", "exists:%{d0}.test",
	"exists:%{dr2}.test", "exists:%{d", "exists:%(d).test", "exists:%{c}.test", "-", "all:", "-all.", "--all", "all/8", "ipv4:192.0.2.1", "192.0.2.1", "a;",
	"=x", "1x=y", "-redirect=d1.test", "redirect:d1.test", "exp=", "exp=museum", "x=%a", "a\tmx", "\u2013all", "a:h0.test\x00",
}

// directive writes one that the grammar allows.
func (w *world) directive(s *script) string {
	qualifier := s.of("", "", "", "+", "-", "~", "?")
	switch s.pick(16) {
	case 0, 1:
		return qualifier + s.of("ip4:", "IP4:") + s.of("192.0.2.1", "192.0.2.0/24", "192.0.2.77/26", "198.51.100.0/29", "203.0.113.0/24", "0.0.0.0/0", "192.0.2.1/32", "198.51.100.7/0")
	case 2, 3:
		return qualifier + s.of("ip6:", "ip6:", "Ip6:") + s.of("2001:db8::1", "2001:DB8::/32", "2001:db8:1::/64", "::/0", "::ffff:192.0.2.1", "::ffff:0:0/96", "2001:db8::19/113", "::192.0.2.1")
	case 4, 5:
		return qualifier + s.of("a", "A") + w.host4(s) + w.prefix(s)
	case 6, 7:
		return qualifier + s.of("mx", "mX") + w.host4(s) + w.prefix(s)
	case 8:
		return qualifier + "ptr" + s.of("", ":d0.test", ":D1.test.", ":%{d}", ":test.test", ":h0.test")
	case 9, 10:
		return qualifier + s.of("exists:", "Exists:") + w.list(s)
	default:
		return qualifier + s.of("include:", "include:", "INCLUDE:") + w.target(s)
	}
}

// host4 writes the domain-spec of a or mx, with its colon, or none.
func (w *world) host4(s *script) string {
	switch s.pick(8) {
	case 0, 1:
		return ""
	case 2:
		return ":" + w.macro(s) + ".made.test"
	case 3:
		return ":" + s.of("%{d}", "%{o}", "%{d2}", "none.test", "h0..test", ".test", "h0.test%_", "a%%b.test", "foo:bar/baz.test", "%{d99999999999999999999}")
	}
	return ":" + s.of("h0.test", "h1.test", "H2.Test", "h3.test.", "h4.test", "d1.test")
}

func (w *world) prefix(s *script) string {
	return s.of("", "", "", "", "/24", "//64", "/26//48", "/0", "//0", "/32//128", "/0//0")
}

// target writes the domain-spec of include or redirect.
func (w *world) target(s *script) string {
	switch s.pick(10) {
	case 0:
		return w.macro(s) + ".made.test"
	case 1:
		return s.of("d%{d1}.test", "none.test", "h0.test", "d1..test", "%{o}", "d0.test", "%{h}", "d1.test%_x.test")
	}
	return s.of("d1.test", "d2.test", "D3.test", "d4.test.", "d5.test")
}

// list writes the domain-spec of exists. It stays below list.test.
func (w *world) list(s *script) string {
	if s.pick(3) == 0 {
		return s.of("a.list.test", "b.list.test", "c.list.test.", "d.LIST.test", "e..list.test")
	}
	return w.macro(s) + s.of(".list.test", "."+w.macro(s)+".list.test", "._spf.list.test")
}

// macro writes one macro.
func (w *world) macro(s *script) string {
	letter := s.of("i", "l", "d", "s", "o", "v", "h", "p", "I", "L", "D", "S", "O", "H")
	return "%{" + letter + s.of("", "", "", "1", "2", "3", "12", "001") + s.of("", "", "r", "R") + s.of("", "", "", "-", ".", "-.+", ",/_=", "+-") + "}"
}

// explanation writes the text of an explanation, now and then a bad one.
func (w *world) explanation(s *script) string {
	return s.of("No.", "", "%{i} may not send for "+w.macro(s)+"%_at %{c} %{t}", "100%% "+w.macro(s)+"%-", "%{r} %{C}", "broken %", "%{z}", "\u00e9", "tab\t")
}
