package httpsx

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"maildoctor/check/dnsx"
)

const port = 443

// resolve asks for the addresses of the host, of both families at once.
func (f *fetch) resolve(ctx context.Context) []netip.Addr {
	var four, six dnsx.Answer
	var wg sync.WaitGroup
	wg.Go(func() { four = f.Resolver.Lookup(ctx, f.Host, dns.TypeA) })
	wg.Go(func() { six = f.Resolver.Lookup(ctx, f.Host, dns.TypeAAAA) })
	wg.Wait()
	sum := four
	switch {
	case !four.Status.Known():
	case !six.Status.Known(), six.Status == dnsx.NXDomain, six.Status == dnsx.OK && four.Status != dnsx.OK:
		sum = six
	}
	f.DNS = sum.Status
	addrs := preferred(four.Addrs(), six.Addrs())
	switch {
	case len(addrs) > 0:
	case f.stopped():
	case sum.Status.Known():
		f.Outcome = OutcomeNoAddress
	default:
		f.Outcome, f.Reason = OutcomeDNSUnknown, sum.Reason
	}
	return addrs
}

// preferred puts one address of each family in front, that of IPv4 first: more
// of those who measure have it.
func preferred(four, six []netip.Addr) []netip.Addr {
	n, m := min(len(four), 1), min(len(six), 1)
	return slices.Concat(four[:n], six[:m], four[n:], six[m:])
}

// connect tries the addresses until one takes the connection. If none does, the
// outcome is that of the first one, or of the first that leaves the question
// open: an address that cannot be reached from here may serve all others.
func (f *fetch) connect(ctx context.Context, addrs []netip.Addr) net.Conn {
	for _, a := range addrs[:min(len(addrs), MaxAddresses)] {
		conn, err := f.dial(ctx, a)
		if err == nil {
			f.Addr = a
			return conn
		}
		if f.stopped() {
			return nil
		}
		failed := Attempt{Addr: a}
		failed.Outcome, failed.Reason = connectOutcome(err)
		f.Failed = append(f.Failed, failed)
	}
	f.Untried = max(0, len(addrs)-MaxAddresses)
	first := f.Failed[0]
	for _, a := range f.Failed {
		if f.Outcome, f.Reason = a.Outcome, a.Reason; f.Verdict() == Unclear {
			return nil
		}
	}
	f.Outcome, f.Reason = first.Outcome, first.Reason
	if !f.DNS.Known() { // the other family may serve
		f.Outcome, f.Reason = OutcomeDNSUnknown, ""
	}
	return nil
}

func (f *fetch) dial(ctx context.Context, a netip.Addr) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, f.options.Connect)
	defer cancel()
	return f.Dial(ctx, netip.AddrPortFrom(a, port))
}

// What Windows calls these errors; the numbers stand for nothing elsewhere.
const (
	wsaNetUnreach  = syscall.Errno(10051)
	wsaConnReset   = syscall.Errno(10054)
	wsaConnRefused = syscall.Errno(10061)
	wsaHostUnreach = syscall.Errno(10065)
)

func connectOutcome(err error) (Outcome, string) {
	var declined interface{ Reason() string }
	switch {
	case errors.As(err, &declined) && declined.Reason() == string(OutcomePrivate):
		return OutcomePrivate, ""
	case errors.As(err, &declined):
		return OutcomeNotDialled, declined.Reason()
	case isAny(err, syscall.ECONNREFUSED, wsaConnRefused):
		return OutcomeRefused, ""
	case isAny(err, syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.EADDRNOTAVAIL, wsaNetUnreach, wsaHostUnreach):
		return OutcomeUnreachable, ""
	case isTimeout(err):
		return OutcomeTimeout, ReasonConnect
	case isReset(err):
		return OutcomeConnectFailed, ReasonReset
	case isAny(err, syscall.EMFILE, syscall.ENFILE):
		return OutcomeConnectFailed, dnsx.ReasonDescriptors
	}
	return OutcomeConnectFailed, ""
}

func isAny(err error, numbers ...syscall.Errno) bool {
	return slices.ContainsFunc(numbers, func(n syscall.Errno) bool { return errors.Is(err, n) })
}

func isReset(err error) bool { return isAny(err, syscall.ECONNRESET, syscall.EPIPE, wsaConnReset) }

func isTimeout(err error) bool {
	var ne net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &ne) && ne.Timeout()
}

// stopped reports whether the caller has ended the fetch, and says so. A
// connection may notice the end of its time before the context does.
func (f *fetch) stopped() bool {
	deadline, ok := f.caller.Deadline()
	switch err := f.caller.Err(); {
	case errors.Is(err, context.Canceled):
		f.Outcome, f.Reason = OutcomeCancelled, ""
	case err != nil, ok && !time.Now().Before(deadline):
		f.Outcome, f.Reason = OutcomeDeadline, ""
	default:
		return false
	}
	return true
}
