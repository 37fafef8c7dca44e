package ginperimeter_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/gin-perimeter/gin-perimeter/models"
)

// TestParity goes through what django-perimeter does, one point after the
// other, for those who come from there. The command line and the missing
// sessions middleware are tested where they belong.
func TestParity(t *testing.T) {
	t.Parallel()
	on(t, pairs, func(t *testing.T, w where) {
		clock := newClock()
		wide := ginperimeter.Limit{Count: 1000, Per: time.Minute}
		newParitySite := func(t *testing.T) *site {
			return newSite(t, ginperimeter.Config{DB: w.db, Now: clock.now, Attempts: wide, AttemptsFromAll: wide}, w.store)
		}
		withHeader := func(c *client, value string) answer {
			return c.do("GET", "/page", nil, map[string]string{"X-Perimeter-Token": value})
		}
		const asked, gateway = "/page?a=1&b=c%2Fd", gatewayPath + "?next=%2Fpage%3Fa%3D1%26b%3Dc%252Fd"

		t.Run("the token of the session lets in", func(t *testing.T) {
			s := newParitySite(t)
			token, _ := newToken(t, s.db, models.NewAccessToken{})
			c := s.client()
			c.enter(token, "").want(t, http.StatusSeeOther, "/")
			c.get(asked).want(t, http.StatusOK, "")
		})
		t.Run("the header comes before the session, an empty one counts as none", func(t *testing.T) {
			s := newParitySite(t)
			token, _ := newToken(t, s.db, models.NewAccessToken{})
			withHeader(s.client(), token).want(t, http.StatusOK, "")
			c := s.client()
			c.enter(token, "").want(t, http.StatusSeeOther, "/")
			withHeader(c, "unknown").want(t, http.StatusUnauthorized, "")
			withHeader(c, "").want(t, http.StatusOK, "")
			withHeader(s.client(), "").want(t, http.StatusFound, gatewayPath+"?next=%2Fpage")
		})
		t.Run("no token, or one that is inactive, expired or gone, leads to the gateway", func(t *testing.T) {
			s := newParitySite(t)
			s.client().get(asked).want(t, http.StatusFound, gateway)
			for name, end := range map[string]func(id uint) error{
				"inactive": func(id uint) error { return models.DeactivateAccessToken(context.Background(), s.db, id) },
				"expired": func(id uint) error {
					clock.advance(2 * time.Hour)
					return nil
				},
				"gone": func(id uint) error { return models.DeleteAccessToken(context.Background(), s.db, id) },
			} {
				token, id := newToken(t, s.db, models.NewAccessToken{Label: name, ExpiresAt: clock.now().Add(time.Hour)})
				c := s.client()
				c.enter(token, "").want(t, http.StatusSeeOther, "/")
				c.get(asked).want(t, http.StatusOK, "")
				must(t, end(id))
				c.get(asked).want(t, http.StatusFound, gateway)
				c.enter(token, asked).want(t, http.StatusUnprocessableEntity, "")
			}
			s.client().enter(models.GenerateToken(), asked).want(t, http.StatusUnprocessableEntity, "")
		})
		t.Run("name and email are required by default", func(t *testing.T) {
			s := newParitySite(t)
			token, _ := newToken(t, s.db, models.NewAccessToken{ExpiresAt: models.Never})
			c := s.client()
			c.get(gatewayPath)
			c.post(gatewayPath, url.Values{"token": {token}, "probe": {"1"}}).want(t, http.StatusUnprocessableEntity, "")
			only := newSite(t, ginperimeter.Config{DB: w.db, TokenOnly: true, Now: clock.now}, w.store)
			c = only.client()
			c.get(gatewayPath)
			c.post(gatewayPath+"?next="+url.QueryEscape(asked), url.Values{"token": {token}, "probe": {"1"}}).want(t, http.StatusSeeOther, asked)
		})
		t.Run("an entry is recorded with token, person, address and browser", func(t *testing.T) {
			s := newParitySite(t)
			token, id := newToken(t, s.db, models.NewAccessToken{Label: "Vorschau für Grüße 日本語 🦊", ExpiresAt: models.Never})
			for _, address := range []struct{ remote, recorded string }{
				{"192.0.2.1:80", "192.0.2.1"}, {"[2001:db8:1111:2222:3333:4444:5555:6666]:80", "2001:db8:1111:2222:3333:4444:5555:6666"}, {"[::ffff:192.0.2.7]:80", "192.0.2.7"},
			} {
				r := httptest.NewRequest("POST", gatewayPath+"?next="+url.QueryEscape(asked), nil)
				r.RemoteAddr = address.remote
				r.Header.Set("User-Agent", "Mozilla/5.0 ("+strings.Repeat("x", 1000)+")")
				a := serveRequest(s.engine, withForm(r, url.Values{"token": {token}, "name": {"Žofia 山田"}, "email": {"zofia@example.com"}}))
				a.want(t, http.StatusSeeOther, asked)
				row := uses(t, s.db)[0]
				if row.TokenID != id || row.TokenLabel != "Vorschau für Grüße 日本語 🦊" || row.Name != "Žofia 山田" || row.Email != "zofia@example.com" ||
					row.IP != address.recorded || !strings.HasPrefix(row.UserAgent, "Mozilla/5.0 (xxx") || row.Channel != models.ChannelForm || !row.At.Equal(clock.now().UTC().Truncate(time.Millisecond)) {
					t.Errorf("recorded %+v", row)
				}
			}
		})
		t.Run("tokens live for 7 days by default, and through the day of a date", func(t *testing.T) {
			s := newParitySite(t)
			_, id := newToken(t, s.db, models.NewAccessToken{})
			row, err := models.GetAccessToken(context.Background(), s.db, id)
			must(t, err)
			if days := row.ExpiresAt.Sub(row.CreatedAt); days < 7*24*time.Hour-2*time.Second || days > 7*24*time.Hour {
				t.Errorf("lives for %v", days)
			}
			expires, err := models.ParseExpiry("2099-12-31", clock.now())
			must(t, err)
			token, _ := newToken(t, s.db, models.NewAccessToken{ExpiresAt: expires})
			at := func(when time.Time) *site {
				return newSite(t, ginperimeter.Config{DB: w.db, Now: func() time.Time { return when }}, w.store)
			}
			at(time.Date(2099, 12, 31, 23, 59, 59, 0, clock.now().Location())).client().enter(token, "").want(t, http.StatusSeeOther, "/")
			at(time.Date(2100, 1, 1, 0, 0, 0, 0, clock.now().Location())).client().enter(token, "").want(t, http.StatusUnprocessableEntity, "")
		})
		t.Run("what is saved or deleted is known at the next request", func(t *testing.T) {
			s := newParitySite(t)
			token, id := newToken(t, s.db, models.NewAccessToken{ExpiresAt: clock.now().Add(24 * time.Hour)})
			withHeader(s.client(), token).want(t, http.StatusOK, "")
			clock.advance(48 * time.Hour)
			withHeader(s.client(), token).want(t, http.StatusUnauthorized, "")
			must(t, models.ExtendAccessToken(context.Background(), s.db, id, clock.now().Add(time.Hour)))
			withHeader(s.client(), token).want(t, http.StatusOK, "")
			must(t, models.DeactivateAccessToken(context.Background(), s.db, id))
			withHeader(s.client(), token).want(t, http.StatusUnauthorized, "")
			must(t, models.ActivateAccessToken(context.Background(), s.db, id))
			withHeader(s.client(), token).want(t, http.StatusOK, "")
			row, err := models.GetAccessToken(context.Background(), s.db, id)
			must(t, err)
			must(t, models.UpdateAccessToken(context.Background(), s.db, id, models.AccessTokenEdit{Version: row.Version, ExpiresAt: clock.now().Add(time.Hour), MaxUses: 100}))
			withHeader(s.client(), token).want(t, http.StatusUnauthorized, "")
			must(t, models.DeleteAccessToken(context.Background(), s.db, id))
			withHeader(s.client(), token).want(t, http.StatusUnauthorized, "")
		})
		t.Run("the gateway alone is bypassed by default, more by a function", func(t *testing.T) {
			s := newParitySite(t)
			s.client().get(gatewayPath).want(t, http.StatusOK, "")
			s.client().get("/").want(t, http.StatusFound, gatewayPath+"?next=%2F")
			open := newSite(t, ginperimeter.Config{DB: w.db, Now: clock.now, Bypass: func(c *gin.Context) bool { return c.GetHeader("X-Monitor") == "yes" }}, w.store)
			open.client().do("GET", "/", nil, map[string]string{"X-Monitor": "yes"}).want(t, http.StatusOK, "")
			open.client().get("/").want(t, http.StatusFound, gatewayPath+"?next=%2F")
		})
	})
}
