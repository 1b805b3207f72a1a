package check

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// TestPlan holds how the connections of an audit are shared out, and that they
// suffice.
func TestPlan(t *testing.T) {
	tests := []struct {
		name         string
		hosts, addrs int
		opts         Options
		want         plan
	}{
		{"one host", 1, 1, Options{}, plan{submission: 1, offers: 13}},
		{"one host with both families", 1, 2, Options{}, plan{submission: 1, offers: 12}},
		{"two hosts", 2, 2, Options{}, plan{submission: 2, offers: 8}},
		{"three hosts", 3, 2, Options{}, plan{submission: 3, offers: 4}},
		{"four hosts", 4, 2, Options{}, plan{submission: 4, offers: 0}},
		{"five hosts of one family", 5, 1, Options{}, plan{submission: 5, offers: 1}},
		{"five hosts", 5, 2, Options{}, plan{submission: 3, offers: 0}},
		{"five hosts and questions", 5, 2, Options{Intrusive: true}, plan{submission: 2, offers: 1}},
		{"two hosts and questions", 2, 2, Options{Intrusive: true}, plan{submission: 2, offers: 7}},
		{"a port of submission for MX", 5, 2, Options{SMTPPort: 587}, plan{submission: 5, offers: 1}},
		{"mail programs too", 1, 2, Options{Access: AccessAuto}, plan{submission: 1, offers: 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var list []mailHost
			for i := range tt.hosts {
				h := mailHost{name: fmt.Sprintf("mx%d.test", i)}
				for j := range tt.addrs {
					h.addrs = append(h.addrs, netip.AddrFrom4([4]byte{192, 0, 2, byte(10*i + j)}))
				}
				list = append(list, h)
			}
			r := &run{opts: tt.opts}
			got := r.plan(list)
			if got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
			total := tt.hosts*tt.addrs + got.submission*len(submissionPorts(tt.opts.smtpPort())) + got.offers
			if total > MaxConnections-reserved {
				t.Errorf("%d connections, want %d at most", total, MaxConnections-reserved)
			}
		})
	}
}

// TestSpareTime holds that what is asked beyond the dialogues ends before the
// audit does.
func TestSpareTime(t *testing.T) {
	for _, tt := range []struct {
		name        string
		left, spare time.Duration
	}{
		{"enough", 30 * time.Second, spareMost},
		{"little", 5 * time.Second, 5*time.Second - spareLeft},
		{"too little", time.Second, time.Second - spareLeft},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), tt.left)
			defer cancel()
			spare, cancel := spareTime(ctx)
			defer cancel()
			end, ok := spare.Deadline()
			if got := time.Until(end); !ok || got > tt.spare || got < tt.spare-time.Second {
				t.Errorf("got %v, want %v", got, tt.spare)
			}
		})
	}
}
