package admin_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/gin-perimeter/gin-perimeter/admin"
	"github.com/gin-perimeter/gin-perimeter/models"
)

func withLinks(t *testing.T) func(*admin.Config) {
	return func(c *admin.Config) {
		c.Links, c.Permissions = testLinks(t, nil), []string{"reporting.view_report", "shop.preview"}
	}
}

// Whatever routes there are: each is behind Auth, needs an actor, refuses
// other origins when it changes something, and is kept by no cache.
func TestEveryRouteIsGuarded(t *testing.T) {
	t.Parallel()
	s := newSite(t, withLinks(t))
	_, row := s.token(models.NewAccessToken{})
	nobody := gin.New() // Auth that forgets to say who
	err := admin.Mount(nobody.Group(root), admin.Config{DB: s.db, Auth: func(*gin.Context) {}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	routes := s.r.Routes()
	if len(routes) < 20 {
		t.Fatalf("only %d routes are mounted", len(routes))
	}
	for _, route := range routes {
		path := strings.ReplaceAll(route.Path, ":id", "1")
		t.Run(route.Method+" "+path, func(t *testing.T) {
			request := func() *http.Request { return httptest.NewRequest(route.Method, path, nil) }
			stranger := s.do(request(), "")
			if stranger.Code != http.StatusUnauthorized {
				t.Errorf("a stranger gets %d, want 401", stranger.Code)
			}
			guarded(t, stranger.Header)

			w := httptest.NewRecorder()
			nobody.ServeHTTP(w, request())
			if route.Path != root+"/links" && route.Path != root+"/links/inspect" { // not mounted there
				if w.Code != http.StatusForbidden || strings.Contains(w.Body.String(), "Tokens") {
					t.Errorf("without an actor it answers %d, want 403 and no trace of the pages", w.Code)
				}
				guarded(t, w.Header())
			}

			if route.Method == http.MethodGet {
				return
			}
			for name, header := range map[string][2]string{
				"Sec-Fetch-Site cross-site": {"Sec-Fetch-Site", "cross-site"},
				"Sec-Fetch-Site same-site":  {"Sec-Fetch-Site", "same-site"},
				"another Origin":            {"Origin", "https://evil.example"},
				"an opaque Origin":          {"Origin", "null"},
			} {
				foreign := request()
				foreign.Header.Set(header[0], header[1])
				if p := s.do(foreign, "anna"); p.Code != http.StatusForbidden {
					t.Errorf("%s: answer is %d, want 403", name, p.Code)
				}
			}
		})
	}
	if got := s.reload(row); got.Version != row.Version {
		t.Error("a refused request changed the token")
	}
}

func guarded(t *testing.T, h http.Header) {
	t.Helper()
	for key, want := range map[string]string{
		"Cache-Control": "no-store", "X-Robots-Tag": "noindex, nofollow", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
	} {
		if got := h.Get(key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
}

// What changes something cannot be asked for by a link.
func TestChangesNeedPOST(t *testing.T) {
	t.Parallel()
	s := newSite(t, withLinks(t))
	_, row := s.token(models.NewAccessToken{})
	for _, path := range []string{
		"/tokens/1/extend", "/tokens/1/deactivate", "/tokens/1/activate", "/tokens/bulk", "/tokens/search",
		"/uses/1/end", "/uses/forget/count", "/links/inspect",
	} {
		if p := s.get(path + "?id=1&do=deactivate-now&by=7d&email=a@example.com"); p.Code != http.StatusNotFound {
			t.Errorf("GET %s answers %d, want 404", path, p.Code)
		}
	}
	for _, path := range []string{"/tokens/1/delete", "/tokens/1/edit", "/uses/forget"} {
		s.get(path + "?label=x&version=1&email=a@example.com").is(http.StatusOK)
	}
	if got := s.reload(row); got.Version != row.Version {
		t.Error("a GET changed the token")
	}
}

func TestPagesAreLockedDown(t *testing.T) {
	t.Parallel()
	s := newSite(t, withLinks(t))
	s.token(models.NewAccessToken{Label: "x"})
	for _, path := range []string{"/", "/tokens", "/tokens/new", "/tokens/1", "/tokens/1/edit", "/tokens/1/delete", "/uses", "/uses/forget", "/links"} {
		p := s.get(path).is(http.StatusOK)
		csp := p.Header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s: the policy %q lacks %s", path, csp, want)
			}
		}
		guarded(t, p.Header)
		for n := range p.doc.Descendants() {
			if n.Data == "script" || attr(n, "style") != "" || attr(n, "onclick") != "" {
				t.Errorf("%s: has a script or a style attribute: %v", path, n)
			}
		}
		if len(p.Header.Values("Set-Cookie")) > 0 {
			t.Errorf("%s: sets a cookie", path)
		}
	}
}

func TestTrustedOriginMaySendForms(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *admin.Config) { c.TrustedOrigins = []string{"https://shop.example"} })
	_, row := s.token(models.NewAccessToken{})
	request := httptest.NewRequest(http.MethodPost, root+"/tokens/1/deactivate", nil)
	request.Header.Set("Origin", "https://shop.example")
	request.Header.Set("Sec-Fetch-Site", "same-site")
	s.do(request, "anna").leadsTo("/tokens/1?done=deactivated")
	if s.reload(row).DeactivatedAt == nil {
		t.Error("the token is still active")
	}
}

// An Auth that answers, but forgets to abort, opens nothing.
func TestAuthThatForgetsToAbort(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *admin.Config) {
		c.Auth = func(c *gin.Context) { c.String(http.StatusUnauthorized, "no") }
		c.Actor = func(*gin.Context) string { return "anna" }
	})
	if p := s.get("/tokens"); p.Code != http.StatusUnauthorized || p.Body != "no" {
		t.Errorf("answer is %d %q, want Auth's alone", p.Code, p.Body)
	}
}

func TestActorOfTheHost(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *admin.Config) {
		c.Auth = func(c *gin.Context) { c.Set("sso", "Chiara <b>") }
		c.Actor = func(c *gin.Context) string { return c.GetString("sso") }
	})
	s.post("/tokens", form("label", "Mine", "expires", "7d")).is(http.StatusOK).says("Signed in as Chiara <b>")
	s.get("/tokens/1").says("by Chiara <b>")
}

func TestSiteWithoutLinks(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *admin.Config) { c.Links = testLinks(t, nil) }) // and no permission
	s.get("/links").is(http.StatusNotFound)
	s.get("/").saysNot("Links")
}
