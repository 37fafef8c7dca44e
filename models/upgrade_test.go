package models_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/internal/dbtest"
	"github.com/gin-perimeter/gin-perimeter/models"
)

// The directories testdata/schema-1, schema-2 … hold a dump for every version
// of the tables and every database, as the database's own tool writes it. When
// the version rises, this adds the next:
//
//	go test ./models -run TestUpgrade -dump
var dump = flag.Bool("dump", false, "write the dumps of this version, instead of testing with them")

// What the dumps hold.
const (
	dumpedToken = "a token from long ago"
	dumpedSpent = "a token used up long ago"
	dumpedRef   = "AAECAwQFBgcICQoLDA0ODw"
)

// TestUpgrade begins with the databases of every version there was, rows and
// all, and wants the tables of today, with nothing lost.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	dbtest.EachEmpty(t, func(t *testing.T, d dbtest.Database) {
		if *dump {
			writeDump(t, d)
			return
		}
		files, err := filepath.Glob("testdata/schema-*/" + d.Kind + ".sql")
		if err != nil || len(files) == 0 || !slices.Contains(files, currentDump(t, d.Kind)) {
			t.Fatalf("dumps %v, %v; the one of this version is written with -dump", files, err)
		}
		fresh := schemaOf(t, migrated(t, d))
		for _, file := range files {
			old := dbtest.New(t, d.Kind)
			load(t, old, file)
			db := migrated(t, old)
			if got := schemaOf(t, db); got != fresh {
				t.Errorf("%s: after Migrate:\n%s\nbut new tables are:\n%s", file, got, fresh)
			}
			wantDumped(t, db)
		}
	})
}

func migrated(t *testing.T, d dbtest.Database) *gorm.DB {
	t.Helper()
	db := d.Open(t)
	if err := models.Migrate(db); err != nil {
		t.Fatal(err)
	}
	return db
}

var versionInSQL = regexp.MustCompile(`VALUES \(1, (\d+)\)`)

// currentDump is where the dump of this version belongs.
func currentDump(t *testing.T, kind string) string {
	t.Helper()
	text, err := models.SchemaSQL(kind)
	if err != nil {
		t.Fatal(err)
	}
	version := versionInSQL.FindStringSubmatch(text)
	if version == nil {
		t.Fatal("the SQL does not say its version")
	}
	return "testdata/schema-" + version[1] + "/" + kind + ".sql"
}

// fillForDump uses what every version can do.
func fillForDump(t *testing.T, db *gorm.DB) {
	t.Helper()
	ctx := models.WithActor(t.Context(), "anna")
	_, live, err := models.CreateAccessToken(ctx, db, models.NewAccessToken{
		Label: "Zoë’s preview 🦊", Token: dumpedToken, ExpiresAt: models.Never, ForName: "Zoë", ForEmail: "Zoe@Example.com",
	})
	if err != nil {
		t.Fatal(err)
	}
	_, spent, err := models.CreateAccessToken(ctx, db, models.NewAccessToken{Label: "Once", Token: dumpedSpent, MaxUses: 1, ExpiresAt: models.Never})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 1, 12, 30, 15, 123_000_000, time.UTC)
	use := models.NewAccessTokenUse{Name: "Zoë", Email: "zoe@example.com", IP: "2001:db8::1", UserAgent: "Browser", At: at}
	_, errLive := models.RecordEntry(ctx, db, live, dumpedRef, use)
	_, errSpent := models.RecordEntry(ctx, db, spent, models.NewPassRef(), use)
	err = errors.Join(errLive, errSpent, models.DeactivateAccessToken(ctx, db, live.ID), models.ActivateAccessToken(ctx, db, live.ID))
	if err != nil {
		t.Fatal(err)
	}
}

// wantDumped wants what fillForDump made, and that it goes on working.
func wantDumped(t *testing.T, db *gorm.DB) {
	t.Helper()
	ctx := t.Context()
	token, err := models.FindAccessToken(ctx, db, dumpedToken)
	if err != nil || token.Label != "Zoë’s preview 🦊" || !token.Live(time.Now()) || token.UseCount != 1 || token.CreatedBy != "anna" {
		t.Errorf("the live token: %+v, %v", token, err)
	}
	spent, err := models.FindAccessToken(ctx, db, dumpedSpent)
	if err != nil || spent.Status(time.Now()) != models.StatusUsedUp {
		t.Errorf("the used-up token: %+v, %v", spent, err)
	}
	pass, err := models.FindPass(ctx, db, dumpedRef)
	if err != nil || pass.Name != "Zoë" || pass.At.Nanosecond() != 123_000_000 || pass.TokenID != token.ID || pass.EndedAt != nil {
		t.Errorf("the pass: %+v, %v", pass, err)
	}
	changes, err := models.ListAccessTokenChanges(ctx, db, token.ID, 10)
	if err != nil || len(changes) != 3 || changes[0].Actor != "anna" {
		t.Errorf("the changes: %+v, %v", changes, err)
	}
	found, err := models.ListAccessTokens(ctx, db, models.TokenFilter{Search: "ZOE@example.com", Status: models.StatusLive}, models.Page{})
	if err != nil || len(found.Rows) != 1 {
		t.Errorf("the search: %+v, %v", found, err)
	}
	if _, err := models.RecordEntry(ctx, db, token, models.NewPassRef(), models.NewAccessTokenUse{Name: "Ada", Email: "ada@example.com", At: time.Now()}); err != nil {
		t.Errorf("entering: %v", err)
	}
}

// writeDump makes the dump of this version with the database's own tool.
func writeDump(t *testing.T, d dbtest.Database) {
	t.Helper()
	fillForDump(t, migrated(t, d))
	at, err := url.Parse(d.DSN)
	if err != nil {
		t.Fatal(err)
	}
	name := strings.TrimPrefix(at.Path, "/")
	tool := map[string]*exec.Cmd{
		"sqlite":   exec.Command("sqlite3", strings.TrimPrefix(d.DSN, "sqlite:"), ".dump"),
		"postgres": exec.Command("pg_dump", "--inserts", "--no-owner", "--no-privileges", d.DSN),
		"mysql": exec.Command("mariadb-dump", "--complete-insert", "--skip-extended-insert", "--protocol=tcp",
			"--host="+at.Hostname(), "--port="+at.Port(), "--user="+at.User.Username(), name),
	}[d.Kind]
	text, err := tool.Output()
	if err != nil {
		t.Fatal(err)
	}
	var kept []string // without remarks and psql's own commands
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, `\`) && !strings.HasPrefix(line, "--") && strings.TrimSpace(line) != "" {
			kept = append(kept, line)
		}
	}
	file := currentDump(t, d.Kind)
	err = errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(strings.Join(kept, "")), 0o644))
	if err != nil {
		t.Fatal(err)
	}
}

// load runs a dump on a connection of its own, whose settings dumps change.
func load(t *testing.T, d dbtest.Database, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	db := d.Open(t)
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	pool.SetMaxOpenConns(1)
	defer pool.Close()
	for statement := range strings.SplitSeq(string(text), ";\n") {
		if strings.TrimSpace(statement) == "" {
			continue
		}
		if _, err := pool.ExecContext(context.Background(), statement); err != nil {
			t.Fatalf("%s: %v in %s", file, err, statement)
		}
	}
}

var autoIncrement = regexp.MustCompile(` AUTO_INCREMENT=\d+`)

// schemaOf describes the tables, so that two databases can be compared.
func schemaOf(t *testing.T, db *gorm.DB) string {
	t.Helper()
	if db.Name() == "mysql" {
		var all []string
		for _, table := range []string{"access_tokens", "access_token_uses", "access_token_changes", "perimeter_schema"} {
			var name, text string
			if err := db.Raw("SHOW CREATE TABLE "+table).Row().Scan(&name, &text); err != nil {
				t.Fatal(err)
			}
			all = append(all, autoIncrement.ReplaceAllString(text, ""))
		}
		return strings.Join(all, "\n")
	}
	query := map[string]string{
		"sqlite": "SELECT type || ' ' || name || ' ' || COALESCE(sql, '') FROM sqlite_master WHERE name NOT LIKE 'sqlite_stat%' ORDER BY 1",
		"postgres": `SELECT 'column ' || concat_ws(' ', table_name, column_name, data_type, collation_name, column_default, is_nullable, generation_expression, identity_generation)
			FROM information_schema.columns WHERE table_schema = 'public'
			UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
			UNION ALL SELECT 'constraint ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1`,
	}[db.Name()]
	var all []string
	if err := db.Raw(query).Scan(&all).Error; err != nil || len(all) < 10 {
		t.Fatal(fmt.Errorf("%d rows: %w", len(all), err))
	}
	return strings.Join(all, "\n")
}
