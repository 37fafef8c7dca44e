package dbtest

import (
	"cmp"
	"crypto/rand"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// server is where databases of one kind can be made.
type server struct {
	kind    string
	address string
	drop    string // what drops a database, with its connections
	reached func() error
}

var servers = map[string]*server{
	"postgres": newServer("postgres", "PERIMETER_TEST_POSTGRES",
		"postgres://postgres@127.0.0.1:5432/postgres?sslmode=disable", "DROP DATABASE IF EXISTS %s WITH (FORCE)"),
	"mysql": newServer("mysql", "PERIMETER_TEST_MYSQL",
		"mysql://root@127.0.0.1:3306/mysql", "DROP DATABASE IF EXISTS %s"),
}

func newServer(kind, variable, standard, drop string) *server {
	s := &server{kind: kind, address: cmp.Or(os.Getenv(variable), standard), drop: drop}
	s.reached = sync.OnceValue(s.reach)
	return s
}

// reach asks whether anything listens there at all; what is wrong beyond that
// is not for skipping.
func (s *server) reach() error {
	address, err := url.Parse(s.address)
	if err != nil {
		return err
	}
	if socket := address.Query().Get("socket"); socket != "" {
		return dial("unix", socket)
	}
	if address.Host == "" {
		return nil
	}
	return dial("tcp", address.Host)
}

func dial(network, address string) error {
	conn, err := net.DialTimeout(network, address, 3*time.Second)
	if err != nil {
		return err
	}
	return conn.Close()
}

// need skips the test, or fails it in CI, when something is not there.
func need(t testing.TB, what string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("no %s, which CI needs: %v", what, err)
	}
	t.Skipf("no %s here, skipped: %v", what, err)
}

func (s *server) make(t testing.TB) Database {
	t.Helper()
	need(t, s.kind+" server", s.reached())
	name := "perimeter_test_" + strings.ToLower(rand.Text())
	if err := exec(s.kind, s.driverDSN(t), "CREATE DATABASE "+name+s.options()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := exec(s.kind, s.driverDSN(t), strings.ReplaceAll(s.drop, "%s", name)); err != nil {
			t.Error(err)
		}
	})
	address := parse(t, s.address)
	address.Path = "/" + name
	return Database{Kind: s.kind, DSN: address.String()}
}

func (s *server) options() string {
	if s.kind == "mysql" {
		return " CHARACTER SET utf8mb4"
	}
	return ""
}

func (s *server) driverDSN(t testing.TB) string {
	t.Helper()
	if s.kind == "mysql" {
		return mysqlDSN(t, s.address)
	}
	return s.address
}

func parse(t testing.TB, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal("the address of a test server is not a URL")
	}
	return u
}
