//go:build unix

package dnsx

import (
	"errors"
	"math"
	"syscall"
)

// descriptorLimit returns how many files this process may have open: the soft
// limit, which the Go runtime has raised as far as it may.
func descriptorLimit() uint64 {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		return math.MaxUint64
	}
	return uint64(r.Cur) // signed on some systems
}

// outOfDescriptors reports whether the process, or the system, has too many
// files open.
func outOfDescriptors(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}
