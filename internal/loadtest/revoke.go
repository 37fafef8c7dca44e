package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/internal/database"
	"github.com/gin-perimeter/gin-perimeter/models"
)

// revoke lets two processes serve one database, one of them at full load, and
// deactivates a token by plain SQL. It measures how long each process lets its
// holder in, what that costs the others, and the queries in the background.
func revoke(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("revoke", flag.ContinueOnError)
	rounds := flags.Int("rounds", 5, "how many tokens are revoked")
	dsn := flags.String("database", "", "an empty database (default: SQLite in a temporary file)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "perimeter-loadtest-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if *dsn == "" {
		*dsn = "sqlite:" + filepath.Join(dir, "site.db")
	}
	db, err := database.Open(*dsn)
	if err != nil {
		return err
	}
	if err := models.Migrate(db); err != nil {
		return err
	}
	var sites []*process
	for range 2 {
		site, err := start(ctx, variantGate, "cookie", *dsn)
		if err != nil {
			return err
		}
		defer site.stop()
		sites = append(sites, site)
	}
	cookies, _, err := newcomers(ctx, db, 1000)
	if err != nil {
		return err
	}
	script, err := writeScript(dir, "load", cookies)
	if err != nil {
		return err
	}
	return revokeInRounds(ctx, db, sites, script, *rounds)
}

// newcomers are visitors with a new token.
func newcomers(ctx context.Context, db *gorm.DB, n int) (cookies []string, tokenID uint, err error) {
	_, row, err := models.CreateAccessToken(ctx, db, models.NewAccessToken{Label: "load"})
	if err != nil {
		return nil, 0, err
	}
	refs, err := enter(ctx, db, row, n)
	if err != nil {
		return nil, 0, err
	}
	cookies, err = saveSessions("cookie", refs)
	return cookies, row.ID, err
}

const loadFor = 10 * time.Second

func revokeInRounds(ctx context.Context, db *gorm.DB, sites []*process, script string, rounds int) error {
	if _, err := sites[0].wrk(ctx, script, 32, 3*time.Second); err != nil { // the first visits need look-ups
		return err
	}
	var calm, busy, loaded, idle, queries []float64
	for range rounds {
		l, err := sites[0].wrk(ctx, script, 32, loadFor)
		if err != nil {
			return err
		}
		calm = append(calm, l.perSecond)
		before, err := sites[0].queries()
		if err != nil {
			return err
		}
		began := time.Now()
		measured := make(chan load, 1)
		failed := make(chan error, 1)
		go func() {
			l, err := sites[0].wrk(ctx, script, 32, loadFor)
			failed <- err
			measured <- l
		}()
		took, err := revokeOne(ctx, db, sites)
		if err := errors.Join(err, <-failed); err != nil {
			return err
		}
		l = <-measured
		if l.failed > 0 {
			return fmt.Errorf("%d requests of others were refused", l.failed)
		}
		busy = append(busy, l.perSecond)
		after, err := sites[0].queries()
		if err != nil {
			return err
		}
		queries = append(queries, float64(after-before)/time.Since(began).Seconds())
		loaded, idle = append(loaded, took[0].Seconds()), append(idle, took[1].Seconds())
	}
	fmt.Printf("| what | median | worst |\n|---|---|---|\n")
	fmt.Printf("| refused in the process at full load after | %.1f s | %.1f s |\n", median(loaded), most(loaded))
	fmt.Printf("| refused in the other process after | %.1f s | %.1f s |\n", median(idle), most(idle))
	fmt.Printf("| queries of the process at full load, look-ups for the newcomer included | %.2f /s | %.2f /s |\n", median(queries), most(queries))
	fmt.Printf("| requests of others, with a revocation | %.0f /s | |\n| the same without | %.0f /s | |\n", median(busy), median(calm))
	return nil
}

func most(values []float64) (m float64) {
	for _, v := range values {
		m = max(m, v)
	}
	return m
}

// revokeOne lets somebody in everywhere, takes the token away, and answers how
// long each process kept letting him in.
func revokeOne(ctx context.Context, db *gorm.DB, sites []*process) ([]time.Duration, error) {
	cookies, id, err := newcomers(ctx, db, 1)
	if err != nil {
		return nil, err
	}
	// long enough for a reload, and never at the same point between two
	for wait := time.Now().Add(2*time.Second + rand.N(2*time.Second)); time.Now().Before(wait); time.Sleep(20 * time.Millisecond) {
		for _, site := range sites {
			if status, err := site.status(ctx, cookies[0]); err != nil || status != http.StatusOK {
				return nil, errors.Join(fmt.Errorf("a visitor got %d", status), err)
			}
		}
	}
	err = db.WithContext(ctx).Exec("UPDATE access_tokens SET deactivated_at = ? WHERE id = ?", time.Now().UTC(), id).Error
	if err != nil {
		return nil, err
	}
	return untilRefused(ctx, sites, cookies[0])
}

func untilRefused(ctx context.Context, sites []*process, cookie string) ([]time.Duration, error) {
	began := time.Now()
	took := make([]time.Duration, len(sites))
	for left := len(sites); left > 0; time.Sleep(20 * time.Millisecond) {
		for i, site := range sites {
			if took[i] > 0 {
				continue
			}
			status, err := site.status(ctx, cookie)
			switch {
			case err != nil:
				return nil, err
			case status != http.StatusOK:
				took[i] = time.Since(began)
				left--
			case time.Since(began) > time.Minute:
				return nil, errors.New("a revoked token still opens the site after a minute")
			}
		}
	}
	return took, nil
}
