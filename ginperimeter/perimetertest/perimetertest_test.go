package perimetertest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/cookie"
	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/gin-perimeter/gin-perimeter/ginperimeter/perimetertest"
	"github.com/gin-perimeter/gin-perimeter/internal/dbtest"
	"github.com/gin-perimeter/gin-perimeter/models"
)

func init() { gin.SetMode(gin.TestMode) }

// failures is a test that keeps what it would have failed with.
type failures struct {
	testing.TB
	mu    sync.Mutex
	lines []string
	ended bool
}

func (f *failures) Helper() {}

func (f *failures) Errorf(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lines = append(f.lines, fmt.Sprintf(format, args...))
}

func (f *failures) Error(args ...any) { f.Errorf("%s", fmt.Sprint(args...)) }

func (f *failures) Fatalf(format string, args ...any) {
	f.Errorf(format, args...)
	f.ended = true
	runtime.Goexit()
}

func (f *failures) Fatal(args ...any) { f.Fatalf("%s", fmt.Sprint(args...)) }

// failing runs a helper of this package as a test of its own.
func failing(t *testing.T, run func(t testing.TB)) *failures {
	t.Helper()
	f := &failures{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		run(f)
	}()
	<-done
	return f
}

func store(options sessions.Options) sessions.Store {
	s := cookie.NewStore([]byte("a key for tests that has 32 bytes"))
	s.Options(options)
	return s
}

var plain = sessions.Options{Path: "/", MaxAge: 3600, HttpOnly: true}

func newGate(t testing.TB, db *gorm.DB) *ginperimeter.Gate {
	t.Helper()
	gate, err := ginperimeter.New(ginperimeter.Config{DB: db, BypassPaths: []string{"/healthz", "/static/"}})
	if err != nil {
		t.Fatal(err)
	}
	return gate
}

func addRoutes(r gin.IRoutes) {
	page := func(c *gin.Context) { c.String(200, "page") }
	r.GET("/", page)
	r.GET("/page", page)
	r.GET("/dir/", page)
	r.POST("/users/:id/notes/*rest", page)
	r.GET("/v1/thing\\:find", page)
	r.GET("/healthz", page)
	r.GET("/static/*file", page)
}

func TestCovered(t *testing.T) {
	t.Parallel()
	session := sessions.Sessions("site", store(plain))
	tests := []struct {
		name  string
		build func(r *gin.Engine, gate *ginperimeter.Gate) http.Handler
		open  []string
		wants []string // how the failures begin; none: the test passes
	}{
		{"a protected engine", func(r *gin.Engine, gate *ginperimeter.Gate) http.Handler {
			addRoutes(r)
			return gate.Protect(r, session)
		}, []string{"/healthz", "/static/"}, nil},
		{"a used gate, on an engine that redirects nobody", func(r *gin.Engine, gate *ginperimeter.Gate) http.Handler {
			r.RedirectTrailingSlash = false
			r.Use(session, gate.Middleware())
			addRoutes(r)
			return r
		}, []string{"/healthz", "/static/"}, nil},
		{"a gate with its pages mounted, too", func(r *gin.Engine, gate *ginperimeter.Gate) http.Handler {
			r.RedirectTrailingSlash = false
			r.Use(session)
			gate.Routes(r)
			r.Use(gate.Middleware())
			addRoutes(r)
			return r
		}, []string{"/healthz", "/static/"}, nil},
		{"a bypassed path that is not named", func(r *gin.Engine, gate *ginperimeter.Gate) http.Handler {
			addRoutes(r)
			return gate.Protect(r, session)
		}, []string{"/static/"}, []string{"GET /healthz: a stranger is answered with 200", "BREW /healthz: a stranger is answered with 404"}},
		{"a route that was registered earlier", func(r *gin.Engine, gate *ginperimeter.Gate) http.Handler {
			r.RedirectTrailingSlash = false
			r.PUT("/early/:id", func(c *gin.Context) { c.Status(200) })
			r.Use(session, gate.Middleware())
			addRoutes(r)
			return r
		}, []string{"/healthz", "/static/"}, []string{"PUT /early/1: a stranger is answered with 200"}},
		{"an early route with a colon in its name", func(r *gin.Engine, gate *ginperimeter.Gate) http.Handler {
			r.RedirectTrailingSlash = false
			r.GET("/early\\:find", func(c *gin.Context) { c.Status(200) })
			r.Use(session, gate.Middleware())
			return r
		}, nil, []string{"GET /early:find: a stranger is answered with 200"}},
		{"an early route that panics", func(r *gin.Engine, gate *ginperimeter.Gate) http.Handler {
			r.RedirectTrailingSlash = false
			r.GET("/early", func(*gin.Context) { panic("no session here") })
			r.Use(session, gate.Middleware())
			return r
		}, nil, []string{"GET /early: a stranger reached a handler, which panicked: no session here"}},
		{"the slash redirects of Gin", func(r *gin.Engine, gate *ginperimeter.Gate) http.Handler {
			r.Use(session, gate.Middleware())
			r.GET("/page", func(c *gin.Context) { c.Status(200) })
			r.POST("/dir/", func(c *gin.Context) { c.Status(200) })
			return r
		}, nil, []string{`GET /page/: a stranger is redirected (301 to "/page"), not refused; serve gate.Protect(r, …)`, `POST /dir: a stranger is redirected (307 to "/dir/")`}},
		{"a gate in front of a group only", func(r *gin.Engine, gate *ginperimeter.Gate) http.Handler {
			r.RedirectTrailingSlash = false
			r.Use(session)
			gate.Routes(r)
			r.Group("/beta", gate.Middleware()).GET("/page", func(c *gin.Context) { c.Status(200) })
			return r
		}, nil, []string{"GET /: a stranger is answered with 404", "GET /no-such-page-8f3a: a stranger is answered with 404", "GET /no/such/page-8f3a:", "POST /no-such-page-8f3a:", "BREW /no-such-page-8f3a:", "GET /beta/page/: a stranger is answered with 404", "GET /BETA/PAGE:", "BREW /beta/page:"}},
		{"a gate without sessions", func(r *gin.Engine, gate *ginperimeter.Gate) http.Handler {
			r.Use(gate.Middleware())
			return r
		}, nil, []string{"GET /: a stranger is answered with 500", "GET /no-such-page-8f3a: a stranger is answered with 500", "GET /no/such/page-8f3a:", "POST /no-such-page-8f3a:", "BREW /no-such-page-8f3a:"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := gin.New()
			h := tt.build(r, newGate(t, dbtest.Open(t)))
			f := failing(t, func(t testing.TB) { perimetertest.Covered(t, h, r.Routes(), tt.open...) })
			for _, want := range tt.wants {
				if !slices.ContainsFunc(f.lines, func(line string) bool { return strings.HasPrefix(line, want) }) {
					t.Errorf("no failure begins with %q", want)
				}
			}
			if len(f.lines) != len(tt.wants) || f.ended {
				t.Errorf("%d failures, want %d:\n%s", len(f.lines), len(tt.wants), strings.Join(f.lines, "\n"))
			}
		})
	}
}

// TestCoveredRunsNoGuardedHandler asks as a stranger does, and as often.
func TestCoveredRunsNoGuardedHandler(t *testing.T) {
	t.Parallel()
	r := gin.New()
	db := dbtest.Open(t)
	ran := 0
	r.Any("/page", func(*gin.Context) { ran++ })
	perimetertest.Covered(t, newGate(t, db).Protect(r, sessions.Sessions("site", store(plain))), r.Routes())
	if ran > 0 {
		t.Errorf("a guarded handler ran %d times", ran)
	}
	uses, err := models.CountAccessTokenUses(t.Context(), db, models.UseFilter{})
	if err != nil || uses != 0 {
		t.Errorf("%d uses, %v", uses, err)
	}
}

func TestEnter(t *testing.T) {
	t.Parallel()
	secure := plain
	secure.Secure = true
	secure.SameSite = http.SameSiteNoneMode
	tests := []struct {
		name    string
		options sessions.Options
		start   func(http.Handler) *httptest.Server
		cfg     ginperimeter.Config
	}{
		{"a plain server", plain, httptest.NewServer, ginperimeter.Config{}},
		{"a TLS server with secure cookies", secure, httptest.NewTLSServer, ginperimeter.Config{}},
		{"a form for the token alone", plain, httptest.NewServer, ginperimeter.Config{TokenOnly: true}},
		{"a gateway elsewhere", plain, httptest.NewServer, ginperimeter.Config{GatewayPath: "/enter"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
				cfg := tt.cfg
				cfg.DB = db
				gate, err := ginperimeter.New(cfg)
				if err != nil {
					t.Fatal(err)
				}
				r := gin.New()
				r.GET("/page", func(c *gin.Context) {
					v, ok := ginperimeter.Visitor(c)
					c.String(200, "%v %s %s", ok, v.Name, v.TokenLabel)
				})
				server := tt.start(gate.Protect(r, sessions.Sessions("site", store(tt.options))))
				t.Cleanup(server.Close)
				inside := perimetertest.Enter(t, server, db)
				resp, err := inside.Get(server.URL + "/page")
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				if resp.StatusCode != 200 || resp.Request.URL.Path != "/page" {
					t.Errorf("%s at %s", resp.Status, resp.Request.URL)
				}
				uses, err := models.ListAccessTokenUses(t.Context(), db, models.UseFilter{}, models.Page{})
				if err != nil || len(uses.Rows) != 1 || uses.Rows[0].TokenLabel != "perimetertest "+t.Name() {
					t.Errorf("uses %+v, %v", uses.Rows, err)
				}
				if name := uses.Rows[0].Name; name != "Test Visitor" && !tt.cfg.TokenOnly {
					t.Errorf("entered as %q", name)
				}
				if server.Client().Jar != nil {
					t.Error("the server's own client got the pass")
				}
			})
		})
	}
}

func TestEnterThatFails(t *testing.T) {
	t.Parallel()
	session := sessions.Sessions("site", store(plain))
	tests := []struct {
		name  string
		build func(r *gin.Engine, gate *ginperimeter.Gate)
		spoil func(t testing.TB, db *gorm.DB)
		want  string
	}{
		{"no gate", func(r *gin.Engine, _ *ginperimeter.Gate) { r.Use(session) }, nil, "a stranger was not sent to the gateway page but answered with 404 Not Found; is the gate mounted?"},
		{"no sessions", func(r *gin.Engine, gate *ginperimeter.Gate) { r.Use(gate.Middleware()) }, nil, "a stranger was not sent to the gateway page but answered with 500"},
		{"no tables", func(r *gin.Engine, gate *ginperimeter.Gate) { r.Use(session, gate.Middleware()) }, func(t testing.TB, db *gorm.DB) {
			if err := db.Migrator().DropTable("access_tokens"); err != nil {
				t.Fatal(err)
			}
		}, "perimetertest: creating an access token"},
		{"entries that can't be recorded", func(r *gin.Engine, gate *ginperimeter.Gate) { r.Use(session, gate.Middleware()) }, func(t testing.TB, db *gorm.DB) {
			if err := db.Migrator().DropTable("access_token_uses"); err != nil {
				t.Fatal(err)
			}
		}, "perimetertest: the gateway answered the token with 503 Service Unavailable"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := dbtest.Open(t)
			r := gin.New()
			tt.build(r, newGate(t, db))
			server := httptest.NewServer(r)
			t.Cleanup(server.Close)
			if tt.spoil != nil {
				tt.spoil(t, db)
			}
			f := failing(t, func(t testing.TB) { perimetertest.Enter(t, server, db) })
			if !f.ended || len(f.lines) != 1 || !strings.Contains(f.lines[0], tt.want) {
				t.Errorf("ended %v with %q, want %q", f.ended, f.lines, tt.want)
			}
		})
	}
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	db := dbtest.Open(t)
	if f := failing(t, func(t testing.TB) { perimetertest.Enter(t, server, db) }); !f.ended {
		t.Error("Enter did not notice that the server is closed")
	}
}
