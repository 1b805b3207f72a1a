package lab

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"maildoctor/check/dnsx"
)

// maxPins is how many TLSA records a host may have.
const maxPins = 8

// A pin is a TLSA record for the certificate of a host (RFC 6698 section 2.1).
type pin struct {
	usage, selector, matching int
	insecure                  bool // without the AD bit
}

// tlsa reads the setting tlsa, of which a host may have several.
func (p *hostsParser) tlsa(args []string) {
	h := p.current
	var t pin
	if n := len(args); n == 4 && args[3] == "insecure" {
		t.insecure, args = true, args[:3]
	}
	if len(args) != 3 {
		p.expected("a usage, a selector, a matching type and perhaps insecure behind tlsa")
		return
	}
	for i, field := range []struct {
		to   *int
		most int
	}{{&t.usage, 3}, {&t.selector, 1}, {&t.matching, 2}} {
		n, err := strconv.Atoi(args[i])
		if err != nil || n < 0 || n > field.most {
			p.expected("a number from 0 to %d, not %q", field.most, args[i])
			return
		}
		*field.to = n
	}
	if len(h.pins) == maxPins {
		p.expected("at most %d settings tlsa", maxPins)
		return
	}
	h.pins = append(h.pins, t)
}

// publish adds the TLSA records of a host to the DNS of the world: for each port
// that it listens on.
func (r *Running) publish(h *host, leaf, issuer *x509.Certificate) {
	if h.cert.selfSigned {
		issuer = leaf
	}
	var ports []uint16
	for _, a := range h.addrs {
		if slices.Contains(ports, a.Port()) {
			continue
		}
		ports = append(ports, a.Port())
		name := fmt.Sprintf("_%d._tcp.%s.", a.Port(), h.name)
		for _, t := range h.pins {
			r.tlsa = append(r.tlsa, fmt.Sprintf("%s 3600 IN TLSA %d %d %d %s", name, t.usage, t.selector, t.matching, t.data(leaf, issuer)))
			if !t.insecure {
				r.tlsa = append(r.tlsa, fmt.Sprintf(";! ad %s TLSA", name))
			}
		}
	}
}

// data is what the record holds: of the issuer with the usages of authorities.
func (t pin) data(leaf, issuer *x509.Certificate) string {
	cert := leaf
	if t.usage == 0 || t.usage == 2 {
		cert = issuer
	}
	octets := cert.Raw
	if t.selector == 1 {
		octets = cert.RawSubjectPublicKeyInfo
	}
	switch t.matching {
	case 1:
		sum := sha256.Sum256(octets)
		octets = sum[:]
	case 2:
		sum := sha512.Sum512(octets)
		octets = sum[:]
	}
	return hex.EncodeToString(octets)
}

// pinned returns the DNS of the world with the TLSA records of its hosts.
func (r *Running) pinned() (dnsx.Exchanger, error) {
	if len(r.tlsa) == 0 {
		return r.world.zone, nil
	}
	zone, err := dnsx.ParseZone(strings.NewReader(strings.Join(r.tlsa, "\n")), "tlsa")
	if err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	return dnsx.Overlay(zone, r.world.zone), nil
}
