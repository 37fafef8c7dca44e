package admin

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/gin-perimeter/gin-perimeter/ginviewpass"
	"github.com/gin-perimeter/gin-perimeter/models"
)

// linksMounted tells whether there is anything to make links with.
func (a *admin) linksMounted() bool { return a.Links != nil && len(a.Permissions) > 0 }

type linksView struct {
	view
	Permissions []choice
	Presets     []preset
	Today       string

	Path, Permission    string
	Keep, Expires, Date string // Keep is always ""
	Errors              map[string]string
	Problem             string

	Made *madeLink

	Pasted       string
	PastedError  string
	Inspected    *inspectedLink
	InspectFirst bool // the second form is what was sent
}

type madeLink struct {
	Link, Path, Permission, Holds string
}

// inspectedLink is what a pasted link says. When its signature is wrong, it
// says nothing that could be believed.
type inspectedLink struct {
	Opens      bool
	Verdict    string
	Reason     string
	Known      bool // what follows was signed
	Permission string
	Page       string
	Issued     *moment
	Expires    *moment // nil: never
}

func (a *admin) linksView(c *gin.Context) linksView {
	v := linksView{view: a.view(c, "Links"), Presets: a.presets(), Today: a.today(), Expires: "30d", Errors: map[string]string{}}
	v.Permission = a.Permissions[0]
	return v
}

// writeLinks sends the page with what was typed.
func (a *admin) writeLinks(c *gin.Context, status int, v linksView) error {
	for _, p := range a.Permissions {
		v.Permissions = append(v.Permissions, choice{p, p, p == v.Permission})
	}
	a.write(c, status, "admin/links.html", v)
	return nil
}

func (a *admin) showLinks(c *gin.Context) error {
	return a.writeLinks(c, http.StatusOK, a.linksView(c))
}

// createLink signs a link. Nothing is stored, so there is nothing to be sent
// twice and nothing to redirect for.
func (a *admin) createLink(c *gin.Context) error {
	form, err := readForm(c)
	if err != nil {
		return err
	}
	v := a.linksView(c)
	v.Path, v.Permission = strings.TrimSpace(form.Get("path")), form.Get("permission")
	v.Expires, v.Date = form.Get("expires"), form.Get("date")
	if !slices.Contains(a.Permissions, v.Permission) {
		v.Errors["permission"] = "Choose one of these permissions."
	}
	expiry := tokenForm{Expires: v.Expires, Date: v.Date, Errors: v.Errors}
	until := expiry.expiry(a.Now().In(a.Location), time.Time{})
	if len(v.Errors) == 0 {
		v.sign(a, c, until)
	}
	if v.Made == nil {
		return a.writeLinks(c, http.StatusUnprocessableEntity, v)
	}
	a.Logger.Info("admin: a viewpass link was made", "event", "admin.viewpass_made", "actor", actorOf(c), "permission", v.Permission, "path", v.Made.Path)
	return a.writeLinks(c, http.StatusOK, v)
}

// sign makes the link, or says beside the field why it cannot be made.
func (v *linksView) sign(a *admin, c *gin.Context, until time.Time) {
	lifetime, holds := ginviewpass.ExpiresAt(until), "Holds until "+a.expiryExact(until)
	if !until.Before(models.Never) {
		lifetime, holds = ginviewpass.NeverExpires(), "Never expires"
	}
	holds = strings.Replace(holds, "until through", "through", 1)
	target := v.Path
	if strings.HasPrefix(target, "http://") || strings.HasPrefix(target, "https://") {
		target = a.pathOf(target, c)
	}
	link, err := a.Links.AbsoluteURL(target, v.Permission, lifetime)
	if errors.Is(err, ginviewpass.ErrNoBaseURL) {
		if link, err = a.Links.URL(target, v.Permission, lifetime); err == nil {
			link = a.originURL(c) + link
		}
	}
	switch {
	case err == nil:
		v.Made = &madeLink{Link: link, Path: target, Permission: v.Permission, Holds: holds}
	case errors.Is(err, ginviewpass.ErrLifetime):
		v.Errors["expires"] = "A link cannot live that long here. Choose a shorter time."
	case errors.Is(err, ginviewpass.ErrTarget):
		v.Errors["path"] = "This is not a page of this site that can be linked to. Write it as in the address bar, beginning with a slash: /report/"
	default:
		v.Errors["permission"] = "This permission cannot be put into a link."
	}
}

// pathOf takes scheme and host off a page's address that was pasted whole. An
// address of another site stays as it is, which is then refused.
func (a *admin) pathOf(address string, c *gin.Context) string {
	base := a.siteURL(c)
	rest, ok := strings.CutPrefix(address, base)
	if !ok || (rest != "" && rest[0] != '/' && rest[0] != '?') {
		return address
	}
	if rest == "" || rest[0] == '?' {
		rest = "/" + rest
	}
	return rest
}

// originURL is scheme and host of the site; Links knows the prefix itself.
func (a *admin) originURL(c *gin.Context) string {
	base := a.siteURL(c)
	if u, err := url.Parse(base); err == nil {
		return u.Scheme + "://" + u.Host
	}
	return base
}

// maxPasted is the longest text that is looked at as a link, in bytes.
const maxPasted = 8 << 10

func (a *admin) inspectLink(c *gin.Context) error {
	form, err := readForm(c)
	if err != nil {
		return err
	}
	v := a.linksView(c)
	v.Pasted, v.InspectFirst = strings.TrimSpace(form.Get("link")), true
	switch {
	case v.Pasted == "":
		v.PastedError = "Paste a link first."
	case len(v.Pasted) > maxPasted:
		v.Pasted = cut(v.Pasted, 200)
		v.PastedError = "This is far longer than any link. Paste the link alone."
	default:
		v.Inspected = a.inspect(v.Pasted)
	}
	if v.PastedError != "" {
		return a.writeLinks(c, http.StatusUnprocessableEntity, v)
	}
	return a.writeLinks(c, http.StatusOK, v)
}

func (a *admin) inspect(link string) *inspectedLink {
	grant, err := a.Links.Verify(link, a.Now())
	result := &inspectedLink{Known: grant.Permission != "", Permission: grant.Permission, Page: grant.Path}
	if grant.Query != "" {
		result.Page += "?" + grant.Query
	}
	if result.Known {
		result.Issued = a.moment(&grant.IssuedAt)
		result.Expires = a.expiry(&grant.ExpiresAt)
	}
	result.Opens = err == nil
	result.Verdict, result.Reason = a.verdict(grant, err)
	return result
}

// verdict says whether a link would open its page now, and if not, why.
func (a *admin) verdict(grant ginviewpass.Grant, err error) (verdict, reason string) {
	const no = "This link would not open its page now"
	switch {
	case err == nil && !slices.Contains(a.Permissions, grant.Permission):
		return "This link is authentic", "Its permission is not one that is given away here; whether it opens the page is up to the page."
	case err == nil:
		return "This link would open its page now", ""
	case errors.Is(err, ginviewpass.ErrExpired):
		return no, fmt.Sprintf("It expired on %s. Make a new one.", exact(grant.ExpiresAt.In(a.Location)))
	case errors.Is(err, ginviewpass.ErrNotYetValid):
		return no, "It was made in the future: the clocks of two servers disagree."
	case errors.Is(err, ginviewpass.ErrWrongPath):
		return no, "It is authentic, but was made for another page than the one it is attached to."
	case errors.Is(err, ginviewpass.ErrNoLink):
		return no, "There is no viewpass in it. It may have been cut off, or is the page’s plain address."
	case errors.Is(err, ginviewpass.ErrUnknownKey):
		return no, "It was signed with a key that this site no longer uses, or by another site."
	case errors.Is(err, ginviewpass.ErrBadSignature):
		return no, "It, or the query beside it, was changed after it was made."
	}
	return no, "It is damaged: cut off, doubled, or changed by a mail program. Copy it again from where it came from."
}
