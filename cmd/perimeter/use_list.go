package main

import (
	"bufio"
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/internal/usecsv"
	"github.com/gin-perimeter/gin-perimeter/models"
)

type (
	use      = models.AccessTokenUse
	visitUse = func(use) error
	eachUse  = func(visitUse) error
)

func (a *app) useListCommand() *cobra.Command {
	var token, since string
	var csv bool
	cmd := &cobra.Command{
		Use: "list", Short: "List who used tokens, newest first", Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if csv && a.json {
				return usagef("--csv and --json exclude each other")
			}
			filter, err := useFilter(token, since)
			if err != nil {
				return err
			}
			return a.withTables(cmd, func(ctx context.Context, db *gorm.DB) error { return a.listUses(ctx, db, filter, csv) })
		},
	}
	cmd.Flags().StringVar(&token, "token", "", "only the token with this ID")
	cmd.Flags().StringVar(&since, "since", "", "only the latest, such as 24h or 30d")
	cmd.Flags().BoolVar(&csv, "csv", false, "print CSV that spreadsheets open safely")
	return cmd
}

func useFilter(token, since string) (f models.UseFilter, err error) {
	if token != "" {
		if f.TokenID, err = readID(token); err != nil {
			return f, err
		}
	}
	if since != "" {
		age, err := readAge("--since", since)
		if err != nil {
			return f, err
		}
		f.Since = time.Now().Add(-age)
	}
	return f, nil
}

func (a *app) listUses(ctx context.Context, db *gorm.DB, f models.UseFilter, csv bool) error {
	each := func(visit visitUse) error { return models.EachAccessTokenUse(ctx, db, f, visit) }
	if bar := a.progress("Writing uses"); bar != nil && !isTerminal(a.out) {
		total, err := models.CountAccessTokenUses(ctx, db, f)
		if err != nil {
			return err
		}
		each = bar.over(each, total)
	}
	out := bufio.NewWriter(a.out)
	var err error
	switch {
	case csv:
		err = writeCSV(out, each)
	case a.json:
		err = printArray(&app{out: out}, each, viewUse)
	default:
		err = writeUses(out, each)
	}
	if flushErr := out.Flush(); err == nil {
		err = flushErr
	}
	return err
}

func writeCSV(out *bufio.Writer, each eachUse) error {
	w := usecsv.NewWriter(out)
	if err := each(w.Write); err != nil {
		return err
	}
	return w.Flush()
}

func writeUses(out *bufio.Writer, each eachUse) error {
	const line = "%-8v %-16s %-7s %-7s %-15s %-24s %s\n"
	fmt.Fprintf(out, line, "ID", "AT", "BY", "STATE", "ADDRESS", "TOKEN", "WHO")
	return each(func(use models.AccessTokenUse) error {
		state := "open"
		if use.EndedAt != nil {
			state = "ended"
		}
		who := plain(use.Name)
		if use.Email != "" {
			who += " <" + plain(use.Email) + ">"
		}
		token := fmt.Sprintf("%d %s", use.TokenID, plain(use.TokenLabel))
		_, err := fmt.Fprintf(out, line, use.ID, local(use.At), plain(string(use.Channel)), state, plain(use.IP), token, who)
		return err
	})
}

type useView struct {
	ID         uint    `json:"id"`
	At         *string `json:"at"`
	TokenID    uint    `json:"token_id"`
	TokenLabel string  `json:"token_label"`
	Name       string  `json:"name"`
	Email      string  `json:"email"`
	IP         string  `json:"ip"`
	UserAgent  string  `json:"user_agent"`
	Channel    string  `json:"channel"`
	LastSeenAt *string `json:"last_seen_at"`
	EndedAt    *string `json:"ended_at"`
}

func viewUse(use models.AccessTokenUse) any {
	return useView{
		ID: use.ID, At: stamp(&use.At), TokenID: use.TokenID, TokenLabel: use.TokenLabel, Name: use.Name, Email: use.Email,
		IP: use.IP, UserAgent: use.UserAgent, Channel: string(use.Channel),
		LastSeenAt: stamp(use.LastSeenAt), EndedAt: stamp(use.EndedAt),
	}
}
