package ginviewpass_test

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/gin-perimeter/gin-perimeter/ginviewpass"
)

// FuzzSignVerify signs whatever it is given. What URL accepts must hold, for
// Verify, for the model, and for a request over HTTP; and it must end.
func FuzzSignVerify(f *testing.F) {
	links := newLinks(f, ginviewpass.Config{BaseURL: "https://www.example.com"})
	f.Add("/report/", permission, uint32(3600))
	f.Add("/b\u00fccher/a b+c?x=1&x=2&utm_source=y", "p", uint32(0))
	f.Fuzz(func(t *testing.T, target, permission string, seconds uint32) {
		option, end := ginviewpass.ExpiresIn(time.Duration(seconds)*time.Second), time.Time{}
		if seconds == 0 {
			option = ginviewpass.NeverExpires()
		} else {
			end = noon.Add(time.Duration(seconds) * time.Second)
		}
		link, err := links.URL(target, permission, option)
		if err != nil {
			if link != "" {
				t.Fatalf("a link came with %v: %q", err, link)
			}
			return
		}
		grant, err := links.Verify(link, noon)
		if err != nil || grant.Permission != permission || !grant.ExpiresAt.Equal(end) {
			t.Fatalf("link %q: grant %+v, error %v", link, grant, err)
		}
		if err := (model{testKey(1)}).verify(link, noon); err != nil {
			t.Fatalf("link %q: the model says %v", link, err)
		}
		if !opens(links, http.MethodGet, link) {
			t.Fatalf("link %q does not open its page", link)
		}
		if opens(links, http.MethodPost, link) {
			t.Fatalf("link %q opens its page by POST", link)
		}
		if _, err := links.Verify(link, noon.Add(1<<32*time.Second)); seconds != 0 && !errors.Is(err, ginviewpass.ErrExpired) {
			t.Fatalf("link %q after its end: %v", link, err)
		}
		for i := range len(link) {
			if link[i] <= ' ' || link[i] > '~' || strings.IndexByte("\"<>\\^`{|}", link[i]) >= 0 {
				t.Fatalf("link %q has a byte that no URL has: %q", link, link[i])
			}
		}
	})
}

// opens sends a request as a client on the network does, and tells whether
// the handler of the page saw the grant.
func opens(links *ginviewpass.Links, method, link string) bool {
	u, err := url.ParseRequestURI(link)
	if err != nil {
		return false
	}
	r := httptest.NewRequest(method, "/", nil)
	r.URL = u
	granted := false
	engine := newEngine()
	engine.Use(links.Middleware())
	engine.NoRoute(func(c *gin.Context) { granted = links.Granted(c) })
	engine.ServeHTTP(httptest.NewRecorder(), r)
	return granted
}

// FuzzVerify reads whatever a stranger sends. It must not panic, and must say
// what the model says.
func FuzzVerify(f *testing.F) {
	links := newLinks(f, ginviewpass.Config{})
	for _, page := range []string{"/report/", "/a%2Fb?x=1&y=2", "/"} {
		f.Add(mustURL(f, links, page, permission), uint32(0))
	}
	f.Fuzz(func(t *testing.T, target string, seconds uint32) {
		if !strings.HasPrefix(target, "/") {
			target = "/" + target // the model knows no absolute URLs
		}
		now := noon.Add(time.Duration(seconds) * time.Second)
		_, err := links.Verify(target, now)
		want := model{testKey(1)}.verify(target, now)
		if !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Fatalf("Verify(%q) = %v; the model says %v", target, err, want)
		}
		if opens(links, http.MethodGet, target) {
			// the request's clock stands at noon
			if err := (model{testKey(1)}).verify(requestTarget(target), noon); err != nil {
				t.Fatalf("%q is granted; the model says %v", target, err)
			}
		}
	})
}

// requestTarget is the target as net/url reads it.
func requestTarget(target string) string {
	u, err := url.ParseRequestURI(target)
	if err != nil {
		return ""
	}
	return u.EscapedPath() + "?" + u.RawQuery
}

// FuzzAbsolute reads addresses with all that may stand before a path. It must
// not panic.
func FuzzAbsolute(f *testing.F) {
	links := newLinks(f, ginviewpass.Config{BaseURL: "https://www.example.com/app"})
	f.Add("https://www.example.com" + mustURL(f, links, "/report/", permission))
	f.Fuzz(func(t *testing.T, link string) {
		grant, err := links.Verify(link, noon)
		if err == nil && grant.Permission == "" {
			t.Fatalf("%q holds and grants nothing", link)
		}
	})
}

// FuzzRespell writes a link in another way that means the same: it must hold.
func FuzzRespell(f *testing.F) {
	links := newLinks(f, ginviewpass.Config{})
	f.Add("/report/a~b?x=1&y=2&x=3", uint64(1))
	f.Add("/b%C3%BCcher/a%2Fb?q=a+b%20c%26", uint64(2))
	f.Fuzz(func(t *testing.T, target string, seed uint64) {
		link, err := links.URL(target, permission)
		if err != nil {
			return
		}
		other := respell(rand.New(rand.NewPCG(seed, 0)), link)
		if len(other)-strings.IndexByte(other, '?') > 16<<10 {
			return
		}
		if _, err := links.Verify(other, noon); err != nil {
			t.Fatalf("%q, respelt as %q: %v", link, other, err)
		}
	})
}

// respell moves parameters past parameters of other names, escapes what needs
// no escape, and adds what is ignored.
func respell(random *rand.Rand, link string) string {
	path, query, _ := strings.Cut(link, "?")
	pairs := strings.Split(query, "&")
	for range len(pairs) {
		i := random.IntN(len(pairs))
		if j := i + 1; j < len(pairs) && nameOf(pairs[i]) != nameOf(pairs[j]) {
			pairs[i], pairs[j] = pairs[j], pairs[i]
		}
	}
	for i, pair := range pairs {
		if name, value, ok := strings.Cut(pair, "="); ok && name != "viewpass" {
			pairs[i] = escapeMore(random, name) + "=" + escapeMore(random, value)
		}
	}
	pairs = append(pairs, "utm_medium=%C3%BC", "gclid=")
	return escapeMore(random, path) + "?" + strings.Join(pairs, "&")
}

func nameOf(pair string) string {
	name, _, _ := strings.Cut(pair, "=")
	name, err := url.QueryUnescape(name)
	if err != nil {
		return pair
	}
	return name
}

// escapeMore escapes some letters and digits that are not part of an escape,
// and changes the case of some escapes.
func escapeMore(random *rand.Rand, s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '%' && i+2 < len(s):
			escape := s[i : i+3]
			if random.IntN(2) == 0 {
				escape = strings.ToLower(escape)
			}
			b.WriteString(escape)
			i += 2
		case c >= 'a' && c <= 'z' && random.IntN(3) == 0:
			b.WriteString("%" + string("0123456789"[c>>4]) + string("0123456789abcdef"[c&15]))
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// FuzzRedact puts a link, damaged or not, into addresses inside addresses: its
// signature must not come out.
func FuzzRedact(f *testing.F) {
	links := newLinks(f, ginviewpass.Config{})
	f.Add("/perimeter/gateway?next=", "&b=2", uint8(1))
	f.Add("https://www.example.com/?", "", uint8(0))
	f.Add("/a?viewpass=", "%26c%3D1", uint8(3))
	token := tokenOf(f, mustURL(f, links, "/report/", permission))
	f.Fuzz(func(t *testing.T, before, after string, depth uint8) {
		address := "/report/?a=1&viewpass=" + token
		for range depth % 5 {
			address = url.QueryEscape(address)
		}
		_, tail, _ := strings.Cut(token, ":")
		got := ginviewpass.Redact(before + address + after)
		if strings.Contains(got, tail) && !strings.Contains(before+after, tail) {
			t.Fatalf("%q still shows the link: %q", before+address+after, got)
		}
		if again := ginviewpass.Redact(got); len(again) > len(got) { // it may find more, never give back
			t.Fatalf("%q becomes %q, and that %q", before+address+after, got, again)
		}
	})
}
