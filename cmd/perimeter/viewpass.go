package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/gin-perimeter/gin-perimeter/ginviewpass"
	"github.com/gin-perimeter/gin-perimeter/internal/database"
	"github.com/gin-perimeter/gin-perimeter/models"
)

// linkFlags are what both viewpass commands take.
type linkFlags struct{ keyFile, baseURL string }

func (a *app) viewpassCommand() *cobra.Command {
	var f linkFlags
	g := group("viewpass", "Create and inspect signed links", a.viewpassCreateCommand(&f), a.viewpassInspectCommand(&f))
	g.Long = "Create and inspect signed links. The key is SECRET_KEY, the content of --secret-key-file, or of the\n" +
		"demo's key file beside the SQLite database that --database names."
	g.PersistentFlags().StringVar(&f.keyFile, "secret-key-file", "", "file with the key in base64")
	g.PersistentFlags().StringVar(&f.baseURL, "base-url", "", "the site's address, such as https://www.example.com")
	return g
}

// links is what signs and checks.
func (a *app) links(f *linkFlags) (*ginviewpass.Links, error) {
	text, file := a.env("SECRET_KEY"), f.keyFile
	if file != "" {
		text = "" // what is said explicitly comes first
	} else {
		file, _ = database.SecretKeyFile(a.databaseDSN())
	}
	key, err := database.LoadSecretKey(text, file, false)
	if err != nil {
		return nil, err
	}
	return ginviewpass.New(ginviewpass.Config{Keys: [][]byte{key}, BaseURL: f.baseURL})
}

func (a *app) viewpassCreateCommand(f *linkFlags) *cobra.Command {
	var path, permission, expires string
	cmd := &cobra.Command{Use: "create --path P --permission X", Short: "Print a link to one page", Args: arguments()}
	cmd.Flags().StringVar(&path, "path", "", "the page, with its query, such as /report/?year=2026")
	cmd.Flags().StringVar(&permission, "permission", "", "the permission that the link grants there")
	cmd.Flags().StringVar(&expires, "expires", "30d", expiresHelp)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if path == "" || permission == "" {
			return usagef("--path and --permission are needed")
		}
		at, err := readExpiry(expires)
		if err != nil {
			return err
		}
		links, err := a.links(f)
		if err != nil {
			return err
		}
		make := links.URL
		if f.baseURL != "" {
			make = links.AbsoluteURL
		}
		link, err := make(path, permission, lifetime(at))
		if err != nil {
			return err
		}
		return a.printLink(link, path, permission, at)
	}
	return cmd
}

func lifetime(at time.Time) ginviewpass.Option {
	if at.Equal(models.Never) {
		return ginviewpass.NeverExpires()
	}
	return ginviewpass.ExpiresAt(at)
}

func (a *app) printLink(link, path, permission string, at time.Time) error {
	if !a.json {
		_, err := fmt.Fprintln(a.out, link)
		return err
	}
	until := &at
	if at.Equal(models.Never) {
		until = nil
	}
	return a.printJSON(map[string]any{"url": link, "path": path, "permission": permission, "expires_at": stamp(until)})
}

func (a *app) viewpassInspectCommand(f *linkFlags) *cobra.Command {
	return &cobra.Command{
		Use: "inspect URL", Short: "Say what a link grants, until when, and whether it holds (status 1 if not)", Args: arguments("URL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			links, err := a.links(f)
			if err != nil {
				return err
			}
			grant, err := links.Verify(args[0], time.Now())
			if printErr := a.printGrant(grant, err); printErr != nil {
				return printErr
			}
			if err != nil {
				return fmt.Errorf("this link does not hold: %w", err)
			}
			return nil
		},
	}
}

func (a *app) printGrant(g ginviewpass.Grant, refused error) error {
	page := g.Path
	if g.Query != "" {
		page += "?" + g.Query
	}
	var issued, until *time.Time
	if !g.IssuedAt.IsZero() {
		issued = &g.IssuedAt
	}
	if !g.ExpiresAt.IsZero() {
		until = &g.ExpiresAt
	}
	if a.json {
		reason := ""
		if refused != nil {
			reason = explain(refused)
		}
		return a.printJSON(map[string]any{
			"holds": refused == nil, "reason": reason, "page": page, "permission": g.Permission,
			"issued_at": stamp(issued), "expires_at": stamp(until),
		})
	}
	if issued == nil { // not authentic: nothing in it is to be believed
		return nil
	}
	end, holds := "never", "yes"
	if until != nil {
		end = local(*until)
	}
	if refused != nil {
		holds = "no"
	}
	if errors.Is(refused, ginviewpass.ErrExpired) {
		holds = "no, it has expired"
	}
	_, err := fmt.Fprintf(a.out, "%-12s %s\n%-12s %s\n%-12s %s\n%-12s %s\n%-12s %s\n",
		"Page", plain(page), "Permission", plain(g.Permission), "Issued", local(*issued), "Expires", end, "Holds", holds)
	return err
}
