//go:build integration

package check_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"testing"
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
		{name: "sts-fine", merit: "mta-sts-enforced", trust: "yes yes not-applicable", host: host, web: webFace{handler: good}},
		{name: "sts-unreported", host: host, web: webFace{handler: good}, silent: true, want: []string{"TLSRPT-MISSING"}},
		{name: "sts-wildcard", merit: "mta-sts-enforced", host: host, web: webFace{handler: hands("text/plain; charset=utf-8", policyText("enforce", "*.postfix.test"))}},
		{name: "sts-testing", trust: anybody, host: host, web: webFace{handler: hands("text/plain", policyText("testing", host, spareHost))}, want: []string{"MTASTS-MODE-TESTING"}},
		{name: "sts-redirect", trust: anybody, host: host, web: webFace{handler: hasStatus(http.StatusFound)}, want: void},
		{name: "sts-missing", host: host, web: webFace{handler: hasStatus(http.StatusNotFound)}, want: void},
		{name: "sts-busy", trust: "yes unknown not-applicable", host: host, web: webFace{handler: hasStatus(http.StatusServiceUnavailable)}, unclear: []string{"mta-sts file-not-fetched"}},
		{name: "sts-name", host: host, web: webFace{handler: good, cert: certificateOf{names: []string{"www.sts-name.test"}}}, want: void},
		{name: "sts-expired", host: host, web: webFace{handler: good, cert: certificateOf{expired: true}}, want: void},
		{name: "sts-self", host: host, web: webFace{handler: good, cert: certificateOf{selfSigned: true}}, want: void},
		{name: "sts-page", host: host, web: webFace{handler: hands("text/html", "<!DOCTYPE html>\n<title>Welcome</title>\n")}, want: []string{"MTASTS-POLICY-SYNTAX"}, unclear: []string{}},
		{name: "sts-html", host: host, web: webFace{handler: hands("text/html", policyText("enforce", host, spareHost))}, want: []string{"MTASTS-POLICY-SYNTAX"}},
		{name: "sts-other", trust: "yes no not-applicable", host: host, web: webFace{handler: hands("text/plain", policyText("enforce", "mx.elsewhere.test", spareHost))}, want: []string{"MTASTS-MX-NOT-LISTED", "MTASTS-PATTERN-IDLE"}},
		{name: "sts-trial", host: host, web: webFace{handler: hands("text/plain", policyText("testing", spareHost))}, want: []string{"MTASTS-MODE-TESTING", "MTASTS-MX-NOT-LISTED-TESTING"}},
		{
			name: "sts-mx-expired", trust: "yes no not-applicable", host: "expired.postfix.test", web: webFace{handler: hands("text/plain", policyText("enforce", "expired.postfix.test", spareHost))},
			want: []string{"MTASTS-MX-TLS", "TLS-CERT-EXPIRED"},
		},
		{
			name: "sts-mx-named", trust: "yes no not-applicable", host: "named.exim.test", web: webFace{handler: hands("text/plain", policyText("enforce", "named.exim.test", spareHost))},
			want: []string{"MTASTS-MX-TLS", "TLS-CERT-NAME"},
		},
		{
			name: "sts-mx-clear", trust: "yes no not-applicable", host: "clear.postfix.test", web: webFace{handler: hands("text/plain", policyText("enforce", "clear.postfix.test", spareHost))},
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
	one := func(name, host string, want []string, trust, merit string, records ...string) scene {
		return scene{name: name, host: host, plant: pins(host, records...), want: want, trust: trust, merit: merit}
	}
	const (
		delivered = "yes not-applicable yes"
		stopped   = "yes not-applicable no"
		verified  = "dane-verified"
	)
	return []scene{
		one("dane-fine", "dane.postfix.test", nil, delivered, verified, own("dane.postfix.test"), authority),
		// The next key may stand beside the present one, and with 3 1 1 neither the
		// dates nor the names of the certificate count.
		one("dane-expired", "daneold.postfix.test", nil, delivered, verified, own("daneold.postfix.test"), strange),
		one("dane-single", "danesingle.postfix.test", []string{"DANE-SINGLE-PIN"}, delivered, verified, own("danesingle.postfix.test")),
		one("dane-wrong", "danewrong.postfix.test", []string{"DANE-MISMATCH"}, stopped, "", strange),
		one("dane-authority", "daneca.postfix.test", nil, delivered, verified, authority),
		one("dane-authority-name", "danecaname.postfix.test", []string{"DANE-CHAIN", "TLS-CERT-NAME"}, stopped, "", authority),
		one("dane-authority-unsent", "danealone.postfix.test", []string{"DANE-CHAIN", "TLS-CERT-UNTRUSTED"}, stopped, "", authority),
		one("dane-clear", "daneclear.postfix.test", []string{"DANE-NO-STARTTLS", "SMTP-STARTTLS-MISSING"}, stopped, "", own("daneclear.postfix.test"), strange),
		one("dane-unusable", "danepkix.postfix.test", []string{"DANE-NO-USABLE-RECORD"}, delivered, "", m.certs["danepkix.postfix.test"].tlsa(1, 0)),
		one("dane-forged", "danebogus.postfix.test", []string{"DANE-TLSA-BROKEN"}, stopped, "", "TLSA 3 1 1 "+forgedDigest),
		{name: "dane-insecure", trust: anybody, host: "mx.bare", want: []string{"DANE-INSECURE"}},
		{name: "dane-unsigned", trust: anybody, zone: "bare", host: "dane.postfix.test", want: []string{"DANE-INSECURE"}},
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
