package admin

import (
	"context"
	"slices"
	"sync"
	"time"

	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/models"
)

// pastDays remembers how many entries the days before today had, where
// counting them takes long: a day that is over gets no more entries.
type pastDays struct {
	mu     sync.Mutex
	bounds []time.Time // of the days that were counted
	counts []int64
	at     time.Time
}

const (
	longCount = 100_000          // so many entries are counted in some 20 ms
	pastAge   = 10 * time.Minute // a purge may take entries away
)

// count counts the entries between each bound and the next; the last day is
// today.
func (p *pastDays) count(ctx context.Context, db *gorm.DB, bounds []time.Time, now time.Time) ([]int64, error) {
	whole := bounds[:len(bounds)-1]
	past := p.known(whole, now)
	if past == nil {
		var err error
		if past, err = models.CountUsesBetween(ctx, db, whole); err != nil {
			return nil, err
		}
		p.keep(whole, past, now)
	}
	today, err := models.CountUsesBetween(ctx, db, bounds[len(bounds)-2:])
	if err != nil {
		return nil, err
	}
	return slices.Concat(past, today), nil
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
