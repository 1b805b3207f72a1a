package taglist

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	dkim := Syntax{Folding: true}
	dmarc := Syntax{FoldCase: true}
	for _, tt := range []struct {
		name   string
		in     string
		syntax Syntax
		tags   []Tag
		faults []Fault
	}{
		{name: "empty", in: "", syntax: dkim},
		{name: "white space alone", in: " \t\r\n ", syntax: dkim},
		{
			name: "two tags", in: "v=DKIM1; p=abc", syntax: dkim,
			tags: []Tag{{"v", "DKIM1", Span{0, 1}, Span{2, 5}}, {"p", "abc", Span{9, 1}, Span{11, 3}}},
		},
		{
			name: "final semicolon", in: "v=1;", syntax: dkim,
			tags: []Tag{{"v", "1", Span{0, 1}, Span{2, 1}}},
		},
		{
			name: "final semicolon and blank", in: "v=1 ; ", syntax: dkim,
			tags: []Tag{{"v", "1", Span{0, 1}, Span{2, 1}}},
		},
		{
			name: "white space around everything", in: " v = 1 2 ;\tp =\t3", syntax: dkim,
			tags: []Tag{{"v", "1 2", Span{1, 1}, Span{5, 3}}, {"p", "3", Span{11, 1}, Span{15, 1}}},
		},
		{
			name: "folding", in: "p=ab\r\n cd", syntax: dkim,
			tags: []Tag{{"p", "ab\r\n cd", Span{0, 1}, Span{2, 7}}},
		},
		{
			name: "folding where there is none", in: "p=none\r\n", syntax: dmarc,
			tags:   []Tag{{"p", "none", Span{0, 1}, Span{2, 4}}},
			faults: []Fault{{BadOctet, "p", Span{6, 1}}},
		},
		{
			name: "empty value", in: "p=", syntax: dkim,
			tags: []Tag{{"p", "", Span{0, 1}, Span{2, 0}}},
		},
		{
			name: "equals sign in a value", in: "p=ab==", syntax: dkim,
			tags: []Tag{{"p", "ab==", Span{0, 1}, Span{2, 4}}},
		},
		{
			name: "duplicate", in: "p=1;p=2", syntax: dkim,
			tags:   []Tag{{"p", "1", Span{0, 1}, Span{2, 1}}, {"p", "2", Span{4, 1}, Span{6, 1}}},
			faults: []Fault{{DuplicateTag, "p", Span{4, 1}}},
		},
		{
			name: "names in another case differ", in: "p=1;P=2", syntax: dkim,
			tags: []Tag{{"p", "1", Span{0, 1}, Span{2, 1}}, {"P", "2", Span{4, 1}, Span{6, 1}}},
		},
		{
			name: "names in another case are equal", in: "p=1;P=2", syntax: dmarc,
			tags:   []Tag{{"p", "1", Span{0, 1}, Span{2, 1}}, {"P", "2", Span{4, 1}, Span{6, 1}}},
			faults: []Fault{{DuplicateTag, "P", Span{4, 1}}},
		},
		{
			name: "stray text", in: "v=1; hello there ;p=", syntax: dkim,
			tags:   []Tag{{"v", "1", Span{0, 1}, Span{2, 1}}, {"p", "", Span{18, 1}, Span{20, 0}}},
			faults: []Fault{{MissingEquals, "", Span{5, 11}}},
		},
		{
			name: "empty name", in: "v=1; =x", syntax: dkim,
			tags:   []Tag{{"v", "1", Span{0, 1}, Span{2, 1}}},
			faults: []Fault{{EmptyName, "", Span{5, 0}}},
		},
		{
			name: "bad name", in: "1v=x", syntax: dkim,
			tags:   []Tag{{"1v", "x", Span{0, 2}, Span{3, 1}}},
			faults: []Fault{{BadName, "1v", Span{0, 2}}},
		},
		{
			name: "digit and underscore in a name", in: "a_1=x", syntax: dkim,
			tags: []Tag{{"a_1", "x", Span{0, 3}, Span{4, 1}}},
		},
		{
			name: "empty tag", in: "v=1;;p=2", syntax: dkim,
			tags:   []Tag{{"v", "1", Span{0, 1}, Span{2, 1}}, {"p", "2", Span{5, 1}, Span{7, 1}}},
			faults: []Fault{{EmptyTag, "", Span{4, 0}}},
		},
		{
			name: "octet outside ASCII", in: "n=a\xffb\xff", syntax: dkim,
			tags:   []Tag{{"n", "a\xffb\xff", Span{0, 1}, Span{2, 4}}},
			faults: []Fault{{BadOctet, "n", Span{3, 1}}},
		},
		{
			name: "NUL", in: "n=\x00", syntax: dkim,
			tags:   []Tag{{"n", "\x00", Span{0, 1}, Span{2, 1}}},
			faults: []Fault{{BadOctet, "n", Span{2, 1}}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := Parse(tt.in, tt.syntax)
			if diff := cmp.Diff(tt.tags, got.Tags); diff != "" {
				t.Errorf("Parse(%q) tags, -want +got:\n%s", tt.in, diff)
			}
			if diff := cmp.Diff(tt.faults, got.Faults); diff != "" {
				t.Errorf("Parse(%q) faults, -want +got:\n%s", tt.in, diff)
			}
		})
	}
}

func TestMaxTags(t *testing.T) {
	for _, tt := range []struct {
		name string
		tags int
		tail string
		want []Fault
	}{
		{"at the limit", MaxTags, "", nil},
		{"at the limit with a final semicolon", MaxTags, "; ", nil},
		{"one past it", MaxTags, ";p=", []Fault{{TooManyTags, "", Span{4 * MaxTags, 2}}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var parts []string
			for i := range tt.tags {
				parts = append(parts, string(rune('a'+i%26))+string(rune('a'+i/26))+"=")
			}
			in := strings.Join(parts, ";") + tt.tail
			got := Parse(in, Syntax{})
			if len(got.Tags) != MaxTags {
				t.Errorf("got %d tags, want %d", len(got.Tags), MaxTags)
			}
			if diff := cmp.Diff(tt.want, got.Faults); diff != "" {
				t.Errorf("faults, -want +got:\n%s", diff)
			}
		})
	}
}

func TestGet(t *testing.T) {
	for _, tt := range []struct {
		name   string
		in     string
		syntax Syntax
		want   string
		found  bool
	}{
		{"first of two", "p=1;p=2", Syntax{}, "1", true},
		{"case counts", "P=1", Syntax{}, "", false},
		{"case does not count", "P=1", Syntax{FoldCase: true}, "1", true},
		{"absent", "v=1", Syntax{}, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, found := Parse(tt.in, tt.syntax).Get("p")
			if got.Value != tt.want || found != tt.found {
				t.Errorf("Get = %q, %v; want %q, %v", got.Value, found, tt.want, tt.found)
			}
		})
	}
}

func TestOctetsJSON(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   Octets
		want string
	}{
		{"text", "v=DMARC1", `"v=DMARC1"`},
		{"empty", "", `""`},
		{"UTF-8", "é", `"é"`},
		{"other octets", "a\xff\xfeé", `{"text":"a\\xff\\xfeé","raw_base64":"Yf/+w6k="}`},
		{"the replacement character itself", "\ufffd", `"` + "\ufffd" + `"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := json.Marshal(tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != tt.want {
				t.Errorf("Marshal(%q) = %s, want %s", tt.in, got, tt.want)
			}
			var back Octets
			if err := json.Unmarshal(got, &back); err != nil {
				t.Fatal(err)
			}
			if back != tt.in {
				t.Errorf("read back %q, want %q", back, tt.in)
			}
		})
	}
	if err := new(Octets).UnmarshalJSON([]byte(`7`)); err == nil {
		t.Error("a number was read as octets")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("v=DKIM1; k=rsa; p=abc", true, true)
	f.Add("v=DMARC1;;=;x;\x00=;p=\xff\r\n ;", false, false)
	f.Fuzz(func(t *testing.T, in string, fold, folding bool) {
		l := Parse(in, Syntax{FoldCase: fold, Folding: folding})
		inside := func(s Span) bool {
			return s.Offset >= 0 && s.Length >= 0 && s.Offset+s.Length <= len(in)
		}
		last := 0
		for _, tag := range l.Tags {
			if !inside(tag.NameAt) || !inside(tag.ValueAt) {
				t.Fatalf("%q: tag %+v outside the input", in, tag)
			}
			if got := in[tag.NameAt.Offset:][:tag.NameAt.Length]; got != tag.Name || got == "" {
				t.Errorf("%q: name %q, at its place stands %q", in, tag.Name, got)
			}
			if got := in[tag.ValueAt.Offset:][:tag.ValueAt.Length]; got != tag.Value {
				t.Errorf("%q: value %q, at its place stands %q", in, tag.Value, got)
			}
			if tag.NameAt.Offset < last {
				t.Errorf("%q: tags out of order", in)
			}
			last = tag.ValueAt.Offset + tag.ValueAt.Length
		}
		for _, fault := range l.Faults {
			if !inside(fault.At) {
				t.Errorf("%q: fault %+v outside the input", in, fault)
			}
		}
		if len(l.Tags) > MaxTags || len(l.Faults) > 3*MaxTags+1 {
			t.Errorf("%d tags and %d faults kept", len(l.Tags), len(l.Faults))
		}
		b, err := json.Marshal(Octets(in))
		if err != nil {
			t.Fatal(err)
		}
		var back Octets
		if err := json.Unmarshal(b, &back); err != nil || string(back) != in {
			t.Errorf("read back %q, %v; want %q", back, err, in)
		}
	})
}
