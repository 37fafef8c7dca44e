package ginperimeter_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/gin-perimeter/gin-perimeter/internal/dbtest"
	"github.com/gin-perimeter/gin-perimeter/models"
)

func TestReady(t *testing.T) {
	dropped := func(t *testing.T, db *gorm.DB) {
		if err := db.Migrator().DropTable("access_token_uses"); err != nil {
			t.Fatal(err)
		}
	}
	closed := func(t *testing.T, db *gorm.DB) {
		pool, err := db.DB()
		if err != nil {
			t.Fatal(err)
		}
		pool.Close()
	}
	for _, test := range []struct {
		name    string
		cfg     ginperimeter.Config
		breakIt func(*testing.T, *gorm.DB)
		want    error
	}{
		{name: "all is there"},
		{name: "a table is gone", breakIt: dropped, want: models.ErrNoTables},
		{name: "the database does not answer", breakIt: closed, want: ginperimeter.ErrUnavailable},
		{name: "the gate is off", cfg: ginperimeter.Config{InsecureDisabled: true}, breakIt: closed},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, db *gorm.DB) {
				cfg := test.cfg
				cfg.DB = db
				gate, err := ginperimeter.New(cfg)
				if err != nil {
					t.Fatal(err)
				}
				if test.breakIt != nil {
					test.breakIt(t, db)
				}
				if err := gate.Ready(context.Background()); !errors.Is(err, test.want) {
					t.Errorf("Ready answers %v, want %v", err, test.want)
				}
			})
		})
	}
}

func TestReadyEndsWithItsContext(t *testing.T) {
	t.Parallel()
	db := newDB(t)
	gate, err := ginperimeter.New(ginperimeter.Config{DB: db})
	if err != nil {
		t.Fatal(err)
	}
	breakable(t, db).set(poolHangs)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := gate.Ready(ctx); !errors.Is(err, ginperimeter.ErrUnavailable) {
		t.Errorf("Ready answers %v from a database that hangs, want ErrUnavailable", err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("Ready took %v, though its context ended after 50ms", took)
	}
}
