package dnsx

import "errors"

// errDescriptors is the error of a question for which no socket could be opened
// because too many files are open.
var errDescriptors = errors.New("dnsx: too many open files")

// socketLimit returns how many sockets may be open at once in a process that
// may have as many files open.
func socketLimit(files uint64) int {
	const others = 16 // the standard streams, the poller, mail hosts, reports
	if files <= others {
		return 1
	}
	return int(min(DefaultInFlight, files-others))
}
