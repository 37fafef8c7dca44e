package models_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/internal/dbtest"
	"github.com/gin-perimeter/gin-perimeter/models"
)

func TestCountTokensByState(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		ctx, now := context.Background(), time.Now()
		soon := now.Add(7 * 24 * time.Hour)
		if got, err := models.CountTokensByState(ctx, db, now, soon, 1000); err != nil || got != (models.TokenCounts{}) {
			t.Fatalf("of no tokens: %+v, %v", got, err)
		}
		ids := map[string]uint{}
		for name, n := range map[string]models.NewAccessToken{
			"live for long": {ExpiresAt: now.Add(30 * 24 * time.Hour)}, "never expires": {ExpiresAt: models.Never},
			"expires soon": {ExpiresAt: now.Add(time.Hour)}, "used up": {MaxUses: 1}, "deactivated": {}, "expired": {},
		} {
			_, row, err := models.CreateAccessToken(ctx, db, n)
			if err != nil {
				t.Fatal(err)
			}
			ids[name] = row.ID
		}
		set := func(name, column string, value any) {
			t.Helper()
			if err := db.Model(&models.AccessToken{}).Where("id = ?", ids[name]).UpdateColumn(column, value).Error; err != nil {
				t.Fatal(err)
			}
		}
		set("used up", "use_count", 1)
		set("deactivated", "deactivated_at", now.UTC())
		set("expired", "expires_at", now.Add(-time.Hour).UTC())
		got, err := models.CountTokensByState(ctx, db, now, soon, 1000)
		if want := (models.TokenCounts{Live: 3, Expiring: 1, UsedUp: 1}); err != nil || got != want {
			t.Errorf("CountTokensByState = %+v, %v; want %+v", got, err, want)
		}
		got, err = models.CountTokensByState(ctx, db, now, soon, 2)
		if want := (models.TokenCounts{Live: 2, Expiring: 1, UsedUp: 1}); err != nil || got != want {
			t.Errorf("CountTokensByState up to 2 = %+v, %v; want %+v", got, err, want)
		}
	})
}

func TestCountUsesBetween(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		ctx := context.Background()
		_, token, err := models.CreateAccessToken(ctx, db, models.NewAccessToken{ExpiresAt: models.Never})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now().Add(-72 * time.Hour).UTC().Truncate(time.Hour)
		for _, after := range []time.Duration{-time.Millisecond, 0, time.Hour, 24*time.Hour - time.Millisecond, 24 * time.Hour, 72 * time.Hour} {
			n := models.NewAccessTokenUse{At: start.Add(after)}
			if _, err := models.RecordEntry(ctx, db, token, models.NewPassRef(), n); err != nil {
				t.Fatal(err)
			}
		}
		day := 24 * time.Hour
		got, err := models.CountUsesBetween(ctx, db, []time.Time{start, start.Add(day), start.Add(2 * day), start.Add(3 * day)})
		if want := []int64{3, 1, 0}; err != nil || !slices.Equal(got, want) {
			t.Errorf("CountUsesBetween = %v, %v; want %v: from a bound on, before the next", got, err, want)
		}
		if got, err := models.CountUsesBetween(ctx, db, []time.Time{start}); err != nil || len(got) != 0 {
			t.Errorf("with one bound: %v, %v; want nothing", got, err)
		}
	})
}

func TestListAccessTokensByExpiry(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		ctx, now := context.Background(), time.Now()
		var labels []string
		for _, x := range []struct {
			label string
			in    time.Duration
		}{{"c", 3}, {"a", 1}, {"b", 2}, {"b too", 2}, {"gone", 0}, {"gone before", -1}, {"never", 9999}} {
			n := models.NewAccessToken{Label: x.label, ExpiresAt: now.Add(5 * time.Hour)}
			if x.in == 9999 {
				n.ExpiresAt = models.Never
			}
			_, row, err := models.CreateAccessToken(ctx, db, n)
			if err != nil {
				t.Fatal(err)
			}
			if x.in != 9999 {
				at := now.Add(x.in*time.Hour - time.Minute).UTC().Truncate(time.Second)
				if err := db.Model(&models.AccessToken{}).Where("id = ?", row.ID).UpdateColumn("expires_at", at).Error; err != nil {
					t.Fatal(err)
				}
			}
		}
		var after *models.ExpiryCursor
		for page := 0; ; page++ {
			rows, more, err := models.ListAccessTokensByExpiry(ctx, db, models.TokenFilter{Now: now}, after, 2)
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range rows {
				labels = append(labels, row.Label)
				after = &models.ExpiryCursor{At: *row.ExpiresAt, ID: row.ID}
			}
			if !more || page > 5 {
				break
			}
		}
		if want := []string{"a", "b", "b too", "c"}; !slices.Equal(labels, want) {
			t.Errorf("by expiry, two at a time: %q, want %q", labels, want)
		}
		rows, more, err := models.ListAccessTokensByExpiry(ctx, db, models.TokenFilter{Status: models.StatusExpired, Now: now}, nil, 10)
		if err != nil || more || len(rows) != 2 || rows[0].Label != "gone" {
			t.Errorf("expired ones: %d rows, more %v, %v; want two, the latest first", len(rows), more, err)
		}
	})
}

func TestLatestAccessTokenUses(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	ctx := context.Background()
	var tokens []models.AccessToken
	for range 2 {
		_, row, err := models.CreateAccessToken(ctx, db, models.NewAccessToken{})
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, row)
	}
	for i := range 6 {
		n := models.NewAccessTokenUse{Name: string(rune('a' + i)), At: time.Now()}
		if _, err := models.RecordEntry(ctx, db, tokens[i%2], models.NewPassRef(), n); err != nil {
			t.Fatal(err)
		}
	}
	uses, err := models.LatestAccessTokenUses(ctx, db, tokens[0].ID, 2)
	if err != nil || len(uses) != 2 || uses[0].Name != "e" || uses[1].Name != "c" {
		t.Errorf("LatestAccessTokenUses = %+v, %v; want e and c", uses, err)
	}
}
