package senders

// A reporter is a service that takes in DMARC reports for others. Its pattern
// fits as those of a Provider do.
type reporter struct {
	pattern, name string
}

var reporters = []reporter{
	{"agari.com", "Agari"},
	{"auth.returnpath.net", "Validity (Return Path)"},
	{"dmarc-report.com", "MxToolbox"},
	{"dmarc-reports.cloudflare.net", "Cloudflare DMARC Management"},
	{"dmarc.brevo.com", "Brevo"},
	{"dmarc.postmarkapp.com", "Postmark DMARC"},
	{"dmarc.report-uri.com", "Report URI"},
	{"dmarcanalyzer.com", "Mimecast DMARC Analyzer"},
	{"dmarcdigests.com", "Postmark DMARC Digests"},
	{"dmarcian.com", "dmarcian"},
	{"easydmarc.com", "EasyDMARC"},
	{"easydmarc.eu", "EasyDMARC"},
	{"easydmarc.us", "EasyDMARC"},
	{"glockapps.com", "GlockApps"},
	{"ondmarc.com", "Red Sift OnDMARC"},
	{"onsecureserver.net", "GoDaddy"},
	{"powerdmarc.com", "PowerDMARC"},
	{"proofpoint.com", "Proofpoint Email Fraud Defense"},
	{"uriports.com", "URIports"},
	{"vali.email", "Valimail"},
	{"valimail.com", "Valimail"},
}

// ByReport returns the name of the DMARC reporting service that the domain of a
// rua= or ruf= address belongs to (RFC 9989 section 4.7). Two domains of one
// service have one name.
func ByReport(host string) (name string, ok bool) {
	host = normalize(host)
	length := 0
	for _, r := range reporters {
		if len(r.pattern) > length && fits(host, r.pattern) {
			name, length = r.name, len(r.pattern)
		}
	}
	return name, length > 0
}
