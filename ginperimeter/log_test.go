package ginperimeter_test

import (
	"context"
	"log"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/gin-perimeter/gin-perimeter/models"
)

// captureAll takes what is logged through the packages' defaults, too, and
// through Gin. The test must not be parallel.
func captureAll(t *testing.T) *logbook {
	t.Helper()
	book := &logbook{}
	slogBefore, ginBefore, ginErrBefore := slog.Default(), gin.DefaultWriter, gin.DefaultErrorWriter
	slog.SetDefault(book.logger())
	log.SetOutput(book)
	gin.DefaultWriter, gin.DefaultErrorWriter = book, book
	t.Cleanup(func() {
		slog.SetDefault(slogBefore)
		log.SetOutput(os.Stderr)
		gin.DefaultWriter, gin.DefaultErrorWriter = ginBefore, ginErrBefore
	})
	return book
}

// TestNoTokenIsLogged goes through all that can happen, while everything logs
// as much as it can, and looks for the tokens in it.
func TestNoTokenIsLogged(t *testing.T) {
	inTurn(t, pairs, func(t *testing.T, w where) {
		book := captureAll(t)
		w.db.Logger = logger.New(log.New(book, "gorm ", 0), logger.Config{LogLevel: logger.Info, ParameterizedQueries: true})
		clock, store := newClock(), watch(w.store)
		var pool *pool
		gate, err := ginperimeter.New(ginperimeter.Config{
			DB: w.db.Session(&gorm.Session{}), Now: clock.now, Logger: book.logger(),
			Observe: func(e ginperimeter.Event) { slog.Info("observed", "kind", e.Kind, "reason", e.Reason) },
		})
		must(t, err)
		generated, _ := newToken(t, w.db, models.NewAccessToken{})
		newToken(t, w.db, models.NewAccessToken{Token: custom})
		limited, _ := newToken(t, w.db, models.NewAccessToken{MaxUses: 1})
		unknown := models.GenerateToken()
		const guess = "open sesame open sesame"
		pool = breakable(t, w.db)

		r := gin.New()
		r.Use(gin.Logger(), gin.Recovery(), sessions.Sessions("site", store), gate.Middleware())
		r.GET("/page", func(c *gin.Context) { c.String(200, "page") })
		s := &site{t: t, db: w.db, gate: gate, engine: r}
		c := newClient(t, listen(t, r))
		all := func() {
			for _, token := range []string{generated, custom, limited, unknown, guess, mistyped(generated), generated + "\x00", strings.Repeat(generated, 50)} {
				c.enter(token, "/page")
				c.get("/page")
				c.post("/perimeter/leave", nil)
				s.try("192.0.2.1:1", token)
				if !strings.Contains(token, "\x00") {
					s.tryHeader("192.0.2.2:1", token)
				}
			}
			clock.advance(6 * time.Second)
		}
		all()
		store.failSaves.Store(true)
		all()
		store.failReads.Store(true)
		all()
		store.failReads.Store(false)
		store.failSaves.Store(false)
		pool.set(poolReadOnly)
		all()
		pool.set(poolFails)
		all()
		pool.set(poolWorks)
		clock.advance(time.Minute)
		all()
		text := book.text()
		for _, expected := range []string{"POST", "event=perimeter.away", "access_tokens", "kind=denied"} {
			if !strings.Contains(text, expected) {
				t.Errorf("the log lacks %q: is it captured?", expected)
			}
		}
		for _, secret := range []string{generated, custom, limited, unknown, guess} {
			compact := strings.ReplaceAll(secret, "-", "")
			for _, form := range []string{secret, compact, strings.ToLower(secret), strings.ReplaceAll(secret, " ", "+"), strings.ReplaceAll(secret, " ", "%20")} {
				if at := strings.Index(text, form); at >= 0 {
					t.Errorf("a token is logged: …%s…", text[max(0, at-200):min(len(text), at+60)])
				}
			}
		}
	})
}

// TestGarbageCookiesDontFloodTheLog sends what cannot be read: the session
// package logs an error for every session that it is asked for.
func TestGarbageCookiesDontFloodTheLog(t *testing.T) {
	inTurn(t, pairs, func(t *testing.T, w where) {
		book := captureAll(t)
		s := newSite(t, ginperimeter.Config{DB: w.db, Logger: book.logger()}, w.store)
		before := len(book.text())
		for range 20 {
			for _, cookie := range []string{"site=garbage", "site=" + strings.Repeat("A", 5000), "site=a; site=b"} {
				newClient(t, s.server.URL).do("GET", "/page", nil, map[string]string{"Cookie": cookie})
				newClient(t, s.server.URL).do("GET", gatewayPath, nil, map[string]string{"Cookie": cookie})
			}
		}
		if lines := strings.Count(book.text()[before:], "\n"); lines > 2 {
			t.Errorf("%d lines for 120 requests:\n%.2000s", lines, book.text()[before:])
		}
	})
}

// TestGuessesDontFloodTheLog has nothing to log for what visitors do.
func TestGuessesDontFloodTheLog(t *testing.T) {
	t.Parallel()
	s := newSite(t, ginperimeter.Config{}, nil)
	for range 30 {
		s.try("192.0.2.1:1", "wrong")
		s.tryHeader("192.0.2.1:1", "wrong")
		s.client().get("/page")
		s.client().do("PUT", gatewayPath, nil, nil)
		s.client().do("POST", gatewayPath, nil, map[string]string{"Sec-Fetch-Site": "cross-site"})
	}
	if text := s.log.text(); text != "" {
		t.Errorf("logged:\n%s", text)
	}
}

// TestNoTokenInAnswers looks at all that the gate answers: only the form's own
// field, after a mistake, shows what was typed.
func TestNoTokenInAnswers(t *testing.T) {
	t.Parallel()
	s := newSite(t, ginperimeter.Config{}, nil)
	token, id := newToken(t, s.db, models.NewAccessToken{})
	must(t, models.DeactivateAccessToken(context.Background(), s.db, id))
	header := map[string]string{"X-Perimeter-Token": token}
	answers := []answer{
		s.client().do("GET", "/page", nil, header), s.client().do("POST", "/page", nil, header), s.client().do("GET", gatewayPath, nil, header),
		s.client().do("POST", "/perimeter/leave", nil, header), s.client().enter(token, "/page"),
	}
	for _, a := range answers {
		body := strings.Replace(a.body, `name="token" type="text" value="`+token+`"`, "", 1)
		if strings.Contains(body, token) {
			t.Errorf("%s %s: the token is in the body", a.Request.Method, a.Request.URL)
		}
		for key, values := range a.Header {
			if strings.Contains(strings.Join(values, " "), token) {
				t.Errorf("%s %s: the token is in %s", a.Request.Method, a.Request.URL, key)
			}
		}
	}
	if policy := s.client().get(gatewayPath).Header.Get("Referrer-Policy"); policy != "same-origin" {
		t.Errorf("Referrer-Policy %q", policy)
	}
	if a := s.client().enter(token, ""); a.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("%d", a.StatusCode)
	}
}
