package dnsbl

// unasked are the lists that are never asked: they are here so that whoever
// names one can be told why. The row of a dead list stands for all zones below
// its own.
var unasked = []List{
	// Harmful: one host of a network puts all others on the list.
	{
		Zone: "dnsbl-2.uceprotect.net", Name: "UCEPROTECT level 2", Kind: IP, Codes: entry(NeighbourRange),
		Severity: Info, State: Harmful, Policy: PolicyFree, URL: "https://www.uceprotect.net/", Status: Observed,
	},
	{
		Zone: "dnsbl-3.uceprotect.net", Name: "UCEPROTECT level 3", Kind: IP, Codes: entry(WholeNetwork),
		Severity: Info, State: Harmful, Policy: PolicyFree, URL: "https://www.uceprotect.net/", Status: Observed,
	},

	// Other subjects, subscribers only, or answers that cannot be tested: with Hostkarma 127.0.0.1
	// is a good mark.
	{Zone: "ebl.msbl.org", Name: "MSBL EBL", Kind: Other, Severity: Info, State: Alive, Policy: PolicyFree, URL: "https://msbl.org/ebl.html", Status: Documented},
	{Zone: "score.senderscore.com", Name: "Validity Sender Score", Kind: Other, Severity: Info, State: Keyed, Policy: PolicyRegistration, URL: "https://senderscore.org/", Status: Documented},
	{
		Zone: "hostkarma.junkemailfilter.com", Name: "Hostkarma", Kind: Both,
		Severity: Info, State: Doubtful, Policy: PolicyFree,
		URL: "http://wiki.junkemailfilter.com/index.php/Spam_DNS_Lists", Status: Observed,
	},
	{Zone: "sip.invaluement.com", Name: "Invaluement", Kind: Both, Severity: Medium, State: Keyed, Policy: PolicyPaid, URL: "https://www.invaluement.com/", Status: Uncertain},
	{Zone: "iadb.isipp.com", Name: "ISIPP SuretyMail IADB", Kind: IP, Allow: true, Severity: Info, State: Doubtful, Policy: PolicyPaid, URL: "https://www.isipp.com/", Status: Observed},
	{Zone: "swl.spamhaus.org", Name: "Spamhaus SWL", Kind: IP, Allow: true, Severity: Info, State: Doubtful, Policy: PolicyNone, URL: "https://www.spamhaus.org/", Status: Uncertain},
	{
		Zone: "sa-trusted.bondedsender.org", Name: "Validity Certification", Kind: IP, Allow: true,
		Severity: Info, State: Doubtful, Policy: PolicyRegistration,
		URL: "https://knowledge.validity.com/hc/en-us/articles/20961730681243", Status: Documented,
	},
	{
		Zone: "sa-accredit.habeas.com", Name: "Validity Safe", Kind: IP, Allow: true,
		Severity: Info, State: Doubtful, Policy: PolicyRegistration,
		URL: "https://knowledge.validity.com/hc/en-us/articles/20961730681243", Status: Documented,
	},

	// Dead.
	dead("sorbs.net", "SORBS", "2024-06-05", Documented, "https://spamtacular.com/2024/06/05/sorbs-closing-has-been-announced"),
	dead("ix.dnsbl.manitu.net", "NiX Spam", "2025-01-16", Documented, "https://www.heise.de/-10248714"),
	dead("unsubscore.com", "Lashback UBL", "2024", Observed, dnsblNews),
	dead("ubl.lashback.com", "Lashback UBL", "2024", Observed, dnsblNews),
	dead("cbl.abuseat.org", "CBL", "2021", Uncertain, "https://www.spamhaus.org/"), // its data are in the XBL
	dead("dnsbl.inps.de", "inps.de", "2020-05-25", Documented, dnsblNews),
	dead("spamcannibal.org", "SpamCannibal", "2018-05", Uncertain, dnsblNews),
	dead("ahbl.org", "AHBL", "2015-01", Observed, dnsblNews),
	dead("njabl.org", "NJABL", "2013-03", Observed, dnsblNews),
	dead("rfc-ignorant.org", "RFC-Ignorant", "2012-11-30", Documented, "https://www.rollernet.us/2012/09/dnsbl-rfc-ignorant-org-shutting-down-2/"),
	dead("dsbl.org", "DSBL", "2008-05", Documented, "https://vamsoft.com/company/news/dsbl-shutdown"),
	dead("ordb.org", "ORDB", "2006-12", Observed, dnsblNews),

	// Named in many places, without a sign of life.
	lost("db.wpbl.info", "WPBL", dnsblNews),
	lost("dnsbl.justspam.org", "JustSpam", dnsblNews),
	lost("virbl.dnsbl.bit.nl", "VIRBL", dnsblNews),
	lost("cdl.anti-spam.org.cn", "Anti-Spam China", dnsblNews),
	lost("blackholes.five-ten-sg.com", "Five-Ten", dnsblNews),
	lost("bl.emailbasura.org", "EmailBasura", dnsblNews),
	lost("bl.nszones.com", "NSZones", ""),
	lost("bl.rbl-dns.com", "RBL-DNS", ""),
	lost("combined.abuse.ch", "abuse.ch DNSBL", "https://abuse.ch/"),
}

const dnsblNews = "https://www.dnsbl.com/"

func dead(zone, name, closed string, status Status, url string) List {
	return List{Zone: zone, Name: name, Kind: Both, Severity: Info, State: Dead, Policy: PolicyNone, Closed: closed, URL: url, Status: status}
}

func lost(zone, name, url string) List {
	return List{Zone: zone, Name: name, Kind: Both, Severity: Info, State: Doubtful, Policy: PolicyNone, URL: url, Status: Uncertain}
}
