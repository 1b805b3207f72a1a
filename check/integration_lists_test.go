//go:build integration

package check_test

import (
	"net/netip"

	"maildoctor/check"
)

// asks lets an audit ask blocklists about a sending host of ours, and the domain.
func asks(sender string, zones ...string) func(*check.Options) {
	return func(o *check.Options) {
		o.NoDNSBL, o.Blocklists = false, zones
		o.IP = netip.MustParseAddr(published(sender))
	}
}

// Sending hosts, as the lists know them.
const (
	cleanSender   = "127.0.5.11"
	listedSender  = "127.0.5.10"
	dynamicSender = "127.0.5.31"
)

// listZones are blocklists. The first and the third are like those that most
// receivers ask, the second answers that it does not answer us.
var listZones = []servedZone{
	{"zen.spamhaus.org", "2.0.0.127 A 127.0.0.2\n10.5.18.198 A 127.0.0.2\n10.5.18.198 A 127.0.0.4\n10.5.18.198 TXT \"listed\"\n31.5.18.198 A 127.0.0.10\n", false, nil},
	{"sbl.spamhaus.org", "* A 127.255.255.254\n", false, nil},
	{"dbl.spamhaus.org", "dbltest.com A 127.0.1.2\nlist-domain.test A 127.0.1.4\n", false, nil},
	{"everything.lists", "* A 127.0.0.2\n", false, nil},
	{"parked.lists", "* A 192.0.2.1\n", false, nil},
	{"dead.lists", "10.5.18.198 A 127.0.0.2\n", false, nil},
	{"own.lists", "2.0.0.127 A 127.0.0.2\n10.5.18.198 A 127.0.0.9\n", false, nil},
}

// listScenes are about blocklists.
func listScenes() []scene {
	const host = "fine.postfix.test"
	unusable, nobody := []string{"DNSBL-LIST-UNUSABLE"}, []string{"dnsbl lists-unusable"}
	return []scene{
		// Most of the usual lists do not exist here, which is nobody's fault.
		{name: "list-usual", host: host, options: asks(cleanSender)},
		{name: "list-usual-hit", host: host, options: asks(listedSender), want: []string{"DNSBL-IP-LISTED"}},
		{name: "list-domain", host: host, options: asks(cleanSender), want: []string{"DNSBL-DOMAIN-LISTED"}},
		{name: "list-clean", merit: "dnsbl-clean", host: host, options: asks(cleanSender, "zen.spamhaus.org")},
		{name: "list-hit", host: host, options: asks(listedSender, "zen.spamhaus.org"), want: []string{"DNSBL-IP-LISTED"}},
		{
			name: "list-range", host: host, options: asks(dynamicSender, "zen.spamhaus.org"), want: []string{"DNSBL-IP-POLICY"},
			plant: func(x *setup) { x.spf[0] = "v=spf1 ip4:" + published(dynamicSender) + " -all" },
		},
		{name: "list-refusing", host: host, options: asks(listedSender, "sbl.spamhaus.org"), want: unusable, unclear: nobody},
		{name: "list-everything", host: host, options: asks(listedSender, "everything.lists"), want: unusable, unclear: nobody},
		// The zone is for sale, or the resolver invents answers.
		{name: "list-parked", host: host, options: asks(listedSender, "parked.lists"), unclear: nobody},
		{name: "list-dead", host: host, options: asks(listedSender, "dead.lists"), want: unusable, unclear: nobody},
		{name: "list-own", host: host, options: asks(listedSender, "own.lists"), want: []string{"DNSBL-IP-LISTED-MINOR"}},
		{ // about the domain nobody has an answer
			name: "list-mixed", host: host, options: asks(listedSender, "zen.spamhaus.org", "dead.lists"),
			want: []string{"DNSBL-IP-LISTED", "DNSBL-LIST-UNUSABLE"}, unclear: nobody,
		},
	}
}
