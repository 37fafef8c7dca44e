package e2e

import (
	"os"
	"path/filepath"
	"testing"
)

// Settings of a profile: cookies of no site are kept, and of every site.
const (
	blocked = `{"profile":{"default_content_setting_values":{"cookies":2}}}`
	allowed = `{"profile":{"default_content_setting_values":{"cookies":1}}}`
)

// TestBrowserThatKeepsNoCookies uses browsers of its own: what a browser keeps
// is decided when it starts.
func TestBrowserThatKeepsNoCookies(t *testing.T) {
	t.Parallel()
	site := startDemo(t)
	v := visitorWith(t, site.origin, blocked)
	v.open("/")
	v.isAt(v.enter(site.token, "Cora Cookieless", "cora@guest.example"), 422, "/perimeter/gateway")
	v.sees("did not keep this site's cookie", "Your token has not been used")
	if got := v.eval(`document.activeElement.id`); got != "problem" {
		t.Errorf("the focus is on %q, want the explanation", got)
	}
	for label, want := range map[string]string{"Access token": site.token, "Your name": "Cora Cookieless", "Your email address": "cora@guest.example"} {
		if got := v.value(label); got != want {
			t.Errorf("%s holds %q, want what was typed", label, got)
		}
	}
	v.isQuiet()

	v = visitorWith(t, site.origin, allowed)
	v.open("/")
	v.isAt(v.enter(site.token, "Cora Cookieless", "cora@guest.example"), 200, "/")
	v.sees("Welcome, Cora Cookieless")
	site.signIn(v)
	v.press("Tokens")
	if got := v.eval(`document.querySelector("tbody .num").innerText`); got != "1" {
		t.Errorf("the token was used %s times, want 1: the attempt without cookies does not count", got)
	}
}

// visitorWith starts a browser with settings of its own.
func visitorWith(t *testing.T, origin, settings string) *visitor {
	t.Helper()
	path, err := chromium()
	need(t, "Chromium", err)
	profile := t.TempDir()
	if err := os.MkdirAll(filepath.Join(profile, "Default"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(profile, "Default", "Preferences"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := launch(path, profile)
	t.Cleanup(stop)
	return visit(t, ctx, origin, phone)
}
