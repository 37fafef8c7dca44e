package ginperimeter_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"

	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/gin-perimeter/gin-perimeter/models"
	"github.com/gin-perimeter/gin-perimeter/templates"
)

// TestMoreVisitorsThanAreRemembered still lets everybody in, and nobody who is
// no longer to be.
func TestMoreVisitorsThanAreRemembered(t *testing.T) {
	clock := newClock()
	s := newSite(t, ginperimeter.Config{MaxVisitors: 3, Now: clock.now}, nil)
	token, _ := newToken(t, s.db, models.NewAccessToken{})
	crowd := newCrowdInside(t, s, token, 20)
	for range 3 {
		clock.advance(3 * time.Second)
		if n := crowd.visit(); n != 20 {
			t.Errorf("%d of 20 are inside", n)
		}
	}
	runSQL(t, s.db, "UPDATE access_token_uses SET ended_at = ? WHERE id % 2 = 0", clock.now().UTC())
	clock.advance(5 * time.Second)
	if n := crowd.visit(); n != 10 {
		t.Errorf("%d are inside after half of them were put out", n)
	}
}

// TestPageThatBreaks overrides pages with templates that fail for some data
// only, which no check at start-up finds.
func TestPageThatBreaks(t *testing.T) {
	t.Parallel()
	s := newSite(t, ginperimeter.Config{Look: templates.Look{Overrides: fstest.MapFS{
		"gateway.html": {Data: []byte(`{{if eq .Name "Ada Lovelace"}}{{index .Recorded 99}}{{else}}own gateway{{end}}`)},
		"notice.html":  {Data: []byte(`{{if eq .Heading "That did not work"}}{{index .Site 99}}{{end}}own notice`)},
	}}}, nil)
	s.client().get(gatewayPath).wantText(t, "own gateway")
	s.client().do("POST", "/form", nil, nil).wantText(t, "own notice")
	for _, a := range []answer{s.client().enter("wrong", ""), s.client().do("PUT", gatewayPath, nil, nil)} {
		a.want(t, http.StatusInternalServerError, "")
		if a.body != "This page can't be shown." {
			t.Errorf("half a page: %q", a.body)
		}
	}
	if n := s.log.count("level=ERROR", "event=perimeter.page"); n != 2 {
		t.Errorf("log:\n%s", s.log.text())
	}
}

// TestGatewaySaysWhyItIsThere shows what a middleware before the gate knows of
// the page that the visitor wanted.
func TestGatewaySaysWhyItIsThere(t *testing.T) {
	t.Parallel()
	gate, err := ginperimeter.New(ginperimeter.Config{DB: newDB(t), Look: templates.Look{SiteName: "Acme <preview>"}, Logger: (&logbook{}).logger()})
	must(t, err)
	r := gin.New()
	r.Use(sessions.Sessions("site", cookieStore()), func(c *gin.Context) {
		c.Set(templates.ExplainKey, func(target string) string {
			if strings.Contains(target, "viewpass=") {
				return "The link to " + target + " has expired."
			}
			return ""
		})
	}, gate.Middleware())
	c := newClient(t, listen(t, r))
	a := c.get(gatewayPath + "?next=" + url.QueryEscape("/report?viewpass=a:b"))
	a.wantText(t, "The link to /report?viewpass=a:b has expired.", "Acme <preview>")
	if strings.Contains(a.body, "<preview>") {
		t.Error("the site's name is markup")
	}
	if a := c.get(gatewayPath + "?next=/report"); strings.Contains(a.body, "has expired") {
		t.Error("told without reason")
	}
}

func TestSiteIsCalledByItsHost(t *testing.T) {
	t.Parallel()
	s := newSite(t, ginperimeter.Config{}, nil)
	r := httptest.NewRequest("GET", "http://preview.example:8443"+gatewayPath, nil)
	a := serveRequest(s.engine, r)
	a.wantText(t, "<title>Enter preview.example</title>")
}

// TestHowLongToWaitIsSaidInWords reads the page of who tried too often.
func TestHowLongToWaitIsSaidInWords(t *testing.T) {
	t.Parallel()
	for per, want := range map[time.Duration]string{30 * time.Second: "Try again in a minute.", time.Minute: "Try again in a minute.", 61 * time.Second: "Try again in 2 minutes.", time.Hour: "Try again in 60 minutes."} {
		clock := newClock()
		s := newSite(t, ginperimeter.Config{Now: clock.now, Attempts: ginperimeter.Limit{Count: 1, Per: per}}, nil)
		s.try("192.0.2.1:1", "wrong")
		a := s.try("192.0.2.1:1", "wrong")
		a.wantText(t, want)
		if n := retryAfter(t, a); time.Duration(n)*time.Second != per {
			t.Errorf("Retry-After %d, want %v", n, per)
		}
	}
}

// TestUnixSocket serves on a socket, as behind a proxy on the same machine: it
// has no client addresses.
func TestUnixSocket(t *testing.T) {
	t.Parallel()
	s := newSite(t, ginperimeter.Config{}, nil)
	token, _ := newToken(t, s.db, models.NewAccessToken{})
	folder, err := os.MkdirTemp("", "s") // t.TempDir may be too long for a socket's name
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(folder) })
	socket := filepath.Join(folder, "s")
	l, err := net.Listen("unix", socket)
	must(t, err)
	server := &http.Server{Handler: s.engine}
	go server.Serve(l) //nolint:errcheck // ends with Close
	t.Cleanup(func() { server.Close() })
	c := newClient(t, "http://site.example")
	c.http.Transport = &http.Transport{Dial: func(string, string) (net.Conn, error) { return net.Dial("unix", socket) }}
	c.enter(token, "/page").want(t, http.StatusSeeOther, "/page")
	c.get("/page").want(t, http.StatusOK, "")
	if rows := uses(t, s.db); len(rows) != 1 || rows[0].IP != "" {
		t.Errorf("entries %+v", rows)
	}
	if n := s.log.count("level=WARN", "event=perimeter.unknown_addresses"); n != 1 {
		t.Errorf("log:\n%s", s.log.text())
	}
	for i := range 12 {
		a := c.enter("wrong", "")
		if limited := a.StatusCode == http.StatusTooManyRequests; limited != (i >= 10) {
			t.Errorf("guess %d over the socket: %d", i+1, a.StatusCode)
		}
	}
}
