package ginperimeter_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"

	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/gin-perimeter/gin-perimeter/models"
)

// openEngine is a host as it was before it heard of a gate: routes of all kinds,
// nothing used before them.
func openEngine(t testing.TB) *gin.Engine {
	t.Helper()
	r := gin.New()
	must(t, r.SetTrustedProxies(nil))
	r.RedirectFixedPath, r.HandleMethodNotAllowed = true, true
	r.Use(gin.CustomRecoveryWithWriter(io.Discard, func(c *gin.Context, _ any) { c.String(500, "sorry") }))
	r.GET("/page", func(c *gin.Context) { c.String(200, "page of the site") })
	r.HEAD("/page", func(c *gin.Context) { c.Header("X-Site", "yes") })
	r.POST("/form", func(c *gin.Context) { c.String(201, "made of %s", c.PostForm("a")) })
	r.GET("/dir/", func(c *gin.Context) { c.String(200, "directory of the site") })
	r.GET("/users/:id", func(c *gin.Context) { c.JSON(200, gin.H{"id": c.Param("id"), "path": c.FullPath()}) })
	r.GET("/empty", func(*gin.Context) {})
	r.GET("/nothing", func(c *gin.Context) { c.Status(204) })
	r.GET("/missing", func(c *gin.Context) { c.Status(404) })
	r.GET("/missing-text", func(c *gin.Context) { c.String(404, "not this one") })
	r.GET("/broken", func(c *gin.Context) { c.AbortWithStatus(500) })
	r.GET("/panics", func(*gin.Context) { panic("as hosts do") })
	r.GET("/moved", func(c *gin.Context) { c.Redirect(302, "/page") })
	r.GET("/cached", func(c *gin.Context) { c.Header("Cache-Control", "public"); c.Data(200, "image/png", []byte{1, 2, 3}) })
	r.GET("/not-modified", func(c *gin.Context) { c.Status(304) })
	r.StaticFS("/files", http.FS(fstest.MapFS{"a.txt": {Data: []byte("file of the site")}}))
	r.GET("/who", func(c *gin.Context) {
		v, ok := ginperimeter.Visitor(c)
		c.String(200, "%v %s %s %q", ok, v.Name, v.TokenLabel, c.GetHeader("X-Perimeter-Token"))
	})
	return r
}

func protect(t testing.TB, r *gin.Engine) (http.Handler, string) {
	t.Helper()
	db := newDB(t)
	token, _ := newToken(t, db, models.NewAccessToken{Label: "Acme"})
	gate, err := ginperimeter.New(ginperimeter.Config{DB: db, Logger: (&logbook{}).logger()})
	must(t, err)
	return gate.Protect(r, sessions.Sessions("site", cookieStore())), token
}

var siteRequests = []struct{ method, target string }{
	{"GET", "/page"}, {"HEAD", "/page"}, {"POST", "/page"}, {"GET", "/page/"}, {"GET", "/PAGE"}, {"POST", "/form"}, {"GET", "/form"}, {"GET", "/dir"}, {"GET", "/dir/"}, {"GET", "/Dir"}, {"GET", "/users/7"}, {"GET", "/users/7/"}, {"GET", "//page"}, {"GET", "/x/../page"},
	{"GET", "/empty"}, {"GET", "/nothing"}, {"GET", "/missing"}, {"GET", "/missing-text"}, {"GET", "/broken"}, {"GET", "/panics"}, {"GET", "/moved"}, {"GET", "/cached"}, {"GET", "/not-modified"},
	{"GET", "/files/a.txt"}, {"GET", "/files"}, {"GET", "/files/"}, {"GET", "/files/none"}, {"HEAD", "/files/a.txt"}, {"GET", "/nowhere"}, {"DELETE", "/page"}, {"OPTIONS", "/page"}, {"BREW", "/page"}, {"GET", "/"},
}

func TestProtectShowsStrangersNothing(t *testing.T) {
	t.Parallel()
	h, _ := protect(t, openEngine(t))
	base := listen(t, h)
	for _, r := range siteRequests {
		a := newClient(t, base).do(r.method, r.target, nil, map[string]string{"Accept": "*/*"})
		a.want(t, http.StatusUnauthorized, "")
		wantSilent(t, a)
		page := newClient(t, base).do(r.method, r.target, nil, nil)
		if r.method == "GET" || r.method == "HEAD" {
			if page.StatusCode != 302 || !strings.HasPrefix(page.Header.Get("Location"), gatewayPath+"?next=") {
				t.Errorf("%s %s: %d to %q", r.method, r.target, page.StatusCode, page.Header.Get("Location"))
			}
		} else if page.StatusCode != 401 {
			t.Errorf("%s %s: %d", r.method, r.target, page.StatusCode)
		}
	}
}

// TestProtectChangesNothingInside compares the protected engine's answers with
// those of the engine alone.
func TestProtectChangesNothingInside(t *testing.T) {
	t.Parallel()
	r := openEngine(t)
	h, token := protect(t, r)
	base := listen(t, h)
	plain := newClient(t, listen(t, r))
	c := newClient(t, base)
	c.enter(token, "").want(t, http.StatusSeeOther, "/")
	for _, request := range siteRequests {
		got, want := c.do(request.method, request.target, nil, nil), plain.do(request.method, request.target, nil, nil)
		if got.StatusCode != want.StatusCode || got.body != want.body {
			t.Errorf("%s %s: %d %q, want %d %q", request.method, request.target, got.StatusCode, got.body, want.StatusCode, want.body)
		}
		for key := range want.Header {
			if key != "Date" && strings.Join(got.Header[key], ", ") != strings.Join(want.Header[key], ", ") {
				t.Errorf("%s %s: %s %q, want %q", request.method, request.target, key, got.Header[key], want.Header[key])
			}
		}
		for key := range got.Header {
			switch _, known := want.Header[key]; {
			case known, key == "Cache-Control", key == "Vary", key == "X-Robots-Tag":
			default:
				t.Errorf("%s %s: new header %s %q", request.method, request.target, key, got.Header[key])
			}
		}
	}
	if a := c.get("/who"); a.body != `true Ada Lovelace Acme ""` {
		t.Errorf("visitor: %s", a.body)
	}
	if a := newClient(t, base).do("GET", "/who", nil, map[string]string{"X-Perimeter-Token": token}); a.body != `true  Acme ""` {
		t.Errorf("visitor by header: %s", a.body)
	}
	c.post("/perimeter/leave", nil).want(t, http.StatusSeeOther, gatewayPath)
	c.get("/page").want(t, http.StatusFound, gatewayPath+"?next=%2Fpage")
}

// TestProtectOfHostsThatServeEverythingByNoRoute are file servers and proxies.
func TestProtectOfHostsThatServeEverythingByNoRoute(t *testing.T) {
	t.Parallel()
	backEnd := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprintf(w, "back end %s %q", r.URL.RequestURI(), r.Header.Get("X-Perimeter-Token"))
	}))
	t.Cleanup(backEnd.Close)
	proxy := httputil.NewSingleHostReverseProxy(mustURL(t, backEnd.URL))
	files := http.FileServerFS(fstest.MapFS{"index.html": {Data: []byte("index of the site")}, "a/b.txt": {Data: []byte("file of the site")}})
	tests := []struct {
		name    string
		handler http.Handler
		target  string
		status  int
		body    string
	}{
		{"a file", files, "/a/b.txt", 200, "file of the site"},
		{"an index", files, "/", 200, "index of the site"},
		{"a file server's redirect", files, "/index.html", 301, ""},
		{"no file", files, "/none", 404, "404 page not found\n"},
		{"a proxy", proxy, "/x%2Fy?q=%zz", 202, `back end /x%2Fy?q=%zz ""`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := gin.New()
			r.NoRoute(gin.WrapH(tt.handler))
			h, token := protect(t, r)
			base := listen(t, h)
			stranger := newClient(t, base).do("GET", tt.target, nil, map[string]string{"Accept": "*/*"})
			stranger.want(t, http.StatusUnauthorized, "")
			a := newClient(t, base).do("GET", tt.target, nil, map[string]string{"X-Perimeter-Token": token})
			if a.body != tt.body {
				t.Errorf("%d %q", a.StatusCode, a.body)
			}
			if a.StatusCode != tt.status {
				t.Errorf("%d, want %d", a.StatusCode, tt.status)
			}
		})
	}
}

func TestProtectAroundPlainHandlersKeepsTheirStatus(t *testing.T) {
	t.Parallel()
	r := gin.New()
	r.GET("/*path", gin.WrapH(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/silent" {
			io.WriteString(w, "plain") //nolint:errcheck // a test's answer
		}
	})))
	h, token := protect(t, r)
	for target, body := range map[string]string{"/": "plain", "/silent": ""} {
		a := serve(t, h, "GET", target, map[string]string{"X-Perimeter-Token": token})
		if a.StatusCode != 200 || a.body != body {
			t.Errorf("%s: %d %q", target, a.StatusCode, a.body)
		}
	}
}

func TestProtectStreams(t *testing.T) {
	t.Parallel()
	goOn := make(chan struct{})
	r := gin.New()
	r.GET("/events", func(c *gin.Context) {
		c.Header("Content-Type", "text/event-stream")
		fmt.Fprint(c.Writer, "first\n")
		c.Writer.Flush()
		<-goOn
		fmt.Fprint(c.Writer, "second\n")
	})
	h, token := protect(t, r)
	req, err := http.NewRequest("GET", listen(t, h)+"/events", nil)
	must(t, err)
	req.Header.Set("X-Perimeter-Token", token)
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	first, err := lines.ReadString('\n')
	close(goOn)
	second, err2 := lines.ReadString('\n')
	if first != "first\n" || second != "second\n" || err != nil || err2 != nil {
		t.Errorf("%q %v, %q %v", first, err, second, err2)
	}
}

// TestProtectHandsOverConnections takes the connection, as WebSockets do.
func TestProtectHandsOverConnections(t *testing.T) {
	t.Parallel()
	r := gin.New()
	r.GET("/socket", func(c *gin.Context) {
		conn, rw, err := c.Writer.Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprint(rw, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n")
		rw.Flush() //nolint:errcheck // the client notices
		line, err := rw.ReadString('\n')
		if err != nil {
			t.Error(err)
		}
		fmt.Fprint(rw, "echo "+line)
		rw.Flush() //nolint:errcheck // the client notices
	})
	h, token := protect(t, r)
	base := listen(t, h)
	upgrade := func(header string) (status string, echo string) {
		conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
		must(t, err)
		defer conn.Close()
		must(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
		fmt.Fprintf(conn, "GET /socket HTTP/1.1\r\nHost: site\r\nConnection: Upgrade\r\nUpgrade: echo\r\n%s\r\n", header)
		from := bufio.NewReader(conn)
		status, err = from.ReadString('\n')
		must(t, err)
		if !strings.Contains(status, "101") {
			return status, ""
		}
		for line := ""; line != "\r\n"; {
			line, err = from.ReadString('\n')
			must(t, err)
		}
		fmt.Fprint(conn, "hello\n")
		rest, err := io.ReadAll(from)
		must(t, err)
		return status, string(rest)
	}
	if status, echo := upgrade("X-Perimeter-Token: " + token + "\r\n"); echo != "echo hello\n" {
		t.Errorf("inside: %q, %q", status, echo)
	}
	if status, _ := upgrade(""); !strings.Contains(status, "401") {
		t.Errorf("a stranger: %q", status)
	}
}

func TestProtectFindsAddressesAsTheEngineDoes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		configure func(r *gin.Engine) error
		header    string
		want      string
	}{
		{"no trusted proxy", func(r *gin.Engine) error { return r.SetTrustedProxies(nil) }, "X-Forwarded-For", "192.0.2.1"},
		{"the proxy is trusted", func(r *gin.Engine) error { return r.SetTrustedProxies([]string{"192.0.2.0/24"}) }, "X-Forwarded-For", "203.0.113.9"},
		{"another proxy is trusted", func(r *gin.Engine) error { return r.SetTrustedProxies([]string{"198.51.100.1"}) }, "X-Forwarded-For", "192.0.2.1"},
		{"another header", func(r *gin.Engine) error {
			r.RemoteIPHeaders = []string{"X-Visitor"}
			return r.SetTrustedProxies([]string{"192.0.2.1"})
		}, "X-Visitor", "203.0.113.9"},
		{"a platform", func(r *gin.Engine) error { r.TrustedPlatform = "X-Platform-Ip"; return r.SetTrustedProxies(nil) }, "X-Platform-Ip", "203.0.113.9"},
		{"forwarding off", func(r *gin.Engine) error {
			r.ForwardedByClientIP = false
			return r.SetTrustedProxies([]string{"192.0.2.1"})
		}, "X-Forwarded-For", "192.0.2.1"},
		{"proxies that can't be read", func(r *gin.Engine) error { _ = r.SetTrustedProxies([]string{"nonsense"}); return nil }, "X-Forwarded-For", "192.0.2.1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := newDB(t)
			token, _ := newToken(t, db, models.NewAccessToken{})
			gate, err := ginperimeter.New(ginperimeter.Config{DB: db, Logger: (&logbook{}).logger()})
			must(t, err)
			r := gin.New()
			r.GET("/", func(c *gin.Context) { c.String(200, "home") })
			must(t, tt.configure(r))
			h := gate.Protect(r, sessions.Sessions("site", cookieStore()))
			request := httptest.NewRequest("GET", "/", nil)
			request.RemoteAddr = "192.0.2.1:1234"
			request.Header.Set(tt.header, "203.0.113.9")
			request.Header.Set("X-Perimeter-Token", token)
			if a := serveRequest(h, request); a.StatusCode != 200 {
				t.Fatalf("%d", a.StatusCode)
			}
			if rows := uses(t, db); len(rows) != 1 || rows[0].IP != tt.want {
				t.Errorf("recorded %+v, want the address %s", rows, tt.want)
			}
		})
	}
}

func TestProtectWarnsOfForgeableAddressesAtStart(t *testing.T) {
	t.Parallel()
	for name, trusting := range map[string]bool{"Gin's default": true, "no proxy": false} {
		book := &logbook{}
		gate, err := ginperimeter.New(ginperimeter.Config{DB: newDB(t), Logger: book.logger()})
		must(t, err)
		r := gin.New()
		if !trusting {
			must(t, r.SetTrustedProxies(nil))
		}
		gate.Protect(r, sessions.Sessions("site", cookieStore()))
		if n := book.count("event=perimeter.forgeable_addresses"); (n == 1) != trusting {
			t.Errorf("%s: %d warnings", name, n)
		}
	}
}

func TestProtectOverUnencryptedHTTP2(t *testing.T) {
	t.Parallel()
	r := gin.New()
	r.UseH2C = true
	r.GET("/", func(c *gin.Context) { c.String(200, c.Request.Proto) })
	h, token := protect(t, r)
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	client := &http.Client{Transport: &http.Transport{Protocols: protocols}}
	base := listen(t, h)
	for header, status := range map[string]int{token: 200, "": 401} {
		req, err := http.NewRequest("GET", base, nil)
		must(t, err)
		req.Header.Set("X-Perimeter-Token", header)
		resp, err := client.Do(req)
		must(t, err)
		body, err := io.ReadAll(resp.Body)
		must(t, err)
		resp.Body.Close()
		if resp.StatusCode != status || resp.ProtoMajor != 2 || (status == 200 && string(body) != "HTTP/2.0") {
			t.Errorf("%d by %s: %q", resp.StatusCode, resp.Proto, body)
		}
	}
}

type contextKey struct{}

// TestProtectHandsTheContextThrough keeps what a middleware before the gate puts
// into the request's context.
func TestProtectHandsTheContextThrough(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	token, _ := newToken(t, db, models.NewAccessToken{})
	gate, err := ginperimeter.New(ginperimeter.Config{DB: db, Bypass: func(c *gin.Context) bool { return c.GetBool("granted") }, Logger: (&logbook{}).logger()})
	must(t, err)
	r := gin.New()
	r.Use(sessions.Sessions("site", cookieStore()))
	r.GET("/", func(c *gin.Context) {
		_, ok := ginperimeter.Visitor(c)
		session := sessions.Default(c) // the inner engine's own
		session.Set("seen", "yes")
		must(t, session.Save())
		c.String(200, "%v %v", c.Request.Context().Value(contextKey{}), ok)
	})
	h := gate.Protect(r, func(c *gin.Context) {
		c.Set("granted", c.Query("grant") == "yes")
		c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), contextKey{}, "kept"))
	}, sessions.Sessions("site", cookieStore()))
	c := newClient(t, listen(t, h))
	c.get("/").want(t, http.StatusFound, gatewayPath+"?next=%2F")
	if a := c.get("/?grant=yes"); a.body != "kept false" {
		t.Errorf("bypassed: %d %s", a.StatusCode, a.body)
	}
	c.enter(token, "").want(t, http.StatusSeeOther, "/")
	for range 2 { // the inner session keeps the pass
		if a := c.get("/"); a.body != "kept true" {
			t.Errorf("inside: %d %s", a.StatusCode, a.body)
		}
	}
}

func TestProtectWithoutSessions(t *testing.T) {
	t.Parallel()
	gate, err := ginperimeter.New(ginperimeter.Config{DB: newDB(t), Logger: (&logbook{}).logger()})
	must(t, err)
	ran := false
	r := gin.New()
	r.Use(sessions.Sessions("site", cookieStore())) // inside is too late
	r.GET("/", func(*gin.Context) { ran = true })
	if a := serve(t, gate.Protect(r), "GET", "/", nil); a.StatusCode != 500 || a.errorCode() != "perimeter_misconfigured" || ran {
		t.Errorf("%d %s, ran %v", a.StatusCode, a.body, ran)
	}
}

// TestPartOfASite puts the gate before a group only.
func TestPartOfASite(t *testing.T) {
	t.Parallel()
	on(t, pairs, func(t *testing.T, w where) {
		token, _ := newToken(t, w.db, models.NewAccessToken{})
		gate, err := ginperimeter.New(ginperimeter.Config{DB: w.db, Logger: (&logbook{}).logger()})
		must(t, err)
		r := gin.New()
		must(t, r.SetTrustedProxies(nil))
		r.Use(sessions.Sessions("site", w.store))
		gate.Routes(r)
		r.GET("/", func(c *gin.Context) {
			_, ok := ginperimeter.Visitor(c)
			c.String(200, "public %v", ok)
		})
		r.Group("/beta", gate.Middleware()).GET("/page", func(c *gin.Context) { c.String(200, "beta page") })
		c := newClient(t, listen(t, r))
		if a := c.get("/"); a.body != "public false" || a.Header.Get("Cache-Control") != "" {
			t.Errorf("%d %q %v", a.StatusCode, a.body, a.Header)
		}
		c.get("/beta/page").want(t, http.StatusFound, gatewayPath+"?next=%2Fbeta%2Fpage")
		c.get(gatewayPath).want(t, http.StatusOK, "")
		c.do("PUT", gatewayPath, nil, nil).want(t, http.StatusMethodNotAllowed, "")
		c.enter("wrong", "").want(t, http.StatusUnprocessableEntity, "")
		c.enter(token, "/beta/page").want(t, http.StatusSeeOther, "/beta/page")
		if a := c.get("/beta/page"); a.body != "beta page" {
			t.Errorf("%d %q", a.StatusCode, a.body)
		}
		c.post("/perimeter/leave", nil).want(t, http.StatusSeeOther, gatewayPath)
		c.get("/beta/page").want(t, http.StatusFound, gatewayPath+"?next=%2Fbeta%2Fpage")
		c.get("/").want(t, http.StatusOK, "")
	})
}

// TestTwoGates guards two parts of a site by gates of their own names.
func TestTwoGates(t *testing.T) {
	t.Parallel()
	on(t, pairs, func(t *testing.T, w where) {
		r := gin.New()
		must(t, r.SetTrustedProxies(nil))
		r.Use(sessions.Sessions("site", w.store))
		for _, name := range []string{"one", "two"} {
			gate, err := ginperimeter.New(ginperimeter.Config{DB: w.db, Name: name, GatewayPath: "/" + name + "/gateway", Logger: (&logbook{}).logger()})
			must(t, err)
			gate.Routes(r)
			r.Group("/"+name, gate.Middleware()).GET("/page", func(c *gin.Context) {
				v, _ := ginperimeter.Visitor(c)
				c.String(200, "%s for %s", name, v.TokenLabel)
			})
		}
		first, _ := newToken(t, w.db, models.NewAccessToken{Label: "first"})
		second, _ := newToken(t, w.db, models.NewAccessToken{Label: "second"})
		c := newClient(t, listen(t, r))
		enter := func(name, token string) {
			c.get("/" + name + "/gateway")
			c.post("/"+name+"/gateway?next=/"+name+"/page", person(token)).want(t, http.StatusSeeOther, "/"+name+"/page")
		}
		enter("one", first)
		c.get("/two/page").want(t, http.StatusFound, "/two/gateway?next=%2Ftwo%2Fpage") // a pass of one opens no other
		enter("two", second)
		for name, want := range map[string]string{"one": "one for first", "two": "two for second"} {
			if a := c.get("/" + name + "/page"); a.body != want {
				t.Errorf("%d %q, want %q", a.StatusCode, a.body, want)
			}
		}
		c.post("/one/leave", nil).want(t, http.StatusSeeOther, "/one/gateway")
		c.get("/one/page").want(t, http.StatusFound, "/one/gateway?next=%2Fone%2Fpage")
		c.get("/two/page").want(t, http.StatusOK, "")
		if n := len(uses(t, w.db)); n != 2 {
			t.Errorf("%d entries", n)
		}
	})
}
