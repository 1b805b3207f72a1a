package tlsrpt

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"maildoctor/check/dnsx"
	"maildoctor/check/taglist"
)

// zone parses records in the notation of zone files, relative to the root.
func zone(t *testing.T, lines ...string) dnsx.Resolver {
	t.Helper()
	z, err := dnsx.ParseZone(strings.NewReader("$ORIGIN .\n$TTL 60\n"+strings.Join(lines, "\n")+"\n"), "test.zone")
	if err != nil {
		t.Fatal(err)
	}
	return dnsx.New(z, dnsx.Options{})
}

// status answers every question alike.
type status dnsx.Status

func (s status) Lookup(_ context.Context, name string, _ uint16) dnsx.Answer {
	return dnsx.Answer{Name: name, Type: dns.TypeTXT, Status: dnsx.Status(s)}
}

// show writes faults as "reason@place=text", with "!" behind a reason that is
// void, so that each place is tested.
func show(t *testing.T, in string, faults []Fault) []string {
	t.Helper()
	var list []string
	for _, f := range faults {
		if f.Offset < 0 || f.Length < 0 || f.Offset+f.Length > len(in) {
			t.Fatalf("fault %+v outside %q", f, in)
		}
		text := in[f.Offset : f.Offset+f.Length]
		if want := text[:min(len(text), MaxValue)]; string(f.Value) != want {
			t.Errorf("value of %+v: want %q", f, want)
		}
		void := ""
		if f.Void {
			void = "!"
		}
		list = append(list, fmt.Sprintf("%s%s@%d=%s", f.Reason, void, f.Offset, text))
	}
	return list
}

// roundTrip writes a result as JSON and reads it back.
func roundTrip(t *testing.T, r *Result) {
	t.Helper()
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back Result
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, &back); diff != "" {
		t.Errorf("JSON round trip, -want +got:\n%s", diff)
	}
}

func texts(list []taglist.Octets) []string {
	var out []string
	for _, o := range list {
		out = append(out, string(o))
	}
	return out
}
