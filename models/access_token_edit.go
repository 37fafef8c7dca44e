package models

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// DeactivateAccessToken shuts a token: it lets nobody in and keeps nobody in.
// Deactivating it again changes nothing. ErrNotFound when it is not there.
func DeactivateAccessToken(ctx context.Context, db *gorm.DB, id uint) error {
	_, err := editTokens(ctx, db, []uint{id}, "deactivated", deactivate)
	return err
}

// DeactivateAccessTokens is DeactivateAccessToken for many in one transaction.
// It answers how many it changed; IDs that are not there are passed over.
func DeactivateAccessTokens(ctx context.Context, db *gorm.DB, ids []uint) (int, error) {
	return editTokens(ctx, db, ids, "deactivated", deactivate)
}

// ActivateAccessToken undoes DeactivateAccessToken. It does not extend: an
// expired token stays expired.
func ActivateAccessToken(ctx context.Context, db *gorm.DB, id uint) error {
	_, err := editTokens(ctx, db, []uint{id}, "activated", func(t *AccessToken, _ time.Time) error {
		t.DeactivatedAt = nil
		return nil
	})
	return err
}

// ExtendAccessToken sets when a token expires: a time after now, or Never. The
// new time may be earlier than the old one.
func ExtendAccessToken(ctx context.Context, db *gorm.DB, id uint, until time.Time) error {
	_, err := editTokens(ctx, db, []uint{id}, "extended", func(t *AccessToken, now time.Time) error {
		expires := stored(until)
		if expires != nil && !expires.After(now) {
			return &InvalidError{"expires", "lies in the past"}
		}
		t.ExpiresAt = expires
		return nil
	})
	return err
}

// ExtendAccessTokens lets each of many tokens live longer by that much,
// counted from now for those that have expired; tokens that never expire stay
// so. It answers how many it changed; IDs that are not there are passed over.
func ExtendAccessTokens(ctx context.Context, db *gorm.DB, ids []uint, by time.Duration) (int, error) {
	return editTokens(ctx, db, ids, "extended", func(t *AccessToken, now time.Time) error {
		if t.ExpiresAt == nil {
			return nil
		}
		from := now
		if t.ExpiresAt.After(now) {
			from = *t.ExpiresAt
		}
		t.ExpiresAt = stored(from.Add(by))
		return nil
	})
}

// AccessTokenEdit is what an edit form sets.
type AccessTokenEdit struct {
	Version   int // of the row that the form was filled from
	Label     string
	ExpiresAt time.Time // or Never
	MaxUses   int
	ForName   string
	ForEmail  string
}

// UpdateAccessToken changes a token's fields. It answers ErrConflict when the
// row was changed since edit.Version was read, and *InvalidError for values
// that cannot be stored. An expiry that stays as it is may lie in the past.
func UpdateAccessToken(ctx context.Context, db *gorm.DB, id uint, edit AccessTokenEdit) error {
	_, err := editTokens(ctx, db, []uint{id}, "edited", func(t *AccessToken, now time.Time) error {
		if t.Version != edit.Version {
			return ErrConflict
		}
		expires := stored(edit.ExpiresAt)
		if expires != nil && !expires.After(now) && (t.ExpiresAt == nil || !expires.Equal(*t.ExpiresAt)) {
			return &InvalidError{"expires", "lies in the past"}
		}
		t.ExpiresAt = expires
		t.Label, t.LabelKey = clean(edit.Label, maxLabel), searchKey(edit.Label, maxLabel)
		t.MaxUses = edit.MaxUses
		t.ForName, t.ForEmail = clean(edit.ForName, maxName), clean(edit.ForEmail, maxEmail)
		t.ForEmailKey = searchKey(edit.ForEmail, maxEmail)
		if err := t.checkTexts(edit.Label); err != nil {
			return err
		}
		return t.checkIssued()
	})
	return err
}

func deactivate(t *AccessToken, now time.Time) error {
	if t.DeactivatedAt == nil {
		t.DeactivatedAt = &now
	}
	return nil
}

// editTokens reads the rows under a lock, lets change set their fields, and
// writes row and record in one transaction. With a single ID, a missing row is
// ErrNotFound.
func editTokens(ctx context.Context, db *gorm.DB, ids []uint, action string, change func(*AccessToken, time.Time) error) (changed int, err error) {
	now := instant()
	err = write(ctx, db, func(tx *gorm.DB) error {
		changed = 0
		rows, err := lockTokens(tx, ids)
		if err != nil {
			return err
		}
		if len(rows) == 0 && len(ids) == 1 {
			return ErrNotFound
		}
		for _, before := range rows {
			after := before
			if err := change(&after, now); err != nil {
				return err
			}
			edited, err := saveEdit(ctx, tx, action, before, after, now)
			if err != nil {
				return err
			}
			if edited {
				changed++
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("changing access token: %w", err)
	}
	bumpGeneration()
	return changed, nil
}

// lockTokens reads rows for update, in the order of their IDs so that two
// bulk edits never wait for each other. SQLite has no row locks: the version
// check in saveEdit finds what slipped between.
func lockTokens(tx *gorm.DB, ids []uint) ([]AccessToken, error) {
	var all []AccessToken
	for chunk := range chunks(ids) {
		var rows []AccessToken
		query := tx.Where("id IN ?", chunk).Order("id")
		if tx.Name() != "sqlite" {
			query = query.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate})
		}
		if err := query.Find(&rows).Error; err != nil {
			return nil, err
		}
		all = append(all, rows...)
	}
	return all, nil
}

func saveEdit(ctx context.Context, tx *gorm.DB, action string, before, after AccessToken, now time.Time) (edited bool, err error) {
	entry, err := newChange(ctx, action, before, after)
	if err != nil {
		return false, err
	}
	if entry.Before == entry.After { // both "{}"
		return false, nil
	}
	result := tx.Model(&AccessToken{}).Where("id = ? AND version = ?", before.ID, before.Version).
		UpdateColumns(map[string]any{
			"label": after.Label, "label_key": after.LabelKey, "expires_at": after.ExpiresAt,
			"deactivated_at": after.DeactivatedAt, "max_uses": after.MaxUses,
			"for_name": after.ForName, "for_email": after.ForEmail, "for_email_key": after.ForEmailKey,
			"version": before.Version + 1, "updated_at": now,
		})
	if result.Error != nil {
		return false, result.Error
	}
	if result.RowsAffected == 0 {
		return false, ErrConflict
	}
	return true, tx.Create(&entry).Error
}

// DeleteAccessToken removes a token: it lets nobody in and keeps nobody in. Its
// uses and changes stay, with its label. ErrNotFound when it is not there.
func DeleteAccessToken(ctx context.Context, db *gorm.DB, id uint) error {
	err := write(ctx, db, func(tx *gorm.DB) error {
		rows, err := lockTokens(tx, []uint{id})
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return ErrNotFound
		}
		if err := tx.Delete(&AccessToken{}, id).Error; err != nil {
			return err
		}
		return recordChange(ctx, tx, "deleted", rows[0], AccessToken{})
	})
	if err != nil {
		return fmt.Errorf("deleting access token: %w", err)
	}
	bumpGeneration()
	return nil
}
