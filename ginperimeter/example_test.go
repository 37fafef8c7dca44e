package ginperimeter_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/cookie"
	"github.com/gin-gonic/gin"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/gin-perimeter/gin-perimeter/ginperimeter/perimetertest"
	"github.com/gin-perimeter/gin-perimeter/models"
	"github.com/gin-perimeter/gin-perimeter/templates"
)

// openExample opens a database for an example, with its tables made.
func openExample() (db *gorm.DB, remove func()) {
	folder, err := os.MkdirTemp("", "perimeter")
	if err != nil {
		panic(err)
	}
	db, err = gorm.Open(sqlite.Open(filepath.Join(folder, "example.db")))
	if err != nil {
		panic(err)
	}
	if err := models.Migrate(db); err != nil {
		panic(err)
	}
	return db, func() {
		if pool, err := db.DB(); err == nil {
			pool.Close()
		}
		os.RemoveAll(folder)
	}
}

// exampleStore keeps sessions in cookies, as a host configures it for
// production: over HTTPS, out of reach of scripts.
func exampleStore() sessions.Store {
	store := cookie.NewStore([]byte("32 random bytes, from a secret!!"))
	store.Options(sessions.Options{Path: "/", MaxAge: 30 * 24 * 60 * 60, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	return store
}

// browse asks for a page as a browser does that holds no pass.
func browse(h http.Handler, target string) *http.Response {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

// The gate in one line, behind the sessions middleware and before the routes.
func ExampleMiddleware() {
	db, remove := openExample()
	defer remove()

	r := gin.New()
	r.Use(sessions.Sessions("site", exampleStore()))
	r.Use(ginperimeter.Middleware(db))
	r.GET("/report", func(c *gin.Context) { c.String(http.StatusOK, "secret figures") })

	answer := browse(r, "/report?year=2026")
	fmt.Println(answer.Status, answer.Header.Get("Location"))
	// Output:
	// 302 Found /perimeter/gateway?next=%2Freport%3Fyear%3D2026
}

// The gate with a Config: health checks and static files are open, the page
// bears the site's name.
func ExampleNew() {
	db, remove := openExample()
	defer remove()
	gate, err := ginperimeter.New(ginperimeter.Config{
		DB:          db,
		BypassPaths: []string{"/healthz", "/static/"},
		PassMaxAge:  12 * time.Hour,
		Look:        templates.Look{SiteName: "Acme preview", Help: "No token? Write to anna@example.com."},
	})
	if err != nil {
		panic(err)
	}

	r := gin.New()
	_ = r.SetTrustedProxies(nil) // or the addresses of your proxies
	r.Use(sessions.Sessions("site", exampleStore()), gate.Middleware())
	r.GET("/healthz", func(c *gin.Context) { c.String(http.StatusOK, "healthy") })
	r.GET("/", func(c *gin.Context) { c.String(http.StatusOK, "home") })

	for _, path := range []string{"/healthz", "/static/../", "/", "/perimeter/gateway"} {
		fmt.Println(path, browse(r, path).Status)
	}
	// Output:
	// /healthz 200 OK
	// /static/../ 302 Found
	// / 302 Found
	// /perimeter/gateway 200 OK
}

// Every mistake in the Config comes back at once, with what to do.
func ExampleNew_mistakes() {
	db, remove := openExample()
	defer remove()
	_, err := ginperimeter.New(ginperimeter.Config{DB: db, BypassPaths: []string{"/"}, Name: "my site"})
	fmt.Println(err)
	// Output:
	// ginperimeter: BypassPaths has "/", which would open the whole site; name the paths, or switch the gate off by InsecureDisabled
	// ginperimeter: Name "my site" may have letters, digits, - and _ only
}

// The most common mistake: the gate stands before the sessions middleware. It
// then knows nobody, lets nobody in, and says so in the log, once.
func ExampleMiddleware_wrongOrder() {
	db, remove := openExample()
	defer remove()
	withoutTime := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	gate, err := ginperimeter.New(ginperimeter.Config{
		DB: db, Logger: slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: withoutTime})),
	})
	if err != nil {
		panic(err)
	}

	r := gin.New()
	r.Use(gate.Middleware())                         // wrong: swap
	r.Use(sessions.Sessions("site", exampleStore())) // these lines
	r.GET("/", func(c *gin.Context) { c.String(200, "hi") })

	fmt.Println(browse(r, "/").Status)
	fmt.Println(browse(r, "/").Status)
	// Output:
	// level=ERROR msg="perimeter: the gate can't work and refuses everybody" event=perimeter.misconfigured error="ginperimeter: no session in the request; put r.Use(sessions.Sessions(name, store)) before the gate (with sessions.SessionsMany, set Config.Session to one of the names)"
	// 500 Internal Server Error
	// 500 Internal Server Error
}

// Protect guards what a middleware can't: routes registered before it, and
// Gin's own redirects, which tell strangers what exists.
func ExampleGate_Protect() {
	db, remove := openExample()
	defer remove()
	gate, err := ginperimeter.New(ginperimeter.Config{DB: db})
	if err != nil {
		panic(err)
	}

	r := gin.New()
	_ = r.SetTrustedProxies(nil)
	r.GET("/report/", func(c *gin.Context) { c.String(http.StatusOK, "secret figures") })
	protected := gate.Protect(r, sessions.Sessions("site", exampleStore()))

	for _, h := range []http.Handler{r, protected} {
		answer := browse(h, "/report")
		fmt.Println(answer.StatusCode, answer.Header.Get("Location"))
	}
	// Output:
	// 301 /report/
	// 302 /perimeter/gateway?next=%2Freport
}

// A handler behind the gate asks who came through. That makes no query.
func ExampleVisitor() {
	db, remove := openExample()
	defer remove()
	token, _, err := models.CreateAccessToken(context.Background(), db, models.NewAccessToken{
		Label: "Acme preview", ForName: "Grace Hopper", ForEmail: "grace@example.com",
	})
	if err != nil {
		panic(err)
	}

	r := gin.New()
	r.Use(sessions.Sessions("site", exampleStore()), ginperimeter.Middleware(db))
	r.GET("/", func(c *gin.Context) {
		if visitor, ok := ginperimeter.Visitor(c); ok {
			c.String(http.StatusOK, "Hello %s, here for the %s.", visitor.Name, visitor.TokenLabel)
		}
	})

	request := httptest.NewRequest(http.MethodGet, "/", nil)
	request.Header.Set(ginperimeter.HeaderName, token) // as a program does
	answer := httptest.NewRecorder()
	r.ServeHTTP(answer, request)
	fmt.Println(answer.Body)
	// Output:
	// Hello Grace Hopper, here for the Acme preview.
}

// A part of a site behind the gate: the gateway page is then mounted once, for
// everybody.
func ExampleGate_Routes() {
	db, remove := openExample()
	defer remove()
	gate, err := ginperimeter.New(ginperimeter.Config{DB: db})
	if err != nil {
		panic(err)
	}

	r := gin.New()
	r.Use(sessions.Sessions("site", exampleStore()))
	gate.Routes(r)
	r.GET("/", func(c *gin.Context) { c.String(http.StatusOK, "public") })
	beta := r.Group("/beta", gate.Middleware())
	beta.GET("/new", func(c *gin.Context) { c.String(http.StatusOK, "secret plans") })

	for _, path := range []string{"/", "/perimeter/gateway", "/beta/new"} {
		fmt.Println(path, browse(r, path).StatusCode)
	}
	// Output:
	// / 200
	// /perimeter/gateway 200
	// /beta/new 302
}

// newHost is a host application, as its main function builds it.
func newHost(db *gorm.DB) (http.Handler, gin.RoutesInfo, error) {
	gate, err := ginperimeter.New(ginperimeter.Config{DB: db, BypassPaths: []string{"/healthz"}})
	if err != nil {
		return nil, nil, err
	}
	r := gin.New()
	_ = r.SetTrustedProxies(nil)
	r.GET("/healthz", func(c *gin.Context) { c.String(http.StatusOK, "healthy") })
	r.GET("/users/:id", func(c *gin.Context) { c.String(http.StatusOK, "user %s", c.Param("id")) })
	return gate.Protect(r, sessions.Sessions("site", exampleStore())), r.Routes(), nil
}

// TestHost is how a host tests that all its routes are behind the gate, and
// what stands behind it.
func TestHost(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	handler, routes, err := newHost(db)
	if err != nil {
		t.Fatal(err)
	}
	perimetertest.Covered(t, handler, routes, "/healthz")

	server := httptest.NewTLSServer(handler) // the session's cookie is Secure
	t.Cleanup(server.Close)
	inside := perimetertest.Enter(t, server, db)
	resp, err := inside.Get(server.URL + "/users/7")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "user 7" {
		t.Errorf("%s %q, %v", resp.Status, body, err)
	}
}
