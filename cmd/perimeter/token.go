package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/models"
)

func (a *app) tokenCommand() *cobra.Command {
	return group("token", "Create, list and change access tokens",
		a.tokenCreateCommand(), a.tokenListCommand(), a.tokenShowCommand(), a.tokenExtendCommand(),
		a.tokenChangeCommand("deactivate", "Shut a token: it lets nobody in and keeps nobody in", models.DeactivateAccessToken),
		a.tokenChangeCommand("activate", "Undo deactivate", models.ActivateAccessToken),
		a.tokenDeleteCommand())
}

// readID reads the ID of a row.
func readID(text string) (uint, error) {
	id, err := strconv.ParseUint(text, 10, 63)
	if err != nil || id == 0 {
		return 0, usagef("%q is no ID; IDs are numbers, which the list commands print", text)
	}
	return uint(id), nil
}

// noRow names the row that is not there.
func noRow(what string, id uint, err error) error {
	if errors.Is(err, models.ErrNotFound) {
		return fmt.Errorf("there is no %s with ID %d", what, id)
	}
	return err
}

// readExpiry reads --expires. Dates are the user's.
func readExpiry(text string) (time.Time, error) {
	at, err := models.ParseExpiry(text, time.Now())
	var invalid *models.InvalidError
	if errors.As(err, &invalid) {
		return at, usagef("--expires %q %s", text, invalid.Reason)
	}
	return at, err
}

func (a *app) tokenExtendCommand() *cobra.Command {
	var expires string
	cmd := &cobra.Command{
		Use:   "extend ID --expires 30d",
		Short: "Set when a token expires, counted from now; it may also be earlier",
		Args:  arguments("ID"),
	}
	cmd.Flags().StringVar(&expires, "expires", "", expiresHelp)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if expires == "" {
			return usagef("--expires is missing, such as --expires 30d")
		}
		until, err := readExpiry(expires)
		if err != nil {
			return err
		}
		return a.changeToken(cmd, args[0], func(ctx context.Context, db *gorm.DB, id uint) error {
			return models.ExtendAccessToken(ctx, db, id, until)
		})
	}
	return cmd
}

type tokenChange func(ctx context.Context, db *gorm.DB, id uint) error

func (a *app) tokenChangeCommand(name, short string, change tokenChange) *cobra.Command {
	return &cobra.Command{
		Use: name + " ID", Short: short, Args: arguments("ID"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.changeToken(cmd, args[0], change) },
	}
}

// changeToken changes one token and prints what it is now.
func (a *app) changeToken(cmd *cobra.Command, text string, change tokenChange) error {
	id, err := readID(text)
	if err != nil {
		return err
	}
	return a.withTables(cmd, func(ctx context.Context, db *gorm.DB) error {
		if err := change(ctx, db, id); err != nil {
			return noRow("access token", id, err)
		}
		row, err := models.GetAccessToken(ctx, db, id)
		if err != nil {
			return noRow("access token", id, err)
		}
		return a.printToken(row)
	})
}

func (a *app) tokenShowCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show a token and its latest changes", Args: arguments("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := readID(args[0])
			if err != nil {
				return err
			}
			return a.withTables(cmd, func(ctx context.Context, db *gorm.DB) error { return a.showToken(ctx, db, id) })
		},
	}
}

func (a *app) showToken(ctx context.Context, db *gorm.DB, id uint) error {
	row, err := models.GetAccessToken(ctx, db, id)
	if err != nil {
		return noRow("access token", id, err)
	}
	const shown = 20
	changes, err := models.ListAccessTokenChanges(ctx, db, id, shown)
	if err != nil {
		return err
	}
	return a.printTokenWithChanges(row, changes)
}

func (a *app) tokenDeleteCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "delete ID", Short: "Delete a token; its uses stay, with its label", Args: arguments("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := readID(args[0])
			if err != nil {
				return err
			}
			if !yes && !a.interactive() {
				return usagef("deleting asks first on a terminal; give --yes here")
			}
			return a.withTables(cmd, func(ctx context.Context, db *gorm.DB) error { return a.deleteToken(ctx, db, id, yes) })
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "don't ask")
	return cmd
}

func (a *app) deleteToken(ctx context.Context, db *gorm.DB, id uint, yes bool) error {
	row, err := models.GetAccessToken(ctx, db, id)
	if err != nil {
		return noRow("access token", id, err)
	}
	if !yes {
		if err := a.confirm(ctx, fmt.Sprintf("Delete %s? Who came in with it is put out.", called(row))); err != nil {
			return err
		}
	}
	if err := models.DeleteAccessToken(ctx, db, id); err != nil {
		return noRow("access token", id, err)
	}
	if a.json {
		return a.printJSON(map[string]any{"id": id, "deleted": true})
	}
	fmt.Fprintf(a.out, "Deleted %s.\n", called(row))
	return nil
}

// called is how messages name a token.
func called(row models.AccessToken) string {
	if row.Label == "" {
		return fmt.Sprintf("token %d", row.ID)
	}
	return fmt.Sprintf("token %d, “%s”", row.ID, plain(row.Label))
}
