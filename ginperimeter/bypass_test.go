package ginperimeter_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"testing"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"

	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/gin-perimeter/gin-perimeter/models"
)

// engines are the ways that Gin can be told to read paths.
var engines = map[string]func(r *gin.Engine){
	"default":                            func(*gin.Engine) {},
	"RemoveExtraSlash":                   func(r *gin.Engine) { r.RemoveExtraSlash = true },
	"UseRawPath":                         func(r *gin.Engine) { r.UseRawPath = true },
	"UseRawPath without unescaping":      func(r *gin.Engine) { r.UseRawPath, r.UnescapePathValues = true, false },
	"UseEscapedPath":                     func(r *gin.Engine) { r.UseEscapedPath = true },
	"RemoveExtraSlash and UseRawPath":    func(r *gin.Engine) { r.RemoveExtraSlash, r.UseRawPath = true, true },
	"RedirectFixedPath, method handling": func(r *gin.Engine) { r.RedirectFixedPath, r.HandleMethodNotAllowed = true, true },
}

// partlyOpen is a site where some paths are bypassed and others hold secrets.
func partlyOpen(t testing.TB, configure func(*gin.Engine)) *gin.Engine {
	t.Helper()
	gate, err := ginperimeter.New(ginperimeter.Config{
		DB: newDB(t), BypassPaths: []string{"/healthz", "/static/", "/secret/open", "/perimeter/", "/größe"}, Logger: (&logbook{}).logger(),
	})
	if err != nil {
		t.Fatal(err)
	}
	r := gin.New()
	configure(r)
	r.Use(sessions.Sessions("site", cookieStore()), gate.Middleware())
	for route, text := range map[string]string{
		"/": "secret home", "/secret/report": "secret report", "/secret/report/": "secret report", "/secret/open": "open page", "/healthz": "open health",
		"/static/*file": "open file", "/staticfiles": "secret files", "/perimeter/admin": "open admin", "/page/:id": "secret page", "/größe": "open größe",
	} {
		r.Any(route, func(c *gin.Context) { c.String(200, "%s", text) })
	}
	r.NoRoute(func(c *gin.Context) { c.String(404, "nothing is here") })
	return r
}

// rawRequest sends a request line as it is, as no client library would.
func rawRequest(t testing.TB, base, line string) answer {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: site.example\r\nAccept: */*\r\nConnection: close\r\n\r\n", line); err != nil {
		t.Fatal(err)
	}
	request := &http.Request{Method: "GET", URL: &url.URL{Path: line}}
	resp, err := http.ReadResponse(bufio.NewReader(conn), request)
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	defer resp.Body.Close()
	return read(t, resp)
}

func TestBypassedPaths(t *testing.T) {
	t.Parallel()
	open := []string{
		"/healthz", "/healthz?a=1", "/healthz?../secret/report", "/static/", "/static/app.css", "/static/a/b.css", "/static/a.b/c..d", "/static/a%20b", "/static/%C3%A9",
		"/static/a?b=/../secret/report", "/static/secret/report", "/static/a;v=1", "/secret/open", "/perimeter/admin", "/gr%C3%B6%C3%9Fe", "/static/%67",
	}
	shut := []string{
		"/", "/secret/report", "/secret", "/secret/", "/staticfiles", "/static", "/healthz/", "/healthz/x", "/healthzz", "/Healthz", "/STATIC/app.css", "/secret/open/", "/secret/opener",
		"/static/../secret/report", "/static/./a", "/static/a/../../secret/report", "/static/..", "/static/.", "/static//a", "/static//secret/report", "//static/a", "//healthz", "/./healthz", "/x/../healthz", "/static/a//", "/static/..;/secret/report", "/static/..;a=b/secret/report", "/static/.;/a",
		"/static/%2e%2e/secret/report", "/static/%2E%2E/secret/report", "/static/.%2e/secret/report", "/static/%2e./secret/report", "/static/%2e/a", "/static/a%2fb", "/static/a%2Fb", "/static/..%2f..%2fsecret/report", "/static/%2f..%2fsecret/report", "/static%2fa", "/static%2F..%2Fsecret%2Freport", "/healthz%2f",
		"/static/..%5csecret", "/static/a%5cb", "/static/a%5Cb", `/static/..\secret\report`, `/static\a`, "/static/%252e%252e/secret/report", "/static/%252fa", "/static/a%25b", "/static/a%00b", "/static/a%0ab", "/static/%7f", "/static/%2%65%2e/", "/static/x.%65/..%2e",
		"/page/..%2f..%2fstatic%2fa", "/page/%2e%2e/healthz", "/gr%C3%B6", "/perimeterx",
	}
	for name, configure := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base := listen(t, partlyOpen(t, configure))
			for _, target := range open {
				a := rawRequest(t, base, "GET "+target)
				if !strings.HasPrefix(a.body, "open") && a.body != "nothing is here" { // routes beyond ASCII don't match escaped paths
					t.Errorf("%s: %d %q, want it open", target, a.StatusCode, a.body)
				}
				for _, key := range []string{"Cache-Control", "Vary", "X-Robots-Tag", "Set-Cookie"} {
					if got := a.Header.Get(key); got != "" {
						t.Errorf("%s is not untouched: %s %q", target, key, got)
					}
				}
			}
			for _, target := range shut {
				a := rawRequest(t, base, "GET "+target)
				switch {
				case a.StatusCode == http.StatusBadRequest && strings.HasPrefix(a.body, "400 Bad Request"): // net/http's own
				case (a.StatusCode == 301 || a.StatusCode == 307) && !strings.HasPrefix(a.body, "secret"): // Gin's, before any middleware
				case a.StatusCode != 401 || a.errorCode() != "perimeter_token_required":
					t.Errorf("%s: %d %q, want it shut", target, a.StatusCode, a.body)
				}
			}
			for _, line := range []string{"GET http://site.example/static/../secret/report", "GET http://evil.example/secret/report", "GET http://x/%2e%2e/secret/report", "POST /secret/report", "BREW /secret/report"} {
				if a := rawRequest(t, base, line); a.StatusCode < 300 || strings.HasPrefix(a.body, "secret") {
					t.Errorf("%s: %d %q", line, a.StatusCode, a.body)
				}
			}
			if a := rawRequest(t, base, "GET http://site.example/static/a"); a.StatusCode != 200 {
				t.Errorf("an absolute address: %d", a.StatusCode)
			}
		})
	}
}

// TestGatewayAndLeaveStayTheGates bypasses the paths of the gate's own pages.
func TestGatewayAndLeaveStayTheGates(t *testing.T) {
	t.Parallel()
	s := newSite(t, ginperimeter.Config{
		BypassPaths: []string{"/perimeter/", "/perimeter/gateway", "/perimeter/leave"},
		Bypass:      func(*gin.Context) bool { return true },
	}, nil)
	s.engine.Any("/perimeter/leave", func(c *gin.Context) { c.String(200, "leave of the site") })
	s.client().get(gatewayPath).wantText(t, "Enter your access token to continue.")
	s.client().do("POST", "/perimeter/leave", nil, nil).want(t, http.StatusSeeOther, gatewayPath)
	s.client().get("/perimeter/leave").want(t, http.StatusMethodNotAllowed, "")
	s.client().get("/page").want(t, http.StatusOK, "")
}

func TestBypassFunction(t *testing.T) {
	t.Parallel()
	s := newSite(t, ginperimeter.Config{
		BypassPaths: []string{"/healthz"},
		Bypass:      func(c *gin.Context) bool { return c.Query("grant") == c.Request.URL.Path },
	}, nil)
	s.engine.GET("/healthz", func(c *gin.Context) { c.String(200, "healthy") })
	s.client().get("/healthz").want(t, http.StatusOK, "")
	a := s.client().do("GET", "/who?grant=/who", nil, map[string]string{"X-Perimeter-Token": "no token"})
	a.want(t, http.StatusOK, "")
	if a.body != `{"email":"","header":"no token","label":"","name":"","ok":false}` || a.Header.Get("Cache-Control") != "" || a.Header.Get("Vary") != "" {
		t.Errorf("a bypassed request is not untouched: %s %v", a.body, a.Header)
	}
	s.client().get("/page?grant=/who").want(t, http.StatusFound, gatewayPath+"?next=%2Fpage%3Fgrant%3D%2Fwho")
}

// TestBypassIsAskedBeforeTheDatabase keeps health checks alive while it is away.
func TestBypassIsAskedBeforeTheDatabase(t *testing.T) {
	t.Parallel()
	s := newSite(t, ginperimeter.Config{BypassPaths: []string{"/healthz"}}, nil)
	s.engine.GET("/healthz", func(c *gin.Context) { c.String(200, "healthy") })
	p := breakable(t, s.db)
	p.set(poolHangs)
	s.client().do("GET", "/healthz", nil, map[string]string{"X-Perimeter-Token": models.GenerateToken()}).want(t, http.StatusOK, "")
	if n := p.statements.Load(); n != 0 {
		t.Errorf("%d statements", n)
	}
}

// FuzzBypass looks for a path that the gate takes for an open one, while an
// engine, whatever its settings, or a file server runs what is not open.
func FuzzBypass(f *testing.F) {
	for _, target := range []string{
		"/", "/healthz", "/static/a", "/static/../secret/report", "/static/%2e%2e/secret/report", "/static/..%2fsecret%2freport", "//static/../secret/report",
		"/static//../secret/report", "/static/..;/secret/report", `/static/..\secret`, "/static/%5c..%5csecret", "/static/%252e%252e/secret/report", "/secret/open/../report", "/healthz/../secret/report", "/static/./../secret/report", "/perimeter/../secret/report", "/%73ecret/open", "/static%2f..%2fsecret/report", "/secret%2fopen", "/STATIC/../secret/report", "/größe", "/static/\u202e",
	} {
		f.Add(target)
	}
	all := map[string]*gin.Engine{}
	for name, configure := range engines {
		all[name] = partlyOpen(f, configure)
	}
	f.Fuzz(func(t *testing.T, target string) {
		u, err := url.ParseRequestURI(target)
		if err != nil || !strings.HasPrefix(target, "/") {
			return
		}
		for name, r := range all {
			a := serveRequest(r, &http.Request{Method: "GET", URL: u, Host: "site.example", RequestURI: target, Header: http.Header{}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, RemoteAddr: "192.0.2.1:1"})
			if strings.HasPrefix(a.body, "secret") {
				t.Errorf("%s: %q reaches %q", name, target, a.body)
			}
			if a.StatusCode == 200 || a.StatusCode == 404 {
				clean := path.Clean(strings.ReplaceAll(u.Path, `\`, "/"))
				open := clean == "/healthz" || clean == "/secret/open" || clean == "/größe" || clean == "/static" || clean == "/perimeter" || clean == gatewayPath ||
					strings.HasPrefix(clean, "/static/") || strings.HasPrefix(clean, "/perimeter/")
				if !open {
					t.Errorf("%s: %q is open, but means %q", name, target, clean)
				}
			}
		}
	})
}

// FuzzSessionCookie compares the gate's quick look for the session's cookie
// with net/http, which the session stores use: what the gate remembers a cookie
// by must be what the store has read.
func FuzzSessionCookie(f *testing.F) {
	for _, line := range []string{
		"", "site=a", "a=b; site=c", "site=a; site=b", " site=a ", "site =a", "site\t=a; site=b", "site= a", `site="a"`, `site="`, "site", "site=", "site;site=a", "sites=a", "xsite=a", "site=a=b", "SITE=a",
		"site=a;site", "; ;site=a;;", "site=\x80", `site=a\b`, "site=a,b", "\u00a0site=a", "site\u00a0=a", "site=a\x00", "$Version=1; site=a", "site =a; site=b",
	} {
		f.Add(line, "")
		f.Add("x=y", line)
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		r := &http.Request{Header: http.Header{"Cookie": {one, two}}}
		got := ginperimeter.SessionCookie(r, "site")
		if got == "" {
			return
		}
		// values with bytes that net/http refuses are cookies to nobody
		switch cookies := r.CookiesNamed("site"); len(cookies) {
		case 0:
		case 1:
			if cookies[0].Value != got && `"`+cookies[0].Value+`"` != got {
				t.Errorf("%q, %q: the gate sees %q, the store %q", one, two, got, cookies[0].Value)
			}
		default:
			t.Errorf("%q, %q: the gate chose %q of %d cookies", one, two, got, len(cookies))
		}
	})
}

// FuzzHeaderToken reads any header as a token: the same for everybody who
// reads it, and never two.
func FuzzHeaderToken(f *testing.F) {
	token := models.GenerateToken()
	for _, value := range []string{"", " ", token, " " + token, strings.ToLower(token), token + "," + token, "\x00", "\xff", strings.Repeat("x", 2000), mistyped(token)} {
		f.Add(value, value)
		f.Add(value, "")
		f.Add(token, value)
	}
	gate, err := ginperimeter.New(ginperimeter.Config{DB: newDB(f), Logger: (&logbook{}).logger()})
	if err != nil {
		f.Fatal(err)
	}
	r := gin.New()
	r.Use(sessions.Sessions("site", cookieStore()), gate.Middleware())
	r.GET("/", func(c *gin.Context) { c.String(200, "in") })
	f.Fuzz(func(t *testing.T, one, two string) {
		request := &http.Request{Method: "GET", URL: &url.URL{Path: "/"}, Header: http.Header{ginperimeter.HeaderName: {one, two}}, RemoteAddr: "192.0.2.1:1"}
		got, err := ginperimeter.HeaderToken(request)
		a, b := strings.TrimSpace(one), strings.TrimSpace(two)
		switch {
		case a != "" && b != "" && a != b:
			if err == nil {
				t.Errorf("%q and %q are read as %q", one, two, got)
			}
		case err != nil, got != max(a, b):
			t.Errorf("%q and %q are read as %q, %v", one, two, got, err)
		}
		answered := serveRequest(r, request)
		want := "perimeter_token_invalid"
		if a == "" && b == "" {
			want = "perimeter_token_required"
		}
		if code := answered.errorCode(); answered.StatusCode < 400 || (code != want && code != "perimeter_too_many_attempts") {
			t.Errorf("%q and %q: %d %q", one, two, answered.StatusCode, answered.body)
		}
	})
}
