package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// TestStory is the first day of a site: its owner comes in with the printed
// token, invites somebody, watches, shuts the door again, and gives one page
// away by a link.
func TestStory(t *testing.T) {
	t.Parallel()
	site := startDemo(t)
	if site.token == "" || site.password == "" || site.link == "" {
		t.Fatalf("a first start must print a token, a password and a link, got %+v", site)
	}

	owner := newVisitor(t, site.origin, phone)
	ownerComesIn(owner, site)
	owner.use(desktop)
	site.signIn(owner)

	token := ownerMakesToken(owner)
	guest := newVisitor(t, site.origin, phone)
	guestComesIn(guest, token)
	ownerSeesEntry(owner)
	ownerShutsAndOpens(owner, guest, token)
	ownerEndsPass(owner, guest, token)
	ownerExports(owner)
	ownerForgets(owner)
	ownerGivesLink(owner, site)
	ownerDeletes(owner, guest, token)
	owner.isQuiet()
	guest.isQuiet()
}

func ownerComesIn(v *visitor, site *demo) {
	v.isAt(v.open("/"), 200, "/perimeter/gateway")
	if got := v.address().Query().Get("next"); got != "/" {
		v.t.Errorf("next is %q, want /", got)
	}
	v.sees("Northwind Preview", "This site is private for now", "No token?", "Each entry is recorded")
	if got := v.eval(`document.activeElement.id`); got != "token" {
		v.t.Errorf("the page opens with the focus on %q, want token", got)
	}
	v.isAt(v.enter(site.token, "Olga Owner", "olga@northwind.example"), 200, "/")
	v.sees("Welcome, Olga Owner", "First token")
	v.isAt(v.press("Open the report"), 200, "/report/")
	v.sees("Orders by quarter", "because you came in with a token", "Get public URL")
}

// ownerMakesToken makes a token in the admin pages and copies it down.
func ownerMakesToken(v *visitor) string {
	v.sees("Overview", "Signed in as admin")
	v.isAt(v.press("New token"), 200, "/perimeter/admin/tokens/new")
	v.fill("Label", "Guest preview")
	v.choose("In 30 days")
	answer := v.press("Create token")
	v.isAt(answer, 200, "/perimeter/admin/tokens")
	v.sees("The token is ready", "It is shown only now", "Guest preview")
	token := v.eval(`document.querySelector("code.token").innerText.trim()`)
	if len(token) != 29 || header(answer, "Cache-Control") != "no-store" {
		v.t.Errorf("shown is %q (Cache-Control %q)", token, header(answer, "Cache-Control"))
	}
	if got := v.eval(`getComputedStyle(document.querySelector("code.token")).userSelect`); got != "all" {
		v.t.Errorf("one click selects %q of the token, want all", got)
	}
	v.click("QR code for a phone")
	v.do(chromedp.WaitVisible(`.qr`, chromedp.ByQuery))
	if mail := v.eval(`document.querySelector('a[href^="mailto:"]').href`); !strings.Contains(mail, token) {
		v.t.Errorf("the ready mail %q lacks the token", mail)
	}
	v.press("I have copied it: go to its page")
	v.sees("Guest preview", "Live", "ends in "+token[len(token)-4:], "Nobody has used it yet", "Created")
	v.seesNot(token)
	return token
}

func guestComesIn(v *visitor, token string) {
	v.isAt(v.open("/report/?quarter=2&unit=kEUR"), 200, "/perimeter/gateway")
	v.isAt(v.enter(" "+strings.ToLower(token)+" ", "Gus Guest", "gus@guest.example"), 200, "/report/")
	if got := v.address().RawQuery; got != "quarter=2&unit=kEUR" {
		v.t.Errorf("the query arrived as %q", got)
	}
	v.isAt(v.open("/"), 200, "/")
	v.sees("Welcome, Gus Guest", "Guest preview")
}

func ownerSeesEntry(v *visitor) {
	v.isAt(v.open("/perimeter/admin/uses"), 200, "/perimeter/admin/uses")
	v.sees("Gus Guest", "gus@guest.example", "Guest preview", "127.0.0.1", "on Android", "Olga Owner")
	v.isAt(v.open("/perimeter/admin/"), 200, "/perimeter/admin/")
	v.sees("Gus Guest", "Olga Owner")
	v.isAt(v.press("Tokens"), 200, "/perimeter/admin/tokens")
	v.press("Guest preview")
	v.sees("Who used it", "Gus Guest")
}

// ownerShutsAndOpens begins and ends on the token's page.
func ownerShutsAndOpens(owner, guest *visitor, token string) {
	owner.press("Deactivate")
	owner.sees("Deactivated. Who was inside is out.")
	guest.isAt(guest.open("/report/"), 200, "/perimeter/gateway")
	guest.isAt(guest.enter(token, "Gus Guest", "gus@guest.example"), 422, "/perimeter/gateway")
	guest.sees("switched off")

	owner.press("Activate")
	owner.sees("Activated.")
	guest.isAt(guest.open("/report/"), 200, "/report/")

	before := owner.eval(`document.querySelector(".facts time").getAttribute("datetime")`)
	owner.press("Extend by 7 days")
	owner.sees("Extended.", "What was changed")
	if after := owner.eval(`document.querySelector(".facts time").getAttribute("datetime")`); after <= before {
		owner.t.Errorf("extended from %s to %s", before, after)
	}
}

// ownerEndsPass puts one person out, who may come in again.
func ownerEndsPass(owner, guest *visitor, token string) {
	owner.open("/perimeter/admin/uses")
	owner.press("End pass of Gus Guest")
	owner.sees("The pass is ended.")
	guest.isAt(guest.open("/report/"), 200, "/perimeter/gateway")
	guest.isAt(guest.enter(token, "Gus Guest", "gus@guest.example"), 200, "/report/")
}

func ownerExports(v *visitor) {
	v.open("/perimeter/admin/uses")
	name, csv := v.download("Export as CSV")
	if !strings.HasPrefix(name, "entries-") || !strings.HasSuffix(name, ".csv") {
		v.t.Errorf("the file is called %q", name)
	}
	for _, want := range []string{"Gus Guest", "gus@guest.example", "Olga Owner", "Guest preview"} {
		if !strings.Contains(csv, want) {
			v.t.Errorf("the export lacks %q:\n%s", want, csv)
		}
	}
}

func ownerForgets(v *visitor) {
	v.isAt(v.press("Forget a person…"), 200, "/perimeter/admin/uses/forget")
	v.fill("Email address", "gus@guest.example")
	v.press("Count the entries")
	v.sees("Forget this person?", "2 entries", "cannot be undone")
	v.isAt(v.press("Forget this person"), 200, "/perimeter/admin/uses")
	v.sees("Forgotten in 2 entries.", "Olga Owner")
	v.seesNot("Gus Guest", "gus@guest.example")
}

// ownerGivesLink makes a link and tries it as a stranger would.
func ownerGivesLink(v *visitor, site *demo) {
	v.isAt(v.press("Links"), 200, "/perimeter/admin/links")
	v.fill("Page", "/report/")
	v.press("Make link")
	v.sees("The link is ready", "reporting.view_report")
	link := v.eval(`document.querySelector("code.token").innerText.trim()`)
	v.fill("Link", link)
	v.press("Inspect")
	v.sees("This link would open its page now", "/report/", "reporting.view_report")

	stranger := newVisitor(v.t, site.origin, phone)
	answer := stranger.open(link)
	stranger.isAt(answer, 200, "/report/")
	stranger.sees("Orders by quarter", "because of its link", "Get public URL")
	isOpenedByLink(v.t, answer)
	if again := stranger.eval(`document.querySelector("a.button").href`); again != link {
		v.t.Errorf("the page offers %q, want the link that opened it", again)
	}
	for _, closed := range []string{"/", "/report/", "/report", "/api/status", "/perimeter/admin/", strings.Replace(link, "/report/", "/", 1), link + "&unit=kEUR"} {
		stranger.isAt(stranger.open(closed), 200, "/perimeter/gateway")
	}
	stranger.isQuiet()
}

// isOpenedByLink checks the headers of a page that a link opened.
func isOpenedByLink(t testing.TB, answer *network.Response) {
	t.Helper()
	for name, want := range map[string]string{
		"Referrer-Policy": "no-referrer", "Cache-Control": "private, no-store", "X-Robots-Tag": "noindex",
	} {
		if got := header(answer, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func ownerDeletes(owner, guest *visitor, token string) {
	owner.press("Tokens")
	owner.press("Guest preview")
	owner.press("Delete…")
	owner.sees("Delete Guest preview?", "It cannot be made again", "deactivate it instead")
	owner.press("Keep it")
	owner.sees("Who used it")
	owner.press("Delete…")
	owner.isAt(owner.press("Delete this token"), 200, "/perimeter/admin/tokens")
	owner.sees("Deleted. Its entries stay in the record.", "First token")
	owner.seesNot("Guest preview")
	guest.isAt(guest.open("/report/"), 200, "/perimeter/gateway")
	guest.isAt(guest.enter(token, "Gus Guest", "gus@guest.example"), 422, "/perimeter/gateway")
	guest.sees("We don't know this token")
	owner.isAt(owner.open("/perimeter/admin/uses"), 200, "/perimeter/admin/uses")
	owner.sees("Guest preview (deleted)")
}
