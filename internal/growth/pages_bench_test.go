package growth_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/cookie"
	"github.com/gin-gonic/gin"

	"github.com/gin-perimeter/gin-perimeter/admin"
	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/gin-perimeter/gin-perimeter/internal/growth"
)

// BenchmarkPages measures what visitors and admins wait for, whole answers, on
// tables of several sizes.
func BenchmarkPages(b *testing.B) {
	gin.SetMode(gin.ReleaseMode)
	for _, kind := range growth.Kinds() {
		b.Run(kind, func(b *testing.B) {
			tables := growth.Tables(b, kind)
			sites := make(map[int]*site)
			for _, table := range tables {
				sites[table.Tokens] = newSite(b, table)
			}
			for _, work := range works() {
				b.Run(work.name, func(b *testing.B) {
					growth.InTurn(b, tables, func(_ context.Context, table growth.Table) error {
						return work.run(sites[table.Tokens])
					})
				})
			}
		})
	}
}

type work struct {
	name string
	run  func(*site) error
}

func works() []work {
	all := []work{
		{"authorised-request", func(s *site) error { return s.page("/", s.pass) }},
		{"entering", func(s *site) error { return s.enter() }},
	}
	since := url.Values{"since": {time.Now().UTC().Add(-24 * time.Hour).Format(time.DateOnly)}}.Encode()
	for _, page := range []struct{ name, path string }{
		{"overview", "/"},
		{"tokens-first", "/tokens"},
		{"tokens-last", "/tokens?last=1"},
		{"tokens-live", "/tokens?status=live"},
		{"tokens-by-expiry", "/tokens?sort=expiry"},
		{"tokens-searched-first", "/tokens?q=customer"},
		{"tokens-searched-last", "/tokens?q=customer&last=1"},
		{"tokens-searched-narrow", "/tokens?q=customer+0000001"},
		{"token", "/tokens/1"},
		{"uses-first", "/uses"},
		{"uses-last", "/uses?last=1"},
		{"uses-searched", "/uses?person=person7%40example.com"},
		{"uses-since", "/uses?" + since},
	} {
		all = append(all, work{"admin-" + page.name, func(s *site) error { return s.page(adminRoot+page.path, s.admin) }})
	}
	return all
}

const adminRoot = "/perimeter/admin"

// site is a gated site on one of the tables.
type site struct {
	handler http.Handler
	token   string
	cookies string // of a visitor inside
}

func newSite(b *testing.B, table growth.Table) *site {
	b.Helper()
	store := cookie.NewStore([]byte("a key for tests that has 32 bytes"))
	gate, err := ginperimeter.New(ginperimeter.Config{DB: table.DB})
	if err != nil {
		b.Fatal(err)
	}
	r := gin.New()
	if err := r.SetTrustedProxies(nil); err != nil {
		b.Fatal(err)
	}
	r.Use(sessions.Sessions("site", store))
	err = admin.Mount(r.Group(adminRoot), admin.Config{DB: table.DB, Auth: gin.BasicAuth(gin.Accounts{"anna": "pw"})})
	if err != nil {
		b.Fatal(err)
	}
	r.Use(gate.Middleware())
	r.GET("/", func(c *gin.Context) { c.String(http.StatusOK, "inside") })
	s := &site{handler: r, token: table.Token}
	if err := s.enter(); err != nil {
		b.Fatal(err)
	}
	return s
}

func (s *site) pass(r *http.Request)  { r.Header.Set("Cookie", s.cookies) }
func (s *site) admin(r *http.Request) { r.SetBasicAuth("anna", "pw") }

// page asks for a page, which must not be empty.
func (s *site) page(path string, as func(*http.Request)) error {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	as(r)
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	if w.Code != http.StatusOK || w.Body.Len() == 0 {
		return fmt.Errorf("GET %s: %d, %d bytes", path, w.Code, w.Body.Len())
	}
	return nil
}

// enter sends the gateway's form.
func (s *site) enter() error {
	form := url.Values{"token": {s.token}, "name": {"Ada Lovelace"}, "email": {"ada@example.com"}}
	r := httptest.NewRequest(http.MethodPost, "/perimeter/gateway", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	if w.Code != http.StatusSeeOther {
		return fmt.Errorf("entering: %d %.300s", w.Code, w.Body)
	}
	s.cookies, _, _ = strings.Cut(w.Header().Get("Set-Cookie"), ";")
	return nil
}
