// Package docs keeps the documentation true: its Go code compiles, and its
// commands run.
package docs_test

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../.."

// documents are the files whose links must lead somewhere. Package production
// compiles and runs what docs/production.md shows.
var documents = []string{"README.md", "PERFORMANCE.md", "SECURITY.md", "docs/production.md"}

var fence = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")

// blocks are the fenced blocks of a document in that language.
func blocks(t *testing.T, document, language string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, document))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, m := range fence.FindAllStringSubmatch(string(text), -1) {
		if m[1] == language {
			found = append(found, m[2])
		}
	}
	return found
}

func TestGoCodeCompiles(t *testing.T) {
	t.Parallel()
	for _, document := range []string{"README.md", "SECURITY.md"} {
		for i, code := range blocks(t, document, "go") {
			t.Run(fmt.Sprintf("%s block %d", document, i+1), func(t *testing.T) {
				t.Parallel()
				if !strings.HasPrefix(code, "package ") {
					code = asProgram(t, code)
				}
				vet(t, code)
			})
		}
	}
}

// surroundings are what a fragment finds declared, and what a reader has at
// hand when he pastes it.
const surroundings = `package main

import (
	"context"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"
	"github.com/gin-perimeter/gin-perimeter/admin"
	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/gin-perimeter/gin-perimeter/ginperimeter/perimetertest"
	"github.com/gin-perimeter/gin-perimeter/ginperimeter/redislimit"
	"github.com/gin-perimeter/gin-perimeter/ginviewpass"
	"github.com/gin-perimeter/gin-perimeter/models"
	"github.com/gin-perimeter/gin-perimeter/templates"
	"github.com/gomodule/redigo/redis"
	"gorm.io/gorm"
)

var (
	_ context.Context
	_ = log.Print
	_ http.Handler
	_ = time.Now
	_ = sessions.Sessions
	_ = admin.Mount
	_ = ginviewpass.New
	_ = models.Migrate
	_ templates.Look
	_ = redislimit.New
)

var (
	t                   *testing.T
	r                   *gin.Engine
	db                  *gorm.DB
	store               sessions.Store
	gate                *ginperimeter.Gate
	links               *ginviewpass.Links
	handler             http.Handler
	server              *httptest.Server
	pool                *redis.Pool
	report              gin.HandlerFunc
	ctx                 context.Context
	key, oldKey, newKey []byte
	password            string
	_                   = perimetertest.Enter
)

func main() {
`

// asProgram puts a fragment into a function, and uses what it declares.
func asProgram(t *testing.T, fragment string) string {
	t.Helper()
	program := surroundings + fragment
	file, err := parser.ParseFile(token.NewFileSet(), "fragment.go", program+"}\n", 0)
	if err != nil {
		t.Fatal(err)
	}
	main := file.Decls[len(file.Decls)-1].(*ast.FuncDecl)
	for _, statement := range main.Body.List {
		assign, ok := statement.(*ast.AssignStmt)
		if !ok || assign.Tok != token.DEFINE {
			continue
		}
		for _, left := range assign.Lhs {
			program += "_ = " + left.(*ast.Ident).Name + "\n"
		}
	}
	return program + "}\n"
}

// vet compiles a program within this module, where its imports are found, in a
// folder that ./... passes over.
func vet(t *testing.T, program string) {
	t.Helper()
	dir, err := os.MkdirTemp(".", "_snippet")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "vet", "./"+dir).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s\n%s", err, out, program)
	}
}

// TestCommandsOfTheToolRun runs the README's session with the command-line
// tool, line by line, on a database of its own.
func TestCommandsOfTheToolRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "perimeter"), root+"/cmd/perimeter").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ran := 0
	for _, block := range blocks(t, "README.md", "sh") {
		if !strings.Contains(block, "\nperimeter ") && !strings.HasPrefix(block, "perimeter ") {
			continue
		}
		script := exec.Command("bash", "-euxc", block)
		script.Dir = dir
		script.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"),
			"SECRET_KEY=MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
		if out, err := script.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		ran++
	}
	if ran == 0 {
		t.Error("the README shows no session with the tool")
	}
}

// TestProgramsAreNamedAsTheyAre finds commands of the README that call a
// program which does not exist.
func TestProgramsAreNamedAsTheyAre(t *testing.T) {
	t.Parallel()
	const module = "github.com/gin-perimeter/gin-perimeter"
	program := regexp.MustCompile(`(?:go run|go install) (?:` + module + `|\.)/([a-z/]+)`)
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range program.FindAllStringSubmatch(string(text), -1) {
		if _, err := os.Stat(filepath.Join(root, m[1], "main.go")); err != nil {
			t.Errorf("%s: %v", m[0], err)
		}
	}
}

// TestLinksLeadSomewhere follows the links and pictures between documents.
func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`(?:\]\(|src=")([^)"#]+)`)
	for _, document := range append([]string{"CONTRIBUTING.md", "CHANGELOG.md"}, documents...) {
		text, err := os.ReadFile(filepath.Join(root, document))
		if err != nil {
			t.Error(err)
			continue
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, filepath.Dir(document), m[1])); err != nil {
				t.Errorf("%s: %v", document, err)
			}
		}
	}
}

var namedTest = regexp.MustCompile("`(?:([a-z0-9/]+): )?((?:Test|Fuzz)[A-Za-z0-9]+)(?:/[a-z]+)?`")

// The table of requirements names tests; a test that was renamed must not
// leave it promising nothing.
func TestTheTableOfRequirementsNamesTests(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "docs/asvs.md"))
	if err != nil {
		t.Fatal(err)
	}
	names := namedTest.FindAllStringSubmatch(string(text), -1)
	if len(names) < 60 {
		t.Errorf("only %d tests are named", len(names))
	}
	sources := map[string]string{}
	for _, m := range names {
		folder := cmp.Or(m[1], "internal/hostile")
		if sources[folder] == "" {
			sources[folder] = testsIn(t, folder)
		}
		if !strings.Contains(sources[folder], "\nfunc "+m[2]+"(") {
			t.Errorf("%s has no %s", folder, m[2])
		}
	}
}

// testsIn is the text of a folder's tests.
func testsIn(t *testing.T, folder string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, folder, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s has no tests: %v", folder, err)
	}
	var all strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}
