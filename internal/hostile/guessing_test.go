package hostile

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"

	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/gin-perimeter/gin-perimeter/internal/dbtest"
	"github.com/gin-perimeter/gin-perimeter/models"
)

// clock is one that tests turn.
type clock struct{ nanos atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.nanos.Store(time.Now().UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.nanos.Load()) }
func (c *clock) advance(d time.Duration) { c.nanos.Add(int64(d)) }

const custom = "correct horse battery" // a custom token, which can be guessed

// vault is a gateway that is guessed at, called without a network so that
// requests can come from any address.
type vault struct {
	engine    *gin.Engine
	clock     *clock
	generated string
}

func newVault(t *testing.T, proxies ...string) *vault {
	t.Helper()
	db := dbtest.Open(t)
	v := &vault{engine: gin.New(), clock: newClock()}
	v.generated, _ = newToken(t, db, models.NewAccessToken{Label: "generated", ExpiresAt: models.Never})
	newToken(t, db, models.NewAccessToken{Label: "custom", Token: custom, ExpiresAt: models.Never})
	if err := v.engine.SetTrustedProxies(proxies); err != nil {
		t.Fatal(err)
	}
	v.engine.Use(sessions.Sessions("site", cookieStore()), newGate(t, ginperimeter.Config{DB: db, Now: v.clock.now}).Middleware())
	v.engine.GET("/", func(c *gin.Context) { c.String(200, canary) })
	return v
}

// try sends the form from an address.
func (v *vault) try(address, token string, headers ...string) *httptest.ResponseRecorder {
	body := url.Values{"token": {token}, "name": {"A"}, "email": {"a@b.example"}}.Encode()
	r := httptest.NewRequest("POST", "/perimeter/gateway", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return v.send(r, address, headers)
}

// tryHeader sends a token as a header from an address.
func (v *vault) tryHeader(address, token string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("X-Perimeter-Token", token)
	return v.send(r, address, headers)
}

func (v *vault) send(r *http.Request, address string, headers []string) *httptest.ResponseRecorder {
	r.RemoteAddr = address
	for _, line := range headers {
		key, value, _ := strings.Cut(line, ": ")
		r.Header.Add(key, value)
	}
	w := httptest.NewRecorder()
	v.engine.ServeHTTP(w, r)
	return w
}

// guessed counts how many of n guesses were judged, and not turned away.
func guessed(n int, try func(i int) *httptest.ResponseRecorder) (judged int) {
	for i := range n {
		if w := try(i); w.Code != http.StatusTooManyRequests {
			judged++
		}
	}
	return judged
}

func guess(i int) string { return fmt.Sprintf("wrong horse battery %d", i) }

func TestGuessingIsLimited(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name    string
		proxies []string
		try     func(v *vault, i int) *httptest.ResponseRecorder
		most    int
	}{
		{"from one address", nil, func(v *vault, i int) *httptest.ResponseRecorder { return v.try("198.51.100.1:9", guess(i)) }, 10},
		{"by header", nil, func(v *vault, i int) *httptest.ResponseRecorder { return v.tryHeader("198.51.100.1:9", guess(i)) }, 10},
		{"by form and header in turn", nil, func(v *vault, i int) *httptest.ResponseRecorder {
			if i%2 == 0 {
				return v.try("198.51.100.1:9", guess(i))
			}
			return v.tryHeader("198.51.100.1:9", guess(i))
		}, 10},
		{"from one address and many ports", nil, func(v *vault, i int) *httptest.ResponseRecorder {
			return v.try(fmt.Sprintf("198.51.100.1:%d", 1000+i), guess(i))
		}, 10},
		{"all over one IPv6 network", nil, func(v *vault, i int) *httptest.ResponseRecorder {
			return v.try(fmt.Sprintf("[2001:db8:1:2:%x:%x::%x]:9", i, i*7, i), guess(i))
		}, 10},
		{"with zones", nil, func(v *vault, i int) *httptest.ResponseRecorder {
			return v.try(fmt.Sprintf("[fe80::1%%eth%d]:9", i), guess(i))
		}, 10},
		{"by IPv4 addresses in IPv6", nil, func(v *vault, i int) *httptest.ResponseRecorder {
			return v.try([]string{"198.51.100.1:9", "[::ffff:198.51.100.1]:9", "[::ffff:c633:6401]:9"}[i%3], guess(i))
		}, 10},
		{"with forged X-Forwarded-For", nil, func(v *vault, i int) *httptest.ResponseRecorder {
			return v.try("198.51.100.1:9", guess(i), fmt.Sprintf("X-Forwarded-For: 203.0.113.%d", i), fmt.Sprintf("X-Real-Ip: 203.0.113.%d", i), fmt.Sprintf("Forwarded: for=203.0.113.%d", i))
		}, 10},
		{"with X-Forwarded-For forged in front of a trusted proxy's", []string{"10.0.0.1"}, func(v *vault, i int) *httptest.ResponseRecorder {
			return v.try("10.0.0.1:9", guess(i), fmt.Sprintf("X-Forwarded-For: 203.0.113.%d, 198.51.100.1", i))
		}, 10},
		{"with addresses that are none", nil, func(v *vault, i int) *httptest.ResponseRecorder { return v.try(fmt.Sprintf("@%d", i), guess(i)) }, 10},
		{"with slips in generated tokens", nil, func(v *vault, i int) *httptest.ResponseRecorder {
			return v.try("198.51.100.1:9", "2345-6789-ABCD-EFGH-JKMN-PQ"+string("RSTUVWXYZ"[i%9])+string("23456789"[i%8]))
		}, 10},
		{"with whole generated tokens", nil, func(v *vault, i int) *httptest.ResponseRecorder {
			return v.try("198.51.100.1:9", models.GenerateToken())
		}, 10},
		{"from many addresses", nil, func(v *vault, i int) *httptest.ResponseRecorder {
			return v.try(fmt.Sprintf("198.%d.%d.1:9", i/200, i%200), guess(i))
		}, 100},
		{"from many IPv6 networks", nil, func(v *vault, i int) *httptest.ResponseRecorder {
			return v.try(fmt.Sprintf("[2001:db8:%x::1]:9", i), guess(i))
		}, 100},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v := newVault(t, c.proxies...)
			if judged := guessed(400, func(i int) *httptest.ResponseRecorder { return c.try(v, i) }); judged != c.most {
				t.Errorf("%d guesses were judged, want %d", judged, c.most)
			}
		})
	}
}

func TestAForgedAddressIsNotBelievedAfterTheLimit(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	guessed(20, func(i int) *httptest.ResponseRecorder { return v.try("198.51.100.1:9", guess(i)) })
	if w := v.try("198.51.100.1:9", custom, "X-Forwarded-For: 203.0.113.9"); w.Code != http.StatusTooManyRequests {
		t.Errorf("the right custom token behind the limit: %d, want 429: the limit tells right from wrong", w.Code)
	}
	if w := v.try("198.51.100.2:9", custom); w.Code != http.StatusSeeOther {
		t.Errorf("another address: %d", w.Code)
	}
	v.clock.advance(91 * time.Second)
	if w := v.try("198.51.100.1:9", custom); w.Code != http.StatusSeeOther {
		t.Errorf("after 91 seconds: %d", w.Code)
	}
}

func TestParallelGuessesAreLimitedToo(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	var judged atomic.Int64
	var group sync.WaitGroup
	for worker := range 40 {
		group.Go(func() {
			for i := range 10 {
				if v.try("198.51.100.1:9", guess(worker*10+i)).Code != http.StatusTooManyRequests {
					judged.Add(1)
				}
			}
		})
	}
	group.Wait()
	if judged.Load() != 10 {
		t.Errorf("%d of 400 guesses at once were judged, want 10", judged.Load())
	}
}

func TestHoldersOfAGeneratedTokenAreNeverLockedOut(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	guessed(300, func(i int) *httptest.ResponseRecorder { return v.try(fmt.Sprintf("198.51.%d.1:9", i%256), guess(i)) })
	guessed(300, func(i int) *httptest.ResponseRecorder { return v.try("198.51.100.1:9", models.GenerateToken()) })
	if w := v.try("198.51.100.1:9", v.generated); w.Code != http.StatusSeeOther {
		t.Errorf("form: %d", w.Code)
	}
	if w := v.tryHeader("198.51.100.1:9", v.generated); w.Code != http.StatusOK || w.Body.String() != canary {
		t.Errorf("header: %d", w.Code)
	}
	if w := v.try("198.51.100.1:9", strings.ToLower(strings.ReplaceAll(v.generated, "-", " "))); w.Code != http.StatusSeeOther {
		t.Errorf("form, spelt otherwise: %d", w.Code)
	}
}

// A stranger at the header learns nothing of a token but that it does not work.
func TestTheHeaderDoesNotTellUnknownFromExpired(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	r := gin.New()
	r.Use(sessions.Sessions("site", cookieStore()), newGate(t, ginperimeter.Config{DB: db}).Middleware())
	deactivated, id := newToken(t, db, models.NewAccessToken{})
	if err := models.DeactivateAccessToken(t.Context(), db, id); err != nil {
		t.Fatal(err)
	}
	expired, id := newToken(t, db, models.NewAccessToken{})
	if err := db.Exec("UPDATE access_tokens SET expires_at = '2020-01-01 00:00:00+00:00' WHERE id = ?", id).Error; err != nil {
		t.Fatal(err)
	}
	deleted, id := newToken(t, db, models.NewAccessToken{})
	if err := models.DeleteAccessToken(t.Context(), db, id); err != nil {
		t.Fatal(err)
	}
	want := ""
	for _, token := range []string{models.GenerateToken(), deactivated, expired, deleted, "mistyped", "2345-6789-ABCD-EFGH-JKMN-PQRS", strings.Repeat("x", 5000)} {
		q := httptest.NewRequest("GET", "/", nil)
		q.Header.Set("X-Perimeter-Token", token)
		w := httptest.NewRecorder()
		r.ServeHTTP(w, q)
		got := fmt.Sprint(w.Code, w.Header(), w.Body)
		if want == "" {
			want = got
		}
		if got != want || w.Code != http.StatusUnauthorized {
			t.Errorf("%.40q:\n%s\n%s", token, got, want)
		}
	}
}
