package ginperimeter

import (
	"errors"
	"maps"
	"net/http"
	"net/textproto"
	"strings"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"
	"github.com/gorilla/securecookie"
	gorilla "github.com/gorilla/sessions"
)

// The session holds one string per gate: the reference of the visitor's pass.
// Everything else is in the row that it refers to. No other file knows keys.
func (g *Gate) sessionKey() string { return "perimeter." + g.cfg.Name }

// place is where sessions are kept, learnt from the first one that is seen: no
// later request needs the host's session object, which logs a line for every
// cookie that it can't read.
type place struct {
	store gorilla.Store
	name  string // of the session, and of its cookie
}

// hostSession finds the session that the host's middleware left.
func (g *Gate) hostSession(c *gin.Context) (*gorilla.Session, error) {
	value, _ := c.Get(sessions.DefaultKey)
	if many, ok := value.(map[string]sessions.Session); ok {
		value = many[g.cfg.Session]
	}
	// every session of gin-contrib/sessions has this method, though its
	// interface does not name it
	host, ok := value.(interface{ Session() *gorilla.Session })
	if !ok {
		return nil, ErrNoSessions
	}
	session := host.Session()
	if session == nil { // a cookie name that net/http refuses
		return nil, ErrNoSessions
	}
	return session, nil
}

// learn notes where sessions are kept.
func (g *Gate) learn(c *gin.Context) (*place, error) {
	if where := g.place.Load(); where != nil {
		if _, ok := c.Get(sessions.DefaultKey); !ok {
			return nil, ErrNoSessions
		}
		return where, nil
	}
	session, err := g.hostSession(c)
	if err != nil {
		return nil, err
	}
	where := &place{store: session.Store(), name: session.Name()}
	g.place.Store(where)
	return where, nil
}

// loadSession reads the visitor's session, once per request. The error is
// ErrNoSessions, or ErrUnavailable when the store did not answer; a cookie
// that can't be read makes a new session.
func (g *Gate) loadSession(c *gin.Context) (*gorilla.Session, error) {
	where, err := g.learn(c)
	if err != nil {
		return nil, err
	}
	session, err := where.store.Get(c.Request, where.name)
	if err != nil && !isGarbage(err) {
		g.sessionFault.note(err)
		return nil, errors.Join(ErrUnavailable, err)
	}
	if session.ID != "" && !session.IsNew { // only then was the store asked
		g.sessionFault.note(nil)
	}
	return session, nil
}

// isGarbage tells a cookie that can't be decoded from a store that is away. A
// value that is too long is no decoding error to securecookie, but its
// MultiError only comes from reading a cookie.
func isGarbage(err error) bool {
	var decoding securecookie.Error
	if !errors.As(err, &decoding) {
		return false
	}
	_, several := decoding.(securecookie.MultiError)
	return decoding.IsDecode() || (several && !decoding.IsUsage() && !decoding.IsInternal())
}

// passRef is the reference in a session, or "".
func (g *Gate) passRef(session *gorilla.Session) string {
	ref, _ := session.Values[g.sessionKey()].(string)
	return ref
}

// saveRef puts ref into the session ("" takes it out) and saves it. When that
// fails, the answer carries no cookie and the session's values are as before.
func (g *Gate) saveRef(c *gin.Context, session *gorilla.Session, ref string) error {
	before := maps.Clone(session.Values)
	cookies := c.Writer.Header().Values("Set-Cookie")
	if ref == "" {
		delete(session.Values, g.sessionKey())
	} else {
		session.Values[g.sessionKey()] = ref
	}
	err := session.Save(c.Request, c.Writer)
	g.sessionFault.note(err)
	if err != nil {
		session.Values = before
		setCookies(c.Writer.Header(), cookies)
		return errors.Join(ErrUnavailable, err)
	}
	return nil
}

func setCookies(h http.Header, cookies []string) {
	h.Del("Set-Cookie")
	for _, cookie := range cookies {
		h.Add("Set-Cookie", cookie)
	}
}

// renewSession gives a session kept on the server a new ID, as is right when
// its holder gains rights (OWASP Session Management, "Renew the Session ID
// After Any Privilege Level Change"): who planted the old ID in the visitor's
// browser is left with a dead one. The new session is saved first, so that
// nothing is lost when the store fails between. Sessions kept in the cookie
// have no ID.
//
// The answer is what to do once the entry is recorded: until then the old
// session must live on.
func (g *Gate) renewSession(c *gin.Context, session *gorilla.Session, ref string) (retire func(), err error) {
	if session.ID == "" || session.IsNew {
		// an ID that came in a cookie though the store has no session for it:
		// who planted it would hold the new session, too
		session.ID = ""
		return func() {}, g.saveRef(c, session, ref)
	}
	old := *session
	// some stores find the row to write by the request's cookie, not by the ID
	request := c.Request
	c.Request = request.Clone(request.Context())
	c.Request.Header.Del("Cookie")
	session.ID = ""
	err = g.saveRef(c, session, ref)
	c.Request = request
	if err != nil {
		session.ID = old.ID
		return nil, err
	}
	return func() { g.dropSession(request, old) }, nil
}

// dropSession deletes a session from its store. When that fails, it stays as
// it was, without the new pass, until it expires.
func (g *Gate) dropSession(r *http.Request, old gorilla.Session) {
	expired := *old.Options
	expired.MaxAge = -1
	old.Options = &expired
	old.Values = maps.Clone(old.Values)
	g.sessionFault.note(old.Save(r, discard{}))
}

// discard takes the cookie that deletes the old session: the answer carries
// the new one under the same name.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}

// sessionCookie finds the session's cookie in a request without parsing or
// allocating. It answers "" when there is none, and when there is more than
// one: which of them counts is then the store's decision.
func sessionCookie(r *http.Request, name string) string {
	found, seen := "", false
	for _, line := range r.Header["Cookie"] {
		for len(line) > 0 {
			part := line
			if i := strings.IndexByte(line, ';'); i >= 0 {
				part, line = line[:i], line[i+1:]
			} else {
				line = ""
			}
			key, value, _ := strings.Cut(textproto.TrimString(part), "=")
			if textproto.TrimString(key) != name { // as net/http reads it
				continue
			}
			if seen {
				return ""
			}
			found, seen = value, true
		}
	}
	return found
}

// The probe is a cookie with the session's attributes that the form's GET sets
// and its POST must bring back: else the session's cookie would not stick
// either, and the visitor would go round in circles.
const (
	probeCookie = "perimeter_probe"
	probeField  = "probe"
)

func setProbe(c *gin.Context, options *gorilla.Options) {
	probe := *options
	probe.MaxAge = 24 * 60 * 60
	probe.HttpOnly = true
	http.SetCookie(c.Writer, gorilla.NewCookie(probeCookie, "1", &probe))
}

func hasProbe(r *http.Request) bool {
	_, err := r.Cookie(probeCookie)
	return err == nil
}
