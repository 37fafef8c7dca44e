// Command loadtest measures the gate from outside: real servers in processes
// of their own, asked by wrk over the loopback interface.
//
//	go run ./internal/loadtest http      the gate against bare Gin and others
//	go run ./internal/loadtest revoke    how long a revoked token still opens, at full load
//	go run ./internal/loadtest ratios FILE…    medians and ratios of Go benchmarks
//
// It needs wrk (apt-get install wrk), and for some parts Redis, at
// PERIMETER_TEST_REDIS or 127.0.0.1:6379.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: loadtest http | revoke | ratios FILE…")
		os.Exit(2)
	}
	if err := run(ctx, os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "loadtest:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, command string, args []string) error {
	switch command {
	case "http":
		return compare(ctx, args)
	case "revoke":
		return revoke(ctx, args)
	case "ratios":
		return printRatios(args)
	case "serve": // what the others start
		return serve(ctx, args)
	}
	return fmt.Errorf("no command %q; there are http, revoke and ratios", command)
}
