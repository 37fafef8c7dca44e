package admin_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/net/html"
	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/admin"
	"github.com/gin-perimeter/gin-perimeter/ginviewpass"
	"github.com/gin-perimeter/gin-perimeter/internal/dbtest"
	"github.com/gin-perimeter/gin-perimeter/models"
)

func init() { gin.SetMode(gin.TestMode) }

const root = "/perimeter/admin"

// site is an application whose admin pages are tested.
type site struct {
	t   *testing.T
	db  *gorm.DB
	r   *gin.Engine
	log *bytes.Buffer
	// fails, where set, is what every statement that it is asked about answers
	fails atomic.Pointer[func(statement string) error]
}

// newSite mounts the admin; change may alter its Config.
func newSite(t *testing.T, change func(*admin.Config)) *site {
	t.Helper()
	s := &site{t: t, db: dbtest.Open(t), r: gin.New(), log: &bytes.Buffer{}}
	s.interceptStatements()
	s.r.Use(gin.RecoveryWithWriter(io.Discard))
	config := admin.Config{
		DB: s.db, Auth: gin.BasicAuth(gin.Accounts{"anna": "pw", "ben": "pw"}),
		Location: time.UTC, Logger: slog.New(slog.NewTextHandler(s.log, nil)),
	}
	if change != nil {
		change(&config)
	}
	if err := admin.Mount(s.r.Group(root), config); err != nil {
		t.Fatal(err)
	}
	return s
}

// interceptStatements lets a test fail single statements on their way to the
// database.
func (s *site) interceptStatements() {
	s.t.Helper()
	hook := func(db *gorm.DB) {
		if fails := s.fails.Load(); fails != nil {
			if err := (*fails)(db.Statement.Table); err != nil {
				_ = db.AddError(err)
			}
		}
	}
	err := errors.Join(
		s.db.Callback().Query().Before("gorm:query").Register("test:query", hook),
		s.db.Callback().Row().Before("gorm:row").Register("test:row", hook),
		s.db.Callback().Raw().Before("gorm:raw").Register("test:raw", hook),
		s.db.Callback().Create().Before("gorm:create").Register("test:create", hook),
		s.db.Callback().Update().Before("gorm:update").Register("test:update", hook),
		s.db.Callback().Delete().Before("gorm:delete").Register("test:delete", hook),
	)
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) failWhen(fails func(table string) error) { s.fails.Store(&fails) }

var errAway = errors.New("the database is away")

func (s *site) breakDatabase() { s.failWhen(func(string) error { return errAway }) }

// page is an answer.
type page struct {
	t      *testing.T
	Code   int
	Header http.Header
	Body   string
	doc    *html.Node
}

func (s *site) do(request *http.Request, as string) *page {
	s.t.Helper()
	if as != "" {
		request.SetBasicAuth(as, "pw")
	}
	w := httptest.NewRecorder()
	s.r.ServeHTTP(w, request)
	doc, err := html.Parse(bytes.NewReader(w.Body.Bytes()))
	if err != nil {
		s.t.Fatal(err)
	}
	return &page{t: s.t, Code: w.Code, Header: w.Header(), Body: w.Body.String(), doc: doc}
}

func (s *site) get(path string) *page {
	s.t.Helper()
	return s.do(httptest.NewRequest(http.MethodGet, root+path, nil), "anna")
}

func (s *site) post(path string, form url.Values) *page {
	s.t.Helper()
	return s.postAs("anna", path, form)
}

func (s *site) postAs(name, path string, form url.Values) *page {
	s.t.Helper()
	request := httptest.NewRequest(http.MethodPost, root+path, strings.NewReader(form.Encode()))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return s.do(request, name)
}

// token makes a token and gives its text.
func (s *site) token(n models.NewAccessToken) (string, models.AccessToken) {
	s.t.Helper()
	text, row, err := models.CreateAccessToken(models.WithActor(context.Background(), "anna"), s.db, n)
	if err != nil {
		s.t.Fatal(err)
	}
	return text, row
}

func (s *site) entry(token models.AccessToken, n models.NewAccessTokenUse) models.AccessTokenUse {
	s.t.Helper()
	if n.At.IsZero() {
		n.At = time.Now()
	}
	use, err := models.RecordEntry(context.Background(), s.db, token, models.NewPassRef(), n)
	if err != nil {
		s.t.Fatal(err)
	}
	return use
}

func (s *site) reload(token models.AccessToken) models.AccessToken {
	s.t.Helper()
	row, err := models.GetAccessToken(context.Background(), s.db, token.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	return row
}

func (s *site) countTokens() int64 {
	s.t.Helper()
	n, err := models.CountAccessTokens(context.Background(), s.db, models.TokenFilter{})
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

func (p *page) is(code int) *page {
	p.t.Helper()
	if p.Code != code {
		p.t.Fatalf("answer is %d, want %d:\n%s", p.Code, code, p.text())
	}
	return p
}

// leadsTo wants a redirect after a change.
func (p *page) leadsTo(path string) {
	p.t.Helper()
	if got := p.Header.Get("Location"); p.Code != http.StatusSeeOther || got != root+path {
		p.t.Errorf("answer is %d to %q, want 303 to %q\n%s", p.Code, got, root+path, p.text())
	}
}

// says wants each of the sentences in the page's text.
func (p *page) says(sentences ...string) *page {
	p.t.Helper()
	for _, sentence := range sentences {
		if !strings.Contains(p.text(), sentence) {
			p.t.Errorf("the page does not say %q:\n%s", sentence, p.text())
		}
	}
	return p
}

func (p *page) saysNot(sentences ...string) *page {
	p.t.Helper()
	for _, sentence := range sentences {
		if strings.Contains(p.text(), sentence) {
			p.t.Errorf("the page says %q, but should not:\n%s", sentence, p.text())
		}
	}
	return p
}

// text is what a person reads, with single spaces.
func (p *page) text() string {
	var words []string
	for n := range p.doc.Descendants() {
		if n.Type == html.TextNode && n.Parent.Data != "style" && n.Parent.Data != "script" {
			words = append(words, strings.Fields(n.Data)...)
		}
	}
	return strings.Join(words, " ")
}

// find gives the elements with this tag whose attribute has this value.
func (p *page) find(tag, key, value string) []*html.Node {
	var found []*html.Node
	for n := range p.doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == tag && (key == "" || attr(n, key) == value) {
			found = append(found, n)
		}
	}
	return found
}

// value is what a field of a form holds.
func (p *page) value(name string) string {
	p.t.Helper()
	for _, tag := range []string{"input", "textarea", "select"} {
		for _, n := range p.find(tag, "name", name) {
			switch {
			case tag == "textarea":
				return innerText(n)
			case tag == "select":
				for o := range n.Descendants() {
					if o.Data == "option" && has(o, "selected") {
						return attr(o, "value")
					}
				}
			case attr(n, "type") != "radio" || has(n, "checked"):
				return attr(n, "value")
			}
		}
	}
	return ""
}

func innerText(n *html.Node) string {
	var text strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			text.WriteString(c.Data)
		}
	}
	return strings.TrimSpace(text.String())
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, key string) bool {
	for _, a := range n.Attr {
		if a.Key == key {
			return true
		}
	}
	return false
}

func testLinks(t *testing.T, now func() time.Time) *ginviewpass.Links {
	t.Helper()
	links, err := ginviewpass.New(ginviewpass.Config{Keys: [][]byte{[]byte("0123456789abcdef0123456789abcdef")}, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return links
}
