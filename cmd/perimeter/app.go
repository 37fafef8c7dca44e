package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/internal/database"
	"github.com/gin-perimeter/gin-perimeter/models"
)

// app is one run of the program.
type app struct {
	env      func(string) string
	in       io.Reader
	out, err io.Writer
	dsn      string // --database
	json     bool   // --json
}

// The exit statuses.
const (
	statusOK     = 0
	statusFailed = 1
	statusUsage  = 2
)

// usageError says that the program was called wrongly.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func (a *app) command() *cobra.Command {
	root := group("perimeter", "Manage the access tokens of a gin-perimeter",
		a.migrateCommand(), a.tokenCommand(), a.useCommand(), a.viewpassCommand())
	root.Long = "Manage the access tokens of a gin-perimeter, their uses, and viewpass links.\n\n" +
		"The database is " + database.Forms + "."
	root.Version = version()
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.PersistentFlags().StringVar(&a.dsn, "database", "", "the database, "+database.Forms+" (default: DATABASE_URL)")
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print JSON")
	return root
}

func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(unknown)"
	}
	return info.Main.Version
}

// group is a command that does nothing without one of its own commands.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{Use: use, Short: short, Args: cobra.ArbitraryArgs}
	g.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usagef("what to do is missing; see %s --help", cmd.CommandPath())
		}
		return usagef("there is no command %q; see %s --help", args[0], cmd.CommandPath())
	}
	g.AddCommand(commands...)
	return g
}

// arguments demands these arguments, named as the usage line names them.
func arguments(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < len(names) {
			return usagef("%s is missing; see %s --help", names[len(args)], cmd.CommandPath())
		}
		if len(args) > len(names) {
			return usagef("%q is too much; see %s --help", args[len(names)], cmd.CommandPath())
		}
		return nil
	}
}

// finish says what went wrong, in one line.
func (a *app) finish(err error) (status int) {
	if err == nil {
		return statusOK
	}
	fmt.Fprintln(a.err, "perimeter: "+plain(explain(err)))
	var usage usageError
	if errors.As(err, &usage) {
		return statusUsage
	}
	return statusFailed
}

// explain puts the errors of the library into words that fit the tool.
func explain(err error) string {
	var exists *models.TokenExistsError
	var invalid *models.InvalidError
	switch {
	case errors.As(err, &exists):
		return fmt.Sprintf("this token exists already, with ID %d; give it more time with: perimeter token extend %d --expires 30d", exists.ID, exists.ID)
	case errors.Is(err, models.ErrNoTables):
		return "the tables are missing; run perimeter migrate"
	case errors.Is(err, context.Canceled):
		return "interrupted"
	case errors.As(err, &invalid) && !strings.Contains(err.Error(), "\n"):
		return invalid.Field + ": " + invalid.Reason
	}
	text := strings.ReplaceAll(database.Explain(err).Error(), "models: ", "")
	return strings.ReplaceAll(text, "ginviewpass: ", "")
}

// answerTime is how long a server may take to say that it is there.
const answerTime = 15 * time.Second

// withTables runs work on the database once it is known to answer and to have
// the tables.
func (a *app) withTables(cmd *cobra.Command, work func(ctx context.Context, db *gorm.DB) error) error {
	return a.withDatabase(cmd, database.OpenExisting, func(ctx context.Context, db *gorm.DB) error {
		if err := models.CheckTables(ctx, db); err != nil {
			return err
		}
		return work(ctx, db)
	})
}

func (a *app) withDatabase(cmd *cobra.Command, open func(dsn string) (*gorm.DB, error), work func(ctx context.Context, db *gorm.DB) error) error {
	dsn := a.databaseDSN()
	if dsn == "" {
		return usagef("no database is named; give --database or set DATABASE_URL: %s", database.Forms)
	}
	db, err := open(dsn)
	if err != nil {
		return err
	}
	pool, err := db.DB()
	if err != nil {
		return err
	}
	defer pool.Close()
	ctx := models.WithActor(cmd.Context(), a.actor())
	first, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	if err := database.Check(first, db); err != nil {
		return err
	}
	return work(ctx, db)
}

func (a *app) databaseDSN() string {
	if a.dsn != "" {
		return a.dsn
	}
	return a.env("DATABASE_URL")
}

// actor is in whose name changes are recorded. The environment is believed:
// who runs the tool holds the database anyway.
func (a *app) actor() string {
	for _, name := range []string{"SUDO_USER", "USER", "LOGNAME", "USERNAME"} {
		if user := a.env(name); user != "" {
			return "perimeter (cli) by " + user
		}
	}
	return "perimeter (cli)"
}
