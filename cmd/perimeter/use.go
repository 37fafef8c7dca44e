package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/models"
)

func (a *app) useCommand() *cobra.Command {
	return group("use", "List, end, purge and forget the uses of tokens",
		a.useListCommand(), a.useEndCommand(), a.usePurgeCommand(), a.useForgetCommand())
}

// readAge reads a flag that is a length of time.
func readAge(flag, text string) (time.Duration, error) {
	age, err := models.ParseAge(text)
	var invalid *models.InvalidError
	if errors.As(err, &invalid) {
		return 0, usagef("%s %q %s", flag, text, invalid.Reason)
	}
	return age, err
}

func (a *app) useEndCommand() *cobra.Command {
	return &cobra.Command{
		Use: "end ID", Short: "End a pass: its holder must enter again", Args: arguments("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := readID(args[0])
			if err != nil {
				return err
			}
			return a.withTables(cmd, func(ctx context.Context, db *gorm.DB) error {
				if err := models.EndAccessTokenUse(ctx, db, id); err != nil {
					return noRow("use", id, err)
				}
				if a.json {
					return a.printJSON(map[string]any{"id": id, "ended": true})
				}
				fmt.Fprintf(a.out, "Use %d is ended.\n", id)
				return nil
			})
		},
	}
}

func (a *app) usePurgeCommand() *cobra.Command {
	var older string
	var yes bool
	cmd := &cobra.Command{
		Use: "purge --older-than 90d", Short: "Delete the uses that are older than that; a pass given so long ago ends when it is next looked up", Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if older == "" {
				return usagef("--older-than is missing, such as --older-than 90d")
			}
			age, err := readAge("--older-than", older)
			if err != nil {
				return err
			}
			before := time.Now().Add(-age)
			return a.withTables(cmd, func(ctx context.Context, db *gorm.DB) error { return a.purge(ctx, db, before, yes) })
		},
	}
	cmd.Flags().StringVar(&older, "older-than", "", "how old a use must be, such as 90d or 36h")
	cmd.Flags().BoolVar(&yes, "yes", false, "don't ask on a terminal")
	return cmd
}

func (a *app) purge(ctx context.Context, db *gorm.DB, before time.Time, yes bool) error {
	if !yes && a.interactive() {
		n, err := models.CountAccessTokenUses(ctx, db, models.UseFilter{Until: before})
		if err != nil {
			return err
		}
		if err := a.confirm(ctx, fmt.Sprintf("Delete %s from before %s?", uses(n), local(before))); err != nil {
			return err
		}
	}
	bar := a.progress("Deleting uses")
	n, err := models.PurgeAccessTokenUses(ctx, db, before, bar.set)
	bar.clear()
	if err != nil {
		return fmt.Errorf("%s deleted, then: %w", uses(n), err)
	}
	if a.json {
		return a.printJSON(map[string]int64{"deleted": n})
	}
	fmt.Fprintf(a.out, "Deleted %s.\n", uses(n))
	return nil
}

func (a *app) useForgetCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "forget EMAIL", Short: "Remove a person's name, address and browser from all uses, and end their passes", Args: arguments("EMAIL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withTables(cmd, func(ctx context.Context, db *gorm.DB) error { return a.forget(ctx, db, args[0], yes) })
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "don't ask on a terminal")
	return cmd
}

func (a *app) forget(ctx context.Context, db *gorm.DB, email string, yes bool) error {
	if !yes && a.interactive() {
		n, err := models.CountPerson(ctx, db, email)
		if err != nil {
			return err
		}
		if err := a.confirm(ctx, fmt.Sprintf("Remove %s from %s?", plain(email), uses(n))); err != nil {
			return err
		}
	}
	n, err := models.ForgetPerson(ctx, db, email)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(map[string]int64{"forgotten": n})
	}
	fmt.Fprintf(a.out, "Removed the person from %s.\n", uses(n))
	return nil
}

func uses(n int64) string {
	if n == 1 {
		return "1 use"
	}
	return fmt.Sprintf("%d uses", n)
}
