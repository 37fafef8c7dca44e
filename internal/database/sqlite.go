package database

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mattn/go-sqlite3"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
)

// sqliteSettings: writers wait for each other up to 5 s and take the write
// lock when they begin, without which they fail with "database is locked";
// readers and the writer don't stop each other (WAL); a commit that was
// answered is on disk even if the power goes (FULL).
const sqliteSettings = "_busy_timeout=5000&_journal_mode=WAL&_txlock=immediate&_synchronous=FULL&_foreign_keys=on"

// sqliteConnections is few, since one connection writes at a time: others wait
// in the pool's queue, which is fair, and not in SQLite's, which is not.
const sqliteConnections = 8

func sqlitePath(path string) (string, error) {
	if strings.HasPrefix(path, "///") { // sqlite:///absolute/path, as some write it
		path = path[2:]
	}
	switch {
	case path == "":
		return "", errors.New("the SQLite file has no name; write sqlite:FILE")
	case strings.HasPrefix(path, "//"):
		return "", errors.New("a SQLite database has no host; write sqlite:FILE")
	case strings.Contains(path, ":memory:"):
		return "", errors.New("a database in memory is lost between connections; name a file")
	case strings.ContainsRune(path, 0):
		return "", errors.New("the SQLite file's name contains a NUL byte")
	}
	return path, nil
}

func openSQLite(path string, create bool) (*gorm.DB, error) {
	if err := prepareFile(path, create); err != nil {
		return nil, err
	}
	db, err := connectSQLite(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, Explain(err))
	}
	pool, err := db.DB()
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(sqliteConnections)
	pool.SetMaxIdleConns(sqliteConnections)
	return db, nil
}

// connectWait is how long connectSQLite tries.
const connectWait = 10 * time.Second

// connectSQLite makes the first connection, and with it a new file a WAL one.
// Of several programs that do so at once, SQLite tells some that the file is
// locked, without regard to the busy timeout.
func connectSQLite(path string) (*gorm.DB, error) {
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		db, err := gorm.Open(sqlite.Open(sqliteURI(path)), gormConfig())
		var answer sqlite3.Error
		if !errors.As(err, &answer) || answer.Code != sqlite3.ErrBusy || time.Since(began) > connectWait {
			return db, err
		}
	}
}

// sqliteURI escapes what has a meaning in a URI, so that every file name works.
func sqliteURI(path string) string {
	path = filepath.ToSlash(filepath.Clean(path))
	if filepath.VolumeName(path) != "" {
		path = "/" + path
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?mode=rw&" + sqliteSettings
}

// prepareFile makes a missing file, for the owner's eyes only since it will
// hold names and addresses, and says what is wrong in better words than SQLite
// has.
func prepareFile(path string, create bool) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return fmt.Errorf("the database %s is a directory; name a file in it", path)
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist) && create:
		return makeFile(path)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the database %s does not exist; check the name, or run perimeter migrate to make it", path)
	}
	return fileError(path, err)
}

func makeFile(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the database %s cannot be made: its directory does not exist; create %s first", path, filepath.Dir(path))
	}
	if err != nil {
		return fileError(path, err)
	}
	return file.Close()
}

func fileError(path string, err error) error {
	var why *fs.PathError
	if errors.As(err, &why) {
		err = why.Err
	}
	return fmt.Errorf("the database %s cannot be opened: %w; check the path and its permissions", path, err)
}
