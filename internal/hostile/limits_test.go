package hostile

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/gin-perimeter/gin-perimeter/ginviewpass"
	"github.com/gin-perimeter/gin-perimeter/internal/dbtest"
	"github.com/gin-perimeter/gin-perimeter/models"
)

func TestBodiesAndFieldsAreBounded(t *testing.T) {
	t.Parallel()
	s := &target{name: "limits"}
	db := dbtest.Open(t)
	s.token, _ = newToken(t, db, models.NewAccessToken{})
	r := gin.New()
	must(t, r.SetTrustedProxies(nil))
	r.Use(sessions.Sessions("site", cookieStore()), newGate(t, ginperimeter.Config{DB: db}).Middleware())
	serve(t, s, r)
	form := "Content-Type: application/x-www-form-urlencoded"
	send := func(body string, headers ...string) string {
		return s.raw(t, ask("POST", "/perimeter/gateway", append(headers, "Content-Length: "+itoa(len(body)))...)+body)
	}
	for _, c := range []struct {
		name, body, kind, want string
	}{
		{"three megabytes", "token=" + strings.Repeat("x", 3<<20), form, "422"},
		{"a name of a megabyte", "token=" + s.token + "&email=a@b.example&name=" + strings.Repeat("x", 1<<20), form, "422"},
		{"an address of a megabyte", "token=" + s.token + "&name=a&email=a@" + strings.Repeat("x", 1<<20) + ".example", form, "422"},
		{"a token of a megabyte", "token=" + strings.Repeat("x", 1<<20), form, "422"},
		{"a name of four-byte characters", "token=" + s.token + "&email=a@b.example&name=" + strings.Repeat("%F0%9F%91%8D", 201), form, "422"},
		{"many fields", strings.Repeat("a&", 1<<19), form, "422"},
		{"many fields of the same name", strings.Repeat("token=x&", 1<<17), form, "422"},
		{"many names", "", form, "422"},
		{"broken escapes", "token=%zz", form, "422"},
		{"semicolons", "token=a;name=b", form, "422"},
		{"NUL", "token=%00&name=%00&email=%00", form, "422"},
		{"not UTF-8", "token=%ff&name=%ff&email=%ff@b.example", form, "422"},
		{"several parts", "--x\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\nx\r\n--x--", "Content-Type: multipart/form-data; boundary=x", "422"},
		{"JSON", `{"token":"x"}`, "Content-Type: application/json", "422"},
		{"no type", "token=x", "X-A: b", "422"},
		{"nothing", "", form, "422"},
	} {
		body := c.body
		if c.name == "many names" {
			var b strings.Builder
			for i := range 1 << 17 {
				fmt.Fprintf(&b, "n%d&", i)
			}
			body = b.String()
		}
		answer := send(body, c.kind)
		if !strings.HasPrefix(answer, "HTTP/1.1 "+c.want) {
			t.Errorf("%s: %.100q", c.name, answer)
		}
		if len(answer) > 64<<10 {
			t.Errorf("%s: an answer of %d bytes", c.name, len(answer))
		}
	}
	if n := count(t, db); n != 0 {
		t.Errorf("%d entries", n)
	}
}

func count(t testing.TB, db *gorm.DB) (n int64) {
	t.Helper()
	must(t, db.Model(&models.AccessTokenUse{}).Count(&n).Error)
	return n
}

// Who sends slowly keeps one connection and no lock: everybody else goes on.
func TestSlowBodiesStopNobodyElse(t *testing.T) {
	t.Parallel()
	s := &target{name: "slow"}
	db := dbtest.Open(t)
	s.token, _ = newToken(t, db, models.NewAccessToken{})
	r := gin.New()
	must(t, r.SetTrustedProxies(nil))
	r.Use(sessions.Sessions("site", cookieStore()), newGate(t, ginperimeter.Config{DB: db}).Middleware())
	serve(t, s, r)
	for range 200 {
		conn, err := net.Dial("tcp", s.addr)
		must(t, err)
		t.Cleanup(func() { conn.Close() })
		_, err = io.WriteString(conn, "POST /perimeter/gateway HTTP/1.1\r\nHost: site.example\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\ntoken=")
		must(t, err)
	}
	began := time.Now()
	body := url.Values{"token": {s.token}, "name": {"A"}, "email": {"a@b.example"}}.Encode()
	answer := s.raw(t, ask("POST", "/perimeter/gateway", "Content-Type: application/x-www-form-urlencoded", "Content-Length: "+itoa(len(body)))+body)
	if !strings.HasPrefix(answer, "HTTP/1.1 303") || time.Since(began) > 2*time.Second {
		t.Errorf("after %v: %.100q", time.Since(began), answer)
	}
}

// heap is what is in use after a collection.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Not parallel: it measures the memory of the whole process.
func TestAFloodGrowsNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("sends a hundred thousand requests")
	}
	var log book
	db := dbtest.Open(t)
	token, _ := newToken(t, db, models.NewAccessToken{ExpiresAt: models.Never})
	links := newLinks(t)
	gate := newGate(t, ginperimeter.Config{DB: db, Bypass: links.Granted, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	r := gin.New()
	must(t, r.SetTrustedProxies(nil))
	r.Use(sessions.Sessions("site", cookieStore()), links.Middleware(), gate.Middleware())
	r.GET("/", func(c *gin.Context) { c.String(200, canary) })
	floods := map[string]func(i int) *http.Request{
		"cookies": func(i int) *http.Request {
			q := httptest.NewRequest("GET", "/", nil)
			q.Header.Set("Cookie", fmt.Sprintf("site=%d%s", i, strings.Repeat("A", 300)))
			return q
		},
		"header tokens": func(i int) *http.Request {
			q := httptest.NewRequest("GET", "/", nil)
			q.Header.Set("X-Perimeter-Token", fmt.Sprintf("wrong token number %d %s", i, strings.Repeat("A", 100)))
			return q
		},
		"generated header tokens": func(i int) *http.Request {
			q := httptest.NewRequest("GET", "/", nil)
			q.Header.Set("X-Perimeter-Token", models.GenerateToken())
			return q
		},
		"tokens in the form": func(i int) *http.Request {
			q := httptest.NewRequest("POST", "/perimeter/gateway", strings.NewReader(fmt.Sprintf("token=wrong+token+number+%d&name=a&email=a@b.example", i)))
			q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			return q
		},
		"links": func(i int) *http.Request {
			return httptest.NewRequest("GET", fmt.Sprintf("/?viewpass=VAAA%d%s:%s", i, strings.Repeat("A", 300), strings.Repeat("B", 22)), nil)
		},
		"addresses": func(i int) *http.Request { return httptest.NewRequest("GET", fmt.Sprintf("/p%d?next=%d", i, i), nil) },
		"one valid header token from everywhere": func(i int) *http.Request {
			q := httptest.NewRequest("GET", "/", nil)
			q.Header.Set("X-Perimeter-Token", token)
			return q
		},
	}
	for name, request := range floods {
		n := 20_000
		if strings.Contains(name, "generated") || strings.Contains(name, "valid") {
			n = 3_000 // each of these asks the database
		}
		send := func(from, to int) {
			for i := from; i < to; i++ {
				q := request(i)
				q.RemoteAddr = fmt.Sprintf("[2001:db8:%x:%x::1]:9", i>>16, i&0xffff)
				r.ServeHTTP(httptest.NewRecorder(), q)
			}
		}
		send(0, 100) // caches and pools that are there once
		before := heap()
		send(100, n)
		// 10,000 addresses with a limit each, and an LRU's entry for hours, are about 500 bytes each
		if grown := heap() - before; grown > 8<<20 {
			t.Errorf("%s: %d requests keep %d bytes", name, n, grown)
		} else {
			t.Logf("%s: %d requests keep %d KiB", name, n, grown>>10)
		}
	}
	if lines := strings.Count(log.String(), "\n"); lines > 3 {
		t.Errorf("the floods made %d lines of log: %.500s", lines, log.String())
	}
}

// A store or database that is away is logged once, not once per request.
func TestAFaultIsLoggedOnce(t *testing.T) {
	t.Parallel()
	var log book
	db := dbtest.New(t, "sqlite").Open(t)
	must(t, models.Migrate(db))
	gate := newGate(t, ginperimeter.Config{DB: db, Logger: slog.New(slog.NewTextHandler(&log, nil)), TokenOnly: true})
	r := gin.New()
	must(t, r.SetTrustedProxies(nil))
	r.Use(sessions.Sessions("site", cookieStore()), gate.Middleware())
	pool, err := db.DB()
	must(t, err)
	pool.Close()
	for range 300 {
		q := httptest.NewRequest("GET", "/", nil)
		q.Header.Set("X-Perimeter-Token", models.GenerateToken())
		w := httptest.NewRecorder()
		r.ServeHTTP(w, q)
		if w.Code != http.StatusServiceUnavailable {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if w := visit(r, "POST", "/perimeter/gateway", url.Values{"token": {models.GenerateToken()}}); w.Code != http.StatusServiceUnavailable {
			t.Fatalf("%d", w.Code)
		}
	}
	if lines := strings.Count(log.String(), "\n"); lines != 1 {
		t.Errorf("%d lines: %.600s", lines, log.String())
	}
}

// FuzzForm sends any body to the gateway: whatever it is, there is one whole
// answer, nobody gets in, and nothing is recorded.
func FuzzForm(f *testing.F) {
	db := dbtest.Open(f)
	newToken(f, db, models.NewAccessToken{Token: custom})
	links, err := ginviewpass.New(ginviewpass.Config{Keys: [][]byte{linkKey}, Logger: slog.New(slog.DiscardHandler)})
	must(f, err)
	gate := newGate(f, ginperimeter.Config{DB: db, Bypass: links.Granted})
	r := gin.New()
	must(f, r.SetTrustedProxies(nil))
	r.Use(sessions.Sessions("site", cookieStore()), links.Middleware(), gate.Middleware())
	r.NoRoute(func(c *gin.Context) { c.String(200, canary) })
	form := "application/x-www-form-urlencoded"
	for _, seed := range []struct{ kind, query, body, cookie string }{
		{form, "next=/", "token=x&name=y&email=z@z.example", ""}, {form, "next=//evil.example", "token=2345-6789-ABCD-EFGH-JKMN-PQRS", "site=x"},
		{form, "viewpass=V:x", "probe=1", "perimeter_probe=1"}, {form + "; charset=x", "next=%zz", "token=%zz", "site=a; site=b"},
		{"multipart/form-data; boundary=x", "", "--x\r\n\r\n--x--", ""}, {"", "", "\x00", "site=\x00"}, {form, "next=a&next=b", "token=a&token=b&form=AAAAAAAAAAAAAAAAAAAAAAAAAA", ""},
	} {
		f.Add(seed.kind, seed.query, seed.body, seed.cookie)
	}
	f.Fuzz(func(t *testing.T, kind, query, body, cookie string) {
		if strings.Contains(body, "horse") {
			t.Skip()
		}
		q := httptest.NewRequest("POST", "/perimeter/gateway", strings.NewReader(body))
		q.URL.RawQuery = query
		q.Header["Content-Type"], q.Header["Cookie"] = []string{kind}, []string{cookie}
		w := httptest.NewRecorder()
		r.ServeHTTP(w, q)
		if w.Code != http.StatusUnprocessableEntity && w.Code != http.StatusTooManyRequests {
			t.Errorf("%d %.300s", w.Code, w.Body)
		}
		if !strings.HasSuffix(strings.TrimSpace(w.Body.String()), "</html>") || strings.Contains(w.Body.String(), canary) || len(w.Body.String()) > 128<<10 {
			t.Errorf("a page of %d bytes: %.300s", w.Body.Len(), w.Body)
		}
		inert(t, query, w.Body.String())
		for _, c := range w.Result().Cookies() {
			if c.Name != "perimeter_probe" {
				t.Errorf("a cookie: %v", c)
			}
		}
		if n := count(t, db); n != 0 {
			t.Errorf("%d entries", n)
		}
	})
}
