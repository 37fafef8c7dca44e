package e2e

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// screen is what a page is looked at with.
type screen struct {
	name          string
	width, height int64
	scale         float64
	touch         bool
}

var (
	phone    = screen{"360", 360, 740, 1, true}
	fine     = screen{"360", 360, 740, 2, true} // a phone whose pictures are to be shown
	tablet   = screen{"768", 768, 1024, 1, true}
	notebook = screen{"1024", 1024, 700, 1, false}
	desktop  = screen{"1280", 1280, 800, 1, false}
	// zoomed is a desktop window at 400 % (WCAG 2.2, 1.4.10).
	zoomed = screen{"320", 320, 256, 1, false}
)

const phoneAgent = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36"

// patience is how long one step may take.
const patience = 30 * time.Second

// visitor is somebody with a browser: a tab with cookies of its own.
type visitor struct {
	t       testing.TB
	ctx     context.Context
	profile cdp.BrowserContextID
	origin  string // of the site: "http://127.0.0.1:8080"
	*hearing
}

// newVisitor opens a tab that shares nothing with others.
func newVisitor(t testing.TB, origin string, s screen) *visitor {
	t.Helper()
	running := sharedBrowser(t)
	tab, profile, err := newWindow(running)
	if err != nil {
		t.Fatalf("opening a window: %v", err)
	}
	ctx, cancel := chromedp.NewContext(running, chromedp.WithTargetID(tab))
	t.Cleanup(cancel)
	v := visit(t, ctx, origin, s)
	v.profile = profile
	return v
}

// newWindow opens a window with a profile of its own, which goes with its tab.
func newWindow(running context.Context) (target.ID, cdp.BrowserContextID, error) {
	ctx := toBrowser(running)
	profile, err := target.CreateBrowserContext().WithDisposeOnDetach(true).Do(ctx)
	if err != nil {
		return "", "", err
	}
	tab, err := target.CreateTarget("about:blank").WithBrowserContextID(profile).WithNewWindow(true).Do(ctx)
	return tab, profile, err
}

// toBrowser is for commands to the browser as a whole.
func toBrowser(ctx context.Context) context.Context {
	return cdp.WithExecutor(ctx, chromedp.FromContext(ctx).Browser)
}

// visit makes a visitor of a browser's tab.
func visit(t testing.TB, ctx context.Context, origin string, s screen) *visitor {
	t.Helper()
	v := &visitor{t: t, ctx: ctx, origin: origin, hearing: &hearing{}}
	chromedp.ListenTarget(ctx, v.listen)
	// the first action opens the tab, which must not end with its time
	if err := chromedp.Run(ctx, emulation.SetFocusEmulationEnabled(true)); err != nil {
		t.Fatalf("opening a tab: %v", err)
	}
	v.use(s)
	if s.touch {
		v.do(emulation.SetUserAgentOverride(phoneAgent))
	}
	return v
}

// use changes the screen.
func (v *visitor) use(s screen) {
	v.t.Helper()
	v.do(
		emulation.SetDeviceMetricsOverride(s.width, s.height, s.scale, s.touch),
		emulation.SetTouchEmulationEnabled(s.touch),
	)
}

func (v *visitor) scripts(on bool) {
	v.t.Helper()
	v.do(emulation.SetScriptExecutionDisabled(!on))
}

// do takes steps that stay on the page.
func (v *visitor) do(steps ...chromedp.Action) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	if err := chromedp.Run(ctx, steps...); err != nil {
		v.t.Fatalf("in the browser: %v\n%s", err, v.where())
	}
}

// follow takes steps that lead to another page, and waits for it.
func (v *visitor) follow(steps ...chromedp.Action) *network.Response {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	answer, err := chromedp.RunResponse(ctx, steps...)
	if err != nil {
		v.t.Fatalf("in the browser, on the way to another page: %v\n%s", err, v.where())
	}
	if answer == nil {
		v.t.Fatalf("no page came\n%s", v.where())
	}
	// a browser gives a field the focus with the first picture of the page,
	// which is later than the page itself, and before anybody can type
	for range 20 {
		var settled bool
		focus := chromedp.Evaluate(`!document.querySelector("[autofocus]") || document.activeElement !== document.body`, &settled)
		if err := chromedp.Run(ctx, focus); err != nil || settled {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	return answer
}

// where tells what the browser shows, for failures.
func (v *visitor) where() string {
	ctx, cancel := context.WithTimeout(v.ctx, 5*time.Second)
	defer cancel()
	var text string
	_ = chromedp.Run(ctx, chromedp.Evaluate(`document.location.href + "\n" + (document.body ? document.body.innerText : "")`, &text))
	return text
}

// open goes to an address, or a path of the site.
func (v *visitor) open(address string) *network.Response {
	v.t.Helper()
	return v.follow(chromedp.Navigate(v.absolute(address)))
}

func (v *visitor) absolute(address string) string {
	if strings.HasPrefix(address, "/") {
		return v.origin + address
	}
	return address
}

// press clicks the button or link that says words, which leads to a page.
func (v *visitor) press(words string) *network.Response {
	v.t.Helper()
	return v.follow(chromedp.Click(called(words), chromedp.BySearch))
}

// click clicks the button, link or summary that says words, on the same page.
func (v *visitor) click(words string) {
	v.t.Helper()
	v.do(chromedp.Click(called(words), chromedp.BySearch))
}

// called finds what can be clicked by its words.
func called(words string) string {
	return fmt.Sprintf(`//*[self::a or self::button or self::summary][normalize-space()=%q]`, words)
}

// labelled finds a field by the start of its label.
func labelled(label string) string {
	return fmt.Sprintf(`//*[@id=//label[starts-with(normalize-space(), %q)]/@for]`, label)
}

// fill puts a text into the field with that label, in the place of what is
// there, as pasting does.
func (v *visitor) fill(label, text string) {
	v.t.Helper()
	v.do(
		chromedp.Focus(labelled(label), chromedp.BySearch),
		chromedp.Evaluate(`document.activeElement.select()`, nil),
	)
	if text == "" {
		v.do(chromedp.KeyEvent(kb.Backspace))
	} else {
		v.do(input.InsertText(text))
	}
}

// choose ticks the box or radio whose label begins with words.
func (v *visitor) choose(words string) {
	v.t.Helper()
	v.do(chromedp.Click(fmt.Sprintf(`//label[starts-with(normalize-space(), %q)]`, words), chromedp.BySearch))
}

// value is what stands in a field.
func (v *visitor) value(label string) string {
	v.t.Helper()
	var text string
	v.do(chromedp.Value(labelled(label), &text, chromedp.BySearch))
	return text
}

// eval computes a text in the page.
func (v *visitor) eval(expression string) string {
	v.t.Helper()
	var text string
	v.do(chromedp.Evaluate(expression, &text))
	return text
}

// text is what the page shows.
func (v *visitor) text() string {
	v.t.Helper()
	return v.eval(`document.body.innerText`)
}

func (v *visitor) heading() string {
	v.t.Helper()
	return v.eval(`document.querySelector("h1") ? document.querySelector("h1").innerText : ""`)
}

func (v *visitor) address() *url.URL {
	v.t.Helper()
	u, err := url.Parse(v.eval(`location.href`))
	if err != nil {
		v.t.Fatal(err)
	}
	return u
}

// sees fails unless the page shows each of the texts.
func (v *visitor) sees(texts ...string) {
	v.t.Helper()
	page := strings.Join(strings.Fields(v.text()), " ")
	for _, text := range texts {
		if !strings.Contains(page, text) {
			v.t.Errorf("the page lacks %q:\n%s", text, v.where())
		}
	}
}

// seesNot fails when the page shows one of the texts.
func (v *visitor) seesNot(texts ...string) {
	v.t.Helper()
	page := strings.Join(strings.Fields(v.text()), " ")
	for _, text := range texts {
		if strings.Contains(page, text) {
			v.t.Errorf("the page must not show %q:\n%s", text, v.where())
		}
	}
}

// isAt fails unless the page was answered with that status at that path.
func (v *visitor) isAt(answer *network.Response, status int64, path string) {
	v.t.Helper()
	if answer.Status != status || v.address().Path != path {
		v.t.Fatalf("answered %d at %s, want %d at %s\n%s", answer.Status, v.address(), status, path, v.where())
	}
}

// enter fills in the gateway's form and sends it.
func (v *visitor) enter(token, name, email string) *network.Response {
	v.t.Helper()
	v.fill("Access token", token)
	v.fill("Your name", name)
	v.fill("Your email address", email)
	return v.press("Enter site")
}

// forget drops all cookies of this visitor.
func (v *visitor) forget() {
	v.t.Helper()
	v.do(network.ClearBrowserCookies())
}

// header is a header of an answer.
func header(answer *network.Response, name string) string {
	for key, value := range answer.Headers {
		if strings.EqualFold(key, name) {
			return fmt.Sprint(value)
		}
	}
	return ""
}

// download clicks what is called words and waits for the file that comes.
func (v *visitor) download(words string) (name, content string) {
	v.t.Helper()
	dir := v.t.TempDir()
	behavior := browser.SetDownloadBehavior(browser.SetDownloadBehaviorBehaviorAllow).WithBrowserContextID(v.profile).WithDownloadPath(dir)
	if err := behavior.Do(toBrowser(v.ctx)); err != nil {
		v.t.Fatal(err)
	}
	v.click(words)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		files, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil || len(files) != 1 || strings.HasSuffix(files[0], ".crdownload") {
			continue
		}
		if text, err := os.ReadFile(files[0]); err == nil && len(text) > 0 {
			return filepath.Base(files[0]), string(text)
		}
	}
	v.t.Fatalf("%q brought no file\n%s", words, v.where())
	return "", ""
}

// awaiting lets Evaluate wait for a promise.
func awaiting(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }
