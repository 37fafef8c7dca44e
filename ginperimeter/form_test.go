package ginperimeter_test

import (
	"bytes"
	"context"
	"html"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/cookie"

	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/gin-perimeter/gin-perimeter/models"
)

// fieldOf reads a field of the form as a person sees it: what stands in it and
// the message that is tied to it.
func fieldOf(a answer, id string) (value, message string) {
	input := regexp.MustCompile(`(?s)<input id="` + id + `"[^>]*>`).FindString(a.body)
	if found := regexp.MustCompile(`value="([^"]*)"`).FindStringSubmatch(input); found != nil {
		value = html.UnescapeString(found[1])
	}
	if strings.Contains(input, `aria-invalid="true"`) && strings.Contains(input, `aria-describedby="`+id+`-error"`) {
		if found := regexp.MustCompile(`id="` + id + `-error">([^<]*)<`).FindStringSubmatch(a.body); found != nil {
			message = html.UnescapeString(found[1])
		}
	}
	return value, message
}

// mistyped is a generated token with one wrong letter.
func mistyped(token string) string {
	if strings.HasSuffix(token, "X") {
		return token[:len(token)-1] + "Y"
	}
	return token[:len(token)-1] + "X"
}

// wantUnused checks that nothing was used up and nothing recorded.
func wantUnused(t testing.TB, s *site) {
	t.Helper()
	if rows := uses(t, s.db); len(rows) != 0 {
		t.Errorf("entries were recorded: %+v", rows)
	}
	tokens, err := models.ListAccessTokens(context.Background(), s.db, models.TokenFilter{}, models.Page{Size: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range tokens.Rows {
		if row.UseCount != 0 {
			t.Errorf("token %q was used %d times", row.Label, row.UseCount)
		}
	}
	if n := s.ran.Load(); n != 0 {
		t.Errorf("%d requests reached the site", n)
	}
}

// TestTokenInTheWrongPlace pastes the token into the other fields, or has a
// client call itself by it: it is stored nowhere.
func TestTokenInTheWrongPlace(t *testing.T) {
	t.Parallel()
	s := newSite(t, ginperimeter.Config{}, nil)
	generated, _ := newToken(t, s.db, models.NewAccessToken{})
	custom, _ := newToken(t, s.db, models.NewAccessToken{Token: "open sesame, please"})
	spelt := strings.ToLower(strings.ReplaceAll(generated, "-", ""))
	for _, c := range []struct{ token, name, email, field string }{
		{generated, generated, "ada@example.com", "name"},
		{generated, "Ada " + spelt, "ada@example.com", "name"},
		{spelt, "Ada (" + generated + ")", "ada@example.com", "name"},
		{" " + custom + " ", custom, "ada@example.com", "name"},
		{generated, "Ada", spelt + "@example.com", "email"},
		{generated, "Ada", generated, "email"},
	} {
		a := s.client().post(gatewayPath, url.Values{"token": {c.token}, "name": {c.name}, "email": {c.email}})
		a.want(t, http.StatusUnprocessableEntity, "")
		value, message := fieldOf(a, c.field)
		if !strings.HasPrefix(message, "This had the access token in it.") || value != "" {
			t.Errorf("%q, %q: the field %s holds %q and says %q", c.name, c.email, c.field, value, message)
		}
		if token, _ := fieldOf(a, "token"); token != c.token {
			t.Errorf("the token's own field holds %q", token)
		}
	}
	wantUnused(t, s)
	for _, agent := range []string{"Browser/" + spelt, "Browser/5.0"} {
		form := url.Values{"token": {generated}, "name": {"Ada"}, "email": {"ada@example.com"}}
		s.client().do("POST", gatewayPath, strings.NewReader(form.Encode()), map[string]string{
			"User-Agent": agent, "Content-Type": "application/x-www-form-urlencoded",
		}).want(t, http.StatusSeeOther, "/")
	}
	s.client().do("GET", "/page", nil, map[string]string{"User-Agent": "curl " + generated, "X-Perimeter-Token": generated}).want(t, http.StatusOK, "")
	var agents []string
	for _, use := range uses(t, s.db) {
		agents = append(agents, use.UserAgent)
	}
	if got := strings.Join(agents, "|"); got != "|Browser/5.0|" {
		t.Errorf("user agents, the latest first: %q", got)
	}
}

func TestFormSaysWhatIsWrongAtEachField(t *testing.T) {
	t.Parallel()
	on(t, pairs, func(t *testing.T, w where) {
		wide := ginperimeter.Limit{Count: 1000, Per: time.Minute}
		s := newSite(t, ginperimeter.Config{DB: w.db, Attempts: wide, AttemptsFromAll: wide}, w.store)
		good, _ := newToken(t, s.db, models.NewAccessToken{})
		expired, expiredID := newToken(t, s.db, models.NewAccessToken{})
		runSQL(t, s.db, "UPDATE access_tokens SET expires_at = ? WHERE id = ?", time.Date(2025, 11, 12, 10, 0, 0, 0, time.UTC), expiredID)
		off, offID := newToken(t, s.db, models.NewAccessToken{})
		runSQL(t, s.db, "UPDATE access_tokens SET deactivated_at = ? WHERE id = ?", time.Now().UTC(), offID)
		full, fullID := newToken(t, s.db, models.NewAccessToken{MaxUses: 1})
		runSQL(t, s.db, "UPDATE access_tokens SET use_count = 1 WHERE id = ?", fullID)
		const name, email = "Ada Lovelace", "ada@example.com"
		const unknown, invalid = "We don't know this token. Check it, or ask for a new one.",
			"This can't be a token: it is too long or has unusual characters. Copy the token alone."
		tests := []struct {
			name               string
			token, who, mail   string
			onToken, onWho, on string // messages
		}{
			{"nothing at all", "", "", "", "Enter your access token.", "Enter your name.", "Enter your email address."},
			{"white space only", " \t\r\n", "  ", "\t", "Enter your access token.", "Enter your name.", "Enter your email address."},
			{"an unknown token", models.GenerateToken(), name, email, unknown, "", ""},
			{"an unknown custom token", "open sesame open", name, email, unknown, "", ""},
			{"a mistyped token", mistyped(good), name, email, "That looks mistyped: tokens have six groups of four letters and digits, and no 0, 1, I, L or O.", "", ""},
			{"a token with a letter that tokens lack", "O" + good[1:], name, email, "That looks mistyped: tokens have six groups of four letters and digits, and no 0, 1, I, L or O.", "", ""},
			{"a token with NUL", "abc\x00defghijklm", name, email, invalid, "", ""},
			{"a token that is no UTF-8", "abc\xffdefghijklm", name, email, invalid, "", ""},
			{"a token of two lines", "abcdefgh\nijklmnop", name, email, invalid, "", ""},
			{"a token that is too long", strings.Repeat("x", models.MaxTokenBytes+1), name, email, invalid, "", ""},
			{"an expired token", expired, name, email, "This token expired on 12 November 2025. Ask for a new one.", "", ""},
			{"a deactivated token", off, name, email, "This token has been switched off. Ask for a new one.", "", ""},
			{"a used-up token", full, name, email, "This token has been used as often as it allows. Ask for a new one.", "", ""},
			{"no name", good, "", email, "", "Enter your name.", ""},
			{"a name of 201 letters", good, strings.Repeat("é", 201), email, "", "Use at most 200 characters.", ""},
			{"a name with NUL", good, "Ada\x00", email, "", "Your name has characters that can't be stored. Type it again.", ""},
			{"a name that is no UTF-8", good, "Ad\xc3", email, "", "Your name has characters that can't be stored. Type it again.", ""},
			{"no email address", good, name, "", "", "", "Enter your email address."},
			{"no domain", good, name, "ada", "", "", "Enter an email address like name@example.com."},
			{"a domain without a dot", good, name, "ada@localhost", "", "", "Enter an email address like name@example.com."},
			{"a name within the address", good, name, "Ada <ada@example.com>", "", "", "Enter an email address like name@example.com."},
			{"an address with NUL", good, name, "ada\x00@example.com", "", "", "Enter an email address like name@example.com."},
			{"an address that is no UTF-8", good, name, "\xffda@example.com", "", "", "Enter an email address like name@example.com."},
			{"an address that is too long", good, name, strings.Repeat("a", 250) + "@example.com", "", "", "Enter an email address like name@example.com."},
			{"everything wrong", "nope", "", "ada", unknown, "Enter your name.", "Enter an email address like name@example.com."},
			{"markup in all fields", `"><script>alert(1)</script>`, `<b>Ada</b>`, `"onfocus="x`, unknown, "", "Enter an email address like name@example.com."},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				c := s.client()
				c.get(gatewayPath + "?next=/page")
				a := c.post(gatewayPath+"?next=/page", url.Values{"token": {tt.token}, "name": {tt.who}, "email": {tt.mail}, "probe": {"1"}})
				a.want(t, http.StatusUnprocessableEntity, "")
				wantSilent(t, a)
				for _, field := range []struct{ id, typed, message string }{
					{"token", tt.token, tt.onToken}, {"name", strings.TrimSpace(tt.who), tt.onWho}, {"email", strings.TrimSpace(tt.mail), tt.on},
				} {
					value, message := fieldOf(a, field.id)
					typed := strings.ReplaceAll(strings.ToValidUTF8(field.typed, "\ufffd"), "\x00", "\ufffd")
					if value != typed || message != field.message {
						t.Errorf("%s holds %q with the message %q; want %q with %q", field.id, value, message, typed, field.message)
					}
				}
				if strings.Contains(a.body, "<script>alert") || strings.Contains(a.body, "<b>Ada") {
					t.Error("what was typed is markup in the page")
				}
				if !strings.Contains(a.body, `action="/perimeter/gateway?next=%2Fpage"`) {
					t.Error("the form lost where to go on to")
				}
			})
		}
		if row, err := models.GetAccessToken(context.Background(), s.db, fullID); err != nil || row.UseCount != 1 {
			t.Errorf("used-up token: %+v, %v", row, err)
		}
		runSQL(t, s.db, "UPDATE access_tokens SET use_count = 0 WHERE id = ?", fullID)
		wantUnused(t, s)
	})
}

func TestBadForms(t *testing.T) {
	t.Parallel()
	s := newSite(t, ginperimeter.Config{}, nil)
	token, _ := newToken(t, s.db, models.NewAccessToken{})
	var parts bytes.Buffer
	form := multipart.NewWriter(&parts)
	for key, values := range person(token) {
		if err := form.WriteField(key, values[0]); err != nil {
			t.Fatal(err)
		}
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	const urlencoded = "application/x-www-form-urlencoded"
	whole := person(token).Encode()
	megabyte := url.Values{"token": {strings.Repeat("x", 1<<20)}, "name": {"Ada"}, "email": {"ada@example.com"}}.Encode()
	long := url.Values{"token": {token}, "name": {strings.Repeat("n", 1<<20)}, "email": {"ada@example.com"}}.Encode()
	tests := []struct {
		name, contentType, body string
		want                    string
	}{
		{"a broken escape", urlencoded, whole + "&x=%zz", "did not arrive whole"},
		{"a semicolon between fields", urlencoded, strings.ReplaceAll(whole, "&", ";"), "did not arrive whole"},
		{"an empty body", urlencoded, "", "Enter your access token."},
		{"no content type", "", whole, "did not arrive whole"},
		{"a broken content type", "application/;;", whole, "did not arrive whole"},
		{"JSON", "application/json", `{"token":"` + token + `"}`, "did not arrive whole"},
		{"several parts", form.FormDataContentType(), parts.String(), "did not arrive whole"},
		{"several parts without a boundary", "multipart/form-data", parts.String(), "did not arrive whole"},
		{"a token of 1 MB", urlencoded, megabyte, "it is too long"},
		{"a name of 1 MB", urlencoded, long, "Use at most 200 characters."},
		{"3 MB", urlencoded, "token=" + strings.Repeat("x", 3<<20), "too large"},
		{"a lone surrogate", urlencoded, "token=%ED%A0%80abcdefghijkl&name=Ada&email=ada@example.com", "unusual characters"},
		{"fields that come twice count once", urlencoded, "token=&" + whole, "Enter your access token."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, s.server.URL)
			c.get(gatewayPath)
			a := c.do("POST", gatewayPath+"?next=/page", strings.NewReader(tt.body), map[string]string{"Content-Type": tt.contentType, "Sec-Fetch-Mode": "navigate"})
			a.want(t, http.StatusUnprocessableEntity, "")
			a.wantText(t, tt.want, `action="/perimeter/gateway?next=%2Fpage"`)
			if len(a.body) > 64<<10 {
				t.Errorf("the page has %d bytes", len(a.body))
			}
		})
	}
	t.Cleanup(func() { wantUnused(t, s) })
}

// TestBodyThatBreaksOff ends the connection in the middle of a form.
func TestBodyThatBreaksOff(t *testing.T) {
	t.Parallel()
	s := newSite(t, ginperimeter.Config{}, nil)
	token, _ := newToken(t, s.db, models.NewAccessToken{})
	body := person(token).Encode()
	r, err := http.NewRequest("POST", gatewayPath, &brokenReader{text: body[:len(body)-5]})
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	a := serveRequest(s.engine, r)
	a.want(t, http.StatusUnprocessableEntity, "")
	a.wantText(t, "did not arrive whole")
	wantUnused(t, s)
}

func TestGatewayTakesFewMethods(t *testing.T) {
	t.Parallel()
	s := newSite(t, ginperimeter.Config{}, nil)
	get := s.client().get(gatewayPath)
	get.want(t, http.StatusOK, "")
	wantSilent(t, get)
	wantHeader(t, get, "Content-Type", "text/html; charset=utf-8")
	head := s.client().do("HEAD", gatewayPath, nil, nil)
	head.want(t, http.StatusOK, "")
	if head.body != "" || head.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("HEAD: %q, %q", head.body, head.Header)
	}
	for _, method := range []string{"PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"} {
		a := s.client().do(method, gatewayPath, nil, nil)
		a.want(t, http.StatusMethodNotAllowed, "")
		wantHeader(t, a, "Allow", "GET, HEAD, POST")
		wantHeader(t, a, "Cache-Control", "no-store")
	}
	for _, method := range []string{"GET", "HEAD", "PUT", "DELETE"} {
		a := s.client().do(method, "/perimeter/leave", nil, nil)
		a.want(t, http.StatusMethodNotAllowed, "")
		wantHeader(t, a, "Allow", "POST")
	}
}

func TestFormFromAnotherSiteIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, ginperimeter.Config{TrustedOrigins: []string{"https://www.example.com"}, BaseURL: "https://example.com"}, nil)
	token, _ := newToken(t, s.db, models.NewAccessToken{})
	own := s.server.URL
	tests := []struct {
		name    string
		header  map[string]string
		refused bool
	}{
		{"a cross-site form", map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, true},
		{"a form of a sibling domain", map[string]string{"Sec-Fetch-Site": "same-site", "Origin": "https://other.example.com"}, true},
		{"an older browser's cross-site form", map[string]string{"Origin": "https://evil.example"}, true},
		{"no origin that may be told", map[string]string{"Origin": "null"}, true},
		{"the site's own form", map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": own}, false},
		{"an older browser's own form", map[string]string{"Origin": own}, false},
		{"the origin of BaseURL", map[string]string{"Origin": "https://example.com"}, false},
		{"a trusted origin", map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://www.example.com"}, false},
		{"a program", nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, target := range []string{gatewayPath, "/perimeter/leave"} {
				c := newClient(t, s.server.URL)
				header := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
				for key, value := range tt.header {
					header[key] = value
				}
				a := c.do("POST", target, strings.NewReader(url.Values{"token": {token}, "name": {"Ada"}, "email": {"ada@example.com"}}.Encode()), header)
				if !tt.refused {
					if a.StatusCode != http.StatusSeeOther {
						t.Errorf("%s: %d, want 303", target, a.StatusCode)
					}
					continue
				}
				a.want(t, http.StatusForbidden, "")
				a.wantText(t, "This form came from another site")
				if len(a.Header.Values("Set-Cookie")) > 0 {
					t.Errorf("%s: cookies were set", target)
				}
			}
		})
	}
}

func TestBrowserThatKeepsNoCookies(t *testing.T) {
	t.Parallel()
	on(t, pairs, func(t *testing.T, w where) {
		s := newSite(t, ginperimeter.Config{DB: w.db}, w.store)
		token, _ := newToken(t, s.db, models.NewAccessToken{MaxUses: 1})
		c := s.client()
		c.http.Jar = nil
		c.get(gatewayPath)
		a := c.post(gatewayPath+"?next=/page", person(token))
		a.want(t, http.StatusUnprocessableEntity, "")
		a.wantText(t, "Your browser did not keep this site's cookie", "Your token has not been used.")
		if value, _ := fieldOf(a, "token"); value != token {
			t.Errorf("the token field holds %q", value)
		}
		if value, _ := fieldOf(a, "name"); value != "Ada Lovelace" {
			t.Errorf("the name field holds %q", value)
		}
		wantUnused(t, s)

		// a client without the form's probe field proceeds
		form := person(token)
		form.Del("probe")
		c.post(gatewayPath+"?next=/page", form).want(t, http.StatusSeeOther, "/page")
		if rows := uses(t, s.db); len(rows) != 1 {
			t.Errorf("%d entries", len(rows))
		}
	})
}

// TestSecureCookieOverPlainHTTP is how cookies get lost most often: the default
// of the cookie store is Secure, and the browser drops it on plain http.
func TestSecureCookieOverPlainHTTP(t *testing.T) {
	t.Parallel()
	store := cookie.NewStore([]byte("a key for tests that has 32 bytes"))
	store.Options(sessions.Options{Path: "/", MaxAge: 3600, Secure: true, HttpOnly: true, SameSite: http.SameSiteNoneMode})
	s := newSite(t, ginperimeter.Config{}, store)
	token, _ := newToken(t, s.db, models.NewAccessToken{})
	c := s.client()
	address := strings.TrimPrefix(s.server.URL, "http://")
	c.base = "http://preview.example" // browsers make an exception for local hosts
	c.http.Transport = &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}}
	a := c.enter(token, "/page")
	a.want(t, http.StatusUnprocessableEntity, "")
	a.wantText(t, "Your browser did not keep this site's cookie")
	wantUnused(t, s)
}

func TestProbeHasTheSessionsAttributes(t *testing.T) {
	t.Parallel()
	store := cookieStore()
	store.Options(sessions.Options{Path: "/", Domain: "example.com", MaxAge: 3600, Secure: true, SameSite: http.SameSiteStrictMode})
	s := newSite(t, ginperimeter.Config{}, store)
	for _, c := range s.client().get(gatewayPath).Cookies() {
		if c.Name != "perimeter_probe" {
			t.Errorf("cookie %q from the form alone", c.Name)
			continue
		}
		if c.Path != "/" || c.Domain != "example.com" || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.MaxAge <= 0 {
			t.Errorf("probe %+v", c)
		}
		return
	}
	t.Error("no probe cookie")
}

func TestEnteringAgainAddsNoUse(t *testing.T) {
	t.Parallel()
	on(t, pairs, func(t *testing.T, w where) {
		s := newSite(t, ginperimeter.Config{DB: w.db}, w.store)
		once, _ := newToken(t, s.db, models.NewAccessToken{MaxUses: 1, Label: "once"})
		other, _ := newToken(t, s.db, models.NewAccessToken{Label: "other"})
		c := s.client()
		c.enter(once, "").want(t, http.StatusSeeOther, "/")
		for range 3 {
			c.enter(once, "/page").want(t, http.StatusSeeOther, "/page")
		}
		if rows := uses(t, s.db); len(rows) != 1 {
			t.Errorf("%d entries with one token, want 1", len(rows))
		}
		a := c.get(gatewayPath + "?next=/page")
		a.wantText(t, "You are inside already", `href="/page"`)
		if name, _ := fieldOf(a, "name"); name != "Ada Lovelace" {
			t.Errorf("the form does not know the visitor: %q", name)
		}
		s.client().enter(once, "").want(t, http.StatusUnprocessableEntity, "")
		c.enter(other, "").want(t, http.StatusSeeOther, "/")
		if rows := uses(t, s.db); len(rows) != 2 || rows[0].TokenLabel != "other" {
			t.Errorf("another token: %+v", rows)
		}
		c.post("/perimeter/leave", nil).want(t, http.StatusSeeOther, gatewayPath)
		c.enter(once, "").want(t, http.StatusUnprocessableEntity, "")
	})
}

func TestFormIsFilledFromTheLastTime(t *testing.T) {
	t.Parallel()
	on(t, pairs, func(t *testing.T, w where) {
		s := newSite(t, ginperimeter.Config{DB: w.db}, w.store)
		token, id := newToken(t, s.db, models.NewAccessToken{})
		c := s.client()
		c.enter(token, "").want(t, http.StatusSeeOther, "/")
		if err := models.DeactivateAccessToken(context.Background(), s.db, id); err != nil {
			t.Fatal(err)
		}
		a := c.get(gatewayPath)
		name, _ := fieldOf(a, "name")
		email, _ := fieldOf(a, "email")
		entered, _ := fieldOf(a, "token")
		if a.StatusCode != 200 || name != "Ada Lovelace" || email != "ada@example.com" || entered != "" || strings.Contains(a.body, "You are inside already") {
			t.Errorf("%d: name %q, email %q, token %q", a.StatusCode, name, email, entered)
		}
	})
}

func TestTokenIssuedToAPersonAsksForNothingMore(t *testing.T) {
	t.Parallel()
	on(t, pairs, func(t *testing.T, w where) {
		s := newSite(t, ginperimeter.Config{DB: w.db}, w.store)
		token, _ := newToken(t, s.db, models.NewAccessToken{ForName: "Grace Hopper", ForEmail: "grace@example.com"})
		c := s.client()
		c.get(gatewayPath)
		c.post(gatewayPath, url.Values{"token": {token}, "probe": {"1"}}).want(t, http.StatusSeeOther, "/")
		rows := uses(t, s.db)
		if len(rows) != 1 || rows[0].Name != "Grace Hopper" || rows[0].Email != "grace@example.com" {
			t.Errorf("entries %+v", rows)
		}
		if who := c.get("/who").body; !strings.Contains(who, "grace@example.com") {
			t.Errorf("visitor %s", who)
		}
		s.client().enter(token, "").want(t, http.StatusSeeOther, "/") // somebody else's name counts for nothing
		if rows := uses(t, s.db); len(rows) != 2 || rows[0].Name != "Grace Hopper" {
			t.Errorf("entries %+v", rows)
		}
	})
}

func TestTokenOnly(t *testing.T) {
	t.Parallel()
	on(t, pairs, func(t *testing.T, w where) {
		s := newSite(t, ginperimeter.Config{DB: w.db, TokenOnly: true}, w.store)
		token, _ := newToken(t, s.db, models.NewAccessToken{})
		c := s.client()
		a := c.get(gatewayPath)
		if strings.Contains(a.body, `name="name"`) || strings.Contains(a.body, `name="email"`) || strings.Contains(a.body, "your name") {
			t.Error("the form asks for the person")
		}
		a.wantText(t, "Each entry is recorded: your network address, your browser and the time.")
		c.post(gatewayPath, url.Values{"token": {""}, "probe": {"1"}}).want(t, http.StatusUnprocessableEntity, "")
		c.post(gatewayPath, url.Values{"token": {token}, "probe": {"1"}}).want(t, http.StatusSeeOther, "/")
		// what the form does not ask for is not recorded, as its notice says
		s.client().enter(token, "").want(t, http.StatusSeeOther, "/")
		for _, row := range uses(t, s.db) {
			if row.Name != "" || row.Email != "" || row.EmailKey != "" {
				t.Errorf("recorded %q <%s>", row.Name, row.Email)
			}
		}
	})
}

func TestMaxUsesHoldWhenManyEnterAtOnce(t *testing.T) {
	t.Parallel()
	on(t, [][2]string{{"sqlite", "cookie"}, {"postgres", "redis"}, {"mysql", "cookie"}}, func(t *testing.T, w where) {
		cfg := ginperimeter.Config{DB: w.db}
		s := newSite(t, cfg, w.store)
		cfg.DB = w.database.Open(t)
		other := newSite(t, cfg, w.store) // another process
		token, id := newToken(t, s.db, models.NewAccessToken{MaxUses: 5})
		const visitors = 24
		var got sync.Map
		var group sync.WaitGroup
		for i := range visitors {
			c := []*site{s, other}[i%2].client()
			c.get(gatewayPath)
			group.Go(func() {
				a := c.post(gatewayPath, person(token))
				got.Store(i, a.StatusCode)
				if a.StatusCode == http.StatusUnprocessableEntity {
					a.wantText(t, "This token has been used as often as it allows.")
					if cookies := a.Header.Values("Set-Cookie"); len(cookies) != 1 || !strings.HasPrefix(cookies[0], "perimeter_probe=") {
						t.Errorf("a refused visitor got cookies %q", cookies)
					}
				}
			})
		}
		group.Wait()
		count := map[int]int{}
		got.Range(func(_, status any) bool { count[status.(int)]++; return true })
		row, err := models.GetAccessToken(context.Background(), s.db, id)
		if err != nil {
			t.Fatal(err)
		}
		if count[303] != 5 || count[422] != visitors-5 || row.UseCount != 5 || len(uses(t, s.db)) != 5 {
			t.Errorf("answers %v, use count %d, %d rows; want five entries", count, row.UseCount, len(uses(t, s.db)))
		}
	})
}

func TestPastedTokens(t *testing.T) {
	t.Parallel()
	s := newSite(t, ginperimeter.Config{}, nil)
	token, _ := newToken(t, s.db, models.NewAccessToken{})
	custom, _ := newToken(t, s.db, models.NewAccessToken{Token: "Größe zählt hier nicht"})
	tests := []struct{ name, typed string }{
		{"as it is", token},
		{"with spaces and line ends around", "\r\n  " + token + " \t\r\n"},
		{"in lower case", strings.ToLower(token)},
		{"with spaces for hyphens", strings.ReplaceAll(token, "-", " ")},
		{"with the hyphens of a phone", strings.ReplaceAll(token, "-", "\u2013")},
		{"with invisible characters around", "\u200b" + token + "\ufeff"},
		{"a custom token with letters beyond ASCII", "  " + custom + "\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			newClient(t, s.server.URL).enter(tt.typed, "/page").want(t, http.StatusSeeOther, "/page")
		})
	}
}
