package main

import (
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gin-perimeter/gin-perimeter/admin"
	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/gin-perimeter/gin-perimeter/ginviewpass"
	"github.com/gin-perimeter/gin-perimeter/internal/database"
	"github.com/gin-perimeter/gin-perimeter/models"
	"github.com/gin-perimeter/gin-perimeter/templates"
)

//go:embed pages static
var files embed.FS

// viewReport is the permission that the report needs.
const viewReport = "reporting.view_report"

// site is the demo, ready to be served.
type site struct {
	url      string
	handler  http.Handler
	gate     *ginperimeter.Gate
	db       *gorm.DB
	state    *state
	token    string // the first token, when it was made just now
	password string // the admin's, when it was made just now
	link     string // opens the report
}

// newSite opens what the demo stands on and wires it.
func newSite(ctx context.Context, o options, url string, log io.Writer) (*site, error) {
	db, err := openDatabase(ctx, o.database)
	if err != nil {
		return nil, err
	}
	s := &site{url: url, db: db}
	if err := s.wire(ctx, o, log); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func openDatabase(ctx context.Context, dsn string) (*gorm.DB, error) {
	db, err := database.Open(dsn)
	if err != nil {
		return nil, err
	}
	if err := database.Check(ctx, db); err != nil {
		return nil, err
	}
	return db, database.Explain(models.Migrate(db))
}

func (s *site) wire(ctx context.Context, o options, log io.Writer) error {
	key, err := secretKey(o)
	if err != nil {
		return err
	}
	if s.state, err = openState(o.redis, key, strings.HasPrefix(s.url, "https://")); err != nil {
		return err
	}
	links, err := ginviewpass.New(ginviewpass.Config{Keys: [][]byte{key}, BaseURL: s.url, Authorize: mayView})
	if err != nil {
		return err
	}
	look := templates.Look{
		SiteName: "Northwind Preview",
		Help:     "No token? Write to preview@northwind.example.",
	}
	s.gate, err = ginperimeter.New(ginperimeter.Config{
		DB: s.db, BypassPaths: []string{"/healthz", "/readyz", "/static/"}, Bypass: links.Granted,
		BaseURL: o.siteURL,
		Limiter: s.state.limiter, Look: look,
	})
	if err != nil {
		return err
	}
	r, err := s.routes(o, links, look)
	if err != nil {
		return err
	}
	s.handler = s.gate.Protect(r,
		gin.LoggerWithConfig(gin.LoggerConfig{Output: log, Formatter: ginviewpass.LogFormatter}),
		gin.Recovery(), sessions.Sessions("site", s.state.sessions), links.Middleware())
	if s.link, err = links.AbsoluteURL("/report/", viewReport); err != nil {
		return err
	}
	return s.firstToken(ctx)
}

// mayView is the site's own permission check, beside the links: whoever came
// in with a token may see everything.
func mayView(c *gin.Context, _ string) bool {
	_, inside := ginperimeter.Visitor(c)
	return inside
}

func (s *site) routes(o options, links *ginviewpass.Links, look templates.Look) (*gin.Engine, error) {
	r := gin.New()
	if err := r.SetTrustedProxies(o.trustedProxies); err != nil { // nil: nobody says whose address a request came from
		return nil, fmt.Errorf("-trusted-proxies: %w", err)
	}
	r.Delims("<<", ">>")
	links.Templates(r)
	r.LoadHTMLFS(http.FS(files), "pages/*.html")
	static, err := fs.Sub(files, "static")
	if err != nil {
		return nil, err
	}
	r.StaticFS("/static", http.FS(static))
	read := []string{http.MethodGet, http.MethodHead} // Gin does not answer HEAD by itself
	r.Match(read, "/", home)
	r.Match(read, "/report/", links.Require(viewReport), report)
	r.Match(read, "/healthz", func(c *gin.Context) { c.String(http.StatusOK, "ok\n") })
	r.Match(read, "/readyz", s.ready)
	r.Match(read, "/api/status", status)

	password := o.adminPassword
	if password == "" {
		s.password = rand.Text()
		password = s.password
	}
	return r, admin.Mount(r.Group("/perimeter/admin"), admin.Config{
		DB: s.db, Auth: gin.BasicAuth(gin.Accounts{"admin": password}),
		Links: links, Permissions: []string{viewReport}, Look: look,
	})
}

func home(c *gin.Context) {
	visitor, _ := ginperimeter.Visitor(c)
	ginviewpass.HTML(c, http.StatusOK, "home.html", gin.H{"Visitor": visitor})
}

func report(c *gin.Context) {
	_, inside := ginperimeter.Visitor(c)
	ginviewpass.HTML(c, http.StatusOK, "report.html", gin.H{"Inside": inside, "Site": "http://" + c.Request.Host})
}

func status(c *gin.Context) {
	visitor, _ := ginperimeter.Visitor(c)
	c.JSON(http.StatusOK, gin.H{"status": "ok", "time": time.Now().UTC().Format(time.RFC3339), "token": visitor.TokenLabel})
}

// ready is for a balancer: may requests be sent here? /healthz only tells that
// the process runs.
func (s *site) ready(c *gin.Context) {
	if err := s.gate.Ready(c.Request.Context()); err != nil {
		c.String(http.StatusServiceUnavailable, "not ready\n")
		return
	}
	c.String(http.StatusOK, "ready\n")
}

// firstToken makes a token when the database has none yet. Instances that
// start at once take turns, so that only one does.
func (s *site) firstToken(ctx context.Context) error {
	ctx = models.WithActor(ctx, "example")
	err := s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		var turn int
		lock := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Table("perimeter_schema")
		if err := lock.Where("id = 1").Select("id").Scan(&turn).Error; err != nil {
			return err
		}
		tokens, err := models.ListAccessTokens(ctx, tx, models.TokenFilter{}, models.Page{Size: 1})
		if err != nil || len(tokens.Rows) > 0 {
			return err
		}
		s.token, _, err = models.CreateAccessToken(ctx, tx, models.NewAccessToken{Label: "First token"})
		return err
	})
	return database.Explain(err)
}

// announce prints what a newcomer needs.
func (s *site) announce(w io.Writer) {
	fmt.Fprintf(w, "site %s/\n", s.url)
	if s.token != "" {
		fmt.Fprintf(w, "token %s\n", s.token)
	}
	password := s.password
	if password == "" {
		password = "(as in ADMIN_PASSWORD)"
	}
	fmt.Fprintf(w, "admin %s/perimeter/admin/ user admin password %s\n", s.url, password)
	fmt.Fprintf(w, "viewpass %s\n", s.link)
}

func (s *site) close() error {
	pool, err := s.db.DB()
	if err != nil {
		return err
	}
	return errors.Join(s.state.close(), pool.Close())
}
