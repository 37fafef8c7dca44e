package models

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"
)

// TokenCounts is how many tokens there are of the kinds that need attention.
type TokenCounts struct {
	Live     int64 // let somebody new in
	Expiring int64 // live, and expire before a given time
	UsedUp   int64 // neither deactivated nor expired, but used up
}

// CountTokensByState counts the tokens that are neither deactivated nor
// expired at now, in one query: expired ones are passed over by index.
func CountTokensByState(ctx context.Context, db *gorm.DB, now, soon time.Time) (TokenCounts, error) {
	const admits = "(max_uses = 0 OR use_count < max_uses)"
	var counts TokenCounts
	err := db.WithContext(ctx).Model(&AccessToken{}).
		Select("COUNT(CASE WHEN "+admits+" THEN 1 END) AS live, "+
			"COUNT(CASE WHEN "+admits+" AND expires_at <= ? THEN 1 END) AS expiring, "+
			"COUNT(CASE WHEN max_uses > 0 AND use_count >= max_uses THEN 1 END) AS used_up", soon.UTC()).
		Where("deactivated_at IS NULL").
		Where("expires_at IS NULL OR expires_at > ?", now.UTC()).
		Scan(&counts).Error
	return counts, err
}

// CountUsesBetween counts the uses between each bound and the next, from the
// bound on and before the next: one number less than there are bounds. The
// bounds ascend. It reads the index on the time, between the first and the
// last bound, and nothing else.
func CountUsesBetween(ctx context.Context, db *gorm.DB, bounds []time.Time) ([]int64, error) {
	if len(bounds) < 2 {
		return nil, nil
	}
	counts := make([]int64, len(bounds)-1)
	var query strings.Builder
	var values []any
	for i := range counts {
		if i > 0 {
			query.WriteString(" UNION ALL ")
		}
		fmt.Fprintf(&query, "SELECT %d AS part, COUNT(*) AS uses FROM access_token_uses WHERE at >= ? AND at < ?", i)
		values = append(values, bounds[i].UTC(), bounds[i+1].UTC())
	}
	var rows []struct {
		Part int
		Uses int64
	}
	if err := db.WithContext(ctx).Raw(query.String(), values...).Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("counting uses by time: %w", err)
	}
	for _, row := range rows {
		counts[row.Part] = row.Uses
	}
	return counts, nil
}

// LatestAccessTokenUses gives the latest uses of one token, newest first, at
// most limit of them: what a token's page sums up, at a cost that does not grow
// with the number of uses.
func LatestAccessTokenUses(ctx context.Context, db *gorm.DB, tokenID uint, limit int) ([]AccessTokenUse, error) {
	var rows []AccessTokenUse
	err := db.WithContext(ctx).Where("token_id = ?", tokenID).Order("id DESC").Limit(limit).Find(&rows).Error
	return rows, err
}

// ExpiryCursor is where a page of tokens in the order of their expiry ended.
type ExpiryCursor struct {
	At time.Time
	ID uint
}

// ListAccessTokensByExpiry gives one page of the tokens that match and expire
// after f.Now, the soonest first; with StatusExpired those that expired, the
// latest first. Tokens that never expire are left out. after is the last row of
// the page before, or nil. more tells whether there are rows after these.
func ListAccessTokensByExpiry(ctx context.Context, db *gorm.DB, f TokenFilter, after *ExpiryCursor, size int) (rows []AccessToken, more bool, err error) {
	if f.Now.IsZero() {
		f.Now = time.Now()
	}
	beyond, direction := ">", "ASC"
	if f.Status == StatusExpired {
		beyond, direction = "<", "DESC"
	}
	query := f.apply(db.WithContext(ctx).Model(&AccessToken{}))
	if f.Status != StatusExpired {
		query = query.Where("expires_at > ?", f.Now.UTC())
	}
	if after != nil {
		at := after.At.UTC()
		query = query.Where("expires_at "+beyond+" ? OR (expires_at = ? AND id "+beyond+" ?)", at, at, after.ID)
	}
	size = Page{Size: size}.size()
	err = query.Order("expires_at " + direction + ", id " + direction).Limit(size + 1).Find(&rows).Error
	if err != nil {
		return nil, false, err
	}
	return rows[:min(len(rows), size)], len(rows) > size, nil
}
