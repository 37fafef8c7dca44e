package models

import (
	"context"
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
	return f.listing(db).page(ctx, db, p)
}

// EachAccessTokenUse calls visit with every use that matches, in the order of
// ListAccessTokenUses. It reads them by pages: the memory it takes does not
// grow with their number. An error from visit ends it and is returned.
func EachAccessTokenUse(ctx context.Context, db *gorm.DB, f UseFilter, visit func(AccessTokenUse) error) error {
	return f.listing(db).each(ctx, db, visit)
}

// CountAccessTokenUses counts the uses that match. It reads an index as far as
// they reach: with millions, use CountAccessTokenUsesUpTo where nobody waits.
func CountAccessTokenUses(ctx context.Context, db *gorm.DB, f UseFilter) (int64, error) {
	return count[AccessTokenUse](ctx, db, f.listing(db).alternatives, 0)
}

// CountAccessTokenUsesUpTo counts the uses that match, but stops at limit.
func CountAccessTokenUsesUpTo(ctx context.Context, db *gorm.DB, f UseFilter, limit int) (int64, error) {
	return count[AccessTokenUse](ctx, db, f.listing(db).alternatives, limit)
}

// usesTime is the column at, as the index that serves all uses has it.
func usesTime(db *gorm.DB) string {
	if db.Name() == "postgres" {
		return "(at AT TIME ZONE 'UTC')"
	}
	return "at"
}

func (f UseFilter) listing(db *gorm.DB) listing[AccessTokenUse] {
	person, ip := searchKey(f.Person, maxEmail), clean(f.IP, maxIP)
	at := "at"
	if f.TokenID == 0 && person == "" && ip == "" {
		at = usesTime(db)
	}
	l := listing[AccessTokenUse]{
		alternatives: []condition{f.condition(person, ip, at)},
		order:        newest(at, "id"),
		place:        func(u AccessTokenUse) []any { return []any{u.At.UTC(), u.ID} },
		id:           func(u AccessTokenUse) uint { return u.ID },
		byTime:       true,
	}
	if person != "" {
		l.order = append(rising("email_key"), l.order...)
		l.place = func(u AccessTokenUse) []any { return []any{u.EmailKey, u.At.UTC(), u.ID} }
		l.byTime = false
	}
	return l
}

func (f UseFilter) condition(person, ip, at string) condition {
	var all []condition
	if f.TokenID > 0 {
		all = append(all, where("token_id = ?", f.TokenID))
	}
	if person != "" {
		all = append(all, begins("email_key", person))
	}
	if ip != "" {
		all = append(all, where("ip = ?", ip))
	}
	if !f.Since.IsZero() {
		all = append(all, where(at+" >= ?", stamp(f.Since)))
	}
	if !f.Until.IsZero() {
		all = append(all, where(at+" < ?", stamp(f.Until)))
	}
	return both(all...)
}
