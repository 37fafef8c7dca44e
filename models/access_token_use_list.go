package models

import (
	"context"
	"strings"
	"time"

	"gorm.io/gorm"
)

// UseFilter says which uses to list. The zero value lists all; conditions that
// are set all hold.
type UseFilter struct {
	TokenID uint
	Person  string    // email address begins with this, in any case
	IP      string    // exactly this address
	Since   time.Time // at this time or later
	Until   time.Time // before this time
}

// ListAccessTokenUses gives one page of the uses that match, newest first. With
// Person they come by address, and newest first for each.
func ListAccessTokenUses(ctx context.Context, db *gorm.DB, f UseFilter, p Page) (Rows[AccessTokenUse], error) {
	return f.listing().page(ctx, db, p)
}

// EachAccessTokenUse calls visit with every use that matches, in the order of
// ListAccessTokenUses. It reads them by pages: the memory it takes does not
// grow with their number. An error from visit ends it and is returned.
func EachAccessTokenUse(ctx context.Context, db *gorm.DB, f UseFilter, visit func(AccessTokenUse) error) error {
	return f.listing().each(ctx, db, visit)
}

// CountAccessTokenUses counts the uses that match. It reads an index as far as
// they reach: with millions, use CountAccessTokenUsesUpTo where nobody waits.
func CountAccessTokenUses(ctx context.Context, db *gorm.DB, f UseFilter) (int64, error) {
	return count[AccessTokenUse](ctx, db, f.listing().alternatives, 0)
}

// CountAccessTokenUsesUpTo counts the uses that match, but stops at limit.
func CountAccessTokenUsesUpTo(ctx context.Context, db *gorm.DB, f UseFilter, limit int) (int64, error) {
	return count[AccessTokenUse](ctx, db, f.listing().alternatives, limit)
}

func (f UseFilter) listing() listing[AccessTokenUse] {
	l := listing[AccessTokenUse]{
		alternatives: []condition{f.apply},
		order:        newest("at", "id"),
		place:        func(u AccessTokenUse) []any { return []any{u.At.UTC(), u.ID} },
		id:           func(u AccessTokenUse) uint { return u.ID },
		byTime:       true,
	}
	if searchKey(f.Person, maxEmail) != "" {
		l.order = append(rising("email_key"), l.order...)
		l.place = func(u AccessTokenUse) []any { return []any{u.EmailKey, u.At.UTC(), u.ID} }
		l.byTime = false
	}
	return l
}

func (f UseFilter) apply(query *gorm.DB) *gorm.DB {
	if f.TokenID > 0 {
		query = query.Where("token_id = ?", f.TokenID)
	}
	if person := searchKey(f.Person, maxEmail); person != "" {
		query = begins("email_key", person)(query)
	}
	if ip := strings.TrimSpace(f.IP); ip != "" {
		query = query.Where("ip = ?", clean(ip, maxIP))
	}
	if !f.Since.IsZero() {
		query = query.Where("at >= ?", f.Since.UTC())
	}
	if !f.Until.IsZero() {
		query = query.Where("at < ?", f.Until.UTC())
	}
	return query
}
