//go:build unix

package production_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"
)

const gateway = "/perimeter/gateway"

// browser is a visitor's: it keeps cookies, which hold for all ports of a
// host, and follows no redirect by itself.
type browser struct {
	t    testing.TB
	http *http.Client
}

func newBrowser(t testing.TB) *browser {
	t.Helper()
	jar := must[*cookiejar.Jar](t)(cookiejar.New(nil))
	return &browser{t: t, http: &http.Client{
		Jar: jar, Timeout: 60 * time.Second,
		Transport:     &http.Transport{MaxIdleConnsPerHost: 8, IdleConnTimeout: 10 * time.Second},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// copied is another browser with the same cookies, as a thief has them.
func (b *browser) copied(site string) *browser {
	b.t.Helper()
	other := newBrowser(b.t)
	u := must[*url.URL](b.t)(url.Parse(site))
	other.http.Jar.SetCookies(u, b.http.Jar.Cookies(u))
	return other
}

// answer is a response that was read.
type answer struct {
	status int
	header http.Header
	body   string
	took   time.Duration
}

func (b *browser) try(method, target string, form url.Values, header ...string) (answer, error) {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	request, err := http.NewRequest(method, target, body)
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Accept", "text/html")
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	began := time.Now()
	response, err := b.http.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, string(text), time.Since(began)}, err
}

func (b *browser) do(method, target string, form url.Values, header ...string) answer {
	b.t.Helper()
	return must[answer](b.t)(b.try(method, target, form, header...))
}

func (b *browser) get(target string, header ...string) answer {
	b.t.Helper()
	return b.do(http.MethodGet, target, nil, header...)
}

// enter opens the form and sends it.
func (b *browser) enter(site, token string, header ...string) answer {
	b.t.Helper()
	b.get(site + gateway)
	return b.do(http.MethodPost, site+gateway, person(token), header...)
}

// inside is a browser that came in.
func inside(t testing.TB, site, token string) *browser {
	t.Helper()
	b := newBrowser(t)
	b.enter(site, token).want(t, http.StatusSeeOther, "entering")
	return b
}

// post is what a client sends that has not seen the form before.
func post(token string) url.Values {
	form := person(token)
	form.Del("probe")
	return form
}

func person(token string) url.Values {
	return url.Values{"token": {token}, "name": {"Ada Lovelace"}, "email": {"ada@example.com"}, "probe": {"1"}}
}

func (a answer) want(t testing.TB, status int, what string) answer {
	t.Helper()
	if a.status != status {
		t.Fatalf("%s: %d, want %d; to %q; %.300q", what, a.status, status, a.header.Get("Location"), a.body)
	}
	return a
}

// wantKept wants the form back with what the visitor typed.
func (a answer) wantKept(t testing.TB, token string) {
	t.Helper()
	for _, typed := range []string{token, "Ada Lovelace", "ada@example.com"} {
		if !strings.Contains(a.body, `value="`+typed+`"`) {
			t.Errorf("the form has lost what was typed: no %q in %.600q", typed, a.body)
		}
	}
}
