package ginperimeter

import (
	"context"
	"sync"
	"time"

	"github.com/gin-perimeter/gin-perimeter/models"
)

// seenEvery is how often last-seen times are written, and how exact they are.
const seenEvery = time.Minute

// lastSeen gathers which passes were seen, to write them in one statement.
type lastSeen struct {
	mu      sync.Mutex
	uses    map[uint]bool
	flushed int64
}

func (s *lastSeen) note(useID uint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.uses == nil {
		s.uses = make(map[uint]bool)
	}
	s.uses[useID] = true
}

// take gives what was gathered, if it is time to write it.
func (s *lastSeen) take(clock int64, force bool) []uint {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.uses) == 0 || (!force && clock-s.flushed < int64(seenEvery)) {
		return nil
	}
	ids := make([]uint, 0, len(s.uses))
	for id := range s.uses {
		ids = append(ids, id)
	}
	s.uses, s.flushed = nil, clock
	return ids
}

// flushSeen writes when visitors were last seen. It is worth no fault of its
// own: an error costs a minute's exactness.
func (g *Gate) flushSeen(ctx context.Context, force bool) error {
	now := g.cfg.Now()
	ids := g.lastSeen.take(g.tokens.clock(), force)
	if len(ids) == 0 {
		return nil
	}
	return models.MarkUsesSeen(ctx, g.cfg.DB, ids, now)
}

// Shutdown writes what the gate still holds in memory: when visitors were last
// seen. Call it after the server has shut down. The gate goes on working.
func (g *Gate) Shutdown(ctx context.Context) error { return g.flushSeen(ctx, true) }
