package check

import "maildoctor/check/dnsx"

const domainName = "domain"

const domainNotFound RuleID = "DOMAIN-NOT-FOUND"

// domainChecker judges whether the domain exists at all; it asks nothing
// itself, for every other checker's first answer tells.
func domainChecker() checker {
	return checker{name: domainName, judge: judgeDomain, rules: []RuleID{domainNotFound}}
}

func judgeDomain(f *Facts, add func(Finding)) {
	if f.exists() == dnsx.NXDomain {
		add(Finding{Rule: domainNotFound, Subject: f.Domain})
	}
}
