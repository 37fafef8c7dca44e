package e2e

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// listed are hostile targets shared with other tests, one JSON string a line.
const listed = "../internal/hostile/testdata/next.txt"

// nasty are targets that have led visitors off a site somewhere. What is no
// target of this site must become "/" or stay on it; where a visitor ends up
// is for the browser to say.
var nasty = []string{
	"//evil.example", "///evil.example", "////evil.example/%2e%2e", "//evil.example/..", "/\\evil.example", "\\/evil.example",
	"\\\\evil.example", "/\\/evil.example", "/\t/evil.example", "/\n/evil.example", "/\r/evil.example", "\t//evil.example",
	" //evil.example", "//\tevil.example", "/%09/evil.example", "/%0a/evil.example", "/%5cevil.example", "/%2f/evil.example",
	"/%2fevil.example", "/.//evil.example", "/..//evil.example", "/./\\evil.example", "/x/..//evil.example", "/x/../..//evil.example",
	"/%2e%2e//evil.example", "/x/%2e%2e//evil.example", "/;//evil.example", "http://evil.example", "https:evil.example", "https:/evil.example",
	"http:\\\\evil.example", "HTTP://EVIL.EXAMPLE", "http:///evil.example", "//127.0.0.1@evil.example", "http://127.0.0.1@evil.example", "//evil.example#@127.0.0.1",
	"javascript:location='//evil.example'", "data:text/html,<script>location='//evil.example'</script>", "vbscript:x", "//evil%E3%80%82example", "//evil。example", "/\u2028/evil.example",
	"/\u00a0/evil.example", "/\ufeff/evil.example", "/／evil.example", "／／evil.example", "/%ef%bc%8fevil.example", "//[::1]", "//0", "//2130706434", "/\x00/evil.example", "/perimeter/leave", "/perimeter/gateway?next=//evil.example",
	"?next=//evil.example", "#//evil.example", "evil.example", ".evil.example", "@evil.example", ":80//evil.example", "/report/?next=//evil.example#//evil.example",
}

// TestNextNeverLeavesTheSite comes in with each of them, and judges by where
// the browser is then and whom it asked on the way.
func TestNextNeverLeavesTheSite(t *testing.T) {
	t.Parallel()
	site := startDemo(t)
	v := newVisitor(t, site.origin, desktop)
	v.open("/")
	v.enter(site.token, "Ned Next", "ned@guest.example")
	for _, next := range nasty {
		v.followsNext("/perimeter/gateway?next=" + url.QueryEscape(next))
		if !strings.ContainsAny(next, "#&\x00") { // as it is, where an address can hold it
			v.followsNext("/perimeter/gateway?next=" + next)
		}
	}
	// strangers who ask for such a page get its address as next by the site itself
	for _, path := range []string{"//evil.example", "//evil.example/report/", "/.//evil.example", "/%5cevil.example", "/%2f%2fevil.example", "/x//..//evil.example"} {
		v.forget()
		v.open(path)
		if strings.HasPrefix(v.address().Path, "/perimeter/gateway") {
			v.enter(site.token, "Ned Next", "ned@guest.example")
		}
		v.isStillHere(path)
	}
}

// followsNext opens the gateway as somebody who is inside, looks where its
// button leads, and goes on by entering the token again.
func (v *visitor) followsNext(address string) {
	v.t.Helper()
	v.open(address)
	if got := v.eval(`document.querySelector("main .button").origin`); got != v.origin {
		v.t.Errorf("%q: the button leads to %q", address, got)
	}
	v.follow(chromedp.Evaluate(`document.querySelector("form[action*=gateway]").requestSubmit()`, nil))
	v.isStillHere(address)
}

func (v *visitor) isStillHere(address string) {
	v.t.Helper()
	if got := v.eval(`location.origin`); got != v.origin {
		v.t.Errorf("%q led to %s", address, got)
	}
	for _, r := range v.requests() {
		if u, err := url.Parse(r.URL); err != nil || u.Scheme+"://"+u.Host != v.origin {
			v.t.Errorf("%q made the browser ask for %s", address, r.URL)
		}
	}
}

// followAll tries many values without showing a page for each: the browser
// resolves the gateway's button, and follows the answer to the form. It gives
// back what led elsewhere.
const followAll = `(async (values, token) => {
	const wrong = [];
	await Promise.all(values.map(async (next) => {
		const gateway = "/perimeter/gateway?next=" + encodeURIComponent(next);
		const page = new DOMParser().parseFromString(await (await fetch(gateway)).text(), "text/html");
		const button = new URL(page.querySelector("main .button").getAttribute("href"), location.href);
		if (button.origin !== location.origin) wrong.push("button: " + next);
		try {
			const body = new URLSearchParams({token, name: "Ned Next", email: "ned@guest.example"});
			const answer = await fetch(gateway, {method: "POST", body});
			if (!answer.redirected || new URL(answer.url).origin !== location.origin) wrong.push("form: " + next);
		} catch (e) {
			wrong.push("form: " + next + ": " + e);
		}
	}));
	return wrong.join("\n");
})(%s, %q)`

func TestListedNextNeverLeavesTheSite(t *testing.T) {
	t.Parallel()
	values := readListed(t)
	site := startDemo(t)
	v := newVisitor(t, site.origin, desktop)
	v.open("/")
	v.enter(site.token, "Ned Next", "ned@guest.example")
	for chunk := range slices.Chunk(values, 50) {
		if wrong := v.ledAway(chunk, site.token); wrong != "" {
			t.Errorf("these led elsewhere:\n%s", wrong)
		}
	}
	for _, r := range v.requests() {
		if u, err := url.Parse(r.URL); err != nil || u.Scheme+"://"+u.Host != v.origin {
			t.Errorf("the browser asked for %s", r.URL)
		}
	}
}

// ledAway names those of the values that lead off the site.
func (v *visitor) ledAway(values []string, token string) string {
	v.t.Helper()
	list, err := json.Marshal(values)
	if err != nil {
		v.t.Fatal(err)
	}
	var wrong string
	v.do(chromedp.Evaluate(fmt.Sprintf(followAll, list, token), &wrong, awaiting))
	return wrong
}

// TestNextCheckFindsOpenRedirects makes sure that the check of the list sees a
// gateway that believes every next.
func TestNextCheckFindsOpenRedirects(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next := r.URL.Query().Get("next")
		w.Header().Set("Content-Type", "text/html")
		if r.Method == http.MethodPost {
			w.Header().Set("Location", next)
			w.WriteHeader(http.StatusSeeOther)
			return
		}
		fmt.Fprintf(w, `<main><a class="button" href="%s">Go on</a></main>`, html.EscapeString(next))
	}))
	t.Cleanup(server.Close)
	v := newVisitor(t, server.URL, desktop)
	v.open("/")
	wrong := v.ledAway([]string{"/report/", "//evil.example/"}, "token")
	if !strings.Contains(wrong, "button: //evil.example/") || !strings.Contains(wrong, "form: //evil.example/") || strings.Contains(wrong, "/report/") {
		t.Errorf("found %q", wrong)
	}
}

// readListed reads the shared list.
func readListed(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(listed)
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		var value string
		if err := json.Unmarshal([]byte(line), &value); err != nil {
			t.Fatalf("%s: %s: %v", listed, line, err)
		}
		values = append(values, value)
	}
	if len(values) < 100 {
		t.Fatalf("%s has only %d values", listed, len(values))
	}
	return values
}
