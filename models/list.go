package models

import (
	"context"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
)

// DefaultPageSize is how many rows a page has unless said otherwise.
const DefaultPageSize = 50

// Page says which part of a list to read. Lists go from the newest row to the
// oldest and are cut by ID, not by counting, so that the last page is as fast
// as the first. The zero value is the first page.
type Page struct {
	Before uint // only rows older than this ID: the page after one that ended with it
	After  uint // only rows newer than this ID: the page before one that began with it
	Last   bool // the oldest rows
	Size   int  // default: DefaultPageSize; at most 1000
}

func (p Page) size() int {
	if p.Size <= 0 {
		return DefaultPageSize
	}
	return min(p.Size, 1000)
}

// Rows is one page of a list.
type Rows[T any] struct {
	Rows  []T
	Newer bool // there are rows before these
	Older bool // there are rows after these
}

// read runs query for page p.
func read[T any](query *gorm.DB, p Page) (Rows[T], error) {
	backwards := p.Last || p.After > 0
	switch {
	case p.After > 0:
		query = query.Where("id > ?", p.After)
	case p.Before > 0:
		query = query.Where("id < ?", p.Before)
	}
	order := "id DESC"
	if backwards {
		order = "id ASC"
	}
	var rows []T
	if err := query.Order(order).Limit(p.size() + 1).Find(&rows).Error; err != nil {
		return Rows[T]{}, err
	}
	more := len(rows) > p.size()
	rows = rows[:min(len(rows), p.size())]
	if backwards {
		slices.Reverse(rows)
		return Rows[T]{Rows: rows, Newer: more, Older: !p.Last}, nil
	}
	return Rows[T]{Rows: rows, Newer: p.Before > 0, Older: more}, nil
}

// TokenFilter says which tokens to list. The zero value lists all.
type TokenFilter struct {
	Status Status    // only these; default: all
	Search string    // label begins with this, in any case; with an @, the email address issued to; four characters also match a hint
	Now    time.Time // when Status is judged; default: time.Now
}

// ListAccessTokens gives one page of the tokens that match, newest first.
func ListAccessTokens(ctx context.Context, db *gorm.DB, f TokenFilter, p Page) (Rows[AccessToken], error) {
	query := f.apply(db.WithContext(ctx).Model(&AccessToken{}))
	return read[AccessToken](query, p)
}

// CountAccessTokens counts the tokens that match.
func CountAccessTokens(ctx context.Context, db *gorm.DB, f TokenFilter) (int64, error) {
	var n int64
	err := f.apply(db.WithContext(ctx).Model(&AccessToken{})).Count(&n).Error
	return n, err
}

func (f TokenFilter) apply(query *gorm.DB) *gorm.DB {
	now := f.Now
	if now.IsZero() {
		now = time.Now()
	}
	now = now.UTC()
	const active, unexpired = "deactivated_at IS NULL", "expires_at IS NULL OR expires_at > ?"
	switch f.Status {
	case StatusDeactivated:
		query = query.Where("deactivated_at IS NOT NULL")
	case StatusExpired:
		query = query.Where(active).Where("expires_at <= ?", now)
	case StatusUsedUp:
		query = query.Where(active).Where(unexpired, now).Where("max_uses > 0 AND use_count >= max_uses")
	case StatusLive:
		query = query.Where(active).Where(unexpired, now).Where("max_uses = 0 OR use_count < max_uses")
	}
	search := searchKey(f.Search, maxLabel)
	switch {
	case search == "":
	case strings.Contains(search, "@"):
		query = query.Where("LOWER(for_email) LIKE ? ESCAPE '!'", likePrefix(search))
	case len(search) == hintLength:
		query = query.Where("label_key LIKE ? ESCAPE '!' OR hint = ?", likePrefix(search), strings.ToUpper(search))
	default:
		query = query.Where("label_key LIKE ? ESCAPE '!'", likePrefix(search))
	}
	return query
}

// likePrefix is a LIKE pattern, with ! as escape, for texts that begin so.
func likePrefix(text string) string {
	return strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(text) + "%"
}

// UseFilter says which uses to list. The zero value lists all; conditions that
// are set all hold.
type UseFilter struct {
	TokenID uint
	Person  string    // email address begins with this, in any case
	IP      string    // exactly this address
	Since   time.Time // at this time or later
	Until   time.Time // before this time
}

func (f UseFilter) apply(query *gorm.DB) *gorm.DB {
	if f.TokenID > 0 {
		query = query.Where("token_id = ?", f.TokenID)
	}
	if person := searchKey(f.Person, maxEmail); person != "" {
		query = query.Where("email_key LIKE ? ESCAPE '!'", likePrefix(person))
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

// ListAccessTokenUses gives one page of the uses that match, newest first.
func ListAccessTokenUses(ctx context.Context, db *gorm.DB, f UseFilter, p Page) (Rows[AccessTokenUse], error) {
	query := f.apply(db.WithContext(ctx).Model(&AccessTokenUse{}))
	return read[AccessTokenUse](query, p)
}

// CountAccessTokenUses counts the uses that match.
func CountAccessTokenUses(ctx context.Context, db *gorm.DB, f UseFilter) (int64, error) {
	var n int64
	err := f.apply(db.WithContext(ctx).Model(&AccessTokenUse{})).Count(&n).Error
	return n, err
}

// EachAccessTokenUse calls visit with every use that matches, newest first. It
// reads them by pages: the memory it takes does not grow with their number. An
// error from visit ends it and is returned.
func EachAccessTokenUse(ctx context.Context, db *gorm.DB, f UseFilter, visit func(AccessTokenUse) error) error {
	page := Page{Size: 1000}
	for {
		rows, err := ListAccessTokenUses(ctx, db, f, page)
		if err != nil {
			return err
		}
		for _, use := range rows.Rows {
			if err := visit(use); err != nil {
				return err
			}
		}
		if !rows.Older {
			return nil
		}
		page.Before = rows.Rows[len(rows.Rows)-1].ID
	}
}
