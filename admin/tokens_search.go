package admin

import (
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"github.com/gin-perimeter/gin-perimeter/models"
)

// searchTokens takes the search as a form's body, because people paste whole
// tokens there, and mails with tokens in them: one that exists leads to its
// page, and what looks like a generated one is never put into an address.
func (a *admin) searchTokens(c *gin.Context) error {
	form, err := readForm(c)
	if err != nil {
		return err
	}
	var unknown, mistyped bool
	for _, text := range tokensIn(form.Get("q")) {
		text, kind := models.ReadToken(text)
		unknown = unknown || kind == models.TokenGenerated
		mistyped = mistyped || kind == models.TokenMistyped
		if kind != models.TokenGenerated && kind != models.TokenCustom {
			continue
		}
		row, err := models.FindAccessToken(c.Request.Context(), a.DB, text)
		if err == nil {
			return a.redirect(c, "/tokens/"+idText(row.ID), nil)
		}
		if !errors.Is(err, models.ErrNotFound) {
			return err
		}
	}
	switch {
	case unknown:
		return a.redirect(c, "/tokens", done("no-such-token", -1))
	case mistyped:
		return a.redirect(c, "/tokens", done("mistyped-token", -1))
	}
	return a.redirect(c, "/tokens", readTokenQuery(form).values())
}

const (
	maxSearched = 20 // parts of a search that are looked at
	maxWords    = 6  // words that one token is taken to have: a generated one has six groups
)

var (
	// generatedIn finds what has the shape of a generated token.
	generatedIn = regexp.MustCompile(`(?i)[2-9A-HJKMNP-Z]{4}(?:[-‐–—]?[2-9A-HJKMNP-Z]{4}){5}`)

	// invitedBy finds the token in the address of an invitation.
	invitedBy = regexp.MustCompile(`#token=(\S+)`)
)

// tokensIn gives what may be a token in a text that was pasted: the whole, what
// an invitation carries, all that looks like a generated one, and each run of a
// few words, with and without the punctuation around it.
func tokensIn(text string) []string {
	found := append([]string{text}, generatedIn.FindAllString(text, maxSearched)...)
	for _, invited := range invitedBy.FindAllStringSubmatch(text, maxSearched) {
		if token, err := url.PathUnescape(invited[1]); err == nil {
			found = append(found, token)
		}
	}
	words := strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || r == ':' })
	words = words[:min(len(words), maxSearched)]
	for i := range words {
		for end := i + 1; end <= min(i+maxWords, len(words)); end++ {
			run := strings.Join(words[i:end], " ")
			found = append(found, run, strings.TrimFunc(run, unicode.IsPunct), strings.Trim(run, ".,;:?\"'`()<>[]*“”‘’„«»"))
		}
	}
	found = slices.DeleteFunc(found, func(s string) bool { return utf8.RuneCountInString(s) < models.MinCustomLength })
	slices.Sort(found)
	return slices.Compact(found)
}
