package check

import "maildoctor/check/httpsx"

// https returns a client for the files of hosts that the domain's records name.
// Its questions and connections are those of the audit, and count like all
// others.
func (r *run) https() *httpsx.Client {
	return &httpsx.Client{Resolver: r.dns, Dial: r.guard.dial, Roots: r.net.Roots, Now: r.net.Now}
}
