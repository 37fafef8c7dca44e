package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

// axeVersion is the version of axe-core that pages are checked with.
const axeVersion = "4.14.1"

// axe is the checker's source, from npm.
var axe struct {
	sync.Once
	source string
	err    error
}

// axeSource fetches axe-core into the user's cache, unless it is there.
func axeSource() (string, error) {
	axe.Do(func() {
		cache, err := os.UserCacheDir()
		if err != nil {
			axe.err = err
			return
		}
		dir := filepath.Join(cache, "gin-perimeter-e2e", "axe-core-"+axeVersion)
		file := filepath.Join(dir, "node_modules", "axe-core", "axe.min.js")
		if _, err := os.Stat(file); err != nil {
			if axe.err = installAxe(dir); axe.err != nil {
				return
			}
		}
		text, err := os.ReadFile(file)
		axe.source, axe.err = string(text), err
	})
	return axe.source, axe.err
}

func installAxe(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		return err
	}
	out, err := exec.Command(npm, "install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", dir, "axe-core@"+axeVersion).CombinedOutput()
	if err != nil {
		return fmt.Errorf("npm install axe-core@%s: %w\n%s", axeVersion, err, out)
	}
	return nil
}

// needAxe skips the test, or fails it in CI, where axe-core cannot be had.
func needAxe(t testing.TB) {
	t.Helper()
	_, err := axeSource()
	need(t, "axe-core from npm", err)
}

// violation is what axe-core says is wrong, and where.
type violation struct {
	ID    string   `json:"id"`
	Help  string   `json:"help"`
	Nodes []string `json:"nodes"`
}

// runAxe checks the page with all rules, and the one for the size of targets,
// which is off by default.
const runAxe = `axe.run(document, {resultTypes: ["violations"], rules: {"target-size": {enabled: true}}}).then(result =>
	JSON.stringify(result.violations.map(v => ({id: v.id, help: v.help, nodes: v.nodes.map(n => n.target.join(" ") + ": " + n.failureSummary)}))))`

// violations checks the page as it stands. DevTools puts the checker in from
// outside, so it runs under every policy that a page may have.
func (v *visitor) violations() []violation {
	v.t.Helper()
	if v.eval(`typeof axe`) == "undefined" {
		v.do(chromedp.Evaluate(axe.source, nil))
	}
	var text string
	v.do(chromedp.Evaluate(runAxe, &text, awaiting))
	var list []violation
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		v.t.Fatalf("axe-core answered %q: %v", text, err)
	}
	return list
}

func (x violation) String() string {
	return x.ID + ", " + x.Help + "\n\t" + strings.Join(x.Nodes, "\n\t")
}
