package evidence

import (
	"bytes"
	"compress/gzip"
	"net/netip"
	"strings"
	"testing"
)

func TestReportForms(t *testing.T) {
	bare := File{Kind: AggregateReport}
	mail := File{Kind: Message}
	part := func(contentType, encoding, body string) string {
		return signed("receiver.example", "r") + "Return-Path: <r@receiver.example>\nFrom: noreply@receiver.example\n" +
			"Subject: Report Domain: example.com Submitter: receiver.example\nMIME-Version: 1.0\n" +
			"Content-Type: " + contentType + "\nContent-Transfer-Encoding: " + encoding + "\n\n" + body
	}
	attached := func(contentType, encoding, body string) string {
		return part("multipart/mixed; boundary=\"=_b\"", "7bit", "preamble\n--=_b\nContent-Type: text/plain\n\nA report.\n\n--=_b\nContent-Type: "+
			contentType+"\nContent-Disposition: attachment;\n\tfilename=\"../../r!example.com!1!2.xml.gz\"\nContent-Transfer-Encoding: "+encoding+"\n\n"+body+"\n--=_b--\n")
	}
	packed, archive := gzipped(plainReport), zipped("../r.xml", plainReport)
	for _, tt := range []struct {
		name, file string
		in         File
	}{
		{"XML", plainReport, bare},
		{"XML with CRLF", crlf(plainReport), bare},
		{"byte order mark", "\xef\xbb\xbf" + plainReport, bare},
		{"white space in front", " \r\n" + plainReport, bare},
		{"no declaration", strings.SplitN(plainReport, "\n", 2)[1], bare},
		{"comment in front", "<!-- <x> -->" + strings.SplitN(plainReport, "\n", 2)[1], bare},
		{"declared as Windows-1252", strings.NewReplacer("UTF-8", "windows-1252", "receiver.example", "Soci\xe9t\xe9").Replace(plainReport), bare},
		{"declared as UTF-16", strings.Replace(plainReport, "UTF-8", "utf-16", 1), bare},
		{"namespace of RFC 9990", reportOf(`feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0"`, recordOf(2, passingDKIM)), bare},
		{"namespace of RFC 7489", reportOf(`feedback xmlns="http://dmarc.org/dmarc-xml/0.1"`, recordOf(2, passingDKIM)), bare},
		{"namespace of the root alone", reportOf(`d:feedback xmlns:d="http://dmarc.org/dmarc-xml/0.1"`, recordOf(2, passingDKIM)), bare},
		{"extension", reportOf(`feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0" xmlns:e="e"`,
			"<extension><e:record><e:row/></e:record></extension>",
			strings.Replace(recordOf(2, passingDKIM), "<auth_results>", "<e:auth_results>"+strings.ReplaceAll(passingDKIM, "s1", "s2")+"</e:auth_results><auth_results>", 1)), bare},
		{"GZIP", packed, bare},
		{"GZIP in two pieces", gzipped(plainReport[:99]) + gzipped(plainReport[99:]), bare},
		{"ZIP", archive, bare},
		{"ZIP with other files", zipped("dir/", "", "a.txt", "text", "b.xml", "<x/>", "c.xml", plainReport), bare},
		{"attached GZIP", attached("application/gzip; name=\"r.xml.gz\"", "base64", encoded(packed)), mail},
		{"attached GZIP with CRLF", crlf(attached("application/gzip", "base64", encoded(packed))), mail},
		{"attached ZIP", attached("application/zip", "base64", encoded(archive)), mail},
		{"attached as something else", attached("application/octet-stream", "BASE64 (comment)", encoded(packed)), mail},
		{"attached under a misspelt field", strings.Replace(attached("application/gzip", "base64", encoded(packed)), "Content-Type: application", "ContentType: application", 1), mail},
		{"attached XML", attached("text/xml", "8bit", plainReport), mail},
		{"attached XML in base64", attached("text/xml", "base64", encoded(plainReport)), mail},
		{"attached XML as quoted-printable", attached("text/xml", "quoted-printable", strings.ReplaceAll(plainReport, "=", "=3D")), mail},
		{"the body is GZIP", part("application/gzip", "base64", encoded(packed)), mail},
		{"the body is ZIP", part("application/zip; name=x.zip", "base64", encoded(archive)), mail},
		{"the body is GZIP in binary", part("application/gzip", "binary", packed), mail},
		{"the body is XML", part("application/xml", "7bit", plainReport), mail},
		{"junk in base64", part("application/gzip", "base64", "!"+strings.ReplaceAll(encoded(packed), "\n", " \n\x00")+"--\n"), mail},
		{"forwarded", "From: a@b.example\nContent-Type: multipart/mixed; boundary=f\n\n--f\nContent-Type: message/rfc822\n\n" +
			attached("application/gzip", "base64", encoded(packed)) + "\n--f--\n", mail},
		{"mbox", "From r@receiver.example Thu Jan  1 00:00:00 1970\n" + attached("application/gzip", "base64", encoded(packed)), File{Kind: Mailbox}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if d := diff(plainEvidence(tt.in), read(t, tt.file)); d != "" {
				t.Errorf("Read(%q), -want +got:\n%s", tt.file, d)
			}
		})
	}
}

func TestRecords(t *testing.T) {
	count := func(count, passed, failed int64) Uses { return Uses{count, passed, failed} }
	for _, tt := range []struct {
		name   string
		record string
		want   Evidence
	}{
		{"all there is", `<record><row><source_ip> 2001:db8::1 </source_ip><count> 7 </count><policy_evaluated><dkim>fail</dkim><spf>Pass</spf></policy_evaluated></row>
			<identifiers><envelope_to>x.example</envelope_to><envelope_from>b.example</envelope_from><header_from>a.example</header_from></identifiers><auth_results>
			<dkim><domain>a.example</domain><selector>s</selector><result>fail</result><human_result>x</human_result></dkim>
			<dkim><domain>c.example</domain><selector>t</selector><result>temperror</result></dkim>
			<spf><domain>b.example</domain><scope>mfrom</scope><result>softfail</result></spf>
			<spf><domain>h.example</domain><scope>helo</scope><result>pass</result></spf></auth_results></record>`,
			Evidence{
				Signatures: []Signature{{"a.example", "s", count(7, 0, 7)}, {"c.example", "t", count(7, 0, 0)}},
				MailFrom:   []Domain{{"b.example", count(7, 0, 7)}},
				Helo:       []Domain{{"h.example", count(7, 7, 0)}},
				From:       []Domain{{"a.example", count(7, 7, 0)}},
				Addresses:  []Address{{netip.MustParseAddr("2001:db8::1"), count(7, 7, 0)}},
				Streams: []Stream{{
					Kind: AggregateReport, From: "a.example", MailFrom: []string{"b.example"}, Signers: []string{"c.example"}, Uses: count(7, 7, 0),
				}},
			}},
		{"no selector", `<record><auth_results><dkim><domain>a.example</domain><result>pass</result></dkim></auth_results></record>`,
			Evidence{Signatures: []Signature{{"a.example", "", count(1, 1, 0)}}}},
		{"empty selector", `<record><auth_results><dkim><domain>a.example</domain><selector/><result>permerror</result></dkim></auth_results></record>`,
			Evidence{Signatures: []Signature{{"a.example", "", count(1, 0, 1)}}}},
		{"bad names", `<record><row><source_ip>fe80::1%eth0</source_ip></row><identifiers><header_from>a b.example</header_from></identifiers>
			<auth_results><dkim><domain>a.example</domain><selector>-</selector></dkim><dkim><domain>localhost</domain><selector>s</selector></dkim><dkim/>
			<spf><domain>[192.0.2.1]</domain></spf></auth_results></record>`, Evidence{}},
		{"name too long", "<record><identifiers><header_from>" + strings.Repeat("a.", 30_000) + "example</header_from></identifiers></record>", Evidence{}},
		{"the better result counts", `<record><count>9</count><row><count>2</count></row><auth_results>
			<dkim><domain>a.example</domain><selector>s</selector><result>fail</result></dkim>
			<dkim><domain>A.example</domain><selector>S</selector><result>pass</result></dkim></auth_results></record>`,
			Evidence{Signatures: []Signature{{"a.example", "s", count(2, 2, 0)}}}},
		{"DMARC failed", `<record><row><source_ip>::ffff:192.0.2.1</source_ip><policy_evaluated><dkim>fail</dkim><spf>fail</spf></policy_evaluated></row></record>`,
			Evidence{Addresses: []Address{{netip.MustParseAddr("192.0.2.1"), count(1, 0, 1)}}}},
		{"nobody knows", `<record><identifiers><header_from>a.example</header_from></identifiers></record>`,
			Evidence{From: []Domain{{"a.example", count(1, 0, 0)}}}},
		{"scope missing", `<record><auth_results><spf><domain>a.example</domain><result>pass</result></spf></auth_results></record>`,
			Evidence{MailFrom: []Domain{{"a.example", count(1, 1, 0)}}}},
		{"next record begins anew", `<record><row><count>5</count></row><identifiers><header_from>a.example</header_from></identifiers></record>
			<record><auth_results><dkim><selector>s</selector></dkim><dkim><domain>a.example</domain></dkim></auth_results></record>`,
			Evidence{
				From:       []Domain{{"a.example", count(5, 0, 0)}},
				Signatures: []Signature{{"a.example", "", count(1, 0, 0)}},
			}},
		{"elsewhere", `<x><record>` + passingDKIM + `</record></x><auth_results>` + passingDKIM + `</auth_results><record><x><auth_results>` + passingDKIM +
			`</auth_results></x><row>` + passingDKIM + `</row></record>`, Evidence{}},
		{"text in pieces", `<record><identifiers><header_from>a<!-- x -->.<![CDATA[exam]]>pl&#101;</header_from></identifiers></record>`,
			Evidence{From: []Domain{{"a.example", count(1, 0, 0)}}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.want.Files = []File{{Name: "file", Kind: AggregateReport, Reports: 1}}
			if d := diff(&tt.want, read(t, reportOf("feedback", tt.record))); d != "" {
				t.Errorf("Read(%s), -want +got:\n%s", tt.record, d)
			}
		})
	}
}

func TestMessages(t *testing.T) {
	for in, want := range map[string]int64{
		"": 1, "0": 1, "1": 1, "17": 17, "-3": 1, "x": 1, "1.5": 1,
		"1099511627776": MaxReport, "1099511627777": MaxReport, "99999999999999999999999": MaxReport,
	} {
		t.Run(in, func(t *testing.T) {
			if got := messages(in); got != want {
				t.Errorf("messages(%q) = %d, want %d", in, got, want)
			}
		})
	}
}

func TestBrokenReports(t *testing.T) {
	first := recordOf(2, passingDKIM)
	second := strings.ReplaceAll(first, "s1", "s2")
	whole := reportOf("feedback", first, second)
	before, _, _ := strings.Cut(whole, "s2")
	for _, tt := range []struct {
		name, file string
		want       Reason
	}{
		{"cut off", before, ReportMalformed},
		{"cut off in GZIP", gzipped(before), ReportMalformed},
		{"elements that do not close", strings.Replace(whole, "s2</selector>", "s2</domain>", 1), ReportMalformed},
		{"entity", strings.Replace(whole, "s2", "&s;", 1), ReportMalformed},
		{"not UTF-8", strings.Replace(whole, "s2", "\xff", 1), ReportMalformed},
		{"document type inside", strings.Replace(whole, "s2", `<!DOCTYPE x>`, 1), ReportDOCTYPE},
		{"too deep", strings.Replace(whole, "s2", strings.Repeat("<x>", MaxXMLDepth), 1), ReportTooDeep},
		{"token too large", strings.Replace(whole, "s2", strings.Repeat("x", MaxToken+1), 1), ReportToken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := plainEvidence(File{Kind: AggregateReport, Faults: []Reason{tt.want}})
			if d := diff(want, read(t, tt.file)); d != "" {
				t.Errorf("Read(%.2000q), -want +got:\n%s", tt.file, d)
			}
		})
	}
}

func TestDamagedArchives(t *testing.T) {
	long := reportOf("feedback", recordOf(2, passingDKIM)+strings.Repeat("<x/>", 100_000))
	stored := func(s string) string {
		var b bytes.Buffer
		w, _ := gzip.NewWriterLevel(&b, gzip.NoCompression)
		w.Write([]byte(s))
		w.Close()
		return b.String()
	}
	archive := zipped("a", plainReport, "b", plainReport)
	// The last block type does not exist (RFC 1951 section 3.2.3).
	start := strings.LastIndex(archive, "PK\x03\x04") + 30 + len("b")
	archive = archive[:start] + "\xff" + archive[start+1:]
	for _, tt := range []struct {
		name, file string
		want       []Reason
	}{
		{"GZIP without its end", gzipped(plainReport)[:len(gzipped(plainReport))-8], nil},
		{"GZIP cut off", stored(long)[:len(long)-1000], []Reason{ReportMalformed}},
		{"a member of ZIP", archive, []Reason{MemberDamaged}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := plainEvidence(File{Kind: AggregateReport, Faults: tt.want})
			if d := diff(want, read(t, tt.file)); d != "" {
				t.Errorf("Read, -want +got:\n%s", d)
			}
		})
	}
}
