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

// Gateway is the data of "gateway.html".
type Gateway struct {
	Site       string // the site's name, or the host's
	Action     string // where the form goes: the gateway's path with next
	Token      string // what was typed, to be shown again after a mistake
	Name       string
	Email      string
	TokenOnly  bool   // name and email are not asked for
	TokenError string // what is wrong with a field, and what to do
	NameError  string
	EmailError string
	Problem    string   // a sentence about the whole form: too many attempts, no cookies, database away
	Notice     string   // a sentence above the form that is no mistake: an expired link brought the visitor here
	Inside     string   // the address to go on to, when the visitor holds a live pass already
	Probe      bool     // ask for the probe cookie to come back
	Recorded   []string // what an entry stores, in plain words: "your name", "your email address", …
}

// Invalid tells whether anything on the form needs the visitor's attention.
func (g Gateway) Invalid() bool {
	return g.Problem != "" || g.TokenError != "" || g.NameError != "" || g.EmailError != ""
}

// Notice is the data of "notice.html": one card that says what happened and
// what to do next.
type Notice struct {
	Site    string
	Heading string // "This link has expired"
	Text    string // what happened, in plain words
	Next    string // what to do next
	Link    string // where the button leads; "" for no button
	Label   string // what the button says
}
