//go:build unix

package production_test

import (
	"context"
	"crypto/rand"
	databasesql "database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/gin-perimeter/gin-perimeter/internal/database"
	"github.com/gin-perimeter/gin-perimeter/internal/dbtest"
	"github.com/gin-perimeter/gin-perimeter/models"
)

const page = root + "/docs/production.md"

// blocks are the fenced blocks of the page in one language.
func blocks(t testing.TB, language string) []string {
	t.Helper()
	text := string(must[[]byte](t)(os.ReadFile(page)))
	var found []string
	for _, block := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(text, -1) {
		found = append(found, block[1])
	}
	if len(found) == 0 {
		t.Fatalf("%s shows no %s", page, language)
	}
	return found
}

// The commands of the page, run one after the other as they stand there, with
// the names of servers replaced by those of the tests.
func TestDocumentedCommands(t *testing.T) {
	long(t)
	for _, kind := range []string{"postgres", "mysql"} {
		t.Run(kind, func(t *testing.T) {
			d := dbtest.New(t, kind)
			module := must[string](t)(filepath.Abs(root))
			script := strings.Join(blocks(t, "sh"), "\n")
			for old, with := range map[string]string{
				"go install ./cmd/perimeter ./example":                          "(cd '" + module + "' && go install ./cmd/perimeter ./example)",
				"postgres://perimeter:password@db.example.com/perimeter":        d.DSN,
				"cache.example.com:6379":                                        startRedis(t).address,
				"127.0.0.1:8081":                                                freeAddress(t),
				"127.0.0.1:8082":                                                freeAddress(t),
				"perimeter token create --label \"Acme preview\" --expires 30d": "perimeter --json token create --label \"Acme preview\" --expires 30d",
			} {
				if !strings.Contains(script, old) {
					t.Errorf("the page has no %q any more; adapt the test", old)
				}
				script = strings.ReplaceAll(script, old, with)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			command := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", script)
			command.Dir = t.TempDir()
			command.Env = append(os.Environ(), "GOBIN="+command.Dir, "PATH="+command.Dir+":"+os.Getenv("PATH"))
			command.WaitDelay = time.Second
			out, err := command.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if n := strings.Count(string(out), "ready\n"); n != 2 {
				t.Errorf("%d instances said that they are ready, want 2:\n%s", n, out)
			}
			schema := must[[]byte](t)(os.ReadFile(filepath.Join(command.Dir, "schema.sql")))
			if !strings.Contains(string(schema), "CREATE TABLE") {
				t.Errorf("migrate --print wrote %q", schema)
			}
			rows := must[models.Rows[models.AccessToken]](t)(models.ListAccessTokens(ctx, d.OpenAsTool(t), models.TokenFilter{}, models.Page{Size: 10}))
			if len(rows.Rows) != 2 { // the demo's first one, and ours
				t.Errorf("%d tokens, want 2", len(rows.Rows))
			}
		})
	}
}

// The statements that make user and database, run by a server's administrator.
func TestDocumentedStatements(t *testing.T) {
	for _, test := range []struct{ kind, drop string }{
		{"postgres", "DROP DATABASE perimeter WITH (FORCE); DROP USER perimeter"},
		{"mysql", "DROP DATABASE perimeter; DROP USER perimeter"},
	} {
		t.Run(test.kind, func(t *testing.T) {
			d := dbtest.New(t, test.kind) // where the server is
			admin, err := d.OpenAsTool(t).DB()
			if err != nil {
				t.Fatal(err)
			}
			name := "perimeter_docs_" + strings.ToLower(rand.Text())[:10]
			run(t, admin, strings.ReplaceAll(blocks(t, "sql "+test.kind)[0], "perimeter", name))
			t.Cleanup(func() { run(t, admin, strings.ReplaceAll(test.drop, "perimeter", name)) })
			u := must[*url.URL](t)(url.Parse(d.DSN))
			u.User, u.Path = url.UserPassword(name, "password"), "/"+name
			db, err := database.Open(u.String())
			if err != nil {
				t.Fatal(err)
			}
			pool, err := db.DB()
			if err != nil {
				t.Fatal(err)
			}
			defer pool.Close()
			if err := models.Migrate(db); err != nil {
				t.Errorf("the user can't make the tables: %v", err)
			}
		})
	}
}

func run(t testing.TB, db *databasesql.DB, statements string) {
	t.Helper()
	for statement := range strings.SplitSeq(statements, ";") {
		if statement = strings.TrimSpace(statement); statement == "" {
			continue
		}
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// The page's Go compiles.
func TestDocumentedGo(t *testing.T) {
	var b strings.Builder
	b.WriteString(`package production

import (
	"net/http"
	"time"

	"github.com/gin-contrib/sessions"
	redisstore "github.com/gin-contrib/sessions/redis"
	"github.com/gin-gonic/gin"
	"github.com/gomodule/redigo/redis"
	"gorm.io/gorm"

	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/gin-perimeter/gin-perimeter/ginperimeter/redislimit"
)

var _ = []any{http.StatusOK, time.Second, redis.Dial, redisstore.NewStore, redislimit.New, ginperimeter.New, sessions.Sessions}
`)
	declared := regexp.MustCompile(`(?m)^(\w+(?:, \w+)*) :=`)
	for _, block := range blocks(t, "go") {
		b.WriteString("\nfunc _(r *gin.Engine, db *gorm.DB, store sessions.Store, key []byte) {\n\t{\n" + block)
		for _, names := range declared.FindAllStringSubmatch(block, -1) {
			for name := range strings.SplitSeq(names[1], ", ") {
				b.WriteString("\t\t_ = " + name + "\n")
			}
		}
		b.WriteString("\t}\n}\n")
	}
	dir := t.TempDir()
	file, overlay := filepath.Join(dir, "page.go"), filepath.Join(dir, "overlay.json")
	here := must[string](t)(filepath.Abs("."))
	replace := must[[]byte](t)(json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(here, "page.go"): file}}))
	for name, text := range map[string]string{file: b.String(), overlay: string(replace)} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("go", "build", "-overlay", overlay, ".").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// compose is what of compose.yaml is tested.
type compose struct {
	Services map[string]struct {
		Image       string
		Build       string
		Command     []string
		Environment map[string]string
		DependsOn   any `yaml:"depends_on"`
		Volumes     []string
	}
	Volumes  map[string]any
	Networks map[string]any
}

// No container engine is needed to see that the file is sound: the services
// that it names are there, and the demo takes its command.
func TestComposeFile(t *testing.T) {
	var file compose
	if err := yaml.UnmarshalWithOptions(must[[]byte](t)(os.ReadFile(root+"/compose.yaml")), &file, yaml.Strict(), yaml.AllowFieldPrefixes("ports", "restart", "deploy", "stop_grace_period", "healthcheck")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"proxy", "site", "database", "sessions"} {
		service, ok := file.Services[name]
		if !ok {
			t.Fatalf("no service %q", name)
		}
		if (service.Image == "") == (service.Build == "") {
			t.Errorf("%s needs an image or a build", name)
		}
		for _, volume := range service.Volumes {
			if source, _, _ := strings.Cut(volume, ":"); !contains(file.Volumes, source) {
				t.Errorf("%s uses the volume %q, which is not declared", name, source)
			}
		}
	}
	site := file.Services["site"]
	for _, name := range []string{"SECRET_KEY", "ADMIN_PASSWORD"} {
		if !strings.HasPrefix(site.Environment[name], "${"+name+":?") {
			t.Errorf("%s is %q; it must be demanded from outside", name, site.Environment[name])
		}
	}
	if dsn := site.Environment["DATABASE_URL"]; !strings.Contains(strings.Join(site.Command, " "), dsn) {
		t.Errorf("the tool's database %q is not the site's", dsn)
	}

	d := dbtest.New(t, "postgres")
	arguments := strings.Join(site.Command[1:], "\n")
	for old, with := range map[string]string{
		site.Environment["DATABASE_URL"]: d.DSN,
		"sessions:6379":                  startRedis(t).address,
		"-addr=:8080":                    "-addr=" + freeAddress(t),
	} {
		if !strings.Contains(arguments, old) {
			t.Errorf("the site's command has no %q", old)
		}
		arguments = strings.ReplaceAll(arguments, old, with)
	}
	i := start(t, strings.Split(arguments, "\n")...)
	if i.url != "http://localhost:8080" {
		t.Errorf("the site calls itself %q", i.url)
	}
	_, address, _ := strings.Cut(strings.Split(arguments, "\n")[0], "=")
	newBrowser(t).get("http://"+address+"/readyz").want(t, http.StatusOK, "the readiness probe")
}

func contains(volumes map[string]any, name string) bool {
	_, ok := volumes[name]
	return ok
}

// The image builds what its services run.
func TestDockerfile(t *testing.T) {
	text := string(must[[]byte](t)(os.ReadFile(root + "/Dockerfile")))
	build := regexp.MustCompile(`go build .*-o /out/ (.*)\n`).FindStringSubmatch(text)
	if build == nil {
		t.Fatal("the Dockerfile builds nothing")
	}
	for pkg := range strings.FieldsSeq(build[1]) {
		if _, err := os.Stat(filepath.Join(root, pkg, "main.go")); err != nil {
			t.Errorf("the Dockerfile builds %s: %v", pkg, err)
		}
	}
	module := string(must[[]byte](t)(os.ReadFile(root + "/go.mod")))
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(module)[1]
	if want := fmt.Sprintf("FROM golang:%s-", version); !strings.Contains(text, want) {
		t.Errorf("the Dockerfile does not build with the Go of go.mod: want %q", want)
	}
}
