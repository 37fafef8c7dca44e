package ginviewpass_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"html"
	"html/template"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/gin-gonic/gin/render"

	"github.com/gin-perimeter/gin-perimeter/ginviewpass"
)

// writeFiles makes a folder of templates and returns a pattern for all of it.
func writeFiles(tb testing.TB, files map[string]string) string {
	tb.Helper()
	dir := tb.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return filepath.Join(dir, "*")
}

// page returns a handler that renders page.html.
func page(c *gin.Context) { c.HTML(http.StatusOK, "page.html", gin.H{"Title": "Report"}) }

// linkIn returns the address of the only link of a page.
func linkIn(tb testing.TB, w *httptest.ResponseRecorder) string {
	tb.Helper()
	found := regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(w.Body.String(), -1)
	if w.Code != http.StatusOK || len(found) != 1 {
		tb.Fatalf("status %d, body %q", w.Code, w.Body)
	}
	return html.UnescapeString(found[0][1])
}

// load gives an engine templates as a host does, in the mode given. It must
// not run beside another test: the mode is global.
func load(engine *gin.Engine, mode, pattern string) {
	gin.SetMode(mode)
	defer gin.SetMode(gin.ReleaseMode)
	engine.LoadHTMLGlob(pattern)
}

// setups are the ways in which hosts wire templates and engine.
var setups = []struct {
	name string
	wire func(tb testing.TB, engine *gin.Engine, links *ginviewpass.Links, files map[string]string)
}{
	{"in release mode", func(tb testing.TB, engine *gin.Engine, links *ginviewpass.Links, files map[string]string) {
		links.Templates(engine)
		load(engine, gin.ReleaseMode, writeFiles(tb, files))
		engine.Use(links.Middleware())
	}},
	{"in debug mode", func(tb testing.TB, engine *gin.Engine, links *ginviewpass.Links, files map[string]string) {
		links.Templates(engine)
		load(engine, gin.DebugMode, writeFiles(tb, files))
		engine.Use(links.Middleware())
	}},
	{"with templates loaded after the middleware", func(tb testing.TB, engine *gin.Engine, links *ginviewpass.Links, files map[string]string) {
		links.Templates(engine)
		engine.Use(links.Middleware())
		load(engine, gin.ReleaseMode, writeFiles(tb, files))
	}},
	{"with Templates after the middleware", func(tb testing.TB, engine *gin.Engine, links *ginviewpass.Links, files map[string]string) {
		engine.Use(links.Middleware())
		links.Templates(engine)
		load(engine, gin.ReleaseMode, writeFiles(tb, files))
	}},
	{"with templates that the host parses", func(tb testing.TB, engine *gin.Engine, links *ginviewpass.Links, files map[string]string) {
		links.Templates(engine)
		set := template.New("").Funcs(ginviewpass.FuncMap())
		for name, content := range files {
			template.Must(set.New(name).Parse(content))
		}
		engine.SetHTMLTemplate(set)
		engine.Use(links.Middleware())
	}},
	{"with a renderer of the host's", func(tb testing.TB, engine *gin.Engine, links *ginviewpass.Links, files map[string]string) {
		links.Templates(engine)
		set := template.New("").Funcs(engine.FuncMap)
		for name, content := range files {
			template.Must(set.New(name).Parse(content))
		}
		engine.HTMLRender = hostRenderer{set}
		engine.Use(links.Middleware())
	}},
	{"behind middlewares that wrap the writer", func(tb testing.TB, engine *gin.Engine, links *ginviewpass.Links, files map[string]string) {
		links.Templates(engine)
		load(engine, gin.ReleaseMode, writeFiles(tb, files))
		engine.Use(links.Middleware(), wrapWriter, wrapWriter)
	}},
	{"before middlewares that wrap the writer", func(tb testing.TB, engine *gin.Engine, links *ginviewpass.Links, files map[string]string) {
		engine.Use(wrapWriter)
		links.Templates(engine)
		load(engine, gin.ReleaseMode, writeFiles(tb, files))
		engine.Use(wrapWriter, links.Middleware())
	}},
}

// hostRenderer is what multitemplate and its like are.
type hostRenderer struct{ set *template.Template }

func (r hostRenderer) Instance(name string, data any) render.Render {
	return render.HTML{Template: r.set.Lookup(name), Data: data}
}

// wrapWriter does what middlewares for compression, caching and measuring do.
func wrapWriter(c *gin.Context) {
	w := &countingWriter{ResponseWriter: c.Writer}
	c.Writer = w
	c.Next()
	c.Writer = w.ResponseWriter
}

type countingWriter struct {
	gin.ResponseWriter
	count int
}

func (w *countingWriter) Write(b []byte) (int, error) {
	n, err := w.ResponseWriter.Write(b)
	w.count += n
	return n, err
}

func TestViewpassURLKnowsThePage(t *testing.T) {
	files := map[string]string{"page.html": `<h1>{{ .Title }}</h1><a href="{{ viewpassURL "reporting.view_report" }}">Get public URL</a>`}
	for _, setup := range setups {
		links := newLinks(t, ginviewpass.Config{})
		engine := newEngine()
		setup.wire(t, engine, links, files)
		engine.GET("/pages/:id", page)
		for _, test := range []struct{ asked, signed string }{
			{"/pages/1", "/pages/1"},
			{"/pages/2", "/pages/2"},
			{"/pages/1?year=2026&q=a+b", "/pages/1?year=2026&q=a+b"},
			{"/pages/1?utm_source=mail", "/pages/1"},
			{"/pages/%C3%BC", "/pages/%C3%BC"},
			{"/pages/1?viewpass=expired-or-damaged", "/pages/1"},
		} {
			got := linkIn(t, browse(engine, "GET", test.asked))
			if want := mustURL(t, links, test.signed, permission); got != want {
				t.Errorf("%s: on %s: %s; want %s", setup.name, test.asked, got, want)
			}
		}
	}
}

func TestViewpassURLOnAPageOpenedByALink(t *testing.T) {
	files := map[string]string{"page.html": `<a href="{{ with viewpassURL "reporting.view_report" }}{{ . }}{{ else }}none{{ end }}">x</a>`}
	other := map[string]string{"page.html": `<a href="{{ with viewpassURL "reporting.edit" }}{{ . }}{{ else }}none{{ end }}">x</a>`}
	for _, setup := range setups {
		links := newLinks(t, ginviewpass.Config{})
		for _, test := range []struct {
			name  string
			files map[string]string
			found bool
		}{{"of the same permission", files, true}, {"of another permission", other, false}} {
			engine := newEngine()
			setup.wire(t, engine, links, test.files)
			engine.GET("/report/", links.Require(permission), page)
			link := mustURL(t, links, "/report/?b=2&a=1", permission, ginviewpass.NeverExpires())
			want := link
			if !test.found {
				want = "none"
			}
			for _, asked := range []string{link, link + "&utm_source=mail"} {
				if got := linkIn(t, browse(engine, "GET", asked)); got != want {
					t.Errorf("%s, %s: %s; want %s", setup.name, test.name, got, want)
				}
			}
		}
	}
}

func TestWhoIsGivenALink(t *testing.T) {
	t.Parallel()
	yes := func(c *gin.Context, permission string) bool { return true }
	staff := func(c *gin.Context, permission string) bool { return c.GetHeader("User") == permission }
	issuer := newLinks(t, ginviewpass.Config{})
	opened := mustURL(t, issuer, "/report/?a=1", permission)
	for _, test := range []struct {
		name      string
		authorize func(*gin.Context, string) bool
		user      string
		method    string
		asked     string
		call      []string
		want      string // "" for none, NEW and a page for a new link
	}{
		{"the author decides", nil, "", "GET", "/report/?a=1", []string{permission}, "NEW /report/?a=1"},
		{"the author decides, for another page", nil, "", "GET", "/report/", []string{permission, "/other/?b=2"}, "NEW /other/?b=2"},
		{"the host says yes", staff, permission, "GET", "/report/", []string{permission}, "NEW /report/"},
		{"the host says yes, for another page", staff, permission, "GET", "/report/", []string{permission, "/other/"}, "NEW /other/"},
		{"the host says no", staff, "somebody", "GET", "/report/", []string{permission}, ""},
		{"the host says no, for another page", staff, "somebody", "GET", "/report/", []string{permission, "/other/"}, ""},
		{"an expired link, the host says yes", staff, permission, "GET", "/report/?viewpass=EXPIRED", []string{permission}, "NEW /report/"},
		{"a damaged link, the host says no", staff, "", "GET", "/report/?viewpass=x", []string{permission}, ""},

		{"opened by a link", nil, "", "GET", opened, []string{permission}, opened},
		{"opened by a link, whatever the host says", yes, "", "GET", opened, []string{permission}, opened},
		{"opened by a link, naming the page", nil, "", "GET", opened, []string{permission, "/report/?a=1"}, opened},
		{"opened by a link, naming the page by another spelling", nil, "", "GET", opened, []string{permission, "/%72eport/?utm_source=x&%61=1"}, opened},
		{"opened by a link, for another query", nil, "", "GET", opened, []string{permission, "/report/"}, ""},
		{"opened by a link, for another page", nil, "", "GET", opened, []string{permission, "/other/"}, ""},
		{"opened by a link, for another page, whatever the host says", yes, "", "GET", opened, []string{permission, "/other/"}, ""},
		{"opened by a link, for another permission", nil, "", "GET", opened, []string{"reporting.edit"}, ""},
		{"a form sent from a page opened by a link", nil, "", "POST", opened, []string{permission}, opened},
		{"a form sent from a page opened by a link, for another page", nil, "", "POST", opened, []string{permission, "/other/"}, ""},

		{"a page that cannot be linked to", nil, "", "GET", "/report/?a=%zz", []string{permission}, ""},
		{"a page with a semicolon in its query", nil, "", "GET", "/report/?a;b", []string{permission}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			links := newLinks(t, ginviewpass.Config{Authorize: test.authorize, BaseURL: "https://www.example.com"})
			expired := newLinks(t, ginviewpass.Config{Now: at(noon.Add(-2 * month))})
			asked := strings.ReplaceAll(test.asked, "EXPIRED", tokenOf(t, mustURL(t, expired, "/report/", permission)))
			want := test.want
			if target, ok := strings.CutPrefix(want, "NEW "); ok {
				want = mustURL(t, links, target, permission)
			}
			engine := newEngine()
			engine.Use(links.Middleware())
			engine.Any("/report/", func(c *gin.Context) {
				got, err := links.Page(c).URL(test.call[0], test.call[1:]...)
				if err != nil || got != want {
					t.Errorf("%q, error %v; want %q", got, err, want)
				}
			})
			if w := send(engine, test.method, asked, http.Header{"User": {test.user}}); w.Code != 200 {
				t.Errorf("status %d", w.Code)
			}
		})
	}
}

func TestNoLinkToARewrittenPage(t *testing.T) {
	t.Parallel()
	links := newLinks(t, ginviewpass.Config{})
	engine := newEngine()
	engine.Use(links.Middleware())
	engine.GET("/short", func(c *gin.Context) {
		c.Request.URL.Path = "/report/"
		engine.HandleContext(c)
	})
	engine.GET("/report/", func(c *gin.Context) {
		if got, err := links.Page(c).URL(permission); got != "" || err != nil {
			t.Errorf("%q, error %v", got, err)
		}
	})
	browse(engine, "GET", mustURL(t, links, "/short", permission))
}

func TestMistakesInATemplate(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, content, want string
	}{
		{"no permission", `{{ viewpassURL "" }}`, "not a permission"},
		{"a foreign target", `{{ viewpassURL "a" "//evil.example" }}`, "cannot make a link to this target"},
		{"two targets", `{{ viewpassURL "a" "/b" "/c" }}`, "at most one path"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			links := newLinks(t, ginviewpass.Config{})
			var failed error
			engine := newEngine()
			engine.Use(func(c *gin.Context) {
				c.Next()
				failed = c.Errors.Last()
			})
			links.Templates(engine)
			engine.SetHTMLTemplate(template.Must(template.New("page.html").Funcs(engine.FuncMap).Parse("<p>first half</p>" + test.content)))
			engine.GET("/", page)
			w := browse(engine, "GET", "/")
			if w.Code != http.StatusInternalServerError || w.Body.Len() != 0 {
				t.Errorf("status %d, body %q; want 500 and nothing of the page", w.Code, w.Body)
			}
			if failed == nil || !strings.Contains(failed.Error(), test.want) {
				t.Errorf("error %v; want %q", failed, test.want)
			}
		})
	}
}

func TestAMissingCallOfTemplatesIsNamed(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		render func(*gin.Context)
		text   string
		want   string
	}{
		{"by c.HTML", page, `{{ viewpassURL "a" }}`, "call links.Templates(engine)"},
		{"by HTML", func(c *gin.Context) { ginviewpass.HTML(c, 200, "page.html", nil) }, `{{ viewpassURL "a" }}`, "call links.Templates(engine)"},
		{"by HTML, with data", func(c *gin.Context) { ginviewpass.HTML(c, 200, "page.html", nil) }, `{{ .Title }}`, "linksTemplatesWasNotCalled"},
	} {
		links := newLinks(t, ginviewpass.Config{})
		var failed error
		engine := newEngine()
		engine.Use(links.Middleware(), func(c *gin.Context) {
			c.Next()
			failed = c.Errors.Last()
		})
		engine.SetHTMLTemplate(template.Must(template.New("page.html").Funcs(ginviewpass.FuncMap()).Parse(test.text)))
		engine.GET("/", test.render)
		browse(engine, "GET", "/")
		if failed == nil || !strings.Contains(failed.Error(), test.want) {
			t.Errorf("%s: error %v; want %q", test.name, failed, test.want)
		}
	}
}

func TestAPageOutsideOfARequest(t *testing.T) {
	t.Parallel()
	if got, err := (ginviewpass.Page{}).URL(permission); got != "" || err == nil {
		t.Errorf("%q, error %v", got, err)
	}
}

func TestATemplateThatRanElsewhereIsNamed(t *testing.T) {
	t.Parallel()
	links := newLinks(t, ginviewpass.Config{})
	set := template.Must(template.New("page.html").Parse("x"))
	if err := set.Execute(io.Discard, nil); err != nil {
		t.Fatal(err)
	}
	var failed error
	engine := newEngine()
	engine.Use(func(c *gin.Context) {
		c.Next()
		failed = c.Errors.Last()
	})
	links.Templates(engine)
	engine.SetHTMLTemplate(set)
	engine.GET("/", page)
	if w := browse(engine, "GET", "/"); w.Code != 500 || failed == nil || !strings.Contains(failed.Error(), "give the engine a Clone") {
		t.Errorf("status %d, error %v", w.Code, failed)
	}
}

// The host's own delimiters, a layout, and blocks that pages fill in.
func TestLayoutsAndBlocks(t *testing.T) {
	files := map[string]string{
		"layout.html": `<< define "layout" >><title><< .Title >></title><nav><< block "share" . >>nothing to share<< end >></nav><< end >>`,
		"share.html":  `<< define "share" >><a href="<< viewpassURL "reporting.view_report" >>">Get public URL</a><< end >>`,
		"page.html":   `<< template "layout" . >>`,
	}
	for _, mode := range []string{gin.ReleaseMode, gin.DebugMode} {
		links := newLinks(t, ginviewpass.Config{})
		engine := newEngine()
		engine.Delims("<<", ">>")
		links.Templates(engine)
		load(engine, mode, writeFiles(t, files))
		engine.GET("/report/", page)
		for range 2 {
			w := browse(engine, "GET", "/report/")
			if got, want := linkIn(t, w), mustURL(t, links, "/report/", permission); got != want {
				t.Errorf("%s: %s; want %s", mode, got, want)
			}
			if !strings.Contains(w.Body.String(), "<title>Report</title>") || strings.Contains(w.Body.String(), "nothing to share") {
				t.Errorf("%s: %s", mode, w.Body)
			}
		}
	}
}

// The function returns plain text, so html/template escapes it for where it
// stands.
func TestEscapingStaysIntact(t *testing.T) {
	t.Parallel()
	links := newLinks(t, ginviewpass.Config{})
	engine := newEngine()
	engine.Use(func(c *gin.Context) {
		c.Next()
		if len(c.Errors) > 0 {
			t.Error(c.Errors)
		}
	})
	links.Templates(engine)
	engine.SetHTMLTemplate(template.Must(template.New("page.html").Funcs(engine.FuncMap).Parse(
		`<a href="{{ viewpassURL "p" }}">{{ viewpassURL "p" }}</a>
<a href="/mail?body={{ viewpassURL "p" }}">x</a>
<script>var link = {{ viewpassURL "p" }};</script>
<b title={{ .Evil }}>{{ .Evil }}</b>`)))
	engine.GET("/a", func(c *gin.Context) { c.HTML(200, "page.html", gin.H{"Evil": `"><script>`}) })
	link := mustURL(t, links, "/a?b=1&c=%22%3C", "p")
	body := browse(engine, "GET", "/a?b=1&c=%22%3C").Body.String()
	attribute := strings.ReplaceAll(link, "&", "&amp;")
	for _, want := range []string{
		`<a href="` + attribute + `">` + attribute + `</a>`,
		`body=%2fa%3fb%3d1%26c%3d%2522%253C%26viewpass%3d`,
		`var link = "/a?b=1\u0026c=%22%3C\u0026viewpass=`,
		`<b title=&#34;&gt;&lt;script&gt;>&#34;&gt;&lt;script&gt;</b>`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("%s is missing in: %s", want, body)
		}
	}
}

func TestHTMLWorksWithoutTheWriter(t *testing.T) {
	t.Parallel()
	links := newLinks(t, ginviewpass.Config{})
	engine := newEngine()
	links.Templates(engine)
	engine.SetHTMLTemplate(template.Must(template.New("page.html").Funcs(engine.FuncMap).Parse(
		`<title>{{ .Title }}</title><a href="{{ viewpassURL "reporting.view_report" }}">x</a>`)))
	engine.Use(func(c *gin.Context) { c.Writer = opaqueWriter{c.Writer} })
	engine.GET("/plain", func(c *gin.Context) { ginviewpass.HTML(c, 200, "page.html", gin.H{"Title": "Report"}) })
	engine.GET("/magic", page)
	w := browse(engine, "GET", "/plain")
	if got, want := linkIn(t, w), mustURL(t, links, "/plain", permission); got != want {
		t.Errorf("%s; want %s", got, want)
	}
	if !strings.Contains(w.Body.String(), "<title>Report</title>") {
		t.Errorf("the data is lost: %s", w.Body)
	}
	if w := browse(engine, "GET", "/magic"); w.Code != 500 {
		t.Errorf("by c.HTML: status %d, body %s", w.Code, w.Body)
	}
}

// opaqueWriter lets nothing through that tells the request.
type opaqueWriter struct{ gin.ResponseWriter }

func (opaqueWriter) Pusher() http.Pusher { return nil }

func TestPageIsAValueForTemplates(t *testing.T) {
	t.Parallel()
	links := newLinks(t, ginviewpass.Config{})
	engine := newEngine()
	engine.SetHTMLTemplate(template.Must(template.New("page.html").Parse(
		`<a href="{{ .Viewpass.URL "reporting.view_report" "/other/" }}">x</a>`)))
	engine.GET("/", func(c *gin.Context) { c.HTML(200, "page.html", gin.H{"Viewpass": links.Page(c)}) })
	if got, want := linkIn(t, browse(engine, "GET", "/")), mustURL(t, links, "/other/", permission); got != want {
		t.Errorf("%s; want %s", got, want)
	}
}

func TestAFunctionOnTheEngineBehind(t *testing.T) {
	t.Parallel()
	links := newLinks(t, ginviewpass.Config{})
	inner := newEngine()
	links.Templates(inner)
	inner.SetHTMLTemplate(template.Must(template.New("page.html").Funcs(inner.FuncMap).Parse(
		`<a href="{{ viewpassURL "reporting.view_report" }}">x</a>`)))
	inner.GET("/report/", links.Require(permission), page)
	outer := newEngine()
	outer.Use(links.Middleware())
	outer.NoRoute(func(c *gin.Context) {
		c.Status(http.StatusOK)
		inner.ServeHTTP(c.Writer, c.Request)
	})
	link := mustURL(t, links, "/report/", permission, ginviewpass.NeverExpires())
	if got := linkIn(t, browse(outer, "GET", link)); got != link {
		t.Errorf("%s; want %s", got, link)
	}
}

func TestOtherRenderersAreLeftAlone(t *testing.T) {
	t.Parallel()
	links := newLinks(t, ginviewpass.Config{})
	engine := newEngine()
	links.Templates(engine)
	engine.HTMLRender = textRenderer{}
	engine.GET("/", page)
	if w := browse(engine, "GET", "/"); w.Body.String() != "page.html" {
		t.Errorf("body %q", w.Body)
	}
}

type textRenderer struct{}

func (textRenderer) Instance(name string, _ any) render.Render { return render.String{Format: name} }

func TestAnEngineWithoutTemplates(t *testing.T) {
	t.Parallel()
	links := newLinks(t, ginviewpass.Config{})
	engine := newEngine()
	engine.FuncMap = nil
	links.Templates(engine)
	engine.GET("/", func(c *gin.Context) { c.String(200, "x") })
	if w := browse(engine, "GET", "/"); w.Code != 200 {
		t.Errorf("status %d", w.Code)
	}
}

// More templates than are kept: each page still gets its link.
func TestARendererThatParsesForEachPage(t *testing.T) {
	t.Parallel()
	links := newLinks(t, ginviewpass.Config{})
	engine := newEngine()
	links.Templates(engine)
	engine.HTMLRender = parsingRenderer{}
	engine.GET("/pages/:id", page)
	for i := range 300 {
		path := fmt.Sprintf("/pages/%d", i)
		if got, want := linkIn(t, browse(engine, "GET", path)), mustURL(t, links, path, permission); got != want {
			t.Fatalf("%s; want %s", got, want)
		}
	}
}

type parsingRenderer struct{}

func (parsingRenderer) Instance(name string, data any) render.Render {
	set := template.Must(template.New(name).Funcs(ginviewpass.FuncMap()).Parse(`<a href="{{ viewpassURL "reporting.view_report" }}">x</a>`))
	return render.HTML{Template: set, Data: data}
}

// Real requests, many at a time, through a compressing middleware: each page
// has its own link and no other's.
func TestConcurrentPagesAreNotMixedUp(t *testing.T) {
	files := map[string]string{
		"layout.html": `{{ define "layout" }}{{ .Title }} {{ block "share" . }}{{ end }}{{ end }}`,
		"share.html":  `{{ define "share" }}<a href="{{ viewpassURL "reporting.view_report" }}">x</a>{{ end }}`,
		"page.html":   `{{ template "layout" . }}`,
	}
	for _, mode := range []string{gin.ReleaseMode, gin.DebugMode} {
		links := newLinks(t, ginviewpass.Config{})
		engine := newEngine()
		links.Templates(engine)
		load(engine, mode, writeFiles(t, files))
		engine.Use(links.Middleware(), compress)
		engine.GET("/pages/:id", page)
		server := httptest.NewServer(engine)
		var group sync.WaitGroup
		for i := range 200 {
			group.Go(func() {
				path := fmt.Sprintf("/pages/%d", i)
				body, err := get(server, path)
				want := html.EscapeString(mustURL(t, links, path, permission))
				if err != nil || !strings.Contains(body, `href="`+want+`"`) || strings.Count(body, "viewpass") != 1 {
					t.Errorf("%s: on %s: %q, error %v", mode, path, body, err)
				}
			})
		}
		group.Wait()
		server.Close()
	}
}

func get(server *httptest.Server, path string) (string, error) {
	response, err := server.Client().Get(server.URL + path)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	if !response.Uncompressed {
		return "", errors.New("the answer was not compressed")
	}
	body, err := io.ReadAll(response.Body)
	return string(body), err
}

// compress is a gzip middleware of the usual build.
func compress(c *gin.Context) {
	zip := gzip.NewWriter(c.Writer)
	c.Header("Content-Encoding", "gzip")
	c.Writer = &zipWriter{ResponseWriter: c.Writer, zip: zip}
	c.Next()
	_ = zip.Close()
}

type zipWriter struct {
	gin.ResponseWriter
	zip *gzip.Writer
}

func (w *zipWriter) Write(b []byte) (int, error)       { return w.zip.Write(b) }
func (w *zipWriter) WriteString(s string) (int, error) { return io.WriteString(w.zip, s) }

// What a page does to its writer still reaches the server.
func TestTheWriterStaysWhatItWas(t *testing.T) {
	t.Parallel()
	links := newLinks(t, ginviewpass.Config{})
	engine := newEngine()
	links.Templates(engine)
	engine.GET("/stream", func(c *gin.Context) {
		control := http.NewResponseController(c.Writer)
		if err := errors.Join(control.SetWriteDeadline(time.Now().Add(time.Minute)), control.Flush()); err != nil {
			t.Errorf("the controls of the answer: %v", err)
		}
		if pusher := c.Writer.Pusher(); pusher != nil {
			t.Errorf("a Pusher over HTTP/1.1: %T", pusher)
		}
		_, _ = io.Copy(c.Writer, bytes.NewReader([]byte("streamed")))
	})
	server := httptest.NewServer(engine)
	t.Cleanup(server.Close)
	response, err := server.Client().Get(server.URL + "/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); string(body) != "streamed" || response.ContentLength != -1 {
		t.Errorf("body %q, length %d", body, response.ContentLength)
	}
}
