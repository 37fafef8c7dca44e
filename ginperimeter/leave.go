package ginperimeter

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/gin-perimeter/gin-perimeter/models"
)

// leave ends the visitor's pass: in the database first, so that copies of the
// cookie die with it, then in the session.
func (g *Gate) leave(c *gin.Context) {
	if c.Request.Method != http.MethodPost {
		g.methodNotAllowed(c, http.MethodPost)
		return
	}
	if err := g.origins.Check(c.Request); err != nil {
		g.refuseForeign(c)
		return
	}
	if err := g.endPass(c); err != nil {
		g.refuse(c, err)
		return
	}
	g.observe(EventLeft, "", 0)
	g.seeOther(c, g.prefix+g.cfg.GatewayPath)
}

func (g *Gate) endPass(c *gin.Context) error {
	session, err := g.loadSession(c)
	if err != nil {
		return err
	}
	ref := g.passRef(session)
	if ref == "" {
		return nil
	}
	known, err := g.lookUpPass(c.Request.Context(), ref)
	if errors.Is(err, ErrUnavailable) {
		return err
	}
	if known != nil {
		if err := models.EndAccessTokenUse(c.Request.Context(), g.cfg.DB, known.UseID); err != nil && !errors.Is(err, models.ErrNotFound) {
			g.noteWrite(c.Request.Context(), err)
			return errors.Join(ErrUnavailable, err)
		}
		g.tokens.end(known.UseID)
		g.passes.forget(known)
	}
	return g.saveRef(c, session, "")
}
