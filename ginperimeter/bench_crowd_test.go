package ginperimeter_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/memstore"
	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/gin-perimeter/gin-perimeter/ginviewpass"
	"github.com/gin-perimeter/gin-perimeter/internal/dbtest"
	"github.com/gin-perimeter/gin-perimeter/models"
)

// sessionKey is where a gate with the default name keeps the pass.
const sessionKey = "perimeter.site"

// benchCrowd is many visitors who have entered with one token.
type benchCrowd struct {
	b       testing.TB // lives longer than the stores
	db      *gorm.DB
	links   *ginviewpass.Links
	token   string
	row     models.AccessToken
	refs    []string // of their passes
	stores  map[string]sessions.Store
	cookies map[string][]string // by store: one for each visitor
}

const crowdSize = 10_000

func newCrowd(b testing.TB, size int) *benchCrowd {
	b.Helper()
	c := &benchCrowd{b: b, db: newDB(b), stores: make(map[string]sessions.Store), cookies: make(map[string][]string)}
	token, row, err := models.CreateAccessToken(context.Background(), c.db, models.NewAccessToken{Label: "Acme preview"})
	if err != nil {
		b.Fatal(err)
	}
	c.token, c.row = token, row
	c.refs = recordEntries(b, c.db, row, size)
	c.links, err = ginviewpass.New(ginviewpass.Config{Keys: [][]byte{[]byte("a key for tests that has 32 bytes")}})
	if err != nil {
		b.Fatal(err)
	}
	return c
}

// recordEntries writes entries as the gateway does, many at once.
func recordEntries(b testing.TB, db *gorm.DB, row models.AccessToken, n int) (refs []string) {
	b.Helper()
	uses := make([]models.AccessTokenUse, n)
	for i := range uses {
		uses[i] = models.AccessTokenUse{
			Ref: models.NewPassRef(), TokenID: row.ID, TokenCheck: row.Check(), TokenLabel: row.Label,
			Name: "Ada Lovelace", Email: fmt.Sprintf("ada%d@example.com", i), IP: "192.0.2.1",
			UserAgent: "Mozilla/5.0", Channel: models.ChannelForm, At: time.Now().UTC(),
		}
		refs = append(refs, uses[i].Ref)
	}
	if err := db.CreateInBatches(uses, 1000).Error; err != nil {
		b.Fatal(err)
	}
	return refs
}

// store is the session store of that kind, with everybody's sessions in it.
func (c *benchCrowd) store(kind string) sessions.Store {
	if c.stores[kind] == nil {
		store := newStore(c.b, kind)
		c.cookies[kind] = saveSessions(c.b, store, c.refs)
		c.stores[kind] = store
	}
	return c.stores[kind]
}

func newStore(b testing.TB, kind string) sessions.Store {
	if kind != "memory" {
		return dbtest.NewStore(b, kind)
	}
	store := memstore.NewStore([]byte("a key for tests that has 32 bytes"))
	store.Options(sessions.Options{Path: "/", MaxAge: 86400, HttpOnly: true})
	return store
}

// saveSessions gives each pass a session and answers their cookies.
func saveSessions(b testing.TB, store sessions.Store, refs []string) (cookies []string) {
	b.Helper()
	r := gin.New()
	r.Use(sessions.Sessions("site", store))
	var ref string
	r.GET("/", func(c *gin.Context) {
		session := sessions.Default(c)
		session.Set(sessionKey, ref)
		if err := session.Save(); err != nil {
			b.Fatal(err)
		}
	})
	for _, ref = range refs {
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		cookie, _, _ := strings.Cut(w.Header().Get("Set-Cookie"), ";")
		cookies = append(cookies, cookie)
	}
	return cookies
}

// measure runs a case, one request after the other and on all cores at once.
func (c *benchCrowd) measure(b *testing.B, bc benchCase, kind string) {
	h := bc.handler(b, c, c.store(kind))
	b.Run("mode=sequential", func(b *testing.B) {
		t := c.turns(b, h, bc, kind)
		t.warmUp(b)
		b.ReportAllocs()
		b.ResetTimer()
		for i := range b.N {
			t.serve(t.request(i))
		}
		t.check(b)
	})
	b.Run("mode=parallel", func(b *testing.B) {
		c.turns(b, h, bc, kind).warmUp(b)
		b.ReportAllocs()
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			t := c.turns(b, h, bc, kind)
			for i := 0; pb.Next(); i++ {
				t.serve(t.request(i))
			}
			t.check(b)
		})
	})
}

// turns serves everybody's requests in turn, for one goroutine.
type turns struct {
	benchCase
	handler  http.Handler
	pristine *http.Request
	header   http.Header // of the request that is served
	cookies  []string
	w        *sink
	failed   int
}

func (c *benchCrowd) turns(b testing.TB, h http.Handler, bc benchCase, kind string) *turns {
	b.Helper()
	r := httptest.NewRequest(http.MethodGet, "/page", nil)
	if bc.prepare != nil {
		bc.prepare(c, b, r)
	}
	t := &turns{benchCase: bc, handler: h, pristine: r, header: r.Header.Clone(), cookies: c.cookies[kind], w: &sink{header: make(http.Header)}}
	if own := r.Header.Get("Cookie"); own != "" {
		t.cookies = []string{own}
	}
	t.header["Cookie"] = []string{""}
	return t
}

// request is a fresh copy of the request with one visitor's cookie. As on a
// server, which has just read them, request and cookie are near the processor.
func (t *turns) request(i int) *http.Request {
	r := *t.pristine
	r.Header = t.header
	cookie := t.cookies[i%len(t.cookies)]
	if t.changing {
		// what analytics scripts do: another cookie beside ours has a new value
		cookie = "_ga=GA1.2." + strconv.Itoa(i) + "; " + cookie + "; _gid=GA1.2." + strconv.Itoa(i)
	}
	t.header["Cookie"][0] = strings.Clone(cookie)
	if token := t.pristine.Header[ginperimeter.HeaderName]; token != nil {
		t.header[ginperimeter.HeaderName] = token // the gate takes it out
	}
	t.w.reset()
	return &r
}

func (t *turns) serve(r *http.Request) {
	t.handler.ServeHTTP(t.w, r)
	if t.w.status != http.StatusOK {
		t.failed++
	}
}

// warmUp lets everybody come once.
func (t *turns) warmUp(b testing.TB) {
	if t.forgets {
		return
	}
	for i := range t.cookies {
		t.serve(t.request(i))
	}
	t.check(b)
}

func (t *turns) check(b testing.TB) {
	if t.failed > 0 {
		b.Fatalf("%d requests were refused", t.failed)
	}
}

// sink is a ResponseWriter that costs next to nothing.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }
func (s *sink) WriteHeader(status int)      { s.status = status }
func (s *sink) reset()                      { clear(s.header); s.status = 0 }
