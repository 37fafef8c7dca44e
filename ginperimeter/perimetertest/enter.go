package perimetertest

import (
	"context"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/models"
)

// Enter makes a token in db, enters it on the server's gateway page, and
// answers a client that holds the pass, with a cookie jar of its own. The entry is
// recorded as "Test Visitor <visitor@example.com>". It ends the test when the
// gate does not let it in.
//
// The session's cookie must work on the server's scheme: one marked Secure
// needs httptest.NewTLSServer.
func Enter(t testing.TB, server *httptest.Server, db *gorm.DB) *http.Client {
	t.Helper()
	token, _, err := models.CreateAccessToken(context.Background(), db, models.NewAccessToken{Label: "perimetertest " + t.Name()})
	if err != nil {
		t.Fatal("perimetertest: ", err)
	}
	client := newClient(t, server)
	gateway := findGateway(t, client, server.URL)
	form := url.Values{"token": {token}, "name": {"Test Visitor"}, "email": {"visitor@example.com"}, "probe": {"1"}}
	request := newRequest(t, http.MethodPost, gateway, form)
	resp, err := withoutRedirects(client).Do(request)
	if err != nil {
		t.Fatal("perimetertest: ", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusSeeOther {
		t.Fatalf("perimetertest: the gateway answered the token with %s; a session cookie that is marked Secure needs httptest.NewTLSServer", resp.Status)
	}
	return client
}

func newClient(t testing.TB, server *httptest.Server) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal("perimetertest: ", err)
	}
	client := *server.Client() // it trusts the certificate of a TLS server
	client.Jar = jar
	return &client
}

// findGateway asks for a page as a browser does, and opens the gateway that
// the answer leads to.
func findGateway(t testing.TB, client *http.Client, base string) string {
	t.Helper()
	resp, err := client.Do(newRequest(t, http.MethodGet, base+"/no-such-page-8f3a", nil))
	if err != nil {
		t.Fatal("perimetertest: ", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || !resp.Request.URL.Query().Has("next") {
		t.Fatalf("perimetertest: a stranger was not sent to the gateway page but answered with %s; is the gate mounted?", resp.Status)
	}
	return resp.Request.URL.String()
}

func newRequest(t testing.TB, method, target string, form url.Values) *http.Request {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal("perimetertest: ", err)
	}
	request.Header.Set("Accept", "text/html")
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return request
}

func withoutRedirects(client *http.Client) *http.Client {
	c := *client
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}
