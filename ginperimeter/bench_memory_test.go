package ginperimeter_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	gorilla "github.com/gorilla/sessions"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/gin-perimeter/gin-perimeter/models"
)

// What a gate may take for 100,000 visitors, in bytes.
const memoryFor100000 = 64 << 20

// BenchmarkMemory measures the memory that a gate takes for 100,000 visitors,
// as MiB, with session cookies of several lengths. Run it once: -benchtime 1x.
func BenchmarkMemory(b *testing.B) {
	const visitors = 100_000
	db, refs := manyPasses(b, visitors)
	for _, length := range []int{190, 400, 4096} {
		b.Run(fmt.Sprintf("cookie=%d", length), func(b *testing.B) {
			for range b.N {
				size := heapOfVisitors(b, ginperimeter.Config{DB: db}, refs, length)
				b.ReportMetric(float64(size)/(1<<20), "MiB")
				b.ReportMetric(float64(size)/visitors, "B/visitor")
			}
		})
	}
}

// TestMemoryIsBounded lets a tenth of the visitors come, and three times as
// many as the gate may remember. It doesn't run beside others, whose memory it
// would measure.
func TestMemoryIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("10,000 visitors take some seconds")
	}
	const visitors = 10_000
	db, refs := manyPasses(t, visitors)
	for _, c := range []struct {
		name           string
		length, config int
		most           int
	}{
		{"short cookies", 190, 0, memoryFor100000 / 10},
		{"the longest cookies that are kept whole", 224, 0, memoryFor100000 / 10},
		{"long cookies", 4096, 0, memoryFor100000 / 10},
		{"more visitors than MaxVisitors", 190, visitors / 3, memoryFor100000 / 10 / 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			size := heapOfVisitors(t, ginperimeter.Config{DB: db, MaxVisitors: c.config}, refs, c.length)
			t.Logf("%d bytes for each of %d visitors", size/visitors, visitors)
			if size > c.most {
				t.Errorf("%d visitors take %d bytes, more than %d", visitors, size, c.most)
			}
		})
	}
}

func manyPasses(t testing.TB, n int) (*gorm.DB, []string) {
	db := newDB(t)
	_, id := newToken(t, db, models.NewAccessToken{Label: "Acme preview"})
	row, err := models.GetAccessToken(t.Context(), db, id)
	must(t, err)
	return db, recordEntries(t, db, row, n)
}

// heapOfVisitors is by how much the heap grows when visitors come to a new
// gate, each with a cookie of that length.
func heapOfVisitors(t testing.TB, cfg ginperimeter.Config, refs []string, length int) int {
	t.Helper()
	gate, err := ginperimeter.New(cfg)
	must(t, err)
	r := gin.New()
	r.Use(sessions.Sessions("site", &echoStore{}), gate.Middleware())
	r.GET("/page", func(c *gin.Context) { c.Status(http.StatusOK) })
	visit := func(ref string) {
		request := httptest.NewRequest(http.MethodGet, "/page", nil)
		request.Header.Set("Cookie", "site="+ref+strings.Repeat("x", length-len(ref)))
		w := &sink{header: make(http.Header)}
		r.ServeHTTP(w, request)
		if w.status != http.StatusOK {
			t.Fatalf("a visitor got %d", w.status)
		}
	}
	visit(refs[0]) // what it needs once
	before := heap()
	for _, ref := range refs {
		visit(ref)
	}
	size := heap() - before
	runtime.KeepAlive(gate)
	return size
}

func heap() int {
	var stats runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int(stats.HeapAlloc)
}

// echoStore keeps the pass's reference at the front of a cookie of any length.
type echoStore struct{ sessions.Store }

const refLength = 22

func (s *echoStore) Get(r *http.Request, name string) (*gorilla.Session, error) {
	cookie, err := r.Cookie(name)
	if err != nil {
		return nil, err
	}
	session := gorilla.NewSession(s, name)
	session.Values[sessionKey] = cookie.Value[:refLength]
	return session, nil
}
