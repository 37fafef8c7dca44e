// Command summary reads what go test -json prints, shows what failed, counts,
// and fails when a test was skipped: in CI nothing may be missing.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"unicode"
)

type event struct{ Action, Package, Test, Output string }

func main() {
	counts := map[string]int{}
	runs := matrix{}
	output := map[string][]string{}
	var skipped []string
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			fmt.Println(lines.Text()) // the go command's own words
			continue
		}
		key := e.Package + " " + e.Test
		switch e.Action {
		case "build-output":
			fmt.Print(e.Output)
		case "build-fail":
			counts["fail"]++
		case "output":
			output[key] = append(output[key], e.Output)
		case "pass", "fail", "skip":
			if e.Test == "" {
				if e.Action == "fail" {
					fmt.Print(strings.Join(output[key], ""))
				}
				delete(output, key)
				continue
			}
			counts[e.Action]++
			runs.note(e)
			if e.Action == "fail" {
				fmt.Print(strings.Join(output[key], ""))
			}
			if e.Action == "skip" {
				skipped = append(skipped, strings.TrimSpace(key+": "+strings.Join(output[key], "")))
			}
			delete(output, key)
		}
	}
	runs.print()
	for _, s := range skipped {
		fmt.Println("skipped:", s)
	}
	fmt.Printf("%d passed, %d failed, %d skipped\n", counts["pass"], counts["fail"], counts["skip"])
	if counts["fail"] > 0 || len(skipped) > 0 || counts["pass"] == 0 {
		os.Exit(1)
	}
}

// matrix counts what passed by package and by the databases and session stores
// that a test's name tells it ran on.
type matrix map[string]map[string]int

var kinds = []string{"sqlite", "postgres", "mysql", "cookie", "redis", "gorm"}

func (m matrix) note(e event) {
	if e.Action != "pass" {
		return
	}
	_, name, sub := strings.Cut(e.Test, "/")
	words := strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) })
	for _, kind := range kinds {
		if sub && slices.Contains(words, kind) {
			if m[e.Package] == nil {
				m[e.Package] = map[string]int{}
			}
			m[e.Package][kind]++
		}
	}
}

func (m matrix) print() {
	fmt.Printf("%-28s  %s\n", "passed on", strings.Join(kinds, "  "))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		fmt.Printf("%-28s", strings.TrimPrefix(name, "github.com/gin-perimeter/gin-perimeter/"))
		for _, kind := range kinds {
			fmt.Printf(" %*d", len(kind)+1, m[name][kind])
		}
		fmt.Println()
	}
}
