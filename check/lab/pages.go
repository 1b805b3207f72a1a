package lab

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Limits of what the hosts of https serve.
const (
	maxFiles = 64 // sections of a world
	maxPages = 64 // paths of a host
)

// A page is what a host of https answers for one path.
type page struct {
	line        int
	path        string
	code        int
	contentType string
	location    string // of a redirect
	file        string // the name of the file that is the body; empty if body is written in place
	body        string
}

// webSetting reads a setting that only https has, or refuses one that it has
// not. It reports false for those that all servers share.
func (p *hostsParser) webSetting(word string, args []string) bool {
	g := page{line: p.line, code: 200}
	switch word {
	case "name", "cert", "tls-max", "fault":
		return false
	case "file":
		if p.count(word, args, 3) && p.path(args[0], &g.path) && p.text(args[1], &g.contentType) && p.section(args[2], &g.file) {
			p.page(g)
		}
	case "text":
		if p.count(word, args, 3) && p.path(args[0], &g.path) && p.text(args[1], &g.contentType) {
			g.body = args[2]
			p.page(g)
		}
	case "status":
		if p.count(word, args, 2) && p.path(args[0], &g.path) && p.status(args[1], &g.code) {
			p.page(g)
		}
	case "redirect":
		if p.count(word, args, 2) && p.path(args[0], &g.path) && p.text(args[1], &g.location) {
			g.code = 301
			p.page(g)
		}
	default:
		p.expected("name, cert, tls-max, file, text, status, redirect or fault, not %q", word)
	}
	return true
}

// page adds one to the current host.
func (p *hostsParser) page(g page) {
	h := p.current
	switch {
	case slices.ContainsFunc(h.pages, func(other page) bool { return other.path == g.path }):
		p.expected("the path %q once", g.path)
	case len(h.pages) == maxPages:
		p.expected("at most %d paths", maxPages)
	default:
		h.pages = append(h.pages, g)
	}
}

func (p *hostsParser) path(word string, to *string) bool {
	if !strings.HasPrefix(word, "/") || strings.ContainsFunc(word, func(r rune) bool { return r <= ' ' || r > '~' || r == '?' || r == '#' }) {
		p.expected("a path such as /logo.svg, not %q", word)
		return false
	}
	*to = word
	return true
}

func (p *hostsParser) section(word string, to *string) bool {
	if word == "" || word == FileZone || word == FileHosts {
		p.expected("a section with a file, not %q", word)
		return false
	}
	*to = word
	return true
}

func (p *hostsParser) status(word string, to *int) bool {
	code, err := strconv.Atoi(word)
	if err != nil || code < 200 || code > 599 {
		p.expected("a status from 200 to 599, not %q", word)
		return false
	}
	*to = code
	return true
}

// fill puts the files into the pages that serve them.
func (w *World) fill(files map[string][]byte) error {
	for i := range w.hosts {
		pages := w.hosts[i].pages
		for j := range pages {
			g := &pages[j]
			if g.file == "" {
				continue
			}
			data, ok := files[g.file]
			switch {
			case !ok:
				return &SyntaxError{Name: w.Name, Line: g.line, Want: "a section " + strconv.Quote(g.file)}
			case len(data) > MaxWorld:
				return &SyntaxError{Name: w.Name, Line: g.line, Want: fmt.Sprintf("at most %d octets in %q", MaxWorld, g.file)}
			}
			g.body = string(data)
		}
	}
	return nil
}

// serves reports whether a host serves the file.
func (w *World) serves(file string) bool {
	return slices.ContainsFunc(w.hosts, func(h host) bool {
		return slices.ContainsFunc(h.pages, func(g page) bool { return g.file == file })
	})
}
