package admin_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gin-perimeter/gin-perimeter/admin"
	"github.com/gin-perimeter/gin-perimeter/ginviewpass"
)

func TestMakeLink(t *testing.T) {
	t.Parallel()
	s := newSite(t, withLinks(t))
	s.get("/links").says("Make a link", "reporting.view_report", "shop.preview")
	links := testLinks(t, nil)
	for name, test := range map[string]struct {
		path, expires, date string
		want                ginviewpass.Grant
	}{
		"a page":                {"/report/", "30d", "", ginviewpass.Grant{Path: "/report/"}},
		"a page with a query":   {"/report/?year=2026", "7d", "", ginviewpass.Grant{Path: "/report/", Query: "year=2026"}},
		"a whole address":       {"http://example.com/report/?a=1", "1d", "", ginviewpass.Grant{Path: "/report/", Query: "a=1"}},
		"the site itself":       {"http://example.com", "1d", "", ginviewpass.Grant{Path: "/"}},
		"a link that stays":     {"/report/", "never", "", ginviewpass.Grant{Path: "/report/"}},
		"until a date":          {"/report/", "date", "2099-05-09", ginviewpass.Grant{Path: "/report/", ExpiresAt: time.Date(2099, 5, 10, 0, 0, 0, 0, time.UTC)}},
		"a path with spaces on": {"  /report/ ", "90d", "", ginviewpass.Grant{Path: "/report/"}},
	} {
		p := s.post("/links", form("path", test.path, "permission", "shop.preview", "expires", test.expires, "date", test.date)).is(http.StatusOK)
		p.says("The link is ready")
		link := innerText(p.find("code", "class", "token small")[0])
		if !strings.HasPrefix(link, "http://example.com/") {
			t.Errorf("%s: the link %q is not absolute", name, link)
		}
		got, err := links.Verify(link, time.Now())
		if err != nil || got.Permission != "shop.preview" || got.Path != test.want.Path || got.Query != test.want.Query {
			t.Errorf("%s: the link grants %+v, %v", name, got, err)
		}
		if test.expires == "never" != got.ExpiresAt.IsZero() {
			t.Errorf("%s: expires at %v", name, got.ExpiresAt)
		}
		if !test.want.ExpiresAt.IsZero() && !got.ExpiresAt.Equal(test.want.ExpiresAt) {
			t.Errorf("%s: expires at %v, want %v", name, got.ExpiresAt, test.want.ExpiresAt)
		}
		if strings.Contains(s.log.String(), "viewpass=") {
			t.Errorf("%s: the log has the link", name)
		}
	}
}

func TestMakeLinkMistakes(t *testing.T) {
	t.Parallel()
	s := newSite(t, withLinks(t))
	for name, test := range map[string]struct{ path, permission, expires, want string }{
		"no path":              {"", "shop.preview", "7d", "not a page of this site"},
		"another site":         {"https://evil.example/report/", "shop.preview", "7d", "not a page of this site"},
		"a lookalike":          {"http://example.com.evil.example/", "shop.preview", "7d", "not a page of this site"},
		"dot segments":         {"/a/../report/", "shop.preview", "7d", "not a page of this site"},
		"without a slash":      {"report/", "shop.preview", "7d", "not a page of this site"},
		"two slashes":          {"//evil.example/", "shop.preview", "7d", "not a page of this site"},
		"another permission":   {"/report/", "admin.everything", "7d", "Choose one of these permissions"},
		"no permission":        {"/report/", "", "7d", "Choose one of these permissions"},
		"an odd time":          {"/report/", "shop.preview", "5000y", "Choose how long"},
		"a page with a link":   {"/report/?viewpass=x:y", "shop.preview", "7d", "not a page of this site"},
		"a page with fragment": {"/report/#top", "shop.preview", "7d", "not a page of this site"},
	} {
		p := s.post("/links", form("path", test.path, "permission", test.permission, "expires", test.expires)).is(http.StatusUnprocessableEntity).says(test.want)
		p.saysNot("The link is ready")
		if got := p.value("path"); got != test.path {
			t.Errorf("%s: the field holds %q", name, got)
		}
	}
}

// A limit of the site's on links is told beside the field.
func TestLinkBeyondMaxAge(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *admin.Config) {
		links, err := ginviewpass.New(ginviewpass.Config{Keys: [][]byte{[]byte("0123456789abcdef0123456789abcdef")}, MaxAge: 24 * time.Hour, BaseURL: "https://shop.example/app"})
		if err != nil {
			t.Fatal(err)
		}
		c.Links, c.Permissions = links, []string{"a"}
	})
	s.post("/links", form("path", "/report/", "permission", "a", "expires", "never")).is(http.StatusUnprocessableEntity).says("cannot live that long")
	s.post("/links", form("path", "/report/", "permission", "a", "expires", "1d")).is(http.StatusOK).says("https://shop.example/app/report/?viewpass=")
}

func TestInspectLink(t *testing.T) {
	t.Parallel()
	s := newSite(t, withLinks(t))
	sign := func(links *ginviewpass.Links, permission string, options ...ginviewpass.Option) string {
		t.Helper()
		link, err := links.URL("/report/?year=2026", permission, options...)
		if err != nil {
			t.Fatal(err)
		}
		return link
	}
	now := func(after time.Duration) func() time.Time {
		return func() time.Time { return time.Now().Add(after) }
	}
	good := sign(testLinks(t, nil), "shop.preview")
	other, err := ginviewpass.New(ginviewpass.Config{Keys: [][]byte{[]byte("fedcba9876543210fedcba9876543210")}})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		link  string
		says  []string
		known bool
	}{
		"a good one":               {" https://shop.example" + good + "\n", []string{"would open its page now.", "/report/?year=2026", "shop.preview", "in 30 days"}, true},
		"one that never expires":   {sign(testLinks(t, nil), "shop.preview", ginviewpass.NeverExpires()), []string{"would open", "Expires Never"}, true},
		"of another permission":    {sign(testLinks(t, nil), "secret.thing"), []string{"This link is authentic", "not one that is given away here"}, true},
		"an expired one":           {sign(testLinks(t, now(-31*24*time.Hour)), "shop.preview"), []string{"would not open", "It expired on", "24 hours ago"}, true},
		"one from the future":      {sign(testLinks(t, now(time.Hour)), "shop.preview"), []string{"would not open", "clocks"}, true},
		"for another page":         {strings.Replace(good, "/report/", "/other/", 1), []string{"would not open", "another page"}, true},
		"with a changed query":     {strings.Replace(good, "2026", "2027", 1), []string{"would not open", "was changed"}, false},
		"signed by another site":   {sign(other, "shop.preview"), []string{"would not open", "no longer uses"}, false},
		"cut off":                  {good[:len(good)-5], []string{"would not open", "damaged"}, false},
		"no link at all":           {"/report/", []string{"would not open", "no viewpass in it"}, false},
		"words, with tags in":      {"<b>hello</b>", []string{"would not open"}, false},
		"an ampersand, as in HTML": {strings.Replace(good, "&", "&amp;", 1), []string{"would not open"}, false},
	} {
		p := s.post("/links/inspect", form("link", test.link)).is(http.StatusOK).says(test.says...)
		if known := len(p.find("dl", "class", "facts")) > 0; known != test.known {
			t.Errorf("%s: shows what it grants: %v, want %v", name, known, test.known)
		}
		if got := p.value("link"); got != strings.TrimSpace(test.link) {
			t.Errorf("%s: the field holds %q", name, got)
		}
	}
	s.post("/links/inspect", form("link", " ")).is(http.StatusUnprocessableEntity).says("Paste a link first")
	s.post("/links/inspect", form("link", strings.Repeat("x", 9000))).is(http.StatusUnprocessableEntity).says("far longer than any link")
}
