package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a served site in a process of its own.
type process struct {
	url     string
	command *exec.Cmd
}

func start(ctx context.Context, variant, store, dsn string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	command := exec.CommandContext(ctx, self, "serve", "-variant", variant, "-store", store, "-database", dsn)
	command.Stderr = os.Stderr
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("the site %s %s did not start: %w", variant, store, err)
	}
	return &process{url: "http://" + strings.TrimSpace(address), command: command}, nil
}

func (p *process) stop() {
	_ = p.command.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	_ = p.command.Wait()
}

// status asks for a page as a visitor with that cookie.
func (p *process) status(ctx context.Context, cookie string) (int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/page", nil)
	if err != nil {
		return 0, err
	}
	r.Header.Set("Cookie", cookie)
	r.SetBasicAuth("preview", password)
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

// queries is how many statements the site has sent to its database.
func (p *process) queries() (int, error) {
	response, err := http.Get(p.url + "/queries")
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(body))
}

// load is what wrk measured.
type load struct {
	perSecond float64
	p99       time.Duration
	failed    int
}

// wrk asks for pages as fast as it can, with the cookies in turn.
func (p *process) wrk(ctx context.Context, script string, connections int, d time.Duration) (load, error) {
	out, err := exec.CommandContext(ctx, "wrk", "-t", "1", "-c", strconv.Itoa(connections),
		"-d", strconv.Itoa(int(d.Seconds()))+"s", "--latency", "-s", script, p.url+"/page").CombinedOutput()
	if err != nil {
		return load{}, fmt.Errorf("wrk: %w\n%s", err, out)
	}
	return readWrk(string(out))
}

// readWrk takes the figures from wrk's report.
func readWrk(out string) (load, error) {
	var l load
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		var err error
		switch fields[0] {
		case "Requests/sec:":
			l.perSecond, err = strconv.ParseFloat(fields[1], 64)
		case "99%":
			l.p99, err = time.ParseDuration(fields[1])
		case "Non-2xx":
			l.failed, err = strconv.Atoi(fields[len(fields)-1])
		}
		if err != nil {
			return l, fmt.Errorf("wrk's report: %w in %q", err, line)
		}
	}
	if l.perSecond == 0 || l.p99 == 0 {
		return l, fmt.Errorf("wrk's report has no figures:\n%s", out)
	}
	return l, nil
}
