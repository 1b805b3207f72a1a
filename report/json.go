package report

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// writeJSON is the Writer of JSON: one report over several lines, more of them
// one a line.
func writeJSON(w io.Writer, reports []*Report, _ Options) error {
	if len(reports) == 1 {
		return WriteJSON(w, reports[0])
	}
	for _, r := range reports {
		line, err := EncodeJSON(r)
		if err != nil {
			return err
		}
		if _, err := w.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return nil
}

// WriteJSON writes v as EncodeJSON does, indented and with a newline behind it.
func WriteJSON(w io.Writer, v any) error {
	line, err := EncodeJSON(v)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := json.Indent(&b, line, "", "  "); err != nil {
		return err
	}
	b.WriteByte('\n')
	_, err = w.Write(b.Bytes())
	return err
}

// EncodeJSON returns v as JSON on one line, without a newline. Characters that
// are invisible or control a terminal are escaped. A byte that is not UTF-8 is
// shown as \xff, and the strings with such bytes stand, as they were, in the
// member raw_base64 of the object, each under its path, such as
// findings[0].evidence[1].
func EncodeJSON(v any) ([]byte, error) {
	if v == nil {
		return []byte("null"), nil
	}
	clean := reflect.New(reflect.TypeOf(v)).Elem()
	clean.Set(reflect.ValueOf(v))
	c := cleaner{raw: map[string]string{}}
	if err := c.walk(clean, "", 0); err != nil {
		return nil, err
	}
	out, err := compact(clean.Interface())
	if err != nil {
		return nil, err
	}
	if object, ok := bytes.CutSuffix(out, []byte("}")); ok && len(c.raw) > 0 {
		raw, err := compact(c.raw)
		if err != nil {
			return nil, err
		}
		if len(object) > 1 {
			object = append(object, ',')
		}
		out = fmt.Appendf(object, `"raw_base64":%s}`, raw)
	}
	return escapeJSON(out), nil
}

func compact(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// escapeJSON puts \uXXXX for the characters that encoding/json lets through
// and Safe would not. They occur inside of strings only.
func escapeJSON(in []byte) []byte {
	var out []byte // nil as long as it equals in
	for i := 0; i < len(in); {
		r, n := utf8.DecodeRune(in[i:])
		if hidden(r) {
			if out == nil {
				out = append(make([]byte, 0, len(in)+64), in[:i]...)
			}
			if r > 0xffff {
				out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+(r-0x10000)>>10, 0xdc00+(r-0x10000)&0x3ff)
			} else {
				out = fmt.Appendf(out, `\u%04x`, r)
			}
		} else if out != nil {
			out = append(out, in[i:i+n]...)
		}
		i += n
	}
	if out == nil {
		return in
	}
	return out
}

// maxDepth is how deep a value may be nested; a report has a tenth of it.
const maxDepth = 200

var errDepth = errors.New("json: the value is nested too deeply")

// A cleaner makes the strings of a value valid UTF-8 and keeps what they were.
type cleaner struct {
	raw map[string]string // path to base64
}

// walk cleans v, which is settable, and copies whatever it points to before it
// changes it.
func (c *cleaner) walk(v reflect.Value, path string, depth int) error {
	if depth > maxDepth {
		return errDepth
	}
	switch v.Kind() {
	case reflect.String:
		if s := v.String(); !utf8.ValidString(s) {
			c.raw[path] = base64.StdEncoding.EncodeToString([]byte(s))
			v.SetString(visibleBytes(s))
		}
	case reflect.Pointer, reflect.Interface:
		return c.walkElem(v, path, depth)
	case reflect.Struct:
		return c.walkStruct(v, path, depth)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 || v.IsNil() {
			return nil // bytes become base64
		}
		fresh := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(fresh, v)
		v.Set(fresh)
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			if err := c.walk(v.Index(i), path+"["+strconv.Itoa(i)+"]", depth+1); err != nil {
				return err
			}
		}
	case reflect.Map:
		return c.walkMap(v, path, depth)
	}
	return nil
}

func (c *cleaner) walkElem(v reflect.Value, path string, depth int) error {
	if v.IsNil() {
		return nil
	}
	if v.Kind() == reflect.Pointer {
		fresh := reflect.New(v.Type().Elem())
		fresh.Elem().Set(v.Elem())
		v.Set(fresh)
		return c.walk(fresh.Elem(), path, depth+1)
	}
	fresh := reflect.New(v.Elem().Type()).Elem()
	fresh.Set(v.Elem())
	if err := c.walk(fresh, path, depth+1); err != nil {
		return err
	}
	v.Set(fresh)
	return nil
}

func (c *cleaner) walkStruct(v reflect.Value, path string, depth int) error {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if !field.IsExported() && (!field.Anonymous || field.Type.Kind() != reflect.Struct) {
			continue
		}
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case name == "-":
			continue
		case name == "" && field.Anonymous:
			name = path
		case name == "":
			name = member(path, field.Name)
		default:
			name = member(path, name)
		}
		if err := c.walk(v.Field(i), name, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// walkMap cleans keys too, in their order, so that of two keys that become the
// same it is always the same one that stays.
func (c *cleaner) walkMap(v reflect.Value, path string, depth int) error {
	if v.IsNil() || v.Type().Key().Kind() != reflect.String {
		return nil
	}
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	fresh := reflect.MakeMapWithSize(v.Type(), v.Len())
	for _, key := range keys {
		elem := reflect.New(v.Type().Elem()).Elem()
		elem.Set(v.MapIndex(key))
		name := visibleBytes(key.String())
		if err := c.walk(elem, member(path, name), depth+1); err != nil {
			return err
		}
		fresh.SetMapIndex(reflect.ValueOf(name).Convert(v.Type().Key()), elem)
	}
	v.Set(fresh)
	return nil
}

func member(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// visibleBytes shows the bytes of s that are not UTF-8 as \xff and leaves all
// else as it is.
func visibleBytes(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&b, `\x%02x`, s[0])
		} else {
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}
