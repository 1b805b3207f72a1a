// Package httpsx fetches one small file over HTTPS from a host that a stranger
// named: a policy of MTA-STS (RFC 8461), a logo or a mark certificate of BIMI.
//
// It is a client with one purpose. It asks the given resolver and no other,
// connects only through the given dialer and to the very address that was
// resolved, speaks HTTP/1.1 inside TLS 1.2 or later, sends its request only to
// a server whose certificate is good, takes no redirect, no proxy, no coding
// and no second file, and ends in time. What the host did is a code of its own,
// since a certificate of another name, an answer 404 and a silence say
// different things about it, and some of them nothing.
package httpsx

import (
	"context"
	"crypto/x509"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"
	"unicode/utf8"

	"maildoctor/check/dnsx"
	"maildoctor/check/taglist"
)

// Limits of one fetch.
const (
	MaxURL       = 2048     // octets of a URL
	MaxAddresses = 2        // addresses that are tried
	MaxHeader    = 32 << 10 // octets of the response before its body, those of interim responses included
	MaxInterim   = 5        // interim responses (RFC 9110 section 15.2) that are skipped
	MaxBody      = 1 << 20  // octets of a body, whatever Options.Limit says
	MaxField     = 300      // octets kept of a field of the header, and of an error text
)

// Defaults of Options.
const (
	DefaultLimit   = 64 << 10
	defaultTimeout = 10 * time.Second
	defaultConnect = 4 * time.Second
)

// A DialFunc opens a TCP connection. An error that has a method
// Reason() string, itself or wrapped, declined to dial.
type DialFunc func(ctx context.Context, addr netip.AddrPort) (net.Conn, error)

// A Client fetches files. Its fields are all of the outside that it knows, and
// must not be nil but for Roots. It may be used from several goroutines.
type Client struct {
	Resolver dnsx.Resolver
	Dial     DialFunc
	Roots    *x509.CertPool // trusted roots; nil for those of the system
	Now      func() time.Time
}

// Options of one fetch.
type Options struct {
	Limit   int           // octets that the body may have, at most MaxBody; 0 for DefaultLimit
	Accept  string        // the field Accept of the request, such as "text/plain"; empty for any
	Timeout time.Duration // for the whole fetch; 0 for 10 s
	Connect time.Duration // for a connection to one address, within Timeout; 0 for 4 s
}

// Outcome says how a fetch ended.
type Outcome string

// The outcomes of a fetch. Response.Verdict tells which of them say something
// about the host.
const (
	OutcomeOK Outcome = "ok" // 200, and the whole body within the limit

	// Nothing was asked.
	OutcomeBadURL Outcome = "bad-url" // Reason is a URLFault

	// No address. Response.DNS says how the lookup ended.
	OutcomeNoAddress  Outcome = "no-address"  // the host has neither an A nor an AAAA record
	OutcomeDNSUnknown Outcome = "dns-unknown" // it could not be found out; with dnsx.Failed, Reason says why

	// No connection.
	OutcomePrivate       Outcome = "private-address" // the dialer declined: not an address of the internet
	OutcomeNotDialled    Outcome = "not-dialled"     // the dialer declined for another Reason
	OutcomeRefused       Outcome = "connect-refused" // nothing listens on the port
	OutcomeUnreachable   Outcome = "unreachable"     // no route to the address
	OutcomeConnectFailed Outcome = "connect-failed"  // another cause, perhaps on our side; Reason may say which

	// No trust. The request was not sent.
	OutcomeTLSFailed   Outcome = "tls-failed"         // no handshake; Reason says why
	OutcomeUntrusted   Outcome = "cert-untrusted"     // Reason is a certs.Chain
	OutcomeExpired     Outcome = "cert-expired"       // the host's own certificate is past
	OutcomeNotYetValid Outcome = "cert-not-yet-valid" // the host's own certificate is to come
	OutcomeName        Outcome = "cert-name"          // the certificate names another host
	OutcomeNoRoots     Outcome = "no-system-roots"    // our own roots cannot be read: nothing was judged

	// An answer that is not the file.
	OutcomeStatus   Outcome = "http-status" // another status than 200; Response.Status says which
	OutcomeRedirect Outcome = "redirect"    // 301, 302, 303, 307 or 308, which are not followed
	OutcomeTooLarge Outcome = "too-large"   // more octets than Options.Limit
	OutcomeEncoded  Outcome = "encoded"     // a content coding that was not asked for (RFC 9110 section 8.4)
	OutcomeBroken   Outcome = "broken"      // no complete response in HTTP/1; Reason says why

	// No time.
	OutcomeTimeout   Outcome = "timeout"   // of Options; Reason says at which step
	OutcomeDeadline  Outcome = "deadline"  // of the context
	OutcomeCancelled Outcome = "cancelled" // the context was cancelled
)

// Reasons of OutcomeTLSFailed and OutcomeBroken.
const (
	ReasonAlert       = "alert"             // the server sent a fatal alert; Detail is its name
	ReasonNotTLS      = "not-tls"           // the server answered the handshake with something that is no TLS record
	ReasonCertificate = "bad-certificate"   // the server sent a certificate that cannot be parsed
	ReasonProtocol    = "protocol-error"    // the server broke the rules of TLS, or knows nothing that we offer
	ReasonClosed      = "closed"            // the server closed the connection before an answer
	ReasonReset       = "reset"             // the connection was reset, perhaps by somebody on the way
	ReasonNotHTTP     = "not-http"          // the answer is not HTTP/1
	ReasonHeader      = "header-too-large"  // more than MaxHeader octets before the body
	ReasonInterim     = "interim-responses" // more than MaxInterim of them
	ReasonCut         = "cut-body"          // the connection ended before the body did
	ReasonBody        = "broken-body"       // the framing of the body is faulty
)

// Reasons of OutcomeTimeout: the step that took too long. Too long to find an
// address is OutcomeDNSUnknown.
const (
	ReasonConnect   = "connect"
	ReasonHandshake = "handshake"
	ReasonHeaders   = "headers" // until the header of the response was complete
	ReasonContent   = "body"
)

// A Response is what one fetch showed. Host, Addr and the certificate are there
// as far as the fetch came.
type Response struct {
	URL         taglist.Octets `json:"url"`            // as asked, at most MaxURL octets
	Host        string         `json:"host,omitempty"` // of the URL, in lower case
	Outcome     Outcome        `json:"outcome"`
	Reason      string         `json:"reason,omitempty"`           // a code, with the outcomes that have one
	Detail      taglist.Octets `json:"detail,omitempty"`           // foreign text of at most MaxField octets, where Reason says too little
	DNS         dnsx.Status    `json:"dns,omitempty"`              // how the lookup of both address families ended together
	Addr        netip.Addr     `json:"address,omitzero"`           // of the connection
	Failed      []Attempt      `json:"failed_attempts,omitempty"`  // addresses that could not be connected to, in order
	Untried     int            `json:"untried,omitempty"`          // addresses left out where no connection could be made
	Certificate *Certificate   `json:"certificate,omitempty"`      // nil if the server sent none
	Status      int            `json:"status,omitempty"`           // of HTTP
	Location    taglist.Octets `json:"location,omitempty"`         // with OutcomeRedirect, as sent, at most MaxField octets
	ContentType taglist.Octets `json:"content_type,omitempty"`     // as sent, at most MaxField octets
	Encoding    taglist.Octets `json:"content_encoding,omitempty"` // with OutcomeEncoded, as sent, at most MaxField octets
	Size        int            `json:"size,omitempty"`             // octets of the body that were read, at most one more than Options.Limit
	Announced   int64          `json:"announced,omitempty"`        // with OutcomeTooLarge, the octets that Content-Length claims, if it is there
	Body        []byte         `json:"-"`                          // with OutcomeOK only
}

// An Attempt is an address that could not be connected to.
type Attempt struct {
	Addr    netip.Addr `json:"address"`
	Outcome Outcome    `json:"outcome"`
	Reason  string     `json:"reason,omitempty"`
}

// Verdict says what a fetch means.
type Verdict string

// The meanings of a fetch.
const (
	Fetched Verdict = "fetched" // the file is there
	Faulty  Verdict = "faulty"  // the host, or the URL, is at fault: everybody who asks fails
	Unclear Verdict = "unclear" // it could not be found out, or may be otherwise in a moment
)

// Verdict tells a fault of the host from what could not be found out.
func (r *Response) Verdict() Verdict {
	switch r.Outcome {
	case OutcomeOK:
		return Fetched
	case OutcomeStatus:
		if transient(r.Status) {
			return Unclear
		}
		return Faulty
	case OutcomeTLSFailed:
		if r.foreignTLS() {
			return Unclear
		}
		return Faulty
	case OutcomeBroken:
		if r.Reason == ReasonReset {
			return Unclear
		}
		return Faulty
	case OutcomeBadURL, OutcomeNoAddress, OutcomePrivate, OutcomeRefused, OutcomeUntrusted, OutcomeExpired,
		OutcomeNotYetValid, OutcomeName, OutcomeRedirect, OutcomeTooLarge, OutcomeEncoded:
		return Faulty
	}
	return Unclear
}

// foreignTLS reports whether the handshake may have failed for want of what
// crypto/tls does not know, such as finite-field DHE: others may get through.
func (r *Response) foreignTLS() bool {
	switch r.Reason {
	case ReasonReset, ReasonClosed, ReasonProtocol:
		return true
	case ReasonAlert:
		return r.Detail == "handshake-failure" || r.Detail == "protocol-version" || r.Detail == "insufficient-security"
	}
	return false
}

// transient reports whether a status says that another try may succeed (RFC
// 9110 section 15, RFC 8470 section 5.2, RFC 6585 section 4).
func transient(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// A fetch is a Response in the making. Its methods that go a step return false,
// or nothing, once the outcome is known.
type fetch struct {
	*Client
	*Response
	url     *url.URL
	options Options
	caller  context.Context // without the time of this fetch
}

// Get fetches the file at a URL as ParseURL takes it. It takes at most
// Options.Timeout and ends at once when ctx is done. The result is never nil.
func (c *Client) Get(ctx context.Context, rawURL string, o Options) *Response {
	r := &Response{URL: cut(rawURL, MaxURL)}
	u, fault := ParseURL(rawURL)
	if fault != "" {
		r.Outcome, r.Reason = OutcomeBadURL, string(fault)
		return r
	}
	r.Host = u.Host
	f := &fetch{Client: c, Response: r, url: u, options: o.withDefaults(), caller: ctx}
	ctx, cancel := context.WithTimeout(ctx, f.options.Timeout)
	defer cancel()
	if addrs := f.resolve(ctx); len(addrs) > 0 {
		f.run(ctx, addrs)
	}
	return r
}

func (o Options) withDefaults() Options {
	if o.Limit <= 0 {
		o.Limit = DefaultLimit
	}
	o.Limit = min(o.Limit, MaxBody)
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.Connect <= 0 {
		o.Connect = defaultConnect
	}
	return o
}

func (f *fetch) run(ctx context.Context, addrs []netip.Addr) {
	conn := f.connect(ctx, addrs)
	if conn == nil {
		return
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if deadline, ok := ctx.Deadline(); ok {
		// The context closes the connection where the deadline cannot be set.
		_ = conn.SetDeadline(deadline)
	}
	secured := f.handshake(ctx, conn)
	if secured == nil {
		return
	}
	defer secured.Close()
	f.exchange(ctx, secured)
}

// cut shortens foreign text to at most n octets without splitting a character.
func cut(s string, n int) taglist.Octets {
	if len(s) <= n {
		return taglist.Octets(s)
	}
	for i := n; i >= 0 && i > n-utf8.UTFMax; i-- {
		if utf8.RuneStart(s[i]) {
			return taglist.Octets(s[:i])
		}
	}
	return taglist.Octets(s[:n])
}
