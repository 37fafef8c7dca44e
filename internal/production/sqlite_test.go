//go:build unix

package production_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/cookie"
	"github.com/gin-gonic/gin"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/gin-perimeter/gin-perimeter/internal/dbtest"
	"github.com/gin-perimeter/gin-perimeter/models"
)

func init() { gin.SetMode(gin.TestMode) }

// host is a small site in this process, for faults that need a hold on the
// database's connections.
type host struct {
	url string
	log *logBuffer
}

func newHost(t *testing.T, cfg ginperimeter.Config, wrap func(*gin.Engine) http.Handler) *host {
	t.Helper()
	h := &host{log: &logBuffer{}}
	cfg.Logger = textLogger(h.log)
	gate, err := ginperimeter.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	store := cookie.NewStore([]byte("a key for tests that has 32 bytes"))
	store.Options(sessions.Options{Path: "/", MaxAge: 86400, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	r := gin.New()
	if wrap == nil {
		if err := r.SetTrustedProxies(nil); err != nil {
			t.Fatal(err)
		}
		wrap = func(r *gin.Engine) http.Handler { return r }
	}
	handler := wrap(r)
	r.Use(sessions.Sessions("site", store), gate.Middleware())
	r.GET("/page", func(c *gin.Context) { c.String(http.StatusOK, "page for "+c.ClientIP()) })
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	h.url = server.URL
	return h
}

func textLogger(l *logBuffer) *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// oneConnection opens a SQLite file through a single connection, whose
// settings a test can change.
func oneConnection(t *testing.T) *gorm.DB {
	t.Helper()
	dsn := filepath.Join(t.TempDir(), "test.db") + "?_busy_timeout=5000&_journal_mode=WAL&_txlock=immediate"
	db := must[*gorm.DB](t)(gorm.Open(sqlite.Open(dsn), &gorm.Config{Logger: logger.Discard}))
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	pool.SetMaxOpenConns(1)
	t.Cleanup(func() { pool.Close() })
	if err := models.Migrate(db); err != nil {
		t.Fatal(err)
	}
	return db
}

// Writing fails while reading works. Who is inside reads on, who wants in is
// told to wait, and nothing is written by half.
func TestSQLiteCannotBeWritten(t *testing.T) {
	for _, test := range []struct {
		name          string
		broken, whole string // statements
		leaving       int
	}{
		// leaving needs no more room than there is
		{"the disk is full", "PRAGMA max_page_count = 1", "PRAGMA max_page_count = 1000000", http.StatusSeeOther},
		{"the database is read-only", "PRAGMA query_only = ON", "PRAGMA query_only = OFF", http.StatusServiceUnavailable},
		{"another program holds the lock", "", "", http.StatusServiceUnavailable},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.broken == "" {
				long(t) // 5 s for each that waits
			}
			t.Parallel()
			db := oneConnection(t)
			h := newHost(t, ginperimeter.Config{DB: db}, nil)
			token, row := newToken(t, db, models.NewAccessToken{})
			b := inside(t, h.url, token)
			whole := breakWriting(t, db, test.broken, test.whole)
			entered := fill(t, h, token, test.name)
			for range 3 {
				visitor := newBrowser(t)
				visitor.enter(h.url, token).want(t, http.StatusServiceUnavailable, "entering").wantKept(t, token)
				visitor.get(h.url+"/page").want(t, http.StatusFound, "after entering in vain")
				b.get(h.url+"/page").want(t, http.StatusOK, "who is inside")
				if test.broken == "" {
					break // each waits for the lock
				}
			}
			b.do(http.MethodPost, h.url+"/perimeter/leave", nil).want(t, test.leaving, "leaving")
			wantCounts(t, db, row.ID, 1+entered)
			h.log.want(t, "perimeter.away", `what="database writes"`, 1)
			h.log.want(t, "perimeter.back", "", 0)
			whole()
			inside(t, h.url, token)
			b.do(http.MethodPost, h.url+"/perimeter/leave", nil).want(t, http.StatusSeeOther, "leaving")
			b.get(h.url+"/page").want(t, http.StatusFound, "after leaving")
			wantCounts(t, db, row.ID, 2+entered)
		})
	}
}

// fill enters until the pages that the file has are full.
func fill(t *testing.T, h *host, token, name string) int {
	t.Helper()
	if name != "the disk is full" {
		return 0
	}
	for n := range 500 {
		if newBrowser(t).do(http.MethodPost, h.url+gateway, post(token)).status != http.StatusSeeOther {
			return n
		}
	}
	t.Fatal("500 entries went into a full file")
	return 0
}

// breakWriting answers what makes it work again. Without a statement, another
// program locks the file.
func breakWriting(t *testing.T, db *gorm.DB, broken, whole string) func() {
	t.Helper()
	run := func(db *gorm.DB, statement string) {
		t.Helper()
		if err := db.Exec(statement).Error; err != nil {
			t.Fatal(err)
		}
	}
	if broken != "" {
		run(db, broken)
		return func() { run(db, whole) }
	}
	var file string
	if err := db.Raw("SELECT file FROM pragma_database_list WHERE name = 'main'").Scan(&file).Error; err != nil {
		t.Fatal(err)
	}
	other := must[*gorm.DB](t)(gorm.Open(sqlite.Open(file), &gorm.Config{Logger: logger.Discard}))
	pool, err := other.DB()
	if err != nil {
		t.Fatal(err)
	}
	pool.SetMaxOpenConns(1)
	t.Cleanup(func() { pool.Close() })
	run(other, "BEGIN IMMEDIATE")
	return func() { run(other, "ROLLBACK") }
}

// The host's own work holds every connection. Who is inside reads on; who
// wants in waits 5 s and is told to come back.
func TestPoolExhausted(t *testing.T) {
	long(t)
	for _, kind := range []string{"sqlite", "postgres", "mysql"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			db := dbtest.New(t, kind).Open(t)
			if err := models.Migrate(db); err != nil {
				t.Fatal(err)
			}
			pool, err := db.DB()
			if err != nil {
				t.Fatal(err)
			}
			pool.SetMaxOpenConns(2)
			h := newHost(t, ginperimeter.Config{DB: db}, nil)
			token, row := newToken(t, db, models.NewAccessToken{})
			b := inside(t, h.url, token)
			b.get(h.url+"/page").want(t, http.StatusOK, "who is inside, before")
			one := must[interface{ Close() error }](t)(pool.Conn(t.Context()))
			two := must[interface{ Close() error }](t)(pool.Conn(t.Context()))
			a := newBrowser(t).enter(h.url, token).want(t, http.StatusServiceUnavailable, "entering without a connection")
			a.wantKept(t, token)
			if a.took > 10*time.Second {
				t.Errorf("entering took %v, want about 5 s", a.took)
			}
			b.get(h.url+"/page").want(t, http.StatusOK, "who is inside")
			newBrowser(t).get(h.url+"/page").want(t, http.StatusFound, "a stranger")
			one.Close()
			two.Close()
			inside(t, h.url, token)
			wantCounts(t, db, row.ID, 2)
			h.log.want(t, "perimeter.away", "", 1)
		})
	}
}
