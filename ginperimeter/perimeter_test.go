package ginperimeter_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/gin-perimeter/gin-perimeter/models"
)

func TestVisitorEntersAndLeaves(t *testing.T) {
	t.Parallel()
	s := newSite(t, ginperimeter.Config{}, nil)
	token, id := newToken(t, s.db, models.NewAccessToken{Label: "Acme preview"})
	c := s.client()

	c.get("/page?a=1&b=%20x").want(t, http.StatusFound, "/perimeter/gateway?next=%2Fpage%3Fa%3D1%26b%3D%2520x")
	c.enter(token, "/page?a=1&b=%20x").want(t, http.StatusSeeOther, "/page?a=1&b=%20x")
	page := c.get("/page")
	page.want(t, http.StatusOK, "")
	for key, want := range map[string]string{"Cache-Control": "private", "Vary": "Cookie, X-Perimeter-Token", "X-Robots-Tag": "noindex"} {
		if got := page.Header.Get(key); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	if who := c.get("/who"); who.body != `{"email":"ada@example.com","header":"","label":"Acme preview","name":"Ada Lovelace","ok":true}` {
		t.Errorf("visitor: %s", who.body)
	}
	rows := uses(t, s.db)
	if len(rows) != 1 || rows[0].Name != "Ada Lovelace" || rows[0].TokenID != id || rows[0].IP != "127.0.0.1" || rows[0].Channel != models.ChannelForm {
		t.Errorf("uses: %+v", rows)
	}

	copied := s.client()
	copied.http.Jar.SetCookies(page.Request.URL, c.http.Jar.Cookies(page.Request.URL))
	copied.get("/page").want(t, http.StatusOK, "")
	c.post("/perimeter/leave", nil).want(t, http.StatusSeeOther, "/perimeter/gateway")
	c.get("/page").want(t, http.StatusFound, "/perimeter/gateway?next=%2Fpage")
	copied.get("/page").want(t, http.StatusFound, "/perimeter/gateway?next=%2Fpage")
}

func TestRevokedTokenShutsAtOnce(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := newSite(t, ginperimeter.Config{}, nil)
	token, id := newToken(t, s.db, models.NewAccessToken{})
	c := s.client()
	c.enter(token, "").want(t, http.StatusSeeOther, "/")
	c.get("/page").want(t, http.StatusOK, "")
	if err := models.DeactivateAccessToken(ctx, s.db, id); err != nil {
		t.Fatal(err)
	}
	c.get("/page").want(t, http.StatusFound, "/perimeter/gateway?next=%2Fpage")
	if err := models.ActivateAccessToken(ctx, s.db, id); err != nil {
		t.Fatal(err)
	}
	c.get("/page").want(t, http.StatusOK, "")
	if err := models.DeleteAccessToken(ctx, s.db, id); err != nil {
		t.Fatal(err)
	}
	c.get("/page").want(t, http.StatusFound, "/perimeter/gateway?next=%2Fpage")
}
