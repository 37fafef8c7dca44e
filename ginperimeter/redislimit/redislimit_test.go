package redislimit_test

import (
	"context"
	"crypto/rand"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/gin-perimeter/gin-perimeter/ginperimeter/redislimit"
	"github.com/gin-perimeter/gin-perimeter/internal/dbtest"
)

var tenInAQuarter = ginperimeter.Limit{Count: 10, Per: 15 * time.Minute}

func newPool(address string) *redis.Pool {
	return &redis.Pool{MaxIdle: 4, Dial: func() (redis.Conn, error) {
		return redis.Dial("tcp", address, redis.DialConnectTimeout(time.Second))
	}}
}

// newLimiters are two instances on one Redis, with keys of their own.
func newLimiters(t *testing.T) [2]*redislimit.Limiter {
	t.Helper()
	dbtest.NeedRedis(t)
	prefix := "perimeter-test:" + rand.Text() + ":"
	var both [2]*redislimit.Limiter
	for i := range both {
		limiter, err := redislimit.New(newPool(dbtest.RedisAddress), prefix)
		if err != nil {
			t.Fatal(err)
		}
		both[i] = limiter
	}
	return both
}

func TestInstancesShareTheLimit(t *testing.T) {
	t.Parallel()
	both := newLimiters(t)
	for i := range 10 {
		if wait, err := both[i%2].Take(context.Background(), "ip 192.0.2.1", tenInAQuarter); wait != 0 || err != nil {
			t.Fatalf("attempt %d: wait %v, error %v", i+1, wait, err)
		}
	}
	for i, limiter := range both {
		wait, err := limiter.Take(context.Background(), "ip 192.0.2.1", tenInAQuarter)
		if err != nil || wait <= 0 || wait > 90*time.Second {
			t.Errorf("instance %d beyond the limit: wait %v, error %v, want up to 90 s", i, wait, err)
		}
	}
	if wait, err := both[0].Take(context.Background(), "ip 192.0.2.2", tenInAQuarter); wait != 0 || err != nil {
		t.Errorf("another address: wait %v, error %v", wait, err)
	}
}

func TestReturnedAttemptsCanBeTakenAgain(t *testing.T) {
	t.Parallel()
	limiter := newLimiters(t)[0]
	for i := range 50 {
		if wait, err := limiter.Take(context.Background(), "k", tenInAQuarter); wait != 0 || err != nil {
			t.Fatalf("attempt %d: wait %v, error %v", i+1, wait, err)
		}
		if err := limiter.Return(context.Background(), "k", tenInAQuarter); err != nil {
			t.Fatal(err)
		}
	}
	if err := limiter.Return(context.Background(), "k", tenInAQuarter); err != nil {
		t.Fatal(err)
	}
	allowed := 0
	for range 20 {
		if wait, err := limiter.Take(context.Background(), "k", tenInAQuarter); err == nil && wait == 0 {
			allowed++
		}
	}
	if allowed != 10 {
		t.Errorf("%d attempts after all were returned, want 10", allowed)
	}
}

func TestParallelBurstStaysWithinTheLimit(t *testing.T) {
	t.Parallel()
	both := newLimiters(t)
	var allowed, failed atomic.Int32
	var all sync.WaitGroup
	for i := range 60 {
		all.Go(func() {
			wait, err := both[i%2].Take(context.Background(), "burst", tenInAQuarter)
			if err != nil {
				failed.Add(1)
			} else if wait == 0 {
				allowed.Add(1)
			}
		})
	}
	all.Wait()
	if allowed.Load() != 10 || failed.Load() != 0 {
		t.Errorf("%d of 60 allowed, %d failed; want 10 and 0", allowed.Load(), failed.Load())
	}
}

func TestRedisAwayIsAnError(t *testing.T) {
	t.Parallel()
	limiter, err := redislimit.New(newPool("127.0.0.1:1"), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := limiter.Take(context.Background(), "k", tenInAQuarter); err == nil {
		t.Error("Take without Redis: no error")
	}
	if err := limiter.Return(context.Background(), "k", tenInAQuarter); err == nil {
		t.Error("Return without Redis: no error")
	}
}

func TestNewNeedsAPool(t *testing.T) {
	t.Parallel()
	if _, err := redislimit.New(nil, ""); err == nil {
		t.Error("New(nil): no error")
	}
}
