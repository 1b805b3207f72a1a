package smtp

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Limits of what is kept of the answer to EHLO.
const (
	MaxKeywords = 50 // keywords, and as many AUTH mechanisms
	maxKeyword  = 64 // octets kept of one of them
)

// An Ehlo is what a server says of itself in answer to EHLO or HELO
// (RFC 5321 section 4.1.1.1). Names and keywords are foreign text.
type Ehlo struct {
	Helo     bool     `json:"helo,omitempty"`     // it is the answer to HELO, since EHLO was refused
	Name     string   `json:"name,omitempty"`     // the name the server gives itself, at most 255 octets
	Keywords []string `json:"keywords,omitempty"` // in upper case, sorted, without duplicates, at most MaxKeywords
	Cut      int      `json:"cut,omitempty"`      // keywords, mechanisms and limits left out
	Size     uint64   `json:"size,omitempty"`     // parameter of SIZE in octets; 0 for none or no fixed limit (RFC 1870 section 4)
	Limits   []Limit  `json:"limits,omitempty"`   // parameters of LIMITS, sorted by name, at most MaxKeywords (RFC 9422)
	Auth     []string `json:"auth,omitempty"`     // AUTH mechanisms, in upper case, sorted (RFC 4954 section 3)
	Masked   bool     `json:"masked,omitempty"`   // a keyword is overwritten with X, as middleboxes do to hide STARTTLS
}

// A Limit is one that a server announces, such as RCPTMAX=100 (RFC 9422 section
// 4). Names that are not registered are kept too.
type Limit struct {
	Name  string `json:"name"` // in upper case, at most 64 octets
	Value uint64 `json:"value"`
}

// Keywords of extensions, for Has.
const (
	Pipelining = "PIPELINING"          // RFC 2920
	EightBit   = "8BITMIME"            // RFC 6152
	UTF8       = "SMTPUTF8"            // RFC 6531
	Chunking   = "CHUNKING"            // RFC 3030
	DSN        = "DSN"                 // RFC 3461
	RequireTLS = "REQUIRETLS"          // RFC 8689
	Enhanced   = "ENHANCEDSTATUSCODES" // RFC 2034
)

// Has reports whether the keyword, in upper case, was offered.
func (e *Ehlo) Has(keyword string) bool {
	return e != nil && slices.Contains(e.Keywords, keyword)
}

// parseEhlo reads the lines of a 250 reply, without codes.
func parseEhlo(lines []string) *Ehlo {
	e := &Ehlo{}
	if len(lines) == 0 {
		return e
	}
	e.Name = firstWord(lines[0])
	for _, line := range lines[1:] {
		// Some old servers write "AUTH=LOGIN" for the sake of older clients.
		if len(line) > 5 && strings.EqualFold(line[:5], "AUTH=") {
			line = "AUTH " + line[5:]
		}
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		keyword := upper(words[0])
		e.Keywords = append(e.Keywords, keyword)
		e.Masked = e.Masked || isMasked(keyword)
		switch keyword {
		case "AUTH":
			for _, mechanism := range words[1:] {
				e.Auth = append(e.Auth, upper(mechanism))
			}
		case "LIMITS":
			for _, word := range words[1:] {
				e.Limits = append(e.Limits, limits(word)...)
			}
		case "SIZE":
			if len(words) > 1 {
				e.Size, _ = strconv.ParseUint(words[1], 10, 64) // a fault gives 0 or the largest number
			}
		}
	}
	var cutKeywords, cutAuth int
	e.Keywords, cutKeywords = set(e.Keywords)
	e.Auth, cutAuth = set(e.Auth)
	slices.SortFunc(e.Limits, func(a, b Limit) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), cmp.Compare(a.Value, b.Value))
	})
	e.Limits = slices.Compact(e.Limits)
	cutLimits := max(0, len(e.Limits)-MaxKeywords)
	e.Limits = e.Limits[:len(e.Limits)-cutLimits]
	e.Cut = cutKeywords + cutAuth + cutLimits
	return e
}

// limits reads one parameter of LIMITS; what is not a name and a number is
// left out (RFC 9422 section 3).
func limits(word string) []Limit {
	name, text, _ := strings.Cut(word, "=")
	value, err := strconv.ParseUint(text, 10, 64)
	if err != nil || name == "" {
		return nil
	}
	return []Limit{{upper(name), value}}
}

// set sorts words, drops duplicates and cuts what is beyond MaxKeywords. The
// words that this package asks for are never among those cut.
func set(words []string) (kept []string, cut int) {
	slices.Sort(words)
	words = slices.Compact(words)
	excess := max(0, len(words)-MaxKeywords)
	for i := len(words) - 1; i >= 0 && cut < excess; i-- {
		if words[i] != "STARTTLS" && words[i] != "AUTH" {
			words = slices.Delete(words, i, i+1)
			cut++
		}
	}
	return words, cut
}

// upper folds ASCII letters and keeps at most maxKeyword octets.
func upper(word string) string {
	b := []byte(word[:min(len(word), maxKeyword)])
	for i, c := range b {
		if 'a' <= c && c <= 'z' {
			b[i] = c - ('a' - 'A')
		}
	}
	return string(b)
}

// isMasked reports whether a middlebox wrote X over a keyword: "XXXXXXXA" in
// place of STARTTLS, or X alone.
func isMasked(keyword string) bool {
	rest := strings.TrimLeft(keyword, "X")
	return len(keyword)-len(rest) >= 4 && (rest == "" || rest == "A")
}

// maskedBanner reports whether a middlebox wrote asterisks over the greeting:
// at least eight of them, and half of the text or more.
func maskedBanner(text string) bool {
	n := strings.Count(text, "*")
	return n >= 8 && 2*n >= len(text)
}

func firstWord(text string) string {
	word, _, _ := strings.Cut(text, " ")
	return word[:min(len(word), 255)]
}

// IsHostName reports whether a name in a greeting or in the answer to EHLO is
// one that RFC 5321 section 4.3.1 asks for: a domain name of at least two labels
// (section 2.3.5), or an address literal (section 4.1.3).
func IsHostName(name string) bool {
	if literal, ok := strings.CutPrefix(name, "["); ok {
		literal, ok = strings.CutSuffix(literal, "]")
		if len(literal) > 5 && strings.EqualFold(literal[:5], "IPv6:") {
			literal = literal[5:]
		}
		_, err := netip.ParseAddr(literal)
		return ok && err == nil
	}
	if _, err := netip.ParseAddr(name); err == nil || len(name) > 253 {
		return false
	}
	labels := strings.Split(name, ".")
	return len(labels) > 1 && !slices.ContainsFunc(labels, func(l string) bool { return !isLabel(l) })
}

func isLabel(label string) bool {
	if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	return !strings.ContainsFunc(label, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-')
	})
}
