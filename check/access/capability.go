package access

import (
	"slices"
	"strings"
)

// Limits of what is kept of the capabilities.
const (
	MaxCapabilities = 60 // capabilities, and as many mechanisms
	maxCapability   = 64 // octets kept of one of them
)

// Capabilities are what a server says that it can do at one moment (RFC 9051
// section 6.1.1, RFC 2449 section 5). The names are foreign text.
type Capabilities struct {
	Names    []string `json:"names,omitempty"`    // in upper case, sorted, without duplicates, at most MaxCapabilities
	Cut      int      `json:"cut,omitempty"`      // names and mechanisms left out
	StartTLS bool     `json:"starttls,omitempty"` // STARTTLS or STLS is offered
	Login    bool     `json:"login,omitempty"`    // LOGIN is not disabled (RFC 9051 section 6.2.3), USER is offered (RFC 2449 section 6.2)
	Auth     []string `json:"auth,omitempty"`     // mechanisms of SASL, in upper case, sorted (RFC 2449 section 6.3)
}

// TakesPassword reports whether a client may send the password itself, and not
// merely a proof of knowing it: with LOGIN or USER, or by a mechanism that does
// the same.
func (c *Capabilities) TakesPassword() bool {
	return c != nil && (c.Login || slices.Contains(c.Auth, "PLAIN") || slices.Contains(c.Auth, "LOGIN"))
}

// parseIMAP reads the untagged lines of a reply without their asterisk, and
// reports whether one of them has the capabilities.
func parseIMAP(lines []string) (c *Capabilities, ok bool) {
	c = &Capabilities{Login: true}
	for _, line := range lines {
		word, rest := firstWord(line)
		if word != "CAPABILITY" {
			continue
		}
		ok = true
		for name := range strings.FieldsSeq(rest) {
			name = upper(name)
			c.Names = append(c.Names, name)
			switch mechanism, auth := strings.CutPrefix(name, "AUTH="); {
			case auth:
				c.Auth = append(c.Auth, mechanism)
			case name == "STARTTLS":
				c.StartTLS = true
			case name == "LOGINDISABLED":
				c.Login = false
			}
		}
	}
	if !ok {
		return nil, false
	}
	c.finish()
	return c, true
}

// parsePOP3 reads the lines of the answer to CAPA, each with a capability and
// its arguments.
func parsePOP3(lines []string) *Capabilities {
	c := &Capabilities{}
	for _, line := range lines {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		name := upper(words[0])
		c.Names = append(c.Names, name)
		switch name {
		case "STLS":
			c.StartTLS = true
		case "USER":
			c.Login = true
		case "SASL":
			for _, mechanism := range words[1:] {
				c.Auth = append(c.Auth, upper(mechanism))
			}
		}
	}
	c.finish()
	return c
}

// finish sorts what was collected and cuts it.
func (c *Capabilities) finish() {
	var names, auth int
	c.Names, names = set(c.Names)
	c.Auth, auth = set(c.Auth)
	c.Cut = names + auth
}

// set sorts words, drops duplicates and cuts what is beyond MaxCapabilities.
// The mechanisms that this package asks for are never among those cut.
func set(words []string) (kept []string, cut int) {
	slices.Sort(words)
	words = slices.Compact(words)
	excess := max(0, len(words)-MaxCapabilities)
	for i := len(words) - 1; i >= 0 && cut < excess; i-- {
		if words[i] != "PLAIN" && words[i] != "LOGIN" {
			words = slices.Delete(words, i, i+1)
			cut++
		}
	}
	return words, cut
}

// upper folds ASCII letters and keeps at most maxCapability octets.
func upper(word string) string {
	b := []byte(word[:min(len(word), maxCapability)])
	for i, c := range b {
		if 'a' <= c && c <= 'z' {
			b[i] = c - ('a' - 'A')
		}
	}
	return string(b)
}
