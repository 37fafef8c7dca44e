package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// figures are the results of one benchmark by unit, one for each run.
type figures map[string][]float64

// printRatios reads what Go benchmarks printed and tells medians. The files are
// fit for benchstat, too. What one case costs more than another is for
// BenchmarkAdded: these ran at different times, with other heaps.
func printRatios(files []string) error {
	results := make(map[string]figures)
	for _, name := range files {
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		err = readBenchmarks(file, results)
		file.Close()
		if err != nil {
			return err
		}
	}
	for _, mode := range []string{"sequential", "parallel"} {
		printRequests(results, mode)
	}
	printAdded(results)
	printEntries(results)
	return nil
}

// readBenchmarks understands lines such as
//
//	BenchmarkRequest/bare/mode=sequential-2   100   267.3 ns/op   320 B/op
func readBenchmarks(r io.Reader, results map[string]figures) error {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		name := fields[0]
		if at := strings.LastIndexByte(name, '-'); at > strings.LastIndexByte(name, '=') {
			name = name[:at] // the number of cores
		}
		if results[name] == nil {
			results[name] = make(figures)
		}
		for i := 2; i+1 < len(fields); i += 2 {
			value, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				return fmt.Errorf("%q: %w", lines.Text(), err)
			}
			results[name][fields[i+1]] = append(results[name][fields[i+1]], value)
		}
	}
	return lines.Err()
}

func printRequests(results map[string]figures, mode string) {
	at := func(name, store string) figures {
		if store != "" {
			name += "/store=" + store
		}
		return results["BenchmarkRequest/"+name+"/mode="+mode]
	}
	bare := at("bare", "")
	if len(bare) == 0 {
		return
	}
	fmt.Printf("\n%s, median of %d\n\n| case | store | ns | allocations |\n|---|---|---|---|\n", mode, len(bare["ns/op"]))
	for _, name := range []string{
		"bare", "basicauth", "jwt-cookie", "bare-changing", "sessions-unread",
		"perimeter", "perimeter-changing", "perimeter-header", "perimeter-viewpass", "session-read",
	} {
		for _, store := range []string{"", "cookie", "memory", "redis", "gorm"} {
			if f := at(name, store); len(f) > 0 {
				fmt.Printf("| %s | %s | %.0f | %.0f |\n", name, store, median(f["ns/op"]), median(f["allocs/op"]))
			}
		}
	}
}

func printAdded(results map[string]figures) {
	fmt.Printf("\n| visitors | store | basicauth adds | gate adds | ratio | reading adds | times the gate |\n|---|---|---|---|---|---|---|\n")
	for _, visitors := range []string{"100", "10000"} {
		for _, store := range []string{"cookie", "memory", "redis", "gorm"} {
			if f := results["BenchmarkAdded/visitors="+visitors+"/store="+store]; len(f) > 0 {
				fmt.Printf("| %s | %s | %.0f | %.0f | %.2f | %.0f | %.0f |\n", visitors, store, median(f["ns-basicauth"]),
					median(f["ns-gate"]), median(f["gate/basicauth"]), median(f["ns-reading"]), median(f["reading/gate"]))
			}
		}
	}
}

func printEntries(results map[string]figures) {
	at := func(name string) []float64 { return results["BenchmarkEntry/"+name]["entries/s"] }
	if len(at("insert/sync=full")) == 0 {
		return
	}
	fmt.Printf("\n| SQLite, 50 at once | bare inserts/s | entries/s | ratio |\n|---|---|---|---|\n")
	for _, sync := range []string{"full", "normal"} {
		insert, gateway := median(at("insert/sync="+sync)), median(at("gateway/sync="+sync))
		fmt.Printf("| synchronous=%s | %.0f | %.0f | %.2f |\n", sync, insert, gateway, gateway/insert)
	}
}
