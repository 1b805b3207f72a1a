package lab

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// maxRequest is the size in octets that a request may have.
const maxRequest = 16 << 10

// What a server says that was not asked in HTTPS, or for nothing it has.
const (
	plainAnswer = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nThis port is without TLS.\n"
	missing     = "Not found.\n"
)

// exchange answers one request.
func (d *dialogue) exchange() {
	if d.host.fault == faultPlain {
		d.sayInstead(plainAnswer)
		return
	}
	if !d.handshake() {
		return
	}
	req, err := http.ReadRequest(bufio.NewReader(io.LimitReader(d.conn, maxRequest)))
	if err != nil {
		return
	}
	switch d.host.fault {
	case faultSilent:
		d.listenOnly()
	case faultClose:
	case faultDrip:
		d.dripBody()
	default:
		// A client that has gone away is no business of the server.
		_, _ = io.WriteString(d.conn, d.host.response(req))
	}
}

// dripBody answers with a body that never ends.
func (d *dialogue) dripBody() {
	_, err := io.WriteString(d.conn, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n")
	for err == nil && d.pause(dripEvery) {
		_, err = io.WriteString(d.conn, "x")
	}
}

// response writes the answer to a request.
func (h *host) response(req *http.Request) string {
	g := h.find(req)
	var b strings.Builder
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", g.code, http.StatusText(g.code))
	if g.contentType != "" {
		fmt.Fprintf(&b, "Content-Type: %s\r\n", g.contentType)
	}
	if g.location != "" {
		fmt.Fprintf(&b, "Location: %s\r\n", g.location)
	}
	if g.code != http.StatusNoContent { // RFC 9110 section 8.6
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(g.body))
	}
	b.WriteString("Connection: close\r\n\r\n" + g.body)
	return b.String()
}

// find returns the page for a request, or one that says why there is none.
func (h *host) find(req *http.Request) page {
	if req.Method != http.MethodGet {
		return page{code: http.StatusMethodNotAllowed}
	}
	for _, g := range h.pages {
		if g.path == req.URL.EscapedPath() {
			return g
		}
	}
	return page{code: http.StatusNotFound, contentType: "text/plain", body: missing}
}
