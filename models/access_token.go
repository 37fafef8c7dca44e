package models

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// AccessToken is one token that lets people through the gate.
type AccessToken struct {
	ID            uint
	Label         string
	LabelKey      string     // Label as searches compare it
	Digest        string     // SHA-256, hexadecimal
	Hint          string     // the last characters of a generated token
	ExpiresAt     *time.Time // nil: never
	DeactivatedAt *time.Time // nil: active
	MaxUses       int        // 0: any number
	UseCount      int
	ForName       string // issued to one person, who is then not asked
	ForEmail      string
	ForEmailKey   string // ForEmail as searches compare it
	CreatedBy     string
	Version       int // counts edits, to notice two at once
	CreatedAt     time.Time
	UpdatedAt     time.Time
}

// TableName is the same whatever naming strategy the host's GORM has, so that
// all programs on one database mean the same table.
func (AccessToken) TableName() string { return "access_tokens" }

// Status is what a token is good for.
type Status string

// The statuses of a token, the strongest first: a token that is deactivated
// and expired is deactivated.
const (
	StatusDeactivated Status = "deactivated" // keeps nobody in
	StatusExpired     Status = "expired"     // keeps nobody in
	StatusUsedUp      Status = "used up"     // lets nobody new in; who is in stays
	StatusLive        Status = "live"
)

// Status tells what t is good for at now.
func (t AccessToken) Status(now time.Time) Status {
	switch {
	case t.DeactivatedAt != nil:
		return StatusDeactivated
	case t.ExpiresAt != nil && !now.Before(*t.ExpiresAt):
		return StatusExpired
	case t.MaxUses > 0 && t.UseCount >= t.MaxUses:
		return StatusUsedUp
	}
	return StatusLive
}

// Live tells whether t keeps the passes that it gave.
func (t AccessToken) Live(now time.Time) bool {
	s := t.Status(now)
	return s == StatusLive || s == StatusUsedUp
}

// Admits is nil when t lets somebody new in at now; else it is ErrDeactivated,
// ErrExpired or ErrUsedUp.
func (t AccessToken) Admits(now time.Time) error {
	switch t.Status(now) {
	case StatusDeactivated:
		return ErrDeactivated
	case StatusExpired:
		return ErrExpired
	case StatusUsedUp:
		return ErrUsedUp
	}
	return nil
}

// Issued tells whether t was issued to one person, who is then not asked for
// name and email.
func (t AccessToken) Issued() bool { return t.ForName != "" && t.ForEmail != "" }

// NewAccessToken says what token to create.
type NewAccessToken struct {
	Label     string    // what it is for; at most 200 characters
	Token     string    // a custom token; default: a generated one, which is better
	ExpiresAt time.Time // default: in 7 days; Never for no expiry
	MaxUses   int       // how many entries it admits; default: any number
	ForName   string    // issued to this person; both or neither
	ForEmail  string
	CreatedBy string // default: the context's actor

	// FormKey makes creating idempotent: a second token with the same key is
	// not made, by whatever process, not even when the first was deleted since.
	// Default: none.
	FormKey string
}

// CreateAccessToken stores a new token and returns its text, which is not
// stored and cannot be shown again. It answers *InvalidError for values that
// cannot be stored, *TokenExistsError for a custom token that is taken, and
// *RepeatedError when n.FormKey made a token before.
func CreateAccessToken(ctx context.Context, db *gorm.DB, n NewAccessToken) (token string, row AccessToken, err error) {
	token, row, err = n.row(instant())
	if err != nil {
		return "", AccessToken{}, err
	}
	if row.CreatedBy == "" {
		row.CreatedBy = clean(actor(ctx), maxActor)
	}
	fresh := row
	err = write(ctx, db, func(tx *gorm.DB) error {
		row = fresh // without the ID that an attempt before may have set
		if err := tx.Create(&row).Error; err != nil {
			return err
		}
		change, err := newChange(ctx, "created", AccessToken{}, row)
		if err != nil {
			return err
		}
		change.FormKey = n.formKey()
		return tx.Create(&change).Error
	})
	if err != nil {
		return "", AccessToken{}, whyNotCreated(ctx, db, n, row, err)
	}
	return token, row, nil
}

// whyNotCreated finds the row that stood in the way of a new one.
func whyNotCreated(ctx context.Context, db *gorm.DB, n NewAccessToken, row AccessToken, err error) error {
	if key := n.formKey(); key != nil {
		made, findErr := first[AccessTokenChange](db.WithContext(ctx).Where("form_key = ?", *key))
		if findErr == nil {
			return &RepeatedError{ID: made.TokenID}
		}
	}
	if taken, findErr := findByDigest(ctx, db, row.Digest); findErr == nil {
		return &TokenExistsError{ID: taken.ID}
	}
	return fmt.Errorf("creating an access token: %w", err)
}

func (n NewAccessToken) row(now time.Time) (token string, row AccessToken, err error) {
	row = AccessToken{
		Label: clean(n.Label, maxLabel), LabelKey: searchKey(n.Label, maxLabel),
		MaxUses: n.MaxUses, ForName: clean(n.ForName, maxName),
		ForEmail: clean(n.ForEmail, maxEmail), ForEmailKey: searchKey(n.ForEmail, maxEmail),
		CreatedBy: clean(n.CreatedBy, maxActor), Version: 1, CreatedAt: now, UpdatedAt: now,
	}
	token, errToken := n.token(&row)
	if n.ExpiresAt.IsZero() {
		n.ExpiresAt = now.Add(DefaultExpiry)
	}
	row.ExpiresAt = stored(n.ExpiresAt)
	var errExpiry error
	if row.ExpiresAt != nil && !row.ExpiresAt.After(now) {
		errExpiry = &InvalidError{"expires", "lies in the past"}
	}
	return token, row, errors.Join(errToken, errExpiry, row.checkTexts(n.Label), row.checkIssued())
}

func (n NewAccessToken) formKey() *string {
	if n.FormKey == "" {
		return nil
	}
	key := DigestToken(n.FormKey)
	return &key
}

func (n NewAccessToken) token(row *AccessToken) (string, error) {
	if n.Token != "" {
		canonical, err := checkCustom(n.Token)
		row.Digest = DigestToken(canonical)
		return canonical, err
	}
	token := GenerateToken()
	canonical, _ := ReadToken(token)
	row.Digest = DigestToken(canonical)
	row.Hint = canonical[len(canonical)-hintLength:]
	return token, nil
}

func (t AccessToken) checkTexts(label string) error {
	var errs []error
	if tooLong(label, maxLabel) {
		errs = append(errs, &InvalidError{"label", fmt.Sprintf("has more than %d characters", maxLabel)})
	}
	if t.MaxUses < 0 || t.MaxUses > 1<<30 {
		errs = append(errs, &InvalidError{"max uses", "must be 1 or more, or 0 for any number"})
	}
	return errors.Join(errs...)
}

func (t AccessToken) checkIssued() error {
	if (t.ForName == "") != (t.ForEmail == "") {
		return &InvalidError{"issued to", "needs both a name and an email address, or neither"}
	}
	if t.ForEmail != "" {
		if err := CheckEmail(t.ForEmail); err != nil {
			return &InvalidError{"issued to", "the email address looks wrong"}
		}
	}
	return nil
}

// FindAccessToken looks a token up by its text as somebody entered it. It
// answers ErrNotFound when no row has it, also for a text that cannot be one.
func FindAccessToken(ctx context.Context, db *gorm.DB, text string) (AccessToken, error) {
	canonical, kind := ReadToken(text)
	if kind != TokenGenerated && kind != TokenCustom {
		return AccessToken{}, ErrNotFound
	}
	return findByDigest(ctx, db, DigestToken(canonical))
}

func findByDigest(ctx context.Context, db *gorm.DB, digest string) (AccessToken, error) {
	return first[AccessToken](db.WithContext(ctx).Where("digest = ?", digest))
}

// GetAccessToken reads one token. It answers ErrNotFound when it is not there.
func GetAccessToken(ctx context.Context, db *gorm.DB, id uint) (AccessToken, error) {
	return first[AccessToken](db.WithContext(ctx).Where("id = ?", id))
}

// first reads one row without GORM's record-not-found error, which the
// default logger would print.
func first[T any](query *gorm.DB) (T, error) {
	var row T
	result := query.Limit(1).Find(&row)
	if result.Error == nil && result.RowsAffected == 0 {
		return row, ErrNotFound
	}
	return row, result.Error
}

// GetAccessTokens reads the tokens with these IDs, in no order; those that are
// not there are left out.
func GetAccessTokens(ctx context.Context, db *gorm.DB, ids []uint) ([]AccessToken, error) {
	rows := make([]AccessToken, 0, len(ids))
	for chunk := range chunks(ids) {
		var some []AccessToken
		if err := db.WithContext(ctx).Where("id IN ?", chunk).Find(&some).Error; err != nil {
			return nil, err
		}
		rows = append(rows, some...)
	}
	return rows, nil
}
