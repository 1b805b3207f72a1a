package rdns

import (
	"net/netip"
	"strings"
	"testing"
)

func TestGeneric(t *testing.T) {
	const v4, v6 = "203.0.113.9", "2001:db8:12:34::a9"
	tests := []struct {
		name, addr, host string
		want             Pattern
	}{
		// The address in the name.
		{"with hyphens", v4, "ip-203-0-113-9.isp.example", AddressInName},
		{"backward with dots", v4, "9.113.0.203.rev.isp.example", AddressInName},
		{"static, backward", v4, "static.9.113.0.203.clients.host.example", AddressInName},
		{"a machine in a cloud", v4, "ec2-203-0-113-9.compute-1.amazonaws.com", AddressInName},
		{"spread over labels", v4, "ip9.ip-203-0-113.example", AddressInName},
		{"spread and mixed", v4, "lfbn-par-1-113-9.w203-0.abo.isp.example", AddressInName},
		{"padded with zeros", v4, "203-000-113-009.isp.example", AddressInName},
		{"one decimal number", v4, "h203000113009.isp.example", AddressInName},
		{"one decimal number, backward", v4, "h009113000203.isp.example", AddressInName},
		{"hexadecimal", v4, "pcb007109.dip0.isp.example", AddressInName},
		{"hexadecimal, backward", v4, "x097100cb.isp.example", AddressInName},
		{"upper case", v4, "PCB007109.DIP0.ISP.EXAMPLE.", AddressInName},
		{"the provider's name says mail", v4, "203-0-113-9.mailhosting.example", AddressInName},
		{"equal octets", "192.192.2.2", "c-192-192-2-2.isp.example", AddressInName},
		{"mapped", "::ffff:203.0.113.9", "ip-203-0-113-9.isp.example", AddressInName},
		{"IPv6, all digits", v6, "20010db80012003400000000000000a9.ip6.isp.example", AddressInName},
		{"IPv6, backward", v6, "9.a.0.0.0.0.0.0.0.0.0.0.0.0.0.0.4.3.0.0.2.1.0.0.8.b.d.0.1.0.0.2.isp.example", AddressInName},
		{"IPv6, as it is written", v6, "2001-db8-12-34--a9.isp.example", AddressInName},

		// Words of access networks.
		{"dynamic", v4, "dyn-17.isp.example", AccessWord},
		{"dynamic under a suffix of two labels", v4, "dyn-17.isp.co.uk", AccessWord},
		{"a registered name under a suffix of two labels", v4, "server2.dsl.co.uk", ""},
		{"dialled", v4, "p4f.dip0.isp.example", AccessWord},
		{"a pool with two octets", v4, "pool-113-9.town.isp.example", AccessWord},
		{"a customer with two octets", v4, "cust-9-113.isp.example", AccessWord},
		{"IPv6, dynamic", v6, "dynamic-2a01.isp.example", AccessWord},

		// Names that somebody chose.
		{"plain", v4, "out.example.com", ""},
		{"numbered", v4, "srv9.example.com", ""},
		{"two octets alone", v4, "a113-9.example.com", ""},
		{"three octets and a word", v4, "ip-203-0-113-8.isp.example", ""},
		{"the last octets apart", v4, "cust-113-4-9.isp.example", ""},
		{"three octets and no word", v4, "h-203-0-113-8.isp.example", ""},
		{"an octet twice wanted", "192.192.2.2", "h-192-2-3-4.isp.example", ""},
		{"few numbers", "9.9.9.9", "dns9.quad9.example", ""},
		{"mail with the address", v4, "mail-203-0-113-9.example.com", ""},
		{"MX with the address", v4, "mx-203-0-113-9.example.com", ""},
		{"a word without number", v4, "static.example.com", ""},
		{"a pool without octets", v4, "pool-3.example.com", ""},
		{"dynamic in the domain alone", v4, "srv1.dyn.example", ""},
		{"a word inside another", v4, "dynasty-17.example.com", ""},
		{"empty", v4, "", ""},
		{"root", v4, ".", ""},
		{"no letters", v4, "---", ""},

		// Of large services, by their form.
		{"Google", "209.85.210.45", "mail-ot1-f45.google.com", ""},
		{"Microsoft", "40.107.93.134", "mail-dm6nam10on2134.outbound.protection.outlook.com", ""},
		{"Amazon SES", "54.240.27.18", "a27-18.smtp-out.eu-west-1.amazonses.com", ""},
		{"Amazon SES, short", "54.240.8.20", "a8-20.smtp-out.amazonses.com", ""},
		{"SendGrid", "167.89.12.117", "o1678912x117.outbound-mail.sendgrid.net", ""},
		{"SendGrid, own name", v4, "o1.ptr1234.example.com", ""},
		{"Mailgun", "198.61.204.220", "m204-220.mailgun.net", ""},
		{"SparkPost", "147.253.213.10", "mta-213-10.sparkpostmail.com", ""},
		{"Mailjet", "185.189.218.49", "o218.p49.mailjet.com", ""},
		{"Yahoo", "66.163.180.24", "sonic312-24.consmr.mail.ne1.yahoo.com", ""},
		{"Postmark", "50.31.205.208", "mta208a-ord.mtasv.net", ""},
		{"OVH", "46.105.43.5", "5.mo561.mail-out.ovh.net", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Generic(tt.host, netip.MustParseAddr(tt.addr)); got != tt.want {
				t.Errorf("%s, %s: got %q, want %q", tt.addr, tt.host, got, tt.want)
			}
		})
	}
}

func TestGenericOfNoAddress(t *testing.T) {
	if got := Generic("dyn-1.isp.example", netip.Addr{}); got != "" {
		t.Errorf("got %q", got)
	}
}

func FuzzGeneric(f *testing.F) {
	f.Add("ip-203-0-113-9.isp.example", []byte{203, 0, 113, 9})
	f.Add("20010db8.isp.example", make([]byte, 16))
	f.Add(`\000.x`, []byte{})
	f.Fuzz(func(t *testing.T, name string, octets []byte) {
		addr, _ := netip.AddrFromSlice(octets)
		got := Generic(name, addr)
		if got != "" && !strings.ContainsAny(name, "0123456789abcdefABCDEF") {
			t.Errorf("%q: %q in a name without digits", name, got)
		}
		if named := Generic("mail."+name, addr); strings.Count(name, ".") > 1 && named != "" {
			t.Errorf("%q with mail in front: %q", name, named)
		}
	})
}
