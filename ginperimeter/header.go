package ginperimeter

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/models"
)

// HeaderName is the header in which programs present a token.
const HeaderName = "X-Perimeter-Token"

// headerToken is the header's token, "" when there is none or it is blank. Two
// that differ are an error: which one counts must not depend on who reads it.
func headerToken(r *http.Request) (string, error) {
	values := r.Header[HeaderName]
	token := ""
	for _, value := range values {
		value = strings.TrimSpace(value)
		switch {
		case value == "" || value == token:
		case token == "":
			token = value
		default:
			return "", ErrHeaderToken
		}
	}
	return token, nil
}

// hour is one hour in which a token came as a header from an address: what one
// row is written for.
type hour struct {
	token uint
	ip    string
	start int64
}

// checkHeader decides by the header alone, even beside a valid session.
func (g *Gate) checkHeader(c *gin.Context, text string) (*Pass, error) {
	now := g.cfg.Now()
	if err := g.tokens.freshen(c.Request.Context(), g.tokens.clock()); err != nil {
		return nil, err
	}
	ip := clientIP(c)
	row, err := g.findPresented(c, text, ip, true)
	if err != nil {
		return nil, headerError(err)
	}
	switch {
	case !row.Live(now):
		return nil, ErrHeaderToken
	case row.MaxUses > 0:
		return nil, ErrHeaderMaxUses
	}
	if err := g.recordHour(c, *row, text, ip, now); err != nil {
		return nil, err
	}
	return &Pass{Name: row.ForName, Email: row.ForEmail, TokenLabel: row.Label, TokenID: row.ID, Since: now, header: g}, nil
}

// cameByHeader is the pass of a request whose header token opened a gate
// before this one, which took the header away. The token is as good here where
// it comes from the same database.
func (g *Gate) cameByHeader(c *gin.Context) *Pass {
	if pass := admitted(c); pass != nil && pass.header != nil && samePool(pass.header.cfg.DB, g.cfg.DB) {
		return pass
	}
	return nil
}

// samePool tells whether two sessions of GORM speak to one database.
func samePool(a, b *gorm.DB) bool {
	one, errOne := a.DB()
	other, errOther := b.DB()
	return a == b || (errOne == nil && errOther == nil && one == other)
}

// headerError is one answer for all that is not a token.
func headerError(err error) error {
	var presented *presentedError
	if errors.As(err, &presented) {
		return ErrHeaderToken
	}
	return err
}

func (g *Gate) recordHour(c *gin.Context, row models.AccessToken, text, ip string, now time.Time) error {
	key := hour{token: row.ID, ip: ip, start: now.Truncate(time.Hour).Unix()}
	if g.hours.Contains(key) {
		return nil
	}
	err := models.RecordHeaderUse(c.Request.Context(), g.cfg.DB, row, models.NewAccessTokenUse{
		IP: ip, UserAgent: userAgent(c.Request, text), At: now,
	})
	g.noteWrite(c.Request.Context(), err)
	if err != nil {
		return errors.Join(ErrUnavailable, err)
	}
	g.hours.Add(key, struct{}{})
	return nil
}

// presentedError says why a text that somebody presented is no token.
type presentedError struct{ reason string }

func (e *presentedError) Error() string { return "ginperimeter: the token is " + e.reason }

// Reasons of a presentedError, and of EventDenied.
const (
	reasonBlank    = "blank"
	reasonInvalid  = "invalid"
	reasonMistyped = "mistyped"
	reasonUnknown  = "unknown"
)

// findPresented finds the token that somebody presented, within the attempt
// limits: mistyped and unknown tokens count. Beyond the limits a generated
// token is looked up all the same, since it can't be guessed: nobody who holds
// one is locked out by others' guesses. The error is a *presentedError, a
// *tooManyError or ErrUnavailable. With cached, a row that is known freshly
// does; its count of uses may be a few seconds old.
func (g *Gate) findPresented(c *gin.Context, text, ip string, cached bool) (*models.AccessToken, error) {
	ctx := c.Request.Context()
	canonical, kind := models.ReadToken(text)
	attempts := g.attempts(ip)
	switch kind {
	case models.TokenBlank:
		return nil, &presentedError{reasonBlank}
	case models.TokenInvalid:
		return nil, &presentedError{reasonInvalid}
	case models.TokenMistyped:
		return nil, attempts.count(ctx, reasonMistyped)
	case models.TokenGenerated:
		row, err := g.tokens.find(ctx, canonical, cached)
		if errors.Is(err, models.ErrNotFound) {
			return nil, attempts.count(ctx, reasonUnknown)
		}
		return row, err
	}
	return g.findCustom(ctx, canonical, attempts, cached)
}

// findCustom finds a custom token. An attempt is taken before its outcome is
// known, so that no burst of guesses gets ahead of the limit. Who sends one
// token many times at once, as programs do, is judged once for all: a right one
// must not use up the limit by itself. A wrong one counts each time.
func (g *Gate) findCustom(ctx context.Context, canonical string, a attempts, cached bool) (*models.AccessToken, error) {
	first := false
	// a change in this process begins another flight: nobody who comes after
	// it is judged by what was read before
	flight := fmt.Sprintf("%q %t %d %q", a.key, cached, models.Generation(), canonical)
	row, err, _ := g.limits.flights.Do(flight, func() (any, error) {
		first = true
		return a.tryCustom(context.WithoutCancel(ctx), canonical, cached)
	})
	var wrong *presentedError
	if !first && errors.As(err, &wrong) {
		return nil, a.count(ctx, wrong.reason)
	}
	if err != nil {
		return nil, err
	}
	return row.(*models.AccessToken), nil
}

func (a attempts) tryCustom(ctx context.Context, canonical string, cached bool) (*models.AccessToken, error) {
	if wait := a.take(ctx); wait > 0 {
		return nil, &tooManyError{retryAfter: toSeconds(wait)}
	}
	row, err := a.gate.tokens.find(ctx, canonical, cached)
	if errors.Is(err, models.ErrNotFound) {
		return nil, &presentedError{reasonUnknown}
	}
	a.giveBack(ctx)
	return row, err
}

// count takes an attempt for a wrong token, and says what to answer.
func (a attempts) count(ctx context.Context, reason string) error {
	if wait := a.take(ctx); wait > 0 {
		return &tooManyError{retryAfter: toSeconds(wait)}
	}
	return &presentedError{reason}
}
