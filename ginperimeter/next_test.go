package ginperimeter_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"

	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/gin-perimeter/gin-perimeter/models"
)

// leadsTo resolves a Location as a browser does that got it from
// https://site.example/perimeter/gateway (URL Standard, "basic URL parser", as
// far as it concerns where one ends up): leading and trailing control
// characters and spaces go, tabs and line ends go everywhere, a backslash is a
// slash in an http address, two slashes begin a host, and dot segments fold,
// also percent-encoded ones. It answers the host and the path.
func leadsTo(location string) (host, path string) {
	location = strings.TrimFunc(location, func(r rune) bool { return r <= ' ' })
	location = strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(location)
	location, _, _ = strings.Cut(location, "#")
	location, _, _ = strings.Cut(location, "?")
	location = strings.ReplaceAll(location, `\`, "/")
	if scheme, rest, found := strings.Cut(location, ":"); found && isScheme(scheme) {
		if !strings.EqualFold(scheme, "https") {
			return scheme + ":", rest
		}
		if !strings.HasPrefix(rest, "/") { // the site's own scheme without slashes is relative
			return "site.example", fold("/perimeter/" + rest)
		}
		location = "//" + strings.TrimLeft(rest, "/")
	}
	if rest, found := strings.CutPrefix(location, "//"); found {
		rest = strings.TrimLeft(rest, "/") // more slashes are ignored
		host, path, _ = strings.Cut(rest, "/")
		return host[strings.LastIndex(host, "@")+1:], "/" + path
	}
	if !strings.HasPrefix(location, "/") {
		location = "/perimeter/" + location
	}
	return "site.example", fold(location)
}

func isScheme(s string) bool {
	for i, r := range strings.ToLower(s) {
		letter := r >= 'a' && r <= 'z'
		if !letter && (i == 0 || !strings.ContainsRune("0123456789+-.", r)) {
			return false
		}
	}
	return s != ""
}

// fold drops dot segments as browsers do.
func fold(path string) string {
	var kept []string
	segments := strings.Split(path, "/")[1:]
	for i, segment := range segments {
		last := i == len(segments)-1
		switch strings.ReplaceAll(strings.ToLower(segment), "%2e", ".") {
		case ".":
			if last {
				kept = append(kept, "")
			}
		case "..":
			kept = kept[:max(0, len(kept)-1)]
			if last {
				kept = append(kept, "")
			}
		default:
			kept = append(kept, segment)
		}
	}
	return "/" + strings.Join(kept, "/")
}

// staysHere tells whether a browser, or a server and a browser after it that
// each clean what they get, stays on the site.
func staysHere(location string) bool {
	for range 3 {
		host, path := leadsTo(location)
		if host != "site.example" {
			return false
		}
		decoded, err := url.PathUnescape(path)
		if err != nil || strings.HasPrefix(strings.ReplaceAll(decoded, `\`, "/"), "//") {
			return false
		}
		location = path
	}
	return true
}

func TestTheResolverItself(t *testing.T) {
	t.Parallel()
	for location, want := range map[string]string{
		"/a/b": "site.example", "a": "site.example", "//evil.example": "evil.example", `/\evil.example`: "evil.example",
		`\\evil.example`: "evil.example", "/\t/evil.example": "evil.example", "https:evil": "site.example",
		"https:/evil.example": "evil.example", "https:///evil.example/x": "evil.example", "javascript:alert(1)": "javascript:",
		"//user@evil.example/": "evil.example", " //evil.example": "evil.example",
	} {
		if host, _ := leadsTo(location); host != want {
			t.Errorf("%q leads to %q, want %q", location, host, want)
		}
	}
	for _, location := range []string{"/.//evil.example", "/a/..//evil.example", "/%2e%2e//evil.example", "/%2f/evil.example", "/%5cevil.example"} {
		if staysHere(location) {
			t.Errorf("%q is taken for safe", location)
		}
	}
}

// goodTargets are pages of the site, which are kept byte for byte.
var goodTargets = []string{
	"/", "/page", "/page/", "/a/b/c", "/a.b", "/.well-known/x", "/..a", "/a..", "/...", "/a/...", "/-", "/~user", "/%7Euser", "/%7euser",
	"/page?", "/page?a", "/page?a=", "/page?a=1&b=2", "/page?b=2&a=1", "/page?a=1&a=2", "/page?a=%20x", "/page?a=+x", "/page?a=a+b&c=d%2Be",
	"/page?next=/other", "/page?next=%2Fother", "/page?next=https://evil.example/", "/page?url=//evil.example", `/page?x=\y`, "/page?a=b?c=d",
	"/page?a;b", "/page?a=%zz", "/page?a=%", "/page?a=%ff", "/page?q=%E2%82%AC", "/page?a[]=1", "/page?a={b}", "/page?a=|", "/page?a='x'", `/page?a="x"`,
	"/page?a=<b>", "/page?..", "/page?/../..", "/page?//", "/page?a=//evil.example/..", "/page#top", "/page?a=1#top", "/page#", "/#//evil.example", `/#\\evil.example`,
	"/a%20b", "/a%2Fb", "/a%2fb", "/a%5Cb", "/.%5ca", "/a|b%2Fc%5Cd", "/a%3Fb", "/a%23b", "/a%25b", "/a%252Fb", "/%E2%82%AC", "/%c3%a9", "/a:b", "/a:80/b", "/a@b", "/user:pass@host/", "/a;b=c", "/a,b", "/a!b", "/$a", "/a&b", "/a=b", "/a+b", "/(a)", "/*", "/a'b", "/[a]", "/a|b", "/^a", "/`a`", "/{a}",
	"/a/b/../c", "/a/./b", "/a/..", "/a/.", "/a/b/..", "/a/%2e%2e/b", "/a//b", "/a//", "/a/b//c", "/http://evil.example/", "/https:evil.example", "/javascript:alert(1)", "/data:text/html,x",
	"/index.php?id=1&session=abc", "/search?q=a%26b%3Dc", "/report/?viewpass=abc:def", "/a?b=c&amp;d=e", "/a%0Ab", "/a%0D%0Ab", "/a%00b", "/%09", "/%20", "/a%C2%A0b", "/perimeter", "/perimeter/", "/perimeter/gateways", "/perimeter/admin/tokens?page=2",
}

// rawTargets are good too, but have bytes that a header cannot carry as they are.
var rawTargets = map[string]string{
	"/é":                 "/%C3%A9",
	"/日本?q=語":            "/%E6%97%A5%E6%9C%AC?q=%E8%AA%9E",
	"/a b?c d":           "/a%20b?c%20d",
	"/ ":                 "/%20",
	"/\u202e/x":          "/%E2%80%AE/x",
	"/\xff":              "/%FF",
	"/％２Ｆ":               "/%EF%BC%85%EF%BC%92%EF%BC%A6",
	"/page?a=\u2028b":    "/page?a=%E2%80%A8b",
	"/\u3000/evil":       "/%E3%80%80/evil",
	"/／evil.example":     "/%EF%BC%8Fevil.example",
	"/page?a=\u00a0#é x": "/page?a=%C2%A0#%C3%A9%20x",
}

// badTargets lead away from the site, or might somewhere on the way.
var badTargets = []string{
	"", " ", "page", "./page", "../page", "?a=1", "#top", "%2Fpage", "evil.example", "www.evil.example/", ".evil.example", "@evil.example",
	"//evil.example", "///evil.example", "////evil.example", "//evil.example/..", "//evil.example@site.example/", "//site.example@evil.example/", "//", "///", "//\\evil.example", "//;@evil.example",
	`/\evil.example`, `/\\evil.example`, `\/evil.example`, `\\evil.example`, `\evil.example`, `\`, `/\/evil.example`, `/\`, `/\ evil.example`, `/a\b`, `/a/..\\evil.example`, `/.\evil.example`, `/..\evil.example`,
	"/./\\evil.example", "/.//evil.example", "/..//evil.example", "/.././/evil.example", "/./..//evil.example", "/a/..//evil.example", "/a/b/../..//evil.example", "/a/../..//evil.example", "/.///evil.example", "/a/.//..//evil.example", "/a//../../evil.example", "/a/b/../../..//evil.example",
	"/%2e//evil.example", "/%2e%2e//evil.example", "/%2E//evil.example", "/a/%2e%2e//evil.example", "/a/%2e.//evil.example", "/.%2e//evil.example",
	"/%2f/evil.example", "/%2F/evil.example", "/%2f%2fevil.example", "/%2fevil.example", "/%2Fevil.example/%2f..", "/.%2f/evil.example", "/..%2f%2fevil.example", "/a%2f..%2f%2fevil.example", "/a/..%2f%2fevil.example",
	"/%5cevil.example", "/%5Cevil.example", "/%5c%5cevil.example", "/.%5c%5cevil.example", "/.%5c/evil.example", "/a/..%5c%5cevil.example", "/%2f%5cevil.example", "/%5c/evil.example",
	"/\tevil.example", "/\t/evil.example", "\t/page", "\t//evil.example", "/\n/evil.example", "/\r/evil.example", "\n//evil.example", "\r\n//evil.example", "/page\n", "/page\r\nSet-Cookie: a=b", "/page\x00", "/\x00/evil.example", "/\x7f", "/\x1f/evil.example", "/\x0b/evil.example", "/\x0c/evil.example", "/page?a=\tb", "/page#\n", "/page?\x00",
	" /page", "  //evil.example", " \\\\evil.example", "\u00a0//evil.example", "\ufeff//evil.example", "\u3000//evil.example",
	"http://evil.example", "https://evil.example/", "HTTPS://evil.example", "http:evil.example", "https:/evil.example", "https:///evil.example", `https:\\evil.example`, "http:////evil.example", "ht\ntps://evil.example", "\x01https://evil.example", "://evil.example", "http://site.example@evil.example/", "https://site.example.evil.example/", "ftp://evil.example/", "mailto:a@evil.example", "tel:123", "file:///etc/passwd", "about:blank", "blob:https://evil.example/x",
	"javascript:alert(1)", "JavaScript:alert(1)", "java\tscript:alert(1)", " javascript:alert(1)", "javascript://site.example/%0aalert(1)", "data:text/html,<script>alert(1)</script>", "vbscript:x", "view-source:https://evil.example",
	"/%", "/%z", "/%zz/a", "/a%2", "/%%2f", "/perimeter/gateway", "/perimeter/gateway?next=/page", "/perimeter/leave", "/perimeter/leave?x", "/perimeter/gateway#top", "/perimeter/leave#top",
}

func TestNext(t *testing.T) {
	t.Parallel()
	s := newSite(t, ginperimeter.Config{}, nil)
	token, _ := newToken(t, s.db, models.NewAccessToken{})
	c := s.client()
	c.enter(token, "").want(t, http.StatusSeeOther, "/")
	if n := len(goodTargets) + len(rawTargets) + len(badTargets); n < 200 {
		t.Errorf("only %d values", n)
	}
	ask := func(next string) string {
		a := c.post(gatewayPath+"?next="+url.QueryEscape(next), person(token))
		if a.StatusCode != http.StatusSeeOther {
			t.Errorf("next=%q: %d", next, a.StatusCode)
		}
		locations := a.Header.Values("Location")
		if len(locations) != 1 {
			t.Fatalf("next=%q: locations %q", next, locations)
		}
		if !staysHere(locations[0]) {
			t.Errorf("next=%q leaves the site by %q", next, locations[0])
		}
		return locations[0]
	}
	for _, next := range goodTargets {
		if got := ask(next); got != next {
			t.Errorf("next=%q leads to %q", next, got)
		}
	}
	for next, want := range rawTargets {
		if got := ask(next); got != want {
			t.Errorf("next=%q leads to %q, want %q", next, got, want)
		}
	}
	for _, next := range append(badTargets, "/"+strings.Repeat("a", 9000), "/"+strings.Repeat("/", 9000), strings.Repeat("/a", 100_000)) {
		if got := ask(next); got != "/" {
			t.Errorf("next=%.80q leads to %.80q, want /", next, got)
		}
	}
}

// TestNextAsItStandsInTheQuery sends the parameter with other escapes, twice,
// or not at all.
func TestNextAsItStandsInTheQuery(t *testing.T) {
	t.Parallel()
	s := newSite(t, ginperimeter.Config{}, nil)
	token, _ := newToken(t, s.db, models.NewAccessToken{})
	c := s.client()
	c.enter(token, "").want(t, http.StatusSeeOther, "/")
	for query, want := range map[string]string{
		"": "/", "?": "/", "?next": "/", "?next=": "/", "?next=/page": "/page", "?next=/page?a=1": "/page?a=1", "?next=/page&a=1": "/page",
		"?next=/one&next=//evil.example": "/one", "?next=//evil.example&next=/two": "/", "?NEXT=/page": "/", "?a=%zz&next=/page": "/page",
		"?next=%2F%2Fevil.example": "/", "?next=%252F%252Fevil.example": "/", "?next=/%2509/evil.example": "/", "?next=%5C%5Cevil.example": "/",
		"?next=/+evil.example": "/%20evil.example", "?next=/%": "/", "?other=/page": "/",
	} {
		c.post(gatewayPath+query, person(token)).want(t, http.StatusSeeOther, want)
	}
}

// TestWhatAStrangerAskedForComesBack goes the whole way: the refusal's address,
// the form's, and where entering leads.
func TestWhatAStrangerAskedForComesBack(t *testing.T) {
	t.Parallel()
	s := newSite(t, ginperimeter.Config{}, nil)
	token, _ := newToken(t, s.db, models.NewAccessToken{})
	inside := s.client()
	inside.enter(token, "").want(t, http.StatusSeeOther, "/")
	for target, want := range map[string]string{
		"/page?a=1&b=%20x": "", "/a%2Fb?": "", "/%E2%82%AC?q=%C3%A9+%26": "", "/page?a=b;c": "", "/a;b/c,d": "", "/page?x=%zz": "", "/a%20b": "",
		"/page?next=https://evil.example/": "", "/a/../b": "", "//evil.example/x": "/", "/%5cevil.example": "/", "/%2f/evil.example": "/", "/.//evil.example": "/",
		"/a|b%2Fc": "", "/a%41|b?c=|": "", "/a^b`c{d}": "", `/a"<b>`: "", "/docs/a%5Cb": "", "/ü%2Fx": "/%C3%BC%2Fx",
	} {
		if want == "" {
			want = target
		}
		r, err := http.NewRequest("GET", s.server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.URL.Opaque = target; strings.HasPrefix(target, "//") { // else sent as it is
			r.URL.Opaque, r.URL.Path = "", target
		}
		r.Header.Set("Sec-Fetch-Mode", "navigate")
		refused := s.client().send(r)
		location := refused.Header.Get("Location")
		if refused.StatusCode != http.StatusFound || !strings.HasPrefix(location, gatewayPath+"?next=") {
			t.Errorf("%q: %d to %q", target, refused.StatusCode, location)
			continue
		}
		inside.post(location, person(token)).want(t, http.StatusSeeOther, want)
	}
}

func TestNextBelowAPrefix(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	token, _ := newToken(t, db, models.NewAccessToken{})
	gate, err := ginperimeter.New(ginperimeter.Config{DB: db, BaseURL: "https://example.com/preview/", Logger: (&logbook{}).logger()})
	if err != nil {
		t.Fatal(err)
	}
	r := gin.New()
	r.Use(sessions.Sessions("site", cookieStore()), gate.Middleware())
	r.GET("/page", func(c *gin.Context) { c.String(200, "page") })
	c := newClient(t, listen(t, http.StripPrefix("/preview", r)))
	c.get("/preview/page?a=1").want(t, http.StatusFound, "/preview/perimeter/gateway?next=%2Fpreview%2Fpage%3Fa%3D1")
	c.get("/preview/perimeter/gateway?next=%2Fpreview%2Fpage").wantText(t, `action="/preview/perimeter/gateway?next=%2Fpreview%2Fpage"`)
	a := c.do("GET", "/preview/page", nil, map[string]string{"Accept": "*/*"})
	if a.StatusCode != 401 || !strings.Contains(a.body, `"gateway":"/preview/perimeter/gateway"`) {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	form := c.do("POST", "/preview/page", nil, map[string]string{"Sec-Fetch-Mode": "navigate", "Referer": c.base + "/preview/page"})
	form.wantText(t, `href="/preview/perimeter/gateway?next=%2Fpreview%2Fpage"`)
	const gateway = "/preview/perimeter/gateway"
	c.post(gateway+"?next=%2Fpreview%2Fpage%3Fa%3D1", person(token)).want(t, http.StatusSeeOther, "/preview/page?a=1")
	c.get("/preview/page").want(t, http.StatusOK, "")
	c.post(gateway, person(token)).want(t, http.StatusSeeOther, "/preview/")
	c.post(gateway+"?next=%2Fpreview%2Fperimeter%2Fgateway", person(token)).want(t, http.StatusSeeOther, "/preview/")
	c.post(gateway+"?next=//evil.example", person(token)).want(t, http.StatusSeeOther, "/preview/")
	c.post("/preview/perimeter/leave", nil).want(t, http.StatusSeeOther, gateway)
	c.get("/preview/page").want(t, http.StatusFound, "/preview/perimeter/gateway?next=%2Fpreview%2Fpage")
}

// FuzzNext sends any text as next to a gate that is switched off, which goes on
// to it at once: it must stay on the site, and what is fine stays as it is.
func FuzzNext(f *testing.F) {
	for _, list := range [][]string{goodTargets, badTargets} {
		for _, next := range list {
			f.Add(next)
		}
	}
	for next := range rawTargets {
		f.Add(next)
	}
	gate, err := ginperimeter.New(ginperimeter.Config{DB: newDB(f), InsecureDisabled: true, Logger: (&logbook{}).logger()})
	if err != nil {
		f.Fatal(err)
	}
	r := gin.New()
	r.Use(gate.Middleware())
	f.Fuzz(func(t *testing.T, next string) {
		a := serve(t, r, "GET", gatewayPath+"?next="+url.QueryEscape(next), nil)
		location := a.Header.Get("Location")
		if a.StatusCode != http.StatusFound || !staysHere(location) {
			t.Errorf("next=%q: %d to %q", next, a.StatusCode, location)
		}
		for _, b := range []byte(location) {
			if b <= ' ' || b >= 0x7f {
				t.Errorf("next=%q: the byte %#x in %q", next, b, location)
			}
		}
		if location != "/" && strings.Trim(next, " ") == next && location != next && isASCII(next) {
			t.Errorf("next=%q changed to %q", next, location)
		}
	})
}

func isASCII(s string) bool {
	for _, b := range []byte(s) {
		if b <= ' ' || b >= 0x7f {
			return false
		}
	}
	return true
}
