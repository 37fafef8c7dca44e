package perimetertest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
)

// Covered fails the test when handler answers a stranger with anything but the
// gate's refusal: on one of routes, on an address that doesn't exist, or with
// a redirect of Gin's own. open names the paths that are bypassed on purpose,
// as Config.BypassPaths does: exact, or a prefix when it ends in a slash. The
// gateway page and leaving, where r.Routes() lists them, are the gate's own
// and not asked.
//
// The requests carry no cookie and no token, so that no handler behind a gate
// runs; a handler that is not behind one does run.
func Covered(t testing.TB, handler http.Handler, routes gin.RoutesInfo, open ...string) {
	t.Helper()
	for _, r := range requests(routes) {
		if isOpen(r.path, open) {
			continue
		}
		if problem := ask(handler, r); problem != "" {
			t.Errorf("%s %s: %s", r.method, r.path, problem)
		}
	}
}

// request is what a stranger asks for.
type request struct{ method, path string }

// requests are all routes with their parameters filled in, each also with the
// slash at the end toggled, in capitals and by a method that it lacks, and
// addresses that exist nowhere.
func requests(routes gin.RoutesInfo) []request {
	all := []request{
		{http.MethodGet, "/"}, {http.MethodGet, "/no-such-page-8f3a"}, {http.MethodGet, "/no/such/page-8f3a"},
		{http.MethodPost, "/no-such-page-8f3a"}, {"BREW", "/no-such-page-8f3a"},
	}
	for _, route := range routes {
		if strings.Contains(route.Handler, "ginperimeter.(*Gate)") {
			continue
		}
		path := fillIn(route.Path)
		all = append(all,
			request{route.Method, path}, request{route.Method, toggleSlash(path)},
			request{route.Method, strings.ToUpper(path)}, request{"BREW", path},
		)
	}
	return all
}

// fillIn gives every parameter of a route a value.
func fillIn(route string) string {
	const colon = "\x00" // Gin's routes write \: for a colon that is no parameter
	segments := strings.Split(strings.ReplaceAll(route, `\:`, colon), "/")
	for i, s := range segments {
		if at := strings.IndexAny(s, ":*"); at >= 0 {
			segments[i] = s[:at] + "1"
		}
	}
	return strings.ReplaceAll(strings.Join(segments, "/"), colon, ":")
}

func toggleSlash(path string) string {
	if path == "/" {
		return path
	}
	if strings.HasSuffix(path, "/") {
		return strings.TrimSuffix(path, "/")
	}
	return path + "/"
}

func isOpen(path string, open []string) bool {
	for _, o := range open {
		if path == o || (strings.HasSuffix(o, "/") && strings.HasPrefix(path, o)) {
			return true
		}
	}
	return false
}

// ask sends a stranger's request, as a program does, and says what is wrong
// with the answer.
func ask(handler http.Handler, r request) (problem string) {
	defer func() {
		if cause := recover(); cause != nil {
			problem = fmt.Sprintf("a stranger reached a handler, which panicked: %v", cause)
		}
	}()
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(r.method, r.path, nil))
	switch {
	case w.Code >= 300 && w.Code < 400:
		return fmt.Sprintf("a stranger is redirected (%d to %q), not refused; serve gate.Protect(r, …) to guard Gin's own redirects", w.Code, w.Header().Get("Location"))
	case w.Code != http.StatusUnauthorized || w.Header().Get("WWW-Authenticate") != "Perimeter":
		return fmt.Sprintf("a stranger is answered with %d, not refused by the gate", w.Code)
	}
	return ""
}
