package templates

import (
	"net/http"
	"strconv"
	"strings"
)

// ExplainKey is the key under which a middleware that runs before the gate
// may leave a func(target string) string in the Gin context: it is given the
// page that a stranger wanted, as path and query, and returns one sentence
// for the gateway to show above its form, or "". So an expired link is told
// as such, without the two packages knowing each other.
const ExplainKey = "github.com/gin-perimeter/gin-perimeter/explain"

// IsPageVisit tells whether r is a browser going to a page, who is best
// answered with HTML: Sec-Fetch-Mode, where present, decides alone (navigate);
// else Accept names text/html with q > 0, and neither X-Requested-With nor
// HX-Request says that a script asked. All of these are the client's word, so
// nothing but the form of an answer may hang on it.
func IsPageVisit(r *http.Request) bool {
	if mode := r.Header.Values("Sec-Fetch-Mode"); len(mode) > 0 {
		return strings.EqualFold(strings.TrimSpace(mode[0]), "navigate")
	}
	if r.Header.Get("X-Requested-With") != "" || r.Header.Get("HX-Request") != "" {
		return false
	}
	for _, line := range r.Header.Values("Accept") {
		for _, option := range strings.Split(line, ",") {
			if acceptsHTML(option) {
				return true
			}
		}
	}
	return false
}

// acceptsHTML reads one media range of an Accept header (RFC 9110, 12.5.1).
func acceptsHTML(option string) bool {
	media, params, _ := strings.Cut(option, ";")
	if !strings.EqualFold(strings.TrimSpace(media), "text/html") {
		return false
	}
	for _, param := range strings.Split(params, ";") {
		key, value, _ := strings.Cut(param, "=")
		if strings.EqualFold(strings.TrimSpace(key), "q") {
			q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			return err == nil && q > 0
		}
	}
	return true
}
