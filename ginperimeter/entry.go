package ginperimeter

import (
	"context"
	"errors"
	"time"

	"github.com/gin-gonic/gin"
	gorilla "github.com/gorilla/sessions"

	"github.com/gin-perimeter/gin-perimeter/models"
	"github.com/gin-perimeter/gin-perimeter/templates"
)

// comeIn records the entry and gives the pass. The session is saved first: a
// reference without a row opens nothing, but a row without a session would
// have used the token up in vain.
func (g *Gate) comeIn(c *gin.Context, session *gorilla.Session, d decision, form entryForm, page *templates.Gateway) decision {
	if g.holds(c, d.token.ID) {
		return decision{}
	}
	clock := g.tokens.clock()
	cookies := c.Writer.Header().Values("Set-Cookie")
	retire, err := g.renewSession(c, session, d.entry.ref)
	if err != nil {
		return g.unavailable(page)
	}
	use, err := g.record(c, d.token, d.entry, form)
	if err != nil {
		setCookies(c.Writer.Header(), cookies)
		return g.explainToken(err, &d.token, page)
	}
	retire()
	g.remember(use, clock)
	g.tokens.anticipate(c.Request.Context())
	return decision{}
}

// recordTimeout is how long writing an entry may take.
const recordTimeout = 15 * time.Second

func (g *Gate) record(c *gin.Context, token models.AccessToken, e entry, form entryForm) (models.AccessTokenUse, error) {
	if e.earlier != nil {
		return *e.earlier, nil
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), recordTimeout)
	defer cancel()
	leave, err := g.line.join(ctx)
	if err != nil {
		return models.AccessTokenUse{}, err
	}
	defer leave()
	use, err := models.RecordEntry(ctx, g.cfg.DB, token, e.ref, models.NewAccessTokenUse{
		Name: form.name, Email: form.email, IP: clientIP(c), UserAgent: userAgent(c.Request, form.token), At: g.cfg.Now(),
	})
	if err != nil && form.nonce != "" {
		// the same form may have been faster on another connection
		if again, findErr := g.entryOf(c, form, token); findErr == nil && again.earlier != nil {
			return *again.earlier, nil
		}
	}
	if err == nil || !isAnswer(err) {
		g.noteWrite(c.Request.Context(), err)
	}
	return use, err
}

// line is where those wait who are about to write to SQLite, which has one
// writer at a time. By itself it lets the others sleep and try again, which
// takes longer and is not fair. On other databases there is none: nil.
type line chan struct{}

func newLine(cfg *Config) line {
	if cfg.DB.Name() != "sqlite" {
		return nil
	}
	return make(line, 1)
}

// join waits for one's turn, which ends with leave.
func (l line) join(ctx context.Context) (leave func(), err error) {
	if l == nil {
		return func() {}, nil
	}
	select {
	case l <- struct{}{}:
		return func() { <-l }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// isAnswer tells whether an error is the database's answer that a token does
// not admit.
func isAnswer(err error) bool {
	return errors.Is(err, models.ErrNotFound) || errors.Is(err, models.ErrDeactivated) ||
		errors.Is(err, models.ErrExpired) || errors.Is(err, models.ErrUsedUp)
}
