package e2e

import (
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/gin-perimeter/gin-perimeter/models"
)

// mistake is a form with something wrong in it.
type mistake struct {
	name                 string
	token, person, email string
	wrong                []string // the fields that must be marked, by id, in their order
	says                 string   // at the first of them
}

func TestMistakesAtTheGateway(t *testing.T) {
	t.Parallel()
	site := startDemo(t)
	db := openDatabase(t, site.file)
	expired, row := makeToken(t, db, models.NewAccessToken{Label: "Expired"})
	at := expire(t, db, row)
	off, row := makeToken(t, db, models.NewAccessToken{Label: "Off"})
	if err := models.DeactivateAccessToken(t.Context(), db, row.ID); err != nil {
		t.Fatal(err)
	}
	v := newVisitor(t, site.origin, phone)
	for _, m := range []mistake{
		{"nothing typed", "", "", "", []string{"token", "name", "email"}, "Enter your access token"},
		{"no name", site.token, "", "mia@guest.example", []string{"name"}, "Enter your name"},
		{"no email address", site.token, "Mia", "", []string{"email"}, "Enter your email address"},
		{"an email address without a domain", site.token, "Mia", "mia@", []string{"email"}, "like name@example.com"},
		{"words for an email address", site.token, "Mia", "not an address", []string{"email"}, "like name@example.com"},
		{"a mistyped token", mistype(site.token), "Mia", "mia@guest.example", []string{"token"}, "looks mistyped"},
		{"an unknown token", models.GenerateToken(), "Mia", "mia@guest.example", []string{"token"}, "don't know this token"},
		{"an unknown token and no name", models.GenerateToken(), "", "mia@guest.example", []string{"token", "name"}, "don't know this token"},
		{"an expired token", expired, "Mia", "mia@guest.example", []string{"token"}, "expired on " + at.Format("2 January 2006")},
		{"a token that was switched off", off, "Mia", "mia@guest.example", []string{"token"}, "switched off"},
		{"markup as a token", `"><script>alert(1)</script>`, `<b>Mia</b>`, "mia@guest.example", []string{"token"}, "this token"},
	} {
		t.Run(m.name, func(t *testing.T) {
			v.t = t
			v.open("/report/?quarter=2")
			v.isAt(v.enter(m.token, m.person, m.email), 422, "/perimeter/gateway")
			v.marks(m)
			if next := v.address().Query().Get("next"); next != "/report/?quarter=2" {
				t.Errorf("next became %q", next)
			}
		})
	}
	v.t = t
	v.isQuiet()
	// from the page with the mistake one comes in where one wanted to go
	v.isAt(v.enter(site.token, "Mia", "mia@guest.example"), 200, "/report/")
}

// marks checks that the page says what is wrong, where, and lets one go on.
func (v *visitor) marks(m mistake) {
	v.t.Helper()
	if got := v.eval(`[...document.querySelectorAll("[aria-invalid=true]")].map(e => e.id).join()`); got != strings.Join(m.wrong, ",") {
		v.t.Errorf("marked are %q, want %q", got, m.wrong)
	}
	for _, id := range m.wrong {
		if v.description(id) == "" {
			v.t.Errorf("no sentence is tied to the field %s", id)
		}
	}
	if got := v.description(m.wrong[0]); !strings.Contains(got, m.says) {
		v.t.Errorf("at %s it says %q, want %q", m.wrong[0], got, m.says)
	}
	if got := v.eval(`document.activeElement.id`); got != m.wrong[0] {
		v.t.Errorf("the focus is on %q, want the first wrong field, %s", got, m.wrong[0])
	}
	if !v.seesFocus() {
		v.t.Error("the focus cannot be seen")
	}
	for label, want := range map[string]string{"Access token": m.token, "Your name": m.person, "Your email address": m.email} {
		if got := v.value(label); got != want {
			v.t.Errorf("%s holds %q, want %q as typed", label, got, want)
		}
	}
	if title := v.eval(`document.title`); !strings.HasPrefix(title, "Error: ") {
		v.t.Errorf("the title is %q, which does not say that something is wrong", title)
	}
	if got := v.eval(`[...document.querySelectorAll("#problem a")].map(a => a.hash.slice(1)).join()`); got != strings.Join(m.wrong, ",") {
		v.t.Errorf("the summary leads to %q, want %q", got, m.wrong)
	}
}

// description is the text tied to a field by aria-describedby.
func (v *visitor) description(id string) string {
	v.t.Helper()
	return v.eval(`(document.getElementById("` + id + `").getAttribute("aria-describedby") || "").split(" ")
		.map(id => document.getElementById(id)?.innerText ?? "").join(" ").trim()`)
}

// seesFocus tells whether what has the focus shows it: by an outline, or by
// more than a hair of colour around it.
func (v *visitor) seesFocus() bool {
	v.t.Helper()
	return v.eval(`(() => {
		const e = document.activeElement, s = getComputedStyle(e);
		return String(e !== document.body && e.matches(":focus-visible") && s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2);
	})()`) == "true"
}

// mistype changes one character of a token for another that tokens may have.
func mistype(token string) string {
	if token[0] == 'A' {
		return "B" + token[1:]
	}
	return "A" + token[1:]
}

func TestTooManyWrongTokens(t *testing.T) {
	t.Parallel()
	site := startDemo(t)
	v := newVisitor(t, site.origin, phone)
	v.open("/")
	for i := range 10 {
		v.isAt(v.enter(models.GenerateToken(), "Gerd Guess", "gerd@guest.example"), 422, "/perimeter/gateway")
		if t.Failed() {
			t.Fatalf("at wrong token %d", i+1)
		}
	}
	wrong := models.GenerateToken()
	answer := v.enter(wrong, "Gerd Guess", "gerd@guest.example")
	v.isAt(answer, 429, "/perimeter/gateway")
	if wait, err := strconv.Atoi(header(answer, "Retry-After")); err != nil || wait < 1 || wait > 900 {
		t.Errorf("Retry-After is %q", header(answer, "Retry-After"))
	}
	v.sees("Too many wrong tokens were tried. Try again in")
	if got := v.eval(`document.activeElement.id`); got != "problem" {
		t.Errorf("the focus is on %q, want what is said about the form", got)
	}
	for label, want := range map[string]string{"Access token": wrong, "Your name": "Gerd Guess", "Your email address": "gerd@guest.example"} {
		if got := v.value(label); got != want {
			t.Errorf("%s holds %q, want %q as typed", label, got, want)
		}
	}
	v.isQuiet()
	// whoever holds a token is not locked out
	v.isAt(v.enter(site.token, "Gerd Guess", "gerd@guest.example"), 200, "/")
}

func TestByKeyboardAlone(t *testing.T) {
	t.Parallel()
	site := startDemo(t)
	v := newVisitor(t, site.origin, desktop)
	v.open("/report/")
	// the token has the focus when the page opens; what follows is the order of reading
	for i, want := range []string{"token", "name", "email", "Enter site", "preview@northwind.example"} {
		if i > 0 {
			v.do(chromedp.KeyEvent(kb.Tab))
		}
		if got := v.focused(); got != want {
			t.Errorf("stop %d of the Tab key is %q, want %q", i, got, want)
		}
		if !v.seesFocus() {
			t.Errorf("the focus on %s cannot be seen", want)
		}
	}
	v.open("/report/")
	v.do(chromedp.KeyEvent(site.token), chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent("Kim Keys"), chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent("kim@"))
	v.isAt(v.follow(chromedp.KeyEvent(kb.Enter)), 422, "/perimeter/gateway")
	if got := v.focused(); got != "email" {
		t.Errorf("after a mistake the focus is on %q, want email", got)
	}
	v.do(chromedp.KeyEvent(kb.End), chromedp.KeyEvent("guest.example"))
	v.isAt(v.follow(chromedp.KeyEvent(kb.Enter)), 200, "/report/")

	site.signIn(v)
	v.do(chromedp.KeyEvent(kb.Tab))
	if got := v.focused(); got != "Skip to the content" || !v.seesFocus() {
		t.Errorf("the first stop in the admin is %q", got)
	}
	for _, want := range []string{"Overview", "Tokens", "Uses", "Links", "New token"} {
		v.do(chromedp.KeyEvent(kb.Tab))
		if got := v.focused(); got != want || !v.seesFocus() {
			t.Errorf("the focus is on %q, want it seen on %q", got, want)
		}
	}
	v.isAt(v.follow(chromedp.KeyEvent(kb.Enter)), 200, "/perimeter/admin/tokens/new")
	v.isQuiet()
}

// focused names what has the focus by its id, or its words.
func (v *visitor) focused() string {
	v.t.Helper()
	return v.eval(`document.activeElement.id || document.activeElement.innerText.trim()`)
}
