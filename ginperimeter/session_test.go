package ginperimeter_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/cookie"
	"github.com/gin-gonic/gin"

	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/gin-perimeter/gin-perimeter/models"
)

// copyOf is another browser that got hold of this one's cookies.
func (c *client) copyOf() *client {
	c.t.Helper()
	other := newClient(c.t, c.base)
	at, err := url.Parse(c.base)
	if err != nil {
		c.t.Fatal(err)
	}
	other.http.Jar.SetCookies(at, c.http.Jar.Cookies(at))
	return other
}

// sessionCookies are the cookies of an answer besides the probe.
func sessionCookies(a answer) []*http.Cookie {
	var cookies []*http.Cookie
	for _, c := range a.Cookies() {
		if c.Name != "perimeter_probe" {
			cookies = append(cookies, c)
		}
	}
	return cookies
}

func TestEnteringGivesANewSession(t *testing.T) {
	t.Parallel()
	on(t, all, func(t *testing.T, w where) {
		s := newSite(t, ginperimeter.Config{DB: w.db, BypassPaths: []string{"/keep"}}, w.store)
		token, _ := newToken(t, s.db, models.NewAccessToken{})
		c := s.client()
		c.get("/keep?value=basket")
		planted := c.copyOf() // whoever put the session into the visitor's browser
		entered := c.enter(token, "/page")
		entered.want(t, http.StatusSeeOther, "/page")
		wantSilent(t, entered)
		if cookies := sessionCookies(entered); len(cookies) != 1 || cookies[0].Name != "site" || cookies[0].MaxAge <= 0 || !cookies[0].HttpOnly {
			t.Errorf("cookies %v, want the new session's alone", cookies)
		}
		c.get("/page").want(t, http.StatusOK, "")
		planted.get("/page").want(t, http.StatusFound, gatewayPath+"?next=%2Fpage")
		if kept := c.get("/keep").body; kept != `kept "basket"` {
			t.Errorf("the host's value: %s", kept)
		}
		if kept := planted.get("/keep").body; kept != `kept ""` && !strings.HasSuffix(t.Name(), "cookie") {
			t.Errorf("the old session lives: %s", kept)
		}
		c.get("/keep?value=full")
		c.get("/page").want(t, http.StatusOK, "")

		// leaving takes the pass out and nothing else
		c.post("/perimeter/leave", nil).want(t, http.StatusSeeOther, gatewayPath)
		c.get("/page").want(t, http.StatusFound, gatewayPath+"?next=%2Fpage")
		if kept := c.get("/keep").body; kept != `kept "full"` {
			t.Errorf("the host's value after leaving: %s", kept)
		}
	})
}

func TestSessionThatCannotBeSaved(t *testing.T) {
	t.Parallel()
	on(t, pairs, func(t *testing.T, w where) {
		store := watch(w.store)
		s := newSite(t, ginperimeter.Config{DB: w.db, BypassPaths: []string{"/keep"}}, store)
		token, _ := newToken(t, s.db, models.NewAccessToken{MaxUses: 1})
		c := s.client()
		c.get("/keep?value=basket")
		store.failSaves.Store(true)
		for range 3 {
			a := c.enter(token, "/page")
			a.want(t, http.StatusServiceUnavailable, "")
			a.wantText(t, "Your token can't be checked at the moment. Nothing is lost")
			if n := retryAfter(t, a); n < 1 || n > 60 {
				t.Errorf("Retry-After %d", n)
			}
			if value, _ := fieldOf(a, "token"); value != token {
				t.Errorf("the token field holds %q", value)
			}
			if cookies := sessionCookies(a); len(cookies) > 0 {
				t.Errorf("cookies %v", cookies)
			}
		}
		rowsAndCount(t, s, 0)
		if n := s.log.count("level=ERROR", "session store does not answer"); n != 1 {
			t.Errorf("logged %d times:\n%s", n, s.log.text())
		}
		c.get("/page").want(t, http.StatusFound, gatewayPath+"?next=%2Fpage")
		store.failSaves.Store(false)
		if kept := c.get("/keep").body; kept != `kept "basket"` {
			t.Errorf("the host's value: %s", kept)
		}
		c.enter(token, "/page").want(t, http.StatusSeeOther, "/page")
		c.get("/page").want(t, http.StatusOK, "")
		rowsAndCount(t, s, 1)
	})
}

// rowsAndCount checks that there are n entries and that the only token counts
// as many uses.
func rowsAndCount(t testing.TB, s *site, n int) {
	t.Helper()
	tokens, err := models.ListAccessTokens(context.Background(), s.db, models.TokenFilter{}, models.Page{})
	if err != nil {
		t.Fatal(err)
	}
	if rows := uses(t, s.db); len(rows) != n || len(tokens.Rows) != 1 || tokens.Rows[0].UseCount != n {
		t.Errorf("%d entries, tokens %+v; want %d", len(rows), tokens.Rows, n)
	}
}

// TestDatabaseThatFailsAfterTheSessionWasSaved must leave nothing half-way: no
// cookie, no row, the old session as it was.
func TestDatabaseThatFailsAfterTheSessionWasSaved(t *testing.T) {
	t.Parallel()
	on(t, all, func(t *testing.T, w where) {
		store := watch(w.store)
		s := newSite(t, ginperimeter.Config{DB: w.db, BypassPaths: []string{"/keep"}}, store)
		token, _ := newToken(t, s.db, models.NewAccessToken{MaxUses: 1})
		c := s.client()
		c.get("/keep?value=basket")
		p := breakable(t, s.db)
		p.set(poolReadOnly)
		saves := store.saves.Load()
		a := c.enter(token, "/page")
		a.want(t, http.StatusServiceUnavailable, "")
		if store.saves.Load() == saves {
			t.Fatal("the session was not saved first")
		}
		if cookies := sessionCookies(a); len(cookies) > 0 {
			t.Errorf("cookies %v", cookies)
		}
		if value, _ := fieldOf(a, "email"); value != "ada@example.com" {
			t.Errorf("the email field holds %q", value)
		}
		c.get("/page").want(t, http.StatusFound, gatewayPath+"?next=%2Fpage")
		if kept := c.get("/keep").body; kept != `kept "basket"` {
			t.Errorf("the host's value: %s", kept)
		}
		p.set(poolWorks)
		rowsAndCount(t, s, 0)
		c.enter(token, "/page").want(t, http.StatusSeeOther, "/page")
		c.get("/page").want(t, http.StatusOK, "")
		rowsAndCount(t, s, 1)
		if kept := c.get("/keep").body; kept != `kept "basket"` {
			t.Errorf("the host's value after entering: %s", kept)
		}
	})
}

// TestHostThatClearsTheSession ends the pass, in every browser where sessions
// are kept on the server.
func TestHostThatClearsTheSession(t *testing.T) {
	t.Parallel()
	on(t, all, func(t *testing.T, w where) {
		clock := newClock()
		s := newSite(t, ginperimeter.Config{DB: w.db, Now: clock.now}, w.store)
		token, _ := newToken(t, s.db, models.NewAccessToken{})
		c := s.client()
		c.enter(token, "").want(t, http.StatusSeeOther, "/")
		copied := c.copyOf()
		c.get("/page").want(t, http.StatusOK, "")
		copied.get("/page").want(t, http.StatusOK, "")
		c.get("/logout").want(t, http.StatusOK, "")
		clock.advance(5 * time.Second)
		c.get("/page").want(t, http.StatusFound, gatewayPath+"?next=%2Fpage")
		if !strings.HasSuffix(t.Name(), "cookie") {
			copied.get("/page").want(t, http.StatusFound, gatewayPath+"?next=%2Fpage")
		}
	})
}

func TestCookiesThatAreNoSession(t *testing.T) {
	t.Parallel()
	foreign := cookie.NewStore([]byte("somebody else's key, of 32 bytes"))
	foreign.Options(sessions.Options{Path: "/", MaxAge: 3600})
	strange := newSite(t, ginperimeter.Config{}, foreign)
	foreignToken, _ := newToken(t, strange.db, models.NewAccessToken{})
	stranger := strange.client()
	entered := stranger.enter(foreignToken, "")
	entered.want(t, http.StatusSeeOther, "/")
	on(t, pairs, func(t *testing.T, w where) {
		s := newSite(t, ginperimeter.Config{DB: w.db}, w.store)
		token, _ := newToken(t, s.db, models.NewAccessToken{})
		tests := []struct{ name, cookie string }{
			{"garbage", "site=garbage"},
			{"nothing", "site="},
			{"nothing, quoted", `site=""`},
			{"another site's session", "site=" + sessionCookies(entered)[0].Value},
			{"bytes that are no text", "site=\x80\x81"},
			{"30 KB", "site=" + strings.Repeat("A", 30<<10)},
			{"the same name twice", "site=a; site=b"},
			{"a name with a space before the equals sign", "site =a"},
			{"hundreds of cookies", strings.Repeat("site=x; ", 500)},
			{"nothing but separators", ";;;===;;; ,"},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				header := map[string]string{"Cookie": tt.cookie, "Content-Type": "application/x-www-form-urlencoded"}
				newClient(t, s.server.URL).do("GET", "/page", nil, header).want(t, http.StatusFound, gatewayPath+"?next=%2Fpage")
				newClient(t, s.server.URL).do("GET", gatewayPath, nil, header).want(t, http.StatusOK, "")
				form := person(token)
				form.Del("probe")
				a := newClient(t, s.server.URL).do("POST", gatewayPath, strings.NewReader(form.Encode()), header)
				a.want(t, http.StatusSeeOther, "/")
				if len(sessionCookies(a)) != 1 {
					t.Errorf("cookies %v", a.Cookies())
				}
				newClient(t, s.server.URL).do("POST", "/perimeter/leave", nil, header).want(t, http.StatusSeeOther, gatewayPath)
			})
		}
	})
}

// TestTokensAreNowhereAtRest looks for the token's text, and in cookies also for
// its digest, wherever the gate leaves something.
func TestTokensAreNowhereAtRest(t *testing.T) {
	t.Parallel()
	on(t, pairs, func(t *testing.T, w where) {
		s := newSite(t, ginperimeter.Config{DB: w.db}, w.store)
		generated, id := newToken(t, s.db, models.NewAccessToken{})
		custom, _ := newToken(t, s.db, models.NewAccessToken{Token: "correct horse battery"})
		row, err := models.GetAccessToken(context.Background(), s.db, id)
		if err != nil {
			t.Fatal(err)
		}
		var cookies strings.Builder
		for _, token := range []string{generated, custom} {
			c := s.client()
			for _, a := range []answer{c.enter(token, "/page"), c.get("/page"), c.get(gatewayPath)} {
				for _, cookie := range a.Cookies() {
					cookies.WriteString(unwrap(cookie.Value))
				}
			}
			s.client().do("GET", "/page", nil, map[string]string{"X-Perimeter-Token": token}).want(t, http.StatusOK, "")
		}
		for _, secret := range []string{generated, strings.ReplaceAll(generated, "-", ""), custom, row.Digest, row.Check()} {
			if strings.Contains(cookies.String(), secret) {
				t.Errorf("a cookie holds %q", secret)
			}
		}
		for _, table := range []string{"access_tokens", "access_token_uses", "access_token_changes"} {
			var rows []map[string]any
			if err := s.db.Table(table).Find(&rows).Error; err != nil || len(rows) == 0 {
				t.Fatalf("%s: %d rows, %v", table, len(rows), err)
			}
			for _, row := range rows {
				for column, value := range row {
					text, _ := value.(string)
					for _, secret := range []string{generated, strings.ReplaceAll(generated, "-", ""), custom} {
						if strings.Contains(text, secret) {
							t.Errorf("%s.%s holds a token", table, column)
						}
					}
				}
			}
		}
		if file, ok := strings.CutPrefix(w.database.DSN, "sqlite:"); ok {
			for _, name := range []string{file, file + "-wal"} {
				content, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				for _, secret := range []string{generated, strings.ReplaceAll(generated, "-", ""), custom} {
					if bytes.Contains(content, []byte(secret)) {
						t.Errorf("%s holds a token", name)
					}
				}
			}
		}
	})
}

// unwrap takes the base64 off a signed cookie, layer by layer.
func unwrap(value string) string {
	all := value
	for range 4 {
		decoded, err := base64.URLEncoding.DecodeString(value)
		if err != nil {
			decoded, err = base64.RawURLEncoding.DecodeString(value)
		}
		if err != nil {
			break
		}
		all += "\n" + string(decoded)
		parts := strings.Split(string(decoded), "|")
		if len(parts) < 2 {
			break
		}
		value = parts[1]
	}
	return all
}

func TestSeveralSessions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		session string
		works   bool
	}{
		{"named in the Config", "visitors", true},
		{"not named", "", false},
		{"named wrongly", "nobody", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			book := &logbook{}
			db := newDB(t)
			token, _ := newToken(t, db, models.NewAccessToken{})
			gate, err := ginperimeter.New(ginperimeter.Config{DB: db, Session: tt.session, Logger: book.logger()})
			if err != nil {
				t.Fatal(err)
			}
			r := gin.New()
			r.Use(sessions.SessionsMany([]string{"shop", "visitors"}, cookieStore()), gate.Middleware())
			r.GET("/page", func(c *gin.Context) { c.String(200, "page") })
			c := newClient(t, listen(t, r))
			if !tt.works {
				c.get("/page").want(t, http.StatusInternalServerError, "")
				if n := book.count("level=ERROR", "set Config.Session"); n != 1 {
					t.Errorf("log:\n%s", book.text())
				}
				return
			}
			entered := c.enter(token, "/page")
			entered.want(t, http.StatusSeeOther, "/page")
			if cookies := sessionCookies(entered); len(cookies) != 1 || cookies[0].Name != "visitors" {
				t.Errorf("cookies %v", cookies)
			}
			c.get("/page").want(t, http.StatusOK, "")
		})
	}
}
