package lab

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Limits of the section hosts.
const (
	maxHosts  = 64  // hosts of a world
	maxAddrs  = 8   // addresses of a host
	maxNames  = 16  // names of a certificate
	maxDays   = 825 // days that a certificate may still be valid
	maxErrors = 20  // faults that are told
)

// kind says what an address does with a connection.
type kind string

const (
	kindSMTP        kind = "smtp"
	kindSMTPS       kind = "smtps"
	kindHTTPS       kind = "https"
	kindRefuse      kind = "refuse"
	kindTimeout     kind = "timeout"
	kindUnreachable kind = "unreachable"
	kindHang        kind = "hang"
)

// serves reports whether somebody listens.
func (k kind) serves() bool {
	return k == kindSMTP || k == kindSMTPS || k == kindHTTPS || k.mailbox()
}

// fault names the way in which a server behaves badly.
type fault string

const (
	faultGreet          fault = "greet"
	faultSilent         fault = "silent"
	faultClose          fault = "close"
	faultDrip           fault = "drip"
	faultFlood          fault = "flood"
	faultNoEHLO         fault = "no-ehlo"
	faultStrip          fault = "strip"
	faultSTARTTLS454    fault = "starttls-454"
	faultSTARTTLSRefuse fault = "starttls-refuse"
	faultSTARTTLSClose  fault = "starttls-close"
	faultSTARTTLSPlain  fault = "starttls-plain"
	faultTLSHang        fault = "tls-hang"
	faultTLSFail        fault = "tls-fail"
	faultPlain          fault = "plain"
)

// mailFaults are those of smtp and smtps.
var mailFaults = []fault{
	faultGreet, faultSilent, faultClose, faultDrip, faultFlood, faultNoEHLO, faultStrip,
	faultSTARTTLS454, faultSTARTTLSRefuse, faultSTARTTLSClose, faultSTARTTLSPlain,
	faultTLSHang, faultTLSFail,
}

// webFaults are those of https.
var webFaults = []fault{faultSilent, faultClose, faultDrip, faultTLSHang, faultTLSFail, faultPlain}

// aboutSTARTTLS reports whether f needs a server that offers STARTTLS.
func (f fault) aboutSTARTTLS() bool {
	return f == faultStrip || strings.HasPrefix(string(f), "starttls-")
}

// aboutTLS reports whether f needs a server that speaks TLS.
func (f fault) aboutTLS() bool { return f == faultTLSHang || f == faultTLSFail }

// A host is one entry of the section hosts.
type host struct {
	line      int
	kind      kind
	addrs     []netip.AddrPort
	name      string
	banner    string
	ownBanner bool // banner was given, perhaps empty
	starttls  bool
	auth      bool
	authClear bool
	tlsMax    uint16 // 0 for the newest
	tlsMin    uint16 // 0 for TLS 1.2, or tlsMax where that is older
	tlsSuites []uint16
	manners   manners
	cert      *certificate
	pins      []pin
	fault     fault // empty for a server that behaves well
	code      int   // of faultGreet
	text      string
	pages     []page

	loginDisabled bool // of a mailbox, outside of TLS
}

// tls reports whether the host can speak TLS.
func (h *host) tls() bool {
	return h.kind == kindSMTPS || h.kind == kindHTTPS || h.kind.mailboxTLS() || h.starttls
}

// validity says how the time of a certificate lies around the present.
type validity string

const (
	validNow    validity = ""
	expired     validity = "expired"
	notYetValid validity = "not-yet-valid"
)

// keyKind says which key a certificate has.
type keyKind string

const (
	keyECDSA   keyKind = "ecdsa"
	keyRSA1024 keyKind = "rsa1024"
	keyRSA2048 keyKind = "rsa2048"
)

// A certificate describes one that is to be made.
type certificate struct {
	names          []string // empty for the name of the host
	days           int      // until it ends; with validNow only
	validity       validity
	selfSigned     bool
	untrusted      bool
	noIntermediate bool
	sha1           bool // signed with SHA-1
	key            keyKind
}

// manners say what a server answers in a mail transaction, and to VRFY and EXPN.
type manners struct {
	relay        bool // takes mail for anybody
	noPostmaster bool // knows no mailbox postmaster
	vrfy         bool // tells who has a mailbox
	greylist     bool // puts every recipient off
}

// defaultDays is how long a certificate without further options is valid.
const defaultDays = 90

func newCertificate() *certificate { return &certificate{days: defaultDays, key: keyECDSA} }

// A hostsParser reads the section hosts. It collects the faults and goes on.
type hostsParser struct {
	file    string
	line    int
	hosts   []host
	current *host           // nil below a head that is not understood
	given   map[string]bool // settings of current
	taken   map[netip.AddrPort]int
	errs    []error
}

// parseHosts reads the section hosts. Its error joins a *SyntaxError for each
// fault, at most maxErrors of them.
func parseHosts(file, text string) ([]host, error) {
	p := &hostsParser{file: file, taken: map[netip.AddrPort]int{}}
	for line := range strings.Lines(text) {
		p.line++
		line = strings.TrimRight(line, "\r\n")
		words, err := splitWords(line)
		switch {
		case err != nil:
			p.expected("%v", err)
		case len(words) == 0:
		case line[0] != ' ' && line[0] != '\t':
			p.finish()
			p.head(words)
		case p.current != nil:
			p.setting(words[0], words[1:])
		case len(p.hosts) == 0 && len(p.errs) == 0:
			p.expected("a host before its settings")
		}
		if len(p.errs) >= maxErrors {
			break
		}
	}
	p.finish()
	if len(p.errs) > 0 {
		return nil, errors.Join(p.errs[:min(len(p.errs), maxErrors)]...)
	}
	return p.hosts, nil
}

var errQuote = errors.New(`a Go string in double quotes, with a blank behind it`)

// splitWords splits a line at its blanks and undoes the quotes.
func splitWords(line string) ([]string, error) {
	var words []string
	for rest := strings.TrimLeft(line, " \t"); rest != "" && rest[0] != '#'; rest = strings.TrimLeft(rest, " \t") {
		end := strings.IndexAny(rest, " \t")
		if end < 0 {
			end = len(rest)
		}
		if rest[0] != '"' {
			words, rest = append(words, rest[:end]), rest[end:]
			continue
		}
		quoted, err := strconv.QuotedPrefix(rest)
		if err != nil {
			return nil, errQuote
		}
		word, err := strconv.Unquote(quoted)
		rest = rest[len(quoted):]
		if err != nil || rest != "" && rest[0] != ' ' && rest[0] != '\t' {
			return nil, errQuote
		}
		words = append(words, word)
	}
	return words, nil
}

func (p *hostsParser) expected(format string, args ...any) {
	p.errs = append(p.errs, &SyntaxError{Name: p.file, Line: p.line, Want: fmt.Sprintf(format, args...)})
}

// head begins a host.
func (p *hostsParser) head(words []string) {
	h := host{line: p.line, kind: kind(words[0])}
	switch h.kind {
	case kindSMTP, kindSMTPS, kindHTTPS, kindIMAP, kindIMAPS, kindPOP3, kindPOP3S, kindRefuse, kindTimeout, kindUnreachable, kindHang:
	default:
		p.expected("smtp, smtps, https, imap, imaps, pop3, pop3s, refuse, timeout, unreachable or hang, not %q", words[0])
		return
	}
	if n := len(words) - 1; n < 1 || n > maxAddrs {
		p.expected("1 to %d addresses, not %d", maxAddrs, n)
		return
	}
	for _, word := range words[1:] {
		addr, err := netip.ParseAddrPort(word)
		if err != nil || addr.Port() == 0 || !documentation(addr.Addr()) {
			p.expected("a documentation address and a port, such as 192.0.2.10:25 or [2001:db8::10]:25, not %q", word)
			continue
		}
		if line := p.taken[addr]; line > 0 {
			p.expected("an address once; %s stands in line %d already", addr, line)
			continue
		}
		p.taken[addr] = p.line
		h.addrs = append(h.addrs, addr)
	}
	if len(p.hosts) == maxHosts {
		p.expected("at most %d hosts", maxHosts)
		return
	}
	p.hosts = append(p.hosts, h)
	p.current, p.given = &p.hosts[len(p.hosts)-1], map[string]bool{}
}

// finish judges the host as a whole.
func (p *hostsParser) finish() {
	h := p.current
	if h == nil {
		return
	}
	p.current = nil
	at := p.line
	p.line = h.line
	defer func() { p.line = at }()
	if !h.kind.serves() {
		return
	}
	if h.name == "" {
		p.expected("a setting name below %s", h.kind)
	}
	switch {
	case (h.kind == kindSMTPS || h.kind.mailboxTLS()) && h.starttls:
		p.expected("no starttls below %s", h.kind)
	case !h.starttls && h.fault.aboutSTARTTLS():
		p.expected("starttls beside the fault %s", h.fault)
	case !h.tls() && h.fault.aboutTLS():
		p.expected("starttls beside the fault %s, or smtps", h.fault)
	case !h.tls() && (h.cert != nil || h.tlsMax != 0 || h.tlsMin != 0 || h.tlsSuites != nil):
		p.expected("starttls beside cert, tls-max, tls-min and tls-suites, or smtps")
	case h.tlsMin != 0 && h.tlsMax != 0 && h.tlsMin > h.tlsMax:
		p.expected("a tls-min that is not above tls-max")
	case !h.tls() && h.pins != nil:
		p.expected("starttls beside tlsa, or smtps")
	case !h.tls() && h.auth:
		p.expected("starttls beside auth, or auth-clear")
	}
	if h.cert == nil {
		h.cert = newCertificate()
	}
}

// setting reads one setting of the current host.
func (p *hostsParser) setting(word string, args []string) {
	h := p.current
	if !h.kind.serves() {
		p.expected("no settings below %s", h.kind)
		return
	}
	if h.kind == kindHTTPS && p.webSetting(word, args) || h.kind.mailbox() && p.mailboxSetting(word, args) {
		return
	}
	if word == "tlsa" && h.kind != kindHTTPS {
		p.tlsa(args)
		return
	}
	if p.given[word] {
		p.expected("the setting %q once", word)
		return
	}
	p.given[word] = true
	switch word {
	case "name":
		if p.count(word, args, 1) {
			p.name(args[0], &h.name)
		}
	case "banner":
		if p.count(word, args, 1) {
			h.ownBanner = p.text(args[0], &h.banner)
		}
	case "starttls":
		h.starttls = p.count(word, args, 0)
	case "auth":
		h.auth = p.count(word, args, 0)
	case "auth-clear":
		h.authClear = p.count(word, args, 0)
	case "relay":
		h.manners.relay = p.count(word, args, 0)
	case "no-postmaster":
		h.manners.noPostmaster = p.count(word, args, 0)
	case "vrfy":
		h.manners.vrfy = p.count(word, args, 0)
	case "greylist":
		h.manners.greylist = p.count(word, args, 0)
	case "tls-max":
		if p.count(word, args, 1) {
			p.tlsVersion(word, args[0], &h.tlsMax)
		}
	case "tls-min":
		if p.count(word, args, 1) {
			p.tlsVersion(word, args[0], &h.tlsMin)
		}
	case "tls-suites":
		p.tlsCipherSuites(args)
	case "cert":
		h.cert = newCertificate()
		for _, option := range args {
			p.certOption(h.cert, option)
		}
	case "fault":
		if len(args) == 0 {
			p.expected("the name of a fault")
			return
		}
		p.fault(fault(args[0]), args[1:])
	default:
		p.expected("name, banner, starttls, cert, tls-max, tls-min, tls-suites, tlsa, auth, auth-clear, relay, no-postmaster, vrfy, greylist or fault, not %q", word)
	}
}

func (p *hostsParser) count(word string, args []string, n int) bool {
	if len(args) != n {
		p.expected("%d words behind %s, not %d", n, word, len(args))
	}
	return len(args) == n
}

func (p *hostsParser) name(word string, to *string) {
	if !hostName(word) {
		p.expected("a host name, not %q", word)
		return
	}
	*to = word
}

// hostName reports whether s can stand in a certificate: letters, digits,
// hyphens, underscores and the asterisk of a wildcard, without the final dot.
func hostName(s string) bool {
	if len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for _, c := range []byte(label) {
			if !strings.ContainsRune("*-_", rune(c)) && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
				return false
			}
		}
	}
	return true
}

// text takes any octets but those that would end the line of a reply.
func (p *hostsParser) text(word string, to *string) bool {
	if strings.ContainsAny(word, "\r\n") {
		p.expected("a text of one line")
		return false
	}
	*to = word
	return true
}

func (p *hostsParser) tlsVersion(setting, word string, to *uint16) {
	switch word {
	case "1.0":
		*to = tls.VersionTLS10
	case "1.1":
		*to = tls.VersionTLS11
	case "1.2":
		*to = tls.VersionTLS12
	default:
		p.expected("1.0, 1.1 or 1.2 behind %s, not %q", setting, word)
	}
}

func (p *hostsParser) tlsCipherSuites(words []string) {
	if len(words) == 0 {
		p.expected("the names of cipher suites behind tls-suites")
	}
	known := slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites())
	for _, word := range words {
		i := slices.IndexFunc(known, func(s *tls.CipherSuite) bool { return s.Name == word })
		if i < 0 {
			p.expected("a cipher suite of crypto/tls, such as TLS_RSA_WITH_AES_128_CBC_SHA, not %q", word)
			continue
		}
		p.current.tlsSuites = append(p.current.tlsSuites, known[i].ID)
	}
}

func (p *hostsParser) fault(f fault, args []string) {
	h := p.current
	faults := h.kind.faults()
	if !slices.Contains(faults, f) {
		p.expected("one of the faults %v, not %q", faults, f)
		return
	}
	h.fault = f
	if f != faultGreet {
		p.count(string(f), args, 0)
		return
	}
	if !p.count(string(f), args, 2) {
		return
	}
	code, err := strconv.Atoi(args[0])
	if err != nil || code < 200 || code > 599 {
		p.expected("a reply code from 200 to 599, not %q", args[0])
		return
	}
	h.code = code
	p.text(args[1], &h.text)
}

func (p *hostsParser) certOption(c *certificate, option string) {
	key, value, _ := strings.Cut(option, "=")
	switch key {
	case "names":
		p.certNames(c, value)
	case "days":
		days, err := strconv.Atoi(value)
		if err != nil || days < 0 || days > maxDays {
			p.expected("days=0 to days=%d, not %q", maxDays, option)
			return
		}
		c.days = days
	case "key":
		switch c.key = keyKind(value); c.key {
		case keyECDSA, keyRSA1024, keyRSA2048:
		default:
			p.expected("key=ecdsa, key=rsa1024 or key=rsa2048, not %q", option)
		}
	default:
		p.certFlag(c, option)
	}
}

func (p *hostsParser) certNames(c *certificate, list string) {
	names := strings.Split(list, ",")
	if len(names) > maxNames {
		p.expected("at most %d names in a certificate", maxNames)
		return
	}
	c.names = make([]string, len(names))
	for i, name := range names {
		p.name(name, &c.names[i])
	}
}

func (p *hostsParser) certFlag(c *certificate, option string) {
	switch option {
	case string(expired), string(notYetValid):
		c.validity = validity(option)
	case "self-signed":
		c.selfSigned = true
	case "untrusted":
		c.untrusted = true
	case "no-intermediate":
		c.noIntermediate = true
	case "sha1":
		c.sha1 = true
	default:
		p.expected("names=, days=, key=, expired, not-yet-valid, self-signed, untrusted, no-intermediate or sha1, not %q", option)
	}
}
