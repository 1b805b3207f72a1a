// Package lab is a pretend internet on loopback: DNS, SMTP and HTTPS servers and
// a certificate authority, all described by one file. Programs meet it through
// the same functions that reach the real one, so that a demonstration, a test
// or a benchmark needs neither network nor privileges, and uses the addresses
// and names that are reserved for documentation (RFC 5737, RFC 3849, RFC 2606).
//
// # Worlds
//
// A world is a txtar archive of at most MaxWorld octets. Its comment begins
// with the domain to look at, followed by what the world shows:
//
//	domain: healthy.example
//	Two mail hosts, and nothing to complain about.
//	-- zone --
//	healthy.example. 3600 IN MX 10 mx1.healthy.example.
//	...
//	-- hosts --
//	smtp 192.0.2.10:25 [2001:db8::10]:25
//	  name mx1.healthy.example
//	  starttls
//
// The section zone is a zone file as package dnsx reads it, with its faults in
// comments; it holds every name that exists. The section hosts, which may be
// missing, says what listens where. Any other section is a file that a host of
// https serves.
//
// # Hosts
//
// A host is a line that begins in the first column, with its settings on
// indented lines below it. Words are separated by blanks; a word with blanks
// or odd octets in it is written as a Go string in double quotes. A word that
// begins with # starts a comment.
//
//	smtp ADDRESS:PORT...         SMTP (RFC 5321)
//	smtps ADDRESS:PORT...        SMTP inside TLS from the first octet (RFC 8314)
//	imap ADDRESS:PORT...         IMAP (RFC 9051)
//	imaps ADDRESS:PORT...        IMAP inside TLS from the first octet
//	pop3 ADDRESS:PORT...         POP3 (RFC 1939)
//	pop3s ADDRESS:PORT...        POP3 inside TLS from the first octet
//	https ADDRESS:PORT...        HTTP/1.1 inside TLS (RFC 9110), one request a connection
//	refuse ADDRESS:PORT...       refuses connections, as every address does that is not listed
//	timeout ADDRESS:PORT...      a connection times out, at once
//	unreachable ADDRESS:PORT...  there is no route, known at once
//	hang ADDRESS:PORT...         a connection is never made; the dial lasts as long as its context
//
// The settings of smtp and smtps:
//
//	name HOST                 the name of the server; required
//	banner TEXT               the text of its greeting, instead of "HOST ESMTP Service Ready"
//	starttls                  offers STARTTLS; smtp only
//	cert OPTION...            its certificate, if not a good one for HOST: see below
//	tls-max 1.0|1.1|1.2       the newest version of TLS that it speaks
//	tls-min 1.0|1.1|1.2       the oldest; default is 1.2, or tls-max where that is older
//	tls-suites NAME...        the cipher suites that it has for TLS 1.2 and older, by their IANA names
//	relay                     takes mail for anybody
//	no-postmaster             knows no mailbox postmaster
//	vrfy                      tells by VRFY and EXPN who has a mailbox
//	greylist                  puts every recipient off
//	auth                      offers AUTH PLAIN inside TLS
//	auth-clear                offers AUTH PLAIN outside of TLS too
//	tlsa U S M [insecure]     publishes a TLSA record for its ports, of the numbers
//	                          given, for its certificate or, with usage 0 and 2,
//	                          for that of the issuer; the answer carries the AD bit
//	                          unless it is insecure; may be there several times
//	fault NAME                behaves badly, in one way:
//
//	greet CODE TEXT           greets with another code than 220; 421 ends the connection
//	silent                    accepts the connection and says nothing
//	close                     accepts the connection and ends it
//	drip                      greets without end, an octet at a time
//	flood                     greets without end, as fast as it can
//	no-ehlo                   refuses EHLO, knows HELO
//	strip                     shows XXXXXXXA where STARTTLS stood, and refuses the command
//	starttls-454              offers STARTTLS, then cannot do it now
//	starttls-refuse           offers STARTTLS, then refuses it for good
//	starttls-close            ends the connection instead of answering STARTTLS
//	starttls-plain            sends another reply in the clear behind the 220 to STARTTLS
//	tls-hang                  never answers the TLS handshake
//	tls-fail                  answers the TLS handshake with the alert handshake_failure
//
// The settings of imap, imaps, pop3 and pop3s, whose mailboxes nobody can open:
//
//	name HOST                 the name of the server; required
//	starttls                  offers STARTTLS, or STLS; not below imaps and pop3s
//	cert OPTION...            as above
//	tls-max 1.0|1.1|1.2       as above
//	login-disabled            takes no LOGIN, or USER, outside of TLS
//	auth-clear                offers AUTH=PLAIN, or SASL PLAIN, outside of TLS too
//	fault NAME                behaves badly, in one way:
//
//	silent, close             as above
//	drip                      greets without end, an octet at a time
//	bye                       says in place of a greeting that it has no time
//	starttls-refuse, starttls-close, starttls-plain, tls-hang, tls-fail
//	                          as above
//
// The settings of https, where PATH begins with a slash and is compared as it
// stands in the request, without a query; what has no setting is not found:
//
//	name HOST                          the name of the server; required
//	cert OPTION...                     as above
//	tls-max 1.0|1.1|1.2                as above
//	file PATH CONTENT-TYPE SECTION     serves another section of the world
//	text PATH CONTENT-TYPE TEXT        serves a text
//	status PATH CODE                   answers with another code than 200, and nothing more
//	redirect PATH URL                  answers with the code 301 and the URL
//	fault NAME                         behaves badly, in one way:
//
//	silent                    takes the request and says nothing
//	close                     takes the request and ends the connection
//	drip                      answers every request without end, an octet at a time
//	plain                     answers in the clear, without TLS
//	tls-hang, tls-fail        as above
//
// The options of cert; several may stand together:
//
//	names=HOST,HOST...        the names in it; default is that of the server
//	days=N                    ends in N days; otherwise in 90
//	expired                   ended 30 days ago
//	not-yet-valid             begins tomorrow
//	self-signed               signed with its own key
//	untrusted                 signed by an authority that nobody knows
//	no-intermediate           sent without the certificate of its issuer
//	sha1                      signed with SHA-1
//	key=ecdsa|rsa1024|rsa2048 the kind of key; default ecdsa (P-256)
package lab

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"

	"maildoctor/check/dnsx"
)

// MaxWorld is the size in octets that a world may have, and any of its files.
const MaxWorld = 1 << 20

//go:embed worlds/*.txtar
var worldFiles embed.FS

// ErrUnknown is what Open returns for a world that is not built in.
var ErrUnknown = errors.New("lab: no such world")

// A World is a pretend internet that can be started any number of times.
type World struct {
	Name   string // of the file, without folder and ending
	Domain string // the domain that the world is about
	About  string // what the world shows; may be empty

	zone  *dnsx.Zone
	hosts []host
}

// A SyntaxError is a fault in a world.
type SyntaxError struct {
	Name string // of the world or its file
	Line int    // counted from 1; 0 if the fault is in no line
	Want string // what was expected
}

func (e *SyntaxError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("lab: %s: expected %s", e.Name, e.Want)
	}
	return fmt.Sprintf("lab: %s:%d: expected %s", e.Name, e.Line, e.Want)
}

// Worlds returns the names of the built-in worlds that are worth showing to
// somebody, the most instructive first.
func Worlds() []string { return []string{"healthy", "faulty", "parked"} }

// Scenarios returns the names of all built-in worlds, sorted: those of Worlds
// and those with a single fault each.
func Scenarios() []string {
	files, err := worldFiles.ReadDir("worlds")
	if err != nil {
		return nil
	}
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = strings.TrimSuffix(f.Name(), ".txtar")
	}
	slices.Sort(names)
	return names
}

// Open returns a built-in world. The error wraps ErrUnknown if there is none
// of that name.
func Open(name string) (*World, error) {
	if !slices.Contains(Scenarios(), name) {
		return nil, fmt.Errorf("%w: %q; try one of %s", ErrUnknown, name, strings.Join(Worlds(), ", "))
	}
	data, err := worldFiles.ReadFile(path.Join("worlds", name+".txtar"))
	if err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	return Parse(name, bytes.NewReader(data))
}

// Parse reads a world. The name stands for it in errors, which hold a
// *SyntaxError for each fault outside of the zone.
func Parse(name string, r io.Reader) (*World, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxWorld+1))
	if err != nil {
		return nil, fmt.Errorf("lab: reading %s: %w", name, err)
	}
	if len(data) > MaxWorld {
		return nil, &SyntaxError{Name: name, Want: fmt.Sprintf("at most %d octets", MaxWorld)}
	}
	comment, sections, err := split(name, string(data))
	if err != nil {
		return nil, err
	}
	domain, about, err := header(name, comment)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, s := range sections {
		files[s.name] = []byte(s.text.String())
	}
	w, err := New(name, domain, files)
	if err != nil {
		return nil, err
	}
	for _, s := range sections {
		if s.name != FileZone && s.name != FileHosts && !w.serves(s.name) {
			return nil, &SyntaxError{Name: name, Line: s.line, Want: "a section zone or hosts, or one that a host of https serves"}
		}
	}
	w.About = about
	return w, nil
}

// The files of a world that describe it.
const (
	FileZone  = "zone"
	FileHosts = "hosts"
)

// A section is a part of a txtar archive.
type section struct {
	name string
	line int // of its marker
	text strings.Builder
}

// split returns the comment of a txtar archive and its sections. Lines of the
// zone and of the hosts keep their numbers: all lines of others are empty.
func split(name, text string) (comment string, sections []*section, err error) {
	first := new(section)
	current, n := first, 0
	for line := range strings.Lines(text) {
		n++
		called, ok := marker(line)
		if !ok {
			current.text.WriteString(line)
			continue
		}
		if slices.ContainsFunc(sections, func(s *section) bool { return s.name == called }) {
			return "", nil, &SyntaxError{Name: name, Line: n, Want: "one section " + strconv.Quote(called)}
		}
		if len(sections) == maxFiles {
			return "", nil, &SyntaxError{Name: name, Line: n, Want: fmt.Sprintf("at most %d sections", maxFiles)}
		}
		current = &section{name: called, line: n}
		if called == FileZone || called == FileHosts {
			current.text.WriteString(strings.Repeat("\n", n))
		}
		sections = append(sections, current)
	}
	return first.text.String(), sections, nil
}

// marker returns the name in a line such as "-- zone --".
func marker(line string) (name string, ok bool) {
	line = strings.TrimRight(line, "\r\n")
	if !strings.HasPrefix(line, "-- ") || !strings.HasSuffix(line, " --") || len(line) < len("-- x --") {
		return "", false
	}
	return strings.TrimSpace(line[2 : len(line)-2]), true
}

// header takes the domain and the description out of the comment of a world.
func header(name, comment string) (domain, about string, err error) {
	first, rest, _ := strings.Cut(comment, "\n")
	domain, ok := strings.CutPrefix(first, "domain:")
	if !ok {
		return "", "", &SyntaxError{Name: name, Line: 1, Want: `"domain: NAME"`}
	}
	return strings.TrimSpace(domain), strings.TrimSpace(rest), nil
}

// New returns a world that is made of files, named and written as the sections
// of a world: FileZone, perhaps FileHosts, and those that the hosts serve. Files
// that nobody serves are ignored.
func New(name, domain string, files map[string][]byte) (*World, error) {
	domain = strings.TrimSuffix(strings.ToLower(domain), ".")
	if !hostName(domain) {
		return nil, &SyntaxError{Name: name, Want: "a domain name for the world"}
	}
	zone, ok := files[FileZone]
	if !ok {
		return nil, &SyntaxError{Name: name, Want: "a section zone"}
	}
	w := &World{Name: name, Domain: domain}
	var err error
	if w.zone, err = dnsx.ParseZone(bytes.NewReader(zone), name); err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	if w.hosts, err = parseHosts(name, string(files[FileHosts])); err != nil {
		return nil, err
	}
	if err := w.fill(files); err != nil {
		return nil, err
	}
	return w, nil
}

// Prefixes returns the blocks of addresses that a world may use: those that
// are reserved for documentation (RFC 5737 section 3, RFC 3849 section 2).
func Prefixes() []netip.Prefix {
	return []netip.Prefix{
		netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2}), 24),
		netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 51, 100}), 24),
		netip.PrefixFrom(netip.AddrFrom4([4]byte{203, 0, 113}), 24),
		netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8}), 32),
	}
}

func documentation(a netip.Addr) bool {
	return slices.ContainsFunc(Prefixes(), func(p netip.Prefix) bool { return p.Contains(a) })
}
