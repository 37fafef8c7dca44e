package ginperimeter_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/gin-perimeter/gin-perimeter/models"
)

// try enters a token from an address.
func (s *site) try(address, token string) answer {
	form := person(token)
	form.Del("probe")
	r := httptest.NewRequest("POST", gatewayPath, nil)
	r.RemoteAddr = address
	return serveRequest(s.engine, withForm(r, form))
}

// tryHeader sends a token as a program from an address.
func (s *site) tryHeader(address, token string) answer {
	r := httptest.NewRequest("GET", "/page", nil)
	r.RemoteAddr = address
	r.Header.Set("X-Perimeter-Token", token)
	return serveRequest(s.engine, r)
}

// wantLimited checks the answer to who tried too often.
func wantLimited(t testing.TB, a answer, longest time.Duration) time.Duration {
	t.Helper()
	if a.StatusCode != http.StatusTooManyRequests {
		t.Errorf("%d, want 429", a.StatusCode)
		return 0
	}
	wait := time.Duration(retryAfter(t, a)) * time.Second
	if wait < time.Second || wait > longest {
		t.Errorf("Retry-After %v, want 1 s to %v", wait, longest)
	}
	return wait
}

const custom = "correct horse battery"

func TestWrongTokensFromAnAddress(t *testing.T) {
	t.Parallel()
	on(t, pairs, func(t *testing.T, w where) {
		clock := newClock()
		s := newSite(t, ginperimeter.Config{DB: w.db, Now: clock.now}, w.store)
		generated, _ := newToken(t, s.db, models.NewAccessToken{})
		newToken(t, s.db, models.NewAccessToken{Token: custom})
		const here, there = "192.0.2.1:1000", "192.0.2.2:1000"
		for i := range 10 {
			if a := s.try(here, models.GenerateToken()); a.StatusCode != 422 {
				t.Errorf("wrong token %d: %d", i+1, a.StatusCode)
			}
		}
		a := s.try(here, models.GenerateToken())
		wantLimited(t, a, 15*time.Minute)
		wantSilent(t, a)
		a.wantText(t, "Too many wrong tokens were tried. Try again in")
		if name, _ := fieldOf(a, "name"); name != "Ada Lovelace" {
			t.Errorf("the name field holds %q", name)
		}
		if a := s.try(there, models.GenerateToken()); a.StatusCode != 422 {
			t.Errorf("another address: %d", a.StatusCode)
		}
		if a := s.try(here, generated); a.StatusCode != 303 {
			t.Errorf("a correct generated token beyond the limit: %d", a.StatusCode)
		}
		if a := s.tryHeader(here, generated); a.StatusCode != 200 {
			t.Errorf("a correct generated header token beyond the limit: %d", a.StatusCode)
		}
		header := s.tryHeader(here, models.GenerateToken())
		wantLimited(t, header, 15*time.Minute)
		if header.errorCode() != "perimeter_too_many_attempts" {
			t.Errorf("header: %s", header.body)
		}
		wantLimited(t, s.tryHeader(here, custom), 15*time.Minute)
		wait := wantLimited(t, s.try(here, custom), 15*time.Minute)
		if a := s.try(there, custom); a.StatusCode != 303 {
			t.Errorf("a correct custom token from another address: %d", a.StatusCode)
		}
		clock.advance(wait)
		if a := s.try(here, custom); a.StatusCode != 303 {
			t.Errorf("a correct custom token after waiting: %d", a.StatusCode)
		}
		clock.advance(15 * time.Minute)
		for i := range 10 {
			if a := s.try(here, mistyped(generated)); a.StatusCode != 422 {
				t.Errorf("wrong token %d after 15 minutes: %d", i+1, a.StatusCode)
			}
		}
		wantLimited(t, s.try(here, mistyped(generated)), 15*time.Minute)
	})
}

func TestWhatCountsAsAnAttempt(t *testing.T) {
	t.Parallel()
	limit := ginperimeter.Config{Attempts: ginperimeter.Limit{Count: 3, Per: time.Hour}}
	s := newSite(t, limit, nil)
	newToken(t, s.db, models.NewAccessToken{Token: custom})
	good, _ := newToken(t, s.db, models.NewAccessToken{})
	changed := func(column string, value any) string {
		token, id := newToken(t, s.db, models.NewAccessToken{})
		runSQL(t, s.db, "UPDATE access_tokens SET "+column+" = ? WHERE id = ?", value, id)
		return token
	}
	longAgo := time.Now().UTC().Add(-time.Hour)
	expired, off := changed("expires_at", longAgo), changed("deactivated_at", longAgo)
	full, fullID := newToken(t, s.db, models.NewAccessToken{MaxUses: 1})
	runSQL(t, s.db, "UPDATE access_tokens SET use_count = 1 WHERE id = ?", fullID)
	tests := []struct {
		name   string
		token  string
		counts bool
	}{
		{"unknown", models.GenerateToken(), true},
		{"unknown and not of our shape", "open sesame open", true},
		{"mistyped", mistyped(good), true},
		{"a short text", "x", true},
		{"digits", "123456", true},
		{"expired", expired, false},
		{"deactivated", off, false},
		{"used up", full, false},
		{"blank", "", false},
		{"too long", fmt.Sprintf("%0300d", 1), false},
		{"custom and right", custom, false},
		{"generated and right", good, false},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for n, ask := range []func(address, token string) answer{s.try, s.tryHeader} {
				address := fmt.Sprintf("198.51.100.%d:1", 100*n+i)
				limited := 0
				for range 6 {
					if ask(address, tt.token).StatusCode == http.StatusTooManyRequests {
						limited++
					}
				}
				if (limited > 0) != tt.counts || (tt.counts && limited != 3) {
					t.Errorf("%d of 6 tries were limited by header %v; counts: %v", limited, n == 1, tt.counts)
				}
			}
		})
	}
}

func TestAttemptsByNetwork(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		one, two string
		together bool
	}{
		{"two IPv4 addresses", "192.0.2.1:1", "192.0.2.2:1", false},
		{"one IPv4 address, other ports", "192.0.2.1:1", "192.0.2.1:2", true},
		{"two addresses of one IPv6 network", "[2001:db8:1:2::1]:1", "[2001:db8:1:2:ffff:1:2:3]:1", true},
		{"two IPv6 networks", "[2001:db8:1:2::1]:1", "[2001:db8:1:3::1]:1", false},
		{"an IPv4 address written as IPv6", "192.0.2.1:1", "[::ffff:192.0.2.1]:1", true},
		{"two IPv4 addresses written as IPv6", "[::ffff:192.0.2.1]:1", "[::ffff:192.0.2.2]:1", false},
		{"a zone", "[fe80::1%eth0]:1", "[fe80::1%eth1]:1", true},
		{"no address, as of a Unix socket", "@", "", true},
		{"no address and an address", "@", "192.0.2.1:1", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, ginperimeter.Config{Attempts: ginperimeter.Limit{Count: 2, Per: time.Hour}}, nil)
			s.try(tt.one, "wrong")
			s.try(tt.one, "wrong")
			if a := s.try(tt.two, "wrong"); (a.StatusCode == http.StatusTooManyRequests) != tt.together {
				t.Errorf("%d; counted together: %v", a.StatusCode, tt.together)
			}
		})
	}
}

func TestWrongTokensFromAll(t *testing.T) {
	t.Parallel()
	clock := newClock()
	s := newSite(t, ginperimeter.Config{Now: clock.now}, nil)
	generated, _ := newToken(t, s.db, models.NewAccessToken{})
	newToken(t, s.db, models.NewAccessToken{Token: custom})
	address := func(i int) string { return fmt.Sprintf("10.0.%d.%d:1", i/250, i%250) }
	for i := range 100 {
		if a := s.try(address(i), "wrong"); a.StatusCode != 422 {
			t.Fatalf("wrong token %d of all: %d", i+1, a.StatusCode)
		}
	}
	wantLimited(t, s.try(address(100), "wrong"), time.Minute)
	wait := wantLimited(t, s.try(address(101), custom), time.Minute)
	if a := s.try(address(102), generated); a.StatusCode != 303 {
		t.Errorf("nobody who holds a generated token is locked out by others: %d", a.StatusCode)
	}
	if a := s.tryHeader(address(102), generated); a.StatusCode != 200 {
		t.Errorf("nor by header: %d", a.StatusCode)
	}
	for range 20 { // what the limit of all refuses does not count for the address
		wantLimited(t, s.try(address(101), "wrong"), time.Minute)
	}
	clock.advance(wait)
	if a := s.try(address(101), custom); a.StatusCode != 303 {
		t.Errorf("after waiting: %d", a.StatusCode)
	}
}

// TestForgedAddresses sends another X-Forwarded-For with each guess.
func TestForgedAddresses(t *testing.T) {
	t.Parallel()
	s := newSite(t, ginperimeter.Config{}, nil)
	limited := 0
	for i := range 20 {
		r := httptest.NewRequest("POST", gatewayPath, nil)
		r.Header.Set("X-Forwarded-For", fmt.Sprintf("203.0.113.%d", i))
		r.Header.Set("X-Real-Ip", fmt.Sprintf("203.0.113.%d", i))
		if serveRequest(s.engine, withForm(r, url.Values{"token": {"wrong"}})).StatusCode == http.StatusTooManyRequests {
			limited++
		}
	}
	if limited != 10 {
		t.Errorf("%d of 20 guesses were limited, want 10", limited)
	}
	if s.log.count("event=perimeter.forgeable_addresses") != 0 {
		t.Error("warned although no proxy is trusted")
	}
}

func TestBurstOfWrongTokens(t *testing.T) {
	t.Parallel()
	on(t, pairs, func(t *testing.T, w where) {
		wrong := map[string]func() string{
			"generated": models.GenerateToken,
			"custom":    func() string { return "guess " + models.NewPassRef() },
			"mistyped":  func() string { return mistyped(models.GenerateToken()) },
		}
		for name, guess := range wrong {
			for how, status := range map[string]int{"form": 422, "header": 401} {
				s := newSite(t, ginperimeter.Config{DB: w.db}, w.store)
				ask := map[string]func(string, string) answer{"form": s.try, "header": s.tryHeader}[how]
				var judged, limited atomic.Int64
				var group sync.WaitGroup
				for range 50 {
					group.Go(func() {
						switch a := ask("192.0.2.1:1", guess()); a.StatusCode {
						case status:
							judged.Add(1)
						case http.StatusTooManyRequests:
							limited.Add(1)
						default:
							t.Errorf("%s by %s: %d", name, how, a.StatusCode)
						}
					})
				}
				group.Wait()
				if judged.Load() > 10 || judged.Load() < 1 || judged.Load()+limited.Load() != 50 {
					t.Errorf("%s by %s: %d were judged, %d limited; want at most 10 judged", name, how, judged.Load(), limited.Load())
				}
			}
		}
	})
}

// TestManyRequestsOfOneProgram sends many requests at once with a right custom
// token: attempts whose outcome is open must not lock a program out.
func TestManyRequestsOfOneProgram(t *testing.T) {
	t.Parallel()
	s := newSite(t, ginperimeter.Config{}, nil)
	newToken(t, s.db, models.NewAccessToken{Token: custom})
	generated, _ := newToken(t, s.db, models.NewAccessToken{})
	p := breakable(t, s.db)
	for _, token := range []string{custom, generated} {
		if a := s.tryHeader("192.0.2.1:1", token); a.StatusCode != 200 {
			t.Fatalf("%d", a.StatusCode)
		}
		p.set(poolSlow)
		var group sync.WaitGroup
		for range 50 {
			group.Go(func() {
				if a := s.tryHeader("192.0.2.1:1", token); a.StatusCode != 200 {
					t.Errorf("a right token among many requests: %d", a.StatusCode)
				}
			})
		}
		group.Wait()
		p.set(poolWorks)
	}
}

// sharedLimiter counts in memory for several gates, and fails on command.
type sharedLimiter struct {
	mu    sync.Mutex
	taken map[string]int
	fails atomic.Bool
	heeds bool // the context, as one on a network does
}

func (l *sharedLimiter) Take(ctx context.Context, key string, limit ginperimeter.Limit) (time.Duration, error) {
	if l.heeds && ctx.Err() != nil {
		return 0, ctx.Err()
	}
	if l.fails.Load() {
		return 0, errors.New("dial tcp 192.0.2.1:6379: connection refused")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.taken[key] >= limit.Count {
		return limit.Per / time.Duration(limit.Count), nil
	}
	l.taken[key]++
	return 0, nil
}

func (l *sharedLimiter) Return(_ context.Context, key string, _ ginperimeter.Limit) error {
	if l.fails.Load() {
		return errors.New("dial tcp 192.0.2.1:6379: connection refused")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.taken[key]--
	return nil
}

func TestSharedLimiter(t *testing.T) {
	t.Parallel()
	shared := &sharedLimiter{taken: map[string]int{}}
	cfg := ginperimeter.Config{DB: newDB(t), Limiter: shared}
	one, two := newSite(t, cfg, nil), newSite(t, cfg, nil)
	newToken(t, cfg.DB, models.NewAccessToken{Token: custom})
	const here = "192.0.2.1:1"
	for range 5 {
		one.try(here, "wrong")
		two.try(here, "wrong")
		if a := one.try("192.0.2.9:1", custom); a.StatusCode != 303 {
			t.Errorf("a right custom token: %d", a.StatusCode)
		}
	}
	wantLimited(t, one.try(here, "wrong"), 15*time.Minute)
	wantLimited(t, two.try(here, "wrong"), 15*time.Minute)
	shared.mu.Lock()
	if shared.taken["ip 192.0.2.1"] != 10 || shared.taken["ip 192.0.2.9"] != 0 || shared.taken["all"] != 10 {
		t.Errorf("counted %v", shared.taken)
	}
	shared.mu.Unlock()

	// away: each gate goes on counting by itself
	shared.fails.Store(true)
	for i := range 10 {
		if a := one.try(here, "wrong"); a.StatusCode != 422 {
			t.Errorf("guess %d while the limiter is away: %d", i+1, a.StatusCode)
		}
	}
	wantLimited(t, one.try(here, "wrong"), 15*time.Minute)
	if a := one.try("192.0.2.9:1", custom); a.StatusCode != 303 {
		t.Errorf("a right custom token while the limiter is away: %d", a.StatusCode)
	}
	if n := one.log.count("level=ERROR", `what="attempt limiter"`); n != 1 {
		t.Errorf("%d lines for one fault:\n%s", n, one.log.text())
	}
}

func TestWarningOfForgeableAddresses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		proxies []string
		warns   bool
	}{
		{"every proxy is trusted, as Gin does by default", []string{"0.0.0.0/0", "::/0"}, true},
		{"no proxy", nil, false},
		{"one proxy", []string{"127.0.0.1"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, ginperimeter.Config{}, nil)
			must(t, s.engine.SetTrustedProxies(tt.proxies))
			for range 3 {
				s.client().get(gatewayPath)
			}
			want := 0
			if tt.warns {
				want = 1
			}
			if n := s.log.count("level=WARN", "event=perimeter.forgeable_addresses", "r.SetTrustedProxies(nil)"); n != want {
				t.Errorf("%d warnings, want %d:\n%s", n, want, s.log.text())
			}
		})
	}
}

// hangingLimiter answers nothing until it is given up.
type hangingLimiter struct{ asked atomic.Int64 }

func (l *hangingLimiter) Take(ctx context.Context, _ string, _ ginperimeter.Limit) (time.Duration, error) {
	l.asked.Add(1)
	<-ctx.Done()
	return 0, ctx.Err()
}

func (l *hangingLimiter) Return(ctx context.Context, key string, limit ginperimeter.Limit) error {
	_, err := l.Take(ctx, key, limit)
	return err
}

// A limiter that hangs is waited for once, and the gate counts by itself. Who
// hangs up while it is asked does not make it look as if it were away.
func TestLimiterThatHangs(t *testing.T) {
	t.Parallel()
	limiter := &hangingLimiter{}
	s := newSite(t, ginperimeter.Config{DB: newDB(t), Limiter: limiter}, nil)
	const here = "192.0.2.1:1"
	began := time.Now()
	for range 10 {
		if a := s.try(here, "wrong"); a.StatusCode != 422 {
			t.Errorf("a guess: %d", a.StatusCode)
		}
	}
	if took, asked := time.Since(began), limiter.asked.Load(); took > time.Duration(asked)*3*time.Second || asked > 3 {
		t.Errorf("ten guesses took %v and asked it %d times", took, asked)
	}
	wantLimited(t, s.try(here, "wrong"), 15*time.Minute)
}

func TestWhoHangsUpDoesNotSwitchTheLimiterOff(t *testing.T) {
	t.Parallel()
	shared := &sharedLimiter{taken: map[string]int{}, heeds: true}
	s := newSite(t, ginperimeter.Config{DB: newDB(t), Limiter: shared}, nil)
	for range 30 {
		form := person("wrong")
		form.Del("probe")
		r := withForm(httptest.NewRequest("POST", gatewayPath, nil), form)
		r.RemoteAddr = "192.0.2.1:1"
		ctx, cancel := context.WithCancel(r.Context())
		cancel()
		serveRequest(s.engine, r.WithContext(ctx))
	}
	if n := s.log.count("level=ERROR", `what="attempt limiter"`); n != 0 {
		t.Errorf("it counts as away:\n%s", s.log.text())
	}
	s.try("192.0.2.1:1", "wrong")
	if shared.taken["ip 192.0.2.1"] == 0 {
		t.Error("the shared limiter is asked no more")
	}
}
