package ginperimeter

import (
	"context"
	"errors"
	"fmt"

	"github.com/gin-perimeter/gin-perimeter/models"
)

// Ready tells whether the gate can let people in at this moment: nil when the
// database answers and holds the tables, or when the gate is switched off. It
// is meant for a readiness probe, and makes a few small queries:
//
//	r.GET("/readyz", func(c *gin.Context) {
//		if err := gate.Ready(c.Request.Context()); err != nil {
//			c.String(http.StatusServiceUnavailable, "not ready\n")
//			return
//		}
//		c.String(http.StatusOK, "ready\n")
//	})
//
// Put the probe's path into BypassPaths, and its error into no answer: it
// names servers. The error is models.ErrNoTables or ErrUnavailable. An answer
// takes at most 5 seconds, less where ctx ends earlier. The session store is
// not asked; a gate whose store is away shows its page and answers 503.
//
// Use it to keep requests from an instance that starts or leaves. It is no
// liveness probe: restarting brings no database back.
func (g *Gate) Ready(ctx context.Context) error {
	if g.cfg.InsecureDisabled {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	err := models.CheckTables(ctx, g.cfg.DB)
	if err == nil || errors.Is(err, models.ErrNoTables) || errors.Is(err, models.ErrSettings) {
		return err
	}
	return errors.Join(ErrUnavailable, fmt.Errorf("checking the tables: %w", err))
}
