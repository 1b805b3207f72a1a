package taglist

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sample is a kind of record like those of RFC 8460 and RFC 8461.
var sample = Record{Version: "XYv1", Stem: "xy", Typical: func(first Tag) bool { return first.Name == "to" }}

// show writes faults as "code name@place=text".
func show(t *testing.T, in string, faults []Fault) []string {
	t.Helper()
	var list []string
	for _, f := range faults {
		if f.At.Offset < 0 || f.At.Length < 0 || f.At.Offset+f.At.Length > len(in) {
			t.Fatalf("%q: fault %+v outside the input", in, f)
		}
		list = append(list, fmt.Sprintf("%s %s@%d=%s", f.Code, f.Name, f.At.Offset, in[f.At.Offset:][:f.At.Length]))
	}
	return list
}

func TestRecord(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		tags     []string
		want     []string
	}{
		{"nothing behind", "v=XYv1;", nil, nil},
		{"tight", "v=XYv1;to=a;b=c", []string{"to=a", "b=c"}, nil},
		{"blanks around the semicolons", "v=XYv1; \t to=a \t; ", []string{"to=a"}, nil},
		{"blank behind the version", "v=XYv1 \t; to=a", []string{"to=a"}, []string{"version-delimiter v@6= \t"}},
		{"names that lists do not have", "v=XYv1; 0.a-b=c", []string{"0.a-b=c"}, nil},
		{"a tag twice", "v=XYv1; to=a; to=b", []string{"to=a", "to=b"}, []string{"duplicate-tag to@14=to"}},
		{"a tag twice in other letters", "v=XYv1; to=a; TO=b", []string{"to=a", "TO=b"}, nil},
		{"nothing between semicolons", "v=XYv1;; to=a", []string{"to=a"}, []string{"empty-tag @7="}},
		{"stray text", "v=XYv1; to=a; hello", []string{"to=a"}, []string{"missing-equals @14=hello"}},
		{"name missing", "v=XYv1; =a", nil, []string{"empty-name @8="}},
		{"blanks around an equals sign", "v=XYv1; to = a", []string{"to=a"}, []string{"stray-space to@10= = "}},
		{"blank at the end", "v=XYv1; to=a \t", []string{"to=a"}, []string{"stray-space @12= \t"}},
		{"8-bit octet, the first alone", "v=XYv1; to=\xe9\xe9", []string{"to=\xe9\xe9"}, []string{"bad-octet @11=\xe9"}},
		{"line break", "v=XYv1; to=a\r\n", []string{"to=a"}, []string{"bad-octet @12=\r"}},
		{"in the order of the places", "v=XYv1 ; to =a\x00; x;", []string{"to=a\x00"},
			[]string{"version-delimiter v@6= ", "stray-space to@11= =", "bad-octet @14=\x00", "missing-equals @17=x"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			list, ok := sample.Parse(tt.in)
			if !ok {
				t.Fatalf("%q is no record: %v", tt.in, list.Faults)
			}
			var tags []string
			for _, tag := range list.Tags[1:] {
				tags = append(tags, tag.Name+"="+tag.Value)
			}
			if diff := cmp.Diff(tt.tags, tags); diff != "" {
				t.Errorf("tags behind the version of %q (-want +got):\n%s", tt.in, diff)
			}
			if diff := cmp.Diff(tt.want, show(t, tt.in, list.Faults)); diff != "" {
				t.Errorf("faults of %q (-want +got):\n%s", tt.in, diff)
			}
		})
	}
}

func TestNoRecord(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     []string
	}{
		{"empty", "", nil},
		{"another kind", "v=spf1 -all", nil},
		{"the stem in prose", "oxygen; epoxy glue", nil},
		{"another kind that names this one", "v=spf1; x=XYv1", nil},
		{"untypical", "at=a", nil},
		{"lower case", "v=xyv1; to=a", []string{"version-case v@0=v=xyv1"}},
		{"upper case name", "V=XYv1; to=a", []string{"version-case V@0=V=XYv1"}},
		{"other version", "v=XYv2; to=a", []string{"version-value v@2=XYv2"}},
		{"without the v", "v=XY1; to=a", []string{"version-value v@2=XY1"}},
		{"other name", "v=AXYv1; to=a", []string{"version-value v@2=AXYv1"}},
		{"stem twice", "v=XY-XY1; to=a", []string{"version-value v@2=XY-XY1"}},
		{"no semicolon", "v=XYv1", []string{"version-value v@2=XYv1"}},
		{"comma", "v=XYv1, to=a;", []string{"version-value v@2=XYv1, to=a"}},
		{"second tag", "to=a; v=XYv1;", []string{"version-not-first v@6=v"}},
		{"left out", "to=a", []string{"version-missing @0="}},
		{"quoted", ` "v=XYv1; to=a"`, []string{`version-quoted @1="`}},
		{"escaped", `\"v=XYv1; to=a\"`, []string{`version-quoted @0=\`}},
		{"something else quoted", `"to=a"`, nil},
		{"blank before", "\r\n v=XYv1; to=a", []string{"version-space v@0=\r\n "}},
		{"blanks around the equals sign", "v = XYv1; to=a", []string{"version-space v@0=v = XYv1"}},
		{"semicolon before", ";v=XYv1; to=a", []string{"version-malformed v@1=v=XYv1"}},
		{"equals sign left out", " XYv1; x", []string{"version-malformed @1=XYv1; x"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			list, ok := sample.Parse(tt.in)
			if ok {
				t.Fatalf("%q was taken for a record", tt.in)
			}
			if diff := cmp.Diff(tt.want, show(t, tt.in, list.Faults)); diff != "" {
				t.Errorf("faults of %q (-want +got):\n%s", tt.in, diff)
			}
		})
	}
}

func TestExtensionFaults(t *testing.T) {
	name := strings.Repeat("n", 32)
	for _, tt := range []struct {
		name, in string
		want     []string
	}{
		{"letters, digits, and what may follow", "0a_-.Z=!/:,", nil},
		{"32 octets", name + "=a", nil},
		{"33 octets", name + "n=a", []string{"bad-name " + name + "n@0=" + name + "n"}},
		{"begins with a dot", ".a=b", []string{"bad-name .a@0=.a"}},
		{"8-bit name", "a\xe9=b", []string{"bad-name a\xe9@0=a\xe9"}},
		{"empty value", "a=", []string{"bad-value a@2="}},
		{"equals sign", "a=b=c", []string{"bad-value a@2=b=c"}},
		{"blank", "a=b c", []string{"bad-value a@2=b c"}},
		{"both", "-=b\tc", []string{"bad-name -@0=-", "bad-value -@2=b\tc"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tag := Parse(tt.in, Syntax{}).Tags[0]
			if diff := cmp.Diff(tt.want, show(t, tt.in, tag.ExtensionFaults())); diff != "" {
				t.Errorf("faults of %q (-want +got):\n%s", tt.in, diff)
			}
		})
	}
	if IsExtension("") {
		t.Error("the empty name was taken for one of an extension")
	}
}

// A record begins with its version; a text that is none has one fault at most;
// the faults stand in order.
func FuzzRecord(f *testing.F) {
	f.Add("v=XYv1; to=a")
	f.Add("v=XYv1 ;\tto = a ; b=c;;\xff ")
	f.Add("\"v=xyv1; to=x;;=;\xff")
	f.Add("to=1; V=XYv1 ")
	f.Fuzz(func(t *testing.T, in string) {
		list, ok := sample.Parse(in)
		show(t, in, list.Faults)
		rest, begins := strings.CutPrefix(in, "v=XYv1")
		if begins = begins && strings.HasPrefix(strings.TrimLeft(rest, " \t"), ";"); ok != begins {
			t.Errorf("%q: taken for a record %v, want %v", in, ok, begins)
		}
		if !ok && len(list.Faults) > 1 {
			t.Errorf("%q: got %d faults, want one at most: %v", in, len(list.Faults), list.Faults)
		}
		if !slices.IsSortedFunc(list.Faults, func(a, b Fault) int { return a.At.Offset - b.At.Offset }) {
			t.Errorf("%q: faults out of order: %v", in, list.Faults)
		}
		for _, tag := range list.Tags {
			show(t, in, tag.ExtensionFaults())
		}
	})
}
