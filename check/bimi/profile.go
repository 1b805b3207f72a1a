package bimi

import (
	"encoding/xml"
	"math"
	"strconv"
	"strings"
)

// spaceSVG is the namespace of SVG.
const spaceSVG = "http://www.w3.org/2000/svg"

// elementFault says what is wrong with an element of SVG. The elements of the
// profile are those of SVG Tiny 1.2 without the ones that draft-svg-tiny-ps-
// abrotman section 2.3 takes away. Its schema leaves out tspan, tbreak and
// missing-glyph too, about which the text is silent.
func elementFault(name string) PictureReason {
	switch name {
	case "svg", "title", "desc", "metadata", "defs", "g", "use",
		"path", "rect", "circle", "ellipse", "line", "polyline", "polygon",
		"text", "textArea", "tspan", "tbreak",
		"linearGradient", "radialGradient", "stop", "solidColor",
		"font", "font-face", "font-face-src", "glyph", "missing-glyph", "hkern":
		return ""
	case "script", "handler", "listener":
		return Script
	case "image":
		return Raster
	case "animate", "animateColor", "animateMotion", "animateTransform", "set", "mpath", "discard":
		return Animation
	case "audio", "video", "animation", "prefetch":
		return Multimedia
	case "foreignObject":
		return Foreign
	case "a":
		return Link
	case "style":
		return Style
	case "font-face-uri":
		return External
	}
	return Element
}

// attributes are those of the profile's schema, of any element, and what SVG
// Tiny 1.2 has for the elements beyond it.
const attributes = ` about accented-height alphabetic arabic-form ascent baseProfile bbox buffered-rendering
 cap-height class color color-rendering content contentScriptType cx cy d datatype descent direction display
 display-align editable externalResourcesRequired fill fill-opacity fill-rule focusable font-family font-size
 font-stretch font-style font-variant font-weight g1 g2 glyph-name gradientUnits hanging height horiz-adv-x
 horiz-origin horiz-origin-x href id ideographic image-rendering k lang line-increment mathematical offset
 overline-position overline-thickness panose-1 pathLength playbackOrder points preserveAspectRatio property r
 rel requiredFonts resource rev role rotate rx ry shape-rendering slope snapshotTime solid-color solid-opacity
 stemh stemv stop-color stop-opacity strikethrough-position strikethrough-thickness stroke stroke-dasharray
 stroke-dashoffset stroke-linecap stroke-linejoin stroke-miterlimit stroke-opacity stroke-width systemLanguage
 text-align text-anchor text-rendering timelineBegin transform typeof u1 u2 underline-position
 underline-thickness unicode unicode-bidi unicode-range units-per-em vector-effect version viewBox viewport-fill
 viewport-fill-opacity visibility width widths x x-height x1 x2 y y1 y2 zoomAndPan `

// known reports whether the schema has an attribute of that name.
func known(name string) bool {
	if strings.ContainsAny(name, " \n") {
		return false
	}
	return strings.Contains(attributes, " "+name+" ") || strings.Contains(attributes, " "+name+"\n")
}

// attributes judges the attributes that any element may have, and their names
// if strict.
func (s *scanner) attributes(list []xml.Attr, strict bool) {
	for _, a := range list {
		name := a.Name.Local
		switch {
		case a.Name.Space == "xmlns" || a.Name.Space == "" && name == "xmlns":
			continue
		case name == "href": // of xlink too, declared or not
			if !local(a.Value) {
				s.fault(External, name)
			}
			continue
		case a.Name.Space != "":
		case len(name) > 2 && name[:2] == "on":
			s.fault(Event, name)
		case name == "style":
			s.fault(Style, name)
		case strict && !known(name):
			s.fault(Attribute, name)
		}
		if outside(a.Value) {
			s.fault(External, name)
		}
	}
}

// local reports whether a reference stays inside of the file.
func local(ref string) bool {
	ref = strings.TrimSpace(ref)
	return ref == "" || ref[0] == '#'
}

// outside reports whether a value has a reference url(...) out of the file.
func outside(value string) bool {
	for {
		i := strings.IndexByte(value, '(')
		if i < 0 {
			return false
		}
		isURL := i >= 3 && strings.EqualFold(value[i-3:i], "url")
		value = value[i+1:]
		if isURL && !local(strings.TrimLeft(value, " \t\r\n\"'")) {
			return true
		}
	}
}

// fixed are attributes of the outermost element that have one value only
// (draft-svg-tiny-ps-abrotman section 2.3).
func fixed(name string) string {
	switch name {
	case "zoomAndPan":
		return "disable"
	case "externalResourcesRequired", "focusable":
		return "false"
	case "snapshotTime":
		return "none"
	case "playbackOrder":
		return "all"
	case "timelineBegin":
		return "onLoad"
	}
	return ""
}

// root judges the attributes of the outermost element.
func (s *scanner) root(list []xml.Attr) {
	values := map[string]string{}
	for _, a := range list {
		if a.Name.Space == "" {
			values[a.Name.Local] = a.Value
			if want := fixed(a.Name.Local); want != "" && strings.TrimSpace(a.Value) != want {
				s.fault(Value, a.Name.Local)
			}
		}
	}
	if strings.TrimSpace(values["version"]) != "1.2" {
		s.fault(Version, "version")
	}
	if strings.TrimSpace(values["baseProfile"]) != "tiny-ps" {
		s.fault(BaseProfile, "baseProfile")
	}
	for _, name := range [...]string{"x", "y"} {
		if _, ok := values[name]; ok {
			s.fault(RootPosition, name)
		}
	}
	if box, ok := values["viewBox"]; ok {
		s.viewBox(box)
	} else {
		s.fault(ViewBoxMissing, "viewBox")
	}
	for _, name := range [...]string{"width", "height"} {
		s.size(name, values[name])
	}
}

// viewBox reads four numbers with white space or commas between them.
func (s *scanner) viewBox(text string) {
	fields := strings.FieldsFunc(text, func(c rune) bool { return strings.ContainsRune(" \t\r\n,", c) })
	var box [4]float64
	good := len(fields) == len(box)
	for i := range box {
		if good {
			box[i], good = number(fields[i])
		}
	}
	width, height := box[2], box[3]
	switch {
	case !good || width <= 0 || height <= 0:
		s.fault(ViewBox, "viewBox")
	case math.Abs(width-height) > max(width, height)/100:
		s.fault(NotSquare, "viewBox")
	}
}

func number(text string) (float64, bool) {
	if strings.Trim(text, "0123456789.+-eE") != "" {
		return 0, false
	}
	n, err := strconv.ParseFloat(text, 64)
	return n, err == nil && !math.IsInf(n, 0) && !math.IsNaN(n)
}

// minPixels is the least width and height that Gmail takes.
const minPixels = 96

func (s *scanner) size(name, value string) {
	value = strings.TrimSpace(value)
	if strings.HasSuffix(value, "%") {
		s.fault(SizeRelative, name)
		return
	}
	if n, ok := number(strings.TrimSuffix(value, "px")); ok && value != "" && n < minPixels {
		s.fault(SizeSmall, name)
	}
}
