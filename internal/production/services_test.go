//go:build unix

package production_test

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/internal/dbtest"
	"github.com/gin-perimeter/gin-perimeter/models"
)

// redisServer is a Redis of a test's own.
type redisServer struct {
	address string
	cmd     *exec.Cmd
}

// startRedis starts a Redis that keeps nothing.
func startRedis(t testing.TB) *redisServer {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("no redis-server, which CI needs")
		}
		t.Skip("no redis-server here, skipped")
	}
	r := &redisServer{address: freeAddress(t)}
	r.start(t)
	t.Cleanup(r.stop)
	return r
}

func (r *redisServer) start(t testing.TB) {
	t.Helper()
	host, port, err := net.SplitHostPort(r.address)
	if err != nil {
		t.Fatal(err)
	}
	r.cmd = exec.Command("redis-server", "--bind", host, "--port", port, "--save", "", "--appendonly", "no")
	r.cmd.Dir = t.TempDir()
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, "Redis starts", func() bool {
		conn, err := net.Dial("tcp", r.address)
		if err != nil {
			return false
		}
		return conn.Close() == nil
	})
}

func (r *redisServer) stop() {
	if r.cmd == nil {
		return
	}
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
	r.cmd = nil
}

// freeAddress is one that nobody listens on.
func freeAddress(t testing.TB) string {
	t.Helper()
	listener := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	defer listener.Close()
	return listener.Addr().String()
}

// newToken makes a token from outside of the demo, as the tool does.
func newToken(t testing.TB, db *gorm.DB, n models.NewAccessToken) (string, models.AccessToken) {
	t.Helper()
	token, row, err := models.CreateAccessToken(context.Background(), db, n)
	if err != nil {
		t.Fatal(err)
	}
	return token, row
}

// newDatabase is a database of one kind with the tables made.
func newDatabase(t testing.TB, kind string) (dbtest.Database, *gorm.DB) {
	t.Helper()
	d := dbtest.New(t, kind)
	db := d.OpenAsTool(t)
	if err := models.Migrate(db); err != nil {
		t.Fatal(err)
	}
	return d, db
}

// through is a server's DSN with another address.
func through(t testing.TB, d dbtest.Database, address string) string {
	t.Helper()
	u := must[*url.URL](t)(url.Parse(d.DSN))
	u.Host = address
	return u.String()
}

func serverAddress(t testing.TB, d dbtest.Database) string {
	t.Helper()
	return must[*url.URL](t)(url.Parse(d.DSN)).Host
}

// eventually waits for something to become true.
func eventually(t testing.TB, within time.Duration, what string, done func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !done() {
		if time.Since(began) > within {
			t.Fatalf("%s: not within %v", what, within)
		}
		time.Sleep(20 * time.Millisecond)
	}
	return time.Since(began)
}

// wantCounts compares the rows of a token with its use count.
func wantCounts(t testing.TB, db *gorm.DB, tokenID uint, want int) {
	t.Helper()
	var rows int64
	if err := db.Model(&models.AccessTokenUse{}).Where("token_id = ?", tokenID).Count(&rows).Error; err != nil {
		t.Fatal(err)
	}
	row := must[models.AccessToken](t)(models.GetAccessToken(context.Background(), db, tokenID))
	if fmt.Sprint(rows) != fmt.Sprint(row.UseCount) {
		t.Errorf("%d rows of uses, but a use count of %d", rows, row.UseCount)
	}
	if want >= 0 && int(rows) != want {
		t.Errorf("%d rows of uses, want %d", rows, want)
	}
}
