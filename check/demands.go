package check

// A Receiver is a large mailbox provider with what it demands of senders.
type Receiver struct {
	ID, Name     string
	URL          string   // its page for senders
	Notes        []string // codes of what to know of the demands as a whole
	Requirements []Requirement
}

// A Requirement is one demand of a receiver, as published or seen.
type Requirement struct {
	ID       string // the receiver, and what it is about
	Kind     Demand
	Limit    string // the number in the words of Kind, if it has one
	Applies  Scope
	Volume   int // messages a day from which Scope begins; 0 where none is published
	Enforced Force
	Code     string // how the receiver begins its refusal, as in "550 5.7.26"; empty if not known
	URL      string // where it is stated
	Seen     bool   // URL was read, or a copy of it; else it is only said to be there
	Status   Origin
}

// A Demand is what a requirement is about.
type Demand string

// The demands.
const (
	DemandSPF            Demand = "spf-pass"
	DemandDKIM           Demand = "dkim-pass"
	DemandSPFOrDKIM      Demand = "spf-or-dkim"
	DemandSPFAndDKIM     Demand = "spf-and-dkim"
	DemandAnyAuth        Demand = "any-authentication"  // SPF, DKIM or DMARC passes
	DemandAllAuth        Demand = "all-authentication"  // SPF, DKIM and DMARC pass
	DemandAuthAndRecord  Demand = "spf-dkim-dmarc"      // SPF and DKIM pass, and there is a DMARC record
	DemandSPFValid       Demand = "spf-valid"           // SPF neither fails nor is broken
	DemandSPFNotFail     Demand = "spf-not-fail"        // SPF does not fail
	DemandDKIMKey        Demand = "dkim-key"            // RSA keys have 1024 bits or more
	DemandDKIMAligned    Demand = "dkim-aligned"        // by relaxed alignment
	DemandDMARCRecord    Demand = "dmarc-record"        // p=none is enough
	DemandDMARCReports   Demand = "dmarc-reports"       // a record with rua=
	DemandDMARCPass      Demand = "dmarc-pass"          // a record, and it passes
	DemandAlignment      Demand = "alignment"           // of SPF or DKIM
	DemandFCrDNS         Demand = "fcrdns"              // PTR record and name confirm each other
	DemandFCrDNSDomain   Demand = "fcrdns-and-domain"   // the same, and the sender's domain resolves
	DemandFCrDNSContact  Demand = "fcrdns-contact"      // the same, and the name leads to the sender
	DemandPTROwnDomain   Demand = "ptr-own-domain"      // the PTR record names the sender's domain
	DemandPTRIndividual  Demand = "ptr-individual"      // a PTR record that is no generic name
	DemandNotDynamic     Demand = "not-dynamic"         // the address is no dial-up one
	DemandHistory        Demand = "history"             // the address is known to send
	DemandIPv6           Demand = "ipv6-authentication" // over IPv6, PTR, and SPF or DKIM
	DemandReceives       Demand = "domain-receives"     // the sender's domain takes mail
	DemandResolves       Demand = "domain-resolves"     // the sender's domain has MX or A
	DemandHelo           Demand = "helo"                // a valid name
	DemandHeloResolves   Demand = "helo-resolves"       // a full name with an address
	DemandTLS            Demand = "tls"                 // on delivery
	DemandTLS12          Demand = "tls-1.2"             // on delivery
	DemandMessage        Demand = "rfc5322"             // the message is well formed
	DemandSingleFrom     Demand = "single-from"         // one address in From
	DemandFromSender     Demand = "from-and-sender"     // RFC 5322 section 3.6.2
	DemandForeignFrom    Demand = "foreign-from"        // no gmail.com address in From
	DemandFeedbackID     Demand = "feedback-id"         // header, and web site
	DemandHygiene        Demand = "hygiene"             // From and Reply-To take replies
	DemandOneClick       Demand = "one-click"           // RFC 8058
	DemandUnsubscribe    Demand = "unsubscribe-link"    // that works at once
	DemandBulkRules      Demand = "bulk-rules"          // consent, imprint, one-click
	DemandForwarderARC   Demand = "arc"                 // on forwarded mail
	DemandForwarderLists Demand = "arc-and-list-id"     // on forwarded mail and lists
	DemandComplaints     Demand = "complaint-rate"      // under a limit, in per cent
	DemandComplaintsGoal Demand = "complaint-rate-goal" // the same, and well below
	DemandFeedbackLoop   Demand = "feedback-loop"       // enrolled in it
	DemandBlocklists     Demand = "blocklists"          // not on those that anybody can ask
	DemandOwnBlocklist   Demand = "own-blocklist"       // not on that of the receiver
	DemandConnections    Demand = "connections"         // at a time, and recipients of a message
)

// A Scope is whose mail a requirement is about.
type Scope string

// The scopes.
const (
	ScopeAll        Scope = "all"
	ScopeBulk       Scope = "bulk"
	ScopeMarketing  Scope = "marketing"   // bulk mail that advertises or was subscribed to
	ScopeHighVolume Scope = "high-volume" // more than so many messages a day
	ScopeForwarders Scope = "forwarders"
	ScopeIPv6       Scope = "ipv6"
	ScopeNew        Scope = "new-addresses" // addresses that did not send lately
)

// A Force is what a receiver does where a requirement is not met.
type Force string

// The forces.
const (
	ForceHard    Force = "hard"    // mail can be refused
	ForceSoft    Force = "soft"    // mail is slowed down or goes to the spam folder
	ForceAdvice  Force = "advice"  // good practice, says the receiver
	ForceUnknown Force = "unknown" // not stated
)

// An Origin is how a requirement is known.
type Origin string

// The origins.
const (
	Documented Origin = "documented" // the receiver's own page or reply says so
	Observed   Origin = "observed"   // others report it
)

// Notes on the demands of a receiver.
const (
	NotePersonal    = "personal-accounts"    // they are about mail to private accounts
	NoteBulk        = "bulk-for-good"        // who sent bulk mail once counts as a bulk sender; subdomains count together
	NoteUnpublished = "volume-not-published" // it does not say what bulk is
	NoteConsumer    = "consumer-accounts"    // outlook.com, hotmail.com and live.com
	NoteYahoo       = "moves-to-yahoo"       // its mailboxes move to Yahoo
)

// Pages that state more than one requirement.
const (
	googleGuide   = "https://support.google.com/a/answer/81126"
	googleFAQ     = "https://support.google.com/a/answer/14229414"
	googleCodes   = "https://knowledge.workspace.google.com/admin/support/troubleshooting/gmail-smtp-errors-and-codes"
	yahooGuide    = "https://senders.yahooinc.com/best-practices/"
	yahooCodes    = "https://senders.yahooinc.com/error-codes"
	outlookGuide  = "https://techcommunity.microsoft.com/blog/microsoftdefenderforoffice365blog/strengthening-email-ecosystem-outlook%E2%80%99s-new-requirements-for-high%E2%80%90volume-senders/4399730"
	exchangeCodes = "https://learn.microsoft.com/exchange/mail-flow-best-practices/non-delivery-reports-in-exchange-online/non-delivery-reports-in-exchange-online"
	exchangeIPv6  = "https://learn.microsoft.com/en-us/microsoft-365/security/office-365-security/mail-flow-inbound-ipv6-support-about"
	appleGuide    = "https://support.apple.com/en-us/102322"
	laposteGuide  = "https://postmaster.laposte.net/contents/quelles-sont-les-specifications-techniques-a-respecter-pour-emettre-des-emails-vers-laposte-net"
	orangeGuide   = "https://postmaster.orange.fr"
	webdeGuide    = "https://postmaster.web.de/en/requirements-and-recommendations"
	gmxGuide      = "https://postmaster.gmx.net/en/best-practices"
	tonlineGuide  = "https://postmaster.t-online.de/index.en.html"
	comcastGuide  = "https://postmaster.comcast.net/"
)

// receivers is the table, as known in November 2026. What is not certain is not
// in it.
func receivers() []Receiver {
	return []Receiver{
		{
			ID: "google", Name: "Google", URL: googleGuide, Notes: []string{NotePersonal, NoteBulk},
			Requirements: []Requirement{
				{ID: "google-auth-any", Kind: DemandSPFOrDKIM, Applies: ScopeAll, Enforced: ForceHard, Code: "550 5.7.26", URL: googleGuide, Seen: true, Status: Documented},
				{ID: "google-auth-spf-bulk", Kind: DemandSPF, Applies: ScopeBulk, Volume: 5000, Enforced: ForceHard, Code: "550 5.7.27", URL: googleGuide, Seen: true, Status: Documented},
				{ID: "google-auth-dkim-bulk", Kind: DemandDKIM, Applies: ScopeBulk, Volume: 5000, Enforced: ForceHard, Code: "550 5.7.30", URL: googleGuide, Seen: true, Status: Documented},
				{ID: "google-dkim-key", Kind: DemandDKIMKey, Applies: ScopeAll, Enforced: ForceHard, URL: googleGuide, Seen: true, Status: Observed},
				{ID: "google-dmarc-bulk", Kind: DemandDMARCRecord, Applies: ScopeBulk, Volume: 5000, Enforced: ForceHard, URL: googleFAQ, Seen: true, Status: Documented},
				{ID: "google-align-bulk", Kind: DemandAlignment, Applies: ScopeBulk, Volume: 5000, Enforced: ForceSoft, Code: "421 4.7.32", URL: googleGuide, Seen: true, Status: Documented},
				{ID: "google-ptr", Kind: DemandFCrDNS, Applies: ScopeAll, Enforced: ForceHard, Code: "550 5.7.25", URL: googleGuide, Seen: true, Status: Documented},
				{ID: "google-tls", Kind: DemandTLS, Applies: ScopeAll, Enforced: ForceHard, Code: "550 5.7.29", URL: googleGuide, Seen: true, Status: Documented},
				{ID: "google-rfc5322", Kind: DemandMessage, Applies: ScopeAll, Enforced: ForceHard, Code: "550 5.7.1", URL: googleGuide, Seen: true, Status: Documented},
				{ID: "google-from-single", Kind: DemandSingleFrom, Applies: ScopeAll, Enforced: ForceHard, Code: "550 5.7.1", URL: googleCodes, Seen: true, Status: Documented},
				{ID: "google-noimpersonation", Kind: DemandForeignFrom, Applies: ScopeAll, Enforced: ForceSoft, URL: googleGuide, Seen: true, Status: Documented},
				{ID: "google-spamrate", Kind: DemandComplaintsGoal, Applies: ScopeAll, Enforced: ForceSoft, URL: googleGuide, Seen: true, Status: Documented},
				{ID: "google-oneclick", Kind: DemandOneClick, Applies: ScopeMarketing, Volume: 5000, Enforced: ForceSoft, URL: googleFAQ, Seen: true, Status: Documented},
				{ID: "google-forwarders", Kind: DemandForwarderLists, Applies: ScopeForwarders, Enforced: ForceAdvice, URL: googleGuide, Seen: true, Status: Documented},
				{ID: "google-helo", Kind: DemandHelo, Applies: ScopeAll, Enforced: ForceHard, Code: "501 5.5.4", URL: googleCodes, Seen: true, Status: Documented},
			},
		},
		{
			ID: "yahoo", Name: "Yahoo, AOL", URL: yahooGuide, Notes: []string{NoteUnpublished},
			Requirements: []Requirement{
				{ID: "yahoo-auth-any", Kind: DemandSPFOrDKIM, Applies: ScopeAll, Enforced: ForceHard, Code: "550 5.7.9", URL: yahooGuide, Status: Documented},
				{ID: "yahoo-auth-bulk", Kind: DemandSPFAndDKIM, Applies: ScopeBulk, Enforced: ForceHard, URL: yahooGuide, Status: Observed},
				{ID: "yahoo-dmarc-bulk", Kind: DemandDMARCPass, Applies: ScopeBulk, Enforced: ForceHard, Code: "554 5.7.9", URL: yahooGuide, Status: Observed},
				{ID: "yahoo-dkim-key", Kind: DemandDKIMKey, Applies: ScopeAll, Enforced: ForceUnknown, URL: yahooGuide, Status: Observed},
				{ID: "yahoo-oneclick", Kind: DemandOneClick, Applies: ScopeMarketing, Enforced: ForceSoft, URL: yahooGuide, Status: Observed},
				{ID: "yahoo-spamrate", Kind: DemandComplaints, Limit: "0.3", Applies: ScopeAll, Enforced: ForceSoft, URL: yahooGuide, Status: Observed},
				{ID: "yahoo-dns", Kind: DemandFCrDNSDomain, Applies: ScopeAll, Enforced: ForceUnknown, Code: "451", URL: yahooCodes, Status: Observed},
				{ID: "yahoo-rfc", Kind: DemandMessage, Applies: ScopeAll, Enforced: ForceHard, Code: "554", URL: yahooGuide, Status: Observed},
				{ID: "yahoo-dnsbl", Kind: DemandBlocklists, Applies: ScopeAll, Enforced: ForceHard, Code: "553 5.7.1", URL: yahooCodes, Status: Documented},
				{ID: "yahoo-cfl", Kind: DemandFeedbackLoop, Applies: ScopeBulk, Enforced: ForceAdvice, URL: "https://senders.yahooinc.com/complaint-feedback-loop/", Status: Observed},
			},
		},
		{
			ID: "microsoft", Name: "Outlook.com", URL: outlookGuide, Notes: []string{NoteConsumer},
			Requirements: []Requirement{
				{ID: "microsoft-spf", Kind: DemandSPF, Applies: ScopeHighVolume, Volume: 5000, Enforced: ForceHard, Code: "550 5.7.515", URL: outlookGuide, Status: Documented},
				{ID: "microsoft-dkim", Kind: DemandDKIM, Applies: ScopeHighVolume, Volume: 5000, Enforced: ForceHard, Code: "550 5.7.515", URL: outlookGuide, Status: Documented},
				{ID: "microsoft-dmarc", Kind: DemandDMARCPass, Applies: ScopeHighVolume, Volume: 5000, Enforced: ForceHard, Code: "550 5.7.515", URL: outlookGuide, Status: Documented},
				{ID: "microsoft-hygiene", Kind: DemandHygiene, Applies: ScopeHighVolume, Volume: 5000, Enforced: ForceAdvice, URL: outlookGuide, Status: Observed},
				{ID: "microsoft-ip-block", Kind: DemandOwnBlocklist, Applies: ScopeAll, Enforced: ForceHard, Code: "550 5.7.1", URL: "https://sendersupport.olc.protection.outlook.com/pm/", Status: Documented},
			},
		},
		{
			ID: "microsoft-365", Name: "Microsoft 365", URL: exchangeCodes,
			Requirements: []Requirement{
				{ID: "microsoft-from", Kind: DemandFromSender, Applies: ScopeAll, Enforced: ForceHard, Code: "550 5.7.512", URL: exchangeCodes, Status: Documented},
				{ID: "microsoft-helo", Kind: DemandHelo, Applies: ScopeAll, Enforced: ForceHard, Code: "550 5.7.506", URL: exchangeCodes, Status: Documented},
				{ID: "microsoft-ipv6", Kind: DemandIPv6, Applies: ScopeIPv6, Enforced: ForceHard, Code: "450 4.7.26", URL: exchangeIPv6, Seen: true, Status: Documented},
			},
		},
		{
			ID: "apple", Name: "Apple iCloud", URL: appleGuide,
			Requirements: []Requirement{
				{ID: "apple-auth", Kind: DemandAuthAndRecord, Applies: ScopeBulk, Enforced: ForceHard, Code: "554 5.7.1", URL: appleGuide, Seen: true, Status: Observed},
				{ID: "apple-ptr", Kind: DemandPTROwnDomain, Applies: ScopeBulk, Enforced: ForceHard, URL: appleGuide, Seen: true, Status: Documented},
				{ID: "apple-unsub", Kind: DemandUnsubscribe, Applies: ScopeBulk, Enforced: ForceHard, URL: appleGuide, Seen: true, Status: Documented},
				{ID: "apple-rfc5322", Kind: DemandMessage, Applies: ScopeBulk, Enforced: ForceHard, URL: appleGuide, Seen: true, Status: Documented},
				{ID: "apple-arc", Kind: DemandForwarderARC, Applies: ScopeForwarders, Enforced: ForceUnknown, URL: appleGuide, Seen: true, Status: Observed},
				{ID: "apple-dnsbl", Kind: DemandBlocklists, Applies: ScopeAll, Enforced: ForceHard, Code: "550 5.7.1", URL: appleGuide, Seen: true, Status: Documented},
			},
		},
		{
			ID: "laposte", Name: "La Poste", URL: laposteGuide,
			Requirements: []Requirement{
				{ID: "laposte-ptr", Kind: DemandFCrDNS, Applies: ScopeAll, Enforced: ForceHard, URL: laposteGuide, Seen: true, Status: Documented},
				{ID: "laposte-spf", Kind: DemandSPFValid, Applies: ScopeAll, Enforced: ForceHard, Code: "LPN004_401", URL: laposteGuide, Seen: true, Status: Documented},
				{ID: "laposte-auth-one", Kind: DemandAnyAuth, Applies: ScopeAll, Enforced: ForceHard, URL: laposteGuide, Seen: true, Status: Documented},
				{ID: "laposte-align", Kind: DemandAlignment, Applies: ScopeAll, Enforced: ForceHard, URL: "https://www.spamresource.com/2025/08/la-poste-authentication-required.html", Seen: true, Status: Observed},
				{ID: "laposte-dmarc", Kind: DemandDMARCReports, Applies: ScopeAll, Enforced: ForceUnknown, URL: laposteGuide, Seen: true, Status: Documented},
			},
		},
		{
			ID: "orange", Name: "Orange", URL: orangeGuide,
			Requirements: []Requirement{
				{ID: "orange-auth-all", Kind: DemandAllAuth, Applies: ScopeAll, Enforced: ForceHard, Code: "OFR 535", URL: orangeGuide, Seen: true, Status: Documented},
				{ID: "orange-ptr", Kind: DemandFCrDNS, Applies: ScopeAll, Enforced: ForceHard, Code: "OFR 107", URL: orangeGuide, Seen: true, Status: Documented},
				{ID: "orange-helo", Kind: DemandHeloResolves, Applies: ScopeAll, Enforced: ForceHard, Code: "OFR 20x", URL: orangeGuide, Seen: true, Status: Documented},
				{ID: "orange-domain", Kind: DemandResolves, Applies: ScopeAll, Enforced: ForceHard, URL: orangeGuide, Seen: true, Status: Documented},
				{ID: "orange-tls", Kind: DemandTLS12, Applies: ScopeAll, Enforced: ForceAdvice, URL: orangeGuide, Seen: true, Status: Documented},
				{ID: "orange-limits", Kind: DemandConnections, Limit: "2", Applies: ScopeAll, Enforced: ForceSoft, Code: "421 OFR 104", URL: orangeGuide, Seen: true, Status: Observed},
				{ID: "orange-large", Kind: DemandFeedbackID, Applies: ScopeHighVolume, Volume: 1000, Enforced: ForceSoft, URL: orangeGuide, Seen: true, Status: Observed},
				{ID: "orange-complaints", Kind: DemandComplaints, Limit: "0.6", Applies: ScopeHighVolume, Volume: 1000, Enforced: ForceSoft, URL: orangeGuide, Seen: true, Status: Observed},
				{ID: "orange-dnsbl", Kind: DemandBlocklists, Applies: ScopeAll, Enforced: ForceHard, Code: "OFR 102", URL: orangeGuide, Seen: true, Status: Documented},
			},
		},
		{
			ID: "gmx", Name: "GMX, WEB.DE", URL: webdeGuide,
			Requirements: []Requirement{
				{ID: "gmx-dkim", Kind: DemandDKIM, Applies: ScopeAll, Enforced: ForceHard, URL: webdeGuide, Seen: true, Status: Documented},
				{ID: "gmx-align", Kind: DemandDKIMAligned, Applies: ScopeAll, Enforced: ForceHard, URL: gmxGuide, Seen: true, Status: Documented},
				{ID: "gmx-spf", Kind: DemandSPFNotFail, Applies: ScopeAll, Enforced: ForceHard, Code: "550", URL: "https://smtp.codes/unitedinternet/", Seen: true, Status: Observed},
				{ID: "gmx-ptr", Kind: DemandPTRIndividual, Applies: ScopeAll, Enforced: ForceHard, URL: webdeGuide, Seen: true, Status: Documented},
				{ID: "gmx-helo", Kind: DemandHelo, Applies: ScopeAll, Enforced: ForceHard, URL: webdeGuide, Seen: true, Status: Documented},
				{ID: "gmx-mx", Kind: DemandReceives, Applies: ScopeAll, Enforced: ForceHard, URL: webdeGuide, Seen: true, Status: Documented},
				{ID: "gmx-dnsbl", Kind: DemandBlocklists, Applies: ScopeAll, Enforced: ForceHard, URL: webdeGuide, Seen: true, Status: Documented},
				{ID: "gmx-bulk", Kind: DemandBulkRules, Applies: ScopeBulk, Enforced: ForceSoft, URL: gmxGuide, Seen: true, Status: Documented},
			},
		},
		{
			ID: "tonline", Name: "T-Online", URL: tonlineGuide,
			Requirements: []Requirement{
				{ID: "tonline-fcrdns", Kind: DemandFCrDNSContact, Applies: ScopeAll, Enforced: ForceHard, Code: "554", URL: tonlineGuide, Seen: true, Status: Documented},
				{ID: "tonline-newip", Kind: DemandHistory, Applies: ScopeNew, Enforced: ForceHard, Code: "554", URL: tonlineGuide, Seen: true, Status: Documented},
				{ID: "tonline-dialup", Kind: DemandNotDynamic, Applies: ScopeAll, Enforced: ForceHard, Code: "554", URL: "https://help.creoline.com/de/doc/t-online-554-dialuptransient-ip-not-allowed-zVwMz4z866", Seen: true, Status: Observed},
			},
		},
		{
			ID: "comcast", Name: "Comcast", URL: comcastGuide, Notes: []string{NoteYahoo},
			Requirements: []Requirement{
				{ID: "comcast-ptr", Kind: DemandPTRIndividual, Applies: ScopeAll, Enforced: ForceHard, Code: "554", URL: comcastGuide, Seen: true, Status: Documented},
				{ID: "comcast-limits", Kind: DemandConnections, Limit: "25", Applies: ScopeAll, Enforced: ForceSoft, Code: "421", URL: comcastGuide, Seen: true, Status: Documented},
				{ID: "comcast-dnsbl", Kind: DemandBlocklists, Applies: ScopeAll, Enforced: ForceHard, URL: comcastGuide, Seen: true, Status: Documented},
			},
		},
	}
}
