package database_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gin-perimeter/gin-perimeter/internal/database"
	"github.com/gin-perimeter/gin-perimeter/internal/dbtest"
	"gorm.io/gorm"
)

func TestOpenMakesAFileThatSurvivesPowerLoss(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, form := range []string{"plain.db", "sqlite:scheme.db", "sqlite:///absolute.db", "a b?c#d%e.db"} {
		name := strings.TrimPrefix(strings.TrimPrefix(form, "sqlite:///"), "sqlite:")
		dsn := strings.Replace(form, name, filepath.Join(dir, name), 1)
		dsn = strings.Replace(dsn, "////", "///", 1)
		db := openDB(t, dsn)
		if err := db.Exec("CREATE TABLE t (a INTEGER)").Error; err != nil {
			t.Fatalf("%s: %v", form, err)
		}
		for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "5000"} {
			var got string
			if err := db.Raw("PRAGMA " + pragma).Scan(&got).Error; err != nil || got != want {
				t.Errorf("%s: PRAGMA %s = %q, %v; want %q", form, pragma, got, err, want)
			}
		}
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatalf("%s: %v", form, err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, want 0600", form, info.Mode().Perm())
		}
	}
}

func TestOpenedSQLiteTakesManyWritersAtOnce(t *testing.T) {
	t.Parallel()
	db := openDB(t, filepath.Join(t.TempDir(), "many.db"))
	if err := db.Exec("CREATE TABLE t (n INTEGER)").Error; err != nil {
		t.Fatal(err)
	}
	if err := db.Exec("INSERT INTO t VALUES (0)").Error; err != nil {
		t.Fatal(err)
	}
	errs := make(chan error)
	for range 40 {
		go func() {
			errs <- db.Transaction(func(tx *gorm.DB) error {
				var n int
				if err := tx.Raw("SELECT n FROM t").Scan(&n).Error; err != nil {
					return err
				}
				return tx.Exec("UPDATE t SET n = ?", n+1).Error
			})
		}()
	}
	for range 40 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	var n int
	if db.Raw("SELECT n FROM t").Scan(&n); n != 40 {
		t.Errorf("counted %d of 40", n)
	}
}

func TestMistakesInADSNAreOneLineWithTheRemedyAndWithoutThePassword(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := filepath.Join(dir, "text.db")
	if err := os.WriteFile(text, []byte(strings.Repeat("not a database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := []struct{ name, dsn, want string }{
		{"nothing", "", "give FILE"},
		{"a directory that is missing", filepath.Join(dir, "no", "x.db"), "its directory does not exist"},
		{"a directory in place of a file", dir, "is a directory"},
		{"a file in place of a directory", filepath.Join(text, "x.db"), "cannot be opened"},
		{"a file that is something else", text, "is not a SQLite database"},
		{"memory", "sqlite::memory:", "name a file"},
		{"memory as a file", ":memory:", "name a file"},
		{"a SQLite host", "sqlite://host/x.db", "write sqlite:FILE"},
		{"no SQLite file", "sqlite:", "write sqlite:FILE"},
		{"NUL in the name", "a\x00b", "NUL"},
		{"an unknown scheme", "oracle://u:hunter2@h/db", `"oracle:"`},
		{"a misspelt scheme", "postgre://u:hunter2@h/db", `"postgre:"`},
		{"one slash", "postgres:/u:hunter2@h/db", "postgres://user"},
		{"the MySQL driver's own form", "root:hunter2@tcp(127.0.0.1:3306)/db", "driver's own form"},
		{"the PostgreSQL driver's own form", "host=h password=hunter2", "driver's own form"},
		{"a MySQL password with a slash", "mysql://u:hunter2/x@h/db", "percent-encode"},
		{"a PostgreSQL password with a slash", "postgres://u:hunter2/x@h/db", "percent-encode"},
		{"a MySQL password with a space", "mysql://u:hunter2 x@h/db", "percent-encode"},
		{"no MySQL database", "mysql://u:hunter2@h", "names no database"},
		{"a bad MySQL setting", "mysql://u:hunter2@h/db?timeout=soon", "setting"},
		{"a bad MySQL query", "mysql://u:hunter2@h/db?a=%zz", "percent-encode"},
		{"a latin1 collation", "mysql://u:hunter2@h/db?collation=latin1_bin", "utf8mb4"},
		{"a bad sslmode", "postgres://u:hunter2@h/db?sslmode=perhaps", "sslmode"},
		{"a bad PostgreSQL port", "postgres://u@h:99999/db?password=hunter2", "port"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			db, err := database.Open(c.dsn)
			if err == nil {
				t.Fatalf("opened %v", db.Name())
			}
			checkLine(t, err, c.want)
		})
	}
}

func TestOpenExistingMakesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "typo.db")
	_, err := database.OpenExisting(path)
	if err == nil {
		t.Fatal("opened a file that is not there")
	}
	checkLine(t, err, "perimeter migrate")
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the file was made: %v", err)
	}
	openDB(t, path)
	if _, err := database.OpenExisting("sqlite:" + path); err != nil {
		t.Errorf("the file is there now: %v", err)
	}
}

func TestAServerThatIsDownIsOpenedAndCheckSaysSo(t *testing.T) {
	t.Parallel()
	closed := closedPort(t)
	cases := []struct{ name, dsn, want string }{
		{"PostgreSQL, nobody listens", "postgres://u:hunter2@" + closed + "/db", "no database server answers at " + closed},
		{"MySQL, nobody listens", "mysql://u:hunter2@" + closed + "/db", "no database server answers at " + closed},
		{"MySQL by a socket that is missing", "mysql://u:hunter2@/db?socket=/nowhere/mysqld.sock", "/nowhere/mysqld.sock"},
		{"PostgreSQL, unknown host", "postgres://u:hunter2@no-such-host.invalid/db", "no-such-host.invalid"},
		{"MySQL, unknown host", "mysql://u:hunter2@no-such-host.invalid/db", "no-such-host.invalid"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			db := openDB(t, c.dsn)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			err := database.Check(ctx, db)
			if err == nil {
				t.Fatal("Check found a server")
			}
			checkLine(t, err, c.want)
		})
	}
}

func TestASilentServerIsGivenUpOn(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	for _, kind := range []string{"postgres", "mysql"} {
		db := openDB(t, kind+"://u:hunter2@"+listener.Addr().String()+"/db")
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		err := database.Check(ctx, db)
		cancel()
		if err == nil {
			t.Fatalf("%s: Check found a server", kind)
		}
		checkLine(t, err, "check")
	}
}

func TestRunningServersRefuseInOneLine(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, kind string
		change     func(*url.URL)
		want       string
	}{
		{"PostgreSQL, no such database", "postgres", func(u *url.URL) { u.Path = "/perimeter_no_such" }, "createdb"},
		{"PostgreSQL, no such user", "postgres", func(u *url.URL) { u.User = url.UserPassword("perimeter_nobody", "hunter2") }, "perimeter_nobody"},
		{"MariaDB, no such database", "mysql", func(u *url.URL) { u.Path = "/perimeter_no_such" }, "create it first"},
		{"MariaDB, wrong password", "mysql", func(u *url.URL) { u.User = url.UserPassword("perimeter_nobody", "hunter2") }, "refuses user or password"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			address, err := url.Parse(dbtest.New(t, c.kind).DSN)
			if err != nil {
				t.Fatal(err)
			}
			c.change(address)
			err = database.Check(t.Context(), openDB(t, address.String()))
			if err == nil {
				t.Fatal("the server let us in")
			}
			checkLine(t, err, c.want)
		})
	}
}

func TestErrorsOfStatementsAreExplained(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]string{"sqlite": "SQLite: no such table", "postgres": "PostgreSQL: relation", "mysql": "MySQL: Table"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			db := openDB(t, dbtest.New(t, kind).DSN)
			err := database.Explain(db.Exec("DELETE FROM nowhere").Error)
			if err == nil {
				t.Fatal("no error")
			}
			checkLine(t, err, want)
		})
	}
}

func TestMySQLSettingsThatTheModelsNeedAreAlwaysSet(t *testing.T) {
	t.Parallel()
	dsn := dbtest.New(t, "mysql").DSN
	for _, query := range []string{"", "?parseTime=false&loc=Europe%2FBerlin&charset=latin1&time_zone=%27%2B05:00%27"} {
		db := openDB(t, dsn+query)
		var got struct {
			Zone, Client string
			Now          time.Time
		}
		if err := db.Raw("SELECT @@session.time_zone AS zone, @@character_set_client AS client, UTC_TIMESTAMP() AS now").Scan(&got).Error; err != nil {
			t.Fatalf("%q: %v", query, err)
		}
		if got.Zone != "+00:00" || got.Client != "utf8mb4" || time.Since(got.Now).Abs() > time.Minute {
			t.Errorf("%q: %+v", query, got)
		}
		var socket string
		if err := db.Raw("SELECT @@socket").Scan(&socket).Error; err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(socket); err != nil {
			continue // the server is on another machine
		}
		address, _ := url.Parse(dsn)
		bySocket := "mysql://" + address.User.String() + "@" + address.Path + "?socket=" + url.QueryEscape(socket)
		if err := database.Check(t.Context(), openDB(t, bySocket)); err != nil {
			t.Errorf("%s: %v", bySocket, err)
		}
	}
}

func TestPostgreSQLKeepsTheSettingsOfTheAddress(t *testing.T) {
	t.Parallel()
	db := openDB(t, dbtest.New(t, "postgres").DSN+"&application_name=site")
	var zone, name string
	if err := db.Raw("SELECT current_setting('timezone'), current_setting('application_name')").Row().Scan(&zone, &name); err != nil || zone != "UTC" || name != "site" {
		t.Errorf("%q, %q, %v", zone, name, err)
	}
}

// Not parallel: it replaces slog's default.
func TestTheLogHoldsNoParametersAndNoErrors(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(before)
	db := openDB(t, filepath.Join(t.TempDir(), "log.db"))
	if err := db.Exec("INSERT INTO missing VALUES (?)", "hunter2").Error; err == nil {
		t.Fatal("no error")
	}
	if log.Len() > 0 {
		t.Errorf("an error that is returned was logged too: %s", &log)
	}
	db.Logger.Trace(t.Context(), time.Now().Add(-time.Minute), func() (string, int64) { return "SELECT ?", 1 }, nil)
	db.Logger.Warn(t.Context(), "be %s", "careful")
	if text := log.String(); !strings.Contains(text, "slow statement") || !strings.Contains(text, "be careful") {
		t.Errorf("log: %s", text)
	}
	filter, ok := db.Logger.(gorm.ParamsFilter)
	if !ok {
		t.Fatal("the logger prints parameters")
	}
	if _, vars := filter.ParamsFilter(t.Context(), "SELECT ?", "hunter2"); len(vars) > 0 {
		t.Errorf("parameters are logged: %v", vars)
	}
}

func TestExplainKeepsOtherErrors(t *testing.T) {
	t.Parallel()
	if database.Explain(nil) != nil {
		t.Error("nil became an error")
	}
	if err := database.Explain(context.Canceled); err != context.Canceled {
		t.Errorf("got %v", err)
	}
	err := database.Explain(gorm.ErrInvalidData)
	if err != gorm.ErrInvalidData {
		t.Errorf("got %v", err)
	}
}

func openDB(t *testing.T, dsn string) *gorm.DB {
	t.Helper()
	db, err := database.Open(dsn)
	if err != nil {
		t.Fatal(err)
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	return db
}

func checkLine(t *testing.T, err error, want string) {
	t.Helper()
	text := err.Error()
	if !strings.Contains(text, want) {
		t.Errorf("%q does not say %q", text, want)
	}
	if strings.Contains(text, "hunter2") {
		t.Errorf("%q tells the password", text)
	}
	if strings.ContainsAny(text, "\r\n") {
		t.Errorf("%q is more than a line", text)
	}
}

func closedPort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}
