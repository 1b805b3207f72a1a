package mtasts

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const head = "version: STSv1\nmode: enforce\nmax_age: 86400\n"

func TestParsePolicy(t *testing.T) {
	good := func(mx ...string) *Policy {
		return &Policy{Mode: Enforce, MaxAge: 86400, MX: mx, Valid: true}
	}
	bad := func(mx ...string) *Policy {
		return &Policy{Mode: Enforce, MaxAge: 86400, MX: mx}
	}
	name := strings.Repeat("n", 32)
	for _, tt := range []struct {
		name, in string
		want     *Policy
		faults   []string
	}{
		{"example of the RFC", "version: STSv1\nmode: enforce\nmx: mail.example.com\nmx: *.example.net\nmx: backupmx.example.com\nmax_age: 604800\n",
			&Policy{Mode: Enforce, MaxAge: 604800, MX: []string{"mail.example.com", "*.example.net", "backupmx.example.com"}, Valid: true}, nil},
		{"CRLF", "version: STSv1\r\nmode: testing\r\nmx: a.example\r\nmax_age: 1\r\n", &Policy{Mode: Testing, MaxAge: 1, MX: []string{"a.example"}, Valid: true}, nil},
		{"both line ends, none at the end", "mx:a.example\r\nmax_age:1\nmode:testing\nversion:STSv1", &Policy{Mode: Testing, MaxAge: 1, MX: []string{"a.example"}, Valid: true}, nil},
		{"white space around values", "version: \t STSv1\t\nmode:enforce  \nmax_age:\t86400 \r\nmx: a.example ", good("a.example"), nil},
		{"mode none needs no mx", "version: STSv1\nmode: none\nmax_age: 0\n", &Policy{Mode: None, Valid: true}, nil},
		{"unknown fields", head + "mx: a.example\nfoo.b-a_r: b\u00e4r: x  y\n0:=\n", good("a.example"), nil},
		{"upper case pattern, twice", head + "mx: *.Example\nmx: *.example\n", good("*.example"), nil},
		{"fields twice", head + "mx: a.example\nmode: none\nmax_age: x\nversion: 2\n", good("a.example"),
			[]string{"duplicate-key@5:58=mode", "duplicate-key@6:69=max_age", "duplicate-key@7:80=version"}},
		{"field twice without a value", head + "mx: a.example\nmode:\n", good("a.example"), []string{"duplicate-key@5:58=mode", "bad-value@5:63="}},
		{"the first one counts though invalid", "mode: x\nmode: none\nversion: STSv1\nmax_age: 1", &Policy{MaxAge: 1},
			[]string{"bad-mode!@1:6=x", "duplicate-key@2:8=mode"}},

		{"empty", "", &Policy{}, []string{"no-version!@0=", "no-mode!@0=", "no-max-age!@0="}},
		{"no mx", head, bad(), []string{"no-mx!@44="}},
		{"no version", "mode: none\nmax_age: 1\n", &Policy{Mode: None, MaxAge: 1}, []string{"no-version!@22="}},
		{"no mode", "version: STSv1\nmax_age: 1\n", &Policy{MaxAge: 1}, []string{"no-mode!@26="}},
		{"no max_age", "version: STSv1\nmode: none\nmax-age: 1\n", &Policy{Mode: None}, []string{"no-max-age!@37="}},
		{"other version", "version: STSv10\nmode: none\nmax_age: 1\n", &Policy{Mode: None, MaxAge: 1}, []string{"bad-version!@1:9=STSv10"}},
		{"version in lower case", "version: stsv1\nmode: none\nmax_age: 1\n", &Policy{Mode: None, MaxAge: 1}, []string{"bad-version!@1:9=stsv1"}},
		{"mode in upper case", "version: STSv1\nmode: None\nmax_age: 1\n", &Policy{MaxAge: 1}, []string{"bad-mode!@2:21=None"}},
		{"empty mode", "version: STSv1\nmode:\nmax_age: 1\n", &Policy{MaxAge: 1}, []string{"bad-mode!@2:20="}},
		{"key in upper case", "Version: STSv1\nmode: none\nmax_age: 1\n", &Policy{Mode: None, MaxAge: 1}, []string{"key-case@1:0=Version", "no-version!@37="}},

		{"bad pattern beside a good one", head + "mx: a.example\nmx: *\n", good("a.example"), []string{"mx-wildcard@5:62=*"}},
		{"no good pattern", head + "mx: *\n", bad(), []string{"mx-wildcard@4:48=*", "no-mx!@50="}},
		{"blank line", head + "\nmx: a.example\n \n", good("a.example"), []string{"blank-line@4:44=", "blank-line@6:59= "}},
		{"stray text", head + "mx: a.example\nmode=none\n", good("a.example"), []string{"missing-colon@5:58=mode=none"}},
		{"blank before the colon", "version : STSv1\n\tmode: none\nmax_age: 1\n", &Policy{Mode: None, MaxAge: 1, Valid: true},
			[]string{"stray-space@1:0=version ", "stray-space@2:16=\tmode"}},
		{"name of 32 octets", head + "mx: a.example\n" + name + ": x", good("a.example"), nil},
		{"name of 33 octets", head + "mx: a.example\n" + name + "n: x", good("a.example"), []string{"bad-name@5:58=" + name + "n"}},
		{"empty name", head + "mx: a.example\n: x", good("a.example"), []string{"bad-name@5:58="}},
		{"comment", head + "mx: a.example\n# c: x", good("a.example"), []string{"bad-name@5:58=# c"}},
		{"empty value", head + "mx: a.example\nfoo: ", good("a.example"), []string{"bad-value@5:62="}},
		{"value that is not UTF-8", head + "mx: a.example\nfoo: \xff", good("a.example"), []string{"bad-value@5:63=\xff"}},
		{"control octet", head + "mx: a.example\nfoo: a\x00b", good("a.example"), []string{"bad-octet@5:64=\x00"}},
		{"CR at the end of the file", head + "mx: a.example\r", good("a.example"), []string{"bad-octet@4:57=\r"}},
		{"CR alone", "version: STSv1\rmode: none\rmax_age: 1\r", &Policy{},
			[]string{"bad-octet@1:14=\r", "bad-version!@1:9=STSv1\rmode: none\rmax_age: 1", "no-mode!@37=", "no-max-age!@37="}},
		{"byte order mark", "\ufeffversion: STSv1\nmode: none\nmax_age: 1\n", &Policy{Mode: None, MaxAge: 1}, []string{"byte-order-mark!@1:0=\ufeff"}},
		{"record in place of a policy", "v=STSv1; id=1", &Policy{}, []string{"missing-colon@1:0=v=STSv1; id=1", "no-version!@13=", "no-mode!@13=", "no-max-age!@13="}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, faults := ParsePolicy([]byte(tt.in))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("ParsePolicy(%q), -want +got:\n%s", tt.in, diff)
			}
			if diff := cmp.Diff(tt.faults, show(t, tt.in, faults)); diff != "" {
				t.Errorf("faults of %q, -want +got:\n%s", tt.in, diff)
			}
		})
	}
}

func TestMaxAge(t *testing.T) {
	for _, tt := range []struct {
		in     string
		want   int64
		reason Reason
	}{
		{"0", 0, ""},
		{"0000086400", 86400, ""},
		{"31557600", LongestMaxAge, ""},
		{"31557601", LongestMaxAge + 1, MaxAgeRange},
		{"9999999999", 9999999999, MaxAgeRange},
		{"10000000000", 0, BadMaxAge},
		{"00000000001", 0, BadMaxAge},
		{strings.Repeat("9", 99), 0, BadMaxAge},
		{"", 0, BadMaxAge},
		{"-1", 0, BadMaxAge},
		{"+1", 0, BadMaxAge},
		{"1_0", 0, BadMaxAge},
		{"1.5", 0, BadMaxAge},
		{"86400s", 0, BadMaxAge},
		{"1 day", 0, BadMaxAge},
	} {
		t.Run(tt.in, func(t *testing.T) {
			p, faults := ParsePolicy([]byte("version: STSv1\nmode: none\nmax_age: " + tt.in))
			var reason Reason
			if len(faults) > 0 {
				reason = faults[0].Reason
			}
			if p.MaxAge != tt.want || reason != tt.reason || len(faults) > 1 || p.Valid != (tt.reason != BadMaxAge) {
				t.Errorf("got %d, valid %v, faults %v; want %d and %q", p.MaxAge, p.Valid, faults, tt.want, tt.reason)
			}
		})
	}
}

func TestPatternFault(t *testing.T) {
	label := strings.Repeat("a", 63)
	for _, tt := range []struct {
		in   string
		want Reason
	}{
		{"mx.example", ""},
		{"*.mx.example", ""},
		{"example", ""},
		{"*.example", ""},
		{"xn--bcher-kva.example", ""},
		{"1-2.3.example", ""},
		{label + ".example", ""},
		{label + "a.example", MXInvalid},
		{strings.Repeat("aaa.", 63) + "a", ""},
		{strings.Repeat("aaa.", 63) + "aa", MXInvalid},
		{"", MXInvalid},
		{".", MXInvalid},
		{"*.", MXInvalid},
		{".example", MXInvalid},
		{"a..example", MXInvalid},
		{"-a.example", MXInvalid},
		{"a-.example", MXInvalid},
		{"https://a.example", MXInvalid},
		{"a.example:25", MXInvalid},
		{"[192.0.2.1]", MXInvalid},
		{"a.example.", MXFinalDot},
		{"*.a.example.", MXFinalDot},
		{"*", MXWildcard},
		{"*example", MXWildcard},
		{"mx*.example", MXWildcard},
		{"*.*.example", MXWildcard},
		{"**.example", MXWildcard},
		{"mx.*.example", MXWildcard},
		{"mx.*", MXWildcard},
		{"a.example, b.example", MXList},
		{"a.example b.example", MXList},
		{"10 a.example", MXList},
		{"b\u00fccher.example", MXNotASCII},
		{"\xff.example", MXNotASCII},
		{"mx_1.example", MXUnderscore},
	} {
		t.Run(tt.in, func(t *testing.T) {
			if got := patternFault(tt.in); got != tt.want {
				t.Errorf("patternFault(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestPolicyLimits(t *testing.T) {
	const mx = "mx: a.example\n"
	fill := func(n int) string { return head + mx + "x: " + strings.Repeat("y", n-len(head+mx)-3) }
	long := func(n int) string { return head + mx + "x: " + strings.Repeat("y", n-3) + "\r\n" }
	lines := func(n int) string { return head + strings.Repeat(mx, n-3) }
	faulty := func(n int) string { return head + strings.Repeat("\n", n) + mx }
	many := slices.Repeat([]Reason{BlankLine}, MaxFaults)
	for _, tt := range []struct {
		name, in   string
		want       []Reason
		valid, cut bool
	}{
		{"largest", "", nil, true, false}, // with lines of a length that is read, below
		{"too large", fill(MaxPolicy + 1), []Reason{TooLarge}, false, true},
		{"longest line", long(MaxLine), nil, true, false},
		{"line too long", long(MaxLine + 1), []Reason{LineTooLong}, true, true},
		{"most lines", lines(MaxLines), nil, true, false},
		{"too many lines", lines(MaxLines + 1), []Reason{TooManyLines}, true, true},
		{"required field beyond", strings.Repeat("\n", MaxLines) + head + mx, many, false, true},
		{"most faults", faulty(MaxFaults), many, true, false},
		{"too many faults", faulty(MaxFaults + 1), many, true, false},
		{"void fault behind too many", strings.Repeat("\n", MaxFaults+1) + "mode: x", append(slices.Clip(many), BadMode, NoVersion, NoMaxAge), false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := tt.in
			if in == "" {
				in = head + mx + strings.Repeat("x: "+strings.Repeat("y", 996)+"\n", 65)
				in += "x: " + strings.Repeat("y", MaxPolicy-len(in)-3)
				if len(in) != MaxPolicy {
					t.Fatalf("%d octets", len(in))
				}
			}
			p, faults := ParsePolicy([]byte(in))
			var got []Reason
			for _, f := range faults {
				got = append(got, f.Reason)
			}
			if !slices.Equal(got, tt.want) || p.Valid != tt.valid || p.Cut != tt.cut {
				t.Errorf("got faults %v, valid %v, cut %v\nwant %v, %v, %v", got, p.Valid, p.Cut, tt.want, tt.valid, tt.cut)
			}
		})
	}
}

var (
	policyLine    = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9_.-]{0,31}):[ \t]*(.*?)[ \t]*$`)
	extensionText = regexp.MustCompile(`^[^\x00-\x20\x7f]([^\x00-\x1f\x7f]*[^\x00-\x20\x7f])?$`)
	pattern       = regexp.MustCompile(`^(\*\.)?[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$`)
)

// policyConforms decides by the grammar of RFC 8461 section 3.2 whether a
// policy is valid, but for the lengths of names.
func policyConforms(s string) bool {
	first := map[string]string{}
	for _, line := range strings.Split(strings.TrimSuffix(strings.ReplaceAll(s, "\r\n", "\n"), "\n"), "\n") {
		m := policyLine.FindStringSubmatch(line)
		if m == nil {
			return false
		}
		_, again := first[m[1]]
		known := m[1] == "version" || m[1] == "mode" || m[1] == "max_age"
		switch {
		case m[1] == "mx" && !pattern.MatchString(m[2]):
			return false
		case (!known || again) && m[1] != "mx" && (!extensionText.MatchString(m[2]) || strings.ToValidUTF8(m[2], "") != m[2]):
			return false
		}
		if !again {
			first[m[1]] = m[2]
		}
	}
	mode := first["mode"]
	_, hasMX := first["mx"]
	return first["version"] == "STSv1" && (mode == "none" || (mode == "enforce" || mode == "testing") && hasMX) &&
		regexp.MustCompile(`^[0-9]{1,10}$`).MatchString(first["max_age"])
}

func FuzzParsePolicy(f *testing.F) {
	f.Add(head + "mx: *.example\nmx: a.example.\n\nx: \xff\n")
	f.Add("version:STSv1\r\nmode:\tnone \r\nmax_age: 99999999999\nmode: x\rMX: a")
	f.Add("\ufeffversion : STSv1\nmode: none\nmax_age: 1\nfoo: a b \n")
	f.Add("mx: *\nmx:a,b\nmx: *.*.x\n\x00: \n:\n")
	f.Fuzz(func(t *testing.T, in string) {
		for _, before := range []string{"", head} { // few inputs are a policy by chance
			checkPolicy(t, before+in)
		}
	})
}

func checkPolicy(t *testing.T, in string) {
	t.Helper()
	p, faults := ParsePolicy([]byte(in))
	show(t, in[:min(len(in), MaxPolicy)], faults)
	if p.Valid && anyVoid(faults) || !p.Valid && !p.Cut && !anyVoid(faults) {
		t.Errorf("%q: valid %v, faults %v", in, p.Valid, faults)
	}
	clean, last := true, 0
	for _, f := range faults {
		switch f.Reason {
		case DuplicateKey, KeyCase, MaxAgeRange:
		default:
			clean = false
		}
		if f.Line > 0 && f.Line < last {
			t.Errorf("%q: faults out of order: %v", in, faults)
		}
		last = max(last, f.Line)
	}
	// With at most so many octets behind the head no name is too long.
	if len(in) < len(head)+63 && clean != policyConforms(in) {
		t.Errorf("%q: conforms to the grammar %v, faults %v", in, !clean, faults)
	}
	for _, mx := range p.MX {
		if host := strings.Replace(mx, "*", "a", 1); !Matches(mx, host) && len(host) <= 253 {
			t.Errorf("%q: pattern %q does not match %q", in, mx, host)
		}
	}
	roundTrip(t, &Result{Policy: p, PolicyFaults: faults})
}

func ExampleParsePolicy() {
	p, _ := ParsePolicy([]byte("version: STSv1\nmode: testing\nmx: *.example.com\nmax_age: 604800\n"))
	fmt.Println(p.Mode, p.MaxAge, p.MX)
	// Output: testing 604800 [*.example.com]
}
