package e2e

import (
	"context"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// need skips the test, or fails it in CI, when something is not there.
func need(t testing.TB, what string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("no %s, which CI needs: %v", what, err)
	}
	t.Skipf("no %s here, skipped: %v", what, err)
}

// chromium finds the browser.
func chromium() (string, error) {
	var err error
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		var path string
		if path, err = exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", err
}

// flags keep the browser quiet: it asks nobody but the sites of the tests, and
// of other hosts it knows none, so that leaving the site ends at an error page.
func flags(path, profile string) []chromedp.ExecAllocatorOption {
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path),
		chromedp.UserDataDir(profile),
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("disable-extensions", true),
		chromedp.Flag("no-default-browser-check", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"),
		chromedp.Flag("lang", "en-GB"),
		chromedp.WSURLReadTimeout(time.Minute),
	}
	return options
}

// shared is the browser that most tests use, each in profiles of its own.
var shared struct {
	sync.Once
	ctx  context.Context
	stop func()
	err  error
}

// sharedBrowser starts the browser when it is first asked for.
func sharedBrowser(t testing.TB) context.Context {
	t.Helper()
	path, err := chromium()
	need(t, "Chromium", err)
	shared.Do(func() {
		var profile string
		if profile, shared.err = os.MkdirTemp("", "perimeter-e2e-"); shared.err != nil {
			return
		}
		var stop func()
		shared.ctx, stop = launch(path, profile)
		shared.stop = func() { stop(); os.RemoveAll(profile) }
		shared.err = chromedp.Run(shared.ctx)
	})
	if shared.err != nil {
		t.Fatalf("starting Chromium: %v", shared.err)
	}
	return shared.ctx
}

// launch prepares a browser with a profile of its own; it starts with the
// first action. stop ends it and waits for it.
func launch(path, profile string) (ctx context.Context, stop func()) {
	allocator, free := chromedp.NewExecAllocator(context.Background(), flags(path, profile)...)
	ctx, cancel := chromedp.NewContext(allocator, chromedp.WithErrorf(ignore))
	return ctx, func() {
		_ = chromedp.Cancel(ctx)
		cancel()
		free()
	}
}

// ignore drops what the driver says about events of browsers newer than it.
func ignore(string, ...any) {}
