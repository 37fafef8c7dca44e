// Package redislimit counts wrong tokens in Redis, so that all instances of a
// site share the attempt limits of their gates.
package redislimit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gomodule/redigo/redis"
	"github.com/throttled/throttled/v2"
	"github.com/throttled/throttled/v2/store/redigostore"

	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
)

// DefaultPrefix begins the keys in Redis unless said otherwise.
const DefaultPrefix = "perimeter:attempts:"

// retries is how often a count is tried again when another instance changed it
// in between.
const retries = 100

// Limiter is a ginperimeter.Limiter that keeps its counts in Redis, by the
// generic cell rate algorithm on Redis's clock. Keys expire by themselves. It
// is safe for concurrent use.
type Limiter struct {
	store throttled.GCRAStoreCtx
	turn  chan struct{} // one count at a time: within an instance, none fails because of another
	mu    sync.Mutex
	rates map[ginperimeter.Limit]*throttled.GCRARateLimiterCtx
}

// New makes a Limiter on a pool, with DefaultPrefix for the keys where prefix
// is "". Redis need not answer yet: while it does not, gates count in process.
// Give the pool time-outs for connecting, reading and writing: an attempt
// waits that long when Redis hangs.
func New(pool *redis.Pool, prefix string) (*Limiter, error) {
	if pool == nil {
		return nil, errors.New("redislimit: the pool is missing; pass a *redis.Pool")
	}
	if prefix == "" {
		prefix = DefaultPrefix
	}
	store, err := redigostore.NewCtx(pool, prefix, 0)
	if err != nil {
		return nil, fmt.Errorf("redislimit: %w", err)
	}
	return &Limiter{store: store, turn: make(chan struct{}, 1), rates: make(map[ginperimeter.Limit]*throttled.GCRARateLimiterCtx)}, nil
}

// Take counts an attempt; see ginperimeter.Limiter.
func (l *Limiter) Take(ctx context.Context, key string, limit ginperimeter.Limit) (time.Duration, error) {
	rate, err := l.rate(limit)
	if err != nil {
		return 0, err
	}
	limited, result, err := l.count(ctx, rate, key, 1)
	if err != nil {
		return 0, fmt.Errorf("redislimit: %w", err)
	}
	if !limited {
		return 0, nil
	}
	return max(result.RetryAfter, time.Millisecond), nil
}

// Return takes back one attempt; see ginperimeter.Limiter.
func (l *Limiter) Return(ctx context.Context, key string, limit ginperimeter.Limit) error {
	rate, err := l.rate(limit)
	if err != nil {
		return err
	}
	// a negative quantity moves the time of the next attempt back
	if _, _, err := l.count(ctx, rate, key, -1); err != nil {
		return fmt.Errorf("redislimit: %w", err)
	}
	return nil
}

func (l *Limiter) count(ctx context.Context, rate *throttled.GCRARateLimiterCtx, key string, n int) (bool, throttled.RateLimitResult, error) {
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
		return rate.RateLimitCtx(ctx, key, n)
	case <-ctx.Done():
		return false, throttled.RateLimitResult{}, ctx.Err()
	}
}

// rate is the limiter of one limit: gates have two.
func (l *Limiter) rate(limit ginperimeter.Limit) (*throttled.GCRARateLimiterCtx, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if rate := l.rates[limit]; rate != nil {
		return rate, nil
	}
	rate, err := throttled.NewGCRARateLimiterCtx(l.store, throttled.RateQuota{
		MaxRate: throttled.PerDuration(limit.Count, limit.Per), MaxBurst: limit.Count - 1,
	})
	if err != nil {
		return nil, fmt.Errorf("redislimit: %w", err)
	}
	rate.SetMaxCASAttemptsLimit(retries)
	l.rates[limit] = rate
	return rate, nil
}
