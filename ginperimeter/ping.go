package ginperimeter

import (
	"context"
	"time"
)

// ping is an answer of the database to nothing in particular.
type ping struct {
	at  int64
	err error
}

// pingAgain is how long the answer to a ping is good.
const pingAgain = time.Second

// answers tells whether the database does. That it does not is good for a
// second; that it does only for the asking of those whom anybody could be,
// who would otherwise make a query each.
func (t *tokens) answers(ctx context.Context, anybody bool) error {
	clock := t.clock()
	if last := t.pinged.Load(); last != nil && lately(last.at, clock, pingAgain) && (anybody || last.err != nil) {
		return last.err
	}
	_, err := query(ctx, t.fault, func(ctx context.Context) (int, error) {
		var one int
		return one, t.db.WithContext(ctx).Raw("SELECT 1").Scan(&one).Error
	})
	if err == nil || ctx.Err() == nil {
		t.pinged.Store(&ping{at: clock, err: err})
	}
	return err
}
