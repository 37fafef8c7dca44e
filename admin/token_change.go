package admin

import (
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/gin-perimeter/gin-perimeter/models"
)

type editView struct {
	view
	*tokenForm
	Token     tokenRow
	Presets   []preset
	Today     string
	Meanwhile []changeRow // what others changed since the form was filled
}

func (a *admin) editToken(c *gin.Context) error {
	row, err := a.tokenOfPath(c)
	if err != nil {
		return err
	}
	form := &tokenForm{
		Version: row.Version, Label: row.Label, Expires: "keep",
		ForName: row.ForName, ForEmail: row.ForEmail,
	}
	if row.MaxUses > 0 {
		form.MaxUses = idText(uint(row.MaxUses))
	}
	a.write(c, http.StatusOK, "admin/token_edit.html", a.editView(c, row, form))
	return nil
}

func (a *admin) editView(c *gin.Context, row models.AccessToken, form *tokenForm) editView {
	form.Keep = "never"
	if row.ExpiresAt != nil {
		form.Keep = a.expiryExact(*row.ExpiresAt)
	}
	return editView{view: a.view(c, "Tokens"), tokenForm: form, Token: a.tokenRow(row), Presets: a.presets(), Today: a.today()}
}

func (a *admin) tokenOfPath(c *gin.Context) (models.AccessToken, error) {
	id, err := pathID(c)
	if err != nil {
		return models.AccessToken{}, err
	}
	return models.GetAccessToken(c.Request.Context(), a.DB, id)
}

func (a *admin) updateToken(c *gin.Context) error {
	id, err := pathID(c)
	if err != nil {
		return err
	}
	values, err := readForm(c)
	if err != nil {
		return err
	}
	form := readTokenForm(values)
	row, err := models.GetAccessToken(c.Request.Context(), a.DB, id)
	if errors.Is(err, models.ErrNotFound) {
		return err
	}
	if err == nil {
		err = a.update(c, row, &form)
	}
	if err == nil && !form.Wrong() {
		return a.redirect(c, "/tokens/"+idText(id), done("saved", -1))
	}
	row.ID = id // also when it could not be read: the form posts to it again
	return a.showEditMistakes(c, row, &form, err)
}

// update changes the token, unless the form has mistakes.
func (a *admin) update(c *gin.Context, row models.AccessToken, form *tokenForm) error {
	keep := models.Never
	if row.ExpiresAt != nil {
		keep = *row.ExpiresAt
	}
	edit := models.AccessTokenEdit{
		Version: form.Version, Label: form.Label, ForName: form.ForName, ForEmail: form.ForEmail,
		ExpiresAt: form.expiry(a.Now().In(a.Location), keep), MaxUses: form.maxUses(),
	}
	form.checkPerson()
	if form.Wrong() {
		return nil
	}
	return models.UpdateAccessToken(acting(c), a.DB, row.ID, edit)
}

// showEditMistakes shows the form again with what was typed.
func (a *admin) showEditMistakes(c *gin.Context, row models.AccessToken, form *tokenForm, err error) error {
	status := http.StatusUnprocessableEntity
	switch {
	case err == nil || form.take(err):
	case errors.Is(err, models.ErrNotFound):
		return err
	case errors.Is(err, models.ErrConflict):
		return a.showConflict(c, row.ID, form)
	default:
		a.logFailure(c, err)
		form.Problem, status = unavailable, http.StatusServiceUnavailable
		c.Header("Retry-After", retryAfter)
	}
	a.write(c, status, "admin/token_edit.html", a.editView(c, row, form))
	return nil
}

// showConflict says what others changed since the form was filled. The form
// then holds the row's present version, so that saving again is a decision.
func (a *admin) showConflict(c *gin.Context, id uint, form *tokenForm) error {
	row, err := models.GetAccessToken(c.Request.Context(), a.DB, id)
	if err != nil {
		return err
	}
	missed := min(max(row.Version-form.Version, 1), 20)
	changes, err := models.ListAccessTokenChanges(c.Request.Context(), a.DB, id, missed)
	if err != nil {
		return err
	}
	form.Version = row.Version
	form.Problem = "Somebody else changed this token while you were editing it, so yours was not saved."
	page := a.editView(c, row, form)
	page.Meanwhile = a.changeRows(changes)
	a.write(c, http.StatusConflict, "admin/token_edit.html", page)
	return nil
}

// extendToken lets a token live longer, counted from its expiry, or from now
// where that has passed.
func (a *admin) extendToken(c *gin.Context) error {
	id, err := pathID(c)
	if err != nil {
		return err
	}
	form, err := readForm(c)
	if err != nil {
		return err
	}
	by := form.Get("by")
	if by != "7d" && by != "30d" {
		return errBadForm
	}
	age, _ := models.ParseAge(by)
	n, err := models.ExtendAccessTokens(acting(c), a.DB, []uint{id}, age)
	if err != nil {
		return err
	}
	if n == 0 {
		return a.redirect(c, "/tokens/"+idText(id), done("never-expires", -1))
	}
	return a.redirect(c, "/tokens/"+idText(id), done("extended", -1))
}

func (a *admin) deactivateToken(c *gin.Context) error {
	return a.changeOne(c, "deactivated", func(id uint) error { return models.DeactivateAccessToken(acting(c), a.DB, id) })
}

func (a *admin) activateToken(c *gin.Context) error {
	return a.changeOne(c, "activated", func(id uint) error { return models.ActivateAccessToken(acting(c), a.DB, id) })
}

func (a *admin) changeOne(c *gin.Context, code string, change func(uint) error) error {
	id, err := pathID(c)
	if err != nil {
		return err
	}
	if err := change(id); err != nil {
		return err
	}
	return a.redirect(c, "/tokens/"+idText(id), done(code, -1))
}

type deleteView struct {
	view
	Token  tokenRow
	Inside string // how many people are put out, in words; "" for nobody
	Kept   string // how many entries stay, in words
}

// passMaxAge is the longest that a pass lives.
const passMaxAge = 30 * 24 * time.Hour

func (a *admin) askDeleteToken(c *gin.Context) error {
	row, err := a.tokenOfPath(c)
	if err != nil {
		return err
	}
	uses, err := models.LatestAccessTokenUses(c.Request.Context(), a.DB, row.ID, summedUses)
	if err != nil {
		return err
	}
	v := deleteView{view: a.view(c, "Tokens"), Token: a.tokenRow(row), Kept: atLeast(len(uses), "entry", "entries")}
	if row.Live(a.Now()) {
		if n := holders(uses, a.Now().Add(-passMaxAge)); n > 0 {
			v.Inside = atLeast(n, "person", "people")
		}
	}
	a.write(c, http.StatusOK, "admin/token_delete.html", v)
	return nil
}

// holders counts the people who may be inside with a pass.
func holders(uses []models.AccessTokenUse, since time.Time) int {
	people := map[string]bool{}
	for _, use := range uses {
		if use.Channel == models.ChannelForm && use.EndedAt == nil && use.At.After(since) {
			people[personKey(use)] = true
		}
	}
	return len(people)
}

func (a *admin) deleteToken(c *gin.Context) error {
	id, err := pathID(c)
	if err != nil {
		return err
	}
	if err := models.DeleteAccessToken(acting(c), a.DB, id); err != nil {
		return err
	}
	return a.redirect(c, "/tokens", done("deleted", -1))
}
