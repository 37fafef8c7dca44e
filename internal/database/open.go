package database

import (
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"gorm.io/gorm"
)

// Forms names the DSNs that Open takes, for usage texts.
const Forms = "FILE, sqlite:FILE, postgres://… or mysql://…"

// connectTimeout is how long a server may take to accept a connection, unless
// the DSN says otherwise.
const connectTimeout = 5 * time.Second

// Open prepares the database that dsn names: a SQLite file (FILE or
// sqlite:FILE, made when it is missing), postgres://user:password@host/name or
// mysql://user:password@host/name, where ?socket=/path names a Unix socket.
//
// A SQLite file is opened at once. A server is not: it may be down and come
// later; ask Check whether it answers.
func Open(dsn string) (*gorm.DB, error) { return open(dsn, true) }

// OpenExisting is Open, but never makes a SQLite file.
func OpenExisting(dsn string) (*gorm.DB, error) { return open(dsn, false) }

// Kind is the database that dsn names, as gorm.DB.Name gives it: "sqlite",
// "postgres" or "mysql". Nothing is opened.
func Kind(dsn string) (string, error) {
	kind, _, err := split(dsn)
	return kind, err
}

func open(dsn string, create bool) (*gorm.DB, error) {
	kind, rest, err := split(dsn)
	if err != nil {
		return nil, err
	}
	switch kind {
	case "postgres":
		return openPostgres(dsn)
	case "mysql":
		return openMySQL(dsn)
	}
	return openSQLite(rest, create)
}

// scheme is what a URL begins with. One letter is a Windows drive.
var scheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]+:`)

// split tells which database a DSN names. rest is the path of a SQLite file.
// Nothing but the scheme of the DSN gets into its errors.
func split(dsn string) (kind, rest string, err error) {
	switch prefix := strings.ToLower(scheme.FindString(dsn)); {
	case dsn == "":
		return "", "", errors.New("no database is named; give " + Forms)
	case prefix == "sqlite:":
		rest, err = sqlitePath(dsn[len(prefix):])
		return "sqlite", rest, err
	case prefix == "postgres:" || prefix == "postgresql:":
		return "postgres", "", needURL(dsn, "postgres")
	case prefix == "mysql:" || prefix == "mariadb:":
		return "mysql", "", needURL(dsn, "mysql")
	case driverDSN.MatchString(dsn):
		return "", "", errors.New("the database is given in a driver's own form; write it as " + Forms)
	case prefix != "":
		return "", "", fmt.Errorf("unknown kind of database %q; give %s", prefix, Forms)
	}
	rest, err = sqlitePath(dsn)
	return "sqlite", rest, err
}

// driverDSN finds "user:password@tcp(host)/name" and "host=… password=…",
// which would otherwise be taken for the names of files.
var driverDSN = regexp.MustCompile(`@(tcp6?|unix)?\(|\b(host|user|password|dbname)\s*=`)

func needURL(dsn, kind string) error {
	if _, rest, _ := strings.Cut(dsn, ":"); !strings.HasPrefix(rest, "//") {
		return fmt.Errorf("the database's address is incomplete; write %s://user:password@host/name", kind)
	}
	return nil
}

// errNotURL says nothing of what could not be read: it may be the password.
var errNotURL = errors.New("the database's address is not a URL; percent-encode special characters in user and password, such as @ as %40, / as %2F and # as %23")

func gormConfig() *gorm.Config {
	return &gorm.Config{
		Logger:                 quietLogger{},
		DisableAutomaticPing:   true, // a server may come later
		SkipDefaultTransaction: true, // the models open their own where they need one
		NowFunc:                func() time.Time { return time.Now().UTC() },
	}
}

// limitPool keeps a server from being flooded with connections, and gives idle
// ones back.
func limitPool(pool *sql.DB) {
	pool.SetMaxOpenConns(20)
	pool.SetMaxIdleConns(10)
	pool.SetConnMaxIdleTime(time.Minute)
	pool.SetConnMaxLifetime(4 * time.Minute) // go-sql-driver/mysql advises less than 5
}
