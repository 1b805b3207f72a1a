package dnsx

import (
	"net/netip"
	"strings"
)

// Sizes of a name on the wire, in octets (RFC 1035 section 2.3.4).
const (
	maxLabel = 63
	maxName  = 255
)

// Canonical returns a name as this package writes it: ASCII letters in lower
// case, no final dot, and every other octet escaped as in a zone file (\DDD, or
// a backslash before a character that has a meaning there). The root is ".".
// It reports false for the empty string, an empty label, a label of more than
// 63 octets, a name of more than 255 octets on the wire, and a broken escape
// (RFC 1035 sections 2.3.4 and 5.1).
func Canonical(name string) (string, bool) {
	if name == "." {
		return name, true
	}
	plain := true // nothing to change but the final dot
	label, wire := 0, 1
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c == '.' {
			if label == 0 {
				return "", false
			}
			label, wire = 0, wire+1
			continue
		}
		if c == '\\' {
			_, n := unescape(name[i:])
			if n == 0 {
				return "", false
			}
			plain = false
			i += n - 1
		} else if needsEscape(c) || 'A' <= c && c <= 'Z' {
			plain = false
		}
		label++
		wire++
		if label > maxLabel || wire > maxName {
			return "", false
		}
	}
	if label > 0 {
		wire++
	}
	if wire == 1 || wire > maxName {
		return "", false
	}
	if plain {
		return strings.TrimSuffix(name, "."), true
	}
	return escapeName(name), true
}

// escapeName rewrites a name whose syntax has been checked.
func escapeName(name string) string {
	out := make([]byte, 0, len(name)+8)
	for i := 0; i < len(name); {
		if name[i] == '.' {
			if i++; i < len(name) {
				out = append(out, '.')
			}
			continue
		}
		c, n := unescape(name[i:])
		i += n
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		out = appendEscaped(out, c)
	}
	return string(out)
}

// unescape returns the first octet of a non-empty string in presentation form
// and how many characters stand for it, 0 if the escape is broken (RFC 1035
// section 5.1).
func unescape(s string) (octet byte, n int) {
	if s[0] != '\\' {
		return s[0], 1
	}
	if len(s) < 2 {
		return 0, 0
	}
	if !isDigit(s[1]) {
		return s[1], 2
	}
	if len(s) < 4 || !isDigit(s[2]) || !isDigit(s[3]) {
		return 0, 0
	}
	v := int(s[1]-'0')*100 + int(s[2]-'0')*10 + int(s[3]-'0')
	if v > 255 {
		return 0, 0
	}
	return byte(v), 4
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// needsEscape is about an octet of a label. The set is that of the DNS library,
// so that its names and ours can be compared.
func needsEscape(c byte) bool {
	switch c {
	case '.', ' ', '\'', '@', ';', '(', ')', '"', '\\':
		return true
	}
	return c < ' ' || c > '~'
}

func appendEscaped(out []byte, c byte) []byte {
	switch {
	case c < ' ' || c > '~':
		return append(out, '\\', '0'+c/100, '0'+c/10%10, '0'+c%10)
	case needsEscape(c):
		return append(out, '\\', c)
	}
	return append(out, c)
}

// fqdn puts the final dot behind a canonical name.
func fqdn(name string) string {
	if name == "." {
		return name
	}
	return name + "."
}

// sameName compares a fully qualified name of a message with a canonical name,
// without regard to the case of ASCII letters (RFC 4343 section 3).
func sameName(full, canonical string) bool {
	if canonical == "." {
		return full == "."
	}
	n := len(canonical)
	if len(full) != n+1 || full[n] != '.' {
		return false
	}
	for i := range n {
		c := full[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != canonical[i] {
			return false
		}
	}
	return true
}

// parent returns a canonical name without its first label; the root has none.
func parent(name string) (string, bool) {
	if name == "." {
		return "", false
	}
	for i := 0; i < len(name); i++ {
		switch name[i] {
		case '.':
			return name[i+1:], true
		case '\\':
			i++ // of \DDD the digits cannot be taken for a dot
		}
	}
	return ".", true
}

// below reports whether a canonical name is another one or lies below it.
func below(name, ancestor string) bool {
	for ok := true; ok; name, ok = parent(name) {
		if name == ancestor {
			return true
		}
		if len(name) < len(ancestor) {
			return false
		}
	}
	return false
}

// Reverse returns the name that holds the PTR records of an address, without
// the final dot: below in-addr.arpa (RFC 1035 section 3.5) or ip6.arpa (RFC
// 3596 section 2.5). An IPv4 address mapped into IPv6 counts as the IPv4
// address. For the zero Addr it is empty.
func Reverse(addr netip.Addr) string {
	if !addr.IsValid() {
		return ""
	}
	const hex = "0123456789abcdef"
	var buf [72]byte
	out := buf[:0]
	addr = addr.Unmap()
	if addr.Is4() {
		b := addr.As4()
		for i := len(b) - 1; i >= 0; i-- {
			c := b[i]
			if c >= 100 {
				out = append(out, '0'+c/100)
			}
			if c >= 10 {
				out = append(out, '0'+c/10%10)
			}
			out = append(out, '0'+c%10, '.')
		}
		return string(append(out, "in-addr.arpa"...))
	}
	b := addr.As16()
	for i := len(b) - 1; i >= 0; i-- {
		out = append(out, hex[b[i]&15], '.', hex[b[i]>>4], '.')
	}
	return string(append(out, "ip6.arpa"...))
}

// IsName reports whether name is made of letters, digits, hyphens and
// underscores only, without a final dot, with the lengths of RFC 1035 section
// 2.3.4: what a mail domain or a DKIM selector can be.
func IsName(name string) bool {
	if len(name) > maxName-2 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if len(label) == 0 || len(label) > maxLabel {
			return false
		}
		for i := range len(label) {
			c := label[i]
			if !(c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
				return false
			}
		}
	}
	return true
}
