package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/models"
)

func (a *app) tokenListCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the tokens that are live or used up; --all for expired and deactivated ones too", Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter := models.TokenFilter{Kept: !all}
			return a.withTables(cmd, func(ctx context.Context, db *gorm.DB) error { return a.listTokens(ctx, db, filter) })
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "also tokens that are expired or deactivated")
	return cmd
}

func (a *app) listTokens(ctx context.Context, db *gorm.DB, filter models.TokenFilter) error {
	if a.json {
		return printArray(a, func(visit func(models.AccessToken) error) error {
			return models.EachAccessToken(ctx, db, filter, visit)
		}, viewToken)
	}
	now := time.Now()
	const line = "%-6v %-11s %-9s %-16s %-6s %s\n"
	fmt.Fprintf(a.out, line, "ID", "STATUS", "ENTRIES", "EXPIRES", "HINT", "LABEL")
	return models.EachAccessToken(ctx, db, filter, func(row models.AccessToken) error {
		label := plain(row.Label)
		if row.Issued() {
			label += " (for " + plain(row.ForName) + " <" + plain(row.ForEmail) + ">)"
		}
		_, err := fmt.Fprintf(a.out, line, row.ID, row.Status(now), entries(row), expiry(row), plain(row.Hint), label)
		return err
	})
}

// tokenView is a token as JSON. It has no secret: there is none to have.
type tokenView struct {
	ID            uint         `json:"id"`
	Label         string       `json:"label"`
	Status        string       `json:"status"`
	Hint          string       `json:"hint"`
	ExpiresAt     *string      `json:"expires_at"`
	DeactivatedAt *string      `json:"deactivated_at"`
	MaxUses       int          `json:"max_uses"` // 0: any number
	UseCount      int          `json:"use_count"`
	ForName       string       `json:"for_name"`
	ForEmail      string       `json:"for_email"`
	CreatedBy     string       `json:"created_by"`
	CreatedAt     *string      `json:"created_at"`
	UpdatedAt     *string      `json:"updated_at"`
	Changes       []changeView `json:"changes,omitempty"`
}

type changeView struct {
	At     *string         `json:"at"`
	Actor  string          `json:"actor"`
	Action string          `json:"action"`
	Before json.RawMessage `json:"before"`
	After  json.RawMessage `json:"after"`
}

func viewToken(row models.AccessToken) any { return tokenJSON(row) }

func tokenJSON(row models.AccessToken) tokenView {
	return tokenView{
		ID: row.ID, Label: row.Label, Status: string(row.Status(time.Now())), Hint: row.Hint,
		ExpiresAt: stamp(row.ExpiresAt), DeactivatedAt: stamp(row.DeactivatedAt),
		MaxUses: row.MaxUses, UseCount: row.UseCount, ForName: row.ForName, ForEmail: row.ForEmail,
		CreatedBy: row.CreatedBy, CreatedAt: stamp(&row.CreatedAt), UpdatedAt: stamp(&row.UpdatedAt),
	}
}

func (a *app) printToken(row models.AccessToken) error {
	if a.json {
		return a.printJSON(tokenJSON(row))
	}
	_, err := fmt.Fprintf(a.out, "%s is %s. It expires: %s.\n", upperFirst(called(row)), row.Status(time.Now()), expiry(row))
	return err
}

func (a *app) printTokenWithChanges(row models.AccessToken, changes []models.AccessTokenChange) error {
	if a.json {
		view := tokenJSON(row)
		for _, c := range changes {
			view.Changes = append(view.Changes, changeView{stamp(&c.At), c.Actor, c.Action, raw(c.Before), raw(c.After)})
		}
		return a.printJSON(view)
	}
	fact := func(name, value string) { fmt.Fprintf(a.out, "%-12s %s\n", name, value) }
	fact("ID", fmt.Sprint(row.ID))
	fact("Label", plain(row.Label))
	fact("Status", string(row.Status(time.Now())))
	fact("Expires", expiry(row))
	fact("Entries", entries(row))
	if row.Hint != "" {
		fact("Ends in", plain(row.Hint))
	}
	if row.Issued() {
		fact("Issued to", plain(row.ForName)+" <"+plain(row.ForEmail)+">")
	}
	fact("Created", local(row.CreatedAt)+by(row.CreatedBy))
	for _, c := range changes {
		fmt.Fprintf(a.out, "  %s  %s%s  %s -> %s\n", local(c.At), plain(c.Action), by(c.Actor), plain(c.Before), plain(c.After))
	}
	return nil
}

func by(name string) string {
	if name == "" {
		return ""
	}
	return " by " + plain(name)
}

// raw is JSON that the database holds; what is none becomes null.
func raw(text string) json.RawMessage {
	if !json.Valid([]byte(text)) {
		return json.RawMessage("null")
	}
	return json.RawMessage(text)
}

func entries(row models.AccessToken) string {
	if row.MaxUses > 0 {
		return fmt.Sprintf("%d of %d", row.UseCount, row.MaxUses)
	}
	return fmt.Sprint(row.UseCount)
}

func expiry(row models.AccessToken) string {
	if row.ExpiresAt == nil {
		return "never"
	}
	return local(*row.ExpiresAt)
}
