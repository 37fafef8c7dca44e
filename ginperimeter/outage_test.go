package ginperimeter_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-contrib/sessions"
	gormstore "github.com/gin-contrib/sessions/gorm"
	redisstore "github.com/gin-contrib/sessions/redis"

	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/gin-perimeter/gin-perimeter/internal/dbtest"
	"github.com/gin-perimeter/gin-perimeter/models"
)

// The tests of visitors who are inside while the database is away are not
// parallel: a change that another test makes in this process would end what the
// gates believe, as it should.

// wantUnavailable checks a 503 to a page's visitor and to a program.
func (c *client) wantUnavailable(t testing.TB, when string) {
	t.Helper()
	a := c.get("/page")
	if a.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%s: %d, want 503", when, a.StatusCode)
		return
	}
	wantSilent(t, a)
	a.wantText(t, "This site is not available at the moment")
	program := c.do("GET", "/page", nil, map[string]string{"Accept": "application/json"})
	if program.StatusCode != 503 || program.errorCode() != "perimeter_unavailable" {
		t.Errorf("%s: a program got %d %s", when, program.StatusCode, program.body)
	}
	for _, a := range []answer{a, program} {
		if n := retryAfter(t, a); n < 1 || n > 60 {
			t.Errorf("%s: Retry-After %d", when, n)
		}
	}
}

// TestDatabaseAway takes the gate's database away from visitors of all kinds.
func TestDatabaseAway(t *testing.T) {
	inTurn(t, pairs, func(t *testing.T, w where) {
		clock := newClock()
		cfg := ginperimeter.Config{DB: w.db, Now: clock.now}
		s := newSite(t, cfg, w.store)
		cfg.DB = w.database.Open(t)
		other := newSite(t, cfg, w.store)
		token, id := newToken(t, s.db, models.NewAccessToken{ExpiresAt: models.Never})
		header := map[string]string{"X-Perimeter-Token": token}
		inside, leaving := s.client(), s.client()
		inside.enter(token, "").want(t, http.StatusSeeOther, "/")
		leaving.enter(token, "").want(t, http.StatusSeeOther, "/")
		s.client().do("GET", "/page", nil, header).want(t, http.StatusOK, "")
		unknown := other.client() // entered elsewhere, new to this process
		unknown.enter(token, "").want(t, http.StatusSeeOther, "/")
		unknown.base = s.server.URL
		inside.wantIn(t, "before")

		p := breakable(t, s.db)
		p.set(poolFails)
		for at := range 11 {
			clock.advance(5 * time.Second)
			inside.wantIn(t, "inside, away for "+(time.Duration(at+1)*5*time.Second).String())
			if at == 1 {
				unknown.wantUnavailable(t, "new to this process")
				known := s.client().do("GET", "/page", nil, header)
				known.want(t, http.StatusOK, "") // this hour is recorded, the token is known
				stranger := s.client().do("GET", "/page", nil, map[string]string{"Accept": "*/*", "X-Perimeter-Token": models.GenerateToken()})
				if stranger.StatusCode != 503 || stranger.errorCode() != "perimeter_unavailable" {
					t.Errorf("an unknown header token: %d %s", stranger.StatusCode, stranger.body)
				}
				s.client().get("/page").want(t, http.StatusFound, gatewayPath+"?next=%2Fpage")
				s.client().get(gatewayPath).wantText(t, "Enter your access token to continue.")
				if a := inside.get(gatewayPath); a.StatusCode != 200 {
					t.Errorf("the gateway for who is inside: %d", a.StatusCode)
				}
				entering := s.client().enter(token, "/page")
				entering.want(t, http.StatusServiceUnavailable, "")
				entering.wantText(t, "Nothing is lost: try again in a minute.")
				for field, typed := range map[string]string{"token": token, "name": "Ada Lovelace", "email": "ada@example.com"} {
					if value, _ := fieldOf(entering, field); value != typed {
						t.Errorf("%s holds %q", field, value)
					}
				}
				leaving.post("/perimeter/leave", nil).want(t, http.StatusServiceUnavailable, "")
				leaving.wantIn(t, "who could not leave")
			}
		}
		clock.advance(4900 * time.Millisecond)
		inside.wantIn(t, "just within StaleFor")
		clock.advance(200 * time.Millisecond)
		inside.wantUnavailable(t, "beyond StaleFor")
		unknown.wantUnavailable(t, "new to this process")
		s.client().get(gatewayPath).want(t, http.StatusOK, "")
		if a := s.client().do("GET", "/page", nil, header); a.StatusCode != 503 {
			t.Errorf("header token beyond StaleFor: %d", a.StatusCode)
		}
		if n := s.log.count("level=ERROR", "what=database"); n != 1 {
			t.Errorf("%d lines for one fault:\n%s", n, s.log.text())
		}

		p.set(poolWorks)
		clock.advance(2 * time.Second)
		inside.wantIn(t, "recovered")
		unknown.wantIn(t, "recovered, new to this process")
		s.client().enter(token, "/page").want(t, http.StatusSeeOther, "/page")
		clock.advance(15 * time.Second)
		inside.wantIn(t, "recovered for a while")
		if n := s.log.count("event=perimeter.back"); n != 1 {
			t.Errorf("%d lines say that it is back:\n%s", n, s.log.text())
		}

		// what happened meanwhile holds as soon as it is back
		p.set(poolFails)
		clock.advance(5 * time.Second)
		runSQL(t, cfg.DB, "UPDATE access_tokens SET deactivated_at = ? WHERE id = ?", time.Now().UTC(), id)
		inside.wantIn(t, "deactivated elsewhere while the database is away from here")
		p.set(poolWorks)
		clock.advance(5 * time.Second)
		inside.wantOut(t, "deactivated elsewhere, back again")
	})
}

// TestEnteredJustBefore lets the database go away between the entry and the
// first page, of the first visitor of all and of one who comes after a quiet
// hour.
func TestEnteredJustBefore(t *testing.T) {
	inTurn(t, pairs, func(t *testing.T, w where) {
		clock := newClock()
		s := newSite(t, ginperimeter.Config{DB: w.db, Now: clock.now}, w.store)
		token, _ := newToken(t, s.db, models.NewAccessToken{ExpiresAt: models.Never})
		p := breakable(t, s.db)
		for _, who := range []string{"the first visitor", "a later one"} {
			p.set(poolWorks)
			clock.advance(time.Hour)
			c := s.client()
			c.enter(token, "").want(t, http.StatusSeeOther, "/")
			p.set(poolFails)
			c.wantIn(t, who+", at once")
			clock.advance(50 * time.Second)
			c.wantIn(t, who+", within StaleFor")
			clock.advance(20 * time.Second)
			c.wantUnavailable(t, who+", beyond StaleFor")
		}
	})
}

// TestChangeHereWhileTheDatabaseIsAway makes a change in this process, of which
// gates are told: what they knew before it is believed no more.
func TestChangeHereWhileTheDatabaseIsAway(t *testing.T) {
	inTurn(t, pairs, func(t *testing.T, w where) {
		clock := newClock()
		s := newSite(t, ginperimeter.Config{DB: w.db, Now: clock.now}, w.store)
		token, id := newToken(t, s.db, models.NewAccessToken{})
		c := s.client()
		c.enter(token, "").want(t, http.StatusSeeOther, "/")
		c.wantIn(t, "before")
		elsewhere := w.database.Open(t)
		p := breakable(t, s.db)
		p.set(poolFails)
		clock.advance(3 * time.Second)
		c.wantIn(t, "away")
		must(t, models.DeactivateAccessToken(context.Background(), elsewhere, id))
		c.wantUnavailable(t, "deactivated here while the database is away")
		clock.advance(3 * time.Second)
		c.wantUnavailable(t, "a little later")
		p.set(poolWorks)
		clock.advance(2 * time.Second)
		c.wantOut(t, "deactivated here, back again")
	})
}

// TestLeavingWhileReloadsFail ends a pass here and takes the database away
// before the gate has read it back.
func TestLeavingWhileReloadsFail(t *testing.T) {
	clock := newClock()
	s := newSite(t, ginperimeter.Config{Now: clock.now}, nil)
	token, _ := newToken(t, s.db, models.NewAccessToken{})
	c := s.client()
	c.enter(token, "").want(t, http.StatusSeeOther, "/")
	copied := c.copyOf()
	copied.wantIn(t, "before")
	p := breakable(t, s.db)
	c.post("/perimeter/leave", nil).want(t, http.StatusSeeOther, gatewayPath)
	p.set(poolFails)
	if a := copied.get("/page"); a.StatusCode == 200 {
		t.Error("a copied cookie goes on after leaving")
	}
	clock.advance(10 * time.Second)
	if a := copied.get("/page"); a.StatusCode == 200 {
		t.Error("a copied cookie goes on after leaving, later")
	}
	p.set(poolWorks)
	clock.advance(5 * time.Second)
	copied.wantOut(t, "back again")
}

func TestStaleFor(t *testing.T) {
	tests := []struct {
		name     string
		staleFor time.Duration
		in, out  time.Duration // since the last good answer
	}{
		{"not at all", -1, 4400 * time.Millisecond, 5 * time.Second},
		{"ten seconds", 10 * time.Second, 9900 * time.Millisecond, 10 * time.Second},
		{"an hour", time.Hour, time.Hour - time.Second, time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			clock := newClock()
			s := newSite(t, ginperimeter.Config{Now: clock.now, StaleFor: tt.staleFor}, nil)
			token, _ := newToken(t, s.db, models.NewAccessToken{})
			c := s.client()
			c.enter(token, "").want(t, http.StatusSeeOther, "/")
			c.wantIn(t, "before")
			breakable(t, s.db).set(poolFails)
			clock.advance(tt.in)
			c.wantIn(t, "in time")
			clock.advance(tt.out - tt.in)
			c.wantUnavailable(t, "too late")
		})
	}
}

// TestDatabaseHangs lets every statement wait until it is given up.
func TestDatabaseHangs(t *testing.T) {
	clock := newClock()
	s := newSite(t, ginperimeter.Config{Now: clock.now}, nil)
	token, _ := newToken(t, s.db, models.NewAccessToken{})
	inside := s.client()
	inside.enter(token, "").want(t, http.StatusSeeOther, "/")
	inside.wantIn(t, "before")
	breakable(t, s.db).set(poolHangs)
	atOnce := func(what string, ask func()) {
		t.Helper()
		began := time.Now()
		ask()
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%s took %v", what, took)
		}
	}
	clock.advance(3 * time.Second)
	atOnce("a visitor who was verified 3 s ago", func() { inside.wantIn(t, "3 s") })
	atOnce("the gateway page", func() { s.client().get(gatewayPath).want(t, http.StatusOK, "") })
	atOnce("a stranger", func() { s.client().get("/page").want(t, http.StatusFound, gatewayPath+"?next=%2Fpage") })
	clock.advance(3 * time.Second)
	var group sync.WaitGroup
	for range 3 { // they wait for the reload together, until it is given up
		group.Go(func() { inside.copyOf().wantIn(t, "6 s") })
	}
	group.Go(func() { s.client().enter(token, "").want(t, http.StatusServiceUnavailable, "") })
	group.Wait()
	clock.advance(time.Second)
	atOnce("a visitor, once it is known that it hangs", func() { inside.wantIn(t, "7 s") })
}

// TestClientsThatGiveUp cancels a request while the database hangs: that says
// nothing about the database, and is no fault in the log.
func TestClientsThatGiveUp(t *testing.T) {
	t.Parallel()
	s := newSite(t, ginperimeter.Config{}, nil)
	token, _ := newToken(t, s.db, models.NewAccessToken{})
	breakable(t, s.db).set(poolHangs)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "GET", s.server.URL+"/page", nil)
	must(t, err)
	r.Header.Set("X-Perimeter-Token", token)
	a := serveRequest(s.engine, r)
	if a.StatusCode == 200 {
		t.Error("let in")
	}
	form, err := http.NewRequestWithContext(ctx, "POST", s.server.URL+gatewayPath, nil)
	must(t, err)
	a = serveRequest(s.engine, withForm(form, url.Values{"token": {token}}))
	if a.StatusCode == 303 {
		t.Error("entered")
	}
	if n := s.log.count("level=ERROR", "what=\"database writes\""); n != 0 {
		t.Errorf("log:\n%s", s.log.text())
	}
}

// TestSessionStoreAway takes the session store away, which holds the only proof
// of who a visitor is.
func TestSessionStoreAway(t *testing.T) {
	inTurn(t, pairs, func(t *testing.T, w where) {
		clock, store := newClock(), watch(w.store)
		s := newSite(t, ginperimeter.Config{DB: w.db, Now: clock.now}, store)
		token, _ := newToken(t, s.db, models.NewAccessToken{})
		c := s.client()
		c.enter(token, "").want(t, http.StatusSeeOther, "/")
		c.wantIn(t, "before")
		before := len(uses(t, s.db))
		store.failReads.Store(true)
		store.failSaves.Store(true)
		clock.advance(4 * time.Second)
		c.wantIn(t, "whose session was read 4 s ago")
		clock.advance(time.Second)
		for range 5 {
			c.wantUnavailable(t, "whose session was read 5 s ago")
			s.client().get("/page").want(t, http.StatusFound, gatewayPath+"?next=%2Fpage") // has no session
		}
		s.client().do("GET", "/page", nil, map[string]string{"X-Perimeter-Token": token}).want(t, http.StatusOK, "")
		form := c.get(gatewayPath)
		form.want(t, http.StatusServiceUnavailable, "")
		form.wantText(t, `action="/perimeter/gateway?next=%2F"`)
		c.post(gatewayPath, person(token)).want(t, http.StatusServiceUnavailable, "")
		s.client().enter(token, "").want(t, http.StatusServiceUnavailable, "")
		c.post("/perimeter/leave", nil).want(t, http.StatusServiceUnavailable, "")
		if n := s.log.count("level=ERROR", `what="session store"`); n != 1 {
			t.Errorf("%d lines for one fault:\n%s", n, s.log.text())
		}
		if n := s.log.count("event=perimeter.back"); n != 0 {
			t.Errorf("it is not back:\n%s", s.log.text())
		}
		if n := len(uses(t, s.db)); n != before+1 { // the header's
			t.Errorf("%d entries, want %d", n, before+1)
		}
		store.failReads.Store(false)
		store.failSaves.Store(false)
		clock.advance(15 * time.Second)
		c.wantIn(t, "recovered")
		s.client().enter(token, "").want(t, http.StatusSeeOther, "/")
		if n := s.log.count("event=perimeter.back", `what="session store"`); n != 1 {
			t.Errorf("%d lines say that it is back:\n%s", n, s.log.text())
		}
	})
}

// TestFormThatWasShownWhileTheStoreWasAway must work when it is back: it could
// not set the cookie that tells whether cookies are kept.
func TestFormThatWasShownWhileTheStoreWasAway(t *testing.T) {
	t.Parallel()
	store := watch(cookieStore())
	s := newSite(t, ginperimeter.Config{}, store)
	token, _ := newToken(t, s.db, models.NewAccessToken{})
	c := s.client()
	at, err := url.Parse(s.server.URL)
	must(t, err)
	c.http.Jar.SetCookies(at, []*http.Cookie{{Name: "site", Value: "stale"}})
	store.failReads.Store(true)
	page := c.get(gatewayPath)
	page.want(t, http.StatusServiceUnavailable, "")
	form := person(token)
	if !strings.Contains(page.body, `name="probe"`) {
		form.Del("probe")
	}
	store.failReads.Store(false)
	c.post(gatewayPath, form).want(t, http.StatusSeeOther, "/")
}

// switchable is a way to a server that can be closed and opened again.
type switchable struct {
	address string // where to connect to
	target  string
	mu      sync.Mutex
	open    net.Listener
	conns   []net.Conn
}

func newSwitchable(t testing.TB, target string) *switchable {
	t.Helper()
	s := &switchable{target: target, address: "127.0.0.1:0"}
	s.connect(t)
	t.Cleanup(s.close)
	return s
}

func (s *switchable) connect(t testing.TB) {
	t.Helper()
	l, err := net.Listen("tcp", s.address)
	must(t, err)
	s.mu.Lock()
	s.open, s.address = l, l.Addr().String()
	s.mu.Unlock()
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", s.target)
			if err != nil {
				in.Close()
				continue
			}
			s.mu.Lock()
			s.conns = append(s.conns, in, out)
			s.mu.Unlock()
			go func() { io.Copy(in, out); in.Close() }()  //nolint:errcheck // ends with the connection
			go func() { io.Copy(out, in); out.Close() }() //nolint:errcheck // ends with the connection
		}
	}()
}

func (s *switchable) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open.Close()
	for _, c := range s.conns {
		c.Close()
	}
	s.conns = nil
}

// TestRedisGoesAwayAndComesBack closes the port of a real Redis.
func TestRedisGoesAwayAndComesBack(t *testing.T) {
	dbtest.NeedRedis(t)
	way := newSwitchable(t, dbtest.RedisAddress)
	store, err := redisstore.NewStore(4, "tcp", way.address, "", "", []byte("a key of 32 bytes for tests only"))
	must(t, err)
	must(t, redisstore.SetKeyPrefix(store, "perimeter_test_away_"+models.NewPassRef()+"_"))
	store.Options(sessions.Options{Path: "/", MaxAge: 60, HttpOnly: true}) // what is left behind goes by itself
	clock := newClock()
	s := newSite(t, ginperimeter.Config{Now: clock.now}, store)
	token, _ := newToken(t, s.db, models.NewAccessToken{MaxUses: 2})
	c := s.client()
	c.enter(token, "").want(t, http.StatusSeeOther, "/")
	c.wantIn(t, "before")
	way.close()
	clock.advance(4 * time.Second)
	c.wantIn(t, "read 4 s ago")
	clock.advance(2 * time.Second)
	c.wantUnavailable(t, "Redis is away")
	s.client().get("/page").want(t, http.StatusFound, gatewayPath+"?next=%2Fpage")
	s.client().enter(token, "").want(t, http.StatusServiceUnavailable, "")
	rowsAndCount(t, s, 1)
	way.connect(t)
	clock.advance(2 * time.Second)
	c.wantIn(t, "Redis is back")
	s.client().enter(token, "").want(t, http.StatusSeeOther, "/")
	rowsAndCount(t, s, 2)
}

// TestSessionsInTheGatesOwnDatabase keeps GORM sessions where the tokens are:
// that store answers a new session, and no error, when its database is away.
func TestSessionsInTheGatesOwnDatabase(t *testing.T) {
	for _, kind := range []string{"sqlite", "postgres", "mysql"} {
		t.Run(kind, func(t *testing.T) {
			d := dbtest.New(t, kind)
			clock := newClock()
			visit := func() (*site, *pool) {
				db := d.Open(t)
				migrate(t, db)
				p := breakable(t, db)
				store := gormstore.NewStore(db, false, []byte("a key of 32 bytes for tests only"))
				store.Options(sessions.Options{Path: "/", MaxAge: 3600, HttpOnly: true})
				return newSite(t, ginperimeter.Config{DB: db, Now: clock.now}, store), p
			}
			s, p := visit()
			other, otherPool := visit()
			token, _ := newToken(t, s.db, models.NewAccessToken{})
			c := s.client()
			c.enter(token, "").want(t, http.StatusSeeOther, "/")
			c.wantIn(t, "before")
			elsewhere := c.copyOf()
			elsewhere.base = other.server.URL
			elsewhere.http.Jar.SetCookies(mustURL(t, elsewhere.base), c.http.Jar.Cookies(mustURL(t, c.base)))

			p.set(poolFails)
			otherPool.set(poolFails)
			clock.advance(6 * time.Second)
			c.wantUnavailable(t, "the session can't be read")
			elsewhere.wantUnavailable(t, "a visitor who is new to the process")
			s.client().get("/page").want(t, http.StatusFound, gatewayPath+"?next=%2Fpage")
			s.client().get(gatewayPath).want(t, http.StatusOK, "")
			s.client().enter(token, "").want(t, http.StatusServiceUnavailable, "")
			p.set(poolWorks)
			otherPool.set(poolWorks)
			clock.advance(6 * time.Second)
			c.wantIn(t, "back again")
			elsewhere.wantIn(t, "back again, on the other")
			if n := len(uses(t, s.db)); n != 1 {
				t.Errorf("%d entries", n)
			}
		})
	}
}

func mustURL(t testing.TB, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	must(t, err)
	return u
}

// TestTableGoesMissing drops a table under a running gate: it stays shut, says
// so once, and recovers.
func TestTableGoesMissing(t *testing.T) {
	inTurn(t, pairs, func(t *testing.T, w where) {
		for _, table := range []string{"access_token_uses", "access_tokens"} {
			clock := newClock()
			s := newSite(t, ginperimeter.Config{DB: w.db, Now: clock.now}, w.store)
			token, _ := newToken(t, s.db, models.NewAccessToken{})
			c := s.client()
			c.enter(token, "").want(t, http.StatusSeeOther, "/")
			runSQL(t, s.db, "ALTER TABLE "+table+" RENAME TO away")
			clock.advance(2 * time.Minute)
			for range 10 {
				c.wantUnavailable(t, table+" is missing")
				s.client().enter(token, "").want(t, http.StatusServiceUnavailable, "")
				clock.advance(time.Second)
			}
			if n := s.log.count("event=perimeter.away"); n < 1 || n > 2 { // reading, and writing
				t.Errorf("%s: %d lines for one fault:\n%s", table, n, s.log.text())
			}
			runSQL(t, s.db, "ALTER TABLE away RENAME TO "+table)
			clock.advance(15 * time.Second)
			c.wantIn(t, table+" is back")
			s.client().enter(token, "").want(t, http.StatusSeeOther, "/")
		}
	})
}

// TestClockThatJumps sets the clock forward and back: nobody who is out comes
// in by that, and who is inside stays.
func TestClockThatJumps(t *testing.T) {
	for _, jump := range []time.Duration{time.Hour, -time.Hour, 24 * time.Hour, -24 * time.Hour} {
		clock := newClock()
		s := newSite(t, ginperimeter.Config{Now: clock.now}, nil)
		token, _ := newToken(t, s.db, models.NewAccessToken{ExpiresAt: models.Never})
		c, ended := s.client(), s.client()
		c.enter(token, "").want(t, http.StatusSeeOther, "/")
		ended.enter(token, "").want(t, http.StatusSeeOther, "/")
		copied := ended.copyOf()
		copied.wantIn(t, "before")
		ended.post("/perimeter/leave", nil).want(t, http.StatusSeeOther, gatewayPath)
		clock.advance(jump)
		c.wantIn(t, "after a jump of "+jump.String())
		copied.wantOut(t, "who left, after a jump of "+jump.String())
		clock.advance(6 * time.Second)
		copied.wantOut(t, "who left, 6 s after a jump of "+jump.String())
		clock.advance(-jump)
		c.wantIn(t, "after jumping back "+jump.String())
		copied.wantOut(t, "who left, after jumping back "+jump.String())
	}
}

// TestWallClockThatIsSet sets the clock on the wall while time itself goes on
// evenly, as machines do that start with a wrong one. What was ended or revoked
// stays so, and a token lives by the new clock soon.
func TestWallClockThatIsSet(t *testing.T) {
	for _, off := range []time.Duration{0, time.Hour, -time.Hour, 30 * 24 * time.Hour} {
		t.Run(off.String(), func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			var wrong, skipped atomic.Int64
			wrong.Store(int64(off))
			pass := func(d time.Duration) { skipped.Add(int64(d)) }
			elapsed := func() time.Duration { return time.Since(began) + time.Duration(skipped.Load()) }
			s := newSite(t, ginperimeter.Config{Now: func() time.Time {
				return began.Round(0).Add(elapsed() + time.Duration(wrong.Load()))
			}}, nil)
			s.gate.SetElapsed(elapsed)
			wrong.Store(0)

			token, _ := newToken(t, s.db, models.NewAccessToken{ExpiresAt: models.Never})
			brief, briefID := newToken(t, s.db, models.NewAccessToken{ExpiresAt: time.Now().Add(2 * time.Hour)})
			inside, ended, resting, expiring := s.client(), s.client(), s.client(), s.client()
			inside.enter(token, "").want(t, http.StatusSeeOther, "/")
			ended.enter(token, "").want(t, http.StatusSeeOther, "/")
			resting.enter(token, "").want(t, http.StatusSeeOther, "/")
			expiring.enter(brief, "").want(t, http.StatusSeeOther, "/")
			for _, row := range uses(t, s.db) {
				if row.TokenID != briefID && row.ID > 1 {
					must(t, models.EndAccessTokenUse(t.Context(), s.db, row.ID))
				}
			}
			for range 4 {
				inside.wantIn(t, "whose pass goes on")
				ended.wantOut(t, "whose pass was ended")
				expiring.wantIn(t, "before the expiry")
				pass(2 * time.Second)
				eventually(t, "a reload", func() bool { return inside.get("/page").StatusCode == http.StatusOK })
			}
			wrong.Store(int64(3 * time.Hour)) // beyond the expiry
			pass(5 * time.Second)
			expiring.wantOut(t, "after the clock was set beyond the expiry")
			inside.wantIn(t, "whose token does not expire")
			ended.wantOut(t, "whose pass was ended, after the clock was set forward")
			resting.wantOut(t, "whose pass was ended while nobody looked")
		})
	}
}

// TestWritesThatWaitHoldUpNobody keeps the rows of the uses locked, as a long
// transaction does. Only writing when visitors were seen waits for it.
func TestWritesThatWaitHoldUpNobody(t *testing.T) {
	for _, kind := range []string{"postgres", "mysql"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := newWhere(t, kind, "cookie")
			var ahead atomic.Int64
			s := newSite(t, ginperimeter.Config{DB: w.db, Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }}, nil)
			token, id := newToken(t, s.db, models.NewAccessToken{ExpiresAt: models.Never})
			c := s.client()
			c.enter(token, "").want(t, http.StatusSeeOther, "/")
			c.wantIn(t, "before")
			ahead.Store(int64(61 * time.Second)) // what was seen is to be written
			tx := w.database.Open(t).Begin()
			must(t, tx.Exec("UPDATE access_token_uses SET ip = ip").Error)
			defer tx.Rollback()
			asked := time.Now()
			c.wantIn(t, "while the rows are locked")
			if took := time.Since(asked); took > 2*time.Second {
				t.Errorf("a page took %v", took)
			}
			must(t, w.database.Open(t).Exec("UPDATE access_tokens SET deactivated_at = ? WHERE id = ?", time.Now().UTC(), id).Error)
			revoked := time.Now()
			for {
				asked := time.Now()
				status := c.get("/page").StatusCode
				if took := time.Since(asked); took > 2*time.Second {
					t.Errorf("a page took %v", took)
				}
				if status != http.StatusOK {
					return
				}
				if time.Since(revoked) > 5*time.Second {
					t.Fatal("a revoked token opens after 5 s")
				}
				time.Sleep(50 * time.Millisecond)
			}
		})
	}
}

// TestClientThatHangsUpIsNoOutage asks with a token that was revoked a minute
// ago, and closes the sending half of its connection: that ends the request's
// context, but the answer still arrives.
func TestClientThatHangsUpIsNoOutage(t *testing.T) {
	for range 10 {
		d := dbtest.New(t, "sqlite")
		db := d.Open(t)
		migrate(t, db)
		clock := newClock()
		s := newSite(t, ginperimeter.Config{DB: db, Now: clock.now}, nil)
		token, id := newToken(t, s.db, models.NewAccessToken{ExpiresAt: models.Never})
		p := breakable(t, s.db)
		c := s.client()
		c.enter(token, "").want(t, http.StatusSeeOther, "/")
		c.do("GET", "/page", nil, map[string]string{"X-Perimeter-Token": token}).want(t, 200, "")
		runSQL(t, d.Open(t), "UPDATE access_tokens SET deactivated_at = ? WHERE id = ?", time.Now().UTC(), id)
		clock.advance(55 * time.Second)
		p.set(poolSlow)
		header := "X-Perimeter-Token: " + token
		for _, cookie := range c.http.Jar.Cookies(mustURL(t, s.server.URL)) {
			for _, h := range []string{"Cookie: " + cookie.String(), header} {
				if status := halfClosed(t, s, h); status == http.StatusOK {
					t.Errorf("%.8s… opens, revoked for 55 s", h)
				}
			}
		}
		p.set(poolWorks)
	}
}

// halfClosed asks for a page and closes the sending half. The answer is 0 when
// none came.
func halfClosed(t *testing.T, s *site, header string) (status int) {
	t.Helper()
	address := strings.TrimPrefix(s.server.URL, "http://")
	conn, err := net.Dial("tcp", address)
	must(t, err)
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "GET /page HTTP/1.1\r\nHost: %s\r\nAccept: text/html\r\n%s\r\n\r\n", address, header)
	must(t, err)
	must(t, conn.(*net.TCPConn).CloseWrite())
	must(t, conn.SetReadDeadline(time.Now().Add(3*time.Second)))
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0
	}
	answer.Body.Close()
	return answer.StatusCode
}

// TestTroubleOfLongAgo has one reload fail and nobody come for a while. Then
// many come at once: all wait for the reload, none is taken for somebody who
// comes while the database is away.
func TestTroubleOfLongAgo(t *testing.T) {
	d := dbtest.New(t, "sqlite")
	db := d.Open(t)
	migrate(t, db)
	clock := newClock()
	s := newSite(t, ginperimeter.Config{DB: db, Now: clock.now}, nil)
	token, id := newToken(t, s.db, models.NewAccessToken{ExpiresAt: models.Never})
	c := s.client()
	c.enter(token, "").want(t, http.StatusSeeOther, "/")
	c.wantIn(t, "before")
	p := breakable(t, s.db)
	p.set(poolFails)
	clock.advance(3 * time.Second)
	c.wantIn(t, "while a reload fails")
	eventually(t, "the reload has failed", func() bool { return s.log.count("event=perimeter.away") > 0 })
	p.set(poolSlow)
	runSQL(t, d.Open(t), "UPDATE access_tokens SET deactivated_at = ? WHERE id = ?", time.Now().UTC(), id)
	clock.advance(50 * time.Second)
	var all sync.WaitGroup
	for range 10 {
		other := c.copyOf()
		all.Go(func() {
			if a := other.get("/page"); a.StatusCode == http.StatusOK {
				t.Error("a token that was revoked 50 s ago opens")
			}
		})
	}
	all.Wait()
}
