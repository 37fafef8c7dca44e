package dbtest

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gin-perimeter/gin-perimeter/internal/database"
	"github.com/gin-perimeter/gin-perimeter/models"
	gomysql "github.com/go-sql-driver/mysql"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// Database is an empty database that belongs to one test.
type Database struct {
	Kind string // "sqlite", "postgres" or "mysql", as gorm.DB.Name gives it
	DSN  string // as internal/database, the demo and the tool take it
}

// Each runs a test on every database, with the tables made.
func Each(t *testing.T, run func(t *testing.T, db *gorm.DB)) {
	t.Helper()
	EachEmpty(t, func(t *testing.T, d Database) {
		db := d.Open(t)
		migrate(t, db)
		run(t, db)
	})
}

// EachEmpty runs a test on every database before anything is in it.
func EachEmpty(t *testing.T, run func(t *testing.T, d Database)) {
	t.Helper()
	for _, kind := range []string{"sqlite", "postgres", "mysql"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			run(t, New(t, kind))
		})
	}
}

// Open gives a SQLite database in a temporary file, with the tables made.
func Open(t testing.TB) *gorm.DB {
	t.Helper()
	db := New(t, "sqlite").Open(t)
	migrate(t, db)
	return db
}

// New makes an empty database of one kind, which is dropped when the test is
// over.
func New(t testing.TB, kind string) Database {
	t.Helper()
	if kind == "sqlite" {
		return Database{Kind: kind, DSN: "sqlite:" + filepath.Join(t.TempDir(), "test.db")}
	}
	return servers[kind].make(t)
}

// Open opens the database as a host application does that follows the
// documentation of GORM's drivers. Every call gives another pool, as another
// process would have.
func (d Database) Open(t testing.TB) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(d.dialector(t), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	closeAfter(t, db, 10)
	return db
}

// OpenAsTool opens the database as the demo and the tool do.
func (d Database) OpenAsTool(t testing.TB) *gorm.DB {
	t.Helper()
	db, err := database.Open(d.DSN)
	if err != nil {
		t.Fatal(err)
	}
	closeAfter(t, db, 10)
	return db
}

func (d Database) dialector(t testing.TB) gorm.Dialector {
	t.Helper()
	switch d.Kind {
	case "postgres":
		return postgres.Open(d.DSN)
	case "mysql":
		return mysql.Open(mysqlDSN(t, d.DSN))
	}
	file := strings.TrimPrefix(d.DSN, "sqlite:")
	return sqlite.Open(file + "?_busy_timeout=5000&_journal_mode=WAL&_txlock=immediate&_synchronous=NORMAL&_foreign_keys=on")
}

func closeAfter(t testing.TB, db *gorm.DB, connections int) {
	t.Helper()
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	pool.SetMaxOpenConns(connections) // servers take about 100 from all tests together
	t.Cleanup(func() { pool.Close() })
}

func migrate(t testing.TB, db *gorm.DB) {
	t.Helper()
	if err := models.Migrate(db); err != nil {
		t.Fatal(err)
	}
}

// mysqlDSN writes a mysql:// address as the driver takes it.
func mysqlDSN(t testing.TB, address string) string {
	t.Helper()
	config := gomysql.NewConfig()
	at := parse(t, address)
	config.User = at.User.Username()
	config.Passwd, _ = at.User.Password()
	config.Net, config.Addr = "tcp", at.Host
	if socket := at.Query().Get("socket"); socket != "" {
		config.Net, config.Addr = "unix", socket
	}
	config.DBName = strings.TrimPrefix(at.Path, "/")
	config.ParseTime = true
	config.Logger = &gomysql.NopLogger{}
	return config.FormatDSN()
}

// exec runs one statement on a server, outside of any test's database.
func exec(kind, driverDSN, statement string) error {
	driver := map[string]string{"postgres": "pgx", "mysql": "mysql"}[kind]
	pool, err := sql.Open(driver, driverDSN)
	if err != nil {
		return err
	}
	defer pool.Close()
	pool.SetConnMaxLifetime(time.Minute)
	if _, err := pool.Exec(statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}
