package check

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"maildoctor/check/httpsx"
	"maildoctor/check/mtasts"
	"maildoctor/check/mx"
)

// The rules about MTA-STS. A domain without it breaks none.
const (
	mtastsRecordSyntax    RuleID = "MTASTS-RECORD-SYNTAX"
	mtastsRecordMultiple  RuleID = "MTASTS-RECORD-MULTIPLE"
	mtastsUnreachable     RuleID = "MTASTS-POLICY-UNREACHABLE"
	mtastsPolicySyntax    RuleID = "MTASTS-POLICY-SYNTAX"
	mtastsUnlisted        RuleID = "MTASTS-MX-NOT-LISTED"
	mtastsUnlistedTesting RuleID = "MTASTS-MX-NOT-LISTED-TESTING"
	mtastsTLS             RuleID = "MTASTS-MX-TLS"
	mtastsTLSTesting      RuleID = "MTASTS-MX-TLS-TESTING"
	mtastsIdle            RuleID = "MTASTS-PATTERN-IDLE"
	mtastsMaxAge          RuleID = "MTASTS-MAX-AGE-SHORT"
	mtastsTesting         RuleID = "MTASTS-MODE-TESTING"
)

// mtastsMinAge is the shortest time in seconds that is worth having a policy
// for. What senders forget sooner they have to fetch anew for most messages, and
// who keeps it from them switches it off (RFC 8461 section 10.2).
const mtastsMinAge = 86400

// maxPatterns is how many patterns of a policy a finding names.
const maxPatterns = 20

func mtastsChecker() checker {
	return checker{
		name: "mta-sts", gather: gatherMTASTS, judge: judgeMTASTS, merits: meritsMTASTS,
		rules: []RuleID{
			mtastsRecordSyntax, mtastsRecordMultiple, mtastsUnreachable, mtastsPolicySyntax, mtastsUnlisted,
			mtastsUnlistedTesting, mtastsTLS, mtastsTLSTesting, mtastsIdle, mtastsMaxAge, mtastsTesting,
		},
	}
}

// gatherMTASTS finds record and policy and, where there is one, what it is
// about: the mail hosts and their TLS.
func gatherMTASTS(ctx context.Context, r *run) Coverage {
	s := mtasts.Discover(ctx, r.dns, r.fetchMTASTS(), r.domain)
	r.facts.MTASTS = s
	mode, known := s.Effective()
	switch {
	case s.Outcome == mtasts.CannotTell:
		return r.unknown(ctx, string(s.Status), s.Reason, cmp.Or(s.Asked, s.Domain))
	case !known && s.Policy == nil:
		return notFetched(ctx, s.Download.Outcome, s.Download.URL)
	case !known:
		return Coverage{State: Inconclusive, Reason: ReasonRecord, Subject: s.Download.URL}
	case mode != mtasts.Enforce && mode != mtasts.Testing:
		return Coverage{State: Done}
	}
	if c := mxCoverage(ctx, r, r.hosts(ctx)); c.State != Done && !c.Minor {
		return c
	}
	if _, ok := r.sessions(ctx); !ok {
		return Coverage{State: Done}
	}
	return smtpCoverage(ctx, r.facts)
}

// fetchMTASTS returns the way in which a policy is fetched. RFC 8461 section 3.3
// advises to wait a minute for it; this program has less time, so that it never
// takes a silence for an answer.
func (r *run) fetchMTASTS() mtasts.Fetch {
	client := r.https()
	return func(ctx context.Context, url string, limit int) mtasts.Fetched {
		resp := client.Get(ctx, url, httpsx.Options{Limit: limit, Accept: "text/plain"})
		return mtasts.Fetched{
			Outcome: fetchOutcome(resp), Known: mtastsFinal(resp), Status: resp.Status,
			ContentType: string(resp.ContentType), Body: resp.Body,
		}
	}
}

// fetchOutcome is the outcome of a fetch as one code.
func fetchOutcome(resp *httpsx.Response) string {
	switch resp.Outcome {
	case httpsx.OutcomeDNSUnknown:
		return "dns-" + string(resp.DNS)
	case httpsx.OutcomeNotDialled:
		return resp.Reason
	}
	return string(resp.Outcome)
}

// mtastsFinal reports whether every sender that fetches gets the same. None of
// them follows a redirect (RFC 8461 section 3.3). What a server refuses to this
// program it may hand out to them, and some take codings.
func mtastsFinal(resp *httpsx.Response) bool {
	switch resp.Outcome {
	case httpsx.OutcomeEncoded, httpsx.OutcomeBadURL:
		return false
	case httpsx.OutcomeStatus:
		return resp.Status == http.StatusNotFound || resp.Status == http.StatusGone
	}
	return resp.Verdict() != httpsx.Unclear
}

// notFetched is the coverage where a file could not be had this time.
func notFetched(ctx context.Context, outcome, url string) Coverage {
	if ctx.Err() != nil {
		return interrupted(ctx)
	}
	reason := ReasonFile
	switch {
	case outcome == string(httpsx.OutcomeTimeout):
		reason = ReasonNoAnswer
	case outcome == string(httpsx.OutcomeUnreachable):
		reason = ReasonNetwork
	case outcome == ReasonConnections, outcome == ReasonBudget, strings.HasPrefix(outcome, "dns-"):
		reason = outcome
	}
	return Coverage{State: Inconclusive, Reason: reason, Subject: url}
}

// The effects of a defect in a record or a policy.
const (
	effectUnusable = "unusable"     // nobody can use it
	effectStrict   = "strict-only"  // those who go by the grammar do not use it
	effectPart     = "part-ignored" // the part does not count
)

// Defects beside those of packages mtasts and tlsrpt.
const (
	defectContentType = "content-type" // RFC 8461 section 3.2
	defectNoValidMX   = "no-valid-mx"  // there are mx fields, and none of them counts
)

func judgeMTASTS(f *Facts, add func(Finding)) {
	s := f.MTASTS
	if s == nil {
		return
	}
	seen := map[mtasts.Reason]bool{} // of each kind of defect the first is said
	if len(s.Texts) == 0 {
		for _, near := range s.Near {
			if !seen[near.Fault.Reason] {
				seen[near.Fault.Reason] = true
				add(mtastsDefect(s, near.Fault, effectUnusable, append(alias(s.Asked, s.Chain), string(near.Text))))
			}
		}
	}
	switch s.Outcome {
	case mtasts.Several:
		add(Finding{
			Rule: mtastsRecordMultiple, Subject: s.Domain, Evidence: mtastsEvidence(s),
			Params: params("place", s.Asked, "count", len(s.Texts)),
		})
		return
	case mtasts.Found:
	default:
		return
	}
	for _, fault := range s.Faults {
		effect := effectStrict
		switch {
		case fault.Void:
			effect = effectUnusable
		case fault.Reason == mtasts.DuplicateTag, fault.Reason == mtasts.BadValue:
			continue
		}
		if !seen[fault.Reason] {
			seen[fault.Reason] = true
			add(mtastsDefect(s, fault, effect, mtastsEvidence(s)))
		}
	}
	judgePolicy(f, s, add)
}

func mtastsEvidence(s *mtasts.Result) []string {
	return append(alias(s.Asked, s.Chain), texts(s.Texts)...)
}

func mtastsDefect(s *mtasts.Result, fault mtasts.Fault, effect string, evidence []string) Finding {
	return Finding{
		Rule: mtastsRecordSyntax, Subject: s.Domain, Evidence: evidence,
		Params: params(
			"place", s.Asked, "value", quoted(fault.Value), "column", fault.Offset+1,
			"defect", fault.Reason, "effect", effect,
		),
	}
}

// judgePolicy judges the policy to which a record leads.
func judgePolicy(f *Facts, s *mtasts.Result, add func(Finding)) {
	d := s.Download
	switch {
	case d == nil:
		return
	case s.Policy == nil && d.Known:
		add(Finding{
			Rule: mtastsUnreachable, Subject: s.Domain, Evidence: mtastsEvidence(s),
			Params: params("url", d.URL, "fetch", d.Outcome, "status", d.Status),
		})
		return
	case s.Policy == nil:
		return
	}
	defect := func(reason any, effect string, evidence ...string) {
		add(Finding{
			Rule: mtastsPolicySyntax, Subject: s.Domain, Evidence: evidence,
			Params: params("url", d.URL, "defect", reason, "effect", effect),
		})
	}
	void := slices.ContainsFunc(s.PolicyFaults, func(fault mtasts.Fault) bool { return fault.Reason == mtasts.NoMX })
	idle := slices.IndexFunc(s.PolicyFaults, func(fault mtasts.Fault) bool { return void && spoilsPattern(fault.Reason) })
	if idle >= 0 {
		defect(defectNoValidMX, effectUnusable, policyLine(s.PolicyFaults[idle])...)
	}
	seen := map[mtasts.Reason]bool{}
	for _, fault := range s.PolicyFaults {
		if idle >= 0 && (fault.Reason == mtasts.NoMX || spoilsPattern(fault.Reason)) {
			continue
		}
		if effect := policyEffect(fault); effect != "" && !seen[fault.Reason] {
			seen[fault.Reason] = true
			defect(fault.Reason, effect, policyLine(fault)...)
		}
	}
	if !d.PlainText() {
		defect(defectContentType, effectStrict, "Content-Type: "+string(d.ContentType))
	}
	mode, _ := s.Effective()
	if mode != mtasts.Enforce && mode != mtasts.Testing {
		return
	}
	if mode == mtasts.Testing {
		add(Finding{Rule: mtastsTesting, Subject: s.Domain, Params: params("url", d.URL)})
	}
	if s.Policy.MaxAge < mtastsMinAge {
		add(Finding{Rule: mtastsMaxAge, Subject: s.Domain, Params: params("url", d.URL, "age", s.Policy.MaxAge)})
	}
	judgePolicyHosts(f, s, mode == mtasts.Enforce, add)
}

// policyLine shows the line of a policy that a fault is about, if it is about
// one.
func policyLine(fault mtasts.Fault) []string {
	if fault.Line == 0 {
		return nil
	}
	return []string{"mta-sts.txt:" + strconv.Itoa(fault.Line) + ": " + quoted(fault.Value)}
}

// spoilsPattern reports whether a fault keeps an mx field from counting.
func spoilsPattern(reason mtasts.Reason) bool {
	switch reason {
	case mtasts.MXInvalid, mtasts.MXWildcard, mtasts.MXFinalDot, mtasts.MXList, mtasts.MXNotASCII:
		return true
	}
	return false
}

// policyEffect says what a fault of a policy does, or nothing where every
// sender known passes over it.
func policyEffect(fault mtasts.Fault) string {
	if spoilsPattern(fault.Reason) {
		return effectPart
	}
	switch fault.Reason {
	case mtasts.MissingColon, mtasts.LineTooLong, mtasts.TooManyLines:
		return effectPart
	case mtasts.MaxAgeRange:
		return effectStrict
	}
	if fault.Void {
		return effectUnusable
	}
	return ""
}

// judgePolicyHosts holds the mail hosts against a policy in force or on trial.
func judgePolicyHosts(f *Facts, s *mtasts.Result, enforce bool, add func(Finding)) {
	hosts := f.mailHosts()
	if len(hosts) == 0 {
		return
	}
	unlisted, tls := mtastsUnlisted, mtastsTLS
	if !enforce {
		unlisted, tls = mtastsUnlistedTesting, mtastsTLSTesting
	}
	compared := mtasts.Compare(s.Policy, hosts)
	for _, host := range compared.Unlisted {
		add(Finding{
			Rule: unlisted, Subject: s.Domain,
			Params: params(
				"host", host, "url", s.Download.URL, "patterns", quoted(join(s.Policy.MX[:min(len(s.Policy.MX), maxPatterns)], ", ")),
				"match", missed(s.Policy.MX, host),
			),
		})
	}
	seen := map[string]bool{}
	for i := range f.SMTP {
		d := &f.SMTP[i]
		if !f.isMX(d) || slices.Contains(compared.Unlisted, d.Host) {
			continue
		}
		got := d.publicly()
		if got.State != DeliveredNo || got.Reason == TrustNoService || seen[d.Host+string(got.Reason)] {
			continue
		}
		seen[d.Host+string(got.Reason)] = true
		add(Finding{
			Rule: tls, Subject: d.Host,
			Params: params("host", d.Host, "address", d.Addr, "trust", got.Reason),
		})
	}
	if idle := compared.Idle; len(idle) > 0 && f.MX.Cut == 0 {
		add(Finding{
			Rule: mtastsIdle, Subject: s.Domain,
			Params: params("patterns", join(idle[:min(len(idle), maxPatterns)], ", "), "url", s.Download.URL),
		})
	}
}

// How a host that is not listed stands to the patterns.
const (
	missNone     = "none"
	missWildcard = "wildcard-depth" // below the name of a wildcard, or that name itself
)

// missed says whether a wildcard would list a host if it stood for any number of
// labels (RFC 8461 section 4.1: it stands for one).
func missed(patterns []string, host string) string {
	for _, pattern := range patterns {
		if parent, ok := strings.CutPrefix(pattern, "*."); ok && strings.HasSuffix("."+strings.ToLower(host), "."+parent) {
			return missWildcard
		}
	}
	return missNone
}

// mailHosts are the names of the mail hosts that senders can use, as far as is
// known: nothing where the domain takes no mail.
func (f *Facts) mailHosts() []string {
	if f.MX == nil || !f.MX.Status.Known() {
		return nil
	}
	var out []string
	for i := range f.MX.Hosts {
		if h := &f.MX.Hosts[i]; h.Kind == mx.KindName && !h.Status().Absent() {
			out = append(out, h.Name)
		}
	}
	return out
}

func meritsMTASTS(f *Facts, add func(Merit)) {
	s, hosts := f.MTASTS, f.mailHosts()
	if s == nil || len(hosts) == 0 {
		return
	}
	if mode, _ := s.Effective(); mode != mtasts.Enforce {
		return
	}
	flawed := false
	judgePolicyHosts(f, s, true, func(x Finding) { flawed = flawed || x.Rule != mtastsIdle })
	if flawed || len(mtasts.Compare(s.Policy, hosts).Unknown) > 0 {
		return
	}
	id := "mta-sts-enforced"
	for i := range f.MX.Hosts {
		h := &f.MX.Hosts[i]
		if h.Kind != mx.KindName || h.Status().Absent() {
			continue
		}
		switch got := f.across(h, (*Dialogue).publicly); {
		case got.Reason == TrustOldTLS:
			return
		case got.State != DeliveredYes:
			id = "mta-sts-listed"
		}
	}
	add(Merit{ID: id, Subject: s.Domain})
}
