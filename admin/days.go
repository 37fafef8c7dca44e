package admin

import (
	"context"
	"slices"
	"sync"
	"time"

	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/models"
)

// pastDays remembers how many entries the days and hours had that are over,
// where counting them takes long: they get no more entries.
type pastDays struct {
	mu     sync.Mutex
	bounds []time.Time // of what was counted
	counts []int64
	at     time.Time
}

const (
	longCount = 100_000          // so many entries are counted in some 20 ms
	pastAge   = 10 * time.Minute // a purge may take entries away
	settled   = 5 * time.Minute  // clocks of instances may differ by that
)

// count counts the entries between each bound and the next; the last day is
// today, whose last hour is always counted.
func (p *pastDays) count(ctx context.Context, db *gorm.DB, bounds []time.Time, now time.Time) ([]int64, error) {
	days := len(bounds) - 1
	today, tomorrow := bounds[days-1], bounds[days]
	over := now.Add(-settled).Truncate(time.Hour)
	if over.Before(today) {
		over = today
	}
	past := append(slices.Clone(bounds[:days]), over)
	counts := p.known(past, now)
	if counts == nil {
		var err error
		if counts, err = models.CountUsesBetween(ctx, db, past); err != nil {
			return nil, err
		}
		p.keep(past, counts, now)
	}
	lately, err := models.CountUsesBetween(ctx, db, []time.Time{over, tomorrow})
	if err != nil {
		return nil, err
	}
	counts = slices.Clone(counts)
	counts[days-1] += lately[0]
	return counts, nil
}

func (p *pastDays) known(bounds []time.Time, now time.Time) []int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	age := now.Sub(p.at)
	if age < 0 || age > pastAge || !slices.EqualFunc(p.bounds, bounds, time.Time.Equal) {
		return nil
	}
	return p.counts
}

func (p *pastDays) keep(bounds []time.Time, counts []int64, now time.Time) {
	var sum int64
	for _, n := range counts {
		sum += n
	}
	if sum < longCount {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bounds, p.counts, p.at = bounds, counts, now
}
