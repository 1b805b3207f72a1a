package taglist

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Octets is text of somebody else's making, octet by octet. In JSON it is a
// string; octets that are not UTF-8 make it an object with two members, text,
// where each of them is written \xNN, and raw_base64, from which it is read
// back without loss.
type Octets string

type escapedOctets struct {
	Text string `json:"text"`
	Raw  []byte `json:"raw_base64"`
}

// MarshalJSON writes o as a string or, if it is not UTF-8, as an object.
func (o Octets) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(o)) {
		return json.Marshal(string(o))
	}
	return json.Marshal(escapedOctets{Text: escape(string(o)), Raw: []byte(o)})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (o *Octets) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err == nil {
		*o = Octets(s)
		return nil
	}
	var e escapedOctets
	if err := json.Unmarshal(b, &e); err != nil {
		return fmt.Errorf("taglist: octets: %w", err)
	}
	*o = Octets(e.Raw)
	return nil
}

func escape(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&b, `\x%02x`, s[0])
		} else {
			b.WriteString(s[:size])
		}
		s = s[size:]
	}
	return b.String()
}

// Lower returns s with ASCII letters in lower case, and all other octets as
// they are.
func Lower(s string) string {
	upper := func(r rune) bool { return 'A' <= r && r <= 'Z' }
	if !strings.ContainsFunc(s, upper) {
		return s
	}
	b := []byte(s)
	for i, c := range b {
		if upper(rune(c)) {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
