//go:build unix

package production_test

import (
	"context"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/gin-perimeter/gin-perimeter/internal/dbtest"
	"github.com/gin-perimeter/gin-perimeter/models"
)

// addresses are those of all uses, the first one first.
func addresses(t testing.TB, db *gorm.DB) string {
	t.Helper()
	var found []string
	if err := db.Model(&models.AccessTokenUse{}).Order("id").Pluck("ip", &found).Error; err != nil {
		t.Fatal(err)
	}
	return strings.Join(found, " ")
}

// reverseProxy is in front of a site and takes a prefix off.
func reverseProxy(t testing.TB, site, strip string) *httputil.ReverseProxy {
	t.Helper()
	target := must[*url.URL](t)(url.Parse(site))
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"] // appended to, as nginx does
		r.SetXForwarded()
		r.SetURL(target)
		r.Out.Host = r.In.Host
		r.Out.URL.Path = strings.TrimPrefix(r.In.URL.Path, strip)
		r.Out.URL.RawPath = strings.TrimPrefix(r.In.URL.RawPath, strip)
	}}
}

func TestForgedAddresses(t *testing.T) {
	t.Run("nobody is trusted: the header counts for nothing", func(t *testing.T) {
		t.Parallel()
		d, db := newDatabase(t, "sqlite")
		i := start(t, "-database", d.DSN)
		newBrowser(t).enter(i.url, i.token, "X-Forwarded-For", "203.0.113.9").want(t, http.StatusSeeOther, "entering")
		if got := addresses(t, db); got != "127.0.0.1" {
			t.Errorf("recorded %q, want 127.0.0.1", got)
		}
		for n := range 10 {
			guess(t, i.url, n).want(t, http.StatusUnprocessableEntity, "guessing")
		}
		guess(t, i.url, 10).want(t, http.StatusTooManyRequests, "the 11th guess, from yet another forged address")
		i.log.want(t, "perimeter.forgeable_addresses", "", 0)
	})
	t.Run("a trusted proxy: what a client puts in front of it counts for nothing", func(t *testing.T) {
		t.Parallel()
		d, db := newDatabase(t, "sqlite")
		i := start(t, "-database", d.DSN, "-trusted-proxies", "127.0.0.1,::1")
		proxy := httptest.NewServer(reverseProxy(t, i.url, ""))
		t.Cleanup(proxy.Close)
		direct := newBrowser(t) // as the trusted proxy sends it
		direct.enter(i.url, i.token, "X-Forwarded-For", "203.0.113.9").want(t, http.StatusSeeOther, "entering")
		forging := newBrowser(t)
		forging.enter(i.url, i.token, "X-Forwarded-For", "192.0.2.66, 203.0.113.9").want(t, http.StatusSeeOther, "entering")
		newBrowser(t).enter(proxy.URL, i.token).want(t, http.StatusSeeOther, "entering through the proxy")
		if got := addresses(t, db); got != "203.0.113.9 203.0.113.9 127.0.0.1" {
			t.Errorf("recorded %q", got)
		}
	})
	t.Run("whoever trusts all is warned at start", func(t *testing.T) {
		t.Parallel()
		db := newSQLite(t)
		trusting := newHost(t, ginperimeter.Config{DB: db}, func(r *gin.Engine) http.Handler { return r })
		newBrowser(t).get(trusting.url + gateway)
		newBrowser(t).get(trusting.url + gateway)
		trusting.log.want(t, "perimeter.forgeable_addresses", "r.SetTrustedProxies(nil)", 1)
	})
}

func newSQLite(t testing.TB) *gorm.DB {
	t.Helper()
	return dbtest.Open(t)
}

// guess tries a wrong token from an address that it makes up.
func guess(t testing.TB, site string, n int) answer {
	t.Helper()
	return newBrowser(t).do(http.MethodPost, site+gateway, post("a-wrong-guess-of-a-token"),
		"X-Forwarded-For", "198.51.100."+string(rune('0'+n%10)), "X-Real-Ip", "198.51.100.77", "Forwarded", "for=198.51.100.78")
}

func TestProtectWarnsAtStart(t *testing.T) {
	log := &logBuffer{}
	for _, test := range []struct {
		name  string
		setUp func(*gin.Engine) error
		want  int
	}{
		{"Gin's default", func(*gin.Engine) error { return nil }, 1},
		{"no proxies", func(r *gin.Engine) error { return r.SetTrustedProxies(nil) }, 0},
		{"named proxies", func(r *gin.Engine) error { return r.SetTrustedProxies([]string{"10.0.0.0/8"}) }, 0},
		{"a platform", func(r *gin.Engine) error { r.TrustedPlatform = "X-Real-IP"; return nil }, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			*log = logBuffer{}
			gate := must[*ginperimeter.Gate](t)(ginperimeter.New(ginperimeter.Config{DB: newSQLite(t), Logger: textLogger(log)}))
			r := gin.New()
			if err := test.setUp(r); err != nil {
				t.Fatal(err)
			}
			gate.Protect(r)
			log.want(t, "perimeter.forgeable_addresses", "", test.want)
		})
	}
}

// Between proxy and site is a Unix socket, which has no addresses: the proxy
// tells them.
func TestUnixSocket(t *testing.T) {
	for _, test := range []struct {
		name, header, recorded string
		trustAll               bool
		event                  string
	}{
		{name: "the proxy adds to X-Forwarded-For", header: "X-Forwarded-For", recorded: "203.0.113.5"},
		{name: "the proxy sets X-Real-IP", header: "X-Real-IP", recorded: "203.0.113.5"},
		{name: "the proxy tells nothing", event: "perimeter.unknown_addresses"},
		{name: "all are trusted", header: "X-Forwarded-For", trustAll: true, recorded: "192.0.2.66", event: "perimeter.forgeable_addresses"},
	} {
		t.Run(test.name, func(t *testing.T) {
			db := newSQLite(t)
			socket := filepath.Join(t.TempDir(), "site.sock")
			listener := must[net.Listener](t)(net.Listen("unix", socket))
			h := newHost(t, ginperimeter.Config{DB: db}, func(r *gin.Engine) http.Handler {
				if !test.trustAll {
					_ = r.SetTrustedProxies(nil)
				}
				server := &http.Server{Handler: r}
				go server.Serve(listener)
				t.Cleanup(func() { server.Close() })
				return r
			})
			proxy := httptest.NewServer(&httputil.ReverseProxy{
				Rewrite: func(r *httputil.ProxyRequest) {
					r.Out.URL.Scheme, r.Out.URL.Host = "http", "site"
					r.Out.Host = r.In.Host
					switch test.header {
					case "X-Forwarded-For":
						r.Out.Header.Set(test.header, "192.0.2.66, 203.0.113.5") // the first is the client's own
					case "X-Real-IP":
						r.Out.Header.Set(test.header, "203.0.113.5")
					}
				},
				Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
					return (&net.Dialer{}).DialContext(ctx, "unix", socket)
				}},
			})
			t.Cleanup(proxy.Close)
			token, _ := newToken(t, db, models.NewAccessToken{})
			b := newBrowser(t)
			b.enter(proxy.URL, token).want(t, http.StatusSeeOther, "entering")
			b.get(proxy.URL+"/page").want(t, http.StatusOK, "the page")
			if got := addresses(t, db); got != test.recorded {
				t.Errorf("recorded %q, want %q", got, test.recorded)
			}
			for _, event := range []string{"perimeter.unknown_addresses", "perimeter.forgeable_addresses"} {
				want := 0
				if event == test.event {
					want = 1
				}
				h.log.want(t, event, "", want)
			}
		})
	}
}

// The site lives below a prefix, taken off by a proxy or by http.StripPrefix.
// A visitor is led through all of it as a browser is.
func TestPathPrefix(t *testing.T) {
	const prefix = "/preview"
	for _, test := range []struct {
		name  string
		serve func(t *testing.T, cfg ginperimeter.Config) *httptest.Server
	}{
		{"a proxy strips it", func(t *testing.T, cfg ginperimeter.Config) *httptest.Server {
			h := newHost(t, cfg, nil)
			return httptest.NewServer(reverseProxy(t, h.url, prefix))
		}},
		{"http.StripPrefix", func(t *testing.T, cfg ginperimeter.Config) *httptest.Server {
			var handler http.Handler
			newHost(t, cfg, func(r *gin.Engine) http.Handler {
				_ = r.SetTrustedProxies(nil)
				handler = http.StripPrefix(prefix, r)
				return handler
			})
			return httptest.NewServer(handler)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			db := newSQLite(t)
			server := test.serve(t, ginperimeter.Config{DB: db, BaseURL: "https://example.com" + prefix})
			t.Cleanup(server.Close)
			token, _ := newToken(t, db, models.NewAccessToken{})
			b := newBrowser(t)
			a := b.get(server.URL+prefix+"/page?x=1&y=%2F").want(t, http.StatusFound, "a stranger")
			wantTo(t, a, prefix+gateway+"?next="+url.QueryEscape(prefix+"/page?x=1&y=%2F"))
			form := server.URL + a.header.Get("Location")
			if page := b.get(form).want(t, http.StatusOK, "the form"); !strings.Contains(page.body, `action="`+prefix+gateway) {
				t.Errorf("the form does not lead below the prefix: %.900q", page.body)
			}
			a = b.do(http.MethodPost, form, person(token), "Origin", "https://example.com").want(t, http.StatusSeeOther, "entering")
			wantTo(t, a, prefix+"/page?x=1&y=%2F")
			b.get(server.URL+a.header.Get("Location")).want(t, http.StatusOK, "the page")
			wantTo(t, b.do(http.MethodPost, server.URL+prefix+"/perimeter/leave", nil), prefix+gateway)
			b.get(server.URL+prefix+"/page").want(t, http.StatusFound, "after leaving")
		})
	}
}

func wantTo(t testing.TB, a answer, location string) {
	t.Helper()
	if got := a.header.Get("Location"); got != location {
		t.Errorf("%d leads to %q, want %q", a.status, got, location)
	}
}

// HTTPS ends at the proxy. Cookies are Secure, forms are taken from the site's
// own address only, and links name it.
func TestHTTPSEndsAtTheProxy(t *testing.T) {
	d, db := newDatabase(t, "sqlite")
	address := freeAddress(t)
	i := start(t, "-database", d.DSN, "-addr", address, "-url", "https://preview.example.com", "-trusted-proxies", "127.0.0.1")
	if !strings.HasPrefix(i.viewpass, "https://preview.example.com/report/?viewpass=") {
		t.Errorf("the link printed at start is %.60q", i.viewpass)
	}
	target := must[*url.URL](t)(url.Parse("http://" + address))
	proxy := httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetXForwarded()
		r.SetURL(target) // the Host is rewritten too
	}})
	t.Cleanup(proxy.Close)
	b := newBrowser(t)
	b.http.Transport = proxy.Client().Transport
	b.http.Jar = must[*cookiejar.Jar](t)(cookiejar.New(nil))

	b.get(proxy.URL + gateway)
	foreign := []string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}
	b.do(http.MethodPost, proxy.URL+gateway, person(i.token), foreign...).want(t, http.StatusForbidden, "a form of another site")
	a := b.do(http.MethodPost, proxy.URL+gateway, person(i.token), "Origin", "https://preview.example.com").want(t, http.StatusSeeOther, "entering")
	found := false
	for _, cookie := range a.header.Values("Set-Cookie") {
		if strings.HasPrefix(cookie, "site=") {
			found = true
			if !strings.Contains(cookie, "; Secure") || !strings.Contains(cookie, "; HttpOnly") {
				t.Errorf("the session's cookie has the attributes %q", cookie[strings.Index(cookie, ";"):])
			}
		}
	}
	if !found {
		t.Error("entering set no session cookie")
	}
	b.get(proxy.URL+"/report/").want(t, http.StatusOK, "the report over HTTPS")
	if got := addresses(t, db); got != "127.0.0.1" {
		t.Errorf("recorded %q", got)
	}
}
