package ginperimeter

import (
	"log/slog"
	"sync/atomic"
)

// fault logs that something went away, and that it came back, once each and
// not per request. It is safe for concurrent use.
type fault struct {
	logger *slog.Logger
	what   string // "database", "session store", …
	away   atomic.Bool
}

func (f *fault) note(err error) {
	switch {
	case err != nil && f.away.CompareAndSwap(false, true):
		f.logger.Error("perimeter: "+f.what+" does not answer", "event", "perimeter.away", "what", f.what, "error", err)
	case err == nil && f.away.Load() && f.away.CompareAndSwap(true, false):
		f.logger.Info("perimeter: "+f.what+" answers again", "event", "perimeter.back", "what", f.what)
	}
}
