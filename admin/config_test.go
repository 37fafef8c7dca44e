package admin_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gin-perimeter/gin-perimeter/admin"
	"github.com/gin-perimeter/gin-perimeter/internal/dbtest"
	"github.com/gin-perimeter/gin-perimeter/models"
	"github.com/gin-perimeter/gin-perimeter/templates"
)

func TestMountNamesEveryMistake(t *testing.T) {
	t.Parallel()
	good := func() admin.Config {
		return admin.Config{DB: dbtest.Open(t), Auth: gin.BasicAuth(gin.Accounts{"a": "b"})}
	}
	empty, err := gorm.Open(sqlite.Open(filepath.Join(t.TempDir(), "empty.db")), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		path   string
		change func(*admin.Config)
		want   []string
	}{
		"nothing set":              {root, func(c *admin.Config) { *c = admin.Config{} }, []string{"Auth is nil", "DB is nil"}},
		"no Auth":                  {root, func(c *admin.Config) { c.Auth = nil }, []string{"Auth is nil", "gin.BasicAuth"}},
		"no tables":                {root, func(c *admin.Config) { c.DB = empty }, []string{"models.Migrate"}},
		"parameters in the path":   {"/:tenant/admin", func(*admin.Config) {}, []string{"fixed path"}},
		"relative BaseURL":         {root, func(c *admin.Config) { c.BaseURL = "/prefix" }, []string{"BaseURL"}},
		"BaseURL with a query":     {root, func(c *admin.Config) { c.BaseURL = "https://a.example/?x" }, []string{"BaseURL"}},
		"origin with a path":       {root, func(c *admin.Config) { c.TrustedOrigins = []string{"https://a.example/"} }, []string{"TrustedOrigins"}},
		"gateway elsewhere":        {root, func(c *admin.Config) { c.GatewayPath = "//evil.example" }, []string{"GatewayPath"}},
		"permissions, no links":    {root, func(c *admin.Config) { c.Permissions = []string{"a"} }, []string{"Links is nil"}},
		"empty permission":         {root, func(c *admin.Config) { c.Links, c.Permissions = testLinks(t, nil), []string{""} }, []string{"empty name"}},
		"no colour":                {root, func(c *admin.Config) { c.Look = templates.Look{Accent: "red"} }, []string{"Look.Accent"}},
		"many mistakes, each told": {root, func(c *admin.Config) { c.Auth, c.BaseURL, c.GatewayPath = nil, "x", "y" }, []string{"Auth", "BaseURL", "GatewayPath"}},
	} {
		t.Run(name, func(t *testing.T) {
			config := good()
			test.change(&config)
			r := gin.New()
			err := admin.Mount(r.Group(test.path), config)
			if err == nil {
				t.Fatal("Mount took it")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not name %q", err, want)
				}
			}
			if len(r.Routes()) > 0 {
				t.Error("routes were added all the same")
			}
		})
	}
	if err := admin.Mount(nil, good()); err == nil || !strings.Contains(err.Error(), "group is nil") {
		t.Errorf("with no group: %v", err)
	}
}

// A database that is away at start-up is a warning; the pages say 503 until it
// is there.
func TestMountWithoutDatabaseAtHand(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	s := &site{t: t, db: db, r: gin.New()}
	err = admin.Mount(s.r.Group(root), admin.Config{DB: db, Auth: gin.BasicAuth(gin.Accounts{"anna": "pw"}), Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "level=WARN") {
		t.Errorf("nothing was said: %q", log.String())
	}
	p := s.get("/").is(http.StatusServiceUnavailable).says("The database does not answer")
	if p.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

// Below a prefix that a proxy takes off, all links carry it.
func TestBaseURLWithPrefix(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *admin.Config) { c.BaseURL = "https://shop.example/preview/" })
	s.token(models.NewAccessToken{Label: "x"})
	for _, path := range []string{"/", "/tokens", "/tokens/1", "/uses"} {
		for n := range s.get(path).is(http.StatusOK).doc.Descendants() {
			for _, key := range []string{"href", "action"} {
				if link := attr(n, key); strings.HasPrefix(link, "/") && !strings.HasPrefix(link, "/preview"+root) {
					t.Errorf("%s: %s leads to %q", path, key, link)
				}
			}
		}
	}
	p := s.post("/tokens/1/deactivate", nil)
	if got := p.Header.Get("Location"); got != "/preview"+root+"/tokens/1?done=deactivated" {
		t.Errorf("redirect to %q", got)
	}
	s.post("/tokens", form("label", "y", "expires", "7d")).says("https://shop.example/preview/perimeter/gateway#token=")
}
