package admin

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/gin-perimeter/gin-perimeter/models"
)

type forgetView struct {
	view
	Email   string
	Error   string
	Problem string
	Ask     bool   // the number is known: ask
	Entries string // in how many entries, in words
}

// askForget shows the form. The address that is to be forgotten is never put
// into an address bar or a log, so it goes by POST.
func (a *admin) askForget(c *gin.Context) error {
	a.write(c, http.StatusOK, "admin/forget.html", forgetView{view: a.view(c, "Uses")})
	return nil
}

// countForget says what would be forgotten, and asks.
func (a *admin) countForget(c *gin.Context) error {
	v, err := a.forgetView(c)
	if err != nil {
		return err
	}
	if v.Error != "" {
		a.write(c, http.StatusUnprocessableEntity, "admin/forget.html", v)
		return nil
	}
	n, err := models.CountPerson(c.Request.Context(), a.DB, v.Email)
	if err != nil {
		return a.forgetFailed(c, v, err)
	}
	if n == 0 {
		v.Error = "No entry has this address. Check how it is written."
		a.write(c, http.StatusUnprocessableEntity, "admin/forget.html", v)
		return nil
	}
	v.Ask, v.Entries = true, entriesWords(n)
	a.write(c, http.StatusOK, "admin/forget.html", v)
	return nil
}

func (a *admin) forgetView(c *gin.Context) (forgetView, error) {
	form, err := readForm(c)
	if err != nil {
		return forgetView{}, err
	}
	v := forgetView{view: a.view(c, "Uses"), Email: strings.TrimSpace(form.Get("email"))}
	if v.Email == "" {
		v.Error = "Write the person’s email address."
	}
	return v, nil
}

func (a *admin) forget(c *gin.Context) error {
	v, err := a.forgetView(c)
	if err != nil {
		return err
	}
	if v.Error != "" {
		a.write(c, http.StatusUnprocessableEntity, "admin/forget.html", v)
		return nil
	}
	n, err := models.ForgetPerson(acting(c), a.DB, v.Email)
	if err != nil {
		return a.forgetFailed(c, v, err)
	}
	if n == 0 {
		return a.redirect(c, "/uses", done("none-changed", -1))
	}
	a.Logger.Info("admin: a person was forgotten", "event", "admin.person_forgotten", "actor", actorOf(c), "entries", n)
	return a.redirect(c, "/uses", done("forgotten", int(n)))
}

func (a *admin) forgetFailed(c *gin.Context, v forgetView, err error) error {
	a.logFailure(c, err)
	v.Problem = unavailable
	c.Header("Retry-After", retryAfter)
	a.write(c, http.StatusServiceUnavailable, "admin/forget.html", v)
	return nil
}
