package models_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/internal/growth"
	"github.com/gin-perimeter/gin-perimeter/models"
)

// BenchmarkGrowth measures what the gate and the admin pages ask of the
// database, on tables of several sizes: see the package growth.
func BenchmarkGrowth(b *testing.B) {
	for _, kind := range growth.Kinds() {
		b.Run(kind, func(b *testing.B) {
			tables := growth.Tables(b, kind)
			for i, work := range growthWork() {
				b.Run(work.name, func(b *testing.B) {
					growth.InTurn(b, tables, func(ctx context.Context, table growth.Table) error {
						return growthWork()[i].run(ctx, table.DB)
					})
				})
			}
		})
	}
}

type growing struct {
	name string
	run  func(ctx context.Context, db *gorm.DB) error
}

func growthWork() []growing {
	now := time.Now()
	tokens := func(f models.TokenFilter, p models.Page) func(context.Context, *gorm.DB) error {
		f.Now = now
		return func(ctx context.Context, db *gorm.DB) error {
			rows, err := models.ListAccessTokens(ctx, db, f, p)
			return filled(len(rows.Rows), err)
		}
	}
	uses := func(f models.UseFilter, p models.Page) func(context.Context, *gorm.DB) error {
		return func(ctx context.Context, db *gorm.DB) error {
			rows, err := models.ListAccessTokenUses(ctx, db, f, p)
			return filled(len(rows.Rows), err)
		}
	}
	first, last, middle := models.Page{}, models.Page{Last: true}, models.Page{Before: 500}
	return []growing{
		{"token-find", func(ctx context.Context, db *gorm.DB) error {
			_, err := models.FindAccessToken(ctx, db, "the one that is entered")
			return err
		}},
		{"token-enter", func(ctx context.Context, db *gorm.DB) error {
			token, err := models.FindAccessToken(ctx, db, "the one that is entered")
			if err != nil {
				return err
			}
			_, err = models.RecordEntry(ctx, db, token, models.NewPassRef(), models.NewAccessTokenUse{
				Name: "Anna", Email: "anna@example.com", IP: "192.0.2.1", At: time.Now(),
			})
			return err
		}},
		{"tokens-first", tokens(models.TokenFilter{}, first)},
		{"tokens-last", tokens(models.TokenFilter{}, last)},
		{"tokens-middle", tokens(models.TokenFilter{}, middle)},
		{"tokens-live-first", tokens(models.TokenFilter{Status: models.StatusLive}, first)},
		{"tokens-live-last", tokens(models.TokenFilter{Status: models.StatusLive}, last)},
		{"tokens-usedup-first", tokens(models.TokenFilter{Status: models.StatusUsedUp}, first)},
		{"tokens-expired-first", tokens(models.TokenFilter{Status: models.StatusExpired}, first)},
		{"tokens-expired-middle", tokens(models.TokenFilter{Status: models.StatusExpired}, middle)},
		{"tokens-expired-last", tokens(models.TokenFilter{Status: models.StatusExpired}, last)},
		{"tokens-deactivated-first", tokens(models.TokenFilter{Status: models.StatusDeactivated}, first)},
		{"tokens-deactivated-last", tokens(models.TokenFilter{Status: models.StatusDeactivated}, last)},
		{"tokens-search-narrow", tokens(models.TokenFilter{Search: "customer 0000001"}, first)},
		{"tokens-search-broad-first", tokens(models.TokenFilter{Search: "customer"}, first)},
		{"tokens-search-broad-middle", tokens(models.TokenFilter{Search: "customer"}, middle)},
		{"tokens-search-broad-last", tokens(models.TokenFilter{Search: "customer"}, last)},
		{"tokens-search-hint", tokens(models.TokenFilter{Search: "0007"}, first)},
		{"tokens-search-email", tokens(models.TokenFilter{Search: "person5@"}, first)},
		{"tokens-search-live", tokens(models.TokenFilter{Search: "customer 000000", Status: models.StatusLive}, first)},
		{"tokens-search-deactivated", tokens(models.TokenFilter{Search: "customer 000", Status: models.StatusDeactivated}, first)},
		{"tokens-by-expiry", func(ctx context.Context, db *gorm.DB) error {
			rows, _, err := models.ListAccessTokensByExpiry(ctx, db, models.TokenFilter{Now: now}, nil, 0)
			return filled(len(rows), err)
		}},
		{"tokens-count-by-state", func(ctx context.Context, db *gorm.DB) error {
			_, err := models.CountTokensByState(ctx, db, now, now.Add(7*24*time.Hour), 10_000)
			return err
		}},
		{"uses-first", uses(models.UseFilter{}, first)},
		{"uses-last", uses(models.UseFilter{}, last)},
		{"uses-middle", uses(models.UseFilter{}, middle)},
		{"uses-busy-token-first", uses(models.UseFilter{TokenID: 1}, first)},
		{"uses-busy-token-last", uses(models.UseFilter{TokenID: 1}, last)},
		{"uses-old-token-first", uses(models.UseFilter{TokenID: 2}, first)},
		{"uses-rare-token-first", uses(models.UseFilter{TokenID: 3}, first)},
		{"uses-busy-token-since", uses(models.UseFilter{TokenID: 1, Since: now.Add(-time.Hour)}, last)},
		{"uses-person", uses(models.UseFilter{Person: "person7@example.com"}, first)},
		{"uses-person-prefix", uses(models.UseFilter{Person: "person"}, first)},
		{"uses-person-prefix-last", uses(models.UseFilter{Person: "person"}, last)},
		{"uses-address", uses(models.UseFilter{IP: "10.0.0.7"}, first)},
		{"uses-since", uses(models.UseFilter{Since: now.Add(-time.Hour)}, last)},
		{"uses-ended", func(ctx context.Context, db *gorm.DB) error {
			_, err := models.ListEndedUses(ctx, db, now.Add(-10*time.Second))
			return err
		}},
		{"uses-count-capped", func(ctx context.Context, db *gorm.DB) error {
			_, err := models.CountAccessTokenUsesUpTo(ctx, db, models.UseFilter{}, 1000)
			return err
		}},
	}
}

func filled(rows int, err error) error {
	if err == nil && rows == 0 {
		return fmt.Errorf("the page is empty")
	}
	return err
}
