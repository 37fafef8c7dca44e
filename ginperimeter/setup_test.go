package ginperimeter_test

import (
	"cmp"
	"context"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/cookie"
	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/gin-perimeter/gin-perimeter/internal/dbtest"
	"github.com/gin-perimeter/gin-perimeter/models"
)

func init() { gin.SetMode(gin.TestMode) }

// newDB is a migrated SQLite database in a file of its own.
func newDB(t testing.TB) *gorm.DB {
	t.Helper()
	return dbtest.Open(t)
}

// newToken makes a token and answers its text and ID.
func newToken(t testing.TB, db *gorm.DB, n models.NewAccessToken) (string, uint) {
	t.Helper()
	token, row, err := models.CreateAccessToken(context.Background(), db, n)
	if err != nil {
		t.Fatal(err)
	}
	return token, row.ID
}

// cookieStore works over plain http, as tests need it.
func cookieStore() sessions.Store {
	store := cookie.NewStore([]byte("a key for tests that has 32 bytes"))
	store.Options(sessions.Options{Path: "/", MaxAge: 86400, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	return store
}

// site is a guarded site on a real server.
type site struct {
	t      testing.TB
	db     *gorm.DB
	gate   *ginperimeter.Gate
	engine *gin.Engine
	server *httptest.Server
	log    *logbook     // what the gate logged
	ran    atomic.Int64 // how often anything behind the gate ran
}

// newSite guards a few pages. A nil store is a cookie store.
func newSite(t testing.TB, cfg ginperimeter.Config, store sessions.Store) *site {
	t.Helper()
	if cfg.DB == nil {
		cfg.DB = newDB(t)
	}
	if store == nil {
		store = cookieStore()
	}
	book := &logbook{}
	if cfg.Logger == nil {
		cfg.Logger = book.logger()
	}
	gate, err := ginperimeter.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r := gin.New()
	if err := r.SetTrustedProxies(nil); err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, db: cfg.DB, gate: gate, engine: r, log: book}
	r.Use(sessions.Sessions("site", store), gate.Middleware(), func(*gin.Context) { s.ran.Add(1) })
	r.GET("/", func(c *gin.Context) { c.String(200, "home of the site") })
	r.GET("/page", func(c *gin.Context) { c.String(200, "page of the site") })
	r.GET("/who", func(c *gin.Context) {
		v, ok := ginperimeter.Visitor(c)
		c.JSON(200, gin.H{"ok": ok, "name": v.Name, "email": v.Email, "label": v.TokenLabel, "header": c.GetHeader("X-Perimeter-Token")})
	})
	r.GET("/logout", func(c *gin.Context) {
		s := sessions.Default(c)
		s.Clear()
		if err := s.Save(); err != nil {
			t.Error(err)
		}
	})
	r.POST("/form", func(c *gin.Context) { c.String(200, "form of the site") })
	r.GET("/keep", func(c *gin.Context) { // the host's own value in the session
		session := sessions.Default(c)
		if value := c.Query("value"); value != "" {
			session.Set("host", value)
			if err := session.Save(); err != nil {
				c.Status(http.StatusInternalServerError)
				return
			}
		}
		kept, _ := session.Get("host").(string)
		c.String(200, "kept %q", kept)
	})
	s.server = httptest.NewServer(r)
	t.Cleanup(s.server.Close)
	return s
}

// client is a browser: it keeps cookies, follows no redirect, and says that it
// goes to pages.
type client struct {
	t    testing.TB
	base string
	http *http.Client
}

func (s *site) client() *client { return newClient(s.t, s.server.URL) }

func newClient(t testing.TB, base string) *client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	// a transport of its own: every httptest.Server that closes cuts the idle
	// connections of the default one, which parallel tests would share
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &client{t: t, base: base, http: &http.Client{
		Transport: transport, Jar: jar, Timeout: 30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// answer is a response that was read.
type answer struct {
	*http.Response
	body string
}

func (c *client) do(method, target string, body io.Reader, header map[string]string) answer {
	c.t.Helper()
	req, err := http.NewRequest(method, c.base+target, body)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html")
	for key, value := range header {
		req.Header.Set(key, value)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	return read(c.t, resp)
}

func read(t testing.TB, resp *http.Response) answer {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp, string(b)}
}

func (c *client) get(target string) answer { return c.do("GET", target, nil, nil) }

func (c *client) post(target string, form url.Values) answer {
	return c.do("POST", target, strings.NewReader(form.Encode()), map[string]string{
		"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "same-origin",
	})
}

const gatewayPath = "/perimeter/gateway"

// enter opens the form and sends it.
func (c *client) enter(token, next string) answer {
	c.t.Helper()
	target := gatewayPath
	if next != "" {
		target += "?next=" + url.QueryEscape(next)
	}
	c.get(target)
	return c.post(target, person(token))
}

func person(token string) url.Values {
	return url.Values{"token": {token}, "name": {"Ada Lovelace"}, "email": {"ada@example.com"}, "probe": {"1"}}
}

func (a answer) want(t testing.TB, status int, location string) {
	t.Helper()
	if a.StatusCode != status || a.Header.Get("Location") != location {
		t.Errorf("%s %s: %d to %q, want %d to %q; body %.200q", a.Request.Method, a.Request.URL.Path,
			a.StatusCode, a.Header.Get("Location"), status, location, a.body)
	}
}

// uses are all entries, the newest first.
func uses(t testing.TB, db *gorm.DB) []models.AccessTokenUse {
	t.Helper()
	rows, err := models.ListAccessTokenUses(context.Background(), db, models.UseFilter{}, models.Page{Size: 1000})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(rows.Rows, func(a, b models.AccessTokenUse) int { return cmp.Compare(b.ID, a.ID) })
	return rows.Rows
}

func migrate(t testing.TB, db *gorm.DB) {
	t.Helper()
	if err := models.Migrate(db); err != nil {
		t.Fatal(err)
	}
}

// retryAfter reads a Retry-After.
func retryAfter(t testing.TB, a answer) int {
	t.Helper()
	n, err := strconv.Atoi(a.Header.Get("Retry-After"))
	if err != nil {
		t.Errorf("Retry-After %q: %v", a.Header.Get("Retry-After"), err)
	}
	return n
}

// wantText fails unless the answer's page has these texts, as a reader sees them.
func (a answer) wantText(t testing.TB, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(html.UnescapeString(a.body), text) {
			t.Errorf("%s %s: %d lacks %q; body %.3000q", a.Request.Method, a.Request.URL.Path, a.StatusCode, text, a.body)
		}
	}
}

// errorCode is the code of a JSON answer.
func (a answer) errorCode() string {
	var body struct{ Error string }
	if json.Unmarshal([]byte(a.body), &body) != nil {
		return ""
	}
	return body.Error
}

// listen serves a handler and answers its address.
func listen(t testing.TB, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

// withForm makes a request a sent form.
func withForm(r *http.Request, form url.Values) *http.Request {
	r.Body = io.NopCloser(strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}
