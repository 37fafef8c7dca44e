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

// cpuTime is the processor time that the process has used, as Linux counts it,
// in hundredths of a second (proc_pid_stat(5): utime and stime).
func (p *process) cpuTime() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.command.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // the name may have spaces
	fields := strings.Fields(rest)
	var ticks int
	for _, field := range fields[11:13] {
		n, err := strconv.Atoi(field)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / 100, nil
}

// load is what wrk measured, and what it cost the site.
type load struct {
	requests  int
	perSecond float64
	cpu       time.Duration
	p99       time.Duration
	failed    int
}

// wrk asks for pages as fast as it can, with the cookies in turn.
func (p *process) wrk(ctx context.Context, script string, connections int, d time.Duration) (load, error) {
	before, err := p.cpuTime()
	if err != nil {
		return load{}, err
	}
	out, err := exec.CommandContext(ctx, "wrk", "-t", "1", "-c", strconv.Itoa(connections),
		"-d", strconv.Itoa(int(d.Seconds()))+"s", "--latency", "-s", script, p.url+"/page").CombinedOutput()
	if err != nil {
		return load{}, fmt.Errorf("wrk: %w\n%s", err, out)
	}
	l, err := readWrk(string(out))
	if err != nil {
		return load{}, err
	}
	after, err := p.cpuTime()
	l.cpu = after - before
	return l, err
}

// cpuPerRequest is in microseconds.
func (l load) cpuPerRequest() float64 {
	return float64(l.cpu.Microseconds()) / float64(l.requests)
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
		if fields[1] == "requests" { // "330124 requests in 5.00s, …"
			l.requests, err = strconv.Atoi(fields[0])
		}
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
	if l.requests == 0 || l.perSecond == 0 || l.p99 == 0 {
		return l, fmt.Errorf("wrk's report has no figures:\n%s", out)
	}
	return l, nil
}
