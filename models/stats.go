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
// expired at now, each kind up to limit: a page that shows these numbers must
// not take longer with every token made. It is one query, which reads the index
// on what tokens are good for and nothing else.
func CountTokensByState(ctx context.Context, db *gorm.DB, now, soon time.Time, limit int) (TokenCounts, error) {
	count := func(more, name string) string {
		return fmt.Sprintf("(SELECT COUNT(*) FROM (SELECT 1 FROM access_tokens WHERE standing = ? AND ends_at > ?%s LIMIT %d) AS %s_tokens) AS %[3]s", more, limit, name)
	}
	now, soon = stamp(now), stamp(soon)
	var counts TokenCounts
	err := db.WithContext(ctx).Raw("SELECT "+count("", "live")+", "+count(" AND ends_at <= ?", "expiring")+", "+count("", "used_up"),
		standingOpen, now, standingOpen, now, soon, standingUsedUp, now).Scan(&counts).Error
	if err != nil {
		return TokenCounts{}, fmt.Errorf("counting tokens: %w", err)
	}
	return counts, nil
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
		fmt.Fprintf(&query, "SELECT %d AS part, COUNT(*) AS uses FROM access_token_uses WHERE %s >= ? AND %[2]s < ?", i, usesTime(db))
		values = append(values, stamp(bounds[i]), stamp(bounds[i+1]))
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
	err := db.WithContext(ctx).Where("token_id = ?", tokenID).Order("at DESC, id DESC").Limit(limit).Find(&rows).Error
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
	var from []any
	if after != nil {
		from = []any{stamp(after.At), after.ID}
	}
	size = Page{Size: size}.size()
	rows, err = f.listingByExpiry().read(ctx, db, from, size+1)
	return rows[:min(len(rows), size)], len(rows) > size, err
}

func (f TokenFilter) listingByExpiry() listing[AccessToken] {
	l := byEnd
	l.id = func(t AccessToken) uint { return t.ID }
	end, standing := "ends_at", "standing"
	search := searchKey(f.Search, maxLabel)
	if search != "" { // sort what was found, rather than search along the expiries
		end, standing = endUnindexed, "standing + 0"
	}
	comes := where(end+" > ? AND "+end+" < ?", stamp(f.Now), Never)
	stands := func(values ...int) (alternatives []condition) {
		for _, value := range values {
			alternatives = append(alternatives, both(where(standing+" = ?", value), comes))
		}
		return alternatives
	}
	l.order, l.alternatives = rising(end, "id"), f.stands()
	switch {
	case f.Status == StatusExpired:
		l.order = newest(end, "id")
	case f.Status == StatusDeactivated:
		l.alternatives = stands(standingDeactivated)
	case l.alternatives == nil:
		l.alternatives = stands(standingOpen, standingUsedUp, standingDeactivated)
	default:
		for i, stands := range l.alternatives {
			l.alternatives[i] = both(stands, comes)
		}
	}
	if search != "" {
		l.alternatives = searched(search, l.alternatives).alternatives
	}
	return l
}
