package httpsx

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"

	"maildoctor/check/netfault"
	"maildoctor/check/taglist"
)

// userAgent names this program to the hosts that it visits.
const userAgent = "maildoctor"

// exchange sends the request and reads the response. The connection serves no
// other, so that nothing of it is kept or awaited.
func (f *fetch) exchange(ctx context.Context, conn net.Conn) {
	req := &http.Request{
		Method: http.MethodGet, URL: f.url, Host: f.Host, Close: true,
		// Without the last field any coding would do (RFC 9110 section 12.5.3).
		Header: http.Header{"User-Agent": {userAgent}, "Accept": {f.accept()}, "Accept-Encoding": {"identity"}},
	}
	if err := req.Write(conn); err != nil {
		f.broken(ctx, err, ReasonHeaders)
		return
	}
	in := &meter{from: conn, left: MaxHeader}
	resp, err := final(bufio.NewReader(in), req)
	switch {
	case errors.Is(err, errInterim):
		f.Outcome, f.Reason = OutcomeBroken, ReasonInterim
		return
	case errors.Is(err, errMeter):
		f.Outcome, f.Reason = OutcomeBroken, ReasonHeader
		return
	case err != nil:
		f.broken(ctx, err, ReasonHeaders)
		return
	}
	in.unlimited = true
	if f.header(resp) {
		f.body(ctx, resp)
	}
}

func (f *fetch) accept() string {
	if f.options.Accept == "" {
		return "*/*"
	}
	return f.options.Accept
}

var (
	errInterim = errors.New("httpsx: too many interim responses")
	errVersion = errors.New("httpsx: another version of HTTP")
)

// final reads the header of the first response that is not interim (RFC 9110
// section 15.2). The body is never closed: that would read all of it.
func final(in *bufio.Reader, req *http.Request) (*http.Response, error) {
	for range MaxInterim + 1 {
		resp, err := http.ReadResponse(in, req)
		switch {
		case err != nil:
			return nil, err
		case resp.ProtoMajor != 1:
			return nil, errVersion
		case resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols:
			return resp, nil
		}
	}
	return nil, errInterim
}

// header judges a response by what stands before its body, and reports whether
// the body is wanted.
func (f *fetch) header(resp *http.Response) bool {
	f.Status = resp.StatusCode
	f.ContentType = field(resp.Header, "Content-Type")
	coding := field(resp.Header, "Content-Encoding")
	switch f.Status {
	case http.StatusOK:
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		f.Outcome, f.Location = OutcomeRedirect, field(resp.Header, "Location")
		return false
	default:
		f.Outcome = OutcomeStatus
		return false
	}
	switch {
	case coding != "" && taglist.Lower(string(coding)) != "identity":
		f.Outcome, f.Encoding = OutcomeEncoded, coding
	case resp.ContentLength > int64(f.options.Limit):
		f.Outcome, f.Announced = OutcomeTooLarge, resp.ContentLength
	}
	return f.Outcome == ""
}

// field returns the content of a field; that of several is joined (RFC 9110
// section 5.2).
func field(h http.Header, name string) taglist.Octets {
	return cut(strings.Join(h.Values(name), ", "), MaxField)
}

// body reads no more than one octet beyond the limit, whatever the header
// announced.
func (f *fetch) body(ctx context.Context, resp *http.Response) {
	data, err := io.ReadAll(io.LimitReader(resp.Body, int64(f.options.Limit)+1))
	f.Size = len(data)
	switch {
	case f.Size > f.options.Limit:
		f.Outcome = OutcomeTooLarge
	case err != nil:
		f.broken(ctx, err, ReasonContent)
	default:
		f.Outcome, f.Body = OutcomeOK, data
	}
}

// broken says why a response is not complete. In TLS 1.3 an alert may come as
// late as this.
func (f *fetch) broken(ctx context.Context, err error, step string) {
	if f.late(ctx, err, step) {
		return
	}
	f.Outcome = OutcomeBroken
	switch {
	case f.alert(err):
		f.Outcome = OutcomeTLSFailed
	case netfault.IsReset(err):
		f.Reason = ReasonReset
	case netfault.IsClosed(err) && step == ReasonContent:
		f.Reason = ReasonCut
	case netfault.IsClosed(err):
		f.Reason = ReasonClosed
	case step == ReasonContent:
		f.Reason, f.Detail = ReasonBody, detail(err)
	default:
		f.Reason, f.Detail = ReasonNotHTTP, detail(err)
	}
}

// detail is the text of an error, without the addresses and ports that package
// net puts in front.
func detail(err error) taglist.Octets {
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		err = op.Err
	}
	return cut(err.Error(), MaxField)
}

// A meter reads no more than some octets until it is told otherwise.
type meter struct {
	from      io.Reader
	left      int
	unlimited bool
}

var errMeter = errors.New("httpsx: the header is too large")

func (m *meter) Read(p []byte) (int, error) {
	if m.unlimited {
		return m.from.Read(p)
	}
	if m.left == 0 {
		return 0, errMeter
	}
	n, err := m.from.Read(p[:min(len(p), m.left)])
	m.left -= n
	return n, err
}
