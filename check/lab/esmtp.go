package lab

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"strings"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// maxMessage is the size in octets that the servers announce (RFC 1870).
const maxMessage = 50 << 20

// An esmtp is a server that behaves well. It takes no mail for anybody.
type esmtp struct {
	server *smtp.Server
	tls    *tls.Config // set if TLS comes first
}

func newESMTP(h *host, config *tls.Config, heard func(verb string)) *esmtp {
	s := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		// The library greets back with the name of the client alone. The first line
		// of the reply to EHLO is to name the server (RFC 5321 section 4.1.1.1).
		if _, err := fmt.Fprintf(c.Conn(), "250-%s\r\n", h.name); err != nil {
			return nil, err
		}
		if h.auth || h.authClear {
			return authSession{session{heard}}, nil
		}
		return session{heard}, nil
	}))
	s.Domain = h.name
	s.MaxMessageBytes = maxMessage
	s.EnableSMTPUTF8 = true
	s.AllowInsecureAuth = h.authClear
	s.ErrorLog = log.New(io.Discard, "", 0)
	e := &esmtp{server: s}
	switch {
	case h.kind == kindSMTPS:
		e.tls = config
	case h.starttls:
		s.TLSConfig = config
	}
	return e
}

func (e *esmtp) serve(l net.Listener) {
	if e.tls != nil {
		l = tls.NewListener(l, e.tls)
	}
	// It returns because l was closed.
	_ = e.server.Serve(l)
}

func (e *esmtp) wait() {
	// The listener that it closes is closed already, and so are the connections.
	_ = e.server.Shutdown(context.Background())
}

// A session takes senders, and recipients that are a postmaster.
type session struct{ heard func(verb string) }

func (session) Reset()        {}
func (session) Logout() error { return nil }

func (s session) Mail(string, *smtp.MailOptions) error {
	s.heard("MAIL")
	return nil
}

func (s session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.heard("RCPT")
	if isPostmaster(to) {
		return nil
	}
	return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "Relaying denied"}
}

// isPostmaster reports whether an address is one that every server has to take
// mail for (RFC 5321 section 4.5.1).
func isPostmaster(addr string) bool {
	local, _, _ := strings.Cut(addr, "@")
	return strings.EqualFold(local, "postmaster")
}

func (session) Data(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

// An authSession offers AUTH PLAIN and knows nobody.
type authSession struct{ session }

func (s authSession) Mail(string, *smtp.MailOptions) error {
	s.heard("MAIL")
	return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authentication required"}
}

func (authSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (authSession) Auth(mech string) (sasl.Server, error) {
	if !strings.EqualFold(mech, sasl.Plain) {
		return nil, smtp.ErrAuthUnknownMechanism
	}
	return sasl.NewPlainServer(func(string, string, string) error { return smtp.ErrAuthFailed }), nil
}
