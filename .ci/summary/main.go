// Command summary reads what go test -json prints, shows what failed, counts,
// and fails when a test was skipped: in CI nothing may be missing.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

type event struct{ Action, Package, Test, Output string }

func main() {
	counts := map[string]int{}
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
			if e.Action == "fail" {
				fmt.Print(strings.Join(output[key], ""))
			}
			if e.Action == "skip" {
				skipped = append(skipped, strings.TrimSpace(key+": "+strings.Join(output[key], "")))
			}
			delete(output, key)
		}
	}
	for _, s := range skipped {
		fmt.Println("skipped:", s)
	}
	fmt.Printf("%d passed, %d failed, %d skipped\n", counts["pass"], counts["fail"], counts["skip"])
	if counts["fail"] > 0 || len(skipped) > 0 || counts["pass"] == 0 {
		os.Exit(1)
	}
}
