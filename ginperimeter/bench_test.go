package ginperimeter_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"
	"github.com/golang-jwt/jwt/v5"

	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/gin-perimeter/gin-perimeter/ginviewpass"
)

// BenchmarkRequest tells what one request costs with the gate, without it, and
// with what else people put in front of a site. PERFORMANCE.md explains the
// figures.
//
// Every request is a fresh copy, because gorilla/sessions keeps what it has
// read on the request. The visitors take turns, 10,000 of them.
func BenchmarkRequest(b *testing.B) {
	c := newCrowd(b, crowdSize)
	for _, name := range []string{
		"bare", "basicauth", "jwt-cookie", "bare-changing",
		"sessions-unread", "session-read", "perimeter", "perimeter-changing", "perimeter-header", "perimeter-viewpass",
	} {
		b.Run(name, func(b *testing.B) {
			if benchCases[name].storeless {
				c.measure(b, benchCases[name], "cookie")
				return
			}
			for _, store := range []string{"cookie", "memory", "redis", "gorm"} {
				b.Run("store="+store, func(b *testing.B) { c.measure(b, benchCases[name], store) })
			}
		})
	}
}

// benchCase is one way to serve a page.
type benchCase struct {
	use       func(*benchCrowd, testing.TB, sessions.Store) []gin.HandlerFunc // the middlewares in front
	prepare   func(*benchCrowd, testing.TB, *http.Request)                    // what the request brings besides the session's cookie
	storeless bool                                                            // sessions play no part
	changing  bool                                                            // other cookies change on every request
	forgets   bool                                                            // nobody is known from one request to the next
}

var benchCases = map[string]benchCase{
	"bare":            {storeless: true},
	"bare-changing":   {storeless: true, changing: true},
	"basicauth":       {storeless: true, use: useBasicAuth, prepare: bringPassword},
	"jwt-cookie":      {storeless: true, use: useJWT, prepare: bringJWT},
	"sessions-unread": {use: useSessions},
	"session-read":    {use: useSessionRead, forgets: true},

	"perimeter":          {use: usePerimeter},
	"perimeter-changing": {use: usePerimeter, changing: true},
	"perimeter-header":   {use: usePerimeter, prepare: bringHeader},
	"perimeter-viewpass": {use: useViewpass, prepare: bringViewpass},
}

func (bc benchCase) handler(b testing.TB, c *benchCrowd, store sessions.Store) http.Handler {
	r := gin.New()
	if err := r.SetTrustedProxies(nil); err != nil {
		b.Fatal(err)
	}
	if bc.use != nil {
		r.Use(bc.use(c, b, store)...)
	}
	contentType := []string{"text/html; charset=utf-8"} // shared, as Gin's are
	r.GET("/page", func(c *gin.Context) {
		c.Writer.Header()["Content-Type"] = contentType
		c.Status(http.StatusOK)
	})
	return r
}

func useSessions(_ *benchCrowd, _ testing.TB, store sessions.Store) []gin.HandlerFunc {
	return []gin.HandlerFunc{sessions.Sessions("site", store)}
}

// useSessionRead is what a gate costs at least that asks the session on every
// request.
func useSessionRead(c *benchCrowd, b testing.TB, store sessions.Store) []gin.HandlerFunc {
	return append(useSessions(c, b, store), func(c *gin.Context) {
		if sessions.Default(c).Get(sessionKey) == nil {
			c.AbortWithStatus(http.StatusUnauthorized)
		}
	})
}

func usePerimeter(c *benchCrowd, b testing.TB, store sessions.Store) []gin.HandlerFunc {
	gate, err := ginperimeter.New(ginperimeter.Config{DB: c.db})
	if err != nil {
		b.Fatal(err)
	}
	gate.StopClock() // what is measured is the request between two readings of its session
	return append(useSessions(c, b, store), gate.Middleware())
}

func useViewpass(c *benchCrowd, b testing.TB, store sessions.Store) []gin.HandlerFunc {
	gate, err := ginperimeter.New(ginperimeter.Config{DB: c.db, Bypass: c.links.Granted})
	if err != nil {
		b.Fatal(err)
	}
	gate.StopClock()
	return append(useSessions(c, b, store), c.links.Middleware(), gate.Middleware(), c.links.Require("report.view"))
}

func bringViewpass(c *benchCrowd, b testing.TB, r *http.Request) {
	link, err := c.links.URL("/page", "report.view", ginviewpass.ExpiresIn(time.Hour))
	if err != nil {
		b.Fatal(err)
	}
	fresh, err := http.NewRequest(http.MethodGet, link, nil)
	if err != nil {
		b.Fatal(err)
	}
	r.URL = fresh.URL
}

func bringHeader(c *benchCrowd, _ testing.TB, r *http.Request) {
	r.Header.Set(ginperimeter.HeaderName, c.token)
}

func useBasicAuth(*benchCrowd, testing.TB, sessions.Store) []gin.HandlerFunc {
	return []gin.HandlerFunc{gin.BasicAuth(gin.Accounts{"preview": "a password that is shared"})}
}

func bringPassword(_ *benchCrowd, _ testing.TB, r *http.Request) {
	r.SetBasicAuth("preview", "a password that is shared")
}

var jwtKey = []byte("a key for tests that has 32 bytes")

func useJWT(*benchCrowd, testing.TB, sessions.Store) []gin.HandlerFunc {
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired())
	return []gin.HandlerFunc{func(c *gin.Context) {
		text, err := c.Cookie("jwt")
		if err == nil {
			_, err = parser.ParseWithClaims(text, &jwt.RegisteredClaims{}, func(*jwt.Token) (any, error) { return jwtKey, nil })
		}
		if err != nil {
			c.AbortWithStatus(http.StatusUnauthorized)
		}
	}}
}

func bringJWT(_ *benchCrowd, b testing.TB, r *http.Request) {
	claims := jwt.RegisteredClaims{Subject: "ada@example.com", ExpiresAt: jwt.NewNumericDate(time.Now().Add(time.Hour))}
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(jwtKey)
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Cookie", "jwt="+text)
}
