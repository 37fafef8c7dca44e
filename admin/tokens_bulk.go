package admin

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/gin-perimeter/gin-perimeter/models"
)

// maxTicked is how many tokens one form changes: more than a page has.
const maxTicked = 1000

// ticked reads the tokens that were ticked, each once. What is no ID is
// passed over.
func ticked(form url.Values) []uint {
	var ids []uint
	for _, text := range form["id"] {
		if id, err := readID(text); err == nil {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	return ids[:min(len(ids), maxTicked)]
}

type bulkView struct {
	view
	Rows  []tokenRow
	Here  string // the query of the list that the form was on
	Back  string // the address of that list
	Count string
}

// changeTokens extends or deactivates what was ticked. Deactivating is asked
// about first.
func (a *admin) changeTokens(c *gin.Context) error {
	form, err := readForm(c)
	if err != nil {
		return err
	}
	ids := ticked(form)
	if len(ids) == 0 {
		return a.backToTokens(c, form, done("none-ticked", -1))
	}
	switch form.Get("do") {
	case "extend-7d", "extend-30d":
		age, _ := models.ParseAge(strings.TrimPrefix(form.Get("do"), "extend-"))
		n, err := models.ExtendAccessTokens(acting(c), a.DB, ids, age)
		return a.bulkDone(c, form, "extended", n, err)
	case "deactivate":
		return a.askDeactivate(c, form, ids)
	case "deactivate-now":
		n, err := models.DeactivateAccessTokens(acting(c), a.DB, ids)
		return a.bulkDone(c, form, "deactivated", n, err)
	}
	return errBadForm
}

func (a *admin) askDeactivate(c *gin.Context, form url.Values, ids []uint) error {
	rows, err := models.GetAccessTokens(c.Request.Context(), a.DB, ids)
	if err != nil {
		return err
	}
	slices.SortFunc(rows, func(x, y models.AccessToken) int { return int(y.ID) - int(x.ID) })
	active := slices.DeleteFunc(rows, func(t models.AccessToken) bool { return t.DeactivatedAt != nil })
	if len(active) == 0 {
		return a.backToTokens(c, form, done("none-changed", -1))
	}
	v := bulkView{view: a.view(c, "Tokens"), Rows: a.tokenRows(active), Here: form.Get("here"), Back: a.listLink("/tokens", placeOfTokens(form), "", ""), Count: plural(len(active), "token")}
	a.write(c, http.StatusOK, "admin/tokens_deactivate.html", v)
	return nil
}

func (a *admin) bulkDone(c *gin.Context, form url.Values, code string, n int, err error) error {
	if err != nil {
		return err
	}
	if n == 0 {
		return a.backToTokens(c, form, done("none-changed", -1))
	}
	return a.backToTokens(c, form, done(code, n))
}

// backToTokens leads to the part of the list where the form was.
func (a *admin) backToTokens(c *gin.Context, form url.Values, query url.Values) error {
	for key, values := range placeOfTokens(form) {
		query[key] = values
	}
	return a.redirect(c, "/tokens", query)
}

// placeOfTokens is the part of the list where a form was. That comes from the
// form, so only what readTokenQuery knows is taken over.
func placeOfTokens(form url.Values) url.Values {
	here, _ := url.ParseQuery(form.Get("here")) // what cannot be read is left out
	q := readTokenQuery(here)
	place := q.values()
	keepCursor(place, here)
	if q.past != nil {
		place.Set("past", q.past.text())
	}
	return place
}

// keepCursor takes over which page of a list a query asks for.
func keepCursor(place, query url.Values) {
	for _, name := range []string{"before", "after"} {
		if id := cursor(query, name); id > 0 {
			place.Set(name, idText(id))
		}
	}
	if query.Get("last") == "1" {
		place.Set("last", "1")
	}
}
