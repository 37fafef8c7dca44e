package ginperimeter

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"github.com/gin-perimeter/gin-perimeter/models"
	"github.com/gin-perimeter/gin-perimeter/templates"
)

// maxForm is the largest form that is read, in bytes. What a person types is a
// thousandth of it; a token pasted with a whole document still gets an answer.
const maxForm = 2 << 20

// maxFields is how many fields are read: each costs a hundred times the byte
// or two that it takes to send. The form has five.
const maxFields = 100

// Texts of a form that can't be read.
var (
	errFormTooLarge = errors.New("What you sent is too large. Enter the token alone.")              //nolint:staticcheck // shown to visitors
	errFormBroken   = errors.New("What you sent did not arrive whole. Fill in the form once more.") //nolint:staticcheck // shown to visitors
)

// entryForm is what a visitor typed.
type entryForm struct {
	token, name, email string
	probe              bool   // the form asked for the probe cookie
	nonce              string // of the page that the form was on; "" for none
}

// readForm reads what was typed. What could be read is returned beside an error.
func readForm(c *gin.Context) (entryForm, error) {
	media, _, _ := mime.ParseMediaType(c.ContentType())
	if media != "application/x-www-form-urlencoded" {
		return entryForm{}, errFormBroken
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, maxForm))
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return entryForm{}, errFormTooLarge
		}
		return entryForm{}, errFormBroken
	}
	if bytes.Count(body, []byte("&")) > maxFields {
		return entryForm{}, errFormBroken
	}
	values, err := url.ParseQuery(string(body))
	form := entryForm{
		token: values.Get("token"),
		name:  strings.TrimSpace(values.Get("name")),
		email: strings.TrimSpace(values.Get("email")),
		probe: values.Get(probeField) != "",
		nonce: readNonce(values.Get(nonceField)),
	}
	if err != nil {
		return form, errFormBroken
	}
	return form, nil
}

// checkPerson notes what is wrong with name and email. A token in the wrong
// field is neither stored nor shown there again.
func (g *Gate) checkPerson(form entryForm, page *templates.Gateway) bool {
	if g.cfg.TokenOnly {
		return true
	}
	switch {
	case models.HoldsToken(form.name, form.token):
		page.Name, page.NameError = "", "This had the access token in it. Enter your name here."
	case form.name == "":
		page.NameError = "Enter your name."
	case utf8.RuneCountInString(form.name) > 200:
		page.NameError = "Use at most 200 characters."
	case !isPlain(form.name):
		page.NameError = "Your name has characters that can't be stored. Type it again."
	}
	switch {
	case models.HoldsToken(form.email, form.token):
		page.Email, page.EmailError = "", "This had the access token in it. Enter your email address here."
	case form.email == "":
		page.EmailError = "Enter your email address."
	case models.CheckEmail(form.email) != nil:
		page.EmailError = "Enter an email address like name@example.com."
	}
	return page.NameError == "" && page.EmailError == ""
}

// userAgent is what a client calls itself, or "" if it does so by the token
// that it came with: no token is stored.
func userAgent(r *http.Request, token string) string {
	if models.HoldsToken(r.UserAgent(), token) {
		return ""
	}
	return r.UserAgent()
}

func isPlain(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// shown cuts what was typed to a length that a page can carry.
func shown(text string, most int) string {
	if len(text) > most {
		text = text[:most]
	}
	return strings.ToValidUTF8(text, "\ufffd")
}
