package models

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// AccessTokenUse is one entry: who came in with which token, when and from
// where. It is the audit record, and what a visitor's pass refers to. Rows are
// only added to, besides EndedAt, LastSeenAt, forgetting a person and purging;
// they stay when their token is deleted.
type AccessTokenUse struct {
	ID         uint
	Ref        string // what a pass, or a header token's hour, is found by
	TokenID    uint
	TokenCheck string // half of the token's digest: a new token with an old ID is another token
	TokenLabel string
	Name       string
	Email      string
	EmailKey   string // Email as searches compare it
	IP         string
	UserAgent  string
	Channel    Channel
	At         time.Time
	LastSeenAt *time.Time // nil: not seen after the entry
	EndedAt    *time.Time // left, or put out: the pass is dead
}

// TableName is the same whatever naming strategy the host's GORM has.
func (AccessTokenUse) TableName() string { return "access_token_uses" }

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

// isPassRef keeps texts from the database that it would refuse to compare.
func isPassRef(ref string) bool {
	return ref != "" && len(ref) <= maxRef && !strings.ContainsFunc(ref, func(r rune) bool { return r <= ' ' || r > '~' })
}

// RecordEntry counts one use of a token and writes its row in one transaction,
// if the token still admits: a maximum is never exceeded, however many enter
// at once. Otherwise it answers ErrNotFound, ErrDeactivated, ErrExpired or
// ErrUsedUp, and nothing is written.
func RecordEntry(ctx context.Context, db *gorm.DB, token AccessToken, ref string, n NewAccessTokenUse) (AccessTokenUse, error) {
	var use AccessTokenUse
	err := write(ctx, db, func(tx *gorm.DB) error {
		use = n.row(token, ref, ChannelForm)
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
	ref := headerRef(token, n)
	_, err := first[AccessTokenUse](db.WithContext(ctx).Where("ref = ?", ref))
	if err == nil {
		return nil
	}
	if errors.Is(err, ErrNotFound) {
		err = write(ctx, db, func(tx *gorm.DB) error {
			return insertHeaderUse(tx, n.row(token, ref, ChannelHeader))
		})
	}
	if err != nil {
		return fmt.Errorf("recording the use of a header token: %w", err)
	}
	return nil
}

func insertHeaderUse(tx *gorm.DB, use AccessTokenUse) error {
	result := tx.Clauses(unlessThere(tx)).Create(&use)
	if result.Error != nil || result.RowsAffected == 0 {
		return result.Error
	}
	return tx.Model(&AccessToken{}).Where("id = ?", use.TokenID).
		UpdateColumn("use_count", gorm.Expr("use_count + 1")).Error
}

// unlessThere lets an insert pass when another process has the row in already.
// MySQL's other form, ON DUPLICATE KEY UPDATE, counts the row as affected with
// some settings of the driver.
func unlessThere(tx *gorm.DB) clause.Expression {
	if tx.Name() == "mysql" {
		return clause.Insert{Modifier: "IGNORE"}
	}
	return clause.OnConflict{DoNothing: true}
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
		Channel: channel, At: stamp(n.At),
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
	if !isPassRef(ref) {
		return AccessTokenUse{}, ErrNotFound
	}
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
	var ended int64
	err := write(ctx, db, func(tx *gorm.DB) error {
		result := tx.Model(&AccessTokenUse{}).Where("id = ? AND ended_at IS NULL", id).UpdateColumn("ended_at", instant())
		ended = result.RowsAffected
		if result.Error != nil || ended == 0 || actor(ctx) == "" {
			return result.Error
		}
		use, err := GetAccessTokenUse(ctx, tx, id)
		if err != nil {
			return err
		}
		return recordUseChange(ctx, tx, "pass ended", use.TokenID, use.TokenLabel, "entry", strconv.FormatUint(uint64(id), 10))
	})
	if err != nil {
		return fmt.Errorf("ending a pass: %w", err)
	}
	if ended == 0 {
		_, err = GetAccessTokenUse(ctx, db, id)
		return err
	}
	bumpGeneration()
	return nil
}

// ListEndedUses gives the IDs of the uses that ended at since or later.
func ListEndedUses(ctx context.Context, db *gorm.DB, since time.Time) ([]uint, error) {
	var ids []uint
	err := db.WithContext(ctx).Model(&AccessTokenUse{}).Where("ended_at >= ?", stamp(since)).Pluck("id", &ids).Error
	return ids, err
}

// MarkUsesSeen notes that the holders of these passes were seen at that time.
func MarkUsesSeen(ctx context.Context, db *gorm.DB, ids []uint, at time.Time) error {
	for chunk := range chunks(ids) {
		err := write(ctx, db, func(tx *gorm.DB) error {
			return tx.Model(&AccessTokenUse{}).Where("id IN ?", chunk).
				UpdateColumn("last_seen_at", stamp(at)).Error
		})
		if err != nil {
			return fmt.Errorf("noting when passes were seen: %w", err)
		}
	}
	return nil
}
