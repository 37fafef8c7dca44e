package ginperimeter

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

// What can go away, as logs and events name it.
const (
	whatDatabase = "database"
	whatWrites   = "database writes" // reading works: a full disk, a read-only replica
	whatSessions = "session store"
	whatLimiter  = "attempt limiter"
)

// settle is how long something must answer without failing between before it
// counts as back. What half works would fill the log otherwise.
const settle = 10 * time.Second

// fault logs that something went away, and that it came back, once each and
// not per request. It is safe for concurrent use.
type fault struct {
	logger  *slog.Logger
	now     func() time.Time
	observe func(Event) // may be nil
	what    string

	away     atomic.Bool
	failedAt atomic.Int64 // the last failure, in Unix nanoseconds
}

func newFault(cfg *Config, what string) *fault {
	return &fault{logger: cfg.Logger, now: cfg.Now, observe: cfg.Observe, what: what}
}

func (f *fault) note(err error) {
	if err != nil {
		if f.begin() {
			f.logger.Error("perimeter: "+f.what+" does not answer", "event", "perimeter.away", "what", f.what, "error", err)
			f.tell(EventAway)
		}
		return
	}
	if f.away.Load() && f.settled() && f.away.CompareAndSwap(true, false) {
		f.logger.Info("perimeter: "+f.what+" answers again", "event", "perimeter.back", "what", f.what)
		f.tell(EventBack)
	}
}

// begin notes a failure, and answers whether it is the first.
func (f *fault) begin() bool {
	f.failedAt.Store(f.now().UnixNano())
	return f.away.CompareAndSwap(false, true)
}

// settled takes a clock that was set back for one that has gone on.
func (f *fault) settled() bool {
	since := time.Duration(f.now().UnixNano() - f.failedAt.Load())
	return since < 0 || since >= settle
}

func (f *fault) tell(kind EventKind) {
	if f.observe != nil {
		f.observe(Event{Kind: kind, Reason: f.what})
	}
}

// noteWrite notes what became of a write. A client that went away in the
// middle says nothing of the database, and where reading fails as well, that
// has been said.
func (g *Gate) noteWrite(ctx context.Context, err error) {
	if err != nil && (ctx.Err() != nil || g.tokens.fault.away.Load()) {
		return
	}
	g.writeFault.note(err)
}
