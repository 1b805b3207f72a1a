package check

import (
	"net/netip"

	"maildoctor/check/bimi"
	"maildoctor/check/dmarc"
	"maildoctor/check/dnsx"
	"maildoctor/check/mtasts"
	"maildoctor/check/mx"
	"maildoctor/check/spf"
	"maildoctor/check/tlsrpt"
)

// Facts are what the checkers saw of one domain, a typed field a subject; nil
// means that it was not gathered. They survive JSON: judging facts that were
// read back gives the same findings.
type Facts struct {
	Domain       string     `json:"domain"`
	Checks       []string   `json:"checks,omitempty"` // the checkers asked for; nil for all
	Gathered     []Coverage `json:"gathered,omitempty"`
	AllowPrivate bool       `json:"allow_private,omitempty"`
	SMTPPort     uint16     `json:"smtp_port,omitempty"`

	// NotPublic lists the addresses of mail hosts that the internet does not
	// route (RFC 6890), sorted.
	NotPublic []netip.Addr `json:"not_public,omitempty"`

	MX        *mx.Result      `json:"mx,omitempty"`
	SPF       *spf.Tree       `json:"spf,omitempty"`
	Sender    *spf.Evaluation `json:"sender,omitempty"` // SPF of the sending host that the user named
	DKIM      *DKIM           `json:"dkim,omitempty"`
	DMARC     *dmarc.Policy   `json:"dmarc,omitempty"`
	Alignment *Alignment      `json:"alignment,omitempty"`
	Evidence  *Evidence       `json:"evidence,omitempty"` // what the user's files show
	BIMI      *bimi.Result    `json:"bimi,omitempty"`
	PTR       []Reverse       `json:"ptr,omitempty"`
	Helo      *Helo           `json:"helo,omitempty"` // what the sending host says in EHLO, as the user tells
	DNSBL     *Blocklists     `json:"dnsbl,omitempty"`
	SMTP      []Dialogue      `json:"smtp,omitempty"`
	MTASTS    *mtasts.Result  `json:"mta_sts,omitempty"`
	TLSRPT    *tlsrpt.Result  `json:"tls_rpt,omitempty"`
	DANE      *DANE           `json:"dane,omitempty"`
	Access    *Access         `json:"access,omitempty"` // what mail programs of people meet
}

// exists tells whether the domain exists, as the answer for its MX records
// says: NXDomain only if that is about the domain and not about the target of
// an alias (RFC 6604 section 3).
func (f *Facts) exists() dnsx.Status {
	switch {
	case f.MX == nil, f.SPF != nil && f.SPF.Root != nil && f.SPF.Root.Malformed:
		return dnsx.Failed
	case f.MX.Status == dnsx.NXDomain && len(f.MX.Alias) > 0:
		return dnsx.NoData
	}
	return f.MX.Status
}

// idle reports whether the domain says that nobody sends for it.
func (f *Facts) idle() bool {
	role := f.Role()
	return role == Parked || role == Receiving
}

// signless reports whether no DKIM key is to be expected: nobody sends for the
// domain, or only those who pass its mail on.
func (f *Facts) signless() bool { return f.idle() || f.Role() == Forwarding }

// Role reads the domain's role from its own records. Only "-all" with nobody
// authorised says that nobody sends; a record that is broken was meant for
// somebody.
func (f *Facts) Role() Role {
	if f.MX == nil || f.SPF == nil || f.SPF.Root == nil || !f.MX.Status.Known() {
		return Unknown
	}
	takesMail := len(f.MX.Hosts) > 0 && !f.MX.Implicit
	switch t := f.SPF; {
	case t.Root.Outcome == spf.Unknown:
		return Unknown
	case f.forwards():
		return Forwarding
	case t.Root.Outcome == spf.None && takesMail, t.Senders:
		return Sending
	case t.Root.Outcome == spf.None && f.MX.RefusesMail():
		return Parked
	case t.Root.Outcome == spf.None:
		return Unknown
	case !takesMail && (f.MX.RefusesMail() || t.All == spf.QualifierFail):
		return Parked
	case t.All == spf.QualifierFail:
		return Receiving
	}
	return Unknown
}

func (o Options) smtpPort() uint16 {
	if o.SMTPPort <= 0 || o.SMTPPort > 65535 {
		return 25
	}
	return uint16(o.SMTPPort)
}
