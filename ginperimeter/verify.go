package ginperimeter

import (
	"context"
	"errors"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/gin-perimeter/gin-perimeter/models"
)

// checkSession finds the pass of the visitor's session.
func (g *Gate) checkSession(c *gin.Context) (*Pass, error) {
	clock := g.tokens.clock()
	if where := g.place.Load(); where != nil {
		if cookie := sessionCookie(c.Request, where.name); cookie != "" {
			if v := g.passes.visit(cookie, clock); v != nil {
				return g.recall(c.Request.Context(), v, clock)
			}
		}
	}
	return g.readSession(c)
}

// recall is verify for somebody who was here a few seconds ago: the same
// questions, asked of what the visit has at hand. This is what nearly every
// request goes through. What it doesn't answer with yes, verify decides.
func (g *Gate) recall(ctx context.Context, v *visit, clock int64) (*Pass, error) {
	if err := g.tokens.freshen(ctx, clock); err != nil {
		return nil, err
	}
	if confirmed(v.confirmedAt, g.tokens.readAt.Load()) && !g.tokens.hasEnded(v.useID) {
		if g.tokens.current(v.token, clock) != nil && clock < v.token.liveUntil.Load() {
			return v.pass, nil
		}
	}
	return g.verify(ctx, v.known, g.cfg.Now())
}

// readSession is the slow way: it reads the session, and remembers what its
// cookie stands for.
func (g *Gate) readSession(c *gin.Context) (*Pass, error) {
	now, clock := g.cfg.Now(), g.tokens.clock()
	session, err := g.loadSession(c)
	if err != nil {
		return nil, err
	}
	cookie := sessionCookie(c.Request, session.Name())
	ref := g.passRef(session)
	if ref == "" {
		if session.IsNew && cookie != "" {
			return nil, g.storeMayBeAway(c.Request.Context(), cookie)
		}
		return nil, ErrNoPass
	}
	known, err := g.lookUpPass(c.Request.Context(), ref)
	if err != nil {
		return nil, err
	}
	pass, err := g.verify(c.Request.Context(), known, now)
	if err != nil {
		return nil, err
	}
	g.lastSeen.note(pass.UseID)
	if cookie != "" {
		g.passes.addVisit(cookie, known, clock, g.cfg.PassMaxAge-now.Sub(known.Since))
	}
	return pass, nil
}

// storeMayBeAway is for stores that answer a new session, not an error, when
// the database that keeps them is away: the GORM store does. It is most often
// the gate's own database, so that one is asked before a visitor is taken for
// a stranger.
func (g *Gate) storeMayBeAway(ctx context.Context, cookie string) error {
	if err := g.tokens.answers(ctx, !g.passes.known(cookie)); err != nil {
		return err
	}
	return ErrNoPass
}

// lookUpPass knows or looks up the entry that a reference stands for.
func (g *Gate) lookUpPass(ctx context.Context, ref string) (*knownPass, error) {
	if known := g.passes.find(ref, g.tokens.readAt.Load()); known != nil {
		return known, nil
	}
	clock := g.tokens.clock()
	use, err := query(ctx, g.tokens.fault, func(ctx context.Context) (models.AccessTokenUse, error) {
		return models.FindPass(ctx, g.cfg.DB, ref)
	})
	switch {
	case errors.Is(err, models.ErrNotFound):
		return nil, ErrNoPass
	case err != nil:
		return nil, err
	case use.EndedAt != nil:
		return nil, ErrNoPass
	}
	return g.remember(use, clock), nil
}

func (g *Gate) remember(use models.AccessTokenUse, clock int64) *knownPass {
	known := newKnownPass(use, clock)
	g.passes.add(known)
	return known
}

// verify tells whether a pass still holds: not ended, not too old, and its
// token live.
func (g *Gate) verify(ctx context.Context, known *knownPass, now time.Time) (*Pass, error) {
	if err := g.tokens.freshen(ctx, g.tokens.clock()); err != nil {
		return nil, err
	}
	if readAt := g.tokens.readAt.Load(); known.confirmedAt.Load() < readAt {
		if !confirmed(known.confirmedAt.Load(), readAt) {
			return g.verifyAnew(ctx, known, now)
		}
		known.confirmedAt.Store(readAt)
	}
	if g.tokens.hasEnded(known.UseID) || now.Sub(known.Since) >= g.cfg.PassMaxAge {
		g.passes.forget(known)
		return nil, ErrNoPass
	}
	row, err := g.tokenOf(ctx, known, now)
	if err != nil {
		return nil, err
	}
	if !row.Live(now) {
		return nil, ErrNoPass
	}
	return &known.Pass, nil
}

// verifyAnew is verify for a pass that was not seen for so long that its end
// may have been missed.
func (g *Gate) verifyAnew(ctx context.Context, known *knownPass, now time.Time) (*Pass, error) {
	g.passes.forget(known)
	fresh, err := g.lookUpPass(ctx, known.ref)
	if err != nil {
		return nil, err
	}
	known.confirmedAt.Store(fresh.confirmedAt.Load())
	g.passes.add(known)
	return g.verify(ctx, known, now)
}

// tokenOf knows or looks up the token of a pass.
func (g *Gate) tokenOf(ctx context.Context, known *knownPass, now time.Time) (*models.AccessToken, error) {
	if row := g.tokens.current(known.token.Load(), g.tokens.clock()); row != nil {
		return row, nil
	}
	entry, err := g.tokens.byTokenID(ctx, known.TokenID)
	if errors.Is(err, models.ErrNotFound) {
		return nil, ErrNoPass
	}
	if err != nil {
		return nil, err
	}
	row := entryRow(entry)
	if row == nil || row.Check() != known.check.Value() { // deleted this very moment, or another token with its ID
		return nil, ErrNoPass
	}
	known.token.Store(entry)
	return row, nil
}
