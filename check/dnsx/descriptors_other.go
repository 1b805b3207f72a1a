//go:build !unix

package dnsx

import "math"

// descriptorLimit: no limit is known on this system.
func descriptorLimit() uint64 { return math.MaxUint64 }

// outOfDescriptors: no such error is known on this system.
func outOfDescriptors(error) bool { return false }
