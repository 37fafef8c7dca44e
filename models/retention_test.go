package models_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/internal/dbtest"
	"github.com/gin-perimeter/gin-perimeter/models"
)

func TestPurge(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		var rows []models.AccessTokenUse
		for i := range 2600 {
			rows = append(rows, models.AccessTokenUse{Ref: fmt.Sprint(i), At: noon.Add(time.Duration(i%2-1) * time.Millisecond)})
		}
		if err := db.CreateInBatches(&rows, 500).Error; err != nil {
			t.Fatal(err)
		}
		var steps []string
		n, err := models.PurgeAccessTokenUses(t.Context(), db, noon.In(time.FixedZone("", 3600)), func(done, total int64) {
			steps = append(steps, fmt.Sprint(done, "/", total))
		})
		if want := "1000/1300 1300/1300"; err != nil || n != 1300 || strings.Join(steps, " ") != want {
			t.Errorf("%d, %v, %v; want %s", n, err, steps, want)
		}
		if left, _ := models.CountAccessTokenUses(t.Context(), db, models.UseFilter{}); left != 1300 {
			t.Errorf("%d are left", left)
		}
		if n, err := models.PurgeAccessTokenUses(t.Context(), db, noon, nil); n != 0 || err != nil {
			t.Errorf("again: %d, %v", n, err)
		}
	})
}

func TestAPurgeThatIsBrokenOffSaysHowFarItCame(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t)
	var rows []models.AccessTokenUse
	for i := range 1500 {
		rows = append(rows, models.AccessTokenUse{Ref: fmt.Sprint(i), At: noon})
	}
	if err := db.CreateInBatches(&rows, 500).Error; err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	n, err := models.PurgeAccessTokenUses(ctx, db, noon.Add(time.Millisecond), func(int64, int64) { cancel() })
	if n != 1000 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d, %v", n, err)
	}
}

func TestForgetPerson(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
		_, row := create(t, db, models.NewAccessToken{Label: "Acme"})
		person := models.NewAccessTokenUse{Name: "Anna", Email: "Anna@Example.com", IP: "192.0.2.1", UserAgent: "Browser"}
		use, other := enter(t, db, row, person), enter(t, db, row, models.NewAccessTokenUse{Name: "Bob", Email: "anna@example.com.au"})
		ended := enter(t, db, row, person)
		if err := models.EndAccessTokenUse(t.Context(), db, ended.ID); err != nil {
			t.Fatal(err)
		}
		before, _ := models.GetAccessTokenUse(t.Context(), db, ended.ID)
		if n, err := models.CountPerson(t.Context(), db, " ANNA@example.com "); n != 2 || err != nil {
			t.Errorf("counted %d, %v", n, err)
		}
		generation := models.Generation()
		if n, err := models.ForgetPerson(t.Context(), db, " ANNA@example.com "); n != 2 || err != nil {
			t.Errorf("forgot %d, %v", n, err)
		}
		if models.Generation() == generation {
			t.Error("caches are not told")
		}
		got, err := models.GetAccessTokenUse(t.Context(), db, use.ID)
		if err != nil || got.Name+got.Email+got.EmailKey+got.IP+got.UserAgent != "" || got.EndedAt == nil || got.TokenLabel != "Acme" {
			t.Errorf("%+v, %v", got, err)
		}
		if got, _ := models.GetAccessTokenUse(t.Context(), db, ended.ID); !got.EndedAt.Equal(*before.EndedAt) {
			t.Errorf("ended anew at %v", got.EndedAt)
		}
		if got, _ := models.GetAccessTokenUse(t.Context(), db, other.ID); got.Name != "Bob" || got.EndedAt != nil {
			t.Errorf("somebody else was forgotten: %+v", got)
		}
		for _, nobody := range []string{"", " ", "\x00"} {
			var invalid *models.InvalidError
			if _, err := models.ForgetPerson(t.Context(), db, nobody); !errors.As(err, &invalid) {
				t.Errorf("%q: %v; all who gave no address must not be forgotten", nobody, err)
			}
		}
	})
}
