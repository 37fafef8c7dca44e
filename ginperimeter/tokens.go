package ginperimeter

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"
	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/models"
)

// tokens knows the tokens that are in use and the passes that were ended
// lately. It reads them again while there are visitors: one query for each,
// whatever their number, at most once in reloadAfter. It is safe for
// concurrent use.
type tokens struct {
	db     *gorm.DB
	now    func() time.Time
	since  func(time.Time) time.Duration // by the same clock
	stale  time.Duration                 // Config.StaleFor
	fault  *fault
	reload singleflight.Group
	// reloaded is called after each reload
	reloaded func(ctx context.Context, took time.Duration, err error)

	started time.Time // a reading of the clock that all ages are counted from
	// readAt is when the last good reload began, attemptAt when the last of
	// any outcome did, both in nanoseconds since started; before the first
	// they are below zero.
	readAt, attemptAt atomic.Int64
	troubleAt         atomic.Int64  // when, since the last good one, a reload failed or was waited for in vain
	readingSince      atomic.Int64  // when the reload began that is under way, if there is one
	generation        atomic.Uint64 // of models, at the last good reload
	ended             atomic.Pointer[map[uint]bool]
	pinged            atomic.Pointer[ping]
	wall              wall // of reloads, of which there is one at a time

	mu       sync.Mutex
	byID     map[uint]*tokenEntry
	byDigest map[string]*tokenEntry
}

// tokenEntry is one token that is in use.
type tokenEntry struct {
	row        atomic.Pointer[models.AccessToken] // nil: deleted, or no longer in use
	readAt     atomic.Int64
	usedAt     atomic.Int64
	generation atomic.Uint64 // of models, before row was read
	liveUntil  atomic.Int64  // the clock's reading when the row, as it is, stops keeping passes
}

// set notes a row that was read at now, which is clock, in that generation.
func (e *tokenEntry) set(row *models.AccessToken, now time.Time, clock int64, generation uint64) {
	e.liveUntil.Store(liveUntil(row, now, clock))
	e.row.Store(row)
	e.readAt.Store(clock)
	e.generation.Store(generation)
}

// liveUntil is the expiry, which is a date, by the clock. It is worked out anew
// with every reload: that is how soon it follows a machine whose time is set.
func liveUntil(row *models.AccessToken, now time.Time, clock int64) int64 {
	switch {
	case !row.Live(now):
		return neverRead
	case row.ExpiresAt == nil:
		return math.MaxInt64
	}
	return clock + min(int64(row.ExpiresAt.Sub(now)), math.MaxInt64-max(0, clock))
}

const neverRead = -1 << 62

func newTokens(cfg *Config) *tokens {
	t := &tokens{
		db: cfg.DB, now: cfg.Now, since: cfg.elapsed, stale: max(0, cfg.StaleFor), started: cfg.Now(),
		fault: newFault(cfg, whatDatabase),
		byID:  make(map[uint]*tokenEntry), byDigest: make(map[string]*tokenEntry),
	}
	t.readAt.Store(neverRead)
	t.attemptAt.Store(neverRead)
	t.troubleAt.Store(neverRead)
	t.readingSince.Store(neverRead)
	t.ended.Store(&map[uint]bool{})
	return t
}

// inUse gives the IDs of the tokens that were used lately.
func (t *tokens) inUse(clock int64) []uint {
	t.mu.Lock()
	defer t.mu.Unlock()
	ids := make([]uint, 0, len(t.byID))
	for id, entry := range t.byID {
		if t.inUseStill(entry, clock) {
			ids = append(ids, id)
		}
	}
	return ids
}

func (t *tokens) inUseStill(entry *tokenEntry, clock int64) bool {
	return clock-entry.usedAt.Load() <= int64(keepToken)
}

func (t *tokens) forget(id uint, entry *tokenEntry) {
	if row := entry.row.Swap(nil); row != nil {
		delete(t.byDigest, row.Digest)
	}
	delete(t.byID, id)
}

// store notes what was read of ids; those without a row were deleted. Only now,
// with a good answer, are the tokens forgotten that nobody used lately: while
// the database is away, they are all that is known.
func (t *tokens) store(ids []uint, rows []models.AccessToken, now time.Time, clock int64, generation uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, entry := range t.byID {
		if !t.inUseStill(entry, clock) {
			t.forget(id, entry)
		}
	}
	found := make(map[uint]*models.AccessToken, len(rows))
	for i := range rows {
		found[rows[i].ID] = &rows[i]
	}
	for _, id := range ids {
		entry := t.byID[id]
		if entry == nil {
			continue
		}
		row, was := found[id], entry.row.Load()
		if row == nil || (was != nil && was.Digest != row.Digest) { // gone, or another token with its ID
			t.forget(id, entry)
			continue
		}
		entry.set(row, now, clock, generation)
	}
}

// add remembers a row that was read at now, which is clock, in that generation.
func (t *tokens) add(row models.AccessToken, now time.Time, clock int64, generation uint64) *tokenEntry {
	t.mu.Lock()
	defer t.mu.Unlock()
	entry := t.byID[row.ID]
	was := entryRow(entry)
	if was != nil && was.Digest == row.Digest && entry.readAt.Load() >= clock && entry.generation.Load() >= generation {
		return entry // a reload was faster
	}
	if was != nil && was.Digest != row.Digest {
		t.forget(row.ID, entry)
		entry = nil
	}
	if entry == nil {
		entry = &tokenEntry{}
		t.byID[row.ID] = entry
		t.byDigest[row.Digest] = entry
	}
	entry.set(&row, now, clock, generation)
	entry.usedAt.Store(clock)
	return entry
}

func entryRow(entry *tokenEntry) *models.AccessToken {
	if entry == nil {
		return nil
	}
	return entry.row.Load()
}

// current is the entry's token if it is known freshly, else nil. The caller
// has freshened: an entry that is older than the last reload was read before
// it was added.
func (t *tokens) current(entry *tokenEntry, clock int64) *models.AccessToken {
	row := entryRow(entry)
	if row == nil || entry.readAt.Load() < min(t.readAt.Load(), clock-int64(maxAge)) {
		return nil
	}
	if entry.generation.Load() < t.generation.Load() {
		return nil // read before a change, and added after the reload that the change asked for
	}
	if clock-entry.usedAt.Load() > int64(time.Second) {
		entry.usedAt.Store(clock) // not on every request: the line is shared by all cores
	}
	return row
}

// byTokenID knows or looks up a token. The errors are models.ErrNotFound and
// ErrUnavailable.
func (t *tokens) byTokenID(ctx context.Context, id uint) (*tokenEntry, error) {
	clock := t.clock()
	t.mu.Lock()
	entry := t.byID[id]
	t.mu.Unlock()
	if t.current(entry, clock) != nil {
		return entry, nil
	}
	return t.lookUp(ctx, func(ctx context.Context) (models.AccessToken, error) {
		return models.GetAccessToken(ctx, t.db, id)
	})
}

// byText looks up a token by what somebody presented, in canonical form.
func (t *tokens) byText(ctx context.Context, canonical string) (*models.AccessToken, error) {
	entry, err := t.lookUp(ctx, func(ctx context.Context) (models.AccessToken, error) {
		return models.FindAccessToken(ctx, t.db, canonical)
	})
	if err != nil {
		return nil, err
	}
	if row := entry.row.Load(); row != nil {
		return row, nil
	}
	return nil, models.ErrNotFound // deleted this very moment
}

// find looks up a token by its text in canonical form. With cached, one that is
// in use and known freshly does. The errors are models.ErrNotFound and
// ErrUnavailable.
func (t *tokens) find(ctx context.Context, canonical string, cached bool) (*models.AccessToken, error) {
	if cached {
		t.mu.Lock()
		entry := t.byDigest[models.DigestToken(canonical)]
		t.mu.Unlock()
		if row := t.current(entry, t.clock()); row != nil {
			return row, nil
		}
	}
	return t.byText(ctx, canonical)
}

func (t *tokens) lookUp(ctx context.Context, find func(context.Context) (models.AccessToken, error)) (*tokenEntry, error) {
	now, clock, generation := t.now(), t.clock(), models.Generation()
	row, err := query(ctx, t.fault, find)
	if err != nil {
		return nil, err
	}
	return t.add(row, now, clock, generation), nil
}

// query runs one look-up with a time limit. What it finds missing is an
// answer; any other error is ErrUnavailable.
func query[T any](ctx context.Context, f *fault, find func(context.Context) (T, error)) (T, error) {
	limited, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	row, err := find(limited)
	switch {
	case err == nil:
		f.note(nil)
	case errors.Is(err, models.ErrNotFound):
		f.note(nil)
		return row, models.ErrNotFound
	case ctx.Err() == nil: // else the client went away, which says nothing of the database
		f.note(err)
	}
	if err != nil {
		return row, errors.Join(ErrUnavailable, err)
	}
	return row, nil
}

// end notes at once that a pass was ended here, should the database go away
// before the next reload.
func (t *tokens) end(useID uint) {
	for {
		was := t.ended.Load()
		set := make(map[uint]bool, len(*was)+1)
		for id := range *was {
			set[id] = true
		}
		set[useID] = true
		if t.ended.CompareAndSwap(was, &set) {
			return
		}
	}
}

func (t *tokens) hasEnded(useID uint) bool { return (*t.ended.Load())[useID] }
