package hostile

import (
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"

	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/gin-perimeter/gin-perimeter/ginviewpass"
	"github.com/gin-perimeter/gin-perimeter/internal/dbtest"
)

var linkKey = []byte("a key for links of 32 bytes, ok!")

func newLinks(t testing.TB, keys ...[]byte) *ginviewpass.Links {
	t.Helper()
	if len(keys) == 0 {
		keys = [][]byte{linkKey}
	}
	links, err := ginviewpass.New(ginviewpass.Config{Keys: keys, Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	return links
}

// gallery is a site that a link opens at one page. What runs is written into
// the answer.
func gallery(t *testing.T, f form, settings func(*gin.Engine)) (http.Handler, *ginviewpass.Links) {
	t.Helper()
	links := newLinks(t)
	gate := newGate(t, ginperimeter.Config{DB: dbtest.Open(t), Bypass: links.Granted})
	mount := []gin.HandlerFunc{sessions.Sessions("site", cookieStore()), links.Middleware()}
	r := gin.New()
	if settings != nil {
		settings(r)
	}
	if f == byUse {
		r.Use(mount...)
		r.Use(gate.Middleware())
	}
	page := func(c *gin.Context) {
		c.String(200, canary+" "+c.Request.Method+" "+c.FullPath()+" "+c.Param("name")+" "+c.Query("q"))
	}
	r.Any("/report/", links.Require("view"), page)
	r.Any("/report/:name", links.Require("view"), page)
	r.Any("/plain/", page)
	r.Any("/other", page)
	r.Any("/", page)
	r.GET("/moved/", func(c *gin.Context) { // a host that rewrites requests inside
		c.Request.URL.Path = "/other"
		r.HandleContext(c)
	})
	r.NoRoute(page)
	if f == byUse {
		return r, links
	}
	return gate.Protect(r, mount...), links
}

func sign(t testing.TB, links *ginviewpass.Links, path, permission string) string {
	t.Helper()
	link, err := links.URL(path, permission)
	must(t, err)
	return link
}

func TestALinkOpensItsPageAlone(t *testing.T) {
	t.Parallel()
	settings := map[string]func(*gin.Engine){
		"default": nil, "RemoveExtraSlash": func(r *gin.Engine) { r.RemoveExtraSlash = true }, "UseRawPath": func(r *gin.Engine) { r.UseRawPath = true },
		"UseEscapedPath": func(r *gin.Engine) { r.UseEscapedPath = true }, "RedirectFixedPath": func(r *gin.Engine) { r.RedirectFixedPath = true },
	}
	for name, set := range settings {
		for _, f := range []form{byUse, byProtect} {
			t.Run(name+" by "+string(f), func(t *testing.T) {
				t.Parallel()
				site, links := gallery(t, f, set)
				link := sign(t, links, "/report/", "view")
				_, token, _ := strings.Cut(link, "?")
				if w := visit(site, "GET", link, nil); w.Code != 200 || !strings.HasPrefix(w.Body.String(), canary+" GET /report/") {
					t.Fatalf("the link itself: %d %s", w.Code, w.Body)
				}
				for _, uri := range []string{
					"/?", "/other?", "/plain/?", "/report?", "/report//?", "//report/?", "/report/x?", "/report/%2e?", "/report/..?", "/report/../other?", "/report/%2e%2e/other?", "/report%2f?", "/report%2F?", "/Report/?", "/REPORT/?", "/report/./?", "/./report/?", "/report/;x?", "/report;x/?", `/report\?`, "/report/%5c?", "/report/%00?", "/report/%20?", "/report%20/?", "/report/.?", "/report/%2f?", "/report/%2fx?",
					"/nothing?", "/report/?q=1&", "/report/?&q=1&", "/report/?q&", "/report/?q=%00&", "/report/?Q=1&", "/report/?;q=1&", "/report/?q=1;&", "/report/?%71=1&", "/report/?utm_source=1&q=1&", "/report/?UTM_source=1&", "/report/?viewpass=&", "/report/?viewpass=x&", "/report/?" + token + "&", "/report/?VIEWPASS=x&", "/report/?%76iewpass=x&", "/report/?q=%zz&", "/report/?a;b&", "/report/?+q=1&",
				} {
					for _, tail := range []string{token, token + "&q=2", strings.Replace(token, "viewpass=", "Viewpass=", 1), strings.Replace(token, "viewpass=", "view%70ass=", 1) + "&q=1"} {
						if w := visit(site, "GET", uri+tail, nil); strings.Contains(w.Body.String(), canary) {
							t.Errorf("GET %s%s: %d %s", uri, tail, w.Code, w.Body)
						}
					}
				}
				for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "Head"} {
					if w := visit(site, method, link, nil); strings.Contains(w.Body.String(), canary) {
						t.Errorf("%s: %d %s", method, w.Code, w.Body)
					}
				}
				for _, header := range []string{"X-Original-Url", "X-Rewrite-Url", "X-Forwarded-Uri", "X-Forwarded-Path", "X-Forwarded-Prefix", "X-Http-Method-Override", "X-Method-Override", "X-Perimeter-Viewpass"} {
					r := httptest.NewRequest("POST", link, strings.NewReader("_method=GET"))
					r.Header.Set(header, map[bool]string{true: "GET", false: "/other"}[strings.Contains(header, "Method")])
					r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
					w := httptest.NewRecorder()
					site.ServeHTTP(w, r)
					if strings.Contains(w.Body.String(), canary) {
						t.Errorf("%s: %d %s", header, w.Code, w.Body)
					}
					r = httptest.NewRequest("GET", link, nil)
					r.Header.Set(header, "/other")
					w = httptest.NewRecorder()
					site.ServeHTTP(w, r)
					if !strings.HasPrefix(w.Body.String(), canary+" GET /report/") {
						t.Errorf("%s changes the page: %d %s", header, w.Code, w.Body)
					}
				}
			})
		}
	}
}

// What a link opens must not open more when a handler hands the request on.
func TestALinkDoesNotSurviveARewrite(t *testing.T) {
	t.Parallel()
	site, links := gallery(t, byUse, nil)
	if w := visit(site, "GET", sign(t, links, "/moved/", "view"), nil); strings.Contains(w.Body.String(), canary) {
		t.Errorf("by Use: %d %s", w.Code, w.Body)
	}
	// inside Protect the gate has been passed; the page's own Require still asks
	r := gin.New()
	gate := newGate(t, ginperimeter.Config{DB: dbtest.Open(t), Bypass: links.Granted})
	r.GET("/moved/", func(c *gin.Context) { c.Request.URL.Path = "/report/"; r.HandleContext(c) })
	r.GET("/report/", links.Require("view"), func(c *gin.Context) { c.String(200, canary) })
	outer := gate.Protect(r, sessions.Sessions("site", cookieStore()), links.Middleware())
	if w := visit(outer, "GET", sign(t, links, "/moved/", "view"), nil); strings.Contains(w.Body.String(), canary) {
		t.Errorf("by Protect: %d %s", w.Code, w.Body)
	}
}

func TestForgedLinks(t *testing.T) {
	t.Parallel()
	now := time.Now()
	links := newLinks(t)
	link := sign(t, links, "/report/?year=2026", "view")
	if _, err := links.Verify(link, now); err != nil {
		t.Fatal(err)
	}
	base, token, _ := strings.Cut(link, "viewpass=")
	head, tail, _ := strings.Cut(token, ":")
	payload, err := base64.RawURLEncoding.DecodeString(head)
	must(t, err)
	refuse := func(name, forged string) {
		t.Helper()
		if grant, err := links.Verify(forged, now); err == nil {
			t.Errorf("%s: %s grants %+v", name, forged, grant)
		}
	}
	for i := range len(token) { // every other character at every place
		for _, c := range "ABCXYZabcxyz0189-_:=.+/%&; \n\x00é" {
			if byte(c) != token[i] || c > 0x7f {
				refuse("a character", base+"viewpass="+token[:i]+string(c)+token[i+1:])
			}
		}
		refuse("cut off", base+"viewpass="+token[:i])
		refuse("a character less", base+"viewpass="+token[:i]+token[i+1:])
		refuse("a character twice", base+"viewpass="+token[:i]+token[i:i+1]+token[i:])
	}
	for i := range payload { // every bit
		for bit := range 8 {
			changed := append([]byte{}, payload...)
			changed[i] ^= 1 << bit
			refuse("a bit", base+"viewpass="+base64.RawURLEncoding.EncodeToString(changed)+":"+tail)
		}
	}
	for _, more := range []string{"A", "AA", "AAAA", "\x80", "=", "==", "%3D", "&viewpass=" + token, ":", ":" + tail, tail, "%00", "%0a", "+", " "} {
		refuse("something more", link+more)
		refuse("something between", base+"viewpass="+head+more+":"+tail)
	}
	for _, size := range []int{0, 1, 2, 4, 8, 16, 21} {
		refuse("a shorter signature", base+"viewpass="+head+":"+tail[:size])
		if filled := tail[:size] + strings.Repeat("A", 22-size); filled != tail { // one in four ends in A
			refuse("a shorter signature, filled up", base+"viewpass="+head+":"+filled)
		}
	}
	// length extension: the payload grows by SHA-256's padding and a path
	for pad := 1; pad < 70; pad++ {
		longer := append(append([]byte{}, payload...), append(append([]byte{0x80}, make([]byte, pad)...), "/other/"...)...)
		refuse("length extension", "/other/?viewpass="+base64.RawURLEncoding.EncodeToString(longer)+":"+tail)
	}
	other := sign(t, links, "/report/?year=2027", "edit")
	_, otherToken, _ := strings.Cut(other, "viewpass=")
	otherHead, otherTail, _ := strings.Cut(otherToken, ":")
	refuse("another's signature", base+"viewpass="+head+":"+otherTail)
	refuse("another's payload", base+"viewpass="+otherHead+":"+tail)
	refuse("another year's", base+"viewpass="+otherToken)
	// one field's bytes in another: the permission's length moves
	a, b := sign(t, links, "/b/c", "/a"), sign(t, links, "/a/b/c", "x")
	_, ta, _ := strings.Cut(a, "?")
	_, tb, _ := strings.Cut(b, "?")
	refuse("a shift from permission to path", "/a/b/c?"+ta)
	refuse("a shift from path to permission", "/b/c?"+tb)
	for _, query := range []string{"/report/?year=2026&year=2026&", "/report/?year=2025&year=2026&", "/report/?year=2026&x=&", "/report/?year=20%326%00&", "/report/?", "/report/?year=2026%26x=1&", "/report/?YEAR=2026&", "/report/?year=2026;&", "/report/?year[]=2026&", "/report/?year=+2026&"} {
		refuse("another query", query+"viewpass="+token)
	}
}

func TestKeysThatAreNotTheKey(t *testing.T) {
	t.Parallel()
	link := sign(t, newLinks(t), "/report/", "view")
	block := make([]byte, 64)
	copy(block, linkKey)
	for name, key := range map[string][]byte{
		"one NUL more":       append(append([]byte{}, linkKey...), 0),
		"filled to a block":  block,
		"a bit different":    append([]byte{linkKey[0] ^ 1}, linkKey[1:]...),
		"twice":              append(append([]byte{}, linkKey...), linkKey...),
		"in base64":          []byte(base64.StdEncoding.EncodeToString(linkKey)),
		"a line break after": append(append([]byte{}, linkKey...), '\n'),
	} {
		if _, err := newLinks(t, key).Verify(link, time.Now()); err == nil {
			t.Errorf("%s: the link holds", name)
		}
		if _, err := newLinks(t, key, linkKey).Verify(link, time.Now()); err != nil {
			t.Errorf("%s beside the key: %v", name, err)
		}
	}
	for _, key := range [][]byte{nil, {}, make([]byte, 32), []byte("short"), make([]byte, 31)} {
		if _, err := ginviewpass.New(ginviewpass.Config{Keys: [][]byte{key}}); err == nil {
			t.Errorf("a key of %d bytes is taken", len(key))
		}
	}
}

// The page that was signed is the page that a router finds, whatever the path.
func TestSigningAndRoutingReadPathsAlike(t *testing.T) {
	t.Parallel()
	links := newLinks(t)
	names := []string{"a", "a b", "a%b", "ä", "%2e", "a;b", "a:b", "a@b", "a+b", "a,b", "a=b", "a&b", "a?b", "a#b", "~", "!", "'", "(a)", "*", "[a]", "{a}", "|", "^", "`", "\"", "<a>", "日本", "%", "%41", "+", "a%2Fb", strings.Repeat("x", 300)}
	for _, settings := range []func(*gin.Engine){func(*gin.Engine) {}, func(r *gin.Engine) { r.UseRawPath = true }, func(r *gin.Engine) { r.UseEscapedPath, r.UnescapePathValues = true, true }} {
		r := gin.New()
		settings(r)
		r.Use(links.Middleware())
		r.GET("/files/:name", links.Require("view"), func(c *gin.Context) { c.String(200, "file "+c.Param("name")) })
		server := httptest.NewServer(r)
		t.Cleanup(server.Close)
		for i, name := range names {
			link := sign(t, links, "/files/"+url.PathEscape(name), "view")
			for j, wanted := range names {
				_, query, _ := strings.Cut(link, "?")
				answer, err := http.Get(server.URL + "/files/" + url.PathEscape(wanted) + "?" + query)
				must(t, err)
				var body [400]byte
				n, _ := answer.Body.Read(body[:])
				answer.Body.Close()
				if opened := answer.StatusCode == 200; opened != (i == j) {
					t.Errorf("a link to %q opens %q: %v, %s", name, wanted, opened, body[:n])
				} else if opened && string(body[:n]) != "file "+name && string(body[:n]) != "file "+strings.ReplaceAll(name, "+", " ") { // Gin unescapes + in escaped paths
					t.Errorf("a link to %q shows %q", name, body[:n])
				}
			}
		}
	}
}

func TestAFloodOfLinksIsRefusedQuickly(t *testing.T) {
	t.Parallel()
	links := newLinks(t)
	long := strings.Repeat("A", 1<<20)
	began := time.Now()
	for i := range 2000 {
		for _, link := range []string{"/?viewpass=V" + long[:2000] + ":" + long[:22], fmt.Sprintf("/?viewpass=VAAA%d:%s", i, long[:22]), "/?" + strings.Repeat("a&", 100) + "viewpass=x"} {
			if _, err := links.Verify(link, began); err == nil {
				t.Fatal(link)
			}
		}
		if i%200 == 0 {
			if _, err := links.Verify("/"+long+"?viewpass="+long, began); err == nil {
				t.Fatal("a long one")
			}
		}
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("6000 wrong links took %v", took)
	}
}
