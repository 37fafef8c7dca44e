package ginperimeter_test

import (
	"context"
	"net/http"
	"regexp"
	"sync"
	"testing"

	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/gin-perimeter/gin-perimeter/models"
)

var nonceInPage = regexp.MustCompile(`name="form" value="([^"]+)"`)

// nonceOf opens the form and answers what makes it that form.
func nonceOf(t *testing.T, c *client) string {
	t.Helper()
	found := nonceInPage.FindStringSubmatch(c.get(gatewayPath).body)
	if found == nil {
		t.Fatal("the form has no nonce")
	}
	return found[1]
}

func TestFormThatComesTwiceIsOneEntry(t *testing.T) {
	t.Parallel()
	s := newSite(t, ginperimeter.Config{}, nil)
	token, _ := newToken(t, s.db, models.NewAccessToken{MaxUses: 1})
	first := s.client()
	form := person(token)
	form.Set("form", nonceOf(t, first))

	// the answers of the first and second try never arrive: no cookie is kept
	lost := func() *client {
		c := s.client()
		c.get(gatewayPath)
		return c
	}
	lost().post(gatewayPath, form).want(t, http.StatusSeeOther, "/")
	lost().post(gatewayPath, form).want(t, http.StatusSeeOther, "/")
	first.post(gatewayPath, form).want(t, http.StatusSeeOther, "/")
	first.get("/page").want(t, http.StatusOK, "")
	if rows := uses(t, s.db); len(rows) != 1 {
		t.Errorf("%d entries, want 1", len(rows))
	}

	other := s.client()
	form.Set("form", nonceOf(t, other))
	other.post(gatewayPath, form).want(t, http.StatusUnprocessableEntity, "")
}

func TestFormSentTwiceAtOnceIsOneEntry(t *testing.T) {
	t.Parallel()
	s := newSite(t, ginperimeter.Config{}, nil)
	token, id := newToken(t, s.db, models.NewAccessToken{MaxUses: 5})
	form := person(token)
	form.Set("form", nonceOf(t, s.client()))
	var all sync.WaitGroup
	for range 8 {
		c := s.client()
		c.get(gatewayPath)
		all.Go(func() { c.post(gatewayPath, form).want(t, http.StatusSeeOther, "/") })
	}
	all.Wait()
	row, err := models.GetAccessToken(context.Background(), s.db, id)
	if err != nil || row.UseCount != 1 || len(uses(t, s.db)) != 1 {
		t.Errorf("use count %d, %d rows, error %v; want 1 and 1", row.UseCount, len(uses(t, s.db)), err)
	}
}

func TestFormOfAnEndedPassEntersAnew(t *testing.T) {
	t.Parallel()
	s := newSite(t, ginperimeter.Config{}, nil)
	token, _ := newToken(t, s.db, models.NewAccessToken{})
	c := s.client()
	form := person(token)
	form.Set("form", nonceOf(t, c))
	c.post(gatewayPath, form).want(t, http.StatusSeeOther, "/")
	c.post("/perimeter/leave", nil).want(t, http.StatusSeeOther, gatewayPath)
	c.post(gatewayPath, form).want(t, http.StatusSeeOther, "/")
	c.get("/page").want(t, http.StatusOK, "")
	if rows := uses(t, s.db); len(rows) != 2 {
		t.Errorf("%d entries, want 2", len(rows))
	}
}

func TestOtherPersonOnTheSameFormIsAnotherEntry(t *testing.T) {
	t.Parallel()
	s := newSite(t, ginperimeter.Config{}, nil)
	token, _ := newToken(t, s.db, models.NewAccessToken{})
	form := person(token)
	form.Set("form", nonceOf(t, s.client()))
	for _, name := range []string{"Ada Lovelace", "Grace Hopper"} {
		c := s.client()
		c.get(gatewayPath)
		form.Set("name", name)
		c.post(gatewayPath, form).want(t, http.StatusSeeOther, "/")
	}
	if rows := uses(t, s.db); len(rows) != 2 || rows[0].Name == rows[1].Name {
		t.Errorf("entries %+v, want one for each person", rows)
	}
}
