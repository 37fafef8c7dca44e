package admin

import (
	"strings"

	"github.com/gin-perimeter/gin-perimeter/models"
)

// tokenRow is a token as pages show it. Its texts are people's: the pages
// escape them.
type tokenRow struct {
	ID        uint
	Label     string // "Token 12" where it has none
	Hint      string // the last characters; "" for a custom token
	Status    string
	Class     string // of the badge
	Active    bool
	Expires   *moment // nil: never
	UseCount  string
	MaxUses   string // "" for any number
	Uses      string // "3 of 10"
	ForName   string
	ForEmail  string
	CreatedBy string
	Created   *moment
	Updated   *moment
}

func (a *admin) tokenRow(t models.AccessToken) tokenRow {
	status := t.Status(a.Now())
	row := tokenRow{
		ID: t.ID, Label: labelOf(t.Label, t.ID), Hint: t.Hint,
		Status: capital(string(status)), Class: strings.ReplaceAll(string(status), " ", "-"), Active: t.DeactivatedAt == nil,
		Expires: a.expiry(t.ExpiresAt), UseCount: grouped(int64(t.UseCount)), Uses: grouped(int64(t.UseCount)),
		ForName: t.ForName, ForEmail: t.ForEmail, CreatedBy: t.CreatedBy,
		Created: a.moment(&t.CreatedAt), Updated: a.moment(&t.UpdatedAt),
	}
	if t.MaxUses > 0 {
		row.MaxUses = grouped(int64(t.MaxUses))
		row.Uses += " of " + row.MaxUses
	}
	return row
}

func (a *admin) tokenRows(tokens []models.AccessToken) []tokenRow {
	rows := make([]tokenRow, 0, len(tokens))
	for _, t := range tokens {
		rows = append(rows, a.tokenRow(t))
	}
	return rows
}

func labelOf(label string, id uint) string {
	if label == "" {
		return "Token " + grouped(int64(id))
	}
	return label
}

func capital(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
