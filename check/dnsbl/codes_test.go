package dnsbl

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var compareAddr = cmpopts.EquateComparable(netip.Addr{})

func mustFind(t testing.TB, zone string) List {
	t.Helper()
	l, ok := Find(zone)
	if !ok {
		t.Fatalf("%s is not in the table", zone)
	}
	return l
}

// short writes down what an answer means: "list meaning severity", or the reason
// of a refusal behind an exclamation mark.
func short(l List, answer string) string {
	hits, refused := l.Decode(netip.MustParseAddr(answer))
	if refused != "" {
		return "!" + string(refused)
	}
	var out []string
	for _, h := range hits {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s", h.List, h.Meaning, h.Severity)))
	}
	return strings.Join(out, ", ")
}

func TestDecode(t *testing.T) {
	for zone, rows := range map[string][][2]string{
		"zen.spamhaus.org": {
			{"127.0.0.2", "SBL spam-source critical"},
			{"127.0.0.3", "CSS snowshoe critical"},
			{"127.0.0.4", "XBL compromised-host critical"},
			{"127.0.0.7", "XBL compromised-host critical"},
			{"127.0.0.8", ""},
			{"127.0.0.9", "DROP criminal-network critical"},
			{"127.0.0.10", "PBL policy-range high"},
			{"127.0.0.11", "PBL policy-range high"},
			{"127.0.0.12", ""},
			{"127.0.0.1", ""},
			{"127.0.1.2", ""},
			{"127.255.255.252", "!wrong-zone"},
			{"127.255.255.254", "!public-resolver"},
			{"127.255.255.255", "!too-many-queries"},
			{"127.255.255.0", "!query-refused"},
			{"127.255.254.255", ""},
			{"126.0.0.2", ""},
			{"192.0.2.2", ""},
			{"::ffff:127.0.0.2", "SBL spam-source critical"},
			{"2001:db8::2", ""},
		},
		"abc123.zen.dq.spamhaus.net": {
			{"127.0.0.4", "XBL compromised-host critical"},
			{"127.255.255.255", "!too-many-queries"},
		},
		"dbl.spamhaus.org": {
			{"127.0.1.2", "DBL spam-domain critical"},
			{"127.0.1.3", ""},
			{"127.0.1.4", "DBL phishing-domain critical"},
			{"127.0.1.5", "DBL malware-domain critical"},
			{"127.0.1.6", "DBL botnet-domain critical"},
			{"127.0.1.102", "DBL abused-legit-domain high"},
			{"127.0.1.103", "DBL redirector medium"},
			{"127.0.1.104", "DBL abused-legit-phishing high"},
			{"127.0.1.105", "DBL abused-legit-malware high"},
			{"127.0.1.106", "DBL abused-legit-botnet high"},
			{"127.0.1.255", "!address-query"},
			{"127.0.0.2", ""},
			{"127.255.255.254", "!public-resolver"},
		},
		"bl.spamcop.net":    {{"127.0.0.2", "user-reports medium"}, {"127.0.0.3", ""}},
		"psbl.surriel.com":  {{"127.0.0.2", "spam-trap low"}, {"127.0.0.1", ""}},
		"all.spamrats.com":  {{"127.0.0.37", "NoPtr no-reverse-dns low"}, {"127.0.0.2", ""}},
		"bl.blocklist.de":   {{"127.0.0.2", "attack-source low"}, {"127.0.0.21", "attack-source low"}, {"127.0.0.22", ""}},
		"dnsbl.dronebl.org": {{"127.0.0.8", "open-proxy low"}, {"127.0.0.4", ""}, {"127.0.0.255", "listed low"}},
		"bl.mailspike.net": {
			{"127.0.0.2", "Z spam-outbreak high"},
			{"127.0.0.10", "L5 bad-reputation high"},
			{"127.0.0.11", "L4 bad-reputation medium"},
			{"127.0.0.12", "L3 bad-reputation medium"},
			{"127.0.0.13", "L2 suspicious low"},
			{"127.0.0.14", ""},
		},
		"multi.surbl.org": {
			{"127.0.0.1", "!resolver-blocked"},
			{"127.0.0.9", "!resolver-blocked"},
			{"127.0.0.2", ""},
			{"127.0.0.4", "DM disposable-mail low"},
			{"127.0.0.8", "PH phishing-domain high"},
			{"127.0.0.16", "MW malware-domain high"},
			{"127.0.0.32", "CT click-tracker low"},
			{"127.0.0.64", "ABUSE spam-domain high"},
			{"127.0.0.80", "MW malware-domain high, ABUSE spam-domain high"},
			{"127.0.0.66", "ABUSE spam-domain high"},
			{"127.0.0.128", "CR cracked-site high"},
			{"127.0.0.0", ""},
			{"127.0.1.64", ""},
		},
		"multi.uribl.com": {
			{"127.0.0.1", "!resolver-blocked"},
			{"127.0.0.2", "black spam-domain high"},
			{"127.0.0.4", "grey bulk-mail-domain low"},
			{"127.0.0.8", "red young-or-hidden-domain low"},
			{"127.0.0.14", "black spam-domain high, grey bulk-mail-domain low, red young-or-hidden-domain low"},
			{"127.0.0.16", ""},
		},
		"bl.score.senderscore.com": {
			{"127.0.0.1", "compromised-host medium"},
			{"127.0.0.20", "spam-trap medium, bad-reputation medium"},
			{"127.255.255.255", "!not-registered"},
		},
		"list.dnswl.org": {
			{"127.0.5.0", "trust-none info"},
			{"127.0.15.3", "trust-high info"},
			{"127.0.5.4", ""},
			{"127.0.0.255", "!too-many-queries"},
			{"127.0.10.3", "!too-many-queries"},
			{"127.0.10.2", ""},
		},
		"wl.mailspike.net": {{"127.0.0.20", "H5 reputation-excellent info"}},
	} {
		l := mustFind(t, zone)
		for _, row := range rows {
			t.Run(zone+" "+row[0], func(t *testing.T) {
				if got := short(l, row[0]); got != row[1] {
					t.Errorf("got %q, want %q", got, row[1])
				}
			})
		}
	}
}

// Of every list of the table, the answers up to 127.0.19.255 are enumerated: each has one meaning, and each row of the table can be reached.
func TestCodesAreUnique(t *testing.T) {
	for _, l := range all() {
		t.Run(l.Zone, func(t *testing.T) {
			reached := map[string]bool{}
			for third := range 20 {
				for last := range 256 {
					octets := [4]byte{127, 0, byte(third), byte(last)}
					var fit []string
					for _, c := range l.Codes {
						if l.means(c.Answer, octets) {
							fit = append(fit, c.Answer)
							reached[c.Answer] = true
						}
					}
					if len(fit) > 1 && !l.Bits {
						t.Errorf("%v has several meanings: %v", octets, fit)
					}
				}
			}
			for _, c := range l.Codes {
				if !reached[c.Answer] {
					t.Errorf("no answer has the code %s", c.Answer)
				}
			}
		})
	}
}

func TestWithin(t *testing.T) {
	for _, tt := range []struct {
		set   string
		octet byte
		want  bool
	}{
		{"2", 2, true}, {"2", 3, false}, {"2-4", 2, true}, {"2-4", 4, true}, {"2-4", 5, false}, {"2-4", 1, false},
		{"2-4,9", 9, true}, {"2-4,9", 8, false}, {"0-255", 255, true}, {"0-255", 0, true},
		{"256", 0, false}, {"", 0, false}, {"-", 0, false}, {"x", 0, false}, {"4-2", 3, false},
	} {
		if got := within(tt.set, tt.octet); got != tt.want {
			t.Errorf("%d in %q: got %v, want %v", tt.octet, tt.set, got, tt.want)
		}
	}
}

func TestMatches(t *testing.T) {
	for _, tt := range []struct {
		pattern string
		want    bool
	}{
		{"127.0.0.2", true}, {"127.0.0", false}, {"127.0.0.2.0", false}, {"127.0.0.3", false}, {"127.0-9.0.2", true}, {"", false},
	} {
		if got := matches(tt.pattern, [4]byte{127, 0, 0, 2}); got != tt.want {
			t.Errorf("%q: got %v, want %v", tt.pattern, got, tt.want)
		}
	}
}

// Whatever the answer, no listing comes from outside 127.0.0.0/8 nor from the
// errors, a refusal excludes hits, and the same answer decodes the same.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{"\x7f\x00\x00\x02", "\x7f\xff\xff\xfe", "\x7f\x00\x00\x01", "\xc0\x00\x02\x01", strings.Repeat("\x00", 10) + "\xff\xff\x7f\x00\x00\x02"} {
		for i := range all() {
			f.Add([]byte(s), i)
		}
	}
	lists := all()
	custom, _ := Custom("bl.example.net")
	lists = append(lists, custom)
	f.Fuzz(func(t *testing.T, raw []byte, i int) {
		answer, _ := netip.AddrFromSlice(raw)
		l := lists[uint(i)%uint(len(lists))]
		hits, refused := l.Decode(answer)
		again, _ := l.Decode(answer)
		if diff := cmp.Diff(hits, again, compareAddr); diff != "" {
			t.Errorf("two results:\n%s", diff)
		}
		plain := answer.Unmap()
		if !loopback.Contains(plain) && (hits != nil || refused != "") {
			t.Fatalf("%s: %v, %q", answer, hits, refused)
		}
		if refused != "" && hits != nil {
			t.Errorf("%s: refused and listed", answer)
		}
		if plain.Is4() {
			if o := plain.As4(); o[1] == 255 && o[2] == 255 && hits != nil {
				t.Errorf("%s: an error counts as a listing", answer)
			}
		}
		for _, h := range hits {
			if h.Answer != plain || h.Meaning == "" || !slices.Contains(severities, h.Severity) {
				t.Errorf("%s: got %+v", answer, h)
			}
		}
	})
}
