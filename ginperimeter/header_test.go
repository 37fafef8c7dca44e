package ginperimeter_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"

	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/gin-perimeter/gin-perimeter/models"
)

// serve asks a handler without a network between.
func serve(t testing.TB, h http.Handler, method, target string, header map[string]string) answer {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	for key, value := range header {
		r.Header.Set(key, value)
	}
	return serveRequest(h, r)
}

func serveRequest(h http.Handler, r *http.Request) answer {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	resp := w.Result()
	resp.Request = r
	return answer{resp, w.Body.String()}
}

func TestHeaderTokens(t *testing.T) {
	t.Parallel()
	on(t, pairs, func(t *testing.T, w where) {
		s := newSite(t, ginperimeter.Config{DB: w.db, Attempts: ginperimeter.Limit{Count: 1000, Per: time.Minute}, AttemptsFromAll: ginperimeter.Limit{Count: 1000, Per: time.Minute}}, w.store)
		good, _ := newToken(t, s.db, models.NewAccessToken{Label: "CI"})
		custom, _ := newToken(t, s.db, models.NewAccessToken{Token: "correct horse battery"})
		limited, _ := newToken(t, s.db, models.NewAccessToken{MaxUses: 5})
		expired, expiredID := newToken(t, s.db, models.NewAccessToken{})
		runSQL(t, s.db, "UPDATE access_tokens SET expires_at = ? WHERE id = ?", time.Now().UTC().Add(-time.Hour), expiredID)
		off, offID := newToken(t, s.db, models.NewAccessToken{})
		if err := models.DeactivateAccessToken(context.Background(), s.db, offID); err != nil {
			t.Fatal(err)
		}
		gone, goneID := newToken(t, s.db, models.NewAccessToken{})
		if err := models.DeleteAccessToken(context.Background(), s.db, goneID); err != nil {
			t.Fatal(err)
		}
		inside := s.client()
		inside.enter(good, "").want(t, http.StatusSeeOther, "/")

		const invalid, notForHeader = "perimeter_token_invalid", "perimeter_token_not_for_header"
		tests := []struct {
			name    string
			values  []string
			session bool // beside a valid session
			status  int
			code    string
		}{
			{"a valid token", []string{good}, false, 200, ""},
			{"a valid token beside a session", []string{good}, true, 200, ""},
			{"a valid token with spaces around", []string{"  " + good + "\t"}, false, 200, ""},
			{"a valid token in lower case without hyphens", []string{strings.ToLower(strings.ReplaceAll(good, "-", ""))}, false, 200, ""},
			{"a custom token", []string{custom}, false, 200, ""},
			{"a custom token in other case", []string{strings.ToUpper(custom)}, false, 401, invalid},
			{"two equal headers", []string{good, good}, false, 200, ""},
			{"a blank header beside a valid one", []string{"", good}, false, 200, ""},
			{"two headers that differ", []string{good, custom}, false, 401, invalid},
			{"two headers that differ in form only", []string{good, strings.ToLower(good)}, false, 401, invalid},
			{"two headers that differ beside a session", []string{good, custom}, true, 401, invalid},
			{"a valid one and a wrong one", []string{good, "wrong"}, false, 401, invalid},
			{"two joined by a comma, as proxies do", []string{good + ", " + good}, false, 401, invalid},
			{"two joined by a comma beside a session", []string{good + "," + custom}, true, 401, invalid},
			{"a blank header without a session", []string{" "}, false, 401, "perimeter_token_required"},
			{"a blank header beside a session", []string{" "}, true, 200, ""},
			{"two blank headers beside a session", []string{"", "\t"}, true, 200, ""},
			{"an unknown token", []string{models.GenerateToken()}, false, 401, invalid},
			{"an unknown token beside a session", []string{models.GenerateToken()}, true, 401, invalid},
			{"a mistyped token", []string{good[:len(good)-1] + "0"}, false, 401, invalid},
			{"a short text", []string{"x"}, false, 401, invalid},
			{"a very long text", []string{strings.Repeat("x", 100_000)}, false, 401, invalid},
			{"bytes that are no UTF-8", []string{"\xff\xfe-perimeter"}, false, 401, invalid},
			{"an expired token", []string{expired}, false, 401, invalid},
			{"an expired token beside a session", []string{expired}, true, 401, invalid},
			{"a deactivated token", []string{off}, false, 401, invalid},
			{"a deleted token", []string{gone}, true, 401, invalid},
			{"a token with max uses", []string{limited}, false, 401, notForHeader},
			{"a token with max uses beside a session", []string{limited}, true, 401, notForHeader},
		}
		for _, tt := range tests {
			// not parallel: what ran is counted
			t.Run(tt.name, func(t *testing.T) {
				for _, page := range []bool{false, true} {
					req, err := http.NewRequest("GET", s.server.URL+"/who", nil)
					if err != nil {
						t.Fatal(err)
					}
					req.Header["X-Perimeter-Token"] = tt.values
					if page { // a browser's request gets no redirect either
						req.Header.Set("Sec-Fetch-Mode", "navigate")
						req.Header.Set("Accept", "text/html")
					}
					c := s.client()
					if tt.session {
						c.http.Jar.SetCookies(req.URL, inside.http.Jar.Cookies(req.URL))
					}
					ran := s.ran.Load()
					a := c.send(req)
					if page && tt.code == "perimeter_token_required" {
						a.want(t, http.StatusFound, gatewayPath+"?next=%2Fwho")
						continue
					}
					a.want(t, tt.status, "")
					if cookies := a.Header.Values("Set-Cookie"); len(cookies) > 0 {
						t.Errorf("cookies were set: %q", cookies)
					}
					if reached := s.ran.Load() > ran; reached != (tt.status == 200) {
						t.Errorf("the next handler ran: %v", reached)
					}
					if tt.status == 200 {
						if strings.Contains(a.body, `"header":"",`) && strings.Contains(a.body, `"ok":true`) {
							continue
						}
						t.Errorf("the handler saw %s", a.body)
						continue
					}
					wantSilent(t, a)
					wantHeader(t, a, "WWW-Authenticate", "Perimeter")
					if a.errorCode() != tt.code {
						t.Errorf("error %q, want %q", a.errorCode(), tt.code)
					}
				}
			})
		}
	})
}

// send sends a request as it is.
func (c *client) send(req *http.Request) answer {
	c.t.Helper()
	resp, err := c.http.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	return read(c.t, resp)
}

func TestHeaderTokenIsRecordedOncePerAddressAndHour(t *testing.T) {
	t.Parallel()
	on(t, pairs, func(t *testing.T, w where) {
		clock := newClock()
		clock.advance(clock.start.Truncate(time.Hour).Add(time.Hour).Sub(clock.start)) // a whole hour
		cfg := ginperimeter.Config{DB: w.db, Now: clock.now}
		s := newSite(t, cfg, w.store)
		cfg.DB = w.database.Open(t)
		other := newSite(t, cfg, w.store)
		for _, s := range []*site{s, other} {
			if err := s.engine.SetTrustedProxies([]string{"127.0.0.1"}); err != nil {
				t.Fatal(err)
			}
		}
		token, id := newToken(t, s.db, models.NewAccessToken{Label: "CI", ExpiresAt: models.Never})
		ask := func(s *site, ip string) {
			header := map[string]string{"X-Perimeter-Token": token, "X-Forwarded-For": ip, "User-Agent": "build/1.0"}
			s.client().do("GET", "/page", nil, header).want(t, http.StatusOK, "")
		}
		var group sync.WaitGroup
		for range 5 {
			for _, s := range []*site{s, other} {
				group.Go(func() { ask(s, "192.0.2.1") })
			}
		}
		group.Wait()
		for range 3 {
			ask(s, "2001:db8::7")
			ask(other, "2001:db8::7")
		}
		clock.advance(59 * time.Minute)
		ask(s, "192.0.2.1")
		if rows := uses(t, s.db); len(rows) != 2 {
			t.Fatalf("%d rows in the first hour, want 2: %+v", len(rows), rows)
		}
		clock.advance(time.Minute)
		ask(s, "192.0.2.1")
		ask(other, "192.0.2.1")
		rows := uses(t, s.db)
		if len(rows) != 3 {
			t.Fatalf("%d rows in two hours, want 3: %+v", len(rows), rows)
		}
		row := rows[1]
		if row.Channel != models.ChannelHeader || row.IP != "2001:db8::7" || row.UserAgent != "build/1.0" || row.TokenID != id || row.TokenLabel != "CI" || row.Name != "" {
			t.Errorf("row %+v", row)
		}
	})
}

// TestHeaderIsNotProxied sends a request through a handler that is a reverse
// proxy: its back end must not see the token.
func TestHeaderIsNotProxied(t *testing.T) {
	t.Parallel()
	got := make(chan http.Header, 1)
	backEnd := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { got <- r.Header.Clone() }))
	t.Cleanup(backEnd.Close)
	target, err := url.Parse(backEnd.URL)
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, ginperimeter.Config{}, nil)
	s.engine.NoRoute(gin.WrapH(httputil.NewSingleHostReverseProxy(target)))
	token, _ := newToken(t, s.db, models.NewAccessToken{})
	s.client().do("GET", "/behind", nil, map[string]string{"X-Perimeter-Token": token, "X-Other": "stays"})
	if header := <-got; header.Get("X-Perimeter-Token") != "" || header.Get("X-Other") != "stays" {
		t.Errorf("the back end saw %v", header)
	}
}

// TestGateTwiceOnTheWayOfAHeaderToken puts one gate in front of another place
// of the same site: who came through the first is not asked again.
func TestGateTwiceOnTheWayOfAHeaderToken(t *testing.T) {
	t.Parallel()
	s := newSite(t, ginperimeter.Config{}, nil)
	s.engine.Group("/beta", s.gate.Middleware()).GET("/page", func(c *gin.Context) {
		v, _ := ginperimeter.Visitor(c)
		c.String(200, "beta for %s", v.TokenLabel)
	})
	token, _ := newToken(t, s.db, models.NewAccessToken{Label: "CI"})
	header := map[string]string{"X-Perimeter-Token": token}
	protected := s.gate.Protect(s.engine, sessions.Sessions("site", cookieStore()))
	for name, h := range map[string]http.Handler{"group": s.engine, "Protect, Use and group": protected} {
		if a := serve(t, h, "GET", "/beta/page", header); a.StatusCode != 200 || a.body != "beta for CI" {
			t.Errorf("%s: %d %q", name, a.StatusCode, a.body)
		}
		if a := serve(t, h, "GET", "/beta/page", nil); a.StatusCode != 401 {
			t.Errorf("%s: a stranger got %d", name, a.StatusCode)
		}
	}
}

// TestHeaderTokenGoesOnInside follows a request that a handler sends through
// the engine again, and into a second gate on another session of the same GORM.
func TestHeaderTokenGoesOnInside(t *testing.T) {
	t.Parallel()
	s := newSite(t, ginperimeter.Config{}, nil)
	second, err := ginperimeter.New(ginperimeter.Config{DB: s.db.WithContext(context.Background()), Name: "second"})
	must(t, err)
	s.engine.GET("/again", func(c *gin.Context) {
		c.Request.URL.Path = "/page"
		s.engine.HandleContext(c)
	})
	s.engine.Group("/inner", second.Middleware()).GET("/page", func(c *gin.Context) { c.String(200, "inner") })
	token, _ := newToken(t, s.db, models.NewAccessToken{Label: "CI"})
	for _, path := range []string{"/again", "/inner/page"} {
		if a := serve(t, s.engine, "GET", path, map[string]string{"X-Perimeter-Token": token}); a.StatusCode != 200 {
			t.Errorf("%s: %d %q", path, a.StatusCode, a.body)
		}
		if a := serve(t, s.engine, "GET", path, map[string]string{"X-Perimeter-Token": "wrong"}); a.StatusCode != 401 {
			t.Errorf("%s with a wrong token: %d", path, a.StatusCode)
		}
	}
	elsewhere := newDB(t) // the same token text there is another token
	other, err := ginperimeter.New(ginperimeter.Config{DB: elsewhere, Name: "other"})
	must(t, err)
	s.engine.Group("/other", other.Middleware()).GET("/page", func(c *gin.Context) { c.String(200, "other") })
	if a := serve(t, s.engine, "GET", "/other/page", map[string]string{"X-Perimeter-Token": token}); a.StatusCode != 401 {
		t.Errorf("a gate on another database: %d", a.StatusCode)
	}
}

// TestHeaderTokenIssuedToAPerson names that person to the handlers.
func TestHeaderTokenIssuedToAPerson(t *testing.T) {
	t.Parallel()
	s := newSite(t, ginperimeter.Config{}, nil)
	token, _ := newToken(t, s.db, models.NewAccessToken{Label: "for Grace", ForName: "Grace Hopper", ForEmail: "grace@example.com"})
	a := s.client().do("GET", "/who", nil, map[string]string{"X-Perimeter-Token": token})
	if a.body != `{"email":"grace@example.com","header":"","label":"for Grace","name":"Grace Hopper","ok":true}` {
		t.Errorf("visitor %s", a.body)
	}
	if rows := uses(t, s.db); len(rows) != 1 || rows[0].Name != "Grace Hopper" || rows[0].Email != "grace@example.com" {
		t.Errorf("uses %+v", rows)
	}
}

func TestHeaderTokenWithoutSessions(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	token, _ := newToken(t, db, models.NewAccessToken{})
	gate, err := ginperimeter.New(ginperimeter.Config{DB: db, Logger: (&logbook{}).logger()})
	if err != nil {
		t.Fatal(err)
	}
	r := gin.New()
	r.Use(gate.Middleware())
	r.GET("/", func(c *gin.Context) { c.String(200, "in") })
	if a := serve(t, r, "GET", "/", map[string]string{"X-Perimeter-Token": token}); a.StatusCode != 200 {
		t.Errorf("a program needs no session, but got %d", a.StatusCode)
	}
}
