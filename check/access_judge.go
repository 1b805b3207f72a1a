package check

import (
	"net/netip"
	"slices"
	"strings"

	"maildoctor/check/access"
	"maildoctor/check/certs"
	"maildoctor/check/smtp"
	"maildoctor/check/tlsx"
)

// serviceState says whether anybody is there.
type serviceState string

// The states of a service.
const (
	serviceUp     serviceState = "up"     // it speaks its protocol
	serviceOther  serviceState = "other"  // somebody is there who does not, or not with us
	serviceAbsent serviceState = "absent" // nobody listens
	serviceSilent serviceState = "silent" // the attempt to connect brought no answer
)

// A clientService is one service for mail programs, whatever its protocol.
type clientService struct {
	name       string // imap, imaps, pop3, pop3s, submission or submissions
	protocol   string // as people know it
	host       string
	addr       netip.Addr
	port       uint16
	implicit   bool
	state      serviceState
	unclear    string // why it says nothing definite, a reason of a coverage
	starttls   string // as smtp.StartTLS and access.StartTLS have it
	password   bool   // takes a password in the clear
	tls        *tlsx.State
	transcript []string
}

// services are those of all protocols, in the order in which they were asked.
func (a *Access) services() []clientService {
	var out []clientService
	for i := range a.Mailboxes {
		out = append(out, a.Mailboxes[i].service())
	}
	for i := range a.Submission {
		out = append(out, a.Submission[i].service())
	}
	return out
}

func serviceName(p access.Protocol, implicit bool) string {
	if implicit {
		return string(p) + "s"
	}
	return string(p)
}

func (m *Mailbox) service() clientService {
	s := clientService{
		name: serviceName(m.Protocol, m.Implicit), protocol: strings.ToUpper(string(m.Protocol)), host: m.Host, addr: m.Addr, port: m.Port, implicit: m.Implicit,
		state: serviceOther, starttls: string(m.StartTLS), password: m.Clear.TakesPassword() && !m.Local, tls: m.TLS, transcript: m.Transcript,
	}
	ranOut := m.Fault == access.FaultTimeout || m.Fault == access.FaultCancelled
	switch m.Outcome {
	case access.OutcomeOK:
		s.state = serviceUp
		switch {
		case m.StartTLS == access.StartTLSFailed:
			s.unclear = unclearHandshake(m.TLS)
		case m.StartTLS == access.StartTLSBroken && ranOut:
			s.unclear = ReasonNoAnswer
		case m.StartTLS == access.StartTLSBroken:
			s.unclear = ReasonBroken
		}
	case access.OutcomeRefused:
		s.state = serviceAbsent
	case access.OutcomeTimeout, access.OutcomeUnreachable:
		s.state = serviceSilent
	case access.OutcomePreauth, access.OutcomeCapability, access.OutcomeNotIMAP, access.OutcomeNotPOP3:
	case access.OutcomeHandshake:
		s.unclear = unclearHandshake(m.TLS)
	case access.OutcomeBye:
		s.unclear = ReasonTempfail
	case access.OutcomePrivate:
		s.unclear = ReasonPrivateAddress
	case access.OutcomeBudget:
		s.unclear = ReasonConnections
	case access.OutcomeCancelled:
		s.unclear = ReasonInterrupted
	case access.OutcomeGreetingTimeout:
		s.unclear = ReasonNoAnswer
	default:
		s.unclear = ReasonBroken
		if ranOut {
			s.unclear = ReasonNoAnswer
		}
	}
	return s
}

func (d *Dialogue) service() clientService {
	s := clientService{
		name: serviceName(access.Submission, d.Implicit), protocol: "SMTP", host: d.Host, addr: d.Addr, port: d.Port, implicit: d.Implicit,
		state: serviceOther, starttls: string(d.StartTLS), password: d.Clear != nil && plainLogin(d.Clear.Auth), tls: d.TLS, transcript: d.Transcript,
	}
	switch d.Outcome {
	case smtp.OutcomeOK:
		s.state, s.unclear = serviceUp, unclear(d)
	case smtp.OutcomeRefused:
		s.state = serviceAbsent
	case smtp.OutcomeTimeout, smtp.OutcomeUnreachable:
		s.state = serviceSilent
	case smtp.OutcomeHandshake:
		s.unclear = unclearHandshake(d.TLS)
	default:
		s.unclear = unclear(d)
	}
	return s
}

// plainLogin reports whether one of the mechanisms sends the password itself.
func plainLogin(mechanisms []string) bool {
	return slices.ContainsFunc(mechanisms, func(m string) bool { return m == "PLAIN" || m == "LOGIN" })
}

// unclearHandshake returns why a handshake that failed says nothing definite,
// or "".
func unclearHandshake(s *tlsx.State) string {
	if s == nil {
		return ReasonNoAnswer
	}
	switch s.Outcome {
	case tlsx.OutcomeTimeout:
		return ReasonNoAnswer
	case tlsx.OutcomeCancelled:
		return ReasonInterrupted
	case tlsx.OutcomeProtocol:
		return ReasonTLS
	}
	return ""
}

func judgeAccess(f *Facts, add func(Finding)) {
	a := f.Access
	if a == nil || a.DNS == nil {
		return
	}
	judgeAnnounced(f, a.DNS, add)
	if a.notFound() {
		add(Finding{Rule: accessNotFound, Subject: a.Host.Name, Params: params("host", a.Host.Name)})
	}
	services := a.services()
	for i := range services {
		judgeClear(f, &services[i], add)
	}
	if a.Origin == AccessSRV {
		judgeRefused(services, add)
	}
	judgeAccessCerts(f, services, add)
}

// judgeAnnounced judges the SRV records.
func judgeAnnounced(f *Facts, d *access.Discovery, add func(Finding)) {
	for i := range d.Hosts {
		h := &d.Hosts[i]
		var services, records []string
		for j := range d.Services {
			s := &d.Services[j]
			if slices.ContainsFunc(s.Servers, func(x access.Server) bool { return x.Host == h.Name }) {
				services = append(services, s.Name)
				records = append(records, s.Name+"."+d.Domain+" SRV "+h.Name)
			}
		}
		if h.Status.Absent() && len(services) > 0 {
			add(Finding{
				Rule: accessDangling, Subject: f.Domain, Evidence: records,
				Params: params("host", h.Name, "services", strings.Join(services, ", ")),
			})
		}
	}
	var clear []string
	for i := range d.Services {
		s := &d.Services[i]
		switch {
		case s.Implicit && (s.Announced() || !s.Status.Known()):
			return
		case s.Announced():
			clear = append(clear, s.Name)
		}
	}
	if len(clear) > 0 {
		add(Finding{Rule: accessClearOnly, Subject: f.Domain, Params: params("services", strings.Join(clear, ", "))})
	}
}

// judgeRefused judges services that SRV records announce and nobody offers. That
// another service answers at the address shows that it is not the way there
// that is closed.
func judgeRefused(services []clientService, add func(Finding)) {
	for i := range services {
		s := &services[i]
		answers := func(o clientService) bool { return o.addr == s.addr && o.state == serviceUp }
		if s.state == serviceAbsent && slices.ContainsFunc(services, answers) {
			add(Finding{
				Rule: accessRefused, Subject: s.host,
				Params: params("host", s.host, "port", s.port, "record", "_"+s.name+"._tcp"),
			})
		}
	}
}

// judgedAsMX reports whether the rules about mail hosts judge the service: it
// was seen at the same address and port.
func (f *Facts) judgedAsMX(s *clientService) bool {
	return slices.ContainsFunc(f.SMTP, func(d Dialogue) bool { return d.Addr == s.addr && d.Port == s.port && d.spoken() })
}

// spoken reports whether the dialogue was tried.
func (d *Dialogue) spoken() bool {
	return d.Outcome != smtp.OutcomeBudget && d.Outcome != smtp.OutcomeCancelled
}

// judgeClear judges what goes over the line before TLS.
func judgeClear(f *Facts, s *clientService, add func(Finding)) {
	if s.state != serviceUp || s.implicit {
		return
	}
	raise := func(rule RuleID, evidence []string) {
		add(Finding{
			Rule: rule, Subject: s.host, Evidence: evidence,
			Params: params("host", s.host, "port", s.port, "protocol", s.protocol),
		})
	}
	open, upgrade := aroundTLS(s.transcript)
	switch s.starttls {
	case string(access.StartTLSInjection):
		raise(accessInjection, upgrade)
	case string(access.StartTLSNotOffered), string(access.StartTLSRefused):
		if s.password && !f.judgedAsMX(s) {
			raise(accessNoTLS, s.transcript)
		}
		return
	}
	if s.password && !f.judgedAsMX(s) {
		raise(accessLoginInClear, open)
	}
}

// aroundTLS cuts a transcript in two: what was said before the command that
// begins TLS, and the rest.
func aroundTLS(transcript []string) (open, upgrade []string) {
	i := slices.IndexFunc(transcript, func(line string) bool {
		return strings.HasPrefix(line, "C: ") && (strings.HasSuffix(line, " STARTTLS") || strings.HasSuffix(line, " STLS"))
	})
	if i < 0 {
		return transcript, nil
	}
	return transcript[:i], transcript[i:]
}

// A shownCert is a certificate that a host shows on one or more ports.
type shownCert struct {
	*clientService
	leaf   *tlsx.Certificate
	ports  []string
	others []string // ports that no other rule judges
}

// judgeAccessCerts judges each certificate of a host once. Mail programs do not
// go on with one that they cannot verify (RFC 8314 section 4.4).
func judgeAccessCerts(f *Facts, services []clientService, add func(Finding)) {
	var shown []*shownCert
	for i := range services {
		s := &services[i]
		leaf := s.tls.Leaf()
		if leaf == nil {
			continue
		}
		at := slices.IndexFunc(shown, func(c *shownCert) bool { return c.host == s.host && c.leaf.SHA256 == leaf.SHA256 })
		if at < 0 {
			at = len(shown)
			shown = append(shown, &shownCert{clientService: s, leaf: leaf})
		}
		port := params("port", s.port)["port"]
		shown[at].ports = append(shown[at].ports, port)
		if !f.judgedAsMX(s) {
			shown[at].others = append(shown[at].others, port)
		}
	}
	for _, c := range shown {
		judgeAccessCert(f, c, add)
	}
}

func judgeAccessCert(f *Facts, c *shownCert, add func(Finding)) {
	raise := func(rule RuleID, ports []string, more ...any) {
		if len(ports) > 0 {
			add(Finding{
				Rule: rule, Subject: c.host,
				Params: params(append([]any{"host", c.host, "ports", strings.Join(ports, ", ")}, more...)...),
			})
		}
	}
	switch {
	case c.leaf.Expired:
		raise(accessCertExpired, c.others, "date", day(c.leaf.NotAfter))
	case c.leaf.NotYetValid:
		raise(accessUntrusted, c.others, "reason", "not-yet-valid")
	}
	switch c.tls.Chain {
	case certs.ChainTrusted, certs.ChainNoRoots, "":
	default:
		raise(accessUntrusted, c.others, "reason", c.tls.Chain)
	}
	if !f.nameServes(c.tls) {
		raise(accessCertName, c.ports, "names", quoted(strings.Join(c.leaf.DNSNames[:min(len(c.leaf.DNSNames), 5)], ", ")))
	}
}

// nameServes reports whether a certificate bears the name that mail programs
// look for, as far as that is known: people may use another name than one that
// was guessed. With SRV records the domain itself will do (RFC 7817 section 3).
func (f *Facts) nameServes(s *tlsx.State) bool {
	switch f.Access.Origin {
	case AccessGiven:
		return s.NameMatch
	case AccessSRV:
		return s.NameMatch || slices.ContainsFunc(s.Leaf().DNSNames, func(n string) bool { return strings.EqualFold(n, f.Domain) })
	}
	return true
}

// meritsAccess tells what to enter in a mail program.
func meritsAccess(f *Facts, add func(Merit)) {
	a := f.Access
	if a == nil || a.DNS == nil {
		return
	}
	services := a.services()
	for i := range services {
		if s := &services[i]; s.fine() {
			add(Merit{ID: "access-service", Subject: s.host, Params: params("service", s.name, "host", s.host, "port", s.port)})
		}
	}
	var records []string
	for i := range a.DNS.Services {
		if s := &a.DNS.Services[i]; s.Announced() && leads(a.DNS.Host(s.Servers[0].Host)) {
			records = append(records, s.Name)
		}
	}
	astray := false
	judgeAccess(f, func(x Finding) { astray = astray || x.Rule == accessDangling || x.Rule == accessRefused })
	if len(records) > 0 && !astray {
		add(Merit{ID: "access-srv", Subject: f.Domain, Params: params("services", strings.Join(records, ", "))})
	}
	var names []string
	for _, h := range []*access.Host{&a.DNS.Autoconfig, &a.DNS.Autodiscover} {
		if leads(h) && !h.Wildcard {
			names = append(names, h.Name)
		}
	}
	if s := &a.DNS.AutodiscoverService; s.Announced() {
		names = append(names, s.Name+"."+f.Domain)
	}
	if len(names) > 0 {
		add(Merit{ID: "access-autoconfig", Subject: f.Domain, Params: params("names", strings.Join(names, ", "))})
	}
}

// fine reports whether a mail program connects without a complaint, and without
// a password in the clear.
func (s *clientService) fine() bool {
	leaf := s.tls.Leaf()
	return s.state == serviceUp && s.unclear == "" && !s.password && leaf != nil &&
		(s.implicit || s.starttls == string(access.StartTLSOK)) &&
		s.tls.Chain == certs.ChainTrusted && s.tls.NameMatch && !leaf.Expired && !leaf.NotYetValid
}
