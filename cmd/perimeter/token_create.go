package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/models"
)

const expiresHelp = "7d, 72h, 2026-12-31 (holds through that day) or never"

// newToken is what the flags of token create say.
type newToken struct {
	models.NewAccessToken
	expires string
}

func (a *app) tokenCreateCommand() *cobra.Command {
	var n newToken
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Create a token and print it; it cannot be shown again",
		Args:  arguments(),
	}
	flags := cmd.Flags()
	flags.StringVar(&n.Label, "label", "", "what the token is for")
	flags.StringVar(&n.Token, "token", "", "a token of your own, or - to read it from stdin (default: a generated one, which is better)")
	flags.StringVar(&n.expires, "expires", "7d", expiresHelp)
	flags.IntVar(&n.MaxUses, "max-uses", 0, "how many entries it admits (default: any number)")
	flags.StringVar(&n.ForName, "for-name", "", "issue it to this person, who is then not asked for a name")
	flags.StringVar(&n.ForEmail, "for-email", "", "the address of that person")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := a.completeToken(cmd, &n); err != nil {
			return err
		}
		return a.withTables(cmd, func(ctx context.Context, db *gorm.DB) error { return a.createToken(ctx, db, n) })
	}
	return cmd
}

func (a *app) completeToken(cmd *cobra.Command, n *newToken) (err error) {
	if n.ExpiresAt, err = readExpiry(n.expires); err != nil {
		return err
	}
	if cmd.Flags().Changed("max-uses") && n.MaxUses < 1 {
		return usagef("--max-uses must be 1 or more; leave it out for any number")
	}
	if (n.ForName == "") != (n.ForEmail == "") {
		return usagef("--for-name and --for-email belong together")
	}
	if n.Token == "-" {
		n.Token, err = a.readToken()
	}
	if err == nil && cmd.Flags().Changed("token") && n.Token == "" {
		return usagef("--token is empty; leave it out for a generated one")
	}
	return err
}

// readToken reads a token from stdin, and little more if it is too long.
func (a *app) readToken() (string, error) {
	if isTerminal(a.in) {
		fmt.Fprint(a.err, "Token, and then Ctrl-D: ")
	}
	text, err := io.ReadAll(io.LimitReader(a.in, 8*models.MaxTokenBytes))
	if err != nil {
		return "", fmt.Errorf("reading the token from stdin: %w", err)
	}
	if _, kind := models.ReadToken(string(text)); kind == models.TokenBlank {
		return "", errors.New("stdin holds no token")
	}
	return string(text), nil
}

func (a *app) createToken(ctx context.Context, db *gorm.DB, n newToken) error {
	token, row, err := models.CreateAccessToken(ctx, db, n.NewAccessToken)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(struct {
			ID        uint    `json:"id"`
			Token     string  `json:"token"`
			Label     string  `json:"label"`
			ExpiresAt *string `json:"expires_at"`
		}{row.ID, token, row.Label, stamp(row.ExpiresAt)})
	}
	fmt.Fprintln(a.out, plain(token))
	if isTerminal(a.out) { // scripts want the token alone
		fmt.Fprintf(a.out, "This is %s. It expires: %s.\nIt is shown only now: pass it on, or keep it safe.\n", called(row), expiry(row))
	}
	return nil
}
