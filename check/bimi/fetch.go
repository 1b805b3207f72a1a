package bimi

import (
	"context"
	"time"
)

// FetchOK is the outcome of a file that was fetched in full.
const FetchOK = "ok"

// Fetched is what a Fetch brought.
type Fetched struct {
	Outcome  string // FetchOK, or a code that says why there is no file
	Known    bool   // everybody who asks gets the same: not so if time ran out
	TooLarge bool   // there is a file, with more octets than asked for
	Status   int    // of HTTP; 0 without an answer
	Body     []byte // with FetchOK
}

// A Fetch gets the file at an https URL, of at most limit octets, and neither
// follows a redirect nor takes the word of a server whose certificate is not
// good (section 7.5).
type Fetch func(ctx context.Context, url string, limit int) Fetched

// A Download says how a file was fetched.
type Download struct {
	URL      string `json:"url"`
	Outcome  string `json:"outcome"`
	Known    bool   `json:"known,omitempty"`
	TooLarge bool   `json:"too_large,omitempty"`
	Status   int    `json:"status,omitempty"`
}

// A LogoFile is what l= leads to.
type LogoFile struct {
	Download
	Picture *Picture `json:"picture,omitempty"` // nil if it was not fetched
}

// A CertificateFile is what a= leads to.
type CertificateFile struct {
	Download
	Mark *Mark `json:"mark,omitempty"` // nil if it was not fetched
}

// FetchLogo fetches the logo that the record names and reads it into r. A
// record that receivers drop for its faults leads to nothing.
func (r *Result) FetchLogo(ctx context.Context, fetch Fetch) {
	s := r.usable()
	if s == nil || s.Record.LogoURL == "" {
		return
	}
	r.Logo = &LogoFile{Download: Download{URL: s.Record.LogoURL}}
	if body := r.Logo.get(ctx, fetch, MaxLogo); body != nil {
		r.Logo.Picture = CheckSVG(body)
	}
}

// FetchCertificate fetches the certificate file that the record names and reads
// it into r, as it is at now. It may run beside FetchLogo.
func (r *Result) FetchCertificate(ctx context.Context, fetch Fetch, now time.Time) {
	s := r.usable()
	if s == nil || s.Record.CertURL == "" {
		return
	}
	r.Certificate = &CertificateFile{Download: Download{URL: s.Record.CertURL}}
	if body := r.Certificate.get(ctx, fetch, MaxPEM); body != nil {
		r.Certificate.Mark = CheckCertificate(body, Identity{Domain: s.Domain, Selector: r.Selector}, now)
	}
}

// usable returns the step with a record that receivers follow, or nil.
func (r *Result) usable() *Step {
	if s := r.Step(); s != nil && s.Record != nil && !s.Void() {
		return s
	}
	return nil
}

// get returns the file, which is not nil if it was fetched.
func (d *Download) get(ctx context.Context, fetch Fetch, limit int) []byte {
	f := fetch(ctx, d.URL, limit)
	d.Outcome, d.Known, d.TooLarge, d.Status = f.Outcome, f.Known, f.TooLarge, f.Status
	if d.Outcome != FetchOK {
		return nil
	}
	d.Known = true
	return append([]byte{}, f.Body...)
}
