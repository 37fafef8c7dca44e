package e2e

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/cookie"
	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/admin"
	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/gin-perimeter/gin-perimeter/ginviewpass"
	"github.com/gin-perimeter/gin-perimeter/internal/database"
	"github.com/gin-perimeter/gin-perimeter/models"
)

const viewReport = "reporting.view_report"

// host is a site in this process, for what the demo does not show: admin pages
// outside of the gate, a page that only a link opens, a database that is away.
type host struct {
	t      testing.TB
	origin string
	db     *gorm.DB
	key    []byte
	links  *ginviewpass.Links
	other  string // the origin of a site that pages of this one link to
}

// startHost serves until the test ends. adapt may change the gate's Config.
func startHost(t testing.TB, adapt func(*ginperimeter.Config)) *host {
	t.Helper()
	gin.SetMode(gin.ReleaseMode)
	h := &host{t: t, key: make([]byte, 32), db: openDatabase(t, filepath.Join(t.TempDir(), "host.db"))}
	_, _ = rand.Read(h.key)
	if err := models.Migrate(h.db); err != nil {
		t.Fatal(err)
	}
	engine := gin.New()
	if err := engine.SetTrustedProxies(nil); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(engine)
	t.Cleanup(server.Close)
	h.origin = server.URL
	h.links = signer(t, h.key, h.origin, nil)

	config := ginperimeter.Config{DB: h.db, BypassPaths: []string{"/open/"}, Bypass: h.links.Granted}
	if adapt != nil {
		adapt(&config)
	}
	gate, err := ginperimeter.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = gate.Shutdown(context.Background()) })
	h.routes(engine, gate)
	return h
}

func (h *host) routes(r *gin.Engine, gate *ginperimeter.Gate) {
	h.t.Helper()
	err := admin.Mount(r.Group("/admin"), admin.Config{
		DB: h.db, Auth: gin.BasicAuth(gin.Accounts{"admin": "admin"}),
		Links: h.links, Permissions: []string{viewReport},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	store := cookie.NewStore(h.key)
	store.Options(sessions.Options{Path: "/", MaxAge: 3600, HttpOnly: true})
	r.Use(sessions.Sessions("site", store), h.links.Middleware(), gate.Middleware())
	r.GET("/", func(c *gin.Context) { h.page(c, "Home", `<a href="`+h.other+`/elsewhere">Elsewhere</a>`) })
	report := func(c *gin.Context) { h.page(c, "Report", `<a href="`+h.other+`/elsewhere">Elsewhere</a>`) }
	r.GET("/report/", h.links.Require(viewReport), report)
	r.GET("/open/report/", h.links.Require(viewReport), report)
	r.GET("/open/form/", func(c *gin.Context) {
		h.page(c, "Form", `<form method="post" action="/save"><button>Send</button></form>`)
	})
}

func (h *host) page(c *gin.Context, heading, body string) {
	c.Header("Content-Type", "text/html; charset=utf-8")
	c.String(200, `<!doctype html><html lang="en"><title>%s</title><main><h1>%s</h1>%s</main></html>`, heading, heading, body)
}

// token makes a token that holds for a day.
func (h *host) token(label string) (string, models.AccessToken) {
	h.t.Helper()
	return makeToken(h.t, h.db, models.NewAccessToken{Label: label})
}

// signIn opens a page of the admin, which needs no pass here.
func (h *host) signIn(v *visitor, path string) {
	h.t.Helper()
	v.open(fmt.Sprintf("http://admin:admin@%s%s", h.origin[len("http://"):], path))
	v.open(path)
}

func makeToken(t testing.TB, db *gorm.DB, n models.NewAccessToken) (string, models.AccessToken) {
	t.Helper()
	token, row, err := models.CreateAccessToken(models.WithActor(context.Background(), "admin"), db, n)
	if err != nil {
		t.Fatal(err)
	}
	return token, row
}

// expire lets a token have run out two days ago.
func expire(t testing.TB, db *gorm.DB, row models.AccessToken) time.Time {
	t.Helper()
	at := time.Now().UTC().Add(-48 * time.Hour).Truncate(time.Second)
	if err := db.Model(&models.AccessToken{}).Where("id = ?", row.ID).Update("expires_at", at).Error; err != nil {
		t.Fatal(err)
	}
	return at
}

// openDatabase opens a SQLite file until the test ends.
func openDatabase(t testing.TB, file string) *gorm.DB {
	t.Helper()
	db, err := database.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if pool, err := db.DB(); err == nil {
			pool.Close()
		}
	})
	return db
}

// signer makes links for a site, by a clock of its own.
func signer(t testing.TB, key []byte, origin string, now func() time.Time) *ginviewpass.Links {
	t.Helper()
	links, err := ginviewpass.New(ginviewpass.Config{Keys: [][]byte{key}, BaseURL: origin, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return links
}

// linkMade is a link that was made so long ago, for an hour.
func linkMade(t testing.TB, key []byte, origin, path string, ago time.Duration) string {
	t.Helper()
	links := signer(t, key, origin, func() time.Time { return time.Now().Add(-ago) })
	link, err := links.AbsoluteURL(path, viewReport, ginviewpass.ExpiresIn(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return link
}
