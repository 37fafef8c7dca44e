package admin

import (
	"crypto/rand"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/gin-perimeter/gin-perimeter/models"
)

type newTokenView struct {
	view
	*tokenForm
	Presets []preset
	Today   string
	TakenBy uint // the token that has this text already
}

// preset is a choice of an expiry, with the day that it leads to.
type preset struct{ Value, Label, Until string }

func (a *admin) newTokenView(c *gin.Context, form *tokenForm) newTokenView {
	return newTokenView{view: a.view(c, "Tokens"), tokenForm: form, Presets: a.presets(), Today: a.today()}
}

// now is the clock in the place whose dates are shown.
func (a *admin) today() string { return a.Now().In(a.Location).Format("2006-01-02") }

func (a *admin) presets() []preset {
	var list []preset
	for _, p := range expiryPresets {
		age, _ := models.ParseAge(p.Value)
		list = append(list, preset{p.Value, p.Label, day(a.Now().Add(age).In(a.Location))})
	}
	return list
}

// newFormKey makes what tells one form from all others: a reload of the page
// that showed a token, or a button pressed twice, makes no second token.
func newFormKey() string { return rand.Text() }

func (a *admin) newToken(c *gin.Context) error {
	form := &tokenForm{Key: newFormKey(), Expires: "7d"}
	a.write(c, http.StatusOK, "admin/token_new.html", a.newTokenView(c, form))
	return nil
}

// createToken answers with the page that shows the token: the only time that
// it is shown. It does not redirect, because the token is kept nowhere.
func (a *admin) createToken(c *gin.Context) error {
	values, err := readForm(c)
	if err != nil {
		return err
	}
	form := readTokenForm(values)
	if form.Key == "" || len(form.Key) > 64 {
		form.Key = newFormKey()
	}
	token, row, err := a.create(c, &form)
	var repeated *models.RepeatedError
	if errors.As(err, &repeated) {
		return a.showMadeAlready(c, repeated.ID)
	}
	if err != nil || form.Wrong() {
		return a.showMistakes(c, &form, err)
	}
	a.write(c, http.StatusOK, "admin/token_made.html", a.madeView(c, token, row))
	return nil
}

// create makes the token, unless the form has mistakes.
func (a *admin) create(c *gin.Context, form *tokenForm) (string, models.AccessToken, error) {
	n := models.NewAccessToken{Label: form.Label, Token: form.Token, ForName: form.ForName, ForEmail: form.ForEmail, CreatedBy: actorOf(c)}
	n.FormKey = actorOf(c) + "\n" + form.Key
	n.ExpiresAt = form.expiry(a.Now().In(a.Location), n.ExpiresAt)
	n.MaxUses = form.maxUses()
	form.checkPerson()
	if form.Wrong() {
		return "", models.AccessToken{}, nil
	}
	return models.CreateAccessToken(acting(c), a.DB, n)
}

// showMistakes shows the form again with what was typed.
func (a *admin) showMistakes(c *gin.Context, form *tokenForm, err error) error {
	page := a.newTokenView(c, form)
	status := http.StatusUnprocessableEntity
	var taken *models.TokenExistsError
	switch {
	case err == nil || form.take(err):
	case errors.As(err, &taken):
		form.Errors["token"] = "This token exists already. Extend that one, or choose another text."
		page.TakenBy = taken.ID
	default:
		a.logFailure(c, err)
		form.Problem, status = unavailable, http.StatusServiceUnavailable
		c.Header("Retry-After", retryAfter)
	}
	a.write(c, status, "admin/token_new.html", page)
	return nil
}

type madeAlreadyView struct {
	view
	Token tokenRow
}

// showMadeAlready answers a form that was sent a second time.
func (a *admin) showMadeAlready(c *gin.Context, id uint) error {
	row, err := models.GetAccessToken(c.Request.Context(), a.DB, id)
	if err != nil {
		return err
	}
	a.write(c, http.StatusConflict, "admin/token_made_already.html", madeAlreadyView{a.view(c, "Tokens"), a.tokenRow(row)})
	return nil
}
