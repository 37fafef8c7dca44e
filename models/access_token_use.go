package models

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// AccessTokenUse is one entry: who came in with which token, when and from
// where. It is the audit record, and what a visitor's pass refers to. Rows are
// only added to, besides EndedAt, LastSeenAt, forgetting a person and purging;
// they stay when their token is deleted.
type AccessTokenUse struct {
	ID         uint       `gorm:"primaryKey;index:idx_uses_token,priority:2;index:idx_uses_email,priority:2"`
	Ref        string     `gorm:"size:32;not null;uniqueIndex"` // what a pass, or a header token's hour, is found by
	TokenID    uint       `gorm:"not null;index:idx_uses_token,priority:1"`
	TokenCheck string     `gorm:"size:32;not null"` // half of the token's digest: a new token with an old ID is another token
	TokenLabel string     `gorm:"size:200;not null"`
	Name       string     `gorm:"size:200;not null"`
	Email      string     `gorm:"size:254;not null"`
	EmailKey   string     `gorm:"size:254;not null;index:idx_uses_email,priority:1"` // Email as searches compare it
	IP         string     `gorm:"size:64;not null;index"`
	UserAgent  string     `gorm:"size:512;not null"`
	Channel    Channel    `gorm:"size:8;not null"`
	At         time.Time  `gorm:"not null;index"`
	LastSeenAt *time.Time // nil: not seen after the entry
	EndedAt    *time.Time `gorm:"index"` // left, or put out: the pass is dead
}

// Channel is how a token was presented.
type Channel string

// The channels.
const (
	ChannelForm   Channel = "form"   // on the gateway page
	ChannelHeader Channel = "header" // as X-Perimeter-Token
)

// NewAccessTokenUse is what is known of somebody who presents a token. The
// texts are a stranger's: they are cleaned and cut to their columns here.
type NewAccessTokenUse struct {
	Name      string
	Email     string
	IP        string
	UserAgent string
	At        time.Time
}

// NewPassRef makes the reference that a visitor's session holds: 128 bits from
// crypto/rand. It says nothing about token or person.
func NewPassRef() string {
	var b [16]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// RecordEntry counts one use of a token and writes its row in one transaction,
// if the token still admits: a maximum is never exceeded, however many enter
// at once. Otherwise it answers ErrNotFound, ErrDeactivated, ErrExpired or
// ErrUsedUp, and nothing is written.
func RecordEntry(ctx context.Context, db *gorm.DB, token AccessToken, ref string, n NewAccessTokenUse) (AccessTokenUse, error) {
	use := n.row(token, ref, ChannelForm)
	err := db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := countUse(tx, token.ID, use.At); err != nil {
			return err
		}
		return tx.Create(&use).Error
	})
	if errors.Is(err, errNotCounted) {
		return AccessTokenUse{}, whyNot(ctx, db, token.ID, use.At)
	}
	if err != nil {
		return AccessTokenUse{}, fmt.Errorf("recording an entry: %w", err)
	}
	return use, nil
}

// RecordHeaderUse writes that a token came as a header: one row per token,
// address and hour, whatever number of processes call it.
func RecordHeaderUse(ctx context.Context, db *gorm.DB, token AccessToken, n NewAccessTokenUse) error {
	use := n.row(token, headerRef(token, n), ChannelHeader)
	err := db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		result := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&use)
		if result.Error != nil || result.RowsAffected == 0 {
			return result.Error
		}
		return tx.Model(&AccessToken{}).Where("id = ?", token.ID).
			UpdateColumn("use_count", gorm.Expr("use_count + 1")).Error
	})
	if err != nil {
		return fmt.Errorf("recording the use of a header token: %w", err)
	}
	return nil
}

// headerRef is the same for the same token, address and hour.
func headerRef(token AccessToken, n NewAccessTokenUse) string {
	hour := n.At.UTC().Truncate(time.Hour).Format(time.RFC3339)
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %q %s", token.Digest, clean(n.IP, maxIP), hour))
	return "h." + base64.RawURLEncoding.EncodeToString(sum[:16])
}

func (n NewAccessTokenUse) row(token AccessToken, ref string, channel Channel) AccessTokenUse {
	if token.Issued() {
		n.Name, n.Email = token.ForName, token.ForEmail
	}
	return AccessTokenUse{
		Ref: ref, TokenID: token.ID, TokenCheck: token.Check(), TokenLabel: token.Label,
		Name: clean(n.Name, maxName), Email: clean(n.Email, maxEmail), EmailKey: searchKey(n.Email, maxEmail),
		IP: clean(n.IP, maxIP), UserAgent: clean(n.UserAgent, maxUserAgent),
		Channel: channel, At: n.At.UTC().Truncate(time.Millisecond),
	}
}

// Check is half of the token's digest. A use keeps it, so that no use ever
// belongs to another token that got the same ID in a database made anew.
func (t AccessToken) Check() string { return t.Digest[:min(len(t.Digest), 32)] }

var errNotCounted = errors.New("models: not counted")

func countUse(tx *gorm.DB, id uint, at time.Time) error {
	result := tx.Model(&AccessToken{}).
		Where("id = ? AND deactivated_at IS NULL", id).
		Where("expires_at IS NULL OR expires_at > ?", at).
		Where("max_uses = 0 OR use_count < max_uses").
		UpdateColumn("use_count", gorm.Expr("use_count + 1"))
	if result.Error == nil && result.RowsAffected == 0 {
		return errNotCounted
	}
	return result.Error
}

func whyNot(ctx context.Context, db *gorm.DB, id uint, at time.Time) error {
	token, err := GetAccessToken(ctx, db, id)
	if err != nil {
		return err
	}
	if err := token.Admits(at); err != nil {
		return err
	}
	return ErrUsedUp // it was, a moment ago
}

// FindPass looks up the entry that a pass refers to. It answers ErrNotFound
// when there is none, and for the reference of a header's use, which is no pass.
func FindPass(ctx context.Context, db *gorm.DB, ref string) (AccessTokenUse, error) {
	return first[AccessTokenUse](db.WithContext(ctx).Where("ref = ? AND channel = ?", ref, ChannelForm))
}

// GetAccessTokenUse reads one use. It answers ErrNotFound when it is not there.
func GetAccessTokenUse(ctx context.Context, db *gorm.DB, id uint) (AccessTokenUse, error) {
	return first[AccessTokenUse](db.WithContext(ctx).Where("id = ?", id))
}

// EndAccessTokenUse ends a pass: it is dead from then on, in every copy of the
// cookie that carries it. Ending it again changes nothing. ErrNotFound when it
// is not there.
func EndAccessTokenUse(ctx context.Context, db *gorm.DB, id uint) error {
	result := db.WithContext(ctx).Model(&AccessTokenUse{}).Where("id = ? AND ended_at IS NULL", id).
		UpdateColumn("ended_at", time.Now().UTC())
	if result.Error != nil {
		return fmt.Errorf("ending a pass: %w", result.Error)
	}
	if result.RowsAffected == 0 {
		_, err := GetAccessTokenUse(ctx, db, id)
		return err
	}
	bumpGeneration()
	return nil
}

// ListEndedUses gives the IDs of the uses that ended at since or later.
func ListEndedUses(ctx context.Context, db *gorm.DB, since time.Time) ([]uint, error) {
	var ids []uint
	err := db.WithContext(ctx).Model(&AccessTokenUse{}).Where("ended_at >= ?", since.UTC()).Pluck("id", &ids).Error
	return ids, err
}

// MarkUsesSeen notes that the holders of these passes were seen at that time.
func MarkUsesSeen(ctx context.Context, db *gorm.DB, ids []uint, at time.Time) error {
	for chunk := range chunks(ids) {
		err := db.WithContext(ctx).Model(&AccessTokenUse{}).Where("id IN ?", chunk).
			UpdateColumn("last_seen_at", at.UTC().Truncate(time.Millisecond)).Error
		if err != nil {
			return fmt.Errorf("noting when passes were seen: %w", err)
		}
	}
	return nil
}
