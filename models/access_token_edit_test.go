package models_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-perimeter/gin-perimeter/internal/dbtest"
	"github.com/gin-perimeter/gin-perimeter/models"
	"gorm.io/gorm"
)

// latest gives the latest change of a token, or none.
func latest(t *testing.T, db *gorm.DB, id uint) models.AccessTokenChange {
	t.Helper()
	changes, err := models.ListAccessTokenChanges(t.Context(), db, id, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(changes) == 0 {
		return models.AccessTokenChange{}
	}
	return changes[0]
}

func TestEveryChangeIsRecordedWithWhoDidIt(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		ctx := models.WithActor(t.Context(), "anna\x1b[2J")
		_, row := create(t, db, models.NewAccessToken{Label: "Acme", ExpiresAt: models.Never})
		until := time.Now().Add(48 * time.Hour).Truncate(time.Second)
		for _, step := range []struct {
			action string
			change func() error
			status models.Status
			before map[string]string
			after  map[string]string
		}{
			{"deactivated", func() error { return models.DeactivateAccessToken(ctx, db, row.ID) }, models.StatusDeactivated,
				map[string]string{"status": "active"}, map[string]string{"status": "deactivated"}},
			{"activated", func() error { return models.ActivateAccessToken(ctx, db, row.ID) }, models.StatusLive,
				map[string]string{"status": "deactivated"}, map[string]string{"status": "active"}},
			{"extended", func() error { return models.ExtendAccessToken(ctx, db, row.ID, until) }, models.StatusLive,
				map[string]string{"expires": "never"}, map[string]string{"expires": until.UTC().Format(time.RFC3339)}},
			{"edited", func() error {
				return models.UpdateAccessToken(ctx, db, row.ID, models.AccessTokenEdit{
					Version: 4, Label: "Acme & Söhne", ExpiresAt: until, MaxUses: 3, ForName: "Bob", ForEmail: "bob@example.com",
				})
			}, models.StatusLive,
				map[string]string{"label": "Acme", "max uses": "any number", "issued to": ""},
				map[string]string{"label": "Acme & Söhne", "max uses": "3", "issued to": "Bob <bob@example.com>"}},
		} {
			generation := models.Generation()
			if err := step.change(); err != nil {
				t.Fatalf("%s: %v", step.action, err)
			}
			if models.Generation() == generation {
				t.Errorf("%s: caches are not told", step.action)
			}
			change := latest(t, db, row.ID)
			if change.Action != step.action || change.Actor != "anna[2J" || time.Since(change.At) > time.Minute {
				t.Errorf("%s: recorded %+v", step.action, change)
			}
			if !sameJSON(change.Before, step.before) || !sameJSON(change.After, step.after) {
				t.Errorf("%s: before %s, after %s", step.action, change.Before, change.After)
			}
			if got := reload(t, db, row.ID).Status(time.Now()); got != step.status {
				t.Errorf("%s: is %s", step.action, got)
			}
		}
		if err := models.DeleteAccessToken(ctx, db, row.ID); err != nil {
			t.Fatal(err)
		}
		change := latest(t, db, row.ID)
		if change.Action != "deleted" || change.TokenLabel != "Acme & Söhne" || !strings.Contains(change.Before, "Bob") || change.After != "null" {
			t.Errorf("deleted: recorded %+v", change)
		}
		changes, err := models.ListAccessTokenChanges(ctx, db, row.ID, 100)
		if err != nil || len(changes) != 6 || changes[5].Action != "created" {
			t.Errorf("%d changes, %v", len(changes), err)
		}
	})
}

func sameJSON(text string, want map[string]string) bool {
	var got map[string]string
	return json.Unmarshal([]byte(text), &got) == nil && fmt.Sprint(got) == fmt.Sprint(want)
}

func TestWhatChangesNothingIsNotRecorded(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	_, row := create(t, db, models.NewAccessToken{Label: "Acme"})
	steps := []func() error{
		func() error { return models.ActivateAccessToken(t.Context(), db, row.ID) },
		func() error { return models.ExtendAccessToken(t.Context(), db, row.ID, *row.ExpiresAt) },
		func() error {
			return models.UpdateAccessToken(t.Context(), db, row.ID, models.AccessTokenEdit{Version: 1, Label: "Acme", ExpiresAt: *row.ExpiresAt})
		},
	}
	for i, step := range steps {
		if err := step(); err != nil {
			t.Errorf("step %d: %v", i, err)
		}
	}
	if change := latest(t, db, row.ID); change.Action != "created" {
		t.Errorf("recorded %+v", change)
	}
	if err := models.DeactivateAccessToken(t.Context(), db, row.ID); err != nil {
		t.Fatal(err)
	}
	first := reload(t, db, row.ID)
	if err := models.DeactivateAccessToken(t.Context(), db, row.ID); err != nil {
		t.Fatal(err)
	}
	if again := reload(t, db, row.ID); !again.DeactivatedAt.Equal(*first.DeactivatedAt) || again.Version != first.Version {
		t.Errorf("deactivated again: %+v", again)
	}
}

func TestChangingATokenThatIsNotThere(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		ctx, later := t.Context(), time.Now().Add(time.Hour)
		for name, err := range map[string]error{
			"deactivate": models.DeactivateAccessToken(ctx, db, 7),
			"activate":   models.ActivateAccessToken(ctx, db, 7),
			"extend":     models.ExtendAccessToken(ctx, db, 7, later),
			"update":     models.UpdateAccessToken(ctx, db, 7, models.AccessTokenEdit{ExpiresAt: later}),
			"delete":     models.DeleteAccessToken(ctx, db, 7),
			"end":        models.EndAccessTokenUse(ctx, db, 7),
		} {
			if !errors.Is(err, models.ErrNotFound) {
				t.Errorf("%s: %v, want ErrNotFound", name, err)
			}
		}
	})
}

func TestUpdateRefuses(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	_, row := create(t, db, models.NewAccessToken{Label: "Acme"})
	later := time.Now().Add(time.Hour)
	for name, edit := range map[string]models.AccessTokenEdit{
		"a label that is too long": {Version: 1, Label: strings.Repeat("x", 201), ExpiresAt: later},
		"an expiry in the past":    {Version: 1, ExpiresAt: time.Now().Add(-time.Hour)},
		"no expiry at all":         {Version: 1},
		"a name without address":   {Version: 1, ExpiresAt: later, ForName: "Anna"},
		"negative max uses":        {Version: 1, ExpiresAt: later, MaxUses: -3},
	} {
		var invalid *models.InvalidError
		if err := models.UpdateAccessToken(t.Context(), db, row.ID, edit); !errors.As(err, &invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var invalid *models.InvalidError
	if err := models.ExtendAccessToken(t.Context(), db, row.ID, time.Now()); !errors.As(err, &invalid) {
		t.Errorf("extend to now: %v", err)
	}
	if got := reload(t, db, row.ID); got.Version != 1 || got.Label != "Acme" {
		t.Errorf("changed in spite of it: %+v", got)
	}
}

func TestAnExpiredTokenKeepsItsExpiryWhenItsLabelIsEdited(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		_, row := create(t, db, models.NewAccessToken{})
		past := time.Now().Add(-time.Hour).UTC().Truncate(time.Second)
		if err := db.Model(&models.AccessToken{}).Where("id = ?", row.ID).UpdateColumn("expires_at", past).Error; err != nil {
			t.Fatal(err)
		}
		if err := models.UpdateAccessToken(t.Context(), db, row.ID, models.AccessTokenEdit{Version: 1, Label: "new", ExpiresAt: past}); err != nil {
			t.Fatal(err)
		}
		if got := reload(t, db, row.ID); got.Label != "new" || !got.ExpiresAt.Equal(past) {
			t.Errorf("%+v", got)
		}
	})
}

func TestOfTwoEditsAtOnceTheSecondIsTold(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		_, row := create(t, db, models.NewAccessToken{})
		var won, told atomic.Int32
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				err := models.UpdateAccessToken(t.Context(), db, row.ID, models.AccessTokenEdit{
					Version: 1, Label: fmt.Sprint("edit ", i), ExpiresAt: models.Never,
				})
				switch {
				case err == nil:
					won.Add(1)
				case errors.Is(err, models.ErrConflict):
					told.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 || told.Load() != 7 {
			t.Errorf("%d won, %d were told", won.Load(), told.Load())
		}
	})
}

func TestBulkChanges(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		_, week := create(t, db, models.NewAccessToken{})
		_, never := create(t, db, models.NewAccessToken{ExpiresAt: models.Never})
		_, expired := create(t, db, models.NewAccessToken{})
		past := time.Now().Add(-100 * time.Hour)
		if err := db.Model(&models.AccessToken{}).Where("id = ?", expired.ID).UpdateColumn("expires_at", past).Error; err != nil {
			t.Fatal(err)
		}
		ids := []uint{expired.ID, 99, never.ID, week.ID}
		n, err := models.ExtendAccessTokens(t.Context(), db, ids, 24*time.Hour)
		if err != nil || n != 2 {
			t.Errorf("extended %d, %v; want 2", n, err)
		}
		if got := reload(t, db, week.ID).ExpiresAt; !got.Equal(week.ExpiresAt.Add(24 * time.Hour)) {
			t.Errorf("the live one expires %v", got)
		}
		if got := time.Until(*reload(t, db, expired.ID).ExpiresAt); got < 23*time.Hour || got > 24*time.Hour {
			t.Errorf("the expired one lives %v", got)
		}
		if got := reload(t, db, never.ID).ExpiresAt; got != nil {
			t.Errorf("the unlimited one expires %v", got)
		}
		n, err = models.DeactivateAccessTokens(t.Context(), db, ids)
		if err != nil || n != 3 {
			t.Errorf("deactivated %d, %v; want 3", n, err)
		}
		n, err = models.DeactivateAccessTokens(t.Context(), db, ids)
		if err != nil || n != 0 {
			t.Errorf("deactivated again %d, %v; want 0", n, err)
		}
		if n, err := models.DeactivateAccessTokens(t.Context(), db, nil); err != nil || n != 0 {
			t.Errorf("none: %d, %v", n, err)
		}
	})
}

func TestBulkChangesOfTheSameTokensDoNotBlockEachOther(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		var ids []uint
		for range 20 {
			_, row := create(t, db, models.NewAccessToken{})
			ids = append(ids, row.ID)
		}
		var all sync.WaitGroup
		for i := range 6 {
			all.Go(func() {
				mine := append(append([]uint{}, ids[i*3:]...), ids[:i*3]...) // each in an order of its own
				if _, err := models.ExtendAccessTokens(t.Context(), db, mine, time.Hour); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if got := reload(t, db, ids[0]); got.Version != 7 {
			t.Errorf("version %d after 6 changes", got.Version)
		}
	})
}

func TestChangesInTheCallersTransactionGoWithIt(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		_, row := create(t, db, models.NewAccessToken{})
		broken := errors.New("the caller's own trouble")
		err := db.Transaction(func(tx *gorm.DB) error {
			if err := models.DeactivateAccessToken(t.Context(), tx, row.ID); err != nil {
				return err
			}
			return broken
		})
		if err != broken {
			t.Fatal(err)
		}
		if got := reload(t, db, row.ID); got.DeactivatedAt != nil || latest(t, db, row.ID).Action != "created" {
			t.Errorf("half of it stayed: %+v", got)
		}
	})
}
