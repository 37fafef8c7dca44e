package ginperimeter

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/gin-perimeter/gin-perimeter/models"
)

// nonceField is the form's field that makes each page with a form another one.
// A form that comes twice, by a double click or because its first answer got
// lost, is then one entry: a token for one use is not used up in vain.
const nonceField = "form"

// repeatWithin is how long a form that comes again is taken for the same one.
const repeatWithin = 10 * time.Minute

func newNonce() string { return rand.Text() }

// readNonce takes what newNonce makes, and nothing else.
func readNonce(text string) string {
	if len(text) != len(rand.Text()) || strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") != "" {
		return ""
	}
	return text
}

// entry is the row that a form is about to become, or became already.
type entry struct {
	ref     string
	earlier *models.AccessTokenUse
}

// entryOf finds the entry of a form: the same for the same page, token, name
// and email, a new one otherwise. Knowing how a reference is made helps nobody:
// it has to come in a session, which only the host signs.
func (g *Gate) entryOf(c *gin.Context, form entryForm, token models.AccessToken) (entry, error) {
	if form.nonce == "" {
		return entry{ref: models.NewPassRef()}, nil
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %q %q", form.nonce, token.Digest, form.name, form.email))
	ref := base64.RawURLEncoding.EncodeToString(sum[:16])
	use, err := query(c.Request.Context(), g.tokens.fault, func(ctx context.Context) (models.AccessTokenUse, error) {
		return models.FindPass(ctx, g.cfg.DB, ref)
	})
	age := g.cfg.Now().Sub(use.At)
	switch {
	case errors.Is(err, models.ErrNotFound):
		return entry{ref: ref}, nil
	case err != nil:
		return entry{}, err
	case use.EndedAt == nil && use.TokenCheck == token.Check() && age < repeatWithin:
		return entry{ref: ref, earlier: &use}, nil
	}
	return entry{ref: models.NewPassRef()}, nil
}
