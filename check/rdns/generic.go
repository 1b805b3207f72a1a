package rdns

import (
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// Pattern says why a name looks as if a network had given it to a line of a
// customer, and not its owner to a mail server.
type Pattern string

// The patterns.
const (
	AddressInName Pattern = "address-in-name" // the name is the address, written in another way
	AccessWord    Pattern = "access-word"     // words of access networks, with a number
)

// The words of names. mailWords are beginnings; the others are whole words.
var (
	mailWords = []string{
		"mail", "email", "smtp", "esmtp", "mx", "mta", "mout", "out", "relay", "send", "news", "bounce", "postfix", "exim",
	}
	// dialWords are words of lines whose address changes.
	dialWords = []string{
		"dyn", "dynamic", "dynip", "dhcp", "dialup", "dialin", "dip", "ppp", "pppoe", "adsl", "vdsl", "xdsl", "dsl",
	}
	// lineWords are words of lines in general, and of machines that are let.
	lineWords = []string{
		"static", "cust", "customer", "customers", "client", "clients", "pool", "cable", "broadband", "abo", "subs",
		"res", "residential", "ftth", "fiber", "fibre", "wireless", "mobile", "hsd", "ip", "rev",
	}
)

// Generic returns the pattern of a name that looks generic, or the empty string.
// It is a guess from the name alone, made so that it rather misses one: all four
// octets of an IPv4 address, or the digits of an IPv6 address, have to be in the
// name; or the last two octets beside a word of access networks; or a number
// beside a word of dial-up networks. A name with a word of mail in it was chosen
// by somebody, whatever its numbers.
func Generic(name string, addr netip.Addr) Pattern {
	addr = addr.Unmap().WithZone("")
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	words, _ := split(host(name))
	if !addr.IsValid() || slices.ContainsFunc(words, isMailWord) {
		return ""
	}
	_, numbers := split(name)
	has := func(list []string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(list, w) })
	}
	switch {
	case holdsDigits(name, addr), addr.Is4() && holdsOctets(numbers, addr):
		return AddressInName
	case has(dialWords) && len(numbers) > 0, has(lineWords) && addr.Is4() && holdsEnd(numbers, addr):
		return AccessWord
	}
	return ""
}

// host returns what stands in front of the registered domain.
func host(name string) string {
	registered, err := publicsuffix.EffectiveTLDPlusOne(name)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(strings.TrimSuffix(name, registered), ".")
}

func isMailWord(word string) bool {
	return slices.ContainsFunc(mailWords, func(w string) bool { return strings.HasPrefix(word, w) })
}

// split takes a name apart into runs of letters and runs of digits.
func split(name string) (words, numbers []string) {
	kind := func(c byte) int {
		switch {
		case c >= 'a' && c <= 'z':
			return 1
		case c >= '0' && c <= '9':
			return 2
		}
		return 0
	}
	for i := 0; i < len(name); {
		j := i + 1
		for j < len(name) && kind(name[j]) == kind(name[i]) {
			j++
		}
		switch kind(name[i]) {
		case 1:
			words = append(words, name[i:j])
		case 2:
			numbers = append(numbers, name[i:j])
		}
		i = j
	}
	return words, numbers
}

// holdsOctets reports whether all octets of an IPv4 address are among numbers, in
// any order, each as a number of its own.
func holdsOctets(numbers []string, addr netip.Addr) bool {
	left := values(numbers)
	for _, octet := range addr.As4() {
		i := slices.Index(left, int(octet))
		if i < 0 {
			return false
		}
		left = slices.Delete(left, i, i+1)
	}
	return true
}

// holdsEnd reports whether the last two octets of an IPv4 address follow each
// other in numbers, in this order or the other.
func holdsEnd(numbers []string, addr netip.Addr) bool {
	octets, all := addr.As4(), values(numbers)
	c, d := int(octets[2]), int(octets[3])
	for i := 1; i < len(all); i++ {
		if all[i-1] == c && all[i] == d || all[i-1] == d && all[i] == c {
			return true
		}
	}
	return false
}

// values reads numbers; what is too long for an octet becomes -1.
func values(numbers []string) []int {
	out := make([]int, len(numbers))
	for i, n := range numbers {
		out[i] = -1
		if v, err := strconv.Atoi(n); err == nil && len(n) <= 3 {
			out[i] = v
		}
	}
	return out
}

// holdsDigits reports whether an address is in a name as one number: IPv4 in
// eight hexadecimal or twelve decimal digits, IPv6 in 32, forward or backward, or
// IPv6 as it is written with hyphens for colons.
func holdsDigits(name string, addr netip.Addr) bool {
	octets := addr.AsSlice()
	forms := []string{hex.EncodeToString(octets)}
	backward := slices.Clone(octets)
	slices.Reverse(backward)
	switch {
	case addr.Is4():
		forms = append(forms, hex.EncodeToString(backward), padded(octets), padded(backward))
	default:
		nibbles := []byte(forms[0])
		slices.Reverse(nibbles)
		forms = append(forms, string(nibbles))
		if short := strings.ReplaceAll(addr.String(), ":", "-"); strings.Contains(name, short) {
			return true
		}
	}
	bare := strings.NewReplacer("-", "", ".", "", "_", "").Replace(name)
	return slices.ContainsFunc(forms, func(form string) bool { return strings.Contains(bare, form) })
}

// padded writes octets with three digits each.
func padded(octets []byte) string {
	var b strings.Builder
	for _, o := range octets {
		b.WriteString(strconv.Itoa(1000 + int(o))[1:])
	}
	return b.String()
}
