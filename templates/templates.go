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
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed html
var embedded embed.FS

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
	// "admin/…". Files that it lacks come from the embedded set.
	// It is trusted as the program's own code is. Default: nil.
	Overrides fs.FS
}

// Pages is a parsed set of pages. It is safe for concurrent use.
type Pages struct {
	look  Look
	pages map[string]*template.Template
	csp   string
	css   template.CSS
	js    template.JS
}

// New parses the embedded pages and look.Overrides. It returns one error that
// lists every mistake in look.
func New(look Look) (*Pages, error) {
	accent, accentErr := parseAccent(look.Accent)
	p := &Pages{look: look, pages: make(map[string]*template.Template)}
	files := overlay{over: look.Overrides, base: embeddedHTML()}
	css, cssErr := fs.ReadFile(files, "style.css")
	js, jsErr := fs.ReadFile(files, "gateway.js")
	if err := errors.Join(accentErr, cssErr, jsErr); err != nil {
		return nil, err
	}
	p.css = template.CSS(accent.css() + string(css))
	p.js = template.JS(js)
	p.csp = "default-src 'none'; style-src '" + hashSource(string(p.css)) +
		"'; script-src '" + hashSource(string(p.js)) +
		"'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	return p, p.parse(files)
}

func embeddedHTML() fs.FS {
	sub, err := fs.Sub(embedded, "html")
	if err != nil {
		panic("templates: " + err.Error()) // the folder is compiled in
	}
	return sub
}

// parse gives every page its own template set with the shared partials:
// files whose name begins with an underscore.
func (p *Pages) parse(files overlay) error {
	partials := []string{}
	pages := []string{}
	err := fs.WalkDir(files.base, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".html" {
			return err
		}
		if strings.HasPrefix(path.Base(name), "_") {
			partials = append(partials, name)
		} else {
			pages = append(pages, name)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("templates: %w", err)
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
	setDefault(h, "Content-Security-Policy", p.csp)
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

// hashSource is the CSP source expression of an inline style or script
// (CSP Level 3, section 2.3.1).
func hashSource(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// overlay reads a file from over where it has it, else from base.
type overlay struct{ over, base fs.FS }

func (o overlay) Open(name string) (fs.File, error) {
	if o.over != nil {
		f, err := o.over.Open(name)
		if !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
	}
	return o.base.Open(name)
}
