package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gin-perimeter/gin-perimeter/internal/database"
	"github.com/gin-perimeter/gin-perimeter/models"
)

// contestant is one variant with one store.
type contestant struct {
	variant, store string
	script         string
	process        *process
	loads          []load
}

func (c *contestant) name() string {
	if c.variant == variantGate || c.variant == variantSessionRead {
		return c.variant + ", " + c.store + " sessions"
	}
	return c.variant
}

// compare measures all contestants in rounds, so that what else the machine
// does hits each of them, and prints medians.
func compare(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("http", flag.ContinueOnError)
	rounds := flags.Int("rounds", 7, "how often each site is measured")
	seconds := flags.Int("seconds", 5, "how long each time, after a second to warm up")
	visitors := flags.Int("visitors", 1000, "how many take turns")
	connections := flags.Int("connections", 32, "how many are open at once")
	if err := flags.Parse(args); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "perimeter-loadtest-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	all, err := contestants(ctx, dir, *visitors)
	defer func() {
		for _, c := range all {
			if c.process != nil {
				c.process.stop()
			}
		}
	}()
	if err != nil {
		return err
	}
	for range *rounds {
		for _, c := range all {
			// Nobody came for the time of a round, so all sessions are to be read
			// again; that belongs to a second of its own. In 5 seconds from then,
			// each is read once more, as in a site that is always busy.
			if _, err := c.process.wrk(ctx, c.script, *connections, time.Second); err != nil {
				return err
			}
			l, err := c.process.wrk(ctx, c.script, *connections, time.Duration(*seconds)*time.Second)
			if err != nil {
				return err
			}
			if l.failed > 0 {
				return fmt.Errorf("%s refused %d requests", c.name(), l.failed)
			}
			c.loads = append(c.loads, l)
		}
	}
	report(all)
	return nil
}

func contestants(ctx context.Context, dir string, visitors int) ([]*contestant, error) {
	dsn := "sqlite:" + filepath.Join(dir, "site.db")
	db, err := database.Open(dsn)
	if err != nil {
		return nil, err
	}
	if err := models.Migrate(db); err != nil {
		return nil, err
	}
	_, row, err := models.CreateAccessToken(ctx, db, models.NewAccessToken{Label: "load"})
	if err != nil {
		return nil, err
	}
	refs, err := enter(ctx, db, row, visitors)
	if err != nil {
		return nil, err
	}
	scripts := make(map[string]string)
	for _, store := range []string{"cookie", "redis"} {
		cookies, err := saveSessions(store, refs)
		if err != nil {
			return nil, err
		}
		if scripts[store], err = writeScript(dir, store, cookies); err != nil {
			return nil, err
		}
	}
	all := []*contestant{
		{variant: variantBare, store: "cookie"}, {variant: variantBasicAuth, store: "cookie"},
		{variant: variantHeaders, store: "cookie"}, {variant: variantSessions, store: "cookie"},
		{variant: variantGate, store: "cookie"}, {variant: variantGate, store: "redis"},
		{variant: variantSessionRead, store: "cookie"}, {variant: variantSessionRead, store: "redis"},
	}
	var errs error
	for _, c := range all {
		c.script = scripts[c.store]
		c.process, err = start(ctx, c.variant, c.store, dsn)
		errs = errors.Join(errs, err)
	}
	return all, errs
}

// report prints medians, and ratios to bare Gin in the same round.
func report(all []*contestant) {
	bare := all[0]
	fmt.Printf("| site | requests/s | of bare | p99 | times bare | processor time of the site per request | times bare |\n|---|---|---|---|---|---|---|\n")
	for _, c := range all {
		var speed, part, p99, times, cpu, work []float64
		for i, l := range c.loads {
			speed = append(speed, l.perSecond)
			part = append(part, l.perSecond/bare.loads[i].perSecond)
			p99 = append(p99, float64(l.p99.Microseconds())/1000)
			times = append(times, float64(l.p99)/float64(bare.loads[i].p99))
			cpu = append(cpu, l.cpuPerRequest())
			work = append(work, l.cpuPerRequest()/bare.loads[i].cpuPerRequest())
		}
		fmt.Printf("| %s | %.0f | %.0f %% | %.1f ms | %.2f | %.1f µs | %.2f |\n",
			c.name(), median(speed), 100*median(part), median(p99), median(times), median(cpu), median(work))
	}
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n == 0 {
		return 0
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
