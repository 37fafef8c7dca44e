package main

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/cookie"
	redisstore "github.com/gin-contrib/sessions/redis"
	"github.com/gomodule/redigo/redis"

	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/gin-perimeter/gin-perimeter/ginperimeter/redislimit"
	"github.com/gin-perimeter/gin-perimeter/internal/database"
)

// state is what requests share besides the database: sessions, and the counts
// of wrong tokens.
type state struct {
	sessions sessions.Store
	limiter  ginperimeter.Limiter // nil: counted in process
	redis    *redis.Pool          // nil: none
}

// secretKey signs sessions and links. With SQLite it is made when missing; the
// instances that share a server database must be given the same one.
func secretKey(o options) ([]byte, error) {
	file, ok := database.SecretKeyFile(o.database)
	if !ok && o.secretKey == "" {
		return nil, errors.New("a server database needs SECRET_KEY, the same for all instances (make one with: openssl rand -base64 32)")
	}
	return database.LoadSecretKey(o.secretKey, file, true)
}

// openState keeps sessions in cookies, or in the Redis at address. Over HTTPS
// their cookies are for HTTPS only.
func openState(address string, key []byte, https bool) (*state, error) {
	s := &state{}
	if address == "" {
		s.sessions = cookie.NewStore(key)
	} else if err := s.openRedis(address, key); err != nil {
		return nil, err
	}
	s.sessions.Options(sessions.Options{
		Path: "/", MaxAge: 30 * 24 * 60 * 60, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: https,
	})
	return s, nil
}

func (s *state) openRedis(address string, key []byte) error {
	s.redis = &redis.Pool{
		MaxIdle: 16, IdleTimeout: 4 * time.Minute,
		Dial: func() (redis.Conn, error) {
			return redis.Dial("tcp", address, redis.DialConnectTimeout(2*time.Second),
				redis.DialReadTimeout(2*time.Second), redis.DialWriteTimeout(2*time.Second))
		},
	}
	limiter, err := redislimit.New(s.redis, "")
	if err != nil {
		return err
	}
	s.limiter = limiter
	s.sessions, err = redisstore.NewStoreWithPool(s.redis, key)
	if err != nil {
		return fmt.Errorf("Redis at %s does not answer (%w); start it, or leave out -redis", address, err)
	}
	return nil
}

func (s *state) close() error {
	if s == nil || s.redis == nil {
		return nil
	}
	return s.redis.Close()
}
