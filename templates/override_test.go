package templates_test

import (
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gin-perimeter/gin-perimeter/templates"
)

func files(pairs ...string) fstest.MapFS {
	made := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		made[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return made
}

func TestOverridesReplaceSingleFiles(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name    string
		files   fs.FS
		gateway string // what both pages must hold
		notice  string
	}{
		{"a page", files("notice.html", `<!doctype html><title>{{.Heading}}</title><p>Ours: {{.Text}}`), "Enter site", "Ours: &lt;b&gt;"},
		{"a page that uses partials", files("notice.html", `{{template "_head.html" .}}<p>{{template "_help.html" .Text}}`), "Enter site", "color-scheme"},
		{"a partial", files("_head.html", `<meta charset="utf-8"><meta name="theme-color" content="#123456"><style>{{style}}</style>`), "theme-color", "theme-color"},
		{"a partial of the host's own", files("_logo.html", `<img src="/static/logo.png" alt="Acme">`, "notice.html", `{{template "_logo.html"}}`), "Enter site", `<img src="/static/logo.png" alt="Acme">`},
		{"a partial in a folder", files("parts/_logo.html", `<b>Acme</b>`, "notice.html", `{{template "parts/_logo.html"}}`), "Enter site", `<b>Acme</b>`},
		{"the stylesheet", files("style.css", "/* ours */ main { color: teal }"), "/* ours */ main { color: teal }", "/* ours */ main { color: teal }"},
		{"the script", files("gateway.js", "// ours\n  go();"), "// ours\n  go();", "<b"},
		{"files of other kinds", files("README.md", "Our pages.", "logo.svg", "<svg/>"), "Enter site", "&lt;b&gt;"},
		{"nothing", files(), "Enter site", "&lt;b&gt;"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			pages := newPages(t, templates.Look{Overrides: c.files})
			gateway := string(render(t, pages, "gateway.html", templates.Gateway{}))
			if !strings.Contains(gateway, c.gateway) {
				t.Errorf("gateway lacks %q:\n%s", c.gateway, gateway)
			}
			notice := string(render(t, pages, "notice.html", templates.Notice{Text: "<b>"}))
			if !strings.Contains(notice, c.notice) {
				t.Errorf("notice lacks %q:\n%s", c.notice, notice)
			}
		})
	}
}

func TestPolicyHoldsForOverrides(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, css, js string }{
		{"line ends of Windows and old Macs", "main {\r\n\tcolor: teal;\r}\r\n", "go();\r\nstop();\r"},
		{"a byte order mark", "\ufeffmain { color: teal }", "\ufeffgo();"},
		{"signs that HTML escapes", `main > a::before { content: "<&'\"" }`, `if (a < b && c > d) { e = "<p>'" }`},
		{"text beyond ASCII", `main::before { content: "→ é 𝕏" }`, `say("→ é 𝕏")`},
		{"space around it", "\n\n main { color: teal }\n\n", "\n\n go();\n\n"},
		{"nothing", "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			pages := newPages(t, templates.Look{Overrides: files("style.css", c.css, "gateway.js", c.js)})
			w := httptest.NewRecorder()
			if err := pages.Write(w, http.StatusOK, "gateway.html", templates.Gateway{}); err != nil {
				t.Fatal(err)
			}
			checkPolicy(t, w)
		})
	}
}

var errDisk = errors.New("disk gone")

// brokenFS has everything and can open nothing.
type brokenFS struct{}

func (brokenFS) Open(string) (fs.File, error) { return nil, errDisk }

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name string
		look templates.Look
		want []string // each stands in the error
	}{
		{"an accent by name", templates.Look{Accent: "teal"}, []string{`Look.Accent "teal"`, "write #rgb or #rrggbb"}},
		{"an accent of four digits", templates.Look{Accent: "#1234"}, []string{`Look.Accent "#1234"`}},
		{"an accent that is no number", templates.Look{Accent: "#12345g"}, []string{`Look.Accent "#12345g"`}},
		{"an accent with a sign", templates.Look{Accent: "#+12345"}, []string{`Look.Accent "#+12345"`}},
		{"an accent that breaks out", templates.Look{Accent: "red}</style>"}, []string{"Look.Accent"}},
		{"a stylesheet that ends early", templates.Look{Overrides: files("style.css", "a{}</STYLE ><script>")}, []string{"style.css", "</style"}},
		{"a script that ends early", templates.Look{Overrides: files("gateway.js", `x = "</ScRiPt>"`)}, []string{"gateway.js", "</script"}},
		{"a script that opens a comment", templates.Look{Overrides: files("gateway.js", `x = "<!--"`)}, []string{"gateway.js", "<!--"}},
		{"a script that opens a script", templates.Look{Overrides: files("gateway.js", `x = "<script"`)}, []string{"gateway.js", "<script"}},
		{"a stylesheet that is no UTF-8", templates.Look{Overrides: files("style.css", "a{content:'\xe9'}")}, []string{"style.css", "UTF-8"}},
		{"a script with NUL", templates.Look{Overrides: files("gateway.js", "a\x00b")}, []string{"gateway.js", "NUL"}},
		{"a page that does not parse", templates.Look{Overrides: files("notice.html", "{{if}}")}, []string{"notice.html"}},
		{"a partial that does not parse", templates.Look{Overrides: files("_head.html", "{{end}}")}, []string{"_head.html"}},
		{"a page with an unknown field", templates.Look{Overrides: files("gateway.html", "{{.Tokken}}")}, []string{"gateway.html", "Tokken"}},
		{"a page with an unknown partial", templates.Look{Overrides: files("notice.html", `{{template "_foot.html"}}`)}, []string{"_foot.html"}},
		{"a page that cannot be escaped", templates.Look{Overrides: files("notice.html", `<a href="{{if .Link}}x{{else}}"{{end}}>`)}, []string{"notice.html"}},
		{"a mistake that only shows with an error", templates.Look{Overrides: files("gateway.html", `{{with .TokenError}}{{.Text}}{{end}}`)}, []string{"gateway.html", "Text"}},
		{"a name that replaces nothing", templates.Look{Overrides: files("gatway.html", "x")}, []string{`"gatway.html"`, "replaces nothing", "gateway.html"}},
		{"a folder too high", templates.Look{Overrides: files("pages/style.css", "")}, []string{`"pages/style.css"`, "fs.Sub"}},
		{"files that cannot be read", templates.Look{Overrides: brokenFS{}}, []string{"disk gone"}},
		{"everything at once", templates.Look{Accent: "teal", Overrides: files("style.css", "</style", "gateway.js", "<!--", "notice.html", "{{", "x.html", "")},
			[]string{"Look.Accent", "</style", "<!--", "notice.html", `"x.html"`}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for kind, newPages := range map[string]func(templates.Look) (*templates.Pages, error){
				"New": templates.New, "NewForVisitors": templates.NewForVisitors,
			} {
				pages, err := newPages(c.look)
				if err == nil || pages != nil {
					t.Fatalf("%s gives pages %v, error %v", kind, pages, err)
				}
				for _, want := range c.want {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%s: error %q does not say %q", kind, err, want)
					}
				}
			}
		})
	}
}

func TestNewForVisitors(t *testing.T) {
	t.Parallel()
	overrides := files("admin/tokens.html", "{{if}}", "notice.html", "<title>own</title>{{.Heading}}")
	pages, err := templates.NewForVisitors(templates.Look{Overrides: overrides})
	if err != nil {
		t.Fatal("a mistake in the admin's pages is no visitor's: ", err)
	}
	if body := render(t, pages, "notice.html", templates.Notice{Heading: "Hello"}); !strings.Contains(string(body), "<title>own</title>Hello") {
		t.Errorf("the notice is %s", body)
	}
	render(t, pages, "gateway.html", templates.Gateway{})
	if _, err := pages.Render("admin/problem.html", nil); err == nil {
		t.Error("the admin's pages are there, too")
	}
	if _, err := templates.New(templates.Look{Overrides: overrides}); err == nil {
		t.Error("New says nothing of a page that does not parse")
	}
}

// The frame of the admin's pages, seen through a page that uses it.
func TestAdminFrame(t *testing.T) {
	t.Parallel()
	const page = `{{if eq .Site "Acme <b>"}}{{template "admin/_layout.html" .}}{{end}}
{{define "title"}}Tokens{{end}}
{{define "actions"}}<a class="button" href="/new">New token</a>{{end}}
{{define "width"}}narrow{{end}}
{{define "main"}}<p>{{.Answer}}</p>{{end}}`
	type data struct {
		templates.Frame
		Answer string
	}
	pages := newPages(t, templates.Look{Overrides: files("notice.html", page)})
	body := render(t, pages, "notice.html", data{Answer: "None <i>yet", Frame: templates.Frame{
		Site: "Acme <b>", Actor: "admin<script>", Flash: "Made “Acme” & more.",
		Nav: []templates.NavItem{{Label: "Overview", Href: "/a/"}, {Label: "Tokens", Href: "/a/tokens", Current: true}}}})
	root := parse(t, body)
	checkDocument(t, root)
	checkReferences(t, root)
	compareGolden(t, "admin frame", body)
	if got := text(one(t, root, "title", tag("title"))); got != "Tokens – Acme <b>" {
		t.Errorf("title is %q", got)
	}
	current := one(t, root, "current page", having("aria-current"))
	if text(current) != "Tokens" {
		t.Errorf("the current page is %q", text(current))
	}
	if class, _ := attr(one(t, root, "main", tag("main")), "class"); class != "page narrow" {
		t.Errorf("main's class is %q", class)
	}
	for _, want := range []string{"Signed in as admin<script>", "Made “Acme” & more.", "None <i>yet", "New token"} {
		if !strings.Contains(words(root), want) {
			t.Errorf("page lacks %q", want)
		}
	}
}
