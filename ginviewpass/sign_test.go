package ginviewpass_test

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gin-perimeter/gin-perimeter/ginviewpass"
)

func TestURLPrintsThePageAndTheLink(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, base, path, want string
	}{
		{"a path", "", "/report/", "/report/?viewpass="},
		{"the home page", "", "/", "/?viewpass="},
		{"a query is kept as it is", "", "/report/?b=2&a=1", "/report/?b=2&a=1&viewpass="},
		{"an empty query", "", "/report/?", "/report/?viewpass="},
		{"stray ampersands", "", "/report/?&a=1&", "/report/?a=1&viewpass="},
		{"a tracking parameter is kept", "", "/report/?utm_source=mail", "/report/?utm_source=mail&viewpass="},
		{"Unicode as it is", "", "/bücher/日本?q=ü x", "/b%C3%BCcher/%E6%97%A5%E6%9C%AC?q=%C3%BC%20x&viewpass="},
		{"needless escapes", "", "/%7euser/%41", "/~user/A?viewpass="},
		{"an escaped slash", "", "/a%2fb", "/a%2Fb?viewpass="},
		{"a quote, for the sake of HTML", "", `/a"b<c>?q="<>`, "/a%22b%3Cc%3E?q=%22%3C%3E&viewpass="},
		{"a prefix", "https://www.example.com/app", "/report/", "/app/report/?viewpass="},
		{"a prefix with a slash at its end", "https://www.example.com/app/", "/report/", "/app/report/?viewpass="},
		{"a base without a prefix", "https://www.example.com/", "/report/", "/report/?viewpass="},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			links := newLinks(t, ginviewpass.Config{BaseURL: test.base})
			link := mustURL(t, links, test.path, permission)
			if !strings.HasPrefix(link, test.want) {
				t.Errorf("link %q; want %q…", link, test.want)
			}
			if _, err := links.Verify(link, noon); err != nil {
				t.Errorf("the link does not hold: %v", err)
			}
		})
	}
}

func TestURLRefusesWhatCouldNeverVerify(t *testing.T) {
	t.Parallel()
	links := newLinks(t, ginviewpass.Config{})
	bounded := newLinks(t, ginviewpass.Config{MaxAge: 24 * time.Hour})
	for _, test := range []struct {
		name       string
		links      *ginviewpass.Links
		path       string
		permission string
		options    []ginviewpass.Option
		want       error
	}{
		{"an empty path", links, "", permission, nil, ginviewpass.ErrTarget},
		{"a relative path", links, "report/", permission, nil, ginviewpass.ErrTarget},
		{"a query alone", links, "?a=1", permission, nil, ginviewpass.ErrTarget},
		{"another host", links, "//evil.example/report/", permission, nil, ginviewpass.ErrTarget},
		{"an absolute URL", links, "https://evil.example/report/", permission, nil, ginviewpass.ErrTarget},
		{"another host by backslash", links, `/\evil.example`, permission, nil, ginviewpass.ErrTarget},
		{"an escaped backslash", links, "/%5Cevil.example", permission, nil, ginviewpass.ErrTarget},
		{"a dot segment", links, "/a/./b", permission, nil, ginviewpass.ErrTarget},
		{"a double dot segment", links, "/a/../report/", permission, nil, ginviewpass.ErrTarget},
		{"a double dot segment at the end", links, "/report/..", permission, nil, ginviewpass.ErrTarget},
		{"an escaped dot segment", links, "/a/%2e%2E/report/", permission, nil, ginviewpass.ErrTarget},
		{"a half escaped dot segment", links, "/a/.%2e/report/", permission, nil, ginviewpass.ErrTarget},
		{"a dot segment between escaped slashes", links, "/a%2f..%2fb", permission, nil, ginviewpass.ErrTarget},
		{"an empty segment", links, "/a//b", permission, nil, ginviewpass.ErrTarget},
		{"an empty segment at the end", links, "/a//", permission, nil, ginviewpass.ErrTarget},
		{"an empty segment between escaped slashes", links, "/a%2F%2Fb", permission, nil, ginviewpass.ErrTarget},
		{"a bad escape", links, "/a%zz", permission, nil, ginviewpass.ErrTarget},
		{"a cut escape", links, "/a%2", permission, nil, ginviewpass.ErrTarget},
		{"a line break", links, "/a\nb", permission, nil, ginviewpass.ErrTarget},
		{"an escaped line break", links, "/a%0Ab", permission, nil, ginviewpass.ErrTarget},
		{"an escaped NUL", links, "/a%00b", permission, nil, ginviewpass.ErrTarget},
		{"a line break in the query", links, "/a?b=\r\n", permission, nil, ginviewpass.ErrTarget},
		{"a bad escape in the query", links, "/a?b=%zz", permission, nil, ginviewpass.ErrTarget},
		{"a semicolon in the query", links, "/a?b=1;c=2", permission, nil, ginviewpass.ErrTarget},
		{"a fragment", links, "/a#b", permission, nil, ginviewpass.ErrTarget},
		{"a link in the query", links, "/a?viewpass=x:y", permission, nil, ginviewpass.ErrTarget},
		{"a link under another spelling", links, "/a?%76iewpass=x", permission, nil, ginviewpass.ErrTarget},
		{"a path too long for a link", links, "/" + strings.Repeat("a", 2000), permission, nil, ginviewpass.ErrTarget},
		{"a query too long for a link", links, "/a?b=" + strings.Repeat("a", 16<<10), permission, nil, ginviewpass.ErrTarget},
		{"a query that the link makes too long", links, "/a?b=" + strings.Repeat("a", 16<<10-60), permission, nil, ginviewpass.ErrTarget},
		{"no permission", links, "/a", "", nil, ginviewpass.ErrPermission},
		{"a long permission", links, "/a", strings.Repeat("p", 201), nil, ginviewpass.ErrPermission},
		{"a permission of blanks", links, "/a", "  ", nil, ginviewpass.ErrPermission},
		{"a permission with a blank before", links, "/a", " view", nil, ginviewpass.ErrPermission},
		{"a permission with a line break", links, "/a", "a\nb", nil, ginviewpass.ErrPermission},
		{"a permission that is no UTF-8", links, "/a", "a\xff", nil, ginviewpass.ErrPermission},
		{"no life", links, "/a", permission, opts(ginviewpass.ExpiresIn(0)), ginviewpass.ErrLifetime},
		{"less than a second", links, "/a", permission, opts(ginviewpass.ExpiresIn(time.Millisecond)), ginviewpass.ErrLifetime},
		{"a negative life", links, "/a", permission, opts(ginviewpass.ExpiresIn(-time.Hour)), ginviewpass.ErrLifetime},
		{"an end in the past", links, "/a", permission, opts(ginviewpass.ExpiresAt(noon.Add(-time.Hour))), ginviewpass.ErrLifetime},
		{"an end now", links, "/a", permission, opts(ginviewpass.ExpiresAt(noon)), ginviewpass.ErrLifetime},
		{"an end at the zero time", links, "/a", permission, opts(ginviewpass.ExpiresAt(time.Time{})), ginviewpass.ErrLifetime},
		{"an end beyond reason", links, "/a", permission, opts(ginviewpass.ExpiresAt(noon.AddDate(200, 0, 0))), ginviewpass.ErrLifetime},
		{"two lifetimes", links, "/a", permission, opts(ginviewpass.ExpiresIn(time.Hour), ginviewpass.NeverExpires()), ginviewpass.ErrLifetime},
		{"beyond the bound", bounded, "/a", permission, opts(ginviewpass.ExpiresIn(25 * time.Hour)), ginviewpass.ErrLifetime},
		{"never, with a bound", bounded, "/a", permission, opts(ginviewpass.NeverExpires()), ginviewpass.ErrLifetime},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			link, err := test.links.URL(test.path, test.permission, test.options...)
			if !errors.Is(err, test.want) {
				t.Errorf("error %v; want %v", err, test.want)
			}
			if link != "" {
				t.Errorf("a link came with the error: %q", link)
			}
		})
	}
}

func opts(options ...ginviewpass.Option) []ginviewpass.Option { return options }

func TestURLRefusesAClockBefore1970(t *testing.T) {
	t.Parallel()
	links := newLinks(t, ginviewpass.Config{Now: at(time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC))})
	if _, err := links.URL("/a", permission); !errors.Is(err, ginviewpass.ErrLifetime) {
		t.Errorf("error %v; want ErrLifetime", err)
	}
}

func TestAbsoluteURL(t *testing.T) {
	t.Parallel()
	links := newLinks(t, ginviewpass.Config{BaseURL: "https://www.example.com:8443/app/"})
	link, err := links.AbsoluteURL("/report/?a=1", permission)
	if err != nil || !strings.HasPrefix(link, "https://www.example.com:8443/app/report/?a=1&viewpass=V") {
		t.Fatalf("link %q, error %v", link, err)
	}
	grant, err := links.Verify(link, noon)
	if err != nil || grant.Path != "/report/" || grant.Query != "a=1" {
		t.Errorf("grant %+v, error %v", grant, err)
	}
	if _, err := links.AbsoluteURL("//evil.example", permission); !errors.Is(err, ginviewpass.ErrTarget) {
		t.Errorf("error %v; want ErrTarget", err)
	}
}

func TestAbsoluteURLNeedsABaseURL(t *testing.T) {
	t.Parallel()
	link, err := newLinks(t, ginviewpass.Config{}).AbsoluteURL("/report/", permission)
	if !errors.Is(err, ginviewpass.ErrNoBaseURL) || link != "" {
		t.Errorf("link %q, error %v; want ErrNoBaseURL", link, err)
	}
}

func TestATokenIsShort(t *testing.T) {
	t.Parallel()
	token := tokenOf(t, mustURL(t, newLinks(t, ginviewpass.Config{}), "/report/", permission))
	if len(token) > 80 {
		t.Errorf("%d characters: %s", len(token), token)
	}
}

// Mail programs read "=2a" as quoted-printable, and leave a "-" or "_" at the
// end out of a link.
func TestATokenSurvivesMailPrograms(t *testing.T) {
	t.Parallel()
	shape := regexp.MustCompile(`^[G-Zg-z_-][A-Za-z0-9_-]+:[A-Za-z0-9_-]{21}[A-Za-z0-9]$`)
	for n := range 20 {
		links := newLinks(t, ginviewpass.Config{Keys: [][]byte{testKey(byte(n + 1))}, Now: at(noon.Add(time.Duration(n) * 12345 * time.Second))})
		for _, option := range opts(ginviewpass.ExpiresIn(time.Duration(n+1)*time.Minute), ginviewpass.NeverExpires()) {
			token := tokenOf(t, mustURL(t, links, "/r/"+strings.Repeat("x", n), permission, option))
			if !shape.MatchString(token) {
				t.Errorf("token %q", token)
			}
			if u, err := url.Parse("/?viewpass=" + token); err != nil || u.Query().Get("viewpass") != token {
				t.Errorf("token %q is not literal in a query", token)
			}
		}
	}
}
