package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/mattn/go-sqlite3"
	"gorm.io/gorm"
)

// Check is nil when the database answers. Its error is one line that says what
// to do, without a password.
func Check(ctx context.Context, db *gorm.DB) error {
	pool, err := db.DB()
	if err != nil {
		return err
	}
	return Explain(pool.PingContext(ctx))
}

// Explain puts an error of a driver into one line that says what to do. It
// wraps err, and gives other errors back as they are, in one line.
func Explain(err error) error {
	if err == nil {
		return nil
	}
	for _, explain := range []func(error) string{explainPostgres, explainMySQL, explainSQLite, explainNetwork} {
		if text := explain(err); text != "" {
			return &explained{text, err}
		}
	}
	if text := err.Error(); strings.ContainsAny(text, "\r\n") {
		return &explained{oneLine(text), err}
	}
	return err
}

type explained struct {
	text string
	err  error
}

func (e *explained) Error() string { return e.text }
func (e *explained) Unwrap() error { return e.err }

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

func explainPostgres(err error) string {
	var answer *pgconn.PgError
	if !errors.As(err, &answer) {
		return ""
	}
	var connect *pgconn.ConnectError
	user, name := "", ""
	if errors.As(err, &connect) {
		user, name = connect.Config.User, connect.Config.Database
	}
	switch answer.Code { // PostgreSQL manual, appendix A
	case "28P01":
		return fmt.Sprintf("PostgreSQL refuses the password of user %q; check the address", user)
	case "28000":
		return fmt.Sprintf("PostgreSQL refuses user %q: %s", user, oneLine(answer.Message))
	case "3D000":
		return fmt.Sprintf("PostgreSQL has no database %q; create it first (createdb)", name)
	case "53300":
		return "PostgreSQL has no connection left; raise max_connections or close some"
	case "25006":
		return "the database is read-only here; connect to the primary server"
	}
	return "PostgreSQL: " + oneLine(answer.Message)
}

func explainMySQL(err error) string {
	var answer *mysql.MySQLError
	if !errors.As(err, &answer) {
		return ""
	}
	switch answer.Number { // MySQL manual, server error message reference
	case 1045, 1698:
		return "MySQL refuses user or password: " + oneLine(answer.Message)
	case 1044:
		return oneLine(answer.Message) + "; grant it, or check the database's name"
	case 1049:
		return oneLine(answer.Message) + "; create it first (CREATE DATABASE … CHARACTER SET utf8mb4)"
	case 1040:
		return "MySQL has no connection left; raise max_connections or close some"
	case 1290, 1792, 1836:
		return "the database is read-only here; connect to the primary server"
	}
	return "MySQL: " + oneLine(answer.Message)
}

func explainSQLite(err error) string {
	var answer sqlite3.Error
	if !errors.As(err, &answer) {
		return ""
	}
	switch answer.Code {
	case sqlite3.ErrCantOpen:
		return "the SQLite file cannot be opened; check the path and the permissions of file and directory"
	case sqlite3.ErrNotADB:
		return "the file is not a SQLite database; name another one"
	case sqlite3.ErrCorrupt:
		return "the SQLite file is damaged; restore it from a copy"
	case sqlite3.ErrReadonly, sqlite3.ErrPerm:
		return "the SQLite file cannot be written; check the permissions of file and directory"
	case sqlite3.ErrBusy, sqlite3.ErrLocked:
		return "the SQLite file is locked by another program; try again"
	case sqlite3.ErrFull:
		return "the disk is full; make room for the SQLite file"
	case sqlite3.ErrIoErr:
		return "the disk does not read or write the SQLite file: " + oneLine(err.Error())
	}
	return "SQLite: " + oneLine(err.Error())
}

func explainNetwork(err error) string {
	var lookup *net.DNSError
	var network *net.OpError
	switch {
	case errors.As(err, &lookup):
		return fmt.Sprintf("the database's host %q is not known; check the address", lookup.Name)
	case errors.As(err, &network) && network.Op == "dial" && network.Addr != nil:
		return fmt.Sprintf("no database server answers at %s; check the address, and that the server runs", network.Addr)
	case errors.Is(err, context.DeadlineExceeded):
		return "the database server does not answer in time; check the address, and that the server runs"
	case errors.As(err, &network), errors.Is(err, driver.ErrBadConn), errors.Is(err, mysql.ErrInvalidConn),
		errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "the connection to the database broke; check that the server runs"
	}
	return ""
}
