package ginviewpass_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/gin-perimeter/gin-perimeter/ginviewpass"
)

const (
	permission = "reporting.view_report"
	month      = 30 * 24 * time.Hour
)

// noon is when the links of most tests are made.
var noon = time.Date(2026, 11, 12, 12, 0, 0, 0, time.UTC)

// Tests run in release mode unless a program of their own needs another: the
// mode is one for all engines of a process.
func TestMain(m *testing.M) {
	gin.SetMode(gin.ReleaseMode)
	gin.DefaultWriter = io.Discard
	os.Exit(m.Run())
}

// testKey returns 32 bytes that differ with n.
func testKey(n byte) []byte {
	key := make([]byte, 32)
	for i := range key {
		key[i] = byte(i)*7 + n
	}
	return key
}

// newLinks fills in what a test does not care about: a key, a fixed clock, a
// silent log.
func newLinks(tb testing.TB, config ginviewpass.Config) *ginviewpass.Links {
	tb.Helper()
	if config.Keys == nil {
		config.Keys = [][]byte{testKey(1)}
	}
	if config.Now == nil {
		config.Now = func() time.Time { return noon }
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	links, err := ginviewpass.New(config)
	if err != nil {
		tb.Fatal(err)
	}
	return links
}

// at is a clock that stands.
func at(t time.Time) func() time.Time { return func() time.Time { return t } }

func newEngine() *gin.Engine {
	return gin.New()
}

// mustURL signs or ends the test.
func mustURL(tb testing.TB, links *ginviewpass.Links, path, permission string, options ...ginviewpass.Option) string {
	tb.Helper()
	link, err := links.URL(path, permission, options...)
	if err != nil {
		tb.Fatalf("URL(%q, %q): %v", path, permission, err)
	}
	return link
}

// tokenOf returns what stands after viewpass= in a link.
func tokenOf(tb testing.TB, link string) string {
	tb.Helper()
	_, token, ok := strings.Cut(link, "viewpass=")
	if !ok {
		tb.Fatalf("no viewpass in %q", link)
	}
	token, _, _ = strings.Cut(token, "&")
	return token
}

// manyParams returns a query of count parameters.
func manyParams(count int) string {
	pairs := make([]string, count)
	for i := range pairs {
		pairs[i] = fmt.Sprintf("p%d=%d", i, i)
	}
	return strings.Join(pairs, "&")
}

func writeFile(tb testing.TB, name, content string) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

// browse sends a request as a browser that goes to a page. Unlike
// httptest.NewRequest it takes targets that no client of good manners sends.
func browse(handler http.Handler, method, target string) *httptest.ResponseRecorder {
	return send(handler, method, target, http.Header{"Sec-Fetch-Mode": {"navigate"}})
}

func send(handler http.Handler, method, target string, header http.Header) *httptest.ResponseRecorder {
	u, err := url.ParseRequestURI(target)
	if err != nil {
		panic(fmt.Sprintf("target %q: %v", target, err))
	}
	r := httptest.NewRequest(method, "/", nil)
	r.URL, r.RequestURI = u, target
	for name, values := range header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

// logTo returns a logger that writes plain lines into the returned buffer.
func logTo() (*slog.Logger, *bytes.Buffer) {
	var lines bytes.Buffer
	return slog.New(slog.NewTextHandler(io.Writer(&lines), &slog.HandlerOptions{Level: slog.LevelDebug})), &lines
}
