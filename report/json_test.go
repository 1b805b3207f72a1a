package report

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"maildoctor/check"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(JSONSchema(AuditSchema)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("audit-1.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("audit-1.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSchema(t *testing.T) {
	s := schema(t)
	for _, tt := range []struct {
		name string
		res  *check.Result
	}{
		{"sick", sick()},
		{"clean", clean()},
		{"nasty", nasty()},
		{"nothing measured", blockedResult()},
		{"empty", &check.Result{}},
		{"with facts", &check.Result{Facts: &check.Facts{Domain: "a\xff"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, err := EncodeJSON(New(tt.res, testCatalog(t), French, "1.2.3"))
			if err != nil {
				t.Fatal(err)
			}
			doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Validate(doc); err != nil {
				t.Errorf("%v\n%s", err, b)
			}
		})
	}
}

func TestSchemaRefuses(t *testing.T) {
	s := schema(t)
	good, err := EncodeJSON(New(sick(), testCatalog(t), English, "1.2.3"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, old, new string }{
		{"another schema", `"maildoctor/audit/1"`, `"maildoctor/audit/2"`},
		{"score as text", `"score":`, `"score":"87","was":`},
		{"role", `"role":"sending"`, `"role":"spammer"`},
		{"time", `"time":"2026-11-22T09:30:15Z"`, `"time":"yesterday"`},
		{"no findings", `"findings":`, `"found":`},
		{"params of numbers", `"params":{"tag":"p"}`, `"params":{"tag":1}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bad := bytes.Replace(good, []byte(tt.old), []byte(tt.new), 1)
			if bytes.Equal(bad, good) {
				t.Fatalf("%s is not in %s", tt.old, good)
			}
			doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(bad))
			if err != nil {
				t.Fatal(err)
			}
			if s.Validate(doc) == nil {
				t.Errorf("taken: %s", bad)
			}
		})
	}
}

func TestEncodeJSON(t *testing.T) {
	type inner struct {
		B []byte
		S string `json:"s,omitempty"`
	}
	type embedded struct {
		E string `json:"e"`
	}
	for _, tt := range []struct {
		name string
		in   any
		want string
	}{
		{"nil", nil, `null`},
		{"controls", "\x00\t\n\x1b\x7f", `"\u0000\t\n\u001b\u007f"`},
		{"c1", "\u0085\u009b", `"\u0085\u009b"`},
		{"separators", "\u2028\u2029", `"\u2028\u2029"`},
		{"bidi", "\u202e\u2066\u061c", `"\u202e\u2066\u061c"`},
		{"zero width", "a\u200bb\ufeff", `"a\u200bb\ufeff"`},
		{"tags as surrogates", "\U000e0041", `"\udb40\udc41"`},
		{"last character", "\U0010ffff", `"\udbff\udfff"`},
		{"letters", "é配😀", `"é配😀"`},
		{"French space", "a\u00a0:", "\"a\u00a0:\""},
		{"markup", "<a&b>", `"<a&b>"`},
		{"text that looks like an escape", `\xff`, `"\\xff"`},
		{"no object for raw", "\xff", `"\\xff"`},
		{"field", inner{S: "a\xff"}, `{"B":null,"s":"a\\xff","raw_base64":{"s":"Yf8="}}`},
		{"bytes", inner{B: []byte{0xff}}, `{"B":"/w=="}`},
		{"pointer and slice", map[string]any{"a": []*inner{nil, {S: "\xff"}}},
			`{"a":[null,{"B":null,"s":"\\xff"}],"raw_base64":{"a[1].s":"/w=="}}`},
		{"embedded", struct{ embedded }{embedded{"\xff"}}, `{"e":"\\xff","raw_base64":{"e":"/w=="}}`},
		{"array", [1]string{"\xff"}, `["\\xff"]`},
		{"key", map[string]int{"a\xff": 1}, `{"a\\xff":1}`},
		{"left out", struct {
			A string `json:"-"`
		}{"\xff"}, `{}`},
		{"only member", map[Foreign]Foreign{"k": "\xff"}, `{"k":"\\xff","raw_base64":{"k":"/w=="}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := EncodeJSON(tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestEncodeJSONDepth(t *testing.T) {
	type node struct{ N *node }
	chain := func(n int) *node {
		var top *node
		for range n {
			top = &node{top}
		}
		return top
	}
	// A link is a pointer and a struct.
	if _, err := EncodeJSON(chain(maxDepth / 2)); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	if _, err := EncodeJSON(chain(maxDepth/2 + 1)); !errors.Is(err, errDepth) {
		t.Errorf("past the limit: got %v, want %v", err, errDepth)
	}
	if _, err := EncodeJSON(make(chan int)); err == nil {
		t.Error("a channel is no JSON, and no error came")
	}
}

func TestRawBase64(t *testing.T) {
	r := New(nasty(), testCatalog(t), English, "")
	b, err := EncodeJSON(r)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Raw map[string]string `json:"raw_base64"`
	}
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	want := base64.StdEncoding.EncodeToString([]byte("\xff\xfe not utf-8 \xc3"))
	if len(got.Raw) == 0 {
		t.Fatal("no raw_base64")
	}
	for path, v := range got.Raw {
		if v != want {
			t.Errorf("%s is %q, want %q", path, v, want)
		}
	}
	for i, f := range r.Findings {
		if !strings.Contains(string(f.Subject), "\xff") {
			continue
		}
		path := "findings[" + itoa(i) + "].subject"
		if got.Raw[path] != want {
			t.Errorf("%s is %q, want %q", path, got.Raw[path], want)
		}
	}
}

func FuzzEncodeJSON(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b, err := EncodeJSON(map[string]string{"k": s})
		if err != nil {
			t.Fatal(err)
		}
		inert(t, string(b))
		var got struct {
			K   string            `json:"k"`
			Raw map[string][]byte `json:"raw_base64"`
		}
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%v in %s", err, b)
		}
		back := got.K
		if raw, ok := got.Raw["k"]; ok {
			back = string(raw)
		}
		if diff := cmp.Diff(s, back); diff != "" {
			t.Errorf("want -, got +:\n%s", diff)
		}
	})
}
