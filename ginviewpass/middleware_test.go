package ginviewpass_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/gin-perimeter/gin-perimeter/ginviewpass"
	"github.com/gin-perimeter/gin-perimeter/templates"
)

// site is an engine with a guarded report, and tells whether its handler ran.
type site struct {
	*gin.Engine
	ran bool
}

func newSite(links *ginviewpass.Links) *site {
	s := &site{Engine: newEngine()}
	s.Use(links.Middleware())
	report := func(c *gin.Context) {
		s.ran = true
		c.String(http.StatusOK, "the report")
	}
	for _, path := range []string{"/report/", "/other/", "/archive/:year", "/a b", "/a+b", "/bücher/"} {
		s.GET(path, links.Require(permission), report)
		s.HEAD(path, links.Require(permission), report)
		s.POST(path, links.Require(permission), report)
		s.DELETE(path, links.Require(permission), report)
	}
	return s
}

func TestRequire(t *testing.T) {
	t.Parallel()
	later := noon.Add(time.Hour)
	issuer := newLinks(t, ginviewpass.Config{})
	token := tokenOf(t, mustURL(t, issuer, "/report/", permission))
	withQuery := tokenOf(t, mustURL(t, issuer, "/report/?year=2026", permission))
	head, tail, _ := strings.Cut(token, ":")
	stranger := newLinks(t, ginviewpass.Config{Keys: [][]byte{testKey(7)}})
	ahead := newLinks(t, ginviewpass.Config{Now: at(later.Add(time.Hour))})
	expired := mustURL(t, issuer, "/report/", permission, ginviewpass.ExpiresIn(time.Minute))
	for _, test := range []struct {
		name   string
		method string
		target string
		status int
		code   string
		ran    bool
	}{
		{"no link", "GET", "/report/", 403, "viewpass_required", false},
		{"a link", "GET", "/report/?viewpass=" + token, 200, "", true},
		{"a link, by HEAD", "HEAD", "/report/?viewpass=" + token, 200, "", true},
		{"a link with a query", "GET", "/report/?viewpass=" + withQuery + "&year=2026", 200, "", true},
		{"a link and a tracking parameter", "GET", "/report/?viewpass=" + token + "&utm_campaign=x", 200, "", true},
		{"a link with its colon escaped", "GET", "/report/?viewpass=" + head + "%3A" + tail, 200, "", true},
		{"a link without an end", "GET", mustURL(t, issuer, "/report/", permission, ginviewpass.NeverExpires()), 200, "", true},
		{"a page with a space", "GET", mustURL(t, issuer, "/a%20b", permission), 200, "", true},
		{"a page with a plus sign", "GET", mustURL(t, issuer, "/a+b", permission), 200, "", true},
		{"a page with a plus sign, escaped on the way", "GET", strings.Replace(mustURL(t, issuer, "/a+b", permission), "+", "%2B", 1), 200, "", true},
		{"a page with Unicode", "GET", mustURL(t, issuer, "/bücher/", permission), 200, "", true},
		{"a page with a parameter in its path", "GET", mustURL(t, issuer, "/archive/2026", permission), 200, "", true},

		{"a link, by POST", "POST", "/report/?viewpass=" + token, 403, "viewpass_required", false},
		{"a link, by DELETE", "DELETE", "/report/?viewpass=" + token, 403, "viewpass_required", false},
		{"a link for another permission", "GET", mustURL(t, issuer, "/report/", "reporting.edit"), 403, "viewpass_required", false},
		{"a permission in another case", "GET", mustURL(t, issuer, "/report/", strings.ToUpper(permission)), 403, "viewpass_required", false},
		{"a permission that begins alike", "GET", mustURL(t, issuer, "/report/", permission+"s"), 403, "viewpass_required", false},
		{"an expired link", "GET", expired, 410, "viewpass_expired", false},
		{"an expired link, by HEAD", "HEAD", expired, 410, "viewpass_expired", false},
		{"an expired link, by POST", "POST", expired, 403, "viewpass_required", false},
		{"an expired link for another permission", "GET", mustURL(t, issuer, "/report/", "x", ginviewpass.ExpiresIn(time.Minute)), 403, "viewpass_required", false},
		{"an expired link for another page", "GET", strings.Replace(expired, "/report/", "/other/", 1), 403, "viewpass_invalid", false},
		{"an expired link with another query", "GET", expired + "&a=1", 403, "viewpass_invalid", false},
		{"a link from the future", "GET", mustURL(t, ahead, "/report/", permission), 403, "viewpass_invalid", false},
		{"a link of a stranger", "GET", mustURL(t, stranger, "/report/", permission), 403, "viewpass_invalid", false},
		{"a link for another page", "GET", "/other/?viewpass=" + token, 403, "viewpass_invalid", false},
		{"a link for a page beside it", "GET", strings.Replace(mustURL(t, issuer, "/archive/2025", permission), "2025", "2026", 1), 403, "viewpass_invalid", false},
		{"an escaped slash in the path", "GET", strings.Replace(mustURL(t, issuer, "/archive/2026", permission), "/2026", "%2F2026", 1), 403, "viewpass_invalid", false},
		{"what follows the link unsigned", "GET", "/report/?viewpass=" + token + "&year=2026", 403, "viewpass_invalid", false},
		{"what stands before the link unsigned", "GET", "/report/?year=2026&viewpass=" + token, 403, "viewpass_invalid", false},
		{"a signed parameter left out", "GET", "/report/?viewpass=" + withQuery, 403, "viewpass_invalid", false},
		{"a signed parameter changed", "GET", "/report/?viewpass=" + withQuery + "&year=2025", 403, "viewpass_invalid", false},
		{"a signed parameter given twice", "GET", "/report/?viewpass=" + withQuery + "&year=2026&year=2025", 403, "viewpass_invalid", false},
		{"a pair that Go would drop silently", "GET", "/report/?viewpass=" + token + "&a;b", 403, "viewpass_invalid", false},
		{"a bad escape beside the link", "GET", "/report/?viewpass=" + token + "&a=%zz", 403, "viewpass_invalid", false},
		{"two links", "GET", "/report/?viewpass=" + token + "&viewpass=" + token, 403, "viewpass_invalid", false},
		{"an empty link", "GET", "/report/?viewpass=", 403, "viewpass_invalid", false},
		{"an empty signature", "GET", "/report/?viewpass=" + head + ":", 403, "viewpass_invalid", false},
		{"a signature of one byte", "GET", "/report/?viewpass=" + head + ":AA", 403, "viewpass_invalid", false},
		{"a signature of zeros", "GET", "/report/?viewpass=" + head + ":" + strings.Repeat("A", 22), 403, "viewpass_invalid", false},
		{"a signature too long", "GET", "/report/?viewpass=" + token + "A", 403, "viewpass_invalid", false},
		{"a signature spelt differently", "GET", "/report/?viewpass=" + token[:len(token)-1] + string(token[len(token)-1]+1), 403, "viewpass_invalid", false},
		{"a cut link", "GET", "/report/?viewpass=" + token[:40], 403, "viewpass_invalid", false},
		{"an ampersand escaped for HTML", "GET", "/report/?year=2026&amp;viewpass=" + withQuery, 403, "viewpass_invalid", false},
		{"a name in capitals", "GET", "/report/?VIEWPASS=" + token, 403, "viewpass_required", false},
		{"the link in a value", "GET", "/report/?x=viewpass%3D" + token, 403, "viewpass_required", false},
		{"the name escaped", "GET", "/report/?%76iewpass=" + token, 403, "viewpass_required", false},
		{"8 KB of junk", "GET", "/report/?viewpass=" + token + "&junk=" + strings.Repeat("x", 8<<10), 403, "viewpass_invalid", false},
		{"thousands of parameters", "GET", "/report/?viewpass=" + token + strings.Repeat("&a", 5000), 403, "viewpass_invalid", false},
		{"more than is read", "GET", "/report/?viewpass=" + token + strings.Repeat("&a", 50000), 403, "viewpass_invalid", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(newLinks(t, ginviewpass.Config{Now: at(later)}))
			for _, client := range []struct {
				name        string
				header      http.Header
				contentType string
			}{
				{"browser", http.Header{"Sec-Fetch-Mode": {"navigate"}}, "text/html; charset=utf-8"},
				{"script", http.Header{"Accept": {"*/*"}}, "application/json; charset=utf-8"},
			} {
				s.ran = false
				w := send(s, test.method, test.target, client.header)
				if w.Code != test.status || s.ran != test.ran {
					t.Fatalf("%s: status %d, handler ran: %v; want %d, %v", client.name, w.Code, s.ran, test.status, test.ran)
				}
				if test.ran {
					continue
				}
				if got := w.Header().Get("Content-Type"); got != client.contentType {
					t.Errorf("%s: Content-Type %q", client.name, got)
				}
				if got := w.Header().Get("Cache-Control"); got != "no-store" {
					t.Errorf("%s: Cache-Control %q", client.name, got)
				}
				body := w.Body.String()
				if client.name == "script" && !strings.Contains(body, `"error":"`+test.code+`"`) {
					t.Errorf("body %s; want the error %s", body, test.code)
				}
				if strings.Contains(body, "the report") || strings.Contains(body, tail) || strings.Contains(body, permission) {
					t.Errorf("%s: the answer gives something away: %s", client.name, body)
				}
			}
		})
	}
}

func TestHeadersOfAPageOpenedByALink(t *testing.T) {
	t.Parallel()
	links := newLinks(t, ginviewpass.Config{})
	link := mustURL(t, links, "/report/", permission)
	for _, test := range []struct {
		name   string
		method string
		target string
		want   bool
	}{
		{"opened by a link", "GET", link, true},
		{"opened by a link, by HEAD", "HEAD", link, true},
		{"no link", "GET", "/report/", false},
		{"a link that does not hold", "GET", link + "x", false},
		{"a link by POST", "POST", link, false},
	} {
		engine := newEngine()
		engine.Use(links.Middleware())
		engine.Any("/report/", func(c *gin.Context) { c.Status(http.StatusNoContent) })
		got := browse(engine, test.method, test.target).Header()
		for name, want := range map[string]string{
			"Cache-Control":   "private, no-store",
			"Referrer-Policy": "no-referrer",
			"X-Robots-Tag":    "noindex",
		} {
			if !test.want {
				want = ""
			}
			if got.Get(name) != want {
				t.Errorf("%s: %s is %q; want %q", test.name, name, got.Get(name), want)
			}
		}
	}
}

func TestHandlersMayChangeTheHeaders(t *testing.T) {
	t.Parallel()
	links := newLinks(t, ginviewpass.Config{})
	engine := newEngine()
	engine.Use(links.Middleware())
	engine.GET("/report/", func(c *gin.Context) {
		c.Header("Cache-Control", "private, max-age=60")
		c.String(http.StatusOK, "the report")
	})
	w := browse(engine, "GET", mustURL(t, links, "/report/", permission))
	if got := w.Header().Get("Cache-Control"); got != "private, max-age=60" {
		t.Errorf("Cache-Control %q", got)
	}
}

func TestConditionsAndRangesOnAGrantedPage(t *testing.T) {
	t.Parallel()
	links := newLinks(t, ginviewpass.Config{})
	engine := newEngine()
	engine.Use(links.Middleware())
	file := func(c *gin.Context) {
		c.Header("ETag", `"v1"`)
		http.ServeContent(c.Writer, c.Request, "report.txt", noon, strings.NewReader("0123456789"))
	}
	engine.GET("/report.txt", links.Require(permission), file)
	engine.HEAD("/report.txt", links.Require(permission), file)
	server := httptest.NewServer(engine)
	t.Cleanup(server.Close)
	link := mustURL(t, links, "/report.txt", permission)
	for _, test := range []struct {
		name   string
		method string
		target string
		header http.Header
		status int
		length int64
	}{
		{"all of it", "GET", link, nil, 200, 10},
		{"by HEAD", "HEAD", link, nil, 200, 10},
		{"a known ETag", "GET", link, http.Header{"If-None-Match": {`"v1"`}}, 304, 0},
		{"an unknown ETag", "GET", link, http.Header{"If-None-Match": {`"v0"`}}, 200, 10},
		{"a range", "GET", link, http.Header{"Range": {"bytes=2-4"}}, 206, 3},
		{"a range out of reach", "GET", link, http.Header{"Range": {"bytes=99-"}}, 416, -1},
		{"a known ETag without a link", "GET", "/report.txt", http.Header{"If-None-Match": {`"v1"`}}, 403, -1},
		{"a range without a link", "GET", "/report.txt", http.Header{"Range": {"bytes=2-4"}}, 403, -1},
	} {
		r, err := http.NewRequest(test.method, server.URL+test.target, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = test.header
		response, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != test.status || test.length >= 0 && response.ContentLength != test.length {
			t.Errorf("%s: status %d, length %d; want %d, %d", test.name, response.StatusCode, response.ContentLength, test.status, test.length)
		}
		// net/http takes the header off its own error pages, such as 416
		if got := response.Header.Get("Cache-Control"); !strings.Contains(got, "no-store") && test.status != 416 {
			t.Errorf("%s: Cache-Control %q", test.name, got)
		}
	}
}

func TestAuthorizeStandsBesideTheLink(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		user   string // grants what it names
		link   string // for this permission
		needs  []string
		status int
	}{
		{"neither", "", "", []string{"a"}, 403},
		{"the host says yes", "a", "", []string{"a"}, 200},
		{"the host says yes to something else", "b", "", []string{"a"}, 403},
		{"the link grants", "", "a", []string{"a"}, 200},
		{"the link grants something else, the host says yes", "a", "b", []string{"a"}, 200},
		{"both are needed, the link grants one", "", "a", []string{"a", "b"}, 403},
		{"both are needed, the host says yes to one", "a", "", []string{"a", "b"}, 403},
		{"both are needed, each gives one", "b", "a", []string{"a", "b"}, 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			links := newLinks(t, ginviewpass.Config{Authorize: func(c *gin.Context, permission string) bool {
				return c.GetHeader("User") == permission
			}})
			ran := false
			engine := newEngine()
			engine.Use(links.Middleware())
			engine.GET("/page", links.Require(test.needs...), func(*gin.Context) { ran = true })
			target := "/page"
			if test.link != "" {
				target = mustURL(t, links, "/page", test.link)
			}
			w := send(engine, "GET", target, http.Header{"User": {test.user}})
			if w.Code != test.status || ran != (test.status == 200) {
				t.Errorf("status %d, handler ran: %v; want %d", w.Code, ran, test.status)
			}
		})
	}
}

// Somebody who may see the page must not be locked out by a stale link.
func TestABadLinkTakesNothingAway(t *testing.T) {
	t.Parallel()
	links := newLinks(t, ginviewpass.Config{
		Now:       at(noon.Add(2 * time.Hour)),
		Authorize: func(*gin.Context, string) bool { return true },
	})
	s := newSite(links)
	expired := mustURL(t, newLinks(t, ginviewpass.Config{}), "/report/", permission, ginviewpass.ExpiresIn(time.Hour))
	for _, target := range []string{expired, expired[:30], "/report/?a=1&amp;viewpass=x"} {
		s.ran = false
		if w := browse(s, "GET", target); w.Code != 200 || !s.ran {
			t.Errorf("%s: status %d", target, w.Code)
		}
	}
}

func TestRequirePanicsWithoutAPermission(t *testing.T) {
	t.Parallel()
	links := newLinks(t, ginviewpass.Config{})
	for _, permissions := range [][]string{nil, {""}, {"a", ""}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Require(%q) stands", permissions)
				}
			}()
			links.Require(permissions...)
		}()
	}
}

func TestPagesSayWhatHappened(t *testing.T) {
	t.Parallel()
	issuer := newLinks(t, ginviewpass.Config{})
	link := mustURL(t, issuer, "/report/", permission, ginviewpass.ExpiresIn(time.Hour))
	stranger := newLinks(t, ginviewpass.Config{Keys: [][]byte{testKey(9)}})
	for _, test := range []struct {
		name   string
		target string
		want   []string
	}{
		{"no link", "/report/", []string{"This page is not public", "send you a link"}},
		{"expired", link, []string{"This link has expired", "until 12 November 2026, 13:00 UTC", "for a new link"}},
		{"cut", link[:40], []string{"This link is damaged", "mail programs", "from the original message"}},
		{"escaped for HTML", strings.Replace(link, "?", "?a=1&amp;", 1), []string{"This link is damaged"}},
		{"another page", strings.Replace(link, "report", "other", 1), []string{"This link does not open this page"}},
		{"another permission", mustURL(t, issuer, "/report/", "x"), []string{"This link does not open this page"}},
		{"a removed key", mustURL(t, stranger, "/report/", permission), []string{"This link is no longer valid"}},
		{"from the future", mustURL(t, newLinks(t, ginviewpass.Config{Now: at(noon.AddDate(1, 0, 0))}), "/report/", permission), []string{"This link is not valid yet"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(newLinks(t, ginviewpass.Config{Now: at(noon.Add(2 * time.Hour)), Look: templates.Look{SiteName: "Acme reports"}}))
			w := browse(s, "GET", test.target)
			for _, want := range test.want {
				if !strings.Contains(w.Body.String(), want) {
					t.Errorf("%q is missing in: %s", want, w.Body)
				}
			}
			if got := w.Header().Get("Referrer-Policy"); got != "no-referrer" {
				t.Errorf("Referrer-Policy %q", got)
			}
		})
	}
}

func TestThePageNamesTheSite(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, siteName, host, want string }{
		{"by its name", "Acme reports", "www.example.com", "Acme reports"},
		{"by its host", "", "www.example.com", "www.example.com"},
		{"by its host without the port", "", "www.example.com:8443", "www.example.com"},
	} {
		s := newSite(newLinks(t, ginviewpass.Config{Look: templates.Look{SiteName: test.siteName}}))
		r := httptest.NewRequest(http.MethodGet, "/report/", nil)
		r.Host = test.host
		r.Header.Set("Accept", "text/html")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if body := w.Body.String(); !strings.Contains(body, test.want) || strings.Contains(body, "8443") {
			t.Errorf("%s: %q is missing in: %s", test.name, test.want, body)
		}
	}
}

// A host may replace the page, and make a mistake that New does not meet: visitors still get
// the status and the words.
func TestAPageThatCannotBeRendered(t *testing.T) {
	t.Parallel()
	logger, lines := logTo()
	s := newSite(newLinks(t, ginviewpass.Config{Logger: logger, Look: templates.Look{
		Overrides: fstest.MapFS{"notice.html": {Data: []byte(`<p>half {{ if eq .Heading "This page is not public" }}{{ index .Heading 1000 }}{{ end }}`)}},
	}}))
	w := browse(s, "GET", "/report/")
	if w.Code != 403 || s.ran || !strings.HasPrefix(w.Body.String(), "This page is not public.") {
		t.Errorf("status %d, body %q", w.Code, w.Body)
	}
	if got := w.Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q", got)
	}
	if !strings.Contains(lines.String(), "level=ERROR") {
		t.Errorf("nothing in the log: %s", lines)
	}
}

// A gate in front of the site is an engine of its own: what the middleware
// found out there must be known to the engine behind it.
func TestAGrantReachesTheEngineBehind(t *testing.T) {
	t.Parallel()
	links := newLinks(t, ginviewpass.Config{})
	for _, test := range []struct {
		name    string
		rewrite func(*http.Request)
		status  int
	}{
		{"handed on as it is", func(*http.Request) {}, 200},
		{"with a context of its own", func(r *http.Request) {
			*r = *r.WithContext(context.WithValue(r.Context(), contextKey{}, 1))
		}, 200},
		{"rewritten to another path", func(r *http.Request) { r.URL.Path = "/other/" }, 403},
		{"rewritten to another raw path", func(r *http.Request) { r.URL.RawPath = "/%72eport/" }, 403},
		{"rewritten to another query", func(r *http.Request) { r.URL.RawQuery += "&year=2025" }, 403},
		{"rewritten to another method", func(r *http.Request) { r.Method = http.MethodPost }, 403},
		{"with the context thrown away", func(r *http.Request) { *r = *r.WithContext(context.Background()) }, 403},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var ran, granted, permitted bool
			inner := newEngine()
			inner.Use(func(c *gin.Context) {
				granted, permitted = links.Granted(c), ginviewpass.HasPermission(c, permission)
			})
			for _, path := range []string{"/report/", "/other/"} {
				inner.GET(path, links.Require(permission), func(*gin.Context) { ran = true })
				inner.POST(path, links.Require(permission), func(*gin.Context) { ran = true })
			}
			outer := newEngine()
			outer.Use(links.Middleware())
			outer.NoRoute(func(c *gin.Context) {
				c.Status(http.StatusOK)
				test.rewrite(c.Request)
				inner.ServeHTTP(c.Writer, c.Request)
			})
			w := browse(outer, "GET", mustURL(t, links, "/report/", permission))
			want := test.status == 200
			if w.Code != test.status || ran != want || granted != want || permitted != want {
				t.Errorf("status %d, handler ran: %v, Granted: %v, HasPermission: %v; want %d", w.Code, ran, granted, permitted, test.status)
			}
		})
	}
}

type contextKey struct{}

func TestAGrantEndsWithAnInternalRedirect(t *testing.T) {
	t.Parallel()
	links := newLinks(t, ginviewpass.Config{})
	s := newSite(links)
	s.GET("/short", func(c *gin.Context) {
		c.Request.URL.Path = "/report/"
		s.HandleContext(c)
	})
	if w := browse(s, "GET", mustURL(t, links, "/short", permission)); w.Code != 403 || s.ran {
		t.Errorf("status %d, handler ran: %v", w.Code, s.ran)
	}
}

func TestTheMiddlewareTwice(t *testing.T) {
	t.Parallel()
	calls := 0
	links := newLinks(t, ginviewpass.Config{Now: func() time.Time { calls++; return noon }})
	link := mustURL(t, links, "/report/", permission)
	engine := newEngine()
	engine.Use(links.Middleware(), links.Middleware())
	engine.GET("/report/", links.Require(permission), func(c *gin.Context) { c.Status(204) })
	calls = 0
	if w := browse(engine, "GET", link); w.Code != 204 || calls != 1 {
		t.Errorf("status %d, verified %d times", w.Code, calls)
	}
}

func TestLinksOfTwoIssuers(t *testing.T) {
	t.Parallel()
	first := newLinks(t, ginviewpass.Config{})
	second := newLinks(t, ginviewpass.Config{Keys: [][]byte{testKey(2)}})
	for _, test := range []struct {
		name                     string
		link                     string
		byFirst, bySecond, byAny bool
	}{
		{"of the first", mustURL(t, first, "/report/", permission), true, false, true},
		{"of the second", mustURL(t, second, "/report/", permission), false, true, true},
		{"of neither", "/report/?viewpass=x", false, false, false},
	} {
		engine := newEngine()
		engine.Use(first.Middleware(), second.Middleware())
		engine.GET("/report/", func(c *gin.Context) {
			if got := first.Granted(c); got != test.byFirst {
				t.Errorf("%s: the first says %v", test.name, got)
			}
			if got := second.Allowed(c, permission); got != test.bySecond {
				t.Errorf("%s: the second says %v", test.name, got)
			}
			if got := ginviewpass.HasPermission(c, permission); got != test.byAny {
				t.Errorf("%s: HasPermission is %v", test.name, got)
			}
			c.Status(204)
		})
		if w := browse(engine, "GET", test.link); w.Code != 204 {
			t.Errorf("%s: status %d", test.name, w.Code)
		}
	}
}

func TestQuestionsOutsideOfARequest(t *testing.T) {
	t.Parallel()
	links := newLinks(t, ginviewpass.Config{})
	for _, c := range []*gin.Context{nil, {}} {
		if links.Granted(c) || links.Allowed(c, permission) || ginviewpass.HasPermission(c, permission) {
			t.Error("something is granted")
		}
	}
}

func TestHasPermissionNeedsAName(t *testing.T) {
	t.Parallel()
	links := newLinks(t, ginviewpass.Config{})
	engine := newEngine()
	engine.Use(links.Middleware())
	engine.GET("/report/", func(c *gin.Context) {
		if ginviewpass.HasPermission(c, "") || links.Allowed(c, "") {
			t.Error("no permission at all is granted")
		}
	})
	browse(engine, "GET", "/report/?viewpass=x")
	browse(engine, "GET", mustURL(t, links, "/report/", permission))
}

func TestAMountBelowAPrefix(t *testing.T) {
	t.Parallel()
	links := newLinks(t, ginviewpass.Config{BaseURL: "https://www.example.com/app"})
	s := newSite(links)
	mux := http.NewServeMux()
	mux.Handle("/app/", http.StripPrefix("/app", s))
	link := mustURL(t, links, "/report/", permission)
	for _, test := range []struct {
		name   string
		target string
		status int
	}{
		{"as it is printed", link, 200},
		{"for another page", strings.Replace(link, "report", "other", 1), 403},
		{"with an escaped letter", strings.Replace(link, "report", "%72eport", 1), 200},
	} {
		s.ran = false
		w := browse(mux, "GET", test.target)
		if w.Code != test.status || s.ran != (test.status == 200) {
			t.Errorf("%s: status %d, handler ran: %v; want %d", test.name, w.Code, s.ran, test.status)
		}
	}
}

func TestWhatAStrangerIsToldAtTheGateway(t *testing.T) {
	t.Parallel()
	issuer := newLinks(t, ginviewpass.Config{})
	link := mustURL(t, issuer, "/report/?a=1", permission, ginviewpass.ExpiresIn(time.Hour))
	stranger := newLinks(t, ginviewpass.Config{Keys: [][]byte{testKey(9)}})
	for _, test := range []struct {
		name   string
		now    time.Time
		target string
		want   string
	}{
		{"a link that holds", noon, link, ""},
		{"expired", noon.Add(2 * time.Hour), link, "has expired"},
		{"damaged", noon, link[:40], "is damaged"},
		{"escaped for HTML", noon, strings.Replace(link, "&", "&amp;", 1), "is damaged"},
		{"for another page", noon, strings.Replace(link, "report", "other", 1), "another page"},
		{"of a removed key", noon, mustURL(t, stranger, "/report/", permission), "no longer valid"},
		{"from the future", noon.Add(-time.Hour), link, "not valid yet"},
		{"no link", noon, "/report/", ""},
		{"the word in a value", noon, "/search?q=viewpass", ""},
		{"a link that is a value", noon, "/login?next=" + "%2Fr%3Fviewpass%3Dx", ""},
		{"nothing", noon, "", ""},
		{"junk", noon, "%zz?viewpass", "is damaged"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			links := newLinks(t, ginviewpass.Config{Now: at(test.now)})
			var told string
			engine := newEngine()
			engine.Use(links.Middleware())
			engine.GET("/perimeter/gateway", func(c *gin.Context) {
				if explain, ok := c.Value(templates.ExplainKey).(func(string) string); ok {
					told = explain(c.Query("next"))
				}
			})
			r := httptest.NewRequest(http.MethodGet, "/perimeter/gateway", nil)
			query := r.URL.Query()
			query.Set("next", test.target)
			r.URL.RawQuery = query.Encode()
			engine.ServeHTTP(httptest.NewRecorder(), r)
			if !strings.Contains(told, test.want) || test.want == "" && told != "" {
				t.Errorf("told %q; want %q", told, test.want)
			}
		})
	}
}

func TestNothingIsLeftOnRequestsWithoutALink(t *testing.T) {
	t.Parallel()
	links := newLinks(t, ginviewpass.Config{})
	engine := newEngine()
	engine.Use(links.Middleware())
	engine.GET("/report/", func(c *gin.Context) {
		if len(c.Keys) != 0 {
			t.Errorf("keys %v", c.Keys)
		}
	})
	browse(engine, "GET", "/report/?a=1")
}

func TestTheMiddlewareAllocatesNothingWithoutALink(t *testing.T) {
	handler := newLinks(t, ginviewpass.Config{}).Middleware()
	c, _ := gin.CreateTestContext(httptest.NewRecorder())
	c.Request = httptest.NewRequest(http.MethodGet, "/report/?page=2", nil)
	if got := testing.AllocsPerRun(100, func() { handler(c) }); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

func TestVerifyAllocatesLittle(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector empties pools, which then allocate")
	}
	links := newLinks(t, ginviewpass.Config{})
	link := mustURL(t, links, "/report/", permission)
	if got := testing.AllocsPerRun(100, func() { _, _ = links.Verify(link, noon) }); got > 3 {
		t.Errorf("%v allocations", got)
	}
}

func TestAWrongOrderIsLoggedOnce(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		target string
		warned bool
	}{
		{"a link", "/report/?viewpass=x", true},
		{"no link", "/report/", false},
	} {
		logger, lines := logTo()
		links := newLinks(t, ginviewpass.Config{Logger: logger})
		engine := newEngine()
		engine.Use(func(c *gin.Context) { links.Granted(c) }, links.Middleware())
		engine.GET("/report/", links.Require(permission))
		browse(engine, "GET", test.target)
		browse(engine, "GET", test.target)
		if got := strings.Count(lines.String(), "level=WARN"); got != 0 != test.warned || got > 1 {
			t.Errorf("%s: %d warnings: %s", test.name, got, lines)
		}
	}
}

func TestRequireWithoutTheMiddlewareStaysShut(t *testing.T) {
	t.Parallel()
	logger, lines := logTo()
	links := newLinks(t, ginviewpass.Config{Logger: logger})
	engine := newEngine()
	engine.GET("/report/", links.Require(permission), func(*gin.Context) { t.Error("the handler ran") })
	if w := browse(engine, "GET", mustURL(t, links, "/report/", permission)); w.Code != 403 {
		t.Errorf("status %d", w.Code)
	}
	if !strings.Contains(lines.String(), "r.Use(links.Middleware())") {
		t.Errorf("the log does not name the remedy: %s", lines)
	}
}

func TestTheLogShowsNoLink(t *testing.T) {
	t.Parallel()
	logger, lines := logTo()
	links := newLinks(t, ginviewpass.Config{Logger: logger, Now: at(noon.AddDate(1, 0, 0))})
	token := tokenOf(t, mustURL(t, newLinks(t, ginviewpass.Config{}), "/report/", permission))
	s := newSite(links)
	for _, target := range []string{"/report/?viewpass=" + token, "/other/?viewpass=" + token, "/report/?viewpass=" + token[:50]} {
		browse(s, "GET", target)
	}
	if !strings.Contains(lines.String(), "link expired") {
		t.Errorf("no line about the expired link: %s", lines)
	}
	for _, part := range strings.Split(token, ":") {
		if bytes.Contains(lines.Bytes(), []byte(part[:20])) {
			t.Errorf("the log shows the link: %s", lines)
		}
	}
}
