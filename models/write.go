package models

import (
	"context"
	"math/rand/v2"
	"strings"
	"time"

	"gorm.io/gorm"
)

// stamp is a time as it is stored and compared: in UTC, in milliseconds, which
// every database keeps, so that what is read back is what was written. MariaDB
// does not even use an index to compare with a time of nanoseconds.
func stamp(at time.Time) time.Time { return at.UTC().Truncate(time.Millisecond) }

func instant() time.Time { return stamp(time.Now()) }

// busyWait is how long a write is tried again while SQLite is locked.
const busyWait = 5 * time.Second

// write runs work in a transaction. Where SQLite answers that it is locked, as
// it does without waiting when the host's DSN lacks _txlock=immediate, work
// runs again; so it must not keep anything from a failed run.
func write(ctx context.Context, db *gorm.DB, work func(tx *gorm.DB) error) error {
	db = db.WithContext(ctx)
	_, nested := db.Statement.ConnPool.(gorm.TxCommitter) // the caller's transaction must begin again, not ours
	giveUp := time.Now().Add(busyWait)
	for {
		err := db.Transaction(work)
		if nested || !isBusy(err) || time.Now().After(giveUp) || pause(ctx) != nil {
			return err
		}
	}
}

// pause waits a little, not the same for all who wait.
func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Millisecond + rand.N(20*time.Millisecond)):
		return nil
	}
}

// isBusy tells whether SQLite said that somebody else holds the lock
// (SQLITE_BUSY). It reads the message, since no driver is imported here.
func isBusy(err error) bool {
	return err != nil && strings.Contains(err.Error(), "database is locked")
}
