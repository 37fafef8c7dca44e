package ginperimeter_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/gin-perimeter/gin-perimeter/internal/dbtest"
	"github.com/gin-perimeter/gin-perimeter/models"
)

// BenchmarkEntry lets 50 visitors at once enter a token on SQLite: form,
// session and audit row. It is compared with what GORM takes to insert that row
// and nothing else. With sync=full a commit waits for the disk, as in the demo.
func BenchmarkEntry(b *testing.B) {
	for _, sync := range []string{"full", "normal"} {
		b.Run("insert/sync="+sync, func(b *testing.B) { measureEntries(b, sync, enterByInsert) })
		b.Run("gateway/sync="+sync, func(b *testing.B) { measureEntries(b, sync, enterByGateway) })
	}
}

func measureEntries(b *testing.B, sync string, enter func(testing.TB, *gorm.DB) func(int64) error) {
	d := dbtest.New(b, "sqlite")
	db := d.Open(b)
	if sync == "full" {
		db = d.OpenAsTool(b)
	}
	must(b, models.Migrate(db))
	db = db.Session(&gorm.Session{Logger: logger.Discard}) // waiting in line is no news
	enterOne := enter(b, db)
	var n atomic.Int64
	b.SetParallelism(max(1, 50/runtime.GOMAXPROCS(0)))
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := enterOne(n.Add(1)); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
	var rows int64
	must(b, db.Model(&models.AccessTokenUse{}).Count(&rows).Error)
	if rows != n.Load() {
		b.Errorf("%d rows of %d entries", rows, n.Load())
	}
}

func enterByInsert(b testing.TB, db *gorm.DB) func(int64) error {
	_, id := newToken(b, db, models.NewAccessToken{Label: "Acme preview"})
	row, err := models.GetAccessToken(b.Context(), db, id)
	must(b, err)
	return func(n int64) error {
		return db.Create(&models.AccessTokenUse{
			Ref: models.NewPassRef(), TokenID: row.ID, TokenCheck: row.Check(), TokenLabel: row.Label,
			Name: "Ada Lovelace", Email: fmt.Sprintf("ada%d@example.com", n), EmailKey: fmt.Sprintf("ada%d@example.com", n),
			IP: "192.0.2.1", UserAgent: "Mozilla/5.0", Channel: models.ChannelForm, At: time.Now().UTC(),
		}).Error
	}
}

func enterByGateway(b testing.TB, db *gorm.DB) func(int64) error {
	token, _ := newToken(b, db, models.NewAccessToken{Label: "Acme preview"})
	gate, err := ginperimeter.New(ginperimeter.Config{DB: db})
	must(b, err)
	r := gin.New()
	must(b, r.SetTrustedProxies(nil))
	r.Use(sessions.Sessions("site", cookieStore()), gate.Middleware())
	return func(n int64) error {
		form := url.Values{"token": {token}, "name": {"Ada Lovelace"}, "email": {fmt.Sprintf("ada%d@example.com", n)}}
		request := httptest.NewRequest(http.MethodPost, gatewayPath, strings.NewReader(form.Encode()))
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("User-Agent", "Mozilla/5.0")
		w := httptest.NewRecorder()
		r.ServeHTTP(w, request)
		if w.Code != http.StatusSeeOther {
			return fmt.Errorf("entering: %d %.300s", w.Code, w.Body)
		}
		return nil
	}
}
