package e2e

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/gin-perimeter/gin-perimeter/ginperimeter"
	"github.com/gin-perimeter/gin-perimeter/models"
	"github.com/gin-perimeter/gin-perimeter/templates"
)

func TestGatewayPages(t *testing.T) {
	t.Parallel()
	needAxe(t)
	site := startDemo(t)
	expired, row := makeToken(t, openDatabase(t, site.file), models.NewAccessToken{Label: "Expired"})
	expire(t, openDatabase(t, site.file), row)

	v := newVisitor(t, site.origin, desktop)
	v.open("/")
	v.look("gateway")
	v.enter("", "", "")
	v.look("gateway-nothing-typed")
	v.enter(mistype(site.token), "Pia", "pia@")
	v.look("gateway-mistyped")
	v.enter(expired, "Pia", "pia@guest.example")
	v.look("gateway-expired")
	v.open(linkMade(t, site.key, site.origin, "/report/", 3*time.Hour))
	v.look("gateway-expired-link")
	v.forget()
	v.enter(site.token, "Pia", "pia@guest.example")
	v.look("gateway-no-cookies")
	v.open("/#token=" + site.token)
	v.look("gateway-invited")
	for range 11 {
		v.enter(models.GenerateToken(), "Pia", "pia@guest.example")
	}
	v.look("gateway-too-many")
	v.enter(site.token, "Pia", "pia@guest.example")
	v.look("home")
	v.open("/report/")
	v.look("report")
	v.open("/perimeter/gateway?next=/report/")
	v.look("gateway-inside")
	v.click("Enter another token")
	v.look("gateway-inside-open")
	v.enter("", "Pia", "pia@guest.example")
	v.look("gateway-inside-mistake")
	v.forget()
	v.open(site.link)
	v.look("report-by-link")
}

func TestGatewayPagesOfOtherHosts(t *testing.T) {
	t.Parallel()
	needAxe(t)
	long := startHost(t, func(config *ginperimeter.Config) {
		config.TokenOnly = true
		config.Look = templates.Look{
			SiteName: "Donaudampfschifffahrtsgesellschaft Vorschau", Accent: "#ffdd00",
			Help: "No token? Write to a-very-long-address-for-a-help-desk@subdomain.northwind.example, or see https://www.northwind.example/help/getting/a/token.",
		}
	})
	v := newVisitor(t, long.origin, desktop)
	v.open("/")
	v.look("gateway-token-only")
	v.press("Enter site")
	v.look("gateway-token-only-mistake")

	away := startHost(t, func(config *ginperimeter.Config) { config.StaleFor = -1 })
	token, _ := away.token("Preview")
	inside := newVisitor(t, away.origin, desktop)
	inside.open("/")
	inside.isAt(inside.enter(token, "Ida Inside", "ida@guest.example"), 200, "/")
	v = newVisitor(t, away.origin, desktop)
	v.open("/")
	pool, err := away.db.DB()
	if err != nil {
		t.Fatal(err)
	}
	pool.Close()
	v.isAt(v.enter(models.GenerateToken(), "Pia", "pia@guest.example"), 503, "/perimeter/gateway")
	v.sees("can't be checked at the moment", "Nothing is lost")
	v.look("gateway-database-away")
	away.signIn(v, "/admin/tokens")
	v.sees("The database does not answer")
	v.look("admin-database-away")
	answer := inside.open("/")
	for deadline := time.Now().Add(patience); answer.Status == 200 && time.Now().Before(deadline); answer = inside.open("/") {
		time.Sleep(500 * time.Millisecond) // what was verified just now still counts
	}
	inside.isAt(answer, 503, "/")
	inside.look("notice-database-away")
}

func TestNotices(t *testing.T) {
	t.Parallel()
	needAxe(t)
	shop := startHost(t, nil)
	v := newVisitor(t, shop.origin, desktop)
	link := func(ago time.Duration) string { return linkMade(t, shop.key, shop.origin, "/open/report/", ago) }

	v.isAt(v.open(link(3*time.Hour)), 410, "/open/report/")
	v.look("notice-expired-link")
	v.isAt(v.open(link(0)[:len(link(0))-4]), 403, "/open/report/")
	v.look("notice-damaged-link")
	v.isAt(v.open("/open/report/"), 403, "/open/report/")
	v.look("notice-not-public")
	v.isAt(v.open("/perimeter/leave"), 405, "/perimeter/leave")
	v.look("notice-method")
	v.open("/open/form/")
	v.isAt(v.press("Send"), 401, "/save")
	v.sees("Enter your access token first")
	v.look("notice-form-lost")
	v.isAt(v.press("Enter site"), 200, "/perimeter/gateway")

	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(`<link rel="icon" href="data:,"><title>Evil</title><form method="post" action="` + shop.origin + `/perimeter/gateway"><button>Send</button></form>`))
	}))
	t.Cleanup(other.Close)
	v.open(strings.Replace(other.URL, "127.0.0.1", "localhost", 1))
	v.requests() // the other site's own page
	v.isAt(v.press("Send"), 403, "/perimeter/gateway")
	v.look("notice-foreign-form")
}

// TestAdminPages looks at the pages as they are after a month, with extremes.
func TestAdminPages(t *testing.T) {
	t.Parallel()
	needAxe(t)
	site := startDemo(t)
	db := openDatabase(t, site.file)
	seed(t, db)
	seedExtremes(t, db)
	v := newVisitor(t, site.origin, desktop)
	v.open("/")
	v.enter(site.token, "Olga Owner", "olga@northwind.example")
	site.signIn(v)
	v.look("admin-overview")
	v.click("Numbers as a table")
	v.look("admin-overview-numbers")

	v.open("/perimeter/admin/tokens")
	v.look("admin-tokens")
	v.fill("Search", "no such label")
	v.press("Show")
	v.look("admin-tokens-none")
	v.open("/perimeter/admin/tokens?tick=all")
	v.press("Deactivate")
	v.look("admin-tokens-deactivate")

	for name, label := range map[string]string{"admin-token": "Acme preview", "admin-token-unused": "Design review", "admin-token-spread": "Passed on", "admin-token-expired": "Spring fair"} {
		v.open("/perimeter/admin/tokens")
		v.press(label)
		v.look(name)
	}
	v.open("/perimeter/admin/tokens")
	v.follow(chromedp.Click(`//a[starts-with(., "Donaudampf")]`, chromedp.BySearch))
	v.look("admin-token-long")
	v.press("Edit")
	v.look("admin-token-edit")
	v.open(strings.Replace(v.address().String(), "/edit", "/delete", 1))
	v.look("admin-token-delete")

	v.open("/perimeter/admin/uses")
	v.look("admin-uses")
	v.open("/perimeter/admin/uses?token_id=x&address=nowhere&since=2026-12-01&until=2026-11-01")
	v.look("admin-uses-mistakes")
	v.open("/perimeter/admin/uses?person=nobody")
	v.look("admin-uses-none")
	v.open("/perimeter/admin/tokens/999999")
	v.look("admin-nothing-here")
}

// TestAdminForms looks at the pages that change something.
func TestAdminForms(t *testing.T) {
	t.Parallel()
	needAxe(t)
	site := startDemo(t)
	v := newVisitor(t, site.origin, desktop)
	v.open("/")
	v.enter(site.token, "Olga Owner", "olga@northwind.example")
	site.signIn(v)

	v.press("New token")
	v.look("admin-token-new")
	v.fill("Name", "Grace Hopper")
	v.fill("Number of entries", "some")
	v.choose("On a date")
	v.click("Choose the token’s text yourself")
	v.fill("Token", "short")
	v.press("Create token")
	v.look("admin-token-new-mistakes")
	v.open("/perimeter/admin/tokens/new")
	v.fill("Label", "Guest preview")
	v.press("Create token")
	v.look("admin-token-made")
	v.click("QR code for a phone")
	v.look("admin-token-made-qr")
	v.follow(chromedp.Reload())
	v.look("admin-token-made-already")
	v.press("Go to its page")
	v.press("Deactivate")
	v.look("admin-token-deactivated")

	editedTwice(v, site)
	v.open("/perimeter/admin/uses")
	v.press("Forget a person…")
	v.look("admin-forget")
	v.fill("Email address", "nobody@guest.example")
	v.press("Count the entries")
	v.look("admin-forget-nobody")
	v.fill("Email address", "olga@northwind.example")
	v.press("Count the entries")
	v.look("admin-forget-ask")

	v.press("Links")
	v.look("admin-links")
	v.fill("Page", "//evil.example")
	v.press("Make link")
	v.look("admin-links-mistake")
	v.fill("Page", "/report/?quarter=2")
	v.press("Make link")
	v.look("admin-links-made")
	v.fill("Link", site.link)
	v.press("Inspect")
	v.look("admin-links-inspected")
	v.fill("Link", linkMade(v.t, site.key, site.origin, "/report/", 3*time.Hour))
	v.press("Inspect")
	v.look("admin-links-expired")
	v.fill("Link", "https://www.example.com/")
	v.press("Inspect")
	v.look("admin-links-none")
}

// editedTwice saves a form that another admin's overtook.
func editedTwice(v *visitor, site *demo) {
	other := newVisitor(v.t, site.origin, desktop)
	other.open("/")
	other.enter(site.token, "Otto Other", "otto@northwind.example")
	site.signIn(other)
	other.press("Tokens")
	other.press("Guest preview")
	other.press("Edit")

	v.press("Edit")
	v.fill("Label", "Mine")
	other.fill("Label", "Theirs")
	other.press("Save")
	if answer := v.press("Save"); answer.Status != 409 {
		v.t.Errorf("answered %d, want 409", answer.Status)
	}
	v.sees("Somebody else changed this token", "Theirs")
	if got := v.value("Label"); got != "Mine" {
		v.t.Errorf("the label holds %q, want what was typed", got)
	}
	v.look("admin-token-conflict")
	v.press("Save anyway")
	v.sees("Saved.", "Mine")
}

func TestEmptyAdmin(t *testing.T) {
	t.Parallel()
	needAxe(t)
	shop := startHost(t, nil)
	v := newVisitor(t, shop.origin, desktop)
	shop.signIn(v, "/admin/")
	v.sees("No tokens yet", "Create the first token")
	v.look("admin-empty-overview")
	v.press("Tokens")
	v.look("admin-empty-tokens")
	v.press("Uses")
	v.look("admin-empty-uses")
}
