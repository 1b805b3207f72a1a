package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"maildoctor/report"
)

// invariants checks what holds of whatever the program prints, in every
// scenario: no foreign control character, and JSON that the schema and the
// pages of the rules describe.
func invariants(out []byte) error {
	if err := inert(string(out)); err != nil {
		return err
	}
	if !bytes.HasPrefix(out, []byte("{")) {
		return nil
	}
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var object json.RawMessage
		if err := decoder.Decode(&object); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("not JSON: %w", err)
		}
		if err := described(object); err != nil {
			return err
		}
	}
}

// inert wants text that no terminal obeys.
func inert(text string) error {
	if !utf8.ValidString(text) {
		return errors.New("the output is not UTF-8")
	}
	for _, r := range text {
		switch {
		case r == '\n':
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == '\u2028', r == '\u2029', r == '\ufeff':
			return fmt.Errorf("the output contains %U", r)
		}
	}
	return nil
}

// described validates an audit against the schema and its findings against the
// parameters that their rules declare.
func described(object []byte) error {
	var head struct {
		Schema   string
		Findings []struct {
			ID              string
			Params          map[string]string
			Title, Why, Fix string
		}
	}
	if err := json.Unmarshal(object, &head); err != nil {
		return err
	}
	if head.Schema == report.AuditSchema {
		if err := validates(object); err != nil {
			return err
		}
	}
	catalog, err := report.Load()
	if err != nil {
		return err
	}
	for _, f := range head.Findings {
		for _, rule := range catalog.Rules() {
			if string(rule.ID) != f.ID {
				continue
			}
			var declared []string
			for _, p := range rule.Params {
				declared = append(declared, p.Name)
			}
			slices.Sort(declared)
			if given := slices.Sorted(maps.Keys(f.Params)); !slices.Equal(given, declared) {
				return fmt.Errorf("%s has the parameters %q, its page declares %q", f.ID, given, declared)
			}
			for name, value := range f.Params {
				if value == "" {
					return fmt.Errorf("%s: parameter %s is empty", f.ID, name)
				}
			}
		}
	}
	return nil
}

func validates(object []byte) error {
	schema, err := jsonschema.UnmarshalJSON(strings.NewReader(report.AuditJSONSchema()))
	if err != nil {
		return err
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("audit-1.json", schema); err != nil {
		return err
	}
	compiled, err := compiler.Compile("audit-1.json")
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(object))
	if err != nil {
		return err
	}
	return compiled.Validate(value)
}
