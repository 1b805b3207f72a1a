package httpsx

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"maildoctor/check/dnsx"
	"maildoctor/check/netfault"
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

func connectOutcome(err error) (Outcome, string) {
	reason, declined := netfault.Declined(err)
	switch {
	case declined && reason == string(OutcomePrivate):
		return OutcomePrivate, ""
	case declined:
		return OutcomeNotDialled, reason
	case netfault.IsRefused(err):
		return OutcomeRefused, ""
	case netfault.IsUnreachable(err):
		return OutcomeUnreachable, ""
	case netfault.IsTimeout(err):
		return OutcomeTimeout, ReasonConnect
	case netfault.IsReset(err):
		return OutcomeConnectFailed, ReasonReset
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return OutcomeConnectFailed, dnsx.ReasonDescriptors
	}
	return OutcomeConnectFailed, ""
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
