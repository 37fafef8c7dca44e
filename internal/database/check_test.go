package database_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/mattn/go-sqlite3"

	"github.com/gin-perimeter/gin-perimeter/internal/database"
)

func TestExplainNamesTheRemedy(t *testing.T) {
	t.Parallel()
	pg := func(code string) error { return &pgconn.PgError{Code: code, Message: "as the\nserver says"} }
	my := func(number uint16) error { return &mysql.MySQLError{Number: number, Message: "as the\nserver says"} }
	lite := func(code sqlite3.ErrNo) error { return sqlite3.Error{Code: code} }
	for _, c := range []struct {
		err  error
		want string
	}{
		{pg("28P01"), "refuses the password"},
		{pg("28000"), "as the server says"},
		{pg("3D000"), "createdb"},
		{pg("53300"), "raise max_connections"},
		{pg("25006"), "connect to the primary"},
		{pg("42501"), "PostgreSQL: as the server says"},
		{my(1045), "user or password"},
		{my(1698), "user or password"},
		{my(1044), "grant it"},
		{my(1049), "create it first"},
		{my(1040), "raise max_connections"},
		{my(1290), "connect to the primary"},
		{my(1213), "MySQL: as the server says"},
		{lite(sqlite3.ErrCantOpen), "check the path"},
		{lite(sqlite3.ErrNotADB), "name another one"},
		{lite(sqlite3.ErrCorrupt), "restore it from a copy"},
		{lite(sqlite3.ErrReadonly), "cannot be written"},
		{lite(sqlite3.ErrBusy), "try again"},
		{lite(sqlite3.ErrFull), "make room"},
		{lite(sqlite3.ErrIoErr), "does not read or write"},
		{lite(sqlite3.ErrConstraint), "SQLite: "},
		{driver.ErrBadConn, "check that the server runs"},
		{mysql.ErrInvalidConn, "check that the server runs"},
		{io.ErrUnexpectedEOF, "check that the server runs"},
		{context.DeadlineExceeded, "does not answer in time"},
		{errors.Join(errors.New("one"), errors.New("two")), "one two"},
	} {
		wrapped := fmt.Errorf("doing something: %w", c.err)
		got := database.Explain(wrapped)
		checkLine(t, got, c.want)
		if !errors.Is(got, c.err) {
			t.Errorf("%v does not wrap %v", got, c.err)
		}
	}
}
