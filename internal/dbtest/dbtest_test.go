package dbtest_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"testing"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"
	"github.com/gin-perimeter/gin-perimeter/internal/dbtest"
	"github.com/gin-perimeter/gin-perimeter/models"
	"gorm.io/gorm"
)

func TestEachGivesADatabaseOfItsOwn(t *testing.T) {
	t.Parallel()
	for range 2 { // the second must not see the first's token
		dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
			n, err := models.CountAccessTokens(t.Context(), db, models.TokenFilter{})
			if err != nil || n != 0 {
				t.Fatalf("%d tokens, %v; want none", n, err)
			}
			if _, _, err := models.CreateAccessToken(t.Context(), db, models.NewAccessToken{Token: "one and the same"}); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestHostAndToolSeeTheSameDatabase(t *testing.T) {
	t.Parallel()
	dbtest.EachEmpty(t, func(t *testing.T, d dbtest.Database) {
		if err := models.CheckTables(t.Context(), d.Open(t)); err == nil {
			t.Fatal("the database is not empty")
		}
		if err := models.Migrate(d.OpenAsTool(t)); err != nil {
			t.Fatal(err)
		}
		if err := models.CheckTables(t.Context(), d.Open(t)); err != nil {
			t.Fatal(err)
		}
	})
}

func TestStoresKeepASessionOnPlainHTTP(t *testing.T) {
	t.Parallel()
	gin.SetMode(gin.TestMode)
	dbtest.EachStore(t, func(t *testing.T, store sessions.Store) {
		engine := gin.New()
		engine.Use(sessions.Sessions("site", store))
		engine.GET("/", func(c *gin.Context) {
			session := sessions.Default(c)
			if session.Get("seen") != nil {
				c.Status(http.StatusAlreadyReported)
				return
			}
			session.Set("seen", "yes")
			if err := session.Save(); err != nil {
				t.Error(err)
			}
		})
		server := httptest.NewServer(engine)
		defer server.Close()
		jar, _ := cookiejar.New(nil)
		client := &http.Client{Jar: jar}
		for _, want := range []int{http.StatusOK, http.StatusAlreadyReported} {
			answer, err := client.Get(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			if answer.StatusCode != want {
				t.Errorf("status %d, want %d", answer.StatusCode, want)
			}
		}
	})
}
