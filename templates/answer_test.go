package templates_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/gin-perimeter/gin-perimeter/templates"
)

func TestIsPageVisit(t *testing.T) {
	t.Parallel()
	const chrome = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
	type h = http.Header
	cases := []struct {
		name   string
		header http.Header
		want   bool
	}{
		{"a browser's navigation", h{"Sec-Fetch-Mode": {"navigate"}, "Accept": {chrome}}, true},
		{"navigation that accepts anything", h{"Sec-Fetch-Mode": {"navigate"}, "Accept": {"*/*"}}, true},
		{"navigation said by a script library", h{"Sec-Fetch-Mode": {"navigate"}, "X-Requested-With": {"XMLHttpRequest"}}, true},
		{"navigation in capitals", h{"Sec-Fetch-Mode": {" Navigate "}}, true},
		{"fetch that accepts HTML", h{"Sec-Fetch-Mode": {"cors"}, "Accept": {chrome}}, false},
		{"an image", h{"Sec-Fetch-Mode": {"no-cors"}, "Accept": {chrome}}, false},
		{"a WebSocket", h{"Sec-Fetch-Mode": {"websocket"}, "Accept": {"text/html"}}, false},
		{"an empty mode", h{"Sec-Fetch-Mode": {""}, "Accept": {"text/html"}}, false},
		{"two modes, navigation first", h{"Sec-Fetch-Mode": {"navigate", "cors"}}, true},
		{"two modes, navigation second", h{"Sec-Fetch-Mode": {"cors", "navigate"}, "Accept": {"text/html"}}, false},
		{"two modes in one line", h{"Sec-Fetch-Mode": {"navigate, cors"}, "Accept": {"text/html"}}, false},

		{"an older browser", h{"Accept": {chrome}}, true},
		{"an older browser's script", h{"Accept": {chrome}, "X-Requested-With": {"XMLHttpRequest"}}, false},
		{"an app's web view", h{"Accept": {chrome}, "X-Requested-With": {"com.example.app"}}, false},
		{"a blank X-Requested-With", h{"Accept": {chrome}, "X-Requested-With": {""}}, true},
		{"htmx", h{"Accept": {"text/html, */*"}, "Hx-Request": {"true"}}, false},
		{"no header at all", h{}, false},
		{"curl", h{"Accept": {"*/*"}}, false},
		{"any text", h{"Accept": {"text/*"}}, false},
		{"JSON", h{"Accept": {"application/json"}}, false},
		{"XHTML alone", h{"Accept": {"application/xhtml+xml"}}, false},
		{"an empty Accept", h{"Accept": {""}}, false},
		{"capitals", h{"Accept": {"TEXT/HTML"}}, true},
		{"odd spacing", h{"Accept": {" application/json ,\t text/html \t; q = 0.5 "}}, true},
		{"q=0", h{"Accept": {"text/html;q=0, application/json"}}, false},
		{"q=0.0", h{"Accept": {"text/html;q=0.0"}}, false},
		{"q=0.000", h{"Accept": {"text/html; q=0.000"}}, false},
		{"Q=0 with spaces", h{"Accept": {"text/html ; Q = 0"}}, false},
		{"q=0.001", h{"Accept": {"text/html;q=0.001"}}, true},
		{"q=1", h{"Accept": {"text/html;q=1"}}, true},
		{"q after another parameter", h{"Accept": {"text/html;level=1;q=0"}}, false},
		{"a negative q", h{"Accept": {"text/html;q=-1"}}, false},
		{"q that is no number", h{"Accept": {"text/html;q=high"}}, false},
		{"q=NaN", h{"Accept": {"text/html;q=NaN"}}, false},
		{"an empty q", h{"Accept": {"text/html;q="}}, false},
		{"another parameter", h{"Accept": {"text/html;charset=utf-8"}}, true},
		{"a second Accept line", h{"Accept": {"application/json", "text/html"}}, true},
		{"refused once, accepted once", h{"Accept": {"text/html;q=0", "text/html;q=0.1"}}, true},
		{"HTML as a parameter", h{"Accept": {"application/json;as=text/html"}}, false},
		{"a longer name", h{"Accept": {"text/html5, xtext/html"}}, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := &http.Request{Header: c.header}
			if got := templates.IsPageVisit(r); got != c.want {
				t.Errorf("IsPageVisit is %v, want %v", got, c.want)
			}
		})
	}
}

// FuzzIsPageVisit holds the rule against a slow reading of it.
func FuzzIsPageVisit(f *testing.F) {
	f.Add("navigate", "text/html", "")
	f.Add("", "text/html;q=0.5,*/*", "")
	f.Add("cors", "text/html", "XMLHttpRequest")
	f.Add("", ";;q=,=,,text/html;q", "")
	f.Fuzz(func(t *testing.T, mode, accept, with string) {
		r := &http.Request{Header: http.Header{"Accept": {accept}, "X-Requested-With": {with}}}
		if mode != "" {
			r.Header.Set("Sec-Fetch-Mode", mode)
		}
		visit := templates.IsPageVisit(r)
		navigates := strings.EqualFold(strings.TrimSpace(mode), "navigate")
		switch {
		case mode != "" && visit != navigates:
			t.Errorf("mode %q: %v", mode, visit)
		case mode == "" && visit && with != "":
			t.Errorf("a script's request counts as a visit")
		case mode == "" && visit && !strings.Contains(strings.ToLower(accept), "text/html"):
			t.Errorf("Accept %q counts as a visit", accept)
		}
	})
}

func TestWriteSendsACompleteAnswer(t *testing.T) {
	t.Parallel()
	pages := newPages(t, look)
	for _, s := range states() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			w := httptest.NewRecorder()
			if err := pages.Write(w, http.StatusGone, s.page, s.data); err != nil {
				t.Fatal(err)
			}
			want := map[string]string{
				"Cache-Control":          "no-store",
				"X-Robots-Tag":           "noindex, nofollow",
				"X-Content-Type-Options": "nosniff",
				"Referrer-Policy":        "same-origin",
				"Content-Type":           "text/html; charset=utf-8",
				"Content-Length":         strconv.Itoa(w.Body.Len()),
			}
			for key, val := range want {
				if got := w.Header().Get(key); got != val {
					t.Errorf("%s is %q, want %q", key, got, val)
				}
			}
			if w.Code != http.StatusGone {
				t.Errorf("status is %d", w.Code)
			}
			checkPolicy(t, w)
		})
	}
}

// checkPolicy hashes what stands between the tags, as browsers do.
func checkPolicy(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	policy := w.Header().Get("Content-Security-Policy")
	for _, directive := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action "} {
		if !strings.Contains(policy, directive) {
			t.Errorf("policy %q lacks %s", policy, directive)
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
		t.Errorf("policy is loose: %q", policy)
	}
	root := parse(t, w.Body.Bytes())
	style := "style-src " + source(text(one(t, root, "style", tag("style"))))
	if !strings.Contains(policy, style) {
		t.Errorf("policy %q lacks %s", policy, style)
	}
	scripts := elements(root, tag("script"))
	if len(scripts) == 0 && strings.Contains(policy, "script-src") {
		t.Error("a page without a script allows one")
	}
	for _, s := range scripts {
		if want := "script-src " + source(text(s)); !strings.Contains(policy, want) {
			t.Errorf("policy %q lacks %s", policy, want)
		}
	}
}

func source(inline string) string {
	sum := sha256.Sum256([]byte(inline))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

func TestWriteKeepsHeadersThatAreSet(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	w.Header().Set("Cache-Control", "private, no-store")
	w.Header()["Referrer-Policy"] = []string{}
	if err := newPages(t, look).Write(w, http.StatusOK, "notice.html", templates.Notice{}); err != nil {
		t.Fatal(err)
	}
	if got := w.Header().Get("Cache-Control"); got != "private, no-store" {
		t.Errorf("Cache-Control became %q", got)
	}
	if got := w.Header().Values("Referrer-Policy"); len(got) != 0 {
		t.Errorf("Referrer-Policy became %q", got)
	}
}

func TestWriteThatFailsWritesNothing(t *testing.T) {
	t.Parallel()
	pages := newPages(t, look)
	cases := []struct {
		name, page string
		data       any
		want       string
	}{
		{"an unknown page", "nowhere.html", nil, `no page "nowhere.html"`},
		{"a partial", "_head.html", nil, `no page "_head.html"`},
		{"data of another page", "gateway.html", templates.Notice{}, "rendering gateway.html"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := httptest.NewRecorder()
			err := pages.Write(w, http.StatusTeapot, c.page, c.data)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want %s", err, c.want)
			}
			if w.Code == http.StatusTeapot || w.Body.Len() > 0 || len(w.Header()) > 0 {
				t.Errorf("wrote status %d, headers %v, %d bytes", w.Code, w.Header(), w.Body.Len())
			}
		})
	}
}

var errGone = errors.New("connection gone")

type brokenWriter struct{ *httptest.ResponseRecorder }

func (brokenWriter) Write([]byte) (int, error) { return 0, errGone }

func TestWriteReportsALostConnection(t *testing.T) {
	t.Parallel()
	err := newPages(t, look).Write(brokenWriter{httptest.NewRecorder()}, http.StatusOK, "notice.html", templates.Notice{})
	if !errors.Is(err, errGone) {
		t.Errorf("error is %v, want %v", err, errGone)
	}
}

func TestPagesAreSharedSafely(t *testing.T) {
	t.Parallel()
	pages := newPages(t, look)
	var wg sync.WaitGroup
	for _, s := range states() {
		want := string(render(t, pages, s.page, s.data))
		for range 4 {
			wg.Go(func() {
				body, err := pages.Render(s.page, s.data)
				if err != nil || string(body) != want {
					t.Errorf("%s: another page than alone, error %v", s.name, err)
				}
			})
		}
	}
	wg.Wait()
}

func TestSite(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, siteName, host, want string }{
		{"a name", "Acme preview", "acme.example:8080", "Acme preview"},
		{"a host", "", "acme.example", "acme.example"},
		{"a host and port", "", "acme.example:8080", "acme.example"},
		{"IPv6", "", "[::1]", "::1"},
		{"IPv6 and port", "", "[::1]:8080", "::1"},
		{"none", "", "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			pages := newPages(t, templates.Look{SiteName: c.siteName})
			if got := pages.Site(&http.Request{Host: c.host}); got != c.want {
				t.Errorf("site is %q, want %q", got, c.want)
			}
		})
	}
}
