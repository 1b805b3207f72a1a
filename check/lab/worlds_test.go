package lab

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// ask returns the data of the records that a world has for a name and type.
func ask(t *testing.T, w *World, name string, qtype uint16) (data []string) {
	t.Helper()
	m, err := w.zone.Exchange(deadline(t), question(name, qtype))
	if err != nil {
		t.Fatalf("%s %s: %v", name, dns.TypeToString[qtype], err)
	}
	for _, rr := range m.Answer {
		switch rr := rr.(type) {
		case *dns.TXT:
			data = append(data, strings.Join(rr.Txt, ""))
		case *dns.MX:
			data = append(data, rr.Mx)
		case *dns.PTR:
			data = append(data, rr.Ptr)
		case *dns.A:
			data = append(data, rr.A.String())
		case *dns.AAAA:
			data = append(data, rr.AAAA.String())
		}
	}
	return data
}

func open(t *testing.T, name string) *World {
	t.Helper()
	w, err := Open(name)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// In a world in good health the names of all mail hosts are confirmed, and
// every address of them is served with STARTTLS.
func TestGoodHealth(t *testing.T) {
	for _, name := range []string{"healthy", "idn"} {
		t.Run(name, func(t *testing.T) {
			w := open(t, name)
			served := map[netip.AddrPort]bool{}
			for _, h := range w.hosts {
				for _, a := range h.addrs {
					served[a] = h.tls() && h.fault == ""
				}
			}
			hosts := ask(t, w, w.Domain, dns.TypeMX)
			if len(hosts) == 0 {
				t.Fatal("no MX records")
			}
			for _, host := range hosts {
				for _, addr := range slices.Concat(ask(t, w, host, dns.TypeA), ask(t, w, host, dns.TypeAAAA)) {
					back, err := dns.ReverseAddr(addr)
					if err != nil {
						t.Fatal(err)
					}
					if got := ask(t, w, back, dns.TypePTR); !slices.Equal(got, []string{host}) {
						t.Errorf("the PTR record of %s: got %q, want %q", addr, got, host)
					}
					if !served[netip.AddrPortFrom(netip.MustParseAddr(addr), 25)] {
						t.Errorf("nobody with STARTTLS listens on %s port 25", addr)
					}
				}
			}
		})
	}
}

func TestKeys(t *testing.T) {
	for _, name := range Scenarios() {
		t.Run(name, func(t *testing.T) {
			w := open(t, name)
			if name == "dns-timeout" {
				return
			}
			records := ask(t, w, "default._domainkey."+w.Domain, dns.TypeTXT)
			if len(records) == 0 {
				return
			}
			_, data, _ := strings.Cut(records[0], "p=")
			der, err := base64.StdEncoding.DecodeString(data)
			if err != nil {
				t.Fatal(err)
			}
			key, err := x509.ParsePKIXPublicKey(der)
			if err != nil {
				t.Fatal(err)
			}
			want := 2048
			if name == "faulty" {
				want = 1024
			}
			if got := key.(*rsa.PublicKey).N.BitLen(); got != want {
				t.Errorf("got a key of %d bits, want %d", got, want)
			}
		})
	}
}

// Every domain of a world that has records has an SPF and a DMARC record, so
// that a scenario shows its own fault and no other.
func TestPolicies(t *testing.T) {
	without := []string{"dns-timeout", "servfail", "nxdomain"}
	for _, name := range Scenarios() {
		t.Run(name, func(t *testing.T) {
			if slices.Contains(without, name) {
				return
			}
			w := open(t, name)
			if spf := ask(t, w, w.Domain, dns.TypeTXT); len(spf) != 1 || !strings.HasPrefix(spf[0], "v=spf1 ") {
				t.Errorf("got SPF %q", spf)
			}
			dmarc := ask(t, w, "_dmarc."+w.Domain, dns.TypeTXT)
			want := "v=DMARC1; p=reject; rua=mailto:"
			if name == "faulty" {
				want = "v=DMARC1; p=none"
			}
			if len(dmarc) != 1 || !strings.HasPrefix(dmarc[0], want) {
				t.Errorf("got DMARC %q, want %q", dmarc, want)
			}
		})
	}
}

// lookups counts the terms of an SPF record that ask, and those of the records
// that it includes (RFC 7208 section 4.6.4).
func lookups(t *testing.T, w *World, domain string) (n int) {
	t.Helper()
	for _, record := range ask(t, w, domain, dns.TypeTXT) {
		for _, term := range strings.Fields(record)[1:] {
			word, target, _ := strings.Cut(term, ":")
			switch word {
			case "include":
				n += 1 + lookups(t, w, target)
			case "a", "mx", "ptr":
				n++
			}
		}
	}
	return n
}

func TestLookups(t *testing.T) {
	for _, tt := range []struct {
		world string
		want  int
	}{{"healthy", 3}, {"faulty", 11}, {"parked", 0}} {
		t.Run(tt.world, func(t *testing.T) {
			w := open(t, tt.world)
			if got := lookups(t, w, w.Domain); got != tt.want {
				t.Errorf("got %d lookups, want %d", got, tt.want)
			}
		})
	}
}
