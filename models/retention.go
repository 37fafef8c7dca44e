package models

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"gorm.io/gorm"
)

// purgeBatch is how many rows one transaction deletes: few enough that nobody
// waits for it.
const purgeBatch = 1000

// PurgeAccessTokenUses deletes the uses from before a time, in batches, and
// answers how many. A pass whose use is deleted ends when it is next looked
// up. progress, where not nil, is called after every batch with the number so
// far and the number that there were at the start. What was deleted before an
// error stays deleted.
func PurgeAccessTokenUses(ctx context.Context, db *gorm.DB, before time.Time, progress func(done, total int64)) (int64, error) {
	var done int64
	total, err := CountAccessTokenUses(ctx, db, UseFilter{Until: before})
	if err != nil {
		return 0, fmt.Errorf("counting old uses: %w", err)
	}
	for {
		var ids []uint
		err := db.WithContext(ctx).Model(&AccessTokenUse{}).Where(usesTime(db)+" < ?", stamp(before)).
			Order(usesTime(db)+", id").Limit(purgeBatch).Pluck("id", &ids).Error
		if err != nil {
			return done, fmt.Errorf("finding old uses: %w", err)
		}
		if len(ids) == 0 {
			return done, nil
		}
		var deleted int64
		err = write(ctx, db, func(tx *gorm.DB) error {
			result := tx.Where("id IN ?", ids).Delete(&AccessTokenUse{})
			deleted = result.RowsAffected
			return result.Error
		})
		if err != nil {
			return done, fmt.Errorf("deleting old uses: %w", err)
		}
		done += deleted
		if progress != nil {
			progress(done, max(total, done))
		}
	}
}

// CountPerson tells how many uses ForgetPerson would change.
func CountPerson(ctx context.Context, db *gorm.DB, email string) (int64, error) {
	var n int64
	err := personUses(ctx, db, email).Count(&n).Error
	return n, err
}

// ForgetPerson removes name, address and browser from every use with this
// email address (in any case) and ends the passes, so that nothing tells who
// it was; the bare entries still count. Tokens that were issued to the person
// keep their text until they are edited or deleted. It answers how many uses
// it changed.
func ForgetPerson(ctx context.Context, db *gorm.DB, email string) (int64, error) {
	if searchKey(email, maxEmail) == "" {
		return 0, &InvalidError{"email", "is empty"}
	}
	var forgotten int64
	err := write(ctx, db, func(tx *gorm.DB) error {
		if err := recordForgetting(ctx, tx, email); err != nil {
			return err
		}
		result := personUses(ctx, tx, email).UpdateColumns(map[string]any{
			"name": "", "email": "", "email_key": "", "ip": "", "user_agent": "",
			"ended_at": gorm.Expr("COALESCE(ended_at, ?)", instant()),
		})
		forgotten = result.RowsAffected
		return result.Error
	})
	if err != nil {
		return 0, fmt.Errorf("forgetting a person: %w", err)
	}
	bumpGeneration()
	return forgotten, nil
}

// recordForgetting tells each token that somebody was forgotten, not who.
func recordForgetting(ctx context.Context, tx *gorm.DB, email string) error {
	if actor(ctx) == "" {
		return nil
	}
	var tokens []struct {
		TokenID    uint
		TokenLabel string
		Entries    int64
	}
	err := personUses(ctx, tx, email).Select("token_id, MAX(token_label) AS token_label, COUNT(*) AS entries").
		Group("token_id").Order("token_id").Find(&tokens).Error
	if err != nil {
		return err
	}
	for _, t := range tokens {
		err := recordUseChange(ctx, tx, "person forgotten", t.TokenID, t.TokenLabel, "entries", strconv.FormatInt(t.Entries, 10))
		if err != nil {
			return err
		}
	}
	return nil
}

func personUses(ctx context.Context, db *gorm.DB, email string) *gorm.DB {
	return db.WithContext(ctx).Model(&AccessTokenUse{}).Where("email_key = ?", searchKey(email, maxEmail))
}
