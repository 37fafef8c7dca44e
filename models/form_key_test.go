package models_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/internal/dbtest"
	"github.com/gin-perimeter/gin-perimeter/models"
)

func TestOneFormKeyMakesOneToken(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		ctx := context.Background()
		var made, repeated atomic.Int32
		var id atomic.Uint64
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				_, row, err := models.CreateAccessToken(ctx, db, models.NewAccessToken{FormKey: "anna\nform 1"})
				var again *models.RepeatedError
				switch {
				case err == nil:
					made.Add(1)
					id.Store(uint64(row.ID))
				case errors.As(err, &again):
					repeated.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		all.Wait()
		if made.Load() != 1 || repeated.Load() != 7 {
			t.Fatalf("%d made, %d repeated; want 1 and 7", made.Load(), repeated.Load())
		}
		if err := models.DeleteAccessToken(ctx, db, uint(id.Load())); err != nil {
			t.Fatal(err)
		}
		var again *models.RepeatedError
		if _, _, err := models.CreateAccessToken(ctx, db, models.NewAccessToken{FormKey: "anna\nform 1"}); !errors.As(err, &again) || uint64(again.ID) != id.Load() {
			t.Errorf("after the token was deleted: %v, want a RepeatedError with ID %d", err, id.Load())
		}
		if _, _, err := models.CreateAccessToken(ctx, db, models.NewAccessToken{FormKey: "jörg\nform 1"}); err != nil {
			t.Errorf("another key: %v", err)
		}
	})
}

func TestWhatAnActorDoesToUsesIsRecordedWithoutThePerson(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		visitor := context.Background()
		anna := models.WithActor(visitor, "anna")
		_, token, err := models.CreateAccessToken(visitor, db, models.NewAccessToken{Label: "Acme"})
		if err != nil {
			t.Fatal(err)
		}
		enter := func() uint {
			use, err := models.RecordEntry(visitor, db, token, models.NewPassRef(), models.NewAccessTokenUse{
				Name: "Ada", Email: "ada@example.com", At: time.Now(),
			})
			if err != nil {
				t.Fatal(err)
			}
			return use.ID
		}
		left, ended := enter(), enter()
		if err := errors.Join(models.EndAccessTokenUse(visitor, db, left), models.EndAccessTokenUse(anna, db, ended), models.EndAccessTokenUse(anna, db, ended)); err != nil {
			t.Fatal(err)
		}
		if n, err := models.ForgetPerson(anna, db, "ADA@example.com"); n != 2 || err != nil {
			t.Fatalf("forgot %d uses, error %v", n, err)
		}
		changes, err := models.ListAccessTokenChanges(visitor, db, token.ID, 10)
		if err != nil || len(changes) != 3 {
			t.Fatalf("changes %+v, error %v; want the forgetting, one end and the making", changes, err)
		}
		for i, want := range []struct{ action, after string }{{"person forgotten", `{"entries":"2"}`}, {"pass ended", `{"entry":"2"}`}} {
			if c := changes[i]; c.Action != want.action || c.After != want.after || c.Actor != "anna" || c.TokenLabel != "Acme" {
				t.Errorf("change %d: %+v, want %+v", i, c, want)
			}
		}
	})
}
