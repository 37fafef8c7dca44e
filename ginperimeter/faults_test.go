package ginperimeter_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-contrib/sessions"
	gorilla "github.com/gorilla/sessions"
	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/internal/dbtest"
)

// clock is a time that moves only when it is told to.
type clock struct {
	start time.Time
	ahead atomic.Int64
}

// newClock starts at the real time, which the rows are stamped with.
func newClock() *clock { return &clock{start: time.Now()} }

func (c *clock) now() time.Time          { return c.start.Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

// logbook keeps what is logged, as lines of text.
type logbook struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logbook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logbook) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (b *logbook) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// count tells how many lines hold all of these texts.
func (b *logbook) count(texts ...string) int {
	n := 0
line:
	for line := range strings.Lines(b.text()) {
		for _, text := range texts {
			if !strings.Contains(line, text) {
				continue line
			}
		}
		n++
	}
	return n
}

// What a pool can be told to do.
const (
	poolWorks    int32 = iota
	poolFails          // every statement is an error
	poolHangs          // every statement waits until its context ends
	poolReadOnly       // what begins a transaction is an error
	poolSlow           // every statement takes 50 ms longer
)

// pool is a database's connections as the gate sees them: it counts
// statements, and breaks on command.
type pool struct {
	*sql.DB
	mode       atomic.Int32
	statements atomic.Int64 // also those that failed; a transaction counts as one
}

var errBroken = errors.New("dial tcp 192.0.2.1:5432: connection refused")

// breakable puts a pool under db.
func breakable(t testing.TB, db *gorm.DB) *pool {
	t.Helper()
	inner, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	p := &pool{DB: inner}
	db.ConnPool, db.Statement.ConnPool = p, p
	return p
}

func (p *pool) set(mode int32) { p.mode.Store(mode) }

func (p *pool) ready(ctx context.Context, write bool) error {
	p.statements.Add(1)
	switch mode := p.mode.Load(); {
	case mode == poolFails, mode == poolReadOnly && write:
		return errBroken
	case mode == poolSlow:
		time.Sleep(50 * time.Millisecond)
	case mode == poolHangs:
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

func (p *pool) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := p.ready(ctx, true); err != nil {
		return nil, err
	}
	return p.DB.ExecContext(ctx, query, args...)
}

func (p *pool) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := p.ready(ctx, false); err != nil {
		return nil, err
	}
	return p.DB.QueryContext(ctx, query, args...)
}

func (p *pool) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if err := p.ready(ctx, false); err != nil {
		broken, cancel := context.WithCancel(ctx)
		cancel()
		return p.DB.QueryRowContext(broken, query, args...)
	}
	return p.DB.QueryRowContext(ctx, query, args...)
}

func (p *pool) BeginTx(ctx context.Context, opts *sql.TxOptions) (*sql.Tx, error) {
	if err := p.ready(ctx, true); err != nil {
		return nil, err
	}
	return p.DB.BeginTx(ctx, opts)
}

func (p *pool) GetDBConn() (*sql.DB, error) { return p.DB, nil }

// watchedStore counts what is asked of a session store, and breaks on command.
type watchedStore struct {
	sessions.Store
	reads, saves         atomic.Int64
	failReads, failSaves atomic.Bool
}

func watch(store sessions.Store) *watchedStore { return &watchedStore{Store: store} }

var errStore = errors.New("dial tcp 192.0.2.1:6379: connection refused")

func (s *watchedStore) Get(r *http.Request, name string) (*gorilla.Session, error) {
	return gorilla.GetRegistry(r).Get(s, name)
}

func (s *watchedStore) New(r *http.Request, name string) (*gorilla.Session, error) {
	s.reads.Add(1)
	if _, err := r.Cookie(name); err == nil && s.failReads.Load() {
		session := gorilla.NewSession(s, name)
		session.Options = &gorilla.Options{Path: "/", MaxAge: 86400}
		session.IsNew = true
		return session, errStore
	}
	return s.Store.New(r, name)
}

func (s *watchedStore) Save(r *http.Request, w http.ResponseWriter, session *gorilla.Session) error {
	s.saves.Add(1)
	if s.failSaves.Load() {
		return errStore
	}
	return s.Store.Save(r, w, session)
}

// where is what a test of the matrix runs on.
type where struct {
	database dbtest.Database
	db       *gorm.DB
	store    sessions.Store
}

// pairs meet every database and every kind of session store.
var pairs = [][2]string{{"sqlite", "cookie"}, {"postgres", "redis"}, {"mysql", "gorm"}}

// all are all combinations, for what depends on both.
var all = [][2]string{
	{"sqlite", "cookie"}, {"sqlite", "redis"}, {"sqlite", "gorm"},
	{"postgres", "cookie"}, {"postgres", "redis"}, {"postgres", "gorm"},
	{"mysql", "cookie"}, {"mysql", "redis"}, {"mysql", "gorm"},
}

// on runs a test on combinations of database and session store, at once.
func on(t *testing.T, combinations [][2]string, run func(t *testing.T, w where)) {
	t.Helper()
	for _, c := range combinations {
		t.Run(c[0]+" and "+c[1], func(t *testing.T) {
			t.Parallel()
			run(t, newWhere(t, c[0], c[1]))
		})
	}
}

// inTurn is on, one after the other: for tests that count what happens, and
// that no change made by another test may disturb. The test itself must not be
// parallel.
func inTurn(t *testing.T, combinations [][2]string, run func(t *testing.T, w where)) {
	t.Helper()
	for _, c := range combinations {
		t.Run(c[0]+" and "+c[1], func(t *testing.T) { run(t, newWhere(t, c[0], c[1])) })
	}
}

func newWhere(t *testing.T, database, store string) where {
	t.Helper()
	d := dbtest.New(t, database)
	db := d.Open(t)
	migrate(t, db)
	return where{database: d, db: db, store: newTestStore(t, store)}
}

func newTestStore(t testing.TB, kind string) sessions.Store {
	t.Helper()
	store := dbtest.NewStore(t, kind)
	if kind == "gorm" {
		return &oneAtATime{Store: store}
	}
	return store
}

// oneAtATime asks a session store for one thing at a time. The GORM store
// (wader/gormstore 2.0.3) writes its maximum age anew for every request, which
// is a data race with itself: the value is always the same.
type oneAtATime struct {
	sessions.Store
	mu sync.Mutex
}

func (s *oneAtATime) Get(r *http.Request, name string) (*gorilla.Session, error) {
	return gorilla.GetRegistry(r).Get(s, name)
}

func (s *oneAtATime) New(r *http.Request, name string) (*gorilla.Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Store.New(r, name)
}

func (s *oneAtATime) Save(r *http.Request, w http.ResponseWriter, session *gorilla.Session) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Store.Save(r, w, session)
}

// runSQL is what somebody does by hand, past the gate and package models.
func runSQL(t testing.TB, db *gorm.DB, statement string, args ...any) {
	t.Helper()
	if err := db.Exec(statement, args...).Error; err != nil {
		t.Fatal(err)
	}
}

// eventually waits for what happens in the background.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for range 500 {
		if done() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s did not happen within 5 s", what)
}

// brokenReader is a body whose connection ends too early.
type brokenReader struct{ text string }

func (r *brokenReader) Read(p []byte) (int, error) {
	if r.text == "" {
		return 0, io.ErrUnexpectedEOF
	}
	n := copy(p, r.text)
	r.text = r.text[n:]
	return n, nil
}
