package models

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// AccessTokenChange is who did what to a token, or to its uses: written by
// every function of this package that changes one, in the same transaction.
// What happens to uses is recorded when the context names an actor, and without
// the person: a visitor who leaves is no change. Rows stay when their token is
// deleted.
type AccessTokenChange struct {
	ID         uint
	TokenID    uint
	TokenLabel string
	Actor      string
	Action     string // created, edited, extended, deactivated, activated, deleted, pass ended, person forgotten
	Before     string // the fields that changed, as a JSON object
	After      string
	FormKey    *string // digest of NewAccessToken.FormKey, of a token's making; nil: none
	At         time.Time
}

// TableName is the same whatever naming strategy the host's GORM has.
func (AccessTokenChange) TableName() string { return "access_token_changes" }

type actorKey struct{}

// WithActor says in whose name changes made with the returned context are
// recorded: the signed-in admin, or the tool. It is trusted as given.
func WithActor(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, actorKey{}, name)
}

func actor(ctx context.Context) string {
	name, _ := ctx.Value(actorKey{}).(string)
	return name
}

// ListAccessTokenChanges gives the latest changes of one token, newest first,
// at most limit of them.
func ListAccessTokenChanges(ctx context.Context, db *gorm.DB, tokenID uint, limit int) ([]AccessTokenChange, error) {
	var rows []AccessTokenChange
	err := db.WithContext(ctx).Where("token_id = ?", tokenID).Order("id DESC").Limit(limit).Find(&rows).Error
	return rows, err
}

func recordChange(ctx context.Context, tx *gorm.DB, action string, before, after AccessToken) error {
	change, err := newChange(ctx, action, before, after)
	if err != nil {
		return err
	}
	return tx.Create(&change).Error
}

func newChange(ctx context.Context, action string, before, after AccessToken) (AccessTokenChange, error) {
	was, is := before.facts(), after.facts()
	for key := range is {
		if was[key] == is[key] {
			delete(was, key)
			delete(is, key)
		}
	}
	subject := after
	if after.ID == 0 {
		subject, is = before, nil
	}
	wasText, err := json.Marshal(was)
	if err != nil {
		return AccessTokenChange{}, fmt.Errorf("recording a change: %w", err)
	}
	isText, err := json.Marshal(is)
	if err != nil {
		return AccessTokenChange{}, fmt.Errorf("recording a change: %w", err)
	}
	return AccessTokenChange{
		TokenID: subject.ID, TokenLabel: subject.Label, Actor: clean(actor(ctx), maxActor), Action: action,
		Before: string(wasText), After: string(isText), At: instant(),
	}, nil
}

// facts are the fields of a token that people change, as texts.
func (t AccessToken) facts() map[string]string {
	if t.ID == 0 {
		return map[string]string{}
	}
	facts := map[string]string{
		"label": t.Label, "expires": "never", "status": "active",
		"max uses": "any number", "issued to": "",
	}
	if t.ExpiresAt != nil {
		facts["expires"] = t.ExpiresAt.UTC().Format(time.RFC3339)
	}
	if t.DeactivatedAt != nil {
		facts["status"] = "deactivated"
	}
	if t.MaxUses > 0 {
		facts["max uses"] = fmt.Sprint(t.MaxUses)
	}
	if t.Issued() {
		facts["issued to"] = t.ForName + " <" + t.ForEmail + ">"
	}
	return facts
}

// recordUseChange records what an actor did to some uses of a token.
func recordUseChange(ctx context.Context, tx *gorm.DB, action string, tokenID uint, label, fact, value string) error {
	after, err := json.Marshal(map[string]string{fact: value})
	if err != nil {
		return fmt.Errorf("recording a change: %w", err)
	}
	return tx.Create(&AccessTokenChange{
		TokenID: tokenID, TokenLabel: label, Actor: clean(actor(ctx), maxActor), Action: action,
		Before: "{}", After: string(after), At: instant(),
	}).Error
}
