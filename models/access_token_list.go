package models

import (
	"context"
	"strings"
	"time"

	"gorm.io/gorm"
)

// TokenFilter says which tokens to list. The zero value lists all.
type TokenFilter struct {
	Status Status    // only these; default: all
	Kept   bool      // only those that keep the passes they gave: live and used up; Status must be empty
	Search string    // label begins with this, in any case; with an @, the email address issued to; four characters also match a hint
	Now    time.Time // when Status is judged; default: time.Now
}

// ListAccessTokens gives one page of the tokens that match. All tokens come
// newest first. Those of one status come by their end, the latest first: when
// they were deactivated, else when they expire. The results of a search come
// in the order of what was searched.
func ListAccessTokens(ctx context.Context, db *gorm.DB, f TokenFilter, p Page) (Rows[AccessToken], error) {
	return f.listing().page(ctx, db, p)
}

// EachAccessToken calls visit with every token that matches, in the order of
// ListAccessTokens. The memory it takes does not grow with their number. An
// error from visit ends it and is returned.
func EachAccessToken(ctx context.Context, db *gorm.DB, f TokenFilter, visit func(AccessToken) error) error {
	return f.listing().each(ctx, db, visit)
}

// CountAccessTokens counts the tokens that match. It reads an index as far as
// they reach: with a million, use CountAccessTokensUpTo where nobody waits.
func CountAccessTokens(ctx context.Context, db *gorm.DB, f TokenFilter) (int64, error) {
	return count[AccessToken](ctx, db, f.listing().alternatives, 0)
}

// CountAccessTokensUpTo counts the tokens that match, but stops at limit.
func CountAccessTokensUpTo(ctx context.Context, db *gorm.DB, f TokenFilter, limit int) (int64, error) {
	return count[AccessToken](ctx, db, f.listing().alternatives, limit)
}

// Values of the column standing, which the database derives from the others.
const (
	standingOpen = iota
	standingUsedUp
	standingDeactivated
)

// endUnindexed is ends_at in words that no index has.
const endUnindexed = "COALESCE(ends_at, ends_at)"

var (
	byTokenID      = listing[AccessToken]{order: newest("id"), place: func(t AccessToken) []any { return []any{t.ID} }}
	byLabel        = listing[AccessToken]{order: rising("label_key", "id"), place: func(t AccessToken) []any { return []any{t.LabelKey, t.ID} }}
	byForEmail     = listing[AccessToken]{order: rising("for_email_key", "id"), place: func(t AccessToken) []any { return []any{t.ForEmailKey, t.ID} }}
	byEnd          = listing[AccessToken]{order: newest("ends_at", "id"), place: func(t AccessToken) []any { return []any{t.end(), t.ID} }}
	byDeactivation = listing[AccessToken]{order: newest("deactivated_at", "id"), place: func(t AccessToken) []any { return []any{t.deactivation(), t.ID} }}
)

func newest(names ...string) []column { return columns(names, true) }
func rising(names ...string) []column { return columns(names, false) }

func columns(names []string, descending bool) []column {
	order := make([]column, 0, len(names))
	for _, name := range names {
		order = append(order, column{name, descending})
	}
	return order
}

// end is the column ends_at: the expiry, with a date for never.
func (t AccessToken) end() time.Time {
	if t.ExpiresAt == nil {
		return Never
	}
	return t.ExpiresAt.UTC()
}

func (t AccessToken) deactivation() time.Time {
	if t.DeactivatedAt == nil {
		return time.Time{} // activated meanwhile: the end of the list
	}
	return t.DeactivatedAt.UTC()
}

func (f TokenFilter) listing() listing[AccessToken] {
	l := f.ordered()
	l.id = func(t AccessToken) uint { return t.ID }
	return l
}

func (f TokenFilter) ordered() listing[AccessToken] {
	stands := f.stands()
	if text := searchKey(f.Search, maxLabel); text != "" {
		return searched(text, stands)
	}
	l := byEnd
	switch {
	case f.Status == StatusDeactivated:
		l = byDeactivation
	case stands == nil:
		l, stands = byTokenID, []condition{where("id > 0")}
	}
	l.alternatives = stands
	return l
}

// searched looks a text up where it can stand, among rows with a standing.
func searched(text string, stands []condition) listing[AccessToken] {
	l, found := byLabel, []condition{begins("label_key", text)}
	switch {
	case strings.Contains(text, "@"):
		l, found = byForEmail, []condition{begins("for_email_key", text)}
	case len(text) == hintLength:
		found = append(found, where("hint = ?", strings.ToUpper(text)))
	}
	if stands == nil {
		l.alternatives = found
		return l
	}
	for _, f := range found {
		for _, s := range stands {
			l.alternatives = append(l.alternatives, both(f, s))
		}
	}
	return l
}

// stands are the alternatives that a status has; nil for any. In a search they
// are written so that no index serves them: it shall be the one that finds the
// text.
func (f TokenFilter) stands() []condition {
	now := f.Now
	if now.IsZero() {
		now = time.Now()
	}
	now = stamp(now)
	column, end, deactivated := "standing", "ends_at", "deactivated_at IS NOT NULL"
	if searchKey(f.Search, maxLabel) != "" {
		column, end, deactivated = "standing + 0", endUnindexed, "standing + 0 = 2"
	}
	standing := func(standing int, ends string) condition {
		return where(column+" = ? AND "+end+" "+ends+" ?", standing, now)
	}
	switch {
	case f.Status == StatusDeactivated:
		return []condition{where(deactivated)}
	case f.Status == StatusExpired:
		return []condition{standing(standingOpen, "<="), standing(standingUsedUp, "<=")}
	case f.Status == StatusUsedUp:
		return []condition{standing(standingUsedUp, ">")}
	case f.Status == StatusLive:
		return []condition{standing(standingOpen, ">")}
	case f.Kept:
		return []condition{standing(standingOpen, ">"), standing(standingUsedUp, ">")}
	}
	return nil
}
