package dnsx

import "maps"

// mergeZones returns a Zone that holds what all of the zones do. Where two of
// them state different faults for a question the later one counts. Each may be
// as large as the limits allow: read files that are not trusted into one Zone
// with Add instead.
func mergeZones(zones ...*Zone) *Zone {
	all := NewZone()
	for _, z := range zones {
		for name, n := range z.nodes {
			to := all.addName(name)
			for _, set := range n.sets {
				for _, rr := range set.records {
					to.add(rr)
				}
			}
		}
		maps.Copy(all.faults, z.faults)
		maps.Copy(all.rest, z.rest)
		maps.Copy(all.ad, z.ad)
		for q, records := range z.answers {
			all.answers[q] = append(all.answers[q], records...)
		}
		all.hasSOA = all.hasSOA || z.hasSOA
		all.entries += z.entries
		all.data += z.data
	}
	all.finish()
	return all
}
