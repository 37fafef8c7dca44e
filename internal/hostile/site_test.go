package hostile

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/cookie"
	"github.com/gin-gonic/gin"
	"golang.org/x/net/html"
	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/gin-perimeter/gin-perimeter/internal/dbtest"
	"github.com/gin-perimeter/gin-perimeter/models"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	slog.SetDefault(slog.New(slog.DiscardHandler)) // sessions of garbage cookies
	os.Exit(m.Run())
}

// canary is what no stranger may ever see; public is what everybody may.
const (
	canary = "CANARY-7f3a91"
	public = "open to everybody"
)

// target is a guarded site under attack.
type target struct {
	name   string
	server *httptest.Server
	addr   string
	ran    atomic.Int64 // how often something ran that only a pass opens
	token  string
}

// form is one of the two ways to put a gate in front of an engine.
type form string

const (
	byUse     form = "Use"
	byProtect form = "Protect"
)

// kind fills an engine with what the gate guards.
type kind struct {
	name string
	fill func(t *testing.T, r *gin.Engine, s *target)
}

var kinds = []kind{{"routes", fillRoutes}, {"file server", fillFiles}, {"reverse proxy", fillProxy}}

// bypassPaths are open at every target.
var bypassPaths = []string{"/healthz", "/static/"}

// isPublic tells whether a path, as some server understood it, is a bypassed one.
func isPublic(p string) bool { return p == "/healthz" || strings.HasPrefix(p, "/static/") }

func (s *target) serve(c *gin.Context, open bool) {
	if open {
		c.String(http.StatusOK, public)
		return
	}
	s.ran.Add(1)
	c.Header("X-Canary", canary)
	c.String(http.StatusOK, canary)
}

// fillRoutes has routes that overlap, so that a path which two readers
// understand differently finds another one.
func fillRoutes(_ *testing.T, r *gin.Engine, s *target) {
	closed := func(c *gin.Context) { s.serve(c, false) }
	open := func(c *gin.Context) { s.serve(c, true) }
	r.Any("/healthz", open)
	r.Any("/static/*file", open)
	r.GET("/", closed)
	r.Any("/secret", closed)
	r.Any("/secret/:part", closed)
	r.Any("/secret/:part/deep/", closed)
	r.Any("/:page", closed)
	r.Any("/:page/:part", closed)
	r.Any("/:page/:part/:rest", closed)
	r.Handle("TRACE", "/traced", closed)
	r.Handle("CONNECT", "/connected", closed)
	r.Handle("PROPFIND", "/dav", closed)
	r.NoRoute(closed)
	r.NoMethod(closed)
}

func fillFiles(t *testing.T, r *gin.Engine, s *target) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"secret": canary, "secret.txt": canary, "index.html": canary, "x/secret": canary, "healthz": public, "static/a.txt": public,
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files := http.FileServer(http.Dir(dir))
	r.NoRoute(func(c *gin.Context) {
		c.Status(http.StatusOK)
		if !isPublic(path.Clean("/" + c.Request.URL.Path + "|")[:len(path.Clean("/"+c.Request.URL.Path+"|"))-1]) {
			s.ran.Add(1)
			c.Header("X-Canary", canary)
		}
		files.ServeHTTP(c.Writer, c.Request)
	})
}

// fillProxy stands before a server that reads addresses in the worst way.
func fillProxy(t *testing.T, r *gin.Engine, s *target) {
	back := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if isPublic(worst(request.RequestURI)) {
			io.WriteString(w, public)
			return
		}
		s.ran.Add(1)
		w.Header().Set("X-Canary", canary)
		io.WriteString(w, canary)
	}))
	t.Cleanup(back.Close)
	to, err := url.Parse(back.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	r.NoRoute(func(c *gin.Context) {
		c.Status(http.StatusOK)
		proxy.ServeHTTP(c.Writer, c.Request)
	})
}

// worst reads an address as the most generous of servers do together: what
// follows ? or # is dropped, escapes are undone until none is left, overlong
// and full-width characters are folded, backslashes are slashes, parameters
// behind semicolons go, dots and spaces at the end of a segment go, dot
// segments are resolved, and case does not matter.
func worst(uri string) string {
	if i := strings.Index(uri, "://"); i > 0 {
		uri = uri[i+3:]
		if i := strings.IndexByte(uri, '/'); i >= 0 {
			uri = uri[i:]
		}
	}
	p, _, _ := strings.Cut(uri, "?")
	for range 4 {
		if decoded, err := url.PathUnescape(p); err == nil {
			p = decoded
		}
	}
	p, _, _ = strings.Cut(p, "#")
	p, _, _ = strings.Cut(p, "?")
	p, _, _ = strings.Cut(p, "\x00")
	p = strings.NewReplacer("\xc0\xae", ".", "\xc0\xaf", "/", "\xe0\x80\xae", ".", "．", ".", "／", "/", "＼", "/", "\\", "/",
		"\t", "", "\n", "", "\r", "").Replace(p)
	var kept []string
	for segment := range strings.SplitSeq(p, "/") {
		segment, _, _ = strings.Cut(segment, ";")
		if trimmed := strings.TrimRight(segment, ". "); trimmed != "" {
			segment = trimmed
		} else if dots := strings.TrimSpace(segment); dots != "" && dots != "." {
			segment = ".."
		}
		kept = append(kept, segment)
	}
	cleaned := path.Clean("/" + strings.Join(kept, "/"))
	if strings.HasSuffix(p, "/") && cleaned != "/" {
		cleaned += "/"
	}
	return strings.ToLower(cleaned)
}

// newTarget guards an engine of one kind. settings, which may be nil, change
// how the engine routes.
func newTarget(t *testing.T, k kind, f form, settings func(*gin.Engine)) *target {
	t.Helper()
	db := dbtest.Open(t)
	s := &target{name: k.name + " by " + string(f)}
	token, _, err := models.CreateAccessToken(t.Context(), db, models.NewAccessToken{Label: "for controls"})
	if err != nil {
		t.Fatal(err)
	}
	s.token = token
	gate := newGate(t, ginperimeter.Config{DB: db, BypassPaths: bypassPaths})
	r := gin.New()
	if settings != nil {
		settings(r)
	}
	if err := r.SetTrustedProxies(nil); err != nil {
		t.Fatal(err)
	}
	mount := sessions.Sessions("site", cookieStore())
	if f == byUse {
		r.Use(mount, gate.Middleware())
	}
	k.fill(t, r, s)
	handler := r.Handler()
	if f == byProtect {
		handler = gate.Protect(r, mount)
	}
	serve(t, s, handler)
	return s
}

func newGate(t testing.TB, cfg ginperimeter.Config) *ginperimeter.Gate {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	gate, err := ginperimeter.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return gate
}

func newToken(t testing.TB, db *gorm.DB, n models.NewAccessToken) (string, uint) {
	t.Helper()
	token, row, err := models.CreateAccessToken(context.Background(), db, n)
	if err != nil {
		t.Fatal(err)
	}
	return token, row.ID
}

func cookieStore() sessions.Store {
	store := cookie.NewStore([]byte("a key of 32 bytes for tests only"))
	store.Options(sessions.Options{Path: "/", MaxAge: 86400, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	return store
}

// raw sends bytes and gives back all that comes until the server closes the
// connection or is silent.
func (s *target) raw(t testing.TB, request string) string {
	t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(3 * time.Second))
	go io.WriteString(conn, request) // a server may answer before it has read all
	var answer bytes.Buffer
	piece := make([]byte, 64<<10)
	for {
		n, err := conn.Read(piece)
		answer.Write(piece[:n])
		if err != nil { // the end, a reset, or silence: what came counts
			return answer.String()
		}
		_ = conn.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
	}
}

// ask is a whole request by HTTP/1.1, which closes the connection.
func ask(method, uri string, headers ...string) string {
	text := method + " " + uri + " HTTP/1.1\r\nHost: site.example\r\nConnection: close\r\n"
	for _, h := range headers {
		text += h + "\r\n"
	}
	return text + "\r\n"
}

// attack fails when a stranger's bytes reach anything.
func (s *target) attack(t *testing.T, name, request string) string {
	t.Helper()
	before := s.ran.Load()
	answer := s.raw(t, request)
	if strings.Contains(answer, canary) {
		t.Errorf("%s: %s: the answer holds the canary: %.300q", s.name, name, answer)
	}
	if ran := s.ran.Load() - before; ran != 0 {
		t.Errorf("%s: %s: %d handlers ran; request %.300q", s.name, name, ran, request)
	}
	return answer
}

// book keeps log lines.
type book struct {
	mu    sync.Mutex
	lines bytes.Buffer
}

func (b *book) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lines.Write(p)
}

func (b *book) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lines.String()
}

// serve puts a handler on a server of the target's own.
func serve(t testing.TB, s *target, handler http.Handler) {
	t.Helper()
	s.server = httptest.NewUnstartedServer(handler)
	s.server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.server.Start()
	t.Cleanup(s.server.Close)
	s.addr = s.server.Listener.Addr().String()
}

// response reads the first answer in what came.
func response(t testing.TB, text string) *http.Response {
	t.Helper()
	answer, err := http.ReadResponse(bufio.NewReader(strings.NewReader(text)), nil)
	if err != nil {
		t.Fatalf("%v in %.300q", err, text)
	}
	return answer
}

// addresses are those that a page names.
func addresses(t testing.TB, answer *http.Response) []string {
	t.Helper()
	root, err := html.Parse(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for node := range root.Descendants() {
		for _, attribute := range node.Attr {
			if attribute.Key == "href" || attribute.Key == "action" || attribute.Key == "src" {
				all = append(all, attribute.Val)
			}
		}
	}
	return all
}

func itoa(n int) string { return strconv.Itoa(n) }
