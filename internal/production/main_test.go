//go:build unix

package production_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// built is the directory of the programs under test.
var built string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "perimeter-production-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	built = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

var (
	demo = sync.OnceValues(func() (string, error) { return build("example", "./example") })
	tool = sync.OnceValues(func() (string, error) { return build("perimeter", "./cmd/perimeter") })
)

// root is the module's directory.
const root = "../.."

func build(name, pkg string) (string, error) {
	path := filepath.Join(built, name)
	command := exec.Command("go", "build", "-o", path, pkg)
	command.Dir = root
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", pkg, err, out)
	}
	return path, nil
}

func must[T any](t testing.TB) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// long skips a test that takes its time, unless it is asked for.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() || (os.Getenv("PERIMETER_TEST_LONG") == "" && os.Getenv("CI") != "true") {
		t.Skip("takes its time: set PERIMETER_TEST_LONG=1 to run it")
	}
}
