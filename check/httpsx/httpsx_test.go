package httpsx

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"maildoctor/check/certs"
	"maildoctor/check/dnsx"
	"maildoctor/check/taglist"
)

// How long a fetch from a host that never ends it may take: until it has come
// to the step that is looked at, or to any.
const (
	short = 500 * time.Millisecond
	soon  = 100 * time.Millisecond
)

var responses = cmp.Options{cmpopts.EquateComparable(netip.Addr{}), cmpopts.EquateEmpty()}

// file is a response with a body.
func file(body string) string {
	return "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
}

func TestGet(t *testing.T) {
	s := secured(t, leaf{}, says(file("hello\n")))
	got := s.client.Get(t.Context(), "https://Files.Example.com:443/a.txt#part", Options{})
	if string(got.Body) != "hello\n" || got.Verdict() != Fetched {
		t.Errorf("got body %q, verdict %s", got.Body, got.Verdict())
	}
	if got.Certificate == nil || len(got.Certificate.SHA256) != 64 {
		t.Fatalf("got certificate %+v", got.Certificate)
	}
	got.Certificate.SHA256 = ""
	want := &Response{
		URL: "https://Files.Example.com:443/a.txt#part", Host: host, Outcome: OutcomeOK, DNS: dnsx.OK,
		Addr: netip.MustParseAddr("192.0.2.1"), Status: 200, ContentType: "text/plain", Size: 6, Body: []byte("hello\n"),
		Certificate: &Certificate{
			Issuer: "Test Root", DNSNames: []taglist.Octets{host}, DNSNameCount: 1,
			NotBefore: "2026-10-23T12:00:00Z", NotAfter: "2027-01-23T12:00:00Z", NameMatch: true, Chain: certs.ChainTrusted,
		},
	}
	if diff := cmp.Diff(want, got, responses); diff != "" {
		t.Errorf("Get (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:443")}, s.dialledAddrs(), cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
		t.Errorf("dialled (-want +got):\n%s", diff)
	}
}

func TestRequest(t *testing.T) {
	requests := make(chan *http.Request, 1)
	s := secured(t, leaf{}, func(c net.Conn, req *http.Request) {
		requests <- req
		says(file(""))(c, req)
	})
	if got := s.client.Get(t.Context(), "https://"+host+"/%7ea/b%2Fc?q=%20&r", Options{Accept: "text/plain"}); got.Outcome != OutcomeOK {
		t.Fatalf("got outcome %s %s", got.Outcome, got.Reason)
	}
	req := <-requests
	if req.Method != "GET" || req.RequestURI != "/%7ea/b%2Fc?q=%20&r" || req.Host != host || req.Proto != "HTTP/1.1" || !req.Close {
		t.Errorf("got %s %s %s for %s, close %v", req.Method, req.RequestURI, req.Proto, req.Host, req.Close)
	}
	want := http.Header{"User-Agent": {"maildoctor"}, "Accept": {"text/plain"}, "Accept-Encoding": {"identity"}, "Connection": {"close"}}
	if diff := cmp.Diff(want, req.Header); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
}

// bomb is a gzip member that unpacks to much more than it is.
func bomb(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// What servers answer, from the harmless to the hostile. Each row ends in its
// time.
func TestAnswers(t *testing.T) {
	const (
		ok      = "HTTP/1.1 200 OK\r\n"
		chunked = ok + "Transfer-Encoding: chunked\r\n\r\n"
	)
	long := strings.Repeat("x", 400)
	type want struct {
		Outcome  Outcome
		Reason   string
		Verdict  Verdict
		Status   int
		Size     int
		Body     string
		Location string
		Encoding string
		Claims   int64
	}
	tests := []struct {
		name   string
		answer func(net.Conn, *http.Request)
		want   want
	}{
		{"nothing in it", says(ok + "Content-Length: 0\r\n\r\n"), want{Outcome: OutcomeOK, Verdict: Fetched, Status: 200}},
		{"until the end of the connection", says("HTTP/1.0 200 OK\r\n\r\nabc"), want{Outcome: OutcomeOK, Verdict: Fetched, Status: 200, Size: 3, Body: "abc"}},
		{"chunked", says(chunked + "2\r\nab\r\n1;x=y\r\nc\r\n0\r\nA: b\r\n\r\n"), want{Outcome: OutcomeOK, Verdict: Fetched, Status: 200, Size: 3, Body: "abc"}},
		{"coding identity", says(ok + "Content-Encoding: Identity\r\nContent-Length: 1\r\n\r\na"), want{Outcome: OutcomeOK, Verdict: Fetched, Status: 200, Size: 1, Body: "a"}},
		{"more behind the body", says(file("abc") + file("def")), want{Outcome: OutcomeOK, Verdict: Fetched, Status: 200, Size: 3, Body: "abc"}},
		{"at the limit", says(file("0123456789")), want{Outcome: OutcomeOK, Verdict: Fetched, Status: 200, Size: 10, Body: "0123456789"}},
		{"announced above the limit", says(file("0123456789A")), want{Outcome: OutcomeTooLarge, Verdict: Faulty, Status: 200, Claims: 11}},
		{"above the limit", says(ok + "\r\n0123456789A"), want{Outcome: OutcomeTooLarge, Verdict: Faulty, Status: 200, Size: 11}},
		{"chunked above the limit", endless(chunked, "4\r\nabcd\r\n"), want{Outcome: OutcomeTooLarge, Verdict: Faulty, Status: 200, Size: 11}},
		{"endless", endless(ok+"\r\n", long), want{Outcome: OutcomeTooLarge, Verdict: Faulty, Status: 200, Size: 11}},
		{"huge length", waits(ok + "Content-Length: 9223372036854775807\r\n\r\nabc"), want{Outcome: OutcomeTooLarge, Verdict: Faulty, Status: 200, Claims: 9223372036854775807}},
		{"impossible length", says(ok + "Content-Length: 9223372036854775808\r\n\r\nabc"), want{Outcome: OutcomeBroken, Reason: ReasonNotHTTP, Verdict: Faulty}},
		{"two lengths", says(ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nabc"), want{Outcome: OutcomeBroken, Reason: ReasonNotHTTP, Verdict: Faulty}},
		{"gzip", says(ok + "Content-Encoding: gzip\r\n\r\n" + bomb(t)), want{Outcome: OutcomeEncoded, Verdict: Faulty, Status: 200, Encoding: "gzip"}},
		{"gzip twice", says(ok + "Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n\r\n" + bomb(t)), want{Outcome: OutcomeEncoded, Verdict: Faulty, Status: 200, Encoding: "gzip, gzip"}},
		{"gzip in transfer", says(ok + "Transfer-Encoding: gzip, chunked\r\n\r\n"), want{Outcome: OutcomeBroken, Reason: ReasonNotHTTP, Verdict: Faulty}},

		{"204", says("HTTP/1.1 204 No Content\r\n\r\n"), want{Outcome: OutcomeStatus, Verdict: Faulty, Status: 204}},
		{"206", says("HTTP/1.1 206 Partial Content\r\n\r\na"), want{Outcome: OutcomeStatus, Verdict: Faulty, Status: 206}},
		{"304", says("HTTP/1.1 304 Not Modified\r\n\r\n"), want{Outcome: OutcomeStatus, Verdict: Faulty, Status: 304}},
		{"404", says("HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nsorry"), want{Outcome: OutcomeStatus, Verdict: Faulty, Status: 404}},
		{"404 without a body", waits("HTTP/1.1 404\r\nContent-Length: 5\r\n\r\n"), want{Outcome: OutcomeStatus, Verdict: Faulty, Status: 404}},
		{"500", says("HTTP/1.1 500 Oops\r\n\r\n"), want{Outcome: OutcomeStatus, Verdict: Faulty, Status: 500}},
		{"503", says("HTTP/1.1 503 Later\r\n\r\n"), want{Outcome: OutcomeStatus, Verdict: Unclear, Status: 503}},
		{"429", says("HTTP/1.1 429 Too Many Requests\r\n\r\n"), want{Outcome: OutcomeStatus, Verdict: Unclear, Status: 429}},
		{"101", says("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"), want{Outcome: OutcomeStatus, Verdict: Faulty, Status: 101}},
		{"301", says("HTTP/1.1 301 Moved\r\nLocation: https://www.example.com/\r\n\r\n"), want{Outcome: OutcomeRedirect, Verdict: Faulty, Status: 301, Location: "https://www.example.com/"}},
		{"302 to http", says("HTTP/1.1 302 Found\r\nLocation: http://" + host + "/a.txt\r\n\r\n"), want{Outcome: OutcomeRedirect, Verdict: Faulty, Status: 302, Location: "http://" + host + "/a.txt"}},
		{"307 to a private address", says("HTTP/1.1 307 Go\r\nLocation: https://127.0.0.1/\r\n\r\n"), want{Outcome: OutcomeRedirect, Verdict: Faulty, Status: 307, Location: "https://127.0.0.1/"}},
		{"308 to nowhere", says("HTTP/1.1 308 Go\r\n\r\n"), want{Outcome: OutcomeRedirect, Verdict: Faulty, Status: 308}},
		{"long location", says("HTTP/1.1 303 Go\r\nLocation: " + long + "\r\n\r\n"), want{Outcome: OutcomeRedirect, Verdict: Faulty, Status: 303, Location: long[:MaxField]}},

		{"interim responses", says(strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", MaxInterim) + file("a")), want{Outcome: OutcomeOK, Verdict: Fetched, Status: 200, Size: 1, Body: "a"}},
		{"one more interim response", says(strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", MaxInterim+1) + file("a")), want{Outcome: OutcomeBroken, Reason: ReasonInterim, Verdict: Faulty}},
		{"interim responses without end", endless("", "HTTP/1.1 100 Continue\r\n\r\n"), want{Outcome: OutcomeBroken, Reason: ReasonInterim, Verdict: Faulty}},
		{"header without end", endless(ok, "A: "+long+"\r\n"), want{Outcome: OutcomeBroken, Reason: ReasonHeader, Verdict: Faulty}},
		{"line without end", endless(ok+"A: ", long), want{Outcome: OutcomeBroken, Reason: ReasonHeader, Verdict: Faulty}},
		{"status without end", endless("", long), want{Outcome: OutcomeBroken, Reason: ReasonHeader, Verdict: Faulty}},
		{"header of interim responses", endless("", "HTTP/1.1 100 Continue\r\n"+strings.Repeat("A: "+long+"\r\n", 30)+"\r\n"), want{Outcome: OutcomeBroken, Reason: ReasonHeader, Verdict: Faulty}},
		{"no answer", func(net.Conn, *http.Request) {}, want{Outcome: OutcomeBroken, Reason: ReasonClosed, Verdict: Faulty}},
		{"half a header", says("HTTP/1.1 200 OK\r\nA: b\r\n"), want{Outcome: OutcomeBroken, Reason: ReasonClosed, Verdict: Faulty}},
		{"body cut", says(ok + "Content-Length: 9\r\n\r\nabc"), want{Outcome: OutcomeBroken, Reason: ReasonCut, Verdict: Faulty, Status: 200, Size: 3}},
		{"chunk cut", says(chunked + "9\r\nabc"), want{Outcome: OutcomeBroken, Reason: ReasonCut, Verdict: Faulty, Status: 200, Size: 3}},
		{"bad chunk", says(chunked + "zz\r\nabc"), want{Outcome: OutcomeBroken, Reason: ReasonBody, Verdict: Faulty, Status: 200}},
		{"HTTP/0.9", says("<html>\r\n\r\n"), want{Outcome: OutcomeBroken, Reason: ReasonNotHTTP, Verdict: Faulty}},
		{"HTTP/2 in name", says("HTTP/2.0 200 OK\r\n\r\n"), want{Outcome: OutcomeBroken, Reason: ReasonNotHTTP, Verdict: Faulty}},
		{"HTTP/2 frames", says("\x00\x00\x00\x04\x00\x00\x00\x00\x00"), want{Outcome: OutcomeBroken, Reason: ReasonNotHTTP, Verdict: Faulty}},
		{"HTTP/2 preface", says("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), want{Outcome: OutcomeBroken, Reason: ReasonNotHTTP, Verdict: Faulty}},
		{"field without a colon", says(ok + "nonsense\r\n\r\n"), want{Outcome: OutcomeBroken, Reason: ReasonNotHTTP, Verdict: Faulty}},

		{"silence", waits(""), want{Outcome: OutcomeTimeout, Reason: ReasonHeaders, Verdict: Unclear}},
		{"half an answer", waits("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200"), want{Outcome: OutcomeTimeout, Reason: ReasonHeaders, Verdict: Unclear}},
		{"half a body", waits(ok + "Content-Length: 9\r\n\r\nabc"), want{Outcome: OutcomeTimeout, Reason: ReasonContent, Verdict: Unclear, Status: 200, Size: 3}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			timeout := 20 * time.Second
			if tt.want.Outcome == OutcomeTimeout {
				timeout = short
			}
			s := secured(t, leaf{}, tt.answer)
			r := s.client.Get(t.Context(), fileURL, Options{Limit: 10, Timeout: timeout})
			got := want{
				Outcome: r.Outcome, Reason: r.Reason, Verdict: r.Verdict(), Status: r.Status, Size: r.Size, Body: string(r.Body),
				Location: string(r.Location), Encoding: string(r.Encoding), Claims: r.Announced,
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Get (-want +got), detail %q:\n%s", r.Detail, diff)
			}
			if n := len(s.dialledAddrs()); n != 1 {
				t.Errorf("dialled %d times, want once", n)
			}
			if len(r.Detail) > MaxField {
				t.Errorf("got a detail of %d octets, want at most %d", len(r.Detail), MaxField)
			}
			roundTrip(t, r)
		})
	}
}

// roundTrip wants facts that survive JSON.
func roundTrip(t *testing.T, r *Response) {
	t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back Response
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, &back, responses, cmpopts.IgnoreFields(Response{}, "Body")); diff != "" {
		t.Errorf("after JSON (-before +after):\n%s", diff)
	}
}

func TestHeaderLimit(t *testing.T) {
	answer := func(size int) string {
		const head, tail = "HTTP/1.1 200 OK\r\nA: ", "\r\nContent-Length: 1\r\n\r\n"
		return head + strings.Repeat("x", size-len(head)-len(tail)) + tail + "a"
	}
	for size, want := range map[int]Outcome{MaxHeader: OutcomeOK, MaxHeader + 1: OutcomeBroken} {
		s := secured(t, leaf{}, says(answer(size)))
		if got := s.client.Get(t.Context(), fileURL, Options{}); got.Outcome != want {
			t.Errorf("a header of %d octets: got %s %s, want %s", size, got.Outcome, got.Reason, want)
		}
	}
}

func TestLimits(t *testing.T) {
	for _, tt := range []struct {
		limit, size int
		want        Outcome
	}{
		{0, DefaultLimit, OutcomeOK},
		{0, DefaultLimit + 1, OutcomeTooLarge},
		{-1, DefaultLimit, OutcomeOK},
		{MaxBody + 1, MaxBody, OutcomeOK},
		{MaxBody + 1, MaxBody + 1, OutcomeTooLarge},
		{int(^uint(0) >> 1), MaxBody, OutcomeOK},
	} {
		// Without a length, so that the octets count and not the announcement.
		s := secured(t, leaf{}, says("HTTP/1.1 200 OK\r\n\r\n"+strings.Repeat("x", tt.size)))
		if got := s.client.Get(t.Context(), fileURL, Options{Limit: tt.limit}); got.Outcome != tt.want {
			t.Errorf("limit %d, body of %d octets: got %s, want %s", tt.limit, tt.size, got.Outcome, tt.want)
		}
	}
}

// declined is the error of a dialer that does not dial.
type declined string

func (d declined) Error() string  { return string(d) }
func (d declined) Reason() string { return string(d) }

func TestConnect(t *testing.T) {
	const (
		both = host + ". 60 IN A 192.0.2.1\n" + host + ". 60 IN AAAA 2001:db8::1\n"
		many = host + ". 60 IN A 192.0.2.1\n" + host + ". 60 IN A 192.0.2.2\n" + host + ". 60 IN A 192.0.2.3\n"
		half = host + ". 60 IN A 192.0.2.1\n;! servfail " + host + " AAAA\n"
		one  = host + ". 60 IN A 192.0.2.1\n"
	)
	refused := os.NewSyscallError("connect", syscall.ECONNREFUSED)
	noRoute := os.NewSyscallError("connect", syscall.ENETUNREACH)
	late := os.NewSyscallError("connect", syscall.ETIMEDOUT)
	tests := []struct {
		name    string
		zone    string
		errs    []error // of one dial after the other; nil connects
		outcome Outcome
		reason  string
		dns     dnsx.Status
		dials   string
		verdict Verdict
	}{
		{"no such name", "example.com. 60 IN A 192.0.2.1\n", nil, OutcomeNoAddress, "", dnsx.NXDomain, "", Faulty},
		{"no address", host + ". 60 IN TXT x\n", nil, OutcomeNoAddress, "", dnsx.NoData, "", Faulty},
		{"no answer", ";! timeout " + host + "\n", nil, OutcomeDNSUnknown, "", dnsx.Timeout, "", Unclear},
		{"half an answer", host + ". 60 IN TXT x\n;! servfail " + host + " AAAA\n", nil, OutcomeDNSUnknown, "", dnsx.ServFail, "", Unclear},
		{"failed", ";! network " + host + "\n", nil, OutcomeDNSUnknown, dnsx.ReasonNetwork, dnsx.Failed, "", Unclear},
		{"IPv4 only", one, []error{nil}, OutcomeOK, "", dnsx.OK, "192.0.2.1", Fetched},
		{"IPv6 only", host + ". 60 IN AAAA 2001:db8::1\n", []error{nil}, OutcomeOK, "", dnsx.OK, "2001:db8::1", Fetched},
		{"one family unknown", half, []error{nil}, OutcomeOK, "", dnsx.ServFail, "192.0.2.1", Fetched},
		{"one family unknown, the other refused", half, []error{refused}, OutcomeDNSUnknown, "", dnsx.ServFail, "192.0.2.1", Unclear},
		{"second address", both, []error{refused, nil}, OutcomeOK, "", dnsx.OK, "192.0.2.1 2001:db8::1", Fetched},
		{"no third address", many, []error{refused, refused, nil}, OutcomeRefused, "", dnsx.OK, "192.0.2.1 192.0.2.2", Faulty},
		{"refused, no route", both, []error{refused, noRoute}, OutcomeUnreachable, "", dnsx.OK, "192.0.2.1 2001:db8::1", Unclear},
		{"no route", one, []error{noRoute}, OutcomeUnreachable, "", dnsx.OK, "192.0.2.1", Unclear},
		{"timeout", one, []error{late}, OutcomeTimeout, ReasonConnect, dnsx.OK, "192.0.2.1", Unclear},
		{"reset", one, []error{os.NewSyscallError("connect", syscall.ECONNRESET)}, OutcomeConnectFailed, ReasonReset, dnsx.OK, "192.0.2.1", Unclear},
		{"no descriptors", one, []error{os.NewSyscallError("socket", syscall.EMFILE)}, OutcomeConnectFailed, dnsx.ReasonDescriptors, dnsx.OK, "192.0.2.1", Unclear},
		{"other error", one, []error{errors.New("no")}, OutcomeConnectFailed, "", dnsx.OK, "192.0.2.1", Unclear},
		{"private", one, []error{declined("private-address")}, OutcomePrivate, "", dnsx.OK, "192.0.2.1", Faulty},
		{"private, refused", both, []error{declined("private-address"), refused}, OutcomePrivate, "", dnsx.OK, "192.0.2.1 2001:db8::1", Faulty},
		{"budget", one, []error{declined("connections-budget")}, OutcomeNotDialled, "connections-budget", dnsx.OK, "192.0.2.1", Unclear},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := secured(t, leaf{}, says(file("a")))
			s.client.Resolver = zoneOf(t, tt.zone)
			dial, errs := s.client.Dial, tt.errs
			var dialled []string
			s.client.Dial = func(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
				dialled = append(dialled, addr.Addr().String())
				err := errs[0]
				errs = errs[1:]
				if err != nil {
					return nil, &net.OpError{Op: "dial", Err: err}
				}
				return dial(ctx, addr)
			}
			got := s.client.Get(t.Context(), fileURL, Options{})
			if got.Outcome != tt.outcome || got.Reason != tt.reason || got.DNS != tt.dns || got.Verdict() != tt.verdict {
				t.Errorf("got %s %q, DNS %s, verdict %s; want %s %q, %s, %s", got.Outcome, got.Reason, got.DNS, got.Verdict(), tt.outcome, tt.reason, tt.dns, tt.verdict)
			}
			if d := strings.Join(dialled, " "); d != tt.dials {
				t.Errorf("dialled %q, want %q", d, tt.dials)
			}
			if failed := len(dialled); got.Outcome != OutcomeOK && len(got.Failed) != failed {
				t.Errorf("got failed attempts %v, want %d", got.Failed, failed)
			}
			roundTrip(t, got)
		})
	}
}

func TestUntried(t *testing.T) {
	s := newSite(t, newRoot(t), func(net.Conn) {})
	s.client.Resolver = zoneOf(t, host+". 60 IN A 192.0.2.1\n"+host+". 60 IN A 192.0.2.2\n"+host+". 60 IN A 192.0.2.3\n")
	s.client.Dial = func(context.Context, netip.AddrPort) (net.Conn, error) { return nil, syscall.ECONNREFUSED }
	got := s.client.Get(t.Context(), fileURL, Options{})
	want := []Attempt{{netip.MustParseAddr("192.0.2.1"), OutcomeRefused, ""}, {netip.MustParseAddr("192.0.2.2"), OutcomeRefused, ""}}
	if diff := cmp.Diff(want, got.Failed, responses); diff != "" || got.Untried != 1 {
		t.Errorf("got %d untried, want 1; attempts (-want +got):\n%s", got.Untried, diff)
	}
}

// A connection that is never made takes the time that Options give to it.
func TestConnectTimeout(t *testing.T) {
	s := newSite(t, newRoot(t), func(net.Conn) {})
	s.client.Dial = func(ctx context.Context, _ netip.AddrPort) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	got := s.client.Get(t.Context(), fileURL, Options{Connect: time.Millisecond})
	if got.Outcome != OutcomeTimeout || got.Reason != ReasonConnect {
		t.Errorf("got %s %s, want %s %s", got.Outcome, got.Reason, OutcomeTimeout, ReasonConnect)
	}
}

func TestBadURL(t *testing.T) {
	s := newSite(t, newRoot(t), func(net.Conn) {})
	got := s.client.Get(t.Context(), "http://"+host+"/\xff", Options{})
	if got.Outcome != OutcomeBadURL || got.Reason != string(URLOctet) || got.Verdict() != Faulty || len(s.dialledAddrs()) > 0 {
		t.Errorf("got %+v", got)
	}
	roundTrip(t, got)
	if got := s.client.Get(t.Context(), strings.Repeat("x", MaxURL+1), Options{}); len(got.URL) != MaxURL {
		t.Errorf("got a URL of %d octets, want %d", len(got.URL), MaxURL)
	}
}

// The caller's context ends a fetch at every step.
func TestCaller(t *testing.T) {
	steps := map[string]func(t *testing.T) *site{
		"DNS": func(t *testing.T) *site {
			s := newSite(t, newRoot(t), func(net.Conn) {})
			s.client.Resolver = resolverFunc(func(ctx context.Context, name string, qtype uint16) dnsx.Answer {
				<-ctx.Done()
				return dnsx.Answer{Name: name, Type: qtype, Status: dnsx.Timeout}
			})
			return s
		},
		"connect": func(t *testing.T) *site {
			s := newSite(t, newRoot(t), func(net.Conn) {})
			s.client.Dial = func(ctx context.Context, _ netip.AddrPort) (net.Conn, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return s
		},
		"handshake": func(t *testing.T) *site {
			return newSite(t, newRoot(t), func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
		},
		"headers": func(t *testing.T) *site { return secured(t, leaf{}, waits("HTTP/1.1 2")) },
		"body":    func(t *testing.T) *site { return secured(t, leaf{}, waits("HTTP/1.1 200 OK\r\n\r\na")) },
	}
	for name, start := range steps {
		t.Run(name+" deadline", func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), soon)
			defer cancel()
			if got := start(t).client.Get(ctx, fileURL, Options{Timeout: time.Hour, Connect: time.Hour}); got.Outcome != OutcomeDeadline || got.Verdict() != Unclear {
				t.Errorf("got %s %s, want %s", got.Outcome, got.Reason, OutcomeDeadline)
			}
		})
		t.Run(name+" cancelled", func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(soon, cancel)
			if got := start(t).client.Get(ctx, fileURL, Options{Timeout: time.Hour, Connect: time.Hour}); got.Outcome != OutcomeCancelled || got.Verdict() != Unclear {
				t.Errorf("got %s %s, want %s", got.Outcome, got.Reason, OutcomeCancelled)
			}
		})
	}
}

type resolverFunc func(ctx context.Context, name string, qtype uint16) dnsx.Answer

func (f resolverFunc) Lookup(ctx context.Context, name string, qtype uint16) dnsx.Answer {
	return f(ctx, name, qtype)
}

// A body that trickles ends with the fetch, not with the host's patience.
func TestDrip(t *testing.T) {
	t.Parallel()
	s := secured(t, leaf{}, func(c net.Conn, _ *http.Request) {
		_, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for err == nil {
			<-tick.C
			_, err = io.WriteString(c, "x")
		}
	})
	got := s.client.Get(t.Context(), fileURL, Options{Timeout: short})
	if got.Outcome != OutcomeTimeout || got.Reason != ReasonContent || got.Body != nil {
		t.Errorf("got %s %s with %d octets, want %s %s", got.Outcome, got.Reason, len(got.Body), OutcomeTimeout, ReasonContent)
	}
}

// No goroutine outlives its fetch.
func TestGetLeavesNothing(t *testing.T) {
	sites := []*site{
		secured(t, leaf{}, says(file("a"))),
		secured(t, leaf{names: []string{"b.example"}}, says(file("a"))),
		secured(t, leaf{}, waits("HTTP/1.1 200 OK\r\n\r\na")),
		secured(t, leaf{}, endless("HTTP/1.1 200 OK\r\n\r\n", "aaaa")),
		newSite(t, newRoot(t), func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }),
	}
	before := runtime.NumGoroutine()
	for _, s := range sites {
		s.client.Get(t.Context(), fileURL, Options{Timeout: soon})
		n := runtime.NumGoroutine()
		for end := time.Now().Add(5 * time.Second); n > before && time.Now().Before(end); n = runtime.NumGoroutine() {
			runtime.Gosched()
		}
		if n > before {
			stacks := make([]byte, 1<<16)
			t.Fatalf("%d goroutines before, %d after\n%s", before, n, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

func TestCut(t *testing.T) {
	for _, tt := range []struct {
		in   string
		n    int
		want string
	}{
		{"abc", 3, "abc"}, {"abcd", 3, "abc"}, {"aé", 2, "a"}, {"a\xff\xffb", 2, "a\xff"},
		{"\x80\x80\x80\x80\x80\x80", 5, "\x80\x80\x80\x80\x80"}, {"\x80\x80", 1, "\x80"}, {"é", 1, ""}, {"€", 0, ""},
	} {
		if got := cut(tt.in, tt.n); string(got) != tt.want {
			t.Errorf("cut(%q, %d) = %q, want %q", tt.in, tt.n, got, tt.want)
		}
	}
}
