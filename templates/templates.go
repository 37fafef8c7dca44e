// Package templates holds the HTML and CSS of every page that gin-perimeter
// shows, embedded in the binary, and writes them as complete, safe answers.
//
// Pages need no JavaScript, load nothing from elsewhere, and are sent under a
// Content-Security-Policy that allows the one embedded stylesheet (and, on the
// gateway, one small script) by its hash. A host changes the look with [Look]
// and replaces whole files with Look.Overrides.
package templates

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// Look is how the pages introduce the site. The zero value works: the host
// name of the request stands for the site's name.
type Look struct {
	// SiteName is the heading of the gateway and part of every title.
	// Default: the host name that the visitor asked for.
	SiteName string

	// Title is the title of the gateway page in the browser's tab.
	// Default: "Enter" and the site's name.
	Title string

	// Accent is the colour of buttons and links, "#rgb" or "#rrggbb". The text
	// on it is black or white, whichever contrasts more. Where it would not
	// reach a contrast of 4.5 on the page (WCAG 2.2, 1.4.3), the pages use a
	// darker or, in dark mode, lighter shade of it. Default: "#1f5f8b".
	Accent string

	// Help is a plain sentence under the gateway's form, such as
	// "No token? Write to anna@example.com." Mail addresses and https URLs
	// in it become links. Default: none.
	Help string

	// Overrides replaces embedded files by name, relative to this package's
	// html folder: "gateway.html", "notice.html", "style.css", "gateway.js",
	// "_head.html", "admin/…". Files that it lacks come from the embedded set.
	// It may add partials of its own, whose names begin with an underscore;
	// any other .html, .css or .js file that replaces nothing is an error.
	// A gateway or notice replaced here is tried once by New. Its head is best
	// left to {{template "_head.html" .}}: of styles and scripts, only
	// {{style}} and, on the gateway, {{script}} pass the
	// Content-Security-Policy. The files are trusted as the program's own
	// code is. Default: nil.
	Overrides fs.FS
}

// Pages is a parsed set of pages. It is safe for concurrent use.
type Pages struct {
	look  Look
	pages map[string]*template.Template
	csp   struct{ gateway, others string }
	css   template.CSS
	js    template.JS
}

// New parses all embedded pages and look.Overrides. It returns one error that
// lists every mistake in look.
func New(look Look) (*Pages, error) {
	return newPages(look, func(string) bool { return true })
}

// NewForVisitors is New without the admin's pages, which fill most of the
// memory, in small pieces that each garbage collection goes through.
func NewForVisitors(look Look) (*Pages, error) {
	return newPages(look, func(name string) bool { return !strings.HasPrefix(name, "admin/") })
}

func newPages(look Look, wanted func(name string) bool) (*Pages, error) {
	files := overlay{over: look.Overrides, base: embeddedHTML()}
	accent, accentErr := parseAccent(look.Accent)
	css, cssErr := styleSheet(files)
	js, jsErr := script(files)
	p := &Pages{look: look, pages: make(map[string]*template.Template)}
	p.css = template.CSS(accent.css() + css)
	p.js = template.JS(js)
	p.csp.gateway = gatewayPolicy(string(p.css), js)
	p.csp.others = policy(string(p.css)) + "'self'"
	if err := errors.Join(accentErr, cssErr, jsErr, files.check(), p.parse(files, wanted)); err != nil {
		return nil, err
	}
	if err := p.try(); err != nil {
		return nil, err
	}
	return p, nil
}

// try renders the visitor's pages, so that a mistake in an override is found
// at start-up and not by the first visitor.
func (p *Pages) try() error {
	full := Gateway{Action: "/", Token: "t", TokenError: "t", NameError: "n", EmailError: "e", Problem: "p",
		Notice: "n", Inside: "/", Leave: "/", Probe: true, Recorded: []string{"r"}}
	var errs []error
	for _, data := range []Gateway{{}, full} {
		_, err := p.Render("gateway.html", data)
		errs = append(errs, err)
	}
	for _, data := range []Notice{{}, {Heading: "h", Text: "t", Next: "n", Link: "/", Label: "l"}} {
		_, err := p.Render("notice.html", data)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// parse gives every page that is wanted its own template set with the shared
// partials: files whose name begins with an underscore.
func (p *Pages) parse(files overlay, wanted func(name string) bool) error {
	names, err := files.names()
	if err != nil {
		return err
	}
	var partials, pages []string
	for _, name := range names {
		switch {
		case path.Ext(name) != ".html" || !wanted(name):
		case isPartial(name):
			partials = append(partials, name)
		default:
			pages = append(pages, name)
		}
	}
	root := template.New("").Funcs(p.funcs())
	if err := parseInto(root, files, partials); err != nil {
		return err
	}
	var errs []error
	for _, name := range pages {
		set, err := root.Clone()
		if err == nil {
			err = parseInto(set, files, []string{name})
		}
		errs = append(errs, err)
		if err == nil {
			p.pages[name] = set.Lookup(name)
		}
	}
	return errors.Join(errs...)
}

func parseInto(set *template.Template, files fs.FS, names []string) error {
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return fmt.Errorf("templates: %w", err)
		}
		if _, err := set.New(name).Parse(string(text)); err != nil {
			return fmt.Errorf("templates: %w", err)
		}
	}
	return nil
}

// Write renders the page called name, such as "gateway.html", with data and
// sends it as a complete answer: status, no-store, noindex, a strict
// Content-Security-Policy and the body. It renders to memory first: when a
// template fails, nothing was written yet and the error is the caller's to
// answer. Headers that the caller has set already stay.
func (p *Pages) Write(w http.ResponseWriter, status int, name string, data any) error {
	body, err := p.Render(name, data)
	if err != nil {
		return err
	}
	h := w.Header()
	setDefault(h, "Cache-Control", "no-store")
	setDefault(h, "X-Robots-Tag", "noindex, nofollow")
	setDefault(h, "Content-Security-Policy", p.policy(name))
	setDefault(h, "X-Content-Type-Options", "nosniff")
	// not no-referrer: with it browsers send "Origin: null" with a form, and
	// the cross-origin check would refuse the page's own form
	setDefault(h, "Referrer-Policy", "same-origin")
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, err = w.Write(body)
	return err
}

func (p *Pages) policy(name string) string {
	if name == "gateway.html" {
		return p.csp.gateway
	}
	return p.csp.others
}

// Site is how the pages call the site that r asks for: Look.SiteName, or the
// host name without its port. The host name is the client's word.
func (p *Pages) Site(r *http.Request) string {
	if p.look.SiteName != "" {
		return p.look.SiteName
	}
	if host, _, err := net.SplitHostPort(r.Host); err == nil {
		return host
	}
	return strings.Trim(r.Host, "[]")
}

// Render executes the page called name with data into memory.
func (p *Pages) Render(name string, data any) ([]byte, error) {
	page := p.pages[name]
	if page == nil {
		return nil, fmt.Errorf("templates: no page %q", name)
	}
	var buf bytes.Buffer
	if err := page.Execute(&buf, data); err != nil {
		return nil, fmt.Errorf("templates: rendering %s: %w", name, err)
	}
	return buf.Bytes(), nil
}

func setDefault(h http.Header, key, value string) {
	if _, set := h[key]; !set {
		h.Set(key, value)
	}
}
