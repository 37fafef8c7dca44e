package dbtest

import (
	"cmp"
	"crypto/rand"
	"os"
	"sync"
	"testing"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/cookie"
	gormstore "github.com/gin-contrib/sessions/gorm"
	redisstore "github.com/gin-contrib/sessions/redis"
	"github.com/gomodule/redigo/redis"
)

// RedisAddress is where the tests' Redis is: host:port.
var RedisAddress = cmp.Or(os.Getenv("PERIMETER_TEST_REDIS"), "127.0.0.1:6379")

var redisReached = sync.OnceValue(func() error { return dial("tcp", RedisAddress) })

// EachStore runs a test with cookie, Redis and GORM sessions. The cookies work
// on plain HTTP.
func EachStore(t *testing.T, run func(t *testing.T, store sessions.Store)) {
	t.Helper()
	for _, kind := range []string{"cookie", "redis", "gorm"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			run(t, NewStore(t, kind))
		})
	}
}

// NewStore makes an empty session store: "cookie", "redis" or "gorm".
func NewStore(t testing.TB, kind string) sessions.Store {
	t.Helper()
	var store sessions.Store
	switch kind {
	case "cookie":
		store = cookie.NewStore(sessionKey)
	case "redis":
		store = redisStore(t)
	case "gorm":
		store = gormstore.NewStore(New(t, "sqlite").Open(t), false, sessionKey)
	default:
		t.Fatalf("no session store %q", kind)
	}
	store.Options(sessions.Options{Path: "/", MaxAge: 30 * 24 * 60 * 60, HttpOnly: true})
	return store
}

var sessionKey = []byte("a key of 32 bytes for tests only")

// NeedRedis skips the test where there is no Redis, and fails it in CI.
func NeedRedis(t testing.TB) {
	t.Helper()
	need(t, "Redis server", redisReached())
}

func redisStore(t testing.TB) sessions.Store {
	t.Helper()
	NeedRedis(t)
	store, err := redisstore.NewStore(4, "tcp", RedisAddress, "", "", sessionKey)
	if err != nil {
		t.Fatal(err)
	}
	prefix := "perimeter_test_" + rand.Text() + "_"
	if err := redisstore.SetKeyPrefix(store, prefix); err != nil {
		t.Fatal(err)
	}
	inner, err := redisstore.GetRedisStore(store)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		inner.Close()
		if err := forget(prefix); err != nil {
			t.Error(err)
		}
	})
	return store
}

// forget deletes the keys that begin so.
func forget(prefix string) error {
	conn, err := redis.Dial("tcp", RedisAddress)
	if err != nil {
		return err
	}
	defer conn.Close()
	cursor := "0"
	for {
		answer, err := redis.Values(conn.Do("SCAN", cursor, "MATCH", prefix+"*", "COUNT", 1000))
		if err != nil {
			return err
		}
		var keys []string
		if _, err := redis.Scan(answer, &cursor, &keys); err != nil {
			return err
		}
		for _, key := range keys {
			if _, err := conn.Do("DEL", key); err != nil {
				return err
			}
		}
		if cursor == "0" {
			return nil
		}
	}
}
