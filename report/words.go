package report

import (
	"strconv"

	"maildoctor/check"
)

// A phrase is a piece of text in every language. Blanks are names in braces, as
// in the pages of rules. None depends on whether a number is one or more.
type phrase struct {
	en, fr string
}

func (p phrase) in(l Lang) string {
	if l == French {
		return typography(p.fr)
	}
	return p.en
}

// lookup returns the phrase of a key.
func (l Lang) lookup(key string) (string, bool) {
	for _, table := range tables() {
		if p, ok := table[key]; ok {
			return p.in(l), true
		}
	}
	return "", false
}

// tables are the tables of phrases. No key is in two of them.
func tables() []map[string]phrase { return []map[string]phrase{labels, codes, demands, trusts} }

// word returns the phrase "kind.code", or the code itself where there is none.
func (l Lang) word(kind, code string) string {
	if text, ok := l.lookup(kind + "." + code); ok {
		return text
	}
	return Cut(code, maxValue)
}

// number writes a number with its digits in groups of three.
func (l Lang) number(n uint64) string {
	separator := ","
	if l == French {
		separator = "\u00a0"
	}
	digits := strconv.FormatUint(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + separator + digits[i:]
	}
	return digits
}

// merit returns the sentence of a merit, or its ID where there is none.
func (l Lang) merit(m check.Merit, domain string) string {
	names := make([]string, 0, len(m.Params))
	for name := range m.Params {
		names = append(names, name)
	}
	return fill(l.word("merit", m.ID), l.values(domain, m.Subject, m.Params, names...))
}

// labels are the words around a report.
var labels = map[string]phrase{
	"head.fix":        {"What to fix first", "À corriger d’abord"},
	"head.notices":    {"Also worth knowing", "Bon à savoir"},
	"head.spf":        {"How SPF is read, with the DNS lookups so far", "Lecture de SPF, avec les requêtes DNS au fil des termes"},
	"head.spf-sender": {"How SPF is read for this sender, with the DNS lookups so far", "Lecture de SPF pour cet expéditeur, avec les requêtes DNS au fil des termes"},
	"head.good":       {"What is good", "Ce qui va bien"},
	"head.coverage":   {"What was checked", "Ce qui a été vérifié"},
	"head.why":        {"Why it matters", "Pourquoi c’est important"},
	"head.cure":       {"What to do", "Que faire"},

	"text.label":        {"{label}: {text}", "{label} : {text}"},
	"text.spf":          {"SPF result for {address}: {result}", "Résultat SPF pour {address} : {result}"},
	"text.lookups":      {"DNS lookups: {lookups} of 10; of those that find nothing: {voids} of 2.", "Requêtes DNS : {lookups} sur 10 ; dont sans résultat : {voids} sur 2."},
	"text.alike":        {"{first} … and {count} more addresses", "{first} … et {count} autres adresses"},
	"text.authorised":   {"Addresses that pass: {addresses}", "Adresses qui passent : {addresses}"},
	"text.further":      {"Beside a term: the further addresses that pass because of it.", "À côté d’un terme : les adresses supplémentaires qui passent grâce à lui."},
	"text.least":        {"at least {text}", "au moins {text}"},
	"text.decides":      {"decides: {domain}, columns {column}-{end}", "décide : {domain}, colonnes {column}-{end}"},
	"text.none":         {"not measured", "non mesurée"},
	"text.score":        {"{score} / 100  {grade}", "{score} / 100  {grade}"},
	"text.most":         {"at most {score}", "au plus {score}"},
	"text.brief":        {"{score}/100 {grade}", "{score}/100 {grade}"},
	"text.cap":          {"holds the score to {cap}", "limite la note à {cap}"},
	"text.instructions": {"Instructions of {name}:", "Mode d’emploi de {name} :"},
	"text.same":         {"The same cure as above.", "Même remède que ci-dessus."},

	"text.more-characters": {"… (+{count} characters)", "… (+{count} caractères)"},
	"text.more-lines":      {"… (+{count} lines)", "… (+{count} lignes)"},
	"text.explain":         {"maildoctor explain ID says what to do", "maildoctor explain ID dit quoi faire"},
	"text.blanks":          {"{...} stands for what an audit finds.", "{...} représente ce que trouve un audit."},

	"list.rule":     {"Rule", "Règle"},
	"list.severity": {"Severity", "Gravité"},
	"list.points":   {"Deliverability / Security", "Délivrabilité / Sécurité"},

	"score.deliverability": {"Deliverability", "Délivrabilité"},
	"score.security":       {"Security", "Sécurité"},

	"severity.critical": {"Critical", "Critique"},
	"severity.error":    {"Error", "Erreur"},
	"severity.warning":  {"Warning", "Avertissement"},
	"severity.notice":   {"Notice", "Remarque"},

	"role.sending":    {"sends mail", "envoie du courriel"},
	"role.forwarding": {"passes mail on", "transfère le courriel"},
	"role.receiving":  {"receives mail, sends none", "reçoit du courriel, n’en envoie pas"},
	"role.parked":     {"takes no part in mail", "ne sert pas au courriel"},
	"role.unknown":    {"role in mail unknown", "rôle inconnu"},

	"state.done":         {"done", "fait"},
	"state.skipped":      {"skipped", "laissé de côté"},
	"state.inconclusive": {"not completed", "inachevé"},

	"checker.mx":      {"MX", "MX"},
	"checker.spf":     {"SPF", "SPF"},
	"checker.dkim":    {"DKIM", "DKIM"},
	"checker.dmarc":   {"DMARC", "DMARC"},
	"checker.ptr":     {"PTR", "PTR"},
	"checker.smtp":    {"SMTP", "SMTP"},
	"checker.tls":     {"TLS", "TLS"},
	"checker.mta-sts": {"MTA-STS", "MTA-STS"},
	"checker.tls-rpt": {"TLS-RPT", "TLS-RPT"},
	"checker.dane":    {"DANE", "DANE"},
	"checker.bimi":    {"BIMI", "BIMI"},
	"checker.access":  {"Access", "Accès"},
	"checker.dnsbl":   {"DNSBL", "DNSBL"},

	"verdict.unmeasured": {
		"No verdict: nothing could be found out about this domain.",
		"Pas de verdict : rien n’a pu être établi sur ce domaine.",
	},
	"verdict.idle": {
		"There is nothing to check here; the reason stands below.",
		"Il n’y a rien à vérifier ici ; la raison figure plus bas.",
	},
	"verdict.unanswered": {
		"No verdict: the DNS did not answer. Check the network, or name another server with --resolver.",
		"Pas de verdict : le DNS n’a pas répondu. Vérifiez le réseau, ou indiquez un autre serveur avec --resolver.",
	},
	"verdict.refused": {
		"No verdict: the DNS servers of this domain, or the resolver, refuse or fail to answer (see below).",
		"Pas de verdict : les serveurs DNS de ce domaine, ou le résolveur, refusent de répondre ou tombent en panne (voir plus bas).",
	},
	"verdict.critical": {
		"Mail cannot work on this domain until the first point is fixed.",
		"Le courriel de ce domaine ne peut pas fonctionner tant que le premier point n’est pas corrigé.",
	},
	"verdict.undeclared": {
		"This domain does not say whether it takes part in mail: if it does, fix what follows.",
		"Ce domaine ne dit pas s’il sert au courriel : si c’est le cas, corrigez ce qui suit.",
	},
	"verdict.poor": {
		"Much of the mail of this domain risks rejection or the spam folder.",
		"Une grande partie du courriel de ce domaine risque le rejet ou le dossier des indésirables.",
	},
	"verdict.fair": {
		"Part of the mail of this domain risks rejection or the spam folder.",
		"Une partie du courriel de ce domaine risque le rejet ou le dossier des indésirables.",
	},
	"verdict.error": {
		"Most mail of this domain works; what is broken is listed below.",
		"Le courriel de ce domaine fonctionne pour l’essentiel ; les défauts suivent.",
	},
	"verdict.exposed": {
		"Delivery looks sound, but others can send in the name of this domain.",
		"La remise semble assurée, mais d’autres peuvent écrire au nom de ce domaine.",
	},
	"verdict.warning": {
		"Delivery looks sound, with room for improvement.",
		"La remise semble assurée ; il reste à améliorer.",
	},
	"verdict.open": {
		"Nothing wrong was found, but not everything could be checked.",
		"Aucun défaut trouvé, mais tout n’a pas pu être vérifié.",
	},
	"verdict.parked": {
		"This domain takes no part in mail, and says so.",
		"Ce domaine ne sert pas au courriel, et l’annonce.",
	},
	"verdict.parked-open": {
		"This domain takes no part in mail, but others can send in its name.",
		"Ce domaine ne sert pas au courriel, mais d’autres peuvent écrire en son nom.",
	},
	"verdict.good": {
		"All that was checked is in order.",
		"Tout ce qui a été vérifié est en ordre.",
	},
	"verdict.check-findings": {
		"What is broken is listed below.",
		"Les défauts trouvés suivent.",
	},

	// Verdicts for a report of one line, which has nothing below
	"brief.idle": {
		"There is nothing to check here.",
		"Il n’y a rien à vérifier ici.",
	},
	"brief.refused": {
		"No verdict: the DNS servers of this domain, or the resolver, refuse or fail to answer.",
		"Pas de verdict : les serveurs DNS de ce domaine, ou le résolveur, refusent de répondre ou tombent en panne.",
	},

	"hint.port-25-blocked": {
		"Port 25 seems to be closed on the way out of this network, as it is on most home and cloud networks. So no mail host could be tried; that is no fault of the domain. Run maildoctor where port 25 is open, or use --no-smtp.",
		"Le port 25 semble fermé à la sortie de ce réseau, comme sur la plupart des réseaux domestiques et en nuage. Aucun serveur de réception n’a donc pu être essayé ; le domaine n’y est pour rien. Lancez maildoctor là où le port 25 est ouvert, ou utilisez --no-smtp.",
	},

	"rule.severity": {"Severity", "Gravité"},
	"rule.points":   {"Points", "Points"},
	"rule.source":   {"Source", "Origine"},
	"rule.since":    {"Since", "Depuis"},
	"rule.refs":     {"References", "Références"},
	"rule.costs": {
		"deliverability {deliverability}, security {security}",
		"délivrabilité {deliverability}, sécurité {security}",
	},

	"source.rfc":      {"a standard", "une norme"},
	"source.provider": {"large providers require it", "exigence de grands fournisseurs"},
	"source.practice": {"good practice", "bonne pratique"},
}
