package mtasts

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"maildoctor/check/taglist"
)

func TestParse(t *testing.T) {
	digits := strings.Repeat("1", 32)
	name := strings.Repeat("n", 32)
	for _, tt := range []struct {
		name, in string
		id       string
		faults   []string
	}{
		{"example of the RFC", "v=STSv1; id=20160831085700Z;", "20160831085700Z", nil},
		{"nothing between", "v=STSv1;id=1", "1", nil},
		{"blanks around the semicolons", "v=STSv1; \t id=1 \t; ", "1", nil},
		{"blank behind the version", "v=STSv1 ; id=1", "1", []string{"version-delimiter@7= "}},
		{"any order, unknown fields", "v=STSv1; a.b-c_d=x/y:z; id=1; 0=,", "1", nil},
		{"32 octets", "v=STSv1; id=" + digits, digits, nil},
		{"33 octets", "v=STSv1; id=" + digits + "1", "", []string{"id-invalid!@12=" + digits + "1"}},
		{"empty id", "v=STSv1; id=;", "", []string{"id-invalid!@12="}},
		{"hyphen in the id", "v=STSv1; id=2016-08-31", "", []string{"id-invalid!@12=2016-08-31"}},
		{"8-bit id", "v=STSv1; id=\xe9", "", []string{"bad-octet@12=\xe9", "id-invalid!@12=\xe9"}},
		{"version alone", "v=STSv1;", "", []string{"id-missing!@8="}},
		{"no id", "v=STSv1; x=1", "", []string{"id-missing!@12="}},
		{"capitals", "v=STSv1; ID=1;", "", []string{"id-case!@9=ID"}},
		{"id twice", "v=STSv1; id=1; id=2", "1", []string{"duplicate-tag@15=id"}},
		{"id twice, the first one invalid", "v=STSv1; id=-; id=2", "", []string{"id-invalid!@12=-", "duplicate-tag@15=id"}},
		{"version twice", "v=STSv1; v=STSv1; id=1", "1", []string{"duplicate-tag@9=v"}},
		{"blank around an equals sign", "v=STSv1; id = 1", "1", []string{"stray-space@11= = "}},
		{"blank at the end", "v=STSv1; id=1 ", "1", []string{"stray-space@13= "}},
		{"two semicolons", "v=STSv1;; id=1", "1", []string{"empty-tag@8="}},
		{"two semicolons at the end", "v=STSv1; id=1;;", "1", []string{"empty-tag@14="}},
		{"stray text", "v=STSv1; id=1; hello", "1", []string{"missing-equals@15=hello"}},
		{"name missing", "v=STSv1; id=1; =x", "1", []string{"empty-name@15="}},
		{"name of 32 octets", "v=STSv1; id=1; " + name + "=x", "1", nil},
		{"name of 33 octets", "v=STSv1; id=1; " + name + "n=x", "1", []string{"bad-name@15=" + name + "n"}},
		{"name begins with a hyphen", "v=STSv1; id=1; -a=x", "1", []string{"bad-name@15=-a"}},
		{"empty value", "v=STSv1; id=1; a=", "1", []string{"bad-value@17="}},
		{"equals sign in a value", "v=STSv1; id=1; a=b=c", "1", []string{"bad-value@17=b=c"}},
		{"separator forgotten", "v=STSv1; id=1 a=b", "", []string{"id-invalid!@12=1 a=b"}},
		{"line break", "v=STSv1; id=1\r\n", "1", []string{"bad-octet@13=\r"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, faults, ok := Parse(tt.in)
			if !ok {
				t.Fatalf("Parse(%q): no record, %v", tt.in, faults)
			}
			if got.ID != tt.id {
				t.Errorf("Parse(%q): id %q, want %q", tt.in, got.ID, tt.id)
			}
			if diff := cmp.Diff(tt.faults, show(t, tt.in, faults)); diff != "" {
				t.Errorf("faults of %q, -want +got:\n%s", tt.in, diff)
			}
		})
	}
}

func TestParseNoRecord(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     []string
	}{
		{"empty", "", nil},
		{"blank", "  ", nil},
		{"SPF of a wildcard", "v=spf1 -all", nil},
		{"TLS reporting", "v=TLSRPTv1; rua=mailto:a@b.example", nil},
		{"prose", "hello; world", nil},
		{"verification", "site-verification=abc", nil},
		{"id of something else", "id=a/b", nil},
		{"lower case", "v=stsv1; id=1", []string{"version-case@0=v=stsv1"}},
		{"upper case name", "V=STSv1; id=1", []string{"version-case@0=V=STSv1"}},
		{"other version", "v=STSv2; id=1", []string{"version-value@2=STSv2"}},
		{"longer version", "v=STSv10; id=1", []string{"version-value@2=STSv10"}},
		{"letter left out", "v=STS1; id=1", []string{"version-value@2=STS1"}},
		{"other name", "v=MTASTSv1; id=1", []string{"version-value@2=MTASTSv1"}},
		{"nothing behind", "v=STSv1", []string{"version-value@2=STSv1"}},
		{"no semicolon", "v=STSv1 id=1", []string{"version-value@2=STSv1 id=1"}},
		{"comma", "v=STSv1, id=1;", []string{"version-value@2=STSv1, id=1"}},
		{"second field", "id=1; v=STSv1;", []string{"version-not-first@6=v"}},
		{"left out", "id=1;", []string{"version-missing@0="}},
		{"quoted", `"v=STSv1; id=1"`, []string{`version-quoted@0="`}},
		{"escaped", `\"v=STSv1; id=1\"`, []string{`version-quoted@0=\`}},
		{"blank before", " v=STSv1; id=1", []string{"version-space@0= "}},
		{"blanks around the equals sign", "v = STSv1; id=1", []string{"version-space@0=v = STSv1"}},
		{"semicolon before", ";v=STSv1; id=1", []string{"version-malformed@1=v=STSv1"}},
		{"equals sign left out", "STSv1; x", []string{"version-malformed@0=STSv1; x"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, faults, ok := Parse(tt.in)
			if ok || r != nil {
				t.Fatalf("Parse(%q) took it for a record", tt.in)
			}
			if diff := cmp.Diff(tt.want, show(t, tt.in, faults)); diff != "" {
				t.Errorf("faults of %q, -want +got:\n%s", tt.in, diff)
			}
		})
	}
}

func TestMaxValue(t *testing.T) {
	for n, want := range map[int]int{MaxValue: MaxValue, MaxValue + 1: MaxValue} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			_, faults, _ := Parse("v=STSv1; id=" + strings.Repeat("x", n))
			if len(faults) != 1 || len(faults[0].Value) != want || faults[0].Length != n {
				t.Errorf("got %+v, want a value of %d octets and a length of %d", faults, want, n)
			}
		})
	}
}

func TestTooManyTags(t *testing.T) {
	for n, want := range map[int]int{taglist.MaxTags: 0, taglist.MaxTags + 1: 1} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			in := "v=STSv1;id=1"
			for i := 2; i < n; i++ {
				in += fmt.Sprintf(";f%d=x", i)
			}
			r, faults, ok := Parse(in)
			if !ok || r.ID != "1" || len(faults) != want || want > 0 && faults[0].Reason != TooManyTags {
				t.Errorf("%d fields: %+v, %v, faults %v", n, r, ok, faults)
			}
		})
	}
}

// grammar is sts-text-record of RFC 8461 section 3.1, but that it does not
// demand an id.
var grammar = regexp.MustCompile(`^v=STSv1([ \t]*;[ \t]*[A-Za-z0-9][A-Za-z0-9_.-]{0,31}=[!-:<>-~]+)*([ \t]*;[ \t]*)?$`)

var firstID = regexp.MustCompile(`;[ \t]*id=([^;]*)`)

// conforms decides by the grammar whether a text is a record.
func conforms(s string) bool {
	id := firstID.FindStringSubmatch(s)
	return grammar.MatchString(s) && id != nil && regexp.MustCompile(`^[A-Za-z0-9]{1,32}[ \t]*$`).MatchString(id[1])
}

func FuzzParse(f *testing.F) {
	f.Add("v=STSv1; id=20160831085700Z;")
	f.Add("v=STSv1 ;\tid=1 ; a.b=c;;")
	f.Add("\"v=stsv1; id=x;;=;\xff")
	f.Add("id=1; v=STSv1 ")
	f.Add("v=STSv1; id = 1\n; id=2; v=3; \x01=x ")
	f.Fuzz(func(t *testing.T, in string) {
		r, faults, ok := Parse(in)
		if ok != (r != nil) || !ok && len(faults) > 1 {
			t.Fatalf("%q: %v, %v, %v", in, r, faults, ok)
		}
		show(t, in, faults)
		if !ok {
			if conforms(in) {
				t.Errorf("%q is not taken for a record", in)
			}
			return
		}
		if !strings.HasPrefix(in, "v=STSv1") {
			t.Errorf("%q was taken for a record", in)
		}
		if (r.ID == "") != anyVoid(faults) {
			t.Errorf("%q: id %q, faults %v", in, r.ID, faults)
		}
		clean := true
		for _, f := range faults {
			if f.Reason != DuplicateTag && f.Reason != VersionDelimiter {
				clean = false
			}
		}
		if clean != conforms(in) && strings.Count(in, ";") < taglist.MaxTags {
			t.Errorf("%q: conforms to the grammar %v, faults %v", in, !clean, faults)
		}
		roundTrip(t, &Result{Texts: []taglist.Octets{taglist.Octets(in)}, Record: r, Faults: faults})
	})
}
