package ginperimeter_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/gin-perimeter/gin-perimeter/models"
)

// How a stranger is refused.
const (
	toGateway = "302 to the gateway"
	formPage  = "401 with a page"
	program   = "401 with JSON"
)

func TestStrangersAreRefusedAsSuitsThem(t *testing.T) {
	t.Parallel()
	s := newSite(t, ginperimeter.Config{}, nil)
	const html = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	tests := []struct {
		name   string
		method string
		header map[string]string
		want   string
	}{
		{"a browser going to a page", "GET", map[string]string{"Sec-Fetch-Mode": "navigate", "Accept": html}, toGateway},
		{"a browser asking whether a page is there", "HEAD", map[string]string{"Sec-Fetch-Mode": "navigate", "Accept": html}, toGateway},
		{"a browser going to a page, asking for no type", "GET", map[string]string{"Sec-Fetch-Mode": "navigate", "Accept": ""}, toGateway},
		{"a mode in capitals", "GET", map[string]string{"Sec-Fetch-Mode": "Navigate", "Accept": "*/*"}, toGateway},
		{"a mode that decides against the Accept header", "GET", map[string]string{"Sec-Fetch-Mode": "cors", "Accept": html}, program},
		{"a picture", "GET", map[string]string{"Sec-Fetch-Mode": "no-cors", "Accept": "image/avif,image/webp,*/*;q=0.8"}, program},
		{"a WebSocket", "GET", map[string]string{"Sec-Fetch-Mode": "websocket", "Accept": "", "Connection": "Upgrade", "Upgrade": "websocket"}, program},
		{"fetch of the same origin", "GET", map[string]string{"Sec-Fetch-Mode": "same-origin", "Accept": html}, program},
		{"a mode that beats X-Requested-With", "GET", map[string]string{"Sec-Fetch-Mode": "navigate", "X-Requested-With": "XMLHttpRequest"}, toGateway},
		{"a mode that beats HX-Request", "GET", map[string]string{"Sec-Fetch-Mode": "navigate", "HX-Request": "true"}, toGateway},
		{"an empty mode", "GET", map[string]string{"Sec-Fetch-Mode": "", "Accept": html}, program},
		{"an older browser", "GET", map[string]string{"Accept": html}, toGateway},
		{"an older browser's HEAD", "HEAD", map[string]string{"Accept": html}, toGateway},
		{"a type in capitals", "GET", map[string]string{"Accept": "TEXT/HTML"}, toGateway},
		{"HTML with little weight", "GET", map[string]string{"Accept": "application/json, text/html;q=0.1"}, toGateway},
		{"HTML with parameters", "GET", map[string]string{"Accept": "text/html;level=1;q=0.5"}, toGateway},
		{"HTML refused", "GET", map[string]string{"Accept": "application/json, text/html;q=0"}, program},
		{"HTML refused by a long zero", "GET", map[string]string{"Accept": "text/html; q=0.000"}, program},
		{"HTML with a weight that is no number", "GET", map[string]string{"Accept": "text/html;q=high"}, program},
		{"XMLHttpRequest of an older browser", "GET", map[string]string{"Accept": html, "X-Requested-With": "XMLHttpRequest"}, program},
		{"htmx", "GET", map[string]string{"Accept": html, "HX-Request": "true"}, program},
		{"curl", "GET", map[string]string{"Accept": "*/*"}, program},
		{"an API client", "GET", map[string]string{"Accept": "application/json"}, program},
		{"a client that says nothing", "GET", map[string]string{"Accept": ""}, program},
		{"XHTML alone", "GET", map[string]string{"Accept": "application/xhtml+xml"}, program},
		{"a browser sending a form", "POST", map[string]string{"Sec-Fetch-Mode": "navigate", "Accept": html}, formPage},
		{"an older browser sending a form", "POST", map[string]string{"Accept": html}, formPage},
		{"fetch by POST", "POST", map[string]string{"Sec-Fetch-Mode": "cors", "Accept": html}, program},
		{"a program's POST", "POST", map[string]string{"Accept": "*/*"}, program},
		{"DELETE from a script", "DELETE", map[string]string{"Sec-Fetch-Mode": "cors"}, program},
		{"PUT of an older browser's script", "PUT", map[string]string{"Accept": "*/*"}, program},
		{"PUT that asks for HTML", "PUT", map[string]string{"Accept": html}, program},
		{"DELETE that calls itself a navigation", "DELETE", map[string]string{"Sec-Fetch-Mode": "navigate", "Accept": html}, program},
		{"an OPTIONS request", "OPTIONS", map[string]string{"Accept": "*/*"}, program},
		{"a method that nobody knows", "BREW", map[string]string{"Accept": "*/*"}, program},
	}
	for _, tt := range tests {
		for path, next := range map[string]string{"/page?q=a+b": "%2Fpage%3Fq%3Da%2Bb", "/nowhere": "%2Fnowhere"} {
			t.Run(tt.name+" at "+path, func(t *testing.T) {
				t.Parallel()
				a := newClient(t, s.server.URL).do(tt.method, path, nil, tt.header)
				wantSilent(t, a)
				switch tt.want {
				case toGateway:
					a.want(t, http.StatusFound, gatewayPath+"?next="+next)
				case formPage:
					a.want(t, http.StatusUnauthorized, "")
					wantHeader(t, a, "WWW-Authenticate", "Perimeter")
					wantHeader(t, a, "Content-Type", "text/html; charset=utf-8")
					a.wantText(t, "Enter your access token first", `href="/perimeter/gateway?next=`)
				case program:
					a.want(t, http.StatusUnauthorized, "")
					wantHeader(t, a, "WWW-Authenticate", "Perimeter")
					wantHeader(t, a, "Content-Type", "application/json; charset=utf-8")
					if code := a.errorCode(); tt.method != "HEAD" && code != "perimeter_token_required" {
						t.Errorf("error %q, body %q", code, a.body)
					}
				}
			})
		}
	}
	t.Cleanup(func() {
		if n := s.ran.Load(); n != 0 {
			t.Errorf("%d requests of strangers reached the site", n)
		}
	})
}

// wantSilent checks what every answer of the gate has, and that it tells
// nothing of the site behind.
func wantSilent(t testing.TB, a answer) {
	t.Helper()
	wantHeader(t, a, "Cache-Control", "no-store")
	wantHeader(t, a, "X-Robots-Tag", "noindex, nofollow")
	for _, key := range []string{"Allow", "Vary", "Set-Cookie"} {
		if a.Request.URL.Path != gatewayPath && a.Header.Get(key) != "" {
			t.Errorf("%s: %q", key, a.Header.Get(key))
		}
	}
	if strings.Contains(a.body, "of the site") || strings.Contains(a.body, "404") {
		t.Errorf("the answer tells of the site: %.300q", a.body)
	}
}

func wantHeader(t testing.TB, a answer, key, want string) {
	t.Helper()
	if got := a.Header.Values(key); len(got) != 1 || got[0] != want {
		t.Errorf("%s %s: %s is %q, want %q", a.Request.Method, a.Request.URL.Path, key, got, want)
	}
}

func TestSenderOfAFormIsLedBackToItsPage(t *testing.T) {
	t.Parallel()
	s := newSite(t, ginperimeter.Config{}, nil)
	tests := []struct{ name, referer, next string }{
		{"the page of the form", s.server.URL + "/form?step=2&x=%C3%A9", "%2Fform%3Fstep%3D2%26x%3D%25C3%25A9"},
		{"another site", "https://evil.example/form", "%2F"},
		{"no referring page", "", "%2F"},
		{"no address at all", "::", "%2F"},
		{"an address that leads off the site", s.server.URL + "//evil.example/", "%2F"},
		{"the gateway itself", s.server.URL + gatewayPath + "?next=/a", "%2F"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := newClient(t, s.server.URL).do("POST", "/form", strings.NewReader("a=b"), map[string]string{
				"Sec-Fetch-Mode": "navigate", "Referer": tt.referer, "Content-Type": "application/x-www-form-urlencoded"})
			a.want(t, http.StatusUnauthorized, "")
			a.wantText(t, `href="/perimeter/gateway?next=`+tt.next+`"`)
		})
	}
}

func TestPagesBehindTheGateArePrivate(t *testing.T) {
	t.Parallel()
	s := newSite(t, ginperimeter.Config{}, nil)
	s.engine.GET("/public", func(c *gin.Context) {
		c.Header("Cache-Control", "public, max-age=60")
		c.Header("X-Robots-Tag", "all")
		c.Writer.Header().Add("Vary", "Accept-Encoding")
		c.String(200, "of its own mind")
	})
	token, _ := newToken(t, s.db, models.NewAccessToken{})
	c := s.client()
	c.enter(token, "").want(t, http.StatusSeeOther, "/")
	inside := map[string]answer{
		"pass":         c.get("/page"),
		"header token": s.client().do("GET", "/page", nil, map[string]string{"X-Perimeter-Token": token}),
		"not found":    c.get("/nowhere"),
	}
	for name, a := range inside {
		for key, want := range map[string]string{"Cache-Control": "private", "Vary": "Cookie, X-Perimeter-Token", "X-Robots-Tag": "noindex"} {
			if got := a.Header.Values(key); len(got) != 1 || got[0] != want {
				t.Errorf("%s: %s is %q, want %q", name, key, got, want)
			}
		}
	}
	public := c.get("/public")
	wantHeader(t, public, "Cache-Control", "public, max-age=60")
	wantHeader(t, public, "X-Robots-Tag", "all")
	if vary := strings.Join(public.Header.Values("Vary"), ", "); vary != "Cookie, X-Perimeter-Token, Accept-Encoding" {
		t.Errorf("Vary %q", vary)
	}
}

func TestVaryOfAMiddlewareBeforeTheGateStays(t *testing.T) {
	t.Parallel()
	s := newSite(t, ginperimeter.Config{}, nil)
	token, _ := newToken(t, s.db, models.NewAccessToken{})
	r := gin.New()
	r.Use(func(c *gin.Context) { c.Header("Vary", "Origin") }, s.gate.Middleware())
	r.GET("/page", func(c *gin.Context) { c.String(200, "page") })
	a := serve(t, r, "GET", "/page", map[string]string{"X-Perimeter-Token": token})
	if vary := strings.Join(a.Header.Values("Vary"), ", "); a.StatusCode != 200 || vary != "Origin, Cookie, X-Perimeter-Token" {
		t.Errorf("%d, Vary %q", a.StatusCode, vary)
	}
}

func TestRobotsTxt(t *testing.T) {
	t.Parallel()
	t.Run("is guarded like the rest", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, ginperimeter.Config{}, nil)
		a := s.client().do("GET", "/robots.txt", nil, map[string]string{"Accept": "*/*"})
		a.want(t, http.StatusUnauthorized, "")
	})
	t.Run("is answered where the Config says so", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, ginperimeter.Config{RobotsTxt: true}, nil)
		a := s.client().get("/robots.txt")
		a.want(t, http.StatusOK, "")
		wantSilent(t, a)
		if a.body != "User-agent: *\nDisallow: /\n" {
			t.Errorf("body %q", a.body)
		}
		if a := s.client().do("HEAD", "/robots.txt", nil, nil); a.StatusCode != 200 || a.body != "" {
			t.Errorf("HEAD: %d %q", a.StatusCode, a.body)
		}
		if a := s.client().do("POST", "/robots.txt", nil, nil); a.StatusCode != 405 || a.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("POST: %d, Allow %q", a.StatusCode, a.Header.Get("Allow"))
		}
		s.client().get("/robots.txt/more").want(t, http.StatusFound, gatewayPath+"?next=%2Frobots.txt%2Fmore")
	})
}
