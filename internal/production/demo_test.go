//go:build unix

package production_test

import (
	"bufio"
	"bytes"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// secret is the key that all instances of a test share.
const secret = "SECRET_KEY=YSBrZXkgZm9yIHRlc3RzIHRoYXQgaGFzIDMyIGJ5dGVz"

// instance is one process of the demo.
type instance struct {
	url, token, viewpass string

	cmd  *exec.Cmd
	log  logBuffer
	done chan struct{} // closed when the process has ended
	err  error
}

// start runs the demo and waits until it serves.
func start(t testing.TB, args ...string) *instance {
	t.Helper()
	i := launch(t, args...)
	if i.url == "" {
		<-i.done
		t.Fatalf("the demo did not start: %v\n%s", i.err, i.log.text())
	}
	return i
}

// launch runs the demo until it has printed all, or ended.
func launch(t testing.TB, args ...string) *instance {
	t.Helper()
	return launchWith(t, []string{secret, "ADMIN_PASSWORD=for tests"}, args...)
}

func launchWith(t testing.TB, env []string, args ...string) *instance {
	t.Helper()
	program, err := demo()
	if err != nil {
		t.Fatal(err)
	}
	i := &instance{cmd: exec.Command(program, append([]string{"-addr", "127.0.0.1:0"}, args...)...), done: make(chan struct{})}
	i.cmd.Env = append(os.Environ(), env...)
	i.cmd.Dir = t.TempDir()
	i.cmd.Stderr = &i.log
	stdout, err := i.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := i.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		i.kill()
		if t.Failed() {
			t.Logf("log of the demo at %s:\n%s", i.url, i.log.tail(20))
		}
	})
	i.read(bufio.NewScanner(stdout))
	go func() {
		i.err = i.cmd.Wait()
		close(i.done)
	}()
	return i
}

func (i *instance) read(lines *bufio.Scanner) {
	for i.viewpass == "" && lines.Scan() {
		what, rest, _ := strings.Cut(lines.Text(), " ")
		switch what {
		case "site":
			i.url = strings.TrimSuffix(rest, "/")
		case "token":
			i.token = rest
		case "viewpass":
			i.viewpass = rest
		}
	}
}

// stop asks the demo to shut down, and wants a clean end.
func (i *instance) stop(t testing.TB) {
	t.Helper()
	if err := i.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-i.done:
	case <-time.After(20 * time.Second):
		t.Fatal("the demo did not shut down within 20 s of SIGTERM")
	}
	if i.err != nil {
		t.Errorf("the demo ended with %v after SIGTERM, want exit status 0\n%s", i.err, i.log.tail(10))
	}
}

// kill ends the process as kill -9 does.
func (i *instance) kill() {
	if err := i.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		panic(err)
	}
	<-i.done
}

// alive tells whether the process still runs, and wants no panic in its log.
func (i *instance) wantAlive(t testing.TB) {
	t.Helper()
	select {
	case <-i.done:
		t.Errorf("the demo ended: %v", i.err)
	default:
	}
	if text := i.log.text(); strings.Contains(text, "panic") {
		t.Errorf("the demo panicked:\n%s", i.log.tail(40))
	}
}

// address is the instance's host and port.
func (i *instance) address() string { return strings.TrimPrefix(i.url, "http://") }

// path is a link's path and query, to open it elsewhere.
func path(t testing.TB, link string) string {
	t.Helper()
	return must[*url.URL](t)(url.Parse(link)).RequestURI()
}

// logBuffer keeps what a process writes.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *logBuffer) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *logBuffer) tail(n int) string {
	lines := strings.Split(strings.TrimSpace(l.text()), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// lines are the lines of an event, such as "perimeter.away", about something.
func (l *logBuffer) lines(event, what string) []string {
	var found []string
	for line := range strings.SplitSeq(l.text(), "\n") {
		if strings.Contains(line+" ", "event="+event+" ") && strings.Contains(line, what) {
			found = append(found, line)
		}
	}
	return found
}

func (l *logBuffer) want(t testing.TB, event, what string, count int) {
	t.Helper()
	if lines := l.lines(event, what); len(lines) != count {
		t.Errorf("%d lines of %s about %q, want %d:\n%s", len(lines), event, what, count, strings.Join(lines, "\n"))
	}
}
