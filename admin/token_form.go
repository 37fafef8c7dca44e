package admin

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gin-perimeter/gin-perimeter/models"
)

// tokenForm is what the forms for a new token and for editing one hold: as
// typed, so that it can be shown again.
type tokenForm struct {
	Key      string // tells this form from all others; only for a new token
	Version  int    // of the row that the form was filled from; only for editing
	Label    string
	Token    string // a custom token; only for a new one
	Keep     string // the expiry that "keep" stands for; only for editing
	Expires  string // a preset, "date", "never", or "keep" when editing
	Date     string
	MaxUses  string
	ForName  string
	ForEmail string

	Errors  map[string]string // by the field's name
	Problem string            // a sentence about the whole form
}

// expiryPresets are the choices beside "never" and a date.
var expiryPresets = []struct{ Value, Label string }{
	{"1d", "1 day"}, {"7d", "7 days"}, {"30d", "30 days"}, {"90d", "90 days"},
}

func readTokenForm(form url.Values) tokenForm {
	version, _ := strconv.Atoi(form.Get("version")) // 0 is no row's version
	return tokenForm{
		Key: form.Get("key"), Version: version,
		Label: form.Get("label"), Token: form.Get("token"),
		Expires: form.Get("expires"), Date: form.Get("date"), MaxUses: form.Get("max_uses"),
		ForName: form.Get("for_name"), ForEmail: form.Get("for_email"),
		Errors: map[string]string{},
	}
}

// Wrong tells whether anything needs to be mended.
func (f *tokenForm) Wrong() bool { return len(f.Errors) > 0 || f.Problem != "" }

// ErrorList gives the mistakes in the order of the fields, for the summary.
func (f *tokenForm) ErrorList() []fieldError {
	var list []fieldError
	for _, field := range []string{"label", "for_name", "for_email", "expires", "date", "max_uses", "token"} {
		if text := f.Errors[field]; text != "" {
			list = append(list, fieldError{Field: field, Text: text})
		}
	}
	return list
}

type fieldError struct{ Field, Text string }

// expiry reads the chosen expiry; keep is the one that the token has.
func (f *tokenForm) expiry(now, keep time.Time) time.Time {
	switch f.Expires {
	case "keep":
		if !keep.IsZero() {
			return keep
		}
	case "never":
		return models.Never
	case "date":
		at, err := models.ParseExpiry(f.Date, now)
		if err != nil {
			f.Errors["date"] = dateMistake(f.Date, err)
		}
		return at
	}
	for _, preset := range expiryPresets {
		if preset.Value == f.Expires {
			age, _ := models.ParseAge(preset.Value)
			return now.Add(age)
		}
	}
	f.Errors["expires"] = "Choose how long the token holds."
	return time.Time{}
}

func dateMistake(text string, err error) string {
	var invalid *models.InvalidError
	switch {
	case strings.TrimSpace(text) == "":
		return "Choose a date, or another answer above."
	case errors.As(err, &invalid) && strings.Contains(invalid.Reason, "past"):
		return "This date has passed. Choose one from today on."
	case errors.As(err, &invalid) && strings.Contains(invalid.Reason, "far"):
		return "This date is too far away. Choose “Never” instead."
	}
	return "This is not a date. Write it as 2026-12-31."
}

// maxUses reads the number of entries; empty is any number.
func (f *tokenForm) maxUses() int {
	text := strings.TrimSpace(f.MaxUses)
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		f.Errors["max_uses"] = "Write a whole number from 1 up, or leave it empty for any number."
		return 0
	}
	return n
}

// checkPerson puts the mistakes about whom the token is for beside their field.
func (f *tokenForm) checkPerson() {
	name, email := strings.TrimSpace(f.ForName), strings.TrimSpace(f.ForEmail)
	switch {
	case name == "" && email == "":
	case name == "":
		f.Errors["for_name"] = "Give the person’s name too, or leave both empty."
	case email == "":
		f.Errors["for_email"] = "Give the person’s email address too, or leave both empty."
	}
	if email != "" && models.CheckEmail(email) != nil {
		f.Errors["for_email"] = "This doesn’t look like an email address. It should look like anna@example.com."
	}
}

// formFields are the fields that models names in its errors, and how a
// sentence about each begins.
var formFields = map[string]struct{ field, subject string }{
	"label":     {"label", "The label"},
	"token":     {"token", "The token"},
	"expires":   {"expires", "The expiry"},
	"max uses":  {"max_uses", "The number"},
	"issued to": {"for_email", "This"},
}

// take puts the mistakes that models found beside their fields. It tells
// whether err was nothing but such mistakes.
func (f *tokenForm) take(err error) bool {
	mistakes := invalid(err)
	for _, mistake := range mistakes {
		to, known := formFields[mistake.Field]
		if !known {
			f.Problem = "The field “" + mistake.Field + "” " + mistake.Reason + "."
		} else if f.Errors[to.field] == "" {
			f.Errors[to.field] = to.subject + " " + mistake.Reason + "."
		}
	}
	return len(mistakes) > 0
}

// invalid collects every *models.InvalidError in err.
func invalid(err error) []*models.InvalidError {
	if own, ok := err.(*models.InvalidError); ok { //nolint:errorlint // it walks the tree itself: errors.As stops at the first
		return []*models.InvalidError{own}
	}
	switch wrapped := err.(type) { //nolint:errorlint // the same
	case interface{ Unwrap() error }:
		return invalid(wrapped.Unwrap())
	case interface{ Unwrap() []error }:
		var all []*models.InvalidError
		for _, e := range wrapped.Unwrap() {
			all = append(all, invalid(e)...)
		}
		return all
	}
	return nil
}
