package e2e

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// built is the demo's program, built once.
var built struct {
	sync.Once
	dir, path string
	err       error
}

func buildDemo() (string, error) {
	built.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "perimeter-demo-"); built.err != nil {
			return
		}
		built.path = filepath.Join(built.dir, "demo")
		build := exec.Command("go", "build", "-o", built.path, "./example")
		build.Dir = ".."
		if out, err := build.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("%w\n%s", err, out)
		}
	})
	return built.path, built.err
}

// demo is a running demo site.
type demo struct {
	t        testing.TB
	origin   string
	token    string // "" when the database had one already
	admin    string // the address of its admin pages
	password string
	link     string
	key      []byte
	file     string // its database
	log      *lines
}

// startDemo runs the demo on a database of its own until the test ends.
func startDemo(t testing.TB) *demo {
	t.Helper()
	d := &demo{t: t, key: make([]byte, 32), file: filepath.Join(t.TempDir(), "demo.db"), log: &lines{}}
	_, _ = rand.Read(d.key)
	d.start()
	return d
}

func (d *demo) start() {
	d.t.Helper()
	path, err := buildDemo()
	if err != nil {
		d.t.Fatalf("building the demo: %v", err)
	}
	cmd := exec.Command(path, "-addr", "127.0.0.1:0", "-database", d.file)
	cmd.Env = append(os.Environ(), "SECRET_KEY="+base64.StdEncoding.EncodeToString(d.key), "ADMIN_PASSWORD=", "PERIMETER_ENABLED=")
	cmd.Stderr = d.log
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		d.t.Fatalf("starting the demo: %v", err)
	}
	d.t.Cleanup(func() { d.stop(cmd) })
	if err := d.readAnnouncement(stdout); err != nil {
		d.t.Fatalf("the demo did not announce itself: %v\n%s", err, d.log)
	}
}

// readAnnouncement reads what the demo prints for a newcomer.
func (d *demo) readAnnouncement(stdout io.Reader) error {
	scanner := bufio.NewScanner(stdout)
	for scanner.Scan() {
		name, rest, _ := strings.Cut(scanner.Text(), " ")
		switch name {
		case "site":
			d.origin = strings.TrimSuffix(rest, "/")
		case "token":
			d.token = rest
		case "admin":
			d.admin, rest, _ = strings.Cut(rest, " ")
			d.password = rest[strings.LastIndex(rest, " ")+1:]
		case "viewpass":
			d.link = rest
			go func() { _, _ = io.Copy(io.Discard, stdout) }()
			return nil
		}
	}
	return errors.Join(io.ErrUnexpectedEOF, scanner.Err())
}

// stop ends the demo as an operator does, and expects a clean end.
func (d *demo) stop(cmd *exec.Cmd) {
	_ = cmd.Process.Signal(syscall.SIGTERM)
	timer := time.AfterFunc(15*time.Second, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	if err := cmd.Wait(); err != nil {
		d.t.Errorf("the demo ended with %v\n%s", err, d.log)
	}
	if d.token != "" && strings.Contains(d.log.String(), d.token) {
		d.t.Error("the demo's log has the token")
	}
}

// signIn opens the admin pages, giving name and password as a browser does.
func (d *demo) signIn(v *visitor) {
	d.t.Helper()
	u, err := url.Parse(d.admin)
	if err != nil {
		d.t.Fatal(err)
	}
	u.User = url.UserPassword("admin", d.password)
	v.open(u.String())
	v.isAt(v.open(d.admin), 200, "/perimeter/admin/")
}

// lines is a log that can be read while it is written.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
