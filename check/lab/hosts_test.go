package lab

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func addrs(list ...string) []netip.AddrPort {
	out := make([]netip.AddrPort, len(list))
	for i, a := range list {
		out[i] = netip.MustParseAddrPort(a)
	}
	return out
}

var hostsOptions = cmp.Options{cmp.AllowUnexported(host{}, certificate{}, page{}, pin{}, manners{}), cmpopts.EquateComparable(netip.AddrPort{}), cmpopts.EquateEmpty()}

func TestParseHosts(t *testing.T) {
	good := newCertificate()
	tests := []struct {
		name string
		text string
		want []host
	}{
		{"nothing", "", nil},
		{"comments", "# one\n\n   # two\n", nil},
		{"plain", "smtp 192.0.2.1:25\n  name a.example\n",
			[]host{{line: 1, kind: kindSMTP, addrs: addrs("192.0.2.1:25"), name: "a.example", cert: good}}},
		{"two addresses", "smtp 192.0.2.1:25 [2001:db8::1]:25 # both\n\tname a.example\n",
			[]host{{line: 1, kind: kindSMTP, addrs: addrs("192.0.2.1:25", "[2001:db8::1]:25"), name: "a.example", cert: good}}},
		{"no last newline", "smtp 192.0.2.1:25\n  name a.example\n  starttls",
			[]host{{line: 1, kind: kindSMTP, addrs: addrs("192.0.2.1:25"), name: "a.example", starttls: true, cert: good}}},
		{"all settings", `smtps 198.51.100.1:465
  name a.example
  banner "# \x1b[31m \xff"
  tls-max 1.1
  auth
  auth-clear
  cert names=b.example,*.c.example days=5 self-signed key=rsa2048 no-intermediate
`, []host{{
			line: 1, kind: kindSMTPS, addrs: addrs("198.51.100.1:465"), name: "a.example",
			banner: "# \x1b[31m \xff", ownBanner: true, tlsMax: tls.VersionTLS11, auth: true, authClear: true,
			cert: &certificate{names: []string{"b.example", "*.c.example"}, days: 5, selfSigned: true, key: keyRSA2048, noIntermediate: true},
		}}},
		{"versions and suites of TLS", `smtp 192.0.2.1:25
  name a.example
  starttls
  tls-min 1.0
  tls-max 1.2
  tls-suites TLS_RSA_WITH_RC4_128_SHA TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
  cert sha1
`, []host{{
			line: 1, kind: kindSMTP, addrs: addrs("192.0.2.1:25"), name: "a.example", starttls: true,
			tlsMin: tls.VersionTLS10, tlsMax: tls.VersionTLS12,
			tlsSuites: []uint16{tls.TLS_RSA_WITH_RC4_128_SHA, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256},
			cert:      &certificate{days: defaultDays, key: keyECDSA, sha1: true},
		}}},
		{"manners", "smtp 192.0.2.1:25\n name a.example\n relay\n no-postmaster\n vrfy\n greylist\n",
			[]host{{line: 1, kind: kindSMTP, addrs: addrs("192.0.2.1:25"), name: "a.example", cert: good, manners: manners{true, true, true, true}}}},
		{"empty banner", "smtp 192.0.2.1:25\n name a.example\n banner \"\"\n",
			[]host{{line: 1, kind: kindSMTP, addrs: addrs("192.0.2.1:25"), name: "a.example", ownBanner: true, cert: good}}},
		{"greeting", "smtp 203.0.113.1:25\n name a.example\n fault greet 554 \"no service\"\n",
			[]host{{line: 1, kind: kindSMTP, addrs: addrs("203.0.113.1:25"), name: "a.example", fault: faultGreet, code: 554, text: "no service", cert: good}}},
		{"https", `https 192.0.2.1:443
  name a.example
  cert days=5
  file /logo.svg image/svg+xml logo.svg
  text /a "text/plain; charset=utf-8" "a\r\nb\xff"
  status /gone 410
  redirect / https://b.example/
  fault drip
`, []host{{
			line: 1, kind: kindHTTPS, addrs: addrs("192.0.2.1:443"), name: "a.example", fault: faultDrip,
			cert: &certificate{days: 5, key: keyECDSA},
			pages: []page{
				{line: 4, path: "/logo.svg", code: 200, contentType: "image/svg+xml", file: "logo.svg"},
				{line: 5, path: "/a", code: 200, contentType: "text/plain; charset=utf-8", body: "a\r\nb\xff"},
				{line: 6, path: "/gone", code: 410},
				{line: 7, path: "/", code: 301, location: "https://b.example/"},
			},
		}}},
		{"without servers", "refuse 192.0.2.1:25\ntimeout 192.0.2.2:25\nunreachable 192.0.2.3:25\nhang 192.0.2.4:25\n",
			[]host{
				{line: 1, kind: kindRefuse, addrs: addrs("192.0.2.1:25")},
				{line: 2, kind: kindTimeout, addrs: addrs("192.0.2.2:25")},
				{line: 3, kind: kindUnreachable, addrs: addrs("192.0.2.3:25")},
				{line: 4, kind: kindHang, addrs: addrs("192.0.2.4:25")},
			}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseHosts("test", tt.text)
			if err != nil {
				t.Fatalf("got error %v, want none", err)
			}
			if diff := cmp.Diff(tt.want, got, hostsOptions); diff != "" {
				t.Errorf("hosts (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseHostsFaults(t *testing.T) {
	const (
		smtp  = "smtp 192.0.2.1:25\n  name a.example\n"
		https = "https 192.0.2.1:443\n  name a.example\n"
	)
	tests := []struct {
		name string
		text string
		want []string // parts of the errors, in order
	}{
		{"unknown kind", "ftp 192.0.2.1:21\n  name a.example\n", []string{`test:1: expected smtp, smtps, https, imap, imaps, pop3, pop3s, refuse, timeout, unreachable or hang, not "ftp"`}},
		{"no address", "refuse\n", []string{"test:1: expected 1 to 8 addresses, not 0"}},
		{"public address", "refuse 192.0.3.1:25\n", []string{"test:1: expected a documentation address"}},
		{"loopback", "refuse 127.0.0.1:25 [::1]:25\n", []string{"test:1: expected a documentation", "test:1: expected a documentation"}},
		{"mapped address", "refuse [::ffff:192.0.2.1]:25\n", []string{"test:1: expected a documentation"}},
		{"no port", "refuse 192.0.2.1\n", []string{"test:1: expected a documentation"}},
		{"port 0", "refuse 192.0.2.1:0\n", []string{"test:1: expected a documentation"}},
		{"address twice", "refuse 192.0.2.1:25\nhang 192.0.2.1:25\n", []string{"test:2: expected an address once; 192.0.2.1:25 stands in line 1 already"}},
		{"setting first", "  name a.example\n", []string{"test:1: expected a host before its settings"}},
		{"no name", "smtp 192.0.2.1:25\n", []string{"test:1: expected a setting name below smtp"}},
		{"setting of no server", "refuse 192.0.2.1:25\n  name a.example\n", []string{"test:2: expected no settings below refuse"}},
		{"setting twice", smtp + "  name b.example\n", []string{`test:3: expected the setting "name" once`}},
		{"unknown setting", smtp + "  helo\n", []string{`test:3: expected name, banner,`}},
		{"bad name", "smtp 192.0.2.1:25\n  name a_b.ex,mple\n", []string{"test:2: expected a host name", "test:1: expected a setting name"}},
		{"final dot", "smtp 192.0.2.1:25\n  name a.example.\n", []string{"test:2: expected a host name", "test:1: expected"}},
		{"words behind starttls", smtp + "  starttls now\n", []string{"test:3: expected 0 words behind starttls, not 1"}},
		{"open quote", smtp + "  banner \"a b\n", []string{"test:3: expected a Go string in double quotes"}},
		{"glued quote", smtp + "  banner \"a\"b\n", []string{"test:3: expected a Go string in double quotes"}},
		{"two lines of text", smtp + "  banner \"a\\nb\"\n", []string{"test:3: expected a text of one line"}},
		{"TLS 1.3", smtp + "  starttls\n  tls-max 1.3\n", []string{"test:4: expected 1.0, 1.1 or 1.2"}},
		{"tls-min without TLS", smtp + "  tls-min 1.0\n", []string{"test:1: expected starttls beside cert"}},
		{"tls-min above tls-max", smtp + "  starttls\n  tls-max 1.0\n  tls-min 1.1\n", []string{"test:1: expected a tls-min that is not above tls-max"}},
		{"no suites", smtp + "  starttls\n  tls-suites\n", []string{"test:4: expected the names of cipher suites"}},
		{"unknown suites", smtp + "  starttls\n  tls-suites RC4 NULL\n", []string{"test:4: expected a cipher suite of crypto/tls", "test:4: expected a cipher suite"}},
		{"words behind relay", smtp + "  relay all\n", []string{"test:3: expected 0 words behind relay, not 1"}},
		{"cert without TLS", smtp + "  cert expired\n", []string{"test:1: expected starttls beside cert"}},
		{"tls-max without TLS", smtp + "  tls-max 1.1\n", []string{"test:1: expected starttls beside cert"}},
		{"auth without TLS", smtp + "  auth\n", []string{"test:1: expected starttls beside auth"}},
		{"starttls below smtps", "smtps 192.0.2.1:465\n  name a.example\n  starttls\n", []string{"test:1: expected no starttls below smtps"}},
		{"bad options of cert", smtp + "  starttls\n  cert days=x days=-1 days=826 key=dsa lost names=\n",
			[]string{"test:4: expected days=0", "test:4: expected days=0", "test:4: expected days=0", "test:4: expected key=", "test:4: expected names=", "test:4: expected a host name"}},
		{"unknown fault", smtp + "  fault none\n", []string{"test:3: expected one of the faults"}},
		{"no fault", smtp + "  fault\n", []string{"test:3: expected the name of a fault"}},
		{"words behind a fault", smtp + "  fault drip 1\n", []string{"test:3: expected 0 words behind drip, not 1"}},
		{"greet without text", smtp + "  fault greet 421\n", []string{"test:3: expected 2 words behind greet, not 1"}},
		{"greet with a bad code", smtp + "  fault greet 199 no\n", []string{"test:3: expected a reply code from 200 to 599"}},
		{"fault of STARTTLS without it", smtp + "  fault strip\n", []string{"test:1: expected starttls beside the fault strip"}},
		{"fault of STARTTLS below smtps", "smtps 192.0.2.1:465\n  name a.example\n  fault starttls-454\n", []string{"test:1: expected starttls beside the fault starttls-454"}},
		{"fault of TLS without it", smtp + "  fault tls-hang\n", []string{"test:1: expected starttls beside the fault tls-hang"}},
		{"https without a name", "https 192.0.2.1:443\n", []string{"test:1: expected a setting name below https"}},
		{"setting of smtp below https", https + "  banner x\n  starttls\n  auth\n", []string{"test:3: expected name, cert, tls-max, file,", "test:4: expected name,", "test:5: expected name,"}},
		{"setting of https below smtp", smtp + "  file / text/plain a\n", []string{"test:3: expected name, banner,"}},
		{"fault of smtp below https", https + "  fault greet 421 x\n", []string{"test:3: expected one of the faults [silent"}},
		{"fault of https below smtp", smtp + "  fault plain\n", []string{"test:3: expected one of the faults [greet"}},
		{"path twice", https + "  text /a b c\n  status /a 404\n", []string{`test:4: expected the path "/a" once`}},
		{"bad paths", https + "  text a b c\n  status /?a 404\n  redirect \"/ \" https://a.example/\n  text \"\" b c\n",
			[]string{`expected a path such as /logo.svg, not "a"`, "test:4: expected a path", "test:5: expected a path", "test:6: expected a path"}},
		{"words behind file", https + "  file /a b\n", []string{"test:3: expected 3 words behind file, not 2"}},
		{"words behind text", https + "  text /a b\n", []string{"test:3: expected 3 words behind text, not 2"}},
		{"words behind status", https + "  status /a\n", []string{"test:3: expected 2 words behind status, not 1"}},
		{"words behind redirect", https + "  redirect /a\n", []string{"test:3: expected 2 words behind redirect, not 1"}},
		{"bad files", https + "  file /a b zone\n  file /a b hosts\n  file /a b \"\"\n", []string{"test:3: expected a section with a file", "test:4: expected a section", "test:5: expected a section"}},
		{"bad statuses", https + "  status /a 199\n  status /a 600\n  status /a x\n", []string{"test:3: expected a status from 200 to 599", "test:4: expected a status", "test:5: expected a status"}},
		{"two lines in the header", https + "  text /a \"b\\r\\nc\" d\n  redirect /a \"b\\nc\"\n", []string{"test:3: expected a text of one line", "test:4: expected a text of one line"}},
		{"several faults", "ftp x\nrefuse\n", []string{"test:1: ", "test:2: "}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parseHosts("test", tt.text)
			if err == nil {
				t.Fatal("got no error")
			}
			var syntax *SyntaxError
			if !errors.As(err, &syntax) {
				t.Errorf("got error %T, want a SyntaxError in it", err)
			}
			got := strings.Split(err.Error(), "\n")
			if len(got) != len(tt.want) {
				t.Fatalf("got errors %q, want %q", got, tt.want)
			}
			for i, want := range tt.want {
				if !strings.Contains(got[i], want) {
					t.Errorf("got error %q, want one with %q", got[i], want)
				}
			}
		})
	}
}

func TestParseHostsLimits(t *testing.T) {
	hosts := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "refuse 192.0.2.1:%d\n", i+1)
		}
		return b.String()
	}
	head := func(n int) string {
		b := "refuse"
		for i := range n {
			b += fmt.Sprintf(" 192.0.2.1:%d", i+1)
		}
		return b
	}
	names := func(n int) string {
		return "smtp 192.0.2.1:25\n name a.example\n starttls\n cert names=" + strings.Repeat("a.example,", n-1) + "a.example"
	}
	days := func(n int) string {
		return "smtp 192.0.2.1:25\n name a.example\n starttls\n cert days=" + strconv.Itoa(n)
	}
	pages := func(n int) string {
		b := "https 192.0.2.1:443\n name a.example\n"
		for i := range n {
			b += fmt.Sprintf(" status /%d 404\n", i)
		}
		return b
	}
	tests := []struct {
		name string
		make func(int) string
		most int
	}{
		{"pages", pages, maxPages},
		{"hosts", hosts, maxHosts},
		{"addresses", head, maxAddrs},
		{"names", names, maxNames},
		{"days", days, maxDays},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := parseHosts("test", tt.make(tt.most)); err != nil {
				t.Errorf("%d: got error %v, want none", tt.most, err)
			}
			if _, err := parseHosts("test", tt.make(tt.most+1)); err == nil {
				t.Errorf("%d: got no error", tt.most+1)
			}
		})
	}
	t.Run("errors", func(t *testing.T) {
		_, err := parseHosts("test", strings.Repeat("x\n", 2*maxErrors))
		if n := strings.Count(fmt.Sprint(err), "\n") + 1; n != maxErrors {
			t.Errorf("got %d errors, want %d", n, maxErrors)
		}
	})
}

// write puts a host into the form that it was read from.
func (h *host) write(b *strings.Builder) {
	b.WriteString(string(h.kind))
	for _, a := range h.addrs {
		b.WriteString(" " + a.String())
	}
	b.WriteString("\n")
	if !h.kind.serves() {
		return
	}
	fmt.Fprintf(b, "  name %s\n", h.name)
	if h.ownBanner {
		fmt.Fprintf(b, "  banner %q\n", h.banner)
	}
	for _, s := range []struct {
		set  bool
		word string
	}{{h.starttls, "starttls"}, {h.auth, "auth"}, {h.authClear, "auth-clear"}} {
		if s.set {
			fmt.Fprintf(b, "  %s\n", s.word)
		}
	}
	if h.tlsMax != 0 {
		fmt.Fprintf(b, "  tls-max 1.%d\n", h.tlsMax-tls.VersionTLS10)
	}
	if h.fault == faultGreet {
		fmt.Fprintf(b, "  fault greet %d %q\n", h.code, h.text)
	} else if h.fault != "" {
		fmt.Fprintf(b, "  fault %s\n", h.fault)
	}
	for _, g := range h.pages {
		switch {
		case g.file != "":
			fmt.Fprintf(b, "  file %s %q %q\n", g.path, g.contentType, g.file)
		case g.location != "":
			fmt.Fprintf(b, "  redirect %s %q\n", g.path, g.location)
		case g.code == 200:
			fmt.Fprintf(b, "  text %s %q %q\n", g.path, g.contentType, g.body)
		default:
			fmt.Fprintf(b, "  status %s %d\n", g.path, g.code)
		}
	}
	if !h.tls() {
		return
	}
	c := h.cert
	fmt.Fprintf(b, "  cert days=%d key=%s %s", c.days, c.key, c.validity)
	if len(c.names) > 0 {
		b.WriteString(" names=" + strings.Join(c.names, ","))
	}
	for _, s := range []struct {
		set  bool
		word string
	}{{c.selfSigned, " self-signed"}, {c.untrusted, " untrusted"}, {c.noIntermediate, " no-intermediate"}} {
		if s.set {
			b.WriteString(s.word)
		}
	}
	b.WriteString("\n")
}

// What was read can be written and read again, and uses no address but those
// for documentation, each once.
func FuzzParseHosts(f *testing.F) {
	f.Add("smtp 192.0.2.1:25 [2001:db8::1]:25\n  name a.example # x\n  starttls\n  cert names=a.example,b.example expired\n")
	f.Add("smtps 192.0.2.1:465\n name a.example\n banner \"\\xff \\u202e\"\n auth-clear\n fault greet 554 \"no\"\n")
	f.Add("https 192.0.2.1:443\n name a.example\n file /a b/c d\n text /b \"\" \"\"\n status /c 200\n redirect /d \"\"\n fault plain\n")
	f.Add("refuse 192.0.2.1:25\ntimeout 192.0.2.2:25\nhang 203.0.113.9:1\n")
	f.Fuzz(func(t *testing.T, text string) {
		hosts, err := parseHosts("fuzz", text)
		if err != nil {
			return
		}
		seen := map[netip.AddrPort]bool{}
		var b strings.Builder
		for i := range hosts {
			for _, a := range hosts[i].addrs {
				if seen[a] || !documentation(a.Addr()) {
					t.Errorf("address %s twice or not for documentation", a)
				}
				seen[a] = true
			}
			hosts[i].write(&b)
		}
		again, err := parseHosts("again", b.String())
		if err != nil {
			t.Fatalf("%v\nin what was written:\n%s", err, &b)
		}
		if diff := cmp.Diff(hosts, again, hostsOptions, cmpopts.IgnoreFields(host{}, "line"), cmpopts.IgnoreFields(page{}, "line")); diff != "" {
			t.Errorf("read, written, read (-first +again):\n%s", diff)
		}
	})
}
