package ginperimeter_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/gin-perimeter/gin-perimeter/internal/database"
	"github.com/gin-perimeter/gin-perimeter/internal/dbtest"
	"github.com/gin-perimeter/gin-perimeter/models"
)

// The tests in this file are not parallel: every change that package models
// makes in this process, in whatever test, tells all gates to read again. What
// is tested here are changes that no gate is told of.

// wantIn and wantOut ask for a page as the holder of a pass.
func (c *client) wantIn(t testing.TB, when string) {
	t.Helper()
	if a := c.get("/page"); a.StatusCode != http.StatusOK {
		t.Errorf("%s: %d, want the page", when, a.StatusCode)
	}
}

func (c *client) wantOut(t testing.TB, when string) {
	t.Helper()
	if a := c.get("/page"); a.StatusCode != http.StatusFound {
		t.Errorf("%s: %d, want the gateway", when, a.StatusCode)
	}
}

// TestChangesMadeElsewhereHoldWithinFiveSeconds changes rows by plain SQL,
// through a pool that the gate knows nothing of.
func TestChangesMadeElsewhereHoldWithinFiveSeconds(t *testing.T) {
	past, future := time.Now().UTC().Add(-time.Hour), time.Now().UTC().Add(time.Hour)
	changes := []struct {
		name       string
		statement  string // with the token's ID as its last value
		value      any
		in         bool   // afterwards
		back       string // undoes it, "" for what can't be undone
		backValue  any
		headerCode string
	}{
		{"deactivate", "UPDATE access_tokens SET deactivated_at = ? WHERE id = ?", past, false, "UPDATE access_tokens SET deactivated_at = ? WHERE id = ?", nil, "perimeter_token_invalid"},
		{"expire", "UPDATE access_tokens SET expires_at = ? WHERE id = ?", past, false, "UPDATE access_tokens SET expires_at = ? WHERE id = ?", future, "perimeter_token_invalid"},
		{"let expire never", "UPDATE access_tokens SET expires_at = ? WHERE id = ?", nil, true, "UPDATE access_tokens SET expires_at = ? WHERE id = ?", future, ""},
		{"use up", "UPDATE access_tokens SET max_uses = ?, use_count = 5 WHERE id = ?", 5, true, "", nil, "perimeter_token_not_for_header"},
		{"make another token with its ID", "UPDATE access_tokens SET digest = ? WHERE id = ?", models.DigestToken("another"), false, "", nil, "perimeter_token_invalid"},
		{"delete", "DELETE FROM access_tokens WHERE hint <> ? AND id = ?", "none", false, "", nil, "perimeter_token_invalid"},
	}
	for _, busy := range []bool{false, true} {
		inTurn(t, pairs, func(t *testing.T, w where) {
			clock := newClock()
			s := newSite(t, ginperimeter.Config{DB: w.db, Now: clock.now}, w.store)
			elsewhere := w.database.Open(t)
			bystander, _ := newToken(t, s.db, models.NewAccessToken{ExpiresAt: models.Never})
			neighbour := s.client()
			neighbour.enter(bystander, "").want(t, http.StatusSeeOther, "/")
			wait := func() { // five seconds, with or without visitors between
				for range 5 {
					clock.advance(time.Second)
					if busy {
						neighbour.get("/page")
						time.Sleep(2 * time.Millisecond)
					}
				}
			}
			for _, change := range changes {
				token, id := newToken(t, s.db, models.NewAccessToken{ExpiresAt: models.Never})
				c := s.client()
				c.enter(token, "").want(t, http.StatusSeeOther, "/")
				copied := c.copyOf()
				check := func(in bool, code, when string) {
					t.Helper()
					for _, visitor := range []*client{c, copied, c} {
						if in {
							visitor.wantIn(t, when)
						} else {
							visitor.wantOut(t, when)
						}
					}
					a := s.client().do("GET", "/page", nil, map[string]string{"X-Perimeter-Token": token})
					if a.errorCode() != code {
						t.Errorf("%s: header answered with %d %q, want %q", when, a.StatusCode, a.errorCode(), code)
					}
				}
				check(true, "", "before: "+change.name)
				must(t, elsewhere.Exec(change.statement, change.value, id).Error)
				wait()
				check(change.in, change.headerCode, "after: "+change.name)
				if change.back != "" {
					must(t, elsewhere.Exec(change.back, change.backValue, id).Error)
					wait()
					check(true, "", "after undoing: "+change.name)
				}
				neighbour.wantIn(t, "the bystander of: "+change.name)
			}
		})
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestPassEndedElsewhere ends one pass by plain SQL: it is dead within 5
// seconds in every copy, and nobody else's is.
func TestPassEndedElsewhere(t *testing.T) {
	inTurn(t, all, func(t *testing.T, w where) {
		clock := newClock()
		s := newSite(t, ginperimeter.Config{DB: w.db, Now: clock.now}, w.store)
		elsewhere := w.database.Open(t)
		token, _ := newToken(t, s.db, models.NewAccessToken{})
		first, second := s.client(), s.client()
		first.enter(token, "").want(t, http.StatusSeeOther, "/")
		second.enter(token, "").want(t, http.StatusSeeOther, "/")
		copied := first.copyOf()
		for _, c := range []*client{first, second, copied} {
			c.wantIn(t, "before")
		}
		ended := uses(t, s.db)[1].ID
		runSQL(t, elsewhere, "UPDATE access_token_uses SET ended_at = ? WHERE id = ?", clock.now().UTC(), ended)
		clock.advance(5 * time.Second)
		second.wantIn(t, "the other visitor")
		first.wantOut(t, "after the end")
		copied.wantOut(t, "after the end, a copied cookie")
		copied.copyOf().wantOut(t, "after the end, another copy")
		clock.advance(time.Hour)
		first.wantOut(t, "an hour later")
		second.wantIn(t, "the other visitor, an hour later")
		first.enter(token, "/page").want(t, http.StatusSeeOther, "/page")
		first.wantIn(t, "after entering anew")
		copied.wantOut(t, "the old cookie")
	})
}

// TestPassEndedWhileNobodyLooked ends passes at moments that the gate's next
// reload no longer covers.
func TestPassEndedWhileNobodyLooked(t *testing.T) {
	inTurn(t, pairs, func(t *testing.T, w where) {
		for _, idle := range []time.Duration{4 * time.Minute, 6 * time.Minute, 9 * time.Minute, 11 * time.Minute, 3 * time.Hour} {
			clock := newClock()
			s := newSite(t, ginperimeter.Config{DB: w.db, Now: clock.now}, w.store)
			token, _ := newToken(t, s.db, models.NewAccessToken{Label: idle.String()})
			gone, stays := s.client(), s.client()
			gone.enter(token, "").want(t, http.StatusSeeOther, "/")
			stays.enter(token, "").want(t, http.StatusSeeOther, "/")
			gone.wantIn(t, "before")
			clock.advance(10 * time.Second)
			gone.wantIn(t, "before")
			runSQL(t, s.db, "UPDATE access_token_uses SET ended_at = ? WHERE id = ?", clock.now().UTC().Add(time.Second), uses(t, s.db)[1].ID)
			clock.advance(idle)
			gone.wantOut(t, "ended before idling for "+idle.String())
			stays.wantIn(t, "not ended, after idling for "+idle.String())

			// while others keep the gate reading, a quiet visitor's end is missed by none of its reloads
			gone.enter(token, "").want(t, http.StatusSeeOther, "/")
			runSQL(t, s.db, "UPDATE access_token_uses SET ended_at = ? WHERE id = ?", clock.now().UTC().Add(time.Second), uses(t, s.db)[0].ID)
			for range 6 {
				clock.advance(idle / 6)
				stays.wantIn(t, "busy visitor")
			}
			gone.wantOut(t, "ended while others were busy for "+idle.String())
		}
	})
}

// TestExpiryNeedsNoQuery lets a token, and a pass, end by time alone.
func TestExpiryNeedsNoQuery(t *testing.T) {
	clock := newClock()
	s := newSite(t, ginperimeter.Config{Now: clock.now, PassMaxAge: 2 * time.Hour}, nil)
	tomorrow := clock.start.Add(24 * time.Hour).Format(time.DateOnly)
	expires, err := models.ParseExpiry(tomorrow, clock.start)
	must(t, err)
	dated, _ := newToken(t, s.db, models.NewAccessToken{ExpiresAt: expires})
	short, _ := newToken(t, s.db, models.NewAccessToken{ExpiresAt: clock.start.Add(time.Hour).Truncate(time.Second)})
	c, d := s.client(), s.client()
	c.enter(short, "").want(t, http.StatusSeeOther, "/")
	d.enter(dated, "").want(t, http.StatusSeeOther, "/")
	advanceTo := func(at time.Time) { clock.advance(at.Sub(clock.now())) }
	advanceTo(clock.start.Add(time.Hour).Truncate(time.Second).Add(-time.Second))
	c.wantIn(t, "a second before the token expires")
	d.wantIn(t, "at the same time")
	clock.advance(time.Second)
	c.wantOut(t, "when the token expires")
	advanceTo(clock.start.Add(2*time.Hour - time.Second))
	d.wantIn(t, "before the pass is too old")
	clock.advance(2 * time.Second)
	d.wantOut(t, "when the pass is too old")

	// the day of a date holds to its end
	advanceTo(expires.Add(-time.Second))
	d.enter(dated, "").want(t, http.StatusSeeOther, "/")
	d.wantIn(t, "at the end of the day")
	clock.advance(time.Second)
	d.wantOut(t, "on the next day")
	d.enter(dated, "").want(t, http.StatusUnprocessableEntity, "")
}

// TestOtherProcess runs package models in a process of its own, which shares
// nothing with the gate but the database.
func TestOtherProcess(t *testing.T) {
	inTurn(t, pairs, func(t *testing.T, w where) {
		clock := newClock()
		s := newSite(t, ginperimeter.Config{DB: w.db, Now: clock.now}, w.store)
		token, id := newToken(t, s.db, models.NewAccessToken{})
		c := s.client()
		c.enter(token, "").want(t, http.StatusSeeOther, "/")
		use := uses(t, s.db)[0].ID
		for _, step := range []struct {
			change string
			id     uint
			in     bool
		}{{"deactivate", id, false}, {"activate", id, true}, {"end", use, false}, {"enter", 0, true}, {"delete", id, false}} {
			if step.change == "enter" {
				c.enter(token, "").want(t, http.StatusSeeOther, "/")
			} else {
				generation := models.Generation()
				otherProcess(t, w.database.DSN, step.change, step.id)
				if models.Generation() != generation {
					t.Fatal("another test told the gate of a change")
				}
				clock.advance(5 * time.Second)
			}
			if step.in {
				c.wantIn(t, "after: "+step.change)
			} else {
				c.wantOut(t, "after: "+step.change)
			}
		}
	})
}

const processVariable = "PERIMETER_TEST_CHANGE"

func otherProcess(t testing.TB, dsn, change string, id uint) {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), processVariable+"="+fmt.Sprintf("%s %d %s", change, id, dsn))
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", change, err, out)
	}
}

// changeAsOtherProcess is what otherProcess runs.
func changeAsOtherProcess(text string) error {
	var change, dsn string
	var id uint
	if _, err := fmt.Sscanf(text, "%s %d %s", &change, &id, &dsn); err != nil {
		return err
	}
	db, err := database.Open(dsn)
	if err != nil {
		return err
	}
	ctx := context.Background()
	switch change {
	case "deactivate":
		return models.DeactivateAccessToken(ctx, db, id)
	case "activate":
		return models.ActivateAccessToken(ctx, db, id)
	case "delete":
		return models.DeleteAccessToken(ctx, db, id)
	case "end":
		return models.EndAccessTokenUse(ctx, db, id)
	}
	return fmt.Errorf("no change %q", change)
}

func TestMain(m *testing.M) {
	if text, ok := os.LookupEnv(processVariable); ok {
		if err := changeAsOtherProcess(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// crowd is many visitors who are inside, asked without a network between.
type crowd struct {
	site    *site
	cookies []string
}

func newCrowdInside(t testing.TB, s *site, token string, size int) *crowd {
	t.Helper()
	crowd := &crowd{site: s}
	form := person(token)
	form.Del("probe")
	for range size {
		r := httptest.NewRequest("POST", gatewayPath, nil)

		a := serveRequest(s.engine, withForm(r, form))
		cookies := sessionCookies(a)
		if a.StatusCode != http.StatusSeeOther || len(cookies) != 1 {
			t.Fatalf("entering: %d, cookies %v", a.StatusCode, cookies)
		}
		crowd.cookies = append(crowd.cookies, cookies[0].Name+"="+cookies[0].Value)
	}
	return crowd
}

// visit lets everybody ask for a page and answers how many were let in.
func (c *crowd) visit() int {
	in := 0
	for _, cookie := range c.cookies {
		r := httptest.NewRequest("GET", "/page", nil)
		r.Header.Set("Cookie", cookie)
		if serveRequest(c.site.engine, r).StatusCode == http.StatusOK {
			in++
		}
	}
	return in
}

// TestVisitorsCostNoQueries counts what the gate asks of database and session
// store for visitors who come again and again.
func TestVisitorsCostNoQueries(t *testing.T) {
	for _, c := range []struct {
		database, store string
		visitors        int
	}{{"sqlite", "cookie", 1000}, {"postgres", "redis", 60}, {"mysql", "gorm", 60}} {
		t.Run(fmt.Sprintf("%d visitors on %s and %s", c.visitors, c.database, c.store), func(t *testing.T) {
			w := newWhere(t, c.database, c.store)
			store, clock := watch(w.store), newClock()
			s := newSite(t, ginperimeter.Config{DB: w.db, Now: clock.now}, store)
			token, _ := newToken(t, s.db, models.NewAccessToken{ExpiresAt: models.Never})
			crowd := newCrowdInside(t, s, token, c.visitors)
			if n := crowd.visit(); n != c.visitors {
				t.Fatalf("%d of %d are inside", n, c.visitors)
			}
			settle := func() { time.Sleep(30 * time.Millisecond) } // for what runs in the background
			settle()
			p := breakable(t, s.db)

			reads := store.reads.Load()
			clock.advance(1900 * time.Millisecond)
			crowd.visit()
			settle()
			if n, m := p.statements.Load(), store.reads.Load()-reads; n != 0 || m != 0 {
				t.Errorf("%d statements and %d session reads for visitors who were verified 1.9 s ago", n, m)
			}

			const seconds, perSecond = 12, 4
			reads = store.reads.Load()
			for range seconds * perSecond {
				clock.advance(time.Second / perSecond)
				if n := crowd.visit(); n != c.visitors {
					t.Fatalf("%d of %d are inside", n, c.visitors)
				}
			}
			settle()
			if n := p.statements.Load(); n < 2 || n > 2*seconds {
				t.Errorf("%d statements in %d s, want some, but at most 2 a second", n, seconds)
			}
			if n, most := store.reads.Load()-reads, int64(c.visitors*(seconds/5+1)); n > most {
				t.Errorf("%d session reads in %d s, want at most one in 5 s for each of %d visitors", n, seconds, c.visitors)
			}

			before := p.statements.Load()
			clock.advance(20 * time.Second) // nobody comes
			settle()
			if n := p.statements.Load() - before; n != 0 {
				t.Errorf("%d statements while nobody came", n)
			}
			var group sync.WaitGroup
			for range 4 {
				group.Go(func() { crowd.visit() })
			}
			group.Wait()
			settle()
			if n := p.statements.Load() - before; n < 1 || n > 2 {
				t.Errorf("%d statements for all who came after idling, want one shared reload", n)
			}
		})
	}
}

// TestStrangersCostNoQueries keeps a flood of strangers away from the database.
func TestStrangersCostNoQueries(t *testing.T) {
	inTurn(t, pairs, func(t *testing.T, w where) {
		s := newSite(t, ginperimeter.Config{DB: w.db}, w.store)
		s.client().get("/page")
		p := breakable(t, s.db)
		for range 20 {
			s.client().get("/page")
			s.client().get(gatewayPath)
			newClient(t, s.server.URL).do("GET", "/page", nil, map[string]string{"Cookie": "other=1"})
			newClient(t, s.server.URL).do("GET", "/page", nil, map[string]string{"X-Perimeter-Token": "7KQO-X2RD-PW9T-4HCB-NE6V-GZ3F"})
		}
		if n := p.statements.Load(); n > 1 {
			t.Errorf("%d statements for strangers", n)
		}
	})
}

// TestManyTokens keeps 10,000 tokens in use at once: no more queries for that.
func TestManyTokens(t *testing.T) {
	size := 10_000
	if testing.Short() {
		size = 1_000 // the race detector makes a reload of all too slow to be believed
	}
	clock := newClock()
	s := newSite(t, ginperimeter.Config{Now: clock.now, DB: dbtest.Open(t)}, nil)
	rows := make([]models.AccessToken, size)
	tokens := make([]string, size)
	for i := range rows {
		tokens[i] = models.GenerateToken()
		canonical, _ := models.ReadToken(tokens[i])
		rows[i] = models.AccessToken{Digest: models.DigestToken(canonical), Version: 1, CreatedAt: clock.start.UTC(), UpdatedAt: clock.start.UTC()}
	}
	must(t, s.db.CreateInBatches(rows, 500).Error)
	r := httptest.NewRequest("GET", "/page", nil)
	ask := func(token string) int {
		request := r.Clone(context.Background())
		request.Header.Set("X-Perimeter-Token", token)
		return serveRequest(s.engine, request).StatusCode
	}
	runSQL(t, s.db, "PRAGMA synchronous=OFF") // 10,000 audit rows
	for _, token := range tokens {
		if status := ask(token); status != 200 {
			t.Fatalf("status %d", status)
		}
	}
	time.Sleep(50 * time.Millisecond)
	p := breakable(t, s.db)
	clock.advance(10 * time.Second)
	for _, token := range tokens {
		if status := ask(token); status != 200 {
			t.Fatalf("status %d", status)
		}
	}
	if n := p.statements.Load(); n < 1 || n > 2 {
		t.Errorf("%d statements for %d tokens in use, want 2", n, size)
	}
	runSQL(t, s.db, "UPDATE access_tokens SET deactivated_at = ? WHERE id = ?", clock.start.UTC(), rows[7].ID)
	clock.advance(5 * time.Second)
	if status := ask(tokens[7]); status != 401 {
		t.Errorf("a deactivated token among %d: %d", size, status)
	}
}

func TestLastSeenIsWrittenOncePerMinute(t *testing.T) {
	inTurn(t, pairs, func(t *testing.T, w where) {
		clock := newClock()
		s := newSite(t, ginperimeter.Config{DB: w.db, Now: clock.now}, w.store)
		token, _ := newToken(t, s.db, models.NewAccessToken{})
		c := s.client()
		c.enter(token, "").want(t, http.StatusSeeOther, "/")
		if row := uses(t, s.db)[0]; row.LastSeenAt != nil {
			t.Errorf("seen at %v", row.LastSeenAt)
		}
		for range 14 {
			clock.advance(5 * time.Second)
			c.wantIn(t, "visitor")
		}
		eventually(t, "writing when the visitor was seen", func() bool { return uses(t, s.db)[0].LastSeenAt != nil })
		seen := *uses(t, s.db)[0].LastSeenAt
		if since := seen.Sub(clock.start); since < 50*time.Second || since > 71*time.Second {
			t.Errorf("seen after %v", since)
		}
		clock.advance(10 * time.Second)
		c.wantIn(t, "visitor")
		must(t, s.gate.Shutdown(context.Background()))
		if row := uses(t, s.db)[0]; !row.LastSeenAt.Equal(clock.now().UTC().Truncate(time.Millisecond)) {
			t.Errorf("shut down at %v, seen at %v", clock.now().UTC(), row.LastSeenAt)
		}
		c.wantIn(t, "visitor after Shutdown")
	})
}

// TestHeaderTokensCostNoQueries sends known tokens again, a custom one too.
func TestHeaderTokensCostNoQueries(t *testing.T) {
	clock := newClock()
	s := newSite(t, ginperimeter.Config{Now: clock.now}, nil)
	generated, _ := newToken(t, s.db, models.NewAccessToken{})
	newToken(t, s.db, models.NewAccessToken{Token: custom})
	for _, token := range []string{generated, custom} {
		if a := s.tryHeader("192.0.2.1:1", token); a.StatusCode != 200 {
			t.Fatalf("%d", a.StatusCode)
		}
	}
	p := breakable(t, s.db)
	clock.advance(1900 * time.Millisecond)
	for range 100 {
		for _, token := range []string{generated, custom} {
			if a := s.tryHeader("192.0.2.1:1", token); a.StatusCode != 200 {
				t.Fatalf("%d", a.StatusCode)
			}
		}
	}
	if n := p.statements.Load(); n != 0 {
		t.Errorf("%d statements", n)
	}
}
