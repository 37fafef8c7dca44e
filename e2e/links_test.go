package e2e

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestLinksThatDoNotOpen reads what a page and the gateway say about a link.
func TestLinksThatDoNotOpen(t *testing.T) {
	t.Parallel()
	site := startDemo(t)
	shop := startHost(t, nil)
	demoLink := func(ago time.Duration) string { return linkMade(t, site.key, site.origin, "/report/", ago) }
	openLink := func(ago time.Duration) string { return linkMade(t, shop.key, shop.origin, "/open/report/", ago) }
	for _, c := range []struct {
		name, atGate, atPage string
		status               int64
		spoil                func(string) string
		ago                  time.Duration
	}{
		{"expired", "The link that brought you here has expired", "This link has expired", 410, nil, 3 * time.Hour},
		{"cut off by a mail program", "The link that brought you here is damaged", "This link is damaged", 403, func(s string) string { return s[:len(s)-5] }, 0},
		{"cut off at the colon", "The link that brought you here is damaged", "This link is damaged", 403, func(s string) string { return s[:strings.LastIndex(s, ":")] }, 0},
		{"one letter changed", "The link that brought you here is damaged", "This link is damaged", 403, spoilEnd, 0},
		{"a parameter added", "The link that brought you here is damaged", "This link is damaged", 403, func(s string) string { return s + "&unit=kEUR" }, 0},
		{"escaped twice by a mail program", "The link that brought you here is damaged", "This link is damaged", 403, func(s string) string { return s + "&amp;utm_source=mail" }, 0},
		{"made for another page", "The link that brought you here was made for another page", "This link does not open this page", 403, func(s string) string { return strings.Replace(s, "/report/?", "/?", 1) }, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			spoil := c.spoil
			if spoil == nil {
				spoil = func(s string) string { return s }
			}
			v := newVisitor(t, site.origin, phone)
			v.isAt(v.open(spoil(demoLink(c.ago))), 200, "/perimeter/gateway")
			v.sees(c.atGate, "enter an access token")
			v.isAt(v.enter(site.token, "Lou Link", "lou@guest.example"), 200, strings.SplitN(strings.TrimPrefix(spoil(demoLink(c.ago)), site.origin), "?", 2)[0])
			v.isQuiet()

			if c.name == "made for another page" {
				return // no page beside the report asks for a permission
			}
			v = newVisitor(t, shop.origin, phone)
			answer := v.open(spoil(openLink(c.ago)))
			v.isAt(answer, c.status, "/open/report/")
			if got := v.heading(); got != c.atPage {
				t.Errorf("the page says %q, want %q", got, c.atPage)
			}
			v.sees("new link")
			v.seesNot("signature", "permission", "token", "invalid", "viewpass", "403", "410")
			if got := header(answer, "Cache-Control"); got != "no-store" {
				t.Errorf("Cache-Control is %q", got)
			}
			v.isQuiet()
		})
	}
}

// spoilEnd changes one character in the middle of the signature.
func spoilEnd(link string) string {
	i := len(link) - 8
	changed := byte('A')
	if link[i] == 'A' {
		changed = 'B'
	}
	return link[:i] + string(changed) + link[i+1:]
}

// TestLinksAreNotPassedOn clicks from a page that a link opened to another
// site, which must not learn the link.
func TestLinksAreNotPassedOn(t *testing.T) {
	t.Parallel()
	elsewhere := &remembering{}
	other := httptest.NewServer(elsewhere)
	t.Cleanup(other.Close)
	shop := startHost(t, nil)
	shop.other = strings.Replace(other.URL, "127.0.0.1", "localhost", 1)

	for _, path := range []string{"/report/", "/open/report/"} {
		v := newVisitor(t, shop.origin, phone)
		answer := v.open(linkMade(t, shop.key, shop.origin, path, 0))
		v.isAt(answer, 200, path)
		isOpenedByLink(t, answer)
		v.press("Elsewhere")
		v.sees("You came")
		if got := elsewhere.last(); got != "" {
			t.Errorf("from %s the other site was told Referer %q", path, got)
		}
	}
	// the same click from a page that was opened without a link tells: the test can fail
	v := newVisitor(t, shop.origin, phone)
	token, _ := shop.token("Preview")
	v.open("/")
	v.enter(token, "Lou Link", "lou@guest.example")
	v.press("Elsewhere")
	if got := elsewhere.last(); got != shop.origin+"/" {
		t.Errorf("an ordinary page tells Referer %q, want its origin", got)
	}
}

// remembering is a site that notes who sent its visitors.
type remembering struct {
	mu      sync.Mutex
	referer string
}

func (r *remembering) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	if request.URL.Path == "/elsewhere" {
		r.mu.Lock()
		r.referer = request.Referer()
		r.mu.Unlock()
	}
	w.Header().Set("Content-Type", "text/html")
	_, _ = w.Write([]byte("<title>Elsewhere</title><h1>You came</h1>"))
}

func (r *remembering) last() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.referer
}
