//go:build integration

package check_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"maildoctor/check"
)

// A webFace is the host of a policy for MTA-STS.
type webFace struct {
	addr    string
	cert    certificateOf
	handler http.HandlerFunc
}

// startWeb serves the policy of a scene until the test ends.
func (m *machines) startWeb(t *testing.T, s scene) {
	t.Helper()
	l, err := net.Listen("tcp", m.at(s.web.addr, 443))
	if err != nil {
		t.Fatal(err)
	}
	credential := m.mint.issue(t, "mta-sts."+s.domain(), s.web.cert)
	server := &http.Server{Handler: s.web.handler, ErrorLog: log.New(io.Discard, "", 0)}
	go server.Serve(tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{credential.tls()}}))
	t.Cleanup(func() { server.Close() })
}

// policyText is a policy for hosts.
func policyText(mode string, hosts ...string) string {
	return "version: STSv1\r\nmode: " + mode + "\r\nmx: " + strings.Join(hosts, "\r\nmx: ") + "\r\nmax_age: 604800\r\n"
}

// hands returns a handler that hands out text.
func hands(kind, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", kind)
		io.WriteString(w, text)
	}
}

// hasStatus returns a handler that answers with a status and nothing else.
func hasStatus(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "https://elsewhere.test/")
		w.WriteHeader(code)
	}
}

// stsScenes are about MTA-STS.
func stsScenes() []scene {
	const host = "fine.postfix.test"
	good := hands("text/plain", policyText("enforce", host, spareHost))
	void := []string{"MTASTS-POLICY-UNREACHABLE"}
	return []scene{
		{name: "sts-fine", host: host, web: webFace{handler: good}},
		{name: "sts-unreported", host: host, web: webFace{handler: good}, silent: true, want: []string{"TLSRPT-MISSING"}},
		{name: "sts-wildcard", host: host, web: webFace{handler: hands("text/plain; charset=utf-8", policyText("enforce", "*.postfix.test"))}},
		{name: "sts-testing", host: host, web: webFace{handler: hands("text/plain", policyText("testing", host, spareHost))}, want: []string{"MTASTS-MODE-TESTING"}},
		{name: "sts-redirect", host: host, web: webFace{handler: hasStatus(http.StatusFound)}, want: void},
		{name: "sts-missing", host: host, web: webFace{handler: hasStatus(http.StatusNotFound)}, want: void},
		{name: "sts-busy", host: host, web: webFace{handler: hasStatus(http.StatusServiceUnavailable)}, unclear: []string{"mta-sts file-not-fetched"}},
		{name: "sts-name", host: host, web: webFace{handler: good, cert: certificateOf{names: []string{"www.sts-name.test"}}}, want: void},
		{name: "sts-expired", host: host, web: webFace{handler: good, cert: certificateOf{expired: true}}, want: void},
		{name: "sts-self", host: host, web: webFace{handler: good, cert: certificateOf{selfSigned: true}}, want: void},
		{name: "sts-page", host: host, web: webFace{handler: hands("text/html", "<!DOCTYPE html>\n<title>Welcome</title>\n")}, want: []string{"MTASTS-POLICY-SYNTAX"}, unclear: []string{}},
		{name: "sts-html", host: host, web: webFace{handler: hands("text/html", policyText("enforce", host, spareHost))}, want: []string{"MTASTS-POLICY-SYNTAX"}},
		{name: "sts-other", host: host, web: webFace{handler: hands("text/plain", policyText("enforce", "mx.elsewhere.test", spareHost))}, want: []string{"MTASTS-MX-NOT-LISTED", "MTASTS-PATTERN-IDLE"}},
		{name: "sts-trial", host: host, web: webFace{handler: hands("text/plain", policyText("testing", spareHost))}, want: []string{"MTASTS-MODE-TESTING", "MTASTS-MX-NOT-LISTED-TESTING"}},
		{
			name: "sts-mx-expired", host: "expired.postfix.test", web: webFace{handler: hands("text/plain", policyText("enforce", "expired.postfix.test", spareHost))},
			want: []string{"MTASTS-MX-TLS", "TLS-CERT-EXPIRED"},
		},
		{
			name: "sts-mx-named", host: "named.exim.test", web: webFace{handler: hands("text/plain", policyText("enforce", "named.exim.test", spareHost))},
			want: []string{"MTASTS-MX-TLS", "TLS-CERT-NAME"},
		},
		{
			name: "sts-mx-clear", host: "clear.postfix.test", web: webFace{handler: hands("text/plain", policyText("enforce", "clear.postfix.test", spareHost))},
			want: []string{"MTASTS-MX-TLS", "SMTP-587-NO-STARTTLS", "SMTP-STARTTLS-MISSING"},
		},
	}
}

// Digests that no key has. The signature over the second is broken.
var (
	strangeDigest = strings.Repeat("5a", 32)
	forgedDigest  = strings.Repeat("6b", 32)
)

func tamperTLSA(signed string) string {
	return strings.ReplaceAll(signed, forgedDigest, strings.Repeat("6c", 32))
}

// daneScenes are about TLSA records.
func (m *machines) daneScenes() []scene {
	pins := func(host string, records ...string) func(*setup) {
		return func(x *setup) {
			for _, r := range records {
				x.more += fmt.Sprintf("_25._tcp.%s. %s\n", host, r)
			}
		}
	}
	own := func(host string) string { return m.certs[host].tlsa(3, 0) }
	authority := m.certs[spareHost].tlsa(2, 1)
	strange := "TLSA 3 1 1 " + strangeDigest
	one := func(name, host string, want []string, records ...string) scene {
		return scene{name: name, host: host, plant: pins(host, records...), want: want}
	}
	return []scene{
		one("dane-fine", "dane.postfix.test", nil, own("dane.postfix.test"), authority),
		// The next key may stand beside the present one, and with 3 1 1 neither the
		// dates nor the names of the certificate count.
		one("dane-expired", "daneold.postfix.test", nil, own("daneold.postfix.test"), strange),
		one("dane-single", "danesingle.postfix.test", []string{"DANE-SINGLE-PIN"}, own("danesingle.postfix.test")),
		one("dane-wrong", "danewrong.postfix.test", []string{"DANE-MISMATCH"}, strange),
		one("dane-authority", "daneca.postfix.test", nil, authority),
		one("dane-authority-name", "danecaname.postfix.test", []string{"DANE-MISMATCH", "TLS-CERT-NAME"}, authority),
		one("dane-clear", "daneclear.postfix.test", []string{"DANE-NO-STARTTLS", "SMTP-STARTTLS-MISSING"}, own("daneclear.postfix.test"), strange),
		one("dane-unusable", "danepkix.postfix.test", []string{"DANE-NO-USABLE-RECORD"}, m.certs["danepkix.postfix.test"].tlsa(1, 0)),
		one("dane-forged", "danebogus.postfix.test", []string{"DANE-TLSA-BROKEN"}, "TLSA 3 1 1 "+forgedDigest),
		{name: "dane-insecure", host: "mx.bare", want: []string{"DANE-INSECURE"}},
		{name: "dane-unsigned", zone: "bare", host: "dane.postfix.test", want: []string{"DANE-INSECURE"}},
		{name: "dane-unsigned-clear", zone: "bare", host: spareHost},
	}
}

// bareRecords is the text of the unsigned zone: a mail host with TLSA records
// and domains with the mail hosts of others.
func (m *machines) bareRecords(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "mx A 198.18.5.38\n_25._tcp.mx %s\n", m.certs["mx.bare"].tlsa(3, 0))
	key := publicKey(t)
	for _, s := range m.daneScenes() {
		if s.zone != "bare" {
			continue
		}
		fmt.Fprintf(&b, "%[1]s MX 10 %[2]s.\n%[1]s MX 20 %[3]s.\n%[1]s TXT \"v=spf1 mx -all\"\n", s.name, s.host, "fine.postfix.test")
		fmt.Fprintf(&b, "_dmarc.%[1]s TXT \"v=DMARC1; p=reject; rua=mailto:dmarc@%[1]s.bare\"\n", s.name)
		fmt.Fprintf(&b, "_smtp._tls.%s TXT \"v=TLSRPTv1; rua=mailto:tls@reports.test\"\n", s.name)
		fmt.Fprintf(&b, "default._domainkey.%s TXT %s\n", s.name, quoted(key))
	}
	return b.String()
}

// uses lets an audit look at a host of mail programs.
func uses(host string) func(*check.Options) { return func(o *check.Options) { o.Access = host } }

// announces publishes SRV records: "service port host".
func announces(records ...string) func(*setup) {
	return func(x *setup) {
		for _, r := range records {
			var service, host string
			var port int
			fmt.Sscan(r, &service, &port, &host)
			x.more += fmt.Sprintf("_%s._tcp.%s SRV 0 1 %d %s.\n", service, sceneLabel, port, host)
		}
	}
}

// sceneLabel stands for the name of the scene in records.
const sceneLabel = "SCENE"

// accessScenes are about Dovecot, and about Postfix for submission.
func accessScenes() []scene {
	left := []string{"tls offers-left"} // the connections do not suffice for all
	return []scene{
		{name: "access-fine", host: "fine.postfix.test", options: uses("fine.dovecot.test"), unclear: left},
		{name: "access-login", host: "fine.postfix.test", options: uses("login.dovecot.test"), want: []string{"ACCESS-LOGIN-IN-CLEAR"}, unclear: left},
		{name: "access-clear", host: "fine.postfix.test", options: uses("clear.dovecot.test"), want: []string{"ACCESS-NO-TLS"}, unclear: left},
		{name: "access-expired", host: "fine.postfix.test", options: uses("expired.dovecot.test"), want: []string{"ACCESS-CERT-EXPIRED"}, unclear: left},
		{name: "access-named", host: "fine.postfix.test", options: uses("named.dovecot.test"), want: []string{"ACCESS-CERT-NAME"}, unclear: left},
		{name: "access-self", host: "fine.postfix.test", options: uses("self.dovecot.test"), want: []string{"ACCESS-CERT-UNTRUSTED"}, unclear: left},
		{name: "access-old", host: "fine.postfix.test", options: uses("old.dovecot.test"), unclear: left},
		{name: "access-submission", host: "fine.postfix.test", options: uses("auth.exim.test"), want: []string{"ACCESS-LOGIN-IN-CLEAR"}, unclear: left},
		{
			name: "srv-fine", host: "fine.postfix.test", options: uses(check.AccessAuto), unclear: left,
			plant: announces("imaps 993 fine.dovecot.test", "pop3s 995 fine.dovecot.test", "submissions 465 fine.postfix.test"),
		},
		{
			name: "srv-refused", host: "fine.postfix.test", options: uses(check.AccessAuto), want: []string{"ACCESS-CERT-NAME", "ACCESS-SRV-REFUSED"}, unclear: left,
			plant: announces("imaps 993 named.dovecot.test", "imap 143 named.dovecot.test"),
		},
		{
			name: "srv-dangling", host: "fine.postfix.test", options: uses(check.AccessAuto), want: []string{"ACCESS-SRV-DANGLING"}, unclear: left,
			plant: announces("imaps 993 fine.dovecot.test", "pop3s 995 gone.dovecot.test"),
		},
		{
			name: "srv-clear", host: "fine.postfix.test", options: uses(check.AccessAuto), want: []string{"ACCESS-LOGIN-IN-CLEAR", "ACCESS-SRV-CLEAR-ONLY"}, unclear: left,
			plant: announces("imap 143 login.dovecot.test"),
		},
	}
}

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
		{name: "list-clean", host: host, options: asks(cleanSender, "zen.spamhaus.org")},
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
