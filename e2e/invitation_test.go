package e2e

import (
	"net/url"
	"testing"

	"github.com/chromedp/chromedp"
)

func TestInvitationLink(t *testing.T) {
	t.Parallel()
	site := startDemo(t)
	for name, address := range map[string]string{
		"at the gateway": "/perimeter/gateway#token=" + site.token,
		"through the redirect from the home page": "/#token=" + site.token,
		"with blanks in the token":                "/report/#token=" + url.PathEscape(" "+site.token+" "),
	} {
		t.Run(name, func(t *testing.T) {
			v := newVisitor(t, site.origin, phone)
			v.isAt(v.open(address), 200, "/perimeter/gateway")
			if got := v.value("Access token"); got != site.token && got != " "+site.token+" " {
				t.Errorf("the field holds %q, want the token", got)
			}
			if a := v.address(); a.Fragment != "" {
				t.Errorf("the address still says %q", a)
			}
			if got := v.eval(`document.activeElement.id`); got != "name" {
				t.Errorf("the focus is on %q, want the first empty field", got)
			}
			v.fill("Your name", "Ines Invited")
			v.fill("Your email address", "ines@guest.example")
			v.press("Enter site")
			if got := v.address().Path; got == "/perimeter/gateway" {
				t.Errorf("not let in\n%s", v.where())
			}
			for _, r := range v.requests() {
				if u, err := url.Parse(r.URL); err != nil || u.RawQuery != "" && len(u.Query().Get("token")) > 0 {
					t.Errorf("the token went into a request: %s", r.URL)
				}
			}
			v.do(chromedp.NavigateBack())
			if a := v.address(); a.Fragment != "" {
				t.Errorf("the history still has %q", a)
			}
		})
	}
}

func TestInvitationLinkWhileThePageIsOpen(t *testing.T) {
	t.Parallel()
	site := startDemo(t)
	v := newVisitor(t, site.origin, desktop)
	v.open("/")
	// what a link clicked in a mail does to a tab that has the page already
	v.do(chromedp.Evaluate(`location.hash = "#token=`+site.token+`"`, nil))
	v.do(chromedp.Poll(`document.getElementById("token").value !== ""`, nil))
	if got := v.value("Access token"); got != site.token {
		t.Errorf("the field holds %q", got)
	}
	if a := v.address(); a.Fragment != "" {
		t.Errorf("the address still says %q", a)
	}
	v.isQuiet()
}
