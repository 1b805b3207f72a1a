package check

import "maildoctor/check/dnsx"

// Reasons of a coverage, beside those that begin with "dns-" and end in a
// dnsx.Status.
const (
	ReasonNotSelected    = "not-selected"         // the user asked for other checks
	ReasonNoSMTP         = "no-smtp"              // the user wants no connection
	ReasonNoHosts        = "no-hosts"             // there is no mail host to ask
	ReasonNoDomain       = "domain-not-found"     // the domain does not exist
	ReasonNullMX         = "null-mx"              // the domain takes no mail (RFC 7505)
	ReasonPort25         = "port-25-blocked"      // no MX host answers on port 25: it is probably closed on the way
	ReasonPrivateAddress = "private-address"      // not dialled without permission
	ReasonConnections    = "connections-budget"   // MaxConnections are used up
	ReasonBudget         = dnsx.ReasonBudget      // the questions of the audit are used up
	ReasonGreylisted     = "greylisted"           // the host put the recipients of the intrusive questions off (RFC 6647)
	ReasonTempfail       = "tempfail"             // the host put us off with 4yz
	ReasonNoAnswer       = "no-answer"            // a host did not answer in time
	ReasonGreeting       = "greeting-late"        // a host did not greet in the time we give it; it may take five minutes
	ReasonRefusesUs      = "client-refused"       // a host takes no mail from here
	ReasonBroken         = "broken-off"           // a host broke the dialogue or its rules off
	ReasonNetwork        = "network-unreachable"  // no way to the address from here
	ReasonTLSFailed      = "starttls-failed"      // a host offers STARTTLS and does not carry it out
	ReasonStripped       = "starttls-stripped"    // somebody on the way hides STARTTLS
	ReasonInjection      = "starttls-injection"   // clear text came behind STARTTLS, so that this program went no further
	ReasonNoTLS          = "no-tls"               // no host offers TLS
	ReasonHostsDown      = "hosts-down"           // no mail host took a connection
	ReasonHostsLeft      = "hosts-left"           // not every mail host was tried
	ReasonTooMany        = "too-many-names"       // more names than are looked at
	ReasonRecord         = "record-too-large"     // more terms than are looked at
	ReasonDescriptors    = dnsx.ReasonDescriptors // this program may open no more files
	ReasonTLS            = "tls-not-tested"       // the host may want a TLS that crypto/tls does not know
	ReasonNoSender       = "no-sender"            // the SPF record says that nobody sends for the domain
	ReasonForwards       = "forwards-only"        // its mail hosts pass mail on, and nobody else sends for it
	ReasonNoAddress      = "no-address-given"     // no sending address, and no MX host in its place
	ReasonSelector       = "no-known-selector"    // DKIM selectors cannot be listed
	ReasonKey            = "no-working-key"       // the DKIM keys that were guessed do not work
	ReasonWildcard       = "wildcard"             // every selector answers
	ReasonFile           = "file-not-fetched"     // a web server did not hand a file out to us
	ReasonAccess         = "access-not-asked"     // the user did not ask for what mail programs meet
	ReasonNoAccess       = "no-access-host"       // no host for mail programs was found
	ReasonOtherPort      = "other-port"           // a service on an unusual port was not contacted
	ReasonNoDNSSEC       = "dnssec-not-seen"      // the resolver does not say what DNSSEC secures
	ReasonCertificate    = "certificate-unclear"  // of a kind that this program cannot judge
	ReasonNoDNSBL        = "no-dnsbl"             // the user wants no blocklist asked
	ReasonNotPublic      = "not-public"           // an address that no host of the internet has
	ReasonNoList         = "no-list-fits"         // the lists that the user named hold nothing of the kind
	ReasonLists          = "lists-unusable"       // every blocklist refuses this resolver, is broken or was given up
	ReasonDeadline       = "deadline"             // the time of the audit was up
	ReasonInterrupted    = "interrupted"          // the user stopped it
	ReasonInternal       = dnsx.ReasonPanic       // a part of this program failed
)
