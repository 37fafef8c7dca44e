// Command example is a small site behind a perimeter: a home page, a report
// that signed links open, and the admin pages.
//
//	go run ./example
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/gin-gonic/gin"
)

// options are what the command line and the environment say.
type options struct {
	addr, database, redis    string
	siteURL                  string   // "": as it is served
	trustedProxies           []string // whose X-Forwarded-For is believed
	secretKey, adminPassword string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

// run is the program with its surroundings: it answers the exit status, 0
// after a clean shutdown, 1 when it failed and 2 for a wrong command line.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	o, err := parseOptions(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	o.secretKey, o.adminPassword = getenv("SECRET_KEY"), getenv("ADMIN_PASSWORD")
	gin.SetMode(gin.ReleaseMode)
	slog.SetDefault(slog.New(slog.NewTextHandler(stderr, nil)))
	if err := serve(ctx, o, stdout, stderr); err != nil {
		fmt.Fprintln(stderr, "example:", strings.Join(strings.Fields(err.Error()), " "))
		return 1
	}
	return 0
}

func parseOptions(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("example", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.addr, "addr", "127.0.0.1:8080", "address to serve on, `host:port`")
	flags.StringVar(&o.database, "database", "example.db", "`DSN` of the database: a file, sqlite:FILE, postgres://… or mysql://…")
	flags.StringVar(&o.redis, "redis", "", "`host:port` of a Redis that keeps sessions and attempt limits (default: sessions are cookies)")
	flags.StringVar(&o.siteURL, "url", "", "`URL` that visitors know the site by, behind a proxy; with https://, cookies are Secure (default: the address)")
	proxies := flags.String("trusted-proxies", "", "`addresses or networks` of the proxies in front, separated by commas (default: none; X-Forwarded-For is not believed)")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if *proxies != "" {
		o.trustedProxies = strings.Split(*proxies, ",")
	}
	if u, err := url.Parse(o.siteURL); err != nil || (o.siteURL != "" && (u.Host == "" || strings.Trim(u.Path, "/") != "")) {
		fmt.Fprintf(stderr, "example: -url is %q; write one such as https://preview.example.com\n", o.siteURL)
		return o, errors.New("usage")
	}
	o.siteURL = strings.TrimSuffix(o.siteURL, "/")
	if flags.NArg() > 0 {
		fmt.Fprintf(stderr, "example: unexpected argument %q; see -help\n", flags.Arg(0))
		return o, errors.New("usage")
	}
	return o, nil
}

// shutdownTimeout is how long requests may take to finish after a signal.
const shutdownTimeout = 10 * time.Second

func serve(ctx context.Context, o options, stdout, stderr io.Writer) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", o.addr)
	if err != nil {
		return listenError(o.addr, err)
	}
	defer listener.Close()
	site, err := newSite(ctx, o, cmp.Or(o.siteURL, siteURL(listener.Addr())), stderr)
	if err != nil {
		return err
	}
	defer site.close()
	server := &http.Server{
		Handler:           site.handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       2 * time.Minute,
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	site.announce(stdout)
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	return errors.Join(finish(server, stderr), within(shutdownTimeout, site.gate.Shutdown))
}

// finish lets requests that are under way end. One that does not is its
// client's fault, who may be sending a form for ever, and no failure.
func finish(server *http.Server, stderr io.Writer) error {
	err := within(shutdownTimeout, server.Shutdown)
	if errors.Is(err, context.DeadlineExceeded) {
		fmt.Fprintf(stderr, "example: cut off requests that did not end within %s\n", shutdownTimeout)
		return server.Close()
	}
	return err
}

func within(limit time.Duration, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return do(ctx)
}

func listenError(addr string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s is in use by another program; choose another address with -addr", addr)
	}
	return fmt.Errorf("can't serve on %s: %w; choose another address with -addr", addr, err)
}

// siteURL is how a browser on this machine reaches the address.
func siteURL(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return "http://" + addr.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}
