package bimi

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sound is a logo without a fault.
const sound = `<svg xmlns="http://www.w3.org/2000/svg" version="1.2" baseProfile="tiny-ps" viewBox="0 0 96 96">` +
	`<title>Example</title><rect width="96" height="96" fill="#c00"/></svg>`

// with is sound with some of its text replaced.
func with(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(sound) }

// within is sound with more inside.
func within(more string) string { return with("<rect", more+"<rect") }

func pack(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(text))
	w.Close()
	return b.String()
}

// flaws lists the faults of a picture.
func flaws(p *Picture) string {
	var out []string
	for _, f := range p.Faults {
		line := fmt.Sprintf("%s %s", f.Reason, f.Name)
		if f.Advice {
			line += " (advice)"
		}
		out = append(out, line)
	}
	return strings.Join(out, "; ")
}

func TestCheckSVG(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"sound", sound, ""},
		{"with a declaration and comments", `<?xml version="1.0" encoding="utf-8"?><!-- x -->` + "\n" + sound + "\n", ""},
		{"with a byte order mark", "\ufeff" + sound, ""},
		{"packed", pack(sound), ""},
		{"a prefix for the namespace", `<s:svg xmlns:s="http://www.w3.org/2000/svg" version="1.2" baseProfile="tiny-ps" viewBox="0 0 9 9"><s:title>x</s:title><s:g/></s:svg>`, ""},
		{"every element", within(`<desc>x</desc><metadata>x</metadata><defs><linearGradient id="a" gradientUnits="userSpaceOnUse"><stop offset="0" stop-color="#fff"/></linearGradient>` +
			`<radialGradient id="b" cx="1" cy="1" r="2"/><solidColor id="c" solid-color="red"/></defs><g transform="scale(2)"><path d="M0 0" fill="url(#a)"/>` +
			`<circle r="1" stroke="url( '#b' )"/><ellipse/><line x1="1"/><polyline points="0,0"/><polygon/><text>x<tspan>y</tspan></text><textArea/></g>` +
			`<use href="#a"/>`), ""},
		{"xlink inside of the file", with(`version=`, `xmlns:xlink="http://www.w3.org/1999/xlink" version=`, "<rect", `<use xlink:href="#a"/><rect`), ""},
		{"fixed values", with("viewBox", `zoomAndPan="disable" focusable="false" snapshotTime="none" playbackOrder="all" timelineBegin="onLoad" externalResourcesRequired="false" viewBox`), ""},

		// The file.
		{"empty", "", "empty svg"},
		{"blank", " \n", "empty svg"},
		{"packed and empty", pack(""), "empty svg"},
		{"packed and broken", "\x1f\x8b\x08hello", "gzip-broken gzip"},
		{"packed and cut", pack(sound)[:40], "gzip-broken gzip"},
		{"Latin-1", with("Example", "Caf\xe9"), "not-utf-8 UTF-8"},
		{"UTF-16", "\xff\xfe<\x00s\x00", "not-utf-8 UTF-8"},
		{"declared as another", `<?xml version="1.0" encoding="iso-8859-1"?>` + sound, "not-utf-8 encoding"},
		{"PNG", "\x89PNG\r\n\x1a\n", "not-utf-8 UTF-8"},
		{"text", "hello", "not-svg XML"},
		{"cut", sound[:60], "xml-malformed XML"},
		{"not closed", strings.TrimSuffix(sound, "</svg>"), "xml-malformed XML"},
		{"HTML", "<!DOCTYPE html><html><body>404</body></html>", "doctype DOCTYPE (advice); not-svg html"},
		{"document type", `<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/x.dtd">` + sound, "doctype DOCTYPE (advice)"},
		{"entities", `<!DOCTYPE svg [<!ENTITY a "b">]>` + sound, "doctype DOCTYPE (advice); entity ENTITY"},
		{"entity in use", `<!DOCTYPE svg [<!ENTITY a "b">]>` + with("Example", "&a;"), "doctype DOCTYPE (advice); entity ENTITY; xml-malformed XML"},
		{"style sheet", `<?xml-stylesheet href="x.css"?>` + sound, "style xml-stylesheet"},

		// The outermost element.
		{"no namespace", with(` xmlns="http://www.w3.org/2000/svg"`, ""), "namespace xmlns"},
		{"version 1.1", with(`"1.2"`, `"1.1"`), "version version"},
		{"no version", with(`version="1.2" `, ""), "version version"},
		{"another profile", with("tiny-ps", "tiny"), "base-profile baseProfile"},
		{"no profile", with(`baseProfile="tiny-ps" `, ""), "base-profile baseProfile"},
		{"position", with("viewBox", `x="0" y="0px" viewBox`), "root-position x; root-position y"},
		{"no view box", with(` viewBox="0 0 96 96"`, ""), "view-box-missing viewBox (advice)"},
		{"view box with commas", with("0 0 96 96", "0,0, 96,96.5"), ""},
		{"view box of three", with("0 0 96 96", "0 0 96"), "view-box viewBox"},
		{"view box of five", with("0 0 96 96", "0 0 96 96 96"), "view-box viewBox"},
		{"view box of words", with("0 0 96 96", "0 0 inf nan"), "view-box viewBox"},
		{"view box without area", with("0 0 96 96", "0 0 0 0"), "view-box viewBox"},
		{"not square", with("0 0 96 96", "0 0 96 64"), "not-square viewBox (advice)"},
		{"per cent", with("viewBox", `width="100%" height="100%" viewBox`), "size-relative width (advice); size-relative height (advice)"},
		{"pixels", with("viewBox", `width="96" height="96px" viewBox`), ""},
		{"few pixels", with("viewBox", `width="95.9" height="64px" viewBox`), "size-small width (advice); size-small height (advice)"},
		{"a value that is fixed", with("viewBox", `zoomAndPan="magnify" viewBox`), "value-not-allowed zoomAndPan"},

		// Title and description.
		{"no title", with("<title>Example</title>", ""), "title-missing title"},
		{"title deeper", with("<title>Example</title>", "<g><title>Example</title></g>"), "title-missing title"},
		{"empty title", with("Example", " "), "title-empty title"},
		{"two titles", within("<title>b</title>"), "title-many title"},
		{"empty description", within("<desc/>"), "desc-empty desc"},

		// What the profile forbids.
		{"script", within("<script>x</script>"), "script script"},
		{"handler", within("<handler/><listener/>"), "script handler; script listener"},
		{"event", within(`<g onclick="x"/>`), "event-attribute onclick"},
		{"image", within(`<image href="data:image/png;base64,AA"/>`), "raster-image image; external-reference href"},
		{"animation", within("<rect><animate/><set/><animateTransform/></rect>"), "animation animate; animation set; animation animateTransform"},
		{"multimedia", within("<video/><audio/>"), "multimedia video; multimedia audio"},
		{"foreign object", within("<foreignObject/>"), "foreign-object foreignObject"},
		{"link", within(`<a href="https://example.com/"><rect/></a>`), "link a; external-reference href"},
		{"style element", within("<style>@import url(x)</style>"), "style style"},
		{"style attribute", within(`<g style="fill:url(#a)"/>`), "style style"},
		{"external use", within(`<use href="other.svg#a"/>`), "external-reference href"},
		{"external use of an undeclared prefix", within(`<use xlink:href="other.svg#a"/>`), "external-reference href"},
		{"external paint", within(`<g fill="URL( 'https://example.com/a#b' )" stroke="url(#a) url(b)"/>`), "external-reference fill; external-reference stroke"},
		{"font of another file", within("<font-face-uri/>"), "external-reference font-face-uri"},
		{"switch, filter, style", within("<switch/><filter/><clipPath/>"), "element-not-allowed switch; element-not-allowed filter; element-not-allowed clipPath"},
		{"no element of SVG", within("<b/>"), "element-not-allowed b"},
		{"script in metadata", within("<metadata><script/></metadata>"), "script script"},

		// Advice.
		{"attribute of SVG 1.1", within(`<g enable-background="new" clip-path="url(#a)"/>`),
			"attribute-not-allowed enable-background (advice); attribute-not-allowed clip-path (advice)"},
		{"left by an editor", within(`<i:pgf xmlns:i="http://ns.adobe.com/i"/>`), "foreign-element pgf (advice)"},
		{"left by an editor, in metadata", within(`<metadata><r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" odd="x"/></metadata>`), ""},
		{"script by an editor", within(`<i:pgf xmlns:i="http://ns.adobe.com/i" onload="x"/>`), "foreign-element pgf (advice); event-attribute onload"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := CheckSVG([]byte(tt.in))
			if f := flaws(got); f != tt.want {
				t.Errorf("got %q, want %q", f, tt.want)
			}
			survives(t, got)
		})
	}
}

func TestCheckSVGPlaces(t *testing.T) {
	in := "\ufeff" + with("<title>", "\n<title>", "<rect", "\n\n<g\n><script/></g>\n<rect") + "<"
	want := []PictureFault{
		{Reason: Script, Name: "script", Line: 5, Offset: strings.Index(in, "<script")},
		{Reason: XMLMalformed, Name: "XML", Line: 6, Offset: len(in)},
	}
	if d := cmp.Diff(want, CheckSVG([]byte(in)).Faults); d != "" {
		t.Errorf("faults (-want +got):\n%s", d)
	}
}

func TestSamePicture(t *testing.T) {
	digest := func(s string) string { return CheckSVG([]byte(s)).SHA256 }
	base := with("<rect", "\n<rect")
	for _, tt := range []struct {
		name, other string
		same        bool
	}{
		{"packed", pack(base), true},
		{"line ends", strings.ReplaceAll(base, "\n", "\r\n") + "\r\n", true},
		{"byte order mark", "\ufeff" + base, true},
		{"another colour", strings.Replace(base, "#c00", "#c01", 1), false},
		{"broken", base + "<", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if same := digest(base) == digest(tt.other); same != tt.same {
				t.Errorf("same: %v, want %v", same, tt.same)
			}
		})
	}
}

func TestCheckSVGLimits(t *testing.T) {
	size := func(n int) string { return sound + strings.Repeat(" ", n-len(sound)) }
	nested := func(n int) string { return within(strings.Repeat("<g>", n-1) + strings.Repeat("</g>", n-1)) }
	tests := []struct{ name, in, want string }{
		{"size", size(MaxLogo), ""},
		{"size and an octet", size(MaxLogo + 1), "picture-cut svg"},
		{"size, packed", pack(size(MaxLogo)), ""},
		{"size and an octet, packed", pack(size(MaxLogo + 1)), "picture-cut svg"},
		{"depth", nested(MaxDepth), ""},
		{"depth and one", nested(MaxDepth + 1), "xml-too-deep XML"},
		{"title", with("Example", strings.Repeat("é", MaxTitle)), ""},
		{"title and a character", with("Example", strings.Repeat("é", MaxTitle+1)), "title-long title (advice)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := flaws(CheckSVG([]byte(tt.in))); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	t.Run("tokens", func(t *testing.T) { // no file within MaxLogo has as many
		in := within(strings.Repeat("<g/>", MaxTokens/2))
		if got := flaws(checkSVG([]byte(in), len(in))); got != "xml-too-long XML" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("faults", func(t *testing.T) {
		var more strings.Builder
		for i := range 2 * MaxFaults {
			fmt.Fprintf(&more, "<x%d/>", i)
		}
		if got := CheckSVG([]byte(within(more.String()))).Faults; len(got) != MaxFaults {
			t.Errorf("%d faults, want %d", len(got), MaxFaults)
		}
	})
}

func FuzzCheckSVG(f *testing.F) {
	f.Add([]byte(sound))
	f.Add([]byte(pack(sound)))
	f.Add([]byte(`<!DOCTYPE a [<!ENTITY a "b">]><svg x:y="url(a" style=""><a xlink:href="&#1;"/><metadata/><desc> </desc>`))
	f.Fuzz(func(t *testing.T, in []byte) {
		p := CheckSVG(in)
		if len(p.Faults) > MaxFaults || p.Size > MaxLogo+1 && !bytes.Equal(in, in[:p.Size]) {
			t.Errorf("%d faults in %d octets", len(p.Faults), p.Size)
		}
		for _, fault := range p.Faults {
			if fault.Offset < 0 || fault.Offset > p.Size || len(fault.Name) > MaxText || fault.Advice != fault.Reason.advice() {
				t.Errorf("fault %+v in %d octets", fault, p.Size)
			}
		}
		if p.Valid() && (p.SHA256 == "" || p.Title == "") {
			t.Errorf("valid, and %+v", p)
		}
		survives(t, p)
	})
}
