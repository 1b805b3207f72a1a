package spf

import (
	"net/netip"
	"strings"
	"testing"

	"maildoctor/check/dnsx"
)

// benchZone holds a record with three includes, of which the last lists the
// client, and one with ten.
const benchZone = `$TTL 3600
example.test.    IN TXT "v=spf1 include:_spf.one.test include:_spf.two.test include:_spf.three.test -all"
_spf.one.test.   IN TXT "v=spf1 ip4:198.51.100.0/25 ip4:198.51.100.128/26 ip6:2001:db8:1::/48 -all"
_spf.two.test.   IN TXT "v=spf1 ip4:203.0.113.0/26 ip4:203.0.113.64/26 ip4:203.0.113.128/25 ~all"
_spf.three.test. IN TXT "v=spf1 ip6:2001:db8:3::/48 ip4:192.0.2.0/24 ~all"
ten.test.        IN TXT "v=spf1 include:i0.test include:i1.test include:i2.test include:i3.test include:i4.test include:i5.test include:i6.test include:i7.test include:i8.test include:i9.test -all"
`

// benchExchanger answers from benchZone.
func benchExchanger(b *testing.B) dnsx.Exchanger {
	b.Helper()
	text := benchZone
	for _, digit := range "0123456789" {
		text += "i" + string(digit) + ".test. IN TXT \"v=spf1 ip4:192.0.2." + string(digit) + " -all\"\n"
	}
	z, err := dnsx.ParseZone(strings.NewReader(text), "bench.zone")
	if err != nil {
		b.Fatal(err)
	}
	return z
}

// BenchmarkEvaluate evaluates a record with three includes: with every answer
// from the zone, as for a domain that is new, and from the cache.
func BenchmarkEvaluate(b *testing.B) {
	x := benchExchanger(b)
	q := Query{IP: netip.MustParseAddr("192.0.2.1"), MailFrom: "user@example.test", Helo: "mail.example.test"}
	evaluate := func(b *testing.B, r dnsx.Resolver) {
		if e := Evaluate(b.Context(), r, q); e.Result != ResultPass || e.Lookups != 3 {
			b.Fatalf("%s after %d lookups, want pass after 3", e.Result, e.Lookups)
		}
	}
	b.Run("zone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			evaluate(b, dnsx.New(x, dnsx.Options{}))
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "evaluations/s")
	})
	b.Run("cached", func(b *testing.B) {
		r := dnsx.New(x, dnsx.Options{})
		b.ReportAllocs()
		for b.Loop() {
			evaluate(b, r)
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "evaluations/s")
	})
}

func BenchmarkParse(b *testing.B) {
	for _, bench := range []struct{ name, record string }{
		{"short", "v=spf1 include:_spf.example.test ~all"},
		{"long", "v=spf1" + strings.Repeat(" ip4:192.0.2.0/24 ip6:2001:db8::/32 a:host.example.test/28 include:%{ir}.%{v}.%{d}.example.test", 5) + " -all"},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, faults := Parse(bench.record); len(faults) > 0 {
					b.Fatal(faults)
				}
			}
		})
	}
}

// BenchmarkWalk walks a record with ten includes.
func BenchmarkWalk(b *testing.B) {
	x := benchExchanger(b)
	b.ReportAllocs()
	for b.Loop() {
		if t := Walk(b.Context(), dnsx.New(x, dnsx.Options{}), "ten.test"); t.Lookups != 10 || t.Incomplete {
			b.Fatalf("%d lookups, %s, want 10, ok", t.Lookups, t.Status)
		}
	}
}
