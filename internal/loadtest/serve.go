package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync/atomic"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/cookie"
	redisstore "github.com/gin-contrib/sessions/redis"
	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/gin-perimeter/gin-perimeter/internal/database"
)

// Variants of the served site, in the order of the table.
const (
	variantBare        = "bare"         // Gin and nothing else
	variantBasicAuth   = "basicauth"    // gin.BasicAuth
	variantHeaders     = "headers"      // the headers that the gate sets, and nothing else
	variantSessions    = "sessions"     // the sessions that the gate needs, and nobody reads
	variantGate        = "gate"         // the gate
	variantSessionRead = "session-read" // the session is read on every request
)

const (
	sessionName = "site"
	sessionKey  = "perimeter.site" // where a gate with the default name keeps the pass
	redisPrefix = "perimeter_loadtest_"
	password    = "a password that is shared"
)

var secret = []byte("a key of 32 bytes for tests only")

// serve runs one site until it is told to stop. It prints its address.
func serve(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	variant := flags.String("variant", variantBare, "what stands in front of the site")
	store := flags.String("store", "cookie", "where sessions are kept")
	dsn := flags.String("database", "", "the database of the gate")
	if err := flags.Parse(args); err != nil {
		return err
	}
	handler, err := newSite(*variant, *store, *dsn)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	server := &http.Server{Handler: handler}
	go func() {
		<-ctx.Done()
		server.Close()
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func newSite(variant, store, dsn string) (http.Handler, error) {
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	if err := r.SetTrustedProxies(nil); err != nil {
		return nil, err
	}
	queries := new(atomic.Int64)
	guards, err := front(variant, store, dsn, queries)
	if err != nil {
		return nil, err
	}
	r.Use(guards...)
	r.GET("/page", func(c *gin.Context) { c.String(http.StatusOK, "a page of the site") })
	r.GET("/queries", func(c *gin.Context) { c.String(http.StatusOK, "%d", queries.Load()) })
	return r, nil
}

// front is what stands in front of the site.
func front(variant, store, dsn string, queries *atomic.Int64) ([]gin.HandlerFunc, error) {
	switch variant {
	case variantBare:
		return nil, nil
	case variantBasicAuth:
		return []gin.HandlerFunc{gin.BasicAuth(gin.Accounts{"preview": password})}, nil
	case variantHeaders:
		return []gin.HandlerFunc{setHeaders}, nil
	}
	s, err := openStore(store)
	if err != nil {
		return nil, err
	}
	switch variant {
	case variantSessions:
		return []gin.HandlerFunc{sessions.Sessions(sessionName, s)}, nil
	case variantSessionRead:
		return []gin.HandlerFunc{sessions.Sessions(sessionName, s), readSession}, nil
	}
	db, err := database.Open(dsn)
	if err != nil {
		return nil, err
	}
	if err := countQueries(db, queries); err != nil {
		return nil, err
	}
	gate, err := ginperimeter.New(ginperimeter.Config{DB: db, BypassPaths: []string{"/queries"}})
	if err != nil {
		return nil, err
	}
	return []gin.HandlerFunc{sessions.Sessions(sessionName, s), gate.Middleware()}, nil
}

func setHeaders(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("Cache-Control", "private")
	h.Set("Vary", "Cookie, "+ginperimeter.HeaderName)
	h.Set("X-Robots-Tag", "noindex")
}

// readSession is the least that a gate does which keeps nothing in memory.
func readSession(c *gin.Context) {
	if sessions.Default(c).Get(sessionKey) == nil {
		c.AbortWithStatus(http.StatusUnauthorized)
	}
}

func openStore(kind string) (sessions.Store, error) {
	var store sessions.Store = cookie.NewStore(secret)
	if kind == "redis" {
		inRedis, err := redisstore.NewStore(16, "tcp", cmp.Or(os.Getenv("PERIMETER_TEST_REDIS"), "127.0.0.1:6379"), "", "", secret)
		if err != nil {
			return nil, fmt.Errorf("sessions in Redis: %w", err)
		}
		if err := redisstore.SetKeyPrefix(inRedis, redisPrefix); err != nil {
			return nil, err
		}
		store = inRedis
	}
	store.Options(sessions.Options{Path: "/", MaxAge: 3600, HttpOnly: true})
	return store, nil
}

// countQueries counts every statement that goes to the database.
func countQueries(db *gorm.DB, n *atomic.Int64) error {
	count := func(*gorm.DB) { n.Add(1) }
	c := db.Callback()
	return errors.Join(
		c.Query().Before("gorm:query").Register("count", count),
		c.Row().Before("gorm:row").Register("count", count),
		c.Raw().Before("gorm:raw").Register("count", count),
		c.Create().Before("gorm:create").Register("count", count),
		c.Update().Before("gorm:update").Register("count", count),
	)
}
