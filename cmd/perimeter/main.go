// Command perimeter manages access tokens, their uses and viewpass links from
// a terminal or a script.
//
//	perimeter migrate --database postgres://app@db/site
//	perimeter token create --label "Acme preview" --expires 30d
//	perimeter use list --since 24h --csv
//
// It ends with status 0, with 1 after a failure, which is one line on stderr,
// and with 2 when it was called wrongly.
package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	slog.SetDefault(slog.New(slog.DiscardHandler)) // stderr is for one line
	status := run(ctx, os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// run is the whole program: it touches nothing of the process besides its
// arguments and the files that they name.
func run(ctx context.Context, args []string, env func(string) string, stdin io.Reader, stdout, stderr io.Writer) (status int) {
	a := &app{env: env, in: stdin, out: stdout, err: stderr}
	root := a.command()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return a.finish(root.ExecuteContext(ctx))
}
