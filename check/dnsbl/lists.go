package dnsbl

// The answers of Spamhaus, which its free zones and those with a key share.
var (
	zenCodes = []Code{
		{Answer: "127.0.0.2", List: "SBL", Meaning: SpamSource},
		{Answer: "127.0.0.3", List: "CSS", Meaning: Snowshoe},
		{Answer: "127.0.0.4-7", List: "XBL", Meaning: CompromisedHost},
		{Answer: "127.0.0.9", List: "DROP", Meaning: CriminalNetwork},
		{Answer: "127.0.0.10-11", List: "PBL", Meaning: PolicyRange, Severity: High},
	}
	dblCodes = []Code{
		{Answer: "127.0.1.2", List: "DBL", Meaning: SpamDomain},
		{Answer: "127.0.1.4", List: "DBL", Meaning: PhishingDomain},
		{Answer: "127.0.1.5", List: "DBL", Meaning: MalwareDomain},
		{Answer: "127.0.1.6", List: "DBL", Meaning: BotnetDomain},
		{Answer: "127.0.1.102", List: "DBL", Meaning: AbusedLegit, Severity: High},
		{Answer: "127.0.1.103", List: "DBL", Meaning: Redirector, Severity: Medium},
		{Answer: "127.0.1.104", List: "DBL", Meaning: AbusedPhishing, Severity: High},
		{Answer: "127.0.1.105", List: "DBL", Meaning: AbusedMalware, Severity: High},
		{Answer: "127.0.1.106", List: "DBL", Meaning: AbusedBotnet, Severity: High},
	}
	spamhausErrors = []Refusal{
		{Answer: "127.255.255.252", Reason: ReasonZoneName},
		{Answer: "127.255.255.254", Reason: ReasonPublicResolver},
		{Answer: "127.255.255.255", Reason: ReasonVolume},
		{Answer: "127.0.1-2.255", Reason: ReasonAddressQuery},
	}
	validityErrors = []Refusal{{Answer: "127.255.255.255", Reason: ReasonRegistration}}
)

const (
	spamhausCheck = "https://check.spamhaus.org/"
	spamhausUsage = "https://www.spamhaus.org/faqs/dnsbl-usage/"
	spamhausKeyed = "https://github.com/spamhaus/rspamd-dqs"
)

// entry is the one code of a list that gives no reasons, or always the same.
func entry(m Meaning) []Code { return []Code{{Answer: "127.0.0.2", Meaning: m}} }

// addressLists hold addresses, some of them domains too.
var addressLists = []List{
	{
		Zone: "zen.spamhaus.org", Name: "Spamhaus ZEN", Kind: IP, IPv6: true,
		Codes: zenCodes, Errors: spamhausErrors,
		Severity: Critical, State: Alive, Policy: PolicyOwnResolver,
		Delist: spamhausCheck, URL: spamhausUsage, Status: Documented,
	},
	{
		Zone: "sbl.spamhaus.org", Name: "Spamhaus SBL", Kind: IP, IPv6: true,
		Codes: zenCodes, Errors: spamhausErrors,
		Severity: Critical, State: Alive, Policy: PolicyOwnResolver,
		Delist: spamhausCheck, URL: spamhausUsage, Status: Documented,
	},
	{
		Zone: "xbl.spamhaus.org", Name: "Spamhaus XBL", Kind: IP, IPv6: true,
		Codes: zenCodes, Errors: spamhausErrors,
		Severity: Critical, State: Alive, Policy: PolicyOwnResolver,
		Delist: spamhausCheck, URL: spamhausUsage, Status: Documented,
	},
	{
		Zone: "pbl.spamhaus.org", Name: "Spamhaus PBL", Kind: IP, IPv6: true,
		Codes: zenCodes, Errors: spamhausErrors,
		Severity: High, State: Alive, Policy: PolicyOwnResolver,
		Delist: spamhausCheck, URL: spamhausUsage, Status: Documented,
	},
	{
		Zone: "zen.dq.spamhaus.net", Name: "Spamhaus ZEN (DQS)", Kind: IP, IPv6: true,
		Codes: zenCodes, Errors: spamhausErrors,
		Severity: Critical, State: Keyed, Policy: PolicyKey,
		Delist: spamhausCheck, URL: spamhausKeyed, Status: Documented,
	},
	{
		Zone: "authbl.dq.spamhaus.net", Name: "Spamhaus AuthBL", Kind: IP, IPv6: true,
		Codes: []Code{{Answer: "127.0.0.20", Meaning: LoginAttacks}}, Errors: spamhausErrors,
		Severity: Info, State: Keyed, Policy: PolicyKey,
		Delist: spamhausCheck, URL: spamhausKeyed, Status: Documented,
	},
	{
		Zone: "bl.spamcop.net", Name: "SpamCop SCBL", Kind: IP, Codes: entry(UserReports),
		Severity: Medium, State: Alive, Policy: PolicyFree,
		Delist: "https://www.spamcop.net/bl.shtml", URL: "https://www.spamcop.net/bl.shtml", Status: Documented,
	},
	{
		Zone: "b.barracudacentral.org", Name: "Barracuda BRBL", Kind: IP, Codes: entry(BadReputation),
		Severity: High, State: Keyed, Policy: PolicyRegistration,
		Delist: "https://www.barracudacentral.org/rbl/removal-request", URL: "https://www.barracudacentral.org/rbl", Status: Observed,
	},
	{
		Zone: "psbl.surriel.com", Name: "PSBL", Kind: IP, IPv6: true, Codes: entry(SpamTrap),
		Severity: Low, State: Alive, Policy: PolicyFree,
		Delist: "https://psbl.org/remove", URL: "https://psbl.org/", Status: Observed,
	},
	{
		Zone: "bl.mailspike.net", Name: "Mailspike BL", Kind: IP,
		Codes: []Code{
			{Answer: "127.0.0.2", List: "Z", Meaning: Outbreak, Severity: High},
			{Answer: "127.0.0.10", List: "L5", Meaning: BadReputation, Severity: High},
			{Answer: "127.0.0.11", List: "L4", Meaning: BadReputation},
			{Answer: "127.0.0.12", List: "L3", Meaning: BadReputation},
			{Answer: "127.0.0.13", List: "L2", Meaning: Suspicious, Severity: Low},
		},
		Severity: Medium, State: Alive, Policy: PolicyVolume,
		Delist: "https://mailspike.org/iplookup.html", URL: "https://mailspike.org/usage.html", Status: Documented,
	},
	{
		Zone: "bl.score.senderscore.com", Name: "Validity RPBL", Kind: IP, Bits: true,
		Codes: []Code{
			{Answer: "127.0.0.1", Meaning: CompromisedHost},
			{Answer: "127.0.0.2", Meaning: Unauthenticated},
			{Answer: "127.0.0.4", Meaning: SpamTrap},
			{Answer: "127.0.0.8", Meaning: BadAttachments},
			{Answer: "127.0.0.16", Meaning: BadReputation},
		},
		Errors:   validityErrors,
		Severity: Medium, State: Keyed, Policy: PolicyRegistration,
		Delist: "https://senderscore.org/blocklistlookup/",
		URL:    "https://knowledge.validity.com/hc/en-us/articles/20961730681243", Status: Documented,
	},
	{
		Zone: "combined.mail.abusix.zone", Name: "Abusix Mail Intelligence", Kind: Both,
		Codes: []Code{
			{Answer: "127.0.0.2", Meaning: SpamSource},
			{Answer: "127.0.0.4", Meaning: CompromisedHost},
			{Answer: "127.0.0.11", Meaning: DynamicRange},
			{Answer: "127.0.0.12", Meaning: NoReverseDNS},
			{Answer: "127.0.1.1", Meaning: SpamDomain},
		},
		Severity: High, State: Keyed, Policy: PolicyKey,
		Delist: "https://lookup.abusix.com/", URL: "https://abusix.com/", Status: Uncertain,
	},
	{
		Zone: "dnsbl.dronebl.org", Name: "DroneBL", Kind: IP, IPv6: true,
		Codes: []Code{
			{Answer: "127.0.0.3,5-7,16-17", Meaning: CompromisedHost},
			{Answer: "127.0.0.8-11,14,19", Meaning: OpenProxy},
			{Answer: "127.0.0.12", Meaning: OpenResolver},
			{Answer: "127.0.0.13", Meaning: AttackSource},
			{Answer: "127.0.0.15,18", Meaning: CompromisedHost},
			{Answer: "127.0.0.255", Meaning: Entry},
		},
		Severity: Low, State: Alive, Policy: PolicyFree,
		Delist: "https://dronebl.org/lookup", URL: "https://dronebl.org/", Status: Uncertain,
	},
	{
		Zone: "all.spamrats.com", Name: "SpamRATS", Kind: IP,
		Codes: []Code{
			{Answer: "127.0.0.36", List: "Dyna", Meaning: DynamicRange},
			{Answer: "127.0.0.37", List: "NoPtr", Meaning: NoReverseDNS},
			{Answer: "127.0.0.38", List: "Spam", Meaning: SpamSource},
			{Answer: "127.0.0.43", List: "Auth", Meaning: LoginAttacks},
		},
		Severity: Low, State: Alive, Policy: PolicyVolume,
		Delist: "https://www.spamrats.com/removal.php", URL: "https://www.spamrats.com/", Status: Uncertain,
	},
	{
		Zone: "bl.spameatingmonkey.net", Name: "SEM-BLACK", Kind: IP, IPv6: true, ZoneV6: "bl.ipv6.spameatingmonkey.net",
		Codes:    entry(SpamSource),
		Severity: Low, State: Alive, Policy: PolicyVolume,
		Delist: "https://spameatingmonkey.com/delist", URL: "https://spameatingmonkey.com/", Status: Observed,
	},
	{
		Zone: "bl.blocklist.de", Name: "blocklist.de", Kind: IP, IPv6: true,
		Codes:    []Code{{Answer: "127.0.0.2-21", Meaning: AttackSource}},
		Severity: Low, State: Alive, Policy: PolicyFree,
		Delist: "https://www.blocklist.de/en/delist.html", URL: "https://www.blocklist.de/", Status: Observed,
	},
	{
		Zone: "bip.virusfree.cz", Name: "virusfree.cz BIP", Kind: IP, IPv6: true, Codes: entry(CompromisedHost),
		Severity: Low, State: Alive, Policy: PolicyFree,
		Delist: "https://www.virusfree.cz/", URL: "https://www.virusfree.cz/", Status: Observed,
	},
	{
		Zone: "dnsbl.spfbl.net", Name: "SPFBL", Kind: IP,
		Codes: []Code{
			{Answer: "127.0.0.2", Meaning: BadReputation},
			{Answer: "127.0.0.3", Meaning: HardToIdentify},
			{Answer: "127.0.0.4", Meaning: DynamicRange},
		},
		Severity: Low, State: Alive, Policy: PolicyVolume,
		Delist: "https://matrix.spfbl.net/", URL: "https://spfbl.net/en/dnsbl/", Status: Uncertain,
	},
	{
		Zone: "all.s5h.net", Name: "s5h", Kind: IP, Codes: entry(Entry),
		Severity: Info, State: Alive, Policy: PolicyFree,
		Delist: "https://www.usenix.org.uk/content/rbl.html", URL: "https://www.usenix.org.uk/content/rbl.html", Status: Uncertain,
	},
	{
		Zone: "bl.nordspam.com", Name: "NordSpam", Kind: IP, Codes: entry(Entry),
		Severity: Info, State: Alive, Policy: PolicyFree,
		Delist: "https://www.nordspam.com/delist/", URL: "https://www.nordspam.com/", Status: Uncertain,
	},
	{
		Zone: "bl.suomispam.net", Name: "Suomispam", Kind: IP, Codes: entry(Entry),
		Severity: Info, State: Alive, Policy: PolicyFree,
		Delist: "https://suomispam.net/", URL: "https://suomispam.net/", Status: Observed,
	},
	{
		Zone: "truncate.gbudb.net", Name: "GBUdb truncate", Kind: IP, Codes: entry(BadReputation),
		Severity: Info, State: Alive, Policy: PolicyFree,
		URL: "http://www.gbudb.com/truncate/", Status: Uncertain,
	},
	{
		Zone: "ips.backscatterer.org", Name: "Backscatterer", Kind: IP, Codes: entry(Backscatter),
		Severity: Info, State: Alive, Policy: PolicyFree,
		URL: "https://www.backscatterer.org/", Status: Uncertain,
	},
	{
		Zone: "dnsbl-1.uceprotect.net", Name: "UCEPROTECT level 1", Kind: IP, Codes: entry(SpamTrap),
		Severity: Low, State: Alive, Policy: PolicyFree,
		URL: "https://www.uceprotect.net/", Status: Observed,
	},
}

// domainLists hold domains.
var domainLists = []List{
	{
		Zone: "dbl.spamhaus.org", Name: "Spamhaus DBL", Kind: Domain, HostNames: true,
		Codes: dblCodes, Errors: spamhausErrors, Listed: "dbltest.com",
		Severity: Critical, State: Alive, Policy: PolicyOwnResolver,
		Delist: spamhausCheck, URL: "https://www.spamhaus.org/blocklists/domain-blocklist/", Status: Documented,
	},
	{
		Zone: "dbl.dq.spamhaus.net", Name: "Spamhaus DBL (DQS)", Kind: Domain, HostNames: true,
		Codes: dblCodes, Errors: spamhausErrors, Listed: "dbltest.com",
		Severity: Critical, State: Keyed, Policy: PolicyKey,
		Delist: spamhausCheck, URL: spamhausKeyed, Status: Documented,
	},
	{
		Zone: "zrd.dq.spamhaus.net", Name: "Spamhaus ZRD", Kind: Domain,
		Codes: []Code{{Answer: "127.0.2.2-24", Meaning: NewDomain}}, Errors: spamhausErrors,
		Severity: Medium, State: Keyed, Policy: PolicyKey,
		URL: spamhausKeyed, Status: Documented,
	},
	{
		Zone: "multi.surbl.org", Name: "SURBL multi", Kind: Domain, Bits: true,
		Codes: []Code{
			{Answer: "127.0.0.4", List: "DM", Meaning: DisposableMail, Severity: Low},
			{Answer: "127.0.0.8", List: "PH", Meaning: PhishingDomain},
			{Answer: "127.0.0.16", List: "MW", Meaning: MalwareDomain},
			{Answer: "127.0.0.32", List: "CT", Meaning: ClickTracker, Severity: Low},
			{Answer: "127.0.0.64", List: "ABUSE", Meaning: SpamDomain},
			{Answer: "127.0.0.128", List: "CR", Meaning: CrackedSite},
		},
		Errors: []Refusal{{Answer: "127.0.0.1", Reason: ReasonBlocked}},
		Listed: "surbl-org-permanent-test-point.com",

		Severity: High, State: Alive, Policy: PolicyOwnResolver,
		Delist: "https://surbl.org/surbl-analysis", URL: "https://www.surbl.org/lists", Status: Documented,
	},
	{
		Zone: "multi.uribl.com", Name: "URIBL multi", Kind: Domain, Bits: true,
		Codes: []Code{
			{Answer: "127.0.0.2", List: "black", Meaning: SpamDomain},
			{Answer: "127.0.0.4", List: "grey", Meaning: BulkMailDomain, Severity: Low},
			{Answer: "127.0.0.8", List: "red", Meaning: YoungOrHidden, Severity: Low},
		},
		Errors: []Refusal{{Answer: "127.0.0.1", Reason: ReasonBlocked}},
		Listed: "test.uribl.com",

		Severity: High, State: Alive, Policy: PolicyOwnResolver,
		Delist: "https://admin.uribl.com/", URL: "https://uribl.com/about.shtml", Status: Documented,
	},
	{
		Zone: "uribl.spameatingmonkey.net", Name: "SEM-URI", Kind: Domain, Codes: entry(SpamDomain),
		Severity: Low, State: Alive, Policy: PolicyVolume,
		Delist: "https://spameatingmonkey.com/delist", URL: "https://spameatingmonkey.com/services", Status: Observed,
	},
	{
		Zone: "fresh15.spameatingmonkey.net", Name: "SEM-FRESH15", Kind: Domain, Codes: entry(NewDomain),
		Severity: Low, State: Alive, Policy: PolicyVolume,
		URL: "https://spameatingmonkey.com/services", Status: Observed,
	},
	{
		Zone: "dbl.nordspam.com", Name: "NordSpam DBL", Kind: Domain, Codes: entry(Entry),
		Severity: Info, State: Alive, Policy: PolicyFree,
		Delist: "https://www.nordspam.com/delist/", URL: "https://www.nordspam.com/", Status: Uncertain,
	},
}

// allowLists vouch for what they hold.
var allowLists = []List{
	// The third octet is the category of the sender. Resolvers that ask too much
	// have been seen to get 127.0.10.3 for everything.
	{
		Zone: "list.dnswl.org", Name: "DNSWL", Kind: IP, Allow: true, IPv6: true,
		Codes: trustLevels, Errors: dnswlErrors,
		Severity: Info, State: Alive, Policy: PolicyOwnResolver,
		Delist: "https://www.dnswl.org/selfservice/", URL: "https://www.dnswl.org/?page_id=15", Status: Documented,
	},
	{
		Zone: "dwl.dnswl.org", Name: "DNSWL DWL", Kind: Domain, Allow: true,
		Codes: trustLevels, Errors: dnswlErrors,
		Severity: Info, State: Alive, Policy: PolicyOwnResolver,
		URL: "https://www.dnswl.org/", Status: Documented,
	},
	{
		Zone: "wl.mailspike.net", Name: "Mailspike WL", Kind: IP, Allow: true,
		Codes: []Code{
			{Answer: "127.0.0.17", List: "H2", Meaning: ReputationFair},
			{Answer: "127.0.0.18", List: "H3", Meaning: ReputationGood},
			{Answer: "127.0.0.19", List: "H4", Meaning: ReputationBetter},
			{Answer: "127.0.0.20", List: "H5", Meaning: ReputationBest},
		},
		Severity: Info, State: Alive, Policy: PolicyVolume,
		URL: "https://mailspike.org/usage.html", Status: Documented,
	},
}

var (
	trustLevels = []Code{
		{Answer: "127.0.2-9,11-255.0", Meaning: TrustNone},
		{Answer: "127.0.2-9,11-255.1", Meaning: TrustLow},
		{Answer: "127.0.2-9,11-255.2", Meaning: TrustMedium},
		{Answer: "127.0.2-9,11-255.3", Meaning: TrustHigh},
	}
	dnswlErrors = []Refusal{
		{Answer: "127.0.0.255", Reason: ReasonVolume},
		{Answer: "127.0.10.3", Reason: ReasonVolume},
	}
)
