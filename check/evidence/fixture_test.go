package evidence

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var compareAddr = cmpopts.EquateComparable(netip.Addr{})

// read reads a file that has to be one of its kind.
func read(t *testing.T, file string) *Evidence {
	t.Helper()
	e, err := Read(strings.NewReader(file), "file")
	if err != nil {
		t.Fatalf("Read(%.300q): %v", file, err)
	}
	return e
}

// diff compares evidence.
func diff(want, got *Evidence) string { return cmp.Diff(want, got, compareAddr) }

// crlf returns s with CRLF in place of LF.
func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

func gzipped(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(s))
	w.Close()
	return b.String()
}

// zipped returns an archive of members called as given and with the content
// that follows.
func zipped(nameThenContent ...string) string {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i+1 < len(nameThenContent); i += 2 {
		m, err := w.Create(nameThenContent[i])
		if err != nil {
			panic(err)
		}
		m.Write([]byte(nameThenContent[i+1]))
	}
	w.Close()
	return b.String()
}

// encoded returns s in base64 with lines as in mail.
func encoded(s string) string {
	text := base64.StdEncoding.EncodeToString([]byte(s))
	var b strings.Builder
	for len(text) > 76 {
		b.WriteString(text[:76] + "\n")
		text = text[76:]
	}
	return b.String() + text + "\n"
}

// signed returns a DKIM-Signature field.
func signed(domain, selector string) string {
	return fmt.Sprintf("DKIM-Signature: v=1; a=rsa-sha256; d=%s; s=%s; h=from; bh=AA==; b=AA==\n", domain, selector)
}

// reportOf returns a report with the given root and records.
func reportOf(root string, records ...string) string {
	return `<?xml version="1.0" encoding="UTF-8" ?>
<` + root + `>
  <report_metadata><org_name>receiver.example</org_name><date_range><begin>1</begin><end>2</end></date_range></report_metadata>
  <policy_published><domain>example.com</domain><p>none</p></policy_published>
  ` + strings.Join(records, "\n") + `
</` + strings.Fields(root)[0] + `>`
}

// recordOf returns a record of messages from 192.0.2.1 that pass DMARC.
func recordOf(count int, results string) string {
	return fmt.Sprintf(`<record>
    <row><source_ip>192.0.2.1</source_ip><count>%d</count>
      <policy_evaluated><disposition>none</disposition><dkim>pass</dkim><spf>fail</spf></policy_evaluated></row>
    <identifiers><header_from>example.com</header_from></identifiers>
    <auth_results>%s</auth_results>
  </record>`, count, results)
}

const passingDKIM = `<dkim><domain>example.com</domain><selector>s1</selector><result>pass</result></dkim>`

// plainReport has one record of two messages.
var plainReport = reportOf("feedback", recordOf(2, passingDKIM))

// plainEvidence is what plainReport shows in a file.
func plainEvidence(f File) *Evidence {
	two := Uses{Count: 2, Passed: 2}
	f.Name, f.Reports = "file", 1
	return &Evidence{
		Files:      []File{f},
		Signatures: []Signature{{"example.com", "s1", two}},
		From:       []Domain{{"example.com", two}},
		Addresses:  []Address{{netip.MustParseAddr("192.0.2.1"), two}},
		Streams:    []Stream{{Kind: AggregateReport, From: "example.com", Signers: []string{"example.com"}, Uses: two}},
	}
}

// keys returns the signatures as text.
func keys(e *Evidence) []string {
	var list []string
	for _, s := range e.Signatures {
		list = append(list, fmt.Sprintf("%s %s %d", s.Domain, s.Selector, s.Count))
	}
	return list
}

// domainList returns domains as text.
func domainList(domains []Domain) []string {
	var list []string
	for _, d := range domains {
		list = append(list, fmt.Sprintf("%s %d", d.Name, d.Count))
	}
	return list
}
