package ginperimeter

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"
)

// Limit is how many wrong tokens may be tried in a time. What was used comes
// back evenly: 10 in 15 minutes is 10 at once, then one every 90 seconds.
type Limit struct {
	Count int           // at least 1
	Per   time.Duration // at least 1 second
}

func (l Limit) check(field string) error {
	if l.Count < 1 || l.Per < time.Second {
		return fmt.Errorf("ginperimeter: %s is %d in %v; it must be at least 1 in at least 1s", field, l.Count, l.Per)
	}
	return nil
}

// Limiter counts attempts by key. Implementations are safe for concurrent use
// and bound their memory. The gate has one of its own, in process;
// package redislimit has one that instances share.
type Limiter interface {
	// Take counts an attempt before its outcome is known. A positive wait says
	// that it goes beyond the limit, was not counted, and when to try again.
	Take(ctx context.Context, key string, limit Limit) (wait time.Duration, err error)
	// Return takes back one attempt that turned out not to be a wrong token.
	Return(ctx context.Context, key string, limit Limit) error
}

// maxLimited is how many addresses are remembered: the attempts from all
// together are limited, too, so that no more are needed.
const maxLimited = 10_000

// processLimiter is the Limiter of a single process.
type processLimiter struct {
	now func() time.Time
	mu  sync.Mutex // makes get-or-add one step
	lru *lru.Cache[string, *rate.Limiter]
}

func newProcessLimiter(now func() time.Time) *processLimiter {
	cache, err := lru.New[string, *rate.Limiter](maxLimited)
	if err != nil {
		panic("ginperimeter: " + err.Error()) // only a size below 1 is refused
	}
	return &processLimiter{now: now, lru: cache}
}

func (p *processLimiter) Take(_ context.Context, key string, limit Limit) (time.Duration, error) {
	now := p.now()
	attempt := p.bucket(key, limit).ReserveN(now, 1)
	if wait := attempt.DelayFrom(now); wait > 0 {
		attempt.CancelAt(now)
		return wait, nil
	}
	return 0, nil
}

func (p *processLimiter) Return(_ context.Context, key string, limit Limit) error {
	p.bucket(key, limit).AllowN(p.now(), -1) // a negative number gives back
	return nil
}

func (p *processLimiter) bucket(key string, limit Limit) *rate.Limiter {
	p.mu.Lock()
	defer p.mu.Unlock()
	if b, ok := p.lru.Get(key); ok {
		return b
	}
	b := rate.NewLimiter(rate.Limit(float64(limit.Count)/limit.Per.Seconds()), limit.Count)
	p.lru.Add(key, b)
	return b
}

// attempts applies both limits to one visitor.
type attempts struct {
	gate *Gate
	key  string
}

const keyForAll = "all"

func (g *Gate) attempts(clientIP string) attempts {
	return attempts{gate: g, key: "ip " + network(clientIP)}
}

// network is what an address is limited by: itself, or the /64 of an IPv6
// address, which is what one subscriber has (RFC 6177). What is no address,
// such as that of a unix socket, shares one limit.
func network(clientIP string) string {
	addr, err := netip.ParseAddr(clientIP)
	if err != nil {
		return "unknown"
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is4() {
		return addr.String()
	}
	prefix, err := addr.Prefix(64)
	if err != nil {
		return "unknown"
	}
	return prefix.String()
}

// take counts an attempt on both limits. It answers how long to wait, 0 when
// the attempt is within them.
func (a attempts) take(ctx context.Context) time.Duration {
	cfg := &a.gate.cfg
	if wait := a.gate.limits.take(ctx, a.key, cfg.Attempts); wait > 0 {
		return wait
	}
	wait := a.gate.limits.take(ctx, keyForAll, cfg.AttemptsFromAll)
	if wait > 0 {
		a.gate.limits.giveBack(ctx, a.key, cfg.Attempts)
	}
	return wait
}

// giveBack undoes a take that answered 0.
func (a attempts) giveBack(ctx context.Context) {
	cfg := &a.gate.cfg
	a.gate.limits.giveBack(ctx, a.key, cfg.Attempts)
	a.gate.limits.giveBack(ctx, keyForAll, cfg.AttemptsFromAll)
}

// limits asks the shared limiter and, when that is away, the process's own.
type limits struct {
	shared Limiter // nil: none
	own    *processLimiter
	fault  *fault
	failed atomic.Int64 // when the shared limiter failed last, in Unix nanoseconds

	flights singleflight.Group // custom tokens being judged; see findCustom
}

const (
	limiterTimeout = 2 * time.Second // how long the shared limiter may take
	limiterRest    = time.Second     // how long it is not asked after it failed: who enters waits for it once
)

// ask asks the shared limiter. It answers false when that is away.
func (l *limits) ask(ctx context.Context, question func(context.Context, Limiter) error) bool {
	now := l.own.now().UnixNano()
	if l.shared == nil || lately(l.failed.Load(), now, limiterRest) {
		return false
	}
	// who hangs up in the middle must not make it look as if it were away
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limiterTimeout)
	defer cancel()
	err := question(ctx, l.shared)
	l.fault.note(err)
	if err != nil {
		l.failed.Store(l.own.now().UnixNano())
	}
	return err == nil
}

func (l *limits) take(ctx context.Context, key string, limit Limit) (wait time.Duration) {
	asked := l.ask(ctx, func(ctx context.Context, shared Limiter) (err error) {
		wait, err = shared.Take(ctx, key, limit)
		return err
	})
	if !asked {
		wait, _ = l.own.Take(ctx, key, limit) // never fails
	}
	return wait
}

func (l *limits) giveBack(ctx context.Context, key string, limit Limit) {
	asked := l.ask(ctx, func(ctx context.Context, shared Limiter) error { return shared.Return(ctx, key, limit) })
	if !asked {
		_ = l.own.Return(ctx, key, limit) // never fails
	}
}

// seconds is a time to wait, rounded up, as Retry-After gives it.
type seconds int64

func toSeconds(d time.Duration) seconds {
	return max(1, seconds((d+time.Second-1)/time.Second))
}

func (s seconds) String() string { return strconv.FormatInt(int64(s), 10) }
