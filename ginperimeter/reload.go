package ginperimeter

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gin-perimeter/gin-perimeter/models"
)

// How fresh the gate's knowledge is. A change made elsewhere is seen within
// maxAge; the promise is 5 seconds, and the rest is for a slow database.
const (
	reloadAfter   = 2 * time.Second         // with visitors, a reload in the background begins this long after the last
	maxAge        = 4500 * time.Millisecond // older knowledge is not believed: the request waits for a reload
	retryAfter    = time.Second             // after a reload failed, requests that need one fail at once for this long
	reloadWait    = 5 * time.Second         // how long a request waits for a reload before the database counts as away
	reloadTimeout = 15 * time.Second        // how long a reload may take: a slow database must get to answer at last, also on new connections
	lookupTimeout = 5 * time.Second         // the same for one look-up
	keepToken     = time.Minute             // a token not used for this long is no longer reloaded
	endedWindow   = 10 * time.Minute        // how far back ended passes are read; clocks of instances may differ by half
)

// clock is the time since started: monotonic with the default Now, so that
// setting the machine's clock does not change what is fresh.
func (t *tokens) clock() int64 { return int64(t.since(t.started)) }

// freshen makes sure that what is known is fresh enough to be believed, and
// starts the next reload in time. While the database is away, what was known
// is believed for Config.StaleFor. The error is ErrUnavailable.
func (t *tokens) freshen(ctx context.Context, clock int64) error {
	age := clock - t.readAt.Load()
	if t.generation.Load() != models.Generation() {
		// a change made in this process is known: what was read before it
		// is believed no more, not even while the database is away
		return t.reloadNow(ctx)
	}
	switch {
	case age >= 0 && age < int64(reloadAfter):
		return nil
	case age >= 0 && age < int64(maxAge), t.inTrouble(clock) && t.believed(age):
		t.reloadSoon(ctx, clock)
		return nil
	}
	err := t.reloadNow(ctx)
	// a client that hangs up says nothing of the database
	if err != nil && ctx.Err() == nil && t.believed(t.clock()-t.readAt.Load()) {
		return nil
	}
	return err
}

// anticipate reads again what would be too old to be believed, should the
// database go away now: who has just entered a site where nobody was stays
// inside then.
func (t *tokens) anticipate(ctx context.Context) {
	if t.stale > 0 && !t.believed(t.clock()-t.readAt.Load()) {
		_ = t.reloadNow(ctx) // what can't be read now, the next page asks for again
	}
}

// inTrouble tells whether the database was found away, and so short a time ago
// that it may still be, or that short a time before the reload that is still
// under way: else the request waits for the next reload, so that a change is
// not overlooked once it is back.
func (t *tokens) inTrouble(clock int64) bool {
	trouble, reading := t.troubleAt.Load(), t.readingSince.Load()
	return trouble != neverRead && (lately(trouble, clock, maxAge) ||
		(reading != neverRead && reading-trouble < int64(maxAge)))
}

// lately tells whether something was so short a time ago.
func lately(at, clock int64, within time.Duration) bool {
	return clock-at >= 0 && clock-at < int64(within)
}

// believed tells whether knowledge of that age does while the database is away.
func (t *tokens) believed(age int64) bool { return age >= 0 && age < int64(t.stale) }

// reloadSoon starts a reload in the background, if none was tried lately.
func (t *tokens) reloadSoon(ctx context.Context, clock int64) {
	last := t.attemptAt.Load()
	if lately(last, clock, reloadAfter) {
		return
	}
	if t.attemptAt.CompareAndSwap(last, clock) {
		t.reload.DoChan("", func() (any, error) { return nil, t.read(context.WithoutCancel(ctx)) })
	}
}

// reloadNow waits for a reload, shared by all who wait. One that was under way
// may have read before the change that this request must see, or too long ago;
// then another is done.
func (t *tokens) reloadNow(ctx context.Context) error {
	if lately(t.troubleAt.Load(), t.clock(), retryAfter) {
		return ErrUnavailable
	}
	wait := time.NewTimer(reloadWait)
	defer wait.Stop()
	for range 2 {
		done := t.reload.DoChan("", func() (any, error) { return nil, t.read(context.WithoutCancel(ctx)) })
		select {
		case result := <-done:
			if result.Err != nil {
				return errors.Join(ErrUnavailable, result.Err)
			}
		case <-wait.C:
			if t.readingSince.Load() != neverRead { // else it has just been answered
				t.troubleAt.Store(t.clock())
			}
			return errors.Join(ErrUnavailable, context.DeadlineExceeded)
		case <-ctx.Done():
			return errors.Join(ErrUnavailable, ctx.Err())
		}
		if t.generation.Load() == models.Generation() && t.clock()-t.readAt.Load() < int64(maxAge) {
			return nil
		}
	}
	return nil // it moves on faster than it is read; what was read is younger than this request
}

// read is one reload.
func (t *tokens) read(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, reloadTimeout)
	defer cancel()
	now, clock := t.now(), t.clock()
	t.readingSince.Store(clock)
	defer t.readingSince.Store(neverRead)
	t.attemptAt.Store(clock)
	generation := models.Generation()
	err := t.readRows(ctx, now, clock, generation)
	t.fault.note(err)
	if err != nil {
		t.troubleAt.Store(t.clock())
	} else {
		t.readAt.Store(clock)
		t.generation.Store(generation)
		t.troubleAt.Store(neverRead)
	}
	t.reloaded(ctx, t.now().Sub(now), err)
	return err
}

func (t *tokens) readRows(ctx context.Context, now time.Time, clock int64, generation uint64) error {
	// at the same time: a slow database is asked both within the time limit
	both, ctx := errgroup.WithContext(ctx)
	since := t.wall.earliest(now, clock).Add(-endedWindow)
	var ended []uint
	both.Go(func() (err error) {
		ended, err = models.ListEndedUses(ctx, t.db, since)
		return err
	})
	inUse := t.inUse(clock)
	rows, err := models.GetAccessTokens(ctx, t.db, inUse)
	if err = errors.Join(err, both.Wait()); err != nil {
		return err
	}
	t.store(inUse, rows, now, clock, generation)
	set := make(map[uint]bool, len(ended))
	for _, id := range ended {
		set[id] = true
	}
	t.ended.Store(&set)
	return nil
}
