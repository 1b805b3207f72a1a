package dnsx

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

// Limits of zone files.
const (
	MaxZoneFile    = 16 << 20 // octets of one file
	MaxZoneLine    = 1 << 20  // octets of one line, with those that continue it in brackets
	MaxZoneRecords = 200_000  // records and fault lines of a Zone, doubles counted
	MaxZoneNames   = 500_000  // names of a Zone, with those that exist only because of names below them
	MaxZoneTypes   = 256      // types of records at one name
	MaxZoneData    = 32 << 20 // octets of the records of a Zone in presentation form, plus 32 for each word or string of a record beyond its 16th
)

// zoneLimits are the limits that a Zone obeys.
type zoneLimits struct {
	file                              int64
	line, entries, names, types, data int
}

func defaultLimits() zoneLimits {
	return zoneLimits{
		file: MaxZoneFile, line: MaxZoneLine, entries: MaxZoneRecords,
		names: MaxZoneNames, types: MaxZoneTypes, data: MaxZoneData,
	}
}

// charge counts a record or fault line of the given weight.
func (z *Zone) charge(weight int) error {
	z.entries++
	z.data += weight
	switch {
	case z.entries > z.limits.entries:
		return fmt.Errorf("more than %d records and fault lines: leave out what need not be checked", z.limits.entries)
	case z.data > z.limits.data:
		return fmt.Errorf("more than %d octets of data: leave out what need not be checked", z.limits.data)
	}
	return nil
}

func (z *Zone) checkNames() error {
	if len(z.nodes) > z.limits.names {
		return fmt.Errorf("more than %d names: leave out what need not be checked", z.limits.names)
	}
	return nil
}

// weight says how much memory a record takes, beside a constant: a record with
// thousands of small parts takes many times what it takes in the file.
func weight(rr dns.RR) int {
	const free, each = 16, 32
	data := rdata(rr)
	parts := 0
	if strings.HasPrefix(data, `"`) {
		parts = strings.Count(data, `"`) / 2
	} else {
		parts = strings.Count(data, " ") + strings.Count(data, ",")
	}
	return len(rr.Header().Name) + len(data) + each*max(0, parts-free)
}

// checkList refuses records with a longer list than anybody has use for: the
// DNS library needs quadratic time to write those of the types below.
func checkList(rr dns.RR) error {
	const most, mostOctets = 256, 4096
	n := 0
	switch rr := rr.(type) {
	case *dns.NSEC:
		n = len(rr.TypeBitMap)
	case *dns.NXT:
		n = len(rr.TypeBitMap)
	case *dns.NSEC3:
		n = len(rr.TypeBitMap)
	case *dns.CSYNC:
		n = len(rr.TypeBitMap)
	case *dns.HIP:
		n = len(rr.RendezvousServers)
	case *dns.SVCB, *dns.HTTPS:
		if dns.Len(rr) > mostOctets {
			return fmt.Errorf("%s record of more than %d octets", dns.Type(rr.Header().Rrtype), mostOctets)
		}
	}
	if n > most {
		return fmt.Errorf("%s record with a list of more than %d", dns.Type(rr.Header().Rrtype), most)
	}
	return nil
}
