package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/internal/database"
	"github.com/gin-perimeter/gin-perimeter/models"
)

func (a *app) migrateCommand() *cobra.Command {
	var print bool
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Make the tables, or bring them up to date",
		Args:  arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if print {
				return a.printSchema()
			}
			return a.withDatabase(cmd, database.Open, a.migrate)
		},
	}
	cmd.Flags().BoolVar(&print, "print", false, "print the SQL of the tables, and run nothing; no server is asked")
	return cmd
}

func (a *app) migrate(ctx context.Context, db *gorm.DB) error {
	if err := models.MigrateContext(ctx, db); err != nil {
		return err
	}
	if a.json {
		return a.printJSON(map[string]bool{"migrated": true})
	}
	fmt.Fprintln(a.out, "The tables are up to date.")
	return nil
}

func (a *app) printSchema() error {
	dsn := a.databaseDSN()
	if dsn == "" {
		return usagef("no database is named; give --database or set DATABASE_URL: %s", database.Forms)
	}
	kind, err := database.Kind(dsn)
	if err != nil {
		return err
	}
	text, err := models.SchemaSQL(kind)
	if err != nil {
		return err
	}
	_, err = io.WriteString(a.out, text)
	return err
}
