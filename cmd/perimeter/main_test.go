package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/internal/database"
	"github.com/gin-perimeter/gin-perimeter/internal/dbtest"
	"github.com/gin-perimeter/gin-perimeter/models"
)

// terminal is a stream with a person at its end.
type terminal struct {
	*strings.Reader
	bytes.Buffer
}

func (*terminal) IsTerminal() bool             { return true }
func (t *terminal) Read(b []byte) (int, error) { return t.Reader.Read(b) }
func (t *terminal) Write(b []byte) (int, error) {
	return t.Buffer.Write(b)
}

// tool runs the program on one database.
type tool struct {
	t   *testing.T
	env map[string]string
}

func newTool(t *testing.T, dsn string) *tool {
	return &tool{t, map[string]string{"DATABASE_URL": dsn, "USER": "anna"}}
}

// migrated gives a tool on a SQLite file with tables, and the file.
func migrated(t *testing.T) (*tool, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "site.db")
	tool := newTool(t, file)
	tool.ok("migrate")
	return tool, file
}

func (x *tool) run(stdin string, args ...string) (status int, stdout, stderr string) {
	x.t.Helper()
	var out, err bytes.Buffer
	status = run(x.t.Context(), args, func(name string) string { return x.env[name] }, strings.NewReader(stdin), &out, &err)
	return status, out.String(), err.String()
}

// ok runs what must succeed and be silent on stderr.
func (x *tool) ok(args ...string) (stdout string) {
	x.t.Helper()
	status, stdout, stderr := x.run("", args...)
	if status != 0 || stderr != "" {
		x.t.Fatalf("perimeter %q: status %d, stderr %q", args, status, stderr)
	}
	return stdout
}

// fails runs what must fail with one line on stderr and nothing on stdout.
func (x *tool) fails(status int, says string, args ...string) {
	x.t.Helper()
	got, stdout, stderr := x.run("", args...)
	if got != status {
		x.t.Errorf("perimeter %q: status %d, want %d; stderr %q", args, got, status, stderr)
	}
	if !strings.HasPrefix(stderr, "perimeter: ") || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, says) {
		x.t.Errorf("perimeter %q: stderr %q, want one line that says %q", args, stderr, says)
	}
	if stdout != "" {
		x.t.Errorf("perimeter %q: stdout %q, want nothing", args, stdout)
	}
}

// person runs the program on a terminal.
func (x *tool) person(answer string, args ...string) (status int, out, err *terminal) {
	x.t.Helper()
	in := &terminal{Reader: strings.NewReader(answer)}
	out, err = &terminal{}, &terminal{}
	return run(x.t.Context(), args, func(name string) string { return x.env[name] }, in, out, err), out, err
}

// object runs what prints a JSON object.
func (x *tool) object(args ...string) map[string]any {
	x.t.Helper()
	var object map[string]any
	text := x.ok(append(args, "--json")...)
	if err := json.Unmarshal([]byte(text), &object); err != nil {
		x.t.Fatalf("%q printed %q: %v", args, text, err)
	}
	return object
}

func (x *tool) array(args ...string) []map[string]any {
	x.t.Helper()
	var array []map[string]any
	text := x.ok(append(args, "--json")...)
	if err := json.Unmarshal([]byte(text), &array); err != nil {
		x.t.Fatalf("%q printed %q: %v", args, text, err)
	}
	return array
}

func open(t *testing.T, dsn string) *gorm.DB {
	t.Helper()
	db, err := database.Open(dsn)
	if err != nil {
		t.Fatal(err)
	}
	pool, _ := db.DB()
	t.Cleanup(func() { pool.Close() })
	return db
}

func TestTheWholeLifeOfATokenOnEveryDatabase(t *testing.T) {
	t.Parallel()
	dbtest.EachEmpty(t, func(t *testing.T, d dbtest.Database) {
		x := newTool(t, d.DSN)
		if d.Kind != "sqlite" {
			x.fails(1, "run perimeter migrate", "token", "list")
		}
		if got := x.ok("migrate"); got != "The tables are up to date.\n" {
			t.Errorf("migrate printed %q", got)
		}
		made := x.object("token", "create", "--label", "Acme", "--expires", "30d", "--max-uses", "3")
		id := fmt.Sprint(made["id"])
		token := made["token"].(string)
		if _, kind := models.ReadToken(token); kind != models.TokenGenerated {
			t.Errorf("token %q", token)
		}
		until, err := time.Parse(time.RFC3339, made["expires_at"].(string))
		if err != nil || time.Until(until).Round(24*time.Hour) != 30*24*time.Hour || made["label"] != "Acme" || len(made) != 4 {
			t.Errorf("created %v", made)
		}
		if listed := x.array("token", "list"); len(listed) != 1 || listed[0]["status"] != "live" || listed[0]["max_uses"] != 3.0 {
			t.Errorf("listed %v", listed)
		}
		if got := x.ok("token", "deactivate", id); !strings.HasPrefix(got, "Token "+id+", “Acme” is deactivated.") {
			t.Errorf("deactivate printed %q", got)
		}
		if got := x.ok("token", "list"); strings.Contains(got, "Acme") {
			t.Errorf("a deactivated token is listed: %s", got)
		}
		if got := x.ok("token", "list", "--all"); !regexp.MustCompile(`(?m)^` + id + ` +deactivated +0 of 3 .* Acme$`).MatchString(got) {
			t.Errorf("list --all printed %s", got)
		}
		x.ok("token", "activate", id)
		if got := x.object("token", "extend", id, "--expires", "never"); got["expires_at"] != nil || got["status"] != "live" {
			t.Errorf("extended %v", got)
		}
		shown := x.object("token", "show", id)
		changes := shown["changes"].([]any)
		if len(changes) != 4 || changes[0].(map[string]any)["actor"] != "perimeter (cli) by anna" {
			t.Errorf("changes %v", changes)
		}
		x.fails(2, "give --yes", "token", "delete", id)
		if got := x.ok("token", "delete", id, "--yes"); got != "Deleted token "+id+", “Acme”.\n" {
			t.Errorf("delete printed %q", got)
		}
		x.fails(1, "there is no access token with ID "+id, "token", "show", id)
	})
}

func TestTokenCreateForAScriptPrintsTheTokenAlone(t *testing.T) {
	t.Parallel()
	x, file := migrated(t)
	token := strings.TrimSuffix(x.ok("token", "create"), "\n")
	row, err := models.FindAccessToken(t.Context(), open(t, file), token)
	if err != nil {
		t.Fatalf("%q: %v", token, err)
	}
	if life := time.Until(*row.ExpiresAt).Round(time.Hour); life != 7*24*time.Hour {
		t.Errorf("lives %v, want 7 days", life)
	}
	status, out, _ := x.person("", "token", "create", "--label", "Acme")
	if status != 0 || !strings.Contains(out.String(), "It is shown only now") {
		t.Errorf("on a terminal: %d, %q", status, out.String())
	}
}

func TestTokenCreateCustom(t *testing.T) {
	t.Parallel()
	x, _ := migrated(t)
	if got := x.ok("token", "create", "--token", "correct horse battery"); got != "correct horse battery\n" {
		t.Errorf("printed %q", got)
	}
	x.fails(1, "perimeter token extend 1 --expires 30d", "token", "create", "--token", "correct horse battery")
	x.fails(1, "at least 12 characters", "token", "create", "--token", "short")
	x.fails(2, "--token is empty", "token", "create", "--token", "")
	status, out, _ := x.run("  read from stdin\n", "token", "create", "--token", "-", "--json")
	if status != 0 || !strings.Contains(out, `"token":"read from stdin"`) {
		t.Errorf("from stdin: %d, %q", status, out)
	}
	for name, stdin := range map[string]string{"empty": "", "blank": " \n", "two lines": "first token of two\nsecond token of two", "too long": strings.Repeat("x", 1<<20)} {
		if status, out, err := x.run(stdin, "token", "create", "--token", "-"); status != 1 || out != "" || strings.Count(err, "\n") != 1 {
			t.Errorf("%s: %d, %q, %q", name, status, out, err)
		}
	}
	x.ok("token", "create", "--for-name", "Anna", "--for-email", "anna@example.com", "--expires", "2099-12-31")
	got := x.object("token", "show", "3")
	wantEnd := time.Date(2100, 1, 1, 0, 0, 0, 0, time.Local).UTC().Format(time.RFC3339)
	if got["for_email"] != "anna@example.com" || got["expires_at"] != wantEnd {
		t.Errorf("issued %v", got)
	}
}

func TestCalledWronglyIsStatusTwo(t *testing.T) {
	t.Parallel()
	x, _ := migrated(t)
	for name, c := range map[string]struct {
		says string
		args []string
	}{
		"no command":             {"what to do is missing", nil},
		"an unknown command":     {"no command", []string{"destroy"}},
		"a group alone":          {"perimeter token --help", []string{"token"}},
		"an unknown subcommand":  {"no command", []string{"token", "destroy"}},
		"an unknown flag":        {"unknown flag", []string{"token", "list", "--frobnicate"}},
		"a missing ID":           {"ID is missing", []string{"token", "show"}},
		"too many arguments":     {"too much", []string{"token", "show", "1", "2"}},
		"an ID that is none":     {"is no ID", []string{"token", "show", "first"}},
		"ID zero":                {"is no ID", []string{"use", "end", "0"}},
		"a negative ID":          {"unknown shorthand", []string{"use", "end", "-1"}},
		"a huge ID":              {"is no ID", []string{"use", "end", "99999999999999999999"}},
		"an expiry that is none": {`--expires "soon" is not an expiry`, []string{"token", "create", "--expires", "soon"}},
		"an expiry in the past":  {"lies in the past", []string{"token", "create", "--expires", "2020-01-01"}},
		"no expiry":              {"--expires is missing", []string{"token", "extend", "1"}},
		"max uses 0":             {"1 or more", []string{"token", "create", "--max-uses", "0"}},
		"max uses no number":     {"invalid argument", []string{"token", "create", "--max-uses", "many"}},
		"a name alone":           {"belong together", []string{"token", "create", "--for-name", "Anna"}},
		"purge without age":      {"--older-than is missing", []string{"use", "purge"}},
		"purge with bad age":     {"length of time", []string{"use", "purge", "--older-than", "-3d"}},
		"since that is none":     {"--since", []string{"use", "list", "--since", "yesterday"}},
		"CSV and JSON":           {"exclude each other", []string{"use", "list", "--csv", "--json"}},
		"no path":                {"--path and --permission", []string{"viewpass", "create"}},
		"terminal escapes":       {`\x1b`, []string{"\x1b[2Jdestroy"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			y := *x
			y.t = t
			y.fails(2, c.says, c.args...)
		})
	}
	x.env["DATABASE_URL"] = ""
	x.fails(2, "give --database or set DATABASE_URL", "token", "list")
	x.fails(2, "give --database or set DATABASE_URL", "migrate", "--print")
}

func TestFailuresAreStatusOneAndOneLine(t *testing.T) {
	t.Parallel()
	x, file := migrated(t)
	dir := filepath.Dir(file)
	empty := filepath.Join(dir, "empty.db")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		says string
		args []string
	}{
		"no such token":            {"there is no access token with ID 7", []string{"token", "deactivate", "7"}},
		"no such token to delete":  {"there is no access token with ID 7", []string{"token", "delete", "7", "--yes"}},
		"no such use":              {"there is no use with ID 7", []string{"use", "end", "7"}},
		"a label that is too long": {"label: has more than 200", []string{"token", "create", "--label", strings.Repeat("x", 201)}},
		"two mistakes":             {"email address looks wrong", []string{"token", "create", "--token", "short", "--for-name", "A", "--for-email", "nobody"}},
		"no email":                 {"email: is empty", []string{"use", "forget", " "}},
		"no database file":         {"run perimeter migrate", []string{"token", "list", "--database", filepath.Join(dir, "typo.db")}},
		"no tables":                {"run perimeter migrate", []string{"token", "list", "--database", empty}},
		"no directory":             {"directory does not exist", []string{"migrate", "--database", filepath.Join(dir, "no", "x.db")}},
		"no server":                {"no database server answers", []string{"migrate", "--database", "postgres://u:hunter2@127.0.0.1:1/db"}},
		"an unknown database":      {"unknown kind", []string{"migrate", "--database", "oracle://u:hunter2@h/db"}},
		"an unknown schema":        {"unknown kind", []string{"migrate", "--print", "--database", "oracle://u:hunter2@h/db"}},
		"no key":                   {"SECRET_KEY", []string{"viewpass", "create", "--path", "/", "--permission", "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			y := *x
			y.t = t
			y.fails(1, c.says, c.args...)
		})
	}
}

func TestMigratePrintRunsNothing(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]string{
		"sqlite:" + filepath.Join(t.TempDir(), "none.db"): "AUTOINCREMENT",
		"postgres://u@127.0.0.1:1/db":                     "bigserial",
		"mysql://u@127.0.0.1:1/db":                        "ENGINE=InnoDB",
	} {
		if got := newTool(t, dsn).ok("migrate", "--print"); !strings.Contains(got, want) || !strings.Contains(got, "access_token_uses") {
			t.Errorf("%s: printed %q", dsn, got)
		}
		if file, isFile := strings.CutPrefix(dsn, "sqlite:"); isFile {
			if _, err := os.Stat(file); !os.IsNotExist(err) {
				t.Errorf("the file was made: %v", err)
			}
		}
	}
}

func TestHelpAndVersion(t *testing.T) {
	t.Parallel()
	x := newTool(t, "")
	for _, args := range [][]string{{"--help"}, {"token", "create", "--help"}, {"help", "use"}, {"--version"}} {
		if got := x.ok(args...); got == "" {
			t.Errorf("%q printed nothing", args)
		}
	}
}

func TestDeletingAsksOnATerminal(t *testing.T) {
	t.Parallel()
	x, _ := migrated(t)
	x.ok("token", "create", "--label", "Acme")
	status, out, err := x.person("n\n", "token", "delete", "1")
	if status != 1 || out.String() != "" || !strings.Contains(err.String(), "Delete token 1, “Acme”?") || !strings.Contains(err.String(), "perimeter: nothing was changed") {
		t.Errorf("no: %d, %q, %q", status, out.String(), err.String())
	}
	if status, _, _ := x.person("", "token", "delete", "1"); status != 1 {
		t.Errorf("end of input: status %d", status)
	}
	if status, out, _ := x.person("yes\n", "token", "delete", "1", "--json"); status != 0 || out.String() != `{"deleted":true,"id":1}`+"\n" {
		t.Errorf("yes: %d, %q", status, out.String())
	}
}

// hostile is what strangers may have typed, written by plain SQL so that
// nothing was cleaned.
const hostile = "=cmd|'/c calc'!A0 \x1b]0;owned\x07 \u202eevil \u009b31m \x7f"

// visited adds uses to a token of its own.
func visited(t *testing.T, db *gorm.DB, n int, at time.Time) models.AccessToken {
	t.Helper()
	_, row, err := models.CreateAccessToken(t.Context(), db, models.NewAccessToken{Label: "Acme"})
	if err != nil {
		t.Fatal(err)
	}
	var uses []models.AccessTokenUse
	for i := range n {
		uses = append(uses, models.AccessTokenUse{
			Ref: fmt.Sprintf("r%d.%d", row.ID, i), TokenID: row.ID, TokenCheck: row.Check(), TokenLabel: row.Label,
			Name: "Anna", Email: "anna@example.com", EmailKey: "anna@example.com", IP: "2001:db8::1",
			UserAgent: hostile, Channel: models.ChannelForm, At: at.UTC(),
		})
	}
	if err := db.CreateInBatches(&uses, 500).Error; err != nil {
		t.Fatal(err)
	}
	return row
}

func TestUseCommands(t *testing.T) {
	t.Parallel()
	x, file := migrated(t)
	db := open(t, file)
	old := visited(t, db, 2500, time.Now().Add(-100*24*time.Hour))
	fresh := visited(t, db, 3, time.Now())
	if got := x.array("use", "list", "--since", "24h"); len(got) != 3 || got[0]["email"] != "anna@example.com" || got[0]["ended_at"] != nil {
		t.Errorf("since 24 hours: %v", got)
	}
	if got := x.array("use", "list", "--token", fmt.Sprint(old.ID)); len(got) != 2500 {
		t.Errorf("of a token: %d", len(got))
	}
	if got := x.array("use", "list", "--token", "99"); got == nil || len(got) != 0 {
		t.Errorf("of nothing: %v", got)
	}
	rows, err := csv.NewReader(strings.NewReader(x.ok("use", "list", "--token", fmt.Sprint(fresh.ID), "--csv"))).ReadAll()
	if err != nil || len(rows) != 4 {
		t.Fatalf("CSV: %d rows, %v", len(rows), err)
	}
	if got := x.ok("use", "end", "2501"); got != "Use 2501 is ended.\n" {
		t.Errorf("end printed %q", got)
	}
	if got := x.object("use", "end", "2501"); got["ended"] != true {
		t.Errorf("ended twice: %v", got)
	}
	if got := x.ok("use", "list", "--since", "1h"); !regexp.MustCompile(`(?m)^2501 .*form +ended +2001:db8::1 .* Anna <anna@example.com>$`).MatchString(got) {
		t.Errorf("list printed %s", got)
	}
	if got := x.ok("use", "purge", "--older-than", "90d"); got != "Deleted 2500 uses.\n" {
		t.Errorf("purge printed %q", got)
	}
	if got := x.object("use", "purge", "--older-than", "90d"); got["deleted"] != 0.0 {
		t.Errorf("purge again: %v", got)
	}
	if got := x.object("use", "forget", "Anna@Example.com"); got["forgotten"] != 3.0 {
		t.Errorf("forget: %v", got)
	}
	if got := x.ok("use", "list"); strings.Contains(got, "Anna") || strings.Contains(got, "2001:db8") {
		t.Errorf("not forgotten: %s", got)
	}
}

func TestLongWorkAsksAndShowsABarOnATerminal(t *testing.T) {
	t.Parallel()
	x, file := migrated(t)
	visited(t, open(t, file), 2500, time.Now().Add(-100*24*time.Hour))
	status, _, err := x.person("no\n", "use", "purge", "--older-than", "90d")
	if status != 1 || !strings.Contains(err.String(), "Delete 2500 uses from before") {
		t.Errorf("no: %d, %q", status, err.String())
	}
	status, _, err = x.person("no\n", "use", "forget", "anna@example.com")
	if status != 1 || !strings.Contains(err.String(), "Remove anna@example.com from 2500 uses?") {
		t.Errorf("no: %d, %q", status, err.String())
	}
	var out bytes.Buffer
	errs := &terminal{}
	status = run(t.Context(), []string{"use", "list", "--csv"}, func(n string) string { return x.env[n] }, strings.NewReader(""), &out, errs)
	if status != 0 || strings.Count(out.String(), "\n") != 2501 || !strings.Contains(errs.String(), "of 2500") || !strings.HasSuffix(errs.String(), "\r\x1b[K") {
		t.Errorf("export: %d, %d lines, bar %q", status, strings.Count(out.String(), "\n"), errs.String())
	}
	status, shown, err := x.person("y\n", "use", "purge", "--older-than", "90d")
	if status != 0 || !strings.Contains(err.String(), "Deleting uses [") || shown.String() != "Deleted 2500 uses.\n" {
		t.Errorf("yes: %d, %q, %q", status, shown.String(), err.String())
	}
}

func TestNothingThatStrangersTypedSteersTheTerminal(t *testing.T) {
	t.Parallel()
	x, file := migrated(t)
	db := open(t, file)
	row := visited(t, db, 1, time.Now())
	if err := db.Exec("UPDATE access_tokens SET label = ?, for_name = ?, for_email = ?, created_by = ?", hostile, hostile, hostile, hostile).Error; err != nil {
		t.Fatal(err)
	}
	if err := db.Exec("UPDATE access_token_uses SET name = ?, email = ?, ip = ?, token_label = ?", hostile, hostile, hostile, hostile).Error; err != nil {
		t.Fatal(err)
	}
	id := fmt.Sprint(row.ID)
	for _, args := range [][]string{
		{"token", "list"}, {"token", "show", id}, {"token", "activate", id},
		{"use", "list"}, {"token", "list", "--json"}, {"use", "list", "--json"}, {"token", "show", id, "--json"},
	} {
		got := x.ok(args...)
		if at := strings.IndexFunc(got, func(r rune) bool { return r != '\n' && steers(r) }); at >= 0 {
			t.Errorf("%q prints %q", args, got[at:min(len(got), at+10)])
		}
	}
	if got := x.array("use", "list"); got[0]["name"] != hostile {
		t.Errorf("JSON changed the text: %q", got[0]["name"])
	}
}

func TestViewpass(t *testing.T) {
	t.Parallel()
	x, file := migrated(t)
	key := "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3JldCE=" // 35 bytes
	if err := os.WriteFile(file+".key", []byte(key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := strings.TrimSuffix(x.ok("viewpass", "create", "--path", "/report/?year=2026", "--permission", "reporting.view_report"), "\n")
	if !strings.HasPrefix(link, "/report/?year=2026&viewpass=") || strings.Contains(link, "\n") {
		t.Fatalf("link %q", link)
	}
	got := x.object("viewpass", "inspect", link)
	if got["holds"] != true || got["page"] != "/report/?year=2026" || got["permission"] != "reporting.view_report" {
		t.Errorf("inspect %v", got)
	}
	if text := x.ok("viewpass", "inspect", link); !strings.Contains(text, "reporting.view_report") || !strings.Contains(text, "Holds        yes") {
		t.Errorf("inspect printed %s", text)
	}
	x.fails(1, "does not hold", "viewpass", "inspect", link+"x")
	x.fails(1, "does not hold", "viewpass", "inspect", "/report/")
	x.fails(1, "cannot make a link", "viewpass", "create", "--path", "/../", "--permission", "x")
	x.fails(1, "key", "viewpass", "inspect", link, "--secret-key-file", file+".nowhere")
	never := x.object("viewpass", "create", "--path", "/", "--permission", "x", "--expires", "never", "--base-url", "https://www.example.com/app")
	if url := never["url"].(string); !strings.HasPrefix(url, "https://www.example.com/app/?viewpass=") || never["expires_at"] != nil {
		t.Errorf("never: %v", never)
	}
	if got := x.object("viewpass", "inspect", never["url"].(string), "--base-url", "https://www.example.com/app"); got["holds"] != true || got["expires_at"] != nil {
		t.Errorf("inspect %v", got)
	}
	if status, out, _ := x.run("", "viewpass", "inspect", "/other/?"+strings.SplitN(link, "?", 2)[1]); status != 1 || !strings.Contains(out, "Holds        no") {
		t.Errorf("another page: %d, %q", status, out)
	}
	if status, out, _ := x.run("", "viewpass", "inspect", "--json", link+"x"); status != 1 || !strings.Contains(out, `"holds":false`) {
		t.Errorf("damaged, as JSON: %d, %q", status, out)
	}
	elsewhere := newTool(t, "")
	elsewhere.env["SECRET_KEY"] = key
	if got := elsewhere.object("viewpass", "inspect", link); got["holds"] != true {
		t.Errorf("with SECRET_KEY: %v", got)
	}
	elsewhere.env["SECRET_KEY"] = "dG9vIHNob3J0"
	elsewhere.fails(1, "need at least 32", "viewpass", "inspect", link)
	if got := elsewhere.object("viewpass", "inspect", link, "--secret-key-file", file+".key"); got["holds"] != true {
		t.Errorf("with a file: %v", got)
	}
}

func TestInterruptedIsAFailure(t *testing.T) {
	t.Parallel()
	x, file := migrated(t)
	visited(t, open(t, file), 1, time.Now().Add(-48*time.Hour))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, err bytes.Buffer
	status := run(ctx, []string{"use", "purge", "--older-than", "24h"}, func(n string) string { return x.env[n] }, strings.NewReader(""), &out, &err)
	if status != 1 || out.Len() > 0 || err.String() != "perimeter: interrupted\n" {
		t.Errorf("status %d, %q, %q", status, &out, &err)
	}
	if left := x.array("use", "list"); len(left) != 1 {
		t.Errorf("uses left: %v", left)
	}
}
